"""What an action can ask of the world, and what it can get back.

Rule of this file: values only. An action is a generator that yields these and is sent replies; nothing here performs
anything, and nothing here knows one method of Slack from another.

An action yields a :class:`Call` and is sent a :class:`Reply`; where Slack refuses, the typed error is thrown into it at
that ``yield``. It yields a :class:`Find` for a fact that only Slack knows and that the whole run may share (the ID of
``#incidents``), a :class:`Forget` where it changes such a fact, and a :class:`Partial` to say what already exists
should a later call fail. A lost answer is never thrown into an action: the engine stops the step there, because no
action could know what to do next.

Two more requests go elsewhere than to a method of Slack: an :class:`Upload` sends the bytes of a file to the address
that Slack named, a :class:`HostCall` runs a function of the host program. A :class:`Wait` lets time pass; it is sent
the time at which it ended.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, BinaryIO, ClassVar, Final, Literal, Protocol, TypeAlias, TypeVar

import attrs

__all__ = [
    "NO_ADDRESS",
    "Answered",
    "Call",
    "Content",
    "Delivery",
    "Effect",
    "Find",
    "Flow",
    "Forget",
    "HostCall",
    "Lost",
    "NotSent",
    "OnAmbiguous",
    "Partial",
    "Raised",
    "Repeat",
    "Reply",
    "Request",
    "Returned",
    "Upload",
    "Wait",
    "unsendable",
]

_R = TypeVar("_R")


class Repeat(enum.Enum):
    """What sending the very same request a second time would do."""

    READS = "reads"
    """It changes nothing, so a lost answer costs only another request."""
    SAME = "same"
    """It leaves things as the first one did: the last writer wins."""
    GUARDED = "guarded"
    """Slack answers the second with a named error (``already_archived``)."""
    DOUBLES = "doubles"
    """It does a second thing (a second message)."""


@attrs.frozen
class Call:
    """One request of the Web API.

    Attributes:
        method: The method's name, ``chat.postMessage``.
        arguments: Its arguments by Slack's names, as plain data. ``None`` values are left out of the request.
        repeat: What a second sending would do.
    """

    method: str
    arguments: Mapping[str, Any] = attrs.field(repr=lambda arguments: f"<{', '.join(arguments)}>")
    repeat: Repeat


class Content(Protocol):
    """Bytes that can be read again from the beginning, should they have to be sent again."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def open(self) -> BinaryIO:
        """Open them for reading, from the first byte; the caller closes what it opened."""
        ...


@attrs.frozen
class Upload:
    """The bytes of one file, for the address that ``files.getUploadURLExternal`` gave for it.

    Attributes:
        url: That address. It is good for this file alone, and is a secret.
        content: The bytes.
    """

    method: ClassVar[str] = "upload"
    repeat: ClassVar[Repeat] = Repeat.SAME

    url: str = attrs.field(repr=False)
    content: Content = attrs.field(repr=False, eq=False)


@attrs.frozen
class HostCall:
    """A function of the host program, for the driver to call: never in the middle of an action's own code.

    Attributes:
        method: What the function is called in reports.
        function: The function; the asynchronous driver awaits a coroutine function, runs any other in a thread, and
            awaits what that gives if it can be awaited.
        arguments: Its keyword arguments.
        repeat: What calling it a second time would do.
    """

    method: str
    function: Callable[..., Any] = attrs.field(repr=False)
    arguments: Mapping[str, Any] = attrs.field(repr=lambda arguments: f"<{', '.join(arguments)}>")
    repeat: Repeat


NO_ADDRESS: Final = "no_upload_address"
"""How an upload ends whose address is not known any more."""

Request: TypeAlias = Call | Upload | HostCall
"""What a driver performs once and reports the delivery of."""


def unsendable(value: object, place: str = "") -> str | None:
    """Say why data cannot be sent as JSON, or return ``None`` where it can.

    Args:
        value: The arguments of a call, or a part of them.
        place: Where that part stands, for the answer.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{place or 'it'} is {value}, which is no number in JSON"
    if isinstance(value, Mapping):
        items: Iterable[tuple[object, object]] = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        return f"{place or 'it'} is a value of type {type(value).__name__}; put it in as text"
    inner = (unsendable(item, f"{place}.{key}" if place else str(key)) for key, item in items)
    return next((reason for reason in inner if reason is not None), None)


@attrs.frozen
class Reply:
    """What Slack answered to a call that it accepted.

    Attributes:
        data: The whole JSON object.
        headers: Header values by lower-case name.
    """

    data: Mapping[str, Any] = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return a top-level field, or ``default`` where Slack left it out."""
        return self.data.get(key, default)


@attrs.frozen
class Find:
    """A fact to look up once for a whole run.

    Attributes:
        key: What is asked, hashable and stable: ``("channel", "incidents")``. Equal keys share one answer.
        flow: Makes the generator that finds it. Its result is plain data; its calls only read.
    """

    key: tuple[str, ...]
    flow: Callable[[], Flow[Any]] = attrs.field(eq=False, repr=False)


@attrs.frozen
class Forget:
    """What was found under this key may not hold any longer: whoever asks next, asks Slack.

    Attributes:
        key: The beginning of the keys of what was found: ``("usergroups",)`` is all of user groups.
    """

    key: tuple[str, ...]


@attrs.frozen
class Partial:
    """What exists by now, so that a failure later in the same action does not hide it."""

    output: Any


@attrs.frozen
class Wait:
    """Let time pass; the action is sent the time then, in seconds since 1970 (UTC).

    Attributes:
        seconds: How long; 0 only asks for the time.
    """

    seconds: float = 0.0


Effect: TypeAlias = Request | Find | Forget | Partial | Wait
"""Anything an action may yield."""

Flow: TypeAlias = Generator[Effect, Any, _R]
"""An action at work: yields effects, is sent what they gave, returns its output."""


@attrs.frozen
class Answered:
    """A request was sent and an HTTP answer came back, whatever it says.

    Attributes:
        status: HTTP status.
        headers: Header values by lower-case name.
        data: The JSON object of the body, or ``None`` where the body is not a JSON object (an HTML page, a cut body).
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    data: Mapping[str, Any] | None = attrs.field(repr=False)


@attrs.frozen
class NotSent:
    """The request certainly did not reach Slack: no connection was made.

    Attributes:
        reason: Why, without secrets: ``connection refused``.
    """

    reason: str


@attrs.frozen
class Lost:
    """The request left, or may have left, and no whole answer came back.

    Attributes:
        reason: Why, without secrets: ``no answer within 30 seconds``.
    """

    reason: str


@attrs.frozen
class Returned:
    """The host's function returned.

    Attributes:
        value: What it returned.
    """

    value: Any = attrs.field(repr=False)


@attrs.frozen
class Raised:
    """The host's function raised.

    Attributes:
        error: What it raised.
    """

    error: Exception


OnAmbiguous: TypeAlias = Literal["reconcile", "fail", "resend"]
"""What to do when an answer is lost: look up what became of the request, stop, or send it again."""

Delivery: TypeAlias = Answered | NotSent | Lost | Returned | Raised
"""What became of sending one request; a driver reports it, the engine judges it."""
