"""The host's own code as a step: an on-call look-up, a graph that the next step uploads.

Rule of this file: nothing here calls the function. The step asks for it, and the driver calls it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, overload

import attrs

from .._effects import HostCall, Repeat
from ..errors import RunbookError
from . import _base as base
from ._base import Action

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .._effects import Flow

__all__ = ["Function", "HostFunction", "Repeats", "by_name_only", "parameters"]

_R = TypeVar("_R")
_S = TypeVar("_S")

Repeats: TypeAlias = Literal["reads", "same", "doubles"]
"""What calling a host's function a second time would do: nothing, the same again, or a second thing."""


def _as_repeat(value: Repeats | Repeat) -> Repeat:
    try:
        repeat = Repeat(value)
    except ValueError:
        repeat = Repeat.GUARDED
    if repeat is Repeat.GUARDED:
        raise RunbookError(
            f"must be 'reads' (it changes nothing), 'same' (twice is as good as once) or 'doubles', not {value!r}.",
            place="Function.repeat",
        )
    return repeat


@attrs.frozen
class HostFunction:
    """A function of the host under the name by which runbooks in YAML call it.

    Attributes:
        name: That name.
        function: The function.
        repeat: What calling it a second time would do.
    """

    name: str
    function: Callable[..., Any]
    repeat: Repeat = attrs.field(converter=_as_repeat)


def parameters(function: Callable[..., Any]) -> tuple[dict[str, bool], bool] | None:
    """Return the parameters of a function.

    Args:
        function: The function.

    Returns:
        Whether each parameter must be given, by name, and whether any other name is taken as well; ``None`` for a
        function that does not tell.
    """
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    named = {
        each.name: each.default is each.empty
        for each in given
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    }
    return named, any(each.kind is each.VAR_KEYWORD for each in given)


def by_name_only(function: Callable[..., Any], name: str, *, place: str) -> None:
    """Refuse a function that cannot be called by the names of its parameters alone, as every step is.

    Args:
        function: The function.
        name: What to call it in the error.
        place: Where it was given.

    Raises:
        RunbookError: It needs a parameter that is given by its position only.
    """
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    needed = [each.name for each in given if each.kind is each.POSITIONAL_ONLY and each.default is each.empty]
    if needed:
        raise RunbookError(
            f"{name} takes {' and '.join(needed)} by position only (before the /), and a step gives names: "
            "take the / out, or give a function around it.",
            place=place,
        )


def _fits(instance: Function[Any], _field: attrs.Attribute[Any], arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that the function does not take, before anything runs."""
    if not isinstance(arguments, Mapping):
        raise RunbookError("must map the function's parameters to values.", place="Function.arguments")
    known = parameters(instance.function)
    if known is None:
        return
    named, any_name = known
    strange = next((name for name in arguments if name not in named and not any_name), None)
    if strange is not None:
        takes = f"it takes {', '.join(named)}" if named else "it takes none"
        raise RunbookError(
            f"{instance.name} takes no argument {strange!r}; {takes}.", place=f"Function.arguments.{strange}"
        )
    missing = [name for name, needed in named.items() if needed and name not in arguments]
    if missing:
        raise RunbookError(f"{instance.name} needs {' and '.join(missing)}.", place="Function.arguments")


def _is_function(instance: Function[Any], _field: attrs.Attribute[Any], value: object) -> None:
    if not callable(value):
        raise RunbookError("must be a function, or anything that can be called.", place="Function.function")
    by_name_only(value, instance.name, place="Function.function")


@attrs.frozen(init=False)
class Function(Action[_R], Generic[_R]):
    """Call a function of the host program as a step. It changes nothing in Slack by itself.

    What it returns is the step's output: the entries of a mapping and the fields of an attrs class are read as
    ``{{steps.NAME.FIELD}}``, anything else as ``{{steps.NAME.value}}``. An exception fails the step. The synchronous
    executor takes plain functions; the asynchronous one awaits coroutine functions, runs plain ones in a thread, and
    awaits what those give if it can be awaited (a decorator around a coroutine function). A generator is refused.

    Scopes: none.

    Attributes:
        function: The function. It gets its arguments by name.
        arguments: What it is called with. Texts are templates; a template that is one tag gives the value itself, so
            a list stays a list.
        repeat: What calling it a second time would do: ``"reads"`` (it changes nothing), ``"same"`` (twice is as good
            as once) or ``"doubles"``, which is assumed of a function that says nothing.

    Returns:
        What the function returns.

    Raises:
        RunbookError: The function does not take these arguments, is asynchronous and the executor is not, or gives a
            generator, of which nothing has run.
        Exception: Whatever the function raises.

    Again: calls the function again.

    Examples:
        >>> import slackrunbooks as sr
        >>> from slackrunbooks.testing import FakeSlack
        >>> def on_call(team: str) -> str:
        ...     return {"storage": "U0ANN00001"}[team]
        >>> with FakeSlack().executor() as executor:
        ...     executor.do(sr.Function(on_call, {"team": "{{team}}"}, repeat="reads"), {"team": "storage"})
        'U0ANN00001'
    """

    output: ClassVar[type[Any]] = object

    function: Callable[..., Any] = attrs.field(validator=_is_function, metadata=base.DATA)
    arguments: Mapping[str, Any] = attrs.field(
        factory=dict, converter=base.as_data, validator=_fits, repr=lambda given: f"<{', '.join(given)}>",
        metadata=base.DATA,
    )  # fmt: skip
    repeat: Repeat = attrs.field(
        default=Repeat.DOUBLES, converter=_as_repeat, repr=lambda repeat: repr(repeat.value), metadata=base.DATA
    )

    # Two forms, so that do() gives what an asynchronous function returns and not its coroutine.
    @overload
    def __init__(
        self: Function[_S],
        function: Callable[..., Awaitable[_S]],
        arguments: Mapping[str, Any] | None = None,
        repeat: Repeats | Repeat = Repeat.DOUBLES,
    ) -> None: ...

    @overload
    def __init__(
        self: Function[_S],
        function: Callable[..., _S],
        arguments: Mapping[str, Any] | None = None,
        repeat: Repeats | Repeat = Repeat.DOUBLES,
    ) -> None: ...

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any] | None = None,
        repeat: Repeats | Repeat = Repeat.DOUBLES,
    ) -> None:
        self.__attrs_init__(function, arguments or {}, repeat)  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def name(self) -> str:
        """The function's own name, for reports."""
        return getattr(self.function, "__name__", "") or type(self.function).__name__

    def flow(self) -> Flow[_R]:
        value: _R = yield HostCall(self.name, self.function, self.arguments, self.repeat)
        return value
