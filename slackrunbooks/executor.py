"""The executors: two drivers of one engine.

Rule of this file: a driver performs work (send, sleep, tell hooks) and decides nothing. Whatever does not wait is in
:class:`_Core`, once for both; the two classes below differ in ``await`` alone.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar, cast, get_args

import attrs

from ._effects import HostCall, Raised, Returned, Upload
from ._engine import Event, Hook, Machine, OnAmbiguous, Send, Work
from ._lease import Recorder, next_of, rebuilt, replay, spec_of
from ._survey import Identify, Identity, check_report, survey
from .actions import Action
from .errors import CheckFailed, JournalError, RunbookError, RunConflict, RunHeld, SlackRunbooksError, Unsupported
from .journal import RunRecord, decode
from .report import Report
from .retries import RetryPolicy
from .runbook import Runbook, Step
from .templates import SupportsContext
from .text import Placeholder

if TYPE_CHECKING:
    from types import TracebackType

    from slack_sdk import WebClient
    from slack_sdk.web.async_client import AsyncWebClient
    from typing_extensions import Self

    from ._clock import Clock
    from ._effects import Delivery, Request
    from .journal import Journal
    from .report import CheckReport, Plan

__all__ = ["AsyncExecutor", "Context", "Executor"]

_R = TypeVar("_R")
_T = TypeVar("_T")

_log = logging.getLogger("slackrunbooks")

# Reports kept in memory for run IDs; older ones are forgotten. A journal keeps them all.
_KEPT = 1000


Context: TypeAlias = Mapping[str, Any] | SupportsContext | None
"""The data that fills a runbook: a mapping of plain data, or an object that gives one."""


class _WallClock:
    """The real clock."""

    def now(self) -> float:
        return time.time()

    def sleep_until(self, when: float) -> None:
        # How long is asked of the wall clock once, and measured by a clock that nobody sets back.
        ends = time.monotonic() + when - time.time()
        while (left := ends - time.monotonic()) > 0:
            time.sleep(left)

    async def async_sleep_until(self, when: float) -> None:
        import asyncio

        ends = time.monotonic() + when - time.time()
        while (left := ends - time.monotonic()) > 0:  # noqa: ASYNC110 - a timer may fire early
            await asyncio.sleep(left)

    def busy(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


@attrs.define
class _Kept:
    """A run of this executor: what it is of, and its report once it has one."""

    machine: Machine
    context: dict[str, Any]
    templates: bool
    report: Report | None = None


class _Core:
    """What both executors share: everything that does not wait."""

    def __init__(
        self,
        client: Any,
        *,
        token: str | None,
        retry: RetryPolicy | None,
        pacing: object,
        journal: Journal | None,
        on_ambiguous: OnAmbiguous,
        policy: object,
        hooks: Iterable[Hook],
    ) -> None:
        for option, value in (("pacing", pacing), ("policy", policy)):
            if value is not None:
                raise Unsupported(f"the executor option {option!r}", "Leave it out.")
        if on_ambiguous not in get_args(OnAmbiguous):
            raise RunbookError(
                f"must be one of 'reconcile', 'fail', 'resend', not {on_ambiguous!r}.", place="Executor.on_ambiguous"
            )
        if token is not None and not str(token).strip():
            raise RunbookError("is empty: give a bot token, or none to use SLACK_BOT_TOKEN.", place="Executor.token")
        if client is not None and token is not None:
            raise RunbookError("takes a client or a token, not both: the client has its own.", place="Executor")
        self._given = client
        self._token = token
        self._retry = retry or RetryPolicy()
        self._on_ambiguous: OnAmbiguous = on_ambiguous
        self._hooks = tuple(hooks)
        self._journal = journal
        self._owner = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, _Kept] = OrderedDict()
        self._latest: Report | None = None
        self._made: Any = None
        # Whether a client used as it was given is closed with the executor; the fake's server gives one away.
        self._owns_client = False
        self._clock: Clock = getattr(client, "slackrunbooks_clock", None) or _WallClock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self._given).__name__ if self._given is not None else 'token'})"

    # --- looking -----------------------------------------------------------------------------------------------------

    def plan(self, runbook: Runbook | Action[Any], context: Context = None) -> Plan:
        """Say what a run would do. Needs no token and no network.

        Args:
            runbook: A runbook, or one action.
            context: The data that would fill it; of an action without one, the values go as they are.

        Returns:
            Each step with its filled arguments, methods, scopes, problems and least time.

        Raises:
            RunbookError: The context is neither a mapping nor has ``to_context()``.
        """
        return self._survey(runbook, context)[1]

    def _survey(self, runbook: Runbook | Action[Any], context: object) -> tuple[Runbook, Plan, bool]:
        book, single = (runbook, False) if isinstance(runbook, Runbook) else (Runbook.of_one(runbook), True)
        templates = not single or context is not None
        return book, survey(book, _plain_context(context), templates=templates, single=single), single

    def report(self, run_id: str | None = None) -> Report:
        """Return the report of a run of this executor or its journal, also of one that Ctrl-C or a cancellation ended.

        Args:
            run_id: The run; left out, the latest that ended.

        Raises:
            KeyError: This executor has no report of it.
        """
        with self._lock:
            if run_id is None:
                found = self._latest
            else:
                kept = self._runs.get(run_id)
                found = kept.report if kept is not None else None
        if found is None and run_id is not None and self._journal is not None:
            record = self._journal.get(run_id)
            if record is not None:
                machine, _ = rebuilt(record)
                replay(machine, self._journal.entries(run_id))
                found = machine.report()
        if found is None:
            raise KeyError("no run has ended yet" if run_id is None else f"no report of run {run_id!r}")
        return found

    # --- starting and ending a run -----------------------------------------------------------------------------------

    def _for_action(self, action: object, context: Context, key: str | None) -> tuple[Machine, dict[str, Any] | None]:
        """Make the machine of one action, and the context under which its key is remembered, if it has one."""
        data = _plain_context(context)
        machine = Machine(
            _checked_action(action),
            data,
            run_id=_named(f"key/{key}" if key is not None else None, "do"),
            retry=self._retry,
            templates=context is not None,
            single=True,
            on_ambiguous=self._on_ambiguous,
        )
        return machine, None if key is None else data

    def _open_one(self, action: object, context: Context, key: str) -> Report | _Opened:
        """Open the run of one action under a key. Blocks."""
        name = _named(f"key/{key}", "do")
        book, data = _checked_action(action), _plain_context(context)
        return self._open(book, data, name, templates=context is not None, single=True)

    def _for_run(
        self, runbook: Runbook, context: Context, run_id: str | None, actor: str | None, reason: str | None
    ) -> Report | tuple[Machine, dict[str, Any]]:
        """Return the report that a run ID has already, or look before the leap and make the machine."""
        data = _plain_context(context)
        if (recorded := self._known(run_id, _checked_runbook(runbook), data)) is not None:
            return recorded
        self._look_before(runbook, data)
        begins, _ = runbook.with_defaults(data)
        name = _named(run_id, runbook.name)
        machine = Machine(
            runbook,
            begins,
            run_id=name,
            retry=self._retry,
            actor=actor,
            reason=reason,
            on_ambiguous=self._on_ambiguous,
        )
        return machine, data

    # --- runs that are kept ------------------------------------------------------------------------------------------

    def _open(
        self,
        runbook: Runbook,
        given: dict[str, Any],
        run_id: str,
        *,
        templates: bool = True,
        single: bool = False,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Report | _Opened:
        """Begin a run in the journal, go on with one that is there, or return its report. Blocks."""
        journal = cast("Journal", self._journal)
        now = self._clock.now()
        begins = runbook.with_defaults(given)[0] if templates and not single else given
        spec = spec_of(
            runbook,
            begins,
            given,
            retry=self._retry,
            on_ambiguous=self._on_ambiguous,
            templates=templates,
            single=single,
            actor=actor,
            reason=reason,
        )
        if journal.get(run_id) is None and not single:
            self._look_before(runbook, given)
        record = journal.begin(RunRecord(run_id=run_id, spec=spec, created=now, updated=now))
        known, asked = decode(record.spec), decode(spec)
        if (known["runbook"], known["templates"]) != (asked["runbook"], asked["templates"]):
            raise RunConflict(run_id, "it is a run of another runbook; give this one another run_id.")
        other = known["given"] != asked["given"]
        opened = self._go_on(record)
        if not other:
            return opened
        note = "The context differs from the one the run began with, and was ignored."
        if isinstance(opened, Report):
            return attrs.evolve(opened, notes=(*opened.notes, note))
        return attrs.evolve(opened, notes=(note,))

    def _go_on(self, record: RunRecord) -> Report | _Opened:
        """Return the report of a run that has ended, or take it over. Blocks."""
        journal = cast("Journal", self._journal)
        if record.state != "running":
            machine, _ = rebuilt(record)
            replay(machine, journal.entries(record.run_id))
            return machine.report()
        recorder = Recorder.claim(journal, record.run_id, self._owner, now := self._clock.now())
        try:
            # It may have ended since it was read.
            if (current := journal.get(record.run_id)) is not None and current.state != "running":
                recorder.end(current.state, now)
                return self._go_on(current)
            machine, _ = rebuilt(record)
            waiting = recorder.replay(machine, journal.entries(record.run_id), now)
        except BaseException:
            with contextlib.suppress(JournalError, RunHeld):
                recorder.end("running", now)
            raise
        # What happened in another process, hooks were told there.
        machine.events()
        return _Opened(machine, recorder, waiting)

    def _kept_record(self, run_id: str) -> RunRecord:
        if self._journal is None:
            raise Unsupported("resume without a journal", "Give the executor one: journal=SqliteJournal(…).")
        record = self._journal.get(run_id)
        if record is None:
            raise KeyError(f"the journal has no run {run_id!r}")
        return record

    def _unfinished(self) -> list[RunRecord]:
        if self._journal is None:
            raise Unsupported("resume without a journal", "Give the executor one: journal=SqliteJournal(…).")
        now = self._clock.now()
        runs = self._journal.runs()
        return [
            each for each in reversed(runs) if each.state == "running" and not (each.owner and each.lease_until > now)
        ]

    def _let_go(self, opened: _Opened, error: BaseException) -> None:
        """Leave an interrupted run for whoever goes on with it, and keep what is known of it."""
        opened.machine.cancel(self._clock.now(), reason=f"the run was interrupted ({type(error).__name__})")
        with self._lock:
            self._latest = opened.machine.report()
        with contextlib.suppress(JournalError, RunHeld):
            opened.recorder.end("running", self._clock.now())
        self._tell(opened.machine)

    def _noted(self, opened: _Opened) -> Report:
        report = opened.machine.report()
        if opened.notes:
            report = attrs.evolve(report, notes=(*report.notes, *opened.notes))
        with self._lock:
            self._latest = report
        return report

    # --- runs in memory ----------------------------------------------------------------------------------------------

    def _register(self, machine: Machine, context: dict[str, Any], *, templates: bool = True) -> Report | None:
        """Note that a run is under way, or return the report that its ID has already."""
        with self._lock:
            if machine.run_id in self._runs:
                kept = self._runs[machine.run_id]
                return _recorded(machine.run_id, kept, machine.runbook, context, templates=templates)
            self._runs[machine.run_id] = _Kept(machine, context, templates)
            self._forget()
        return None

    def _forget(self) -> None:
        """Drop the oldest reports; runs under way stay."""
        if len(self._runs) > _KEPT:
            oldest = next((name for name, kept in self._runs.items() if kept.report is not None), None)
            if oldest is not None:
                del self._runs[oldest]

    def _finish(self, machine: Machine) -> Report:
        """Keep the report. A key that certainly did nothing is free again; a run ID names its run for good."""
        report = machine.report()
        with self._lock:
            kept = self._runs.get(machine.run_id)
            if kept is not None and kept.machine is machine:
                kept.report = report
                if machine.single and report.steps[0].outcome not in ("succeeded", "ambiguous"):
                    del self._runs[machine.run_id]
            self._latest = report
        return report

    def _known(self, run_id: str | None, runbook: Runbook, context: dict[str, Any]) -> Report | None:
        """Return the recorded report of a run, whatever the context is that it is asked for with."""
        with self._lock:
            kept = self._runs.get(run_id) if run_id is not None else None
            return None if kept is None else _recorded(str(run_id), kept, runbook, context, templates=True)

    def _look_before(self, runbook: Runbook, context: dict[str, Any]) -> None:
        """Refuse a run whose runbook and context are known to be wrong, before anything is sent."""
        problems = [problem for problem in survey(runbook, context).problems if problem.severity == "error"]
        if problems:
            raise CheckFailed(problems, subject=runbook.name) from problems[0].error

    def _tell(self, machine: Machine) -> None:
        for event in machine.events():
            self._tell_hooks(event)

    def _tell_hooks(self, event: Event) -> None:
        for hook in self._hooks:
            try:
                hook(event)
            except Exception:  # noqa: BLE001
                # A broken progress bar must not stop an incident from being declared.
                _log.exception("A hook failed; the run goes on.")

    def _next(self, machine: Machine, pending: list[Work]) -> Work | None:
        """Return what to do next."""
        pending += machine.ready(self._clock.now())
        self._tell(machine)
        return next_of(pending)

    def _interrupted(self, machine: Machine, error: BaseException) -> None:
        machine.cancel(self._clock.now(), reason=f"the run was interrupted ({type(error).__name__})")
        # The report comes first: a hook may be interrupted too, and must not take it away.
        self._finish(machine)
        self._tell(machine)

    # --- parts of the contract that this version does not have -------------------------------------------------------

    def submit(self, runbook: Runbook, context: Context = None, **options: object) -> NoReturn:  # noqa: ARG002
        """Not in this version: raises ``Unsupported``."""
        raise Unsupported("submit", "Use run, in a thread or task of your own.")

    def retry(self, run_id: str, runbook: Runbook | None = None) -> NoReturn:  # noqa: ARG002
        """Not in this version: raises ``Unsupported``."""
        raise Unsupported("retry", "Run a runbook that begins with the step that failed.")

    def cancel(self, run_id: str) -> NoReturn:  # noqa: ARG002
        """Not in this version: raises ``Unsupported``."""
        raise Unsupported("cancel", "Interrupt the thread, or cancel the task, that runs it.")

    def signal(self, run_id: str, name: str, payload: object = None) -> NoReturn:  # noqa: ARG002
        """Not in this version: raises ``Unsupported``."""
        raise Unsupported("signal", "Split the runbook where a person decides, and run the parts.")

    def resolve(self, run_id: str, step: str, *, call: int, applied: bool, reply: object = None) -> NoReturn:  # noqa: ARG002
        """Not in this version: raises ``Unsupported``."""
        raise Unsupported("resolve", "Look in Slack what happened, and run what is left.")


@attrs.frozen
class _Opened:
    """A run of a journal that this executor goes on with."""

    machine: Machine
    recorder: Recorder
    waiting: Work | None = None
    notes: tuple[str, ...] = ()


def _recorded(run_id: str, kept: _Kept, runbook: Runbook, context: object, *, templates: bool) -> Report:
    known = kept.machine.runbook
    if known != runbook or kept.templates != templates:
        raise RunConflict(run_id, f"it is a run of {known.name!r} as it was then; give this one another run_id.")
    if kept.report is None:
        raise RunHeld(run_id, "it is under way in another thread or task; wait for that one.")
    if kept.context != context:
        note = "The context differs from the one the run began with, and was ignored."
        return attrs.evolve(kept.report, notes=(*kept.report.notes, note))
    return kept.report


def _plain_context(context: object) -> dict[str, Any]:
    """Copy a context, so that what a host changes meanwhile does not change the run."""
    if context is None:
        return {}
    give = getattr(context, "to_context", None)
    data = give() if callable(give) else context
    if not isinstance(data, Mapping):
        raise RunbookError(
            f"must be a mapping of plain data, or an object with to_context(), not {type(data).__name__}.",
            place="context",
        )
    return cast("dict[str, Any]", _copied(data))


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, str):
        return Placeholder.plain(value)
    return [_copied(item) for item in value] if isinstance(value, (list, tuple)) else value


def _outcome(report: Report) -> Any:
    """Return what a single action gave, or raise what it met."""
    step = report.steps[0]
    if step.error is not None:
        if isinstance(step.error, SlackRunbooksError):
            step.error.output = step.output
        # A recorded error may be raised often; it must not gather the tracebacks of all who asked.
        raise step.error.with_traceback(None)
    if step.outcome != "succeeded":
        raise SlackRunbooksError(f"{step.name} was not done: {step.reason}.")
    return step.output


class Executor(_Core):
    """Runs actions and runbooks in Slack, synchronously. Safe to share between threads; close it when done.

    Args:
        client: A ``slack_sdk.WebClient``. A plain one lends its settings to a :class:`PooledWebClient`; a subclass or
            a stand-in is used as it is, and refused if it would retry by itself.
        token: A bot token, instead of a client. Without either, the environment variable ``SLACK_BOT_TOKEN`` is read
            when the first request is made.
        retry: How often and how long refused requests are tried again.
        pacing: Not in this version.
        journal: Keeps runs, so that one goes on after a crash: ``MemoryJournal()``, ``SqliteJournal(path)``. Without
            one, run IDs are remembered in memory, for the last 1,000 runs.
        on_ambiguous: What to do when an answer is lost. ``"reconcile"`` looks up what became of the request (a message
            by an opaque key in its metadata, a channel by its creator and time …), sends again what may be sent twice,
            and stops with ``AmbiguousOutcome`` where nobody can tell; ``"fail"`` stops at once; ``"resend"`` sends it
            again whatever it does a second time.
        policy: Not in this version.
        hooks: Called with each event (``StepStarted``, ``StepFinished``, ``RunFinished``). One that raises is logged,
            and the run goes on.

    Raises:
        Unsupported: An option that this version does not have was given.
        RunbookError: Both a client and a token were given, or a client that would retry by itself.
    """

    def __init__(
        self,
        client: WebClient | None = None,
        *,
        token: str | None = None,
        retry: RetryPolicy | None = None,
        pacing: object = None,
        journal: Journal | None = None,
        on_ambiguous: OnAmbiguous = "reconcile",
        policy: object = None,
        hooks: Iterable[Hook] = (),
    ) -> None:
        super().__init__(
            client,
            token=token,
            retry=retry,
            pacing=pacing,
            journal=journal,
            on_ambiguous=on_ambiguous,
            policy=policy,
            hooks=hooks,
        )
        if client is not None:
            self._client()

    def _client(self) -> WebClient:
        from .client import sync_client

        with self._lock:
            if self._made is None:
                self._made = sync_client(self._given, token=self._token)
            return cast("WebClient", self._made)

    def close(self) -> None:
        """Close the connections that this executor opened; a client it was given as it is stays open."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None and (made is not self._given or self._owns_client):
            made.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def do(self, action: Action[_R], context: Context = None, *, key: str | None = None) -> _R:
        """Perform one action.

        Args:
            action: The action.
            context: Fills its templates. Without one, the values are sent as they are; ``escape(text)`` makes foreign
                text inert.
            key: Makes it idempotent: the same key gives the recorded output; without a journal, within this executor.

        Returns:
            The action's output.

        Raises:
            MissingVariable: A template names what the context does not have; nothing was sent.
            CheckFailed: The filled action is wrong (too long, empty, a bad name); nothing was sent.
            SlackError: Slack refused; heirs name the cause. ``error.output`` has what was achieved before.
            AmbiguousOutcome: The answer was lost; it was not sent again.
        """
        if key is not None and self._journal is not None:
            opened = self._open_one(action, context, key)
            return cast("_R", _outcome(opened if isinstance(opened, Report) else self._drive_kept(opened)))
        machine, kept = self._for_action(action, context, key)
        return cast("_R", _outcome(self._drive(machine, kept, templates=context is not None)))

    def run(
        self,
        runbook: Runbook,
        context: Context = None,
        *,
        run_id: str | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Report:
        """Run a runbook. What Slack refuses is in the report; see ``report.raise_for_failure()``.

        Args:
            runbook: The runbook.
            context: The incident's data: a mapping of plain data, or an object with ``to_context()``.
            run_id: Names the run. The same ID again gives the recorded report, or goes on with the run if its process
                ended before it did; without a journal, within this executor.
            actor: Who asked for the run, for the report.
            reason: Why, for the report.

        Returns:
            The report, with a report for each step.

        Raises:
            CheckFailed: Runbook and context are known to be wrong; nothing was sent.
            AuthenticationFailed: There is no token; nothing was sent.
            RunConflict: The run ID belongs to another runbook.
            RunHeld: The run is under way in another thread.
        """
        if self._journal is not None:
            name = _named(run_id, _checked_runbook(runbook).name)
            opened = self._open(runbook, _plain_context(context), name, actor=actor, reason=reason)
            return opened if isinstance(opened, Report) else self._drive_kept(opened)
        prepared = self._for_run(runbook, context, run_id, actor, reason)
        return prepared if isinstance(prepared, Report) else self._drive(*prepared)

    def resume(self, run_id: str) -> Report:
        """Go on with a run that its process left unfinished; of one that has ended, return the report.

        Args:
            run_id: The run.

        Raises:
            KeyError: The journal has no such run.
            RunHeld: Another worker is at work on it.
            RunConflict: The code, or a file that it reads, has changed since, so that it would ask for something else.
        """
        opened = self._go_on(self._kept_record(run_id))
        return opened if isinstance(opened, Report) else self._drive_kept(opened)

    def resume_all(self) -> list[Report]:
        """Go on with every run that nobody is at work on, the oldest first; return their reports."""
        reports = []
        for record in self._unfinished():
            with contextlib.suppress(RunHeld):
                reports.append(self.resume(record.run_id))
        return reports

    def check(self, runbook: Runbook | Action[Any], context: Context = None) -> CheckReport:
        """Look for everything that stands against a run, and change nothing: one request, ``auth.test``.

        Args:
            runbook: A runbook, or one action.
            context: The data that would fill it.

        Returns:
            All problems, each with its place and remedy; ``.raise_for_problems()`` raises them.
        """
        book, plan, single = self._survey(runbook, context)
        identity: Identity | SlackRunbooksError
        try:
            identity = self.do(Identify())
        except SlackRunbooksError as error:
            identity = error
        return check_report(book, plan, identity, single=single)

    def _drive_kept(self, opened: _Opened) -> Report:
        """Perform the work of a run that is kept: each piece is written before and after."""
        machine, recorder = opened.machine, opened.recorder
        try:
            client = self._client()
            with self._clock.busy():
                work, pending = opened.waiting, list[Work]()
                while True:
                    if work is None:
                        ready_at = self._clock.now()
                        if (work := self._next(machine, pending)) is None:
                            break
                        recorder.intend(work, ready_at, self._clock.now)
                    delivery: Delivery | None = None
                    if isinstance(work, Send):
                        recorder.hold(self._clock.now)
                        machine.sending(work)
                        delivery = _perform(client, work.call)
                    else:
                        while (now := self._clock.now()) < work.until:
                            self._clock.sleep_until(recorder.slice_of(work.until, now))
                    recorder.settle(delivery, now := self._clock.now())
                    machine.done(work, delivery, now)
                    work = None
            recorder.end(machine.report().state, self._clock.now())
            return self._noted(opened)
        except BaseException as error:
            self._let_go(opened, error)
            raise

    def _drive(self, machine: Machine, kept: dict[str, Any] | None, *, templates: bool = True) -> Report:
        """Perform a machine's work. ``kept`` is the context under which a run ID or a key is remembered."""
        client = self._client()
        pending: list[Work] = []
        try:
            if kept is not None and (recorded := self._register(machine, kept, templates=templates)) is not None:
                return recorded
            with self._clock.busy():
                while (work := self._next(machine, pending)) is not None:
                    delivery: Delivery | None = None
                    if isinstance(work, Send):
                        machine.sending(work)
                        delivery = _perform(client, work.call)
                    else:
                        self._clock.sleep_until(work.until)
                    machine.done(work, delivery, self._clock.now())
            return self._finish(machine)
        except (RunConflict, RunHeld):
            raise
        except BaseException as error:
            self._interrupted(machine, error)
            raise


class AsyncExecutor(_Core):
    """Runs actions and runbooks in Slack with ``await``. Safe to share between tasks of one loop; close it when done.

    Needs the extra ``async``. Arguments, methods, results and errors are those of :class:`Executor`; ``client`` is a
    ``slack_sdk.web.async_client.AsyncWebClient``.
    """

    def __init__(
        self,
        client: AsyncWebClient | None = None,
        *,
        token: str | None = None,
        retry: RetryPolicy | None = None,
        pacing: object = None,
        journal: Journal | None = None,
        on_ambiguous: OnAmbiguous = "reconcile",
        policy: object = None,
        hooks: Iterable[Hook] = (),
    ) -> None:
        super().__init__(
            client,
            token=token,
            retry=retry,
            pacing=pacing,
            journal=journal,
            on_ambiguous=on_ambiguous,
            policy=policy,
            hooks=hooks,
        )
        if client is not None:
            self._client()

    def _client(self) -> AsyncWebClient:
        from .client import async_client

        with self._lock:
            if self._made is None:
                self._made = async_client(self._given, token=self._token)
            return cast("AsyncWebClient", self._made)

    async def close(self) -> None:
        """Close the connections that this executor opened; a client it was given as it is stays open."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None and (made is not self._given or self._owns_client):
            await made.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def do(self, action: Action[_R], context: Context = None, *, key: str | None = None) -> _R:
        """Perform one action; see :meth:`Executor.do`."""
        if key is not None and self._journal is not None:
            opened = await _in_thread(self._open_one, action, context, key)
            return cast("_R", _outcome(opened if isinstance(opened, Report) else await self._drive_kept(opened)))
        machine, kept = self._for_action(action, context, key)
        return cast("_R", _outcome(await self._drive(machine, kept, templates=context is not None)))

    async def run(
        self,
        runbook: Runbook,
        context: Context = None,
        *,
        run_id: str | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Report:
        """Run a runbook; see :meth:`Executor.run`."""
        if self._journal is not None:
            name = _named(run_id, _checked_runbook(runbook).name)
            data = _plain_context(context)
            opened = await _in_thread(lambda: self._open(runbook, data, name, actor=actor, reason=reason))
            return opened if isinstance(opened, Report) else await self._drive_kept(opened)
        prepared = self._for_run(runbook, context, run_id, actor, reason)
        return prepared if isinstance(prepared, Report) else await self._drive(*prepared)

    async def resume(self, run_id: str) -> Report:
        """Go on with a run that its process left unfinished; see :meth:`Executor.resume`."""
        opened = await _in_thread(lambda: self._go_on(self._kept_record(run_id)))
        return opened if isinstance(opened, Report) else await self._drive_kept(opened)

    async def resume_all(self) -> list[Report]:
        """Go on with every run that nobody is at work on; see :meth:`Executor.resume_all`."""
        reports = []
        for record in await _in_thread(self._unfinished):
            with contextlib.suppress(RunHeld):
                reports.append(await self.resume(record.run_id))
        return reports

    async def check(self, runbook: Runbook | Action[Any], context: Context = None) -> CheckReport:
        """Look for everything that stands against a run, and change nothing; see :meth:`Executor.check`."""
        book, plan, single = self._survey(runbook, context)
        identity: Identity | SlackRunbooksError
        try:
            identity = await self.do(Identify())
        except SlackRunbooksError as error:
            identity = error
        return check_report(book, plan, identity, single=single)

    async def _drive_kept(self, opened: _Opened) -> Report:
        """Perform the work of a run that is kept: each piece is written before and after, in a thread."""
        machine, recorder = opened.machine, opened.recorder
        try:
            client = self._client()
            with self._clock.busy():
                work, pending = opened.waiting, list[Work]()
                while True:
                    if work is None:
                        ready_at = self._clock.now()
                        if (work := self._next(machine, pending)) is None:
                            break
                        await _in_thread(recorder.intend, work, ready_at, self._clock.now)
                    delivery: Delivery | None = None
                    if isinstance(work, Send):
                        if not recorder.holds(self._clock.now()):
                            await _in_thread(recorder.hold, self._clock.now)
                        machine.sending(work)
                        delivery = await _perform_async(client, work.call)
                    else:
                        while (now := self._clock.now()) < work.until:
                            until = await _in_thread(recorder.slice_of, work.until, now)
                            await self._clock.async_sleep_until(until)
                    await _in_thread(recorder.settle, delivery, now := self._clock.now())
                    machine.done(work, delivery, now)
                    work = None
            await _in_thread(recorder.end, machine.report().state, self._clock.now())
            return self._noted(opened)
        except BaseException as error:
            # Not in a thread: a task that is being cancelled may not wait.
            self._let_go(opened, error)
            raise

    async def _drive(self, machine: Machine, kept: dict[str, Any] | None, *, templates: bool = True) -> Report:
        """Perform a machine's work. ``kept`` is the context under which a run ID or a key is remembered."""
        client = self._client()
        pending: list[Work] = []
        try:
            if kept is not None and (recorded := self._register(machine, kept, templates=templates)) is not None:
                return recorded
            with self._clock.busy():
                while (work := self._next(machine, pending)) is not None:
                    delivery: Delivery | None = None
                    if isinstance(work, Send):
                        machine.sending(work)
                        delivery = await _perform_async(client, work.call)
                    else:
                        await self._clock.async_sleep_until(work.until)
                    machine.done(work, delivery, self._clock.now())
            return self._finish(machine)
        except (RunConflict, RunHeld):
            raise
        except BaseException as error:
            self._interrupted(machine, error)
            raise


def _perform(client: WebClient, request: Request) -> Delivery:
    from . import client as wire

    if isinstance(request, Upload):
        return wire.upload(client, request.url, request.content)
    if isinstance(request, HostCall):
        return _called(request)
    return wire.send(client, request)


async def _perform_async(client: AsyncWebClient, request: Request) -> Delivery:
    from . import client as wire

    if isinstance(request, Upload):
        return await wire.upload_async(client, request.url, request.content)
    if isinstance(request, HostCall):
        return await _called_async(request)
    return await wire.send_async(client, request)


def _called(request: HostCall) -> Delivery:
    if inspect.iscoroutinefunction(request.function):
        return Raised(
            RunbookError("is asynchronous: run it with AsyncExecutor, or give a plain function.", place=request.method)
        )
    try:
        return Returned(request.function(**request.arguments))
    except Exception as error:  # noqa: BLE001 - the host's function may raise anything; the report tells
        return Raised(error)


async def _called_async(request: HostCall) -> Delivery:
    import asyncio

    try:
        if inspect.iscoroutinefunction(request.function):
            return Returned(await request.function(**request.arguments))
        # A function that waits must not hold up the loop on which everything else of the host runs.
        return Returned(await asyncio.to_thread(request.function, **request.arguments))
    except Exception as error:  # noqa: BLE001 - the host's function may raise anything; the report tells
        return Raised(error)


async def _in_thread(work: Callable[..., _T], *arguments: Any) -> _T:
    """Do what may block in a thread, so that the loop goes on."""
    import asyncio

    return await asyncio.to_thread(work, *arguments)


def _named(run_id: str | None, what: str) -> str:
    """Return a run ID, or make one where none is given."""
    if run_id is not None and (not run_id or type(run_id) is not str):
        raise RunbookError("must be text that is not empty.", place="run_id")
    return run_id or f"{what}/{uuid.uuid4().hex[:12]}"


def _checked_action(action: object) -> Runbook:
    if not isinstance(action, Action):
        hint = " Use run for a runbook." if isinstance(action, (Runbook, Step)) else ""
        raise RunbookError(f"must be an action such as SendMessage(…), not {type(action).__name__}.{hint}", place="do")
    return Runbook.of_one(action)


def _checked_runbook(runbook: object) -> Runbook:
    if not isinstance(runbook, Runbook):
        hint = " Use do for one action." if isinstance(runbook, Action) else ""
        raise RunbookError(f"must be a Runbook, not {type(runbook).__name__}.{hint}", place="run")
    return runbook
