"""Short runs of the campaign of killed processes, each in a process of its own: its children are not this suite's."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import RunPython

CAMPAIGN = Path(__file__).parent / "campaigns" / "test_kills.py"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


def _campaign(run_python: RunPython, *arguments: str) -> tuple[int, str, int, int]:
    """Run it; return its exit code, what it printed, and how much was doubled and lost in all."""
    done = run_python(CAMPAIGN, "--limit=50", *arguments)
    sums = re.findall(r"^doubled (\d+), lost (\d+)$", done.stdout, re.MULTILINE)
    printed = done.stdout + done.stderr
    assert sums, printed
    doubled, lost = (sum(map(int, column)) for column in zip(*sums, strict=True))
    return done.returncode, printed, doubled, lost


def test_killed_processes_double_and_lose_nothing(run_python: RunPython) -> None:
    """Processes that share a journal are killed in the middle of runs, and given the same run at once."""
    code, printed, doubled, lost = _campaign(run_python, "--kills=2", "--runs=3", "--pairs=10", "--rate=0.1")
    assert (code, doubled, lost) == (0, 0, 0), printed
    assert re.search(r"^kills +2:", printed, re.MULTILINE), printed


def test_without_a_journal_the_same_doubles(run_python: RunPython) -> None:
    """slack_sdk's client as it comes, restarted, repeats what it did before it was killed."""
    # Whoever pins a message has posted it.
    harm = ("--kills=2", "--kill-in=pins.add", "--rate=0")
    code, printed, doubled, _ = _campaign(run_python, "--control", "--runs=2", *harm)
    assert code == 1 and doubled > 0, printed
    assert "did not end" not in printed
