"""The page on which somebody allows the app in, or does not.

Rule of this file: from a query to an answer; what is approved is the app's business (``_oauth.py``). Source:
https://docs.slack.dev/authentication/installing-with-oauth. How the page looks is not documented, so a program that
reads it rests on this fake: a test clicks with ``FakeSlack.authorize``, or posts the form as it stands.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs

from ._wire import Answer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ._oauth import FakeApp

__all__ = ["PATH", "Asked", "asked", "decided", "page", "redirect", "refused"]

_NOT_ALONE: Final = {
    "chat:write.customize": "chat:write",  # https://docs.slack.dev/reference/scopes/chat.write.customize
    "chat:write.public": "chat:write",  # https://docs.slack.dev/reference/scopes/chat.write.public
    "users:read.email": "users:read",  # https://docs.slack.dev/reference/scopes/users.read.email
}
"""Scopes that are asked for along with another one, say their pages; not what Slack answers where they are not."""

PATH: Final = "/oauth/v2/authorize"
"""Where the page is, on the host of the Web API."""


@attrs.frozen
class Asked:
    """What an app asks for.

    Attributes:
        redirect_uri: Where the person is sent afterwards, as the request says, or ``None``.
        place: The same, or the app's first Redirect URL.
        state: What the app wants back, or ``None``.
        scopes: Bot scopes.
        user_scopes: User scopes.
        team: The workspace it would like, or ``None``.
    """

    redirect_uri: str | None
    place: str
    state: str | None
    scopes: tuple[str, ...]
    user_scopes: tuple[str, ...]
    team: str | None


def asked(app: FakeApp, query: str, known: Collection[str]) -> Asked | str:
    """Read the query of the page.

    Args:
        app: The app.
        query: The query string.
        known: The scopes that exist.

    Returns:
        What is asked for, or the error code that the page shows, or what this fake does not know about Slack.
    """
    fields = dict(parse_qsl(query, keep_blank_values=True))
    if fields.get("client_id") != app.client_id:
        return "invalid_client_id"
    redirect_uri = fields.get("redirect_uri")
    if redirect_uri is not None and not app.accepts_redirect(redirect_uri):
        return "bad_redirect_uri"
    if redirect_uri is None and not app.redirect_urls:
        return "bad_redirect_uri"
    scopes, user_scopes = _listed(fields.get("scope", "")), _listed(fields.get("user_scope", ""))
    if not scopes and not user_scopes:
        return "no_scopes"
    if not set(scopes) <= set(known):
        return "invalid_scope"
    for scope in scopes:
        if (other := _NOT_ALONE.get(scope, scope)) not in scopes:
            return f"not modelled: {scope} without {other}"
    return Asked(
        redirect_uri,
        redirect_uri or app.redirect_urls[0],
        fields.get("state"),
        scopes,
        user_scopes,
        fields.get("team") or None,
    )


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part for part in value.split(",") if part)


def page(wish: Asked, query: str, teams: Mapping[str, str]) -> Answer:
    """Return the page with its form.

    Args:
        wish: What is asked for.
        query: The query, which the form sends back.
        teams: The workspaces by ID, to choose from.
    """
    boxes = "".join(
        f'<label><input type="checkbox" name="granted" value="{escape(scope)}" checked> {escape(scope)}</label><br>'
        for scope in wish.scopes
    )
    choices = "".join(
        f'<option value="{escape(team)}"{" selected" if team == wish.team else ""}>{escape(name)}</option>'
        for team, name in teams.items()
    )
    return _html(
        200,
        f'<form method="post" action="{PATH}?{escape(query)}"><select name="install_in">{choices}</select><br>{boxes}'
        '<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Cancel</button>'
        "</form>",
    )


def decided(body: bytes) -> tuple[bool, list[str], str]:
    """Read the form: whether the person allows it, the scopes that were left in, and where to install it."""
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    values = dict(fields)
    granted = [value for name, value in fields if name == "granted"]
    return values.get("decision") == "allow", granted, values.get("install_in", "")


def redirect(wish: Asked, **fields: str) -> str:
    """Return the address to which the person is sent."""
    parts = urlsplit(wish.place)
    told: Sequence[tuple[str, str]] = [
        *parse_qsl(parts.query, keep_blank_values=True),
        *fields.items(),
        *([("state", wish.state)] if wish.state is not None else []),
    ]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(told), ""))


def refused(code: str) -> Answer:
    """Return the page for a request that cannot be granted. Its HTTP status is not documented: hence 501."""
    return _html(501, f"<p>{escape(code)}</p>")


def _html(status: int, content: str) -> Answer:
    body = f"<!DOCTYPE html><html><head><title>Fake Slack</title></head><body>{content}</body></html>"
    return Answer(status, {"content-type": "text/html; charset=utf-8"}, body.encode())
