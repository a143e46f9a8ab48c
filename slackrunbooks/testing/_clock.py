"""Time that moves only when everybody waits.

Rule of this file: nothing here sleeps. A waiter blocks on a lock (a thread) or on a future (a task) until the clock
reaches its wake; the clock jumps there as soon as no participant is at work, so hours pass in microseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["START", "VirtualClock"]

START = 1_767_603_600.0
"""2026-01-05T09:00:00Z, a Monday morning: a fixed start, so that every ``ts`` of a test is the same in every run."""

_TURNS = 5
"""Turns of the event loop that a sleeping task leaves to the others before the clock may move.

Tasks that were only just created have not yet said that they are at work. ``asyncio.gather`` starts all of them within
one turn; hand-overs through a queue or a future take two or three.
"""

_LOOKS = 100
"""How often, within its patience, a waiter looks again whether the clock may move."""

_Who: TypeAlias = "tuple[int, int]"


class _Sleeper:
    """One waiter: who, until when, how to wake it, whether it stands still, and the loop of a task."""

    __slots__ = ("loop", "still", "wake", "when", "who", "woken")

    def __init__(
        self, who: _Who, when: float, wake: Callable[[], object], loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self.who = who
        self.when = when
        self.wake = wake
        self.loop = loop
        self.still = loop is None
        self.woken = False


class VirtualClock:
    """A clock for tests, shared by threads and asyncio tasks. It implements the protocol of ``slackrunbooks._clock``.

    Whoever is inside :meth:`busy` is at work, unless it sleeps on this clock. When nobody is at work, the clock moves
    to the earliest wake. A sleeper outside :meth:`busy` does not hold the others up, and is woken like them. One that
    waits for another participant (joins a thread, awaits a task) must not be inside :meth:`busy` meanwhile: it would
    look as if it worked for ever, which ``patience`` turns into an error.

    Args:
        start: Seconds since 1970 (UTC), or an aware datetime.
        patience: Real seconds after which a wait on a clock that cannot move raises ``RuntimeError`` instead of
            hanging the test session.
    """

    def __init__(self, start: float | datetime = START, *, patience: float = 60.0) -> None:
        if isinstance(start, datetime):
            if start.tzinfo is None:
                raise ValueError("start needs a time zone: datetime(2026, 1, 5, 9, tzinfo=timezone.utc)")
            start = start.timestamp()
        self.naps: list[float] = []
        """Seconds of every wait so far, in the order in which the waits began."""
        self._patience = patience
        self._now = float(start)
        self._lock = threading.Lock()
        self._busy: dict[_Who, int] = {}
        self._sleepers: set[_Sleeper] = set()

    def now(self) -> float:
        """Return the time, in seconds since 1970 (UTC)."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass, whoever is at work, and wake those whose time has come.

        Args:
            seconds: How long; not negative.
        """
        if seconds < 0:
            raise ValueError(f"time does not run backwards: advance({seconds})")
        with self._lock:
            self._set(self._now + seconds)

    @contextlib.contextmanager
    def busy(self) -> Generator[None]:
        """Count the caller (this task, or else this thread) as at work until the block ends. Blocks nest."""
        who = _caller()
        with self._lock:
            self._busy[who] = self._busy.get(who, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                depth = self._busy.pop(who) - 1
                if depth:
                    self._busy[who] = depth
                self._move()

    def sleep_until(self, when: float) -> None:
        """Block this thread until ``now() >= when``, and note the nap."""
        self._note(when)
        self.wait_until(when)

    async def async_sleep_until(self, when: float) -> None:
        """Suspend this task until ``now() >= when``, and note the nap."""
        self._note(when)
        await self.async_wait_until(when)

    def wait_until(self, when: float) -> None:
        """Like :meth:`sleep_until`, but not a nap: time that passes on the wire, not by decision."""
        awake = threading.Event()
        with self._lock:
            if self._now >= when:
                return
            sleeper = _Sleeper(_caller(), when, awake.set)
            self._sleepers.add(sleeper)
            self._move()
        try:
            for _ in range(_LOOKS):
                if awake.wait(self._patience / _LOOKS):
                    return
                self._look()
            raise self._stuck(when)
        finally:
            self._rise(sleeper)

    async def async_wait_until(self, when: float) -> None:
        """Like :meth:`async_sleep_until`, but not a nap."""
        loop = asyncio.get_running_loop()
        awake = asyncio.Event()
        with self._lock:
            if self._now >= when:
                return
            sleeper = _Sleeper(_caller(), when, _waker(loop, awake), loop)
            self._sleepers.add(sleeper)
        _later(loop, _TURNS, self._settle, sleeper)
        try:
            for _ in range(_LOOKS):
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(awake.wait(), self._patience / _LOOKS)
                    return
                self._look()
            raise self._stuck(when)
        finally:
            if sleeper.woken and sleeper.who not in self._busy and not loop.is_closed():
                # Nothing else says that this task is at work now, so it gets some turns before the clock goes on.
                _later(loop, _TURNS, self._rise, sleeper)
            else:
                self._rise(sleeper)

    def _note(self, when: float) -> None:
        if when > self._now:
            self.naps.append(when - self._now)

    def _look(self) -> None:
        """Look again whether the clock may move: a loop that was closed says nothing."""
        with self._lock:
            self._move()

    def _settle(self, sleeper: _Sleeper) -> None:
        """Let a task stand still, so that the clock may move."""
        with self._lock:
            if sleeper in self._sleepers and not sleeper.woken:
                sleeper.still = True
                self._move()

    def _rise(self, sleeper: _Sleeper) -> None:
        """Take away a sleeper that runs again; only now may the clock go on to the next wake."""
        with self._lock:
            self._sleepers.discard(sleeper)
            self._move()

    def _move(self) -> None:
        """Jump to the earliest wake if everybody waits. Needs the lock."""
        self._sleepers = {each for each in self._sleepers if each.loop is None or not each.loop.is_closed()}
        if not self._sleepers or not all(sleeper.still for sleeper in self._sleepers):
            return
        waiting = {sleeper.who for sleeper in self._sleepers}
        if all(who in waiting for who in self._busy):
            earliest = min(sleeper.when for sleeper in self._sleepers)
            if earliest < math.inf:
                self._set(max(self._now, earliest))

    def _set(self, now: float) -> None:
        """Set the time and wake who is due. Needs the lock."""
        self._now = now
        for sleeper in self._sleepers:
            if sleeper.when <= now and not sleeper.woken:
                # From here on it is at work, although its thread or task may only run later.
                sleeper.woken, sleeper.still = True, False
                sleeper.wake()

    def _stuck(self, when: float) -> RuntimeError:
        with self._lock:
            waiting = {sleeper.who for sleeper in self._sleepers}
            at_work = len([who for who in self._busy if who not in waiting])
        return RuntimeError(
            f"the virtual clock stood at {self._now:.6f} for {self._patience:g} real seconds while somebody waited for "
            f"{when:.6f}: {at_work} participant(s) are inside busy() without sleeping on this clock. One that waits "
            f"for another thread or task must leave busy() first; or call advance()."
        )


def _later(loop: asyncio.AbstractEventLoop, turns: int, work: Callable[[_Sleeper], None], sleeper: _Sleeper) -> None:
    """Do something after some turns of a loop."""
    if turns:
        loop.call_soon(_later, loop, turns - 1, work, sleeper)
    else:
        work(sleeper)


def _waker(loop: asyncio.AbstractEventLoop, awake: asyncio.Event) -> Callable[[], None]:
    """Return what wakes a task from any thread; a task whose loop is closed needs no waking."""

    def wake() -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(awake.set)

    return wake


def _caller() -> _Who:
    """Name the running task, or else the running thread."""
    task: asyncio.Task[Any] | None
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.get_ident(), id(task) if task is not None else 0
