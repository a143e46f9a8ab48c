"""Each documented error that the fake can be brought to, and each gap it declines to fill: one row each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._methods import METHODS

SetUp = Callable[[FakeSlack], dict[str, Any]]

NOW = 1_767_603_600
SOON = NOW + 600
LONG_BLOCK = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}


def where(room: str, /, **more: Any) -> SetUp:
    """Name a channel by its ID, with further arguments; a callable value is given the fake."""

    def set_up(slack: FakeSlack) -> dict[str, Any]:
        chosen = {key: value(slack) if callable(value) else value for key, value in more.items()}
        return {"channel": slack.channel(room).id, **chosen}

    return set_up


def mark(name: str, **more: Any) -> SetUp:
    """Name a bookmark's channel by its ID."""
    return lambda slack: {"channel_id": slack.channel(name).id, **more}


def given(**arguments: Any) -> SetUp:
    """Name nothing of the workspace."""
    return lambda _slack: arguments


def person(name: str) -> Callable[[FakeSlack], str]:
    """Return the ID of somebody."""
    return lambda slack: slack.user(name).id


def both(*names: str) -> Callable[[FakeSlack], str]:
    """Return several IDs, joined by commas."""
    return lambda slack: ",".join(slack.user(name).id for name in names)


def posted(name: str = "incidents", text: str = "Hi", **more: Any) -> Callable[[FakeSlack], str]:
    """Let the app post, and return the ``ts``."""
    return lambda slack: str(slack.client.chat_postMessage(channel=slack.channel(name).id, text=text, **more)["ts"])


def said(name: str, who: str) -> Callable[[FakeSlack], str]:
    """Let somebody write, and return the ``ts``."""
    return lambda slack: slack.user(who).post(name, "Hi").ts


def topic_line(slack: FakeSlack) -> str:
    """Return the ``ts`` of a system line."""
    slack.client.conversations_setTopic(channel=slack.channel("incidents").id, topic="x")
    return slack.channel("incidents").system_messages[-1].ts


def reply(slack: FakeSlack) -> str:
    """Return the ``ts`` of a reply by the app."""
    parent = posted()(slack)
    return posted(thread_ts=parent)(slack)


def parent(slack: FakeSlack) -> str:
    """Return the ``ts`` of a message with a reply."""
    ts = posted()(slack)
    posted(thread_ts=ts)(slack)
    return ts


def then_archived(ts: Callable[[FakeSlack], str]) -> Callable[[FakeSlack], str]:
    """Archive the channel after the message was written."""

    def set_up(slack: FakeSlack) -> str:
        found = ts(slack)
        slack.user("alice").archive("incidents")
        return found

    return set_up


def done(method: str, **arguments: Any) -> Callable[[FakeSlack], str]:
    """Post, do something to the message once already, and return its ``ts``."""

    def set_up(slack: FakeSlack) -> str:
        ts = posted()(slack)
        slack.client.api_call(method, params={"channel": slack.channel("incidents").id, "timestamp": ts, **arguments})
        return ts

    return set_up


def direct(slack: FakeSlack) -> str:
    """Open a direct message and return its ID."""
    return str(slack.client.conversations_open(users=slack.user("alice").id)["channel"]["id"])


def direct_channel(**more: Any) -> SetUp:
    """Name a direct message."""
    return lambda slack: {"channel": direct(slack), **{k: v(slack) if callable(v) else v for k, v in more.items()}}


def bookmarked(**more: Any) -> SetUp:
    """Add a bookmark, and name it with further arguments."""

    def set_up(slack: FakeSlack) -> dict[str, Any]:
        channel = slack.channel("incidents").id
        answer = slack.client.bookmarks_add(channel_id=channel, title="x", type="link", link="https://x.example")
        return {"channel_id": channel, "bookmark_id": answer["bookmark"]["id"], **more}

    return set_up


def many(count: int) -> Callable[[FakeSlack], str]:
    """Return many IDs."""
    return lambda slack: ",".join(slack.add_user(f"user{number}").id for number in range(count))


def mine(slack: FakeSlack, *, private: bool = False) -> str:
    """Create a channel as the app."""
    return str(slack.client.conversations_create(name="mine", is_private=private)["channel"]["id"])


def without_public(room: str, **more: Any) -> SetUp:
    """Name a channel by its ID, and take chat:write.public from the token."""

    def set_up(slack: FakeSlack) -> dict[str, Any]:
        slack.scopes.remove("chat:write.public")
        return {"channel": slack.channel(room).id, **more}

    return set_up


def scheduled(seconds: int = 600) -> Callable[[FakeSlack], str]:
    """Schedule a message, and return its ID."""

    def set_up(slack: FakeSlack) -> str:
        channel, post_at = slack.channel("incidents").id, NOW + seconds
        answer = slack.client.chat_scheduleMessage(channel=channel, text="Later", post_at=post_at)
        return str(answer["scheduled_message_id"])

    return set_up


def announced(slack: FakeSlack) -> str:
    """Announce a file, and return its ID."""
    return str(slack.client.files_getUploadURLExternal(filename="graph.png", length=3)["file_id"])


def uploaded(**more: Any) -> SetUp:
    """Upload a file, and name it with further arguments; channels by name where there is one."""

    def set_up(slack: FakeSlack) -> dict[str, Any]:
        file_id = announced(slack)
        slack.files[0].content = b"abc"
        ids = {channel.name: channel.id for channel in slack.channels}
        named = {key: ids.get(value, value) if isinstance(value, str) else value for key, value in more.items()}
        return {"files": [{"id": file_id}], **named}

    return set_up


def canvas(slack: FakeSlack) -> str:
    """Make a canvas, and return its ID."""
    return str(slack.client.canvases_create(title="Notes")["canvas_id"])


def edited(*changes: Any) -> SetUp:
    """Make a canvas, and name it with changes."""
    return lambda slack: {"canvas_id": canvas(slack), "changes": list(changes)}


def with_canvas(slack: FakeSlack) -> dict[str, Any]:
    """Give a channel its canvas, and name it."""
    channel = slack.channel("incidents").id
    slack.client.conversations_canvases_create(channel_id=channel, document_content=None)  # type: ignore[arg-type]
    return {"channel_id": channel}


def group(**more: Any) -> SetUp:
    """Name the user group, with further arguments; a callable value is given the fake."""
    return lambda slack: {
        "usergroup": "S0FAKE0001",
        **{key: value(slack) if callable(value) else value for key, value in more.items()},
    }


def taken(slack: FakeSlack) -> str:
    """Return the handle of another group."""
    return slack.add_usergroup("other").handle


def disabled(**more: Any) -> SetUp:
    """Name a user group that is disabled, with further arguments."""

    def build(slack: FakeSlack) -> dict[str, Any]:
        other = slack.add_usergroup("off")
        other.is_disabled = True
        return {"usergroup": other.id, **more}

    return build


ERRORS: list[tuple[str, SetUp, str]] = [
    ("api.test", given(error="my_error"), "my_error"),
    # ── chat ──
    ("chat.postMessage", given(text="x"), "invalid_arguments"),
    ("chat.postMessage", given(channel="nowhere", text="x"), "channel_not_found"),
    ("chat.postMessage", given(channel="secret", text="x"), "channel_not_found"),
    ("chat.postMessage", where("hidden", text="x"), "channel_not_found"),
    ("chat.postMessage", lambda slack: {"channel": person("gone")(slack), "text": "x"}, "channel_not_found"),
    ("chat.postMessage", where("old", text="x"), "is_archived"),
    ("chat.postMessage", where("incidents"), "no_text"),
    ("chat.postMessage", where("incidents", text=""), "no_text"),
    ("chat.postMessage", where("incidents", markdown_text="*x*", text="x"), "markdown_text_conflict"),
    ("chat.postMessage", where("incidents", markdown_text="x", blocks=[{"type": "divider"}]), "markdown_text_conflict"),
    ("chat.postMessage", where("incidents", text="x", attachments=[{}] * 101), "too_many_attachments"),
    ("chat.postMessage", where("incidents", text="x", blocks="not JSON"), "invalid_blocks_format"),
    ("chat.postMessage", where("incidents", text="x", blocks={"type": "divider"}), "invalid_blocks_format"),
    ("chat.postMessage", where("incidents", text="x", blocks='"[]"'), "invalid_blocks_format"),
    ("chat.postMessage", where("incidents", text="x", blocks=[LONG_BLOCK]), "invalid_blocks"),
    (
        "chat.postMessage",
        where("incidents", text="x", blocks=[{**LONG_BLOCK, "text": {"type": "mrkdwn", "text": "x" * 3000}}] * 5),
        "msg_blocks_too_long",
    ),
    ("chat.postMessage", where("incidents", text="x", metadata="nonsense"), "invalid_metadata_format"),
    ("chat.postMessage", where("incidents", text="x", metadata={"event_type": "x"}), "invalid_metadata_schema"),
    ("chat.postMessage", where("incidents", text="x", metadata={"event_payload": {}}), "invalid_metadata_schema"),
    ("chat.postMessage", where("incidents", text="x", thread_ts=topic_line), "cannot_reply_to_message"),
    ("chat.update", where("incidents", text="x"), "invalid_arguments"),
    ("chat.update", where("incidents", text="x", ts="1.0"), "message_not_found"),
    ("chat.update", where("incidents", text="x", ts=said("incidents", "alice")), "cant_update_message"),
    ("chat.update", where("incidents", text="x", ts=topic_line), "cant_update_message"),
    ("chat.update", where("incidents", text="x" * 4001, ts=posted()), "msg_too_long"),
    ("chat.update", where("incidents", ts=posted()), "no_text"),
    ("chat.update", where("incidents", text="x", ts=posted(), blocks="{"), "invalid_blocks_format"),
    ("chat.update", where("incidents", text="x", ts=posted(), blocks=[LONG_BLOCK]), "invalid_blocks"),
    ("chat.update", where("incidents", text="x", ts=posted(), metadata=[]), "invalid_metadata_format"),
    ("chat.update", where("incidents", text="x", ts=posted(), metadata={"a": 1}), "invalid_metadata_schema"),
    ("chat.update", where("incidents", text="x", markdown_text="x", ts=posted()), "markdown_text_conflict"),
    ("chat.update", where("incidents", ts=posted(), attachments=[{}] * 101), "too_many_attachments"),
    ("chat.update", where("incidents", text="x", ts=then_archived(posted())), "is_inactive"),
    ("chat.update", where("incidents", ts=posted(), reply_broadcast=True), "cant_broadcast_message"),
    ("chat.update", where("incidents", ts=reply, text="x", reply_broadcast=True), "no_dual_broadcast_content_update"),
    ("chat.update", given(channel="incidents", text="x", ts="1.0"), "channel_not_found"),
    ("chat.update", lambda slack: {"channel": person("alice")(slack), "ts": "1.0", "text": "x"}, "channel_not_found"),
    ("chat.delete", where("incidents", ts="1.0"), "message_not_found"),
    ("chat.delete", where("incidents", ts=said("incidents", "alice")), "cant_delete_message"),
    ("chat.delete", given(channel="C0", ts="1.0"), "channel_not_found"),
    ("chat.getPermalink", where("incidents", message_ts="1.0"), "message_not_found"),
    ("chat.getPermalink", given(channel="incidents", message_ts="1.0"), "channel_not_found"),
    ("chat.meMessage", where("incidents"), "no_text"),
    ("chat.meMessage", where("incidents", text=""), "no_text"),
    ("chat.meMessage", where("old", text="x"), "is_archived"),
    ("chat.meMessage", given(channel="nowhere", text="x"), "channel_not_found"),
    ("chat.meMessage", without_public("lobby", text="x"), "not_in_channel"),
    ("chat.postEphemeral", where("incidents", text="x"), "invalid_arguments"),
    ("chat.postEphemeral", where("incidents", text="x", user=person("bob")), "user_not_in_channel"),
    ("chat.postEphemeral", where("incidents", text="x", user="U404"), "user_not_in_channel"),
    ("chat.postEphemeral", where("incidents", user=person("alice")), "no_text"),
    ("chat.postEphemeral", where("hidden", user=person("bob"), text="x"), "channel_not_found"),
    ("chat.postEphemeral", where("old", user=person("bob"), text="x"), "is_archived"),
    ("chat.postEphemeral", without_public("lobby", user="U0FAKE0002", text="x"), "not_in_channel"),
    ("chat.postEphemeral", where("incidents", user=person("alice"), blocks=[LONG_BLOCK]), "invalid_blocks"),
    ("chat.postEphemeral", where("incidents", user=person("alice"), blocks="x"), "invalid_blocks_format"),
    (
        "chat.postEphemeral",
        where("incidents", user=person("alice"), text="x", markdown_text="x"),
        "markdown_text_conflict",
    ),
    (
        "chat.postEphemeral",
        where("incidents", user=person("alice"), text="x", attachments=[{}] * 101),
        "too_many_attachments",
    ),
    (
        "chat.postEphemeral",
        where("incidents", user=person("alice"), text="x", thread_ts=topic_line),
        "cannot_reply_to_message",
    ),
    ("chat.scheduleMessage", where("incidents", text="x"), "invalid_arguments"),
    ("chat.scheduleMessage", where("incidents", text="x", post_at="noon"), "invalid_time"),
    ("chat.scheduleMessage", where("incidents", text="x", post_at=-1), "invalid_time"),
    ("chat.scheduleMessage", where("incidents", text="x", post_at=NOW), "time_in_past"),
    ("chat.scheduleMessage", where("incidents", text="x", post_at=NOW + 120 * 86_400 + 1), "time_too_far"),
    ("chat.scheduleMessage", where("incidents", post_at=SOON), "no_text"),
    ("chat.scheduleMessage", where("old", text="x", post_at=SOON), "is_archived"),
    ("chat.scheduleMessage", where("hidden", text="x", post_at=SOON), "channel_not_found"),
    ("chat.scheduleMessage", without_public("lobby", text="x", post_at=SOON), "not_in_channel"),
    ("chat.scheduleMessage", where("incidents", text="x", post_at=SOON, blocks="x"), "invalid_blocks_format"),
    ("chat.scheduleMessage", where("incidents", post_at=SOON, blocks=[LONG_BLOCK]), "invalid_blocks"),
    ("chat.scheduleMessage", where("incidents", text="x", post_at=SOON, metadata="x"), "invalid_metadata_format"),
    ("chat.scheduleMessage", where("incidents", text="x", post_at=SOON, metadata={"a": 1}), "invalid_metadata_schema"),
    ("chat.deleteScheduledMessage", where("incidents", scheduled_message_id="Q1"), "invalid_scheduled_message_id"),
    (
        "chat.deleteScheduledMessage",
        where("incidents", scheduled_message_id=scheduled(60)),
        "invalid_scheduled_message_id",
    ),
    ("chat.deleteScheduledMessage", given(channel="C404", scheduled_message_id="Q1"), "channel_not_found"),
    ("chat.scheduledMessages.list", given(channel="C404"), "invalid_channel"),
    ("chat.scheduledMessages.list", where("hidden"), "invalid_channel"),
    ("chat.scheduledMessages.list", given(cursor="!"), "invalid_cursor"),
    # ── files and canvases ──
    ("files.getUploadURLExternal", given(filename="x"), "missing_argument"),
    ("files.getUploadURLExternal", given(filename="x", length=0), "missing_argument"),
    ("files.getUploadURLExternal", given(length=1), "missing_argument"),
    ("files.getUploadURLExternal", given(filename="x", length="x"), "invalid_arguments"),
    ("files.getUploadURLExternal", given(filename="x", length=1, alt_txt="x" * 1001), "alt_txt_too_large"),
    ("files.getUploadURLExternal", given(filename="x", length=1, snippet_type="no such!"), "unknown_snippet_type"),
    ("files.getUploadURLExternal", given(filename="x", length=1_000_001, snippet_type="text"), "snippet_too_large"),
    ("files.completeUploadExternal", given(files=[]), "invalid_arguments"),
    ("files.completeUploadExternal", given(files="F1"), "invalid_arguments"),
    ("files.completeUploadExternal", given(files=[{"id": "F404"}]), "file_not_found"),
    ("files.completeUploadExternal", uploaded(channel_id="C404"), "channel_not_found"),
    ("files.completeUploadExternal", uploaded(channel_id="hidden"), "channel_not_found"),
    ("files.completeUploadExternal", uploaded(channels="C404"), "invalid_channel"),
    ("files.completeUploadExternal", uploaded(channel_id="lobby"), "not_in_channel"),
    (
        "files.completeUploadExternal",
        uploaded(channels=",".join(f"C{number}" for number in range(101))),
        "channels_limit_exceeded",
    ),
    ("files.completeUploadExternal", uploaded(channel_id="incidents", blocks=[LONG_BLOCK]), "invalid_blocks"),
    ("files.completeUploadExternal", uploaded(channel_id="incidents", blocks={"type": "x"}), "invalid_blocks"),
    ("files.info", given(file="F404"), "file_not_found"),
    ("files.list", given(user="U404"), "user_not_found"),
    ("conversations.canvases.create", with_canvas, "channel_canvas_already_exists"),
    ("conversations.canvases.create", given(), "invalid_arguments"),
    ("canvases.edit", given(canvas_id="F404", changes=[{"operation": "delete"}]), "canvas_not_found"),
    ("canvases.edit", edited(), "invalid_arguments"),
    ("canvases.edit", edited({"operation": "append"}), "invalid_arguments"),
    ("canvases.edit", edited({"operation": "replace"}, {"operation": "replace"}), "invalid_arguments"),
    # ── conversations: making and naming ──
    ("conversations.create", given(), "missing_argument"),
    ("conversations.create", given(name=""), "invalid_name_required"),
    ("conversations.create", given(name="x" * 81), "invalid_name_maxlength"),
    ("conversations.create", given(name="-_-"), "invalid_name_punctuation"),
    ("conversations.create", given(name="Inc-1"), "invalid_name_specials"),
    ("conversations.create", given(name="inc 1"), "invalid_name_specials"),
    ("conversations.create", given(name="#inc"), "invalid_name_specials"),
    ("conversations.create", given(name="inc.1"), "invalid_name_specials"),
    ("conversations.create", given(name="incidents"), "name_taken"),
    ("conversations.create", given(name="old"), "name_taken"),
    ("conversations.create", given(name="hidden"), "name_taken"),
    ("conversations.create", given(name="hidden", is_private=True), "name_taken"),
    ("conversations.rename", where("incidents", name="new"), "not_authorized"),
    ("conversations.rename", lambda slack: {"channel": mine(slack), "name": "incidents"}, "name_taken"),
    ("conversations.rename", lambda slack: {"channel": mine(slack), "name": "Upper"}, "invalid_name_specials"),
    ("conversations.rename", lambda slack: {"channel": mine(slack), "name": ""}, "invalid_name_required"),
    ("conversations.rename", lambda slack: {"channel": mine(slack), "name": "x" * 81}, "invalid_name_maxlength"),
    ("conversations.rename", lambda slack: {"channel": mine(slack), "name": "--"}, "invalid_name_punctuation"),
    ("conversations.rename", where("lobby", name="new"), "not_in_channel"),
    ("conversations.rename", where("old", name="new"), "is_archived"),
    ("conversations.rename", given(channel="incidents", name="new"), "channel_not_found"),
    ("conversations.rename", direct_channel(name="new"), "method_not_supported_for_channel_type"),
    ("conversations.archive", where("old"), "already_archived"),
    ("conversations.archive", where("general"), "cant_archive_general"),
    ("conversations.archive", where("lobby"), "not_in_channel"),
    ("conversations.archive", where("hidden"), "channel_not_found"),
    ("conversations.archive", given(channel="incidents"), "channel_not_found"),
    ("conversations.archive", given(), "invalid_arguments"),
    ("conversations.archive", direct_channel(), "method_not_supported_for_channel_type"),
    ("conversations.unarchive", where("incidents"), "not_archived"),
    ("conversations.unarchive", where("hidden"), "channel_not_found"),
    ("conversations.unarchive", direct_channel(), "method_not_supported_for_channel_type"),
    ("conversations.setTopic", where("incidents"), "invalid_arguments"),
    ("conversations.setTopic", where("incidents", topic="x" * 251), "too_long"),
    ("conversations.setTopic", where("lobby", topic="x"), "not_in_channel"),
    ("conversations.setTopic", where("old", topic="x"), "is_archived"),
    ("conversations.setTopic", where("hidden", topic="x"), "channel_not_found"),
    ("conversations.setTopic", direct_channel(topic="x"), "method_not_supported_for_channel_type"),
    ("conversations.setPurpose", where("incidents"), "invalid_arguments"),
    ("conversations.setPurpose", where("incidents", purpose="x" * 251), "too_long"),
    ("conversations.setPurpose", where("lobby", purpose="x"), "not_in_channel"),
    ("conversations.setPurpose", where("hidden", purpose="x"), "channel_not_found"),
    ("conversations.setPurpose", where("old", purpose="x"), "is_archived"),
    ("conversations.setPurpose", direct_channel(purpose="x"), "method_not_supported_for_channel_type"),
    # ── conversations: members ──
    ("conversations.invite", where("incidents"), "no_user"),
    ("conversations.invite", where("incidents", users=" , "), "no_user"),
    ("conversations.invite", where("incidents", users="U404"), "user_not_found"),
    ("conversations.invite", where("incidents", users=person("gone")), "user_not_found"),
    ("conversations.invite", where("incidents", users=lambda slack: slack.bot.id), "cant_invite_self"),
    ("conversations.invite", where("incidents", users=person("alice")), "already_in_channel"),
    ("conversations.invite", where("lobby", users=person("alice")), "not_in_channel"),
    ("conversations.invite", where("hidden", users=person("alice")), "channel_not_found"),
    ("conversations.invite", where("old", users=person("alice")), "is_archived"),
    ("conversations.invite", where("incidents", users=["U1", "U2"]), "invalid_array_arg"),
    ("conversations.invite", direct_channel(users=person("bob")), "method_not_supported_for_channel_type"),
    ("conversations.kick", where("incidents", user="U404"), "user_not_found"),
    ("conversations.kick", where("incidents", user=lambda slack: slack.bot.id), "cant_kick_self"),
    ("conversations.kick", where("general", user=person("alice")), "cant_kick_from_general"),
    ("conversations.kick", where("incidents", user=person("bob")), "not_in_channel"),
    ("conversations.kick", where("lobby", user=person("bob")), "not_in_channel"),
    ("conversations.kick", where("hidden", user=person("bob")), "channel_not_found"),
    ("conversations.kick", direct_channel(user=person("alice")), "method_not_supported_for_channel_type"),
    ("conversations.join", where("old"), "is_archived"),
    ("conversations.join", where("secret"), "method_not_supported_for_channel_type"),
    ("conversations.join", where("hidden"), "channel_not_found"),
    ("conversations.leave", where("general"), "cant_leave_general"),
    ("conversations.leave", where("old"), "is_archived"),
    ("conversations.leave", lambda slack: {"channel": mine(slack)}, "last_member"),
    ("conversations.leave", where("hidden"), "channel_not_found"),
    ("conversations.leave", direct_channel(), "method_not_supported_for_channel_type"),
    # ── conversations: reading ──
    ("conversations.list", given(types="public_channel,dms"), "invalid_types"),
    ("conversations.list", given(limit="many"), "invalid_limit"),
    ("conversations.list", given(limit=1000), "invalid_limit"),
    ("conversations.list", given(limit=-1), "invalid_limit"),
    ("conversations.list", given(cursor="nonsense"), "invalid_cursor"),
    ("conversations.list", given(cursor="bmV4dDo5OTk="), "invalid_cursor"),
    ("conversations.info", given(channel="incidents"), "channel_not_found"),
    ("conversations.info", where("hidden"), "channel_not_found"),
    ("conversations.members", where("hidden"), "channel_not_found"),
    ("conversations.members", where("incidents", limit="x"), "invalid_limit"),
    ("conversations.members", where("incidents", cursor="!"), "invalid_cursor"),
    ("conversations.history", where("lobby"), "not_in_channel"),
    ("conversations.history", where("hidden"), "channel_not_found"),
    ("conversations.history", where("incidents", cursor="!"), "invalid_cursor"),
    ("conversations.history", where("incidents", limit="x"), "invalid_arguments"),
    ("conversations.history", where("incidents", latest="tomorrow"), "invalid_ts_latest"),
    ("conversations.history", where("incidents", oldest="1.x"), "invalid_ts_oldest"),
    ("conversations.replies", given(ts="1.0"), "channel_not_found"),
    ("conversations.replies", where("incidents"), "thread_not_found"),
    ("conversations.replies", where("incidents", ts="1.0"), "thread_not_found"),
    ("conversations.replies", where("hidden", ts="1.0"), "channel_not_found"),
    ("conversations.replies", where("incidents", ts=parent, cursor="!"), "invalid_cursor"),
    ("conversations.replies", where("incidents", ts=parent, latest="x"), "invalid_ts_latest"),
    ("conversations.replies", where("incidents", ts=parent, oldest="x"), "invalid_ts_oldest"),
    # ── direct messages ──
    ("conversations.open", given(), "users_list_not_supplied"),
    ("conversations.open", given(users="U404"), "user_not_found"),
    ("conversations.open", lambda slack: {"users": person("gone")(slack)}, "user_disabled"),
    ("conversations.open", lambda slack: {"users": many(9)(slack)}, "too_many_users"),
    ("conversations.open", given(channel="D404"), "channel_not_found"),
    ("conversations.open", where("incidents"), "method_not_supported_for_channel_type"),
    ("conversations.close", where("incidents"), "method_not_supported_for_channel_type"),
    ("conversations.close", where("hidden"), "channel_not_found"),
    ("conversations.close", given(channel="D404"), "channel_not_found"),
    # ── people ──
    ("users.info", given(user="U404"), "user_not_found"),
    ("users.info", given(), "invalid_arguments"),
    ("users.list", given(cursor="!"), "invalid_cursor"),
    ("users.list", given(limit="x"), "invalid_arguments"),
    ("users.lookupByEmail", given(email="nobody@acme.example"), "users_not_found"),
    ("users.lookupByEmail", given(email=""), "users_not_found"),
    ("users.lookupByEmail", given(email="gone@acme.example"), "users_not_found"),
    ("usergroups.users.list", given(usergroup="S404"), "no_such_subteam"),
    ("usergroups.users.update", group(users=" , "), "no_users_provided"),
    ("usergroups.users.update", group(users=[]), "no_users_provided"),
    ("usergroups.users.update", group(users=["U404"]), "invalid_users"),
    ("usergroups.users.update", group(users=person("otherbot")), "invalid_user"),
    ("users.conversations", given(types="dms"), "invalid_types"),
    ("users.conversations", given(limit=1000), "invalid_limit"),
    ("users.conversations", given(cursor="!"), "invalid_cursor"),
    # ── pins, bookmarks, reactions ──
    ("pins.add", given(timestamp="1.0"), "channel_not_found"),
    ("pins.add", where("incidents"), "no_item_specified"),
    ("pins.add", where("incidents", timestamp="noon"), "bad_timestamp"),
    ("pins.add", where("incidents", timestamp="1.0"), "message_not_found"),
    ("pins.add", where("incidents", timestamp=done("pins.add")), "already_pinned"),
    ("pins.add", where("incidents", timestamp=topic_line), "not_pinnable"),
    ("pins.add", where("lobby", timestamp="1.0"), "not_in_channel"),
    ("pins.remove", where("incidents", timestamp=posted()), "not_pinned"),
    ("pins.remove", where("incidents", timestamp="1.0"), "message_not_found"),
    ("pins.remove", where("incidents", timestamp="x"), "bad_timestamp"),
    ("pins.remove", where("incidents"), "no_item_specified"),
    ("pins.remove", where("hidden", timestamp="1.0"), "channel_not_found"),
    ("pins.list", where("hidden"), "channel_not_found"),
    ("bookmarks.add", mark("incidents", title="x", type="page", link="https://x.example"), "invalid_bookmark_type"),
    ("bookmarks.add", mark("incidents", title="x", type="link"), "invalid_link"),
    ("bookmarks.add", mark("incidents", title="x", type="link", link="ftp://x"), "invalid_link"),
    ("bookmarks.add", mark("incidents", title="x", type="link", link="http://x", emoji="tada"), "invalid_emoji"),
    ("bookmarks.add", mark("incidents", title="x" * 257, type="link", link="http://x"), "invalid_arguments"),
    ("bookmarks.add", mark("incidents", title="x", type="link", link="http://" + "x" * 2048), "invalid_arguments"),
    ("bookmarks.add", mark("incidents", type="link"), "invalid_arguments"),
    ("bookmarks.add", mark("hidden", title="x", type="link"), "channel_not_found"),
    ("bookmarks.edit", mark("incidents", bookmark_id="Bk404"), "not_found"),
    ("bookmarks.edit", mark("hidden", bookmark_id="Bk404"), "channel_not_found"),
    ("bookmarks.edit", bookmarked(link="ftp://x"), "invalid_link"),
    ("bookmarks.edit", bookmarked(emoji="tada"), "invalid_emoji"),
    ("bookmarks.edit", bookmarked(title="x" * 257), "invalid_arguments"),
    ("bookmarks.remove", mark("hidden", bookmark_id="Bk404"), "channel_not_found"),
    ("bookmarks.remove", mark("incidents", bookmark_id="Bk404"), "not_found"),
    ("bookmarks.list", mark("hidden"), "channel_not_found"),
    ("reactions.add", where("incidents", name="eyes"), "no_item_specified"),
    ("reactions.add", where("hidden", name="eyes", timestamp="1.0"), "channel_not_found"),
    ("reactions.add", where("incidents", name=":eyes:", timestamp=posted()), "invalid_name"),
    ("reactions.add", where("incidents", name="eyes", timestamp="x"), "bad_timestamp"),
    ("reactions.add", where("incidents", name="eyes", timestamp="1.0"), "message_not_found"),
    ("reactions.add", where("incidents", name="eyes", timestamp=done("reactions.add", name="eyes")), "already_reacted"),
    ("reactions.add", where("incidents", name="eyes", timestamp=then_archived(posted())), "is_archived"),
    ("reactions.remove", where("incidents", name="eyes", timestamp=posted()), "no_reaction"),
    ("reactions.remove", where("incidents", name="", timestamp=posted()), "invalid_name"),
    ("reactions.remove", where("incidents", name="eyes"), "no_item_specified"),
    ("reactions.remove", where("hidden", name="eyes", timestamp="1.0"), "channel_not_found"),
    ("reactions.remove", where("incidents", name="eyes", timestamp="1.0"), "message_not_found"),
    ("reactions.remove", where("incidents", name="eyes", timestamp="1.x"), "bad_timestamp"),
    ("reactions.get", where("incidents"), "no_item_specified"),
    ("reactions.get", where("hidden", timestamp="1.0"), "channel_not_found"),
    ("reactions.get", where("incidents", timestamp=""), "bad_timestamp"),
    ("reactions.get", where("incidents", timestamp="1.0"), "message_not_found"),
]

GAPS: list[tuple[str, SetUp, str]] = [
    ("team.info", given(), "does not know this method"),
    ("chat.meMessage", where("incidents", text="x" * 4001), "msg_too_long"),
    ("chat.meMessage", where("lobby", text="x"), "chat:write.public"),
    ("chat.meMessage", lambda slack: {"channel": person("alice")(slack), "text": "x"}, "user ID"),
    ("chat.postEphemeral", where("incidents", user=person("alice"), text="x" * 4001), "msg_too_long"),
    ("chat.postEphemeral", where("incidents", user=person("alice"), text="x", thread_ts="1.0"), "does not exist"),
    ("chat.postEphemeral", where("incidents", user=person("alice"), text="x", as_user=True), "as_user"),
    ("chat.scheduleMessage", where("incidents", text="x" * 4001, post_at=SOON), "msg_too_long"),
    ("chat.scheduleMessage", where("lobby", text="x", post_at=SOON), "chat:write.public"),
    ("chat.deleteScheduledMessage", where("general", scheduled_message_id=scheduled()), "another channel"),
    ("chat.scheduledMessages.list", given(oldest="noon"), "oldest"),
    ("files.getUploadURLExternal", given(filename="x", length=1, snippet_type="cobol"), "cobol"),
    ("files.completeUploadExternal", lambda slack: {"files": [{"id": announced(slack)}]}, "bytes have not come"),
    ("files.completeUploadExternal", uploaded(channel_id="lobby", channels="lobby"), "beside channels"),
    ("files.completeUploadExternal", uploaded(channel_id="old"), "archived"),
    ("files.completeUploadExternal", uploaded(channel_id="incidents", thread_ts="1.0"), "below a reply"),
    ("files.completeUploadExternal", uploaded(thread_ts="1.0"), "only one channel"),
    ("files.completeUploadExternal", uploaded(channel_id="incidents", blocks=[{"type": "carousel"}]), "block"),
    ("files.completeUploadExternal", uploaded(channel_id="U0FAKE0001"), "user IDs"),
    ("files.info", lambda slack: {"file": announced(slack)}, "nobody completed"),
    ("files.info", lambda slack: {"file": canvas(slack)}, "of a canvas"),
    ("files.list", given(types="images"), "types"),
    ("files.list", given(), "own files"),
    ("files.list", lambda slack: {"user": slack.bot.id, "channel": "C404"}, "channel that does not exist"),
    ("files.list", lambda slack: {"user": slack.bot.id, "page": 0}, "below 1"),
    ("canvases.create", given(document_content={"type": "html", "html": "x"}), "type markdown"),
    ("canvases.create", given(document_content={"type": "markdown", "markdown": 1}), "without Markdown"),
    ("canvases.create", given(document_content={"type": "markdown", "markdown": "x" * 1_048_577}), "1 MiB"),
    ("canvases.create", mark("lobby"), "not in"),
    ("conversations.canvases.create", mark("old"), "archived"),
    ("canvases.edit", edited({"operation": "delete", "section_id": "temp:C:A"}), "Sections"),
    ("canvases.edit", edited({"operation": "replace"}), "without its content"),
    ("users.conversations", given(user="U404"), "does not exist"),
    ("usergroups.update", given(usergroup="S404", name="x"), "does not exist"),
    ("usergroups.update", group(name=""), "empty name"),
    ("usergroups.update", group(handle=taken), "must be unique"),
    ("usergroups.update", group(channels=""), "empty list"),
    ("usergroups.update", group(channels="C404"), "does not exist"),
    ("usergroups.update", group(enable_section=True), "enable_section"),
    ("usergroups.update", disabled(name="x"), "disabled"),
    ("usergroups.users.update", given(usergroup="S404", users="U0FAKE0001"), "does not exist"),
    ("usergroups.users.update", group(users=person("gone")), "deactivated"),
    ("usergroups.users.update", group(users="U1", is_shared=True), "is_shared"),
    ("chat.postMessage", where("incidents", text="x", as_user=True), "as_user"),
    ("chat.postMessage", where("incidents", text="x", client_msg_id="1"), "client_msg_id"),
    ("chat.postMessage", where("incidents", text="x", thread_ts="1.000000"), "does not exist"),
    ("chat.postMessage", where("incidents", text="x", thread_ts=reply), "names a reply"),
    ("chat.postMessage", where("incidents", markdown_text="x" * 12_001), "12,000"),
    ("chat.postMessage", where("incidents", text="x", attachments="x"), "attachments"),
    ("chat.postMessage", where("incidents", text="x", metadata={"entities": []}), "Work Object"),
    ("chat.postMessage", where("incidents", text="x", blocks=[{"type": "carousel"}]), "/blocks/0/type"),
    ("chat.postMessage", lambda slack: {"channel": person("otherbot")(slack), "text": "x"}, "another bot"),
    ("chat.update", where("incidents", text="x", ts=posted(), file_ids=["F1"]), "file_ids"),
    ("chat.delete", where("incidents", ts=parent), "has replies"),
    ("chat.delete", where("incidents", ts=then_archived(posted())), "archived"),
    ("conversations.create", given(name="größe"), "beyond ASCII"),
    ("conversations.rename", lambda slack: {"channel": mine(slack), "name": "mine"}, "own name"),
    ("conversations.unarchive", where("old"), "Bot tokens cannot unarchive"),
    ("conversations.invite", where("incidents", users=many(101)), "more than 100"),
    ("conversations.invite", where("incidents", users="U404", force=True), "force=true"),
    ("conversations.kick", where("incidents"), "optional"),
    ("conversations.kick", where("old", user="U404"), "archived"),
    ("conversations.replies", where("lobby", ts=said("lobby", "bob")), "not in"),
    ("conversations.history", where("incidents", metadata_keys_to_include="[]"), "metadata_keys_to_include"),
    ("conversations.open", lambda slack: {"users": person("otherbot")(slack)}, "with a bot"),
    (
        "conversations.open",
        lambda slack: {"users": person("alice")(slack), "prevent_creation": True},
        "prevent_creation",
    ),
    ("pins.remove", where("lobby", timestamp=said("lobby", "bob")), "not in"),
    ("pins.list", where("lobby"), "not in"),
    ("bookmarks.add", mark("incidents", title="x", type="file"), "type file"),
    ("bookmarks.add", mark("incidents", title="x", type="link", link="http://x", parent_id="Bk1"), "folders"),
    ("bookmarks.list", mark("lobby"), "not in"),
    ("reactions.add", where("lobby", name="eyes", timestamp=said("lobby", "bob")), "not in"),
]


@pytest.mark.parametrize(("method", "set_up", "code"), ERRORS)
def test_a_documented_error_is_answered(slack, form, ask, method: str, set_up: SetUp, code: str) -> None:
    """The set-up leads to exactly this code, and nothing but an answer: the workspace is as it was."""
    arguments = set_up(slack)
    before = slack.transcript()
    send = ask if any(isinstance(value, (list, dict)) for value in arguments.values()) else form
    answer = send(method, **arguments)
    assert (answer["ok"], answer["error"]) == (False, code), answer
    assert slack.transcript() == before
    assert (slack.calls[-1].method, slack.calls[-1].error) == (method, code)


@pytest.mark.parametrize(("method", "set_up", "reason"), GAPS)
def test_what_no_page_says_is_not_guessed(slack, form, ask, method: str, set_up: SetUp, reason: str) -> None:
    """An undocumented case is answered with 501, not_modelled, a reason and the page, and changes nothing."""
    arguments = set_up(slack)
    before = slack.transcript()
    send = ask if any(isinstance(value, (list, dict)) for value in arguments.values()) else form
    answer = send(method, **arguments)
    assert (answer["ok"], answer["error"]) == (False, "not_modelled")
    assert reason in answer["message"]
    assert f"https://docs.slack.dev/reference/methods/{method}" in answer["message"]
    assert slack.calls[-1].status == 501
    assert slack.transcript() == before


@pytest.mark.parametrize("name", sorted(METHODS))
def test_each_method_has_its_page_and_its_scopes(name: str) -> None:
    """Each modelled method links the page it was written from and has a row in the scopes table."""
    from slackrunbooks.testing._scopes import SCOPES

    assert METHODS[name].page == f"https://docs.slack.dev/reference/methods/{name}"
    assert name in SCOPES


def test_the_scopes_table_has_no_rows_without_a_method() -> None:
    """Scopes are listed for modelled methods only, and look like scopes."""
    from slackrunbooks.testing._scopes import ALL_BOT_SCOPES, SCOPES

    assert set(SCOPES) == set(METHODS)
    assert all(re.fullmatch(r"[a-z]+:[a-z]+(\.[a-z]+)?", scope) for scope in ALL_BOT_SCOPES)


def test_a_missing_argument_is_named(form) -> None:
    """A missing argument is named in response_metadata, as setTopic's page shows."""
    answer = form("conversations.setTopic", channel="C0")
    assert answer["response_metadata"] == {"messages": ["[ERROR] missing required field: topic"]}


def test_an_invitation_with_faults_invites_nobody(slack, form) -> None:
    """Several bad users give one error each, the first on top, and the good one is not invited either."""
    channel = slack.channel("incidents")
    users = f"{slack.user('bob').id},U111111,{slack.bot.id}"
    answer = form("conversations.invite", channel=channel.id, users=users)
    assert answer == {
        "ok": False,
        "error": "user_not_found",
        "errors": [
            {"user": "U111111", "ok": False, "error": "user_not_found"},
            {"user": slack.bot.id, "ok": False, "error": "cant_invite_self"},
        ],
    }
    assert slack.user("bob").id not in channel.members


def test_an_invitation_with_somebody_who_left_invites_the_others(slack, form) -> None:
    """Of those who have left the workspace an error tells, and everybody else is in the channel all the same."""
    channel, bob, gone = slack.channel("incidents"), slack.user("bob").id, slack.user("gone").id
    answer = form("conversations.invite", channel=channel.id, users=f"{bob},{gone}")
    assert answer["errors"] == [{"user": gone, "ok": False, "error": "user_not_found"}]
    assert bob in channel.members and gone not in channel.members
    carol = slack.add_user("carol").id
    form("conversations.invite", channel=channel.id, users=f"{carol},{gone},U404")
    assert carol not in channel.members


def test_leaving_a_channel_one_is_not_in_has_no_error_key(slack, form) -> None:
    """The documented answer is ok false and not_in_channel true, without an error code."""
    assert form("conversations.leave", channel=slack.channel("lobby").id) == {"ok": False, "not_in_channel": True}
