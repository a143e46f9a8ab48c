"""A campaign of killed Celery workers, with a real Redis as the broker and a journal in a real PostgreSQL.

Run it by hand: ``python tests/campaigns/test_celery_kills.py --kills 50 --runs 120``. It starts both servers itself, on
127.0.0.1, and serves one fake Slack over HTTP. Runs are submitted as a webhook would, some of them twice. Three workers
do them: one with two forked children, as Celery comes, of which a kill hits a child, whose message the master gives
back, or the master with all; and two that are one process each, whose message nobody gives back. ``celery beat``
sweeps. Meanwhile

- requests are hit by faults, and their senders by SIGKILL, as in ``test_kills``; who was killed is replaced at once;
- Redis is killed and started again, with its data or without; PostgreSQL is stopped in the middle of whatever it does,
  and started again, sometimes after more time than its clients are patient;
- senders are frozen (SIGSTOP) in the middle of a request, which Slack has carried out or not, and go on (SIGCONT) when
  another worker has taken their run over. From then on until such a worker is told so, it may send nothing.

When all runs are done, what stands in the fake is counted, and the campaign ends with 1 where anything is doubled or
lost, where a worker said anything else than that it was refused a run or that the journal was away, or where a message
held anything but the ID of a run. ``--control`` sends again what may have been done, and must double.

So that it takes minutes, workers have a tenth of the library's time limits: the quiet period and the lease in
``_lease``, as in ``test_kills``; the order among them is the same, and the clock is that of the database, as always.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import attrs
import pytest
from typing_extensions import Self

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

import slackrunbooks as sr
from slackrunbooks.integrations.celery import CeleryRuns
from tests.campaigns.kills_app import PACE, VARIABLE, Places, make_runs
from tests.killing import BOOK, REQUESTS, WEIGHTS, Outcome, Shaky, context_of, journalled, listed, names_of
from tests.servers import POSTGRES_IS_MISSING, REDIS_IS_MISSING, Postgres, Redis

HERE: Final = Path(__file__).parent

CHILD, MASTER, WHOLE = "a forked child", "a master with its children", "a worker of one process"

# In one of these a worker is frozen.
EFFECTS: Final = (
    "bookmarks.add", "chat.postMessage", "chat.scheduleMessage", "conversations.create", "conversations.setTopic",
    "files.completeUploadExternal", "pins.add", "upload",
)  # fmt: skip

# Runs that are submitted and not yet done.
AHEAD: Final = 10

POOLS: Final = {"prefork": ["--pool=prefork", "--concurrency=2"], "solo": ["--pool=solo"]}
WANTED: Final = ("prefork", "solo", "solo")

# What a worker may say when it could not go on: the run is another's, or the journal is away.
EXPECTED: Final = ("RunHeld", "JournalError")


@attrs.define
class Frozen:
    """A worker that was stopped in the middle of a request.

    Attributes:
        name: The name under which it sends.
        pid: Its process.
        run: The run that it held.
        epoch: Of which lease.
        at: When it was stopped.
        late: How many seconds after the others it goes on.
        taken_at: When somebody else was seen to have the run.
        woke_at: When it went on.
        told: What it was told of its run, and when.
    """

    name: str
    pid: int
    run: str
    epoch: int
    at: float
    late: float
    taken_at: float | None = None
    woke_at: float | None = None
    told: dict[str, Any] | None = None


class Fleet:
    """The workers and the beat: started here, and ended here by their own IDs."""

    def __init__(self, folder: Path, places: Places) -> None:
        self.folder = folder
        self.alive: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
        self.beat: subprocess.Popen[bytes] | None = None
        self.kills: Counter[str] = Counter()
        self.places: Counter[str] = Counter()
        self.frozen: dict[str, Frozen] = {}
        self.broken: list[str] = []
        self.gave_up = self.gone = 0
        self._started = 0
        self._environment = {**os.environ, VARIABLE: json.dumps(attrs.asdict(places))}
        self._killed: set[int] = set()
        self._draw = random.Random()
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End them all."""
        with self._lock:
            processes = [process for _, process in self.alive.values()]
            self._killed.update(self.alive)
        # A forked child ends with its master, by the signal that Celery asks the kernel for.
        for process in [*processes, *([self.beat] if self.beat else [])]:
            process.kill()
            process.wait()

    def _run(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "kills_app", *arguments],
                cwd=HERE,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def keep_up(self) -> None:
        """Start whoever is missing, and take note of who has ended."""
        if self.beat is None:
            self.beat = self._run("beat", "beat", f"--schedule={self.folder / 'schedule'}", "--loglevel=WARNING")
        elif self.beat.poll() is not None:
            self.broken.append(f"beat ended with {self.beat.returncode}: {self._tail('beat')}")
        for pid, (name, process) in list(self.alive.items()):
            if process.poll() is None:
                continue
            with self._lock:
                del self.alive[pid]
            if pid in self._killed and process.returncode == -signal.SIGKILL:
                continue
            if "kombu/transport/redis.py" in self._tail(name):
                # Some versions of Celery end where Redis does; whoever runs it starts it again.
                self.gave_up += 1
                self._forget(pid)
            else:
                self.broken.append(f"{name} ended with {process.returncode}: {self._tail(name)}")
        missing = Counter(WANTED) - Counter(name.partition("-")[0] for name, _ in self.alive.values())
        for pool in missing.elements():
            self._started += 1
            name = f"{pool}-{self._started}"
            options = [*POOLS[pool], f"--hostname={name}@%h", "--loglevel=WARNING", "--without-gossip"]
            process = self._run(name, "worker", *options, "--without-mingle", "--without-heartbeat")
            with self._lock:
                self.alive[process.pid] = (name, process)

    def _forget(self, master: int) -> None:
        """Wait no longer for a frozen child that ended with its master."""
        with self._lock:
            gone = [name for name, each in self.frozen.items() if name.startswith(f"{master}.") and each.told is None]
            for name in gone:
                del self.frozen[name]
            self.gone += len(gone)

    def _tail(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-2000:]

    def _found(self, name: str) -> tuple[int, int | None] | None:
        """Return the process that sends under a name, and the master of a child; ``None`` for whoever may be dead."""
        parts = name.split(".")
        if len(parts) != 3 or (name in self.frozen and self.frozen[name].told is None):
            return None
        parent, pid = int(parts[0]), int(parts[1])
        if pid in self._killed or parent in self._killed:
            return None
        if pid in self.alive and self.alive[pid][1].poll() is None:
            return pid, None
        if parent in self.alive and self.alive[parent][1].poll() is None:
            return pid, parent
        return None

    def kill(self, name: str, place: str) -> bool:
        """Kill a sender; return whether it was alive."""
        with self._lock:
            if (found := self._found(name)) is None:
                return False
            pid, master = found
            what = WHOLE if master is None else CHILD
            # A frozen child would never wake if its master were killed.
            sleeps = any(each.told is None and each.name.startswith(f"{master}.") for each in self.frozen.values())
            if master is not None and not sleeps and self._draw.random() < 0.4:
                pid, what = master, MASTER
            self._killed.add(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.kills[what] += 1
                self.places[place] += 1
                return True
            return False

    def freeze(self, name: str, run: str, epoch: int) -> bool:
        """Stop a sender; return whether it was alive."""
        with self._lock:
            if name in self.frozen or (found := self._found(name)) is None:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.kill(found[0], signal.SIGSTOP)
                self.frozen[name] = Frozen(name, found[0], run, epoch, time.time(), 2 * self._draw.random())
                return True
            return False

    def wake(self, journal: sr.PostgresJournal) -> None:
        """Let those go on whose run another worker has taken over, a little later."""
        for each in list(self.frozen.values()):
            if each.taken_at is None:
                record = journal.get(each.run)
                if record is not None and (record.epoch > each.epoch or record.state != "running"):
                    each.taken_at = time.time()
            elif each.woke_at is None and time.time() - each.taken_at > each.late:
                with self._lock, contextlib.suppress(ProcessLookupError):
                    each.woke_at = time.time()
                    os.kill(each.pid, signal.SIGCONT)

    def said(self) -> tuple[Counter[str], list[str]]:
        """Return which errors Celery logged of tasks, and what else should not be in a log."""
        errors: Counter[str] = Counter()
        strange = []
        for log in sorted(self.folder.glob("*.log")):
            text = log.read_text(encoding="utf-8", errors="replace")
            errors.update(re.findall(r"(?:raised unexpected|handler raised error): (\w+)", text))
            strange += [f"{log.name}: {line}" for line in text.splitlines() if "cannot go on" in line]
        return errors, strange


class Cold(Shaky):
    """A fake that also freezes those who send to it, in the middle of a request."""

    def __init__(self, options: argparse.Namespace, journal: sr.PostgresJournal) -> None:
        super().__init__(PACE, options, WEIGHTS)
        self.fleet: Fleet | None = None
        self.journal = journal
        self.sent: dict[str, list[float]] = {}
        self._freezes = options.frozen
        self._between = 0.6 * REQUESTS * options.runs / (options.frozen + 1)
        self._until_freeze = self._between

    def befall(self, sender: str, method: str) -> tuple[str | None, float]:
        """Freeze the sender of a request, or do what others do."""
        with self.drawing:
            self.sent.setdefault(sender, []).append(time.time())
            self._until_freeze -= 1
            due = method in EFFECTS and self._freezes > 0 and self._until_freeze <= 0
            if due:
                self._freezes, self._until_freeze = self._freezes - 1, self._between
        if not due:
            return super().befall(sender, method)
        asked = time.monotonic()
        frozen = self._freeze(sender)
        with self.drawing:
            if not frozen:
                self._freezes, self._until_freeze = self._freezes + 1, 1
            # Whoever has waited for long has given up: it may not be carried out any more.
            late = time.monotonic() - asked > self._pace.quiet / 2
            return ("reset_before" if late else self.draw.choice((None, "reset_before"))), 0.0

    def _freeze(self, sender: str) -> bool:
        # It waits for its answer, so that what it holds does not change.
        with contextlib.suppress(sr.JournalError):
            held = [record for record in self.journal.runs() if record.owner == sender]
            if len(held) == 1 and self.fleet is not None:
                return self.fleet.freeze(sender, held[0].run_id, held[0].epoch)
        return False


class Outages:
    """Stops the servers and starts them again, one after the other, as the campaign goes on."""

    def __init__(self, redis: Redis, postgres: Postgres, options: argparse.Namespace) -> None:
        self.done: Counter[str] = Counter()
        self.broken: list[str] = []
        self._draw = random.Random(options.seed)
        self._redis, self._postgres = redis, postgres
        kinds = [(self._redis_away, number) for number in range(options.redis)]
        kinds += [(self._postgres_away, number) for number in range(options.postgres)]
        self._draw.shuffle(kinds)
        self._plan = [((place + 0.5) / len(kinds) * 0.8, *kind) for place, kind in enumerate(kinds)]
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.join()

    def turn(self, done: float) -> None:
        """Begin the next one if it is time, by how much of the work is done."""
        if self._plan and self._plan[0][0] <= done and (self._thread is None or not self._thread.is_alive()):
            _, kind, number = self._plan.pop(0)
            self._thread = threading.Thread(target=self._do, args=(kind, number))
            self._thread.start()

    def _do(self, kind: Callable[[int], str], number: int) -> None:
        try:
            self.done[kind(number)] += 1
        except Exception as error:  # noqa: BLE001 - the campaign tells
            self.broken.append(str(error))

    def _redis_away(self, number: int) -> str:
        self._redis.stop()
        time.sleep(self._draw.uniform(0.2, 3))
        if number % 2 == 0:
            self._redis.forget()
        self._redis.start()
        return "Redis, whose data were lost" if number % 2 == 0 else "Redis, whose data were kept"

    def _postgres_away(self, number: int) -> str:
        self._postgres.stop()
        # By default its clients wait for five seconds.
        time.sleep(self._draw.uniform(6, 7) if number % 2 else self._draw.uniform(0, 1))
        self._postgres.start()
        return "PostgreSQL, for longer than its clients wait" if number % 2 else "PostgreSQL, for a moment"


class Messages:
    """What is seen in the broker."""

    def __init__(self, broker: Redis) -> None:
        self.seen: dict[str, str] = {}
        self.strange: list[str] = []
        self._port = broker.port

    def look(self) -> None:
        """Look at the messages that wait, and at those that workers have fetched."""
        import redis

        with contextlib.suppress(redis.RedisError), redis.Redis(port=self._port) as client:
            waiting: Any = client.lrange("celery", 0, -1)
            fetched: Any = client.hvals("unacked")
            for message in [*map(json.loads, waiting), *(json.loads(each)[0] for each in fetched)]:
                headers = message["headers"]
                arguments, named, _ = json.loads(base64.b64decode(message["body"]))
                task = self.seen[headers["id"]] = headers["task"].rpartition(".")[2]
                is_id = len(arguments) == 1 and re.fullmatch(r"run-\d{5}", str(arguments[0]))
                if not (is_id if task == "advance" else arguments == []) or named or headers["eta"]:
                    self.strange.append(f"a message of {task} holds {arguments}, {named}, eta {headers['eta']}")


class Webhooks:
    """Submits runs, a few at a time."""

    def __init__(self, runs: CeleryRuns, options: argparse.Namespace) -> None:
        self._runs, self._post_at = runs, options.post_at
        self._left = names_of(options.runs)
        self._draw = random.Random(options.seed)
        self.refused = self.twice = 0

    def submit(self, running: int) -> None:
        """Submit the next ones."""
        while self._left and running < AHEAD:
            run = self._left[0]
            again = self._draw.random() < 0.2
            try:
                for _ in range(1 + again):
                    self._runs.submit(BOOK, context_of(run, self._post_at), run_id=run)
            except sr.JournalError:
                # Slack gets no answer, and sends it again.
                self.refused += 1
                return
            self.twice += again
            self._left.pop(0)
            running += 1


def _read(diary: Path, frozen: dict[str, Frozen]) -> list[dict[str, Any]]:
    """Read what the workers wrote, and find what those who were frozen were told."""
    lines = diary.read_bytes().splitlines() if diary.exists() else []
    entries = [json.loads(line) for line in lines]
    for each in frozen.values():
        if each.woke_at is not None and each.told is None:
            mine = (entry for entry in entries if (entry["name"], entry["run"]) == (each.name, each.run))
            each.told = next((entry for entry in mine if entry["at"] > each.at), None)
    return entries


def kill_workers(options: argparse.Namespace) -> Outcome:
    """Let workers do the runs, kill them, and count what stands."""
    outcome, began, ended, running = Outcome(), time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as name, Redis() as redis, Postgres(durable=True) as postgres:
        journal, diary = sr.PostgresJournal(postgres.dsn, patience=0), Path(name, "diary")
        fake, messages = Cold(options, journal), Messages(redis)
        with fake.serve() as server:
            lost = "resend" if options.control else "reconcile"
            places = Places(redis.url, postgres.dsn, server.url, server.token, str(diary), lost)
            runs = make_runs(places, patience=0)
            webhooks = Webhooks(runs, options)
            with Fleet(Path(name), places) as fleet, Outages(redis, postgres, options) as outages:
                fake.killer = fake.fleet = fleet
                while ended < options.runs or any(each.told is None for each in fleet.frozen.values()):
                    if time.monotonic() - began > options.limit or len(fleet.broken) > 3:
                        outcome.wrong.append("it did not end")
                        break
                    fleet.keep_up()
                    messages.look()
                    _read(diary, fleet.frozen)
                    webhooks.submit(running)
                    # Where it is away, what follows waits.
                    with contextlib.suppress(sr.JournalError):
                        records = journal.runs()
                        ended = sum(record.state != "running" for record in records)
                        running = len(records) - ended
                        fleet.wake(journal)
                    outages.turn(ended / options.runs)
                    time.sleep(0.05)
        states, turns, failures = journalled(journal, PACE)
        for each in (journal, cast("Any", runs.executor)._journal):
            each.close()
        runs.advance.app.close()
        entries = _read(diary, fleet.frozen)
        errors, strange = fleet.said()
    outcome.count(fake, names_of(options.runs), states)
    if left := set(names_of(options.runs)) - {run for run in states if states[run] != "running"}:
        outcome.wrong.append(f"{len(left)} runs were left")
    outcome.wrong += fleet.broken + outages.broken + messages.strange + strange
    outcome.wrong += _wrong(fleet, entries, errors, options)
    woke = [each for each in fleet.frozen.values() if each.told is not None]
    sent = sum(len(_sent_late(each, fake)) for each in woke)
    if sent:
        outcome.wrong.append(f"workers that woke late sent {sent} requests")
    slept = [f"{each.woke_at - each.at:.0f} s" for each in woke if each.woke_at]
    refused = Counter(entry["error"].partition(":")[0] for entry in entries)
    figures = [
        ("kills", sum(fleet.kills.values()), f"{listed(fleet.kills)}; {listed(fleet.places)}"),
        ("  by method", None, listed(fake.killed_in)),
        ("restarts", sum(outages.done.values()), listed(outages.done)),
        ("frozen", len(fleet.frozen), f"{len(woke)} woke when another had their run, after {', '.join(slept)};"),
        ("", None, f"before they were told, they sent {sent} requests; told: {listed(Counter(map(_short, woke)))}"),
        ("faults", sum(fake.faults.values()), listed(fake.faults)),
        ("requests", fake.requests, f"by {len(fake.sent)} processes in {time.monotonic() - began:.0f} s"),
        ("messages", len(messages.seen), f"seen in Redis: {listed(Counter(messages.seen.values()))}"),
        ("told", len(entries), f"workers that could not go on: {listed(refused)}"),
        ("", None, f"errors of Celery's tasks: {listed(errors)}"),
        (
            "",
            None,
            f"{fleet.gave_up} workers ended with Redis, {fleet.gone} frozen children of theirs too",
        ),
        ("runs", options.runs, f"{listed(Counter({'ambiguous': 0, **Counter(states.values())}))};"),
        ("", None, f"begun or taken over {turns} times, {webhooks.twice} submitted twice, {webhooks.refused} refused"),
    ]
    told = [f"{name:<11}{'' if count is None else count:>8}: {text}" for name, count, text in figures]
    outcome.lines += [outcome.table(), *told, *failures]
    return outcome


def _wrong(fleet: Fleet, entries: list[dict[str, Any]], errors: Counter[str], options: argparse.Namespace) -> list[str]:
    """Return what should not have been, besides effects."""
    errs = [entry for entry in entries if entry["error"].partition(":")[0] not in EXPECTED]
    wrong = list({f"{entry['name']} went wrong with {entry['run']}: {entry['error']}": None for entry in errs})
    wrong += [f"a task raised {error}" for error in set(errors) - {"JournalError", "WorkerLostError"}]
    if (kills := sum(fleet.kills.values())) < options.kills:
        wrong.append(f"only {kills} of {options.kills} kills")
    if (frozen := sum(each.told is not None for each in fleet.frozen.values())) < options.frozen - fleet.gone:
        wrong.append(f"only {frozen} of {options.frozen} froze and woke")
    return wrong


def _sent_late(frozen: Frozen, fake: Cold) -> list[float]:
    """Return when a worker that had lost its run sent something, before it was told."""
    ends = frozen.told["at"] if frozen.told else time.time()
    return [at for at in fake.sent[frozen.name] if (frozen.woke_at or ends) < at < ends]


def _short(frozen: Frozen) -> str:
    error = str(frozen.told and frozen.told["error"])
    return error.replace(frozen.run, "the run")


def _options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill Celery workers in their runs, and count what was doubled.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--runs", type=int, default=120)
    parser.add_argument("--frozen", type=int, default=6, help="workers to freeze in a request")
    parser.add_argument("--redis", type=int, default=3, help="restarts of Redis; each second keeps its data")
    parser.add_argument("--postgres", type=int, default=3, help="restarts of PostgreSQL; each second takes long")
    parser.add_argument("--rate", type=float, default=0.25, help="which share of the requests faults hit")
    parser.add_argument("--control", action="store_true", help="send what was lost again, blindly; it doubles")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--limit", type=float, default=900, help="seconds after which it gives up")
    options = parser.parse_args(arguments)
    options.post_at, options.kill_in = int(time.time()) + 86_400, None
    return options


def _missing() -> str:
    """Return which server cannot be started, or nothing."""
    missing = {REDIS_IS_MISSING: Redis.program(), POSTGRES_IS_MISSING: Postgres.programs()}
    return "; ".join(told for told, program in missing.items() if program is None)


@pytest.mark.real_sleep
@pytest.mark.skipif(bool(_missing()), reason=_missing() or "both servers are there")
def test_celery_kills() -> None:
    """Nothing is done twice and nothing is lost, whenever workers are killed and servers are away."""
    outcome = kill_workers(_options([]))
    assert outcome.ok, outcome
    assert outcome.once == outcome.wanted


@pytest.mark.real_sleep
@pytest.mark.skipif(bool(_missing()), reason=_missing() or "both servers are there")
def test_control() -> None:
    """Whoever sends again what may have been done, doubles."""
    assert (
        kill_workers(
            _options(["--control", "--kills=5", "--runs=20", "--frozen=1", "--redis=1", "--postgres=1"])
        ).doubled
        > 0
    )


def main() -> int:
    """Do what the command line says."""
    options = _options()
    # So that the servers end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    outcome = kill_workers(options)
    lines = [f"--- Celery{' (control)' * options.control}, seed {options.seed}", *outcome.lines, *outcome.wrong]
    sys.stdout.write("\n".join(lines) + f"\ndoubled {outcome.doubled}, lost {outcome.lost}\n")
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    sys.exit(main())
