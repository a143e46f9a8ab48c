"""A channel's transcript beside the one that was agreed on.

Rule of this file: plain files that people read in a review, and no format of our own.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from pathlib import Path

    from ._fake import FakeSlack

__all__ = ["Snapshots"]

FOLDER = "__slack__"
OPTION = "--slack-update"


@attrs.define
class Snapshots:
    """Compares transcripts with the files beside a test.

    Call it: ``slack_snapshot("incidents")`` compares one conversation, ``slack_snapshot()`` all of them.

    Attributes:
        slack: The workspace.
        folder: Where the files are.
        test: Name of the test in its module, the class before it.
        update: Whether to write them.
    """

    slack: FakeSlack
    folder: Path
    test: str
    update: bool = False
    _taken: list[str] = attrs.field(factory=list, alias="taken", repr=False)

    def __call__(self, channel: str | None = None, *, name: str | None = None) -> None:
        """Compare a transcript with its file.

        Args:
            channel: Name or ID of a conversation; left out, all of them.
            name: Name of the file, for a test that takes several; a number if left out.

        Raises:
            AssertionError: They differ, or there is no file yet; the message says how to write it.
            ValueError: The test has taken one of that name.
        """
        __tracebackhide__ = True
        suffix = _plain(name) if name else str(len(self._taken) + 1) if self._taken else ""
        if suffix in self._taken:
            raise ValueError(f"this test has compared a transcript named {name!r} already; give each its own name")
        self._taken.append(suffix)
        path = self.folder / f"{_safe(self.test)}{suffix and '-'}{suffix}.txt"
        shown = self.slack.transcript(channel) + "\n"
        if self.update:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(shown, encoding="utf-8", newline="\n")
            return
        if not path.exists():
            raise AssertionError(
                f"there is no {FOLDER}/{self.folder.name}/{path.name} yet. Run pytest {OPTION} to write it.\n"
                f"It would say:\n{shown}"
            )
        agreed = path.read_text(encoding="utf-8")
        if agreed != shown:
            diff = "\n".join(
                difflib.unified_diff(agreed.splitlines(), shown.splitlines(), "agreed", "now", lineterm="", n=2)
            )
            raise AssertionError(
                f"the transcript differs from {FOLDER}/{self.folder.name}/{path.name}:\n{diff}\n"
                f"If it is meant to, run pytest {OPTION}."
            )


_LONGEST = 120
"""Characters of a test's name in the name of a file, which may have 255 bytes and gets a suffix."""


def _plain(name: str) -> str:
    return re.sub(r"[^\w.\[\]-]+", "_", name, flags=re.ASCII)


def _safe(test: str) -> str:
    """Make a test's name the name of a file; different tests, such as those of a table, keep different ones."""
    plain = _plain(test)
    if plain == test and len(test) <= _LONGEST:
        return test
    return f"{plain[:_LONGEST]}-{hashlib.sha256(test.encode()).hexdigest()[:6]}"
