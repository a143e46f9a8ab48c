"""The way to Slack, walked one layer at a time: proxy, name, connection, TLS.

Rule of this file: each layer is tried by itself, with the standard library, so that what it raises is the reason and
nobody has to read it out of a sentence. No token leaves and no method is called; nothing is repeated, and what was
opened is closed. What stands in a proxy's URL besides its host and port is told to the proxy alone.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
import urllib.parse
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .client import Way

__all__ = ["Fault", "Walk", "is_local", "walk"]

# Nobody who waits for a diagnosis wants to wait as long as a request may take.
_LONGEST = 10.0
_PORTS = {"http": 80, "https": 443}


class Fault(NamedTuple):
    """Where the way ends: the check that failed, the name of the cause, and what was seen."""

    check: str
    cause: str
    seen: str


class Walk(NamedTuple):
    """How far the way goes: what was seen by each check that passed, and why some were not made."""

    passed: Mapping[str, str]
    unseen: Mapping[str, str]
    fault: Fault | None = None


class _Ends(Exception):
    """The way ends here."""

    def __init__(self, check: str, cause: str, seen: str) -> None:
        super().__init__(cause)
        self.fault = Fault(check, cause, seen)


def is_local(host: str) -> bool:
    """Tell whether a host is this machine.

    Args:
        host: A name or an address.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def walk(way: Way) -> Walk:
    """Go the way of a client's requests as far as it leads.

    Args:
        way: Of the client; its URL has a scheme and a host.

    Returns:
        What was seen of ``proxy``, ``dns``, ``connection`` and ``tls``. Looking a name up, connecting (to however many
        addresses), asking a proxy and the TLS handshake take at most ten seconds each, or the client's time limit if
        that is less.
    """
    steps = _Steps(min(way.timeout, _LONGEST))
    try:
        steps.go(way)
    except _Ends as end:
        return Walk(steps.passed, steps.unseen, end.fault)
    finally:
        steps.close()
    return Walk(steps.passed, steps.unseen)


class _Steps:
    """A walk under way."""

    def __init__(self, timeout: float) -> None:
        self.passed: dict[str, str] = {}
        self.unseen: dict[str, str] = {}
        self._timeout = timeout
        self._open: list[socket.socket] = []

    def close(self) -> None:
        """Close what was opened."""
        for sock in reversed(self._open):
            with contextlib.suppress(OSError):
                sock.close()

    def go(self, way: Way) -> None:
        """Take every layer in turn."""
        goal = urllib.parse.urlsplit(way.url)
        host, port = str(goal.hostname), goal.port or _PORTS[goal.scheme]
        if way.proxy is None:
            self.passed["proxy"] = "none is set"
            addresses = self._look_up(host, port, "dns", "dns")
            self.passed["dns"] = f"{host} is {', '.join(addresses)}"
            sock = self._connect(host, addresses, port, "connection", "connection")
            self.passed["connection"] = f"{_at(host, port)} takes connections"
        else:
            proxy = urllib.parse.urlsplit(way.proxy)
            if proxy.scheme not in _PORTS:
                told = f"the proxy is one of {proxy.scheme.upper()}, through which only the client itself can go"
                self.unseen.update(dict.fromkeys(("proxy", "dns", "connection", "tls"), told))
                return
            sock = self._through(proxy, host, port, tunnel=goal.scheme == "https")
        if goal.scheme == "https" and way.context is not None:
            self.passed["tls"] = self._secure(sock, way.context, host, port)
        else:
            self.unseen["tls"] = "the base URL begins with http://"

    def _through(self, proxy: urllib.parse.SplitResult, host: str, port: int, *, tunnel: bool) -> socket.socket:
        """Connect to the proxy, and have it connect to the goal."""
        try:
            near, near_port = str(proxy.hostname or ""), proxy.port or _PORTS[proxy.scheme]
        except ValueError:
            near, near_port = "", 0
        if not near:
            raise _Ends("proxy", "proxy_no_url", "the proxy's URL has no host, or a port that is no number")
        addresses = self._look_up(near, near_port, "proxy", "proxy")
        sock = self._connect(near, addresses, near_port, "proxy", "proxy")
        if proxy.scheme == "https":
            sock = self._wrapped(sock, ssl.create_default_context(), near, near_port, "proxy", "proxy_")
        if tunnel:
            self._ask_for_tunnel(sock, proxy, host, port)
        self.passed["proxy"] = f"{_at(near, near_port)} takes connections" + (" and lets this one pass" * tunnel)
        self.unseen["dns"] = "the proxy looks the name up"
        self.unseen["connection"] = "the proxy makes it"
        return sock

    def _ask_for_tunnel(self, sock: socket.socket, proxy: urllib.parse.SplitResult, host: str, port: int) -> None:
        """Ask as RFC 9110, section 9.3.6, has it: https://www.rfc-editor.org/rfc/rfc9110#name-connect."""
        goal = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {goal} HTTP/1.1", f"Host: {goal}"]
        if proxy.username is not None:
            pair = f"{urllib.parse.unquote(proxy.username)}:{urllib.parse.unquote(proxy.password or '')}"
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode('ascii')}")
        where = f"the proxy {_at(str(proxy.hostname), proxy.port or _PORTS[proxy.scheme])}"
        try:
            sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii", "replace"))
            timed = cast("socket.socket", _Timed(sock, self._timeout))
            with contextlib.closing(http.client.HTTPResponse(timed, method="CONNECT")) as response:
                response.begin()
                status = response.status
            sock.settimeout(self._timeout)
        except TimeoutError:
            raise _Ends("proxy", "proxy_timeout", f"{where} took the connection and never answered") from None
        except OSError:  # among them RemoteDisconnected, which is an HTTPException too
            raise _Ends("proxy", "proxy_hung_up", f"{where} ended the connection without an answer") from None
        except (http.client.HTTPException, ValueError):
            raise _Ends("proxy", "proxy_not_http", f"{where} does not answer as a proxy does") from None
        if 200 <= status < 300:
            return
        told = f"{where} answered CONNECT to {goal} with HTTP {status}"
        if status == 407:
            cause = "proxy_auth_required" if proxy.username is None else "proxy_auth_refused"
        else:
            cause = "proxy_cannot_reach" if status in (502, 503, 504) else "proxy_forbids"
        raise _Ends("proxy", cause, told)

    def _look_up(self, host: str, port: int, check: str, prefix: str) -> tuple[str, ...]:
        """Look a name up."""
        try:
            return _addresses(host, port, self._timeout)
        except TimeoutError:
            seen = f"the name {host} was not looked up within {self._timeout:g} seconds"
            raise _Ends(check, f"{prefix}_no_server", seen) from None
        except socket.gaierror as error:
            # The servers that know names could not be asked; the name itself may be right.
            cause = f"{prefix}_no_server" if error.errno == socket.EAI_AGAIN else f"{prefix}_not_found"
            raise _Ends(check, cause, f"the name {host} could not be looked up ({error.strerror})") from None
        except UnicodeError:
            raise _Ends(check, f"{prefix}_not_found", f"{host} is no name that a host can have") from None

    def _connect(self, host: str, addresses: tuple[str, ...], port: int, check: str, prefix: str) -> socket.socket:
        where = _at(host, port)
        try:
            sock = _connected(addresses, port, self._timeout)
        except ConnectionRefusedError:
            raise _Ends(check, f"{prefix}_refused", f"nothing listens at {where}") from None
        except TimeoutError:
            seen = f"{where} did not answer within {self._timeout:g} seconds"
            raise _Ends(check, f"{prefix}_timeout", seen) from None
        except OSError as error:
            unreached = error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
            cause = f"{prefix}_no_route" if unreached else f"{prefix}_failed"
            raise _Ends(check, cause, f"{where} cannot be reached ({_named(error)})") from None
        self._open.append(sock)
        return sock

    def _secure(self, sock: socket.socket, context: ssl.SSLContext, host: str, port: int) -> str:
        wrapped = self._wrapped(sock, context, host, port, "tls", "")
        return f"{wrapped.version()}, and the certificate is good for {host}"

    def _wrapped(
        self, sock: socket.socket, context: ssl.SSLContext, host: str, port: int, check: str, prefix: str
    ) -> ssl.SSLSocket:
        where = _at(host, port)
        try:
            wrapped = context.wrap_socket(sock, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            cause = prefix + _CERTIFICATES.get(error.verify_code, "certificate_refused")
            raise _Ends(check, cause, f"the certificate of {where} was refused: {error.verify_message}") from None
        except TimeoutError:
            raise _Ends(check, f"{prefix}tls_timeout", f"{where} does not answer the TLS handshake") from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError):
            raise _Ends(check, f"{prefix}tls_cut", f"{where} broke off the TLS handshake") from None
        except ssl.SSLError as error:
            cause = "not_tls" if error.reason in _NOT_TLS else "tls_failed"
            raise _Ends(check, prefix + cause, f"the TLS handshake with {where} failed: {error.reason}") from None
        except OSError as error:
            seen = f"the TLS handshake with {where} failed ({_named(error)})"
            raise _Ends(check, f"{prefix}tls_failed", seen) from None
        self._open.append(wrapped)
        return wrapped


# X509_V_ERR_… of OpenSSL: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_CERTIFICATES = {
    2: "certificate_untrusted",
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    18: "certificate_self_signed",
    19: "certificate_self_signed",
    20: "certificate_untrusted",
    21: "certificate_untrusted",
    62: "certificate_wrong_name",
    64: "certificate_wrong_name",
}

# What OpenSSL says where the other side speaks plain HTTP or something else.
_NOT_TLS = frozenset({"HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "WRONG_VERSION_NUMBER"})


def _addresses(host: str, port: int, seconds: float) -> tuple[str, ...]:
    """Look a name up, in a thread: the system's resolver knows no time limit of ours.

    Raises:
        TimeoutError: It took longer; the thread goes on, and holds up no end of the program.
        OSError: As ``socket.getaddrinfo``.
        UnicodeError: It is no name that a host can have.
    """
    told: list[Any] = []

    def ask() -> None:
        try:
            told.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for it
            told.append(error)

    thread = threading.Thread(target=ask, name="slackrunbooks-look-up", daemon=True)
    thread.start()
    thread.join(seconds)
    if not told:
        raise TimeoutError
    if isinstance(told[0], Exception):
        raise told[0]
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in told[0]))


def _connected(addresses: tuple[str, ...], port: int, seconds: float) -> socket.socket:
    """Connect to the first address that can be reached; each gets its share of the time that is left.

    Raises:
        OSError: Of the address that came furthest: one that refuses is there, one that is silent has a way to it.
    """
    ends = time.monotonic() + seconds
    failed: list[OSError] = []
    for number, address in enumerate(addresses):
        share = max(ends - time.monotonic(), 0.001) / (len(addresses) - number)
        try:
            return socket.create_connection((address, port), timeout=share)
        except OSError as error:
            failed.append(error)
    furthest = (ConnectionRefusedError, TimeoutError)
    raise next((error for kind in furthest for error in failed if isinstance(error, kind)), failed[0])


class _Timed(io.RawIOBase):
    """What comes from a socket until so many seconds from now, however slowly it drips."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._ends = time.monotonic() + seconds

    def makefile(self, mode: str) -> io.BufferedReader:
        """Do as a socket does for ``HTTPResponse``."""
        del mode
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._sock.recv_into(buffer)


def _at(host: str, port: int) -> str:
    return f"{host}, port {port}"


def _named(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
