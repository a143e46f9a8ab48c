"""conversations.*: channels, their names and members, and what was said in them.

Rule of this file: see the package.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from slackrunbooks.testing._scopes import IM, MPIM, PRIVATE, PUBLIC
from slackrunbooks.testing._state import microseconds

from ._registry import Body, NotModelled, Refusal, Request, kind_of, method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slackrunbooks.testing._state import FakeChannel, FakeMessage

_MAX_NAME = 80  # https://docs.slack.dev/reference/methods/conversations.create#naming
_MAX_TOPIC = 250  # https://docs.slack.dev/reference/methods/conversations.setTopic#errors
_MAX_INVITED = 100  # "Up to 100 users may be listed": https://docs.slack.dev/reference/methods/conversations.invite
_MAX_LISTED = 999  # "Must be an integer under 1000": https://docs.slack.dev/reference/methods/conversations.list

_ALLOWED = re.compile(r"[a-z0-9_-]+")
_TYPES = {"public_channel": PUBLIC, "private_channel": PRIVATE, "mpim": MPIM, "im": IM}


@method("conversations.create", required=("name",), missing={"name": "missing_argument"}, flags=("is_private",))
def create(request: Request) -> Body:
    """Create a channel; the app becomes its creator and only member."""
    is_private = request.flag("is_private")
    request.require(PRIVATE if is_private else PUBLIC)
    name = _valid_name(request)
    if request.workspace.channel_named(name) is not None:
        raise Refusal("name_taken")
    channel = request.workspace.add_channel(
        name, creator=request.bot.id, members=[request.bot.id], is_private=is_private
    )
    return {"channel": request.workspace.show_channel(channel)}


@method("conversations.archive", required=("channel",))
def archive(request: Request) -> Body:
    """Archive a channel."""
    channel = _channel(request)
    if channel.is_archived:
        raise Refusal("already_archived")
    if channel.is_general:
        raise Refusal("cant_archive_general")
    request.joined(channel)
    request.workspace.archive(channel, request.bot)
    return {}


@method("conversations.unarchive", required=("channel",))
def unarchive(request: Request) -> Body:
    """Say that bot tokens cannot do this, and that no page says with which error."""
    channel = _channel(request)
    if not channel.is_archived:
        raise Refusal("not_archived")
    raise NotModelled("Bot tokens cannot unarchive; the error they get is not documented. A FakeUser can unarchive().")


@method("conversations.rename", required=("channel", "name"))
def rename(request: Request) -> Body:
    """Rename a channel that the app created."""
    channel = _channel(request)
    if channel.is_archived:
        raise Refusal("is_archived")
    request.joined(channel)
    if channel.creator != request.bot.id:
        raise Refusal("not_authorized")
    name = _valid_name(request)
    if name == channel.name:
        raise NotModelled("What renaming a channel to its own name answers is not documented.")
    if request.workspace.channel_named(name) is not None:
        raise Refusal("name_taken")
    old = channel.name
    channel.previous_names.insert(0, old)
    channel.name = name
    text = f'<@{request.bot.id}> has renamed the channel from "{old}" to "{name}"'
    request.workspace.system(channel, request.bot, "channel_name", text, old_name=old, name=name)
    return {"channel": request.workspace.show_channel(channel)}


@method("conversations.setTopic", required=("channel", "topic"))
def set_topic(request: Request) -> Body:
    """Set the topic."""
    channel = _writable(request)
    topic = request.text("topic")
    if len(topic) > _MAX_TOPIC:
        raise Refusal("too_long")
    channel.topic = topic
    channel.topic_set = (request.bot.id, request.workspace.seconds())
    line = request.workspace.system(
        channel, request.bot, "channel_topic", f"set the channel topic: {topic}", topic=topic
    )
    shown = request.workspace.show_channel(channel)
    return {"channel": {**shown, "latest": request.workspace.show_message(line)}}


@method("conversations.setPurpose", required=("channel", "purpose"))
def set_purpose(request: Request) -> Body:
    """Set the description."""
    channel = _writable(request)
    purpose = request.text("purpose")
    if len(purpose) > _MAX_TOPIC:
        raise Refusal("too_long")
    channel.purpose = purpose
    channel.purpose_set = (request.bot.id, request.workspace.seconds())
    text = f"<@{request.bot.id}> set the channel purpose: {purpose}"
    request.workspace.system(channel, request.bot, "channel_purpose", text, purpose=purpose)
    return {}


@method("conversations.invite", required=("channel", "users"), missing={"users": "no_user"}, flags=("force",))
def invite(request: Request) -> Body:
    """Bring people in: all of them, or none, or all but those who have left the workspace."""
    channel = _channel(request)
    users = _listed(request.text("users"))
    if not users:
        raise Refusal("no_user")
    if len(users) > _MAX_INVITED:
        raise NotModelled("The page says both 'up to 100' and '1-1000' users; what more than 100 get is not clear.")
    if channel.is_archived:
        raise Refusal("is_archived")
    request.joined(channel)
    errors = [
        {"user": user, "ok": False, "error": code}
        for user in users
        if (code := _why_not(request, channel, user)) is not None
    ]
    if errors and request.flag("force"):
        raise NotModelled("The answer to force=true when some users cannot be invited is not documented.")
    good = [user for user in users if _why_not(request, channel, user) is None]
    # "Inviting users who are in a removed state [...]: an error response will be returned via the API, but all other
    # users will be invited". With somebody wrong in another way, nobody is.
    if all(_left(request, str(error["user"])) for error in errors):
        for user in good:
            request.workspace.join(channel, request.workspace.users[user], inviter=request.bot)
    if errors:
        raise Refusal(str(errors[0]["error"]), errors=errors)
    return {"channel": request.workspace.show_channel(channel)}


@method("conversations.kick", required=("channel",))
def kick(request: Request) -> Body:
    """Remove somebody."""
    channel = _channel(request)
    if "user" not in request.arguments:
        raise NotModelled("The page marks user as optional and lists no error for its absence.")
    if channel.is_archived:
        raise NotModelled("What removing somebody from an archived channel answers is not documented.")
    user = request.active(request.text("user"))
    if user is request.bot:
        raise Refusal("cant_kick_self")
    if channel.is_general:
        raise Refusal("cant_kick_from_general")
    request.joined(channel)
    if user.id not in channel.members:
        raise Refusal("not_in_channel")
    request.workspace.leave(channel, user)
    return {"errors": {}}


@method("conversations.join", required=("channel",))
def join(request: Request) -> Body:
    """Join a public channel."""
    channel = request.conversation()
    if channel.is_private:
        raise Refusal("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise Refusal("is_archived")
    if not request.workspace.join(channel, request.bot):
        request.warnings.append("already_in_channel")
    return {"channel": request.workspace.show_channel(channel)}


@method("conversations.leave", required=("channel",))
def leave(request: Request) -> Body:
    """Leave a channel."""
    channel = _channel(request)
    if channel.is_archived:
        raise Refusal("is_archived")
    if not request.is_in(channel):
        # The page shows this answer, without an error code.
        return {"ok": False, "not_in_channel": True}
    if channel.is_general:
        raise Refusal("cant_leave_general")
    if len(channel.members) == 1:
        raise Refusal("last_member")
    request.workspace.leave(channel, request.bot)
    return {}


@method("conversations.list", flags=("exclude_archived",), numbers=("limit",), json_body=False)
def list_channels(request: Request) -> Body:
    """List the conversations that the app can see."""
    kinds = _wanted(request)
    found = [
        channel
        for channel in request.workspace.channels.values()
        if kind_of(channel) in kinds
        and (not channel.is_private or request.is_in(channel))
        and not (channel.is_archived and request.flag("exclude_archived"))
    ]
    page, cursor = request.page(found, request.limit(100, _MAX_LISTED, code="invalid_limit"))
    shown: list[dict[str, Any]] = []
    for channel in page:
        counted = {} if channel.is_im or channel.is_mpim else {"num_members": len(channel.members)}
        shown.append({**request.workspace.show_channel(channel), **counted})
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


@method("users.conversations", flags=("exclude_archived", "exclude_muted"), numbers=("limit",), json_body=False)
def users_conversations(request: Request) -> Body:
    """List the conversations that somebody is in: the app, or another of whom only shared private ones show."""
    kinds = _wanted(request)
    user = request.text("user") or request.bot.id
    if user not in request.workspace.users:
        raise NotModelled("The page has no error for a user who does not exist.")
    found = [
        channel
        for channel in request.workspace.channels.values()
        if kind_of(channel) in kinds
        and user in channel.members
        and (not channel.is_private or request.is_in(channel))
        and not (channel.is_archived and request.flag("exclude_archived"))
    ]
    page, cursor = request.page(found, request.limit(100, _MAX_LISTED, code="invalid_limit"))
    shown = [request.workspace.show_channel(channel) for channel in page]
    for row in shown:
        # The page's examples do not have it.
        row.pop("is_member", None)
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


@method("conversations.info", required=("channel",), flags=("include_num_members", "include_locale"), json_body=False)
def info(request: Request) -> Body:
    """Describe a conversation."""
    channel = request.conversation()
    shown = request.workspace.show_channel(channel)
    if request.flag("include_num_members"):
        shown["num_members"] = len(channel.members)
    if request.flag("include_locale"):
        shown["locale"] = "en-US"
    return {"channel": shown}


@method("conversations.members", required=("channel",), numbers=("limit",), json_body=False)
def members(request: Request) -> Body:
    """List the members' IDs."""
    channel = request.conversation()
    page, cursor = request.page(channel.members, request.limit(100, _MAX_LISTED, code="invalid_limit"))
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


_WINDOW: Mapping[str, Any] = {"flags": ("inclusive", "include_all_metadata"), "numbers": ("limit",)}


@method("conversations.history", required=("channel",), **_WINDOW)
def history(request: Request) -> Body:
    """Read a conversation, newest first; replies stay in their threads unless they were broadcast."""
    channel = request.conversation()
    request.joined(channel)
    found = _between(request, channel.history[::-1])
    page, cursor = request.page(found, request.limit(100, _MAX_LISTED))
    body: Body = {"messages": _shown(request, page), "has_more": bool(cursor), "pin_count": len(channel.pins)}
    if cursor:
        body["response_metadata"] = {"next_cursor": cursor}
    return body


@method(
    "conversations.replies",
    required=("channel", "ts"),
    missing={"channel": "channel_not_found", "ts": "thread_not_found"},
    json_body=False,
    **_WINDOW,
)
def replies(request: Request) -> Body:
    """Read a thread, parent first; any message of it names it."""
    channel = request.conversation()
    request.joined(channel, documented=False)
    message = channel.log.get(request.text("ts"))
    if message is None:
        raise Refusal("thread_not_found")
    parent = channel.log[message.thread_ts] if message.thread_ts is not None else message
    found = [parent, *_between(request, parent.replies)]
    page, cursor = request.page(found, request.limit(1000, 1000))
    body: Body = {"messages": _shown(request, page), "has_more": bool(cursor)}
    if cursor:
        body["response_metadata"] = {"next_cursor": cursor}
    return body


def _channel(request: Request) -> FakeChannel:
    """Return a channel that is no direct message."""
    channel = request.workspace.channels.get(request.text("channel"))
    if channel is not None and (channel.is_im or channel.is_mpim):
        raise Refusal("method_not_supported_for_channel_type")
    return request.conversation()


def _writable(request: Request) -> FakeChannel:
    """Return a channel whose topic and description the app may set."""
    channel = _channel(request)
    if channel.is_archived:
        raise Refusal("is_archived")
    request.joined(channel)
    return channel


def _valid_name(request: Request) -> str:
    """Return the name if it is one: https://docs.slack.dev/reference/methods/conversations.create#naming."""
    name = request.text("name")
    if not name:
        raise Refusal("invalid_name_required")
    if len(name) > _MAX_NAME:
        raise Refusal("invalid_name_maxlength")
    if not name.isascii():
        raise NotModelled("Which characters beyond ASCII a channel name may have is not documented.")
    if not any(char.isalnum() for char in name):
        raise Refusal("invalid_name_punctuation")
    if not _ALLOWED.fullmatch(name):
        raise Refusal("invalid_name_specials")
    return name


def _left(request: Request, user_id: str) -> bool:
    """Tell whether somebody was in the workspace and is no more."""
    user = request.workspace.users.get(user_id)
    return user is not None and user.deleted


def _why_not(request: Request, channel: FakeChannel, user_id: str) -> str | None:
    """Say why somebody cannot be invited, or ``None``."""
    user = request.workspace.users.get(user_id)
    if user is None or user.deleted:
        # Of somebody who has left, the page says that there is an error, and has no other code that fits.
        return "user_not_found"
    if user is request.bot:
        return "cant_invite_self"
    return "already_in_channel" if user_id in channel.members else None


def _wanted(request: Request) -> list[str]:
    """Return the types of conversation asked for; the token must have a scope for each."""
    kinds: list[str] = []
    for wanted in _listed(request.text("types", "public_channel")):
        if wanted not in _TYPES:
            raise Refusal("invalid_types")
        kinds.append(_TYPES[wanted])
        request.require(_TYPES[wanted])
    return kinds


def _listed(value: str) -> list[str]:
    """Split a comma-separated argument."""
    return [item for item in (part.strip() for part in value.split(",")) if item]


def _between(request: Request, messages: list[FakeMessage]) -> list[FakeMessage]:
    """Keep what lies between ``oldest`` and ``latest``, themselves included only with ``inclusive``."""
    if "metadata_keys_to_include" in request.arguments:
        raise NotModelled("metadata_keys_to_include appears among the page's errors, but not among its arguments.")
    oldest = microseconds(request.timestamp("oldest", "invalid_ts_oldest")) if request.text("oldest") else 0
    if request.text("latest"):
        latest = microseconds(request.timestamp("latest", "invalid_ts_latest"))
    else:
        latest = 1 << 63
    if request.flag("inclusive"):
        oldest, latest = oldest - 1, latest + 1
    return [message for message in messages if oldest < microseconds(message.ts) < latest]


def _shown(request: Request, messages: list[FakeMessage]) -> list[dict[str, Any]]:
    everything = request.flag("include_all_metadata")
    return [request.workspace.show_message(message, metadata=everything) for message in messages]
