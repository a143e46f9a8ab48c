"""A campaign of crashes at every point of every action: what is done stands once, or the run says that nobody knows.

Each action of the catalogue that changes something runs as the one step of a run that is kept. Its process ends before
or after each write of the journal, before a request leaves, or between a request and its answer; each kind of loss, or
none, hits each of its changing calls. Another process goes on, with a look-up that works, fails, or lacks its scope.

Run it by hand: ``python tests/campaigns/test_crash_points.py``; with ``--resend`` it is the control, which doubles.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

import slackrunbooks as sr
from slackrunbooks.journal import Entry, Journal, decode
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._client import InProcessClient
from tests.catalogue import CONTEXT
from tests.losses import CHANGING, FATES, LOOKS, LOSSES, Case, break_look_ups, effects, plainly, ready, writes

LEASE = 61.0
"""Seconds after which a worker that gave no sign of life has lost its run."""

BAD = ("doubled", "lost", "false", "unfinished")


class Crash(BaseException):
    """The process ends."""


@attrs.define
class Process:
    """A process that ends at its n-th point; afterwards it neither writes nor sends."""

    ends_at: int
    points: int = 0

    def point(self) -> None:
        """End here, if this is the point."""
        self.points += 1
        if self.points >= self.ends_at:
            raise Crash


class MortalJournal:
    """A journal of which each write is a point before and a point after."""

    def __init__(self, process: Process, journal: Journal) -> None:
        self._process = process
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._journal, name)
        if name not in ("begin", "claim", "renew", "intend", "settle", "end"):
            return method

        def write(*arguments: Any, **options: Any) -> Any:
            self._process.point()
            result = method(*arguments, **options)
            self._process.point()
            return result

        return write


class MortalClient(InProcessClient):
    """A client of which each request is a point before it leaves and a point before its answer is read."""

    def __init__(self, process: Process, fake: FakeSlack) -> None:
        super().__init__(fake)
        self._process = process

    def _perform_urllib_http_request_internal(self, url: str, req: Any) -> dict[str, Any]:
        self._process.point()
        try:
            return super()._perform_urllib_http_request_internal(url, req)
        finally:
            self._process.point()

    def _upload_file(self, **arguments: Any) -> Any:
        self._process.point()
        try:
            return super()._upload_file(**arguments)
        finally:
            self._process.point()


@attrs.frozen
class Loss:
    """A fault at one of the changing calls of an action, or none.

    Attributes:
        method: The call's method.
        before: How many calls of that method come before it.
        fault: The fake's name of the fault, or ``""``.
    """

    method: str = ""
    before: int = 0
    fault: str = ""


@attrs.frozen(eq=False)
class Subject:
    """An action of the catalogue, and how it goes when nothing goes wrong.

    Attributes:
        case: The action and its workspace.
        calls: Its changing calls, in order.
        wanted: What it leaves.
    """

    case: Case
    calls: list[str]
    wanted: dict[str, int]

    def losses(self) -> Iterator[Loss]:
        """Give no loss, and each kind of loss at each changing call."""
        yield Loss()
        for number, method in enumerate(self.calls):
            yield from (Loss(method, self.calls[:number].count(method), fault) for fault, _ in LOSSES.values())


def _can_be_kept(case: Case) -> bool:
    """Tell whether a journal can keep a run of the action; bytes, for one, it cannot."""
    fake, action = ready(case)
    with fake.executor(journal=sr.MemoryJournal()) as executor:
        try:
            executor.run(sr.Runbook("x", {"s": action}), CONTEXT, run_id="r")
        except sr.RunbookError:
            return False
    return True


@cache
def subjects() -> tuple[Subject, ...]:
    """Return the actions whose runs can be kept."""
    return tuple(Subject(case, writes(case), plainly(case)) for case in CHANGING if _can_be_kept(case))


@attrs.define
class Trial:
    """One crash and what became of it.

    Attributes:
        end: ``succeeded``, ``refused``, ``ambiguous``, or how it did not end.
        wrong: What must not be, by name.
        crashed: Whether there was such a point at all.
        looked: Whether what was lost is looked up, so that the fate of look-ups matters.
    """

    end: str = ""
    wrong: list[str] = attrs.field(factory=list)
    crashed: bool = True
    looked: bool = False


def crash(subject: Subject, loss: Loss, at: int, fate: str, *, on_ambiguous: str = "reconcile") -> Trial:
    """Let the process of a run end at its n-th point, let another go on, and judge what stands."""
    fake, action = ready(subject.case)
    before = effects(fake)
    book = sr.Runbook("x", {"s": action})
    journal = sr.MemoryJournal()
    trial = Trial()
    if loss.fault:
        fake.inject(loss.method, loss.fault, after=loss.before)
        break_look_ups(fake, fate, loss.method)
    process = Process(at)
    first: Any = {"journal": MortalJournal(process, journal), "on_ambiguous": on_ambiguous}
    with sr.Executor(client=MortalClient(process, fake), **first) as executor:
        try:
            executor.run(book, CONTEXT, run_id="r")
            trial.crashed = False
        except Crash:
            pass
    in_doubt = _in_doubt(journal.entries("r"))
    trial.looked = in_doubt in LOOKS or loss.method in LOOKS
    break_look_ups(fake, fate, in_doubt)()
    # Another process comes when the lease of the dead one is over.
    fake.advance(LEASE)
    with fake.executor(journal=journal, on_ambiguous=on_ambiguous) as executor:
        report = executor.run(book, CONTEXT, run_id="r")
        while report.state == "waiting":
            record = journal.get("r")
            fake.advance(max(LEASE, (record.wake_at or 0.0) - fake.now if record is not None else 0.0))
            report = executor.resume("r")
    outcome = report["s"].outcome
    trial.end = {"failed": "refused"}.get(outcome, outcome)
    told = f"{subject.case.name}, {loss.fault or 'no loss'} at {loss.method or 'none'}, crash at {at}, look-up {fate}"
    # Who was asked and did not answer is no request that was refused.
    sure = len(subject.calls) == 1 and isinstance(report["s"].error, sr.SlackError)
    _judge(trial, before, effects(fake), subject.wanted, sure=sure)
    trial.wrong = [f"{each}: {told}: {report['s'].error or outcome}" for each in trial.wrong]
    return trial


def _in_doubt(entries: Any) -> str:
    """Return the method of the request that was under way, or ``""``."""
    last: Entry | None = entries[-1] if entries else None
    if last is None or last.result is not None:
        return ""
    work = decode(last.work)
    return str(work[4]) if work[0] == "send" else ""


def _judge(trial: Trial, before: dict[str, int], after: dict[str, int], wanted: dict[str, int], *, sure: bool) -> None:
    if any(number > max(wanted[what], before[what]) for what, number in after.items()):
        trial.wrong.append("doubled")
    elif trial.end == "succeeded" and after != wanted:
        trial.wrong.append("lost")
    elif trial.end == "refused" and sure and after != before:
        trial.wrong.append("false")
    elif trial.end not in ("succeeded", "refused", "ambiguous"):
        trial.wrong.append("unfinished")


def trials(
    *,
    places: int = 1,
    points: int = 1,
    only: Callable[[Subject], bool] = lambda _: True,
    on_ambiguous: str = "reconcile",
) -> Iterator[Trial]:
    """Let the process end at the points of each action under each loss, and go on under each fate that matters.

    Args:
        places: One in so many pairs of an action and a loss.
        points: One in so many points, not the same ones for each pair.
        only: Chooses the actions.
        on_ambiguous: As of the executor.
    """
    pairs = ((subject, loss) for subject in subjects() if only(subject) for loss in subject.losses())
    for number, (subject, loss) in enumerate(itertools.islice(pairs, 0, None, places)):
        for at in itertools.count(1 + number % points, points):
            trial = crash(subject, loss, at, FATES[0], on_ambiguous=on_ambiguous)
            yield trial
            if trial.looked:
                yield from (crash(subject, loss, at, fate, on_ambiguous=on_ambiguous) for fate in FATES[1:])
            if not trial.crashed:
                break


def campaign(told: list[str] | None = None, **chosen: Any) -> Counter[str]:
    """Count what becomes of the trials.

    Args:
        told: Takes what went wrong.
        **chosen: As of :func:`trials`.
    """
    tally: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        # It tells of every lost request.
        patch.setattr(logging.getLogger("slack_sdk.web.base_client"), "disabled", True)
        for trial in trials(**chosen):
            tally["cases"] += 1
            tally["crashes"] += trial.crashed
            tally[trial.end] += 1
            for wrong in trial.wrong:
                tally[wrong.partition(":")[0]] += 1
                if told is not None:
                    told.append(wrong)
    return tally


def posts(subject: Subject) -> bool:
    """Choose actions that a second sending doubles, and that wait for nobody."""
    return subject.calls == ["chat.postMessage"] and "approval" not in subject.case.name


def table(tally: Counter[str]) -> Iterator[str]:
    """Tell the counts, a line each."""
    rows = ("cases", "crashes", "succeeded", "refused", "ambiguous", *BAD)
    for name in [*rows, *sorted(set(tally) - set(rows))]:
        yield f"{name:16}{tally[name]:9}"


def test_every_point_of_every_action() -> None:
    """The whole campaign: nothing is doubled, lost or told falsely."""
    wrong: list[str] = []
    tally = campaign(wrong)
    assert wrong == []
    assert tally["cases"] > 20_000


def test_sent_again_without_looking_it_doubles() -> None:
    """The control."""
    assert campaign(points=3, only=posts, on_ambiguous="resend")["doubled"] > 100


def main() -> int:
    """Run the campaign by hand and print its table."""
    parser = argparse.ArgumentParser(description="A campaign of crashes at every point of every action.")
    parser.add_argument("--places", type=int, default=1, help="only one pair of an action and a loss in so many")
    parser.add_argument("--points", type=int, default=1, help="only one point in so many")
    parser.add_argument("--resend", action="store_true", help="the control: send again without looking")
    parser.add_argument("--action", default="", help="only actions of the catalogue with this in their name")
    given = parser.parse_args()
    wrong: list[str] = []
    tally = campaign(
        wrong,
        places=given.places,
        points=given.points,
        only=lambda subject: given.action in subject.case.name,
        on_ambiguous="resend" if given.resend else "reconcile",
    )
    kept = f"{'actions':16}{len(subjects()):9} of {len(CHANGING)}"
    sys.stdout.write("\n".join([kept, *table(tally), *wrong[:20]]) + "\n")
    return int(any(tally[name] for name in BAD))


if __name__ == "__main__":
    sys.exit(main())
