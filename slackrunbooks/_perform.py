"""Performs one piece of work of a run: a request to Slack, the bytes of a file, a function of the host, a wait.

Rule of this file: whatever comes of it is returned as a delivery; only an interruption is raised.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ._effects import NO_ADDRESS, Answered, HostCall, Raised, Returned, Upload
from .errors import RunbookError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future, ThreadPoolExecutor

    from slack_sdk import WebClient
    from slack_sdk.web.async_client import AsyncWebClient

    from ._effects import Delivery, Request

__all__ = ["Threads", "WallClock", "perform", "perform_async"]

_T = TypeVar("_T")

# As many as a PostgresJournal keeps connections.
_THREADS: Final = 8

# A journal keeps no upload address, and whoever goes on has none: the action asks for another.
_NO_ADDRESS = Answered(410, {}, {"ok": False, "error": NO_ADDRESS})


def perform(client: WebClient, request: Request) -> Delivery:
    """Perform a request and return what came of it."""
    from . import client as wire

    if isinstance(request, Upload):
        return wire.upload(client, request.url, request.content) if request.url else _NO_ADDRESS
    if isinstance(request, HostCall):
        return _called(request)
    return wire.send(client, request)


async def perform_async(client: AsyncWebClient, request: Request) -> Delivery:
    """Do the same without holding up the loop."""
    from . import client as wire

    if isinstance(request, Upload):
        return await wire.upload_async(client, request.url, request.content) if request.url else _NO_ADDRESS
    if isinstance(request, HostCall):
        return await _called_async(request)
    return await wire.send_async(client, request)


def _called(request: HostCall) -> Delivery:
    if inspect.iscoroutinefunction(request.function):
        return Raised(_asynchronous(request))
    told = _tried(request)
    if isinstance(told, Returned) and inspect.isawaitable(told.value):
        # Only the result tells of an object with an asynchronous __call__, or of a plain function around a coroutine's.
        _drop(told.value)
        return Raised(_asynchronous(request))
    return told


async def _called_async(request: HostCall) -> Delivery:
    import asyncio

    try:
        if inspect.iscoroutinefunction(request.function):
            told: Delivery = Returned(request.function(**request.arguments))
        else:
            # A function that waits must not hold up the loop on which everything else of the host runs.
            told = await asyncio.to_thread(_tried, request)
        if isinstance(told, Returned) and inspect.isawaitable(told.value):
            return Returned(await told.value)
    except Exception as error:  # noqa: BLE001 - the host's function may raise anything; the report tells
        return Raised(error)
    return told


def _tried(request: HostCall) -> Returned | Raised:
    """Call the host's function, in the thread in which this is called."""
    try:
        value = request.function(**request.arguments)
    except StopIteration as error:
        # It cannot leave a thread by a future, which would never be done, nor be thrown into an action, which is a
        # generator: as in those (PEP 479), it is an error of the function.
        raised = RuntimeError(f"{request.method} raised StopIteration")
        raised.__cause__ = error
        return Raised(raised)
    except Exception as error:  # noqa: BLE001 - the host's function may raise anything; the report tells
        return Raised(error)
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        reason = "gave a generator, of which nothing has run: return a list, or what is to be done."
        return Raised(RunbookError(reason, place=request.method))
    return Returned(value)


def _asynchronous(request: HostCall) -> RunbookError:
    return RunbookError("is asynchronous: run it with AsyncExecutor, or give a plain function.", place=request.method)


def _drop(value: Any) -> None:
    """End something asynchronous of which nothing runs, so that nobody is warned that it was never awaited."""
    end = getattr(value, "close", None) or getattr(value, "cancel", None)
    if callable(end):
        end()


class Threads:
    """A few threads for what blocks and must not be left half done: the calls of a journal.

    They are not those of asyncio, all of which a host's functions may hold for as long as they like.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0

    async def do(self, work: Callable[..., _T], *arguments: Any, undo: Callable[[_T], object] | None = None) -> _T:
        """Do what may block in a thread, so that the loop goes on.

        What was begun is ended: whoever is cancelled meanwhile learns of it afterwards, when nothing that happens in
        the thread can overtake what is done about the cancellation.

        Args:
            work: Does it.
            *arguments: What it is given.
            undo: Takes what the work gave, where nobody else can any more.
        """
        import asyncio

        task = self._begin(work, *arguments)
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def tell(_: object) -> None:
            # Where the loop is closed, nobody waits on it.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set_result, None)

        task.add_done_callback(tell)
        stopped: BaseException | None = None
        try:
            while not ended.done():
                try:
                    await asyncio.wait([ended])
                except asyncio.CancelledError as error:
                    stopped = error
        except GeneratorExit:
            if task.exception() is None and undo is not None:
                undo(task.result())
            raise
        if stopped is None:
            return task.result()
        if task.exception() is None and undo is not None:
            await self.do(undo, task.result())
        raise stopped

    def _begin(self, work: Callable[..., _T], *arguments: Any) -> Future[_T]:
        from concurrent.futures import ThreadPoolExecutor
        from contextvars import copy_context

        with self._lock:
            # A process that was forked has none of its parent's threads.
            if self._pool is None or self._pid != os.getpid():
                self._pool, self._pid = ThreadPoolExecutor(_THREADS, "slackrunbooks"), os.getpid()
            return self._pool.submit(copy_context().run, work, *arguments)

    def close(self) -> None:
        """Let the threads end when they have ended what they are at; another call makes new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)


class WallClock:
    """The real clock."""

    def now(self) -> float:
        return time.time()

    def sleep_until(self, when: float) -> None:
        # How long is asked of the wall clock once, and measured by a clock that nobody sets back.
        ends = time.monotonic() + when - time.time()
        while (left := ends - time.monotonic()) > 0:
            time.sleep(left)

    async def async_sleep_until(self, when: float) -> None:
        import asyncio

        ends = time.monotonic() + when - time.time()
        while (left := ends - time.monotonic()) > 0:  # noqa: ASYNC110 - a timer may fire early
            await asyncio.sleep(left)

    def busy(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()
