"""The fake's side of OAuth: the page that people click, codes, rotating tokens, and the end of an installation."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from slackrunbooks.testing import FakeSlack

WISH = {"scope": "chat:write,channels:read", "state": "s1"}


def address(slack: FakeSlack, **fields: str) -> str:
    """Return the address of the page."""
    query = urlencode({"client_id": slack.app.client_id, **WISH, **fields})
    return f"https://slack.com/oauth/v2/authorize?{query}"


def code_of(location: str) -> str:
    """Return the code of a redirect."""
    return parse_qs(urlsplit(location).query)["code"][0]


def approved(slack: FakeSlack, **click: Any) -> str:
    """Return the code of an approval."""
    return code_of(slack.authorize(address(slack), **click))


def call(slack: FakeSlack, method: str, token: str | None = None, **fields: str) -> dict[str, Any]:
    """Call a method with a token, or as the app itself, and return the answer, good or bad."""
    own = {"client_id": slack.app.client_id, "client_secret": slack.app.client_secret}
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        return dict(slack.client.api_call(method, params={**own, **fields}, headers=headers).data)
    except SlackApiError as error:
        return dict(error.response.data)


def access(slack: FakeSlack, **fields: str) -> dict[str, Any]:
    """Call oauth.v2.access as the app."""
    return call(slack, "oauth.v2.access", **fields)


def verdict(slack: FakeSlack, token: str) -> str:
    """Say what auth.test says of a token."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        slack.client.api_call("auth.test", headers=headers)
    except SlackApiError as error:
        return str(error.response["error"])
    return "ok"


@pytest.fixture
def rotating() -> FakeSlack:
    """Return a workspace whose app has token rotation switched on."""
    slack = FakeSlack()
    slack.app.token_rotation = True
    return slack


def refresh(slack: FakeSlack, token: str) -> dict[str, Any]:
    """Trade a refresh token in."""
    return access(slack, grant_type="refresh_token", refresh_token=token)


def test_a_code_becomes_a_token_once() -> None:
    """A code is exchanged once, for a token with the scopes that were granted."""
    slack = FakeSlack()
    code = approved(slack)
    answer = access(slack, code=code)
    assert (answer["token_type"], answer["scope"], answer["is_enterprise_install"]) == (
        "bot",
        "channels:read,chat:write",
        False,
    )
    assert "expires_in" not in answer and "refresh_token" not in answer
    assert verdict(slack, answer["access_token"]) == "ok"
    assert access(slack, code=code) == {"ok": False, "error": "invalid_code"}


def test_a_code_ends_after_ten_minutes() -> None:
    """Ten minutes after the approval the code is worth nothing."""
    slack = FakeSlack()
    late, in_time = approved(slack), approved(slack)
    slack.advance(599)
    assert access(slack, code=in_time)["ok"]
    slack.advance(1)
    assert access(slack, code=late)["error"] == "invalid_code"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": "1.2"}, "invalid_client_id"),
        ({"client_secret": "guess"}, "bad_client_secret"),
        ({"code": "guess"}, "invalid_code"),
        ({"redirect_uri": "https://evil.example/"}, "bad_redirect_uri"),
        ({"grant_type": "password"}, "invalid_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "xoxe-1-guess"}, "invalid_refresh_token"),
        ({"code_verifier": "x"}, "not_modelled"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, str], error: str) -> None:
    """Each documented error comes from its cause, and the code is good afterwards."""
    slack = FakeSlack()
    code = approved(slack)
    assert access(slack, **{"code": code, **fields})["error"] == error
    assert access(slack, code=code)["ok"]


def test_who_the_app_is_may_stand_in_the_header() -> None:
    """HTTP Basic authentication takes the place of the two arguments."""
    slack = FakeSlack()
    auth: Any = {"client_id": slack.app.client_id, "client_secret": slack.app.client_secret}
    with slack.serve() as server:
        client = WebClient(base_url=server.url)
        answer = client.api_call("oauth.v2.access", params={"code": approved(slack)}, auth=_basic(auth))
    assert answer["ok"]


def _basic(auth: dict[str, str]) -> Any:
    return {"client_id": auth["client_id"], "client_secret": auth["client_secret"]}


def test_a_consent_may_be_denied_or_less_than_asked() -> None:
    """Whoever cancels sends an error, whoever leaves scopes out a code for the others; the state comes back."""
    slack = FakeSlack()
    sent = parse_qs(urlsplit(slack.authorize(address(slack), deny=True)).query)
    assert sent == {"error": ["access_denied"], "state": ["s1"]}
    assert access(slack, code=approved(slack, scopes=["chat:write"]))["scope"] == "chat:write"
    with pytest.raises(ValueError, match="the app does not ask for pins:read"):
        slack.authorize(address(slack), scopes=["pins:read"])


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": "1.2"}, "invalid_client_id"),
        ({"redirect_uri": "http://bot.example/slack/oauth_redirect"}, "bad_redirect_uri"),
        ({"redirect_uri": "https://bot.example/slack/oauth_redirects"}, "bad_redirect_uri"),
        ({"redirect_uri": "https://evil.example/slack/oauth_redirect"}, "bad_redirect_uri"),
        ({"scope": "chat:shout"}, "invalid_scope"),
        ({"scope": ""}, "no_scopes"),
    ],
)
def test_the_page_refuses(fields: dict[str, str], error: str) -> None:
    """A request that cannot be granted shows its error, to a test and to a browser."""
    slack = FakeSlack()
    with pytest.raises(ValueError, match=error):
        slack.authorize(address(slack, **fields))
    with slack.serve() as server, pytest.raises(urllib.error.HTTPError) as shown:
        urllib.request.urlopen(f"{server.authorize_url}?{urlsplit(address(slack, **fields)).query}")
    assert error in shown.value.read().decode()
    shown.value.close()


def test_a_redirect_may_lie_below_the_registered_one() -> None:
    """A redirect_uri below a Redirect URL is taken, and must come again with the code."""
    slack = FakeSlack()
    deeper = f"{slack.app.redirect_urls[0]}/eu"
    location = slack.authorize(address(slack, redirect_uri=deeper))
    assert location.startswith(f"{deeper}?")
    assert access(slack, code=code_of(location))["error"] == "bad_redirect_uri"
    assert access(slack, code=code_of(location), redirect_uri=deeper)["ok"]


def test_scopes_are_added_to_the_token_of_a_workspace() -> None:
    """A second installation adds its scopes, and the one token has them all."""
    slack = FakeSlack()
    first = access(slack, code=approved(slack, scopes=["chat:write"]))
    second = access(slack, code=approved(slack, scopes=["channels:read"]))
    assert second["scope"] == "channels:read,chat:write"
    assert first["access_token"] == second["access_token"]
    assert (
        slack.client.api_call(
            "conversations.list", headers={"Authorization": f"Bearer {first['access_token']}"}
        ).headers["x-oauth-scopes"]
        == second["scope"]
    )


def test_a_person_gets_a_token_of_their_own(rotating: FakeSlack) -> None:
    """user_scope gives a user token beside the bot's, each with a refresh token of its own."""
    alice = rotating.add_user("alice")
    location = rotating.authorize(address(rotating, user_scope="chat:write"), user=alice)
    answer = access(rotating, code=code_of(location))
    authed = answer["authed_user"]
    assert (authed["id"], authed["token_type"]) == (alice.id, "user")
    again = refresh(rotating, authed["refresh_token"])
    assert (again["token_type"], again["user_id"]) == ("user", alice.id)
    assert verdict(rotating, again["access_token"]) == "ok"


def test_a_rotating_token_ends_after_twelve_hours(rotating: FakeSlack) -> None:
    """It is good for 43,200 seconds, and then token_expired; its refresh token buys the next."""
    first = access(rotating, code=approved(rotating))
    assert first["expires_in"] == 43_200
    assert first["access_token"].startswith("xoxe.xoxb-1-") and first["refresh_token"].startswith("xoxe-1-")
    rotating.advance(43_199)
    assert verdict(rotating, first["access_token"]) == "ok"
    rotating.advance(1)
    assert verdict(rotating, first["access_token"]) == "token_expired"
    second = refresh(rotating, first["refresh_token"])
    assert verdict(rotating, second["access_token"]) == "ok"


@pytest.mark.parametrize(("grace", "second"), [(0, "invalid_refresh_token"), (30, None)])
def test_a_refresh_token_is_good_once_or_within_its_grace(
    rotating: FakeSlack, grace: float, second: str | None
) -> None:
    """Used again it is refused, but for the grace period; after that in any case."""
    rotating.app.grace_seconds = grace
    first = access(rotating, code=approved(rotating))
    assert refresh(rotating, first["refresh_token"])["ok"]
    assert refresh(rotating, first["refresh_token"]).get("error") == second
    rotating.advance(30)
    assert refresh(rotating, first["refresh_token"])["error"] == "invalid_refresh_token"


def test_two_tokens_are_active_and_no_more(rotating: FakeSlack) -> None:
    """The third token within 12 hours ends the oldest; a refresh by itself ends none."""
    tokens = [access(rotating, code=approved(rotating))]
    for _ in range(2):
        tokens.append(refresh(rotating, tokens[-1]["refresh_token"]))
        assert verdict(rotating, tokens[-2]["access_token"]) == "ok"
    assert [verdict(rotating, each["access_token"]) for each in tokens] == ["token_revoked", "ok", "ok"]
    assert rotating.app.active_tokens == 2


def test_revoking_ends_an_authorization_or_one_rotating_token(rotating: FakeSlack) -> None:
    """Without rotation auth.revoke ends the installation; with it one token, and the refresh token goes on."""
    slack = FakeSlack()
    token = access(slack, code=approved(slack))["access_token"]
    assert call(slack, "auth.revoke", token)["revoked"]
    assert verdict(slack, token) == "account_inactive"
    first = access(rotating, code=approved(rotating))
    call(rotating, "auth.revoke", first["access_token"])
    assert verdict(rotating, first["access_token"]) == "token_revoked"
    assert refresh(rotating, first["refresh_token"])["ok"]


def test_uninstalling_ends_every_token(rotating: FakeSlack) -> None:
    """After apps.uninstall neither token is good; a new installation begins anew."""
    first = access(rotating, code=approved(rotating))
    assert call(rotating, "apps.uninstall", first["access_token"], client_secret="x")["error"] == "bad_client_secret"
    assert call(rotating, "apps.uninstall", first["access_token"])["uninstalled"]
    assert verdict(rotating, first["access_token"]) == "account_inactive"
    assert refresh(rotating, first["refresh_token"])["error"] == "invalid_refresh_token"
    again = access(rotating, code=approved(rotating, scopes=["chat:write"]))
    assert again["scope"] == "chat:write"


def test_a_token_that_never_ends_is_traded_in_once() -> None:
    """oauth.v2.exchange gives a rotating pair, once; the first refresh ends the old token."""
    slack = FakeSlack()
    old = access(slack, code=approved(slack))["access_token"]
    assert call(slack, "oauth.v2.exchange", old)["error"] == "token_rotation_not_enabled"
    slack.app.token_rotation = True
    pair = call(slack, "oauth.v2.exchange", old)
    assert call(slack, "oauth.v2.exchange", old)["error"] == "token_already_exchanged"
    assert call(slack, "oauth.v2.exchange", pair["access_token"])["error"] == "invalid_token"
    assert verdict(slack, old) == "ok"
    assert refresh(slack, pair["refresh_token"])["ok"]
    assert verdict(slack, old) == "token_expired"


def test_one_installation_of_an_organisation_reaches_every_workspace() -> None:
    """team_id chooses the workspace, an ID in the request does too, and without either the method's page decides."""
    acme = FakeSlack(enterprise="Umbrella")
    beta = acme.add_workspace("Beta")
    room = beta.add_channel("room")
    wish = address(acme, scope="chat:write,channels:manage,channels:read")
    answer = access(acme, code=code_of(acme.authorize(wish, for_org=True)))
    token = answer["access_token"]
    assert (answer["team"], answer["enterprise"], answer["is_enterprise_install"]) == (
        None,
        {"id": "E0FAKE0001", "name": "Umbrella"},
        True,
    )
    assert call(acme, "conversations.create", token, name="x")["error"] == "missing_argument"
    assert call(acme, "conversations.create", token, name="x", team_id="T9")["error"] == "team_access_not_granted"
    assert call(acme, "conversations.create", token, name="x", team_id=beta.team_id)["ok"]
    assert call(acme, "chat.postMessage", token, channel=room.id, text="Hi")["ok"]
    assert [each.name for each in beta.channels] == ["room", "x"] and acme.channels == []
    assert [team["id"] for team in call(acme, "auth.teams.list", token)["teams"]] == [acme.team_id, beta.team_id]
    me = call(acme, "auth.test", token)
    assert me["is_enterprise_install"] and "team_id" not in me


def test_a_workspace_has_its_own_installation() -> None:
    """Two workspaces without an organisation have a token each, and each token its own workspace."""
    acme = FakeSlack()
    beta = acme.add_workspace("Beta")
    tokens = [access(each, code=approved(each))["access_token"] for each in (acme, beta)]
    told = [call(acme, "auth.test", token)["team"] for token in tokens]
    assert told == ["Acme", "Beta"]
    assert [each.method for each in beta.calls] == ["oauth.v2.access", "auth.test"]


def test_a_browser_clicks_through_the_page(rotating: FakeSlack) -> None:
    """The page lists what is asked for; its form sends the browser back with a code, or with a refusal."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments: Any) -> None:
            return None

    opener = urllib.request.build_opener(Stay)
    with rotating.serve() as server:
        url = f"{server.authorize_url}?{urlsplit(address(rotating)).query}"
        with opener.open(url) as shown:
            text = shown.read().decode()
        assert 'value="chat:write"' in text and 'value="channels:read"' in text and "Acme" in text

        def click(**fields: str) -> dict[str, list[str]]:
            with pytest.raises(urllib.error.HTTPError) as moved:
                opener.open(url, data=urlencode({"install_in": rotating.team_id, **fields}).encode())
            moved.value.close()
            assert moved.value.code == 302
            return parse_qs(urlsplit(moved.value.headers["location"]).query)

        assert click(decision="deny") == {"error": ["access_denied"], "state": ["s1"]}
        code = click(decision="allow", granted="chat:write")["code"][0]
    assert access(rotating, code=code)["scope"] == "chat:write"


def test_a_code_is_no_secret_to_a_test_and_to_nobody_else(rotating: FakeSlack) -> None:
    """The app knows every secret that it gave out, and shows none in its repr."""
    answer = access(rotating, code=approved(rotating))
    assert {answer["access_token"], answer["refresh_token"], rotating.app.client_secret} <= set(rotating.app.secrets)
    shown = repr(rotating.app) + repr(rotating.app.installations) + repr(rotating)
    assert not [secret for secret in rotating.app.secrets if secret in shown]


@pytest.mark.parametrize("method", ["auth.revoke", "apps.uninstall", "oauth.v2.exchange", "auth.teams.list"])
def test_the_token_of_the_beginning_came_from_no_installation(method: str) -> None:
    """What becomes of a token that nobody installed is not modelled, and said so."""
    slack = FakeSlack()
    assert call(slack, method)["error"] == "not_modelled"
    token = access(slack, code=approved(slack))["access_token"]
    assert call(slack, "auth.revoke", token, test="true")["error"] == "not_modelled"
    assert verdict(slack, token) == "ok"
