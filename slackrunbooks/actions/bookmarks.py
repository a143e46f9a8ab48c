"""Steps that keep the links at the top of a channel.

Rule of this file: one class for each step, by the ``bookmarks.*`` methods of Slack. Of the types of bookmarks that
Slack knows, these steps make links only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ..errors import RunbookError, SlackError
from ..slack_methods import call
from ..text import LIMITS, Placeholder, emoji_name
from . import _base as base
from ._base import Action, Fault, Need
from ._find import bad_channel, bad_emoji, channel_id, channel_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._effects import Flow

__all__ = ["AddBookmark", "BookmarkAdded", "BookmarkEdited", "BookmarkRemoved", "EditBookmark", "RemoveBookmark"]


@attrs.frozen(kw_only=True)
class BookmarkAdded:
    """A bookmark that a channel has now.

    Attributes:
        channel: The channel's ID.
        bookmark_id: The bookmark's ID (``Bk…``), for :class:`EditBookmark` and :class:`RemoveBookmark`.
        title: Its title, as Slack has it.
        link: Where it leads, as Slack has it.
    """

    channel: str
    bookmark_id: str
    title: str
    link: str


@attrs.frozen(kw_only=True)
class BookmarkEdited:
    """A bookmark that was changed.

    Attributes:
        channel: The channel's ID.
        bookmark_id: The bookmark's ID.
        title: Its title now, as Slack has it.
        link: Where it leads now, as Slack has it.
    """

    channel: str
    bookmark_id: str
    title: str
    link: str


@attrs.frozen(kw_only=True)
class BookmarkRemoved:
    """A bookmark that a channel does not have now.

    Attributes:
        channel: The channel's ID.
        bookmark_id: The ID that the bookmark had.
        already_removed: Whether there was none to remove.
    """

    channel: str
    bookmark_id: str
    already_removed: bool = False


@attrs.frozen(kw_only=True)
class AddBookmark(Action[BookmarkAdded]):
    """Add a link to the bookmarks at the top of a channel: the dashboard, the ticket, the call.

    Slack: https://docs.slack.dev/reference/methods/bookmarks.add

    Scopes: ``bookmarks:write``; a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.
        title: What it is called: one line, at most 256 characters; no formatting.
        link: Where it leads: an ``http://`` or ``https://`` address of at most 2,048 characters.
        emoji: Name of the emoji before the title, with or without colons; left out or empty for none.

    Returns:
        A :class:`BookmarkAdded`; its ``bookmark_id`` is what changes and removes it.

    Raises:
        NotPermitted: The app may not add bookmarks there (``permission_denied``, ``access_denied``).
        ChannelNotFound: The app sees no such channel.
        SlackError: ``too_many_bookmarks`` (remove one first), ``invalid_link``, ``invalid_emoji`` (the workspace has
            no such emoji); each with its remedy.

    Again: the channel has the bookmark twice. To change one that is there use :class:`EditBookmark`.
    """

    output: ClassVar[type[Any]] = BookmarkAdded

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    title: str = attrs.field(validator=base.is_text, metadata=base.DESCRIPTION)
    link: str = attrs.field(validator=base.is_text, metadata=base.URL)
    emoji: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("bookmarks.add", "add the bookmark")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from _bad_title(self.title)
        yield from _bad_link(self.link)
        if self.emoji:
            yield from bad_emoji("emoji", self.emoji)

    def flow(self) -> Flow[BookmarkAdded]:
        channel = yield from channel_id(self.channel)
        link = self.link.strip()
        reply = yield call(
            "bookmarks.add", channel_id=channel, title=self.title, type="link", link=link, emoji=_emoji(self.emoji)
        )
        made = reply["bookmark"]
        return BookmarkAdded(
            channel=channel, bookmark_id=made["id"], title=made.get("title", self.title), link=made.get("link", link)
        )


@attrs.frozen(kw_only=True)
class EditBookmark(Action[BookmarkEdited]):
    """Change the title, the link or the emoji of a bookmark; what is left out stays.

    Slack: https://docs.slack.dev/reference/methods/bookmarks.edit

    Scopes: ``bookmarks:write``; a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.
        bookmark_id: The bookmark's ID, as :class:`AddBookmark` gave it: ``{{steps.dashboard.bookmark_id}}``.
        title: The new title: one line, at most 256 characters; no formatting.
        link: The new ``http://`` or ``https://`` address, at most 2,048 characters.
        emoji: Name of the new emoji, with or without colons.

    Returns:
        A :class:`BookmarkEdited`.

    Raises:
        NotPermitted: The app may not change bookmarks there (``permission_denied``, ``access_denied``).
        ChannelNotFound: The app sees no such channel.
        SlackError: ``not_found`` (the channel has no such bookmark: add it again), ``invalid_link``,
            ``invalid_emoji``; each with its remedy.

    Again: the bookmark is the same.
    """

    output: ClassVar[type[Any]] = BookmarkEdited

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    bookmark_id: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)
    title: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.DESCRIPTION)
    link: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.URL)
    emoji: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)

    def __attrs_post_init__(self) -> None:
        if self.title is None and self.link is None and self.emoji is None:
            raise RunbookError("changes nothing: give title, link or emoji.", place="EditBookmark")

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("bookmarks.edit", "change the bookmark")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from _bad_id(self.bookmark_id)
        if self.title is not None:
            yield from _bad_title(self.title)
        if self.link is not None:
            yield from _bad_link(self.link)
        if self.emoji is not None:
            yield from bad_emoji("emoji", self.emoji)

    def flow(self) -> Flow[BookmarkEdited]:
        channel = yield from channel_id(self.channel)
        reply = yield call(
            "bookmarks.edit",
            channel_id=channel,
            bookmark_id=self.bookmark_id,
            title=self.title,
            link=self.link.strip() if self.link is not None else None,
            emoji=_emoji(self.emoji),
        )
        made = reply["bookmark"]
        return BookmarkEdited(
            channel=channel, bookmark_id=self.bookmark_id, title=made.get("title", ""), link=made.get("link", "")
        )


@attrs.frozen(kw_only=True)
class RemoveBookmark(Action[BookmarkRemoved]):
    """Remove a bookmark from a channel.

    Slack: https://docs.slack.dev/reference/methods/bookmarks.remove

    Scopes: ``bookmarks:write``; a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.
        bookmark_id: The bookmark's ID, as :class:`AddBookmark` gave it: ``{{steps.dashboard.bookmark_id}}``.

    Returns:
        A :class:`BookmarkRemoved`.

    Raises:
        NotPermitted: The app may not remove bookmarks there (``permission_denied``, ``access_denied``).
        ChannelNotFound: The app sees no such channel.

    Again: no such bookmark (``not_found``) counts as done.
    """

    output: ClassVar[type[Any]] = BookmarkRemoved

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    bookmark_id: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("bookmarks.remove", "remove the bookmark")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from _bad_id(self.bookmark_id)

    def flow(self) -> Flow[BookmarkRemoved]:
        channel = yield from channel_id(self.channel)
        try:
            yield call("bookmarks.remove", channel_id=channel, bookmark_id=self.bookmark_id)
        except SlackError as error:
            if error.code != "not_found":
                raise
            return BookmarkRemoved(channel=channel, bookmark_id=self.bookmark_id, already_removed=True)
        return BookmarkRemoved(channel=channel, bookmark_id=self.bookmark_id)


def _emoji(name: str | None) -> str | None:
    """Give an emoji as the bookmarks methods show it, between colons."""
    return f":{emoji_name(name)}:" if name else None


def _bad_id(bookmark_id: str) -> Iterator[Fault]:
    if not bookmark_id.strip():
        yield Fault("bookmark_id", "is empty.", "Give the bookmark's ID, such as {{steps.dashboard.bookmark_id}}.")


def _bad_title(title: str) -> Iterator[Fault]:
    if not title:
        yield Fault("title", "is empty, and a bookmark needs a title.", "Say what the link leads to.")
    yield from _too_long("title", title)


def _bad_link(link: str) -> Iterator[Fault]:
    address = link.strip()
    if not address.lower().startswith(("http://", "https://")) and not Placeholder.is_in(address):
        # The address itself stays out of the message: a signed link is a secret.
        yield Fault(
            "link",
            "is empty." if not address else "does not begin with http:// or https://, and Slack refuses it.",
            "Give the whole address: https://grafana.example.com/d/orders.",
        )
    yield from _too_long("link", address)


def _too_long(field: str, text: str) -> Iterator[Fault]:
    limit = LIMITS[f"bookmark_{field}"].most
    if len(text) > limit:
        yield Fault(field, f"has {len(text)} characters; Slack takes {limit}.", "Shorten it.")
