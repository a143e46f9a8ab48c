"""Runs under Celery: a message says which run has something to do, and nothing else.

Rule of this file: the journal decides. A message that is lost is made up for by the next sweep, one that comes twice or
late finds a run that is held or done. Waits are times in the journal and never an ETA, which Celery on Redis delivers
several times: https://docs.celeryq.dev/en/stable/userguide/calling.html#eta-and-countdown
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from ..errors import ConnectFailed, RunbookError, RunConflict, RunHeld

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

    from ..executor import Executor
    from ..runbook import Runbook

__all__ = ["CeleryRuns"]

_log = logging.getLogger("slackrunbooks")


class CeleryRuns:
    """Lets the workers of a Celery application go on with the runs of a journal.

    Make it where the application is made, so that every worker has its tasks; run one ``celery beat``, for its sweep.

    Args:
        app: The application.
        make_executor: Makes the executor of a process, with a journal that all reach, such as ``PostgresJournal``.
        every: Seconds between two sweeps: how late a run may be that was waiting, or whose worker died.
        name: Prefix of the names of the tasks, ``NAME.advance`` and ``NAME.sweep``.
    """

    def __init__(
        self, app: Celery, make_executor: Callable[[], Executor], *, every: float = 2.0, name: str = "slackrunbooks"
    ) -> None:
        self._make_executor, self._expires = make_executor, 10 * every
        self._own: tuple[int, Executor] | None = None

        # Without an answer the broker gives the message to another worker; a run that goes on twice is held or done.
        @app.task(name=f"{name}.advance", ignore_result=True, shared=False, acks_late=True, reject_on_worker_lost=True)
        def advance(run_id: str) -> None:
            try:
                self.executor.resume(run_id)
            except (RunHeld, KeyError):
                pass
            except (ConnectFailed, RunConflict, RunbookError) as error:
                _log.error("Run %s cannot go on: %s", run_id, error)

        @app.task(name=f"{name}.sweep", ignore_result=True, shared=False)
        def sweep() -> None:
            for run_id in self.executor.due():
                self.wake(run_id)

        def schedule(*_: object, **__: object) -> None:
            # One that waits in a queue for longer than that would only repeat the next.
            entry = {"task": f"{name}.sweep", "schedule": every, "options": {"expires": every}}
            app.conf.beat_schedule = {**(app.conf.beat_schedule or {}), f"{name}.sweep": entry}

        self.advance: Any = advance
        self.sweep: Any = sweep
        # Not before: a schedule or a configuration that the application sets later would take its place.
        app.on_after_finalize.connect(schedule, weak=False)
        if getattr(app, "finalized", False):
            schedule()

    @property
    def executor(self) -> Executor:
        """The executor of this process; what was made before a fork shares its connections with the parent."""
        if self._own is None or self._own[0] != os.getpid():
            self._own = (os.getpid(), self._make_executor())
        return self._own[1]

    def submit(self, runbook: Runbook, context: Any = None, **options: Any) -> str:
        """Write a run into the journal and wake a worker; takes what ``Executor.submit`` takes."""
        run_id = self.executor.submit(runbook, context, **options)
        self.wake(run_id)
        return run_id

    def signal(self, run_id: str, name: str, payload: object = None) -> None:
        """Tell a run something and wake a worker; takes what ``Executor.signal`` takes."""
        self.executor.signal(run_id, name, payload)
        self.wake(run_id)

    def wake(self, run_id: str) -> None:
        """Send a worker to a run. If the broker is not there, the next sweep does it."""
        try:
            with self.advance.app.producer_or_acquire() as producer:
                # Without it Celery knocks for six seconds at a broker that is away, and a webhook has three.
                producer.connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
                self.advance.apply_async((run_id,), producer=producer, expires=self._expires, retry=False)
        except Exception as error:  # noqa: BLE001 - whatever the broker's library raises; the run is safe in the journal
            _log.warning("No worker could be told of run %s; the next sweep finds it: %s", run_id, error)
