"""How requests are read: https://docs.slack.dev/apis/web-api."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from slackrunbooks.testing._wire import Answer, HttpRequest

if TYPE_CHECKING:
    from slackrunbooks.testing import FakeSlack

MULTIPART = (
    b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--X\r\nContent-Disposition: form-data; name="b"\r\n\r\n\r\n--X--\r\n'
)
FORM, JSON = "application/x-www-form-urlencoded", "application/json; charset=utf-8"


def ask(
    slack: FakeSlack,
    method: str = "api.test",
    *,
    body: bytes = b"",
    kind: str = "",
    query: str = "",
    verb: str = "POST",
    token: str = "xoxb-fake",
) -> dict[str, object]:
    """Send raw bytes and return the answer."""
    headers = {"content-type": kind, "authorization": f"Bearer {token}" if token else ""}
    answer = slack.handle(HttpRequest(verb, f"/api/{method}", query, headers, body))
    assert isinstance(answer, Answer)
    found: dict[str, object] = json.loads(answer.body)
    return found


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b"a=1&b="),
        (JSON, b'{"a": "1", "b": "", "c": null}'),
        ("text/plain; charset=utf-8", b'{"a": "1", "b": ""}'),
        ("multipart/form-data; boundary=X", MULTIPART),
    ],
)
def test_every_content_type_gives_the_same_arguments(slack, kind: str, body: bytes) -> None:
    """Forms, JSON and multipart say the same; an explicit null is the default."""
    assert ask(slack, body=body, kind=kind) == {"ok": True, "args": {"a": "1", "b": ""}}


def test_a_query_string_counts_too(slack) -> None:
    """GET arguments, and a mix of both, are read."""
    assert ask(slack, query="a=1", verb="GET") == {"ok": True, "args": {"a": "1"}}
    assert ask(slack, query="a=1", body=b"b=2", kind=FORM) == {"ok": True, "args": {"a": "1", "b": "2"}}


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (JSON, b'{"a":', "invalid_json"),
        (JSON, b"\xff", "invalid_json"),
        (JSON, b"[1]", "json_not_object"),
        ("", b"a=1", "missing_post_type"),
        ("application/xml", b"<a/>", "invalid_post_type"),
        ("application/json; charset=ebcdic", b"{}", "invalid_charset"),
        ("multipart/form-data", b"a=1", "invalid_form_data"),
        (FORM, b"users[]=U1", "invalid_array_arg"),
        (FORM, b"a-b=1", "invalid_arg_name"),
    ],
)
def test_what_cannot_be_read_is_refused(slack, kind: str, body: bytes, code: str) -> None:
    """Each malformed request gets the code that Slack documents for it."""
    assert ask(slack, body=body, kind=kind)["error"] == code


@pytest.mark.parametrize(
    ("kind", "body", "warning"),
    [("application/json", b"{}", "missing_charset"), (f"{FORM}; charset=utf-8", b"a=1", "superfluous_charset")],
)
def test_a_charset_out_of_place_is_a_warning(slack, kind: str, body: bytes, warning: str) -> None:
    """JSON without a charset, and a form with one, are read but remarked upon."""
    answer = ask(slack, body=body, kind=kind)
    assert (answer["ok"], answer["warning"]) == (True, warning)


@pytest.mark.parametrize(
    ("body", "kind", "query", "code"),
    [
        (b"token=xoxb-fake", FORM, "", None),
        (b"token=xoxb-wrong", FORM, "", "invalid_auth"),
        (b'{"token": "xoxb-fake"}', JSON, "", "not_authed"),
        (b"", "", "token=xoxb-fake", "not_authed"),
    ],
)
def test_where_the_token_may_stand(slack, body: bytes, kind: str, query: str, code: str | None) -> None:
    """A POST parameter counts like the header; JSON needs the header, and a query string never holds a token."""
    assert ask(slack, body=body, kind=kind, query=query, token="").get("error") == code
    assert "token" not in slack.calls[-1].arguments


def test_json_goes_only_where_its_page_lists_it(slack) -> None:
    """A method that documents forms only is not guessed at when it is sent JSON."""
    answer = ask(slack, "conversations.info", body=b'{"channel": "C1"}', kind=JSON)
    assert answer["error"] == "not_modelled"
    assert "application/json" in str(answer["message"])


def test_other_verbs_are_not_documented(slack) -> None:
    """Only GET and POST are."""
    assert "PUT" in str(ask(slack, verb="PUT")["message"])


def test_arguments_are_recorded_as_what_they_are(slack) -> None:
    """Flags, numbers and JSON arguments of a form are decoded in the record; unknown arguments stay."""
    channel = slack.channel("incidents").id
    body = f"channel={channel}&text=x&unfurl_links=false&mrkdwn=1&blocks=[]&shiny=yes".encode()
    assert ask(slack, "chat.postMessage", body=body, kind=FORM)["ok"]
    assert slack.calls[-1].arguments == {
        "channel": channel,
        "text": "x",
        "unfurl_links": False,
        "mrkdwn": True,
        "blocks": [],
        "shiny": "yes",
    }
    body = json.dumps({"channel": channel, "text": 7, "metadata": None}).encode()
    ask(slack, "chat.postMessage", body=body, kind=JSON)
    assert slack.calls[-1].arguments == {"channel": channel, "text": "7"}


SCOPED = [
    ("conversations.setTopic", "incidents", {"topic": "x"}, "channels:manage,channels:write.topic"),
    ("conversations.setTopic", "secret", {"topic": "x"}, "groups:write,groups:write.topic"),
    ("conversations.history", "incidents", {}, "channels:history"),
    ("conversations.history", "secret", {}, "groups:history"),
    ("conversations.info", "lobby", {}, "channels:read"),
    ("conversations.archive", "secret", {}, "groups:write"),
    ("conversations.invite", "incidents", {"users": "U0FAKE0002"}, "channels:manage,channels:write.invites"),
    ("conversations.join", "lobby", {}, "channels:join"),
]


@pytest.mark.parametrize(("method", "channel", "arguments", "needed"), SCOPED)
def test_the_type_of_the_conversation_decides_the_scope(slack, form, method, channel, arguments, needed) -> None:
    """The scopes of the other types do not help; any one of this type's does."""
    everything = set(slack.scopes)
    slack.scopes = everything - set(needed.split(","))
    answer = form(method, channel=slack.channel(channel).id, **arguments)
    assert (answer["error"], answer["needed"]) == ("missing_scope", needed)
    for scope in needed.split(","):
        slack.scopes = {scope}
        assert form("conversations.info", channel="C404")["error"] in {"missing_scope", "channel_not_found"}
    slack.scopes = {needed.split(",")[-1]}
    assert form(method, channel=slack.channel(channel).id, **arguments)["ok"]


@pytest.mark.parametrize(
    ("is_private", "scope"), [(False, "channels:manage"), (False, "channels:write"), (True, "groups:write")]
)
def test_creating_needs_the_scope_of_the_kind(slack, form, is_private: bool, scope: str) -> None:
    """A public channel needs one of two scopes, a private one another."""
    slack.scopes = {"im:write"}
    assert scope in form("conversations.create", name="inc", is_private=is_private)["needed"]
    slack.scopes = {scope}
    assert form("conversations.create", name="inc", is_private=is_private)["ok"]


def test_a_token_with_no_scope_of_the_method_is_told_all(slack, form) -> None:
    """Without any scope that the method accepts, the answer names all of them, whatever the channel."""
    slack.scopes = {"chat:write"}
    answer = form("conversations.history", channel="C404")
    assert answer["needed"] == "channels:history,groups:history,im:history,mpim:history"


def test_listing_needs_the_scope_of_each_type(slack, form) -> None:
    """A type that the token has no scope for is refused by name."""
    slack.scopes = {"channels:read"}
    assert form("conversations.list")["ok"]
    assert form("conversations.list", types="public_channel,private_channel")["needed"] == "groups:read"


@pytest.mark.parametrize(("users", "scope"), [(1, "im:write"), (2, "mpim:write")])
def test_opening_needs_the_scope_of_the_party(slack, form, users: int, scope: str) -> None:
    """One person needs im:write, more need mpim:write."""
    people = ",".join(slack.user(name).id for name in ("alice", "bob")[:users])
    slack.scopes = {"channels:manage"}
    assert form("conversations.open", users=people)["needed"] == scope
    slack.scopes = {scope}
    assert form("conversations.open", users=people)["ok"]
