"""Which arguments a method takes, as its page lists them.

Rule of this file: data and its reading. Slack ignores an argument that it does not know; a test should not.
"""

from __future__ import annotations

import difflib
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["reference", "unknown_arguments"]

# "Tokens should be passed in an HTTP Authorization header or alternatively, as a POST parameter", whatever the method.
_EVERYWHERE = frozenset({"token", "team_id"})


@cache
def reference() -> Mapping[str, Any]:
    """Return for each method its ``arguments`` with what each may hold, and those that are ``required``."""
    text = (resources.files("slackrunbooks.testing") / "arguments.json").read_text(encoding="utf-8")
    methods: Mapping[str, Any] = json.loads(text)["methods"]
    return methods


def unknown_arguments(method: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Name the arguments of a request that the method's page does not list.

    Args:
        method: The method.
        arguments: The arguments of the request.
    """
    if method not in reference():
        return
    known: Mapping[str, Any] = reference()[method]["arguments"]
    for name in arguments:
        if name not in known and name not in _EVERYWHERE:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            yield (
                f"{method} has no argument {name!r}{hint}, and Slack would ignore it. "
                f"Read https://docs.slack.dev/reference/methods/{method}"
            )
