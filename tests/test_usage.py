"""What a journal tells of the scopes that were exercised: never one that was not, and none too few."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks._effects import Answered, Flow
from slackrunbooks.journal import Entry, Journal, RunRecord, encode, encode_delivery
from slackrunbooks.testing import FakeSlack

from .catalogue import Case
from .losses import ready
from .stores import STORES, open_store
from .test_least_scopes import ALL, least

DAY = 86400.0

BOOK = sr.Runbook(
    "book",
    {
        "say": sr.SendMessage(channel="#incidents", text="secret words", icon_emoji=":fire:"),
        "topic": sr.SetTopic(channel="{{steps.say.channel}}", topic="secret words"),
        "tell": sr.Step(sr.SendDirectMessage(users="ann@example.com", text="secret words"), on_error="continue"),
        "pin": sr.Step(sr.PinMessage(channel="#incidents", ts="{{steps.say.ts}}"), on_error="continue"),
    },
)
GRANTED = {
    "channels:manage", "channels:read", "chat:write", "chat:write.customize", "chat:write.public", "files:write",
    "users:read", "users:read.email",
}  # fmt: skip


def world(**options: Any) -> FakeSlack:
    """Make a workspace with a person and a channel."""
    fake = FakeSlack(**options)
    fake.add_user("ann", email="ann@example.com")
    fake.add_channel("incidents")
    return fake


@pytest.mark.parametrize("store", STORES)
def test_a_journal_tells_what_was_exercised_and_when(store: str, tmp_path: Path) -> None:
    """Each scope comes with its calls, methods, steps, runs and times; what was refused and unused is named."""
    fake = world(scopes=GRANTED)
    began = fake.now
    with open_store(store, tmp_path) as journal:
        with fake.executor(journal=journal) as executor:
            executor.run(BOOK, {}, run_id="first")
            fake.advance(DAY)
            executor.do(sr.SetTopic(channel=fake.channel("incidents").id, topic="x"), key="second")
        usage = sr.scope_usage(journal)
        later = sr.scope_usage(journal, since=began + 1)
        earlier = sr.scope_usage(journal, until=began + 1)
        assert [record.state for record in journal.runs()] == ["succeeded", "succeeded"]
    used = {use.scope: use for use in usage.scopes}
    assert set(used) == {
        "channels:manage", "channels:read", "chat:write", "chat:write.customize", "chat:write.public",
        "users:read.email",
    }  # fmt: skip
    assert attrs.asdict(used["channels:manage"]) == {
        "scope": "channels:manage",
        "sure": 2,
        "maybe": 0,
        "methods": ("conversations.setTopic",),
        "steps": ("book/topic", "set_topic"),
        "runs": 2,
        "first": began,
        "last": began + DAY,
        "last_run": "key/second",
    }
    assert (used["chat:write"].sure, used["chat:write"].steps) == (2, ("book/say", "book/tell"))
    assert (used["chat:write.customize"].sure, used["chat:write.customize"].maybe) == (1, 0)
    # Whether the app was a member is not in a journal.
    assert (used["chat:write.public"].sure, used["chat:write.public"].maybe) == (0, 1)
    assert usage.granted == tuple(sorted(GRANTED))
    assert usage.unused == ("files:write",)
    assert usage.missing == {"pins:write": began}
    assert (usage.runs, usage.unknown) == (2, ())
    assert [use.scope for use in later.scopes] == ["channels:manage"]
    assert {use.scope: use.sure for use in earlier.scopes if use.scope == "channels:manage"} == {"channels:manage": 1}
    assert {use.scope for use in earlier.scopes} == set(used)
    calls = {use.method: use.calls + use.refused for use in usage.methods}
    assert calls == {method: len(fake.calls_to(method)) for method in {call.method for call in fake.calls}}
    assert "secret" not in f"{usage!r} {usage} {usage.to_dict()}"
    assert json.loads(json.dumps(usage.to_dict())) == usage.to_dict()


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_with_the_minimum_everything_that_is_granted_was_exercised(case: Case) -> None:
    """An action that ran on its minimum has exercised each scope of it, and nothing else."""
    fake, action = ready(case)
    minimum = least(case, action)
    fake.scopes = set(minimum)
    journal = sr.MemoryJournal()
    with fake.executor(journal=journal) as executor:
        report = executor.run(sr.Runbook("b", {"a": _kept(action)}), case.context, run_id="r")
        while report.state == "waiting":
            fake.advance(60)
            report = executor.resume("r")
    assert report.ok, report
    usage = sr.scope_usage(journal)
    assert {use.scope for use in usage.scopes} == minimum
    assert usage.unused == ()
    assert bool(usage.missing) is any(call.error == "missing_scope" for call in fake.calls)


def _kept(action: sr.Action[Any]) -> sr.Action[Any]:
    """Return the action as a journal can hold it, which takes no bytes."""
    is_binary = isinstance(action, sr.UploadFile) and isinstance(action.content, bytes)
    return attrs.evolve(action, content="x") if is_binary else action  # type: ignore[misc]


def test_what_several_scopes_allow_is_not_ascribed_to_one() -> None:
    """Where two granted scopes would have done, both may have been exercised; the answer can tell the type."""
    fake = world(scopes=["channels:manage", "channels:write.topic", "groups:write"])
    journal = sr.MemoryJournal()
    with fake.executor(journal=journal) as executor:
        executor.do(sr.SetTopic(channel=fake.channel("incidents").id, topic="x"), key="a")
        executor.do(sr.CreateChannel(name="inc", is_private=True), key="b")
    usage = sr.scope_usage(journal)
    assert {use.scope: (use.sure, use.maybe) for use in usage.scopes} == {
        "channels:manage": (0, 1),
        "channels:write.topic": (0, 1),
        "groups:write": (1, 0),
    }


def test_what_was_lost_may_have_been_exercised() -> None:
    """A request without an answer keeps its scope from being called unused, and counts as nothing more."""
    fake = world(scopes=["chat:write", "channels:read"])
    journal = sr.MemoryJournal()
    fake.lose_reply("chat.postMessage")
    with fake.executor(journal=journal) as executor:
        report = executor.run(sr.Runbook("b", {"say": sr.SendMessage(channel="#incidents", text="x")}), {}, run_id="r")
    assert report.state == "ambiguous"
    usage = sr.scope_usage(journal)
    assert {use.scope: (use.sure, use.maybe) for use in usage.scopes} == {
        "chat:write": (0, 1),
        "channels:read": (1, 0),
    }
    (method,) = (use for use in usage.methods if use.method == "chat.postMessage")
    assert (method.calls, method.refused, method.unanswered) == (0, 0, 1)
    assert usage.unused == ()
    assert "channels:history" in usage.missing


def test_a_refusal_on_other_grounds_needs_the_scope_all_the_same() -> None:
    """A name that is taken was told to somebody who may create channels."""
    fake = world(scopes=["channels:manage"])
    journal = sr.MemoryJournal()
    with fake.executor(journal=journal) as executor, pytest.raises(sr.NameTaken):
        executor.do(sr.CreateChannel(name="incidents"), key="k")
    assert [(use.scope, use.sure) for use in sr.scope_usage(journal).scopes] == [("channels:manage", 1)]


def test_a_request_that_was_not_let_in_has_exercised_nothing() -> None:
    """A scope for public channels does not count where Slack refused a private one for want of another."""
    fake = world(scopes=["channels:write.topic"])
    journal = sr.MemoryJournal()
    with fake.executor(journal=journal) as executor, pytest.raises(sr.MissingScope):
        executor.do(sr.SetTopic(channel=fake.add_channel("hidden", is_private=True).id, topic="x"), key="k")
    usage = sr.scope_usage(journal)
    assert (usage.scopes, usage.unused) == ((), ("channels:write.topic",))
    assert set(usage.missing) == {"groups:write", "groups:write.topic"}


def test_a_scope_that_another_one_wants_is_not_unused() -> None:
    """``users:read`` is there because Slack gives ``users:read.email`` only along with it."""
    fake = world(scopes=["users:read", "users:read.email"])
    journal = sr.MemoryJournal()
    with fake.executor(journal=journal) as executor:
        executor.do(sr.LookUpUser(user="ann@example.com"), key="k")
    assert sr.scope_usage(journal).unused == ()


@attrs.frozen(kw_only=True)
class Pinned(sr.Action[None]):
    """A step of the host's own, which needs a scope that no table has."""

    output = type(None)

    def needs(self) -> tuple[sr.Need, ...]:
        return (sr.Need("pins.list", "see what is pinned", scopes=("admin",)),)

    def flow(self) -> Flow[None]:
        from slackrunbooks.slack_methods import call

        yield call("pins.list", channel="C0FAKE0001")


def test_a_run_with_steps_that_are_not_known_is_counted_by_its_methods() -> None:
    """Where an own step is not registered, its calls count by the table, and the run is named."""
    fake = world()
    journal = sr.MemoryJournal()
    sr.register(Pinned)
    try:
        book = sr.Runbook("b", {"see": Pinned()})
        channel = fake.channel("incidents").id
        assert channel
        with fake.executor(journal=journal) as executor:
            executor.run(book, {}, run_id="r")
        known = sr.scope_usage(journal)
    finally:
        sr.unregister("pinned")
    unknown = sr.scope_usage(journal)
    assert (known.unknown, unknown.unknown) == ((), ("r",))
    assert [use.method for use in unknown.methods] == ["pins.list"]
    assert [use.scope for use in unknown.scopes] == ["pins:read"]
    assert str(unknown).endswith("1 run read\nruns with steps that are not known here: r")


def test_a_mended_runbook_counts_from_its_retry_on() -> None:
    """After a retry with another runbook its steps are judged by that one."""
    fake = world(scopes=["chat:write", "chat:write.customize"])
    journal = sr.MemoryJournal()
    plain = sr.SendMessage(channel="#nowhere", text="x")
    mended = sr.SendMessage(channel="#incidents", text="x", icon_emoji=":fire:")
    with fake.executor(journal=journal) as executor:
        assert not executor.run(sr.Runbook("b", {"say": plain}), {}, run_id="r").ok
        assert "chat:write.customize" in sr.scope_usage(journal).unused
        assert executor.retry("r", sr.Runbook("b", {"say": mended})).ok
    assert {use.scope: use.sure for use in sr.scope_usage(journal).scopes}["chat:write.customize"] == 1


def test_an_empty_journal_and_one_that_tells_no_scopes() -> None:
    """Without runs there is nothing; without the header every scope of the method may have been exercised."""
    journal: Journal = sr.MemoryJournal()
    usage = sr.scope_usage(journal)
    assert (usage.scopes, usage.granted, usage.unused, usage.runs) == ((), None, (), 0)
    assert str(usage) == "SCOPE  CALLS  LAST  METHODS\n0 runs read"
    spec = encode({"runbook": sr.Runbook("b", {"topic": sr.SetTopic(channel="C0123ABCD", topic="x")}).to_spec()})
    journal.begin(RunRecord(run_id="r", spec=spec))
    lease = journal.claim("r", "me", 0.0, 60.0)
    assert lease is not None
    answer = encode_delivery(Answered(status=200, headers={}, data={"ok": True}))
    work = encode(["send", "topic", 1, 1, "conversations.setTopic", ""])
    journal.settle(lease, Entry(seq=1, work=work, ready_at=1.0, result=answer, done_at=2.0))
    usage = sr.scope_usage(journal)
    assert usage.granted is None
    scopes = ("channels:manage", "channels:write.topic", "groups:write", "groups:write.topic")
    assert {use.scope: (use.sure, use.maybe) for use in usage.scopes} == dict.fromkeys(scopes, (0, 1))


def test_as_text() -> None:
    """A row for each scope, then what was refused and what was granted for nothing."""
    fake = world(scopes=["channels:manage", "channels:write.topic", "chat:write", "im:write"])
    journal = sr.MemoryJournal()
    with fake.executor(journal=journal) as executor:
        executor.do(sr.SetTopic(channel=fake.channel("incidents").id, topic="x"), key="a")
        executor.do(sr.CreateChannel(name="inc"), key="b")
        with pytest.raises(sr.MissingScope):
            executor.do(sr.LookUpUser(user="ann@example.com"), key="c")
    assert str(sr.scope_usage(journal)).splitlines() == [
        "SCOPE                 CALLS       LAST                  METHODS",
        "channels:manage       1, 1 maybe  2026-01-05 09:00 UTC  conversations.create conversations.setTopic",
        "channels:write.topic  1 maybe     2026-01-05 09:00 UTC  conversations.setTopic",
        "refused for want of users:read.email, last 2026-01-05 09:00 UTC",
        "granted and not exercised: chat:write im:write",
        "3 runs read",
    ]
