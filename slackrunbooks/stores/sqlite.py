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
from typing import TYPE_CHECKING, Any, cast

import attrs

from ..errors import JournalError, RunHeld
from ..journal import Entry, Lease, Mail, Message, RunRecord
from ._closing import Closing

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

__all__ = ["SqliteJournal"]

_SCHEMA = 1

_TABLES = (
    """
    CREATE TABLE run (
      run_id TEXT PRIMARY KEY, spec TEXT NOT NULL, state TEXT NOT NULL, subject TEXT NOT NULL, saved TEXT NOT NULL,
      wake_at REAL, owner TEXT NOT NULL, epoch INTEGER NOT NULL, lease_until REAL NOT NULL, created REAL NOT NULL,
      updated REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX run_due ON run (wake_at) WHERE state = 'running'",
    "CREATE INDEX run_about ON run (subject) WHERE subject <> ''",
    """
    CREATE TABLE entry (
      run_id TEXT NOT NULL REFERENCES run (run_id) ON DELETE CASCADE, seq INTEGER NOT NULL, work TEXT NOT NULL,
      ready_at REAL NOT NULL, result TEXT, done_at REAL, PRIMARY KEY (run_id, seq)
    ) STRICT, WITHOUT ROWID""",
    """
    CREATE TABLE message (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
      name TEXT NOT NULL, payload TEXT NOT NULL, at REAL NOT NULL
    ) STRICT""",
    "CREATE INDEX message_run ON message (run_id, seq)",
    "CREATE TABLE pause (reason TEXT NOT NULL) STRICT",
    """
    CREATE TABLE lane (
      lane TEXT PRIMARY KEY, next_at REAL NOT NULL, closed_until REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

# STRICT tables came with 3.37.
_OLDEST = (3, 37, 0)


class SqliteJournal(Closing):
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
        self._inherited: list[sqlite3.Connection] = []
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
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
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
                "INSERT INTO run VALUES (?, ?, ?, ?, '', ?, '', 0, 0, ?, ?) ON CONFLICT DO NOTHING",
                (
                    record.run_id,
                    record.spec,
                    record.state,
                    record.subject,
                    record.wake_at,
                    record.created,
                    record.updated,
                ),
            )
            return self._read(database, record.run_id)

    def claim(self, run_id: str, owner: str, now: float, seconds: float) -> Lease | None:
        """Take a run whose lease is over; ``None`` while another worker holds it."""
        with self._writing("claimed") as database:
            changed = database.execute(
                "UPDATE run SET owner = ?, epoch = epoch + 1, lease_until = ?, wake_at = ? "
                "WHERE run_id = ? AND (owner = '' OR lease_until <= ?)",
                (owner, now + seconds, now, run_id, now),
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

    def intend(self, lease: Lease, entry: Entry, heard: int) -> Mail:
        """Write what is about to be done, unless there is mail."""
        with self._writing("written") as database:
            self._touch(database, lease, "updated = ?", (entry.ready_at,))
            if mail := self._mail(database, lease.run_id, heard):
                return mail
            database.execute(
                "INSERT INTO entry (run_id, seq, work, ready_at) VALUES (?, ?, ?, ?)",
                (lease.run_id, entry.seq, entry.work, entry.ready_at),
            )
            return mail

    def settle(self, lease: Lease, entry: Entry) -> None:
        """Write what came of it; an entry that was not intended is written whole."""
        with self._writing("written") as database:
            self._touch(database, lease, "updated = ?", (entry.done_at or entry.ready_at,))
            database.execute(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET result = excluded.result, done_at = excluded.done_at",
                (lease.run_id, entry.seq, entry.work, entry.ready_at, entry.result, entry.done_at),
            )

    def end(self, lease: Lease, state: str, now: float, *, wake_at: float | None = 0.0, saved: str = "") -> None:
        """Write that a run has ended, or let go of one that goes on at ``wake_at`` (``running``)."""
        # Who was told something since the claim has 0 there, and must not sleep over it.
        wakes = "CASE WHEN ? = 'running' AND wake_at = 0 THEN 0 ELSE ? END"
        changes = f"state = ?, owner = '', lease_until = 0, updated = ?, saved = ?, wake_at = {wakes}"
        with self._writing("ended") as database:
            self._touch(database, lease, changes, (state, now, saved, state, wake_at))

    def tell(self, run_id: str, name: str, payload: str, now: float) -> int:
        """Leave a message for a run, and wake it; return its number."""
        with self._writing("written") as database:
            self._read(database, run_id)
            database.execute("UPDATE run SET wake_at = 0 WHERE run_id = ?", (run_id,))
            columns = "INSERT INTO message (run_id, name, payload, at) VALUES (?, ?, ?, ?)"
            return cast("int", database.execute(columns, (run_id, name, payload, now)).lastrowid)

    def listen(self, run_id: str, heard: int) -> Mail:
        """Return what a run was told after message ``heard``."""
        with self._reading() as database:
            return self._mail(database, run_id, heard)

    def pause(self, reason: str) -> None:
        """Let no worker begin anything; an empty reason lets them go on."""
        with self._writing("paused") as database:
            database.execute("DELETE FROM pause")
            if reason:
                database.execute("INSERT INTO pause VALUES (?)", (reason,))

    def paused(self) -> str:
        """Return why everything is paused, or ``""``."""
        with self._reading() as database:
            row = database.execute("SELECT reason FROM pause").fetchone()
        return "" if row is None else str(row[0])

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

    def due(self, now: float, limit: int) -> Sequence[str]:
        """Return the IDs of runs that have something to do and nobody at work, the longest due first."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT run_id FROM run WHERE state = 'running' AND wake_at <= ? AND (owner = '' OR lease_until <= ?) "
                "AND NOT EXISTS (SELECT 1 FROM pause) ORDER BY wake_at, created, run_id LIMIT ?",
                (now, now, limit),
            ).fetchall()
        return tuple(row[0] for row in rows)

    def about(self, subject: str) -> Sequence[RunRecord]:
        """Return the runs about a subject, in the order in which they were last written to."""
        with self._reading() as database:
            rows = database.execute("SELECT * FROM run WHERE subject = ? ORDER BY updated, created", (subject,))
            return tuple(_record(row) for row in rows.fetchall())

    def reserve(self, lane: str, now: float, gap: float, burst: int) -> float:
        """Take the next place in a lane; return how many seconds to wait for it."""
        with self._writing("written") as database:
            row = database.execute("SELECT next_at, closed_until FROM lane WHERE lane = ?", (lane,)).fetchone()
            next_at, closed_until = row or (0.0, 0.0)
            ahead = (burst - 1) * gap
            starts = max(next_at, now, closed_until + ahead)
            database.execute(
                "INSERT INTO lane VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next_at = excluded.next_at",
                (lane, starts + gap, closed_until),
            )
            return max(0.0, starts - ahead - now)

    def close_lane(self, lane: str, until: float) -> None:
        """Let nobody go in a lane before a time."""
        with self._writing("written") as database:
            database.execute(
                "INSERT INTO lane VALUES (?, 0, ?) "
                "ON CONFLICT DO UPDATE SET closed_until = max(closed_until, excluded.closed_until)",
                (lane, until),
            )

    def closed_until(self, lane: str) -> float:
        """Return the time before which nobody goes in a lane."""
        with self._reading() as database:
            row = database.execute("SELECT closed_until FROM lane WHERE lane = ?", (lane,)).fetchone()
        return 0.0 if row is None else float(row[0])

    def purge(self, before: float) -> int:
        """Forget runs that ended before a time; return how many."""
        with self._writing("purged") as database:
            database.execute("DELETE FROM lane WHERE max(next_at, closed_until) < ?", (before,))
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
            # Nor closed, which would act on the locks of the process that this one was forked from.
            self._inherited.append(self._connection)
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
    def _mail(database: sqlite3.Connection, run_id: str, heard: int) -> Mail:
        columns = "SELECT seq, name, payload, at FROM message WHERE run_id = ? AND seq > ? ORDER BY seq"
        rows = database.execute(columns, (run_id, heard)).fetchall()
        paused = database.execute("SELECT 1 FROM pause").fetchone() is not None
        messages = (Message(seq=seq, name=name, payload=payload, at=at) for seq, name, payload, at in rows)
        return Mail(tuple(messages), paused=paused)

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
    names = [field.name for field in attrs.fields(RunRecord)]
    return RunRecord(**dict(zip(names, row, strict=True)))
