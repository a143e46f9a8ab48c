"""The commands ``slackrunbooks runs …``: see the runs that a journal keeps, go on with them, and work on them.

Rule of this file: whatever a person may have to type next is printed as a command that can be copied.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import shlex
import shutil
import signal
import time
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

import attrs
import click

from ..errors import ConnectFailed, JournalError, RunbookError, RunConflict, RunHeld
from ._base import (
    IMPORTED,
    JOURNAL_ENV,
    Door,
    Exit,
    Progress,
    Stop,
    address,
    as_json,
    code_of_report,
    duration,
    journal_option,
    load,
    open_executor,
    open_journal,
    own_steps,
    parsed,
    say,
    say_json,
    say_report,
    token_at,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from .._clock import Clock
    from .._engine import Event
    from ..executor import Executor
    from ..journal import Entry, Journal, Lease, Mail, RunRecord
    from ..report import LostAnswer, Report

__all__ = ["Desk", "journal_named", "open_desk", "runs"]

# So that one sweep ends, whatever others submit meanwhile; as the executor's own.
_MOST_AT_ONCE = 1000

_STATES = ("running", "waiting", "due", "succeeded", "failed", "ambiguous", "cancelled")

# Seconds between looks whether a worker was told to end.
_LOOK = 0.2


# --- times -----------------------------------------------------------------------------------------------------------


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _clock_time(seconds: float, now: float) -> str:
    """Show a time: the time of day alone where it is today's."""
    when = _utc(seconds)
    return f"{when:%H:%M:%S}" if when.date() == _utc(now).date() else f"{when:%Y-%m-%d %H:%M:%S}"


def _age(seconds: float) -> str:
    """Show how long ago something was, in a form that fits a column."""
    for size, unit, most in ((1, "s", 120), (60, "m", 120), (3600, "h", 48)):
        if seconds < size * most:
            return f"{max(0, int(seconds // size))}{unit} ago"
    return f"{int(seconds // 86400)}d ago"


def _iso(seconds: float) -> str:
    return _utc(seconds).isoformat()


# --- the desk --------------------------------------------------------------------------------------------------------


@attrs.define
class Desk:
    """A journal and an executor on it, as a command works with them.

    Attributes:
        journal: The journal.
        executor: The executor.
        progress: Prints the steps of a run.
        given: Options that a command to be copied needs, because they were given on the command line.
    """

    journal: Journal
    executor: Executor
    progress: Progress
    given: tuple[str, ...] = ()

    def command(self, *words: str, free: str = "") -> str:
        """Return a command of this group to be copied; ``free`` is put in as it stands."""
        line = shlex.join(["slackrunbooks", "runs", *words])
        return " ".join(part for part in (line, free, shlex.join(self.given)) if part)

    def record(self, run_id: str) -> RunRecord:
        """Return a run of the journal, or say that it has none of that name."""
        found = self.journal.get(run_id)
        if found is None:
            names = [record.run_id for record in self.journal.runs()]
            alike = [name for name in names if run_id in name] or difflib.get_close_matches(run_id, names)
            hint = f" Did you mean {', '.join(map(repr, alike[:3]))}?" if alike else ""
            raise Stop(f"The journal has no run {run_id!r}.{hint} See them all: {self.command('list')}")
        return found

    def report(self, run_id: str) -> Report:
        """Return how a run went so far."""
        try:
            return self.executor.report(run_id)
        except RunbookError as error:
            raise Stop(_with_hint(error)) from error

    @contextlib.contextmanager
    def telling_who_holds(self) -> Generator[None]:
        """Say of a run that another worker holds until when it does."""
        try:
            yield
        except RunHeld as error:
            record, now = self.record(error.run_id), time.time()
            more = f" {_held(record, now)}" if record.status(now) == "running" else ""
            raise Stop(f"{error}{more}", Exit.UNFINISHED) from None

    def drive(self, run_id: str, go: Callable[[], Report], *, as_json: bool) -> int:
        """Go on with a run, tell how, and return the exit code."""
        report, interrupted = self.driven(run_id, go)
        self.tell(report, as_json=as_json)
        return Exit.INTERRUPTED if interrupted else code_of_report(report)

    def driven(self, run_id: str | None, go: Callable[[], Report]) -> tuple[Report, bool]:
        """Begin a run or go on with it; return its report, and whether Ctrl-C interrupted it."""
        if run_id is not None:
            self.look_back(run_id)
        try:
            with self.telling_who_holds():
                return go(), False
        except KeyboardInterrupt:
            try:
                # What the journal has counts: there the run is not cancelled, and goes on.
                return self.executor.report(run_id or self.executor.report().run_id), True
            except KeyError:
                raise Stop("Interrupted before the run began.", Exit.INTERRUPTED) from None

    def look_back(self, run_id: str) -> None:
        """Have those steps told first that had ended before, up to the one at which the run stopped."""
        record = self.journal.get(run_id)
        if record is None:
            return
        for step in self.report(run_id).steps:
            if record.state != "running" and not step.ok:
                return
            if step.outcome != "waiting":
                self.progress.before.append(step)

    def tell(self, report: Report, *, as_json: bool) -> None:
        """Print how a run went, where it stands, and what can be done about it."""
        if as_json:
            say_json(self.data(report))
            return
        self.progress.catch_up()
        say_report(report, but=self.progress.told)
        for line in self.standing(report):
            say(f"  {line}")

    def data(self, report: Report) -> dict[str, Any]:
        """Return a report and how its run is kept as JSON-safe data."""
        record = self.record(report.run_id)
        lost = [attrs.asdict(each) for each in self._open_questions(record)]
        return {**report.to_dict(), **_row(record, time.time()), "lost_answers": lost}

    def standing(self, report: Report) -> list[str]:
        """Say where a run stands, and what a person can do about it."""
        record, now = self.record(report.run_id), time.time()
        status = record.status(now)
        lines = []
        if record.state == "running" and (reason := self.journal.paused()):
            lines += [f"Everything is paused: {reason}. Let the runs go on:", f"  {self.command('unpause')}"]
        if status == "running":
            lines.append(_held(record, now))
        elif status == "waiting" and record.wake_at is None:
            lines += ["It waits to be told something:", f"  {self.command('signal', record.run_id, free='NAME')}"]
        elif status == "waiting":
            until = _clock_time(cast("float", record.wake_at), now)
            lines.append(f"It waits until {until} UTC. Then a worker goes on with it, or:")
        elif status == "due":
            lines.append("Nobody is at work on it. Go on with it:")
        if status == "due" or (status == "waiting" and record.wake_at is not None):
            lines.append(f"  {self.command('resume', record.run_id)}")
        questions = self._open_questions(record)
        sent_at = _times_of_loss(report)
        for question in questions:
            lines += self._how_to_answer(record.run_id, question, sent_at, now)
        if status == "failed" and not questions:
            lines += [
                f"Once the cause is mended, go on from step {report.stopped_by!r}:",
                f"  {self.command('retry', record.run_id)}",
            ]
        return lines

    def _open_questions(self, record: RunRecord) -> Sequence[LostAnswer]:
        # A run that has not ended may find out by itself.
        return () if record.state == "running" else self.executor.lost_answers(record.run_id)

    def _how_to_answer(
        self, run_id: str, question: LostAnswer, sent_at: Mapping[tuple[str, int], float], now: float
    ) -> list[str]:
        sent = sent_at.get((question.step, question.call))
        when = f", sent at {_clock_time(sent, now)} UTC" if sent is not None else ""
        words = ("resolve", run_id, question.step, "--call", str(question.call))
        # Of a function, only what the step saves is known to be needed.
        needed = question.reply or (("FIELD",) if question.function else ())
        replies = " ".join(f"--reply {path}=…" for path in needed)
        where = f" in the workspace {question.workspace}" if question.workspace else ""
        what = f"{question.method} of step {question.step!r} happen{where}"
        return [
            f"Did {what} (call {question.call}{when})? Look, and answer:",
            f"  {self.command(*words, '--applied', free=replies)}",
            f"  {self.command(*words, '--not-applied')}",
        ]


def _held(record: RunRecord, now: float) -> str:
    until = _clock_time(record.lease_until, now)
    return f"A worker holds it until {until} UTC, longer while that lives; if it has died, the run is free then."


def _with_hint(error: RunbookError) -> str:
    """Say why a run cannot be read: its runbook was right when it began, so that only own steps can be missing."""
    return f"{error} For a step of your own, name the module that registers it with --import."


def _times_of_loss(report: Report) -> dict[tuple[str, int], float]:
    from ..errors import AmbiguousOutcome

    errors = [step.error for step in report.steps]
    return {(error.step, error.call): error.sent_at for error in errors if isinstance(error, AmbiguousOutcome)}


def _row(record: RunRecord, now: float) -> dict[str, Any]:
    """Return a run of a list as JSON-safe data."""
    status = record.status(now)
    until = {"running": record.lease_until, "waiting": record.wake_at}.get(status)
    return {
        "run_id": record.run_id,
        "runbook": record.runbook,
        "status": status,
        "until": None if until is None else _iso(until),
        "begun": _iso(record.created),
        "written": _iso(record.updated),
        "subject": record.subject,
    }


def journal_named(name: str | None) -> str:
    """Return the journal that was named, or ask for one."""
    if not name:
        raise Stop(f"Which journal? Name its file with --journal, or in the environment variable {JOURNAL_ENV}.")
    return name


# Between :// and @, and as a parameter.
_PASSWORDS = (re.compile(r"(?<=://)([^:/@]*):[^@]*@"), re.compile(r"(?<=password=)()[^&]*"))


def _given() -> tuple[str, ...]:
    """Return the options of this command line that a command to be copied needs as well."""
    context = click.get_current_context()
    given: list[str] = []
    if context.get_parameter_source("journal") is click.core.ParameterSource.COMMANDLINE:
        name = context.params["journal"]
        name = _PASSWORDS[0].sub(r"\1:…@", name)
        given += ["--journal", _PASSWORDS[1].sub("…", name)]
    for option in ("store", "team"):
        if context.params.get(option) is not None:
            given += [f"--{option}", context.params[option]]
    for module in context.meta.get(IMPORTED, ()):
        given += ["--import", module]
    return tuple(given)


@contextlib.contextmanager
def open_desk(
    name: str | None,
    door: Door | None = None,
    *,
    needed: bool = True,
    create: bool = False,
    quiet: bool = False,
    max_wait: float = 120.0,
    bell: _Bell | None = None,
) -> Generator[Desk]:
    """Open a journal and an executor on it; without a token, for what sends nothing."""
    progress = Progress(kept=True)
    hooks: list[Callable[[Event], None]] = [] if quiet else [progress]
    named = journal_named(name)
    if door is not None and door.store is None:
        # Before a journal is made.
        token_at(door, needed=needed)
    with open_journal(named, create=create) as journal:
        heeding = journal if bell is None else cast("Journal", _Heeding(journal, bell))
        with open_executor(
            door, needed=needed, max_wait=max_wait, hooks=hooks, journal=heeding, clock=cast("Clock | None", bell)
        ) as executor:
            yield Desk(journal, executor, progress, _given())


# --- commands --------------------------------------------------------------------------------------------------------

_run = click.argument("run_id", metavar="RUN")


@click.group("runs")
def runs() -> None:
    """See the runs that a journal keeps, and go on with them.

    Where a bot died in the middle of a run, "list" shows the run as due; "resume" goes on with it, and does nothing
    twice that was done.
    """


@runs.command("list")
@journal_option
@click.option(
    "--state",
    "states",
    type=click.Choice(_STATES),
    multiple=True,
    help="Only those that stand so: running (a worker is at it), waiting, due (nobody is at it), or how they ended. "
    "May be repeated.",
)
@as_json
def _list(journal: str | None, *, states: Sequence[str], as_json: bool) -> None:
    """List the runs, the latest first."""
    now = time.time()
    with open_journal(journal_named(journal)) as kept:
        rows = [_row(record, now) for record in kept.runs()]
        paused = kept.paused()
    rows = [row for row in rows if not states or row["status"] in states]
    if as_json:
        say_json({"paused": paused or None, "runs": rows})
        return
    if paused:
        say(f'Everything is paused: {_safe(paused)}. Let the runs go on with "runs unpause".\n')
    for line in _table(rows, now):
        say(line)
    counts = Counter(row["status"] for row in rows)
    told = ", ".join(f"{counts[state]} {state}" for state in _STATES if counts[state])
    say(f"\n{_count(len(rows))}: {told}. It is {_utc(now):%H:%M:%S} UTC." if rows else "No such runs.")


_SAID = {
    "running": "running, held until {until}",
    "waiting": "waiting until {until}",
    "ambiguous": "ambiguous: needs an answer",
}


def _table(rows: Sequence[Mapping[str, Any]], now: float) -> Iterator[str]:
    """Give a line for each run, or two where one would not fit the terminal."""
    if not rows:
        return
    cells = [["RUN", "RUNBOOK", "STATE", "BEGUN", "WRITTEN", "SUBJECT"], *(_cells(row, now) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    # Nothing is cut: a run's ID is there to be copied. Without a terminal, each run is one line.
    width = shutil.get_terminal_size((0, 0)).columns
    if not width or sum(widths) + 2 * len(widths) - 2 <= width:
        for each in cells:
            yield "  ".join(cell.ljust(size) for cell, size in zip(each, widths, strict=True)).rstrip()
        return
    yield f"{'RUN'.ljust(widths[0])}  STATE"
    for run_id, runbook, state, begun, written, subject in cells[1:]:
        yield f"{run_id.ljust(widths[0])}  {state}"
        about = f", about {subject}" if subject else ""
        yield f"    {runbook}, begun {begun}, written {written}{about}"


def _cells(row: Mapping[str, Any], now: float) -> list[str]:
    until = "" if row["until"] is None else _clock_time(_seconds(row["until"]), now)
    status = str(row["status"])
    said = "waiting to be told" if status == "waiting" and not until else _SAID.get(status, status)
    ages = [_age(now - _seconds(row[name])) for name in ("begun", "written")]
    return [_safe(row["run_id"]), _safe(row["runbook"]), said.format(until=until), *ages, _safe(row["subject"])]


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _safe(text: str) -> str:
    """Keep what would move the cursor out of a table."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _count(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


@runs.command("show")
@_run
@journal_option
@own_steps
@as_json
def _show(run_id: str, journal: str | None, *, as_json: bool) -> None:
    """Show how a run went so far, and what can be done about it. Needs no token."""
    with open_desk(journal, quiet=True) as desk:
        record = desk.record(run_id)
        report = desk.report(run_id)
        if as_json:
            say_json(desk.data(report))
            return
        say_report(report)
        now = time.time()
        asked = (f" by {report.actor}" if report.actor else "") + (f" ({report.reason})" if report.reason else "")
        facts = [
            f"about {record.subject}" if record.subject else "",
            f"begun {_utc(record.created):%Y-%m-%d %H:%M:%S} UTC{asked}",
            f"last written to {_age(now - record.updated)}",
        ]
        say(f"  {', '.join(fact for fact in facts if fact)}")
        for line in desk.standing(report):
            say(f"  {line}")


@runs.command("resume")
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--all", "everything", is_flag=True, help="Go on with every run that is due.")
@journal_option
@own_steps
@address
@as_json
def _resume(run_id: str | None, *, everything: bool, journal: str | None, door: Door, as_json: bool) -> int:
    """Go on with a run that its process left unfinished.

    What was done is not done again. Of a run that has ended, the report is printed.
    """
    if (run_id is not None) == everything:
        raise Stop("Name one run to go on with, or give --all.")
    with open_desk(journal, door, quiet=everything or as_json) as desk:
        if run_id is not None:
            desk.record(run_id)
            return desk.drive(run_id, lambda: desk.executor.resume(run_id), as_json=as_json)
        return _resume_all(desk, as_json=as_json)


def _resume_all(desk: Desk, *, as_json: bool) -> int:
    moved: list[Report] = []

    def tell(report: Report) -> None:
        moved.append(report)
        if not as_json:
            say(_line(desk, report))

    stuck = _sweep(desk, tell, {})
    if as_json:
        say_json({"runs": [report.to_dict() for report in moved]})
    elif not moved and not stuck:
        now = time.time()
        held = [record for record in desk.journal.runs() if record.status(now) == "running"]
        say(
            f"Nothing is due; {_count(len(held))} held by a worker, at the longest until "
            f"{_clock_time(max(record.lease_until for record in held), now)} UTC."
            if held
            else "Nothing is due."
        )
    return _worst(moved, stuck)


@runs.command("retry")
@_run
@click.option("--runbook", "file", metavar="FILE", help="A mended runbook, for the steps from there on.")
@journal_option
@own_steps
@address
@as_json
def _retry(run_id: str, *, file: str | None, journal: str | None, door: Door, as_json: bool) -> int:
    """Go on with a run that failed, from the step that did.

    What was done stands. In a mended runbook the steps that succeeded are told by their names.
    """
    mended = None if file is None else load(file)
    with open_desk(journal, door, quiet=as_json) as desk:
        record = desk.record(run_id)
        report = desk.report(run_id)
        if record.state not in ("running", "succeeded") and desk.executor.lost_answers(run_id):
            lines = desk.standing(report)
            raise Stop("\n  ".join([f"Run {run_id!r} cannot be tried again before somebody answers:", *lines]))
        return desk.drive(run_id, lambda: desk.executor.retry(run_id, mended), as_json=as_json)


@runs.command("resolve")
@_run
@click.argument("step", metavar="STEP")
@click.option("--call", type=click.IntRange(min=1), required=True, metavar="N", help="Which call of the step, from 1.")
@click.option("--applied", is_flag=True, help="Slack did it.")
@click.option("--not-applied", is_flag=True, help="Slack did not do it: it is sent again.")
@click.option(
    "--reply",
    "replies",
    metavar="KEY=VALUE",
    multiple=True,
    help="What it made, for the steps that follow, as ts=1503435956.000247 or channel.id=C0123ABCD. May be repeated.",
)
@journal_option
@own_steps
@address
@as_json
def _resolve(
    run_id: str,
    step: str,
    *,
    call: int,
    applied: bool,
    not_applied: bool,
    replies: Sequence[str],
    journal: str | None,
    door: Door,
    as_json: bool,
) -> int:
    """Say what became of a request whose answer was lost, and go on.

    "show" names the step and the call, and what has to be told with --reply.
    """
    if applied == not_applied:
        raise Stop("Say whether Slack did it: --applied or --not-applied.")
    if replies and not applied:
        raise Stop("--reply tells what a request made; it does not go with --not-applied.")
    reply = _reply(replies)
    with open_desk(journal, door, quiet=as_json) as desk:
        desk.record(run_id)

        def go() -> Report:
            return desk.executor.resolve(run_id, step, call=call, applied=applied, reply=reply)

        return desk.drive(run_id, go, as_json=as_json)


def _reply(given: Sequence[str]) -> dict[str, Any]:
    from .._context import put

    reply: dict[str, Any] = {}
    for each in given:
        path, sign, text = each.partition("=")
        if not sign or not all(path.split(".")):
            raise Stop(f"--reply {path}: write it as KEY=VALUE, such as ts=1503435956.000247.")
        reply = put(reply, path, parsed(f"--reply {path}:", text, loosely=True))
    return reply


@runs.command("cancel")
@_run
@click.option("--reason", metavar="TEXT", default="", help="Why, for the run's report.")
@journal_option
@own_steps
@as_json
def _cancel(run_id: str, *, reason: str, journal: str | None, as_json: bool) -> int:
    """End a run before its next effect, in whatever process it goes. Sends nothing, and needs no token."""
    with open_desk(journal, quiet=True) as desk:
        before = desk.record(run_id)
        # What this process cannot read it cannot end either, and is to say so before the wish is written.
        desk.report(run_id)
        report = desk.executor.cancel(run_id, reason)
        if report is not None:
            desk.tell(report, as_json=as_json)
            return Exit.OK if report.state == "cancelled" else code_of_report(report)
        if as_json:
            say_json(desk.data(desk.report(run_id)))
        elif before.state != "running":
            say(f"{before.runbook} ({run_id}) had ended before: {before.state}")
        else:
            say(f"{before.runbook} ({run_id}): the worker that holds it ends it before its next effect.")
            say(f"  {_held(desk.record(run_id), time.time())} See how it ends:")
            say(f"    {desk.command('show', run_id)}")
        return Exit.OK if before.state != "running" else Exit.UNFINISHED


@runs.command("signal")
@_run
@click.argument("name", metavar="NAME")
@click.option("--payload", metavar="JSON", help="What to tell with it, as JSON; left out, true.")
@journal_option
def _signal(run_id: str, name: str, *, payload: str | None, journal: str | None) -> None:
    """Tell a run something that its steps wait for. Sends nothing, and needs no token."""
    data = None if payload is None else parsed("--payload:", payload)
    with open_desk(journal, quiet=True) as desk:
        record = desk.record(run_id)
        desk.executor.signal(run_id, name, data)
        say(f"{record.runbook} ({run_id}) was told {name!r}.")
        if record.state != "running":
            say(f"  It had ended before: {record.state}.")
        elif record.status(time.time()) != "running":
            say("  A worker goes on with it, or:")
            say(f"    {desk.command('resume', run_id)}")


@runs.command("pause")
@click.argument("reason", metavar="REASON")
@journal_option
def _pause(reason: str, journal: str | None) -> None:
    """Let no run do anything more, until "unpause". Holds for every process that works on the journal."""
    with open_desk(journal, quiet=True) as desk:
        desk.executor.pause(reason)
        say("Everything is paused; a request that is under way is ended first. Let the runs go on:")
        say(f"  {desk.command('unpause')}")


@runs.command("unpause")
@journal_option
def _unpause(journal: str | None) -> None:
    """Let the runs go on."""
    with open_desk(journal, quiet=True) as desk:
        desk.executor.unpause()
        due = len(desk.journal.due(time.time(), _MOST_AT_ONCE))
        say("The runs may go on; nothing is due now." if not due else f"{_count(due)} due. A worker goes on, or:")
        if due:
            say(f"  {desk.command('resume', '--all')}")


@runs.command("purge")
@click.option(
    "--older-than",
    type=duration,
    required=True,
    metavar="AGE",
    help="How long ago they ended at the least, as 45m, 12h or 30d.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@journal_option
def _purge(*, older_than: float, yes: bool, journal: str | None) -> None:
    """Forget runs that ended long ago. What has not ended stays."""
    before = time.time() - older_than
    told = f"that ended before {_utc(before):%Y-%m-%d %H:%M:%S} UTC"
    with open_journal(journal_named(journal)) as kept:
        old = [record for record in kept.runs() if record.state != "running" and record.updated < before]
        if not old:
            say(f"There are no runs {told}.")
            return
        if not yes:
            try:
                agreed = click.confirm(f"Forget {_count(len(old))} {told}?")
            except click.Abort:
                click.echo(err=True)
                raise Stop("Nothing was forgotten. Where nobody can answer, give --yes.") from None
            if not agreed:
                say("Nothing was forgotten.")
                return
        say(f"Forgot {_count(kept.purge(before))} {told}.")


# --- the worker ------------------------------------------------------------------------------------------------------


class _Ended(BaseException):
    """A worker was told to end. Nothing that handles failures may take it for one."""


class _Bell:
    """Tells a worker to end, and is the clock by which it waits until then.

    The handler of a signal only takes note, so that it may come at any line; the worker heeds it where nothing is under
    way: before it writes what it is about to do, and while it waits.
    """

    def __init__(self) -> None:
        self.rung = False

    def ring(self, _signal: int, _frame: object) -> None:
        """Take note; the second time, interrupt at once."""
        if self.rung:
            raise KeyboardInterrupt
        self.rung = True

    def heed(self) -> None:
        """End here, if the worker was told to."""
        if self.rung:
            raise _Ended

    def now(self) -> float:
        """Return the time."""
        return time.time()

    def sleep_until(self, when: float) -> None:
        """Wait, and end if told to."""
        ends = time.monotonic() + when - time.time()
        while (left := ends - time.monotonic()) > 0:
            self.heed()
            time.sleep(min(left, _LOOK))

    def busy(self) -> contextlib.AbstractContextManager[None]:
        """Do nothing: the wall clock moves by itself."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def listening(self) -> Generator[None]:
        """Ring for SIGTERM and Ctrl-C until the block ends."""
        before = {each: signal.signal(each, self.ring) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


class _Heeding:
    """A journal in which a worker that was told to end begins nothing more."""

    def __init__(self, journal: Journal, bell: _Bell) -> None:
        self._journal = journal
        self._bell = bell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def intend(self, lease: Lease, entry: Entry, heard: int) -> Mail:
        """Write what is about to be done, unless the worker was told to end."""
        self._bell.heed()
        return self._journal.intend(lease, entry, heard)


def _sweep(desk: Desk, tell: Callable[[Report], None], known: dict[str, str]) -> bool:
    """Go on with every run that is due, and tell of each; return whether one cannot go on.

    As ``resume_all`` does, but with word of each run when it is done, and once only of one that cannot go on.
    """
    stuck = False
    for run_id in desk.journal.due(time.time(), _MOST_AT_ONCE):
        try:
            tell(desk.executor.resume(run_id))
        except RunHeld:
            # Another worker was quicker.
            continue
        except _Ended:
            say(f"{_utc(time.time()):%Y-%m-%d %H:%M:%S} UTC  run {_safe(run_id)} is left where it stands")
            raise
        except (ConnectFailed, RunConflict, RunbookError, JournalError) as error:
            stuck = True
            why = _with_hint(error) if isinstance(error, RunbookError) else str(error)
            if known.get(run_id) != why:
                known[run_id] = why
                click.echo(f"Error: run {run_id!r} cannot go on: {why}", err=True)
    return stuck


def _line(desk: Desk, report: Report) -> str:
    """Tell of a run in one line."""
    now = time.time()
    head = f"{_utc(now):%Y-%m-%d %H:%M:%S} UTC  {report.runbook} ({_safe(report.run_id)}): {report.state}"
    if report.state == "waiting":
        wake_at = desk.record(report.run_id).wake_at
        return f"{head} until {_clock_time(wake_at, now)} UTC" if wake_at else head
    if report.state in ("failed", "ambiguous"):
        return f"{head} at step {report.stopped_by!r}; see {desk.command('show', report.run_id)}"
    return head


def _worst(moved: Sequence[Report], stuck: bool) -> Exit:
    """Return the exit code for several runs; that one waits is as it should be."""
    codes = {code_of_report(report) for report in moved} - {Exit.OK, Exit.UNFINISHED}
    if stuck:
        codes.add(Exit.FAILED)
    if Exit.AMBIGUOUS in codes:
        return Exit.AMBIGUOUS
    return codes.pop() if len(codes) == 1 else Exit.FAILED if codes else Exit.OK


@runs.command("work")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait between two looks for work.",
)
@click.option("--once", is_flag=True, help="Look once, go on with what is due, and end.")
@journal_option
@own_steps
@address
def _work(*, every: float, once: bool, journal: str | None, door: Door) -> int:
    """Work on the runs of the journal until Ctrl-C or SIGTERM.

    Told to end, it ends the request that is under way and begins no other; the run goes on wherever somebody works.
    Any number of workers may share a journal.
    """
    from .._look import Identify

    bell = _Bell()
    moved: list[Report] = []
    stuck = False
    with bell.listening(), open_desk(journal, door, quiet=True, bell=bell) as desk:

        def tell(report: Report) -> None:
            if once:
                moved.append(report)
            say(_line(desk, report))

        try:
            # With a token that Slack does not take, every run would fail.
            desk.executor.do(Identify())
            known: dict[str, str] = {}
            if not once:
                say(f"Looking for work every {every:g} s. Ctrl-C or SIGTERM ends this after the request under way.")
            while True:
                stuck = _sweep(desk, tell, known)
                if once:
                    return _worst(moved, stuck)
                bell.sleep_until(time.time() + every)
        except _Ended:
            say("Told to end. What is not done yet goes on wherever somebody works.")
    return Exit.OK
