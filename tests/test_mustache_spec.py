"""The specification of Mustache, all 136 cases of its core, and where our defaults differ from it.

The cases are those of https://github.com/mustache/spec (MIT), kept in ``data/mustache-spec.json`` without their prose.
"""

from __future__ import annotations

import collections
import json
from pathlib import Path
from typing import Any

import pytest

from slackrunbooks.errors import MissingVariable, TemplateError
from slackrunbooks.templates import Template

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "mustache-spec.json").read_text(encoding="utf-8")
)["cases"]

TEXT_DIVERGENCES = {
    # Slack decodes only &, < and >, so a quotation mark stays one.
    "interpolation: HTML Escaping": 'These characters should be HTML escaped: &amp; " &lt; &gt;\n',
    "interpolation: Implicit Iterators - HTML Escaping": 'These characters should be HTML escaped: &amp; " &lt; &gt;\n',
    "sections: Implicit Iterator - HTML Escaping": '"(&amp;)(")(&lt;)(&gt;)"',
}
"""What we print by default where the specification prints something else."""

ERROR_DIVERGENCES: dict[str, tuple[type[TemplateError], str]] = {
    # Printing an unknown name is an error.
    "interpolation: Basic Context Miss Interpolation": (MissingVariable, "the context has no 'cannot'"),
    "interpolation: Triple Mustache Context Miss Interpolation": (MissingVariable, "the context has no 'cannot'"),
    "interpolation: Ampersand Context Miss Interpolation": (MissingVariable, "the context has no 'cannot'"),
    "interpolation: Dotted Names - Broken Chains": (MissingVariable, "the context has no 'a.b.c'"),
    "interpolation: Dotted Names - Broken Chain Resolution": (MissingVariable, "the context has no 'a.b.c.name'"),
    "interpolation: Dotted Names - Context Precedence": (MissingVariable, "the context has no 'b.c'"),
    "interpolation: Dotted Names are never single keys": (MissingVariable, "the context has no 'a.b'"),
    # A guard whose earlier segment is missing can never hold, so it is an error too.
    "sections: Dotted Names - Broken Chains": (MissingVariable, "the context has no 'a.b'"),
    "inverted: Dotted Names - Broken Chains": (MissingVariable, "the context has no 'a.b'"),
    "partials: Failed Lookup": (TemplateError, "there is no partial 'text'"),
}
"""What we report by default where the specification prints nothing."""


def name_of(case: dict[str, Any]) -> str:
    """Return the name of a case, with its file."""
    return f"{case['file']}: {case['name']}"


def html(text: str) -> str:
    """Escape as the specification has it."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_specification(case: dict[str, Any]) -> None:
    """With HTML escaping and missing="empty", every case of the specification prints what it expects."""
    template = Template(case["template"], partials=case.get("partials"))
    assert template.render(case["data"], escape=html, missing="empty") == case["expected"]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_defaults(case: dict[str, Any]) -> None:
    """Under our defaults each case prints the same, or differs in the way that a table names."""
    template = Template(case["template"], partials=case.get("partials"))
    if name_of(case) in ERROR_DIVERGENCES:
        error, message = ERROR_DIVERGENCES[name_of(case)]
        with pytest.raises(error) as caught:
            template.render(case["data"])
        assert type(caught.value) is error
        assert message in str(caught.value)
        return
    text = template.render(case["data"])
    assert text == TEXT_DIVERGENCES.get(name_of(case), case["expected"])
    assert (text != case["expected"]) == (name_of(case) in TEXT_DIVERGENCES)


def test_every_case_is_accounted_for() -> None:
    """All 136 cases are here under different names; 123 are equal under our defaults and 13 differ by name."""
    files = collections.Counter(case["file"] for case in CASES)
    assert files == {
        "comments": 12,
        "delimiters": 14,
        "interpolation": 42,
        "inverted": 22,
        "partials": 12,
        "sections": 34,
    }
    names = {name_of(case) for case in CASES}
    diverging = {*TEXT_DIVERGENCES, *ERROR_DIVERGENCES}
    assert len(names) == 136
    assert diverging <= names
    assert (len(names - diverging), len(TEXT_DIVERGENCES), len(ERROR_DIVERGENCES)) == (123, 3, 10)
