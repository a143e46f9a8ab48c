"""Facts that only Slack knows, each looked up at most once in a run: a channel by name, a person by e-mail, ourselves.

Rule of this file: every call here only reads, and a result is plain data, so that a run can keep and share it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from .._effects import Find, Forget
from ..errors import ChannelNotFound, MissingScope, SlackError, UserNotFound
from ..slack_methods import call
from ..text import ChannelRef, GroupRef, emoji_name, parse_channel, parse_group, parse_user
from ._base import Fault, Need, Placeholder

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from .._effects import Call, Effect, Flow

__all__ = [
    "CHANGED_GROUPS",
    "People",
    "answers",
    "bad_channel",
    "bad_emoji",
    "bad_group",
    "bad_limit",
    "bad_ts",
    "bad_users",
    "channel_address",
    "channel_id",
    "channel_needs",
    "find_channel",
    "group_details",
    "group_id",
    "group_members",
    "group_named",
    "identity",
    "nobody_in",
    "outdated",
    "people_of",
    "person",
    "person_by_email",
    "read_pages",
    "reference",
    "search_channel",
    "user_id",
    "user_needs",
]

# conversations.list takes "an integer under 1000" and has 20 requests a minute, so pages are as large as they may be:
# https://docs.slack.dev/reference/methods/conversations.list
_PAGE = 999

# "We recommend no more than 200 results at a time": https://docs.slack.dev/reference/methods/conversations.replies
_READ_AT_ONCE = 200

_IDENTITY = ("user_id", "user", "bot_id", "team_id", "team")

_NAME_REMEDY = (
    "Check the spelling; a private channel is found only with the scope groups:read and after the app was invited. "
    "Or give the channel's ID (channel details, at the bottom)."
)


def answers(
    what: Literal["identity", "channel", "person", "groups"], named: str, shown: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give what Slack shows of something as the answers to what an action would ask of it.

    Args:
        what: What it is.
        named: The name of the channel, the e-mail address of the person, or the ID of the group; else ``""``.
        shown: Slack's object; of groups the list, as ``usergroups``.
    """
    if what == "identity":
        yield ("identity",), {key: shown.get(key) for key in _IDENTITY}
    elif what == "person":
        yield ("user", named), _cut_user(shown)
    elif what == "groups":
        groups = [_cut_group(group) for group in shown.get("usergroups") or ()]
        if named:
            yield from (((_GROUPS, named), list(each["users"] or ())) for each in groups if each["id"] == named)
        else:
            yield (_GROUPS, "all"), groups
    elif not shown.get("is_archived"):
        yield ("channel", named), _cut_channel(shown)


def outdated(request: Call, data: Mapping[str, Any], memo: Mapping[tuple[str, ...], Any]) -> list[tuple[str, ...]]:
    """Tell what of what was looked up does not hold any longer, because a channel has another name or is new.

    Args:
        request: The request that was carried out.
        data: Slack's answer.
        memo: What was looked up.
    """
    if request.method not in ("conversations.create", "conversations.rename"):
        return []
    channel = data.get("channel")
    of = channel if isinstance(channel, Mapping) else {}
    gone = {request.arguments.get("channel"), of.get("id")} - {None}
    called = {request.arguments.get("name"), of.get("name")} - {None}
    return [
        key
        for key, fact in memo.items()
        if isinstance(fact, Mapping) and "is_archived" in fact and (fact.get("id") in gone or called & {*key})
    ]


def identity() -> Generator[Effect, Any, dict[str, Any]]:
    """Look up who the token is (``user_id``, ``team_id``, …)."""
    answer: dict[str, Any] = yield Find(("identity",), _identity)
    return answer


def _identity() -> Flow[dict[str, Any]]:
    reply = yield call("auth.test")
    return {key: reply.get(key) for key in _IDENTITY}


def find_channel(name: str, *, archived: bool = False) -> Generator[Effect, Any, dict[str, Any]]:
    """Look up a channel by its name.

    Args:
        name: The name, without ``#``.
        archived: Whether an archived channel counts.

    Returns:
        Slack's channel object, cut down to what actions use.

    Raises:
        ChannelNotFound: The app sees no such channel.
        MissingScope: The token may list neither public nor private channels.
    """
    key = ("channel", name, "archived") if archived else ("channel", name)
    channel: dict[str, Any] = yield Find(key, lambda: search_channel(name, archived=archived))
    return channel


def search_channel(name: str, *, archived: bool) -> Flow[dict[str, Any]]:
    """Ask Slack for a channel by its name, page by page; as :func:`find_channel`, and asked each time."""
    refused: list[MissingScope] = []
    # One type at a time: a request that names a type the token may not list is refused as a whole.
    for types in ("public_channel", "private_channel"):
        cursor: str | None = None
        while True:
            try:
                reply = yield call(
                    "conversations.list", types=types, exclude_archived=not archived, limit=_PAGE, cursor=cursor
                )
            except MissingScope as error:
                refused.append(error)
                break
            for channel in reply.get("channels", ()):
                if name in (channel.get("name"), channel.get("name_normalized")):
                    return _cut_channel(channel)
            cursor = (reply.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
    if len(refused) == 2:
        raise refused[0]
    unseen = " Private channels were not searched: the token lacks groups:read." if refused else ""
    raise ChannelNotFound(
        "channel_not_found",
        method="conversations.list",
        detail=f"no channel named {name!r} that the app can see",
        remedy=_NAME_REMEDY + unseen,
    )


def _cut_channel(channel: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("id", "name", "creator", "created", "is_archived", "is_private", "is_general", "is_member")
    purpose: str = (channel.get("purpose") or {}).get("value") or ""
    return {**{key: channel.get(key) for key in kept}, "purpose": purpose}


def reference(channel: str) -> ChannelRef:
    """Read a channel field. A name may have capitals, as ``incident-{{Activity.id}}`` does, for Slack's never have any.

    Args:
        channel: ID, ``#name``, name or link.

    Raises:
        ValueError: It is none of these; the message says what to write.
    """
    try:
        return parse_channel(channel)
    except ValueError as error:
        with contextlib.suppress(ValueError):
            lowered = parse_channel(channel.lower())
            if lowered.kind == "name":
                return lowered
        raise error from None


def channel_id(channel: str) -> Generator[Effect, Any, str]:
    """Give the ID of a channel for a method that takes nothing else; a name costs a look-up.

    Args:
        channel: ID, ``#name``, name or link.
    """
    given = reference(channel)
    if given.kind != "name":
        return given.value
    found = yield from find_channel(given.value)
    return str(found["id"])


def channel_address(channel: str) -> str:
    """Give what ``chat.postMessage`` takes: an ID, or the name of a public channel, which needs no look-up.

    Source: https://docs.slack.dev/reference/methods/chat.postMessage#channels
    """
    given = reference(channel)
    return f"#{given.value}" if given.kind == "name" else given.value


def channel_needs(channel: str) -> Iterator[Need]:
    """Name the method that finds the channel, where it is given by name."""
    if "{{" in channel:
        # A text around a tag makes a name; a tag alone may hold either, but of an earlier step it is an ID.
        if not channel.strip().startswith("{{"):
            yield _list_need()
        elif "{steps." not in channel.replace(" ", ""):
            yield _list_need("if the channel is given by name")
    elif not Placeholder.is_in(channel):
        try:
            given = reference(channel)
        except ValueError:
            return
        if given.kind == "name":
            yield _list_need()


def _list_need(condition: str = "") -> Need:
    return Need(
        "conversations.list", "find a channel by its name", conversations=("public", "private"), condition=condition
    )


def user_id(user: str) -> Generator[Effect, Any, str]:
    """Give the ID of a person; an e-mail address costs a look-up.

    Args:
        user: User ID, mention or e-mail address.
    """
    given = parse_user(user)
    if given.kind == "id":
        return given.value
    found = yield from person(given.value)
    return found["id"]


def person(email: str) -> Generator[Effect, Any, dict[str, str]]:
    """Give ID and name of whoever has an e-mail address, asked once in a run.

    Args:
        email: The address.
    """
    found: dict[str, str] = yield Find(("user", email.lower()), lambda: _find_user(email))
    return found


def _find_user(email: str) -> Flow[dict[str, str]]:
    return _cut_user((yield from person_by_email(email)))


def _cut_user(user: Mapping[str, Any]) -> dict[str, str]:
    return {"id": str(user["id"]), "name": str(user.get("name") or "")}


def person_by_email(email: str) -> Generator[Effect, Any, dict[str, Any]]:
    """Ask Slack for the user object of whoever has an e-mail address.

    Args:
        email: The address.

    Raises:
        UserNotFound: Nobody in the workspace has it; the error names it.
    """
    try:
        reply = yield call("users.lookupByEmail", email=email)
    except UserNotFound as error:
        raise UserNotFound(
            error.code,
            method=error.method,
            detail=f"nobody in this workspace has the e-mail address {email}",
            remedy="Check the address in the person's Slack profile, or give the user ID.",
        ) from None
    user: dict[str, Any] = reply["user"]
    return user


# What is asked about user groups, so that a step which changes one can have all of it forgotten.
_GROUPS = "usergroups"

CHANGED_GROUPS = Forget((_GROUPS,))
"""What a step yields that changes a user group, or must not rest on what the run saw of one earlier."""


def _usergroups() -> Flow[list[dict[str, Any]]]:
    reply = yield call("usergroups.list", include_users=True, include_disabled=True)
    return [_cut_group(group) for group in reply.get("usergroups") or ()]


def _cut_group(group: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("id", "handle", "name", "description", "users", "date_delete")
    return {**{key: group.get(key) for key in kept}, "channels": _default_channels(group)}


def _default_channels(group: Mapping[str, Any]) -> list[str]:
    # Private channels are listed apart: https://docs.slack.dev/reference/objects/usergroup-object
    prefs = group.get("prefs") or {}
    return [*(prefs.get("channels") or ()), *(prefs.get("groups") or ())]


def _usergroup_users(group: str) -> Flow[list[str]]:
    reply = yield call("usergroups.users.list", usergroup=group)
    return [str(user) for user in reply.get("users") or ()]


def _all_groups() -> Generator[Effect, Any, list[dict[str, Any]]]:
    groups: list[dict[str, Any]] = yield Find((_GROUPS, "all"), _usergroups)
    return groups


def _no_group(shown: str, detail: str) -> SlackError:
    return SlackError(
        "no_such_subteam",
        method="usergroups.list",
        detail=detail,
        remedy=f"Check {shown!r} under People & user groups in Slack; a disabled group has to be enabled first.",
    )


def nobody_in(group: str) -> UserNotFound:
    """Make the error that says that a user group has no members.

    ``users_not_found`` is what usergroups.list calls it: https://docs.slack.dev/reference/methods/usergroups.list#errors

    Args:
        group: The group as it was given.
    """
    return UserNotFound(
        "users_not_found",
        method="usergroups.list",
        detail=f"nobody is in the user group {group}",
        remedy="Add somebody to the group in Slack or with UpdateUserGroup, or name the people themselves.",
    )


def _pick(groups: Iterable[dict[str, Any]], wanted: GroupRef) -> dict[str, Any]:
    field = "id" if wanted.kind == "id" else "handle"
    shown = wanted.value if wanted.kind == "id" else f"@{wanted.value}"
    found = next((group for group in groups if str(group.get(field)).lower() == wanted.value.lower()), None)
    if found is None:
        raise _no_group(shown, f"no user group {shown} in this workspace")
    if found.get("date_delete"):
        raise _no_group(shown, f"the user group {shown} is disabled")
    return found


def _group_ref(group: str) -> GroupRef:
    wanted = parse_group(group)
    if wanted is None:
        raise ValueError(f"{group!r} is no user group")
    return wanted


def group_id(group: str) -> Generator[Effect, Any, str]:
    """Give the ID of a user group; a handle costs a look-up, which the whole run shares.

    Args:
        group: Its ID, mention or handle.

    Raises:
        SlackError: ``no_such_subteam``: there is no such group, or it is disabled.
    """
    return (yield from group_named(group))["id"]


def group_named(group: str) -> Generator[Effect, Any, dict[str, str]]:
    """Give ID and handle of a user group; as :func:`group_id`."""
    wanted = _group_ref(group)
    if wanted.kind == "id":
        return {"id": wanted.value, "handle": ""}
    found = _pick((yield from _all_groups()), wanted)
    return {"id": str(found["id"]), "handle": str(found.get("handle") or "")}


def group_details(group: str) -> Generator[Effect, Any, dict[str, Any]]:
    """Give a user group: ``id``, ``handle``, ``name``, ``description``, ``users`` and the IDs of its ``channels``.

    Args:
        group: Its ID, mention or handle.

    Raises:
        SlackError: ``no_such_subteam``: there is no such group, or it is disabled.
    """
    return _pick((yield from _all_groups()), _group_ref(group))


def group_members(
    groups: Iterable[str], *, listed: bool = False
) -> Generator[Effect, Any, dict[str, tuple[str, ...] | SlackError]]:
    """Give the members of user groups with the fewest requests: one, however many groups there are.

    Args:
        groups: IDs, mentions or handles.
        listed: Whether the list of all groups is needed anyway, so that it serves for a single ID too.

    Returns:
        For each group as it was given the user IDs of its members, or why there are none.
    """
    wanted = {group: ref for group in dict.fromkeys(groups) if (ref := parse_group(group)) is not None}
    found: dict[str, tuple[str, ...] | SlackError] = {}
    if not listed and (only := _single(wanted.values())):
        try:
            users = yield Find((_GROUPS, only), lambda: _usergroup_users(only))
            return dict.fromkeys(wanted, tuple(users))
        except SlackError as error:
            if error.code != "no_such_subteam":
                raise
            return dict.fromkeys(wanted, error)
    known = (yield from _all_groups()) if wanted else []
    for given, ref in wanted.items():
        try:
            found[given] = tuple(_pick(known, ref).get("users") or ())
        except SlackError as error:
            found[given] = error
    return found


def _single(groups: Iterable[GroupRef]) -> str:
    """Return the ID if all of them are one group, given by its ID; else nothing."""
    refs = set(groups)
    return next(iter(refs)).value if len(refs) == 1 and all(ref.kind == "id" for ref in refs) else ""


@attrs.frozen
class People:
    """Whom people and user groups come to.

    Attributes:
        given: What named each person, by user ID: the text as it was given, or the ID of a member of a group.
        groups: The members of each group that has any, by the group as it was given.
        failed: Why somebody, or a group, stands for nobody, by what was given.
        besides: The members of the groups that were asked for besides, or why there are none.
    """

    given: dict[str, str] = attrs.field(factory=dict)
    groups: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    failed: dict[str, SlackError] = attrs.field(factory=dict)
    besides: dict[str, tuple[str, ...] | SlackError] = attrs.field(factory=dict)

    @property
    def ids(self) -> list[str]:
        """Everybody's user ID, each once, in the order in which they were named."""
        return list(self.given)

    def everybody(self) -> list[str]:
        """Give :attr:`ids`, or raise the first of the errors."""
        for error in self.failed.values():
            raise error
        return self.ids


def people_of(
    users: Iterable[str], *, besides: Sequence[str] = (), listed: bool = False
) -> Generator[Effect, Any, People]:
    """Find out whom people and user groups come to, with the fewest requests.

    Args:
        users: User IDs, mentions, e-mail addresses and user groups in any mixture.
        besides: Groups whose members the step asks for as well, so that one request answers for all.
        listed: As for :func:`group_members`.
    """
    named = list(dict.fromkeys(users))
    groups = [user for user in named if parse_group(user) is not None]
    members = yield from group_members([*groups, *besides], listed=listed)
    found = People(besides={group: members[group] for group in besides if group in members})
    themselves: set[str] = set()
    for user in named:
        try:
            inside = members.get(user)
            if isinstance(inside, SlackError):
                raise inside
            if inside is None:
                known = yield from user_id(user)
                # Whoever is a member of a group and named besides is told by the name.
                if known not in themselves:
                    found.given[known] = user
                    themselves.add(known)
            elif inside:
                found.groups[user] = inside
                for member in inside:
                    found.given.setdefault(member, member)
            else:
                raise nobody_in(user)
        except SlackError as error:
            if not (isinstance(error, UserNotFound) or error.code == "no_such_subteam"):
                raise
            found.failed[user] = error
    return found


def user_needs(
    users: str | Iterable[str], *, groups: bool = False, besides: Sequence[str] = (), listed: bool = False
) -> Iterator[Need]:
    """Name the methods that find people, where one is given by e-mail, or by a group if groups are taken.

    Args:
        users: As in the action, filled or not.
        groups: Whether user groups are taken.
        besides: As for :func:`people_of`.
        listed: As for :func:`group_members`.
    """
    given = users.replace(",", " ").split() if isinstance(users, str) and "{{" not in users else users
    given = [given] if isinstance(given, str) else list(given)
    named = [parse_group(user) for user in (*given, *besides)] if groups else []
    refs = [ref for ref in named if ref is not None]
    emails = [user for user in given if "@" in user and not user.lstrip().startswith("<") and parse_group(user) is None]
    if emails:
        yield Need("users.lookupByEmail", "look up people by e-mail")
    elif any("{{" in user for user in given):
        yield Need("users.lookupByEmail", "look up people by e-mail", condition="if people are given by e-mail address")
    unknown = groups and any("{{" in user for user in given)
    if refs or besides:
        # Which of the two methods a template comes to, only the run can tell; they need the same scope.
        one = _single(refs) and not listed and all(parse_group(group) is not None for group in besides)
        yield Need("usergroups.users.list" if one else "usergroups.list", "see who is in the user groups")
        unknown = unknown and bool(one)
    if unknown:
        yield Need("usergroups.list", "see who is in the user groups", condition="if user groups are given")


def read_pages(
    method: str, key: str, most: int | str | None, **arguments: Any
) -> Generator[Effect, Any, tuple[list[Any], bool]]:
    """Read a list in pages until it ends or is long enough.

    Args:
        method: The method that has the list.
        key: Its name in the answer.
        most: Most items to return; ``None`` for all.
        **arguments: The method's other arguments.

    Returns:
        The items, each once (a page of a thread may begin with its first message again), and whether there are more.
    """
    wanted = None if most is None else int(most)
    found: dict[Any, Any] = {}
    cursor: str | None = None
    while True:
        size = _READ_AT_ONCE if wanted is None else min(_READ_AT_ONCE, wanted - len(found))
        reply = yield call(method, **arguments, limit=size, cursor=cursor)
        for item in reply.get(key) or ():
            found.setdefault(item["ts"] if isinstance(item, dict) else item, item)
        # A page may be short, or empty, and not the last one: only the cursor tells.
        cursor = (reply.get("response_metadata") or {}).get("next_cursor") or None
        if cursor is None or (wanted is not None and len(found) >= wanted):
            return list(found.values())[:wanted], cursor is not None or (wanted is not None and len(found) > wanted)


def bad_limit(limit: int | str | None, *, field: str = "limit") -> Iterator[Fault]:
    """Say what is wrong with a filled limit."""
    if isinstance(limit, int) and limit < 1:
        yield Fault(field, f"is {limit}, which asks for nothing.", "Give a number from 1, or leave it out.")


def bad_channel(channel: str, *, person: bool = False) -> Iterator[Fault]:
    """Say what is wrong with a filled channel field; only ``chat.postMessage`` takes a person's ID for one."""
    if Placeholder.is_in(channel):
        return
    try:
        given = reference(channel)
    except ValueError as error:
        yield Fault("channel", str(error))
        return
    if given.kind == "user" and not person:
        yield Fault(
            "channel", f"{channel!r} is a person's ID, and this step needs a channel.", "Give the channel's ID."
        )


def bad_ts(field: str, ts: str | None, *, needed: bool = False) -> Iterator[Fault]:
    """Say what is wrong with the filled ``ts`` of a message, which may be left empty unless it is needed."""
    if needed and not ts:
        yield Fault(field, "is empty.", "Give the ts of the message, such as {{steps.announce.ts}}.")
    if not ts or Placeholder.is_in(ts):
        return
    whole, point, fraction = ts.partition(".")
    if not (point and whole.isdecimal() and fraction.isdecimal() and len(fraction) == 6):
        yield Fault(field, f"{ts!r} is no ts.", "Slack's ts has six digits behind the point: 1503435956.000247.")


def bad_emoji(field: str, name: str) -> Iterator[Fault]:
    """Say what is wrong with the filled name of an emoji."""
    if Placeholder.is_in(name):
        return
    try:
        emoji_name(name)
    except ValueError as error:
        yield Fault(field, str(error))


def bad_group(field: str, group: str) -> Iterator[Fault]:
    """Say what is wrong with a filled field of one user group."""
    if not Placeholder.is_in(group) and parse_group(group) is None:
        yield Fault(field, f"{group!r} is no user group.", _GIVE_GROUP)


_GIVE_GROUP = "Give a user group by its ID (S0123ABCD) or its handle (@on-call)."
_NO_GROUP = "A user group's members are people: list them in a step before this one, with ListUserGroupMembers."


def bad_users(field: str, users: str | Iterable[str], *, groups: bool = False) -> Iterator[Fault]:
    """Say what is wrong with a filled field of people, or of people and user groups."""
    given = [users] if isinstance(users, str) else list(users)
    if not given:
        yield Fault(field, "names nobody.", "Give user IDs or e-mail addresses.")
    wrong: list[str] = []
    remedy = ""
    for user in given:
        if not Placeholder.is_in(user) and not (groups and parse_group(user) is not None):
            try:
                parse_user(user)
            except ValueError as error:
                if not wrong:
                    remedy = _GIVE_GROUP if groups else _NO_GROUP if parse_group(user) is not None else ""
                wrong.append(str(error))
    if wrong:
        more = f"{len(wrong) - 1} more are wrong likewise." if len(wrong) > 1 else ""
        yield Fault(field, wrong[0], " ".join(filter(None, (remedy, more))))
