"""Every action with every option, each with the workspace that it needs, for tests that judge the whole catalogue.

Rule of this file: the cases of ``test_permissions`` stand here with those that they leave out, because these options
ask for no scope of their own. A case says what it does, so that any test may do it anew in a workspace of its own.
"""

from __future__ import annotations

from typing import Any

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

from .test_permissions import (
    BLOCKS,
    CASES,
    CONTEXT,
    METADATA,
    OTHERS,
    PRIVATE_CASES,
    PUBLIC,
    Case,
    _own as own,
    _seen as seen,
    _standing as standing,
    _world as world,
)

__all__ = ["BY_ACTION", "CATALOGUE", "CONTEXT", "OPTIONS", "Case", "world"]

_MARKDOWN: dict[str, Any] = {"markdown_text": "# {{id}}"}
_LONG: dict[str, Any] = {"text": "{{id}}" + " word" * 1500, "too_long": "truncate"}


def _answers(fake: FakeSlack, name: str) -> str:
    """Let ann react to whatever is the latest by then, and return the channel in which she is asked."""
    channel = fake.channel("incidents")
    fake.later(15, lambda: fake.user("ann").react("incidents", list(channel.log)[-1], name))
    return channel.id


OPTIONS: tuple[Case, ...] = (
    Case(
        "direct message in Markdown",
        lambda f: sr.SendDirectMessage(users="U0ANN00001", metadata=METADATA, **_MARKDOWN),
        {"chat:write"},
    ),
    Case("direct message that is cut", lambda f: sr.SendDirectMessage(users="U0ANN00001", **_LONG), {"chat:write"}),
    Case(
        "direct message in a thread",
        lambda f: sr.SendDirectMessage(
            users="U0ANN00001",
            text="{{id}}",
            thread_ts=f.client.chat_postMessage(channel="U0ANN00001", text="x")["ts"],
        ),
        {"chat:write"},
    ),
    Case(
        "ephemeral message of blocks in a thread",
        lambda f: sr.SendEphemeral(
            channel=PUBLIC(f), user="U0ANN00001", blocks=BLOCKS, text="{{id}}", thread_ts=own(f), icon_emoji=":fire:"
        ),
        {"chat:write", "chat:write.customize"},
    ),
    Case(
        "ephemeral message in Markdown with an icon",
        lambda f: sr.SendEphemeral(
            channel=PUBLIC(f), user="U0ANN00001", icon_url="https://example.com/fire.png", **_MARKDOWN
        ),
        {"chat:write", "chat:write.customize"},
    ),
    Case(
        "ephemeral message that is cut",
        lambda f: sr.SendEphemeral(channel=PUBLIC(f), user="U0ANN00001", **_LONG),
        {"chat:write"},
    ),
    Case(
        "message for later with all switches",
        lambda f: sr.ScheduleMessage(
            channel=PUBLIC(f),
            blocks=BLOCKS,
            post_at=int(f.now) + 600,
            thread_ts=own(f),
            reply_broadcast=True,
            unfurl_links=False,
            unfurl_media=False,
        ),
        {"chat:write"},
    ),
    Case(
        "message for later in Markdown",
        lambda f: sr.ScheduleMessage(channel=PUBLIC(f), post_at=int(f.now) + 600, **_MARKDOWN),
        {"chat:write"},
    ),
    Case(
        "message for later that is cut",
        lambda f: sr.ScheduleMessage(channel=PUBLIC(f), post_at=int(f.now) + 600, **_LONG),
        {"chat:write"},
    ),
    Case(
        "message for later in a channel by ID, taken back",
        lambda f: sr.CancelScheduledMessage(channel=PUBLIC(f), scheduled_message_id="Q0FAKE0001"),
        {"chat:write"},
        before=lambda f: f.client.chat_scheduleMessage(channel="incidents", text="x", post_at=int(f.now) + 600),
    ),
    Case(
        "description of a channel by name",
        lambda f: sr.SetDescription(channel="#incidents", description="{{id}}"),
        {"channels:write.topic", "channels:read"},
    ),
    Case("update in Markdown", lambda f: sr.UpdateMessage(channel=PUBLIC(f), ts=own(f), **_MARKDOWN), {"chat:write"}),
    Case("update that is cut", lambda f: sr.UpdateMessage(channel=PUBLIC(f), ts=own(f), **_LONG), {"chat:write"}),
    Case(
        "approval of blocks with other emoji and times",
        lambda f: sr.RequestApproval(
            channel=_answers(f, "+1"),
            approvers=["U0ANN00001"],
            blocks=BLOCKS,
            metadata=METADATA,
            approve="+1",
            reject="-1",
            approvals_needed="1",
            expires_in=300,
            poll_every=5,
        ),
        {"chat:write", "reactions:read", "reactions:write"},
    ),
    Case(
        "approval in a thread in Markdown",
        lambda f: sr.RequestApproval(
            channel=_answers(f, "white_check_mark"),
            approvers="U0ANN00001",
            thread_ts=own(f),
            offer="false",
            **_MARKDOWN,
        ),
        {"chat:write", "reactions:read"},
    ),
    Case(
        "waiting with other times",
        lambda f: sr.WaitForReaction(
            channel=PUBLIC(f), ts=seen(f), names=["tada", "eyes"], expires_in=300, poll_every=3
        ),
        {"reactions:read"},
    ),
    Case(
        "file from a path, for readers of all kinds",
        lambda f: sr.UploadFile(
            path=__file__,
            channel=PUBLIC(f),
            alt_txt="{{id}}",
            snippet_type="python",
            initial_comment="{{id}}",
            icon_emoji=":fire:",
        ),
        {"files:write", "chat:write.customize"},
    ),
    Case(
        "standing message in Markdown, not searched for long",
        lambda f: sr.PostOrUpdateMessage(
            channel=standing(f), key="board", search_limit=50, unfurl_links=False, unfurl_media=False, **_MARKDOWN
        ),
        {"chat:write", "channels:history"},
    ),
)

CATALOGUE: tuple[Case, ...] = (*CASES, *PRIVATE_CASES, *OTHERS, *OPTIONS)


def _by_action() -> dict[type[sr.Action[Any]], tuple[Case, ...]]:
    found: dict[type[sr.Action[Any]], tuple[Case, ...]] = {}
    for case in CATALOGUE:
        fake = FakeSlack()
        world(fake)
        case.before(fake)
        cls = type(case.make(fake))
        found[cls] = (*found.get(cls, ()), case)
    return found


BY_ACTION = _by_action()
"""The cases of each action."""
