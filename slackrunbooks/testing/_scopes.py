"""Which OAuth scopes each method accepts from a bot token: a transcript of Slack's method pages.

Rule of this file: data only, read off https://docs.slack.dev/reference/methods/<method> and kept apart from the
library's own table on purpose, so that a slip in one shows as a disagreement with the other.

Methods of the ``conversations`` family name one scope per type of conversation; within a type any one is enough
(https://docs.slack.dev/apis/web-api/using-the-conversations-api). Every other method needs the scopes under ``ANY``,
whatever the conversation; an empty tuple there means that the page asks for no scope.
"""

from __future__ import annotations

from typing import Final, TypeAlias

__all__ = ["ALL_BOT_SCOPES", "ANY", "CUSTOMIZE", "EMAIL", "IM", "MPIM", "PRIVATE", "PUBLIC", "SCOPES", "WRITE_PUBLIC"]

ANY: Final = "any"
PUBLIC: Final = "public"
PRIVATE: Final = "private"
IM: Final = "im"
MPIM: Final = "mpim"

WRITE_PUBLIC: Final = "chat:write.public"
"""Lets an app post in public channels it has not joined: https://docs.slack.dev/reference/scopes/chat.write.public."""
CUSTOMIZE: Final = "chat:write.customize"
"""Lets an app set ``username`` and icon: https://docs.slack.dev/reference/scopes/chat.write.customize."""
EMAIL: Final = "users:read.email"
"""Shows e-mail addresses: https://docs.slack.dev/reference/scopes/users.read.email."""

_Rows: TypeAlias = "dict[str, tuple[str, ...]]"

_MANAGE: _Rows = {
    PUBLIC: ("channels:manage", "channels:write"),
    PRIVATE: ("groups:write",),
    IM: ("im:write",),
    MPIM: ("mpim:write",),
}
_TOPIC: _Rows = {
    PUBLIC: ("channels:manage", "channels:write.topic"),
    PRIVATE: ("groups:write", "groups:write.topic"),
    IM: ("im:write", "im:write.topic"),
    MPIM: ("mpim:write", "mpim:write.topic"),
}
_READ: _Rows = {PUBLIC: ("channels:read",), PRIVATE: ("groups:read",), IM: ("im:read",), MPIM: ("mpim:read",)}
_HISTORY: _Rows = {
    PUBLIC: ("channels:history",),
    PRIVATE: ("groups:history",),
    IM: ("im:history",),
    MPIM: ("mpim:history",),
}


def _any(*scopes: str) -> _Rows:
    return {ANY: scopes}


SCOPES: Final[dict[str, _Rows]] = {
    "api.test": _any(),
    "apps.uninstall": _any(),
    "auth.revoke": _any(),
    "auth.teams.list": _any(),
    "auth.test": _any(),
    "bookmarks.add": _any("bookmarks:write"),
    "bookmarks.edit": _any("bookmarks:write"),
    "bookmarks.list": _any("bookmarks:read"),
    "bookmarks.remove": _any("bookmarks:write"),
    "canvases.access.set": _any("canvases:write"),
    "canvases.create": _any("canvases:write"),
    "canvases.edit": _any("canvases:write"),
    "chat.delete": _any("chat:write"),
    "chat.deleteScheduledMessage": _any("chat:write"),
    "chat.getPermalink": _any(),
    "chat.meMessage": _any("chat:write"),
    "chat.postEphemeral": _any("chat:write"),
    "chat.postMessage": _any("chat:write"),
    "chat.scheduleMessage": _any("chat:write"),
    "chat.scheduledMessages.list": _any(),
    "chat.update": _any("chat:write"),
    "conversations.archive": _MANAGE,
    "conversations.canvases.create": _any("canvases:write"),
    "conversations.close": _MANAGE,
    "conversations.create": _MANAGE,
    "conversations.history": _HISTORY,
    "conversations.info": _READ,
    "conversations.invite": {
        PUBLIC: ("channels:manage", "channels:write.invites"),
        PRIVATE: ("groups:write", "groups:write.invites"),
        IM: ("im:write",),
        MPIM: ("mpim:write",),
    },
    "conversations.join": {PUBLIC: ("channels:join",)},
    "conversations.kick": {PUBLIC: ("channels:manage",), PRIVATE: ("groups:write",)},
    "conversations.leave": _MANAGE,
    "conversations.list": _READ,
    "conversations.members": _READ,
    "conversations.open": {
        PUBLIC: ("channels:manage",),
        PRIVATE: ("groups:write",),
        IM: ("im:write",),
        MPIM: ("mpim:write",),
    },
    "conversations.rename": _MANAGE,
    "conversations.replies": _HISTORY,
    "conversations.setPurpose": _TOPIC,
    "conversations.setTopic": _TOPIC,
    "conversations.unarchive": _MANAGE,
    "files.completeUploadExternal": _any("files:write"),
    "files.getUploadURLExternal": _any("files:write"),
    "files.info": _any("files:read"),
    "files.list": _any("files:read"),
    "oauth.v2.access": _any(),
    "oauth.v2.exchange": _any(),
    "pins.add": _any("pins:write"),
    "pins.list": _any("pins:read"),
    "pins.remove": _any("pins:write"),
    "reactions.add": _any("reactions:write"),
    "reactions.get": _any("reactions:read"),
    "reactions.remove": _any("reactions:write"),
    "usergroups.list": _any("usergroups:read"),
    "usergroups.update": _any("usergroups:write"),
    "usergroups.users.list": _any("usergroups:read"),
    "usergroups.users.update": _any("usergroups:write"),
    "users.conversations": _READ,
    "users.info": _any("users:read"),
    "users.list": _any("users:read"),
    "users.lookupByEmail": _any(EMAIL),
}
"""Method to conversation type (or ``ANY``) to the scopes of which one is enough."""

ALL_BOT_SCOPES: Final[frozenset[str]] = frozenset(
    {WRITE_PUBLIC, CUSTOMIZE} | {scope for rows in SCOPES.values() for scopes in rows.values() for scope in scopes}
)
"""Every scope that makes a difference here: what a token has when a test names none."""
