"""What became of a request whose answer was lost: for each method the way to look it up.

Rule of this file: recipes only read. Each is a generator like an action's: it yields calls and waits, and returns
whether Slack did what was asked, with the answer that it would have given. Where nobody can tell, it raises, and a
person has to look. Sources stand with each recipe; why a look-up waits first stands at ``QUIET``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from ._effects import Reply, Wait
from .actions._find import channel_id, identity
from .actions._marks import step_of
from .errors import SlackRunbooksError
from .slack_methods import call
from .text import parse_channel

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ._effects import Call, Effect, Flow, HostCall

__all__ = [
    "DOUBTFUL",
    "QUIET",
    "REPLIES",
    "Applied",
    "Doubt",
    "NotApplied",
    "Verdict",
    "made",
    "quiet",
    "reads_as",
    "recipe",
]

QUIET: Final = 10.0
"""Seconds between a loss and the look that counts: Slack may still be at work on a request whose connection is gone."""

# Files are shared in the background, after the answer: https://docs.slack.dev/messaging/working-with-files
_SLOW: Final[Mapping[str, float]] = {"files.completeUploadExternal": 3 * QUIET}

# Our clock and Slack's may differ; two minutes is more than any clock that keeps time.
_SKEW: Final = 120

# The newest that an internal app gets at once; others get fifteen, and the cursor tells:
# https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
_PAGE: Final = 100

# Sent again after a lost answer, these errors may come from the first attempt or from somebody else.
DOUBTFUL: Final = frozenset(
    {
        ("chat.deleteScheduledMessage", "invalid_scheduled_message_id"),
        ("conversations.canvases.create", "channel_canvas_already_exists"),
        ("conversations.canvases.create", "free_team_canvas_tab_already_exists"),
        # Of a private channel that the app has left, Slack shows it nothing any more.
        ("conversations.leave", "channel_not_found"),
    }
)
"""Method and error that leave open whether an earlier attempt worked."""


REPLIES: Final[Mapping[str, tuple[str, ...]]] = {
    "bookmarks.add": ("bookmark.id",),
    "bookmarks.edit": ("bookmark.id",),
    "canvases.create": ("canvas_id",),
    "chat.meMessage": ("channel", "ts"),
    "chat.postEphemeral": ("message_ts",),
    "chat.postMessage": ("channel", "ts"),
    "chat.scheduleMessage": ("channel", "scheduled_message_id", "post_at"),
    "conversations.canvases.create": ("canvas_id",),
    "conversations.create": ("channel.id",),
    "conversations.join": ("channel.id",),
    "conversations.open": ("channel.id",),
    "conversations.rename": ("channel.id",),
}
"""What a person has to tell of what a request made, by dotted path, because the action goes on with it."""


# What is looked up by how it looks, so that another of the run's own has to be told from it, and where its ID stands.
_MADE: Final[Mapping[str, str]] = {"bookmarks.add": "bookmark.id", "chat.scheduleMessage": "scheduled_message_id"}

# A link, a mention or a date, as Slack writes them: https://docs.slack.dev/messaging/formatting-message-text
_ANGLED: Final = re.compile(r"<(?:mailto:)?([^<>|]*)(?:\|([^<>]*))?>")
_ESCAPED: Final = re.compile("&(?:amp|lt|gt);")
_EMOJI: Final = re.compile(r":[a-z0-9_+'-]+:")
_NO_WORD: Final = re.compile(r"[\W_]+")


@attrs.frozen
class Doubt:
    """A request that may have been carried out.

    Attributes:
        call: The request.
        sent_at: When it was first sent, in seconds since 1970 (UTC).
        key: The key that it put on a message, or ``""``.
        others: What :func:`made` tells of other requests of the run, so that none is taken for this one.
    """

    call: Call
    sent_at: float
    key: str = ""
    others: frozenset[str] = frozenset()


@attrs.frozen
class Applied:
    """Slack did it.

    Attributes:
        reply: The answer that was lost, as far as it can be known.
    """

    reply: Reply


@attrs.frozen
class NotApplied:
    """Slack did not do it, so it may be sent again."""


Verdict: TypeAlias = Applied | NotApplied


def made(method: str, reply: Mapping[str, Any]) -> str:
    """Return the ID of what a request made, if it is looked up by how it looks, or ``""``.

    Args:
        method: Its method.
        reply: Its answer.
    """
    found: Any = reply if method in _MADE else {}
    for name in _MADE.get(method, "").split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return _id(found) if isinstance(found, (str, int)) else ""


def _id(given: str | int) -> str:
    """Write an ID as ``chat.scheduleMessage`` gives it; on the page of the list the same one stands as a number.

    Source: https://docs.slack.dev/reference/methods/chat.scheduledMessages.list
    """
    return given if isinstance(given, str) else f"Q{given}"


def reads_as(text: str) -> str:
    """Return what of a text stays, however Slack shows it: its words, links and people, without signs and emoji.

    Args:
        text: As it was sent, or as Slack lists it.
    """
    text = _ANGLED.sub(lambda angled: angled[1] if angled[1][:1] in ("@", "#", "!") else angled[2] or angled[1], text)
    return _NO_WORD.sub("", _EMOJI.sub("", _ESCAPED.sub("", text))).casefold()


def quiet(call: Call | HostCall) -> float:
    """Return for how many seconds after its loss a request may still be carried out.

    Args:
        call: The request.
    """
    return _SLOW.get(call.method, QUIET)


def recipe(doubt: Doubt) -> Flow[Verdict] | None:
    """Return the look-up for a request, or ``None`` where there is none.

    Args:
        doubt: The request.
    """
    found = _RECIPES.get(doubt.call.method)
    return _patient(found, doubt) if found is not None else None


_Look: TypeAlias = "Callable[[Doubt], Generator[Effect, Any, Reply | None]]"


def _patient(look: _Look, doubt: Doubt) -> Flow[Verdict]:
    """Look at once, for what is there is there; that it is not done is believed only after the quiet period."""
    reply = yield from look(doubt)
    if reply is None:
        yield Wait(quiet(doubt.call))
        reply = yield from look(doubt)
    return NotApplied() if reply is None else Applied(reply)


def _pages(method: str, key: str, **arguments: Any) -> Generator[Effect, Any, list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        reply = yield call(method, **arguments, limit=_PAGE, cursor=cursor)
        found += reply.get(key) or ()
        cursor = (reply.get("response_metadata") or {}).get("next_cursor") or None
        if cursor is None:
            return found


def _conversation(address: str) -> Generator[Effect, Any, str]:
    """Give the ID of the conversation that a message went to."""
    given = parse_channel(address)
    if given.kind == "user":
        # It opens nothing that the message would not have opened: https://docs.slack.dev/reference/methods/conversations.open
        reply = yield call("conversations.open", users=given.value)
        return str(reply["channel"]["id"])
    return (yield from channel_id(address))


def _posted(doubt: Doubt) -> Generator[Effect, Any, Reply | None]:
    """Find a message by the key in its metadata: https://docs.slack.dev/messaging/message-metadata."""
    asked = doubt.call.arguments
    me = yield from identity()
    own = {str(me[name]) for name in ("user_id", "bot_id") if me.get(name)}
    channel = yield from _conversation(str(asked["channel"]))
    thread_ts = asked.get("thread_ts")
    thread = {"ts": thread_ts} if thread_ts else {}
    messages = yield from _pages(
        "conversations.replies" if thread else "conversations.history",
        "messages",
        channel=channel,
        **thread,
        # Without it, the payload is left out.
        include_all_metadata=True,
        oldest=f"{doubt.sent_at - _SKEW:.6f}",
    )
    for message in messages:
        if step_of(message) == doubt.key and own & {str(message.get("user")), str(message.get("bot_id"))}:
            return Reply({"ok": True, "channel": channel, "ts": message["ts"], "message": message})
    return None


def _created(doubt: Doubt) -> Generator[Effect, Any, Reply | None]:
    """Find a channel by its name, its creator and its time: https://docs.slack.dev/reference/methods/conversations.list."""
    asked = doubt.call.arguments
    me = yield from identity()
    types = "private_channel" if asked.get("is_private") else "public_channel"
    channels = yield from _pages("conversations.list", "channels", types=types, exclude_archived=False)
    for channel in channels:
        named = asked["name"] in (channel.get("name"), channel.get("name_normalized"))
        recent = float(channel.get("created") or 0) >= doubt.sent_at - _SKEW
        if named and recent and channel.get("creator") == me.get("user_id"):
            return Reply({"ok": True, "channel": channel})
    return None


def _renamed(doubt: Doubt) -> Generator[Effect, Any, Reply | None]:
    """See whether a channel has its new name: https://docs.slack.dev/reference/methods/conversations.info.

    Sending it again tells nothing: what a channel's own name is answered with is not documented.
    """
    asked = doubt.call.arguments
    reply = yield call("conversations.info", channel=asked["channel"])
    channel = reply["channel"]
    return Reply({"ok": True, "channel": channel}) if channel.get("name") == asked["name"] else None


def _scheduled(doubt: Doubt) -> Generator[Effect, Any, Reply | None]:
    """Find a scheduled message by channel, time and text.

    Source: https://docs.slack.dev/reference/methods/chat.scheduledMessages.list
    """
    asked = doubt.call.arguments
    channel = yield from _conversation(str(asked["channel"]))
    post_at = int(asked["post_at"])
    now: float = yield Wait()
    if now >= post_at - 1:
        raise SlackRunbooksError("its time has come, so that it may have been posted already")
    waiting = [
        each
        for each in (yield from _pages("chat.scheduledMessages.list", "scheduled_messages", channel=channel))
        if int(each.get("post_at") or 0) == post_at
        and int(each.get("date_created") or 0) >= doubt.sent_at - _SKEW
        and _id(each["id"]) not in doubt.others
    ]
    text = reads_as(str(asked.get("text") or ""))
    alike = [each for each in waiting if reads_as(str(each.get("text") or "")) in ("", text) or not text]
    if len(alike) > 1:
        raise SlackRunbooksError(f"{len(alike)} messages wait for that time in that channel")
    if not waiting:
        return None
    if not alike:
        # How Slack lists a text is not documented, so that another one proves nothing.
        raise SlackRunbooksError("a message with another text waits for that time in that channel")
    (found,) = alike
    return Reply(
        {"ok": True, "channel": channel, "scheduled_message_id": _id(found["id"]), "post_at": post_at, "message": {}}
    )


def _bookmarked(doubt: Doubt) -> Generator[Effect, Any, Reply | None]:
    """Find a bookmark by title, link and time: https://docs.slack.dev/reference/methods/bookmarks.list."""
    asked = doubt.call.arguments
    reply = yield call("bookmarks.list", channel_id=asked["channel_id"])
    for bookmark in reply.get("bookmarks") or ():
        recent = float(bookmark.get("date_created") or 0) >= doubt.sent_at - _SKEW
        own = bookmark.get("id") not in doubt.others
        if recent and own and all(bookmark.get(name) == asked.get(name) for name in ("title", "link")):
            return Reply({"ok": True, "bookmark": bookmark})
    return None


def _completed(doubt: Doubt) -> Generator[Effect, Any, Reply | None]:
    """Find a file among the app's own in the channel: https://docs.slack.dev/reference/methods/files.list."""
    asked = doubt.call.arguments
    file_id = str(asked["files"][0]["id"])
    me = yield from identity()
    page = 1
    while True:
        # Not from a time on: the file is as old as its address, which may be from before a crash.
        reply = yield call("files.list", user=me["user_id"], channel=asked.get("channel_id"), count=_PAGE, page=page)
        for file in reply.get("files") or ():
            if file["id"] == file_id:
                return Reply({"ok": True, "files": [{"id": file_id, "title": file.get("title", "")}]})
        page += 1
        if page > int((reply.get("paging") or {}).get("pages") or 0):
            return None


_RECIPES: Final[Mapping[str, _Look]] = {
    "bookmarks.add": _bookmarked,
    "chat.postMessage": _posted,
    "chat.scheduleMessage": _scheduled,
    "conversations.create": _created,
    "conversations.rename": _renamed,
    "files.completeUploadExternal": _completed,
}
