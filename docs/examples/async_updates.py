"""An asyncio program that keeps one status message up to date and threads each update below it."""

from __future__ import annotations

import asyncio

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

STATUS = [
    {"type": "header", "text": {"type": "plain_text", "text": "{{id}}: {{title}}"}},
    {"type": "section", "fields": [
        {"type": "mrkdwn", "text": "*Status*\n{{status}}"},
        {"type": "mrkdwn", "text": "*Since*\n{{since}}"},
    ]},
]  # fmt: skip


async def update(executor: sr.AsyncExecutor, message: sr.MessageSent, incident: dict[str, str], note: str) -> None:
    """Change the status message, then tell the news in its thread."""
    await executor.do(sr.UpdateMessage(channel=message, ts=message.ts, blocks=STATUS), incident)
    await executor.do(
        sr.SendMessage(channel=message, thread_ts=message.ts, text="*{{status}}*: {{note}}"), {**incident, "note": note}
    )


async def main() -> None:
    """Go through an incident from its first message to its last."""
    slack = FakeSlack()
    slack.add_channel("incidents")
    incident = {"id": "INC-42", "title": "Checkout & cart are down", "status": "investigating", "since": "21:31 UTC"}
    async with slack.async_executor() as executor:
        message = await executor.do(sr.SendMessage(channel="#incidents", blocks=STATUS), incident)
        incident["status"] = "monitoring"
        await update(executor, message, incident, "A bad deploy was rolled back; error rates fall.")
        incident["status"] = "resolved"
        await update(executor, message, incident, "No errors for 30 minutes.")
    print(slack.transcript("incidents"))


if __name__ == "__main__":
    asyncio.run(main())
