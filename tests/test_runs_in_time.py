"""Runs that outlast their process: submitted, let go, cancelled, answered, tried again, and about one incident."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import pickle
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks._registry import known
from slackrunbooks.journal import Entry, RunRecord
from slackrunbooks.slack_methods import call
from slackrunbooks.testing import FakeSlack
from tests.stores import STORES, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from slackrunbooks.journal import Journal


@pytest.fixture(params=STORES)
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """Each store."""
    with open_store(request.param, tmp_path) as kept:
        yield kept


class Both:
    """One executor, called synchronously or asynchronously by the same names."""

    def __init__(self, fake: FakeSlack, journal: Journal, kind: str, **options: Any) -> None:
        self.fake, self.journal, self.kind, self.options = fake, journal, kind, options

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if self.kind == "sync":
                with self.fake.executor(journal=self.journal, **self.options) as executor:
                    return getattr(executor, name)(*arguments, **named)

            async def go() -> Any:
                async with self.fake.async_executor(journal=self.journal, **self.options) as executor:
                    result = getattr(executor, name)(*arguments, **named)
                    return await result if asyncio.iscoroutine(result) else result

            return asyncio.run(go())

        return call


@pytest.fixture(autouse=True)
def own_steps() -> Iterator[None]:
    """What a test registers is no step for any other test."""
    before = set(known())
    yield
    for name in set(known()) - before:
        sr.unregister(name)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each executor."""
    return str(request.param)


def world() -> FakeSlack:
    """Make a workspace with two channels."""
    fake = FakeSlack()
    fake.add_channel("one")
    fake.add_channel("two")
    return fake


def texts(fake: FakeSlack, channel: str = "one") -> list[str]:
    """Return what stands in a channel."""
    return [message.text for message in fake.channel(channel).messages]


def say(text: str, channel: str = "#one") -> sr.SendMessage:
    """Make a message."""
    return sr.SendMessage(channel=channel, text=text)


# --- submit ----------------------------------------------------------------------------------------------------------


def test_what_is_submitted_is_done_by_whoever_sweeps(journal: Journal, kind: str) -> None:
    """Nothing is sent before a worker comes; a second submission of the same run changes nothing."""
    fake = world()
    both = Both(fake, journal, kind)
    book = sr.Runbook("b", {"say": say("hello {{name}}")})
    assert both.submit(book, {"name": "x"}, run_id="r") == "r"
    assert both.submit(book, {"name": "y"}, run_id="r") == "r"
    assert fake.calls == []
    (report,) = both.resume_all()
    assert (report.run_id, report.state, texts(fake)) == ("r", "succeeded", ["hello x"])
    assert both.resume_all() == []
    with pytest.raises(sr.CheckFailed):
        both.submit(book, {}, run_id="wrong")
    assert journal.get("wrong") is None


def test_a_sweep_goes_on_past_a_run_that_cannot(journal: Journal, kind: str, caplog: Any) -> None:
    """One whose code has changed is logged and left; the others are done."""
    fake = world()
    both = Both(fake, journal, kind)
    both.submit(sr.Runbook("b", {"say": say("x")}), {}, run_id="odd")
    both.submit(sr.Runbook("b", {"say": say("y")}), {}, run_id="even")
    lease = journal.claim("odd", "elsewhere", 0.0, 1.0)
    assert lease is not None
    journal.settle(lease, Entry(seq=1, work='["send","else"]', ready_at=1.0, result='["waited"]'))
    assert [report.run_id for report in both.resume_all()] == ["even"]
    assert "Run odd cannot go on: " in caplog.text
    assert texts(fake) == ["y"]


# --- let go ----------------------------------------------------------------------------------------------------------


def test_a_long_retry_after_lets_the_run_go(journal: Journal, kind: str) -> None:
    """A wait of minutes holds no worker; the run is due when it is over, and not before."""
    fake = world()
    fake.fail_next("chat.postMessage", "ratelimited", retry_after=90)
    both = Both(fake, journal, kind, retry=sr.RetryPolicy(max_wait=300))
    book = sr.Runbook("b", {"say": say("x"), "again": say("y")})
    report = both.run(book, {}, run_id="r")
    assert (report.state, texts(fake)) == ("waiting", [])
    assert both.resume_all() == []
    fake.advance(91)
    (report,) = both.resume_all()
    assert (report.state, texts(fake), report["say"].waited) == ("succeeded", ["x", "y"], 90.0)


def test_everything_can_be_paused(journal: Journal, kind: str) -> None:
    """Nothing is begun while it is; then the run goes on where it stood."""
    fake = world()
    both = Both(fake, journal, kind)
    book = sr.Runbook("b", {"a": say("a"), "b": say("b")})
    both.pause("a change of the network")
    assert journal.paused() == "a change of the network"
    report = both.run(book, {}, run_id="r")
    assert (report.state, fake.calls) == ("waiting", [])
    assert both.resume_all() == []
    both.unpause()
    (report,) = both.resume_all()
    assert (report.state, texts(fake)) == ("succeeded", ["a", "b"])
    with pytest.raises(sr.RunbookError, match="reason"):
        both.pause("")


# --- cancel and deadline ---------------------------------------------------------------------------------------------


def _asking() -> sr.Runbook:
    ask = sr.RequestApproval(channel="#one", text="Close?", approvers="U0ANN00001", expires_in=3600)
    return sr.Runbook("b", {"ask": ask, "after": say("closed"), "tell": sr.Step(say("told"), run_if="always")})


def _asked(fake: FakeSlack, both: Both) -> None:
    fake.add_user("ann", id="U0ANN00001").join("one")
    assert both.run(_asking(), {}, run_id="r").state == "waiting"


def test_a_run_that_waits_is_cancelled_at_once(journal: Journal, kind: str) -> None:
    """It ends where it stands, and says why; a second time, and of a run that has ended, nothing happens."""
    fake = world()
    both = Both(fake, journal, kind)
    _asked(fake, both)
    report = both.cancel("r", "a false alarm")
    assert report is not None and report.state == "cancelled"
    assert [step.outcome for step in report.steps] == ["cancelled"] * 3
    assert report["ask"].reason == "a false alarm"
    sent = len(fake.calls)
    assert both.cancel("r") is None
    assert both.run(_asking(), {}, run_id="r").state == "cancelled"
    assert len(fake.calls) == sent
    with pytest.raises(KeyError, match="no run 'never'"):
        both.cancel("never")


@pytest.mark.parametrize("fault", [None, "applied_then_reset", "restricted_action"])
@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_a_reminder_that_waits_is_cancelled(fault: str | None, on_error: Any) -> None:
    """However its last time ended: the run ends, and asks about a request only if its answer was lost."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    ann, _ = _people(fake)
    whisper = sr.SendEphemeral(channel="#one", user=ann, text="psst")
    remind = sr.Step(whisper, every="10m", until="signals.never", on_error=on_error)
    if fault is not None:
        (fake.fail_next if fault == "restricted_action" else fake.inject)("chat.postEphemeral", fault)
    report = both.run(sr.Runbook("b", {"remind": remind, "end": say("end")}), {}, run_id="r")
    if fault is not None and on_error == "stop":
        assert report.state == ("failed" if fault == "restricted_action" else "ambiguous")
        return
    assert report.state == "waiting"
    report = both.cancel("r", "enough") or both.report("r")
    assert (report.state, [step.outcome for step in report.steps]) == ("cancelled", ["cancelled", "cancelled"])
    assert len(both.lost_answers("r")) == (fault == "applied_then_reset")
    fake.advance(3600)
    assert (both.resume_all(), len(_whispered(fake)), texts(fake)) == ([], 1, [])


def test_a_run_under_way_elsewhere_is_cancelled_before_its_next_effect(journal: Journal, kind: str) -> None:
    """The worker that holds it finds the message."""
    fake = world()
    book = sr.Runbook("b", {"a": say("a"), "b": say("b"), "c": say("c")})

    class Interrupted:
        def __getattr__(self, name: str) -> Any:
            return getattr(journal, name)

        def settle(self, lease: Any, entry: Entry) -> None:
            journal.settle(lease, entry)
            if len(texts(fake)) == 2 and not journal.listen("r", 0).messages:
                assert Both(fake, journal, "sync").cancel("r", "stop") is None

    report = Both(fake, Interrupted(), kind).run(book, {}, run_id="r")
    assert (report.state, texts(fake)) == ("cancelled", ["a", "b"])
    assert [step.outcome for step in report.steps] == ["succeeded", "succeeded", "cancelled"]
    assert Both(fake, journal, kind).report("r").to_dict() == report.to_dict()


def test_a_run_has_a_deadline(journal: Journal, kind: str) -> None:
    """What was not done by then is not done any more, however late somebody goes on."""
    fake = world()
    both = Both(fake, journal, kind)
    fake.add_user("ann", id="U0ANN00001").join("one")
    both.run(_asking(), {}, run_id="r", deadline=600)
    fake.advance(900)
    (report,) = both.resume_all()
    slow = sr.Runbook("slow", {"a": say("a"), "b": sr.Step(say("b"), after="2h")})
    assert both.run(slow, {}, run_id="slow", deadline=1200).state == "waiting"
    fake.advance(1200)
    assert [each.state for each in both.resume_all()] == ["cancelled"]
    assert report.state == "cancelled"
    assert report["after"].reason == "it was not done within 600 seconds"
    assert len(texts(fake)) == 2


@pytest.mark.parametrize(
    "last",
    [
        sr.Step(say("z"), when="signals.never"),
        sr.Step(say("z"), foreach="nobody"),
        sr.Step(say("z"), run_if="failure"),
        sr.Step(say("{{signals.never}}"), on_error="continue"),
    ],
    ids=["its condition", "an empty list", "no failure", "fails"],
)
def test_a_deadline_does_not_reach_a_run_that_has_ended(journal: Journal, kind: str, last: sr.Step) -> None:
    """However its last step ended; what it is told later changes nothing of its report."""
    fake = world()
    both = Both(fake, journal, kind)
    book = sr.Runbook("b", {"a": say("a"), "z": last})
    context: dict[str, Any] = {"nobody": []}
    report = both.run(book, context, run_id="r", deadline=60)
    assert report.state == "succeeded"
    fake.advance(3600)
    both.signal("r", "resolved")
    later = both.run(book, context, run_id="r", deadline=60)
    assert later.state == "succeeded"
    assert [(step.outcome, step.reason) for step in later.steps] == [
        (step.outcome, step.reason) for step in report.steps
    ]
    record = journal.get("r")
    assert record is not None and record.state == "succeeded"


@pytest.mark.parametrize("waits", [True, False])
def test_a_deadline_leaves_what_was_not_begun_unbegun(waits: bool) -> None:
    """The step that it comes before, or in whose wait, has called nothing, and hooks are not told of a beginning."""
    fake, journal = world(), sr.MemoryJournal()
    sr.register(lambda: fake.advance(1 if waits else 40), name="slow_in_time", repeat="reads")
    slow = known()["slow_in_time"].function  # type: ignore[union-attr]
    events: list[Any] = []
    both = Both(fake, journal, "sync", hooks=[events.append])
    steps = {"f": sr.Function(slow, repeat="reads"), "a": sr.Step(say("a"), after=35 if waits else None), "b": say("b")}
    report = both.run(sr.Runbook("b", steps), {}, run_id="r", deadline=30)
    assert report.state == "cancelled"
    assert [(step.outcome, step.calls, step.attempts) for step in report.steps[1:]] == [("cancelled", (), 0)] * 2
    assert [event.step for event in events if isinstance(event, sr.StepStarted)] == ["f"]
    assert both.report("r").to_dict() == report.to_dict()


def test_a_retry_has_the_deadline_anew(journal: Journal, kind: str) -> None:
    """From the retry on; expires_after still counts from the beginning of the run."""
    fake = world()
    both = Both(fake, journal, kind)
    steps = {"a": say("a", "#late"), "b": sr.Step(say("b"), after=30), "c": sr.Step(say("c"), expires_after=60)}
    both.run(sr.Runbook("b", steps), {}, run_id="r", deadline=60)
    fake.advance(3600)
    fake.add_channel("late")
    report = both.retry("r")
    assert [step.outcome for step in report.steps] == ["succeeded", "succeeded", "skipped"]
    assert both.report("r").to_dict() == report.to_dict()
    # An answer is no retry.
    fake.inject("chat.postMessage", "reset_before")
    with_doubt = Both(fake, journal, kind, on_ambiguous="fail")
    book = sr.Runbook("b", {"a": say("d"), "b": say("e")})
    assert with_doubt.run(book, {}, run_id="s", deadline=60).state == "ambiguous"
    fake.advance(3600)
    assert both.resolve("s", "a", call=1, applied=False).state == "cancelled"
    assert (both.retry("s").state, texts(fake)) == ("succeeded", ["b", "d", "e"])


def test_what_needs_a_journal_says_so(kind: str) -> None:
    """Each is refused before anything is sent."""
    fake = world()
    both = Both(fake, None, kind)  # type: ignore[arg-type]
    book = sr.Runbook("b", {"a": say("a")})
    for ask, what in (
        (lambda: both.submit(book), "submit"),
        (lambda: both.retry("r"), "retry"),
        (lambda: both.resolve("r", "a", call=1, applied=True), "resolve"),
        (lambda: both.cancel("r"), "cancel"),
        (lambda: both.pause("x"), "pause"),
        (lambda: both.run(book, {}, subject="INC-1"), "subject"),
        (lambda: both.run(book, {}, deadline=5), "deadline"),
    ):
        with pytest.raises(sr.Unsupported, match=f"{what} without a journal"):
            ask()
    assert fake.calls == []


# --- tried again -----------------------------------------------------------------------------------------------------


def test_a_run_goes_on_from_the_step_that_failed(journal: Journal, kind: str) -> None:
    """What was done stands: no second channel and no second message; the failed step's own effects neither."""
    fake = world()
    both = Both(fake, journal, kind)
    room = sr.CreateChannel(name="inc-{{id}}", topic="t")
    book = sr.Runbook("b", {"first": say("x"), "room": room, "tell": say("in {{steps.room.channel}}")})
    fake.fail_next("conversations.setTopic", "too_long")
    failed = both.run(book, {"id": "7"}, run_id="r")
    assert (failed.state, failed.stopped_by) == ("failed", "room")
    report = both.retry("r")
    assert report.state == "succeeded"
    assert [call.method for call in fake.calls].count("conversations.create") == 1
    assert texts(fake) == ["x", f"in {report['room'].output.channel}"]
    assert fake.channel("inc-7").topic == "t"
    assert both.report("r").to_dict() == report.to_dict()
    with pytest.raises(sr.RunConflict, match="nothing to retry"):
        both.retry("r")


def test_a_mended_runbook_goes_on_in_the_old_run(journal: Journal, kind: str) -> None:
    """The steps that succeeded are not run again, the mended and the new ones are."""
    fake = world()
    both = Both(fake, journal, kind)
    book = sr.Runbook("b", {"first": say("x"), "second": say("y", "#nowhere")})
    assert both.run(book, {}, run_id="r").state == "failed"
    mended = sr.Runbook("b", {"first": say("other"), "second": say("y", "#two"), "third": say("z")})
    report = both.retry("r", mended)
    assert (report.state, texts(fake), texts(fake, "two")) == ("succeeded", ["x", "z"], ["y"])
    assert both.report("r").to_dict() == report.to_dict()
    assert both.run(book, {}, run_id="r").state == "succeeded"
    wrong = sr.Runbook("b", {"first": say("{{no}}")})
    both.run(sr.Runbook("c", {"a": say("y", "#nowhere")}), {}, run_id="s")
    with pytest.raises(sr.CheckFailed):
        both.retry("s", wrong)


@pytest.mark.parametrize(
    ("steps", "stands"),
    [
        ("a c d", "a c d"),
        ("a new c d", "a new c d"),
        ("a c b d", "a c b d"),
        ("c d a", "a c d"),
    ],
)
def test_a_mended_runbook_leaves_out_nothing_that_was_not_done(steps: str, stands: str) -> None:
    """Whether the failed step is taken out, renamed or moved: what was skipped because it failed is done."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    book = sr.Runbook("b", {"a": say("a"), "b": say("b", "#nowhere"), "c": say("c"), "d": say("d")})
    assert both.run(book, {}, run_id="r").stopped_by == "b"
    report = both.retry("r", sr.Runbook("b", {name: say(name) for name in steps.split()}))
    assert report.state == "succeeded"
    assert {step.outcome for step in report.steps} == {"succeeded"}
    assert texts(fake) == stands.split()
    assert both.report("r").to_dict() == report.to_dict()


def test_a_step_that_is_taken_out_and_put_back_is_not_done_twice() -> None:
    """What succeeded is remembered by its name, whichever runbook the run goes on with in between."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    fails = say("b", "#nowhere")
    both.run(sr.Runbook("b", {"a": say("a"), "b": fails}), {}, run_id="r")
    assert [step.name for step in both.retry("r", sr.Runbook("b", {"b": fails})).steps] == ["b"]
    report = both.retry("r", sr.Runbook("b", {"a": say("other"), "b": say("b")}))
    assert [step.name for step in report.steps] == ["a", "b"]
    assert (report.state, texts(fake)) == ("succeeded", ["a", "b"])


def test_what_ended_before_the_stop_stands() -> None:
    """A step that its condition skipped, and one that failed and may fail, are not begun again."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    book = sr.Runbook(
        "b",
        {
            "off": sr.Step(say("off"), when="signals.on"),
            "may": sr.Step(say("may", "#later"), on_error="continue"),
            "stops": say("stops", "#later"),
            "rest": sr.Step(say("rest"), run_if="always", when="signals.on"),
        },
    )
    both.run(book, {}, run_id="r")
    both.signal("r", "on")
    fake.add_channel("later")
    report = both.retry("r")
    assert [step.outcome for step in report.steps] == ["skipped", "failed", "succeeded", "succeeded"]
    assert (texts(fake), texts(fake, "later")) == (["rest"], ["stops"])


def test_a_retry_that_crashed_is_gone_on_with(journal: Journal, kind: str) -> None:
    """The wish is in the journal before anything is done about it."""
    fake = world()
    both = Both(fake, journal, kind)
    both.run(sr.Runbook("b", {"a": say("y", "#late")}), {}, run_id="r")
    fake.add_channel("late")
    journal.tell("r", "retry", sr.journal.encode({"runbook": None}), fake.now)
    assert both.resume("r").state == "succeeded"
    assert both.resume("r").state == "succeeded"
    assert texts(fake, "late") == ["y"]


def test_a_retry_does_not_find_the_message_of_the_time_before() -> None:
    """A mended text whose request is lost is sent again, though the old text bears the key of a first request."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")

    def loop(text: str) -> sr.Runbook:
        return sr.Runbook("b", {"say": sr.Step(say(text), foreach=["a", "b"])})

    fake.fail_next("chat.postMessage", "restricted_action", after=1)
    assert both.run(loop("Room {{item}}"), {}, run_id="r").state == "failed"
    fake.inject("chat.postMessage", "reset_before")
    report = both.retry("r", loop("Correction {{item}}"))
    assert (report.state, texts(fake)) == ("succeeded", ["Room a", "Correction a", "Correction b"])
    assert both.report("r").to_dict() == report.to_dict()


def test_a_reminder_that_is_retried_is_a_new_one() -> None:
    """Its first message is not taken for the one that an earlier time posted."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    remind = sr.Step(say("reminder"), every=25, until="signals.never")
    fake.fail_next("chat.postMessage", "restricted_action", after=1)
    report = both.run(sr.Runbook("b", {"remind": remind}), {}, run_id="r")
    assert (report.state, texts(fake)) == ("failed", ["reminder"])
    fake.inject("chat.postMessage", "reset_before")
    fake.fail_next("chat.postMessage", "restricted_action", after=2)
    began = fake.now
    assert both.retry("r").state == "failed"
    assert float(fake.channel("one").messages[1].ts) - began < 25


@pytest.mark.parametrize("fault", ["applied_then_reset", "restricted_action"])
def test_what_an_earlier_time_did_is_not_done_for_a_later_one(fault: str) -> None:
    """Of a step that comes again, a time that is over counts for itself alone, also where a person told of it."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    people = _people(fake)
    remind = sr.Step(WHISPER, foreach=people, every="10m", until="signals.never", on_error="continue")
    book = sr.Runbook("b", {"remind": remind})
    lost = fault == "applied_then_reset"
    (fake.inject if lost else fake.fail_next)("chat.postEphemeral", fault, after=1)
    assert both.run(book, {}, run_id="r").state == "waiting"
    both.cancel("r")
    if lost:
        both.resolve("r", "remind", call=2, applied=True, reply={"message_ts": "1.5"})
    both.retry("r")
    assert _whispered(fake) == people * 2


# --- answers ---------------------------------------------------------------------------------------------------------


def _in_doubt(fake: FakeSlack, both: Both, fault: str) -> sr.AmbiguousOutcome:
    fake.add_user("ann", id="U0ANN00001").join("one")
    whisper = sr.SendEphemeral(channel="#one", user="U0ANN00001", text="psst")
    book = sr.Runbook("b", {"a": say("a"), "whisper": whisper, "c": say("c {{steps.whisper.message_ts}}")})
    fake.inject("chat.postEphemeral", fault)
    report = both.run(book, {}, run_id="r")
    assert report.state == "ambiguous"
    error = report["whisper"].error
    assert isinstance(error, sr.AmbiguousOutcome)
    assert f"resolve('r', 'whisper', call={error.call}, applied=" in str(error)
    return error


def test_a_person_says_that_it_was_done(journal: Journal, kind: str) -> None:
    """Then it is not sent again, and the later steps have what the person told."""
    fake = world()
    both = Both(fake, journal, kind)
    error = _in_doubt(fake, both, "applied_then_reset")
    with pytest.raises(sr.RunConflict, match=r"answer with resolve\('r', 'whisper', call=\d, applied=…\)"):
        both.retry("r")
    with pytest.raises(sr.RunbookError, match=r"reply: needs message_ts of what chat\.postEphemeral made"):
        both.resolve("r", "whisper", call=error.call, applied=True)
    with pytest.raises(sr.RunConflict, match=r"call 9 of step 'whisper' is not in doubt; call \d of step 'whisper'"):
        both.resolve("r", "whisper", call=9, applied=True)
    assert both.lost_answers("r") == (sr.LostAnswer("whisper", error.call, "chat.postEphemeral", ("message_ts",)),)
    report = both.resolve("r", "whisper", call=error.call, applied=True, reply={"message_ts": "1.5"})
    assert (report.state, texts(fake)) == ("succeeded", ["a", "c 1.5"])
    assert both.lost_answers("r") == ()
    assert len(fake.calls_to("chat.postEphemeral")) == 1
    assert both.report("r").to_dict() == report.to_dict()


def test_a_person_says_that_it_was_not_done(journal: Journal, kind: str) -> None:
    """Then it is sent again."""
    fake = world()
    both = Both(fake, journal, kind)
    error = _in_doubt(fake, both, "reset_before")
    report = both.resolve("r", "whisper", call=error.call, applied=False)
    assert report.state == "succeeded"
    assert len(fake.calls_to("chat.postEphemeral")) == 2
    with pytest.raises(sr.RunConflict, match="has succeeded"):
        both.resolve("r", "whisper", call=error.call, applied=False)


def test_items_of_a_loop_are_answered_one_by_one(journal: Journal, kind: str) -> None:
    """Each item in doubt is asked about; the others are not sent again."""
    fake = world()
    both = Both(fake, journal, kind)
    for name in ("ann", "bob", "cy", "dee"):
        fake.add_user(name, id=f"U0{name.upper()}0000").join("one")
    each = sr.SendEphemeral(channel="#one", user="{{item}}", text="psst")
    people = ["U0ANN0000", "U0BOB0000", "U0CY0000", "U0DEE0000"]
    fake.inject("chat.postEphemeral", "applied_then_reset", after=1)
    fake.inject("chat.postEphemeral", "reset_before", after=2)
    book = sr.Runbook("b", {"each": sr.Step(each, foreach=people, on_error="continue"), "end": say("end")})
    report = both.run(book, {}, run_id="r")
    assert report["each"].outcome == "ambiguous"
    doubts = [failure.number for failure in report["each"].output.failed]
    assert doubts == [2, 3]
    assert [(each.step, each.call) for each in both.lost_answers("r")] == [("each", 2), ("each", 3)]


def _people(fake: FakeSlack) -> list[str]:
    return [fake.add_user(name, id=f"U0{name.upper()}00001").join("one") or f"U0{name.upper()}00001" for name in PEOPLE]


PEOPLE = ("ann", "bob")
WHISPER = sr.SendEphemeral(channel="#one", user="{{item}}", text="psst")


def _whispered(fake: FakeSlack) -> list[Any]:
    """Return to whom a whisper was sent, in order, whatever became of it."""
    return [each.arguments["user"] for each in fake.calls_to("chat.postEphemeral")]


@pytest.mark.parametrize("lost", [("reset_before", "applied_then_reset"), ("applied_then_reset", "reset_before")])
def test_two_questions_of_one_loop_are_answered_each_for_itself(lost: tuple[str, str]) -> None:
    """The one that was not carried out is sent again, the other is not."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    people = _people(fake)
    for fault in lost:
        fake.inject("chat.postEphemeral", fault)
    fake.fail_next("conversations.create", "restricted_action")
    each = sr.Step(WHISPER, foreach="people", on_error="continue")
    book = sr.Runbook("b", {"each": each, "room": sr.CreateChannel(name="inc-7")})
    assert both.run(book, {"people": people}, run_id="r").state == "failed"
    for number, fault in enumerate(lost, 1):
        applied = fault == "applied_then_reset"
        reply = {"message_ts": "1.5"} if applied else None
        report = both.resolve("r", "each", call=number, applied=applied, reply=reply)
    assert (report.state, _whispered(fake)[2:]) == ("succeeded", [people[lost.index("reset_before")]])


@pytest.mark.parametrize("fault", ["reset_before", "applied_then_reset"])
def test_a_question_of_a_run_that_succeeded_can_be_answered(journal: Journal, kind: str, fault: str) -> None:
    """A step that may fail is sent again, or taken for done; the other steps stand."""
    fake = world()
    both = Both(fake, journal, kind)
    ann, _ = _people(fake)
    whisper = sr.SendEphemeral(channel="#one", user=ann, text="psst")
    book = sr.Runbook("b", {"a": say("a"), "may": sr.Step(whisper, on_error="continue"), "c": say("c")})
    fake.inject("chat.postEphemeral", fault)
    first = both.run(book, {}, run_id="r")
    assert (first.state, first["may"].outcome) == ("succeeded", "ambiguous")
    (lost,) = both.lost_answers("r")
    with pytest.raises(sr.RunConflict, match="nothing to retry"):
        both.retry("r")
    applied = fault == "applied_then_reset"
    report = both.resolve("r", "may", call=lost.call, applied=applied, reply={"message_ts": "1.5"} if applied else None)
    assert (report.state, report["may"].outcome, report.notes) == ("succeeded", "succeeded", ())
    assert (texts(fake), len(_whispered(fake))) == (["a", "c"], 1 if applied else 2)
    assert both.report("r").to_dict() == report.to_dict()
    assert both.lost_answers("r") == ()
    with pytest.raises(sr.RunConflict, match="nothing to resolve"):
        both.resolve("r", "may", call=lost.call, applied=False)


def test_an_answer_lost_once_more_is_asked_about_once_more() -> None:
    """It is a question of its own, however often; the run stays one that succeeded."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    ann, _ = _people(fake)
    whisper = sr.SendEphemeral(channel="#one", user=ann, text="psst")
    fake.inject("chat.postEphemeral", "reset_before", times=2)
    both.run(sr.Runbook("b", {"may": sr.Step(whisper, on_error="continue")}), {}, run_id="r")
    states = [both.resolve("r", "may", call=1, applied=False)["may"].outcome for _ in range(2)]
    assert (states, len(_whispered(fake))) == (["ambiguous", "succeeded"], 3)


def test_an_answer_about_a_time_that_is_over_sends_nothing() -> None:
    """A step that came again afterwards has done what it should, and stands."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    ann, _ = _people(fake)
    whisper = sr.SendEphemeral(channel="#one", user=ann, text="psst")
    remind = sr.Step(whisper, every=20, until="signals.done", on_error="continue")
    fake.inject("chat.postEphemeral", "reset_before")
    fake.later(30, lambda: both.signal("r", "done"))
    report = both.run(sr.Runbook("b", {"remind": remind}), {}, run_id="r")
    sent = len(_whispered(fake))
    assert (report.state, report["remind"].outcome, sent > 1) == ("succeeded", "succeeded", True)
    report = both.resolve("r", "remind", call=1, applied=False)
    assert (report["remind"].outcome, len(_whispered(fake))) == ("succeeded", sent)


def test_an_answer_for_one_person_is_not_taken_for_another() -> None:
    """A mended loop that begins with somebody else sends to them."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    people = _people(fake)
    fake.lose_reply("chat.postEphemeral")
    fake.fail_next("chat.postEphemeral", "restricted_action", after=1)
    both.run(sr.Runbook("b", {"each": sr.Step(WHISPER, foreach=people)}), {}, run_id="r")
    reply = {"message_ts": "1.5"}
    assert both.resolve("r", "each", call=1, applied=True, reply=reply).state == "failed"
    report = both.retry("r", sr.Runbook("b", {"each": sr.Step(WHISPER, foreach=people[::-1])}))
    assert (report.state, _whispered(fake)) == ("succeeded", [people[0], people[1], people[1]])


@attrs.frozen(kw_only=True)
class Timed(sr.Action[str]):
    """An own action that says another thing each time; ``more`` times."""

    output = str

    more: int = 1

    def flow(self) -> sr.Flow[str]:
        """Say what time it is."""
        for _ in range(self.more):
            now = yield sr.Wait()
            yield call("chat.postEphemeral", channel="#one", user="U0ANN00001", text=f"It is {now}.")
        return "told"


@pytest.mark.parametrize("mended", [False, True])
@pytest.mark.parametrize("more", [1, 2])
def test_an_answer_holds_for_a_request_that_reads_otherwise_now(more: int, mended: bool) -> None:
    """The one at the same place of the same step; a mended step makes another request."""
    sr.register(Timed, name="timed_in_time")
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, "sync")
    _people(fake)
    fake.inject("chat.postEphemeral", "applied_then_reset", after=more - 1)
    book = sr.Runbook("b", {"a": sr.Step(Timed(more=more), save_as={"x": "no"}), "b": say("b")})
    assert both.run(book, {}, run_id="r").state == "ambiguous"
    fake.advance(5)
    assert both.resolve("r", "a", call=more, applied=True, reply={"message_ts": "1.5"}).state == "failed"
    # Sent again is what stands before it, of which nobody was asked.
    sent = more + more - 1
    assert len(fake.calls_to("chat.postEphemeral")) == sent
    fake.advance(5)
    if mended:
        both.retry("r", sr.Runbook("b", {"a": Timed(more=more), "b": say("b")}))
    else:
        both.retry("r")
    assert len(fake.calls_to("chat.postEphemeral")) == sent + (more if mended else more - 1)


def test_what_a_request_made_is_told_whole(journal: Journal, kind: str) -> None:
    """Where an action reads the ID inside of what was made, an answer without it is refused and can be given again."""
    fake = world()
    both = Both(fake, journal, kind, on_ambiguous="fail")
    fake.lose_reply("conversations.create")
    book = sr.Runbook("b", {"room": sr.CreateChannel(name="inc-7"), "say": say("in {{steps.room.channel}}")})
    assert both.run(book, {}, run_id="r").state == "ambiguous"
    (lost,) = both.lost_answers("r")
    assert lost.reply == ("channel.id",)
    for reply in ({}, {"channel": "C0123ABCD"}, {"channel": {}}):
        with pytest.raises(sr.RunbookError, match=r"reply: needs channel\.id of what conversations\.create made"):
            both.resolve("r", "room", call=lost.call, applied=True, reply=reply)
    assert both.resolve("r", "room", call=lost.call, applied=True, reply={"channel": {"id": "C0123ABCD"}}).ok
    assert texts(fake) == ["in C0123ABCD"]


class CancelledMeanwhile:
    """A journal whose run is cancelled in the first wait after something was sent."""

    def __init__(self, fake: FakeSlack) -> None:
        self.fake, self.journal, self.told = fake, sr.MemoryJournal(), False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    def renew(self, *arguments: Any) -> Any:
        """Hold the run, and cancel it."""
        if self.fake.calls_to("chat.postMessage") and not self.told:
            self.told = True
            self.journal.tell("r", "cancel", sr.journal.encode({"reason": "a false alarm"}), self.fake.now)
        return self.journal.renew(*arguments)


@pytest.mark.parametrize(
    "options", [{}, {"on_error": "continue"}, {"every": 60, "until": "signals.x", "on_error": "continue"}]
)
@pytest.mark.parametrize("applied", [True, False])
def test_an_answer_does_not_take_a_cancellation_back(kind: str, applied: bool, options: dict[str, Any]) -> None:
    """It settles the step, and nothing more is sent; only an explicit retry goes on."""
    fake = world()
    both = Both(fake, CancelledMeanwhile(fake), kind)  # type: ignore[arg-type]
    fake.inject("chat.postMessage", "reset_before")
    book = sr.Runbook("b", {"one": sr.Step(say("one"), **options), "two": say("page everybody")})
    report = both.run(book, {}, run_id="r")
    assert (report["one"].outcome, report["two"].outcome) == ("ambiguous", "cancelled")
    reply = {"channel": "C1", "ts": "1.5"} if applied else None
    report = both.resolve("r", "one", call=1, applied=applied, reply=reply)
    assert (report.state, report.stopped_by, texts(fake)) == ("cancelled", None, [])
    assert report["one"].outcome == "cancelled" and report["one"].error is None
    said = "was carried out" if applied else "was not carried out"
    assert report["one"].reason == f"a false alarm; chat.postMessage (call 1) {said}"
    assert both.report("r").to_dict() == report.to_dict()
    assert (both.lost_answers("r"), both.resume_all()) == ((), [])
    with pytest.raises(sr.RunConflict, match="nothing|not in doubt"):
        both.resolve("r", "one", call=1, applied=False)
    if "every" not in options:
        report = both.retry("r")
        assert (report.state, texts(fake)) == (
            "succeeded",
            ["page everybody"] if applied else ["one", "page everybody"],
        )


def test_a_run_that_waits_for_an_answer_can_be_cancelled(kind: str) -> None:
    """Whoever answers later does not set it going again."""
    fake, journal = world(), sr.MemoryJournal()
    both = Both(fake, journal, kind)
    error = _in_doubt(fake, both, "reset_before")
    assert both.cancel("r", "a false alarm") is None
    assert both.resume("r").state == "ambiguous"
    report = both.resolve("r", "whisper", call=error.call, applied=False)
    assert (report.state, texts(fake), len(_whispered(fake))) == ("cancelled", ["a"], 1)
    assert (both.retry("r").state, texts(fake)[0], len(_whispered(fake))) == ("succeeded", "a", 2)


# --- about one incident ----------------------------------------------------------------------------------------------


def test_later_runs_know_what_earlier_ones_about_the_incident_saved(journal: Journal, kind: str) -> None:
    """Declare, update and close are three runs; what is given by hand goes before what was saved."""
    fake = world()
    both = Both(fake, journal, kind)
    declare = sr.Runbook(
        "declare",
        {
            "room": sr.Step(sr.CreateChannel(name="inc-{{id}}"), save_as={"Activity.room": "channel"}),
            "board": sr.Step(
                sr.SendMessage(channel="{{Activity.room}}", text="open"),
                save_as={"board": "ts", "Activity.x": "channel"},
            ),
        },
    )
    update = sr.Runbook(
        "update", {"say": sr.UpdateMessage(channel="{{Activity.room}}", ts="{{board}}", text="{{state}}")}
    )
    both.run(declare, {"id": "1"}, run_id="1/declare", subject="INC-1").raise_for_failure()
    both.run(declare, {"id": "2"}, run_id="2/declare", subject="INC-2").raise_for_failure()
    both.run(
        update, {"state": "fixed", "Activity": {"title": "t"}}, run_id="1/update", subject="INC-1"
    ).raise_for_failure()
    assert (texts(fake, "inc-1"), texts(fake, "inc-2")) == (["fixed"], ["open"])
    by_hand = {"state": "other", "board": fake.channel("inc-2").messages[0].ts, "Activity": {"room": "#inc-2"}}
    both.run(update, by_hand, run_id="1/again", subject="INC-1").raise_for_failure()
    assert texts(fake, "inc-2") == ["other"]
    with pytest.raises(sr.CheckFailed):
        both.run(update, {"state": "x"}, run_id="3/update", subject="INC-3")


# --- what the host's functions give ----------------------------------------------------------------------------------


def test_a_hosts_error_reads_the_same_after_a_crash(journal: Journal, kind: str) -> None:
    """Its code and its text are in the journal, so that the later steps are told the same."""

    def broken() -> None:
        raise ValueError("boo")

    sr.register(broken, name="broken_in_time", repeat="reads")
    fake = world()
    both = Both(fake, journal, kind)
    tell = sr.Step(say("{{error.code}}: {{error.message}}"), run_if="failure")
    book = sr.Runbook(
        "b", {"f": sr.Function(broken, {}, repeat="reads"), "tell": tell, "more": sr.Step(say("m"), run_if="always")}
    )
    report = both.run(book, {}, run_id="r")
    assert texts(fake) == ["ValueError: boo", "m"]
    assert (type(report["f"].error).__name__, str(report["f"].error)) == ("ValueError", "boo")
    again = both.report("r")
    assert again.to_dict() == report.to_dict()


def test_what_a_function_returns_is_what_the_journal_can_hold(journal: Journal, kind: str) -> None:
    """An attrs object becomes its fields, now as after a crash; what cannot be kept fails the step that ran."""
    import attrs

    @attrs.frozen
    class Shift:
        lead: str

    def shift() -> Shift:
        return Shift("ann")

    def odd() -> object:
        return object()

    sr.register(shift, name="shift_in_time", repeat="reads")
    sr.register(odd, name="odd_in_time", repeat="reads")
    fake = world()
    both = Both(fake, journal, kind)
    book = sr.Runbook(
        "b",
        {
            "f": sr.Function(shift, {}, repeat="reads"),
            "say": say("{{steps.f.lead}}"),
            "odd": sr.Function(odd, {}, repeat="reads"),
        },
    )
    report = both.run(book, {}, run_id="r")
    assert texts(fake) == ["ann"]
    assert "the function has run, and what it returned is lost: " in str(report["odd"].error)


class DiesAfter:
    """A journal whose worker dies before it writes what its first piece of work gave."""

    def __init__(self, journal: Journal) -> None:
        self.journal, self.died = journal, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    def settle(self, *arguments: Any) -> None:
        """Write it, but for the first."""
        if not self.died:
            self.died = True
            raise KeyboardInterrupt
        self.journal.settle(*arguments)


def _paged(kind: str, repeat: Any, returns: Any, **options: Any) -> tuple[FakeSlack, Both, list[str]]:
    """Leave a run whose worker died right after a function of the host had run."""
    called: list[str] = []

    def page(who: str) -> Any:
        called.append(who)
        return returns

    sr.register(page, name="page_in_time", repeat=repeat)
    fake = world()
    both = Both(fake, DiesAfter(sr.MemoryJournal()), kind)  # type: ignore[arg-type]
    page_step = sr.Step(sr.Function(page, {"who": "ann"}, repeat=repeat), **options)
    with pytest.raises(KeyboardInterrupt):
        both.run(sr.Runbook("b", {"page": page_step, "say": say("paged {{steps.page.id}}")}), {}, run_id="r")
    assert called == ["ann"]
    return fake, both, called


@pytest.mark.parametrize("applied", [True, False])
def test_a_function_that_a_person_answers_for_is_not_called_again(kind: str, applied: bool) -> None:
    """Its step gives what they say that it returned; if it has done nothing, it is called again."""
    fake, both, called = _paged(kind, "doubles", {"id": 7}, save_as={"page_id": "id"})
    report = both.resume("r")
    assert (report.state, called) == ("ambiguous", ["ann"])
    said = str(report["page"].error)
    assert said == (
        "Step 'page': page was called, and what became of it is not known (the process ended before the answer was "
        "written). Look whether it has done its work, and tell: resolve('r', 'page', call=1, applied=…, reply=what it "
        "returned)."
    )
    assert both.lost_answers("r") == (sr.LostAnswer("page", 1, "page", ("id",), function=True),)
    if applied:
        with pytest.raises(sr.RunbookError, match="reply: needs id of what page returned"):
            both.resolve("r", "page", call=1, applied=True)
    reply = {"id": 8} if applied else None
    report = both.resolve("r", "page", call=1, applied=applied, reply=reply)
    number = 8 if applied else 7
    assert (report.state, report["page"].output, report.saved) == ("succeeded", {"id": number}, {"page_id": number})
    assert (called, texts(fake)) == (["ann"] * (1 if applied else 2), [f"paged {number}"])
    assert both.report("r").to_dict() == report.to_dict()


@pytest.mark.parametrize(
    ("repeat", "choice", "calls"), [("same", None, 2), ("same", "fail", 1), ("doubles", "resend", 2)]
)
def test_a_function_that_may_be_called_twice_is_called_again(kind: str, repeat: str, choice: Any, calls: int) -> None:
    """Nobody is asked, unless the step says so."""
    fake, both, called = _paged(kind, repeat, {"id": 7}, on_ambiguous=choice)
    report = both.resume("r")
    assert len(called) == calls
    assert (report.state, texts(fake)) == (("succeeded", ["paged 7"]) if calls == 2 else ("ambiguous", []))


def test_within_a_step_that_failed_a_function_that_has_run_is_not_called_again() -> None:
    """Of a loop, the items that it did stand; a function that gave nothing counts as well."""
    called: list[str] = []

    def page(who: str) -> None:
        called.append(who)
        if who == "bob" and called.count("bob") == 1:
            raise ValueError("busy")

    sr.register(page, name="page_each_in_time", repeat="doubles")
    both = Both(world(), sr.MemoryJournal(), "sync")
    each = sr.Step(sr.Function(page, {"who": "{{item}}"}), foreach=["ann", "bob", "cy"])
    assert both.run(sr.Runbook("b", {"each": each}), {}, run_id="r").state == "failed"
    report = both.retry("r")
    assert (report.state, called) == ("succeeded", ["ann", "bob", "bob", "cy"])
    assert both.report("r").to_dict() == report.to_dict()


# --- loops -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_item_that_cannot_be_rendered_leaves_the_others(bad: int) -> None:
    """Wherever it stands, the others are done and it is named."""
    fake = world()
    rows = [{"name": name} for name in "abc"]
    rows[bad] = {"room": "db"}
    sr.register(lambda: rows, name=f"rows_{bad}", repeat="reads")
    each = sr.Step(say("hi {{item.name}}"), foreach="steps.rows.value", on_error="continue")
    book = sr.Runbook("b", {"rows": sr.Function(lambda: rows, {}), "each": each})
    with fake.executor() as executor:
        report = executor.run(book)
    assert texts(fake) == [f"hi {row['name']}" for row in rows if "name" in row]
    assert [failure.number for failure in report["each"].output.failed] == [bad + 1]


def test_an_item_that_stops_the_loop_is_listed_once() -> None:
    """With what it had achieved, whether it failed or is in doubt."""
    fake = world()
    fake.add_user("ann", id="U0ANN00001").join("one")
    ask = sr.RequestApproval(channel="#one", text="{{item}}?", approvers="U0ANN00001", expires_in=30)
    with fake.executor() as executor:
        report = executor.run(sr.Runbook("b", {"ask": sr.Step(ask, foreach=["a", "b"])}))
    assert [(failure.number, failure.code) for failure in report["ask"].output.failed] == [(1, "expired")]
    fake.inject("chat.postEphemeral", "applied_then_reset", after=1)
    each = sr.SendEphemeral(channel="#one", user="U0ANN00001", text="{{item}}")
    with fake.executor() as executor:
        report = executor.run(sr.Runbook("b", {"each": sr.Step(each, foreach=["a", "b", "c"])}))
    done = report["each"].output
    assert len(done.items) == 1
    assert [(failure.number, failure.code) for failure in done.failed] == [(2, "AmbiguousOutcome")]


# --- steps in time ---------------------------------------------------------------------------------------------------


def _swept(fake: FakeSlack, both: Both, *, step: float = 60.0, most: int = 400) -> sr.Report:
    """Sweep once a minute until the run has ended, as a worker would."""
    for _ in range(most):
        fake.advance(step)
        for report in both.resume_all():
            if report.state != "waiting":
                return report
    raise AssertionError("the run never ended")


def test_a_step_comes_again_until_a_signal(journal: Journal, kind: str) -> None:
    """A reminder every half hour stops at once when somebody says so, and later steps read what they said."""
    fake = world()
    both = Both(fake, journal, kind)
    remind = sr.Step(say("How does it look?"), every="30m", until="signals.resolved", save_as={"last": "ts"})
    book = sr.Runbook("b", {"remind": remind, "end": say("Resolved by {{signals.resolved.by}} after {{last}}")})
    assert both.run(book, {}, run_id="r").state == "waiting"
    fake.later(95 * 60, lambda: Both(fake, journal, "sync").signal("r", "resolved", {"by": "ann"}))
    report = _swept(fake, both)
    assert report.state == "succeeded"
    stands = fake.channel("one").messages
    assert [message.text for message in stands[:-1]] == ["How does it look?"] * 4
    assert stands[-1].text == f"Resolved by ann after {stands[-2].ts}"
    gaps = [float(after.ts) - float(before.ts) for before, after in itertools.pairwise(stands[:-1])]
    assert all(1800 <= gap <= 1861 for gap in gaps)
    assert float(stands[-1].ts) - float(stands[0].ts) < 97 * 60
    assert both.report("r").to_dict() == report.to_dict()
    with pytest.raises(sr.RunbookError, match="letters, digits"):
        both.signal("r", "not a name")


def test_a_step_comes_again_until_its_own_output_says_so() -> None:
    """Polling: the condition reads what the last time gave, without a journal as well."""
    fake = world()
    left = [3, 2, 1, 0]
    poll = sr.Step(sr.Function(lambda: {"left": left.pop(0)}, {}), every=10, until={"steps.poll.left": 0})
    book = sr.Runbook("b", {"poll": poll, "end": say("{{steps.poll.left}} left")})
    with fake.executor() as executor:
        report = executor.run(book)
    assert (report.state, left, texts(fake)) == ("succeeded", [], ["0 left"])
    assert report["poll"].waited == 30.0


def test_a_condition_that_holds_already_skips_the_step() -> None:
    """There is nothing to remind of."""
    fake = world()
    remind = sr.Step(say("x"), every=60, until="done")
    with fake.executor() as executor:
        report = executor.run(sr.Runbook("b", {"remind": remind}), {"done": True})
    assert (report["remind"].outcome, report["remind"].reason) == ("skipped", "until holds already")


@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_a_time_that_fails(on_error: Any) -> None:
    """It ends the step, or with on_error=continue the next time comes all the same."""
    fake = world()
    fake.fail_next("chat.postMessage", "internal_error", after=1)
    fake.fail_next("chat.postMessage", "restricted_action", after=1)
    count = sr.Step(say("x"), every=60, until="signals.never", expires_after=200, on_error=on_error)
    with fake.executor(on_ambiguous="resend") as executor:
        report = executor.run(sr.Runbook("b", {"count": count, "end": sr.Step(say("e"), run_if="always")}))
    if on_error == "stop":
        assert (report.state, report["count"].outcome, texts(fake)) == ("failed", "failed", ["x", "e"])
    else:
        assert (report.state, report["count"].outcome, texts(fake)) == ("succeeded", "succeeded", ["x", "x", "x", "e"])


def test_a_condition_that_breaks_ends_the_step_with_its_reason() -> None:
    """It is told, and does not loop for ever."""
    fake = world()

    def broken(scope: Any) -> bool:
        if texts(fake):
            raise ValueError("no such thing")
        return False

    count = sr.Step(say("x"), every=60, until=broken)
    with fake.executor() as executor:
        report = executor.run(sr.Runbook("b", {"count": count}))
    assert (report["count"].outcome, texts(fake)) == ("failed", ["x"])
    assert "the predicate raised ValueError: no such thing" in str(report["count"].error)


def test_a_step_waits_after_the_one_before(journal: Journal, kind: str) -> None:
    """From the end of that one, across processes, and plan counts it in."""
    fake = world()
    both = Both(fake, journal, kind)
    book = sr.Runbook("b", {"a": say("a"), "b": sr.Step(say("b"), after="15m"), "c": sr.Step(say("c"), after=20)})
    assert both.plan(book).least_time >= 920
    assert both.run(book, {}, run_id="r").state == "waiting"
    report = _swept(fake, both)
    stands = fake.channel("one").messages
    assert [message.text for message in stands] == ["a", "b", "c"]
    assert 900 <= float(stands[1].ts) - float(stands[0].ts) <= 961
    assert report["c"].waited == 20.0


def test_what_is_no_longer_true_is_not_posted(journal: Journal, kind: str) -> None:
    """A run that is gone on with hours later skips the step; one in the middle of it stops before its next effect."""
    fake = world()
    both = Both(fake, journal, kind)
    now = sr.Step(say("It is down right now"), expires_after="1h")
    both.submit(sr.Runbook("b", {"now": now, "end": say("for the record")}), {}, run_id="late")
    fake.advance(10)
    lease = journal.claim("late", "other", fake.now, 5)
    assert lease is not None
    journal.end(lease, "running", fake.now)
    both.resume("late")
    assert texts(fake) == ["It is down right now", "for the record"]
    fake.fail_next("chat.postMessage", "ratelimited", retry_after=100)
    slow = Both(fake, journal, kind, retry=sr.RetryPolicy(max_wait=10_000))
    assert slow.run(sr.Runbook("c", {"now": now, "end": say("too late")}), {}, run_id="r").state == "waiting"
    fake.advance(2 * 3600)
    (report,) = slow.resume_all()
    assert (report.state, report["now"].outcome) == ("succeeded", "skipped")
    assert report["now"].reason == "more than 3600 seconds had passed since the run began"
    assert texts(fake)[2:] == ["too late"]


def test_a_step_that_has_done_a_part_fails_when_its_time_has_passed(journal: Journal, kind: str) -> None:
    """The channel stands, and the report says so."""
    fake = world()
    room = sr.Step(sr.CreateChannel(name="inc-1", topic="t"), expires_after=60)
    fake.fail_next("conversations.setTopic", "ratelimited", retry_after=100)
    both = Both(fake, journal, kind, retry=sr.RetryPolicy(max_wait=10_000))
    both.run(sr.Runbook("b", {"room": room}), {}, run_id="r")
    fake.advance(200)
    (report,) = both.resume_all()
    assert (report.state, report["room"].output.name) == ("failed", "inc-1")
    assert "It was not done to its end: more than 60 seconds" in str(report["room"].error)


def test_a_step_chooses_what_to_do_about_lost_answers() -> None:
    """Instead of the executor's choice."""
    fake = world()
    for choice, state, posts in (("fail", "ambiguous", 1), ("resend", "succeeded", 2), (None, "succeeded", 1)):
        fake.lose_reply("chat.postMessage")
        before = len(texts(fake))
        with fake.executor() as executor:
            report = executor.run(sr.Runbook("b", {"a": sr.Step(say("x"), on_ambiguous=choice)}))  # type: ignore[arg-type]
        assert (report.state, len(texts(fake)) - before) == (state, posts), choice


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"every": 60}, "every: goes with until, which says when it ends"),
        ({"until": "done"}, 'until: goes with every, which says how often, as every="30m"'),
        ({"every": "soon", "until": "done"}, "every: 'soon' is no time; write it like"),
        ({"every": 0.5, "until": "done"}, "every: must be 1 to 31536000 seconds, not 0.5"),
        ({"every": True, "until": "done"}, 'every: must be seconds, or text such as "30m", not'),
        ({"after": -1}, "after: must be more than 0 to 31536000 seconds, not -1"),
        ({"after": float("nan")}, "after: must be more than 0"),
        ({"after": "2y"}, "after: '2y' is no time"),
        ({"expires_after": "400d"}, "expires_after: must be more than 0 to 31536000 seconds, not 3.456e+07"),
        ({"every": "1h30m", "until": "a = 1"}, "until: 'a = 1' is code"),
        ({"on_ambiguous": "ask"}, "on_ambiguous: must be one of 'reconcile', 'fail', 'resend', not 'ask'"),
    ],
)
def test_times_that_are_none_are_refused(options: dict[str, Any], says: str) -> None:
    """By name, with the form to write."""
    with pytest.raises(sr.RunbookError) as refused:
        sr.Step(say("x"), **options)
    assert says in str(refused.value)


def test_times_are_read_as_people_write_them() -> None:
    """Seconds, text or a timedelta; YAML keeps them, and conditions may read the step itself and signals only."""
    step = sr.Step(say("x"), every="1h 30m", until="signals.done", after=dt.timedelta(days=2), expires_after="1.5d")
    assert (step.every, step.after, step.expires_after) == (5400.0, 172800.0, 129600.0)
    book = sr.Runbook("b", {"a": attrs_evolved(step)})
    assert sr.Runbook.from_dict(book.to_dict()) == book
    text = (
        "name: b\nsteps:\n  a:\n    send_message: {channel: '#one', text: x}\n    every: 30m\n    until: signals.done\n"
    )
    assert sr.Runbook.from_yaml(text).steps["a"].every == 1800.0
    with pytest.raises(sr.RunbookError, match=r"line 6, column \d+.*no step of that name comes before"):
        sr.Runbook.from_yaml(text.replace("signals.done", "steps.b.ts"))
    with pytest.raises(sr.RunbookError, match="gives no 'tss'"):
        sr.Runbook("b", {"a": sr.Step(say("x"), every=5, until="steps.a.tss")})
    with pytest.raises(sr.RunbookError, match="'signals' is the run's own"):
        sr.Step(say("x"), save_as={"signals.x": "ts"})


def attrs_evolved(step: sr.Step) -> sr.Step:
    """Copy a step through pickle."""
    return pickle.loads(pickle.dumps(step))


def test_an_approval_asked_for_by_one_process_is_answered_in_another(tmp_path: Path) -> None:
    """The first process has ended when the person says yes; the journal's file is all that is left."""
    fake = world()
    fake.add_user("ann", id="U0ANN00001").join("one")
    first = sr.SqliteJournal(tmp_path / "runs.db")
    with fake.executor(journal=first) as executor:
        assert executor.run(_asking(), {}, run_id="r").state == "waiting"
    first.close()
    fake.user("ann").react("one", fake.channel("one").messages[0].ts, "white_check_mark")
    fake.advance(600)
    second = sr.SqliteJournal(tmp_path / "runs.db")
    with fake.executor(journal=second) as executor:
        (report,) = executor.resume_all()
    second.close()
    assert (report.state, texts(fake)[1:]) == ("succeeded", ["closed", "told"])


# --- what is told before a step --------------------------------------------------------------------------------------


def test_a_signal_from_before_a_step_is_seen_by_it(journal: Journal) -> None:
    """Told before the run began, between two steps, and in the moment in which a reminder was due again."""
    fake = world()
    remind = sr.Runbook(
        "remind",
        {"ask": sr.Step(say("?"), every="30m", until="signals.resolved"), "end": say("by {{signals.resolved.by}}")},
    )
    go = sr.Runbook("go", {"one": sr.Step(say("go {{signals.go.by}}"), when="signals.go"), "two": say("two")})
    with fake.executor(journal=journal) as executor:
        executor.submit(remind, {}, run_id="remind")
        executor.signal("remind", "resolved", {"by": "Ada"})
        executor.submit(go, {}, run_id="go")
        executor.signal("go", "go", {"by": "Bob"})
        assert [report.state for report in executor.resume_all()] == ["succeeded"] * 2
        assert sorted(texts(fake)) == ["by Ada", "go Bob", "two"]
        executor.run(remind, {}, run_id="later")
        fake.advance(1800)
        executor.signal("later", "resolved", {"by": "Eve"})
        assert executor.resume("later").ok
        assert texts(fake)[3:] == ["?", "by Eve"]
        assert executor.report("later").to_dict() == executor.run(remind, {}, run_id="later").to_dict()


def test_one_bad_run_keeps_no_other_from_going_on(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """One whose record cannot be read is told of in the log, left alone for a while, and comes after the others."""
    fake = world()
    book = sr.Runbook("b", {"a": say("fine")})
    with fake.executor(journal=journal) as executor:
        executor.submit(book, {}, run_id="good")

        class Damaged:
            def __getattr__(self, name: str) -> Any:
                return getattr(journal, name)

            def get(self, run_id: str) -> RunRecord | None:
                record = journal.get(run_id)
                return attrs.evolve(record, spec="{}") if record is not None and run_id.startswith("bad") else record

        for number in range(3):
            executor.submit(book, {}, run_id=f"bad{number}")
    with fake.executor(journal=Damaged()) as executor:
        assert [report.run_id for report in executor.resume_all()] == ["good"]
        assert executor.due() == ()
    assert caplog.text.count("cannot go on") == 3 and texts(fake) == ["fine"]
    fake.advance(61)
    assert len(journal.due(fake.now, 10)) == 3


def test_a_journal_that_is_broken_as_a_whole_is_told(journal: Journal) -> None:
    """It is no single run that cannot go on."""
    fake = world()
    with fake.executor(journal=journal) as executor:
        executor.submit(sr.Runbook("b", {"a": say("x")}), {}, run_id="r")

    class Broken:
        def __getattr__(self, name: str) -> Any:
            return getattr(journal, name)

        def claim(self, *_: Any) -> None:
            raise sr.JournalError("the disk is gone.")

    with fake.executor(journal=Broken()) as executor, pytest.raises(sr.JournalError, match="the disk is gone"):
        executor.resume_all()


@pytest.mark.parametrize("deadline", ["1h", float("nan"), -1, True])
def test_a_deadline_is_seconds(journal: Journal, deadline: Any) -> None:
    """Anything else is refused, and no run is written."""
    fake = world()
    with fake.executor(journal=journal) as executor:
        for begin in (executor.run, executor.submit):
            with pytest.raises(sr.RunbookError, match="deadline: must be seconds"):
                begin(sr.Runbook("b", {"a": say("x")}), {}, run_id="r", deadline=deadline)
    assert journal.get("r") is None


# --- one action under a key ------------------------------------------------------------------------------------------


def test_a_key_that_did_nothing_is_free_again(journal: Journal) -> None:
    """As it is without a journal: what was refused is tried again, what waits says so."""
    fake = world()
    fake.add_user("ann", id="U0ANN00001").join("one")
    fake.fail_next("chat.postMessage", "not_in_channel")
    with fake.executor(journal=journal) as executor:
        with pytest.raises(sr.NotInChannel):
            executor.do(say("x"), key="k")
        assert executor.do(say("x"), key="k") == executor.do(say("x"), key="k")
        assert texts(fake) == ["x"]
        executor.pause("a test")
        with pytest.raises(sr.RunHeld, match="everything is paused; ask again with the same key"):
            executor.do(say("y"), key="paused")
        executor.unpause()
        ask = sr.RequestApproval(channel="#one", text="ok?", approvers="U0ANN00001")
        with pytest.raises(sr.RunHeld, match=r"it waits until .* UTC; ask again with the same key"):
            executor.do(ask, key="ask")
        fake.user("ann").react("one", fake.channel("one").messages[-1].ts, "white_check_mark")
        fake.advance(60)
        assert executor.do(ask, key="ask").approved_by == ("U0ANN00001",)


# --- runs that go on -------------------------------------------------------------------------------------------------


def test_what_a_waiting_run_saved_can_be_read(journal: Journal) -> None:
    """An update finds the board of a declaration that is still waiting."""
    fake = world()
    declare = sr.Runbook(
        "declare",
        {
            "board": sr.Step(say("board"), save_as={"board.channel": "channel", "board.ts": "ts"}),
            "remind": sr.Step(say("?"), every="30m", until="signals.done"),
        },
    )
    update = sr.Runbook("update", {"u": sr.UpdateMessage(channel="{{board.channel}}", ts="{{board.ts}}", text="new")})
    with fake.executor(journal=journal) as executor:
        assert executor.run(declare, {}, run_id="d", subject="INC-1").state == "waiting"
        assert executor.run(update, {}, run_id="u", subject="INC-1").ok
        fake.advance(1800)
        assert executor.resume("d").state == "waiting"
        assert executor.run(update, {}, run_id="u2", subject="INC-1").ok
    assert texts(fake)[0] == "new"


def test_hooks_are_told_of_no_end_that_is_none(journal: Journal) -> None:
    """A worker that is interrupted, or loses its run, tells of what it did and no more."""
    fake = world()
    told: list[str] = []
    book = sr.Runbook("b", {"a": say("a"), "b": say("b"), "c": say("c")})

    def hook(event: sr.Event) -> None:
        told.append(type(event).__name__)
        if isinstance(event, sr.StepFinished) and event.report.name == "a":
            raise KeyboardInterrupt

    with fake.executor(journal=journal, hooks=[hook]) as executor:
        with pytest.raises(KeyboardInterrupt):
            executor.run(book, {}, run_id="r")
        assert executor.report().state == "waiting"
    assert told == ["StepStarted", "StepFinished"]
    with fake.executor(journal=journal) as executor:
        assert executor.resume("r").ok
    assert texts(fake) == ["a", "b", "c"]
