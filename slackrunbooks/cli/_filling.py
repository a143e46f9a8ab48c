"""The context of a command: what a file or standard input holds, and on top of it what ``--set`` says."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._base import Stop, options, parsed

if TYPE_CHECKING:
    from ..runbook import Runbook

__all__ = ["filled", "filling"]

filling = options(
    click.option(
        "--context", "source", metavar="FILE", help="The data that fills it: JSON or YAML; - reads standard input."
    ),
    click.option(
        "--set",
        "assignments",
        metavar="PATH=VALUE",
        multiple=True,
        help="Put a value into the context, as Activity.severity=SEV1. May be repeated. An input that the runbook "
        'declares is read by its type; elsewhere true, false, null and what begins with [, { or " is JSON, and '
        "everything else is text.",
    ),
)


def filled(source: str | None, assignments: Sequence[str], runbook: Runbook) -> dict[str, Any]:
    """Return the context: what a file or standard input holds, and on top of it what ``--set`` says."""
    context = {} if source is None else _read_context(source)
    for assignment in assignments:
        path, sign, text = assignment.partition("=")
        if not sign or not all(path.split(".")):
            # The value is not repeated: it may be anything.
            raise Stop(f"--set {path}: write it as PATH=VALUE, such as Activity.severity=SEV1.")
        entry = (runbook.inputs or {}).get(path)
        context = _put(context, path, _value(path, text, entry.kind if entry is not None else "any"))
    return context


def _read_context(source: str) -> dict[str, Any]:
    from .. import _yaml

    name = "standard input" if source == "-" else source
    content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    text = _yaml.decode(content, file=name)
    try:
        data = json.loads(text)
    except ValueError as error:
        if source.endswith(".json"):
            raise Stop(f"{name} is not JSON: {error}.") from None
        data = _yaml.read(text, file=name).data
    if not isinstance(data, dict):
        raise Stop(f"{name} must hold a mapping, such as {{Activity: {{id: …}}}}, not {type(data).__name__}.")
    return data


def _put(context: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return the context with a value at a path; what is no mapping on the way is refused, not overwritten."""
    from .._context import put

    inner: Any = context
    walked: list[str] = []
    for segment in path.split(".")[:-1]:
        walked.append(segment)
        inner = inner.get(segment)
        if inner is None:
            break
        if not isinstance(inner, Mapping):
            raise Stop(f"--set {path}: {'.'.join(walked)} is no mapping; set it as a whole.")
    return put(context, path, value)


def _value(path: str, text: str, kind: str) -> object:
    """Read a value by the type of its input."""
    if kind == "text":
        return text
    if kind == "time":
        return _time(path, text)
    return parsed(f"--set {path}: it is of type {kind}, and", text, loosely=kind == "any")


def _time(path: str, text: str) -> object:
    from datetime import datetime

    try:
        # Before Python 3.11 fromisoformat does not read the "Z".
        return datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        raise Stop(f"--set {path}: write the time as 2024-09-16T21:31:00Z.") from None
