"""What a run leaves behind: its record, and the protocol of whoever keeps it.

Rule of this file: values and their text; no store is named here. A run is a deterministic machine, so what it needs to
go on is what it began with and, in order, each piece of work with what came of it. The intent is written before a
request leaves, the result after; an entry without a result is a request that may have been carried out.

No token is in a record: requests have none. What messages say is in it, because a run that goes on must say the same;
files are private to the user who runs it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, cast

import attrs

from ._context import readable
from ._effects import Answered, Call, Delivery, Lost, NotSent, Raised, Request, Returned, Upload
from .errors import JournalError, NotInstalled, SlackRunbooksError
from .markup import ChannelMention, Date, GroupMention, Link, Markup, UserMention

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "REOPENS",
    "Entry",
    "Journal",
    "Lease",
    "Mail",
    "Message",
    "RunRecord",
    "Status",
    "decode",
    "decode_delivery",
    "digest",
    "encode",
    "encode_delivery",
]


REOPENS: Final = ("retry", "resolve")
"""Names of the messages that make a run that has ended go on."""

Status: TypeAlias = Literal["running", "waiting", "due", "succeeded", "failed", "ambiguous", "cancelled"]
"""Where a run stands: a worker is at work on it, it has nothing to do yet, it waits for a worker; or how it ended."""


@attrs.frozen(kw_only=True)
class RunRecord:
    """A run as a journal has it.

    Attributes:
        run_id: Names the run.
        spec: What it began with, as JSON text: runbook, context, options.
        state: ``running`` until it has ended, then the state of its report.
        subject: What it is about, such as an incident's ID, so that later runs find what it saved; or ``""``.
        saved: What it saved into the context, as JSON text; ``""`` until it has ended.
        wake_at: From when on there is something to do, in seconds since 1970 (UTC); ``None`` if not before somebody
            tells it something.
        owner: The worker that holds it, or ``""``.
        epoch: Counts the workers that have held it; a write with an older one is refused.
        lease_until: Until when the worker holds it, in seconds since 1970 (UTC).
        created: When it was begun.
        updated: When it was last written to.
    """

    run_id: str
    spec: str = attrs.field(repr=False)
    state: str = "running"
    subject: str = ""
    saved: str = attrs.field(default="", repr=False)
    wake_at: float | None = 0.0
    owner: str = ""
    epoch: int = 0
    lease_until: float = 0.0
    created: float = 0.0
    updated: float = 0.0

    @property
    def runbook(self) -> str:
        """Name of the runbook; of one action, its own; ``""`` where another version wrote it in another form."""
        runbook = decode(self.spec).get("runbook") or {}
        return str(runbook.get("name") or next(iter(runbook.get("single") or ()), ""))

    def status(self, now: float) -> Status:
        """Tell where it stands; ``due`` is what :meth:`Journal.due` lists, unless everything is paused.

        Args:
            now: Seconds since 1970 (UTC).
        """
        if self.state != "running":
            return cast("Status", self.state)
        if self.owner and self.lease_until > now:
            return "running"
        return "waiting" if self.wake_at is None or self.wake_at > now else "due"


@attrs.frozen(kw_only=True)
class Lease:
    """The right of one worker to go on with a run.

    Attributes:
        run_id: The run.
        owner: The worker.
        epoch: Its turn.
        until: Until when, in seconds since 1970 (UTC).
    """

    run_id: str
    owner: str
    epoch: int
    until: float


@attrs.frozen(kw_only=True)
class Entry:
    """One piece of work of a run.

    Attributes:
        seq: Its place in the run, from 1.
        work: What it is, as JSON text: the step, the method, and a hash of the whole request.
        ready_at: The time of the run when it was given out.
        result: What came of it, as JSON text; ``None`` while nobody knows.
        done_at: The time of the run when it was done; ``None`` likewise.
    """

    seq: int
    work: str
    ready_at: float
    result: str | None = attrs.field(default=None, repr=False)
    done_at: float | None = None


@attrs.frozen(kw_only=True)
class Message:
    """What somebody told a run from outside: a signal, to cancel, an answer, to try again.

    Attributes:
        seq: Its number; later messages have greater ones.
        name: What kind it is.
        payload: The rest, as JSON text.
        at: When it was told, in seconds since 1970 (UTC).
    """

    seq: int
    name: str
    payload: str = attrs.field(repr=False)
    at: float


@attrs.frozen
class Mail:
    """What a worker has to know before it goes on.

    Attributes:
        messages: What the run was told, in order.
        paused: Whether everything is paused.
    """

    messages: tuple[Message, ...] = ()
    paused: bool = False

    def __bool__(self) -> bool:
        return self.paused or bool(self.messages)


class Journal(Protocol):
    """Keeps runs, and what workers have to know of each other.

    Every method may block, and raises :class:`~slackrunbooks.errors.JournalError` if it cannot do it. Each write is on
    disk when the method returns. The writes that take a lease are refused with :class:`~slackrunbooks.errors.RunHeld`
    where another worker has taken the run over.
    """

    def begin(self, record: RunRecord) -> RunRecord:
        """Write a new run, or return the one that has its ID already."""
        ...

    def claim(self, run_id: str, owner: str, now: float, seconds: float) -> Lease | None:
        """Take a run whose lease is over; ``None`` while another worker holds it."""
        ...

    def renew(self, lease: Lease, now: float, seconds: float) -> Lease:
        """Hold a run for longer."""
        ...

    def intend(self, lease: Lease, entry: Entry, heard: int) -> Mail:
        """Write what is about to be done, unless there is mail: then that is returned, and nothing is written.

        Args:
            lease: The right to do it.
            entry: What is about to be done.
            heard: The number of the last message that the run has taken in.
        """
        ...

    def settle(self, lease: Lease, entry: Entry) -> None:
        """Write what came of it; an entry that was not intended is written whole."""
        ...

    def end(self, lease: Lease, state: str, now: float, *, wake_at: float | None = 0.0, saved: str = "") -> None:
        """Write that a run has ended, or let go of one that goes on at ``wake_at`` (``running``)."""
        ...

    def tell(self, run_id: str, name: str, payload: str, now: float) -> int:
        """Leave a message for a run, and wake it; return its number. Needs no lease.

        One of :data:`REOPENS` makes the run ``running`` again, so that it is due even where whoever told it dies.
        """
        ...

    def listen(self, run_id: str, heard: int) -> Mail:
        """Return what a run was told after message ``heard``."""
        ...

    def pause(self, reason: str) -> None:
        """Let no worker begin anything; an empty reason lets them go on."""
        ...

    def paused(self) -> str:
        """Return why everything is paused, or ``""``."""
        ...

    def get(self, run_id: str) -> RunRecord | None:
        """Return a run."""
        ...

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return the work of a run, in order."""
        ...

    def runs(self) -> Sequence[RunRecord]:
        """Return all runs, the latest first."""
        ...

    def due(self, now: float, limit: int) -> Sequence[str]:
        """Return the IDs of runs that have something to do and nobody at work, the longest due first."""
        ...

    def about(self, subject: str) -> Sequence[RunRecord]:
        """Return the runs about a subject, in the order in which they were last written to."""
        ...

    def reserve(self, lane: str, now: float, gap: float, burst: int) -> float:
        """Take the next place in a lane that all workers share; return how many seconds to wait for it.

        Args:
            lane: Names the lane.
            now: Seconds since 1970 (UTC).
            gap: Seconds from one place to the next.
            burst: How many may go at once before the gaps count.
        """
        ...

    def close_lane(self, lane: str, until: float) -> None:
        """Let nobody go in a lane before a time."""
        ...

    def closed_until(self, lane: str) -> float:
        """Return the time before which nobody goes in a lane; 0 if it was never closed."""
        ...

    def purge(self, before: float) -> int:
        """Forget runs that ended before a time and that no worker holds; return how many.

        Args:
            before: Seconds since 1970 (UTC), not later than now.
        """
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


# --- text ------------------------------------------------------------------------------------------------------------

_TAG: Final = "$"
_VALUES: Final[Mapping[str, type[Markup]]] = {
    cls.__name__: cls for cls in (UserMention, GroupMention, ChannelMention, Date, Link)
}
_HALF: Final = re.compile("[\ud800-\udfff]")

# What files.getUploadURLExternal gives, and nobody else may know.
_ADDRESS: Final = "upload_url"

# Headers that an answer is judged by; the others are of no use to a run that goes on.
_HEADERS: Final = frozenset({"retry-after", "x-oauth-scopes", "x-accepted-oauth-scopes"})


def encode(value: object) -> str:
    """Return plain data as JSON text that :func:`decode` reads back to the same values.

    Args:
        value: Text, numbers, lists, mappings with text keys, times, bytes, mentions, dates and links.

    Raises:
        JournalError: It holds anything else.
    """
    text = json.dumps(_packed(value), ensure_ascii=False, separators=(",", ":"), allow_nan=True)
    # Half a character, as where somebody cut an emoji in two, has no bytes that a store could keep.
    return text if text.isascii() else _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def decode(text: str) -> Any:
    """Read what :func:`encode` wrote.

    Raises:
        JournalError: The text is something else: it is sealed, or damaged.
    """
    try:
        return _unpacked(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise JournalError(f"what is written cannot be read; it may be sealed, or damaged ({error}).") from error


def _packed(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, datetime):
        return {_TAG: "datetime", "v": value.isoformat()}
    if isinstance(value, date):
        return {_TAG: "date", "v": value.isoformat()}
    if isinstance(value, (bytes, bytearray)):
        return {_TAG: "bytes", "v": base64.b64encode(value).decode()}
    if isinstance(value, Markup) and type(value).__name__ in _VALUES:
        return {_TAG: type(value).__name__, "v": attrs.asdict(value)}  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise JournalError("a run that is kept takes mappings with text keys only.")
        packed = {key: _packed(item) for key, item in value.items()}
        return {_TAG: "map", "v": packed} if _TAG in packed else packed
    if isinstance(value, tuple):
        return {_TAG: "tuple", "v": [_packed(item) for item in value]}
    if isinstance(value, list):
        return [_packed(item) for item in value]
    raise JournalError(
        f"a run that is kept cannot hold a value of type {type(value).__name__}; give it as text, numbers, lists, "
        "mappings, times or bytes."
    )


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _TAG not in value:
        return {key: _unpacked(item) for key, item in value.items()}
    tag, inner = value[_TAG], value["v"]
    if tag in _VALUES:
        return cast("Any", _VALUES[tag])(**inner)
    return _READERS[tag](inner)


def _mapping(value: dict[str, Any]) -> dict[str, Any]:
    return {key: _unpacked(item) for key, item in value.items()}


def _tuple(value: list[Any]) -> tuple[Any, ...]:
    return tuple(_unpacked(item) for item in value)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "bytes": base64.b64decode,
    "map": _mapping,
    "tuple": _tuple,
}


def digest(request: Request) -> str:
    """Return a hash of a request, by which a run that goes on knows that it asks for the same again.

    Args:
        request: The request. Of an upload only its size counts: its address is a secret, and is not kept.
    """
    if isinstance(request, Call):
        whole: object = [request.method, request.arguments]
    elif isinstance(request, Upload):
        whole = [request.method, request.content.size]
    else:
        whole = [request.method, request.arguments]
    return hashlib.sha256(encode(whole).encode()).hexdigest()


def encode_delivery(delivery: Delivery | None) -> str:
    """Return what came of a piece of work as JSON text; ``None`` is a wait that is over.

    Raises:
        JournalError: A host's function returned something that cannot be kept.
    """
    if delivery is None:
        return encode(["waited"])
    if isinstance(delivery, Answered):
        headers = {name: value for name, value in delivery.headers.items() if name in _HEADERS}
        data = delivery.data
        if data is not None and _ADDRESS in data:
            # Whoever knows the address may write there. A run that goes on asks for another one.
            data = {**data, _ADDRESS: ""}
        return encode(["answered", delivery.status, headers, data])
    if isinstance(delivery, (NotSent, Lost)):
        return encode([type(delivery).__name__.lower(), delivery.reason])
    if isinstance(delivery, Returned):
        return encode(["returned", readable(delivery.value)])
    error = delivery.error
    if isinstance(error, NotInstalled):
        # Of ours, and of a request that was not sent: it comes back as what it was.
        return encode(["notinstalled", error.code, error.reason, error.remedy])
    return encode(["raised", type(error).__name__, str(getattr(error, "code", "")), str(error)])


def decode_delivery(text: str) -> Delivery | None:
    """Read what :func:`encode_delivery` wrote. An error of the host comes back as one of that name, code and text."""
    kind, *rest = decode(text)
    if kind == "waited":
        return None
    if kind == "answered":
        return Answered(status=rest[0], headers=rest[1], data=rest[2])
    if kind == "notsent":
        return NotSent(rest[0])
    if kind == "lost":
        return Lost(rest[0])
    if kind == "returned":
        return Returned(rest[0])
    if kind == "notinstalled":
        return Raised(NotInstalled(*rest))
    return Raised(_error(*rest))


@functools.cache
def _named(name: str) -> type[SlackRunbooksError]:
    return type(name, (SlackRunbooksError,), {"__module__": __name__, "code": ""})


def _error(name: str, code: str, text: str) -> SlackRunbooksError:
    error = _named(name)(text)
    error.__dict__["code"] = code
    return error
