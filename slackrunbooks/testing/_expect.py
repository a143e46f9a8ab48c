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
    raw = [message.text, _says(slack, message)]
    if isinstance(text, str):
        return any(text in each for each in raw)
    return any(text.search(each) is not None for each in raw)


def _among(channel: FakeChannel, thread_ts: str | None) -> list[FakeMessage]:
    said = [message for message in channel.log.values() if not message.is_system]
    if thread_ts is None:
        return said
    return [message for message in said if message.thread_ts == thread_ts]


def posted(
    slack: FakeSlack, key: str | FakeChannel, text: str | re.Pattern[str] | None, thread_ts: str | None
) -> FakeMessage:
    """Return the latest message that fits, or fail with what was posted."""
    __tracebackhide__ = True
    channel = slack.channel(key) if isinstance(key, str) else key
    messages = _among(channel, thread_ts)
    found = [message for message in messages if _fits(slack, message, text)]
    if found:
        return found[-1]
    raise AssertionError("\n".join(_missing(slack, channel, messages, text, thread_ts)))


def _wanted(text: str | re.Pattern[str] | None) -> str:
    if text is None:
        return "is anything"
    return f"says {text!r}" if isinstance(text, str) else f"matches {text.pattern!r}"


def _missing(
    slack: FakeSlack,
    channel: FakeChannel,
    messages: Sequence[FakeMessage],
    text: str | re.Pattern[str] | None,
    thread_ts: str | None,
) -> Iterator[str]:
    where = f"the thread {thread_ts} of #{channel.name}" if thread_ts else f"#{channel.name}"
    yield f"no message in {where} {_wanted(text)}."
    said = [_says(slack, message) for message in messages]
    if not said:
        yield "Nothing was posted there."
    else:
        more = f", the last {_SHOWN} of {len(said)}" if len(said) > _SHOWN else ""
        yield f"Posted there{more}:"
        yield from (f"  - {each.splitlines()[0] if each else '(no text)'}" for each in said[-_SHOWN:])
    if isinstance(text, str) and said:
        yield from _nearest(text, said)
    elsewhere = [
        f"#{other.name}"
        for other in slack.channels
        if other is not channel and text is not None and any(_fits(slack, each, text) for each in _among(other, None))
    ]
    if elsewhere:
        yield f"It stands in {', '.join(elsewhere)}."
    if (refused := [call for call in slack.calls if call.method.startswith("chat.post") and not call.ok]) and not said:
        yield f"Slack refused {refused[-1].method}: {refused[-1].error}."


def _nearest(text: str, said: Sequence[str]) -> Iterator[str]:
    ranked = sorted(said, key=lambda each: difflib.SequenceMatcher(None, text, each).ratio())
    near = ranked[-1]
    if difflib.SequenceMatcher(None, text, near).ratio() > 0.5:
        yield "The nearest (- wanted, + posted):"
        compared = difflib.ndiff(text.splitlines(), near.splitlines())
        yield from (f"  {line.rstrip()}" for line in compared if not line.startswith("?"))


def not_posted(slack: FakeSlack, key: str | FakeChannel, text: str | re.Pattern[str] | None) -> None:
    """Fail where a message fits."""
    __tracebackhide__ = True
    channel = slack.channel(key) if isinstance(key, str) else key
    found = [message for message in _among(channel, None) if _fits(slack, message, text)]
    if found:
        raise AssertionError(f"a message in #{channel.name} {_wanted(text)}: {_says(slack, found[-1])!r}.")


def pinged(slack: FakeSlack, people: Sequence[str | FakeUser]) -> None:
    """Fail unless each of these people was notified."""
    __tracebackhide__ = True
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
    found = next((each for each in slack.channels if each.id == channel), None)
    return f"#{found.name}" if found is not None else "a direct message"


def was_called(slack: FakeSlack, method: str, arguments: Mapping[str, Any]) -> FakeCall:
    """Return the latest call of a method with these arguments among its own, or fail with its calls."""
    __tracebackhide__ = True
    calls = slack.calls_to(method)
    for call in reversed(calls):
        if all(call.arguments.get(name) == value for name, value in arguments.items()):
            return call
    if not calls:
        others = ", ".join(dict.fromkeys(call.method for call in slack.calls)) or "nothing"
        raise AssertionError(f"{method} was not called. Called: {others}.")
    shown = "\n".join(f"  - {_arguments(call.arguments, arguments)}" for call in calls[-_SHOWN:])
    raise AssertionError(f"{method} was not called with {_arguments(arguments, arguments)}, but with:\n{shown}")


def _arguments(given: Mapping[str, Any], first: Mapping[str, Any]) -> str:
    """Show the arguments that matter; the others by name."""
    named = ", ".join(f"{name}={given[name]!r}" for name in first if name in given)
    others = ", ".join(name for name in given if name not in first)
    return f"{named or '(none of them)'}{f' and {others}' if others else ''}"
