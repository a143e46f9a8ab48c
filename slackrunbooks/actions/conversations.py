"""Steps on channels: create, name, describe, read and archive them.

Rule of this file: one class for each step, by the ``conversations.*`` methods of Slack and nothing else. Who is in a
channel is the matter of :mod:`~slackrunbooks.actions.members`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from .._effects import Partial
from ..errors import NameTaken, NotPermitted, RunbookError, SlackError
from ..markup import ChannelMention
from ..slack_methods import call
from ..text import LIMITS, channel_name, escape, unescape
from . import _base as base
from ._base import Action, Fault, Need
from ._find import (
    bad_channel,
    bad_limit,
    bad_ts,
    channel_id,
    channel_needs,
    find_channel,
    identity,
    read_pages,
    reference,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from .._effects import Effect, Flow

__all__ = [
    "ArchiveChannel",
    "ChannelArchived",
    "ChannelCreated",
    "ChannelDescribed",
    "ChannelRenamed",
    "ChannelUnarchived",
    "CreateChannel",
    "HistoryRead",
    "ReadHistory",
    "RenameChannel",
    "SetDescription",
    "SetTopic",
    "UnarchiveChannel",
]

# "suffix" tries name-2 … name-9: an incident with ten channels of one name wants a person, not an eleventh.
_SUFFIXES = range(2, 10)


@attrs.frozen(kw_only=True)
class ChannelCreated:
    """The channel that now exists.

    Attributes:
        channel: Its ID.
        name: Its name as Slack has it.
        requested_name: The name as the runbook wrote it, before it was made to fit Slack's rules.
        is_private: Whether it is private.
        adopted: Whether it existed already and was taken over (``if_taken="adopt"``).
        mention: Links to the channel in a text: ``{{steps.NAME.mention}}``.
    """

    channel: str
    name: str
    requested_name: str
    is_private: bool
    adopted: bool = False
    mention: ChannelMention = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(lambda self: ChannelMention(self.channel, self.name), takes_self=True),
    )

    @property
    def renamed(self) -> bool:
        """Whether the name had to be changed to fit Slack's rules, or because it was taken."""
        return self.name != self.requested_name


@attrs.frozen(kw_only=True)
class CreateChannel(Action[ChannelCreated]):
    """Create a channel, with the bot as its first member, and describe it.

    Slack: https://docs.slack.dev/reference/methods/conversations.create,
    https://docs.slack.dev/reference/methods/conversations.setPurpose and
    https://docs.slack.dev/reference/methods/conversations.setTopic; for ``if_taken="adopt"`` also
    https://docs.slack.dev/reference/methods/conversations.list and https://docs.slack.dev/reference/methods/auth.test

    Scopes: ``channels:manage`` for a public channel, ``groups:write`` for a private one; to adopt also
    ``channels:read`` or ``groups:read``.

    Attributes:
        name: Name of the channel. After rendering it is made to fit Slack's rules: lower case, other scripts
            transliterated, everything but letters, digits, ``-`` and ``_`` a hyphen, at most 80 characters, of which a
            longer name's last seven are a hash of the whole. ``incident-INC-12345`` becomes ``incident-inc-12345``.
        description: What the channel is for, one line, at most 250 characters.
        topic: What is going on there, one line, at most 250 characters.
        is_private: Whether to make a private channel.
        if_taken: What to do when Slack says the name is taken: ``"fail"``; ``"suffix"`` tries ``name-2`` to
            ``name-9``; ``"adopt"`` takes over the channel that has the name, but only if this app created it and its
            description still ends in this incident's ``marker``.
        marker: Identifies the incident, as ``{{Activity.id}}``. It is written at the end of the description, in
            brackets; ``"adopt"`` needs it. Never adopt by name alone: the channel could be somebody else's.

    Returns:
        A :class:`ChannelCreated`.

    Raises:
        NameTaken: The name is taken (an archived or an invisible private channel keeps its name too).
        InvalidChannelName: Slack refuses the name.
        NotPermitted: The workspace does not let the app create channels.
        MissingScope: The token lacks the scope for this kind of channel.

    Again: a second run meets its own channel and does what ``if_taken`` says.
    """

    output: ClassVar[type[Any]] = ChannelCreated

    name: str = attrs.field(validator=base.is_text, metadata=base.NAME)
    description: str | None = attrs.field(
        default=None, validator=base.is_text, metadata=base.DESCRIPTION, repr=base.hidden
    )
    topic: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.DESCRIPTION, repr=base.hidden)
    is_private: bool | str = attrs.field(
        default=False, converter=base.as_flag, validator=base.is_flag, metadata=base.FLAG
    )
    if_taken: str = attrs.field(
        default="fail", validator=base.is_choice("fail", "adopt", "suffix"), metadata=base.IDENTIFIER
    )
    marker: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.DESCRIPTION)

    def __attrs_post_init__(self) -> None:
        if self.if_taken == "adopt" and not self.marker:
            raise RunbookError(
                'if_taken="adopt" needs a marker, such as marker="{{Activity.id}}": it proves that a channel found '
                "under the name is this incident's.",
                place="CreateChannel.marker",
            )

    def needs(self) -> Iterator[Need]:
        kinds = {True: ("private",), False: ("public",)}
        kind = kinds.get(self.is_private) if isinstance(self.is_private, bool) else ("public", "private")
        where = kind or ("public", "private")
        yield Need("conversations.create", "create the channel", conversations=where)
        if self.description or self.marker:
            yield Need("conversations.setPurpose", "set its description", conversations=where)
        if self.topic:
            yield Need("conversations.setTopic", "set its topic", conversations=where)
        if self.if_taken == "adopt":
            yield Need("auth.test", "tell its own channels from others")
            yield Need("conversations.list", "find the channel that has the name", conversations=where)

    def faults(self) -> Iterator[Fault]:
        yield from _bad_name(self.name)
        yield from _too_long("description", self._purpose())
        yield from _too_long("topic", self.topic)

    def flow(self) -> Flow[ChannelCreated]:
        created = yield from self._create(self._names())
        yield Partial(created)
        purpose = self._purpose()
        if purpose and not created.adopted:
            yield call("conversations.setPurpose", channel=created.channel, purpose=purpose)
        if self.topic:
            yield call("conversations.setTopic", channel=created.channel, topic=self.topic)
        return created

    def _purpose(self) -> str:
        mark = _mark(self.marker) if self.marker else ""
        return " ".join(part for part in (self.description, mark) if part)

    def _names(self) -> tuple[str, ...]:
        """Return the names to try, in order."""
        wanted = channel_name(self.name)
        if self.if_taken != "suffix":
            return (wanted,)
        stem = wanted[: LIMITS["channel_name"].most - 2]
        return (wanted, *(f"{stem}-{number}" for number in _SUFFIXES))

    def _create(self, names: tuple[str, ...]) -> Generator[Effect, Any, ChannelCreated]:
        name, others = names[0], names[1:]
        try:
            reply = yield call("conversations.create", name=name, is_private=self.is_private)
        except NameTaken as taken:
            if self.if_taken == "adopt":
                return (yield from self._adopt(name, taken))
            if others:
                return (yield from self._create(others))
            raise self._all_taken(taken) from None
        channel = reply["channel"]
        return ChannelCreated(
            channel=channel["id"],
            name=channel.get("name", name),
            requested_name=self.name,
            is_private=bool(self.is_private),
        )

    def _all_taken(self, error: NameTaken) -> NameTaken:
        first, *others = self._names()
        if others:
            return _taken(
                error, f'"{first}" and "{others[0]}" to "{others[-1]}" are all taken', "Give the channel another name."
            )
        return _taken(
            error,
            f'a channel named "{first}" exists',
            'It may be archived or private. Choose another name, or pass if_taken="suffix", or if_taken="adopt" with '
            "a marker to take over this incident's own channel.",
        )

    def _adopt(self, name: str, taken: NameTaken) -> Generator[Effect, Any, ChannelCreated]:
        me = yield from identity()
        try:
            found = yield from find_channel(name, archived=True)
        except SlackError as error:
            raise _taken(
                taken,
                f'a channel named "{name}" exists and the app cannot look at it ({error.code})',
                'It may be private. Choose another name or if_taken="suffix".',
            ) from error
        mark = _mark(self.marker or "")
        doubts = {
            "this app did not create it": found["creator"] != me["user_id"],
            f"its description does not end in {mark}": not found["purpose"].rstrip().endswith((mark, escape(mark))),
            "it is archived, and a bot cannot unarchive it": bool(found["is_archived"]),
            f"it is {'private' if found['is_private'] else 'public'}": bool(found["is_private"])
            is not bool(self.is_private),
        }
        against = [reason for reason, holds in doubts.items() if holds]
        if against:
            raise _taken(
                taken,
                f'a channel named "{name}" ({found["id"]}) exists, and it was not adopted: {"; ".join(against)}',
                'Choose another name, or pass if_taken="suffix".',
            )
        return ChannelCreated(
            channel=found["id"],
            name=found["name"],
            requested_name=self.name,
            is_private=bool(found["is_private"]),
            adopted=True,
        )


def _mark(marker: str) -> str:
    return f"[{marker}]"


def _taken(error: SlackError, detail: str, remedy: str) -> NameTaken:
    return NameTaken(error.code, method=error.method, detail=detail, remedy=remedy)


def _bad_name(name: str) -> Iterator[Fault]:
    if not base.Placeholder.is_in(name) and not channel_name(name):
        yield Fault(
            "name",
            f"no letter or digit is left of {name!r} under Slack's naming rules.",
            "Give a name such as incident-{{Activity.id}}.",
        )


def _too_long(field: str, text: str | None) -> Iterator[Fault]:
    limit = LIMITS["topic"].most
    if text is not None and len(text) > limit:
        entities = (
            " (& < > count as four or five, as they are sent)" if escape(unescape(text)) != unescape(text) else ""
        )
        yield Fault(field, f"has {len(text)} characters{entities}; Slack takes {limit}.", "Shorten it.")


@attrs.frozen(kw_only=True)
class ChannelRenamed:
    """A channel that has the wanted name now.

    Attributes:
        channel: Its ID.
        name: Its name as Slack has it.
        requested_name: The name as the runbook wrote it, before it was made to fit Slack's rules.
        already_named: Whether it had the name before.
    """

    channel: str
    name: str
    requested_name: str
    already_named: bool = False


@attrs.frozen(kw_only=True)
class RenameChannel(Action[ChannelRenamed]):
    """Give a channel that the app created another name.

    Slack: https://docs.slack.dev/reference/methods/conversations.rename and, to see its present name,
    https://docs.slack.dev/reference/methods/conversations.info

    Scopes: ``channels:manage`` and ``channels:read`` (public), ``groups:write`` and ``groups:read`` (private).

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.
        name: The new name. After rendering it is made to fit Slack's rules, as :class:`CreateChannel` does.

    Returns:
        A :class:`ChannelRenamed`.

    Raises:
        NameTaken: Another channel has the name (an archived or an invisible private channel keeps its name too).
        InvalidChannelName: Slack refuses the name.
        NotPermitted: The app did not create the channel (``not_authorized``): its creator, an administrator or a
            channel manager has to rename it.
        NotInChannel: Invite the app to the channel first.
        IsArchived: The channel is archived.
        ChannelNotFound: The app sees no such channel.
        AmbiguousOutcome: The answer was lost; the channel may have the name. Run it again.

    Again: having the name counts as done. Give the channel by ID: its old name is not found any more.
    """

    output: ClassVar[type[Any]] = ChannelRenamed

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    name: str = attrs.field(validator=base.is_text, metadata=base.NAME)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("conversations.info", "see the channel's present name", channel=self.channel)
        yield Need("conversations.rename", "rename the channel", channel=self.channel)

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from _bad_name(self.name)

    def flow(self) -> Flow[ChannelRenamed]:
        channel = yield from channel_id(self.channel)
        name = channel_name(self.name)
        # What Slack answers to a channel's own name is not documented, and name_taken would not say whose name it is.
        shown = yield call("conversations.info", channel=channel)
        if shown["channel"].get("name") == name:
            return ChannelRenamed(channel=channel, name=name, requested_name=self.name, already_named=True)
        reply = yield call("conversations.rename", channel=channel, name=name)
        # "We will validate the submitted channel name and modify it": only the answer has the name.
        return ChannelRenamed(channel=channel, name=reply["channel"].get("name", name), requested_name=self.name)


@attrs.frozen(kw_only=True)
class ChannelDescribed:
    """A channel whose topic or description was set.

    Attributes:
        channel: Its ID.
    """

    channel: str


@attrs.frozen(kw_only=True)
class SetTopic(Action[ChannelDescribed]):
    """Set the topic of a channel that the app is a member of.

    Slack: https://docs.slack.dev/reference/methods/conversations.setTopic

    Scopes: ``channels:write.topic`` or ``channels:manage`` (public), ``groups:write.topic`` or ``groups:write``
    (private); a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.
        topic: One line, at most 250 characters; no formatting. Empty clears it.

    Returns:
        A :class:`ChannelDescribed`.

    Raises:
        NotInChannel: Invite the app to the channel first.
        IsArchived: The channel is archived.
        ChannelNotFound: The app sees no such channel.

    Again: the topic is the same; Slack may note the change in the channel once more.
    """

    output: ClassVar[type[Any]] = ChannelDescribed

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    topic: str = attrs.field(validator=base.is_text, metadata=base.DESCRIPTION, repr=base.hidden)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("conversations.setTopic", "set the topic", channel=self.channel)

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from _too_long("topic", self.topic)

    def flow(self) -> Flow[ChannelDescribed]:
        channel = yield from channel_id(self.channel)
        yield call("conversations.setTopic", channel=channel, topic=self.topic)
        return ChannelDescribed(channel=channel)


@attrs.frozen(kw_only=True)
class SetDescription(Action[ChannelDescribed]):
    """Set the description (Slack's API calls it purpose) of a channel that the app is a member of.

    Slack: https://docs.slack.dev/reference/methods/conversations.setPurpose

    Scopes: ``channels:write.topic`` or ``channels:manage`` (public), ``groups:write.topic`` or ``groups:write``
    (private); a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.
        description: One line, at most 250 characters; no formatting. Empty clears it. A marker that
            :class:`CreateChannel` wrote there goes unless it is repeated, and the channel can then not be adopted.

    Returns:
        A :class:`ChannelDescribed`.

    Raises:
        NotInChannel: Invite the app to the channel first.
        IsArchived: The channel is archived.
        ChannelNotFound: The app sees no such channel.

    Again: the description is the same; Slack may note the change in the channel once more.
    """

    output: ClassVar[type[Any]] = ChannelDescribed

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    description: str = attrs.field(validator=base.is_text, metadata=base.DESCRIPTION, repr=base.hidden)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("conversations.setPurpose", "set the description", channel=self.channel)

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from _too_long("description", self.description)

    def flow(self) -> Flow[ChannelDescribed]:
        channel = yield from channel_id(self.channel)
        yield call("conversations.setPurpose", channel=channel, purpose=self.description)
        return ChannelDescribed(channel=channel)


@attrs.frozen(kw_only=True)
class ChannelArchived:
    """A channel that is archived now.

    Attributes:
        channel: Its ID.
        already_archived: Whether it was archived before.
    """

    channel: str
    already_archived: bool = False


@attrs.frozen(kw_only=True)
class ArchiveChannel(Action[ChannelArchived]):
    """Archive a channel: it keeps its history, and nobody can write there.

    Slack: https://docs.slack.dev/reference/methods/conversations.archive

    Scopes: ``channels:manage`` (public), ``groups:write`` (private); a channel given by name also needs
    ``channels:read`` or ``groups:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output. ``#general`` is refused.

    Returns:
        A :class:`ChannelArchived`.

    Raises:
        NotPermitted: Slack does not archive #general, or the workspace does not let the app archive.
        NotInChannel: Invite the app to the channel first.
        ChannelNotFound: The app sees no such channel.

    Again: already archived counts as done. A bot token cannot undo it: a person has to.
    """

    output: ClassVar[type[Any]] = ChannelArchived

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("conversations.archive", "archive the channel", channel=self.channel)

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        if self.channel.lstrip("#").lower() == "general":
            yield Fault(
                "channel", "is #general, which holds everyone and cannot be archived.", "Name the incident's channel."
            )

    def flow(self) -> Flow[ChannelArchived]:
        given = reference(self.channel)
        if given.kind == "name":
            # Archived ones count: a second run must find the channel that the first one archived.
            found = yield from find_channel(given.value, archived=True)
            if found["is_general"]:
                raise NotPermitted(
                    "cant_archive_general",
                    method="conversations.archive",
                    detail=f'"{found["name"]}" is the workspace\'s general channel',
                    remedy="Name the incident's channel.",
                )
            if found["is_archived"]:
                return ChannelArchived(channel=found["id"], already_archived=True)
            channel = str(found["id"])
        else:
            channel = given.value
        try:
            yield call("conversations.archive", channel=channel)
        except SlackError as error:
            if error.code != "already_archived":
                raise
            return ChannelArchived(channel=channel, already_archived=True)
        return ChannelArchived(channel=channel)


@attrs.frozen(kw_only=True)
class ChannelUnarchived:
    """A channel that is no longer archived. No version of Slack's API lets a bot bring it about yet.

    Attributes:
        channel: Its ID.
    """

    channel: str


_A_PERSON = "Let a person unarchive it in Slack and /invite the app again, or use another channel."


@attrs.frozen(kw_only=True)
class UnarchiveChannel(Action[ChannelUnarchived]):
    """Change nothing: Slack lets no bot unarchive a channel, so this is refused before any request, with a way out.

    It is here so that ``check`` says so before an incident, and not Slack in the midst of one.

    Slack: https://docs.slack.dev/reference/methods/conversations.unarchive ("Bot tokens cannot currently be used to
    unarchive conversations")

    Scopes: none, for no scope would help.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.

    Returns:
        A :class:`ChannelUnarchived`, if Slack ever allows it.

    Raises:
        CheckFailed: Always, and before anything is sent: let a person unarchive the channel.

    Again: it is refused again.
    """

    output: ClassVar[type[Any]] = ChannelUnarchived

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield Fault("channel", "cannot be unarchived by a bot: Slack takes that from people only.", _A_PERSON)

    def flow(self) -> Flow[ChannelUnarchived]:
        raise NotPermitted(
            "not_allowed_token_type",
            method="conversations.unarchive",
            detail="bot tokens cannot unarchive; nothing was sent",
            remedy=_A_PERSON,
        )


def _size(messages: tuple[Any, ...]) -> str:
    """Show how many messages there are instead of what they say."""
    return f"<{len(messages)} message{'' if len(messages) == 1 else 's'}>"


@attrs.frozen(kw_only=True)
class HistoryRead:
    """What was said in a channel or a thread.

    Attributes:
        channel: The channel's ID.
        messages: Slack's message objects (``ts``, ``user``, ``text``, …) as plain data, oldest first.
        has_more: Whether there are more messages than ``limit`` let through.
    """

    channel: str
    messages: tuple[dict[str, Any], ...] = attrs.field(default=(), repr=_size)
    has_more: bool = False


# Slack's own default: https://docs.slack.dev/reference/methods/conversations.history
_MESSAGES = 100


def _is_limit(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept a whole number or a template, and ``None`` for all there are."""
    if value is not None:
        base.is_number(instance, field, value)


@attrs.frozen(kw_only=True)
class ReadHistory(Action[HistoryRead]):
    """Change nothing: read what was said in a channel or a thread that the app is in, for a summary or a time line.

    Slack: https://docs.slack.dev/reference/methods/conversations.history; for a thread
    https://docs.slack.dev/reference/methods/conversations.replies

    Scopes: ``channels:history`` (public), ``groups:history`` (private), ``im:history`` and ``mpim:history`` (direct
    messages); a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.
        thread_ts: ``ts`` of a message of the thread to read (Slack's argument is ``ts``); left out, the channel is
            read, without the replies in its threads.
        oldest: Only messages after this one or this time: a ``ts``, or seconds since 1970 as text. The message that
            starts a thread may come besides.
        latest: Only messages before this one or this time, in the same form.
        inclusive: Whether messages of exactly ``oldest`` and ``latest`` count.
        limit: Most messages, from 1, as 100 by default; ``None`` for all. Of a channel the newest are kept, of a
            thread the first. A request fetches up to 200; Slack gives apps that are sold outside its Marketplace 15,
            and one request a minute.
        include_all_metadata: Whether the ``event_payload`` of metadata is there as well.

    Returns:
        A :class:`HistoryRead`. What people wrote is foreign text, in Slack's own mrkdwn: ``{{text}}`` shows its
        mentions and links as text, and ``{{{text}}}`` would make them work again.

    Raises:
        NotInChannel: Invite the app to the channel first, also to a public one.
        MessageNotFound: No such thread (``thread_not_found``).
        ChannelNotFound: The app sees no such channel.
        RateLimited: Slack asks to wait longer than the retry policy allows.

    Again: it is read anew, with what was said meanwhile.
    """

    output: ClassVar[type[Any]] = HistoryRead

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    thread_ts: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    oldest: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    latest: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    inclusive: bool | str = attrs.field(default=False, validator=base.is_flag, metadata=base.FLAG)
    limit: int | str | None = attrs.field(default=_MESSAGES, validator=_is_limit, metadata=base.NUMBER)
    include_all_metadata: bool | str = attrs.field(default=False, validator=base.is_flag, metadata=base.FLAG)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        if self.thread_ts:
            yield Need("conversations.replies", "read the thread", channel=self.channel)
        else:
            yield Need("conversations.history", "read the channel", channel=self.channel)

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_ts("thread_ts", self.thread_ts)
        yield from _bad_time("oldest", self.oldest)
        yield from _bad_time("latest", self.latest)
        yield from bad_limit(self.limit)

    def flow(self) -> Flow[HistoryRead]:
        channel = yield from channel_id(self.channel)
        window = {
            "channel": channel,
            "oldest": self.oldest or None,
            "latest": self.latest or None,
            "inclusive": self.inclusive or None,
            "include_all_metadata": self.include_all_metadata or None,
        }
        if self.thread_ts:
            found = read_pages("conversations.replies", "messages", self.limit, ts=self.thread_ts, **window)
        else:
            found = read_pages("conversations.history", "messages", self.limit, **window)
        messages, has_more = yield from found
        # A channel comes newest first, a thread oldest first; a ts has ten digits, a point and six more.
        messages.sort(key=lambda message: str(message["ts"]))
        return HistoryRead(channel=channel, messages=tuple(messages), has_more=has_more)


def _bad_time(field: str, time: str | None) -> Iterator[Fault]:
    if not time or base.Placeholder.is_in(time):
        return
    whole, point, fraction = time.partition(".")
    if not whole.isdecimal() or (point and not fraction.isdecimal()):
        yield Fault(field, f"{time!r} is no time of Slack's.", "Give a ts, or seconds since 1970: 1503435956.")
