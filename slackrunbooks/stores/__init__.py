"""Where runs are kept: in memory, in a SQLite file, or in PostgreSQL; sealed, if need be.

Rule of this package: one module a store, all of the same protocol (``slackrunbooks.journal.Journal``) and judged by the
same tests. What they share stands in ``_closing``.
"""

from __future__ import annotations

from .memory import MemoryJournal
from .postgres import PostgresJournal
from .sealed import SealedJournal
from .sqlite import SqliteJournal

__all__ = ["MemoryJournal", "PostgresJournal", "SealedJournal", "SqliteJournal"]
