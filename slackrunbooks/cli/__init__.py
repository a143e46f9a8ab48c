"""The command line.

Rule of this file: thin. A command reads its arguments, calls what the library offers to everybody, prints, and says by
its exit code how it went. What is heavy is imported where it is used, so that ``--help`` answers at once.

Nothing here prints a token: it is read from the environment variable that ``--token-env`` names, and from nowhere else.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._version import __version__
from ..errors import CheckFailed, SlackRunbooksError
from ._apps import manifest, scopes, usage
from ._base import (
    Door,
    Exit,
    Progress,
    Stop,
    address,
    as_json,
    code_of,
    code_of_report,
    code_of_step,
    duration,
    journal_option,
    load,
    max_wait,
    open_executor,
    options,
    own_steps,
    say,
    say_json,
    say_report,
    told,
)
from ._connect import connect
from ._doctor import doctor
from ._filling import filled, filling
from ._runs import Desk, journal_named, open_desk, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from ..executor import Executor
    from ..report import Report

__all__ = ["Exit", "cli", "main"]

# The character \b alone on its line tells click to leave the lines below it as they are.
_EPILOG = """\b
Where a command takes FILE, it is a runbook in YAML, or the name of a shipped one:
incident-coordination, status-update or post-incident.

\b
Exit codes:
  0    it did what it should
  1    the run failed, or a check or a plan found problems
  2    wrong arguments, file or context; nothing was sent
  3    an answer was lost: look in Slack before you run it again
  4    no token, or one that Slack does not take
  5    Slack could not be reached
  6    the run has not ended: it waits, or another worker is at work on it
  130  interrupted; the report says what was done before
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What stands behind the command's name; left out, the arguments of this process.

    Returns:
        The exit code, one of :class:`Exit`.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that has no "✓" must not end the report of a run.
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
    try:
        code = cli.main(args=arguments, prog_name="slackrunbooks", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.code if isinstance(error, Stop) else error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return Exit.INTERRUPTED
    except (SlackRunbooksError, OSError) as error:
        click.echo(f"Error: {told(error)}", err=True)
        return code_of(error)
    return int(code or Exit.OK)


# --- arguments of several commands ------------------------------------------------------------------------------------

_file = options(click.argument("file"), own_steps)
_slack = options(address, max_wait)


# --- commands --------------------------------------------------------------------------------------------------------


_LATER = frozenset({"new", "schema", "serve-fake"})


class _Group(click.Group):
    """Names the commands that later versions have, so that nobody looks for a typing error."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        if found is None and cmd_name in _LATER:
            ctx.fail(f"This version does not have the command {cmd_name!r} yet.")
        return found


@click.group(
    cls=_Group, epilog=_EPILOG, context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 120}
)
@click.version_option(__version__, prog_name="slackrunbooks")
def cli() -> None:
    """Run the Slack side of incident runbooks."""


@cli.command("demo")
@click.option("--incident", metavar="ID", help="Which incident of the sample; left out, the first.")
@click.option("--quiet", is_flag=True, help="Leave out the progress; print only the transcripts.")
@as_json
def _replay(incident: str | None, *, quiet: bool, as_json: bool) -> None:
    """Replay a real incident on a fake Slack.

    The three shipped runbooks coordinate GitHub's incident of 16 September 2024, with an update for each that was
    published, at the times at which it was. Needs no token and no network.
    """
    from .. import _demo

    played = _demo.play(incident, (lambda _: None) if quiet or as_json else say)
    if as_json:
        say_json(played.to_dict())
        return
    for transcript in played.transcripts.values():
        say(f"\n{transcript}")
    say(f"\n{played}")


@cli.command("run")
@_file
@filling
@_slack
@journal_option
@click.option(
    "--run-id", metavar="ID", help="Names the run. In a journal, the same ID again goes on with the same run."
)
@click.option("--subject", metavar="TEXT", default="", help="What the run is about, as INC-42. Needs a journal.")
@click.option(
    "--deadline",
    type=duration,
    metavar="TIME",
    help="Cancel the run so long after its beginning, as 90s, 45m or 12h. Needs a journal.",
)
@click.option("--actor", metavar="WHO", help="Who asks for the run, for its report.")
@click.option("--reason", metavar="WHY", help="Why, for its report.")
@click.option("--submit", is_flag=True, help='Leave the run to "runs work". Needs a journal, and no token.')
@click.option(
    "--save-context",
    metavar="FILE",
    help="Write the context that the run hands on, as JSON, for --context of the next runbook; also after a failure.",
)
@as_json
def _run(
    file: str,
    *,
    source: str | None,
    assignments: Sequence[str],
    door: Door,
    max_wait: float,
    journal: str | None,
    run_id: str | None,
    subject: str,
    deadline: float | None,
    actor: str | None,
    reason: str | None,
    submit: bool,
    save_context: str | None,
    as_json: bool,
) -> int:
    """Run a runbook in Slack, and print how each step went.

    What is known to be wrong before the first request is refused, and nothing is sent. A journal keeps the run, so that
    it goes on after a crash, with the same --run-id or with "runs resume".
    """
    needing = [
        name for name, given in (("--submit", submit), ("--subject", subject), ("--deadline", deadline)) if given
    ]
    if needing:
        journal_named(journal)
    if submit and save_context is not None:
        raise Stop("--save-context does not go with --submit: the run is done later.")
    runbook = load(file)
    context = filled(source, assignments, runbook)
    _writable(save_context)
    asked: dict[str, Any] = {"run_id": run_id, "actor": actor, "reason": reason}
    with _problems_as_json(as_json):
        if journal:
            asked |= {"subject": subject, "deadline": deadline}
            with open_desk(journal, door, needed=not submit, create=True, quiet=as_json, max_wait=max_wait) as desk:
                if submit:
                    _submitted(desk, desk.executor.submit(runbook, context, **asked), as_json=as_json)
                    return Exit.OK
                report, interrupted = desk.driven(run_id, lambda: desk.executor.run(runbook, context, **asked))
                desk.tell(report, as_json=as_json)
        else:
            progress = Progress()
            hooks = () if as_json else (progress,)
            with open_executor(door, max_wait=max_wait, hooks=hooks) as executor:
                report, interrupted = _run_unkept(executor, lambda: executor.run(runbook, context, **asked))
            if as_json:
                say_json(report.to_dict())
            else:
                say_report(report, but=[step.name for step in report.steps])
    code = Exit.INTERRUPTED if interrupted else code_of_report(report)
    try:
        _hand_on(report, save_context)
    except OSError as error:
        # The run is over, so its own code counts, unless that would say that all is well.
        click.echo(f"Error: the context was not saved: {told(error)}", err=True)
        return code or Exit.FAILED
    return code


@contextlib.contextmanager
def _problems_as_json(as_json: bool) -> Generator[None]:
    try:
        yield
    except CheckFailed as error:
        if as_json:
            say_json({"ok": False, "problems": [str(problem) for problem in error.problems]})
        raise


def _submitted(desk: Desk, run_id: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"run_id": run_id})
        return
    record = desk.record(run_id)
    if record.state != "running":
        say(f"{record.runbook} ({run_id}) had ended before: {record.state}")
        return
    say(f"{record.runbook} ({run_id}): submitted")
    say(f"  A worker does it ({desk.command('work')}), or:")
    say(f"    {desk.command('resume', run_id)}")


def _run_unkept(executor: Executor, run: Callable[[], Report]) -> tuple[Report, bool]:
    """Run, and return the report and whether Ctrl-C ended it."""
    try:
        return run(), False
    except KeyboardInterrupt:
        try:
            return executor.report(), True
        except KeyError:
            raise Stop("Interrupted before the run began.", Exit.INTERRUPTED) from None


def _writable(file: str | None) -> None:
    """Refuse a place that cannot be written to before the run, not after it."""
    if file is not None and not os.access(Path(file).absolute().parent, os.W_OK):
        raise Stop(f"--save-context {file}: the folder does not exist or cannot be written to.")


def _hand_on(report: Report, file: str | None) -> None:
    """Write the context that a run hands on; whoever reads the file meanwhile finds the old or the new one, whole."""
    if file is not None:
        from ..report import plain

        fresh = Path(f"{file}.new")
        fresh.write_text(json.dumps(plain(report.context), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        fresh.replace(file)


cli.add_command(doctor)
cli.add_command(connect)
cli.add_command(runs)


@cli.command("plan")
@_file
@filling
@as_json
def _plan(file: str, *, source: str | None, assignments: Sequence[str], as_json: bool) -> int:
    """Show what a run would send. Needs no token and no network."""
    from .._survey import survey

    runbook = load(file)
    planned = survey(runbook, filled(source, assignments, runbook))
    problems = [problem for problem in planned.problems if problem.severity == "error"]
    if as_json:
        say_json({**planned.to_dict(), "ok": not problems, "problems": [str(problem) for problem in problems]})
    else:
        say(str(planned))
    return Exit.FAILED if problems else Exit.OK


@cli.command("check")
@_file
@filling
@_slack
@click.option("--offline", is_flag=True, help="Do not ask Slack anything; needs no token.")
@as_json
def _check(
    file: str,
    *,
    source: str | None,
    assignments: Sequence[str],
    door: Door,
    max_wait: float,
    offline: bool,
    as_json: bool,
) -> int:
    """Look for everything that stands against a run, and change nothing.

    Asks Slack which scopes the token has, and for the channels, people and user groups that the steps name.
    """
    runbook = load(file)
    context = filled(source, assignments, runbook)
    if offline:
        from .._survey import check_report, survey

        found = check_report(runbook, survey(runbook, context), None)
    else:
        with open_executor(door, max_wait=max_wait) as executor:
            found = executor.check(runbook, context)
    if as_json:
        say_json(found.to_dict())
    else:
        say(str(found))
    # Where nothing else is wrong, whether it is the token or the network tells a script what to do about it.
    codes = {code_of_step(problem.error) for problem in found.problems}
    return Exit.OK if found.ok else codes.pop() if len(codes) == 1 else Exit.FAILED


cli.add_command(scopes)
cli.add_command(manifest)
runs.add_command(usage)
