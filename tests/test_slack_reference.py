"""Our requests judged by Slack's own reference, through a validator that nobody here wrote.

``data/slack-openapi.json`` has what Slack's pages say of arguments and errors; ``data/make_openapi.py`` made it, which
knows none of our requests. openapi-core holds it against what really arrives at a server on 127.0.0.1. Bodies are
forms, in which everything is text; each text is read here as what its argument is, and handed over as JSON, because
openapi-core takes out of a form what the document does not name.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._arguments import reference as known_to_the_fake
from slackrunbooks.testing._wire import HttpRequest

from .catalogue import CATALOGUE, CONTEXT, Case, world
from .data.make_openapi import document

DOCUMENT = json.loads((Path(__file__).parent / "data" / "slack-openapi.json").read_text(encoding="utf-8"))
LISTED = json.loads((Path(__file__).parent / "data" / "slack-errors.json").read_text(encoding="utf-8"))

_FORM = "application/x-www-form-urlencoded"
# https://docs.slack.dev/apis/web-api/#basics: flags are sent as true and false, and as 1 and 0.
_FLAGS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


@cache
def _validator() -> OpenAPI:
    return OpenAPI.from_dict(DOCUMENT)


def _arguments(method: str) -> Mapping[str, Any]:
    operation = DOCUMENT["paths"].get(f"/api/{method}", {"post": None})["post"]
    if operation is None:
        return {}
    found: Mapping[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
    return found


def _read(text: str, schema: Mapping[str, Any]) -> Any:
    """Read the text of one field as what its argument is; a text that is nothing of the kind stays a text."""
    for kind in (schema, *schema.get("anyOf", ())):
        value = _read_as(kind.get("type"), text)
        if value is not None:
            return value
    return text


def _read_as(kind: str | None, text: str) -> Any:
    if kind == "boolean":
        return _FLAGS.get(text)
    if kind in {"integer", "number"} and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        return json.loads(text)
    if kind in {"array", "object"} and text.lstrip()[:1] in {"[", "{"}:
        try:
            return json.loads(text)
        except ValueError:
            return None
    # "A comma-separated list" is the other way to send a list: https://docs.slack.dev/reference/methods/chat.update
    return text.split(",") if kind == "array" and text else None


def judge(request: HttpRequest) -> None:
    """Let the validator look at one request as it arrived."""
    # What stands in an address is in everybody's logs, and is no place for arguments or tokens.
    assert request.query == ""
    assert request.verb == "POST"
    if request.body:
        assert request.headers["content-type"].partition(";")[0] == _FORM
    fields = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(request.body))
    assert len(dict(fields)) == len(fields)
    known = _arguments(request.path.rpartition("/")[2])
    body = {name: _read(text, known.get(name, {})) for name, text in fields}
    headers = {name: value for name, value in request.headers.items() if name != "content-type"}
    sent = MockRequest(
        "http://127.0.0.1", request.verb.lower(), request.path, data=json.dumps(body).encode(), headers=headers
    )
    _validator().validate_request(sent)


@contextmanager
def _listening(fake: FakeSlack) -> Iterator[tuple[Any, list[HttpRequest]]]:
    """Serve the workspace over HTTP, and note every request as it arrives."""
    seen: list[HttpRequest] = []
    answer = fake.handle

    def note(request: HttpRequest) -> Any:
        seen.append(request)
        return answer(request)

    with fake.serve() as server:
        fake.handle = note  # type: ignore[method-assign]
        yield server, seen


def _requests(case: Case, kind: str) -> list[HttpRequest]:
    """Do a case over HTTP, and return what arrived."""
    fake = FakeSlack()
    world(fake)
    case.before(fake)
    action = case.make(fake)
    with _listening(fake) as (server, seen):
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


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_the_whole_run_looks_up_is_judged_too(kind: str) -> None:
    """A check, and a run that looks up the channel, the people and its own lost message, ask as Slack documents."""
    fake = FakeSlack()
    world(fake)
    book = sr.Runbook(
        "b",
        {
            "say": sr.SendMessage(channel="#incidents", text="x"),
            "room": sr.CreateChannel(name="inc-7"),
            "ask": sr.InviteToChannel(channel="{{steps.room.channel}}", users="ann@example.com"),
        },
    )
    with _listening(fake) as (server, seen):
        fake.lose_reply("chat.postMessage")
        fake.lose_reply("conversations.create")
        if kind == "sync":
            with server.executor() as executor:
                executor.check(book).raise_for_problems()
                report = executor.run(book)
        else:

            async def go() -> sr.Report:
                async with server.async_executor() as executor:
                    (await executor.check(book)).raise_for_problems()
                    return await executor.run(book)

            report = asyncio.run(go())
    assert report.ok, report
    assert {"auth.test", "conversations.history"} <= {request.path.rpartition("/")[2] for request in seen}
    for request in seen:
        judge(request)


def _request(method: str, headers: Mapping[str, str] | None = None, **fields: str) -> HttpRequest:
    told = {"content-type": _FORM, "authorization": "Bearer x"} if headers is None else headers
    return HttpRequest("POST", f"/api/{method}", "", told, urlencode(fields).encode())


YES: dict[str, HttpRequest] = {
    "all kinds": _request(
        "chat.postMessage", channel="C1", text="x", unfurl_links="0", blocks="[]", thread_ts="1503435956.000247",
        metadata='{"event_type": "x", "event_payload": {}}',
    ),
    "a text that looks like JSON": _request("chat.postMessage", channel="C1", text="[not json"),
    "a list with commas": _request("usergroups.users.update", usergroup="S1", users="U1,U2"),
    "no arguments": _request("auth.test"),
    "a number": _request("conversations.replies", channel="C1", ts="1503435956.000247", limit="1000"),
}  # fmt: skip

NO: dict[str, tuple[HttpRequest, str]] = {
    "missing": (_request("chat.postMessage", text="x"), "'channel' is a required property"),
    "misspelt": (_request("chat.postMessage", channel="C1", link_name="1"), "'link_name' was unexpected"),
    "of another method": (_request("chat.update", channel="C1", ts="1.000000", mrkdwn="1"), "'mrkdwn' was unexpected"),
    "no flag": (_request("chat.postMessage", channel="C1", unfurl_links="yes"), "'yes' is not of type 'boolean'"),
    "no JSON": (_request("chat.postMessage", channel="C1", metadata="{x"), "'{x' is not of type 'object'"),
    "an object for a list": (_request("chat.postMessage", channel="C1", blocks="{}"), "{} is not of type 'array'"),
    "texts for blocks": (_request("chat.postMessage", channel="C1", blocks="a,b"), "'a' is not of type 'object'"),
    "no ts": (_request("chat.update", channel="C1", ts="yesterday", text="x"), "'yesterday' does not match"),
    "no number": (_request("conversations.list", limit="many"), "'many' is not of type 'number'"),
    "too great": (_request("conversations.replies", channel="C1", ts="1.000000", limit="1001"), "greater than the max"),
    "no whole number": (_request("chat.scheduleMessage", channel="C1", post_at="1.5"), "1.5 is not of type 'integer'"),
    "too long": (_request("bookmarks.add", channel_id="C1", title="x" * 257, type="link"), "is too long"),
    "no such choice": (_request("chat.scheduleMessage", channel="C1", post_at="1", parse="all"), "is not one of"),
    "inside a list": (
        _request("files.completeUploadExternal", files='[{"title": "x"}]'),
        "'id' is a required property",
    ),
    "no such method": (_request("chat.postMassage", channel="C1"), "Path not found"),
    "no token": (_request("auth.test", {"content-type": _FORM}), "Security not found"),
    "a token in the body": (_request("auth.test", token="x"), "'token' was unexpected"),
}


def _says(error: BaseException) -> str:
    """Put together what an error says, with its causes and what a schema found."""
    found = [str(error)]
    found += [schema_error.message for schema_error in getattr(error, "schema_errors", ())]
    return "\n".join(found + ([_says(error.__cause__)] if error.__cause__ else []))


@pytest.mark.parametrize("request_", YES.values(), ids=YES)
def test_the_judge_can_say_yes(request_: HttpRequest) -> None:
    """What the page says passes."""
    judge(request_)


@pytest.mark.parametrize(("request_", "reason"), NO.values(), ids=NO)
def test_the_judge_can_say_no(request_: HttpRequest, reason: str) -> None:
    """What is missing, unknown, of a wrong type or beyond a limit does not pass, and for that reason."""
    with pytest.raises(OpenAPIError) as refused:
        judge(request_)
    assert reason in _says(refused.value)


def test_the_judge_takes_no_argument_twice_and_none_in_the_address() -> None:
    """A form names each argument once, and the address names none."""
    headers = {"content-type": _FORM, "authorization": "Bearer x"}
    for query, body in (("", b"channel=C1&channel=C2"), ("channel=C1", b"text=x")):
        with pytest.raises(AssertionError):
            judge(HttpRequest("POST", "/api/chat.postMessage", query, headers, body))


# --- the reference itself --------------------------------------------------------------------------------------------


def test_a_page_is_read_for_what_it_says() -> None:
    """JSON shows in the example, null is left out, the token goes into a header, and no sentence is copied."""
    page = {
        "args": {
            "required": ["token", "ts"],
            "properties": {
                "token": {"type": "string"},
                "ts": {"type": "string", "subtype": "timestamp", "desc": "When."},
                "blocks": {"anyOf": [{"type": "string"}, {"type": "null"}], "example": '[{"type": "divider"}]'},
                "data": {"schema": "selection", "example": '{"type": "markdown"}'},
                "odd": {"anyOf": [{"type": "boolean"}, {"type": "string"}], "example": "[1]"},
                "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                "ids": {"type": "array", "items": {"schema": "user_id"}, "maxItems": 3},
                "title": {"type": "string", "maxLength": 9, "required_for_public": True},
                "view": {"allOf": [{"type": "object"}]},
            },
        },
        "errors": {"not_found": "Nobody knows.", "bad": "Bad."},
    }
    made = document({"x.y": page})["paths"]["/api/x.y"]["post"]
    assert made["requestBody"]["required"] is True
    assert made["requestBody"]["content"]["application/json"]["schema"] == {
        "type": "object",
        "properties": {
            "blocks": {"type": "array", "items": {"type": "object"}},
            "data": {"type": "object"},
            "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "ids": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
            "odd": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "boolean"}]},
            "title": {"type": "string", "maxLength": 9},
            "ts": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,6})?$"},
            "view": {"type": "object"},
        },
        "additionalProperties": False,
        "required": ["title", "ts"],
    }
    assert made["responses"]["200"]["x-errors"] == ["bad", "not_found"]


@pytest.mark.parametrize("method", sorted(known_to_the_fake()))
def test_the_fake_knows_the_arguments_of_the_page(method: str) -> None:
    """What the fake takes for unknown is what the page does not list."""
    assert set(known_to_the_fake()[method]["arguments"]) == set(_arguments(method))


@pytest.mark.parametrize("method", sorted(LISTED["methods"]))
def test_no_documented_error_is_left_out(method: str) -> None:
    """The errors that the tests of the actions walk are all that the page lists, and no others."""
    page = set(DOCUMENT["paths"][f"/api/{method}"]["post"]["responses"]["200"]["x-errors"])
    own, common = set(LISTED["methods"][method]), set(LISTED["common"])
    assert own <= page
    assert page <= own | common
