"""A bot that may die at any moment: a webhook writes runs down, a worker does them, and nothing is done twice.

The webhook answers at once, because it only writes. The worker sweeps what is due, is killed in the middle of a run,
and another one goes on: reminders every half hour until somebody says that it is over, then the end, told once.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

FOLLOW = sr.Runbook(
    "follow-incident",
    {
        "room": sr.Step(sr.CreateChannel(name="inc-{{id}}"), save_as={"room": "channel"}),
        "announce": sr.SendMessage(channel="#incidents", text="{{title}}: join <#{{room}}>"),
        "remind": sr.Step(
            sr.SendMessage(channel="{{room}}", text="How does it look?"),
            after="30m",
            every="30m",
            until="signals.resolved",
        ),
        "end": sr.SendMessage(channel="#incidents", text="{{title}}: resolved by {{signals.resolved.by}}"),
    },
)


def webhook(executor: sr.Executor, incident: dict[str, str]) -> str:
    """Take an event; it may come twice."""
    return executor.submit(FOLLOW, incident, run_id=f"{incident['id']}/follow", subject=incident["id"])


class Killed(BaseException):
    """Stands in for kill -9."""


def dies_after(step: str) -> sr.Hook:
    """Make a hook that ends the process when a step has ended."""

    def hook(event: sr.Event) -> None:
        if isinstance(event, sr.StepFinished) and event.report.name == step:
            raise Killed

    return hook


def main() -> None:
    """Play two hours of an incident in a moment, on the fake workspace."""
    slack = FakeSlack()
    slack.add_channel("incidents")
    with tempfile.TemporaryDirectory() as folder, sr.SqliteJournal(Path(folder) / "runs.db") as journal:
        incident = {"id": "42", "title": "Writes fail"}
        with slack.executor(journal=journal) as bot:
            assert webhook(bot, incident) == webhook(bot, incident)

        with slack.executor(journal=journal, hooks=[dies_after("room")]) as first:
            try:
                first.resume_all()
            except Killed:
                print("The first worker is gone; the room is there, and nobody was told.")

        with slack.executor(journal=journal) as second:
            for minute in range(120):
                if minute == 100:
                    second.signal("42/follow", "resolved", {"by": "Ada"})
                for report in second.resume_all():
                    if report.state != "waiting":
                        print(report)
                slack.advance(60)
    print(slack.transcript())
    assert [message.text for message in slack.channel("incidents").messages][1:] == ["Writes fail: resolved by Ada"]


if __name__ == "__main__":
    main()
