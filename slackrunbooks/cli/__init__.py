"""The command line.

Rule of this file: thin. A command reads its arguments, calls what the library offers to everybody, prints, and says by
its exit code how it went. What is heavy is imported where it is used, so that ``--help`` answers at once.

Nothing here prints a token: it is read from the environment variable that ``--token-env`` names, and from nowhere else.
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import re
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .._version import __version__
from ..errors import (
    AmbiguousOutcome,
    AuthenticationFailed,
    CheckFailed,
    RunbookError,
    SlackRunbooksError,
    SlackUnavailable,
    StepFailed,
    TemplateError,
    Unsupported,
)

if TYPE_CHECKING:
    from .._engine import Event
    from ..executor import Executor
    from ..report import Report
    from ..runbook import Runbook
    from ..scopes import ScopeRequirements

__all__ = ["Exit", "cli", "main"]

_F = TypeVar("_F", bound=Callable[..., Any])

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN_ALIKE = re.compile(r"xox|xapp", re.IGNORECASE)


class Exit(enum.IntEnum):
    """What the exit code says."""

    OK = 0
    """It did what it should; a check found nothing."""
    FAILED = 1
    """The run failed, perhaps half-way; or a check or a plan found problems."""
    USAGE = 2
    """Wrong arguments, file or context. Nothing was sent."""
    AMBIGUOUS = 3
    """A request left and its answer was lost: look in Slack before you run it again."""
    TOKEN = 4
    """There is no token, or Slack does not take it."""
    NETWORK = 5
    """Slack could not be reached."""
    INTERRUPTED = 130
    """Ctrl-C. The report says what was done before."""


# The first row that fits counts. What is wrong with a runbook or a context was found before anything was sent.
_CODES: tuple[tuple[tuple[type[BaseException], ...], Exit], ...] = (
    ((AmbiguousOutcome,), Exit.AMBIGUOUS),
    ((AuthenticationFailed,), Exit.TOKEN),
    ((SlackUnavailable,), Exit.NETWORK),
    ((CheckFailed, RunbookError, TemplateError, Unsupported, OSError), Exit.USAGE),
)

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
  130  interrupted; the report says what was done before
"""


class _Stop(click.ClickException):
    """Ends a command with a message and an exit code."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


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
        return error.code if isinstance(error, _Stop) else error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return Exit.INTERRUPTED
    except (SlackRunbooksError, OSError) as error:
        click.echo(f"Error: {_told(error)}", err=True)
        return _code(error)
    return int(code or Exit.OK)


def _code(error: BaseException) -> Exit:
    """Return the exit code for what was raised before a run began."""
    if isinstance(error, StepFailed):
        return _code_of_step(error.error)
    return next((code for kinds, code in _CODES if isinstance(error, kinds)), Exit.FAILED)


def _code_of_step(error: BaseException | None) -> Exit:
    """Return the exit code for what ended a run; steps before it may have been done."""
    code = Exit.FAILED if error is None else _code(error)
    return Exit.FAILED if code is Exit.USAGE else code


def _told(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return str(error)


# --- printing --------------------------------------------------------------------------------------------------------


def _say(text: str) -> None:
    """Print a line. A reader that has gone away (``| head``) must not change what a run does or reports."""
    try:
        click.echo(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer would raise again when Python ends.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_json(data: object) -> None:
    _say(json.dumps(data, ensure_ascii=False, indent=2))


# --- arguments that several commands have ----------------------------------------------------------------------------


def _options(*options: Callable[[Any], Any]) -> Callable[[_F], _F]:
    """Put several options on a command, to be shown in this order."""

    def decorate(command: _F) -> _F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _import(_context: click.Context, _option: click.Parameter, modules: Sequence[str]) -> None:
    """Import modules, so that what they register can be named by the runbook that is read afterwards."""
    from importlib import import_module

    here = str(Path.cwd())
    if modules and here not in sys.path:
        # As `python -m` does, and as whoever keeps steps.py beside the runbook expects.
        sys.path.insert(0, here)
    for module in modules:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            raise _Stop(f"--import {module}: there is no module {error.name!r} here or among the installed.") from None
        except Exception as error:
            raise _Stop(f"--import {module}: {type(error).__name__}: {error}") from error


_own_steps = click.option(
    "--import",
    metavar="MODULE",
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_import,
    help="Import a Python module first, which registers your own steps by name. May be repeated.",
)
_file = _options(click.argument("file"), _own_steps)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_context = _options(
    click.option(
        "--context", "source", metavar="FILE", help="The data that fills it: JSON or YAML; - reads standard input."
    ),
    click.option(
        "--set",
        "assignments",
        metavar="PATH=VALUE",
        multiple=True,
        help="Put a value into the context, as Activity.severity=SEV1. May be repeated. An input that the runbook "
        'declares is read by its type; elsewhere true, false, null and what begins with [, { or " is JSON, and '
        "everything else is text.",
    ),
)
_slack = _options(
    click.option(
        "--token-env",
        metavar="NAME",
        default="SLACK_BOT_TOKEN",
        show_default=True,
        help="The environment variable that holds the token.",
    ),
    click.option("--base-url", metavar="URL", help="Where Slack's Web API is, if not at https://slack.com/api/."),
    click.option(
        "--max-wait",
        metavar="SECONDS",
        type=click.FloatRange(min=0),
        default=120.0,
        show_default=True,
        help="Most seconds that one request may wait to be tried again.",
    ),
)


def _load(file: str) -> Runbook:
    """Read a runbook from a file, or return the shipped one of that name; ``./NAME`` is always a file."""
    from ..runbook import Runbook

    shipped = _shipped()
    if file in shipped:
        return Runbook.shipped(file)
    path = Path(file)
    if not path.is_file():
        raise _Stop(f"{file}: no such file, and no shipped runbook; those are {', '.join(shipped)}.")
    return Runbook.from_yaml(path)


def _shipped() -> list[str]:
    from importlib import resources

    folder = resources.files("slackrunbooks") / "runbooks"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def _filled(source: str | None, assignments: Sequence[str], runbook: Runbook) -> dict[str, Any]:
    """Return the context: what a file or standard input holds, and on top of it what ``--set`` says."""
    context = {} if source is None else _read_context(source)
    for assignment in assignments:
        path, sign, text = assignment.partition("=")
        if not sign or not all(path.split(".")):
            # The value is not repeated: it may be anything.
            raise _Stop(f"--set {path}: write it as PATH=VALUE, such as Activity.severity=SEV1.")
        entry = (runbook.inputs or {}).get(path)
        context = _put(context, path, _value(path, text, entry.kind if entry is not None else "any"))
    return context


def _read_context(source: str) -> dict[str, Any]:
    from .. import _yaml

    name = "standard input" if source == "-" else source
    content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    text = _yaml.decode(content, file=name)
    try:
        data = json.loads(text)
    except ValueError as error:
        if source.endswith(".json"):
            raise _Stop(f"{name} is not JSON: {error}.") from None
        data = _yaml.read(text, file=name).data
    if not isinstance(data, dict):
        raise _Stop(f"{name} must hold a mapping, such as {{Activity: {{id: …}}}}, not {type(data).__name__}.")
    return data


def _put(context: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return the context with a value at a path; what is no mapping on the way is refused, not overwritten."""
    from .._context import put

    inner: Any = context
    walked: list[str] = []
    for segment in path.split(".")[:-1]:
        walked.append(segment)
        inner = inner.get(segment)
        if inner is None:
            break
        if not isinstance(inner, Mapping):
            raise _Stop(f"--set {path}: {'.'.join(walked)} is no mapping; set it as a whole.")
    return put(context, path, value)


def _value(path: str, text: str, kind: str) -> object:
    """Read a value by the type of its input."""
    if kind == "text":
        return text
    if kind == "any" and not (text in ("true", "false", "null") or text.startswith(("[", "{", '"'))):
        return text
    if kind == "time":
        return _time(path, text)
    try:
        return json.loads(text)
    except ValueError as error:
        raise _Stop(f"--set {path}: it is of type {kind}, and the value is not JSON: {error}.") from None


def _time(path: str, text: str) -> object:
    from datetime import datetime

    try:
        # Before Python 3.11 fromisoformat does not read the "Z".
        return datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        raise _Stop(f"--set {path}: write the time as 2024-09-16T21:31:00Z.") from None


@contextlib.contextmanager
def _open(
    token_env: str, base_url: str | None, max_wait: float, hooks: Sequence[Callable[[Event], None]] = ()
) -> Generator[Executor]:
    """Open an executor with the token of an environment variable."""
    if _TOKEN_ALIKE.match(token_env) or not _VARIABLE.fullmatch(token_env):
        raise _Stop("--token-env takes the name of an environment variable, such as SLACK_BOT_TOKEN; never a token.")
    token = os.environ.get(token_env, "").strip()
    if not token:
        raise _Stop(
            f"The environment variable {token_env} holds no token. Set it to the app's bot token (xoxb-…), or name "
            "another variable with --token-env. Nothing was sent.",
            Exit.TOKEN,
        )
    if base_url is not None and not re.match(r"https?://[^/]", base_url):
        raise _Stop("--base-url takes a URL such as https://slack.com/api/.")

    from ..client import PooledWebClient
    from ..executor import Executor
    from ..retries import RetryPolicy

    opened = PooledWebClient(token) if base_url is None else PooledWebClient(token, base_url=f"{base_url.rstrip('/')}/")
    with opened as client, Executor(client, retry=RetryPolicy(max_wait=max_wait), hooks=hooks) as executor:
        yield executor


# --- commands --------------------------------------------------------------------------------------------------------


_LATER = frozenset({"connect", "doctor", "manifest", "new", "runs", "schema", "serve-fake"})


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
@_json
def _replay(incident: str | None, *, quiet: bool, as_json: bool) -> None:
    """Replay a real incident on a fake Slack.

    The three shipped runbooks coordinate GitHub's incident of 16 September 2024, with an update for each that was
    published, at the times at which it was. Needs no token and no network.
    """
    from .. import _demo

    played = _demo.play(incident, (lambda _: None) if quiet or as_json else _say)
    if as_json:
        _say_json(played.to_dict())
        return
    for transcript in played.transcripts.values():
        _say(f"\n{transcript}")
    _say(f"\n{played}")


@cli.command("run")
@_file
@_context
@_slack
@click.option("--run-id", metavar="ID", help="Names the run in its report.")
@click.option("--actor", metavar="WHO", help="Who asks for the run, for its report.")
@click.option("--reason", metavar="WHY", help="Why, for its report.")
@click.option(
    "--save-context",
    metavar="FILE",
    help="Write the context that the run hands on, as JSON, for --context of the next runbook; also after a failure.",
)
@_json
def _run(
    file: str,
    *,
    source: str | None,
    assignments: Sequence[str],
    token_env: str,
    base_url: str | None,
    max_wait: float,
    run_id: str | None,
    actor: str | None,
    reason: str | None,
    save_context: str | None,
    as_json: bool,
) -> int:
    """Run a runbook in Slack, and print how each step went.

    What is known to be wrong before the first request is refused, and nothing is sent.
    """
    runbook = _load(file)
    context = _filled(source, assignments, runbook)
    _writable(save_context)
    with _open(token_env, base_url, max_wait, () if as_json else (_tell,)) as executor:
        interrupted = False
        try:
            report = executor.run(runbook, context, run_id=run_id, actor=actor, reason=reason)
        except CheckFailed as error:
            if as_json:
                _say_json({"ok": False, "problems": [str(problem) for problem in error.problems]})
            raise
        except KeyboardInterrupt:
            interrupted = True
            report = _report_of(executor)
    if as_json:
        _say_json(report.to_dict())
    else:
        _say(f"{report.runbook} ({report.run_id}): {report.state}")
        for note in report.notes:
            _say(f"  note: {note}")
    code = Exit.INTERRUPTED if interrupted else _code_of(report)
    try:
        _hand_on(report, save_context)
    except OSError as error:
        # The run is over, so its own code counts, unless that would say that all is well.
        click.echo(f"Error: the context was not saved: {_told(error)}", err=True)
        return code or Exit.FAILED
    return code


def _tell(event: Event) -> None:
    from .._engine import StepFinished

    if isinstance(event, StepFinished):
        _say(f"  {event.report}")


def _report_of(executor: Executor) -> Report:
    """Return the report of a run that Ctrl-C ended."""
    try:
        return executor.report()
    except KeyError:
        raise _Stop("Interrupted before the run began.", Exit.INTERRUPTED) from None


def _code_of(report: Report) -> Exit:
    if report.ok:
        # A step that may fail does not stop a run, but whether it did its work is a question all the same.
        return Exit.AMBIGUOUS if any(step.outcome == "ambiguous" for step in report.steps) else Exit.OK
    if report.state == "ambiguous":
        return Exit.AMBIGUOUS
    stopped = [step for step in report.steps if step.name == report.stopped_by]
    return _code_of_step(stopped[0].error) if stopped else Exit.FAILED


def _writable(file: str | None) -> None:
    """Refuse a place that cannot be written to before the run, not after it."""
    if file is not None and not os.access(Path(file).absolute().parent, os.W_OK):
        raise _Stop(f"--save-context {file}: the folder does not exist or cannot be written to.")


def _hand_on(report: Report, file: str | None) -> None:
    """Write the context that a run hands on; whoever reads the file meanwhile finds the old or the new one, whole."""
    if file is not None:
        from ..report import plain

        fresh = Path(f"{file}.new")
        fresh.write_text(json.dumps(plain(report.context), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        fresh.replace(file)


@cli.command("plan")
@_file
@_context
@_json
def _plan(file: str, *, source: str | None, assignments: Sequence[str], as_json: bool) -> int:
    """Show what a run would send. Needs no token and no network."""
    from .._survey import survey

    runbook = _load(file)
    planned = survey(runbook, _filled(source, assignments, runbook))
    problems = [problem for problem in planned.problems if problem.severity == "error"]
    if as_json:
        _say_json({**planned.to_dict(), "ok": not problems, "problems": [str(problem) for problem in problems]})
    else:
        _say(str(planned))
    return Exit.FAILED if problems else Exit.OK


@cli.command("check")
@_file
@_context
@_slack
@click.option("--offline", is_flag=True, help="Do not ask Slack which scopes the token has; needs no token.")
@_json
def _check(
    file: str,
    *,
    source: str | None,
    assignments: Sequence[str],
    token_env: str,
    base_url: str | None,
    max_wait: float,
    offline: bool,
    as_json: bool,
) -> int:
    """Look for everything that stands against a run, and change nothing.

    Asks Slack once, which scopes the token has.
    """
    runbook = _load(file)
    context = _filled(source, assignments, runbook)
    if offline:
        from .._survey import check_report, survey

        found = check_report(runbook, survey(runbook, context), None)
    else:
        with _open(token_env, base_url, max_wait) as executor:
            found = executor.check(runbook, context)
    if as_json:
        _say_json(found.to_dict())
    else:
        _say(str(found))
    # Where nothing else is wrong, whether it is the token or the network tells a script what to do about it.
    codes = {_code_of_step(problem.error) for problem in found.problems}
    return Exit.OK if found.ok else codes.pop() if len(codes) == 1 else Exit.FAILED


@cli.command("scopes")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_own_steps
@_json
def _scopes(files: Sequence[str], *, as_json: bool) -> None:
    """Show the OAuth scopes that runbooks need, and why.

    Needs no token and no network. Where a channel is not known before the run, a public one is assumed.
    """
    from ..scopes import required_scopes

    runbooks = [_load(file) for file in files]
    needed = {runbook.name: required_scopes(runbook) for runbook in runbooks}
    together = required_scopes(*runbooks).minimal
    if as_json:
        _say_json({"scopes": together, "runbooks": {name: _scopes_data(found) for name, found in needed.items()}})
        return
    for name, found in needed.items():
        _say(f"{name}: {' '.join(found.minimal) or 'no scopes'}")
        for scope, reasons in found.explain().items():
            _say(f"  {scope}")
            for reason in reasons:
                _say(f"      {reason}")
        for line in _sometimes(found):
            _say(f"  sometimes {line}")
    if len(needed) > 1:
        _say(f"all of them: {' '.join(together)}")


def _sometimes(found: ScopeRequirements) -> list[str]:
    """Say what is needed only under a condition, each scope and condition once, with its steps."""
    steps: dict[str, dict[str, None]] = {}
    for requirement in found.conditional:
        # With several types of channel the first, which is assumed, is in the list above.
        others = list(requirement.alternatives.values())[1 if len(requirement.alternatives) > 1 else 0 :]
        for scopes in others:
            steps.setdefault(f"{'/'.join(scopes)}, {requirement.condition}", {})[requirement.step] = None
    return [f"{needed}: {', '.join(names)}" for needed, names in steps.items()]


def _scopes_data(found: ScopeRequirements) -> dict[str, Any]:
    return {
        "scopes": found.minimal,
        "why": found.explain(),
        "sometimes": [
            {
                "scopes": requirement.scopes,
                "step": requirement.step,
                "why": requirement.why,
                "method": requirement.method,
                "condition": requirement.condition,
            }
            for requirement in found.conditional
        ],
    }
