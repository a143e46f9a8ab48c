"""auth.* and api.*: who the token is, and whether anybody answers.

Rule of this file: see the package.
"""

from __future__ import annotations

from ._registry import Body, NotModelled, Request, method


@method("api.test")
def api_test(request: Request) -> Body:
    """Echo the arguments; ``error`` among them becomes the error."""
    body: Body = {"args": dict(request.arguments)} if request.arguments else {}
    if "error" in request.arguments:
        body.update(ok=False, error=request.text("error"))
    return body


@method("auth.test")
def auth_test(request: Request) -> Body:
    """Say whose token it is."""
    workspace = request.workspace
    token = request.token
    body: Body = {
        "url": f"https://{workspace.domain}.slack.com/",
        "team": workspace.name,
        "user": request.bot.name,
        "team_id": workspace.id,
        "user_id": request.bot.id,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }
    if request.app.enterprise_id is not None:
        body["enterprise_id"] = request.app.enterprise_id
    if token is None:
        return body
    if token.expires_at is not None:
        body["expires_in"] = int(token.expires_at - workspace.clock.now())
    if token.installation.is_enterprise_install:
        # No page says what stands for the workspace of an organisation's token, so nothing does.
        body = {name: value for name, value in body.items() if name not in {"url", "team", "team_id"}}
        body["is_enterprise_install"] = True
    if token.whose == "user":
        user = workspace.users.get(token.installation.user_id)
        body.update(user_id=token.installation.user_id, user=user.name if user is not None else "")
        del body["bot_id"]
    return body


@method("auth.revoke", flags=("test",), json_body=False)
def revoke(request: Request) -> Body:
    """Take one token back."""
    if request.flag("test"):
        raise NotModelled("What the answer says in testing mode is not documented.")
    if request.token is None:
        raise NotModelled("The token that the fake begins with came from no installation.")
    request.app.revoke(request.token)
    return {"revoked": True}


@method("auth.teams.list", numbers=("limit",), flags=("include_icon",), json_body=False)
def list_teams(request: Request) -> Body:
    """List the workspaces in which an organisation's app may act."""
    if request.token is None or not request.token.installation.is_enterprise_install:
        raise NotModelled("What this method tells a workspace's own token is not documented.")
    rows = [{"id": workspace.id, "name": workspace.name} for workspace in request.workspaces.values()]
    page, cursor = request.page(rows, request.limit(100, 1000, code="invalid_limit"))
    return {"teams": page, "response_metadata": {"next_cursor": cursor}}
