"""Block Kit as data: read, rendered, checked against Slack's limits, and told in one text for notifications.

Rule of this file: blocks are structure, and only their string leaves are templates. Whatever a value holds, the keys,
the types and the lengths of the lists that reach Slack are those that the author wrote.

Places in blocks are JSON pointers as Slack's own answers give them: ``/blocks/0/text/text``. Limits come from
https://docs.slack.dev/reference/block-kit/blocks and the pages below it. Types that are not in the tables here are
sent as they are: Slack adds some every year.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, cast

import attrs

from .errors import RunbookError
from .text import LIMITS, Kind, escape

__all__ = [
    "RenderLeaf",
    "block_problems",
    "context",
    "divider",
    "fallback_text",
    "fields",
    "header",
    "image",
    "link_buttons",
    "normalise",
    "render_blocks",
    "section",
]

RenderLeaf: TypeAlias = Callable[[str, Kind, str], str]
"""Renders one string leaf: given its source, the kind of its field and its JSON pointer."""


# --- writing ---------------------------------------------------------------------------------------------------------

# "Maximum number of items is 10" of a section's fields, and 25 of the elements of an actions block.
_FIELDS_IN_SECTION: Final = 10
_BUTTONS_IN_ROW: Final = 25
_IN_CONTEXT: Final = 10


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def _label(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": True}


def header(text: str) -> dict[str, Any]:
    """Make a header: large plain text, at most 150 characters.

    Source: https://docs.slack.dev/reference/block-kit/blocks/header-block

    Args:
        text: The text; a template in an action, as all texts here are.
    """
    return {"type": "header", "text": _label(text)}


def section(text: str, *, accessory: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Make a section of mrkdwn, at most 3,000 characters.

    Source: https://docs.slack.dev/reference/block-kit/blocks/section-block

    Args:
        text: The text.
        accessory: An element beside it, such as a button or an image.
    """
    made: dict[str, Any] = {"type": "section", "text": _mrkdwn(text)}
    return made if accessory is None else {**made, "accessory": dict(accessory)}


def fields(entries: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Make sections of short facts in two columns, each under its bold name; ten to a section.

    Source: https://docs.slack.dev/reference/block-kit/blocks/section-block

    Args:
        entries: Names and values, at most 2,000 characters together.

    Returns:
        As many sections as the entries need; put them into a list of blocks with ``*``.

    Examples:
        >>> from slackrunbooks import blocks
        >>> [len(each["fields"]) for each in blocks.fields({f"fact {n}": "{{value}}" for n in range(12)})]
        [10, 2]
    """
    pairs = entries.items() if isinstance(entries, Mapping) else entries
    cells = [_mrkdwn(f"*{name}*\n{value}") for name, value in pairs]
    return [
        {"type": "section", "fields": cells[start : start + _FIELDS_IN_SECTION]}
        for start in range(0, len(cells), _FIELDS_IN_SECTION)
    ]


def context(*texts: str) -> dict[str, Any]:
    """Make a context block: small grey mrkdwn, of one to ten texts.

    Source: https://docs.slack.dev/reference/block-kit/blocks/context-block

    Args:
        *texts: The texts.

    Raises:
        RunbookError: There is none, or there are more than ten.
    """
    if not 1 <= len(texts) <= _IN_CONTEXT:
        raise RunbookError(f"takes 1 to {_IN_CONTEXT} texts, not {len(texts)}.", place="blocks.context")
    return {"type": "context", "elements": [_mrkdwn(text) for text in texts]}


def divider() -> dict[str, Any]:
    """Make a line between blocks.

    Source: https://docs.slack.dev/reference/block-kit/blocks/divider-block
    """
    return {"type": "divider"}


def link_buttons(links: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Make a row of buttons that open links.

    Source: https://docs.slack.dev/reference/block-kit/blocks/actions-block

    Args:
        links: Addresses by label, 1 to 25; a label has at most 75 characters, an address 3,000.

    Raises:
        RunbookError: There is none, or there are more than 25.
    """
    pairs = cast("list[tuple[str, str]]", list(links.items() if isinstance(links, Mapping) else links))
    if not 1 <= len(pairs) <= _BUTTONS_IN_ROW:
        raise RunbookError(f"takes 1 to {_BUTTONS_IN_ROW} links, not {len(pairs)}.", place="blocks.link_buttons")
    return {
        "type": "actions",
        "elements": [{"type": "button", "text": _label(label), "url": url} for label, url in pairs],
    }


def image(url: str, alt_text: str, *, title: str | None = None) -> dict[str, Any]:
    """Make an image from an address that Slack can reach.

    Source: https://docs.slack.dev/reference/block-kit/blocks/image-block

    Args:
        url: Its address, at most 3,000 characters.
        alt_text: What a screen reader says, at most 2,000 characters.
        title: The text above it, at most 2,000 characters.
    """
    made: dict[str, Any] = {"type": "image", "image_url": url, "alt_text": alt_text}
    return made if title is None else {**made, "title": _label(title)}


# --- reading ---------------------------------------------------------------------------------------------------------

_ACCEPTED = "pass a list of blocks (plain data, or objects with to_dict()), or JSON or YAML text of one"

_DEPTH: Final = 40
"""How deep data may nest. A rich-text list in a table is eight deep; data that contains itself has no end."""


def normalise(blocks: object) -> tuple[dict[str, Any], ...]:
    """Read blocks in any of the forms in which people have them.

    Args:
        blocks: A sequence of mappings or of objects with ``to_dict()`` (slack_sdk's models); a mapping with the key
            ``blocks``, as Block Kit Builder exports it; or JSON or YAML text of either. Text is parsed before
            anything is rendered, so that no value can change the structure.

    Returns:
        The blocks as plain data of their own: later changes to what was passed do not reach them.

    Raises:
        RunbookError: It is none of these; the error says what to pass, and has the place (``blocks[2].text``).
    """
    data = _parsed(blocks) if isinstance(blocks, str) else blocks
    data = _as_data(data)
    if isinstance(data, Mapping):
        if "blocks" not in data:
            hint = "put it into a list" if "type" in data else _ACCEPTED
            raise RunbookError(
                f'a mapping must have the key "blocks" as Block Kit Builder\'s has; {hint}.', place="blocks"
            )
        data = data["blocks"]
    if not _is_list(data):
        raise RunbookError(f"must be a list, not {_named(data)}; {_ACCEPTED}.", place="blocks")
    return tuple(_block(block, f"blocks[{index}]") for index, block in enumerate(cast("Sequence[object]", data)))


def _block(block: object, place: str) -> dict[str, Any]:
    data = _as_data(block)
    if not isinstance(data, Mapping):
        raise RunbookError(
            f"must be a block (a mapping with a type, or an object with to_dict()), not {_named(data)}.", place=place
        )
    return cast("dict[str, Any]", _plain(data, place, 0))


def _as_data(value: object) -> object:
    to_dict = None if isinstance(value, (type, Mapping)) else getattr(value, "to_dict", None)
    return to_dict() if callable(to_dict) else value


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))


def _named(value: object) -> str:
    if isinstance(value, str) and value.lstrip().startswith("{{"):
        return "a template, because a value could then change the structure"
    return {"NoneType": "null", "str": "text"}.get(type(value).__name__, type(value).__name__)


def _plain(value: object, place: str, depth: int) -> object:
    """Copy plain data, and refuse what JSON cannot say."""
    if depth > _DEPTH:
        raise RunbookError(f"is nested more than {_DEPTH} deep; blocks cannot be.", place=place)
    value = _as_data(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        wrong = next((key for key in value if not isinstance(key, str)), None)
        if wrong is not None:
            raise RunbookError(f"has the key {wrong!r}, and keys are text; quote it in YAML.", place=place)
        return {key: _plain(item, f"{place}.{key}", depth + 1) for key, item in value.items()}
    if _is_list(value):
        items = enumerate(cast("Sequence[object]", value))
        return [_plain(item, f"{place}[{index}]", depth + 1) for index, item in items]
    raise RunbookError(f"is {_named(value)}, not plain data; a date or the like goes in as quoted text.", place=place)


def _parsed(text: str) -> object:
    """Parse JSON or YAML text. Its errors name the line, never the text itself."""
    start = text.lstrip()[:2]
    if start == "{{":
        raise RunbookError(
            "cannot be made by a template: a value could then add blocks or mentions. Write the blocks as data and put "
            "the tags into their texts.",
            place="blocks",
        )
    try:
        return json.loads(text)
    except RecursionError:
        raise RunbookError(f"is nested more than {_DEPTH} deep; blocks cannot be.", place="blocks") from None
    except json.JSONDecodeError as error:
        problem, line, column = f"not JSON ({error.msg})", error.lineno, error.colno
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        if mark is not None and not start.startswith(("[", "{")):
            problem, line, column = "not YAML", mark.line + 1, mark.column + 1
    hint = ' Put quotes around a text with {{…}}: text: "{{name}}".' if "{{" in text else ""
    raise RunbookError(
        f"is text, but {problem}; {_ACCEPTED}.{hint}", place="blocks", line=line, column=column
    ) from None


# --- rendering -------------------------------------------------------------------------------------------------------

# Which kind of text a leaf is, by the type of the object that it stands in and its key, else by the key alone.
_KIND_IN: Final[Mapping[tuple[str, str], Kind]] = MappingProxyType(
    {
        ("mrkdwn", "text"): Kind.MRKDWN,
        ("plain_text", "text"): Kind.PLAIN,
        ("markdown", "text"): Kind.MARKDOWN,
        # "Rich text" is what a client's editor makes: characters there mean themselves.
        # https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
        ("text", "text"): Kind.RAW,
        ("link", "text"): Kind.RAW,
        ("date", "fallback"): Kind.RAW,
        ("date", "format"): Kind.RAW,
        ("color", "value"): Kind.RAW,
        # https://docs.slack.dev/reference/block-kit/blocks/table-block
        ("raw_text", "text"): Kind.RAW,
    }
)

_KIND_OF: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        **dict.fromkeys(("accessibility_label", "alt_text", "author_name", "caption"), Kind.PLAIN),
        **dict.fromkeys(("description", "provider_name", "title"), Kind.PLAIN),
        **dict.fromkeys(("action_id", "block_id", "external_id", "initial_value", "value"), Kind.RAW),
        **dict.fromkeys(("channel_id", "id", "team_id", "user_id", "usergroup_id"), Kind.ID),
        **dict.fromkeys(("initial_channel", "initial_conversation", "initial_user"), Kind.ID),
        **dict.fromkeys(("initial_channels", "initial_conversations", "initial_users"), Kind.ID),
    }
)


def _kind(key: str, owner: str) -> Kind | None:
    """Return the kind of a leaf in an object of type ``owner``; ``None`` for one that is structure."""
    if key == "url" or key.endswith("_url"):
        return Kind.URL
    return _KIND_IN.get((owner, key)) or _KIND_OF.get(key)


def render_blocks(blocks: Sequence[Mapping[str, Any]], render_leaf: RenderLeaf) -> list[dict[str, Any]]:
    """Render the string leaves of blocks and nothing else.

    ``mrkdwn`` text objects that do not set ``verbatim`` get ``true``, so that Slack makes no mention or channel link of
    plain ``@here`` or ``#general`` in them
    (https://docs.slack.dev/reference/block-kit/composition-objects/text-object).

    Args:
        blocks: As :func:`normalise` returns them.
        render_leaf: Called once for each leaf that may hold a template, with its source, its kind and its pointer.

    Returns:
        New blocks of the same structure.

    Raises:
        RunbookError: A tag stands where none may (a ``type``, a ``style``, a key); the place is its JSON pointer.
    """
    return [_rendered_object(block, f"/blocks/{index}", render_leaf) for index, block in enumerate(blocks)]


def _rendered_object(node: Mapping[str, Any], pointer: str, render_leaf: RenderLeaf) -> dict[str, Any]:
    owner = str(node.get("type"))
    rendered: dict[str, Any] = {}
    for key, value in node.items():
        _refuse_tag(key, pointer, "a key is part of the structure of blocks")
        rendered[key] = _rendered(value, f"{pointer}/{_segment(key)}", key, owner, render_leaf)
    # Where a value may stand, Slack must not look for names in the text, whatever the author wrote; a raw tag mentions.
    filled = "{{" in str(node.get("text"))
    if owner == "mrkdwn" and "text" in rendered and (filled or rendered.get("verbatim") is None):
        rendered["verbatim"] = True
    return rendered


def _rendered(value: object, pointer: str, key: str, owner: str, render_leaf: RenderLeaf) -> object:
    if isinstance(value, str):
        kind = _kind(key, owner)
        if kind is not None:
            return render_leaf(value, kind, pointer)
        _refuse_tag(value, pointer, f"{key!r} is part of the structure of blocks")
        return value
    if isinstance(value, Mapping):
        return _rendered_object(value, pointer, render_leaf)
    if isinstance(value, list):
        return [_rendered(item, f"{pointer}/{index}", key, owner, render_leaf) for index, item in enumerate(value)]
    return value


def _refuse_tag(text: str, pointer: str, reason: str) -> None:
    if "{{" in text:
        raise RunbookError(f"{reason}, and takes no template: write it out.", place=pointer)


def _segment(key: str) -> str:
    """Write a key for a JSON pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


# --- limits ----------------------------------------------------------------------------------------------------------

_DOCS: Final = "https://docs.slack.dev/reference/block-kit"


@attrs.frozen
class _Field:
    """What a key of a block holds, and how much of it.

    Attributes:
        form: A text object, a text object of type ``plain_text``, a string, a list, or an object of a shape.
        most: The most characters or items.
        least: The fewest.
        each: What the items of a list are.
        shape: The shape of an object that names no type itself.
    """

    form: Literal["text", "plain", "string", "list", "object"]
    most: int = 0
    least: int = 0
    each: _Field | None = None
    shape: str = ""


@attrs.frozen
class _Shape:
    """What Slack documents about one type of block or element.

    Attributes:
        path: Its page, below the reference of Block Kit.
        required: The keys it must have; ``a|b`` for at least one of them.
        fields: Keys with a limit.
    """

    path: str
    required: tuple[str, ...] = ()
    fields: Mapping[str, _Field] = attrs.field(factory=dict)

    @property
    def page(self) -> str:
        return f"{_DOCS}/{self.path}"


def _text(most: int = 3000) -> _Field:
    return _Field("text", most, 1)


def _plain_text(most: int) -> _Field:
    return _Field("plain", most, 1)


def _string(most: int, least: int = 0) -> _Field:
    return _Field("string", most, least)


def _list(most: int, least: int = 0, each: _Field | None = None) -> _Field:
    return _Field("list", most, least, each)


def _limit(name: str) -> int:
    return LIMITS[name].most


_OPTION = _Field("object", shape="option")
_CONFIRM = _Field("object", shape="confirm")
_GROUP = _Field("object", shape="option_group")
_CHOICE = {
    "options": _list(100, each=_OPTION),
    "option_groups": _list(100, each=_GROUP),
    "placeholder": _plain_text(150),
    "confirm": _CONFIRM,
}

_SHAPES: Final[Mapping[str, _Shape]] = MappingProxyType(
    {
        "actions": _Shape("blocks/actions-block", ("elements",), {"elements": _list(_limit("actions_elements"), 1)}),
        "context": _Shape("blocks/context-block", ("elements",), {"elements": _list(_limit("context_elements"), 1)}),
        "file": _Shape("blocks/file-block", ("external_id", "source")),
        "header": _Shape("blocks/header-block", ("text",), {"text": _plain_text(_limit("header_text"))}),
        # The block and the element of that name share their limits; only the block has a title.
        "image": _Shape(
            "blocks/image-block",
            ("alt_text", "image_url|slack_file"),
            {
                "alt_text": _string(_limit("image_alt_text")),
                "image_url": _string(_limit("image_url")),
                "title": _plain_text(_limit("image_title")),
            },
        ),
        "input": _Shape(
            "blocks/input-block",
            ("label", "element"),
            {"label": _plain_text(2000), "hint": _plain_text(2000)},
        ),
        "markdown": _Shape("blocks/markdown-block", ("text",), {"text": _string(_limit("markdown_block"), 1)}),
        "rich_text": _Shape("blocks/rich-text-block", ("elements",)),
        "section": _Shape(
            "blocks/section-block",
            ("text|fields",),
            {
                "text": _text(_limit("section_text")),
                "fields": _list(_limit("section_fields"), 1, _text(_limit("section_field"))),
            },
        ),
        "table": _Shape(
            "blocks/table-block",
            ("rows",),
            {"rows": _list(100, 1, _list(20)), "column_settings": _list(20)},
        ),
        "video": _Shape(
            "blocks/video-block",
            ("alt_text", "title", "thumbnail_url", "video_url"),
            # "Must be less than" 200 and 50: one character fewer than the number that the page has.
            {"title": _plain_text(199), "description": _plain_text(199), "author_name": _string(49)},
        ),
        "button": _Shape(
            "block-elements/button-element",
            ("text",),
            {
                "text": _plain_text(_limit("button_text")),
                "value": _string(_limit("button_value")),
                "url": _string(_limit("button_url")),
                "accessibility_label": _string(75),
                "confirm": _CONFIRM,
            },
        ),
        "checkboxes": _Shape(
            "block-elements/checkboxes-element",
            ("options",),
            {"options": _list(10, 1, _OPTION), "confirm": _CONFIRM},
        ),
        "radio_buttons": _Shape(
            "block-elements/radio-button-group-element",
            ("options",),
            {"options": _list(10, 1, _OPTION), "confirm": _CONFIRM},
        ),
        "overflow": _Shape(
            "block-elements/overflow-menu-element",
            ("options",),
            {"options": _list(5, 1, _OPTION), "confirm": _CONFIRM},
        ),
        "static_select": _Shape("block-elements/select-menu-element", ("options|option_groups",), _CHOICE),
        "multi_static_select": _Shape("block-elements/multi-select-menu-element", ("options|option_groups",), _CHOICE),
        "mrkdwn": _Shape("composition-objects/text-object", ("text",), {"text": _string(3000, 1)}),
        "plain_text": _Shape("composition-objects/text-object", ("text",), {"text": _string(3000, 1)}),
        # These say no type; the field that holds them does.
        "option": _Shape(
            "composition-objects/option-object",
            ("text", "value"),
            {"text": _text(75), "value": _string(150), "description": _plain_text(75)},
        ),
        "option_group": _Shape(
            "composition-objects/option-group-object",
            ("label", "options"),
            {"label": _plain_text(75), "options": _list(100, each=_OPTION)},
        ),
        "confirm": _Shape(
            "composition-objects/confirmation-dialog-object",
            ("title", "text", "confirm", "deny"),
            {"title": _plain_text(100), "text": _text(300), "confirm": _plain_text(30), "deny": _plain_text(30)},
        ),
    }
)

_ANY: Final = _Shape("blocks")

# Each page of a block or an element has these two.
_COMMON: Final[Mapping[str, _Field]] = MappingProxyType(
    {"block_id": _string(_limit("block_id")), "action_id": _string(_limit("action_id"))}
)

_TABLE_TEXT: Final = 10_000


def block_problems(blocks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Hold rendered blocks against the limits that Slack documents.

    Args:
        blocks: As :func:`normalise` or :func:`render_blocks` returns them.

    Returns:
        For each problem its JSON pointer, and a sentence with what was found, what Slack takes, what to do, and the
        page that says so; in the order of the blocks. Blocks and elements of unknown type are not held against
        anything.
    """
    return [(pointer, f"{reason} ({page}).") for pointer, reason, page in _faults(blocks)]


_Fault: TypeAlias = tuple[str, str, str]
"""A pointer, what is wrong there and what to do, and the page."""


def _faults(blocks: Sequence[Mapping[str, Any]]) -> Iterator[_Fault]:
    yield from _sized(blocks, "/blocks", _list(_limit("blocks"), 1), _ANY.page)
    for index, block in enumerate(blocks):
        yield from _block_faults(block, f"/blocks/{index}")
    yield from _repeated((f"/blocks/{index}/block_id", block.get("block_id")) for index, block in enumerate(blocks))
    budget = LIMITS["blocks_text"]
    length = _text_length(blocks)
    if length > budget.most:
        reason = (
            f"has {length} characters of text over all blocks, and Slack takes about {budget.most}: shorten it, or "
            "send several messages"
        )
        yield "/blocks", reason, budget.source


def _block_faults(block: Mapping[str, Any], pointer: str) -> Iterator[_Fault]:
    if not isinstance(block.get("type"), str):
        yield pointer, "has no type: give it one, such as section", _ANY.page
    yield from _object_faults(block, pointer, "")
    yield from _repeated(_action_ids(block, pointer))
    length = _text_length(block.get("rows")) if block.get("type") == "table" else 0
    if length > _TABLE_TEXT:
        reason = f"has {length} characters in its cells, and Slack takes at most {_TABLE_TEXT}: shorten it"
        yield f"{pointer}/rows", reason, _SHAPES["table"].page


def _object_faults(node: Mapping[str, Any], pointer: str, shape_name: str) -> Iterator[_Fault]:
    shape = _SHAPES.get(shape_name or str(node.get("type")), _ANY)
    lacking = [names for names in shape.required if all(node.get(name) is None for name in names.split("|"))]
    if lacking:
        yield pointer, f"lacks {' and '.join(lacking).replace('|', ' or ')}: add it", shape.page
    for key, value in node.items():
        place = f"{pointer}/{_segment(key)}"
        field = shape.fields.get(key) or _COMMON.get(key)
        if field is not None and value is not None:
            yield from _field_faults(value, place, field, shape.page)
        else:
            yield from _inner_faults(value, place)


def _inner_faults(value: object, pointer: str) -> Iterator[_Fault]:
    """Look through data of which only the types inside are known."""
    if isinstance(value, Mapping):
        yield from _object_faults(value, pointer, "")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _inner_faults(item, f"{pointer}/{index}")


def _field_faults(value: object, pointer: str, field: _Field, page: str) -> Iterator[_Fault]:
    if field.form == "list":
        if not isinstance(value, list):
            yield pointer, f"is {_named(value)}: make it a list", page
            return
        yield from _sized(value, pointer, field, page)
        for index, item in enumerate(value):
            place = f"{pointer}/{index}"
            yield from _field_faults(item, place, field.each, page) if field.each else _inner_faults(item, place)
    elif field.form == "string":
        if isinstance(value, str):
            yield from _sized(value, pointer, field, page)
        else:
            yield pointer, f"is {_named(value)}: give it as text", page
    elif not isinstance(value, Mapping):
        example = (
            "an object" if field.form == "object" else _text_object("plain_text" if field.form == "plain" else "mrkdwn")
        )
        yield pointer, f"is {_named(value)}: give {example}", page
    elif field.form == "object":
        yield from _object_faults(value, pointer, field.shape)
    else:
        yield from _text_faults(value, pointer, field, page)


def _text_object(kind: str) -> str:
    return f'a text object, {{"type": "{kind}", "text": "…"}}'


def _text_faults(value: Mapping[str, Any], pointer: str, field: _Field, page: str) -> Iterator[_Fault]:
    types = ("plain_text",) if field.form == "plain" else ("mrkdwn", "plain_text")
    if value.get("type") not in types:
        yield f"{pointer}/type", f"is {value.get('type')!r}: make it {' or '.join(types)}", page
    text = value.get("text")
    if isinstance(text, str):
        yield from _sized(text, f"{pointer}/text", field, page)
    else:
        yield f"{pointer}/text", f"is {_named(text)}: give it as text", page


def _sized(value: Sequence[object], pointer: str, field: _Field, page: str) -> Iterator[_Fault]:
    length, unit = len(value), "characters" if isinstance(value, str) else "items"
    if length > field.most:
        remedy = "shorten it" if unit == "characters" else "leave some out or spread them"
        yield pointer, f"has {length} {unit}, and Slack takes at most {field.most}: {remedy}", page
    elif length < field.least:
        yield pointer, f"has {length} {unit}, and Slack wants at least {field.least}: fill it or leave it out", page


def _action_ids(value: object, pointer: str) -> Iterator[tuple[str, object]]:
    """Yield where each ``action_id`` of a block stands, and the ID."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            place = f"{pointer}/{_segment(key)}"
            if key == "action_id":
                yield place, item
            yield from _action_ids(item, place)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _action_ids(item, f"{pointer}/{index}")


def _repeated(ids: Iterable[tuple[str, object]]) -> Iterator[_Fault]:
    first: dict[str, str] = {}
    for pointer, value in ids:
        if isinstance(value, str) and first.setdefault(value, pointer) != pointer:
            yield pointer, f"has the same value as {first[value]}: give each its own", _ANY.page


def _text_length(value: object, key: str = "") -> int:
    """Count the characters of all strings that stand under a key ``text``."""
    if isinstance(value, str):
        return len(value) if key == "text" else 0
    if isinstance(value, Mapping):
        return sum(_text_length(item, name) for name, item in value.items())
    return sum(_text_length(item) for item in value) if isinstance(value, (list, tuple)) else 0


# --- the fallback text -----------------------------------------------------------------------------------------------

_FALLBACK_LENGTH: Final = 3000

# The blocks that tell something, and the keys in which they do; buttons, menus and pictures only if nothing else does.
_TELLING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "header": ("text",),
        "section": ("text", "fields"),
        "context": ("elements",),
        "markdown": ("text",),
        "rich_text": ("elements",),
    }
)


def fallback_text(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Tell blocks in one text, which Slack shows in notifications and to screen readers.

    https://docs.slack.dev/reference/methods/chat.postMessage asks for such a ``text`` beside blocks.

    Args:
        blocks: Rendered blocks.

    Returns:
        mrkdwn of at most 3,000 characters: mrkdwn texts as they are, other texts with their ``<`` and ``>`` made inert,
        because there they mean nothing. Empty only for blocks without any text.
    """
    told = [
        line
        for block in blocks
        for key in _TELLING.get(str(block.get("type")), ())
        for line in _lines(block.get(key), key, str(block.get("type")))
    ]
    if not any(line.strip() for line in told):
        told = [line for block in blocks for line in _lines(block, "", "")]
    return _cut("\n".join(line for line in told if line.strip()).strip())


def _lines(value: object, key: str, owner: str) -> Iterator[str]:
    if isinstance(value, str):
        kind = _kind(key, owner)
        if kind is Kind.MRKDWN:
            yield value
        elif kind in {Kind.PLAIN, Kind.MARKDOWN}:
            yield _inert(value)
        elif key == "text":
            yield escape(value)
    elif isinstance(value, Mapping):
        if value.get("type") in {"rich_text_section", "rich_text_preformatted", "rich_text_quote"}:
            elements = value.get("elements")
            yield "".join(map(_inline, elements if isinstance(elements, list) else ()))
            return
        for name, item in value.items():
            yield from _lines(item, name, str(value.get("type")))
    elif isinstance(value, list):
        for item in value:
            yield from _lines(item, key, owner)


def _inert(text: str) -> str:
    # Its entities stand for characters already, so `&` stays.
    return text.replace("<", "&lt;").replace(">", "&gt;")


_INLINE: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "user": ("user_id", "<@{}>"),
        "channel": ("channel_id", "<#{}>"),
        "usergroup": ("usergroup_id", "<!subteam^{}>"),
        # The block itself pings; a second ping in the fallback would be one more than the author wrote.
        "broadcast": ("range", "@{}"),
        "emoji": ("name", ":{}:"),
        "color": ("value", "{}"),
        "date": ("fallback", "{}"),
    }
)


def _inline(element: object) -> str:
    """Tell one element of a line of rich text."""
    if not isinstance(element, Mapping):
        return ""
    key, form = _INLINE.get(str(element.get("type")), ("text", "{}"))
    said = element.get(key)
    if not isinstance(said, str):
        url = element.get("url")
        return escape(url) if isinstance(url, str) else ""
    if form.startswith("<") and not re.fullmatch("[A-Z0-9]+", said):
        return escape(said)
    return form.format(escape(said))


def _cut(text: str) -> str:
    """Shorten a text, but never in the middle of a token or an entity."""
    if len(text) <= _FALLBACK_LENGTH:
        return text
    return re.sub(r"(?:<[^<>]{0,300}|&[a-z]{0,4})\Z", "", text[: _FALLBACK_LENGTH - 1]) + "…"
