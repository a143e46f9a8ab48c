"""What stores have in common: they are closed at the end of a ``with``, and threads share them by a lock."""

from __future__ import annotations

import collections
import functools
import itertools
import operator
import os
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
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

    _taken_last = False
    """Whether somebody takes this one's lock while holding another's: a fork must do so in the same order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _shared.add(weakref.ref(self, _shared.discard))

    def _put_away(self) -> None:
        """Close what a forked process must not have a copy of; called with the lock taken."""


_shared: set[weakref.ref[Shared]] = set()

# Seconds for each; a transaction takes milliseconds, and a fork must not wait for one that hangs.
_PATIENCE = 1.0

_acquire = operator.methodcaller("acquire", timeout=_PATIENCE)
_release = operator.methodcaller("release")


class _Taken(threading.local):
    """The locks that this thread has taken for its fork, and not yet given back."""

    rest: Iterator[threading.Lock] = iter(())


_taken = _Taken()

# Ctrl-C may come between any two steps of Python, but not within one of C. So that each lock that is taken is given
# back, one of C gives back all that there are: it asks for _taken.rest anew before each.
_all_of_rest = map(_release, map(next, map(operator.attrgetter("rest"), itertools.repeat(_taken))))
_give_back = functools.partial(collections.deque[None](maxlen=0).extend, _all_of_rest)


def _stores() -> list[Shared]:
    # In one step, during which no other thread adds one.
    found = [store for ref in tuple(_shared) if (store := ref()) is not None]
    return sorted(found, key=lambda store: store._taken_last)  # noqa: SLF001 - of this file


def _before_fork() -> None:
    stores = _stores()
    by_lock = {store._lock: store for store in stores}  # noqa: SLF001 - of this file
    locks: list[threading.Lock] = []
    _taken.rest = iter(locks)
    # One step of C, too: what is taken is in the list.
    locks.extend(filter(_acquire, by_lock))
    for lock in locks:
        by_lock[lock]._put_away()  # noqa: SLF001 - of this file


def _after_fork_in_child() -> None:
    for store in _stores():
        store._lock = threading.Lock()  # noqa: SLF001 - before anybody else in this process


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_give_back)
    # Ctrl-C may end the first in its beginning.
    for _ in range(2):
        os.register_at_fork(after_in_child=_after_fork_in_child)
