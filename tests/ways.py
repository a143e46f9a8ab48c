"""The four ways a run can go: synchronously or asynchronously, in process or over a real HTTP server on 127.0.0.1."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

WAYS = ("sync", "async", "sync over HTTP", "async over HTTP")


class Way:
    """One fake workspace, and one way to reach it. Every call is made by a fresh executor with the same options."""

    def __init__(self, name: str, fake: FakeSlack, server: Any = None) -> None:
        self.name = name
        self.fake = fake
        self.server = server

    def _call(self, method: str, *args: Any, options: Mapping[str, Any], **kwargs: Any) -> Any:
        source = self.server or self.fake
        if not self.name.startswith("async"):
            with source.executor(**options) as executor:
                return getattr(executor, method)(*args, **kwargs)

        async def call() -> Any:
            async with source.async_executor(**options) as executor:
                return await getattr(executor, method)(*args, **kwargs)

        return asyncio.run(call())

    def do(self, action: sr.Action[Any], context: Any = None, *, key: str | None = None, **options: Any) -> Any:
        return self._call("do", action, context, key=key, options=options)

    def run(self, runbook: sr.Runbook, context: Any = None, **options: Any) -> sr.Report:
        report: sr.Report = self._call("run", runbook, context, options=options)
        return report

    def check(self, subject: Any, context: Any = None, **options: Any) -> sr.CheckReport:
        report: sr.CheckReport = self._call("check", subject, context, options=options)
        return report

    def sent(self, *, but: tuple[str, ...] = ()) -> list[str]:
        """The methods that reached the workspace, in order."""
        return [call.method for call in self.fake.calls if call.method not in but]


@contextmanager
def open_way(name: str, **options: Any) -> Iterator[Way]:
    """Make a fake workspace and the way to it."""
    fake = FakeSlack(**options)
    if "HTTP" not in name:
        yield Way(name, fake)
        return
    with fake.serve() as server:
        yield Way(name, fake, server)
