"""A campaign of killed processes: ``kill -9`` at random moments of runs that share a journal in a SQLite file.

Run it by hand: ``python tests/campaigns/test_kills.py --kills 200 --runs 300 --pairs 500``. One fake Slack is served
over HTTP. Two processes at a time work on the same runs; each request may be hit by a fault, and its sender by SIGKILL,
before Slack has acted, after it has, or a little later. When all runs are done, what stands in the fake is counted:
what is there once, what is doubled, what is lost, and what is missing from a run that has told so, because it failed.
The pairs are two processes that are given the same run at once. ``--control`` does the same work with slack_sdk's own
client and no journal, and must double. It ends with 1 where anything is doubled or lost.

The seed decides which faults are drawn; which request gets them, the machine decides. So that a campaign takes minutes,
the processes have a twentieth of the library's time limits (``_settle.QUIET``, and the lease in ``_lease``), short
waits before they try again, and a short timeout; the order among these is the same. No request is under way in the fake
for longer than the quiet period after its client has given up.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any, Final, cast

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from typing_extensions import Self

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

import slackrunbooks as sr
from slackrunbooks._engine import StepStarted
from tests.killing import BOOK, RETRY, WEIGHTS, Outcome, Pace, Shaky, context_of, journalled, listed, names_of

PACE: Final = Pace(20)
AT_ONCE: Final = 2

# What slack_sdk's client tries again by itself.
RESETS: Final = ("reset_before", "applied_then_reset")


# --- the processes ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _executor(url: str, token: str, name: str, journal: sr.SqliteJournal, **more: Any) -> Generator[sr.Executor]:
    """Make an executor whose time limits are short."""
    with pytest.MonkeyPatch.context() as patch:
        PACE.set(patch)
        client = PACE.client(url, token, name)
        with client, sr.Executor(client=client, journal=journal, retry=RETRY, **more) as executor:
            yield executor


def work(options: argparse.Namespace) -> None:
    """Take runs, those that others left too, until all have ended."""
    journal = sr.SqliteJournal(options.folder / "runs.db")
    with _executor(options.url, options.token, options.name, journal) as executor:
        while True:
            ended = {record.run_id for record in journal.runs() if record.state != "running"}
            todo = [run for run in names_of(options.runs) if run not in ended]
            if not todo:
                return
            if random.random() < 0.3:
                executor.resume_all()
                continue
            # Few to choose from, so that the processes often want the same.
            run = random.choice(todo[:4])
            with contextlib.suppress(sr.RunHeld):
                if executor.run(BOOK, context_of(run, options.post_at), run_id=run).state != "waiting":
                    continue
            time.sleep(0.01)


def work_in_pairs(options: argparse.Namespace) -> None:
    """Do the runs that come over the pipe, each at the time that comes with it, and tell what came of it."""
    told: list[Any] = []
    journal = sr.SqliteJournal(options.folder / "runs.db")
    with _executor(options.url, options.token, options.name, journal, hooks=[told.append]) as executor:
        for line in sys.stdin:
            run, begins = line.split()
            told.clear()
            while time.time() < float(begins):
                pass
            try:
                report = executor.run(BOOK, context_of(run, options.post_at), run_id=run).to_dict()
                end = hashlib.sha256(json.dumps(report, default=str, sort_keys=True).encode()).hexdigest()
            except sr.RunHeld:
                end = "held"
            ran = any(isinstance(event, StepStarted) for event in told)
            sys.stdout.write(json.dumps({"ran": ran, "end": end}) + "\n")
            sys.stdout.flush()


def work_naively(options: argparse.Namespace) -> None:
    """Do the runs with slack_sdk's client as it comes, which tries again by itself; begin again where one broke off."""
    client = WebClient(options.token, base_url=options.url, timeout=int(PACE.timeout), user_agent_prefix=options.name)
    own = options.folder / options.name
    own.write_text(options.name)
    while todo := [run for run in names_of(options.runs) if not (options.folder / run).exists()]:
        run = random.choice(todo[:4])
        lock = options.folder / f"{run}.lock"
        with contextlib.suppress(FileExistsError):
            # So that nobody else works on it; the parent takes away what a dead one held.
            os.link(own, lock)
            # Whatever broke off is begun again.
            with contextlib.suppress(Exception):
                _naively(client, run, options.post_at)
                (options.folder / run).touch()
            lock.unlink()


def _naively(client: WebClient, run: str, post_at: int) -> None:
    try:
        room = client.conversations_create(name=run)["channel"]["id"]
    except SlackApiError as error:
        if error.response["error"] != "name_taken":
            raise
        pages = client.conversations_list(limit=200)
        room = next(each["id"] for page in pages for each in page["channels"] if each["name"] == run)
    ts = client.chat_postMessage(channel=room, text=f"{run} announce")["ts"]
    client.conversations_setTopic(channel=room, topic=run)
    client.chat_postMessage(channel=room, text=f"{run} reply", thread_ts=ts)
    client.pins_add(channel=room, timestamp=ts)
    client.bookmarks_add(channel_id=room, title=run, link="https://example.com", type="link")
    client.chat_scheduleMessage(channel=room, text=f"{run} remind", post_at=post_at)
    client.files_upload_v2(channel=room, content=run, filename="log.txt")
    client.chat_postMessage(channel="#incidents", text=f"{run} shared")


JOBS: Final = {"work": work, "pairs": work_in_pairs, "naive": work_naively}


# --- the parent ------------------------------------------------------------------------------------------------------


class Crew:
    """The processes of a campaign: started here, and ended here by their own IDs."""

    def __init__(self, job: str, folder: Path, server: Any, options: argparse.Namespace) -> None:
        self.job, self.folder, self.server, self.options = job, folder, server, options
        self.alive: dict[str, subprocess.Popen[str]] = {}
        self.started = 0
        self.done = False
        self.kills: Counter[str] = Counter()
        self.broken: list[str] = []
        self._killed: dict[str, str] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.alive.values():
            process.kill()
            process.communicate()

    def start(self) -> subprocess.Popen[str]:
        """Start one more."""
        self.started += 1
        name = f"worker-{self.started}"
        arguments = {
            "job": self.job,
            "name": name,
            "url": self.server.url,
            "token": self.server.token,
            "folder": self.folder,
            "runs": self.options.runs,
            "limit": self.options.limit,
            "post-at": self.options.post_at,
        }
        process = subprocess.Popen(
            [sys.executable, __file__, *(f"--{option}={value}" for option, value in arguments.items())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with self._lock:
            self.alive[name] = process
        return process

    def kill(self, name: str, place: str) -> bool:
        """Kill one; return whether it was alive."""
        with self._lock:
            process = self.alive.get(name)
            if process is None or name in self._killed or process.poll() is not None:
                return False
            self._killed[name] = place
            process.kill()
            return True

    def reap(self) -> None:
        """Take note of those that have ended."""
        for name, process in list(self.alive.items()):
            if (code := process.poll()) is None:
                continue
            with self._lock:
                del self.alive[name]
            _, errors = process.communicate()
            if code == 0:
                self.done = True
            elif name in self._killed and code == -signal.SIGKILL:
                self.kills[self._killed[name]] += 1
                self._unlock(name)
            else:
                self.broken.append(f"{name} ended with {code}: {errors[-2000:]}")

    def _unlock(self, name: str) -> None:
        for lock in self.folder.glob("*.lock"):
            with contextlib.suppress(FileNotFoundError):
                if lock.read_text() == name:
                    lock.unlink()


def kill_runs(options: argparse.Namespace, *, control: bool = False) -> Outcome:
    """Let processes do the runs, kill them, and count what stands."""
    faults = options.faults.split(",") if options.faults else RESETS if control else WEIGHTS
    outcome, fake, began = Outcome(), Shaky(PACE, options, faults), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, fake.serve() as server:
        with Crew("naive" if control else "work", Path(folder), server, options) as crew:
            fake.killer = crew
            while not crew.done or crew.alive:
                if time.monotonic() - began > options.limit or len(crew.broken) > 3:
                    outcome.wrong.append("it did not end")
                    break
                while not crew.done and len(crew.alive) < AT_ONCE:
                    crew.start()
                time.sleep(0.005)
                crew.reap()
        states, turns, failures = ({}, 0, []) if control else _journalled(Path(folder))
    outcome.count(fake, names_of(options.runs), states)
    outcome.wrong += crew.broken
    if not control and (left := set(names_of(options.runs)) - {run for run in states if states[run] != "running"}):
        outcome.wrong.append(f"{len(left)} runs were left")
    kills, kinds = sum(crew.kills.values()), Counter(states.values())
    if kills < options.kills:
        outcome.wrong.append(f"only {kills} of {options.kills} kills")
    outcome.lines += [
        outcome.table(),
        f"kills      {kills:>8}: {listed(crew.kills)}",
        f"  by method        : {listed(fake.killed_in)}",
        f"faults     {sum(fake.faults.values()):>8}: {listed(fake.faults)}",
        f"requests   {fake.requests:>8}, by {crew.started} processes in {time.monotonic() - began:.0f} s",
    ]
    outcome.lines += failures
    if not control:
        ends = listed(Counter({"ambiguous": kinds["ambiguous"], **kinds}))
        outcome.lines.append(f"runs       {options.runs:>8}: {ends}; begun or taken over {turns} times")
    return outcome


def _journalled(folder: Path) -> tuple[dict[str, str], int, list[str]]:
    journal = sr.SqliteJournal(folder / "runs.db")
    try:
        return journalled(journal, PACE)
    finally:
        journal.close()


def run_pairs(options: argparse.Namespace) -> Outcome:
    """Give each run to two processes at once, and see that one of them does it."""
    outcome, fake, began = Outcome(), Shaky(PACE, options, ()), time.monotonic()
    runs, ends, random_ = names_of(options.pairs), Counter[str](), random.Random(options.seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        fake.serve() as server,
        Crew("pairs", Path(folder), server, options) as crew,
    ):
        pair = [crew.start() for _ in range(2)]
        for number, run in enumerate(runs):
            begins = time.time() + 0.002
            # At the very same time, or one a little later: it may find the run under way or ended.
            late = 0.0 if number % 2 else random_.random() * 0.1
            for process, at in zip(random_.sample(pair, 2), (begins, begins + late), strict=True):
                pipe = cast("IO[str]", process.stdin)
                pipe.write(f"{run} {at}\n")
                pipe.flush()
            lines = [cast("IO[str]", process.stdout).readline() for process in pair]
            if not all(lines):
                for process in pair:
                    process.kill()
                    outcome.wrong.append(f"{run}: a process ended: {process.communicate()[1][-2000:]}")
                break
            told = sorted((json.loads(line) for line in lines), key=lambda each: not each["ran"])
            kind = "held" if told[1]["end"] == "held" else "the same report"
            if [each["ran"] for each in told] != [True, False] or (kind != "held" and told[0]["end"] != told[1]["end"]):
                outcome.wrong.append(f"{run}: {told}")
            ends[kind] += 1
        else:
            for process in pair:
                process.communicate(timeout=options.limit)
    outcome.count(fake, runs, {})
    outcome.lines += [
        outcome.table(),
        f"pairs      {options.pairs:>8}, in {time.monotonic() - began:.0f} s; the other one: {listed(ends)}",
    ]
    return outcome


def _options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill processes in the middle of runs, and count what was doubled.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--control", action="store_true", help="slack_sdk's client without a journal; it doubles")
    parser.add_argument("--faults", help=f"which of {', '.join(WEIGHTS)}")
    parser.add_argument("--rate", type=float, default=0.25, help="which share of the requests they hit")
    parser.add_argument("--kill-in", metavar="METHOD", help="kill in requests of this method only")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--limit", type=float, default=1800, help="seconds after which it gives up")
    for option, kind in (("job", str), ("name", str), ("url", str), ("token", str), ("folder", Path), ("post-at", int)):
        parser.add_argument(f"--{option}", type=kind, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.post_at = options.post_at or int(time.time()) + 86_400
    return options


@pytest.mark.real_sleep
def test_kills() -> None:
    """Nothing is done twice and nothing is lost, whenever the processes are killed."""
    outcome = kill_runs(_options(["--kills=200", "--runs=300"]))
    assert outcome.ok, outcome
    assert outcome.once == outcome.wanted


@pytest.mark.real_sleep
def test_pairs() -> None:
    """Of two processes that are given the same run at once, one does it."""
    outcome = run_pairs(_options(["--pairs=500"]))
    assert outcome.ok, outcome
    assert outcome.once == outcome.wanted


@pytest.mark.real_sleep
@pytest.mark.parametrize("by", [["--rate=0", "--kills=20"], ["--faults=applied_then_reset", "--kills=0"]])
def test_control(by: list[str]) -> None:
    """Without a journal, kills alone lead to doubles; with slack_sdk's retry handlers, reset connections alone do."""
    outcome = kill_runs(_options(["--runs=40", *by]), control=True)
    assert outcome.doubled > 0
    assert not outcome.wrong, outcome


def main() -> int:
    """Do what the command line says."""
    options = _options()
    if options.job is not None:
        # Whatever happens to the parent, it ends: by the pipe, or in time.
        end = threading.Timer(options.limit, os._exit, (3,))
        end.daemon = True
        end.start()
        if options.job != "pairs":
            threading.Thread(target=lambda: os.read(0, 1) or os._exit(3), daemon=True).start()
        JOBS[options.job](options)
        return 0
    outcomes = {"kills": kill_runs(options, control=options.control)} if options.runs else {}
    if options.pairs:
        outcomes["pairs"] = run_pairs(options)
    for name, outcome in outcomes.items():
        lines = [f"--- {name}{' (control)' * options.control}, seed {options.seed}", *outcome.lines, *outcome.wrong]
        sys.stdout.write("\n".join(lines) + f"\ndoubled {outcome.doubled}, lost {outcome.lost}\n")
    return 0 if all(outcome.ok for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
