"""Our requests judged by Slack's own reference, through a validator that nobody here wrote.

``testing/arguments.json`` has what each method's page says of its arguments. It becomes an OpenAPI document here,
and openapi-core holds against it what really arrives at a server on 127.0.0.1. Bodies are forms; they are handed over
as the JSON object of their fields, because openapi-core takes out of a form what the document does not name.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._arguments import reference as arguments_of_pages
from slackrunbooks.testing._wire import HttpRequest

from .catalogue import CATALOGUE, CONTEXT, Case, world

REFERENCE: Mapping[str, Any] = arguments_of_pages()

_FORM = "application/x-www-form-urlencoded"

# What the kinds of arguments in the data file are in a form, where everything is text.
_KINDS: Mapping[str, Any] = {
    "text": {"type": "string"},
    "ts": {"type": "string", "pattern": r"^\d+(\.\d{6})?$"},
    "flag": {"enum": ["0", "1", "true", "false", "True", "False"]},
    "number": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    "integer": {"type": "string", "pattern": r"^-?\d+$"},
    "json": {"type": "string", "pattern": r"^\s*[\[{]"},
    "any": {"type": "string"},
}


def _schema(kind: Any) -> Any:
    if isinstance(kind, list):
        return {"enum": kind}
    if isinstance(kind, Mapping):
        return {"type": "string", **kind["text"]}
    return _KINDS[kind]


@cache
def reference() -> OpenAPI:
    """Make the document: one path for each method, and no argument but those of its page."""
    paths = {
        f"/api/{name}": {
            "post": {
                "requestBody": {
                    "required": bool(page["required"]),
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {key: _schema(kind) for key, kind in page["arguments"].items()},
                                "required": page["required"],
                                "additionalProperties": False,
                            }
                        }
                    },
                },
                "responses": {"200": {"description": "An answer."}},
            }
        }
        for name, page in REFERENCE.items()
    }
    return OpenAPI.from_dict(
        {
            "openapi": "3.1.0",
            "info": {"title": "Slack's methods", "version": "1"},
            "servers": [{"url": "http://127.0.0.1"}],
            "paths": paths,
        }
    )


def judge(request: HttpRequest) -> None:
    """Let the validator look at one request as it arrived."""
    assert request.headers.get("content-type", _FORM).partition(";")[0] == _FORM
    fields = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(request.body))
    assert len(dict(fields)) == len(fields)
    body = json.dumps(dict(fields)).encode()
    reference().validate_request(MockRequest("http://127.0.0.1", request.verb.lower(), request.path, data=body))


def _requests(case: Case, kind: str) -> list[HttpRequest]:
    """Do a case over HTTP, and return what arrived."""
    fake = FakeSlack()
    world(fake)
    case.before(fake)
    action = case.make(fake)
    fake.calls.clear()
    seen: list[HttpRequest] = []
    answer = fake.handle

    def note(request: HttpRequest) -> Any:
        seen.append(request)
        return answer(request)

    with fake.serve() as server:
        fake.handle = note  # type: ignore[method-assign]
        if kind == "sync":
            with server.executor() as executor:
                executor.do(action, CONTEXT)
        else:

            async def go() -> None:
                async with server.async_executor() as executor:
                    await executor.do(action, CONTEXT)

            asyncio.run(go())
    return [request for request in seen if request.path.startswith("/api/")]


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("case", CATALOGUE, ids=lambda case: case.name)
def test_every_request_is_one_that_slack_documents(case: Case, kind: str) -> None:
    """No argument is unknown, missing or of a wrong type, in any request of any action with any option."""
    requests = _requests(case, kind)
    assert requests
    for request in requests:
        judge(request)


def test_the_whole_catalogue_was_judged() -> None:
    """The cases reach every action that sends anything."""
    from slackrunbooks.actions import ACTIONS

    made = set()
    for case in CATALOGUE:
        fake = FakeSlack()
        world(fake)
        case.before(fake)
        made.add(type(case.make(fake)))
    assert made == set(ACTIONS.values()) - {sr.UnarchiveChannel}


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("chat.postMessage", "text=x"),
        ("chat.postMessage", "channel=C1&text=x&link_name=1"),
        ("chat.postMessage", "channel=C1&text=x&unfurl_links=yes"),
        ("chat.postMessage", "channel=C1&blocks=x"),
        ("chat.update", "channel=C1&ts=yesterday&text=x"),
        ("conversations.list", "limit=many"),
        ("bookmarks.add", "channel_id=C1&title=" + "x" * 257 + "&type=link"),
        ("chat.scheduleMessage", "channel=C1&post_at=1&text=x&parse=all"),
        ("chat.postMassage", "channel=C1&text=x"),
    ],
)
def test_the_judge_can_say_no(method: str, body: str) -> None:
    """What is missing, unknown, too long or of a wrong type does not pass."""
    headers = {"content-type": _FORM}
    with pytest.raises(OpenAPIError):
        judge(HttpRequest("POST", f"/api/{method}", "", headers, body.encode()))


def test_the_judge_can_say_yes() -> None:
    """What the page says passes."""
    body = b"channel=C1&text=x&unfurl_links=0&blocks=%5B%5D&thread_ts=1503435956.000247"
    judge(HttpRequest("POST", "/api/chat.postMessage", "", {"content-type": _FORM}, body))
