"""The commands ``slackrunbooks runs``: what a person sees of the runs of a journal, and what the next command does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.cli import Exit
from slackrunbooks.cli._runs import _age
from slackrunbooks.journal import RunRecord, encode
from slackrunbooks.testing import FakeSlack

if TYPE_CHECKING:
    from slackrunbooks.testing import FakeServer

    from .conftest import Command, Ran

ROOT = Path(__file__).parents[1]
TOKEN_ENV = "SLACK_BOT_TOKEN"
JOURNAL_ENV = "SLACKRUNBOOKS_JOURNAL"

DECLARE = """\
name: declare
steps:
  - first: {send_message: {channel: "#incidents", text: "first {{id}}"}}
  - whisper: {send_ephemeral: {channel: "#incidents", user: U0ANN00001, text: psst}}
  - last: {send_message: {channel: "#incidents", text: "last {{id}}"}}
"""

RUN = ("--set", "id=1", "--run-id", "inc-1/declare")


@pytest.fixture
def slack() -> FakeSlack:
    """A workspace on today's date, because workers go by the wall clock."""
    fake = FakeSlack(start=time.time())
    fake.add_channel("incidents")
    fake.add_user("ann", id="U0ANN00001").join("incidents")
    return fake


@pytest.fixture
def server(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """The workspace behind a real HTTP server, its token in the environment."""
    with slack.serve() as served:
        monkeypatch.setenv(TOKEN_ENV, served.token)
        yield served


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file for a journal, which the environment names; nobody has made it yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(JOURNAL_ENV, "runs.db")
    return tmp_path / "runs.db"


@pytest.fixture
def declare(tmp_path: Path) -> Path:
    """A runbook of three steps."""
    path = tmp_path / "declare.yaml"
    path.write_text(DECLARE)
    return path


def texts(slack: FakeSlack) -> list[str]:
    """Return what stands in the channel."""
    return [message.text for message in slack.channel("incidents").messages]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sr.SqliteJournal]:
    """Open the journal beside the commands."""
    journal = sr.SqliteJournal(path)
    try:
        yield journal
    finally:
        journal.close()


def record_of(path: Path, run_id: str) -> RunRecord:
    """Return a run of the journal."""
    with opened(path) as journal:
        found = journal.get(run_id)
    assert found is not None
    return found


def put_down(path: Path, run_id: str, **changes: Any) -> None:
    """Write a run into the journal as it would stand in some state."""
    with opened(path) as journal:
        spec = encode({"version": 1, "runbook": {"name": "declare", "steps": []}})
        journal.begin(RunRecord(run_id=run_id, spec=spec, created=time.time() - 3600, updated=time.time() - 600))
    if changes:
        columns = ", ".join(f"{name} = ?" for name in changes)
        _sql(path, f"UPDATE run SET {columns} WHERE run_id = ?", *changes.values(), run_id)


def _sql(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, values)
    connection.close()


def a_minute_passes(path: Path) -> None:
    """End every lease, as a minute without a sign of life does."""
    _sql(path, "UPDATE run SET lease_until = 0")


class Process:
    """A command in a process of its own."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "slackrunbooks", *map(str, arguments)],
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def until(self, there: Callable[[], object]) -> None:
        """Wait until something is so; the process has ended meanwhile only if something is wrong."""
        patience = time.monotonic() + 30
        while not there() and time.monotonic() < patience and self.process.poll() is None:
            time.sleep(0.02)
        assert there(), self.process.communicate(timeout=30)

    def end(self, number: int | None = None) -> tuple[int, str, str]:
        """Send a signal, if any, and return the exit code and what was printed."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        assert "Traceback" not in err, err
        return self.process.returncode, out, err


# --- list ------------------------------------------------------------------------------------------------------------


def _standing(journal: Path) -> None:
    now = time.time()
    put_down(journal, "dead", subject="INC-1", owner="w", lease_until=now - 1)
    put_down(journal, "held", owner="w", lease_until=now + 30)
    put_down(journal, "later", wake_at=now + 40)
    put_down(journal, "told", wake_at=None)
    for state in ("succeeded", "failed", "ambiguous", "cancelled"):
        put_down(journal, state, state=state, wake_at=None)


STANDS = {
    "dead": "due",
    "held": "running",
    "later": "waiting",
    "told": "waiting",
    "succeeded": "succeeded",
    "failed": "failed",
    "ambiguous": "ambiguous",
    "cancelled": "cancelled",
}


def test_list(command: Command, journal: Path) -> None:
    """Each run is one line: its ID, its runbook, where it stands, when it was begun and written to, its subject."""
    _standing(journal)
    ran = command("runs", "list")
    lines = ran.out.splitlines()
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert lines[0].split() == ["RUN", "RUNBOOK", "STATE", "BEGUN", "WRITTEN", "SUBJECT"]
    said = {line.split("  ")[0]: line for line in lines[1:-2]}
    assert set(said) == set(STANDS)
    assert said["dead"].split() == ["dead", "declare", "due", "60m", "ago", "10m", "ago", "INC-1"]
    assert "  running, held until " in said["held"] and "  waiting until " in said["later"]
    assert "  waiting to be told  " in said["told"] and "  ambiguous: needs an answer  " in said["ambiguous"]
    assert lines[-1].startswith(
        "8 runs: 1 running, 2 waiting, 1 due, 1 succeeded, 1 failed, 1 ambiguous, 1 cancelled. It is "
    )


def test_list_as_json(command: Command, journal: Path) -> None:
    """As JSON each run has its status and exact times."""
    _standing(journal)
    data = command("runs", "list", "--json").data
    assert data["paused"] is None
    assert {row["run_id"]: row["status"] for row in data["runs"]} == STANDS
    rows = {row["run_id"]: row for row in data["runs"]}
    assert rows["dead"]["subject"] == "INC-1" and rows["dead"]["begun"].endswith("+00:00")
    assert {name for name, row in rows.items() if row["until"]} == {"held", "later"}


@pytest.mark.parametrize("status", sorted(set(STANDS.values())))
def test_list_of_some(command: Command, journal: Path, status: str) -> None:
    """--state leaves those that stand so, and may be repeated."""
    _standing(journal)
    data = command("runs", "list", "--json", "--state", status, "--state", "failed").data
    assert {row["run_id"] for row in data["runs"]} == {
        name for name, stands in STANDS.items() if stands in (status, "failed")
    }


def test_list_in_a_narrow_terminal(command: Command, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a line would not fit, each run has two, and its ID is whole; no line is longer than the terminal."""
    name = "incident-coordination/9f8e7d6c5b4a"
    put_down(journal, name, subject="INC-20260105-1")
    monkeypatch.setenv("COLUMNS", "80")
    lines = command("runs", "list").out.splitlines()
    assert lines[0].split() == ["RUN", "STATE"]
    assert lines[1].split() == [name, "due"]
    assert lines[2] == "    declare, begun 60m ago, written 10m ago, about INC-20260105-1"
    assert max(map(len, lines)) <= 80
    monkeypatch.setenv("COLUMNS", "120")
    assert command("runs", "list").out.splitlines()[0].endswith("WRITTEN  SUBJECT")


def test_list_of_nothing(command: Command, journal: Path) -> None:
    """Where there are none, that is said."""
    put_down(journal, "r")
    assert command("runs", "list", "--state", "failed").out == "No such runs.\n"


def test_list_stays_a_table(command: Command, journal: Path) -> None:
    """A name that would move the cursor is shown without what does."""
    put_down(journal, "a\x1b[2Jb\nc")
    assert "a�[2Jb�c" in command("runs", "list").out


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0s ago"), (119, "119s ago"), (120, "2m ago"), (7200, "2h ago"), (172_800, "2d ago"), (9e8, "10416d ago")],
)
def test_age(seconds: float, said: str) -> None:
    """An age is one number and its unit."""
    assert _age(seconds) == said


# --- show ------------------------------------------------------------------------------------------------------------


def _run(command: Command, server: FakeServer, declare: Path, *more: str) -> Ran:
    return command("run", declare, *RUN, "--base-url", server.url, *more)


def test_show(
    command: Command, server: FakeServer, journal: Path, declare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is that of the run, with who asked and when, and needs no token."""
    ran = _run(command, server, declare, "--subject", "INC-1", "--actor", "ana", "--reason", "paged")
    assert ran.code == Exit.OK
    monkeypatch.delenv(TOKEN_ENV)
    shown = command("runs", "show", "inc-1/declare")
    assert shown.code == Exit.OK
    assert shown.out.startswith(ran.out)
    (more,) = shown.out[len(ran.out) :].splitlines()
    assert more.startswith("  about INC-1, begun 20") and " UTC by ana (paged), last written to " in more


def test_show_as_json(command: Command, server: FakeServer, journal: Path, declare: Path) -> None:
    """As JSON it is the report's own data, and how the run is kept."""
    ran = _run(command, server, declare, "--json")
    data = command("runs", "show", "inc-1/declare", "--json").data
    assert data == ran.data
    with opened(journal) as kept, sr.Executor(token="xoxb-fake", journal=kept) as executor:
        report = executor.report("inc-1/declare").to_dict()
    assert {key: data[key] for key in report} == report
    assert (data["status"], data["until"], data["lost_answers"]) == ("succeeded", None, [])


def _lines_after(ran: Ran, head: str) -> list[str]:
    lines = ran.out.splitlines()
    return lines[lines.index(head) + 1 :]


def test_a_run_in_doubt(command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path) -> None:
    """The question is put with the time of the request, and each answer is a command that can be copied."""
    slack.inject("chat.postEphemeral", "applied_then_reset")
    ran = _run(command, server, declare)
    assert ran.code == Exit.AMBIGUOUS
    shown = command("runs", "show", "inc-1/declare", "--journal", "runs.db")
    question, applied, denied = _lines_after(shown, "declare (inc-1/declare): ambiguous")[1:]
    assert question.startswith("  Did chat.postEphemeral of step 'whisper' happen (call 1, sent at ")
    answer = "    slackrunbooks runs resolve inc-1/declare whisper --call 1"
    assert applied == f"{answer} --applied --reply message_ts=… --journal runs.db"
    assert denied == f"{answer} --not-applied --journal runs.db"
    lost = command("runs", "show", "inc-1/declare", "--json").data["lost_answers"]
    assert lost == [
        {
            "step": "whisper",
            "call": 1,
            "method": "chat.postEphemeral",
            "reply": ["message_ts"],
            "function": False,
            "workspace": "",
        }
    ]
    assert "needs an answer" in command("runs", "list").out


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"owner": "w", "lease_until": 9e9}, ["  A worker holds it until 2255-03-"]),
        ({"wake_at": 9e9}, ["  It waits until 2255-03-", "    slackrunbooks runs resume 'my run'"]),
        ({"wake_at": None}, ["  It waits to be told something:", "    slackrunbooks runs signal 'my run' NAME"]),
        ({}, ["  Nobody is at work on it. Go on with it:", "    slackrunbooks runs resume 'my run'"]),
    ],
)
def test_show_what_is_next(
    command: Command, journal: Path, declare: Path, changes: dict[str, Any], lines: list[str]
) -> None:
    """Of a run that has not ended it says why, and what a person can do."""
    command("run", declare, "--set", "id=1", "--run-id", "my run", "--submit")
    for name, value in changes.items():
        _sql(journal, f"UPDATE run SET {name} = ?", value)
    shown = _lines_after(command("runs", "show", "my run"), "declare (my run): waiting")[1:]
    assert len(shown) == len(lines)
    assert all(line.startswith(start) for line, start in zip(shown, lines, strict=True))


# --- resume ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be killed like that there")
def test_a_bot_that_was_killed(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path
) -> None:
    """Killed while an answer is awaited, the run is held for a minute, and then goes on; nothing is done twice."""
    slack.inject("chat.postEphemeral", "timeout_before")
    bot = Process("run", declare, *RUN, "--base-url", server.url)
    bot.until(lambda: slack.calls_to("chat.postEphemeral"))
    bot.end(signal.SIGKILL)
    held = command("runs", "resume", "inc-1/declare", "--base-url", server.url)
    assert (held.code, held.out) == (Exit.UNFINISHED, "")
    assert "another worker is at work on it" in held.err and "if it has died, the run is free then." in held.err
    everything = command("runs", "resume", "--all", "--base-url", server.url)
    assert everything.code == Exit.OK
    assert everything.out.startswith("Nothing is due; 1 run held by a worker, at the longest until ")
    a_minute_passes(journal)
    assert "  due  " in command("runs", "list").out
    ran = command("runs", "resume", "inc-1/declare", "--base-url", server.url)
    # A message that only one person sees cannot be looked up.
    assert ran.code == Exit.AMBIGUOUS
    assert ran.out.splitlines()[0] == "  ✓ first: succeeded"
    answer = ("runs", "resolve", "inc-1/declare", "whisper", "--call", "1", "--base-url", server.url)
    ran = command(*answer, "--not-applied")
    assert ran.code == Exit.OK
    assert ran.out.splitlines() == [
        "  ✓ first: succeeded", "  ✓ whisper: succeeded", "  ✓ last: succeeded", "declare (inc-1/declare): succeeded",
    ]  # fmt: skip
    assert texts(slack) == ["first 1", "last 1"]
    assert len(slack.calls_to("chat.postEphemeral")) == 2


def test_resume_of_a_run_that_has_ended(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path
) -> None:
    """Its report is printed again, and nothing is sent."""
    first = _run(command, server, declare)
    sent = len(slack.calls)
    again = command("runs", "resume", "inc-1/declare", "--base-url", server.url)
    assert (again.code, again.out) == (Exit.OK, first.out)
    assert _run(command, server, declare).out == first.out
    assert len(slack.calls) == sent


def test_resume_all(command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path) -> None:
    """Each run that is due is told in one line; the worst of them gives the exit code."""
    for number in "12":
        command("run", declare, "--set", f"id={number}", "--run-id", f"r{number}", "--submit")
    slack.inject("chat.postEphemeral", "applied_then_reset")
    ran = command("runs", "resume", "--all", "--base-url", server.url)
    assert ran.code == Exit.AMBIGUOUS
    first, second = (line.partition(" UTC  ")[2] for line in ran.out.splitlines())
    assert first == "declare (r1): ambiguous at step 'whisper'; see slackrunbooks runs show r1"
    assert second == "declare (r2): succeeded"
    ran = command("runs", "resume", "--all", "--base-url", server.url)
    assert (ran.code, ran.out) == (Exit.OK, "Nothing is due.\n")
    command("run", declare, "--set", "id=3", "--run-id", "r3", "--submit")
    data = command("runs", "resume", "--all", "--json", "--base-url", server.url).data
    assert [run["run_id"] for run in data["runs"]] == ["r3"]


@pytest.mark.parametrize("arguments", [(), ("r", "--all")])
def test_resume_of_one_or_all(command: Command, journal: Path, arguments: tuple[str, ...]) -> None:
    """One has to be named, or all."""
    ran = command("runs", "resume", *arguments)
    assert ran.code == Exit.USAGE and "Name one run to go on with, or give --all." in ran.err


# --- retry, resolve --------------------------------------------------------------------------------------------------


def test_retry(command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path) -> None:
    """A run that failed says how to go on, and does from the step that failed."""
    slack.fail_next("chat.postEphemeral", "user_not_in_channel")
    ran = _run(command, server, declare)
    assert ran.code == Exit.FAILED
    assert ran.out.splitlines()[-2:] == [
        "  Once the cause is mended, go on from step 'whisper':", "    slackrunbooks runs retry inc-1/declare",
    ]  # fmt: skip
    ran = command("runs", "retry", "inc-1/declare", "--base-url", server.url)
    assert ran.code == Exit.OK and texts(slack) == ["first 1", "last 1"]
    assert [line[4:9] for line in ran.out.splitlines()[:3]] == ["first", "whisp", "last:"]
    ran = command("runs", "retry", "inc-1/declare", "--base-url", server.url)
    assert ran.code == Exit.USAGE and "it has succeeded, so there is nothing to retry" in ran.err


def test_retry_with_a_mended_runbook(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path, tmp_path: Path
) -> None:
    """The steps from the failed one on are those of the mended runbook; one that is wrong is refused."""
    slack.fail_next("chat.postMessage", "restricted_action", after=1)
    assert _run(command, server, declare).code == Exit.FAILED
    mended = tmp_path / "mended.yaml"
    mended.write_text(DECLARE.replace("last {{id}}", "mended {{who}}"))
    again = ("runs", "retry", "inc-1/declare", "--runbook", mended, "--base-url", server.url)
    ran = command(*again)
    assert ran.code == Exit.USAGE and "the context has no 'who'" in ran.err
    mended.write_text(DECLARE.replace("last {{id}}", "mended {{id}}"))
    assert command(*again).code == Exit.OK
    assert texts(slack) == ["first 1", "mended 1"]


def test_retry_of_a_run_in_doubt(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path
) -> None:
    """Somebody has to answer first, with the commands that are shown."""
    slack.inject("chat.postEphemeral", "applied_then_reset")
    _run(command, server, declare)
    ran = command("runs", "retry", "inc-1/declare", "--base-url", server.url)
    assert ran.code == Exit.USAGE and "cannot be tried again before somebody answers" in ran.err
    assert "slackrunbooks runs resolve inc-1/declare whisper --call 1 --not-applied" in ran.err


def test_resolve(command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path) -> None:
    """What was done is not sent again; what it made has to be told where the action needs it."""
    slack.inject("chat.postEphemeral", "applied_then_reset")
    _run(command, server, declare)
    answer = ("runs", "resolve", "inc-1/declare", "whisper", "--base-url", server.url)
    for arguments, words in (
        (("--call", "1", "--applied"), "needs message_ts of what chat.postEphemeral made"),
        (("--call", "1", "--applied", "--reply", "message_ts"), "--reply message_ts: write it as KEY=VALUE"),
        (("--call", "1", "--applied", "--reply", "message_ts={secret"), "--reply message_ts: the value is not JSON"),
        (("--call", "1", "--not-applied", "--reply", "message_ts=1.5"), "it does not go with --not-applied"),
        (("--call", "7", "--applied"), "call 7 of step 'whisper' is not in doubt"),
        (("--call", "1"), "Say whether Slack did it: --applied or --not-applied."),
        (("--call", "1", "--applied", "--not-applied"), "Say whether Slack did it: --applied or --not-applied."),
    ):
        ran = command(*answer, *arguments)
        assert ran.code == Exit.USAGE and words in ran.err and "secret" not in ran.err
    ran = command(*answer, "--call", "1", "--applied", "--reply", "message_ts=1.5", "--json")
    assert ran.code == Exit.OK
    assert ran.data["steps"][1]["output"]["message_ts"] == "1.5"
    assert len(slack.calls_to("chat.postEphemeral")) == 1


def test_resolve_with_what_stands_inside(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, tmp_path: Path
) -> None:
    """What an action reads deeper in the answer is told by its path; the ID alone would not do."""
    path = tmp_path / "room.yaml"
    path.write_text(
        "steps:\n  - room: {create_channel: {name: inc-7}}\n"
        '  - tell: {send_message: {channel: "#incidents", text: "in {{steps.room.channel}}"}}\n'
    )
    # A token that may not list channels, so that nobody can look what became of it.
    slack.scopes = {"channels:manage", "chat:write"}
    slack.lose_reply("conversations.create")
    ran = command("run", path, "--run-id", "r", "--base-url", server.url)
    assert ran.code == Exit.AMBIGUOUS
    assert "runs resolve r room --call 1 --applied --reply channel.id=…" in ran.out
    answer = ("runs", "resolve", "r", "room", "--call", "1", "--applied", "--base-url", server.url, "--reply")
    ran = command(*answer, "channel=C0123ABCD")
    assert ran.code == Exit.USAGE and "needs channel.id of what conversations.create made" in ran.err
    assert command(*answer, "channel.id=C0123ABCD").code == Exit.OK
    assert texts(slack) == ["in C0123ABCD"]


def test_a_run_that_succeeded_shows_its_questions(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, tmp_path: Path
) -> None:
    """Of a step that may fail; answered, there is none left."""
    ann = slack.add_user("ann2", id="U0ANN00002")
    ann.join("incidents")
    path = tmp_path / "may.yaml"
    path.write_text(
        'steps:\n  - may: {send_ephemeral: {channel: "#incidents", user: U0ANN00002, text: psst}, on_error: continue}\n'
    )
    slack.inject("chat.postEphemeral", "reset_before")
    command("run", path, "--run-id", "r", "--base-url", server.url)
    shown = command("runs", "show", "r")
    assert "Did chat.postEphemeral of step 'may' happen (call 1" in shown.out
    ran = command("runs", "resolve", "r", "may", "--call", "1", "--not-applied", "--base-url", server.url)
    assert ran.code == Exit.OK and len(slack.calls_to("chat.postEphemeral")) == 2
    assert "happen" not in command("runs", "show", "r").out


# --- cancel, signal, pause, purge ------------------------------------------------------------------------------------


def test_cancel(command: Command, journal: Path, declare: Path) -> None:
    """A run that nobody is at work on ends at once, without a token; of one that had ended, that is said."""
    command("run", declare, *RUN, "--submit")
    ran = command("runs", "cancel", "inc-1/declare", "--reason", "a false alarm")
    assert ran.code == Exit.OK
    assert ran.out.splitlines()[0] == "  ■ first: cancelled (a false alarm)"
    assert ran.out.splitlines()[-1] == "declare (inc-1/declare): cancelled"
    ran = command("runs", "cancel", "inc-1/declare")
    assert (ran.code, ran.out) == (Exit.OK, "declare (inc-1/declare) had ended before: cancelled\n")
    assert command("runs", "cancel", "inc-1/declare", "--json").data["state"] == "cancelled"


def test_cancel_of_a_run_that_is_held(command: Command, journal: Path, declare: Path) -> None:
    """The worker that holds it ends it; until then it has not ended."""
    command("run", declare, *RUN, "--submit")
    with opened(journal) as kept:
        kept.claim("inc-1/declare", "bot", time.time(), 60)
    ran = command("runs", "cancel", "inc-1/declare")
    assert ran.code == Exit.UNFINISHED
    assert "the worker that holds it ends it before its next effect" in ran.out
    assert ran.out.splitlines()[-1] == "    slackrunbooks runs show inc-1/declare"
    with opened(journal) as kept:
        assert [message.name for message in kept.listen("inc-1/declare", 0).messages] == ["cancel"]


def test_signal(command: Command, journal: Path, declare: Path) -> None:
    """A signal is left for the run, with its payload; a name or a payload that is none is refused."""
    command("run", declare, *RUN, "--submit")
    ran = command("runs", "signal", "inc-1/declare", "go", "--payload", '{"by": "ann"}')
    assert ran.code == Exit.OK
    assert ran.out.splitlines()[0] == "declare (inc-1/declare) was told 'go'."
    assert ran.out.splitlines()[-1] == "    slackrunbooks runs resume inc-1/declare"
    with opened(journal) as kept:
        (message,) = kept.listen("inc-1/declare", 0).messages
    assert json.loads(message.payload) == {"name": "go", "payload": {"by": "ann"}}
    assert command("runs", "signal", "inc-1/declare", "g o").code == Exit.USAGE
    ran = command("runs", "signal", "inc-1/declare", "go", "--payload", "{secret")
    assert ran.code == Exit.USAGE and "--payload: the value is not JSON" in ran.err and "secret" not in ran.err
    command("runs", "cancel", "inc-1/declare")
    assert "It had ended before: cancelled." in command("runs", "signal", "inc-1/declare", "go").out


def test_signal_that_a_step_waits_for(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, tmp_path: Path
) -> None:
    """The run is due at once, and goes on with what it was told."""
    path = tmp_path / "remind.yaml"
    path.write_text(
        'steps:\n  - ask:\n      send_message: {channel: "#incidents", text: "well?"}\n      every: 30m\n'
        '      until: signals.done\n  - end: {send_message: {channel: "#incidents", text: "by {{signals.done.by}}"}}\n'
    )
    assert command("run", path, "--run-id", "r", "--base-url", server.url).code == Exit.UNFINISHED
    assert command("runs", "signal", "r", "done", "--payload", '{"by": "ann"}').code == Exit.OK
    ran = command("runs", "work", "--once", "--base-url", server.url)
    assert ran.code == Exit.OK and "remind (r): succeeded" in ran.out
    assert texts(slack) == ["well?", "by ann"]


def test_pause(command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path) -> None:
    """While everything is paused nothing is begun, and every command says why; then the runs go on."""
    command("run", declare, *RUN, "--submit")
    ran = command("runs", "pause", "a change of the network")
    assert ran.code == Exit.OK and ran.out.splitlines()[-1] == "  slackrunbooks runs unpause"
    assert command("runs", "list").out.startswith("Everything is paused: a change of the network. ")
    assert command("runs", "list", "--json").data["paused"] == "a change of the network"
    ran = command("runs", "resume", "inc-1/declare", "--base-url", server.url)
    assert ran.code == Exit.UNFINISHED and slack.calls == []
    assert "  Everything is paused: a change of the network. Let the runs go on:" in ran.out
    assert command("runs", "unpause").out.splitlines() == [
        "1 run due. A worker goes on, or:", "  slackrunbooks runs resume --all",
    ]  # fmt: skip
    assert command("runs", "resume", "--all", "--base-url", server.url).code == Exit.OK
    assert command("runs", "unpause").out == "The runs may go on; nothing is due now.\n"
    assert command("runs", "pause", "").code == Exit.USAGE


def test_purge(command: Command, journal: Path) -> None:
    """It says how many it would forget and asks; what is younger or has not ended stays."""
    for name, state, age in (("old", "failed", 40), ("older", "succeeded", 50), ("new", "failed", 1), ("open", "", 60)):
        put_down(journal, name, state=state or "running", updated=time.time() - age * 86400)
    ran = command("runs", "purge", "--older-than", "30d", stdin="n\n")
    assert ran.code == Exit.OK and ran.out.startswith("Forget 2 runs that ended before 20")
    assert ran.out.endswith("Nothing was forgotten.\n")
    ran = command("runs", "purge", "--older-than", "30d", stdin="")
    assert ran.code == Exit.USAGE and "give --yes" in ran.err
    ran = command("runs", "purge", "--older-than", "45d", stdin="y\n")
    assert ran.code == Exit.OK and "Forgot 1 run that ended before 20" in ran.out
    assert "Forgot 1 run " in command("runs", "purge", "--older-than", "30d", "--yes").out
    assert command("runs", "purge", "--older-than", "30d").out.startswith("There are no runs that ended before 20")
    assert {row["run_id"] for row in command("runs", "list", "--json").data["runs"]} == {"new", "open"}


@pytest.mark.parametrize("given", ["30", "d", "1w", "-1d", "1e3s", "99999999d", ""])
def test_length_of_time(command: Command, journal: Path, given: str) -> None:
    """A length of time has its unit."""
    ran = command("runs", "purge", "--older-than", given)
    assert ran.code == Exit.USAGE and "write it with its unit: 90s, 45m, 12h or 30d" in ran.err


# --- work ------------------------------------------------------------------------------------------------------------


def test_work_once(command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path) -> None:
    """One sweep does what is due, a line for each run, and the exit code is that of the worst."""
    command("run", declare, *RUN, "--submit")
    ran = command("runs", "work", "--once", "--base-url", server.url)
    assert ran.code == Exit.OK
    assert ran.out.partition(" UTC  ")[2] == "declare (inc-1/declare): succeeded\n"
    assert command("runs", "work", "--once", "--base-url", server.url) == attrs.evolve(ran, out="")
    slack.fail_next("chat.postMessage", "ratelimited", retry_after=100)
    command("run", declare, "--set", "id=2", "--run-id", "r2", "--submit")
    ran = command("runs", "work", "--once", "--base-url", server.url)
    assert ran.code == Exit.OK and "declare (r2): waiting until " in ran.out


def test_work_with_a_wrong_token(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path, monkeypatch: Any
) -> None:
    """The worker ends before it has made any run fail."""
    command("run", declare, *RUN, "--submit")
    monkeypatch.setenv(TOKEN_ENV, "xoxb-not-the-one")
    ran = command("runs", "work", "--base-url", server.url)
    assert ran.code == Exit.TOKEN and "invalid_auth" in ran.err
    assert record_of(journal, "inc-1/declare").status(time.time()) == "due"


def test_work_goes_on_past_a_run_that_cannot(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path
) -> None:
    """One that another version wrote is named on standard error, and the others are done."""
    put_down(journal, "odd", spec=encode({"version": 99}))
    command("run", declare, *RUN, "--submit")
    ran = command("runs", "work", "--once", "--base-url", server.url)
    assert ran.code == Exit.FAILED and "declare (inc-1/declare): succeeded" in ran.out
    assert ran.err.startswith("Error: run 'odd' cannot go on: ") and "another version of slackrunbooks" in ran.err
    assert command("runs", "list", "--state", "waiting").out.splitlines()[1].startswith("odd ")


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent SIGTERM there")
def test_a_worker_that_is_ended_in_a_wait(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path
) -> None:
    """SIGTERM ends the worker at once with code 0; another goes on with the wait, and nothing is sent twice."""
    slack.fail_next("chat.postMessage", "ratelimited", retry_after=2)
    command("run", declare, *RUN, "--submit")
    worker = Process("runs", "work", "--every", "0.2", "--base-url", server.url)

    def waits() -> bool:
        with opened(journal) as kept:
            return any('"sleep"' in entry.work for entry in kept.entries("inc-1/declare"))

    worker.until(waits)
    code, out, err = worker.end(signal.SIGTERM)
    assert (code, err) == (Exit.OK, "")
    lines = out.splitlines()
    assert lines[0].startswith("Looking for work every 0.2 s.")
    assert lines[1].endswith(" UTC  run inc-1/declare is left where it stands")
    assert record_of(journal, "inc-1/declare").status(time.time()) == "due"
    assert texts(slack) == []
    other = Process("runs", "work", "--every", "0.2", "--base-url", server.url)
    other.until(lambda: record_of(journal, "inc-1/declare").state == "succeeded")
    code, out, err = other.end(signal.SIGINT)
    assert (code, err) == (Exit.OK, "") and "declare (inc-1/declare): succeeded" in out
    assert texts(slack) == ["first 1", "last 1"]
    assert [call.method for call in slack.calls].count("chat.postMessage") == 3


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent SIGTERM there")
@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_that_is_ended_in_a_request(
    command: Command,
    slack: FakeSlack,
    server: FakeServer,
    journal: Path,
    declare: Path,
    monkeypatch: pytest.MonkeyPatch,
    times: int,
) -> None:
    """The request is ended first and its answer written, so that nothing is in doubt; a second signal ends at once."""
    arrived, answers, real = threading.Event(), threading.Event(), slack.handle

    def handle(request: Any) -> Any:
        if request.path.endswith("chat.postMessage"):
            arrived.set()
            answers.wait(30)
        return real(request)

    monkeypatch.setattr(slack, "handle", handle)
    command("run", declare, *RUN, "--submit")
    worker = Process("runs", "work", "--base-url", server.url)
    worker.until(arrived.is_set)
    worker.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert worker.process.poll() is None
    if times == 2:
        code, _, err = worker.end(signal.SIGTERM)
        answers.set()
        assert (code, err.strip()) == (Exit.INTERRUPTED, "Interrupted.")
        return
    answers.set()
    code, out, err = worker.end()
    assert (code, err) == (Exit.OK, "") and "run inc-1/declare is left where it stands" in out
    assert texts(slack) == ["first 1"]
    with opened(journal) as kept:
        assert all(entry.result is not None for entry in kept.entries("inc-1/declare"))
    assert command("runs", "work", "--once", "--base-url", server.url).code == Exit.OK
    assert texts(slack) == ["first 1", "last 1"]
    assert not slack.calls_to("conversations.history")


# --- run, in a journal -----------------------------------------------------------------------------------------------


def test_submit(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path, monkeypatch: Any
) -> None:
    """A run is left to a worker, without a token; what is wrong with it is refused, and nothing is written."""
    monkeypatch.delenv(TOKEN_ENV)
    ran = command("run", declare, "--submit")
    assert ran.code == Exit.USAGE and "the context has no 'id'" in ran.err
    ran = command("run", declare, *RUN, "--submit", "--subject", "INC-1", "--deadline", "45m")
    assert ran.code == Exit.OK and slack.calls == []
    assert ran.out.splitlines() == [
        "declare (inc-1/declare): submitted",
        "  A worker does it (slackrunbooks runs work), or:",
        "    slackrunbooks runs resume inc-1/declare",
    ]
    assert command("run", declare, *RUN, "--submit", "--json").data == {"run_id": "inc-1/declare"}
    record = record_of(journal, "inc-1/declare")
    assert record.subject == "INC-1" and json.loads(record.spec)["deadline"] == 2700.0
    command("runs", "cancel", "inc-1/declare")
    assert "had ended before: cancelled" in command("run", declare, *RUN, "--submit").out


@pytest.mark.parametrize("options", [("--submit",), ("--subject", "x"), ("--deadline", "5m")])
def test_options_that_need_a_journal(command: Command, declare: Path, options: tuple[str, ...]) -> None:
    """Without one they are refused with the name of the option that is missing."""
    ran = command("run", declare, *RUN, *options)
    assert ran.code == Exit.USAGE and "Name its file with --journal" in ran.err


def test_context_of_a_submitted_run(command: Command, journal: Path, declare: Path) -> None:
    """There is none to save yet."""
    ran = command("run", declare, *RUN, "--submit", "--save-context", "x.json")
    assert ran.code == Exit.USAGE and "--save-context does not go with --submit" in ran.err


def test_run_that_waits(command: Command, slack: FakeSlack, server: FakeServer, journal: Path, declare: Path) -> None:
    """A run that waits for longer than a minute is let go, with a code of its own and the command to go on."""
    slack.fail_next("chat.postMessage", "ratelimited", retry_after=100)
    ran = _run(command, server, declare)
    assert ran.code == Exit.UNFINISHED
    assert ran.out.splitlines()[-1] == "    slackrunbooks runs resume inc-1/declare"
    assert [row["status"] for row in command("runs", "list", "--json").data["runs"]] == ["waiting"]


def test_run_of_another_runbook(command: Command, server: FakeServer, journal: Path, declare: Path) -> None:
    """A run ID belongs to one runbook, as it was."""
    _run(command, server, declare)
    declare.write_text(DECLARE.replace("psst", "hush"))
    ran = _run(command, server, declare)
    assert ran.code == Exit.USAGE and "it is a run of another runbook" in ran.err


@pytest.mark.parametrize("run_id", [("--run-id", "r"), ()])
def test_interrupted(
    command: Command,
    slack: FakeSlack,
    server: FakeServer,
    journal: Path,
    declare: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_id: tuple[str, ...],
) -> None:
    """Ctrl-C leaves the run in the journal, says how to go on, and cancels nothing."""
    from slackrunbooks import client

    real = client.send

    def send(opened: Any, call: Any) -> Any:
        if call.method == "chat.postEphemeral":
            raise KeyboardInterrupt
        return real(opened, call)

    with monkeypatch.context() as patch:
        patch.setattr(client, "send", send)
        ran = command("run", declare, "--set", "id=1", *run_id, "--base-url", server.url)
    assert ran.code == Exit.INTERRUPTED
    assert ran.out.splitlines()[0] == "  ✓ first: succeeded" and "cancelled" not in ran.out
    assert "  Nobody is at work on it. Go on with it:" in ran.out
    assert [row["status"] for row in command("runs", "list", "--json").data["runs"]] == ["due"]


def test_interrupted_before_it_began(
    command: Command, server: FakeServer, journal: Path, declare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C before anything was written says that no run began."""

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sr.Executor, "run", interrupt)
    ran = _run(command, server, declare)
    assert (ran.code, ran.err) == (Exit.INTERRUPTED, "Error: Interrupted before the run began.\n")


# --- what goes wrong -------------------------------------------------------------------------------------------------

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("list",),
    ("show", "r"),
    ("resume", "r"),
    ("resume", "--all"),
    ("retry", "r"),
    ("resolve", "r", "s", "--call", "1", "--not-applied"),
    ("cancel", "r"),
    ("signal", "r", "go"),
    ("pause", "x"),
    ("unpause",),
    ("purge", "--older-than", "1d"),
    ("work",),
)


@pytest.mark.parametrize("arguments", COMMANDS)
def test_no_journal(command: Command, server: FakeServer, journal: Path, arguments: tuple[str, ...]) -> None:
    """A file that is not there is named in one line, and not made."""
    ran = command("runs", *arguments)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert ran.err == "Error: runs.db: there is no such journal. Give the file in which the bot keeps its runs.\n"
    assert not journal.exists()


@pytest.mark.parametrize("arguments", COMMANDS)
def test_no_journal_was_named(
    command: Command, server: FakeServer, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the option and the variable it says which they are."""
    for value in (None, ""):
        if value is not None:
            monkeypatch.setenv(JOURNAL_ENV, value)
        ran = command("runs", *arguments)
        assert (ran.code, ran.out, ran.err.count("\n")) == (Exit.USAGE, "", 1)
        assert "--journal" in ran.err and JOURNAL_ENV in ran.err


@pytest.mark.parametrize("arguments", [arguments for arguments in COMMANDS if "r" in arguments])
def test_no_such_run(command: Command, server: FakeServer, journal: Path, arguments: tuple[str, ...]) -> None:
    """A run that the journal does not have is named in one line, with those whose names are alike."""
    put_down(journal, "r/declare")
    ran = command("runs", *arguments)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert ran.err == (
        "Error: The journal has no run 'r'. Did you mean 'r/declare'? See them all: slackrunbooks runs list\n"
    )


@pytest.mark.parametrize("arguments", [("resume", "r"), ("resume", "--all"), ("retry", "r"), ("work",)])
def test_no_token(command: Command, journal: Path, arguments: tuple[str, ...]) -> None:
    """What may send needs a token, and says so before it opens anything."""
    ran = command("runs", *arguments)
    assert ran.code == Exit.TOKEN and "holds no token" in ran.err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("garbage.db", "the journal garbage.db cannot be opened: file is not a database."),
        ("folder", "the journal folder cannot be opened: "),
        ("foreign.db", "foreign.db is a database of something else; give the journal its own file."),
        ("mysql://me:secret@host/x", "takes the path of a SQLite file or a postgresql://… address, not mysql://…."),
    ],
)
def test_no_journal_at_all(
    command: Command, declare: Path, server: FakeServer, tmp_path: Path, monkeypatch: Any, name: str, words: str
) -> None:
    """What is no journal is told in one line, whoever opens it, and nothing was sent."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "garbage.db").write_text("garbage" * 99)
    (tmp_path / "folder").mkdir()
    _sql(tmp_path / "foreign.db", "CREATE TABLE t (x)")
    for arguments in (("runs", "list"), ("run", declare, *RUN)):
        ran = command(*arguments, "--journal", name)
        assert (ran.code, ran.out, ran.err.count("\n")) == (Exit.USAGE, "", 1)
        assert words in ran.err and "secret" not in ran.err


def test_journal_in_postgresql(command: Command, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address is opened as what it says, and no command that is shown repeats its password."""
    put_down(journal, "r")
    asked: list[str] = []

    def stand_in(dsn: str) -> sr.SqliteJournal:
        asked.append(dsn)
        return sr.SqliteJournal(journal)

    monkeypatch.setattr(sr, "PostgresJournal", stand_in, raising=False)
    dsn = "postgresql://bot:secret@db/runs?password=secret&x=1"
    assert command("runs", "list", "--journal", dsn).code == Exit.OK
    ran = command("runs", "show", "x", "--journal", dsn)
    assert asked == [dsn, dsn]
    assert "--journal 'postgresql://bot:…@db/runs?password=…&x=1'" in ran.err and "secret" not in ran.err


def test_journal_in_postgresql_that_is_missing(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the class, or without what it needs, one line says so."""

    def without(_dsn: str) -> None:
        raise ModuleNotFoundError(name="psycopg")

    monkeypatch.setattr(sr, "PostgresJournal", without, raising=False)
    ran = command("runs", "list", "--journal", "postgresql://bot:secret@db/runs")
    assert (
        ran.code == Exit.USAGE and ran.err == "Error: A journal in PostgreSQL needs psycopg, which is not installed.\n"
    )
    monkeypatch.setattr(sr, "PostgresJournal", None)
    ran = command("runs", "list", "--journal", "postgresql://bot:secret@db/runs")
    assert ran.code == Exit.USAGE and "keeps runs in SQLite files only" in ran.err


OWN_STEPS = """
import slackrunbooks as sr

@sr.register(name="cli_runs_on_call", repeat="reads")
def on_call(team: str) -> dict[str, str]:
    return {"lead": team}
"""


def test_own_steps(
    command: Command, slack: FakeSlack, server: FakeServer, journal: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    """A run with a step of the host's takes --import, and what is shown to be copied has it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "cli_runs_steps.py").write_text(OWN_STEPS)
    own = tmp_path / "own.yaml"
    own.write_text(
        "steps:\n  - who: {cli_runs_on_call: {team: db}}\n"
        '  - tell: {send_message: {channel: "#incidents", text: "{{steps.who.lead}}"}}\n'
    )
    steps = ("--import", "cli_runs_steps")
    try:
        ran = command("run", own, *steps, "--run-id", "r", "--submit")
        assert ran.out.splitlines()[-1] == "    slackrunbooks runs resume r --import cli_runs_steps"
        sr.unregister("cli_runs_on_call")
        for arguments in (("show", "r"), ("cancel", "r"), ("resume", "r", "--base-url", server.url)):
            ran = command("runs", *arguments)
            assert ran.code == Exit.USAGE and "name the module that registers it with --import" in ran.err
        ran = command("runs", "resume", "--all", "--base-url", server.url)
        assert ran.code == Exit.FAILED and "name the module that registers it with --import" in ran.err
        with opened(journal) as kept:
            assert not kept.listen("r", 0).messages
        sys.modules.pop("cli_runs_steps")
        assert command("runs", "resume", "r", *steps, "--base-url", server.url).code == Exit.OK
        assert texts(slack) == ["db"]
    finally:
        sys.modules.pop("cli_runs_steps", None)
        with contextlib.suppress(sr.RunbookError):
            sr.unregister("cli_runs_on_call")


@pytest.mark.parametrize("name", sorted({arguments[0] for arguments in COMMANDS}))
def test_help(command: Command, name: str) -> None:
    """Each command explains its options."""
    ran = command("runs", name, "--help")
    assert ran.code == Exit.OK and "--journal FILE" in ran.out and JOURNAL_ENV in ran.out
