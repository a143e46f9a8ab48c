"""Where runs are kept: in memory, or in a SQLite file; sealed, if need be.

Rule of this package: one module a store, all of the same protocol (``slackrunbooks.journal.Journal``) and judged by the
same tests.
"""

from __future__ import annotations

from .memory import MemoryJournal
from .sealed import SealedJournal
from .sqlite import SqliteJournal

__all__ = ["MemoryJournal", "SealedJournal", "SqliteJournal"]
