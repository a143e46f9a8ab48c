"""What each error code of Slack means and what to do about it, a text of our own for each.

Rule of this file: data, and the little code that finds an entry. A code that means different things from method to
method has an entry for each of those; docs/slack-errors.md is made of these texts.

Source of the codes: the error table of each method's page, https://docs.slack.dev/reference/methods, and the table
that is common to all of them. What to do is our own reading of these pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["BY_METHOD", "TEXTS", "Text", "anchor", "text_of"]


class Text(NamedTuple):
    """Why Slack refuses, and what to do; each one or more sentences."""

    cause: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.cause} {self.remedy}"


_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # Any method: https://docs.slack.dev/apis/web-api/ and the common table of every method's page.
    "access_denied": (
        "The token may not touch what the request names.",
        "Ask a workspace administrator which data or app policy guards it.",
    ),
    "accesslimited": (
        "Slack limits this method on the network that the request came from.",
        "Run it from a network that the organisation allows.",
    ),
    "account_inactive": (
        "The bot or its workspace was deactivated or deleted.",
        "Install the app again and use the new bot token.",
    ),
    "deprecated_endpoint": (
        "Slack closed the address that the request went to.",
        "Use https://slack.com/api/ as base URL and update slackrunbooks.",
    ),
    "ekm_access_denied": (
        "An administrator suspended posting by withdrawing the encryption key.",
        "Post elsewhere until access to the key is given back.",
    ),
    "enterprise_is_restricted": (
        "The token stands for a whole Enterprise organisation, and this method wants one workspace's.",
        "Use the bot token of that workspace.",
    ),
    "fatal_error": (
        "Slack broke off in the middle, so part of it may have happened.",
        "Look in Slack before you run it again.",
    ),
    "internal_error": (
        "Something went wrong inside Slack, mostly for a moment; part of it may have happened.",
        "Check https://slack-status.com and the channel, then run it again.",
    ),
    "invalid_arg_name": (
        "An argument's name is too long or has characters other than letters, digits and _.",
        "Rename the argument that your own action sends.",
    ),
    "invalid_arguments": (
        "An argument is missing or has the wrong form; the detail names it where Slack does.",
        "Compare with the method's page.",
    ),
    "invalid_array_arg": ("An argument came as a list where Slack reads one string.", "Join the values with commas."),
    "invalid_auth": (
        "Slack does not know the token, or the app's allowed IP address ranges leave this machine out.",
        "Copy the Bot User OAuth Token again from the app's page, and compare the ranges.",
    ),
    "invalid_charset": (
        "The Content-Type header names a charset other than utf-8 or iso-8859-1.",
        "Remove that header from the client.",
    ),
    "invalid_form_data": (
        "The form body is missing or broken.",
        "Remove what changes request bodies between here and Slack, such as a proxy or a client of your own.",
    ),
    "invalid_json": (
        "The JSON body cannot be parsed.",
        "If you gave a client of your own, let it send one UTF-8 JSON object.",
    ),
    "invalid_post_type": (
        "The Content-Type header is none that Slack reads.",
        "Send application/json or application/x-www-form-urlencoded.",
    ),
    "is_bot": ("Legacy bots cannot call this method.", "Create a Slack app and use its bot token."),
    "json_not_object": ("The JSON body is a list or a scalar.", "Send an object with the arguments as its keys."),
    "method_deprecated": ("Slack retired this method.", "Update slackrunbooks; the method's page names its successor."),
    "missing_post_type": (
        "The request has a body but no Content-Type header.",
        "Let the client set it, or remove the proxy that drops it.",
    ),
    "missing_scope": (
        "The token lacks a scope that this request needs.",
        (
            "Add the scope that the method's page lists for this type of conversation to the Slack app, and install it "
            "again."
        ),
    ),
    "no_permission": (
        "The token lacks the right, most often because the app is not in the conversation.",
        "Add it there with /invite.",
    ),
    "not_allowed_token_type": (
        "The method refuses this kind of token.",
        "Use a bot token instead of a user, app-level or configuration token.",
    ),
    "not_authed": ("No token came with the request.", "Pass token= to the executor or set SLACK_BOT_TOKEN."),
    "org_login_required": (
        "The workspace is closed while it moves into an Enterprise organisation.",
        "Run it again when the move is done.",
    ),
    "rate_limited": (
        "The app posts more than Slack takes: one message a second and channel, some hundreds a minute and workspace.",
        "Post less often, or change one message with UpdateMessage.",
    ),
    "request_timeout": (
        "Only part of the request reached Slack.",
        "Check the network and proxies on the way, then run it again.",
    ),
    "service_unavailable": (
        "Slack is out of service for the moment.",
        "Watch https://slack-status.com, and look whether it happened before you run it again.",
    ),
    "team_access_not_granted": (
        "The app is installed for the organisation but not for this workspace.",
        "Ask an organisation administrator to add it there.",
    ),
    "team_added_to_org": (
        "The workspace is joining an Enterprise organisation, and Slack answers on and off meanwhile.",
        "Run it again in a while.",
    ),
    "token_expired": (
        "The token is past its lifetime (12 hours where tokens rotate).",
        "Trade its refresh token for a new one.",
    ),
    "token_revoked": (
        "Someone revoked the token or removed the app.",
        "Install the app again and put the new token in place.",
    ),
    "two_factor_setup_required": (
        "The workspace demands two-factor authentication of the person behind the token.",
        "Set it up for that account.",
    ),
    "unknown_method": (
        "Slack has no method of this name.",
        "Check the spelling against https://docs.slack.dev/reference/methods, and the client's base URL.",
    ),
    # chat.postMessage and chat.update
    "app_access_restricted": (
        "The person that the message is for may not use this app.",
        "Ask a workspace administrator to allow it to them.",
    ),
    "as_user_not_supported": (
        "This app cannot post as a person.",
        "Leave as_user out of your own action: the bot speaks for itself.",
    ),
    "attachment_payload_limit_exceeded": (
        "The attachments are too big taken together.",
        "Shorten them, or move their text into a file.",
    ),
    "block_mismatch": (
        "A message of rich text cannot change to other blocks.",
        "Update it with rich_text blocks, or post a new message.",
    ),
    "blocked_file_type": ("An administrator forbids files of this type.", "Share a link to the file instead."),
    "cannot_reply_to_message": (
        "That message cannot have a thread, as with most system messages.",
        "Leave thread_ts out, or reply to another message.",
    ),
    "cant_broadcast_message": (
        "This reply cannot be shown in the channel too.",
        "Leave reply_broadcast out, or post the text in the channel as a message of its own.",
    ),
    "cant_update_message": (
        "Only the app that posted a message can change it.",
        "Update a message of this app, with the token that posted it.",
    ),
    "channel_not_found": (
        (
            "Slack shows no such channel to this app: a wrong ID or name, another workspace, or a private channel that "
            "the app is not in."
        ),
        "Check the ID, and /invite the app to a private channel.",
    ),
    "draft_already_deleted": (
        "The draft that the request names is gone.",
        "Send the message without draft_id: there is nothing to take from a draft.",
    ),
    "draft_already_sent": (
        "The draft that the request names was sent before.",
        "Look in the channel, and do not send it again.",
    ),
    "draft_has_conflict": ("The draft was changed in a Slack client meanwhile.", "Send the message without draft_id."),
    "draft_not_found": ("There is no draft with that ID.", "Remove draft_id from the request."),
    "duplicate_channel_not_found": (
        "client_msg_id points to a channel that Slack cannot find.",
        "Leave client_msg_id out: it is not for apps.",
    ),
    "duplicate_message_not_found": (
        "client_msg_id was seen before, but its message is gone.",
        "Leave client_msg_id out, and look in the channel whether the message is there.",
    ),
    "edit_window_closed": (
        "The workspace lets messages be edited for a limited time only, and it has passed.",
        "Reply in the thread or post a new message.",
    ),
    "external_channel_migrating": (
        "The shared channel is on its way to another workspace, and Slack refuses changes meanwhile.",
        "Wait until the move is done, then run it again.",
    ),
    "file_deleted": ("The file to be shared no longer exists.", "Upload the file again, and share the new one."),
    "file_is_deleted": ("The message's file was deleted.", "Take it out of file_ids."),
    "file_not_found": ("One of the file IDs is unknown to this app.", "Use the ID that the upload returned."),
    "file_share_limit_reached": (
        "The file is shared in as many places as Slack allows.",
        "Post a link to the file instead of sharing it once more.",
    ),
    "invalid_attachments": (
        "Slack cannot read the attachments; the detail points to the part.",
        "Correct it, or use blocks.",
    ),
    "invalid_blocks": (
        "A block breaks a rule of Block Kit; the detail points to it.",
        "Correct that block, and try it in Block Kit Builder (https://app.slack.com/block-kit-builder).",
    ),
    "invalid_blocks_format": (
        "blocks is not a list of block objects, perhaps because it was encoded as JSON twice.",
        "Pass blocks as plain lists and mappings, not as text that was encoded before.",
    ),
    "invalid_metadata_format": (
        "The message's metadata needs event_type (a string) and event_payload (an object) and nothing else.",
        "Give the metadata these two fields and take out any other.",
    ),
    "invalid_metadata_schema": (
        "The metadata does not fit the schema that the app declares for its event_type.",
        "Change the payload or the schema.",
    ),
    "is_archived": (
        "The channel is archived and takes no changes.",
        "Use another channel, or let a person unarchive it: bots cannot.",
    ),
    "is_inactive": (
        "The channel is frozen, archived or deleted, so its messages stay as they are.",
        "Post in a channel that is in use.",
    ),
    "markdown_text_conflict": (
        "markdown_text cannot stand beside text or blocks.",
        "Give markdown_text alone, or text and blocks without it.",
    ),
    "max_file_sharing_exceeded": (
        "The message shares more files than Slack allows.",
        "Spread them over several messages.",
    ),
    "message_limit_exceeded": (
        "The workspace has used up the messages that its plan allows (https://slack.com/help/articles/115002422943).",
        "Wait, or change the plan.",
    ),
    "message_not_found": (
        "No message has that ts in that channel.",
        "Pass channel and ts exactly as the posting returned them, ts as a string.",
    ),
    "messages_tab_disabled": (
        "The app takes no direct messages.",
        "Turn on the Messages Tab under App Home in the app's settings.",
    ),
    "metadata_must_be_sent_from_app": (
        "Only an app's token may send metadata.",
        "Use the bot token, or leave metadata out.",
    ),
    "metadata_too_large": (
        "The message's metadata is too big.",
        "Keep identifiers in it, and the data itself elsewhere.",
    ),
    "missing_file_data": (
        "The file to be shared lacks required data.",
        "Upload it as a file of its own instead of naming it in the message.",
    ),
    "msg_blocks_too_long": (
        "The texts of all blocks together are too long; about 12,000 characters pass.",
        "Shorten them, or split the message.",
    ),
    "msg_too_long": (
        "The text is longer than the 4,000 characters that Slack takes here.",
        "Shorten it, or share it as a file.",
    ),
    "no_dual_broadcast_content_update": (
        "A reply cannot change its content and be broadcast in one request.",
        "Do one after the other.",
    ),
    "no_text": (
        "The message is empty.",
        "Give text, markdown_text or blocks, and check that its template does not render to nothing.",
    ),
    "not_in_channel": (
        "The app is not in the channel.",
        "Add it with /invite, or let it join a public channel (channels:join).",
    ),
    "posting_to_channel_denied": (
        "The app may not share files in this channel.",
        "Use another channel, or ask its owner for the right.",
    ),
    "restricted_action": (
        "A workspace setting reserves this for certain people, and no scope changes that.",
        "Ask an administrator to allow it to the app.",
    ),
    "restricted_action_non_threadable_channel": (
        "The channel has no threads.",
        "Post in the channel itself: leave thread_ts out.",
    ),
    "restricted_action_read_only_channel": (
        "The channel is read-only for this app.",
        "Ask its owner to let the app post, or use another channel.",
    ),
    "restricted_action_thread_locked": ("An administrator locked the thread.", "Reply elsewhere, or have it unlocked."),
    "restricted_action_thread_only_channel": (
        "The channel takes replies only.",
        "Give the thread_ts of a message there.",
    ),
    "send_on_behalf_not_allowed": ("The app may not speak for that person.", "Post in the app's own name."),
    "slack_connect_blocked_file_type": (
        "Slack Connect channels refuse files of this type.",
        "Share a link, or use an internal channel.",
    ),
    "slack_connect_canvas_sharing_blocked": (
        "An administrator forbids canvases in Slack Connect channels.",
        "Take the canvas link out of the message, or use an internal channel.",
    ),
    "slack_connect_clip_sharing_blocked": (
        "An administrator forbids clips in Slack Connect channels.",
        "Take the clip out of the message.",
    ),
    "slack_connect_file_link_sharing_blocked": (
        "An administrator forbids links to Slack files in Slack Connect channels.",
        "Take the link out, or host the file elsewhere.",
    ),
    "slack_connect_file_upload_sharing_blocked": (
        "An administrator forbids uploads to Slack Connect channels.",
        "Upload to an internal channel.",
    ),
    "slack_connect_lists_sharing_blocked": (
        "An administrator forbids lists in Slack Connect channels.",
        "Take the list link out of the message.",
    ),
    "streaming_state_conflict": ("The message is still being streamed.", "Stop the stream first, then update it."),
    "team_not_found": (
        "Slack cannot tell the workspace.",
        "With an organisation's token, give the channel's ID instead of its name.",
    ),
    "too_many_attachments": ("A message holds at most 100 attachments.", "Send fewer, or several messages."),
    "too_many_contact_cards": ("A message holds at most 10 contact cards.", "Send at most 10 of them a message."),
    "unable_to_share_files": (
        "Slack could not share the message's files.",
        "Upload them again, with the app in the channel.",
    ),
    "update_failed": (
        "Slack failed to store the change.",
        "Look at the message, and update it again if it is unchanged.",
    ),
    # conversations.*
    "already_archived": (
        "Somebody archived the channel before.",
        "Nothing is left to do; ArchiveChannel counts it as done.",
    ),
    "already_in_channel": (
        "A person of the list is a member already, and Slack then invites nobody.",
        "Invite the others without them.",
    ),
    "app_cannot_join_channel": ("Apps are kept out of this channel.", "Choose another, or ask its manager."),
    "cannot_create_channel": (
        "Slack refuses to create this channel and gives no reason.",
        "Try another name, or ask an administrator who may create channels.",
    ),
    "cant_archive_general": (
        "The workspace's general channel cannot be archived.",
        "Name a channel other than the general one, such as the incident's own.",
    ),
    "cant_archive_required": (
        "Everybody must be in this channel, so it cannot be archived.",
        "Ask an administrator to end that first.",
    ),
    "cant_delete_message": (
        "An app can delete its own messages only, with the token that posted them.",
        "Let the author or an administrator delete this one.",
    ),
    "cant_invite": ("This person cannot be added to this channel.", "Leave them out, or ask an administrator why."),
    "cant_invite_self": ("The app itself is on the list.", "Take the bot's own user ID out of it."),
    "cant_kick_from_general": (
        "Nobody can be removed from the workspace's general channel.",
        "Name another channel, or deactivate the account.",
    ),
    "cant_kick_self": (
        "The app itself is on the list, and nobody can remove themselves.",
        "Take it off, and use LeaveChannel.",
    ),
    "cant_leave_general": ("Everybody stays in the workspace's general channel.", "Name another channel to leave."),
    "canvas_disabled_user_team": (
        "Canvases are off in this workspace, and the channel was to have one.",
        "Create it without a canvas, or have them turned on.",
    ),
    "channel_is_limited_access": (
        "The channel belongs to a Salesforce record that the app has no access to.",
        "Have the access granted in Salesforce, or use another channel.",
    ),
    "fetch_members_failed": ("Slack could not read the member list.", "Run it again: it changes nothing."),
    "invalid_cursor": ("The cursor is wrong or too old.", "Start from the first page again."),
    "invalid_limit": ("limit is no number that Slack takes.", "Use 1 to 999; 200 is a good page."),
    "invalid_name": ("Slack does not take this name.", "Use at most 80 of a-z, 0-9, - and _."),
    "invalid_name_maxlength": (
        "The name is longer than 80 characters.",
        "Shorten it, for instance by a shorter title in the template.",
    ),
    "invalid_name_punctuation": ("The name has nothing but punctuation.", "Give it a letter or a digit."),
    "invalid_name_required": ("The name is empty.", "Check that its template renders to something."),
    "invalid_name_specials": ("The name has capitals, blanks or special characters.", "Keep to a-z, 0-9, - and _."),
    "invalid_metadata_filter_keys": (
        "metadata_keys_to_include is no JSON list of strings.",
        "Leave it out: include_all_metadata gives everything.",
    ),
    "invalid_ts_latest": ("latest is no time that Slack reads.", "Give a ts or seconds since 1970, as text."),
    "invalid_ts_oldest": (
        "oldest is no time that Slack reads.",
        "Give the ts of a message or seconds since 1970, as text.",
    ),
    "invalid_types": (
        "types names a kind of conversation that Slack does not know or the token has no scope for.",
        "Use public_channel, private_channel, im and mpim, each with its :read scope.",
    ),
    "invalid_user_combination": (
        "Some of these people share no channel with the others from outside.",
        "Put them in one channel first, or write to them one by one.",
    ),
    "invitee_cant_see_channel": (
        "The channel is shared with none of the person's workspaces.",
        "Add one of them to the channel first.",
    ),
    "last_member": (
        "The app is the only member, and somebody has to stay.",
        "Invite a person first, or archive the channel.",
    ),
    "list_record_comment_fetch_failed": (
        "Slack could not read the comments of this list item.",
        "Run it again in a moment: reading them changes nothing.",
    ),
    "method_not_supported_for_channel_type": (
        "This kind of conversation does not have that: a direct message, say, has no topic.",
        "Name a channel there, by its ID (C…).",
    ),
    "missing_argument": (
        "A required argument is missing.",
        "Look up on the method's page which ones are required, and give it.",
    ),
    "name_taken": (
        "A channel of that name exists, perhaps archived or private.",
        "Choose a name that no channel has, or archive and rename that one first.",
    ),
    "no_channel": ("The channel has no name.", "Give one, and check what its template renders to."),
    "no_external_invite_permission": (
        "The app may not invite people from outside.",
        "Let a member who may do so, or have the setting changed.",
    ),
    "no_user": ("The list of people is empty.", "Check what users renders to."),
    "not_authorized": (
        "The app may not do this here.",
        "Let the channel's creator, an administrator or a channel manager do it.",
    ),
    "not_enough_users": ("A group conversation needs at least two people.", "Name another, or send a direct message."),
    "org_user_not_in_team": (
        "Some people belong to the organisation, but not to this workspace.",
        "Have them added to it, or leave them out.",
    ),
    "not_supported": (
        "Slack does not do this for this channel and person.",
        "Leave them out, or ask an administrator.",
    ),
    "thread_not_found": (
        "No thread has that ts in that channel.",
        "Pass channel and ts of one of its messages, exactly as Slack gave them.",
    ),
    "too_long": ("The text is longer than 250 characters.", "Shorten the text, or what its template puts in."),
    "too_many_members": ("The channel is full.", "Ask a workspace administrator to split it, or use another."),
    "too_many_users": ("More people than one request takes.", "Name fewer people in each request."),
    "ura_max_channels": (
        "A single-channel guest on the list is in their one channel already.",
        "Leave them out, or change their kind of account.",
    ),
    "user_disabled": ("One of the people is deactivated.", "Take them out of the list."),
    "user_is_restricted": (
        "Guests are kept from this: the token's owner, or a person on the list, is one.",
        "Let a full member take the guest's place, or have the guest's account changed.",
    ),
    "users_list_not_supplied": (
        "Nobody is named to talk to.",
        "Give users, or the channel of a conversation that exists.",
    ),
    # pins.*, bookmarks.* and reactions.*
    "already_pinned": ("The message is pinned there already.", "Nothing is left to do; PinMessage counts it as done."),
    "already_reacted": (
        "The app has reacted to the message with this emoji before.",
        "Nothing is left to do; AddReaction counts it as done.",
    ),
    "bad_timestamp": (
        "Slack cannot read the message's timestamp.",
        "Pass the ts as the posting returned it, as a string of seconds, a point and six digits.",
    ),
    "cannot_bookmark_from_external_org": (
        "The file belongs to another organisation and cannot be bookmarked.",
        "Bookmark a link to a page about it.",
    ),
    "cannot_bookmark_restricted_sharing_enabled": (
        "The file's sharing is restricted, so it cannot be bookmarked.",
        "Bookmark another file, or ask its owner.",
    ),
    "file_already_added": ("The folder of bookmarks has this file already.", "Leave it, or add another file."),
    "file_comment_not_found": ("No file comment has that ID.", "Name a message by channel and timestamp instead."),
    "file_not_shared": (
        "The file is neither public nor shared to the channel.",
        "Share the file to the channel, then pin it.",
    ),
    "invalid_app_action_type": ("Slack knows no such app action to bookmark.", "Use a bookmark of the type link."),
    "invalid_bookmark_type": (
        "Slack does not take this type of bookmark here.",
        "Use the type link; another type can be changed only in Slack itself.",
    ),
    "invalid_child_type": ("A folder of bookmarks cannot hold this type.", "Add the bookmark outside the folder."),
    "invalid_emoji": (
        "Slack takes no such emoji for a bookmark.",
        "Check its spelling against the workspace's emoji: fire, white_check_mark.",
    ),
    "invalid_entity_id": (
        "A bookmark of a file or message needs that file's or message's own ID.",
        "Correct entity_id, or use a link.",
    ),
    "invalid_link": ("A bookmark's link begins with http:// or https://.", "Check what its template renders to."),
    "invalid_parent_type": ("The parent of the bookmark is no folder.", "Leave parent_id out, or give a folder's ID."),
    "invalid_shortcut_type": ("Slack knows no such shortcut to bookmark.", "Bookmark a link to the workflow instead."),
    "no_access": (
        "The app has no right to react to this item.",
        "Ask its owner to give access, or react to a message instead.",
    ),
    "no_item_specified": (
        "The request names no message.",
        "Pass both channel and timestamp, and check what they render to.",
    ),
    "no_pin": ("Slack finds no such pin.", "Nothing is left to do; UnpinMessage counts it as done."),
    "no_reaction": (
        "The app has no such reaction on the message, and it cannot take away other people's.",
        "RemoveReaction counts it as done.",
    ),
    "not_found": (
        "The channel has no bookmark of that ID, perhaps because somebody removed it.",
        "Add it again with AddBookmark.",
    ),
    "not_implemented": (
        "Bookmarks are not available to this app's user.",
        "Ask a workspace administrator whether the plan has them.",
    ),
    "not_pinnable": ("Messages of this kind, such as system messages, cannot be pinned.", "Pin one that was posted."),
    "not_pinned": (
        "The message is not pinned in that channel.",
        "Nothing is left to do: UnpinMessage takes that for success.",
    ),
    "not_reactable": ("Slack takes no more reactions to files and their comments.", "React to the message instead."),
    "parent_bookmark_disabled": (
        "Folders of bookmarks are off in this workspace.",
        "Leave parent_id out, so that the bookmark stands by itself.",
    ),
    "parent_with_link": (
        "A folder of bookmarks has no link of its own.",
        "Leave the link out, or change what it holds.",
    ),
    "permission_denied": (
        "The app may not change the bookmarks of this channel.",
        "Ask its manager or an administrator who may do so.",
    ),
    "thread_locked": (
        "The message's thread is locked, which turns reactions off.",
        "Ask an administrator to unlock it.",
    ),
    "too_many_bookmarks": (
        "The channel has as many bookmarks as Slack allows.",
        "Remove one with RemoveBookmark first.",
    ),
    "too_many_emoji": (
        "The message has as many different emoji as Slack allows.",
        "React with one that is there, or reply in its thread.",
    ),
    "too_many_pins": ("The channel has as many pins as Slack allows.", "Take one away with UnpinMessage first."),
    "too_many_reactions": (
        "The app has as many reactions on the message as Slack allows one account.",
        "Take one away with RemoveReaction first.",
    ),
    "too_many_requests": ("Several bookmarks were being added at the same time.", "Run it again in a moment."),
    "too_many_tabs": ("The channel has as many tabs as Slack allows.", "Have one removed in Slack first."),
    # canvases.*, files.*, usergroups.* and scheduled messages
    "alt_txt_too_large": (
        "A description for screen readers holds at most 1,000 characters.",
        "Shorten alt_txt to what the picture shows.",
    ),
    "bad_token": (
        "Slack does not accept this token for scheduled messages.",
        "Use the bot token of the app that scheduled the message.",
    ),
    "canvas_creation_failed": (
        "Slack could not make a canvas of the Markdown; detail names the line.",
        "Simplify that line: lists and code in quotes are what it refuses most.",
    ),
    "canvas_editing_failed": (
        "Slack could not make the change; detail names the line of the Markdown that it does not take.",
        "Write that line in simpler Markdown.",
    ),
    "canvas_editing_locked": ("Somebody else is changing the canvas at this moment.", "Run it again in a few seconds."),
    "canvas_not_found": (
        "The app sees no canvas of that ID.",
        "Check that it was not deleted and that the app made it or may see it.",
    ),
    "canvas_tab_creation_failed": (
        "Slack made no tab for the canvas, perhaps because the channel has no room for one more.",
        "Remove a tab in Slack, and run it again.",
    ),
    "canvas_too_large": ("The canvas has no room for this much.", "Write less, or begin another canvas."),
    "channel_canvas_already_exists": (
        "The channel has its canvas already.",
        'Add to it with if_exists="append", or put this one into a tab with kind="tab".',
    ),
    "channel_canvas_creation_failed": (
        "Slack could not give the channel a canvas.",
        "Check that the app is a member, and run it again.",
    ),
    "channels_limit_exceeded": (
        "A file is shared in at most 100 channels at once.",
        "Share it in fewer, or in several steps.",
    ),
    "failed_for_some_users": (
        "Some of the people are not in the workspace of this user group, so nobody was changed.",
        "Leave people of other workspaces out, or use a group of the organisation.",
    ),
    "failed_to_update_user_ids": (
        "Slack could not give that person access, perhaps because the account is a guest.",
        "Share the canvas with a channel instead.",
    ),
    "file_type_not_allowed": (
        "The workspace does not take files of this type.",
        "Ask an administrator, or send it as another type.",
    ),
    "file_update_failed": (
        "Slack took the file and could not share it.",
        "Look in the channel, and upload it again if it is not there.",
    ),
    "file_upload_size_restricted": (
        "The workspace limits how large files may be, and this one is larger.",
        "Compress it, or share a link.",
    ),
    "file_uploads_disabled": ("The workspace takes no files at all.", "Share a link instead, or ask an administrator."),
    "file_uploads_except_images_disabled": (
        "The workspace takes pictures only.",
        "Share a picture of it or a link, or have the setting changed.",
    ),
    "free_team_canvas_tab_already_exists": (
        "On a free plan a channel has one canvas, and this one has it already.",
        'Add to it with if_exists="append".',
    ),
    "free_teams_cannot_create_non_tabbed_canvases": (
        "On a free plan a canvas must stand in a channel.",
        "Name the channel that is to have the canvas, in channel.",
    ),
    "free_teams_cannot_create_standalone_canvases": (
        "On a free plan no canvas stands by itself.",
        'Give channel, with kind="channel".',
    ),
    "free_teams_cannot_edit_standalone_canvases": (
        "On a free plan apps cannot change a canvas that stands by itself.",
        "Use the canvas of a channel.",
    ),
    "invalid_channel": (
        "Slack cannot share the file there: no such channel, or a person's ID.",
        "Give the ID of a channel that the app is in.",
    ),
    "invalid_parameters": ("Access is given either to one channel or to one person.", "Name one of them, not both."),
    "invalid_scheduled_message_id": (
        "No message waits under that ID: it was sent or cancelled already, or another app scheduled it.",
        "Look in the channel before you send another.",
    ),
    "invalid_team": (
        "Slack finds no groups for that workspace.",
        "For an app of a whole organisation, give the team_id of a workspace it is installed in.",
    ),
    "invalid_time": (
        "Slack cannot read post_at.",
        "Give whole seconds since 1970 or a datetime with a time zone, not milliseconds.",
    ),
    "invalid_token": ("The token is of a kind that may not schedule messages.", "Use the app's bot token (xoxb-…)."),
    "invalid_users": (
        "Slack takes one of the IDs for no person who can be in a group.",
        "Check that all are active people of this workspace, no bots.",
    ),
    "no_such_subteam": (
        "There is no such user group, or it is disabled.",
        "Check its ID or handle under People & user groups in Slack.",
    ),
    "no_users_provided": (
        "A user group must keep somebody.",
        "Name at least one person, or disable the group in Slack.",
    ),
    "paid_teams_only": (
        "User groups come with Slack's paid plans only.",
        "Name the people themselves, or have the plan changed.",
    ),
    "plan_upgrade_required": (
        "User groups are not part of the workspace's plan.",
        "Name the people one by one, or have the plan changed.",
    ),
    "too_many_linked_channels": (
        "A user group has only so many default channels, and this would be more.",
        "Name fewer default channels in channels.",
    ),
    "restricted_too_many": (
        "Slack takes 30 messages a channel for any five minutes.",
        "Schedule this one some minutes earlier or later.",
    ),
    "snippet_too_large": ("A snippet holds at most 1 MB.", "Leave snippet_type out, so that it is sent as a file."),
    "storage_limit_reached": ("The free plan's 5 GB for files are full.", "Have old files deleted, or share a link."),
    "subteam_max_users_exceeded": (
        "The user group would have more members than Slack allows.",
        "Split it into several groups.",
    ),
    "team_tier_cannot_create_channel_canvases": (
        "The workspace's plan has no canvases of channels.",
        "Use a message, or have the plan changed.",
    ),
    "time_in_past": (
        "post_at is past already.",
        "Send the message at once with SendMessage, or correct the time and its zone.",
    ),
    "time_too_far": (
        "Messages can be scheduled for the next 120 days.",
        "Choose an earlier time, or put a reminder into your calendar.",
    ),
    "unknown_snippet_type": (
        "Slack knows no snippet of that type.",
        "Use one such as python, json or text, or leave snippet_type out.",
    ),
    "unknown_subtype": (
        "Slack knows no file of that subtype.",
        "Leave the subtype out, and name the file with its ending.",
    ),
    "user_not_in_channel": (
        "Only members see an ephemeral message, and the person is none.",
        "Invite the person with InviteToChannel, or use SendDirectMessage.",
    ),
    # users.*
    "user_not_found": (
        "Slack shows no such person to this app.",
        "Pass a user ID of this workspace (U… or W…), not a name.",
    ),
    "user_not_visible": (
        "The app may not see this person, as happens with people of another workspace.",
        "Use somebody whom it can see.",
    ),
    "users_not_found": (
        "Nobody in this workspace has that e-mail address.",
        "Check its spelling and that the account is active.",
    ),
    # Methods that no action calls, but an own one may.
    "canvas_disabled_file_team": (
        "Canvases are off in the workspace that the file belongs to.",
        "Ask its administrators, or use a message instead of a canvas.",
    ),
    "canvas_globally_disabled": (
        "Canvases are off in this workspace altogether.",
        "Keep the text in a message or a file, or have canvases turned on.",
    ),
    "duplicate_external_id": (
        "Another view has this external_id.",
        "Give each view an external_id of its own, or none.",
    ),
    "enterprise_not_found": (
        "There is no such organisation, or the token is of another.",
        "Leave the argument out: the token says which organisation it is for.",
    ),
    "exchanged_trigger_id": (
        "The trigger_id was used before, and each is good for one view.",
        "Have the person act again, which brings a fresh one.",
    ),
    "expired_trigger_id": (
        "The trigger_id is older than its three seconds.",
        "Open the view at once when the person acts, before any other work.",
    ),
    "fail_to_get_teams_for_restricted_user": (
        "The token belongs to a guest, who may not see which workspaces there are.",
        "Use the token of the app's bot.",
    ),
    "invalid_timestamp": (
        "The ts to mark as read is none that Slack reads.",
        "Pass the ts of a message there, as a string.",
    ),
    "invalid_trigger_id": (
        "What was given as trigger_id does not look like one.",
        "Pass it on exactly as the interaction's payload has it.",
    ),
    "limit_required": (
        "The workspace is too large to list without pages.",
        "Give limit, 200 at the most for speed, and follow the cursor.",
    ),
    "missing_user": (
        "The person behind the token is not there any more.",
        "Install the app again, and use the new token.",
    ),
    "not_bearer_token": (
        "Tokens of this kind cannot be revoked this way.",
        "Remove the app on the workspace's page of installed apps.",
    ),
    "not_permitted": (
        "The app may not close this conversation.",
        "Leave it open: a bot's closing hides nothing from the people in it.",
    ),
    "not_visible": ("The app may not see this file.", "Share the file to a channel that the app is in."),
    "org_not_found": (
        "The request names an organisation that Slack does not have.",
        "Correct its ID, or leave the argument out.",
    ),
    "team_not_on_enterprise": (
        "A workspace was asked for by its domain, and it belongs to no organisation.",
        "Ask for it by its ID, or leave the argument out.",
    ),
    "template_not_visible": (
        "The file is a template that the app may not see.",
        "Share the template to a channel that the app is in.",
    ),
    "unknown_type": (
        "One of the types of files is none that Slack has.",
        "Take types from the list on the method's page, or leave them out.",
    ),
    "user_does_not_own_channel": (
        "The direct message is not one of the app's own.",
        "Close only what the app opened with conversations.open.",
    ),
    "view_too_large": ("The view is larger than 250 kB.", "Shorten its texts, or split it into several views."),
    # The code of which the class RateLimited itself says how long to wait.
    "ratelimited": (
        "The app called this method more often than Slack allows it in a minute.",
        "Wait as long as Retry-After says (the executor does), and spread requests with Pacing.",
    ),
}

_BY_METHOD: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("bookmarks.add", "file_not_found"): ("No such file to bookmark.", "Leave entity_id out, and bookmark a link."),
    ("bookmarks.remove", "not_found"): (
        "The channel has no bookmark of that ID.",
        "Nothing is left to do; RemoveBookmark counts it as done.",
    ),
    ("chat.postMessage", "is_archived"): (
        "The channel is archived and takes no messages.",
        "Post in another, or let a person unarchive it: bots cannot.",
    ),
    ("chat.postMessage", "not_in_channel"): (
        "The app has not joined the channel that the message is for.",
        (
            "Add it with /invite, or give it the scope chat:write.public to post in public channels that it has not "
            "joined."
        ),
    ),
    ("chat.postMessage", "restricted_action"): (
        "A workspace setting reserves posting in this channel for certain people.",
        "Ask an administrator to allow the app, or use another channel.",
    ),
    ("chat.postMessage", "team_not_found"): (
        "An organisation's token needs the channel's ID.",
        "Give that instead of the name.",
    ),
    ("chat.update", "team_not_found"): (
        "Slack cannot find the workspace of this message and channel.",
        "Use the token and the channel ID that the message was posted with.",
    ),
    ("conversations.archive", "channel_not_found"): (
        "Slack shows no such channel to this app, or does not take it for a channel's ID.",
        "Pass the ID (C…), and /invite the app to a private channel.",
    ),
    ("conversations.archive", "not_in_channel"): (
        "The app must be in a channel to archive it.",
        "Add the app with /invite, then archive it.",
    ),
    ("conversations.archive", "restricted_action"): (
        "A workspace setting reserves archiving for certain people, and no scope changes that.",
        "Ask an administrator to let the app archive channels.",
    ),
    ("conversations.create", "missing_argument"): (
        "conversations.create needs name, and an organisation's token team_id as well.",
        "Give name, and team_id where the app is installed for an organisation.",
    ),
    ("conversations.create", "name_taken"): (
        "A channel has that name already, perhaps an archived or private one.",
        'Pass if_taken="adopt" or "suffix", or choose another name.',
    ),
    ("conversations.create", "restricted_action"): (
        "A workspace setting reserves creating channels for certain people, and no scope changes that.",
        "Ask an administrator to let the app create channels.",
    ),
    ("conversations.history", "not_in_channel"): (
        "An app reads only channels that it is in, public ones too.",
        "Add it with /invite, or by JoinChannel.",
    ),
    ("conversations.invite", "no_permission"): (
        "The app may not invite this person to the channel.",
        "Ask a workspace administrator who may invite whom.",
    ),
    ("conversations.invite", "not_in_channel"): (
        "The app must be in a channel to invite others.",
        "Add it with /invite, or let it join a public channel first.",
    ),
    ("conversations.invite", "user_is_restricted"): (
        "A guest on the list may not enter this channel.",
        "Leave them out, or let an administrator widen their access.",
    ),
    ("conversations.invite", "user_not_found"): (
        "A person on the list is unknown in this workspace.",
        "Pass user IDs (U… or W…), and look people up by e-mail address first.",
    ),
    ("conversations.join", "is_archived"): (
        "The channel is archived, and nobody can join it.",
        "Use another, or let a person unarchive it: bots cannot.",
    ),
    ("conversations.join", "method_not_supported_for_channel_type"): (
        "Only a public channel can be joined.",
        "Let a member of the private one /invite the app.",
    ),
    ("conversations.kick", "not_in_channel"): (
        "The person is not in the channel.",
        "Nothing is left to do, if the app itself is a member.",
    ),
    ("conversations.kick", "restricted_action"): (
        "A workspace setting reserves removing people for some, and no scope changes that.",
        "Ask an administrator to let the app remove people.",
    ),
    ("conversations.kick", "user_not_found"): (
        "The person is unknown in this workspace.",
        "Pass a user ID (U… or W…) or an e-mail address, not a name.",
    ),
    ("conversations.leave", "is_archived"): (
        "The channel is archived, and its members stay as they are.",
        "Nothing is posted there, so let it be.",
    ),
    ("conversations.leave", "user_is_restricted"): (
        "The token's owner is a guest, and guests cannot leave a channel.",
        "Let an administrator remove the app.",
    ),
    ("conversations.list", "missing_argument"): (
        "An organisation's token has to say which workspace's channels it wants.",
        "Pass team_id, or make the client with it.",
    ),
    ("conversations.open", "channel_not_found"): (
        "No direct conversation has that ID.",
        "Pass users instead, and Slack finds or opens it.",
    ),
    ("conversations.open", "too_many_users"): (
        "A group conversation holds at most 8 people besides the app.",
        "Create a channel for more.",
    ),
    ("conversations.rename", "is_archived"): (
        "The channel is archived and keeps its name.",
        "Let a person unarchive it first: bots cannot.",
    ),
    ("conversations.rename", "name_taken"): (
        "Another channel has that name, perhaps an archived or private one.",
        "Choose a different name, one that no channel has.",
    ),
    ("conversations.rename", "not_authorized"): (
        "Only who created a channel may rename it, besides administrators and channel managers.",
        "Let one of them do it, or rename only what the app created.",
    ),
    ("conversations.rename", "not_in_channel"): (
        "The app must be in a channel to rename it.",
        "Add the app with /invite, then rename it.",
    ),
    ("conversations.setPurpose", "not_in_channel"): (
        "The app must be in a channel to set its description.",
        "Add the app with /invite, then set the description.",
    ),
    ("conversations.setPurpose", "too_long"): (
        "A channel's description holds at most 250 characters.",
        "Shorten the description, or move part of it into a pinned message.",
    ),
    ("conversations.setPurpose", "user_is_restricted"): (
        "Setting the description is reserved for certain people here.",
        "Ask an administrator to let the app set descriptions.",
    ),
    ("conversations.setTopic", "not_in_channel"): (
        "The app must be in a channel to set its topic.",
        "Add the app with /invite, then set the topic.",
    ),
    ("conversations.setTopic", "too_long"): (
        "A channel's topic holds at most 250 characters.",
        "Shorten the topic, or move part of it into the description.",
    ),
    ("conversations.setTopic", "user_is_restricted"): (
        "Setting the topic is reserved for certain people here.",
        "Ask an administrator to let the app set topics.",
    ),
    ("pins.add", "not_in_channel"): (
        "The message stands in another channel, or the app is not in this one.",
        "Give the channel that it was posted in, and /invite the app there.",
    ),
    ("pins.add", "restricted_action"): (
        "A setting of the channel or workspace reserves pinning for certain people, and no scope changes that.",
        "Ask an administrator to let the app pin messages.",
    ),
    ("pins.remove", "restricted_action"): (
        "A setting of the channel or workspace reserves unpinning for certain people, and no scope changes that.",
        "Ask an administrator to let the app unpin messages.",
    ),
    ("reactions.add", "is_archived"): (
        "The channel is archived, and its messages take no reactions.",
        "Let a person unarchive it: bots cannot.",
    ),
    ("reactions.add", "invalid_name"): (
        "The workspace has no emoji of that name.",
        "Check its spelling: eyes, white_check_mark.",
    ),
    ("reactions.remove", "invalid_name"): (
        "The reaction is named by an emoji that the workspace does not have.",
        "Give the name that the reaction was added with.",
    ),
    ("users.info", "too_many_users"): ("users.info takes one person a request.", "Ask for them one by one."),
    ("canvases.create", "canvas_disabled_user_team"): (
        "Canvases are off in this workspace.",
        "Share the text as a message or a file, or have canvases turned on.",
    ),
    ("canvases.edit", "canvas_disabled_user_team"): (
        "Canvases are off in this workspace, so none can be changed.",
        "Have them turned on, or use a message.",
    ),
    ("chat.postEphemeral", "not_in_channel"): (
        "The app is not in the channel, and only members show others something there.",
        "Add the app with /invite, then show the message again.",
    ),
    ("files.completeUploadExternal", "file_not_found"): (
        "Slack has no file for this upload, perhaps because its bytes did not arrive in time.",
        "Upload it again from the first step.",
    ),
    ("files.getUploadURLExternal", "missing_argument"): (
        "Slack wants a name and a size above 0.",
        "Check that the file is not empty and filename does not render to nothing.",
    ),
    ("reactions.get", "file_not_found"): (
        "Slack shows no file of that ID to this app.",
        "Name the message by channel and timestamp instead.",
    ),
    ("usergroups.list", "users_not_found"): (
        "Slack cannot find the people of one of the groups.",
        "Ask for the members of a single group by its ID.",
    ),
    ("usergroups.update", "permission_denied"): (
        "The workspace lets only certain people change user groups.",
        "Ask an administrator to allow it to apps (Permissions, User groups).",
    ),
    # The text of the page names these two, its table of errors does not.
    ("usergroups.users.update", "invalid_user"): (
        "Guests and bots cannot be in a user group, and one of these people is.",
        "Leave guests and bots out of the list.",
    ),
    ("usergroups.users.update", "single_channel_guests_cannot_be_added"): (
        "Single-channel guests cannot be in a user group.",
        "Leave single-channel guests out, or make them members first.",
    ),
    ("usergroups.users.update", "permission_denied"): (
        "The workspace lets only certain people change who is in a user group.",
        "Ask an administrator to allow it to apps, or let a person change the members.",
    ),
    ("canvases.access.set", "restricted_action"): (
        "A workspace setting keeps the app from sharing canvases.",
        "Ask an administrator to let apps share canvases, or let the canvas's owner do it.",
    ),
    ("canvases.create", "restricted_action"): (
        "A workspace setting keeps the app from making canvases.",
        "Ask an administrator to let apps make canvases, or keep the text in a message.",
    ),
    ("canvases.edit", "restricted_action"): (
        "A workspace setting keeps the app from changing this canvas.",
        "Ask an administrator to let apps change canvases, or give the app access to this one.",
    ),
    ("conversations.canvases.create", "restricted_action"): (
        "A workspace setting keeps the app from giving channels a canvas.",
        "Ask an administrator to let apps do it, or make a canvas by itself and post its link.",
    ),
    ("chat.postEphemeral", "restricted_action"): (
        "A workspace setting keeps the app from showing messages here.",
        "Ask an administrator to let the app post there, or send the person a direct message.",
    ),
    ("chat.scheduleMessage", "restricted_action"): (
        "A workspace setting keeps the app from posting in this channel, later as well as now.",
        "Ask an administrator to let the app post there, or schedule it for another channel.",
    ),
    ("pins.list", "restricted_action"): (
        "The app may not look into this channel.",
        "Ask the channel's manager to let the app in, or leave its pins alone.",
    ),
    ("chat.scheduledMessages.list", "invalid_channel"): (
        "Messages are asked for that wait for a channel which Slack does not know.",
        "Give the ID of the channel (C…) that they were scheduled for, or none for all.",
    ),
    ("chat.scheduledMessages.list", "invalid_token"): (
        "The token is of a kind that has no scheduled messages.",
        "Use the bot token (xoxb-…) that the messages were scheduled with.",
    ),
    ("files.info", "canvas_disabled_user_team"): (
        "The file is a canvas, and canvases from other organisations are off here.",
        "Ask an administrator, or have its owner share it as another kind of file.",
    ),
    ("files.info", "file_deleted"): (
        "The file that is asked about was deleted.",
        "Forget its ID; upload the content anew if it is still needed.",
    ),
    ("files.info", "file_not_found"): (
        "There is no file of that ID, or none that the app can see.",
        "Check the ID (F…), and share the file to a channel that the app is in.",
    ),
    ("files.info", "slack_connect_canvas_sharing_blocked"): (
        "The file is a canvas of a Slack Connect channel, where an administrator forbids them.",
        "Ask its owner to copy the canvas into an internal channel.",
    ),
    ("files.list", "slack_connect_canvas_sharing_blocked"): (
        "Among the files are canvases of Slack Connect channels, which an administrator forbids.",
        "List the files of one internal channel, or of types without canvases.",
    ),
    ("team.info", "team_not_found"): (
        "There is no workspace of that ID, or none that the token may ask about.",
        "Leave team out: the answer is then about the token's own workspace.",
    ),
    ("team.info", "user_not_found"): (
        "The account behind the token cannot be found in that workspace.",
        "Use a token that was issued for the workspace, or leave team out.",
    ),
}

TEXTS: Final[Mapping[str, Text]] = {code: Text(*text) for code, text in _TEXTS.items()}
"""What a code means in general."""

BY_METHOD: Final[Mapping[tuple[str, str], Text]] = {key: Text(*text) for key, text in _BY_METHOD.items()}
"""What a code means from one method, where that is something else or can be said better."""


def text_of(method: str, code: str) -> Text | None:
    """Return the text of a code, or ``None`` for one that is not known.

    Args:
        method: The method that answered with it.
        code: The code.
    """
    return BY_METHOD.get((method, code)) or TEXTS.get(code)


def anchor(method: str, code: str) -> str:
    """Return the anchor of that text in docs/slack-errors.md; empty for a code that is not known."""
    if (method, code) in BY_METHOD:
        # As GitHub and Sphinx make it of the heading "`code` of `method`".
        return f"{code}-of-{method.replace('.', '').lower()}"
    return code if code in TEXTS else ""
