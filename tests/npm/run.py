"""Starts the fake workspace, lets the script beside it call it through Slack's client for Node.js, and judges both.

Usage: run.py FOLDER, where FOLDER has the script and its node_modules.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from slackrunbooks.testing import FakeSlack

LEAST = 40


def main(folder: Path) -> None:
    """Run the script and hold what stands in the workspace against what it said."""
    fake = FakeSlack()
    ann = fake.add_user("ann", email="ann@example.com")
    bob = fake.add_user("bob")
    group = fake.add_usergroup("sre", [ann])
    for number in range(12):
        fake.add_channel(f"room-{number}")
    fake.fail_next("chat.postMessage", "ratelimited", retry_after=7, after=5)
    people = {"ann": ann.id, "bob": bob.id, "group": group.id}
    with fake.serve() as server:
        environment = {
            **os.environ,
            "SLACK_URL": server.url,
            "SLACK_TOKEN": server.token,
            "SLACK_NOW": str(int(fake.now)),
            "SLACK_PEOPLE": json.dumps(people),
        }
        told = subprocess.run(
            ["node", "script.mjs"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    if told.returncode != 0:
        sys.exit(f"the script failed:\n{told.stdout}\n{told.stderr}")
    result = json.loads(told.stdout.splitlines()[-1])
    room = fake.channel(result["room"])
    assert result["calls"] >= LEAST, result
    assert len({call.method for call in fake.calls}) >= LEAST, sorted({call.method for call in fake.calls})
    assert not fake.unfired, fake.unfired
    assert (room.name, room.topic, room.purpose, room.is_archived) == ("inc-7-writes", "Down", "Writes fail", True)
    assert room.log[result["ts"]].text == "SEV2"
    assert fake.usergroup("sre").users == [bob.id]
    assert fake.files[-1].content == b"a,b\n1,2\n" and fake.files[-1].is_complete
    assert {canvas.id: canvas.markdown for canvas in fake.canvases}[result["canvas"]] == "# Lessons\n* test it"
    assert {ping.user for ping in fake.notified} == {ann.id, bob.id}
    methods = len({call.method for call in fake.calls})
    print(f"{result['calls']} calls of @slack/web-api, {methods} methods: as documented")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
