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
from urllib.parse import quote

import attrs

from .errors import RunbookError
from .text import Kind, escape, escaper

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ChannelMention", "Date", "GroupMention", "Link", "Markup", "UserMention", "severity"]


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
        """Markdown for it. Slack's pages name no Markdown for mentions and dates, so theirs is the readable text."""
        return self._markdown()

    @property
    def parts(self) -> dict[str, str]:
        """What templates read of it: ``{{lead.id}}``."""
        return {**self._parts(), "plain": self._plain()}

    def shown(self, kind: Kind) -> str | None:
        """Return the markup in a kind of text, or ``None`` where only the readable text can stand.

        Args:
            kind: The kind of text.
        """
        if kind is Kind.MRKDWN:
            return self._tag()
        return self._markdown() if kind is Kind.MARKDOWN else None

    def text(self, kind: Kind) -> str:
        """Return what stands where there is no markup: the ID where an ID is wanted, else the readable text.

        Args:
            kind: The kind of text.
        """
        return self.parts.get("id", self._plain()) if kind is Kind.ID else self._plain()

    def __str__(self) -> str:
        return self._plain()

    @abc.abstractmethod
    def _plain(self) -> str: ...

    @abc.abstractmethod
    def _tag(self) -> str: ...

    def _parts(self) -> dict[str, str]:
        return {}

    def _markdown(self) -> str:
        return escaper(Kind.MARKDOWN)(self._plain(), "")


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

    def _plain(self) -> str:
        return f"#{self.name or self.id}"

    def _tag(self) -> str:
        return f"<#{self.id}>"

    def _parts(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name}


# https://docs.slack.dev/messaging/formatting-message-text#date-formatting
_DATE_TOKENS = frozenset(
    {"date_num", "date", "date_short", "date_long", "date_pretty", "date_short_pretty", "date_long_pretty"}
    | {"time", "time_secs", "ago"}
)
_TOKEN = re.compile(r"\{([^{}]*)\}")


def _as_seconds(when: datetime | float) -> int:
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise RunbookError("needs a time zone: datetime(2026, 1, 5, 9, tzinfo=timezone.utc).", place="Date.when")
        return int(when.timestamp())
    if isinstance(when, bool) or not isinstance(when, (int, float)):
        raise RunbookError("must be a datetime with a time zone, or seconds since 1970.", place="Date.when")
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


@attrs.frozen
class Date(Markup):
    """A time that each reader sees in their own time zone.

    Source: https://docs.slack.dev/messaging/formatting-message-text#date-formatting

    Attributes:
        when: A datetime with a time zone, or seconds since 1970 (UTC).
        format: Text with Slack's tokens: ``{date_num}``, ``{date}``, ``{date_short}``, ``{date_long}``, their
            ``…_pretty`` forms (yesterday, today), ``{time}``, ``{time_secs}`` and ``{ago}``.
        fallback: What shows where Slack cannot format it, and in plain text; the time in UTC if left out.

    Examples:
        >>> import slackrunbooks as sr
        >>> start = sr.Date(1767603600, "{date_short_pretty} at {time}")
        >>> sr.Template("Since {{start}}").render({"start": start}, escape=sr.Kind.MRKDWN)
        'Since <!date^1767603600^{date_short_pretty} at {time}|2026-01-05 09:00 UTC>'
    """

    when: int = attrs.field(converter=_as_seconds)
    format: str = attrs.field(default="{date_short_pretty} at {time}", validator=_is_format)
    fallback: str = ""

    def _plain(self) -> str:
        return self.fallback or datetime.fromtimestamp(self.when, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")

    def _tag(self) -> str:
        return f"<!date^{self.when}^{self.format}|{_label(self._plain())}>"


def _label(text: str) -> str:
    """Make a text fit to stand behind the bar of a tag."""
    return escape(" ".join(text.split())) or " "


_SCHEMES = ("https://", "http://", "mailto:")


def _is_url(_instance: object, _field: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not value.strip().lower().startswith(_SCHEMES):
        raise RunbookError("must be text that begins with https://, http:// or mailto:.", place="Link.url")


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

    url: str = attrs.field(validator=_is_url)
    label: str = ""

    def _target(self) -> str:
        # What ends an address in a tag or in Markdown is percent-encoded; what is encoded already stays so.
        return quote(self.url.strip(), safe="%/:?#[]@!$&'*+,;=~-._")

    def _plain(self) -> str:
        return f"{self.label} ({self.url.strip()})" if self.label.strip() else self.url.strip()

    def _tag(self) -> str:
        target = escape(self._target())
        return f"<{target}|{_label(self.label)}>" if self.label.strip() else f"<{target}>"

    def _markdown(self) -> str:
        label = escaper(Kind.MARKDOWN)(" ".join(self.label.split()) or self.url.strip(), "")
        return f"[{label}]({self._target()})"

    def _parts(self) -> dict[str, str]:
        return {"url": self.url, "label": self.label}


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
