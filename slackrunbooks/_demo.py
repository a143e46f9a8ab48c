"""The demonstration: a real incident, replayed on the fake workspace at the times at which it was published.

Rule of this file: it plays and collects, and tells its progress line by line to a function that it is given. The
incident, its texts and its times are GitHub's; people, teams and channels are made up, for no status page has them.

The sample is two incidents of https://www.githubstatus.com/history, in the form in which a page made with Statuspage
gives them (https://www.githubstatus.com/api#incidents).
"""

from __future__ import annotations

import html
import json
import re
import time
from datetime import datetime, timedelta, timezone
from importlib import resources
from typing import TYPE_CHECKING, Any

import attrs

from ._engine import StepFinished
from .errors import RunbookError
from .runbook import Runbook
from .testing import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._engine import Event
    from .executor import Executor
    from .report import Report

__all__ = ["SAMPLE", "Played", "activity", "load", "play", "readable", "update"]

SAMPLE = "github-status-2024-09-16.json"

# What Statuspage calls an impact, as a severity and the emoji before it.
_SEVERITIES = {
    "critical": ("SEV1", ":red_circle:"),
    "major": ("SEV2", ":large_orange_circle:"),
    "minor": ("SEV3", ":large_yellow_circle:"),
}
_PROMISE = timedelta(minutes=30)
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_LONGEST = 72


@attrs.frozen
class Played:
    """What a replay leaves.

    Attributes:
        incident: ID of the incident.
        reports: A report for each run, in order.
        transcripts: What stands in each conversation, by its name.
        calls: Requests that the fake workspace answered.
        slack_seconds: Seconds from the first run to the last, by the workspace's clock.
        seconds: Seconds that the replay took.
    """

    incident: str
    reports: tuple[Report, ...]
    transcripts: Mapping[str, str]
    calls: int
    slack_seconds: float
    seconds: float

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.slack_seconds), 60)
        return (
            f"{len(self.reports)} runs, {self.calls} calls of Slack, {minutes} min {seconds} s of Slack's time "
            f"in {self.seconds:.2f} s; nothing left this process."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-safe data."""
        return {
            "incident": self.incident,
            "runs": [report.to_dict() for report in self.reports],
            "transcripts": dict(self.transcripts),
            "calls": self.calls,
            "slack_seconds": round(self.slack_seconds, 3),
            "seconds": round(self.seconds, 3),
        }


@attrs.frozen
class _People:
    """Who is in the made-up workspace, by user ID and group ID."""

    commander: str
    commander_name: str
    responders: list[str]
    teams: list[str]


def load() -> dict[str, Any]:
    """Return the sample: a status page with its incidents."""
    text = (resources.files("slackrunbooks") / "data" / SAMPLE).read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def readable(body: str) -> str:
    r"""Turn what a status page publishes, which is HTML, into plain text.

    Args:
        body: ``body`` of an update.

    >>> readable("Up to 2% fail.<br /><br />We  are on it &amp; watch.")
    'Up to 2% fail.\n\nWe are on it & watch.'
    """
    text = html.unescape(_TAG.sub("", _LINE_BREAK.sub("\n", body)))
    return "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()


def activity(incident: Mapping[str, Any], page: Mapping[str, Any]) -> dict[str, Any]:
    """Say what a status page knows of an incident in the words of the shipped runbooks.

    Args:
        incident: An incident of Statuspage.
        page: Its page.
    """
    severity, emoji = _SEVERITIES.get(str(incident["impact"]), ("", ":large_blue_circle:"))
    started = _time(incident["started_at"])
    services = ", ".join(component["name"] for component in incident["components"])
    return {
        "id": incident["id"],
        "title": incident["name"],
        "severity": severity,
        "severity_emoji": emoji,
        "status": "investigating",
        "services": services,
        "impact": f"{incident['impact']}, by the status page",
        "started_at": f"{started:%Y-%m-%d} {_clock(started)}",
        "url": incident["shortlink"],
        "dashboards": [{"name": f"{page['name']} status page", "url": page["url"]}],
    }


def update(entry: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Say what a published update changes.

    Args:
        entry: An update of Statuspage.
        before: What was known before, as :func:`activity` gives it.
    """
    at = _time(entry["created_at"])
    ended = entry["status"] == "resolved"
    return {
        "update": readable(entry["body"]),
        "status": entry["status"],
        "topic_is_current": entry["status"] == before["status"],
        "updated_at": _clock(at),
        "next_update": "" if ended else _clock(at + _PROMISE),
    }


def play(incident_id: str | None, say: Callable[[str], None]) -> Played:
    """Replay an incident: coordination at its start, an update for each that was published, the end at its end.

    Args:
        incident_id: ID of an incident of the sample; ``None`` is the first.
        say: Is told the progress, line by line.

    Returns:
        What it leaves.

    Raises:
        RunbookError: The sample has no such incident.
        StepFailed: A run failed.
    """
    began = time.perf_counter()
    data = load()
    incident = _chosen(data["incidents"], incident_id)
    # A page lists the latest first.
    updates = sorted(incident["incident_updates"], key=lambda entry: str(entry["created_at"]))
    started, ended = _time(incident["started_at"]), _time(incident["resolved_at"])
    slack = FakeSlack(start=started)
    people = _assemble(slack, incident)
    known = {**activity(incident, data["page"]), **attrs.asdict(people), "next_update": _clock(started + _PROMISE)}
    known["actions"] = _actions(known, done=False)

    say(f"{data['page']['name']}, {started:%Y-%m-%d}: {incident['name']} (impact: {incident['impact']})")
    say(f"{incident['shortlink']}, replayed on a fake Slack; people, teams and channels are made up.")

    def tell(event: Event) -> None:
        if isinstance(event, StepFinished) and event.report.outcome != "skipped":
            calls = ", ".join(event.report.calls)
            say(f"  ✓ {event.report.name:<18} {calls}" if event.report.ok else f"  {event.report}")

    reports: list[Report] = []
    with slack.executor(hooks=[tell]) as executor:
        stage = _Stage(slack, executor, say, reports)
        context: Mapping[str, Any] = stage.run("incident-coordination", started, {"Activity": known})
        for entry in updates:
            before = context["Activity"]
            new = {**before, **update(entry, before)}
            new["actions"] = _actions(new, done=new["status"] == "resolved")
            context = stage.run("status-update", _time(entry["created_at"]), {"Activity": new})
        closing = {**context["Activity"], **_closing(context["Activity"], started, ended)}
        stage.run("post-incident", ended, {"Activity": closing})
    return Played(
        incident=incident["id"],
        reports=tuple(reports),
        transcripts={channel.name: slack.transcript(channel.id) for channel in slack.channels},
        calls=len(slack.calls),
        slack_seconds=slack.now - started.timestamp(),
        seconds=time.perf_counter() - began,
    )


@attrs.frozen
class _Stage:
    """Where the runs happen: the workspace, its executor, and where to tell and to collect."""

    slack: FakeSlack
    executor: Executor
    say: Callable[[str], None]
    reports: list[Report]

    def run(self, name: str, at: datetime, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let time pass, run a shipped runbook, and return the context that it hands on."""
        self.slack.advance(max(0.0, at.timestamp() - self.slack.now))
        known = context["Activity"]
        news = " ".join(str(known["update"]).split()) if name == "status-update" else ""
        shown = f": {news[:_LONGEST].rstrip()}…" if len(news) > _LONGEST else f": {news}" if news else ""
        self.say(f"\n{at:%H:%M:%S} {name}{shown}")
        report = self.executor.run(Runbook.shipped(name), context, actor="demo")
        self.reports.append(report)
        report.raise_for_failure()
        return report.context


def _chosen(incidents: list[dict[str, Any]], incident_id: str | None) -> dict[str, Any]:
    for incident in incidents:
        if incident_id in (None, incident["id"]):
            return incident
    known = ", ".join(f"{incident['id']} ({incident['name']})" for incident in incidents)
    raise RunbookError(f"the sample has no incident {incident_id!r}; there are {known}.")


def _assemble(slack: FakeSlack, incident: Mapping[str, Any]) -> _People:
    ana, ben, chidi = (slack.add_user(name) for name in ("ana", "ben", "chidi"))
    slack.add_channel("incidents", members=[ana, ben, chidi, slack.add_user("dora"), slack.add_user("emil")])
    handles = [f"{component['name'].lower()}-oncall" for component in incident["components"]] or ["oncall"]
    groups = [slack.add_usergroup(handle, [ben, chidi]) for handle in handles]
    return _People(ana.id, ana.name, [ben.id, chidi.id], [group.id for group in groups])


def _actions(known: Mapping[str, Any], *, done: bool) -> list[dict[str, Any]]:
    """Return what somebody has to do in every incident; what GitHub did is in the updates."""
    return [
        {"text": "Keep the status page current", "owner": "ben", "done": done},
        {"text": f"Watch {known['services'] or 'the service'} recover", "owner": "chidi", "done": done},
    ]


def _closing(known: Mapping[str, Any], started: datetime, ended: datetime) -> dict[str, Any]:
    retrospective = (ended + timedelta(days=3)).replace(hour=15, minute=0)
    return {
        "resolution": known["update"],
        "topic_is_current": known["status"] == "resolved",
        "resolved_at": f"{ended:%Y-%m-%d} {_clock(ended)}",
        "duration": f"{round((ended - started).total_seconds() / 60)} minutes",
        "action_items": [{"text": "Collect the timeline from this room", "owner": "ben"}],
        "retrospective": f"{retrospective:%Y-%m-%d %H:%M} UTC",
        "archive": True,
    }


def _time(text: str) -> datetime:
    # Before Python 3.11 fromisoformat does not read the "Z".
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


def _clock(at: datetime) -> str:
    return f"{at:%H:%M} UTC"
