"""One fake behind four wires: slack_sdk's two clients in process, a real HTTP server, and ``responses``."""

from __future__ import annotations

import asyncio
import http.client
import io
import socket
import threading
import urllib.error
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest
import requests
import responses
import urllib3.exceptions
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

import slackrunbooks as sr
from slackrunbooks.testing import FakeServer, FakeSlack

Send = Callable[..., Any]


def over_sync(client: WebClient) -> Send:
    """Call through slack_sdk's synchronous client."""
    return lambda method, **arguments: client.api_call(method, params=arguments)


def over_async(client: AsyncWebClient) -> Send:
    """Call through slack_sdk's asynchronous client, one loop for each call."""

    def send(method: str, **arguments: Any) -> Any:
        return asyncio.run(client.api_call(method, data=arguments or None))

    return send


def over_requests(token: str, url: str, timeout: float = 30) -> Send:
    """Call through requests, and raise slack_sdk's error for what slack_sdk would raise it for."""

    def send(method: str, **arguments: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.post(url + method, data=arguments, headers=headers, timeout=timeout)
        if answer.status_code != 200 or not answer.headers["content-type"].startswith("application/json"):
            raise SlackApiError("no", answer)
        if not answer.json()["ok"]:
            raise SlackApiError("no", answer)
        return answer.json()

    return send


@pytest.fixture
def server(slack: FakeSlack) -> Iterator[FakeServer]:
    """Run the fake as an HTTP server."""
    with slack.serve() as server:
        yield server


@pytest.fixture
def mounted(slack: FakeSlack) -> Iterator[str]:
    """Mount the fake on ``responses``; return Slack's real URL."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        slack.mount(mock)
        yield "https://slack.com/api/"


WIRES = ["sync", "async", "http sync", "http async", "http requests", "responses"]


@pytest.fixture
def send(request: pytest.FixtureRequest, slack: FakeSlack) -> Send:
    """Return the function that calls a method over the wire that the test names."""
    wire: str = request.param
    if wire == "sync":
        return over_sync(slack.client)
    if wire == "async":
        return over_async(slack.async_client)
    if wire == "responses":
        return over_requests(slack.token, request.getfixturevalue("mounted"))
    server: FakeServer = request.getfixturevalue("server")
    # Over a real socket an answer that never comes is really waited for.
    timeout: Any = 0.2 if str(request.node.callspec.params.get("fault")).startswith("timeout") else 30
    if wire == "http sync":
        return over_sync(WebClient(server.token, base_url=server.url, timeout=timeout, retry_handlers=[]))
    if wire == "http async":
        return over_async(AsyncWebClient(server.token, base_url=server.url, timeout=timeout, retry_handlers=[]))
    return over_requests(server.token, server.url, timeout)


every_wire = pytest.mark.parametrize("send", WIRES, indirect=True)


@every_wire
def test_a_message_is_posted_and_read_back(slack, send) -> None:
    """Over every wire the same call has the same effect and the same answer."""
    channel = slack.channel("incidents").id
    sent = send("chat.postMessage", channel=channel, text="Grüße, Zoë & <@U0FAKE0001>")
    read = send("conversations.history", channel=channel)
    assert read["messages"][0]["text"] == "Grüße, Zoë & <@U0FAKE0001>"
    assert read["messages"][0]["ts"] == sent["ts"]
    assert [(call.method, call.ok, call.token) for call in slack.calls] == [
        ("chat.postMessage", True, "bot"),
        ("conversations.history", True, "bot"),
    ]


@every_wire
def test_an_error_is_slack_sdks_error(slack, send) -> None:
    """Over every wire ok:false becomes an error with Slack's body, status and scope headers."""
    slack.scopes = {"chat:write"}
    with pytest.raises(SlackApiError) as caught:
        send("conversations.create", name="inc-1")
    response = caught.value.response
    data = response.json() if isinstance(response, requests.Response) else response.data
    needed = "channels:manage,channels:write,groups:write,im:write,mpim:write"
    assert (data["error"], data["provided"]) == ("missing_scope", "chat:write")
    assert ",".join(sorted(data["needed"].split(","))) == needed
    assert response.headers["x-oauth-scopes"] == "chat:write"
    assert response.headers["x-accepted-oauth-scopes"] == needed
    assert response.status_code == 200


@every_wire
def test_a_rate_limit_has_its_status_and_header(slack, send) -> None:
    """Over every wire a rate limit is HTTP 429 with Retry-After, and nothing was done."""
    slack.fail_next("chat.postMessage", "ratelimited", retry_after=7)
    with pytest.raises(SlackApiError) as caught:
        send("chat.postMessage", channel="incidents", text="x")
    response = caught.value.response
    headers = {name.lower(): value for name, value in response.headers.items()}
    assert (response.status_code, headers["retry-after"]) == (429, "7")
    assert slack.channel("incidents").messages == []
    send("chat.postMessage", channel="incidents", text="x")
    assert slack.unfired == []


APPLIED = {
    "reset_before": False,
    "applied_then_reset": True,
    "server_error_before": False,
    "server_error_after": True,
    "timeout_before": False,
    "timeout_after": True,
    "truncated": True,
    "not_json": True,
    "internal_error": False,
    "internal_error_after": True,
    "ratelimited": False,
}
CUT = (ConnectionResetError, aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, requests.ConnectionError)
LATE = (TimeoutError, asyncio.TimeoutError, requests.ReadTimeout)
# urllib3 1 does not notice a body that is too short; its reader does.
SHORT = (http.client.IncompleteRead, aiohttp.ClientPayloadError, requests.exceptions.ChunkedEncodingError, ValueError)
SEEN = {
    "reset_before": CUT,
    "applied_then_reset": CUT,
    "timeout_before": LATE,
    "timeout_after": LATE,
    "truncated": SHORT,
}


@every_wire
@pytest.mark.parametrize("fault", APPLIED)
def test_a_fault_shows_as_its_client_shows_it(slack, send, fault: str) -> None:
    """Over every wire a fault raises what that client raises for it, and the message exists or not as the name says."""
    slack.inject("chat.postMessage", fault)
    with pytest.raises(SEEN.get(fault, SlackApiError)):
        send("chat.postMessage", channel="incidents", text="x")
    assert len(slack.channel("incidents").messages) == APPLIED[fault]
    assert (slack.unfired, [call.fault for call in slack.calls]) == ([], [fault])
    assert slack.calls[0].ok is APPLIED[fault]
    assert send("api.test")["ok"]


@pytest.mark.parametrize("send", ["sync", "async", "responses"], indirect=True)
def test_a_refused_connection_reached_nobody(slack, send) -> None:
    """A refusal raises the client's own error for it, changes nothing and is no call."""
    slack.inject("chat.postMessage", "refused")
    expected = (urllib.error.URLError, aiohttp.ClientConnectorError, requests.ConnectionError)
    with pytest.raises(expected) as caught:
        send("chat.postMessage", channel="incidents", text="x")
    error = caught.value
    reason = getattr(error, "reason", None) or getattr(error, "os_error", None)
    if isinstance(error, requests.ConnectionError):
        assert isinstance(error.args[0].reason, urllib3.exceptions.NewConnectionError)
    else:
        assert isinstance(reason, ConnectionRefusedError)
    assert (slack.calls, slack.channel("incidents").messages) == ([], [])


@pytest.mark.parametrize("send", ["sync", "async"], indirect=True)
def test_a_timeout_takes_virtual_time_only(slack, send) -> None:
    """In process the client's 30 seconds pass on the fake's clock, and are no nap."""
    slack.inject("auth.test", "timeout_before")
    began = slack.now
    with pytest.raises((TimeoutError, asyncio.TimeoutError)):
        send("auth.test")
    assert (slack.now - began, slack.naps) == (30, [])


def test_a_server_does_not_refuse(slack) -> None:
    """A refusal cannot be injected while a server runs, nor a server started while one is ordered."""
    with slack.serve(), pytest.raises(ValueError, match="cannot refuse"):
        slack.inject("auth.test", "refused")
    slack.inject("auth.test", "refused")
    with pytest.raises(ValueError, match="cannot refuse"), slack.serve():
        pass


def test_connections_are_kept_alive_and_counted(slack, server) -> None:
    """A session's requests share one TCP connection; another session opens its own."""
    with requests.Session() as session:
        for _ in range(20):
            session.post(f"{server.url}api.test", headers={"Authorization": f"Bearer {server.token}"}, timeout=5)
    assert (server.connections, server.requests) == (1, 20)
    requests.get(f"{server.url}api.test", headers={"Authorization": f"Bearer {server.token}"}, timeout=5)
    assert (server.connections, server.requests, len(slack.calls)) == (2, 21, 21)


def test_the_servers_address_is_ready_to_use(server) -> None:
    """The URL is on 127.0.0.1 and ends in /api/."""
    assert server.url.startswith("http://127.0.0.1:")
    assert server.url.endswith("/api/")


def test_a_chunked_request_is_read(slack, server) -> None:
    """A body without a length, sent in chunks, is read whole."""
    answer = requests.post(
        f"{server.url}chat.postMessage",
        data=iter([b"channel=incidents&te", b"xt=chunked"]),
        headers={"Authorization": f"Bearer {server.token}", "Content-Type": "application/x-www-form-urlencoded"},
        timeout=5,
    )
    assert answer.json()["message"]["text"] == "chunked"


def test_a_reset_is_a_real_reset(slack, server) -> None:
    """A raw socket sees the connection reset, not closed in order."""
    slack.lose_reply("api.test")
    port = int(server.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        raw.sendall(b"POST /api/api.test HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer xoxb-fake\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            raw.recv(1)


def test_nonsense_on_the_socket_harms_nobody(slack, server) -> None:
    """A client that breaks off, or sends no HTTP at all, leaves the server answering."""
    port = int(server.url.split(":")[2].split("/")[0])
    for nonsense in (b"", b"\x16\x03\x01", b"POST /api/api.test HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
            raw.sendall(nonsense)
    assert WebClient(server.token, base_url=server.url).auth_test()["ok"]


def test_threads_share_a_fake(slack, server) -> None:
    """Forty posts from eight threads, over the server and in process, are forty messages with forty ts."""
    remote = WebClient(server.token, base_url=server.url)

    def post() -> None:
        for client in (remote, slack.client) * 2:
            client.chat_postMessage(channel="incidents", text="x")
        slack.client.chat_postMessage(channel="incidents", text="x")

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert len(slack.channel("incidents").log) == 40
    assert [message.ts for message in slack.channel("incidents").messages] == sorted(slack.channel("incidents").log)


def test_the_asynchronous_client_sends_what_it_is_given(slack) -> None:
    """JSON, query strings, forms and files all arrive as the method expects them."""

    async def main() -> None:
        client = slack.async_client
        channel = slack.channel("incidents").id
        await client.chat_postMessage(channel=channel, text="x", blocks=[{"type": "divider"}], unfurl_links=False)
        assert (await client.conversations_history(channel=channel, limit=1))["messages"][0]["blocks"]
        await client.conversations_setTopic(channel=channel, topic="T")
        await client.api_call("api.test", data={"a": "1"}, files={"b": io.BytesIO(b"bytes")})
        await client.api_call("api.test", data=aiohttp.FormData({"a": "2"}))

    asyncio.run(main())
    assert slack.channel("incidents").topic == "T"
    assert slack.calls[0].arguments["unfurl_links"] is False
    assert slack.calls_to("conversations.history")[0].arguments["limit"] == 1
    assert [call.arguments for call in slack.calls_to("api.test")] == [{"a": "1", "b": "bytes"}, {"a": "2"}]


def test_clients_are_kept_and_carry_the_clock(slack) -> None:
    """The fake has one client of each kind; both work by its clock and never retry."""
    assert slack.client is slack.client
    assert slack.async_client is slack.async_client
    for client in (slack.client, slack.async_client):
        assert client.slackrunbooks_clock is slack.clock
        assert client.retry_handlers == []
    assert isinstance(slack.client, WebClient)
    assert isinstance(slack.async_client, AsyncWebClient)


def test_proxies_of_the_environment_do_not_matter(monkeypatch) -> None:
    """The in-process clients work whatever proxy the environment names."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    slack = FakeSlack()
    assert slack.client.auth_test()["ok"]
    assert asyncio.run(slack.async_client.auth_test())["ok"]


@pytest.mark.parametrize("kind", ["invalid_auth", "not_authed"])
def test_a_wrong_token_is_refused(slack, kind: str) -> None:
    """Another token is invalid_auth, none at all not_authed; the record keeps the kind, not the token."""
    token = "xoxp-other" if kind == "invalid_auth" else None
    client = type(slack.client)(slack, token=token)
    with pytest.raises(SlackApiError, match=kind):
        client.auth_test()
    assert slack.calls[-1].token == ("user" if token else "none")
    assert "xoxp-other" not in repr(slack.calls)


def test_fail_next_can_be_repeated_and_given_a_status(slack, form) -> None:
    """A code can come several times and with an HTTP status of its own, and for any method."""
    slack.fail_next("auth.test", "fatal_error", times=2, status=503)
    slack.fail_next("*", "team_added_to_org")
    assert [form("auth.test").get("error") for _ in range(2)] == ["fatal_error", "fatal_error"]
    assert form("api.test")["error"] == "team_added_to_org"
    assert form("auth.test")["ok"]
    assert [call.status for call in slack.calls] == [503, 503, 200, 200]


def test_a_fault_can_let_calls_pass_first(slack, form) -> None:
    """after=2 spares two calls; faults of one method come in the order in which they were ordered."""
    slack.inject("auth.test", "internal_error", after=2)
    slack.fail_next("auth.test", "first")
    assert str(slack.unfired[0]) == "internal_error for auth.test, 1 time(s) after 2 more call(s)"
    codes = [form("auth.test").get("error") for _ in range(4)]
    assert codes == ["first", None, "internal_error", None]
    assert slack.unfired == []


def test_a_rate_limit_without_seconds_asks_for_thirty(slack) -> None:
    """fail_next with ratelimited alone carries the documented example's Retry-After."""
    slack.fail_next("auth.test", "ratelimited")
    with pytest.raises(SlackApiError) as caught:
        slack.client.auth_test()
    assert caught.value.response.headers["Retry-After"] == "30"


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (lambda slack: slack.inject("auth.test", "gremlins"), "there are applied_then_reset"),
        (lambda slack: slack.inject("chat.postMesage", "refused"), "did you mean chat.postMessage"),
        (lambda slack: slack.fail_next("zzz", "x"), "there are api.test"),
        (lambda slack: slack.inject("auth.test", "truncated", times=0), "at least once"),
        (lambda slack: slack.inject("auth.test", "truncated", after=-1), "at least once"),
    ],
)
def test_an_order_that_could_never_be_met_is_refused(slack, order, reason: str) -> None:
    """Unknown faults and methods, and senseless counts, raise with the names there are."""
    with pytest.raises(ValueError, match=reason):
        order(slack)


def runbook() -> sr.Runbook:
    """Return a runbook of two calls and a look-up."""
    return sr.Runbook(
        "declare",
        {
            "room": sr.CreateChannel(name="inc-{{Activity.id}}"),
            "announce": sr.SendMessage(channel="#incidents", text="inc-{{Activity.id}} is open"),
        },
    )


def run_in_process(slack: FakeSlack) -> sr.Report:
    """Run on the in-process client."""
    with slack.executor() as executor:
        return executor.run(runbook(), {"Activity": {"id": 42}})


def run_async(slack: FakeSlack) -> sr.Report:
    """Run on the in-process asynchronous client."""

    async def main() -> sr.Report:
        async with slack.async_executor() as executor:
            return await executor.run(runbook(), {"Activity": {"id": 42}})

    return asyncio.run(main())


def run_served(slack: FakeSlack) -> sr.Report:
    """Run over a real, kept-alive connection."""
    with slack.serve() as server, server.executor() as executor:
        report = executor.run(runbook(), {"Activity": {"id": 42}})
        assert server.connections == 1
        return report


def run_served_async(slack: FakeSlack) -> sr.Report:
    """Run over a real, kept-alive connection, asynchronously."""

    async def main() -> sr.Report:
        with slack.serve() as server:
            async with server.async_executor() as executor:
                report = await executor.run(runbook(), {"Activity": {"id": 42}})
            assert server.connections == 1
            return report

    return asyncio.run(main())


@pytest.mark.parametrize("run", [run_in_process, run_async, run_served, run_served_async])
def test_an_executor_works_by_the_fakes_clock(slack, run) -> None:
    """Each kind of executor waits out a rate limit in virtual time and leaves the same workspace behind."""
    slack.fail_next("chat.postMessage", "ratelimited", retry_after=30)
    assert run(slack).ok
    assert slack.naps == [30]
    assert slack.channel("inc-42").creator == slack.bot.id
    (message,) = slack.channel("incidents").messages
    assert (message.text, message.ts[:10]) == ("inc-42 is open", "1767603630")
