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
    from collections.abc import Generator, Iterator, Mapping

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
        duplicates: ``ts`` of older messages with the same key that were seen on the way, the newest first: what two
            runs at the same moment leave. They stay as they are; a step with ``foreach`` can delete them.
    """

    channel: str
    ts: str
    created: bool
    cut: int = 0
    duplicates: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class PostOrUpdateMessage(LongContent[MessageStands]):
    """Keep one message up to date in a channel: post it the first time, and change it in place from then on.

    For status boards and summaries. The message is known by its ``key``, which goes as a hash into the message's
    metadata; of the app's own messages in the channel, the newest with that key is the one.

    Slack: https://docs.slack.dev/reference/methods/chat.update and
    https://docs.slack.dev/reference/methods/chat.postMessage; to find the message
    https://docs.slack.dev/reference/methods/conversations.history or, in a thread,
    https://docs.slack.dev/reference/methods/conversations.replies

    Scopes: ``chat:write``; to find the message ``channels:history`` (public), ``groups:history`` (private),
    ``im:history`` or ``mpim:history`` (direct messages); a channel given by name also needs ``channels:read`` or
    ``groups:read``.

    Attributes:
        channel: The channel: an earlier step's ``channel``, an ID, ``#name`` or a link. The app must be a member.
        key: What tells this message from others of the app in the channel: ``status-board``, ``{{Activity.id}}``.
        ts: Its ``ts`` where that is known, which spares the search; an empty one is not known.
        thread_ts: ``ts`` of the message that starts the thread it stands in. One key may stand in the channel and in
            each of its threads.
        search_limit: How many of the channel's newest messages are looked through; what is older is posted anew. A
            thread is read to its end, for Slack gives it from its beginning.
        text: The message in Slack's mrkdwn, at most 4,000 characters. Beside blocks it is what notifications show.
        markdown_text: The message in Markdown, at most 12,000 characters; beside neither ``text`` nor ``blocks``.
        blocks: Block Kit: plain data, objects with ``to_dict()``, or JSON or YAML text. At most 50.
        unfurl_links: Whether Slack adds previews of links when it is posted; Slack's own default if left out.
        unfurl_media: Whether Slack adds previews of media when it is posted; Slack's own default if left out.
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
    unfurl_links: bool | str | None = attrs.field(
        default=None, converter=base.as_switch, validator=base.is_flag, metadata=base.FLAG
    )
    unfurl_media: bool | str | None = attrs.field(
        default=None, converter=base.as_switch, validator=base.is_flag, metadata=base.FLAG
    )

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
        found = yield from self._find(channel)
        for at, ts in enumerate(found):
            try:
                done = yield from self._update(channel, ts, content, cut)
            except MessageNotFound:
                continue
            return attrs.evolve(done, duplicates=tuple(found[at + 1 :]))
        previews = {"unfurl_links": self.unfurl_links, "unfurl_media": self.unfurl_media}
        reply = yield call("chat.postMessage", channel=channel, thread_ts=self.thread_ts or None, **content, **previews)
        return MessageStands(channel=str(reply["channel"]), ts=str(reply["ts"]), created=True, cut=cut)

    def _update(self, channel: str, ts: str, content: dict[str, Any], cut: int) -> Flow[MessageStands]:
        said = dict(content)
        if self.blocks is None and self.text is not None:
            # As in UpdateMessage: blocks that it had before would stay.
            said["blocks"] = []
        yield call("chat.update", channel=channel, ts=ts, **said)
        return MessageStands(channel=channel, ts=ts, created=False, cut=cut)

    def _find(self, channel: str) -> Generator[Effect, Any, list[str]]:
        """Return the ``ts`` of messages of the app with the key, the newest first; further ones only as far as seen."""
        key = mark("standing", self.key)
        me = yield from identity()
        own = {str(me[name]) for name in ("user_id", "bot_id") if me.get(name)}
        thread = {"ts": self.thread_ts} if self.thread_ts else {}
        method = "conversations.replies" if thread else "conversations.history"
        found: list[str] = []
        cursor: str | None = None
        left = int(self.search_limit)
        while thread or left > 0:
            limit = _PAGE if thread else min(_PAGE, left)
            reply = yield call(method, channel=channel, **thread, include_all_metadata=True, limit=limit, cursor=cursor)
            messages = reply.get("messages") or ()
            found += (
                str(message["ts"])
                for message in messages
                if key_of(message) == key
                and own & {str(message.get("user")), str(message.get("bot_id"))}
                and _is_reply(message) == bool(thread)
            )
            left -= len(messages)
            cursor = (reply.get("response_metadata") or {}).get("next_cursor") or None
            # The newest of a channel comes first, and the newest of a thread last.
            if cursor is None or (found and not thread):
                break
        return sorted(set(found), reverse=True)


def _is_reply(message: Mapping[str, Any]) -> bool:
    """Tell a reply from a message of the channel: the one that starts a thread comes with its replies."""
    return message.get("thread_ts") not in {None, message["ts"]}
