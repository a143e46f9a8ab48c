"""Write docs/action-table.md: every action with its methods, scopes, what a second run does, and its tests.

Rule of this file: nothing is written by hand. Methods and scopes are those of the catalogue, which the fake workspace
has proven; a second run is what the docstring says. Run it as ``python -m tests.action_table``.
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any

import slackrunbooks as sr
from slackrunbooks.actions import ACTIONS
from slackrunbooks.slack_methods import METHODS
from slackrunbooks.testing import FakeSlack

from .catalogue import BY_ACTION, world

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "action-table.md"

# The files that show what actions do, a family each; all others walk all actions, or use them to show other things.
_FAMILIES = ("test_actions*.py", "test_approvals.py", "test_markup.py")

_HEAD = """# Table of actions

<!-- Written by `python -m tests.action_table`; a test tells when it has to be written anew. -->

What each action calls, needs and does when it is run a second time, as the test suite shows it against the fake
workspace. [Actions](actions.md) says how to use them.

The first scopes are enough for the simplest use in a public channel; those after "more" are what options, names in
place of IDs, e-mail addresses, groups and private channels need besides or instead. [Scopes](scopes.md) has those of a
runbook. Next to each method stands what sending it twice would do, which decides what becomes of a lost answer: it
*reads*, leaves things the *same*, is *guarded* by a named error, or *doubles*; see
[Errors](errors.md#what-is-tried-again).

Each action is tested where the last column says, and in `tests/test_contract.py` (all that holds for every action),
`tests/test_permissions.py` (its scopes are enough, and each is needed), `tests/test_slack_reference.py` (its requests
are what Slack documents) and `tests/test_settle.py` (a lost answer doubles nothing).

| action | methods | scopes | a second run | tests |
|---|---|---|---|---|
"""


@cache
def _actions(cls: type[sr.Action[Any]]) -> tuple[sr.Action[Any], ...]:
    """Return the action of each of its cases."""
    made: list[sr.Action[Any]] = []
    for case in BY_ACTION.get(cls, ()):
        fake = FakeSlack()
        world(fake)
        case.before(fake)
        made.append(case.make(fake))
    return tuple(made)


def _methods(cls: type[sr.Action[Any]]) -> str:
    """Return the methods that an action needs, in the order in which it first names them, and what a repeat does."""
    names = dict.fromkeys(need.method for action in _actions(cls) for need in action.needs())
    return ", ".join(f"`{name}` ({METHODS[name].repeat.value})" for name in names) or "none"


def _scopes(cls: type[sr.Action[Any]]) -> str:
    """Return the fewest scopes that any of its cases needs, and all the others that it may need."""
    proven = [case.scopes for case in BY_ACTION.get(cls, ())]
    least = min(proven, key=len, default=set())
    more = set().union(*proven, *(_named(action) for action in _actions(cls))) - least
    told = _codes(sorted(least)) or "none"
    return f"{told}; more: {_codes(sorted(more))}" if more else told


def _named(action: sr.Action[Any]) -> set[str]:
    """Return the scopes to ask for in channels of either type, under whatever condition."""
    kinds = ("any", "public", "private")
    entries = sr.required_scopes(action).requirements
    return {scopes[0] for entry in entries for kind, scopes in entry.alternatives.items() if kind in kinds}


def _codes(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _again(cls: type[sr.Action[Any]]) -> str:
    told = re.search(r"^Again: (.*?)(?:\n\n|\Z)", inspect.cleandoc(cls.__doc__ or ""), re.DOTALL | re.MULTILINE)
    if told is None:
        raise ValueError(f"{cls.__name__} does not say what a second run does")
    text = re.sub(r"``(.+?)``", r"`\1`", " ".join(told[1].split()))
    return re.sub(r":\w+:`(.+?)`", r"`\1`", text)


@cache
def _uses() -> dict[str, str]:
    """Return the text of each test file that shows what actions do."""
    files = sorted(file for pattern in _FAMILIES for file in Path(__file__).parent.glob(pattern))
    return {file.name: file.read_text(encoding="utf-8") for file in files}


def _tests(cls: type[sr.Action[Any]]) -> str:
    """Return the one or two files that use an action the most."""
    used = {name: len(re.findall(rf"\b{cls.__name__}\(", text)) for name, text in _uses().items()}
    most = sorted((name for name in used if used[name]), key=lambda name: (-used[name], name))
    return ", ".join(f"`{name}`" for name in most[:2])


@cache
def _anchors() -> dict[str, str]:
    """Return where docs/actions.md tells of each action."""
    rows = re.findall(r"^\| \[`(\w+)`\]\(#([\w-]+)\)", (DOCS / "actions.md").read_text(encoding="utf-8"), re.MULTILINE)
    return dict(rows)


def table() -> str:
    """Return the page."""
    rows = (
        f"| [`{cls.__name__}`](actions.md#{_anchors()[cls.__name__]}) "
        f"| {_methods(cls)} | {_scopes(cls)} | {_again(cls)} | {_tests(cls)} |\n"
        for cls in ACTIONS.values()
    )
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")
