"""A journal in PostgreSQL, for workers on several machines.

Rule of this file: each method is one transaction, on disk when it returns, and one that may safely be done a second
time: when the connection breaks while a transaction is being committed, nobody knows whether it was, so every method
that is done over knows its own work again (by a mark, by the fence, by what it would write) and does it once.

A connection is used by one thread at a time; who finds none at leisure opens one.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import uuid
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar, get_args

import attrs

from ..errors import JournalError, RunHeld
from ..journal import REOPENS, Entry, Lease, Mail, Message, RunRecord
from ._closing import Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import psycopg

    _Database: TypeAlias = psycopg.Connection[tuple[Any, ...]]

__all__ = ["PostgresJournal"]

_T = TypeVar("_T")

_Clock: TypeAlias = Literal["database", "caller"]

_SCHEMA: Final = 1

_TABLES: Final = (
    "CREATE TABLE {s}.version (version integer NOT NULL)",
    # Signs of life change lease_until and updated alone: with room on the page no index has to follow.
    """
    CREATE TABLE {s}.run (
      run_id text COLLATE "C" PRIMARY KEY, spec text NOT NULL, state text NOT NULL, subject text NOT NULL,
      saved text NOT NULL, wake_at float8, owner text NOT NULL, epoch bigint NOT NULL, lease_until float8 NOT NULL,
      created float8 NOT NULL, updated float8 NOT NULL, mark text NOT NULL
    ) WITH (fillfactor = 70)""",
    "CREATE INDEX run_due ON {s}.run (wake_at) WHERE state = 'running'",
    "CREATE INDEX run_about ON {s}.run (subject) WHERE subject <> ''",
    """
    CREATE TABLE {s}.entry (
      run_id text COLLATE "C" NOT NULL REFERENCES {s}.run ON DELETE CASCADE, seq bigint NOT NULL, work text NOT NULL,
      ready_at float8 NOT NULL, result text, done_at float8, PRIMARY KEY (run_id, seq)
    )""",
    """
    CREATE TABLE {s}.message (
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      run_id text COLLATE "C" NOT NULL REFERENCES {s}.run ON DELETE CASCADE,
      name text NOT NULL, payload text NOT NULL, at float8 NOT NULL, mark text NOT NULL
    )""",
    "CREATE INDEX message_run ON {s}.message (run_id, seq)",
    "CREATE TABLE {s}.pause (one boolean PRIMARY KEY CHECK (one), reason text NOT NULL)",
    "CREATE TABLE {s}.lane (lane text PRIMARY KEY, next_at float8 NOT NULL, closed_until float8 NOT NULL)",
)

# The database's own time, or the caller's where the journal is to go by that.
_NOW: Final = "coalesce(%(at)s::float8, extract(epoch FROM clock_timestamp())::float8)"

_RECORD: Final = ", ".join(field.name for field in attrs.fields(RunRecord))

# A worker that freezes in the middle of a transaction must not hold up those who are to take over from it.
_BEGIN: Final = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '20s'; "
    "SET LOCAL statement_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '20s'"
)

# Without these a machine that vanishes is waited for during two hours. The DSN may say otherwise.
_DEFAULTS: Final[Mapping[str, str]] = {
    "application_name": "slackrunbooks",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

_SHOWN: Final = ("host", "hostaddr", "port", "dbname", "user", "service")

# pg_current_xact_id() and the like are not needed, but 12 and older get no security fixes any more.
_OLDEST: Final = 130000

_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")

# Seconds between two attempts to reach a server that is away.
_PAUSE: Final = 0.05

# Connections at leisure that are kept open.
_KEPT: Final = 8

# A transaction that the server has certainly undone, because of others: deadlock, serialization failure.
_UNDONE: Final = frozenset({"40P01", "40001"})

_REFUSED: Final = "42501"


class _Lost(Exception):
    """The connection broke.

    Attributes:
        unknown: Whether what was being written may be on disk.
    """

    def __init__(self, error: BaseException, *, unknown: bool = False) -> None:
        self.unknown = unknown
        super().__init__(str(error))


class PostgresJournal(Shared):
    """Keeps runs in a PostgreSQL database (13 or newer), which any number of machines may share.

    Needs the extra ``postgres``. Safe to share between threads; each process makes its own. The tables are made by
    whoever comes first, in a schema of their own. Where the server is away for a moment (a restart, a failover), what
    was asked of it is done over as soon as it is back.

    Args:
        dsn: How to reach the database, as libpq takes it: ``postgresql://user@host/database`` or ``host=… dbname=…``.
            What it leaves out comes from the ``PG…`` variables of the environment.
        schema: The schema of the tables: lower-case letters, digits and ``_``.
        clock: Whose time tells whether a worker's hold on a run is over. ``"database"``: the server's, so that the
            clocks of the machines may differ. ``"caller"``: that of whoever asks; for tests on a virtual clock.
        patience: Seconds to wait for a server that is away, before ``JournalError`` is raised.

    Raises:
        JournalError: The extra is not installed, the database cannot be reached, may not be written to, or was written
            by a newer version.
    """

    def __init__(
        self, dsn: str = "", *, schema: str = "slackrunbooks", clock: _Clock = "database", patience: float = 5.0
    ) -> None:
        super().__init__()
        self._psycopg = _import()
        if not _NAME.fullmatch(str(schema)):
            raise JournalError(f"schema must be lower-case letters, digits and _, not {schema!r}.")
        if clock not in get_args(_Clock):
            raise JournalError(f"clock must be 'database' or 'caller', not {clock!r}.")
        self.schema = schema
        self._by_caller = clock == "caller"
        self._patience = patience
        self._settings = {**_DEFAULTS, **self._parsed(dsn), "client_encoding": "UTF8"}
        self._begin = _BEGIN
        self._idle: list[_Database] = []
        self._inherited: list[_Database] = []
        self._closed = False
        self._pid = os.getpid()
        try:
            self._do("opened", self._set_up, patience=0.0)
        except JournalError as error:
            self.close()
            if getattr(error.__cause__, "sqlstate", None) == _REFUSED:
                raise JournalError(
                    f"{error} Let an administrator make the schema: CREATE SCHEMA {schema} AUTHORIZATION the_user."
                ) from error.__cause__
            raise

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={self._settings[name]!r}" for name in _SHOWN if name in self._settings)
        return f"PostgresJournal({shown and shown + ', '}schema={self.schema!r})"

    def begin(self, record: RunRecord) -> RunRecord:
        """Write a new run, or return the one that has its ID already."""

        def work(database: _Database, _: bool) -> RunRecord:
            self._run(
                database,
                "INSERT INTO {s}.run VALUES (%(run_id)s, %(spec)s, %(state)s, %(subject)s, '', %(wake_at)s, '', 0, 0, "
                "%(created)s, %(updated)s, '') ON CONFLICT DO NOTHING",
                attrs.asdict(record),
            )
            return self._known(database, record.run_id)

        return self._do("written", work)

    def claim(self, run_id: str, owner: str, now: float, seconds: float) -> Lease | None:
        """Take a run whose lease is over; ``None`` while another worker holds it."""
        # By the mark a claim that is done over knows that it is its own that stands in the way.
        values = {"run_id": run_id, "owner": owner, "now": now, "seconds": seconds, "mark": uuid.uuid4().hex}

        def work(database: _Database, _: bool) -> Lease | None:
            claimed = self._run(
                database,
                "UPDATE {s}.run SET owner = %(owner)s, epoch = epoch + 1, mark = %(mark)s, wake_at = %(now)s, "
                "lease_until = {now} + %(seconds)s::float8 WHERE run_id = %(run_id)s "
                "AND (owner = '' OR lease_until <= {now} OR mark = %(mark)s) RETURNING epoch",
                {**values, "at": self._at(now)},
            ).fetchone()
            if claimed is None:
                self._known(database, run_id)
                return None
            # Counted from before the question was asked, so that it never ends later here than there.
            return Lease(run_id=run_id, owner=owner, epoch=claimed[0], until=now + seconds)

        return self._do("written", work)

    def renew(self, lease: Lease, now: float, seconds: float) -> Lease:
        """Hold a run for longer."""
        changes = "lease_until = {now} + %(seconds)s::float8, updated = %(now)s"
        values = {"seconds": seconds, "now": now, "at": self._at(now)}
        self._do("written", lambda database, _: self._touch(database, lease, changes, values))
        return attrs.evolve(lease, until=now + seconds)

    def intend(self, lease: Lease, entry: Entry, heard: int) -> Mail:
        """Write what is about to be done, unless there is mail."""
        values = {**attrs.asdict(entry), "run_id": lease.run_id}

        def work(database: _Database, again: bool) -> Mail:
            self._touch(database, lease, "updated = %(ready_at)s", values)
            # Mail that came after the intent was written waits for the next one.
            if again and self._stands(database, values):
                return Mail()
            # A statement of its own: it sees what was told before the run was locked above.
            if mail := self._mail(database, lease.run_id, heard):
                return mail
            columns = "INSERT INTO {s}.entry VALUES (%(run_id)s, %(seq)s, %(work)s, %(ready_at)s)"
            self._run(database, columns, values)
            return mail

        return self._do("written", work)

    def settle(self, lease: Lease, entry: Entry) -> None:
        """Write what came of it; an entry that was not intended is written whole."""
        values = {**attrs.asdict(entry), "run_id": lease.run_id, "now": entry.done_at or entry.ready_at}

        def work(database: _Database, _: bool) -> None:
            self._touch(database, lease, "updated = %(now)s", values)
            self._run(
                database,
                "INSERT INTO {s}.entry VALUES (%(run_id)s, %(seq)s, %(work)s, %(ready_at)s, %(result)s, %(done_at)s) "
                "ON CONFLICT (run_id, seq) DO UPDATE SET result = excluded.result, done_at = excluded.done_at",
                values,
            )

        self._do("written", work)

    def end(self, lease: Lease, state: str, now: float, *, wake_at: float | None = 0.0, saved: str = "") -> None:
        """Write that a run has ended, or let go of one that goes on at ``wake_at`` (``running``)."""
        # Who was told something since the claim has 0 there, and must not sleep over it.
        wakes = "CASE WHEN %(state)s = 'running' AND wake_at = 0 THEN 0 ELSE %(wake_at)s::float8 END"
        changes = (
            f"state = %(state)s, owner = '', lease_until = 0, updated = %(now)s, saved = %(saved)s, wake_at = {wakes}"
        )
        values = {"state": state, "now": now, "wake_at": wake_at, "saved": saved}

        def work(database: _Database, again: bool) -> None:
            # Nobody but this worker can have let go of the run in its own turn.
            if again and (record := self._known(database, lease.run_id)).owner == "" and record.epoch == lease.epoch:
                return
            self._touch(database, lease, changes, values)

        self._do("written", work)

    def tell(self, run_id: str, name: str, payload: str, now: float) -> int:
        """Leave a message for a run, and wake it; return its number."""
        values = {"run_id": run_id, "name": name, "payload": payload, "at": now, "mark": uuid.uuid4().hex}

        def work(database: _Database, again: bool) -> int:
            # The lock comes before the number, so that numbers of one run are seen in their order.
            woken = self._run(database, "UPDATE {s}.run SET wake_at = 0 WHERE run_id = %(run_id)s", values)
            if woken.rowcount == 0:
                self._known(database, run_id)
            mine = "SELECT seq FROM {s}.message WHERE run_id = %(run_id)s AND mark = %(mark)s"
            if again and (row := self._run(database, mine, values).fetchone()) is not None:
                return int(row[0])
            if name in REOPENS:
                # Not where this is done over: the run may have ended again since.
                self._run(database, "UPDATE {s}.run SET state = 'running' WHERE run_id = %(run_id)s", values)
            columns = "INSERT INTO {s}.message (run_id, name, payload, at, mark)"
            given = "VALUES (%(run_id)s, %(name)s, %(payload)s, %(at)s, %(mark)s) RETURNING seq"
            return int(_one(self._run(database, f"{columns} {given}", values)))

        return self._do("written", work)

    def listen(self, run_id: str, heard: int) -> Mail:
        """Return what a run was told after message ``heard``."""
        return self._do("read", lambda database, _: self._mail(database, run_id, heard), writes=False)

    def pause(self, reason: str) -> None:
        """Let no worker begin anything; an empty reason lets them go on."""
        setting = "INSERT INTO {s}.pause VALUES (true, %(reason)s) ON CONFLICT (one) DO UPDATE SET reason = %(reason)s"
        sql = setting if reason else "DELETE FROM {s}.pause"
        self._do("written", lambda database, _: self._run(database, sql, {"reason": reason}))

    def paused(self) -> str:
        """Return why everything is paused, or ``""``."""
        rows = self._rows("SELECT reason FROM {s}.pause")
        return str(rows[0][0]) if rows else ""

    def get(self, run_id: str) -> RunRecord | None:
        """Return a run."""
        rows = self._rows("SELECT {record} FROM {s}.run WHERE run_id = %(run_id)s", {"run_id": run_id})
        return _record(rows[0]) if rows else None

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return the work of a run, in order."""
        columns = "SELECT seq, work, ready_at, result, done_at FROM {s}.entry WHERE run_id = %(run_id)s ORDER BY seq"
        return tuple(
            Entry(seq=seq, work=work, ready_at=ready_at, result=result, done_at=done_at)
            for seq, work, ready_at, result, done_at in self._rows(columns, {"run_id": run_id})
        )

    def runs(self) -> Sequence[RunRecord]:
        """Return all runs, the latest first."""
        return tuple(map(_record, self._rows("SELECT {record} FROM {s}.run ORDER BY created DESC, run_id")))

    def due(self, now: float, limit: int) -> Sequence[str]:
        """Return the IDs of runs that have something to do and nobody at work, the longest due first."""
        rows = self._rows(
            "SELECT run_id FROM {s}.run WHERE state = 'running' AND wake_at <= %(now)s "
            "AND (owner = '' OR lease_until <= {now}) AND NOT EXISTS (SELECT FROM {s}.pause) "
            "ORDER BY wake_at, created, run_id LIMIT %(limit)s",
            {"now": now, "at": self._at(now), "limit": limit},
        )
        return tuple(row[0] for row in rows)

    def about(self, subject: str) -> Sequence[RunRecord]:
        """Return the runs about a subject, in the order in which they were last written to."""
        columns = "SELECT {record} FROM {s}.run WHERE subject = %(subject)s ORDER BY updated, created"
        return tuple(map(_record, self._rows(columns, {"subject": subject})))

    def reserve(self, lane: str, now: float, gap: float, burst: int) -> float:
        """Take the next place in a lane; return how many seconds to wait for it."""
        values = {"lane": lane, "now": now, "gap": gap, "ahead": (burst - 1) * gap, "at": self._at(now)}
        # Of two places only one is used where this is done over: somebody waits a little longer.
        return self._do("written", lambda database, _: float(_one(self._run(database, _RESERVE, values))))

    def close_lane(self, lane: str, until: float) -> None:
        """Let nobody go in a lane before a time."""
        sql = (
            "INSERT INTO {s}.lane AS lane VALUES (%(lane)s, 0, %(until)s) "
            "ON CONFLICT (lane) DO UPDATE SET closed_until = greatest(lane.closed_until, excluded.closed_until)"
        )
        self._do("written", lambda database, _: self._run(database, sql, {"lane": lane, "until": until}))

    def closed_until(self, lane: str) -> float:
        """Return the time before which nobody goes in a lane."""
        rows = self._rows("SELECT closed_until FROM {s}.lane WHERE lane = %(lane)s", {"lane": lane})
        return float(rows[0][0]) if rows else 0.0

    def purge(self, before: float) -> int:
        """Forget runs that ended before a time; return how many."""
        values = {"before": before, "at": self._at(before)}

        def work(database: _Database, _: bool) -> int:
            self._run(database, "DELETE FROM {s}.lane WHERE greatest(next_at, closed_until) < %(before)s", values)
            ended = (
                "DELETE FROM {s}.run WHERE state <> 'running' AND updated < %(before)s "
                "AND (owner = '' OR lease_until <= least(%(before)s, {now}))"
            )
            return self._run(database, ended, values).rowcount

        return self._do("purged", work)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for database in idle:
            database.close()

    # --- statements --------------------------------------------------------------------------------------------------

    def _at(self, now: float) -> float | None:
        return now if self._by_caller else None

    def _run(
        self, database: _Database, sql: str, values: Mapping[str, Any] | None = None
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        for name, text in (("{s}", self.schema), ("{now}", _NOW), ("{record}", _RECORD)):
            sql = sql.replace(name, text)
        return database.execute(sql.encode(), values)

    def _rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return self._do("read", lambda database, _: self._run(database, sql, values).fetchall(), writes=False)

    def _known(self, database: _Database, run_id: str) -> RunRecord:
        sql = "SELECT {record} FROM {s}.run WHERE run_id = %(run_id)s"
        row = self._run(database, sql, {"run_id": run_id}).fetchone()
        if row is None:
            raise JournalError(f"the journal has no run {run_id!r}.")
        return _record(row)

    def _stands(self, database: _Database, values: Mapping[str, Any]) -> bool:
        """Tell whether an intent is written, with no result yet."""
        sql = "SELECT 1 FROM {s}.entry WHERE run_id = %(run_id)s AND seq = %(seq)s AND work = %(work)s"
        return self._run(database, f"{sql} AND result IS NULL", values).fetchone() is not None

    def _mail(self, database: _Database, run_id: str, heard: int) -> Mail:
        rows = self._run(
            database,
            "SELECT EXISTS (SELECT FROM {s}.pause), seq, name, payload, at FROM (VALUES (1)) AS one "
            "LEFT JOIN {s}.message ON run_id = %(run_id)s AND seq > %(heard)s ORDER BY seq",
            {"run_id": run_id, "heard": heard},
        ).fetchall()
        messages = (
            Message(seq=seq, name=name, payload=payload, at=at) for _, seq, name, payload, at in rows if seq is not None
        )
        return Mail(tuple(messages), paused=rows[0][0])

    def _touch(self, database: _Database, lease: Lease, changes: str, values: Mapping[str, Any]) -> None:
        """Change a run under its fence, and lock it: only who holds it now may write."""
        fence = {"run_id": lease.run_id, "owner": lease.owner, "epoch": lease.epoch}
        changed = self._run(
            database,
            f"UPDATE {{s}}.run SET {changes} WHERE run_id = %(run_id)s AND owner = %(owner)s AND epoch = %(epoch)s",  # noqa: S608 - constants
            {**values, **fence},
        )
        if changed.rowcount == 0:
            raise RunHeld(lease.run_id, "another worker has taken it over; this one stops.")

    # --- transactions ------------------------------------------------------------------------------------------------

    def _do(
        self, done: str, work: Callable[[_Database, bool], _T], *, writes: bool = True, patience: float | None = None
    ) -> _T:
        """Do something in one transaction, over again where the connection broke.

        Args:
            done: What is done to the journal, for the error.
            work: Does it; is told whether it may have been done before.
            writes: Whether it writes.
            patience: Seconds to wait for a server that is away.

        Raises:
            JournalError: The server is away, or refuses.
        """
        ends = time.monotonic() + (self._patience if patience is None else patience)
        again = fresh = False
        while True:
            try:
                return self._transaction(work, again, writes=writes)
            except _Lost as lost:
                again = again or lost.unknown
                # The connection may have been dead for long, so a new one is always tried.
                if fresh and time.monotonic() >= ends:
                    raise self._failed(done, lost.__cause__, unknown=again) from lost.__cause__
                if fresh:
                    time.sleep(_PAUSE)
                fresh = True
            except self._psycopg.Error as error:
                if error.sqlstate not in _UNDONE or time.monotonic() >= ends:
                    raise self._failed(done, error) from error
            except UnicodeError as error:
                raise self._failed(done, error) from error

    def _transaction(self, work: Callable[[_Database, bool], _T], again: bool, *, writes: bool) -> _T:
        database = self._take()
        committing = False
        try:
            if writes:
                database.execute(self._begin.encode())
            result = work(database, again)
            if writes:
                committing = True
                database.execute("COMMIT")
        except self._psycopg.Error as error:
            if database.closed:
                self._forget()
                raise _Lost(error, unknown=committing) from error
            self._undo(database)
            raise
        except Exception:
            self._undo(database)
            raise
        except BaseException:
            # Interrupted in the middle of an answer: this connection is of no use to anybody any more.
            database.close()
            raise
        self._give_back(database)
        return result

    def _undo(self, database: _Database) -> None:
        with contextlib.suppress(self._psycopg.Error):
            database.execute("ROLLBACK")
        self._give_back(database)

    def _take(self) -> _Database:
        """Return a connection that is nobody else's."""
        with self._lock:
            if self._closed:
                raise JournalError(f"{self!r} is closed; make another one.")
            if self._pid != os.getpid():
                # Those of the process that this one was forked from: not to be used, nor closed, which would tell
                # the server that the other one is gone.
                self._inherited, self._idle, self._pid = self._idle, [], os.getpid()
            if self._idle:
                return self._idle.pop()
        try:
            database: _Database = self._psycopg.connect(autocommit=True, prepare_threshold=None, **self._settings)
        except self._psycopg.Error as error:
            raise _Lost(error) from error
        try:
            self._look_at(database)
        except self._psycopg.Error as error:
            broke = database.closed
            database.close()
            if broke:
                raise _Lost(error) from error
            raise
        except BaseException:
            database.close()
            raise
        return database

    def _look_at(self, database: _Database) -> None:
        """See that the server can keep what is written, and as surely as it is said."""
        version, encoding = database.info.server_version, database.info.parameter_status("server_encoding")
        if version < _OLDEST:
            raise JournalError(f"PostgreSQL {version // 10000} is too old for a journal; it takes 13 or newer.")
        if encoding != "UTF8":
            raise JournalError(f"the database {database.info.dbname!r} has the encoding {encoding}; it takes UTF8.")
        # An intent that is lost with the power would mean a request that is sent again blindly.
        if _one(database.execute("SELECT current_setting('synchronous_commit')")) == "off":
            self._begin = f"{_BEGIN}; SET LOCAL synchronous_commit = on"

    def _give_back(self, database: _Database) -> None:
        with self._lock:
            if not self._closed and not database.closed and len(self._idle) < _KEPT:
                self._idle.append(database)
                return
        database.close()

    def _forget(self) -> None:
        """Drop the connections at leisure: where one broke, the others mostly have too."""
        with self._lock:
            idle, self._idle = self._idle, []
        for database in idle:
            database.close()

    def _failed(self, done: str, error: BaseException | None, *, unknown: bool = False) -> JournalError:
        """Make the error that tells a reader; only the first line of the server's, which quotes no row."""
        diag = getattr(error, "diag", None)
        reason = (diag is not None and diag.message_primary) or str(error).partition("\n")[0]
        doubt = " Whether it was written is not known." if unknown else ""
        return JournalError(f"{self!r} cannot be {done}: {reason.rstrip('.')}.{doubt} Nothing further was sent.")

    def _parsed(self, dsn: str) -> dict[str, Any]:
        try:
            return dict(self._psycopg.conninfo.conninfo_to_dict(dsn))
        except (self._psycopg.Error, TypeError, AttributeError):
            # The error of libpq quotes what it could not read, which may be the password.
            raise JournalError(
                "dsn cannot be read: give postgresql://user@host/database or host=… dbname=…, as libpq takes it."
            ) from None

    # --- the tables --------------------------------------------------------------------------------------------------

    def _set_up(self, database: _Database, _: bool) -> None:
        # Asked of the catalogue's rows: what to_regclass() has once not found, it may not find after the lock either.
        tables = (
            "SELECT relname FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = '{s}')"
        )
        if ("version",) not in self._run(database, tables).fetchall():
            # Once, by whoever comes first; the others wait here.
            self._run(database, "SELECT pg_advisory_xact_lock(hashtextextended('slackrunbooks {s}', 0))")
            found = self._run(database, tables).fetchall()
            if not found:
                self._make(database)
            elif ("version",) not in found:
                raise JournalError(
                    f"the schema {self.schema!r} is of something else; give the journal its own: "
                    "PostgresJournal(dsn, schema=…)."
                )
        version = _one(self._run(database, "SELECT max(version) FROM {s}.version"))
        if version != _SCHEMA:
            raise JournalError(
                f"the schema {self.schema!r} was written by a newer version of slackrunbooks (schema {version}, this "
                f"one reads {_SCHEMA}). Update the library."
            )

    def _make(self, database: _Database) -> None:
        if not self._run(database, "SELECT 1 FROM pg_namespace WHERE nspname = '{s}'").fetchall():
            self._run(database, "CREATE SCHEMA {s}")
        for table in _TABLES:
            self._run(database, table)
        self._run(database, "INSERT INTO {s}.version VALUES (%(version)s)", {"version": _SCHEMA})


# One statement, so that two who ask at once are served one after the other. Both clocks count from one instant.
_RESERVE: Final = """
    WITH clock AS MATERIALIZED (SELECT {now} AS now)
    INSERT INTO {s}.lane AS lane VALUES (%(lane)s, (SELECT now FROM clock) + %(gap)s::float8, 0)
    ON CONFLICT (lane) DO UPDATE SET next_at = %(gap)s::float8 + greatest(
      lane.next_at, (SELECT now FROM clock),
      (SELECT now FROM clock) + lane.closed_until - %(now)s::float8 + %(ahead)s::float8
    )
    RETURNING greatest(0, next_at - %(gap)s::float8 - %(ahead)s::float8 - (SELECT now FROM clock))"""


def _import() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise JournalError(
            f"PostgresJournal needs psycopg ({error}): pip install 'slackrunbooks[postgres]'."
        ) from error
    return psycopg


def _one(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Any:
    row = cursor.fetchone()
    return None if row is None else row[0]


def _record(row: tuple[Any, ...]) -> RunRecord:
    names = [field.name for field in attrs.fields(RunRecord)]
    return RunRecord(**dict(zip(names, row, strict=True)))
