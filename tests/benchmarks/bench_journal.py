"""What a step costs with each journal: none, in memory, sealed, SQLite, and PostgreSQL where one is named.

Run it by hand: ``python tests/benchmarks/bench_journal.py [rounds [steps]]``; the environment variable
``SLACKRUNBOOKS_TEST_POSTGRES`` names a database. A run of messages goes against the fake workspace in this process, so
that what differs is the journal alone; a step is one intent and one result, each on disk before the run goes on. In
every round each journal has one run, forwards in even rounds and backwards in odd ones. Times are of one step, from the
end of the step before; quote the differences, for absolute times change with the machine and its disk.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slackrunbooks.journal import Journal

POSTGRES = os.environ.get("SLACKRUNBOOKS_TEST_POSTGRES", "")


@contextlib.contextmanager
def journals(folder: Path) -> Iterator[dict[str, Journal | None]]:
    """Open one journal of each kind."""
    opened: dict[str, Journal | None] = {
        "none": None,
        "MemoryJournal": sr.MemoryJournal(),
        "SqliteJournal": sr.SqliteJournal(folder / "runs.db"),
    }
    with contextlib.suppress(ImportError):
        from cryptography.fernet import Fernet

        sealed = sr.SealedJournal(sr.MemoryJournal(), Fernet(Fernet.generate_key()))
        opened["SealedJournal(MemoryJournal, Fernet)"] = sealed
    schema = f"bench_{uuid.uuid4().hex}"
    if POSTGRES:
        opened["PostgresJournal"] = sr.PostgresJournal(POSTGRES, schema=schema)
    try:
        yield opened
    finally:
        for journal in opened.values():
            if journal is not None:
                journal.close()
        if POSTGRES:
            import psycopg

            with psycopg.connect(POSTGRES, autocommit=True) as database:
                database.execute(f"DROP SCHEMA {schema} CASCADE")


def steps_of(journal: Journal | None, steps: int) -> list[float]:
    """Run a runbook once and return the milliseconds of each step but the first."""
    fake = FakeSlack()
    channel = fake.add_channel("incidents").id
    book = sr.Runbook(
        "bench", {f"say_{number}": sr.SendMessage(channel=channel, text="{{number}}") for number in range(steps + 1)}
    )
    ends: list[float] = []

    def note(event: object) -> None:
        if isinstance(event, sr.StepFinished):
            ends.append(time.perf_counter())

    with fake.executor(journal=journal, hooks=[note]) as executor:
        executor.run(book, {"number": 7}, run_id=uuid.uuid4().hex).raise_for_failure()
    return [(later - earlier) * 1000 for earlier, later in itertools.pairwise(ends)]


def main(rounds: int = 20, steps: int = 30) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, journals(Path(name)) as opened:
        times: dict[str, list[float]] = {kind: [] for kind in opened}
        for journal in opened.values():
            steps_of(journal, steps)
        for number in range(rounds):
            for kind in list(opened)[:: -1 if number % 2 else 1]:
                times[kind] += steps_of(opened[kind], steps)
        base = statistics.median(times["none"])
        print(f"{rounds} rounds of {steps} steps; milliseconds a step")  # noqa: T201
        for kind, took in times.items():
            median, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
            print(f"{kind:36} median {median:6.2f}  p99 {p99:6.2f}  more than none {median - base:5.2f}")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
