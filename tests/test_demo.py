"""The demonstration: a real incident told as it was published, at the times at which it was."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks import _demo

SAMPLE = _demo.load()
INCIDENTS: dict[str, dict[str, Any]] = {incident["id"]: incident for incident in SAMPLE["incidents"]}


@pytest.fixture(scope="module", params=INCIDENTS)
def replay(request: pytest.FixtureRequest) -> tuple[dict[str, Any], _demo.Played, list[str]]:
    """Each incident of the sample with what its replay leaves and the lines it told."""
    lines: list[str] = []
    return INCIDENTS[request.param], _demo.play(request.param, lines.append), lines


def _published(incident: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(incident["incident_updates"], key=lambda entry: entry["created_at"])


def _second(text: str) -> str:
    return f"{datetime.fromisoformat(text.replace('Z', '+00:00')):%Y-%m-%d %H:%M:%SZ}"


def test_a_run_for_each_update(replay: tuple[dict[str, Any], _demo.Played, list[str]]) -> None:
    """It is coordinated at its start, updated as often as updates were published, and closed at its end."""
    incident, played, _ = replay
    runs = [report.runbook for report in played.reports]
    assert runs == ["incident-coordination", *["status-update"] * len(_published(incident)), "post-incident"]
    assert all(report.ok for report in played.reports)
    assert not [step for report in played.reports for step in report.steps if not step.ok]
    assert played.reports[0].steps[0].started == datetime.fromisoformat(incident["started_at"].replace("Z", "+00:00"))


def test_updates_stand_at_their_times(replay: tuple[dict[str, Any], _demo.Played, list[str]]) -> None:
    """Each published update stands in the room and in #incidents, as text, at the second at which it was published."""
    incident, played, _ = replay
    for name in (f"inc-{incident['id']}", "incidents"):
        told = played.transcripts[name]
        for entry in _published(incident):
            first_line = _demo.readable(entry["body"]).splitlines()[0]
            lines = [line for line in told.splitlines() if line.strip().startswith(_second(entry["created_at"]))]
            assert any(f"*{entry['status']}*" in line for line in lines)
            assert f"          {first_line}" in told.splitlines()
        assert "<br" not in told and "&lt;" not in told


def test_transcripts_of_every_conversation(replay: tuple[dict[str, Any], _demo.Played, list[str]]) -> None:
    """There is a transcript of the stakeholders' channel, of the room and of the commander's direct message."""
    incident, played, _ = replay
    assert list(played.transcripts) == ["incidents", f"inc-{incident['id']}", "ana"]
    assert f"*{incident['name']}*" in played.transcripts["incidents"]
    assert f"description: {incident['name']} [{incident['id']}]" in played.transcripts[f"inc-{incident['id']}"]
    assert played.transcripts[f"inc-{incident['id']}"].startswith(f"#inc-{incident['id']} (public, archived)\n")
    assert "@ana, @ben, @chidi" in played.transcripts[f"inc-{incident['id']}"]


def test_progress(replay: tuple[dict[str, Any], _demo.Played, list[str]]) -> None:
    """The progress names the incident, each run with its time, and each step that did something with its calls."""
    incident, played, lines = replay
    assert lines[0] == f"GitHub, 2024-09-16: {incident['name']} (impact: {incident['impact']})"
    heads = [line.strip() for line in lines if line.startswith("\n")]
    assert len(heads) == len(played.reports)
    assert heads[0] == f"{_second(incident['started_at'])[11:19]} incident-coordination"
    first = _published(incident)[0]
    assert heads[1].startswith(f"{_second(first['created_at'])[11:19]} status-update: {first['body'][:40]}")
    done = [step for report in played.reports for step in report.steps if step.outcome != "skipped"]
    assert [line.split()[1] for line in lines if line.startswith("  ✓")] == [step.name for step in done]
    assert all(len(line) <= 120 for line in lines)


def test_last_line(replay: tuple[dict[str, Any], _demo.Played, list[str]]) -> None:
    """The closing line says how many calls it took, how long by Slack's clock and really, and that nothing left."""
    incident, played, _ = replay
    assert played.calls == sum(len(step.calls) for report in played.reports for step in report.steps)
    length = datetime.fromisoformat(incident["resolved_at"][:-1]) - datetime.fromisoformat(incident["started_at"][:-1])
    assert played.slack_seconds == pytest.approx(length.total_seconds(), abs=0.001)
    assert played.seconds < 2
    assert str(played).startswith(f"{len(played.reports)} runs, {played.calls} calls of Slack, ")
    assert str(played).endswith("nothing left this process.")


def test_json(replay: tuple[dict[str, Any], _demo.Played, list[str]]) -> None:
    """Everything it leaves is JSON-safe."""
    _, played, _ = replay
    data = json.loads(json.dumps(played.to_dict()))
    assert [run["ok"] for run in data["runs"]] == [True] * len(played.reports)
    assert data["transcripts"] == dict(played.transcripts) and data["calls"] == played.calls


def test_first_is_the_default() -> None:
    """Left to itself it replays the first incident of the sample."""
    assert _demo.play(None, lambda line: None).incident == SAMPLE["incidents"][0]["id"]


def test_unknown_incident() -> None:
    """An incident that is not in the sample is refused with those that are."""
    with pytest.raises(sr.RunbookError, match="no incident 'x'; there are 69sb0f8lydp4 .* r3x7x31k7nn1"):
        _demo.play("x", lambda line: None)


def test_failing_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails is told with its error, and a run that fails ends the replay."""

    class Refusing(_demo.FakeSlack):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.fail_next("conversations.create", "restricted_action")

    monkeypatch.setattr(_demo, "FakeSlack", Refusing)
    lines: list[str] = []
    with pytest.raises(sr.StepFailed, match="Step 'room' failed"):
        _demo.play(None, lines.append)
    assert any(line.startswith("  ✗ room: failed (Slack refused conversations.create") for line in lines)


@pytest.mark.parametrize(
    ("impact", "severity"),
    [("critical", "SEV1"), ("major", "SEV2"), ("minor", "SEV3"), ("none", ""), ("maintenance", "")],
)
def test_severity(impact: str, severity: str) -> None:
    """What Statuspage calls an impact becomes a severity, where it means one."""
    incident = {**SAMPLE["incidents"][0], "impact": impact}
    assert _demo.activity(incident, SAMPLE["page"])["severity"] == severity


def test_activity() -> None:
    """Title, services, link and start of a Statuspage incident go where the shipped runbooks look for them."""
    activity = _demo.activity(SAMPLE["incidents"][0], SAMPLE["page"])
    assert activity["title"] == "Incident with Pages and Actions"
    assert activity["services"] == "Actions, Pages"
    assert activity["url"] == "https://stspg.io/mc6sr407p78b"
    assert activity["started_at"] == "2024-09-16 21:31 UTC"
    runbook = sr.Runbook.shipped("incident-coordination")
    known = {path.removeprefix("Activity.") for path in runbook.inputs or {}}
    assert set(activity) - known == {"impact"}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("One.<br /><br />Two.", "One.\n\nTwo."),
        ("One.<BR>Two.<br/>Three.", "One.\nTwo.\nThree."),
        ("Up to 2%  of  <b>Git</b> &lt;SSH&gt; &amp; more", "Up to 2% of Git <SSH> & more"),
        ("errors < 5 % and > 2 %", "errors < 5 % and > 2 %"),
        (" plain ", "plain"),
    ],
)
def test_readable(body: str, text: str) -> None:
    """The HTML of a status page becomes plain text with its line breaks."""
    assert _demo.readable(body) == text


@pytest.mark.parametrize(("status", "promised"), [("investigating", "22:00 UTC"), ("resolved", "")])
def test_update(status: str, promised: str) -> None:
    """An update says what changed, when, and when the next one comes; after the end none does."""
    entry = {"status": status, "body": "News.", "created_at": "2024-09-16T21:30:59.999Z"}
    changed = _demo.update(entry, {"status": "investigating"})
    assert changed == {
        "update": "News.",
        "status": status,
        "topic_is_current": status == "investigating",
        "updated_at": "21:30 UTC",
        "next_update": promised,
    }
