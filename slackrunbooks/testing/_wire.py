"""From the bytes of a request to the arguments of a method, and from a body back to bytes.

Rule of this file: HTTP as values, no I/O. The in-process clients, the server and the ``responses`` mount all come
through here, so that one wire cannot be kinder than another. Source: https://docs.slack.dev/apis/web-api.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._faults import Seen

__all__ = ["Answer", "Broken", "Decoded", "HttpRequest", "Outcome", "decode", "html", "method_of"]

_CHARSETS = frozenset({"utf-8", "utf8", "iso-8859-1"})
_NAME = re.compile(r"[A-Za-z0-9_]+")
_FORM, _MULTIPART, _JSON = "application/x-www-form-urlencoded", "multipart/form-data", "application/json"


@attrs.frozen
class HttpRequest:
    """A request as it came over a wire.

    Attributes:
        verb: ``GET`` or ``POST``.
        path: The path, ``/api/chat.postMessage``.
        query: The query string, without ``?``.
        headers: Header values by lower-case name.
        body: The body.
    """

    verb: str
    path: str
    query: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


@attrs.frozen
class Answer:
    """A whole answer.

    Attributes:
        status: HTTP status.
        headers: Header values by lower-case name, as Slack sends them.
        body: The body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@attrs.frozen
class Broken:
    """No whole answer.

    Attributes:
        seen: What the client gets instead.
        answer: The answer that was cut short, for a truncated one.
    """

    seen: Seen
    answer: Answer | None = None


Outcome: TypeAlias = Answer | Broken
"""What becomes of a request."""


@attrs.define
class Decoded:
    """What a request says.

    Attributes:
        token: The token, or ``None``.
        arguments: The arguments; ``None`` values are gone, for "explicit null means the default".
        error: The code for a request that cannot be read, or ``None``.
        warnings: What Slack remarks about the request.
        is_json: Whether the arguments came as JSON.
        client: Client ID and secret by HTTP Basic authentication, or ``None``.
    """

    token: str | None = None
    arguments: dict[str, Any] = attrs.field(factory=dict)
    error: str | None = None
    warnings: list[str] = attrs.field(factory=list)
    is_json: bool = False
    client: tuple[str, str] | None = None


def method_of(path: str) -> str:
    """Return the method that a path names: what stands after the last ``/``."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def decode(request: HttpRequest) -> Decoded:
    """Read the token and the arguments of a request.

    The token counts in the ``Authorization`` header and, but for JSON, as a POST parameter; never in the query string.
    """
    decoded = Decoded(arguments=dict(parse_qsl(request.query, keep_blank_values=True)))
    decoded.arguments.pop("token", None)
    if request.body:
        _read_body(request, decoded)
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    posted = decoded.arguments.pop("token", None)
    if scheme.lower() == "bearer" and value.strip():
        decoded.token = value.strip()
    elif scheme.lower() == "basic":
        decoded.client = _basic(value)
    elif posted and not decoded.is_json:
        decoded.token = str(posted)
    decoded.arguments = {name: value for name, value in decoded.arguments.items() if value is not None}
    if decoded.error is None:
        for name in decoded.arguments:
            if name.endswith("[]"):
                decoded.error = "invalid_array_arg"
            elif not _NAME.fullmatch(name):
                decoded.error = "invalid_arg_name"
    return decoded


def _basic(value: str) -> tuple[str, str] | None:
    """Read Client ID and secret (https://docs.slack.dev/reference/methods/oauth.v2.access)."""
    try:
        name, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return name, secret


def _read_body(request: HttpRequest, decoded: Decoded) -> None:
    header = request.headers.get("content-type", "")
    kind, _, parameters = header.partition(";")
    kind = kind.strip().lower()
    charset = ""
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "charset":
            charset = value.strip('"').lower()
    if not kind:
        decoded.error = "missing_post_type"
    elif kind not in {_FORM, _MULTIPART, _JSON, "text/plain"}:
        decoded.error = "invalid_post_type"
    elif charset and charset not in _CHARSETS:
        decoded.error = "invalid_charset"
    elif kind in {_JSON, "text/plain"}:
        # text/plain is listed beside JSON among the valid types, and takes the same body.
        if not charset:
            decoded.warnings.append("missing_charset")
        _read_json(request.body, charset or "utf-8", decoded)
    else:
        if charset:
            decoded.warnings.append("superfluous_charset")
        if kind == _FORM:
            text = request.body.decode(charset or "utf-8", "replace")
            decoded.arguments.update(parse_qsl(text, keep_blank_values=True))
        else:
            _read_multipart(header, request.body, decoded)


def _read_json(body: bytes, charset: str, decoded: Decoded) -> None:
    decoded.is_json = True
    try:
        value = json.loads(body.decode(charset))
    except ValueError:
        decoded.error = "invalid_json"
        return
    if isinstance(value, dict):
        decoded.arguments.update(value)
    else:
        decoded.error = "json_not_object"


def _read_multipart(header: str, body: bytes, decoded: Decoded) -> None:
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + header.encode() + b"\r\n\r\n" + body)
    if not message.is_multipart() or message.defects:
        decoded.error = "invalid_form_data"
        return
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            decoded.arguments[name] = payload.decode("utf-8", "replace")


def html(status: int) -> Answer:
    """Return the page of a machine in front of Slack."""
    body = f"<!DOCTYPE html><html><head><title>Slack: {status}</title></head><body>Server Error</body></html>"
    return Answer(status, {"content-type": "text/html; charset=utf-8"}, body.encode())
