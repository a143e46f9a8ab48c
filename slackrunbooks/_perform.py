"""Performs one piece of work of a run: a request to Slack, the bytes of a file, a function of the host, a wait.

Rule of this file: whatever comes of it is returned as a delivery; only an interruption is raised.
"""

from __future__ import annotations

import contextlib
import inspect
import time
from typing import TYPE_CHECKING, Any, TypeVar

from ._effects import NO_ADDRESS, Answered, HostCall, Raised, Returned, Upload
from .errors import RunbookError

if TYPE_CHECKING:
    from collections.abc import Callable

    from slack_sdk import WebClient
    from slack_sdk.web.async_client import AsyncWebClient

    from ._effects import Delivery, Request

__all__ = ["WallClock", "in_thread", "perform", "perform_async"]

_T = TypeVar("_T")

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
    try:
        if inspect.iscoroutinefunction(request.function):
            told: Delivery = Returned(request.function(**request.arguments))
        else:
            # A function that waits must not hold up the loop on which everything else of the host runs.
            told = await in_thread(_tried, request)
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


async def in_thread(work: Callable[..., _T], *arguments: Any) -> _T:
    """Do what may block in a thread, so that the loop goes on."""
    import asyncio

    return await asyncio.to_thread(work, *arguments)


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
