"""The service that takes the bytes of a file, which is not a method of the Web API: no token, no JSON.

Rule of this file: HTTP as values, like ``_wire``. All that is documented
(https://docs.slack.dev/reference/methods/files.getUploadURLExternal): bytes come raw or as a multipart form, 200 means
that they arrived, and every other status that they did not.
"""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._state import FakeFile
    from ._wire import HttpRequest

__all__ = ["ORIGIN", "UPLOAD", "UPLOADS", "origin", "receive"]

UPLOAD: Final = "upload"
"""What ``calls``, ``inject`` and the other faults call the sending of a file's bytes."""

UPLOADS: Final = "/upload/v1/"
"""Where upload addresses begin."""

ORIGIN: Final = "https://files.slack.com"
"""Where Slack takes files."""


def origin(request: HttpRequest) -> str:
    """Return where a client that sent this request can reach the upload service.

    Only what came over a socket has a ``Host`` header; such a client must send its bytes over the socket as well.
    """
    host = request.headers.get("host")
    return f"http://{host}" if host else ORIGIN


def receive(request: HttpRequest, tickets: Mapping[str, FakeFile]) -> tuple[int, str, dict[str, Any]]:
    """Take the bytes of a file.

    Args:
        request: The request.
        tickets: The files that wait for their bytes, by the last part of their address.

    Returns:
        The HTTP status, the text of the answer, and what to remember of the call.
    """
    content = _content(request)
    file = tickets.get(request.path.removeprefix(UPLOADS))
    remembered: dict[str, Any] = {"file_id": file.id if file is not None else None, "size": len(content)}
    if request.verb != "POST":
        return 501, f"not_modelled: only POST is documented, not {request.verb}", remembered
    if file is None:
        return 404, "there is no such upload", remembered
    if file.content is not None:
        return 501, "not_modelled: what a second upload to the same address does is not documented", remembered
    if len(content) != file.length:
        reason = f"{len(content)} bytes came and {file.length} were announced; no page says what becomes of that"
        return 501, f"not_modelled: {reason}", remembered
    file.content = content
    return 200, f"OK - {len(content)}", remembered


def _content(request: HttpRequest) -> bytes:
    """Return the bytes of the file: the body, or the first part of a multipart form."""
    header = request.headers.get("content-type", "")
    # Whatever else the header says is not about the file: urllib calls every body a form.
    if not header.lower().startswith("multipart/form-data"):
        return request.body
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + header.encode() + b"\r\n\r\n" + request.body)
    for part in message.iter_parts() if message.is_multipart() else ():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            return payload
    return b""
