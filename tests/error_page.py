"""Write docs/slack-errors.md: every error code of the methods that actions and own actions can call.

Rule of this file: nothing is written by hand. Which method lists which code is Slack's, in ``data/slack-openapi.json``;
what a code means and what to do is in ``slackrunbooks/_slack_errors.py``. Run it as ``python -m tests.error_page``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from slackrunbooks._slack_errors import BY_METHOD, TEXTS, Text, anchor
from slackrunbooks.slack_methods import METHODS, slack_error

DATA = Path(__file__).parent / "data"
PAGE = Path(__file__).parents[1] / "docs" / "slack-errors.md"

COMMON: tuple[str, ...] = tuple(json.loads((DATA / "slack-errors.json").read_text(encoding="utf-8"))["common"])
"""The codes that any method may answer with."""

# The text of the page names these two, its table of errors does not.
_IN_PROSE = {"usergroups.users.update": ("invalid_user", "single_channel_guests_cannot_be_added")}

_HEAD = """# Every error code of Slack

<!-- Written by `python -m tests.error_page`; a test tells when it has to be written anew. -->

What each code means that Slack answers to the methods which slackrunbooks knows, and what to do about it. The codes are
those of the [pages of the methods](https://docs.slack.dev/reference/methods) and of the table that is common to all of
them; `error.docs` leads from an error to its entry here, and `error.remedy` has the same text.

A code that means something else from one method to the next has an entry for each. What becomes of an error, and what
is tried again without anybody's doing, is in [Errors](errors.md).

"""


def listed() -> dict[str, frozenset[str]]:
    """Return the codes that each method's page lists, with those common to all."""
    paths = json.loads((DATA / "slack-openapi.json").read_text(encoding="utf-8"))["paths"]
    return {
        name: frozenset(
            {
                *paths[f"/api/{name}"]["post"]["responses"]["200"]["x-errors"],
                *COMMON,
                *_IN_PROSE.get(name, ()),
            }
        )
        for name in METHODS
    }


def entries() -> Mapping[str, tuple[str, ...]]:
    """Return for each anchor the methods that its text is for, in the order of their names."""
    found: dict[str, list[str]] = defaultdict(list)
    for method, codes in sorted(listed().items()):
        for code in codes:
            found[anchor(method, code)].append(method)
    return {name: tuple(methods) for name, methods in found.items()}


def page() -> str:
    """Return the page."""
    return _HEAD + "\n".join(
        [
            "## Of any method\n",
            *_entries({code: text for code, text in TEXTS.items() if code in COMMON}),
            "## Of single methods\n",
            *_entries({code: text for code, text in TEXTS.items() if code not in COMMON}),
        ]
    )


def _entries(texts: Mapping[str, Text]) -> Iterator[str]:
    methods = entries()
    for code, text in sorted(texts.items()):
        if code in COMMON:
            whose = ""
        elif code in methods:
            whose = f"From {_names(methods[code])}. "
        else:
            # Every method that lists it has an entry of its own; an own action may call another.
            whose = "From any other method than those below. "
        yield _entry(f"`{code}`", text, whose + _raised(methods.get(code, ("",))[0], code))
        for (method, special), own in sorted(BY_METHOD.items()):
            if special == code:
                yield _entry(f"`{code}` of `{method}`", own, _raised(method, code))
    # Codes that only single methods have, each with an entry of its own.
    for (method, special), own in sorted(BY_METHOD.items()):
        if special not in TEXTS and texts.keys().isdisjoint(COMMON):
            yield _entry(f"`{special}` of `{method}`", own, _raised(method, special))


def _entry(title: str, text: Text, about: str) -> str:
    return f"### {title}\n\n{text.cause}\n\n**Do this:** {text.remedy}\n\n{about}\n"


def _raised(method: str, code: str) -> str:
    return f"Raised as `{type(slack_error(method, {'ok': False, 'error': code})).__name__}`."


def _names(methods: tuple[str, ...]) -> str:
    return ", ".join(f"[`{name}`]({METHODS[name].page})" for name in methods)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
