"""The run itself: a state machine that says what to do next and is told what came of it.

Rule of this file: no I/O, no clock, no threads; the time comes in as an argument. ``ready(now)`` gives the work that
may be done now (several pieces, if steps go side by side), ``done(work, result, now)`` takes the result of one, and
``cancel(now)`` ends the run truthfully wherever it stands. Drivers only perform work, so the same run goes
the same way synchronously, asynchronously and on a virtual clock, and a journal can feed it recorded results.

Each step is a small stack of generators: the action, and above it the look-ups it asked for.
"""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

import attrs

from ._conditions import when_reason
from ._context import outputs_of, put
from ._effects import (
    Call,
    Delivery,
    Find,
    Flow,
    Forget,
    HostCall,
    OnAmbiguous,
    Partial,
    Repeat,
    Reply,
    Request,
    Upload,
    Wait,
    unsendable,
)
from ._settle import DOUBTFUL, REPLIES, Applied, Doubt, made, quiet, recipe
from ._survey import EMPTY_LIST, loop_items, workspace_of
from .actions._base import error_of, render
from .actions._find import outdated
from .actions._marks import is_stampable, mark, stamped
from .errors import AmbiguousOutcome, CheckFailed, RunbookError, SlackRunbooksError, SlackUnavailable
from .policy import Watch
from .report import AuditRecord, LostAnswer, Outcome, Report, State, StepReport
from .retries import Accepted, Refused, RetryPolicy, judge
from .runbook import ItemFailed, ItemsDone, Runbook
from .slack_methods import METHODS

if TYPE_CHECKING:
    from .actions._base import Action
    from .policy import Policy
    from .runbook import Step

__all__ = ["Event", "Hook", "Learned", "Machine", "RunFinished", "Send", "Sleep", "StepFinished", "StepStarted", "Work"]


@attrs.frozen
class Send:
    """Perform this request once and report its delivery.

    Attributes:
        step: The step it belongs to.
        number: Which request of the step it is, from 1.
        attempt: Which sending of that request, from 1.
        call: The request.
        workspace: Team ID of the workspace to which it goes; ``""`` for the run's own.
    """

    step: str
    number: int
    attempt: int
    call: Request
    workspace: str = ""


@attrs.frozen
class Sleep:
    """Do nothing for this step before ``until``.

    Attributes:
        step: The step that waits.
        until: Seconds since 1970 (UTC).
    """

    step: str
    until: float


Work: TypeAlias = Send | Sleep

_POST = "chat.postMessage"


@attrs.frozen
class StepStarted:
    """A step begins.

    Attributes:
        run_id: The run.
        step: The step.
    """

    run_id: str
    step: str


@attrs.frozen
class StepFinished:
    """A step has ended, however it ended.

    Attributes:
        run_id: The run.
        report: How it went.
    """

    run_id: str
    report: StepReport


@attrs.frozen
class RunFinished:
    """The run has ended.

    Attributes:
        report: How it went.
    """

    report: Report


Event: TypeAlias = StepStarted | StepFinished | RunFinished
"""What hooks are told."""


@attrs.define
class _Frame:
    """A generator at work, and the key under which its result is kept if it is a look-up."""

    flow: Flow[Any]
    key: tuple[str, ...] | None = None
    settles: bool = False
    judges: Call | None = None


@attrs.frozen
class _Settling:
    """A request that is being looked up, and where its attempts stood."""

    doubt: Doubt
    reason: str
    attempt: int
    waited: float


@attrs.frozen
class _Again:
    """A request that was certainly not carried out, to be sent again."""

    call: Call


@attrs.frozen
class _Judged:
    """A request as the action asked for it, and as the policy lets it go."""

    asked: Call
    call: Call


@attrs.frozen
class _Unsettled:
    """What became of a request cannot be found out."""

    reason: str


@attrs.frozen
class _Asked:
    """A request as a step asked for it, and where in the step that was.

    Attributes:
        call: The request.
        step: The step, as it was then.
        item: The item of its loop, with its number; ``None`` without one.
        nth: The how many-th of its method it was there.
        workspace: The other workspace to which it goes, or ``""``.
    """

    call: Request
    step: Step
    item: tuple[int, Any] | None
    nth: int
    workspace: str

    def is_same_as(self, other: _Asked) -> bool:
        """Tell whether it asks for the same, of the same workspace."""
        return (self.call, self.workspace) == (other.call, other.workspace)

    def stands_for(self, other: _Asked) -> bool:
        """Tell whether it is at the same place; its arguments may differ, as where they name the time."""
        mine, theirs = ((each.call.method, each.nth, each.item, each.step, each.workspace) for each in (self, other))
        return mine == theirs


@attrs.frozen
class _Known:
    """A request that was carried out, so that a step that is tried again does not send it again.

    Attributes:
        asked: The request, as the action asked for it.
        reply: The answer, or what a function returned.
        told: Whether a person said so; then its arguments need not be the same.
    """

    asked: _Asked
    reply: Any
    told: bool = False


@attrs.define
class _Task:
    """One step under way: where its generators stand and what it has counted."""

    name: str
    step: Step
    started: float
    workspace: str = ""
    frames: list[_Frame] = attrs.field(factory=list)
    work: Work | None = None
    handed_out: bool = False
    call: Request | None = None
    asked: _Asked | None = None
    at: int = 0
    turn: int = 0
    nths: Counter[str] = attrs.field(factory=Counter)
    known: list[_Known] = attrs.field(factory=list)
    attempt: int = 0
    call_waited: float = 0.0
    sent_at: float = 0.0
    in_doubt: Request | None = None
    first_sent: float = 0.0
    unresolved: str = ""
    settling: _Settling | None = None
    calls: list[str] = attrs.field(factory=list)
    attempts: int = 0
    waited: float = 0.0
    wait_began: float = 0.0
    stage: Literal["", "after", "every", "place"] = ""
    has_place: bool = False
    round_began: float = 0.0
    last: tuple[Any, BaseException | None] = (None, None)
    changed: bool = False
    partial: Any = None
    items: list[Any] | None = None
    number: int = 0
    outputs: list[Any] = attrs.field(factory=list)
    failures: list[tuple[ItemFailed, Exception]] = attrs.field(factory=list)

    def item(self) -> tuple[int, Any] | None:
        """The item of the loop that it is at, with its number."""
        return None if self.items is None else (self.number, self.items[self.number - 1])

    def achieved(self) -> Any:
        """What exists by now: of a loop, what its items gave."""
        if self.items is None:
            return self.partial
        failed = [failure for failure, _ in self.failures]
        if self.partial is not None:
            unfinished = ItemFailed(number=self.number, code="", message="it did not end", output=self.partial)
            failed.append(unfinished)
        return ItemsDone(items=tuple(self.outputs), failed=tuple(failed))


@attrs.frozen
class Learned:
    """What was looked up before a run, for the steps that begin soon after.

    Attributes:
        until: When it is too old for a step that begins, in seconds since 1970 (UTC).
        answers: Team ID of another workspace (``""`` is the run's own), what an action would ask, and the answer.
    """

    until: float
    answers: tuple[tuple[str, tuple[str, ...], Any], ...] = attrs.field(repr=lambda answers: f"<{len(answers)}>")


class Machine:
    """One run of a runbook, from its first step to its report.

    Args:
        runbook: What to do.
        context: The data that fills it: plain, and this machine's own.
        run_id: Names the run.
        retry: When to try again.
        templates: Whether text fields are templates; a single action without a context sends them as they are.
        actor: Who asked for the run.
        reason: Why.
        single: Whether this is one action by itself, so that places of problems need no step.
        on_ambiguous: What to do about a lost answer: look up what became of the request, stop, or send it again.
        deadline: Seconds from the first step on, and from a retry on, after which the run is cancelled; ``None`` for
            no end.
        kept: Whether a journal keeps it, so that a person can answer for it later.
        policy: Bounds for every request.
        workspace: Team ID of the run's own workspace, where it is known.
        learned: What a check before it has looked up.
    """

    def __init__(
        self,
        runbook: Runbook,
        context: Mapping[str, Any],
        *,
        run_id: str,
        retry: RetryPolicy,
        templates: bool = True,
        actor: str | None = None,
        reason: str | None = None,
        single: bool = False,
        on_ambiguous: OnAmbiguous = "fail",
        deadline: float | None = None,
        kept: bool = False,
        policy: Policy | None = None,
        workspace: str = "",
        learned: Learned | None = None,
    ) -> None:
        self._policy = policy
        bounds = {} if policy is None else {"": policy, **policy.workspaces}
        self._watches = {team: Watch(each, each.names_in(context)) for team, each in bounds.items()}
        self.workspace = workspace
        self._on_ambiguous: OnAmbiguous = on_ambiguous
        self.runbook = runbook
        self.run_id = run_id
        self._retry = retry
        self._templates = templates
        self._actor = actor
        self._reason = reason
        self.single = single
        self._context: dict[str, Any] = dict(context)
        self._outputs: dict[str, Any] = {}
        self._saved: dict[str, Any] = {}
        self._error: dict[str, Any] = {}
        self._stopped_by: str | None = None
        self._stopped_as: State = "failed"
        self._cancelled: str | None = None
        self._pending = deque(runbook.steps.items())
        self._tasks: dict[str, _Task] = {}
        self._reports: dict[str, StepReport] = {}
        # Steps that ended, however, while nothing had stopped the run: nobody waits for them when it goes on.
        self._passed: set[str] = set()
        # What was looked up, by workspace: an ID of one means nothing in another.
        self._found: dict[str, dict[tuple[str, ...], Any]] = {}
        self._facts: dict[str, dict[tuple[str, ...], Any]] = {}
        self._learned = learned
        for where, key, answer in learned.answers if learned is not None else ():
            self._found.setdefault(where, {})[key] = answer
        self._events: list[Event] = []
        self._audit: list[AuditRecord] = []
        self._noted: set[tuple[str, int]] = set()
        self._scopes: dict[str, tuple[str, ...]] = {}
        self._told = False
        self._deadline = deadline
        self._kept = kept
        self._began: float | None = None
        self._span_began = 0.0
        self._last_end = 0.0
        self._signals: dict[str, Any] = {}
        self._known: dict[str, list[_Known]] = {}
        self._doubts: dict[tuple[str, int], _Asked] = {}
        # What the run has made, where a look-up could take it for something else that the run made; with its workspace.
        self._made: set[tuple[str, str]] = set()
        # Of the doubts, the ones of steps that have come again since.
        self._bygone: set[tuple[str, int]] = set()
        # How often each step was begun.
        self._turns: Counter[str] = Counter()

    # --- what a driver calls -----------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return not self._pending and not self._tasks

    def ready(self, now: float) -> list[Work]:
        """Return the work that may be done now; each piece is given out once.

        Args:
            now: Seconds since 1970 (UTC).

        Returns:
            Work in the order of the steps. Empty while all that was given out is still under way, or at the end.
        """
        if self._began is None:
            self._began = self._span_began = self._last_end = now
        begun = None
        while not self._tasks and self._pending:
            begun, step = self._pending.popleft()
            self._begin(begun, step, now)
        if self._tasks and self._is_late(now):
            # Only here: steps that have nothing to do end a run however late that is noticed.
            self._end_late(begun, now)
        work = []
        for task in self._tasks.values():
            if task.work is not None and not task.handed_out:
                task.handed_out = True
                work.append(task.work)
        return work

    def done(self, work: Work, result: Delivery | None, now: float) -> None:
        """Take what came of a piece of work.

        Args:
            work: What :meth:`ready` gave out.
            result: The delivery of a :class:`Send`; ``None`` for a :class:`Sleep`.
            now: Seconds since 1970 (UTC).
        """
        task = self._tasks[work.step]
        if isinstance(work, Sleep):
            if now < work.until:
                # Somebody told the run something meanwhile; the rest of the wait is given out again.
                task.handed_out = False
                return
            task.work = None
            # Not the time after it, in which the run may have had no worker: that uses up nobody's patience.
            slept = min(now, work.until) - task.wait_began
            if task.stage == "place":
                # Nobody asked this step to wait: it counts for nothing.
                task.stage, task.has_place = "", True
                self._send(task, cast("Request", task.call), now)
                return
            task.waited += slept
            if self._is_late(now):
                # Whoever asks next what there is to do ends the run.
                return
            if task.stage:
                self._go_on_after(task, now)
                return
            if task.call is None:
                # The action asked for the time to pass, and there is nothing to send again.
                self._advance(task, now, None, now)
                return
            task.call_waited += slept
            self._send(task, task.call, now)
            return
        self._judge(task, work.call, cast("Delivery", result), now)

    def sending(self, work: Send) -> None:
        """Take note that a request is about to leave; from now on, until its answer is used, it may have been done.

        Args:
            work: What :meth:`ready` gave out.
        """
        task = self._tasks[work.step]
        task.has_place = False
        if task.settling is None:
            task.in_doubt = work.call

    def wants(self, work: Work) -> bool:
        """Tell whether work that was given out and not yet begun is still to be done."""
        task = self._tasks.get(work.step)
        return task is not None and task.handed_out and task.work is work

    def waited(self, work: Sleep, now: float) -> float:
        """Return for how many seconds a step will have waited in all; for a place in a lane, each wait is by itself."""
        task = self._tasks[work.step]
        return (0.0 if task.stage == "place" else task.waited) + work.until - now

    def has_place(self, work: Send) -> bool:
        """Tell whether a request has waited for its place already."""
        return self._tasks[work.step].has_place

    @property
    def is_between(self) -> bool:
        """Whether the next call of :meth:`ready` would begin a step."""
        return bool(self._pending) and not self._tasks

    def ahead(self) -> list[str]:
        """Return the other workspaces in which the steps that have not ended will act, as far as that is known by now.

        A step with ``on_error: continue`` is left out: where it cannot act, it fails by itself.
        """
        steps = [(task.name, task.step) for task in self._tasks.values()]
        for name, step in self._pending:
            # While nothing has stopped the run, what runs only after a failure may still be wanted.
            if self._stopped_by is None or self._reason_to_skip(step) is None:
                steps.append((name, step))
        teams: dict[str, None] = {}
        for name, step in steps:
            if step.workspace is not None and step.on_error != "continue":
                # What cannot be told yet, or is wrong, is told at the step.
                with contextlib.suppress(Exception):
                    teams.update(dict.fromkeys(self._teams_of(name, step)))
        return [team for team in teams if team]

    def _teams_of(self, name: str, step: Step) -> list[str]:
        """Return where a step will act that has not ended; of a loop, where the items do that are left."""
        scope = self._scope()
        task = self._tasks.get(name)
        if (task is None or not task.calls) and when_reason(step.when, scope) is not None:
            return []
        if step.foreach is None:
            scopes = [scope]
        elif task is not None and task.items is not None:
            scopes = [{**scope, "item": item} for item in task.items[max(task.number - 1, 0) :]]
        else:
            scopes = [{**scope, "item": item} for item in self._items(name, step)]
        found = [workspace_of(step, each if self._templates else None, "", own=self.workspace) for each in scopes]
        return [team for team, problems in found if not problems]

    def tell(self, name: str, payload: Mapping[str, Any], now: float) -> None:
        """Take in what somebody said from outside.

        Args:
            name: ``cancel``, ``signal``, ``retry``, ``resolve``, or ``place`` (when a request may leave); others are
                left to later versions.
            payload: What belongs to it.
            now: Seconds since 1970 (UTC).
        """
        if name == "cancel":
            if not self.finished:
                self.cancel(now, reason=payload["reason"])
            elif self._doubts and self._cancelled is None and self.report().state == "ambiguous":
                # Whoever answers does not set it going again.
                self._cancelled = payload["reason"]
        elif name == "signal":
            self._signals[payload["name"]] = payload["payload"]
            for task in list(self._tasks.values()):
                if task.stage == "every" and self._may_end(task, now):
                    task.work = None
                    task.waited += now - task.wait_began
                    self._go_on_after(task, now)
        elif name == "place":
            self._wait_for_place(self._tasks[payload["step"]], payload["until"], now)
        elif name == "resolve":
            self._answered(payload["step"], payload["call"], payload["reply"])
        elif name == "retry" and self.finished and not self._doubts:
            mended = payload["runbook"]
            self._span_began = now
            self._go_back(None if mended is None else Runbook.from_spec(mended))

    def doubts(self) -> list[LostAnswer]:
        """Return the requests of which nobody knows what became."""
        return [_question(step, number, asked) for (step, number), asked in self._doubts.items()]

    def cancel(self, now: float, *, reason: str = "the run was cancelled") -> None:
        """End the run where it stands, at whatever line it was interrupted.

        A request that was sent and whose answer no action has used may have been done, and is reported so.

        Args:
            now: Seconds since 1970 (UTC).
            reason: Why, for the report.
        """
        self._cancelled = reason
        for task in list(self._tasks.values()):
            call = task.settling.doubt.call if task.settling is not None else task.in_doubt
            if task.name in self._reports:
                del self._tasks[task.name]
            elif call is not None and call.repeat is not Repeat.READS:
                self._ambiguous(task, call, reason, now, ends=True)
            else:
                self._close(task)
                self._end(task, "cancelled", now, output=self._kept_partly(task), reason=reason)
        self._pending.clear()
        for name in self.runbook.steps:
            if name not in self._reports:
                self._skip(name, "cancelled", reason)

    def events(self) -> list[Event]:
        """Return what happened since the last call, for hooks."""
        if self.finished and not self._told:
            self._told = True
            self._events.append(RunFinished(self.report()))
        events, self._events = self._events, []
        return events

    def audited(self) -> list[AuditRecord]:
        """Return the effects since the last call."""
        records, self._audit = self._audit, []
        return records

    def report(self) -> Report:
        """Return how the run went so far."""
        state: State = "succeeded"
        if self._stopped_by is not None:
            state = self._stopped_as
        elif self._cancelled is not None:
            state = "cancelled"
        elif not self.finished:
            state = "waiting"
        doubted = {step for step, _ in self._doubts}
        return Report(
            run_id=self.run_id,
            runbook=self.runbook.name,
            state=state,
            steps=tuple(
                self._so_far(name) for name in self.runbook.steps if name in self._reports or name in self._tasks
            ),
            context=self._context,
            saved=self._saved,
            actor=self._actor,
            reason=self._reason,
            notes=tuple(
                f"Step {name!r} may or may not have done its work: its answer was lost."
                for name, report in self._reports.items()
                if state != "ambiguous" and (report.outcome == "ambiguous" or name in doubted)
            ),
            stopped_by=self._stopped_by,
        )

    def _so_far(self, name: str) -> StepReport:
        if name in self._reports:
            return self._reports[name]
        task = self._tasks[name]
        reason = ""
        if isinstance(task.work, Sleep):
            reason = f"until {datetime.fromtimestamp(task.work.until, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
        return StepReport(
            name=name,
            outcome="waiting",
            output=task.achieved(),
            reason=reason,
            calls=tuple(task.calls),
            attempts=task.attempts,
            waited=task.waited,
            started=datetime.fromtimestamp(task.started, timezone.utc),
            workspace=task.workspace,
        )

    # --- steps -------------------------------------------------------------------------------------------------------

    def _scope(self) -> dict[str, Any]:
        """Return what templates see: the context, the outputs so far and the first error."""
        return {**self._context, "steps": self._outputs, "error": self._error, "signals": self._signals}

    def _is_late(self, now: float) -> bool:
        return self._deadline is not None and now >= self._span_began + self._deadline

    def _end_late(self, begun: str | None, now: float) -> None:
        """Cancel a run whose time is over; a step that would only now begin counts as never begun."""
        task = self._tasks.get(begun) if begun is not None else None
        if task is not None:
            self._close(task)
            self._unbegin(task)
        self.cancel(now, reason=f"it was not done within {self._deadline:g} seconds")

    def _answered(self, step: str, number: int, reply: Mapping[str, Any] | None) -> None:
        """Take a person's word for a request whose answer was lost; ``None`` says that it was not carried out."""
        asked = self._doubts.pop((step, number), None)
        if asked is None:
            return
        if reply is not None and (step, number) not in self._bygone:
            self._made.add((asked.workspace, made(asked.call.method, reply)))
            told = dict(reply) if isinstance(asked.call, HostCall) else Reply({"ok": True, **reply})
            self._known.setdefault(step, []).append(_Known(asked, told, told=True))
        self._bygone.discard((step, number))
        if self._cancelled is not None:
            self._answered_for_good(step, f"{asked.call.method} (call {number})", applied=reply is not None)
        elif self.finished and not self._doubts:
            self._go_back(None)

    def _answered_for_good(self, step: str, call: str, *, applied: bool) -> None:
        """Take an answer into the report of a run that was cancelled: it goes on only if somebody retries it."""
        report = self._reports[step]
        if report.outcome in ("ambiguous", "cancelled"):
            said = f"{call} was {'' if applied else 'not '}carried out"
            report = attrs.evolve(report, reason=f"{report.reason or self._cancelled}; {said}")
            if all(name != step for name, _ in self._doubts):
                report = attrs.evolve(report, outcome="cancelled", error=None)
                self._passed.discard(step)
            self._reports[step] = report
        if not self._doubts and self._stopped_as == "ambiguous":
            self._stopped_by = None

    def _go_back(self, runbook: Runbook | None) -> None:
        """Begin again with the step that failed; what succeeded stands."""
        if runbook is not None:
            self.runbook = runbook
        # Also those of steps that the runbook has no more: another one may have them again.
        stands = {
            name: report
            for name, report in self._reports.items()
            # One that was in doubt is answered by now, and ends by that.
            if report.outcome == "succeeded" or (name in self._passed and report.outcome != "ambiguous")
        }
        self._reports = stands
        self._pending = deque((name, step) for name, step in self.runbook.steps.items() if name not in stands)
        self._stopped_by, self._cancelled, self._error, self._told = None, None, {}, False

    def _begin(self, name: str, step: Step, now: float) -> None:
        self._outputs.setdefault(name, {})
        reason = self._reason_to_skip(step)
        if reason is not None:
            self._skip(name, "skipped", reason)
            return
        task = _Task(name, step, started=now, turn=self._turns[name], known=list(self._known.get(name, ())))
        self._turns[name] += 1
        self._tasks[name] = task
        if step.after is not None and self._last_end + step.after > now:
            self._wait_until(task, "after", self._last_end + step.after, now)
        else:
            self._start(task, now)

    def _wait_until(self, task: _Task, stage: Literal["after", "every"], until: float, now: float) -> None:
        task.stage, task.call, task.in_doubt, task.wait_began = stage, None, None, now
        self._put_out(task, Sleep(task.name, until))

    def _go_on_after(self, task: _Task, now: float) -> None:
        """Go on with a step whose wait between times, or before its beginning, is over."""
        stage, task.stage = task.stage, ""
        if stage == "after":
            self._start(task, now)
        elif self._may_end(task, now):
            output, error = task.last
            if error is not None:
                self._fail(task, error, now)
            else:
                self._end(task, "succeeded", now, output=output)
        else:
            self._round(task, now)

    def _may_end(self, task: _Task, now: float) -> bool:
        """Tell whether a step with ``every`` has nothing more to do; a condition that is wrong ends it as well."""
        try:
            over = when_reason(task.step.until, self._scope()) is None
        except Exception as error:  # noqa: BLE001 - a predicate may raise anything; the report tells
            task.last = (None, error)
            return True
        return over or self._expired(task.step, now) is not None

    def _expired(self, step: Step, now: float) -> str | None:
        if step.expires_after is None or now <= cast("float", self._began) + step.expires_after:
            return None
        return f"more than {step.expires_after:g} seconds had passed since the run began"

    def _start(self, task: _Task, now: float) -> None:
        """Begin a step, unless its time has passed or its condition does not hold."""
        if self._learned is not None and now >= self._learned.until:
            # A check is no reason to take the people who were on call before a long wait.
            for where, key, _ in self._learned.answers:
                self._found[where].pop(key, None)
            self._learned = None
        self._events.append(StepStarted(self.run_id, task.name))
        step = task.step
        try:
            reason = self._expired(step, now) or when_reason(step.when, self._scope())
            if reason is None and step.until is not None and when_reason(step.until, self._scope()) is None:
                reason = "until holds already"
        except Exception as error:  # noqa: BLE001 - a predicate may raise anything; the report tells
            self._fail(task, error, now)
            return
        if reason is not None:
            self._drop(task, reason)
        else:
            self._round(task, now)

    def _drop(self, task: _Task, reason: str) -> None:
        self._unbegin(task)
        self._skip(task.name, "skipped", reason)

    def _unbegin(self, task: _Task) -> None:
        del self._tasks[task.name]
        if self._events and self._events[-1] == StepStarted(self.run_id, task.name):
            self._events.pop()

    def _round(self, task: _Task, now: float) -> None:
        """Do what the step does, once."""
        name, step = task.name, task.step
        task.round_began, task.partial, task.in_doubt, task.changed = now, None, None, False
        task.items, task.number, task.outputs, task.failures = None, 0, [], []
        task.nths.clear()
        try:
            if step.foreach is None:
                task.frames.append(_Frame(self._render(task).flow()))
            elif not (items := self._items(name, step)):
                self._drop(task, EMPTY_LIST)
                return
            else:
                task.items = items
        except Exception as error:  # noqa: BLE001 - a predicate or an own action may raise anything; the report tells
            self._fail(task, error, now)
            return
        wrong: Exception | None = None
        if task.items is not None:
            try:
                self._next_item(task)
            except Exception as error:  # noqa: BLE001 - likewise; the other items are done all the same
                wrong = error
        self._advance(task, None, wrong, now)

    def _reason_to_skip(self, step: Step) -> str | None:
        failed = self._stopped_by is not None
        if failed and step.run_if == "success":
            return f"step {self._stopped_by!r} failed before"
        if not failed and step.run_if == "failure":
            return "no step failed"
        return None

    def _items(self, name: str, step: Step) -> list[Any]:
        items, problems = loop_items(step, self._scope(), f"steps.{name}")
        if problems:
            raise error_of(problems) or CheckFailed(problems)
        return items

    def _next_item(self, task: _Task) -> None:
        """Begin the next item of a loop."""
        task.number += 1
        task.partial = None
        task.nths.clear()
        item = {"item": cast("list[Any]", task.items)[task.number - 1], "item_number": task.number}
        task.frames.append(_Frame(self._render(task, item, f"[{task.number}]").flow()))

    def _item_ended(self, task: _Task, value: Any, error: BaseException | None) -> bool:
        """Take what came of an item, and begin the next; ``False`` where the loop has ended."""
        while True:
            if not isinstance(error, Exception):
                task.outputs.append(value)
            else:
                code = getattr(error, "code", "") or type(error).__name__
                failure = ItemFailed(number=task.number, code=code, message=str(error), output=task.partial)
                task.failures.append((failure, error))
            task.partial = None
            if error is not None and task.step.on_error == "stop":
                return False
            if task.number == len(cast("list[Any]", task.items)):
                return False
            try:
                self._next_item(task)
            except Exception as raised:  # noqa: BLE001 - an own action may raise anything; the report tells
                value, error = None, raised
            else:
                return True

    def _render(self, task: _Task, item: Mapping[str, Any] | None = None, spot: str = "") -> Action[Any]:
        """Fill the action of a step, and find out in which workspace it acts."""
        step = task.step
        place = "" if self.single else f"steps.{task.name}{spot}"
        context = {**self._scope(), **(item or {})} if self._templates else None
        task.workspace, problems = workspace_of(step, context, place, own=self.workspace)
        if problems:
            raise error_of(problems) or CheckFailed(problems)
        bounds = None if self._policy is None else self._policy.within(task.workspace)
        if self._policy is not None and bounds is None:
            raise self._policy.outside(task.workspace)
        action, problems = render(step.action, context, place=place, partials=self.runbook.partials)
        if bounds is not None:
            problems += bounds.tags(step.action, place=place, partials=self.runbook.partials)
        wrong = [problem for problem in problems if problem.severity == "error"]
        if wrong:
            raise error_of(wrong) or CheckFailed(wrong)
        return action

    def _advance(self, task: _Task, value: Any, error: BaseException | None, now: float) -> None:
        """Let a step's generators run until they need something from outside, or end."""
        while True:
            while task.frames:
                effect, value, error = self._resume(task, value, error)
                if isinstance(effect, (Call, Upload, HostCall, _Judged)):
                    known = self._ask(task, effect, now)
                    if known is None and not self._is_judged(task):
                        return
                    value = None if known is None else known.reply
                elif isinstance(effect, (_Again, _Unsettled)):
                    if self._goes_on_without(task, effect, now):
                        return
                    error = _never_done(cast("_Again", effect).call)
                elif isinstance(effect, Wait):
                    if effect.seconds > 0:
                        task.call, task.wait_began = None, now
                        self._put_out(task, Sleep(task.name, now + effect.seconds))
                        return
                    value = now
            if task.items is None or not self._item_ended(task, value, error):
                break
            value, error = None, None
        if task.items is not None:
            value = ItemsDone(items=tuple(task.outputs), failed=tuple(failure for failure, _ in task.failures))
            # Of several failures, the one that leaves a question open counts most.
            raised = [each for _, each in task.failures]
            error = next((each for each in raised if isinstance(each, AmbiguousOutcome)), raised[0] if raised else None)
        if error is not None:
            self._fail(task, error, now)
        else:
            self._succeed(task, value, now)

    def _ended(self, task: _Task, frame: _Frame, value: Any) -> tuple[object, Any, BaseException | None]:
        """Take what a generator returned."""
        if frame.settles:
            return self._settled(task, value)
        if frame.judges is not None:
            return _Judged(frame.judges, value), None, None
        if frame.key is not None:
            self._memo(task)[frame.key] = value
        return None, value, None

    def _memo(self, task: _Task) -> dict[tuple[str, ...], Any]:
        """Return what was looked up; what the policy has found out, no action can say in its place."""
        memo = self._found if self._policy is None or self._is_to_judge(task) else self._facts
        return memo.setdefault(task.workspace, {})

    @staticmethod
    def _is_judged(task: _Task) -> bool:
        """Tell whether a request was handed to the policy, which has not yet said how it may go."""
        return bool(task.frames) and task.frames[-1].judges is not None

    @staticmethod
    def _is_to_judge(task: _Task) -> bool:
        """Tell whether a request is the action's, and not a look-up of the engine's own."""
        return task.settling is None and not any(frame.judges is not None for frame in task.frames)

    def _ask(self, task: _Task, effect: Request | _Judged, now: float) -> _Known | None:
        """Send a request, unless the policy has to judge it first, or an earlier attempt at the step has its answer."""
        raw, request = (effect.asked, effect.call) if isinstance(effect, _Judged) else (effect, effect)
        watch = self._watches.get(task.workspace)
        if watch is not None and isinstance(effect, Call) and self._is_to_judge(task):
            task.frames.append(_Frame(watch.judge(effect), judges=effect))
            return None
        task.calls.append(request.method)
        if task.settling is None:
            task.nths[request.method] += 1
            asked = _Asked(raw, task.step, task.item(), task.nths[request.method], task.workspace)
            known = _known_answer(task, asked)
            if known is not None:
                self._take_in(task, request, known, now)
                return known
            task.first_sent, task.unresolved = now, ""
            task.asked, task.at = asked, len(task.calls)
            request = self._stamped(task, request)
        task.attempt, task.call_waited = 0, 0.0
        self._send(task, request, now)
        return None

    def _resume(self, task: _Task, value: Any, error: BaseException | None) -> tuple[object, Any, BaseException | None]:
        """Let the innermost generator go on; return what it asks of the driver, or what to send into the next one."""
        frame = task.frames[-1]
        try:
            effect: object = frame.flow.send(value) if error is None else frame.flow.throw(error)
        except StopIteration as stop:
            return self._ended(task, task.frames.pop(), stop.value)
        except Exception as raised:  # noqa: BLE001 - an own action may raise anything; the report tells
            task.frames.pop()
            return (_Unsettled(str(raised)), None, None) if frame.settles else (None, None, raised)
        if isinstance(effect, (Call, Upload, HostCall, Wait)):
            # The action has used the answer to its last call. Before that, and after its last, it stays in doubt
            # until the report has the step: an interruption in between must not call it not done. While a lost answer
            # is looked up, that request is the one in doubt.
            if task.settling is None:
                task.in_doubt = None
            if isinstance(effect, Call) and (reason := unsendable(effect.arguments)) is not None:
                return None, None, RunbookError(f"{effect.method} cannot be sent: {reason}.", place=task.name)
            return effect, None, None
        if isinstance(effect, Partial):
            task.partial = effect.output
        elif isinstance(effect, Find):
            memo = self._memo(task)
            if effect.key in memo:
                return None, memo[effect.key], None
            task.frames.append(_Frame(effect.flow(), effect.key))
        elif isinstance(effect, Forget):
            begins = len(effect.key)
            found = self._found.get(task.workspace, {})
            self._found[task.workspace] = {key: fact for key, fact in found.items() if key[:begins] != effect.key}
        else:
            what = type(effect).__name__
            wrong = f"an action may yield Call, Upload, HostCall, Find, Forget, Partial and Wait, not {what}"
            return None, None, TypeError(wrong)
        return None, None, None

    def _send(self, task: _Task, call: Request, now: float) -> None:
        if call.repeat is not Repeat.READS and (reason := self._expired(task.step, now)) is not None:
            self._too_late(task, reason, now)
            return
        task.call = call
        task.attempt += 1
        task.attempts += 1
        task.sent_at = now
        self._put_out(task, Send(task.name, len(task.calls), task.attempt, call, task.workspace))

    def _wait_for_place(self, task: _Task, until: float, now: float) -> None:
        """Let a request that was given out wait, as if it had not been."""
        task.attempt -= 1
        task.attempts -= 1
        task.stage, task.wait_began = "place", now
        self._put_out(task, Sleep(task.name, until))

    def _too_late(self, task: _Task, reason: str, now: float) -> None:
        """End a step whose time has passed before its next effect."""
        self._close(task)
        if not task.changed and task.achieved() is None:
            self._drop(task, reason)
        else:
            self._fail(task, SlackRunbooksError(f"It was not done to its end: {reason}."), now)

    def _put_out(self, task: _Task, work: Work) -> None:
        if self._deadline is not None and isinstance(work, Sleep):
            # Whoever wakes then cancels the run before anything else.
            work = attrs.evolve(work, until=min(work.until, self._span_began + self._deadline))
        task.work = work
        task.handed_out = False

    def _judge(self, task: _Task, call: Request, delivery: Delivery, now: float) -> None:
        verdict = judge(call, delivery)
        if isinstance(verdict, Refused) and task.unresolved and task.settling is None:
            weighed = self._refused_again(call, verdict)
            if weighed is None:
                self._ambiguous(task, call, f"{task.unresolved}; sent again, Slack's error leaves it open", now)
                return
            verdict = weighed
        if isinstance(verdict, Accepted):
            if (watch := self._watches.get(task.workspace)) is not None:
                watch.learn(call, verdict.reply.data)
            if scopes := _scopes_in(verdict.reply):
                self._scopes[task.workspace] = scopes
            self._remember(task, verdict.reply)
            self._record(task, call, verdict.reply)
            self._advance(task, verdict.reply, None, now)
        elif isinstance(verdict, Refused):
            self._refused(task, call, verdict, now)
        elif call.repeat is Repeat.READS or isinstance(call, Upload):
            # Bytes that Slack was not yet told to make a file of show nowhere, so they may be sent again.
            if not self._try_again(task, None, now):
                lost = SlackUnavailable(
                    "no_answer",
                    method=call.method,
                    detail=verdict.reason,
                    remedy="It changed nothing that shows: run it again when Slack answers.",
                )
                self._advance(task, None, lost, now)
        elif not self._settle(task, call, verdict.reason, now):
            self._ambiguous(task, call, verdict.reason, now)

    def _refused(self, task: _Task, call: Request, refused: Refused, now: float) -> None:
        """Try again what was refused, or let the action know; an attempt before it may have been carried out."""
        doubtful = bool(task.unresolved) and task.settling is None
        if task.settling is None and not doubtful:
            task.in_doubt = None
        if refused.again and self._try_again(task, refused.error, now):
            return
        if refused.again and doubtful:
            code = getattr(refused.error, "code", "") or type(refused.error).__name__
            self._ambiguous(task, call, f"{task.unresolved}; sent again, it was refused each time ({code})", now)
        else:
            self._advance(task, None, refused.error, now)

    # --- lost answers ------------------------------------------------------------------------------------------------

    def _stamped(self, task: _Task, call: Request) -> Request:
        """Put the key by which it can be found again on a message."""
        if not (isinstance(call, Call) and call.method == _POST and self._choice(task) == "reconcile"):
            return call
        given = call.arguments.get("metadata")
        if given is not None and not is_stampable(given):
            # An own action's; Slack says what is wrong with it.
            return call
        metadata = stamped(given, self._key(task))
        return attrs.evolve(call, arguments={**call.arguments, "metadata": metadata})

    def _choice(self, task: _Task) -> OnAmbiguous:
        return task.step.on_ambiguous or self._on_ambiguous

    def _key(self, task: _Task) -> str:
        # The calls of a step that is tried again are counted from 1 again.
        return mark(self.run_id, task.name, str(task.at), *([str(task.turn)] if task.turn else []))

    def _remember(self, task: _Task, reply: Any) -> None:
        """Keep what was carried out, in case that the step is tried again."""
        asked = task.asked
        if asked is None or asked.call.repeat is Repeat.READS:
            return
        task.changed = True
        if isinstance(asked.call, Call) and isinstance(reply, Reply):
            for memo in (self._found.get(task.workspace, {}), self._facts.get(task.workspace, {})):
                for key in outdated(asked.call, reply.data, memo):
                    del memo[key]
        if task.settling is None and isinstance(reply, Reply):
            self._made.add((task.workspace, made(asked.call.method, reply.data)))
        # Another function may as well be called again, and then tells what is so by then.
        counts = isinstance(asked.call, Call) or asked.call.repeat is Repeat.DOUBLES
        if task.settling is None and counts:
            self._known.setdefault(task.name, []).append(_Known(asked, reply))

    def _take_in(self, task: _Task, request: Request, known: _Known, now: float) -> None:
        """Note what was done before, of which only a person could tell."""
        if not known.told or not isinstance(known.reply, Reply):
            return
        if (watch := self._watches.get(task.workspace)) is not None:
            watch.learn(request, known.reply.data)
        place = (task.name, len(task.calls))
        if place not in self._noted:
            self._noted.add(place)
            task.at, task.sent_at = len(task.calls), now
            self._record(task, request, known.reply, found=True)

    def _record(self, task: _Task, call: Request, reply: object, *, found: bool = False) -> None:
        """Note an effect in Slack."""
        if not isinstance(call, Call) or task.settling is not None:
            return
        known = METHODS.get(call.method)
        if known is not None and known.repeat is Repeat.READS:
            # By Slack's own pages, and not by what an own action says of it.
            return
        record = AuditRecord(
            run_id=self.run_id,
            runbook=self.runbook.name,
            step=task.name,
            call=task.at,
            method=call.method,
            target=_target(call, reply),
            at=datetime.fromtimestamp(task.sent_at, timezone.utc),
            actor=self._actor,
            reason=self._reason,
            scopes=self._scopes.get(task.workspace, ()),
            found=found,
            workspace=task.workspace or self.workspace,
        )
        self._audit.append(record)

    def _settle(self, task: _Task, call: Call | HostCall, reason: str, now: float) -> bool:
        """Go on after a lost answer; ``False`` where only a person can."""
        if self._choice(task) == "fail":
            return False
        if self._choice(task) == "resend":
            return self._try_again(task, None, now)
        if isinstance(call, Call):
            here = frozenset(each for workspace, each in self._made if workspace == task.workspace)
            look = recipe(doubt := Doubt(call, task.first_sent, self._key(task), here))
            if look is not None:
                task.settling = _Settling(doubt, reason, task.attempt, task.call_waited)
                task.frames.append(_Frame(look, settles=True))
                self._advance(task, None, None, now)
                return True
        if call.repeat is Repeat.DOUBLES:
            return False
        # Sent again it does no harm, but its errors may come from the first attempt; and that must not come after it,
        # or it would undo what a later step does.
        task.unresolved = reason
        return self._try_again(task, None, now, least=quiet(call))

    def _settled(self, task: _Task, verdict: object) -> tuple[object, Any, BaseException | None]:
        """Take what a look-up found: the lost answer, or that the request may be sent again."""
        settling = cast("_Settling", task.settling)
        task.settling = None
        if isinstance(verdict, Applied):
            watch = self._watches.get(task.workspace)
            if watch is not None and isinstance(verdict.reply, Reply):
                watch.learn(settling.doubt.call, verdict.reply.data)
            self._remember(task, verdict.reply)
            self._record(task, settling.doubt.call, verdict.reply, found=True)
            return None, verdict.reply, None
        task.attempt, task.call_waited = settling.attempt, settling.waited
        return _Again(settling.doubt.call), None, None

    def _goes_on_without(self, task: _Task, effect: _Again | _Unsettled, now: float) -> bool:
        """End a step in doubt, or send its request again; ``False`` where that was tried often enough."""
        if isinstance(effect, _Unsettled):
            settling = cast("_Settling", task.settling)
            task.settling = None
            self._ambiguous(task, settling.doubt.call, f"{settling.reason}; {effect.reason}", now)
            return True
        task.in_doubt = None
        if self._retry.wait_before_next(attempt=task.attempt, waited=task.call_waited, error=None) is None:
            return False
        self._send(task, effect.call, now)
        return True

    @staticmethod
    def _refused_again(call: Request, refused: Refused) -> Accepted | Refused | None:
        """Judge a refusal after an attempt whose answer was lost: done, refused, or ``None`` for nobody knows."""
        code = getattr(refused.error, "code", "")
        if refused.again or not isinstance(call, Call) or call.method not in METHODS:
            return refused
        if code in METHODS[call.method].done_codes:
            return Accepted(Reply({"ok": True}))
        return None if (call.method, code) in DOUBTFUL else refused

    def _try_again(self, task: _Task, error: Exception | None, now: float, *, least: float = 0.0) -> bool:
        wait = self._retry.wait_before_next(attempt=task.attempt, waited=task.call_waited, error=error)
        if wait is None:
            return False
        task.wait_began = now
        self._put_out(task, Sleep(task.name, now + max(wait, least)))
        return True

    # --- ends --------------------------------------------------------------------------------------------------------

    def _succeed(self, task: _Task, output: Any, now: float) -> None:
        try:
            self._keep(task.name, task.step, output)
        except SlackRunbooksError as error:
            task.partial, task.items = output, None
            self._fail(task, error, now)
            return
        if self._comes_again(task, output, None, now):
            return
        if task.last[1] is not None:
            self._fail(task, task.last[1], now)
        else:
            self._end(task, "succeeded", now, output=output)

    def _comes_again(self, task: _Task, output: Any, error: BaseException | None, now: float) -> bool:
        """Let a step with ``every`` wait for its next time; ``False`` where there is none."""
        if task.step.every is None:
            return False
        if error is None:
            self._close_time(task)
        task.last = (output, error)
        if self._may_end(task, now):
            return False
        self._close_time(task)
        self._wait_until(task, "every", max(now, task.round_began + task.step.every), now)
        return True

    def _close_time(self, task: _Task) -> None:
        """Let what one time of a step with ``every`` did stay done; a retry begins with a time of its own."""
        self._known.pop(task.name, None)
        task.known = []
        self._bygone |= {doubt for doubt in self._doubts if doubt[0] == task.name}

    def _keep(self, name: str, step: Step, output: Any, *, partly: bool = False) -> None:
        """Make an output readable for later steps and save what the step says; ``partly``, as far as it goes."""
        fields = outputs_of(output)
        self._outputs[name] = fields
        for path, field in step.save_as.items():
            if field not in fields:
                if partly:
                    continue
                raise RunbookError(
                    f"the step gave no {field!r}; it gave {', '.join(fields) or 'nothing'}.",
                    place=f"steps.{name}.save_as",
                )
            self._context = put(self._context, path, fields[field])
            self._saved[path] = fields[field]

    def _fail(self, task: _Task, error: BaseException, now: float, *, ends: bool = False) -> None:
        self._close(task)
        # Of a loop that went on, one item may be in doubt.
        state: Literal["failed", "ambiguous"] = "ambiguous" if isinstance(error, AmbiguousOutcome) else "failed"
        self._stop(task, state, error)
        output = self._kept_partly(task)
        goes_on = task.step.on_error == "continue" and task.last[1] is not error and not ends
        if not (goes_on and self._comes_again(task, output, error, now)):
            self._end(task, state, now, output=output, error=error)

    def _kept_partly(self, task: _Task) -> Any:
        """Return what a step that did not succeed has achieved, and make it readable for later steps."""
        achieved = task.achieved()
        if achieved is not None:
            self._keep(task.name, task.step, achieved, partly=True)
        return achieved

    def _ambiguous(self, task: _Task, call: Request, reason: str, now: float, *, ends: bool = False) -> None:
        self._close(task)
        step = "" if self.single and not self._kept else task.name
        error = AmbiguousOutcome(
            call.method,
            reason,
            sent_at=task.sent_at,
            step=step,
            run_id=self.run_id,
            call=task.at,
            doubles=call.repeat is Repeat.DOUBLES,
            kept=self._kept,
            function=isinstance(call, HostCall),
            workspace=task.workspace,
        )
        self._doubts[task.name, task.at] = cast("_Asked", task.asked)
        if task.items is None:
            self._fail(task, error, now, ends=ends)
        elif not ends and task.step.on_error == "continue":
            self._advance(task, None, error, now)
        else:
            failure = ItemFailed(number=task.number, code=type(error).__name__, message=str(error), output=task.partial)
            task.failures.append((failure, error))
            task.partial = None
            self._fail(task, error, now, ends=ends)

    def _stop(self, task: _Task, state: State, error: BaseException) -> None:
        stops = task.step.on_error == "stop" and self._stopped_by is None
        if stops or not self._error:
            self._error = {
                "step": task.name,
                "code": getattr(error, "code", "") or type(error).__name__,
                "message": str(error),
                "method": getattr(error, "method", ""),
                "remedy": getattr(error, "remedy", ""),
            }
        if stops:
            self._stopped_by, self._stopped_as = task.name, state

    def _close(self, task: _Task) -> None:
        for frame in reversed(task.frames):
            # An own action that yields or raises while it is closed must not hide what the report has to tell.
            with contextlib.suppress(Exception):
                frame.flow.close()
        task.frames.clear()

    def _end(
        self,
        task: _Task,
        outcome: Outcome,
        now: float,
        *,
        output: Any = None,
        error: BaseException | None = None,
        reason: str = "",
    ) -> None:
        self._note(
            StepReport(
                name=task.name,
                outcome=outcome,
                output=output,
                error=error,
                reason=reason,
                calls=tuple(task.calls),
                attempts=task.attempts,
                waited=task.waited,
                started=datetime.fromtimestamp(task.started, timezone.utc),
                ended=datetime.fromtimestamp(now, timezone.utc),
                workspace=task.workspace,
            )
        )
        self._last_end = now
        # Only now: whoever is interrupted in between finds the report, or the task.
        self._tasks.pop(task.name, None)

    def _skip(self, name: str, outcome: Outcome, reason: str) -> None:
        self._note(StepReport(name=name, outcome=outcome, reason=reason))

    def _note(self, report: StepReport) -> None:
        self._reports[report.name] = report
        if self._stopped_by is None and self._cancelled is None:
            self._passed.add(report.name)
        self._events.append(StepFinished(self.run_id, report))


def _question(step: str, number: int, asked: _Asked) -> LostAnswer:
    """Ask a person what became of a request, and for what the action goes on with."""
    method = asked.call.method
    if isinstance(asked.call, HostCall):
        return LostAnswer(step, number, method, tuple(dict.fromkeys(asked.step.save_as.values())), function=True)
    return LostAnswer(step, number, method, REPLIES.get(method, ()), workspace=asked.workspace)


# What says where something was done, and nothing of what was said.
_TARGETS: Final = (
    *("channel", "channel_id", "channel_ids", "ts", "timestamp", "thread_ts", "message_ts"),
    *("user", "users", "user_ids", "usergroup", "name", "bookmark_id", "canvas_id", "scheduled_message_id", "post_at"),
    *("file", "file_id"),
)


def _target(call: Call, reply: object) -> dict[str, str]:
    """Return what a request was about; what it made goes before what it asked for."""
    found = {name: call.arguments[name] for name in _TARGETS if call.arguments.get(name)}
    files = call.arguments.get("files")
    if isinstance(files, (list, tuple)):
        found["file_id"] = [file.get("id") for file in files if isinstance(file, Mapping)]
    if isinstance(reply, Reply):
        found.update({name: reply.data[name] for name in _TARGETS if isinstance(reply.data.get(name), (str, int))})
        made = reply.data.get("channel")
        if isinstance(made, Mapping) and isinstance(made.get("id"), str):
            found["channel"] = made["id"]
    return {name: ",".join(map(str, value)) if _is_list(value) else str(value) for name, value in found.items()}


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _scopes_in(reply: object) -> tuple[str, ...]:
    header = reply.headers.get("x-oauth-scopes", "") if isinstance(reply, Reply) else ""
    return tuple(sorted(scope.strip() for scope in header.split(",") if scope.strip()))


def _known_answer(task: _Task, asked: _Asked) -> _Known | None:
    """Return the answer to a request that an earlier attempt at the step had carried out.

    What a person told goes to the very request that they were asked about, and only where there is none that reads the
    same, to the one that stands in its place.
    """
    if isinstance(asked.call, Upload) or asked.call.repeat is Repeat.READS:
        return None
    same = [known for known in task.known if known.asked.is_same_as(asked)]
    same = same or [known for known in task.known if known.told and known.asked.stands_for(asked)]
    if not same:
        return None
    found = min(same, key=lambda known: known.told)
    task.known = [known for known in task.known if known is not found]
    return found


def _never_done(call: Call) -> SlackUnavailable:
    return SlackUnavailable(
        method=call.method,
        detail="its answer was lost each time, and it was not carried out",
        remedy="Nothing was done: run it again when Slack answers.",
    )


Hook: TypeAlias = Callable[[Event], None]
"""Called with each event of a run, in order."""
