"""``slackrunbooks connect`` as a person uses it: a process of its own, a browser, and a folder with the token."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from slack_sdk.oauth.state_store import FileOAuthStateStore

import slackrunbooks as sr
from slackrunbooks import connect
from slackrunbooks.testing import FakeServer, FakeSlack

from .conftest import ROOT, Command

REDIRECT = "https://bot.example/slack/oauth_redirect"
SECRET = "SLACK_CLIENT_SECRET"


@pytest.fixture
def slack() -> FakeSlack:
    """Return a workspace whose app rotates its tokens."""
    slack = FakeSlack()
    slack.app.token_rotation = True
    slack.add_channel("incidents")
    return slack


@pytest.fixture
def server(slack: FakeSlack) -> Iterator[FakeServer]:
    """Serve it over HTTP."""
    with slack.serve() as server:
        yield server


class Person:
    """Somebody at a terminal who runs the command."""

    def __init__(self, slack: FakeSlack, server: FakeServer, store: Path, *arguments: str) -> None:
        self.slack = slack
        environment = {**os.environ, SECRET: slack.app.client_secret, "TMPDIR": str(store.parent)}
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "slackrunbooks", "connect", "--store", str(store), "--client-id",
                slack.app.client_id, "--base-url", server.url, *arguments,
            ],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8",
        )  # fmt: skip
        self.read = ""

    def until(self, pattern: str) -> str:
        """Read what the command says until it says that."""
        assert self.process.stderr is not None
        while not (found := re.search(pattern, self.read)):
            line = self.process.stderr.readline()
            assert line, self.read
            self.read += line
        return found[1]

    def click(self, **click: Any) -> str:
        """Open the address, click, and return where the browser is sent."""
        return self.slack.authorize(self.until(r"(http://\S+/oauth/v2/authorize\S+)"), **click)

    def end(self, text: str | None = None) -> tuple[int, str]:
        """Return the exit code and what was printed; none of it may hold a secret."""
        out, err = self.process.communicate(text, timeout=30)
        said = out + self.read + err
        assert not [secret for secret in self.slack.app.secrets if secret in said]
        assert "Traceback" not in said
        self.read += err
        return self.process.returncode, out


def get(url: str) -> int:
    """Open an address, and return the status of the answer."""
    try:
        with urllib.request.urlopen(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_person_connects_the_app(slack: FakeSlack, server: FakeServer, tmp_path: Path) -> None:
    """The address is opened, the browser comes back through a tunnel, and the folder has a token that works."""
    store = tmp_path / "store"
    person = Person(
        slack, server, store, "status-update", "--scope", "channels:read", "--redirect-url", REDIRECT, "--port", "0"
    )
    sent = urlsplit(person.click())
    port = person.until(r"Waiting on 127\.0\.0\.1:(\d+)")
    assert get(f"http://127.0.0.1:{port}{sent.path}?code=guess&state=guess") == 400
    assert get(f"http://127.0.0.1:{port}{sent.path}?{sent.query}") == 200
    code, out = person.end()
    assert code == 0 and out.startswith(f"Installed in Acme (T0FAKE0001); the token is in {store}.\n  granted: ")
    files = [path for path in store.rglob("*") if path.is_file()]
    assert files and {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    workspaces = sr.Workspaces(
        sr.PrivateFileStore(store),
        client_id=slack.app.client_id,
        client_secret=slack.app.client_secret,
        base_url=server.url,
        clock=slack.clock,
    )
    with workspaces.executor(slack.team_id) as executor:
        executor.do(sr.SendMessage(channel="#incidents", text="Down"))
    slack.assert_posted("incidents", "Down")


def test_a_person_pastes_the_address(slack: FakeSlack, server: FakeServer, tmp_path: Path) -> None:
    """Without a tunnel the address from the browser is enough; what is missing is told, and fails the command."""
    person = Person(slack, server, tmp_path / "store", "incident-coordination", "--paste", "--json")
    sent = person.click(scopes=["chat:write"])
    code, out = person.end(f"{sent}\n")
    told = json.loads(out)
    assert (code, told["team"], told["granted"], told["rotates"]) == (1, "Acme", ["chat:write"], True)
    assert any("channels:manage" in line for line in told["missing"])


def test_what_was_left_out_is_listed(slack: FakeSlack, server: FakeServer, tmp_path: Path) -> None:
    """Each scope with the step that lacks it, and those that were asked for by name."""
    arguments = ("incident-coordination", "--scope", "pins:read", "--paste")
    person = Person(slack, server, tmp_path / "store", *arguments)
    code, out = person.end(f"{person.click(scopes=['chat:write'])}\n")
    assert code == 1
    assert "  missing: channels:manage" in out and "  missing: pins:read, which was asked for\n" in out
    assert out.endswith("scopes are added to those there are.\n")


def test_scopes_come_with_commas_and_with_what_is_known(slack: FakeSlack, server: FakeServer, tmp_path: Path) -> None:
    """As the other commands take them: what a manifest with --settle asks for, this asks for too."""
    arguments = ("status-update", "--settle", "--assume", "private", "--scope", "pins:read, pins:write", "--paste")
    person = Person(slack, server, tmp_path / "store", *arguments)
    sent = person.click()
    asked = set(person.until(r"Asking for: (.*)\n").split())
    assert {"groups:history", "pins:read", "pins:write"} <= asked
    code, out = person.end(f"{sent}\n")
    assert code == 0 and "missing" not in out


@pytest.mark.parametrize("pasted", ["", "https://[x", "no address", "https://bot.example/slack/oauth_redirect"])
def test_what_is_no_address_is_told(slack: FakeSlack, server: FakeServer, tmp_path: Path, pasted: str) -> None:
    """It is not said back, for the code may be in it."""
    person = Person(slack, server, tmp_path / "store", "--scope", "chat:write", "--paste")
    code, out = person.end(f"{pasted}\n")
    assert (code, out) == (2, "") and "That is no address with a query; copy it whole" in person.read


def test_what_the_server_cannot_have_is_named(slack: FakeSlack, server: FakeServer, tmp_path: Path) -> None:
    """A port that is taken, and a certificate that is not there or none."""
    taken = urlsplit(server.url).port
    empty = tmp_path / "empty.pem"
    empty.touch()
    for options, told in (
        (("--port", str(taken)), f"127.0.0.1:{taken}: "),
        (("--port", "0", "--certificate", str(tmp_path / "none.pem")), f"{tmp_path / 'none.pem'}: No such file"),
        (("--port", "0", "--certificate", str(empty)), f"{empty}: "),
    ):
        arguments = ("--scope", "chat:write", "--redirect-url", REDIRECT, *options)
        code, _ = (person := Person(slack, server, tmp_path / "store", *arguments)).end()
        assert code == 2 and f"Error: {told}" in person.read


def test_a_denied_consent_ends_the_command(slack: FakeSlack, server: FakeServer, tmp_path: Path) -> None:
    """It says so and fails, and the folder stays empty."""
    person = Person(slack, server, tmp_path / "store", "--scope", "chat:write", "--paste")
    code, out = person.end(f"{person.click(deny=True)}\n")
    assert (code, out) == (1, "") and "access_denied" in person.read
    assert not (tmp_path / "store").exists()


def test_nobody_comes_back(slack: FakeSlack, server: FakeServer, tmp_path: Path) -> None:
    """The wait has an end."""
    arguments = ("--scope", "chat:write", "--redirect-url", REDIRECT, "--port", "0", "--wait", "0.1s")
    code, _ = (person := Person(slack, server, tmp_path / "store", *arguments)).end()
    assert code == 1 and "nobody came back within 0.1 seconds" in person.read


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "There is nothing to ask for"),
        (("--scope", "chat:write"), "Give --redirect-url the public address"),
        (("--scope", "chat:write", "--redirect-url", "http://localhost:3000/"), "must be an https:// address"),
        (("--scope", "chat:write", "--paste", "--gov", "--base-url", "https://a.example/api/"), "gov or base_url"),
        (("nothing.yaml", "--paste"), "nothing.yaml: no such file"),
        (("--scope", "chat:write", "--paste", "--wait", "10"), "is no length of time"),
    ],
)
def test_what_is_wrong_is_told_before_anybody_is_asked(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    """Each ends with exit code 2 and says what to write."""
    monkeypatch.setenv(SECRET, "s")
    ran = command("connect", "--client-id", "1.2", "--store", tmp_path / "store", *arguments)
    assert ran.code == 2 and told in ran.err and ran.out == ""


def test_the_secret_comes_from_the_environment(command: Command, tmp_path: Path) -> None:
    """There is no option for it, and the variable that lacks it is named."""
    ran = command("connect", "--store", tmp_path, "--scope", "chat:write", "--paste", "--secret-env", "MY_SECRET")
    assert ran.code == 2 and "MY_SECRET holds no Client Secret" in ran.err


# --- the other commands ----------------------------------------------------------------------------------------------

HOME, THERE = "T0FAKE0001", "T0FAKE0002"
TELL = f"""
name: tell
steps:
  - here: {{send_message: {{channel: "#incidents", text: "{{{{title}}}}"}}}}
  - there:
      send_message: {{channel: "#incidents", text: "{{{{title}}}}"}}
      workspace: {THERE}
"""


@attrs.define
class Place:
    """Two workspaces, the folder with their installations, and a runbook that tells both."""

    fakes: dict[str, FakeSlack]
    book: Path
    journal: Path
    options: list[str]

    def texts(self) -> list[list[str]]:
        return [[message.text for message in fake.channel("incidents").messages] for fake in self.fakes.values()]


@pytest.fixture
def place(slack: FakeSlack, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Install the app in both."""
    beta = slack.add_workspace("Beta")
    beta.add_channel("incidents")
    monkeypatch.setenv(SECRET, slack.app.client_secret)
    monkeypatch.setenv("SLACK_CLIENT_ID", slack.app.client_id)
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    monkeypatch.setattr(connect.tempfile, "gettempdir", lambda: str(tmp_path))
    states = FileOAuthStateStore(expiration_seconds=600, base_dir=str(tmp_path / "states"))
    options = {"client_id": slack.app.client_id, "client_secret": slack.app.client_secret, "base_url": server.url}
    store = tmp_path / "store"
    installer = sr.Installer(
        sr.PrivateFileStore(store), states, scopes=["chat:write"], redirect_uri=REDIRECT, **options
    )
    for fake in (slack, beta):
        installer.handle(urlsplit(fake.authorize(installer.begin(fake.team_id).url)).query)
    book = tmp_path / "tell.yaml"
    book.write_text(TELL, encoding="utf-8")
    given = ["--store", str(store), "--base-url", server.url]
    return Place({HOME: slack, THERE: beta}, book, tmp_path / "runs.db", given)


def test_a_run_takes_its_tokens_from_the_folder(command: Command, place: Place) -> None:
    """Also those of the steps in other workspaces; a check, a worker and the doctor do the same."""
    where = [*place.options, "--team", HOME]
    ran = command("check", place.book, "--set", "title=x", *where)
    assert ran.code == 0 and "tell: nothing stands against it." in ran.out
    assert "there in T0FAKE0002: if its answer gets lost" in ran.out
    ran = command("run", place.book, "--set", "title=one", *where)
    assert (ran.code, ran.err) == (0, "") and "there: succeeded in T0FAKE0002" in ran.out
    kept = ["--journal", str(place.journal)]
    ran = command("run", place.book, "--set", "title=two", *where, *kept, "--submit", "--run-id", "r")
    assert (ran.code, place.texts()) == (0, [["one"], ["one"]]), ran
    assert (
        f"slackrunbooks runs resume r --journal {place.journal} {' '.join(place.options[:2])} --team {HOME}\n"
        in ran.out
    )
    # The worker is for the other workspace; the run is at home in this one.
    ran = command("runs", "work", "--once", *place.options, "--team", THERE, *kept)
    assert (ran.code, place.texts()) == (0, [["one", "two"], ["one", "two"]]), ran
    ran = command("doctor", place.book, *where)
    assert ran.code == 0 and "Acme" in ran.out


def test_the_doctor_tells_why_a_token_of_the_folder_does_not_rotate(
    command: Command, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a diagnosis like others, with the way there looked at, and not the end of the command."""
    where = [*place.options, "--team", HOME]
    kept = Path(place.options[1]) / f"none-{HOME}" / "bot-latest"
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "bot_token_expires_at": 1, "bot_refresh_token": "x"}))
    monkeypatch.setenv(SECRET, "another")
    ran = command("doctor", *where)
    assert ran.code == 4 and "✗ token:" in ran.out and "Copy the Client Secret" in ran.out and "✓ base url" in ran.out
    ran = command("doctor", *where[:2], "--base-url", "http://127.0.0.1:9/api/", *where[4:])
    assert ran.code == 5 and "✗ connection" in ran.out


def test_a_worker_without_the_folder_leaves_the_run_alone(
    command: Command, place: Place, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, with what to do, and goes on with the others."""
    kept = ["--journal", str(place.journal)]
    command("run", place.book, "--set", "title=x", *place.options, "--team", HOME, *kept, "--submit", "--run-id", "r")
    monkeypatch.setenv("SLACK_BOT_TOKEN", slack.token)
    ran = command("runs", "work", "--once", *place.options[2:], *kept)
    assert ran.code == 1 and "run 'r' cannot go on" in ran.err and "use --store and --team" in ran.err
    assert place.texts() == [[], []]
    ran = command("run", place.book, "--set", "title=x", *place.options[2:])
    assert ran.code == 2 and "steps.there.workspace" in ran.err and "use --store and --team" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 4, "--team names no one of the installations of"),
        ((), 4, f": {HOME}, {THERE}. Nothing was sent."),
        (("--team", "T9"), 4, "--team T9 is not among the installations of"),
        (("--team", HOME, "--secret-env", "NO_SUCH"), 4, "NO_SUCH holds no secret"),
        (("--team", HOME, "--client-id", ""), 4, "--client-id (or SLACK_CLIENT_ID) names no app"),
        (("--team", HOME, "--gov"), 2, "takes gov or base_url, not both"),
    ],
)
def test_what_the_folder_lacks_is_told(
    command: Command, place: Place, arguments: tuple[str, ...], code: int, told: str
) -> None:
    """Before anything is sent."""
    ran = command("run", place.book, "--set", "title=x", *place.options, *arguments)
    assert (ran.code, ran.out) == (code, "") and told in ran.err
    assert place.texts() == [[], []]


def test_a_folder_of_one_workspace_needs_no_name(command: Command, place: Place, tmp_path: Path) -> None:
    """Where there is no folder, that is told; --team without one is a slip."""
    shutil.rmtree(tmp_path / "store" / f"none-{THERE}")
    ran = command("run", place.book, "--set", "title=x", *place.options)
    assert ran.code == 2 and f"the store has no installation for '{THERE}'" in ran.err
    ran = command("check", place.book, "--set", "title=x", "--store", tmp_path / "no")
    assert ran.code == 2 and "there is no such folder. Make it with: slackrunbooks connect" in ran.err
    ran = command("check", place.book, "--set", "title=x", "--team", HOME)
    assert ran.code == 2 and "--team and --gov go with --store" in ran.err


def test_an_organisation_s_folder_serves_each_of_its_workspaces(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The organisation is known by the folder's names; which workspace, has to be said."""
    home = FakeSlack(enterprise="Umbrella")
    home.add_channel("incidents")
    monkeypatch.setenv(SECRET, home.app.client_secret)
    monkeypatch.setattr(connect.tempfile, "gettempdir", lambda: str(tmp_path))
    states = FileOAuthStateStore(expiration_seconds=600, base_dir=str(tmp_path / "states"))
    book = tmp_path / "room.yaml"
    book.write_text("name: room\nsteps:\n  - room: {create_channel: {name: inc-1}}\n", encoding="utf-8")
    with home.serve() as server:
        options = {"client_id": home.app.client_id, "client_secret": home.app.client_secret, "base_url": server.url}
        store = sr.PrivateFileStore(tmp_path / "store")
        installer = sr.Installer(store, states, scopes=["channels:manage"], redirect_uri=REDIRECT, **options)
        installer.handle(urlsplit(home.authorize(installer.begin().url, for_org=True)).query)
        where = ["--store", str(tmp_path / "store"), "--base-url", server.url, "--client-id", home.app.client_id]
        ran = command("run", book, *where)
        assert ran.code == 4 and "E0FAKE0001 (an organisation)" in ran.err
        ran = command("run", book, *where, "--team", home.team_id)
    assert ran.code == 0, ran
    assert [channel.name for channel in home.channels] == ["incidents", "inc-1"]
