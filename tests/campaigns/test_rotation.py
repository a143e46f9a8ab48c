"""A campaign of processes that rotate one token at one moment: everybody goes on, and nothing is lost or left invalid.

Run it by hand: ``python tests/campaigns/test_rotation.py --rounds 200``. One fake Slack is served over HTTP. In each
round the token in the store is about to end, and all processes ask for it at one instant, as processes that have just
started do. Afterwards each has made its request, its token and what the store holds must be good, and the refresh token
in the store must buy another one. ``--machines`` takes the lock between the processes away, as on two machines;
``--grace`` is for how long Slack takes a used refresh token. ``--control`` does the same with slack_sdk's own
``TokenRotator``, and must fail. It ends with 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from slack_sdk import WebClient
from slack_sdk.oauth.installation_store import FileInstallationStore
from slack_sdk.oauth.installation_store.sqlite3 import SQLite3InstallationStore
from slack_sdk.oauth.token_rotation import TokenRotator

import slackrunbooks as sr
from slackrunbooks import connect
from slackrunbooks.testing import FakeSlack

HALF_DAY = 43_200
TEAM = "T0FAKE0001"
AHEAD = 0.03
"""Seconds by which a round is announced, so that all begin together."""


def store_of(kind: str, folder: str, client_id: str) -> Any:
    """Open a store by its kind."""
    if kind == "private":
        return sr.PrivateFileStore(folder)
    if kind == "file":
        return FileInstallationStore(base_dir=folder)
    return SQLite3InstallationStore(database=f"{folder}/store.db", client_id=client_id)


# --- one of the processes --------------------------------------------------------------------------------------------


def work(setting: dict[str, Any]) -> None:
    """Ask for the token at each moment that standard input names, and tell how it went."""
    store = store_of(setting["store"], setting["folder"], setting["client_id"])
    app = {name: setting[name] for name in ("client_id", "client_secret")}
    if setting["machines"]:
        connect._alone = lambda name: contextlib.nullcontext(False)  # type: ignore[assignment]
    for line in sys.stdin:
        at = float(line)
        while time.time() < at:
            pass
        try:
            told = _rotated(store, app, setting["url"]) if setting["control"] else _asked(store, app, setting["url"])
        except Exception as error:  # noqa: BLE001 - the round tells
            told = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _asked(store: Any, app: dict[str, str], url: str) -> dict[str, Any]:
    workspaces = sr.Workspaces(store, base_url=url, **app)
    with workspaces.client(TEAM) as client:
        client.auth_test()
        return {"token": client._source.current()}


def _rotated(store: Any, app: dict[str, str], url: str) -> dict[str, Any]:
    bot = store.find_bot(enterprise_id=None, team_id=TEAM)
    rotated = TokenRotator(**app, client=WebClient(base_url=url)).perform_bot_token_rotation(bot=bot)
    if rotated is not None:
        store.save_bot(rotated)
        bot = rotated
    WebClient(bot.bot_token, base_url=url).auth_test()
    return {"token": bot.bot_token}


# --- the campaign ----------------------------------------------------------------------------------------------------


def campaign(
    rounds: int,
    *,
    processes: int = 2,
    store: str = "private",
    machines: bool = False,
    grace: float = 0.0,
    control: bool = False,
    wrong: list[str] | None = None,
) -> Counter[str]:
    """Run rounds, and count what came of them."""
    slack = FakeSlack(start=time.time())
    slack.app.token_rotation = True
    slack.app.grace_seconds = grace
    tally: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, slack.serve() as server, contextlib.ExitStack() as stack:
        app = {"client_id": slack.app.client_id, "client_secret": slack.app.client_secret}
        kept = store_of(store, folder, slack.app.client_id)
        states = _States()
        installer = sr.Installer(kept, states, scopes=["chat:write"], base_url=server.url, **app)
        setting = {
            **app, "url": server.url, "folder": folder, "store": store, "machines": machines, "control": control,
        }  # fmt: skip
        workers = [stack.enter_context(_process(setting)) for _ in range(processes)]
        _install(slack, installer)
        for number in range(rounds):
            _age(kept)
            asked = len(slack.calls_to("oauth.v2.access"))
            at = time.time() + AHEAD
            for worker in workers:
                worker.stdin.write(f"{at}\n")
                worker.stdin.flush()
            told = [json.loads(worker.stdout.readline()) for worker in workers]
            refreshes = slack.calls_to("oauth.v2.access")[asked:]
            tally["rounds"] += 1
            tally["refreshes"] += len(refreshes)
            tally["refused refreshes"] += sum(call.error is not None for call in refreshes)
            tally["rounds in which several asked"] += len(refreshes) > 1
            faults = _judged(slack, kept, told, tally)
            if faults and wrong is not None:
                wrong += [f"round {number}: {fault}" for fault in faults]
            if faults:
                # So that the next round begins well again, as after a person has installed the app anew.
                _install(slack, installer)
    return tally


class _States:
    def issue(self) -> str:
        return "state"

    def consume(self, state: str) -> bool:
        return state == "state"


def _install(slack: FakeSlack, installer: sr.Installer) -> None:
    installer.handle(slack.authorize(installer.begin().url).partition("?")[2])


def _age(store: Any) -> None:
    """Let what the store holds end in a minute, as far as its readers know."""
    bot = store.find_bot(enterprise_id=None, team_id=TEAM)
    bot.bot_token_expires_at = int(time.time()) + 60
    # Two rows of slack_sdk's SQLite store within one second are told apart by their order.
    store.save_bot(bot)


def _judged(slack: FakeSlack, store: Any, told: list[dict[str, Any]], tally: Counter[str]) -> list[str]:
    """Say what is wrong after a round: with a process, with its token, and with what the store holds."""
    faults = [answer["error"] for answer in told if "error" in answer]
    tally["processes that failed"] += len(faults)
    for answer in told:
        token = slack.app.issued(answer.get("token", ""))
        if "error" not in answer and (token is None or not token.is_good(slack.now)):
            faults.append("a process holds a token that Slack takes no more")
            tally["invalid tokens"] += 1
    try:
        bot = store.find_bot(enterprise_id=None, team_id=TEAM)
    except ValueError as error:
        bot = None
        faults.append(f"the store is broken: {type(error).__name__}")
    for name in ("bot_token", "bot_refresh_token"):
        held = slack.app.issued(getattr(bot, name, None) or "")
        if held is None or not held.is_good(slack.now) or held.revoked_at is not None:
            faults.append(f"the store's {name} is not good")
            tally["lost in the store"] += 1
    return faults


@contextlib.contextmanager
def _process(setting: dict[str, Any]) -> Any:
    process = subprocess.Popen(
        [sys.executable, __file__, "--work", json.dumps(setting)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "TMPDIR": setting["folder"]},
    )
    try:
        yield process
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


BAD = ("processes that failed", "invalid tokens", "lost in the store")


@pytest.mark.parametrize("store", ["private", "file", "sqlite"])
@pytest.mark.parametrize(("machines", "grace"), [(False, 0.0), (True, 0.0), (True, 30.0)])
@pytest.mark.usefixtures("stores_that_close")
def test_nobody_is_left_without_a_token(store: str, machines: bool, grace: float) -> None:
    """A hundred rounds for each store, with a lock and without, in the harshest reading of the grace period and not."""
    if machines and store == "file":
        pytest.skip("slack_sdk's file store empties a file before it writes: it is for one machine")
    wrong: list[str] = []
    tally = campaign(100, store=store, machines=machines, grace=grace, wrong=wrong)
    assert wrong == []
    assert tally["refreshes"] >= 100 and (machines or tally["refreshes"] == 100)


@pytest.mark.usefixtures("stores_that_close")
def test_slack_sdks_own_rotator_loses() -> None:
    """The control."""
    tally = campaign(30, control=True)
    assert sum(tally[name] for name in BAD) > 5


def main() -> int:
    """Run the campaign by hand and print its table."""
    parser = argparse.ArgumentParser(description="A campaign of processes that rotate one token at one moment.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--store", choices=["private", "file", "sqlite"], default="private")
    parser.add_argument("--machines", action="store_true", help="no lock between the processes")
    parser.add_argument("--grace", type=float, default=0.0, help="seconds for which a used refresh token is good")
    parser.add_argument("--control", action="store_true", help="slack_sdk's TokenRotator instead")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(json.loads(given.work))
        return 0
    wrong: list[str] = []
    tally = campaign(
        given.rounds,
        processes=given.processes,
        store=given.store,
        machines=given.machines,
        grace=given.grace,
        control=given.control,
        wrong=wrong,
    )
    names = ["rounds", "refreshes", "rounds in which several asked", "refused refreshes", *BAD]
    sys.stdout.write("\n".join([f"{name:32}{tally[name]:7}" for name in names] + wrong[:10]) + "\n")
    return int(any(tally[name] for name in BAD))


if __name__ == "__main__":
    sys.exit(main())
