"""Tasks of the asynchronous executor that are cancelled, and the threads in which it asks its journal."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack


def world() -> FakeSlack:
    """Make a workspace with a channel and somebody in it."""
    fake = FakeSlack()
    fake.add_channel("one")
    fake.add_user("ann", id="U0ANN00001").join("one")
    return fake


# What nobody can look up: were it in doubt, the run would have to ask a person.
BOOK = sr.Runbook(
    "b",
    {
        "hint": sr.SendEphemeral(channel="#one", user="U0ANN00001", text="psst"),
        "say": sr.SendMessage(channel="#one", text="x"),
    },
)

# Before the first step writes anything of its own, and then in the order in which it does.
CALLS = ["begin", "claim", "entries", "intend", "settle", "end"]


class Slow(sr.MemoryJournal):
    """Stops in the n-th call of one kind, after it has done it, until it is told to go on."""

    def __init__(self, stops_in: str, number: int) -> None:
        super().__init__()
        self.stops_in, self.left = stops_in, number
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in CALLS or name != self.stops_in:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            result = found(*arguments, **named)
            self.left -= 1
            if self.left == 0:
                self.reached.set()
                assert self.go_on.wait(20)
            return result

        return call


async def _until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 20)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(("stops_in", "number"), [(call, n) for call in CALLS for n in (1, 2, 4, 6)])
def test_what_a_thread_has_done_is_not_thrown_away(stops_in: str, number: int, times: int) -> None:
    """Cancelled in the middle of any call, however often: the run is let go, its answers are kept, nothing is asked."""
    fake, journal = world(), Slow(stops_in, number)

    async def go() -> bool:
        async with fake.async_executor(journal=journal) as executor:
            task = asyncio.create_task(executor.run(BOOK, {}, run_id="r"))
            reached = asyncio.create_task(_until(journal.reached))
            await asyncio.wait([task, reached], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                # So many calls of that kind there are not.
                journal.reached.set()
                await reached
                return False
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert not task.done()
            journal.go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            if stops_in == "end":
                assert executor.report().state == "succeeded"
        return True

    cancelled = asyncio.run(go())
    journal.go_on.set()
    record = journal.get("r")
    assert record is not None and record.owner == ""
    assert cancelled or record.state == "succeeded"

    async def again() -> sr.Report:
        async with fake.async_executor(journal=journal) as executor:
            return await executor.run(BOOK, {}, run_id="r")

    report = asyncio.run(again())
    assert report.ok, report
    assert (len(fake.channel("one").ephemeral), len(fake.channel("one").messages)) == (1, 1)


def test_a_cancelled_answer_is_given_all_the_same() -> None:
    """``cancel`` and ``retry`` that are cancelled while they open the run leave it to others as well."""
    for ask in ("cancel", "retry"):
        fake, journal = world(), Slow("claim", 2)
        fake.fail_next("chat.postMessage", "restricted_action")

        async def go(ask: str = ask, fake: FakeSlack = fake, journal: Slow = journal) -> sr.Report:
            async with fake.async_executor(journal=journal) as executor:
                if ask == "retry":
                    assert (await executor.run(BOOK, {}, run_id="r")).state == "failed"
                else:
                    await executor.submit(BOOK, {}, run_id="r")
                    journal.left = 1
                task = asyncio.create_task(getattr(executor, ask)("r"))
                await _until(journal.reached)
                task.cancel()
                await asyncio.sleep(0)
                journal.go_on.set()
                with pytest.raises(asyncio.CancelledError):
                    await task
                record = journal.get("r")
                assert record is not None and (record.owner, record.state) == ("", "running")
                (report,) = await executor.resume_all()
                return report

        report = asyncio.run(go())
        assert report.state == ("cancelled" if ask == "cancel" else "succeeded")


def test_a_loop_that_is_gone_is_not_waited_on() -> None:
    """Closed with its loop in the middle of a call, a run waits for the thread alone, and lets go."""
    fake, journal = world(), Slow("settle", 1)
    loop = asyncio.new_event_loop()
    executor = fake.async_executor(journal=journal)
    running = executor.run(BOOK, {}, run_id="r")
    task = loop.create_task(running)
    loop.run_until_complete(_until(journal.reached))
    loop.run_until_complete(loop.shutdown_default_executor())
    threading.Timer(0.05, journal.go_on.set).start()
    loop.close()
    running.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    record = journal.get("r")
    assert record is not None and record.owner == ""
    assert [entry.result is not None for entry in journal.entries("r")] == [True]
    with fake.executor(journal=journal) as other:
        assert other.resume("r").ok
    assert len(fake.channel("one").ephemeral) == 1


def test_functions_that_take_long_do_not_keep_the_journal_waiting() -> None:
    """They have the threads of asyncio, and the journal its own."""
    go_on = threading.Event()

    def slow() -> dict[str, int]:
        assert go_on.wait(20)
        return {"a": 1}

    sr.register(slow, name="cancellation_slow", repeat="reads")
    fake, journal = world(), sr.MemoryJournal()
    book = sr.Runbook("slow", {"slow": sr.Function(slow, repeat="reads")})

    async def go() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        async with fake.async_executor(journal=journal) as executor:
            tasks = [asyncio.create_task(executor.run(book, {}, run_id=f"slow{n}")) for n in range(20)]
            assert (await asyncio.wait_for(executor.run(BOOK, {}, run_id="r"), 20)).ok
            assert not any(task.done() for task in tasks)
            go_on.set()
            assert all(report.ok for report in await asyncio.gather(*tasks))

    try:
        asyncio.run(go())
    finally:
        go_on.set()
        sr.unregister("cancellation_slow")


def test_the_threads_end_with_the_executor() -> None:
    """It has few, whatever it does at once; closed, it has none; and it makes others where it is used again."""
    fake, journal = world(), sr.MemoryJournal()
    before = set(threading.enumerate())

    def own() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each not in before and each.name.startswith("slackrunbooks")]

    async def go() -> None:
        executor = fake.async_executor(journal=journal)
        for turn in range(2):
            runs = [executor.run(BOOK, {}, run_id=f"{turn}/{n}") for n in range(30)]
            assert all(report.ok for report in await asyncio.gather(*runs))
            threads = own()
            assert 1 <= len(threads) <= 8
            await executor.close()
            for thread in threads:
                thread.join(timeout=20)
            assert own() == []

    asyncio.run(go())
