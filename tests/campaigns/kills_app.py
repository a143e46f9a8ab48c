"""The Celery application of the campaign in ``test_celery_kills``, as an embedder would write one.

``celery -A kills_app worker`` and ``celery -A kills_app beat`` find in the variable ``KILLS_APP`` where everything is.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any, Final, cast

import attrs
import pytest
from celery import Celery
from celery.platforms import set_pdeathsig

sys.path.insert(0, str(Path(__file__).parents[2]))

import slackrunbooks as sr
from slackrunbooks.integrations.celery import CeleryRuns
from tests.killing import RETRY, Pace

PACE: Final = Pace(10)
EVERY: Final = 1.0
VARIABLE: Final = "KILLS_APP"


@attrs.frozen
class Places:
    """Where everything is.

    Attributes:
        broker: Redis.
        dsn: PostgreSQL.
        slack: The fake.
        token: What it takes.
        diary: The file in which each worker writes what became of a run that it could not go on with.
        on_ambiguous: What they do about a lost answer.
    """

    broker: str
    dsn: str
    slack: str
    token: str
    diary: str
    on_ambiguous: str = "reconcile"


class Told(sr.Executor):
    """An executor that writes down what became of a run that it could not go on with, which Celery need not know."""

    diary: str
    name: str

    def resume(self, run_id: str) -> sr.Report:
        """Go on with a run."""
        try:
            return super().resume(run_id)
        except Exception as error:
            entry = {"name": self.name, "run": run_id, "at": time.time(), "error": f"{type(error).__name__}: {error}"}
            # In one piece: others write there too.
            with Path(self.diary).open("ab", buffering=0) as diary:
                diary.write(json.dumps(entry).encode() + b"\n")
            raise


def make_runs(places: Places, *, patience: float = 5.0) -> CeleryRuns:
    """Make the application; ``patience`` is that of its journal."""
    app = Celery("kills", broker=places.broker, set_as_current=False)
    app.conf.update(
        # So short that the messages of the killed come again while the campaign goes on, and others come twice.
        broker_transport_options={"visibility_timeout": 5},
        worker_hijack_root_logger=True,
    )

    def make_executor() -> sr.Executor:
        # By its name the campaign knows the process, and in the journal what it holds.
        name = f"{os.getppid()}.{os.getpid()}.{secrets.token_hex(4)}"
        client = PACE.client(places.slack, places.token, name)
        journal: Any = sr.PostgresJournal(places.dsn, patience=patience)
        executor = Told(client, journal=journal, retry=RETRY, on_ambiguous=cast("Any", places.on_ambiguous))
        executor.diary, executor.name, executor._owner = places.diary, name, name
        return executor

    return CeleryRuns(app, make_executor, every=EVERY)


def _of_worker() -> Any:
    # Whatever happens to the campaign, its workers end.
    set_pdeathsig("SIGKILL")
    PACE.set(pytest.MonkeyPatch())
    return make_runs(Places(**json.loads(os.environ[VARIABLE]))).advance.app


if VARIABLE in os.environ:
    app = _of_worker()
