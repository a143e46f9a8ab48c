"""oauth.* and apps.*: codes and refresh tokens become tokens, and the app goes away again.

Rule of this file: see the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._registry import Body, NotModelled, Refusal, Request, method

if TYPE_CHECKING:
    from slackrunbooks.testing._oauth import FakeInstallation, Pair


@method("oauth.v2.access", json_body=False, needs_token=False)
def access(request: Request) -> Body:
    """Trade a code, or a refresh token, for tokens."""
    _known_client(request)
    grant = request.text("grant_type", "authorization_code")
    if grant == "refresh_token":
        return _refreshed(request)
    if grant != "authorization_code":
        raise Refusal("invalid_grant_type")
    if "code_verifier" in request.arguments or "assertion" in request.arguments:
        raise NotModelled("PKCE and identity assertions are not modelled.")
    redirect_uri = request.text("redirect_uri") if "redirect_uri" in request.arguments else None
    code = request.app.take(request.text("code"), redirect_uri)
    if isinstance(code, str):
        raise Refusal(code)
    bot, user = request.app.install(code)
    body = _shared(request, code.installation)
    if bot is not None:
        body.update(_tokens(bot), scope=",".join(sorted(code.installation.scopes)), bot_user_id=request.bot.id)
    authed: Body = {"id": code.user_id}
    if user is not None:
        authed.update(_tokens(user), scope=",".join(sorted(code.installation.user_scopes)))
    return {**body, "authed_user": authed}


def _refreshed(request: Request) -> Body:
    pair = request.app.refresh(request.text("refresh_token"))
    if pair is None:
        raise Refusal("invalid_refresh_token")
    return _renewed(request, pair)


@method("oauth.v2.exchange", required=("client_id", "client_secret"), json_body=False)
def exchange(request: Request) -> Body:
    """Trade a token that never expires for a pair that rotates."""
    _known_client(request)
    token = request.token
    if token is None:
        raise NotModelled("The token that the fake begins with came from no installation.")
    if not request.app.token_rotation:
        raise Refusal("token_rotation_not_enabled")
    if token.is_exchanged:
        raise Refusal("token_already_exchanged")
    if token.expires_at is not None or token.is_refresh:
        raise Refusal("invalid_token")
    return _renewed(request, request.app.exchange(token))


@method("apps.uninstall", required=("client_id", "client_secret"), json_body=False)
def uninstall(request: Request) -> Body:
    """Take the app away, with every token of the installation."""
    _known_client(request)
    if request.token is None:
        raise NotModelled("The token that the fake begins with came from no installation.")
    request.app.uninstall(request.token.installation)
    return {"uninstalled": True}


def _known_client(request: Request) -> None:
    """Refuse whoever does not say who the app is: in the arguments, or by HTTP Basic authentication."""
    client_id, client_secret = request.client or (request.text("client_id"), request.text("client_secret"))
    if client_id != request.app.client_id:
        raise Refusal("invalid_client_id")
    if client_secret != request.app.client_secret:
        raise Refusal("bad_client_secret")


def _renewed(request: Request, pair: Pair) -> Body:
    installation = pair.access.installation
    is_bot = pair.access.whose == "bot"
    scopes = installation.scopes if is_bot else installation.user_scopes
    whose = {"bot_user_id": request.bot.id} if is_bot else {"user_id": installation.user_id}
    return {**_shared(request, installation), **_tokens(pair), "scope": ",".join(sorted(scopes)), **whose}


def _shared(request: Request, installation: FakeInstallation) -> Body:
    team = request.workspaces.get(installation.team_id or "")
    organisation = {"id": installation.enterprise_id, "name": request.enterprise}
    return {
        "app_id": request.workspace.app_id,
        "team": {"id": team.id, "name": team.name} if team is not None else None,
        "enterprise": organisation if installation.enterprise_id is not None else None,
        "is_enterprise_install": installation.is_enterprise_install,
    }


def _tokens(pair: Pair) -> dict[str, Any]:
    from slackrunbooks.testing._oauth import EXPIRES_IN

    body: dict[str, Any] = {"access_token": pair.access.value, "token_type": pair.access.whose}
    if pair.refresh is not None:
        body.update(expires_in=EXPIRES_IN, refresh_token=pair.refresh.value)
    return body
