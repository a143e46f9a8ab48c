"""Bounds that no runbook can cross, checked on each request as it would leave.

Rule of this file: what is not clearly allowed is refused. A request is judged by its method and its arguments, never by
the action that makes it, so an action of the host meets the same bounds; what only Slack knows of a channel or a group
is asked of Slack, and what cannot be found out counts as forbidden.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

from ._effects import Call, Find, Repeat
from .actions._base import Action, Need, templates as templates_of
from .actions._find import search_channel
from .errors import PolicyViolation, Problem, RunbookError, SlackError, TemplateError
from .slack_methods import METHODS, call as call_of
from .templates import Template
from .text import Placeholder, parse_channel

if TYPE_CHECKING:
    from collections.abc import Generator

    from ._effects import Effect, Flow, Request

__all__ = ["Policy", "Watch"]

_KINDS: Final = ("public", "private", "im", "mpim")
_BROADCASTS: Final = ("here", "channel", "everyone")

# Where a method names conversations: one, or several as a list or with commas between them.
_ONE: Final = ("channel", "channel_id")
_SEVERAL: Final = ("channels", "channel_ids")

# Arguments in which Slack reads mentions. Names, links and metadata are shown or kept as they are.
_TEXTS: Final = ("text", "markdown_text", "initial_comment", "topic", "purpose")
_STRUCTURES: Final = ("blocks", "attachments", "document_content", "changes")

_SEQUENCE: Final = re.compile(r"<([@!])([^<>|]*)(?:\|([^<>]*))?>")
# https://docs.slack.dev/reference/methods/canvases.create: mentions in a canvas.
_IN_CANVAS: Final = re.compile(r"!\[[^\]]*\]\(@([A-Z0-9]+)\)")
_GROUP: Final = "subteam^"
# In a text object that is not verbatim "certain mentions will be automatically parsed":
# https://docs.slack.dev/reference/block-kit/composition-objects/text-object
_BARE: Final = re.compile(r"(?<![\w@])@([a-z0-9][a-z0-9._-]*)", re.IGNORECASE)
_JOINER: Final = "\u2060"

# Methods that put a message before people.
_POSTS: Final = frozenset(
    {"chat.meMessage", "chat.postEphemeral", "chat.postMessage", "chat.scheduleMessage", "files.completeUploadExternal"}
)
_CREATES: Final = "conversations.create"
_NAMES: Final = frozenset({_CREATES, "conversations.rename"})
_INVITES: Final = "conversations.invite"
_OPENS: Final = "conversations.open"
_ARCHIVES: Final = "conversations.archive"

_SHARES: Final = "files.completeUploadExternal"

# In a rehearsal: what changes nothing that anybody sees; what may be done with a message of the rehearsal, in the
# sandbox and in channels of the app's own; and what in these last ones alone. Everything else is left alone.
_SILENT: Final = frozenset({_CREATES, _OPENS, "files.getUploadURLExternal"})
_FOLLOWS: Final = frozenset(
    {"chat.delete", "chat.deleteScheduledMessage", "chat.update"}
    | {"pins.add", "pins.remove", "reactions.add", "reactions.remove"}
)
_THERE: Final = _FOLLOWS | {
    *("bookmarks.add", "bookmarks.edit", "bookmarks.remove", "canvases.create", "conversations.canvases.create"),
    *("conversations.join", "conversations.setPurpose", "conversations.setTopic"),
}
_WITH_ITS_OWN: Final = frozenset({_ARCHIVES, "conversations.leave", "conversations.rename"})
_STAMPS: Final = ("ts", "timestamp", "message_ts", "scheduled_message_id")
_MOST_BLOCKS: Final = 50
_MOST_MARKDOWN: Final = 12_000


def _names(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    return None if value is None else _set(value)


def _set(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _elsewhere(value: Mapping[str, Policy]) -> Mapping[str, Policy]:
    given: object = value
    return MappingProxyType(dict(value)) if isinstance(given, Mapping) else value


def _texts_only(_policy: object, field: attrs.Attribute[Any], value: Iterable[object] | None) -> None:
    for entry in value or ():
        if not isinstance(entry, str) or not entry.strip():
            raise RunbookError(f"must hold texts, not {entry!r}.", place=f"Policy.{field.name}")


def _most(_policy: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise RunbookError(f"must be a whole number from 0, or None; not {value!r}.", place=f"Policy.{field.name}")


def _flag(_policy: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        raise RunbookError(f"must be True or False, not {value!r}.", place=f"Policy.{field.name}")


def _text(_policy: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str):
        raise RunbookError(f"must be text, not {type(value).__name__}.", place=f"Policy.{field.name}")


@attrs.frozen(kw_only=True)
class Policy:
    """Bounds for everything that an executor sends. A request that would cross one is refused with ``PolicyViolation``.

    Each bound is off until it is set; whatever the bounds, a method that the library does not know is refused unless
    ``methods`` names it. Functions of the host (:class:`Function`) do what they do: only requests are seen.

    Attributes:
        channels: Conversations that a request may name: ``"#inc-*"`` (a pattern of names), ``"C0123ABCD"`` (an ID),
            ``"U0123ABCD"`` (direct messages with one person), ``"@*"`` (direct messages with anybody). A channel given
            by its ID is looked up, so that no ID gets round a name.
        kinds: Types of conversations: ``"public"``, ``"private"``, ``"im"``, ``"mpim"``.
        mentions: Who may be mentioned: ``"users"``, ``"groups"``, ``"here"``, ``"channel"``, ``"everyone"``, an ID
            (``"U0123ABCD"``, ``"S0123ABCD"``), or ``"@oncall-*"`` (a pattern of group handles). ``()`` for nobody.
        most_pinged: How many people one message may ping. ``@channel`` and its like count for all members.
        most_invited: How many people one run may invite to channels, in all.
        archive_only_own: Whether only channels that the app created are archived.
        private: Whether each channel that is created must be private; an answer that is not plainly true is refused.
        channel_names: A pattern that the names of new and renamed channels must match: ``"inc-*"``; tags are filled
            from the run's context: ``"inc-{{incident.id}}*"``.
        raw: Whether templates may have raw tags, ``{{{name}}}`` and ``{{&name}}``.
        methods: Further methods that may be called though the library does not know them.
        redirect: A channel for rehearsals. Every message goes there, says for whom it was, and pings nobody. What else
            would reach people (invitations, ephemeral messages) or change a channel of others is refused.
        workspaces: Bounds for steps in other workspaces, by team ID. A workspace that is not named is refused; all
            other bounds, with their IDs and names, are those of the run's own workspace. With ``redirect``, each has to
            have a ``redirect`` of its own. What is counted in a run is counted in each workspace by itself.
    """

    channels: tuple[str, ...] | None = attrs.field(default=None, converter=_names, validator=_texts_only)
    kinds: tuple[str, ...] | None = attrs.field(default=None, converter=_names, validator=_texts_only)
    mentions: tuple[str, ...] | None = attrs.field(default=None, converter=_names, validator=_texts_only)
    most_pinged: int | None = attrs.field(default=None, validator=_most)
    most_invited: int | None = attrs.field(default=None, validator=_most)
    archive_only_own: bool = attrs.field(default=False, validator=_flag)
    private: bool = attrs.field(default=False, validator=_flag)
    channel_names: str = attrs.field(default="", validator=_text)
    raw: bool = attrs.field(default=True, validator=_flag)
    methods: tuple[str, ...] = attrs.field(default=(), converter=_set, validator=_texts_only)
    redirect: str = attrs.field(default="", validator=_text)
    workspaces: Mapping[str, Policy] = attrs.field(factory=dict, converter=_elsewhere, hash=False)

    def __attrs_post_init__(self) -> None:
        self._check_workspaces()
        for kind in self.kinds or ():
            if kind not in _KINDS:
                raise RunbookError(f"must be among {', '.join(_KINDS)}; not {kind!r}.", place="Policy.kinds")
        for entry in self.channels or ():
            if not (entry.startswith(("#", "@")) or re.fullmatch(r"[A-Z][A-Z0-9]+", entry)):
                raise RunbookError(
                    f"{entry!r} is neither a name (#inc-*), nor an ID (C0123ABCD), nor people (@*).",
                    place="Policy.channels",
                )
            if entry.startswith("@") and entry != "@*":
                raise RunbookError(f"{entry!r}: a person is named by ID (U0123ABCD).", place="Policy.channels")
        known = ("users", "groups", *_BROADCASTS)
        for entry in self.mentions or ():
            if entry not in known and not entry.startswith("@") and not re.fullmatch(r"[A-Z][A-Z0-9]+", entry):
                raise RunbookError(
                    f"{entry!r} is neither of {', '.join(known)}, nor an ID, nor a pattern of handles (@oncall-*).",
                    place="Policy.mentions",
                )
        if self.redirect:
            try:
                given = parse_channel(self.redirect)
            except ValueError as error:
                raise RunbookError(str(error), place="Policy.redirect") from None
            if given.kind == "user":
                raise RunbookError("must be a channel, not a person.", place="Policy.redirect")

    def _check_workspaces(self) -> None:
        place = "Policy.workspaces"
        given: Any = self.workspaces
        if not isinstance(given, Mapping):
            raise RunbookError("must map team IDs (T0123ABCD) to a Policy each.", place=place)
        for team, bounds in given.items():
            if not isinstance(team, str) or not re.fullmatch(r"T[A-Z0-9]+", team) or not isinstance(bounds, Policy):
                raise RunbookError(f"must map team IDs (T0123ABCD) to a Policy each, not {team!r}.", place=place)
            if bounds.workspaces:
                raise RunbookError(f"the policy of {team} has workspaces of its own.", place=place)
            if self.redirect and not bounds.redirect:
                raise RunbookError(f"in a rehearsal that of {team} needs a redirect as well.", place=place)

    def within(self, workspace: str) -> Policy | None:
        """Return the bounds in a workspace; ``None`` where no step may act.

        Args:
            workspace: Its team ID; ``""`` for the run's own.
        """
        return self.workspaces.get(workspace) if workspace else self

    def names_in(self, context: Mapping[str, Any]) -> str:
        """Return the pattern of channel names for a run.

        Raises:
            RunbookError: The context lacks what the pattern prints.
        """
        if "{{" not in self.channel_names:
            return self.channel_names
        try:
            return Template(self.channel_names).render(context, escape=_in_pattern)
        except TemplateError as error:
            raise RunbookError(str(error), place="Policy.channel_names") from None

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any] | None) -> Policy | None:
        """Return what :meth:`to_spec` gave; ``None`` for none."""
        if spec is None:
            return None
        elsewhere = {team: cls(**bounds) for team, bounds in spec.get("workspaces", {}).items()}
        fields: dict[str, Any] = {**spec, "workspaces": elsewhere}
        return cls(**fields)

    def to_spec(self) -> dict[str, Any]:
        """Return it as plain data, as a journal keeps it with a run."""
        fields = {field.name: getattr(self, field.name) for field in attrs.fields(Policy)}
        spec: dict[str, Any] = {
            name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()
        }
        # Absent where there are none, as in what earlier versions kept.
        if elsewhere := spec.pop("workspaces"):
            spec["workspaces"] = {team: bounds.to_spec() for team, bounds in elsewhere.items()}
        return spec

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only view of a mapping does not pickle.
        return Policy.from_spec, (self.to_spec(),)

    def outside(self, workspace: str) -> PolicyViolation:
        """Return the error for a step in a workspace that the policy does not name.

        Args:
            workspace: Its team ID.
        """
        named = ", ".join(self.workspaces) or "none"
        return _refused(
            f"the step acts in the workspace {workspace}; allowed besides the run's own: {named}", "workspaces"
        )

    def foresee(self, action: Action[Any], *, methods: Iterable[str], place: str) -> Iterator[Problem]:
        """Tell what is known to cross a bound before anything is sent.

        Args:
            action: The action, filled as far as it can be.
            methods: The methods that it calls.
            place: Where it stands.
        """
        called = set(methods)
        channel = getattr(action, "channel", "")
        if channel == self.redirect:
            # The sandbox is always within bounds.
            channel = ""
        if isinstance(channel, str) and channel and not Placeholder.is_in(channel) and "{{" not in channel:
            yield from _foreseen(lambda: _by_reference(self, channel, "the step"), place, "channel")
        name = getattr(action, "name", "")
        if called & _NAMES and isinstance(name, str) and not Placeholder.is_in(name) and "{{" not in self.channel_names:
            yield from _foreseen(lambda: _by_name(self, name, self.channel_names, "the step"), place, "name")
        if _CREATES in called and self.private and not Placeholder.is_in(getattr(action, "is_private", None)):
            private = getattr(action, "is_private", None)
            yield from _foreseen(lambda: _is_private(private, "the step"), place, "is_private")
        for field in ("text", "markdown_text", "initial_comment", "blocks", "markdown"):
            found = getattr(action, field, None)
            # In a rehearsal nobody is pinged, whatever a message says.
            if found and self.mentions is not None and not self.redirect:
                yield from _foreseen(lambda found=found: _by_kind(self, found), place, field)

    def tags(self, action: Action[Any], *, place: str, partials: Mapping[str, str] | None = None) -> Iterator[Problem]:
        """Tell of raw tags, where they are not allowed.

        Args:
            action: The action as its author wrote it.
            place: Where it stands.
            partials: Templates by name.
        """
        if self.raw:
            return
        for spot, template in _templates(action, place, partials):
            for name in template.raw_names:
                told = f"the policy allows no raw tags, and {{{{{{{name}}}}}}} is one (Policy.raw)."
                remedy = f"Write {{{{{name}}}}}, which shows the value as text."
                yield Problem(spot, told, remedy, error=PolicyViolation(f"{spot}: {told}", bound="raw"))

    def needs(self) -> tuple[Need, ...]:
        """Return what it has to ask of Slack, for the scopes."""
        found = []
        if self.channels or self.kinds or self.archive_only_own or self.redirect or self.most_pinged is not None:
            found.append(Need("conversations.info", "hold the policy's bounds", conversations=_KINDS[:2]))
        if self.redirect.startswith("#"):
            found.append(Need("conversations.list", "find the channel of rehearsals", conversations=_KINDS[:2]))
        elif self.kinds or self.archive_only_own or self.most_pinged is not None:
            condition = "if the channel is given by name"
            found.append(
                Need("conversations.list", "hold the policy's bounds", conversations=_KINDS[:2], condition=condition)
            )
        if self.most_pinged is not None or any(entry.startswith("@") for entry in self.mentions or ()):
            found.append(
                Need("usergroups.list", "hold the policy's bounds", condition="if a message mentions a user group")
            )
        return tuple(found)


# --- single bounds ----------------------------------------------------------------------------------------------------


def _foreseen(judge: Any, place: str, field: str) -> Iterator[Problem]:
    spot = f"{place}.{field}" if place else field
    try:
        judge()
    except PolicyViolation as error:
        yield Problem(spot, str(error), error=error)


def _by_reference(policy: Policy, given: str, what: str) -> bool | None:
    """Judge a conversation by what it is called: allowed, or ``None`` where only its facts tell."""
    if policy.channels is None:
        return True
    try:
        reference = parse_channel(given)
    except ValueError:
        try:
            reference = parse_channel(given.lower())
        except ValueError:
            raise _refused(f"{what} names {given!r}, which is no channel", "channels") from None
    if reference.value in policy.channels:
        return True
    if reference.kind == "name":
        if any(fnmatchcase(reference.value, entry[1:]) for entry in policy.channels if entry[0] == "#"):
            return True
        raise _not_there(policy, f"#{reference.value}", what)
    if reference.kind == "user":
        if "@*" in policy.channels:
            return True
        raise _not_there(policy, f"a direct message with {reference.value}", what)
    return None


def _by_fact(policy: Policy, fact: Mapping[str, Any], what: str) -> None:
    """Judge a conversation by what Slack says of it."""
    kind = _kind(fact)
    if policy.kinds is not None and kind not in policy.kinds:
        told = f"a conversation of the type {kind}" if kind else "a conversation whose type is not known"
        raise _refused(f"{what} names {told}; allowed are {', '.join(policy.kinds) or 'none'}", "kinds")
    if policy.channels is None or fact.get("id") in policy.channels:
        return
    if kind in ("im", "mpim"):
        people = [fact["user"]] if fact.get("user") else list(fact.get("users") or ())
        if "@*" in policy.channels or (people and set(people) <= set(policy.channels)):
            return
        raise _not_there(policy, "a direct message", what)
    name = fact.get("name") or ""
    if not (name and any(fnmatchcase(name, entry[1:]) for entry in policy.channels if entry[0] == "#")):
        raise _not_there(policy, f"#{name}" if name else str(fact.get("id")), what)


def _not_there(policy: Policy, where: str, what: str) -> PolicyViolation:
    return _refused(f"{what} names {where}; allowed are {', '.join(policy.channels or ()) or 'none'}", "channels")


def _by_name(policy: Policy, name: str, pattern: str, what: str) -> None:
    """Judge the name of a channel to be."""
    if pattern and not fnmatchcase(name, pattern):
        raise _refused(f"{what} names a channel {name!r}, which does not match {pattern!r}", "channel_names")
    if policy.channels is not None:
        _by_reference(policy, f"#{name}", what)


def _is_private(value: object, what: str) -> None:
    if value is not True:
        raise _refused(f"{what} creates a channel that is not plainly private (is_private is {value!r})", "private")


def _by_privacy(policy: Policy, value: object, what: str) -> None:
    """Judge whether a channel to be is private enough, or public where only those are allowed."""
    if policy.private:
        _is_private(value, what)
    if policy.kinds is None:
        return
    if value not in (True, False, None):
        raise _refused(f"{what} does not say plainly whether the channel is private (is_private is {value!r})", "kinds")
    kind = "private" if value is True else "public"
    if kind not in policy.kinds:
        raise _refused(f"{what} makes a {kind} channel; allowed are {', '.join(policy.kinds) or 'none'}", "kinds")


def _by_kind(policy: Policy, value: object) -> None:
    """Judge mentions as far as no group has to be looked up."""
    for kind, target in _mentioned(value):
        if _allowed(policy, kind, target, {}) is False:
            raise _pings(policy, kind, target)


def _allowed(policy: Policy, kind: str, target: str, handles: Mapping[str, str]) -> bool | None:
    allowed = policy.mentions
    if allowed is None or kind in allowed or target in allowed:
        return True
    patterns = [entry[1:] for entry in allowed if entry.startswith("@")]
    if kind == "handles":
        if "groups" in allowed or any(fnmatchcase(target, pattern) for pattern in patterns):
            return True
        # It is a mention where there is such a group.
        return target not in handles.values() if handles else None
    if kind != "groups" or not patterns:
        return False
    if not handles:
        return None
    handle = handles.get(target, "")
    return bool(handle) and any(fnmatchcase(handle, pattern) for pattern in patterns)


def _pings(policy: Policy, kind: str, target: str) -> PolicyViolation:
    who = f"@{target}" if kind in _BROADCASTS else target
    allowed = ", ".join(policy.mentions or ()) or "nobody"
    return _refused(f"the message mentions {who}; allowed is {allowed}", "mentions")


def _in_pattern(value: str) -> str:
    """Return a value as the characters of a channel's name that it stands for, none of which is a pattern's."""
    return re.sub(r"([\[*?])", r"[\1]", value.lower())


def _templates(action: Action[Any], place: str, partials: Mapping[str, str] | None) -> Iterator[tuple[str, Any]]:
    try:
        yield from templates_of(action, place=place, partials=partials)
    except (TemplateError, RunbookError):
        # Rendering says what is wrong with it, and nothing of it is sent.
        return


def _refused(words: str, bound: str, method: str = "") -> PolicyViolation:
    return PolicyViolation(f"The policy forbids it: {words} (Policy.{bound}).", bound=bound, method=method)


def _kind(fact: Mapping[str, Any]) -> str:
    if fact.get("is_im") is True:
        return "im"
    if fact.get("is_mpim") is True:
        return "mpim"
    if fact.get("is_private") is True:
        return "private"
    return "public" if fact.get("is_private") is False else ""


# --- mentions --------------------------------------------------------------------------------------------------------


def _mentioned(value: object, *, typed: bool = True) -> Iterator[tuple[str, str]]:
    """Yield whom a text or a structure mentions: ``users``, ``groups`` or a broadcast, and the ID or the word.

    Args:
        value: A text that Slack parses, or blocks, attachments or the content of a canvas, as data.
        typed: Whether an object's type says how its text is read; an attachment has no type.
    """
    if isinstance(value, str):
        for sign, target, _ in _SEQUENCE.findall(value):
            yield from _in_sequence(sign, target)
        for person in _IN_CANVAS.findall(value):
            yield "users", person
    elif isinstance(value, Mapping):
        yield from _in_object(value, typed=typed)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _mentioned(inner, typed=typed)


def _in_object(value: Mapping[str, Any], *, typed: bool) -> Iterator[tuple[str, str]]:
    kind = value.get("type")
    if kind == "user":
        yield "users", str(value.get("user_id", ""))
    elif kind == "usergroup":
        yield "groups", str(value.get("usergroup_id", ""))
    elif kind == "broadcast":
        yield _broadcast(str(value.get("range", "")))
    if kind == "mrkdwn" and value.get("verbatim") is not True:
        for word in _BARE.findall(str(value.get("text", ""))):
            broad = word.casefold() in _BROADCASTS
            yield (word.casefold(), word.casefold()) if broad else ("handles", word.casefold())
    # What plain text and rich text say is shown as it is.
    shown = "text" if typed and kind in ("plain_text", "text", "raw_text", "link") else ""
    for key, inner in value.items():
        if not (key == shown and isinstance(inner, str)) and not str(key).endswith(("_url", "url", "_id")):
            yield from _mentioned(inner, typed=typed or key == "blocks")


def _in_sequence(sign: str, target: str) -> Iterator[tuple[str, str]]:
    if sign == "@":
        yield "users", target
    elif target.startswith(_GROUP):
        yield "groups", target.removeprefix(_GROUP)
    elif not target.startswith("date^"):
        yield _broadcast(target)


def _broadcast(word: str) -> tuple[str, str]:
    word = word.strip().casefold()
    # An old word for the members of a private channel, and whatever else there may be, counts as the widest.
    return (word, word) if word in _BROADCASTS else ("everyone", "everyone")


def _inert(value: Any) -> Any:
    """Return a text or a structure in which no mention is left."""
    if isinstance(value, str):
        return _SEQUENCE.sub(_as_words, _IN_CANVAS.sub(lambda found: f"@{_JOINER}{found[1]}", value))
    if isinstance(value, Mapping):
        kind = value.get("type")
        if kind in ("user", "usergroup", "broadcast"):
            who = value.get("user_id") or value.get("usergroup_id") or value.get("range")
            return {"type": "text", "text": f"@{who}"}
        inert = {key: inner if str(key).endswith(("url", "_id")) else _inert(inner) for key, inner in value.items()}
        return {**inert, "verbatim": True} if kind == "mrkdwn" else inert
    return [_inert(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _as_words(found: re.Match[str]) -> str:
    _, target, label = found.groups()
    if target.startswith("date^"):
        return found[0]
    return f"@{_JOINER}" + (label or target.removeprefix(_GROUP)).removeprefix("@")


# --- requests --------------------------------------------------------------------------------------------------------


@attrs.define
class Watch:
    """One run under a policy: what it has seen of Slack, and whom it has invited.

    Attributes:
        policy: The bounds.
        channel_names: The pattern of names, filled for this run.
    """

    policy: Policy
    channel_names: str = ""
    _seen: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    _invited: set[str] = attrs.field(factory=set)
    _moved: dict[str, str] = attrs.field(factory=dict)
    _note: str = ""
    _judged_so_far: int = 0

    def learn(self, request: Request, data: Mapping[str, Any]) -> None:
        """Take note of what an answer of Slack says of conversations.

        Args:
            request: The request that was sent.
            data: The answer.
        """
        if not isinstance(request, Call):
            return
        channel = data.get("channel")
        told = [channel] if isinstance(channel, Mapping) else []
        listed = data.get("channels") if request.method == "conversations.list" else None
        for fact in (*told, *(listed or ())):
            if isinstance(fact, Mapping) and isinstance(fact.get("id"), str) and "is_private" in fact:
                self._seen[fact["id"]] = {**self._seen.get(fact["id"], {}), **fact}
        if request.method == _OPENS and told:
            people = _listed(request.arguments.get("users"))
            kind = "is_im" if len(people) == 1 else "is_mpim"
            self._seen.setdefault(str(told[0].get("id")), {"id": told[0].get("id"), kind: True, "users": people})
        if self.policy.redirect and request.method in _POSTS:
            for stamp in (data.get(key) for key in _STAMPS):
                if isinstance(stamp, str):
                    self._moved[stamp] = self._note

    def judge(self, call: Call) -> Flow[Call]:
        """Return the request as it may be sent.

        Args:
            call: The request as the action asks for it.

        Raises:
            PolicyViolation: It would cross a bound, or nobody can tell whether it would.
        """
        self._judged_so_far += 1
        try:
            # As it is now: what an own action hands over may change, or be read in two ways.
            return (yield from self._judged(attrs.evolve(call, arguments=_copied(call.arguments))))
        except PolicyViolation as error:
            error.method = call.method
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PolicyViolation(
                f"The policy forbids it: what {call.method} asks for cannot be read ({error}).",
                bound="",
                method=call.method,
            ) from error
        except SlackError as error:
            raise PolicyViolation(
                f"The policy forbids it: whether {call.method} keeps the bounds could not be found out ({error}).",
                bound="",
                method=call.method,
            ) from error

    def _judged(self, call: Call) -> Flow[Call]:
        policy, method = self.policy, call.method
        known = METHODS.get(method)
        if known is None and method not in policy.methods:
            raise _refused(f"{method} is a method that the library does not know", "methods")
        reads = known is not None and known.repeat is Repeat.READS
        sandbox = (yield from self._sandbox()) if policy.redirect else ""
        for given in _conversations(call.arguments):
            yield from self._conversation(given, method, sandbox)
        if reads:
            return call
        yield from self._bounds(call)
        if policy.redirect:
            return (yield from self._rehearsed(call, sandbox))
        if policy.mentions is not None or policy.most_pinged is not None:
            yield from self._mentions(call, known is None)
        return call

    def _bounds(self, call: Call) -> Generator[Effect, Any, None]:
        """Judge what is made, opened, archived, or to whom it reaches out."""
        policy, method, arguments = self.policy, call.method, call.arguments
        if method == _OPENS and arguments.get("users"):
            self._people(_listed(arguments["users"]))
        if method in _NAMES:
            _by_name(policy, str(arguments.get("name", "")), self.channel_names, method)
        if method == _CREATES:
            _by_privacy(policy, arguments.get("is_private"), method)
        if method == _ARCHIVES and policy.archive_only_own:
            yield from self._own(str(arguments.get("channel", "")))
        if method == _INVITES and policy.most_invited is not None:
            self._invitations(_listed(arguments.get("users")))
        patterns = any(entry.startswith("@") for entry in policy.mentions or ())
        if patterns and method in ("usergroups.create", "usergroups.update") and arguments.get("handle"):
            raise _refused(f"{method} gives a handle, by which groups are allowed to be mentioned", "mentions")

    # --- conversations -----------------------------------------------------------------------------------------------

    def _conversation(self, given: str, what: str, sandbox: str) -> Generator[Effect, Any, None]:
        policy = self.policy
        if policy.channels is None and policy.kinds is None:
            return
        if sandbox and (given == policy.redirect or (yield from self._fact(given)).get("id") == sandbox):
            return
        named = _by_reference(policy, given, what)
        if named is None or policy.kinds is not None:
            _by_fact(policy, (yield from self._fact(given)), what)

    def _people(self, people: list[str]) -> None:
        policy = self.policy
        kind = "im" if len(people) == 1 else "mpim"
        if policy.kinds is not None and kind not in policy.kinds:
            raise _refused(f"a conversation of the type {kind} is opened", "kinds")
        if policy.channels is not None and "@*" not in policy.channels and not set(people) <= set(policy.channels):
            raise _not_there(policy, f"a direct message with {', '.join(people)}", "the request")

    def _fact(self, given: str) -> Generator[Effect, Any, dict[str, Any]]:
        """Return what Slack says of a conversation, asked once in a run."""
        try:
            reference = parse_channel(given)
        except ValueError:
            reference = parse_channel(given.lower())
        if reference.kind == "user":
            return {"is_im": True, "user": reference.value}
        if reference.kind == "name":
            same = (fact for fact in self._seen.values() if fact.get("name") == reference.value)
            found = next(same, None)
            if found is None:
                key = ("name", reference.value)
                found = yield Find(key, lambda: search_channel(reference.value, archived=True))
            return found
        if reference.value not in self._seen:
            self._seen[reference.value] = yield Find(("id", reference.value), lambda: _info(reference.value))
        return self._seen[reference.value]

    def _own(self, given: str) -> Generator[Effect, Any, None]:
        fact = yield from self._fact(given)
        if not (yield from self._made(fact)):
            raise _refused(f"the app did not create {_shown(fact, given)}", "archive_only_own")

    def _made(self, fact: Mapping[str, Any]) -> Generator[Effect, Any, bool]:
        me: str = yield Find(("me",), _me)
        return bool(me) and fact.get("creator") == me

    # --- people ------------------------------------------------------------------------------------------------------

    def _invitations(self, people: list[str]) -> None:
        most = self.policy.most_invited
        together = self._invited | set(people)
        if most is not None and len(together) > most:
            raise _refused(f"the run would invite {len(together)} people; allowed are {most}", "most_invited")
        self._invited = together

    def _mentions(self, call: Call, everywhere: bool) -> Generator[Effect, Any, None]:
        policy = self.policy
        found = list(dict.fromkeys(_mentions_of(call, everywhere)))
        handles: dict[str, str] = {}
        people: set[str] = set()
        most = 0
        for kind, target in found:
            allowed = _allowed(policy, kind, target, handles)
            if allowed is None:
                handles = {group: entry["handle"] for group, entry in (yield from self._groups()).items()}
                allowed = _allowed(policy, kind, target, handles or {"": ""})
            if not allowed:
                raise _pings(policy, kind, target)
        if policy.most_pinged is None:
            return
        for kind, target in found:
            if kind == "users":
                people.add(target)
            elif kind == "handles":
                named = [group for group in (yield from self._groups()).values() if group["handle"] == target]
                people |= {person for group in named for person in group["users"]}
            elif kind == "groups":
                group = (yield from self._groups()).get(target)
                if group is None:
                    raise _refused(f"how many people are in the group {target} is not known", "most_pinged")
                people |= set(group["users"])
            else:
                most = max(most, (yield from self._size(call)))
        if max(most, len(people)) > policy.most_pinged:
            raise _refused(
                f"the message pings {max(most, len(people))} people; allowed are {policy.most_pinged}", "most_pinged"
            )

    def _groups(self) -> Generator[Effect, Any, dict[str, dict[str, Any]]]:
        # Asked anew for each request: a step before may have changed a group.
        groups: dict[str, dict[str, Any]] = yield Find(("groups", str(self._judged_so_far)), _all_groups)
        return groups

    def _size(self, call: Call) -> Generator[Effect, Any, int]:
        """Return how many members the conversation of a message has."""
        most = 0
        for given in _conversations(call.arguments):
            fact = yield from self._fact(given)
            where = str(fact.get("id") or "")
            if not where:
                return 1
            key = ("size", where, str(self._judged_so_far))
            size: object = yield Find(key, lambda where=where: _members(where))  # type: ignore[misc]
            if not isinstance(size, int):
                raise _refused("how many members the channel has is not known", "most_pinged")
            most = max(most, size)
        return most

    # --- rehearsals --------------------------------------------------------------------------------------------------

    def _rehearsed(self, call: Call, sandbox: str) -> Flow[Call]:
        """Return a request as it goes in a rehearsal."""
        method, arguments = call.method, dict(call.arguments)
        if method == "chat.postEphemeral":
            raise _refused("in a rehearsal nobody sees an ephemeral message", "redirect")
        if method in _SILENT:
            return call
        moved = [str(arguments[key]) for key in _STAMPS if str(arguments.get(key)) in self._moved]
        if method in _POSTS:
            arguments = yield from self._addressed(method, arguments, sandbox)
        elif moved and method in _FOLLOWS:
            arguments.update({key: sandbox for key in _ONE if key in arguments})
            arguments = _noted(_quiet(arguments), self._moved[moved[0]])
        else:
            yield from self._left_alone(method, arguments, sandbox)
            arguments = _quiet(arguments)
        allowed = attrs.evolve(call, arguments=arguments)
        if any(True for _ in _mentions_of(allowed, everywhere=False)):
            raise _refused("a message of a rehearsal would ping somebody", "redirect")
        return allowed

    def _left_alone(self, method: str, arguments: Mapping[str, Any], sandbox: str) -> Generator[Effect, Any, None]:
        """Refuse what changes something of others, or reaches people."""
        named = list(_conversations(arguments))
        if method not in _THERE | _WITH_ITS_OWN or not (named or method == "canvases.create"):
            raise _refused(f"in a rehearsal {method} is not called", "redirect")
        for given in named:
            fact = yield from self._fact(given)
            here = fact.get("id") == sandbox and method not in _WITH_ITS_OWN
            if not here and not (yield from self._made(fact)):
                raise _refused(f"in a rehearsal {method} leaves {_shown(fact, given)} alone", "redirect")

    def _sandbox(self) -> Generator[Effect, Any, str]:
        fact = yield from self._fact(self.policy.redirect)
        return str(fact["id"])

    def _addressed(
        self, method: str, arguments: dict[str, Any], sandbox: str
    ) -> Generator[Effect, Any, dict[str, Any]]:
        """Send a message to the sandbox, say for whom it was, and let nobody be pinged."""
        intended = list(_conversations(arguments))
        if not intended:
            # A file that is shared with nobody.
            return _quiet(arguments)
        names = []
        for given in intended:
            fact = yield from self._fact(given)
            names.append(_shown(fact, given))
        arguments = {key: value for key, value in arguments.items() if key not in (*_ONE, *_SEVERAL)}
        arguments["channel_id" if method == _SHARES else "channel"] = sandbox
        if str(arguments.get("thread_ts")) not in self._moved:
            arguments.pop("thread_ts", None)
        self._note = f"Rehearsal, meant for {', '.join(names)}:"
        arguments = _quiet(arguments)
        if not any(arguments.get(name) for name in ("text", "markdown_text", "blocks", "initial_comment")):
            arguments["initial_comment" if method == _SHARES else "text"] = ""
        return _noted(arguments, self._note)


def _noted(arguments: dict[str, Any], note: str) -> dict[str, Any]:
    """Say in a message for whom it was."""
    for name in ("text", "initial_comment"):
        if isinstance(arguments.get(name), str):
            arguments[name] = f"{note} {arguments[name]}".rstrip()
    if isinstance(arguments.get("markdown_text"), str):
        arguments["markdown_text"] = f"{note}\n\n{arguments['markdown_text']}"[:_MOST_MARKDOWN]
    blocks = arguments.get("blocks")
    if blocks and not isinstance(blocks, list):
        raise TypeError("blocks are no list")
    if blocks and len(blocks) < _MOST_BLOCKS:
        arguments["blocks"] = [{"type": "context", "elements": [{"type": "mrkdwn", "text": note}]}, *blocks]
    elif blocks:
        arguments["attachments"] = [{"text": note}, *(arguments.get("attachments") or ())]
    return arguments


def _quiet(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments in which nothing pings."""
    quiet = {key: value for key, value in arguments.items() if key not in ("link_names", "parse", "reply_broadcast")}
    for name in (*_TEXTS, *_STRUCTURES):
        if quiet.get(name):
            quiet[name] = _inert(_data(quiet[name], name))
    return quiet


def _data(value: Any, name: str) -> Any:
    """Return a structure as data; an own action may give it as JSON text, as Slack takes it."""
    if name in _STRUCTURES and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise _refused(f"{name} is text that is no JSON, so nobody can tell whom it mentions", "mentions") from None
    return value


def _mentions_of(call: Call, everywhere: bool) -> Iterator[tuple[str, str]]:
    arguments = call.arguments
    names = arguments if everywhere else [name for name in (*_TEXTS, *_STRUCTURES) if name in arguments]
    for name in names:
        yield from _mentioned(_data(arguments[name], name), typed=name != "attachments")
    if _is_on(arguments.get("link_names")) or arguments.get("parse") not in (None, "", "none"):
        # Slack looks for names by itself then: https://docs.slack.dev/messaging/formatting-message-text
        texts = [str(arguments.get(name) or "") for name in ("text", "attachments")]
        if any("@" in text for text in texts):
            yield "everyone", "everyone"


def _copied(value: Any) -> Any:
    """Return plain data as it is now, by what can be read of it in one way only."""
    if isinstance(value, Mapping):
        return {str.__str__(key): _copied(inner) for key, inner in dict.items(dict(value))}
    if isinstance(value, (list, tuple)):
        return [_copied(inner) for inner in list(value)]
    return str.__str__(value) if isinstance(value, str) else value


def _is_on(value: object) -> bool:
    return value not in (None, False, 0, "", "0", "false")


def _conversations(arguments: Mapping[str, Any]) -> Iterator[str]:
    for key in _ONE:
        if arguments.get(key):
            yield str(arguments[key])
    for key in _SEVERAL:
        yield from _listed(arguments.get(key))


def _listed(value: object) -> list[str]:
    """Return IDs that are given as a list, or as text with commas between them."""
    if not value:
        return []
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                value = json.loads(text)
            except ValueError:
                return [text]
        else:
            return [part.strip() for part in text.split(",") if part.strip()]
    return [str(part) for part in value] if isinstance(value, (list, tuple)) else [str(value)]


def _shown(fact: Mapping[str, Any], given: str) -> str:
    name = fact.get("name")
    return f"#{name}" if name else str(given).strip("<>")


def _info(channel: str) -> Flow[dict[str, Any]]:
    reply = yield call_of("conversations.info", channel=channel)
    return dict(reply["channel"])


def _members(channel: str) -> Flow[object]:
    reply = yield call_of("conversations.info", channel=channel, include_num_members=True)
    found = reply["channel"]
    return 1 if found.get("is_im") else found.get("num_members")


def _me() -> Flow[str]:
    reply = yield call_of("auth.test")
    return str(reply.get("user_id") or "")


def _all_groups() -> Flow[dict[str, dict[str, Any]]]:
    reply = yield call_of("usergroups.list", include_users=True, include_disabled=True)
    return {
        str(group.get("id")): {"handle": str(group.get("handle") or ""), "users": list(group.get("users") or ())}
        for group in reply.get("usergroups") or ()
    }
