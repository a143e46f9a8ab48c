"""chat.*: messages for all, for one person and for later, their edits, their addresses.

Rule of this file: see the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slackrunbooks.testing._blocks import MAX_TOTAL, UNKNOWN, faults, total_length
from slackrunbooks.testing._mrkdwn import mentions
from slackrunbooks.testing._scopes import CUSTOMIZE, WRITE_PUBLIC
from slackrunbooks.testing._state import FakeEphemeral, FakeScheduled, microseconds

from ._registry import Body, NotModelled, Refusal, Request, method

if TYPE_CHECKING:
    from slackrunbooks.testing._state import FakeChannel, FakeMessage

_MAX_TEXT = 40_000  # https://docs.slack.dev/reference/methods/chat.postMessage#truncating
_MAX_UPDATE = (
    4_000  # "The `text` field cannot exceed 4,000 characters": https://docs.slack.dev/reference/methods/chat.update
)
_MAX_MARKDOWN = 12_000  # https://docs.slack.dev/reference/methods/chat.postMessage#arg_markdown_text
_MAX_ATTACHMENTS = 100
# The numbers are on https://docs.slack.dev/reference/methods/chat.scheduleMessage#restrictions
_MAX_AHEAD = 120 * 86_400
_MAX_SCHEDULED, _WINDOW = 30, 300
_LAST_DELETION = 60  # https://docs.slack.dev/reference/methods/chat.deleteScheduledMessage#restrictions
# "long messages may be broken into multiple messages": https://api.slack.com/changelog/2018-04-truncating-really-long-messages
# The numbers are measured, not documented (FerroxLabs/wayland-core, 2026-08-27).
_MAX_UNSPLIT, _SPLIT = 4_040, 4_000

_TRUNCATED = "[WARN] Your message was truncated but still posted. The `text` field accepts up to 40,000 characters."

_CONTENT: Mapping[str, Any] = {
    "flags": ("mrkdwn", "reply_broadcast", "unfurl_links", "unfurl_media", "link_names", "as_user"),
    "data": ("blocks", "attachments", "metadata"),
}


@method("chat.postMessage", required=("channel",), **_CONTENT)
def post_message(request: Request) -> Body:
    """Send a message to a channel, by ID or by the name of a public one, or to a person, by user ID."""
    _not_modelled(request, "as_user", "current_draft_last_updated_ts", "client_msg_id")
    channel = _addressee(request)
    content = _content(request)
    customized(request)
    if channel.is_archived:
        raise Refusal("is_archived")
    if not request.is_in(channel) and WRITE_PUBLIC not in request.scopes:
        raise Refusal("not_in_channel")
    thread_ts = _thread(request, channel)
    text, *more = _split(content.pop("text"), whole=bool(content["blocks"]))
    fields: dict[str, Any] = {
        "thread_ts": thread_ts,
        "bot_id": request.workspace.bot_id,
        "broadcast": thread_ts is not None and request.flag("reply_broadcast"),
        "username": request.text("username") or None,
    }
    message = request.workspace.add_message(channel, request.bot, text, **content, **fields)
    _notify(request, message)
    for part in more:
        # The answer names one message only, and nothing says which; this one names the first.
        _notify(request, request.workspace.add_message(channel, request.bot, part, **fields))
    shown = request.workspace.show_message(message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


@method("chat.update", required=("channel", "ts"), **_CONTENT)
def update(request: Request) -> Body:
    """Replace the content of one of the app's own messages."""
    _not_modelled(request, "as_user", "file_ids", "unfurled_attachments")
    channel = request.conversation()
    message = request.message(channel, request.text("ts"))
    if message.bot_id is None:
        raise Refusal("cant_update_message")
    if channel.is_archived:
        raise Refusal("is_inactive")
    if request.flag("reply_broadcast"):
        return _broadcast(request, channel, message)
    if len(request.text("text")) > _MAX_UPDATE:
        raise Refusal("msg_too_long")
    content = _content(request)
    before = mentions(message.text, message.blocks, message.attachments, handles={})
    message.text, message.blocks, message.attachments = content["text"], content["blocks"], content["attachments"]
    if "metadata" in request.arguments:
        message.metadata = content["metadata"]
    message.edited = {"user": request.bot.id, "ts": request.workspace.new_ts()}
    _notify(request, message, skip=("dm", *before))
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": request.workspace.show_message(message, metadata=True),
    }


@method("chat.delete", required=("channel", "ts"), flags=("as_user",))
def delete(request: Request) -> Body:
    """Delete one of the app's own messages."""
    _not_modelled(request, "as_user")
    channel = request.conversation()
    message = request.message(channel, request.text("ts"))
    if message.bot_id is None:
        raise Refusal("cant_delete_message")
    if message.replies:
        raise NotModelled("What is left of a deleted message that has replies is not documented.")
    if channel.is_archived:
        raise NotModelled("What chat.delete answers in an archived channel is not documented.")
    request.workspace.delete_message(channel, message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", required=("channel", "message_ts"), json_body=False)
def get_permalink(request: Request) -> Body:
    """Return the address of a message."""
    channel = request.conversation()
    message = request.message(channel, request.text("message_ts"))
    return {"channel": channel.id, "permalink": request.workspace.permalink(message)}


@method("chat.meMessage", required=("channel", "text"), missing={"text": "no_text"})
def me_message(request: Request) -> Body:
    """Say what the app does, as people do with ``/me``."""
    channel = _here(request)
    text = request.text("text")
    if not text:
        raise Refusal("no_text")
    _short(text)
    message = request.workspace.add_message(
        channel, request.bot, text, subtype="me_message", bot_id=request.workspace.bot_id
    )
    request.workspace.notify(message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.postEphemeral", required=("channel", "user"), **_CONTENT)
def post_ephemeral(request: Request) -> Body:
    """Show a message to one member of a channel. It pings nobody and cannot be read again."""
    _not_modelled(request, "as_user")
    channel = _here(request)
    content = _content(request)
    if not content["blocks"]:
        _short(content["text"])
    customized(request)
    user = request.workspace.users.get(request.text("user"))
    if user is None or user.id not in channel.members:
        raise Refusal("user_not_in_channel")
    thread_ts = _thread(request, channel)
    # "event_type/event_payload message metadata is ignored here."
    del content["metadata"]
    shown = FakeEphemeral(
        channel.id,
        request.workspace.new_ts(),
        user.id,
        thread_ts=thread_ts,
        username=request.text("username") or None,
        # "Ephemeral messages in threads are only shown if there is already an active thread."
        is_shown=thread_ts is None or bool(channel.log[thread_ts].replies),
        **content,
    )
    channel.ephemeral.append(shown)
    return {"message_ts": shown.ts}


@method("chat.scheduleMessage", required=("channel", "post_at"), numbers=("post_at",), **_CONTENT)
def schedule_message(request: Request) -> Body:
    """Put a message off until a time in the next 120 days; the workspace posts it when its clock has got there."""
    _not_modelled(request, "as_user")
    workspace = request.workspace
    post_at, now = request.arguments["post_at"], workspace.clock.now()
    if not isinstance(post_at, int) or post_at < 0:
        raise Refusal("invalid_time")
    if post_at <= now:
        raise Refusal("time_in_past")
    if post_at > now + _MAX_AHEAD:
        raise Refusal("time_too_far")
    content = _content(request)
    if not content["blocks"]:
        _short(content["text"])
    channel = _here(request, people=True)
    thread_ts = _thread(request, channel)
    near = [each.post_at for each in _pending(request) if each.channel == channel.id]
    if _crowd(near, post_at) >= _MAX_SCHEDULED:
        raise Refusal("restricted_too_many")
    broadcast = thread_ts is not None and request.flag("reply_broadcast")
    text = content.pop("text")
    scheduled = FakeScheduled(
        workspace.new_id("Q"),
        channel.id,
        post_at,
        workspace.seconds(),
        text,
        fields={**content, "thread_ts": thread_ts, "broadcast": broadcast},
        linking={"link_names": request.flag("link_names"), "parse_full": request.text("parse") == "full"},
    )
    workspace.scheduled[scheduled.id] = scheduled
    message: dict[str, Any] = {
        "text": text,
        "username": request.bot.name,
        "bot_id": workspace.bot_id,
        "type": "delayed_message",
        "subtype": "bot_message",
    }
    message.update({name: content[name] for name in ("blocks", "attachments") if content[name]})
    return {
        "channel": channel.id,
        "scheduled_message_id": scheduled.id,
        # The page shows text here and a number in chat.scheduledMessages.list.
        "post_at": str(post_at),
        "message": message,
    }


@method("chat.deleteScheduledMessage", required=("channel", "scheduled_message_id"), flags=("as_user",))
def delete_scheduled_message(request: Request) -> Body:
    """Take back a message that was scheduled, until a minute before its time."""
    _not_modelled(request, "as_user")
    channel = request.conversation()
    for scheduled in _pending(request):
        if scheduled.id == request.text("scheduled_message_id"):
            if scheduled.channel != channel.id:
                raise NotModelled("What the ID of a message for another channel is answered with is not documented.")
            if scheduled.post_at - request.workspace.clock.now() <= _LAST_DELETION:
                break
            scheduled.state = "deleted"
            return {}
    raise Refusal("invalid_scheduled_message_id")


@method("chat.scheduledMessages.list", numbers=("limit",))
def list_scheduled_messages(request: Request) -> Body:
    """List the messages that this app has scheduled and that did not post yet, the next one first."""
    channel = request.text("channel")
    if channel:
        known = request.workspace.channels.get(channel)
        if known is None or (known.is_private and not request.is_in(known)):
            raise Refusal("invalid_channel")
    oldest, latest = (_moment(request, name) for name in ("oldest", "latest"))
    found = [
        each
        for each in sorted(_pending(request), key=lambda each: each.post_at)
        if (not channel or each.channel == channel)
        and (oldest is None or each.post_at * 1_000_000 >= oldest)
        and (latest is None or each.post_at * 1_000_000 <= latest)
    ]
    most = max(len(found), 1)
    page, cursor = request.page(found, request.limit(most, most))
    shown = [
        {
            "id": each.id,
            "channel_id": each.channel,
            "post_at": each.post_at,
            "date_created": each.created,
            "text": each.text,
        }
        for each in page
    ]
    return {"scheduled_messages": shown, "response_metadata": {"next_cursor": cursor}}


def customized(request: Request) -> None:
    """Refuse another name or icon to a token that may not choose one."""
    if any(request.text(name) for name in ("username", "icon_emoji", "icon_url")) and CUSTOMIZE not in request.scopes:
        request.lack([CUSTOMIZE])


def _here(request: Request, *, people: bool = False) -> FakeChannel:
    """Find the conversation of a method whose page lists ``not_in_channel`` and does not speak of chat:write.public."""
    if not people and request.text("channel") in request.workspace.users:
        raise NotModelled("The page does not list a user ID among what channel can be.")
    channel = _addressee(request)
    if channel.is_archived:
        raise Refusal("is_archived")
    if not request.is_in(channel):
        if WRITE_PUBLIC in request.scopes:
            raise NotModelled("Whether chat:write.public counts for this method is not documented.")
        raise Refusal("not_in_channel")
    return channel


def _short(text: str) -> None:
    if len(text) > _SPLIT:
        raise NotModelled("From which length on this method answers msg_too_long is not documented.")


def _pending(request: Request) -> list[FakeScheduled]:
    return [each for each in request.workspace.scheduled.values() if each.state == "pending"]


def _crowd(others: list[int], post_at: int) -> int:
    """Count the most messages that any window of five minutes around this time already has."""
    starts = [other for other in others if post_at - _WINDOW < other <= post_at] + [post_at]
    return max(sum(start <= other < start + _WINDOW for other in others) for start in starts)


def _moment(request: Request, name: str) -> int | None:
    """Return a Unix time in microseconds, or ``None`` without one."""
    if not request.text(name):
        return None
    try:
        return microseconds(request.text(name))
    except ValueError:
        raise NotModelled(f"What {name} that is no time is answered with is not documented.") from None


def _not_modelled(request: Request, *names: str) -> None:
    """Decline arguments whose effect this fake does not have."""
    for name in names:
        if request.arguments.get(name):
            raise NotModelled(f"The argument {name} is not modelled.")


def _addressee(request: Request) -> FakeChannel:
    """Find the conversation: https://docs.slack.dev/reference/methods/chat.postMessage#channels."""
    key = request.text("channel")
    user = request.workspace.users.get(key)
    if user is not None:
        if user.is_bot:
            raise NotModelled("What happens to a message for another bot, or for itself, is not documented.")
        if user.deleted:
            raise Refusal("channel_not_found")
        return request.workspace.open_direct([user.id])
    named = request.workspace.channel_named(key.removeprefix("#"))
    if named is not None and not named.is_private:
        return named
    return request.visible(key)


def _thread(request: Request, channel: FakeChannel) -> str | None:
    """Find the parent of a reply."""
    thread_ts = request.text("thread_ts")
    if not thread_ts:
        return None
    parent = channel.log.get(thread_ts)
    if parent is None:
        raise NotModelled("What a reply to a message that does not exist becomes is not documented.")
    if parent.is_reply:
        raise NotModelled("thread_ts names a reply: 'Avoid using a reply's ts value; use its parent instead.'")
    if parent.is_system:
        # "This message type cannot have thread replies."
        raise Refusal("cannot_reply_to_message")
    return thread_ts


def _content(request: Request) -> dict[str, Any]:
    """Check and return what a message says: text, blocks, attachments, metadata."""
    blocks = _blocks(request)
    attachments = request.arguments.get("attachments") or []
    text = request.text("text")
    markdown = request.text("markdown_text")
    if markdown and (text or blocks):
        raise Refusal("markdown_text_conflict")
    if len(markdown) > _MAX_MARKDOWN:
        raise NotModelled("What happens to a markdown_text of more than 12,000 characters is not documented.")
    if not isinstance(attachments, list):
        raise NotModelled("What attachments that are not an array are answered with is not documented.")
    if len(attachments) > _MAX_ATTACHMENTS:
        raise Refusal("too_many_attachments")
    if not (text or markdown or blocks or attachments):
        raise Refusal("no_text")
    if len(text) > _MAX_TEXT:
        text = text[:_MAX_TEXT]
        request.warnings.append("message_truncated")
        request.messages.append(_TRUNCATED)
    return {
        "text": text or markdown,
        "blocks": blocks,
        "attachments": attachments,
        "metadata": _metadata(request),
    }


def _blocks(request: Request) -> list[dict[str, Any]]:
    """Check and return the blocks."""
    blocks = request.arguments.get("blocks")
    if blocks is None or blocks == "":
        return []
    if not isinstance(blocks, list):
        raise Refusal("invalid_blocks_format")
    found = faults(blocks)
    for what, pointer in found:
        if what == UNKNOWN:
            raise NotModelled(
                f"The block type at {pointer} is not modelled; see https://docs.slack.dev/reference/block-kit/blocks."
            )
    if found:
        errors = [f"{what} [json-pointer:{pointer}]" for what, pointer in found]
        metadata = {"messages": [f"[ERROR] {error}" for error in errors]}
        raise Refusal("invalid_blocks", errors=errors, response_metadata=metadata)
    if total_length(blocks) > MAX_TOTAL:
        raise Refusal("msg_blocks_too_long")
    return blocks


def _metadata(request: Request) -> dict[str, Any] | None:
    """Check and return the metadata: https://docs.slack.dev/messaging/message-metadata."""
    metadata = request.arguments.get("metadata")
    if metadata is None or metadata in ({}, ""):
        return None
    if not isinstance(metadata, Mapping):
        raise Refusal("invalid_metadata_format")
    if "entities" in metadata:
        raise NotModelled("Work Object metadata is not modelled.")
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), Mapping):
        raise Refusal("invalid_metadata_schema")
    return dict(metadata)


def _split(text: str, *, whole: bool) -> list[str]:
    """Break a long text into several messages; beside blocks it is a fallback only and stays whole."""
    if whole or len(text) <= _MAX_UNSPLIT:
        return [text]
    return [text[start : start + _SPLIT] for start in range(0, len(text), _SPLIT)]


def _broadcast(request: Request, channel: FakeChannel, message: FakeMessage) -> Body:
    """Show an existing reply in the channel as well."""
    if not message.is_reply or message.broadcast:
        raise Refusal("cant_broadcast_message")
    if any(request.arguments.get(name) for name in ("text", "blocks", "attachments", "markdown_text")):
        raise Refusal("no_dual_broadcast_content_update")
    message.broadcast = True
    shown = request.workspace.show_message(message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def _notify(request: Request, message: FakeMessage, skip: tuple[str, ...] = ()) -> None:
    request.workspace.notify(
        message,
        link_names=request.flag("link_names"),
        parse_full=request.text("parse") == "full",
        skip=skip,
    )
