"""What stores have in common: they are closed at the end of a ``with``, and threads share them by a lock."""

from __future__ import annotations

import os
import threading
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


_shared: weakref.WeakSet[Shared] = weakref.WeakSet()


def _forked() -> None:
    for store in list(_shared):
        store._lock = threading.Lock()  # noqa: SLF001 - before anybody else in this process


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
