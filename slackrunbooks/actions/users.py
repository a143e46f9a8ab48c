"""Steps that ask who somebody is.

Rule of this file: one class for each step, by the ``users.*`` methods of Slack. They only read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ..markup import ChannelMention, GroupMention, Markup, Pending, UserMention, keys_of
from ..slack_methods import call
from ..text import parse_channel, parse_group, parse_user
from . import _base as base
from ._base import Action, Fault, Need
from ._find import bad_users, channel_id, channel_needs, group_named, person, person_by_email, user_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._effects import Flow

__all__ = ["LookUpMentions", "LookUpUser", "MentionsFound", "UserFound"]


@attrs.frozen(kw_only=True)
class UserFound:
    """Somebody of the workspace.

    Attributes:
        id: The user ID (``U…`` or ``W…``).
        name: The user name; not unique, and not what Slack shows.
        real_name: The full name; empty where the person gave none.
        display_name: The name that Slack shows in messages; empty where the person chose none.
        tz: The time zone, ``Europe/Berlin``; ``None`` where Slack does not say.
        is_bot: Whether it is an app's user.
        deleted: Whether the account is deactivated.
        email: The e-mail address; ``None`` where the token lacks ``users:read.email`` or there is none.
        mention: Mentions the person in a text: ``{{steps.NAME.mention}}``.
    """

    id: str
    name: str
    real_name: str = ""
    display_name: str = ""
    tz: str | None = None
    is_bot: bool = False
    deleted: bool = False
    email: str | None = None
    mention: UserMention = attrs.field(
        init=False, repr=False, default=attrs.Factory(lambda self: UserMention(self.id, self.name), takes_self=True)
    )


@attrs.frozen(kw_only=True)
class LookUpUser(Action[UserFound]):
    """Change nothing; say who has an e-mail address or a user ID, so that later steps can name or mention the person.

    Slack: https://docs.slack.dev/reference/methods/users.lookupByEmail for an e-mail address,
    https://docs.slack.dev/reference/methods/users.info for an ID

    Scopes: ``users:read.email`` for an e-mail address, ``users:read`` for an ID; with an ID, the output has the
    e-mail address only if the token has ``users:read.email`` as well.

    Attributes:
        user: An e-mail address, a user ID or a mention (``<@U0123ABCD>``): one person.

    Returns:
        A :class:`UserFound`. A deactivated account is found by its ID, and says so.

    Raises:
        UserNotFound: Nobody has that e-mail address or ID, or the app may not see the person.

    Again: it asks again.
    """

    output: ClassVar[type[Any]] = UserFound

    user: str = attrs.field(
        validator=base.is_text, metadata={**base.IDENTIFIER, "names": base.Names("people", inactive="")}
    )

    def needs(self) -> Iterator[Need]:
        unknown = "@" not in self.user and ("{{" in self.user or base.Placeholder.is_in(self.user))
        by_email = "@" in self.user and not self.user.lstrip().startswith("<@")
        if unknown or by_email:
            condition = "if the person is given by e-mail address" if unknown else ""
            yield Need("users.lookupByEmail", "look up a person by e-mail", condition=condition)
        if unknown or not by_email:
            condition = "if the person is given by ID" if unknown else ""
            yield Need("users.info", "look up a person by ID", condition=condition)

    def faults(self) -> Iterator[Fault]:
        yield from bad_users("user", self.user)

    def flow(self) -> Flow[UserFound]:
        given = parse_user(self.user)
        if given.kind == "id":
            reply = yield call("users.info", user=given.value)
            found = reply["user"]
        else:
            found = yield from person_by_email(given.value)
        profile = found.get("profile") or {}
        return UserFound(
            id=str(found["id"]),
            name=found.get("name") or "",
            real_name=found.get("real_name") or profile.get("real_name") or "",
            display_name=profile.get("display_name") or "",
            tz=found.get("tz") or None,
            is_bot=bool(found.get("is_bot")),
            deleted=bool(found.get("deleted")),
            email=profile.get("email") or None,
        )


@attrs.frozen(kw_only=True)
class MentionsFound:
    """Mentions by the names under which a runbook asked for them.

    Attributes:
        mentions: A :class:`UserMention`, :class:`GroupMention` or :class:`ChannelMention` for each name.
    """

    mentions: dict[str, Markup] = attrs.field(factory=dict)


def _as_names(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


@attrs.frozen(kw_only=True)
class LookUpMentions(Action[MentionsFound]):
    """Change nothing; find people, user groups and channels by name, so that later texts can mention them.

    A mention is a value, no text: ``{{steps.NAME.mentions.lead}}`` notifies the person in a message, and is the
    readable name in plain text, the ID in a field for people.

    Slack: https://docs.slack.dev/reference/methods/users.lookupByEmail for e-mail addresses,
    https://docs.slack.dev/reference/methods/usergroups.list for groups by handle, and
    https://docs.slack.dev/reference/methods/conversations.list for channels by name

    Scopes: ``users:read.email`` for e-mail addresses, ``usergroups:read`` for handles, ``channels:read`` or
    ``groups:read`` for channels by name; IDs need none.

    Attributes:
        names: What to find, by the names under which texts read it: an e-mail address or user ID, a group's ``@handle``
            or ID, a channel's ``#name`` or ID. A mention stays what it is, so ``{{lead}}`` may hold either.

    Returns:
        A :class:`MentionsFound`.

    Raises:
        UserNotFound: Nobody has one of the e-mail addresses.
        ChannelNotFound: The app sees no channel of one of the names.
        SlackError: ``no_such_subteam``: there is no such group, or it is disabled.

    Again: it asks again.
    """

    output: ClassVar[type[Any]] = MentionsFound

    names: Mapping[str, Any] = attrs.field(
        converter=_as_names,
        validator=base.is_mapping,
        metadata={**base.DATA, "names": base.Names("any", inactive="warning")},
        repr=lambda names: f"<{', '.join(map(str, names))}>",
    )

    def output_keys(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        return {"mentions": {name: _PARTS.get(_kind(given), _ANY_PART) for name, given in self.names.items()}}

    def needs(self) -> Iterator[Need]:
        for given in self.names.values():
            kind = _kind(given)
            if kind in {"", "mention"}:
                continue
            if kind == "unknown":
                yield from user_needs(given, groups=True)
                yield from channel_needs(given)
            elif kind == "channel":
                yield from channel_needs(given)
            else:
                yield from user_needs([given], groups=False) if kind == "person" else _group_needs(given)

    def faults(self) -> Iterator[Fault]:
        if not self.names:
            yield Fault("names", "names nobody.", "Give a mapping such as {lead: ann@example.com}.")
        for name, given in self.names.items():
            if not _NAME.fullmatch(str(name)):
                yield Fault(
                    "names",
                    f"{name!r} is no name that texts can read as {{{{steps.NAME.mentions.{name}}}}}.",
                    "Take letters, digits and _.",
                )
            if _kind(given, filled=True) == "":
                what = repr(given) if isinstance(given, str) else f"a value of type {type(given).__name__}"
                yield Fault(
                    f"names.{name}",
                    f"{what} is no person, group or channel.",
                    "Give an e-mail address, @handle, #channel, an ID or a mention.",
                )

    def flow(self) -> Flow[MentionsFound]:
        found: dict[str, Markup] = {}
        for name, given in self.names.items():
            kind = _kind(given, filled=True)
            if kind == "mention":
                found[name] = given
            elif kind == "person":
                person_ref = parse_user(given)
                if person_ref.kind == "id":
                    found[name] = UserMention(person_ref.value)
                else:
                    who = yield from person(person_ref.value)
                    found[name] = UserMention(who["id"], who["name"])
            elif kind == "group":
                group = yield from group_named(given)
                found[name] = GroupMention(group["id"], group["handle"])
            else:
                room = parse_channel(given)
                found[name] = (
                    ChannelMention((yield from channel_id(given)), room.value)
                    if room.kind == "name"
                    else ChannelMention(room.value)
                )
        return MentionsFound(mentions=found)


_NAME = re.compile(r"\w+(?:-\w+)*")
_PARTS: Mapping[str, tuple[str, ...]] = {
    "person": keys_of(UserMention),
    "group": keys_of(GroupMention),
    "channel": keys_of(ChannelMention),
}
# A template may turn out to be any of them.
_ANY_PART = tuple(dict.fromkeys(part for parts in _PARTS.values() for part in parts))


def _kind(given: object, *, filled: bool = False) -> str:
    """Tell what a value names: a person, a group or a channel.

    Args:
        given: The value.
        filled: Whether it is what a context made of it, in which two braces are no template.

    Returns:
        ``person``, ``group`` or ``channel`` of a text, ``mention`` of what is one already, ``unknown`` of a template,
        and an empty text of everything else.
    """
    if isinstance(given, (UserMention, GroupMention, ChannelMention, Pending)):
        return "mention"
    if not isinstance(given, str):
        return ""
    if base.Placeholder.is_in(given) or (not filled and "{{" in given):
        return "unknown"
    if parse_group(given) is not None:
        return "group"
    try:
        parse_user(given)
    except ValueError:
        pass
    else:
        return "person"
    try:
        # A bare word may be a person's name, which cannot be looked up, so a channel's name needs its sign here.
        named = parse_channel(given)
    except ValueError:
        return ""
    return "channel" if named.kind == "id" or given.strip().startswith("#") else ""


def _group_needs(given: str) -> Iterator[Need]:
    named = parse_group(given)
    if named is not None and named.kind == "handle":
        yield Need("usergroups.list", "find a user group by its handle")
