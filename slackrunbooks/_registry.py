"""Every action by its name in YAML: the library's, and the host's own under the names it registered.

Rule of this file: names only. What is registered here is what a runbook in YAML may call; nothing is ever looked up
by a path that stands in a runbook.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, TypeAlias, TypeVar, cast, overload

from .actions import ACTIONS, action_name
from .actions._base import Action
from .actions.functions import Function, HostFunction, Repeats, by_name_only
from .errors import RunbookError

__all__ = [
    "LATER_OPTIONS",
    "STEP_OPTIONS",
    "Known",
    "known",
    "register",
    "registered_word",
    "unregister",
    "word",
]

_T = TypeVar("_T", bound=Callable[..., Any])

Known: TypeAlias = type[Action[Any]] | HostFunction
"""What a name in YAML stands for."""

LATER_OPTIONS = ("concurrency",)
"""Options of a step that this version refuses by name."""

STEP_OPTIONS = (
    *("when", "on_error", "run_if", "save_as", "foreach"),
    *("every", "until", "after", "expires_after", "on_ambiguous", "workspace", *LATER_OPTIONS),
)
"""What stands in a step beside its action, and so can be the name of none."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_own: dict[str, Known] = {}


@overload
def register(own: _T, *, name: str | None = None, repeat: Repeats = "doubles") -> _T: ...


@overload
def register(own: None = None, *, name: str | None = None, repeat: Repeats = "doubles") -> Callable[[_T], _T]: ...


def register(own: Any = None, *, name: str | None = None, repeat: Repeats = "doubles") -> Any:
    """Give a host's own action or function a name, so that runbooks in YAML and plain data can call it.

    Use it on a subclass of ``Action`` or on a function, as a decorator or as a call. In YAML the fields of the action,
    or the parameters of the function, stand below the name::

        @sr.register(repeat="reads")
        def on_call(team: str) -> dict[str, str]: ...

        steps:
          who: {on_call: {team: "{{Activity.team}}"}}

    Args:
        own: The action's class or the function; left out, this returns a decorator.
        name: The name; left out, it is made from the class (``page_on_call`` for ``PageOnCall``) or is the function's.
        repeat: What calling the function a second time would do: ``"reads"``, ``"same"`` or ``"doubles"``. An action
            says it with each of its calls.

    Returns:
        ``own``, as it is.

    Raises:
        RunbookError: The name is none, or stands for something else. What comes from the same place under the same
            name, as when a notebook's cell runs again, replaces what was there. Or the function needs a parameter by
            its position, which a step cannot give.
    """
    if own is None:

        def decorate(given: Any) -> Any:
            return register(given, name=name, repeat=repeat)

        return decorate
    made = _entry(own, name, repeat)
    chosen = made.name if isinstance(made, HostFunction) else name or action_name(made)
    if not _NAME.fullmatch(chosen):
        raise RunbookError(
            f"{chosen!r} is no name for YAML: it takes lower-case letters, digits and _, a letter first. "
            'Give one: register(…, name="page_on_call").',
            place="register",
        )
    if chosen in STEP_OPTIONS:
        raise RunbookError(f"{chosen!r} is an option of a step; give it another name.", place="register")
    if chosen in ACTIONS:
        raise RunbookError(f"{chosen!r} is an action of the library; give it another name.", place="register")
    if chosen in _own and _origin(_own[chosen]) != _origin(made):
        raise RunbookError(
            f"{chosen!r} is registered already, for {'.'.join(_origin(_own[chosen])[:2])}; give it another name, or "
            f"take that one away before: unregister({chosen!r}).",
            place="register",
        )
    _own[chosen] = made
    return own


def _entry(own: object, name: str | None, repeat: Repeats) -> Known:
    """Return what a name will stand for."""
    if isinstance(own, type) and issubclass(own, Action):
        return own
    if isinstance(own, Action):
        raise RunbookError("must be the class of an action, not one of its objects.", place="register")
    if isinstance(own, type) or not callable(own):
        raise RunbookError(f"must be a class of actions or a function, not {own!r}.", place="register")
    by_name_only(own, str(name or getattr(own, "__name__", "")), place="register")
    return HostFunction(name or str(getattr(own, "__name__", "")), own, cast("Any", repeat))


def unregister(name: str) -> None:
    """Take a name away that :func:`register` gave.

    Args:
        name: The name.

    Raises:
        RunbookError: Nothing of the host's is registered under it.
    """
    if name not in _own:
        raise RunbookError(f"nothing of the host's is registered as {name!r}.", place="unregister")
    del _own[name]


def _origin(entry: Known) -> tuple[str, str, object]:
    """Return the module, the name and, where the name is none of its own, the code of what is registered."""
    thing: Any = entry.function if isinstance(entry, HostFunction) else entry
    name = str(getattr(thing, "__qualname__", repr(thing)))
    code: object = None
    if "<" in name:
        # Any two lambdas of a module are called alike, and any two functions of that name within another function.
        function = inspect.unwrap(entry.function) if isinstance(entry, HostFunction) else entry.flow
        code = getattr(function, "__code__", thing)
        if isinstance(code, CodeType) and code.co_name != "<lambda>":
            # A function has its line to itself, and may have been changed there; of lambdas a line holds several.
            code = code.co_filename, code.co_firstlineno
    return str(getattr(thing, "__module__", "")), name, code


def known() -> Mapping[str, Known]:
    """Return everything that YAML may name, the library's actions first."""
    return {**ACTIONS, **_own}


def registered_word(action: Action[Any]) -> str | None:
    """Return the name by which plain data can hold an action, or ``None`` where it has none.

    Args:
        action: The action.
    """
    for name, entry in known().items():
        if isinstance(entry, HostFunction):
            if isinstance(action, Function) and (action.function, action.repeat) == (entry.function, entry.repeat):
                return name
        elif type(action) is entry:
            return name
    return None


def word(action: Action[Any]) -> str:
    """Name an action for people: its name in YAML, or what its class or function is called.

    Args:
        action: The action.
    """
    if type(action) in ACTIONS.values():
        return action_name(type(action))
    found = registered_word(action)
    return found or (action.name if isinstance(action, Function) else action_name(type(action)))
