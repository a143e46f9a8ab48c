"""Steps on channels: create, describe, fill and archive them.

Rule of this file: one class for each step, by the ``conversations.*`` methods of Slack and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from .._effects import Partial
from ..errors import NameTaken, NotPermitted, RunbookError, SlackError, UserNotFound
from ..slack_methods import call
from ..text import LIMITS, channel_name, escape
from . import _base as base
from ._base import Action, Fault, Need
from ._find import (
    bad_channel,
    bad_users,
    channel_id,
    channel_needs,
    find_channel,
    identity,
    reference,
    user_id,
    user_needs,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from .._effects import Effect, Flow

__all__ = [
    "ArchiveChannel",
    "ChannelArchived",
    "ChannelCreated",
    "ChannelDescribed",
    "CreateChannel",
    "InviteToChannel",
    "Invited",
    "SetDescription",
    "SetTopic",
]

# Slack takes up to 100 people in one request: https://docs.slack.dev/reference/methods/conversations.invite
_PER_INVITE = 100

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
    """

    channel: str
    name: str
    requested_name: str
    is_private: bool
    adopted: bool = False

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
        if not base.Placeholder.is_in(self.name) and not channel_name(self.name):
            yield Fault(
                "name",
                f"no letter or digit is left of {self.name!r} under Slack's naming rules.",
                "Give a name such as incident-{{Activity.id}}.",
            )
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


def _too_long(field: str, text: str | None) -> Iterator[Fault]:
    limit = LIMITS["topic"].most
    if text is not None and len(text) > limit:
        yield Fault(field, f"has {len(text)} characters; Slack takes {limit}.", "Shorten it.")


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
class Invited:
    """Who is in the channel now, and who could not be invited.

    Attributes:
        channel: The channel's ID.
        invited: User IDs that were invited now.
        already: User IDs that were members already, the bot itself among them.
        failed: Slack's error code by user ID or e-mail address, for those who could not be invited.
    """

    channel: str
    invited: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    failed: dict[str, str] = attrs.field(factory=dict)


# What a person's own entry says when there is nothing left to do for that person.
_ALREADY = frozenset({"already_in_channel", "cant_invite_self"})

# What concerns one person, so that the others may still be invited; every other code concerns the request.
_PERSONAL = _ALREADY | {
    "user_not_found",
    "no_user",
    "cant_invite",
    "user_is_restricted",
    "ura_max_channels",
    "invitee_cant_see_channel",
    "org_user_not_in_team",
    "user_team_not_in_channel",
    "app_cannot_join_channel",
}


@attrs.frozen(kw_only=True)
class InviteToChannel(Action[Invited]):
    """Invite people to a channel that the app is a member of. One bad ID does not keep the others out.

    Slack: https://docs.slack.dev/reference/methods/conversations.invite and, for e-mail addresses,
    https://docs.slack.dev/reference/methods/users.lookupByEmail

    Scopes: ``channels:write.invites`` or ``channels:manage`` (public), ``groups:write.invites`` or ``groups:write``
    (private); e-mail addresses need ``users:read.email``; a channel given by name ``channels:read`` or
    ``groups:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.
        users: User IDs, mentions or e-mail addresses: a list, a text with commas, or one template whose value is
            either. Doubles are dropped; more than 100 go in several requests.

    Returns:
        An :class:`Invited` with a result for each person.

    Raises:
        UserNotFound: Not one of the people could be invited, and none was a member already.
        NotInChannel: Invite the app to the channel first.
        IsArchived: The channel is archived.
        ChannelNotFound: The app sees no such channel.

    Again: those who are members count as already there.
    """

    output: ClassVar[type[Any]] = Invited

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    users: str | tuple[str, ...] = attrs.field(converter=base.as_users, validator=base.is_users, metadata=base.USERS)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield from user_needs(self.users)
        yield Need("conversations.invite", "invite people", channel=self.channel)

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_users("users", self.users)

    def flow(self) -> Flow[Invited]:
        channel = yield from channel_id(self.channel)
        failed: dict[str, str] = {}
        people: list[str] = []
        for user in self.users:
            try:
                found = yield from user_id(user)
            except UserNotFound as error:
                failed[user] = error.code
            else:
                people.append(found)
        people = list(dict.fromkeys(people))
        result = Invited(channel=channel, failed=failed)
        for start in range(0, len(people), _PER_INVITE):
            result = yield from self._invite(result, people[start : start + _PER_INVITE])
            yield Partial(result)
        if result.failed and not (result.invited or result.already):
            told = ", ".join(f"{user} ({code})" for user, code in result.failed.items())
            raise UserNotFound(
                next(iter(result.failed.values())),
                method="conversations.invite",
                detail=f"none of the people could be invited: {told}",
                remedy="Check the IDs and addresses: they must belong to active members of this workspace.",
            )
        return result

    def _invite(self, result: Invited, people: list[str]) -> Generator[Effect, Any, Invited]:
        """Invite up to 100 people; Slack invites nobody while one is wrong, so the wrong ones are taken out first."""
        already, failed = list(result.already), dict(result.failed)
        while people:
            try:
                yield call("conversations.invite", channel=result.channel, users=",".join(people))
            except SlackError as error:
                wrong = _by_person(error, people)
                if not wrong:
                    raise
                already += [user for user, code in wrong.items() if code in _ALREADY]
                failed |= {user: code for user, code in wrong.items() if code not in _ALREADY}
                people = [user for user in people if user not in wrong]
            else:
                break
        return Invited(
            channel=result.channel, invited=(*result.invited, *people), already=tuple(already), failed=failed
        )


def _by_person(error: SlackError, people: list[str]) -> dict[str, str]:
    """Say which person each error of an invitation is about; empty where it is not about a person."""
    named = {
        entry["user"]: entry["error"]
        for entry in error.errors
        if entry.get("user") in people and entry.get("error") in _PERSONAL
    }
    if named:
        return named
    # With one person in the request there is no list, and the code can only be about that person.
    return {people[0]: error.code} if len(people) == 1 and error.code in _PERSONAL else {}


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
