"""Lost answers: whatever becomes of a request, its effect happens once, or the run says that nobody knows.

Each action of the catalogue that changes something meets each kind of loss, once before and once after Slack acted,
with a look-up that works, one that fails and one whose scope is missing.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.slack_methods import call
from slackrunbooks.testing import FakeSlack

from .catalogue import CONTEXT, Case
from .losses import CHANGING, FATES, LOOKS, LOSSES, READS, break_look_ups, effects, plainly, ready, writes
from .ways import WAYS, Way, open_way


@pytest.mark.parametrize("case", CHANGING, ids=lambda case: case.name)
def test_an_effect_happens_once_or_the_run_says_that_nobody_knows(case: Case) -> None:
    """Ten kinds of loss at each changing call of the action, under three fates of the look-up."""
    wanted, written = plainly(case), writes(case)
    ends: Counter[str] = Counter()
    for fault, applied in LOSSES.values():
        for at, method in enumerate(written):
            for fate in FATES:
                fake, action = ready(case)
                before = effects(fake)
                same = written[:at].count(method)
                fake.inject(method, fault, after=same)
                break_look_ups(fake, fate, method)
                end = _do(fake, action)
                ends[end] += 1
                told = f"{case.name}: {fault} at {method}, look-up {fate}: {end}"
                after = effects(fake)
                for what, number in after.items():
                    assert number <= max(wanted[what], before[what]), f"{told}: {what} doubled"
                if end == "succeeded":
                    assert after == wanted, f"{told}: something is missing"
                assert applied or end != "lost", told
    assert set(ends) <= {"succeeded", "ambiguous", "refused"}


def _do(fake: FakeSlack, action: sr.Action[Any]) -> str:
    with fake.executor() as executor:
        try:
            executor.do(action, CONTEXT)
        except sr.AmbiguousOutcome:
            return "ambiguous"
        except (sr.SlackError, sr.ApprovalRefused):
            return "refused"
        return "succeeded"


def test_the_control_doubles() -> None:
    """With ``on_ambiguous="resend"`` the same losses do double, so that the proof above can fail."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.lose_reply("chat.postMessage")
    with fake.executor(on_ambiguous="resend") as executor:
        executor.do(sr.SendMessage(channel="#incidents", text="x"))
    assert len(fake.channel("incidents").messages) == 2


# --- each recipe -----------------------------------------------------------------------------------------------------


def _world(way: Way) -> FakeSlack:
    ann = way.fake.add_user("ann", id="U0ANN00001")
    way.fake.add_channel("incidents", members=[ann])
    return way.fake


SETTLED: list[tuple[str, str, Any, list[str]]] = [
    ("message", "chat.postMessage", lambda f: sr.SendMessage(channel="#incidents", text="x"), ["chat.postMessage"]),
    (
        "direct message",
        "chat.postMessage",
        lambda f: sr.SendDirectMessage(users="U0ANN00001", text="x"),
        ["chat.postMessage", "conversations.open"],
    ),
    ("channel", "conversations.create", lambda f: sr.CreateChannel(name="inc-7"), ["conversations.create"]),
    (
        "scheduled message",
        "chat.scheduleMessage",
        lambda f: sr.ScheduleMessage(channel="#incidents", text="x", post_at=int(f.now) + 3600),
        ["chat.scheduleMessage"],
    ),
    (
        "bookmark",
        "bookmarks.add",
        lambda f: sr.AddBookmark(channel="#incidents", title="Board", link="https://example.com"),
        ["bookmarks.add"],
    ),
    (
        "file",
        "files.completeUploadExternal",
        lambda f: sr.UploadFile(channel="#incidents", content=b"x", filename="x.txt"),
        ["upload", "files.completeUploadExternal"],
    ),
    (
        "archive",
        "conversations.archive",
        lambda f: sr.ArchiveChannel(channel="#incidents"),
        ["conversations.archive", "conversations.archive"],
    ),
    (
        "topic",
        "conversations.setTopic",
        lambda f: sr.SetTopic(channel="#incidents", topic="x"),
        ["conversations.setTopic", "conversations.setTopic"],
    ),
    (
        "new name",
        "conversations.rename",
        lambda f: sr.RenameChannel(channel=_own(f), name="inc-8"),
        ["conversations.rename"],
    ),
]


LOOKED = [row for row in SETTLED if row[1] in LOOKS and row[0] != "file"]


def _own(fake: FakeSlack) -> str:
    """Make the app the creator of its channel."""
    channel = fake.channel("incidents")
    channel.creator = fake.bot.id
    return channel.id


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize(("method", "make", "sent"), [row[1:] for row in SETTLED], ids=[row[0] for row in SETTLED])
def test_a_lost_answer_is_looked_up_or_sent_again(name: str, method: str, make: Any, sent: list[str]) -> None:
    """What was applied is found and not sent again; what may be sent twice is; the output is the usual one."""
    with open_way(name) as way:
        fake = _world(way)
        action = make(fake)
        fake.lose_reply(method)
        output = way.do(action)
        assert [called for called in way.sent() if called not in READS] == sent
        assert output is not None
        if method == "chat.postMessage":
            assert fake.channel(output.channel).log[output.ts].text == "x"


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize(("method", "make"), [row[1:3] for row in LOOKED], ids=[row[0] for row in LOOKED])
def test_what_was_not_applied_is_sent_again_after_the_quiet_period(name: str, method: str, make: Any) -> None:
    """Only after ten seconds and a second look is a request taken for not done."""
    with open_way(name) as way:
        fake = _world(way)
        fake.inject(method, "reset_before")
        way.do(make(fake))
        assert way.sent().count(method) == 2
        assert 10.0 in fake.naps


@pytest.mark.parametrize("channel", ["#incidents", None])
@pytest.mark.parametrize("loss", ["reset_before", "applied_then_reset"])
def test_a_file_is_shared_once(channel: str | None, loss: str) -> None:
    """A completion that was lost is found among the app's own files, also behind many others, or sent again."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    with fake.executor() as executor:
        for number in range(101):
            executor.do(sr.UploadFile(channel=channel, content=b"x", filename=f"{number}.txt"))
        fake.inject("files.completeUploadExternal", loss)
        executor.do(sr.UploadFile(channel=channel, content=b"x", filename="x.txt"))
    assert [file.name for file in fake.files if file.is_complete][100:] == ["100.txt", "x.txt"]
    assert len(fake.channel("incidents").messages) == (102 if channel else 0)


def test_an_effect_that_comes_late_is_still_found() -> None:
    """A request that Slack carries out seconds after the connection was lost is not sent again."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.inject("chat.postMessage", "reset_before")
    action = sr.SendMessage(channel="#incidents", text="x")
    with fake.executor() as executor:
        # What the connection lost arrives six seconds later, with the very arguments of the request.
        fake.later(6, lambda: fake.client.api_call("chat.postMessage", data=_as_sent(fake)))
        executor.do(action)
    assert [message.text for message in fake.channel("incidents").messages] == ["x"]


def _as_sent(fake: FakeSlack) -> dict[str, Any]:
    arguments = next(call.arguments for call in fake.calls if call.method == "chat.postMessage")
    return {key: json.dumps(value) if isinstance(value, dict) else value for key, value in arguments.items()}


def test_without_a_quiet_period_it_would_be_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: looked for too early, the message is sent again and stands twice."""
    monkeypatch.setattr("slackrunbooks._settle.QUIET", 1.0)
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.inject("chat.postMessage", "reset_before")
    with fake.executor() as executor:
        fake.later(6, lambda: fake.client.api_call("chat.postMessage", data=_as_sent(fake)))
        executor.do(sr.SendMessage(channel="#incidents", text="x"))
    fake.advance(10)
    assert len(fake.channel("incidents").messages) == 2


def test_a_request_that_comes_late_does_not_undo_a_later_step() -> None:
    """What may be sent twice is sent again only when the first can no longer come behind it."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.inject("conversations.setTopic", "reset_before")
    book = sr.Runbook("b", {name: sr.SetTopic(channel="#incidents", topic=name) for name in ("open", "closed")})

    def arrive() -> None:
        fake.client.api_call("conversations.setTopic", data=fake.calls_to("conversations.setTopic")[0].arguments)

    with fake.executor() as executor:
        fake.later(6, arrive)
        executor.run(book).raise_for_failure()
    fake.advance(10)
    assert fake.channel("incidents").topic == "closed"


@pytest.mark.parametrize("fault", ["refused", "ratelimited"])
def test_what_may_have_been_done_is_not_called_refused(fault: str) -> None:
    """After a lost answer, a request that is refused until nobody tries any more is in doubt, not undone."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.lose_reply("conversations.setTopic")
    fake.inject("conversations.setTopic", fault, times=9, after=1)
    with fake.executor() as executor, pytest.raises(sr.AmbiguousOutcome, match="it was refused each time"):
        executor.do(sr.SetTopic(channel="#incidents", topic="x"))
    assert fake.channel("incidents").topic == "x"


def test_an_end_between_two_attempts_is_ambiguous(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a request waits to be sent a third time leaves it in doubt, for the first may have been done."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.lose_reply("conversations.setTopic")
    fake.inject("conversations.setTopic", "ratelimited", after=1)
    sleep = fake.clock.sleep_until

    def sleep_until(when: float) -> None:
        if fake.naps:
            raise KeyboardInterrupt
        sleep(when)

    monkeypatch.setattr(fake.clock, "sleep_until", sleep_until)
    with fake.executor() as executor:
        with pytest.raises(KeyboardInterrupt):
            executor.run(sr.Runbook("b", {"a": sr.SetTopic(channel="#incidents", topic="x")}), run_id="r")
        assert executor.report("r")["a"].outcome == "ambiguous"
    assert fake.channel("incidents").topic == "x"


def test_somebody_elses_message_and_channel_are_not_taken_for_ours() -> None:
    """A message with the key by another app, and a channel of the name by somebody else, prove nothing."""
    fake = FakeSlack()
    ann = fake.add_user("ann")
    fake.inject("conversations.create", "reset_before")
    fake.later(0, lambda: fake.add_channel("inc-7", creator=ann))
    with fake.executor() as executor, pytest.raises(sr.NameTaken):
        executor.do(sr.CreateChannel(name="inc-7"))
    assert fake.channel("inc-7").creator == ann.id


def test_two_alike_are_nobody_s_guess() -> None:
    """Two messages that wait for the same time in the same channel leave it open which is ours."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    at = int(fake.now) + 3600
    action = sr.ScheduleMessage(channel="#incidents", text="x", post_at=at)
    with fake.executor() as executor:
        executor.do(action)
        fake.lose_reply("chat.scheduleMessage")
        with pytest.raises(sr.AmbiguousOutcome, match="2 messages wait for that time"):
            executor.do(action)
    assert len(fake.scheduled) == 2


def _at(fake: FakeSlack) -> int:
    return int(fake.now) + 3600


def _later(fake: FakeSlack, text: str) -> sr.ScheduleMessage:
    return sr.ScheduleMessage(channel="#incidents", text=text, post_at=_at(fake))


def _board(fake: FakeSlack, title: str) -> sr.AddBookmark:
    return sr.AddBookmark(channel="#incidents", title=title, link="https://example.com")


@pytest.mark.parametrize("fault", ["reset_before", "applied_then_reset"])
@pytest.mark.parametrize(
    ("method", "make", "texts"),
    [
        ("chat.scheduleMessage", _later, ["page", "close"]),
        ("chat.scheduleMessage", _later, ["page", "page"]),
        ("bookmarks.add", _board, ["board", "board"]),
    ],
    ids=["another text", "the same text", "bookmark"],
)
def test_what_another_step_made_is_not_taken_for_the_lost_one(
    fault: str, method: str, make: Any, texts: list[str]
) -> None:
    """Two for the same time in the same channel, or two bookmarks alike: each stands, once."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.inject(method, fault, after=1)
    book = sr.Runbook("b", {name: make(fake, text) for name, text in zip(("one", "two"), texts, strict=True)})
    with fake.executor() as executor:
        report = executor.run(book)
    assert report.state == "succeeded"
    scheduled = [each.text for each in fake.scheduled]
    assert (scheduled or [each["title"] for each in fake.channel("incidents").bookmarks]) == texts
    first, second = (step.output for step in report.steps)
    assert first != second


@pytest.mark.parametrize(
    ("fault", "theirs", "ours", "state"),
    [
        ("applied_then_reset", "Close <@U0ANN00001>", "Page <@U0ANN00001> &amp; https://example.com", "succeeded"),
        ("reset_before", "Close", "Page", "ambiguous"),
        ("applied_then_reset", "Page", "Page", "ambiguous"),
    ],
)
def test_a_message_of_another_run_for_the_same_time(fault: str, theirs: str, ours: str, state: str) -> None:
    """Ours is known by its text; where only another text waits, nobody knows how Slack would show ours."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    at = _at(fake)
    with fake.executor() as executor:
        executor.do(sr.ScheduleMessage(channel="#incidents", text=theirs, post_at=at))
        fake.inject("chat.scheduleMessage", fault)
        report = executor.run(sr.Runbook("b", {"a": sr.ScheduleMessage(channel="#incidents", text=ours, post_at=at)}))
    assert report.state == state
    if state == "succeeded":
        assert report["a"].output.scheduled_message_id == fake.scheduled[1].id
    assert len(fake.scheduled) == (1 if fault == "reset_before" else 2)


@pytest.mark.parametrize(
    ("sent", "listed", "same"),
    [
        ("See https://example.com/a?b=1&amp;c", "See <https://example.com/a?b=1&amp;c>", True),
        ("See example.com", "See <http://example.com|example.com>", True),
        ("Write to a@example.com", "Write to <mailto:a@example.com|a@example.com>", True),
        ("It burns 🔥", "It burns :fire:", True),
        ("Call <@U0ANN00001>", "Call <@U0ANN00001|ann>", True),
        ("Störung", "Störung", True),
        ("Call <@U0ANN00001>", "Call <@U0BOB00001>", False),
        ("Störung", "Storno", False),
    ],
)
def test_a_text_is_known_as_slack_shows_it(sent: str, listed: str, same: bool) -> None:
    """Links, people and emoji stand there in another form than they were sent in."""
    from slackrunbooks._settle import reads_as

    assert reads_as(sent) == reads_as(sent)
    assert (reads_as(sent) == reads_as(listed)) is same


def test_an_id_that_slack_lists_as_a_number_is_the_one_that_it_gave() -> None:
    """The page of one method shows Q1298393284, that of the other 1298393284."""
    from slackrunbooks._effects import Reply
    from slackrunbooks._settle import Doubt, recipe

    def look(*others: str) -> Any:
        asked = call("chat.scheduleMessage", channel="C0123ABCD", text="x", post_at=5000)
        flow = recipe(Doubt(asked, 100.0, others=frozenset(others)))
        assert flow is not None
        next(flow)
        flow.send(200.0)
        listed = [{"id": 1298393284, "post_at": 5000, "date_created": 100, "text": "x"}]
        try:
            flow.send(Reply({"ok": True, "scheduled_messages": listed}))
        except StopIteration as stop:
            return stop.value.reply["scheduled_message_id"]
        return None

    assert (look(), look("Q1298393284"), look("Q1")) == ("Q1298393284", None, "Q1298393284")


@pytest.mark.parametrize(
    ("method", "code", "make"),
    [
        (
            "chat.deleteScheduledMessage",
            "invalid_scheduled_message_id",
            lambda f: sr.CancelScheduledMessage(channel="#incidents", scheduled_message_id=_waiting(f)),
        ),
        (
            "conversations.canvases.create",
            "channel_canvas_already_exists",
            lambda f: sr.CreateCanvas(channel="#incidents", markdown="x"),
        ),
        (
            "conversations.leave",
            "channel_not_found",
            lambda f: sr.LeaveChannel(channel=f.add_channel("hidden", is_private=True, members=[f.add_user("ann")]).id),
        ),
    ],
)
def test_an_error_that_leaves_it_open_is_no_success(method: str, code: str, make: Any) -> None:
    """Sent again, Slack's error may come from the first attempt or from somebody else, so a person is asked."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    action = make(fake)
    fake.lose_reply(method)
    with (
        fake.executor() as executor,
        pytest.raises(sr.AmbiguousOutcome, match="sent again, Slack's error leaves it open"),
    ):
        executor.do(action)
    assert fake.calls_to(method)[-1].error == code


def test_a_new_name_that_somebody_else_has_is_refused() -> None:
    """Lost before Slack acted, and taken by another channel meanwhile."""
    fake = FakeSlack()
    fake.add_channel("incidents", creator=fake.bot)
    fake.inject("conversations.rename", "reset_before")
    fake.later(0, lambda: fake.add_channel("inc-8"))
    with fake.executor() as executor, pytest.raises(sr.NameTaken):
        executor.do(sr.RenameChannel(channel="#incidents", name="inc-8"))
    assert fake.channel("incidents").previous_names == []


@pytest.mark.parametrize(
    ("method", "make", "field"),
    [
        ("conversations.rename", lambda f: sr.RenameChannel(channel=_own(f), name="inc-8"), "channel.id"),
        ("conversations.join", lambda f: sr.JoinChannel(channel=f.channel("incidents").id), "channel.id"),
        (
            "conversations.open",
            lambda f: sr.SendDirectMessage(users=["U0ANN00001", "U0BOB00002"], text="x"),
            "channel.id",
        ),
        (
            "bookmarks.edit",
            lambda f: sr.EditBookmark(channel="#incidents", bookmark_id=_board_id(f), title="y"),
            "bookmark.id",
        ),
    ],
)
def test_a_person_is_asked_for_what_the_action_reads(method: str, make: Any, field: str) -> None:
    """An answer that the action goes on with has to be told, or the step would fail for the lack of it."""
    fake = FakeSlack()
    fake.add_user("ann", id="U0ANN00001")
    fake.add_user("bob", id="U0BOB00002")
    fake.add_channel("incidents")
    book = sr.Runbook("b", {"a": make(fake)})
    fake.lose_reply(method)
    with fake.executor(journal=sr.MemoryJournal(), on_ambiguous="fail") as executor:
        report = executor.run(book, run_id="r")
        call = len(report["a"].calls)
        with pytest.raises(sr.RunbookError, match=f"needs {field} of what {method} made"):
            executor.resolve("r", "a", call=call, applied=True)


def _board_id(fake: FakeSlack) -> str:
    answer = fake.client.bookmarks_add(
        channel_id=fake.channel("incidents").id, title="x", type="link", link="https://example.com"
    )
    return str(answer["bookmark"]["id"])


def _waiting(fake: FakeSlack) -> str:
    answer = fake.client.chat_scheduleMessage(channel="incidents", text="x", post_at=int(fake.now) + 600)
    return str(answer["scheduled_message_id"])


def test_an_error_that_proves_it_counts_only_after_a_lost_answer() -> None:
    """``already_pinned`` behind a lost answer is our own pin; without one it is what the output tells."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    with fake.executor() as executor:
        sent = executor.do(sr.SendMessage(channel="#incidents", text="x"))
        fake.lose_reply("pins.add")
        pin = sr.PinMessage(channel=sent, ts=sent.ts)
        assert not executor.do(pin).already_pinned
        assert executor.do(pin).already_pinned


def test_an_interruption_while_it_is_looked_up_is_ambiguous() -> None:
    """Ctrl-C in the quiet period leaves the request in doubt, and the report says so."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.inject("chat.postMessage", "reset_before")

    def stop() -> None:
        raise KeyboardInterrupt

    with fake.executor() as executor:
        fake.later(5, stop)
        with pytest.raises(KeyboardInterrupt):
            executor.run(sr.Runbook("b", {"say": sr.SendMessage(channel="#incidents", text="x")}), {}, run_id="r")
        step = executor.report("r")["say"]
    assert step.outcome == "ambiguous"


def test_after_enough_losses_it_is_refused_and_not_ambiguous() -> None:
    """What was never carried out, however often it was sent, is a plain failure."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.inject("chat.postMessage", "reset_before", times=3)
    with (
        fake.executor(retry=sr.RetryPolicy(attempts=3)) as executor,
        pytest.raises(sr.SlackUnavailable, match="each time"),
    ):
        executor.do(sr.SendMessage(channel="#incidents", text="x"))
    assert fake.channel("incidents").messages == []


def test_the_key_on_a_message_tells_nothing_and_is_its_own() -> None:
    """Two runs and two steps have different keys; none shows the run's name; the author's metadata stays."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    metadata = {"event_type": "incident", "event_payload": {"id": "7"}}
    message = sr.SendMessage(channel="#incidents", text="x", metadata=metadata)
    book = sr.Runbook("b", {"one": message, "two": message})

    async def go() -> None:
        async with fake.async_executor() as executor:
            await executor.run(book, {}, run_id="secret-name/2")

    with fake.executor() as executor:
        executor.run(book, {}, run_id="secret-name/1")
    asyncio.run(go())
    stored = [each.metadata or {} for each in fake.channel("incidents").messages]
    keys = [each["event_payload"]["slackrunbooks_step"] for each in stored]
    assert len(set(keys)) == 4 and not any("secret" in key for key in keys)
    assert all(each["event_payload"]["id"] == "7" for each in stored)


@pytest.mark.parametrize("channel", ["#incidents", "#two"])
def test_a_second_lost_answer_is_looked_up_by_the_same_key(channel: str) -> None:
    """The request that is sent again bears the key of the first, and is found by it."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.add_channel("two")
    fake.inject("chat.postMessage", "reset_before")
    fake.inject("chat.postMessage", "applied_then_reset", after=1)
    with fake.executor() as executor:
        sent = executor.do(sr.SendMessage(channel=channel, text="x"))
    assert [message.ts for message in fake.channel(channel.lstrip("#")).messages] == [sent.ts]
    assert len(fake.calls_to("chat.postMessage")) == 2


@attrs.frozen
class Odd(sr.Action[None]):
    """An own action with metadata that is none."""

    def flow(self) -> Any:
        """Send it as it is."""
        yield call("chat.postMessage", channel="#incidents", text="x", metadata={"event_payload": "text"})


def test_metadata_of_an_own_action_is_left_to_slack() -> None:
    """What no key can be joined with is sent as it is; nothing is raised out of a run."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    book = sr.Runbook(
        "b", {"odd": Odd(), "end": sr.Step(sr.SendMessage(channel="#incidents", text="e"), run_if="always")}
    )
    with fake.executor() as executor:
        report = executor.run(book)
    assert report["end"].outcome == "succeeded"
    assert fake.calls_to("chat.postMessage")[0].arguments["metadata"] == {"event_payload": "text"}


def test_every_recipe_is_in_the_table_of_methods() -> None:
    """What a look-up asks is named with the method, so that a check can tell its scopes; and the other way round."""
    from slackrunbooks._settle import _RECIPES
    from slackrunbooks.slack_methods import METHODS

    assert {name for name, method in METHODS.items() if method.settled_by} == set(_RECIPES)
    assert all(METHODS[method.settled_by].repeat.value == "reads" for method in METHODS.values() if method.settled_by)
