"""Keeps every test on this machine, out of real time and out of the developer's environment.

Rule of this file: what a test does wrong fails that test, even where the code under test swallows the exception, so an
offence is raised on the spot and told again when the test ends.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import io
import ipaddress
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from types import FrameType

# No test is timed: on a busy machine drawing an example may take long, and that says nothing of the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

ROOT = Path(__file__).parents[1]
PACKAGE = "slackrunbooks"

LONGEST_SLEEP = 0.05
"""Seconds that the package may sleep for real in a test: enough to yield to a thread, too short to wait for it."""

PROXIES = {f"{scheme}_proxy" for scheme in ("http", "https", "ftp", "all", "no")}


class Guard:
    """What the running test may do, and what it did that it may not."""

    def __init__(self) -> None:
        self.active = False
        self.may_sleep = False
        self.answers_invalid = False
        self.offences: list[str] = []

    def refuse(self, offence: str) -> None:
        """Note an offence and fail the test; ``Failed`` is no ``Exception``, so that no retry loop swallows it."""
        self.offences.append(offence)
        pytest.fail(offence)

    def on_audit_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at what Python tells before it connects or looks a name up, whichever library asked for it."""
        if self.active and event.startswith("socket."):
            if event in {"socket.connect", "socket.sendto"}:
                self._connect(*arguments)
            elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
                self._look_up(arguments[0])

    def _connect(self, sock: socket.socket, address: Any) -> None:
        if sock.family in {socket.AF_INET, socket.AF_INET6} and not _is_local(str(address[0])):
            self.refuse(f"a connection to {address[0]}, port {address[1]}: nothing leaves this machine in a test")

    def _look_up(self, host: str | bytes | None) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        # An address needs no look-up; whether it may be connected to shows when somebody does.
        if not name or _is_local(name) or _is_address(name) or name == socket.gethostname():
            return
        if self.answers_invalid and name.rstrip(".").endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        self.refuse(f"a look-up of the name {name}: nothing leaves this machine in a test")

    def look_at_sleep(self, function: str, seconds: float) -> None:
        """Fail the test where the package is about to sleep for real."""
        if self.active and not self.may_sleep and seconds > LONGEST_SLEEP and _called_by_package():
            self.refuse(f"{function}({seconds:g}) in {PACKAGE}: use the fake's clock, or mark the test with real_sleep")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host.partition("%")[0]).is_loopback)


def _called_by_package() -> bool:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == PACKAGE or module.startswith(f"{PACKAGE}."):
            return True
        frame = frame.f_back
    return False


GUARD = Guard()
# An audit hook sees every way to a socket, those in C included, and cannot be undone by a test that patches socket.
sys.addaudithook(GUARD.on_audit_event)


@pytest.fixture(autouse=True)
def guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    """Watch over one test; a test of the guard itself may clear its offences."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "SLACKRUNBOOKS_")) or name.lower() in PROXIES:
            monkeypatch.delenv(name)
    real_sleep, real_async_sleep = time.sleep, asyncio.sleep

    def sleep(seconds: float) -> None:
        GUARD.look_at_sleep("time.sleep", seconds)
        real_sleep(seconds)

    def async_sleep(delay: float, result: object = None) -> Coroutine[Any, Any, object]:
        GUARD.look_at_sleep("asyncio.sleep", delay)
        return real_async_sleep(delay, result)

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(asyncio, "sleep", async_sleep)
    GUARD.active, GUARD.may_sleep = True, request.node.get_closest_marker("real_sleep") is not None
    yield GUARD
    GUARD.active = GUARD.answers_invalid = False
    offences, GUARD.offences = GUARD.offences, []
    if offences:
        pytest.fail("\n".join(["this test did what no test may do:", *dict.fromkeys(offences)]))


@pytest.fixture
def unresolvable_host(guard: Guard) -> str:
    """A host name that does not exist; looking it up fails at once, as it would anywhere, and asks no name server."""
    guard.answers_invalid = True
    return "slack.invalid"


class RunPython(Protocol):
    """Runs Python on its own, with these arguments, and returns what came of it."""

    def __call__(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ``python ARGUMENTS`` in the project's root; ``environment`` adds variables."""
        ...


@pytest.fixture
def run_python(guard: Guard) -> RunPython:
    """Run this Python in another process, with the environment that the guard left and without the guard itself."""

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
            capture_output=True,
            check=False,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    return run


class _Closing(sqlite3.Connection):
    """A connection that is closed at the end of its ``with``, where sqlite3's own only commits."""

    def __exit__(self, *exception: object) -> Any:
        try:
            return super().__exit__(*exception)
        finally:
            self.close()


@pytest.fixture
def stores_that_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let slack_sdk's stores in SQLite close their connections, which they leave to the garbage collector.

    Python 3.13 tells of those that it collects, in whatever test runs by then.
    """
    shown = types.SimpleNamespace(connect=functools.partial(sqlite3.connect, factory=_Closing))
    for kind in ("installation_store", "state_store"):
        monkeypatch.setattr(importlib.import_module(f"slack_sdk.oauth.{kind}.sqlite3"), "sqlite3", shown)


@attrs.frozen
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


class Command(Protocol):
    """Runs the command line with these arguments, and returns what came of it."""

    def __call__(self, *arguments: str | Path, stdin: str | None = None) -> Ran:
        """Run ``slackrunbooks ARGUMENTS``; ``stdin`` is what it reads."""
        ...


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command in this process; none may show a traceback or the token."""
    from slackrunbooks.cli import main

    def run(*arguments: str | Path, stdin: str | None = None) -> Ran:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert "xoxb-" not in captured.out + captured.err.replace("(xoxb-…)", "")
        return Ran(code, captured.out, captured.err)

    return run
