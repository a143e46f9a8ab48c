"""Runbooks: steps in order, when each runs, what it leaves for the next; from Python, plain data or YAML.

Rule of this file: everything that can be known to be wrong without a context is refused here, when the runbook is
built, with its place and the nearest right name. Nothing here performs a step.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NoReturn, TypeAlias, cast

import attrs

from .actions import ACTIONS, action_name
from .actions._base import Action, Placeholder, forms, templates
from .errors import Problem, RunbookError, TemplateError, Unsupported

__all__ = ["Input", "Runbook", "Step", "When"]

Predicate: TypeAlias = Callable[[Mapping[str, Any]], bool]
When: TypeAlias = str | Mapping[str, Any] | Predicate | None
"""When a step runs: a context path that must be truthy, a mapping of paths to what they must be, or a predicate."""

_STEP_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PATH = re.compile(r"[^\s.{}=<>!&|()]+(\.[^\s.{}=<>!&|()]+)*")
_RESERVED = ("steps", "error")
_MISSING = object()

# Parts of the contract that this version refuses by name: parameter -> when it is "not given".
_LATER_STEP = {
    "foreach": None,
    "concurrency": None,
    "every": None,
    "until": None,
    "after": None,
    "expires_after": None,
    "on_ambiguous": None,
    "workspace": None,
}


# --- conditions ------------------------------------------------------------------------------------------------------

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: value > bound,
    "ge": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "le": lambda value, bound: value <= bound,
}
_OPERATORS = ("not", "exists", *_COMPARE)


def _checked_when(when: object, place: str) -> When:
    if when is None or callable(when):
        return cast("When", when)
    if isinstance(when, str):
        if not _PATH.fullmatch(when):
            raise RunbookError(_operator_help(when), place=place)
        return when
    if not isinstance(when, Mapping) or not when:
        raise RunbookError(
            "must be a context path, or a mapping of context paths to values, such as {Activity.severity: [SEV1, SEV2]}.",
            place=place,
        )
    for path, wanted in when.items():
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            raise RunbookError(f"{path!r} is no context path; write it like Activity.severity.", place=place)
        if isinstance(wanted, Mapping):
            _check_operators(path, wanted, place)
    return MappingProxyType({str(path): _frozen(wanted) for path, wanted in when.items()})


def _check_operators(path: str, wanted: Mapping[Any, Any], place: str) -> None:
    for operator, bound in wanted.items():
        if operator not in _OPERATORS:
            raise RunbookError(
                f"{operator!r} is no condition for {path}{_near(str(operator), _OPERATORS)}; "
                f"there are {', '.join(_OPERATORS)}.",
                place=place,
            )
        if operator == "exists" and not isinstance(bound, bool):
            raise RunbookError(f"{path}: exists must be true or false, not {bound!r}.", place=place)


def _operator_help(when: str) -> str:
    """Say how to write as data what was written as code."""
    match = re.fullmatch(r"\s*\{*\s*([\w.]+)\s*\}*\s*(==|!=|>=|<=|>|<|\bin\b)\s*(.+?)\s*", when)
    advice = "a path alone (Activity.severity), or a mapping such as {Activity.severity: [SEV1, SEV2]}"
    if match:
        path, sign, value = match.groups()
        shown = value.strip("\"'")
        signs = {">": "gt", ">=": "ge", "<": "lt", "<=": "le"}
        if sign in ("==", "in"):
            advice = f"{{{path}: {shown}}}"
        elif sign == "!=":
            advice = f"{{{path}: {{not: {shown}}}}}"
        else:
            advice = f"{{{path}: {{{signs[sign]}: {shown}}}}}"
    return f"{when!r} is code, and a condition is data; write {advice}."


def when_reason(when: When, scope: Mapping[str, Any]) -> str | None:
    """Tell why a condition does not hold.

    Args:
        when: The condition of a step.
        scope: The context with ``steps`` and ``error``.

    Returns:
        The reason, or ``None`` where it holds.

    Raises:
        RunbookError: A path's earlier segment is missing, or values cannot be compared.
    """
    if when is None:
        return None
    if isinstance(when, str):
        return None if truthy(look_up(scope, when)) else f"{when} is not set"
    if isinstance(when, Mapping):
        for path, wanted in when.items():
            value = look_up(scope, path)
            if not _holds(path, value, wanted):
                shown = "missing" if value is _MISSING else repr(value)
                return f"{path} is {shown}"
        return None
    return None if when(scope) else "its predicate says no"


def _holds(path: str, value: object, wanted: object) -> bool:
    if isinstance(wanted, Mapping):
        return all(_operator(path, value, operator, bound) for operator, bound in wanted.items())
    choices = wanted if isinstance(wanted, (list, tuple)) else (wanted,)
    return value is not _MISSING and any(_equal(value, choice) for choice in choices)


def _operator(path: str, value: object, operator: str, bound: object) -> bool:
    if operator == "exists":
        return (value is not _MISSING and value is not None) is bound
    if operator == "not":
        return not _holds(path, value, bound)
    if value is _MISSING or value is None:
        return False
    left, right = _number(value), _number(bound)
    try:
        return _COMPARE[operator](left, right)
    except TypeError:
        raise RunbookError(
            f"{path} is {value!r}, which cannot be compared with {bound!r}: both must be numbers or both dates.",
            place="when",
        ) from None


def _number(value: object) -> Any:
    """Read numbers that came as text, as webhooks send them."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _equal(value: object, wanted: object) -> bool:
    """Compare as people mean it: ``1`` is ``"1"`` and ``true`` is ``"true"``, but true is not 1."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        words = {"true": True, "false": False}
        left = words.get(value.lower()) if isinstance(value, str) else value
        right = words.get(wanted.lower()) if isinstance(wanted, str) else wanted
        return isinstance(left, bool) and isinstance(right, bool) and left is right
    if isinstance(value, str) != isinstance(wanted, str) and value is not None and wanted is not None:
        return str(value) == str(wanted)
    return value == wanted


def truthy(value: object) -> bool:
    """Tell whether a value counts as set: as in a Mustache section, and the word "false" does not."""
    return value is not _MISSING and bool(value) and not (isinstance(value, str) and value.lower() == "false")


def look_up(scope: Mapping[str, Any], path: str) -> Any:
    """Walk a dotted path through mappings and lists.

    Args:
        scope: Plain data.
        path: ``Activity.severity``.

    Returns:
        The value, or a private marker where the last segment is missing.

    Raises:
        RunbookError: An earlier segment is missing: more likely a typing error than an optional field.
    """
    value: Any = scope
    segments = path.split(".")
    for index, segment in enumerate(segments):
        if isinstance(value, Mapping) and segment in value:
            value = value[segment]
        elif isinstance(value, (list, tuple)) and segment.isdecimal() and int(segment) < len(value):
            value = value[int(segment)]
        elif index == len(segments) - 1:
            return _MISSING
        else:
            known = [str(key) for key in value] if isinstance(value, Mapping) else []
            missing = ".".join(segments[: index + 1])
            raise RunbookError(f"the context has no {missing!r}{_near(segment, known)} (in {path!r}).", place="when")
    return value


def put(context: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return the context with a value at a dotted path; the mappings on the way are copied, never changed.

    Args:
        context: Plain data.
        path: ``Activity.slack_channel``.
        value: What to write there.
    """
    head, _, rest = path.partition(".")
    inner = context.get(head)
    kept = inner if isinstance(inner, Mapping) else {}
    return {**context, head: put(kept, rest, value) if rest else value}


def outputs_of(output: object) -> dict[str, Any]:
    """Return what templates read of a step's output: its fields, as plain data."""
    if output is None:
        return {}
    if attrs.has(type(output)):
        return attrs.asdict(cast("attrs.AttrsInstance", output))
    if isinstance(output, Mapping):
        return {str(key): item for key, item in output.items()}
    return {"value": output}


def output_fields(action: Action[Any]) -> tuple[str, ...] | None:
    """Return the names of the fields that an action's output has, or ``None`` where that is not known before a run."""
    kind = getattr(action, "output", None)
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
        foreach: Not in this version.
        concurrency: Not in this version.
        every: Not in this version.
        until: Not in this version.
        after: Not in this version.
        expires_after: Not in this version.
        on_ambiguous: Not in this version.
        workspace: Not in this version.

    Raises:
        RunbookError: A part is wrong; the message says what to write.
        Unsupported: A part that this version does not have was given.
    """

    action: Action[Any]
    when: When
    on_error: Literal["stop", "continue"]
    run_if: Literal["success", "failure", "always"]
    save_as: Mapping[str, str]

    def __init__(
        self,
        action: Action[Any],
        *,
        when: When = None,
        on_error: Literal["stop", "continue"] = "stop",
        run_if: Literal["success", "failure", "always"] = "success",
        save_as: Mapping[str, str] | None = None,
        foreach: object = None,
        concurrency: object = None,
        every: object = None,
        until: object = None,
        after: object = None,
        expires_after: object = None,
        on_ambiguous: object = None,
        workspace: object = None,
    ) -> None:
        if not isinstance(action, Action):
            raise RunbookError(
                f"must be an action such as SendMessage(…), not {type(action).__name__}.", place="action"
            )
        later = {
            "foreach": foreach,
            "concurrency": concurrency,
            "every": every,
            "until": until,
            "after": after,
            "expires_after": expires_after,
            "on_ambiguous": on_ambiguous,
            "workspace": workspace,
        }
        for option, value in later.items():
            if value is not None:
                raise Unsupported(
                    f"the step option {option!r}", "Leave it out, or do it in the program around the run."
                )
        _choice("on_error", on_error, ("stop", "continue"))
        _choice("run_if", run_if, ("success", "failure", "always"))
        self.__attrs_init__(  # type: ignore[attr-defined]
            action, _checked_when(when, "when"), on_error, run_if, _checked_save_as(save_as, action)
        )

    def __repr__(self) -> str:
        options = {
            "when": self.when,
            "on_error": self.on_error if self.on_error != "stop" else None,
            "run_if": self.run_if if self.run_if != "success" else None,
            "save_as": dict(self.save_as) or None,
        }
        given = "".join(
            f", {name}={dict(value) if isinstance(value, Mapping) else value!r}"
            for name, value in options.items()
            if value is not None
        )
        return f"Step({self.action!r}{given})"


def _choice(option: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise RunbookError(
            f"must be one of {', '.join(map(repr, choices))}, not {value!r}{_near(str(value), choices)}.", place=option
        )


def _checked_save_as(save_as: object, action: Action[Any]) -> Mapping[str, str]:
    if save_as is None:
        return MappingProxyType({})
    if not isinstance(save_as, Mapping):
        raise RunbookError(
            "must map context paths to fields of the output, as {Activity.slack_channel: channel}.", place="save_as"
        )
    known = output_fields(action)
    for path, field in save_as.items():
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            raise RunbookError(f"{path!r} is no context path; write it like Activity.slack_channel.", place="save_as")
        if path.split(".")[0] in _RESERVED:
            raise RunbookError(f"{path!r}: {path.split('.')[0]!r} is the run's own; write elsewhere.", place="save_as")
        if not isinstance(field, str) or (known is not None and field not in known):
            raise RunbookError(
                f"{type(action).__name__} gives no {field!r}{_near(str(field), known or ())}; "
                f"it gives {', '.join(known or ())}.",
                place="save_as",
            )
    return MappingProxyType(dict(save_as))


# --- inputs ----------------------------------------------------------------------------------------------------------

_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
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
    """

    kind: str
    default: Any
    description: str
    required: bool

    def __init__(self, type: type | str = str, *, default: Any = _MISSING, description: str = "") -> None:  # noqa: A002
        kind = type if isinstance(type, str) else _TYPE_NAMES.get(type, "")
        if kind not in _TYPES:
            raise RunbookError(
                f"{type!r} is no type of input{_near(str(type), _TYPES)}; there are {', '.join(_TYPES)}."
            )
        required = default is _MISSING
        self.__attrs_init__(kind, None if required else default, description, required)  # type: ignore[attr-defined]

    def accepts(self, value: object) -> bool:
        """Tell whether a value is of the input's type; a bool is no number."""
        if isinstance(value, bool):
            return self.kind in ("flag", "any")
        return value is None or isinstance(value, _TYPES[self.kind])


# --- runbooks --------------------------------------------------------------------------------------------------------


@attrs.frozen(init=False)
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
        if not isinstance(name, str) or not name.strip():
            raise RunbookError("must be text that is not empty.", place="name")
        if not isinstance(steps, Mapping) or not steps:
            raise RunbookError("must map at least one step name to an action.", place="steps")
        made = {step_name: _as_step(step_name, step) for step_name, step in steps.items()}
        checked_inputs = None if inputs is None else MappingProxyType(dict(inputs))
        texts = MappingProxyType(dict(partials or {}))
        self.__attrs_init__(  # type: ignore[attr-defined]
            name, MappingProxyType(made), checked_inputs, texts, _variables(made, checked_inputs, texts)
        )

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.steps)))

    @classmethod
    def of_one(cls, action: Action[Any]) -> Runbook:
        """Wrap one action for the engine. Its templates are parsed only when a context fills them.

        Args:
            action: The action.
        """
        runbook = cls.__new__(cls)
        name = action_name(type(action))
        runbook.__attrs_init__(name, MappingProxyType({name: Step(action)}), None, MappingProxyType({}), ())  # type: ignore[attr-defined]
        return runbook

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
            document = _yaml.read(path.read_text(encoding="utf-8-sig"), file=str(source))
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

        folder = resources.files(__package__) / "runbooks"
        names = sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
        if name not in names:
            raise RunbookError(f"no runbook {name!r} is shipped{_near(name, names)}; there are {', '.join(names)}.")
        document = _yaml.read((folder / f"{name}.yaml").read_text(encoding="utf-8"), file=f"{name}.yaml")
        return _Reader(document.error).runbook(document.data, name)

    def to_dict(self) -> dict[str, Any]:
        """Return the runbook as plain data; ``from_dict`` makes the same again.

        Raises:
            RunbookError: A step holds something that only Python has, such as a predicate; the place names it.
        """
        data: dict[str, Any] = {"name": self.name}
        if self.inputs is not None:
            data["inputs"] = {name: _input_data(entry) for name, entry in self.inputs.items()}
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
            for name in _RESERVED
            if name in context
        ]
        filled = dict(context)
        for path, entry in (self.inputs or {}).items():
            try:
                value = look_up(filled, path)
            except RunbookError:
                value = _MISSING
            if value is _MISSING and entry.required:
                told = f" ({entry.description})" if entry.description else ""
                problems.append(Problem(f"inputs.{path}", f"the context has no {path!r}{told}.", "Add it."))
            elif value is _MISSING:
                filled = put(filled, path, entry.default)
            elif not entry.accepts(value):
                problems.append(
                    Problem(
                        f"inputs.{path}", f"must be of type {entry.kind}, not {type(value).__name__}.", "Change it."
                    )
                )
        return filled, problems


def stand_in(action: Action[Any], name: str) -> Mapping[str, Any]:
    """Return what stands for a step's output while nothing has run: a named placeholder for each field."""
    fields = output_fields(action)
    if fields is None:
        return _AnyField(name)
    return {field: Placeholder.named(f"steps.{name}.{field}") for field in fields}


class _AnyField(dict[str, Any]):
    """Stands for an output whose fields are not known before the run."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Placeholder:
        return Placeholder.named(f"steps.{self._name}.{key}")


ERROR_STAND_IN = {
    field: Placeholder.named(f"error.{field}") for field in ("step", "code", "message", "method", "remedy")
}


def _as_step(name: object, step: object) -> Step:
    if not isinstance(name, str) or not _STEP_NAME.fullmatch(name):
        raise RunbookError(
            f"{name!r} is no step name: lower-case letters, digits and _, a letter first.", place="steps"
        )
    if isinstance(step, Step):
        return step
    if isinstance(step, Action):
        return Step(step)
    raise RunbookError(
        f"must be an action such as SendMessage(…) or a Step, not {type(step).__name__}.", place=f"steps.{name}"
    )


def _variables(
    steps: Mapping[str, Step], inputs: Mapping[str, Input] | None, partials: Mapping[str, str]
) -> tuple[str, ...]:
    """Collect the variables of all templates, and refuse references that can never hold."""
    found: dict[str, None] = {}
    saved: set[str] = set()
    earlier: dict[str, Step] = {}
    for name, step in steps.items():
        for place, template in templates(step.action, place=f"steps.{name}", partials=partials):
            for variable in template.variables:
                _check_variable(variable, place, earlier, inputs, saved)
                if variable.split(".")[0] not in _RESERVED and variable not in saved:
                    found[variable] = None
        if isinstance(step.when, (str, Mapping)):
            for path in [step.when] if isinstance(step.when, str) else step.when:
                _check_variable(path, f"steps.{name}.when", earlier, inputs, saved)
        saved |= set(step.save_as)
        earlier[name] = step
    return tuple(found)


def _check_variable(
    variable: str,
    place: str,
    earlier: Mapping[str, Step],
    inputs: Mapping[str, Input] | None,
    saved: set[str],
) -> None:
    segments = variable.split(".")
    if segments[0] == "steps":
        if len(segments) > 1 and segments[1] not in earlier:
            raise RunbookError(
                f"{{{{{variable}}}}} reads step {segments[1]!r}, and no step of that name comes before"
                f"{_near(segments[1], earlier)}.",
                place=place,
            )
        known = output_fields(earlier[segments[1]].action) if len(segments) > 1 else None
        if known is not None and len(segments) > 2 and segments[2] not in known:
            raise RunbookError(
                f"{{{{{variable}}}}}: step {segments[1]!r} gives no {segments[2]!r}{_near(segments[2], known)}; "
                f"it gives {', '.join(known)}.",
                place=place,
            )
    elif segments[0] != "error" and inputs is not None:
        declared = {*inputs, *saved}
        covered = any(
            variable == path or variable.startswith(f"{path}.") or path.startswith(f"{variable}.") for path in declared
        )
        if not covered:
            raise RunbookError(
                f"{{{{{variable}}}}} is not among the declared inputs{_near(variable, declared)}. Declare it under inputs.",
                place=place,
            )


def _near(name: str, known: object) -> str:
    """Suggest the nearest right name: ``" (did you mean 'room'?)"``, or nothing."""
    names = [str(entry) for entry in cast("Any", known)]
    close = [entry for entry in names if entry.lower() == name.lower()] or difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _frozen(value: object) -> object:
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _thawed(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _thawed(item) for key, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, (list, tuple)) else value


# --- plain data out --------------------------------------------------------------------------------------------------


def _step_data(name: str, step: Step) -> dict[str, Any]:
    action = step.action
    if type(action) not in ACTIONS.values():
        raise RunbookError(
            f"{type(action).__name__} is the host's own action, which plain data cannot hold.", place=f"steps.{name}"
        )
    fields: dict[str, Any] = {}
    for field in attrs.fields(type(action)):
        value = getattr(action, field.name)
        if value != field.default:
            fields[field.name] = _thawed(value)
    data: dict[str, Any] = {action_name(type(action)): fields}
    if callable(step.when):
        raise RunbookError(
            "is a predicate, which plain data cannot hold; write it as a mapping of paths to values.",
            place=f"steps.{name}.when",
        )
    if step.when is not None:
        data["when"] = _thawed(step.when)
    if step.on_error != "stop":
        data["on_error"] = step.on_error
    if step.run_if != "success":
        data["run_if"] = step.run_if
    if step.save_as:
        data["save_as"] = dict(step.save_as)
    return data


def _input_data(entry: Input) -> dict[str, Any]:
    data: dict[str, Any] = {"type": entry.kind}
    if not entry.required:
        data["default"] = _thawed(entry.default)
    if entry.description:
        data["description"] = entry.description
    return data


# --- plain data in ---------------------------------------------------------------------------------------------------

Path_: TypeAlias = Sequence["str | int"]


def _plain_error(path: Path_, reason: str) -> RunbookError:
    place = ""
    for part in path:
        place += f"[{part}]" if isinstance(part, int) else (f".{part}" if place else part)
    return RunbookError(reason, place=place)


class _Reader:
    """Makes a runbook from plain data; ``error`` knows where each piece of the data stood in its file."""

    _TOP = ("name", "steps", "inputs", "partials", "description")
    _OPTIONS = ("when", "on_error", "run_if", "save_as", *_LATER_STEP)

    def __init__(self, error: Callable[[Path_, str], RunbookError]) -> None:
        self._error = error

    def runbook(self, data: object, default_name: str) -> Runbook:
        top = self._mapping(data, (), "a runbook must be a mapping with name and steps")
        for key in top:
            if key not in self._TOP:
                raise self._error([key], f"unknown entry{_near(key, self._TOP)}; there are {', '.join(self._TOP)}.")
        if "steps" not in top:
            raise self._error([], "a runbook needs steps.")
        steps: dict[str, Step] = {}
        paths: dict[str, list[str | int]] = {}
        for name, path, entry in self._entries(top["steps"]):
            if name in steps:
                raise self._error(path, f"a second step is named {name!r}; each needs a name of its own.")
            steps[name] = self._step(name, path, entry)
            paths[name] = path
        inputs = self._inputs(top["inputs"]) if "inputs" in top else None
        try:
            return Runbook(top.get("name", default_name), steps, inputs=inputs, partials=top.get("partials"))
        except (RunbookError, TemplateError) as error:
            self._again(error, paths, steps)

    def _entries(self, steps: object) -> Iterator[tuple[str, list[str | int], object]]:
        if isinstance(steps, Mapping):
            for name, entry in steps.items():
                yield str(name), ["steps", name], entry
        elif isinstance(steps, (list, tuple)):
            for index, item in enumerate(steps):
                if not isinstance(item, Mapping) or len(item) != 1:
                    raise self._error(["steps", index], "each step of a list is one name with its action below it.")
                name, entry = next(iter(item.items()))
                yield str(name), ["steps", index, name], entry
        else:
            raise self._error(["steps"], "must map step names to actions, or list them.")

    def _step(self, name: str, path: list[str | int], entry: object) -> Step:
        options = self._mapping(entry, path, f"step {name!r} must hold an action such as send_message")
        actions = [key for key in options if key in ACTIONS]
        for key in options:
            if key not in ACTIONS and key not in self._OPTIONS:
                known = [*ACTIONS, *self._OPTIONS]
                raise self._error([*path, key], f"is neither an action nor a step option{_near(key, known)}.")
        if len(actions) != 1:
            found = f"it has {' and '.join(actions)}" if actions else f"there are {', '.join(ACTIONS)}"
            raise self._error(path, f"a step holds exactly one action; {found}.")
        action = self._action(actions[0], [*path, actions[0]], options[actions[0]])
        chosen = {key: value for key, value in options.items() if key in self._OPTIONS}
        try:
            return Step(action, **cast("dict[str, Any]", chosen))
        except RunbookError as error:
            raise self._error([*path, *([error.place] if error.place else [])], error.reason) from None
        except Unsupported as error:
            raise self._error([*path], str(error)) from error

    def _action(self, word: str, path: list[str | int], entry: object) -> Action[Any]:
        cls = ACTIONS[word]
        fields = self._mapping(entry, path, f"{word} must map its fields to values")
        known = forms(cls)
        for key in fields:
            if key not in known:
                raise self._error(
                    [*path, key], f"{word} has no field {key!r}{_near(key, known)}; it has {', '.join(known)}."
                )
        missing = [
            field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING and field.name not in fields
        ]
        if missing:
            raise self._error(path, f"{word} needs {' and '.join(missing)}.")
        try:
            return cls(**fields)
        except RunbookError as error:
            place = error.place.partition(".")[2]
            raise self._error([*path, *(place.split(".") if place else [])], error.reason) from None

    def _inputs(self, entry: object) -> dict[str, Input]:
        inputs: dict[str, Input] = {}
        for name, value in self._mapping(entry, ["inputs"], "inputs must map variables to their types").items():
            path: list[str | int] = ["inputs", name]
            parts = (
                {"type": value} if isinstance(value, str) else self._mapping(value, path, "must be a type or a mapping")
            )
            for key in parts:
                if key not in ("type", "default", "description"):
                    raise self._error([*path, key], f"unknown entry{_near(key, ('type', 'default', 'description'))}.")
            try:
                inputs[name] = Input(
                    parts.get("type", "text"), **{key: parts[key] for key in ("default", "description") if key in parts}
                )
            except RunbookError as error:
                raise self._error([*path, "type"], error.reason) from None
        return inputs

    def _mapping(self, value: object, path: Path_, otherwise: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            given = "nothing" if value is None else f"{type(value).__name__} {value!r}"[:60]
            raise self._error(path, f"{otherwise}, not {given}.")
        return value

    def _again(
        self, error: RunbookError | TemplateError, paths: Mapping[str, list[str | int]], steps: Mapping[str, Step]
    ) -> NoReturn:
        """Raise an error of the finished runbook again with its place in the file."""
        match = re.match(r"steps\.([a-z][a-z0-9_]*)\.?([^/]*)", error.place)
        reason = error.reason
        if isinstance(error, TemplateError):
            reason = f"line {error.line}, column {error.column} of the template: {error.reason}"
        if match is None or match[1] not in paths:
            raise self._error([part for part in error.place.split(".") if part], reason) from error
        name, rest = match[1], match[2]
        tail: list[str | int] = [
            int(part) if part.isdecimal() else part for part in re.split(r"[.\[\]]+", rest) if part
        ]
        inside = [] if rest.startswith("when") or not rest else [action_name(type(steps[name].action))]
        raise self._error([*paths[name], *inside, *tail], reason) from error
