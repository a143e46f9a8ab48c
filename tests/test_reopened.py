"""Runs that had ended and go on, by ``retry`` or by an answer: their process dies at every point, another goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack
from tests.stores import STORES, open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from slackrunbooks.journal import Journal


class Crash(BaseException):
    """The process ends."""


@attrs.define
class Mortal:
    """A journal whose process ends before or after its n-th write, and writes nothing more."""

    journal: Journal
    at: int
    points: int = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.journal, name)
        if name not in ("tell", "claim", "renew", "intend", "settle", "end"):
            return method

        def write(*arguments: Any, **named: Any) -> Any:
            self._point()
            result = method(*arguments, **named)
            self._point()
            return result

        return write

    def _point(self) -> None:
        self.points += 1
        if self.points >= self.at:
            raise Crash


def say(text: str) -> sr.SendMessage:
    """Say something in the one channel."""
    return sr.SendMessage(channel="#one", text=text)


def whisper(text: str) -> sr.SendEphemeral:
    """Say something that nobody can look up."""
    return sr.SendEphemeral(channel="#one", user="U0ANN00001", text=text)


def _fails(fake: FakeSlack) -> None:
    fake.fail_next("conversations.setPurpose", "user_is_restricted")


def _loses(fake: FakeSlack) -> None:
    fake.inject("chat.postEphemeral", "reset_before")


@attrs.frozen
class Case:
    """A run that ends, what makes it go on, and how often that has to be said."""

    steps: dict[str, Any]
    breaks: Callable[[FakeSlack], None]
    state: str
    reopen: Callable[[sr.Executor], object]


CASES = {
    "retry": Case(
        {
            "a": say("A"),
            "room": sr.CreateChannel(name="inc-1", description="d"),
            "c": say("C"),
            "sorry": sr.Step(say("sorry"), run_if="failure"),
            "d": sr.Step(say("D"), after=5),
        },
        _fails,
        "failed",
        lambda executor: executor.retry("r"),
    ),
    "resolve": Case(
        {"a": say("A"), "hint": whisper("psst"), "c": say("C"), "d": say("D")},
        _loses,
        "ambiguous",
        lambda executor: executor.resolve("r", "hint", call=1, applied=False),
    ),
}


def _world(case: Case, journal: Journal) -> FakeSlack:
    """Make a workspace in which the run has ended, an hour ago."""
    fake = FakeSlack()
    fake.add_channel("one")
    fake.add_user("ann", id="U0ANN00001").join("one")
    case.breaks(fake)
    with fake.executor(journal=journal) as executor:
        assert executor.run(sr.Runbook("b", case.steps), {}, run_id="r", deadline=86400).state == case.state
    fake.advance(3600)
    return fake


def _stands(fake: FakeSlack) -> dict[str, list[str]]:
    said = {channel.name: sorted(message.text for message in channel.messages) for channel in fake.channels}
    return {**said, "whispered": [each.text for each in fake.channel("one").ephemeral]}


def _end(fake: FakeSlack, worker: sr.Executor) -> sr.Report:
    """Let a worker end the run; where a new question comes of the death, a person looks in Slack and answers."""
    worker.resume_all()
    for asked in worker.lost_answers("r") if worker.report("r").state == "ambiguous" else ():
        done = bool(fake.channel("one").ephemeral)
        worker.resolve("r", asked.step, call=asked.call, applied=done, reply={"message_ts": "1.5"} if done else None)
    return worker.report("r")


def _die(case: Case, fake: FakeSlack, journal: Journal, at: int) -> bool:
    """Let it go on in a process that dies at a point; tell whether it ended before."""
    executor = fake.executor(journal=Mortal(journal, at))
    # What a killed process does not do either: tidy up.
    executor._let_go = lambda *_: None  # type: ignore[method-assign]
    try:
        case.reopen(executor)
    except Crash:
        return False
    return True


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each way to make a run go on."""
    return CASES[request.param]


def _wanted(case: Case) -> dict[str, list[str]]:
    fake = _world(case, kept := sr.MemoryJournal())
    with fake.executor(journal=kept) as executor:
        case.reopen(executor)
        assert executor.report("r").ok
    return _stands(fake)


@pytest.mark.parametrize("store", STORES)
def test_who_dies_while_a_run_goes_on_again_strands_nothing(case: Case, store: str, tmp_path: Path) -> None:
    """At each point: the run is due, no purge takes it, a worker ends it, and everything stands once."""
    wanted = _wanted(case)
    for at in range(1, 100):
        with open_store(store, tmp_path) as journal:
            fake = _world(case, journal)
            ended = _die(case, fake, journal, at)
            fake.advance(61)  # the lease of the dead is over
            told = bool(journal.listen("r", 0).messages)
            if told and not ended and (before := journal.get("r")) is not None and before.state == "running":
                assert journal.purge(fake.now) == 0, f"at point {at}"
            with fake.executor(journal=journal) as worker:
                if not told:
                    # It died before it had said anything, so nothing is lost but the word.
                    assert (at, worker.resume_all()) == (1, []) and worker.report("r").state == case.state
                    case.reopen(worker)
                report = _end(fake, worker)
            record = journal.get("r")
        assert record is not None and (report.state, record.state) == ("succeeded",) * 2, f"at point {at}: {report}"
        assert _stands(fake) == wanted, f"at point {at}"
        if ended:
            break
    else:
        pytest.fail("the run never ended")
    assert at > 20


def test_two_deaths_are_no_worse_than_one(case: Case) -> None:
    """The second worker dies as well, anywhere."""
    wanted = _wanted(case)
    for first in range(2, 24, 3):
        for second in range(1, 24, 4):
            fake = _world(case, kept := sr.MemoryJournal())
            _die(case, fake, kept, first)
            fake.advance(61)
            executor = fake.executor(journal=Mortal(kept, second))
            executor._let_go = lambda *_: None  # type: ignore[method-assign]
            try:
                executor.resume("r")
            except Crash:
                fake.advance(61)
            with fake.executor(journal=kept) as worker:
                assert _end(fake, worker).ok, (first, second)
            assert _stands(fake) == wanted, (first, second)


def test_a_run_that_is_tried_again_is_held(case: Case, tmp_path: Path) -> None:
    """Meanwhile another worker is told so, and nobody can forget it."""
    looked: list[object] = []
    for store in ("memory", "sqlite"):
        with open_store(store, tmp_path) as journal:
            fake = _world(case, journal)
            other = fake.executor(journal=journal)

            def look(event: sr.Event, journal: Journal = journal, fake: FakeSlack = fake, other: Any = other) -> None:
                if isinstance(event, sr.StepFinished) and event.report.name == "c":
                    with pytest.raises(sr.RunHeld, match="another worker is at work on it"):
                        other.run(sr.Runbook("b", case.steps), {}, run_id="r")
                    looked.append(journal.purge(fake.now))

            with fake.executor(journal=journal, hooks=[look]) as executor:
                case.reopen(executor)
                assert executor.report("r").ok
    assert looked == [0, 0]


def test_a_second_question_stays_open_after_the_first_answer(tmp_path: Path) -> None:
    """Whoever is told one of two answers ends the run as ambiguous again, also where the first worker dies."""
    steps = {"tell": sr.Step(whisper("{{item}}"), foreach=["x", "y"], on_error="continue"), "end": whisper("end")}
    for at in range(2, 30):
        with open_store("sqlite", tmp_path) as journal:
            fake = FakeSlack()
            fake.add_channel("one")
            fake.add_user("ann", id="U0ANN00001").join("one")
            fake.inject("chat.postEphemeral", "reset_before", times=3)
            with fake.executor(journal=journal) as executor:
                assert executor.run(sr.Runbook("b", steps), {}, run_id="r").state == "ambiguous"
                asked = executor.lost_answers("r")
            assert len(asked) == 3
            executor = fake.executor(journal=Mortal(journal, at))
            executor._let_go = lambda *_: None  # type: ignore[method-assign]
            ended = False
            try:
                executor.resolve("r", asked[2].step, call=asked[2].call, applied=False)
                ended = True
            except Crash:
                fake.advance(61)
            with fake.executor(journal=journal) as worker:
                worker.resume_all()
                assert worker.report("r").state == "ambiguous"
                assert worker.lost_answers("r") == asked[:2], at
                record = journal.get("r")
            assert record is not None and record.state == "ambiguous" and journal.due(fake.now, 9) == ()
        if ended:
            return
    pytest.fail("the run never ended")


def test_a_run_that_an_earlier_version_stranded_goes_on(case: Case) -> None:
    """Its state says that it has ended, and its work says that it has not: the work counts."""
    fake = _world(case, kept := sr.MemoryJournal())
    _die(case, fake, kept, 7)
    fake.advance(61)
    kept._runs["r"] = attrs.evolve(kept._runs["r"], state=case.state)
    with fake.executor(journal=kept) as worker:
        assert worker.resume("r").ok
    assert _stands(fake) == _wanted(case)
