"""auth.* and api.*: who the token is, and whether anybody answers.

Rule of this file: see the package.
"""

from __future__ import annotations

from ._registry import Body, Request, method


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
    return {
        "url": f"https://{workspace.domain}.slack.com/",
        "team": workspace.name,
        "user": request.bot.name,
        "team_id": workspace.id,
        "user_id": request.bot.id,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }
