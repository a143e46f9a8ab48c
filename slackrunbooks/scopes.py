"""Which OAuth scopes a runbook needs, worked out from its actions and their options, and held against a token's.

Rule of this file: pure arithmetic over what actions say of themselves (``Action.needs``) and what Slack documents of
each method (``slack_methods``). Nothing here knows one action from another.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import attrs

from ._effects import Repeat
from .actions._base import Action, Need
from .actions._find import channel_needs
from .errors import RunbookError
from .slack_methods import METHODS, REQUESTED_WITH
from .text import parse_channel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

__all__ = [
    "HasAction",
    "HasSteps",
    "Requirement",
    "ScopeAudit",
    "ScopeRequirements",
    "Subject",
    "checked_scopes",
    "required_scopes",
    "scopes_of",
    "settling",
    "with_companions",
]

# As an author writes it, or as a placeholder in a filled field.
_STEP_OUTPUT = re.compile(r"(?:\{\{[{&]?\s*|‹\u2060?)steps\.([a-z][a-z0-9_]*)\.channel(?:\s*\}?\}\}|›)")
# Such as "users:read.email", "incoming-webhook" and "admin.apps:write"; Slack has no list of them all.
_SCOPE = re.compile(r"[a-z][a-z0-9._-]{0,60}(?::[a-z0-9._-]{1,60})?")

_TYPES = ("public", "private", "im", "mpim")
_TYPE_WORDS = {
    "public": "public channel",
    "private": "private channel",
    "im": "direct message",
    "mpim": "group message",
}


@runtime_checkable
class HasAction(Protocol):
    """A step of a runbook: something that holds an action."""

    @property
    def action(self) -> Action[Any]:
        """The action."""
        ...


@runtime_checkable
class HasSteps(Protocol):
    """A runbook: something that holds steps by name."""

    @property
    def steps(self) -> Mapping[str, Any]:
        """The steps by name, in order."""
        ...


Subject: TypeAlias = Action[Any] | HasAction | HasSteps
"""What scopes can be worked out for."""


@attrs.frozen
class Requirement:
    """One permission that something needs: any one of its alternatives is enough.

    Attributes:
        method: The Web API method that asks for it.
        alternatives: The scopes by type of conversation (``public``, ``private``, ``im``, ``mpim``; ``any`` where the
            type does not matter). Within a type any one scope is enough. Several types mean that the type is not
            known before the run.
        step: Name of the step, or of the action's class.
        why: What for, as words that follow "to".
        condition: When it is needed; empty for always.
        optional: Whether the runbook does without: the step may fail (``on_error="continue"``), or it takes a lost
            answer for this to be needed.
        runbook: Name of the runbook; ``""`` for an action or a step by itself.
    """

    method: str
    alternatives: Mapping[str, tuple[str, ...]]
    step: str
    why: str
    condition: str = ""
    optional: bool = False
    runbook: str = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """All scopes of which one may be enough, the ones to ask for first."""
        return tuple(dict.fromkeys(scope for scopes in self.alternatives.values() for scope in scopes))

    @property
    def place(self) -> str:
        """The step with its runbook, ``declare-incident/room``; of an action by itself, its name."""
        return f"{self.runbook}/{self.step}" if self.runbook else self.step

    def met_by(self, granted: Iterable[str]) -> bool:
        """Tell whether a token with these scopes can do it; for an unknown type, whether it can for one of the types.

        Args:
            granted: The token's scopes.
        """
        return not set(granted).isdisjoint(self.scopes)

    def wording(self, preferred: Collection[str] = ()) -> str:
        """Name the scopes to ask for: ``channels:manage (public channel) or groups:write (private channel)``.

        Args:
            preferred: Scopes that are asked for anyway, and so come before finer ones.
        """
        return " or ".join(
            next((scope for scope in scopes if scope in preferred), scopes[0])
            + ("" if kind == "any" else f" ({_TYPE_WORDS[kind]})")
            for kind, scopes in self.alternatives.items()
        )

    def cases(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Give for each type of conversation its scopes and when they are needed; ``""`` is always.

        Of several types the first is assumed, and so needed always; the others are needed ``for a private channel``.
        """
        for kind, scopes in self.alternatives.items():
            other = "" if kind in ("any", _first(self)) else f"for a {_TYPE_WORDS[kind]}"
            yield scopes, ", ".join(filter(None, (self.condition, other)))

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON takes."""
        alternatives = {kind: list(scopes) for kind, scopes in self.alternatives.items()}
        return {**attrs.asdict(self, recurse=False), "alternatives": alternatives}

    def __str__(self) -> str:
        condition = f", {self.condition}" if self.condition else ""
        return f"{self.wording()}: step {self.step!r}, to {self.why} ({self.method}){condition}"


@attrs.frozen
class ScopeRequirements:
    """All that some actions or runbooks need.

    Attributes:
        requirements: In the order of the steps.
    """

    requirements: tuple[Requirement, ...]

    @property
    def minimal(self) -> tuple[str, ...]:
        """The least bot scopes with which everything runs that is needed without condition, sorted.

        Where the type of a channel is not known before the run, this assumes a public one; :attr:`conditional` names
        what the other types need. Each need is met by its finest scope, unless one that is needed anyway meets it too:
        beside ``channels:manage``, ``channels:write.topic`` is not added. The order of the steps does not matter.
        """
        return self._least(requirement for requirement in self.requirements if not requirement.condition)

    @property
    def essential(self) -> tuple[str, ...]:
        """The part of :attr:`minimal` without which a runbook stops; the rest is for steps that may fail."""
        return self._least(each for each in self.requirements if not each.condition and not each.optional)

    @staticmethod
    def _least(requirements: Iterable[Requirement]) -> tuple[str, ...]:
        needed = {_assumed(requirement) for requirement in requirements}
        chosen = {options[0] for options in needed}
        # Scopes that meet few needs go first, for the others are the likelier to meet these too.
        for scope in sorted(chosen, key=lambda scope: (sum(scope in options for options in needed), scope)):
            rest = chosen - {scope}
            if not any(rest.isdisjoint(options) for options in needed):
                chosen = rest
        return tuple(sorted(chosen))

    @property
    def conditional(self) -> tuple[Requirement, ...]:
        """What is needed only under a condition that cannot be known before the run."""
        return tuple(
            attrs.evolve(
                requirement,
                condition=requirement.condition or "if the conversation is no " + _TYPE_WORDS[_first(requirement)],
            )
            for requirement in self.requirements
            if requirement.condition or len(requirement.alternatives) > 1
        )

    def missing(self, granted: Iterable[str]) -> tuple[Requirement, ...]:
        """Return what a token cannot do.

        Args:
            granted: The token's scopes.

        Returns:
            Each unconditional requirement of which the token has no alternative.
        """
        have = frozenset(granted)
        return tuple(
            requirement
            for requirement in self.requirements
            if not requirement.condition and not requirement.met_by(have)
        )

    def explain(self) -> dict[str, tuple[str, ...]]:
        """Say for each scope of :attr:`minimal` which steps need it, and what for.

        Of several runbooks a step is named with its runbook: ``status-update/graph``.
        """
        several = len({one.runbook for one in self.requirements}) > 1
        return {
            scope: tuple(
                dict.fromkeys(
                    f"{requirement.place if several else requirement.step}: to {requirement.why}"
                    for requirement in self.requirements
                    if not requirement.condition and scope in _assumed(requirement)
                )
            )
            for scope in self.minimal
        }

    @property
    def requested(self) -> tuple[str, ...]:
        """What an app has to request so that its token gets :attr:`minimal`, sorted.

        That is :attr:`minimal` and what Slack wants requested along with it: ``users:read`` beside ``users:read.email``
        (https://docs.slack.dev/reference/scopes/users.read.email), ``chat:write`` beside ``chat:write.public`` and
        ``chat:write.customize``.
        """
        return with_companions(self.minimal)

    def assuming(self, *types: str, conditions: bool | Collection[str] = ()) -> ScopeRequirements:
        """Return what is needed if it is as said here, where only the run can tell.

        Args:
            types: Which types of conversation are met where the type is not known: ``public``, ``private``, ``im`` or
                ``mpim``. With several the scopes of each are needed. Without any, types stay open.
            conditions: Which conditions hold, as they stand in :attr:`Requirement.condition`; ``True`` for all.

        Raises:
            RunbookError: There is no such type, or no such condition here.
        """
        for kind in types:
            if kind not in _TYPES:
                raise RunbookError(f"there is no type of conversation {kind!r}; the types are {', '.join(_TYPES)}.")
        known = {requirement.condition for requirement in self.requirements if requirement.condition}
        holding = (known if conditions else frozenset()) if isinstance(conditions, bool) else set(conditions)
        for condition in sorted(holding - known):
            here = "; ".join(sorted(known)) or "none"
            raise RunbookError(f"nothing here is needed {condition!r}; the conditions are: {here}.")
        found: dict[Requirement, None] = {}
        for requirement in self.requirements:
            condition = "" if requirement.condition in holding else requirement.condition
            met = [kind for kind in requirement.alternatives if kind in types]
            # A single type is known, whatever is assumed of others.
            known_kind = not met or len(requirement.alternatives) == 1
            for kinds in [list(requirement.alternatives)] if known_kind else [[kind] for kind in met]:
                alternatives = _Frozen({kind: requirement.alternatives[kind] for kind in kinds})
                found[attrs.evolve(requirement, condition=condition, alternatives=alternatives)] = None
        return ScopeRequirements(tuple(found))

    def audit(self, granted: Iterable[str]) -> ScopeAudit:
        """Hold the scopes of a token against all that is needed here: what is missing, and what is not used.

        Args:
            granted: The token's scopes, such as ``executor.check(…).granted``.
        """
        have = tuple(sorted(set(granted)))
        used: dict[str, dict[str, None]] = {}
        sometimes: dict[str, dict[str, None]] = {}
        for requirement in self.requirements:
            for scopes, when in requirement.cases():
                told = f"{requirement.place}: to {requirement.why}{', ' if when else ''}{when}"
                for scope in scopes:
                    if scope in have:
                        (sometimes if when else used).setdefault(scope, {})[told] = None
        also = {scope: tuple(reasons) for scope, reasons in sometimes.items() if scope not in used}
        along = {
            with_: scope
            for scope, with_ in REQUESTED_WITH.items()
            if with_ in have and with_ not in used and (scope in used or scope in also)
        }
        also = {scope: reasons for scope, reasons in also.items() if scope not in along}
        needed = {scope: tuple(reasons) for scope, reasons in used.items()}
        missing = self.missing(have)
        lacking = ScopeRequirements(missing).requested
        return ScopeAudit(
            granted=have,
            missing=missing,
            to_add=tuple(scope for scope in lacking if scope not in have),
            needed=needed,
            sometimes=also,
            along_with=along,
            spare=self._spare(have),
            unused=tuple(scope for scope in have if not {scope} & (needed.keys() | also.keys() | along.keys())),
        )

    def _spare(self, have: Sequence[str]) -> tuple[str, ...]:
        """Return what could be taken away because the other scopes do the same."""
        tasks = [
            options & set(have)
            for requirement in self.requirements
            for options in map(set, requirement.alternatives.values())
            if options & set(have)
        ]
        useful: set[str] = set().union(*tasks)
        kept = set(useful)
        # What is not in the minimum goes first, and of the others the one that does less.
        for scope in sorted(
            useful, key=lambda scope: (scope in self.minimal, sum(scope in task for task in tasks), scope)
        ):
            if all(task & kept - {scope} for task in tasks):
                kept.discard(scope)
        return tuple(sorted(useful - kept))

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as data that JSON takes: ``minimal``, ``requested``, ``explain``, ``requirements``."""
        return {
            "minimal": list(self.minimal),
            "requested": list(self.requested),
            "essential": list(self.essential),
            "explain": {scope: list(reasons) for scope, reasons in self.explain().items()},
            "requirements": [requirement.to_dict() for requirement in self.requirements],
        }

    def to_markdown(self) -> str:
        """Return a table for whoever has to approve the app: each scope, the steps that need it and what for.

        First come the scopes to request, then those that only the run can tell about, each with its condition.
        """
        asked = self.requested
        rows: dict[tuple[str, str], dict[str, dict[str, None]]] = {(f"`{scope}`", "always"): {} for scope in asked}
        for requirement in self:
            for scopes, when in requirement.cases():
                if when and not set(asked).isdisjoint(scopes):
                    continue
                named = [" or ".join(f"`{scope}`" for scope in scopes)]
                if not when:
                    named = [f"`{scope}`" for scope in scopes if scope in self.minimal]
                for scope in named:
                    steps = rows.setdefault((scope, when or "always"), {}).setdefault(requirement.why, {})
                    steps[f"`{requirement.place}`"] = None
        lines = ["| scope | when | what for, and in which steps |", "|---|---|---|"]
        for (scope, when), reasons in rows.items():
            told = "; ".join(f"to {why}: {', '.join(steps)}" for why, steps in reasons.items())
            asking = ", ".join(f"`{one}`" for one in asked if f"`{REQUESTED_WITH.get(one)}`" == scope)
            lines.append(f"| {scope} | {when} | {told or f'Slack gives {asking} only along with it'} |")
        return "\n".join(lines) + "\n"

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self.requirements)


@attrs.frozen(kw_only=True)
class ScopeAudit:
    """The scopes of a token, held against what is needed.

    Each granted scope is in exactly one of ``needed``, ``sometimes``, ``along_with`` and ``unused``.

    Attributes:
        granted: The token's scopes, sorted.
        missing: What the token cannot do.
        to_add: The fewest scopes that the app has to request besides.
        needed: Each scope that is needed without condition, with the steps that need it and what for.
        sometimes: Each scope that only the run can tell about, with the steps and their conditions.
        along_with: Each scope that Slack gives another one only with, and that other one.
        unused: Scopes that nothing here can use: take them away.
        spare: Scopes that are of use, but that the others make up for; they are in ``needed`` or ``sometimes`` too.
    """

    granted: tuple[str, ...]
    missing: tuple[Requirement, ...]
    to_add: tuple[str, ...]
    needed: Mapping[str, tuple[str, ...]]
    sometimes: Mapping[str, tuple[str, ...]]
    along_with: Mapping[str, str]
    unused: tuple[str, ...]
    spare: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is missing, and nothing is granted that is of no use."""
        return not self.missing and not self.unused and not self.spare

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON takes."""
        return {
            "ok": self.ok,
            "granted": list(self.granted),
            "missing": [requirement.to_dict() for requirement in self.missing],
            "to_add": list(self.to_add),
            "needed": {scope: list(reasons) for scope, reasons in self.needed.items()},
            "sometimes": {scope: list(reasons) for scope, reasons in self.sometimes.items()},
            "along_with": dict(self.along_with),
            "unused": list(self.unused),
            "spare": list(self.spare),
        }

    def __str__(self) -> str:
        lines = [f"granted: {' '.join(self.granted) or 'nothing'}", f"to add: {' '.join(self.to_add) or 'nothing'}"]
        lacking: dict[str, dict[str, None]] = {}
        for requirement in self.missing:
            told = f"{requirement.place}: to {requirement.why}"
            lacking.setdefault(requirement.wording(self.to_add), {})[told] = None
        for wording, steps in lacking.items():
            lines += [f"  {wording}", *(f"      {step}" for step in steps)]
        lines.append(f"unused: {' '.join(self.unused) or 'nothing'}")
        lines.append(f"spare: {' '.join(self.spare) or 'nothing'}")
        for scope, reasons in self.sometimes.items():
            lines += [f"sometimes used: {scope}", *(f"      {reason}" for reason in reasons)]
        lines += [f"along with {other}: {scope}" for scope, other in self.along_with.items()]
        return "\n".join(lines)


def with_companions(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return scopes, sorted, with those that Slack gives them only along with."""
    found = set(scopes)
    return tuple(sorted(found | {REQUESTED_WITH[scope] for scope in found if scope in REQUESTED_WITH}))


def checked_scopes(scopes: Iterable[Any], *, place: str) -> tuple[str, ...]:
    """Return scopes that somebody named, or refuse what has not the form of one.

    Raises:
        RunbookError: One is no scope, such as two in one text.
    """
    found = tuple(scopes)
    for scope in found:
        if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
            raise RunbookError(
                f"{scope!r} is no scope, such as chat:write; give each by itself, without commas and blanks.",
                place=place,
            )
    return found


def _first(requirement: Requirement) -> str:
    return next(iter(requirement.alternatives))


def _assumed(requirement: Requirement) -> tuple[str, ...]:
    return requirement.alternatives[_first(requirement)]


def required_scopes(*subjects: Subject, settle: bool = False) -> ScopeRequirements:
    """Work out the bot scopes that actions, steps or runbooks need. Needs no token and no network.

    Args:
        subjects: Actions, steps and runbooks, in any mixture.
        settle: Whether to add what it takes to look up what became of a request whose answer was lost. Without it such
            a request ends as :class:`~slackrunbooks.errors.AmbiguousOutcome`, and a person has to look.

    Returns:
        What each step needs, with ``.minimal``, ``.conditional``, ``.missing(granted)`` and ``.explain()``.

    Raises:
        RunbookError: A subject is something else, or an own action needs a method that is not known.
    """
    found = (requirement for subject in subjects for requirement in _of_subject(subject, settle=settle))
    return ScopeRequirements(tuple(dict.fromkeys(found)))


def scopes_of(
    actions: Mapping[str, Sequence[Action[Any]]], optional: Collection[str] = frozenset(), *, runbook: str = ""
) -> ScopeRequirements:
    """Work out the scopes of the actions of one runbook, filled or not.

    Args:
        actions: The actions by the names of their steps, in order; several for a step that does one for each item.
        optional: Names of the steps that may fail.
        runbook: Name of the runbook.
    """
    first = {name: each[0] for name, each in actions.items()}
    found = (
        requirement
        for name, each in actions.items()
        for action in each
        for requirement in _of_step(name, action, first, optional=name in optional)
    )
    return ScopeRequirements(tuple(dict.fromkeys(attrs.evolve(each, runbook=runbook) for each in found)))


def settling(actions: Mapping[str, Sequence[Action[Any]]]) -> tuple[Requirement, ...]:
    """Work out what it takes to tell what became of each request, should its answer get lost.

    Args:
        actions: As for :func:`scopes_of`.

    Returns:
        For each step and method what the look-ups need; without alternatives where nothing can tell.
    """
    first = {name: each[0] for name, each in actions.items()}
    found: dict[Requirement, None] = {}
    for name, each in actions.items():
        for action, need in ((one, need) for one in each for need in one.needs()):
            method = METHODS.get(need.method)
            if method is None or need.scopes:
                continue
            if method.settled_by:
                for look in _looks(action, need, method.settled_by):
                    if alternatives := _alternatives(name, look, first):
                        found[_settles(name, need.method, alternatives, look.condition)] = None
            elif method.repeat is Repeat.DOUBLES:
                found[_settles(name, need.method, {}, need.condition)] = None
    return tuple(found)


def _settles(step: str, method: str, alternatives: Mapping[str, tuple[str, ...]], condition: str) -> Requirement:
    why = f"tell what became of {method}, should its answer get lost"
    return Requirement(method, _Frozen(alternatives), step, why, condition, optional=True)


# Methods that take a channel's name or a person's ID, where the look-up takes the ID of a conversation.
_ADDRESSED = frozenset({"chat.postMessage", "chat.scheduleMessage"})


def _looks(action: Action[Any], need: Need, method: str) -> Iterator[Need]:
    """Name all that a look-up by a method asks for, for the conversation that the action writes to."""
    look = Need(method, need.why, need.conversations, need.channel or getattr(action, "channel", None), need.condition)
    if look.conversations or isinstance(look.channel, str):
        yield look
    elif direct := _direct(action):
        yield attrs.evolve(look, conversations=direct)
        if "im" in direct:
            alone = "if there is one person" if len(direct) > 1 else ""
            yield attrs.evolve(look, method="conversations.open", conversations=("im",), condition=alone)
    else:
        yield look
    if need.method in _ADDRESSED and isinstance(look.channel, str):
        yield from _found_first(look, look.channel)


def _direct(action: Action[Any]) -> tuple[str, ...]:
    """Return which types of conversation an action may write to that names people in place of a channel."""
    needs = tuple(action.needs())
    if hasattr(action, "channel") or not any(need.method == "chat.postMessage" for need in needs):
        return ()
    # chat.postMessage opens the conversation with one person by itself.
    opened = [need.condition for need in needs if need.method == "conversations.open"]
    return ("im",) if not opened else ("im", "mpim") if opened[0] else ("mpim",)


def _found_first(look: Need, address: str) -> Iterator[Need]:
    """Name what it takes to have the conversation's ID, where it is given otherwise."""
    if _types_of(address, {}) == ("im",) and not address.startswith("D"):
        yield attrs.evolve(look, method="conversations.open", conversations=("im",))
    for found in channel_needs(address):
        condition = ", ".join(filter(None, (look.condition, found.condition)))
        yield attrs.evolve(found, condition=condition)


def _of_subject(subject: object, *, settle: bool) -> Iterator[Requirement]:
    # A class has the attributes of its instances, and is none of them.
    instance = None if isinstance(subject, type) else subject
    if isinstance(instance, HasSteps):
        steps = instance.steps
    elif isinstance(instance, HasAction):
        steps = {type(instance.action).__name__: instance}
    elif isinstance(instance, Action):
        steps = {type(instance).__name__: _Alone(instance)}
    else:
        given = f"the class {subject.__name__} itself" if isinstance(subject, type) else f"a {type(subject).__name__}"
        raise RunbookError(
            f"scopes are worked out for actions such as SendMessage(…), steps and runbooks, not for {given}."
        )
    book = str(getattr(instance, "name", "")) if isinstance(instance, HasSteps) else ""
    may_fail = {name for name, step in steps.items() if getattr(step, "on_error", "stop") == "continue"}
    yield from scopes_of({name: (step.action,) for name, step in steps.items()}, may_fail, runbook=book)
    if settle:
        doubted = {
            name: (step.action,)
            for name, step in steps.items()
            if getattr(step, "on_ambiguous", None) in (None, "reconcile")
        }
        looks = settling(doubted)
        yield from (attrs.evolve(requirement, runbook=book) for requirement in looks if requirement.alternatives)


@attrs.frozen
class _Alone:
    """An action by itself, as a step."""

    action: Action[Any]


def _of_step(
    name: str, action: Action[Any], others: Mapping[str, Action[Any]], *, optional: bool = False
) -> Iterator[Requirement]:
    for need in action.needs():
        alternatives = _alternatives(name, need, others)
        if alternatives:
            yield Requirement(need.method, _Frozen(alternatives), name, need.why, need.condition, optional)


def _alternatives(name: str, need: Need, others: Mapping[str, Action[Any]]) -> dict[str, tuple[str, ...]]:
    if need.scopes:
        return {"any": need.scopes}
    if need.method not in METHODS:
        near = difflib.get_close_matches(need.method, METHODS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise RunbookError(
            f"needs() names the method {need.method!r}, whose scopes are not known{hint}; "
            "name them: Need(…, scopes=(…)).",
            place=name,
        )
    scopes = METHODS[need.method].scopes
    if "any" in scopes or not scopes:
        return dict(scopes)
    types = need.conversations or _types_of(need.channel, others)
    return {kind: scopes[kind] for kind in types if kind in scopes}


def _types_of(channel: str | None, others: Mapping[str, Action[Any]]) -> tuple[str, ...]:
    """Tell which types of conversation a channel field may mean."""
    if channel is None:
        return _TYPES
    match = _STEP_OUTPUT.fullmatch(channel.strip())
    if match and match[1] in others:
        # The step that makes the channel knows what it makes.
        if direct := _direct(others[match[1]]):
            return direct
        for need in others[match[1]].needs():
            if need.conversations and need.method in ("conversations.create", "conversations.open"):
                return need.conversations
    if "{{" not in channel:
        try:
            reference = parse_channel(channel)
        except ValueError:
            return ("public", "private")
        if reference.kind == "user" or reference.value.startswith("D"):
            return ("im",)
    return ("public", "private")


class _Frozen(dict[str, tuple[str, ...]]):
    """A mapping with a hash, so that equal requirements can be found."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))
