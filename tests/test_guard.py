"""The guard of conftest.py: what it stops, what it lets through, and that nothing it stops goes unseen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.conftest import Guard, RunPython

# 192.0.2.0/24 and 2001:db8::/32 are set aside for documentation (RFC 5737, RFC 3849): nobody is there.
ELSEWHERE = "192.0.2.1"


@contextlib.contextmanager
def stopped(guard: Guard, offence: str) -> Generator[None, None, None]:
    """Expect the guard to stop the block, and make the test good again."""
    with pytest.raises(pytest.fail.Exception, match=re.escape(offence)):
        yield
    assert any(offence in told for told in guard.offences)
    guard.offences.clear()


def in_package(source: str, **names: object) -> Callable[[], Any]:
    """Make a function that counts as a part of the package."""
    namespace = {"__name__": "slackrunbooks.sample", **names}
    exec(f"def act(): return {source}", namespace)
    return namespace["act"]  # type: ignore[return-value]


def _connect(family: int, address: tuple[object, ...]) -> None:
    with socket.socket(family) as sock:
        sock.connect(address)


def _send(address: tuple[str, int]) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"", address)


async def _connect_async() -> None:
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (ELSEWHERE, 443))


@pytest.mark.parametrize(
    ("leave", "offence"),
    [
        (lambda: _connect(socket.AF_INET, (ELSEWHERE, 443)), "a connection to 192.0.2.1, port 443"),
        (lambda: _connect(socket.AF_INET6, ("2001:db8::1", 443)), "a connection to 2001:db8::1, port 443"),
        (lambda: _send((ELSEWHERE, 53)), "a connection to 192.0.2.1, port 53"),
        (lambda: asyncio.run(_connect_async()), "a connection to 192.0.2.1, port 443"),
        (lambda: socket.getaddrinfo("slack.example", 443), "a look-up of the name slack.example"),
        (lambda: socket.gethostbyname("slack.example"), "a look-up of the name slack.example"),
        (lambda: socket.getaddrinfo("slack.invalid", 443), "a look-up of the name slack.invalid"),
    ],
)
def test_nothing_leaves_the_machine(guard: Guard, leave: Callable[[], None], offence: str) -> None:
    """A connection or a look-up that leaves the machine fails the test and names its goal."""
    with stopped(guard, offence):
        leave()


def test_local_connections_are_free(guard: Guard) -> None:
    """A server on this machine can be reached by address and by name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, port)).close()
    assert guard.offences == []


def test_offence_in_a_thread_is_kept(guard: Guard) -> None:
    """What a thread does, and whatever swallows the exception there, is still told when the test ends."""

    def leave() -> None:
        with contextlib.suppress(BaseException):
            _connect(socket.AF_INET, (ELSEWHERE, 443))

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    assert guard.offences == ["a connection to 192.0.2.1, port 443: nothing leaves this machine in a test"]
    guard.offences.clear()


def test_unresolvable_host_fails_like_the_real_thing(unresolvable_host: str) -> None:
    """A test that asks for it gets the resolver's own error for a name that does not exist."""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(unresolvable_host, 443)


def test_package_does_not_sleep(guard: Guard) -> None:
    """A real sleep of the package, however deep, fails the test; one of the test's own does not."""
    sleep = in_package("call()", call=lambda: time.sleep(0.06))
    with stopped(guard, "time.sleep(0.06) in slackrunbooks"):
        sleep()
    with stopped(guard, "asyncio.sleep(60) in slackrunbooks"):
        in_package("asyncio.sleep(60)", asyncio=asyncio)()
    in_package("time.sleep(0)", time=time)()
    asyncio.run(asyncio.sleep(0))


@pytest.mark.real_sleep
def test_marked_test_may_sleep() -> None:
    """The marker lets the package sleep for real."""
    in_package("time.sleep(0.06)", time=time)()


def test_environment_is_clean(run_python: RunPython) -> None:
    """Neither a token nor a proxy of the developer's reaches a test or what it starts."""
    names = run_python("-c", "import os; print(*os.environ)").stdout.split()
    for name in [*names, *os.environ]:
        assert not name.startswith("SLACK_")
        assert not name.lower().endswith("_proxy")


def test_offence_fails_the_test_that_swallows_it(run_python: RunPython, tmp_path: Path) -> None:
    """A test whose code swallows the guard's exception fails all the same, at its end, and names the address."""
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_sample.py").write_text(
        "import contextlib, os, socket\n"
        "def test_it():\n"
        "    assert 'SLACK_BOT_TOKEN' not in os.environ and 'https_proxy' not in os.environ\n"
        "    with contextlib.suppress(BaseException), socket.socket() as sock:\n"
        f"        sock.connect(({ELSEWHERE!r}, 443))\n",
        encoding="utf-8",
    )
    result = run_python(
        "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path, "-p", "no:cacheprovider", tmp_path,
        SLACK_BOT_TOKEN="not-a-token", https_proxy="http://192.0.2.1:3128",
    )  # fmt: skip
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 passed, 1 error" in result.stdout
    assert "a connection to 192.0.2.1, port 443" in result.stdout
