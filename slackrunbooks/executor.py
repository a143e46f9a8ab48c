"""The executors: two drivers of one engine.

Rule of this file: a driver performs work (send, sleep, tell hooks) and decides nothing. Whatever does not wait is in
:class:`~slackrunbooks._core.Core`, once for both; the two classes below differ in ``await`` alone.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ._core import Audit, Context, Core, Looking, crosses, outcome_of, skipping
from ._engine import Hook, Machine, Send, Work
from ._lease import Course
from ._perform import Threads, perform, perform_async
from ._survey import others, with_others
from .errors import ConnectFailed, JournalError, RunConflict, RunHeld, SlackRunbooksError
from .report import CheckReport, Report
from .slack_methods import call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from slack_sdk import WebClient
    from slack_sdk.web.async_client import AsyncWebClient
    from typing_extensions import Self

    from ._effects import Delivery, OnAmbiguous
    from ._look import Seen
    from .actions import Action
    from .connect import Workspaces
    from .journal import Journal
    from .pacing import Pacing
    from .policy import Policy
    from .retries import RetryPolicy
    from .runbook import Runbook

__all__ = ["AsyncExecutor", "Context", "Executor"]

_R = TypeVar("_R")


class Executor(Core):
    """Runs actions and runbooks in Slack, synchronously. Safe to share between threads; close it when done.

    Args:
        client: A ``slack_sdk.WebClient``. A plain one lends its settings to a :class:`PooledWebClient`; a subclass or
            a stand-in is used as it is, and refused if it would retry by itself.
        token: A bot token, instead of a client. Without either, the environment variable ``SLACK_BOT_TOKEN`` is read
            when the first request is made.
        retry: How often and how long refused requests are tried again.
        pacing: Spreads the requests of all executors with the same journal, so that Slack need not slow them down;
            without a journal those of this executor. Left out, each goes at once, and waits where Slack says so.
        journal: Keeps runs, so that one goes on after a crash: ``SqliteJournal(path)``, ``PostgresJournal(dsn)``, for
            tests ``MemoryJournal()``. Without one, run IDs are remembered in memory, for the last 1,000 runs.
        on_ambiguous: What to do when an answer is lost. ``"reconcile"`` looks up what became of the request (a message
            by an opaque key in its metadata, a channel by its creator and time …), sends again what may be sent twice,
            and stops with ``AmbiguousOutcome`` where nobody can tell; ``"fail"`` stops at once; ``"resend"`` sends it
            again whatever it does a second time.
        policy: Bounds that no request crosses, whatever a runbook says: see :class:`Policy`.
        hooks: Called with each event (``StepStarted``, ``StepFinished``, ``RunFinished``). One that raises is logged,
            and the run goes on.
        audit: Called with a record of each effect in Slack, as an :class:`AuditLog`; one that raises is logged.
        workspaces: Where the steps with ``workspace`` find theirs: a :class:`Workspaces`, or a mapping of team IDs to
            clients (``{"T0123ABCD": WebClient(token=…)}``). An executor that ``Workspaces`` made reaches all of them.

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
        policy: Policy | None = None,
        hooks: Iterable[Hook] = (),
        audit: Audit | None = None,
        workspaces: Workspaces | Mapping[str, WebClient] | None = None,
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
            audit=audit,
            workspaces=workspaces,
            asynchronous=False,
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
        for client in self._elsewhere.leave():
            client.close()

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
            return cast("_R", outcome_of(self._driven(self._open_one(action, context, key))))
        machine, kept = self._for_action(action, context, key)
        return cast("_R", outcome_of(self._drive(machine, kept, templates=context is not None)))

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
        reports: list[Report] = []
        broken: list[JournalError] = []
        runs = self.due()
        for run_id in runs:
            with skipping(run_id, broken):
                reports.append(self.resume(run_id))
        if broken and len(broken) == len(runs):
            raise broken[-1]
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
            reply: What it made, for the steps that follow, as ``{"channel": "C…", "ts": "…"}`` for a message;
                of a function, what it returned.

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
        # As in _pending_cancel: a worker of the run's own workspace ends it.
        with contextlib.suppress(ConnectFailed):
            return None if opened is None else self._driven(opened)
        return None

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
        """Look for everything that stands against a run, and change nothing.

        Templates, names and limits are looked at without Slack. Slack is asked, by methods that only read, who the
        token is and what it may do (``auth.test``), and for each channel, person and user group that the steps name:
        channels by name take one pass over the list of channels, others a request each, people too, and all user groups
        one. Nothing is asked twice, and what was in order is not asked again by this executor for 60 seconds, by the
        steps of a run that begin in that time either; what was not, is, so that a check after mending it tells.

        What only the run can tell (a channel that an earlier step makes, what an output fills in) is no problem. What
        could not be looked at, for want of a scope or of an answer, is told in ``unseen`` with the reason. Each
        workspace is asked for what the steps that act there need and name.

        Args:
            runbook: A runbook, or one action.
            context: The data that would fill it.

        Returns:
            All problems, each with its place and remedy; ``.raise_for_problems()`` raises them.
        """
        book, plan, single = self._survey(runbook, context)
        absent = self._out_of_reach(plan)
        own = self._look(self._look_at(book, plan, single=single))
        there = {
            team: self._look(self._look_at(book, plan, single=single, team=team))
            for team in others(plan, absent, self._policy)
        }
        return with_others(own, book, plan, absent, there)

    def _look(self, look: Looking) -> CheckReport:
        while True:
            seen: Seen | SlackRunbooksError
            try:
                seen = cast("Seen", outcome_of(self._drive(look.machine, None, templates=False)))
            except SlackRunbooksError as error:
                seen = error
            found = self._looked(look, seen)
            if isinstance(found, CheckReport):
                return found
            look = found

    def _there(self, client: WebClient, machine: Machine, work: Send) -> tuple[WebClient, Delivery | None]:
        """Return the client for the workspace of a request, or what to say of the request if there is none."""
        team = self._team_for(machine, work)
        return self._elsewhere.client_or_told(team) if team else (client, None)

    def _next_kept(self, course: Course) -> Work | None:
        """Return what to do next, which is written by then; a request waits for its place before that."""
        self._prepare(course)
        return course.next(self._clock.now)

    def _drive_kept(self, course: Course) -> Report:
        """Perform the work of a run that is kept: each piece is written before and after."""
        machine, clock = course.machine, self._clock
        try:
            client = self._client()
            if machine.workspace:
                told = perform(client, call("auth.test")) if self._has_to_ask(machine) else None
                self._at_home(machine, client, told)
            with clock.busy():
                while (work := self._next_kept(course)) is not None:
                    self._tell(machine)
                    delivery: Delivery | None = None
                    if isinstance(work, Send):
                        there, told = self._there(client, machine, work)
                        course.recorder.hold(clock.now)
                        course.sending(work)
                        delivery = perform(there, work.call) if told is None else told
                    elif course.leaves(work, clock.now()):
                        return self._parked(course, work.until)
                    else:
                        while (until := course.until(work, clock.now())) is not None:
                            clock.sleep_until(until)
                            course.watch(clock.now())
                    course.done(work, delivery, clock.now())
                    # Before anything more is written: a hook may end the process.
                    self._tell(machine)
                    self._slow_down(machine, work, delivery)
            report = self._ended_or_paused(course)
        except ConnectFailed:
            self._leave_alone(course)
            raise
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
                        if self._waits_for_place(machine, work):
                            continue
                        there, told = self._there(client, machine, work)
                        machine.sending(work)
                        delivery = perform(there, work.call) if told is None else told
                        self._slow_down(machine, work, delivery)
                    else:
                        self._clock.sleep_until(work.until)
                    machine.done(work, delivery, self._clock.now())
            return self._finish(machine)
        except (RunConflict, RunHeld):
            raise
        except BaseException as error:
            self._interrupted(machine, error)
            raise


class AsyncExecutor(Core):
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
        policy: Policy | None = None,
        hooks: Iterable[Hook] = (),
        audit: Audit | None = None,
        workspaces: Workspaces | Mapping[str, AsyncWebClient] | None = None,
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
            audit=audit,
            workspaces=workspaces,
            asynchronous=True,
        )
        self._threads = Threads()
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
        self._threads.close()
        with self._lock:
            made, self._made = self._made, None
        if made is not None and (made is not self._given or self._owns_client):
            await made.close()
        for client in self._elsewhere.leave():
            await client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def do(self, action: Action[_R], context: Context = None, *, key: str | None = None) -> _R:
        """Perform one action; see :meth:`Executor.do`."""
        if key is not None and self._journal is not None:
            return cast("_R", outcome_of(await self._driven(self._open_one, action, context, key)))
        machine, kept = self._for_action(action, context, key)
        return cast("_R", outcome_of(await self._drive(machine, kept, templates=context is not None)))

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
        if crosses(runbook):
            # Whether the app is installed elsewhere, a store tells.
            prepared = await self._threads.do(self._for_run, runbook, context, run_id, actor, reason)
        else:
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
        record, _ = await self._threads.do(lambda: self._begun(**asked))
        return record.run_id

    async def resume(self, run_id: str) -> Report:
        """Go on with a run that its process left unfinished; see :meth:`Executor.resume`."""
        return await self._driven(lambda: self._go_on(self._kept_record(run_id)))

    async def resume_all(self) -> list[Report]:
        """Go on with every run that has something to do; see :meth:`Executor.resume_all`."""
        reports: list[Report] = []
        broken: list[JournalError] = []
        runs = await self._threads.do(self.due)
        for run_id in runs:
            with skipping(run_id, broken):
                reports.append(await self.resume(run_id))
        if broken and len(broken) == len(runs):
            raise broken[-1]
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
        opened = await self._threads.do(self._pending_cancel, run_id, reason, undo=self._left)
        # As in _pending_cancel: a worker of the run's own workspace ends it.
        with contextlib.suppress(ConnectFailed):
            return await self._drive_kept(opened) if isinstance(opened, Course) else opened
        return None

    async def signal(self, run_id: str, name: str, payload: object = None) -> None:
        """Tell a run something that its steps wait for; see :meth:`Executor.signal`."""
        await self._threads.do(self._signalled, run_id, name, payload)

    async def _driven(self, open_it: Callable[..., Report | Course], *arguments: Any) -> Report:
        opened = await self._threads.do(open_it, *arguments, undo=self._left)
        return opened if isinstance(opened, Report) else await self._drive_kept(opened)

    async def check(self, runbook: Runbook | Action[Any], context: Context = None) -> CheckReport:
        """Look for everything that stands against a run, and change nothing; see :meth:`Executor.check`."""
        book, plan, single = self._survey(runbook, context)
        absent = await self._threads.do(self._out_of_reach, plan) if crosses(book) else {}
        own = await self._look(self._look_at(book, plan, single=single))
        there = {
            team: await self._look(self._look_at(book, plan, single=single, team=team))
            for team in others(plan, absent, self._policy)
        }
        return with_others(own, book, plan, absent, there)

    async def _look(self, look: Looking) -> CheckReport:
        while True:
            seen: Seen | SlackRunbooksError
            try:
                seen = cast("Seen", outcome_of(await self._drive(look.machine, None, templates=False)))
            except SlackRunbooksError as error:
                seen = error
            found = self._looked(look, seen)
            if isinstance(found, CheckReport):
                return found
            look = found

    async def _slowed_down(self, machine: Machine, work: Work, delivery: Delivery | None) -> None:
        if self._pacing is not None:
            await self._threads.do(self._slow_down, machine, work, delivery)

    async def _there(
        self, client: AsyncWebClient, machine: Machine, work: Send
    ) -> tuple[AsyncWebClient, Delivery | None]:
        """Return the client for the workspace of a request, or what to say of the request if there is none."""
        team = self._team_for(machine, work)
        return await self._threads.do(self._elsewhere.client_or_told, team) if team else (client, None)

    async def _next_kept(self, course: Course) -> Work | None:
        """Return what to do next, which is written by then; a request waits for its place before that."""
        if self._pacing is not None or self._elsewhere:
            await self._threads.do(self._prepare, course)
        return await self._threads.do(course.next, self._clock.now)

    async def _drive_kept(self, course: Course) -> Report:
        """Perform the work of a run that is kept: each piece is written before and after, in a thread."""
        machine, clock = course.machine, self._clock
        try:
            client = self._client()
            if machine.workspace:
                told = await perform_async(client, call("auth.test")) if self._has_to_ask(machine) else None
                self._at_home(machine, client, told)
            with clock.busy():
                while (work := await self._next_kept(course)) is not None:
                    self._tell(machine)
                    delivery: Delivery | None = None
                    if isinstance(work, Send):
                        there, told = await self._there(client, machine, work)
                        if not course.recorder.holds(clock.now()):
                            await self._threads.do(course.recorder.hold, clock.now)
                        course.sending(work)
                        delivery = await perform_async(there, work.call) if told is None else told
                    elif course.leaves(work, clock.now()):
                        return await self._threads.do(self._parked, course, work.until)
                    else:
                        while (until := course.until(work, clock.now())) is not None:
                            await clock.async_sleep_until(until)
                            await self._threads.do(course.watch, clock.now())
                    await self._threads.do(course.done, work, delivery, clock.now())
                    self._tell(machine)
                    await self._slowed_down(machine, work, delivery)
            report = await self._threads.do(self._ended_or_paused, course)
        except ConnectFailed:
            await self._threads.do(self._leave_alone, course)
            raise
        except GeneratorExit as error:
            # There is no loop any more to wait on.
            self._let_go(course, error)
            raise
        except BaseException as error:
            await self._threads.do(self._let_go, course, error)
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
                        if self._pacing is not None and await self._threads.do(self._waits_for_place, machine, work):
                            continue
                        there, told = await self._there(client, machine, work)
                        machine.sending(work)
                        delivery = await perform_async(there, work.call) if told is None else told
                        await self._slowed_down(machine, work, delivery)
                    else:
                        await self._clock.async_sleep_until(work.until)
                    machine.done(work, delivery, self._clock.now())
            return self._finish(machine)
        except (RunConflict, RunHeld):
            raise
        except BaseException as error:
            self._interrupted(machine, error)
            raise
