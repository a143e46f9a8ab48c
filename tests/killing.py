"""What the campaigns of killed processes share: the runbook, a Slack that is hard on its clients, and the count.

Rule of this file: it starts and ends no process. A campaign says who may be killed; the fake says when.
"""

from __future__ import annotations

import argparse
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Collection
from typing import Any, Final, Protocol

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks import _lease, _settle
from slackrunbooks.client import PooledWebClient
from slackrunbooks.journal import Journal
from slackrunbooks.testing import FakeSlack

__all__ = [
    "BETWEEN", "BOOK", "IN_DONE", "IN_UNDONE", "RETRY", "WEIGHTS", "Killer", "Outcome", "Pace", "Shaky", "context_of",
    "journalled", "listed", "names_of", "standing",
]  # fmt: skip

RETRY: Final = sr.RetryPolicy(attempts=10, first_wait=0.02, longest_wait=0.1)

ROOM = "{{steps.room.channel}}"
BOOK: Final = sr.Runbook(
    "killed",
    {
        "room": sr.CreateChannel(name="{{run}}"),
        "announce": sr.SendMessage(channel=ROOM, text="{{run}} announce"),
        "topic": sr.SetTopic(channel=ROOM, topic="{{run}}"),
        "reply": sr.SendMessage(channel=ROOM, text="{{run}} reply", thread_ts="{{steps.announce.ts}}"),
        "pin": sr.PinMessage(channel=ROOM, ts="{{steps.announce.ts}}"),
        "bookmark": sr.AddBookmark(channel=ROOM, title="{{run}}", link="https://example.com"),
        "remind": sr.ScheduleMessage(channel=ROOM, text="{{run}} remind", post_at="{{post_at}}"),
        "file": sr.UploadFile(content="{{run}}", filename="log.txt", channel=ROOM),
        "shared": sr.SendMessage(channel="#incidents", text="{{run}} shared"),
    },
)
"""Each step has one effect, which is found again by the run's name."""

# Requests of a run that meets no fault, at the least.
REQUESTS: Final = 11

NOT_DONE: Final = ("reset_before", "server_error_before", "internal_error", "timeout_before", "ratelimited", "slow")
WEIGHTS: Final = {
    "reset_before": 8,
    "applied_then_reset": 10,
    "server_error_before": 8,
    "server_error_after": 8,
    "truncated": 8,
    "not_json": 5,
    "internal_error": 5,
    "internal_error_after": 5,
    "ratelimited": 10,
    "timeout_before": 1,
    "timeout_after": 1,
    # Done after a while; and done after the client has given up.
    "slow": 8,
    "late": 1,
}

IN_DONE, IN_UNDONE, BETWEEN = "in a request that Slack did", "in a request that Slack did not do", "between requests"


def names_of(runs: int) -> list[str]:
    """Return the IDs of so many runs."""
    return [f"run-{number:05}" for number in range(runs)]


def context_of(run: str, post_at: int) -> dict[str, Any]:
    """Return what a run begins with."""
    return {"run": run, "post_at": post_at}


_LIMITS: Final = {limit: getattr(_lease, limit) for limit in ("_LEASE", "_LEFT", "_SLICE", "_PATIENCE")}
_SLOW: Final = dict(_settle._SLOW)
_QUIET: Final = _settle.QUIET


@attrs.frozen
class Pace:
    """How many times shorter the library's time limits are, so that a campaign takes minutes; their order is the same.

    Attributes:
        scale: What they are divided by.
    """

    scale: float

    @property
    def quiet(self) -> float:
        """Seconds of the quiet period after a lost answer."""
        return _QUIET / self.scale

    @property
    def timeout(self) -> float:
        """Seconds that a client waits for an answer."""
        return 20 / self.scale

    def set(self, patch: pytest.MonkeyPatch) -> None:
        """Set the limits of this process."""
        patch.setattr(_settle, "QUIET", self.quiet)
        patch.setattr(_settle, "_SLOW", {method: long / self.scale for method, long in _SLOW.items()})
        for limit, long in _LIMITS.items():
            patch.setattr(_lease, limit, long / self.scale)

    def client(self, url: str, token: str, name: str) -> PooledWebClient:
        """Make a client by whose requests the fake knows its process."""
        return PooledWebClient(token, base_url=url, timeout=self.timeout, user_agent_prefix=name)


class Killer(Protocol):
    """Knows the processes of a campaign by the names under which they send."""

    def kill(self, name: str, place: str) -> bool:
        """Kill one; return whether it was alive."""
        ...


class Shaky(FakeSlack):
    """A fake in real time that hits requests with faults, and their senders with SIGKILL.

    The seed decides which faults are drawn; which request gets them, the machine decides.

    Args:
        pace: That of its clients: no request is under way for longer than the quiet period after they have given up.
        options: ``seed``, ``rate``, ``runs``, ``kills`` and ``kill_in`` of the command line.
        faults: Which faults it has.
    """

    def __init__(self, pace: Pace, options: argparse.Namespace, faults: Collection[str]) -> None:
        super().__init__(start=time.time())
        self.add_channel("incidents")
        self.killer: Killer | None = None
        self.faults: Counter[str] = Counter()
        self.killed_in: Counter[str] = Counter()
        self.requests = 0
        self.draw = random.Random(options.seed)
        self.drawing = threading.Lock()
        self._pace = pace
        self._turn = threading.Lock()
        self._rate = options.rate if faults else 0.0
        self._faults_drawn = {name: WEIGHTS[name] for name in faults}
        self._kill_in = options.kill_in
        # The last kills come before the last runs, so that all of them do.
        self._gap = 0.6 * (1 if self._kill_in else REQUESTS) * options.runs / max(1, options.kills)
        self._kills_left = options.kills
        self._until_kill = self._gap
        self._uploading: dict[str, str] = {}

    def handle(self, request: Any) -> Any:
        """Answer, or not."""
        end = request.path.rsplit("/", 1)[-1]
        # The bytes of a file come without a name; they come from whoever announced it, unless that one is dead.
        is_upload = request.path.startswith("/upload/")
        sender = self._uploading.get(end, "") if is_upload else request.headers.get("user-agent", "").partition(" ")[0]
        method = "upload" if is_upload else end
        fault, before = self.befall(sender, method)
        time.sleep(before)
        with self._turn:
            self.requests += 1
            self.advance(max(0.0, time.time() - self.now))
            if fault == "ratelimited":
                self.fail_next(method, fault, retry_after=int(self.draw.random() < 0.2))
            elif fault is not None and fault not in ("slow", "late"):
                self.inject(method, fault)
            outcome = super().handle(request)
            if method == "files.getUploadURLExternal" and self.files:
                self._uploading.setdefault(f"{self.files[-1].id}-ticket", sender)
            return outcome

    def befall(self, sender: str, method: str) -> tuple[str | None, float]:
        """Kill the sender of a request, or draw a fault; return that, and for how long Slack is at work before."""
        with self.drawing:
            place = self._death(method)
            fault, before = self._fate(method) if place is None else (None, 0.0)
            after = self.draw.random() * 0.05
        if place is BETWEEN:
            later = threading.Timer(after, self._kill, (sender, place))
            later.daemon = True
            later.start()
        elif place is not None and self._kill(sender, place, method) and place is IN_UNDONE:
            fault = "reset_before"
        return fault, before

    def _fate(self, method: str) -> tuple[str | None, float]:
        """Draw a fault, and for how long Slack is at work before it acts."""
        if self.draw.random() >= self._rate:
            return None, 0.0
        (fault,) = self.draw.choices(list(self._faults_drawn), list(self._faults_drawn.values()))
        # What a second upload to one address does is not documented, so that the fake takes none: after two lost
        # answers the step would fail, and rightly.
        if method == "upload" and fault not in NOT_DONE:
            return None, 0.0
        self.faults[fault] += 1
        at_work = {"slow": self._pace.quiet * 0.4, "late": self._pace.quiet * 0.5}.get(fault, 0.0) * self.draw.random()
        return fault, at_work + self._pace.timeout * (fault == "late")

    def _death(self, method: str) -> str | None:
        """Draw whether, and when, the sender dies."""
        if not self._kills_left or self.killer is None or self._kill_in not in (None, method):
            return None
        self._until_kill -= 1
        if self._until_kill > 0:
            return None
        self._until_kill = (0.5 + self.draw.random()) * self._gap
        self._kills_left -= 1
        return self.draw.choice((IN_DONE, IN_UNDONE) if self._kill_in else (IN_DONE, IN_UNDONE, BETWEEN))

    def _kill(self, sender: str, place: str, method: str = "") -> bool:
        killed = self.killer is not None and self.killer.kill(sender, place)
        with self.drawing:
            if not killed:
                self._kills_left += 1
            elif method:
                self.killed_in[method] += 1
        return killed


def standing(fake: FakeSlack) -> Counter[tuple[str, str]]:
    """Count what stands in the workspace, by run and step."""
    found: Counter[tuple[str, str]] = Counter()
    for channel in fake.channels:
        run = channel.name[:9]
        # A second room would have another name: "run-00001-2".
        found[run, "room"] += 1
        found[run, "topic"] += channel.topic == run
        found[run, "pin"] += len(channel.pins)
        found[run, "bookmark"] += len(channel.bookmarks)
        for message in channel.log.values():
            if re.fullmatch(r"run-\d{5} \w+", message.text):
                named, step = message.text.split()
                found[named, step] += 1
            found[run, "file"] += len(message.files)
    for scheduled in fake.scheduled:
        found[scheduled.text.split()[0], "remind"] += 1
    return found


@attrs.define
class Outcome:
    """What a campaign has counted."""

    wanted: int = 0
    once: int = 0
    doubled: int = 0
    lost: int = 0
    told: int = 0
    by_step: dict[str, Counter[str]] = attrs.field(factory=dict)
    wrong: list[str] = attrs.field(factory=list)
    lines: list[str] = attrs.field(factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything was done once."""
        return not (self.doubled or self.lost or self.wrong)

    def count(self, fake: FakeSlack, runs: list[str], states: dict[str, str]) -> None:
        """Count the effects of runs; what is missing is lost, unless the run says that it has failed."""
        found = standing(fake)
        for step in BOOK.steps:
            counted = self.by_step[step] = Counter(wanted=len(runs))
            for run in runs:
                times = found[run, step]
                said = states.get(run) in ("failed", "ambiguous")
                kind = "once" if times == 1 else "doubled" if times > 1 else "told" if said else "lost"
                counted[kind] += 1
                if kind in ("doubled", "lost"):
                    self.lines.append(f"{kind}: {step} of {run}, {times} times")
            for kind in ("wanted", "once", "doubled", "lost", "told"):
                setattr(self, kind, getattr(self, kind) + counted[kind])

    def table(self) -> str:
        """Return the counts of effects as text."""
        heads = ("wanted", "once", "doubled", "lost", "told")
        rows = [("", *heads)]
        rows += [(step, *(str(counted[head]) for head in heads)) for step, counted in self.by_step.items()]
        rows.append(("effects", *(str(getattr(self, head)) for head in heads)))
        return "\n".join(f"{name:<10}" + "".join(f"{cell:>9}" for cell in cells) for name, *cells in rows)


def journalled(journal: Journal, pace: Pace) -> tuple[dict[str, str], int, list[str]]:
    """Return the state of each run, how often one was begun or taken over, and why it failed."""
    records = journal.runs()
    with pytest.MonkeyPatch.context() as patch, sr.Executor(token="of no use", journal=journal) as executor:
        # What a run has waited for is in the journal, and is read by whoever would wait for as long.
        pace.set(patch)
        failed = [executor.report(record.run_id) for record in records if record.state in ("failed", "ambiguous")]
    told = [f"{report.run_id}: {step.name}: {step.error}" for report in failed for step in report.steps if step.error]
    return {record.run_id: record.state for record in records}, sum(record.epoch for record in records), told


def listed(counts: Counter[str]) -> str:
    """Return counts as text."""
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
