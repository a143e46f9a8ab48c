"""The wire: one call becomes one HTTP request, and this is what became of it.

Rule of this file: a request is sent once. Nothing here waits, repeats or follows a redirect. An answer is handed up as
it came; where none came, it is :class:`~slackrunbooks._effects.NotSent` only if no byte of the request can have left,
and :class:`~slackrunbooks._effects.Lost` in every other case. Exceptions of the HTTP libraries end here, because they
carry the request, and with it the token and the text.

A connection is kept and used again, so three things are seen to before the first byte: that the other side has not
closed it, that it has not been idle for so long that something between might have dropped it, and that it was not
inherited from a parent process.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import http.client
import inspect
import io
import json as jsonlib
import mimetypes
import os
import re
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, cast

import requests
import requests.adapters
import requests.exceptions
import requests.structures
import requests.utils
import urllib3.connection
import urllib3.connectionpool
import urllib3.exceptions
import urllib3.filepost
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.deprecation import show_deprecation_warning_if_any
from slack_sdk.web.file_upload_v2_result import FileUploadV2Result
from slack_sdk.web.slack_response import SlackResponse
from typing_extensions import Self

from ._effects import Answered, Lost, NotSent, Raised
from .errors import (
    AmbiguousOutcome,
    AuthenticationFailed,
    ConnectFailed,
    RateLimited,
    RunbookError,
    SlackError,
    SlackRunbooksError,
    SlackUnavailable,
)
from .slack_methods import NOT_ROTATED, TAKES_TEAM_ID

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator
    from types import TracebackType

    import aiohttp
    from slack_sdk.web.async_client import AsyncWebClient
    from slack_sdk.web.async_slack_response import AsyncSlackResponse
    from urllib3.connectionpool import HTTPConnectionPool

    from ._effects import Call, Content, Delivery

    _AsyncBase = AsyncWebClient
else:
    # AsyncWebClient imports aiohttp; the class below gets it as its base when somebody first asks for it.
    _AsyncBase = object

__all__ = [
    "PooledAsyncWebClient",
    "PooledWebClient",
    "RotatingAsyncWebClient",
    "RotatingWebClient",
    "TokenSource",
    "Way",
    "async_client",
    "encode",
    "send",
    "send_async",
    "sync_client",
    "token_of",
    "upload",
    "upload_async",
    "way_of",
]

# A load balancer's usual limit for an idle connection is 60 seconds, and some middleboxes then drop it without a word:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
_IDLE_SECONDS = 50.0

# A worker may send a journal's request as long as it holds the run, which is for 45 seconds from when it looked
# (_lease). What keeps a request from leaving counts: how long it may take to have a token, and from then on to the
# first byte. Each of a host's addresses has a time limit of its own, so connecting may take several.
_TOKEN_SECONDS = 10.0
_FIRST_BYTE_SECONDS = 34.0

# Connections kept per host. More threads than that may send at once; their surplus connections are closed afterwards.
_MOST_IDLE = 64

# A loop learns of a closed connection only when it runs, so it is let run before one is taken from the pool. It takes
# two turns to see the end of a plain connection; under TLS three, and four on Python 3.10 (measured; uvloop takes one).
_TURNS = 5

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json;charset=utf-8"
# The service that takes files is told nothing but the bytes: its address alone says whose they are, so no token goes
# there. https://docs.slack.dev/reference/methods/files.getUploadURLExternal
_BYTES: Mapping[str, str] = MappingProxyType({"Content-Type": "application/octet-stream"})
_UPLOAD = "upload of a file"

_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")  # in the order in which slack_sdk looks
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization"})
_SECRET_FIELDS = frozenset({"client_secret", "code", "refresh_token", "token"})
_NOT_JSON = "Received a response in a non-JSON format"  # how slack_sdk names it, in the place of Slack's error code

_HANDSHAKE_FAULTS = frozenset({
    "HTTP_REQUEST", "NO_PROTOCOLS_AVAILABLE", "SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL", "WRONG_VERSION_NUMBER",
})  # fmt: skip


# --- encoding --------------------------------------------------------------------------------------------------------


def encode(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Turn the arguments of a call into the fields of a form, which every method of the Web API takes.

    Slack: https://docs.slack.dev/apis/web-api/

    Args:
        arguments: Plain data by Slack's names.

    Returns:
        The fields: ``None`` is left out, flags are ``true`` and ``false``, mappings and lists are compact JSON.
    """
    return {name: _field(value) for name, value in arguments.items() if value is not None}


def _field(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, Sequence)):
        return jsonlib.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return str(value)


def _plain(value: object) -> object:
    """Give ``json`` the plain form of a mapping or a sequence that is neither ``dict`` nor ``list``."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return list(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent to Slack")


def _form(fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> bytes:
    # A lone surrogate has no UTF-8 form. It becomes "?": a log line with a broken character is still to be posted.
    return urllib.parse.urlencode({**encode(defaults), **encode(fields)}, errors="replace").encode("ascii")


class _Secret:
    """A header value that shows in no repr, no ``vars()``, no JSON and no pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the request alone."""
        return self._value

    def __repr__(self) -> str:
        return "(redacted)"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a secret is not pickled")


def _bearer(token: str) -> _Secret:
    """Return the header of a token; one that no header can carry is refused without showing it."""
    if re.fullmatch(r"[\x21-\x7e]+", token) is None:
        raise AuthenticationFailed(
            "invalid_auth",
            method="",
            detail="the token holds a space, a line break or a character that is not ASCII",
            remedy="Copy the token again, without anything around it. Nothing was sent.",
        )
    return _Secret(f"Bearer {token}")


def _authorizes(headers: Mapping[str, Any]) -> bool:
    return any(name.lower() == "authorization" for name in headers)


def _basic(auth: object) -> str:
    """Return the header for the credentials of an app, as ``oauth.v2.access`` takes them."""
    if isinstance(auth, Mapping):
        pair = f"{auth['client_id']}:{auth['client_secret']}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"
    if isinstance(auth, str):
        return auth
    encoded = getattr(auth, "encode", None)  # aiohttp.BasicAuth
    if callable(encoded):
        return str(encoded())
    raise SlackRequestError(f"auth must be a mapping with client_id and client_secret, not {type(auth).__name__}")


def _request_arguments(
    client: Any,
    *,
    http_verb: str,
    files: Mapping[str, Any] | None,
    data: Mapping[str, Any] | None,
    params: Mapping[str, Any] | None,
    json: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    auth: object,
) -> dict[str, Any]:
    """Gather what ``api_call`` was given into the form in which a ``SlackResponse`` keeps it for the next page."""
    if json is not None and http_verb != "POST":
        raise SlackRequestError("JSON goes with POST only; use params for the arguments of a GET.")
    if data is not None and not isinstance(data, Mapping):
        raise SlackRequestError(f"data must be a mapping, not {type(data).__name__}")
    fields = {name: value for part in (params, data) for name, value in (part or {}).items() if value is not None}
    payload = None if json is None else dict(json)
    sent = fields if payload is None else payload
    for name, value in client.default_params.items():
        sent.setdefault(name, value)
    token = fields.pop("token", None) or (payload or {}).pop("token", None) or client.token
    merged: dict[str, Any] = {"Accept-Encoding": "gzip, deflate", **(headers or {}), **client.headers}
    if auth is not None:
        merged["Authorization"] = _basic(auth)
    elif token and not _authorizes(merged):
        merged["Authorization"] = _bearer(token)
    for name, value in merged.items():
        if name.lower() in _SECRET_HEADERS and not isinstance(value, _Secret):
            merged[name] = _Secret(value)
    return {"headers": merged, "params": fields, "files": files, "json": payload}


def _body(arguments: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the body of a request and its content type."""
    if arguments["json"] is not None:
        return jsonlib.dumps(arguments["json"], default=_plain).encode("utf-8"), _JSON
    if not arguments["files"]:
        return _form(arguments["params"], {}), _FORM
    parts: dict[str, Any] = encode(arguments["params"])
    for name, given in arguments["files"].items():
        if given is not None:
            parts[name] = _file_part(given, arguments["params"].get("filename"))
    return urllib3.filepost.encode_multipart_formdata(parts)


def _file_part(given: Any, filename: str | None) -> tuple[str, bytes, str]:
    """Read one file of a multipart body: a path, its bytes or an open file."""
    if isinstance(given, str):
        filename, content = filename or given, Path(given).read_bytes()
    elif isinstance(given, (bytes, bytearray)):
        content = bytes(given)
    else:
        filename, content = filename or str(getattr(given, "name", "") or ""), given.read()
    filename = Path(filename).name if filename else "Uploaded file"
    return filename, content, mimetypes.guess_type(filename)[0] or "application/octet-stream"


def _revealed(headers: Mapping[str, Any], content_type: str) -> dict[str, str]:
    """Return the headers for the request itself; the body decides about its type."""
    plain = {name: value.reveal() if isinstance(value, _Secret) else value for name, value in headers.items()}
    kept = {name: value for name, value in plain.items() if name.lower() != "content-type"}
    return {**kept, "Content-Type": content_type}


# --- what an answer says, and what its absence means -----------------------------------------------------------------


class _Http(NamedTuple):
    """An HTTP answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def _object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a body, or ``None`` where it is anything else."""
    try:
        data = jsonlib.loads(body)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _delivered(outcome: _Http | NotSent | Lost) -> Delivery:
    if isinstance(outcome, _Http):
        return Answered(status=outcome.status, headers=_lower(outcome.headers), data=_object(outcome.body))
    return outcome


def _received(outcome: _Http | NotSent | Lost, *, method: str, sent_at: float) -> _Http:
    """Return an answer, or raise the error for its absence."""
    if isinstance(outcome, NotSent):
        raise SlackUnavailable(method=method, detail=outcome.reason)
    if isinstance(outcome, Lost):
        raise AmbiguousOutcome(method, outcome.reason, sent_at=sent_at)
    return outcome


def _response_parts(answer: _Http) -> dict[str, Any]:
    """Return what a ``SlackResponse`` is made of, as slack_sdk makes it."""
    lower = _lower(answer.headers)
    headers = dict(answer.headers)
    if answer.status == 429 and "retry-after" in lower:
        headers["Retry-After"] = headers["retry-after"] = lower["retry-after"]
    content_type = lower.get("content-type", "none").partition(";")[0]
    data: object = _object(answer.body)
    if content_type == "application/gzip":  # admin.analytics.getFile
        data = answer.body
    elif data is None and 300 <= answer.status < 400:
        data = {"ok": False, "error": f"a redirect (HTTP {answer.status}), which is never followed: check base_url"}
    elif data is None:
        data = {"ok": False, "error": f"{_NOT_JSON}: HTTP {answer.status}, content type {content_type}"}
    return {"status_code": answer.status, "headers": headers, "data": data}


def _kept(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request arguments that a response may keep."""
    fields = {name: "(redacted)" if name in _SECRET_FIELDS else value for name, value in arguments["params"].items()}
    return {**arguments, "params": fields}


def _next_page(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Move the cursor, which slack_sdk puts into ``params``, to where the first request had its arguments."""
    if arguments["json"] is None:
        return dict(arguments)
    return {**arguments, "json": {**arguments["json"], "cursor": arguments["params"]["cursor"]}}


def _told(answer: object) -> Answered:
    """Read what a client that is not ours returned, or what its ``SlackApiError`` carries."""
    code = getattr(answer, "status_code", getattr(answer, "status", 200))
    headers = getattr(answer, "headers", None)
    data = answer if isinstance(answer, Mapping) else getattr(answer, "data", None)
    # slack_sdk tells of a page of HTML in the place of Slack's error code, and AsyncWebClient with an empty object.
    if not isinstance(data, Mapping) or "ok" not in data or str(data.get("error", "")).startswith(_NOT_JSON):
        data = None
    return Answered(
        status=code if isinstance(code, int) else 200,
        headers=_lower(headers) if isinstance(headers, Mapping) else {},
        data=data,
    )


def _links(error: BaseException) -> Iterator[BaseException]:
    """Give an error and those it wraps. Never ``__context__``: that may be an earlier call that the caller handles."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        link = pending.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            pending += [*link.args, link.__cause__, getattr(link, "reason", None), getattr(link, "os_error", None)]


_NOT_FOUND = "the host name was not found"
_REFUSED = "the connection was refused"
_UNREACHED = "no connection could be made"
_TOO_SLOW = "no connection in time"
_BAD_URL = "the URL is not valid"
_NOT_BUILT = "the request could not be built"
_PROXY_REFUSED = "the proxy refused the connection"
_CUT = "the answer was cut short"
_CLOSED = "the connection was closed before an answer came"

_Kinds = tuple[type[BaseException], ...]

_BEFORE_SENDING: tuple[tuple[_Kinds, str], ...] = (
    ((socket.gaierror,), _NOT_FOUND),
    ((ConnectionRefusedError,), _REFUSED),
    ((urllib3.exceptions.NewConnectionError,), _UNREACHED),
    ((requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError), _TOO_SLOW),
    (
        (
            http.client.InvalidURL,
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
            urllib3.exceptions.LocationValueError,
        ),
        _BAD_URL,
    ),
    ((SlackRequestError,), _NOT_BUILT),
)

_AFTER_SENDING: tuple[tuple[_Kinds, str], ...] = (
    ((http.client.RemoteDisconnected,), _CLOSED),
    (
        (
            http.client.IncompleteRead,
            jsonlib.JSONDecodeError,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ),
        _CUT,
    ),
    ((ConnectionError,), "the connection was reset"),
)

_TIMEOUTS: _Kinds = (
    TimeoutError,
    asyncio.TimeoutError,  # another class than TimeoutError before Python 3.11
    requests.exceptions.Timeout,
    urllib3.exceptions.TimeoutError,
)


def _aiohttp_rows() -> tuple[tuple[tuple[_Kinds, str], ...], tuple[tuple[_Kinds, str], ...]]:
    """Return the rows for aiohttp's errors, before and after sending, if anybody here uses aiohttp."""
    if sys.modules.get("aiohttp") is None:
        return (), ()
    import aiohttp

    # aiohttp 3.9 has one class for both time-outs; there a slow connection counts as a lost answer.
    slow: _Kinds = (aiohttp.ConnectionTimeoutError,) if hasattr(aiohttp, "ConnectionTimeoutError") else ()
    before: tuple[tuple[_Kinds, str], ...] = (
        ((aiohttp.ClientHttpProxyError,), _PROXY_REFUSED),
        ((aiohttp.ClientConnectorError,), _UNREACHED),
        (slow, _TOO_SLOW),
        ((aiohttp.InvalidURL,), _BAD_URL),
    )
    after: tuple[tuple[_Kinds, str], ...] = (
        ((aiohttp.ServerDisconnectedError,), _CLOSED),
        ((aiohttp.ClientPayloadError,), _CUT),
    )
    return before, after


def _first_row(rows: Sequence[tuple[_Kinds, str]], links: Sequence[BaseException]) -> str | None:
    return next((reason for kinds, reason in rows if any(isinstance(link, kinds) for link in links)), None)


def _tls_fault(links: Sequence[BaseException], *, connecting: bool) -> str | None:
    """Say what was wrong with the handshake. An error of TLS that may have come later is none."""
    for link in links:
        # aiohttp's own heirs of these two classes leave the attributes out; the original comes after them.
        message, reason = getattr(link, "verify_message", None), getattr(link, "reason", None)
        if isinstance(link, ssl.SSLCertVerificationError) and message:
            return f"the TLS certificate was not accepted: {message}"
        if isinstance(link, ssl.SSLError) and reason and (connecting or reason in _HANDSHAKE_FAULTS):
            return f"the TLS handshake failed: {reason}"
    return None


def _absence(error: Exception, *, timeout: object, sending: bool | None = None) -> NotSent | Lost:
    """Judge an exception that came in the place of an answer.

    Args:
        error: What was raised.
        timeout: The time limit of the request in seconds, as far as known.
        sending: Whether the first byte had gone to the socket; ``None`` where nobody watched, and the error itself
            must prove that it came before.
    """
    links = list(_links(error))
    before, after = _aiohttp_rows()
    if not sending:
        reason = _first_row((*_BEFORE_SENDING, *before), links)
        reason = _tls_fault(links, connecting=sending is False or reason is not None) or reason
        if reason is None and any(str(link).startswith("Tunnel connection failed") for link in links):
            reason = _PROXY_REFUSED
        if reason is None and sending is False:
            kinds = (((*_TIMEOUTS, _TooLate), _TOO_SLOW), ((ValueError,), _NOT_BUILT))
            reason = _first_row(kinds, links) or f"{_UNREACHED} ({type(error).__name__})"
        if reason is not None:
            return NotSent(reason)
    if any(isinstance(link, _TIMEOUTS) for link in links):
        return Lost(
            f"no answer within {timeout:g} seconds" if isinstance(timeout, (int, float)) else "no answer in time"
        )
    return Lost(_first_row((*_AFTER_SENDING, *after), links) or f"the client raised {type(error).__name__}")


def _absence_told(client: object, error: Exception) -> Delivery:
    """Judge an exception of a client that is not ours."""
    if isinstance(error, SlackApiError):
        return _told(error.response)
    if isinstance(error, urllib.error.HTTPError):
        return Answered(status=error.code, headers=_lower(dict(error.headers.items())), data=None)
    # An heir of our own clients raises these.
    if isinstance(error, SlackUnavailable):
        return NotSent(error.detail or error.code)
    if isinstance(error, AuthenticationFailed):
        return NotSent(error.detail or error.code)
    if isinstance(error, AmbiguousOutcome):
        return Lost(error.reason)
    return _absence(error, timeout=getattr(client, "timeout", None))


# --- connections -----------------------------------------------------------------------------------------------------


def _tls_context() -> ssl.SSLContext:
    """Make the context for ``ssl=None``: the certificates of the system, as slack_sdk has it."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and not ssl.get_default_verify_paths().capath:
        # A Python from python.org on macOS finds none until a script of its installer was run.
        context.load_verify_locations(requests.utils.DEFAULT_CA_BUNDLE_PATH)
    return context


def _proxy_from_environment() -> str | None:
    values = (os.environ.get(name, "").strip() for name in _PROXY_VARIABLES)
    return next((value for value in values if value), None)


def _proxy_for(url: str, proxy: str | None) -> str | None:
    """Return the proxy for a URL; ``no_proxy`` holds for one given by hand too, as it does in ``urllib``."""
    if not proxy or not proxy.strip():
        return None
    if urllib.request.proxy_bypass(urllib.parse.urlsplit(url).netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


class _Progress(threading.local):
    """How far the request of this thread has come: ``None`` before any of our connections took it."""

    sending: bool | None = None
    began: float = 0.0


class _TooLate(OSError):
    """It took so long to connect that somebody else may be sending this by now."""


_progress = _Progress()


class _Connection(urllib3.connection.HTTPConnection):
    """A connection that notes when the first byte of the request goes out.

    urllib3's errors cannot tell: it wraps a reset after the request as ``ProxyError`` where there is a proxy, and
    swallows a broken pipe. Here, what failed while ``sending`` is false has certainly not left.
    """

    idle_since = 0.0

    def connect(self) -> None:
        """Connect; what this itself sends, to a proxy or for TLS, is not the request."""
        try:
            super().connect()
        finally:
            _progress.sending = False

    def send(self, data: Any) -> None:
        """Send a part of the request."""
        if self.sock is None:
            self.connect()
        if not _progress.sending and time.monotonic() - _progress.began > _FIRST_BYTE_SECONDS:
            raise _TooLate
        _progress.sending = True
        super().send(data)


class _TlsConnection(_Connection, urllib3.connection.HTTPSConnection):
    """The same over TLS."""


class _Pool(urllib3.connectionpool.HTTPConnectionPool):
    """A pool that gives out no connection that is closed (urllib3 sees to that) or long idle."""

    ConnectionCls: Any = _Connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        _progress.sending = False
        connection: Any = super()._get_conn(timeout)
        if connection.sock is not None and time.monotonic() - connection.idle_since > _IDLE_SECONDS:
            connection.close()
            connection = self._new_conn()
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)


class _TlsPool(_Pool, urllib3.connectionpool.HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls: Any = _TlsConnection


_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _TlsPool}


class _Adapter(requests.adapters.HTTPAdapter):
    """An adapter with one TLS context, which finds the pool of a host it knows at once.

    ``send`` is not overridden: it is where ``responses`` steps in. Its ``max_retries`` stays 0, which makes urllib3
    raise the first error of any kind.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ...], HTTPConnectionPool] = {}
        super().__init__(pool_maxsize=_MOST_IDLE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have the manager make pools of ours."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Have a proxy's manager make pools of ours; that of a SOCKS proxy has its own connections."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Use the one context for every pool."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] != "https":
            return host, {}
        # urllib3 checks the name on its own where the context does not, unless it is told to leave it.
        return host, {"ssl_context": self._tls(), "assert_hostname": None if self._tls().check_hostname else False}

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        """Return the pool for a request."""
        key = (*request.url.split("/", 3)[:3], *(proxies or {}).values())
        pool: Any = self._known.get(key)
        if pool is None or pool.pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            self._known[key] = pool
        return pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the context as it is; the inherited method would set its own mode on it."""

    def close(self) -> None:
        """Close every connection."""
        self._known.clear()
        super().close()

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = _tls_context()
            return self._context


def _session(context: ssl.SSLContext | None) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    adapter = _Adapter(context)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


# --- the clients -----------------------------------------------------------------------------------------------------


def _settings(client: Any, token: str | None) -> dict[str, Any]:
    """Return the arguments that make a client like this plain one."""
    return {
        "token": token or client.token or (None if _authorizes(client.headers) else _token(None)),
        "base_url": client.base_url,
        "timeout": client.timeout,
        "ssl": client.ssl,
        "proxy": client.proxy,
        "headers": client.headers,
        "team_id": client.default_params.get("team_id"),
        "logger": getattr(client, "logger", None),  # slack_sdk 3.33 does not tell it
    }


def _refuse_handlers(client: object, handlers: object) -> None:
    """Refuse a client that would send by itself a second time."""
    if isinstance(handlers, Sequence) and len(handlers) > 0:
        names = ", ".join(type(each).__name__ for each in handlers)
        raise RunbookError(
            f"{type(client).__name__} has retry handlers ({names}), which may post a message twice. "
            "Make it with retry_handlers=[]; whether to try again is decided in one place, the executor's RetryPolicy."
        )


class _Wire:
    """What both clients have in common."""

    base_url: str
    token: str | None
    headers: dict[str, str]
    default_params: dict[str, Any]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError(f"{type(self).__name__} holds a token and open connections: make one where it is needed.")

    def _url(self, method: str) -> str:
        return f"{self.base_url}{method.lstrip('/')}"

    def _parcel(self, call: Call, secret: _Secret | None = None) -> tuple[str, dict[str, str], bytes]:
        """Return URL, headers and body of a call, without what only slack_sdk's response needs."""
        headers = _revealed({"Accept-Encoding": "gzip, deflate", **self.headers}, _FORM)
        if secret is not None:
            headers["Authorization"] = secret.reveal()
        elif self.token and not _authorizes(headers):
            headers["Authorization"] = _bearer(self.token).reveal()
        return self._url(call.method), headers, _form(call.arguments, self.default_params)


class PooledWebClient(_Wire, WebClient):
    """A ``slack_sdk.WebClient`` that keeps its connections.

    It has every method of ``WebClient``, returns ``SlackResponse`` and raises ``SlackApiError``. What differs:

    - One TLS handshake serves many calls; ``close`` (or a ``with`` block) ends the connections.
    - A request is sent once. Where no answer came, it raises :class:`~slackrunbooks.errors.SlackUnavailable` if nothing
      left, and :class:`~slackrunbooks.errors.AmbiguousOutcome` if Slack may have acted.
    - A redirect is an error, so the token goes nowhere else. Cookies are not kept, ``.netrc`` is not read.
    - Neither a response nor an exception holds the token, and no body is logged.

    It may be shared by threads, and used on in a forked process, which gets connections of its own.

    Args:
        token: The token, ``xoxb-…``.
        base_url: Where the methods are, with the slash at the end.
        timeout: Seconds to connect, and seconds to wait for the next byte of the answer.
        ssl: The TLS context; by default one with the certificates of the system.
        proxy: URL of a proxy; by default from ``HTTPS_PROXY`` or ``HTTP_PROXY``. ``NO_PROXY`` is heeded.
        headers: Headers for every request.
        user_agent_prefix: Text before the ``User-Agent`` of slack_sdk.
        user_agent_suffix: Text after it.
        team_id: The workspace to act in, for an app that is installed for a whole organisation.
        logger: Where the status of every call goes, at level ``DEBUG``.
        retry_handlers: Must be empty.

    Raises:
        RunbookError: There are retry handlers.
        AuthenticationFailed: The token has a character that no token has.
    """

    def __init__(
        self,
        token: str | None = None,
        base_url: str = WebClient.BASE_URL,
        timeout: float = 30,
        ssl: ssl.SSLContext | None = None,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
        user_agent_prefix: str | None = None,
        user_agent_suffix: str | None = None,
        team_id: str | None = None,
        logger: logging.Logger | None = None,
        retry_handlers: Sequence[Any] | None = None,
    ) -> None:
        _refuse_handlers(self, retry_handlers)
        super().__init__(
            token=token,
            base_url=base_url,
            timeout=cast(int, timeout),
            ssl=ssl,
            # Looked up here, because slack_sdk logs what it finds, password and all.
            proxy=proxy or _proxy_from_environment(),
            headers=dict(headers or {}),
            user_agent_prefix=user_agent_prefix,
            user_agent_suffix=user_agent_suffix,
            team_id=team_id,
            logger=logger,
            retry_handlers=[],
        )
        if self.token:
            _bearer(self.token)
        self._open()

    def _open(self) -> None:
        self._session = _session(self.ssl)
        self._process = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are idle. Another call opens new ones."""
        self._session.close()

    def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        files: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: Any = None,
    ) -> SlackResponse:
        """Call a method of the Web API; the methods of ``WebClient`` all come through here.

        Args:
            api_method: The method's name, ``chat.postMessage``.
            http_verb: Taken for likeness; every request is a POST.
            files: Files of a multipart body: a path, bytes or an open file by field name.
            data: Arguments, sent as a form.
            params: Arguments too.
            json: Arguments, sent as JSON instead.
            headers: Headers for this request.
            auth: ``{"client_id": …, "client_secret": …}``, in the place of the token.

        Returns:
            The response; iterate over it for the further pages.

        Raises:
            slack_sdk.errors.SlackApiError: Slack refused, or answered with something else than JSON.
            SlackUnavailable: Nothing was sent.
            AmbiguousOutcome: The request left, and no answer came.
        """
        _refuse_handlers(self, self.retry_handlers)
        arguments = _request_arguments(
            self, http_verb=http_verb, files=files, data=data, params=params, json=json, headers=headers, auth=auth
        )
        show_deprecation_warning_if_any(api_method)
        url = self._url(api_method)
        parts = _response_parts(self._ask(url, arguments))
        response = SlackResponse(client=self, http_verb="POST", api_url=url, req_args=_kept(arguments), **parts)
        cast(Any, response).validate()
        return response

    def _request_for_pagination(self, api_url: str, req_args: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return _response_parts(self._ask(api_url, _next_page(req_args)))

    def _upload_file(self, *, url: str, data: bytes, timeout: float, **_: Any) -> FileUploadV2Result:
        """Send a file's content to the address that Slack gave for it, which needs no token."""
        sent_at = time.time()
        outcome = self._exchange(url, _BYTES, data, timeout, label=_UPLOAD)
        answer = _received(outcome, method="file upload", sent_at=sent_at)
        return FileUploadV2Result(status=answer.status, body=answer.body.decode("utf-8", "replace"))

    def _send_file(self, url: str, file: io.RawIOBase, size: int) -> _Http | NotSent | Lost:
        return self._exchange(url, _BYTES, file, self.timeout, size=size, label=_UPLOAD)

    def _ask(self, url: str, arguments: Mapping[str, Any]) -> _Http:
        body, content_type = _body(arguments)
        sent_at = time.time()
        outcome = self._exchange(url, _revealed(arguments["headers"], content_type), body, self.timeout)
        return _received(outcome, method=url.removeprefix(self.base_url), sent_at=sent_at)

    def _deliver(self, call: Call, secret: _Secret | None = None) -> Delivery:
        try:
            url, headers, body = self._parcel(call, secret)
        except AuthenticationFailed as error:
            return NotSent(error.detail)
        return _delivered(self._exchange(url, headers, body, self.timeout))

    def _exchange(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | io.RawIOBase,
        timeout: float,
        *,
        size: int | None = None,
        label: str = "",
    ) -> _Http | NotSent | Lost:
        """Make the one request. Nothing of requests' session is used but its adapters: no cookies, no redirects.

        An open file is sent piece by piece; ``size`` then says how long it is. ``label`` names the request in the log,
        where its address is a secret.
        """
        if self._process != os.getpid():
            self._open()
        proxy = _proxy_for(url, self.proxy)
        request = requests.PreparedRequest()
        request.method, request.url = "POST", url
        request.body = cast("Any", body)
        request.headers = requests.structures.CaseInsensitiveDict(headers)
        request.headers["Content-Length"] = str(len(body) if isinstance(body, bytes) else size)
        _progress.sending, _progress.began = None, time.monotonic()
        try:
            response = self._session.get_adapter(url).send(
                request, timeout=timeout, proxies={"http": proxy, "https": proxy} if proxy else None
            )
            answer = _Http(response.status_code, response.headers, response.content)
        except Exception as error:  # noqa: BLE001  (whatever it is, the caller must learn whether anything left)
            return _absence(error, timeout=timeout, sending=_progress.sending)
        self._logger.debug("%s: HTTP %d", label or url.rpartition("/")[2], answer.status)
        return answer


class _AsyncWire(_Wire, _AsyncBase):
    """All of ``PooledAsyncWebClient`` but its base."""

    def __init__(
        self,
        token: str | None = None,
        base_url: str = WebClient.BASE_URL,
        timeout: float = 30,
        ssl: ssl.SSLContext | None = None,
        proxy: str | None = None,
        session: aiohttp.ClientSession | None = None,
        trust_env_in_session: bool = False,
        headers: Mapping[str, str] | None = None,
        user_agent_prefix: str | None = None,
        user_agent_suffix: str | None = None,
        team_id: str | None = None,
        logger: logging.Logger | None = None,
        retry_handlers: Sequence[Any] | None = None,
    ) -> None:
        _refuse_handlers(self, retry_handlers)
        if trust_env_in_session:
            raise RunbookError(
                "trust_env_in_session would let .netrc replace the token. Leave it out: HTTPS_PROXY is read without it."
            )
        super().__init__(
            token=token,
            base_url=base_url,
            timeout=cast(int, timeout),
            ssl=ssl,
            proxy=proxy or _proxy_from_environment(),
            session=session,
            headers=dict(headers or {}),
            user_agent_prefix=user_agent_prefix,
            user_agent_suffix=user_agent_suffix,
            team_id=team_id,
            logger=logger,
            retry_handlers=[],
        )
        if self.token:
            _bearer(self.token)
        self._context = ssl
        self._sessions: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession]
        self._sessions = weakref.WeakKeyDictionary()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections of every loop that used this client. Another call opens new ones."""
        here = asyncio.get_running_loop()
        sessions, self._sessions = self._sessions, weakref.WeakKeyDictionary()
        for loop, session in list(sessions.items()):
            if loop is not here and loop.is_running():
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(session.close(), loop))
            else:
                await session.close()
        for _ in range(_TURNS):  # the end of a TLS connection takes them too
            await asyncio.sleep(0)

    async def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        files: Mapping[str, Any] | None = None,
        data: Any = None,
        params: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: Any = None,
    ) -> AsyncSlackResponse:
        """Call a method of the Web API; arguments and errors are those of :meth:`PooledWebClient.api_call`."""
        from slack_sdk.web.async_slack_response import AsyncSlackResponse

        _refuse_handlers(self, self.retry_handlers)
        arguments = _request_arguments(
            self, http_verb=http_verb, files=files, data=data, params=params, json=json, headers=headers, auth=auth
        )
        show_deprecation_warning_if_any(api_method)
        url = self._url(api_method)
        parts = _response_parts(await self._ask(url, arguments))
        response = AsyncSlackResponse(client=self, http_verb="POST", api_url=url, req_args=_kept(arguments), **parts)
        cast(Any, response).validate()
        return response

    async def _request(self, *, api_url: str, req_args: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Fetch a further page."""
        return _response_parts(await self._ask(api_url, _next_page(req_args)))

    async def _upload_file(self, *, url: str, data: bytes, timeout: float, **_: Any) -> FileUploadV2Result:
        """Send a file's content to the address that Slack gave for it, which needs no token."""
        sent_at = time.time()
        outcome = await self._exchange(url, _BYTES, data, timeout, label=_UPLOAD)
        answer = _received(outcome, method="file upload", sent_at=sent_at)
        return FileUploadV2Result(status=answer.status, body=answer.body.decode("utf-8", "replace"))

    async def _send_file(self, url: str, file: io.RawIOBase, size: int) -> _Http | NotSent | Lost:
        return await self._exchange(url, _BYTES, file, self.timeout, size=size, label=_UPLOAD)

    async def _ask(self, url: str, arguments: Mapping[str, Any]) -> _Http:
        body, content_type = _body(arguments)
        sent_at = time.time()
        outcome = await self._exchange(url, _revealed(arguments["headers"], content_type), body, self.timeout)
        return _received(outcome, method=url.removeprefix(self.base_url), sent_at=sent_at)

    async def _deliver(self, call: Call, secret: _Secret | None = None) -> Delivery:
        try:
            url, headers, body = self._parcel(call, secret)
        except AuthenticationFailed as error:
            return NotSent(error.detail)
        return _delivered(await self._exchange(url, headers, body, self.timeout))

    async def _exchange(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | io.RawIOBase,
        timeout: float,
        *,
        size: int | None = None,
        label: str = "",
    ) -> _Http | NotSent | Lost:
        """Make the one request. On a kept connection aiohttp repeats what is idempotent; a POST is not."""
        import aiohttp

        if self._context is None and url.startswith("https:"):
            self._context = _tls_context()
        session = self._session_here()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        try:
            async with session.post(
                url,
                # aiohttp warns of a long body in bytes, because it is written in one go.
                data=io.BytesIO(body) if isinstance(body, bytes) and len(body) >= 2**20 else body,
                headers=headers if size is None else {**headers, "Content-Length": str(size)},
                allow_redirects=False,
                proxy=_proxy_for(url, self.proxy),
                raise_for_status=False,
                ssl=self._context or True,
                timeout=aiohttp.ClientTimeout(total=None, connect=min(timeout, _FIRST_BYTE_SECONDS), sock_read=timeout),
            ) as response:
                answer = _Http(response.status, response.headers, await response.read())
        except Exception as error:  # noqa: BLE001  (whatever it is, the caller must learn whether anything left)
            return _absence(error, timeout=timeout)
        self._logger.debug("%s: HTTP %d", label or url.rpartition("/")[2], answer.status)
        return answer

    def _session_here(self) -> aiohttp.ClientSession:
        """Return the session of the running loop; connections do not move between loops."""
        import aiohttp

        if self.session is not None and not self.session.closed:
            return self.session
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
            self._sessions[loop] = session
        return session


# --- tokens that change ----------------------------------------------------------------------------------------------

_REFUSED_TOKEN = frozenset({"account_inactive", "invalid_auth", "token_expired", "token_revoked"})


class TokenSource(Protocol):
    """Where a rotating client gets its token from. What it raises holds no token."""

    def fresh(self) -> str | None:
        """Return the token if it is good without asking anybody, else ``None``. Never blocks."""
        ...

    def current(self) -> str:
        """Return a token that is good now; rotates it where its end is near. May block.

        Raises:
            AuthenticationFailed: There is none, and Slack gives none.
            SlackUnavailable: There is none any more, and Slack cannot be reached.
            RateLimited: There is none any more, and Slack asks to wait before it gives another.
            ConnectFailed: There is none any more, and where they are kept cannot be read.
        """
        ...

    def instead_of(self, token: str) -> str | None:
        """Return another token than one that Slack has just refused, or ``None``. May block.

        Args:
            token: The refused one.

        Raises:
            SlackRunbooksError: It was tried to get another one; as :meth:`current`.
        """
        ...


class _Rotating:
    """What both rotating clients have in common."""

    base_url: str

    def __init__(self, source: TokenSource, *, team_id: str | None = None, **settings: Any) -> None:
        heir: Any = super()
        heir.__init__(None, **settings)
        self._source = source
        self._team_id = team_id

    def _here(self, call: Call) -> Call:
        """Return the call for the client's workspace."""
        if self._team_id is None or call.method not in TAKES_TEAM_ID or call.arguments.get("team_id") is not None:
            return call
        return type(call)(call.method, {**call.arguments, "team_id": self._team_id}, call.repeat)

    def _placed(self, url: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a request for the client's workspace."""
        field = "params" if arguments["json"] is None else "json"
        method = url.removeprefix(self.base_url)
        if self._team_id is None or method not in TAKES_TEAM_ID or arguments[field].get("team_id") is not None:
            return dict(arguments)
        return {**arguments, field: {**arguments[field], "team_id": self._team_id}}


def _with(arguments: Mapping[str, Any], token: str) -> dict[str, Any]:
    return {**arguments, "headers": {**arguments["headers"], "Authorization": _bearer(token)}}


# Nothing was done, and another attempt has the token at once.
_TOKEN_LATE = NotSent("the token took too long")


def _is_late(began: float) -> bool:
    return time.monotonic() - began > _TOKEN_SECONDS


def _is_refusal(data: Mapping[str, Any] | None) -> bool:
    """Tell whether Slack refused the token itself, and so did nothing."""
    return data is not None and data.get("ok") is False and data.get("error") in _REFUSED_TOKEN


def _undelivered(error: Exception) -> Delivery:
    """Say of a request for which there was no token what an engine would have been told by Slack or the network.

    Whatever went wrong, the request itself was not sent, and a journal must not be left to guess.
    """
    if isinstance(error, RateLimited):
        # The time to wait is that of the token: this request cannot go before it.
        limited: dict[str, Any] = {"ok": False, "error": "ratelimited", NOT_ROTATED: error.code}
        return Answered(status=200, headers={"retry-after": f"{error.retry_after:g}"}, data=limited)
    if not isinstance(error, AuthenticationFailed):
        return NotSent(f"the token could not be rotated: {_cause(error)}")
    # To whoever asked for something else, a token that nobody can rotate is one that is over.
    data: dict[str, Any] = {"ok": False, "error": error.code}
    if error.code not in _REFUSED_TOKEN:
        data = {"ok": False, "error": "token_expired", NOT_ROTATED: error.code}
    return Answered(status=200, headers={}, data=data)


def _refused(told: Answered, error: Exception) -> Delivery:
    """Say of a request whose token was refused, and did nothing, why there is no other token."""
    data = told.data or {}
    if data.get("error") == "token_expired" and not isinstance(error, AuthenticationFailed):
        # Another token would do, so what stands in the way of one is what went wrong.
        return _undelivered(error)
    if not isinstance(error, (ConnectFailed, SlackError)):
        return told
    return Answered(told.status, told.headers, {**data, NOT_ROTATED: error.code})


def _cause(error: Exception) -> str:
    """Tell why there is no token, without what an error of the host's own might show."""
    if isinstance(error, ConnectFailed):
        return error.reason.removesuffix(".")
    if isinstance(error, SlackError):
        return error.detail or error.code
    return type(error).__name__


class RotatingWebClient(_Rotating, PooledWebClient):
    """A :class:`PooledWebClient` that asks for its token before each request, and holds none itself.

    A request that Slack refuses because of its token is sent once more if there is another one: nothing was done.

    Args:
        source: Gives the token.
        team_id: The workspace to act in with an organisation's token; sent with each method that takes one.
        **settings: ``base_url``, ``timeout``, ``ssl``, ``proxy``, ``headers`` and ``logger`` of
            :class:`PooledWebClient`.
    """

    def _deliver(self, call: Call, secret: _Secret | None = None) -> Delivery:
        if secret is not None:
            return super()._deliver(call, secret)
        call, began = self._here(call), time.monotonic()
        try:
            token = self._source.current()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was sent
            return _undelivered(error)
        if _is_late(began):
            return _TOKEN_LATE
        told = super()._deliver(call, _bearer(token))
        if isinstance(told, Answered) and _is_refusal(told.data):
            try:
                other = self._source.instead_of(token)
            except Exception as error:  # noqa: BLE001 - Slack did nothing, whatever it is
                return _refused(told, error)
            if other is not None:
                return _TOKEN_LATE if _is_late(began) else super()._deliver(call, _bearer(other))
        return told

    def _ask(self, url: str, arguments: Mapping[str, Any]) -> _Http:
        arguments = self._placed(url, arguments)
        if _authorizes(arguments["headers"]):
            return super()._ask(url, arguments)
        secret = _Secret(self._source.current())
        answer = super()._ask(url, _with(arguments, secret.reveal()))
        if _is_refusal(_object(answer.body)):
            try:
                other = self._source.instead_of(secret.reveal())
            except SlackRunbooksError:  # it is logged, and Slack's own answer tells more
                other = None
            if other is not None:
                secret = _Secret(other)
                del other
                return super()._ask(url, _with(arguments, secret.reveal()))
        return answer


class _AsyncRotatingWire(_Rotating, _AsyncWire):
    """All of ``RotatingAsyncWebClient`` but its base."""

    async def _token(self) -> str:
        fresh = self._source.fresh()
        return await asyncio.to_thread(self._source.current) if fresh is None else fresh

    async def _deliver(self, call: Call, secret: _Secret | None = None) -> Delivery:
        if secret is not None:
            return await super()._deliver(call, secret)
        call, began = self._here(call), time.monotonic()
        try:
            token = await self._token()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was sent
            return _undelivered(error)
        if _is_late(began):
            return _TOKEN_LATE
        told = await super()._deliver(call, _bearer(token))
        if isinstance(told, Answered) and _is_refusal(told.data):
            try:
                other = await asyncio.to_thread(self._source.instead_of, token)
            except Exception as error:  # noqa: BLE001 - Slack did nothing, whatever it is
                return _refused(told, error)
            if other is not None:
                return _TOKEN_LATE if _is_late(began) else await super()._deliver(call, _bearer(other))
        return told

    async def _ask(self, url: str, arguments: Mapping[str, Any]) -> _Http:
        arguments = self._placed(url, arguments)
        if _authorizes(arguments["headers"]):
            return await super()._ask(url, arguments)
        secret = _Secret(await self._token())
        answer = await super()._ask(url, _with(arguments, secret.reveal()))
        if _is_refusal(_object(answer.body)):
            try:
                other = await asyncio.to_thread(self._source.instead_of, secret.reveal())
            except SlackRunbooksError:  # it is logged, and Slack's own answer tells more
                other = None
            if other is not None:
                secret = _Secret(other)
                del other
                return await super()._ask(url, _with(arguments, secret.reveal()))
        return answer


if TYPE_CHECKING:

    class PooledAsyncWebClient(_AsyncWire):
        """A ``slack_sdk`` ``AsyncWebClient`` that keeps its connections; see below for the rest."""

    class RotatingAsyncWebClient(_AsyncRotatingWire):
        """A :class:`PooledAsyncWebClient` that asks for its token before each request; see below for the rest."""


_ASYNC_DOCSTRING = """A ``slack_sdk`` ``AsyncWebClient`` that keeps its connections.

What :class:`PooledWebClient` says holds here too. It keeps connections per running loop, and ``await client.close()``
(or an ``async with`` block) ends them. It needs aiohttp: ``pip install 'slackrunbooks[async]'``.

Args:
    session: A session of yours, used as it is, with its cookies and its proxies, and left open by ``close``.
    trust_env_in_session: Must be false.
"""

_ASYNC_ROTATING_DOCSTRING = """A :class:`PooledAsyncWebClient` that asks for its token before each request.

What :class:`RotatingWebClient` says holds here too. A token is rotated in a thread, so that the loop goes on.

Args:
    source: Gives the token.
    team_id: The workspace to act in with an organisation's token; sent with each method that takes one.
    **settings: What :class:`PooledAsyncWebClient` takes, without a token.
"""

_making = threading.Lock()
_MADE_LATE: Mapping[str, tuple[type, str]] = MappingProxyType(
    {
        "PooledAsyncWebClient": (_AsyncWire, _ASYNC_DOCSTRING),
        "RotatingAsyncWebClient": (_AsyncRotatingWire, _ASYNC_ROTATING_DOCSTRING),
    }
)


def __getattr__(name: str) -> Any:
    if name not in _MADE_LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _making:
        if name not in globals():
            wire, docstring = _MADE_LATE[name]
            space = {"__doc__": docstring, "__module__": __name__}
            globals()[name] = type(name, (wire, _async_web_client()), space)
    return globals()[name]


def _async_web_client() -> type[AsyncWebClient]:
    try:
        from slack_sdk.web.async_client import AsyncWebClient
    except ImportError as error:
        raise SlackRunbooksError("The async client needs aiohttp: pip install 'slackrunbooks[async]'") from error
    return AsyncWebClient


# --- what the executor calls -----------------------------------------------------------------------------------------


def sync_client(client: WebClient | None, *, token: str | None = None) -> WebClient:
    """Return the client that an executor sends with.

    Args:
        client: None, a plain ``slack_sdk.WebClient`` that lends its settings, or any other client, used as it is.
        token: The token where there is no client, or where the plain client has none; by default ``SLACK_BOT_TOKEN``.

    Returns:
        The client.

    Raises:
        AuthenticationFailed: There is neither a client nor a token.
        RunbookError: The client would retry by itself, is none, or is for ``AsyncExecutor``.
    """
    if client is None:
        return PooledWebClient(_token(token))
    if _is_plain(client, WebClient):
        made = PooledWebClient(**_settings(client, token))
        _lend(client, made)
        return made
    if inspect.iscoroutinefunction(getattr(client, "api_call", None)):
        raise RunbookError(f"{type(client).__name__} is for AsyncExecutor; Executor takes a slack_sdk.WebClient.")
    _check_stand_in(client, token)
    return client


def async_client(client: AsyncWebClient | None, *, token: str | None = None) -> AsyncWebClient:
    """Return the client that an async executor sends with; as :func:`sync_client`, for ``AsyncWebClient``.

    Raises:
        AuthenticationFailed: There is neither a client nor a token.
        RunbookError: The client would retry by itself, is none, or is for ``Executor``.
        SlackRunbooksError: aiohttp is not installed.
    """
    if client is None:
        pooled: type[PooledAsyncWebClient] = __getattr__("PooledAsyncWebClient")
        return pooled(_token(token))
    if isinstance(cast(object, client), WebClient):
        raise RunbookError(f"{type(client).__name__} is for Executor; AsyncExecutor takes a slack_sdk AsyncWebClient.")
    if "aiohttp" in sys.modules and _is_plain(client, _async_web_client()):
        pooled = __getattr__("PooledAsyncWebClient")
        made = pooled(session=client.session, **_settings(client, token))
        _lend(client, made)
        return made
    _check_stand_in(client, token)
    return client


class Way(NamedTuple):
    """How a client reaches Slack: the URL, the proxy on the way, the TLS context, and the time limit in seconds.

    ``proxy`` may hold a password, and shows in no repr.
    """

    url: str
    proxy: str | None
    context: ssl.SSLContext | None
    timeout: float

    def __repr__(self) -> str:
        return f"Way({self.url!r}, proxy={'given' if self.proxy else None}, timeout={self.timeout:g})"


def way_of(client: WebClient) -> Way | None:
    """Return the way that the requests of a client take.

    Args:
        client: What :func:`sync_client` returned.

    Returns:
        The way; ``None`` where the client has one of its own, as a stand-in has.
    """
    if not isinstance(client, PooledWebClient) or type(client).api_call is not PooledWebClient.api_call:
        return None
    context = (client.ssl or _tls_context()) if client.base_url.lower().startswith("https:") else None
    return Way(client.base_url, _proxy_for(client.base_url, client.proxy), context, client.timeout)


def token_of(client: WebClient) -> str | TokenSource | None:
    """Return what the requests of a client are authorised by.

    Args:
        client: What :func:`sync_client` takes or returned.

    Returns:
        The token; of a plain client without one ``SLACK_BOT_TOKEN``; empty where there is none. Of a rotating client
        its source. ``None`` where headers or a way of the client's own see to it.
    """
    if isinstance(client, _Rotating):
        return client._source  # noqa: SLF001
    if _authorizes(getattr(client, "headers", None) or {}):
        return None
    token = getattr(client, "token", None)
    if not token and _is_plain(client, WebClient):
        token = os.environ.get("SLACK_BOT_TOKEN", "").strip()
    ours = (WebClient.api_call, PooledWebClient.api_call)
    has_own_way = "api_call" in vars(client) or getattr(type(client), "api_call", None) not in ours
    return str(token) if token else (None if has_own_way else "")


def _token(token: str | None) -> str:
    found = (token or os.environ.get("SLACK_BOT_TOKEN", "")).strip()
    if not found:
        raise AuthenticationFailed(
            "not_authed",
            method="",
            detail="no token was given",
            remedy="Pass token=… or client=… to the executor, or set the environment variable SLACK_BOT_TOKEN.",
        )
    return found


def _is_plain(client: object, kind: type) -> bool:
    """Tell whether a client is exactly slack_sdk's own; one whose ``api_call`` was replaced is a stand-in."""
    return type(client) is kind and "api_call" not in vars(client)


def _lend(client: Any, made: Any) -> None:
    """Hand over what the constructor would make anew: the user agent, and the proxy as it was found."""
    made.headers = dict(client.headers)
    made.default_params = dict(client.default_params)
    made.proxy = client.proxy


def _check_stand_in(client: object, token: str | None) -> None:
    if not callable(getattr(client, "api_call", None)):
        raise RunbookError(f"{type(client).__name__} is no Slack client: it has no method api_call.")
    if token:
        raise RunbookError(f"A {type(client).__name__} is used as it is: give it its token, and pass no token=.")
    _refuse_handlers(client, getattr(client, "retry_handlers", None))


def send(client: WebClient, call: Call) -> Delivery:
    """Make one HTTP request for a call and report what became of it.

    Args:
        client: What :func:`sync_client` returned.
        call: The call.

    Returns:
        ``Answered`` with any answer, good or bad; ``NotSent``; or ``Lost``. No failure of the network or of Slack is
        raised.
    """
    if isinstance(client, PooledWebClient) and type(client).api_call is PooledWebClient.api_call:
        return client._deliver(call)  # noqa: SLF001
    fields = encode(call.arguments)
    try:
        answer = client.api_call(call.method, data=fields)
    except Exception as error:  # noqa: BLE001  (whatever it is, the caller must learn whether anything left)
        return _absence_told(client, error)
    return _told(answer)


async def send_async(client: AsyncWebClient, call: Call) -> Delivery:
    """Make one HTTP request for a call and report what became of it; as :func:`send`."""
    if isinstance(client, _AsyncWire) and type(client).api_call is _AsyncWire.api_call:
        return await client._deliver(call)  # noqa: SLF001
    fields = encode(call.arguments)
    try:
        answer = await client.api_call(call.method, data=fields)
    except Exception as error:  # noqa: BLE001  (whatever it is, the caller must learn whether anything left)
        return _absence_told(client, error)
    return _told(answer)


class _Outgoing(io.RawIOBase):
    """A file on its way out, which tells a failure to read it from a failure to send it."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.failure: OSError | None = None

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        try:
            data = self._file.read(len(buffer))
        except OSError as error:
            self.failure = error
            raise
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def upload(client: WebClient, url: str, content: Content) -> Delivery:
    """Send the bytes of a file to the address that Slack gave for it, once, and report what became of it.

    Args:
        client: What :func:`sync_client` returned. One of ours sends the file piece by piece; slack_sdk's own way, which
            serves any other, needs it whole.
        url: The address.
        content: The bytes.

    Returns:
        As of :func:`send`; ``Raised`` where the file could not be read, or where the client has no way to send one.
    """
    try:
        with _Outgoing(content.open()) as file:
            if isinstance(client, PooledWebClient) and _is_ours(client, PooledWebClient):
                told = client._send_file(url, file, content.size)  # noqa: SLF001
                return _delivered(told) if file.failure is None else Raised(file.failure)
            sending = _sdk_upload(client, url, file.read())
    except (OSError, RunbookError) as error:
        return Raised(error)
    try:
        result = sending()
    except Exception as error:  # noqa: BLE001  (whatever it is, the caller must learn whether anything left)
        return _absence_told(client, error)
    return Answered(status=result.status, headers={}, data=None)


async def upload_async(client: AsyncWebClient, url: str, content: Content) -> Delivery:
    """Send the bytes of a file to the address that Slack gave for it; as :func:`upload`."""
    try:
        with _Outgoing(content.open()) as file:
            if isinstance(client, _AsyncWire) and _is_ours(client, _AsyncWire):
                told = await client._send_file(url, file, content.size)  # noqa: SLF001
                return _delivered(told) if file.failure is None else Raised(file.failure)
            # slack_sdk takes it whole; a large file must not hold up the loop while it is read.
            sending = _sdk_upload(client, url, await asyncio.to_thread(file.read))
    except (OSError, RunbookError) as error:
        return Raised(error)
    try:
        result = await sending()
    except Exception as error:  # noqa: BLE001  (whatever it is, the caller must learn whether anything left)
        return _absence_told(client, error)
    return Answered(status=result.status, headers={}, data=None)


def _is_ours(client: object, kind: type) -> bool:
    """Tell whether an heir of ours leaves the sending of files as it is."""
    return getattr(type(client), "_upload_file", None) is getattr(kind, "_upload_file", None)


def _sdk_upload(client: Any, url: str, data: bytes) -> Callable[[], Any]:
    """Return slack_sdk's own way to send a file's bytes, which a stand-in may lack."""
    send_file = getattr(client, "_upload_file", None)
    if send_file is None:
        raise RunbookError(
            f"{type(client).__name__} cannot send the bytes of a file: it is no heir of slack_sdk's client."
        )
    return functools.partial(
        send_file,
        url=url,
        data=data,
        logger=client._logger,  # noqa: SLF001
        timeout=client.timeout,
        proxy=client.proxy,
        ssl=client.ssl,
    )
