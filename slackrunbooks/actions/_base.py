"""What every action shares: its shape, its fields, and how a field is filled from a context.

Rule of this file: no method of Slack is named here. A field of an action declares its *form* in its attrs metadata;
the form says which escape its values get and what the filled field must be. An action itself never renders.
"""

from __future__ import annotations

import abc
import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    runtime_checkable,
)

import attrs

from .. import blocks as block_kit
from ..errors import Problem, RunbookError, SlackRunbooksError, TemplateError
from ..markup import Markup, Pending
from ..templates import Template, compiled
from ..text import Kind, Placeholder

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._effects import Flow

__all__ = [
    "BLOCKS",
    "CANVAS",
    "CHANNEL",
    "CHANNELS",
    "DATA",
    "DESCRIPTION",
    "FLAG",
    "GROUP",
    "IDENTIFIER",
    "JSON",
    "LIST",
    "LITERAL",
    "MARKDOWN",
    "MRKDWN",
    "NAME",
    "NUMBER",
    "PLAIN",
    "URL",
    "USER",
    "USERS",
    "Action",
    "Fault",
    "Form",
    "HasChannel",
    "Names",
    "Need",
    "Placeholder",
    "as_blocks",
    "as_channel",
    "as_data",
    "as_flag",
    "as_switch",
    "as_users",
    "data_templates",
    "error_of",
    "fields_of",
    "fill",
    "forms",
    "hidden",
    "is_choice",
    "is_flag",
    "is_mapping",
    "is_number",
    "is_text",
    "naming",
    "render",
    "templates",
]

R_co = TypeVar("R_co", covariant=True)
A = TypeVar("A", bound="Action[Any]")


@runtime_checkable
class HasChannel(Protocol):
    """An earlier step's output, which stands for its channel."""

    @property
    def channel(self) -> str:
        """The channel's ID."""
        ...


@attrs.frozen
class Need:
    """One method that an action may call, for working out scopes, plans and times.

    Attributes:
        method: The Web API method.
        why: What for, as words that follow "to": ``look up a person by e-mail``.
        conversations: Types of conversation it may meet (``public``, ``private``, ``im``, ``mpim``); empty where the
            method's scopes do not depend on it or ``channel`` tells.
        channel: The channel field as written, where its type decides; an earlier step may tell the type.
        condition: When it is needed, if not always: ``if the app is not a member of the channel``.
        scopes: The scopes of which any one is enough, where an option decides and not the method.
        times: How often it is called, where that is known.
    """

    method: str
    why: str
    conversations: tuple[str, ...] = ()
    channel: str | None = None
    condition: str = ""
    scopes: tuple[str, ...] = ()
    times: int = 1


@attrs.frozen
class Fault:
    """What an action finds wrong with its own filled fields.

    Attributes:
        field: The field; for blocks with the JSON pointer behind it.
        message: What is wrong.
        remedy: What to do.
        severity: ``"error"``, or ``"warning"`` for what the action copes with and somebody may want to know.
    """

    field: str
    message: str
    remedy: str = ""
    severity: Literal["error", "warning"] = "error"


class Action(abc.ABC, Generic[R_co]):
    """One step in Slack. The type parameter is what it gives back.

    A subclass is a class made by ``attrs.frozen(kw_only=True)``. Its fields are its arguments; text fields are Mustache
    templates whenever a context is given. It says what it does in :meth:`flow`, which only describes requests and
    never performs one, so that one text serves the synchronous and the asynchronous executor, the plan and the tests.

    Attributes:
        output: The type that ``flow`` returns; later steps read its fields as ``{{steps.NAME.FIELD}}``.
    """

    # The tuple keeps attrs' slotted subclasses free of a __dict__.
    __slots__ = ()

    output: ClassVar[type[Any]]

    @abc.abstractmethod
    def flow(self) -> Flow[R_co]:
        """Yield the calls, one after another, and return the output.

        Returns:
            A generator. It is sent a reply for each call; a refusal by Slack is thrown in as its typed error.
        """

    def needs(self) -> Iterable[Need]:
        """Name the methods that :meth:`flow` may call, with what decides their scopes."""
        return ()

    def faults(self) -> Iterable[Fault]:
        """Name what is wrong with the filled fields: limits, names, what must not be empty. Looks only."""
        return ()

    def output_keys(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Name the mentions in each field of the output that is a mapping of them, with the parts that each has.

        What is named here is all there will be, so that a misspelt name is found before anything is sent.
        """
        return {}


# --- forms -----------------------------------------------------------------------------------------------------------


def _any_text(value: object) -> object:
    return value if isinstance(value, str) or value is None else str(value)


def _one_line(value: object) -> object:
    # Slack shows a topic and a description as one line; a YAML block text ends in a line break.
    return " ".join(str(value).split())


def _one_id(value: object) -> object:
    if isinstance(value, Mapping) and isinstance(value.get("channel"), str):
        value = value["channel"]
    if isinstance(value, Markup):
        value = value.bare
    if not isinstance(value, str):
        raise ValueError(f"must be text (an ID, a name or a link), not {_type(value)}")  # noqa: TRY004
    return value.strip()


def _people(value: object) -> object:
    found: list[str] = []
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(item, (list, tuple)):
            found.extend(cast("tuple[str, ...]", _people(item)))
        elif isinstance(item, Markup):
            found.append(item.bare)
        elif isinstance(item, str):
            found.extend(part for part in item.replace(",", " ").split() if part)
        else:
            raise ValueError(f"must be user IDs or e-mail addresses, not {_type(item)}")  # noqa: TRY004
    return tuple(found)


_WORDS = {"true": True, "false": False}


def _truth(value: object) -> object:
    if isinstance(value, bool) or value is None or Placeholder.is_in(value):
        return value
    # Only the two words: "no", "0" and "" in a flag such as is_private are more likely a mistake than a wish.
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return _WORDS[value.strip().lower()]
    shown = repr(value) if isinstance(value, (str, int, float)) else _type(value)
    raise ValueError(f"must be true or false, not {shown}")


def _whole(value: object) -> object:
    if value is None or Placeholder.is_in(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,9}", value.strip()):
        return int(value)
    shown = repr(value) if isinstance(value, (str, float)) else _type(value)
    raise ValueError(f"must be a whole number, not {shown}")


def _same(value: object) -> object:
    return value


def _sendable(value: object) -> object:
    # What travels as JSON is for programs to read, so a mention in it is an ID and a link an address.
    if isinstance(value, Markup):
        return value.bare
    if isinstance(value, Mapping):
        return {key: _sendable(item) for key, item in value.items()}
    return [_sendable(item) for item in value] if isinstance(value, (list, tuple)) else value


@attrs.frozen
class Form:
    """What a field holds: the kind of its text, and what the filled field must be.

    Attributes:
        name: For messages and the JSON Schema: ``text``, ``channel``, ``users``, ``flag``, ``number``, ``data``,
            ``time``, ``blocks``.
        kind: The kind of text, which decides how values are escaped.
        final: Turns what rendering gave into the filled value; ``ValueError`` says why it cannot.
        native: Whether a template that is one whole tag takes the value itself.
    """

    name: str
    kind: Kind
    final: Callable[[object], object]
    native: bool = attrs.field(kw_only=True)


@attrs.frozen
class Names:
    """What a field names that has to be there in Slack, and how it is weighed where that is wrong.

    Attributes:
        kind: ``channel``, ``people`` (and user groups), ``group``, or ``any`` for a mapping of these.
        missing: What somebody who is not there is: an ``error``, or a ``warning`` as long as others of the field are
            (``each``).
        inactive: The same of a deactivated account; ``warning`` for what is always a doubt, empty for what is right.
    """

    kind: Literal["channel", "people", "group", "any"]
    missing: Literal["error", "each"] = "error"
    inactive: Literal["error", "each", "warning", ""] = "error"


MRKDWN = {"form": Form("text", Kind.MRKDWN, _any_text, native=False)}
MARKDOWN = {"form": Form("text", Kind.MARKDOWN, _any_text, native=False)}
CANVAS = {"form": Form("text", Kind.CANVAS, _any_text, native=False)}
PLAIN = {"form": Form("text", Kind.PLAIN, _any_text, native=False)}
DESCRIPTION = {"form": Form("text", Kind.TOPIC, _one_line, native=False)}
NAME = {"form": Form("text", Kind.NAME, _any_text, native=False)}
URL = {"form": Form("text", Kind.URL, _any_text, native=False)}
LITERAL = {"form": Form("text", Kind.RAW, _any_text, native=False)}
IDENTIFIER = {"form": Form("text", Kind.ID, _any_text, native=False)}
CHANNEL = {"form": Form("channel", Kind.ID, _one_id, native=True), "names": Names("channel")}
LIST = {"form": Form("users", Kind.ID, _people, native=True)}
CHANNELS = {**LIST, "names": Names("channel")}
USERS = {**LIST, "names": Names("people")}
USER = {**IDENTIFIER, "names": Names("people")}
GROUP = {**IDENTIFIER, "names": Names("group")}
FLAG = {"form": Form("flag", Kind.RAW, _truth, native=True)}
NUMBER = {"form": Form("number", Kind.RAW, _whole, native=True)}
DATA = {"form": Form("data", Kind.RAW, _same, native=True)}
JSON = {"form": Form("data", Kind.RAW, _sendable, native=True)}
BLOCKS = {"form": Form("blocks", Kind.MRKDWN, _same, native=False)}

# Fields of a host's own action that declare nothing: text gets the safest escape, all else takes values themselves.
_OWN_TEXT = Form("text", Kind.MRKDWN, _any_text, native=False)
_OWN_VALUE = Form("data", Kind.MRKDWN, _same, native=True)


def _form(field: attrs.Attribute[Any]) -> Form:
    declared: Form | None = field.metadata.get("form")
    if declared is not None:
        return declared
    return _OWN_TEXT if _is_text_type(field.type) else _OWN_VALUE


def _is_text_type(annotation: object) -> bool:
    """Tell ``str`` and ``str | None``, as a type or as it is written, from everything else."""
    kinds: Iterable[object] = (annotation,)
    if isinstance(annotation, str):
        kinds = (part.strip() for part in annotation.split("|"))
    elif get_origin(annotation) in (Union, UnionType):
        kinds = get_args(annotation)
    return set(kinds) - {None, type(None), "None"} in ({str}, {"str"})


def fields_of(action: type[Action[Any]] | Action[Any]) -> tuple[attrs.Attribute[Any], ...]:
    """Return the attrs fields of an action, in the order in which its class declares them."""
    cls = action if isinstance(action, type) else type(action)
    return cast("tuple[attrs.Attribute[Any], ...]", attrs.fields(cast("type[attrs.AttrsInstance]", cls)))


def forms(action: type[Action[Any]] | Action[Any]) -> dict[str, Form]:
    """Return the form of each field of an action."""
    return {field.name: _form(field) for field in fields_of(action)}


def naming(action: Action[Any]) -> Iterator[tuple[str, Names]]:
    """Give the fields of an action that name something in Slack.

    A host's own action may have a ``channel`` and declare nothing; it is one where the action needs Slack's methods.
    """
    for field in fields_of(action):
        names: Names | None = field.metadata.get("names")
        if names is not None:
            yield field.name, names
        elif field.name == "channel" and "form" not in field.metadata and any(action.needs()):
            yield field.name, Names("channel")


def hidden(value: object) -> str:
    """Show the size of a text instead of the text: no message body stands in a repr."""
    if isinstance(value, (str, list, tuple)):
        unit = "character" if isinstance(value, str) else "block"
        return f"<{len(value)} {unit}{'' if len(value) == 1 else 's'}>"
    return "None" if value is None else f"<{_type(value)}>"


# --- converters and validators of fields -----------------------------------------------------------------------------


def as_channel(value: str | HasChannel) -> str:
    """Take the channel of an earlier output, or the text as it is."""
    if not isinstance(value, str) and isinstance(value, HasChannel):
        return value.channel
    return value


def as_users(value: str | Sequence[str]) -> str | tuple[str, ...]:
    """Make a list a tuple, so that the action is a value."""
    return tuple(value) if isinstance(value, list) else cast("str | tuple[str, ...]", value)


def as_blocks(value: object) -> tuple[dict[str, Any], ...] | None:
    """Read blocks from plain data, from Block Kit objects or from JSON or YAML text."""
    return None if value is None else tuple(block_kit.normalise(value))


def as_flag(value: bool | str) -> bool | str:
    """Take the words true and false as what they mean; a template waits for its context."""
    return _WORDS.get(value.strip().lower(), value) if isinstance(value, str) else value


def as_switch(value: bool | str | None) -> bool | str | None:
    """Take a flag that may be left to Slack's own default."""
    return None if value is None else as_flag(value)


def as_data(value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Copy plain data, so that what the caller does with its own does not change the action."""
    return cast("Mapping[str, Any] | None", _copied(value))


def _copied(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, (list, tuple)) else value


def is_text(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept text, and ``None`` where that is the default."""
    if isinstance(value, str) or (value is None and field.default is None):
        return
    hint = ""
    if isinstance(value, float) and field.name.endswith("ts"):
        hint = " Slack's ts is text, and a number loses its last digits: put it in quotes."
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        hint = " Put it in quotes."
    raise RunbookError(f"must be text, not {_type(value)}.{hint}", place=_place(instance, field))


def is_flag(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept true, false or a template, and ``None`` where that is the default."""
    if isinstance(value, bool) or (value is None and field.default is None):
        return
    if isinstance(value, str) and ("{{" in value or Placeholder.is_in(value)):
        return
    if value is None:
        # Left to its form, a missing value would be an option left out, and a private channel a public one.
        raise RunbookError("must be true or false, not nothing.", place=_place(instance, field))
    try:
        _truth(value)
    except ValueError as error:
        raise RunbookError(f"{error}.", place=_place(instance, field)) from None


def is_number(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept a whole number or a template, and ``None`` where that is the default."""
    if (value is None and field.default is None) or (isinstance(value, str) and "{{" in value):
        return
    if value is None:
        raise RunbookError("must be a whole number, not nothing.", place=_place(instance, field))
    try:
        _whole(value)
    except ValueError as error:
        raise RunbookError(f"{error}.", place=_place(instance, field)) from None


def is_users(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept text or a list of texts."""
    items = value if isinstance(value, tuple) else (value,)
    for item in items:
        if not isinstance(item, str):
            raise RunbookError(
                f"must be text or a list of texts (user IDs, e-mail addresses), not {_type(item)}.",
                place=_place(instance, field),
            )


def is_mapping(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept a mapping, and ``None`` where that is the default."""
    if not (isinstance(value, Mapping) or (value is None and field.default is None)):
        raise RunbookError(f"must be a mapping, not {_type(value)}.", place=_place(instance, field))


def is_choice(*choices: str) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Accept one of some words."""

    def validate(instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if value not in choices:
            raise RunbookError(
                f"must be one of {', '.join(map(repr, choices))}, not {value!r}.", place=_place(instance, field)
            )

    return validate


def _place(instance: object, field: attrs.Attribute[Any]) -> str:
    return f"{type(instance).__name__}.{field.name}"


def _type(value: object) -> str:
    names: dict[type[Any], str] = {
        dict: "a mapping",
        list: "a list",
        tuple: "a list",
        bool: "true or false",
        type(None): "nothing",
    }
    return names.get(type(value)) or f"a value of type {type(value).__name__}"


# --- filling ---------------------------------------------------------------------------------------------------------


class _Filler:
    """Fills the fields of one action and collects everything that is wrong on the way."""

    def __init__(self, context: Mapping[str, Any] | None, place: str, partials: Mapping[str, str] | None) -> None:
        self.context = context
        self.place = place
        self.partials = partials
        self.problems: list[Problem] = []
        self.unfilled: set[str] = set()

    def field(self, name: str, form: Form, value: object) -> object:
        """Fill one field, and note it where that is not possible."""
        before = len(self.problems)
        filled = self._field(name, form, value)
        if len(self.problems) > before:
            self.unfilled.add(name)
            return value
        return filled

    def _field(self, name: str, form: Form, value: object) -> object:
        place = f"{self.place}.{name}" if self.place else name
        if value is None:
            return None
        if form.name == "blocks":
            return self._blocks(cast("tuple[dict[str, Any], ...]", value), place)
        filled = self._value(value, form, place)
        try:
            return form.final(filled)
        except ValueError as error:
            self.problems.append(Problem(place, f"{error}."))
            return value

    def _value(self, value: object, form: Form, place: str) -> object:
        if self.context is None:
            return value
        if isinstance(value, str):
            return self._text(value, form.kind, place, native=form.native)
        if isinstance(value, (list, tuple)):
            return [self._value(item, form, f"{place}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, Mapping):
            return {key: self._value(item, form, f"{place}.{key}") for key, item in value.items()}
        return value

    def _text(self, source: str, kind: Kind, place: str, *, native: bool = False) -> object:
        context = cast("Mapping[str, Any]", self.context)
        try:
            template = _template(source, self.partials)
        except TemplateError as error:
            faults: tuple[TemplateError, ...] = (error,)
        else:
            try:
                if not native:
                    return template.render(context, escape=kind)
                value = template.evaluate(context, kind)
                # Of what may be anything, no form can be asked whether it is a number, or a person.
                return Placeholder.named(value.name) if isinstance(value, Pending) and value.is_open else value
            except TemplateError as error:
                # The first error ends a render; all of them are wanted.
                faults = template.faults(context, kind) or (error,)
        for fault in faults:
            placed = fault.at(place)
            position = f"{place}, line {fault.line}, column {fault.column}"
            self.problems.append(Problem(position, fault.reason, error=placed))
        return source

    def _blocks(self, blocks: tuple[dict[str, Any], ...], place: str) -> object:
        if self.context is None:
            return tuple(block_kit.render_blocks(blocks, lambda source, _kind, _pointer: source))

        def leaf(source: str, kind: Kind, pointer: str) -> str:
            return cast("str", self._text(source, kind, _spot(place, pointer)))

        try:
            return tuple(block_kit.render_blocks(blocks, leaf))
        except RunbookError as error:
            self.problems.append(Problem(_spot(place, error.place), error.reason, error=error))
            return blocks


def render(
    action: A, context: Mapping[str, Any] | None, *, place: str = "", partials: Mapping[str, str] | None = None
) -> tuple[A, list[Problem]]:
    """Fill the fields of an action from a context, and look for everything that is wrong with the result.

    Args:
        action: The action as its author wrote it.
        context: Plain data, or ``None`` to send the values as they are.
        place: Where the action stands (``steps.announce``), for the problems.
        partials: Templates by name for ``{{>name}}``.

    Returns:
        The filled action and all problems; it may be performed only where none is an error.
    """
    filler = _Filler(context, place, partials)
    filled = {name: filler.field(name, form, getattr(action, name)) for name, form in forms(action).items()}
    try:
        ready = attrs.evolve(action, **filled)  # type: ignore[misc]
    except RunbookError as error:
        if filler.problems:
            return action, filler.problems
        # The error names the class and the field; of a step, the field is behind the place of the step.
        field = error.place.partition(".")[2]
        where = ".".join(part for part in (place, field) if part) if place else error.place
        return action, [Problem(where, error.reason, error=error)]
    prefix = f"{place}." if place else f"{type(action).__name__}."
    # What could not be filled holds its template still, of which nothing more can be said.
    faults: list[Fault] = []
    with contextlib.suppress(*(Exception,) if filler.problems else ()):
        faults += (fault for fault in ready.faults() if re.split(r"\W", fault.field)[0] not in filler.unfilled)
    found = [
        Problem(f"{prefix}{fault.field}", fault.message, fault.remedy, severity=fault.severity) for fault in faults
    ]
    return (action if filler.problems else ready), [*filler.problems, *found]


def templates(
    action: Action[Any], *, place: str = "", partials: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Template]]:
    """Parse every template of an action.

    Args:
        action: The action as its author wrote it.
        place: Where it stands, for errors.
        partials: Templates by name for ``{{>name}}``.

    Yields:
        Pairs of place and template, literal texts left out.

    Raises:
        TemplateError: A template cannot be parsed; the error has its place.
        RunbookError: A tag stands where blocks may not have one.
    """
    for name, form in forms(action).items():
        where = f"{place}.{name}" if place else name
        for spot, source in _leaves(getattr(action, name), form, where):
            try:
                template = _template(source, partials)
            except TemplateError as error:
                raise error.at(spot) from None
            if not template.is_literal:
                yield spot, template


def data_templates(value: object, *, place: str) -> Iterator[tuple[str, Template]]:
    """Parse every template in plain data; as :func:`templates`, which see."""
    for spot, source in _leaves(value, DATA["form"], place):
        try:
            template = compiled(source)
        except TemplateError as error:
            raise error.at(spot) from None
        if not template.is_literal:
            yield spot, template


def fill(value: object, context: Mapping[str, Any], *, place: str) -> tuple[Any, list[Problem]]:
    """Fill the templates in plain data; one that is a whole tag takes the value itself.

    Args:
        value: Plain data.
        context: What fills it.
        place: Where it stands, for the problems.

    Returns:
        The filled data and everything that is wrong.
    """
    filler = _Filler(context, place, None)
    return filler._value(value, DATA["form"], place), filler.problems  # noqa: SLF001


def _template(source: str, partials: Mapping[str, str] | None) -> Template:
    """Parse a template; one without partials is parsed once, however often its runbook is looked at and run."""
    return Template(source, partials=partials) if partials else compiled(source)


def _spot(place: str, pointer: str) -> str:
    """Put a JSON pointer, which begins with the argument's own name, behind the place of that argument."""
    return f"{place}{pointer.removeprefix('/blocks')}"


def _leaves(value: object, form: Form, place: str) -> Iterator[tuple[str, str]]:
    if form.name == "blocks" and value is not None:
        found: list[tuple[str, str]] = []

        def note(source: str, _kind: Kind, pointer: str) -> str:
            found.append((_spot(place, pointer), source))
            return source

        try:
            block_kit.render_blocks(cast("tuple[dict[str, Any], ...]", value), note)
        except RunbookError as error:
            raise RunbookError(error.reason, place=_spot(place, error.place)) from None
        yield from found
    elif isinstance(value, str):
        yield place, value
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _leaves(item, form, f"{place}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, form, f"{place}.{key}")


def error_of(problems: Sequence[Problem]) -> SlackRunbooksError | None:
    """Return the one typed error behind a single problem, or ``None``."""
    return problems[0].error if len(problems) == 1 else None
