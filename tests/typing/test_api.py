"""What type checkers see of the executors and actions. Checked by mypy and pyright, never executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slack_sdk import WebClient
from slack_sdk.oauth.installation_store import InstallationStore
from slack_sdk.oauth.state_store import OAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient
from typing_extensions import assert_type

import slackrunbooks as sr
from slackrunbooks import blocks
from slackrunbooks.journal import Status


def test_do_gives_the_output_of_its_action(executor: sr.Executor) -> None:
    """``do`` is typed ``Action[R] -> R``."""
    assert_type(executor.do(sr.SendMessage(channel="#c", text="x")), sr.MessageSent)
    assert_type(executor.do(sr.CreateChannel(name="n"), {"id": 1}, key="k"), sr.ChannelCreated)
    assert_type(executor.do(sr.InviteToChannel(channel="C1", users=["U1"])), sr.Invited)
    assert_type(executor.do(sr.ArchiveChannel(channel="C1")), sr.ChannelArchived)
    assert_type(executor.do(sr.UpdateMessage(channel="C1", ts="1.000000", text="x")), sr.MessageUpdated)
    assert_type(executor.do(sr.SetTopic(channel="C1", topic="x")).channel, str)
    assert_type(executor.do(sr.PinMessage(channel="C1", ts="1.000000")), sr.MessagePinned)
    assert_type(executor.do(sr.UnpinMessage(channel="C1", ts="1.000000")), sr.MessageUnpinned)
    assert_type(executor.do(sr.AddBookmark(channel="C1", title="x", link="https://x.example")), sr.BookmarkAdded)
    assert_type(executor.do(sr.EditBookmark(channel="C1", bookmark_id="Bk1", title="x")), sr.BookmarkEdited)
    assert_type(executor.do(sr.RemoveBookmark(channel="C1", bookmark_id="Bk1")), sr.BookmarkRemoved)
    assert_type(executor.do(sr.AddReaction(channel="C1", ts="1.000000", name="eyes")), sr.ReactionAdded)
    assert_type(executor.do(sr.RemoveReaction(channel="C1", ts="1.000000", name="eyes")), sr.ReactionRemoved)
    assert_type(executor.do(sr.LookUpUser(user="U1")), sr.UserFound)
    assert_type(executor.do(sr.ListUserGroupMembers(usergroup="@sre")), sr.UserGroupMembersListed)
    assert_type(executor.do(sr.UpdateUserGroup(usergroup="@sre", users=["U1"], name="SRE")), sr.UserGroupUpdated)
    assert_type(executor.do(sr.LookUpUser(user="U1")).mention, sr.UserMention)
    assert_type(executor.do(sr.LookUpMentions(names={"lead": "ann@example.com"})), sr.MentionsFound)
    assert_type(executor.do(sr.DeleteMessage(channel="C1", ts="1.000000")), sr.MessageDeleted)
    assert_type(executor.do(sr.GetPermalink(channel="C1", message_ts="1.000000")).permalink, str)
    assert_type(executor.do(sr.RenameChannel(channel="C1", name="n")), sr.ChannelRenamed)
    assert_type(executor.do(sr.RemoveFromChannel(channel="C1", users=["U1"])), sr.Removed)
    assert_type(executor.do(sr.ListMembers(channel="C1", limit="{{n}}")).members, tuple[str, ...])
    assert_type(executor.do(sr.JoinChannel(channel="C1")), sr.ChannelJoined)
    assert_type(executor.do(sr.LeaveChannel(channel="C1")), sr.ChannelLeft)
    assert_type(executor.do(sr.ReadHistory(channel="C1", limit=None)), sr.HistoryRead)
    assert_type(executor.do(sr.UploadFile(path=Path("graph.png"), channel="C1")), sr.FileUploaded)
    assert_type(executor.do(sr.UploadFile(content=b"x", filename="x.bin")).channel, str | None)
    assert_type(executor.do(sr.CreateCanvas(markdown="x")), sr.CanvasCreated)


def test_other_workspaces_are_typed(client: WebClient, spaces: sr.Workspaces) -> None:
    """Given as Workspaces or as clients."""
    assert_type(sr.Executor(client, workspaces={"T0123ABCD": client}), sr.Executor)
    assert_type(sr.Executor(client, workspaces=spaces), sr.Executor)
    assert_type(sr.Step(sr.SetTopic(channel="C1", topic="x"), workspace="{{team}}").workspace, str | None)
    assert_type(spaces.executor("T0123ABCD"), sr.Executor)
    spaces.check("T0123ABCD")


async def test_the_same_with_await(executor: sr.AsyncExecutor) -> None:
    """The asynchronous surface has the same types."""
    assert_type(await executor.do(sr.SendDirectMessage(users="U1", text="x")), sr.MessageSent)
    assert_type(await executor.run(sr.Runbook("r", {"s": sr.SetDescription(channel="C1", description="x")})), sr.Report)
    assert_type(await executor.check(sr.SetTopic(channel="C1", topic="x")), sr.CheckReport)
    assert_type((await executor.check(sr.SetTopic(channel="C1", topic="x"))).unseen, Mapping[str, str])
    assert_type(executor.plan(sr.SetTopic(channel="C1", topic="x")), sr.Plan)


def test_runs_that_are_kept_are_typed(executor: sr.Executor, journal: sr.SqliteJournal) -> None:
    """A journal gives records, and an executor what is in doubt."""
    assert_type(executor.lost_answers("r"), tuple[sr.LostAnswer, ...])
    assert_type(executor.lost_answers("r")[0].reply, tuple[str, ...])
    assert_type(journal.runs()[0].status(0.0), Status)
    assert_type(journal.runs()[0].runbook, str)


def test_reports_are_typed(report: sr.Report) -> None:
    """``output`` gives the type it is asked for."""
    assert_type(report.output("room", sr.ChannelCreated), sr.ChannelCreated)
    assert_type(report["room"], sr.StepReport)
    assert_type(report.ok, bool)


def test_an_output_stands_for_its_channel(created: sr.ChannelCreated, sent: sr.MessageSent) -> None:
    """A channel field takes an ID, or the output of an earlier action."""
    sr.SendMessage(channel=created, text="x")
    sr.UpdateMessage(channel=sent, ts=sent.ts, text="x")
    sr.PinMessage(channel=sent, ts=sent.ts)
    sr.SendMessage(channel=5, text="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_markup_is_typed() -> None:
    """Values that templates show have fields and readable text; a channel's is the channel of an action."""
    room = sr.ChannelMention("C0123ABCD", "inc-7")
    sr.SendMessage(channel=room, text="x", blocks=[blocks.header("x"), *blocks.fields({"a": "b"})])
    assert_type(room.id, str)
    assert_type(sr.GroupMention("S0123ABCD").plain, str)
    assert_type(sr.Date(1767603600, fallback="then", link="https://e.example").when, int)
    assert_type(sr.Link("https://e.example", "x").mrkdwn, str)
    assert_type(sr.severity("SEV1"), dict[str, str])
    assert_type(blocks.link_buttons([("Open", "https://e.example")]), dict[str, Any])
    sr.Date("today")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sr.UserMention(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_connecting_is_typed(store: InstallationStore, states: OAuthStateStore, runbook: sr.Runbook) -> None:
    """Installing and the executors of a workspace have their types; stores are slack_sdk's."""
    installer = sr.Installer(store, states, needs=[runbook, sr.SetTopic(channel="C1", topic="x")], gov=True)
    assert_type(installer.begin("T1"), sr.InstallLink)
    installed = installer.handle({"code": ["x"], "state": "y"}, {"Cookie": "z"})
    assert_type(installed, sr.Installed)
    assert_type(installed.granted, tuple[str, ...])
    workspaces = sr.Workspaces(store, enterprise_id="E1")
    assert_type(workspaces.executor(installed.team_id), sr.Executor)
    assert_type(workspaces.async_executor("T1", journal=sr.MemoryJournal()), sr.AsyncExecutor)
    assert_type(workspaces.client("T1"), sr.RotatingWebClient)
    assert_type(workspaces.teams(), tuple[sr.Team, ...])
    sr.Installer(states, store)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_fields_are_checked() -> None:
    """Unknown and missing fields, and wrong types, are errors before anything runs."""
    sr.SendMessage(channel="#c", txt="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    sr.SetTopic(channel="C1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    sr.CreateChannel(name="n", is_private="{{private}}")
    sr.UploadFile(path=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sr.InviteToChannel(channel="C1", users=("U1", "U2"))
    sr.Step(sr.SetTopic(channel="C1", topic="x"), on_error="ignore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_clients_are_typed(client: WebClient, async_client: AsyncWebClient) -> None:
    """Each executor takes slack_sdk's client of its kind; ours are such clients."""
    sr.Executor(client=client)
    sr.AsyncExecutor(client=async_client)
    sr.Executor(client=sr.PooledWebClient("xoxb-fake"))
    sr.Executor(client=async_client)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_scopes_are_typed(runbook: sr.Runbook) -> None:
    """Scopes come as plain text."""
    assert_type(sr.required_scopes(runbook, sr.SetTopic(channel="C1", topic="x")).minimal, tuple[str, ...])
    assert_type(sr.required_scopes(runbook, settle=True).assuming("private"), sr.ScopeRequirements)
    assert_type(sr.required_scopes(runbook).audit(["chat:write"]), sr.ScopeAudit)
    assert_type(sr.app_manifest([runbook], name="x").diff({}), sr.ManifestDiff)
    assert_type(sr.scope_usage(sr.MemoryJournal()), sr.ScopeUsage)
    assert_type(sr.Template("{{x}}").render({"x": 1}), str)
    assert_type(sr.escape("x"), str)


def test_a_diagnosis_is_typed(client: WebClient, runbook: sr.Runbook) -> None:
    """A client or a token goes in, and findings come out."""
    diagnosis = sr.diagnose(client, runbook, {"x": 1}, live="#sandbox")
    assert_type(diagnosis, sr.Diagnosis)
    assert_type(sr.diagnose("xoxb-fake", base_url="https://slack.com/api/").cause, sr.Finding | None)
    assert_type(diagnosis.calls, tuple[str, ...])
    sr.diagnose(client, "runbook.yaml")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
