"""A journal in memory: it ends with the process, and is safe to share between threads.

Rule of this file: the same answers as a store on disk gives, so that tests on it prove something.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import attrs

from ..errors import JournalError, RunHeld

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..journal import Entry, Lease, RunRecord

__all__ = ["MemoryJournal"]


class MemoryJournal:
    """Keeps runs in memory, for tests and for programs that need no more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, RunRecord] = {}
        self._entries: dict[str, dict[int, Entry]] = {}

    def begin(self, record: RunRecord) -> RunRecord:
        """Write a new run, or return the one that has its ID already."""
        with self._lock:
            self._entries.setdefault(record.run_id, {})
            return self._runs.setdefault(record.run_id, record)

    def claim(self, run_id: str, owner: str, now: float, seconds: float) -> Lease | None:
        """Take a run whose lease is over; ``None`` while another worker holds it."""
        from ..journal import Lease

        with self._lock:
            record = self._known(run_id)
            if record.owner and record.lease_until > now:
                return None
            claimed = attrs.evolve(record, owner=owner, epoch=record.epoch + 1, lease_until=now + seconds)
            self._runs[run_id] = claimed
            return Lease(run_id=run_id, owner=owner, epoch=claimed.epoch, until=claimed.lease_until)

    def renew(self, lease: Lease, now: float, seconds: float) -> Lease:
        """Hold a run for longer."""
        with self._lock:
            record = self._fenced(lease)
            self._runs[lease.run_id] = attrs.evolve(record, lease_until=now + seconds, updated=now)
            return attrs.evolve(lease, until=now + seconds)

    def intend(self, lease: Lease, entry: Entry) -> None:
        """Write what is about to be done."""
        with self._lock:
            self._fenced(lease)
            if entry.seq in self._entries[lease.run_id]:
                raise JournalError(f"run {lease.run_id!r} has an entry {entry.seq} already.")
            self._entries[lease.run_id][entry.seq] = entry

    def settle(self, lease: Lease, entry: Entry) -> None:
        """Write what came of it; an entry that was not intended is written whole."""
        with self._lock:
            self._fenced(lease)
            self._entries[lease.run_id][entry.seq] = entry

    def end(self, lease: Lease, state: str, now: float) -> None:
        """Write that a run has ended, or let go of one that goes on later (``running``)."""
        with self._lock:
            record = self._fenced(lease)
            self._runs[lease.run_id] = attrs.evolve(record, state=state, owner="", lease_until=0.0, updated=now)

    def get(self, run_id: str) -> RunRecord | None:
        """Return a run."""
        with self._lock:
            return self._runs.get(run_id)

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return the work of a run, in order."""
        with self._lock:
            return tuple(entry for _, entry in sorted(self._entries.get(run_id, {}).items()))

    def runs(self) -> Sequence[RunRecord]:
        """Return all runs, the latest first."""
        with self._lock:
            return tuple(sorted(self._runs.values(), key=lambda record: -record.created))

    def purge(self, before: float) -> int:
        """Forget runs that ended before a time; return how many."""
        with self._lock:
            old = [key for key, each in self._runs.items() if each.state != "running" and each.updated < before]
            for key in old:
                del self._runs[key], self._entries[key]
            return len(old)

    def close(self) -> None:
        """Do nothing: what is in memory needs no closing."""

    def _known(self, run_id: str) -> RunRecord:
        if run_id not in self._runs:
            raise JournalError(f"the journal has no run {run_id!r}.")
        return self._runs[run_id]

    def _fenced(self, lease: Lease) -> RunRecord:
        record = self._known(lease.run_id)
        if (record.owner, record.epoch) != (lease.owner, lease.epoch):
            raise RunHeld(lease.run_id, "another worker has taken it over; this one stops.")
        return record
