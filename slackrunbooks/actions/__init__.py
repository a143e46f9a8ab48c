"""The steps a runbook can take in Slack, one class each, one module for each family of Slack's methods."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ._base import Action, Need
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

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ACTIONS",
    "Action",
    "ArchiveChannel",
    "ChannelArchived",
    "ChannelCreated",
    "ChannelDescribed",
    "CreateChannel",
    "InviteToChannel",
    "Invited",
    "MessageSent",
    "MessageUpdated",
    "Need",
    "SendDirectMessage",
    "SendMessage",
    "SetDescription",
    "SetTopic",
    "UpdateMessage",
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
        )
    }
)
"""Every action by its name in YAML."""
