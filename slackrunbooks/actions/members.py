"""Steps on who is in a channel: invite and remove people, list them, and let the app come and go.

Rule of this file: one class for each step, by the ``conversations.*`` methods of Slack that are about members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from .._effects import Partial
from ..errors import MissingScope, NotInChannel, SlackError, UserNotFound
from ..slack_methods import call, slack_error
from . import _base as base
from ._base import Action, Fault, Need
from ._find import (
    bad_channel,
    bad_limit,
    bad_users,
    channel_id,
    channel_needs,
    people_of,
    read_pages,
    user_id,
    user_needs,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from .._effects import Effect, Flow

__all__ = [
    "ChannelJoined",
    "ChannelLeft",
    "InviteToChannel",
    "Invited",
    "JoinChannel",
    "LeaveChannel",
    "ListMembers",
    "MembersListed",
    "RemoveFromChannel",
    "Removed",
]

# Slack takes up to 100 people in one request: https://docs.slack.dev/reference/methods/conversations.invite
_PER_INVITE = 100


@attrs.frozen(kw_only=True)
class Invited:
    """Who is in the channel now, and who could not be invited.

    Attributes:
        channel: The channel's ID.
        invited: User IDs that were invited now.
        already: User IDs that were members already, the bot itself among them.
        failed: Slack's error code for those who could not be invited, by what was given (user ID, mention, e-mail
            address or user group), and by user ID for a member of a group. A group with nobody in it has
            ``users_not_found``.
        groups: The members of each user group by the group as it was given.
    """

    channel: str
    invited: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    failed: dict[str, str] = attrs.field(factory=dict)
    groups: dict[str, tuple[str, ...]] = attrs.field(factory=dict)


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
    "no_permission",
    "no_external_invite_permission",
}


@attrs.frozen(kw_only=True)
class InviteToChannel(Action[Invited]):
    """Invite people to a channel that the app is a member of. One bad ID does not keep the others out.

    Slack: https://docs.slack.dev/reference/methods/conversations.invite and, for e-mail addresses,
    https://docs.slack.dev/reference/methods/users.lookupByEmail; for user groups
    https://docs.slack.dev/reference/methods/usergroups.list or, for a single one by ID,
    https://docs.slack.dev/reference/methods/usergroups.users.list

    Scopes: ``channels:write.invites`` or ``channels:manage`` (public), ``groups:write.invites`` or ``groups:write``
    (private); e-mail addresses need ``users:read.email``, user groups ``usergroups:read``; a channel given by name
    ``channels:read`` or ``groups:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.
        users: User IDs, mentions, e-mail addresses and user groups (``S0123ABCD``, ``<!subteam^S…>``, ``@handle``) in
            any mixture: a list, a text with commas, or one template whose value is either. A group stands for its
            members; whoever is named twice is invited once; more than 100 people go in several requests. Deactivated
            people cannot be invited, and keep nobody else out.

    Returns:
        An :class:`Invited` with a result for each person.

    Raises:
        UserNotFound: Not one of the people could be invited, and none was a member already; where all failed for one
            other reason, its own error.
        MissingScope: The token lacks a scope, such as ``usergroups:read`` where groups are given.
        NotInChannel: Invite the app to the channel first.
        IsArchived: The channel is archived.
        ChannelNotFound: The app sees no such channel.

    Again: those who are members count as already there; of groups, the people who are in them by then are invited.
    """

    output: ClassVar[type[Any]] = Invited

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    users: str | tuple[str, ...] = attrs.field(
        converter=base.as_users,
        validator=base.is_users,
        metadata={**base.USERS, "names": base.Names("people", missing="each", inactive="each")},
    )

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield from user_needs(self.users, groups=True)
        yield Need("conversations.invite", "invite people", channel=self.channel)

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_users("users", self.users, groups=True)

    def flow(self) -> Flow[Invited]:
        channel = yield from channel_id(self.channel)
        found = yield from people_of(self.users)
        failed = {given: error.code for given, error in found.failed.items()}
        result = yield from _invite(Invited(channel=channel, failed=failed, groups=found.groups), found.given)
        if result.failed and not (result.invited or result.already):
            raise _not_one(result.failed, found.failed)
        return result


def _invite(result: Invited, given: Mapping[str, str]) -> Flow[Invited]:
    """Invite everybody with the fewest requests.

    Slack invites nobody of a request in which one person is wrong, and names all who are. The good ones of such a
    request are therefore known; they fill up the last request of those who are not, and go in full ones after it.

    One kind of wrong is another matter: where all who are wrong have left the workspace, the others are invited with
    the refusal (https://docs.slack.dev/reference/methods/conversations.invite#partially-failed-calls). When they are
    asked again they are members already, which then tells that they were invited now.

    Args:
        result: What is known so far.
        given: How everybody was named, by user ID.
    """
    waiting = [list(given)[start : start + _PER_INVITE] for start in range(0, len(given), _PER_INVITE)]
    good: list[str] = []
    cleared: set[str] = set()
    while waiting or good:
        asked = waiting.pop(0) if waiting else []
        if not waiting:
            room = _PER_INVITE - len(asked)
            asked, good = [*asked, *good[:room]], good[room:]
        try:
            yield call("conversations.invite", channel=result.channel, users=",".join(asked))
        except SlackError as error:
            wrong = _by_person(error, asked)
            if not wrong and (error.code not in _PERSONAL or len(asked) == 1):
                raise
            if not wrong:
                # Somebody is wrong and nobody is named, so the halves tell.
                half = len(asked) // 2
                waiting[:0] = [asked[:half], asked[half:]]
                continue
            there = {user for user, code in wrong.items() if code in _ALREADY}
            now = cleared.intersection(user for user in there if wrong[user] == "already_in_channel")
            result = attrs.evolve(
                result,
                invited=(*result.invited, *(user for user in asked if user in now)),
                already=(*result.already, *(user for user in asked if user in there - now)),
                failed={
                    **result.failed,
                    **{given[user]: code for user, code in wrong.items() if code not in _ALREADY},
                },
            )
            good += [user for user in asked if user not in wrong]
            cleared.update(good)
        else:
            result = attrs.evolve(result, invited=(*result.invited, *asked))
        yield Partial(result)
    return result


def _not_one(failed: dict[str, str], unknown: Mapping[str, SlackError]) -> SlackError:
    """Say that nobody could be invited: with the one reason that all have in common, or with each one's own.

    Args:
        failed: Why, by what was given.
        unknown: Who was not found, so that it was another method that said why.
    """
    told = ", ".join(f"{user} ({code})" for user, code in failed.items())
    first, code = next(iter(failed.items()))
    method = unknown[first].method if first in unknown else "conversations.invite"
    detail = f"none of the people could be invited: {told}"
    alike = slack_error(method, {"ok": False, "error": code})
    if set(failed.values()) == {code} and code not in ("user_not_found", "users_not_found"):
        return type(alike)(code, method=method, detail=detail, remedy=alike.remedy)
    return UserNotFound(
        code,
        method=method,
        detail=detail,
        remedy="Check the IDs and addresses: they must belong to active members of this workspace.",
    )


def _by_person(error: SlackError, people: list[str]) -> dict[str, str]:
    """Say which person each error of an invitation is about; empty where it is not about a person."""
    named = {entry["user"]: entry["error"] for entry in error.errors if entry.get("user") in people}
    if named:
        return named
    # With one person in the request there is no list, and the code can only be about that person.
    return {people[0]: error.code} if len(people) == 1 and error.code in _PERSONAL else {}


@attrs.frozen(kw_only=True)
class Removed:
    """Who is out of the channel now, and who could not be removed.

    Attributes:
        channel: The channel's ID.
        removed: User IDs that were removed now.
        already: User IDs that were no members before.
        failed: Slack's error code by user ID or e-mail address, for those who could not be removed.
    """

    channel: str
    removed: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    failed: dict[str, str] = attrs.field(factory=dict)


# What concerns one person, so that the others may still be removed; every other code concerns the request:
# https://docs.slack.dev/reference/methods/conversations.kick#errors
_PERSONAL_OF_KICK = frozenset({"cant_kick_self", "not_supported", "user_not_found", "user_not_visible"})


@attrs.frozen(kw_only=True)
class RemoveFromChannel(Action[Removed]):
    """Remove people from a channel that the app is a member of. One bad ID does not keep the others in.

    Slack: https://docs.slack.dev/reference/methods/conversations.kick; for e-mail addresses
    https://docs.slack.dev/reference/methods/users.lookupByEmail; where Slack says that somebody is no member
    https://docs.slack.dev/reference/methods/conversations.info

    Scopes: ``channels:manage`` (public), ``groups:write`` (private); e-mail addresses need ``users:read.email``; a
    channel given by name ``channels:read`` or ``groups:read``. Either of these also lets the action tell whether it
    is the app that is no member; without it Slack's page is taken at its word, that it is the person.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output. Nobody can be removed from ``#general``.
        users: User IDs, mentions or e-mail addresses: a list, a text with commas, or one template whose value is
            either. Doubles are dropped. The app itself is refused: it leaves by :class:`LeaveChannel`.

    Returns:
        A :class:`Removed` with a result for each person.

    Raises:
        UserNotFound: Not one of the people could be removed, and the first is unknown.
        NotPermitted: Not one could be removed, and the first is the app itself (``cant_kick_self``) or may not be
            removed (``not_supported``); the channel is #general (``cant_kick_from_general``); or a setting reserves
            removing people for some (``restricted_action``): ask an administrator.
        NotInChannel: Invite the app to the channel first.
        ChannelNotFound: The app sees no such channel.
        AmbiguousOutcome: The answer was lost; the person may be out. Run it again.

    Again: those who are no members any more count as already gone.
    """

    output: ClassVar[type[Any]] = Removed

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    # Whoever has left the workspace can still be taken out.
    users: str | tuple[str, ...] = attrs.field(
        converter=base.as_users,
        validator=base.is_users,
        metadata={**base.USERS, "names": base.Names("people", missing="each", inactive="")},
    )

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield from user_needs(self.users)
        yield Need("conversations.kick", "remove people", channel=self.channel)
        yield Need(
            "conversations.info",
            "tell whether the app is a member",
            channel=self.channel,
            condition="if Slack says that somebody is no member",
        )

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_users("users", self.users)

    def flow(self) -> Flow[Removed]:
        channel = yield from channel_id(self.channel)
        result = Removed(channel=channel)
        errors: list[SlackError] = []
        people: dict[str, None] = {}
        for user in self.users:
            try:
                people[(yield from user_id(user))] = None
            except UserNotFound as error:
                errors.append(error)
                result = attrs.evolve(result, failed={**result.failed, user: error.code})
        for user in people:
            try:
                yield call("conversations.kick", channel=channel, user=user)
            except SlackError as error:
                if error.code == "not_in_channel":
                    # A removal that worked, or an earlier look, has shown that the app is a member.
                    if not (result.removed or result.already):
                        yield from _be_member(channel)
                    result = attrs.evolve(result, already=(*result.already, user))
                elif error.code in _PERSONAL_OF_KICK:
                    errors.append(error)
                    result = attrs.evolve(result, failed={**result.failed, user: error.code})
                else:
                    raise
            else:
                result = attrs.evolve(result, removed=(*result.removed, user))
            yield Partial(result)
        if errors and not (result.removed or result.already):
            raise _nobody(errors[0], result.failed)
        return result


def _be_member(channel: str) -> Generator[Effect, Any, None]:
    """Fail if the app itself is the one who is not in the channel, as far as the token may look."""
    try:
        reply = yield call("conversations.info", channel=channel)
    except MissingScope:
        return
    if reply["channel"].get("is_member") is False:
        raise NotInChannel(
            "not_in_channel",
            method="conversations.kick",
            detail="the app is not a member of the channel",
            remedy="The app must be in a channel to remove others. Add it with /invite first.",
        )


def _nobody(first: SlackError, failed: dict[str, str]) -> SlackError:
    """Make the error that says that not one person could be removed, of the class of the first refusal."""
    told = ", ".join(f"{user} ({code})" for user, code in failed.items())
    return type(first)(
        first.code,
        method=first.method,
        detail=f"none of the people could be removed: {told}",
        remedy=first.remedy,
    )


@attrs.frozen(kw_only=True)
class MembersListed:
    """Who is in a channel.

    Attributes:
        channel: The channel's ID.
        members: User IDs, in Slack's order; apps and the bot itself among them.
        has_more: Whether there are more members than ``limit`` let through.
    """

    channel: str
    members: tuple[str, ...] = ()
    has_more: bool = False


@attrs.frozen(kw_only=True)
class ListMembers(Action[MembersListed]):
    """Change nothing: list who is in a channel, page by page.

    Slack: https://docs.slack.dev/reference/methods/conversations.members

    Scopes: ``channels:read`` (public), ``groups:read`` (private), ``im:read`` and ``mpim:read`` (direct messages).

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output.
        limit: Most members to list, from 1; left out, all. A request fetches up to 200.

    Returns:
        A :class:`MembersListed`; its ``members`` can be the ``users`` of a later step.

    Raises:
        ChannelNotFound: The app sees no such channel; a private one it must be in.
        SlackError: Slack could not read the list (``fetch_members_failed``): run it again.

    Again: the list is read anew.
    """

    output: ClassVar[type[Any]] = MembersListed

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    limit: int | str | None = attrs.field(default=None, validator=base.is_number, metadata=base.NUMBER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("conversations.members", "list the members", channel=self.channel)

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_limit(self.limit)

    def flow(self) -> Flow[MembersListed]:
        channel = yield from channel_id(self.channel)
        members, has_more = yield from read_pages("conversations.members", "members", self.limit, channel=channel)
        return MembersListed(channel=channel, members=tuple(members), has_more=has_more)


@attrs.frozen(kw_only=True)
class ChannelJoined:
    """A channel that the app is a member of now.

    Attributes:
        channel: Its ID.
        name: Its name.
        already_in_channel: Whether the app was a member before.
    """

    channel: str
    name: str
    already_in_channel: bool = False


@attrs.frozen(kw_only=True)
class JoinChannel(Action[ChannelJoined]):
    """Let the app join a public channel. A private one it can enter only by an invitation.

    Slack: https://docs.slack.dev/reference/methods/conversations.join

    Scopes: ``channels:join``; a channel given by name also needs ``channels:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output; a public channel.

    Returns:
        A :class:`ChannelJoined`.

    Raises:
        ChannelNotFound: The app sees no such channel; a private one without the app is not seen.
        IsArchived: The channel is archived.
        NotPermitted: The channel belongs to a Salesforce record (``channel_is_limited_access``).
        SlackError: The channel is private (``method_not_supported_for_channel_type``): have a member invite the app;
            or full (``too_many_members``).

    Again: already a member counts as done.
    """

    output: ClassVar[type[Any]] = ChannelJoined

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("conversations.join", "join the channel", conversations=("public",))

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)

    def flow(self) -> Flow[ChannelJoined]:
        channel = yield from channel_id(self.channel)
        reply = yield call("conversations.join", channel=channel)
        joined = reply["channel"]
        # "warning" is a comma-separated list: https://docs.slack.dev/apis/web-api/
        warnings = str(reply.get("warning") or "").split(",")
        return ChannelJoined(
            channel=joined["id"],
            name=joined.get("name") or "",
            already_in_channel="already_in_channel" in warnings,
        )


@attrs.frozen(kw_only=True)
class ChannelLeft:
    """A channel that the app is no member of now.

    Attributes:
        channel: Its ID.
        already_left: Whether the app was no member before.
    """

    channel: str
    already_left: bool = False


@attrs.frozen(kw_only=True)
class LeaveChannel(Action[ChannelLeft]):
    """Let the app leave a channel. It comes back to a private one only by an invitation.

    Slack: https://docs.slack.dev/reference/methods/conversations.leave

    Scopes: ``channels:manage`` (public), ``groups:write`` (private); a channel given by name also needs
    ``channels:read`` or ``groups:read``.

    Attributes:
        channel: ID, ``#name``, link or an earlier step's output. Nobody leaves ``#general``.

    Returns:
        A :class:`ChannelLeft`.

    Raises:
        NotPermitted: The channel is #general (``cant_leave_general``), the app is its last member (``last_member``:
            invite somebody or archive it), or a guest (``user_is_restricted``).
        IsArchived: The channel is archived.
        ChannelNotFound: The app sees no such channel.
        AmbiguousOutcome: The answer was lost; the app may be out. Run it again.

    Again: no longer a member counts as done; a private channel is not seen any more (``ChannelNotFound``).
    """

    output: ClassVar[type[Any]] = ChannelLeft

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("conversations.leave", "leave the channel", channel=self.channel)

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)

    def flow(self) -> Flow[ChannelLeft]:
        channel = yield from channel_id(self.channel)
        try:
            yield call("conversations.leave", channel=channel)
        except NotInChannel:
            # {"ok": false, "not_in_channel": true}, as the page shows it: nothing is left to do.
            return ChannelLeft(channel=channel, already_left=True)
        return ChannelLeft(channel=channel)
