"""The virtual clock, with threads and asyncio tasks."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from slackrunbooks.testing import VirtualClock
from slackrunbooks.testing._clock import _Sleeper, _waker

if TYPE_CHECKING:
    from slackrunbooks._clock import Clock


def in_threads(*works) -> None:
    """Run functions side by side until all have returned."""
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive()


def test_it_is_a_clock_with_a_fixed_start() -> None:
    """The clock follows the library's protocol and starts on Monday 2026-01-05 at 09:00 UTC."""
    clock: Clock = VirtualClock()
    assert datetime.fromtimestamp(clock.now(), tz=timezone.utc).isoformat() == "2026-01-05T09:00:00+00:00"


@pytest.mark.parametrize("start", [1000.0, datetime(1970, 1, 1, 0, 16, 40, tzinfo=timezone.utc)])
def test_start_is_seconds_or_an_aware_datetime(start: float | datetime) -> None:
    """The start can be given both ways."""
    assert VirtualClock(start).now() == 1000.0


def test_a_naive_start_is_refused() -> None:
    """A datetime without a time zone is refused with the form to write."""
    with pytest.raises(ValueError, match=r"tzinfo=timezone\.utc|timezone"):
        VirtualClock(datetime(2026, 1, 5))


def test_a_lone_sleeper_wakes_at_once() -> None:
    """A sleep of a year takes no time, moves the clock exactly there, and is noted."""
    clock = VirtualClock(0)
    clock.sleep_until(31_536_000)
    assert (clock.now(), clock.naps) == (31_536_000, [31_536_000])


def test_a_wake_in_the_past_does_not_wait() -> None:
    """Sleeping until now or earlier returns at once and is no nap."""
    clock = VirtualClock(100)
    clock.sleep_until(100)
    clock.sleep_until(5)
    asyncio.run(clock.async_sleep_until(50))
    assert (clock.now(), clock.naps) == (100, [])


def test_waiting_for_the_wire_is_no_nap() -> None:
    """Time that passes without a decision to sleep moves the clock but is not noted."""
    clock = VirtualClock(0)
    clock.wait_until(30)
    asyncio.run(clock.async_wait_until(40))
    assert (clock.now(), clock.naps) == (40, [])


def test_advance_moves_time_and_wakes_the_due() -> None:
    """Advancing wakes a sleeper whose time has come although somebody else is at work."""
    clock = VirtualClock(0)
    woke: list[float] = []

    def sleeper() -> None:
        clock.sleep_until(10)
        woke.append(clock.now())

    with clock.busy():
        thread = threading.Thread(target=sleeper)
        thread.start()
        while not clock.naps:
            pass
        clock.advance(4)
        assert woke == []
        clock.advance(6)
        thread.join(timeout=20)
    assert woke == [10]


def test_time_does_not_run_backwards() -> None:
    """A negative advance is refused."""
    with pytest.raises(ValueError, match="backwards"):
        VirtualClock().advance(-1)


def test_the_clock_waits_for_everybody_at_work() -> None:
    """While one thread works, a sleeper in another does not move the clock; once both sleep, the earliest wake wins."""
    clock = VirtualClock(0)
    seen: list[tuple[str, float]] = []
    started = threading.Barrier(2)

    def worker(name: str, *wakes: float) -> None:
        with clock.busy():
            started.wait()
            for wake in wakes:
                clock.sleep_until(wake)
                seen.append((name, clock.now()))

    in_threads(lambda: worker("a", 10, 30), lambda: worker("b", 20, 40))
    assert seen == [("a", 10), ("b", 20), ("a", 30), ("b", 40)]


def test_busy_nests() -> None:
    """Leaving an inner block does not end the outer one."""
    clock = VirtualClock(0)
    moved = threading.Event()

    def sleeper() -> None:
        clock.sleep_until(10)
        moved.set()

    with clock.busy():
        with clock.busy():
            pass
        thread = threading.Thread(target=sleeper)
        thread.start()
        assert not moved.wait(0.02)
    thread.join(timeout=20)
    assert clock.now() == 10


def test_tasks_wake_in_order_of_their_times() -> None:
    """Tasks of one loop that sleep side by side wake at their own times, earliest first."""
    clock = VirtualClock(0)
    seen: list[float] = []

    async def task(when: float) -> None:
        await clock.async_sleep_until(when)
        seen.append(clock.now())

    async def main() -> None:
        await asyncio.gather(*(task(when) for when in (30, 10, 20)))

    asyncio.run(main())
    assert seen == [10, 20, 30]


def test_threads_and_tasks_share_one_time() -> None:
    """A thread and a task that both work wake in the order of their times."""
    clock = VirtualClock(0)
    seen: list[tuple[str, float]] = []
    started = threading.Barrier(2)

    def thread() -> None:
        with clock.busy():
            started.wait()
            for wake in (5, 25):
                clock.sleep_until(wake)
                seen.append(("thread", clock.now()))

    async def task() -> None:
        with clock.busy():
            started.wait()
            for wake in (15, 35):
                await clock.async_sleep_until(wake)
                seen.append(("task", clock.now()))

    in_threads(thread, lambda: asyncio.run(task()))
    assert seen == [("thread", 5), ("task", 15), ("thread", 25), ("task", 35)]


def test_two_tasks_of_a_loop_are_two_participants() -> None:
    """A busy task that does not sleep holds the clock although it shares a thread with one that does."""
    clock = VirtualClock(0)
    seen: list[str] = []

    async def works() -> None:
        with clock.busy():
            for _ in range(50):
                await asyncio.sleep(0)
            seen.append(f"worked until {clock.now():g}")

    async def sleeps() -> None:
        with clock.busy():
            await clock.async_sleep_until(9)
            seen.append(f"slept until {clock.now():g}")

    async def main() -> None:
        await asyncio.gather(works(), sleeps())

    asyncio.run(main())
    assert seen == ["worked until 0", "slept until 9"]


def test_a_cancelled_sleeper_is_forgotten() -> None:
    """A task cancelled in its sleep does not draw the clock to its wake."""
    clock = VirtualClock(0)

    async def main() -> None:
        with clock.busy():
            task = asyncio.create_task(clock.async_sleep_until(1000))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await clock.async_sleep_until(2000)

    asyncio.run(main())
    assert (clock.now(), clock.naps) == (2000, [1000, 2000])


def test_an_endless_sleep_does_not_move_the_clock() -> None:
    """A sleeper without an end waits until somebody else's time has passed, and is never due."""
    clock = VirtualClock(0)

    async def main() -> None:
        task = asyncio.create_task(clock.async_sleep_until(float("inf")))
        await asyncio.sleep(0)
        await clock.async_sleep_until(7)
        assert not task.done()
        task.cancel()

    asyncio.run(main())
    assert clock.now() == 7


def test_a_stuck_clock_says_who_holds_it() -> None:
    """Waiting for a busy participant that never sleeps ends in an error that explains busy(), for threads and tasks."""
    clock = VirtualClock(0, patience=0.05)
    errors: list[str] = []

    def thread() -> None:
        with pytest.raises(RuntimeError) as caught:
            clock.sleep_until(10)
        errors.append(str(caught.value))

    async def task() -> None:
        with pytest.raises(RuntimeError) as caught:
            await clock.async_sleep_until(10)
        errors.append(str(caught.value))

    with clock.busy():
        in_threads(thread, lambda: asyncio.run(task()))
    assert all("1 participant(s) are inside busy()" in error for error in errors)
    assert len(errors) == 2


def test_a_task_of_a_closed_loop_holds_nobody_up() -> None:
    """A task whose loop was closed in its sleep is neither woken nor waited for."""
    clock = VirtualClock(0)
    loop = asyncio.new_event_loop()
    loop.close()
    _waker(loop, asyncio.Event())()
    clock._sleepers.add(_Sleeper((0, 1), 5, lambda: None, loop))
    clock.sleep_until(10)
    assert clock.now() == 10


def test_a_loop_that_closes_later_is_noticed() -> None:
    """A thread that waits for a task of a loop goes on once that loop is closed, although nothing says so."""
    clock = VirtualClock(0, patience=5)
    loop = asyncio.new_event_loop()
    clock._sleepers.add(_Sleeper((0, 1), 5, lambda: None, loop))

    def close() -> None:
        while not clock.naps:
            pass
        loop.close()

    in_threads(lambda: clock.sleep_until(10), close)
    assert clock.now() == 10
