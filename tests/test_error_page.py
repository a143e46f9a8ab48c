"""Holds the page of Slack's error codes: complete, each entry its own, and the one to which an error leads."""

from __future__ import annotations

import pickle
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import pytest

import slackrunbooks as sr
from slackrunbooks._slack_errors import BY_METHOD, TEXTS, Text, anchor, text_of
from slackrunbooks.slack_methods import slack_error

from . import error_page

LISTED = error_page.listed()
PAIRS = sorted((method, code) for method, codes in LISTED.items() for code in codes)

# Advice that would fit any code.
_GENERIC = re.compile(
    r"(try|do|run it) again( later)?\.?|contact (slack|support|us).*|(see|read|check) (the|slack's)?\s*"
    r"(docs|documentation|api|page|logs?)\b.*|check (the|your) (request|arguments?|input)s?\.?|"
    r"(fix|correct) (it|the (error|request|problem))\.?|ask an administrator\.?",
    re.IGNORECASE,
)


def faults(texts: Mapping[object, Text]) -> Iterator[str]:
    """Tell what is wrong with the texts: one that two entries share, that fits anything, or that is no sentence."""
    for field in Text._fields:
        same: dict[str, list[object]] = defaultdict(list)
        for key, text in texts.items():
            told = getattr(text, field)
            same[told].append(key)
            if _GENERIC.fullmatch(told) or len(told.split()) < 3:
                yield f"{key}: the {field} would fit any code: {told!r}"
            if not re.fullmatch(r"[\w/].*[.)]", told, re.DOTALL):
                yield f"{key}: the {field} is no sentence: {told!r}"
        yield from (f"{keys} share the {field} {told!r}" for told, keys in same.items() if len(keys) > 1)


def _headings() -> set[str]:
    """Return the anchors of the page, as GitHub and myst-parser make them of headings."""
    lines = error_page.PAGE.read_text(encoding="utf-8").splitlines()
    titles = [line.removeprefix("### ").lower() for line in lines if line.startswith("### ")]
    found = {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}
    assert len(found) == len(titles)
    return found


def test_page_is_as_the_data_has_it() -> None:
    """The page in docs/ is what the program writes."""
    assert error_page.PAGE.read_text(encoding="utf-8") == error_page.page(), "write it: python -m tests.error_page"


def test_every_entry_has_a_cause_and_a_remedy_of_its_own() -> None:
    """No two entries share a cause or a remedy, and no remedy would fit any code."""
    assert list(faults({**TEXTS, **BY_METHOD})) == []


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ({"a": Text("One thing is.", "Do this now.")}, None),
        ({"a": Text("One thing is.", "Try again.")}, "fit any code"),
        ({"a": Text("One thing is.", "Contact Slack about this please.")}, "fit any code"),
        ({"a": Text("One thing is.", "See the documentation for more.")}, "fit any code"),
        ({"a": Text("One thing is.", "Correct it.")}, "fit any code"),
        ({"a": Text("One thing is.", "Do this now")}, "no sentence"),
        ({"a": Text("", "Do this now.")}, "fit any code"),
        ({"a": Text("One thing is.", "Do this now."), "b": Text("Another thing is.", "Do this now.")}, "the remedy"),
        ({"a": Text("One thing is.", "Do this now."), "b": Text("One thing is.", "Do that now.")}, "share the cause"),
    ],
)  # fmt: skip
def test_the_check_can_fail(texts: Mapping[object, Text], found: str | None) -> None:
    """A generic remedy, a shared one, and half a sentence are found."""
    told = list(faults(texts))
    assert (told == []) if found is None else (found in "\n".join(told))


def test_every_code_of_every_method_is_there() -> None:
    """Each code that a method's page lists, and each common one, leads to a heading of the page."""
    assert len(PAIRS) > 2000
    headings = _headings()
    assert [pair for pair in PAIRS if anchor(*pair) not in headings] == []


def test_no_text_is_left_over() -> None:
    """Each text is for a code that Slack documents, and each text of one method for one that the method lists."""
    codes = {code for _, code in PAIRS}
    assert sorted(TEXTS.keys() - codes) == []
    assert sorted(BY_METHOD.keys() - set(PAIRS)) == []
    assert {anchor(*pair) for pair in PAIRS} | set(TEXTS) == _headings()


@pytest.mark.parametrize(
    ("error", "docs"),
    [
        (slack_error("chat.update", {"error": "msg_too_long"}), "msg_too_long"),
        (slack_error("conversations.create", {"error": "name_taken"}), "name_taken-of-conversationscreate"),
        (slack_error("my.method", {"error": "name_taken"}), "name_taken"),
        (slack_error("chat.postMessage", {}, status=429), "ratelimited"),
        (slack_error("chat.postMessage", {"error": "missing_scope", "needed": "chat:write"}), "missing_scope"),
        (sr.NameTaken("name_taken", method="conversations.rename"), "name_taken-of-conversationsrename"),
        (sr.AuthenticationFailed("not_authed", method=""), "not_authed"),
    ],
)
def test_an_error_leads_to_its_entry(error: sr.SlackError, docs: str) -> None:
    """Every typed error knows where its code is explained, also after a pickle."""
    assert error.docs == f"slack-errors.md#{docs}"
    assert pickle.loads(pickle.dumps(error)).docs == error.docs
    assert docs in _headings()


def test_a_code_that_nobody_documents_leads_nowhere() -> None:
    """An unknown code has no entry, and its remedy is the method's page."""
    error = slack_error("chat.update", {"error": "brand_new"})
    assert error.docs == ""
    assert text_of("chat.update", "brand_new") is None
    assert sr.SlackUnavailable(method="chat.update").docs == ""


def test_remedy_of_an_error_is_the_text_of_the_page() -> None:
    """What an error says is what its entry says, but for the two whose class says it better: how long, which scope."""
    for method, code in PAIRS:
        if code not in ("ratelimited", "missing_scope"):
            assert slack_error(method, {"ok": False, "error": code}).remedy == str(text_of(method, code))
