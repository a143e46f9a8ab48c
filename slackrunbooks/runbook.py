"""Runbooks: steps in order, when each runs, what it leaves for the next; from Python, plain data or YAML.

Rule of this file: everything that can be known to be wrong without a context is refused here, when the runbook is
built, with its place and the nearest right name. Nothing here performs a step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from importlib import resources
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NoReturn, Protocol, TypeAlias, cast, get_args

import attrs

from ._conditions import When, checked_when, when_paths
from ._context import MISSING, PATH, in_the_way, kind_of, look_up, near, put
from ._effects import OnAmbiguous
from ._registry import LATER_OPTIONS, STEP_OPTIONS, Known, known, registered_word, word
from .actions._base import Action, Placeholder, data_templates, fields_of, templates
from .actions.functions import Function, HostFunction, parameters
from .errors import Problem, RunbookError, TemplateError, Unsupported
from .markup import ChannelMention, GroupMention, Markup, Pending, Unknown, UserMention, keys_of
from .templates import Template

__all__ = [
    "ERROR_STAND_IN",
    "OF_THE_RUN",
    "Duration",
    "Input",
    "ItemFailed",
    "ItemsDone",
    "Runbook",
    "Step",
    "When",
    "no_team",
    "output_fields",
    "save_problems",
    "stand_in",
]

_STEP_NAME = re.compile(r"[a-z][a-z0-9_]*")
OF_THE_RUN = ("steps", "error", "signals")
"""Names in a context that only the run fills."""

Duration: TypeAlias = float | str | timedelta
"""A time: seconds, or text such as ``"30m"``."""

_LOOP = ("item", "item_number")
_ERROR_FIELDS = ("step", "code", "message", "method", "remedy")


@attrs.frozen(kw_only=True)
class ItemFailed:
    """What became of one item of a step with ``foreach`` that did not succeed.

    Attributes:
        number: Which item, from 1.
        code: Slack's error code, or the name of the error's class.
        message: The error in words.
        output: What was achieved before, or ``None``.
    """

    number: int
    code: str
    message: str
    output: Any = None


@attrs.frozen(kw_only=True)
class ItemsDone:
    """The output of a step with ``foreach``.

    Attributes:
        items: The outputs of the items that succeeded, in order.
        failed: The items that did not.
    """

    items: tuple[Any, ...] = ()
    failed: tuple[ItemFailed, ...] = ()


def output_fields(step: Step) -> tuple[str, ...] | None:
    """Return the names of the fields that a step's output has, or ``None`` where that is not known before a run."""
    return _fields_of_output(step.action, looped=step.foreach is not None)


def _fields_of_output(action: Action[Any], *, looped: bool) -> tuple[str, ...] | None:
    kind = ItemsDone if looped else getattr(action, "output", None)
    if isinstance(kind, type) and attrs.has(kind):
        return tuple(field.name for field in attrs.fields(kind))
    return None


# --- steps -----------------------------------------------------------------------------------------------------------


@attrs.frozen(init=False, repr=False)
class Step:
    """An action with the conditions under which it runs.

    Args:
        action: What to do.
        when: A context path that must be set (``"Activity.page"``), or a mapping of paths to a value, a list of
            values, ``{"not": …}``, ``{"exists": true}`` or ``{"gt": …}`` (``ge``, ``lt``, ``le``), all of which must
            hold; in Python also a predicate of the context.
        on_error: ``"stop"`` skips the steps behind a failure; ``"continue"`` goes on, for steps that are only nice to
            have.
        run_if: ``"success"`` runs where nothing has failed, ``"failure"`` where something has, ``"always"`` either
            way. The latter two can read ``{{error.step}}``, ``{{error.code}}``, ``{{error.message}}`` and
            ``{{error.remedy}}``.
        save_as: Writes fields of the output into the context for later steps and runbooks, as
            ``{"Activity.slack_channel": "channel"}``.
        foreach: Does the action once for each item of a list: a context path (``"Activity.responders"``,
            ``"steps.members.users"``) or the list itself. The action reads ``{{item}}``, ``{{item.name}}`` and
            ``{{item_number}}``, from 1. The first item that fails ends the step; with ``on_error="continue"`` the
            others are done all the same. An empty list skips the step. The output is an :class:`ItemsDone`.
        every: Does the action again and again, this long from one beginning to the next, until ``until`` holds. The
            output is that of the last time. With ``on_error="continue"`` a time that fails does not end it.
        until: A condition, written as ``when``, that ends ``every``; it is looked at before each time. It can read
            the step's own output (``{"steps.poll.done": True}``) and what ``signal`` told (``"signals.resolved"``).
        after: Waits this long after the step before it has ended.
        expires_after: Does nothing any more when this long has passed since the run began: a run that is gone on with
            hours later does not post what is no longer true. The step is skipped then; one that has done a part fails.
        on_ambiguous: What to do about a lost answer in this step, instead of what the executor does.
        workspace: The workspace in which the step acts, if it is not the run's own: a team ID (``"T0123ABCD"``), or a
            template that gives one (``"{{Activity.partner_team}}"``, with ``foreach`` also ``"{{item.team}}"``). Takes
            an executor that reaches other workspaces: one that :class:`Workspaces` made, or
            ``Executor(workspaces=…)``. IDs that the step gives to later ones are those of its workspace.
        concurrency: Not in this version.

    A time (``every``, ``after``, ``expires_after``) is seconds, a ``timedelta``, or text such as ``"90s"``, ``"30m"``,
    ``"1h30m"``, ``"2d"``.

    Raises:
        RunbookError: A part is wrong; the message says what to write.
        Unsupported: A part that this version does not have was given.
    """

    action: Action[Any]
    when: When
    on_error: Literal["stop", "continue"]
    run_if: Literal["success", "failure", "always"]
    save_as: Mapping[str, str]
    foreach: str | tuple[Any, ...] | None
    every: float | None
    until: When
    after: float | None
    expires_after: float | None
    on_ambiguous: OnAmbiguous | None
    workspace: str | None

    def __init__(
        self,
        action: Action[Any],
        *,
        when: When = None,
        on_error: Literal["stop", "continue"] = "stop",
        run_if: Literal["success", "failure", "always"] = "success",
        save_as: Mapping[str, str] | None = None,
        foreach: str | Sequence[Any] | None = None,
        every: Duration | None = None,
        until: When = None,
        after: Duration | None = None,
        expires_after: Duration | None = None,
        on_ambiguous: OnAmbiguous | None = None,
        workspace: str | None = None,
        concurrency: object = None,
    ) -> None:
        if not isinstance(action, Action):
            raise RunbookError(f"must be an action such as SendMessage(…), not {kind_of(action)}.", place="action")
        for option, value in zip(LATER_OPTIONS, (concurrency,), strict=True):
            if value is not None:
                raise _later(option)
        _choice("on_error", on_error, ("stop", "continue"))
        _choice("run_if", run_if, ("success", "failure", "always"))
        if on_ambiguous is not None:
            _choice("on_ambiguous", on_ambiguous, get_args(OnAmbiguous))
        if every is not None and until is None:
            raise RunbookError("goes with until, which says when it ends.", place="every")
        if until is not None and every is None:
            raise RunbookError('goes with every, which says how often, as every="30m".', place="until")
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            action,
            checked_when(when, "when"),
            on_error,
            run_if,
            _checked_save_as(save_as, action, looped=foreach is not None),
            _checked_foreach(foreach),
            _checked_time("every", every, least=1),
            checked_when(until, "until"),
            _checked_time("after", after),
            _checked_time("expires_after", expires_after),
            on_ambiguous,
            _checked_workspace(workspace, action),
        )

    def __hash__(self) -> int:
        # Equal steps have these in common; the fields of an action and a condition may hold what has no hash.
        return hash((type(self.action), self.on_error, self.run_if))

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only views of mappings neither pickle nor copy, so a step is made anew.
        options = {
            "when": self.when if callable(self.when) else _thawed(self.when),
            "save_as": dict(self.save_as),
            "foreach": _thawed(self.foreach),
            "until": self.until if callable(self.until) else _thawed(self.until),
            **{name: getattr(self, name) for name in _AS_THEY_ARE},
        }
        return _remade, (Step, (self.action,), {**options, "on_error": self.on_error, "run_if": self.run_if})

    def __repr__(self) -> str:
        options = {
            "when": self.when,
            "on_error": self.on_error if self.on_error != "stop" else None,
            "run_if": self.run_if if self.run_if != "success" else None,
            "save_as": dict(self.save_as) or None,
            "foreach": self.foreach,
            "every": self.every,
            "until": self.until,
            "after": self.after,
            "expires_after": self.expires_after,
            "on_ambiguous": self.on_ambiguous,
            "workspace": self.workspace,
        }
        given = "".join(
            f", {name}={value if callable(value) else _thawed(value)!r}"
            for name, value in options.items()
            if value is not None
        )
        return f"Step({self.action!r}{given})"


def _remade(cls: type[Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """Make a step or a runbook again from its pickle."""
    return cls(*args, **options)


_TIMES = ("every", "after", "expires_after")
# Options that plain data holds as they are.
_AS_THEY_ARE = (*_TIMES, "on_ambiguous", "workspace")
_DURATION = re.compile(
    r"(?:(?P<days>\d+(?:\.\d+)?)\s*d)?\s*(?:(?P<hours>\d+(?:\.\d+)?)\s*h)?\s*"
    r"(?:(?P<minutes>\d+(?:\.\d+)?)\s*m)?\s*(?:(?P<seconds>\d+(?:\.\d+)?)\s*s)?"
)


def _checked_time(option: str, value: object, *, least: float = 0) -> float | None:
    """Return a time in seconds."""
    if value is None:
        return None
    seconds: object = value
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str):
        parts = _DURATION.fullmatch(value.strip())
        if parts is None or not any(parts.groups()):
            raise RunbookError(f'{value!r} is no time; write it like "90s", "30m", "1h30m" or "2d".', place=option)
        seconds = timedelta(**{unit: float(part) for unit, part in parts.groupdict(0).items()}).total_seconds()
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise RunbookError(f'must be seconds, or text such as "30m", not {kind_of(value)}.', place=option)
    # Not a number is neither less nor more.
    if not max(least, 1e-9) <= seconds <= _LONGEST:
        raise RunbookError(f"must be {least or 'more than 0'} to {_LONGEST} seconds, not {seconds:g}.", place=option)
    return float(seconds)


# A year; whoever writes more has mistaken the unit.
_LONGEST = 365 * 24 * 3600


def _later(option: str) -> Unsupported:
    return Unsupported(f"the step option {option!r}", "Leave it out, or do it in the program around the run.")


def _choice(option: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise RunbookError(
            f"must be one of {', '.join(map(repr, choices))}, not {value!r}{near(str(value), choices)}.", place=option
        )


_TEAM = re.compile(r"T[A-Z0-9]+")


def no_team(value: object) -> str:
    """Tell what is wrong with a workspace's ID, or return ``""``.

    Args:
        value: What was given, filled.
    """
    if not isinstance(value, str):
        return f"must be the ID of a workspace, as T0123ABCD, not {kind_of(value)}."
    if not value.strip():
        return "is empty: it takes the ID of a workspace, as T0123ABCD."
    if re.fullmatch(r"E[A-Z0-9]+", value):
        return f"{value!r} is an organisation; a step acts in one of its workspaces, whose ID begins with T."
    return "" if _TEAM.fullmatch(value) else f"{value!r} is no ID of a workspace, which looks like T0123ABCD."


def _checked_workspace(workspace: object, action: Action[Any]) -> str | None:
    if workspace is None:
        return None
    if isinstance(action, Function):
        raise RunbookError("is for actions in Slack; a function of the host acts in none.", place="workspace")
    wrong = no_team(workspace)
    # What a template gives is known when it is filled.
    if wrong and not (isinstance(workspace, str) and "{{" in workspace):
        raise RunbookError(wrong, place="workspace")
    return cast("str", workspace)


# A text that is one tag and nothing else.
_ONE_TAG = re.compile(r"\s*\{\{\s*([^\s{}#^/!>&=]+)\s*\}\}\s*")


def _checked_foreach(foreach: object) -> str | tuple[Any, ...] | None:
    """Take a path, a tag that is a path, or a list."""
    if foreach is None:
        return None
    if isinstance(foreach, str):
        tag = _ONE_TAG.fullmatch(foreach)
        path = tag[1] if tag else foreach.strip()
        if not PATH.fullmatch(path):
            raise RunbookError(
                f"{foreach!r} is no context path; write it like Activity.responders, or give a list.", place="foreach"
            )
        return path
    if isinstance(foreach, (list, tuple)):
        if not foreach:
            raise RunbookError("is an empty list: the step would never do anything.", place="foreach")
        return tuple(_thawed(item) for item in foreach)
    raise RunbookError(
        f"must be a context path such as Activity.responders, or a list, not {kind_of(foreach)}.", place="foreach"
    )


def _checked_save_as(save_as: object, action: Action[Any], *, looped: bool) -> Mapping[str, str]:
    if save_as is None:
        return MappingProxyType({})
    if not isinstance(save_as, Mapping):
        raise RunbookError(
            "must map context paths to fields of the output, as {Activity.slack_channel: channel}.", place="save_as"
        )
    gives_fields = _fields_of_output(action, looped=looped)
    for path, field in save_as.items():
        if not isinstance(path, str) or not PATH.fullmatch(path):
            raise RunbookError(f"{path!r} is no context path; write it like Activity.slack_channel.", place="save_as")
        if path.split(".")[0] in OF_THE_RUN:
            raise RunbookError(f"{path!r}: {path.split('.')[0]!r} is the run's own; write elsewhere.", place="save_as")
        if not isinstance(field, str) or (gives_fields is not None and field not in gives_fields):
            gives = f"; it gives {', '.join(gives_fields)}" if gives_fields else ""
            giver = "A step with foreach" if looped else type(action).__name__
            raise RunbookError(
                f"{giver} gives no {field!r}{near(str(field), gives_fields or ())}{gives}.", place="save_as"
            )
    return MappingProxyType(dict(save_as))


# --- inputs ----------------------------------------------------------------------------------------------------------

_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str, Markup),
    "number": (int, float),
    "flag": (bool,),
    "list": (list, tuple),
    "mapping": (Mapping,),
    "time": (datetime, date),
    "any": (object,),
}
_TYPE_NAMES = {
    str: "text",
    int: "number",
    float: "number",
    bool: "flag",
    list: "list",
    tuple: "list",
    dict: "mapping",
    datetime: "time",
    date: "time",
    object: "any",
}
_TYPE_WORDS = {
    "text": "text",
    "number": "a number",
    "flag": "true or false",
    "list": "a list",
    "mapping": "a mapping",
    "time": "a datetime or date",
    "any": "anything",
}


@attrs.frozen(init=False)
class Input:
    """A variable that a runbook takes from its context.

    Args:
        type: ``str``, ``int`` or ``float`` (numbers), ``bool``, ``list``, ``dict``, ``datetime``, or ``object`` for
            anything; by name ``text``, ``number``, ``flag``, ``list``, ``mapping``, ``time``, ``any``.
        default: The value where the context has none; without it the variable must be there.
        description: For people who fill it.

    Attributes:
        kind: The type by name.
        required: Whether the context must have it.

    Raises:
        RunbookError: There is no such type, or the default is not of it.
    """

    kind: str
    default: Any
    description: str
    required: bool

    def __init__(self, type: type | str = str, *, default: Any = MISSING, description: str = "") -> None:  # noqa: A002
        kind = (
            type if isinstance(type, str) else next((name for known, name in _TYPE_NAMES.items() if known == type), "")
        )
        if kind not in _TYPES:
            shown = getattr(type, "__name__", None) or repr(type)
            raise RunbookError(
                f"{shown} is no type of input{near(shown, _TYPES)}; there are {', '.join(_TYPES)}.", place="type"
            )
        if not isinstance(description, str):
            raise RunbookError(f"must be text, not {kind_of(description)}.", place="description")
        required = default is MISSING
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            kind, None if required else _thawed(default), description, required
        )
        if not required and not self.accepts(default):
            raise RunbookError(f"must be {_TYPE_WORDS[kind]}, not {kind_of(default)}.", place="default")

    def accepts(self, value: object) -> bool:
        """Tell whether a value is of the input's type; a bool is no number."""
        if isinstance(value, bool):
            return self.kind in ("flag", "any")
        return value is None or isinstance(value, _TYPES[self.kind])


# --- runbooks --------------------------------------------------------------------------------------------------------


@attrs.frozen(init=False, repr=False)
class Runbook:
    """Steps that are run in order.

    Args:
        name: Names the runbook in reports and errors.
        steps: Maps step names (``[a-z][a-z0-9_]*``) to actions or to :class:`Step`. A later step reads an earlier
            one's output as ``{{steps.NAME.FIELD}}``.
        inputs: The variables it takes from the context; left out, they are read off the templates.
        partials: Templates by name, for ``{{>name}}``.

    Attributes:
        variables: The context variables its templates use, in order of appearance.

    Raises:
        RunbookError: Something is wrong whatever the context; the place says where.
        TemplateError: A template cannot be parsed; the place says where.
    """

    name: str
    steps: Mapping[str, Step]
    inputs: Mapping[str, Input] | None
    partials: Mapping[str, str]
    variables: tuple[str, ...] = attrs.field(eq=False, repr=False)

    def __init__(
        self,
        name: str,
        steps: Mapping[str, Action[Any] | Step],
        *,
        inputs: Mapping[str, Input] | None = None,
        partials: Mapping[str, str] | None = None,
    ) -> None:
        made = _checked_steps(name, steps)
        checked_inputs = None if inputs is None else _checked_inputs(inputs)
        texts = _checked_partials(partials)
        variables = _variables(made, checked_inputs, texts)
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            name, MappingProxyType(made), checked_inputs, texts, variables
        )

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.steps)))

    def __repr__(self) -> str:
        return f"<Runbook {self.name!r}: {', '.join(self.steps)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        inputs = None if self.inputs is None else dict(self.inputs)
        return _remade, (Runbook, (self.name, dict(self.steps)), {"inputs": inputs, "partials": dict(self.partials)})

    @classmethod
    def of_one(cls, action: Action[Any], *, workspace: str | None = None) -> Runbook:
        """Wrap one action for the engine. Its templates are parsed only when a context fills them.

        Args:
            action: The action.
            workspace: Where it acts, if not in the run's own.
        """
        runbook = cls.__new__(cls)
        name = word(action)
        runbook.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            name, MappingProxyType({name: Step(action, workspace=workspace)}), None, MappingProxyType({}), ()
        )
        return runbook

    def to_spec(self, *, single: bool = False) -> dict[str, Any]:
        """Return plain data for a journal; ``single`` for what :meth:`of_one` made, whose templates nobody has parsed.

        Raises:
            RunbookError: A step holds something that only Python has; the place names it.
        """
        if not single:
            return self.to_dict()
        ((name, step),) = self.steps.items()
        return {"single": _step_data(name, step)}

    @classmethod
    def from_spec(cls, data: Mapping[str, Any]) -> Runbook:
        """Read what :meth:`to_spec` gave."""
        if "single" not in data:
            return cls.from_dict(data)
        ((name, fields),) = data["single"].items()
        return cls.of_one(_Reader(_plain_error).action(name, fields))

    # --- files ---

    @classmethod
    def from_yaml(cls, source: str | Path) -> Runbook:
        """Read a runbook from YAML.

        Args:
            source: A path, or the YAML text itself (a text with a line break is never a path).

        Raises:
            RunbookError: The YAML or the runbook is wrong; the message has file, line, column, step and field.
            OSError: The file cannot be read.
        """
        from . import _yaml

        if isinstance(source, str) and "\n" in source:
            document = _yaml.read(source)
            default = "runbook"
        else:
            path = Path(source)
            document = _yaml.read(_yaml.decode(path.read_bytes(), file=str(source)), file=str(source))
            default = path.stem
        return _Reader(document.error).runbook(document.data, default)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Runbook:
        """Make a runbook from plain data, as :meth:`to_dict` gives it or as YAML has it.

        Args:
            data: ``name``, ``steps`` (a mapping, or a list of one-entry mappings), ``inputs``, ``partials``.

        Raises:
            RunbookError: The data is wrong; the place says where.
        """
        return _Reader(_plain_error).runbook(data, "runbook")

    @classmethod
    def shipped(cls, name: str) -> Runbook:
        """Return a runbook that comes with the library.

        Args:
            name: ``incident-coordination``, ``status-update`` or ``post-incident``.

        Raises:
            RunbookError: There is none of that name.
        """
        from . import _yaml

        folder = resources.files("slackrunbooks") / "runbooks"
        files = folder.iterdir() if folder.is_dir() else ()
        names = sorted(entry.name.removesuffix(".yaml") for entry in files if entry.name.endswith(".yaml"))
        if name not in names:
            known = f"there are {', '.join(names)}" if names else "this version ships none"
            raise RunbookError(f"no runbook {name!r} is shipped{near(name, names)}; {known}.")
        document = _yaml.read((folder / f"{name}.yaml").read_text(encoding="utf-8"), file=f"{name}.yaml")
        return _Reader(document.error).runbook(document.data, name)

    def to_dict(self) -> dict[str, Any]:
        """Return the runbook as plain data; ``from_dict`` makes the same again.

        Raises:
            RunbookError: A step holds something that only Python has, such as a predicate; the place names it.
        """
        data: dict[str, Any] = {"name": self.name}
        if self.inputs is not None:
            data["inputs"] = {name: _input_data(name, entry) for name, entry in self.inputs.items()}
        if self.partials:
            data["partials"] = dict(self.partials)
        data["steps"] = [{name: _step_data(name, step)} for name, step in self.steps.items()]
        return data

    def to_yaml(self) -> str:
        """Return the runbook as YAML; ``from_yaml`` makes the same again.

        Raises:
            RunbookError: A step holds something that only Python has.
        """
        from . import _yaml

        return _yaml.dump(self.to_dict())

    # --- contexts ---

    def with_defaults(self, context: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
        """Fill in the defaults of declared inputs, and look whether what is required is there.

        Args:
            context: Plain data.

        Returns:
            The filled context and the problems.
        """
        problems = [
            Problem(name, f"the context's {name!r} is the run's own.", "Give it another name.")
            for name in OF_THE_RUN
            if name in context
        ]
        filled = dict(context)
        for path, entry in (self.inputs or {}).items():
            try:
                value = look_up(filled, path)
            except RunbookError:
                value = MISSING
            place = f"inputs.{path}"
            if value is MISSING and entry.required:
                told = f" ({entry.description})" if entry.description else ""
                problems.append(Problem(place, f"the context has no {path!r}{told}.", "Add it."))
            elif value is MISSING and (blocked := in_the_way(filled, path)):
                problems.append(_blocked(place, path, blocked, filled))
            elif value is MISSING:
                filled = put(filled, path, _thawed(entry.default))
            elif not entry.accepts(value):
                problems.append(
                    Problem(
                        place,
                        f"must be {_TYPE_WORDS[entry.kind]}, and the context has {kind_of(value)}.",
                        "Give it so, or declare another type under inputs.",
                    )
                )
        return filled, problems

    def required_but_missing(self, context: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the declared inputs that a context lacks and for which there is room.

        Args:
            context: Plain data, with the defaults filled in.
        """
        lacking = []
        for path, entry in (self.inputs or {}).items():
            if entry.required and in_the_way(context, path) is None:
                try:
                    missing = look_up(context, path) is MISSING
                except RunbookError:
                    missing = True
                lacking += [path] if missing else []
        return tuple(lacking)


def _blocked(place: str, path: str, blocked: str, context: Mapping[str, Any]) -> Problem:
    """Say that a path cannot be written because a value is in the way, which writing would lose."""
    return Problem(
        place,
        f"{path!r} cannot be written: the context's {blocked!r} is {kind_of(look_up(context, blocked))}.",
        "Only a mapping has room below it: choose another path.",
    )


def save_problems(step: Step, context: Mapping[str, Any], place: str) -> list[Problem]:
    """Tell which paths of ``save_as`` would overwrite something else of the context.

    Args:
        step: The step.
        context: The context as the step will meet it.
        place: Where ``save_as`` stands.
    """
    blocked = {path: in_the_way(context, path) for path in step.save_as}
    # What is not known before the run may be a mapping, which has room.
    return [
        _blocked(place, path, at, context)
        for path, at in blocked.items()
        if at and not isinstance(look_up(context, at), Unknown)
    ]


# Fields of an output that a placeholder can stand for; a list of texts or numbers is shown as one item.
_SHOWABLE = re.compile(r"((tuple|list|Sequence)\[)?(str|bool|int|float)(, \.\.\.)?\]?( \| None)?")


def stand_in(step: Step, name: str) -> dict[str, Any]:
    """Return what stands for a step's output while nothing has run: a named placeholder for each field that is text.

    A mention is stood for by one whose parts are placeholders. Fields that hold more (mappings, lists of mappings) and
    outputs whose fields are not known are left out: a section of them then shows nothing, where a placeholder would
    lack the names that the section reads.

    Args:
        step: The step.
        name: Name of the step.
    """
    kind = None if step.foreach is not None else getattr(step.action, "output", None)
    if not (isinstance(kind, type) and attrs.has(kind)):
        return {}
    keys = step.action.output_keys()
    found: dict[str, Any] = {}
    for field in attrs.fields(kind):
        path = f"steps.{name}.{field.name}"
        written = _written(field)
        if field.name in keys:
            found[field.name] = {key: Pending(f"{path}.{key}", parts) for key, parts in keys[field.name].items()}
        elif written in _MENTIONS:
            found[field.name] = Pending(path, _MENTIONS[written])
        elif _SHOWABLE.fullmatch(written):
            found[field.name] = Placeholder.named(path)
    return found


_MENTIONS: Mapping[str, tuple[str, ...]] = {
    kind.__name__: keys_of(kind) for kind in (UserMention, GroupMention, ChannelMention)
}


def _written(field: attrs.Attribute[Any]) -> str:
    """Return the type of a field as it is written."""
    written: object = field.type
    return written if isinstance(written, str) else getattr(written, "__name__", "")


ERROR_STAND_IN: Mapping[str, str] = {field: Placeholder.named(f"error.{field}") for field in _ERROR_FIELDS}
"""What stands for ``{{error.…}}`` while nothing has run."""


def _no_step_name(name: object) -> str:
    fitting = re.sub(r"[^a-z0-9]+", "_", str(name).lower()).strip("_")
    hint = f" Write {fitting!r}." if _STEP_NAME.fullmatch(fitting) else ""
    return f"{name!r} is no step name: it takes lower-case letters, digits and _, a letter first.{hint}"


def _as_step(name: object, step: object) -> Step:
    if not isinstance(name, str) or not _STEP_NAME.fullmatch(name):
        raise RunbookError(_no_step_name(name), place="steps")
    if isinstance(step, Step):
        return step
    if isinstance(step, Action):
        return Step(step)
    raise RunbookError(
        f"must be an action such as SendMessage(…) or a Step, not {kind_of(step)}.", place=f"steps.{name}"
    )


def _checked_steps(name: object, steps: object) -> dict[str, Step]:
    if not isinstance(name, str):
        raise RunbookError(f"must be text, not {kind_of(name)}.", place="name")
    if not name.strip():
        raise RunbookError("is empty; name the runbook.", place="name")
    if not isinstance(steps, Mapping) or not steps:
        raise RunbookError("must map at least one step name to an action.", place="steps")
    return {step_name: _as_step(step_name, step) for step_name, step in steps.items()}


def _checked_inputs(inputs: object) -> Mapping[str, Input]:
    if not isinstance(inputs, Mapping):
        raise RunbookError(f"must map variables to Input(…), not be {kind_of(inputs)}.", place="inputs")
    for path, entry in inputs.items():
        if not isinstance(path, str) or not PATH.fullmatch(path):
            raise RunbookError(f"{path!r} is no context path; write it like Activity.title.", place="inputs")
        if path.split(".")[0] in OF_THE_RUN:
            raise RunbookError(
                f"{path.split('.')[0]!r} is the run's own and no input; use another name.", place=f"inputs.{path}"
            )
        if not isinstance(entry, Input):
            raise RunbookError(f"must be an Input(…), not {kind_of(entry)}.", place=f"inputs.{path}")
    return MappingProxyType(dict(inputs))


def _checked_partials(partials: object) -> Mapping[str, str]:
    if partials is None:
        return MappingProxyType({})
    if not isinstance(partials, Mapping):
        raise RunbookError(f"must map names to templates, not be {kind_of(partials)}.", place="partials")
    for name, text in partials.items():
        place = f"partials.{name}"
        if not isinstance(name, str) or not isinstance(text, str):
            raise RunbookError(f"must be text, not {kind_of(text)}.", place=place)
        try:
            Template(text)
        except TemplateError as error:
            raise error.at(place) from None
    return MappingProxyType(dict(partials))


def _variables(
    steps: Mapping[str, Step], inputs: Mapping[str, Input] | None, partials: Mapping[str, str]
) -> tuple[str, ...]:
    """Collect the variables of all templates, and refuse references that can never hold."""
    found: dict[str, None] = {}
    saved: set[str] = set()
    earlier: dict[str, Step] = {}
    for name, step in steps.items():
        own = _LOOP if step.foreach is not None else ()
        for variable, place in _read_by_loop(step, f"steps.{name}.foreach"):
            _check_variable(variable, place, earlier, inputs, saved)
            if variable.split(".")[0] not in OF_THE_RUN and variable not in saved:
                found[variable] = None
        filled = templates(step.action, place=f"steps.{name}", partials=partials)
        for place, template in chain(filled, data_templates(step.workspace, place=f"steps.{name}.workspace")):
            for variable in template.variables:
                if variable.split(".")[0] in own:
                    continue
                _check_variable(variable, place, earlier, inputs, saved)
                if variable.split(".")[0] not in OF_THE_RUN and variable not in saved:
                    found[variable] = None
        for path in when_paths(step.when):
            _check_variable(path, f"steps.{name}.when", earlier, inputs, saved)
        saved |= set(step.save_as)
        earlier[name] = step
        for path in when_paths(step.until):
            _check_variable(path, f"steps.{name}.until", earlier, inputs, saved)
    return tuple(found)


def _read_by_loop(step: Step, place: str) -> Iterator[tuple[str, str]]:
    """Yield what a step's list reads, with the place."""
    if isinstance(step.foreach, str):
        yield step.foreach, place
    elif step.foreach is not None:
        for spot, template in data_templates(step.foreach, place=place):
            for variable in template.variables:
                yield variable, spot


def _check_variable(
    variable: str,
    place: str,
    earlier: Mapping[str, Step],
    inputs: Mapping[str, Input] | None,
    saved: set[str],
) -> None:
    head, *rest = variable.split(".")
    tag = variable if place.endswith((".when", ".foreach", ".until")) else f"{{{{{variable}}}}}"
    if head == "steps" and rest:
        _check_step_output(tag, rest, place, earlier)
    elif head == "error" and rest:
        if rest[0] not in _ERROR_FIELDS:
            raise RunbookError(
                f"{tag}: an error has no {rest[0]!r}{near(rest[0], _ERROR_FIELDS)}; it has {', '.join(_ERROR_FIELDS)}.",
                place=place,
            )
    elif head not in OF_THE_RUN and inputs is not None:
        declared = {*inputs, *saved}
        covered = any(
            variable == path or variable.startswith(f"{path}.") or path.startswith(f"{variable}.") for path in declared
        )
        if not covered:
            raise RunbookError(
                f"{tag} is not among the declared inputs{near(variable, sorted(declared))}. Declare it under inputs.",
                place=place,
            )


def _check_step_output(tag: str, rest: Sequence[str], place: str, earlier: Mapping[str, Step]) -> None:
    name, *fields = rest
    if name not in earlier:
        raise RunbookError(
            f"{tag} reads step {name!r}, and no step of that name comes before{near(name, earlier)}.", place=place
        )
    gives = output_fields(earlier[name])
    if gives is not None and fields and fields[0] not in gives:
        raise RunbookError(
            f"{tag}: step {name!r} gives no {fields[0]!r}{near(fields[0], gives)}; it gives {', '.join(gives)}.",
            place=place,
        )
    value: Any = stand_in(earlier[name], name)
    for number, segment in enumerate(fields):
        known = value.parts if isinstance(value, Pending) else value
        if number and isinstance(known, Mapping) and segment not in known:
            holder = ".".join(["steps", name, *fields[:number]])
            raise RunbookError(
                f"{tag}: {holder} has no {segment!r}{near(segment, known)}; it has {', '.join(known)}.", place=place
            )
        value = known.get(segment) if isinstance(known, Mapping) else None


def _thawed(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _thawed(item) for key, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, (list, tuple)) else value


# --- plain data out --------------------------------------------------------------------------------------------------


def _step_data(name: str, step: Step) -> dict[str, Any]:
    action = step.action
    own = registered_word(action)
    if own is None:
        what = f"the function {action.name}" if isinstance(action, Function) else type(action).__name__
        same = " with the same repeat" if isinstance(action, Function) else ""
        raise RunbookError(
            f"{what} is the host's own, which plain data can hold only under a name: "
            f"give it one with slackrunbooks.register{same}.",
            place=f"steps.{name}",
        )
    fields: dict[str, Any] = {}
    if isinstance(action, Function):
        fields = {key: _plain(value, f"steps.{name}.{key}") for key, value in action.arguments.items()}
    else:
        for field in fields_of(action):
            value = getattr(action, field.name)
            if value != field.default:
                fields[field.name] = _plain(value, f"steps.{name}.{field.name}")
    data: dict[str, Any] = {own: fields}
    for option in ("when", "until"):
        condition: When = getattr(step, option)
        if callable(condition):
            raise RunbookError(
                "is a predicate, which plain data cannot hold; write it as a mapping of paths to values.",
                place=f"steps.{name}.{option}",
            )
        if condition is not None:
            data[option] = _plain(condition, f"steps.{name}.{option}")
    data.update({option: value for option in _AS_THEY_ARE if (value := getattr(step, option)) is not None})
    if step.on_error != "stop":
        data["on_error"] = step.on_error
    if step.run_if != "success":
        data["run_if"] = step.run_if
    if step.save_as:
        data["save_as"] = dict(step.save_as)
    if step.foreach is not None:
        data["foreach"] = _plain(step.foreach, f"steps.{name}.foreach")
    return data


def _plain(value: object, place: str) -> object:
    """Copy what plain data can hold, and refuse the rest by its place."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        wrong = next((key for key in value if not isinstance(key, str)), None)
        if wrong is not None:
            raise RunbookError(f"the key {wrong!r} must be text.", place=place)
        return {key: _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
    raise RunbookError(
        f"is {kind_of(value)}, which plain data cannot hold; write it as text, or leave it in Python.", place=place
    )


def _input_data(name: str, entry: Input) -> dict[str, Any]:
    data: dict[str, Any] = {"type": entry.kind}
    if not entry.required:
        data["default"] = _plain(entry.default, f"inputs.{name}.default")
    if entry.description:
        data["description"] = entry.description
    return data


# --- plain data in ---------------------------------------------------------------------------------------------------

_Path: TypeAlias = Sequence["str | int"]


class _MakesError(Protocol):
    """Makes the error that says what is wrong with the piece of data at a path."""

    def __call__(self, path: _Path, reason: str, *, key: bool = False) -> RunbookError: ...


def _plain_error(path: _Path, reason: str, *, key: bool = False) -> RunbookError:  # noqa: ARG001 - _MakesError
    place = ""
    for part in path:
        place += f"[{part}]" if isinstance(part, int) else (f".{part}" if place else part)
    return RunbookError(reason, place=place)


def _parts(place: str) -> list[str | int]:
    """Take a place apart: ``blocks/0/text`` and ``blocks[0].text`` lead to the same piece of data."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"[./\[\]]+", place) if part]


def _fields_below(entry: Known) -> dict[str, bool]:
    """Return what may stand below a name in YAML, and whether it must; ``**`` is anything else."""
    if isinstance(entry, HostFunction):
        named, any_name = parameters(entry.function) or ({}, True)
        return {**named, "**": False} if any_name else named
    return {field.name: field.default is attrs.NOTHING for field in fields_of(entry)}


class _Reader:
    """Makes a runbook from plain data; ``error`` knows where each piece of the data stood in its file."""

    _TOP = ("name", "steps", "inputs", "partials")
    _OPTIONS = STEP_OPTIONS
    _INPUT = ("type", "default", "description")

    def __init__(self, error: _MakesError) -> None:
        self._error = error
        self._known = known()

    def runbook(self, data: object, default_name: str) -> Runbook:
        top = self._mapping(data, (), "a runbook must be a mapping with name and steps")
        self._refuse_unknown(top, (), self._TOP)
        if "steps" not in top:
            raise self._error([], "a runbook needs steps.")
        steps: dict[str, Step] = {}
        paths: dict[str, list[str | int]] = {}
        for name, path, entry in self._entries(top["steps"]):
            if name in steps:
                raise self._error(path, f"a second step is named {name!r}; each needs a name of its own.", key=True)
            steps[name] = self._step(name, path, entry)
            paths[name] = path
        inputs = self._inputs(top["inputs"]) if "inputs" in top else None
        try:
            return Runbook(top.get("name", default_name), steps, inputs=inputs, partials=top.get("partials"))
        except (RunbookError, TemplateError) as error:
            self._again(error, paths, steps)

    def action(self, word: str, fields: object) -> Action[Any]:
        """Make one action from its fields."""
        return self._action(word, [word], fields)

    def _entries(self, steps: object) -> Iterator[tuple[str, list[str | int], object]]:
        if isinstance(steps, Mapping):
            for name, entry in steps.items():
                yield self._name(name, ["steps"]), ["steps", name], entry
        elif isinstance(steps, (list, tuple)):
            for index, item in enumerate(steps):
                if not isinstance(item, Mapping) or len(item) != 1:
                    raise self._error(
                        ["steps", index],
                        "each item of the list must be one step name with its action below it, "
                        "as - announce: {send_message: {…}}.",
                    )
                name, entry = next(iter(item.items()))
                yield self._name(name, ["steps", index]), ["steps", index, name], entry
        else:
            raise self._error(["steps"], f"must map step names to actions, or list them, not be {kind_of(steps)}.")

    def _name(self, name: object, path: list[str | int]) -> str:
        if isinstance(name, str) and _STEP_NAME.fullmatch(name):
            return name
        raise self._error([*path, str(name)], _no_step_name(name), key=True)

    def _step(self, name: str, path: list[str | int], entry: object) -> Step:
        if name in self._known and isinstance(entry, Mapping) and not {*self._known, *self._OPTIONS} & set(entry):
            raise self._error(
                path, f"a step needs a name of its own above its action, as announce: {{{name}: {{…}}}}.", key=True
            )
        options = self._mapping(entry, path, f"step {name!r} must hold an action such as send_message")
        actions = [key for key in options if key in self._known]
        for key in options:
            if key not in self._known and key not in self._OPTIONS:
                raise self._error([*path, str(key)], self._no_such_part(str(key), actions), key=True)
        if len(actions) != 1:
            found = f"it has {' and '.join(actions)}" if actions else f"there are {', '.join(self._known)}"
            raise self._error(path, f"a step holds exactly one action; {found}.", key=True)
        action = self._action(actions[0], [*path, actions[0]], options[actions[0]])
        chosen: dict[str, Any] = {key: value for key, value in options.items() if key in self._OPTIONS}
        for option in LATER_OPTIONS:
            if chosen.get(option) is not None:
                error = _later(option)
                raise self._error([*path, option], str(error), key=True) from error
        try:
            return Step(action, **chosen)
        except RunbookError as error:
            raise self._error([*path, *_parts(error.place)], error.reason) from None

    def _no_such_part(self, key: str, actions: Sequence[str]) -> str:
        below = next((name for name in actions or self._known if key in _fields_below(self._known[name])), None)
        if below:
            return f"is a field of {below}; write it below the action, as {below}: {{{key}: …}}."
        return f"is neither an action nor a step option{near(key, [*self._known, *self._OPTIONS])}."

    def _action(self, word: str, path: list[str | int], entry: object) -> Action[Any]:
        entered = self._known[word]
        fields = self._mapping(
            {} if entry is None and isinstance(entered, HostFunction) else entry,
            path,
            f"{word} must map its fields to values",
        )
        known = _fields_below(entered)
        for key in fields:
            if key in self._OPTIONS:
                raise self._error(
                    [*path, key], f"is an option of the step; write it beside {word}, not below it.", key=True
                )
            if key not in known and "**" not in known:
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise self._error(
                    [*path, str(key)], f"{word} has no field {key!r}{near(str(key), known)}; {has}.", key=True
                )
        missing = [name for name, needed in known.items() if needed and name not in fields]
        if missing:
            raise self._error(path, f"{word} needs {' and '.join(missing)}.", key=True)
        try:
            if isinstance(entered, HostFunction):
                return Function(entered.function, dict(fields), entered.repeat)
            return entered(**fields)
        except RunbookError as error:
            # An action names its class first; a converter, which does not know the class, begins with the field.
            place = _parts(error.place)
            inside = place[1:] if place[:1] == [getattr(entered, "__name__", "Function")] else place
            raise self._error([*path, *inside], error.reason) from None

    def _inputs(self, entry: object) -> dict[str, Input]:
        inputs: dict[str, Input] = {}
        for name, value in self._mapping(entry, ["inputs"], "inputs must map variables to their types").items():
            path: list[str | int] = ["inputs", str(name)]
            short = isinstance(value, str)
            parts = {"type": value} if short else self._mapping(value, path, "must be a type or a mapping")
            self._refuse_unknown(parts, path, self._INPUT)
            given = {key: parts[key] for key in ("default", "description") if key in parts}
            try:
                inputs[name] = Input(parts.get("type", "text"), **given)
            except RunbookError as error:
                raise self._error(path if short else [*path, error.place], error.reason) from None
        return inputs

    def _refuse_unknown(self, entries: Mapping[Any, Any], path: _Path, known: Sequence[str]) -> None:
        for key in entries:
            if key not in known:
                reason = f"unknown entry{near(str(key), known)}; there are {', '.join(known)}."
                raise self._error([*path, str(key)], reason, key=True)

    def _mapping(self, value: object, path: _Path, otherwise: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self._error(path, f"{otherwise}, not {kind_of(value)}.")
        return value

    def _again(
        self, error: RunbookError | TemplateError, paths: Mapping[str, list[str | int]], steps: Mapping[str, Step]
    ) -> NoReturn:
        """Raise an error of the finished runbook again with its place in the file."""
        reason = error.reason
        if isinstance(error, TemplateError):
            reason = f"line {error.line}, column {error.column} of the template: {error.reason}"
        head, _, rest = error.place.partition(".")
        if head == "inputs":
            # The name of an input has dots of its own.
            raise self._error(["inputs", rest] if rest else ["inputs"], reason) from error
        place = _parts(error.place)
        name = place[1] if head == "steps" and len(place) > 1 else None
        if not isinstance(name, str) or name not in paths:
            raise self._error(place, reason) from error
        tail = place[2:]
        action = steps[name].action
        inside = [] if tail[:1] in ([], ["when"], ["foreach"], ["until"]) else [word(action)]
        if inside and isinstance(action, Function) and tail[0] == "arguments":
            tail = tail[1:]
        raise self._error([*paths[name], *inside, *tail], reason) from error
