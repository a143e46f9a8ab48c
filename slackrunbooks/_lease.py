"""A run and its journal: what is written before and after each piece of work, and how a run goes on.

Rule of this file: nothing here performs work, and everything here may block. A driver calls it before and after what it
performs; the asynchronous one does so in a thread.
"""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from ._effects import Lost, NotSent, Raised, Returned
from ._engine import Learned, Machine, Send, Sleep, Work
from .errors import JournalError, RunbookError, RunConflict, RunHeld
from .journal import REOPENS, Entry, Lease, Mail, RunRecord, decode, decode_delivery, digest, encode, encode_delivery
from .policy import Policy
from .retries import RetryPolicy
from .runbook import Runbook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ._effects import Delivery, OnAmbiguous
    from .journal import Journal
    from .report import Report

__all__ = ["Course", "next_of", "recorded", "spec_of"]

# How long a worker may be silent before another takes its run over, and how much of that must be left when a request
# leaves: more than it may take to its first byte (_TOKEN_SECONDS and _FIRST_BYTE_SECONDS in client.py).
_LEASE: Final = 60.0
_LEFT: Final = 45.0

# Between signs of life in a wait, and so before a message is noticed.
_SLICE: Final = 5.0

# How long a step may wait before its run is let go, to go on later.
_PATIENCE: Final = 60.0

_HEARD: Final = "heard"

# What the run is told before a step begins, so that the step sees it.
_HEARD_BEFORE: Final = "heard before"

# How long a run that cannot go on is left alone, so that it does not keep the others from their turn.
_STUCK: Final = 60.0

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
    deadline: float | None,
    policy: Policy | None,
    workspace: str,
    learned: Learned | None,
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
            "deadline": deadline,
            "policy": None if policy is None else policy.to_spec(),
            "workspace": workspace,
            # Else the run would ask in another process what it had no need to ask in the one that wrote it.
            "learned": None if learned is None else [learned.until, learned.answers],
        }
    )


def rebuilt(record: RunRecord) -> tuple[Machine, dict[str, Any]]:
    """Make the machine of a run as it began, and return what it began with.

    Raises:
        RunConflict: The run was begun by a version that this one does not know.
    """
    spec = decode(record.spec)
    if spec.get("version") != _VERSION:
        raise RunConflict(
            record.run_id,
            f"it was begun by another version of slackrunbooks (its form is {spec.get('version')!r}, this one reads "
            f"{_VERSION}). Let that version end it.",
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
        deadline=spec["deadline"],
        kept=True,
        policy=Policy.from_spec(spec.get("policy")),
        workspace=spec.get("workspace", ""),
        learned=Learned(*learned) if (learned := spec.get("learned")) else None,
    )
    return machine, spec


def recorded(journal: Journal, record: RunRecord) -> tuple[Machine, int]:
    """Make the machine of a run as far as it has come, and return the number of the last message that it took in."""
    machine, _ = rebuilt(record)
    _, heard = replay(machine, journal.entries(record.run_id))
    if record.state != "running":
        # The steps that were skipped at its end leave no work behind.
        machine.ready(record.updated)
    return machine, heard


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
    # Absent for the run's own workspace, as in what earlier versions kept.
    where = [work.workspace] if work.workspace else []
    return encode(["send", work.step, work.number, work.attempt, work.call.method, digest(work.call), *where])


@attrs.define
class Recorder:
    """Writes one run down while it goes.

    Attributes:
        journal: Where.
        lease: The right to go on with it.
        seq: How many entries are written.
        heard: The number of the last message that the run has taken in.
    """

    journal: Journal
    lease: Lease
    seq: int = 0
    heard: int = 0
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

    def replay(self, machine: Machine, now: float) -> Work | None:
        """Bring a machine to where the run stands.

        Returns:
            A wait that was not over, or ``None``. A request without an answer was told to the machine as lost.

        Raises:
            RunConflict: The run asks for something else than it did when it was written.
        """
        entries = self.journal.entries(machine.run_id)
        work, self.heard = replay(machine, entries)
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

    def intend(self, work: Work, ready_at: float, clock: Callable[[], float]) -> Mail:
        """Write what is about to be done, unless there is mail; then nothing is written."""
        self.hold(clock)
        entry = Entry(seq=self.seq + 1, work=_told(work), ready_at=ready_at)
        mail = self.journal.intend(self.lease, entry, self.heard)
        if not mail:
            self.seq, self._entry = entry.seq, entry
        return mail

    def hear(
        self, mail: Mail, machine: Machine, pending: list[Work], ready_at: float, now: float, *, ended: bool = False
    ) -> list[Work]:
        """Write what the run was told, and tell the machine; return the work that is still to be done."""
        for message in mail.messages:
            how = _HEARD_BEFORE if machine.is_between and not ended else _HEARD
            if how == _HEARD:
                pending += machine.ready(ready_at)
            self.heard = message.seq
            pending = self.note(machine, pending, message.name, message.payload, ready_at, now, how=how)
        return pending

    def note(
        self, machine: Machine, pending: list[Work], name: str, payload: str, ready_at: float, now: float, *, how: str
    ) -> list[Work]:
        """Write something that the machine is told, and tell it; return the work that is still to be done."""
        work = encode([how, self.heard, name, payload])
        self.seq += 1
        entry = Entry(seq=self.seq, work=work, ready_at=ready_at, result=encode(None), done_at=now)
        self.journal.settle(self.lease, entry)
        machine.tell(name, decode(payload), now)
        return [work for work in pending if machine.wants(work)]

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

    def listen(self) -> Mail:
        """Return what the run was told."""
        return self.journal.listen(self.lease.run_id, self.heard)

    def watch(self, now: float) -> Mail:
        """Give a sign of life in the middle of a wait, and return what the run was told meanwhile."""
        self.lease = self.journal.renew(self.lease, now, _LEASE)
        return self.listen()

    def settle(self, delivery: Delivery | None, now: float) -> Delivery | None:
        """Write what came of it, and return it as whoever reads it there will find it."""
        entry = cast("Entry", self._entry)
        try:
            result = encode_delivery(delivery)
        except JournalError as error:
            # Only what a host's function returned can be like that, and the function has run.
            result = encode_delivery(
                Raised(RunbookError(f"the function has run, and what it returned is lost: {error}"))
            )
        self.journal.settle(self.lease, attrs.evolve(entry, result=result, done_at=now))
        return decode_delivery(result) if isinstance(delivery, (Returned, Raised)) else delivery

    def end(self, report: Report, now: float) -> None:
        """Write that the run has ended."""
        self.journal.end(self.lease, report.state, now, wake_at=None, saved=_kept(report.saved))

    def let_go(self, now: float, wake_at: float | None = 0.0, *, saved: str) -> None:
        """Let another worker go on with the run, from a time on."""
        self.journal.end(self.lease, "running", now, wake_at=wake_at, saved=saved)


@attrs.define
class Course:
    """A run of a journal, as a worker goes on with it.

    Every method but ``coming``, ``sending``, ``leaves`` and ``until`` blocks.

    Attributes:
        machine: The run.
        recorder: Writes it down.
        notes: What is to be said of it besides.
        paused: Whether everything stands still, so that nothing was begun.
    """

    machine: Machine
    recorder: Recorder
    notes: tuple[str, ...] = ()
    paused: bool = False
    _pending: list[Work] = attrs.field(factory=list)
    _waiting: Work | None = None
    _unsent: Send | None = None
    _coming: Work | None = None
    _ready_at: float = 0.0
    _mail: Mail = attrs.field(factory=Mail)

    @classmethod
    def of(
        cls, journal: Journal, record: RunRecord, owner: str, now: float, *, fits: Callable[[Machine], None]
    ) -> Course:
        """Take a run over, and bring it to where it stands.

        Args:
            journal: Where it is kept.
            record: The run.
            owner: Who takes it over.
            now: Seconds since 1970 (UTC).
            fits: Raises where this worker cannot go on with it.

        Raises:
            RunHeld: Another worker is at work on it.
            RunConflict: It asks for something else than it did when it was written.
        """
        recorder = Recorder.claim(journal, record.run_id, owner, now)
        try:
            machine, _ = rebuilt(record)
            course = cls(machine, recorder)
            course._waiting = recorder.replay(machine, now)
            if course._waiting is None:
                course._listen_at_the_end(journal.get(record.run_id) or record, now)
            if not machine.finished:
                # Only now: what the run was told may have mended its runbook.
                fits(machine)
        except BaseException as error:
            with contextlib.suppress(JournalError, RunHeld):
                wake_at = now + _STUCK if isinstance(error, Exception) else 0.0
                recorder.let_go(now, wake_at, saved=record.saved)
            raise
        # What happened in another process, hooks were told there.
        machine.events()
        machine.audited()
        return course

    def _listen_at_the_end(self, record: RunRecord, now: float) -> None:
        """Take in what a run was told after it had ended: nothing that it is about to do would bring it the word."""
        messages = self.recorder.journal.listen(record.run_id, self.recorder.heard).messages
        if record.state == "running" and not any(message.name in REOPENS for message in messages):
            return
        # The first word meets it where it stood then: with the steps skipped that leave no work behind.
        first, rest = Mail(messages[:1]), Mail(messages[1:])
        self._pending = self.recorder.hear(first, self.machine, self._pending, record.updated, now, ended=True)
        self._pending = self.recorder.hear(rest, self.machine, self._pending, now, now)

    def next(self, clock: Callable[[], float]) -> Work | None:
        """Return what to do next, which is written by then; ``None`` at the end, or where everything is paused."""
        work, self._waiting = self._waiting, None
        if work is not None:
            self._mail = self.recorder.watch(clock())
            return work
        while (work := self.coming(clock)) is not None:
            self._coming = None
            mail = self.recorder.intend(work, self._ready_at, clock)
            if not mail:
                self._unsent = work if isinstance(work, Send) else None
                return work
            self._pending = self.recorder.hear(mail, self.machine, [work, *self._pending], self._ready_at, clock())
            if mail.paused:
                self.paused = True
                return None
        return None

    def coming(self, clock: Callable[[], float]) -> Work | None:
        """Return what :meth:`next` will write and return, unless the run is told something before."""
        if self._waiting is not None:
            return self._waiting
        if self._coming is None:
            now = clock()
            if self.machine.is_between and (mail := self.recorder.listen()):
                self._pending = self.recorder.hear(mail, self.machine, self._pending, now, now)
                if mail.paused:
                    self.paused = True
                    return None
            self._ready_at = now
            self._pending += self.machine.ready(now)
            self._coming = next_of(self._pending)
        return self._coming

    def hold_back(self, work: Send, until: float, now: float) -> None:
        """Let a request that was not written yet wait for its place, as a wait of its step."""
        payload = encode({"step": work.step, "until": until})
        self._coming = None
        pending = [work, *self._pending]
        self._pending = self.recorder.note(self.machine, pending, "place", payload, self._ready_at, now, how=_HEARD)

    def sending(self, work: Send) -> None:
        """Take note that a request that was written leaves now. Does not block."""
        self._unsent = None
        self.machine.sending(work)

    def leaves(self, work: Sleep, now: float) -> bool:
        """Tell whether a wait is too long to hold anybody."""
        return now < work.until and not self._mail and self.machine.waited(work, now) > _PATIENCE

    def until(self, work: Sleep, now: float) -> float | None:
        """Return until when to sleep before :meth:`watch`; ``None`` if the wait is over, or there is mail."""
        return None if self._mail or now >= work.until else min(work.until, now + _SLICE)

    def watch(self, now: float) -> None:
        """Give a sign of life in the middle of a wait, and see what the run was told meanwhile."""
        self._mail = self.recorder.watch(now)

    def done(self, work: Work, delivery: Delivery | None, now: float) -> None:
        """Write what came of it, and go on."""
        mail, self._mail = self._mail, Mail()
        if mail.messages and isinstance(work, Sleep):
            # The wait is over only after the run has taken in what it was told.
            now = min(now, math.nextafter(work.until, 0.0))
        self.machine.done(work, self.recorder.settle(delivery, now), now)
        if mail:
            self._pending = self.recorder.hear(mail, self.machine, self._pending, now, now)

    def let_go(self, now: float, wake_at: float | None = 0.0) -> None:
        """Let another worker go on with the run, from a time on; what it saved can be read by others."""
        if self._unsent is not None:
            # Its sender was interrupted between writing and sending it, so that nobody need ask what became of it.
            self.done(self._unsent, NotSent("the run was interrupted before it was sent"), now)
            self._unsent = None
        self.recorder.let_go(now, wake_at, saved=_kept(self.machine.report().saved))

    def leave_alone(self, now: float) -> None:
        """Let go of a run with which this worker cannot go on; others have their turn before it asks again."""
        self.let_go(now, now + _STUCK)

    def report(self) -> Report:
        """Return how the run went so far."""
        report = self.machine.report()
        return attrs.evolve(report, notes=(*report.notes, *self.notes)) if self.notes else report


def _kept(saved: Mapping[str, Any]) -> str:
    """Return what a run saved as JSON text, without what cannot be kept."""
    kept = {}
    for path, value in saved.items():
        with contextlib.suppress(JournalError):
            kept[path] = decode(encode(value))
    return encode(kept)


def replay(machine: Machine, entries: Sequence[Entry]) -> tuple[Work | None, int]:
    """Feed a machine what is written.

    Returns:
        The work whose result is not written, and the number of the last message that the run took in.

    Raises:
        RunConflict: The run asks for something else than it did when it was written.
    """
    pending: list[Work] = []
    heard = 0
    for entry in entries:
        told = decode(entry.work)
        if told[0] != _HEARD_BEFORE:
            pending += machine.ready(entry.ready_at)
        if told[0] in (_HEARD, _HEARD_BEFORE):
            _, heard, name, payload = told
            machine.tell(name, decode(payload), cast("float", entry.done_at))
            pending = [work for work in pending if machine.wants(work)]
            continue
        work = next_of(pending)
        if work is None or _told(work) != entry.work:
            raise RunConflict(
                machine.run_id,
                f"at piece {entry.seq} of its work it asks for something else than it did when it was written: the "
                "code, or a file that it reads, has changed. Let the version that began it go on, or start another "
                "run.",
            )
        if entry.result is None:
            return work, heard
        if isinstance(work, Send):
            machine.sending(work)
        machine.done(work, decode_delivery(entry.result), entry.done_at or entry.ready_at)
    return None, heard
