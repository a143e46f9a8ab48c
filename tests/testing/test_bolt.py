"""The fake judged by Bolt, Slack's framework: an app whose listeners post through it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt import App, BoltRequest
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from slackrunbooks.testing import FakeSlack

SECRET = "s"


@pytest.fixture
def world() -> Iterator[tuple[FakeSlack, WebClient]]:
    """A workspace, and slack_sdk's client for it over HTTP: Bolt makes a plain copy of the client for each request."""
    fake = FakeSlack()
    ann = fake.add_user("ann", id="U0ANN00001")
    fake.add_channel("incidents", members=[ann])
    with fake.serve() as server:
        yield fake, WebClient(server.token, base_url=server.url, retry_handlers=[])


def _app(client: WebClient) -> App:
    # process_before_response: listeners run in this thread, and are done when dispatch returns.
    return App(client=client, signing_secret=SECRET, process_before_response=True)


def _request(body: str, content_type: str) -> BoltRequest:
    """Sign a request as Slack does."""
    stamp = str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body)
    headers = {
        "content-type": [content_type],
        "x-slack-request-timestamp": [stamp],
        "x-slack-signature": [str(signature)],
    }
    return BoltRequest(body=body, headers=headers)


def _event(event: dict[str, Any]) -> BoltRequest:
    body = {
        "type": "event_callback",
        "team_id": "T0FAKE0001",
        "api_app_id": "A0FAKE0001",
        "event": event,
        "event_id": "Ev1",
        "event_time": 1,
        "authorizations": [{"team_id": "T0FAKE0001", "user_id": "U0FAKEBOT1", "is_bot": True}],
    }
    return _request(json.dumps(body), "application/json")


def test_an_event_listener_answers_in_the_thread(world: tuple[FakeSlack, WebClient]) -> None:
    """``say`` and ``client`` of a listener post into the fake, as the app that the token is."""
    fake, client = world
    app = _app(client)

    @app.event("app_mention")
    def mentioned(event: dict[str, Any], say: Any, client: WebClient) -> None:
        say(text=f"On it, <@{event['user']}>", thread_ts=event["ts"])
        client.reactions_add(channel=event["channel"], timestamp=event["ts"], name="eyes")

    channel = fake.channel("incidents")
    message = fake.user("ann").post("incidents", "<@U0FAKEBOT1> help")
    response = app.dispatch(
        _event({"type": "app_mention", "user": "U0ANN00001", "channel": channel.id, "ts": message.ts, "text": "help"})
    )
    assert response.status == 200
    assert fake.assert_posted("incidents", "On it", thread_ts=message.ts).user == fake.bot.id
    assert message.reactions == {"eyes": [fake.bot.id]}
    fake.assert_pinged("ann")
    assert fake.calls_to("auth.test"), "Bolt asks who it is before it lets a listener run"


def test_a_slash_command_opens_a_room(world: tuple[FakeSlack, WebClient]) -> None:
    """A command's listener creates a channel, invites who asked, and acknowledges."""
    fake, client = world
    app = _app(client)

    @app.command("/incident")
    def incident(ack: Any, command: dict[str, Any], client: WebClient) -> None:
        room = client.conversations_create(name="inc-7")["channel"]["id"]
        client.conversations_invite(channel=room, users=[command["user_id"]])
        client.chat_postMessage(channel=room, text=command["text"])
        ack(f"Opened <#{room}>")

    fields = {
        "command": "/incident",
        "text": "Writes fail",
        "user_id": "U0ANN00001",
        "channel_id": fake.channel("incidents").id,
        "team_id": "T0FAKE0001",
        "response_url": "https://hooks.example.com/1",
        "trigger_id": "1",
        "api_app_id": "A0FAKE0001",
    }
    response = app.dispatch(_request(urlencode(fields), "application/x-www-form-urlencoded"))
    assert (response.status, fake.channel("inc-7").id in response.body) == (200, True)
    assert "U0ANN00001" in fake.channel("inc-7").members
    fake.assert_posted("inc-7", "Writes fail")


def test_a_refusal_reaches_the_listener(world: tuple[FakeSlack, WebClient]) -> None:
    """What Slack refuses is the exception that slack_sdk raises, with Slack's code."""
    fake, client = world
    app = _app(client)
    seen: list[str] = []

    @app.event("app_mention")
    def mentioned(say: Any) -> None:
        try:
            say(text="x", channel="C0NOWHERE0")
        except Exception as error:  # noqa: BLE001
            seen.append(error.response["error"])  # type: ignore[attr-defined]

    channel = fake.channel("incidents").id
    app.dispatch(
        _event({"type": "app_mention", "user": "U0ANN00001", "channel": channel, "ts": "1.000000", "text": ""})
    )
    assert seen == ["channel_not_found"]
