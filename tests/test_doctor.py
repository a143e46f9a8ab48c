"""The doctor against broken installations: it names the cause of each, says what to do, and changes nothing.

Rule of this file: an installation is whole until one thing in it is broken, on a real socket of this machine: the fake
workspace behind TLS, with a certificate, a clock and a runbook that are in order. A case breaks one thing and names the
check and the cause that are to be told first.
"""

from __future__ import annotations

import ast
import contextlib
import datetime as dt
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from slack_sdk import WebClient
from slack_sdk.web.async_client import AsyncWebClient

import slackrunbooks as sr
from slackrunbooks import _route as route, connect, doctor
from slackrunbooks.client import PooledWebClient, RotatingWebClient, Way
from slackrunbooks.doctor import CHECKS, diagnose
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._wire import Answer, HttpRequest

from .conftest import Command
from .test_connect import HALF_DAY, MemoryStates, MemoryStore, World
from .wire.cases import authority, tls
from .wire.server import HangUp, Request, Server, answer, hang_up, raw, tunnel

RUNBOOK = sr.Runbook(
    "declare",
    {
        "room": sr.CreateChannel(name="inc-{{id}}", description="{{title}}"),
        "topic": sr.SetTopic(channel="{{steps.room.channel}}", topic="{{title}}"),
        "people": sr.InviteToChannel(channel="{{steps.room.channel}}", users="{{people}}"),
        "announce": sr.SendMessage(channel="#incidents", text="*{{title}}*"),
        "pin": sr.PinMessage(channel="{{steps.announce.channel}}", ts="{{steps.announce.ts}}"),
        "graph": sr.UploadFile(channel="{{incidents}}", content="1,2\n", filename="errors.csv"),
    },
)
CONTEXT = {"id": "42", "title": "Pages are down", "people": ["ann@example.com"], "incidents": "C0FAKE0001"}
SCOPES = sr.Executor().plan(RUNBOOK, CONTEXT).scopes.minimal
SECRETS = (
    "xoxb-fake",
    "xoxb-other",
    "xoxp-1",
    "xapp-1",
    "xoxe-1",
    "xoxa-1",
    "xoxc-1",
    "s3cret",
    "0123456789abcdef" * 2,
)


def front(fake: FakeSlack, *, off: float = 0.0) -> Callable[[socket.socket, Request], None]:
    """Answer with the fake, and tell the time as Slack's servers do; ``off`` is by how many seconds it is wrong."""

    def act(sock: socket.socket, request: Request) -> None:
        outcome = fake.handle(HttpRequest(request.method, request.target, "", request.headers, request.body))
        if not isinstance(outcome, Answer):
            raise HangUp
        headers = {**outcome.headers, "Date": formatdate(fake.now + off, usegmt=True)}
        answer(status=outcome.status, headers=headers, body=outcome.body)(sock, request)

    return act


class Installation:
    """A whole installation; a case changes its attributes, or what stands behind them."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.stack = stack
        self.fake = FakeSlack(scopes={*SCOPES, "channels:history", "channels:read", "users:read"})
        self.incidents = self.fake.add_channel("incidents")
        self.sandbox = self.fake.add_channel("sandbox")
        self.fake.add_user("ann", email="ann@example.com")
        served, trusted = tls()
        self.server = self.serve(tls=served, usual=front(self.fake))
        self.token = self.fake.token
        self.url = self.server.url
        self.trusted: ssl.SSLContext | None = trusted
        self.proxy: str | None = None
        self.timeout = 5.0
        self.team_id: str | None = None
        self.runbook: sr.Runbook | sr.Action[Any] | None = RUNBOOK
        self.context: Mapping[str, Any] | None = CONTEXT
        self.live: str | None = "#sandbox"
        self.given: Any = None

    def serve(self, **options: Any) -> Server:
        """Start another server."""
        return self.stack.enter_context(Server(**options))

    def answers(self, *acts: Any) -> None:
        """Have the server do this first."""
        self.server.script.extend(acts)

    def refuses(self, method: str, code: str, **options: Any) -> None:
        """Have Slack refuse a method."""
        self.fake.fail_next(method, code, times=9, **options)

    def diagnose(self) -> sr.Diagnosis:
        """Look through it."""
        if self.given is not None:
            return diagnose(self.given, self.runbook, self.context, base_url=self.url, live=self.live)
        client: Any = PooledWebClient(
            self.token, self.url, timeout=self.timeout, ssl=self.trusted, proxy=self.proxy, team_id=self.team_id
        )
        client.slackrunbooks_clock = self.fake.clock
        with client:
            return diagnose(client, self.runbook, self.context, live=self.live)


@pytest.fixture
def installation() -> Iterator[Installation]:
    """An installation in which all is well."""
    with contextlib.ExitStack() as stack:
        yield Installation(stack)


@attrs.frozen
class Case:
    """What is broken, and what is to be told: the check, the cause and words of the remedy."""

    name: str
    break_: Callable[[Installation], object]
    check: str
    cause: str
    remedy: str


# --- ways to break it ------------------------------------------------------------------------------------------------


def is_(**changes: Any) -> Callable[[Installation], None]:
    """Change attributes of the installation."""

    def change(installation: Installation) -> None:
        for name, value in changes.items():
            setattr(installation, name, value)

    return change


def refused(method: str, code: str, **options: Any) -> Callable[[Installation], None]:
    """Have Slack refuse a method."""
    return lambda installation: installation.refuses(method, code, **options)


def answered(*acts: Any) -> Callable[[Installation], None]:
    """Have the server do something else first."""
    return lambda installation: installation.answers(*acts)


def html(status: int, **headers: str) -> Any:
    """Answer with a web page."""
    fields = {"Content-Type": "text/html; charset=utf-8", **headers}
    return answer(status=status, headers=fields, body=b"<html><title>Welcome to the hotel</title></html>")


def port_of_nobody() -> int:
    """Return a port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def given(token: str, **more: Any) -> Callable[[Installation], None]:
    """Give a token instead of a client, and a workspace that speaks plain HTTP."""

    def change(installation: Installation) -> None:
        is_(given=token, **more)(installation)
        installation.url = installation.serve(usual=front(installation.fake)).url

    return change


def certificate(name: str = "localhost", **options: Any) -> Callable[[Installation], None]:
    """Serve with another certificate of the same authority."""

    def change(installation: Installation) -> None:
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert(name, **options).configure_cert(served)
        installation.url = installation.serve(tls=served, usual=front(installation.fake)).url

    return change


def self_signed(installation: Installation) -> None:
    """Serve with a certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.timezone.utc)
    day = dt.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + made.public_bytes(serialization.Encoding.PEM)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with trustme.Blob(pem).tempfile() as file:
        served.load_cert_chain(file)
    installation.url = installation.serve(tls=served).url


def unknown_authority(installation: Installation) -> None:
    """Trust only the authorities of this system."""
    installation.trusted = ssl.create_default_context()


def speak_http(sock: socket.socket, over: threading.Event) -> None:
    """Speak plain HTTP where TLS is expected."""
    sock.recv(9999)
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    over.wait(5)


def raw_socket(behave: Callable[[socket.socket, threading.Event], object]) -> Callable[[Installation], None]:
    """Serve with something that takes a connection and does as it pleases."""

    def change(installation: Installation) -> None:
        listener = installation.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        over = threading.Event()

        def serve() -> None:
            with contextlib.suppress(OSError):
                sock, _ = listener.accept()
                with sock:
                    behave(sock, over)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        installation.stack.callback(thread.join, 5)
        installation.stack.callback(over.set)
        installation.url = f"https://localhost:{listener.getsockname()[1]}/api/"
        installation.timeout = 0.3

    return change


def behind(*acts: Any, user: str = "") -> Callable[[Installation], None]:
    """Put a proxy before it, which does this first."""

    def change(installation: Installation) -> None:
        proxy = installation.serve(usual=tunnel)
        proxy.script.extend(acts)
        installation.proxy = f"http://{user}127.0.0.1:{proxy.port}"

    return change


def behind_silence(installation: Installation) -> None:
    """Put a proxy before it that takes connections and says nothing."""
    proxy = installation.serve()
    proxy.usual = proxy.silence
    installation.proxy, installation.timeout = f"http://127.0.0.1:{proxy.port}", 0.3


def behind_tls(installation: Installation) -> None:
    """Put a proxy before it that is reached by TLS, with a certificate that nobody here vouches for."""
    proxy = installation.serve(tls=tls()[0], usual=tunnel)
    installation.proxy = f"https://localhost:{proxy.port}"


def behind_no_tls(installation: Installation) -> None:
    """Put a proxy before it that speaks HTTP where TLS is expected."""
    url = installation.url
    raw_socket(speak_http)(installation)
    installation.proxy, installation.url = installation.url.removesuffix("/api/"), url


def silent(installation: Installation) -> None:
    """Never answer."""
    installation.answers(installation.server.silence)
    installation.timeout = 0.3


def plain_behind_proxy(installation: Installation) -> None:
    """Go over HTTP through a proxy that wants a name."""
    proxy = installation.serve(usual=html(407, **{"Proxy-Authenticate": "Basic"}))
    installation.url, installation.proxy = "http://127.0.0.1:1/api/", f"http://127.0.0.1:{proxy.port}"


def wrong_clock(off: float) -> Callable[[Installation], None]:
    """Let Slack's time be another."""

    def change(installation: Installation) -> None:
        installation.server.usual = front(installation.fake, off=off)

    return change


def channel(**options: Any) -> Callable[[Installation], None]:
    """Put another channel in the place of #incidents."""

    def change(installation: Installation) -> None:
        installation.fake._workspace.channels.pop(installation.incidents.id)
        installation.context = {**CONTEXT, "incidents": installation.sandbox.id}
        if options:
            installation.incidents = installation.fake.add_channel("incidents", **options)

    return change


def step(**steps: sr.Action[Any]) -> Callable[[Installation], None]:
    """Have another runbook."""
    return is_(runbook=sr.Runbook("other", steps))


def without(*scopes: str) -> Callable[[Installation], None]:
    """Take scopes from the token."""
    return lambda installation: installation.fake.scopes.difference_update(scopes)


def not_ours(data: Mapping[str, Any], **headers: str) -> Callable[[Installation], None]:
    """Answer auth.test with other data."""
    return answered(answer({"ok": True, "user_id": "U1", "user": "x", "team": "Acme", "team_id": "T1", **data},
                           headers={"x-oauth-scopes": ",".join(SCOPES), **headers}))  # fmt: skip


def day(days: int) -> dt.datetime:
    """Return a time so many days from now."""
    return dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=days)


def id_of_elsewhere(installation: Installation) -> None:
    """Name a channel by an ID of another workspace."""
    step(say=sr.SendMessage(channel="C0ELSEWHERE", text="x"))(installation)


def somebody_who_left(installation: Installation) -> None:
    """Name somebody whose account is deactivated, by ID."""
    gone = installation.fake.add_user("bob", email="bob@example.com", deleted=True)
    installation.context = {**CONTEXT, "people": [gone.id]}


def no_such_group(installation: Installation) -> None:
    """Name a user group that is not there."""
    installation.fake.scopes.add("usergroups:read")
    installation.context = {**CONTEXT, "people": ["@sre"]}


NETWORK = (
    Case("no URL", is_(url="slack"), "base_url", "base_url_no_url", "https://slack.com/api/"),
    Case("no host", is_(url="https://"), "base_url", "base_url_no_url", "https://slack.com/api/"),
    Case("a bad port", is_(url="https://localhost:x/api/"), "base_url", "base_url_no_url", "whole URL"),
    Case("Slack's home page", is_(url="https://slack.com/"), "base_url", "base_url_path", "https://slack.com/api/"),
    Case("not encrypted", is_(url="http://slack.com/api/"), "base_url", "base_url_unencrypted", "https://"),
    Case("nobody listens", lambda i: is_(url=f"https://localhost:{port_of_nobody()}/api/")(i),
         "connection", "connection_refused", "port in base_url"),
    Case("self-signed", self_signed, "tls", "certificate_self_signed", "SSL_CERT_FILE"),
    Case("an unknown authority", unknown_authority, "tls", "certificate_untrusted", "SSL_CERT_FILE"),
    Case("expired", certificate(not_before=day(-9), not_after=day(-1)), "tls", "certificate_expired", "renew"),
    Case("not yet valid", certificate(not_before=day(1)), "tls", "certificate_not_yet_valid", "clock"),
    Case("another name", certificate("elsewhere.example"), "tls", "certificate_wrong_name", "host in base_url"),
    Case("no TLS", raw_socket(speak_http), "tls", "not_tls", "scheme"),
    Case("TLS cut off", raw_socket(lambda sock, over: sock.recv(9999)), "tls", "tls_cut", "firewalls"),
    Case("TLS swallowed", raw_socket(lambda sock, over: over.wait(5)), "tls", "tls_timeout", "HTTPS_PROXY"),
    Case("proxy down", lambda i: is_(proxy=f"http://127.0.0.1:{port_of_nobody()}")(i),
         "proxy", "proxy_refused", "Start the proxy"),
    Case("proxy without a host", is_(proxy="http://:3128"), "proxy", "proxy_no_url", "HTTPS_PROXY"),
    Case("proxy with a bad port", is_(proxy="http://127.0.0.1:x"), "proxy", "proxy_no_url", "HTTPS_PROXY"),
    Case("proxy of an unknown authority", behind_tls, "proxy", "proxy_certificate_untrusted", "SSL_CERT_FILE"),
    Case("proxy without TLS", behind_no_tls, "proxy", "proxy_not_tls", "speaks no TLS"),
    Case("proxy wants a name", behind(html(407)), "proxy", "proxy_auth_required", "http://NAME:PASSWORD@HOST:PORT"),
    Case("proxy refuses the name", behind(html(407), user="me:s3cret@"), "proxy", "proxy_auth_refused", "Correct them"),
    Case("proxy forbids", behind(html(403)), "proxy", "proxy_forbids", "allow CONNECT"),
    Case("proxy cannot reach", behind(html(502)), "proxy", "proxy_cannot_reach", "name servers"),
    Case("no proxy listens", behind(raw(b"SSH-2.0-OpenSSH_9.6\r\n")), "proxy", "proxy_not_http", "HTTPS_PROXY"),
    Case("proxy hangs up", behind(hang_up), "proxy", "proxy_hung_up", "log of the proxy"),
    Case("proxy says nothing", behind_silence, "proxy", "proxy_timeout", "hangs"),
    Case("proxy wants a name, over HTTP", plain_behind_proxy, "proxy", "proxy_auth_required", "NAME:PASSWORD"),
    Case("a 404 page", answered(html(404)), "answer", "wrong_base_url", "https://slack.com/api/"),
    Case("an older path", refused("auth.test", "unknown_method"), "answer", "wrong_base_url", "https://slack.com/api/"),
    Case("captive portal, redirecting", answered(html(302, Location="http://portal.example/login?s3cret")),
         "answer", "captive_portal", "Sign in"),
    Case("captive portal, answering", answered(html(200)), "answer", "captive_portal", "Sign in"),
    Case("sent on within the host", answered(html(301, Location="https://localhost/")),
         "answer", "wrong_base_url", "base_url"),
    Case("a gateway forbids", answered(html(403)), "answer", "blocked", "POST"),
    Case("out of order", answered(html(503)), "answer", "slack_down", "slack-status.com"),
    Case("inner trouble", refused("auth.test", "internal_error"), "answer", "slack_down", "slack-status.com"),
    Case("broken off", answered(answer({"ok": False, "error": "fatal_error"}, status=500)),
         "answer", "slack_down", "run it again"),
    Case("out of service", answered(answer({"ok": False, "error": "service_unavailable"}, status=503)),
         "answer", "slack_down", "slack-status.com"),
    Case("half a request", refused("auth.test", "request_timeout"), "answer", "request_timeout", "proxies"),
    Case("a network wants a sign-in", answered(html(511)), "answer", "captive_portal", "Sign in"),
    Case("a request too large for a proxy", answered(html(413)), "answer", "not_slack", "changes answers"),
    Case("HTTP at a port of TLS", answered(html(400)), "answer", "not_slack", "base_url"),
    Case("other JSON", answered(answer({"status": "up"})), "answer", "not_slack", "Something else answers"),
    Case("hangs up", answered(hang_up), "answer", "no_answer", "slack-status.com"),
    Case("no answer", silent, "answer", "no_answer", "slack-status.com"),
    Case("an hour behind", wrong_clock(3600), "clock", "clock_wrong", "NTP"),
    Case("an hour ahead", wrong_clock(-3600), "clock", "clock_wrong", "NTP"),
)  # fmt: skip

TOKENS = (
    Case("no token", given(""), "token_kind", "no_token", "SLACK_BOT_TOKEN"),
    Case("two lines", given("xoxb-fake\nxoxb-other"), "token_kind", "token_unusable", "Copy"),
    Case("in quotes", given('"xoxb-fake"'), "token_kind", "token_unusable", "quotes"),
    Case("a person's", given("xoxp-1"), "token_kind", "user_token", "xoxb-"),
    Case("a person's, rotated", given("xoxe.xoxp-1"), "token_kind", "user_token", "xoxb-"),
    Case("app-level", given("xapp-1"), "token_kind", "app_level_token", "OAuth & Permissions"),
    Case("refresh", given("xoxe-1"), "token_kind", "refresh_token", "oauth.v2.access"),
    Case("legacy", given("xoxa-1"), "token_kind", "legacy_token", "Create a Slack app"),
    Case("of a browser", given("xoxc-1"), "token_kind", "session_token", "sign out"),
    Case("webhook", given("https://hooks.slack.com/services/s3cret"), "token_kind", "webhook_url", "no token"),
    Case("signing secret", given("0123456789abcdef" * 2), "token_kind", "app_secret", "signing"),
    Case("a client with a person's", is_(token="xoxp-1"), "token_kind", "user_token", "xoxb-"),
    Case("wrong", is_(token="xoxb-other"), "token", "invalid_auth", "Copy the Bot User OAuth Token"),
    Case("revoked", refused("auth.test", "token_revoked"), "token", "token_revoked", "Install the app again"),
    Case("deactivated", refused("auth.test", "account_inactive"), "token", "account_inactive", "Install the app again"),
    Case("rotated and expired", refused("auth.test", "token_expired"), "token", "token_expired", "refresh token"),
    Case("not for this workspace", refused("auth.test", "team_access_not_granted"),
         "token", "team_access_not_granted", "organisation administrator"),
    Case("a person's in disguise", not_ours({}), "token", "user_token", "xoxb-"),
    Case("for another workspace", is_(team_id="T0OTHER"), "workspace", "other_workspace", "team_id"),
    Case("rate limited", refused("auth.test", "ratelimited", retry_after=30),
         "rate_limits", "ratelimited", "30 seconds"),
    Case("rate limited, in plain text",
         answered(answer(status=429, headers={"Content-Type": "text/plain", "Retry-After": "30"}, body=b"Relax.")),
         "rate_limits", "ratelimited", "30 seconds"),
    Case("rate limited, with a page", answered(html(429, **{"Retry-After": "1"})),
         "rate_limits", "ratelimited", "Wait 1 second,"),
    Case("rate limited, with HTTP 200", answered(answer({"ok": False, "error": "rate_limited"})),
         "rate_limits", "rate_limited", "Wait 1 second,"),
    Case("rate limited later, in plain text", lambda i: i.answers(front(i.fake), html(429, **{"Retry-After": "7"})),
         "rate_limits", "ratelimited", "7 seconds"),
    Case("rate limited later", refused("conversations.list", "ratelimited", retry_after=7),
         "rate_limits", "ratelimited", "7 seconds"),
)  # fmt: skip

WORK = (
    Case("archived", channel(is_archived=True), "channels", "is_archived", "unarchive"),
    Case("not a member", channel(is_member=False), "channels", "not_in_channel", "/invite"),
    Case("no such channel", channel(), "channels", "channel_not_found", "/invite"),
    Case("private, without the app", channel(is_private=True, is_member=False),
         "channels", "channel_not_found", "groups:read"),
    Case("an ID of elsewhere", id_of_elsewhere, "channels", "channel_not_found", "another workspace"),
    Case("a name against the rules", step(room=sr.CreateChannel(name="{{title}}!", if_taken="suffix"),
         say=sr.SendMessage(channel="#No Such!", text="x")), "names", "unfit_name", "as it says"),
    Case("a topic too long", is_(context={**CONTEXT, "title": "x" * 300}), "names", "unfit_name", "Shorten"),
    Case("a variable missing", is_(context={name: value for name, value in CONTEXT.items() if name != "title"}),
         "names", "missing_variable", "Add it to the context"),
    Case("a variable misspelt", step(say=sr.SendMessage(channel="#incidents", text="{{titel}}")),
         "messages", "missing_variable", "Add it to the context"),
    Case("a message too long", step(say=sr.SendMessage(channel="#incidents", text="x" * 5000)),
         "messages", "unfit_message", "too_long"),
    Case("an address of nobody", is_(context={**CONTEXT, "people": ["bob@example.com"]}),
         "people", "users_not_found", "e-mail"),
    Case("somebody who left", somebody_who_left, "people", "user_deactivated", "Name somebody"),
    Case("no such user group", no_such_group, "people", "no_such_subteam", "People & user groups"),
    Case("an answer without a message", lambda i: i.answers(*[front(i.fake)] * 3, answer({"ok": True})),
         "self_test", "not_slack", "changes answers"),
    Case("no leave to post", refused("chat.postMessage", "restricted_action"),
         "self_test", "restricted_action", "administrator"),
    Case("no such sandbox", is_(live="#nowhere"), "self_test", "channel_not_found", "/invite"),
    Case("not in the sandbox", is_(live="C0ELSEWHERE"), "self_test", "channel_not_found", "/invite"),
    Case("no leave to update", refused("chat.update", "edit_window_closed"),
         "self_test", "edit_window_closed", "Reply"),
    Case("history out of order", refused("conversations.history", "fatal_error"),
         "self_test", "fatal_error", "Look in Slack"),
    Case("no leave to delete", refused("chat.delete", "cant_delete_message"),
         "self_test", "cant_delete_message", "Delete it by hand"),
    Case("metadata taken away", lambda i: i.answers(*[front(i.fake)] * 4, answer({"ok": True, "messages": []})),
         "self_test", "message_not_seen", "metadata"),
)  # fmt: skip

LACKING = tuple(
    Case(f"without {scope}", without(scope), "scopes", "missing_scope", f"Add the scope {scope}") for scope in SCOPES
)

CASES = (*NETWORK, *TOKENS, *LACKING, *WORK)


# --- the campaign ----------------------------------------------------------------------------------------------------


def test_there_are_enough_cases() -> None:
    """More than the thirty broken installations, each with a name of its own."""
    assert len({case.name for case in CASES}) == len(CASES) > 60


def test_a_whole_installation_is_well(installation: Installation) -> None:
    """Nothing is wrong, everything was looked at over TLS, and the calls are as few as can be."""
    found = installation.diagnose()
    assert found.ok, found
    assert found.cause is None
    assert [finding.check for finding in found.findings] == list(CHECKS)
    assert {finding.outcome for finding in found.findings} == {"ok"}, found
    assert found.calls == (
        "auth.test", "conversations.list", "users.lookupByEmail",
        "chat.postMessage", "conversations.history", "chat.update", "chat.delete",
    )  # fmt: skip
    assert [call.method for call in installation.fake.calls] == list(found.calls)
    assert installation.sandbox.messages == []


def test_a_whole_installation_behind_a_proxy_is_well(installation: Installation) -> None:
    """Through a proxy with a name and a password, the proxy looks the host up and connects."""
    behind(user="me:s3cret@")(installation)
    found = installation.diagnose()
    assert found.ok, found
    assert {finding.check for finding in found.findings if finding.outcome != "ok"} == {"dns", "connection"}
    assert "s3cret" not in str(found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_cause_is_named(installation: Installation, case: Case) -> None:
    """The first problem is the one that was made, its remedy says what to do, no secret shows, and no message stays."""
    case.break_(installation)
    found = installation.diagnose()
    assert found.cause is not None, found
    assert (found.cause.check, found.cause.cause) == (case.check, case.cause), str(found)
    assert case.remedy in found.cause.remedy
    assert not found
    assert {finding.check for finding in found.findings} == set(CHECKS)
    shown = str(found) + json.dumps(found.to_dict()) + found._repr_html_() + repr(found)
    assert [secret for secret in SECRETS if secret in shown] == []
    assert CONTEXT["title"] not in shown
    # What the test is about is the one thing that it changes, and that is gone unless it may not be deleted.
    assert {call.method for call in installation.fake.calls} <= _READING | _OF_THE_TEST
    assert len(installation.sandbox.messages) == (case.name == "no leave to delete")
    if case in _ALONE:
        # What rests on it is no problem of its own: it says why nobody looked, and nothing more was asked.
        assert len(found.problems) == 1, str(found)
        assert len(found.calls) <= 1
        later = [finding for finding in found.findings if finding.check in ("channels", "self_test", "rate_limits")]
        reasons = {finding.message for finding in later if finding.outcome == "not_looked_at"}
        assert len(later) == 3
        assert all(reason.startswith("not looked at because ") for reason in reasons)
        assert {finding.outcome for finding in later} <= {"not_looked_at", found.cause.outcome}


_READING = {
    "auth.test",
    "conversations.info",
    "conversations.list",
    "usergroups.list",
    "users.info",
    "users.lookupByEmail",
}
_OF_THE_TEST = {"chat.postMessage", "conversations.history", "chat.update", "chat.delete"}
# With a wrong clock, and where Slack asks to wait only later, there is more to look at.
_ALONE = {case for case in (*NETWORK, *TOKENS) if case.check != "clock" and "later" not in case.name}


def test_a_name_that_does_not_exist(installation: Installation, unresolvable_host: str) -> None:
    """A host, and a proxy, that no name server knows are told apart from one that refuses."""
    installation.url = f"https://{unresolvable_host}/api/"
    found = installation.diagnose()
    assert found.cause is not None
    assert (found.cause.check, found.cause.cause) == ("dns", "dns_not_found")
    assert "host in base_url" in found.cause.remedy
    assert {each.outcome for check in ("connection", "tls", "answer") for each in found.of(check)} == {"not_looked_at"}
    installation.proxy = f"http://{unresolvable_host}:3128"
    found = installation.diagnose()
    assert found.cause is not None
    assert (found.cause.check, found.cause.cause) == ("proxy", "proxy_not_found")


def test_name_servers_that_do_not_answer(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that could not be looked up may be right: the remedy is about the name servers."""

    def unanswered(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", unanswered)
        found = installation.diagnose()
    assert found.cause is not None
    assert (found.cause.check, found.cause.cause) == ("dns", "dns_no_server")
    assert "resolv.conf" in found.cause.remedy


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TimeoutError("timed out"), "connection_timeout"),
        (OSError(101, "Network is unreachable"), "connection_no_route"),
        (OSError(113, "No route to host"), "connection_no_route"),
        (PermissionError(1, "Operation not permitted"), "connection_failed"),
    ],
)
def test_ways_that_end_before_a_connection(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, error: OSError, cause: str
) -> None:
    """What the system raises, which no test can bring about on this machine, decides about the cause."""

    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(socket, "create_connection", fail)
        found = installation.diagnose()
    assert found.cause is not None
    assert (found.cause.check, found.cause.cause) == ("connection", cause)
    assert found.cause.remedy


def test_silent_addresses_share_the_time(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many addresses drop what is sent to them, connecting takes no longer than the time limit."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{number}", 1)) for number in range(1, 6)]
    waits: list[float] = []

    def drop(_: object, timeout: float) -> None:
        waits.append(timeout)
        threading.Event().wait(timeout)
        raise TimeoutError

    installation.timeout = 0.3
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        patch.setattr(socket, "create_connection", drop)
        told = installation.diagnose()
    assert told.cause is not None
    assert told.cause.cause == "connection_timeout"
    assert len(waits) == 5
    assert sum(waits) < 0.31
    assert "0.3 seconds" in told.cause.message


def test_the_address_that_came_furthest_tells(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """One address without a route, as with IPv6, does not hide that another refuses; one that answers is enough."""
    port = int(re.findall(r":(\d+)/", installation.url)[0])
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("192.0.2.1", "127.0.0.1")]
    real, refuses = socket.create_connection, [True]

    def connect_to(address: tuple[str, int], timeout: float) -> socket.socket:
        if address[0] != "127.0.0.1":
            raise OSError(101, "Network is unreachable")
        if refuses.pop():
            raise ConnectionRefusedError
        return real(address, timeout)

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda host, *_, **__: [e for e in found if e[4][0] == host] or found)
        patch.setattr(socket, "create_connection", connect_to)
        assert [each.cause for each in installation.diagnose().problems] == ["connection_refused"]
        refuses.append(False)
        walked = route.walk(Way(installation.url, None, installation.trusted, 5.0))
        assert walked.fault is None
        assert "connection" in walked.passed


def test_a_resolver_that_hangs_holds_nobody_up(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up of a name has the same time limit, although the system's resolver has none."""
    over = threading.Event()
    installation.timeout = 0.3
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(5) and [])
        found = installation.diagnose()
        over.set()
    assert [(each.check, each.cause) for each in found.problems] == [("dns", "dns_no_server")]
    assert "within 0.3 seconds" in found.problems[0].message


def dripping(sock: socket.socket, over: threading.Event) -> None:
    """Answer a letter at a time, each well within a time limit."""
    for letter in b"HTTP/1.1 200 " + b"x" * 20:
        sock.sendall(bytes([letter]))
        over.wait(0.1)


def test_a_proxy_that_drips_is_waited_for_no_longer(installation: Installation) -> None:
    """A proxy's answer has a time limit as a whole."""
    url = installation.url
    raw_socket(dripping)(installation)
    installation.proxy, installation.url = installation.url.removesuffix("/api/").replace("https", "http"), url
    found = installation.diagnose()
    assert [(each.check, each.cause) for each in found.problems] == [("proxy", "proxy_timeout")]


class _Remedies(ast.NodeVisitor):
    """Collects the causes by which the way can end, from the source."""

    def __init__(self) -> None:
        self.causes = {*route._CERTIFICATES.values()}

    def visit_Constant(self, node: ast.Constant) -> None:
        """Take what is spelt as a cause."""
        if isinstance(node.value, str) and re.fullmatch(r"(proxy|certificate|tls)_[a-z_]*[a-z]|not_tls", node.value):
            self.causes.add(node.value)


def test_every_cause_on_the_way_has_a_remedy() -> None:
    """Whatever the way can end by, something is said about what to do."""
    found = _Remedies()
    found.visit(ast.parse(Path(route.__file__).read_text(encoding="utf-8")))
    hows = ("refused", "timeout", "no_route", "failed")
    reached = {f"{layer}_{how}" for layer in ("connection", "proxy") for how in hows}
    named = {f"{layer}_{how}" for layer in ("dns", "proxy") for how in ("not_found", "no_server")}
    causes = {*found.causes, *reached, *named}
    assert {"proxy_forbids", "certificate_expired", "tls_cut", "tls_timeout", "not_tls"} <= causes
    assert [cause for cause in causes if not doctor._REMEDIES.get(cause)] == []


# --- warnings, and what is no fault ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("break_", "check", "cause"),
    [
        (wrong_clock(60), "clock", "clock_drifts"),
        (not_ours({"bot_id": "B1", "is_enterprise_install": True}), "workspace", "no_team_id"),
        (not_ours({"bot_id": "B1"}, **{"x-oauth-scopes": ",".join((*SCOPES, "channels:history", "bot"))}),
         "token", "classic_app"),
        (without("channels:history"), "self_test", "missing_scope"),
    ],
)  # fmt: skip
def test_what_may_be_meant_so_is_a_warning(
    installation: Installation, break_: Callable[[Installation], None], check: str, cause: str
) -> None:
    """It is told with its remedy, and the installation counts as whole."""
    break_(installation)
    found = installation.diagnose()
    assert found.ok, found
    assert [(finding.check, finding.cause) for finding in found.warnings] == [(check, cause)]
    assert all(finding.remedy for finding in found.warnings)


def test_a_token_of_an_unknown_kind_is_tried(installation: Installation) -> None:
    """Slack may have new kinds of tokens, so an unknown beginning is a doubt, and Slack is asked."""
    installation.fake.token = installation.token = "xoxz-new"
    found = installation.diagnose()
    assert found.ok, found
    assert [finding.cause for finding in found.warnings] == ["token_unknown_kind"]


def test_rotated_tokens_are_told(installation: Installation) -> None:
    """A bot token that rotates is fine, and that it ends is said."""
    installation.fake.token = installation.token = "xoxe.xoxb-1"
    found = installation.diagnose()
    assert found.ok, found
    assert "12 hours" in found.of("token_kind")[0].message


@pytest.mark.parametrize(
    ("url", "cause"),
    [("https://acme.slack.com/api/", "base_url_host"), ("http://slack.example/api/", "base_url_unencrypted")],
)
def test_odd_base_urls_are_doubted(installation: Installation, url: str, cause: str) -> None:
    """An address that works although nobody documents it, or that anybody can listen to, is told."""
    installation.given, installation.url = "xoxp-1", url
    installation.proxy = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port_of_nobody()}")
        found = installation.diagnose()
    assert [(each.outcome, each.cause) for each in found.of("base_url")] == [("warning", cause)]


def test_a_public_channel_needs_no_member_with_the_scope_for_it(installation: Installation) -> None:
    """With chat:write.public the app may post where it is not a member, but upload only where it is."""
    channel(is_member=False)(installation)
    installation.fake.scopes.add("chat:write.public")
    assert installation.diagnose().ok
    installation.context = {**CONTEXT, "incidents": installation.incidents.id}
    assert [each.cause for each in installation.diagnose().problems] == ["not_in_channel"]
    installation.runbook = sr.Runbook("say", {"say": sr.SendMessage(channel="#incidents", text="x")})
    assert installation.diagnose().ok


def test_a_runbook_that_joins_first_may_act(installation: Installation) -> None:
    """A channel that a step joins need not be joined before."""
    channel(is_member=False)(installation)
    installation.fake.scopes.add("channels:join")
    steps = {"join": sr.JoinChannel(channel="#incidents"), "say": sr.SendMessage(channel="#incidents", text="x")}
    installation.runbook = sr.Runbook("join", steps)
    found = installation.diagnose()
    assert found.ok, found


AWAY, OLD, NEW = "#away", "#old", "#inc-42"
ORDERS: dict[str, dict[str, sr.Action[Any]]] = {
    "archive what is archived": {"end": sr.ArchiveChannel(channel=OLD)},
    "post where it is archived": {"say": sr.SendMessage(channel=OLD, text="x")},
    "create, then post by name": {
        "room": sr.CreateChannel(name="inc-42"),
        "say": sr.SendMessage(channel=NEW, text="x"),
    },
    "post by name, then create": {
        "say": sr.SendMessage(channel=NEW, text="x"),
        "room": sr.CreateChannel(name="inc-42"),
    },
    "rename, then post by name": {
        "made": sr.CreateChannel(name="inc-41"),
        "room": sr.RenameChannel(channel="{{steps.made.channel}}", name="inc-42"),
        "say": sr.SendMessage(channel=NEW, text="x"),
    },
    "list members from outside": {"who": sr.ListMembers(channel=AWAY)},
    "read from outside": {"read": sr.ReadHistory(channel=AWAY)},
    "leave from outside": {"leave": sr.LeaveChannel(channel=AWAY)},
    "set the topic, then join": {"say": sr.SetTopic(channel=AWAY, topic="x"), "join": sr.JoinChannel(channel=AWAY)},
    "join, then set the topic": {"join": sr.JoinChannel(channel=AWAY), "say": sr.SetTopic(channel=AWAY, topic="x")},
    "invite somebody": {"people": sr.InviteToChannel(channel="#incidents", users="ann@example.com")},
    "invite nobody": {"people": sr.InviteToChannel(channel="#incidents", users="bob@example.com")},
}


@pytest.mark.parametrize("order", ORDERS)
def test_the_doctor_a_check_and_a_run_agree(order: str) -> None:
    """In whatever order steps make, join or leave channels, all three say the same of them."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.add_channel("away", is_member=False)
    fake.add_channel("old", is_archived=True)
    fake.add_user("ann", email="ann@example.com")
    runbook = sr.Runbook("order", ORDERS[order])
    found = diagnose(fake.client, runbook)
    with sr.Executor(client=fake.client) as executor:
        check = executor.check(runbook)
        assert [(each.place, each.cause) for each in found.problems] == [
            (problem.place, getattr(problem.error, "code", "")) for problem in check.problems
        ]
        assert executor.run(runbook).ok is check.ok is found.ok


def test_a_step_that_may_fail_warns_only(installation: Installation) -> None:
    """A channel of a cosmetic step is a warning, as in a check."""
    channel(is_archived=True)(installation)
    say = sr.Step(sr.SendMessage(channel="#incidents", text="x"), on_error="continue")
    installation.runbook = sr.Runbook("say", {"say": say})
    found = installation.diagnose()
    assert found.ok, found
    assert [finding.cause for finding in found.warnings] == ["is_archived"]


def test_many_channels_cost_one_pass(installation: Installation) -> None:
    """Names are found in one pass over the list, however many there are; an ID costs a request of its own."""
    ids = [installation.fake.add_channel(f"room-{number}").id for number in range(3)]
    steps = {f"say{number}": sr.SendMessage(channel=f"#room-{number}", text="x") for number in range(3)}
    installation.runbook = sr.Runbook("say", {**steps, "more": sr.SendMessage(channel=ids[0], text="x")})
    installation.live = None
    found = installation.diagnose()
    assert found.ok, found
    assert found.calls == ("auth.test", "conversations.list")
    installation.runbook = sr.Runbook("say", {"more": sr.SendMessage(channel=ids[0], text="x")})
    assert installation.diagnose().calls == ("auth.test", "conversations.info")


def test_a_very_long_list_is_not_read_to_its_end(installation: Installation) -> None:
    """After ten pages the doctor leaves the rest of the minute to others, and says so."""
    page = {"ok": True, "channels": [], "response_metadata": {"next_cursor": "more"}}
    installation.answers(front(installation.fake), *[answer(page)] * 10)
    installation.live = None
    found = installation.diagnose()
    assert found.calls.count("conversations.list") == 10
    assert [each.message for each in found.of("channels")] == [
        "not looked at because #incidents: it is not among the first 9,990 channels"
    ]


def test_without_a_scope_for_it_channels_are_not_looked_at(installation: Installation) -> None:
    """No request is made that must be refused."""
    without("channels:read")(installation)
    installation.runbook = sr.Runbook("say", {"say": sr.SendMessage(channel="#incidents", text="x")})
    found = installation.diagnose()
    assert "conversations.list" not in found.calls
    assert "channels:read" in found.of("channels")[0].message


def test_an_id_without_a_scope_for_it_is_told(installation: Installation) -> None:
    """Where the token may look at private channels only, nothing is claimed of a public one."""
    without("channels:read")(installation)
    installation.fake.scopes.add("groups:read")
    installation.runbook = sr.Runbook("say", {"say": sr.SendMessage(channel=installation.incidents.id, text="x")})
    found = installation.diagnose()
    assert found.ok, found
    assert [(each.outcome, "channels:read" in each.message) for each in found.of("channels")] == [
        ("not_looked_at", True)
    ]


def test_without_a_context_only_what_it_fills_is_left_out(installation: Installation) -> None:
    """Scopes and fixed channels are looked at; a variable that is missing is no problem then."""
    channel(is_archived=True)(installation)
    installation.context = None
    found = installation.diagnose()
    assert [(each.check, each.cause) for each in found.problems] == [("channels", "is_archived")]
    assert all("without a context" in each.message for check in ("names", "messages") for each in found.of(check))


def test_without_a_runbook_the_installation_alone_is_looked_at(installation: Installation) -> None:
    """Then one request is enough."""
    installation.runbook = installation.context = installation.live = None
    found = installation.diagnose()
    assert found.ok, found
    assert found.calls == ("auth.test",)


def test_one_action_can_be_looked_at(installation: Installation) -> None:
    """An action by itself, with and without a context."""
    installation.runbook = sr.SendMessage(channel="#incidents", text="{{title}}")
    assert installation.diagnose().ok
    installation.runbook, installation.context = sr.SendMessage(channel="#Inci dents", text="x"), None
    found = installation.diagnose()
    assert [(each.check, each.cause) for each in found.problems] == [("names", "unfit_name")]


def test_the_runbook_is_looked_at_without_a_network(installation: Installation) -> None:
    """What is wrong in the runbook is told even if Slack cannot be reached; the network comes first."""
    installation.url = f"https://localhost:{port_of_nobody()}/api/"
    step(say=sr.SendMessage(channel="#incidents", text="{{titel}}"))(installation)
    found = installation.diagnose()
    assert [each.cause for each in found.problems] == ["connection_refused", "missing_variable"]


def test_stand_ins_have_a_way_of_their_own() -> None:
    """Of the in-process fake there is no network to look at; a plain client lends its settings."""
    fake = FakeSlack()
    found = diagnose(fake.client)
    assert found.ok, found
    assert {each.outcome for check in ("proxy", "dns", "connection", "tls") for each in found.of(check)} == {
        "not_looked_at"
    }
    with fake.serve() as server:
        found = diagnose(WebClient(server.token, base_url=server.url))
        assert found.ok, found
        assert [each.outcome for each in found.of("connection")] == ["ok"]


def test_socks_proxies_are_left_to_the_client(installation: Installation) -> None:
    """Nothing is claimed of a way that cannot be walked; what the client says is the cause."""
    installation.proxy = f"socks5h://127.0.0.1:{port_of_nobody()}"
    found = installation.diagnose()
    assert {each.outcome for each in found.of("tls")} == {"not_looked_at"}
    assert found.cause is not None
    assert (found.cause.check, found.cause.cause) == ("answer", "unreachable")


# --- tokens that a client does not hold ------------------------------------------------------------------------------


@pytest.fixture
def connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A workspace over HTTP whose app was installed by OAuth, and rotates its token."""
    monkeypatch.setattr(connect.tempfile, "gettempdir", lambda: str(tmp_path))
    slack = FakeSlack()
    slack.add_channel("incidents")
    slack.app.token_rotation = True
    with slack.serve() as server:
        world = World(slack, server, MemoryStore(), MemoryStates())
        world.install()
        yield world


def test_a_rotating_client_is_asked_for_its_token(connected: World) -> None:
    """With a token that is good nothing is rotated; one that is over is rotated first, as by any request."""
    client = connected.workspaces().client(connected.slack.team_id)
    for refreshes in ([], [None]):
        found = diagnose(client, sr.SendMessage(channel="#incidents", text="Down"))
        assert found.ok, found
        assert [each.outcome for each in found.of("token")] == ["ok"]
        assert found.calls[0] == "auth.test"
        assert connected.refreshes() == refreshes
        connected.slack.advance(HALF_DAY + 1)


def store_fails(world: World) -> None:
    """Let nobody read the store."""

    def fail(**_: object) -> None:
        raise OSError("xoxe-s3cret")

    world.store.find_bot = fail


@pytest.mark.parametrize(
    ("break_", "check", "cause", "remedy"),
    [
        (lambda w: w.slack.fail_next("oauth.v2.access", "invalid_refresh_token", times=9),
         "token", "invalid_refresh_token", "Install the app again"),
        (lambda w: w.slack.fail_next("oauth.v2.access", "bad_client_secret", times=9),
         "token", "bad_client_secret", "Basic Information"),
        (lambda w: w.store.bots.clear(), "token", "account_inactive", "Install the app again"),
        (store_fails, "token", "store_failed", "store"),
        (lambda w: w.slack.fail_next("oauth.v2.access", "ratelimited", retry_after=30, times=9),
         "rate_limits", "ratelimited", "30 seconds"),
        (lambda w: w.slack.lose_reply("oauth.v2.access", times=9), "answer", "unreachable", "network"),
        (lambda w: w.slack.fail_next("oauth.v2.access", "internal_error", times=9),
         "answer", "slack_down", "slack-status.com"),
    ],
)  # fmt: skip
def test_a_token_that_cannot_be_rotated(
    connected: World, break_: Callable[[World], object], check: str, cause: str, remedy: str
) -> None:
    """Why there is no token is the one problem, and nothing is sent without one."""
    client = connected.workspaces().client(connected.slack.team_id)
    connected.slack.advance(HALF_DAY + 1)
    break_(connected)
    found = diagnose(client)
    assert [(each.check, each.cause) for each in found.problems] == [(check, cause)], str(found)
    assert found.cause is not None
    assert remedy in found.cause.remedy
    assert found.calls == ()
    assert [each.check for each in found.findings] == list(CHECKS)
    shown = str(found) + json.dumps(found.to_dict()) + repr(found)
    secrets = (connected.slack.app.client_secret, "xoxe-", "xoxb-")
    assert [secret for secret in secrets if secret in shown] == []


def test_a_source_of_the_hosts_own_may_fail_by_anything(connected: World) -> None:
    """Of its error the type alone is told."""

    class Vault:
        def fresh(self) -> str | None:
            return None

        def current(self) -> str:
            raise LookupError("xoxb-s3cret")

        def instead_of(self, token: str) -> str | None:
            return None

    found = diagnose(RotatingWebClient(Vault(), base_url=connected.server.url))
    assert [(each.check, each.cause) for each in found.problems] == [("token", "no_source")], str(found)
    assert "LookupError" in str(found)
    assert "s3cret" not in str(found)


def test_headers_that_authorise_are_tried(served: tuple[FakeSlack, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose headers hold the token is asked with, and a run takes it too."""
    fake, url = served
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    client = WebClient(base_url=url, headers={"Authorization": f"Bearer {fake.token}"})
    found = diagnose(client)
    assert found.ok, found
    assert [each.outcome for each in found.of("token")] == ["ok"]
    sr.Executor(client=client).do(sr.SendMessage(channel="#incidents", text="Down"))
    other = diagnose(WebClient(base_url=url, headers={"authorization": "Bearer xoxb-other"}))
    assert [(each.check, each.cause) for each in other.problems] == [("token", "invalid_auth")]


def test_a_plain_client_without_a_token(served: tuple[FakeSlack, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes by the environment, as in a run, and without that there is none."""
    assert diagnose(WebClient(base_url=served[1])).ok
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    found = diagnose(WebClient(base_url=served[1]))
    assert [each.cause for each in found.problems] == ["no_token"]


# --- the self-test ---------------------------------------------------------------------------------------------------


def test_a_lost_post_is_looked_for_and_taken_away(installation: Installation) -> None:
    """A message whose posting brought no answer is found by its key and deleted."""
    installation.fake.lose_reply("chat.postMessage")
    found = installation.diagnose()
    assert [(each.check, each.cause) for each in found.problems] == [("self_test", "ambiguous")]
    assert found.calls[-4:] == ("chat.postMessage", "conversations.list", "conversations.history", "chat.delete")
    assert installation.sandbox.messages == []


def test_a_lost_post_that_nobody_can_look_for_is_told(installation: Installation) -> None:
    """Without the scopes for it the message may stay, and the finding says to look in the channel."""
    without("channels:history")(installation)
    installation.fake.lose_reply("chat.postMessage")
    found = installation.diagnose()
    assert found.cause is not None
    assert (found.cause.check, found.cause.cause) == ("self_test", "ambiguous")
    assert "Look in Slack" in found.cause.remedy


def test_a_lost_deletion_is_asked_for_again(installation: Installation) -> None:
    """A second deletion cannot do harm, and its "no such message" is what was wanted."""
    installation.fake.lose_reply("chat.delete")
    found = installation.diagnose()
    assert found.ok, found
    assert found.calls.count("chat.delete") == 2
    assert installation.sandbox.messages == []


@pytest.mark.parametrize(("retry_after", "stays"), [(3, False), (300, True)])
def test_the_test_message_is_deleted_after_a_short_wait(
    installation: Installation, retry_after: int, stays: bool
) -> None:
    """Where Slack asks to wait a little, that is done; where it is long, it is told where the message stands."""
    installation.fake.fail_next("chat.delete", "ratelimited", retry_after=retry_after)
    found = installation.diagnose()
    assert installation.fake.naps == ([] if stays else [3.0])
    assert bool(installation.sandbox.messages) is stays
    if stays:
        assert found.cause is not None
        assert installation.sandbox.id in found.cause.message
        assert "Delete it by hand" in found.cause.remedy


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    "method", ["chat.postMessage", "conversations.list", "conversations.history", "chat.update", "chat.delete"]
)
def test_an_interrupted_test_takes_its_message_away(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, method: str, done: bool
) -> None:
    """Ctrl-C before or after any request of the self-test was done leaves no message."""
    installation.runbook = None
    if method == "conversations.list":
        # It is asked where the message is looked for, for want of an answer.
        installation.fake.lose_reply("chat.postMessage")
    posted: list[str] = []
    interrupt_at(monkeypatch, method, done=done)
    front_of_it = installation.server.usual

    def watch(sock: socket.socket, request: Request) -> None:
        front_of_it(sock, request)
        posted.extend(message.ts for message in installation.sandbox.messages)

    installation.server.usual = watch
    with pytest.raises(KeyboardInterrupt):
        installation.diagnose()
    assert bool(posted) is (done or method != "chat.postMessage")
    assert installation.sandbox.messages == []


def interrupt_at(monkeypatch: pytest.MonkeyPatch, *methods: str, done: bool) -> None:
    """Let somebody press Ctrl-C once at each of these methods, after or before Slack has done it."""
    real, left = doctor.send, [*methods]

    def send(client: Any, request: Any) -> Any:
        if request.method not in left:
            return real(client, request)
        left.remove(request.method)
        if done:
            real(client, request)
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "send", send)


def test_ctrl_c_twice_ends_the_test(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever insists is not held up."""
    interrupt_at(monkeypatch, "chat.update", "chat.delete", done=False)
    with pytest.raises(KeyboardInterrupt):
        installation.diagnose()
    assert len(installation.sandbox.messages) == 1


def test_an_interrupted_test_logs_where_its_message_stands(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After Ctrl-C there is no diagnosis that could tell it."""
    installation.refuses("chat.delete", "cant_delete_message")
    interrupt_at(monkeypatch, "chat.update", done=False)
    with pytest.raises(KeyboardInterrupt):
        installation.diagnose()
    (message,) = installation.sandbox.messages
    assert f"stands in {installation.sandbox.id}, ts {message.ts}" in caplog.text


@pytest.mark.parametrize("code", ["fatal_error", "internal_error", "service_unavailable"])
def test_a_post_that_slack_may_have_done_is_taken_away(installation: Installation, code: str) -> None:
    """These errors may come after the message was posted: it is looked for and deleted."""

    def posts(sock: socket.socket, request: Request) -> None:
        outcome = installation.fake.handle(HttpRequest("POST", request.target, "", request.headers, request.body))
        assert isinstance(outcome, Answer)
        assert len(installation.sandbox.messages) == 1
        answer({"ok": False, "error": code})(sock, request)

    installation.runbook = None
    installation.answers(front(installation.fake), posts)
    found = installation.diagnose()
    assert [(each.check, each.cause) for each in found.problems] == [("self_test", code)]
    assert found.calls[-1] == "chat.delete"
    assert installation.sandbox.messages == []


# --- how it is told --------------------------------------------------------------------------------------------------


def test_a_diagnosis_reads_as_text_json_and_html(installation: Installation) -> None:
    """Each form has the cause, the remedy and the place where Slack's code is explained."""
    channel(is_archived=True)(installation)
    found = installation.diagnose()
    cause = found.cause
    assert cause is not None
    assert cause.docs == "slack-errors.md#is_archived-of-chatpostmessage"
    assert cause.place == "steps.announce.channel"
    text = str(found)
    assert text.splitlines()[0] == "1 problem, 0 warnings, 7 requests to Slack"
    assert f"  ✗ channels: steps.announce.channel: #incidents is archived\n      {cause.remedy}\n" in text
    assert "      See docs/slack-errors.md#is_archived-of-chatpostmessage" in text
    assert str(cause) == f"✗ channels: steps.announce.channel: #incidents is archived. {cause.remedy}"
    data = json.loads(json.dumps(found.to_dict()))
    assert data["ok"] is False
    assert data["cause"] == cause.to_dict()
    assert [each["check"] for each in data["findings"]] == [each.check for each in found.findings]
    assert "#incidents is archived" in found._repr_html_()
    step(say=sr.SendMessage(channel="#<b>", text="x"))(installation)
    assert "<b>" not in installation.diagnose()._repr_html_()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: diagnose(3), "takes a slack_sdk.WebClient or a token, not a int"),
        (lambda: diagnose(AsyncWebClient("xoxb-1")), "no asynchronous one"),
        (lambda: diagnose(WebClient("xoxb-1"), base_url="https://x/"), "base_url: goes with a token"),
        (lambda: diagnose("xoxb-1", "book"), "runbook: must be a Runbook or an action, not a str"),
        (lambda: diagnose("xoxb-1", live="#No Such!"), "diagnose.live"),
        (lambda: diagnose("xoxb-1", live="U012ABCDEF"), "names a person"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], object], message: str) -> None:
    """What is no client, runbook or channel is an error that says where, before anything is sent."""
    with pytest.raises(sr.RunbookError, match=message):
        make()


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FakeSlack, str]]:
    """A workspace over HTTP, and its URL; the token is in the environment."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.add_channel("sandbox")
    monkeypatch.setenv("SLACK_BOT_TOKEN", fake.token)
    with fake.serve() as server:
        yield fake, server.url


def test_command_says_that_all_is_well(command: Command, served: tuple[FakeSlack, str]) -> None:
    """The shipped runbook by its name, with a self-test."""
    fake, url = served
    ran = command("doctor", "incident-coordination", "--base-url", url, "--live", "#sandbox")
    assert ran.code == 0, ran
    assert ran.out.startswith("0 problems, ")
    assert fake.channel("sandbox").messages == []


@pytest.mark.parametrize(
    ("arguments", "break_", "code", "cause"),
    [
        ((), lambda fake: fake.fail_next("auth.test", "token_revoked"), 4, "token_revoked"),
        ((), lambda fake: fake.fail_next("auth.test", "internal_error"), 5, "slack_down"),
        (
            ("incident-coordination",),
            lambda fake: fake.scopes.discard("chat:write"),
            1,
            "missing_scope",
        ),
        (("--base-url", "https://slack.com/"), lambda fake: None, 5, "base_url_path"),
    ],
)
def test_command_tells_by_its_code(
    command: Command, served: tuple[FakeSlack, str], arguments: tuple[str, ...], break_: Any, code: int, cause: str
) -> None:
    """4 is the token, 5 the network and 1 anything else; JSON has the cause."""
    fake, url = served
    break_(fake)
    ran = command("doctor", "--base-url", url, *arguments, "--json")
    assert ran.code == code
    assert ran.data["cause"]["cause"] == cause


def test_command_without_a_token(
    command: Command, served: tuple[FakeSlack, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That there is no token is told with everything else."""
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    ran = command("doctor", "--base-url", served[1])
    assert ran.code == 4
    assert "token kind: there is no token" in ran.out


def test_command_fills_the_runbook(command: Command, served: tuple[FakeSlack, str], tmp_path: Any) -> None:
    """What --set says fills it, and without a runbook there is nothing to fill."""
    book = tmp_path / "say.yaml"
    book.write_text('name: say\nsteps:\n  - say: {send_message: {channel: "#incidents", text: "{{title}} {{more}}"}}\n')
    ran = command("doctor", book, "--base-url", served[1], "--set", "title=x", "--json")
    assert ran.code == 1
    assert re.search("more", ran.data["cause"]["message"])
    assert command("doctor", "--set", "title=x").code == 2
