"""The clock a driver works by: the wall clock, or a test's virtual one.

Rule of this file: the one place above the I/O line that names time, and only as a protocol; ``executor.py`` has the
real clock, ``testing`` the virtual one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["Clock"]


class Clock(Protocol):
    """Tells the time and waits. Times are seconds since 1970 (UTC)."""

    def now(self) -> float:
        """Return the time."""
        ...

    def sleep_until(self, when: float) -> None:
        """Block this thread until ``now() >= when``."""
        ...

    async def async_sleep_until(self, when: float) -> None:
        """Suspend this task until ``now() >= when``."""
        ...

    def busy(self) -> AbstractContextManager[None]:
        """Count the caller as at work until the block ends; a virtual clock moves only when all who work wait."""
        ...
