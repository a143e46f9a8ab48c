"""What stores have in common: they are closed at the end of a ``with``, and threads share them by a lock."""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class Closing:
    """A store as a context manager."""

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close what is open."""
        raise NotImplementedError


class Shared(Closing):
    """A store that threads share by a lock; a process that is forked has one of its own.

    In its copy of its parent's, the holder may be a thread that only the parent has, and that never lets go here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _shared.add(self)

    def _put_away(self) -> None:
        """Close what a forked process must not have a copy of; called with the lock taken."""


_shared: weakref.WeakSet[Shared] = weakref.WeakSet()

# The locks that this thread took for its fork.
_taken = threading.local()

# Seconds; a transaction takes milliseconds, and a fork must not wait for one that hangs.
_PATIENCE = 2.0


def _before_fork() -> None:
    _taken.locks = []
    until = time.monotonic() + _PATIENCE
    for store in list(_shared):
        lock = store._lock  # noqa: SLF001 - of this file
        if lock.acquire(timeout=max(0.0, until - time.monotonic())):
            _taken.locks.append(lock)
            store._put_away()  # noqa: SLF001 - of this file


def _after_fork_in_parent() -> None:
    while _taken.locks:
        _taken.locks.pop().release()


def _after_fork_in_child() -> None:
    for store in list(_shared):
        store._lock = threading.Lock()  # noqa: SLF001 - before anybody else in this process


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
