"""Steps that wait for a person: an approval that somebody allowed gives or refuses, and a reaction to a message.

Rule of this file: whatever is in doubt is a refusal. No answer in time, a yes of which nobody can tell that it came in
time, a message that was deleted, a yes beside a no and a yes by somebody who was not asked all mean that the next step
does not run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import attrs

from .._effects import Partial, Wait
from ..errors import ApprovalRefused, MessageNotFound, RateLimited, SlackError, SlackUnavailable
from ..slack_methods import call
from ..text import emoji_name, parse_group
from . import _base as base
from ._base import Action, Fault, Need, Placeholder
from ._content import Content
from ._find import (
    bad_channel,
    bad_emoji,
    bad_ts,
    bad_users,
    channel_address,
    channel_id,
    channel_needs,
    identity,
    people_of,
    user_needs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from .._effects import Effect, Flow

__all__ = ["ApprovalAsked", "Approved", "ReactionSeen", "RequestApproval", "WaitForReaction"]

# reactions.get may be asked about fifty times a minute; two requests that wait at once stay below that:
# https://docs.slack.dev/reference/methods/reactions.get
_LEAST_POLL = 3

# How long after the end a look may be answered whose yes still counts. It begins at the end, and its answer takes a
# moment; but a reaction has no time, so that one seen much later (Slack was away, the program was) may be a late one.
_GRACE = 5

# A week: longer than any incident, short enough that a mistake in the unit (milliseconds) shows.
_LONGEST = 7 * 24 * 3600

_T = TypeVar("_T")

# All have to be known; of those who have left, the others can decide without.
_DECIDERS = {**base.USERS, "names": base.Names("people", inactive="each")}


@attrs.frozen(kw_only=True)
class ApprovalAsked:
    """A request that stands in the channel and is not answered: what a step that failed had achieved.

    Attributes:
        channel: ID of the channel.
        ts: Its ID there, Slack's string.
    """

    channel: str
    ts: str


@attrs.frozen(kw_only=True)
class Approved:
    """An approval that was given.

    Attributes:
        channel: ID of the channel in which it was asked for.
        ts: The request's ID there, Slack's string.
        approved_by: User IDs of those who approved, in the order in which Slack lists them.
        waited: Seconds from the request to the answer.
    """

    channel: str
    ts: str
    approved_by: tuple[str, ...]
    waited: float


@attrs.frozen(kw_only=True)
class ReactionSeen:
    """A reaction that somebody put on a message.

    Attributes:
        channel: ID of the channel.
        ts: The message's ID there, Slack's string.
        name: The emoji's name, without colons and skin tone.
        user: User ID of whoever reacted first with it, as Slack lists them.
        users: User IDs of all who count and reacted with it.
        waited: Seconds that the step waited.
    """

    channel: str
    ts: str
    name: str
    user: str
    users: tuple[str, ...]
    waited: float


# Slack keeps a thumb under the first of its two names.
_ALIASES = {"thumbsup": "+1", "thumbsdown": "-1"}


def _plain_name(name: str) -> str:
    """Return an emoji's name without its skin tones, for a thumb of any colour is a thumb.

    Args:
        name: The name without colons: one that :func:`emoji_name` gave, or any that Slack lists.
    """
    plain = name.partition("::")[0]
    return _ALIASES.get(plain, plain)


def _same_emoji(one: str, other: str) -> bool:
    """Tell whether two filled names mean one emoji; a name that is none is told elsewhere."""
    if Placeholder.is_in(one) or Placeholder.is_in(other):
        return False
    try:
        return _plain_name(emoji_name(one)) == _plain_name(emoji_name(other))
    except ValueError:
        return False


def _reactions(channel: str, ts: str) -> Generator[Effect, Any, dict[str, list[str]]]:
    """Return who reacted to a message, by emoji."""
    # Without full=true Slack may list fewer people than reacted.
    reply = yield call("reactions.get", channel=channel, timestamp=ts, full=True)
    found: dict[str, list[str]] = {}
    for reaction in (reply.get("message") or {}).get("reactions") or ():
        found.setdefault(_plain_name(str(reaction.get("name", ""))), []).extend(reaction.get("users") or ())
    return found


def _seconds(default: int) -> Any:
    """Return a field that takes seconds."""
    return attrs.field(default=default, validator=base.is_number, metadata=base.NUMBER)


def _bad_times(expires_in: int | str, poll_every: int | str) -> Iterator[Fault]:
    """Say what is wrong with how long a step waits and how often it looks."""
    if isinstance(expires_in, int) and not 1 <= expires_in <= _LONGEST:
        yield Fault("expires_in", f"is {expires_in}; it takes 1 to {_LONGEST} seconds.", "Half an hour is 1800.")
    if isinstance(poll_every, int) and poll_every < _LEAST_POLL:
        yield Fault(
            "poll_every",
            f"is {poll_every}; Slack may be asked every {_LEAST_POLL} seconds at the most.",
            "Give seconds, such as 10.",
        )


def _withdrawn(channel: str, ts: str) -> ApprovalRefused:
    return ApprovalRefused("withdrawn", "the message was deleted", channel=channel, ts=ts)


def _poll(
    channel: str,
    ts: str,
    waiting: RequestApproval | WaitForReaction,
    decide: Callable[[Mapping[str, Sequence[str]]], _T | None],
) -> Generator[Effect, Any, tuple[_T, float]]:
    """Look again and again until there is a decision, and refuse when the time is over.

    Args:
        channel: The channel's ID.
        ts: The message.
        waiting: How long, and how often to look.
        decide: Makes a decision of who reacted with what, or ``None`` while there is none.

    Returns:
        The decision and the seconds it took.
    """
    began: float = yield Wait()
    ends = began + float(waiting.expires_in)
    while True:
        decision: _T | None = None
        try:
            decision = decide((yield from _reactions(channel, ts)))
        except MessageNotFound:
            raise _withdrawn(channel, ts) from None
        except (RateLimited, SlackUnavailable):
            # A minute without Slack is no answer; the time runs on.
            pass
        now: float = yield Wait()
        if decision is not None and now <= ends + _GRACE:
            return decision, now - began
        if decision is not None:
            raise ApprovalRefused(
                "expired",
                f"an answer was seen only {now - ends:.0f} seconds after the {waiting.expires_in} seconds were over, "
                "and whether it came in time cannot be told",
                channel=channel,
                ts=ts,
            )
        if now >= ends:
            raise ApprovalRefused(
                "expired", f"nobody answered within {waiting.expires_in} seconds", channel=channel, ts=ts
            )
        yield Wait(min(float(waiting.poll_every), ends - now))


@attrs.frozen(kw_only=True)
class RequestApproval(Content[Approved]):
    """Ask in a channel for an approval, and wait until somebody who may give it does, refuses, or the time is over.

    The request is a message; the people who may decide react to it. What anybody else does has no effect, and the
    app's own reactions, which stand there to be clicked, have none either. One refusal outweighs any approval.

    Slack: https://docs.slack.dev/reference/methods/chat.postMessage,
    https://docs.slack.dev/reference/methods/reactions.get and, for the reactions to click on,
    https://docs.slack.dev/reference/methods/reactions.add; for e-mail addresses
    https://docs.slack.dev/reference/methods/users.lookupByEmail, for user groups
    https://docs.slack.dev/reference/methods/usergroups.list or, for a single one by ID,
    https://docs.slack.dev/reference/methods/usergroups.users.list

    Scopes: ``chat:write`` and ``reactions:read``; ``reactions:write`` unless ``offer`` is false; e-mail addresses need
    ``users:read.email``, user groups ``usergroups:read``; to post to a public channel that the app is not a member of
    also ``chat:write.public``.

    Attributes:
        channel: ID, ``#name`` of a public channel, link, or an earlier step's output.
        approvers: User IDs, mentions, e-mail addresses and user groups of those who may decide: a list, a text with
            commas, or one template whose value is either.
        text: The request in Slack's mrkdwn, at most 4,000 characters. Name the approvers in it if they should be
            notified.
        markdown_text: The request in Markdown, at most 12,000 characters; beside neither ``text`` nor ``blocks``.
        blocks: Block Kit: plain data, objects with ``to_dict()``, or JSON or YAML text. At most 50.
        metadata: ``event_type`` and ``event_payload`` for other apps; any app in the workspace can read it.
        thread_ts: ``ts`` of the message that starts the thread to ask in.
        approve: The emoji that means yes, in any skin tone.
        reject: The emoji that means no; another one, not the same in another skin tone or under another name.
        approvals_needed: How many of the approvers must say yes.
        expires_in: Seconds until the request counts as refused; at most seven days. A yes that the step can see only
            later, because Slack or the program was away, is refused as well: reactions carry no time.
        poll_every: Seconds between two looks; at least 3.
        offer: Whether the app puts both reactions there to click on.

    Returns:
        An :class:`Approved`.

    Raises:
        ApprovalRefused: ``rejected`` (an approver said no), ``expired`` (not enough said yes in time) or ``withdrawn``
            (the request was deleted), as ``error.code``. The steps behind it do not run, unless the step has
            ``on_error="continue"``, of which ``check`` warns.
        ChannelNotFound: No such channel, or a private one without the app.
        AmbiguousOutcome: The answer to the request was lost; it may stand in the channel.

    Again: a second run asks again, and earlier answers do not count.
    """

    output: ClassVar[type[Any]] = Approved

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    approvers: str | tuple[str, ...] = attrs.field(converter=base.as_users, validator=base.is_users, metadata=_DECIDERS)
    thread_ts: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    approve: str = attrs.field(default="white_check_mark", validator=base.is_text, metadata=base.IDENTIFIER)
    reject: str = attrs.field(default="x", validator=base.is_text, metadata=base.IDENTIFIER)
    approvals_needed: int | str = attrs.field(default=1, validator=base.is_number, metadata=base.NUMBER)
    expires_in: int | str = _seconds(3600)
    poll_every: int | str = _seconds(10)
    offer: bool | str = attrs.field(default=True, converter=base.as_flag, validator=base.is_flag, metadata=base.FLAG)

    def needs(self) -> Iterator[Need]:
        yield from user_needs(self.approvers, groups=True)
        yield Need("auth.test", "leave out the app's own reactions")
        yield Need("chat.postMessage", "ask for the approval")
        yield Need(
            "chat.postMessage",
            "post where the app is not a member",
            condition="if the channel is public and the app is not a member of it",
            scopes=("chat:write.public",),
        )
        if self.offer is not False:
            condition = "" if self.offer is True else "if offer is true"
            yield Need("reactions.add", "offer the reactions to click on", condition=condition)
        yield Need("reactions.get", "see who approved")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_users("approvers", self.approvers, groups=True)
        yield from bad_ts("thread_ts", self.thread_ts)
        yield from bad_emoji("approve", self.approve)
        yield from bad_emoji("reject", self.reject)
        if _same_emoji(self.approve, self.reject):
            yield Fault("reject", "is the same emoji as approve, so no answer would be clear.", "Give another.")
        people = self.approvers if isinstance(self.approvers, tuple) else ()
        if any(Placeholder.is_in(user) or parse_group(user) is not None for user in people):
            # How many that will be, only the run can tell.
            people = ()
        needed = self.approvals_needed
        if isinstance(needed, int) and needed < 1:
            yield Fault("approvals_needed", f"is {needed}; somebody has to approve.", "Give a number from 1.")
        elif isinstance(needed, int) and people and needed > len(people):
            yield Fault("approvals_needed", f"is {needed}, and only {len(people)} may approve.", "Name more approvers.")
        yield from _bad_times(self.expires_in, self.poll_every)
        yield from super().faults()

    def flow(self) -> Flow[Approved]:
        app = str((yield from identity()).get("user_id"))
        # Its own reactions are there to be clicked on; the app approves nothing.
        people = [user for user in (yield from people_of(self.approvers)).everybody() if user != app]
        needed = int(self.approvals_needed)
        if len(people) < needed:
            raise ApprovalRefused("rejected", f"only {len(people)} people may approve, and {needed} must")
        reply = yield call(
            "chat.postMessage",
            channel=channel_address(self.channel),
            **self._content(),
            thread_ts=self.thread_ts or None,
        )
        channel, ts = str(reply["channel"]), str(reply["ts"])
        yield Partial(ApprovalAsked(channel=channel, ts=ts))
        names = (emoji_name(self.approve), emoji_name(self.reject))
        yes, no = map(_plain_name, names)
        if self.offer is True:
            for name in names:
                try:
                    yield call("reactions.add", channel=channel, timestamp=ts, name=name)
                except MessageNotFound:
                    raise _withdrawn(channel, ts) from None
                except SlackError as error:
                    if error.code != "already_reacted":
                        raise

        def decide(found: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
            against = [user for user in found.get(no, ()) if user in people]
            if against:
                raise ApprovalRefused("rejected", f"{against[0]} refused", by=against[0], channel=channel, ts=ts)
            agreed = tuple(dict.fromkeys(user for user in found.get(yes, ()) if user in people))
            return agreed if len(agreed) >= needed else None

        approved_by, waited = yield from _poll(channel, ts, self, decide)
        return Approved(channel=channel, ts=ts, approved_by=approved_by, waited=waited)


@attrs.frozen(kw_only=True)
class WaitForReaction(Action[ReactionSeen]):
    """Wait until somebody reacts to a message; nothing changes in Slack.

    Slack: https://docs.slack.dev/reference/methods/reactions.get; for e-mail addresses
    https://docs.slack.dev/reference/methods/users.lookupByEmail, for user groups
    https://docs.slack.dev/reference/methods/usergroups.list or, for a single one by ID,
    https://docs.slack.dev/reference/methods/usergroups.users.list

    Scopes: ``reactions:read``; a channel given by name also needs ``channels:read`` or ``groups:read``; e-mail
    addresses need ``users:read.email``, user groups ``usergroups:read``.

    Attributes:
        channel: The channel the message stands in: an earlier step's ``channel``, an ID, ``#name`` or a link.
        ts: The message's ``ts``, as an earlier step gave it.
        names: The emoji that count, in any skin tone: a list, or a text with commas.
        users: User IDs, mentions, e-mail addresses and user groups of those who count; left out, everybody but the app.
            A list or a value that names nobody is refused, and never means everybody.
        expires_in: Seconds until the step fails; at most seven days. A reaction that the step can see only later does
            not count: it may have come too late.
        poll_every: Seconds between two looks; at least 3.

    Returns:
        A :class:`ReactionSeen`; of several emoji, the one that ``names`` has first.

    Raises:
        ApprovalRefused: ``expired`` (nobody reacted in time) or ``withdrawn`` (the message was deleted), as
            ``error.code``.
        ChannelNotFound: The app sees no such channel.

    Again: a second run sees the same reactions.
    """

    output: ClassVar[type[Any]] = ReactionSeen

    channel: str = attrs.field(converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL)
    ts: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)
    names: str | tuple[str, ...] = attrs.field(converter=base.as_users, validator=base.is_users, metadata=base.LIST)
    users: str | tuple[str, ...] | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(base.as_users),
        validator=attrs.validators.optional(base.is_users),
        metadata=_DECIDERS,
    )
    expires_in: int | str = _seconds(3600)
    poll_every: int | str = _seconds(10)

    def needs(self) -> Iterator[Need]:
        yield from channel_needs(self.channel)
        yield from user_needs(self.users or (), groups=True)
        yield Need("auth.test", "leave out the app's own reactions")
        yield Need("reactions.get", "see who reacted")

    def faults(self) -> Iterator[Fault]:
        yield from bad_channel(self.channel)
        yield from bad_ts("ts", self.ts, needed=True)
        names = [self.names] if isinstance(self.names, str) else self.names
        if not names:
            yield Fault("names", "names no emoji.", "Give one, such as white_check_mark.")
        for name in names:
            yield from bad_emoji("names", name)
        if self.users is not None:
            yield from bad_users("users", self.users, groups=True)
        yield from _bad_times(self.expires_in, self.poll_every)

    def flow(self) -> Flow[ReactionSeen]:
        app = str((yield from identity()).get("user_id"))
        channel = yield from channel_id(self.channel)
        people = None if self.users is None else (yield from people_of(self.users)).everybody()
        names = list(dict.fromkeys(_plain_name(emoji_name(name)) for name in self.names))

        def decide(found: Mapping[str, Sequence[str]]) -> tuple[str, tuple[str, ...]] | None:
            for name in names:
                counted = [user for user in found.get(name, ()) if user != app and (people is None or user in people)]
                if counted:
                    return name, tuple(dict.fromkeys(counted))
            return None

        (name, users), waited = yield from _poll(channel, self.ts, self, decide)
        return ReactionSeen(channel=channel, ts=self.ts, name=name, user=users[0], users=users, waited=waited)
