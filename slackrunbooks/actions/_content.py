"""What a message says, shared by every step that sends, schedules or changes one.

Rule of this file: no method of Slack is named here, as in ``_base``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from .. import blocks as block_kit
from ..errors import RunbookError
from ..text import LIMITS
from . import _base as base
from ._base import Action, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Content"]

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
        default=None, converter=base.as_data, validator=base.is_mapping, metadata=base.DATA, repr=base.hidden
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
        for field, limit in (("text", LIMITS["text"]), ("markdown_text", LIMITS["markdown_text"])):
            said = getattr(self, field)
            if said is not None and len(said) > limit.most:
                yield Fault(
                    field,
                    f"has {len(said)} characters; over {limit.most} Slack cuts or splits a message.",
                    "Shorten it, send the rest as replies in a thread, or use blocks.",
                )
