"""Facts about Slack's Web API methods: scopes, rates, what a repeat does, and what each error means.

Rule of this file: data with a source, and the little code that looks it up. Nothing here sends, waits or decides.

Sources: the page of each method (:attr:`Method.page`), https://docs.slack.dev/apis/web-api/rate-limits for the tiers
and https://docs.slack.dev/apis/web-api/using-the-conversations-api for scopes by type of conversation. What a second
sending would do is our reading of the errors that those pages list.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import attrs

from . import errors
from ._effects import Call, Repeat
from ._slack_errors import TEXTS, text_of

__all__ = [
    "MEMBERS_ONLY",
    "METHODS",
    "NOT_ROTATED",
    "REFUSED_IN_ARCHIVED",
    "REQUESTED_WITH",
    "TAKES_TEAM_ID",
    "TOKENS",
    "UNCERTAIN_CODES",
    "Method",
    "Scopes",
    "Tier",
    "call",
    "slack_error",
]

Scopes: TypeAlias = Mapping[str, tuple[str, ...]]
"""Bot scopes by type of conversation (``public``, ``private``, ``im``, ``mpim``, or ``any``); any one of a type is
enough, and the first is the one to ask for."""

Tier: TypeAlias = Literal[1, 2, 3, 4, "special"]
"""Slack's rate tier of a method."""


@attrs.frozen
class Method:
    """What Slack documents about one Web API method.

    Attributes:
        name: ``chat.postMessage``.
        scopes: The bot scopes by type of conversation; empty where none is needed.
        tier: Its rate tier.
        per_minute: Requests a minute that Slack promises per workspace and app; short bursts above it are tolerated.
        repeat: What sending the very same request a second time would do.
        done_codes: Errors that mean "it is already so" when an earlier sending was lost. Only those which prove it.
        retry_codes: Errors after which Slack itself asks for the same request again.
        posts: It shows a message, so one a second and channel holds besides.
        settled_by: The method that tells what became of a request whose answer was lost; ``""`` where none can.
    """

    name: str
    scopes: Scopes
    tier: Tier
    per_minute: int
    repeat: Repeat
    done_codes: tuple[str, ...] = ()
    retry_codes: tuple[str, ...] = ()
    posts: bool = False
    settled_by: str = ""

    @property
    def page(self) -> str:
        """The URL of the method's page in Slack's documentation."""
        return _page(self.name)


def _page(method: str) -> str:
    return f"https://docs.slack.dev/reference/methods/{method}"


_NONE: Final[Scopes] = MappingProxyType({})


def _any(scope: str) -> Scopes:
    return MappingProxyType({"any": (scope,)})


def _by_type(public: str, private: str, im: str, mpim: str) -> Scopes:
    """Name the scopes of each type, blank-separated in order of preference."""
    types = {"public": public, "private": private, "im": im, "mpim": mpim}
    return MappingProxyType({kind: tuple(scopes.split()) for kind, scopes in types.items() if scopes})


_POST = _any("chat:write")
_READ = _by_type("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY = _by_type("channels:history", "groups:history", "im:history", "mpim:history")
# `channels:write` is what user tokens have in place of `channels:manage`; the pages list it for bots as well.
# The page lists im:write and mpim:write as well, but the method makes neither kind of conversation.
_CREATE = _by_type("channels:manage channels:write", "groups:write", "", "")
_MANAGE = _by_type("channels:manage channels:write", "groups:write", "im:write", "mpim:write")
# The page lists channels:manage and groups:write as well, but the method opens direct and group messages only.
_OPEN = _by_type("", "", "im:write", "mpim:write")
_KICK = _by_type("channels:manage", "groups:write", "", "")
# Three methods take a finer scope than the one that also creates and archives.
_TOPIC = _by_type(
    "channels:write.topic channels:manage",
    "groups:write.topic groups:write",
    "im:write.topic im:write",
    "mpim:write.topic mpim:write",
)
_INVITE = _by_type(
    "channels:write.invites channels:manage", "groups:write.invites groups:write", "im:write", "mpim:write"
)
_JOIN = _by_type("channels:join", "", "", "")

_READS, _SAME, _GUARDED, _DOUBLES = Repeat.READS, Repeat.SAME, Repeat.GUARDED, Repeat.DOUBLES

# Left out, because no bot runbook can use them: see _UNUSABLE.
_TABLE: Final[tuple[tuple[str, Scopes, Tier, Repeat], ...]] = (
    ("api.test", _NONE, 4, _READS),
    ("auth.revoke", _NONE, 3, _GUARDED),
    ("auth.test", _NONE, "special", _READS),
    ("bookmarks.add", _any("bookmarks:write"), 2, _DOUBLES),
    ("bookmarks.edit", _any("bookmarks:write"), 2, _SAME),
    ("bookmarks.list", _any("bookmarks:read"), 3, _READS),
    ("bookmarks.remove", _any("bookmarks:write"), 2, _GUARDED),
    ("canvases.access.set", _any("canvases:write"), 3, _SAME),
    ("canvases.create", _any("canvases:write"), 2, _DOUBLES),
    # Of its operations the inserts add a second time, so that the method as a whole does.
    ("canvases.edit", _any("canvases:write"), 3, _DOUBLES),
    ("chat.delete", _POST, 3, _GUARDED),
    ("chat.deleteScheduledMessage", _POST, 3, _GUARDED),
    ("chat.getPermalink", _NONE, "special", _READS),
    ("chat.meMessage", _POST, 3, _DOUBLES),
    ("chat.postEphemeral", _POST, 4, _DOUBLES),
    # Besides: `chat:write.public` in public channels it has not joined, `chat:write.customize` for a name or icon.
    ("chat.postMessage", _POST, "special", _DOUBLES),
    ("chat.scheduleMessage", _POST, 3, _DOUBLES),
    ("chat.scheduledMessages.list", _NONE, 3, _READS),
    ("chat.update", _POST, 3, _SAME),
    ("conversations.archive", _MANAGE, 2, _GUARDED),
    ("conversations.canvases.create", _any("canvases:write"), 2, _GUARDED),
    ("conversations.close", _MANAGE, 2, _SAME),
    ("conversations.create", _CREATE, 2, _GUARDED),
    # One request a minute for apps sold outside Slack's Marketplace and new since 2025-05-29; 50 for an internal app:
    # https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
    ("conversations.history", _HISTORY, 3, _READS),
    ("conversations.info", _READ, 3, _READS),
    ("conversations.invite", _INVITE, 3, _GUARDED),
    ("conversations.join", _JOIN, 3, _SAME),
    ("conversations.kick", _KICK, 3, _GUARDED),
    ("conversations.leave", _MANAGE, 3, _GUARDED),
    ("conversations.list", _READ, 2, _READS),
    ("conversations.mark", _MANAGE, 3, _SAME),
    ("conversations.members", _READ, 4, _READS),
    ("conversations.open", _OPEN, 3, _SAME),
    ("conversations.rename", _MANAGE, 2, _SAME),
    ("conversations.replies", _HISTORY, 3, _READS),
    ("conversations.setPurpose", _TOPIC, 2, _SAME),
    ("conversations.setTopic", _TOPIC, 2, _SAME),
    ("files.completeUploadExternal", _any("files:write"), 4, _DOUBLES),
    # Each request gives another upload ticket; one that nobody completes is never seen.
    ("files.getUploadURLExternal", _any("files:write"), 4, _READS),
    ("files.info", _any("files:read"), 4, _READS),
    ("files.list", _any("files:read"), 3, _READS),
    ("pins.add", _any("pins:write"), 2, _GUARDED),
    ("pins.list", _any("pins:read"), 2, _READS),
    ("pins.remove", _any("pins:write"), 2, _GUARDED),
    ("reactions.add", _any("reactions:write"), 3, _GUARDED),
    ("reactions.get", _any("reactions:read"), 3, _READS),
    ("reactions.remove", _any("reactions:write"), 2, _GUARDED),
    ("team.info", _any("team:read"), 3, _READS),
    ("usergroups.list", _any("usergroups:read"), 2, _READS),
    ("usergroups.update", _any("usergroups:write"), 2, _SAME),
    ("usergroups.users.list", _any("usergroups:read"), 2, _READS),
    ("usergroups.users.update", _any("usergroups:write"), 2, _SAME),
    ("users.conversations", _READ, 3, _READS),
    ("users.info", _any("users:read"), 4, _READS),
    ("users.list", _any("users:read"), 2, _READS),
    ("users.lookupByEmail", _any("users:read.email"), 3, _READS),
    ("views.open", _NONE, 4, _GUARDED),
)

_UNUSABLE: Final[Mapping[str, str]] = {
    "apps.manifest.create": "it takes an app configuration token",
    "apps.manifest.validate": "it takes an app configuration token",
    "conversations.unarchive": "Slack does not let bot tokens unarchive",
    "files.upload": "Slack retired it; use files.getUploadURLExternal and files.completeUploadExternal",
    "oauth.v2.access": "it takes a code and the app's secret instead of a token",
    "oauth.v2.exchange": "it trades tokens and is no step of a runbook",
    "reminders.add": "it takes a user token",
}

_PER_MINUTE: Final[Mapping[Tier, int]] = {1: 1, 2: 20, 3: 50, 4: 100}

# "Hundreds a minute" in the documentation of the first two; 600 is what Slack's own Java SDK counts on
# (slackapi/java-slack-sdk, MethodsRateLimitTier.java). Posting is one a second and channel.
_PER_MINUTE_SPECIAL: Final[Mapping[str, int]] = {"auth.test": 600, "chat.getPermalink": 600, "chat.postMessage": 60}

_SETTLED_BY: Final[Mapping[str, str]] = {
    "bookmarks.add": "bookmarks.list",
    "chat.postMessage": "conversations.history",
    "chat.scheduleMessage": "chat.scheduledMessages.list",
    "conversations.create": "conversations.list",
    "conversations.rename": "conversations.info",
    "files.completeUploadExternal": "files.list",
}

# Not here, because the error would not prove that the lost request worked: `name_taken` of conversations.create and
# `channel_canvas_already_exists` (it may be anybody's), `invalid_scheduled_message_id` (the message may have gone out),
# `already_in_channel` of conversations.invite (one member of a list fails the whole call), `not_in_channel` of
# conversations.kick (it may be the caller who is not), `exchanged_trigger_id` of views.open.
_DONE_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "auth.revoke": ("token_revoked",),
    "bookmarks.remove": ("not_found",),
    "chat.delete": ("message_not_found",),
    "conversations.archive": ("already_archived",),
    "conversations.leave": ("not_in_channel",),
    "pins.add": ("already_pinned",),
    "pins.remove": ("no_pin", "not_pinned"),
    "reactions.add": ("already_reacted",),
    "reactions.remove": ("no_reaction",),
}

_RETRY_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "bookmarks.add": ("too_many_requests",),
    "canvases.edit": ("canvas_editing_locked",),
}

# "No more than one message per second per channel", by whatever way of posting:
# https://docs.slack.dev/apis/web-api/rate-limits
_POSTS: Final = frozenset(
    {"chat.meMessage", "chat.postEphemeral", "chat.postMessage", "files.completeUploadExternal"},
)

# The methods whose page lists `not_in_channel`: https://docs.slack.dev/reference/methods. On the page of
# conversations.leave it is an answer that means "done".
MEMBERS_ONLY: Final = frozenset({
    "chat.meMessage", "chat.postEphemeral", "chat.postMessage", "chat.scheduleMessage", "conversations.archive",
    "conversations.history", "conversations.invite", "conversations.kick", "conversations.mark",
    "conversations.rename", "conversations.setPurpose", "conversations.setTopic", "files.completeUploadExternal",
    "pins.add",
})  # fmt: skip
"""Methods that Slack refuses in a channel that the app is not a member of."""

REFUSED_IN_ARCHIVED: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "chat.meMessage", "chat.postEphemeral", "chat.postMessage", "chat.scheduleMessage",
                "conversations.invite", "conversations.join", "conversations.leave", "conversations.rename",
                "conversations.setPurpose", "conversations.setTopic", "reactions.add",
            ),
            "is_archived",
        ),
        "chat.update": "is_inactive",
    }
)  # fmt: skip
"""Methods whose page lists an error for an archived channel, with its code."""

METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        name: Method(
            name,
            scopes,
            tier,
            _PER_MINUTE_SPECIAL[name] if tier == "special" else _PER_MINUTE[tier],
            repeat,
            _DONE_CODES.get(name, ()),
            _RETRY_CODES.get(name, ()),
            name in _POSTS,
            _SETTLED_BY.get(name, ""),
        )
        for name, scopes, tier, repeat in _TABLE
    }
)
"""Every method that a bot's runbook can use, by name."""

TOKENS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        # Each of their pages lists both.
        **dict.fromkeys(METHODS, ("bot", "user")),
        "apps.manifest.create": ("configuration",),
        "apps.manifest.validate": ("configuration",),
        "conversations.unarchive": ("user",),
        "reminders.add": ("user",),
    }
)
"""The kinds of tokens that a method takes, as far as they are known: ``bot``, ``user``, ``configuration``."""

REQUESTED_WITH: Final[Mapping[str, str]] = MappingProxyType(
    {
        # https://docs.slack.dev/reference/scopes/chat.write.customize
        "chat:write.customize": "chat:write",
        # https://docs.slack.dev/reference/scopes/chat.write.public
        "chat:write.public": "chat:write",
        # https://docs.slack.dev/reference/scopes/users.read.email
        "users:read.email": "users:read",
    }
)
"""Scopes that an app gets only if it requests another one as well, which no method may ask for."""

TAKES_TEAM_ID: Final = frozenset({
    "bots.info", "chat.scheduledMessages.list", "conversations.acceptSharedInvite", "conversations.create",
    "conversations.list", "conversations.listConnectInvites", "dnd.info", "dnd.teamInfo", "files.list",
    "reactions.list", "reminders.add", "reminders.complete", "reminders.delete", "reminders.info", "reminders.list",
    "search.all", "search.files", "search.messages", "stars.list", "team.accessLogs", "team.billableInfo",
    "team.integrationLogs", "usergroups.create", "usergroups.disable", "usergroups.enable", "usergroups.list",
    "usergroups.update", "usergroups.users.list", "usergroups.users.update", "users.conversations", "users.list",
})  # fmt: skip
"""Methods whose page has an argument ``team_id`` that is "required if org token is used"; with another token it is
ignored (https://api.slack.com/enterprise/apps/changes-apis)."""

NOT_ROTATED: Final = "slackrunbooks_not_rotated"
"""The field in which our own client says beside ``token_expired`` with which code Slack refused to rotate the token.

It stands beside ``ratelimited`` too, where it is the rotation that has to wait."""

UNCERTAIN_CODES: Final = frozenset({"fatal_error", "internal_error", "service_unavailable"})
"""Errors after which the request may have been carried out all the same.

Slack says so of ``fatal_error`` and ``internal_error``; of ``service_unavailable`` it does not say the contrary.
"""


def call(method: str, /, **arguments: Any) -> Call:
    """Build the call of a method, with what the table knows about repeating it.

    Args:
        method: The method's name.
        **arguments: Its arguments by Slack's names; ``None`` leaves one out.

    Returns:
        The call, ready to be yielded by an action.

    Raises:
        KeyError: :data:`METHODS` does not have the method; the message says why, where that is known.
    """
    if method not in METHODS:
        reason = _UNUSABLE.get(method, "it is not in slackrunbooks.slack_methods.METHODS; check the spelling")
        raise KeyError(f"a bot's runbook cannot call {method!r}: {reason}")
    given = {name: value for name, value in arguments.items() if value is not None}
    return Call(method, given, METHODS[method].repeat)


_CLASSES: Final[Mapping[type[errors.SlackError], str]] = {
    errors.AuthenticationFailed: """
        account_inactive bad_token enterprise_is_restricted invalid_auth invalid_token is_bot not_allowed_token_type
        not_authed token_expired token_revoked two_factor_setup_required""",
    errors.MissingScope: "missing_scope",
    errors.ChannelNotFound: "channel_not_found invalid_channel",
    errors.IsArchived: "already_archived is_archived is_inactive",
    errors.NameTaken: "name_taken",
    errors.InvalidChannelName: """
        invalid_name invalid_name_maxlength invalid_name_punctuation invalid_name_required invalid_name_specials
        no_channel""",
    errors.NotInChannel: "not_in_channel",
    errors.UserNotFound: "user_not_found user_not_visible users_not_found",
    errors.MessageNotFound: "message_not_found thread_not_found",
    errors.InvalidBlocks: "invalid_blocks invalid_blocks_format msg_blocks_too_long",
    errors.NotPermitted: """
        access_denied accesslimited app_access_restricted app_cannot_join_channel blocked_file_type
        canvas_disabled_user_team file_type_not_allowed file_upload_size_restricted file_uploads_disabled
        file_uploads_except_images_disabled plan_upgrade_required team_tier_cannot_create_channel_canvases
        cannot_bookmark_from_external_org cannot_bookmark_restricted_sharing_enabled cannot_create_channel
        cant_archive_general cant_archive_required cant_delete_message cant_invite cant_kick_from_general
        cant_kick_self cant_leave_general cant_update_message
        channel_is_limited_access edit_window_closed ekm_access_denied invitee_cant_see_channel last_member
        messages_tab_disabled no_access no_external_invite_permission no_permission not_authorized
        paid_teams_only permission_denied posting_to_channel_denied restricted_action
        restricted_action_non_threadable_channel restricted_action_read_only_channel
        restricted_action_thread_locked restricted_action_thread_only_channel send_on_behalf_not_allowed
        slack_connect_blocked_file_type
        slack_connect_canvas_sharing_blocked slack_connect_clip_sharing_blocked
        slack_connect_file_link_sharing_blocked slack_connect_file_upload_sharing_blocked
        slack_connect_lists_sharing_blocked team_access_not_granted thread_locked ura_max_channels
        user_is_restricted""",
    errors.RateLimited: "rate_limited ratelimited",
}

_CLASS_OF: Final[Mapping[str, type[errors.SlackError]]] = {
    code: kind for kind, codes in _CLASSES.items() for code in codes.split()
}

# The same code, another meaning: the page of conversations.kick has it about the person to remove, that of pins.add
# about the item, and reactions.* has `invalid_name` about the emoji.
_CLASS_OF_METHOD: Final[Mapping[tuple[str, str], type[errors.SlackError]]] = {
    ("conversations.kick", "not_in_channel"): errors.SlackError,
    ("conversations.kick", "not_supported"): errors.NotPermitted,
    ("pins.add", "not_in_channel"): errors.SlackError,
    ("reactions.add", "invalid_name"): errors.SlackError,
    ("reactions.remove", "invalid_name"): errors.SlackError,
}


_RETRY_AFTER_DEFAULT: Final = 1.0
"""Seconds to wait where Slack names none; it recommends one request a second (apis/web-api/rate-limits)."""


def slack_error(
    method: str,
    data: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> errors.SlackError:
    """Make the typed error of an answer in which Slack refuses a request.

    Args:
        method: The method that was called.
        data: The JSON object of the answer (``ok`` is false).
        status: Its HTTP status. 429 makes the error ``RateLimited`` whatever the body says.
        headers: Its headers: ``retry-after`` (seconds; 1 where it is missing or no number), ``x-oauth-scopes`` and
            ``x-accepted-oauth-scopes`` are read.

    Returns:
        The error to raise. It has Slack's code, the remedy of that code, and as detail only the places and rules that
        Slack's validator names: nothing of the request. Its ``errors`` say which person of an invitation was refused
        for which reason.
    """
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    error = _error(method, _code(data, status), data, status, lower)
    error.errors = tuple({"user": user, "error": code} for user, code in _refused_people(data))
    return error


_WHO_THE_APP_IS = "Give Workspaces the Client ID and Secret of the app that was installed there."
_NOT_ROTATED_REMEDIES: Final[Mapping[str, str]] = {
    "bad_client_secret": _WHO_THE_APP_IS,
    "invalid_client_id": _WHO_THE_APP_IS,
    "ratelimited": "Run it again later; Slack did nothing.",
    "store_failed": "See to the store of the installations, and run it again; Slack did nothing.",
    "unreachable": "Run it again when Slack can be reached; it did nothing.",
}


def _error(
    method: str, code: str, data: Mapping[str, Any], status: int, headers: Mapping[str, str]
) -> errors.SlackError:
    kind = _class(method, code, status)
    remedy, detail = _remedy(method, code), _detail(data)
    if code == "not_modelled":
        # The one code that is not Slack's: the fake workspace says which page it would have to guess from.
        detail = str(data.get("message", ""))
        remedy = "The fake workspace does only what Slack documents. Test this step against a stand-in of your own."
    refused = data.get(NOT_ROTATED)
    if isinstance(refused, str) and re.fullmatch(r"[a-z_]{1,60}", refused):
        detail = f"the token could not be rotated: {refused}"
        remedy = _NOT_ROTATED_REMEDIES.get(refused, "Install the app again in that workspace; its scopes stay.")
    if kind is errors.MissingScope:
        needed = _names(data.get("needed")) or _names(headers.get("x-accepted-oauth-scopes"))
        granted = _names(data.get("provided")) or _names(headers.get("x-oauth-scopes"))
        remedy = _scope_remedy(method, needed) or ("" if needed else remedy)
        return errors.MissingScope(method=method, needed=needed, granted=granted, remedy=remedy, detail=detail)
    if kind is errors.RateLimited:
        # Of `ratelimited` the class itself says how long to wait.
        remedy = "" if code == "ratelimited" or code not in TEXTS else str(TEXTS[code])
        retry_after = _seconds(headers.get("retry-after"))
        return errors.RateLimited(code, method=method, retry_after=retry_after, remedy=remedy, detail=detail)
    return kind(code, method=method, remedy=remedy, detail=detail)


def _code(data: Mapping[str, Any], status: int) -> str:
    code = data.get("error")
    if isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9_.:-]{1,100}", code):
        return code
    if status == 429:
        return "ratelimited"
    # conversations.leave answers {"ok": false, "not_in_channel": true} and no error, says the example on its page.
    return "not_in_channel" if data.get("not_in_channel") is True else "no_error_code"


def _class(method: str, code: str, status: int) -> type[errors.SlackError]:
    if status == 429:
        return errors.RateLimited
    return _CLASS_OF_METHOD.get((method, code)) or _CLASS_OF.get(code, errors.SlackError)


def _remedy(method: str, code: str) -> str:
    known = text_of(method, code)
    return str(known) if known else f"Slack explains the errors of this method at {_page(method)}."


_TYPE_WORDS: Final = {"public": "public channel", "private": "private channel", "im": "direct message", "mpim": "group"}


def _scope_remedy(method: str, needed: tuple[str, ...]) -> str:
    """Name the scope to ask for, for each type of conversation that Slack's answer leaves open."""
    scopes = METHODS[method].scopes if method in METHODS else {}
    asked = {kind: next((scope for scope in options if scope in needed), "") for kind, options in scopes.items()}
    words = [f"{scope} ({_TYPE_WORDS[kind]})" if kind != "any" else scope for kind, scope in asked.items() if scope]
    return f"Add the scope {' or '.join(words)} to the Slack app and install it again." if words else ""


def _names(value: object) -> tuple[str, ...]:
    """Split Slack's comma-separated list of scopes."""
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else ()


def _seconds(value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        return _RETRY_AFTER_DEFAULT
    return seconds if math.isfinite(seconds) and seconds >= 0 else _RETRY_AFTER_DEFAULT


_DETAIL_LENGTH: Final = 300

_ENTRY = re.compile(r"(?:\[ERROR\] ?)?(?P<text>.*?)(?: ?\[json-pointer:(?P<pointer>[\w/.$~-]{1,120})\])?", re.DOTALL)

# What Slack's validator says, as seen in answers (https://github.com/metabase/metabase/issues/25704 and others). A
# sentence that is not among these could repeat the request, so it is dropped and only its pointer kept.
_SENTENCE = re.compile(
    r"""
    failed\ to\ match\ (?:all|any|exactly\ one|one)(?:\ of\ the)?\ allowed\ schemas?
    | missing\ required\ field:\ [A-Za-z_][\w.]{0,40}
    | invalid\ additional\ property:\ [A-Za-z_][\w.]{0,40}
    | unsupported\ type:\ [a-z_]{1,40}
    | must\ be\ (?:less|more)\ than\ \d{1,6}\ characters
    | must\ provide\ an?\ (?:array|boolean|integer|number|object|string)
    | must\ be\ a\ valid\ (?:enum\ value|url|emoji)
    | no\ (?:fewer|less|more)\ than\ \d{1,6}\ items?\ allowed
    | too\ many\ [a-z_]{1,40}\ blocks
    | invalid\ (?:url|image\ url)
    | downloading\ image\ failed
    """,
    re.VERBOSE,
)


def _detail(data: Mapping[str, Any]) -> str:
    """Join what Slack adds to an error code, as far as it cannot be part of the request."""
    metadata = data.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, Mapping) else None
    # A dict, because Slack gives the same sentence in both places.
    found = dict.fromkeys(f"{user}: {code}" for user, code in _refused_people(data))
    for entry in (*_list(data.get("errors")), *_list(messages)):
        if isinstance(entry, str) and (match := _ENTRY.fullmatch(entry)):
            sentence = match["text"] if _SENTENCE.fullmatch(match["text"]) else ""
            if part := " at ".join(filter(None, (sentence, match["pointer"]))):
                found[part] = None
    detail = ""
    for part in found:
        joined = f"{detail}; {part}" if detail else part
        if len(joined) > _DETAIL_LENGTH:
            return f"{detail}; …"
        detail = joined
    return detail


def _refused_people(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield person and code of each entry in the ``errors`` of conversations.invite."""
    for entry in _list(data.get("errors")):
        if isinstance(entry, Mapping):
            user, code = str(entry.get("user")), str(entry.get("error"))
            if re.fullmatch(r"[UW][A-Z0-9]{1,30}", user) and re.fullmatch(r"[a-z_]{1,60}", code):
                yield user, code


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
