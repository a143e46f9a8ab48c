"""A webhook receiver that declares an incident in Slack: the library inside a program.

It takes a PagerDuty event, fills a runbook with it, looks before it leaps, runs it, and hands the channel on. Without
SLACK_BOT_TOKEN it talks to the fake workspace, so that you can run it as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

DECLARE = sr.Runbook(
    "declare-incident",
    {
        "room": sr.Step(
            sr.CreateChannel(
                name="inc-{{Activity.id}}",
                description="{{Activity.title}}",
                topic="{{Activity.severity}} · {{Activity.service}}",
                if_taken="adopt",
                marker="{{Activity.id}}",
            ),
            save_as={"Activity.slack_channel": "channel"},
        ),
        "assemble": sr.Step(
            sr.InviteToChannel(channel="{{steps.room.channel}}", users="{{Activity.responders}}"),
            when={"Activity.responders": {"exists": True}},
            on_error="continue",
        ),
        "announce": sr.Step(
            sr.SendMessage(
                channel="#incidents",
                text="*{{Activity.severity}}* <{{Activity.url}}|{{Activity.title}}>: join <#{{steps.room.channel}}>",
            ),
            when={"Activity.severity": ["P1", "P2"]},
            on_error="continue",
        ),
        "apologise": sr.Step(
            sr.SendMessage(
                channel="#incidents",
                text="{{Activity.id}} was not declared: {{error.step}}, {{error.code}}. {{error.remedy}}",
            ),
            run_if="failure",
        ),
    },
)

EVENT = {
    "event": {
        "event_type": "incident.triggered",
        "data": {
            "id": "PGR0VU2",
            "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "title": "API Gateway: 5xx error rate <spike> to 15% on /api/v1/orders & <!channel>",
            "service": {"summary": "API Gateway (Production)"},
            "priority": {"summary": "P1"},
        },
    }
}


def to_context(event: Mapping[str, Any], responders: list[str]) -> dict[str, Any]:
    """Turn a PagerDuty v3 event into what the runbook's templates name."""
    data = event["event"]["data"]
    return {
        "Activity": {
            "id": data["id"],
            "title": data["title"],
            "url": data["html_url"],
            "service": data["service"]["summary"],
            "severity": (data.get("priority") or {}).get("summary", "P3"),
            "responders": responders,
        }
    }


def declare(executor: sr.Executor, event: Mapping[str, Any], responders: list[str]) -> str:
    """Declare the incident and return the ID of its channel. A webhook that is delivered twice declares once."""
    context = to_context(event, responders)
    executor.check(DECLARE, context).raise_for_problems()
    report = executor.run(
        DECLARE, context, run_id=f"{context['Activity']['id']}/declare", actor="pagerduty", reason="webhook"
    )
    report.raise_for_failure()
    return report.output("room", sr.ChannelCreated).channel


def main() -> None:
    """Receive the same event twice."""
    if "SLACK_BOT_TOKEN" in os.environ:
        with sr.Executor() as executor:
            print(declare(executor, EVENT, responders=[]))
        return
    slack = FakeSlack()
    slack.add_channel("incidents")
    people = [slack.add_user(name).id for name in ("ada", "grace")]
    with slack.executor() as executor:
        channel = declare(executor, EVENT, people)
        assert declare(executor, EVENT, people) == channel
    print(slack.transcript())


if __name__ == "__main__":
    main()
