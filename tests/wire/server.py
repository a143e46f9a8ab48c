"""A small HTTP server on 127.0.0.1 that counts what reaches it and misbehaves to order.

Rule of this file: it knows HTTP, and nothing of Slack or of the client under test. What it saw is in ``requests`` and
``connections``; what it does next is in ``script``, one act a request, and a plain ``{"ok": true}`` after those.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from typing_extensions import Self


class Request(NamedTuple):
    """One request as it arrived; ``connection`` counts from 1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    size: int = 0

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form."""
        return dict(parse_qsl(self.body.decode("ascii"), keep_blank_values=True))


class HangUp(Exception):
    """The act ends the connection."""


def answer(
    data: object = None, *, status: int = 200, headers: dict[str, str] | None = None, body: bytes | None = None
) -> Callable[[socket.socket, Request], None]:
    """Answer with JSON, or with a body as it is."""
    content = json.dumps({"ok": True} if data is None else data).encode("utf-8") if body is None else body
    fields = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(content)), **(headers or {})}
    head = f"HTTP/1.1 {status} Told\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    def act(sock: socket.socket, request: Request) -> None:
        sock.sendall(head.encode("latin-1") + b"\r\n" + content)

    return act


def echo(sock: socket.socket, request: Request) -> None:
    """Answer with the field ``text`` of the form."""
    answer({"ok": True, "echo": request.form["text"]})(sock, request)


def raw(content: bytes) -> Callable[[socket.socket, Request], None]:
    """Send these bytes and end the connection."""

    def act(sock: socket.socket, request: Request) -> None:
        sock.sendall(content)
        raise HangUp

    return act


def hang_up(sock: socket.socket, request: Request) -> None:
    """End the connection without an answer."""
    raise HangUp


def reset(sock: socket.socket, request: Request) -> None:
    """Break the connection without an answer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise HangUp


def tunnel(sock: socket.socket, request: Request) -> None:
    """Do as a proxy does with ``CONNECT``: carry bytes both ways until one side ends."""
    host, _, port = request.target.rpartition(":")
    with socket.create_connection((host, int(port))) as far:
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_carry, args=(far, sock))
        back.start()
        _carry(sock, far)
        back.join()
    raise HangUp


def _carry(source: socket.socket, goal: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            goal.sendall(chunk)
    for sock in (source, goal):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


class Server:
    """The server; a context manager that ends every connection and thread.

    Args:
        tls: The server's side of TLS, if it is to be spoken.
        usual: What it does when the script is empty.
        keep_bodies: Whether bodies of more than a megabyte are kept, and not only counted.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, usual: Any = None, keep_bodies: bool = True) -> None:
        self.requests: list[Request] = []
        self.script: deque[Any] = deque()
        self.connections = 0
        self._tls = tls
        self._keep_bodies = keep_bodies
        self.usual = usual or answer()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        # The certificate of the tests is for this name; some libraries do not check one for an address.
        return f"https://localhost:{self.port}" if self._tls else f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """What ``base_url`` takes."""
        return f"{self.origin}/api/"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        self.drop_connections()
        for thread in self._threads:
            thread.join(timeout=10)
        self._listener.close()

    def silence(self, sock: socket.socket, request: Request) -> None:
        """Never answer, until the server ends."""
        self._over.wait()
        raise HangUp

    def drop_connections(self) -> None:
        """End every open connection, as a server does with idle ones, and return when it is done."""
        with self._lock:
            threads = [thread for thread in self._threads if thread is not threading.current_thread()]
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)
        for thread in threads[1:]:
            thread.join(timeout=10)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        with self._lock:
            self._threads.append(thread)
            thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._over.is_set():
                sock.close()
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._open.add(sock)
            self._start(self._serve, sock, number)

    def _serve(self, sock: socket.socket, number: int) -> None:
        live = sock
        try:
            with contextlib.suppress(OSError, HangUp):
                if self._tls is not None:
                    live = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                    with self._lock:
                        self._open.discard(sock)
                        self._open.add(live)
                    live.do_handshake()
                with live.makefile("rb") as stream:
                    for request in _read(stream, number, keep=self._keep_bodies):
                        with self._lock:
                            self.requests.append(request)
                            act = self.script.popleft() if self.script else self.usual
                        act(live, request)
        finally:
            with self._lock:
                self._open -= {sock, live}
            live.close()


def _read(stream: Any, number: int, *, keep: bool) -> Iterator[Request]:
    while line := stream.readline():
        if not line.endswith((b"HTTP/1.1\r\n", b"HTTP/1.0\r\n")):
            raise HangUp  # not HTTP: a handshake of TLS
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while (field := stream.readline().decode("latin-1").strip()) != "":
            name, _, value = field.partition(":")
            before = [headers[name.lower()]] if name.lower() in headers else []
            headers[name.lower()] = ", ".join([*before, value.strip()])
        size = int(headers.get("content-length", 0))
        if keep or size < 2**20:
            body, came = stream.read(size), size
        else:
            body, came = b"", 0
            while came < size and (chunk := stream.read(min(2**16, size - came))):
                came += len(chunk)
        yield Request(method, target, headers, body, number, came)
