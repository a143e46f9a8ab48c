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

__all__ = [
    "METHODS",
    "NOT_ROTATED",
    "TAKES_TEAM_ID",
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
"""The field in which our own client says beside ``token_expired`` with which code Slack refused to rotate the token."""

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

_REMEDIES: Final[Mapping[str, str]] = {
    # Any method: https://docs.slack.dev/apis/web-api/ and the common table of every method's page.
    "access_denied": (
        "The token may not touch what the request names. Ask a workspace administrator which data or app policy "
        "guards it."
    ),
    "accesslimited": (
        "Slack limits this method on the network that the request came from. Run it from a network that the "
        "organisation allows."
    ),
    "account_inactive": (
        "The bot or its workspace was deactivated or deleted. Install the app again and use the new bot token."
    ),
    "deprecated_endpoint": (
        "Slack closed the address that the request went to. Use https://slack.com/api/ as base URL and update "
        "slackrunbooks."
    ),
    "ekm_access_denied": (
        "An administrator suspended posting by withdrawing the encryption key. Post elsewhere until access to the key "
        "is given back."
    ),
    "enterprise_is_restricted": (
        "The token stands for a whole Enterprise organisation, and this method wants one workspace's. Use the bot "
        "token of that workspace."
    ),
    "fatal_error": (
        "Slack broke off in the middle, so part of it may have happened. Look in Slack before you run it again."
    ),
    "internal_error": (
        "Something went wrong inside Slack, mostly for a moment; part of it may have happened. Check "
        "https://slack-status.com and the channel, then run it again."
    ),
    "invalid_arg_name": (
        "An argument's name is too long or has characters other than letters, digits and _. Correct the name."
    ),
    "invalid_arguments": (
        "An argument is missing or has the wrong form; the detail names it where Slack does. Compare with the "
        "method's page."
    ),
    "invalid_array_arg": "An argument came as a list where Slack reads one string. Join the values with commas.",
    "invalid_auth": (
        "Slack does not know the token, or the app's allowed IP address ranges leave this machine out. Copy the Bot "
        "User OAuth Token again from the app's page, and compare the ranges."
    ),
    "invalid_charset": (
        "The Content-Type header names a charset other than utf-8 or iso-8859-1. Remove that header from the client."
    ),
    "invalid_form_data": (
        "The form body is missing or broken. Remove what changes request bodies between here and Slack, such as a "
        "proxy or a client of your own."
    ),
    "invalid_json": (
        "The JSON body cannot be parsed. If you gave a client of your own, let it send one UTF-8 JSON object."
    ),
    "invalid_post_type": (
        "The Content-Type header is none that Slack reads. Send application/json or application/x-www-form-urlencoded."
    ),
    "is_bot": "Legacy bots cannot call this method. Create a Slack app and use its bot token.",
    "json_not_object": "The JSON body is a list or a scalar. Send an object with the arguments as its keys.",
    "method_deprecated": "Slack retired this method. Update slackrunbooks; the method's page names its successor.",
    "missing_post_type": (
        "The request has a body but no Content-Type header. Let the client set it, or remove the proxy that drops it."
    ),
    "missing_scope": (
        "Add the scope that the method's page lists for this type of conversation to the Slack app, and install it "
        "again."
    ),
    "no_permission": (
        "The token lacks the right, most often because the app is not in the conversation. Add it there with /invite."
    ),
    "not_allowed_token_type": (
        "The method refuses this kind of token. Use a bot token instead of a user, app-level or configuration token."
    ),
    "not_authed": "No token came with the request. Pass token= to the executor or set SLACK_BOT_TOKEN.",
    "org_login_required": (
        "The workspace is closed while it moves into an Enterprise organisation. Run it again when the move is done."
    ),
    "rate_limited": (
        "The app posts more than Slack takes: one message a second and channel, some hundreds a minute and workspace. "
        "Post less often, or change one message with UpdateMessage."
    ),
    "request_timeout": (
        "Only part of the request reached Slack. Check the network and proxies on the way, then run it again."
    ),
    "service_unavailable": (
        "Slack is out of service for the moment. Watch https://slack-status.com, and look whether it happened before "
        "you run it again."
    ),
    "team_access_not_granted": (
        "The app is installed for the organisation but not for this workspace. Ask an organisation administrator to "
        "add it there."
    ),
    "team_added_to_org": (
        "The workspace is joining an Enterprise organisation, and Slack answers on and off meanwhile. Run it again in "
        "a while."
    ),
    "token_expired": (
        "The token is past its lifetime (12 hours where tokens rotate). Trade its refresh token for a new one."
    ),
    "token_revoked": (
        "Someone revoked the token or removed the app. Install the app again and put the new token in place."
    ),
    "two_factor_setup_required": (
        "The workspace demands two-factor authentication of the person behind the token. Set it up for that account."
    ),
    "unknown_method": (
        "Slack has no method of this name. Check the spelling against https://docs.slack.dev/reference/methods, and "
        "the client's base URL."
    ),
    # chat.postMessage and chat.update
    "app_access_restricted": (
        "The person that the message is for may not use this app. Ask a workspace administrator to allow it to them."
    ),
    "as_user_not_supported": "This app cannot post as a person. Leave as_user out.",
    "attachment_payload_limit_exceeded": (
        "The attachments are too big taken together. Shorten them, or move their text into a file."
    ),
    "block_mismatch": (
        "A message of rich text cannot change to other blocks. Update it with rich_text blocks, or post a new message."
    ),
    "blocked_file_type": "An administrator forbids files of this type. Share a link to the file instead.",
    "cannot_reply_to_message": (
        "That message cannot have a thread, as with most system messages. Leave thread_ts out, or reply to another "
        "message."
    ),
    "cant_broadcast_message": "This reply cannot be shown in the channel too. Leave reply_broadcast out.",
    "cant_update_message": (
        "Only the app that posted a message can change it. Update a message of this app, with the token that posted it."
    ),
    "channel_not_found": (
        "Slack shows no such channel to this app: a wrong ID or name, another workspace, or a private channel that "
        "the app is not in. Check the ID, and /invite the app to a private channel."
    ),
    "draft_already_deleted": "The draft that the request names is gone. Leave draft_id out.",
    "draft_already_sent": (
        "The draft that the request names was sent before. Look in the channel, and do not send it again."
    ),
    "draft_has_conflict": "The draft was changed in a Slack client meanwhile. Send the message without draft_id.",
    "draft_not_found": "There is no draft with that ID. Remove draft_id from the request.",
    "duplicate_channel_not_found": (
        "client_msg_id points to a channel that Slack cannot find. Leave client_msg_id out: it is not for apps."
    ),
    "duplicate_message_not_found": (
        "client_msg_id was seen before, but its message is gone. Leave client_msg_id out, and look in the channel "
        "whether the message is there."
    ),
    "edit_window_closed": (
        "The workspace lets messages be edited for a limited time only, and it has passed. Reply in the thread or "
        "post a new message."
    ),
    "external_channel_migrating": (
        "The shared channel is on its way to another workspace, and Slack refuses changes meanwhile. Run it again "
        "later."
    ),
    "file_deleted": "The file to be shared no longer exists. Upload it again.",
    "file_is_deleted": "The message's file was deleted. Take it out of file_ids.",
    "file_not_found": "One of the file IDs is unknown to this app. Use the ID that the upload returned.",
    "file_share_limit_reached": "The file is shared in as many places as Slack allows. Post its link instead.",
    "invalid_attachments": (
        "Slack cannot read the attachments; the detail points to the part. Correct it, or use blocks."
    ),
    "invalid_blocks": (
        "A block breaks a rule of Block Kit; the detail points to it. Correct that block, and try it in Block Kit "
        "Builder (https://app.slack.com/block-kit-builder)."
    ),
    "invalid_blocks_format": (
        "blocks is not a list of block objects, perhaps because it was encoded as JSON twice. Pass plain data."
    ),
    "invalid_metadata_format": (
        "The message's metadata needs event_type (a string) and event_payload (an object) and nothing else. Correct "
        "its shape."
    ),
    "invalid_metadata_schema": (
        "The metadata does not fit the schema that the app declares for its event_type. Change the payload or the "
        "schema."
    ),
    "is_archived": (
        "The channel is archived and takes no changes. Use another channel, or let a person unarchive it: bots cannot."
    ),
    "is_inactive": (
        "The channel is frozen, archived or deleted, so its messages stay as they are. Post in a channel that is in "
        "use."
    ),
    "markdown_text_conflict": "markdown_text cannot stand beside text or blocks. Keep one of them.",
    "max_file_sharing_exceeded": "The message shares more files than Slack allows. Spread them over several messages.",
    "message_limit_exceeded": (
        "The workspace has used up the messages that its plan allows (https://slack.com/help/articles/115002422943). "
        "Wait, or change the plan."
    ),
    "message_not_found": (
        "No message has that ts in that channel. Pass channel and ts exactly as the posting returned them, ts as a "
        "string."
    ),
    "messages_tab_disabled": (
        "The app takes no direct messages. Turn on the Messages Tab under App Home in the app's settings."
    ),
    "metadata_must_be_sent_from_app": (
        "Only an app's token may send metadata. Use the bot token, or leave metadata out."
    ),
    "metadata_too_large": "The message's metadata is too big. Keep identifiers in it, and the data itself elsewhere.",
    "missing_file_data": (
        "The file to be shared lacks required data. Upload it as a file of its own instead of naming it in the message."
    ),
    "msg_blocks_too_long": (
        "The texts of all blocks together are too long; about 12,000 characters pass. Shorten them, or split the "
        "message."
    ),
    "msg_too_long": (
        "The text is longer than the 4,000 characters that Slack takes here. Shorten it, or share it as a file."
    ),
    "no_dual_broadcast_content_update": (
        "A reply cannot change its content and be broadcast in one request. Do one after the other."
    ),
    "no_text": (
        "The message is empty. Give text, markdown_text or blocks, and check that its template does not render to "
        "nothing."
    ),
    "not_in_channel": (
        "The app is not in the channel. Add it with /invite, or let it join a public channel (channels:join)."
    ),
    "posting_to_channel_denied": (
        "The app may not share files in this channel. Use another channel, or ask its owner for the right."
    ),
    "restricted_action": (
        "A workspace setting reserves this for certain people, and no scope changes that. Ask an administrator to "
        "allow it to the app."
    ),
    "restricted_action_non_threadable_channel": "The channel has no threads. Leave thread_ts out.",
    "restricted_action_read_only_channel": (
        "The channel is read-only for this app. Ask its owner to let the app post, or use another channel."
    ),
    "restricted_action_thread_locked": "An administrator locked the thread. Reply elsewhere, or have it unlocked.",
    "restricted_action_thread_only_channel": "The channel takes replies only. Give the thread_ts of a message there.",
    "send_on_behalf_not_allowed": "The app may not speak for that person. Post in the app's own name.",
    "slack_connect_blocked_file_type": (
        "Slack Connect channels refuse files of this type. Share a link, or use an internal channel."
    ),
    "slack_connect_canvas_sharing_blocked": (
        "An administrator forbids canvases in Slack Connect channels. Take the canvas link out of the message, or use "
        "an internal channel."
    ),
    "slack_connect_clip_sharing_blocked": (
        "An administrator forbids clips in Slack Connect channels. Take the clip out of the message."
    ),
    "slack_connect_file_link_sharing_blocked": (
        "An administrator forbids links to Slack files in Slack Connect channels. Take the link out, or host the file "
        "elsewhere."
    ),
    "slack_connect_file_upload_sharing_blocked": (
        "An administrator forbids uploads to Slack Connect channels. Upload to an internal channel."
    ),
    "slack_connect_lists_sharing_blocked": (
        "An administrator forbids lists in Slack Connect channels. Take the list link out of the message."
    ),
    "streaming_state_conflict": "The message is still being streamed. Stop the stream first, then update it.",
    "team_not_found": (
        "Slack cannot tell the workspace. With an organisation's token, give the channel's ID instead of its name."
    ),
    "too_many_attachments": "A message holds at most 100 attachments. Send fewer, or several messages.",
    "too_many_contact_cards": "A message holds at most 10 contact cards. Send fewer.",
    "unable_to_share_files": (
        "Slack could not share the message's files. Upload them again, with the app in the channel."
    ),
    "update_failed": "Slack failed to store the change. Look at the message, and update it again if it is unchanged.",
    # conversations.*
    "already_archived": (
        "Somebody archived the channel before. Nothing is left to do; ArchiveChannel counts it as done."
    ),
    "already_in_channel": (
        "A person of the list is a member already, and Slack then invites nobody. Invite the others without them."
    ),
    "app_cannot_join_channel": "Apps are kept out of this channel. Choose another, or ask its manager.",
    "cannot_create_channel": (
        "Slack refuses to create this channel and gives no reason. Try another name, or ask an administrator who may "
        "create channels."
    ),
    "cant_archive_general": "The workspace's general channel cannot be archived. Name another channel.",
    "cant_archive_required": (
        "Everybody must be in this channel, so it cannot be archived. Ask an administrator to end that first."
    ),
    "cant_delete_message": (
        "An app can delete its own messages only, with the token that posted them. Let the author or an administrator "
        "delete this one."
    ),
    "cant_invite": "This person cannot be added to this channel. Leave them out, or ask an administrator why.",
    "cant_invite_self": "The app itself is on the list. Take the bot's own user ID out of it.",
    "cant_kick_from_general": (
        "Nobody can be removed from the workspace's general channel. Name another channel, or deactivate the account."
    ),
    "cant_kick_self": (
        "The app itself is on the list, and nobody can remove themselves. Take it off, and use LeaveChannel."
    ),
    "cant_leave_general": "Everybody stays in the workspace's general channel. Name another channel to leave.",
    "canvas_disabled_user_team": (
        "Canvases are off in this workspace, and the channel was to have one. Create it without a canvas, or have "
        "them turned on."
    ),
    "channel_is_limited_access": (
        "The channel belongs to a Salesforce record that the app has no access to. Have the access granted in "
        "Salesforce, or use another channel."
    ),
    "fetch_members_failed": "Slack could not read the member list. Run it again: it changes nothing.",
    "invalid_cursor": "The cursor is wrong or too old. Start from the first page again.",
    "invalid_limit": "limit is no number that Slack takes. Use 1 to 999; 200 is a good page.",
    "invalid_name": "Slack does not take this name. Use at most 80 of a-z, 0-9, - and _.",
    "invalid_name_maxlength": (
        "The name is longer than 80 characters. Shorten it, for instance by a shorter title in the template."
    ),
    "invalid_name_punctuation": "The name has nothing but punctuation. Give it a letter or a digit.",
    "invalid_name_required": "The name is empty. Check that its template renders to something.",
    "invalid_name_specials": "The name has capitals, blanks or special characters. Keep to a-z, 0-9, - and _.",
    "invalid_metadata_filter_keys": (
        "metadata_keys_to_include is no JSON list of strings. Leave it out: include_all_metadata gives everything."
    ),
    "invalid_ts_latest": "latest is no time that Slack reads. Give a ts or seconds since 1970, as text.",
    "invalid_ts_oldest": "oldest is no time that Slack reads. Give the ts of a message or seconds since 1970, as text.",
    "invalid_types": (
        "types names a kind of conversation that Slack does not know or the token has no scope for. Use "
        "public_channel, private_channel, im and mpim, each with its :read scope."
    ),
    "invalid_user_combination": (
        "Some of these people share no channel with the others from outside. Put them in one channel first, or write "
        "to them one by one."
    ),
    "invitee_cant_see_channel": (
        "The channel is shared with none of the person's workspaces. Add one of them to the channel first."
    ),
    "last_member": (
        "The app is the only member, and somebody has to stay. Invite a person first, or archive the channel."
    ),
    "list_record_comment_fetch_failed": (
        "Slack could not read the comments of this list item. Run it again: it changes nothing."
    ),
    "method_not_supported_for_channel_type": (
        "This kind of conversation does not have that: a direct message, say, has no topic. Use a channel."
    ),
    "missing_argument": (
        "A required argument is missing. Look up on the method's page which ones are required, and give it."
    ),
    "name_taken": "A channel of that name exists, perhaps archived or private. Choose another name.",
    "no_channel": "The channel has no name. Give one, and check what its template renders to.",
    "no_external_invite_permission": (
        "The app may not invite people from outside. Let a member who may do so, or have the setting changed."
    ),
    "no_user": "The list of people is empty. Check what users renders to.",
    "not_authorized": (
        "The app may not do this here. Let the channel's creator, an administrator or a channel manager do it."
    ),
    "not_enough_users": "A group conversation needs at least two people. Name another, or send a direct message.",
    "org_user_not_in_team": (
        "Some people belong to the organisation, but not to this workspace. Have them added to it, or leave them out."
    ),
    "not_supported": "Slack does not do this for this channel and person. Leave them out, or ask an administrator.",
    "thread_not_found": (
        "No thread has that ts in that channel. Pass channel and ts of one of its messages, exactly as Slack gave them."
    ),
    "too_long": "The text is longer than 250 characters. Shorten it.",
    "too_many_members": "The channel is full. Ask a workspace administrator to split it, or use another.",
    "too_many_users": "More people than one request takes. Name fewer.",
    "ura_max_channels": (
        "A single-channel guest on the list is in their one channel already. Leave them out, or change their kind of "
        "account."
    ),
    "user_disabled": "One of the people is deactivated. Take them out of the list.",
    "user_is_restricted": (
        "Guests are kept from this: the token's owner, or a person on the list, is one. Use a full member."
    ),
    "users_list_not_supplied": "Nobody is named to talk to. Give users, or the channel of a conversation that exists.",
    # pins.*, bookmarks.* and reactions.*
    "already_pinned": "The message is pinned there already. Nothing is left to do; PinMessage counts it as done.",
    "already_reacted": (
        "The app has reacted to the message with this emoji before. Nothing is left to do; AddReaction counts it as "
        "done."
    ),
    "bad_timestamp": (
        "Slack cannot read the message's timestamp. Pass the ts as the posting returned it, as a string of seconds, a "
        "point and six digits."
    ),
    "cannot_bookmark_from_external_org": (
        "The file belongs to another organisation and cannot be bookmarked. Bookmark a link to a page about it."
    ),
    "cannot_bookmark_restricted_sharing_enabled": (
        "The file's sharing is restricted, so it cannot be bookmarked. Bookmark another file, or ask its owner."
    ),
    "file_already_added": "The folder of bookmarks has this file already. Leave it, or add another file.",
    "file_comment_not_found": "No file comment has that ID. Name a message by channel and timestamp instead.",
    "file_not_shared": "The file is neither public nor shared to the channel. Share it there first.",
    "invalid_app_action_type": "Slack knows no such app action to bookmark. Use a bookmark of the type link.",
    "invalid_bookmark_type": (
        "Slack does not take this type of bookmark here. Use the type link; another type can be changed only in "
        "Slack itself."
    ),
    "invalid_child_type": "A folder of bookmarks cannot hold this type. Add the bookmark outside the folder.",
    "invalid_emoji": (
        "Slack takes no such emoji for a bookmark. Check its spelling against the workspace's emoji: fire, "
        "white_check_mark."
    ),
    "invalid_entity_id": (
        "A bookmark of a file or message needs that file's or message's own ID. Correct entity_id, or use a link."
    ),
    "invalid_link": "A bookmark's link begins with http:// or https://. Check what its template renders to.",
    "invalid_parent_type": "The parent of the bookmark is no folder. Leave parent_id out, or give a folder's ID.",
    "invalid_shortcut_type": "Slack knows no such shortcut to bookmark. Bookmark a link to the workflow instead.",
    "no_access": (
        "The app has no right to react to this item. Ask its owner to give access, or react to a message instead."
    ),
    "no_item_specified": (
        "The request names no message. Pass both channel and timestamp, and check what they render to."
    ),
    "no_pin": "Slack finds no such pin. Nothing is left to do; UnpinMessage counts it as done.",
    "no_reaction": (
        "The app has no such reaction on the message, and it cannot take away other people's. RemoveReaction counts "
        "it as done."
    ),
    "not_found": (
        "The channel has no bookmark of that ID, perhaps because somebody removed it. Add it again with AddBookmark."
    ),
    "not_implemented": (
        "Bookmarks are not available to this app's user. Ask a workspace administrator whether the plan has them."
    ),
    "not_pinnable": "Messages of this kind, such as system messages, cannot be pinned. Pin one that was posted.",
    "not_pinned": "The message is not pinned in that channel. Nothing is left to do; UnpinMessage counts it as done.",
    "not_reactable": "Slack takes no more reactions to files and their comments. React to the message instead.",
    "parent_bookmark_disabled": "Folders of bookmarks are off in this workspace. Leave parent_id out.",
    "parent_with_link": "A folder of bookmarks has no link of its own. Leave the link out, or change what it holds.",
    "permission_denied": (
        "The app may not change the bookmarks of this channel. Ask its manager or an administrator who may do so."
    ),
    "thread_locked": "The message's thread is locked, which turns reactions off. Ask an administrator to unlock it.",
    "too_many_bookmarks": "The channel has as many bookmarks as Slack allows. Remove one with RemoveBookmark first.",
    "too_many_emoji": (
        "The message has as many different emoji as Slack allows. React with one that is there, or reply in its thread."
    ),
    "too_many_pins": "The channel has as many pins as Slack allows. Take one away with UnpinMessage first.",
    "too_many_reactions": (
        "The app has as many reactions on the message as Slack allows one account. Take one away with RemoveReaction "
        "first."
    ),
    "too_many_requests": "Several bookmarks were being added at the same time. Run it again in a moment.",
    "too_many_tabs": "The channel has as many tabs as Slack allows. Have one removed in Slack first.",
    # canvases.*, files.*, usergroups.* and scheduled messages
    "alt_txt_too_large": "A description for screen readers holds at most 1,000 characters. Shorten alt_txt.",
    "bad_token": (
        "Slack does not accept this token for scheduled messages. Use the bot token of the app that scheduled the "
        "message."
    ),
    "canvas_creation_failed": (
        "Slack could not make a canvas of the Markdown; detail names the line. Simplify that line: lists and code "
        "in quotes are what it refuses most."
    ),
    "canvas_editing_failed": (
        "Slack could not make the change; detail names the line of the Markdown that it does not take. Simplify "
        "that line."
    ),
    "canvas_editing_locked": "Somebody else is changing the canvas at this moment. Run it again in a few seconds.",
    "canvas_not_found": (
        "The app sees no canvas of that ID. Check that it was not deleted and that the app made it or may see it."
    ),
    "canvas_tab_creation_failed": (
        "Slack made no tab for the canvas, perhaps because the channel has no room for one more. Remove a tab in "
        "Slack, and run it again."
    ),
    "canvas_too_large": "The canvas has no room for this much. Write less, or begin another canvas.",
    "channel_canvas_already_exists": (
        'The channel has its canvas already. Add to it with if_exists="append", or put this one into a tab with '
        'kind="tab".'
    ),
    "channel_canvas_creation_failed": (
        "Slack could not give the channel a canvas. Check that the app is a member, and run it again."
    ),
    "channels_limit_exceeded": (
        "A file is shared in at most 100 channels at once. Share it in fewer, or in several steps."
    ),
    "failed_for_some_users": (
        "Some of the people are not in the workspace of this user group, so nobody was changed. Leave them out."
    ),
    "failed_to_update_user_ids": (
        "Slack could not give that person access, perhaps because the account is a guest. Share the canvas with a "
        "channel instead."
    ),
    "file_type_not_allowed": (
        "The workspace does not take files of this type. Ask an administrator, or send it as another type."
    ),
    "file_update_failed": (
        "Slack took the file and could not share it. Look in the channel, and upload it again if it is not there."
    ),
    "file_upload_size_restricted": (
        "The workspace limits how large files may be, and this one is larger. Compress it, or share a link."
    ),
    "file_uploads_disabled": "The workspace takes no files at all. Share a link instead, or ask an administrator.",
    "file_uploads_except_images_disabled": (
        "The workspace takes pictures only. Share a link instead, or ask an administrator."
    ),
    "free_team_canvas_tab_already_exists": (
        'On a free plan a channel has one canvas, and this one has it already. Add to it with if_exists="append".'
    ),
    "free_teams_cannot_create_non_tabbed_canvases": "On a free plan a canvas must stand in a channel. Give channel.",
    "free_teams_cannot_create_standalone_canvases": (
        'On a free plan no canvas stands by itself. Give channel, with kind="channel".'
    ),
    "free_teams_cannot_edit_standalone_canvases": (
        "On a free plan apps cannot change a canvas that stands by itself. Use the canvas of a channel."
    ),
    "invalid_channel": (
        "Slack cannot share the file there: no such channel, or a person's ID. Give the ID of a channel that the "
        "app is in."
    ),
    "invalid_parameters": "Access is given either to one channel or to one person. Name one of them, not both.",
    "invalid_scheduled_message_id": (
        "No message waits under that ID: it was sent or cancelled already, or another app scheduled it. Look in the "
        "channel before you send another."
    ),
    "invalid_team": (
        "Slack finds no groups for that workspace. For an app of a whole organisation, give the team_id of a "
        "workspace it is installed in."
    ),
    "invalid_time": (
        "Slack cannot read post_at. Give whole seconds since 1970 or a datetime with a time zone, not milliseconds."
    ),
    "invalid_token": "The token is of a kind that may not schedule messages. Use the app's bot token (xoxb-…).",
    "invalid_users": (
        "Slack takes one of the IDs for no person who can be in a group. Check that all are active people of this "
        "workspace, no bots."
    ),
    "no_such_subteam": (
        "There is no such user group, or it is disabled. Check its ID or handle under People & user groups in Slack."
    ),
    "no_users_provided": "A user group must keep somebody. Name at least one person, or disable the group in Slack.",
    "paid_teams_only": (
        "User groups come with Slack's paid plans only. Name the people themselves, or have the plan changed."
    ),
    "plan_upgrade_required": (
        "User groups are not part of the workspace's plan. Name the people themselves, or have the plan changed."
    ),
    "too_many_linked_channels": (
        "A user group has only so many default channels, and this would be more. Name fewer in channels."
    ),
    "restricted_too_many": (
        "Slack takes 30 messages a channel for any five minutes. Schedule this one some minutes earlier or later."
    ),
    "snippet_too_large": "A snippet holds at most 1 MB. Leave snippet_type out, so that it is sent as a file.",
    "storage_limit_reached": "The free plan's 5 GB for files are full. Have old files deleted, or share a link.",
    "subteam_max_users_exceeded": (
        "The user group would have more members than Slack allows. Split it into several groups."
    ),
    "team_tier_cannot_create_channel_canvases": (
        "The workspace's plan has no canvases of channels. Use a message, or have the plan changed."
    ),
    "time_in_past": (
        "post_at is past already. Send the message at once with SendMessage, or correct the time and its zone."
    ),
    "time_too_far": (
        "Messages can be scheduled for the next 120 days. Choose an earlier time, or put a reminder into your calendar."
    ),
    "unknown_snippet_type": (
        "Slack knows no snippet of that type. Use one such as python, json or text, or leave snippet_type out."
    ),
    "unknown_subtype": "Slack knows no file of that subtype. Leave the subtype out, and name the file with its ending.",
    "user_not_in_channel": (
        "Only members see an ephemeral message, and the person is none. Invite the person with InviteToChannel, or "
        "use SendDirectMessage."
    ),
    # users.*
    "user_not_found": (
        "Slack shows no such person to this app. Pass a user ID of this workspace (U… or W…), not a name."
    ),
    "user_not_visible": (
        "The app may not see this person, as happens with people of another workspace. Use somebody whom it can see."
    ),
    "users_not_found": (
        "Nobody in this workspace has that e-mail address. Check its spelling and that the account is active."
    ),
}

_REMEDIES_BY_METHOD: Final[Mapping[tuple[str, str], str]] = {
    ("bookmarks.add", "file_not_found"): "No such file to bookmark. Leave entity_id out, and bookmark a link.",
    ("bookmarks.remove", "not_found"): (
        "The channel has no bookmark of that ID. Nothing is left to do; RemoveBookmark counts it as done."
    ),
    ("chat.postMessage", "is_archived"): (
        "The channel is archived and takes no messages. Post in another, or let a person unarchive it: bots cannot."
    ),
    ("chat.postMessage", "not_in_channel"): (
        "The app is not in the channel. Add it with /invite, or give it the scope chat:write.public to post in public "
        "channels that it has not joined."
    ),
    ("chat.postMessage", "restricted_action"): (
        "A workspace setting reserves posting in this channel for certain people. Ask an administrator to allow the "
        "app, or use another channel."
    ),
    ("chat.postMessage", "team_not_found"): (
        "An organisation's token needs the channel's ID. Give that instead of the name."
    ),
    ("chat.update", "team_not_found"): (
        "Slack cannot find the workspace of this message and channel. Use the token and the channel ID that the "
        "message was posted with."
    ),
    ("conversations.archive", "channel_not_found"): (
        "Slack shows no such channel to this app, or does not take it for a channel's ID. Pass the ID (C…), and "
        "/invite the app to a private channel."
    ),
    ("conversations.archive", "not_in_channel"): (
        "The app must be in a channel to archive it. Add it with /invite first."
    ),
    ("conversations.archive", "restricted_action"): (
        "A workspace setting reserves archiving for certain people, and no scope changes that. Ask an administrator "
        "to allow it to the app."
    ),
    ("conversations.create", "missing_argument"): (
        "conversations.create needs name, and an organisation's token team_id as well. Give what is missing."
    ),
    ("conversations.create", "name_taken"): (
        'A channel of that name exists, perhaps archived or private. Pass if_taken="adopt" or "suffix", or choose '
        "another name."
    ),
    ("conversations.create", "restricted_action"): (
        "A workspace setting reserves creating channels for certain people, and no scope changes that. Ask an "
        "administrator to allow it to the app."
    ),
    ("conversations.history", "not_in_channel"): (
        "An app reads only channels that it is in, public ones too. Add it with /invite, or by JoinChannel."
    ),
    ("conversations.invite", "no_permission"): (
        "The app may not invite this person to the channel. Ask a workspace administrator who may invite whom."
    ),
    ("conversations.invite", "not_in_channel"): (
        "The app must be in a channel to invite others. Add it with /invite, or let it join a public channel first."
    ),
    ("conversations.invite", "user_is_restricted"): (
        "A guest on the list may not enter this channel. Leave them out, or let an administrator widen their access."
    ),
    ("conversations.invite", "user_not_found"): (
        "A person on the list is unknown in this workspace. Pass user IDs (U… or W…), and look people up by e-mail "
        "address first."
    ),
    ("conversations.join", "is_archived"): (
        "The channel is archived, and nobody can join it. Use another, or let a person unarchive it: bots cannot."
    ),
    ("conversations.join", "method_not_supported_for_channel_type"): (
        "Only a public channel can be joined. Let a member of the private one /invite the app."
    ),
    ("conversations.kick", "not_in_channel"): (
        "The person is not in the channel. Nothing is left to do, if the app itself is a member."
    ),
    ("conversations.kick", "restricted_action"): (
        "A workspace setting reserves removing people for some, and no scope changes that. Ask an administrator to "
        "allow it to the app."
    ),
    ("conversations.kick", "user_not_found"): (
        "The person is unknown in this workspace. Pass a user ID (U… or W…) or an e-mail address, not a name."
    ),
    ("conversations.leave", "is_archived"): (
        "The channel is archived, and its members stay as they are. Nothing is posted there, so let it be."
    ),
    ("conversations.leave", "user_is_restricted"): (
        "The token's owner is a guest, and guests cannot leave a channel. Let an administrator remove the app."
    ),
    ("conversations.list", "missing_argument"): (
        "An organisation's token has to say which workspace's channels it wants. Pass team_id."
    ),
    ("conversations.open", "channel_not_found"): (
        "No direct conversation has that ID. Pass users instead, and Slack finds or opens it."
    ),
    ("conversations.open", "too_many_users"): (
        "A group conversation holds at most 8 people besides the app. Create a channel for more."
    ),
    ("conversations.rename", "is_archived"): (
        "The channel is archived and keeps its name. Let a person unarchive it first: bots cannot."
    ),
    ("conversations.rename", "name_taken"): (
        "Another channel has that name, perhaps an archived or private one. Choose a different name."
    ),
    ("conversations.rename", "not_authorized"): (
        "Only who created a channel may rename it, besides administrators and channel managers. Let one of them do it, "
        "or rename only what the app created."
    ),
    ("conversations.rename", "not_in_channel"): (
        "The app must be in a channel to rename it. Add it with /invite first."
    ),
    ("conversations.setPurpose", "not_in_channel"): (
        "The app must be in a channel to set its description. Add it with /invite first."
    ),
    ("conversations.setPurpose", "too_long"): "A channel's description holds at most 250 characters. Shorten it.",
    ("conversations.setPurpose", "user_is_restricted"): (
        "Setting the description is reserved for certain people here. Ask an administrator to allow it to the app."
    ),
    ("conversations.setTopic", "not_in_channel"): (
        "The app must be in a channel to set its topic. Add it with /invite first."
    ),
    ("conversations.setTopic", "too_long"): "A channel's topic holds at most 250 characters. Shorten it.",
    ("conversations.setTopic", "user_is_restricted"): (
        "Setting the topic is reserved for certain people here. Ask an administrator to allow it to the app."
    ),
    ("pins.add", "not_in_channel"): (
        "The message stands in another channel, or the app is not in this one. Give the channel that it was posted "
        "in, and /invite the app there."
    ),
    ("pins.add", "restricted_action"): (
        "A setting of the channel or workspace reserves pinning for certain people, and no scope changes that. Ask an "
        "administrator to allow it to the app."
    ),
    ("pins.remove", "restricted_action"): (
        "A setting of the channel or workspace reserves unpinning for certain people, and no scope changes that. Ask "
        "an administrator to allow it to the app."
    ),
    ("reactions.add", "is_archived"): (
        "The channel is archived, and its messages take no reactions. Let a person unarchive it: bots cannot."
    ),
    ("reactions.add", "invalid_name"): (
        "The workspace has no emoji of that name. Check its spelling: eyes, white_check_mark."
    ),
    ("reactions.remove", "invalid_name"): (
        "The workspace has no emoji of that name. Give the name that the reaction was added with."
    ),
    ("users.info", "too_many_users"): "users.info takes one person a request. Ask for them one by one.",
    ("canvases.create", "canvas_disabled_user_team"): (
        "Canvases are off in this workspace. Share the text as a message or a file, or have canvases turned on."
    ),
    ("canvases.edit", "canvas_disabled_user_team"): (
        "Canvases are off in this workspace, so none can be changed. Have them turned on, or use a message."
    ),
    ("chat.postEphemeral", "not_in_channel"): (
        "The app is not in the channel, and only members show others something there. Add it with /invite first."
    ),
    ("files.completeUploadExternal", "file_not_found"): (
        "Slack has no file for this upload, perhaps because its bytes did not arrive in time. Upload it again from "
        "the first step."
    ),
    ("files.getUploadURLExternal", "missing_argument"): (
        "Slack wants a name and a size above 0. Check that the file is not empty and filename does not render to "
        "nothing."
    ),
    ("reactions.get", "file_not_found"): (
        "Slack shows no file of that ID to this app. Name the message by channel and timestamp instead."
    ),
    ("usergroups.list", "users_not_found"): (
        "Slack cannot find the people of one of the groups. Ask for the members of a single group by its ID."
    ),
    ("usergroups.update", "permission_denied"): (
        "The workspace lets only certain people change user groups. Ask an administrator to allow it to apps "
        "(Permissions, User groups)."
    ),
    # The text of the page names these two, its table of errors does not.
    ("usergroups.users.update", "invalid_user"): (
        "Guests and bots cannot be in a user group, and one of these people is. Leave them out."
    ),
    ("usergroups.users.update", "single_channel_guests_cannot_be_added"): (
        "Single-channel guests cannot be in a user group. Leave them out."
    ),
    ("usergroups.users.update", "permission_denied"): (
        "The workspace lets only certain people change user groups. Ask an administrator to allow it to apps "
        "(Permissions, User groups)."
    ),
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
        detail = f"it could not be rotated: {refused}"
        remedy = _NOT_ROTATED_REMEDIES.get(refused, "Install the app again in that workspace; its scopes stay.")
    if kind is errors.MissingScope:
        needed = _names(data.get("needed")) or _names(headers.get("x-accepted-oauth-scopes"))
        granted = _names(data.get("provided")) or _names(headers.get("x-oauth-scopes"))
        remedy = _scope_remedy(method, needed) or ("" if needed else remedy)
        return errors.MissingScope(method=method, needed=needed, granted=granted, remedy=remedy, detail=detail)
    if kind is errors.RateLimited:
        # Of `ratelimited` the class itself says how long to wait.
        remedy = _REMEDIES.get(code, "")
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
    known = _REMEDIES_BY_METHOD.get((method, code)) or _REMEDIES.get(code)
    return known or f"Slack explains the errors of this method at {_page(method)}."


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
