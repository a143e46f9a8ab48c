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
from .errors import RunbookError
from .slack_methods import METHODS
from .text import parse_channel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

__all__ = [
    "HasAction",
    "HasSteps",
    "Requirement",
    "ScopeRequirements",
    "Subject",
    "required_scopes",
    "scopes_of",
    "settling",
]

# As an author writes it, or as a placeholder in a filled field.
_STEP_OUTPUT = re.compile(r"(?:\{\{[{&]?\s*|‹\u2060?)steps\.([a-z][a-z0-9_]*)\.channel(?:\s*\}?\}\}|›)")
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
        optional: Whether the step may fail (``on_error="continue"``), so that the runbook does without.
    """

    method: str
    alternatives: Mapping[str, tuple[str, ...]]
    step: str
    why: str
    condition: str = ""
    optional: bool = False

    @property
    def scopes(self) -> tuple[str, ...]:
        """All scopes of which one may be enough, the ones to ask for first."""
        return tuple(dict.fromkeys(scope for scopes in self.alternatives.values() for scope in scopes))

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
        """Say for each scope of :attr:`minimal` which steps need it, and what for."""
        return {
            scope: tuple(
                dict.fromkeys(
                    f"{requirement.step}: to {requirement.why}"
                    for requirement in self.requirements
                    if not requirement.condition and scope in _assumed(requirement)
                )
            )
            for scope in self.minimal
        }

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self.requirements)


def _first(requirement: Requirement) -> str:
    return next(iter(requirement.alternatives))


def _assumed(requirement: Requirement) -> tuple[str, ...]:
    return requirement.alternatives[_first(requirement)]


def required_scopes(*subjects: Subject) -> ScopeRequirements:
    """Work out the bot scopes that actions, steps or runbooks need. Needs no token and no network.

    Args:
        subjects: Actions, steps and runbooks, in any mixture.

    Returns:
        What each step needs, with ``.minimal``, ``.missing(granted)`` and ``.explain()``.

    Raises:
        RunbookError: A subject is something else, or an own action needs a method that is not known.
    """
    found = (requirement for subject in subjects for requirement in _of_subject(subject))
    return ScopeRequirements(tuple(dict.fromkeys(found)))


def scopes_of(
    actions: Mapping[str, Sequence[Action[Any]]], optional: Collection[str] = frozenset()
) -> ScopeRequirements:
    """Work out the scopes of the actions of one runbook, filled or not.

    Args:
        actions: The actions by the names of their steps, in order; several for a step that does one for each item.
        optional: Names of the steps that may fail.
    """
    first = {name: each[0] for name, each in actions.items()}
    found = (
        requirement
        for name, each in actions.items()
        for action in each
        for requirement in _of_step(name, action, first, optional=name in optional)
    )
    return ScopeRequirements(tuple(dict.fromkeys(found)))


def settling(actions: Mapping[str, Sequence[Action[Any]]]) -> tuple[Requirement, ...]:
    """Work out what it takes to tell what became of each request, should its answer get lost.

    Args:
        actions: As for :func:`scopes_of`.

    Returns:
        For each step and method what the look-up needs; without alternatives where nothing can tell.
    """
    first = {name: each[0] for name, each in actions.items()}
    found: dict[Requirement, None] = {}
    for name, each in actions.items():
        for action, need in ((one, need) for one in each for need in one.needs()):
            method = METHODS.get(need.method)
            if method is None or need.scopes or (method.repeat is not Repeat.DOUBLES and not method.settled_by):
                continue
            alternatives: dict[str, tuple[str, ...]] = {}
            if method.settled_by:
                alternatives = _alternatives(name, _look(action, need, method.settled_by), first)
                if not alternatives:
                    continue
            found[Requirement(need.method, _Frozen(alternatives), name, "tell what became of it", need.condition)] = (
                None
            )
    return tuple(found)


def _look(action: Action[Any], need: Need, method: str) -> Need:
    """Return what a look-up by a method needs, for the conversation that the action writes to."""
    channel = need.channel or getattr(action, "channel", None)
    if need.conversations or isinstance(channel, str):
        return attrs.evolve(need, method=method, channel=channel)
    return attrs.evolve(need, method=method, conversations=("im", "mpim") if hasattr(action, "users") else ())


def _of_subject(subject: object) -> Iterator[Requirement]:
    # A class has the attributes of its instances, and is none of them.
    instance = None if isinstance(subject, type) else subject
    if isinstance(instance, HasSteps):
        steps = instance.steps.items()
        may_fail = {name for name, step in steps if getattr(step, "on_error", "stop") == "continue"}
        yield from scopes_of({name: (step.action,) for name, step in steps}, may_fail)
        return
    action = instance.action if isinstance(instance, HasAction) else instance
    if isinstance(action, Action):
        yield from _of_step(type(action).__name__, action, {})
        return
    given = f"the class {subject.__name__} itself" if isinstance(subject, type) else f"a {type(subject).__name__}"
    raise RunbookError(
        f"scopes are worked out for actions such as SendMessage(…), steps and runbooks, not for {given}."
    )


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
