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

__all__ = ["BY_ACTION", "CATALOGUE", "CONDITIONAL", "CONTEXT", "OPTIONS", "Case", "world"]

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


_NO_MEMBER = "if the channel is public and the app is not a member of it"
_HAS_CANVAS = "if the channel has a canvas already"
_BY_MAIL = "if people are given by e-mail address"
_BY_NAME = "if the channel is given by name"
_SEVERAL = "if there are several people"
_TS_UNKNOWN = "if the message's ts is not known"


def _alone(fake: FakeSlack) -> str:
    """Open the direct message with ann, and return its ID."""
    return str(fake.client.conversations_open(users="U0ANN00001")["channel"]["id"])


def _canvas_in(fake: FakeSlack, name: str) -> str:
    """Give a channel its canvas, and return the channel's ID."""
    channel = fake.channel(name)
    fake.client.conversations_canvases_create(
        channel_id=channel.id, document_content={"type": "markdown", "markdown": "x"}
    )
    return channel.id


# Cases in which something is so that only the run can tell: where the message goes, who is meant, what is there.
CONDITIONAL: tuple[Case, ...] = (
    Case(
        "message where the app is no member",
        lambda f: sr.SendMessage(channel="#elsewhere", text="{{id}}"),
        {"chat:write", "chat:write.public"},
        holds=(_NO_MEMBER,),
    ),
    Case(
        "message under another name where the app is no member",
        lambda f: sr.SendMessage(channel=f.channel("elsewhere").id, text="{{id}}", icon_emoji=":fire:"),
        {"chat:write", "chat:write.public", "chat:write.customize"},
        holds=(_NO_MEMBER,),
    ),
    Case(
        "approval whose offer is a template",
        lambda f: sr.RequestApproval(
            channel=_answers(f, "white_check_mark"), text="{{id}}?", approvers="U0ANN00001", offer="{{private}}"
        ),
        {"chat:write", "reactions:read", "reactions:write"},
        holds=("if offer is true",),
    ),
    Case(
        "group message to a list out of the context",
        lambda f: sr.SendDirectMessage(users="{{people}}", text="{{id}}"),
        {"chat:write", "mpim:write"},
        holds=(_SEVERAL,),
        kind="mpim",
    ),
    Case(
        "direct message to an address out of the context",
        lambda f: sr.SendDirectMessage(users="{{lead}}", text="{{id}}"),
        {"chat:write", "users:read.email"},
        holds=(_BY_MAIL, "if there is one person"),
        kind="im",
        context={"id": "7", "lead": "ann@example.com"},
    ),
    Case(
        "message to a person's ID",
        lambda f: sr.SendMessage(channel="U0ANN00001", text="{{id}}"),
        {"chat:write"},
        kind="im",
    ),
    Case(
        "message to the ID of a direct message",
        lambda f: sr.SendMessage(channel=_alone(f), text="{{id}}"),
        {"chat:write"},
        kind="im",
    ),
    Case("history of a direct message", lambda f: sr.ReadHistory(channel=_alone(f)), {"im:history"}, kind="im"),
    Case(
        "standing message in a direct message",
        lambda f: sr.PostOrUpdateMessage(channel=_alone(f), key="board", text="{{id}}"),
        {"chat:write", "im:history"},
        kind="im",
        holds=("if it does not stand there yet",),
    ),
    Case(
        "person out of the context by e-mail",
        lambda f: sr.LookUpUser(user="{{lead}}"),
        {"users:read.email"},
        holds=("if the person is given by e-mail address",),
        context={"lead": "ann@example.com"},
    ),
    Case(
        "person out of the context by ID",
        lambda f: sr.LookUpUser(user="{{lead}}"),
        {"users:read"},
        holds=("if the person is given by ID",),
        context={"lead": "U0ANN00001"},
    ),
    Case(
        "topic of a channel out of the context by name",
        lambda f: sr.SetTopic(channel="{{room}}", topic="x"),
        {"channels:write.topic", "channels:read"},
        holds=(_BY_NAME,),
        context={"room": "#incidents"},
    ),
    Case(
        "topic of a private channel out of the context by name",
        lambda f: sr.SetTopic(channel="{{room}}", topic="x"),
        {"groups:write.topic", "groups:read"},
        holds=(_BY_NAME,),
        context={"room": "hidden"},
        kind="private",
    ),
    Case(
        "channel that the context makes private",
        lambda f: sr.CreateChannel(name="inc-{{id}}", is_private="{{private}}", topic="x"),
        {"groups:write"},
        kind="private",
    ),
    Case(
        "channel that the context makes public",
        lambda f: sr.CreateChannel(name="inc-{{id}}", is_private="{{private}}", topic="x"),
        {"channels:manage"},
        context={"id": "7", "private": False},
    ),
    Case(
        "private channel that is adopted",
        lambda f: sr.CreateChannel(name="inc-7", is_private=True, if_taken="adopt", marker="7"),
        {"groups:write", "groups:read"},
        kind="private",
        before=lambda f: (
            f.executor().do(sr.CreateChannel(name="inc-7", is_private=True, marker="7")),
            f.calls.clear(),
        ),
    ),
    Case(
        "invitation of a group out of the context",
        lambda f: sr.InviteToChannel(channel=PUBLIC(f), users="{{team}}"),
        {"channels:write.invites", "usergroups:read"},
        holds=("if user groups are given",),
        context={"team": "@on-call"},
        before=lambda f: f.add_usergroup("on-call", [f.user("bob")]),
    ),
    Case(
        "invitation to a private channel by e-mail out of the context",
        lambda f: sr.InviteToChannel(channel="#hidden", users="{{who}}"),
        {"groups:write.invites", "groups:read", "users:read.email"},
        holds=(_BY_MAIL,),
        kind="private",
        context={"who": "bob@example.com"},
    ),
    Case(
        "canvas that is there already, with the scopes that the condition names",
        lambda f: sr.CreateCanvas(channel=_canvas_in(f, "incidents"), markdown="{{id}}", if_exists="append"),
        {"canvases:write", "channels:read"},
        holds=(_HAS_CANVAS,),
    ),
    Case(
        "canvas of a private channel that is there already",
        lambda f: sr.CreateCanvas(channel=_canvas_in(f, "hidden"), markdown="{{id}}", if_exists="append"),
        {"canvases:write", "groups:read"},
        holds=(_HAS_CANVAS,),
        kind="private",
    ),
    Case(
        "standing message whose ts turns out empty",
        lambda f: sr.PostOrUpdateMessage(channel=PUBLIC(f), key="board", ts="{{ts}}", text="x"),
        {"chat:write", "channels:history"},
        holds=(_TS_UNKNOWN, "if it does not stand there yet"),
        context={"ts": ""},
    ),
    Case(
        "standing message in a private channel by name",
        lambda f: sr.PostOrUpdateMessage(channel="#hidden", key="board", text="{{id}}"),
        {"chat:write", "groups:history", "groups:read"},
        kind="private",
    ),
    Case(
        "thread of a private channel",
        lambda f: sr.ReadHistory(
            channel=f.channel("hidden").id,
            thread_ts=f.client.chat_postMessage(channel=f.channel("hidden").id, text="x")["ts"],
        ),
        {"groups:history"},
        kind="private",
    ),
    Case(
        "message of blocks in a private channel",
        lambda f: sr.SendMessage(channel=f.channel("hidden").id, blocks=BLOCKS, thread_ts=None),
        {"chat:write"},
        kind="private",
    ),
    Case(
        "file in a private channel by name",
        lambda f: sr.UploadFile(content="{{id}}", filename="a.txt", channel="#hidden"),
        {"files:write", "groups:read"},
        kind="private",
    ),
    Case(
        "mention of a private channel by name",
        lambda f: sr.LookUpMentions(names={"room": "#hidden"}),
        {"groups:read"},
        kind="private",
    ),
    Case(
        "user group with a private channel by name",
        lambda f: sr.UpdateUserGroup(usergroup=f.add_usergroup("on-call", [f.user("ann")]).id, channels="#hidden"),
        {"usergroups:write", "usergroups:read", "groups:read"},
        kind="private",
    ),
)


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
