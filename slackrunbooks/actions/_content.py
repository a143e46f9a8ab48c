"""What a message says, shared by every step that sends, schedules or changes one.

Rule of this file: no method of Slack is named here, as in ``_base``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import attrs

from .. import blocks as block_kit
from ..errors import RunbookError
from ..text import LIMITS, Kind, split, truncate
from . import _base as base
from ._base import Action, Fault, Placeholder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Content", "LongContent"]

_R_co = TypeVar("_R_co", covariant=True)


@attrs.frozen(kw_only=True)
class Content(Action[_R_co]):
    """What a message says; shared by the actions that say something."""

    text: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.MRKDWN, repr=base.hidden)
    markdown_text: str | None = attrs.field(
        default=None, validator=base.is_text, metadata=base.MARKDOWN, repr=base.hidden
    )
    blocks: Any = attrs.field(default=None, converter=base.as_blocks, metadata=base.BLOCKS, repr=base.hidden)
    metadata: Mapping[str, Any] | None = attrs.field(
        default=None, converter=base.as_data, validator=base.is_mapping, metadata=base.JSON, repr=base.hidden
    )

    def __attrs_post_init__(self) -> None:
        name = type(self).__name__
        if self.text is None and self.markdown_text is None and self.blocks is None:
            raise RunbookError("has nothing to say: give text, markdown_text or blocks.", place=name)
        if self.markdown_text is not None and (self.text is not None or self.blocks is not None):
            raise RunbookError(
                "has markdown_text beside text or blocks, which Slack refuses (markdown_text_conflict): give one.",
                place=name,
            )
        if self.metadata is not None and not {"event_type", "event_payload"} <= set(self.metadata):
            raise RunbookError(
                "must have event_type and event_payload (https://docs.slack.dev/messaging/message-metadata).",
                place=f"{name}.metadata",
            )
        payload = self._payload()
        may_become_one = isinstance(payload, str) and ("{{" in payload or Placeholder.is_in(payload))
        if not isinstance(payload, Mapping) and not may_become_one:
            raise RunbookError(_BAD_PAYLOAD, place=f"{name}.metadata.event_payload")

    def _payload(self) -> object:
        return self.metadata["event_payload"] if self.metadata is not None else {}

    def _content(self) -> dict[str, Any]:
        """Return the arguments that carry the content, with a fallback text beside blocks."""
        text = self.text
        if self.blocks is not None and not text:
            text = block_kit.fallback_text(self.blocks) or None
        # Slack wants neither beside markdown_text; link_names and parse stay unset, so no value becomes a mention.
        return {
            "text": text,
            "markdown_text": self.markdown_text,
            "blocks": list(self.blocks) if self.blocks is not None else None,
            "metadata": dict(self.metadata) if self.metadata is not None else None,
        }

    def faults(self) -> Iterator[Fault]:
        if self.blocks is not None:
            for pointer, message in block_kit.block_problems(self.blocks):
                yield Fault(pointer.removeprefix("/"), message)
        elif not (self.text or self.markdown_text or "").strip():
            field = "text" if self.text is not None else "markdown_text"
            yield Fault(field, "is empty, and Slack refuses an empty message (no_text).", "Say something.")
        payload = self._payload()
        # What a template came to may be a text with braces of its own.
        if not isinstance(payload, Mapping) and not Placeholder.is_in(payload):
            yield Fault("metadata.event_payload", _BAD_PAYLOAD)
        for field in _LONG:
            said, most = getattr(self, field), LIMITS[field].most
            if said is not None and len(said) > most:
                yield self._too_long(field, len(said), most)

    def _too_long(self, field: str, length: int, most: int) -> Fault:
        """Say of a text that is too long what that means."""
        return Fault(
            field, f"has {length} characters; over {most} Slack cuts or splits a message.", self._remedy_of_length()
        )

    def _remedy_of_length(self) -> str:
        return "Shorten it, send the rest as replies in a thread, or use blocks."


_BAD_PAYLOAD = "must be a mapping, as Slack wants an object (https://docs.slack.dev/messaging/message-metadata)."

_LONG = {"text": Kind.MRKDWN, "markdown_text": Kind.MARKDOWN}


@attrs.frozen(kw_only=True)
class LongContent(Content[_R_co]):
    """What a message says, with a policy for a text that is longer than a message."""

    splits: ClassVar[bool] = False
    """Whether the action may send several messages."""

    too_long: str = attrs.field(
        default="error", validator=base.is_choice("error", "truncate", "split"), metadata=base.IDENTIFIER
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.too_long != "split":
            return
        place = f"{type(self).__name__}.too_long"
        if not self.splits:
            raise RunbookError("cannot be 'split': this is one message. Choose 'truncate' or 'error'.", place=place)
        if self.blocks is not None:
            raise RunbookError(
                "cannot be 'split' beside blocks, which are one message. Choose 'truncate' or 'error'.", place=place
            )

    def _said(self) -> tuple[dict[str, Any], int]:
        """Return the arguments that carry the content, cut if need be, and how many characters were cut."""
        content = self._content()
        cut = 0
        if self.too_long == "truncate":
            if content["blocks"] is not None:
                content["blocks"], cut = _cut_sections(content["blocks"])
            for field, kind in _LONG.items():
                if content[field] is not None:
                    short = truncate(content[field], LIMITS[field].most, kind)
                    content[field] = short.text
                    # Beside blocks the text only shows in notifications, so nobody misses what is gone there.
                    cut += 0 if self.blocks is not None else short.cut
        return content, cut

    def _parts(self) -> list[dict[str, Any]]:
        """Return the arguments of each message: one, unless the text is split. The metadata is the first one's."""
        content, _ = self._said()
        if self.too_long != "split":
            return [content]
        field = "text" if self.text is not None else "markdown_text"
        texts = split(content[field], LIMITS[field].most, _LONG[field])
        return [
            {**content, field: text, "metadata": None if at else content["metadata"]} for at, text in enumerate(texts)
        ]

    def faults(self) -> Iterator[Fault]:
        if self.too_long != "truncate" or self.blocks is None:
            yield from super().faults()
            return
        blocks, cut = _cut_sections(self.blocks)
        # Only what all messages share: a subclass says what is wrong with its own fields besides.
        yield from Content.faults(attrs.evolve(self, blocks=blocks) if cut else self)
        for index, (before, after) in enumerate(zip(self.blocks, blocks, strict=True)):
            if before != after:
                length = len(before["text"]["text"])
                message = f"has {length} characters, of which {LIMITS['section_text'].most} are sent: the rest is cut."
                yield Fault(f"blocks/{index}/text/text", message, severity="warning")

    def _too_long(self, field: str, length: int, most: int) -> Fault:
        if self.too_long == "error":
            return super()._too_long(field, length, most)
        if self.too_long == "truncate":
            cut = truncate(getattr(self, field), most, _LONG[field]).cut
            message = f"has {length} characters, and a message takes {most}: {cut} are cut."
        else:
            parts = len(self._parts())
            message = f"has {length} characters, and a message takes {most}: it goes as {parts} messages in a thread."
        return Fault(field, message, severity="warning")

    def _remedy_of_length(self) -> str:
        other = " or too_long='split'" if self.splits and self.blocks is None else ""
        return f"Shorten it, set too_long='truncate'{other}, or use blocks."


def _cut_sections(blocks: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Cut the texts of sections, which hold what is long; everything else that is too long stays a fault."""
    cut, short = 0, []
    for block in blocks:
        text = block.get("text")
        said = text.get("text") if block.get("type") == "section" and isinstance(text, dict) else None
        if isinstance(text, dict) and isinstance(said, str):
            kind = Kind.MRKDWN if text.get("type") == "mrkdwn" else Kind.PLAIN
            shortened = truncate(said, LIMITS["section_text"].most, kind)
            if shortened.cut:
                block = {**block, "text": {**text, "text": shortened.text}}
                cut += shortened.cut
        short.append(dict(block))
    return short, cut
