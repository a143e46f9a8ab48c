"""pins.*, bookmarks.* and reactions.*: what is attached to messages and channels.

Rule of this file: see the package. None of these pages but pins.add says what happens in a public channel that the app
has not joined, so the fake does not either.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ._registry import Body, NotModelled, Refusal, Request, method

if TYPE_CHECKING:
    from slackrunbooks.testing._state import FakeChannel, FakeMessage

_EMOJI = re.compile(r":[a-z0-9_+'-]+:")
_REACTION = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")
_MAX_TITLE = 256  # https://docs.slack.dev/reference/methods/bookmarks.add#arg_title
_MAX_LINK = 2048  # https://docs.slack.dev/reference/methods/bookmarks.add#arg_link

_NO_CHANNEL = {"channel": "channel_not_found"}
_NO_ITEM = {"channel": "no_item_specified", "timestamp": "no_item_specified"}


@method("pins.add", required=("channel", "timestamp"), missing={**_NO_CHANNEL, "timestamp": "no_item_specified"})
def add_pin(request: Request) -> Body:
    """Pin a message to its channel."""
    channel, message = _marked(request, documented=True)
    if message.ts in channel.pins:
        raise Refusal("already_pinned")
    if message.is_system:
        raise Refusal("not_pinnable")
    channel.pins[message.ts] = (request.bot.id, request.workspace.seconds())
    return {}


@method("pins.remove", required=("channel", "timestamp"), missing={**_NO_CHANNEL, "timestamp": "no_item_specified"})
def remove_pin(request: Request) -> Body:
    """Take a pin away."""
    channel, message = _marked(request)
    if message.ts not in channel.pins:
        # The page lists no_pin as well, without a difference that one could tell from outside.
        raise Refusal("not_pinned")
    del channel.pins[message.ts]
    return {}


@method("pins.list", required=("channel",), json_body=False)
def list_pins(request: Request) -> Body:
    """List the pinned messages, latest pin first."""
    channel = request.conversation()
    request.joined(channel, documented=False)
    items = [
        {
            "type": "message",
            "channel": channel.id,
            "created": when,
            "created_by": who,
            "message": {
                **request.workspace.show_message(channel.log[ts]),
                "permalink": request.workspace.permalink(channel.log[ts]),
            },
        }
        for ts, (who, when) in reversed(channel.pins.items())
    ]
    return {"items": items}


@method("bookmarks.add", required=("channel_id", "title", "type"))
def add_bookmark(request: Request) -> Body:
    """Put a link into the channel's bookmarks bar."""
    channel = request.conversation("channel_id")
    request.joined(channel, documented=False)
    kind = request.text("type")
    if kind in {"message", "file", "folder", "app_action", "shortcut", "canvas", "list"}:
        raise NotModelled(f"Bookmarks of the type {kind} are not modelled.")
    if kind != "link":
        raise Refusal("invalid_bookmark_type")
    if request.text("parent_id") or request.text("entity_id") or request.text("access_level"):
        raise NotModelled("Bookmarks in folders and of files are not modelled.")
    _check_bookmark(request, link_needed=True)
    bookmark: dict[str, Any] = {
        "id": request.workspace.new_id("Bk"),
        "channel_id": channel.id,
        "title": request.text("title"),
        "link": request.text("link"),
        "emoji": request.text("emoji"),
        "icon_url": None,
        "type": "link",
        "entity_id": None,
        "date_created": request.workspace.seconds(),
        "date_updated": 0,
        "rank": "g",
        "last_updated_by_user_id": request.bot.id,
        "last_updated_by_team_id": request.workspace.id,
        "shortcut_id": None,
        "app_id": request.workspace.app_id,
    }
    channel.bookmarks.append(bookmark)
    return {"bookmark": dict(bookmark)}


@method("bookmarks.edit", required=("channel_id", "bookmark_id"))
def edit_bookmark(request: Request) -> Body:
    """Change a bookmark."""
    bookmark = _bookmark(request)[1]
    _check_bookmark(request, link_needed=False)
    for key in ("title", "link", "emoji"):
        if key in request.arguments:
            bookmark[key] = request.text(key)
    bookmark["date_updated"] = request.workspace.seconds()
    bookmark["last_updated_by_user_id"] = request.bot.id
    return {"bookmark": dict(bookmark)}


@method("bookmarks.remove", required=("channel_id", "bookmark_id"))
def remove_bookmark(request: Request) -> Body:
    """Take a bookmark away."""
    channel, bookmark = _bookmark(request)
    channel.bookmarks.remove(bookmark)
    return {}


@method("bookmarks.list", required=("channel_id",))
def list_bookmarks(request: Request) -> Body:
    """List the bookmarks."""
    channel = request.conversation("channel_id")
    request.joined(channel, documented=False)
    return {"bookmarks": [dict(bookmark) for bookmark in channel.bookmarks]}


@method("reactions.add", required=("channel", "timestamp", "name"), missing=_NO_ITEM)
def add_reaction(request: Request) -> Body:
    """Put an emoji on a message."""
    channel, message = _marked(request)
    if channel.is_archived:
        raise Refusal("is_archived")
    users = message.reactions.setdefault(_emoji(request), [])
    if request.bot.id in users:
        raise Refusal("already_reacted")
    users.append(request.bot.id)
    return {}


@method("reactions.remove", required=("name", "channel", "timestamp"), missing=_NO_ITEM)
def remove_reaction(request: Request) -> Body:
    """Take the app's own emoji off a message."""
    message = _marked(request)[1]
    name = _emoji(request)
    users = message.reactions.get(name, [])
    if request.bot.id not in users:
        raise Refusal("no_reaction")
    users.remove(request.bot.id)
    if not users:
        del message.reactions[name]
    return {}


@method("reactions.get", required=("channel", "timestamp"), missing=_NO_ITEM, flags=("full",), json_body=False)
def get_reactions(request: Request) -> Body:
    """Show a message with its reactions."""
    channel, message = _marked(request)
    shown = request.workspace.show_message(message)
    shown["permalink"] = request.workspace.permalink(message)
    return {"type": "message", "channel": channel.id, "message": shown}


def _marked(request: Request, *, documented: bool = False) -> tuple[FakeChannel, FakeMessage]:
    """Return the message that ``channel`` and ``timestamp`` name."""
    channel = request.conversation()
    request.joined(channel, documented=documented)
    return channel, request.message(channel, request.timestamp("timestamp", "bad_timestamp"))


def _emoji(request: Request) -> str:
    name = request.text("name")
    if not _REACTION.fullmatch(name):
        raise Refusal("invalid_name")
    return name


def _check_bookmark(request: Request, *, link_needed: bool) -> None:
    """Check the title, the link and the emoji of a bookmark."""
    for name, most in (("title", _MAX_TITLE), ("link", _MAX_LINK)):
        if len(request.text(name)) > most:
            request.invalid(f"must be less than {most + 1} characters [json-pointer:/{name}]")
    link = request.text("link")
    if (link or link_needed) and not link.startswith(("http://", "https://")):
        raise Refusal("invalid_link")
    emoji = request.text("emoji")
    if emoji and not _EMOJI.fullmatch(emoji):
        raise Refusal("invalid_emoji")


def _bookmark(request: Request) -> tuple[FakeChannel, dict[str, Any]]:
    channel = request.conversation("channel_id")
    request.joined(channel, documented=False)
    for bookmark in channel.bookmarks:
        if bookmark["id"] == request.text("bookmark_id"):
            return channel, bookmark
    raise Refusal("not_found")
