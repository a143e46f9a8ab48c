"""The executors: two drivers of one engine.

Rule of this file: a driver performs work (send, sleep, tell hooks) and decides nothing. Whatever does not wait is in
:class:`_Core`, once for both; the two classes below differ in ``await`` alone.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import re
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast, get_args

import attrs

from ._context import MISSING, in_the_way, look_up, put
from ._effects import Answered, HostCall, OnAmbiguous, Raised, Returned, Upload
from ._engine import Event, Hook, Machine, Send, Work
from ._lease import Course, next_of, recorded, spec_of
from ._settle import REPLIES
from ._survey import Identify, Identity, check_report, survey
from .actions import Action
from .errors import CheckFailed, JournalError, RunbookError, RunConflict, RunHeld, SlackRunbooksError, Unsupported
from .journal import RunRecord, decode, encode
from .pacing import Pacing, asked_to_wait
from .report import LostAnswer, Report
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

_SIGNAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# So that one sweep ends, whatever others submit meanwhile.
_MOST_AT_ONCE = 1000

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
        pacing: Pacing | None,
        journal: Journal | None,
        on_ambiguous: OnAmbiguous,
        policy: object,
        hooks: Iterable[Hook],
    ) -> None:
        if policy is not None:
            raise Unsupported("the executor option 'policy'", "Leave it out.")
        if pacing is not None and not isinstance(pacing, Pacing):
            raise RunbookError(f"must be a Pacing, not {type(pacing).__name__}.", place="Executor.pacing")
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
        self._pacing = pacing
        self._lanes = journal
        if pacing is not None and journal is None:
            from .stores import MemoryJournal

            self._lanes = MemoryJournal()
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
                found = recorded(self._journal, record)[0].report()
        if found is None:
            raise KeyError("no run has ended yet" if run_id is None else f"no report of run {run_id!r}")
        return found

    def lost_answers(self, run_id: str) -> tuple[LostAnswer, ...]:
        """Return the requests of a run of which nobody knows what became; :meth:`resolve` answers for one. Blocks.

        Args:
            run_id: A run of the journal.

        Raises:
            KeyError: The journal has no such run.
        """
        machine, _ = recorded(self._journal_or_refused("lost_answers"), self._kept_record(run_id, "lost_answers"))
        return tuple(LostAnswer(step, call, method, REPLIES.get(method, ())) for step, call, method in machine.doubts())

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

    def _open_one(self, action: object, context: Context, key: str) -> Report | Course:
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
        subject: str = "",
        deadline: float | None = None,
    ) -> Report | Course:
        """Begin a run in the journal, go on with one that is there, or return its report. Blocks."""
        record, notes = self._begun(
            runbook,
            given,
            run_id,
            templates=templates,
            single=single,
            actor=actor,
            reason=reason,
            subject=subject,
            deadline=deadline,
        )
        opened = self._go_on(record)
        if isinstance(opened, Report):
            return attrs.evolve(opened, notes=(*opened.notes, *notes))
        opened.notes = notes
        return opened

    def _begun(
        self,
        runbook: Runbook,
        given: dict[str, Any],
        run_id: str,
        *,
        templates: bool = True,
        single: bool = False,
        actor: str | None = None,
        reason: str | None = None,
        subject: str = "",
        deadline: float | None = None,
    ) -> tuple[RunRecord, tuple[str, ...]]:
        """Write a run into the journal unless it is there, and return it with what is to be said. Blocks."""
        journal = self._journal_or_refused("a run that is kept")
        now = self._clock.now()
        known = journal.get(run_id)
        begins = given
        if known is None and not single:
            begins = _with_saved(given, journal, subject)
            begins = runbook.with_defaults(begins)[0] if templates else begins
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
            deadline=deadline,
        )
        if known is None:
            if not single:
                self._look_before(runbook, begins)
            record = RunRecord(run_id=run_id, spec=spec, subject=subject, created=now, updated=now)
            known = journal.begin(record)
        kept, asked = decode(known.spec), decode(spec)
        if (kept["runbook"], kept["templates"]) != (asked["runbook"], asked["templates"]):
            raise RunConflict(run_id, "it is a run of another runbook; give this one another run_id.")
        if kept["given"] != asked["given"]:
            return known, ("The context differs from the one the run began with, and was ignored.",)
        return known, ()

    def _go_on(self, record: RunRecord) -> Report | Course:
        """Return the report of a run that has ended, or take it over. Blocks."""
        journal = self._journal_or_refused("resume")
        if record.state != "running":
            machine, heard = recorded(journal, record)
            if not journal.listen(record.run_id, heard).messages:
                return machine.report()
        now = self._clock.now()
        course = Course.of(journal, record, self._owner, now)
        if course.machine.finished:
            course.recorder.end(course.machine.report(), now)
            return course.machine.report()
        return course

    @staticmethod
    def _asked(
        runbook: Runbook,
        context: Context,
        run_id: str | None,
        subject: str,
        deadline: float | None,
        actor: str | None,
        reason: str | None,
    ) -> dict[str, Any]:
        """Return what was asked for, as :meth:`_open` and :meth:`_begun` take it."""
        return {
            "runbook": runbook,
            "given": _plain_context(context),
            "run_id": _named(run_id, _checked_runbook(runbook).name),
            "subject": subject,
            "deadline": deadline,
            "actor": actor,
            "reason": reason,
        }

    def _without_journal(self, subject: str, deadline: float | None) -> None:
        if subject or deadline is not None:
            self._journal_or_refused("subject" if subject else "deadline")

    def _journal_or_refused(self, what: str) -> Journal:
        if self._journal is None:
            raise Unsupported(f"{what} without a journal", "Give the executor one: journal=SqliteJournal(…).")
        return self._journal

    def _told(self, run_id: str, name: str, payload: Mapping[str, Any]) -> RunRecord:
        """Leave a message for a run. Blocks."""
        record = self._kept_record(run_id, name)
        self._journal_or_refused(name).tell(run_id, name, encode(payload), self._clock.now())
        return record

    def _ended(self, run_id: str, what: str) -> Machine:
        """Return the machine of a run that has ended and did not succeed. Blocks."""
        record = self._kept_record(run_id, what)
        machine, _ = recorded(self._journal_or_refused(what), record)
        if record.state == "running":
            raise RunHeld(
                run_id, f"it has not ended yet, so there is nothing to {what}; resume it, or cancel it first."
            )
        if record.state == "succeeded":
            raise RunConflict(run_id, f"it has succeeded, so there is nothing to {what}.")
        return machine

    def _to_retry(self, run_id: str, runbook: Runbook | None) -> Report | Course:
        """Open a run that failed, to go on from the step that did. Blocks."""
        machine = self._ended(run_id, "retry")
        if doubts := machine.doubts():
            step, call, method = doubts[0]
            raise RunConflict(
                run_id,
                f"nobody knows whether {method} (call {call} of step {step!r}) was carried out. Look in Slack, and "
                f"answer with resolve({run_id!r}, {step!r}, call={call}, applied=…).",
            )
        if runbook is not None:
            runbook = _checked_runbook(runbook)
            self._look_before(runbook, self._begins_of(run_id))
        self._told(run_id, "retry", {"runbook": None if runbook is None else runbook.to_spec()})
        return self._go_on(self._kept_record(run_id))

    def _begins_of(self, run_id: str) -> dict[str, Any]:
        spec = decode(self._kept_record(run_id).spec)
        return cast("dict[str, Any]", spec["context"])

    def _to_resolve(
        self, run_id: str, step: str, call: int, reply: Mapping[str, Any] | None, *, applied: bool
    ) -> Report | Course:
        """Answer for a lost request, and open the run to go on. Blocks."""
        doubts = self._ended(run_id, "resolve").doubts()
        method = next((method for name, number, method in doubts if (name, number) == (step, call)), None)
        if method is None:
            asked = ", ".join(f"call {number} of step {name!r} ({method})" for name, number, method in doubts)
            raise RunConflict(run_id, f"call {call} of step {step!r} is not in doubt; {asked or 'nothing'} is.")
        needed = REPLIES.get(method, ()) if applied else ()
        missing = [path for path in needed if not _tells(reply or {}, path)]
        if missing:
            raise RunbookError(
                f"needs {', '.join(missing)} of what {method} made, for the steps that follow: take it from Slack.",
                place="reply",
            )
        answer = {"step": step, "call": call, "reply": dict(reply or {}) if applied else None}
        self._told(run_id, "resolve", answer)
        return self._go_on(self._kept_record(run_id))

    def _signalled(self, run_id: str, name: object, payload: object) -> None:
        if not isinstance(name, str) or not _SIGNAL.fullmatch(name):
            raise RunbookError(f"must be letters, digits and _, not {name!r}.", place="name")
        self._told(run_id, "signal", {"name": name, "payload": True if payload is None else payload})

    def _pending_cancel(self, run_id: str, reason: str) -> Report | Course | None:
        """Tell a run to end, and open it where nobody is at work on it. Blocks."""
        record = self._told(run_id, "cancel", {"reason": reason or "the run was cancelled"})
        if record.state != "running":
            return None
        try:
            return self._go_on(record)
        except RunHeld:
            return None

    def pause(self, reason: str) -> None:
        """Let no run that is kept do anything more, in any process, until :meth:`unpause`.

        A request that is under way is ended first; the runs go on where they stand. Blocks.

        Args:
            reason: Why, for whoever wonders.
        """
        if not reason:
            raise RunbookError("must say why everything stands still.", place="reason")
        self._journal_or_refused("pause").pause(reason)

    def unpause(self) -> None:
        """Let the runs go on, with ``resume_all``. Blocks."""
        self._journal_or_refused("unpause").pause("")

    def _kept_record(self, run_id: str, what: str = "resume") -> RunRecord:
        record = self._journal_or_refused(what).get(run_id)
        if record is None:
            raise KeyError(f"the journal has no run {run_id!r}")
        return record

    def due(self) -> Sequence[str]:
        """Return the IDs of the runs that have something to do and that nobody is at work on, the longest due first.

        Blocks. At most 1,000 at once.

        Raises:
            Unsupported: The executor has no journal.
        """
        return self._journal_or_refused("resume").due(self._clock.now(), _MOST_AT_ONCE)

    def _let_go(self, course: Course, error: BaseException) -> None:
        """Leave an interrupted run for whoever goes on with it, and keep what is known of it. Blocks."""
        course.machine.cancel(self._clock.now(), reason=f"the run was interrupted ({type(error).__name__})")
        self._latest = course.machine.report()
        with contextlib.suppress(JournalError, RunHeld):
            course.recorder.let_go(self._clock.now())
        self._tell(course.machine)

    def _parked(self, course: Course, wake_at: float) -> Report:
        """Let go of a run that goes on later, in whatever process. Blocks."""
        course.recorder.let_go(self._clock.now(), wake_at)
        self._latest = report = course.report()
        return report

    def _ended_or_paused(self, course: Course) -> Report:
        """Write that a run has ended, or let go of it where everything stands still. Blocks."""
        if course.paused:
            return self._parked(course, 0.0)
        course.recorder.end(course.machine.report(), self._clock.now())
        self._latest = report = course.report()
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

    # --- pacing ------------------------------------------------------------------------------------------------------

    def _place(self, work: Work | None) -> float:
        """Take a place in the lanes of a request, and return when it comes; now for anything else. Blocks."""
        now = self._clock.now()
        waits = [0.0]
        if self._pacing is not None and self._lanes is not None and isinstance(work, Send):
            with _unpaced():
                lanes = self._pacing.lanes(work.call)
                waits += [self._lanes.reserve(lane.name, now, lane.gap, lane.burst) for lane in lanes]
        return now + max(waits)

    def _slow_down(self, work: Work, delivery: Delivery | None) -> None:
        """Close the lanes of a request to which Slack answered that it came too early. Blocks."""
        if self._pacing is None or self._lanes is None or not isinstance(work, Send) or delivery is None:
            return
        seconds = asked_to_wait(work.call, delivery)
        if seconds > 0:
            with _unpaced():
                for lane in self._pacing.lanes(work.call):
                    self._lanes.close_lane(lane.name, self._clock.now() + seconds)

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


@contextlib.contextmanager
def _unpaced() -> Generator[None]:
    """Let a request go at once where nobody can tell its place: Slack itself says when it is too early."""
    try:
        yield
    except JournalError as error:
        _log.warning("Pacing does without the journal: %s", error)


@contextlib.contextmanager
def _skipping(run_id: str) -> Generator[None]:
    """Let others go on where one run is held by somebody else or cannot go on."""
    try:
        yield
    except RunHeld:
        pass
    except (RunConflict, RunbookError) as error:
        _log.error("Run %s cannot go on: %s", run_id, error)


def _with_saved(given: dict[str, Any], journal: Journal, subject: str) -> dict[str, Any]:
    """Return a context with what earlier runs about the subject saved, under what is given."""
    if not subject:
        return given
    saved: dict[str, Any] = {}
    for record in journal.about(subject):
        if record.saved:
            saved.update(decode(record.saved))
    for path, value in saved.items():
        if not _is_given(given, path):
            given = put(given, path, value)
    return given


def _is_given(context: Mapping[str, Any], path: str) -> bool:
    try:
        return in_the_way(context, path) is not None or look_up(context, path) is not MISSING
    except RunbookError:
        return False


def _tells(reply: Mapping[str, Any], path: str) -> bool:
    try:
        return look_up(reply, path) is not MISSING
    except RunbookError:
        return False


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
        pacing: Spreads the requests of all executors with the same journal, so that Slack need not slow them down;
            without a journal those of this executor. Left out, each goes at once, and waits where Slack says so.
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
        pacing: Pacing | None = None,
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
            return cast("_R", _outcome(self._driven(self._open_one(action, context, key))))
        machine, kept = self._for_action(action, context, key)
        return cast("_R", _outcome(self._drive(machine, kept, templates=context is not None)))

    def run(
        self,
        runbook: Runbook,
        context: Context = None,
        *,
        run_id: str | None = None,
        subject: str = "",
        deadline: float | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Report:
        """Run a runbook. What Slack refuses is in the report; see ``report.raise_for_failure()``.

        Args:
            runbook: The runbook.
            context: The incident's data: a mapping of plain data, or an object with ``to_context()``.
            run_id: Names the run. The same ID again gives the recorded report, or goes on with the run if its process
                ended before it did; without a journal, within this executor.
            subject: What the run is about, such as the incident's ID. What earlier runs about it saved with ``save_as``
                is in the context. Takes a journal.
            deadline: Seconds from its beginning after which the run is cancelled, at the latest before its next effect.
                Takes a journal.
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
            asked = self._asked(runbook, context, run_id, subject, deadline, actor, reason)
            return self._driven(self._open(**asked))
        self._without_journal(subject, deadline)
        prepared = self._for_run(runbook, context, run_id, actor, reason)
        return prepared if isinstance(prepared, Report) else self._drive(*prepared)

    def submit(
        self,
        runbook: Runbook,
        context: Context = None,
        *,
        run_id: str | None = None,
        subject: str = "",
        deadline: float | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> str:
        """Write a run into the journal and return at once; a worker's ``resume_all`` does it. Takes what ``run`` takes.

        Returns:
            The run's ID.

        Raises:
            CheckFailed: Something is wrong; nothing was written.
            RunConflict: The run ID belongs to another runbook.
            Unsupported: The executor has no journal.
        """
        self._journal_or_refused("submit")
        record, _ = self._begun(**self._asked(runbook, context, run_id, subject, deadline, actor, reason))
        return record.run_id

    def resume(self, run_id: str) -> Report:
        """Go on with a run that its process left unfinished; of one that has ended, return the report.

        Args:
            run_id: The run.

        Raises:
            KeyError: The journal has no such run.
            RunHeld: Another worker is at work on it.
            RunConflict: The code, or a file that it reads, has changed since, so that it would ask for something else.
        """
        return self._driven(self._go_on(self._kept_record(run_id)))

    def resume_all(self) -> list[Report]:
        """Go on with every run that has something to do and that nobody is at work on, the longest due first.

        Runs that cannot go on (their code has changed) are logged and left where they stand.

        Returns:
            The reports of the others, ended or waiting.
        """
        reports = []
        for run_id in self.due():
            with _skipping(run_id):
                reports.append(self.resume(run_id))
        return reports

    def retry(self, run_id: str, runbook: Runbook | None = None) -> Report:
        """Go on with a run that failed, from the step that did: what was done stands and is not done again.

        Args:
            run_id: The run.
            runbook: A mended one, for the steps from there on; steps that have succeeded are told by their names.

        Raises:
            KeyError: The journal has no such run.
            RunConflict: It has succeeded, or nobody knows what became of one of its requests; see :meth:`resolve`.
            RunHeld: It has not ended.
        """
        return self._driven(self._to_retry(run_id, runbook))

    def resolve(
        self, run_id: str, step: str, *, call: int, applied: bool, reply: Mapping[str, Any] | None = None
    ) -> Report:
        """Say what became of a request whose answer was lost, and go on with the run.

        Args:
            run_id: The run.
            step: The step that is in doubt.
            call: Which of its calls, from 1: ``AmbiguousOutcome.call``.
            applied: Whether Slack did it. If not, it is sent again.
            reply: What it made, for the steps that follow, as ``{"channel": "C…", "ts": "…"}`` for a message.

        Raises:
            KeyError: The journal has no such run.
            RunConflict: Nobody asked about this request.
            RunbookError: ``reply`` lacks what the step needs.
        """
        return self._driven(self._to_resolve(run_id, step, call, reply, applied=applied))

    def cancel(self, run_id: str, reason: str = "") -> Report | None:
        """End a run before its next effect, in whatever process it goes.

        Args:
            run_id: The run.
            reason: Why, for its report.

        Returns:
            Its report; ``None`` where it had ended, or where another worker is at work on it and will end it.
        """
        opened = self._pending_cancel(run_id, reason)
        return None if opened is None else self._driven(opened)

    def signal(self, run_id: str, name: str, payload: object = None) -> None:
        """Tell a run something that its steps wait for with ``until``, and wake it.

        It does not go on with the run: the worker that holds it does, or the next ``resume_all``.

        Args:
            run_id: The run.
            name: The signal: letters, digits and ``_``. The run reads it as ``{{signals.NAME}}``.
            payload: Plain data; ``True`` if left out.
        """
        self._signalled(run_id, name, payload)

    def _driven(self, opened: Report | Course) -> Report:
        return opened if isinstance(opened, Report) else self._drive_kept(opened)

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

    def _next_kept(self, course: Course) -> Work | None:
        """Return what to do next, which is written by then; a request waits for its place before that."""
        if self._pacing is not None:
            until = self._place(course.coming(self._clock.now))
            while (nap := course.rest(until, self._clock.now())) is not None:
                self._clock.sleep_until(nap)
        return course.next(self._clock.now)

    def _drive_kept(self, course: Course) -> Report:
        """Perform the work of a run that is kept: each piece is written before and after."""
        machine, clock = course.machine, self._clock
        try:
            client = self._client()
            with clock.busy():
                while (work := self._next_kept(course)) is not None:
                    self._tell(machine)
                    delivery: Delivery | None = None
                    if isinstance(work, Send):
                        course.recorder.hold(clock.now)
                        machine.sending(work)
                        delivery = _perform(client, work.call)
                    elif course.leaves(work, clock.now()):
                        return self._parked(course, work.until)
                    else:
                        while (until := course.until(work, clock.now())) is not None:
                            clock.sleep_until(until)
                            course.watch(clock.now())
                    course.done(work, delivery, clock.now())
                    # Before anything more is written: a hook may end the process.
                    self._tell(machine)
                    self._slow_down(work, delivery)
            report = self._ended_or_paused(course)
        except BaseException as error:
            self._let_go(course, error)
            raise
        self._tell(machine)
        return report

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
                        self._clock.sleep_until(self._place(work))
                        machine.sending(work)
                        delivery = _perform(client, work.call)
                        self._slow_down(work, delivery)
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
        pacing: Pacing | None = None,
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
            return cast("_R", _outcome(await self._driven(self._open_one, action, context, key)))
        machine, kept = self._for_action(action, context, key)
        return cast("_R", _outcome(await self._drive(machine, kept, templates=context is not None)))

    async def run(
        self,
        runbook: Runbook,
        context: Context = None,
        *,
        run_id: str | None = None,
        subject: str = "",
        deadline: float | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Report:
        """Run a runbook; see :meth:`Executor.run`."""
        if self._journal is not None:
            asked = self._asked(runbook, context, run_id, subject, deadline, actor, reason)
            return await self._driven(lambda: self._open(**asked))
        self._without_journal(subject, deadline)
        prepared = self._for_run(runbook, context, run_id, actor, reason)
        return prepared if isinstance(prepared, Report) else await self._drive(*prepared)

    async def submit(
        self,
        runbook: Runbook,
        context: Context = None,
        *,
        run_id: str | None = None,
        subject: str = "",
        deadline: float | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> str:
        """Write a run into the journal and return at once; see :meth:`Executor.submit`."""
        self._journal_or_refused("submit")
        asked = self._asked(runbook, context, run_id, subject, deadline, actor, reason)
        record, _ = await _in_thread(lambda: self._begun(**asked))
        return record.run_id

    async def resume(self, run_id: str) -> Report:
        """Go on with a run that its process left unfinished; see :meth:`Executor.resume`."""
        return await self._driven(lambda: self._go_on(self._kept_record(run_id)))

    async def resume_all(self) -> list[Report]:
        """Go on with every run that has something to do; see :meth:`Executor.resume_all`."""
        reports = []
        for run_id in await _in_thread(self.due):
            with _skipping(run_id):
                reports.append(await self.resume(run_id))
        return reports

    async def retry(self, run_id: str, runbook: Runbook | None = None) -> Report:
        """Go on with a run that failed, from the step that did; see :meth:`Executor.retry`."""
        return await self._driven(self._to_retry, run_id, runbook)

    async def resolve(
        self, run_id: str, step: str, *, call: int, applied: bool, reply: Mapping[str, Any] | None = None
    ) -> Report:
        """Say what became of a request whose answer was lost, and go on; see :meth:`Executor.resolve`."""
        return await self._driven(lambda: self._to_resolve(run_id, step, call, reply, applied=applied))

    async def cancel(self, run_id: str, reason: str = "") -> Report | None:
        """End a run before its next effect; see :meth:`Executor.cancel`."""
        opened = await _in_thread(self._pending_cancel, run_id, reason)
        return await self._drive_kept(opened) if isinstance(opened, Course) else opened

    async def signal(self, run_id: str, name: str, payload: object = None) -> None:
        """Tell a run something that its steps wait for; see :meth:`Executor.signal`."""
        await _in_thread(self._signalled, run_id, name, payload)

    async def _driven(self, open_it: Callable[..., Report | Course], *arguments: Any) -> Report:
        opened = await _in_thread(open_it, *arguments)
        return opened if isinstance(opened, Report) else await self._drive_kept(opened)

    async def check(self, runbook: Runbook | Action[Any], context: Context = None) -> CheckReport:
        """Look for everything that stands against a run, and change nothing; see :meth:`Executor.check`."""
        book, plan, single = self._survey(runbook, context)
        identity: Identity | SlackRunbooksError
        try:
            identity = await self.do(Identify())
        except SlackRunbooksError as error:
            identity = error
        return check_report(book, plan, identity, single=single)

    async def _paced(self, work: Work) -> None:
        if self._pacing is not None:
            await self._clock.async_sleep_until(await _in_thread(self._place, work))

    async def _slowed_down(self, work: Work, delivery: Delivery | None) -> None:
        if self._pacing is not None:
            await _in_thread(self._slow_down, work, delivery)

    async def _next_kept(self, course: Course) -> Work | None:
        """Return what to do next, which is written by then; a request waits for its place before that."""
        if self._pacing is not None:
            until = await _in_thread(self._place, course.coming(self._clock.now))
            while (nap := await _in_thread(course.rest, until, self._clock.now())) is not None:
                await self._clock.async_sleep_until(nap)
        return await _in_thread(course.next, self._clock.now)

    async def _drive_kept(self, course: Course) -> Report:
        """Perform the work of a run that is kept: each piece is written before and after, in a thread."""
        machine, clock = course.machine, self._clock
        try:
            client = self._client()
            with clock.busy():
                while (work := await self._next_kept(course)) is not None:
                    self._tell(machine)
                    delivery: Delivery | None = None
                    if isinstance(work, Send):
                        if not course.recorder.holds(clock.now()):
                            await _in_thread(course.recorder.hold, clock.now)
                        machine.sending(work)
                        delivery = await _perform_async(client, work.call)
                    elif course.leaves(work, clock.now()):
                        return await _in_thread(self._parked, course, work.until)
                    else:
                        while (until := course.until(work, clock.now())) is not None:
                            await clock.async_sleep_until(until)
                            await _in_thread(course.watch, clock.now())
                    await _in_thread(course.done, work, delivery, clock.now())
                    self._tell(machine)
                    await self._slowed_down(work, delivery)
            report = await _in_thread(self._ended_or_paused, course)
        except GeneratorExit as error:
            # There is no loop any more to wait on.
            self._let_go(course, error)
            raise
        except BaseException as error:
            await _in_thread(self._let_go, course, error)
            raise
        self._tell(machine)
        return report

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
                        await self._paced(work)
                        machine.sending(work)
                        delivery = await _perform_async(client, work.call)
                        await self._slowed_down(work, delivery)
                    else:
                        await self._clock.async_sleep_until(work.until)
                    machine.done(work, delivery, self._clock.now())
            return self._finish(machine)
        except (RunConflict, RunHeld):
            raise
        except BaseException as error:
            self._interrupted(machine, error)
            raise


# A journal keeps no upload address. To the action that is one that is spent, and it asks for another.
_NO_ADDRESS = Answered(410, {}, None)


def _perform(client: WebClient, request: Request) -> Delivery:
    from . import client as wire

    if isinstance(request, Upload):
        return wire.upload(client, request.url, request.content) if request.url else _NO_ADDRESS
    if isinstance(request, HostCall):
        return _called(request)
    return wire.send(client, request)


async def _perform_async(client: AsyncWebClient, request: Request) -> Delivery:
    from . import client as wire

    if isinstance(request, Upload):
        return await wire.upload_async(client, request.url, request.content) if request.url else _NO_ADDRESS
    if isinstance(request, HostCall):
        return await _called_async(request)
    return await wire.send_async(client, request)


def _called(request: HostCall) -> Delivery:
    if inspect.iscoroutinefunction(request.function):
        return Raised(_asynchronous(request))
    told = _tried(request)
    if isinstance(told, Returned) and inspect.isawaitable(told.value):
        # Only the result tells of an object with an asynchronous __call__, or of a plain function around a coroutine's.
        _drop(told.value)
        return Raised(_asynchronous(request))
    return told


async def _called_async(request: HostCall) -> Delivery:
    try:
        if inspect.iscoroutinefunction(request.function):
            told: Delivery = Returned(request.function(**request.arguments))
        else:
            # A function that waits must not hold up the loop on which everything else of the host runs.
            told = await _in_thread(_tried, request)
        if isinstance(told, Returned) and inspect.isawaitable(told.value):
            return Returned(await told.value)
    except Exception as error:  # noqa: BLE001 - the host's function may raise anything; the report tells
        return Raised(error)
    return told


def _tried(request: HostCall) -> Returned | Raised:
    """Call the host's function, in the thread in which this is called."""
    try:
        value = request.function(**request.arguments)
    except StopIteration as error:
        # It cannot leave a thread by a future, which would never be done, nor be thrown into an action, which is a
        # generator: as in those (PEP 479), it is an error of the function.
        raised = RuntimeError(f"{request.method} raised StopIteration")
        raised.__cause__ = error
        return Raised(raised)
    except Exception as error:  # noqa: BLE001 - the host's function may raise anything; the report tells
        return Raised(error)
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        reason = "gave a generator, of which nothing has run: return a list, or what is to be done."
        return Raised(RunbookError(reason, place=request.method))
    return Returned(value)


def _asynchronous(request: HostCall) -> RunbookError:
    return RunbookError("is asynchronous: run it with AsyncExecutor, or give a plain function.", place=request.method)


def _drop(value: Any) -> None:
    """End something asynchronous of which nothing runs, so that nobody is warned that it was never awaited."""
    end = getattr(value, "close", None) or getattr(value, "cancel", None)
    if callable(end):
        end()


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
