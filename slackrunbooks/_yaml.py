r"""Runbook YAML: read with the place of every value and with YAML's traps explained; written so that it reads back.

Rule of this file: it knows YAML and nothing of runbooks, but for one fact of Slack: a ``ts`` is text. What it reads
becomes plain data; no tag, no class and no file is ever looked up. Whatever it refuses is one :class:`RunbookError`
that names line and column and ends with the line to write.

PyYAML scans, parses and composes; what it would take silently, or refuse without a reason that helps, is met first, in
the method of its scanner where it would happen. Plain scalars mean what the core schema of YAML 1.2 says
(https://yaml.org/spec/1.2.2/#103-core-schema), which PyYAML does not implement, with two exceptions for the good of
identifiers: a number with a leading zero (``007``) or a plus sign (``+1``, an emoji of Slack) stays text. So:

- ``yes``, ``no``, ``on``, ``off``, dates (``2024-05-01``), times (``12:30``) and ``1_000`` are text;
- ``true``, ``false`` and ``null`` in lower case, capitals or with one capital, and ``~`` or nothing, are what they say;
- ``10``, ``-1``, ``0x1F``, ``0o17``, ``1.5``, ``1e3``, ``.inf`` and ``.nan`` are numbers.

Stricter than YAML, because in a runbook it is always a slip: tags, several documents, keys that are not text, keys that
stand twice, a ``#`` that touches the next word after a value, a list item that continues a text, and an emoji as a key.
Laxer in one case: ``text: Fixed :tada:`` is text, though YAML refuses a plain value with a colon at its end.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import attrs
from yaml.composer import Composer
from yaml.error import MarkedYAMLError
from yaml.events import AliasEvent, StreamEndEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner
from yaml.tokens import (
    BlockEntryToken,
    BlockMappingStartToken,
    BlockSequenceStartToken,
    FlowEntryToken,
    KeyToken,
    ScalarToken,
    StreamEndToken,
    ValueToken,
)

from .errors import RunbookError

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["Document", "decode", "dump", "read"]

Path: TypeAlias = Sequence["str | int"]

# Far above any runbook: the largest Slack payload nests fewer than 20 deep, and 100 steps hold a few thousand values.
DEEPEST = 64
MOST_VALUES = 50_000

# What YAML does not take as it is (https://yaml.org/spec/1.2.2/#51-character-set), and four invisible characters that
# it takes but that editors and PyYAML disagree about: next line, line and paragraph separator, byte order mark.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_CONSTANTS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_BASES = {"0x": 16, "0o": 8}
# By default Python converts no longer decimal integers:
# https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
_MOST_DIGITS = 4000

# A message's ts: ten digits of seconds, six that tell messages of one second apart (https://docs.slack.dev/messaging/).
_TS = re.compile(r"[0-9]{10}\.[0-9]{6}")

# A line of a plain scalar, without the blanks around it; in [] and {} it also ends at their marks.
_BLOCK_LINE = re.compile(r"(?!#)(?:[^ \t\n\0:]|:(?![ \t\n\0]))+(?:[ \t]+(?!#)(?:[^ \t\n\0:]|:(?![ \t\n\0]))+)*")
_FLOW_LINE = re.compile(
    r"(?!#)(?:[^ \t\n\0:,\[\]{}]|:(?![ \t\n\0,\[\]{}]))+(?:[ \t]+(?!#)(?:[^ \t\n\0:,\[\]{}]|:(?![ \t\n\0,\[\]{}]))+)*"
)
# A line that cannot be a key may hold an emoji of Slack, colons and all.
_VALUE_LINE = re.compile(
    r"(?!#)(?:(?<!\w):[\w+'-]+:(?=[ \t\n\0])|[^ \t\n\0:]|:(?![ \t\n\0]))+"
    r"(?:[ \t]+(?!#)(?:(?<!\w):[\w+'-]+:(?=[ \t\n\0])|[^ \t\n\0:]|:(?![ \t\n\0]))+)*"
)
_EMOJI_KEY = re.compile(r":[\w+'-]+")
_BLOCK_FIRST = re.compile(r"[^-?:,\[\]{}#&*!|>'\"%@` \t\n\0]|[-?:](?![ \t\n\0])")
_FLOW_FIRST = re.compile(r"[^-?:,\[\]{}#&*!|>'\"%@` \t\n\0]|[-?:](?![ \t\n\0,\[\]{}])")
_LINE_BREAKS = re.compile(r"[ \t]*(?:\n[ \t]*(?=\n))*\n *")
_ITEM = re.compile(r"-[ \n]")
_MARKER = re.compile(r"(?:---|\.\.\.)(?![^ \t\n\0])")
_BLANKS = re.compile(r"[ \t]*")
_REST = re.compile(r"[^\n\0]*")
_SIMPLE_QUOTED = re.compile(r"\"([^\"\\\n\0]*)\"|'([^'\n\0]*)'(?!')")

_ANCHOR = re.compile(r"&([A-Za-z0-9_-]+)(?=[ \t\n\0])")
_ALIAS = re.compile(r"\*([A-Za-z0-9_-]+)(?=[ \t]*(?:[\n\0]|[ \t]#|[ \t]:[ \t\n\0]))")
_ALIAS_IN_FLOW = re.compile(r"\*([A-Za-z0-9_-]+)(?=[ \t]*(?:[\n\0,\]}]|[ \t]#|[ \t]:[ \t\n\0]))")
_BLOCK_SCALAR = re.compile(r"[|>](?:[-+]?[1-9]?|[1-9][-+])(?: +#(?![\w{<])[^\n\0]*| *)(?=[\n\0])")
_VERSION = re.compile(r"%YAML 1\.[0-9][ \t]*(?=[\n\0])")
_TAG = re.compile(r"![^ \t\n\0,\[\]{}]*")

_AS_BLOCK = "and the whole text on the lines below it, without quotes"
# "#" and the next word touch: a channel, not a comment.
_A_COMMENT = 'YAML reads "{}" as a comment (write a comment with a space after its "#")'
_NAME_AFTER_HASH = re.compile(r"#[\w{<]")
_ONLY_A_NAME = re.compile(r"#[\w-]+,?[ \t]*(?=[\n\0])")
_COMMENT = re.compile(r"[ \t]+#(?=[ \t]|$).*$|[ \t]+$")
_GLUED_KEY = re.compile(r"([A-Za-z_][\w.-]*):(?!//)([^ \t\n\0]?)")
_FIRST_KEY = re.compile(r"((?:\{\{[^{}]*\}\}|(?!\{\{[^{}]*\}\})[^:]|:(?! |$))+):( .*)?$")
_FLOW_PIECE = re.compile(
    r"""(?P<kept>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[ \t]+(?:\#(?=[ \t]|$).*$)?)
    |(?P<item>(?:\{\{\{.*?\}\}\}|\{\{.*?\}\}|[^\[\]{},: \t]|:(?![ \t]|$)|[ \t]+(?!\#(?:[ \t]|$))(?=[^\[\],}: \t]))+)""",
    re.VERBOSE,
)
_NEEDS_QUOTES = re.compile(r"\{\{|(?:^|[ \t])#|^[@`*&!%|>]|^[?:-](?:[ \t]|$)")
_SLACK_TOKEN = re.compile(r"\b(xox[a-z]|xapp)[-.][\w.-]+")
_LONGEST_SHOWN = 120
# Patterns that mend a line look at no more of it than this, so that no line is long enough to keep them busy.
_LONGEST_MENDED = 1000

_PLAIN_TEXT = re.compile(r"[^\W\d_](?:[\w./()+=!?'-]|,? (?=[\w.(])|,(?=\w))*")
_WORDS_ELSEWHERE = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"})
_LONGEST_SIMPLE_KEY = 1000
_PLAIN_KEY = re.compile(r"[\w.-]+")


@attrs.frozen
class Document:
    """What a YAML text holds, with the place of everything in it.

    Attributes:
        data: Plain data: dictionaries with text keys in the order written, lists, text, numbers, booleans and ``None``.
            Flags written as ``yes`` or ``off`` are text.
        file: The file it came from, for messages.
    """

    data: Any = attrs.field(repr=False)
    file: str | None = None
    _spots: Mapping[tuple[str | int, ...], _Spot] = attrs.field(factory=dict, repr=False, eq=False)

    def position(self, path: Path, *, key: bool = False) -> tuple[int, int] | None:
        """Return line and column, both from 1, of a value.

        Args:
            path: The keys and list indices (from 0) that lead to it. What came by an alias is where the anchor is.
            key: Ask for the key instead. It is also the answer where nothing is written after the key.

        Returns:
            ``None`` where the document has no such value.
        """
        spot = self._spots.get(tuple(path))
        if spot is None:
            return None
        return spot.key if spot.key and (key or spot.missing) else spot.value

    def error(self, path: Path, reason: str, *, key: bool = False) -> RunbookError:
        """Make the error that says what is wrong with a value.

        Args:
            path: As for :meth:`position`. Where it leads nowhere, the error stands at the nearest value around it.
            reason: What is wrong and what to write instead.
            key: The key is wrong, rather than its value.
        """
        at = len(path)
        while at and tuple(path[:at]) not in self._spots:
            at -= 1
        line, column = self.position(path[:at], key=key or at < len(path)) or (None, None)
        return RunbookError(reason, place=_place(path), file=self.file, line=line, column=column)


@attrs.frozen
class _Spot:
    """Where a value and its key stand: line and column, from 1."""

    value: tuple[int, int]
    key: tuple[int, int] | None = None
    missing: bool = False


def read(text: str, *, file: str | None = None) -> Document:
    """Read one YAML document.

    Args:
        text: The YAML. A byte order mark at its start is ignored.
        file: The file's name, for messages.

    Raises:
        RunbookError: The text is not YAML, or is YAML that does not mean what it seems to say.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    unwritable = _UNWRITABLE.search(text)
    if unwritable:
        raise _error(_about_character(unwritable[0]), text, unwritable.start(), file)
    return _Loader(text, file).document()


def decode(content: bytes, *, file: str | None = None) -> str:
    """Return the text of a YAML file: UTF-8, or UTF-16 with a byte order mark.

    Args:
        content: The bytes of the file.
        file: Its name, for messages.

    Raises:
        RunbookError: The bytes are something else.
    """
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding, "ignore")
        name = encoding.removesuffix("-sig").upper()
        reason = f"byte 0x{content[error.start]:02x} is not {name}. Save the file as UTF-8."
        raise _error(reason, before, len(before), file) from None


def _error(reason: str, text: str, index: int, file: str | None, path: Path = ()) -> RunbookError:
    line = text.count("\n", 0, index) + 1
    column = index - text.rfind("\n", 0, index)
    return RunbookError(reason, place=_place(path), file=file, line=line, column=column)


def _about_character(character: str) -> str:
    if _SURROGATE.match(character):
        return "a byte here is not UTF-8. Save the file as UTF-8."
    code = ord(character)
    escape = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return (
        f'an invisible character, U+{code:04X}, stands here. Remove it, or write it between double quotes as "{escape}"'
    )


def _place(path: Path) -> str:
    place = ""
    for part in path:
        if isinstance(part, int):
            place += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            place += f".{part}" if place else part
        else:
            place += f"[{json.dumps(part, ensure_ascii=False)}]"
    return place


def _names_ts(name: str | int) -> bool:
    """Whether what stands at a key is a message's ts."""
    return isinstance(name, str) and (name == "ts" or name.endswith("_ts"))


def _in_quotes(value: str) -> str:
    """Put one line of source between quotes, by the kind that needs the fewest changes."""
    if '"' in value or "\\" in value:
        return "'" + value.replace("'", "''") + "'"
    return f'"{value}"'


def _items_in_quotes(source: str) -> str:
    """Put those items of a ``[…]`` or ``{…}`` between quotes that need them."""

    def mend(piece: re.Match[str]) -> str:
        item = piece["item"]
        return _in_quotes(item) if item and _NEEDS_QUOTES.search(item) else piece[0]

    return _FLOW_PIECE.sub(mend, source)


def _shown(line: str) -> str:
    """Prepare source for a message: no token of Slack, no endless line."""
    line = _SLACK_TOKEN.sub(r"\1-…", line)
    return line if len(line) <= _LONGEST_SHOWN else f"{line[: _LONGEST_SHOWN - 1]}…"


def _past(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Return the end of what the pattern finds at a place; the place itself where it finds nothing."""
    found = pattern.match(text, at)
    return found.end() if found else at


class _Loader(Reader, Scanner, Parser, Composer):
    """PyYAML's reader, scanner, parser and composer, with the traps met on the way."""

    def __init__(self, text: str, file: str | None) -> None:
        self._text = text
        self._file = file
        # Where the scanner stands: after the last mark (": ", "- ", "[", ","…) that opens a value, and after the last
        # one outside of brackets; start and end of the last plain scalar, and the start of every quoted one by its end;
        # the outermost [ or {; the indentations that the last line closed; the anchors.
        self._value_at = 0
        self._block_value_at = 0
        self._plain = (0, 0)
        self._quoted: dict[int, int] = {}
        self._flow_at = 0
        self._closed: list[int] = []
        self._anchors_seen: dict[str, int] = {}
        # Where the composer stands: the way to the value it composes, with the start of each value on it once that is
        # known, the nodes around it, and the value it completed last, with its start and end.
        self._path: list[str | int] = []
        self._starts: list[int] = []
        self._parents: list[Node | None] = []
        self._done: tuple[tuple[str | int, ...], int, int] = ((), 0, 0)
        self._aliases: set[str] = set()
        self._named_scalars: list[tuple[str, ScalarNode, tuple[str | int, ...]]] = []
        # What is built from the nodes.
        self._spots: dict[tuple[str | int, ...], _Spot] = {}
        self._count = 0
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)

    def document(self) -> Document:
        """Read the whole text."""
        try:
            self.get_event()
            root = None if self.check_event(StreamEndEvent) else self.compose_document()
            if not self.check_event(StreamEndEvent):
                self._refuse_second_document(self.peek_event().start_mark.index)
        except MarkedYAMLError as error:
            self._explain(error)
        for name, node, path in self._named_scalars:
            if name not in self._aliases:
                self._refuse_unused_anchor(name, node, path)
        if root is None:
            return Document(None, self._file, {(): _Spot((1, 1))})
        return Document(self._build(root, (), None), self._file, self._spots)

    if TYPE_CHECKING:  # what the stubs of PyYAML leave untyped

        def get_event(self) -> Any: ...
        def peek_event(self) -> Any: ...

    # Errors.

    def _trouble(self, reason: str, index: int, path: Path | None = None) -> RunbookError:
        """Make an error at a place of the text; without a path, at the value the composer is at."""
        if path is None:
            path = tuple(part for part, start in zip(self._path, self._starts, strict=True) if start <= index)
            done, start, end = self._done
            # The scanner is a token ahead: what stands after a value on its line still belongs to that value.
            apart = "," in self._text[end:index] or "\n" in self._text[max(end - 1, 0) : index]
            if done[: len(path)] == path and start <= index and not apart:
                path = done
        return _error(reason, self._text, index, self._file, path)

    def _line(self, index: int) -> tuple[int, int]:
        """Return where the line around ``index`` starts and ends."""
        end = self._text.find("\n", index)
        return self._text.rfind("\n", 0, index) + 1, len(self._text) if end < 0 else end

    def _line_number(self, index: int) -> int:
        return self._text.count("\n", 0, index) + 1

    def _value_start(self, index: int) -> int:
        """Return where the value around ``index`` starts on its line."""
        start, _ = self._line(index)
        at = self._value_at if self.flow_level else self._block_value_at
        start = max(start, at) if at <= index else start
        return _past(_BLANKS, self._text, start)

    def _mended(self, index: int, *, one_line: bool = False) -> str:
        """Return the line around ``index`` with its value between quotes, ready to be shown.

        Text that goes on over several lines is mended otherwise, unless ``one_line`` says that the rest is not its.
        """
        start, end = self._line(index)
        at = max(start, self._flow_at) if self.flow_level else self._value_start(index)
        end = min(end, at + _LONGEST_MENDED)
        if self.flow_level:
            return _shown((self._text[start:at] + _COMMENT.sub("", _items_in_quotes(self._text[at:end]))).strip())
        head, value = self._text[start:at].lstrip(), _COMMENT.sub("", self._text[at:end])
        key = None if head else _FIRST_KEY.match(value)
        if key:
            return _shown(f"{_in_quotes(key[1])}:{key[2] or ''}")
        if head and not one_line and self._continues(end):
            return _shown(f"{head}| {_AS_BLOCK}")
        return _shown(head + _in_quotes(value))

    def _continues(self, end: int) -> bool:
        """Whether the line after ``end`` is indented so that it belongs to the same value."""
        below = _past(_BLANKS, self._text, end + 1)
        return below - end - 1 > self.indent and self._text[below : below + 1] not in "\n#"

    # Reader: the whole text is there, checked, with "\n" for every line break.

    def check_printable(self, data: str) -> None:
        """Do nothing: :func:`read` looked."""

    def forward(self, length: int = 1) -> None:
        """Move on, counting lines."""
        passed = self.buffer[self.pointer : self.pointer + length]
        self.pointer += length
        self.index += length
        breaks = passed.count("\n")
        if breaks:
            self.line += breaks
            self.column = len(passed) - passed.rfind("\n") - 1
        else:
            self.column += length

    # Scanner: between the tokens.

    def need_more_tokens(self) -> bool | None:
        """Answer the common case at once: a token is there, and cannot turn out to be a key."""
        return False if self.tokens and not self.possible_simple_keys else super().need_more_tokens()

    def scan_to_next_token(self) -> None:
        """Pass blanks and comments, and stop at a ``#`` that was not meant to be a comment."""
        begin = self.index
        first_name = -1
        while True:
            own_line = self.column == 0
            gap = self.buffer[self.pointer : _past(_BLANKS, self.buffer, self.pointer)]
            self.forward(len(gap))
            character = self.buffer[self.pointer]
            if character == "#":
                if own_line:
                    if first_name < 0 and _ONLY_A_NAME.match(self.buffer, self.pointer):
                        first_name = self.index
                elif _NAME_AFTER_HASH.match(self.buffer, self.pointer):
                    self._check_hash(begin, gap)
                self.forward(_past(_REST, self.buffer, self.pointer) - self.pointer)
                character = self.buffer[self.pointer]
            elif own_line and "\t" in gap and character not in "\n\0" and not self.flow_level:
                raise self._trouble(
                    "a tab indents this line, and YAML indents by spaces only. Replace each tab by two spaces.",
                    self.index - len(gap) + gap.index("\t"),
                )
            if character != "\n":
                break
            self.forward()
            if not self.flow_level:
                self.allow_simple_key = True
        if first_name >= 0:
            self._check_lone_name(begin, first_name)

    def _check_hash(self, begin: int, gap: str) -> None:
        """Refuse ``key: #name`` and ``text #name``; ``"text" #comment`` is no trap."""
        if begin not in (self._value_at, self._plain[1]):
            if not gap:
                raise self._trouble('a comment needs a space before its "#".', self.index)
            return
        rest = self._text[self.index : self._line(self.index)[1]]
        word = _shown(re.split(r"[ \t,\]]" if self.flow_level else r"[ \t]", rest)[0])
        cut = begin == self._plain[1] > self._value_at
        result = "the text ends before it" if cut else "the value is missing"
        several_lines = cut and not self.flow_level and "\n" in self._text[slice(*self._plain)]
        mended = f'"|" after the key, {_AS_BLOCK}' if several_lines else self._mended(self.index, one_line=not cut)
        raise self._trouble(f"{_A_COMMENT.format(word)}, so {result}. Write: {mended}", self.index)

    def _check_lone_name(self, begin: int, index: int) -> None:
        """Refuse a line that holds ``#name`` only and stands where a value should be."""
        name = re.split(r"[ \t,]", self._text[index : self._line(index)[1]])[0]
        if self.flow_level:
            raise self._trouble(
                f"{_A_COMMENT.format(_shown(name))}, so it is not in the list. Write: {_shown(_in_quotes(name))}",
                index,
            )
        if begin != self._value_at or not begin or self._text[begin - 1] not in ":-":
            return
        item_of_key = self.column == self.indent and self._text[begin - 1] == ":" and self.peek() == "-"
        if self.peek() == "\0" or (self.column <= self.indent and not item_of_key):
            start, _ = self._line(begin - 1)
            raise self._trouble(
                f"{_A_COMMENT.format(_shown(name))}, so the value is missing. "
                f"Write: {_shown(f'{self._text[start:begin].strip()} {_in_quotes(name)}')}",
                index,
            )

    def unwind_indent(self, column: int) -> None:
        """Remember which indentations end here, for the message should none of them fit."""
        if not self.flow_level and self.indent > column:
            self._closed = [indent for indent in (*self.indents, self.indent) if indent > column]
        super().unwind_indent(column)

    # Scanner: where a token starts.

    def fetch_directive(self) -> None:
        """Take ``%YAML 1.2`` at the top only."""
        if not _VERSION.match(self.buffer, self.pointer) or self._text[: self.index].strip():
            self._refuse_first_character()
        super().fetch_directive()

    def fetch_flow_mapping_start(self) -> None:
        """Refuse ``{{``: as YAML it could only be a mapping that is a key, which nothing here takes."""
        if self.peek(1) == "{":
            raise self._trouble(
                f'an unquoted "{{{{" opens a mapping of YAML, not a template. Write: {self._mended(self.index)}',
                self.index,
            )
        super().fetch_flow_mapping_start()

    def fetch_flow_collection_start(self, TokenClass: type) -> None:  # noqa: N803 - PyYAML's name
        """Note where the outermost ``[`` or ``{`` is, and stop at absurd depth."""
        if not self.flow_level:
            self._flow_at = self.index
        elif self.flow_level > DEEPEST:
            raise self._trouble(f"lists and mappings nest more than {DEEPEST} deep here.", self.index)
        super().fetch_flow_collection_start(TokenClass)
        self._value_at = self.index

    def fetch_flow_collection_end(self, TokenClass: type) -> None:  # noqa: N803 - PyYAML's name
        """Refuse a bracket that nothing opened."""
        if not self.flow_level:
            if self._value_start(self.index) < self.index:
                raise self._behind_value(self.index)
            bracket = self.peek()
            opening = {"]": "[", "}": "{"}[bracket]
            raise self._trouble(
                f'this "{bracket}" closes no "{opening}". If it is text, write: {self._mended(self.index)}', self.index
            )
        super().fetch_flow_collection_end(TokenClass)

    def fetch_flow_entry(self) -> None:
        """Refuse a comma at the start of a value."""
        if not self.flow_level:
            self._refuse_first_character()
        super().fetch_flow_entry()
        self._value_at = self.index

    def fetch_block_entry(self) -> None:
        """Refuse ``key: - item``, and ``- item`` between brackets."""
        if self.flow_level:
            raise self._trouble(
                'a "- " item cannot stand between brackets. Separate the items by commas, without "- ".', self.index
            )
        if not self.allow_simple_key:
            raise self._second_value(
                'a list cannot begin on the line of its key: put each "- " on a line of its own. If it is text, write: '
            )
        super().fetch_block_entry()
        self._value_at = self._block_value_at = self.index

    def fetch_key(self) -> None:
        """Refuse ``key: ? text``."""
        if not self.flow_level and not self.allow_simple_key:
            raise self._second_value('a value that starts with "? " needs quotes. Write: ')
        super().fetch_key()
        self._value_at = self.index
        if not self.flow_level:
            self._block_value_at = self.index

    def fetch_value(self) -> None:
        """Refuse a second ``: `` on a line, and a key below a value."""
        if not (self.flow_level or self.allow_simple_key or self.flow_level in self.possible_simple_keys):
            self._refuse_second_colon()
        super().fetch_value()
        self._value_at = self.index
        if not self.flow_level:
            self._block_value_at = self.index

    def fetch_alias(self) -> None:
        """Refuse ``*bold*``: an alias needs an anchor above, and stands alone."""
        found = (_ALIAS_IN_FLOW if self.flow_level else _ALIAS).match(self.buffer, self.pointer)
        if not found or found[1] not in self._anchors_seen:
            missing = f', and no "&{found[1]}" stands above' if found else ""
            raise self._trouble(
                f'a "*" at the start of a value repeats an anchor in YAML{missing}. If it is text, write: '
                + self._mended(self.index),
                self.index,
            )
        super().fetch_alias()

    def fetch_anchor(self) -> None:
        """Refuse ``&`` that names no anchor, and an anchor that is set twice."""
        found = _ANCHOR.match(self.buffer, self.pointer)
        if not found:
            raise self._trouble(
                'a "&" at the start of a value sets an anchor in YAML. If it is text, write: '
                + self._mended(self.index),
                self.index,
            )
        if found[1] in self._anchors_seen:
            line = self._line_number(self._anchors_seen[found[1]])
            raise self._trouble(
                f'the anchor "&{found[1]}" is set on line {line} already. Give this one another name.', self.index
            )
        self._anchors_seen[found[1]] = self.index
        super().fetch_anchor()

    def fetch_tag(self) -> NoReturn:
        """Refuse every tag, by name: runbooks are plain data."""
        found = _TAG.match(self.buffer, self.pointer)
        name = _shown(found[0] if found else "!")
        raise self._trouble(
            f'"{name}" at the start of a value is a tag of YAML, and a runbook holds plain data only: remove it. '
            f"If it is text, write: {self._mended(self.index)}",
            self.index,
        )

    def fetch_block_scalar(self, style: str) -> None:
        """Refuse ``> text`` and ``| text`` on one line."""
        if not _BLOCK_SCALAR.match(self.buffer, self.pointer):
            if not self._text[self.index + 1 : self._line(self.index)[1]].strip():
                raise self._trouble(f'a tab follows this "{style}". Remove it.', self.index + 1)
            raise self._trouble(
                f'a "{style}" at the start of a value announces text on the lines below, and nothing may follow it '
                "here. Write: " + self._mended(self.index),
                self.index,
            )
        super().fetch_block_scalar(style)

    # Scanner: what a character starts, by YAML 1.2 where PyYAML follows 1.1.

    def check_key(self) -> bool:
        """Whether ``?`` announces a key: only with a blank after it, so that ``[really?]`` is text."""
        return self.peek(1) in " \t\n\0"

    def check_value(self) -> bool:
        """Whether ``:`` announces a value; in brackets ``:fire:`` is text, and ``{"a":1}`` is JSON."""
        follower = self.peek(1)
        if not self.flow_level:
            return follower in " \t\n\0"
        return follower in " \t\n\0,[]{}" or (self.index > 0 and self._text[self.index - 1] in "\"']}")

    def check_plain(self) -> bool:
        """Whether text starts here. What does not is refused at once, for nothing else is left to try."""
        found = (_FLOW_FIRST if self.flow_level else _BLOCK_FIRST).match(self.buffer, self.pointer)
        if not found:
            self._refuse_first_character()
        if found[0].isspace():
            raise self._trouble(
                f"an unusual space, U+{ord(found[0]):04X}, stands here; YAML knows the ordinary one only. "
                "Replace it by an ordinary space.",
                self.index,
            )
        return True

    def _refuse_first_character(self) -> NoReturn:
        raise self._trouble(
            f'a value that starts with "{self.peek()}" needs quotes. Write: {self._mended(self.index)}',
            self.index,
        )

    # Scanner: whole scalars.

    def scan_plain(self) -> ScalarToken:
        """Read text without quotes; it may go on over several lines."""
        key = self.possible_simple_keys.get(self.flow_level)
        follower = _FLOW_LINE if self.flow_level else _VALUE_LINE
        line = _BLOCK_LINE if not self.flow_level and key and key.index == self.index else follower
        self.allow_simple_key = False
        start = end = self.get_mark()
        parts: list[str] = []
        while True:
            parts.append(self.buffer[self.pointer : _past(line, self.buffer, self.pointer)])
            self.forward(len(parts[-1]))
            end = self.get_mark()
            gap = _LINE_BREAKS.match(self.buffer, self.pointer)
            line = follower
            if not gap or not self._goes_on(start.index, gap, line):
                break
            breaks = gap[0].count("\n")
            parts.append("\n" * (breaks - 1) or " ")
            self.forward(len(gap[0]))
        self._plain = (start.index, end.index)
        return ScalarToken("".join(parts), plain=True, start_mark=start, end_mark=end)

    def _goes_on(self, start: int, gap: re.Match[str], line: re.Pattern[str]) -> bool:
        """Whether the text that began at ``start`` goes on after the line breaks in ``gap``."""
        column = len(gap[0]) - gap[0].rfind("\n") - 1
        if not self.flow_level and column <= self.indent:
            return False
        if (column == 0 and _MARKER.match(self.buffer, gap.end())) or not line.match(self.buffer, gap.end()):
            return False
        if not self.flow_level and _ITEM.match(self.buffer, gap.end()):
            raise self._trouble(
                f'this "- " continues the text of line {self._line_number(start)}, for it is indented deeper. Indent a '
                'list item like the others; for text of several lines write "|" after the key, and the text below it.',
                gap.end(),
            )
        return True

    def scan_flow_scalar(self, style: str) -> ScalarToken:
        """Read text between quotes."""
        start = self.get_mark()
        simple = _SIMPLE_QUOTED.match(self.buffer, self.pointer)
        if simple:
            self.forward(len(simple[0]))
            token = ScalarToken(simple[0][1:-1], plain=False, start_mark=start, end_mark=self.get_mark(), style=style)
        else:
            token = super().scan_flow_scalar(style)
            if _SURROGATE.search(token.value):
                token.value = self._joined(token.value, start.index)
        self._quoted[self.index] = start.index
        return token

    def _joined(self, value: str, index: int) -> str:
        r"""Join surrogates: JSON, and so its writers, spell an emoji ``"\ud83d\udd25"``."""
        try:
            return value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self._trouble(
                'these quotes hold half a character (\\ud800 to \\udfff). Write the whole, such as "\\U0001f525".',
                index,
            ) from None

    # Refusals that need a closer look.

    def _second_value(self, reason: str) -> RunbookError:
        """Make the error for something that stands after a value on its line, or is its wrong beginning."""
        if self._value_start(self.index) < self.index:
            return self._behind_value(self.index)
        return self._trouble(reason + self._mended(self.index), self.index)

    def _refuse_second_colon(self) -> NoReturn:
        start, end = self._plain
        if end == self.index and "\n" in self._text[start:end]:
            glued = _GLUED_KEY.match(self._text, start)
            if glued and glued[2]:
                raise self._missing_space(start)
            line = self._line_number(start)
            below, _ = self._line(self.index)
            raise self._trouble(
                f"this key is indented deeper than line {line}, which has a value already. Indent both alike, or, if "
                "all of it is text, put it between quotes.",
                self._value_start(below),
            )
        raise self._trouble(
            'a second ": " on one line looks like a key in a value. If it is text, write: ' + self._mended(self.index),
            self.index,
        )

    def _missing_space(self, index: int, path: Path | None = None) -> RunbookError:
        start, end = self._line(index)
        key, rest = self._text[start:end].split(":", 1)
        line = _shown(f"{key.strip()}: {rest.strip()}")
        return self._trouble(
            f"a key needs a space after its colon; without it the line is text. Write: {line}", index, path
        )

    def _behind_value(self, index: int) -> RunbookError:
        """Make the error for what stands after a value that has ended."""
        before = self._text[:index].rstrip(" \t\n")
        opened = self._quoted.get(len(before))
        same_line = "\n" not in self._text[len(before) : index]
        if opened is not None and "\n" in self._text[opened : len(before)]:
            line = self._line_number(len(before))
            return self._trouble(
                f"the quote that opens here ends on line {line}, and more stands after it. Is a closing quote missing "
                "on this line?",
                opened,
            )
        if not same_line:
            return self._trouble(
                f"this line continues line {self._line_number(len(before))}, where a value has ended. Put all of it "
                'between one pair of quotes, or write "|" after the key and the text below it.',
                index,
            )
        if opened is not None:
            return self._trouble(
                f"the value ends at its closing quote, and more stands after it. Write: {self._unnested(index)}", index
            )
        return self._trouble(
            f'the value ends at "{_shown(before[-1:])}", and more stands after it. If all of it is text, write: '
            + self._mended(index),
            index,
        )

    def _unnested(self, index: int) -> str:
        """Return the line with one pair of quotes around its value, without those it began and ended with."""
        start, end = self._line(index)
        at = self._value_start(index)
        value = _COMMENT.sub("", self._text[at : min(end, at + _LONGEST_MENDED)])
        inner = re.fullmatch(r"(['\"])(.*)\1", value)
        # 'it's' and "say "it" now" begin and end with their quotes; "a" "b" does not.
        if inner and re.match(rf"[^{inner[1]}]*(?:(?<= ){inner[1]}|{inner[1]}(?=\w))", inner[2]):
            value = inner[2]
        return _shown(self._text[start:at].lstrip() + _in_quotes(value))

    def _refuse_second_document(self, index: int) -> NoReturn:
        raise self._trouble(
            "a second document starts here; a runbook file holds one. Put it into a file of its own.", index
        )

    def _refuse_unused_anchor(self, name: str, node: ScalarNode, path: Path) -> NoReturn:
        index = self._anchors_seen[name]
        value = _shown(_in_quotes(f"&{name} {node.value}".strip()))
        raise self._trouble(
            f'"&{name}" sets an anchor in YAML, which nothing uses, and is not in the value. If it is text, write: '
            + value,
            index,
            path,
        )

    # What PyYAML found wrong: the kind of fault is known by where it was found.

    def _explain(self, error: MarkedYAMLError) -> NoReturn:
        """Raise the error that explains one of PyYAML's."""
        context = error.context or ""
        mark = error.problem_mark or error.context_mark
        index = mark.index if mark else 0
        opened = error.context_mark.index if error.context_mark else index
        if "simple key" in context:
            raise self._no_key(opened) from None
        if "quoted" in context:
            raise self._bad_quotes(opened, index) from None
        if "flow" in context:
            raise self._bad_flow(opened, index, self._text[opened : opened + 1]) from None
        raise self._bad_block(index, opened) from None

    def _no_key(self, index: int) -> RunbookError:
        """Explain a line where a key should be."""
        glued = _GLUED_KEY.match(self._text, index)
        if glued and glued[2]:
            return self._missing_space(index)
        if any(opened == index and "\n" in self._text[opened:closed] for closed, opened in self._quoted.items()):
            return self._trouble("the quote that opens here is not closed on this line.", index)
        return self._trouble(
            'this line is neither "key: value" nor a list item. If it continues the text above, indent it deeper than '
            "the key of that text.",
            index,
        )

    def _bad_quotes(self, opened: int, index: int) -> RunbookError:
        """Explain what is wrong between quotes."""
        if self._text[index - 1 : index] == "\\" or re.search(r"\\[xuU][0-9a-fA-F]*$", self._text[opened:index]):
            return self._trouble(
                'a "\\" between double quotes starts an escape, and this is none. Write "\\\\" for the character, or '
                "put the text between single quotes.",
                self._text.rindex("\\", 0, index),
            )
        return self._trouble("the quote that opens here is never closed.", opened)

    def _bad_flow(self, opened: int, index: int, bracket: str) -> RunbookError:
        """Explain what is wrong between brackets."""
        token = self.tokens[0] if self.tokens else None
        if isinstance(token, FlowEntryToken):
            return self._trouble("a value is missing before this comma.", index)
        if bracket not in ("[", "{"):
            missing = (
                'a key is missing before this ":".' if isinstance(token, ValueToken) else "a value is missing here."
            )
            return self._trouble(missing, index)
        closing = {"[": "]", "{": "}"}[bracket]
        if isinstance(token, StreamEndToken) or self._line(opened) != self._line(index):
            return self._trouble(f'the "{bracket}" that opens here is not closed by a "{closing}".', opened)
        if self._text[index] in "]}":
            return self._trouble(f'the "{bracket}" is closed by a "{closing}", not by "{self._text[index]}".', index)
        if isinstance(token, ValueToken):
            return self._trouble(
                f'a second ": " in one item. If the item is text, put it between quotes; else a comma or a "{closing}" '
                "is missing.",
                index,
            )
        return self._trouble(f'a comma or a "{closing}" is missing before this.', index)

    def _bad_block(self, index: int, opened: int) -> RunbookError:
        """Explain a line that does not fit the lines above it."""
        token = self.tokens[0] if self.tokens else None
        if isinstance(token, (BlockMappingStartToken, BlockSequenceStartToken)):
            return self._bad_indentation(index)
        if isinstance(token, BlockEntryToken):
            return self._trouble(
                "a list item stands among the keys of a mapping. Indent it like its list, or make it a key.",
                index,
            )
        if isinstance(token, ValueToken):
            return self._trouble('a key is missing before this ":".', index)
        if isinstance(token, KeyToken):
            return self._trouble(
                f'a key stands among list items. Start the line with "- ", or indent it deeper than the "-" of line '
                f"{self._line_number(opened)}.",
                index,
            )
        return self._behind_value(index)

    def _bad_indentation(self, index: int) -> RunbookError:
        """Explain an indentation that fits no line above."""
        if self._text[:index].rstrip().endswith("..."):
            self._refuse_second_document(index)
        column = index - self._line(index)[0]
        fitting = sorted({indent for indent in (*self.indents, *self._closed) if indent >= 0 and indent != column})
        return self._trouble(
            f"this line is indented by {column}, and the lines it could belong to by {' or '.join(map(str, fitting))}. "
            "Indent the lines of one block alike, by spaces.",
            index,
        )

    # Composer: the same nodes, and the way to them.

    def descend_resolver(self, *_: Any) -> None:
        """Do nothing: scalars mean the same wherever they stand."""

    def ascend_resolver(self) -> None:
        """Do nothing."""

    def resolve(self, *_: Any) -> str:
        """Give every node the same tag: what a scalar means is decided when the data is built."""
        return ""

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose a node and keep the way to it, for the errors met meanwhile."""
        is_value = parent is not None and index is not None
        if is_value:
            key = index.value if isinstance(index, ScalarNode) else "?"
            self._path.append(index if isinstance(index, int) else key)
            self._starts.append(0)
        self._parents.append(parent)
        event = self.peek_event()
        start = event.start_mark.index
        if is_value:
            self._starts[-1] = start
        if len(self._parents) > DEEPEST:
            raise self._trouble(f"lists and mappings nest more than {DEEPEST} deep here.", start)
        if isinstance(event, AliasEvent):
            node: Node | None = self._aliased()
        else:
            node = super().compose_node(parent, cast(int, index))
            if event.anchor is not None and isinstance(node, ScalarNode) and node.style is None:
                self._named_scalars.append((event.anchor, node, tuple(self._path)))
        self._parents.pop()
        if is_value:
            ended: Any = event if isinstance(event, AliasEvent) else node
            end = ended.end_mark.index
            self._done = (tuple(self._path), start, end)
            self._path.pop()
            self._starts.pop()
        return node

    def _aliased(self) -> Node:
        event = self.get_event()
        node = self.anchors[event.anchor]
        self._aliases.add(event.anchor)
        if any(node is above for above in self._parents):
            raise self._trouble(f'"*{event.anchor}" stands inside its own anchor.', event.start_mark.index)
        return node

    # From nodes to data.

    def _build(self, node: Node, path: tuple[str | int, ...], key: Node | None) -> Any:
        missing = isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index
        self._spots[path] = _Spot(_position(node), _position(key) if key else None, missing)
        self._count_values(1, node)
        if isinstance(node, ScalarNode):
            return node.value if node.style else self._meaning(node, path)
        if isinstance(node, SequenceNode):
            return [self._build(item, (*path, index), None) for index, item in enumerate(node.value)]
        pairs = self._pairs(node, path)
        return {name: self._build(value, (*path, name), at) for name, (at, value) in pairs.items()}

    def _count_values(self, count: int, node: Node) -> None:
        """Stop aliases of aliases of aliases before they fill the memory."""
        self._count += count
        if self._count > MOST_VALUES:
            raise self._trouble(
                f"the document holds more than {MOST_VALUES} values, counting those that its aliases repeat.",
                node.start_mark.index,
                (),
            )

    def _pairs(self, node: Node, path: tuple[str | int, ...]) -> dict[str, tuple[Node, Node]]:
        """Return the keys and values of a mapping by name, with those that ``<<`` brings in."""
        merged: dict[str, tuple[Node, Node]] = {}
        own: dict[str, tuple[Node, Node]] = {}
        merging = False
        self._count_values(len(node.value), node)
        for key, value in node.value:
            name = self._key(key, path)
            if name in own:
                first, second = own[name][0].start_mark.line + 1, key.start_mark.line + 1
                lines = f"lines {first} and {second}" if first != second else f"line {first}"
                raise self._trouble(
                    f'the key "{_shown(name)}" stands twice in one mapping, on {lines}. Remove or rename one.',
                    key.start_mark.index,
                    (*path, name),
                )
            own[name] = (key, value)
            if name == "<<" and key.style is None:
                merging = True
                for source in value.value if isinstance(value, SequenceNode) else [value]:
                    for inherited, pair in self._merge(source, (*path, name)).items():
                        merged.setdefault(inherited, pair)
        if merging:
            del own["<<"]
        return {**merged, **own}

    def _merge(self, source: Node, path: tuple[str | int, ...]) -> dict[str, tuple[Node, Node]]:
        if not isinstance(source, MappingNode):
            raise self._trouble(
                'the key "<<" brings in the keys of other mappings, and this is none. Write "<<: *name", with "&name" '
                "at a mapping above.",
                source.start_mark.index,
                path,
            )
        return self._pairs(source, path)

    def _key(self, key: Node, path: tuple[str | int, ...]) -> str:
        if not isinstance(key, ScalarNode):
            raise self._trouble("a key must be text, not a list or a mapping.", key.start_mark.index, path)
        meaning = key.value if key.style else self._plain_meaning(key, path)
        if not key.style and _EMOJI_KEY.fullmatch(key.value):
            raise self._trouble(
                f'YAML reads "{key.value}" as a key, for a colon and a blank follow. If it is an emoji, put the whole '
                "text between quotes.",
                key.start_mark.index,
                path,
            )
        if not isinstance(meaning, str):
            kind = "nothing" if not key.value else "null" if meaning is None else type(meaning).__name__
            names = {"bool": "a boolean", "int": "a number", "float": "a number"}
            raise self._trouble(
                f'a key must be text, and this one is {names.get(kind, kind)}. Write: "{_shown(key.value)}":',
                key.start_mark.index,
                path,
            )
        return meaning

    def _meaning(self, node: ScalarNode, path: tuple[str | int, ...]) -> Any:
        """Return what a plain scalar stands for, where that is what its author can have meant."""
        text = node.value
        meaning = self._plain_meaning(node, path)
        name = path[-1] if path else ""
        if isinstance(meaning, str):
            glued = isinstance(name, str) and _GLUED_KEY.match(text)
            if (
                glued
                and glued[2]
                and not self._text[self._line(node.start_mark.index)[0] : node.start_mark.index].strip()
            ):
                raise self._missing_space(node.start_mark.index, path)
        elif type(meaning) in (int, float) and (_names_ts(name) or _TS.fullmatch(text)):
            head = f"{name}: " if isinstance(name, str) and name else "- " if path else ""
            raise self._trouble(
                f'a ts of Slack is text; read as a number it loses digits. Write: {head}"{_shown(text)}"',
                node.start_mark.index,
                path,
            )
        return meaning

    def _plain_meaning(self, node: ScalarNode, path: tuple[str | int, ...]) -> Any:
        text: str = node.value
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text) and len(text) <= _MOST_DIGITS:
            return int(text, _BASES.get(text[:2], 10))
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                raise self._trouble(
                    f'this number is too large. If it is text, write: "{_shown(text)}"', node.start_mark.index, path
                )
            return number
        if _SPECIAL_FLOAT.fullmatch(text):
            return float(text.replace(".", "").lower())
        return text


def _position(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def dump(data: Any) -> str:
    """Write plain data as YAML that :func:`read` gives back exactly.

    Text stands between quotes wherever this or another reader of YAML could take it for something else; text of
    several lines is written as such where no blank at an end of a line could get lost.

    Args:
        data: Mappings with text keys, lists, text, numbers, booleans and ``None``. A tuple is written as a list.

    Raises:
        RunbookError: Something else is in there, or a number where only a ``ts`` may stand.
    """
    if _filled(data):
        return _lines(data, (), 0)
    return _inline(data, (), 0) + "\n"


def _filled(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and bool(value)


def _lines(value: Any, path: Path, indent: int) -> str:
    """Write a mapping or list that is not empty, each entry on its line."""
    if len(path) >= DEEPEST:
        raise RunbookError(f"lists and mappings nest more than {DEEPEST} deep.", place=_place(path))
    pad = " " * indent
    if not isinstance(value, Mapping):
        return "".join(f"{pad}-{_entry(item, (*path, at), indent, compact=True)}" for at, item in enumerate(value))
    out: list[str] = []
    for key, item in value.items():
        if not isinstance(key, str):
            raise RunbookError(f"a key must be text, not {type(key).__name__}.", place=_place(path))
        name = _one_line(key, path)
        # YAML looks for the colon of a simple key within 1024 characters only.
        lead = f"{pad}{name}:" if len(name) <= _LONGEST_SIMPLE_KEY else f"{pad}? {name}\n{pad}:"
        out.append(lead + _entry(item, (*path, key), indent, compact=False))
    return "".join(out)


def _entry(value: Any, path: Path, indent: int, *, compact: bool) -> str:
    """Write what stands after ``key:`` or ``-``, with the line break that ends it."""
    if not _filled(value):
        return f" {_inline(value, path, indent)}\n"
    below = _lines(value, path, indent + 2)
    return f" {below[indent + 2 :]}" if compact else f"\n{below}"


def _inline(value: Any, path: Path, indent: int) -> str:
    """Write what needs no lines of its own, and text of several lines."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return _text_block(value, indent) or _one_line(value, path)
    if isinstance(value, (int, float)):
        if path and _names_ts(path[-1]):
            raise RunbookError("a ts of Slack is text, not a number; give it as a string.", place=_place(path))
        return _number(value)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    raise RunbookError(f"YAML cannot hold {type(value).__name__}, only plain data.", place=_place(path))


def _number(value: float) -> str:
    if isinstance(value, int):
        return int.__repr__(value)
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = float.__repr__(value)
    # A number that looks like a ts would be refused by read.
    return f"{text}e0" if _TS.fullmatch(text) else text


def _text_block(value: str, indent: int) -> str:
    """Write text as a block below ``|``, or return nothing where that would not be exact, or not stay so."""
    *lines, last = value.split("\n")
    if not lines or not lines[0] or lines[0][0] in " \t" or _UNWRITABLE.search(value) or "\r" in value:
        return ""
    if any(line[-1:] in (" ", "\t") for line in (*lines, last)) or (last and not last.strip()):
        return ""
    chomping = "-" if last else "+" if not lines[-1] else ""
    pad = " " * (indent + 2)
    if last:
        lines.append(last)
    return "\n".join([f"|{chomping}", *(f"{pad}{line}" if line else "" for line in lines)])


def _one_line(value: str, path: Path) -> str:
    """Write text on one line, between quotes unless it is harmless."""
    if _SURROGATE.search(value):
        raise RunbookError("half of a character (a lone surrogate) cannot be written.", place=_place(path))
    if _PLAIN_TEXT.fullmatch(value) and value.lower() not in _WORDS_ELSEWHERE:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNWRITABLE.sub(lambda found: json.dumps(found[0])[1:-1] if ord(found[0]) < 0x10000 else found[0], quoted)
