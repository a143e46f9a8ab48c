"""What can go wrong between a client and Slack, and when it does.

Rule of this file: a fault says two things, whether Slack acted and what the client sees; how a wire shows it (a cut
socket, an exception) is the wire's business.
"""

from __future__ import annotations

import enum
import threading

import attrs

__all__ = ["FAULTS", "Fault", "FaultPlan", "Injected", "Seen"]


class Seen(enum.Enum):
    """What the client gets instead of an ordinary answer."""

    REFUSED = "refused"
    """No connection: nothing was sent."""
    RESET = "reset"
    """The request left, then the connection was cut."""
    TIMEOUT = "timeout"
    """The request left, and no answer came in time."""
    TRUNCATED = "truncated"
    """The answer stops in the middle of its body."""
    HTML = "html"
    """An answer that is not JSON, from a machine in front of Slack."""
    ANSWER = "answer"
    """Slack's own answer, with an error code."""


@attrs.frozen
class Fault:
    """A kind of failure.

    Attributes:
        name: What :meth:`FakeSlack.inject` calls it.
        seen: What the client gets.
        applied: Whether Slack did what was asked before the failure.
        status: HTTP status, where there is an answer at all.
        code: Slack's error code, where the answer is Slack's own.
        retry_after: Seconds in the ``Retry-After`` header, or ``None``.
    """

    name: str
    seen: Seen
    applied: bool = False
    status: int = 200
    code: str = ""
    retry_after: int | None = None


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("refused", Seen.REFUSED),
        Fault("reset_before", Seen.RESET),
        Fault("applied_then_reset", Seen.RESET, applied=True),
        Fault("server_error_before", Seen.HTML, status=500),
        Fault("server_error_after", Seen.HTML, status=500, applied=True),
        Fault("timeout_before", Seen.TIMEOUT),
        Fault("timeout_after", Seen.TIMEOUT, applied=True),
        Fault("truncated", Seen.TRUNCATED, applied=True),
        Fault("not_json", Seen.HTML, applied=True),
        # "It's possible some aspect of the operation succeeded" (https://docs.slack.dev/apis/web-api): both are real.
        Fault("internal_error", Seen.ANSWER, code="internal_error"),
        Fault("internal_error_after", Seen.ANSWER, code="internal_error", applied=True),
        # https://docs.slack.dev/apis/web-api/rate-limits shows "Retry-After: 30".
        Fault("ratelimited", Seen.ANSWER, status=429, code="ratelimited", retry_after=30),
    )
}
"""Every named fault."""


@attrs.define
class Injected:
    """A fault that waits for its call.

    Attributes:
        method: The Web API method, or ``"*"`` for any.
        fault: What will happen.
        times: How often it will still happen.
        after: How many calls it will still let pass first.
    """

    method: str
    fault: Fault
    times: int
    after: int

    def __str__(self) -> str:
        late = f" after {self.after} more call(s)" if self.after else ""
        return f"{self.fault.name} for {self.method}, {self.times} time(s){late}"


class FaultPlan:
    """The faults of one fake, first in, first out for each method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Injected] = []

    def add(self, method: str, fault: Fault, *, times: int, after: int) -> None:
        """Let ``fault`` happen to the next ``times`` calls of ``method``, once ``after`` calls have passed."""
        if times < 1 or after < 0:
            raise ValueError(f"a fault happens at least once, after 0 or more calls: times={times}, after={after}")
        with self._lock:
            self._waiting.append(Injected(method, fault, times, after))

    def next(self, method: str) -> Fault | None:
        """Return what happens to this call, and count it."""
        fired: Fault | None = None
        with self._lock:
            for injected in [each for each in self._waiting if each.method in {"*", method}]:
                if injected.after:
                    injected.after -= 1
                elif fired is None:
                    fired = injected.fault
                    injected.times -= 1
                    if not injected.times:
                        self._waiting.remove(injected)
        return fired

    @property
    def waiting(self) -> list[Injected]:
        """What has not happened yet."""
        with self._lock:
            return list(self._waiting)
