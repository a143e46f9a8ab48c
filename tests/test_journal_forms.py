"""Journals of earlier releases: a run that one of them left is gone on with, or refused with the reason.

``tests/data/journals`` has one file for each form that a release wrote, and is never changed. A new form gets a new
file, made by ``leave_runs`` of that release and sqlite3's ``iterdump``.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import slackrunbooks as sr
from slackrunbooks.journal import decode, encode
from slackrunbooks.testing import FakeSlack

if TYPE_CHECKING:
    from slackrunbooks.journal import Journal

FORMS = sorted((Path(__file__).parent / "data" / "journals").glob("form-*.sql"))


def world() -> FakeSlack:
    """Make the workspace as it was when the runs were left."""
    fake = FakeSlack()
    fake.add_channel("one")
    fake.add_user("ann", id="U0ANN00001").join("one")
    return fake


ASK = sr.Runbook(
    "ask",
    {
        "ask": sr.RequestApproval(
            channel="#one", text="Close {{Activity.id}}?", approvers="U0ANN00001", expires_in=9000
        ),
        "end": sr.SendMessage(channel="#one", text="Closed: {{Activity.title}} at {{Activity.at}}."),
    },
)
CONTEXT = {"Activity": {"id": "INC-1", "title": "<!channel> R&D", "at": sr.Date(1_767_603_600)}}
SAY = sr.Runbook(
    "say", {"say": sr.SendMessage(channel="#one", text="It is down."), "bye": sr.SetTopic(channel="#one", topic="t")}
)


class Killed(BaseException):
    """The process ends."""


def leave_runs(journal: Journal) -> None:
    """Leave one run that waits for a person, one whose message nobody knows the fate of, and one that has ended."""
    fake = world()
    with fake.executor(journal=journal) as executor:
        executor.run(ASK, CONTEXT, run_id="waits", subject="INC-1")
        executor.run(SAY, {}, run_id="ended", subject="INC-1", actor="ada", reason="a test")

    class Dies:
        def __getattr__(self, name: str) -> object:
            return getattr(journal, name)

        def settle(self, *_: object) -> None:
            raise Killed

    executor = fake.executor(journal=Dies())
    executor._let_go = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(Killed):
        executor.run(SAY, {}, run_id="lost")


@pytest.mark.parametrize("form", FORMS, ids=[form.stem for form in FORMS])
def test_runs_of_an_earlier_release_are_gone_on_with(form: Path, tmp_path: Path) -> None:
    """The approval is still waited for, the lost message is looked up, and the ended run is read."""
    path = tmp_path / "runs.db"
    connection = sqlite3.connect(path)
    connection.executescript(form.read_text(encoding="utf-8"))
    connection.close()
    fake = world()
    leave_runs(sr.MemoryJournal())  # what follows needs no state of that one; this only shows that it still runs
    for text in ("Close INC-1?", "It is down.", "It is down."):
        fake.client.chat_postMessage(channel="#one", text=text)
    before = len(fake.channel("one").messages)
    fake.advance(200)
    fake.user("ann").react("one", fake.channel("one").messages[0].ts, "white_check_mark")
    journal = sr.SqliteJournal(path)
    with fake.executor(journal=journal) as executor:
        reports = {report.run_id: report for report in executor.resume_all()}
        ended = executor.report("ended")
        assert executor.run(ASK, CONTEXT, run_id="waits").ok
    journal.close()
    assert (ended.state, ended.actor, ended.reason) == ("succeeded", "ada", "a test")
    assert reports["waits"].output("ask", sr.Approved).approved_by == ("U0ANN00001",)
    # Its mark is not on the message above, which stands for somebody else's; so the lost one is sent, once.
    assert reports["lost"].ok
    texts = [message.text for message in fake.channel("one").messages]
    assert len(texts) == before + 2
    assert sum(text.startswith("Closed: &lt;!channel&gt; R&amp;D at <!date^1767603600^") for text in texts) == 1


def test_a_run_of_a_form_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """By its form, before anything is sent; the others go on."""
    path = tmp_path / "runs.db"
    journal = sr.SqliteJournal(path)
    fake = world()
    with fake.executor(journal=journal) as executor:
        executor.submit(SAY, {}, run_id="r")
    journal.close()
    connection = sqlite3.connect(path)
    (spec,) = connection.execute("SELECT spec FROM run").fetchone()
    with connection:
        connection.execute("UPDATE run SET spec = ?", (encode({**decode(spec), "version": 99}),))
    connection.close()
    journal = sr.SqliteJournal(path)
    with fake.executor(journal=journal) as executor:
        with pytest.raises(sr.RunConflict, match="begun by another version of slackrunbooks"):
            executor.resume("r")
        assert executor.resume_all() == []
    journal.close()
    assert fake.calls == []
