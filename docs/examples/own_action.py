"""An action of your own: the steps a runbook can take do not end with the library's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import attrs

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack


@attrs.frozen
class Reacted:
    """What the action gives back: later steps read ``{{steps.NAME.ts}}``."""

    channel: str
    ts: str


@attrs.frozen(kw_only=True)
class AddReaction(sr.Action[Reacted]):
    """Add an emoji to a message. A second run finds it there already."""

    output: ClassVar[type[Any]] = Reacted

    channel: str
    ts: str
    name: str

    def needs(self) -> Iterator[sr.Need]:
        """Say which method is called, so that scopes can be worked out."""
        yield sr.Need("reactions.add", "add the reaction")

    def flow(self) -> sr.Flow[Reacted]:
        """Describe the request; the executor sends it."""
        arguments = {"channel": self.channel, "timestamp": self.ts, "name": self.name}
        try:
            yield sr.Call("reactions.add", arguments, repeat=sr.Repeat.GUARDED)
        except sr.SlackError as error:
            if error.code != "already_reacted":
                raise
        return Reacted(channel=self.channel, ts=self.ts)


RUNBOOK = sr.Runbook(
    "ask",
    {
        "ask": sr.SendMessage(channel="#incidents", text="Is {{service}} back? :eyes:"),
        "mark": AddReaction(channel="{{steps.ask.channel}}", ts="{{steps.ask.ts}}", name="eyes"),
        "again": AddReaction(channel="{{steps.ask.channel}}", ts="{{steps.ask.ts}}", name="eyes"),
    },
)


def main() -> None:
    """Run it on the fake workspace."""
    slack = FakeSlack()
    slack.add_channel("incidents")
    print(sr.required_scopes(RUNBOOK).minimal)
    with slack.executor() as executor:
        report = executor.run(RUNBOOK, {"service": "checkout"})
    report.raise_for_failure()
    print(report)


if __name__ == "__main__":
    main()
