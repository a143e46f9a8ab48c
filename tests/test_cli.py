"""The command line: what it prints, what it sends, and what its exit codes say."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import slackrunbooks as sr
from slackrunbooks.__main__ import main as entry
from slackrunbooks.cli import Exit
from slackrunbooks.testing import FakeSlack

if TYPE_CHECKING:
    from slackrunbooks.testing import FakeServer

    from .conftest import Command, RunPython

ROOT = Path(__file__).parents[1]
TOKEN_ENV = "SLACK_BOT_TOKEN"
ACTIVITY = {"id": "INC-42", "title": "Checkout is down", "severity": "SEV1"}

SAY = """\
name: say
inputs:
  Activity.id: text
  Activity.note: {type: any, default: ""}
  Activity.count: {type: number, default: 0}
  Activity.loud: {type: flag, default: false}
  Activity.people: {type: list, default: []}
  Activity.due: {type: time, default: null}
steps:
  - say:
      send_message: {channel: "#incidents", text: "{{Activity.id}}: {{Activity.note}}"}
      save_as: {Activity.ts: ts}
"""


@pytest.fixture
def slack() -> FakeSlack:
    """A workspace with the channel that the runbooks announce in."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    return fake


@pytest.fixture
def server(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """The workspace behind a real HTTP server, its token in the environment."""
    with slack.serve() as served:
        monkeypatch.setenv(TOKEN_ENV, served.token)
        yield served


@pytest.fixture
def say(tmp_path: Path) -> Path:
    """A runbook of one step."""
    path = tmp_path / "say.yaml"
    path.write_text(SAY)
    return path


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """The least that the shipped runbooks need to declare an incident."""
    path = tmp_path / "incident.json"
    path.write_text(json.dumps({"Activity": ACTIVITY}))
    return path


# --- run -------------------------------------------------------------------------------------------------------------


def test_run_over_http(command: Command, slack: FakeSlack, server: FakeServer, context: Path) -> None:
    """A shipped runbook runs over real HTTP with the token of the environment, and each step is told."""
    ran = command("run", "incident-coordination", "--context", context, "--base-url", server.url, "--run-id", "r1")
    assert (ran.code, ran.err) == (Exit.OK, "")
    lines = ran.out.splitlines()
    assert lines[0] == "  ✓ room: succeeded"
    assert lines[-1] == "incident-coordination (r1): succeeded"
    assert "Checkout is down" in slack.transcript("inc-inc-42")
    assert server.connections == 1


def test_run_with_json(command: Command, server: FakeServer, context: Path) -> None:
    """With --json the report is all that is printed, with run ID, actor and reason."""
    ran = command(
        "run", "incident-coordination", "--context", context, "--base-url", server.url, "--json",
        "--run-id", "r1", "--actor", "ana", "--reason", "paged",
    )  # fmt: skip
    assert ran.code == Exit.OK
    assert (ran.data["run_id"], ran.data["actor"], ran.data["reason"], ran.data["ok"]) == ("r1", "ana", "paged", True)
    assert ran.data["context"]["Activity"]["slack_channel"].startswith("C")


def test_context_is_handed_on(
    command: Command, slack: FakeSlack, server: FakeServer, context: Path, tmp_path: Path
) -> None:
    """--save-context leaves what --context of the next runbook takes, from beginning to end."""
    kept = tmp_path / "kept.json"
    url = ("--base-url", server.url, "--save-context", kept)
    assert command("run", "incident-coordination", "--context", context, *url).code == Exit.OK
    news = ("--set", "Activity.update=Recovering.")
    assert command("run", "status-update", "--context", kept, *news, *url).code == Exit.OK
    assert command("run", "post-incident", "--context", kept, "--set", "Activity.archive=true", *url).code == Exit.OK
    assert slack.channel("inc-inc-42").is_archived
    assert json.loads(kept.read_text())["Activity"]["update"] == "Recovering."
    assert sorted(path.name for path in tmp_path.iterdir()) == ["incident.json", "kept.json"]


def test_context_is_handed_on_after_a_failure(
    command: Command, slack: FakeSlack, server: FakeServer, context: Path, tmp_path: Path
) -> None:
    """What a run that failed has made is in the context that it leaves."""
    slack.fail_next("chat.postMessage", "restricted_action")
    kept = tmp_path / "kept.json"
    ran = command(
        "run", "incident-coordination", "--context", context, "--base-url", server.url, "--save-context", kept
    )
    assert ran.code == Exit.FAILED
    assert json.loads(kept.read_text())["Activity"]["slack_channel"].startswith("C")


def test_nowhere_to_save(command: Command, slack: FakeSlack, server: FakeServer, say: Path, tmp_path: Path) -> None:
    """A place that cannot be written to is refused before the run, not after it."""
    ran = command("run", say, "--base-url", server.url, "--save-context", tmp_path / "no" / "kept.json")
    assert ran.code == Exit.USAGE and "cannot be written to" in ran.err
    assert slack.calls == []


@pytest.mark.parametrize(("before", "code"), [(None, Exit.FAILED), ("lost", Exit.AMBIGUOUS)])
def test_context_cannot_be_saved_afterwards(
    command: Command, slack: FakeSlack, server: FakeServer, say: Path, tmp_path: Path, before: str | None, code: Exit
) -> None:
    """Where the context cannot be saved after the run, that is told, and a worse code of the run itself stays."""
    if before:
        _lost(slack)
    (tmp_path / "kept").mkdir()
    arguments = ("--set", "Activity.id=INC-42", "--base-url", server.url)
    ran = command("run", say, *arguments, "--save-context", tmp_path / "kept")
    assert ran.code == code and "the context was not saved: " in ran.err
    assert "say: " in ran.out


def _refused(slack: FakeSlack) -> None:
    slack.fail_next("chat.postMessage", "restricted_action")


def _lost(slack: FakeSlack) -> None:
    # A token that may not read the channel, so that nobody can look what became of the message.
    slack.scopes = {"chat:write"}
    slack.lose_reply("chat.postMessage")


def _revoked(slack: FakeSlack) -> None:
    slack.fail_next("chat.postMessage", "token_revoked")


@pytest.mark.parametrize(
    ("before", "code", "words"),
    [
        (_refused, Exit.FAILED, "✗ say: failed (Slack refused chat.postMessage: restricted_action."),
        (_lost, Exit.AMBIGUOUS, "? say: ambiguous (Step 'say': chat.postMessage was sent, but its answer was lost"),
        (_revoked, Exit.TOKEN, "✗ say: failed (Slack refused chat.postMessage: token_revoked."),
    ],
)
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_run_that_does_not_succeed(
    command: Command,
    slack: FakeSlack,
    server: FakeServer,
    say: Path,
    before: Callable[[FakeSlack], None],
    code: Exit,
    words: str,
    as_json: bool,
) -> None:
    """The exit code tells a refusal, a lost answer and a bad token apart, and the step is told with its remedy."""
    before(slack)
    flags = ("--json",) if as_json else ()
    ran = command("run", say, "--set", "Activity.id=INC-42", "--base-url", server.url, *flags)
    assert ran.code == code
    if as_json:
        step = ran.data["steps"][0]
        assert ran.data["ok"] is False
        assert f"{step['name']}: {step['outcome']} ({step['error']['message']}".startswith(words[2:])
    else:
        assert words in ran.out


def test_wrong_token(command: Command, server: FakeServer, say: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that Slack does not take ends with code 4 and is not repeated."""
    monkeypatch.setenv("OTHER", "xoxb-not-the-one")
    arguments = ("--set", "Activity.id=INC-42", "--base-url", server.url, "--token-env", "OTHER")
    for name in ("run", "check"):
        ran = command(name, say, *arguments)
        assert ran.code == Exit.TOKEN and "invalid_auth" in ran.out
        assert "not-the-one" not in ran.out + ran.err


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize("name", ["run", "check"])
def test_no_token(command: Command, say: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, name: str) -> None:
    """Without a token a command ends with code 4 and names the variable."""
    if value is not None:
        monkeypatch.setenv("BOT", value)
    ran = command(name, say, "--set", "Activity.id=INC-42", "--token-env", "BOT")
    assert ran.code == Exit.TOKEN
    assert "The environment variable BOT holds no token." in ran.err and "Nothing was sent." in ran.err


def test_token_that_no_header_carries(command: Command, say: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token with a line break in it is refused without being shown."""
    monkeypatch.setenv(TOKEN_ENV, "quiet\nplease")
    ran = command("run", say, "--set", "Activity.id=INC-42")
    assert ran.code == Exit.TOKEN and "a line break" in ran.err
    assert "quiet" not in ran.err and "please" not in ran.err


@pytest.mark.parametrize("given", ["xoxb-1-secret", "XOXP-1-secret", "xapp-1-secret", "a b", ""])
def test_token_in_place_of_its_name(command: Command, say: Path, given: str) -> None:
    """A token given on the command line is refused and not repeated."""
    ran = command("run", say, "--set", "Activity.id=INC-42", "--token-env", given)
    assert ran.code == Exit.USAGE
    assert "never a token" in ran.err and "secret" not in ran.err


@pytest.mark.parametrize("name", ["run", "check"])
def test_unreachable(command: Command, say: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Where nobody listens a command ends with code 5."""
    monkeypatch.setenv(TOKEN_ENV, "xoxb-fake")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    ran = command(name, say, "--set", "Activity.id=INC-42", "--base-url", url, "--max-wait", "0")
    assert ran.code == Exit.NETWORK
    assert "could not reach Slack" in ran.out


@pytest.mark.parametrize("url", ["slack.com/api/", "ftp://slack.com/", "https:///api"])
def test_bad_base_url(command: Command, say: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A base URL that is none is refused before anything is sent."""
    monkeypatch.setenv(TOKEN_ENV, "xoxb-fake")
    ran = command("run", say, "--set", "Activity.id=INC-42", "--base-url", url)
    assert ran.code == Exit.USAGE and "--base-url takes a URL" in ran.err


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_wrong_context_sends_nothing(
    command: Command, slack: FakeSlack, server: FakeServer, say: Path, as_json: bool
) -> None:
    """What is known to be wrong is refused with code 2 and all its problems, and nothing is sent."""
    ran = command("run", say, "--base-url", server.url, *(("--json",) if as_json else ()))
    assert ran.code == Exit.USAGE
    assert "the context has no 'Activity.id'" in ran.err and "nothing was sent to Slack" in ran.err
    assert slack.calls == []
    if as_json:
        assert ran.data["ok"] is False and "Activity.id" in ran.data["problems"][0]
    else:
        assert ran.out == ""


def test_note_of_a_run(command: Command, say: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a report notes besides is printed below it."""
    report = sr.Report("r1", "say", "succeeded", (), notes=("The context was ignored.",))
    monkeypatch.setenv(TOKEN_ENV, "xoxb-fake")
    monkeypatch.setattr(sr.Executor, "run", lambda *_, **__: report)
    assert (
        command("run", say, "--set", "Activity.id=1").out == "say (r1): succeeded\n  note: The context was ignored.\n"
    )


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_interrupted(
    command: Command,
    server: FakeServer,
    context: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    as_json: bool,
) -> None:
    """Ctrl-C during a request ends with code 130, a truthful report, and the context as far as it came."""
    from slackrunbooks import client

    real = client.send

    def send(opened: Any, call: Any) -> Any:
        delivery = real(opened, call)
        if call.method == "chat.postMessage":
            raise KeyboardInterrupt
        return delivery

    monkeypatch.setattr(client, "send", send)
    kept = tmp_path / "kept.json"
    flags = ("--json",) if as_json else ()
    ran = command(
        "run", "incident-coordination", "--context", context, "--base-url", server.url, "--save-context", kept, *flags
    )
    assert ran.code == Exit.INTERRUPTED
    if as_json:
        outcomes = {step["name"]: step["outcome"] for step in ran.data["steps"]}
        assert (outcomes["room"], outcomes["status"], outcomes["announce"]) == ("succeeded", "ambiguous", "cancelled")
    else:
        assert "✓ room: succeeded" in ran.out and "? status: ambiguous" in ran.out
        assert "■ announce: cancelled" in ran.out
    assert json.loads(kept.read_text())["Activity"]["slack_channel"].startswith("C")


def test_interrupted_before_it_began(command: Command, say: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before the first request says that no run began."""

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv(TOKEN_ENV, "xoxb-fake")
    monkeypatch.setattr(sr.Executor, "run", interrupt)
    ran = command("run", say, "--set", "Activity.id=INC-42")
    assert (ran.code, ran.err) == (Exit.INTERRUPTED, "Error: Interrupted before the run began.\n")


def test_interrupted_elsewhere(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in any other command ends with code 130 and one word."""

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("slackrunbooks._demo.play", interrupt)
    ran = command("demo")
    assert (ran.code, ran.err.strip()) == (Exit.INTERRUPTED, "Interrupted.")


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C alone there")
def test_interrupted_by_a_signal(slack: FakeSlack, server: FakeServer, say: Path) -> None:
    """A real SIGINT while an answer is awaited ends the process with code 130 and the step as ambiguous."""
    slack.inject("chat.postMessage", "timeout_after")
    process = subprocess.Popen(
        [sys.executable, "-m", "slackrunbooks", "run", say, "--set", "Activity.id=INC-42", "--base-url", server.url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
    )
    patience = time.monotonic() + 30
    while not slack.calls_to("chat.postMessage") and time.monotonic() < patience and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == Exit.INTERRUPTED, err
    assert "? say: ambiguous" in out and "Traceback" not in err


# --- files and contexts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("context.json", '{"Activity": {"id": "INC-42", "note": "a & b 😀"}}'),
        ("context.yaml", "Activity:\n  id: INC-42\n  note: a & b 😀\n"),
        ("context", '{"Activity": {"id": "INC-42", "note": "a & b \\ud83d\\ude00"}}'),
        ("-", '{"Activity": {"id": "INC-42", "note": "a & b 😀"}}'),
        ("-", "Activity:\n  id: INC-42\n  note: a & b 😀\n"),
    ],
)
def test_sources_of_a_context(command: Command, say: Path, tmp_path: Path, source: str, text: str) -> None:
    """A context is JSON or YAML, in a file or on standard input."""
    if source == "-":
        ran = command("plan", say, "--context", "-", "--json", stdin=text)
    else:
        path = tmp_path / source
        path.write_text(text, encoding="utf-8")
        ran = command("plan", say, "--context", path, "--json")
    assert ran.code == Exit.OK
    assert ran.data["steps"][0]["arguments"]["text"] == "INC-42: a &amp; b 😀"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("bad.json", '{"Activity": ', "bad.json is not JSON: Expecting value: line 1"),
        ("bad.yaml", "Activity: {id: {{x}}}", "bad.yaml, line 1"),
        ("list.json", "[1]", "list.json must hold a mapping, such as {Activity: {id: …}}, not list."),
        ("empty.yaml", "", "empty.yaml must hold a mapping, such as {Activity: {id: …}}, not NoneType."),
    ],
)
def test_bad_context(command: Command, say: Path, tmp_path: Path, name: str, text: str, words: str) -> None:
    """A context that cannot be read ends with code 2, the file's name and the place."""
    (tmp_path / name).write_text(text)
    ran = command("plan", say, "--context", tmp_path / name)
    assert ran.code == Exit.USAGE and words in ran.err


def test_bad_context_on_standard_input(command: Command, say: Path) -> None:
    """What comes on standard input is named so in the message."""
    ran = command("plan", say, "--context", "-", stdin="[1]")
    assert ran.code == Exit.USAGE and "standard input must hold a mapping" in ran.err


def test_missing_files(command: Command, say: Path, tmp_path: Path) -> None:
    """A runbook or a context that is not there is named, and the shipped runbooks with it."""
    ran = command("plan", "status-updates")
    assert ran.code == Exit.USAGE
    assert "status-updates: no such file" in ran.err and "incident-coordination, post-incident, status-up" in ran.err
    ran = command("plan", say, "--context", tmp_path / "none.json")
    assert ran.code == Exit.USAGE and "none.json: No such file or directory." in ran.err


def test_bad_runbook(command: Command, tmp_path: Path) -> None:
    """A runbook that is wrong ends with code 2, its file and line."""
    path = tmp_path / "wrong.yaml"
    path.write_text("name: wrong\nsteps:\n  - say:\n      send_mesage: {channel: C1, text: x}\n")
    for name in ("plan", "check", "run", "scopes"):
        ran = command(name, path)
        assert ran.code == Exit.USAGE
        assert "wrong.yaml, line 4" in ran.err and "send_message" in ran.err


def test_shipped_name_wins_over_a_file(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a shipped runbook is always that runbook; a file of that name is reached as ./NAME."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "status-update").write_text(SAY)
    assert command("scopes", "status-update").out.startswith("status-update: ")
    assert command("scopes", "./status-update").out.startswith("say: ")


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("Activity.id=42", "42"),
        ("Activity.id=true", "true"),
        ("Activity.id=a=b", "a=b"),
        ("Activity.id=", ""),
        ("Activity.note=SEV1", "SEV1"),
        ("Activity.note=0042", "0042"),
        ("Activity.note=1503435956.000247", "1503435956.000247"),
        ("Activity.note=true", True),
        ("Activity.note=null", None),
        ('Activity.note="true"', "true"),
        ('Activity.other=["a", 1]', ["a", 1]),
        ('Activity.other={"a": 1}', {"a": 1}),
        ("Activity.count=42", 42),
        ("Activity.count=4.2", 4.2),
        ("Activity.loud=true", True),
        ('Activity.people=["U1"]', ["U1"]),
        ("Activity.due=2024-09-16T21:31:00Z", "2024-09-16T21:31:00+00:00"),
        ("Activity.other.deep=x", "x"),
    ],
)
def test_set(command: Command, server: FakeServer, say: Path, assignment: str, value: object) -> None:
    """--set reads a value by the type of its input, and elsewhere takes for JSON only what cannot be meant as text."""
    ran = command("run", say, "--set", "Activity.id=x", "--set", assignment, "--base-url", server.url, "--json")
    assert ran.code == Exit.OK, ran.err
    found = ran.data["context"]
    for segment in assignment.partition("=")[0].split("."):
        found = found[segment]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("Activity.id", "--set Activity.id: write it as PATH=VALUE"),
        ("=secret", "--set : write it as PATH=VALUE"),
        ("Activity..id=secret", "--set Activity..id: write it as PATH=VALUE"),
        ("Activity.count=secret", "--set Activity.count: it is of type number, and the value is not JSON"),
        ("Activity.people=secret", "--set Activity.people: it is of type list, and the value is not JSON"),
        ("Activity.note=[secret", "--set Activity.note: it is of type any, and the value is not JSON"),
        ("Activity.due=secret", "--set Activity.due: write the time as 2024-09-16T21:31:00Z."),
        ("Activity.id.x=secret", "--set Activity.id.x: Activity.id is no mapping; set it as a whole."),
    ],
)
def test_bad_set(command: Command, say: Path, assignment: str, words: str) -> None:
    """An assignment that cannot be read ends with code 2, and its value is not repeated."""
    ran = command("plan", say, "--set", "Activity.id=INC-42", "--set", assignment)
    assert ran.code == Exit.USAGE
    assert words in ran.err and "secret" not in ran.err


def test_value_of_the_wrong_type(command: Command, say: Path) -> None:
    """A value that is JSON of another type than its input is a problem of the plan."""
    ran = command("plan", say, "--set", "Activity.id=INC-42", "--set", "Activity.loud=1")
    assert ran.code == Exit.FAILED
    assert "inputs.Activity.loud: must be true or false" in ran.out


# --- plan, check, scopes ---------------------------------------------------------------------------------------------


def test_plan(command: Command, context: Path) -> None:
    """A plan shows each step with its filled arguments and its calls, and needs no token."""
    ran = command("plan", "incident-coordination", "--context", context)
    assert ran.code == Exit.OK
    assert "text: SEV1 · investigating: Checkout is down (INC-42)" in ran.out
    assert "calls conversations.create, conversations.setPurpose" in ran.out
    assert "call_responders: invite_to_channel (skipped: Activity.responders is not set)" in ran.out


def test_plan_with_problems(command: Command) -> None:
    """Problems of a plan, those of the context as a whole among them, are printed, and end with code 1."""
    ran = command("plan", "status-update", "--set", "Activity.id=INC-42", "--set", "Activity.title=Down")
    assert ran.code == Exit.FAILED
    assert "✗ inputs.Activity.slack_channel: the context has no 'Activity.slack_channel'" in ran.out
    ran = command("plan", "status-update", "--set", "Activity.id=INC-42", "--set", "Activity.title=Down", "--json")
    assert ran.code == Exit.FAILED and ran.data["ok"] is False
    assert any("inputs.Activity.update" in problem for problem in ran.data["problems"])


def test_check(command: Command, slack: FakeSlack, server: FakeServer, context: Path) -> None:
    """A check only reads, each thing once, and ends with code 0 where nothing stands against a run."""
    ran = command("check", "incident-coordination", "--context", context, "--base-url", server.url)
    assert (ran.code, ran.out) == (Exit.OK, "incident-coordination: nothing stands against it.\n")
    assert [call.method for call in slack.calls] == ["auth.test", "conversations.list"]


def test_check_with_problems(command: Command, slack: FakeSlack, server: FakeServer, context: Path) -> None:
    """A check tells which scope which step lacks, and ends with code 1."""
    slack.scopes = {"chat:write"}
    ran = command("check", "incident-coordination", "--context", context, "--base-url", server.url)
    assert ran.code == Exit.FAILED and "steps.room: the token lacks channels:manage" in ran.out
    ran = command("check", "incident-coordination", "--context", context, "--base-url", server.url, "--json")
    assert ran.code == Exit.FAILED and ran.data["scopes"]["granted"] == ["chat:write"]
    assert "takes the scope channels:read" in ran.data["unseen"]["steps.announce.channel"]


def test_check_without_a_token(command: Command, say: Path) -> None:
    """--offline looks at the runbook and the context only."""
    assert command("check", say, "--set", "Activity.id=INC-42", "--offline").code == Exit.OK
    ran = command("check", say, "--offline", "--json")
    assert ran.code == Exit.FAILED and ran.data["scopes"]["granted"] is None
    assert "inputs.Activity.id" in str(ran.data["problems"])


def test_check_with_a_wrong_token_and_a_wrong_context(
    command: Command, server: FakeServer, say: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not only the token is wrong, a check ends with code 1."""
    monkeypatch.setenv(TOKEN_ENV, "xoxb-other")
    assert command("check", say, "--base-url", server.url).code == Exit.FAILED


def test_scopes(command: Command, say: Path) -> None:
    """Scopes come with the steps that need them, and those for some cases only with the case."""
    ran = command("scopes", say)
    assert ran.code == Exit.OK
    assert ran.out.splitlines() == [
        "say: chat:write",
        "  chat:write",
        "      say: to post the message",
        "  sometimes chat:write.public, if the channel is public and the app is not a member of it: say",
    ]


def test_scopes_of_several(command: Command, say: Path) -> None:
    """Of several runbooks the scopes of all together are told as well, and no scope is told twice for one case."""
    ran = command("scopes", say, "incident-coordination")
    assert ran.out.splitlines()[-1] == (
        "all of them: bookmarks:write channels:manage channels:read chat:write pins:write"
    )
    assert ran.out.count("sometimes users:read.email") == 1
    assert "sometimes groups:write, if the conversation is no public channel: room" in ran.out


def test_scopes_as_json(command: Command, say: Path) -> None:
    """As JSON the scopes, their reasons and their conditions are data."""
    data = command("scopes", say, "--json").data
    assert data["scopes"] == ["chat:write"]
    assert data["runbooks"]["say"]["why"] == {"chat:write": ["say: to post the message"]}
    assert data["runbooks"]["say"]["sometimes"][0]["scopes"] == ["chat:write.public"]


# --- demo ------------------------------------------------------------------------------------------------------------


def test_demo(command: Command) -> None:
    """The demo tells its progress, then each conversation, then what it took."""
    ran = command("demo")
    assert ran.code == Exit.OK
    lines = ran.out.splitlines()
    assert lines[0].startswith("GitHub, 2024-09-16: Incident with Pages and Actions")
    heads = [line for line in lines if line.startswith(("#", "@"))]
    assert heads == ["#incidents (public)", "#inc-69sb0f8lydp4 (public, archived)", "@ana (direct message)"]
    assert lines[-1].endswith("nothing left this process.")


def test_demo_quietly(command: Command) -> None:
    """--quiet leaves the transcripts and the last line."""
    lines = command("demo", "--quiet", "--incident", "r3x7x31k7nn1").out.splitlines()
    assert lines[1] == "#incidents (public)"
    assert not [line for line in lines if line.startswith("  ✓")]


def test_demo_as_json(command: Command) -> None:
    """--json prints the reports and the transcripts and nothing else."""
    data = command("demo", "--json").data
    assert len(data["runs"]) == 8 and "incidents" in data["transcripts"]


def test_demo_of_an_unknown_incident(command: Command) -> None:
    """An incident that the sample does not have ends with code 2 and those that it has."""
    ran = command("demo", "--incident", "x")
    assert ran.code == Exit.USAGE and "r3x7x31k7nn1 (Disruption with Git SSH)" in ran.err


def test_demo_that_fails(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails ends the demo with the code of its error."""

    def fail(*_: Any) -> None:
        raise sr.StepFailed("room", sr.SlackError("restricted_action", method="conversations.create"))

    monkeypatch.setattr("slackrunbooks._demo.play", fail)
    ran = command("demo")
    assert ran.code == Exit.FAILED and "Step 'room' failed" in ran.err


# --- the command itself ----------------------------------------------------------------------------------------------


def test_help(command: Command) -> None:
    """The help names the commands and the exit codes."""
    ran = command("--help")
    assert ran.code == Exit.OK
    for word in ("check", "demo", "plan", "run", "scopes", "an answer was lost"):
        assert word in ran.out
    for code in Exit:
        assert f"  {code.value:<4} " in ran.out


@pytest.mark.parametrize("name", ["check", "demo", "plan", "run", "scopes"])
def test_help_of_a_command(command: Command, name: str) -> None:
    """Each command explains each of its options."""
    ran = command(name, "--help")
    assert ran.code == Exit.OK and ran.out.startswith("Usage: slackrunbooks ")


@pytest.mark.parametrize("arguments", [("runn",), ("run",), ("run", "x", "--nope"), ("scopes",)])
def test_wrong_usage(command: Command, arguments: tuple[str, ...]) -> None:
    """A wrong command line ends with code 2 and points to the help."""
    ran = command(*arguments)
    assert ran.code == Exit.USAGE and "--help" in ran.err


def test_version(command: Command) -> None:
    """The version is the package's."""
    assert command("--version").out == f"slackrunbooks, version {sr.__version__}\n"


def test_as_a_module(run_python: RunPython) -> None:
    """``python -m slackrunbooks`` is the same command, and needs neither a token nor a warning."""
    result = run_python("-W", "error", "-m", "slackrunbooks", "demo")
    assert (result.returncode, result.stderr) == (0, "")
    assert "✓ room" in result.stdout and "nothing left this process." in result.stdout


def test_terminal_without_the_marks(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an old terminal cannot show becomes a question mark, and ends nothing."""
    seen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(seen, encoding="cp1252"))
    assert command("demo").code == Exit.OK
    assert b"  ? room " in seen.getvalue() and b"SEV2 \xb7 resolved" in seen.getvalue()


def test_output_of_an_embedder(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Output that is no file but an object of the program around it will do."""
    monkeypatch.setattr(sys, "stdout", seen := io.StringIO())
    assert command("--version").code == Exit.OK
    assert seen.getvalue().startswith("slackrunbooks, version ")


def test_help_is_quick(run_python: RunPython) -> None:
    """The help loads neither slack_sdk nor requests, PyYAML, chevron or asyncio."""
    heavy = ("slack_sdk", "requests", "yaml", "chevron", "asyncio", "slackrunbooks.runbook")
    source = (
        "import sys; from slackrunbooks.cli import main; main(['run', '--help']); "
        f"print('loaded', [name for name in {heavy!r} if name in sys.modules])"
    )
    result = run_python("-c", source, COVERAGE_PROCESS_CONFIG="")
    assert result.stdout.endswith("loaded []\n"), result.stdout + result.stderr


def test_without_click(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without click there is one line that says what to install, and code 2."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert entry() == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert "pip install 'slackrunbooks[cli]'" in captured.err


def test_entry(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The installed command reads the arguments of its process and returns the exit code."""
    monkeypatch.setattr(sys, "argv", ["slackrunbooks", "scopes", "nope"])
    assert entry() == Exit.USAGE
    assert "nope: no such file" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break differently there")
def test_reader_that_goes_away(say: Path, slack: FakeSlack, server: FakeServer) -> None:
    """A closed pipe neither stops the run nor changes its exit code, and no traceback is printed."""
    read, write = os.pipe()
    os.close(read)
    try:
        process = subprocess.run(
            [
                sys.executable,
                "-m",
                "slackrunbooks",
                "run",
                say,
                "--set",
                "Activity.id=INC-42",
                "--base-url",
                server.url,
            ],
            cwd=ROOT,
            stdout=write,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert (process.returncode, process.stderr) == (0, "")
    assert slack.channel("incidents").messages[-1].text == "INC-42: "


OWN_STEPS = """
import slackrunbooks as sr

@sr.register(name="cli_on_call", repeat="reads")
def cli_on_call(team: str) -> dict[str, str]:
    return {"user": "U0" + team.upper()}
"""


@pytest.fixture
def own_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runbook with a step of the host's, and the module that registers it, in the current folder."""
    import slackrunbooks as sr

    (tmp_path / "cli_steps.py").write_text(OWN_STEPS)
    (tmp_path / "cli_broken.py").write_text("1 / 0")
    path = tmp_path / "own.yaml"
    path.write_text(
        "steps:\n"
        '  - who: {cli_on_call: {team: "{{team}}"}}\n'
        '  - tell: {send_message: {channel: "#incidents", text: "<@{{steps.who.user}}>"}}\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield path
    sys.modules.pop("cli_steps", None)
    with contextlib.suppress(sr.RunbookError):
        sr.unregister("cli_on_call")


def test_own_steps_are_imported_by_name(command: Command, server: FakeServer, own_steps: Path) -> None:
    """With ``--import`` every command that reads a runbook knows the host's steps; without, it says what is unknown."""
    without = command("plan", own_steps, "--set", "team=db")
    assert without.code == Exit.USAGE and "cli_on_call: is neither an action nor a step option" in without.err
    ran = command("run", own_steps, "--import", "cli_steps", "--set", "team=db", "--base-url", server.url)
    assert ran.code == Exit.OK
    assert command("plan", own_steps, "--import", "cli_steps", "--set", "team=db").code == Exit.OK
    assert "chat:write" in command("scopes", own_steps, "--import", "cli_steps").out


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("nowhere", "--import nowhere: there is no module 'nowhere' here or among the installed"),
        ("cli_broken", "--import cli_broken: ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_imported_is_named(command: Command, own_steps: Path, module: str, says: str) -> None:
    """A missing and a broken module end the command with a message, and nothing was sent."""
    ran = command("plan", own_steps, "--import", module)
    assert ran.code == Exit.USAGE and says in ran.err
