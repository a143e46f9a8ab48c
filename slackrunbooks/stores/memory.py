"""A journal in memory: it ends with the process, and is safe to share between threads.

Rule of this file: the same answers as a store on disk gives, so that tests on it prove something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ..errors import JournalError, RunHeld
from ..journal import REOPENS, Lease, Mail, Message
from ._closing import Shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..journal import Entry, RunRecord

__all__ = ["MemoryJournal"]


class MemoryJournal(Shared):
    """Keeps runs in memory, for tests and for programs that need no more."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[str, RunRecord] = {}
        self._entries: dict[str, dict[int, Entry]] = {}
        self._messages: dict[str, list[Message]] = {}
        self._told = 0
        self._paused = ""
        self._lanes: dict[str, tuple[float, float]] = {}

    def begin(self, record: RunRecord) -> RunRecord:
        """Write a new run, or return the one that has its ID already."""
        with self._lock:
            self._entries.setdefault(record.run_id, {})
            self._messages.setdefault(record.run_id, [])
            return self._runs.setdefault(record.run_id, record)

    def claim(self, run_id: str, owner: str, now: float, seconds: float) -> Lease | None:
        """Take a run whose lease is over; ``None`` while another worker holds it."""
        with self._lock:
            record = self._known(run_id)
            if record.owner and record.lease_until > now:
                return None
            claimed = attrs.evolve(record, owner=owner, epoch=record.epoch + 1, lease_until=now + seconds, wake_at=now)
            self._runs[run_id] = claimed
            return Lease(run_id=run_id, owner=owner, epoch=claimed.epoch, until=claimed.lease_until)

    def renew(self, lease: Lease, now: float, seconds: float) -> Lease:
        """Hold a run for longer."""
        with self._lock:
            record = self._fenced(lease)
            self._runs[lease.run_id] = attrs.evolve(record, lease_until=now + seconds, updated=now)
            return attrs.evolve(lease, until=now + seconds)

    def intend(self, lease: Lease, entry: Entry, heard: int) -> Mail:
        """Write what is about to be done, unless there is mail."""
        with self._lock:
            self._fenced(lease)
            if mail := self._mail(lease.run_id, heard):
                return mail
            if entry.seq in self._entries[lease.run_id]:
                raise JournalError(f"run {lease.run_id!r} has an entry {entry.seq} already.")
            self._entries[lease.run_id][entry.seq] = entry
            return mail

    def settle(self, lease: Lease, entry: Entry) -> None:
        """Write what came of it; an entry that was not intended is written whole."""
        with self._lock:
            self._fenced(lease)
            self._entries[lease.run_id][entry.seq] = entry

    def end(self, lease: Lease, state: str, now: float, *, wake_at: float | None = 0.0, saved: str = "") -> None:
        """Write that a run has ended, or let go of one that goes on at ``wake_at`` (``running``)."""
        with self._lock:
            record = self._fenced(lease)
            if state == "running" and record.wake_at == 0:
                # It was told something since the claim, and must not sleep over it.
                wake_at = 0.0
            self._runs[lease.run_id] = attrs.evolve(
                record, state=state, owner="", lease_until=0.0, updated=now, wake_at=wake_at, saved=saved
            )

    def tell(self, run_id: str, name: str, payload: str, now: float) -> int:
        """Leave a message for a run, and wake it; return its number."""
        with self._lock:
            record = self._known(run_id)
            self._told += 1
            self._messages[run_id].append(Message(seq=self._told, name=name, payload=payload, at=now))
            state = "running" if name in REOPENS else record.state
            self._runs[run_id] = attrs.evolve(record, wake_at=0.0, state=state)
            return self._told

    def listen(self, run_id: str, heard: int) -> Mail:
        """Return what a run was told after message ``heard``."""
        with self._lock:
            return self._mail(run_id, heard)

    def pause(self, reason: str) -> None:
        """Let no worker begin anything; an empty reason lets them go on."""
        with self._lock:
            self._paused = reason

    def paused(self) -> str:
        """Return why everything is paused, or ``""``."""
        return self._paused

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

    def due(self, now: float, limit: int) -> Sequence[str]:
        """Return the IDs of runs that have something to do and nobody at work, the longest due first."""
        with self._lock:
            found = [
                (record.wake_at, record.created, record.run_id)
                for record in self._runs.values()
                if record.state == "running"
                and (not record.owner or record.lease_until <= now)
                and record.wake_at is not None
                and record.wake_at <= now
            ]
        return () if self._paused else tuple(run_id for _, _, run_id in sorted(found)[:limit])

    def about(self, subject: str) -> Sequence[RunRecord]:
        """Return the runs about a subject, in the order in which they were last written to."""
        with self._lock:
            found = [record for record in self._runs.values() if record.subject == subject]
        return tuple(sorted(found, key=lambda record: (record.updated, record.created)))

    def reserve(self, lane: str, now: float, gap: float, burst: int) -> float:
        """Take the next place in a lane; return how many seconds to wait for it."""
        with self._lock:
            next_at, closed_until = self._lanes.get(lane, (0.0, 0.0))
            ahead = (burst - 1) * gap
            # Who was told to wait has used up what may go at once: a lane that opens lets one go at a time.
            starts = max(next_at, now, closed_until + ahead)
            self._lanes[lane] = (starts + gap, closed_until)
            return max(0.0, starts - ahead - now)

    def close_lane(self, lane: str, until: float) -> None:
        """Let nobody go in a lane before a time."""
        with self._lock:
            next_at, closed_until = self._lanes.get(lane, (0.0, 0.0))
            self._lanes[lane] = (next_at, max(until, closed_until))

    def closed_until(self, lane: str) -> float:
        """Return the time before which nobody goes in a lane."""
        with self._lock:
            return self._lanes.get(lane, (0.0, 0.0))[1]

    def purge(self, before: float) -> int:
        """Forget runs that ended before a time; return how many."""
        with self._lock:
            old = [
                key
                for key, each in self._runs.items()
                if each.state != "running" and each.updated < before and (not each.owner or each.lease_until <= before)
            ]
            for key in old:
                del self._runs[key], self._entries[key], self._messages[key]
            self._lanes = {lane: times for lane, times in self._lanes.items() if max(times) >= before}
            return len(old)

    def close(self) -> None:
        """Do nothing: what is in memory needs no closing."""

    def _known(self, run_id: str) -> RunRecord:
        if run_id not in self._runs:
            raise JournalError(f"the journal has no run {run_id!r}.")
        return self._runs[run_id]

    def _mail(self, run_id: str, heard: int) -> Mail:
        messages = tuple(each for each in self._messages.get(run_id, ()) if each.seq > heard)
        return Mail(messages, paused=bool(self._paused))

    def _fenced(self, lease: Lease) -> RunRecord:
        record = self._known(lease.run_id)
        if (record.owner, record.epoch) != (lease.owner, lease.epoch):
            raise RunHeld(lease.run_id, "another worker has taken it over; this one stops.")
        return record
