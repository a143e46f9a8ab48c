"""What a fake remembers of each request.

Rule of this file: values only. Unlike the library itself, a record keeps the arguments whole: it belongs to a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FakeCall"]


@attrs.frozen
class FakeCall:
    """One request that reached the fake.

    Attributes:
        method: The Web API method.
        arguments: Its arguments as the fake decoded them: flags as ``bool``, JSON arguments as data, unknown ones too.
        ok: Whether Slack did what was asked, whatever became of the answer.
        error: Slack's error code, or ``None``.
        token: Kind of the token: ``"bot"``, ``"user"``, ``"app"``, ``"other"`` or ``"none"``; never the token itself.
        at: When, in seconds since 1970 (UTC) on the fake's clock.
        fault: Name of the fault that hit it, or ``None``.
        status: HTTP status of the answer; 0 where there was none.
    """

    method: str
    arguments: Mapping[str, Any]
    ok: bool
    error: str | None
    token: str
    at: float
    fault: str | None = None
    status: int = 200
