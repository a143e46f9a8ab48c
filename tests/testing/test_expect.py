"""What a test says of the workspace, and what it is told where that is not so."""

from __future__ import annotations

import re
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from slackrunbooks.testing import FakeSlack

NOW = int(FakeSlack().now)


@pytest.fixture
def world() -> FakeSlack:
    """A workspace in which something was said."""
    fake = FakeSlack()
    ann = fake.add_user("ann", id="U0ANN00001")
    fake.add_channel("incidents", members=[ann])
    fake.add_channel("elsewhere")
    fake.add_channel("quiet")
    post = fake.client.chat_postMessage
    first = post(channel="incidents", text="SEV1: Writes &lt;fail&gt;")
    post(channel="incidents", text="<@U0ANN00001> look", thread_ts=first["ts"])
    post(
        channel="incidents",
        text="fallback",
        blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "*Monitoring*: queues drain"}}],
    )
    post(channel="elsewhere", text="Resolved: Writes fail")
    incidents = fake.channel("incidents").id
    fake.client.chat_postEphemeral(channel=incidents, user=ann.id, text="hush")
    post(channel=ann.id, text="hush")
    later = fake.client.chat_scheduleMessage
    metadata = {"event_type": "incident", "event_payload": {"id": "7"}}
    later(channel=incidents, text="never", post_at=int(fake.now) + 60, metadata=metadata)
    fake.advance(120)
    later(channel=incidents, text="retro", post_at=int(fake.now) + 3600)
    rash = post(channel="quiet", text="A rash word")
    fake.client.chat_delete(channel=rash["channel"], ts=rash["ts"])
    with pytest.raises(SlackApiError):
        fake.client.chat_update(channel=rash["channel"], ts="1.2", text="x")
    return fake


def test_a_message_is_found_by_what_people_read(world: FakeSlack) -> None:
    """As sent and as read, in text and blocks, by words and by pattern; the latest that fits is returned."""
    first = world.assert_posted("incidents", "Writes <fail>")
    assert world.assert_posted("#incidents", "&lt;fail&gt;") is first
    assert world.assert_posted("incidents", re.compile(r"^SEV\d")) is first
    assert world.assert_posted("incidents", "queues drain").blocks
    assert world.assert_posted("incidents", "look", thread_ts=first.ts).is_reply
    assert world.assert_posted(world.channel("incidents")).text == "fallback"
    assert world.assert_posted("incidents", "Writes", user=world.bot) is first
    world.assert_not_posted("incidents", "Resolved")
    world.assert_not_posted("incidents", "Writes", user="ann")
    world.assert_not_posted("incidents", "Writes", thread_ts=first.ts)
    world.assert_not_posted("quiet", "Resolved")


def test_people_and_calls(world: FakeSlack) -> None:
    """Who was notified, and what was called with which arguments among others."""
    world.assert_pinged("ann", "U0ANN00001", world.user("ann"))
    call = world.assert_called("chat.postMessage", channel="incidents", text="<@U0ANN00001> look")
    assert call.arguments["thread_ts"]
    FakeSlack().assert_nobody_pinged()


FAILURES: list[tuple[Any, list[str]]] = [
    (
        lambda fake: fake.assert_posted("incidents", "SEV1: Writes <fall>"),
        [
            "no message in #incidents says 'SEV1: Writes <fall>'.",
            "Posted there:",
            "  - SEV1: Writes <fail>",
            "  - @ann look",
            "The nearest (- wanted, + posted):",
            "  - SEV1: Writes <fall>",
            "  + SEV1: Writes <fail>",
        ],
    ),
    (
        lambda fake: fake.assert_posted("incidents", "Resolved"),
        ["no message in #incidents says 'Resolved'.", "It stands in #elsewhere by @runbooks."],
    ),
    (lambda fake: fake.assert_posted("quiet", "x"), ["no message in #quiet says 'x'.", "Nothing was posted there."]),
    (lambda fake: fake.assert_posted("quiet"), ["no message in #quiet is anything."]),
    (lambda fake: fake.assert_posted("quiet", re.compile("a+")), ["no message in #quiet matches 'a+'."]),
    (
        lambda fake: fake.assert_posted("incidents", "SEV1", thread_ts=fake.channel("incidents").messages[0].ts),
        ["in the thread ", "  - @ann look"],
    ),
    (
        lambda fake: fake.assert_not_posted("incidents", "queues"),
        ["a message by @runbooks in #incidents says 'queues': 'fallback\\n*Monitoring*: queues drain'."],
    ),
    (
        lambda fake: fake.assert_posted("incidents", "Writes", user="ann"),
        [
            "no message by @ann in #incidents says 'Writes'.",
            "Nothing was posted there by @ann.",
            "It stands in #incidents by @runbooks; in #elsewhere by @runbooks.",
        ],
    ),
    (
        lambda fake: fake.assert_posted("quiet", "look"),
        [f"It stands in the thread {NOW}.000000 of #incidents by @runbooks."],
    ),
    (
        lambda fake: fake.assert_posted("incidents", "hush"),
        ["It was shown to @ann only, as an ephemeral message.", "It stands in the direct message ann by @runbooks."],
    ),
    (
        lambda fake: fake.assert_posted("incidents", "retro"),
        ["It was scheduled for 3600 s from now: pending."],
    ),
    (
        lambda fake: fake.assert_posted("incidents", "never"),
        ["It was scheduled for -60 s from now: dropped, but it has metadata."],
    ),
    (
        lambda fake: fake.assert_nobody_pinged(),
        ["somebody was notified. Notified: ann by <@U0ANN00001> in #incidents; ann by dm in the direct message ann."],
    ),
    (
        lambda fake: fake.assert_called("chat.update", ts="1.2"),
        ["chat.update was called with ts='1.2', and Slack refused it: message_not_found.", "calls_to('chat.update')"],
    ),
    (
        lambda fake: fake.assert_called("chat.update"),
        ["chat.update was called, and Slack refused it: message_not_found."],
    ),
    (
        lambda fake: fake.assert_not_posted("quiet", "rash"),
        ["a message by @runbooks in #quiet says 'rash': 'A rash word'. It was deleted later."],
    ),
    (
        lambda fake: fake.assert_not_posted("quiet"),
        ["a message by @runbooks in #quiet is anything: 'A rash word'. It was deleted"],
    ),
    (lambda fake: fake.assert_posted("quiet", "rash"), ["no message in #quiet says 'rash'."]),
    (lambda fake: fake.assert_called("chat.delete", ts="1.2"), ["chat.delete was not called with ts='1.2', but with:"]),
    (
        lambda fake: fake.assert_called("pins.add"),
        ["pins.add was not called. Called: chat.postMessage, chat.postEphemeral, chat.scheduleMessage, chat.delete,"],
    ),
    (
        lambda fake: fake.assert_called("chat.postMessage", channel="far"),
        ["chat.postMessage was not called with channel='far', but with:", "  - channel='incidents' and text"],
    ),
]


@pytest.mark.parametrize(("claim", "lines"), FAILURES)
def test_a_failure_teaches(world: FakeSlack, claim: Any, lines: list[str]) -> None:
    """It says what was wanted, what is there, the nearest to it, and where else it stands."""
    with pytest.raises(AssertionError) as failed:
        claim(world)
    for line in lines:
        assert line in str(failed.value)


def test_who_was_not_notified_is_named() -> None:
    """Somebody else's ping does not count."""
    fake = FakeSlack()
    fake.add_user("bob")
    with pytest.raises(AssertionError, match=r"bob was not notified\. Nobody was notified\."):
        fake.assert_pinged("bob")


def test_an_assertion_that_would_say_nothing_is_refused(world: FakeSlack) -> None:
    """Nobody was notified is another sentence than somebody was."""
    with pytest.raises(TypeError, match="assert_pinged needs at least one person"):
        world.assert_pinged()


def test_a_call_whose_answer_was_lost_was_made() -> None:
    """What counts is what Slack did."""
    fake = FakeSlack()
    fake.add_channel("a")
    fake.lose_reply("chat.postMessage")
    with pytest.raises(Exception, match="reset|aborted|closed"):
        fake.client.chat_postMessage(channel="a", text="x")
    assert fake.assert_called("chat.postMessage", text="x").fault == "applied_then_reset"


def test_a_refusal_explains_an_empty_channel() -> None:
    """Where Slack refused the message, the failure says so."""
    fake = FakeSlack(scopes=["chat:write"])
    fake.add_channel("away", is_member=False)
    with pytest.raises(Exception, match="not_in_channel"):
        fake.client.chat_postMessage(channel="away", text="x")
    with pytest.raises(AssertionError, match=r"Slack refused chat\.postMessage: not_in_channel"):
        fake.assert_posted("away", "x")


def test_a_long_channel_is_shown_in_part() -> None:
    """The last dozen messages are listed, and how many there are."""
    fake = FakeSlack()
    fake.add_channel("a")
    for number in range(20):
        fake.client.chat_postMessage(channel="a", text=f"message {number}")
    with pytest.raises(AssertionError) as failed:
        fake.assert_posted("a", "nothing of it")
    assert "Posted there, the last 12 of 20:" in str(failed.value)
    assert "message 7" not in str(failed.value) and "message 8" in str(failed.value)


def test_people_act_later_and_change_their_own_messages() -> None:
    """What was put off happens at its time, each thing stamped with it, also when nobody looked meanwhile."""
    fake = FakeSlack()
    ann = fake.add_user("ann")
    bob = fake.add_user("bob")
    fake.add_channel("a", members=[ann, bob])
    start = fake.now
    said = ann.post("a", "one")
    fake.later(10, lambda: ann.edit("a", said.ts, "two"))
    fake.later(20, lambda: bob.post("a", "three", thread_ts=said.ts))
    fake.later(30, lambda: bob.leave("a"))
    fake.advance(100)
    assert (said.text, said.edited) == ("two", {"user": ann.id, "ts": f"{start + 10:.6f}"})
    assert said.replies[0].ts == f"{start + 20:.6f}"
    assert bob.id not in fake.channel("a").members
    for wrong in (lambda: ann.delete("a", said.ts), lambda: bob.edit("a", said.ts, "x"), lambda: fake.later(-1, print)):
        with pytest.raises(ValueError):
            wrong()
    other = ann.post("a", "gone soon")
    ann.delete("a", other.ts)
    assert other in fake.channel("a").deleted and other not in fake.channel("a").messages
    with pytest.raises(ValueError, match="has not reacted"):
        ann.unreact("a", said.ts, "eyes")


PEOPLE: list[tuple[Any, str]] = [
    (lambda ann: ann.react("a", "1.000000", "eyes"), "there is no message 1.000000 in 'a'"),
    (lambda ann: ann.post("a", "x", thread_ts="1.000000"), "there is no message 1.000000 in 'a'"),
    (lambda ann: ann.edit("a", "1.000000", "x"), "there is no message 1.000000 in 'a'"),
    (lambda ann: ann.post("other", "x"), "'ann' is not in 'other'; join"),
    (lambda ann: (ann.archive("a"), ann.post("a", "x")), "'a' is archived; unarchive"),
]


@pytest.mark.parametrize(("act", "said"), PEOPLE)
def test_people_cannot_do_what_slack_would_not_let_them(act: Any, said: str) -> None:
    """Who is not there, what is not there, and a closed channel: each is said plainly."""
    fake = FakeSlack()
    ann = fake.add_user("ann")
    fake.add_channel("a", members=[ann])
    fake.add_channel("other")
    with pytest.raises(ValueError, match=re.escape(said)):
        act(ann)


def test_what_fails_later_reaches_the_test_and_not_the_code_under_test() -> None:
    """A call is answered as ever; the test's next look raises, once, also if a later act looked meanwhile."""
    fake = FakeSlack()
    ann = fake.add_user("ann")
    fake.add_channel("a", members=[ann])
    fake.later(5, lambda: ann.react("a", "1.000000", "eyes"))
    fake.later(6, lambda: ann.post(fake.channel("a"), "still here"))
    fake.clock.advance(10)
    assert fake.client.chat_postMessage(channel="a", text="x")["ok"]
    assert [str(each) for each in fake.mishaps] == ["there is no message 1.000000 in 'a'"]
    with pytest.raises(ValueError, match=r"there is no message 1\.000000"):
        fake.assert_posted("a", "still here")
    assert fake.mishaps == []
    fake.assert_posted("a", "still here")


def test_an_asynchronous_act_is_refused() -> None:
    """It would only be created, and never run."""
    fake = FakeSlack()

    async def act() -> None:
        raise AssertionError

    fake.later(5, act)
    with pytest.raises(TypeError, match=r"later\(\) takes a plain function, and .*act is asynchronous"):
        fake.advance(5)


def test_a_channel_that_is_given_as_an_object_is_up_to_date() -> None:
    """What was due in the meantime stands in it."""
    fake = FakeSlack()
    ann = fake.add_user("ann")
    channel = fake.add_channel("a", members=[ann])
    fake.later(5, lambda: ann.post(channel, "now"))
    fake.clock.advance(5)
    fake.assert_posted(channel, "now")
    assert "now" in fake.transcript(channel)
