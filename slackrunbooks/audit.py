"""Who did what in Slack, and why: a file of JSON lines.

Rule of this file: a record holds names and IDs, and nothing of what a message says.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import SlackRunbooksError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from .report import AuditRecord

__all__ = ["AuditLog"]


class AuditLog:
    """Writes a line for each effect of an executor: ``Executor(audit=AuditLog("audit.jsonl"))``.

    Safe to share between threads and, by its path, between processes: each line is written at once, behind the others.
    Only the user who runs it can read a file that it makes.

    Args:
        path: The file; it is made if it does not exist.

    Raises:
        SlackRunbooksError: It cannot be opened.

    >>> import tempfile, slackrunbooks as sr
    >>> from slackrunbooks.testing import FakeSlack
    >>> slack = FakeSlack()
    >>> _ = slack.add_channel("incidents")
    >>> say = sr.Runbook("say", {"hello": sr.SendMessage(channel="#incidents", text="x")})
    >>> with tempfile.TemporaryDirectory() as folder, AuditLog(folder + "/audit.jsonl") as log:
    ...     with slack.executor(audit=log) as executor:
    ...         _ = executor.run(say, {}, actor="ada", reason="a drill")
    ...     line = log.path.read_text(encoding="utf-8")
    >>> record = json.loads(line)
    >>> record["method"], record["actor"], record["reason"]
    ('chat.postMessage', 'ada', 'a drill')
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise SlackRunbooksError(f"The audit log {self.path} cannot be opened: {error.strerror}.") from error

    def __repr__(self) -> str:
        return f"AuditLog({str(self.path)!r})"

    def __call__(self, record: AuditRecord) -> None:
        """Write a record."""
        line = json.dumps(record.to_dict(), ensure_ascii=False, separators=(",", ":")) + "\n"
        os.write(self._file, line.encode("utf-8", "replace"))

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        """Return the log."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()
