"""Steps that write a canvas: the lessons of an incident, its action items.

Rule of this file: one class for each step, by the ``canvases.*`` methods of Slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from .._effects import Partial
from ..errors import RunbookError, SlackError
from ..slack_methods import call
from . import _base as base
from ._base import Action, Fault, Need, Placeholder
from ._find import bad_channel, channel_id, channel_needs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._effects import Flow

__all__ = ["CanvasCreated", "CreateCanvas"]

# Slack gives this limit with the argument: https://docs.slack.dev/reference/methods/canvases.create
_LONGEST = 1_048_576

# Both say that the channel has its canvas; the second is a free plan's, where a channel has one canvas in all:
# https://docs.slack.dev/reference/methods/conversations.canvases.create#errors
_EXISTS = frozenset({"channel_canvas_already_exists", "free_team_canvas_tab_already_exists"})


@attrs.frozen(kw_only=True)
class CanvasCreated:
    """A canvas.

    Attributes:
        canvas_id: Its ID, which is that of a file.
        channel: ID of the channel it stands in or was shared with; ``None`` for one of the app's own.
        appended: Whether it stood there already, and the content was put at its end.
    """

    canvas_id: str
    channel: str | None = None
    appended: bool = False


@attrs.frozen(kw_only=True)
class CreateCanvas(Action[CanvasCreated]):
    """Write a canvas: as the canvas of a channel, as a further tab of it, or as a document that stands by itself.

    Slack: https://docs.slack.dev/reference/methods/conversations.canvases.create,
    https://docs.slack.dev/reference/methods/canvases.create,
    https://docs.slack.dev/reference/methods/canvases.access.set to share one that stands by itself, and, for
    ``if_exists="append"``, https://docs.slack.dev/reference/methods/conversations.info and
    https://docs.slack.dev/reference/methods/canvases.edit

    Scopes: ``canvases:write``; a channel given by name also needs ``channels:read`` or ``groups:read``, and so does
    ``if_exists="append"``.

    Attributes:
        markdown: The content in Slack's Markdown for canvases, at most 1,048,576 characters. A mention of a person or
            a channel is ``![](@U0123ABCD)``, ``![](#C0123ABCD)``, or a value such as :class:`UserMention`.
        title: Its title.
        channel: The channel: an earlier step's ``channel``, an ID, ``#name`` or a link. Left out, the canvas stands by
            itself, and only the app sees it; on a free plan there must be one.
        kind: With a channel: ``"channel"`` makes the channel's own canvas, of which there is one, ``"tab"`` a further
            canvas in a tab, ``"shared"`` one that stands by itself and that the channel's members may see.
        if_exists: What to do where the channel has its canvas already: ``"fail"``, or ``"append"`` the content to it.
        access: What members of the channel may do with a ``"shared"`` one: ``"read"`` or ``"write"``.

    Returns:
        A :class:`CanvasCreated`.

    Raises:
        SlackError: ``channel_canvas_already_exists`` (see ``if_exists``), ``canvas_creation_failed`` (``detail`` says
            which line of the Markdown Slack does not take), ``free_teams_cannot_create_standalone_canvases`` and the
            other limits of the plan; each with its remedy.
        NotPermitted: Canvases are off in the workspace.
        ChannelNotFound: The app sees no such channel.
        AmbiguousOutcome: The answer was lost; the canvas may exist.

    Again: the channel's own canvas is not made twice; it is refused, or the content is appended once more. Any other
    canvas is made a second time.
    """

    output: ClassVar[type[Any]] = CanvasCreated

    markdown: str = attrs.field(validator=base.is_text, metadata=base.CANVAS, repr=base.hidden)
    title: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.LITERAL)
    channel: str | None = attrs.field(
        default=None, converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL
    )
    kind: Literal["channel", "tab", "shared"] = attrs.field(
        default="channel", validator=base.is_choice("channel", "tab", "shared"), metadata=base.IDENTIFIER
    )
    if_exists: Literal["fail", "append"] = attrs.field(
        default="fail", validator=base.is_choice("fail", "append"), metadata=base.IDENTIFIER
    )
    access: Literal["read", "write"] = attrs.field(
        default="read", validator=base.is_choice("read", "write"), metadata=base.IDENTIFIER
    )

    def __attrs_post_init__(self) -> None:
        if self.if_exists == "append" and (self.channel is None or self.kind != "channel"):
            raise RunbookError(
                'is "append", which only the one canvas of a channel can be: give channel, and kind="channel".',
                place="CreateCanvas.if_exists",
            )
        if self.kind != "channel" and self.channel is None:
            raise RunbookError(f"is {self.kind!r}, but there is no channel.", place="CreateCanvas.kind")
        if self.access != "read" and self.kind != "shared":
            raise RunbookError(
                'is for kind="shared"; members of the channel may write in the others.', place="CreateCanvas.access"
            )

    def needs(self) -> Iterator[Need]:
        if self.channel is not None:
            yield from channel_needs(self.channel)
        own = self.channel is not None and self.kind == "channel"
        yield Need("conversations.canvases.create" if own else "canvases.create", "write the canvas")
        if self.if_exists == "append":
            exists = "if the channel has a canvas already"
            yield Need("conversations.info", "find the channel's canvas", channel=self.channel, condition=exists)
            yield Need("canvases.edit", "add to the channel's canvas", condition=exists)
        if self.kind == "shared":
            yield Need("canvases.access.set", "let the channel's members see it")

    def faults(self) -> Iterator[Fault]:
        if self.channel is not None:
            yield from bad_channel(self.channel)
        if not self.markdown.strip():
            yield Fault("markdown", "is empty.", "Say something: a canvas without content helps nobody.")
        if len(self.markdown) > _LONGEST and not Placeholder.is_in(self.markdown):
            yield Fault("markdown", f"has {len(self.markdown)} characters; a canvas takes {_LONGEST}.", "Shorten it.")

    def flow(self) -> Flow[CanvasCreated]:
        content = {"type": "markdown", "markdown": self.markdown}
        title = self.title or None
        channel = (yield from channel_id(self.channel)) if self.channel is not None else None
        if channel is None or self.kind != "channel":
            tab = channel if self.kind == "tab" else None
            reply = yield call("canvases.create", title=title, document_content=content, channel_id=tab)
            canvas_id = str(reply["canvas_id"])
            if self.kind == "shared":
                yield Partial(CanvasCreated(canvas_id=canvas_id))
                yield call("canvases.access.set", canvas_id=canvas_id, access_level=self.access, channel_ids=[channel])
            return CanvasCreated(canvas_id=canvas_id, channel=channel)
        try:
            reply = yield call(
                "conversations.canvases.create", channel_id=channel, title=title, document_content=content
            )
        except SlackError as error:
            if error.code not in _EXISTS or self.if_exists == "fail":
                raise
            return (yield from self._append(channel, content, error))
        return CanvasCreated(canvas_id=str(reply["canvas_id"]), channel=channel)

    def _append(self, channel: str, content: dict[str, str], exists: SlackError) -> Flow[CanvasCreated]:
        reply = yield call("conversations.info", channel=channel)
        canvas_id = _own_canvas((reply["channel"] or {}).get("properties") or {})
        if not canvas_id:
            # The error says that there is one; Slack does not always say which.
            raise exists
        change = {"operation": "insert_at_end", "document_content": content}
        yield call("canvases.edit", canvas_id=canvas_id, changes=[change])
        return CanvasCreated(canvas_id=canvas_id, channel=channel, appended=True)


def _own_canvas(properties: Mapping[str, Any]) -> str:
    """Return the ID of a channel's own canvas, or ``""``.

    It stands by itself (https://docs.slack.dev/surfaces/canvases), or as one of the tabs, which Slack now shows
    instead: https://github.com/slack-go/slack/issues/1423
    """
    own = [properties.get("canvas")]
    own += [tab.get("data") for tab in properties.get("tabs") or () if tab.get("type") == "channel_canvas"]
    return next((str(found["file_id"]) for found in own if found and found.get("file_id")), "")
