"""The steps a runbook can take in Slack, one class each, one module for each family of Slack's methods."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ._base import Action, Need
from .approvals import ApprovalAsked, Approved, ReactionSeen, RequestApproval, WaitForReaction
from .bookmarks import AddBookmark, BookmarkAdded, BookmarkEdited, BookmarkRemoved, EditBookmark, RemoveBookmark
from .canvases import CanvasCreated, CreateCanvas
from .chat import (
    DeleteMessage,
    EphemeralSent,
    GetPermalink,
    MessageDeleted,
    MessageSent,
    MessageUpdated,
    Permalink,
    SendDirectMessage,
    SendEphemeral,
    SendMessage,
    UpdateMessage,
)
from .conversations import (
    ArchiveChannel,
    ChannelArchived,
    ChannelCreated,
    ChannelDescribed,
    ChannelRenamed,
    ChannelUnarchived,
    CreateChannel,
    HistoryRead,
    ReadHistory,
    RenameChannel,
    SetDescription,
    SetTopic,
    UnarchiveChannel,
)
from .files import FileUploaded, UploadFile
from .members import (
    ChannelJoined,
    ChannelLeft,
    Invited,
    InviteToChannel,
    JoinChannel,
    LeaveChannel,
    ListMembers,
    MembersListed,
    Removed,
    RemoveFromChannel,
)
from .pins import MessagePinned, MessageUnpinned, PinMessage, UnpinMessage
from .reactions import AddReaction, ReactionAdded, ReactionRemoved, RemoveReaction
from .scheduled import (
    CancelScheduledMessage,
    MessageScheduled,
    ScheduledMessageCancelled,
    ScheduleMessage,
)
from .standing import MessageStands, PostOrUpdateMessage
from .usergroups import ListUserGroupMembers, UpdateUserGroup, UserGroupMembersListed, UserGroupUpdated
from .users import LookUpMentions, LookUpUser, MentionsFound, UserFound

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ACTIONS",
    "Action",
    "AddBookmark",
    "AddReaction",
    "ApprovalAsked",
    "Approved",
    "ArchiveChannel",
    "BookmarkAdded",
    "BookmarkEdited",
    "BookmarkRemoved",
    "CancelScheduledMessage",
    "CanvasCreated",
    "ChannelArchived",
    "ChannelCreated",
    "ChannelDescribed",
    "ChannelJoined",
    "ChannelLeft",
    "ChannelRenamed",
    "ChannelUnarchived",
    "CreateCanvas",
    "CreateChannel",
    "DeleteMessage",
    "EditBookmark",
    "EphemeralSent",
    "FileUploaded",
    "GetPermalink",
    "HistoryRead",
    "InviteToChannel",
    "Invited",
    "JoinChannel",
    "LeaveChannel",
    "ListMembers",
    "ListUserGroupMembers",
    "LookUpMentions",
    "LookUpUser",
    "MembersListed",
    "MentionsFound",
    "MessageDeleted",
    "MessagePinned",
    "MessageScheduled",
    "MessageSent",
    "MessageStands",
    "MessageUnpinned",
    "MessageUpdated",
    "Need",
    "Permalink",
    "PinMessage",
    "PostOrUpdateMessage",
    "ReactionAdded",
    "ReactionRemoved",
    "ReactionSeen",
    "ReadHistory",
    "RemoveBookmark",
    "RemoveFromChannel",
    "RemoveReaction",
    "Removed",
    "RenameChannel",
    "RequestApproval",
    "ScheduleMessage",
    "ScheduledMessageCancelled",
    "SendDirectMessage",
    "SendEphemeral",
    "SendMessage",
    "SetDescription",
    "SetTopic",
    "UnarchiveChannel",
    "UnpinMessage",
    "UpdateMessage",
    "UpdateUserGroup",
    "UploadFile",
    "UserFound",
    "UserGroupMembersListed",
    "UserGroupUpdated",
    "WaitForReaction",
    "action_name",
]


def action_name(cls: type[Action[Any]]) -> str:
    """Return the name of an action in YAML: ``send_message`` for ``SendMessage``.

    Args:
        cls: The action's class.
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()


ACTIONS: Final[Mapping[str, type[Action[Any]]]] = MappingProxyType(
    {
        action_name(cls): cls
        for cls in (
            SendMessage,
            SendDirectMessage,
            SendEphemeral,
            ScheduleMessage,
            CancelScheduledMessage,
            UpdateMessage,
            DeleteMessage,
            GetPermalink,
            CreateChannel,
            RenameChannel,
            InviteToChannel,
            RemoveFromChannel,
            ListMembers,
            JoinChannel,
            LeaveChannel,
            SetTopic,
            SetDescription,
            ReadHistory,
            ArchiveChannel,
            PinMessage,
            UnpinMessage,
            AddBookmark,
            EditBookmark,
            RemoveBookmark,
            AddReaction,
            RemoveReaction,
            RequestApproval,
            WaitForReaction,
            UploadFile,
            CreateCanvas,
            UpdateUserGroup,
            ListUserGroupMembers,
            LookUpMentions,
            PostOrUpdateMessage,
            LookUpUser,
            UnarchiveChannel,
        )
    }
)
"""Every action by its name in YAML."""
