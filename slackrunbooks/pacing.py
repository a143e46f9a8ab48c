"""How far apart requests are sent, so that Slack need not tell anybody to wait.

Rule of this file: values that say which lanes a request goes in. Who goes when is kept by a journal; a driver waits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

from ._effects import Call
from .errors import RateLimited, RunbookError
from .retries import Refused, judge
from .slack_methods import METHODS

if TYPE_CHECKING:
    from ._effects import Delivery, Request

__all__ = ["Lane", "Pacing", "asked_to_wait"]

_MINUTE: Final = 60.0
_SECOND: Final = 1.0

# "No more than one message per second per channel": https://docs.slack.dev/apis/web-api/rate-limits#posting-messages
_POST: Final = "chat.postMessage"
_CHANNEL: Final = ("channel", "channel_id")


@attrs.frozen
class Lane:
    """A row of requests that share one of Slack's limits.

    Attributes:
        name: Names it.
        gap: Seconds from one request to the next.
        burst: How many may go at once before the gaps count.
    """

    name: str
    gap: float
    burst: int


def _plain(rates: Mapping[str, float]) -> Mapping[str, float]:
    if not isinstance(rates, Mapping):
        raise RunbookError(
            f"must be a mapping of methods to requests a minute, not {type(rates).__name__}.", place="Pacing.per_minute"
        )
    for method, rate in rates.items():
        if not _is_number(rate) or not 0 < rate < math.inf:
            raise RunbookError(
                f"must be requests a minute, above 0; not {rate!r}.", place=f"Pacing.per_minute.{method}"
            )
    return MappingProxyType(dict(rates))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@attrs.frozen(kw_only=True)
class Pacing:
    """How fast the executors of one app go, all together.

    With it an executor asks before each request for a place in a lane that all executors with the same journal share:
    one for each method, by its rate tier, and one for each channel that messages are posted to, one a second. Where
    Slack says "later" nevertheless (other programs use the same app), the lane is closed for everybody until then, and
    after that one goes at a time.

    Attributes:
        share: What part of Slack's rates the executors may use together, above 0 to 1: less than all, for two requests
            that leave a minute apart may arrive closer to each other.
        burst: What part of a minute's requests may go at once, 0 to below ``share``. The more of it, the longer are the
            gaps that follow. Messages to one channel go one by one.
        per_minute: Requests a minute by method, where Slack's pages do not say them or say other ones for this app:
            ``{"conversations.history": 1}`` for an app that is sold outside Slack's Marketplace.
        name: Names the app and the workspace in the journal, where several share it: Slack counts each by itself. The
            workspaces of :class:`Workspaces` are told apart without it.
    """

    share: float = 0.9
    burst: float = 0.2
    per_minute: Mapping[str, float] = attrs.field(factory=dict, converter=_plain)
    name: str = ""

    def __attrs_post_init__(self) -> None:
        if not _is_number(self.share) or not 0 < self.share <= 1:
            raise RunbookError(f"must be above 0 and at most 1, not {self.share!r}.", place="Pacing.share")
        if not _is_number(self.burst) or not 0 <= self.burst < self.share:
            raise RunbookError(f"must be from 0 to below share, not {self.burst!r}.", place="Pacing.burst")

    def lanes(self, request: Request, workspace: str = "") -> tuple[Lane, ...]:
        """Return the lanes that a request goes in, one after the other; none for what Slack does not count.

        Args:
            request: The request.
            workspace: Team ID of the workspace that it goes to, where that is known: Slack counts in each by itself.
        """
        if not isinstance(request, Call):
            return ()
        known = METHODS.get(request.method)
        lanes = []
        row = f"{self.name}/{workspace}" if workspace else self.name
        rate = self.per_minute.get(request.method)
        if rate is None and known is not None and request.method != _POST:
            rate = known.per_minute
        if rate is not None:
            lanes.append(self._lane(f"{row}/{request.method}", rate))
        if known is not None and known.posts and (channel := self._channel(request.arguments)):
            lanes.append(Lane(f"{row}/messages/{channel}", _SECOND / self.share, 1))
        return tuple(lanes)

    def _lane(self, name: str, rate: float) -> Lane:
        # In any minute go a burst and what the gaps let through; both together are no more than the share.
        allowed, burst = rate * self.share, max(1, math.floor(rate * self.burst))
        return Lane(name, _MINUTE / (allowed - burst if burst > 1 else allowed), burst)

    @staticmethod
    def _channel(arguments: Mapping[str, Any]) -> str:
        return next((str(arguments[name]) for name in _CHANNEL if arguments.get(name)), "")


def asked_to_wait(request: Request, delivery: Delivery) -> float:
    """Return how many seconds Slack asked to wait, or 0.

    Args:
        request: The request.
        delivery: What came of it.
    """
    verdict = judge(request, delivery)
    error = verdict.error if isinstance(verdict, Refused) else None
    return error.retry_after if isinstance(error, RateLimited) else 0.0
