"""Runs that outlast their process: submitted, let go, cancelled, answered, tried again, and about one incident."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import slackrunbooks as sr
from slackrunbooks.journal import Entry
from slackrunbooks.testing import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from slackrunbooks.journal import Journal


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """Each store."""
    kept: Journal = sr.MemoryJournal() if request.param == "memory" else sr.SqliteJournal(tmp_path / "runs.db")
    yield kept
    kept.close()


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
    assert report.state == "cancelled"
    assert report["after"].reason == "it was not done within 600 seconds"
    assert len(texts(fake)) == 1


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
    report = both.resolve("r", "whisper", call=error.call, applied=True, reply={"message_ts": "1.5"})
    assert (report.state, texts(fake)) == ("succeeded", ["a", "c 1.5"])
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
