"""With exactly the computed scopes everything runs; with one taken away, check names it and nothing is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.actions.chat import SendEphemeral
from slackrunbooks.actions.scheduled import CancelScheduledMessage, ScheduleMessage
from slackrunbooks.slack_methods import METHODS
from slackrunbooks.testing import FakeSlack

CONTEXT: dict[str, Any] = {"id": "7", "people": ["U0ANN00001", "U0BOB00002"], "private": True}
METADATA = {"event_type": "incident", "event_payload": {"id": "{{id}}"}}
BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "*{{id}}*"}}]


def _world(fake: FakeSlack) -> None:
    ann = fake.add_user("ann", id="U0ANN00001", email="ann@example.com")
    fake.add_user("bob", id="U0BOB00002", email="bob@example.com")
    fake.add_channel("incidents", members=[ann])
    ann.post("incidents", "It is down")
    fake.add_channel("elsewhere", is_member=False)
    fake.add_channel("hidden", is_private=True, members=[ann])


@attrs.frozen
class Case:
    """An action with its options, where its own channel comes from, and the scopes it should need.

    ``kind`` is the type of the conversation that it meets, and ``holds`` are the conditions that are so in its
    workspace or with its ``context``.
    """

    name: str
    make: Callable[[FakeSlack], sr.Action[Any]]
    scopes: set[str]
    before: Callable[[FakeSlack], Any] = lambda fake: None
    kind: str = attrs.field(default="public", kw_only=True)
    holds: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    context: dict[str, Any] = attrs.field(factory=lambda: CONTEXT, kw_only=True)


def _id(name: str) -> Callable[[FakeSlack], str]:
    return lambda fake: fake.channel(name).id


def _taken(fake: FakeSlack) -> None:
    """Make this app's own channel of the name, as an earlier run would have."""
    _done(fake, sr.CreateChannel(name="inc-7", marker="7"), "channels:manage")


def _done(fake: FakeSlack, action: sr.Action[Any], scope: str) -> Any:
    """Do what must have been done before the case begins."""
    scopes, fake.scopes = fake.scopes, {scope}
    with fake.executor() as executor:
        output = executor.do(action)
    fake.scopes = scopes
    fake.calls.clear()
    return output


def _ts(fake: FakeSlack, channel: str = "incidents") -> str:
    """Post a message to act on."""
    ann = fake.user("ann")
    ann.join(channel)
    return ann.post(channel, "look").ts


def _pinned(fake: FakeSlack) -> str:
    """Post a message and pin it."""
    ts = _ts(fake)
    _done(fake, sr.PinMessage(channel=PUBLIC(fake), ts=ts), "pins:write")
    return ts


def _reacted(fake: FakeSlack) -> str:
    """Post a message and react to it."""
    ts = _ts(fake)
    _done(fake, sr.AddReaction(channel=PUBLIC(fake), ts=ts, name="eyes"), "reactions:write")
    return ts


def _bookmark(fake: FakeSlack) -> str:
    """Add a bookmark."""
    action = sr.AddBookmark(channel=PUBLIC(fake), title="Board", link="https://example.com")
    bookmark_id: str = _done(fake, action, "bookmarks:write").bookmark_id
    return bookmark_id


def _mine(fake: FakeSlack) -> None:
    """Make the app the creator of its channels, as if it had made them in an earlier run."""
    for name in ("incidents", "hidden"):
        fake.channel(name).creator = fake.bot.id


def _said(fake: FakeSlack) -> None:
    """Let the app say something, as an earlier step would have."""
    scopes, fake.scopes = fake.scopes, {"chat:write"}
    with fake.executor() as executor:
        executor.do(sr.SendMessage(channel="#incidents", text="one"))
    fake.scopes = scopes
    fake.calls.clear()


def _own(fake: FakeSlack) -> str:
    """Make the app say something, and return its ts."""
    _said(fake)
    return fake.channel("incidents").messages[-1].ts


PUBLIC, PRIVATE = _id("incidents"), _id("hidden")


def _approves(fake: FakeSlack) -> str:
    """Let ann approve in a while, and return the channel in which she is asked."""
    fake.later(15, lambda: fake.user("ann").react("incidents", _last(fake), "white_check_mark"))
    return PUBLIC(fake)


def _last(fake: FakeSlack) -> str:
    return fake.channel("incidents").messages[-1].ts


def _seen(fake: FakeSlack) -> str:
    """Post a message that somebody reacts to in a while."""
    ts = _ts(fake)
    fake.later(15, lambda: fake.user("ann").react("incidents", ts, "eyes"))
    return ts


def _canvas(fake: FakeSlack) -> str:
    """Give the channel its canvas."""
    _done(fake, sr.CreateCanvas(channel=PUBLIC(fake), markdown="x"), "canvases:write")
    return PUBLIC(fake)


def _standing(fake: FakeSlack) -> str:
    """Let the message stand there already, as an earlier run would have left it."""
    scopes, fake.scopes = fake.scopes, {"chat:write", "channels:history"}
    with fake.executor() as executor:
        executor.do(sr.PostOrUpdateMessage(channel=PUBLIC(fake), key="board", text="old"))
    fake.scopes = scopes
    fake.calls.clear()
    return PUBLIC(fake)


def _group(fake: FakeSlack, *names: str) -> str:
    """Add a user group."""
    groups = fake._workspace.usergroups.values()
    known = next((group for group in groups if group.handle == "on-call"), None)
    return (known or fake.add_usergroup("on-call", [fake.user(name) for name in names])).id


CASES = [
    Case(
        "standing message",
        lambda f: sr.PostOrUpdateMessage(channel=_standing(f), key="board", text="{{id}}"),
        {"chat:write", "channels:history"},
    ),
    Case(
        "standing message of blocks by the channel's name",
        lambda f: sr.PostOrUpdateMessage(channel=f"#{_standing(f) and 'incidents'}", key="board", blocks=BLOCKS),
        {"chat:write", "channels:history", "channels:read"},
    ),
    Case(
        "standing message in a thread",
        lambda f: sr.PostOrUpdateMessage(
            channel=PUBLIC(f), key="board", thread_ts=_ts(f), text="{{id}}", metadata=METADATA, too_long="truncate"
        ),
        {"chat:write", "channels:history"},
    ),
    Case(
        "standing message whose ts is known",
        lambda f: sr.PostOrUpdateMessage(channel=PUBLIC(f), key="board", ts=_own(f), text="{{id}}"),
        {"chat:write"},
    ),
    Case(
        "message that is split",
        lambda f: sr.SendMessage(channel="#incidents", text="{{id}}" + " word" * 1500, too_long="split"),
        {"chat:write"},
    ),
    Case(
        "message that is cut",
        lambda f: sr.SendMessage(channel="#incidents", markdown_text="{{id}}" + " word" * 4000, too_long="truncate"),
        {"chat:write"},
    ),
    Case(
        "mentions of each kind",
        lambda f: sr.LookUpMentions(
            names={"lead": "ann@example.com", "team": "@on-call", "room": "#incidents", "id": "U0BOB00002"}
        ),
        {"users:read.email", "usergroups:read", "channels:read"},
        before=lambda f: _group(f, "bob"),
    ),
    Case(
        "mentions of people",
        lambda f: sr.LookUpMentions(names={"lead": "ann@example.com", "here": PUBLIC(f)}),
        {"users:read.email"},
    ),
    Case(
        "invitation of a group by its handle",
        lambda f: sr.InviteToChannel(channel=PUBLIC(f), users="@on-call"),
        {"channels:write.invites", "usergroups:read"},
        before=lambda f: _group(f, "bob"),
    ),
    Case(
        "invitation of a group by its ID",
        lambda f: sr.InviteToChannel(channel=PUBLIC(f), users=[_group(f, "bob")]),
        {"channels:write.invites", "usergroups:read"},
    ),
    Case(
        "members of a group by e-mail",
        lambda f: sr.UpdateUserGroup(usergroup=_group(f, "ann"), users="bob@example.com", mode="add"),
        {"usergroups:write", "usergroups:read", "users:read.email"},
    ),
    Case(
        "members of a group by its handle",
        lambda f: sr.UpdateUserGroup(usergroup="@on-call", users="U0BOB00002"),
        {"usergroups:write", "usergroups:read"},
        before=lambda f: _group(f, "ann"),
    ),
    Case(
        "all else about a group",
        lambda f: sr.UpdateUserGroup(
            usergroup="@on-call", name="{{id}}", handle="sre", description="{{id}}", channels="#incidents"
        ),
        {"usergroups:write", "usergroups:read", "channels:read"},
        before=lambda f: _group(f, "ann"),
    ),
    Case(
        "members and name of a group by its ID",
        lambda f: sr.UpdateUserGroup(usergroup=_group(f, "ann"), users="U0BOB00002", mode="add", name="{{id}}"),
        {"usergroups:write", "usergroups:read"},
    ),
    Case(
        "members of a group",
        lambda f: sr.ListUserGroupMembers(usergroup=_group(f, "ann")),
        {"usergroups:read"},
    ),
    Case(
        "members of a group by its handle, listed",
        lambda f: sr.ListUserGroupMembers(usergroup="@on-call"),
        {"usergroups:read"},
        before=lambda f: _group(f, "ann"),
    ),
    Case(
        "approval by a group",
        lambda f: sr.RequestApproval(
            channel=_approves(f), text="{{id}}?", approvers=[_group(f, "ann", "bob")], offer=False
        ),
        {"chat:write", "reactions:read", "usergroups:read"},
    ),
    Case("file", lambda f: sr.UploadFile(content="{{id}}", filename="a.txt"), {"files:write"}),
    Case(
        "file in a thread of a channel by name",
        lambda f: sr.UploadFile(
            content=b"x", filename="a", channel="#incidents", thread_ts=_ts(f), title="{{id}}", initial_comment="{{id}}"
        ),
        {"files:write", "channels:read"},
    ),
    Case(
        "file with blocks under another name",
        lambda f: sr.UploadFile(content=b"x", filename="a", channel=PUBLIC(f), blocks=BLOCKS, username="{{id}}"),
        {"files:write", "chat:write.customize"},
    ),
    Case(
        "file with an icon",
        lambda f: sr.UploadFile(content=b"x", filename="a", channel=PRIVATE(f), icon_url="https://example.com/i.png"),
        {"files:write", "chat:write.customize"},
    ),
    Case("canvas of a channel", lambda f: sr.CreateCanvas(channel=PUBLIC(f), markdown="{{id}}"), {"canvases:write"}),
    Case(
        "canvas of a channel by name",
        lambda f: sr.CreateCanvas(channel="#incidents", markdown="{{id}}", title="{{id}}"),
        {"canvases:write", "channels:read"},
    ),
    Case("canvas of its own", lambda f: sr.CreateCanvas(markdown="{{id}}"), {"canvases:write"}),
    Case("canvas in a tab", lambda f: sr.CreateCanvas(channel=PUBLIC(f), markdown="x", kind="tab"), {"canvases:write"}),
    Case(
        "canvas that is shared",
        lambda f: sr.CreateCanvas(channel=PUBLIC(f), markdown="x", kind="shared", access="write"),
        {"canvases:write"},
    ),
    Case(
        "approval",
        lambda f: sr.RequestApproval(channel=_approves(f), text="{{id}}?", approvers="U0ANN00001"),
        {"chat:write", "reactions:read", "reactions:write"},
    ),
    Case(
        "approval by e-mail without offered reactions",
        lambda f: sr.RequestApproval(channel=_approves(f), text="{{id}}?", approvers="ann@example.com", offer=False),
        {"chat:write", "reactions:read", "users:read.email"},
    ),
    Case(
        "waiting for a reaction",
        lambda f: sr.WaitForReaction(channel=PUBLIC(f), ts=_seen(f), names="eyes"),
        {"reactions:read"},
    ),
    Case(
        "waiting for somebody's reaction in a channel by name",
        lambda f: sr.WaitForReaction(channel="#incidents", ts=_seen(f), names="eyes", users="ann@example.com"),
        {"reactions:read", "users:read.email", "channels:read"},
    ),
    Case("message by name", lambda f: sr.SendMessage(channel="#incidents", text="{{id}}"), {"chat:write"}),
    Case("message by ID", lambda f: sr.SendMessage(channel=PUBLIC(f), text="{{id}}"), {"chat:write"}),
    Case(
        "message to a private channel",
        lambda f: sr.SendMessage(channel=PRIVATE(f), text="{{id}}"),
        {"chat:write"},
        kind="private",
    ),
    Case(
        "message in Markdown", lambda f: sr.SendMessage(channel="#incidents", markdown_text="# {{id}}"), {"chat:write"}
    ),
    Case("message of blocks", lambda f: sr.SendMessage(channel="#incidents", blocks=BLOCKS), {"chat:write"}),
    Case(
        "message with all switches",
        lambda f: sr.SendMessage(
            channel="#incidents",
            text="{{id}}",
            unfurl_links=False,
            unfurl_media=False,
            mrkdwn=False,
            metadata={"event_type": "incident", "event_payload": {"id": "{{id}}"}},
        ),
        {"chat:write"},
    ),
    Case(
        "reply that is broadcast",
        lambda f: sr.SendMessage(channel="#incidents", thread_ts=_own(f), reply_broadcast=True, text="{{id}}"),
        {"chat:write"},
    ),
    Case(
        "message with an icon from a URL",
        lambda f: sr.SendMessage(channel="#incidents", text="{{id}}", icon_url="https://example.com/fire.png"),
        {"chat:write", "chat:write.customize"},
    ),
    Case(
        "direct message of blocks",
        lambda f: sr.SendDirectMessage(users="<@U0ANN00001>", blocks=BLOCKS, unfurl_links=False, unfurl_media=False),
        {"chat:write"},
    ),
    Case(
        "message under another name",
        lambda f: sr.SendMessage(channel="#incidents", text="{{id}}", username="On call"),
        {"chat:write", "chat:write.customize"},
    ),
    Case(
        "message with an icon",
        lambda f: sr.SendMessage(channel="#incidents", text="{{id}}", icon_emoji=":fire:"),
        {"chat:write", "chat:write.customize"},
    ),
    Case("direct message by ID", lambda f: sr.SendDirectMessage(users="U0ANN00001", text="{{id}}"), {"chat:write"}),
    Case(
        "direct message by e-mail",
        lambda f: sr.SendDirectMessage(users="ann@example.com", text="{{id}}"),
        {"chat:write", "users:read.email"},
    ),
    Case(
        "group message",
        lambda f: sr.SendDirectMessage(users=["U0ANN00001", "U0BOB00002"], text="{{id}}"),
        {"chat:write", "mpim:write"},
    ),
    Case("create a public channel", lambda f: sr.CreateChannel(name="inc-{{id}}"), {"channels:manage"}),
    Case("create a private channel", lambda f: sr.CreateChannel(name="inc-{{id}}", is_private=True), {"groups:write"}),
    Case("create with a topic", lambda f: sr.CreateChannel(name="inc-{{id}}", topic="{{id}}"), {"channels:manage"}),
    Case(
        "create a private channel and describe it",
        lambda f: sr.CreateChannel(
            name="inc-{{id}}", topic="{{id}}", description="x", marker="{{id}}", is_private="true"
        ),
        {"groups:write"},
    ),
    Case(
        "create and describe",
        lambda f: sr.CreateChannel(name="inc-{{id}}", description="{{id}}", topic="{{id}}"),
        {"channels:manage"},
    ),
    Case("create with a suffix", lambda f: sr.CreateChannel(name="incidents", if_taken="suffix"), {"channels:manage"}),
    Case(
        "adopt",
        lambda f: sr.CreateChannel(name="inc-{{id}}", if_taken="adopt", marker="{{id}}"),
        {"channels:manage", "channels:read"},
        before=_taken,
    ),
    Case(
        "invite by ID",
        lambda f: sr.InviteToChannel(channel=PUBLIC(f), users="U0BOB00002"),
        {"channels:write.invites"},
    ),
    Case(
        "invite by e-mail to a channel by name",
        lambda f: sr.InviteToChannel(channel="#incidents", users=["bob@example.com"]),
        {"channels:write.invites", "channels:read", "users:read.email"},
    ),
    Case("topic", lambda f: sr.SetTopic(channel=PUBLIC(f), topic="{{id}}"), {"channels:write.topic"}),
    Case(
        "topic of a channel by name",
        lambda f: sr.SetTopic(channel="incidents", topic="{{id}}"),
        {"channels:write.topic", "channels:read"},
    ),
    Case("description", lambda f: sr.SetDescription(channel=PUBLIC(f), description="{{id}}"), {"channels:write.topic"}),
    Case("archive", lambda f: sr.ArchiveChannel(channel=PUBLIC(f)), {"channels:manage"}),
    Case(
        "rename",
        lambda f: sr.RenameChannel(channel=PUBLIC(f), name="inc-{{id}}"),
        {"channels:manage", "channels:read"},
        before=_mine,
    ),
    Case(
        "rename by name",
        lambda f: sr.RenameChannel(channel="#incidents", name="inc-{{id}}"),
        {"channels:manage", "channels:read"},
        before=_mine,
    ),
    Case("remove by ID", lambda f: sr.RemoveFromChannel(channel=PUBLIC(f), users="U0ANN00001"), {"channels:manage"}),
    Case(
        "remove somebody who is no member",
        lambda f: sr.RemoveFromChannel(channel=PUBLIC(f), users="U0BOB00002"),
        {"channels:manage"},
    ),
    Case(
        "remove by e-mail from a channel by name",
        lambda f: sr.RemoveFromChannel(channel="incidents", users=["ann@example.com"]),
        {"channels:manage", "channels:read", "users:read.email"},
    ),
    Case("members", lambda f: sr.ListMembers(channel=PUBLIC(f)), {"channels:read"}),
    Case("members by name", lambda f: sr.ListMembers(channel="incidents", limit=1), {"channels:read"}),
    Case("join", lambda f: sr.JoinChannel(channel=_id("elsewhere")(f)), {"channels:join"}),
    Case("join by name", lambda f: sr.JoinChannel(channel="elsewhere"), {"channels:join", "channels:read"}),
    Case("leave", lambda f: sr.LeaveChannel(channel=PUBLIC(f)), {"channels:manage"}),
    Case("leave by name", lambda f: sr.LeaveChannel(channel="#incidents"), {"channels:manage", "channels:read"}),
    Case("history", lambda f: sr.ReadHistory(channel=PUBLIC(f)), {"channels:history"}),
    Case(
        "history by name, with all options",
        lambda f: sr.ReadHistory(
            channel="incidents", oldest="1", latest="2", inclusive=True, limit=None, include_all_metadata=True
        ),
        {"channels:history", "channels:read"},
    ),
    Case("thread", lambda f: sr.ReadHistory(channel=PUBLIC(f), thread_ts=_own(f)), {"channels:history"}),
    Case("delete", lambda f: sr.DeleteMessage(channel=PUBLIC(f), ts=_own(f)), {"chat:write"}, before=_said),
    Case(
        "delete in a channel by name",
        lambda f: sr.DeleteMessage(channel="#incidents", ts=_own(f)),
        {"chat:write", "channels:read"},
        before=_said,
    ),
    Case("permalink", lambda f: sr.GetPermalink(channel=PUBLIC(f), message_ts=_own(f)), set()),
    Case(
        "permalink in a channel by name",
        lambda f: sr.GetPermalink(channel="incidents", message_ts=_own(f)),
        {"channels:read"},
    ),
    Case("archive by name", lambda f: sr.ArchiveChannel(channel="#incidents"), {"channels:manage", "channels:read"}),
    Case("pin", lambda f: sr.PinMessage(channel=PUBLIC(f), ts=_ts(f)), {"pins:write"}),
    Case(
        "pin in a channel by name",
        lambda f: sr.PinMessage(channel="#incidents", ts=_ts(f)),
        {"pins:write", "channels:read"},
    ),
    Case("pin in a private channel", lambda f: sr.PinMessage(channel=PRIVATE(f), ts=_ts(f, "hidden")), {"pins:write"}),
    Case("unpin", lambda f: sr.UnpinMessage(channel=PUBLIC(f), ts=_pinned(f)), {"pins:write"}),
    Case(
        "unpin in a channel by name",
        lambda f: sr.UnpinMessage(channel="incidents", ts=_pinned(f)),
        {"pins:write", "channels:read"},
    ),
    Case(
        "bookmark",
        lambda f: sr.AddBookmark(channel=PUBLIC(f), title="{{id}}", link="https://example.com/{{id}}"),
        {"bookmarks:write"},
    ),
    Case(
        "bookmark with an emoji in a channel by name",
        lambda f: sr.AddBookmark(channel="#incidents", title="{{id}}", link="https://example.com", emoji="fire"),
        {"bookmarks:write", "channels:read"},
    ),
    Case(
        "bookmark in a private channel",
        lambda f: sr.AddBookmark(channel=PRIVATE(f), title="{{id}}", link="https://example.com"),
        {"bookmarks:write"},
    ),
    Case(
        "edit a bookmark",
        lambda f: sr.EditBookmark(
            channel=PUBLIC(f), bookmark_id=_bookmark(f), title="{{id}}", link="https://example.com/2", emoji="eyes"
        ),
        {"bookmarks:write"},
    ),
    Case(
        "edit a bookmark in a channel by name",
        lambda f: sr.EditBookmark(channel="#incidents", bookmark_id=_bookmark(f), title="{{id}}"),
        {"bookmarks:write", "channels:read"},
    ),
    Case(
        "remove a bookmark",
        lambda f: sr.RemoveBookmark(channel=PUBLIC(f), bookmark_id=_bookmark(f)),
        {"bookmarks:write"},
    ),
    Case(
        "remove a bookmark in a channel by name",
        lambda f: sr.RemoveBookmark(channel="#incidents", bookmark_id=_bookmark(f)),
        {"bookmarks:write", "channels:read"},
    ),
    Case("react", lambda f: sr.AddReaction(channel=PUBLIC(f), ts=_ts(f), name="eyes"), {"reactions:write"}),
    Case(
        "react in a channel by name",
        lambda f: sr.AddReaction(channel="#incidents", ts=_ts(f), name=":eyes:"),
        {"reactions:write", "channels:read"},
    ),
    Case(
        "take a reaction away",
        lambda f: sr.RemoveReaction(channel=PUBLIC(f), ts=_reacted(f), name="eyes"),
        {"reactions:write"},
    ),
    Case(
        "take a reaction away in a channel by name",
        lambda f: sr.RemoveReaction(channel="#incidents", ts=_reacted(f), name="eyes"),
        {"reactions:write", "channels:read"},
    ),
    Case("look up a person by ID", lambda f: sr.LookUpUser(user="U0ANN00001"), {"users:read"}),
    Case("look up a mention", lambda f: sr.LookUpUser(user="<@U0ANN00001>"), {"users:read"}),
    Case("look up a person by e-mail", lambda f: sr.LookUpUser(user="ann@example.com"), {"users:read.email"}),
    Case(
        "ephemeral message",
        lambda f: SendEphemeral(channel="#incidents", user="ann@example.com", text="{{id}}", username="On call"),
        {"chat:write", "chat:write.customize", "users:read.email"},
    ),
    Case(
        "message for later",
        lambda f: ScheduleMessage(channel="#incidents", text="{{id}}", post_at=int(f.now) + 600),
        {"chat:write"},
    ),
    Case(
        "message for later, taken back",
        lambda f: CancelScheduledMessage(channel="#incidents", scheduled_message_id="Q0FAKE0001"),
        {"chat:write", "channels:read"},
        before=lambda f: f.client.chat_scheduleMessage(channel="incidents", text="x", post_at=int(f.now) + 600),
    ),
    Case("update by ID", lambda f: sr.UpdateMessage(channel=PUBLIC(f), ts=_own(f), text="{{id}}"), {"chat:write"}),
    Case(
        "update of blocks by the channel's name",
        lambda f: sr.UpdateMessage(channel="#incidents", ts=_own(f), blocks=BLOCKS, metadata=METADATA),
        {"chat:write", "channels:read"},
    ),
]

# What needs a scope only as things stand in the workspace, so that check cannot ask for it.
OTHERS = [
    Case(
        "canvas that is there already",
        lambda f: sr.CreateCanvas(channel=_canvas(f), markdown="{{id}}", if_exists="append"),
        {"canvases:write", "channels:read"},
    ),
]


def test_every_action_is_in_the_table() -> None:
    """No action of the catalogue is left out of these proofs but the one that never runs."""
    fake = FakeSlack()
    _world(fake)
    from slackrunbooks.actions import ACTIONS

    tried = {type(case.make(fake)) for case in CASES}
    assert set(ACTIONS.values()) - tried == {sr.UnarchiveChannel}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_computed_scopes_are_enough_and_each_is_needed(case: Case) -> None:
    """FakeSlack takes the action with the computed scopes; without any one, check names it and only reads."""
    fake = FakeSlack()
    _world(fake)
    case.before(fake)
    action = case.make(fake)
    minimal = set(sr.required_scopes(action).minimal)
    assert minimal == case.scopes
    for taken_away in sorted(minimal):
        fake.scopes = minimal - {taken_away}
        before = len(fake.calls)
        with fake.executor() as executor:
            found = executor.check(action, CONTEXT)
        assert {problem.place for problem in found.problems} == {"token"}, str(found)
        assert any(taken_away in problem.message and taken_away in problem.remedy for problem in found.problems)
        sent = [call.method for call in fake.calls[before:]]
        assert sent[0] == "auth.test" and all(METHODS[method].repeat is sr.Repeat.READS for method in sent)
        with pytest.raises(sr.CheckFailed, match="nothing was sent to Slack"):
            found.raise_for_problems()
        # And Slack itself would refuse: the scope is really needed.
        with fake.executor() as executor, pytest.raises(sr.SlackError) as refused:
            executor.do(action, CONTEXT)
        assert isinstance(refused.value, (sr.MissingScope, sr.NameTaken)), refused.value
    fake.scopes = minimal
    with fake.executor() as executor:
        assert executor.check(action, CONTEXT).ok
        executor.do(action, CONTEXT)


PRIVATE_CASES = [
    Case("topic", lambda f: sr.SetTopic(channel=PRIVATE(f), topic="{{id}}"), {"groups:write.topic"}),
    Case("description", lambda f: sr.SetDescription(channel=PRIVATE(f), description="x"), {"groups:write.topic"}),
    Case("invite", lambda f: sr.InviteToChannel(channel=PRIVATE(f), users="U0BOB00002"), {"groups:write.invites"}),
    Case("archive", lambda f: sr.ArchiveChannel(channel=PRIVATE(f)), {"groups:write"}),
    Case(
        "rename",
        lambda f: sr.RenameChannel(channel=PRIVATE(f), name="inc-{{id}}"),
        {"groups:write", "groups:read"},
        before=_mine,
    ),
    Case("remove", lambda f: sr.RemoveFromChannel(channel=PRIVATE(f), users="U0ANN00001"), {"groups:write"}),
    Case("members", lambda f: sr.ListMembers(channel=PRIVATE(f)), {"groups:read"}),
    Case("leave", lambda f: sr.LeaveChannel(channel=PRIVATE(f)), {"groups:write"}),
    Case("history", lambda f: sr.ReadHistory(channel=PRIVATE(f)), {"groups:history"}),
    Case("leave by name", lambda f: sr.LeaveChannel(channel="hidden"), {"groups:write", "groups:read"}),
    Case(
        "topic by name",
        lambda f: sr.SetTopic(channel="hidden", topic="{{id}}"),
        {"groups:write.topic", "groups:read"},
    ),
]


@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case.name)
def test_what_only_the_workspace_tells_is_conditional(case: Case) -> None:
    """The scopes that may be needed are named as conditional, are enough together, and are needed."""
    fake = FakeSlack()
    _world(fake)
    action = case.make(fake)
    needed = sr.required_scopes(action)
    named = {scope for entry in needed.conditional for scope in entry.scopes}
    assert case.scopes <= named | set(needed.minimal)
    assert not case.scopes <= set(needed.minimal)
    fake.scopes = set(case.scopes)
    with fake.executor() as executor:
        executor.do(action, CONTEXT)
        for scope in case.scopes:
            fake.scopes = set(case.scopes) - {scope}
            with pytest.raises(sr.SlackError):
                executor.do(action, CONTEXT)


@pytest.mark.parametrize("case", PRIVATE_CASES, ids=lambda case: case.name)
def test_a_private_channel_needs_the_scopes_that_conditional_names(case: Case) -> None:
    """Where the type is not known before the run, the alternatives of a private channel are named, and are enough."""
    fake = FakeSlack()
    _world(fake)
    case.before(fake)
    action = case.make(fake)
    named = {scope for entry in sr.required_scopes(action).conditional for scope in entry.scopes}
    assert case.scopes <= named
    fake.scopes = set(case.scopes)
    with fake.executor() as executor:
        assert executor.check(action, CONTEXT).ok
        executor.do(action, CONTEXT)


def test_a_person_by_template_needs_one_of_two_scopes() -> None:
    """Whether a person is given by e-mail address or by ID may depend on the context; both are named."""
    action = sr.LookUpUser(user="{{lead}}")
    needed = sr.required_scopes(action)
    assert needed.minimal == ()
    assert {entry.scopes: entry.condition for entry in needed.conditional} == {
        ("users:read.email",): "if the person is given by e-mail address",
        ("users:read",): "if the person is given by ID",
    }
    fake = FakeSlack()
    _world(fake)
    for scope, lead in (("users:read.email", "ann@example.com"), ("users:read", "U0ANN00001")):
        fake.scopes = {scope}
        with fake.executor() as executor:
            assert executor.check(action, {"lead": lead}).ok
            assert executor.do(action, {"lead": lead}).name == "ann"
        fake.scopes = {"chat:write"}
        with fake.executor() as executor:
            assert scope in executor.check(action, {"lead": lead}).problems[0].message


def test_a_token_for_public_channels_only_is_doubted_where_the_type_is_not_known() -> None:
    """A channel by ID may be private: check warns of the scope that it would then need, and the run may be refused."""
    fake = FakeSlack(scopes=["channels:write.topic"])
    _world(fake)
    with fake.executor() as executor:
        found = executor.check(sr.SetTopic(channel=PRIVATE(fake), topic="x"))
        assert found.ok
        assert [problem.place for problem in found.warnings] == ["token"]
        assert "groups:write.topic (private channel)" in found.warnings[0].message
        with pytest.raises(sr.MissingScope):
            executor.do(sr.SetTopic(channel=PRIVATE(fake), topic="x"))


MORE = [
    ("chat:write", "mpim:write", lambda: sr.SendDirectMessage(users="U0ANN00001, U0BOB00002", text="x")),
    ("channels:read", "channels:write.topic", lambda: sr.SetTopic(channel="{{room}}", topic="x")),
    ("users:read.email", "chat:write", lambda: sr.SendDirectMessage(users="{{mail}}", text="x")),
    ("groups:write", "groups:write", lambda: sr.CreateChannel(name="n", is_private=True, if_taken="suffix", topic="t")),
]


@pytest.mark.parametrize(("one", "other", "make"), MORE)
def test_what_a_context_fills_in_is_checked_as_it_is_filled(one: str, other: str, make: Any) -> None:
    """People as one text, a name or an address out of the context: the check asks for what the filled step needs."""
    context = {"room": "#incidents", "mail": "ann@example.com"}
    fake = FakeSlack(scopes=[one, other])
    _world(fake)
    with fake.executor() as executor:
        assert executor.check(make(), context).ok
        executor.do(make(), context)
        for scope in {one, other}:
            fake.scopes = {one, other} - {scope}
            assert any(scope in problem.message for problem in executor.check(make(), context).problems)


def test_update_message_needs_what_posting_needed() -> None:
    """``chat:write`` is enough to update the app's own message, and is needed."""
    fake = FakeSlack(scopes=["chat:write"])
    _world(fake)
    with fake.executor() as executor:
        sent = executor.do(sr.SendMessage(channel="#incidents", text="one"))
        action = sr.UpdateMessage(channel=sent, ts=sent.ts, text="two")
        assert sr.required_scopes(action).minimal == ("chat:write",)
        executor.do(action)
        fake.scopes = set()
        assert "chat:write" in executor.check(action).problems[0].message
        with pytest.raises(sr.MissingScope) as refused:
            executor.do(action)
    assert refused.value.needed == ("chat:write",)
    assert fake.channel("incidents").messages[-1].text == "two"


def test_a_later_step_knows_the_type_of_the_channel_that_an_earlier_one_makes() -> None:
    """A private channel made in the same runbook asks for the private scopes only, without a condition."""
    runbook = sr.Runbook(
        "private",
        {
            "room": sr.CreateChannel(name="inc-{{id}}", is_private=True),
            "topic": sr.SetTopic(channel="{{steps.room.channel}}", topic="x"),
            "close": sr.ArchiveChannel(channel="{{steps.room.channel}}"),
        },
    )
    needed = sr.required_scopes(runbook)
    assert needed.minimal == ("groups:write",)
    assert needed.conditional == ()
    assert needed.explain() == {
        "groups:write": (
            "room: to create the channel",
            "topic: to set the topic",
            "close: to archive the channel",
        )
    }


def test_posting_where_the_app_is_no_member_is_a_condition() -> None:
    """``chat:write.public`` is named as needed under a condition, and lets FakeSlack take the message."""
    fake = FakeSlack(scopes=["chat:write"])
    _world(fake)
    action = sr.SendMessage(channel="#elsewhere", text="x")
    (condition,) = sr.required_scopes(action).conditional
    assert condition.scopes == ("chat:write.public",)
    assert condition.condition == "if the channel is public and the app is not a member of it"
    with fake.executor() as executor:
        with pytest.raises(sr.NotInChannel) as refused:
            executor.do(action)
        assert "chat:write.public" in refused.value.remedy
        fake.scopes |= {"chat:write.public"}
        executor.do(action)


def test_a_flag_that_is_a_template_asks_for_either_scope() -> None:
    """Whether a channel is private may depend on the context; then any of both scopes passes the check."""
    action = sr.CreateChannel(name="inc-{{id}}", is_private="{{private}}")
    (needed,) = sr.required_scopes(action)
    assert dict(needed.alternatives) == {
        "public": ("channels:manage", "channels:write"),
        "private": ("groups:write",),
    }
    fake = FakeSlack(scopes=["groups:write"])
    with fake.executor() as executor:
        assert executor.check(action, CONTEXT).ok
        assert executor.do(action, CONTEXT).is_private is True


def test_all_missing_scopes_of_a_runbook_are_named_with_their_steps() -> None:
    """One check names every step that lacks a scope; a cosmetic step's is a warning, a skipped one's nothing."""
    fake = FakeSlack(scopes=["groups:write"])
    _world(fake)
    runbook = sr.Runbook(
        "declare",
        {
            "room": sr.CreateChannel(name="inc-{{id}}"),
            "say": sr.SendMessage(channel="#incidents", text="x"),
            "nice": sr.Step(sr.SendDirectMessage(users="ann@example.com", text="x"), on_error="continue"),
            "never": sr.Step(sr.SendDirectMessage(users="bob@example.com", text="x"), when={"id": "8"}),
        },
    )
    with fake.executor() as executor:
        found = executor.check(runbook, CONTEXT)
    assert [problem.place for problem in found.problems] == ["steps.room", "steps.say"]
    assert {problem.place for problem in found.warnings} == {"steps.nice"}
    assert found.granted == ("groups:write",)
    assert "channels:manage" in str(found)


def test_a_token_that_cannot_be_asked_is_a_problem() -> None:
    """A wrong token is one problem with its remedy, beside the offline findings."""
    fake = FakeSlack()
    fake.fail_next("auth.test", "invalid_auth")
    with fake.executor() as executor:
        found = executor.check(sr.SetTopic(channel="C0123ABCD", topic="x" * 251))
    assert [problem.place for problem in found.problems] == ["SetTopic.topic", "token"]
    assert isinstance(found.problems[1].error, sr.AuthenticationFailed)
