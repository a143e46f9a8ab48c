"""Messages for one person and for later: chat.postEphemeral, chat.meMessage and the scheduled ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from slackrunbooks.testing import FakeSlack

NOW = 1_767_603_600


def later(slack: FakeSlack, seconds: int, text: str = "Later", room: str = "incidents", **more: Any) -> str:
    """Schedule a message and return its ID."""
    answer = slack.client.chat_scheduleMessage(channel=slack.channel(room).id, text=text, post_at=NOW + seconds, **more)
    return str(answer["scheduled_message_id"])


def test_a_scheduled_message_is_answered_as_its_page_shows(slack) -> None:
    """The answer has the ID, the channel's ID, the time as text, and the message as it will be."""
    answer = slack.client.chat_scheduleMessage(channel="#incidents", text="Retro?", post_at=NOW + 3600).data
    assert answer == {
        "ok": True,
        "channel": slack.channel("incidents").id,
        "scheduled_message_id": "Q0FAKE0001",
        "post_at": str(NOW + 3600),
        "message": {
            "text": "Retro?",
            "username": "runbooks",
            "bot_id": slack.bot_id,
            "type": "delayed_message",
            "subtype": "bot_message",
        },
    }
    assert slack.channel("incidents").messages == []


def test_it_posts_when_the_clock_has_got_there(slack) -> None:
    """Not a second earlier; its ts is the time it was meant for, however far the clock jumped."""
    channel, alice = slack.channel("incidents"), slack.user("alice")
    scheduled_id = later(slack, 60, f"<@{alice.id}> retro", blocks=[{"type": "divider"}])
    slack.advance(59)
    assert (channel.messages, slack.scheduled[0].state, slack.notified) == ([], "pending", [])
    slack.advance(500)
    [message] = channel.messages
    assert (message.ts, message.user, message.bot_id) == (f"{NOW + 60}.000000", slack.bot.id, slack.bot_id)
    assert message.blocks == [{"type": "divider"}]
    assert (slack.scheduled[0].id, slack.scheduled[0].state, slack.scheduled[0].ts) == (
        scheduled_id, "posted", message.ts,
    )  # fmt: skip


def test_it_pings_when_it_posts(slack) -> None:
    """Who is mentioned is pinged then, as by any message."""
    alice = slack.user("alice")
    later(slack, 60, f"<@{alice.id}> retro")
    assert slack.notified == []
    slack.advance(60)
    assert [(ping.user, ping.by) for ping in slack.notified] == [(alice.id, f"<@{alice.id}>")]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_sleep_on_the_clock_lets_it_post(slack, is_async: bool) -> None:
    """Time that passes because somebody sleeps counts like time that a test lets pass."""
    channel = slack.channel("incidents")
    later(slack, 60)
    if is_async:
        asyncio.run(slack.clock.async_sleep_until(NOW + 61))
    else:
        slack.clock.sleep_until(NOW + 61)
    assert [message.text for message in channel.messages] == ["Later"]


def test_the_channel_reads_in_order(slack) -> None:
    """What was scheduled stands where its time is, before what people write afterwards."""
    later(slack, 120, "Second")
    later(slack, 60, "First")
    slack.advance(300)
    slack.user("alice").post("incidents", "Third")
    history = slack.client.conversations_history(channel=slack.channel("incidents").id)["messages"]
    assert [message["text"] for message in history] == ["Third", "Second", "First"]


def test_a_scheduled_reply_goes_to_its_thread(slack) -> None:
    """thread_ts and reply_broadcast are kept until then."""
    channel = slack.channel("incidents")
    parent = slack.user("alice").post(channel, "Down").ts
    later(slack, 60, "Up?", thread_ts=parent, reply_broadcast=True)
    slack.advance(60)
    [reply] = channel.log[parent].replies
    assert (reply.text, reply.broadcast) == ("Up?", True)


def test_a_person_gets_it_as_a_direct_message(slack) -> None:
    """The page allows a user's ID as channel."""
    alice = slack.user("alice")
    answer = slack.client.chat_scheduleMessage(channel=alice.id, text="Psst", post_at=NOW + 60)
    slack.advance(60)
    assert answer["channel"] == slack.direct_message("alice").id
    assert [message.text for message in slack.direct_message("alice").messages] == ["Psst"]


def forget(slack: FakeSlack) -> None:
    """Let the parent of a scheduled reply vanish."""
    channel = slack.channel("incidents")
    parent = slack.client.chat_postMessage(channel=channel.id, text="Parent")["ts"]
    later(slack, 60, thread_ts=parent)
    slack.client.chat_delete(channel=channel.id, ts=parent)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda slack: later(slack, 60, metadata={"event_type": "a", "event_payload": {}}), "it has metadata"),
        (lambda slack: (later(slack, 60), slack.user("alice").archive("incidents")), "the channel is archived"),
        (
            lambda slack: (later(slack, 60), slack.client.conversations_leave(channel=slack.channel("incidents").id)),
            "the app is not in the channel",
        ),
        (forget, "the message to reply to is gone"),
    ],
)
def test_what_cannot_post_does_not(slack, spoil: Any, reason: str) -> None:
    """Metadata keeps a scheduled message from posting, as documented; so does whatever would refuse a post."""
    spoil(slack)
    slack.advance(60)
    assert slack.channel("incidents").messages == []
    assert (slack.scheduled[0].state, slack.scheduled[0].dropped) == ("dropped", reason)
    assert f"@runbooks (did not post: {reason}): Later" in slack.transcript("incidents")


def test_thirty_in_five_minutes_are_the_most(slack) -> None:
    """The 31st in any window of five minutes is refused, in that channel and while the others are pending."""
    for number in range(15):
        later(slack, 600 + number)
        later(slack, 880 + number)
    with pytest.raises(SlackApiError, match="restricted_too_many"):
        later(slack, 700)
    later(slack, 700, room="general")
    later(slack, 599 + 600)
    slack.client.chat_deleteScheduledMessage(
        channel=slack.channel("incidents").id, scheduled_message_id=slack.scheduled[0].id
    )
    later(slack, 700)


def test_what_is_pending_is_listed(slack) -> None:
    """The next one comes first; channel, times and pages narrow the list; what posted is gone."""
    ids = [later(slack, 180), later(slack, 120, room="general"), later(slack, 60)]
    client = slack.client
    listed = client.chat_scheduledMessages_list()
    assert listed["scheduled_messages"][0] == {
        "id": ids[2],
        "channel_id": slack.channel("incidents").id,
        "post_at": NOW + 60,
        "date_created": NOW,
        "text": "Later",
    }

    def shown(**arguments: Any) -> list[str]:
        return [each["id"] for each in client.chat_scheduledMessages_list(**arguments)["scheduled_messages"]]

    assert shown() == [ids[2], ids[1], ids[0]]
    assert shown(channel=slack.channel("general").id) == [ids[1]]
    assert shown(oldest=str(NOW + 60), latest=str(NOW + 120)) == [ids[2], ids[1]]
    first = client.chat_scheduledMessages_list(limit=2)
    assert shown(limit=2, cursor=first["response_metadata"]["next_cursor"]) == [ids[0]]
    slack.advance(60)
    assert shown() == [ids[1], ids[0]]


def test_it_can_be_taken_back_until_a_minute_before(slack) -> None:
    """Deleted, it does not post; in its last minute, after posting, or twice, it cannot be deleted."""
    channel = slack.channel("incidents").id
    taken, posted = later(slack, 600), later(slack, 600, "Stays")
    slack.client.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=taken)
    for scheduled_id, seconds in ((taken, 0), (posted, 540), (posted, 60)):
        slack.advance(seconds)
        with pytest.raises(SlackApiError, match="invalid_scheduled_message_id"):
            slack.client.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=scheduled_id)
    assert [message.text for message in slack.channel("incidents").messages] == ["Stays"]
    assert [each.state for each in slack.scheduled] == ["deleted", "posted"]


def test_an_ephemeral_message_is_seen_by_one(slack) -> None:
    """It stands in no history and pings nobody, and the channel remembers to whom it was shown."""
    channel, alice = slack.channel("incidents"), slack.user("alice")
    answer = slack.client.chat_postEphemeral(
        channel="#incidents", user=alice.id, text=f"<@{alice.id}> are you there?", username="Commander"
    )
    [shown] = channel.ephemeral
    assert (shown.to, shown.ts, shown.username, shown.is_shown) == (alice.id, answer["message_ts"], "Commander", True)
    assert (channel.messages, slack.notified) == ([], [])
    assert slack.client.conversations_history(channel=channel.id)["messages"] == []
    with pytest.raises(SlackApiError, match="message_not_found"):
        slack.client.chat_update(channel=channel.id, ts=shown.ts, text="x")


def test_in_a_thread_it_shows_only_if_that_is_active(slack) -> None:
    """Without a reply yet the answer is ok all the same, and nobody sees it."""
    channel, alice = slack.channel("incidents"), slack.user("alice")
    parent = alice.post(channel, "Down").ts
    for _ in range(2):
        slack.client.chat_postEphemeral(channel=channel.id, user=alice.id, text="Look", thread_ts=parent)
        alice.post(channel, "Reply", thread_ts=parent)
    assert [each.is_shown for each in channel.ephemeral] == [False, True]


def test_metadata_of_an_ephemeral_message_is_ignored(slack) -> None:
    """The page says so of event_type and event_payload."""
    metadata = {"event_type": "x", "event_payload": {}}
    arguments = {"channel": "incidents", "user": slack.user("alice").id, "text": "x", "metadata": metadata}
    assert slack.client.api_call("chat.postEphemeral", json=arguments)["ok"]


def test_a_me_message_is_a_message(slack) -> None:
    """It is no system line, although it has a subtype, and it can be pinned."""
    channel = slack.channel("incidents")
    answer = slack.client.chat_meMessage(channel=channel.id, text="restarts the database")
    [message] = channel.messages
    assert (message.ts, message.subtype, channel.system_messages) == (answer["ts"], "me_message", [])
    slack.client.pins_add(channel=channel.id, timestamp=message.ts)


def test_the_transcript_shows_them(slack) -> None:
    """Ephemeral messages say to whom, /me messages say so, and what is pending comes last with its time."""
    channel, alice = slack.channel("incidents"), slack.user("alice")
    slack.client.chat_postEphemeral(channel=channel.id, user=alice.id, text="Psst")
    slack.client.chat_postEphemeral(channel=channel.id, user=alice.id, text="x", blocks=[{"type": "divider"}])
    slack.client.chat_meMessage(channel=channel.id, text="waves")
    parent = channel.messages[0].ts
    slack.client.chat_postEphemeral(channel=channel.id, user=alice.id, text="Gone", thread_ts=parent)
    alice.post(channel, "Hi", thread_ts=parent)
    slack.client.chat_postEphemeral(channel=channel.id, user=alice.id, text="Seen", thread_ts=parent)
    later(slack, 60, "Retro")
    assert slack.transcript("incidents").splitlines()[2:] == [
        "  2026-01-05 09:00:00Z @runbooks (only to @alice): Psst",
        "  2026-01-05 09:00:00Z @runbooks (only to @alice):",
        "      | ────",
        "  2026-01-05 09:00:00Z @runbooks (me): waves",
        "      2026-01-05 09:00:00Z @alice: Hi",
        "  2026-01-05 09:00:00Z @runbooks (shown to nobody): Gone",
        "  2026-01-05 09:00:00Z @runbooks (only to @alice in a thread): Seen",
        "  2026-01-05 09:01:00Z @runbooks (scheduled): Retro",
    ]
