"""slack_sdk's own synchronous client, with the network taken out.

Rule of this file: override the one call that touches a socket, so that everything above it (encoding, errors,
pagination, retries) stays slack_sdk's.
"""

from __future__ import annotations

import http.client
import io
import urllib.error
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from slack_sdk.web.client import WebClient
from slack_sdk.web.file_upload_v2_result import FileUploadV2Result

from ._faults import Seen
from ._wire import Answer, Broken, HttpRequest

if TYPE_CHECKING:
    from email.message import Message
    from urllib.request import Request

    from ._fake import FakeSlack

__all__ = ["InProcessClient"]


class InProcessClient(WebClient):
    """A ``WebClient`` whose requests a :class:`FakeSlack` answers. It does not retry.

    Args:
        slack: The fake.
        **options: What ``WebClient`` takes; the token is the fake's unless one is given.
    """

    def __init__(self, slack: FakeSlack, **options: Any) -> None:
        settings: dict[str, Any] = {"token": slack.token, "retry_handlers": [], **options}
        super().__init__(**settings)
        # A proxy from the environment would mean nothing here.
        self.proxy = None
        self.slackrunbooks_clock = slack.clock
        """The clock that an executor on this client works by."""
        self._slack = slack

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        parts = urlsplit(url)
        body = req.data if isinstance(req.data, bytes) else b""
        headers = {name.lower(): str(value) for name, value in req.header_items()}
        outcome = self._slack.handle(HttpRequest(req.get_method(), parts.path, parts.query, headers, body))
        if isinstance(outcome, Broken):
            raise self._loss(outcome)
        shown = _headers(outcome)
        if not 200 <= outcome.status < 300:
            raise urllib.error.HTTPError(url, outcome.status, "", shown, io.BytesIO(outcome.body))
        return {"status": outcome.status, "headers": shown, "body": outcome.body.decode()}

    def _upload_file(self, *, url: str, data: bytes, **_: Any) -> FileUploadV2Result:
        parts = urlsplit(url)
        outcome = self._slack.handle(HttpRequest("POST", parts.path, parts.query, {}, data))
        if isinstance(outcome, Broken):
            raise self._loss(outcome)
        if not 200 <= outcome.status < 300:
            raise urllib.error.HTTPError(url, outcome.status, "", _headers(outcome), io.BytesIO(outcome.body))
        return FileUploadV2Result(status=outcome.status, body=outcome.body.decode())

    def _loss(self, broken: Broken) -> Exception:
        """Return what urllib raises for such a loss."""
        if broken.seen is Seen.REFUSED:
            return urllib.error.URLError(ConnectionRefusedError(111, "Connection refused"))
        if broken.seen is Seen.RESET:
            return ConnectionResetError(104, "Connection reset by peer")
        if broken.seen is Seen.TIMEOUT:
            # The client waits for the answer as long as its own timeout says.
            self._slack.clock.wait_until(self._slack.now + self.timeout)
            return TimeoutError("The read operation timed out")
        body = broken.answer.body if broken.answer is not None else b""
        half = len(body) // 2
        return http.client.IncompleteRead(body[:half], len(body) - half)


def _headers(answer: Answer) -> Message:
    message = http.client.HTTPMessage()
    for name, value in answer.headers.items():
        message[name] = value
    return message
