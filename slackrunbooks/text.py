"""Text as Slack reads it: kinds of fields, what each needs escaped, names, references, limits.

Rule of this file: text in, text out. Nothing here knows what a template is, and every fact about Slack has its page.

A value that comes from outside is *escaped for the field it goes into*, and for the place in that field: what is inert
in running text (``!channel``) is a ping after a ``<``. So an escape is given the value and what stands before it.

- https://docs.slack.dev/messaging/formatting-message-text/ has the control characters ``& < >``, the tokens
  ``<@U…>``, ``<#C…>``, ``<!subteam^S…>``, ``<!here>``, ``<!date^…>``, ``<https://…|label>``, and the rule by which a
  reader finds them again: whatever matches ``<(.*?)>``.
- https://docs.slack.dev/reference/block-kit/blocks/markdown-block/ has the Markdown that ``markdown_text`` and markdown
  blocks take: links and images as ``[label](url)``, and a backslash before a special character.
- https://github.com/PostHog/posthog/pull/95054 measured on a live workspace that markdown blocks read ``<…>`` tokens
  too, that an entity is decoded for display and not read again as a token, and that the destination of a Markdown link
  is not decoded at all.
"""

from __future__ import annotations

import enum
import hashlib
import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias
from urllib.parse import quote

import attrs

__all__ = [
    "LIMITS",
    "ChannelRef",
    "Escaper",
    "Fit",
    "GroupRef",
    "Kind",
    "Limit",
    "Placeholder",
    "Shortened",
    "UserRef",
    "apart",
    "channel_name",
    "channel_name_problem",
    "emoji_name",
    "escape",
    "escaper",
    "fit",
    "inert_alone",
    "inert_in_token",
    "open_code",
    "open_tail",
    "parse_channel",
    "parse_group",
    "parse_user",
    "split",
    "truncate",
    "unescape",
]


class Kind(enum.Enum):
    """What a field of Slack holds, and so how a value put into it is made inert."""

    MRKDWN = "mrkdwn"
    """Slack's own markup: message ``text``, ``mrkdwn`` text objects."""
    MARKDOWN = "markdown"
    """Standard Markdown: ``markdown_text``, markdown blocks."""
    CANVAS = "canvas"
    """The Markdown of canvases, which has mentions of its own: https://docs.slack.dev/surfaces/canvases."""
    PLAIN = "plain"
    """``plain_text`` objects: no markup, but Slack decodes the three entities."""
    TOPIC = "topic"
    """A topic or a description: one line, no markup, the three entities."""
    NAME = "name"
    """A channel's name. Values go in as they are; :func:`channel_name` puts the whole name right afterwards."""
    URL = "url"
    """A field that is one URL."""
    ID = "id"
    """An ID, a timestamp, an emoji's name: white space around the value is dropped."""
    RAW = "raw"
    """Anything that Slack does not read as markup. Values go in as they are."""


# A word joiner, which shows as nothing. The executor takes the pair out of every context, so no value can feign one.
_MARK = "\u2060"


class Placeholder(str):
    """Stands for a value that only Slack can tell, while a runbook is checked or planned."""

    __slots__ = ()

    @classmethod
    def named(cls, name: str) -> Placeholder:
        """Make the placeholder of a dotted name: ``‹steps.room.channel›``."""
        return cls(f"‹{_MARK}{name}›")

    @staticmethod
    def is_in(value: object) -> bool:
        """Tell whether a value is, or a text contains, a placeholder."""
        return isinstance(value, str) and f"‹{_MARK}" in value

    @staticmethod
    def plain(text: str) -> str:
        """Return a text without the marks, so that what it shows as a placeholder is text like any other."""
        return text.replace(f"‹{_MARK}", "‹")


Escaper: TypeAlias = Callable[[str, str], str]
"""Makes a value inert: takes the value and what stands before it in the same text."""


# --- escapes --------------------------------------------------------------------------------------------------------

_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ENTITY = re.compile("|".join(_ENTITIES))


def escape(text: str) -> str:
    """Make foreign text inert: ``&``, ``<`` and ``>`` become entities, and nothing else changes.

    Slack decodes exactly these three, so ``&quot;`` and its like would be shown as they are
    (https://docs.slack.dev/messaging/formatting-message-text/#escaping).

    Args:
        text: Any text.

    Returns:
        Text that shows as ``text`` and holds no mention, no channel reference and no labelled link.

    >>> escape('<!channel> "R&D" > all')
    '&lt;!channel&gt; "R&amp;D" &gt; all'
    """
    if "&" in text or "<" in text or ">" in text:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text


def unescape(text: str) -> str:
    """Undo :func:`escape`, in one pass: text that says ``&amp;lt;`` comes back as ``&lt;``.

    Args:
        text: Text as Slack keeps it.

    Returns:
        The text that a reader sees.

    >>> unescape("&lt;!channel&gt; &amp;lt;")
    '<!channel> &lt;'
    """
    return _ENTITY.sub(lambda entity: _ENTITIES[entity[0]], text)


def escaper(kind: Kind) -> Escaper:
    """Return the escape for values of one kind of field.

    Args:
        kind: What the field holds.

    Returns:
        A function of the value and of what has been written before it in the same text. For ``MRKDWN`` only
        :func:`open_tail` of that matters; ``MARKDOWN``, ``CANVAS`` and ``URL`` need all of it; the others look at none.
    """
    return _ESCAPERS[kind]


def inert_alone(kind: Kind) -> Callable[[str], str]:
    """Return the escape for values of one kind where nothing that stands before them matters.

    Args:
        kind: What the field holds.
    """
    if kind in {Kind.MRKDWN, Kind.PLAIN}:
        return escape  # the same as below, without two calls
    escaped = escaper(kind)
    return lambda value: escaped(value, "")


def open_tail(text: str) -> str:
    """Return the end of ``text`` from the first ``<`` that no ``>`` has closed, or ``""``.

    Args:
        text: What has been written so far.
    """
    start = text.find("<", text.rfind(">") + 1)
    return text[start:] if start >= 0 else ""


class _Position(enum.IntEnum):
    """Where in a token of Slack a value stands; a higher number means that less may pass."""

    LABEL = 0
    """``<https://x|…``: only what readers see."""
    LOOSE = 1
    """``< 5 and …``: a target with white space in it, which no link has."""
    TARGET = 2
    """``<https://x/…``: the rest of a link's target."""
    START = 3
    """``<…``: the start of a target."""
    SPECIAL = 4
    """``<!date^…``: an argument of a special token."""
    REFERENCE = 5
    """``<@…``, ``<#…``, ``<!subteam^…``: an ID."""
    COMMAND = 6
    """``<!…``: which special token it is."""


# White space, control and invisible characters, and what delimits a token. An invisible one is encoded too, because
# nothing says that Slack does not drop it before it looks at the first character of a token.
_BREAKS_TARGET = re.compile(
    '[\\s\x00-\x20\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff<>|"\\\\]'
)
_CHANGES_SPECIAL = re.compile("[\\^{}]")
# IDs are upper case (https://docs.slack.dev/messaging/formatting-message-text/#mentioning-users), so that ``<@`` with a
# name, which Slack once linked, stays dead: https://github.com/slackapi/node-slack-sdk/issues/712.
_NOT_IN_ID = re.compile("[^A-Z0-9]")


def _percent(found: re.Match[str]) -> str:
    """Percent-encode what a pattern found, as UTF-8."""
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace"))


def _target(value: str) -> str:
    # `&` becomes an entity here as everywhere in mrkdwn: Slack's page asks for it in the whole text, and Slack itself
    # writes URLs in `<…>` so. (Only the destination of a *Markdown* link is left undecoded; see `_escape_markdown`.)
    return _BREAKS_TARGET.sub(_percent, value).replace("&", "&amp;")


def _start(value: str) -> str:
    target = _target(value)
    return f"%{ord(target[0]):02X}{target[1:]}" if target.startswith(("@", "#", "!")) else target


def _special(value: str) -> str:
    return _CHANGES_SPECIAL.sub(_percent, _target(value))


def _reference(value: str) -> str:
    # Encoded, not dropped: "U1|x" without its "|" would be somebody else's ID, "U1%7Cx" is nobody's.
    return _NOT_IN_ID.sub(_percent, value.strip())


def _command(value: str) -> str:
    # A value may not choose between `<!here>` and `<!channel>`; an author who wants that writes a raw tag.
    return "".join(f"%{byte:02X}" for byte in value.encode("utf-8", "replace"))


def _loose(value: str) -> str:
    return escape(value).replace("|", "%7C")


_AT_POSITION: tuple[Callable[[str], str], ...] = (escape, _loose, _target, _start, _special, _reference, _command)
"""The escape for each position, in their order."""


def _position(tail: str) -> _Position:
    """Say where a value after ``tail`` would stand. ``tail`` begins with a ``<`` and has no ``>``.

    With several ``<`` nobody knows which of them Slack takes for the token's start, so the strictest answer counts.
    """
    last = tail.rfind("<")
    if not last:
        return _position_after(tail[1:])
    return max(_position_after(tail[1:]), _position_after(tail[last + 1 :]))


def _position_after(content: str) -> _Position:
    if not content:
        return _Position.START
    if "|" in content:
        return _Position.LABEL
    if content.startswith(("@", "#", "!subteam^")):
        return _Position.REFERENCE
    if content.startswith("!"):
        return _Position.SPECIAL if "^" in content else _Position.COMMAND
    # "URLs with spaces will break", says Slack's page: `a < b` is arithmetic, not a token.
    return _Position.LOOSE if re.search(r"\s", content) else _Position.TARGET


def inert_in_token(value: str, tail: str) -> str:
    """Escape a value of mrkdwn that stands after an unclosed ``<``.

    Args:
        value: The value.
        tail: What :func:`open_tail` gave for the text before it; not empty.
    """
    return _AT_POSITION[_position(tail)](value)


def _escape_mrkdwn(value: str, before: str) -> str:
    tail = open_tail(before)
    return inert_in_token(value, tail) if tail else escape(value)


# In running Markdown a backslash makes these literal. `*`, `_` and `~` only format, and stand in many a bare URL, which
# a backslash would break; so they stay as they are.
_MARKDOWN_SPECIAL = "\\`[]"
_BEFORE_SPECIAL = re.compile(r"[\\`\[\]]")
_ENTITY_START = re.compile(r"&(?=#?\w+;)")
_ENTITY_END = re.compile(r"(&#?\w+);")
_IN_DESTINATION = re.compile(
    r"(?:(?<!\\)\]\(\s*|^ {0,3}\[(?:[^\]\\\n]|\\.)*\]:[ \t]*)[^\s()]*\Z",  # [label](…  or  [label]: …
    re.MULTILINE,
)
_BREAKS_DESTINATION = re.compile(_BREAKS_TARGET.pattern[:-1] + "()]")
_CODE_MARK = re.compile(r"`+|^[ \t>]*~{3,}|\n[ \t]*\n", re.MULTILINE)
_LINKING = re.compile(r"\](?=[(\[:])")
_NO_BREAK = "\u2060"  # word joiner: shows as nothing, and keeps `]` and `(` apart
_BACKTICK_ALIKE = "\u02cb"
_TILDE_ALIKE = "\u223c"


def _escape_markdown(value: str, before: str) -> str:
    tail = open_tail(before)
    position = _position(tail) if tail else _Position.LABEL
    if position > _Position.LOOSE:
        return _AT_POSITION[position](value)
    if position is _Position.LOOSE:
        value = value.replace("|", "%7C")
    if _IN_DESTINATION.search(before):
        return _ENTITY_END.sub(r"\1%3B", _BREAKS_DESTINATION.sub(_percent, value))
    value = _ENTITY_START.sub("&amp;", value).replace("<", "&lt;").replace(">", "&gt;")
    fence = open_code(before)
    return _in_code(value, before, fence) if fence else _in_markdown(value, before)


def _in_markdown(value: str, before: str) -> str:
    """Put a backslash before what would begin a link, an image, a definition or code."""
    backslashes = len(before) - len(before.rstrip("\\"))
    # After the author's own backslash the first character is escaped already; a second backslash would undo that.
    done = 1 if backslashes % 2 and value[:1] in _MARKDOWN_SPECIAL else 0
    escaped = value[:done] + _BEFORE_SPECIAL.sub(r"\\\g<0>", value[done:])
    if before.endswith("]") and escaped.startswith(("(", ":")):
        escaped = f"\\{escaped}"
    return escaped


def _in_code(value: str, before: str, fence: str) -> str:
    """Keep a value inside the code that the author opened.

    A backslash is no escape there, so what could end the code is replaced by a character that looks the same. Should
    the code end all the same (a quote or a list that a line break leaves), nothing in the value links.
    """
    if fence.startswith("~"):
        value = value.replace("~", _TILDE_ALIKE)
    if len(fence) < 3:
        value = re.sub(r"\s*[\r\n]\s*", " ", value)
    value = _LINKING.sub("]" + _NO_BREAK, value.replace("`", _BACKTICK_ALIKE))
    return _NO_BREAK + value if before.endswith("]") and value.startswith(("(", "[", ":")) else value


def open_code(before: str) -> str:
    """Return the run of backticks or tildes that opened the code in which ``before`` ends, or ``""``."""
    fence = ""
    for mark in _CODE_MARK.finditer(before):
        run = mark[0].strip(" \t>")
        if not run.strip("\n\t "):
            fence = fence if len(fence) >= 3 else ""  # a blank line ends a paragraph, and code spans with it
        elif not fence:
            escaped = (mark.start() - len(before[: mark.start()].rstrip("\\"))) % 2
            fence = "" if escaped else run
        elif run[0] == fence[0] and (len(run) == len(fence) or len(run) > len(fence) >= 3):
            fence = ""
    return fence


def _escape_topic(value: str, _before: str) -> str:
    # A topic is one line, and is kept with entities: https://github.com/adsr/irslackd/issues/1.
    return escape(re.sub(r"\s+", " ", value))


_IN_URL = ":/?#[]@!$&'()*+,;=%~"


def _escape_url(value: str, before: str) -> str:
    """Take a value at the start for a URL, and any later one for a component of it (RFC 3986, sections 2.2 and 2.3)."""
    text = value.encode("utf-8", "replace").decode("utf-8")
    return quote(text, safe="") if before else quote(text.strip(), safe=_IN_URL)


_ESCAPERS: dict[Kind, Escaper] = {
    Kind.MRKDWN: _escape_mrkdwn,
    Kind.MARKDOWN: _escape_markdown,
    # A mention is written as an image there, and no value begins an image.
    Kind.CANVAS: _escape_markdown,
    Kind.PLAIN: lambda value, _before: escape(value),
    Kind.TOPIC: _escape_topic,
    Kind.NAME: lambda value, _before: value,
    Kind.URL: _escape_url,
    Kind.ID: lambda value, _before: value.strip(),
    Kind.RAW: lambda value, _before: value,
}


# --- where markup can stand ------------------------------------------------------------------------------------------


class Fit(enum.Enum):
    """How much of a mention, a date or a link can stand at a place."""

    MARKUP = "markup"
    """All of it."""
    TEXT = "text"
    """What people read: there is no markup here, or this is the label of a link, or code."""
    BARE = "bare"
    """The ID or the address: that is what belongs here."""


def fit(kind: Kind, before: str) -> Fit:
    """Tell how much of a mention, a date or a link can stand behind a text.

    Args:
        kind: What the field holds.
        before: What has been written before it; as for :func:`escaper`, :func:`open_tail` of it is enough for mrkdwn.
    """
    if kind in {Kind.ID, Kind.URL}:
        return Fit.BARE
    if kind not in {Kind.MRKDWN, Kind.MARKDOWN, Kind.CANVAS}:
        return Fit.TEXT
    tail = open_tail(before)
    if tail and _position(tail) > _Position.LOOSE:
        return Fit.BARE
    if kind is Kind.MRKDWN:
        return Fit.TEXT if tail else Fit.MARKUP
    if _IN_DESTINATION.search(before):
        return Fit.BARE
    return Fit.TEXT if open_code(before) else Fit.MARKUP


def apart(markup: str, before: str) -> str:
    """Keep Markdown apart from a sign before it that would make it something else: an image of a link, or literal text.

    Args:
        markup: A link or a mention, as Markdown.
        before: What has been written before it.
    """
    backslashes = len(before) - len(before.rstrip("\\"))
    joins = before.endswith("!") or backslashes % 2
    return _NO_BREAK + markup if joins and markup.startswith(("[", "!")) else markup


# --- channel names --------------------------------------------------------------------------------------------------

_NAME_LENGTH = 80
_NAME = re.compile(r"[a-z0-9_-]{1,80}")
_NAME_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "-_")
_HASH_LENGTH = 6


def channel_name(text: str) -> str:
    """Turn any text into a name that ``conversations.create`` takes.

    Slack: https://docs.slack.dev/reference/methods/conversations.create (lower-case letters, digits, hyphens and
    underscores; at most 80 characters; names are checked, never rewritten).

    Other scripts are transliterated, upper case becomes lower case, and everything else becomes a hyphen. A name that
    is too long is cut, and ends in six digits of a hash of the whole text, so that two long names that differ only
    past the cut stay two names. A valid name comes back as it is.

    Args:
        text: The name as somebody asked for it, with or without ``#``.

    Returns:
        A valid name, or ``""`` when nothing is left.

    >>> channel_name("INC-42: Ausfall in Zürich")
    'inc-42-ausfall-in-zurich'
    """
    if _NAME.fullmatch(text) and text.strip("-_"):
        return text
    if not text.isascii():
        from anyascii import anyascii

        transliterated = anyascii(text)
    else:
        transliterated = text
    name = re.sub(r"[^a-z0-9_]+", "-", transliterated.lower())
    name = re.sub(r"([-_])\1+", r"\1", name).strip("-_")
    if len(name) <= _NAME_LENGTH:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_HASH_LENGTH]
    return f"{name[: _NAME_LENGTH - _HASH_LENGTH - 1].rstrip('-_')}-{digest}"


def channel_name_problem(name: str) -> str | None:
    """Say which rule of Slack a literal channel name breaks.

    Slack's page names ASCII only, yet workspaces have names such as ``störungen``; whether one is taken only Slack can
    say, so other letters than ASCII pass here unless they are upper case.

    Args:
        name: The name, without ``#``.

    Returns:
        What is wrong, and the name to use instead; ``None`` for a valid name.

    >>> channel_name_problem("INC 42")
    "channel names have no upper-case letters; use 'inc-42'"
    """
    problem = _name_rule(name)
    if problem is None:
        return None
    instead = channel_name(name)
    return f"{problem}; use {instead!r}" if instead else problem


def _name_rule(name: str) -> str | None:
    if not name:
        return "the channel name is empty"
    if name != name.lower():
        return "channel names have no upper-case letters"
    refused = sorted({character for character in name if character.isascii() and character not in _NAME_CHARACTERS})
    if refused:
        shown = " ".join("a space" if character == " " else character for character in refused)
        shown = shown if shown.isprintable() else "control characters"
        return f"channel names have only lower-case letters, digits, '-' and '_' (not {shown})"
    if not name.strip("-_"):
        return "a channel name needs a letter or a digit"
    if len(name) > _NAME_LENGTH:
        return f"channel names have at most {_NAME_LENGTH} characters (this one has {len(name)})"
    return None


# --- references -----------------------------------------------------------------------------------------------------

# https://docs.slack.dev/apis/web-api/using-the-conversations-api/ has the prefixes C, G and D; U and W are people
# (https://docs.slack.dev/reference/methods/chat.update). No digit and shorter than nine: a word, not an ID.
_ID_REST = r"(?=[A-Z0-9]*[0-9]|[A-Z]{8})[A-Z0-9]+"
_CHANNEL_ID = re.compile(f"[CGD]{_ID_REST}")
_USER_ID = re.compile(f"[UW]{_ID_REST}")
_CHANNEL_TOKEN = re.compile(r"<#([CGD][A-Z0-9]+)(?:\|[^>]*)?>")
_USER_TOKEN = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_CHANNEL_URL = re.compile(
    r"<?https?://[\w.-]+\.slack(?:-gov)?\.com/(?:archives|client/[TE][A-Z0-9]+)/([CGD][A-Z0-9]+)(?:[/?#|][^>]*)?>?"
)
_EMAIL = re.compile(r"[^\s@<>|,;:]+@[^\s@<>|,;:]+")
_MAILTO = re.compile(r"<mailto:([^|>]+)(?:\|[^>]*)?>")


@attrs.frozen
class ChannelRef:
    """A conversation as somebody named it.

    Attributes:
        kind: ``"id"`` for a conversation's ID, ``"name"`` for a channel's name, ``"user"`` for a person's ID (which
            Slack takes as the direct message with that person).
        value: The ID, or the name without ``#``.
    """

    kind: Literal["id", "name", "user"]
    value: str


@attrs.frozen
class UserRef:
    """A person as somebody named them.

    Attributes:
        kind: ``"id"`` or ``"email"``.
        value: The ID or the address.
    """

    kind: Literal["id", "email"]
    value: str


@attrs.frozen
class GroupRef:
    """A user group as somebody named it.

    Attributes:
        kind: ``"id"`` or ``"handle"``.
        value: The ID, or the handle without ``@``.
    """

    kind: Literal["id", "handle"]
    value: str


def parse_channel(text: str) -> ChannelRef:
    """Read a reference to a conversation.

    Args:
        text: ``C0123ABCD`` (also ``G…``, ``D…``), ``#name`` or ``name``, ``<#C0123ABCD|name>``, a link such as
            ``https://acme.slack.com/archives/C0123ABCD``, or a person's ``U…``, ``W…`` or ``<@U…>``.

    Raises:
        ValueError: It is none of these; the message says what to write.

    >>> parse_channel("#incidents")
    ChannelRef(kind='name', value='incidents')
    """
    stripped = text.strip()
    for pattern in (_CHANNEL_TOKEN, _CHANNEL_URL):
        found = pattern.fullmatch(stripped)
        if found:
            return ChannelRef("id", found[1])
    person = _USER_TOKEN.fullmatch(stripped)
    if person:
        return ChannelRef("user", person[1])
    name = stripped.removeprefix("#")
    if _CHANNEL_ID.fullmatch(name):
        return ChannelRef("id", name)
    if _USER_ID.fullmatch(name):
        return ChannelRef("user", name)
    hint = "give a channel's ID (C0123ABCD), its name (#incidents) or its link"
    if "@" in name:
        raise ValueError(f"{stripped!r} is no channel: {hint}, or a person's ID (U0123ABCD) for a direct message.")
    if "://" in name:
        raise ValueError(f"{stripped!r} is no link to a Slack channel: {hint}.")
    problem = channel_name_problem(name)
    if problem:
        raise ValueError(f"{stripped!r} is no channel: {problem}; or {hint}.")
    return ChannelRef("name", name)


def parse_user(text: str) -> UserRef:
    """Read a reference to a person.

    Args:
        text: ``U0123ABCD`` or ``W…``, ``<@U0123ABCD>``, an e-mail address, or ``<mailto:a@b.example|a@b.example>``.

    Raises:
        ValueError: It is none of these; the message says what to write.

    >>> parse_user("<@U0123ABCD|ana>")
    UserRef(kind='id', value='U0123ABCD')
    """
    stripped = text.strip()
    token = _USER_TOKEN.fullmatch(stripped)
    if token:
        return UserRef("id", token[1])
    if _USER_ID.fullmatch(stripped):
        return UserRef("id", stripped)
    mailto = _MAILTO.fullmatch(stripped)
    address = mailto[1] if mailto else stripped.removeprefix("mailto:")
    if _EMAIL.fullmatch(address):
        return UserRef("email", address)
    hint = "give a person's ID (U0123ABCD) or e-mail address"
    if stripped.startswith("@"):
        raise ValueError(f"{stripped!r} is a name, and names do not identify people in Slack: {hint}.")
    if parse_group(stripped) is not None:
        raise ValueError(f"{stripped!r} is a user group, and this needs people: {hint}.")
    raise ValueError(f"{stripped!r} is no person: {hint}.")


_GROUP_ID = re.compile(f"S{_ID_REST}")
_GROUP_TOKEN = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|[^>]*)?>")
_GROUP_HANDLE = re.compile(r"@([^\s@<>,|]+)")


def parse_group(text: str) -> GroupRef | None:
    """Read a reference to a user group.

    Args:
        text: ``S0123ABCD``, ``<!subteam^S0123ABCD>`` or the handle ``@sre-on-call``.

    Returns:
        The reference, or ``None`` for what is none.

    >>> parse_group("@sre-on-call")
    GroupRef(kind='handle', value='sre-on-call')
    >>> parse_group("ann@example.com") is None
    True
    """
    stripped = text.strip()
    token = _GROUP_TOKEN.fullmatch(stripped)
    if token:
        return GroupRef("id", token[1])
    if _GROUP_ID.fullmatch(stripped):
        return GroupRef("id", stripped)
    handle = _GROUP_HANDLE.fullmatch(stripped)
    return GroupRef("handle", handle[1].lower()) if handle else None


# A custom emoji may have letters of any script; only what no name can have is told apart here.
_EMOJI = re.compile(r"[^\s:]+(?:::skin-tone-[2-6])?")


def emoji_name(text: str) -> str:
    """Read the name of an emoji, with or without colons.

    Source: https://docs.slack.dev/reference/methods/reactions.add, which tells how a skin tone is given.

    Args:
        text: ``eyes``, ``:eyes:`` or ``:thumbsup::skin-tone-3:``.

    Raises:
        ValueError: It is none of these; the message says what to write.

    >>> emoji_name(":thumbsup::skin-tone-3:")
    'thumbsup::skin-tone-3'
    """
    stripped = text.strip()
    name = stripped.removeprefix(":").removesuffix(":")
    hint = "give the name that Slack shows for it, such as eyes or white_check_mark"
    if not _EMOJI.fullmatch(name):
        raise ValueError(f"{stripped!r} is no name of an emoji: {hint}.")
    if not any(character.isalnum() for character in name):
        raise ValueError(f"{stripped!r} is the emoji itself, and Slack takes names only: {hint}.")
    return name


# --- long texts -----------------------------------------------------------------------------------------------------


@attrs.frozen
class Shortened:
    """A text that fits.

    Attributes:
        text: What is left, with a note of how much is gone.
        cut: How many characters are gone; 0 where the text fitted.
    """

    text: str = attrs.field(repr=False)
    cut: int


@attrs.frozen
class _Code:
    """Code in a text: where it stands, where its content does, and what closes it before a cut and opens it behind."""

    start: int
    inner: int
    inner_end: int
    end: int
    opening: str
    closing: str


# In mrkdwn three backticks open a block anywhere; what has no end is no code.
_MRKDWN_CODE = re.compile(r"```(?P<block>.+?)```|`(?P<inline>[^`\n]+)`", re.DOTALL)
# https://spec.commonmark.org/0.31.2/#fenced-code-blocks and #code-spans; a fence without an end goes on to the end.
_MARKDOWN_CODE = re.compile(
    r"""
    \\.
    | (?P<line>^(?P<lead>[ \t>]*)(?P<fence>`{3,}|~{3,})[^\n`]{0,80}\n)
      (?P<block>.*?)
      (?:(?:^|\n)[ \t>]*(?P=fence)[`~]*[ \t]*$|\Z)
    | (?P<run>`+)(?P<inline>(?:(?!\n[ \t]*\n).)+?)(?<!`)(?P=run)(?!`)
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_MARKDOWN_WHOLE = re.compile(r"!?\[(?:[^\[\]\\\n]|\\.|\[[^\[\]\n]*\])*\]\([^)\n]*\)")
_WHOLE = {
    Kind.MRKDWN: re.compile("&(?:amp|lt|gt);"),
    Kind.MARKDOWN: re.compile(r"&#?\w+;|\\."),
    Kind.PLAIN: re.compile("&(?:amp|lt|gt);"),
}
_JOINER = "\u200d"
_LEAST = 100
_GAP = re.compile(r"\s*\n|\s+")


def truncate(text: str, limit: int, kind: Kind) -> Shortened:
    """Cut a text that is too long where a reader would, and say at its end how much is gone.

    It is cut between paragraphs, else lines, else words, else characters as people see them; never within an entity, a
    ``<…>`` token, a Markdown link or an inline code. Code that is cut is closed.

    Args:
        text: The text, as it would be sent.
        limit: The most characters it may have; at least 100.
        kind: ``MRKDWN``, ``MARKDOWN`` or ``PLAIN``.

    Returns:
        The text and how many of its characters are gone. What is left mentions and links nothing that the whole does
        not.

    >>> truncate("one two " * 20, 100, Kind.MRKDWN).text[-40:]
    'ne two one two one … (85 characters cut)'
    """
    if len(text) <= limit:
        return Shortened(text, 0)
    cutter = _Cutter(text, limit - len(_note(6 * len(text))) - 1, kind)
    kept, code, _ = cutter.take(0)
    cut = len(cutter.text) - len(kept)
    if code is not None:
        kept += code.closing
    gap = "\n" if code is not None and code.closing.startswith("\n") else " " if kept else ""
    return Shortened(f"{kept}{gap}{_note(cut)}", cut)


def _note(cut: int) -> str:
    # The blank before it keeps it out of a link that ends the text.
    return f"… ({cut:,} characters cut)"


def split(text: str, limit: int, kind: Kind) -> tuple[str, ...]:
    """Make several texts of one that is too long, cut as :func:`truncate` cuts.

    Args:
        text: The text, as it would be sent.
        limit: The most characters that each may have; at least 100.
        kind: ``MRKDWN``, ``MARKDOWN`` or ``PLAIN``.

    Returns:
        The texts, in order: one if it fits. Only white space at the cuts is dropped; code that is cut is closed and
        opened again. Together they mention what the whole mentions, and nothing else.

    >>> [len(part) for part in split("one two " * 20, 100, Kind.MRKDWN)]
    [99, 60]
    """
    if len(text) <= limit:
        return (text,)
    cutter = _Cutter(text, limit, kind)
    parts: list[str] = []
    start = 0
    code: _Code | None = None
    while start < len(cutter.text):
        opening = code.opening if code is not None else ""
        kept, code, start = cutter.take(start, len(opening))
        if kept.strip():
            parts.append(opening + kept + (code.closing if code is not None else ""))
        if code is not None and start >= code.end:
            code = None
    return tuple(parts) or (text[:limit],)


class _Cutter:
    """Finds where a text may be cut.

    Args:
        text: The text.
        limit: The most characters of a part, what closes code in it included.
        kind: What the text is.
    """

    def __init__(self, text: str, limit: int, kind: Kind) -> None:
        if limit < _LEAST // 2:
            raise ValueError(f"a text of less than {_LEAST} characters has no room for a note")
        if kind not in _WHOLE:
            raise ValueError(f"a {kind.value} is not cut")
        longest = limit // 2
        # A "<" whose ">" is that far away begins no token; as an entity it can begin none in a part either.
        if kind is not Kind.PLAIN:
            for start, end in reversed(list(_tokens(text))):
                if end - start > longest:
                    text = text[:start] + _inert(text[start:end]) + text[end:]
        self.text = text
        self.codes = list(_codes(text, kind))
        self.limit = limit - max((len(code.closing) for code in self.codes), default=0)
        self.held = self._held(kind, longest)

    def _held(self, kind: Kind, longest: int) -> bytearray:
        """Tell for each place whether a cut there would break something (2), or only be ugly (1)."""
        held = bytearray(len(self.text) + 1)

        def hold(start: int, end: int, weight: int) -> None:
            for place in range(start + 1, end):
                held[place] = max(held[place], weight)

        for whole in _WHOLE[kind].finditer(self.text):
            hold(*whole.span(), 2)
        for start, end in _tokens(self.text) if kind is not Kind.PLAIN else ():
            hold(start, end, 2)
        for place in _within_characters(self.text):
            held[place] = 2
        for link in _MARKDOWN_WHOLE.finditer(self.text) if kind is Kind.MARKDOWN else ():
            hold(*link.span(), 2 if len(link[0]) <= longest else 1)
        for code in self.codes:
            hold(code.start, code.inner + 1, 2)
            hold(code.inner_end - 1, code.end, 2)
            if not code.closing.startswith("\n"):
                hold(code.start, code.end, 1)
                for tick in re.finditer("`+", self.text[code.inner : code.inner_end]):
                    hold(code.inner + tick.start() - 1, code.inner + tick.end() + 1, 2)
        return held

    def take(self, start: int, taken: int = 0) -> tuple[str, _Code | None, int]:
        """Take as much as fits.

        Args:
            start: From where.
            taken: How many characters of the part are taken already.

        Returns:
            What fits, the code that it ends in, and where the next part begins.
        """
        most = start + self.limit - taken
        if most >= len(self.text):
            return self.text[start:], None, len(self.text)
        end = self._end(start, most)
        code = next((code for code in self.codes if code.inner < end < code.inner_end), None)
        kept = self.text[start:end].rstrip()
        gap = _GAP.match(self.text, end)
        following = gap.end() if gap else end
        if code is not None:
            # Blanks in code mean something; the line break is made anew by what closes it.
            block = code.closing.startswith("\n")
            following = end + 1 if block and self.text[end] == "\n" else end
            kept = self.text[start:end]
            if not self.text[following : code.inner_end].strip():
                gap = _GAP.match(self.text, code.end)
                following = gap.end() if gap else code.end
        return kept, code, following

    def _end(self, start: int, most: int) -> int:
        least = start + (most - start) // 2
        for between in ("\n\n", "\n", " "):
            end = self.text.rfind(between, least, most + 1)
            while end > least and self.held[end]:
                end = self.text.rfind(between, least, end)
            if end > least:
                return end
        for allowed in (0, 1):
            for end in range(most, start, -1):
                if self.held[end] <= allowed:
                    return end
        return most


def _tokens(text: str) -> Iterator[tuple[int, int]]:
    """Find what stands between a "<" and the next ">"; only a label, behind a "|", has line breaks in it."""
    # No pattern: where the ">" are missing, it would look for each "<" as far as the text goes.
    start = text.find("<")
    while start >= 0 and (end := text.find(">", start)) >= 0:
        line = text.find("\n", start, end)
        label = text.find("|", start, line)
        if line < 0 or (label >= 0 and text.find("<", label, end) < 0):
            yield start, end + 1
            start = end
        start = text.find("<", start + 1)


def _inert(token: str) -> str:
    return token.replace("<", "&lt;").replace(">", "&gt;")


def _codes(text: str, kind: Kind) -> Iterator[_Code]:
    """Find the code in a text."""
    if kind is Kind.PLAIN:
        return
    for found in (_MRKDWN_CODE if kind is Kind.MRKDWN else _MARKDOWN_CODE).finditer(text):
        if found["block"] is not None:
            inner = found.span("block")
            if kind is Kind.MRKDWN:
                opening, closing = "```\n", "\n```"
            else:
                opening, closing = found["line"], f"\n{found['lead']}{found['fence']}"
        elif found["inline"] is not None:
            inner = found.span("inline")
            opening = closing = "`" if kind is Kind.MRKDWN else found["run"]
        else:
            continue
        if len(opening) + len(closing) <= _LEAST // 2:
            yield _Code(found.start(), *inner, found.end(), opening, closing)


def _within_characters(text: str) -> Iterator[int]:
    """Find the places that are inside what a reader sees as one character.

    It knows marks, joined and coloured emoji, flags, Hangul and Windows' line ends: what Unicode's rules
    (https://www.unicode.org/reports/tr29/) come to in messages.
    """
    for found in re.finditer("\r\n", text):
        yield found.start() + 1
    if text.isascii():
        return
    flags = 0
    for place, character in enumerate(text):
        flag = "\U0001f1e6" <= character <= "\U0001f1ff"
        if flag and flags % 2:
            yield place
        flags = flags + 1 if flag else 0
        if character.isascii() or not place:
            continue
        before = text[place - 1]
        if (
            unicodedata.category(character) in {"Mn", "Me", "Mc"}
            or character == _JOINER
            or (before == _JOINER and not character.isspace())
            or "\U0001f3fb" <= character <= "\U0001f3ff"
            or "\U000e0020" <= character <= "\U000e007f"
            or "\u1160" <= character <= "\u11ff"
            or "\udc00" <= character <= "\udfff"
        ):
            yield place


# --- limits ---------------------------------------------------------------------------------------------------------


@attrs.frozen
class Limit:
    """The most that a field takes.

    Attributes:
        most: The largest length or number.
        unit: What is counted: ``characters`` or ``items``.
        source: The page that says so.
        note: What happens past it, or why it is lower than documented; may be empty.
    """

    most: int
    unit: Literal["characters", "items"]
    source: str
    note: str = ""


_DOCS = "https://docs.slack.dev/reference"
_BLOCKS = f"{_DOCS}/block-kit/blocks"
_POST = f"{_DOCS}/methods/chat.postMessage"

LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "channel_name": Limit(80, "characters", f"{_DOCS}/methods/conversations.create"),
        "topic": Limit(250, "characters", f"{_DOCS}/methods/conversations.setTopic", "too_long beyond that"),
        "description": Limit(250, "characters", f"{_DOCS}/methods/conversations.setPurpose", "too_long beyond that"),
        # Slack takes up to 40,000, but splits: 4,040 characters made one message and 4,041 made two, and the answer
        # names only one of them. https://github.com/slackapi/bolt-python/issues/764 has the same symptom.
        "text": Limit(4000, "characters", f"{_POST}#truncating", "a longer text becomes several messages"),
        "text_truncated": Limit(40000, "characters", f"{_POST}#truncating", "cut there, with a mere warning"),
        "text_updated": Limit(4000, "characters", f"{_DOCS}/methods/chat.update", "msg_too_long beyond that"),
        "markdown_text": Limit(12000, "characters", _POST),
        "blocks": Limit(50, "items", _BLOCKS, "per message"),
        "blocks_text": Limit(
            12000,
            "characters",
            "https://github.com/slackapi/bolt-js/issues/2509",
            "over all blocks of a message; said by Slack's staff, refused as msg_blocks_too_long from about 13,200",
        ),
        "markdown_block": Limit(12000, "characters", f"{_BLOCKS}/markdown-block", "over all markdown blocks"),
        "section_text": Limit(3000, "characters", f"{_BLOCKS}/section-block"),
        "section_fields": Limit(10, "items", f"{_BLOCKS}/section-block"),
        "section_field": Limit(2000, "characters", f"{_BLOCKS}/section-block"),
        "header_text": Limit(150, "characters", f"{_BLOCKS}/header-block"),
        "context_elements": Limit(10, "items", f"{_BLOCKS}/context-block"),
        "actions_elements": Limit(25, "items", f"{_BLOCKS}/actions-block"),
        "button_text": Limit(75, "characters", f"{_DOCS}/block-kit/block-elements/button-element"),
        "button_value": Limit(2000, "characters", f"{_DOCS}/block-kit/block-elements/button-element"),
        "button_url": Limit(3000, "characters", f"{_DOCS}/block-kit/block-elements/button-element"),
        "action_id": Limit(255, "characters", f"{_DOCS}/block-kit/block-elements/button-element"),
        "block_id": Limit(255, "characters", _BLOCKS),
        "image_url": Limit(3000, "characters", f"{_BLOCKS}/image-block"),
        "image_alt_text": Limit(2000, "characters", f"{_BLOCKS}/image-block"),
        "image_title": Limit(2000, "characters", f"{_BLOCKS}/image-block"),
        "bookmark_title": Limit(256, "characters", f"{_DOCS}/methods/bookmarks.add"),
        "bookmark_link": Limit(2048, "characters", f"{_DOCS}/methods/bookmarks.add"),
        "attachments": Limit(100, "items", _POST, "too_many_attachments beyond that"),
    }
)
"""The most that Slack's fields take, by field."""
