"""slack_sdk's own asynchronous client, with the network taken out.

Rule of this file: stand in for the aiohttp session, the one object that touches a socket, so that everything above it
stays slack_sdk's.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from ._faults import Seen
from ._wire import Answer, Broken, HttpRequest

if TYPE_CHECKING:
    from types import TracebackType

    from ._fake import FakeSlack

__all__ = ["InProcessAsyncClient"]


class InProcessAsyncClient(AsyncWebClient):
    """An ``AsyncWebClient`` whose requests a :class:`FakeSlack` answers. It does not retry.

    Args:
        slack: The fake.
        **options: What ``AsyncWebClient`` takes; the token is the fake's unless one is given.
    """

    def __init__(self, slack: FakeSlack, **options: Any) -> None:
        settings: dict[str, Any] = {"token": slack.token, "retry_handlers": [], **options}
        super().__init__(**settings)
        self.proxy = None
        self.slackrunbooks_clock = slack.clock
        """The clock that an executor on this client works by."""
        self.session = _Session(slack, self)  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]


class _Session:
    """What slack_sdk asks of an aiohttp session: to be open, and to make a request."""

    closed = False

    def __init__(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        self._slack = slack
        self._client = client

    def request(self, verb: str, url: str, **arguments: Any) -> _Exchange:
        """Return the request as an asynchronous context manager, as aiohttp does."""
        return _Exchange(self._slack, self._client, verb, url, arguments)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, slack: FakeSlack, client: AsyncWebClient, verb: str, url: str, arguments: dict[str, Any]
    ) -> None:
        self._slack = slack
        self._client = client
        self._verb = verb
        self._url = url
        self._arguments = arguments

    async def __aenter__(self) -> _Response:
        # A real request lets the other tasks of the loop run; so does this one.
        await asyncio.sleep(0)
        headers = {name.lower(): str(value) for name, value in (self._arguments.get("headers") or {}).items()}
        body = await self._body(headers)
        parts = urlsplit(self._url)
        params = self._arguments.get("params")
        query = urlencode({name: value for name, value in params.items() if value is not None}) if params else ""
        query = "&".join(part for part in (parts.query, query) if part)
        outcome = self._slack.handle(HttpRequest(self._verb, parts.path, query, headers, body))
        if isinstance(outcome, Broken) and outcome.seen is not Seen.TRUNCATED:
            raise await self._loss(outcome)
        request = aiohttp.RequestInfo(
            URL(self._url), self._verb, CIMultiDictProxy(CIMultiDict(headers)), URL(self._url)
        )
        return _Response(outcome, request)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def _body(self, headers: dict[str, str]) -> bytes:
        """Encode the body as aiohttp would, and set its content type."""
        if self._arguments.get("json") is not None:
            headers.setdefault("content-type", "application/json")
            return json.dumps(self._arguments["json"]).encode()
        data = self._arguments.get("data")
        if not data:
            return b""
        if isinstance(data, bytes):
            headers.setdefault("content-type", "application/octet-stream")
            return data
        form = data if isinstance(data, aiohttp.FormData) else aiohttp.FormData(data)
        payload = form()
        headers["content-type"] = payload.content_type
        collector = _Collector()
        await payload.write(collector)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        return bytes(collector.body)

    async def _loss(self, broken: Broken) -> Exception:
        """Return what aiohttp raises for such a loss."""
        if broken.seen is Seen.REFUSED:
            parts = URL(self._url)
            key = ConnectionKey(
                parts.host or "",
                parts.port,
                parts.scheme == "https",
                ssl=True,
                proxy=None,
                proxy_auth=None,
                proxy_headers_hash=None,
            )
            return aiohttp.ClientConnectorError(key, ConnectionRefusedError(111, "Connection refused"))
        if broken.seen is Seen.RESET:
            return aiohttp.ClientOSError(104, "Connection reset by peer")
        await self._slack.clock.async_wait_until(self._slack.now + self._client.timeout)
        return asyncio.TimeoutError()


class _Collector:
    """What an aiohttp payload writes itself to."""

    def __init__(self) -> None:
        self.body = bytearray()

    async def write(self, chunk: bytes) -> None:
        """Take the next piece of the body."""
        self.body += chunk


class _Response:
    """What slack_sdk reads of an aiohttp response."""

    def __init__(self, outcome: Answer | Broken, request: aiohttp.RequestInfo) -> None:
        self._is_cut = isinstance(outcome, Broken)
        answer = outcome.answer if isinstance(outcome, Broken) else outcome
        assert answer is not None  # noqa: S101
        self._answer = answer
        self._request = request
        self.status = answer.status
        self.headers = CIMultiDictProxy(CIMultiDict(answer.headers))
        self.content_type = answer.headers["content-type"].partition(";")[0]

    async def text(self) -> str:
        """Return the body."""
        if self._is_cut:
            raise aiohttp.ClientPayloadError("Response payload is not completed")
        return self._answer.body.decode()

    async def json(self) -> Any:
        """Return the body as data; refuse another content type as aiohttp does."""
        text = await self.text()
        if self.content_type != "application/json":
            raise aiohttp.ContentTypeError(
                self._request,
                (),
                status=self.status,
                message=f"Attempt to decode JSON with unexpected mimetype: {self.content_type}",
                headers=self.headers,
            )
        return json.loads(text)
