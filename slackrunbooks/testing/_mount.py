"""The fake behind ``requests``, by way of the ``responses`` package.

Rule of this file: the exceptions are those that requests itself raises for the same loss.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import IncompleteRead, MaxRetryError, NewConnectionError, ProtocolError

from ._faults import Seen
from ._uploads import ORIGIN, UPLOADS
from ._wire import Broken, HttpRequest

if TYPE_CHECKING:
    from responses import RequestsMock

    from ._fake import FakeSlack

__all__ = ["mount"]


def mount(slack: FakeSlack, mock: RequestsMock, url: str) -> None:
    """Answer every request below ``url``, and every upload."""

    def answer(request: Any) -> tuple[int, dict[str, str], bytes] | Exception:
        parts = urlsplit(request.url)
        body: Any = request.body or b""
        if hasattr(body, "read"):
            body = body.read()
        body = body.encode() if isinstance(body, str) else body
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        outcome = slack.handle(HttpRequest(request.method, parts.path, parts.query, headers, body))
        if isinstance(outcome, Broken):
            return _loss(outcome, request)
        return outcome.status, dict(outcome.headers), outcome.body

    patterns = [re.escape(url) + r"[\w.]+(\?.*)?$", re.escape(ORIGIN + UPLOADS)]
    for pattern in map(re.compile, patterns):
        for verb in ("GET", "POST"):
            # content_type=None: the answer brings its own.
            mock.add_callback(verb, pattern, callback=answer, content_type=None)


def _loss(broken: Broken, request: Any) -> Exception:
    """Return what requests raises for such a loss."""
    if broken.seen is Seen.REFUSED:
        parts = urlsplit(request.url)
        pool = HTTPSConnectionPool(parts.hostname or "")
        # urllib3 1 wants the pool here and urllib3 2 a connection; both only name it in the message.
        refusal = NewConnectionError(pool, "Failed to establish a new connection: [Errno 111] Connection refused")  # type: ignore[arg-type]
        return requests.ConnectionError(MaxRetryError(pool, parts.path, refusal), request=request)
    if broken.seen is Seen.TIMEOUT:
        return requests.ReadTimeout("Read timed out.", request=request)
    if broken.seen is Seen.TRUNCATED:
        size = len(broken.answer.body) if broken.answer is not None else 0
        cut = IncompleteRead(size // 2, size - size // 2)
        return requests.exceptions.ChunkedEncodingError(
            ProtocolError(f"Connection broken: {cut!r}", cut), request=request
        )
    cause = ConnectionResetError(104, "Connection reset by peer")
    return requests.ConnectionError(ProtocolError("Connection aborted.", cause), request=request)
