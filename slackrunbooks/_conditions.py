"""When a step runs: conditions as data, checked when they are written and held against a context when they count.

Rule of this file: nothing here knows a step; a condition and a scope come in, and a reason comes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeAlias, cast

from ._context import MISSING, PATH, frozen, is_scalar, kind_of, look_up, near, shown, truthy
from .errors import RunbookError
from .markup import Markup

__all__ = ["When", "checked_when", "when_paths", "when_reason"]

_Predicate: TypeAlias = Callable[[Mapping[str, Any]], bool]
When: TypeAlias = str | Mapping[str, Any] | _Predicate | None
"""When a step runs: a context path that must be truthy, a mapping of paths to what they must be, or a predicate."""

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: value > bound,
    "ge": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "le": lambda value, bound: value <= bound,
}
_OPERATORS = ("not", "exists", *_COMPARE)


def checked_when(when: object, place: str) -> When:
    """Refuse a condition that is none, that can never hold or that always does.

    Args:
        when: What was written.
        place: Where, for the error.

    Raises:
        RunbookError: With the form to write.
    """
    if when is None or callable(when):
        return cast("When", when)
    if isinstance(when, str):
        if not PATH.fullmatch(when):
            raise RunbookError(_operator_help(when), place=place)
        return when
    if not isinstance(when, Mapping) or not when:
        raise RunbookError(
            "must be a context path, or a mapping of context paths to values, "
            "such as {Activity.severity: [SEV1, SEV2]}.",
            place=place,
        )
    for path, wanted in when.items():
        if not isinstance(path, str) or not PATH.fullmatch(path):
            raise RunbookError(f"{path!r} is no context path; write it like Activity.severity.", place=place)
        _check_wanted(path, wanted, place)
    return cast("When", frozen(when))


def _check_wanted(path: str, wanted: object, place: str) -> None:
    """Refuse what would always hold, never hold or fail during a run."""
    if isinstance(wanted, Mapping):
        if not wanted:
            raise RunbookError(
                f"{path}: an empty mapping says nothing; write a value, a list of values, or {{exists: true}}.",
                place=place,
            )
        for operator, bound in wanted.items():
            _check_operator(path, operator, bound, place)
    elif isinstance(wanted, (list, tuple)):
        if not wanted:
            raise RunbookError(f"{path}: an empty list never holds; list the values that do.", place=place)
        for choice in wanted:
            if not is_scalar(choice):
                raise RunbookError(f"{path}: the list must hold values, not {kind_of(choice)}.", place=place)
    elif not is_scalar(wanted):
        raise RunbookError(
            f"{path}: must be a value, a list of values or a mapping such as {{not: SEV3}}, not {kind_of(wanted)}.",
            place=place,
        )


def _check_operator(path: str, operator: object, bound: object, place: str) -> None:
    if operator not in _OPERATORS:
        raise RunbookError(
            f"{operator!r} is no condition for {path}{near(str(operator), _OPERATORS)}; "
            f"there are {', '.join(_OPERATORS)}.",
            place=place,
        )
    if operator == "not":
        _check_wanted(path, bound, place)
    elif operator == "exists":
        if not isinstance(bound, bool):
            raise RunbookError(f"{path}: exists must be true or false, not {bound!r}.", place=place)
    elif not is_scalar(bound) or isinstance(bound, bool) or bound is None:
        raise RunbookError(f"{path}: {operator} must be a number or a date, not {kind_of(bound)}.", place=place)


_COMPARISON = re.compile(
    r"""\s*\{*\s*(?P<path>[\w.]+)\s*\}*\s*(?P<sign>===?|!==?|>=|<=|=|>|<|\bin\b)\s*
    (?P<value>"[^"]*"|'[^']*'|\[[^\[\]]*\]|\([^()]*\)|[\w.+-]+)\s*""",
    re.VERBOSE,
)
_SIGNS = {"!=": "not", "!==": "not", ">": "gt", ">=": "ge", "<": "lt", "<=": "le"}


def _operator_help(when: str) -> str:
    """Say how to write as data what was written as code."""
    entries: list[str] = []
    for part in re.split(r"\s+and\s+|\s*&&\s*", when):
        match = _COMPARISON.fullmatch(part)
        if match is None:
            entries.clear()
            break
        value = re.sub(r"""(["'])([\w.+-]*)\1""", r"\2", match["value"])
        if value.startswith("("):
            value = f"[{value[1:-1]}]"
        operator = _SIGNS.get(match["sign"])
        entries.append(f"{match['path']}: {{{operator}: {value}}}" if operator else f"{match['path']}: {value}")
    tag = re.fullmatch(r"\s*\{\{[{&]?\s*([\w.]+)\s*\}?\}\}\s*", when)
    if tag:
        return f"{when!r} is a template, and a condition is a path; write {tag[1]}."
    advice = (
        f"{{{', '.join(entries)}}}"
        if entries
        else "a path alone (Activity.severity), or a mapping such as {Activity.severity: [SEV1, SEV2]}"
    )
    kind = "code" if re.search(r"[=<>!&|()]|\b(and|or|not|in)\b", when) else "no context path"
    return f"{when!r} is {kind}, and a condition is data; write {advice}."


def when_paths(when: When) -> tuple[str, ...]:
    """Return the context paths that a condition reads; none of a predicate, which may read anything.

    Args:
        when: The condition of a step.
    """
    if isinstance(when, str):
        return (when,)
    return tuple(when) if isinstance(when, Mapping) else ()


def when_reason(when: When, scope: Mapping[str, Any]) -> str | None:
    """Tell why a condition does not hold.

    Args:
        when: The condition of a step.
        scope: The context with ``steps`` and ``error``.

    Returns:
        The reason, or ``None`` where it holds.

    Raises:
        RunbookError: A path's earlier segment is missing, or values cannot be compared.
    """
    if when is None:
        return None
    if isinstance(when, str):
        return None if truthy(look_up(scope, when)) else f"{when} is not set"
    if isinstance(when, Mapping):
        for path, wanted in when.items():
            value = look_up(scope, path)
            if not _holds(path, value, wanted):
                return f"{path} is {shown(value)}"
        return None
    try:
        return None if when(scope) else "its predicate says no"
    except Exception as error:
        raise RunbookError(f"the predicate raised {type(error).__name__}: {error}.", place="when") from error


def _holds(path: str, value: object, wanted: object) -> bool:
    if isinstance(wanted, Mapping):
        return all(_operator(path, value, operator, bound) for operator, bound in wanted.items())
    if isinstance(value, Markup):
        # It equals no text, so the step would never run, and nobody would know why.
        parts = ", ".join(f"{path}.{part}" for part in value.parts)
        raise RunbookError(f"{path} is a mention, a date or a link; compare a part of it: {parts}.", place="when")
    choices = wanted if isinstance(wanted, (list, tuple)) else (wanted,)
    return value is not MISSING and any(_equal(value, choice) for choice in choices)


def _operator(path: str, value: object, operator: str, bound: object) -> bool:
    if operator == "exists":
        return (value is not MISSING and value is not None) is bound
    if operator == "not":
        return not _holds(path, value, bound)
    if value is MISSING or value is None:
        return False
    if isinstance(value, Markup):
        return _holds(path, value, bound)
    left, right = _comparable(value, bound), _comparable(bound, value)
    try:
        return _COMPARE[operator](left, right)
    except TypeError:
        raise RunbookError(
            f"{path} is {shown(value)}, which cannot be compared with {shown(bound)}: "
            "both must be numbers, or both dates.",
            place="when",
        ) from None


def _comparable(value: object, other: object) -> Any:
    """Read numbers and dates that came as text, as webhooks and YAML give them."""
    if isinstance(value, bool):
        return None
    if not isinstance(value, str):
        return value
    try:
        if not isinstance(other, date):
            return float(value)
        if not isinstance(other, datetime):
            return date.fromisoformat(value)
        # Python 3.10 does not read the Z.
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return value
    return moment if moment.tzinfo else moment.replace(tzinfo=other.tzinfo)


def _equal(value: object, wanted: object) -> bool:
    """Compare as people mean it: ``1`` is ``"1"`` and ``true`` is ``"true"``, but true is not 1."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        words = {"true": True, "false": False}
        left = words.get(value.lower()) if isinstance(value, str) else value
        right = words.get(wanted.lower()) if isinstance(wanted, str) else wanted
        return isinstance(left, bool) and isinstance(right, bool) and left is right
    if isinstance(value, str) != isinstance(wanted, str) and value is not None and wanted is not None:
        return str(value) == str(wanted)
    return value == wanted
