"""What the commands share: exit codes, printing, arguments, and how a runbook, a journal and an executor are opened.

Rule of this file: nothing here is a command. What is heavy is imported where it is used.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import json
import os
import re
import sys
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs
import click

from ..errors import (
    AmbiguousOutcome,
    AuthenticationFailed,
    CheckFailed,
    ConnectFailed,
    JournalError,
    RunbookError,
    RunConflict,
    RunHeld,
    SlackUnavailable,
    StepFailed,
    TemplateError,
    Unsupported,
)

if TYPE_CHECKING:
    from .._clock import Clock
    from .._engine import Event
    from ..client import PooledWebClient
    from ..connect import Workspaces
    from ..executor import Executor
    from ..journal import Journal
    from ..report import Report, StepReport
    from ..runbook import Runbook

__all__ = [
    "IMPORTED",
    "JOURNAL_ENV",
    "Door",
    "Exit",
    "Progress",
    "Stop",
    "address",
    "as_json",
    "client_of_store",
    "code_of",
    "code_of_report",
    "code_of_step",
    "duration",
    "journal_option",
    "load",
    "max_wait",
    "open_executor",
    "open_journal",
    "options",
    "own_steps",
    "parsed",
    "say",
    "say_json",
    "say_report",
    "shipped",
    "token_at",
    "told",
    "workspaces",
]

_F = TypeVar("_F", bound=Callable[..., Any])

JOURNAL_ENV = "SLACKRUNBOOKS_JOURNAL"

IMPORTED = "slackrunbooks.cli.imported"
"""Where a command's context keeps the modules that it was told to import."""

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
    UNFINISHED = 6
    """The run has not ended: it waits, everything is paused, or another worker is at work on it."""
    INTERRUPTED = 130
    """Ctrl-C. The report says what was done before."""


# The first row that fits counts. What is wrong with a runbook or a context was found before anything was sent.
_CODES: tuple[tuple[tuple[type[BaseException], ...], Exit], ...] = (
    ((AmbiguousOutcome,), Exit.AMBIGUOUS),
    ((AuthenticationFailed,), Exit.TOKEN),
    ((SlackUnavailable,), Exit.NETWORK),
    ((RunHeld,), Exit.UNFINISHED),
    ((CheckFailed, RunbookError, RunConflict, TemplateError, Unsupported, OSError), Exit.USAGE),
)


class Stop(click.ClickException):
    """Ends a command with a message and an exit code."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: BaseException) -> Exit:
    """Return the exit code for what was raised before a run began."""
    if isinstance(error, StepFailed):
        return code_of_step(error.error)
    return next((code for kinds, code in _CODES if isinstance(error, kinds)), Exit.FAILED)


def code_of_step(error: BaseException | None) -> Exit:
    """Return the exit code for what ended a run; steps before it may have been done."""
    code = Exit.FAILED if error is None else code_of(error)
    return Exit.FAILED if code in (Exit.USAGE, Exit.UNFINISHED) else code


def code_of_report(report: Report) -> Exit:
    """Return the exit code for a run."""
    if report.ok:
        # A step that may fail does not stop a run, but whether it did its work is a question all the same.
        return Exit.AMBIGUOUS if any(step.outcome == "ambiguous" for step in report.steps) else Exit.OK
    if report.state == "ambiguous":
        return Exit.AMBIGUOUS
    if report.state == "waiting":
        return Exit.UNFINISHED
    stopped = [step for step in report.steps if step.name == report.stopped_by]
    return code_of_step(stopped[0].error) if stopped else Exit.FAILED


def told(error: BaseException) -> str:
    """Say what went wrong."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return str(error)


# --- printing --------------------------------------------------------------------------------------------------------


def say(text: str) -> None:
    """Print a line. A reader that has gone away (``| head``) must not change what a run does or reports."""
    try:
        click.echo(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer would raise again when Python ends.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say_json(data: object) -> None:
    """Print data as JSON."""
    say(json.dumps(data, ensure_ascii=False, indent=2))


def say_report(report: Report, *, but: Collection[str] = ()) -> None:
    """Print how a run went, without the steps that were told already."""
    for step in report.steps:
        if step.name not in but:
            say(f"  {step}")
    say(f"{report.runbook} ({report.run_id}): {report.state}")
    for note in report.notes:
        say(f"  note: {note}")


class Progress:
    """A hook that prints each step as it ends.

    Args:
        kept: Whether a journal keeps the run. Then one that is interrupted tells its hooks that it was cancelled, and
            was not: it goes on later.
    """

    def __init__(self, *, kept: bool = False) -> None:
        self.told: set[str] = set()
        self.before: list[StepReport] = []
        """What had ended before, to be printed once it is certain that the run goes on."""
        self._kept = kept

    def __call__(self, event: Event) -> None:
        from .._engine import StepFinished

        if isinstance(event, StepFinished) and not (self._kept and sys.exc_info()[0] is not None):
            self.catch_up()
            self._say(event.report)

    def catch_up(self) -> None:
        """Print what had ended before."""
        before, self.before = self.before, []
        for step in before:
            self._say(step)

    def _say(self, step: StepReport) -> None:
        say(f"  {step}")
        self.told.add(step.name)


# --- arguments that several commands have ----------------------------------------------------------------------------


def options(*given: Callable[[Any], Any]) -> Callable[[_F], _F]:
    """Put several options on a command, to be shown in this order."""

    def decorate(command: _F) -> _F:
        for option in reversed(given):
            command = option(command)
        return command

    return decorate


def _import(context: click.Context, _option: click.Parameter, modules: Sequence[str]) -> None:
    """Import modules, so that what they register can be named by the runbook that is read afterwards."""
    from importlib import import_module

    context.meta[IMPORTED] = modules
    here = str(Path.cwd())
    if modules and here not in sys.path:
        # As `python -m` does, and as whoever keeps steps.py beside the runbook expects.
        sys.path.insert(0, here)
    for module in modules:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            raise Stop(f"--import {module}: there is no module {error.name!r} here or among the installed.") from None
        except Exception as error:
            raise Stop(f"--import {module}: {type(error).__name__}: {error}") from error


own_steps = click.option(
    "--import",
    metavar="MODULE",
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_import,
    help="Import a Python module first, which registers your own steps by name. May be repeated.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@attrs.frozen
class Door:
    """How a command gets to Slack: with the token of a variable, or with the installations of ``connect``."""

    token_env: str
    base_url: str | None
    store: str | None
    team: str | None
    client_id: str | None
    secret_env: str
    gov: bool


_ADDRESS = (
    click.option(
        "--token-env",
        metavar="NAME",
        default="SLACK_BOT_TOKEN",
        show_default=True,
        help="The environment variable that holds the token.",
    ),
    click.option(
        "--store",
        metavar="DIR",
        help='The folder of "connect", instead of a token. Steps with "workspace" take theirs from it too.',
    ),
    click.option("--team", metavar="ID", help="With --store: the workspace; left out, the only one that is there."),
    click.option(
        "--client-id", metavar="ID", envvar="SLACK_CLIENT_ID", show_envvar=True, help="With --store: the app."
    ),
    click.option(
        "--secret-env",
        metavar="NAME",
        default="SLACK_CLIENT_SECRET",
        show_default=True,
        help="With --store: the environment variable that holds the app's Client Secret.",
    ),
    click.option("--gov", is_flag=True, help="With --store: GovSlack."),
    click.option("--base-url", metavar="URL", help="Where Slack's Web API is, if not at https://slack.com/api/."),
)


def address(command: Callable[..., Any]) -> Callable[..., Any]:
    """Put the options on a command that say how it gets to Slack; it is given them as one ``door``."""

    @functools.wraps(command)
    def with_door(**given: Any) -> Any:
        names = [field.name for field in attrs.fields(Door)]
        return command(door=Door(**{name: given.pop(name) for name in names}), **given)

    return options(*_ADDRESS)(with_door)


max_wait = click.option(
    "--max-wait",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=120.0,
    show_default=True,
    help="Most seconds that one request may wait to be tried again.",
)
journal_option = click.option(
    "--journal",
    metavar="FILE",
    envvar=JOURNAL_ENV,
    show_envvar=True,
    help="Where runs are kept: a SQLite file, or a postgresql://… address.",
)


_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> float:
    """Read a length of time with its unit, such as ``45m``, as seconds."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no length of time; write it with its unit: 90s, 45m, 12h or 30d.")
    return float(found[1]) * _UNITS[found[2]]


# --- opening ---------------------------------------------------------------------------------------------------------


def load(file: str) -> Runbook:
    """Read a runbook from a file, or return the shipped one of that name; ``./NAME`` is always a file."""
    from ..runbook import Runbook

    names = shipped()
    if file in names:
        return Runbook.shipped(file)
    path = Path(file)
    if not path.is_file():
        raise Stop(f"{file}: no such file, and no shipped runbook; those are {', '.join(names)}.")
    return Runbook.from_yaml(path)


def shipped() -> list[str]:
    """Return the names of the shipped runbooks."""
    from importlib import resources

    folder = resources.files("slackrunbooks") / "runbooks"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def parsed(where: str, text: str, *, loosely: bool = False) -> Any:
    """Read JSON; ``loosely``, only what cannot be meant as text. What is no JSON may be anything, and is not shown."""
    if loosely and not (text in ("true", "false", "null") or text.startswith(("[", "{", '"'))):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise Stop(f"{where} the value is not JSON: {error}.") from None


def token_in(token_env: str, *, needed: bool = True) -> str | None:
    """Read the token; ``None`` where there is none and none is needed."""
    if _TOKEN_ALIKE.match(token_env) or not _VARIABLE.fullmatch(token_env):
        raise Stop("--token-env takes the name of an environment variable, such as SLACK_BOT_TOKEN; never a token.")
    token = os.environ.get(token_env, "").strip()
    if not token and needed:
        raise Stop(
            f"The environment variable {token_env} holds no token. Set it to the app's bot token (xoxb-…), or name "
            "another variable with --token-env. Nothing was sent.",
            Exit.TOKEN,
        )
    return token or None


@contextlib.contextmanager
def open_executor(
    door: Door | None,
    *,
    needed: bool = True,
    max_wait: float = 120.0,
    hooks: Sequence[Callable[[Event], None]] = (),
    journal: Journal | None = None,
    clock: Clock | None = None,
) -> Generator[Executor]:
    """Open an executor. Without a token it can do what sends nothing; Slack would refuse anything else.

    Args:
        door: How it gets to Slack; ``None`` for what sends nothing.
        needed: Whether there has to be a token.
        max_wait: Most seconds that one request may wait to be tried again.
        hooks: Called with each event.
        journal: Keeps runs.
        clock: The clock to work by.
    """
    base_url = None if door is None else door.base_url
    if base_url is not None and not re.match(r"https?://[^/]", base_url):
        raise Stop("--base-url takes a URL such as https://slack.com/api/.")
    from ..retries import RetryPolicy

    given: dict[str, Any] = {"retry": RetryPolicy(max_wait=max_wait), "hooks": hooks, "journal": journal}
    with contextlib.ExitStack() as stack:
        if door is not None and door.store is not None:
            executor = stack.enter_context(_of_store(door, given))
        else:
            from ..client import PooledWebClient
            from ..executor import Executor

            token = None if door is None else token_at(door, needed=needed)
            url: dict[str, Any] = {} if base_url is None else {"base_url": f"{base_url.rstrip('/')}/"}
            client = stack.enter_context(PooledWebClient(token, **url))
            executor = stack.enter_context(Executor(client, **given))
        if clock is not None:
            executor._clock = clock  # noqa: SLF001 - a worker's, which ends its waits
        yield executor


def token_at(door: Door, *, needed: bool = True) -> str | None:
    """Read the token of a command that was given no installations; as :func:`token_in`."""
    if door.team is not None or door.gov:
        raise Stop('--team and --gov go with --store: the folder of "slackrunbooks connect".')
    return token_in(door.token_env, needed=needed)


def workspaces(door: Door) -> tuple[Workspaces, str]:
    """Open the installations of ``connect``.

    Returns:
        Them, and the workspace that was meant.
    """
    folder = Path(door.store or "").expanduser()
    if not folder.is_dir():
        raise Stop(f"--store {door.store}: there is no such folder. Make it with: slackrunbooks connect --store …")
    secret = os.environ.get(door.secret_env, "").strip()
    if not secret or not door.client_id:
        lacking = "--client-id (or SLACK_CLIENT_ID) names no app" if secret else f"{door.secret_env} holds no secret"
        raise Stop(f"--store takes the app's Client ID and Client Secret: {lacking}. Nothing was sent.", Exit.TOKEN)
    from ..connect import PrivateFileStore, Workspaces

    team, enterprise = _place(folder, door.team)
    options: dict[str, Any] = {"client_id": door.client_id, "client_secret": secret, "gov": door.gov}
    base_url = None if door.base_url is None else f"{door.base_url.rstrip('/')}/"
    return Workspaces(PrivateFileStore(folder), base_url=base_url, enterprise_id=enterprise, **options), team


def _place(folder: Path, team: str | None) -> tuple[str, str | None]:
    """Find a workspace among the folders of installations, which are called by organisation and workspace."""
    found: list[tuple[str | None, str | None]] = []
    for each in sorted(folder.iterdir()):
        enterprise, _, name = each.name.partition("-")
        if (each / "bot-latest").is_file():
            found.append((_or_none(name), _or_none(enterprise)))
    own = [place for place in found if place[0] == team] if team is not None else found
    # Of a workspace without an installation of its own, that of the organisation.
    whole = [(team, place[1]) for place in found if place[0] is None]
    places = own or whole
    if len(places) == 1 and places[0][0] is not None:
        return places[0][0], places[0][1]
    there = ", ".join(name or f"{enterprise} (an organisation)" for name, enterprise in found) or "none"
    what = "names no one of" if team is None else f"{team} is not among"
    raise Stop(f"--team {what} the installations of {folder}: {there}. Nothing was sent.", Exit.TOKEN)


def _or_none(name: str) -> str | None:
    return None if name == "none" else name


def client_of_store(door: Door) -> PooledWebClient:
    """Return a client for a workspace, whose token rotates when it is time."""
    spaces, team = workspaces(door)
    try:
        return cast("PooledWebClient", spaces.client(team))
    except ConnectFailed as error:
        raise Stop(str(error), Exit.TOKEN) from error


def _of_store(door: Door, given: Mapping[str, Any]) -> Executor:
    spaces, team = workspaces(door)
    try:
        return spaces.executor(team, **given)
    except ConnectFailed as error:
        raise Stop(str(error), Exit.TOKEN) from error


@contextlib.contextmanager
def open_journal(name: str, *, create: bool = False) -> Generator[Journal]:
    """Open a journal by the form of its name; a file that is not there is made only for whoever begins a run."""
    try:
        journal = _postgres(name) if "://" in name else _sqlite(name, create=create)
    except JournalError as error:
        raise Stop(str(error)) from error
    try:
        yield journal
    finally:
        journal.close()


def _sqlite(name: str, *, create: bool) -> Journal:
    path = Path(name)
    if not create and not path.exists():
        raise Stop(f"{name}: there is no such journal. Give the file in which the bot keeps its runs.")

    from ..stores import SqliteJournal

    return SqliteJournal(path)


def _postgres(name: str) -> Journal:
    # What stands behind the scheme may hold a password.
    scheme = name.partition("://")[0]
    if scheme not in ("postgresql", "postgres"):
        raise Stop(f"--journal takes the path of a SQLite file or a postgresql://… address, not {scheme}://….")

    import slackrunbooks

    try:
        kind: Any = getattr(slackrunbooks, "PostgresJournal", None)
        if kind is None:
            raise Stop("This version keeps runs in SQLite files only: give --journal the path of one.")
        journal: Journal = kind(name)
    except ImportError as error:
        raise Stop(f"A journal in PostgreSQL needs {error.name}, which is not installed.") from None
    return journal
