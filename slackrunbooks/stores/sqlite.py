"""A journal in a SQLite file, for programs of one machine: any number of processes may share it.

Rule of this file: each method is one transaction, on disk when it returns. ``synchronous=FULL`` because an intent that
a power cut takes away would mean a request that is sent again blindly.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import attrs

from ..errors import JournalError, RunHeld
from ..journal import REOPENS, Entry, Lease, Mail, Message, RunRecord
from ._closing import Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["SqliteJournal"]

_T = TypeVar("_T")
_Identity: TypeAlias = "tuple[int, int]"

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

# Seconds for which others may be in the middle of something.
_BUSY = 30.0


class _Making(Shared):
    """Nobody has a file open while it is made."""

    _taken_last = True


_making = _Making()


class SqliteJournal(Shared):
    """Keeps runs in a SQLite file, which only the user who runs it can read.

    Safe to share between threads and, by its path, between processes of one machine. A network file system is no place
    for it: SQLite's locks do not hold there (https://www.sqlite.org/wal.html).

    Args:
        path: The file; it is made if it does not exist. ``-wal`` and ``-shm`` files stand beside it while it is open.

    Raises:
        JournalError: It cannot be opened, is no journal, or is one of a newer version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path = Path(path)
        self._pid = os.getpid()
        self._inherited: list[sqlite3.Connection] = []
        self._away, self._closed = True, False
        if sqlite3.sqlite_version_info < _OLDEST:
            raise JournalError(f"SQLite {sqlite3.sqlite_version} is too old for a journal; it takes 3.37 or newer.")
        # A fork waits until it is open.
        with self._lock:
            try:
                # Where it stays, whatever becomes of links and the working directory.
                self._at = self.path.resolve()
                with _making._lock:  # noqa: SLF001 - made for this
                    # Made here, because SQLite would make it readable for everybody.
                    with contextlib.suppress(FileExistsError):
                        os.close(os.open(self._at, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
                    self._connection = self._connect()
                try:
                    self._set_up()
                    self._files, self._away = self._found(), False
                except BaseException:
                    self._connection.close()
                    raise
            except (sqlite3.Error, OSError, RuntimeError, ValueError) as error:
                raise self._failed("opened", error) from error

    def __repr__(self) -> str:
        return f"SqliteJournal({str(self.path)!r})"

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._at.as_uri()}?mode=rw", uri=True, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            # The first look opens what stands beside the file, too.
            connection.execute("PRAGMA user_version").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._switch()
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

    def _switch(self) -> None:
        """Let readers and a writer work at the same time; where others are just doing so too, SQLite does not wait."""
        until = time.monotonic() + _BUSY
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.005)
            else:
                return

    def begin(self, record: RunRecord) -> RunRecord:
        """Write a new run, or return the one that has its ID already."""
        values = (
            record.run_id,
            record.spec,
            record.state,
            record.subject,
            record.wake_at,
            record.created,
            record.updated,
        )

        def work(database: sqlite3.Connection) -> RunRecord:
            database.execute(
                "INSERT INTO run VALUES (?, ?, ?, ?, '', ?, '', 0, 0, ?, ?) ON CONFLICT DO NOTHING", values
            )
            return self._read(database, record.run_id)

        return self._do("begun", work)

    def claim(self, run_id: str, owner: str, now: float, seconds: float) -> Lease | None:
        """Take a run whose lease is over; ``None`` while another worker holds it."""

        def work(database: sqlite3.Connection) -> Lease | None:
            changed = database.execute(
                "UPDATE run SET owner = ?, epoch = epoch + 1, lease_until = ?, wake_at = ? "
                "WHERE run_id = ? AND (owner = '' OR lease_until <= ?)",
                (owner, now + seconds, now, run_id, now),
            )
            record = self._read(database, run_id)
            if changed.rowcount == 0:
                return None
            return Lease(run_id=run_id, owner=owner, epoch=record.epoch, until=record.lease_until)

        return self._do("claimed", work)

    def renew(self, lease: Lease, now: float, seconds: float) -> Lease:
        """Hold a run for longer."""
        values = (now + seconds, now)
        self._do("held", lambda database: self._touch(database, lease, "lease_until = ?, updated = ?", values))
        return attrs.evolve(lease, until=now + seconds)

    def intend(self, lease: Lease, entry: Entry, heard: int) -> Mail:
        """Write what is about to be done, unless there is mail."""

        def work(database: sqlite3.Connection) -> Mail:
            self._touch(database, lease, "updated = ?", (entry.ready_at,))
            if mail := self._mail(database, lease.run_id, heard):
                return mail
            database.execute(
                "INSERT INTO entry (run_id, seq, work, ready_at) VALUES (?, ?, ?, ?)",
                (lease.run_id, entry.seq, entry.work, entry.ready_at),
            )
            return mail

        return self._do("written", work)

    def settle(self, lease: Lease, entry: Entry) -> None:
        """Write what came of it; an entry that was not intended is written whole."""

        def work(database: sqlite3.Connection) -> None:
            self._touch(database, lease, "updated = ?", (entry.done_at or entry.ready_at,))
            database.execute(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET result = excluded.result, done_at = excluded.done_at",
                (lease.run_id, entry.seq, entry.work, entry.ready_at, entry.result, entry.done_at),
            )

        self._do("written", work)

    def end(self, lease: Lease, state: str, now: float, *, wake_at: float | None = 0.0, saved: str = "") -> None:
        """Write that a run has ended, or let go of one that goes on at ``wake_at`` (``running``)."""
        # Who was told something since the claim has 0 there, and must not sleep over it.
        wakes = "CASE WHEN ? = 'running' AND wake_at = 0 THEN 0 ELSE ? END"
        changes = f"state = ?, owner = '', lease_until = 0, updated = ?, saved = ?, wake_at = {wakes}"
        values = (state, now, saved, state, wake_at)
        self._do("ended", lambda database: self._touch(database, lease, changes, values))

    def tell(self, run_id: str, name: str, payload: str, now: float) -> int:
        """Leave a message for a run, and wake it; return its number."""

        def work(database: sqlite3.Connection) -> int:
            self._read(database, run_id)
            database.execute("UPDATE run SET wake_at = 0 WHERE run_id = ?", (run_id,))
            if name in REOPENS:
                database.execute("UPDATE run SET state = 'running' WHERE run_id = ?", (run_id,))
            columns = "INSERT INTO message (run_id, name, payload, at) VALUES (?, ?, ?, ?)"
            return cast("int", database.execute(columns, (run_id, name, payload, now)).lastrowid)

        return self._do("written", work)

    def listen(self, run_id: str, heard: int) -> Mail:
        """Return what a run was told after message ``heard``."""
        return self._do("read", lambda database: self._mail(database, run_id, heard), writes=False)

    def pause(self, reason: str) -> None:
        """Let no worker begin anything; an empty reason lets them go on."""

        def work(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM pause")
            if reason:
                database.execute("INSERT INTO pause VALUES (?)", (reason,))

        self._do("paused", work)

    def paused(self) -> str:
        """Return why everything is paused, or ``""``."""
        rows = self._rows("SELECT reason FROM pause")
        return str(rows[0][0]) if rows else ""

    def get(self, run_id: str) -> RunRecord | None:
        """Return a run."""
        rows = self._rows("SELECT * FROM run WHERE run_id = ?", run_id)
        return _record(rows[0]) if rows else None

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return the work of a run, in order."""
        columns = "SELECT seq, work, ready_at, result, done_at FROM entry WHERE run_id = ? ORDER BY seq"
        return tuple(
            Entry(seq=seq, work=work, ready_at=ready_at, result=result, done_at=done_at)
            for seq, work, ready_at, result, done_at in self._rows(columns, run_id)
        )

    def runs(self) -> Sequence[RunRecord]:
        """Return all runs, the latest first."""
        return tuple(map(_record, self._rows("SELECT * FROM run ORDER BY created DESC, run_id")))

    def due(self, now: float, limit: int) -> Sequence[str]:
        """Return the IDs of runs that have something to do and nobody at work, the longest due first."""
        rows = self._rows(
            "SELECT run_id FROM run WHERE state = 'running' AND wake_at <= ? AND (owner = '' OR lease_until <= ?) "
            "AND NOT EXISTS (SELECT 1 FROM pause) ORDER BY wake_at, created, run_id LIMIT ?",
            now,
            now,
            limit,
        )
        return tuple(row[0] for row in rows)

    def about(self, subject: str) -> Sequence[RunRecord]:
        """Return the runs about a subject, in the order in which they were last written to."""
        return tuple(map(_record, self._rows("SELECT * FROM run WHERE subject = ? ORDER BY updated, created", subject)))

    def reserve(self, lane: str, now: float, gap: float, burst: int) -> float:
        """Take the next place in a lane; return how many seconds to wait for it."""

        def work(database: sqlite3.Connection) -> float:
            row = database.execute("SELECT next_at, closed_until FROM lane WHERE lane = ?", (lane,)).fetchone()
            next_at, closed_until = row or (0.0, 0.0)
            ahead = (burst - 1) * gap
            starts = max(next_at, now, closed_until + ahead)
            database.execute(
                "INSERT INTO lane VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next_at = excluded.next_at",
                (lane, starts + gap, closed_until),
            )
            return max(0.0, starts - ahead - now)

        return self._do("written", work)

    def close_lane(self, lane: str, until: float) -> None:
        """Let nobody go in a lane before a time."""
        sql = (
            "INSERT INTO lane VALUES (?, 0, ?) "
            "ON CONFLICT DO UPDATE SET closed_until = max(closed_until, excluded.closed_until)"
        )
        self._do("written", lambda database: database.execute(sql, (lane, until)))

    def closed_until(self, lane: str) -> float:
        """Return the time before which nobody goes in a lane."""
        sql = "SELECT closed_until FROM lane WHERE lane = ?"
        row = self._do("read", lambda database: database.execute(sql, (lane,)).fetchone(), writes=False)
        return 0.0 if row is None else float(row[0])

    def purge(self, before: float) -> int:
        """Forget runs that ended before a time; return how many."""

        def work(database: sqlite3.Connection) -> int:
            database.execute("DELETE FROM lane WHERE max(next_at, closed_until) < ?", (before,))
            ended = "DELETE FROM run WHERE state <> 'running' AND updated < ? AND (owner = '' OR lease_until <= ?)"
            return database.execute(ended, (before, before)).rowcount

        return self._do("purged", work)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            if self._pid == os.getpid() and not self._away:
                self._connection.close()

    def _put_away(self) -> None:
        if self._pid == os.getpid() and not self._away:
            # First, for whoever is interrupted here.
            self._away = True
            self._connection.close()

    # --- transactions ------------------------------------------------------------------------------------------------

    def _do(self, done: str, work: Callable[[sqlite3.Connection], _T], *, writes: bool = True) -> _T:
        """Do something in one transaction, which is undone where it is interrupted at any point before its end.

        Args:
            done: What is done to the journal, for the error.
            work: Does it.
            writes: Whether it writes.

        Raises:
            JournalError: SQLite or the system refuses.
        """
        # One function, and no context managers of Python's: an interruption in the middle of theirs would leave the
        # lock taken.
        try:
            with self._lock:
                database = self._own()
                try:
                    if writes:
                        database.execute("BEGIN IMMEDIATE")
                    result = work(database)
                    if writes:
                        database.execute("COMMIT")
                        self._look()
                except BaseException:
                    self._undo(database)
                    raise
            return result  # noqa: TRY300 - an else would stand in the lock
        except (sqlite3.Error, OSError, UnicodeError) as error:
            raise self._failed(done, error) from error

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._do("read", lambda database: database.execute(sql, values).fetchall(), writes=False)

    @staticmethod
    def _undo(database: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            if database.in_transaction:
                database.execute("ROLLBACK")

    def _failed(self, done: str, error: BaseException) -> JournalError:
        return JournalError(f"the journal {self.path} cannot be {done}: {error}. Nothing further was sent.")

    def _own(self) -> sqlite3.Connection:
        """Return a connection of this process to this file, with nothing under way."""
        if self._closed:
            raise OSError("it is closed; open it again")
        if self._pid != os.getpid() and not self._away:
            # In use when this process was forked. To be used here no more, nor closed, which would act on the locks of
            # the other one.
            self._inherited.append(self._connection)
            self._away = True
        self._look(beside=not self._away)
        if self._away:
            self._connection = self._connect()
            self._files = self._found()
            # Last, for whoever is interrupted here.
            self._pid, self._away = os.getpid(), False
        # Where an interruption hit the undoing of another.
        self._undo(self._connection)
        return self._connection

    def _found(self) -> tuple[_Identity | None, _Identity | None]:
        """Tell which file is the database now, and which one has what is not in it yet."""
        return _identity(self._at), _identity(self._at.with_name(f"{self._at.name}-wal"))

    def _look(self, *, beside: bool = True) -> None:
        """See that what is written is where others read it; ``beside`` looks at the ``-wal`` file too."""
        (file, wal), (made, begun) = self._found(), self._files
        if file != made:
            raise OSError("the file was deleted or replaced; open it again")
        # None has begun where the file system has no shared memory, and SQLite does without.
        if beside and begun is not None and wal != begun:
            raise OSError(
                f"{self._at.name}-wal was deleted or replaced (as when this program opened and closed the file "
                "otherwise, to copy it), and what is written here would be lost; open it again"
            )

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


def _identity(path: Path) -> _Identity | None:
    """Tell one file from another that has taken its place; ``None`` where there is none."""
    try:
        file = path.stat()
    except FileNotFoundError:
        return None
    return file.st_dev, file.st_ino


def _record(row: tuple[Any, ...]) -> RunRecord:
    names = [field.name for field in attrs.fields(RunRecord)]
    return RunRecord(**dict(zip(names, row, strict=True)))
