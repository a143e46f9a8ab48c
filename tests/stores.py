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
STORES = ("memory", *ON_DISK)


@contextmanager
def open_store(name: str, folder: Path) -> Iterator[Journal]:
    """Open an empty journal of a kind."""
    journal: Journal
    if name == "sqlite":
        journal = sr.SqliteJournal(folder / f"{uuid.uuid4().hex}.db")
    else:
        journal = sr.MemoryJournal()
    try:
        yield journal
    finally:
        journal.close()
