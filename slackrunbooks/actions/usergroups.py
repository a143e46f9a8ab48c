"""Steps on user groups: who is on call.

Rule of this file: one class for each step, by the ``usergroups.*`` methods of Slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from .._effects import Partial
from ..errors import SlackError
from ..slack_methods import call
from ..text import parse_group
from . import _base as base
from ._base import Action, Fault, Need, Placeholder
from ._find import (
    CHANGED_GROUPS,
    bad_channel,
    bad_group,
    bad_users,
    channel_id,
    channel_needs,
    group_details,
    group_id,
    group_members,
    people_of,
    user_needs,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from .._effects import Effect, Flow

__all__ = ["ListUserGroupMembers", "UpdateUserGroup", "UserGroupMembersListed", "UserGroupUpdated"]


@attrs.frozen(kw_only=True)
class UserGroupMembersListed:
    """Who is in a user group.

    Attributes:
        usergroup: Its ID.
        users: User IDs of its members; none where nobody is in it.
    """

    usergroup: str
    users: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class ListUserGroupMembers(Action[UserGroupMembersListed]):
    """Change nothing; list who is in a user group, for steps that take people and no groups.

    Slack: https://docs.slack.dev/reference/methods/usergroups.users.list or, for a group by its handle,
    https://docs.slack.dev/reference/methods/usergroups.list

    Scopes: ``usergroups:read``.

    Attributes:
        usergroup: The group: ``S0123ABCD``, ``<!subteam^S…>`` or ``@handle``.

    Returns:
        A :class:`UserGroupMembersListed`; a later step takes its ``users``.

    Raises:
        SlackError: ``no_such_subteam``: there is no such group, or it is disabled.
        NotPermitted: The workspace's plan has no user groups (``plan_upgrade_required``).

    Again: the list is read anew, in the same run as well.
    """

    output: ClassVar[type[Any]] = UserGroupMembersListed

    usergroup: str = attrs.field(validator=base.is_text, metadata=base.GROUP)

    def needs(self) -> Iterator[Need]:
        yield from user_needs((), groups=True, besides=(self.usergroup,))

    def faults(self) -> Iterator[Fault]:
        yield from bad_group("usergroup", self.usergroup)

    def flow(self) -> Flow[UserGroupMembersListed]:
        yield CHANGED_GROUPS
        members = yield from group_members([self.usergroup])
        users = _members(members[self.usergroup])
        return UserGroupMembersListed(usergroup=(yield from group_id(self.usergroup)), users=users)


_Property = Literal["name", "handle", "description", "channels"]


@attrs.frozen(kw_only=True)
class UserGroupUpdated:
    """A user group and its members.

    Attributes:
        usergroup: Its ID.
        users: User IDs of its members now.
        added: Who became a member now.
        removed: Who is no member any more.
        updated: What else changed: ``name``, ``handle``, ``description``, ``channels``.
    """

    usergroup: str
    users: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    updated: tuple[_Property, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything changed; where nothing does, nothing is sent."""
        return bool(self.added or self.removed or self.updated)


@attrs.frozen(kw_only=True)
class UpdateUserGroup(Action[UserGroupUpdated]):
    """Change who is in a user group, as when another shift goes on call, or what the group is called.

    Slack: https://docs.slack.dev/reference/methods/usergroups.users.update, which replaces the whole list,
    https://docs.slack.dev/reference/methods/usergroups.update for all else and, to see how it is,
    https://docs.slack.dev/reference/methods/usergroups.users.list or, for groups by handle, several groups and all but
    the members, https://docs.slack.dev/reference/methods/usergroups.list; for e-mail addresses
    https://docs.slack.dev/reference/methods/users.lookupByEmail

    Scopes: ``usergroups:write`` and ``usergroups:read``; e-mail addresses need ``users:read.email``; a channel given
    by name ``channels:read`` or ``groups:read``.

    Attributes:
        usergroup: The group: ``S0123ABCD``, ``<!subteam^S…>`` or ``@handle``. A disabled one is not found.
        users: User IDs, mentions, e-mail addresses and other user groups in any mixture: a list, a text with commas, or
            one template whose value is either. Guests and bots cannot be in a group. Left out, the members stay.
        mode: ``"replace"`` makes them the members, ``"add"`` adds them, ``"remove"`` takes them out.
        name: Another name, which no other group has.
        handle: Another handle, with or without ``@``, which no other group, person or channel has.
        description: Another description.
        channels: The channels that new members join by default, in place of those there are: IDs or names, a list, a
            text with commas, or one template whose value is either.

    Returns:
        A :class:`UserGroupUpdated`.

    Raises:
        UserNotFound: Nobody has one of the e-mail addresses, or nobody is in another group; nothing was changed.
        ChannelNotFound: The app sees no channel of that name; nothing was changed.
        SlackError: ``no_such_subteam`` (no such group, or it is disabled), ``no_users_provided`` (nobody would be left,
            which Slack does not allow), ``invalid_users``, ``invalid_user`` (a guest or a bot),
            ``subteam_max_users_exceeded``, ``too_many_linked_channels``; each with its remedy.
        NotPermitted: The workspace lets apps change no groups (``permission_denied``), or its plan has none.

    Again: changes nothing, and sends nothing, where all is already so.
    """

    output: ClassVar[type[Any]] = UserGroupUpdated

    usergroup: str = attrs.field(validator=base.is_text, metadata=base.GROUP)
    users: str | tuple[str, ...] | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(base.as_users),
        validator=attrs.validators.optional(base.is_users),
        # No page says what becomes of somebody who has left.
        metadata={**base.USERS, "names": base.Names("people", inactive="warning")},
    )
    mode: Literal["replace", "add", "remove"] = attrs.field(
        default="replace", validator=base.is_choice("replace", "add", "remove"), metadata=base.IDENTIFIER
    )
    name: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.PLAIN)
    handle: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    description: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.PLAIN)
    channels: str | tuple[str, ...] | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(base.as_users),
        validator=attrs.validators.optional(base.is_users),
        metadata=base.CHANNELS,
    )

    @property
    def _renames(self) -> bool:
        return any(value is not None for value in (self.name, self.handle, self.description, self.channels))

    def needs(self) -> Iterator[Need]:
        yield from user_needs(self.users or (), groups=True, besides=(self.usergroup,), listed=self._renames)
        if self.users is not None:
            yield Need("usergroups.users.update", "change the members of the group")
        channels = self.channels or ()
        for channel in (channels,) if isinstance(channels, str) else channels:
            yield from channel_needs(channel)
        if self._renames:
            yield Need("usergroups.update", "change what the group is called")

    def faults(self) -> Iterator[Fault]:
        yield from bad_group("usergroup", self.usergroup)
        if self.users is not None:
            yield from bad_users("users", self.users, groups=True)
        elif not self._renames:
            yield Fault("users", "is left out, and nothing else is to change.", "Say who is in the group.")
        for field, value in (("name", self.name), ("handle", self.handle)):
            if value is not None and not value.strip("@ "):
                yield Fault(field, "is empty.", "Leave it out to keep what there is.")
        handle = self.handle or ""
        if handle.strip("@ ") and not Placeholder.is_in(handle) and parse_group(f"@{_bare(handle)}") is None:
            yield Fault("handle", f"{handle!r} cannot be mentioned.", "Give a word such as sre-on-call.")
        if self.channels is not None and not self.channels:
            yield Fault("channels", "names no channel.", "Leave it out to keep those there are.")
        for channel in () if isinstance(self.channels, str) else self.channels or ():
            yield from (attrs.evolve(fault, field="channels") for fault in bad_channel(channel))

    def flow(self) -> Flow[UserGroupUpdated]:
        # The whole list is replaced, so what the run saw of the group some time ago will not do.
        yield CHANGED_GROUPS
        # Everybody is known before anything changes: half a shift on call is worse than the old one.
        found = yield from people_of(self.users or (), besides=(self.usergroup,), listed=self._renames)
        before = _members(found.besides[self.usergroup])
        named = found.everybody()
        usergroup = yield from group_id(self.usergroup)
        changes = yield from self._changes()
        result = UserGroupUpdated(usergroup=usergroup, users=before)
        if self.users is not None:
            after = {
                "replace": named,
                "add": list(dict.fromkeys((*before, *named))),
                "remove": [user for user in before if user not in named],
            }[self.mode]
            if not after:
                raise _nobody_left()
            result = attrs.evolve(
                result,
                users=tuple(after),
                added=tuple(user for user in after if user not in before),
                removed=tuple(user for user in before if user not in after),
            )
        if result.changed:
            yield CHANGED_GROUPS
            yield call("usergroups.users.update", usergroup=usergroup, users=",".join(result.users))
            yield Partial(result)
        if changes:
            yield CHANGED_GROUPS
            yield call("usergroups.update", usergroup=usergroup, **changes)
        order: tuple[_Property, ...] = ("name", "handle", "description", "channels")
        return attrs.evolve(result, updated=tuple(each for each in order if each in changes))

    def _changes(self) -> Generator[Effect, Any, dict[str, str]]:
        """Find out what else is not so yet, as arguments of the request."""
        if not self._renames:
            return {}
        group = yield from group_details(self.usergroup)
        wanted = {
            "name": self.name,
            "handle": None if self.handle is None else _bare(self.handle),
            "description": self.description,
        }
        changes = {key: value for key, value in wanted.items() if value is not None and value != (group.get(key) or "")}
        if self.channels is not None:
            channels: dict[str, None] = {}
            for channel in self.channels:
                channels[(yield from channel_id(channel))] = None
            if set(channels) != set(group["channels"]):
                changes["channels"] = ",".join(channels)
        return changes


def _bare(handle: str) -> str:
    return handle.strip().removeprefix("@")


def _members(found: tuple[str, ...] | SlackError) -> tuple[str, ...]:
    if isinstance(found, SlackError):
        raise found
    return found


def _nobody_left() -> SlackError:
    return SlackError(
        "no_users_provided",
        method="usergroups.users.update",
        detail="nobody would be left in the group, and Slack keeps no empty group",
        remedy="Name somebody who stays, or disable the group in Slack.",
    )
