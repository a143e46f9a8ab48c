"""Each kind of journal, for tests that any of them must pass.

Rule of this file: a journal opened here is empty, and gone after the test.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import slackrunbooks as sr
from slackrunbooks.journal import Journal

ON_DISK = ("sqlite",)
STORES = ("memory", "sealed", *ON_DISK)


class Toy:
    """A cipher that fools nobody, with Fernet's interface: it notices another key and a changed text."""

    def __init__(self, key: bytes = b"k") -> None:
        self.key = key

    def encrypt(self, data: bytes) -> bytes:
        return bytes(byte ^ 0x55 for byte in self.key + b"|" + data)

    def decrypt(self, token: bytes) -> bytes:
        key, _, data = bytes(byte ^ 0x55 for byte in token).partition(b"|")
        if key != self.key:
            raise ValueError("another key")
        return data


@contextmanager
def open_store(name: str, folder: Path) -> Iterator[Journal]:
    """Open an empty journal of a kind."""
    journal: Journal
    if name == "sqlite":
        journal = sr.SqliteJournal(folder / f"{uuid.uuid4().hex}.db")
    else:
        journal = sr.MemoryJournal() if name == "memory" else sr.SealedJournal(sr.MemoryJournal(), Toy())
    try:
        yield journal
    finally:
        journal.close()
