"""No token stands anywhere: logs at DEBUG, reprs, tracebacks with their locals, journals, pickles, reports, audits."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

if TYPE_CHECKING:
    from pathlib import Path

CODES = ("missing_scope", "invalid_auth", "token_expired")
FAULTS = ("", *CODES, "internal_error_after", "applied_then_reset", "server_error_before", "not_json", "ratelimited")

BOOK = sr.Runbook(
    "b",
    {
        "say": sr.Step(sr.SendMessage(channel="#one", text="x"), on_error="continue"),
        "file": sr.Step(sr.UploadFile(channel="#one", content="x", filename="x.txt"), on_error="continue"),
        "whisper": sr.Step(sr.SendEphemeral(channel="#one", user="U0ANN00001", text="x"), on_error="continue"),
        "last": sr.SetTopic(channel="#one", topic="x"),
    },
)


def _seen(error: BaseException) -> str:
    """Return all that a crash report of the kind that shows local variables would hold."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def _look(report: sr.Report, told: list[Any]) -> str:
    """Return all that may be shown of a run."""
    parts = [repr(report), str(report), report._repr_html_(), json.dumps(report.to_dict(), default=str), repr(told)]
    for step in report.steps:
        if step.error is not None:
            parts += [repr(step.error), str(step.error), _seen(step.error), repr(vars(step.error))]
            parts.append(repr(vars(pickle.loads(pickle.dumps(step.error)))))
    try:
        report.raise_for_failure()
    except sr.SlackRunbooksError as error:
        parts += [_seen(error), str(pickle.dumps(error))]
    return "\n".join(parts)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", ["chat.postMessage", "files.getUploadURLExternal", "conversations.setTopic"])
def test_no_token_anywhere(
    fault: str, method: str, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong, in whatever method, with each way of looking at it."""
    caplog.set_level(logging.DEBUG)
    fake = FakeSlack()
    ann = fake.add_user("ann", id="U0ANN00001")
    fake.add_channel("one", members=[ann])
    if fault in CODES:
        fake.fail_next(method, fault)
    elif fault:
        fake.inject(method, fault)
    told: list[Any] = []
    path = tmp_path / "runs.db"
    options: dict[str, Any] = {"hooks": [told.append], "audit": told.append, "pacing": sr.Pacing()}

    async def run_async(server: Any, journal: sr.SqliteJournal) -> tuple[sr.Report, str]:
        async with server.async_executor(journal=journal, **options) as executor:
            report = await executor.run(BOOK, {}, run_id="r")
            return report, repr(executor) + repr(executor._client())

    with fake.serve() as server, sr.SqliteJournal(path) as journal:
        if kind == "async":
            report, shown = asyncio.run(run_async(server, journal))
        else:
            with server.executor(journal=journal, **options) as executor:
                report = executor.run(BOOK, {}, run_id="r")
                shown = repr(executor) + repr(executor._client())
        shown += repr(journal) + repr(journal.get("r")) + repr(journal.entries("r"))
    whole = "\n".join([_look(report, told), shown, caplog.text])
    whole += "".join(each.read_bytes().decode("latin-1") for each in tmp_path.iterdir())
    assert fake.token not in whole
    assert "Bearer " not in whole
    assert len(caplog.records) > 5


def test_the_search_finds_a_token() -> None:
    """So that it proves something: in a local variable, and in an error's arguments."""
    fake = FakeSlack()

    def leaks() -> None:
        token = fake.token
        raise sr.SlackRunbooksError(f"no use for a token of {len(token)} characters")

    with pytest.raises(sr.SlackRunbooksError) as failed:
        leaks()
    assert fake.token in _seen(failed.value)
