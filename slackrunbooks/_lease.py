"""A run and its journal: what is written before and after each piece of work, and how a run goes on.

Rule of this file: nothing here performs work, and everything here may block. A driver calls it before and after what it
performs; the asynchronous one does so in a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from ._effects import Lost
from ._engine import Machine, Send, Sleep, Work
from .errors import JournalError, RunConflict, RunHeld
from .journal import Entry, Lease, RunRecord, decode, decode_delivery, digest, encode, encode_delivery
from .retries import RetryPolicy
from .runbook import Runbook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._effects import Delivery
    from ._engine import OnAmbiguous
    from .journal import Journal

__all__ = ["Recorder", "next_of", "rebuilt", "spec_of"]

# How long a worker may be silent before another takes its run over, and how much of that must be left when a request
# leaves: more than a request takes at the most.
_LEASE: Final = 60.0
_LEFT: Final = 45.0
_SLICE: Final = 15.0

_ENDED = "the process ended before the answer was written"

_VERSION: Final = 1


def spec_of(
    runbook: Runbook,
    begins: dict[str, Any],
    given: dict[str, Any],
    *,
    retry: RetryPolicy,
    on_ambiguous: OnAmbiguous,
    templates: bool,
    single: bool,
    actor: str | None,
    reason: str | None,
) -> str:
    """Return all that a run needs to go on in another process, as JSON text.

    Raises:
        RunbookError: The runbook holds something that only Python has.
        JournalError: The context holds something that cannot be kept.
    """
    return encode(
        {
            "version": _VERSION,
            "runbook": runbook.to_spec(single=single),
            "context": begins,
            "given": given,
            "retry": attrs.asdict(retry),
            "on_ambiguous": on_ambiguous,
            "templates": templates,
            "single": single,
            "actor": actor,
            "reason": reason,
        }
    )


def rebuilt(record: RunRecord) -> tuple[Machine, dict[str, Any]]:
    """Make the machine of a run as it began, and return what it began with.

    Raises:
        JournalError: The run was begun by a version that this one does not know.
    """
    spec = decode(record.spec)
    if spec.get("version") != _VERSION:
        raise JournalError(
            f"run {record.run_id!r} was begun by another version of slackrunbooks (its form is "
            f"{spec.get('version')!r}, this one reads {_VERSION}). Let that version end it."
        )
    machine = Machine(
        Runbook.from_spec(spec["runbook"]),
        spec["context"],
        run_id=record.run_id,
        retry=RetryPolicy(**spec["retry"]),
        templates=spec["templates"],
        actor=spec["actor"],
        reason=spec["reason"],
        single=spec["single"],
        on_ambiguous=spec["on_ambiguous"],
    )
    return machine, spec


def next_of(pending: list[Work]) -> Work | None:
    """Take out what to do next: sending goes before sleeping, and the shortest sleep first."""
    if not pending:
        return None
    work = min(pending, key=lambda work: work.until if isinstance(work, Sleep) else 0.0)
    pending.remove(work)
    return work


def _told(work: Work) -> str:
    """Describe a piece of work so that another process knows it again."""
    if isinstance(work, Sleep):
        return encode(["sleep", work.step, work.until])
    return encode(["send", work.step, work.number, work.attempt, work.call.method, digest(work.call)])


@attrs.define
class Recorder:
    """Writes one run down while it goes.

    Attributes:
        journal: Where.
        lease: The right to go on with it.
        seq: How many pieces of work are written.
    """

    journal: Journal
    lease: Lease
    seq: int = 0
    _entry: Entry | None = attrs.field(default=None, alias="entry")

    @classmethod
    def claim(cls, journal: Journal, run_id: str, owner: str, now: float) -> Recorder:
        """Take a run over.

        Raises:
            RunHeld: Another worker holds it.
        """
        lease = journal.claim(run_id, owner, now, _LEASE)
        if lease is None:
            raise RunHeld(run_id, "another worker is at work on it; wait for that one.")
        return cls(journal, lease)

    def replay(self, machine: Machine, entries: Sequence[Entry], now: float) -> Work | None:
        """Bring a machine to where the run stands.

        Returns:
            A wait that was not over, or ``None``. A request without an answer was told to the machine as lost.

        Raises:
            RunConflict: The run asks for something else than it did when it was written.
        """
        work = replay(machine, entries)
        self.seq = len(entries)
        if work is None:
            return None
        self._entry = entries[-1]
        if isinstance(work, Sleep):
            return work
        machine.sending(work)
        lost = Lost(_ENDED)
        self.settle(lost, now)
        machine.done(work, lost, now)
        return None

    def intend(self, work: Work, ready_at: float, clock: Callable[[], float]) -> None:
        """Write what is about to be done."""
        self.hold(clock)
        self.seq += 1
        self._entry = Entry(seq=self.seq, work=_told(work), ready_at=ready_at)
        self.journal.intend(self.lease, self._entry)

    def hold(self, clock: Callable[[], float]) -> None:
        """See that the run is this worker's for as long as a request takes, whatever held the worker up until now.

        Raises:
            RunHeld: Another worker has taken it over.
        """
        while not self.holds(now := clock()):
            self.lease = self.journal.renew(self.lease, now, _LEASE)

    def holds(self, now: float) -> bool:
        """Tell without blocking whether :meth:`hold` has nothing to do."""
        return self.lease.until - now >= _LEFT

    def slice_of(self, until: float, now: float) -> float:
        """Return until when to sleep before the next sign of life, and give one."""
        self.lease = self.journal.renew(self.lease, now, _LEASE)
        return min(until, now + _SLICE)

    def settle(self, delivery: Delivery | None, now: float) -> None:
        """Write what came of it."""
        entry = cast("Entry", self._entry)
        done = attrs.evolve(entry, result=encode_delivery(delivery), done_at=now)
        self.journal.settle(self.lease, done)

    def end(self, state: str, now: float) -> None:
        """Write that the run has ended, or let it go for another worker."""
        self.journal.end(self.lease, state, now)


def replay(machine: Machine, entries: Sequence[Entry]) -> Work | None:
    """Feed a machine what is written; return the work whose result is not.

    Raises:
        RunConflict: The run asks for something else than it did when it was written.
    """
    pending: list[Work] = []
    for entry in entries:
        pending += machine.ready(entry.ready_at)
        work = next_of(pending)
        if work is None or _told(work) != entry.work:
            raise RunConflict(
                machine.run_id,
                f"at piece {entry.seq} of its work it asks for something else than it did when it was written: the "
                "code, or a file that it reads, has changed. Let the version that began it go on, or start another "
                "run.",
            )
        if entry.result is None:
            return work
        if isinstance(work, Send):
            machine.sending(work)
        machine.done(work, decode_delivery(entry.result), entry.done_at or entry.ready_at)
    return None
