"""What a test says of the workspace, and what it is told where that is not so.

Rule of this file: reading only. An assertion that fails shows what is there, and the nearest thing to what was wanted.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from ._mrkdwn import flatten_blocks, readable

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping, Sequence

    from ._calls import FakeCall
    from ._fake import FakeSlack
    from ._state import FakeChannel, FakeMessage, FakeUser

__all__ = ["no_pings", "not_posted", "pinged", "posted", "was_called"]

_SHOWN: Final = 12
"""Messages of a channel that a failure lists."""


def _says(slack: FakeSlack, message: FakeMessage) -> str:
    """Return all that people read of a message."""
    name_of = slack._workspace.name_of  # noqa: SLF001 - one package
    text = readable(message.text, name_of)
    return "\n".join(part for part in (text, *flatten_blocks(message.blocks, name_of)) if part)


def _fits(slack: FakeSlack, message: FakeMessage, text: str | re.Pattern[str] | None) -> bool:
    if text is None:
        return True
    return _matches(text, [message.text, _says(slack, message)])


def _matches(text: str | re.Pattern[str], said: Sequence[str]) -> bool:
    if isinstance(text, str):
        return any(text in each for each in said)
    return any(text.search(each) is not None for each in said)


def _among(
    slack: FakeSlack,
    channel: FakeChannel,
    thread_ts: str | None = None,
    user: str | FakeUser | None = None,
    *,
    deleted: bool = False,
) -> list[FakeMessage]:
    author = None if user is None else slack.user(user).id
    return [
        message
        for message in (channel.deleted if deleted else channel.log.values())
        if not message.is_system
        and (thread_ts is None or message.thread_ts == thread_ts)
        and (author is None or message.user == author)
    ]


def posted(
    slack: FakeSlack,
    key: str | FakeChannel,
    text: str | re.Pattern[str] | None,
    thread_ts: str | None,
    user: str | FakeUser | None,
) -> FakeMessage:
    """Return the latest message that fits, or fail with what was posted."""
    __tracebackhide__ = True
    channel = slack.channel(key)
    messages = _among(slack, channel, thread_ts, user)
    found = [message for message in messages if _fits(slack, message, text)]
    if found:
        return found[-1]
    where = _where(channel, thread_ts)
    by = "" if user is None else f" by @{slack.user(user).name}"
    lines = [
        f"no message{by} in {where} {_wanted(text)}.",
        *_shown(slack, messages, text, by),
        *_instead(slack, channel, text),
    ]
    if not messages and (refused := [each for each in slack.calls if each.method.startswith("chat.") and not each.ok]):
        lines.append(f"Slack refused {refused[-1].method}: {refused[-1].error}.")
    raise AssertionError("\n".join(lines))


def _wanted(text: str | re.Pattern[str] | None) -> str:
    if text is None:
        return "is anything"
    return f"says {text!r}" if isinstance(text, str) else f"matches {text.pattern!r}"


def _where(channel: FakeChannel, thread_ts: str | None) -> str:
    return f"the thread {thread_ts} of {_name(channel)}" if thread_ts else _name(channel)


def _name(channel: FakeChannel) -> str:
    if channel.is_im or channel.is_mpim:
        return f"the direct message {channel.name}"
    return f"#{channel.name}"


def _shown(
    slack: FakeSlack, messages: Sequence[FakeMessage], text: str | re.Pattern[str] | None, by: str
) -> Iterator[str]:
    """Show what was posted where the message was wanted, and the nearest to it."""
    said = [_says(slack, message) for message in messages]
    if not said:
        yield f"Nothing was posted there{by}."
        return
    more = f", the last {_SHOWN} of {len(said)}" if len(said) > _SHOWN else ""
    yield f"Posted there{by}{more}:"
    yield from (f"  - {each.splitlines()[0] if each else '(no text)'}" for each in said[-_SHOWN:])
    if isinstance(text, str):
        yield from _nearest(text, said)


def _instead(slack: FakeSlack, channel: FakeChannel, text: str | re.Pattern[str] | None) -> Iterator[str]:
    """Show where else the message stands: by somebody else, in another place, for one person, or at another time."""
    if text is None:
        return
    name_of = slack._workspace.name_of  # noqa: SLF001 - one package
    stands = [
        f"in {_where(other, message.thread_ts)} by {name_of(message.user)}"
        for other in slack.channels
        for message in _among(slack, other)
        if _fits(slack, message, text)
    ]
    if stands:
        yield f"It stands {'; '.join(stands[-_SHOWN:])}."
    for each in channel.ephemeral:
        if _matches(text, [each.text, readable(each.text, name_of), *flatten_blocks(each.blocks, name_of)]):
            yield f"It was shown to {name_of(each.to)} only, as an ephemeral message."
    for scheduled in slack.scheduled:
        fits = _matches(text, [scheduled.text, readable(scheduled.text, name_of)])
        if fits and scheduled.channel == channel.id and scheduled.state != "posted":
            became = f", but {scheduled.dropped}" if scheduled.dropped else ""
            yield f"It was scheduled for {scheduled.post_at - slack.now:g} s from now: {scheduled.state}{became}."


def _nearest(text: str, said: Sequence[str]) -> Iterator[str]:
    ranked = sorted(said, key=lambda each: difflib.SequenceMatcher(None, text, each).ratio())
    near = ranked[-1]
    if difflib.SequenceMatcher(None, text, near).ratio() > 0.5:
        yield "The nearest (- wanted, + posted):"
        compared = difflib.ndiff(text.splitlines(), near.splitlines())
        yield from (f"  {line.rstrip()}" for line in compared if not line.startswith("?"))


def not_posted(
    slack: FakeSlack,
    key: str | FakeChannel,
    text: str | re.Pattern[str] | None,
    thread_ts: str | None,
    user: str | FakeUser | None,
) -> None:
    """Fail where a message fits, or one that was deleted again."""
    __tracebackhide__ = True
    channel = slack.channel(key)
    stood = [*_among(slack, channel, thread_ts, user, deleted=True), *_among(slack, channel, thread_ts, user)]
    found = [message for message in stood if _fits(slack, message, text)]
    if found:
        author = slack._workspace.name_of(found[-1].user)  # noqa: SLF001 - one package
        where = _where(channel, found[-1].thread_ts)
        gone = " It was deleted later." if found[-1] in channel.deleted else ""
        raise AssertionError(f"a message by {author} in {where} {_wanted(text)}: {_says(slack, found[-1])!r}.{gone}")


def pinged(slack: FakeSlack, people: Sequence[str | FakeUser]) -> None:
    """Fail unless each of these people was notified."""
    __tracebackhide__ = True
    if not people:
        raise TypeError("assert_pinged needs at least one person: name who should have been notified.")
    ids = {person if isinstance(person, str) else person.id: person for person in people}
    known = {slack.user(key).id for key in ids}
    missing = sorted(slack.user(key).name for key in known - {ping.user for ping in slack.notified})
    if missing:
        raise AssertionError(f"{', '.join(missing)} was not notified. {_pings(slack)}")


def no_pings(slack: FakeSlack) -> None:
    """Fail where anybody was notified."""
    __tracebackhide__ = True
    if slack.notified:
        raise AssertionError(f"somebody was notified. {_pings(slack)}")


def _pings(slack: FakeSlack) -> str:
    told = [f"{slack.user(ping.user).name} by {ping.by} in {_place(slack, ping.channel)}" for ping in slack.notified]
    return f"Notified: {'; '.join(told)}." if told else "Nobody was notified."


def _place(slack: FakeSlack, channel: str) -> str:
    return _name(slack.channel(channel))


def was_called(slack: FakeSlack, method: str, arguments: Mapping[str, Any]) -> FakeCall:
    """Return the latest call of a method that Slack accepted with these arguments, or fail with its calls."""
    __tracebackhide__ = True
    calls = slack.calls_to(method)
    fitting = [call for call in calls if all(call.arguments.get(name) == value for name, value in arguments.items())]
    accepted = [call for call in fitting if call.ok]
    if accepted:
        return accepted[-1]
    if fitting:
        raise AssertionError(
            f"{method} was called{_with(arguments)}, and Slack refused it: {fitting[-1].error}. "
            f"What was refused is among calls_to({method!r})."
        )
    if not calls:
        others = ", ".join(dict.fromkeys(call.method for call in slack.calls)) or "nothing"
        raise AssertionError(f"{method} was not called. Called: {others}.")
    shown = "\n".join(f"  - {_arguments(call.arguments, arguments)}" for call in calls[-_SHOWN:])
    raise AssertionError(f"{method} was not called{_with(arguments)}, but with:\n{shown}")


def _with(arguments: Mapping[str, Any]) -> str:
    return f" with {_arguments(arguments, arguments)}" if arguments else ""


def _arguments(given: Mapping[str, Any], first: Mapping[str, Any]) -> str:
    """Show the arguments that matter; the others by name."""
    named = ", ".join(f"{name}={given[name]!r}" for name in first if name in given)
    others = ", ".join(name for name in given if name not in first)
    return f"{named or '(none of them)'}{f' and {others}' if others else ''}"
