"""The record of every effect: who asked for it and why, what, where, when, and under which scopes."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack
from tests.catalogue import CATALOGUE, CONTEXT, world
from tests.losses import READS
from tests.ways import WAYS, open_way

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "the database of Acme is gone"

BOOK = sr.Runbook(
    "declare",
    {
        "room": sr.CreateChannel(name="inc-7"),
        "say": sr.SendMessage(channel="{{steps.room.channel}}", text=SECRET),
        "topic": sr.SetTopic(channel="{{steps.room.channel}}", topic=SECRET),
        "read": sr.ReadHistory(channel="{{steps.room.channel}}"),
    },
)


@attrs.frozen
class Sly(sr.Action[Any]):
    """An own action that says of a post that it reads."""

    output = object

    def needs(self) -> tuple[sr.Need, ...]:
        return ()

    def flow(self) -> Any:
        return (yield sr.Call("chat.postMessage", {"channel": "#one", "text": "y"}, sr.Repeat.READS))


@pytest.mark.parametrize("name", WAYS)
def test_each_effect_is_recorded_and_nothing_else(name: str) -> None:
    """With the IDs of what it was done to, and without a word of what was said."""
    records: list[sr.AuditRecord] = []
    with open_way(name) as way:
        report = way._call("run", BOOK, {}, options={"audit": records.append}, run_id="r", actor="ada", reason="INC-7")
        channel = way.fake.channel("inc-7").id
        sent = way.fake.calls_to("chat.postMessage")[0]
    assert report.ok
    assert [record.method for record in records] == [
        "conversations.create",
        "chat.postMessage",
        "conversations.setTopic",
    ]
    assert {record.target["channel"] for record in records} == {channel}
    first = records[1].to_dict()
    assert first == {
        "run_id": "r",
        "runbook": "declare",
        "step": "say",
        "call": 1,
        "method": "chat.postMessage",
        "target": {"channel": channel, "ts": report.output("say", sr.MessageSent).ts},
        "at": first["at"],
        "actor": "ada",
        "reason": "INC-7",
        "scopes": sorted(way.fake.scopes),
        "found": False,
        "workspace": "",
    }
    assert records[1].at.timestamp() == pytest.approx(sent.at)
    assert SECRET not in json.dumps([record.to_dict() for record in records])


@pytest.mark.parametrize("case", CATALOGUE, ids=lambda case: case.name)
def test_each_action_of_the_catalogue_is_recorded(case: Any) -> None:
    """As many records as requests that changed something, each with what it was done to."""
    records: list[sr.AuditRecord] = []
    fake = FakeSlack()
    world(fake)
    case.before(fake)
    action = case.make(fake)
    fake.calls.clear()
    with fake.executor(audit=records.append) as executor:
        executor.do(action, CONTEXT)
    changed = [call.method for call in fake.calls if call.method not in READS and call.method != "upload" and call.ok]
    assert [record.method for record in records] == changed
    assert all(record.target or record.method == "files.getUploadURLExternal" for record in records)


def test_what_was_found_to_be_done_is_recorded_as_found() -> None:
    """Its answer was lost, and it stands; once."""
    records: list[sr.AuditRecord] = []
    fake = FakeSlack()
    fake.add_channel("one")
    fake.lose_reply("chat.postMessage")
    with fake.executor(audit=records.append) as executor:
        executor.do(sr.SendMessage(channel="#one", text="x"))
    assert [(record.method, record.found) for record in records] == [("chat.postMessage", True)]


def test_a_run_that_goes_on_records_each_effect_once() -> None:
    """Also where the worker is interrupted; what an earlier worker did is its to tell."""
    records: list[sr.AuditRecord] = []
    fake = FakeSlack()
    fake.add_channel("one")
    journal = sr.MemoryJournal()
    book = sr.Runbook("b", {name: sr.SendMessage(channel="#one", text=name) for name in "abc"})

    def dies(event: sr.Event) -> None:
        if isinstance(event, sr.StepFinished) and event.report.name == "b":
            raise KeyboardInterrupt

    first = fake.executor(journal=journal, audit=records.append, hooks=[dies])
    with first as executor, pytest.raises(KeyboardInterrupt):
        executor.run(book, {}, run_id="r")
    with fake.executor(journal=journal, audit=records.append) as executor:
        assert executor.resume("r").ok
        assert executor.run(book, {}, run_id="r").ok
    assert [record.step for record in records] == ["a", "b", "c"]


def test_the_log_is_private_and_appended_to(tmp_path: Path) -> None:
    """One line an effect, behind what stands there, from any number of writers."""
    fake = FakeSlack()
    fake.add_channel("one")
    path = tmp_path / "audit.jsonl"
    for number in range(2):
        with sr.AuditLog(path) as log, fake.executor(audit=log) as executor:
            executor.run(sr.Runbook("b", {"a": sr.SendMessage(channel="#one", text="x")}), {}, run_id=f"r{number}")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["run_id"] for line in lines] == ["r0", "r1"]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(sr.SlackRunbooksError, match="cannot be opened"):
        sr.AuditLog(tmp_path)


def test_an_audit_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is told in the log; and what is no function is refused where it is given."""
    fake = FakeSlack()
    fake.add_channel("one")

    def full(_: object) -> None:
        raise OSError("no space left")

    with fake.executor(audit=full) as executor:
        executor.do(sr.SendMessage(channel="#one", text="x"))
    assert "An effect could not be written to the audit" in caplog.text
    with pytest.raises(sr.RunbookError, match=r"Executor\.audit: must be callable"):
        fake.executor(audit="audit.jsonl")


def test_what_a_person_answered_for_is_recorded_once() -> None:
    """A post of which nobody knew, and that was done; and what an own action calls reading is none for that."""
    records: list[sr.AuditRecord] = []
    fake = FakeSlack()
    fake.add_channel("one")
    fake.add_user("ann", id="U0ANN00001").join("one")
    fake.lose_reply("chat.postEphemeral")
    book = sr.Runbook(
        "b",
        {
            "whisper": sr.SendEphemeral(channel="#one", user="U0ANN00001", text="x"),
            "say": sr.SendMessage(channel="#one", text="x"),
        },
    )
    with fake.executor(journal=sr.MemoryJournal(), audit=records.append) as executor:
        call = executor.run(book, {}, run_id="r")["whisper"].calls.index("chat.postEphemeral") + 1
        assert executor.resolve("r", "whisper", call=call, applied=True, reply={"message_ts": "1.5"}).ok
    told = [(record.method, record.step, record.call, record.found) for record in records]
    assert told == [("chat.postEphemeral", "whisper", call, True), ("chat.postMessage", "say", 1, False)]
    records.clear()
    with fake.executor(audit=records.append) as executor:
        executor.do(Sly())
    assert [record.method for record in records] == ["chat.postMessage"]
