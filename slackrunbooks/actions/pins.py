"""Steps that pin messages to their channel, and take pins away.

Rule of this file: one class for each step, by the ``pins.*`` methods of Slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ..errors import SlackError
from ..slack_methods import call
from . import _base as base
from ._base import Action, Fault, Need
from ._find import bad_channel, bad_ts, channel_id, channel_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._effects import Flow

__all__ = ["MessagePinned", "MessageUnpinned", "PinMessage", "UnpinMessage"]


@attrs.frozen(kw_only=True)
class MessagePinned:
    """A message that is pinned now.

    Attributes:
        channel: ID of its channel.
        ts: Its ID there, Slack's string.
        already_pinned: Whether it was pinned before.
    """

    channel: str
    ts: str
    already_pinned: bool = False


@attrs.frozen(kw_only=True)
class MessageUnpinned:
    """A message that is not pinned now.

    Attributes:
        channel: ID of its channel.
        ts: Its ID there, Slack's string.
        already_unpinned: Whether there was no pin to take away.
    """

    channel: str
    ts: str
    already_unpinned: bool = False


@attrs.frozen(kw_only=True)
class PinMessage(Action[MessagePinned]):
    """Pin a message to its channel, where everybody finds it among the pinned items.

    Slack: https://docs.slack.dev/reference/methods/pins.add

    Scopes: ``pins:write``; a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: The channel the message stands in: an earlier step's ``channel``, an ID, ``#name`` or a link.
        ts: The message's ``ts``, as an earlier step gave it. Slack calls it ``timestamp`` here.

    Returns:
        A :class:`MessagePinned`.

    Raises:
        MessageNotFound: No such message there.
        NotPermitted: The workspace reserves pinning for certain people (``restricted_action``).
        ChannelNotFound: The app sees no such channel.
        SlackError: ``not_in_channel`` (the message stands elsewhere, or the app is not there), ``not_pinnable`` (a
            system message), ``too_many_pins`` (take one away first); each with its remedy.

    Again: already pinned counts as done.
    """

    output: ClassVar[type[Any]] = MessagePinned

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    ts: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("pins.add", "pin the message")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_ts("ts", self.ts, needed=True)

    def flow(self) -> Flow[MessagePinned]:
        channel = yield from channel_id(self.channel)
        try:
            yield call("pins.add", channel=channel, timestamp=self.ts)
        except SlackError as error:
            if error.code != "already_pinned":
                raise
            return MessagePinned(channel=channel, ts=self.ts, already_pinned=True)
        return MessagePinned(channel=channel, ts=self.ts)


@attrs.frozen(kw_only=True)
class UnpinMessage(Action[MessageUnpinned]):
    """Take a message's pin away, whoever pinned it; the message itself stays.

    Slack: https://docs.slack.dev/reference/methods/pins.remove

    Scopes: ``pins:write``; a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: The channel the message stands in: an earlier step's ``channel``, an ID, ``#name`` or a link.
        ts: The message's ``ts``, as an earlier step gave it. Slack calls it ``timestamp`` here.

    Returns:
        A :class:`MessageUnpinned`.

    Raises:
        MessageNotFound: No such message there.
        NotPermitted: The workspace reserves unpinning for certain people (``restricted_action``).
        ChannelNotFound: The app sees no such channel.

    Again: not pinned (``no_pin``, ``not_pinned``) counts as done.
    """

    output: ClassVar[type[Any]] = MessageUnpinned

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    ts: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("pins.remove", "unpin the message")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_ts("ts", self.ts, needed=True)

    def flow(self) -> Flow[MessageUnpinned]:
        channel = yield from channel_id(self.channel)
        try:
            yield call("pins.remove", channel=channel, timestamp=self.ts)
        except SlackError as error:
            if error.code not in ("no_pin", "not_pinned"):
                raise
            return MessageUnpinned(channel=channel, ts=self.ts, already_unpinned=True)
        return MessageUnpinned(channel=channel, ts=self.ts)
