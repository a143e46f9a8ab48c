"""Each kind of journal, for tests that any of them must pass.

Rule of this file: a journal opened here is empty, and gone after the test. PostgreSQL takes part where the environment
names a database, which the session ``nox -s postgres`` does.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks.journal import Journal

POSTGRES = os.environ.get("SLACKRUNBOOKS_TEST_POSTGRES", "")

with_postgres = pytest.mark.skipif(
    not POSTGRES, reason="SLACKRUNBOOKS_TEST_POSTGRES names no database; nox -s postgres starts one"
)

ON_DISK = ("sqlite", pytest.param("postgres", marks=with_postgres))
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
def postgres_schema() -> Iterator[str]:
    """Name a schema that does not exist, and drop it afterwards."""
    import psycopg

    schema = f"test_{uuid.uuid4().hex}"
    yield schema
    with psycopg.connect(POSTGRES, autocommit=True) as database:
        database.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@contextmanager
def open_store(name: str, folder: Path, **options: Any) -> Iterator[Journal]:
    """Open an empty journal of a kind, by the caller's clock."""
    journal: Journal
    if name == "postgres":
        with postgres_schema() as schema:
            journal = sr.PostgresJournal(POSTGRES, schema=schema, **{"clock": "caller", **options})
            try:
                yield journal
            finally:
                journal.close()
        return
    if name == "sqlite":
        journal = sr.SqliteJournal(folder / f"{uuid.uuid4().hex}.db")
    else:
        journal = sr.MemoryJournal() if name == "memory" else sr.SealedJournal(sr.MemoryJournal(), Toy())
    try:
        yield journal
    finally:
        journal.close()
