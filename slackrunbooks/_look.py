"""What steps name in Slack before the run (channels, people, user groups), held against what Slack shows of it.

Rule of this file: no effect and no I/O. :class:`Namer` reads names off filled actions, :func:`looking` yields calls
that only read, as few as can be, and :func:`judged` weighs what they gave. What could not be looked at is told with its
reason and is never a problem; nor is what only the run can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import attrs

from ._effects import Repeat
from .actions import Action
from .actions._base import Names, Need, Placeholder, naming
from .actions._find import answers, reference
from .actions.conversations import CreateChannel, RenameChannel
from .actions.functions import Function
from .actions.members import JoinChannel
from .actions.usergroups import UpdateUserGroup
from .errors import (
    AmbiguousOutcome,
    AuthenticationFailed,
    MissingScope,
    Problem,
    RateLimited,
    SlackError,
    SlackRunbooksError,
    SlackUnavailable,
)
from .markup import ChannelMention, GroupMention, UserMention
from .slack_methods import MEMBERS_ONLY, METHODS, REFUSED_IN_ARCHIVED, call, slack_error
from .text import channel_name, parse_group, parse_user

if TYPE_CHECKING:
    from ._effects import Call, Flow
    from .runbook import Step
    from .text import ChannelRef

__all__ = [
    "TOKEN",
    "Fact",
    "Facts",
    "Identify",
    "Identity",
    "Key",
    "Look",
    "Named",
    "Namer",
    "Seen",
    "Sight",
    "Unseen",
    "channel_of",
    "judged",
    "looking",
    "remembered",
]

# 999 channels a page, and 20 requests a minute: https://docs.slack.dev/reference/methods/conversations.list
_PAGE = 999
_MOST_PAGES = 10

# Each person costs a request, and Slack promises 50 a minute for e-mail addresses:
# https://docs.slack.dev/reference/methods/users.lookupByEmail
_MOST_PEOPLE = 50

_TYPES = {"public_channel": "channels:read", "private_channel": "groups:read"}

# What tells the type of a conversation by its ID: https://docs.slack.dev/apis/web-api/using-the-conversations-api
_TYPES_OF_IDS = {"C": ("public", "private"), "G": ("private", "mpim"), "D": ("im",)}

Key: TypeAlias = tuple[str, str]
"""What is asked: ``("channel", "#incidents")``, ``("channel", "C0123")``, ``("person", "ann@example.com")``; all user
groups are one."""

_GROUPS: Key = ("groups", "")
TOKEN: Key = ("token", "")
"""Who the token is."""


@attrs.frozen
class Unseen:
    """That something could not be looked at.

    Attributes:
        reason: Why, as words that follow "because" or a colon.
        error: What the request met, if one was made.
        lacks_scope: Whether it is for want of a scope.
    """

    reason: str
    error: SlackRunbooksError | None = attrs.field(default=None, eq=False, repr=False)
    lacks_scope: bool = False


Fact: TypeAlias = Mapping[str, Any] | Unseen
"""Slack's object, empty where there is none; or why nobody could look."""

Facts: TypeAlias = Mapping[Key, Any]
"""Facts by what was asked."""


# --- who the token is ------------------------------------------------------------------------------------------------


@attrs.frozen
class Identity:
    """Who a token is and what it may do.

    Attributes:
        user_id: The bot's user ID.
        team: Name of its workspace.
        granted: Its scopes, sorted; ``None`` where the answer does not tell.
        kind: ``bot`` or ``user``; empty where the answer was not asked for it.
        answer: What else ``auth.test`` told.
    """

    user_id: str
    team: str
    granted: tuple[str, ...] | None
    kind: str = ""
    answer: Mapping[str, Any] = attrs.field(factory=dict, eq=False, repr=False)


@attrs.frozen
class Identify(Action[Identity]):
    """Ask Slack who the token is.

    Slack: https://docs.slack.dev/reference/methods/auth.test

    The header ``x-oauth-scopes`` of every answer names the token's scopes:
    https://docs.slack.dev/authentication/installing-with-oauth
    """

    output: ClassVar[type[Any]] = Identity

    def needs(self) -> tuple[Need, ...]:
        return (Need("auth.test", "tell who the token is"),)

    def flow(self) -> Flow[Identity]:
        reply = yield call("auth.test")
        header = reply.headers.get("x-oauth-scopes")
        granted = None if header is None else tuple(sorted(part.strip() for part in header.split(",") if part.strip()))
        # "bot_id" is only there for bots: https://docs.slack.dev/reference/methods/auth.test
        kind = "bot" if reply.get("bot_id") else "user"
        return Identity(str(reply.get("user_id", "")), str(reply.get("team", "")), granted, kind, reply.data)


@attrs.frozen
class Seen:
    """What a look at Slack gave: who the token is, and the facts."""

    identity: Identity | SlackRunbooksError = attrs.field(repr=False)
    facts: Facts = attrs.field(repr=lambda facts: f"<{len(facts)}>")


@attrs.frozen
class Look(Action[Seen]):
    """Change nothing; ask Slack who the token is, and for what steps name, without what is known already.

    Attributes:
        named: What steps name.
        known: Facts from earlier.
        learned: Facts that this very check has learned, which stand if the token has the same scopes still.
        granted: The scopes with which it learned them.
    """

    output: ClassVar[type[Any]] = Seen

    named: Any = attrs.field(repr=False)
    known: Any = attrs.field(repr=False)
    learned: Any = attrs.field(factory=dict, repr=False)
    granted: Any = None

    def flow(self) -> Flow[Seen]:
        identity = self.known.get(TOKEN)
        if identity is None:
            try:
                identity = yield from Identify().flow()
            except SlackRunbooksError as error:
                return Seen(error, {})
        known = {**self.known, **self.learned} if identity.granted == self.granted else self.known
        facts = yield from looking(self.named, identity.granted, known)
        return Seen(identity, {TOKEN: identity, **facts})


# --- what steps name -------------------------------------------------------------------------------------------------


@attrs.frozen
class Named:
    """Something in Slack that a step names.

    Attributes:
        what: ``channel``, ``person`` or ``group``.
        value: Its ID, its name or handle without the sign, or an e-mail address.
        by_id: Whether that is an ID.
        given: As it was given.
        step: The step.
        place: Where it stands.
        field: The place of the whole field.
        names: How the field is weighed.
        methods: The methods that the step calls in any case.
        optional: Whether the step may fail.
        open: Whether the field holds others that only the run can tell.
        makes: The step before it that makes it, so that it need not be there yet.
        may_make: The step before it that may make it, as only the run can tell.
        changed: Whether a step before it changes what a user group is.
        may_change: The step before it that may open a channel to the app, or fill a group, as only the run can tell.
        workspace: Team ID of the other workspace in which the step acts; ``""`` for the run's own.
    """

    what: Literal["channel", "person", "group"]
    value: str
    by_id: bool
    given: str
    step: str
    place: str
    field: str
    names: Names
    methods: tuple[str, ...] = ()
    optional: bool = False
    open: bool = False
    makes: str = ""
    may_make: str = ""
    changed: bool = False
    may_change: str = ""
    workspace: str = ""

    @property
    def key(self) -> Key:
        """What it takes to know it."""
        if self.what == "group":
            return _GROUPS
        return self.what, f"#{self.value}" if self.what == "channel" and not self.by_id else self.value.lower()

    @property
    def shown(self) -> str:
        """What a person calls it."""
        return {"channel": self.given, "person": self.value, "group": f"{'' if self.by_id else '@'}{self.value}"}[
            self.what
        ]


@attrs.define
class Namer:
    """Reads off the steps of a runbook, in order, what they name; and what they make for the steps behind them."""

    _rooms: dict[str, str] = attrs.field(factory=dict)
    _handles: dict[str, str] = attrs.field(factory=dict)
    _any_room: str = ""
    _any_handle: str = ""
    _opens_any: str = ""
    _fills_any: str = ""
    _groups_change: bool = False
    _function: str = ""

    @classmethod
    def after(cls, other: Namer) -> Namer:
        """Return one for another workspace, where only what may be done anywhere is done.

        Args:
            other: That of the run's own workspace.
        """
        made = cls()
        if other._function:
            made._may_do_anything(other._function)
            made._function = other._function
        return made

    def read(
        self, name: str, step: Step, actions: Sequence[tuple[str, Action[Any]]], *, runs: bool = True
    ) -> Iterator[Named]:
        """Give what a step names.

        Args:
            name: The step.
            step: The step.
            actions: Its filled actions, each with its place.
            runs: Whether it is not known to be skipped.
        """
        optional = step.on_error == "continue"
        for place, action in actions:
            methods = tuple(dict.fromkeys(need.method for need in action.needs() if not need.condition))
            for field, names in naming(action):
                where = f"{place}.{field}" if place else field
                entries = list(_entries(getattr(action, field), names, where))
                is_open = any(_is_open(given) for _, given in entries)
                for spot, given in entries:
                    for found in _read(given, names):
                        yield self._with_makers(
                            attrs.evolve(
                                found,
                                step=name,
                                place=spot,
                                field=where,
                                names=names,
                                methods=methods,
                                optional=optional,
                                open=is_open,
                            )
                        )
        if runs:
            for _, action in actions:
                self._note(name, action)

    def _with_makers(self, named: Named) -> Named:
        if named.what == "channel":
            named = attrs.evolve(named, may_change=self._opens_any)
            if named.by_id:
                return named
            return attrs.evolve(named, makes=self._rooms.get(named.value, ""), may_make=self._any_room)
        if named.what == "group":
            makes = "" if named.by_id else self._handles.get(named.value, "")
            maybe = "" if named.by_id else self._any_handle
            return attrs.evolve(
                named, makes=makes, may_make=maybe, changed=self._groups_change, may_change=self._fills_any
            )
        return named

    def _may_do_anything(self, name: str) -> None:
        self._any_room = self._any_handle = self._opens_any = self._fills_any = name

    def _note(self, name: str, action: Action[Any]) -> None:
        """Note what a step makes."""
        if isinstance(action, Function):
            # What a host's function does, nobody can tell.
            self._may_do_anything(name)
            self._function = name
        elif isinstance(action, (CreateChannel, RenameChannel)):
            if _is_open(action.name):
                self._any_room = name
            else:
                wanted = channel_name(action.name)
                self._rooms[wanted] = name
                if isinstance(action, CreateChannel) and action.if_taken == "suffix":
                    self._rooms.update({f"{wanted[:78]}-{number}": name for number in range(2, 10)})
        elif isinstance(action, UpdateUserGroup):
            self._groups_change = True
            if action.handle is not None and _is_open(action.handle):
                self._any_handle = name
            elif action.handle is not None:
                self._handles[action.handle.strip().removeprefix("@").lower()] = name
        elif isinstance(action, JoinChannel):
            if _is_open(action.channel):
                self._opens_any = name
        elif not type(action).__module__.startswith(f"{__package__}."):
            self._note_own(name, {need.method for need in action.needs()})

    def _note_own(self, name: str, methods: Collection[str]) -> None:
        """Note what a host's own action may do by the methods that it declares; one that declares none, anything."""
        if not methods:
            self._may_do_anything(name)
        if {"conversations.create", "conversations.rename"} & {*methods}:
            self._any_room = name
        if {*methods} & _OPENS:
            self._opens_any = name
        if any(each.startswith("usergroups.") and not _only_reads(each) for each in methods):
            self._any_handle = self._fills_any = name


# What may make the app a member of a channel, or a channel one that is not archived.
_OPENS = {"conversations.create", "conversations.invite", "conversations.join", "conversations.unarchive"}


def _only_reads(method: str) -> bool:
    return method in METHODS and METHODS[method].repeat is Repeat.READS


def _is_open(given: object) -> bool:
    """Tell whether only the run can tell what is named, or nobody has filled it."""
    return Placeholder.is_in(given) or (isinstance(given, str) and "{{" in given)


def _entries(value: object, names: Names, place: str) -> Iterator[tuple[str, object]]:
    """Give each single name of a field with its place."""
    if isinstance(value, (list, tuple)):
        yield from ((f"{place}[{index}]", item) for index, item in enumerate(value))
    elif isinstance(value, Mapping):
        yield from ((f"{place}.{key}", item) for key, item in value.items())
    elif isinstance(value, str) and names.kind in ("people", "channel") and "{{" not in value:
        several = [part for part in value.replace(",", " ").split() if part] if names.kind == "people" else [value]
        yield from ((place, part) for part in several)
    elif value is not None:
        yield place, value


_MENTIONS: Mapping[type[Any], Literal["channel", "person", "group"]] = {
    ChannelMention: "channel",
    UserMention: "person",
    GroupMention: "group",
}


def _read(given: object, names: Names) -> Iterator[Named]:
    """Read one name; what cannot be read is found wrong elsewhere, without asking Slack."""
    if isinstance(given, (ChannelMention, UserMention, GroupMention)):
        yield _named(_MENTIONS[type(given)], given.id, given.id, by_id=True)
    if not isinstance(given, str) or _is_open(given):
        return
    group = parse_group(given) if names.kind != "channel" else None
    if group is not None:
        yield _named("group", group.value, given, by_id=group.kind == "id")
        return
    if names.kind in ("people", "any"):
        try:
            person = parse_user(given)
        except ValueError:
            pass
        else:
            yield _named("person", person.value, given, by_id=person.kind == "id")
            return
    if names.kind in ("channel", "any"):
        try:
            channel = reference(given)
        except ValueError:
            return
        if channel.kind == "user":
            yield _named("person", channel.value, given, by_id=True)
        elif names.kind == "channel" or channel.kind == "id" or given.strip().startswith("#"):
            yield _named("channel", channel.value, given, by_id=channel.kind == "id")


def _named(what: Literal["channel", "person", "group"], value: str, given: str, *, by_id: bool) -> Named:
    return Named(what, value, by_id, given, "", "", "", Names("any"))


def channel_of(channel: ChannelRef) -> Named:
    """Name a channel that no step names.

    Args:
        channel: An ID or a name.
    """
    return _named("channel", channel.value, channel.value, by_id=channel.kind == "id")


# --- asking ----------------------------------------------------------------------------------------------------------


def looking(
    named: Iterable[Named], granted: Collection[str] | None, known: Facts | None = None
) -> Generator[Call, Any, dict[Key, Any]]:
    """Ask for what is named, in as few requests as can be.

    All channels by name take one pass over the list of channels, which serves for those by ID too; each other ID, and
    each person, takes one request, and all user groups one. What the token is known not to be allowed is not asked.

    Args:
        named: What steps name.
        granted: The token's scopes, if they are known.
        known: Facts that need not be asked for.

    Returns:
        A fact for each key.
    """
    looker = _Looker(granted, dict(known or {}))
    wanted = [each for each in named if not each.makes]
    yield from looker.channels({each.key: each.value for each in wanted if each.what == "channel"})
    yield from looker.people({each.key: each.value for each in wanted if each.what == "person"})
    if any(each.what == "group" for each in wanted):
        yield from looker.groups()
    return {each.key: looker.found[each.key] for each in wanted}


def remembered(named: Iterable[Named], facts: Facts) -> dict[tuple[str, ...], Any]:
    """Give what was found as the answers to what the actions of a run would ask.

    Args:
        named: What steps name.
        facts: What is known of it.
    """
    found: dict[tuple[str, ...], Any] = {}
    if isinstance(identity := facts.get(TOKEN), Identity):
        found.update(answers("identity", "", identity.answer))
    for each in named:
        fact = facts.get(each.key)
        # What a step before it may change, the run asks for itself; the ID of a channel or a person needs no answer.
        if not isinstance(fact, Mapping) or not fact or each.makes or each.may_make or each.changed or each.may_change:
            continue
        if each.what == "group":
            found.update(answers("groups", each.value if each.by_id else "", fact))
        elif not each.by_id:
            found.update(answers(each.what, each.value.lower(), fact))
    return found


class _Looker:
    """One look at Slack: what was found, and what need not be asked again."""

    def __init__(self, granted: Collection[str] | None, found: dict[Key, Any]) -> None:
        self.granted = granted
        self.found = found
        self._shut: dict[str, Unseen] = {}

    def ask(self, request: Call, *gone: str) -> Generator[Call, Any, Any]:
        """Make a request; return the answer, ``None`` after one of the codes that say that there is no such thing."""
        method = request.method
        if (shut := self._shut.get("") or self._shut.get(method)) is not None:
            return shut
        scopes = METHODS[method].scopes.get("any", ())
        if self.granted is not None and scopes and not set(scopes) & set(self.granted):
            self._shut[method] = _lacks(scopes)
            return self._shut[method]
        try:
            return (yield request)
        except MissingScope as error:
            why = _lacks(error.needed, error)
            if scopes:
                self._shut[method] = why
        except RateLimited as error:
            # Slack counts by method: https://docs.slack.dev/apis/web-api/rate-limits
            why = self._shut[method] = Unseen(f"Slack asks to wait {error.retry_after:g} seconds", error)
        except (SlackUnavailable, AmbiguousOutcome) as error:
            why = self._shut[""] = Unseen("Slack did not answer", error)
        except AuthenticationFailed as error:
            why = self._shut[""] = Unseen(f"Slack refused the token ({error.code})", error)
        except SlackError as error:
            if error.code in gone:
                return None
            why = Unseen(f"Slack refused {method} ({error.code})", error)
        return why

    # --- channels ----------------------------------------------------------------------------------------------------

    def channels(self, wanted: Mapping[Key, str]) -> Generator[Call, Any, None]:
        """Find channels: by one pass over the list for all names, and one request for each ID that it did not show."""
        rest = {key: value for key, value in wanted.items() if key not in self.found}
        names = {value: key for key, value in rest.items() if key[1].startswith("#")}
        ids = {value: key for key, value in rest.items() if not key[1].startswith("#")}
        if names:
            yield from self._list(names, ids)
        for value, key in ids.items():
            if key not in self.found:
                self.found[key] = yield from self._one(value)

    def _list(self, names: Mapping[str, Key], ids: Mapping[str, Key]) -> Generator[Call, Any, None]:
        """Go through the list until all names are found."""
        missed: Unseen | None = None
        for kind, scope in _TYPES.items():
            if self.found.keys() >= {*names.values()}:
                return
            why = yield from self._pages(kind, scope, names, ids)
            # With the same token a run does not see private channels either.
            if why is not None and (kind == "public_channel" or not why.lacks_scope):
                missed = missed or why
        for key in names.values():
            self.found.setdefault(key, missed or {})

    def _pages(
        self, kind: str, scope: str, names: Mapping[str, Key], ids: Mapping[str, Key]
    ) -> Generator[Call, Any, Unseen | None]:
        """Read the list of one type; return why it was not read to its end."""
        if self.granted is not None and scope not in self.granted:
            return _lacks((scope,))
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = {"types": kind, "exclude_archived": False, "limit": _PAGE, "cursor": cursor}
            listed = yield from self.ask(call("conversations.list", **page))
            if isinstance(listed, Unseen):
                return listed
            for channel in listed.get("channels") or ():
                called = (channel.get("name"), channel.get("name_normalized"))
                keys = (*(names.get(str(name)) for name in called), ids.get(str(channel.get("id"))))
                self.found.update(dict.fromkeys(filter(None, keys), channel))
            cursor = str((listed.get("response_metadata") or {}).get("next_cursor") or "") or None
            if cursor is None or self.found.keys() >= {*names.values()}:
                return None
        # More pages would use up what others may ask in this minute.
        return Unseen(f"it is not among the first {_MOST_PAGES * _PAGE:,} channels")

    def _one(self, channel: str) -> Generator[Call, Any, Fact]:
        scopes = METHODS["conversations.info"].scopes
        types = _TYPES_OF_IDS.get(channel[:1], tuple(scopes))
        needed = tuple(scope for kind in types for scope in scopes[kind])
        if self.granted is not None and not set(needed) & set(self.granted):
            return _lacks(needed)
        reply = yield from self.ask(call("conversations.info", channel=channel), "channel_not_found")
        return reply if isinstance(reply, Unseen) else _part(reply, "channel")

    # --- people ------------------------------------------------------------------------------------------------------

    def people(self, wanted: Mapping[Key, str]) -> Generator[Call, Any, None]:
        """Find people, each by a request of its own."""
        asked = 0
        for key, value in wanted.items():
            if key in self.found:
                continue
            if asked == _MOST_PEOPLE:
                self.found[key] = Unseen(f"more than {_MOST_PEOPLE} people are named")
                continue
            by_email = "@" in value
            request = call("users.lookupByEmail", email=value) if by_email else call("users.info", user=value)
            reply = yield from self.ask(request, "users_not_found" if by_email else "user_not_found")
            asked += not isinstance(reply, Unseen)
            self.found[key] = reply if isinstance(reply, Unseen) else _part(reply, "user")

    # --- user groups -------------------------------------------------------------------------------------------------

    def groups(self) -> Generator[Call, Any, None]:
        """List all user groups."""
        if _GROUPS not in self.found:
            request = call("usergroups.list", include_users=True, include_disabled=True)
            reply = yield from self.ask(request)
            groups = reply if isinstance(reply, Unseen) else {"usergroups": list(reply.get("usergroups") or ())}
            self.found[_GROUPS] = groups


def _lacks(scopes: Iterable[str], error: MissingScope | None = None) -> Unseen:
    named = " or ".join(dict.fromkeys(scopes)) or "that Slack does not name"
    return Unseen(f"that takes the scope {named}", error, lacks_scope=True)


def _part(reply: Any, name: str) -> Fact:
    """Return Slack's object out of an answer; empty for none."""
    if reply is None:
        return {}
    found = reply.get(name)
    return found if isinstance(found, Mapping) and found else Unseen("Slack's answer does not show it")


# --- weighing --------------------------------------------------------------------------------------------------------


@attrs.frozen
class Sight:
    """What is wrong with what steps name, and what could not be looked at.

    Attributes:
        problems: In the order of the steps.
        unseen: Why, by place.
        doubtful: What has to be asked again next time, because something is wrong with it or it was not seen.
    """

    problems: tuple[Problem, ...] = ()
    unseen: Mapping[str, str] = attrs.field(factory=dict)
    doubtful: frozenset[Key] = frozenset()


@attrs.frozen
class _Wrong:
    """What is wrong with one name."""

    message: str
    remedy: str = ""
    error: SlackError | None = None
    weight: Literal["error", "each", "warning"] = "error"
    passing: bool = False
    """Whether a step before it may put it right, as one that joins a channel does."""


def judged(named: Sequence[Named], facts: Facts, granted: Collection[str] | None) -> Sight:
    """Weigh what Slack shows of what steps name.

    Args:
        named: What steps name, in their order.
        facts: What :func:`looking` gave.
        granted: The token's scopes, if they are known.
    """
    joined: set[str] = set()
    found: list[tuple[Named, _Wrong | None]] = []
    unseen: dict[str, str] = {}
    doubtful: set[Key] = set()
    for each in named:
        fact = facts.get(each.key)
        if each.makes or fact is None:
            continue
        if isinstance(fact, Unseen):
            unseen[each.place] = f"{each.shown} was not looked at: {fact.reason}"
            doubtful.add(each.key)
            found.append((each, None))
            continue
        wrong = _JUDGES[each.what](each, fact, granted, joined)
        if wrong is not None and each.may_make and not _is_there(each, fact):
            told = wrong.message.rstrip(".")
            unseen[each.place] = f"{told} now; whether step {each.may_make!r} makes it, only the run can tell"
            doubtful.add(each.key)
            wrong = None
        if wrong is not None and wrong.passing and each.may_change:
            told = wrong.message.rstrip(".")
            unseen[each.place] = f"{told} now; whether step {each.may_change!r} changes that, only the run can tell"
            doubtful.add(each.key)
            wrong = None
        found.append((each, wrong))
        if wrong is not None:
            doubtful.add(each.key)
    # A step that goes on without some of its people does not go on without all of them.
    alive = {each.field for each, wrong in found if wrong is None or wrong.weight == "warning" or each.open}
    problems = tuple(_problem(each, wrong, each.field in alive) for each, wrong in found if wrong is not None)
    return Sight(problems, unseen, frozenset(doubtful))


def _problem(each: Named, wrong: _Wrong, others: bool) -> Problem:
    doubt = each.optional or wrong.weight == "warning" or (wrong.weight == "each" and others)
    return Problem(each.place, wrong.message, wrong.remedy, severity="warning" if doubt else "error", error=wrong.error)


def _is_there(each: Named, fact: Mapping[str, Any]) -> bool:
    return bool(_group_in(each, fact) if each.what == "group" else fact)


def _as_slack(method: str, code: str, message: str, weight: Any = "error", remedy: str = "") -> _Wrong:
    """Say what Slack would say to the step."""
    error = slack_error(method, {"ok": False, "error": code})
    return _Wrong(message, " ".join(filter(None, (error.remedy, remedy))), error, weight)


def _judge_channel(
    each: Named, channel: Mapping[str, Any], granted: Collection[str] | None, joined: set[str]
) -> _Wrong | None:
    acts = [name for name in each.methods if name in METHODS and METHODS[name].repeat is not Repeat.READS]
    acts = [name for name in acts if name.startswith(_IN_CHANNELS)]
    first = next(iter((*acts, *each.methods)), "chat.postMessage")
    if not channel:
        private = granted is not None and "groups:read" not in granted
        more = "Private channels were not searched: the token lacks groups:read." if private else ""
        return _as_slack(first, "channel_not_found", f"the app sees no channel {each.given}.", remedy=more)
    channel_id, is_private = str(channel.get("id")), bool(channel.get("is_private"))
    if is_private and not each.by_id and acts and "conversations.list" not in each.methods:
        # Slack itself finds the channel then, and public ones only:
        # https://docs.slack.dev/reference/methods/chat.postMessage#channels
        message = f"{each.given} is private, and {first} takes a private channel by its ID only."
        return attrs.evolve(_as_slack(first, "channel_not_found", message), remedy=f"Give its ID, {channel_id}.")
    if channel.get("is_archived"):
        archived = _archived(each, acts, channel_id)
        return archived and attrs.evolve(archived, passing=True)
    if "conversations.join" in acts:
        if is_private:
            message = f"{each.given} is private, and no app can join it by itself."
            return _as_slack("conversations.join", "method_not_supported_for_channel_type", message)
        joined.add(channel_id)
    if channel.get("is_member") is not False or channel_id in joined:
        return None
    refused = [name for name in each.methods if name in MEMBERS_ONLY]
    if not is_private and (granted is None or "chat:write.public" in granted):
        # It lets an app post where it is not a member, and no more:
        # https://docs.slack.dev/reference/scopes/chat.write.public
        refused = [name for name in refused if name != "chat.postMessage"]
    if not refused:
        return None
    wrong = _as_slack(refused[0], "not_in_channel", f"the app is not a member of {each.given}.")
    return attrs.evolve(wrong, passing=True)


# Methods that do something to a channel, among all that a step may call.
_IN_CHANNELS = ("bookmarks.", "canvases.", "chat.", "conversations.", "files.", "pins.", "reactions.")


def _archived(each: Named, acts: Sequence[str], channel_id: str) -> _Wrong | None:
    """Say what comes of a step in an archived channel: it can be read, and archived again."""
    refused = next((name for name in acts if name in REFUSED_IN_ARCHIVED), None)
    message = f"{each.given} is archived."
    if refused is not None:
        return _as_slack(refused, REFUSED_IN_ARCHIVED[refused], message)
    if not each.by_id and "conversations.list" in each.methods and "conversations.archive" not in acts:
        # The step itself looks among those that are not archived, as whoever wants to act there must.
        message = f"{each.given} is archived, and so the step does not find it by its name."
        wrong = _as_slack("conversations.list", "channel_not_found", message)
        return attrs.evolve(wrong, remedy=f"Give its ID, {channel_id}, or let a person unarchive it in Slack.")
    others = [name for name in acts if name != "conversations.archive"]
    if not others:
        return None
    return _Wrong(
        message,
        f"No page says what {others[0]} does there. Let a person unarchive it in Slack, or name another channel.",
        weight="warning",
    )


def _judge_person(
    each: Named, person: Mapping[str, Any], granted: Collection[str] | None, joined: set[str]
) -> _Wrong | None:
    del granted, joined
    if person and not person.get("deleted"):
        return None
    if person:
        if not each.names.inactive:
            return None
        return _Wrong(
            f"the account of {each.shown} is deactivated.",
            "Name somebody who is there, or have the account activated again.",
            weight=each.names.inactive,
        )
    if each.by_id:
        return _as_slack(
            "users.info", "user_not_found", f"nobody in this workspace has the ID {each.shown}.", each.names.missing
        )
    message = f"nobody who is active in this workspace has the e-mail address {each.shown}."
    return _as_slack("users.lookupByEmail", "users_not_found", message, each.names.missing)


def _group_in(each: Named, listed: Mapping[str, Any]) -> Mapping[str, Any]:
    field = "id" if each.by_id else "handle"
    groups = (group for group in listed["usergroups"] if str(group.get(field)).lower() == each.value.lower())
    return next(groups, {})


_SEE_GROUPS = "See People & user groups in Slack."


def _judge_group(
    each: Named, listed: Mapping[str, Any], granted: Collection[str] | None, joined: set[str]
) -> _Wrong | None:
    del granted, joined
    group = _group_in(each, listed)
    if not group:
        message = f"there is no user group {each.shown} in this workspace."
        return attrs.evolve(
            _as_slack("usergroups.users.list", "no_such_subteam", message, each.names.missing), remedy=_SEE_GROUPS
        )
    if group.get("date_delete"):
        weight = "warning" if each.names.kind == "any" else each.names.missing
        return attrs.evolve(
            _as_slack("usergroups.users.list", "no_such_subteam", f"the user group {each.shown} is disabled.", weight),
            remedy=f"Enable it, or name another. {_SEE_GROUPS}",
            passing=True,
        )
    if each.names.kind == "people" and not each.changed and group.get("users") == []:
        message = f"nobody is in the user group {each.shown}."
        remedy = "Add somebody to it, or name the people themselves."
        wrong = _as_slack("usergroups.list", "users_not_found", message, each.names.missing)
        return attrs.evolve(wrong, remedy=remedy, passing=True)
    return None


_JUDGES: Mapping[str, Any] = {"channel": _judge_channel, "person": _judge_person, "group": _judge_group}
