"""Steps that send, change, delete and address messages.

Rule of this file: one class for each step, by the ``chat.*`` methods of Slack (and ``conversations.open``, which a
direct message to several people needs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from .._effects import Partial
from ..errors import MessageNotFound, RunbookError
from ..slack_methods import call
from . import _base as base
from ._base import Action, Fault, Need
from ._content import LongContent
from ._find import bad_channel, bad_ts, bad_users, channel_address, channel_id, channel_needs, user_id, user_needs

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from .._effects import Call, Effect, Flow

__all__ = [
    "DeleteMessage",
    "EphemeralSent",
    "GetPermalink",
    "MessageDeleted",
    "MessageSent",
    "MessageUpdated",
    "Permalink",
    "SendDirectMessage",
    "SendEphemeral",
    "SendMessage",
    "UpdateMessage",
]


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
        parts: The ``ts`` of each message where a long text was split, the first among them; else empty.
        cut: How many characters were cut of a text that was too long.
    """

    channel: str
    ts: str
    thread_ts: str | None = None
    parts: tuple[str, ...] = ()
    cut: int = 0


@attrs.frozen(kw_only=True)
class MessageUpdated:
    """A message that was changed.

    Attributes:
        channel: ID of its channel.
        ts: Its ID there, Slack's string.
        cut: How many characters were cut of a text that was too long.
    """

    channel: str
    ts: str
    cut: int = 0


@attrs.frozen(kw_only=True)
class SendMessage(LongContent[MessageSent]):
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
        too_long: What becomes of a text that is too long: ``"error"`` refuses it before anything is sent,
            ``"truncate"`` cuts it and says at its end how much is gone, ``"split"`` sends the rest as replies in the
            message's thread. Blocks cannot be split; of them, texts of sections are cut.

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
    splits: ClassVar[bool] = True

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
        yield Need("chat.postMessage", "post the message", times=len(self._parts()))
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
    _, cut = message._said()  # noqa: SLF001 - same family
    first, *rest = message._parts()  # noqa: SLF001 - same family
    reply = yield _post_call(message, channel, first)
    sent = MessageSent(channel=reply["channel"], ts=reply["ts"], thread_ts=message.thread_ts or None, cut=cut)
    for part in rest:
        yield Partial(sent)
        # The rest stands below the first, or with it in the thread that it replies to.
        thread_ts = sent.thread_ts or sent.ts
        reply = yield call("chat.postMessage", channel=sent.channel, **part, **_looks(message), thread_ts=thread_ts)
        sent = attrs.evolve(sent, parts=(*(sent.parts or (sent.ts,)), reply["ts"]))
    return sent


def _looks(message: SendMessage | SendDirectMessage) -> dict[str, Any]:
    names = ("unfurl_links", "unfurl_media", "mrkdwn", "username", "icon_emoji", "icon_url")
    return {name: getattr(message, name, None) for name in names}


def _post_call(message: SendMessage | SendDirectMessage, channel: str, content: dict[str, Any]) -> Call:
    return call(
        "chat.postMessage",
        channel=channel,
        **content,
        **_looks(message),
        thread_ts=message.thread_ts or None,
        reply_broadcast=getattr(message, "reply_broadcast", None) or None,
    )


@attrs.frozen(kw_only=True)
class SendDirectMessage(LongContent[MessageSent]):
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
        too_long: What becomes of a text that is too long: ``"error"`` refuses it before anything is sent,
            ``"truncate"`` cuts it and says at its end how much is gone, ``"split"`` sends the rest as replies in the
            message's thread. Blocks cannot be split; of them, texts of sections are cut.

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
    splits: ClassVar[bool] = True

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
        yield Need("chat.postMessage", "send the message", times=len(self._parts()))

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


@attrs.frozen(kw_only=True)
class EphemeralSent:
    """A message that one person was shown. Slack keeps nothing of it, so there is nothing to change or to delete.

    Attributes:
        user: ID of the person.
        message_ts: What Slack called it; no method takes it.
        cut: How many characters were cut of a text that was too long.
    """

    user: str
    message_ts: str
    cut: int = 0


@attrs.frozen(kw_only=True)
class SendEphemeral(LongContent[EphemeralSent]):
    """Show a message to one member of a channel, until that person reloads Slack. Nobody else sees it.

    Slack: https://docs.slack.dev/reference/methods/chat.postEphemeral; for an e-mail address
    https://docs.slack.dev/reference/methods/users.lookupByEmail

    Scopes: ``chat:write``; an e-mail address needs ``users:read.email``; ``username`` and the icons
    ``chat:write.customize``.

    Attributes:
        channel: ID, ``#name`` of a public channel, link, or an earlier step's output. The app and the person must be
            members.
        user: User ID, mention or e-mail address of the person.
        text: The message in Slack's mrkdwn, at most 4,000 characters. Beside blocks it is what notifications show.
        markdown_text: The message in Markdown, at most 12,000 characters; beside neither ``text`` nor ``blocks``.
        blocks: Block Kit: plain data, objects with ``to_dict()``, or JSON or YAML text. At most 50.
        thread_ts: ``ts`` of the message that starts the thread; Slack shows it only where that has a reply already.
        username: Another name for the bot in this message.
        icon_emoji: An emoji for its icon (``:fire:``).
        icon_url: An image for its icon.
        metadata: Not allowed: Slack ignores it in an ephemeral message.
        too_long: What becomes of a text that is too long: ``"error"`` refuses it before anything is sent,
            ``"truncate"`` cuts it and says at its end how much is gone.

    Returns:
        An :class:`EphemeralSent`. That it was sent does not mean that it was seen: the person may be away.

    Raises:
        ChannelNotFound: No such channel, or a private one without the app.
        NotInChannel: The app is not in the channel: invite it.
        UserNotFound: Nobody has the e-mail address.
        SlackError: ``user_not_in_channel``: invite the person, or send a direct message.
        AmbiguousOutcome: The answer was lost; the message may have been shown, and nothing can tell.

    Again: the person sees a second message.
    """

    output: ClassVar[type[Any]] = EphemeralSent

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    user: str = attrs.field(validator=base.is_text, metadata=base.USER)
    thread_ts: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    username: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.PLAIN)
    icon_emoji: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    icon_url: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.URL)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.metadata is not None:
            raise RunbookError(
                "is ignored by Slack in an ephemeral message: leave it out.", place="SendEphemeral.metadata"
            )

    def needs(self) -> Iterator[Need]:
        yield from user_needs(self.user)
        yield Need("chat.postEphemeral", "show the message to one person")
        if self.username is not None or self.icon_emoji is not None or self.icon_url is not None:
            yield Need("chat.postEphemeral", "post under another name or icon", scopes=("chat:write.customize",))

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_users("user", self.user)
        yield from bad_ts("thread_ts", self.thread_ts)
        yield from super().faults()

    def flow(self) -> Flow[EphemeralSent]:
        user = yield from user_id(self.user)
        content, cut = self._said()
        options = {name: getattr(self, name) for name in ("username", "icon_emoji", "icon_url")}
        channel = channel_address(self.channel)
        thread_ts = self.thread_ts or None
        reply = yield call("chat.postEphemeral", channel=channel, user=user, thread_ts=thread_ts, **content, **options)
        return EphemeralSent(user=user, message_ts=reply["message_ts"], cut=cut)


def _user_ids(users: Iterable[str]) -> Generator[Effect, Any, list[str]]:
    found: list[str] = []
    for user in users:
        found += [(yield from user_id(user))]
    return found


@attrs.frozen(kw_only=True)
class UpdateMessage(LongContent[MessageUpdated]):
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
        too_long: What becomes of a text that is too long: ``"error"`` refuses it before anything is sent,
            ``"truncate"`` cuts it and says at its end how much is gone.

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
        content, cut = self._said()
        if self.blocks is None and self.text is not None:
            # "If you don't include blocks, the message's previous blocks will be retained": an empty list drops them.
            content["blocks"] = []
        reply = yield call("chat.update", channel=channel, ts=self.ts, **content)
        return MessageUpdated(channel=reply.get("channel", channel), ts=reply.get("ts", self.ts), cut=cut)


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
