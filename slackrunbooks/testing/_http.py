"""The fake behind a real socket: HTTP/1.1 with kept-alive connections on 127.0.0.1.

Rule of this file: bytes only; what to answer is decided by the fake. A lost answer is really lost: the socket is reset
(``SO_LINGER``), the body really stops half-way, the client really waits.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from ._faults import Seen
from ._wire import Answer, HttpRequest, Outcome

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from slackrunbooks.executor import AsyncExecutor, Executor

    from ._fake import FakeSlack

__all__ = ["FakeServer"]

_RESET = struct.pack("ii", 1, 0)
"""Linger for 0 seconds: closing sends RST instead of FIN."""


class FakeServer:
    """A fake Slack that any client can reach, in any language. Made by :meth:`FakeSlack.serve`.

    Each connection has a thread of its own and is kept alive until the client closes it or the block ends.

    Args:
        slack: The fake that answers.
    """

    def __init__(self, slack: FakeSlack) -> None:
        self.connections = 0
        """TCP connections accepted so far."""
        self.requests = 0
        """HTTP requests read so far."""
        self._slack = slack
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._is_closing = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        """The base URL for a client; it ends in ``/api/``."""
        return f"http://127.0.0.1:{self._port}/api/"

    @property
    def authorize_url(self) -> str:
        """The address of the page on which apps are allowed in."""
        return f"http://127.0.0.1:{self._port}/oauth/v2/authorize"

    @property
    def token(self) -> str:
        """The token that it accepts."""
        return self._slack.token

    def executor(self, **options: Any) -> Executor:
        """Return an executor that talks to this server over a kept-alive connection, on the fake's clock.

        Args:
            **options: What ``slackrunbooks.Executor`` takes.
        """
        from slackrunbooks.client import PooledWebClient
        from slackrunbooks.executor import Executor

        client: Any = PooledWebClient(self.token, base_url=self.url)
        client.slackrunbooks_clock = self._slack.clock
        executor = Executor(client=client, **options)
        # Nobody else could close a client that was made here.
        executor._owns_client = True  # noqa: SLF001
        return executor

    def async_executor(self, **options: Any) -> AsyncExecutor:
        """Return an asynchronous executor that talks to this server, on the fake's clock.

        Args:
            **options: What ``slackrunbooks.AsyncExecutor`` takes.
        """
        from slackrunbooks.client import PooledAsyncWebClient
        from slackrunbooks.executor import AsyncExecutor

        client: Any = PooledAsyncWebClient(self.token, base_url=self.url)
        client.slackrunbooks_clock = self._slack.clock
        executor = AsyncExecutor(client=client, **options)
        # Nobody else could close a client that was made here.
        executor._owns_client = True  # noqa: SLF001
        return executor

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_closing = True
            for connection in self._open:
                # Wakes a thread that reads from it; the thread closes it.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        # accept() returns at once for a connection of our own; closing the listener would not wake it everywhere.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        for thread in list(self._threads):
            thread.join(timeout=5)
        self._listener.close()

    def _start(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, name="fake-slack", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, address = self._listener.accept()
            with self._lock:
                if self._is_closing:
                    connection.close()
                    return
                self.connections += 1
                self._open.add(connection)
            self._start(self._talk, connection, address)

    def _talk(self, connection: socket.socket, address: Any) -> None:
        try:
            # The handler serves the whole connection in its constructor. A client may vanish at any point of it.
            with contextlib.suppress(OSError, ValueError):
                _Handler(connection, address, self)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def take(self, request: HttpRequest) -> Outcome:
        """Count a request and ask the fake."""
        with self._lock:
            self.requests += 1
        return self._slack.handle(request)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        """Read a request whole, ask the fake, and answer or lose the answer."""
        server: Any = self.server
        body = self._body()
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        outcome = server.take(HttpRequest(self.command, path, query, headers, body))
        if isinstance(outcome, Answer):
            self._send(outcome, outcome.body)
            return
        self.close_connection = True
        if outcome.seen is Seen.TRUNCATED and outcome.answer is not None:
            self._send(outcome.answer, outcome.answer.body[: len(outcome.answer.body) // 2])
        elif outcome.seen is Seen.TIMEOUT:
            # Returns when the client gives up, or when the server closes.
            self.rfile.read(1)
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any  # noqa: N815

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        chunks = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(chunks)

    def _send(self, answer: Answer, body: bytes) -> None:
        """Write status, headers and body in one piece, so that no delayed acknowledgement holds it up."""
        reason = self.responses[answer.status][0] if answer.status in self.responses else ""
        lines = [f"HTTP/1.1 {answer.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        lines += [f"content-length: {len(answer.body)}", "", ""]
        self.wfile.write("\r\n".join(lines).encode("latin-1") + body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent: a test reads ``calls``."""
