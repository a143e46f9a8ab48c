"""A journal in a SQLite file, for programs of one machine: any number of processes may share it.

Rule of this file: each method is one transaction, on disk when it returns. ``synchronous=FULL`` because an intent that
a power cut takes away would mean a request that is sent again blindly.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import JournalError, RunHeld
from ..journal import Entry, Lease, RunRecord

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

__all__ = ["SqliteJournal"]

_SCHEMA = 1

_TABLES = (
    """
    CREATE TABLE run (
      run_id TEXT PRIMARY KEY, spec TEXT NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL, epoch INTEGER NOT NULL,
      lease_until REAL NOT NULL, created REAL NOT NULL, updated REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """
    CREATE TABLE entry (
      run_id TEXT NOT NULL REFERENCES run (run_id) ON DELETE CASCADE, seq INTEGER NOT NULL, work TEXT NOT NULL,
      ready_at REAL NOT NULL, result TEXT, done_at REAL, PRIMARY KEY (run_id, seq)
    ) STRICT, WITHOUT ROWID""",
)

# STRICT tables came with 3.37.
_OLDEST = (3, 37, 0)


class SqliteJournal:
    """Keeps runs in a SQLite file, which only the user who runs it can read.

    Safe to share between threads and, by its path, between processes of one machine. A network file system is no place
    for it: SQLite's locks do not hold there (https://www.sqlite.org/wal.html).

    Args:
        path: The file; it is made if it does not exist. ``-wal`` and ``-shm`` files stand beside it while it is open.

    Raises:
        JournalError: It cannot be opened, is no journal, or is one of a newer version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._pid = os.getpid()
        if sqlite3.sqlite_version_info < _OLDEST:
            raise JournalError(f"SQLite {sqlite3.sqlite_version} is too old for a journal; it takes 3.37 or newer.")
        with self._told("opened"):
            # Made here, because SQLite would make it readable for everybody.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = self._connect()
            try:
                self._set_up()
            except BaseException:
                self._connection.close()
                raise

    def __repr__(self) -> str:
        return f"SqliteJournal({str(self.path)!r})"

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _set_up(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            # Once, by whoever comes first: switching it together fails in spite of the timeout.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("BEGIN IMMEDIATE")
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
                    self._connection.execute("ROLLBACK")
                    raise JournalError(f"{self.path} is a database of something else; give the journal its own file.")
                for table in _TABLES:
                    self._connection.execute(table)
                self._connection.execute(f"PRAGMA user_version = {_SCHEMA}")
                version = _SCHEMA
            self._connection.execute("COMMIT")
        if version != _SCHEMA:
            raise JournalError(
                f"{self.path} was written by a newer version of slackrunbooks (schema {version}, this one reads "
                f"{_SCHEMA}). Update the library."
            )

    def begin(self, record: RunRecord) -> RunRecord:
        """Write a new run, or return the one that has its ID already."""
        with self._writing("begun") as database:
            database.execute(
                "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (record.run_id, record.spec, record.state, "", 0, 0.0, record.created, record.updated),
            )
            return self._read(database, record.run_id)

    def claim(self, run_id: str, owner: str, now: float, seconds: float) -> Lease | None:
        """Take a run whose lease is over; ``None`` while another worker holds it."""
        with self._writing("claimed") as database:
            changed = database.execute(
                "UPDATE run SET owner = ?, epoch = epoch + 1, lease_until = ? "
                "WHERE run_id = ? AND (owner = '' OR lease_until <= ?)",
                (owner, now + seconds, run_id, now),
            )
            if changed.rowcount == 0:
                self._read(database, run_id)
                return None
            record = self._read(database, run_id)
            return Lease(run_id=run_id, owner=owner, epoch=record.epoch, until=record.lease_until)

    def renew(self, lease: Lease, now: float, seconds: float) -> Lease:
        """Hold a run for longer."""
        with self._writing("held") as database:
            self._touch(database, lease, "lease_until = ?, updated = ?", (now + seconds, now))
        return Lease(run_id=lease.run_id, owner=lease.owner, epoch=lease.epoch, until=now + seconds)

    def intend(self, lease: Lease, entry: Entry) -> None:
        """Write what is about to be done."""
        with self._writing("written") as database:
            self._touch(database, lease, "updated = ?", (entry.ready_at,))
            database.execute(
                "INSERT INTO entry (run_id, seq, work, ready_at) VALUES (?, ?, ?, ?)",
                (lease.run_id, entry.seq, entry.work, entry.ready_at),
            )

    def settle(self, lease: Lease, entry: Entry) -> None:
        """Write what came of it; an entry that was not intended is written whole."""
        with self._writing("written") as database:
            self._touch(database, lease, "updated = ?", (entry.done_at or entry.ready_at,))
            database.execute(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET result = excluded.result, done_at = excluded.done_at",
                (lease.run_id, entry.seq, entry.work, entry.ready_at, entry.result, entry.done_at),
            )

    def end(self, lease: Lease, state: str, now: float) -> None:
        """Write that a run has ended, or let go of one that goes on later (``running``)."""
        with self._writing("ended") as database:
            self._touch(database, lease, "state = ?, owner = '', lease_until = 0, updated = ?", (state, now))

    def get(self, run_id: str) -> RunRecord | None:
        """Return a run."""
        with self._reading() as database:
            row = database.execute("SELECT * FROM run WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else _record(row)

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return the work of a run, in order."""
        columns = "seq, work, ready_at, result, done_at"
        with self._reading() as database:
            rows = database.execute(f"SELECT {columns} FROM entry WHERE run_id = ? ORDER BY seq", (run_id,)).fetchall()  # noqa: S608 - constants
        names = columns.split(", ")
        return tuple(Entry(**dict(zip(names, row, strict=True))) for row in rows)

    def runs(self) -> Sequence[RunRecord]:
        """Return all runs, the latest first."""
        with self._reading() as database:
            rows = database.execute("SELECT * FROM run ORDER BY created DESC, run_id").fetchall()
        return tuple(_record(row) for row in rows)

    def purge(self, before: float) -> int:
        """Forget runs that ended before a time; return how many."""
        with self._writing("purged") as database:
            return database.execute("DELETE FROM run WHERE state <> 'running' AND updated < ?", (before,)).rowcount

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    # --- transactions ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _told(self, done: str) -> Generator[None]:
        """Turn what SQLite and the system say into an error of ours."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise JournalError(
                f"the journal {self.path} cannot be {done}: {error}. Nothing further was sent."
            ) from error

    @contextlib.contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        with self._lock, self._told("read"):
            yield self._own()

    @contextlib.contextmanager
    def _writing(self, done: str) -> Generator[sqlite3.Connection]:
        with self._lock, self._told(done):
            database = self._own()
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    def _own(self) -> sqlite3.Connection:
        """Return a connection of this process: one that was inherited by a fork must not be used."""
        if self._pid != os.getpid():
            self._connection, self._pid = self._connect(), os.getpid()
        if not self.path.exists():
            raise OSError("the file is gone")
        return self._connection

    @staticmethod
    def _read(database: sqlite3.Connection, run_id: str) -> RunRecord:
        row = database.execute("SELECT * FROM run WHERE run_id = ?", (run_id,)).fetchone()
        if row is None:
            raise JournalError(f"the journal has no run {run_id!r}.")
        return _record(row)

    @staticmethod
    def _touch(database: sqlite3.Connection, lease: Lease, changes: str, values: tuple[Any, ...]) -> None:
        """Change a run under its fence: only who holds it now may write."""
        changed = database.execute(
            f"UPDATE run SET {changes} WHERE run_id = ? AND owner = ? AND epoch = ?",  # noqa: S608 - constants
            (*values, lease.run_id, lease.owner, lease.epoch),
        )
        if changed.rowcount == 0:
            raise RunHeld(lease.run_id, "another worker has taken it over; this one stops.")


def _record(row: tuple[Any, ...]) -> RunRecord:
    names = ("run_id", "spec", "state", "owner", "epoch", "lease_until", "created", "updated")
    return RunRecord(**dict(zip(names, row, strict=True)))
