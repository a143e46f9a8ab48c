"""chat.*: messages, their edits, their addresses.

Rule of this file: see the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slackrunbooks.testing._blocks import MAX_TOTAL, UNKNOWN, faults, total_length
from slackrunbooks.testing._mrkdwn import mentions
from slackrunbooks.testing._scopes import CUSTOMIZE, WRITE_PUBLIC

from ._registry import Body, NotModelled, Refusal, Request, method

if TYPE_CHECKING:
    from slackrunbooks.testing._state import FakeChannel, FakeMessage

_MAX_TEXT = 40_000  # https://docs.slack.dev/reference/methods/chat.postMessage#truncating
_MAX_UPDATE = (
    4_000  # "The `text` field cannot exceed 4,000 characters": https://docs.slack.dev/reference/methods/chat.update
)
_MAX_MARKDOWN = 12_000  # https://docs.slack.dev/reference/methods/chat.postMessage#arg_markdown_text
_MAX_ATTACHMENTS = 100
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
    if any(request.text(name) for name in ("username", "icon_emoji", "icon_url")) and CUSTOMIZE not in request.scopes:
        request.lack([CUSTOMIZE])
    if channel.is_archived:
        raise Refusal("is_archived")
    if not request.is_in(channel) and WRITE_PUBLIC not in request.scopes:
        raise Refusal("not_in_channel")
    thread_ts = _thread(request, channel)
    text, *more = _split(content.pop("text"), whole=bool(content["blocks"]))
    fields = {
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
    del channel.log[message.ts]
    channel.pins.pop(message.ts, None)
    if message.thread_ts is not None:
        channel.log[message.thread_ts].replies.remove(message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", required=("channel", "message_ts"), json_body=False)
def get_permalink(request: Request) -> Body:
    """Return the address of a message."""
    channel = request.conversation()
    message = request.message(channel, request.text("message_ts"))
    return {"channel": channel.id, "permalink": request.workspace.permalink(message)}


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
    if parent.subtype is not None:
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
