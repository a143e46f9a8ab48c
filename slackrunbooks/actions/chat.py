"""Steps that send, change, delete and address messages.

Rule of this file: one class for each step, by the ``chat.*`` methods of Slack (and ``conversations.open``, which a
direct message to several people needs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import attrs

from .. import blocks as block_kit
from ..errors import MessageNotFound, RunbookError
from ..slack_methods import call
from ..text import LIMITS
from . import _base as base
from ._base import Action, Fault, Need
from ._find import bad_channel, bad_ts, bad_users, channel_address, channel_id, channel_needs, user_id, user_needs

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from .._effects import Call, Effect, Flow

__all__ = [
    "DeleteMessage",
    "GetPermalink",
    "MessageDeleted",
    "MessageSent",
    "MessageUpdated",
    "Permalink",
    "SendDirectMessage",
    "SendMessage",
    "UpdateMessage",
]

_R_co = TypeVar("_R_co", covariant=True)

# "A group direct message has up to nine people", the app among them:
# https://docs.slack.dev/reference/methods/conversations.open
_GROUP = 8


@attrs.frozen(kw_only=True)
class MessageSent:
    """A message that now stands in a channel.

    Attributes:
        channel: ID of the channel it stands in, whatever way it was named.
        ts: Its ID in that channel, Slack's string.
        thread_ts: The thread it replies to, or ``None``.
    """

    channel: str
    ts: str
    thread_ts: str | None = None


@attrs.frozen(kw_only=True)
class MessageUpdated:
    """A message that was changed.

    Attributes:
        channel: ID of its channel.
        ts: Its ID there, Slack's string.
    """

    channel: str
    ts: str


@attrs.frozen(kw_only=True)
class _Content(Action[_R_co]):
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


@attrs.frozen(kw_only=True)
class SendMessage(_Content[MessageSent]):
    """Send a message to a channel, or as a reply to a thread.

    Slack: https://docs.slack.dev/reference/methods/chat.postMessage

    Scopes: ``chat:write``; to post to a public channel that the app is not a member of also ``chat:write.public``;
    ``username`` and the icons need ``chat:write.customize``.

    Attributes:
        channel: ID, ``#name`` of a public channel, link, or an earlier step's output. A private channel needs its ID.
        text: The message in Slack's mrkdwn, at most 4,000 characters (Slack splits longer ones). Beside blocks it is
            what notifications show; left out there, it is made from the blocks.
        markdown_text: The message in Markdown, at most 12,000 characters; beside neither ``text`` nor ``blocks``.
        blocks: Block Kit: plain data, objects with ``to_dict()``, or JSON or YAML text. At most 50.
        thread_ts: ``ts`` of the message that starts the thread.
        reply_broadcast: Whether a reply also shows in the channel.
        unfurl_links: Whether Slack adds previews of links; Slack's own default if left out.
        unfurl_media: Whether Slack adds previews of media; Slack's own default if left out.
        metadata: ``event_type`` and ``event_payload`` for other apps; any app in the workspace can read it.
        mrkdwn: Whether Slack formats ``text``; Slack's default is yes.
        username: Another name for the bot in this message.
        icon_emoji: An emoji for its icon (``:fire:``).
        icon_url: An image for its icon.

    Returns:
        A :class:`MessageSent`.

    Raises:
        ChannelNotFound: No such channel, or a private one without the app.
        NotInChannel: Invite the app, or grant ``chat:write.public``.
        IsArchived: The channel is archived.
        InvalidBlocks: Slack refuses the blocks.
        RateLimited: Slack asks to wait longer than the retry policy allows.
        AmbiguousOutcome: The answer was lost; the message may stand in the channel.

    Again: a second run sends a second message.
    """

    output: ClassVar[type[Any]] = MessageSent

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    thread_ts: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    reply_broadcast: bool | str = attrs.field(
        default=False, converter=base.as_flag, validator=base.is_flag, metadata=base.FLAG
    )
    unfurl_links: bool | str | None = attrs.field(
        default=None, converter=base.as_switch, validator=base.is_flag, metadata=base.FLAG
    )
    unfurl_media: bool | str | None = attrs.field(
        default=None, converter=base.as_switch, validator=base.is_flag, metadata=base.FLAG
    )
    mrkdwn: bool | str | None = attrs.field(
        default=None, converter=base.as_switch, validator=base.is_flag, metadata=base.FLAG
    )
    username: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.PLAIN)
    icon_emoji: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    icon_url: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.URL)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.reply_broadcast is True and self.thread_ts is None:
            raise RunbookError(
                "is set, but there is no thread_ts: only a reply can be broadcast.", place="SendMessage.reply_broadcast"
            )

    def needs(self) -> Iterator[Need]:
        yield Need("chat.postMessage", "post the message")
        yield Need(
            "chat.postMessage",
            "post where the app is not a member",
            condition="if the channel is public and the app is not a member of it",
            scopes=("chat:write.public",),
        )
        if self.username is not None or self.icon_emoji is not None or self.icon_url is not None:
            yield Need("chat.postMessage", "post under another name or icon", scopes=("chat:write.customize",))

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel, person=True)
        yield from bad_ts("thread_ts", self.thread_ts)
        if self.reply_broadcast is True and not self.thread_ts:
            yield Fault("reply_broadcast", "is set, but thread_ts is empty: only a reply can be broadcast.")
        yield from super().faults()

    def flow(self) -> Flow[MessageSent]:
        return (yield from _post(self, channel_address(self.channel)))


def _post(message: SendMessage | SendDirectMessage, channel: str) -> Flow[MessageSent]:
    reply = yield _post_call(message, channel)
    return MessageSent(channel=reply["channel"], ts=reply["ts"], thread_ts=message.thread_ts or None)


def _post_call(message: SendMessage | SendDirectMessage, channel: str) -> Call:
    names = (
        "thread_ts",
        "reply_broadcast",
        "unfurl_links",
        "unfurl_media",
        "mrkdwn",
        "username",
        "icon_emoji",
        "icon_url",
    )
    options = {name: getattr(message, name, None) for name in names}
    options["thread_ts"] = options["thread_ts"] or None
    options["reply_broadcast"] = options["reply_broadcast"] or None
    return call("chat.postMessage", channel=channel, **message._content(), **options)  # noqa: SLF001 - same file


@attrs.frozen(kw_only=True)
class SendDirectMessage(_Content[MessageSent]):
    """Send a direct message to one person, or to a group of up to eight.

    Slack: https://docs.slack.dev/reference/methods/chat.postMessage; for several people
    https://docs.slack.dev/reference/methods/conversations.open; for e-mail addresses
    https://docs.slack.dev/reference/methods/users.lookupByEmail

    Scopes: ``chat:write``; several people need ``mpim:write``; e-mail addresses ``users:read.email``.

    Attributes:
        users: User IDs, mentions or e-mail addresses: a list, a text with commas, or one template whose value is
            either. One person gets a direct message, up to eight a group message.
        text: The message in Slack's mrkdwn, at most 4,000 characters. Beside blocks it is what notifications show.
        markdown_text: The message in Markdown, at most 12,000 characters; beside neither ``text`` nor ``blocks``.
        blocks: Block Kit: plain data, objects with ``to_dict()``, or JSON or YAML text. At most 50.
        thread_ts: ``ts`` of the message that starts the thread.
        unfurl_links: Whether Slack adds previews of links; Slack's own default if left out.
        unfurl_media: Whether Slack adds previews of media; Slack's own default if left out.
        metadata: ``event_type`` and ``event_payload`` for other apps; any app in the workspace can read it.

    Returns:
        A :class:`MessageSent` whose ``channel`` is the direct message's ID.

    Raises:
        UserNotFound: No such person.
        ChannelNotFound: The app may not write to that person.
        RateLimited: Slack asks to wait longer than the retry policy allows.
        AmbiguousOutcome: The answer was lost; the message may have arrived.

    Again: a second run sends a second message.
    """

    output: ClassVar[type[Any]] = MessageSent

    users: str | tuple[str, ...] = attrs.field(converter=base.as_users, validator=base.is_users, metadata=base.USERS)
    thread_ts: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    unfurl_links: bool | str | None = attrs.field(
        default=None, converter=base.as_switch, validator=base.is_flag, metadata=base.FLAG
    )
    unfurl_media: bool | str | None = attrs.field(
        default=None, converter=base.as_switch, validator=base.is_flag, metadata=base.FLAG
    )

    def needs(self) -> Iterator[Need]:
        yield from user_needs(self.users)
        people = self.users.replace(",", " ").split() if isinstance(self.users, str) else self.users
        unknown = any("{{" in user for user in people)
        several = len(people) > 1 and not (unknown and isinstance(self.users, str))
        if several or unknown:
            condition = "" if several else "if there are several people"
            yield Need("conversations.open", "open the group message", conversations=("mpim",), condition=condition)
        yield Need("chat.postMessage", "send the message")

    def faults(self) -> Iterator[Fault]:
        yield from bad_users("users", self.users)
        if not isinstance(self.users, str) and len(set(self.users)) > _GROUP:
            yield Fault(
                "users",
                f"names {len(set(self.users))} people; a group message takes {_GROUP}.",
                "Send it to a channel, or to each in a step of its own.",
            )
        yield from bad_ts("thread_ts", self.thread_ts)
        yield from super().faults()

    def flow(self) -> Flow[MessageSent]:
        people = list(dict.fromkeys((yield from _user_ids(self.users))))
        if len(people) == 1:
            # chat.postMessage opens the conversation itself when it is given a person's ID, which spares im:write:
            # https://docs.slack.dev/reference/methods/chat.postMessage#dms
            channel = people[0]
        else:
            reply = yield call("conversations.open", users=",".join(people))
            channel = reply["channel"]["id"]
        return (yield from _post(self, channel))


def _user_ids(users: Iterable[str]) -> Generator[Effect, Any, list[str]]:
    found: list[str] = []
    for user in users:
        found += [(yield from user_id(user))]
    return found


@attrs.frozen(kw_only=True)
class UpdateMessage(_Content[MessageUpdated]):
    """Replace what a message of the app says. Nobody is notified of a change.

    Slack: https://docs.slack.dev/reference/methods/chat.update

    Scopes: ``chat:write``; a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: The channel the message stands in: an earlier step's ``channel``, an ID, ``#name`` or a link.
        ts: The message's ``ts``, as an earlier step gave it.
        text: The new text in Slack's mrkdwn, at most 4,000 characters.
        markdown_text: The new text in Markdown, at most 12,000 characters; beside neither ``text`` nor ``blocks``.
        blocks: The new blocks. Where only ``text`` is given, blocks the message had before are removed.
        metadata: New metadata; left out, the message keeps what it has.

    Returns:
        A :class:`MessageUpdated`.

    Raises:
        MessageNotFound: No such message there.
        NotPermitted: The message is not the app's own (``cant_update_message``).
        ChannelNotFound: The app sees no such channel.

    Again: the message says the same.
    """

    output: ClassVar[type[Any]] = MessageUpdated

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    ts: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("chat.update", "update the message")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_ts("ts", self.ts, needed=True)
        yield from super().faults()

    def flow(self) -> Flow[MessageUpdated]:
        channel = yield from channel_id(self.channel)
        content = self._content()
        if self.blocks is None and self.text is not None:
            # "If you don't include blocks, the message's previous blocks will be retained": an empty list drops them.
            content["blocks"] = []
        reply = yield call("chat.update", channel=channel, ts=self.ts, **content)
        return MessageUpdated(channel=reply.get("channel", channel), ts=reply.get("ts", self.ts))


@attrs.frozen(kw_only=True)
class MessageDeleted:
    """A message that is gone.

    Attributes:
        channel: ID of its channel.
        ts: What its ID there was, Slack's string.
        already_deleted: Whether there was no such message any more.
    """

    channel: str
    ts: str
    already_deleted: bool = False


@attrs.frozen(kw_only=True)
class DeleteMessage(Action[MessageDeleted]):
    """Delete a message of the app, for good.

    Slack: https://docs.slack.dev/reference/methods/chat.delete

    Scopes: ``chat:write``; a channel given by name also needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: The channel the message stands in: an earlier step's ``channel``, an ID, ``#name`` or a link.
        ts: The message's ``ts``, as an earlier step gave it. Slack cannot tell a wrong one from a deleted message.

    Returns:
        A :class:`MessageDeleted`.

    Raises:
        NotPermitted: The message is not the app's own (``cant_delete_message``): its author, or an administrator,
            has to delete it.
        ChannelNotFound: The app sees no such channel.
        AmbiguousOutcome: The answer was lost; the message may be gone. Run it again.

    Again: no such message counts as deleted.
    """

    output: ClassVar[type[Any]] = MessageDeleted

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    ts: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("chat.delete", "delete the message")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_ts("ts", self.ts, needed=True)

    def flow(self) -> Flow[MessageDeleted]:
        channel = yield from channel_id(self.channel)
        try:
            yield call("chat.delete", channel=channel, ts=self.ts)
        except MessageNotFound:
            return MessageDeleted(channel=channel, ts=self.ts, already_deleted=True)
        return MessageDeleted(channel=channel, ts=self.ts)


@attrs.frozen(kw_only=True)
class Permalink:
    """The address of a message.

    Attributes:
        channel: ID of its channel.
        message_ts: Its ID there, Slack's string.
        permalink: The URL; it opens for whoever may read the channel.
    """

    channel: str
    message_ts: str
    permalink: str


@attrs.frozen(kw_only=True)
class GetPermalink(Action[Permalink]):
    """Change nothing: get the address of a message, for a ticket, a page or another channel.

    Slack: https://docs.slack.dev/reference/methods/chat.getPermalink

    Scopes: none; a channel given by name needs ``channels:read`` or ``groups:read``.

    Attributes:
        channel: The channel the message stands in: an earlier step's ``channel``, an ID, ``#name`` or a link.
        message_ts: The message's ``ts``, as an earlier step gave it.

    Returns:
        A :class:`Permalink`.

    Raises:
        MessageNotFound: No such message there.
        ChannelNotFound: The app sees no such channel.

    Again: the address is the same.
    """

    output: ClassVar[type[Any]] = Permalink

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    message_ts: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield Need("chat.getPermalink", "get the address of the message")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_ts("message_ts", self.message_ts, needed=True)

    def flow(self) -> Flow[Permalink]:
        channel = yield from channel_id(self.channel)
        reply = yield call("chat.getPermalink", channel=channel, message_ts=self.message_ts)
        return Permalink(channel=channel, message_ts=self.message_ts, permalink=reply["permalink"])
