"""The workspace itself: people, groups, conversations, messages.

Rule of this file: state and its invariants, no Web API. Fields that carry Slack's names hold Slack's values: a member
is a user ID, a ``ts`` a string. Methods that people (not the app) could do stand on :class:`FakeUser`.
"""

from __future__ import annotations

import difflib
import heapq
import inspect
import itertools
import mimetypes
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs

from ._mrkdwn import mentions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ._clock import VirtualClock

__all__ = [
    "FakeCanvas",
    "FakeChannel",
    "FakeEphemeral",
    "FakeFile",
    "FakeMessage",
    "FakeScheduled",
    "FakeUser",
    "FakeUsergroup",
    "Notification",
    "Workspace",
    "microseconds",
]


@attrs.frozen
class Notification:
    """One person pinged by one message.

    Attributes:
        user: ID of the person.
        channel: ID of the conversation.
        ts: The message.
        by: What did it: ``<!channel>``, ``<!here>``, ``<!everyone>``, ``<@U…>``, ``<!subteam^S…>``, or ``dm``.
    """

    user: str
    channel: str
    ts: str
    by: str


@attrs.define(eq=False)
class FakeFile:
    """An uploaded file.

    Attributes:
        id: Its ID.
        name: The file name it was announced with.
        length: The size it was announced with, in bytes.
        created: When its upload was asked for, in whole seconds since 1970 (UTC).
        user: ID of the owner.
        title: Its title; its name until the upload was completed.
        content: The bytes, or ``None`` until they came.
        alt_txt: The description for screen readers.
        snippet_type: The language of a snippet, or nothing.
        is_complete: Whether the upload was completed; nobody sees a file before.
        shares: ID of each conversation it was shared in, to the ``ts`` of the message that shows it.
    """

    id: str
    name: str
    length: int
    created: int
    user: str
    title: str = ""
    content: bytes | None = attrs.field(default=None, repr=False)
    alt_txt: str = ""
    snippet_type: str = ""
    is_complete: bool = False
    shares: dict[str, str] = attrs.field(factory=dict, repr=False)


@attrs.define(eq=False)
class FakeCanvas:
    """A canvas.

    Attributes:
        id: Its ID.
        title: Its title.
        markdown: Its whole content.
        channel: ID of the channel it stands in as a tab, or ``None``.
        is_channel_canvas: Whether it is that channel's own canvas, of which there is one.
        access: What was granted, ``read`` or ``write``, by ID of channel or person.
    """

    id: str
    title: str
    markdown: str = ""
    channel: str | None = None
    is_channel_canvas: bool = False
    access: dict[str, str] = attrs.field(factory=dict)


@attrs.define(eq=False)
class FakeEphemeral:
    """A message that one person saw and nobody can read again.

    Attributes:
        channel: ID of the conversation.
        ts: What the answer called ``message_ts``; no other method takes it.
        to: ID of the person.
        text: The text as it was sent.
        blocks: The blocks as they were sent.
        attachments: The legacy attachments as they were sent.
        thread_ts: The thread it belongs to, or ``None``.
        username: The name it was posted under, or ``None`` for the app's own.
        is_shown: Whether the person saw it: in a thread only if that was active already.
    """

    channel: str
    ts: str
    to: str
    text: str
    blocks: list[dict[str, Any]] = attrs.field(factory=list)
    attachments: list[dict[str, Any]] = attrs.field(factory=list)
    thread_ts: str | None = None
    username: str | None = None
    is_shown: bool = True


@attrs.define(eq=False)
class FakeScheduled:
    """A message that was scheduled.

    Attributes:
        id: Its ``scheduled_message_id``.
        channel: ID of the conversation.
        post_at: When it posts, in whole seconds since 1970 (UTC).
        created: When it was scheduled.
        text: The text as it was sent.
        state: ``pending``, ``posted``, ``deleted`` or ``dropped``.
        ts: The message it became, or ``None``.
        dropped: Why it did not post, or nothing.
    """

    id: str
    channel: str
    post_at: int
    created: int
    text: str
    state: str = "pending"
    ts: str | None = None
    dropped: str = ""
    fields: dict[str, Any] = attrs.field(factory=dict, repr=False)
    linking: dict[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.define(eq=False)
class FakeMessage:
    """A message of a conversation, or one of its system lines.

    Attributes:
        channel: ID of the conversation.
        ts: Slack's name for it in that conversation.
        text: The text as it was sent, entities and all.
        user: ID of the author.
        blocks: The blocks as they were sent.
        attachments: The legacy attachments as they were sent.
        thread_ts: The ``ts`` of the parent, or ``None`` for a message that is no reply.
        metadata: ``{"event_type": …, "event_payload": …}``, or ``None``.
        bot_id: ID of the bot, or ``None`` for a person's message.
        subtype: ``channel_topic`` and the like for a system line, ``me_message``, or ``None``.
        broadcast: Whether a reply shows in the channel as well.
        username: The name it was posted under, or ``None`` for the app's own.
        edited: ``{"user": …, "ts": …}`` after an edit, else ``None``.
        reactions: Emoji name to the IDs of those who chose it.
        replies: The replies, oldest first.
        files: The files it shows.
        extra: Further fields of a system line (``topic``, ``inviter``).
    """

    channel: str
    ts: str
    text: str
    user: str
    blocks: list[dict[str, Any]] = attrs.field(factory=list)
    attachments: list[dict[str, Any]] = attrs.field(factory=list)
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    bot_id: str | None = None
    subtype: str | None = None
    broadcast: bool = False
    username: str | None = None
    edited: dict[str, str] | None = None
    reactions: dict[str, list[str]] = attrs.field(factory=dict)
    replies: list[FakeMessage] = attrs.field(factory=list, repr=False)
    files: list[FakeFile] = attrs.field(factory=list)
    extra: dict[str, Any] = attrs.field(factory=dict)

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread below another message."""
        return self.thread_ts is not None

    @property
    def is_system(self) -> bool:
        """Whether it is a system line; a ``/me`` message has a subtype, too, and is none."""
        return self.subtype not in {None, "me_message"}


@attrs.define(eq=False)
class FakeChannel:
    """A conversation: a public or private channel, or a direct message of two (``is_im``) or more (``is_mpim``).

    Attributes:
        id: Its ID.
        name: Its name, without ``#``.
        topic: The topic.
        purpose: The description.
        members: IDs of the members, in the order in which they came.
        is_private: Whether only members see it; true for direct messages.
        is_archived: Whether it is archived.
        is_general: Whether it is the workspace's general channel.
        is_im: Whether it is a direct message of two.
        is_mpim: Whether it is a direct message of more than two.
        is_open: Whether a direct message is open.
        creator: ID of whoever created it.
        created: When, in whole seconds since 1970 (UTC).
        previous_names: Earlier names, newest first.
        pins: ``ts`` of each pinned message, to who pinned it and when.
        bookmarks: The bookmarks as Slack shows them, in the order in which they were added.
        ephemeral: What single people were shown, oldest first.
        log: Every message and system line by ``ts``, oldest first.
        deleted: Messages that stood here and were taken away, in the order in which they were.
    """

    id: str
    name: str
    created: int
    creator: str
    topic: str = ""
    purpose: str = ""
    members: list[str] = attrs.field(factory=list)
    is_private: bool = False
    is_archived: bool = False
    is_general: bool = False
    is_im: bool = False
    is_mpim: bool = False
    is_open: bool = True
    previous_names: list[str] = attrs.field(factory=list, repr=False)
    pins: dict[str, tuple[str, int]] = attrs.field(factory=dict, repr=False)
    bookmarks: list[dict[str, Any]] = attrs.field(factory=list, repr=False)
    ephemeral: list[FakeEphemeral] = attrs.field(factory=list, repr=False)
    log: dict[str, FakeMessage] = attrs.field(factory=dict, repr=False)
    deleted: list[FakeMessage] = attrs.field(factory=list, repr=False)
    topic_set: tuple[str, int] = attrs.field(default=("", 0), repr=False)
    purpose_set: tuple[str, int] = attrs.field(default=("", 0), repr=False)
    _settle: Callable[[], None] = attrs.field(default=lambda: None, alias="settle", kw_only=True, repr=False)

    @property
    def messages(self) -> list[FakeMessage]:
        """What was written in the channel itself, oldest first: no system lines, replies only if broadcast."""
        self._settle()
        return [message for message in self.log.values() if not message.is_system and _in_channel(message)]

    @property
    def system_messages(self) -> list[FakeMessage]:
        """The system lines (joined, left, topic, renamed, archived), oldest first."""
        self._settle()
        return [message for message in self.log.values() if message.is_system]

    @property
    def history(self) -> list[FakeMessage]:
        """What ``conversations.history`` walks over: messages and system lines, oldest first."""
        self._settle()
        return [message for message in self.log.values() if _in_channel(message)]


def _in_channel(message: FakeMessage) -> bool:
    return not message.is_reply or message.broadcast


@attrs.define(eq=False)
class FakeUsergroup:
    """A user group.

    Attributes:
        id: Its ID.
        handle: What people type after ``@``.
        users: IDs of its members.
        created: When, in whole seconds since 1970 (UTC).
        is_disabled: Whether it is disabled.
        name: Its name; as its handle where none was given.
        description: What it is for.
        channels: IDs of the channels that its members join by default.
    """

    id: str
    handle: str
    users: list[str]
    created: int
    is_disabled: bool = False
    name: str = attrs.field(default=attrs.Factory(lambda self: self.handle, takes_self=True))
    description: str = ""
    channels: list[str] = attrs.field(factory=list)


@attrs.define(eq=False)
class FakeUser:
    """A person or a bot, and what people do without the app.

    Attributes:
        id: User ID.
        name: User name.
        email: E-mail address.
        deleted: Whether the account was deactivated.
        is_bot: Whether it is a bot user.
    """

    id: str
    name: str
    email: str
    deleted: bool = False
    is_bot: bool = False
    _workspace: Workspace = attrs.field(alias="workspace", kw_only=True, repr=False)

    def post(self, channel: str | FakeChannel, text: str, thread_ts: str | None = None) -> FakeMessage:
        """Write a message.

        Args:
            channel: Name, ID or object of a conversation this person is in.
            text: The text in Slack's format (``<@U…>`` is a mention).
            thread_ts: The message to reply to.
        """
        where = self._open(channel)
        if thread_ts is not None:
            _message(where, thread_ts)
        message = self._workspace.add_message(where, self, text, thread_ts=thread_ts)
        self._workspace.notify(message)
        return message

    def edit(self, channel: str | FakeChannel, ts: str, text: str) -> None:
        """Change one's own message."""
        message = self._own(self._here(channel), ts)
        message.text = text
        message.edited = {"user": self.id, "ts": self._workspace.new_ts()}

    def delete(self, channel: str | FakeChannel, ts: str) -> None:
        """Delete one's own message."""
        where = self._here(channel)
        message = self._own(where, ts)
        if message.replies:
            raise ValueError(f"{ts} has replies, and what Slack leaves of such a message is not modelled")
        self._workspace.delete_message(where, message)

    def react(self, channel: str | FakeChannel, ts: str, emoji: str) -> None:
        """Put an emoji (its name, with or without colons) on a message."""
        message = _message(self._open(channel), ts)
        users = message.reactions.setdefault(emoji.strip(":"), [])
        if self.id not in users:
            users.append(self.id)

    def unreact(self, channel: str | FakeChannel, ts: str, emoji: str) -> None:
        """Take one's own emoji off a message."""
        message = _message(self._open(channel), ts)
        users = message.reactions.get(emoji.strip(":"), [])
        if self.id not in users:
            raise ValueError(f"{self.name!r} has not reacted with {emoji!r} to {ts}")
        users.remove(self.id)
        if not users:
            del message.reactions[emoji.strip(":")]

    def join(self, channel: str | FakeChannel) -> None:
        """Join a channel (a private one: be let in by somebody)."""
        self._workspace.settle()
        self._workspace.join(self._workspace.channel(channel), self)

    def leave(self, channel: str | FakeChannel) -> None:
        """Leave a channel."""
        self._workspace.leave(self._here(channel), self)

    def archive(self, channel: str | FakeChannel) -> None:
        """Archive a channel."""
        self._workspace.archive(self._here(channel), self)

    def unarchive(self, channel: str | FakeChannel) -> None:
        """Bring an archived channel back."""
        self._workspace.settle()
        self._workspace.unarchive(self._workspace.channel(channel), self)

    def _here(self, channel: str | FakeChannel) -> FakeChannel:
        self._workspace.settle()
        where = self._workspace.channel(channel)
        if self.id not in where.members:
            raise ValueError(f"{self.name!r} is not in {where.name!r}; join() first")
        return where

    def _open(self, channel: str | FakeChannel) -> FakeChannel:
        where = self._here(channel)
        if where.is_archived:
            raise ValueError(f"{where.name!r} is archived; unarchive() first")
        return where

    def _own(self, where: FakeChannel, ts: str) -> FakeMessage:
        message = _message(where, ts)
        if message.user != self.id:
            raise ValueError(f"{self.name!r} did not write {ts}")
        return message


def _message(where: FakeChannel, ts: str) -> FakeMessage:
    found = where.log.get(ts)
    if found is None:
        raise ValueError(f"there is no message {ts} in {where.name!r}")
    return found


def _act(act: Callable[[], object]) -> None:
    """Do what was put off; an asynchronous function would only be created, and never run."""
    result = act()
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(f"later() takes a plain function, and {result.__qualname__} is asynchronous")


class Workspace:
    """All of it, with the app's own bot user.

    Args:
        name: Name of the workspace.
        clock: The clock that stamps everything.
        beside: Another workspace that has the same app; IDs differ between the two, and they share a lock.
    """

    def __init__(self, name: str, clock: VirtualClock, beside: Workspace | None = None) -> None:
        self.name = name
        self.clock = clock
        self.lock: threading.RLock = threading.RLock() if beside is None else beside.lock
        self._numbers: dict[str, int] = {} if beside is None else beside._numbers  # noqa: SLF001
        self.id = self.new_id("T")
        self.app_id = "A0FAKE0001"
        self.bot_id = self.new_id("B")
        self.domain = "".join(char if char.isalnum() and char.isascii() else "-" for char in name.lower()).strip("-")
        self.users: dict[str, FakeUser] = {}
        self.channels: dict[str, FakeChannel] = {}
        self.usergroups: dict[str, FakeUsergroup] = {}
        self.notifications: list[Notification] = []
        self.scheduled: dict[str, FakeScheduled] = {}
        self.files: dict[str, FakeFile] = {}
        self.uploads: dict[str, FakeFile] = {}
        self.canvases: dict[str, FakeCanvas] = {}
        self._last_ts = 0
        self.mishaps: list[Exception] = []
        self._acts: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._moment: float | None = None
        # One workspace has bot 1, the one beside it bot 2.
        self.bot = self.add_user("runbooks", email="", user_id=f"U0FAKEBOT{int(self.id[-4:])}", is_bot=True)

    # ─── people, groups, channels ───

    def add_user(
        self, name: str, *, email: str | None, user_id: str | None = None, deleted: bool = False, is_bot: bool = False
    ) -> FakeUser:
        """Add somebody; names and IDs are unique."""
        user_id = user_id or self.new_id("U")
        if user_id in self.users or any(user.name == name for user in self.users.values()):
            raise ValueError(f"there is a user {name!r} or {user_id!r} already")
        email = f"{name}@{self.domain or 'fake'}.example" if email is None else email
        user = FakeUser(user_id, name, email, deleted, is_bot, workspace=self)
        self.users[user_id] = user
        return user

    def add_usergroup(self, handle: str, users: Iterable[str | FakeUser]) -> FakeUsergroup:
        """Add a user group; handles are unique."""
        if any(group.handle == handle for group in self.usergroups.values()):
            raise ValueError(f"there is a user group {handle!r} already")
        group = FakeUsergroup(self.new_id("S"), handle, [self.user(user).id for user in users], self.seconds())
        self.usergroups[group.id] = group
        return group

    def add_channel(self, name: str, *, creator: str, members: Iterable[str] = (), **state: Any) -> FakeChannel:
        """Add a conversation; names of channels are unique, archived and private ones included."""
        prefix = "D" if state.get("is_im") else "G" if state.get("is_mpim") else "C"
        if prefix == "C" and self.channel_named(name) is not None:
            raise ValueError(f"there is a channel {name!r} already")
        channel = FakeChannel(
            self.new_id(prefix),
            name,
            self.seconds(),
            creator,
            members=list(dict.fromkeys(members)),
            settle=self.settle,
            **state,
        )
        self.channels[channel.id] = channel
        return channel

    def channel_named(self, name: str) -> FakeChannel | None:
        """Return the channel of that name, whatever its state; direct messages have no name to ask for."""
        for channel in self.channels.values():
            if channel.name == name and not channel.is_im and not channel.is_mpim:
                return channel
        return None

    def channel(self, key: str | FakeChannel) -> FakeChannel:
        """Return a conversation by object, ID or name (with or without ``#``)."""
        if isinstance(key, FakeChannel):
            return key
        found = self.channels.get(key) or self.channel_named(key.removeprefix("#"))
        if found is None:
            raise _unknown("channel", key, [channel.name for channel in self.channels.values()])
        return found

    def user(self, key: str | FakeUser) -> FakeUser:
        """Return somebody by object, ID, name (with or without ``@``) or e-mail address."""
        if isinstance(key, FakeUser):
            return key
        name = key.removeprefix("@")
        for user in self.users.values():
            if key in {user.id, user.email} or name == user.name:
                return user
        raise _unknown("user", key, [user.name for user in self.users.values()])

    def direct(self, users: Sequence[str]) -> FakeChannel | None:
        """Return the direct message between the app and these users, if there is one."""
        party = {self.bot.id, *users}
        for channel in self.channels.values():
            if (channel.is_im or channel.is_mpim) and set(channel.members) == party:
                return channel
        return None

    def open_direct(self, users: Sequence[str]) -> FakeChannel:
        """Open the direct message between the app and these users."""
        found = self.direct(users)
        if found is None:
            is_im = len(users) == 1
            names = [self.users[user].name for user in (*users, self.bot.id)]
            name = self.users[users[0]].name if is_im else f"mpdm-{'--'.join(names)}-1"
            found = self.add_channel(
                name,
                creator=self.bot.id,
                members=[self.bot.id, *users],
                is_private=True,
                is_im=is_im,
                is_mpim=not is_im,
            )
        found.is_open = True
        return found

    # ─── what happens in them ───

    def add_message(
        self, channel: FakeChannel, user: FakeUser, text: str, *, at: float | None = None, **fields: Any
    ) -> FakeMessage:
        """Write a message or a system line, now or at an earlier time, and file it under its parent."""
        message = FakeMessage(channel.id, self.new_ts(at), text, user.id, **fields)
        channel.log[message.ts] = message
        if message.thread_ts is not None:
            parent = channel.log[message.thread_ts]
            # A reply to a reply belongs to the same thread.
            parent = channel.log[parent.thread_ts] if parent.thread_ts is not None else parent
            message.thread_ts = parent.ts
            parent.replies.append(message)
        return message

    def settle(self) -> None:
        """Let happen what was put off to a time that is past by now, each thing at its own time.

        The clock must not wait for the workspace, so whoever looks at the workspace settles it first. That is often the
        code under test, which could swallow what a person's act raises: it is kept for the test in ``mishaps``.
        """
        with self.lock:
            while (due := self._next_due(self.now())) is not None:
                # What somebody does at that time may look at the workspace in turn, and must find it as it was then.
                outer, self._moment = self._moment, due[0]
                try:
                    _act(due[1])
                except Exception as error:  # noqa: BLE001 - the test gets it, whatever it is
                    self.mishaps.append(error)
                finally:
                    self._moment = outer

    def _next_due(self, now: float) -> tuple[float, Callable[[], object]] | None:
        """Take out the earliest thing that is due: a scheduled message, or what a person does."""
        pending = [each for each in self.scheduled.values() if each.state == "pending" and each.post_at <= now]
        first = min(pending, key=lambda each: each.post_at, default=None)
        if self._acts and self._acts[0][0] <= now and (first is None or self._acts[0][0] <= first.post_at):
            when, _, act = heapq.heappop(self._acts)
            return when, act
        return None if first is None else (first.post_at, lambda: self._post_scheduled(first))

    def later(self, when: float, act: Callable[[], object]) -> None:
        """Let somebody do something at a time, in seconds since 1970 (UTC)."""
        with self.lock:
            heapq.heappush(self._acts, (when, next(self._order), act))

    @property
    def is_acting(self) -> bool:
        """Whether something that was put off happens just now."""
        return self._moment is not None

    def now(self) -> float:
        """Return the time at which what happens just now happens."""
        return self.clock.now() if self._moment is None else self._moment

    def _post_scheduled(self, scheduled: FakeScheduled) -> None:
        channel = self.channels[scheduled.channel]
        parent = scheduled.fields.get("thread_ts")
        reasons = {
            # "Messages scheduled with chat.scheduleMessage will not post if the metadata parameter is used."
            "it has metadata": scheduled.fields.get("metadata") is not None,
            "the channel is archived": channel.is_archived,
            "the app is not in the channel": self.bot.id not in channel.members,
            "the message to reply to is gone": parent is not None and parent not in channel.log,
        }
        scheduled.dropped = next((reason for reason, holds in reasons.items() if holds), "")
        if scheduled.dropped:
            scheduled.state = "dropped"
            return
        message = self.add_message(
            channel, self.bot, scheduled.text, at=scheduled.post_at, bot_id=self.bot_id, **scheduled.fields
        )
        scheduled.state, scheduled.ts = "posted", message.ts
        self.notify(message, **scheduled.linking)

    def system(self, channel: FakeChannel, user: FakeUser, subtype: str, text: str, **extra: Any) -> FakeMessage:
        """Write a system line (https://docs.slack.dev/reference/events/message lists the subtypes)."""
        return self.add_message(channel, user, text, subtype=subtype, extra=extra)

    def delete_message(self, channel: FakeChannel, message: FakeMessage) -> None:
        """Take a message away, from its thread and from the pins as well."""
        del channel.log[message.ts]
        channel.deleted.append(message)
        channel.pins.pop(message.ts, None)
        if message.thread_ts is not None:
            channel.log[message.thread_ts].replies.remove(message)

    def join(self, channel: FakeChannel, user: FakeUser, *, inviter: FakeUser | None = None) -> bool:
        """Let somebody in; return whether they were not in already."""
        if user.id in channel.members:
            return False
        channel.members.append(user.id)
        extra = {"inviter": inviter.id} if inviter is not None else {}
        self.system(channel, user, "channel_join", f"<@{user.id}> has joined the channel", **extra)
        return True

    def leave(self, channel: FakeChannel, user: FakeUser) -> None:
        """Let a member go."""
        channel.members.remove(user.id)
        self.system(channel, user, "channel_leave", f"<@{user.id}> has left the channel")

    def archive(self, channel: FakeChannel, user: FakeUser) -> None:
        """Archive a channel."""
        self.system(channel, user, "channel_archive", f"<@{user.id}> archived the channel", members=[*channel.members])
        channel.is_archived = True

    def unarchive(self, channel: FakeChannel, user: FakeUser) -> None:
        """Bring a channel back; whoever does so is in it afterwards."""
        if not channel.is_archived:
            raise ValueError(f"{channel.name!r} is not archived")
        channel.is_archived = False
        if user.id not in channel.members:
            channel.members.append(user.id)
        self.system(channel, user, "channel_unarchive", f"<@{user.id}> un-archived the channel")

    def notify(
        self, message: FakeMessage, *, link_names: bool = False, parse_full: bool = False, skip: Iterable[str] = ()
    ) -> None:
        """Note whom a message pings.

        Args:
            message: The message, already filed.
            link_names: The argument it was sent with.
            parse_full: Whether it was sent with ``parse=full``.
            skip: Sequences that pinged before: an edit pings for new ones only.
        """
        channel = self.channels[message.channel]
        handles = {group.handle: group.id for group in self.usergroups.values() if not group.is_disabled}
        sequences = mentions(
            message.text,
            message.blocks,
            message.attachments,
            handles=handles,
            link_names=link_names,
            parse_full=parse_full,
        )
        if channel.is_im or channel.is_mpim:
            sequences.insert(0, "dm")
        told = set(skip)
        for by in sequences:
            if by not in told:
                for user_id in self._reached(channel, by):
                    user = self.users.get(user_id)
                    if user is not None and user_id != message.user and not user.is_bot and not user.deleted:
                        self.notifications.append(Notification(user_id, channel.id, message.ts, by))

    def _reached(self, channel: FakeChannel, by: str) -> list[str]:
        """List who is behind a control sequence. Presence is not modelled: everybody is active for ``<!here>``."""
        if by.startswith("<@"):
            return [by[2:-1]]
        if by.startswith("<!subteam^"):
            group = self.usergroups.get(by[len("<!subteam^") : -1])
            return list(group.users) if group is not None and not group.is_disabled else []
        if by == "<!everyone>":
            # "everyone notifies every person in the #general channel":
            # https://docs.slack.dev/reference/block-kit/block-elements/broadcast-element
            general = [each for each in self.channels.values() if each.is_general]
            return list(general[0].members) if general else list(channel.members)
        return list(channel.members)

    # ─── numbers and times ───

    def seconds(self) -> int:
        """Return the time in whole seconds."""
        return int(self.now())

    def new_ts(self, at: float | None = None) -> str:
        """Return the next ``ts``: the time in microseconds, strictly later than every earlier one."""
        self._last_ts = max(round((self.now() if at is None else at) * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def new_id(self, prefix: str) -> str:
        """Return the next ID with that prefix."""
        number = self._numbers.get(prefix, 0) + 1
        self._numbers[prefix] = number
        return f"{prefix}0FAKE{number:04d}"

    def knows(self, an_id: str) -> bool:
        """Whether an ID is of somebody or something here."""
        homes = (self.users, self.channels, self.usergroups, self.files, self.canvases, self.scheduled)
        return any(an_id in home for home in homes)

    def canvas_of(self, channel: FakeChannel) -> FakeCanvas | None:
        """Return the channel's own canvas, if it has one."""
        for canvas in self.canvases.values():
            if canvas.is_channel_canvas and canvas.channel == channel.id:
                return canvas
        return None

    def permalink(self, message: FakeMessage) -> str:
        """Return the address of a message (https://docs.slack.dev/reference/methods/chat.getPermalink)."""
        url = f"https://{self.domain}.slack.com/archives/{message.channel}/p{message.ts.replace('.', '')}"
        return f"{url}?thread_ts={message.thread_ts}&cid={message.channel}" if message.is_reply else url

    def name_of(self, an_id: str) -> str:
        """Return ``@alice``, ``#incidents`` or ``@oncall`` for an ID, or the ID itself."""
        if an_id in self.users:
            return f"@{self.users[an_id].name}"
        if an_id in self.channels:
            return f"#{self.channels[an_id].name}"
        return f"@{self.usergroups[an_id].handle}" if an_id in self.usergroups else an_id

    # ─── how Slack shows them ───

    def show_channel(self, channel: FakeChannel) -> dict[str, Any]:
        """Return the conversation object (https://docs.slack.dev/reference/objects/conversation-object)."""
        if channel.is_im:
            others = [member for member in channel.members if member != self.bot.id]
            return {
                "id": channel.id,
                "created": channel.created,
                "is_im": True,
                "is_org_shared": False,
                "user": others[0],
                "is_open": channel.is_open,
                "is_archived": channel.is_archived,
                "priority": 0,
            }
        canvas = self.canvas_of(channel)
        shown: dict[str, Any] = {
            "id": channel.id,
            "name": channel.name,
            "is_channel": not channel.is_mpim,
            "is_group": channel.is_mpim,
            "is_im": False,
            "is_mpim": channel.is_mpim,
            "is_private": channel.is_private,
            "created": channel.created,
            "creator": channel.creator,
            "is_archived": channel.is_archived,
            "is_general": channel.is_general,
            "unlinked": 0,
            "name_normalized": channel.name,
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "pending_shared": [],
            "is_pending_ext_shared": False,
            "is_member": self.bot.id in channel.members,
            "topic": {"value": channel.topic, "creator": channel.topic_set[0], "last_set": channel.topic_set[1]},
            "purpose": {
                "value": channel.purpose,
                "creator": channel.purpose_set[0],
                "last_set": channel.purpose_set[1],
            },
            "previous_names": list(channel.previous_names),
        }
        if canvas is not None:
            # https://docs.slack.dev/surfaces/canvases
            shown["properties"] = {"canvas": {"file_id": canvas.id, "is_empty": not canvas.markdown}}
        return shown

    def show_message(self, message: FakeMessage, *, metadata: bool = False) -> dict[str, Any]:
        """Return a message as history shows it (https://docs.slack.dev/reference/events/message).

        Args:
            message: The message.
            metadata: Whether its whole metadata shows; otherwise only the ``event_type`` does
                (https://docs.slack.dev/messaging/message-metadata).
        """
        shown: dict[str, Any] = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
        subtype = message.subtype or ("bot_message" if message.username else None)
        if message.broadcast:
            subtype = "thread_broadcast"
        optional: Mapping[str, Any] = {
            "subtype": subtype,
            "username": message.username,
            "bot_id": message.bot_id,
            "app_id": self.app_id if message.bot_id else None,
            "team": self.id if message.subtype is None else None,
            "blocks": message.blocks,
            "attachments": message.attachments,
            "edited": message.edited,
            "files": [self.show_file(file) for file in message.files],
            "reactions": [
                {"name": name, "users": list(users), "count": len(users)} for name, users in message.reactions.items()
            ],
            "pinned_to": [message.channel] if message.ts in self.channels[message.channel].pins else None,
        }
        shown.update({key: value for key, value in optional.items() if value})
        shown.update(message.extra)
        if message.metadata is not None:
            shown["metadata"] = message.metadata if metadata else {"event_type": message.metadata.get("event_type")}
        if message.thread_ts is not None:
            shown["thread_ts"] = message.thread_ts
            shown["parent_user_id"] = self.channels[message.channel].log[message.thread_ts].user
        elif message.replies:
            writers = list(dict.fromkeys(reply.user for reply in message.replies))
            shown.update(
                thread_ts=message.ts,
                reply_count=len(message.replies),
                reply_users_count=len(writers),
                latest_reply=message.replies[-1].ts,
                reply_users=writers,
                is_locked=False,
                subscribed=False,
            )
        return shown

    def show_file(self, file: FakeFile) -> dict[str, Any]:
        """Return the file object (https://docs.slack.dev/reference/objects/file-object)."""
        mimetype = (
            "text/plain" if file.snippet_type else mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        )
        suffix = file.name.rpartition(".")[2].lower() if "." in file.name else "binary"
        spots: dict[str, list[str]] = {"channels": [], "groups": [], "ims": []}
        shares: dict[str, dict[str, Any]] = {}
        for channel_id, ts in file.shares.items():
            channel = self.channels[channel_id]
            kind = "ims" if channel.is_im else "groups" if channel.is_private else "channels"
            spots[kind].append(channel_id)
            share = {"ts": ts, "channel_name": channel.name, "team_id": self.id}
            shares.setdefault("private" if channel.is_private else "public", {})[channel_id] = [share]
        shown: dict[str, Any] = {
            "id": file.id,
            "created": file.created,
            "timestamp": file.created,
            "name": file.name,
            "title": file.title,
            "mimetype": mimetype,
            "filetype": file.snippet_type or suffix,
            "pretty_type": (file.snippet_type or suffix).upper(),
            "user": file.user,
            "editable": bool(file.snippet_type),
            "size": file.length,
            "mode": "snippet" if file.snippet_type else "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": bool(spots["channels"]),
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": f"https://files.slack.com/files-pri/{self.id}-{file.id}/{quote(file.name)}",
            "permalink": f"https://{self.domain}.slack.com/files/{file.user}/{file.id}/{quote(file.name)}",
            "comments_count": 0,
            "shares": shares,
            **spots,
        }
        if file.alt_txt:
            shown["alt_txt"] = file.alt_txt
        return shown


def microseconds(ts: str) -> int:
    """Return a ``ts`` (or any Unix time as text) in microseconds, so that it compares exactly.

    Raises:
        ValueError: It is not a number.
    """
    whole, _, fraction = ts.partition(".")
    if not whole.isdigit() or (fraction and not fraction.isdigit()):
        raise ValueError(f"not a timestamp: {ts!r}")
    return int(whole) * 1_000_000 + int((fraction + "000000")[:6])


def _unknown(kind: str, key: str, names: list[str]) -> KeyError:
    near = difflib.get_close_matches(key.lstrip("#@"), names, n=3)
    hint = (
        f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(sorted(names)) or 'none'}"
    )
    return KeyError(f"the fake workspace has no {kind} {key!r}; {hint}")
