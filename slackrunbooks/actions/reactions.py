"""Steps that put an emoji on a message, and take it off again.

Rule of this file: one class for each step, by the ``reactions.*`` methods of Slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ..errors import SlackError
from ..slack_methods import call
from ..text import emoji_name
from . import _base as base
from ._base import Action, Fault, Need
from ._find import bad_channel, bad_emoji, bad_ts, channel_id, channel_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._effects import Flow

__all__ = ["AddReaction", "ReactionAdded", "ReactionRemoved", "RemoveReaction"]


@attrs.frozen(kw_only=True)
class ReactionAdded:
    """A message that has the app's reaction now.

    Attributes:
        channel: ID of its channel.
        ts: Its ID there, Slack's string.
        name: The emoji's name, without colons.
        already_reacted: Whether the app had reacted with it before.
    """

    channel: str
    ts: str
    name: str
    already_reacted: bool = False


@attrs.frozen(kw_only=True)
class ReactionRemoved:
    """A message that does not have the app's reaction now.

    Attributes:
        channel: ID of its channel.
        ts: Its ID there, Slack's string.
        name: The emoji's name, without colons.
        already_removed: Whether the app had no such reaction there. Other people's stay.
    """

    channel: str
    ts: str
    name: str
    already_removed: bool = False


@attrs.frozen(kw_only=True)
class AddReaction(Action[ReactionAdded]):
    """Put an emoji on a message, as the app.

    Slack: https://docs.slack.dev/reference/methods/reactions.add

    Scopes: ``reactions:write``; a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: The channel the message stands in: an earlier step's ``channel``, an ID, ``#name`` or a link.
        ts: The message's ``ts``, as an earlier step gave it. Slack calls it ``timestamp`` here.
        name: The emoji's name, with or without colons: ``eyes``, ``:+1:``, ``thumbsup::skin-tone-3``.

    Returns:
        A :class:`ReactionAdded`.

    Raises:
        MessageNotFound: No such message there.
        IsArchived: The channel is archived.
        NotPermitted: The thread is locked (``thread_locked``), or the app may not react there (``no_access``).
        ChannelNotFound: The app sees no such channel.
        SlackError: ``invalid_name`` (the workspace has no such emoji), ``too_many_emoji`` and ``too_many_reactions``
            (the message has as many as Slack allows); each with its remedy.

    Again: already reacted counts as done.
    """

    output: ClassVar[type[Any]] = ReactionAdded

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    ts: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)
    name: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("reactions.add", "react to the message")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_ts("ts", self.ts, needed=True)
        yield from bad_emoji("name", self.name)

    def flow(self) -> Flow[ReactionAdded]:
        channel = yield from channel_id(self.channel)
        name = emoji_name(self.name)
        try:
            yield call("reactions.add", channel=channel, timestamp=self.ts, name=name)
        except SlackError as error:
            if error.code != "already_reacted":
                raise
            return ReactionAdded(channel=channel, ts=self.ts, name=name, already_reacted=True)
        return ReactionAdded(channel=channel, ts=self.ts, name=name)


@attrs.frozen(kw_only=True)
class RemoveReaction(Action[ReactionRemoved]):
    """Take the app's own emoji off a message; other people's reactions stay.

    Slack: https://docs.slack.dev/reference/methods/reactions.remove

    Scopes: ``reactions:write``; a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: The channel the message stands in: an earlier step's ``channel``, an ID, ``#name`` or a link.
        ts: The message's ``ts``, as an earlier step gave it. Slack calls it ``timestamp`` here.
        name: The emoji's name, with or without colons, as it was added.

    Returns:
        A :class:`ReactionRemoved`.

    Raises:
        MessageNotFound: No such message there.
        NotPermitted: The thread is locked (``thread_locked``), or the app may not react there (``no_access``).
        ChannelNotFound: The app sees no such channel.
        SlackError: ``invalid_name``: there is no emoji of that name.

    Again: no such reaction of the app (``no_reaction``) counts as done.
    """

    output: ClassVar[type[Any]] = ReactionRemoved

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    ts: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)
    name: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("reactions.remove", "take the reaction away")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_ts("ts", self.ts, needed=True)
        yield from bad_emoji("name", self.name)

    def flow(self) -> Flow[ReactionRemoved]:
        channel = yield from channel_id(self.channel)
        name = emoji_name(self.name)
        try:
            yield call("reactions.remove", channel=channel, timestamp=self.ts, name=name)
        except SlackError as error:
            if error.code != "no_reaction":
                raise
            return ReactionRemoved(channel=channel, ts=self.ts, name=name, already_removed=True)
        return ReactionRemoved(channel=channel, ts=self.ts, name=name)
