"""The data that fills a runbook: paths into it, values in it, and what a step adds to it.

Rule of this file: contexts are values. Nothing here changes one; ``put`` gives another.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final, cast

import attrs

from .errors import RunbookError
from .markup import Markup

__all__ = [
    "MISSING",
    "PATH",
    "fields_in",
    "frozen",
    "in_the_way",
    "is_scalar",
    "kind_of",
    "look_up",
    "near",
    "outputs_of",
    "put",
    "readable",
    "shown",
    "truthy",
]

PATH: Final = re.compile(r"[^\s.{}=<>!&|()]+(\.[^\s.{}=<>!&|()]+)*")
"""A dotted path into a context, such as ``Activity.severity``."""

MISSING: Final = object()
"""What :func:`look_up` gives where the last segment of a path is missing."""

_LONGEST_SHOWN = 60


def truthy(value: object) -> bool:
    """Tell whether a value counts as set: as in a Mustache section, and the word "false" does not."""
    return value is not MISSING and bool(value) and not (isinstance(value, str) and value.lower() == "false")


def look_up(scope: Mapping[str, Any], path: str) -> Any:
    """Walk a dotted path through mappings, lists and mentions.

    Args:
        scope: Plain data.
        path: ``Activity.severity``.

    Returns:
        The value, or a private marker where the last segment is missing.

    Raises:
        RunbookError: An earlier segment is missing: more likely a typing error than an optional field.
    """
    value: Any = scope
    segments = path.split(".")
    for index, segment in enumerate(segments):
        if isinstance(value, Mapping) and segment in value:
            value = value[segment]
        elif isinstance(value, (list, tuple)) and segment.isdecimal() and int(segment) < len(value):
            value = value[int(segment)]
        elif isinstance(value, Markup) and segment in value.parts:
            value = value.parts[segment]
        elif index == len(segments) - 1:
            return MISSING
        else:
            known = [str(key) for key in fields_in(value)]
            missing = ".".join(segments[: index + 1])
            raise RunbookError(f"the context has no {missing!r}{near(segment, known)} (in {path!r}).", place="when")
    return value


def fields_in(value: object) -> Mapping[Any, Any]:
    """Return what a path can name inside of a mapping or a mention; nothing of anything else."""
    if isinstance(value, Markup):
        return value.parts
    return value if isinstance(value, Mapping) else {}


def put(context: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return the context with a value at a dotted path; the mappings on the way are copied, never changed.

    Args:
        context: Plain data.
        path: ``Activity.slack_channel``.
        value: What to write there.
    """
    head, _, rest = path.partition(".")
    inner = context.get(head)
    kept = inner if isinstance(inner, Mapping) else {}
    return {**context, head: put(kept, rest, value) if rest else value}


def in_the_way(context: Mapping[str, Any], path: str) -> str | None:
    """Return the part of a path that holds a value which :func:`put` would replace to write below it, or ``None``.

    Args:
        context: Plain data.
        path: ``Activity.slack_channel``.
    """
    value: Any = context
    segments = path.split(".")
    for index, segment in enumerate(segments[:-1], 1):
        value = value.get(segment)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            return ".".join(segments[:index])
    return None


def outputs_of(output: object) -> dict[str, Any]:
    """Return what templates read of a step's output: its fields, as plain data."""
    if output is None:
        return {}
    if attrs.has(type(output)) and not isinstance(output, Markup):
        return cast("dict[str, Any]", readable(output))
    if isinstance(output, Mapping):
        return {str(key): readable(item) for key, item in output.items()}
    return {"value": readable(output)}


def readable(value: object) -> object:
    """Turn attrs objects into mappings, and leave a mention a mention."""
    if attrs.has(type(value)) and not isinstance(value, Markup):
        fields = attrs.fields(cast("type[attrs.AttrsInstance]", type(value)))
        return {field.name: readable(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {key: readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [readable(item) for item in value]
    return tuple(readable(item) for item in value) if isinstance(value, tuple) else value


def is_scalar(value: object) -> bool:
    """Tell values that can be compared from mappings, lists and everything else."""
    return value is None or isinstance(value, (str, int, float, date))


def kind_of(value: object) -> str:
    """Name what a value is, and never show it: it may be the body of a message."""
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    kinds: tuple[tuple[type[Any] | tuple[type[Any], ...], str], ...] = (
        (type(None), "nothing"),
        (bool, "true or false"),
        (str, "text"),
        ((int, float), "a number"),
        (Mapping, "a mapping"),
        ((list, tuple), "a list"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), f"a value of type {type(value).__name__}")


def shown(value: object) -> str:
    """Show a small value in a sentence, and name what a large one is."""
    if value is MISSING:
        return "missing"
    if isinstance(value, date):
        return value.isoformat()
    if is_scalar(value) and len(repr(value)) <= _LONGEST_SHOWN:
        return repr(value)
    return f"text of {len(value)} characters" if isinstance(value, str) else kind_of(value)


def near(name: str, known: Iterable[object]) -> str:
    """Suggest the nearest right name: ``" (did you mean 'room'?)"``, or nothing."""
    names = [str(entry) for entry in known]
    close = [entry for entry in names if entry.lower() == name.lower()] or difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def frozen(value: object) -> object:
    """Make plain data a value: mappings that cannot be changed, lists as tuples."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: frozen(item) for key, item in value.items()})
    return tuple(frozen(item) for item in value) if isinstance(value, (list, tuple)) else value
