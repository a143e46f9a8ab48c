"""files.*: uploads in three steps, of which the second stands in ``_uploads``.

Rule of this file: see the package. Slack handles files in the background, so that for a while files.info may know less
than it does here; no page says what is missing for how long.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from slackrunbooks.testing._blocks import UNKNOWN, faults
from slackrunbooks.testing._state import FakeFile, microseconds
from slackrunbooks.testing._uploads import UPLOADS

from ._registry import Body, NotModelled, Refusal, Request, method
from .chat import customized

if TYPE_CHECKING:
    from slackrunbooks.testing._state import FakeChannel

_MAX_ALT = 1000  # https://docs.slack.dev/reference/methods/files.getUploadURLExternal#errors
_MAX_SNIPPET = 1_000_000  # "limited to 1MB", on the same page
_MAX_CHANNELS = 100  # https://docs.slack.dev/reference/methods/files.completeUploadExternal#errors
# A few of https://docs.slack.dev/reference/objects/file-object#types; the fake does not judge the others.
_SNIPPETS = frozenset(
    {"c", "cpp", "csharp", "css", "csv", "diff", "go", "html", "java", "javascript", "json", "kotlin", "markdown"}
    | {"php", "python", "ruby", "rust", "shell", "sql", "swift", "text", "typescript", "xml", "yaml"}
)


@method(
    "files.getUploadURLExternal",
    required=("filename", "length"),
    missing={"filename": "missing_argument", "length": "missing_argument"},
    numbers=("length",),
    json_body=False,
)
def get_upload_url(request: Request) -> Body:
    """Announce a file, and get the address for its bytes."""
    length = request.arguments["length"]
    if not isinstance(length, int) or length < 0:
        request.invalid("length must be a positive integer")
    if length == 0 or not request.text("filename"):
        raise Refusal("missing_argument")
    if len(request.text("alt_txt")) > _MAX_ALT:
        raise Refusal("alt_txt_too_large")
    snippet_type = request.text("snippet_type")
    if snippet_type and not re.fullmatch(r"[a-z0-9_+-]+", snippet_type):
        raise Refusal("unknown_snippet_type")
    if snippet_type and snippet_type not in _SNIPPETS:
        raise NotModelled(f"The fake does not know whether {snippet_type} is a type of snippet.")
    if snippet_type and length > _MAX_SNIPPET:
        raise Refusal("snippet_too_large")
    workspace = request.workspace
    file = FakeFile(
        workspace.new_id("F"),
        request.text("filename"),
        length,
        workspace.seconds(),
        request.bot.id,
        title=request.text("filename"),
        alt_txt=request.text("alt_txt"),
        snippet_type=snippet_type,
    )
    workspace.files[file.id] = file
    ticket = f"{file.id}-ticket"
    workspace.uploads[ticket] = file
    return {"upload_url": f"{request.origin}{UPLOADS}{ticket}", "file_id": file.id}


@method("files.completeUploadExternal", required=("files",), data=("files", "blocks"))
def complete_upload(request: Request) -> Body:
    """Finish uploads, and share their files in one message in each channel."""
    files = _announced(request)
    customized(request)
    channels = _channels(request)
    thread_ts = _parent(request, channels)
    comment = request.text("initial_comment")
    # "If the initial_comment field is provided, the blocks field is ignored."
    blocks = [] if comment else _blocks(request)
    for file, title in files:
        file.is_complete = True
        file.title = title or file.name
    for channel in channels:
        message = request.workspace.add_message(
            channel,
            request.bot,
            comment,
            thread_ts=thread_ts,
            blocks=blocks,
            bot_id=request.workspace.bot_id,
            username=request.text("username") or None,
            files=[file for file, _ in files],
        )
        for file, _ in files:
            file.shares[channel.id] = message.ts
        request.workspace.notify(message)
    return {"files": [{"id": file.id, "title": file.title} for file, _ in files]}


@method("files.info", required=("file",), numbers=("count", "page", "limit"), json_body=False)
def info(request: Request) -> Body:
    """Describe a file that the app uploaded."""
    file_id = request.text("file")
    if file_id in request.workspace.canvases:
        raise NotModelled("What files.info shows of a canvas is not modelled.")
    file = request.workspace.files.get(file_id)
    if file is None:
        raise Refusal("file_not_found")
    if not file.is_complete:
        raise NotModelled("What files.info says of an upload that nobody completed is not documented.")
    return {"file": request.workspace.show_file(file), "comments": [], "response_metadata": {"next_cursor": ""}}


@method("files.list", flags=("show_files_hidden_by_limit",), numbers=("count", "page"), json_body=False)
def listed(request: Request) -> Body:
    """List the app's own files that are uploaded, all or those of one channel."""
    if request.text("types", "all") != "all":
        raise NotModelled("files.list with types is not modelled.")
    user = request.text("user")
    if user:
        request.active(user)
    if user != request.bot.id:
        raise NotModelled("files.list is modelled for the app's own files: give user, the app's user ID.")
    channel_id = request.text("channel")
    if channel_id and channel_id not in request.workspace.channels:
        raise NotModelled("The page has no error for a channel that does not exist.")
    since, until = (request.text(name, default) for name, default in (("ts_from", "0"), ("ts_to", "99999999999")))
    found = [
        request.workspace.show_file(file)
        for file in request.workspace.files.values()
        if file.is_complete
        and (not channel_id or channel_id in file.shares)
        and microseconds(since) <= file.created * 1_000_000 <= microseconds(until)
    ]
    count, page = (request.arguments.get(name, default) for name, default in (("count", 100), ("page", 1)))
    if not isinstance(count, int) or not isinstance(page, int) or count < 1 or page < 1:
        raise NotModelled("What files.list says to a count or a page below 1 is not documented.")
    pages = -(-len(found) // count)
    paging = {"count": count, "total": len(found), "page": page, "pages": pages}
    return {"files": found[(page - 1) * count : page * count], "paging": paging}


def _announced(request: Request) -> list[tuple[FakeFile, str]]:
    """Return the files whose bytes came, with their titles."""
    listed = request.arguments["files"]
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        request.invalid("files must be an array of objects [json-pointer:/files]")
    found: list[tuple[FakeFile, str]] = []
    for each in listed:
        file = request.workspace.files.get(str(each.get("id")))
        if file is None:
            raise Refusal("file_not_found")
        if file.content is None:
            raise NotModelled("The bytes have not come: the page says 'will return with no action', and not how.")
        if file.is_complete or any(file is other for other, _ in found):
            raise NotModelled("What completing an upload twice answers is not documented.")
        found.append((file, str(each.get("title") or "")))
    return found


def _channels(request: Request) -> list[FakeChannel]:
    """Return the conversations to share in; without any the file stays private."""
    one, several = request.text("channel_id"), request.text("channels")
    if one and several:
        raise NotModelled("What channel_id beside channels does is not documented.")
    keys = [one] if one else list(dict.fromkeys(part.strip() for part in several.split(",") if part.strip()))
    if len(keys) > _MAX_CHANNELS:
        raise Refusal("channels_limit_exceeded")
    return [_channel(request, key, "channel_not_found" if one else "invalid_channel") for key in keys]


def _channel(request: Request, key: str, code: str) -> FakeChannel:
    user = request.workspace.users.get(key)
    if user is not None:
        if code == "channel_not_found" or user.is_bot or user.deleted:
            raise NotModelled("Only channels takes user IDs, and what those of bots and of the gone do is unknown.")
        return request.workspace.open_direct([key])
    channel = request.workspace.channels.get(key)
    if channel is None or (channel.is_private and not request.is_in(channel)):
        raise Refusal(code)
    if not request.is_in(channel):
        raise Refusal("not_in_channel")
    if channel.is_archived:
        raise NotModelled("What sharing a file in an archived channel answers is not documented.")
    return channel


def _parent(request: Request, channels: list[FakeChannel]) -> str | None:
    """Return the message that the files reply to."""
    thread_ts = request.text("thread_ts")
    if not thread_ts:
        return None
    if len(channels) != 1:
        raise NotModelled("'Make sure to provide only one channel when using thread_ts', and nothing says what if not.")
    parent = channels[0].log.get(thread_ts)
    if parent is None or parent.is_reply or parent.is_system:
        raise NotModelled("What files below a reply, a system line or nothing become is not documented.")
    return thread_ts


def _blocks(request: Request) -> list[dict[str, Any]]:
    blocks = request.arguments.get("blocks") or []
    if not isinstance(blocks, list):
        raise Refusal("invalid_blocks")
    found = faults(blocks)
    if any(what == UNKNOWN for what, _ in found):
        raise NotModelled("A block of this type is not modelled.")
    if found:
        raise Refusal("invalid_blocks")
    return blocks
