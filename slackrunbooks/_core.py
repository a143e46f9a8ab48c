"""What the two executors share: everything about a run that does not wait for anybody.

Rule of this file: nothing is sent, and nobody sleeps. A journal is asked, so a method may block; the asynchronous
executor calls it in a thread.
"""

from __future__ import annotations

import contextlib
import logging
import math
import re
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, TypeAlias, cast, get_args

import attrs

from ._context import MISSING, in_the_way, look_up, put
from ._effects import Answered, OnAmbiguous
from ._elsewhere import Elsewhere
from ._engine import Hook, Learned, Machine, Send, Work
from ._lease import Course, next_of, recorded, spec_of
from ._look import TOKEN, Identity, Look, Seen, Sight, channel_of, judged, remembered
from ._perform import WallClock
from ._survey import check_report, part, survey, unreachable
from ._tokens import kind_of
from .actions import Action
from .errors import (
    CheckFailed,
    ConnectFailed,
    JournalError,
    NotInstalled,
    Problem,
    RunbookError,
    RunConflict,
    RunHeld,
    SlackRunbooksError,
    Unsupported,
)
from .journal import RunRecord, decode, encode
from .pacing import Lane, Pacing, asked_to_wait
from .policy import Policy
from .report import AuditRecord, LostAnswer, Report
from .retries import RetryPolicy
from .runbook import Runbook, Step, no_team
from .templates import SupportsContext
from .text import Placeholder, parse_channel

if TYPE_CHECKING:
    from ._clock import Clock
    from ._effects import Delivery
    from ._look import Key, Named
    from ._tokens import TokenKind
    from .journal import Journal
    from .report import CheckReport, Plan

__all__ = ["Audit", "Context", "Core", "Looking", "crosses", "outcome_of", "skipping"]

_log = logging.getLogger("slackrunbooks")

_SIGNAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# So that one sweep ends, whatever others submit meanwhile.
_MOST_AT_ONCE = 1000

# Reports kept in memory for run IDs; older ones are forgotten. A journal keeps them all.
_KEPT = 1000

# Seconds for which a check does not ask again for what it found in order.
_FRESH = 60.0


Context: TypeAlias = Mapping[str, Any] | SupportsContext | None
"""The data that fills a runbook: a mapping of plain data, or an object that gives one."""

Audit: TypeAlias = Callable[[AuditRecord], object]
"""Takes a record of each effect in Slack."""


@attrs.define
class _Kept:
    """A run of this executor: what it is of, and its report once it has one."""

    machine: Machine
    context: dict[str, Any]
    templates: bool
    report: Report | None = None


@attrs.frozen
class Looking:
    """A check under way: what was found offline, and the machine that asks Slack."""

    book: Runbook
    whole: Plan
    plan: Plan
    single: bool
    named: tuple[Named, ...]
    known: Mapping[Key, Any]
    anew: frozenset[Key]
    learned: Mapping[Key, Any]
    machine: Machine
    team: str


_NOBODY = "Slack could not be asked"
_SANDBOX = "policy.redirect"


def _sandbox(redirect: str) -> Named:
    """Name the channel of a rehearsal, which the policy finds by the list of channels."""
    methods = ("conversations.list", "chat.postMessage")
    return attrs.evolve(channel_of(parse_channel(redirect)), place=_SANDBOX, field=_SANDBOX, methods=methods)


def _rehearsed(problem: Problem) -> Problem:
    return problem if problem.place == _SANDBOX else attrs.evolve(problem, severity="warning")


class Core:
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
        policy: Policy | None,
        hooks: Iterable[Hook],
        audit: Audit | None,
        workspaces: Any,
        asynchronous: bool,
    ) -> None:
        if audit is not None and not callable(audit):
            raise RunbookError(f"must be callable, as an AuditLog; not {type(audit).__name__}.", place="Executor.audit")
        self._audit = audit
        if policy is not None and not isinstance(policy, Policy):
            raise RunbookError(f"must be a Policy, not {type(policy).__name__}.", place="Executor.policy")
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
        self._policy = policy
        self._lanes = journal
        if pacing is not None and journal is None:
            from .stores import MemoryJournal

            self._lanes = MemoryJournal()
        self._owner = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, _Kept] = OrderedDict()
        self._latest: Report | None = None
        # What checks found in order, by workspace.
        self._seen: dict[tuple[str, Key], tuple[float, Any]] = {}
        self._made: Any = None
        # Team ID of its own workspace, where that is known: from Workspaces.
        self._team = ""
        # The same where Slack had to be asked; runs are begun without it.
        self._asked_team = ""
        self._elsewhere = Elsewhere(workspaces, asynchronous=asynchronous)
        # Whether a client used as it was given is closed with the executor; the fake's server gives one away.
        self._owns_client = False
        self._clock: Clock = getattr(client, "slackrunbooks_clock", None) or WallClock()

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
        plan = survey(
            book, _plain_context(context), templates=templates, single=single, policy=self._policy, own=self._team
        )
        return book, plan, single

    def _look_at(
        self,
        book: Runbook,
        whole: Plan,
        *,
        single: bool,
        team: str = "",
        anew: frozenset[Key] = frozenset(),
        learned: Mapping[Key, Any] | None = None,
        granted: tuple[str, ...] | None = None,
    ) -> Looking:
        """Make the machine that asks Slack for what is not known of what a runbook names in a workspace.

        What is asked ``anew`` is not taken from an earlier check; what this one has ``learned`` is not asked again.
        """
        plan = part(whole, team)
        runs = {step.name for step in plan.steps if not step.skipped}
        # What is wrong as it stands, or out of bounds, is told already.
        told = {problem.place for problem in whole.problems}
        named = tuple(each for each in plan.named if each.step in runs and not told & {each.place, each.field})
        bounds = None if self._policy is None else self._policy.within(team)
        if bounds is not None and bounds.redirect:
            named = (*named, _sandbox(bounds.redirect))
        with self._lock:
            now = self._clock.now()
            self._seen = {key: kept for key, kept in self._seen.items() if kept[0] > now}
            kept = {key: fact for (where, key), (_, fact) in self._seen.items() if where == team}
            known = {key: fact for key, fact in kept.items() if key not in anew}
        # What a policy bounds is what steps do; what they name is looked at, as the policy itself would.
        look = Look(named, known, learned or {}, granted)
        machine = Machine(
            Runbook.of_one(look, workspace=team or None), {}, run_id=_named(None, "check"),
            retry=self._retry, templates=False, single=True, on_ambiguous=self._on_ambiguous, workspace=self._team,
        )  # fmt: skip
        return Looking(book, whole, plan, single, named, known, anew, learned or {}, machine, team)

    def _looked(self, look: Looking, seen: Seen | SlackRunbooksError) -> CheckReport | Looking:
        """Put together what was found, and keep for a while what was in order.

        Where something is wrong by what an earlier check saw, return another look: it may have been mended meanwhile.
        """
        identity = seen if isinstance(seen, SlackRunbooksError) else seen.identity
        sight = Sight()
        if isinstance(seen, Seen) and isinstance(identity, Identity):
            sight = judged(look.named, seen.facts, identity.granted)
            bounds = None if self._policy is None else self._policy.within(look.team)
            if bounds is not None and bounds.redirect:
                # In a rehearsal steps leave all but the sandbox alone.
                sight = attrs.evolve(sight, problems=tuple(map(_rehearsed, sight.problems)))
        elif look.named:
            sight = Sight(unseen={each.place: f"{each.shown} was not looked at: {_NOBODY}" for each in look.named})
        report = check_report(
            look.book,
            look.plan,
            identity,
            single=look.single,
            sight=sight,
            token=None if look.team else self._kind_of_token(),
        )
        if isinstance(seen, Seen):
            # Somebody mends what was wrong, and asks again.
            doubtful = set(sight.doubtful)
            online = {*report.problems, *report.warnings} - {*look.plan.problems}
            if online or report.unsettled or report.unseen:
                # Another scope may be what mends it.
                doubtful.add(TOKEN)
            fresh = self._clock.now() + _FRESH
            with self._lock:
                for key in doubtful:
                    self._seen.pop((look.team, key), None)
                for key, fact in seen.facts.items():
                    if key not in doubtful and key not in look.known:
                        self._seen[look.team, key] = (fresh, fact)
            stale = doubtful & look.known.keys()
            if stale:
                learned = {key: fact for key, fact in seen.facts.items() if key not in {TOKEN, *look.known}}
                return self._look_at(
                    look.book,
                    look.whole,
                    single=look.single,
                    team=look.team,
                    anew=look.anew | stale,
                    learned={**look.learned, **learned},
                    granted=seen.identity.granted if isinstance(seen.identity, Identity) else None,
                )
        return report

    def _kind_of_token(self) -> TokenKind | None:
        """Tell the kind of the token, if there is one to be seen."""
        token = getattr(self._made, "token", None) or self._token
        return kind_of(token) if isinstance(token, str) and token else None

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
        return tuple(machine.doubts())

    # --- starting and ending a run -----------------------------------------------------------------------------------

    def _for_action(
        self, action: object, context: Context, key: str | None, *, workspace: str = ""
    ) -> tuple[Machine, dict[str, Any] | None]:
        """Make the machine of one action, and the context under which its key is remembered, if it has one."""
        data = _plain_context(context)
        machine = Machine(
            _checked_action(action, workspace=workspace or None),
            data,
            run_id=_named(f"key/{key}" if key is not None else None, "do"),
            retry=self._retry,
            templates=context is not None,
            single=True,
            on_ambiguous=self._on_ambiguous,
            policy=self._policy,
            workspace=self._team,
        )
        return machine, None if key is None else data

    def _open_one(self, action: object, context: Context, key: str) -> Report | Course:
        """Open the run of one action under a key. Blocks."""
        name = _named(f"key/{key}", "do")
        book, data = _checked_action(action), _plain_context(context)
        opened = self._open(book, data, name, templates=context is not None, single=True)
        if isinstance(opened, Report) and opened.state in ("failed", "cancelled"):
            # It certainly did nothing, or not all of it: asked again, it goes on.
            return self._to_retry(name, None)
        return opened

    def _for_run(
        self, runbook: Runbook, context: Context, run_id: str | None, actor: str | None, reason: str | None
    ) -> Report | tuple[Machine, dict[str, Any]]:
        """Return the report that a run ID has already, or look before the leap and make the machine."""
        data = _plain_context(context)
        if (recorded := self._known(run_id, _checked_runbook(runbook), data)) is not None:
            return recorded
        plan = self._look_before(runbook, data, policy=self._policy, own=self._team)
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
            policy=self._policy,
            workspace=self._team,
            learned=self._learned(plan),
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
        begins, learned = given, None
        if known is None and not single:
            begins = _with_saved(given, journal, subject)
            begins = runbook.with_defaults(begins)[0] if templates else begins
            learned = self._learned(self._look_before(runbook, begins, policy=self._policy, own=self._team))
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
            policy=self._policy,
            workspace=self._team,
            learned=learned,
        )
        if known is None:
            record = RunRecord(run_id=run_id, spec=spec, subject=subject, created=now, updated=now)
            known = journal.begin(record)
        kept, asked = decode(known.spec), decode(spec)
        if (kept["runbook"], kept["templates"]) != (asked["runbook"], asked["templates"]):
            raise RunConflict(run_id, "it is a run of another runbook; give this one another run_id.")
        home, here = kept.get("workspace", ""), self._team
        if home and here and home != here:
            raise RunConflict(
                run_id,
                f"it is a run of the workspace {home}, and this executor is for {here}; give this one another ID.",
            )
        if kept.get("policy") != asked["policy"]:
            raise RunConflict(
                run_id,
                "it was begun under another policy, and goes on under that one only: resume it with an executor that "
                "has none, or cancel it and give this one another run_id.",
            )
        if kept["given"] != asked["given"]:
            return known, ("The context differs from the one the run began with, and was ignored.",)
        return known, ()

    def _go_on(self, record: RunRecord) -> Report | Course:
        """Return the report of a run that has ended, or take it over. Blocks."""
        journal = self._journal_or_refused("resume")
        if record.state != "running":
            machine, heard = recorded(journal, record)
            if machine.finished and not journal.listen(record.run_id, heard).messages:
                return machine.report()
        now = self._clock.now()
        course = Course.of(journal, record, self._owner, now, fits=self._fits)
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
        seconds = isinstance(deadline, (int, float)) and not isinstance(deadline, bool) and 0 <= deadline < math.inf
        if deadline is not None and not seconds:
            raise RunbookError(f"must be seconds, as 3600; not {deadline!r}.", place="deadline")
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
        """Return the machine of a run that has ended and left something to do about it. Blocks."""
        record = self._kept_record(run_id, what)
        machine, _ = recorded(self._journal_or_refused(what), record)
        if record.state == "running":
            raise RunHeld(
                run_id, f"it has not ended yet, so there is nothing to {what}; resume it, or cancel it first."
            )
        if record.state == "succeeded" and not (what == "resolve" and machine.doubts()):
            raise RunConflict(run_id, f"it has succeeded, so there is nothing to {what}.")
        return machine

    def _to_retry(self, run_id: str, runbook: Runbook | None) -> Report | Course:
        """Open a run that failed, to go on from the step that did. Blocks."""
        machine = self._ended(run_id, "retry")
        if doubts := machine.doubts():
            lost = doubts[0]
            raise RunConflict(
                run_id,
                f"nobody knows whether {lost.method} (call {lost.call} of step {lost.step!r}) was carried out. Look"
                f"{'' if lost.function else ' in Slack'}, and answer with resolve({run_id!r}, {lost.step!r}, "
                f"call={lost.call}, applied=…).",
            )
        if runbook is not None:
            runbook = _checked_runbook(runbook)
            spec = decode(self._kept_record(run_id).spec)
            policy = Policy.from_spec(spec.get("policy"))
            self._look_before(runbook, spec["context"], policy=policy, own=machine.workspace)
        self._told(run_id, "retry", {"runbook": None if runbook is None else runbook.to_spec()})
        return self._go_on(self._kept_record(run_id))

    def _to_resolve(
        self, run_id: str, step: str, call: int, reply: Mapping[str, Any] | None, *, applied: bool
    ) -> Report | Course:
        """Answer for a lost request, and open the run to go on. Blocks."""
        doubts = self._ended(run_id, "resolve").doubts()
        lost = next((lost for lost in doubts if (lost.step, lost.call) == (step, call)), None)
        if lost is None:
            asked = ", ".join(f"call {each.call} of step {each.step!r} ({each.method})" for each in doubts)
            raise RunConflict(run_id, f"call {call} of step {step!r} is not in doubt; {asked or 'nothing'} is.")
        missing = [path for path in lost.reply if applied and not _tells(reply or {}, path)]
        if missing:
            made = (
                "returned, for the steps that follow"
                if lost.function
                else "made, for the steps that follow: take it from Slack"
            )
            raise RunbookError(f"needs {', '.join(missing)} of what {lost.method} {made}.", place="reply")
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
        except (RunHeld, ConnectFailed):
            # Of the latter: a worker that reaches the run's workspaces ends it.
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
        # How far it came is no end, and hooks are told of none.
        self._latest = course.report()
        self._note_effects(course.machine)
        with contextlib.suppress(JournalError, RunHeld):
            course.let_go(self._clock.now())
        course.machine.cancel(self._clock.now(), reason=f"the run was interrupted ({type(error).__name__})")

    def _leave_alone(self, course: Course) -> None:
        """Let go of a run with which this worker cannot go on; how it ends stays open. Blocks."""
        with contextlib.suppress(JournalError, RunHeld):
            course.leave_alone(self._clock.now())

    def _left(self, opened: Report | Course | None) -> None:
        """Let go of a run that was opened for somebody who was cancelled meanwhile. Blocks."""
        if isinstance(opened, Course):
            self._let_go(opened, CancelledError())

    def _parked(self, course: Course, wake_at: float) -> Report:
        """Let go of a run that goes on later, in whatever process. Blocks."""
        course.let_go(self._clock.now(), wake_at)
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
            if not _is_check(machine):
                self._latest = report
        return report

    def _known(self, run_id: str | None, runbook: Runbook, context: dict[str, Any]) -> Report | None:
        """Return the recorded report of a run, whatever the context is that it is asked for with."""
        with self._lock:
            kept = self._runs.get(run_id) if run_id is not None else None
            return None if kept is None else _recorded(str(run_id), kept, runbook, context, templates=True)

    def _learned(self, plan: Plan) -> Learned | None:
        """Return what checks of this executor have looked up of what a run names, not long ago."""
        runs = {step.name for step in plan.steps if not step.skipped}
        now = self._clock.now()
        with self._lock:
            seen = {place: kept for place, kept in self._seen.items() if kept[0] > now}
        answers: list[tuple[str, tuple[str, ...], Any]] = []
        for team in dict.fromkeys(where for where, _ in seen):
            facts = {key: fact for (where, key), (_, fact) in seen.items() if where == team}
            named = [each for each in plan.named if each.workspace == team and each.step in runs]
            answers += [(team, key, answer) for key, answer in remembered(named, facts).items()]
        return Learned(min(fresh for fresh, _ in seen.values()), tuple(answers)) if answers else None

    def _look_before(self, runbook: Runbook, context: dict[str, Any], *, policy: Policy | None, own: str) -> Plan:
        """Refuse a run whose runbook and context are known to be wrong, before anything is sent; else return its plan.

        Policy and own workspace are those of the run, which another executor may have begun. Blocks where a step acts
        in another workspace.
        """
        plan = survey(runbook, context, policy=policy, own=own)
        found = (*plan.problems, *unreachable(runbook, plan, self._out_of_reach(plan)))
        problems = [problem for problem in found if problem.severity == "error"]
        if problems:
            raise CheckFailed(problems, subject=runbook.name) from problems[0].error
        return plan

    # --- other workspaces --------------------------------------------------------------------------------------------

    def _out_of_reach(self, plan: Plan) -> dict[str, ConnectFailed]:
        """Tell where this executor cannot act, and why: it has no way there, or the app is not installed. Blocks."""
        absent: dict[str, ConnectFailed] = {}
        for team in dict.fromkeys(team for step in plan.steps if not step.skipped for team in step.workspaces if team):
            if team == self._team or (self._elsewhere and no_team(team)):
                # Of the latter only the run can tell which one it is.
                continue
            try:
                self._elsewhere.check(team)
            except ConnectFailed as error:
                absent[team] = error
        return absent

    def _fits(self, machine: Machine) -> None:
        """Leave a run alone that needs workspaces which this executor does not reach. Blocks.

        Raises:
            NotInstalled: It does not reach one.
            ConnectFailed: The installation store could not be read.
        """
        if self._elsewhere and machine.workspace not in ("", self._team):
            self._elsewhere.check(machine.workspace)
        for team in machine.ahead():
            if team != self._team:
                self._elsewhere.reaches(team)
        if not self._elsewhere and crosses(machine.runbook):
            # Only the run can tell where else it goes.
            self._elsewhere.check("")

    def _has_to_ask(self, machine: Machine) -> bool:
        """Tell whether a run has a home, and nobody has told this executor yet whether that is its own workspace."""
        return bool(machine.workspace) and not (self._team or self._elsewhere or self._asked_team)

    def _at_home(self, machine: Machine, client: Any, delivery: Delivery | None) -> None:
        """Leave a run alone whose home is not the workspace of this executor's token.

        Args:
            machine: The run.
            client: Of this executor.
            delivery: What came of ``auth.test``; ``None`` if there was nothing to ask.

        Raises:
            ConnectFailed: Slack did not say whose the token is.
            NotInstalled: It is another workspace's.
        """
        home = machine.workspace
        if delivery is not None:
            self._asked_team = _team_of(client, delivery)
            if not self._asked_team:
                raise ConnectFailed(
                    "no_answer",
                    f"the run is one of the workspace {home}, and auth.test did not tell whether the token is, too.",
                    "The run was left alone; go on with it when Slack answers.",
                )
        if home and self._asked_team and home != self._asked_team:
            raise NotInstalled(
                "other_workspace",
                f"the run is one of the workspace {home}, and the executor's token is of {self._asked_team}.",
                "Go on with it by a token of that workspace, or by Workspaces(store).executor(team_id=…).",
            )

    def _team_for(self, machine: Machine, work: Send) -> str:
        """Return the other workspace to which a request goes, or ``""`` for the executor's own."""
        # A run that another executor began may be at home elsewhere.
        team = work.workspace or (machine.workspace if self._elsewhere else "")
        return "" if team == self._team else team

    def _lanes_of(self, machine: Machine, work: Send) -> tuple[Lane, ...]:
        team = work.workspace or machine.workspace or self._team
        return () if self._pacing is None else self._pacing.lanes(work.call, team)

    # --- pacing ------------------------------------------------------------------------------------------------------

    def _place(self, machine: Machine, work: Work | None) -> float | None:
        """Take a place in the lanes of a request, and return when it comes; ``None`` if it may go at once. Blocks.

        One that has waited for its place goes, unless Slack has closed the lane meanwhile; then it takes another.
        """
        if self._pacing is None or self._lanes is None or not isinstance(work, Send):
            return None
        now, waits = self._clock.now(), [0.0]
        with _unpaced():
            lanes = self._lanes_of(machine, work)
            if machine.has_place(work) and all(self._lanes.closed_until(lane.name) <= now for lane in lanes):
                return None
            waits += [self._lanes.reserve(lane.name, now, lane.gap, lane.burst) for lane in lanes]
        return now + max(waits) if max(waits) > 0 else None

    def _waits_for_place(self, machine: Machine, work: Send) -> bool:
        """Let a request wait for its place; ``False`` if it may go at once. Blocks."""
        until = self._place(machine, work)
        if until is not None:
            machine.tell("place", {"step": work.step, "until": until}, self._clock.now())
        return until is not None

    def _prepare(self, course: Course) -> None:
        """Do what may take its time before the next request of a run that is kept is written. Blocks."""
        if self._pacing is not None:
            self._hold_back(course)
        if self._elsewhere:
            work = course.coming(self._clock.now)
            if isinstance(work, Send) and (team := self._team_for(course.machine, work)):
                # A process that ends while a store is asked for a client must not leave the request in doubt.
                self._elsewhere.client_or_told(team)

    def _hold_back(self, course: Course) -> None:
        """Let the next request of a run that is kept wait for its place, and write that it does. Blocks."""
        work = course.coming(self._clock.now)
        if isinstance(work, Send) and (until := self._place(course.machine, work)) is not None:
            course.hold_back(work, until, self._clock.now())

    def _slow_down(self, machine: Machine, work: Work, delivery: Delivery | None) -> None:
        """Close the lanes of a request to which Slack answered that it came too early. Blocks."""
        if self._pacing is None or self._lanes is None or not isinstance(work, Send) or delivery is None:
            return
        seconds = asked_to_wait(work.call, delivery)
        if seconds > 0:
            with _unpaced():
                for lane in self._lanes_of(machine, work):
                    self._lanes.close_lane(lane.name, self._clock.now() + seconds)

    def _tell(self, machine: Machine) -> None:
        self._note_effects(machine)
        for event in machine.events():
            # A check is no run.
            for hook in () if _is_check(machine) else self._hooks:
                _call(hook, event, "A hook failed; the run goes on.")

    def _note_effects(self, machine: Machine) -> None:
        records = machine.audited()
        if records:
            # It may be otherwise now: other channels, other people in a group.
            with self._lock:
                self._seen = {place: kept for place, kept in self._seen.items() if place[1] == TOKEN}
        for record in records:
            if self._audit is not None:
                _call(self._audit, record, "An effect could not be written to the audit; the run goes on.")

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


def _is_check(machine: Machine) -> bool:
    return machine.single and any(isinstance(step.action, Look) for step in machine.runbook.steps.values())


def _team_of(client: Any, delivery: Delivery) -> str:
    """Return the workspace of which ``auth.test`` tells, or ``""``.

    Its page: https://docs.slack.dev/reference/methods/auth.test
    """
    data = delivery.data if isinstance(delivery, Answered) else None
    if not data or data.get("ok") is not True:
        return ""
    if data.get("is_enterprise_install"):
        # An organisation's token is of the workspace that the client names with each request.
        return str(getattr(client, "default_params", {}).get("team_id") or "")
    return str(data.get("team_id") or "")


def _call(hook: Callable[[Any], object], told: object, failed: str) -> None:
    try:
        hook(told)
    except Exception:  # noqa: BLE001
        # A broken progress bar must not stop an incident from being declared.
        _log.exception(failed)


@contextlib.contextmanager
def _unpaced() -> Generator[None]:
    """Let a request go at once where nobody can tell its place: Slack itself says when it is too early."""
    try:
        yield
    except JournalError as error:
        _log.warning("Pacing does without the journal: %s", error)


@contextlib.contextmanager
def skipping(run_id: str, broken: list[JournalError]) -> Generator[None]:
    """Let others go on where one run is held by somebody else, was purged, or cannot go on.

    Args:
        run_id: The run.
        broken: Takes what the journal said. Where it says so of every run, it is the journal that is broken.
    """
    try:
        yield
    except (RunHeld, KeyError):
        pass
    except JournalError as error:
        _log.error("Run %s cannot go on: %s", run_id, error)
        broken.append(error)
    except (ConnectFailed, RunConflict, RunbookError) as error:
        _log.error("Run %s cannot go on: %s", run_id, error)
    except Exception:  # noqa: BLE001 - one run must not keep the others from going on
        _log.exception("Run %s cannot go on.", run_id)


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


def outcome_of(report: Report) -> Any:
    """Return what a single action gave, or raise what it met."""
    if report.state == "waiting":
        waits = f"it waits {report.steps[0].reason}" if report.steps else "everything is paused"
        raise RunHeld(report.run_id, f"{waits.rstrip()}; ask again with the same key, or let a worker go on with it.")
    step = report.steps[0]
    if step.error is not None:
        if isinstance(step.error, SlackRunbooksError):
            step.error.output = step.output
        # A recorded error may be raised often; it must not gather the tracebacks of all who asked.
        raise step.error.with_traceback(None)
    if step.outcome != "succeeded":
        raise SlackRunbooksError(f"{step.name} was not done: {step.reason}.")
    return step.output


def _named(run_id: str | None, what: str) -> str:
    """Return a run ID, or make one where none is given."""
    if run_id is not None and (not run_id or type(run_id) is not str):
        raise RunbookError("must be text that is not empty.", place="run_id")
    return run_id or f"{what}/{uuid.uuid4().hex[:12]}"


def crosses(runbook: object) -> bool:
    """Tell whether a step of a runbook acts in another workspace."""
    return isinstance(runbook, Runbook) and any(step.workspace is not None for step in runbook.steps.values())


def _checked_action(action: object, *, workspace: str | None = None) -> Runbook:
    if not isinstance(action, Action):
        hint = " Use run for a runbook." if isinstance(action, (Runbook, Step)) else ""
        raise RunbookError(f"must be an action such as SendMessage(…), not {type(action).__name__}.{hint}", place="do")
    return Runbook.of_one(action, workspace=workspace)


def _checked_runbook(runbook: object) -> Runbook:
    if not isinstance(runbook, Runbook):
        hint = " Use do for one action." if isinstance(runbook, Action) else ""
        raise RunbookError(f"must be a Runbook, not {type(runbook).__name__}.{hint}", place="run")
    return runbook
