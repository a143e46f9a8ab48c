"""Steps that put a message off, and take it back.

Rule of this file: one class for each step, by the methods of Slack around scheduled messages. Nothing here knows what
time it is: whether ``post_at`` is past, only Slack can say.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ..errors import RunbookError
from ..markup import Date
from ..slack_methods import call
from ..text import Kind
from . import _base as base
from ._base import Action, Fault, Need, Placeholder
from ._content import LongContent
from ._find import bad_channel, bad_ts, channel_address, channel_id, channel_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._effects import Flow

__all__ = ["CancelScheduledMessage", "MessageScheduled", "ScheduleMessage", "ScheduledMessageCancelled"]

# In seconds this is the year 5138, in milliseconds 1973: the number is in milliseconds.
_MILLISECONDS = 100_000_000_000


@attrs.frozen(kw_only=True)
class MessageScheduled:
    """A message that Slack will post later.

    Attributes:
        channel: ID of the channel it will stand in.
        scheduled_message_id: Its ID until then, for taking it back. The posted message has another one, its ``ts``.
        post_at: When, in seconds since 1970 (UTC).
        cut: How many characters were cut of a text that was too long.
    """

    channel: str
    scheduled_message_id: str
    post_at: int
    cut: int = 0


@attrs.frozen(kw_only=True)
class ScheduledMessageCancelled:
    """A message that will not be posted.

    Attributes:
        channel: ID of the channel it was meant for.
        scheduled_message_id: The ID it had.
    """

    channel: str
    scheduled_message_id: str


def _seconds(value: object) -> object:
    """Return a time in whole seconds since 1970, or say why a value is none."""
    if value is None or Placeholder.is_in(value):
        return value
    if isinstance(value, Date):
        return value.when
    if isinstance(value, str):
        value = _read(value.strip())
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("has no time zone, and Slack counts in UTC: 2026-01-05T17:00:00+01:00")
        value = value.timestamp()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("must be seconds since 1970, an aware datetime, or text that is either")
    # A message is rather a moment late than in the past.
    return math.ceil(value)


def _read(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        # Python 3.10 does not read the Z.
        return datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError:
        return None


_TIME = {"form": base.Form("time", Kind.RAW, _seconds, native=True)}


def _as_post_at(value: object) -> object:
    """Take a datetime as seconds, so that the action is plain data; a template or a number stays as it is."""
    return _time_or_refused(value) if isinstance(value, (datetime, float, Date)) else value


def _time_or_refused(value: object) -> object:
    try:
        return _seconds(value)
    except ValueError as error:
        raise RunbookError(f"{error}.", place="ScheduleMessage.post_at") from None


def _is_time(_instance: object, _field: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise RunbookError(
            "must be seconds since 1970, an aware datetime, or text that is either.", place="ScheduleMessage.post_at"
        )


@attrs.frozen(kw_only=True)
class ScheduleMessage(LongContent[MessageScheduled]):
    """Have Slack send a message to a channel later, as the app, whether this program still runs or not.

    Slack: https://docs.slack.dev/reference/methods/chat.scheduleMessage

    Scopes: ``chat:write``.

    Attributes:
        channel: ID, ``#name`` of a public channel, link, a person's ID for a direct message, or an earlier step's
            output. The app must be a member.
        post_at: When: seconds since 1970, an aware datetime, ISO 8601 text with a time zone, or a template of either.
            In the future, by 120 days at most; a fraction of a second is rounded up.
        text: The message in Slack's mrkdwn, at most 4,000 characters. Beside blocks it is what notifications show.
        markdown_text: The message in Markdown, at most 12,000 characters; beside neither ``text`` nor ``blocks``.
        blocks: Block Kit: plain data, objects with ``to_dict()``, or JSON or YAML text. At most 50.
        thread_ts: ``ts`` of the message that starts the thread.
        reply_broadcast: Whether a reply also shows in the channel.
        unfurl_links: Whether Slack adds previews of links; Slack's own default if left out.
        unfurl_media: Whether Slack adds previews of media; Slack's own default if left out.
        metadata: Not allowed: Slack accepts it, and then never posts the message.
        too_long: What becomes of a text that is too long: ``"error"`` refuses it before anything is sent,
            ``"truncate"`` cuts it and says at its end how much is gone.

    Returns:
        A :class:`MessageScheduled`.

    Raises:
        ChannelNotFound: No such channel, or a private one without the app.
        NotInChannel: The app is not in the channel: invite it.
        IsArchived: The channel is archived.
        InvalidBlocks: Slack refuses the blocks.
        SlackError: ``time_in_past`` and ``time_too_far`` for a time outside the next 120 days; ``restricted_too_many``
            for more than 30 messages in five minutes in one channel: choose another time.
        AmbiguousOutcome: The answer was lost; the message may be scheduled.

    Again: a second run schedules a second message.
    """

    output: ClassVar[type[Any]] = MessageScheduled

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    post_at: Any = attrs.field(converter=_as_post_at, validator=_is_time, metadata=_TIME)
    thread_ts: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    reply_broadcast: bool | str = attrs.field(default=False, validator=base.is_flag, metadata=base.FLAG)
    unfurl_links: bool | str | None = attrs.field(default=None, validator=base.is_flag, metadata=base.FLAG)
    unfurl_media: bool | str | None = attrs.field(default=None, validator=base.is_flag, metadata=base.FLAG)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.metadata is not None:
            raise RunbookError(
                "would keep Slack from ever posting the message "
                "(https://docs.slack.dev/reference/methods/chat.scheduleMessage): leave it out.",
                place="ScheduleMessage.metadata",
            )
        if self.reply_broadcast is True and self.thread_ts is None:
            raise RunbookError(
                "is set, but there is no thread_ts: only a reply can be broadcast.",
                place="ScheduleMessage.reply_broadcast",
            )

    def needs(self) -> Iterator[Need]:
        yield Need("chat.scheduleMessage", "schedule the message")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        if isinstance(self.post_at, int):
            if self.post_at <= 0:
                yield Fault("post_at", f"is {self.post_at}, which is no time to come.", "Give seconds since 1970.")
            elif self.post_at >= _MILLISECONDS:
                yield Fault("post_at", f"is {self.post_at}, which looks like milliseconds.", "Divide it by 1,000.")
        yield from bad_ts("thread_ts", self.thread_ts)
        yield from super().faults()

    def flow(self) -> Flow[MessageScheduled]:
        content, cut = self._said()
        options = {name: getattr(self, name) for name in ("unfurl_links", "unfurl_media")}
        channel, post_at = channel_address(self.channel), _seconds(self.post_at)
        reply = yield call(
            "chat.scheduleMessage",
            channel=channel,
            post_at=post_at,
            thread_ts=self.thread_ts or None,
            reply_broadcast=self.reply_broadcast or None,
            **content,
            **options,
        )
        # Slack's page shows post_at as text, its servers send a number.
        when = int(reply.get("post_at", post_at))
        return MessageScheduled(
            channel=reply["channel"], scheduled_message_id=reply["scheduled_message_id"], post_at=when, cut=cut
        )


@attrs.frozen(kw_only=True)
class CancelScheduledMessage(Action[ScheduledMessageCancelled]):
    """Take a scheduled message back, so that it is not posted.

    Slack: https://docs.slack.dev/reference/methods/chat.deleteScheduledMessage

    Scopes: ``chat:write``; a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: The channel it is meant for: an earlier step's ``channel``, an ID, ``#name`` or a link.
        scheduled_message_id: Its ID, as an earlier step gave it: ``{{steps.remind.scheduled_message_id}}``.

    Returns:
        A :class:`ScheduledMessageCancelled`.

    Raises:
        ChannelNotFound: The app sees no such channel.
        SlackError: ``invalid_scheduled_message_id``: no such message of this app, or it was posted, taken back, or is
            due within a minute. Look into the channel: a posted message has to be deleted there.

    Again: a second run is refused with ``invalid_scheduled_message_id``.
    """

    output: ClassVar[type[Any]] = ScheduledMessageCancelled

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    scheduled_message_id: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("chat.deleteScheduledMessage", "take the scheduled message back")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        if not self.scheduled_message_id:
            yield Fault(
                "scheduled_message_id",
                "is empty.",
                "Give what ScheduleMessage returned: {{steps.remind.scheduled_message_id}}.",
            )

    def flow(self) -> Flow[ScheduledMessageCancelled]:
        channel = yield from channel_id(self.channel)
        yield call("chat.deleteScheduledMessage", channel=channel, scheduled_message_id=self.scheduled_message_id)
        return ScheduledMessageCancelled(channel=channel, scheduled_message_id=self.scheduled_message_id)
