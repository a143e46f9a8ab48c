"""The steps a runbook can take in Slack, one class each, one module for each family of Slack's methods."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ._base import Action, Need
from .bookmarks import AddBookmark, BookmarkAdded, BookmarkEdited, BookmarkRemoved, EditBookmark, RemoveBookmark
from .chat import MessageSent, MessageUpdated, SendDirectMessage, SendMessage, UpdateMessage
from .conversations import (
    ArchiveChannel,
    ChannelArchived,
    ChannelCreated,
    ChannelDescribed,
    CreateChannel,
    Invited,
    InviteToChannel,
    SetDescription,
    SetTopic,
)
from .pins import MessagePinned, MessageUnpinned, PinMessage, UnpinMessage
from .reactions import AddReaction, ReactionAdded, ReactionRemoved, RemoveReaction
from .users import LookUpUser, UserFound

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ACTIONS",
    "Action",
    "AddBookmark",
    "AddReaction",
    "ArchiveChannel",
    "BookmarkAdded",
    "BookmarkEdited",
    "BookmarkRemoved",
    "ChannelArchived",
    "ChannelCreated",
    "ChannelDescribed",
    "CreateChannel",
    "EditBookmark",
    "InviteToChannel",
    "Invited",
    "LookUpUser",
    "MessagePinned",
    "MessageSent",
    "MessageUnpinned",
    "MessageUpdated",
    "Need",
    "PinMessage",
    "ReactionAdded",
    "ReactionRemoved",
    "RemoveBookmark",
    "RemoveReaction",
    "SendDirectMessage",
    "SendMessage",
    "SetDescription",
    "SetTopic",
    "UnpinMessage",
    "UpdateMessage",
    "UserFound",
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
            UpdateMessage,
            CreateChannel,
            InviteToChannel,
            SetTopic,
            SetDescription,
            ArchiveChannel,
            PinMessage,
            UnpinMessage,
            AddBookmark,
            EditBookmark,
            RemoveBookmark,
            AddReaction,
            RemoveReaction,
            LookUpUser,
        )
    }
)
"""Every action by its name in YAML."""
