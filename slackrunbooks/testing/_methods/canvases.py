"""canvases.* and conversations.canvases.*: documents.

Rule of this file: see the package. A canvas is its Markdown here: which Markdown Slack cannot turn into a canvas
(``canvas_creation_failed`` and ``canvas_editing_failed`` with a ``detail``) is not documented as rules, and sections
have IDs that only canvases.sections.lookup gives, which the fake does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slackrunbooks.testing._state import FakeCanvas

from ._registry import Body, NotModelled, Refusal, Request, method

if TYPE_CHECKING:
    from slackrunbooks.testing._state import FakeChannel

_MAX_MARKDOWN = 1_048_576  # https://docs.slack.dev/reference/methods/canvases.create#arg_document_content


@method("canvases.create", data=("document_content",))
def create(request: Request) -> Body:
    """Make a canvas of the app's own, as a tab of a channel if one is named."""
    channel = _channel(request) if request.text("channel_id") else None
    return _created(request, channel, is_channel_canvas=False)


@method("conversations.canvases.create", required=("channel_id",), data=("document_content",))
def create_channel_canvas(request: Request) -> Body:
    """Make the one canvas that is a channel's own."""
    channel = _channel(request)
    if request.workspace.canvas_of(channel) is not None:
        raise Refusal("channel_canvas_already_exists")
    return _created(request, channel, is_channel_canvas=True)


@method("canvases.edit", required=("canvas_id", "changes"), data=("changes",))
def edit(request: Request) -> Body:
    """Change a canvas: add at its start or end, replace all of it, or give it another title."""
    canvas = request.workspace.canvases.get(request.text("canvas_id"))
    if canvas is None:
        raise Refusal("canvas_not_found")
    changes = request.arguments["changes"]
    # minItems and maxItems of the argument: "Only one operation per API call is currently supported."
    if not isinstance(changes, list) or len(changes) != 1 or not isinstance(changes[0], Mapping):
        request.invalid("changes must be an array of exactly 1 object [json-pointer:/changes]")
    change: Mapping[str, Any] = changes[0]
    operation = change.get("operation")
    if operation not in _OPERATIONS:
        request.invalid("must be one of the documented operations [json-pointer:/changes/0/operation]")
    if change.get("section_id") or operation in {"insert_after", "insert_before", "delete"}:
        raise NotModelled("Sections of a canvas are not modelled.")
    said = _markdown(change.get("title_content" if operation == "rename" else "document_content"))
    if said is None:
        raise NotModelled("What a change without its content is answered with is not documented.")
    if operation == "rename":
        canvas.title = said
    elif operation == "replace":
        canvas.markdown = said
    else:
        parts = [said, canvas.markdown] if operation == "insert_at_start" else [canvas.markdown, said]
        canvas.markdown = "\n".join(part for part in parts if part)
    return {}


@method("canvases.access.set", required=("canvas_id", "access_level"), data=("channel_ids", "user_ids"))
def set_access(request: Request) -> Body:
    """Let the members of one channel, or one person, see or change a canvas."""
    canvas = request.workspace.canvases.get(request.text("canvas_id"))
    if canvas is None:
        raise Refusal("canvas_not_found")
    level = request.text("access_level")
    if level not in {"read", "write", "owner"}:
        request.invalid("must be a valid enum value [json-pointer:/access_level]")
    if level == "owner":
        raise NotModelled("Who may be made the owner, and what becomes of the old one, is not modelled.")
    channels, people = request.arguments.get("channel_ids"), request.arguments.get("user_ids")
    # "One of user_ids or channel_ids must be defined, but not both."
    if (channels is None) == (people is None):
        raise Refusal("invalid_parameters")
    listed = channels if people is None else people
    if not isinstance(listed, list) or len(listed) != 1:
        name = "channel_ids" if people is None else "user_ids"
        request.invalid(f"must be an array of exactly 1 ID [json-pointer:/{name}]")
    key = str(listed[0])
    known = request.workspace.channels if people is None else request.workspace.users
    if key not in known:
        raise Refusal("channel_not_found" if people is None else "user_not_found")
    canvas.access[key] = level
    return {}


# https://docs.slack.dev/reference/methods/canvases.edit#operations
_OPERATIONS = frozenset(
    {"insert_after", "insert_before", "insert_at_start", "insert_at_end", "replace", "delete", "rename"}
)


def _channel(request: Request) -> FakeChannel:
    """Return the channel of the tab. The pages have no error for one that the app cannot use."""
    channel = request.workspace.channels.get(request.text("channel_id"))
    if channel is None or not request.is_in(channel):
        raise NotModelled("The page has no error for a channel that does not exist or that the app is not in.")
    if channel.is_archived or channel.is_im or channel.is_mpim:
        raise NotModelled("What a canvas in an archived channel or a direct message becomes is not documented.")
    return channel


def _created(request: Request, channel: FakeChannel | None, *, is_channel_canvas: bool) -> Body:
    said = request.arguments.get("document_content")
    markdown = "" if said is None else _markdown(said)
    canvas = FakeCanvas(
        request.workspace.new_id("F"),
        request.text("title"),
        markdown or "",
        channel.id if channel is not None else None,
        is_channel_canvas,
    )
    request.workspace.canvases[canvas.id] = canvas
    return {"canvas_id": canvas.id}


def _markdown(content: Any) -> str | None:
    """Return the Markdown of ``{"type": "markdown", "markdown": …}``, or ``None`` without content."""
    if content is None:
        return None
    if not isinstance(content, Mapping) or content.get("type") != "markdown":
        raise NotModelled("Only content of the type markdown is documented.")
    markdown = content.get("markdown")
    if not isinstance(markdown, str):
        raise NotModelled("What content without Markdown text is answered with is not documented.")
    if len(markdown) > _MAX_MARKDOWN:
        raise NotModelled("With which error more than 1 MiB of Markdown is refused is not documented.")
    return markdown
