"""conversations.open and conversations.close: direct messages.

Rule of this file: see the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slackrunbooks.testing._scopes import IM, MPIM

from ._registry import Body, NotModelled, Refusal, Request, kind_of, method

if TYPE_CHECKING:
    from slackrunbooks.testing._state import FakeChannel

_MAX_USERS = 8  # "Needs at most 8 users to open": https://docs.slack.dev/reference/methods/conversations.open


@method("conversations.open", flags=("return_im", "prevent_creation"))
def open_direct(request: Request) -> Body:
    """Open the direct message with one to eight people, or resume one by its ID."""
    if request.text("channel"):
        channel = _direct(request)
        was_open = channel.is_open
        channel.is_open = True
        return _opened(request, channel, was_open=was_open)
    users = list(dict.fromkeys(user for user in request.text("users").replace(" ", "").split(",") if user))
    if not users:
        raise Refusal("users_list_not_supplied")
    if len(users) > _MAX_USERS:
        raise Refusal("too_many_users")
    request.require(IM if len(users) == 1 else MPIM)
    for user_id in users:
        user = request.active(user_id)
        if user.deleted:
            raise Refusal("user_disabled")
        if user.is_bot:
            raise NotModelled("What opening a direct message with a bot, or with oneself, answers is not documented.")
    found = request.workspace.direct(users)
    if found is None and request.flag("prevent_creation"):
        raise NotModelled("What prevent_creation answers when there is no such conversation is not documented.")
    was_open = found is not None and found.is_open
    return _opened(request, request.workspace.open_direct(users), was_open=was_open)


@method("conversations.close", required=("channel",))
def close(request: Request) -> Body:
    """Close a direct message; it can be opened again."""
    channel = _direct(request)
    if not channel.is_open:
        return {"no_op": True, "already_closed": True}
    channel.is_open = False
    return {}


def _direct(request: Request) -> FakeChannel:
    """Return the direct message of the argument ``channel``."""
    channel = request.workspace.channels.get(request.text("channel"))
    if channel is not None and not (channel.is_im or channel.is_mpim):
        if channel.is_private and not request.is_in(channel):
            raise Refusal("channel_not_found")
        request.require(kind_of(channel))
        raise Refusal("method_not_supported_for_channel_type")
    return request.conversation()


def _opened(request: Request, channel: FakeChannel, *, was_open: bool) -> Body:
    """Show the conversation: its ID, or all of it with ``return_im``."""
    shown = request.workspace.show_channel(channel) if request.flag("return_im") else {"id": channel.id}
    return {"no_op": True, "already_open": True, "channel": shown} if was_open else {"channel": shown}
