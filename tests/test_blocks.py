"""Block Kit as data: reading, rendering, limits, and the text for notifications."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks import blocks
from slackrunbooks.blocks import block_problems, fallback_text, normalise, render_blocks
from slackrunbooks.errors import RunbookError
from slackrunbooks.templates import Template
from slackrunbooks.testing import FakeSlack
from slackrunbooks.text import Kind

DOCS = "https://docs.slack.dev/reference/block-kit"

DIVIDER = {"type": "divider"}


def section(text: str = "hello", **more: Any) -> dict[str, Any]:
    """Make a section with a mrkdwn text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def plain(text: str) -> dict[str, Any]:
    """Make a plain text object."""
    return {"type": "plain_text", "text": text}


def button(**more: Any) -> dict[str, Any]:
    """Make a button."""
    return {"type": "button", "text": plain("Open"), **more}


def rich(*elements: dict[str, Any], kind: str = "rich_text_section") -> dict[str, Any]:
    """Make a block of rich text with one line."""
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements)}]}


class Model:
    """What slack_sdk's models look like from outside."""

    def __init__(self, **data: Any) -> None:
        self.data = data

    def to_dict(self) -> dict[str, Any]:
        """Return the data."""
        return self.data


# --- reading ---------------------------------------------------------------------------------------------------------

YAML = """
- type: section
  text: {type: mrkdwn, text: "hello"}
- type: divider
"""


@pytest.mark.parametrize(
    "given_as",
    [
        [section(), DIVIDER],
        (section(), DIVIDER),
        {"blocks": [section(), DIVIDER]},
        {"blocks": [section(), DIVIDER], "unfurl_links": False},
        Model(blocks=[section(), DIVIDER]),
        [Model(type="section", text=Model(type="mrkdwn", text="hello")), Model(type="divider")],
        [{"type": "section", "text": Model(type="mrkdwn", text="hello")}, DIVIDER],
        json.dumps([section(), DIVIDER]),
        json.dumps({"blocks": [section(), DIVIDER]}),
        YAML,
        "[{type: section, text: {type: mrkdwn, text: hello}}, {type: divider}]",
    ],
)
def test_forms(given_as: object) -> None:
    """Data, models, Block Kit Builder's export, JSON and YAML all read as the same blocks."""
    assert normalise(given_as) == (section(), DIVIDER)


def test_models_of_slack_sdk() -> None:
    """The models of slack_sdk are read with everything in them."""
    from slack_sdk.models import blocks as models

    read = normalise([models.SectionBlock(text=models.MarkdownTextObject(text="*a*")), models.DividerBlock()])
    assert read == (section("*a*"), DIVIDER)


def test_copy() -> None:
    """What is read is a copy, so that changing the original changes nothing."""
    original = [section()]
    read = normalise(original)
    original[0]["text"]["text"] = "bye"
    assert read == (section(),)


def test_no_blocks() -> None:
    """An empty list is read, for its emptiness is for the check to report."""
    assert normalise([]) == ()


ITSELF: list[Any] = []
ITSELF.append({"type": "context", "elements": ITSELF})


@pytest.mark.parametrize(
    ("given_as", "place", "reason"),
    [
        (7, "blocks", "must be a list, not int"),
        (None, "blocks", "must be a list, not null"),
        (b"[]", "blocks", "must be a list, not bytes"),
        ("hello", "blocks", "must be a list, not text"),
        ("7", "blocks", "must be a list, not int"),
        (dict, "blocks", "must be a list, not type"),
        ({"type": "divider"}, "blocks", "put it into a list"),
        ({"text": "hello"}, "blocks", "JSON or YAML text"),
        ({"blocks": "{{blocks}}"}, "blocks", "not a template, because a value could then change"),
        ("{{blocks}}", "blocks", "cannot be made by a template"),
        (" {{{blocks}}}\n", "blocks", "cannot be made by a template"),
        ("{{#x}}[]{{/x}}", "blocks", "cannot be made by a template"),
        ([DIVIDER, "{{block}}"], "blocks[1]", "not a template"),
        ([DIVIDER, DIVIDER, ["x"]], "blocks[2]", "must be a block"),
        ([{"type": "section", "text": {1: "x"}}], "blocks[0].text", "key 1"),
        ([{"type": "section", "fields": [plain("a"), date(2026, 1, 2)]}], "blocks[0].fields[1]", "quoted text"),
        (["a", DIVIDER], "blocks[0]", "not text"),
        (ITSELF, r"blocks[0].elements", "nested more than 40 deep"),
        ("[" * 100_000, "blocks", "nested more than 40 deep"),
        ("- type: section\n  text: {type: mrkdwn, text: {{x}}}", "blocks", 'text: "{{name}}"'),
        ("- when: 2026-99-99", "blocks", "is text, but"),
    ],
)
def test_refused_forms(given_as: object, place: str, reason: str) -> None:
    """Anything else is refused with its place and with what to pass."""
    with pytest.raises(RunbookError) as caught:
        normalise(given_as)
    assert caught.value.place.startswith(place)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('[{"type": "section",\n "text": swordfish]', 2, 10),
        ("- type: section\n  text: 'swordfish\n", 3, 1),
        ("- swordfish: [1\n- 2", 2, 4),
    ],
)
def test_text_that_cannot_be_parsed(text: str, line: int, column: int) -> None:
    """A syntax error has its line and column, and nothing of the text."""
    with pytest.raises(RunbookError) as caught:
        normalise(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert "swordfish" not in str(caught.value)


# --- rendering -------------------------------------------------------------------------------------------------------

KINDS: list[tuple[dict[str, Any], dict[str, Kind]]] = [
    (section("a"), {"/text/text": Kind.MRKDWN}),
    (
        {"type": "section", "block_id": "b", "fields": [plain("a"), {"type": "mrkdwn", "text": "c"}]},
        {"/block_id": Kind.RAW, "/fields/0/text": Kind.PLAIN, "/fields/1/text": Kind.MRKDWN},
    ),
    ({"type": "header", "text": plain("a")}, {"/text/text": Kind.PLAIN}),
    ({"type": "markdown", "text": "a"}, {"/text": Kind.MARKDOWN}),
    (
        {"type": "context", "elements": [{"type": "image", "image_url": "u", "alt_text": "a"}]},
        {"/elements/0/image_url": Kind.URL, "/elements/0/alt_text": Kind.PLAIN},
    ),
    (
        {"type": "actions", "elements": [button(url="u", value="v", action_id="i", style="danger")]},
        {
            "/elements/0/text/text": Kind.PLAIN,
            "/elements/0/url": Kind.URL,
            "/elements/0/value": Kind.RAW,
            "/elements/0/action_id": Kind.RAW,
        },
    ),
    (
        {
            "type": "video",
            "title": plain("t"),
            "title_url": "u",
            "author_name": "n",
            "provider_name": "p",
            "thumbnail_url": "t",
            "video_url": "v",
        },
        {
            "/title/text": Kind.PLAIN,
            "/title_url": Kind.URL,
            "/author_name": Kind.PLAIN,
            "/provider_name": Kind.PLAIN,
            "/thumbnail_url": Kind.URL,
            "/video_url": Kind.URL,
        },
    ),
    (
        rich(
            {"type": "text", "text": "a", "style": {"bold": True}},
            {"type": "link", "text": "l", "url": "u"},
            {"type": "user", "user_id": "U1"},
            {"type": "channel", "channel_id": "C1"},
            {"type": "usergroup", "usergroup_id": "S1"},
            {"type": "broadcast", "range": "here"},
            {"type": "emoji", "name": "tada", "unicode": "1f389"},
            {"type": "color", "value": "#F405B3"},
            {"type": "date", "timestamp": 1, "format": "{date}", "fallback": "f"},
        ),
        {
            "/elements/0/elements/0/text": Kind.RAW,
            "/elements/0/elements/1/text": Kind.RAW,
            "/elements/0/elements/1/url": Kind.URL,
            "/elements/0/elements/2/user_id": Kind.ID,
            "/elements/0/elements/3/channel_id": Kind.ID,
            "/elements/0/elements/4/usergroup_id": Kind.ID,
            "/elements/0/elements/7/value": Kind.RAW,
            "/elements/0/elements/8/format": Kind.RAW,
            "/elements/0/elements/8/fallback": Kind.RAW,
        },
    ),
    ({"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]}, {"/rows/0/0/text": Kind.RAW}),
    (
        {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "a"},
        {"/slack_file/id": Kind.ID, "/alt_text": Kind.PLAIN},
    ),
    (
        section("a", accessory={"type": "multi_users_select", "initial_users": ["U1", "U2"], "max_selected_items": 2}),
        {"/text/text": Kind.MRKDWN, "/accessory/initial_users/0": Kind.ID, "/accessory/initial_users/1": Kind.ID},
    ),
    ({"type": "hologram", "label": {"a/b~c": plain("a")}}, {"/label/a~1b~0c/text": Kind.PLAIN}),
]


@pytest.mark.parametrize(("block", "kinds"), KINDS, ids=lambda value: value.get("type"))
def test_kinds(block: dict[str, Any], kinds: dict[str, Kind]) -> None:
    """Each leaf that may be a template is rendered once, by the kind of its place, and no other leaf is."""
    seen: dict[str, Kind] = {}

    def leaf(source: str, kind: Kind, pointer: str) -> str:
        assert pointer not in seen
        seen[pointer] = kind
        return source

    render_blocks([DIVIDER, block], leaf)
    assert seen == {f"/blocks/1{pointer}": kind for pointer, kind in kinds.items()}


def test_rendering_replaces_leaves() -> None:
    """The rendered leaf stands where the source stood, and the blocks that came in stay as they are."""
    blocks = normalise([section("{{x}}", fields=[plain("{{y}}")], expand=True), DIVIDER])
    rendered = render_blocks(blocks, lambda source, kind, _: f"{kind.value}:{source}")
    assert rendered[0]["fields"] == [plain("plain:{{y}}")]
    assert rendered[0]["text"]["text"] == "mrkdwn:{{x}}"
    assert (rendered[0]["expand"], rendered[1]) == (True, DIVIDER)
    assert blocks[0] == section("{{x}}", fields=[plain("{{y}}")], expand=True)


@pytest.mark.parametrize(
    ("text", "verbatim"),
    [
        ({"type": "mrkdwn", "text": "#general"}, True),
        ({"type": "mrkdwn", "text": "#general", "verbatim": None}, True),
        ({"type": "mrkdwn", "text": "#general", "verbatim": False}, False),
        ({"type": "mrkdwn", "text": "#general {{x}}", "verbatim": False}, True),
        ({"type": "mrkdwn", "text": "#general", "verbatim": True}, True),
        ({"type": "plain_text", "text": "#general"}, None),
    ],
)
def test_verbatim(text: dict[str, Any], verbatim: bool | None) -> None:
    """A mrkdwn text object is verbatim, unless its author says otherwise and no value stands there."""
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": text, "fields": [text]},
        {"type": "context", "elements": [text]},
    ]
    rendered = render_blocks(blocks, lambda source, _kind, _pointer: source)
    found = [rendered[0]["text"], rendered[0]["fields"][0], rendered[1]["elements"][0]]
    assert [item.get("verbatim") for item in found] == [verbatim] * 3


@pytest.mark.parametrize(
    ("block", "pointer", "reason"),
    [
        ({"type": "{{t}}"}, "/blocks/0/type", "'type' is part of the structure"),
        (section(accessory=button(style="{{s}}")), "/blocks/0/accessory/style", "'style' is part"),
        (rich({"type": "emoji", "name": "{{e}}"}), "/blocks/0/elements/0/elements/0/name", "'name' is part"),
        (rich({"type": "broadcast", "range": "{{r}}"}), "/blocks/0/elements/0/elements/0/range", "'range' is part"),
        ({"type": "hologram", "text": "{{x}}"}, "/blocks/0/text", "'text' is part"),
        (section(**{"{{k}}": "v"}), "/blocks/0", "a key is part"),
    ],
)
def test_structure_takes_no_template(block: dict[str, Any], pointer: str, reason: str) -> None:
    """A tag in a key, a type or another part of the structure is refused with its pointer."""
    with pytest.raises(RunbookError) as caught:
        render_blocks([block], lambda source, _kind, _pointer: source)
    assert caught.value.place == pointer
    assert reason in caught.value.reason


def shape(value: object) -> object:
    """Leave of data its keys, types and lengths."""
    if isinstance(value, dict):
        return {key: value["type"] if key == "type" else shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value)


EVERYTHING = normalise(
    [
        section("{{v}} <https://x.example/{{v}}|{{v}}>", fields=[plain("{{v}}")], accessory=button(value="{{v}}")),
        {"type": "header", "text": plain("{{v}}")},
        {"type": "context", "elements": [{"type": "image", "image_url": "{{v}}", "alt_text": "{{v}}"}]},
        {"type": "markdown", "text": "**{{v}}** [a]({{v}})"},
        rich({"type": "text", "text": "{{v}}"}, {"type": "user", "user_id": "{{v}}"}),
        {"type": "table", "rows": [[{"type": "raw_text", "text": "{{v}}"}]]},
        {"type": "actions", "elements": [button(url="https://x.example/{{v}}", action_id="{{v}}")]},
    ]
)

FOREIGN = st.text() | st.sampled_from(
    ['"}, {"type": "divider"}', "<!channel>", "\\", "{{v}}", "</", "&lt;!here&gt;", "|"]
)


@given(FOREIGN)
def test_no_value_changes_the_structure(value: str) -> None:
    """Whatever text a value is, keys, types and lengths of lists are those of the author, also once it is JSON."""
    rendered = render_blocks(EVERYTHING, lambda source, kind, _: Template(source).render({"v": value}, escape=kind))
    unrendered = render_blocks(EVERYTHING, lambda source, _kind, _pointer: source)
    assert shape(rendered) == shape(unrendered)
    assert shape(json.loads(json.dumps(rendered))) == shape(unrendered)


@given(FOREIGN)
def test_no_value_pings_in_the_fallback(value: str) -> None:
    """Whatever text a value is, the fallback text has only the tokens that the author wrote."""
    rendered = render_blocks(EVERYTHING, lambda source, kind, _: Template(source).render({"v": value}, escape=kind))
    told = fallback_text(rendered)
    tokens = re.findall(r"<(.*?)>", told, re.DOTALL)
    assert len(told) <= 3000
    assert all(token.startswith("https://x.example/") or re.fullmatch("@[A-Z0-9]+", token) for token in tokens)
    assert "<!" not in told


# --- limits ----------------------------------------------------------------------------------------------------------

GOOD = [
    section("x" * 3000, block_id="b" * 255),
    {"type": "section", "fields": [plain("x" * 100)] * 10},
    {"type": "header", "text": plain("x" * 150)},
    {"type": "context", "elements": [plain("x")] * 10},
    {"type": "actions", "elements": [button(action_id=f"a{index}") for index in range(25)]},
    {"type": "actions", "elements": [button(text=plain("x" * 75), value="v" * 2000, url="u" * 3000)]},
    {"type": "image", "image_url": "u" * 3000, "alt_text": "a" * 2000, "title": plain("t" * 2000)},
    {"type": "image", "slack_file": {"id": "F1"}, "alt_text": ""},
    {"type": "markdown", "text": "m"},
    rich({"type": "text", "text": "x"}),
    {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20] * 100, "column_settings": [None] * 20},
    {"type": "file", "external_id": "x", "source": "remote"},
    {"type": "hologram", "text": "x" * 3000, "elements": "whatever"},
    DIVIDER,
]


def test_good_blocks() -> None:
    """Blocks at their limits, and types that this version does not know, have no problem."""
    assert block_problems(GOOD) == []


def select(**more: Any) -> dict[str, Any]:
    """Make a section with a menu."""
    return section(accessory={"type": "static_select", **more})


def option(**more: Any) -> dict[str, Any]:
    """Make an option of a menu."""
    return {"text": plain("a"), "value": "a", **more}


CONFIRM = {"title": plain("t"), "text": plain("x"), "confirm": plain("y"), "deny": plain("n")}

PROBLEMS: list[tuple[dict[str, Any], str, str, str]] = [
    (
        section("x" * 3001),
        "/text/text",
        "has 3001 characters, and Slack takes at most 3000: shorten",
        "blocks/section-block",
    ),
    (section(""), "/text/text", "has 0 characters, and Slack wants at least 1: fill", "blocks/section-block"),
    (section(block_id="b" * 256), "/block_id", "256 characters, and Slack takes at most 255", "blocks/section-block"),
    ({"type": "section"}, "", "lacks text or fields: add it", "blocks/section-block"),
    ({"type": "section", "text": None}, "", "lacks text or fields", "blocks/section-block"),
    (
        {"type": "section", "text": "hi"},
        "/text",
        'is text: give a text object, {"type": "mrkdwn"',
        "blocks/section-block",
    ),
    (
        {"type": "section", "text": {"text": "hi"}},
        "/text/type",
        "is None: make it mrkdwn or plain_text",
        "blocks/section-block",
    ),
    ({"type": "section", "text": {"type": "mrkdwn"}}, "/text/text", "is null: give it as text", "blocks/section-block"),
    ({"type": "section", "fields": []}, "/fields", "has 0 items, and Slack wants at least 1", "blocks/section-block"),
    ({"type": "section", "fields": plain("a")}, "/fields", "is dict: make it a list", "blocks/section-block"),
    (
        {"type": "section", "fields": [plain("a")] * 11},
        "/fields",
        "has 11 items, and Slack takes at most 10",
        "blocks/section-block",
    ),
    ({"type": "section", "fields": [plain("x" * 2001)]}, "/fields/0/text", "2001 characters", "blocks/section-block"),
    ({"type": "header", "text": plain("x" * 151)}, "/text/text", "at most 150", "blocks/header-block"),
    (
        {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        "/text/type",
        "is 'mrkdwn': make it plain_text",
        "blocks/header-block",
    ),
    ({"type": "header", "text": "x"}, "/text", '{"type": "plain_text"', "blocks/header-block"),
    ({"type": "context", "elements": [plain("x")] * 11}, "/elements", "has 11 items", "blocks/context-block"),
    ({"type": "context", "elements": []}, "/elements", "has 0 items", "blocks/context-block"),
    (
        {"type": "context", "elements": [{"type": "mrkdwn", "text": ""}]},
        "/elements/0/text",
        "0 characters",
        "composition-objects/text-object",
    ),
    (
        {"type": "context", "elements": [{"type": "mrkdwn"}]},
        "/elements/0",
        "lacks text: add it",
        "composition-objects/text-object",
    ),
    ({"type": "actions", "elements": [button()] * 26}, "/elements", "has 26 items", "blocks/actions-block"),
    ({"type": "actions"}, "", "lacks elements", "blocks/actions-block"),
    (
        {"type": "actions", "elements": [button(text=plain("x" * 76))]},
        "/elements/0/text/text",
        "at most 75",
        "block-elements/button-element",
    ),
    (
        {"type": "actions", "elements": [button(value="x" * 2001)]},
        "/elements/0/value",
        "at most 2000",
        "block-elements/button-element",
    ),
    (
        {"type": "actions", "elements": [button(url="x" * 3001)]},
        "/elements/0/url",
        "at most 3000",
        "block-elements/button-element",
    ),
    (
        {"type": "actions", "elements": [button(action_id="x" * 256)]},
        "/elements/0/action_id",
        "at most 255",
        "block-elements/button-element",
    ),
    (
        {"type": "actions", "elements": [button(value=7)]},
        "/elements/0/value",
        "is int: give it as text",
        "block-elements/button-element",
    ),
    (
        {"type": "actions", "elements": [button(action_id="x"), button(action_id="x")]},
        "/elements/1/action_id",
        "has the same value as /blocks/1/elements/0/action_id",
        "blocks",
    ),
    (section(accessory={"type": "button"}), "/accessory", "lacks text: add it", "block-elements/button-element"),
    (
        section(accessory=button(confirm={**CONFIRM, "deny": plain("x" * 31)})),
        "/accessory/confirm/deny/text",
        "at most 30",
        "composition-objects/confirmation-dialog-object",
    ),
    (
        section(accessory=button(confirm={"title": plain("x")})),
        "/accessory/confirm",
        "lacks text and confirm and deny",
        "composition-objects/confirmation-dialog-object",
    ),
    (
        section(accessory=button(confirm="sure?")),
        "/accessory/confirm",
        "is text: give an object",
        "block-elements/button-element",
    ),
    (select(), "/accessory", "lacks options or option_groups", "block-elements/select-menu-element"),
    (select(options=[option()] * 101), "/accessory/options", "has 101 items", "block-elements/select-menu-element"),
    (
        select(options=[option(value="v" * 151)]),
        "/accessory/options/0/value",
        "at most 150",
        "composition-objects/option-object",
    ),
    (
        select(option_groups=[{"label": plain("l" * 76), "options": [option()]}]),
        "/accessory/option_groups/0/label/text",
        "at most 75",
        "composition-objects/option-group-object",
    ),
    (
        section(accessory={"type": "overflow", "options": [option()] * 6}),
        "/accessory/options",
        "at most 5",
        "block-elements/overflow-menu-element",
    ),
    ({"type": "image", "image_url": "u" * 3001, "alt_text": "a"}, "/image_url", "at most 3000", "blocks/image-block"),
    ({"type": "image", "image_url": "u", "alt_text": "a" * 2001}, "/alt_text", "at most 2000", "blocks/image-block"),
    ({"type": "image", "image_url": "u"}, "", "lacks alt_text", "blocks/image-block"),
    ({"type": "image", "alt_text": "a"}, "", "lacks image_url or slack_file", "blocks/image-block"),
    ({"type": "markdown", "text": ""}, "/text", "has 0 characters", "blocks/markdown-block"),
    (
        {"type": "markdown", "text": {"type": "mrkdwn", "text": "x"}},
        "/text",
        "is dict: give it as text",
        "blocks/markdown-block",
    ),
    ({"type": "rich_text"}, "", "lacks elements", "blocks/rich-text-block"),
    ({"type": "table", "rows": [[]] * 101}, "/rows", "has 101 items", "blocks/table-block"),
    ({"type": "table", "rows": [[DIVIDER] * 21]}, "/rows/0", "has 21 items", "blocks/table-block"),
    (
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x" * 10_001}]]},
        "/rows",
        "has 10001 characters in its cells",
        "blocks/table-block",
    ),
    (
        {"type": "video", "alt_text": "a", "title": plain("t" * 200), "thumbnail_url": "u", "video_url": "u"},
        "/title/text",
        "at most 199",
        "blocks/video-block",
    ),
    ({"text": plain("x")}, "", "has no type", "blocks"),
    (
        {"type": "hologram", "parts": [{"a": plain("")}]},
        "/parts/0/a/text",
        "has 0 characters",
        "composition-objects/text-object",
    ),
]


@pytest.mark.parametrize(("block", "pointer", "reason", "page"), PROBLEMS)
def test_problems(block: dict[str, Any], pointer: str, reason: str, page: str) -> None:
    """Each thing that Slack would refuse is one problem with its pointer, what was found, what to do and the page."""
    [(found, message)] = block_problems([DIVIDER, block])
    assert found == f"/blocks/1{pointer}"
    assert reason in message
    assert message.endswith(f"({DOCS}/{page}).")


def test_number_of_blocks() -> None:
    """A message has 1 to 50 blocks."""
    assert block_problems([DIVIDER] * 50) == []
    assert block_problems([DIVIDER] * 51) == [
        ("/blocks", f"has 51 items, and Slack takes at most 50: leave some out or spread them ({DOCS}/blocks).")
    ]
    [(pointer, message)] = block_problems([])
    assert (pointer, message[:11]) == ("/blocks", "has 0 items")


def test_repeated_block_ids() -> None:
    """A block_id is unique in its message, and no ID at all is no repetition."""
    blocks = [section(block_id="a"), DIVIDER, section(block_id="b"), section(block_id="a"), DIVIDER]
    [(pointer, message)] = block_problems(blocks)
    assert pointer == "/blocks/3/block_id"
    assert "/blocks/0/block_id" in message


def test_action_ids_of_two_blocks() -> None:
    """The same action_id in two blocks is fine: it is unique within a block."""
    assert block_problems([section(accessory=button(action_id="a")), section(accessory=button(action_id="a"))]) == []


def test_text_budget() -> None:
    """All texts of a message together have a budget, and what readers do not see is not in it."""
    full = [section("x" * 3000) for _ in range(4)]
    assert block_problems([*full, {"type": "image", "image_url": "u" * 3000, "alt_text": "a" * 2000}]) == []
    [(pointer, message)] = block_problems([*full, {"type": "markdown", "text": "y"}])
    assert pointer == "/blocks"
    assert "has 12001 characters of text over all blocks, and Slack takes about 12000" in message
    assert "several messages (https://github.com/slackapi/bolt-js/issues/2509)." in message


def test_markdown_blocks_together() -> None:
    """Several markdown blocks share 12,000 characters."""
    halves = [{"type": "markdown", "text": "m" * 6001}] * 2
    assert [pointer for pointer, _ in block_problems(halves)] == ["/blocks"]


def test_all_problems_at_once() -> None:
    """All problems of all blocks are reported together, in the order of the blocks."""
    header = {"type": "header", "text": plain("")}
    blocks: list[dict[str, Any]] = [{"type": "section"}, header, {"type": "context", "elements": []}]
    assert [pointer for pointer, _ in block_problems(blocks)] == [
        "/blocks/0",
        "/blocks/1/text/text",
        "/blocks/2/elements",
    ]


# --- the fallback text -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ([], ""),
        ([DIVIDER], ""),
        ([section("*a* <@U1> &amp; <!here>")], "*a* <@U1> &amp; <!here>"),
        ([{"type": "header", "text": plain("a <!here> &amp; b")}], "a &lt;!here&gt; &amp; b"),
        (
            [{"type": "header", "text": plain("one")}, DIVIDER, section("two", fields=[plain("three")])],
            "one\ntwo\nthree",
        ),
        ([section("a", accessory=button())], "a"),
        ([{"type": "context", "elements": [plain("a"), {"type": "image", "image_url": "u", "alt_text": "b"}]}], "a\nb"),
        ([{"type": "markdown", "text": "**a** <!channel>"}], "**a** &lt;!channel&gt;"),
        (
            [
                rich(
                    {"type": "text", "text": "a <b> & "},
                    {"type": "user", "user_id": "U1"},
                    {"type": "channel", "channel_id": "C1"},
                    {"type": "usergroup", "usergroup_id": "S1"},
                    {"type": "broadcast", "range": "here"},
                    {"type": "emoji", "name": "tada"},
                    {"type": "color", "value": "#fff"},
                    {"type": "date", "timestamp": 1, "format": "{date}", "fallback": "today"},
                    {"type": "link", "url": "https://x.example/?a&b"},
                    {"type": "link", "url": "https://x.example", "text": "<label>"},
                    {"type": "hologram"},
                )
            ],
            "a &lt;b&gt; &amp; <@U1><#C1><!subteam^S1>@here:tada:#ffftodayhttps://x.example/?a&amp;b&lt;label&gt;",
        ),
        ([rich({"type": "user", "user_id": "U1> <!here"})], "U1&gt; &lt;!here"),
        ([rich({"type": "text", "text": "x = 1"}, kind="rich_text_preformatted")], "x = 1"),
        (
            [
                {
                    "type": "rich_text",
                    "elements": [
                        {"type": "rich_text_list", "elements": rich({"type": "text", "text": "a"})["elements"] * 2}
                    ],
                }
            ],
            "a\na",
        ),
        (
            [
                {
                    "type": "rich_text",
                    "elements": [{"type": "rich_text_section", "elements": [None]}, {"type": "rich_text_quote"}],
                }
            ],
            "",
        ),
        # Buttons, pictures and tables are told only where nothing else is.
        ([{"type": "actions", "elements": [button(value="v", url="u")]}], "Open"),
        ([section(" "), {"type": "image", "image_url": "u", "alt_text": "a graph"}], "a graph"),
        (
            [{"type": "table", "rows": [[{"type": "raw_text", "text": "<a>"}, {"type": "raw_text", "text": "b"}]]}],
            "&lt;a&gt;\nb",
        ),
        ([{"type": "hologram", "text": "a <!here>"}], "a &lt;!here&gt;"),
    ],
)
def test_fallback(blocks: list[dict[str, Any]], told: str) -> None:
    """The texts of the blocks are told one a line: mrkdwn as it is, all other text inert."""
    assert fallback_text(blocks) == told


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("x" * 4000, "x…"),
        ("x" * 2990 + "<@U0123456789> and more", "x…"),
        ("x" * 2996 + "&amp; and more", "x…"),
        ("x" * 2990 + "<@U1> and more", "<@U1> and…"),
        ("a < b " + "x" * 4000, "x…"),
    ],
)
def test_fallback_is_cut(text: str, end: str) -> None:
    """A long text is cut at 3,000 characters, and never within a token or an entity."""
    told = fallback_text([section(text)])
    assert 2980 <= len(told) <= 3000
    assert told.endswith(end)


# --- helpers ---------------------------------------------------------------------------------------------------------


def test_helpers_make_blocks_within_the_limits() -> None:
    """What they make is what Slack documents, and passes our own check as it is."""
    made = [
        blocks.header("{{title}}"),
        blocks.section("*x*", accessory={"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"}),
        *blocks.fields({f"fact {number}": "{{value}}" for number in range(23)}),
        *blocks.fields([("a", "b")]),
        blocks.context("one", "two"),
        blocks.divider(),
        blocks.link_buttons({"Board": "https://example.com/?a={{id}}"}),
        blocks.image("https://example.com/a.png", "a graph", title="Errors"),
    ]
    assert blocks.block_problems(made) == []
    assert [block["type"] for block in made] == [
        "header", "section", *["section"] * 4, "context", "divider", "actions", "image"
    ]  # fmt: skip
    assert [len(block["fields"]) for block in made[2:6]] == [10, 10, 3, 1]


def test_helpers_are_what_an_action_takes(fake_slack: FakeSlack) -> None:
    """They fill a message from a context, beside slack_sdk's own models, and a value breaks none of them."""
    from slack_sdk.models.blocks import DividerBlock, SectionBlock

    fake_slack.add_channel("incidents")
    action = sr.SendMessage(
        channel="#incidents",
        blocks=[
            blocks.header("{{title}}"),
            *blocks.fields({"Lead": "{{lead}}"}),
            SectionBlock(text="{{title}}"),
            DividerBlock(),
            blocks.link_buttons([("Open {{id}}", "https://example.com/{{id}}")]),
        ],
    )
    context = {"title": '"}], <!channel>', "lead": sr.UserMention("U0ANN00001"), "id": 7}
    with fake_slack.executor() as executor:
        executor.do(action, context)
    sent = fake_slack.channel("incidents").messages[-1].blocks
    assert [block["type"] for block in sent] == ["header", "section", "section", "divider", "actions"]
    assert sent[1]["fields"][0]["text"] == "*Lead*\n<@U0ANN00001>"
    assert sent[4]["elements"][0]["url"] == "https://example.com/7"
    assert fake_slack.notified == []
    assert sr.Runbook.from_dict(sr.Runbook("b", {"one": action}).to_dict()).steps["one"].action == action


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: blocks.context(), "blocks.context: takes 1 to 10 texts, not 0"),
        (lambda: blocks.context(*"abcdefghijk"), "takes 1 to 10 texts, not 11"),
        (lambda: blocks.link_buttons({}), "blocks.link_buttons: takes 1 to 25 links, not 0"),
        (lambda: blocks.link_buttons([("a", "https://e.x")] * 26), "takes 1 to 25 links, not 26"),
    ],
)
def test_helpers_refuse_what_slack_does_not_take(make: Any, says: str) -> None:
    """Too few and too many are named where the block is written."""
    with pytest.raises(sr.RunbookError, match=says):
        make()
