"""Messages for later and for one person, asserted on the fake workspace, synchronously and asynchronously."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks.actions.chat import EphemeralSent, SendEphemeral
from slackrunbooks.actions.scheduled import (
    CancelScheduledMessage,
    MessageScheduled,
    ScheduledMessageCancelled,
    ScheduleMessage,
)

from .ways import Way, open_way

NOON = 1_767_614_400


@pytest.fixture(params=["sync", "async"])
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """A workspace with a channel and a person in it, at 09:00 UTC."""
    with open_way(request.param) as way:
        way.fake.add_channel("incidents", members=[way.fake.add_user("ann")])
        yield way


def test_a_message_is_scheduled_and_posted(way: Way) -> None:
    """The output names the message until it posts; at its time it stands in the channel."""
    done = way.do(ScheduleMessage(channel="#incidents", text="Retro?", post_at=NOON))
    channel = way.fake.channel("incidents")
    assert done == MessageScheduled(channel=channel.id, scheduled_message_id="Q0FAKE0001", post_at=NOON)
    assert (channel.messages, way.sent()) == ([], ["chat.scheduleMessage"])
    way.fake.advance(3 * 3600)
    assert [(message.text, message.ts) for message in channel.messages] == [("Retro?", f"{NOON}.000000")]


@pytest.mark.parametrize(
    ("post_at", "context"),
    [
        (datetime(2026, 1, 5, 12, tzinfo=timezone.utc), None),
        (datetime(2026, 1, 5, 13, tzinfo=timezone(timedelta(hours=1))), None),
        (NOON - 0.25, None),
        (str(NOON), None),
        ("2026-01-05T12:00:00Z", None),
        ("{{when}}", {"when": NOON}),
        ("{{when}}", {"when": datetime(2026, 1, 5, 12, tzinfo=timezone.utc)}),
        ("{{day}}T12:00:00+00:00", {"day": "2026-01-05"}),
    ],
)
def test_a_time_can_be_said_in_many_ways(way: Way, post_at: Any, context: Any) -> None:
    """Numbers, aware datetimes, ISO text and templates of them name the same second."""
    assert way.do(ScheduleMessage(channel="#incidents", text="x", post_at=post_at), context).post_at == NOON


@pytest.mark.parametrize(
    ("post_at", "message"),
    [
        ("{{when}}", "must be seconds since 1970"),
        ("tomorrow", "must be seconds since 1970"),
        ("2026-01-05T12:00:00", "has no time zone"),
        ("inf", "must be seconds since 1970"),
        (NOON * 1000, "looks like milliseconds"),
        (0, "no time to come"),
    ],
)
def test_what_is_no_time_is_found_before_anything_is_sent(way: Way, post_at: Any, message: str) -> None:
    """The problem names the field, and Slack is not asked."""
    with pytest.raises(sr.SlackRunbooksError, match=message) as caught:
        way.do(ScheduleMessage(channel="#incidents", text="x", post_at=post_at), {"when": True})
    assert "post_at" in str(caught.value)
    assert way.sent() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"post_at": datetime(2026, 1, 5)}, "has no time zone"),
        ({"post_at": float("nan")}, "seconds since 1970"),
        ({"post_at": True}, "seconds since 1970"),
        ({"post_at": None}, "seconds since 1970"),
        ({"post_at": NOON, "metadata": {"event_type": "x", "event_payload": {}}}, "ever posting"),
        ({"post_at": NOON, "reply_broadcast": True}, "only a reply"),
    ],
)
def test_a_mistake_is_found_when_the_action_is_built(arguments: dict[str, Any], message: str) -> None:
    """Naive datetimes, metadata and a broadcast of no reply do not wait for Slack."""
    with pytest.raises(sr.RunbookError, match=message):
        ScheduleMessage(channel="C1", text="x", **arguments)


@pytest.mark.parametrize(("post_at", "code"), [(1, "time_in_past"), (NOON + 121 * 86_400, "time_too_far")])
def test_slack_says_what_is_past_or_too_far(way: Way, post_at: int, code: str) -> None:
    """Only Slack knows its time; its refusal is the typed error."""
    with pytest.raises(sr.SlackError) as caught:
        way.do(ScheduleMessage(channel="#incidents", text="x", post_at=post_at))
    assert (caught.value.code, caught.value.method) == (code, "chat.scheduleMessage")


def test_a_reply_can_be_scheduled(way: Way) -> None:
    """thread_ts and reply_broadcast reach Slack, as do blocks with a fallback text."""
    channel = way.fake.channel("incidents")
    parent = way.fake.user("ann").post(channel, "Down").ts
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "Up?"}}]
    way.do(ScheduleMessage(channel=channel.id, blocks=blocks, post_at=NOON, thread_ts=parent, reply_broadcast=True))
    way.fake.advance(4 * 3600)
    reply = channel.messages[-1]
    assert (reply.thread_ts, reply.broadcast, reply.text) == (parent, True, "Up?")


def test_a_lost_answer_is_not_sent_again(way: Way) -> None:
    """A second sending would schedule a second message, so the outcome is a person's to judge."""
    way.fake.lose_reply("chat.scheduleMessage")
    with pytest.raises(sr.AmbiguousOutcome):
        way.do(ScheduleMessage(channel="#incidents", text="x", post_at=NOON), on_ambiguous="fail")
    assert len(way.fake.scheduled) == 1


def test_a_scheduled_message_is_taken_back(way: Way) -> None:
    """It never posts; a second time Slack refuses. A channel by name costs a look-up."""
    done = way.do(ScheduleMessage(channel="#incidents", text="x", post_at=NOON))
    cancel = CancelScheduledMessage(channel="#incidents", scheduled_message_id=done.scheduled_message_id)
    assert way.do(cancel) == ScheduledMessageCancelled(channel=done.channel, scheduled_message_id="Q0FAKE0001")
    assert way.sent()[1:] == ["conversations.list", "chat.deleteScheduledMessage"]
    with pytest.raises(sr.SlackError, match="invalid_scheduled_message_id"):
        way.do(cancel)
    way.fake.advance(4 * 3600)
    assert way.fake.channel("incidents").messages == []


def test_taking_nothing_back_is_a_problem(way: Way) -> None:
    """An empty ID is found before Slack is asked."""
    with pytest.raises(sr.SlackRunbooksError, match="scheduled_message_id"):
        way.do(CancelScheduledMessage(channel="C1", scheduled_message_id="{{x}}"), {"x": ""})
    assert way.sent() == []


@pytest.mark.parametrize("by_email", [False, True])
def test_one_person_sees_an_ephemeral_message(way: Way, by_email: bool) -> None:
    """By ID or e-mail address; values are inert, and the channel itself stays as it was."""
    ann, channel = way.fake.user("ann"), way.fake.channel("incidents")
    user = ann.email if by_email else f"<@{ann.id}>"
    done = way.do(SendEphemeral(channel="#incidents", user=user, text="{{x}}", username="Commander"), {"x": "<!here>"})
    [shown] = channel.ephemeral
    assert done == EphemeralSent(user=ann.id, message_ts=shown.ts)
    assert (shown.to, shown.text, shown.username) == (ann.id, "&lt;!here&gt;", "Commander")
    assert channel.messages == []
    assert way.sent() == [*(["users.lookupByEmail"] if by_email else []), "chat.postEphemeral"]


def test_somebody_outside_cannot_be_shown_anything(way: Way) -> None:
    """Slack's user_not_in_channel is a typed error."""
    bob = way.fake.add_user("bob").id
    with pytest.raises(sr.SlackError) as caught:
        way.do(SendEphemeral(channel="#incidents", user=bob, text="x"))
    assert caught.value.code == "user_not_in_channel"


def test_metadata_of_an_ephemeral_message_is_refused() -> None:
    """Slack ignores it, so that giving it is a mistake."""
    with pytest.raises(sr.RunbookError, match="ignored"):
        SendEphemeral(channel="C1", user="U1", text="x", metadata={"event_type": "x", "event_payload": {}})


def test_the_least_scopes_are_enough() -> None:
    """What needs() names is what the workspace asks for."""
    steps: dict[str, Any] = {
        "later": ScheduleMessage(channel="#incidents", text="x", post_at=NOON),
        "back": CancelScheduledMessage(
            channel="C0FAKE0001", scheduled_message_id="{{steps.later.scheduled_message_id}}"
        ),
        "psst": SendEphemeral(channel="#incidents", user="ann@acme.example", text="x", username="Commander"),
    }
    scopes = sr.required_scopes(sr.Runbook("book", steps)).minimal
    assert sorted(scopes) == ["chat:write", "chat:write.customize", "users:read.email"]
    with open_way("sync", scopes=scopes) as way:
        way.fake.add_channel("incidents", members=[way.fake.add_user("ann", email="ann@acme.example")])
        way.run(sr.Runbook("book", steps)).raise_for_failure()
