"""Whatever a request holds, the fake answers it as Slack would: with a JSON object that says ok or an error."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings, strategies as st

from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._methods import METHODS
from slackrunbooks.testing._wire import Answer, HttpRequest

NAMES = sorted(
    {
        name
        for method in METHODS.values()
        for part in (method.required, method.flags, method.numbers, method.data)
        for name in part
    }
    | {
        "text",
        "markdown_text",
        "thread_ts",
        "users",
        "user",
        "types",
        "cursor",
        "limit",
        "oldest",
        "latest",
        "link",
        "emoji",
    }
)
KNOWN = st.sampled_from(["C0FAKE0001", "C0FAKE0002", "U0FAKE0001", "1767603600.000000", "general", "link", "eyes", ""])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | KNOWN
BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from(["section", "header", "context", "actions", "image", "markdown", "rich_text", "table"])},
    optional={key: LEAVES | st.lists(LEAVES, max_size=2) for key in ("text", "fields", "elements", "rows", "block_id")},
)
VALUES = st.recursive(
    LEAVES | BLOCK,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def workspace() -> FakeSlack:
    """Return a workspace with something in it."""
    slack = FakeSlack()
    alice = slack.add_user("alice")
    slack.add_channel("general", members=[alice], is_general=True)
    slack.add_channel("room", members=[alice])
    alice.post("room", "Hi")
    return slack


@settings(max_examples=150, deadline=None)
@given(method=st.sampled_from(sorted(METHODS)), arguments=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
def test_no_arguments_break_the_fake(method: str, arguments: dict[str, Any]) -> None:
    """Any JSON for any argument gives an answer, and the transcript can still be read."""
    for known in ({}, {"channel": "C0FAKE0002", "channel_id": "C0FAKE0002"}):
        post(workspace(), method, {**arguments, **known})


@settings(max_examples=150, deadline=None)
@given(
    blocks=st.lists(BLOCK | VALUES, max_size=3),
    attachments=VALUES | st.lists(VALUES, max_size=2),
    metadata=VALUES,
)
def test_no_content_breaks_the_fake(blocks: list[Any], attachments: Any, metadata: Any) -> None:
    """Any blocks, attachments and metadata are posted or refused, and what was posted can be read."""
    content = {"channel": "room", "text": "x", "blocks": blocks, "attachments": attachments, "metadata": metadata}
    for left_out in ("metadata", "blocks", "attachments"):
        content.pop(left_out)
        post(workspace(), "chat.postMessage", content)


def post(slack: FakeSlack, method: str, arguments: dict[str, Any]) -> None:
    """Send arguments as the method's page lists them, and check that they were answered."""
    if METHODS[method].json_body:
        kind, body = "application/json; charset=utf-8", json.dumps(arguments)
    else:
        kind = "application/x-www-form-urlencoded"
        body = urlencode({name: json.dumps(value) for name, value in arguments.items()})
    headers = {"content-type": kind, "authorization": "Bearer xoxb-fake"}
    answer = slack.handle(HttpRequest("POST", f"/api/{method}", "", headers, body.encode()))
    assert isinstance(answer, Answer)
    assert isinstance(json.loads(answer.body)["ok"], bool)
    slack.transcript()


@settings(max_examples=100, deadline=None)
@given(
    body=st.binary(max_size=60),
    kind=st.sampled_from(["application/json", "multipart/form-data; boundary=x", "text/plain"]),
)
def test_no_body_breaks_the_fake(body: bytes, kind: str) -> None:
    """Any bytes under any content type give an answer."""
    answer = workspace().handle(
        HttpRequest("POST", "/api/api.test", "", {"content-type": kind, "authorization": "Bearer xoxb-fake"}, body)
    )
    assert isinstance(answer, Answer)
    assert isinstance(json.loads(answer.body)["ok"], bool)
