"""Locks of threads that a forked process has anew.

Rule of this file: nothing but that. In a copy of its parent's lock, the holder may be a thread that only the parent
has, and that never lets go here.
"""

from __future__ import annotations

import os
import threading
import weakref

__all__ = ["Turn"]


class Turn:
    """A lock of one's own in each process, for whoever shares this object.

    Attributes:
        lock: The lock. It is not wrapped: what Python does around an acquisition could be interrupted.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        _turns.add(self)


_turns: weakref.WeakSet[Turn] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for turn in list(_turns):
        turn.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
