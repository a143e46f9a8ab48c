"""Mustache for Slack: parsed early, rendered strictly.

Rule of this file: only mappings, lists and plain values are ever read from a context. No attribute, no call, no file,
and no state but what a render holds itself and the caches of parsed sources.

chevron tokenizes, and a scan of our own finds where each tag stands and refuses what chevron lets through; the two must
agree on every tag (:func:`_agree`), so that neither can misread a template alone. chevron's renderer is never used: it
escapes ``"`` as HTML does, drops falsy items of a list, reads attributes and files, and calls what it finds
(https://github.com/noahmorrison/chevron/issues/57, https://github.com/noahmorrison/chevron/issues/79).

A parsed template is a tree of closures over a :class:`_Run`. The language is that of https://github.com/mustache/spec
without its optional parts, and stricter; docs/templates.md lists each difference.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any, Literal, Protocol, TypeAlias

from . import text as _text
from .errors import MissingVariable, TemplateError
from .markup import Markup, Pending

__all__ = ["SupportsContext", "Template", "compiled"]


class SupportsContext(Protocol):
    """An object that can say what it holds as plain data."""

    def to_context(self) -> Mapping[str, Any]:
        """Return the data that templates may read."""
        ...


# --- places ---------------------------------------------------------------------------------------------------------


class _Source:
    """A piece of template text, to place errors in it."""

    __slots__ = ("indent", "partial", "text")

    def __init__(self, text: str, partial: str, indent: str) -> None:
        self.text = text
        self.partial = partial
        self.indent = indent

    def place(self, at: int) -> tuple[int, int]:
        """Return line and column of an offset, from 1, without the indentation that an inclusion adds."""
        start = self.text.rfind("\n", 0, at) + 1
        return self.text.count("\n", 0, at) + 1, max(at - start + 1 - len(self.indent), 1)

    def error(self, at: int, reason: str) -> TemplateError:
        line, column = self.place(at)
        return self._within(TemplateError(reason, line=line, column=column))

    def missing(self, at: int, name: str, nearest: Sequence[str]) -> TemplateError:
        line, column = self.place(at)
        return self._within(MissingVariable(name, line=line, column=column, nearest=nearest))

    def _within(self, error: TemplateError) -> TemplateError:
        if not self.partial:
            return error
        # The reason names the partial, because `place` belongs to whoever holds the whole template.
        error.reason = f"in the partial {self.partial!r}: {error.reason}"
        return error.at("")


# --- scanning -------------------------------------------------------------------------------------------------------

_KINDS = {
    "!": "comment",
    "#": "section",
    "^": "inverted section",
    "/": "end",
    ">": "partial",
    "=": "set delimiter",
    "{": "no escape",
    "&": "no escape",
}
"""What the first character of a tag says, by chevron's names. Anything else begins a variable."""

_ALONE = frozenset({"comment", "section", "inverted section", "end", "partial", "set delimiter"})
"""Tags that take their line with them when nothing else stands on it."""

_BARE_BRACES = "to print braces, write {{=<% %>=}}{{<%={{ }}=%>"


class _Token:
    """A tag, or the literal text between two."""

    __slots__ = ("at", "indent", "kind", "value")

    def __init__(self, kind: str, value: str, at: int, indent: str = "") -> None:
        self.kind = kind
        self.value = value
        self.at = at
        self.indent = indent


def _scan(source: _Source) -> Iterator[_Token]:
    """Yield literals and tags. A line that holds only one tag of :data:`_ALONE` leaves nothing of itself behind."""
    text, left, right, done = source.text, "{{", "}}", 0
    while (at := text.find(left, done)) >= 0:
        stop = text.find(right, at + len(left))
        if stop < 0:
            raise source.error(at, f"this {left} is never closed; write {right} after the name, or {_BARE_BRACES}")
        content, end = text[at + len(left) : stop], stop + len(right)
        kind = _KINDS.get(content[:1], "variable")
        if content.startswith("{"):
            _check_triple(source, at, f"{left} {right}", closed=text.startswith("}", end))
            end += 1
        value = (content if kind == "variable" else content[1:]).strip()
        if kind == "set delimiter":
            value = _delimiters(source, at, value)
        elif kind != "comment":
            _check_tag(source, at, kind, value)
        literal_end, next_done, indent = _standalone(text, at, end) if kind in _ALONE else (at, end, "")
        if literal_end > done:
            yield _Token("literal", text[done:literal_end], done)
        yield _Token(kind, value, at, indent)
        if kind == "set delimiter":
            left, *_, right = value.split(" ")
        done = next_done
    if done < len(text):
        yield _Token("literal", text[done:], done)


def _standalone(text: str, at: int, end: int) -> tuple[int, int, str]:
    """Return where the literal before a tag ends, where the text after it begins, and the tag's indentation."""
    line = text.rfind("\n", 0, at) + 1
    newline = text.find("\n", end)
    rest = len(text) if newline < 0 else newline
    if text[line:at].strip(" \t") or text[end:rest].strip(" \t\r"):
        return at, end, ""
    return line, min(rest + 1, len(text)), text[line:at]


# --- what is refused, and what to write instead -----------------------------------------------------------------------

_SEGMENT = r"""[^\s.(){}\[\]"'|=<>,;?+*%!&^#~`$\\/@][^\s.(){}\[\]"'|=<>,;?+*%!&^#~`\\]*|@[\w-]+"""
# `this`, `else` and `@index` would be names, but mean something in Handlebars and nothing in any context.
_PATH = re.compile(
    rf"\.|(?!this(?:\.|\Z)|else\Z|@(?:index|key|first|last|root)(?:\.|\Z))(?:{_SEGMENT})(?:\.(?:{_SEGMENT}))*"
)
_PARTIAL_NAME = re.compile(r"[^\s*{}<>|\"']+")
_DELIMITERS = re.compile(r"\s*[^\s=]+ +[^\s=]+\s*=")
_DEFAULT = re.compile(r"""default\b\s*[:(]?\s*["']([^"']*)["']""")


def _instead_of_filter(found: re.Match[str]) -> str:
    name, default = found[1] or "name", _DEFAULT.search(found[0])
    other = default[1] if default else "…"
    guarded = f"{{{{#{name}}}}}{{{{{name}}}}}{{{{/{name}}}}}{{{{^{name}}}}}{other}{{{{/{name}}}}}"
    return f"Mustache has no filters; for a default write {guarded}"


_Refusal: TypeAlias = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_REFUSED_IN_SECTIONS: tuple[_Refusal, ...] = (
    (
        re.compile(r"(?:if|unless)\s.*[=<>&|!(].*", re.DOTALL),
        lambda _: "Mustache compares nothing; put the answer into the context, or use the step's `when`",
    ),
    (
        re.compile(r"unless\s+(\S+).*", re.DOTALL),
        lambda found: f"that is Handlebars; write {{{{^{found[1]}}}}} … {{{{/{found[1]}}}}}",
    ),
    (
        re.compile(r"(?:if|with)\s+(\S+).*", re.DOTALL),
        lambda found: f"that is Handlebars; write {{{{#{found[1]}}}}} … {{{{/{found[1]}}}}}",
    ),
    (
        re.compile(r"each\s+(\S+).*", re.DOTALL),
        lambda found: f"that is Handlebars; write {{{{#{found[1]}}}}}{{{{.}}}}{{{{/{found[1]}}}}}",
    ),
)
"""What opens a section in other languages, with the Mustache for it. Each pattern is for the whole tag."""

_REFUSED: tuple[_Refusal, ...] = (
    (re.compile(r"\$.*", re.DOTALL), lambda _: "inheritance ({{$block}}) is not supported; use a partial: {{>name}}"),
    (re.compile(r"<.*", re.DOTALL), lambda _: "inheritance ({{<parent}}) is not supported; use a partial: {{>name}}"),
    (
        re.compile(r"([#^/>!&=]).*", re.DOTALL),
        lambda found: f"white space before the {found[1]!r} would make this a name; write {{{{{found[1]}… without it",
    ),
    (re.compile(r"([^\s|]*)\s*\|.*", re.DOTALL), _instead_of_filter),
    (
        re.compile(r"(?:else|elif|elseif)\b.*", re.DOTALL),
        lambda _: "Mustache has no else; close the section with {{/name}} and open {{^name}}",
    ),
    (
        re.compile(r"(?:if|unless|each|range|with|for)\s+\.?(?:\w+\s+in\s+)?([\w.]+).*", re.DOTALL),
        lambda found: f"Mustache has no such word; write {{{{#{found[1]}}}}} … {{{{/{found[1]}}}}}",
    ),
    (re.compile(r"this"), lambda _: "that is Handlebars; the item itself is {{.}}"),
    (
        re.compile(r"(?:this[./]|\./|\.)([\w.]+)"),
        lambda found: f"write {{{{{found[1]}}}}}, without what stands before it",
    ),
    (
        re.compile(r"\.\./(?:\.\./)*([\w.]+)"),
        lambda found: f"outer names are found by themselves; write {{{{{found[1]}}}}}",
    ),
    (
        re.compile(r"@(index|key|first|last|root)\b.*", re.DOTALL),
        lambda found: f"Mustache has no @{found[1]}; put it into the items of the context",
    ),
    (
        re.compile(r"([\w.]+)\s*\[\s*['\"]?(\w+)['\"]?\s*\](.*)", re.DOTALL),
        lambda found: f"write {{{{{found[1]}.{found[2]}{found[3] if _PATH.fullmatch('x' + found[3]) else ''}}}}}",
    ),
    (re.compile(r"([\"']).*\1", re.DOTALL), lambda _: "a tag prints a name; write the text itself outside of the tag"),
    (
        re.compile(r"[^\s(]+\s*\(.*|[\w.]+\s+[\w.\"'].*|.*[?=<>+*&!].*", re.DOTALL),
        lambda _: (
            "a name has no white space, and Mustache calls and computes nothing; "
            "put the value into the context and print it by a plain name"
        ),
    ),
)
"""What stands in variables of other languages, with the Mustache for it. Each pattern is for the whole tag."""


def _check_triple(source: _Source, at: int, delimiters: str, *, closed: bool) -> None:
    # chevron reads `{{{x}}` as a tag of a type that its renderer ignores, so the text would vanish.
    if delimiters != "{{ }}":
        raise source.error(at, "with other delimiters a raw tag is written with '&', not with braces")
    if not closed:
        raise source.error(at, "a raw tag that opens with {{{ closes with }}}")


def _delimiters(source: _Source, at: int, value: str) -> str:
    if not _DELIMITERS.fullmatch(value):
        raise source.error(at, "write two delimiters, a space between them and no '=' in them: {{=<% %>=}}")
    return value[:-1].strip()


def _check_tag(source: _Source, at: int, kind: str, value: str) -> None:
    """Refuse a tag that is not Mustache, or not the part of it that we have."""
    if _PATH.fullmatch(value) and kind not in {"variable", "partial"}:
        return
    if "{{" in value:
        raise source.error(at, f"the next tag begins before this one is closed; close it with }}}}, or {_BARE_BRACES}")
    if not value:
        raise source.error(at, f"this tag has no name; write one, or {_BARE_BRACES}")
    if kind == "partial":
        _check_partial_name(source, at, value)
    elif kind == "variable" and source.text.startswith("${{", max(at - 1, 0)):
        raise source.error(
            at,
            "${{ … }} is an expression of another language; in Mustache write {{name}}, "
            "or ${{!}}{{name}} for a dollar sign before the value",
        )
    elif kind != "end" and not _PATH.fullmatch(value):
        raise source.error(at, _instead(kind, value))


def _instead(kind: str, value: str) -> str:
    """Say what to write instead of a tag that is not a name."""
    refused = (*_REFUSED_IN_SECTIONS, *_REFUSED) if kind in {"section", "inverted section"} else _REFUSED
    for pattern, instead in refused:
        if found := pattern.fullmatch(value):
            return instead(found)
    return f"{value!r} is not a name; write a dotted name such as {{{{Activity.title}}}}"


def _check_partial_name(source: _Source, at: int, value: str) -> None:
    if value.startswith("*"):
        raise source.error(
            at, "dynamic names ({{>*name}}) are not supported; name the partial, or guard each: {{#x}}{{>a}}{{/x}}"
        )
    if not _PARTIAL_NAME.fullmatch(value):
        raise source.error(at, f"{value!r} is not the name of a partial; write {{{{>name}}}}")


# --- agreement with chevron -------------------------------------------------------------------------------------------


def _agree(source: _Source, tokens: Iterable[_Token]) -> None:
    """Hold our tokens against chevron's.

    Tags must be the same one by one. Literals may differ in white space alone: chevron keeps tabs before a standalone
    tag, and blanks after one that ends the template, where the specification removes both.
    """
    from chevron.tokenizer import ChevronError, tokenize

    ours = [(token.kind, token.value) for token in tokens if token.kind != "comment"]
    try:
        theirs = list(tokenize(source.text))
    except (ChevronError, IndexError) as error:
        raise source.error(0, "chevron cannot tokenize this template, although our scan can") from error
    if theirs != ours and _shape(theirs) != _shape(ours):
        raise source.error(0, "chevron and our scan read this template differently; simplify its delimiters and braces")


def _shape(tokens: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Reduce tokens to what must agree: tags in order, and between them the text without white space."""
    shape: list[tuple[str, str]] = []
    literal = ""
    for kind, value in tokens:
        if kind == "literal":
            literal += "".join(value.split())
        else:
            shape += (("literal", literal), (kind, value))
            literal = ""
    return [*shape, ("literal", literal)]


# --- a render in progress ---------------------------------------------------------------------------------------------

_PLAIN, _TAIL, _WHOLE = 0, 1, 2
"""How much of the text before a value its escape looks at: nothing, the unclosed ``<``, or all."""

_LOOKS_AT = {
    _text.Kind.MRKDWN: _TAIL,
    _text.Kind.MARKDOWN: _WHOLE,
    _text.Kind.CANVAS: _WHOLE,
    _text.Kind.URL: _WHOLE,
}

_ABSENT: Any = object()
"""What a look-up gives for a name that the context does not have."""


class _Run:
    """One render: the context stack, the text so far, and what went wrong."""

    __slots__ = (
        "append",
        "depth",
        "escape",
        "faults",
        "inert",
        "kind",
        "lenient",
        "looks_at",
        "out",
        "partials",
        "seen",
        "stack",
        "tail",
    )

    def __init__(
        self,
        context: Any,
        partials: Mapping[str, str],
        escape: _text.Kind | Callable[[str], str],
        *,
        lenient: bool = False,
        faults: list[TemplateError] | None = None,
    ) -> None:
        self.out: list[str] = []
        self.append = self.out.append
        self.stack: list[Any] = [_root(context)]
        self.partials = partials
        self.lenient = lenient
        self.faults = faults
        self.seen: set[tuple[str, int]] = set()
        self.depth = 0
        self.tail = ""
        self.kind = escape if isinstance(escape, _text.Kind) else _text.Kind.RAW
        if isinstance(escape, _text.Kind):
            self.escape = _text.escaper(escape) if escape is not _text.Kind.MRKDWN else _text.inert_in_token
            self.inert = _text.inert_alone(escape)
            self.looks_at = _LOOKS_AT.get(escape, _PLAIN)
        else:
            self.escape, self.inert, self.looks_at = _text.escaper(_text.Kind.RAW), escape, _PLAIN

    def write(self, text: str) -> None:
        """Add text as it is, and keep track of the token it may have opened or closed."""
        self.append(text)
        if self.looks_at == _TAIL:
            self.tail = _text.open_tail(self.tail + text)

    def write_value(self, text: str) -> None:
        """Add a value, made inert for the place where it stands."""
        if self.looks_at == _WHOLE:
            self.append(self.escape(text, "".join(self.out)))
        else:
            inert = self.escape(text, self.tail)
            self.append(inert)
            self.tail += inert  # no escape lets a ">" through, so what was open stays open

    def write_markup(self, value: Markup) -> None:
        """Add a mention, a date or a link, in the way of the place where it stands."""
        shown, is_markup = value.shown(self.kind, "".join(self.out) if self.looks_at == _WHOLE else self.tail)
        if is_markup:
            self.write(shown)
        elif self.tail or self.looks_at == _WHOLE:
            self.write_value(shown)
        else:
            self.append(self.inert(shown))

    def fail(self, tag: _Tag, error: Callable[[], TemplateError]) -> None:
        """Raise an error, or collect it once for each tag and go on."""
        if self.faults is None:
            raise error()
        if (key := (tag.source.partial, tag.at)) not in self.seen:
            self.seen.add(key)
            self.faults.append(error())


def _root(context: Any) -> Any:
    """Return the plain data of a context."""
    if _is_plain(context):
        return context
    to_context = getattr(type(context), "to_context", None)
    if to_context is None:
        raise TypeError(f"a context is a mapping or has to_context(), not {_type_of(context)}")
    data = to_context(context)
    if not isinstance(data, Mapping):
        raise TypeError(f"to_context() of {type(context).__name__} returned {_type_of(data)}, not a mapping")
    return data


_Emit: TypeAlias = Callable[[_Run], None]


class _Tag:
    """A tag that reads a name, with what is needed to report it."""

    __slots__ = ("at", "first", "name", "rest", "source")

    def __init__(self, source: _Source, token: _Token) -> None:
        self.source = source
        self.at = token.at
        self.name = token.value
        self.first, *rest = ["."] if token.value == "." else token.value.split(".")
        self.rest = tuple(rest)


# --- reading the context ----------------------------------------------------------------------------------------------


def _find(stack: list[Any], first: str, rest: Sequence[str]) -> Any:
    """Look up a dotted name: the first segment in the innermost scope that has it, the others only inside of that.

    chevron goes on to outer scopes when a later segment is missing, and so prints another thing's field.
    """
    for scope in stack[::-1]:
        value = scope.get(first, _ABSENT) if type(scope) is dict else _step(scope, first)
        if value is not _ABSENT:
            break
    else:
        return _ABSENT
    for segment in rest:
        value = value.get(segment, _ABSENT) if type(value) is dict else _step(value, segment, named=True)
        if value is _ABSENT:
            break
    return value


def _step(value: Any, segment: str, *, named: bool = False) -> Any:
    """Take one step into a mapping, a list or a mention, and into nothing else.

    ``named`` is whether the template names the value itself. Only then may a stand-in have parts that nobody knows yet:
    as the scope of a section it would hide every name outside.
    """
    if type(value) is str:  # the scope of a guarded text; asking whether it is a Mapping would be slow
        return _ABSENT
    if isinstance(value, Mapping):
        return value.get(segment, _ABSENT)
    if isinstance(value, _LISTS) and segment.isdecimal() and int(segment) < len(value):
        return value[int(segment)]
    if isinstance(value, Pending):
        part = value.part(segment) if named or not value.is_open else None
        return _ABSENT if part is None else part
    if isinstance(value, Markup):
        return value.parts.get(segment, _ABSENT)
    return _ABSENT


_LISTS = (list, tuple)
_SCALARS = (str, int, float, type(None), Decimal, dt.date, dt.time)  # bool and datetime are heirs
_FAST_PLAIN = frozenset({*_SCALARS, *_LISTS, bool, dt.datetime, dict})
_READABLE = (*_SCALARS, *_LISTS, Mapping, Markup)


def _is_plain(value: Any) -> bool:
    """Say whether a value may be read: a mapping, a list, or one of the plain values."""
    return type(value) in _FAST_PLAIN or isinstance(value, _READABLE)


def _type_of(value: Any) -> str:
    if callable(value):
        return "a function" if not isinstance(value, type) else f"the class {value.__name__}"
    name = type(value).__name__
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _how_far(stack: list[Any], tag: _Tag) -> tuple[int, Any]:
    """Return how many segments of a name exist, and the value of the last one that does."""
    steps = range(len(tag.rest) + 1)
    known = next((step for step in steps if _find(stack, tag.first, tag.rest[:step]) is _ABSENT), len(steps))
    return known, _find(stack, tag.first, tag.rest[: known - 1]) if known else None


def _report_absent(run: _Run, tag: _Tag, *, known: int, value: Any, name: str) -> None:
    """Report a name that the context does not have, or that leads into something that is not walked."""
    if known and not _is_plain(value):
        holder = ".".join((tag.first, *tag.rest)[:known])
        run.fail(tag, lambda: _foreign(tag, holder, value))
    else:
        run.fail(tag, lambda: tag.source.missing(tag.at, name, _nearest(name, run.stack)))


def _foreign(tag: _Tag, name: str, value: Any) -> TemplateError:
    instead = (
        "templates call nothing; put its result into the context"
        if callable(value)
        else "templates read only mappings, lists, text, numbers, dates and times; put the data itself into the context"
    )
    return tag.source.error(tag.at, f"{name!r} is {_type_of(value)}: {instead}")


_NAMES_SHOWN = 8
_NAMES_SEARCHED = 1000
_NAMES_DEEP = 6


def _nearest(name: str, stack: list[Any]) -> tuple[str, ...]:
    """Return existing names that come closest: in another case, with more or less before it, spelt alike."""
    names = list(dict.fromkeys(islice(_names(stack), _NAMES_SEARCHED)))
    wanted = name.casefold()
    folded: dict[str, str] = {}
    for existing in names:
        folded.setdefault(existing.casefold(), existing)
    same = [existing for existing in names if existing.casefold() == wanted and existing != name]
    longer = [old for fold, old in folded.items() if fold.endswith(f".{wanted}") or wanted.endswith(f".{fold}")]
    similar = [folded[fold] for fold in difflib.get_close_matches(wanted, list(folded), n=3, cutoff=0.7)]
    # The name itself can only be here when an inner scope hides it, and is no help then.
    return tuple(near for near in dict.fromkeys(same or (*longer, *similar)) if near != name)[:3]


def _names(stack: list[Any]) -> Iterator[str]:
    """Yield every dotted name that the context has, the innermost scope's first."""
    for scope in reversed(stack):
        yield from _names_in(scope, "", _NAMES_DEEP)


def _names_in(value: Any, before: str, deep: int) -> Iterator[str]:
    if not deep:
        return
    fields: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        fields = value.items()
    elif isinstance(value, _LISTS) and before:
        fields = (("0", item) for item in value[:1])
    elif isinstance(value, Markup):
        fields = value.parts.items()
    for key, inner in fields:
        if isinstance(key, str) and _PATH.fullmatch(key) and "." not in key:  # others no tag can name
            yield f"{before}{key}"
            yield from _names_in(inner, f"{before}{key}.", deep - 1)


# --- printing ---------------------------------------------------------------------------------------------------------


def _zone(offset: dt.timedelta | None) -> str:
    """Return a zone as it is printed after a time: nothing, UTC, or the offset."""
    if offset is None:
        return ""
    minutes = round(offset.total_seconds() / 60)
    return f" {'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else " UTC"


def _format_datetime(value: dt.datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M}{_zone(value.utcoffset())}"


def _format_time(value: dt.time) -> str:
    return f"{value:%H:%M}{_zone(value.utcoffset())}"


_FORMATS: dict[type[Any], Callable[[Any], str]] = {
    str: str.__str__,  # not str(): a str that is an Enum would print the member's name
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    float: float.__repr__,
    type(None): lambda _: "",
    Decimal: lambda value: f"{value:f}",
    dt.datetime: _format_datetime,
    dt.date: dt.date.isoformat,
    dt.time: _format_time,
}
"""How values are printed. An heir stands before its base."""


def _printed(run: _Run, tag: _Tag, value: Any) -> str:
    """Return the text of a value; report one that cannot be printed."""
    exact = _FORMATS.get(type(value))
    if exact is not None:
        return exact(value)
    for type_, form in _FORMATS.items():
        if isinstance(value, type_):
            return form(value)
    if value is _ABSENT:
        if not run.lenient:
            known, last = _how_far(run.stack, tag)
            _report_absent(run, tag, known=known, value=last, name=tag.name)
    else:
        run.fail(tag, lambda: _unprintable(tag, value))
    return ""


def _unprintable(tag: _Tag, value: Any) -> TemplateError:
    """Say what to print instead of a mapping, a list or something else."""
    name = tag.name
    if isinstance(value, Mapping):
        dot = "" if name == "." else f"{name}."
        fields = [key for key in value if isinstance(key, str)]
        shown = ", ".join(f"{{{{{dot}{field}}}}}" for field in fields[:_NAMES_SHOWN])
        more = f" and {len(fields) - _NAMES_SHOWN} more" if len(fields) > _NAMES_SHOWN else ""
        instead = f"print one of its fields: {shown}{more}" if fields else "and has no fields"
        return tag.source.error(tag.at, f"{name!r} is a mapping; {instead}")
    if isinstance(value, _LISTS):
        fields = [key for key in value[0] if isinstance(key, str)] if value and isinstance(value[0], Mapping) else []
        item = f"{{{{{fields[0]}}}}}" if fields else "{{.}}"
        each = f"{{{{#{name}}}}}{item}{{{{/{name}}}}}"
        return tag.source.error(tag.at, f"{name!r} is a list of {len(value)}; print each item: {each}")
    return _foreign(tag, name, value)


# --- compiling --------------------------------------------------------------------------------------------------------

_NESTING = 100
"""How deep sections may nest. People nest three; Python's own stack ends at some hundreds."""

_PARTIALS_DEEP = 50
"""How deep partials may include partials. A tree of replies is ten deep; an endless recursion is caught here."""


class _Node:
    """One part of a parsed template: what it prints, and what it names."""

    __slots__ = ("children", "emit", "kind", "tag")

    def __init__(self, kind: str, emit: _Emit, tag: _Tag | None = None, children: Sequence[_Node] = ()) -> None:
        self.kind = kind
        self.emit = emit
        self.tag = tag
        self.children = children

    def value(self, stack: list[Any]) -> Any:
        """Return the value of the name that the node reads, or :data:`_ABSENT`."""
        if self.tag is None or self.tag.first == ".":
            return stack[-1]
        return _find(stack, self.tag.first, self.tag.rest)


def _literal(text: str) -> _Emit:
    closes, tail = ">" in text, _text.open_tail(text)
    if not closes and not tail:

        def emit_plain(run: _Run) -> None:
            run.append(text)
            if run.tail:
                run.tail += text

        return emit_plain

    def emit(run: _Run) -> None:
        run.append(text)
        if run.looks_at == _TAIL:
            run.tail = tail if closes or not run.tail else run.tail + text

    return emit


def _variable(tag: _Tag, _indent: str) -> _Emit:
    first, rest, dot = tag.first, tag.rest, tag.first == "."
    last = rest[0] if len(rest) == 1 else None

    def emit(run: _Run) -> None:
        # The common look-ups stand here, because a call costs as much as they do: {{name}} and {{thing.name}} where
        # the innermost scope has them. `_find` gives the same answer, and every other.
        value = scope = run.stack[-1]
        if not dot:
            value = scope.get(first, _ABSENT) if type(scope) is dict else _ABSENT
            if last is not None and type(value) is dict:
                value = value.get(last, _ABSENT)
            elif rest or value is _ABSENT:
                value = _find(run.stack, first, rest)
        if type(value) is not str:
            if type(value) is _text.Placeholder:
                run.write(str(value))  # it stands for an ID or the like, and is never sent
                return
            if isinstance(value, Markup):
                run.write_markup(value)
                return
            value = _printed(run, tag, value)
        if run.tail or run.looks_at == _WHOLE:
            run.write_value(value)
        else:
            run.append(run.inert(value))

    return emit


def _raw(tag: _Tag, _indent: str) -> _Emit:
    first, rest, dot = tag.first, tag.rest, tag.first == "."

    def emit(run: _Run) -> None:
        value = run.stack[-1] if dot else _find(run.stack, first, rest)
        if isinstance(value, Markup):
            run.write_markup(value)
            return
        run.write(value if type(value) is str else _printed(run, tag, value))

    return emit


def _items(run: _Run, tag: _Tag) -> Sequence[Any]:
    """Return the scopes for which a section is printed: none when its value is false, missing or empty."""
    value = run.stack[-1] if tag.first == "." else _find(run.stack, tag.first, tag.rest)
    if isinstance(value, _LISTS):
        for index, item in enumerate(value):
            if type(item) not in _FAST_PLAIN and not _is_plain(item):
                _fail_for_item(run, tag, index, item)
                return ()
        return value
    if value is _ABSENT:
        _report_unless_last(run, tag)
        return ()
    if not _is_plain(value):
        run.fail(tag, lambda: _foreign(tag, tag.name, value))
        return ()
    return (value,) if value else ()


def _fail_for_item(run: _Run, tag: _Tag, index: int, item: Any) -> None:
    run.fail(tag, lambda: _foreign(tag, f"{tag.name}.{index}", item))


def _report_unless_last(run: _Run, tag: _Tag) -> None:
    """Report a guard that cannot ever hold: a segment before the last does not exist.

    A missing last segment is how optional fields are guarded, and a null on the way has no fields to miss.
    """
    if run.lenient:
        return
    known, value = _how_far(run.stack, tag)
    if known and (value is None or (known == len(tag.rest) and _is_plain(value))):
        return
    if known or tag.rest:
        # The name up to the missing segment: to guard the whole name is what the author just did.
        name = ".".join((tag.first, *tag.rest)[: known + 1])
        _report_absent(run, tag, known=known, value=value, name=name)


def _section(tag: _Tag, children: Sequence[_Node]) -> _Emit:
    emits = tuple(child.emit for child in children)

    def emit(run: _Run) -> None:
        stack = run.stack
        for item in _items(run, tag):
            stack.append(item)
            for emit_child in emits:
                emit_child(run)
            stack.pop()

    return emit


def _inverted(tag: _Tag, children: Sequence[_Node]) -> _Emit:
    emits = tuple(child.emit for child in children)

    def emit(run: _Run) -> None:
        if not _items(run, tag):
            for emit_child in emits:
                emit_child(run)

    return emit


def _partial(tag: _Tag, indent: str) -> _Emit:
    name = tag.name

    def emit(run: _Run) -> None:
        text = run.partials.get(name)
        if text is None:
            if not run.lenient:
                run.fail(tag, lambda: tag.source.error(tag.at, _unknown_partial(name, run.partials)))
            return
        if run.depth == _PARTIALS_DEEP:
            # Raised even where faults are collected: two inclusions of itself would double the work at each level.
            raise tag.source.error(
                tag.at, f"partials include each other more than {_PARTIALS_DEEP} deep; end the recursion with a section"
            )
        run.depth += 1
        for node in _parsed(text, name, indent):
            node.emit(run)
        run.depth -= 1

    return emit


def _unknown_partial(name: str, partials: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(name, list(partials), n=1)
    if near:
        return f"there is no partial {name!r}; did you mean {near[0]!r}?"
    known = ", ".join(map(repr, sorted(partials))) or "none was given"
    return f"there is no partial {name!r}; partials: {known}"


_COMPILERS: dict[str, Callable[[_Tag, str], _Emit]] = {
    "variable": _variable,
    "no escape": _raw,
    "partial": _partial,
}
_BLOCKS: dict[str, Callable[[_Tag, Sequence[_Node]], _Emit]] = {"section": _section, "inverted section": _inverted}


def _parse(text: str, partial: str = "", indent: str = "") -> tuple[_Node, ...]:
    """Parse one source. An ``indent`` is put before each of its lines first, as the specification has it."""
    source = _Source(re.sub(r"(?m)^(?=[\s\S])", lambda _: indent, text) if indent else text, partial, indent)
    tokens = list(_scan(source))
    root: list[_Node] = []
    nodes, blocks = root, list[tuple[_Token, list[_Node]]]()
    for token in tokens:
        if token.kind == "literal":
            nodes.append(_Node("literal", _literal(token.value)))
        elif token.kind in _COMPILERS:
            tag = _Tag(source, token)
            nodes.append(_Node(token.kind, _COMPILERS[token.kind](tag, token.indent), tag))
        elif token.kind in _BLOCKS:
            if len(blocks) == _NESTING:
                raise source.error(
                    token.at, f"sections nest more than {_NESTING} deep; use a partial or a flatter context"
                )
            blocks.append((token, nodes))
            nodes = []
        elif token.kind == "end":
            opened, outer = _close(source, token, blocks)
            tag = _Tag(source, opened)
            outer.append(_Node(opened.kind, _BLOCKS[opened.kind](tag, nodes), tag, nodes))
            nodes = outer
    if blocks:
        opened = blocks[-1][0]
        raise source.error(
            opened.at,
            f"the section {{{{{_sign(opened)}}}}} is never closed; write {{{{/{opened.value}}}}} where it ends",
        )
    _agree(source, tokens)
    return tuple(root)


def _close(source: _Source, token: _Token, blocks: list[tuple[_Token, list[_Node]]]) -> tuple[_Token, list[_Node]]:
    """Return the section that an end tag closes, and the nodes around it."""
    if not blocks:
        raise source.error(
            token.at,
            f"{{{{/{token.value}}}}} closes a section that was not opened; "
            f"write {{{{#{token.value}}}}} before it, or drop it",
        )
    opened = blocks[-1][0]
    if opened.value != token.value:
        line, column = source.place(opened.at)
        raise source.error(
            token.at,
            f"{{{{/{token.value}}}}} stands inside {{{{{_sign(opened)}}}}} (line {line}, column {column}); "
            f"write {{{{/{opened.value}}}}} first",
        )
    return blocks.pop()


def _sign(opened: _Token) -> str:
    return f"{'#' if opened.kind == 'section' else '^'}{opened.value}"


@lru_cache(maxsize=512)
def _parsed(text: str, partial: str, indent: str) -> tuple[_Node, ...]:
    """Parse a partial once for each indentation it is included with."""
    return _parse(text, partial, indent)


# --- the public face --------------------------------------------------------------------------------------------------


class Template:
    """A Mustache template for Slack text, checked when it is made.

    Values are escaped for Slack and for the place where they stand, so that none can become a mention, a channel
    reference or a labelled link; ``{{{name}}}`` and ``{{&name}}`` print a value as it is. An unknown name is an error
    where it is printed; in ``{{#name}}`` and ``{{^name}}`` a missing last segment is false.

    Args:
        source: The template.
        partials: Texts for ``{{>name}}``, by name. No file is ever read.

    Raises:
        TemplateError: The template, or a partial that it includes, is not valid; line and column say where.
        TypeError: The source or a partial is not text.

    >>> template = Template("*{{Activity.severity}}* {{Activity.title}}")
    >>> template.variables
    ('Activity.severity', 'Activity.title')
    >>> template.render({"Activity": {"severity": "SEV1", "title": "<!here> is down"}})
    '*SEV1* &lt;!here&gt; is down'
    """

    __slots__ = ("_nodes", "_partials", "_source")

    def __init__(self, source: str, *, partials: Mapping[str, str] | None = None) -> None:
        self._source = source
        self._partials = dict(partials or {})
        for text in (source, *self._partials.values()):
            if not isinstance(text, str):
                raise TypeError(f"a template is text, not {_type_of(text)}")
        self._nodes = _parse(source)
        if self._partials:
            list(self._reads(self._nodes, set(), inside=False))  # parses every partial that can be reached

    @property
    def source(self) -> str:
        """The template's text."""
        return self._source

    @property
    def is_literal(self) -> bool:
        """Whether the template has no tags at all."""
        return "{{" not in self._source

    @property
    def variables(self) -> tuple[str, ...]:
        """The names that a context must or may have, in order of first appearance, partials included.

        These are all names outside of sections, the sections' own names, and of the names inside a section only those
        that begin like one of the former: a bare ``{{name}}`` inside ``{{#people}}`` is each person's, and
        ``{{Activity.title}}`` there is the context's. The body of an inverted section counts as outside, because
        there is no item that could have the name.
        """
        reads = list(self._reads(self._nodes, set(), inside=False))
        outside = {name.split(".")[0] for name, inside in reads if not inside}
        return tuple(dict.fromkeys(name for name, _ in reads if name.split(".")[0] in outside))

    @property
    def raw_names(self) -> tuple[str, ...]:
        """The names that raw tags print, in order of first appearance, partials included."""
        return tuple(dict.fromkeys(self._raw_in(self._nodes, set())))

    def _raw_in(self, nodes: Iterable[_Node], seen: set[str]) -> Iterator[str]:
        for node in nodes:
            if node.tag is None:
                continue
            name = node.tag.name
            if node.kind == "no escape":
                yield name
            elif node.kind == "partial" and name in self._partials and name not in seen:
                seen.add(name)
                yield from self._raw_in(_parsed(self._partials[name], name, ""), seen)
            yield from self._raw_in(node.children, seen)

    def render(
        self,
        context: Mapping[str, Any] | SupportsContext,
        *,
        escape: _text.Kind | Callable[[str], str] = _text.Kind.MRKDWN,
        missing: Literal["error", "empty"] = "error",
    ) -> str:
        """Print the template.

        Args:
            context: Plain data: text, numbers, booleans, ``None``, dates and times, lists and mappings of these.
            escape: The kind of field that the text is for, or a function that escapes each value.
            missing: ``"empty"`` prints an unknown name or partial as nothing, as the specification of Mustache has it.

        Raises:
            MissingVariable: It prints a name that the context does not have.
            TemplateError: A value cannot be printed, a partial is unknown, or partials include each other without end.
            TypeError: The context itself is neither plain data nor has ``to_context()``.
        """
        run = _Run(context, self._partials, escape, lenient=missing == "empty")
        self._emit(run)
        return "".join(run.out)

    def evaluate(self, context: Mapping[str, Any] | SupportsContext, kind: _text.Kind) -> Any:
        """Return the value itself when the whole template is one tag whose value is not text, else the rendered text.

        Args:
            context: As for :meth:`render`.
            kind: The kind of field.

        Raises:
            MissingVariable: It names something that the context does not have.
            TemplateError: As for :meth:`render`; but a mapping or a list may be the value here.
        """
        if len(self._nodes) == 1 and self._nodes[0].kind in {"variable", "no escape"}:
            value = self._nodes[0].value(_Run(context, self._partials, kind).stack)
            # Bytes have no text, but a field that takes the value itself can take them: a picture to upload.
            if isinstance(value, (bytes, bytearray)) or (
                value is not _ABSENT and _is_plain(value) and not isinstance(value, str)
            ):
                return value
        return self.render(context, escape=kind)

    def faults(self, context: Mapping[str, Any] | SupportsContext, kind: _text.Kind) -> tuple[TemplateError, ...]:
        """Return every error that a render would meet, one for each tag, in order.

        Args:
            context: As for :meth:`render`.
            kind: The kind of field.
        """
        found: list[TemplateError] = []
        try:
            self._emit(_Run(context, self._partials, kind, faults=found))
        except TemplateError as error:
            found.append(error)
        return tuple(found)

    def _emit(self, run: _Run) -> None:
        try:
            for node in self._nodes:
                node.emit(run)
        except RecursionError:
            raise TemplateError(
                "its sections and partials nest deeper than Python's stack; use fewer levels", line=1, column=1
            ) from None

    def _reads(
        self, nodes: Iterable[_Node], seen: set[tuple[str, bool]], *, inside: bool
    ) -> Iterator[tuple[str, bool]]:
        """Yield every name that is read, and whether that is inside a section's item."""
        for node in nodes:
            tag = node.tag
            if tag is None:
                continue
            if node.kind == "partial":
                if tag.name in self._partials and (tag.name, inside) not in seen:
                    seen.add((tag.name, inside))
                    yield from self._reads(_parsed(self._partials[tag.name], tag.name, ""), seen, inside=inside)
                continue
            if tag.name != ".":
                yield tag.name, inside
            yield from self._reads(node.children, seen, inside=inside or node.kind == "section")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Template):
            return NotImplemented
        return (self._source, self._partials) == (other._source, other._partials)

    def __hash__(self) -> int:
        return hash(self._source)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._source, self._partials)

    def __repr__(self) -> str:
        return f"<Template of {len(self._source)} characters: {', '.join(self.variables) or 'no variables'}>"


def _rebuild(source: str, partials: Mapping[str, str]) -> Template:
    return Template(source, partials=partials)


@lru_cache(maxsize=1024)
def compiled(source: str) -> Template:
    """Return the template of a source without partials; the same source is parsed once.

    Args:
        source: The template.

    Raises:
        TemplateError: As for :class:`Template`.
    """
    return Template(source)
