"""What a check has looked up, the run after it need not ask; unless it may be otherwise by then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

from .test_journal import Crash, Mortal
from .test_stores import STORES, open_store

LOOKS = {"auth.test", "conversations.list", "conversations.info", "users.lookupByEmail", "usergroups.list"}

BOOK = sr.Runbook(
    "declare",
    {
        "topic": sr.SetTopic(channel="#incidents", topic="{{title}}"),
        "people": sr.InviteToChannel(channel="#incidents", users=["ann@example.com", "@oncall"]),
        "hidden": sr.SetTopic(channel="#Hidden", topic="{{title}}"),
        "say": sr.SendMessage(channel="#incidents", text="{{title}}"),
    },
)
CONTEXT = {"title": "EU API down"}


def world() -> FakeSlack:
    """A workspace with what the runbook names."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.add_channel("hidden", is_private=True)
    fake.add_user("ann", email="ann@example.com")
    fake.add_usergroup("oncall", [fake.add_user("ben", email="ben@example.com")])
    return fake


def checked(
    fake: FakeSlack, kind: str, *, book: sr.Runbook = BOOK, between: Callable[[], object] = lambda: None, **options: Any
) -> tuple[list[str], sr.Report]:
    """Check and run with one executor; return the methods that the run called, and its report."""

    def called(report: sr.Report) -> tuple[list[str], sr.Report]:
        return [call.method for call in fake.calls], report

    def then() -> None:
        between()
        fake.calls.clear()

    if kind == "sync":
        with fake.executor(**options) as executor:
            executor.check(book, CONTEXT).raise_for_problems()
            then()
            return called(executor.run(book, CONTEXT))

    async def run() -> tuple[list[str], sr.Report]:
        async with fake.async_executor(**options) as executor:
            (await executor.check(book, CONTEXT)).raise_for_problems()
            then()
            return called(await executor.run(book, CONTEXT))

    return asyncio.run(run())


def looks(methods: list[str]) -> list[str]:
    """Those of the requests that look something up."""
    return [method for method in methods if method in LOOKS]


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "kept"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_run_does_not_ask_what_the_check_has_asked(kind: str, kept: bool) -> None:
    """Channels, people and groups were looked up; only the effects are sent. Unchecked, it asks for all of them."""
    fake = world()
    options: dict[str, Any] = {"journal": sr.MemoryJournal()} if kept else {}
    methods, report = checked(fake, kind, **options)
    assert report.ok, str(report)
    assert methods == [
        "conversations.setTopic", "conversations.invite", "conversations.setTopic", "chat.postMessage"
    ]  # fmt: skip
    assert {fake.channel("hidden").topic, fake.channel("incidents").topic} == {"EU API down"}
    assert len(fake.channel("incidents").members) == 3

    other = world()
    with other.executor() as executor:
        assert executor.run(BOOK, CONTEXT).ok
    asked = looks([call.method for call in other.calls])
    assert sorted(set(asked)) == ["conversations.list", "usergroups.list", "users.lookupByEmail"]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_check_is_too_old_after_a_minute(kind: str) -> None:
    """As for another check."""
    fake = world()
    methods, report = checked(fake, kind, between=lambda: fake.advance(61))
    assert report.ok
    assert "usergroups.list" in methods
    assert "conversations.list" in methods


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "kept"])
def test_who_is_on_call_after_a_wait_is_asked_after_it(kept: bool) -> None:
    """The step begins an hour after the check, when others are on call."""
    fake = world()
    carol = fake.add_user("carol")
    book = sr.Runbook(
        "hand-over",
        {
            "say": sr.SendMessage(channel="#incidents", text="x"),
            "people": sr.Step(sr.InviteToChannel(channel="#incidents", users="@oncall"), after=3600),
        },
    )
    journal = sr.MemoryJournal()
    with fake.executor(**({"journal": journal} if kept else {})) as executor:
        executor.check(book).raise_for_problems()
        if kept:
            executor.run(book, run_id="r")
        fake.usergroup("oncall").users[:] = [carol.id]
        if kept:
            fake.advance(3600)
            executor.resume("r").raise_for_failure()
        else:
            executor.run(book).raise_for_failure()
    assert carol.id in fake.channel("incidents").members


@pytest.mark.parametrize("how", ["run", "do"])
def test_what_another_run_changed_is_asked_again(how: str) -> None:
    """The check was before it."""
    fake = world()
    carol = fake.add_user("carol")
    change = sr.UpdateUserGroup(usergroup="@oncall", users=[carol.id])
    with fake.executor() as executor:
        executor.check(BOOK, CONTEXT).raise_for_problems()
        if how == "run":
            executor.run(sr.Runbook("change", {"group": change})).raise_for_failure()
        else:
            executor.do(change)
        assert executor.run(BOOK, CONTEXT).ok
    assert carol.id in fake.channel("incidents").members


@pytest.mark.parametrize("checks", [True, False], ids=["checked", "unchecked"])
@pytest.mark.parametrize("kind", ["name", "ID"])
def test_a_name_that_another_channel_has_by_now(kind: str, checks: bool) -> None:
    """A step renames the channel, the next one makes another of that name: that is the one meant from there on."""
    fake = world()
    old = fake.channel("incidents")
    old.creator = fake.bot.id
    book = sr.Runbook(
        "renew",
        {
            "before": sr.SetTopic(channel="#incidents", topic="the old one"),
            "rename": sr.RenameChannel(channel="#incidents" if kind == "name" else old.id, name="incidents-2025"),
            "room": sr.CreateChannel(name="incidents"),
            "after": sr.SetTopic(channel="#incidents", topic="the new one"),
        },
    )
    with fake.executor() as executor:
        if checks:
            executor.check(book)
        executor.run(book).raise_for_failure()
    assert (old.name, old.topic) == ("incidents-2025", "the old one")
    assert fake.channel("incidents").topic == "the new one"


def test_what_a_step_changes_is_asked_behind_it() -> None:
    """The group was looked up by the check, and has other members when the run comes to it."""
    fake = world()
    carol = fake.add_user("carol")
    book = sr.Runbook(
        "rota",
        {
            "group": sr.UpdateUserGroup(usergroup="@oncall", users=[carol.id]),
            "people": sr.InviteToChannel(channel="#incidents", users="@oncall"),
        },
    )
    _, report = checked(fake, "sync", book=book)
    assert report.ok
    assert carol.id in fake.channel("incidents").members


@pytest.mark.parametrize("store", STORES)
def test_what_was_checked_goes_with_the_run(store: str, tmp_path: Path) -> None:
    """It is submitted by the executor that checked it, and done by another one, in time."""
    fake = world()
    with open_store(store, tmp_path) as journal:
        with fake.executor(journal=journal) as executor:
            executor.check(BOOK, CONTEXT).raise_for_problems()
            executor.submit(BOOK, CONTEXT, run_id="inc-42")
        fake.calls.clear()
        with fake.executor(journal=journal) as worker:
            worker.resume("inc-42").raise_for_failure()
    assert looks([call.method for call in fake.calls]) == []


@pytest.mark.parametrize("store", STORES)
def test_a_checked_run_goes_on_after_a_crash_at_any_point(store: str, tmp_path: Path) -> None:
    """Another process, which has checked nothing, goes on from where that one was, and everything stands once."""
    for at in range(1, 200):
        fake = world()
        with open_store(store, tmp_path) as journal:
            executor = fake.executor(journal=Mortal(journal, at))
            executor._let_go = lambda *_: None  # type: ignore[method-assign]
            executor.check(BOOK, CONTEXT).raise_for_problems()
            fake.calls.clear()
            try:
                executor.run(BOOK, CONTEXT, run_id=f"inc-{at}")
                ended = True
            except Crash:
                ended = False
            fake.advance(70)
            with fake.executor(journal=journal) as other:
                other.run(BOOK, CONTEXT, run_id=f"inc-{at}").raise_for_failure()
        assert [message.text for message in fake.channel("incidents").messages] == ["EU API down"]
        assert len(fake.channel("incidents").members) == 3
        assert fake.channel("hidden").topic == "EU API down"
        if ended:
            break
    else:
        raise AssertionError("the run never came to its end")
    assert at > 10
