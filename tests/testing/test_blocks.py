"""Block Kit's documented limits, each at the last value that passes and the first that does not."""

from __future__ import annotations

from typing import Any

import pytest

from slackrunbooks.testing._blocks import UNKNOWN, faults, total_length


def mrkdwn(length: int) -> dict[str, Any]:
    """Return a mrkdwn text object of that length."""
    return {"type": "mrkdwn", "text": "x" * length}


def plain(length: int) -> dict[str, Any]:
    """Return a plain_text object of that length."""
    return {"type": "plain_text", "text": "x" * length}


def section(**fields: Any) -> list[dict[str, Any]]:
    """Return blocks of one section."""
    return [{"type": "section", **fields}]


def button(**fields: Any) -> list[dict[str, Any]]:
    """Return blocks of one button."""
    return [{"type": "actions", "elements": [{"type": "button", "text": plain(1), **fields}]}]


def select(count: int = 1, **option: Any) -> list[dict[str, Any]]:
    """Return blocks of one menu."""
    options = [{"text": plain(1), "value": "x", **option}] * count
    return [{"type": "actions", "elements": [{"type": "static_select", "options": options}]}]


def image(**fields: Any) -> list[dict[str, Any]]:
    """Return blocks of one image."""
    return [{"type": "image", "image_url": "https://x", "alt_text": "x", **fields}]


LIMITS: list[tuple[list[Any], list[Any], str]] = [
    ([{"type": "divider"}] * 50, [{"type": "divider"}] * 51, "/blocks"),
    (section(text=mrkdwn(3000)), section(text=mrkdwn(3001)), "/blocks/0/text/text"),
    (section(text=mrkdwn(1)), section(text=mrkdwn(0)), "/blocks/0/text/text"),
    (section(fields=[mrkdwn(2000)]), section(fields=[mrkdwn(2001)]), "/blocks/0/fields/0/text"),
    (section(fields=[plain(1)] * 10), section(fields=[plain(1)] * 11), "/blocks/0/fields"),
    (section(text=plain(1), block_id="x" * 255), section(text=plain(1), block_id="x" * 256), "/blocks/0/block_id"),
    ([{"type": "header", "text": plain(150)}], [{"type": "header", "text": plain(151)}], "/blocks/0/text/text"),
    ([{"type": "header", "text": plain(1)}], [{"type": "header", "text": mrkdwn(1)}], "/blocks/0/text/type"),
    (
        [{"type": "context", "elements": [mrkdwn(1)] * 10}],
        [{"type": "context", "elements": [mrkdwn(1)] * 11}],
        "/blocks/0/elements",
    ),
    (button(), [{"type": "actions", "elements": button()[0]["elements"] * 26}], "/blocks/0/elements"),
    (button(text=plain(75)), button(text=plain(76)), "/blocks/0/elements/0/text/text"),
    (button(value="x" * 2000), button(value="x" * 2001), "/blocks/0/elements/0/value"),
    (button(url="x" * 3000), button(url="x" * 3001), "/blocks/0/elements/0/url"),
    (button(action_id="x" * 255), button(action_id="x" * 256), "/blocks/0/elements/0/action_id"),
    (select(100), select(101), "/blocks/0/elements/0/options"),
    (select(value="x" * 150), select(value="x" * 151), "/blocks/0/elements/0/options/0/value"),
    (select(text=plain(75)), select(text=plain(76)), "/blocks/0/elements/0/options/0/text/text"),
    (image(image_url="x" * 3000), image(image_url="x" * 3001), "/blocks/0/image_url"),
    (image(alt_text="x" * 2000), image(alt_text="x" * 2001), "/blocks/0/alt_text"),
    (image(title=plain(2000)), image(title=plain(2001)), "/blocks/0/title/text"),
    (
        [{"type": "markdown", "text": "x" * 12_000}],
        [{"type": "markdown", "text": "x" * 12_001}],
        "/blocks/0/text",
    ),
    (
        [{"type": "table", "rows": [[plain(1)] * 20]}],
        [{"type": "table", "rows": [[plain(1)] * 21]}],
        "/blocks/0/rows/0",
    ),
    (
        [{"type": "table", "rows": [[plain(1)]] * 100}],
        [{"type": "table", "rows": [[plain(1)]] * 101}],
        "/blocks/0/rows",
    ),
    (
        [{"type": "table", "rows": [[plain(10_000)]]}],
        [{"type": "table", "rows": [[plain(10_001)]]}],
        "/blocks/0/rows",
    ),
    ([{"type": "rich_text", "elements": []}], [{"type": "rich_text"}], "/blocks/0/elements"),
    ([{"type": "divider", "block_id": "a"}], [{"type": "divider", "block_id": "a"}] * 2, "/blocks/1/block_id"),
    (section(text=plain(1), accessory=image()[0]), section(text=plain(1), accessory="x"), "/blocks/0/accessory"),
    (
        [{"type": "context", "elements": image()}],
        [{"type": "context", "elements": image(alt_text="x" * 2001)}],
        "/blocks/0/elements/0/alt_text",
    ),
]


@pytest.mark.parametrize(("good", "bad", "pointer"), LIMITS)
def test_a_limit_is_where_the_page_says(good: list[Any], bad: list[Any], pointer: str) -> None:
    """The last allowed value passes, and the next one is found at its JSON pointer."""
    assert faults(good) == []
    assert [place for _, place in faults(bad)] == [pointer]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("text", "must be an object"),
        ({}, "missing required field: type"),
        ({"type": "section"}, "missing required field: text or fields"),
        ({"type": "section", "text": "x"}, "must be a text object"),
        ({"type": "section", "text": {"type": "mrkdwn", "text": 5}}, "must be a string"),
        ({"type": "section", "fields": "x"}, "must be an array"),
        ({"type": "section", "fields": []}, "must have at least 1 item"),
        ({"type": "image", "alt_text": "x"}, "missing required field: image_url or slack_file"),
        ({"type": "image", "image_url": "x"}, "missing required field: alt_text"),
        ({"type": "hologram"}, UNKNOWN),
    ],
)
def test_what_is_no_block_is_found(block: Any, message: str) -> None:
    """Missing and misshapen parts are named."""
    assert [what for what, _ in faults([block])] == [message]


@pytest.mark.parametrize("kind", ["divider", "file", "input", "video"])
def test_blocks_without_a_documented_limit_pass(kind: str) -> None:
    """Nothing is invented about them."""
    assert faults([{"type": kind}]) == []


def test_options_that_are_no_objects_are_let_be() -> None:
    """Only options with a documented shape are measured."""
    assert faults([{"type": "actions", "elements": [{"type": "overflow", "options": ["x"]}]}]) == []


def test_every_text_counts_towards_the_total() -> None:
    """Texts of sections, fields, rich text and Markdown add up."""
    blocks = [
        *section(text=mrkdwn(10), fields=[plain(5)]),
        {"type": "markdown", "text": "x" * 7},
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "abc"}]}],
        },
    ]
    assert total_length(blocks) == 25


def test_several_faults_are_answered_together(ask) -> None:
    """The answer lists each fault with its pointer, in errors and in response_metadata."""
    blocks = [*section(text=mrkdwn(3001)), {"type": "header", "text": plain(151)}]
    answer = ask("chat.postMessage", channel="incidents", text="x", blocks=blocks)
    errors = [
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
        "must be less than 151 characters [json-pointer:/blocks/1/text/text]",
    ]
    assert answer == {
        "ok": False,
        "error": "invalid_blocks",
        "errors": errors,
        "response_metadata": {"messages": [f"[ERROR] {error}" for error in errors]},
    }
