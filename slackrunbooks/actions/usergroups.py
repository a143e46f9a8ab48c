"""Steps on user groups: who is on call.

Rule of this file: one class for each step, by the ``usergroups.*`` methods of Slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from ..errors import SlackError
from ..slack_methods import call
from ..text import parse_group
from . import _base as base
from ._base import Action, Fault, Need, Placeholder
from ._find import bad_users, group_id, group_members, user_id, user_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._effects import Flow

__all__ = ["UpdateUserGroup", "UserGroupUpdated"]


@attrs.frozen(kw_only=True)
class UserGroupUpdated:
    """A user group and its members.

    Attributes:
        usergroup: Its ID.
        users: User IDs of its members now.
        added: Who became a member now.
        removed: Who is no member any more.
    """

    usergroup: str
    users: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything changed; where nothing does, nothing is sent."""
        return bool(self.added or self.removed)


@attrs.frozen(kw_only=True)
class UpdateUserGroup(Action[UserGroupUpdated]):
    """Change who is in a user group, as when another shift goes on call. Whoever mentions the group reaches them.

    Slack: https://docs.slack.dev/reference/methods/usergroups.users.update, which replaces the whole list, and, to see
    who is in it, https://docs.slack.dev/reference/methods/usergroups.users.list or, for groups by handle and several
    groups, https://docs.slack.dev/reference/methods/usergroups.list; for e-mail addresses
    https://docs.slack.dev/reference/methods/users.lookupByEmail

    Scopes: ``usergroups:write`` and ``usergroups:read``; e-mail addresses need ``users:read.email``.

    Attributes:
        usergroup: The group: ``S0123ABCD``, ``<!subteam^S…>`` or ``@handle``.
        users: User IDs, mentions, e-mail addresses and other user groups in any mixture: a list, a text with commas, or
            one template whose value is either.
        mode: ``"replace"`` makes them the members, ``"add"`` adds them, ``"remove"`` takes them out.

    Returns:
        A :class:`UserGroupUpdated`.

    Raises:
        UserNotFound: Nobody has one of the e-mail addresses; nothing was changed.
        SlackError: ``no_such_subteam`` (no such group, or it is disabled), ``no_users_provided`` (nobody would be left,
            which Slack does not allow), ``invalid_users``, ``subteam_max_users_exceeded``; each with its remedy.
        NotPermitted: The workspace lets apps change no groups (``permission_denied``), or its plan has none.

    Again: changes nothing, and sends nothing, where the members are already so.
    """

    output: ClassVar[type[Any]] = UserGroupUpdated

    usergroup: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)
    users: str | tuple[str, ...] = attrs.field(converter=base.as_users, validator=base.is_users, metadata=base.USERS)
    mode: Literal["replace", "add", "remove"] = attrs.field(
        default="replace", validator=base.is_choice("replace", "add", "remove"), metadata=base.IDENTIFIER
    )

    def needs(self) -> Iterator[Need]:
        yield from user_needs(self.users, groups=True)
        one = parse_group(self.usergroup)
        by_id = one is not None and one.kind == "id"
        yield Need("usergroups.users.list" if by_id else "usergroups.list", "see who is in the group")
        yield Need("usergroups.users.update", "change the members of the group")

    def faults(self) -> Iterator[Fault]:
        if not Placeholder.is_in(self.usergroup) and parse_group(self.usergroup) is None:
            yield Fault(
                "usergroup",
                f"{self.usergroup!r} is no user group.",
                "Give its ID (S0123ABCD) or its handle (@on-call).",
            )
        yield from bad_users("users", self.users, groups=True)

    def flow(self) -> Flow[UserGroupUpdated]:
        # Everybody is known before anything changes: half a shift on call is worse than the old one.
        others = [user for user in self.users if parse_group(user) is not None]
        members = yield from group_members([self.usergroup, *others])
        for found in members.values():
            if isinstance(found, SlackError):
                raise found
        named: dict[str, None] = {}
        for user in self.users:
            if user in others:
                named.update(dict.fromkeys(_of(members, user)))
            else:
                named[(yield from user_id(user))] = None
        before = _of(members, self.usergroup)
        after = {
            "replace": list(named),
            "add": list(dict.fromkeys((*before, *named))),
            "remove": [user for user in before if user not in named],
        }[self.mode]
        usergroup = yield from group_id(self.usergroup)
        result = UserGroupUpdated(
            usergroup=usergroup,
            users=tuple(after),
            added=tuple(user for user in after if user not in before),
            removed=tuple(user for user in before if user not in after),
        )
        if not after:
            raise SlackError(
                "no_users_provided",
                method="usergroups.users.update",
                detail="nobody would be left in the group, and Slack keeps no empty group",
                remedy="Name somebody who stays, or disable the group in Slack.",
            )
        if result.changed:
            yield call("usergroups.users.update", usergroup=usergroup, users=",".join(after))
        return result


def _of(members: dict[str, tuple[str, ...] | SlackError], group: str) -> tuple[str, ...]:
    found = members[group]
    return () if isinstance(found, SlackError) else found
