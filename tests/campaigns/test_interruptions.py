"""A campaign of interruptions: Ctrl-C at random moments of a run, by a timer signal.

Run it by hand: ``python tests/campaigns/test_interruptions.py 30000``. It prints how many runs were interrupted and how
many reports were false: a message stood that the report called not sent, or a step was missing from it.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

from slack_sdk import WebClient

import slackrunbooks as sr

NAMES = ["one", "two", "three"]
posted: list[str] = []


class Posts(WebClient):
    """A stand-in that holds no lock, which an interruption could leave held: what counts is the executor."""

    def api_call(self, api_method: str, **_: Any) -> Any:
        """Do it, and say so."""
        posted.append(api_method)
        return {"ok": True, "channel": "C0123ABCD", "ts": f"1.{len(posted):06}"}


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _is_truthful(executor: sr.Executor) -> bool:
    try:
        report = executor.report("r")
    except KeyError:
        return not posted
    sure = sum(step.outcome == "succeeded" for step in report.steps)
    doubtful = sum(step.outcome == "ambiguous" for step in report.steps)
    return [step.name for step in report.steps] == NAMES and sure <= len(posted) <= sure + doubtful


def interrupt_runs(attempts: int) -> tuple[int, int]:
    """Interrupt that many runs, each a little later than the one before.

    Returns:
        How many interruptions landed, and how many reports were false.
    """
    runbook = sr.Runbook("three", dict.fromkeys(NAMES, sr.SendMessage(channel="C0123ABCD", text="x")))
    client = Posts("xoxb-fake", retry_handlers=[])
    sr.Executor(client=client).run(runbook)  # so that every module is loaded before the first timer
    landed = false = 0
    before = signal.signal(signal.SIGALRM, _interrupt)
    try:
        for attempt in range(attempts):
            posted.clear()
            executor = sr.Executor(client=client)
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00002 + 0.0015 * attempt / attempts)
                executor.run(runbook, run_id="r")
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                landed += 1
            false += not _is_truthful(executor)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return landed, false


def test_interruptions() -> None:
    """No interruption leaves a false report."""
    landed, false = interrupt_runs(20_000)
    assert landed > 2_000
    assert false == 0


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    hits, wrong = interrupt_runs(count)
    sys.stdout.write(f"{count} runs, {hits} interrupted, {wrong} false reports\n")
    sys.exit(wrong > 0 or hits < count / 10)
