"""A journal whose texts only those can read who have the key.

Rule of this file: what messages say is sealed (a run's spec, its work and results, what it was told and what it saved);
what a journal is searched by (IDs, subjects, states, times, kinds of messages) stands open. A sealed text says whose it
is and what of it (which piece of work, what kind of message), so that one cannot be put into another's place.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from ..errors import JournalError
from ._closing import Closing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..journal import Entry, Journal, Lease, Mail, RunRecord

__all__ = ["Cipher", "SealedJournal"]

_MARK: Final = "sealed:"


class Cipher(Protocol):
    """What seals: ``Fernet`` and ``MultiFernet`` of the package ``cryptography``, and whatever has their interface."""

    def encrypt(self, data: bytes, /) -> bytes:
        """Return the data as only those can read it who have the key."""
        ...

    def decrypt(self, token: bytes, /) -> bytes:
        """Return what :meth:`encrypt` was given, or raise if it was another key's, or changed."""
        ...


class SealedJournal(Closing):
    """Keeps runs in another journal, encrypted.

    The work of a run, what its messages say, what it was told and what it saved are sealed. Run IDs, subjects, states,
    times, names of lanes and the reason of a pause are not: name no secret there. With a ``MultiFernet`` keys are
    changed: new texts are sealed with its first key, old ones are read with any.

    Args:
        journal: Where the sealed texts are kept.
        cipher: Seals and opens. It should notice changed texts, as Fernet does; one that only encrypts does not.
    """

    def __init__(self, journal: Journal, cipher: Cipher) -> None:
        self._journal = journal
        self._cipher = cipher

    def __repr__(self) -> str:
        return f"SealedJournal({self._journal!r})"

    def begin(self, record: RunRecord) -> RunRecord:
        """Write a new run, or return the one that has its ID already."""
        return self._record(
            self._journal.begin(attrs.evolve(record, spec=self._seal(record.spec, record.run_id, "spec")))
        )

    def claim(self, run_id: str, owner: str, now: float, seconds: float) -> Lease | None:
        """Take a run whose lease is over; ``None`` while another worker holds it."""
        return self._journal.claim(run_id, owner, now, seconds)

    def renew(self, lease: Lease, now: float, seconds: float) -> Lease:
        """Hold a run for longer."""
        return self._journal.renew(lease, now, seconds)

    def intend(self, lease: Lease, entry: Entry, heard: int) -> Mail:
        """Write what is about to be done, unless there is mail."""
        return self._mail(self._journal.intend(lease, self._sealed(entry, lease.run_id), heard), lease.run_id)

    def settle(self, lease: Lease, entry: Entry) -> None:
        """Write what came of it; an entry that was not intended is written whole."""
        self._journal.settle(lease, self._sealed(entry, lease.run_id))

    def end(self, lease: Lease, state: str, now: float, *, wake_at: float | None = 0.0, saved: str = "") -> None:
        """Write that a run has ended, or let go of one that goes on at ``wake_at`` (``running``)."""
        self._journal.end(lease, state, now, wake_at=wake_at, saved=saved and self._seal(saved, lease.run_id, "saved"))

    def tell(self, run_id: str, name: str, payload: str, now: float) -> int:
        """Leave a message for a run, and wake it; return its number."""
        return self._journal.tell(run_id, name, self._seal(payload, run_id, f"message {name}"), now)

    def listen(self, run_id: str, heard: int) -> Mail:
        """Return what a run was told after message ``heard``."""
        return self._mail(self._journal.listen(run_id, heard), run_id)

    def pause(self, reason: str) -> None:
        """Let no worker begin anything; an empty reason lets them go on."""
        self._journal.pause(reason)

    def paused(self) -> str:
        """Return why everything is paused, or ``""``."""
        return self._journal.paused()

    def get(self, run_id: str) -> RunRecord | None:
        """Return a run."""
        record = self._journal.get(run_id)
        return None if record is None else self._record(record)

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return the work of a run, in order."""
        return tuple(self._opened(entry, run_id) for entry in self._journal.entries(run_id))

    def runs(self) -> Sequence[RunRecord]:
        """Return all runs, the latest first."""
        return tuple(self._record(record) for record in self._journal.runs())

    def due(self, now: float, limit: int) -> Sequence[str]:
        """Return the IDs of runs that have something to do and nobody at work, the longest due first."""
        return self._journal.due(now, limit)

    def about(self, subject: str) -> Sequence[RunRecord]:
        """Return the runs about a subject, in the order in which they were last written to."""
        return tuple(self._record(record) for record in self._journal.about(subject))

    def reserve(self, lane: str, now: float, gap: float, burst: int) -> float:
        """Take the next place in a lane; return how many seconds to wait for it."""
        return self._journal.reserve(lane, now, gap, burst)

    def close_lane(self, lane: str, until: float) -> None:
        """Let nobody go in a lane before a time."""
        self._journal.close_lane(lane, until)

    def closed_until(self, lane: str) -> float:
        """Return the time before which nobody goes in a lane."""
        return self._journal.closed_until(lane)

    def purge(self, before: float) -> int:
        """Forget runs that ended before a time; return how many."""
        return self._journal.purge(before)

    def close(self) -> None:
        """Close the journal that keeps the texts."""
        self._journal.close()

    # --- sealing -----------------------------------------------------------------------------------------------------

    def _seal(self, text: str, run_id: str, what: str) -> str:
        try:
            whole = f"{_place(run_id, what)}{text}".encode()
        except UnicodeError as error:
            raise JournalError(f"what is kept of run {run_id!r} cannot be sealed: {error}.") from error
        token = self._cipher.encrypt(whole)
        return _MARK + base64.b64encode(token).decode()

    def _open(self, text: str, run_id: str, what: str) -> str:
        if not text.startswith(_MARK):
            raise JournalError(
                f"what the journal has of run {run_id!r} is not sealed. Open it without SealedJournal, or give sealed "
                "runs a journal of their own."
            )
        try:
            opened = self._cipher.decrypt(base64.b64decode(text[len(_MARK) :], validate=True)).decode()
        except Exception as error:
            # Each cipher has its own errors, and what they say is theirs: a wrong key or a changed text.
            raise JournalError(
                f"what the journal has of run {run_id!r} cannot be opened ({type(error).__name__}): it was sealed with "
                "another key, or changed. Give SealedJournal the key that it was sealed with; MultiFernet takes "
                "several."
            ) from error
        place = _place(run_id, what)
        if not opened.startswith(place):
            raise JournalError(
                f"what the journal has of run {run_id!r} was sealed for another run or another place in it ({what}): "
                "somebody has moved it, or it was sealed with another key."
            )
        return opened[len(place) :]

    def _sealed(self, entry: Entry, run_id: str) -> Entry:
        result = None if entry.result is None else self._seal(entry.result, run_id, f"result {entry.seq}")
        return attrs.evolve(entry, work=self._seal(entry.work, run_id, f"work {entry.seq}"), result=result)

    def _opened(self, entry: Entry, run_id: str) -> Entry:
        result = None if entry.result is None else self._open(entry.result, run_id, f"result {entry.seq}")
        return attrs.evolve(entry, work=self._open(entry.work, run_id, f"work {entry.seq}"), result=result)

    def _mail(self, mail: Mail, run_id: str) -> Mail:
        messages = mail.messages
        opened = (
            attrs.evolve(each, payload=self._open(each.payload, run_id, f"message {each.name}")) for each in messages
        )
        return attrs.evolve(mail, messages=tuple(opened))

    def _record(self, record: RunRecord) -> RunRecord:
        saved = record.saved and self._open(record.saved, record.run_id, "saved")
        return attrs.evolve(record, spec=self._open(record.spec, record.run_id, "spec"), saved=saved)


def _place(run_id: str, what: str) -> str:
    """Name the place of a text; the lengths keep one name from being read as the beginning of another."""
    return f"{len(run_id)}:{run_id}{len(what)}:{what}"
