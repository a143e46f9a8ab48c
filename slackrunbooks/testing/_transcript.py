"""The workspace as people would read it, for test failures and golden files.

Rule of this file: reading only, and the same state always gives the same text.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ._mrkdwn import decoded, flatten_blocks, readable
from ._state import FakeEphemeral, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ._state import FakeChannel, FakeMessage, Workspace

__all__ = ["transcript"]


def transcript(workspace: Workspace, channels: Sequence[FakeChannel]) -> str:
    """Return the conversations one after the other.

    A head names the conversation, its state, members, topic and description; then come messages and system lines
    (after ``--``), replies indented below their parents. Times are UTC.
    """
    return "\n\n".join("\n".join(_channel(workspace, channel)) for channel in channels)


def _channel(workspace: Workspace, channel: FakeChannel) -> Iterator[str]:
    kind = "direct message" if channel.is_im or channel.is_mpim else "private" if channel.is_private else "public"
    state = f"{kind}, archived" if channel.is_archived else kind
    mark = "@" if channel.is_im or channel.is_mpim else "#"
    yield f"{mark}{channel.name} ({state})"
    yield f"  members: {', '.join(workspace.name_of(member) for member in channel.members) or 'none'}"
    if channel.topic:
        yield f"  topic: {decoded(channel.topic)}"
    if channel.purpose:
        yield f"  description: {decoded(channel.purpose)}"
    for canvas in workspace.canvases.values():
        if canvas.channel == channel.id:
            yield f"  canvas: {canvas.title or 'untitled'}"
            yield from (f"    | {line}" for line in canvas.markdown.splitlines())
    said: list[FakeMessage | FakeEphemeral] = [each for each in channel.log.values() if not each.is_reply]
    for each in sorted([*said, *channel.ephemeral], key=lambda each: microseconds(each.ts)):
        if isinstance(each, FakeEphemeral):
            yield from _ephemeral(workspace, each)
            continue
        yield from _message(workspace, each, "  ")
        for reply in each.replies:
            yield from _message(workspace, reply, "      ")
    for scheduled in workspace.scheduled.values():
        if scheduled.channel == channel.id and scheduled.state in {"pending", "dropped"}:
            state = "scheduled" if scheduled.state == "pending" else f"did not post: {scheduled.dropped}"
            text = _joined(readable(scheduled.text, workspace.name_of), "  ")
            yield f"  {_time(scheduled.post_at)} {workspace.name_of(workspace.bot.id)} ({state}): {text}".rstrip()


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=timezone.utc):%Y-%m-%d %H:%M:%SZ}"


def _ephemeral(workspace: Workspace, message: FakeEphemeral) -> Iterator[str]:
    when = _time(int(message.ts.partition(".")[0]))
    author = message.username or workspace.name_of(workspace.bot.id)
    place = " in a thread" if message.thread_ts is not None else ""
    seen = f"only to {workspace.name_of(message.to)}{place}" if message.is_shown else "shown to nobody"
    text = "" if message.blocks else _joined(readable(message.text, workspace.name_of), "  ")
    yield f"  {when} {author} ({seen}): {text}".rstrip()
    for line in flatten_blocks(message.blocks, workspace.name_of):
        yield f"      | {line}"


def _message(workspace: Workspace, message: FakeMessage, indent: str) -> Iterator[str]:
    # The microseconds keep `ts` unique; a reader wants the second.
    when = _time(int(message.ts.partition(".")[0]))
    author = message.username or workspace.name_of(message.user)
    text = readable(message.text, workspace.name_of)
    if message.is_system:
        line = text if text.startswith(author) else f"{author} {text}"
        for word in ("topic", "purpose"):
            if word in message.extra:
                # "Does not support formatting or linkification", so nothing but the entities is read.
                line = f"{author} set the channel {word}: {decoded(str(message.extra[word]))}"
        yield f"{indent}{when} -- {line}"
        return
    states = (("edited", message.edited), ("also in channel", message.broadcast), ("me", message.subtype))
    marks = [name for name, is_so in states if is_so]
    said = f" ({', '.join(marks)})" if marks else ""
    # Beside blocks the text is only what notifications show: https://docs.slack.dev/reference/methods/chat.postMessage
    shown_text = "" if message.blocks else _joined(text, indent)
    yield f"{indent}{when} {author}{said}: {shown_text}".rstrip()
    for line in flatten_blocks(message.blocks, workspace.name_of):
        yield f"{indent}    | {line}"
    for file in message.files:
        named = file.name if file.title in {"", file.name} else f"{file.title} ({file.name})"
        yield f"{indent}    [file: {named}, {file.length} byte{'' if file.length == 1 else 's'}]"
    if message.reactions:
        shown = (f":{name}: {len(users)}" for name, users in message.reactions.items())
        yield f"{indent}    {'  '.join(shown)}"


def _joined(text: str, indent: str) -> str:
    return text.replace("\n", f"\n{indent}    ")
