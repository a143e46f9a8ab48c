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
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["reference", "unknown_arguments", "warned"]

# "Tokens should be passed in an HTTP Authorization header or alternatively, as a POST parameter", whatever the method.
_EVERYWHERE = frozenset({"token", "team_id"})

# Warnings that say something of the request rather than of the workspace; each stands on the page of every method that
# gives it. "already_in_channel" is none of them: it is how conversations.join says that all is well.
_CUT = {"message_truncated": "the text was longer than 40,000 characters, and people see only its beginning"}
# With these Slack does all that was asked. Many HTTP libraries send JSON without a charset.
_HARMLESS = {
    "missing_charset": "the Content-Type of a JSON body should name its charset",
    "superfluous_charset": "the Content-Type of a form should name no charset",
}


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
    # api.test gives back whatever it was given: https://docs.slack.dev/reference/methods/api.test
    if method not in reference() or method == "api.test":
        return
    known: Mapping[str, Any] = reference()[method]["arguments"]
    for name in arguments:
        if name not in known and name not in _EVERYWHERE:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            yield (f"{method} has no argument {name!r}{hint}, and Slack would ignore it. {_read(method)}")


def warned(method: str, warnings: Iterable[str], *, harmless: bool) -> Iterator[str]:
    """Say what Slack's warnings about a request mean.

    Args:
        method: The method.
        warnings: The warnings of the answer.
        harmless: Whether to tell of those with which Slack does all that was asked, or of the others.
    """
    means = _HARMLESS if harmless else _CUT
    for warning in warnings:
        if warning in means:
            yield f"{method}: Slack warns {warning}: {means[warning]}. {_read(method)}"


def _read(method: str) -> str:
    return f"Read https://docs.slack.dev/reference/methods/{method}"
