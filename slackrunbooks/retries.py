"""What became of a request, and whether to send it again.

Rule of this file: judge and decide; nothing here waits or sends. tenacity's strategies decide, from attempts and
waits that the engine counted, by the engine's clock. Only what a table lists is tried again.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from ._effects import Answered, Call, Delivery, HostCall, Lost, NotSent, Raised, Reply, Request, Returned, Upload
from .errors import RateLimited, RunbookError, SlackError, SlackUnavailable
from .slack_methods import METHODS, UNCERTAIN_CODES, slack_error

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["Accepted", "Refused", "RetryPolicy", "Unknown", "Verdict", "judge"]


@attrs.frozen
class Accepted:
    """It was done.

    Attributes:
        reply: Slack's answer, or what the host's function returned.
    """

    reply: Any


@attrs.frozen
class Refused:
    """It was certainly not done.

    Attributes:
        error: Why.
        again: Whether the same request may be sent again, by the tables below.
    """

    error: Exception
    again: bool = False


@attrs.frozen
class Unknown:
    """It may have been done.

    Attributes:
        reason: What happened to the answer.
    """

    reason: str


Verdict: TypeAlias = Accepted | Refused | Unknown
"""What became of a request."""

# Slack asks for the request again later; it did not do it. https://docs.slack.dev/apis/web-api/rate-limits
_LATER = frozenset({"ratelimited", "rate_limited"})

# An answer by something on the way that gave up waiting: the request may have gone on. Envoy's 408 "stream timeout"
# came with messages that stood in the channel: https://github.com/slackapi/python-slack-sdk/issues/1165
_GAVE_UP = 408


def judge(call: Request, delivery: Delivery) -> Verdict:
    """Tell from a delivery whether what a request asked was done, was not, or may have been.

    Args:
        call: The request.
        delivery: What the driver reported of it.
    """
    if isinstance(delivery, Returned):
        return Accepted(delivery.value)
    if isinstance(delivery, Raised):
        return Refused(delivery.error)
    if isinstance(delivery, NotSent):
        unreachable = SlackUnavailable(
            method=call.method,
            detail=delivery.reason,
            remedy="Nothing was sent. Check the network, the proxy and the base URL.",
        )
        return Refused(unreachable, again=True)
    if isinstance(delivery, Lost):
        return Unknown(delivery.reason)
    return _judge_upload(delivery) if isinstance(call, Upload) else _judge_call(call, delivery)


def _judge_upload(answer: Answered) -> Verdict:
    """Judge the upload service, which speaks plain text and tells success by the status alone.

    Source: https://docs.slack.dev/reference/methods/files.getUploadURLExternal ("a non-200 response indicates a
    failure")
    """
    if answer.status == 200:
        return Accepted(Reply({}, answer.headers))
    if answer.status == 429:
        return Refused(slack_error(Upload.method, {"error": "ratelimited"}, headers=answer.headers), again=True)
    if answer.status >= 500 or answer.status == _GAVE_UP:
        return Unknown(f"HTTP {answer.status} from the upload service")
    code = str((answer.data or {}).get("error") or f"http_{answer.status}")
    return Refused(
        SlackError(
            code,
            method=Upload.method,
            detail="the upload service did not take the bytes",
            remedy="Run the step again: it asks Slack for a new address.",
        )
    )


def _judge_call(call: Call | HostCall, delivery: Answered) -> Verdict:
    data = delivery.data
    if data is not None and data.get("ok") is True:
        return Accepted(Reply(data, delivery.headers))
    if delivery.status == 429:
        return Refused(slack_error(call.method, {"error": "ratelimited"}, headers=delivery.headers), again=True)
    if data is not None and data.get("ok") is False:
        code = str(data.get("error") or "")
        if code in UNCERTAIN_CODES:
            return Unknown(f"Slack answered {code}, which may come after the effect")
        error = slack_error(call.method, data, status=delivery.status, headers=delivery.headers)
        known = METHODS.get(call.method)
        return Refused(error, again=code in _LATER or (known is not None and code in known.retry_codes))
    if 300 <= delivery.status < 400:
        return Refused(
            SlackError(
                f"http_{delivery.status}",
                method=call.method,
                detail="a redirect, which is not followed so that the token goes nowhere else",
                remedy="Set base_url to where the API is, ending in /api/.",
            )
        )
    if 400 <= delivery.status < 500 and delivery.status != _GAVE_UP:
        return Refused(
            SlackError(
                f"http_{delivery.status}",
                method=call.method,
                detail="an answer that is not Slack's",
                remedy="Check base_url (it ends in /api/) and the proxy on the way.",
            )
        )
    return Unknown(f"HTTP {delivery.status} without Slack's answer")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often, and how long, certainly unsent or refused requests are tried again.

    Tried again are: rate limits (HTTP 429 and the codes ``ratelimited`` and ``rate_limited``) after exactly the time
    that Slack names; the two errors of which Slack's pages say "please retry" (``canvas_editing_locked`` and the
    bookmarks' ``too_many_requests``); requests that certainly did not leave (connection refused, no such host, TLS
    failure); and lost answers, of methods that only read and of the bytes of a file. Nothing else.

    Attributes:
        attempts: Most requests for one call, the first included.
        max_wait: Most seconds that one call waits in all; a wait that would pass it is not begun.
        first_wait: Seconds before the second attempt where Slack names no time; doubled for each further one.
        longest_wait: Most seconds of one such wait.
    """

    attempts: int = 5
    max_wait: float = 120.0
    first_wait: float = 0.5
    longest_wait: float = 30.0

    def __attrs_post_init__(self) -> None:
        attempts: object = self.attempts
        if not isinstance(attempts, int) or isinstance(attempts, bool) or attempts < 1:
            raise RunbookError(
                f"must be a whole number from 1, for the first request counts; not {attempts!r}.",
                place="RetryPolicy.attempts",
            )
        for name in ("max_wait", "first_wait", "longest_wait"):
            seconds: object = getattr(self, name)
            if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not seconds >= 0:
                raise RunbookError(f"must be seconds from 0, not {seconds!r}.", place=f"RetryPolicy.{name}")

    def wait_before_next(self, *, attempt: int, waited: float, error: Exception | None) -> float | None:
        """Decide whether and when a request is sent again.

        Args:
            attempt: How many requests were sent or tried for this call.
            waited: Seconds this call has waited so far.
            error: Why the last was refused, or ``None`` for a lost answer.

        Returns:
            Seconds to wait, or ``None`` to give up.
        """
        return _Strategy(self).decide(attempt, waited, error)


@attrs.frozen(slots=False)
class _Strategy:
    """A retry policy in tenacity's terms."""

    policy: RetryPolicy

    @cached_property
    def _parts(self) -> tuple[Any, Any, Any]:
        import tenacity

        class RetryAfter(tenacity.wait.wait_base):
            """Wait as long as Slack asked, else as long as another strategy says."""

            def __init__(self, otherwise: tenacity.wait.wait_base) -> None:
                self.otherwise = otherwise

            def __call__(self, retry_state: RetryCallState) -> float:
                raised = retry_state.outcome.exception() if retry_state.outcome else None
                if isinstance(raised, RateLimited):
                    return raised.retry_after
                return self.otherwise(retry_state)

        policy = self.policy
        wait = RetryAfter(tenacity.wait_exponential(multiplier=policy.first_wait, max=policy.longest_wait))
        stop = tenacity.stop_any(
            tenacity.stop_after_attempt(policy.attempts), tenacity.stop_before_delay(policy.max_wait + 1e-9)
        )
        return tenacity, wait, stop

    def decide(self, attempt: int, waited: float, error: Exception | None) -> float | None:
        tenacity, wait, stop = self._parts
        state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
        state.attempt_number = attempt
        # tenacity measures from its own clock; here the engine's count of seconds waited stands in for it.
        state.start_time, state.outcome_timestamp = 0.0, waited
        state.outcome = tenacity.Future(attempt)
        state.outcome.set_exception(error or SlackUnavailable(method=""))
        state.upcoming_sleep = wait(state)
        return None if stop(state) else float(state.upcoming_sleep)
