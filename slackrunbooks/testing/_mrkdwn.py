"""What a message says to people: whom it pings, and how it reads.

Rule of this file: pure functions over text and blocks, written from
https://docs.slack.dev/messaging/formatting-message-text and the Block Kit reference. Only ``<`` opens a control
sequence, so ``&lt;!here&gt;`` is text. Where the documentation leaves open whether somebody is pinged (a mention inside
code, or in the fallback text beside blocks), this file says yes: a test that proves nobody was pinged must be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["decoded", "flatten_blocks", "mentions", "readable"]

_SEQUENCE = re.compile(r"<([^<>]*)>")
_PINGS = re.compile(r"@[UW][A-Z0-9]+$|!(?:here|channel|everyone)$|!subteam\^[A-Z0-9]+$")
_BARE_BROADCAST = re.compile(r"(?<![\w@<!])@(here|channel|everyone)\b")
_BARE_HANDLE = re.compile(r"(?<![\w@<!])@([a-z0-9][a-z0-9._-]*)")

_TEXT_ELEMENTS = {"link": "url", "date": "fallback", "color": "value"}


def mentions(
    text: str,
    blocks: Sequence[Any] = (),
    attachments: Sequence[Any] = (),
    *,
    handles: Mapping[str, str],
    link_names: bool = False,
    parse_full: bool = False,
) -> list[str]:
    """List the control sequences of a message that ping somebody, each once, in order of appearance.

    Args:
        text: The top-level text.
        blocks: Its blocks.
        attachments: Its legacy attachments.
        handles: User group handles and their IDs, for texts in which Slack looks for names by itself.
        link_names: The argument of that name: user groups are found and linked.
        parse_full: Whether ``parse`` is ``full``: broadcasts are found and linked as well.

    Returns:
        Sequences such as ``<!channel>``, ``<@U0123>`` and ``<!subteam^S0123>``.
    """
    found: dict[str, None] = {}
    for part, broadcasts, groups in _texts(text, blocks, attachments, link_names=link_names, parse_full=parse_full):
        for sequence in _SEQUENCE.findall(part):
            target = sequence.split("|", 1)[0]
            if _PINGS.match(target):
                found.setdefault(f"<{target}>")
        if broadcasts:
            for name in _BARE_BROADCAST.findall(part):
                found.setdefault(f"<!{name}>")
        if groups:
            for name in _BARE_HANDLE.findall(part):
                if name in handles:
                    found.setdefault(f"<!subteam^{handles[name]}>")
    return list(found)


def _texts(
    text: str, blocks: Sequence[Any], attachments: Sequence[Any], *, link_names: bool, parse_full: bool
) -> Iterator[tuple[str, bool, bool]]:
    """Yield each text that Slack parses, and whether it looks there for broadcasts and for group names by itself."""
    named = link_names or parse_full
    yield text, named, named
    yield from _block_texts(blocks)
    for attachment in attachments:
        if isinstance(attachment, Mapping):
            for key in ("pretext", "text", "fallback"):
                if isinstance(attachment.get(key), str):
                    yield attachment[key], named, named
            yield from _block_texts(attachment.get("blocks", ()))


def _block_texts(node: Any) -> Iterator[tuple[str, bool, bool]]:
    """Walk blocks: mrkdwn text objects, markdown blocks and the mention elements of rich text."""
    if isinstance(node, Mapping):
        kind = node.get("type")
        if kind == "mrkdwn" and isinstance(node.get("text"), str):
            # "certain mentions will be automatically parsed" unless verbatim is true:
            # https://docs.slack.dev/reference/block-kit/composition-objects/text-object
            loose = not node.get("verbatim", False)
            yield node["text"], loose, loose
        elif kind == "markdown" and isinstance(node.get("text"), str):
            yield node["text"], False, False
        elif kind == "broadcast":
            yield f"<!{node.get('range')}>", False, False
        elif kind == "user" and "user_id" in node:
            yield f"<@{node['user_id']}>", False, False
        elif kind == "usergroup" and "usergroup_id" in node:
            yield f"<!subteam^{node['usergroup_id']}>", False, False
        else:
            for value in node.values():
                yield from _block_texts(value)
    elif isinstance(node, (list, tuple)):
        for item in node:
            yield from _block_texts(item)


def readable(text: str, name_of: Callable[[str], str]) -> str:
    """Show mrkdwn as a person would read it: names instead of IDs, links spelt out, entities decoded.

    Args:
        text: The text as it was sent.
        name_of: Gives ``@alice``, ``#incidents`` or ``@oncall`` for an ID.
    """

    def show(match: re.Match[str]) -> str:
        target, _, label = match.group(1).partition("|")
        if target[:2] in {"@U", "@W", "#C", "#G"}:
            return name_of(target[1:])
        if target.startswith("!subteam^"):
            return name_of(target.removeprefix("!subteam^"))
        if target.startswith("!date^"):
            return label
        if target.startswith("!"):
            return f"@{target[1:]}"
        return f"{label} ({target.removeprefix('mailto:')})" if label else target

    return decoded(_SEQUENCE.sub(show, text))


def decoded(text: str) -> str:
    """Show text that is not parsed (``plain_text``, a topic, a description) as a person would read it.

    Only these three entities are decoded: https://docs.slack.dev/messaging/formatting-message-text#escaping.
    Slack keeps plain_text and topics with them as well: https://github.com/slackapi/bolt-python/issues/513 and
    https://github.com/adsr/irslackd/issues/1.
    """
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def flatten_blocks(blocks: Sequence[Any], name_of: Callable[[str], str]) -> list[str]:
    """Show blocks as lines of text, one or more for each block."""
    lines: list[str] = []
    for block in blocks:
        lines += [line for line in _block_lines(block, name_of) if line]
    return lines


def _block_lines(block: Mapping[str, Any], name_of: Callable[[str], str]) -> list[str]:
    kind = block.get("type")
    if kind == "divider":
        return ["────"]
    if kind == "image":
        return [f"[image: {block.get('alt_text', '')}]"]
    if kind == "rich_text":
        return "".join(_rich(element, name_of) for element in _items(block.get("elements"))).splitlines()
    if kind == "table":
        return [" | ".join(_cell(cell, name_of) for cell in _items(row)) for row in _items(block.get("rows"))]
    parts = [block.get("text"), *_items(block.get("fields")), *_items(block.get("elements")), block.get("accessory")]
    if kind == "context":
        return [" ".join(shown for part in parts if (shown := _piece(part, name_of)))]
    return [line for part in parts for line in _piece(part, name_of).splitlines()]


def _items(value: Any) -> Sequence[Any]:
    """Return a list as it is, and nothing for what is none: an unchecked field of a block may hold anything."""
    return value if isinstance(value, list) else ()


def _piece(part: Any, name_of: Callable[[str], str]) -> str:
    """Show a text object, a plain string or an element that carries one."""
    if isinstance(part, str):
        return readable(part, name_of)
    if not isinstance(part, Mapping):
        return ""
    kind = part.get("type")
    if kind == "mrkdwn":
        return readable(str(part.get("text", "")), name_of)
    if kind == "plain_text":
        return decoded(str(part.get("text", "")))
    if kind == "image":
        return f"[image: {part.get('alt_text', '')}]"
    label = part.get("text") or part.get("placeholder")
    return f"[{_piece(label, name_of)}]" if label else f"[{kind}]"


def _cell(cell: Any, name_of: Callable[[str], str]) -> str:
    if isinstance(cell, Mapping) and cell.get("type") == "rich_text":
        return "".join(_rich(element, name_of) for element in _items(cell.get("elements"))).strip()
    return str(cell.get("text", "")) if isinstance(cell, Mapping) else ""


def _rich(element: Any, name_of: Callable[[str], str]) -> str:
    """Show an element of rich text; one that is no object, which no page says Slack refuses, shows as nothing."""
    if not isinstance(element, Mapping):
        return ""
    kind = str(element.get("type"))
    if isinstance(element.get("elements"), list):
        shown = [_rich(child, name_of) for child in element["elements"]]
        if kind == "rich_text_list":
            return "".join(f"• {item.rstrip()}\n" for item in shown)
        return "".join(shown) + "\n"
    if kind == "broadcast":
        return f"@{element.get('range')}"
    for key in ("user_id", "usergroup_id", "channel_id"):
        if key in element:
            return name_of(str(element[key]))
    if kind == "emoji":
        return f":{element.get('name')}:"
    return str(element.get("text") or element.get(_TEXT_ELEMENTS.get(kind, ""), ""))
