"""How fast Slack lets an app go, for tests that switch it on.

Rule of this file: a table of the tiers as each method's page names them, and windows of a minute. Slack says "50+ per
minute": here the number is the limit, because nobody may count on more.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PER_MINUTE", "RateLimits"]

_MINUTE = 60.0

# https://docs.slack.dev/apis/web-api/rate-limits says what a tier is; which one a method has stands on its own page,
# https://docs.slack.dev/reference/methods/<method>. For conversations.history and conversations.replies it is the tier
# of an app of one's own: those sold outside Slack's Marketplace get one request a minute.
_TIERS: Final[dict[int, str]] = {
    1: "apps.uninstall",
    20: """
        auth.teams.list bookmarks.add bookmarks.edit bookmarks.remove canvases.create conversations.archive
        conversations.canvases.create conversations.close conversations.create conversations.list conversations.rename
        conversations.setPurpose conversations.setTopic conversations.unarchive pins.add pins.list pins.remove
        reactions.remove usergroups.list usergroups.update usergroups.users.list usergroups.users.update users.list""",
    50: """
        auth.revoke bookmarks.list canvases.access.set canvases.edit chat.delete chat.deleteScheduledMessage
        chat.meMessage chat.scheduleMessage chat.scheduledMessages.list chat.update conversations.history
        conversations.info files.list conversations.invite conversations.join conversations.kick conversations.leave
        conversations.open conversations.replies reactions.add reactions.get oauth.v2.exchange users.conversations
        users.lookupByEmail""",
    100: """
        api.test chat.postEphemeral conversations.members files.completeUploadExternal files.getUploadURLExternal
        files.info users.info""",
}
PER_MINUTE: Final[dict[str, int]] = {method: most for most, methods in _TIERS.items() for method in methods.split()}
"""Requests a minute by method. ``chat.postMessage`` has a rule of its own; the other pages name no number."""

# "1 per second" and channel: https://docs.slack.dev/apis/web-api/rate-limits#posting-messages. Short bursts are
# tolerated, but no page says how short; the workspace as a whole may have "several hundred messages per minute", but no
# page says how many.
_POST = "chat.postMessage"
_A_SECOND = 1.0


class RateLimits:
    """What an app has asked for in the last minute."""

    def __init__(self) -> None:
        self._asked: dict[str, deque[float]] = {}

    def wait(self, method: str, arguments: Mapping[str, Any], now: float) -> int:
        """Count a request; return 0, or the whole seconds to wait where it comes too early and is not counted.

        Args:
            method: The method.
            arguments: Its arguments.
            now: Seconds since 1970 (UTC).
        """
        if method == _POST:
            # A name and an ID of one channel count apart, as far as anybody knows.
            return self._take(f"{method} {arguments.get('channel')}", 1, _A_SECOND, now)
        most = PER_MINUTE.get(method)
        return 0 if most is None else self._take(method, most, _MINUTE, now)

    def _take(self, lane: str, most: int, window: float, now: float) -> int:
        asked = self._asked.setdefault(lane, deque())
        while asked and now - asked[0] >= window:
            asked.popleft()
        if len(asked) < most:
            asked.append(now)
            return 0
        return max(1, math.ceil(window - (now - asked[0])))
