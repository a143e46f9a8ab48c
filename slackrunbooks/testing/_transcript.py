"""The workspace as people would read it, for test failures and golden files.

Rule of this file: reading only, and the same state always gives the same text.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ._mrkdwn import decoded, flatten_blocks, readable

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
    for message in channel.log.values():
        if not message.is_reply:
            yield from _message(workspace, message, "  ")
            for reply in message.replies:
                yield from _message(workspace, reply, "      ")


def _message(workspace: Workspace, message: FakeMessage, indent: str) -> Iterator[str]:
    # The microseconds keep `ts` unique; a reader wants the second.
    when = datetime.fromtimestamp(int(message.ts.partition(".")[0]), tz=timezone.utc)
    author = message.username or workspace.name_of(message.user)
    text = readable(message.text, workspace.name_of)
    if message.subtype is not None:
        line = text if text.startswith(author) else f"{author} {text}"
        for word in ("topic", "purpose"):
            if word in message.extra:
                # "Does not support formatting or linkification", so nothing but the entities is read.
                line = f"{author} set the channel {word}: {decoded(str(message.extra[word]))}"
        yield f"{indent}{when:%Y-%m-%d %H:%M:%SZ} -- {line}"
        return
    marks = [name for name, is_so in (("edited", message.edited), ("also in channel", message.broadcast)) if is_so]
    said = f" ({', '.join(marks)})" if marks else ""
    # Beside blocks the text is only what notifications show: https://docs.slack.dev/reference/methods/chat.postMessage
    shown_text = "" if message.blocks else _joined(text, indent)
    yield f"{indent}{when:%Y-%m-%d %H:%M:%SZ} {author}{said}: {shown_text}".rstrip()
    for line in flatten_blocks(message.blocks, workspace.name_of):
        yield f"{indent}    | {line}"
    if message.reactions:
        shown = (f":{name}: {len(users)}" for name, users in message.reactions.items())
        yield f"{indent}    {'  '.join(shown)}"


def _joined(text: str, indent: str) -> str:
    return text.replace("\n", f"\n{indent}    ")
