"""The runbooks that come with the library: what people get to read, and what goes on when something fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeChannel, FakeMessage, FakeSlack

from .ways import WAYS, Way, open_way

NAMES = ("incident-coordination", "status-update", "post-incident")
NASTY = "<!channel> <@U1> *_~ \" ' & \n {{x}}"

REQUIRED = {
    "incident-coordination": {"Activity.id", "Activity.title"},
    "status-update": {"Activity.id", "Activity.title", "Activity.update", "Activity.slack_channel"},
    "post-incident": {"Activity.id", "Activity.title", "Activity.slack_channel"},
}

LEAST: dict[str, Any] = {"id": "INC-42", "title": "Checkout is down"}

# Every input of all three but the ones that the runbooks leave to each other.
FULL: dict[str, Any] = {
    **LEAST,
    "severity": "SEV1",
    "severity_emoji": ":red_circle:",
    "status": "identified",
    "summary": "Half of all payments fail since 21:31 UTC.",
    "services": "Checkout, Cart",
    "started_at": "21:31 UTC",
    "updated_at": "21:40 UTC",
    "next_update": "22:10 UTC",
    "resolved_at": "22:08 UTC",
    "duration": "38 minutes",
    "url": "https://incidents.example.com/42?tab=log&x=1",
    "bridge": "https://meet.example.com/42",
    "dashboards": [{"name": "Errors & latency", "url": "https://graphs.example.com/d/1?a=1&b=2"}],
    "metrics": [{"name": "Error rate", "value": "4.2 %", "url": "https://graphs.example.com/d/2"}],
    "actions": [{"text": "Roll back", "owner": "Ben", "done": True}, {"text": "Tell support"}],
    "action_items": [{"text": "Alert on errors", "url": "https://issues.example.com/7"}],
    "lessons": ["The canary was too small."],
    "impact": "A third of the customers could not pay.",
    "cause": "A bad deploy.",
    "resolution": "The deploy was rolled back.",
    "retrospective": "2024-09-19 15:00 UTC",
    "retrospective_url": "https://docs.example.com/retro-42",
    "commander_name": "Ana",
    "stakeholder_channel": "#incidents",
    "private": False,
    "channel_prefix": "inc-",
    "topic_is_current": False,
    "archive": False,
    "update": "Payments recover.",
    "graph": "",
    "graph_title": "Error rate",
    "retrospective_at": "",
    "approvers": "",
    "approval_seconds": 3600,
}


class Workspace:
    """A fake workspace with the people of an incident, and the way to it."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.slack = way.fake
        self.ana, self.ben, self.chidi = (self.slack.add_user(name) for name in ("ana", "ben", "chidi"))
        self.oncall = self.slack.add_usergroup("oncall", [self.ben])
        self.incidents = self.slack.add_channel("incidents", members=[self.ana, self.chidi])

    @property
    def everything(self) -> dict[str, Any]:
        people = {"commander": self.ana.id, "responders": [self.ben.id], "teams": [self.oncall.id]}
        return {**FULL, **people}

    def run(self, name: str, context: Mapping[str, Any], **news: Any) -> sr.Report:
        activity = {**context.get("Activity", {}), **news}
        return self.way.run(sr.Runbook.shipped(name), {**context, "Activity": activity})

    def run_all(self, activity: Mapping[str, Any], **closing: Any) -> list[sr.Report]:
        """Run one after another, each with the context that the one before hands on."""
        declared = self.run("incident-coordination", {"Activity": activity})
        updated = self.run("status-update", declared.context, update=activity.get("update", "Recovering."))
        return [declared, updated, self.run("post-incident", updated.context, **closing)]

    @property
    def room(self) -> FakeChannel:
        return self.slack.channel("inc-inc-42")

    def told(self, channel: FakeChannel | None = None) -> str:
        """What people read there."""
        return self.slack.transcript((channel or self.room).id)

    def pinged(self) -> list[tuple[str, str, str]]:
        names = {self.oncall.id: "oncall", self.ana.id: "ana", self.ben.id: "ben"}
        shown = []
        for ping in self.slack.notified:
            by = ping.by if ping.by == "dm" else names[ping.by.strip("<@!>").removeprefix("subteam^")]
            shown.append((names[ping.user], self.slack.channel(ping.channel).name, by))
        return shown


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """A workspace reached synchronously, in this process."""
    with open_way("sync") as way:
        yield Workspace(way)


def _text_of(message: FakeMessage) -> str:
    """Everything that was sent as the message's content."""
    return f"{message.text}{message.blocks}"


# --- what they declare -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_reads_back(name: str) -> None:
    """Its plain data and its YAML make the same runbook again."""
    runbook = sr.Runbook.shipped(name)
    assert runbook.name == name
    assert sr.Runbook.from_dict(runbook.to_dict()) == runbook
    assert sr.Runbook.from_yaml(runbook.to_yaml()) == runbook


@pytest.mark.parametrize("name", NAMES)
def test_declares_its_inputs(name: str) -> None:
    """Few inputs are required, each says what it is for, and none is declared that nothing uses."""
    runbook = sr.Runbook.shipped(name)
    inputs = runbook.inputs or {}
    assert {path for path, entry in inputs.items() if entry.required} == REQUIRED[name]
    assert all(entry.description.endswith(".") for entry in inputs.values())
    conditions = [str(step.when) for step in runbook.steps.values()]
    for path in inputs:
        assert path in runbook.variables or any(path in condition for condition in conditions), path


def test_inputs_agree() -> None:
    """An input that several runbooks declare has one type in all of them."""
    kinds: dict[str, set[str]] = {}
    for name in NAMES:
        for path, entry in (sr.Runbook.shipped(name).inputs or {}).items():
            kinds.setdefault(path, set()).add(entry.kind)
    assert {path: found for path, found in kinds.items() if len(found) > 1} == {}
    left = {"slack_channel", "slack_channel_name", "status_ts", "announcement_channel", "announcement_ts", "summary_ts"}
    people = {"commander", "responders", "teams"}
    assert {path.removeprefix("Activity.") for path in kinds} <= {*FULL, *left, *people}


def test_scopes() -> None:
    """Few scopes are essential; what is nice to have, and an approval, need more."""
    declare, update, close = (sr.required_scopes(sr.Runbook.shipped(name)) for name in NAMES)
    assert declare.essential == ("channels:manage", "channels:read", "chat:write")
    assert declare.minimal == ("bookmarks:write", "channels:manage", "channels:read", "chat:write", "pins:write")
    assert update.essential == ("chat:write",)
    lacking = {each.step for each in close.missing({"channels:manage", "chat:write"}) if not each.optional}
    assert lacking == {"agree"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("full", [False, True], ids=["required", "everything"])
def test_check_finds_nothing(workspace: Workspace, name: str, full: bool) -> None:
    """With the required inputs only and with every input, Slack shows all that is named, and nothing is wrong."""
    room, told = workspace.slack.add_channel("inc-inc-41"), workspace.incidents
    required = {"id": "INC-42", "title": "Checkout is down", "update": "Recovering.", "slack_channel": room.id}
    made = {"status_ts": "1503435956.000247", "announcement_ts": "1503435956.000248"}
    everything = {**workspace.everything, **required, **made, "announcement_channel": told.id}
    report = workspace.way.check(sr.Runbook.shipped(name), {"Activity": everything if full else required})
    assert (report.problems, report.warnings, report.unseen) == ((), (), {})
    reads = {"auth.test", "conversations.list", "conversations.info", "users.info"}
    assert set(workspace.way.sent()) <= reads
    assert len(workspace.way.sent()) <= (5 if full else 3)


# --- one incident, from beginning to end -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", WAYS)
def test_they_link_up(name: str) -> None:
    """What declaring made is what updating changes in place and closing marks as resolved, on every way."""
    with open_way(name) as way:
        workspace = Workspace(way)
        reports = workspace.run_all(workspace.everything)
        assert [report.state for report in reports] == ["succeeded"] * 3
        assert not [step for report in reports for step in report.steps if not step.ok]
        status, summary = (message for message in workspace.room.messages if not message.thread_ts)
        assert status.ts == reports[0].context["Activity"]["status_ts"]
        assert status.edited and ":white_check_mark: SEV1 · resolved" in _text_of(status)
        assert [reply.broadcast for reply in status.replies] == [True]
        assert "Payments recover." in status.replies[0].text
        assert len(summary.replies) == 1 and "What went well?" in summary.replies[0].text
        (announcement,) = (message for message in workspace.incidents.messages if not message.thread_ts)
        assert announcement.edited and "resolved" in _text_of(announcement)
        assert ["Payments recover." in reply.text for reply in announcement.replies] == [True, False]
        assert workspace.room.topic == "SEV1 · resolved · Commander: Ana"


def test_room_as_declared(workspace: Workspace) -> None:
    """The room opens with its people, its topic, and one message that says all that is known."""
    workspace.run("incident-coordination", {"Activity": workspace.everything})
    room = workspace.room
    assert room.topic == "SEV1 · identified · Commander: Ana"
    assert room.purpose == "Checkout is down [INC-42]"
    assert {workspace.ana.id, workspace.ben.id} <= set(room.members)
    told = workspace.told()
    for line in (
        ":red_circle: SEV1 · identified",
        "*Checkout is down*",
        "Half of all payments fail since 21:31 UTC.",
        "*Commander:* @ana",
        "*Affected:* Checkout, Cart",
        "*Started:* 21:31 UTC",
        "*Next update:* 22:10 UTC",
        ":white_check_mark: Roll back (Ben)",
        ":white_large_square: Tell support",
        "• Join the call (https://meet.example.com/42)",
        "• Incident record (https://incidents.example.com/42?tab=log&x=1)",
        "• Errors & latency (https://graphs.example.com/d/1?a=1&b=2)",
    ):
        assert f"| {line}\n" in told
    # What a phone's lock screen shows.
    assert room.messages[-1].text == "SEV1 · identified: Checkout is down (INC-42)"


def test_announcement(workspace: Workspace) -> None:
    """Stakeholders learn what is broken, how badly, who leads and when they hear more, and the teams are called."""
    workspace.run("incident-coordination", {"Activity": workspace.everything})
    told = workspace.told(workspace.incidents)
    for part in (
        ":red_circle: *SEV1 · identified*",
        "*Checkout is down*",
        "Affected: Checkout, Cart",
        "#inc-inc-42 · Commander: Ana · Next update: 22:10 UTC",
        "INC-42 · record (https://incidents.example.com/42?tab=log&x=1) · @oncall",
    ):
        assert part in told
    assert workspace.pinged() == [("ana", "inc-inc-42", "ana"), ("ben", "incidents", "oncall")]


def test_nobody_is_pinged_twice(workspace: Workspace) -> None:
    """Updates and the end ping nobody, but that the commander gets a direct message about what is left to do."""
    declared = workspace.run("incident-coordination", {"Activity": workspace.everything})
    before = len(workspace.slack.notified)
    updated = workspace.run("status-update", declared.context)
    assert len(workspace.slack.notified) == before
    workspace.run("post-incident", updated.context)
    (direct,) = workspace.pinged()[before:]
    assert direct[0] == "ana" and direct[2] == "dm"
    told = workspace.told(workspace.slack.direct_message(workspace.ana))
    assert "lead the retrospective on 2024-09-19 15:00 UTC (document (https://docs.example.com/retro-42))" in told


def test_update_says_what_is_new(workspace: Workspace) -> None:
    """An update has the state, its time, the text, the figures and the time of the next one."""
    declared = workspace.run("incident-coordination", {"Activity": workspace.everything})
    workspace.run("status-update", declared.context)
    for channel in (workspace.room, workspace.incidents):
        (reply,) = channel.messages[0].replies
        assert reply.text.splitlines() == [
            "*identified* · 21:40 UTC",
            "Payments recover.",
            "• <https://graphs.example.com/d/2|Error rate>: *4.2 %*",
            "_Next update: 22:10 UTC_",
        ]


def test_topic_that_is_current_stays(workspace: Workspace) -> None:
    """Where the topic says it already, it is not set again, which would leave a line in the room each time."""
    declared = workspace.run("incident-coordination", {"Activity": workspace.everything})
    workspace.run("status-update", declared.context, topic_is_current=True)
    workspace.run("post-incident", declared.context, topic_is_current=True)
    assert len(workspace.slack.calls_to("conversations.setTopic")) == 1


def test_summary(workspace: Workspace) -> None:
    """The summary has how long it took, what it hit, why, what is left to do and when the retrospective is."""
    workspace.run_all(workspace.everything)
    told = workspace.told()
    for line in (
        "The deploy was rolled back.",
        "*Lasted:* 38 minutes",
        "*Affected:* Checkout, Cart",
        "*Impact:* A third of the customers could not pay.",
        "*Cause:* A bad deploy.",
        "• Alert on errors (https://issues.example.com/7) (needs an owner)",
        "*Retrospective:* 2024-09-19 15:00 UTC · document (https://docs.example.com/retro-42)",
        "*Resolved:* 22:08 UTC",
    ):
        assert f"| {line}\n" in told
    assert "• The canary was too small." in told
    assert "Lasted: 38 minutes · Retrospective: 2024-09-19 15:00 UTC" in workspace.told(workspace.incidents)


@pytest.mark.parametrize(
    ("times", "lasted"),
    [
        ({"duration": "1 hour"}, "1 hour"),
        ({"started_at": "21:31", "resolved_at": "22:08"}, "21:31 to 22:08"),
        ({"started_at": "21:31"}, "since 21:31"),
        ({}, "not recorded"),
    ],
)
def test_how_long_it_lasted(workspace: Workspace, times: dict[str, str], lasted: str) -> None:
    """The summary says how long it took as far as that is known."""
    workspace.run_all({**LEAST, **times})
    assert f"*Lasted:* {lasted}\n" in workspace.told()


def test_with_the_least(workspace: Workspace) -> None:
    """With only the required inputs everything reads well: no holes, no empty lines, no braces."""
    reports = workspace.run_all(LEAST)
    assert all(report.ok for report in reports)
    everywhere = workspace.slack.transcript()
    assert "{{" not in everywhere and "None" not in everywhere
    assert "| *Commander:* nobody yet" not in everywhere  # the end has replaced it
    assert "| *Cause:* not known yet" in everywhere
    # A canvas is Markdown, which has empty lines; its lines are the ones that are indented the least.
    messages = [line for line in everywhere.splitlines() if not line.startswith("    |")]
    assert all(line.strip() not in ("|", "•") for line in messages)
    assert workspace.slack.notified == []


# --- what is nice to have --------------------------------------------------------------------------------------------


def test_the_room_has_the_assessment_and_the_graphs_at_its_top(workspace: Workspace) -> None:
    """The status message is pinned and each dashboard is a bookmark, once, however often it is declared."""
    first = workspace.run("incident-coordination", {"Activity": workspace.everything})
    again = workspace.run("incident-coordination", first.context)
    assert again.ok
    room = workspace.room
    assert list(room.pins) == [first.context["Activity"]["status_ts"]]
    assert [bookmark["link"] for bookmark in room.bookmarks] == [FULL["dashboards"][0]["url"]]


def test_a_graph_is_shared_in_the_thread_of_the_status(workspace: Workspace, tmp_path: Path) -> None:
    """An update with a picture has it below the status message; without one, nothing is uploaded."""
    picture = tmp_path / "errors.png"
    picture.write_bytes(b"\x89PNG")
    declared = workspace.run("incident-coordination", {"Activity": workspace.everything})
    workspace.run("status-update", declared.context, graph=str(picture)).raise_for_failure()
    [file] = workspace.slack.files
    assert (file.content, file.title, file.alt_txt) == (b"\x89PNG", "Error rate", "Error rate")
    reply = workspace.room.log[file.shares[workspace.room.id]]
    assert reply.thread_ts == declared.context["Activity"]["status_ts"]


def test_a_missing_graph_does_not_keep_an_update_back(workspace: Workspace) -> None:
    """The step fails by itself, and the update goes out."""
    declared = workspace.run("incident-coordination", {"Activity": workspace.everything})
    report = workspace.run("status-update", declared.context, graph="no/such.png")
    assert report.ok and report["graph"].outcome == "failed"
    workspace.slack.assert_posted(workspace.room, "Payments recover.")


def test_lessons_and_action_items_stand_in_a_canvas(workspace: Workspace) -> None:
    """What is known goes into the room's canvas, and a second time to its end."""
    reports = workspace.run_all(workspace.everything)
    [canvas] = workspace.slack.canvases
    assert (canvas.title, canvas.channel) == ("Lessons of INC-42", workspace.room.id)
    assert "* The canary was too small." in canvas.markdown and "- [ ] Alert on errors" in canvas.markdown
    assert workspace.run("post-incident", reports[-1].context).ok
    assert workspace.slack.canvases[0].markdown.count("## What we learned") == 2


def test_the_retrospective_is_a_scheduled_message(workspace: Workspace) -> None:
    """At its time the room is reminded; a room that is archived is not."""
    at = int(workspace.slack.now) + 3 * 86400
    workspace.run_all(workspace.everything, retrospective_at=at)
    assert [(each.state, each.post_at) for each in workspace.slack.scheduled] == [("pending", at)]
    workspace.slack.advance(3 * 86400)
    workspace.slack.assert_posted(workspace.room, "Retrospective of INC-42")


@pytest.mark.parametrize(("emoji", "archived"), [("white_check_mark", True), ("x", False), (None, False)])
def test_somebody_may_have_to_agree_before_the_room_is_archived(
    workspace: Workspace, emoji: str | None, archived: bool
) -> None:
    """With approvers, the room is archived after a yes; after a no, or no answer in time, it stays open."""
    if emoji is not None:
        workspace.slack.later(
            60,
            lambda: workspace.ben.react(
                workspace.room, workspace.slack.assert_posted(workspace.room, "archived?").ts, emoji
            ),
        )
    report = workspace.run_all(workspace.everything, archive=True, approvers="@oncall", approval_seconds=600)[-1]
    assert (report.ok, workspace.room.is_archived) == (archived, archived)
    if not archived:
        assert report["agree"].error.code == ("rejected" if emoji else "expired")  # type: ignore[union-attr]
        assert report["archive"].outcome == "skipped"


# --- values are inert ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["title", "update", "summary", "services", "status", "severity", "resolution"])
def test_a_value_stays_a_value(workspace: Workspace, field: str) -> None:
    """A value full of markup notifies nobody, is sent escaped, and reads as it was written."""
    activity = {**LEAST, "update": "Recovering.", field: NASTY}
    assert all(report.ok for report in workspace.run_all(activity))
    assert workspace.slack.notified == []
    sent = "".join(_text_of(message) for channel in workspace.slack.channels for message in channel.messages)
    assert "<!channel>" not in sent and "<@U1>" not in sent
    shown = "<!channel> <@U1> *_~ \" ' &"
    assert shown in workspace.slack.transcript()
    if field == "title":
        assert workspace.room.purpose.endswith("{{x}} [INC-42]")
        for message in (workspace.room.messages[0], workspace.incidents.messages[0]):
            assert "&lt;!channel&gt; &lt;@U1&gt; *_~ " in _text_of(message)
            assert "{{x}}" in _text_of(message)


def test_no_list_pings(workspace: Workspace) -> None:
    """Names, links, figures, actions and lessons full of markup notify nobody, and links keep their targets."""
    nasty = {
        "commander_name": NASTY,
        "next_update": NASTY,
        "dashboards": [{"name": NASTY, "url": "https://graphs.example.com"}],
        "metrics": [{"name": NASTY, "value": NASTY}],
        "actions": [{"text": NASTY, "owner": NASTY}],
        "action_items": [{"text": NASTY, "owner": NASTY}],
        "lessons": [NASTY],
        "retrospective": NASTY,
        "url": "https://incidents.example.com/|<!here>",
        "teams": ["<!channel>", "!here"],
        "impact": NASTY,
        "cause": NASTY,
    }
    assert all(report.ok for report in workspace.run_all({**LEAST, **nasty}))
    assert workspace.slack.notified == []


@pytest.mark.parametrize("length", [230, 300, 2000])
def test_a_long_title_keeps_nothing_from_happening(workspace: Workspace, length: int) -> None:
    """A title that no description holds leaves the room with its first description, and everything else is done."""
    title = "x" * length
    report, *_ = workspace.run_all({**LEAST, "title": title})
    assert report.ok
    assert workspace.room.purpose == (f"{title} [INC-42]" if length < 240 else "Incident room [INC-42]")
    assert title in workspace.told()


# --- what is left out ------------------------------------------------------------------------------------------------


def test_private_room(workspace: Workspace) -> None:
    """A private incident is announced nowhere, from beginning to end."""
    reports = workspace.run_all({**workspace.everything, "private": True})
    assert all(report.ok for report in reports)
    assert workspace.room.is_private
    assert workspace.incidents.messages == []


def test_private_incident_that_fails(workspace: Workspace) -> None:
    """What goes wrong in a private incident is told to its commander alone."""
    workspace.slack.fail_next("conversations.create", "restricted_action")
    report = workspace.run("incident-coordination", {"Activity": {**workspace.everything, "private": True}})
    assert report.state == "failed"
    assert workspace.incidents.messages == []
    assert "step `room` failed" in workspace.told(workspace.slack.direct_message(workspace.ana))


def test_no_stakeholders(workspace: Workspace) -> None:
    """With an empty stakeholder channel nothing is announced, and nothing fails."""
    assert all(report.ok for report in workspace.run_all({**LEAST, "stakeholder_channel": ""}))
    assert workspace.incidents.messages == []


@pytest.mark.parametrize("archive", [False, True])
def test_archive_is_a_choice(workspace: Workspace, archive: bool) -> None:
    """The room stays open unless asked for, and says good-bye before it is archived."""
    workspace.run_all(LEAST, archive=archive)
    assert workspace.room.is_archived is archive
    assert ("archived now" in workspace.told()) is archive


def test_names_with_a_prefix_of_their_own(workspace: Workspace) -> None:
    """The prefix of the room's name is an input, so that INC-42 need not become inc-inc-42."""
    workspace.run("incident-coordination", {"Activity": {**LEAST, "channel_prefix": ""}})
    assert workspace.slack.channel("inc-42").members


# --- again, and what goes wrong --------------------------------------------------------------------------------------


def test_declared_twice(workspace: Workspace) -> None:
    """Run again with the context it handed on, declaring takes its own room over and repeats no message."""
    declared = workspace.run("incident-coordination", {"Activity": workspace.everything})
    again = workspace.run("incident-coordination", declared.context)
    assert again.ok and again.output("room", sr.ChannelCreated).adopted
    assert again.context["Activity"]["status_ts"] == declared.context["Activity"]["status_ts"]
    assert [len(channel.messages) for channel in (workspace.room, workspace.incidents)] == [1, 1]


def test_somebody_elses_room(workspace: Workspace) -> None:
    """A channel of that name that is not this incident's is left alone, and the stakeholders are told not to wait."""
    workspace.slack.add_channel("inc-inc-42", purpose="Lunch")
    report = workspace.run("incident-coordination", {"Activity": LEAST})
    assert report.state == "failed" and report.stopped_by == "room"
    assert workspace.room.purpose == "Lunch" and workspace.room.messages == []
    told = workspace.told(workspace.incidents)
    assert "step `room` (name_taken), so do not wait for it." in told
    assert 'Choose another name, or pass if_taken="suffix".' in told


def test_room_cannot_be_created(workspace: Workspace) -> None:
    """Where the room fails, the stakeholders and the commander learn the step and the next move."""
    workspace.slack.fail_next("conversations.create", "restricted_action")
    report = workspace.run("incident-coordination", {"Activity": workspace.everything})
    assert report.state == "failed"
    for channel in (workspace.incidents, workspace.slack.direct_message(workspace.ana)):
        told = workspace.told(channel)
        assert "step `room`" in told and "restricted_action" in told and report["room"].remedy in told


def test_cosmetic_failures_stop_nothing(workspace: Workspace) -> None:
    """Description, topic, invitations and announcement may fail; the room and its message are there."""
    for method in ("conversations.setTopic", "conversations.invite"):
        workspace.slack.fail_next(method, "user_is_restricted", times=9)
    context = {**workspace.everything, "stakeholder_channel": "#nowhere"}
    report = workspace.run("incident-coordination", {"Activity": context})
    assert report.ok
    failed = {step.name for step in report.steps if step.outcome == "failed"}
    assert failed == {"topic", "call_commander", "call_responders", "announce"}
    assert "| *Checkout is down*" in workspace.told()


def test_some_responders_are_missing(workspace: Workspace) -> None:
    """Where one of the responders cannot be invited, the others come, and the room knows that somebody is missing."""
    report = workspace.run(
        "incident-coordination", {"Activity": {**LEAST, "responders": [workspace.ben.id, "U0NOBODY00"]}}
    )
    assert report.output("call_responders", sr.Invited).invited == (workspace.ben.id,)
    assert "Not all responders could be invited." in workspace.told()


def test_update_without_a_declaration(workspace: Workspace) -> None:
    """For a room made otherwise an update is a message of its own, and announces what nobody has announced before."""
    room = workspace.slack.add_channel("payments-war-room")
    first = workspace.run(
        "status-update", {"Activity": {**LEAST, "slack_channel": room.id, "update": "Half of all payments fail."}}
    )
    second = workspace.run("status-update", first.context, update="All is well.")
    assert first.ok and second.ok
    assert ["Half of all payments fail." in message.text for message in room.messages] == [True, False]
    (announcement,) = workspace.incidents.messages
    assert "All is well." in _text_of(announcement)
    assert ["All is well." in reply.text for reply in announcement.replies] == [True]


def test_end_without_a_declaration(workspace: Workspace) -> None:
    """For a room made otherwise the end is announced by a message of its own."""
    room = workspace.slack.add_channel("payments-war-room")
    report = workspace.run("post-incident", {"Activity": {**LEAST, "slack_channel": room.id}})
    assert report.ok
    (announcement,) = workspace.incidents.messages
    assert announcement.text.startswith(":white_check_mark: *Resolved*: Checkout is down (INC-42)")


def test_status_message_is_gone(workspace: Workspace) -> None:
    """Where somebody deleted the status message, the update is posted all the same."""
    declared = workspace.run("incident-coordination", {"Activity": LEAST})
    workspace.slack.fail_next("chat.update", "message_not_found")
    report = workspace.run("status-update", declared.context, update="Recovering.")
    assert report.ok and report["status"].outcome == "failed"
    assert "Recovering." in workspace.told()


@pytest.mark.parametrize(
    ("name", "words"),
    [("status-update", "The update of INC-42 did not go out"), ("post-incident", "INC-42 is not fully closed")],
)
@pytest.mark.parametrize("commander", [True, False])
def test_what_fails_later_is_told(workspace: Workspace, name: str, words: str, commander: bool) -> None:
    """What fails in an update or at the end is told to the commander, or else to the stakeholders, with the remedy."""
    room = workspace.slack.add_channel("gone", is_archived=True)
    activity = {**LEAST, "slack_channel": room.id, "update": "Recovering.", "announcement_ts": ""}
    people = {"commander": workspace.ana.id} if commander else {}
    report = workspace.run(name, {"Activity": {**activity, **people}})
    assert report.state == "failed"
    told = workspace.told(workspace.slack.direct_message(workspace.ana) if commander else workspace.incidents)
    assert words in told and "is_archived" in told and str(report.stopped_by) in told
    assert (words in workspace.told(workspace.incidents)) is not commander


def test_unknown_name() -> None:
    """A name that is not shipped is refused with the ones that are."""
    with pytest.raises(sr.RunbookError, match="did you mean 'post-incident'") as caught:
        sr.Runbook.shipped("post-incidents")
    assert all(name in str(caught.value) for name in NAMES)


def test_fake_is_not_needed_to_read_them() -> None:
    """Nothing but the package is needed to plan one, and a plan with the least input has no problem."""
    plan = sr.Executor().plan(sr.Runbook.shipped("incident-coordination"), {"Activity": LEAST})
    assert plan.problems == ()
    assert plan["status"].arguments["channel"] == "‹steps.room.channel›"
    assert FakeSlack().calls == []
