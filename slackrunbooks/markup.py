"""Values that templates turn into Slack's markup: mentions, dates in the reader's time zone, links with a label.

Rule of this file: a value is trusted because of its Python class alone. Text, mappings and whatever else comes out of
an incident's data can never become one, so ``{{lead}}`` notifies somebody only where the program put a
:class:`UserMention` into the context or a step gave one.
"""

from __future__ import annotations

import abc
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import attrs

from .errors import RunbookError
from .text import Fit, Kind, Placeholder, apart, escape, escaper, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "ChannelMention",
    "Date",
    "GroupMention",
    "Link",
    "Markup",
    "Pending",
    "Unknown",
    "UserMention",
    "keys_of",
    "severity",
]


class Markup(abc.ABC):
    """A value that each kind of text shows in its own way."""

    __slots__ = ()

    @property
    def plain(self) -> str:
        """The readable text, without markup: for plain text, notifications of blocks, logs and files."""
        return self._plain()

    @property
    def mrkdwn(self) -> str:
        """Slack's tag."""
        return self._tag()

    @property
    def markdown(self) -> str:
        """Markdown of messages. Slack's pages name none for mentions and dates, so theirs is the readable text."""
        return self._markdown()

    @property
    def canvas(self) -> str:
        """Markdown of canvases, which has mentions: https://docs.slack.dev/surfaces/canvases."""
        return self._canvas()

    @property
    def bare(self) -> str:
        """What stands where an ID, an address or a number is wanted."""
        return self._bare()

    @property
    def parts(self) -> dict[str, str]:
        """What templates read of it: ``{{lead.id}}``."""
        return {**self._parts(), "plain": self._plain()}

    def shown(self, kind: Kind, before: str) -> tuple[str, bool]:
        """Return what stands for it at a place, and whether that is markup, which nothing may escape any more.

        Args:
            kind: The kind of text.
            before: What has been written before it, as for :func:`slackrunbooks.text.fit`.
        """
        room = fit(kind, before)
        if room is Fit.MARKUP:
            if kind is Kind.MRKDWN:
                return self._tag(), True
            return apart(self._canvas() if kind is Kind.CANVAS else self._markdown(), before), True
        return (self._bare() if room is Fit.BARE else self._plain()), False

    def __str__(self) -> str:
        return self._plain()

    @abc.abstractmethod
    def _plain(self) -> str: ...

    @abc.abstractmethod
    def _tag(self) -> str: ...

    def _parts(self) -> dict[str, str]:
        return {}

    def _bare(self) -> str:
        return self._plain()

    def _markdown(self) -> str:
        return escaper(Kind.MARKDOWN)(self._plain(), "")

    def _canvas(self) -> str:
        return self._markdown()


def _is_id(letters: str) -> Callable[[Any, attrs.Attribute[str], str], None]:
    pattern = re.compile(f"[{letters}][A-Z0-9]{{2,}}")

    def validate(instance: object, field: attrs.Attribute[str], value: object) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise RunbookError(
                f"{value!r} is no ID of Slack's; it begins with {' or '.join(letters)}.",
                place=f"{type(instance).__name__}.{field.name}",
            )

    return validate


@attrs.frozen
class UserMention(Markup):
    """Notifies a person where it stands in a message.

    Attributes:
        id: The user ID.
        name: What plain text shows; the ID if left out.

    Examples:
        >>> import slackrunbooks as sr
        >>> sr.Template("{{lead}} leads").render({"lead": sr.UserMention("U0123ABCD", "ann")}, escape=sr.Kind.MRKDWN)
        '<@U0123ABCD> leads'
        >>> sr.Template("{{lead}} leads").render({"lead": "<@U0123ABCD>"}, escape=sr.Kind.MRKDWN)
        '&lt;@U0123ABCD&gt; leads'
    """

    id: str = attrs.field(validator=_is_id("UW"))
    name: str = ""

    def _plain(self) -> str:
        return f"@{self.name or self.id}"

    def _tag(self) -> str:
        return f"<@{self.id}>"

    def _bare(self) -> str:
        return self.id

    def _canvas(self) -> str:
        return f"![](@{self.id})"

    def _parts(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name}


@attrs.frozen
class GroupMention(Markup):
    """Notifies everybody in a user group where it stands in a message.

    Attributes:
        id: The group's ID.
        handle: What plain text shows; the ID if left out.
    """

    id: str = attrs.field(validator=_is_id("S"))
    handle: str = ""

    def _plain(self) -> str:
        return f"@{self.handle or self.id}"

    def _tag(self) -> str:
        return f"<!subteam^{self.id}>"

    def _bare(self) -> str:
        return self.id

    def _parts(self) -> dict[str, str]:
        return {"id": self.id, "handle": self.handle}


@attrs.frozen
class ChannelMention(Markup):
    """Links to a channel.

    Attributes:
        id: The channel's ID.
        name: What plain text shows; the ID if left out.
    """

    id: str = attrs.field(validator=_is_id("CGD"))
    name: str = ""

    @property
    def channel(self) -> str:
        """The ID, so that it can be the channel of an action."""
        return self.id

    def _plain(self) -> str:
        return f"#{self.name or self.id}"

    def _tag(self) -> str:
        return f"<#{self.id}>"

    def _bare(self) -> str:
        return self.id

    def _canvas(self) -> str:
        return f"![](#{self.id})"

    def _parts(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name}


# https://docs.slack.dev/messaging/formatting-message-text#date-formatting
_DATE_TOKENS = frozenset(
    {"date_num", "date", "date_short", "date_long", "date_pretty", "date_short_pretty", "date_long_pretty"}
    | {"time", "time_secs", "ago"}
)
_TOKEN = re.compile(r"\{([^{}]*)\}")


# Three thousand years of seconds; milliseconds since 1970 have been more since 1973.
_TOO_LATE = 100_000_000_000


def _as_seconds(when: datetime | float) -> int:
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise RunbookError("needs a time zone: datetime(2026, 1, 5, 9, tzinfo=timezone.utc).", place="Date.when")
        when = when.timestamp()
    if isinstance(when, bool) or not isinstance(when, (int, float)):
        raise RunbookError("must be a datetime with a time zone, or seconds since 1970.", place="Date.when")
    # Not a number is neither less nor more.
    if not 0 <= when < _TOO_LATE:
        hint = " These look like milliseconds: divide them by 1,000." if when >= _TOO_LATE else ""
        raise RunbookError(f"{when} is no time between 1970 and 5138 in seconds.{hint}", place="Date.when")
    return int(when)


def _is_format(_instance: object, _field: attrs.Attribute[str], value: str) -> None:
    tokens = set(_TOKEN.findall(value))
    unknown = sorted(tokens - _DATE_TOKENS)
    if unknown or not tokens:
        wrong = f"{{{unknown[0]}}} is no token" if unknown else "has no token"
        raise RunbookError(
            f"{wrong}; there are {', '.join(f'{{{token}}}' for token in sorted(_DATE_TOKENS))}.", place="Date.format"
        )
    if any(character in value for character in "<>|^\n"):
        raise RunbookError("takes none of < > | ^ and no line break.", place="Date.format")


def _is_url(*schemes: str) -> Callable[[Any, attrs.Attribute[Any], object], None]:
    pattern = re.compile(rf"\s*(?:{'|'.join(schemes)})[^\s/?#].*", re.IGNORECASE | re.DOTALL)
    listed = f"{', '.join(schemes[:-1])} or {schemes[-1]}"

    def validate(instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise RunbookError(
                f"must be an address that begins with {listed}.", place=f"{type(instance).__name__}.{field.name}"
            )

    return validate


def _label(text: str) -> str:
    """Make a text fit to stand behind the bar of a tag."""
    return escape(" ".join(text.split())) or " "


@attrs.frozen
class Date(Markup):
    """A time that each reader sees in their own time zone.

    Source: https://docs.slack.dev/messaging/formatting-message-text#date-formatting

    Attributes:
        when: A datetime with a time zone, or seconds since 1970 (UTC).
        format: Text with Slack's tokens: ``{date_num}``, ``{date}``, ``{date_short}``, ``{date_long}``, their
            ``…_pretty`` forms (yesterday, today), ``{time}``, ``{time_secs}`` and ``{ago}``.
        fallback: What shows where Slack cannot format it, and in plain text; the time in UTC if left out.
        link: An address, ``https://`` or ``http://``, to which the shown time leads.

    Examples:
        >>> import slackrunbooks as sr
        >>> start = sr.Date(1767603600, "{date_short_pretty} at {time}")
        >>> sr.Template("Since {{start}}").render({"start": start}, escape=sr.Kind.MRKDWN)
        'Since <!date^1767603600^{date_short_pretty} at {time}|2026-01-05 09:00 UTC>'
    """

    when: int = attrs.field(converter=_as_seconds)
    format: str = attrs.field(default="{date_short_pretty} at {time}", validator=_is_format)
    fallback: str = ""
    link: str | None = attrs.field(default=None, validator=attrs.validators.optional(_is_url("https://", "http://")))

    def _time(self) -> str:
        made = datetime.fromtimestamp(self.when, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        return " ".join(self.fallback.split()) or made

    def _plain(self) -> str:
        return self._time() if self.link is None else f"{self._time()} ({self.link.strip()})"

    def _tag(self) -> str:
        start = f"!date^{self.when}^{self.format}"
        if self.link is not None:
            start += f"^{escaper(Kind.MRKDWN)(self.link.strip(), f'<{start}^')}"
        return f"<{start}|{_label(self._time())}>"

    def _bare(self) -> str:
        return str(self.when)

    def _parts(self) -> dict[str, str]:
        return {"when": str(self.when), **({} if self.link is None else {"url": self.link.strip()})}

    def _markdown(self) -> str:
        return escaper(Kind.MARKDOWN)(self._time(), "") if self.link is None else _inline(self._time(), self.link)


def _inline(label: str, url: str) -> str:
    """Write a link in Markdown."""
    shown = escaper(Kind.MARKDOWN)(" ".join(label.split()) or url.strip(), "")
    return f"[{shown}]({escaper(Kind.MARKDOWN)(url.strip(), '[](')})"


@attrs.frozen
class Link(Markup):
    """A link that shows a label. Any text is a safe label.

    Attributes:
        url: Where it leads: ``https://``, ``http://`` or ``mailto:``.
        label: What shows; the address if left out.

    Examples:
        >>> import slackrunbooks as sr
        >>> runbook = sr.Link("https://wiki.example.com/a|b?x=1&y=2", "How > to")
        >>> sr.Template("{{runbook}}").render({"runbook": runbook}, escape=sr.Kind.MRKDWN)
        '<https://wiki.example.com/a%7Cb?x=1&amp;y=2|How &gt; to>'
    """

    url: str = attrs.field(validator=_is_url("https://", "http://", "mailto:"))
    label: str = ""

    def _plain(self) -> str:
        return f"{self.label} ({self.url.strip()})" if self.label.strip() else self.url.strip()

    def _tag(self) -> str:
        # What ends an address in a tag is percent-encoded; what is encoded already stays so.
        target = escaper(Kind.MRKDWN)(self.url.strip(), "<")
        return f"<{target}|{_label(self.label)}>" if self.label.strip() else f"<{target}>"

    def _bare(self) -> str:
        return self.url.strip()

    def _markdown(self) -> str:
        return _inline(self.label, self.url)

    def _parts(self) -> dict[str, str]:
        return {"url": self.url.strip(), "label": self.label}


class Pending(Markup):
    """Stands for a mention that only a run can tell, while a runbook is checked or planned. It is never sent."""

    __slots__ = ("_keys", "name")

    def __init__(self, name: str, keys: Iterable[str] | None = None) -> None:
        """Make what stands for a dotted name.

        Args:
            name: The name: ``steps.lead.mention``.
            keys: What can be read of it; ``None`` where it is not known what it is, and so anything may be.
        """
        self.name = name
        self._keys = None if keys is None else tuple(keys)

    def part(self, key: str) -> Placeholder | Pending | None:
        """Return what stands for a part of it, or ``None`` where it has none of that name. All of an open one is open.

        Args:
            key: The part: ``id``.
        """
        if self.is_open:
            return Pending(f"{self.name}.{key}")
        return Placeholder.named(f"{self.name}.{key}") if key in self.parts else None

    @property
    def is_open(self) -> bool:
        """Whether nobody knows what can be read of it."""
        return self._keys is None

    def shown(self, kind: Kind, before: str) -> tuple[str, bool]:
        """Return its placeholder, whatever the place."""
        del kind, before
        return self._plain(), True

    def _plain(self) -> str:
        return Placeholder.named(self.name)

    def _tag(self) -> str:
        return self._plain()

    def _parts(self) -> dict[str, str]:
        return {key: Placeholder.named(f"{self.name}.{key}") for key in self._keys or ()}

    def _markdown(self) -> str:
        return self._plain()


class Unknown(Pending):
    """Stands for a value of which nobody knows what it is, a list of mappings perhaps, until a run tells.

    It is printed as its placeholder, whatever is read of it is as unknown, and a section of it shows nothing: the names
    inside may be its own.
    """

    __slots__ = ()

    def __init__(self, name: str) -> None:
        """Make what stands for a dotted name.

        Args:
            name: The name: ``steps.tell.items``.
        """
        super().__init__(name)

    def __bool__(self) -> bool:
        return False

    def part(self, key: str) -> Unknown:
        """Return what stands for a part of it, whatever its name.

        Args:
            key: The part: ``channel``.
        """
        return Unknown(f"{self.name}.{key}")


def keys_of(kind: type[UserMention | GroupMention | ChannelMention]) -> tuple[str, ...]:
    """Return what templates can read of mentions of a class, without one at hand.

    Args:
        kind: The class.
    """
    return (*(field.name for field in attrs.fields(kind)), "plain")


_LEVELS = (
    ("critical", ":red_circle:", "#d93f47"),
    ("major", ":large_orange_circle:", "#d97706"),
    ("moderate", ":large_yellow_circle:", "#b08800"),
    ("minor", ":large_blue_circle:", "#1f6feb"),
    ("none", ":white_circle:", "#6e7781"),
)
# What the trackers and status pages of the field call them; a word that several use is ranked by the stricter one.
_WORDS = {
    1: "critical crit blocker emergency fatal disaster highest",
    2: "major high urgent error severe",
    3: "moderate medium normal warning average partial",
    4: "minor low degraded",
    5: "none info informational trivial cosmetic lowest maintenance",
}
_RANK_OF = {word: rank for rank, words in _WORDS.items() for word in words.split()}
_NUMBERED = re.compile(r"(?:sev|severity|s|p|prio|priority)?[\s_-]*([0-9])\b.*", re.IGNORECASE)


def severity(value: object) -> dict[str, str]:
    """Return what shows how bad it is, as data for templates: ``{{severity.emoji}} {{severity.label}}``.

    Args:
        value: What the incident says: ``SEV1`` to ``SEV5``, ``P0``, ``2``, ``critical``, ``major``, ``minor`` …

    Returns:
        ``label`` (as it was given), ``level`` (``critical``, ``major``, ``moderate``, ``minor``, ``none`` or, of
        what is none of these, ``unknown``), ``rank`` (``1`` to ``5``, or empty), ``emoji`` and ``color`` (``#rrggbb``).

    Examples:
        >>> from slackrunbooks import severity
        >>> severity("SEV1")["emoji"], severity("minor")["level"], severity("odd")["emoji"]
        (':red_circle:', 'minor', ':black_circle:')
    """
    label = str(value if value is not None else "").strip()
    numbered = _NUMBERED.fullmatch(label)
    rank = max(1, min(5, int(numbered[1]))) if numbered else _RANK_OF.get(label.lower(), 0)
    if not rank:
        return {"label": label, "level": "unknown", "rank": "", "emoji": ":black_circle:", "color": "#6e7781"}
    level, emoji, color = _LEVELS[rank - 1]
    return {"label": label, "level": level, "rank": str(rank), "emoji": emoji, "color": color}
