"""The sync client on the wire: real servers on this machine, ``responses``, and clients that are not ours."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import logging
import os
import pickle
import socket
import ssl
import threading
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import pytest
import requests
import responses
import urllib3.exceptions
from hypothesis import given, strategies as st
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from slackrunbooks import client as wire
from slackrunbooks._effects import Answered, Call, Delivery, Lost, NotSent, Repeat
from slackrunbooks.client import (
    PooledWebClient,
    RotatingAsyncWebClient,
    RotatingWebClient,
    encode,
    send,
    sync_client,
)
from slackrunbooks.errors import AmbiguousOutcome, AuthenticationFailed, RunbookError, SlackUnavailable
from slackrunbooks.testing import FakeSlack

from .wire.cases import (
    CALL,
    OUTCOMES,
    TEXT,
    TOKEN,
    UNUSABLE_TOKENS,
    Case,
    answered,
    collect_quietly,
    same,
    tls,
    trusting,
)
from .wire.server import Server, answer, echo, hang_up, raw, reset, tunnel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[Server]:
    """A server over HTTP."""
    with Server() as started:
        yield started


@pytest.fixture(params=["http", "https"])
def either(request: pytest.FixtureRequest) -> Iterator[tuple[Server, PooledWebClient]]:
    """A server over HTTP and over TLS, each with a client for it."""
    served, context = tls() if request.param == "https" else (None, None)
    with Server(tls=served) as started, PooledWebClient(TOKEN, started.url, timeout=5, ssl=context) as client:
        yield started, client


@pytest.fixture
def client(server: Server) -> Iterator[PooledWebClient]:
    """A client for ``server``."""
    with PooledWebClient(TOKEN, server.url, timeout=5) as made:
        yield made


# --- encoding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (1.5, "1.5"),
        ({"a": [1, None, "ü"]}, '{"a":[1,null,"ü"]}'),
        (["a", True], '["a",true]'),
        (("a", "b"), '["a","b"]'),
        (MappingProxyType({"a": MappingProxyType({"b": range(2)})}), '{"a":{"b":[0,1]}}'),
    ],
)
def test_arguments_become_text(value: object, text: str) -> None:
    """Every kind of plain data has one form, and it is the one Slack reads."""
    assert encode({"field": value, "left_out": None}) == {"field": text}


@pytest.mark.parametrize("value", [b"bytes", [b"bytes"], [object()]])
def test_what_is_no_plain_data_is_refused(value: object) -> None:
    """Data that has no JSON form is an error before anything is sent, and is not shown."""
    with pytest.raises(TypeError, match="cannot be sent to Slack"):
        encode({"field": [value]})


@given(st.dictionaries(st.text(), st.text()))
def test_any_text_survives_the_form(fields: dict[str, str]) -> None:
    """What a form is made of can be read from it again; a lone surrogate becomes a question mark."""
    from urllib.parse import parse_qsl

    clean = {
        name.encode("utf-8", "replace").decode(): value.encode("utf-8", "replace").decode()
        for name, value in fields.items()
    }
    assert dict(parse_qsl(wire._form(fields, {}).decode("ascii"), keep_blank_values=True)) == clean


# --- connections -----------------------------------------------------------------------------------------------------


def test_calls_share_one_connection(either: tuple[Server, PooledWebClient]) -> None:
    """Twenty calls, by either way, need one connection."""
    server, client = either
    for _ in range(10):
        assert same(send(client, CALL), answered({"ok": True}))
        client.chat_postMessage(channel="C1", text=TEXT)
    assert (len(server.requests), server.connections) == (20, 1)


def test_request_is_a_form_with_the_token_in_a_header(server: Server) -> None:
    """The request holds the arguments as a form, the default headers and the workspace, and the token once."""
    with PooledWebClient(
        TOKEN, server.url, team_id="T1", headers={"X-Trace": "1"}, user_agent_prefix="bot/1"
    ) as client:
        send(client, CALL)
    [request] = server.requests
    assert (request.method, request.target) == ("POST", "/api/chat.postMessage")
    assert request.form == {"channel": "C1", "text": TEXT, "team_id": "T1"}
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["user-agent"].startswith("bot/1 Python/")
    assert request.headers["x-trace"] == "1"
    assert TOKEN not in request.body.decode()


def test_threads_share_the_connections(server: Server, client: PooledWebClient) -> None:
    """Eight threads need eight connections at most, and every answer goes to who asked."""
    server.usual = echo

    def ask(number: int) -> bool:
        delivery = send(client, Call("chat.postMessage", {"text": str(number)}, Repeat.DOUBLES))
        return isinstance(delivery, Answered) and delivery.data == {"ok": True, "echo": str(number)}

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(200)))
    assert len(server.requests) == 200
    assert server.connections <= 8


def test_stale_connection_is_noticed_before_the_first_byte(either: tuple[Server, PooledWebClient]) -> None:
    """After the server closed an idle connection, the next call opens another one and arrives once."""
    server, client = either
    for number in range(1, 6):
        assert same(send(client, CALL), answered({"ok": True}))
        assert (len(server.requests), server.connections) == (number, number)
        server.drop_connections()


def test_long_idle_connection_is_not_trusted(
    either: tuple[Server, PooledWebClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was idle for longer than the limit is replaced before the first byte."""
    server, client = either
    monkeypatch.setattr(wire, "_IDLE_SECONDS", -1.0)
    for _ in range(3):
        assert same(send(client, CALL), answered({"ok": True}))
    assert (len(server.requests), server.connections) == (3, 3)


def test_forked_process_opens_its_own_connections(
    server: Server, client: PooledWebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that inherited the client does not use its parent's connection."""
    send(client, CALL)
    before = client._session
    monkeypatch.setattr(os, "getpid", lambda: -1)
    send(client, CALL)
    send(client, CALL)
    assert server.connections == 2
    before.close()


def test_closed_client_opens_anew(server: Server, client: PooledWebClient) -> None:
    """Closing ends the connections, and a later call opens new ones."""
    send(client, CALL)
    client.close()
    assert same(send(client, CALL), answered({"ok": True}))
    assert server.connections == 2


def test_tls_context_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a context of the caller's, one is made when it is first needed, and serves every connection."""
    served, context = tls()
    made = mock.Mock(return_value=context)
    monkeypatch.setattr(wire, "_tls_context", made)
    with Server(tls=served) as server, PooledWebClient(TOKEN, server.url) as client:
        made.assert_not_called()
        for _ in range(3):
            assert same(send(client, CALL), answered({"ok": True}))
            server.drop_connections()
        assert server.connections == 3
    made.assert_called_once_with()


def test_certificates_of_certifi_stand_in_for_missing_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no certificates at all, those that come with requests are used."""
    assert wire._tls_context().verify_mode is ssl.CERT_REQUIRED
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert wire._tls_context().cert_store_stats()["x509_ca"] > 50


def test_context_that_checks_no_names_is_respected() -> None:
    """A caller's context that leaves the host name unchecked is used as it is, and left as it is."""
    context = trusting()
    context.check_hostname = False
    with Server(tls=tls()[0]) as server:
        other_name = server.url.replace("localhost", "127.0.0.1")
        with PooledWebClient(TOKEN, other_name, ssl=context) as client:
            assert same(send(client, CALL), answered({"ok": True}))
        assert not context.check_hostname
        context.check_hostname = True
        with PooledWebClient(TOKEN, other_name, ssl=context) as client:
            refused = send(client, CALL)
    assert isinstance(refused, NotSent)
    assert refused.reason.startswith("the TLS certificate was not accepted: ")


def test_context_that_trusts_anybody_is_respected() -> None:
    """A caller's context that checks nothing is used as it is, and left as it is; urllib3 warns of it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    warned = pytest.warns(urllib3.exceptions.InsecureRequestWarning)
    with Server(tls=tls()[0]) as server, PooledWebClient(TOKEN, server.url, ssl=context) as client, warned:
        assert same(send(client, CALL), answered({"ok": True}))
    assert context.verify_mode is ssl.CERT_NONE


# --- answers and their absence ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", OUTCOMES, ids=lambda case: case.name)
def test_outcome_is_reported(either: tuple[Server, PooledWebClient], case: Case) -> None:
    """Whatever the server does, the request arrives once and the outcome says what is known."""
    server, client = either
    client.timeout = case.timeout  # type: ignore[assignment]
    case.script(server)
    assert same(send(client, CALL), case.expected)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "case", [case for case in OUTCOMES if isinstance(case.expected, Lost)], ids=lambda case: case.name
)
def test_lost_answer_on_a_kept_connection_is_not_asked_for_again(server: Server, case: Case) -> None:
    """A connection that breaks after serving a call does not make the client send the next one twice."""
    with PooledWebClient(TOKEN, server.url, timeout=case.timeout) as client:
        send(client, CALL)
        case.script(server)
        assert same(send(client, CALL), case.expected)
    assert len(server.requests) == 2


def _api_error(response: object) -> SlackApiError:
    error: SlackApiError = cast(Any, SlackApiError)("x", response)
    return error


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_refused_connection_is_not_sent() -> None:
    """Where nobody listens, nothing was sent."""
    with PooledWebClient(TOKEN, f"http://127.0.0.1:{_closed_port()}/") as client:
        assert send(client, CALL) == NotSent("the connection was refused")


def test_unknown_host_is_not_sent(unresolvable_host: str) -> None:
    """Where the name does not resolve, nothing was sent."""
    with PooledWebClient(TOKEN, f"https://{unresolvable_host}/api/") as client:
        assert send(client, CALL) == NotSent("the host name was not found")


@pytest.mark.parametrize("base_url", ["https:///api/", "ftp://localhost/api/", "localhost/api/"])
def test_url_without_a_goal_is_not_sent(base_url: str) -> None:
    """A base_url that leads nowhere is told as such."""
    with PooledWebClient(TOKEN, base_url) as client:
        assert send(client, CALL) == NotSent("the URL is not valid")


def test_untrusted_certificate_is_not_sent() -> None:
    """A server whose certificate nobody vouches for gets nothing."""
    with Server(tls=tls()[0]) as server, PooledWebClient(TOKEN, server.url) as client:
        outcome = send(client, CALL)
        assert server.requests == []
    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("the TLS certificate was not accepted: ")


def test_failed_handshake_is_not_sent(server: Server) -> None:
    """A server that does not speak TLS gets nothing."""
    with PooledWebClient(TOKEN, server.url.replace("http:", "https:")) as client:
        outcome = send(client, CALL)
    assert server.requests == []
    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("the TLS handshake failed: ")


def test_handshake_that_hangs_is_not_sent() -> None:
    """A time-out before the connection stands is no lost answer."""
    with socket.create_server(("127.0.0.1", 0)) as sock, PooledWebClient(TOKEN, timeout=0.1) as client:
        client.base_url = f"https://127.0.0.1:{sock.getsockname()[1]}/"
        assert send(client, CALL) == NotSent("no connection in time")


def test_header_that_cannot_be_sent_is_not_sent(server: Server) -> None:
    """A default header that breaks HTTP stops the request, and its value is not shown."""
    with PooledWebClient(TOKEN, server.url, headers={"X-Key": "one\ntwo"}) as client:
        assert send(client, CALL) == NotSent("the request could not be built")
    assert server.requests == []


def test_interrupt_is_not_swallowed(client: PooledWebClient) -> None:
    """Ctrl-C ends a call that waits."""
    interrupted = mock.patch.object(http.client.HTTPConnection, "getresponse", side_effect=KeyboardInterrupt)
    with interrupted, pytest.raises(KeyboardInterrupt):
        send(client, CALL)


# --- where the token goes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_error_and_is_not_followed(server: Server, client: PooledWebClient, status: int) -> None:
    """No redirect carries the token, or anything else, to another host."""
    with Server() as elsewhere:
        moved = answer(
            status=status, body=b"<html>moved</html>", headers={"Location": f"{elsewhere.url}chat.postMessage"}
        )
        server.script += [moved, moved]
        assert same(send(client, CALL), answered(None, status, location=f"{elsewhere.url}chat.postMessage"))
        with pytest.raises(SlackApiError, match="which is never followed: check base_url") as caught:
            client.chat_postMessage(channel="C1", text=TEXT)
        assert caught.value.response.status_code == status
        assert (elsewhere.connections, len(server.requests)) == (0, 2)


def test_netrc_does_not_replace_the_token(
    server: Server, client: PooledWebClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that ``.netrc`` has for the host stay there."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n", encoding="ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(server.url) == ("somebody", "something")
    send(client, CALL)
    client.auth_test()
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {TOKEN}"] * 2


def test_cookies_are_not_kept(server: Server, client: PooledWebClient) -> None:
    """A cookie that Slack sets is not sent back."""
    server.script.append(answer(headers={"Set-Cookie": "d=secret; Path=/"}))
    send(client, CALL)
    client.auth_test()
    send(client, CALL)
    assert not any("cookie" in request.headers for request in server.requests)
    assert len(client._session.cookies) == 0


@pytest.mark.parametrize("token", UNUSABLE_TOKENS)
def test_unusable_token_is_refused_without_showing_it(server: Server, token: str) -> None:
    """A token that no header can carry is an error that does not hold it, wherever it is given."""
    with pytest.raises(AuthenticationFailed) as caught:
        PooledWebClient(token)
    with PooledWebClient(TOKEN, server.url) as client:
        with pytest.raises(AuthenticationFailed) as caught_later:
            client.auth_test(token=token)
        client.token = token
        outcome = send(client, CALL)
    assert isinstance(outcome, NotSent)
    assert server.requests == []
    for shown in (str(caught.value), repr(vars(caught_later.value)), outcome.reason):
        assert not any(part in shown for part in token.split()), shown
    assert caught.value.__context__ is None


def test_nothing_shows_the_token(server: Server, client: PooledWebClient) -> None:
    """Neither the client's repr, nor a response's request, nor an error holds the token or a secret of the app."""
    server.script += [
        answer(),
        answer({"ok": False, "error": "no_text"}),
        answer(),
        answer({"ok": False, "error": "x"}),
    ]
    response = client.auth_test()
    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel="C1", text=TEXT)
    other = client.users_list(token="xoxb-not-another", limit=1)
    with pytest.raises(SlackApiError) as oauth:
        client.oauth_v2_access(client_id="1.2", client_secret="hidden-secret", code="hidden-code")
    assert server.requests[2].headers["authorization"] == "Bearer xoxb-not-another"
    assert server.requests[3].headers["authorization"].startswith("Basic ")
    assert "xoxb-not" not in server.requests[2].body.decode()
    for held in (response, refused.value.response, other, oauth.value.response):
        request = vars(held)["req_args"]
        shown = repr(request) + json.dumps(request, default=repr)
        assert "xoxb-not" not in shown
        assert "hidden" not in shown
        assert "Basic" not in shown
        assert "(redacted)" in shown
    assert TOKEN not in repr(client) + str(refused.value)
    assert repr(client) == f"<PooledWebClient {server.url}>"


def test_client_and_secret_are_not_pickled(client: PooledWebClient) -> None:
    """A pickle would hold the token, so there is none."""
    with pytest.raises(TypeError, match="holds a token and open connections"):
        pickle.dumps(client)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(client.auth_test().req_args)


def test_missing_answer_raises_an_error_without_the_request(server: Server, client: PooledWebClient) -> None:
    """The methods of WebClient tell a lost answer from a request that was not sent, and chain no request to it."""
    server.script += [reset]
    with pytest.raises(AmbiguousOutcome, match="chat.postMessage was sent, but its answer was lost") as lost:
        client.chat_postMessage(channel="C1", text=TEXT)
    client.base_url = f"http://127.0.0.1:{_closed_port()}/"
    with pytest.raises(SlackUnavailable, match="auth.test could not reach Slack: the connection was refused") as unsent:
        client.auth_test()
    for caught in (lost.value, unsent.value):
        assert caught.__cause__ is None
        assert caught.__context__ is None
        assert TOKEN not in str(pickle.loads(pickle.dumps(caught)))


def test_log_has_no_body_and_no_token(
    server: Server, client: PooledWebClient, caplog: pytest.LogCaptureFixture
) -> None:
    """At level DEBUG the log has method and status of every call, and neither what was said nor by whom."""
    server.script += [
        answer({"ok": True, "echo": "said in answer"}),
        hang_up,
        answer(status=500, body=b"said in answer"),
    ]
    caplog.set_level(logging.DEBUG)
    send(client, CALL)
    send(client, CALL)
    with pytest.raises(SlackApiError):
        client.chat_postMessage(channel="C1", text=TEXT)
    assert "chat.postMessage: HTTP 200" in caplog.text
    for secret in (TOKEN, TEXT, "said in answer"):
        assert secret not in caplog.text


# --- proxies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_proxy_is_asked(server: Server, scheme: str) -> None:
    """A request over HTTP goes to the proxy, with its whole URL, and connections to the proxy are kept."""
    with PooledWebClient(TOKEN, "http://slack.invalid/api/", proxy=f"{scheme}127.0.0.1:{server.port}") as client:
        for _ in range(3):
            assert same(send(client, CALL), answered({"ok": True}))
    assert [request.target for request in server.requests] == ["http://slack.invalid/api/chat.postMessage"] * 3
    assert server.connections == 1


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"])
def test_proxy_of_the_environment_is_asked(server: Server, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy is used, unless NO_PROXY names the host."""
    monkeypatch.setenv(variable, server.origin)
    with PooledWebClient(TOKEN, "http://slack.invalid/api/") as client:
        send(client, CALL)
    with Server() as slack, PooledWebClient(TOKEN, slack.url) as client:
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        send(client, CALL)
        assert len(slack.requests) == 1
    assert len(server.requests) == 1


def test_tunnel_carries_tls_and_is_kept(server: Server) -> None:
    """Over TLS the proxy sees only where the tunnel goes, and one tunnel serves many calls."""
    served, context = tls()
    server.script.append(tunnel)
    with Server(tls=served) as slack:
        with PooledWebClient(TOKEN, slack.url, ssl=context, proxy=server.origin) as client:
            for _ in range(3):
                assert same(send(client, CALL), answered({"ok": True}))
        assert len(slack.requests) == 3
        slack.drop_connections()
    [request] = server.requests
    assert (request.method, request.target) == ("CONNECT", f"localhost:{slack.port}")
    assert "authorization" not in request.headers


def test_proxy_that_refuses_is_not_sent(server: Server) -> None:
    """Where the proxy opens no tunnel, or is not there, nothing was sent."""
    server.script.append(answer(status=407, body=b""))
    with PooledWebClient(TOKEN, "https://slack.invalid/api/", proxy=server.origin) as client:
        assert send(client, CALL) == NotSent("the proxy refused the connection")
    collect_quietly()  # urllib3 2.0 leaves the socket of a refused tunnel open
    with PooledWebClient(TOKEN, "https://slack.invalid/", proxy=f"http://127.0.0.1:{_closed_port()}") as client:
        assert send(client, CALL) == NotSent("the connection was refused")


@pytest.mark.parametrize("act", [hang_up, reset])
def test_answer_lost_behind_a_proxy_is_lost(server: Server, act: Any) -> None:
    """A proxy that breaks off after it had the request leaves the outcome open, whatever urllib3 calls it."""
    server.script += [answer(), act]
    with PooledWebClient(TOKEN, "http://slack.invalid/api/", proxy=server.origin) as client:
        assert isinstance(send(client, CALL), Answered)
        assert isinstance(send(client, CALL), Lost)
    assert len(server.requests) == 2


# --- likeness to slack_sdk -------------------------------------------------------------------------------------------


def test_pages_follow_with_the_same_token(server: Server, client: PooledWebClient) -> None:
    """Iterating over a response fetches the further pages, as the one who asked for the first."""
    server.script += [
        answer({"ok": True, "members": [number], "response_metadata": {"next_cursor": cursor}})
        for number, cursor in enumerate(["two", "three", ""])
    ]
    pages = [page["members"] for page in client.users_list(limit=1, token="xoxb-not-another")]
    assert pages == [[0], [1], [2]]
    assert [request.form.get("cursor") for request in server.requests] == [None, "two", "three"]
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer xoxb-not-another"}
    assert all(request.form["limit"] == "1" for request in server.requests)


def test_pages_of_a_json_call_move_on(server: Server, client: PooledWebClient) -> None:
    """The cursor goes into JSON where the first request was JSON."""
    server.script += [answer({"ok": True, "response_metadata": {"next_cursor": "two"}}), answer()]
    assert len([page.data for page in client.api_call("any.method", json={"limit": 1})]) == 2
    assert [json.loads(request.body) for request in server.requests] == [{"limit": 1}, {"limit": 1, "cursor": "two"}]


def test_refusal_and_rate_limit_look_as_in_slack_sdk(server: Server, client: PooledWebClient) -> None:
    """A SlackApiError has status, data and headers, and Retry-After is found in either spelling."""
    server.script.append(answer({"ok": False, "error": "ratelimited"}, status=429, headers={"RETRY-AFTER": "17"}))
    with pytest.raises(SlackApiError, match="ratelimited") as caught:
        client.chat_postMessage(channel="C1", text=TEXT)
    response = caught.value.response
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    assert response.headers["Retry-After"] == response.headers["retry-after"] == "17"


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b""])
def test_answer_that_is_no_object_is_an_api_error(server: Server, client: PooledWebClient, body: bytes) -> None:
    """A page of HTML or a list is a SlackApiError, whose text does not repeat it."""
    server.script.append(answer(body=body, headers={"Content-Type": "text/html"}))
    with pytest.raises(SlackApiError, match="non-JSON format: HTTP 200, content type text/html") as caught:
        client.auth_test()
    assert body.decode() == "" or body.decode() not in str(caught.value)


def test_file_of_analytics_is_bytes(server: Server, client: PooledWebClient) -> None:
    """The one method that answers with a file gives its bytes."""
    server.script.append(answer(body=b"\x1f\x8b", headers={"Content-Type": "application/gzip"}))
    assert client.admin_analytics_getFile(type="member", date="2026-01-01").data == b"\x1f\x8b"


def test_file_is_uploaded_in_three_steps(server: Server, client: PooledWebClient) -> None:
    """files_upload_v2 works: the content goes to Slack's address, and the token does not."""
    server.script += [
        answer({"ok": True, "upload_url": f"{server.origin}/upload/v1/key", "file_id": "F1"}),
        answer(body=b"OK - 3", headers={"Content-Type": "text/plain"}),
        answer({"ok": True, "files": [{"id": "F1"}]}),
    ]
    response = client.files_upload_v2(channel="C1", content="graph", filename="graph.txt", title="Graph")
    assert response["file"] == {"id": "F1"}
    steps = server.requests
    assert [step.target for step in steps] == [
        "/api/files.getUploadURLExternal", "/upload/v1/key", "/api/files.completeUploadExternal",
    ]  # fmt: skip
    assert steps[1].body == b"graph"
    assert steps[1].headers["content-type"] == "application/octet-stream"
    assert "authorization" not in steps[1].headers
    assert json.loads(steps[2].form["files"]) == [{"id": "F1", "title": "Graph"}]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("act", "error"), [(answer(status=500, body=b"no"), SlackRequestError), (reset, AmbiguousOutcome)]
)
def test_failed_upload_is_an_error(server: Server, client: PooledWebClient, act: Any, error: type[Exception]) -> None:
    """An upload that fails, or whose answer is lost, raises."""
    server.script += [answer({"ok": True, "upload_url": f"{server.origin}/upload", "file_id": "F1"}), act]
    with pytest.raises(error):
        client.files_upload_v2(content="graph", filename="graph.txt")


def test_files_go_as_a_multipart_body(server: Server, client: PooledWebClient, tmp_path: Path) -> None:
    """A path, bytes and an open file are sent under their names, with the other arguments beside them."""
    (tmp_path / "photo.png").write_bytes(b"from a path")
    named = io.BytesIO(b"from a named file")
    named.name = "notes.txt"
    files = {
        "image": str(tmp_path / "photo.png"), "bytes": b"from bytes", "named": named, "open": io.BytesIO(b"nameless"),
        "none": None,
    }  # fmt: skip
    client.api_call("users.setPhoto", files=files, data={"crop_x": 1, "flag": True})
    [request] = server.requests
    text = request.body.decode()
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    for part in (
        "from a path",
        "from bytes",
        "from a named file",
        "nameless",
        'name="crop_x"',
        'name="flag"\r\n\r\ntrue',
    ):
        assert part in text
    assert 'filename="photo.png"\r\nContent-Type: image/png' in text
    assert 'filename="notes.txt"\r\nContent-Type: text/plain' in text
    assert text.count('filename="Uploaded file"') == 2
    assert str(tmp_path) not in text
    assert "none" not in text


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"client_id": "a", "client_secret": "b"}, "Basic YTpi"),
        ("Basic given", "Basic given"),
        (mock.Mock(encode=lambda: "Basic encoded", spec=["encode"]), "Basic encoded"),
    ],
)
def test_credentials_of_the_app_replace_the_token(
    server: Server, client: PooledWebClient, auth: Any, header: str
) -> None:
    """Methods of OAuth go with the app's credentials, in any form that slack_sdk takes."""
    client.api_call("oauth.v2.access", params={"code": "1"}, auth=auth)
    assert server.requests[0].headers["authorization"] == header


def test_header_of_the_call_replaces_the_token(server: Server, client: PooledWebClient) -> None:
    """An Authorization header that the caller gives is the one that is sent."""
    client.api_call("auth.test", headers={"authorization": "Bearer own", "Content-Type": "wrong/type"})
    client.headers["Authorization"] = "Bearer default"
    send(client, CALL)
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer own", "Bearer default"]
    assert server.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_client_without_a_token_sends_none(server: Server) -> None:
    """A client without a token is possible, as in slack_sdk: Slack says what it thinks of it."""
    with PooledWebClient(base_url=server.url) as client:
        send(client, CALL)
        client.api_test()
    assert not any("authorization" in request.headers for request in server.requests)


@pytest.mark.parametrize(
    "arguments", [{"json": {}, "http_verb": "GET"}, {"data": "text"}, {"auth": 3}], ids=["JSON by GET", "data", "auth"]
)
def test_impossible_request_is_refused(client: PooledWebClient, arguments: dict[str, Any]) -> None:
    """What slack_sdk refuses, or leaves undefined, is a SlackRequestError."""
    with pytest.raises(SlackRequestError):
        client.api_call("auth.test", **arguments)


def test_deprecated_method_warns(client: PooledWebClient) -> None:
    """slack_sdk's warnings about old methods stay."""
    with pytest.warns(UserWarning, match="deprecated"):
        client.api_call("channels.list")


@responses.activate
def test_responses_steps_in() -> None:
    """Tests of an embedder can answer with ``responses``, and see what was sent."""
    url = "https://slack.com/api/chat.postMessage"
    responses.add(responses.POST, url, json={"ok": True, "ts": "1.5"})
    client = PooledWebClient(TOKEN)
    assert same(send(client, CALL), answered({"ok": True, "ts": "1.5"}))
    assert client.chat_postMessage(channel="C1", text=TEXT)["ts"] == "1.5"
    assert len(responses.calls) == 2
    assert responses.calls[0].request.headers["AUTHORIZATION"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (requests.exceptions.ConnectTimeout(), NotSent("no connection in time")),
        (requests.exceptions.ReadTimeout(), Lost("no answer within 30 seconds")),
        (requests.exceptions.ConnectionError("anything"), Lost("the client raised ConnectionError")),
        (requests.exceptions.ChunkedEncodingError(), Lost("the answer was cut short")),
    ],
    ids=lambda value: type(value).__name__,
)
@responses.activate
def test_error_of_a_mock_is_judged_by_its_kind(error: Exception, expected: NotSent | Lost) -> None:
    """An error that ``responses`` raises counts as lost unless its kind says that it came before sending."""
    responses.add(responses.POST, "https://slack.com/api/chat.postMessage", body=error)
    assert send(PooledWebClient(TOKEN), CALL) == expected


# --- which client an executor gets -----------------------------------------------------------------------------------


def test_token_makes_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a client there is a pooled one with the token given, or else that of the environment."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", " xoxb-of-the-environment\n")
    with sync_client(None, token=TOKEN) as given, sync_client(None, token=None) as found:  # type: ignore[attr-defined]
        assert isinstance(given, PooledWebClient)
        assert (given.token, found.token) == (TOKEN, "xoxb-of-the-environment")


@pytest.mark.parametrize("token", [None, "", "  "])
def test_missing_token_says_how_to_give_one(token: str | None) -> None:
    """Without client and token the error names every way to give one."""
    with pytest.raises(AuthenticationFailed, match="[Nn]o token was given.*token=.*client=.*SLACK_BOT_TOKEN") as caught:
        sync_client(None, token=token)
    assert caught.value.code == "not_authed"


def test_plain_client_lends_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain WebClient becomes a pooled one that sends the same, whatever the environment says by then."""
    logger = logging.getLogger("lent")
    context = ssl.create_default_context()
    plain = WebClient(
        TOKEN,
        "https://slack.test/api",
        7,
        context,
        "http://proxy.test:3128",
        {"X-Trace": "1"},
        "before",
        "after",
        "T1",
        logger,
    )
    plain.default_params["extra"] = "1"
    direct = WebClient(TOKEN)
    monkeypatch.setenv("HTTPS_PROXY", "http://other.test")
    made, made_direct = sync_client(plain), sync_client(direct)
    assert type(made) is PooledWebClient
    for name in ("token", "base_url", "timeout", "ssl", "proxy", "headers", "default_params", "logger"):
        assert getattr(made, name, None) == getattr(plain, name, None), name
    assert made.headers is not plain.headers
    assert made_direct.proxy is None
    assert plain.retry_handlers
    assert made.retry_handlers == []
    assert sync_client(WebClient(), token="xoxb-given").token == "xoxb-given"


class Heir(WebClient):
    """A client of an embedder's."""


class PooledHeir(PooledWebClient):
    """An heir that sees every call."""

    def api_call(self, api_method: str, **arguments: Any) -> Any:
        """Note the method."""
        self.seen = api_method
        return super().api_call(api_method, **arguments)


class StandIn:
    """A stand-in that answers, or raises, what it was given."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.asked: list[tuple[str, dict[str, str]]] = []

    def api_call(self, api_method: str, *, data: dict[str, str]) -> Any:
        """Answer."""
        self.asked.append((api_method, data))
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def test_other_clients_are_used_as_they_are() -> None:
    """A pooled client, an heir, a stand-in and a mock are not replaced."""
    patched = WebClient(TOKEN, retry_handlers=[])
    patched.api_call = mock.Mock()  # type: ignore[method-assign]
    for given_client in (PooledWebClient(TOKEN), Heir(TOKEN, retry_handlers=[]), StandIn(None), mock.Mock(), patched):
        assert sync_client(given_client) is given_client  # type: ignore[arg-type]


def test_client_that_retries_is_refused(client: PooledWebClient) -> None:
    """Retry handlers are refused at every door, with what to do instead."""
    handler = RateLimitErrorRetryHandler()
    with pytest.raises(RunbookError, match="RateLimitErrorRetryHandler.*retry_handlers=\\[\\]"):
        PooledWebClient(TOKEN, retry_handlers=[handler])
    with pytest.raises(RunbookError, match="Heir has retry handlers"):
        sync_client(Heir(TOKEN))
    client.retry_handlers.append(handler)
    with pytest.raises(RunbookError, match="may post a message twice"):
        client.auth_test()
    with pytest.raises(RunbookError, match="may post a message twice"):
        sync_client(client)


@pytest.mark.parametrize(
    ("given_client", "token", "message"),
    [
        (AsyncWebClient(), None, "is for AsyncExecutor"),
        (object(), None, "has no method api_call"),
        (StandIn(None), TOKEN, "give it its token, and pass no token="),
    ],
)
def test_wrong_client_is_refused(given_client: Any, token: str | None, message: str) -> None:
    """What cannot be used is refused at once, in words."""
    with pytest.raises(RunbookError, match=message):
        sync_client(given_client, token=token)


def test_heir_of_the_pooled_client_sees_the_calls(server: Server) -> None:
    """An heir that overrides api_call is asked through it, and reports the same outcomes."""
    server.script += [answer(), answer({"ok": False, "error": "no_text"}), reset]
    with PooledHeir(TOKEN, server.url) as heir:
        assert same(send(heir, CALL), answered({"ok": True}))
        assert heir.seen == "chat.postMessage"
        assert same(send(heir, CALL), answered({"ok": False, "error": "no_text"}))
        assert send(heir, CALL) == Lost("the connection was reset")
        heir.base_url = f"http://127.0.0.1:{_closed_port()}/"
        assert send(heir, CALL) == NotSent("the connection was refused")
        heir.token = UNUSABLE_TOKENS[0]
        assert isinstance(send(heir, CALL), NotSent)
    assert server.requests[0].form == {"channel": "C1", "text": TEXT}


@pytest.mark.parametrize("case", OUTCOMES, ids=lambda case: case.name)
def test_heir_of_slack_sdk_reports_the_same(server: Server, case: Case) -> None:
    """Through slack_sdk's own transport an outcome is judged as through ours, but for what it hides."""
    case.script(server)
    outcome = send(Heir(TOKEN, server.url, case.timeout, retry_handlers=[]), CALL)  # type: ignore[arg-type]
    collect_quietly()  # slack_sdk leaves the socket of a cut answer open
    assert len(server.requests) == 1
    if case.name == "compressed":  # slack_sdk does not ask for it, and cannot read it
        assert not isinstance(outcome, NotSent)
    elif case.name in {"list", "no UTF-8"}:  # slack_sdk stumbles over it
        assert isinstance(outcome, Lost)
    else:
        assert same(outcome, case.expected) or (type(outcome) is Lost and isinstance(case.expected, Lost))


def _http_error() -> urllib.error.HTTPError:
    headers = Message()
    headers["Retry-After"] = "3"
    return urllib.error.HTTPError("https://slack.test", 503, "Unavailable", headers, None)


def _certificate() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "text")
    error.verify_message = "self-signed certificate"
    return error


def _tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "text")
    error.reason = reason
    return error


def _new_connection(cause: Exception) -> requests.exceptions.ConnectionError:
    inner = urllib3.exceptions.NewConnectionError(mock.Mock(), "text")
    inner.__cause__ = cause
    return requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(mock.Mock(), "url", inner))


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ({"ok": True}, answered({"ok": True})),
        (mock.Mock(data={"ok": True}, status_code=200, headers={"X-Slack": "1"}), answered({"ok": True}, x_slack="1")),
        (mock.Mock(), answered(None)),
        (None, answered(None)),
        (_api_error({"ok": False, "error": "no_text"}), answered({"ok": False, "error": "no_text"})),
        (_api_error(mock.Mock(spec=["status", "headers"], status=502, headers={})), answered(None, 502)),
        (_http_error(), answered(None, 503, retry_after="3")),
        (urllib.error.URLError(socket.gaierror(-2, "x")), NotSent("the host name was not found")),
        (urllib.error.URLError(ConnectionRefusedError()), NotSent("the connection was refused")),
        (
            urllib.error.URLError(_certificate()),
            NotSent("the TLS certificate was not accepted: self-signed certificate"),
        ),
        (
            urllib.error.URLError(_tls("WRONG_VERSION_NUMBER")),
            NotSent("the TLS handshake failed: WRONG_VERSION_NUMBER"),
        ),
        (urllib.error.URLError(_tls("UNEXPECTED_EOF")), Lost("the client raised URLError")),
        (
            urllib.error.URLError(OSError("Tunnel connection failed: 407 x")),
            NotSent("the proxy refused the connection"),
        ),
        (urllib.error.URLError(TimeoutError()), Lost("no answer in time")),
        (_new_connection(ConnectionRefusedError()), NotSent("the connection was refused")),
        (_new_connection(OSError(113, "No route to host")), NotSent("no connection could be made")),
        (http.client.InvalidURL("x"), NotSent("the URL is not valid")),
        (SlackRequestError("x"), NotSent("the request could not be built")),
        (UnicodeEncodeError("ascii", TEXT, 1, 2, "x"), Lost("the client raised UnicodeEncodeError")),
        (http.client.RemoteDisconnected("x"), Lost("the connection was closed before an answer came")),
        (ConnectionResetError(), Lost("the connection was reset")),
        (http.client.IncompleteRead(b""), Lost("the answer was cut short")),
        (json.JSONDecodeError("x", "{", 1), Lost("the answer was cut short")),
        (TimeoutError(), Lost("no answer in time")),
        (ValueError(f"Invalid header value {TOKEN}"), Lost("the client raised ValueError")),
        (TypeError(TEXT), Lost("the client raised TypeError")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_stand_in_is_understood(outcome: Any, expected: Any) -> None:
    """What another client returns or raises is judged by its kind; only proof counts as not sent."""
    stand_in = StandIn(outcome)
    assert same(send(stand_in, CALL), expected)  # type: ignore[arg-type]
    assert stand_in.asked == [("chat.postMessage", {"channel": "C1", "text": TEXT})]


def test_error_handled_earlier_proves_nothing() -> None:
    """A refused connection that the caller is just handling says nothing about the call at hand."""
    error = RuntimeError("later")
    error.__context__ = ConnectionRefusedError()
    assert send(StandIn(error), CALL) == Lost("the client raised RuntimeError")  # type: ignore[arg-type]


def test_interrupt_of_a_stand_in_is_not_swallowed() -> None:
    """Ctrl-C passes through a stand-in too."""
    with pytest.raises(KeyboardInterrupt):
        send(StandIn(KeyboardInterrupt()), CALL)  # type: ignore[arg-type]


def test_raw_answer_without_length_is_read_to_its_end(server: Server, client: PooledWebClient) -> None:
    """An answer that ends with its connection is whole, and the next call opens another one."""
    server.script.append(raw(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"ok": true}'))
    assert same(send(client, CALL), answered({"ok": True}))
    assert same(send(client, CALL), answered({"ok": True}))
    assert server.connections == 2


def test_threads_that_start_together_make_one_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that make the first calls at once still share one TLS context."""
    served, context = tls()
    made = mock.Mock(return_value=context)
    monkeypatch.setattr(wire, "_tls_context", made)
    ready = threading.Barrier(4)
    with Server(tls=served) as server, PooledWebClient(TOKEN, server.url) as client, ThreadPoolExecutor(4) as threads:

        def ask(_: int) -> bool:
            ready.wait(timeout=10)
            return same(send(client, CALL), answered({"ok": True}))

        assert all(threads.map(ask, range(4)))
    assert made.call_count == 1


def test_module_is_imported_without_aiohttp(run_python: Callable[..., Any]) -> None:
    """Who works without async does not pay for aiohttp, and gets a plain word where it is missing."""
    program = """
import sys
sys.modules["aiohttp"] = None
from slackrunbooks import client, errors
try:
    client.async_client(None, token="xoxb-not-a-token")
except errors.SlackRunbooksError as error:
    print(error, type(error.__cause__).__name__)
print(client.send(client.PooledWebClient("xoxb-not-a-token", "http://127.0.0.1:1/"), client_call := __import__(
    "slackrunbooks._effects", fromlist=["Call"]).Call("auth.test", {}, None)))
"""
    result = run_python("-c", program)
    assert result.returncode == 0, result.stderr
    assert "pip install 'slackrunbooks[async]' ModuleNotFoundError" in result.stdout
    assert "NotSent(reason='the connection was refused')" in result.stdout
    assert run_python("-c", "import sys, slackrunbooks.client; print('aiohttp' in sys.modules)").stdout == "False\n"


def test_unknown_name_is_an_attribute_error() -> None:
    """The module's lazy name does not hide a misspelt one."""
    with pytest.raises(AttributeError, match="has no attribute 'PooledClient'"):
        wire.PooledClient  # noqa: B018


# --- what took so long that somebody else may be sending it ----------------------------------------------------------


def test_what_takes_too_long_to_connect_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address of a host has its own time limit, so that connecting may outlast a worker's hold on its run."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    call = Call("chat.postMessage", {"channel": "#incidents", "text": "x"}, Repeat.GUARDED)
    with fake.serve() as server, PooledWebClient(server.token, base_url=server.url) as client:
        for _ in range(2):
            # On a new connection, and on one that was kept.
            monkeypatch.setattr(wire, "_FIRST_BYTE_SECONDS", -1.0)
            assert wire.send(client, call) == NotSent("no connection in time")
            monkeypatch.setattr(wire, "_FIRST_BYTE_SECONDS", 30.0)
            assert isinstance(wire.send(client, call), Answered)
    assert len(fake.channel("incidents").messages) == 2


class Slow:
    """Gives tokens, some after a while."""

    def __init__(self, token: str, *, refused: str = "") -> None:
        self.token, self.refused = token, refused
        self.slow = True

    def fresh(self) -> str | None:
        return None

    def current(self) -> str:
        if self.slow and not self.refused:
            self.wait()
        return self.refused or self.token

    def instead_of(self, token: str) -> str | None:
        self.refused = ""
        self.wait()
        return self.token

    def wait(self) -> None:
        time.sleep(0.02)
        self.slow = False


@pytest.mark.parametrize("refused", ["", "xoxb-over"])
def test_what_waits_too_long_for_a_token_is_not_sent(monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    """The next attempt has the token at once, after a look whether the run is still this worker's; either way."""
    monkeypatch.setattr(wire, "_TOKEN_SECONDS", 0.01)
    fake = FakeSlack()
    fake.add_channel("incidents")
    call = Call("chat.postMessage", {"channel": "#incidents", "text": "x"}, Repeat.GUARDED)
    with fake.serve() as server:
        with RotatingWebClient(Slow(server.token, refused=refused), base_url=server.url) as client:
            told = [wire.send(client, call) for _ in range(2)]

        async def send() -> list[Delivery]:
            async with RotatingAsyncWebClient(Slow(server.token, refused=refused), base_url=server.url) as client:
                return [await wire.send_async(client, call) for _ in range(2)]

        told += asyncio.run(send())
    assert told[::2] == [NotSent("the token took too long")] * 2
    assert all(isinstance(each, Answered) and (each.data or {})["ok"] for each in told[1::2])
    assert len(fake.channel("incidents").messages) == 2
