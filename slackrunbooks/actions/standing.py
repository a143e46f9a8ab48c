"""The step for a message that stands: posted once, changed in place ever after.

Rule of this file: before anything is posted, the channel is looked through, so that nothing is posted blindly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ..errors import MessageNotFound
from ..slack_methods import call
from . import _base as base
from ._base import Fault, Need, Placeholder
from ._content import LongContent
from ._find import bad_channel, bad_limit, bad_ts, channel_id, channel_needs, identity
from ._marks import key_of, mark, marked

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from .._effects import Effect, Flow

__all__ = ["MessageStands", "PostOrUpdateMessage"]

# "We recommend no more than 200 results at a time": https://docs.slack.dev/reference/methods/conversations.history
_PAGE = 200


@attrs.frozen(kw_only=True)
class MessageStands:
    """A message that says what it should now.

    Attributes:
        channel: ID of its channel.
        ts: Its ID there, Slack's string.
        created: Whether it was posted now; else it stood there and was changed.
        cut: How many characters of it were cut (``too_long="truncate"``).
    """

    channel: str
    ts: str
    created: bool
    cut: int = 0


@attrs.frozen(kw_only=True)
class PostOrUpdateMessage(LongContent[MessageStands]):
    """Keep one message up to date in a channel: post it the first time, and change it in place from then on.

    For status boards and summaries. The message is known by its ``key``, which goes as a hash into the message's
    metadata; of the app's own messages in the channel, the newest with that key is the one.

    Slack: https://docs.slack.dev/reference/methods/chat.update and
    https://docs.slack.dev/reference/methods/chat.postMessage; to find the message
    https://docs.slack.dev/reference/methods/conversations.history or, in a thread,
    https://docs.slack.dev/reference/methods/conversations.replies

    Scopes: ``chat:write``; ``channels:history`` or ``groups:history`` to find the message; a channel given by name also
    needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: The channel: an earlier step's ``channel``, an ID, ``#name`` or a link. The app must be a member.
        key: What tells this message from others of the app in the channel: ``status-board``, ``{{Activity.id}}``.
        ts: Its ``ts`` where that is known, which spares the search; an empty one is not known.
        thread_ts: ``ts`` of the message that starts the thread it stands in.
        search_limit: How many of the newest messages are looked through; what is older is posted anew.
        text: The message in Slack's mrkdwn, at most 4,000 characters. Beside blocks it is what notifications show.
        markdown_text: The message in Markdown, at most 12,000 characters; beside neither ``text`` nor ``blocks``.
        blocks: Block Kit: plain data, objects with ``to_dict()``, or JSON or YAML text. At most 50.
        metadata: ``event_type`` and ``event_payload`` for other apps; the key joins the payload.
        too_long: What becomes of a text that is too long: ``"error"`` or ``"truncate"``.

    Returns:
        A :class:`MessageStands`.

    Raises:
        NotInChannel: The app is not in the channel: invite it. Nothing was posted.
        MissingScope: The token may not read the channel's history. Nothing was posted.
        ChannelNotFound: The app sees no such channel.
        NotPermitted: The workspace lets no message of that age be edited (``edit_window_closed``).
        AmbiguousOutcome: The answer to posting it was lost. Run it again: it finds the message if it is there.

    Again: the message is found, and says the same.
    """

    output: ClassVar[type[Any]] = MessageStands

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    key: str = attrs.field(validator=base.is_text, metadata=base.LITERAL)
    ts: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    thread_ts: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    search_limit: int | str = attrs.field(default=1000, validator=base.is_number, metadata=base.NUMBER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        known = "if the message's ts is not known" if self.ts is not None else ""
        yield Need("auth.test", "tell its own messages from others", condition=known)
        method = "conversations.replies" if self.thread_ts is not None else "conversations.history"
        yield Need(method, "find the message", channel=self.channel, condition=known)
        yield Need("chat.update", "change the message")
        yield Need("chat.postMessage", "post the message the first time", condition="if it does not stand there yet")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        if not self.key.strip():
            yield Fault("key", "is empty.", "Give what tells the message from others, such as status-board.")
        yield from bad_ts("ts", self.ts)
        yield from bad_ts("thread_ts", self.thread_ts)
        if not Placeholder.is_in(self.search_limit):
            yield from bad_limit(self.search_limit, field="search_limit")
        yield from super().faults()

    def flow(self) -> Flow[MessageStands]:
        channel = yield from channel_id(self.channel)
        content, cut = self._said()
        content["metadata"] = marked(self.metadata, mark("standing", self.key))
        if self.ts:
            try:
                return (yield from self._update(channel, self.ts, content, cut))
            except MessageNotFound:
                # Somebody deleted it; another may have been posted since.
                pass
        ts = yield from self._find(channel)
        if ts is not None:
            try:
                return (yield from self._update(channel, ts, content, cut))
            except MessageNotFound:
                pass
        reply = yield call("chat.postMessage", channel=channel, thread_ts=self.thread_ts or None, **content)
        return MessageStands(channel=str(reply["channel"]), ts=str(reply["ts"]), created=True, cut=cut)

    def _update(self, channel: str, ts: str, content: dict[str, Any], cut: int) -> Flow[MessageStands]:
        said = dict(content)
        if self.blocks is None and self.text is not None:
            # As in UpdateMessage: blocks that it had before would stay.
            said["blocks"] = []
        yield call("chat.update", channel=channel, ts=ts, **said)
        return MessageStands(channel=channel, ts=ts, created=False, cut=cut)

    def _find(self, channel: str) -> Generator[Effect, Any, str | None]:
        """Return the ``ts`` of the newest message of the app with the key."""
        key = mark("standing", self.key)
        me = yield from identity()
        own = {str(me[name]) for name in ("user_id", "bot_id") if me.get(name)}
        thread = {"ts": self.thread_ts} if self.thread_ts else {}
        method = "conversations.replies" if thread else "conversations.history"
        found: str | None = None
        cursor: str | None = None
        left = int(self.search_limit)
        while left > 0:
            reply = yield call(
                method, channel=channel, **thread, include_all_metadata=True, limit=min(_PAGE, left), cursor=cursor
            )
            messages = reply.get("messages") or ()
            matching = [
                str(message["ts"])
                for message in messages
                if key_of(message) == key and own & {str(message.get("user")), str(message.get("bot_id"))}
            ]
            if matching and not thread:
                return matching[0]
            # A thread is read from its beginning, so the last that fits is the newest.
            found = matching[-1] if matching else found
            left -= len(messages)
            cursor = (reply.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
        return found
