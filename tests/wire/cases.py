"""What the wire can do to a request, as one table for the sync and the async client.

Rule of this file: values only; the tests decide how a call is made.
"""

from __future__ import annotations

import functools
import gc
import gzip
import json
import ssl
import warnings
from typing import Any, NamedTuple

import trustme

from slackrunbooks._effects import Answered, Call, Delivery, Lost, Repeat

from .server import Server, answer, hang_up, raw, reset

TOKEN = "xoxb-not-a-token"
TEXT = "körper of the message"
CALL = Call("chat.postMessage", {"channel": "C1", "text": TEXT, "thread_ts": None}, Repeat.DOUBLES)

UNUSABLE_TOKENS = ("xoxb-two\nlines", "xoxb-two words", "xoxb-ellipsis…", "xoxb-zürich")


@functools.cache
def authority() -> trustme.CA:
    """Return the authority that vouches for the servers."""
    return trustme.CA()


def trusting() -> ssl.SSLContext:
    """Return a new context for a client that trusts the servers."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


@functools.cache
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the server's and the client's side of TLS for ``localhost``."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("localhost").configure_cert(served)
    return served, trusting()


BROKEN_OFF = ("the connection was reset", "the connection was closed before an answer came")
# Which of the two a client sees depends on TLS and on the moment.


def collect_quietly() -> None:
    """Collect what another library left open now, so that its warning does not hit another test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Case(NamedTuple):
    """One thing a server does, and what the client is to report; ``timeout`` in seconds."""

    name: str
    act: Any
    expected: Delivery
    timeout: float = 5

    def script(self, server: Server) -> None:
        """Have the server do it next."""
        server.script.append(server.silence if self.act is None else self.act)


def answered(data: Any, status: int = 200, **headers: str) -> Answered:
    """Make an answer with the headers that matter; :func:`same` looks at no others."""
    return Answered(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, data=data
    )


def same(delivery: Delivery, expected: Delivery) -> bool:
    """Compare, for an answer, status, data and the headers that are expected."""
    if isinstance(delivery, Answered) and isinstance(expected, Answered):
        told = {name: delivery.headers.get(name) for name in expected.headers}
        return (delivery.status, delivery.data, told) == (expected.status, expected.data, dict(expected.headers))
    if isinstance(delivery, Lost) and isinstance(expected, Lost) and expected.reason in BROKEN_OFF:
        return delivery.reason in BROKEN_OFF
    return delivery == expected


_LIMITED = {"ok": False, "error": "ratelimited"}
_PLAIN = {"Content-Type": "text/plain"}
_ZIPPED = gzip.compress(json.dumps({"ok": True, "ts": "1.5"}).encode())

OUTCOMES = (
    Case("ok", answer({"ok": True, "ts": "1.5"}), answered({"ok": True, "ts": "1.5"})),
    Case("refused", answer({"ok": False, "error": "no_text"}), answered({"ok": False, "error": "no_text"})),
    Case(
        "limited",
        answer(_LIMITED, status=429, headers={"Retry-After": "17"}),
        answered(_LIMITED, 429, retry_after="17"),
    ),
    Case("compressed", answer(body=_ZIPPED, headers={"Content-Encoding": "gzip"}), answered({"ok": True, "ts": "1.5"})),
    Case("page", answer(status=502, body=b"<html>", headers={"Content-Type": "text/html"}), answered(None, 502)),
    Case("plain text", answer(status=408, body=b"stream timeout", headers=_PLAIN), answered(None, 408)),
    Case("fault with JSON", answer(_LIMITED, status=503), answered(_LIMITED, 503)),
    Case("list", answer([1, 2]), answered(None)),
    Case("broken JSON", answer(body=b'{"ok": tr'), answered(None)),
    Case("no UTF-8", answer(body=b'{"ok": "\xff"}'), answered(None)),
    Case("empty", answer(body=b""), answered(None)),
    Case("cut body", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), Lost("the answer was cut short")),
    Case(
        "cut chunk",
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"),
        Lost("the answer was cut short"),
    ),
    Case("hang up", hang_up, Lost("the connection was closed before an answer came")),
    Case("reset", reset, Lost("the connection was reset")),
    Case("silence", None, Lost("no answer within 0.2 seconds"), timeout=0.2),
)
