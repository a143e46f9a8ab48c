"""users.* and usergroups.*: who is there.

Rule of this file: see the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slackrunbooks.testing._scopes import EMAIL

from ._registry import Body, NotModelled, Refusal, Request, method

if TYPE_CHECKING:
    from slackrunbooks.testing._state import FakeUser, FakeUsergroup

_EVERYBODY = 1_000_000


@method("users.info", required=("user",), flags=("include_locale",), json_body=False)
def info(request: Request) -> Body:
    """Describe somebody."""
    return {"user": _shown(request, request.active(request.text("user")))}


@method("users.list", flags=("include_locale",), numbers=("limit",), json_body=False)
def list_users(request: Request) -> Body:
    """List everybody, deactivated accounts included."""
    # "Providing no limit value will result in Slack attempting to deliver you the entire result set."
    limit = request.limit(_EVERYBODY, _EVERYBODY) if request.arguments.get("limit") else _EVERYBODY
    page, cursor = request.page(list(request.workspace.users.values()), limit)
    return {
        "members": [_shown(request, user) for user in page],
        "cache_ts": request.workspace.seconds(),
        "response_metadata": {"next_cursor": cursor},
    }


@method("users.lookupByEmail", required=("email",), json_body=False)
def lookup_by_email(request: Request) -> Body:
    """Find somebody by e-mail address."""
    email = request.text("email").lower()
    for user in request.workspace.users.values():
        if email and user.email.lower() == email and not user.deleted:
            return {"user": _shown(request, user)}
    raise Refusal("users_not_found")


@method("usergroups.list", flags=("include_count", "include_disabled", "include_users"), json_body=False)
def list_usergroups(request: Request) -> Body:
    """List the user groups."""
    shown: list[dict[str, Any]] = []
    for group in request.workspace.usergroups.values():
        if group.is_disabled and not request.flag("include_disabled"):
            continue
        row = _shown_group(request, group)
        if request.flag("include_users"):
            row["users"] = list(group.users)
        if request.flag("include_count"):
            row["user_count"] = len(group.users)
        shown.append(row)
    return {"usergroups": shown}


@method("usergroups.update", required=("usergroup",), flags=("enable_section", "include_count"), data=("channels",))
def update_usergroup(request: Request) -> Body:
    """Change what a user group is called, what it is for and its default channels; not its members."""
    if request.arguments.get("additional_channels") or request.flag("enable_section"):
        raise NotModelled("What additional_channels and enable_section change is not documented.")
    group = request.workspace.usergroups.get(request.text("usergroup"))
    if group is None:
        raise NotModelled("The page has no error for a group that does not exist.")
    if group.is_disabled:
        raise NotModelled("What changing a disabled group does is not documented.")
    others = [other for other in request.workspace.usergroups.values() if other is not group]
    for field in ("name", "handle"):
        value = request.text(field, getattr(group, field))
        if not value:
            raise NotModelled(f"The page has no error for an empty {field}.")
        if any(getattr(other, field) == value for other in others):
            raise NotModelled(f"The page says that the {field} must be unique, and has no error for one that is not.")
    channels = _ids(request.arguments.get("channels", group.channels))
    if "channels" in request.arguments and not channels:
        raise NotModelled("What an empty list of channels does is not documented.")
    if any(channel not in request.workspace.channels for channel in channels):
        raise NotModelled("The page has no error for a channel that does not exist.")
    group.name, group.handle = request.text("name", group.name), request.text("handle", group.handle)
    group.description, group.channels = request.text("description", group.description), channels
    row = {**_shown_group(request, group), "updated_by": request.bot.id, "users": list(group.users)}
    if request.flag("include_count"):
        row["user_count"] = len(group.users)
    row["date_update"] = request.workspace.seconds()
    return {"usergroup": row}


def _ids(listed: Any) -> list[str]:
    """Read IDs from text with commas or from a list; each once."""
    parts = listed if isinstance(listed, list) else str(listed).split(",")
    return list(dict.fromkeys(part.strip() for part in map(str, parts) if part.strip()))


@method("usergroups.users.list", required=("usergroup",), flags=("include_disabled",), json_body=False)
def list_usergroup_users(request: Request) -> Body:
    """List the members of a user group."""
    group = request.workspace.usergroups.get(request.text("usergroup"))
    if group is None or (group.is_disabled and not request.flag("include_disabled")):
        raise Refusal("no_such_subteam")
    return {"users": list(group.users)}


@method("usergroups.users.update", required=("usergroup",), flags=("include_count",), data=("users",))
def update_usergroup_users(request: Request) -> Body:
    """Replace the members of a user group by the people listed, of whom there must be one at least."""
    if request.arguments.get("additional_channels") or request.arguments.get("is_shared"):
        raise NotModelled("What additional_channels and is_shared do is not documented.")
    # "users=U1,U2" in a form and "users": ["U1", "U2"] in JSON "will yield the same result".
    ids = _ids(request.arguments.get("users", ""))
    if not ids:
        raise Refusal("no_users_provided")
    group = request.workspace.usergroups.get(request.text("usergroup"))
    if group is None:
        raise NotModelled("The page has no error for a group that does not exist.")
    if group.is_disabled:
        raise NotModelled("What changing a disabled group does is not documented.")
    users = [request.workspace.users.get(user_id) for user_id in ids]
    if any(user is not None and user.is_bot for user in users):
        # The page's text names this code for bots, and its table invalid_users for what is wrong otherwise.
        raise Refusal("invalid_user")
    if any(user is None for user in users):
        raise Refusal("invalid_users")
    if any(user is not None and user.deleted for user in users):
        raise NotModelled("What adding a deactivated person answers is not documented.")
    group.users = ids
    row = {**_shown_group(request, group), "updated_by": request.bot.id, "users": list(group.users)}
    if request.flag("include_count"):
        row["user_count"] = len(group.users)
    row["date_update"] = request.workspace.seconds()
    return {"usergroup": row}


def _shown_group(request: Request, group: FakeUsergroup) -> dict[str, Any]:
    """Return the user group object (https://docs.slack.dev/reference/objects/usergroup-object), without its members."""
    return {
        "id": group.id,
        "team_id": request.workspace.id,
        "is_usergroup": True,
        "name": group.name,
        "description": group.description,
        "handle": group.handle,
        "is_external": False,
        "date_create": group.created,
        "date_update": group.created,
        "date_delete": group.created if group.is_disabled else 0,
        "auto_type": None,
        "created_by": "USLACKBOT",
        "updated_by": "USLACKBOT",
        "deleted_by": None,
        "prefs": {
            "channels": [channel for channel in group.channels if not request.workspace.channels[channel].is_private],
            "groups": [channel for channel in group.channels if request.workspace.channels[channel].is_private],
        },
    }


def _shown(request: Request, user: FakeUser) -> dict[str, Any]:
    """Return the user object (https://docs.slack.dev/reference/objects/user-object), with e-mail if the token may."""
    profile = {"real_name": user.name, "display_name": user.name, "team": request.workspace.id}
    if EMAIL in request.scopes and user.email:
        profile["email"] = user.email
    shown: dict[str, Any] = {
        "id": user.id,
        "team_id": request.workspace.id,
        "name": user.name,
        "deleted": user.deleted,
        "real_name": user.name,
        "tz": "Etc/UTC",
        "tz_offset": 0,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": request.workspace.seconds(),
    }
    if request.flag("include_locale"):
        shown["locale"] = "en-US"
    return shown
