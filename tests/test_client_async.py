"""The async client on the wire: the table of the sync client, and what only a loop can do."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import pickle
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import aiohttp
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from slackrunbooks import client as wire
from slackrunbooks._effects import Answered, Call, Lost, NotSent, Repeat
from slackrunbooks.client import PooledAsyncWebClient, async_client, send_async
from slackrunbooks.errors import AmbiguousOutcome, AuthenticationFailed, RunbookError, SlackUnavailable

from .wire.cases import CALL, OUTCOMES, TEXT, TOKEN, UNUSABLE_TOKENS, Case, answered, collect_quietly, same, tls
from .wire.server import Server, answer, echo, hang_up, reset, tunnel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from slackrunbooks._effects import Delivery


# asyncio ends a connection under TLS together with the other side; where that is gone or silent, the loop of the test
# is over first and the garbage collector gets the rest. On Python 3.10 it does so for every end that came from there.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed (transport|<socket):ResourceWarning")


@pytest.fixture(autouse=True, scope="module")
def collect() -> Iterator[None]:
    """Leave no such connection to the tests of another file."""
    yield
    collect_quietly()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server over HTTP."""
    with Server() as started:
        yield started


@pytest.fixture(params=["http", "https"])
def either(request: pytest.FixtureRequest) -> Iterator[tuple[Server, dict[str, Any]]]:
    """A server over HTTP and over TLS, each with the settings of a client for it."""
    served, context = tls() if request.param == "https" else (None, None)
    with Server(tls=served) as started:
        yield started, {"token": TOKEN, "base_url": started.url, "ssl": context, "timeout": 5}


def use(settings: dict[str, Any], work: Callable[[PooledAsyncWebClient], Awaitable[Any]]) -> Any:
    """Run some work with a client, in a loop of its own."""
    given: dict[str, Any] = {"token": TOKEN, **settings}

    async def run() -> Any:
        async with PooledAsyncWebClient(**given) as client:
            return await work(client)

    return asyncio.run(run())


def deliver(settings: dict[str, Any], count: int = 1) -> Delivery:
    """Send one call some times, and return the last outcome."""

    async def work(client: PooledAsyncWebClient) -> list[Delivery]:
        return [await send_async(client, CALL) for _ in range(count)]

    outcome: Delivery = use(settings, work)[-1]
    return outcome


# --- connections -----------------------------------------------------------------------------------------------------


def test_calls_share_one_connection(either: tuple[Server, dict[str, Any]]) -> None:
    """Twenty calls, by either way, need one connection."""
    server, settings = either

    async def work(client: PooledAsyncWebClient) -> None:
        for _ in range(10):
            assert same(await send_async(client, CALL), answered({"ok": True}))
            await client.chat_postMessage(channel="C1", text=TEXT)

    use(settings, work)
    assert (len(server.requests), server.connections) == (20, 1)


def test_request_is_a_form_by_post(server: Server) -> None:
    """Also what AsyncWebClient would GET is a POST, with the arguments as a form and the token in a header."""

    async def work(client: PooledAsyncWebClient) -> None:
        await send_async(client, CALL)
        await client.users_list(limit=2, include_locale=True)

    use({"base_url": server.url, "team_id": "T1", "headers": {"X-Trace": "1"}}, work)
    first, second = server.requests
    assert (first.method, first.target) == ("POST", "/api/chat.postMessage")
    assert first.form == {"channel": "C1", "text": TEXT, "team_id": "T1"}
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert first.headers["content-type"] == "application/x-www-form-urlencoded"
    assert first.headers["x-trace"] == "1"
    assert (second.method, second.form) == ("POST", {"limit": "2", "include_locale": "true", "team_id": "T1"})


def test_default_header_replaces_ours(server: Server) -> None:
    """A default header is sent once, however it is spelt, and the body still decides about its type."""
    deliver({"base_url": server.url, "headers": {"authorization": "Bearer own", "content-type": "wrong/type"}})
    [request] = server.requests
    assert request.headers["authorization"] == "Bearer own"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_tasks_share_the_connections(server: Server) -> None:
    """Tasks side by side each get their own answer."""
    server.usual = echo

    async def work(client: PooledAsyncWebClient) -> None:
        calls = [Call("chat.postMessage", {"text": str(number)}, Repeat.DOUBLES) for number in range(50)]
        told = await asyncio.gather(*(send_async(client, call) for call in calls))
        assert [each.data for each in told] == [{"ok": True, "echo": str(number)} for number in range(50)]  # type: ignore[union-attr]

    use({"base_url": server.url}, work)
    assert len(server.requests) == 50


def test_stale_connection_is_noticed_before_the_first_byte(either: tuple[Server, dict[str, Any]]) -> None:
    """A connection that ended while the loop was held up is not used, and the call arrives once."""
    server, settings = either

    async def work(client: PooledAsyncWebClient) -> None:
        for number in range(1, 21):
            assert same(await send_async(client, CALL), answered({"ok": True}))
            assert (len(server.requests), server.connections) == (number, number)
            server.drop_connections()  # blocks the loop, as a host's careless code would

    use(settings, work)


def test_long_idle_connection_is_not_trusted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was idle for longer than the limit is replaced before the first byte."""
    monkeypatch.setattr(wire, "_IDLE_SECONDS", 0.001)

    async def work(client: PooledAsyncWebClient) -> None:
        for _ in range(3):
            assert same(await send_async(client, CALL), answered({"ok": True}))
            time.sleep(0.01)  # noqa: ASYNC251  (the loop is to miss the moment)

    use({"base_url": server.url}, work)
    assert (len(server.requests), server.connections) == (3, 3)


def test_each_loop_has_its_own_connections(server: Server) -> None:
    """One client serves loop after loop, and nothing of a loop that is over is touched."""
    client = PooledAsyncWebClient(TOKEN, server.url)

    async def twice() -> None:
        for _ in range(2):
            assert same(await send_async(client, CALL), answered({"ok": True}))
        await client.close()
        assert same(await send_async(client, CALL), answered({"ok": True}))
        await client.close()

    asyncio.run(twice())
    asyncio.run(twice())
    assert server.connections == 4


def test_close_reaches_the_loop_of_another_thread(server: Server) -> None:
    """Closing in one loop ends the connections of a loop that runs in another thread, in that loop."""
    client = PooledAsyncWebClient(TOKEN, server.url)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(send_async(client, CALL), loop).result(timeout=10)
    [session] = client._sessions.values()
    asyncio.run(client.close())
    assert session.closed
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
    loop.close()


def test_session_of_the_caller_is_used_and_left_open(server: Server) -> None:
    """A session given is used while it is open, and closing it stays with who made it."""

    async def run() -> None:
        async with aiohttp.ClientSession(headers={"X-Session": "1"}, raise_for_status=True) as session:
            async with PooledAsyncWebClient(TOKEN, server.url, session=session) as client:
                server.script.append(answer({"ok": False, "error": "no"}, status=500))
                assert same(await send_async(client, CALL), answered({"ok": False, "error": "no"}, 500))
            assert not session.closed
        assert same(await send_async(client, CALL), answered({"ok": True}))
        await client.close()

    asyncio.run(run())
    assert [request.headers.get("x-session") for request in server.requests] == ["1", None]


def test_tls_context_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a context of the caller's, one is made when TLS is first needed, and serves every connection."""
    served, context = tls()
    made = mock.Mock(return_value=context)
    monkeypatch.setattr(wire, "_tls_context", made)
    with Server() as plain:
        deliver({"base_url": plain.url})
    made.assert_not_called()
    with Server(tls=served) as server:

        async def work(client: PooledAsyncWebClient) -> None:
            for _ in range(3):
                assert same(await send_async(client, CALL), answered({"ok": True}))
                server.drop_connections()

        use({"base_url": server.url}, work)
    made.assert_called_once_with()


# --- answers and their absence ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", OUTCOMES, ids=lambda case: case.name)
def test_outcome_is_reported(either: tuple[Server, dict[str, Any]], case: Case) -> None:
    """Whatever the server does, the request arrives once and the outcome says what is known."""
    server, settings = either
    case.script(server)
    assert same(deliver({**settings, "timeout": case.timeout}), case.expected)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "case", [case for case in OUTCOMES if isinstance(case.expected, Lost)], ids=lambda case: case.name
)
def test_lost_answer_on_a_kept_connection_is_not_asked_for_again(server: Server, case: Case) -> None:
    """Some requests are repeated by aiohttp on a kept connection; ours are none of them."""
    server.script.append(answer())
    case.script(server)
    assert same(deliver({"base_url": server.url, "timeout": case.timeout}, 2), case.expected)
    assert len(server.requests) == 2


def _api_error(response: object) -> SlackApiError:
    error: SlackApiError = cast(Any, SlackApiError)("x", response)
    return error


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_refused_connection_is_not_sent() -> None:
    """Where nobody listens, nothing was sent."""
    assert deliver({"base_url": f"http://127.0.0.1:{_closed_port()}/"}) == NotSent("the connection was refused")


def test_unknown_host_is_not_sent(unresolvable_host: str) -> None:
    """Where the name does not resolve, nothing was sent."""
    assert deliver({"base_url": f"https://{unresolvable_host}/api/"}) == NotSent("the host name was not found")


@pytest.mark.parametrize("base_url", ["https:///api/", "http://localhost:port/"])
def test_url_without_a_goal_is_not_sent(base_url: str) -> None:
    """A base_url that leads nowhere is told as such."""
    assert deliver({"base_url": base_url}) == NotSent("the URL is not valid")


def test_untrusted_certificate_is_not_sent() -> None:
    """A server whose certificate nobody vouches for gets nothing."""
    with Server(tls=tls()[0]) as server:
        outcome = deliver({"base_url": server.url})
        assert server.requests == []
    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("the TLS certificate was not accepted: ")


def test_failed_handshake_is_not_sent(server: Server) -> None:
    """A server that does not speak TLS gets nothing."""
    outcome = deliver({"base_url": server.url.replace("http:", "https:")})
    assert server.requests == []
    assert isinstance(outcome, NotSent)


def test_handshake_that_hangs_is_not_sent() -> None:
    """A time-out before the connection stands is no lost answer."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        settings = {"base_url": f"https://127.0.0.1:{sock.getsockname()[1]}/", "timeout": 0.1}
        told_apart = hasattr(aiohttp, "ConnectionTimeoutError")  # since aiohttp 3.10
        assert deliver(settings) == (
            NotSent("no connection in time") if told_apart else Lost("no answer within 0.1 seconds")
        )


def test_cancelling_is_not_swallowed(server: Server) -> None:
    """A task that waits for an answer can be cancelled, and the client can be used on."""

    async def work(client: PooledAsyncWebClient) -> None:
        server.script.append(server.silence)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(send_async(client, CALL), 0.1)
        assert same(await send_async(client, CALL), answered({"ok": True}))

    use({"base_url": server.url}, work)
    assert server.connections == 2


# --- where the token goes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_error_and_is_not_followed(server: Server, status: int) -> None:
    """No redirect carries the token, or anything else, to another host."""
    with Server() as elsewhere:
        moved = answer(status=status, body=b"<html>moved</html>", headers={"Location": elsewhere.url})
        server.script += [moved, moved]

        async def work(client: PooledAsyncWebClient) -> None:
            assert same(await send_async(client, CALL), answered(None, status))
            with pytest.raises(SlackApiError, match="which is never followed: check base_url"):
                await client.chat_postMessage(channel="C1", text=TEXT)

        use({"base_url": server.url}, work)
        assert (elsewhere.connections, len(server.requests)) == (0, 2)


def test_netrc_and_cookies_are_left_alone(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of ``.netrc`` do not replace the token, and a cookie that Slack sets is not sent back."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(netrc))
    server.script.append(answer(headers={"Set-Cookie": "d=secret; Path=/"}))
    deliver({"base_url": server.url}, 2)
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {TOKEN}"] * 2
    assert not any("cookie" in request.headers for request in server.requests)
    with pytest.raises(RunbookError, match=r"\.netrc"):
        PooledAsyncWebClient(TOKEN, trust_env_in_session=True)


@pytest.mark.parametrize("token", UNUSABLE_TOKENS)
def test_unusable_token_is_refused_without_showing_it(server: Server, token: str) -> None:
    """A token that no header can carry is an error that does not hold it."""
    with pytest.raises(AuthenticationFailed) as caught:
        PooledAsyncWebClient(token)

    async def work(client: PooledAsyncWebClient) -> Delivery:
        client.token = token
        return await send_async(client, CALL)

    outcome = use({"base_url": server.url}, work)
    assert isinstance(outcome, NotSent)
    assert server.requests == []
    for shown in (str(caught.value), outcome.reason):
        assert not any(part in shown for part in token.split())


def test_nothing_shows_the_token_or_the_text(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr, nor a response's request, nor an error, nor the log holds the token; nothing logs the text."""
    caplog.set_level(logging.DEBUG)
    server.script += [answer(), answer({"ok": False, "error": "no_text"})]

    async def work(client: PooledAsyncWebClient) -> None:
        response = await client.chat_postMessage(channel="C1", text=TEXT)
        with pytest.raises(SlackApiError) as refused:
            await client.chat_postMessage(channel="C1", text=TEXT)
        for held in (response, refused.value.response):
            request = vars(held)["req_args"]
            assert TOKEN not in repr(request) + json.dumps(request, default=repr)
        assert repr(client) == f"<PooledAsyncWebClient {server.url}>"
        with pytest.raises(TypeError, match="holds a token and open connections"):
            pickle.dumps(client)

    use({"base_url": server.url}, work)
    assert "chat.postMessage: HTTP 200" in caplog.text
    assert TOKEN not in caplog.text
    assert TEXT not in caplog.text


def test_missing_answer_raises_an_error_without_the_request(server: Server) -> None:
    """The methods of AsyncWebClient tell a lost answer from a request that was not sent, and chain no request to it."""
    server.script.append(reset)

    async def work(client: PooledAsyncWebClient) -> None:
        with pytest.raises(AmbiguousOutcome, match=r"chat\.postMessage was sent, but its answer was lost") as lost:
            await client.chat_postMessage(channel="C1", text=TEXT)
        client.base_url = f"http://127.0.0.1:{_closed_port()}/"
        with pytest.raises(SlackUnavailable, match="the connection was refused") as unsent:
            await client.auth_test()
        for caught in (lost.value, unsent.value):
            assert caught.__cause__ is None
            assert caught.__context__ is None

    use({"base_url": server.url}, work)


# --- proxies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_environment", [False, True])
def test_proxy_is_asked(server: Server, by_environment: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request goes to the proxy given, or to that of the environment, unless NO_PROXY names the host."""
    settings: dict[str, Any] = {"base_url": "http://slack.invalid/api/"}
    if by_environment:
        monkeypatch.setenv("HTTPS_PROXY", server.origin)
    else:
        settings["proxy"] = server.origin.removeprefix("http://")
    assert same(deliver(settings, 2), answered({"ok": True}))
    assert [request.target for request in server.requests] == ["http://slack.invalid/api/chat.postMessage"] * 2
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as slack:
        deliver({**settings, "base_url": slack.url})
        assert len(slack.requests) == 1
    assert len(server.requests) == 2


def test_tunnel_carries_tls(server: Server) -> None:
    """Over TLS the proxy sees only where the tunnel goes."""
    served, context = tls()
    server.script.append(tunnel)
    with Server(tls=served) as slack:
        settings = {"base_url": slack.url, "ssl": context, "proxy": server.origin}
        assert same(deliver(settings, 2), answered({"ok": True}))
        assert len(slack.requests) == 2
    [request] = server.requests
    assert (request.method, request.target) == ("CONNECT", f"localhost:{slack.port}")
    assert "authorization" not in request.headers


def test_proxy_that_refuses_is_not_sent(server: Server) -> None:
    """Where the proxy opens no tunnel, or is not there, nothing was sent; where it breaks off later, who knows."""
    server.script += [answer(status=407, body=b""), hang_up]
    settings = {"base_url": "https://slack.invalid/api/"}
    assert deliver({**settings, "proxy": server.origin}) == NotSent("the proxy refused the connection")
    refused = deliver({**settings, "proxy": f"http://127.0.0.1:{_closed_port()}"})
    assert refused == NotSent("the connection was refused")
    assert isinstance(deliver({"base_url": "http://slack.invalid/", "proxy": server.origin}), Lost)


# --- likeness to slack_sdk -------------------------------------------------------------------------------------------


def test_pages_follow_with_the_same_token(server: Server) -> None:
    """Iterating over a response fetches the further pages, as the one who asked for the first."""
    server.script += [
        answer({"ok": True, "members": [number], "response_metadata": {"next_cursor": cursor}})
        for number, cursor in enumerate(["two", ""])
    ]

    async def work(client: PooledAsyncWebClient) -> list[Any]:
        return [page["members"] async for page in await client.users_list(limit=1, token="xoxb-not-another")]

    assert use({"base_url": server.url}, work) == [[0], [1]]
    assert [request.form.get("cursor") for request in server.requests] == [None, "two"]
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer xoxb-not-another"}


def test_file_is_uploaded_in_three_steps(server: Server) -> None:
    """files_upload_v2 works, also for a file that aiohttp would not take in one piece; no token goes along."""
    content = b"0123456789abcdef" * 2**17
    server.script += [
        answer({"ok": True, "upload_url": f"{server.origin}/upload/v1/key", "file_id": "F1"}),
        answer(body=b"OK", headers={"Content-Type": "text/plain"}),
        answer({"ok": True, "files": [{"id": "F1"}]}),
    ]

    async def work(client: PooledAsyncWebClient) -> Any:
        return await client.files_upload_v2(file=io.BytesIO(content), filename="graph.png")

    assert use({"base_url": server.url}, work)["file"] == {"id": "F1"}
    assert server.requests[1].body == content
    assert "authorization" not in server.requests[1].headers


def test_form_data_of_aiohttp_is_refused(server: Server) -> None:
    """What only AsyncWebClient takes is a SlackRequestError; the credentials of an app are taken as there."""

    async def work(client: PooledAsyncWebClient) -> None:
        with pytest.raises(SlackRequestError, match="data must be a mapping, not FormData"):
            await client.api_call("auth.test", data=aiohttp.FormData())
        await client.api_call("oauth.v2.access", auth={"client_id": "a", "client_secret": "b"})

    use({"base_url": server.url}, work)
    assert server.requests[0].headers["authorization"] == "Basic YTpi"


# --- which client an executor gets -----------------------------------------------------------------------------------


class Heir(AsyncWebClient):
    """A client of an embedder's."""


class PooledHeir(PooledAsyncWebClient):
    """An heir that sees every call."""

    async def api_call(self, api_method: str, **arguments: Any) -> Any:
        """Note the method."""
        self.seen = api_method
        return await super().api_call(api_method, **arguments)


class StandIn:
    """A stand-in that answers, or raises, what it was given."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    async def api_call(self, api_method: str, *, data: dict[str, str]) -> Any:
        """Answer."""
        assert data == {"channel": "C1", "text": TEXT}
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def test_token_makes_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a client there is a pooled one with the token given, or else that of the environment."""
    with pytest.raises(AuthenticationFailed, match="[Nn]o token was given"):
        async_client(None, token=None)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-of-the-environment")
    assert async_client(None, token=TOKEN).token == TOKEN
    assert async_client(None).token == "xoxb-of-the-environment"


def test_plain_client_lends_its_settings() -> None:
    """A plain AsyncWebClient becomes a pooled one that sends the same."""
    context = ssl.create_default_context()
    session = mock.Mock()
    plain = AsyncWebClient(
        TOKEN, "https://slack.test/api", 7, context, "http://proxy.test", session, False, {"X-Trace": "1"}, team_id="T1"
    )  # fmt: skip
    made = async_client(plain)
    assert type(made) is PooledAsyncWebClient
    assert issubclass(PooledAsyncWebClient, AsyncWebClient)
    for name in ("token", "base_url", "timeout", "ssl", "proxy", "session", "headers", "default_params"):
        assert getattr(made, name) == getattr(plain, name), name
    assert made.retry_handlers == []
    assert async_client(AsyncWebClient(), token="xoxb-given").token == "xoxb-given"


def test_other_clients_are_used_or_refused() -> None:
    """What cannot retry is used as it is; what would retry, or is for the sync executor, is refused in words."""
    for given in (PooledAsyncWebClient(TOKEN), Heir(TOKEN, retry_handlers=[]), StandIn(None), mock.AsyncMock()):
        assert async_client(given) is given  # type: ignore[arg-type]
    handlers = [AsyncRateLimitErrorRetryHandler()]
    with pytest.raises(RunbookError, match="AsyncRateLimitErrorRetryHandler"):
        PooledAsyncWebClient(TOKEN, retry_handlers=handlers)
    with pytest.raises(RunbookError, match="Heir has retry handlers"):
        async_client(Heir(TOKEN))
    with pytest.raises(RunbookError, match="is for Executor"):
        async_client(WebClient(TOKEN))  # type: ignore[arg-type]
    with pytest.raises(RunbookError, match="pass no token="):
        async_client(StandIn(None), token=TOKEN)  # type: ignore[arg-type]


def test_heir_of_the_pooled_client_sees_the_calls(server: Server) -> None:
    """An heir that overrides api_call is asked through it, and reports the same outcomes."""
    server.script += [answer(), reset]

    async def run() -> None:
        async with PooledHeir(TOKEN, server.url) as heir:
            assert same(await send_async(heir, CALL), answered({"ok": True}))
            assert heir.seen == "chat.postMessage"
            assert isinstance(await send_async(heir, CALL), Lost)
            heir.base_url = f"http://127.0.0.1:{_closed_port()}/"
            assert await send_async(heir, CALL) == NotSent("the connection was refused")

    asyncio.run(run())


@pytest.mark.parametrize("case", [case for case in OUTCOMES if case.name != "list"], ids=lambda case: case.name)
def test_heir_of_slack_sdk_reports_the_same(server: Server, case: Case) -> None:
    """Through slack_sdk's own transport an outcome is judged as through ours."""
    case.script(server)

    async def run() -> Delivery:
        return await send_async(Heir(TOKEN, server.url, case.timeout, retry_handlers=[]), CALL)  # type: ignore[arg-type]

    outcome = asyncio.run(run())
    assert len(server.requests) == 1
    if isinstance(case.expected, Answered) and case.expected.data is not None:
        assert same(outcome, case.expected)
    else:
        assert not isinstance(outcome, NotSent)
        assert not isinstance(outcome, Answered) or outcome.data is None


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ({"ok": True}, answered({"ok": True})),
        (_api_error({"ok": False, "error": "no_text"}), answered({"ok": False, "error": "no_text"})),
        (aiohttp.ClientConnectorError(mock.Mock(), OSError(113, "x")), NotSent("no connection could be made")),
        (aiohttp.ClientConnectorError(mock.Mock(), socket.gaierror(-2, "x")), NotSent("the host name was not found")),
        (aiohttp.ClientHttpProxyError(mock.Mock(), ()), NotSent("the proxy refused the connection")),
        (aiohttp.ServerDisconnectedError(), Lost("the connection was closed before an answer came")),
        (aiohttp.ClientOSError(104, "x"), Lost("the client raised ClientOSError")),
        (aiohttp.ClientPayloadError(), Lost("the answer was cut short")),
        (asyncio.TimeoutError(), Lost("no answer in time")),
        (RuntimeError(TEXT), Lost("the client raised RuntimeError")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_stand_in_is_understood(outcome: Any, expected: Any) -> None:
    """What another client returns or raises is judged by its kind; only proof counts as not sent."""
    assert same(asyncio.run(send_async(StandIn(outcome), CALL)), expected)  # type: ignore[arg-type]


def test_cancelling_a_stand_in_is_not_swallowed() -> None:
    """A cancelled stand-in ends the call."""
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(send_async(StandIn(asyncio.CancelledError()), CALL))  # type: ignore[arg-type]
