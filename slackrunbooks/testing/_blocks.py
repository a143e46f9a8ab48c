"""Block Kit's limits, as its reference states them.

Rule of this file: pure functions. Each limit is a row with its page; the messages and JSON pointers have the shape that
Slack answers with (seen in https://github.com/metabase/metabase/issues/25704).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

__all__ = ["MAX_TOTAL", "UNKNOWN", "faults", "total_length"]

Found: TypeAlias = Iterator[tuple[str, str]]
"""What is wrong, and the JSON pointer to where."""

UNKNOWN: Final = "unknown block type"
"""The finding for a type that no page of Block Kit's message blocks covers here; the fake does not judge it."""

MAX_TOTAL: Final = 12_000
"""Characters over all blocks of a message. Slack documents only the error (``msg_blocks_too_long``); the number is what
Slack's staff names in https://github.com/slackapi/bolt-js/issues/2509."""

_MAX_BLOCKS = 50  # https://docs.slack.dev/reference/block-kit/blocks
_MAX_BLOCK_ID = 255


def faults(blocks: Sequence[Any], root: str = "/blocks") -> list[tuple[str, str]]:
    """List every documented limit that blocks of a message break, as (what, JSON pointer)."""
    found: list[tuple[str, str]] = []
    if len(blocks) > _MAX_BLOCKS:
        found.append((f"no more than {_MAX_BLOCKS} items allowed", root))
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        pointer = f"{root}/{index}"
        if not isinstance(block, Mapping):
            found.append(("must be an object", pointer))
            continue
        block_id = block.get("block_id")
        if block_id is not None:
            found += _long(block_id, _MAX_BLOCK_ID, f"{pointer}/block_id")
            if str(block_id) in seen:
                found.append((f"block_id already exists: {block_id}", f"{pointer}/block_id"))
            seen.add(str(block_id))
        check = _BLOCKS.get(str(block.get("type")))
        if "type" not in block:
            found.append(("missing required field: type", pointer))
        elif check is None:
            found.append((UNKNOWN, f"{pointer}/type"))
        else:
            found += check(block, pointer)
    return found


def total_length(node: Any) -> int:
    """Count the characters of every text in the blocks."""
    if isinstance(node, Mapping):
        return sum(
            len(value) if key == "text" and isinstance(value, str) else total_length(value)
            for key, value in node.items()
        )
    return sum(total_length(item) for item in node) if isinstance(node, (list, tuple)) else 0


def _long(value: Any, limit: int, pointer: str) -> Found:
    if not isinstance(value, str):
        yield "must be a string", pointer
    elif len(value) > limit:
        yield f"must be less than {limit + 1} characters", pointer


def _many(value: Any, limit: int, pointer: str) -> Found:
    if not isinstance(value, (list, tuple)):
        yield "must be an array", pointer
    elif not value:
        yield "must have at least 1 item", pointer
    elif len(value) > limit:
        yield f"no more than {limit} items allowed", pointer


def _text(value: Any, limit: int, pointer: str, *, plain: bool = False) -> Found:
    """Check a text object: https://docs.slack.dev/reference/block-kit/composition-objects/text-object."""
    if not isinstance(value, Mapping):
        yield "must be a text object", pointer
        return
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if value.get("type") not in kinds:
        yield f"must be one of: {', '.join(kinds)}", f"{pointer}/type"
    text = value.get("text")
    if text == "":
        yield "must be more than 0 characters", f"{pointer}/text"
    yield from _long(text, limit, f"{pointer}/text")


def _section(block: Mapping[str, Any], pointer: str) -> Found:
    # https://docs.slack.dev/reference/block-kit/blocks/section-block
    if "text" not in block and "fields" not in block:
        yield "missing required field: text or fields", pointer
    if "text" in block:
        yield from _text(block["text"], 3000, f"{pointer}/text")
    if "fields" in block:
        yield from _many(block["fields"], 10, f"{pointer}/fields")
        for index, field in enumerate(_items(block["fields"])):
            yield from _text(field, 2000, f"{pointer}/fields/{index}")
    if "accessory" in block:
        yield from _element(block["accessory"], f"{pointer}/accessory")


def _header(block: Mapping[str, Any], pointer: str) -> Found:
    # https://docs.slack.dev/reference/block-kit/blocks/header-block
    yield from _text(block.get("text"), 150, f"{pointer}/text", plain=True)


def _context(block: Mapping[str, Any], pointer: str) -> Found:
    # https://docs.slack.dev/reference/block-kit/blocks/context-block
    yield from _many(block.get("elements"), 10, f"{pointer}/elements")
    for index, element in enumerate(_items(block.get("elements"))):
        place = f"{pointer}/elements/{index}"
        if isinstance(element, Mapping) and element.get("type") == "image":
            yield from _image(element, place)
        else:
            yield from _text(element, 3000, place)


def _actions(block: Mapping[str, Any], pointer: str) -> Found:
    # https://docs.slack.dev/reference/block-kit/blocks/actions-block
    yield from _many(block.get("elements"), 25, f"{pointer}/elements")
    for index, element in enumerate(_items(block.get("elements"))):
        yield from _element(element, f"{pointer}/elements/{index}")


def _image(block: Mapping[str, Any], pointer: str) -> Found:
    # https://docs.slack.dev/reference/block-kit/blocks/image-block
    if "image_url" not in block and "slack_file" not in block:
        yield "missing required field: image_url or slack_file", pointer
    if "image_url" in block:
        yield from _long(block["image_url"], 3000, f"{pointer}/image_url")
    if "alt_text" in block:
        yield from _long(block["alt_text"], 2000, f"{pointer}/alt_text")
    else:
        yield "missing required field: alt_text", pointer
    if "title" in block:
        yield from _text(block["title"], 2000, f"{pointer}/title", plain=True)


def _markdown(block: Mapping[str, Any], pointer: str) -> Found:
    # https://docs.slack.dev/reference/block-kit/blocks/markdown-block
    yield from _long(block.get("text"), 12_000, f"{pointer}/text")


def _rich_text(block: Mapping[str, Any], pointer: str) -> Found:
    # https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
    if not isinstance(block.get("elements"), (list, tuple)):
        yield "must be an array", f"{pointer}/elements"


def _table(block: Mapping[str, Any], pointer: str) -> Found:
    # https://docs.slack.dev/reference/block-kit/blocks/table-block
    yield from _many(block.get("rows"), 100, f"{pointer}/rows")
    for index, row in enumerate(_items(block.get("rows"))):
        yield from _many(row, 20, f"{pointer}/rows/{index}")
    if total_length(block.get("rows")) > 10_000:
        yield "must be less than 10001 characters", f"{pointer}/rows"


def _sound(_block: Mapping[str, Any], _pointer: str) -> Found:
    """Find nothing: the page states no limit for this block."""
    return iter(())


_BLOCKS: Final[dict[str, Callable[[Mapping[str, Any], str], Found]]] = {
    "actions": _actions,
    "context": _context,
    "divider": _sound,
    "file": _sound,
    "header": _header,
    "image": _image,
    "input": _sound,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "section": _section,
    "table": _table,
    "video": _sound,
}

_SELECTS = frozenset({"static_select", "multi_static_select"})
_CHOICES = {"overflow": 5, "checkboxes": 10, "radio_buttons": 10, **dict.fromkeys(_SELECTS, 100)}
_STRINGS = {"action_id": 255, "value": 2000, "url": 3000}


def _element(element: Any, pointer: str) -> Found:
    """Check an interactive element: https://docs.slack.dev/reference/block-kit/block-elements."""
    if not isinstance(element, Mapping):
        yield "must be an object", pointer
        return
    kind = element.get("type")
    if kind == "image":
        yield from _image(element, pointer)
    for key, limit in _STRINGS.items():
        if key in element:
            yield from _long(element[key], limit, f"{pointer}/{key}")
    if kind == "button":
        yield from _text(element.get("text"), 75, f"{pointer}/text", plain=True)
    if kind in _CHOICES and "options" in element:
        yield from _many(element["options"], _CHOICES[str(kind)], f"{pointer}/options")
        for index, option in enumerate(_items(element["options"])):
            if isinstance(option, Mapping):
                yield from _text(option.get("text"), 75, f"{pointer}/options/{index}/text")
                yield from _long(option.get("value"), 150, f"{pointer}/options/{index}/value")


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()
