"""A channel's transcript beside the one that was agreed on.

Rule of this file: plain files that people read in a review, and no format of our own.
"""

from __future__ import annotations

import difflib
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
        test: Name of the test.
        update: Whether to write them.
    """

    slack: FakeSlack
    folder: Path
    test: str
    update: bool = False
    _taken: int = attrs.field(default=0, alias="taken")

    def __call__(self, channel: str | None = None, *, name: str | None = None) -> None:
        """Compare a transcript with its file.

        Args:
            channel: Name or ID of a conversation; left out, all of them.
            name: Name of the file, for a test that takes several; a number if left out.

        Raises:
            AssertionError: They differ, or there is no file yet; the message says how to write it.
        """
        __tracebackhide__ = True
        self._taken += 1
        suffix = f"-{name}" if name else f"-{self._taken}" if self._taken > 1 else ""
        path = self.folder / f"{_safe(self.test + suffix)}.txt"
        shown = self.slack.transcript(channel) + "\n"
        if self.update:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(shown, encoding="utf-8")
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


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("_")
