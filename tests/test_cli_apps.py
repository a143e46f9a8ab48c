"""The commands about the app: scopes held against a token, the manifest, and what runs have exercised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import slackrunbooks as sr
from slackrunbooks.cli import Exit
from slackrunbooks.testing import FakeSlack

if TYPE_CHECKING:
    from .conftest import Command

SHIPPED = ("incident-coordination", "status-update", "post-incident")
OLD = {
    "display_information": {"name": "Old"},
    "features": {"bot_user": {"display_name": "old"}},
    "oauth_config": {"scopes": {"bot": ["chat:write", "im:write"]}},
    "settings": {"socket_mode_enabled": True},
}


@pytest.fixture
def say(tmp_path: Path) -> Path:
    """A runbook of one step, whose scopes depend on the run."""
    path = tmp_path / "say.yaml"
    path.write_text('name: say\nsteps:\n  - say:\n      send_direct_message: {users: "{{who}}", text: hello}\n')
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The manifest of an app as it is."""
    path = tmp_path / "old.json"
    path.write_text(json.dumps(OLD))
    return path


# --- scopes ----------------------------------------------------------------------------------------------------------


def test_scopes_against_those_of_a_token(command: Command) -> None:
    """The four scopes of the starting document: what is missing, what is unused, and code 1."""
    ran = command("scopes", *SHIPPED, "--granted", "channels:manage chat:write,groups:write, im:write")
    assert ran.code == Exit.FAILED
    assert ran.out.splitlines()[:2] == [
        "granted: channels:manage chat:write groups:write im:write",
        "to add: bookmarks:write canvases:write channels:read files:write pins:write reactions:read reactions:write",
    ]
    assert "unused: im:write" in ran.out
    good = " ".join(sr.required_scopes(*map(sr.Runbook.shipped, SHIPPED)).requested)
    ran = command("scopes", *SHIPPED, "--granted", good, "--json")
    assert (ran.code, ran.data["ok"], ran.data["unused"]) == (Exit.OK, True, [])


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ([], "say: chat:write"),
        (["--settle"], "say: chat:write im:history"),
        (["--settle", "--assume", "mpim"], "say: chat:write mpim:history"),
        (["--every-condition"], "say: chat:write mpim:write users:read.email"),
    ],
)
def test_scopes_with_what_is_known_of_the_run(command: Command, say: Path, options: list[str], first: str) -> None:
    """Look-ups, types and conditions are options; scopes that come along are told at the end."""
    lines = command("scopes", say, *options).out.splitlines()
    assert lines[0] == first
    assert ("to be requested along with them: users:read" in lines) is ("users:read.email" in first)


def test_scopes_as_markdown(command: Command, say: Path) -> None:
    """The table of the library, and nothing else; it goes with no other form."""
    out = command("scopes", say, "--markdown").out
    assert out == sr.required_scopes(sr.Runbook.from_yaml(say)).to_markdown()
    for other in (["--json"], ["--granted", "chat:write"]):
        assert command("scopes", say, "--markdown", *other).code == Exit.USAGE


# --- manifest --------------------------------------------------------------------------------------------------------


def test_manifest(command: Command, say: Path) -> None:
    """The manifest is what the library makes, in YAML or JSON."""
    options: list[str] = [
        "--name", "Bot", "--redirect-url", "https://example.com/x", "--token-rotation", "--no-org-deploy",
        "--socket-mode", "--also", "commands", "--description", "x", "--bot-name", "b",
    ]  # fmt: skip
    made = sr.app_manifest(
        sr.Runbook.from_yaml(say), name="Bot", redirect_urls=["https://example.com/x"], token_rotation=True,
        org_deploy=False, socket_mode=True, also=["commands"], description="x", bot_name="b",
    )  # fmt: skip
    ran = command("manifest", say, *options)
    assert (ran.code, ran.out) == (Exit.OK, made.to_yaml())
    assert command("manifest", say, *options, "--json").data == made.to_dict()


def test_manifest_against_an_existing_one(command: Command, say: Path, old: Path) -> None:
    """A difference is told and ends with code 1; the merged manifest has none but what it may keep."""
    ran = command("manifest", say, "--against", old, "--every-condition", "--org-deploy")
    assert (ran.code, ran.out.splitlines()) == (
        Exit.FAILED,
        [
            "+ scope mpim:write",
            "+ scope users:read",
            "+ scope users:read.email",
            "- scope im:write, which no runbook needs",
            "! settings.org_deploy_enabled: nothing, should be true",
        ],
    )
    data = command("manifest", say, "--against", old, "--json").data
    assert (data["ok"], data["missing_scopes"], data["unused_scopes"]) == (False, [], ["im:write"])
    merged = command("manifest", say, "--against", old, "--merge", "--without", "im:write", "--json")
    assert merged.code == Exit.OK
    assert merged.data == {**OLD, "oauth_config": {"scopes": {"bot": ["chat:write"]}}}
    old.write_text(json.dumps(merged.data))
    same = command("manifest", say, "--against", old)
    assert (same.code, same.out) == (Exit.OK, "no difference\n")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "--name is missing"),
        (["--name", "x", "--merge"], "--merge goes with --against"),
        (["--against", "nowhere.json"], "nowhere.json: No such file"),
        (["--name", "x" * 36], "display_information.name: has 36 characters; Slack takes 35."),
        (["--name", "x", "--token-rotation"], "needs at least one redirect URL"),
    ],
)
def test_a_manifest_that_cannot_be(command: Command, say: Path, options: list[Any], told: str) -> None:
    """What is wrong ends with code 2 and says what to do."""
    ran = command("manifest", say, *options)
    assert ran.code == Exit.USAGE and told in ran.err
    assert ran.out == ""


# --- usage -----------------------------------------------------------------------------------------------------------


def test_usage(command: Command, tmp_path: Path) -> None:
    """What the runs of a journal have exercised is told without a token; --last leaves out what is older."""
    fake = FakeSlack(scopes=["chat:write", "pins:write"])
    fake.add_channel("incidents")
    file = tmp_path / "runs.db"
    with sr.SqliteJournal(file) as journal, fake.executor(journal=journal) as executor:
        executor.do(sr.SendMessage(channel="#incidents", text="x"), key="k")
        expected = sr.scope_usage(journal)
    ran = command("runs", "usage", "--journal", file)
    assert (ran.code, ran.out) == (Exit.OK, f"{expected}\n")
    assert "granted and not exercised: pins:write" in ran.out
    assert command("runs", "usage", "--journal", file, "--json").data == expected.to_dict()
    # The fake workspace's runs are from the beginning of 2026.
    assert command("runs", "usage", "--journal", file, "--last", "1s", "--json").data["scopes"] == []
