"""Runs that are kept: begun once, gone on with after a crash at any point, and never doing anything twice."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks import _lease, _settle, client as wire
from slackrunbooks.client import PooledWebClient, RotatingWebClient
from slackrunbooks.journal import Journal, decode, encode
from slackrunbooks.testing import FakeSlack
from tests.stores import STORES, open_store


@pytest.fixture(params=STORES)
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """A journal of each kind."""
    with open_store(request.param, tmp_path) as made:
        yield made


# --- text -------------------------------------------------------------------------------------------------------------


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(max_size=9)
    | st.datetimes(timezones=st.just(timezone.utc)) | st.dates() | st.just(sr.UserMention("U0ANN00001", "ann")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.just("$"), inner, max_size=3)
    | st.tuples(inner, inner),
    max_leaves=8,
)  # fmt: skip


def test_half_a_character_can_be_kept() -> None:
    """An emoji that somebody cut in two comes back, and what is written has bytes."""
    text = encode({"\ud83d": ["ü\ude00", "\ud83d"]})
    assert decode(text.encode().decode()) == {"\ud83d": ["ü\ude00", "\ud83d"]}


@given(plain)
def test_what_is_kept_comes_back_as_it_was(value: Any) -> None:
    """Text, numbers, times, bytes, mentions, lists and mappings are the same after the journal."""
    again = decode(encode(value))
    assert again == value and type(again) is type(value)


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a": {3}}])
def test_what_cannot_be_kept_is_named(value: Any) -> None:
    """Anything else is refused before a run begins."""
    with pytest.raises(sr.JournalError, match="a run that is kept"):
        encode(value)


# --- runs ------------------------------------------------------------------------------------------------------------


def on_call(team: str) -> dict[str, str]:
    """Tell who is on call."""
    return {"user": f"U0{team.upper():0>8}"}


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    sr.register(on_call, name="journal_on_call", repeat="reads")
    yield
    sr.unregister("journal_on_call")


BOOK = sr.Runbook(
    "declare",
    {
        "who": sr.Function(on_call, {"team": "{{team}}"}, "reads"),
        "room": sr.Step(sr.CreateChannel(name="inc-{{id}}", description="{{id}}"), save_as={"channel": "channel"}),
        "say": sr.SendMessage(channel="{{steps.room.channel}}", text="{{id}} <@{{steps.who.user}}>"),
        "pin": sr.PinMessage(channel="{{steps.room.channel}}", ts="{{steps.say.ts}}"),
        "board": sr.AddBookmark(channel="{{channel}}", title="Board", link="https://example.com"),
        "tell": sr.Step(sr.SendMessage(channel="#{{item}}", text="{{item_number}}"), foreach=["one", "two"]),
        "file": sr.UploadFile(content="{{id}}", filename="a.txt", channel="{{channel}}"),
        "done": sr.SetTopic(channel="{{channel}}", topic="done"),
    },
)
CONTEXT = {"id": "7", "team": "db", "at": datetime(2026, 1, 5, tzinfo=timezone.utc), "day": date(2026, 1, 5)}


def _world() -> FakeSlack:
    fake = FakeSlack()
    fake.add_channel("one")
    fake.add_channel("two")
    return fake


def _stands(fake: FakeSlack) -> dict[str, Any]:
    """Say what stands in the workspace, in words that do not depend on the order of IDs."""
    return {
        channel.name: (
            channel.topic,
            channel.purpose,
            sorted(message.text for message in channel.messages),
            len(channel.pins),
            len(channel.bookmarks),
            len([file for file in fake.files if channel.id in file.shares]),
        )
        for channel in fake.channels
    }


def _run(fake: FakeSlack, journal: Journal, kind: str, **options: Any) -> sr.Report:
    if kind == "sync":
        with fake.executor(journal=journal) as executor:
            return executor.run(BOOK, CONTEXT, run_id="inc-7", **options)

    async def go() -> sr.Report:
        async with fake.async_executor(journal=journal) as executor:
            return await executor.run(BOOK, CONTEXT, run_id="inc-7", **options)

    return asyncio.run(go())


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_run_id_gives_the_recorded_report_to_another_executor(journal: Journal, kind: str) -> None:
    """The same ID again, in another executor, returns the report with its typed outputs and sends nothing."""
    fake = _world()
    first = _run(fake, journal, kind, actor="pagerduty", reason="P1")
    calls = len(fake.calls)
    again = _run(fake, journal, kind)
    assert len(fake.calls) == calls
    assert first.ok and again.to_dict() == first.to_dict()
    assert isinstance(again.output("room", sr.ChannelCreated), sr.ChannelCreated)
    assert again.actor == "pagerduty"
    with fake.executor(journal=journal) as executor:
        assert executor.report("inc-7").to_dict() == first.to_dict()


class Crash(BaseException):
    """Stands for the end of the process."""


class Mortal:
    """A journal whose process ends at one point: before or after its n-th write, or before or after a request."""

    def __init__(self, journal: Journal, at: int) -> None:
        self.journal = journal
        self.at = at
        self.points = 0

    def point(self) -> None:
        """End here, if this is the point; afterwards nothing is written any more."""
        self.points += 1
        if self.points >= self.at:
            raise Crash

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.journal, name)
        if name not in ("begin", "claim", "intend", "settle", "end"):
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            self.point()
            result = method(*arguments, **named)
            self.point()
            return result

        return call


def _crash(fake: FakeSlack, journal: Journal, at: int) -> bool:
    """Run until the n-th point; return whether the run ended before it."""
    mortal = Mortal(journal, at)
    executor = fake.executor(journal=mortal)
    # What a killed process does not do either: tidy up.
    executor._let_go = lambda *_: None
    try:
        executor.run(BOOK, CONTEXT, run_id="inc-7")
    except Crash:
        return False
    return True


@pytest.mark.parametrize("store", STORES)
def test_a_run_goes_on_after_a_crash_at_any_point(store: str, tmp_path: Path) -> None:
    """Before and after each write of the journal the process ends; another goes on, and everything stands once."""
    wanted = _world()
    _run(wanted, sr.MemoryJournal(), "sync").raise_for_failure()
    for at in range(1, 200):
        fake = _world()
        with open_store(store, tmp_path) as journal:
            ended = _crash(fake, journal, at)
            fake.advance(61)  # the lease of the dead is over
            report = _run(fake, journal, "async" if at % 2 else "sync")
        assert report.ok, f"at point {at}: {report}"
        assert _stands(fake) == _stands(wanted), f"at point {at}"
        if ended:
            break
    else:
        pytest.fail("the run never ended")
    assert at > 50


def test_two_crashes_are_no_worse_than_one() -> None:
    """A run that dies twice at different points is still done once."""
    wanted = _world()
    _run(wanted, sr.MemoryJournal(), "sync")
    for first in range(3, 60, 7):
        for second in range(2, 40, 9):
            fake, kept = _world(), sr.MemoryJournal()
            _crash(fake, kept, first)
            fake.advance(61)
            _crash(fake, kept, second)
            fake.advance(61)
            assert _run(fake, kept, "sync").ok
            assert _stands(fake) == _stands(wanted), (first, second)


def test_resume_needs_no_runbook(journal: Journal) -> None:
    """What is needed is in the journal: ``resume`` and ``resume_all`` go on by the run's ID alone."""
    fake = _world()
    _crash(fake, journal, 30)
    with fake.executor(journal=journal) as executor:
        with pytest.raises(sr.RunHeld):
            executor.resume("inc-7")
        assert executor.resume_all() == []
        fake.advance(61)
        (report,) = executor.resume_all()
        assert report.ok and executor.resume("inc-7").to_dict() == report.to_dict()
        assert executor.resume_all() == []
        with pytest.raises(KeyError, match="no run 'other'"):
            executor.resume("other")

    async def go() -> None:
        async with fake.async_executor(journal=journal) as executor:
            assert (await executor.resume("inc-7")).ok
            assert await executor.resume_all() == []

    asyncio.run(go())
    assert len(fake.channel("one").messages) == 1


def test_the_time_in_which_nobody_was_at_work_uses_up_no_patience(journal: Journal) -> None:
    """A process ends in a wait before a further attempt; an hour later ``max_wait`` is as far away as it was."""
    fake = _world()
    book = sr.Runbook("b", {"say": sr.SendMessage(channel="#one", text="x")})
    fake.fail_next("chat.postMessage", "ratelimited", retry_after=30)
    # Right after it has written that it will wait.
    executor = fake.executor(journal=Mortal(journal, 10))
    executor._let_go = lambda *_: None
    with pytest.raises(Crash):
        executor.run(book, {}, run_id="r")
    assert journal.entries("r")[-1].work.startswith('["sleep"')
    fake.advance(3600)
    fake.fail_next("chat.postMessage", "ratelimited", retry_after=1)
    with fake.executor(journal=journal) as executor:
        report = executor.resume("r")
    assert report.ok, report


def test_without_a_journal_nothing_can_be_resumed() -> None:
    """The executor says what it needs."""
    with FakeSlack().executor() as executor:
        for resume in (lambda: executor.resume("r"), executor.resume_all):
            with pytest.raises(sr.Unsupported, match="journal=SqliteJournal"):
                resume()


def test_another_context_is_ignored_and_another_runbook_refused(journal: Journal) -> None:
    """The run goes on with what it began with; the report says so; another runbook is a conflict."""
    fake = _world()
    _run(fake, journal, "sync")
    with fake.executor(journal=journal) as executor:
        report = executor.run(BOOK, {**CONTEXT, "id": "8"}, run_id="inc-7")
        assert "was ignored" in report.notes[0] and report.context["id"] == "7"
        with pytest.raises(sr.RunConflict, match="another runbook"):
            executor.run(sr.Runbook("other", {"say": sr.SendMessage(channel="#one", text="x")}), {}, run_id="inc-7")


def test_a_key_makes_one_action_idempotent_across_processes(journal: Journal) -> None:
    """``do(key=…)`` is done once, with and without a context, also after a crash in the middle."""
    fake = _world()
    say = sr.SendMessage(channel="#one", text="{{x}}")
    for _ in range(2):
        with fake.executor(journal=journal) as executor:
            first = executor.do(say, {"x": "a"}, key="k")
            second = executor.do(say, key="raw")
    assert [message.text for message in fake.channel("one").messages] == ["a", "{{x}}"]
    assert (first.channel, second.channel) == (fake.channel("one").id,) * 2


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_two_workers_at_once_do_it_once(kind: str) -> None:
    """Of two that are given the same run at the same time one runs it; the other is told, or gets the report."""
    for _ in range(10):
        fake, kept = _world(), sr.MemoryJournal()
        ends: list[str] = []

        def work(fake: FakeSlack = fake, kept: Journal = kept, ends: list[str] = ends) -> None:
            try:
                ends.append(_run(fake, kept, kind).state)
            except sr.RunHeld:
                ends.append("held")

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert sorted(ends) in (["held", "succeeded"], ["succeeded", "succeeded"])
        assert len(fake.channel("one").messages) == 1


def test_a_worker_that_froze_cannot_go_on(journal: Journal) -> None:
    """Awake after its lease, with another at work, it is stopped before its next request leaves."""
    fake = _world()

    class Freezing:
        """Freezes before its fifth intent, while another worker takes the run over and ends it."""

        def __init__(self) -> None:
            self.intents = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(journal, name)

        def intend(self, *arguments: Any) -> Any:
            self.intents += 1
            if self.intents == 5:
                fake.advance(61)
                assert _run(fake, journal, "sync").ok
            return journal.intend(*arguments)

    with fake.executor(journal=Freezing()) as executor, pytest.raises(sr.RunHeld):
        executor.run(BOOK, CONTEXT, run_id="inc-7")
    wanted = _world()
    _run(wanted, sr.MemoryJournal(), "sync")
    assert _stands(fake) == _stands(wanted)


def test_a_wait_goes_on_in_another_process(journal: Journal) -> None:
    """A run that waits for a person is let go after a minute; whoever finds it due goes on waiting."""
    fake = _world()
    ann = fake.add_user("ann", id="U0ANN00001")
    ann.join("one")
    book = sr.Runbook("ask", {"ask": sr.RequestApproval(channel="#one", text="?", approvers="U0ANN00001")})
    with fake.executor(journal=journal) as executor:
        report = executor.run(book, {}, run_id="ask")
        assert (report.state, report.ok) == ("waiting", False)
        assert executor.run(book, {}, run_id="ask").state == "waiting"
    record = journal.get("ask")
    assert record is not None and record.wake_at is not None and record.owner == ""
    fake.later(40, lambda: ann.react("one", fake.channel("one").messages[0].ts, "white_check_mark"))
    rounds = 0
    with fake.executor(journal=journal) as executor:
        while report.state == "waiting":
            fake.advance(5)
            for after in executor.resume_all():
                report, rounds = after, rounds + 1
    approved = report.output("ask", sr.Approved)
    assert approved.approved_by == ("U0ANN00001",)
    assert len(fake.channel("one").messages) == 1
    assert 95 <= approved.waited <= 130 and rounds > 2


@pytest.mark.parametrize(
    ("book", "says"),
    [
        (lambda: sr.Runbook("b", {"a": sr.Function(lambda: 1)}), "steps.a: the function <lambda> is the host's own"),
        (
            lambda: sr.Runbook("b", {"a": sr.Step(sr.SetTopic(channel="C1", topic="x"), when=lambda _: True)}),
            "steps.a.when",
        ),
        (lambda: sr.Runbook("b", {"a": sr.UploadFile(content=b"x", filename="x")}), "steps.a.content"),
    ],
)
def test_what_only_python_has_cannot_be_kept(journal: Journal, book: Callable[[], sr.Runbook], says: str) -> None:
    """It is refused by its place before anything is sent."""
    fake = _world()
    with fake.executor(journal=journal) as executor, pytest.raises(sr.RunbookError) as refused:
        executor.run(book(), {}, run_id="r")
    assert says in str(refused.value) and fake.calls == []


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_file_is_private_and_durable(tmp_path: Path) -> None:
    """Only its owner can read it; every write is on disk before a request leaves; no token is in it."""
    path = tmp_path / "runs.db"
    fake = _world()
    with sr.SqliteJournal(path) as journal, fake.executor(journal=journal) as executor:
        executor.run(BOOK, CONTEXT, run_id="inc-7")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with sr.SqliteJournal(path) as journal:
        assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    whole = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert fake.token.encode() not in whole and b"Bearer" not in whole
    # Nor where a file may be written to.
    assert b"files.completeUploadExternal" in whole and b"/upload/" not in whole and b"-ticket" not in whole


def test_a_file_that_is_no_journal_or_a_newer_one_is_refused(tmp_path: Path) -> None:
    """The error says what the file is, and what to do."""
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE x (y)")
    with pytest.raises(sr.JournalError, match="is a database of something else"):
        sr.SqliteJournal(other)
    text = tmp_path / "text.db"
    text.write_text("not a database at all, but long enough to be looked at")
    with pytest.raises(sr.JournalError, match=r"text\.db cannot be opened"):
        sr.SqliteJournal(text)
    newer = tmp_path / "newer.db"
    sr.SqliteJournal(newer).close()
    with closing(sqlite3.connect(newer)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(sr.JournalError, match=r"newer version of slackrunbooks \(schema 99"):
        sr.SqliteJournal(newer)
    with pytest.raises(sr.JournalError, match="cannot be opened"):
        sr.SqliteJournal(tmp_path / "no" / "such" / "folder.db")


def test_a_file_whose_worker_dies_again_and_again_is_shared_once(tmp_path: Path) -> None:
    """Each worker that goes on asks for an address of its own, because none is kept."""
    fake = _world()
    book = sr.Runbook("b", {"f": sr.UploadFile(channel="#one", content="x", filename="x.txt")})
    deaths = 0
    with sr.SqliteJournal(tmp_path / "runs.db") as journal:

        class Dies:
            """Its process ends when the bytes have left, before that is written."""

            def __getattr__(self, name: str) -> Any:
                return getattr(journal, name)

            def settle(self, lease: Any, entry: Any) -> None:
                if len(fake.calls_to("upload")) > deaths:
                    raise KeyboardInterrupt
                journal.settle(lease, entry)

        for _ in range(4):
            with fake.executor(journal=Dies()) as executor:
                executor._let_go = lambda *_: None  # type: ignore[method-assign]
                with pytest.raises(KeyboardInterrupt):
                    executor.run(book, {}, run_id="r")
            deaths += 1
            fake.advance(61)
        assert _run_book(fake, journal, book).ok
    assert len(fake.calls_to("files.getUploadURLExternal")) == 5
    assert len([file for file in fake.files if file.shares]) == 1


@pytest.mark.parametrize("then", ["gone", "longer"])
def test_a_file_that_is_gone_takes_no_report_with_it(journal: Journal, tmp_path: Path, then: str) -> None:
    """Once it was sent, it may change or vanish: the run goes on, and has its report, in whatever process."""
    fake = _world()
    graph = tmp_path / "graph.txt"
    graph.write_text("graph")
    later = sr.Step(sr.SendMessage(channel="#one", text="{{steps.up.size}} bytes"), after="1h")
    book = sr.Runbook("b", {"up": sr.UploadFile(channel="#one", path=graph), "say": later})
    assert _run_book(fake, journal, book).state == "waiting"
    if then == "gone":
        graph.unlink()
    else:
        graph.write_text("another graph")
    fake.advance(3600)
    report = _run_book(fake, journal, book)
    assert report.ok and _run_book(fake, journal, book).to_dict() == report.to_dict()
    with fake.executor(journal=journal) as executor:
        assert executor.report("r").to_dict() == executor.resume("r").to_dict() == report.to_dict()
    assert fake.channel("one").messages[-1].text == "5 bytes" and len(fake.files) == 1


def test_a_file_that_comes_too_late_changes_no_report(journal: Journal, tmp_path: Path) -> None:
    """A step that did not find its file has failed, and a retry looks again."""
    fake = _world()
    graph = tmp_path / "graph.txt"
    book = sr.Runbook(
        "b", {"up": sr.UploadFile(channel="#one", path=graph), "say": sr.SetTopic(channel="#one", topic="x")}
    )
    report = _run_book(fake, journal, book)
    assert report.state == "failed" and str(report["up"].error).endswith(
        "does not exist on the machine that runs this."
    )
    graph.write_text("graph")
    assert _run_book(fake, journal, book).to_dict() == report.to_dict() and fake.calls == []
    with fake.executor(journal=journal) as executor:
        assert executor.retry("r").ok
    assert len(fake.files) == 1


def _run_book(fake: FakeSlack, journal: Journal, book: sr.Runbook) -> sr.Report:
    with fake.executor(journal=journal) as executor:
        return executor.run(book, {}, run_id="r")


@pytest.mark.parametrize("breakage", ["deleted", "read-only", "full", "corrupted"])
def test_a_journal_that_breaks_stops_the_run_before_its_next_effect(tmp_path: Path, breakage: str) -> None:
    """In the middle of a run the file breaks: a clear error, and nothing further is sent."""
    path = tmp_path / "runs.db"
    journal = sr.SqliteJournal(path)
    fake = _world()
    broken_at: list[int] = []

    def break_it() -> None:
        broken_at.append(len(fake.calls))
        if breakage == "deleted":
            path.unlink()
        elif breakage == "read-only":
            journal._connection.execute("PRAGMA query_only = ON")
        elif breakage == "full":
            (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
            journal._connection.execute(f"PRAGMA max_page_count = {pages}")
            journal._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            journal._connection.execute("DROP TABLE entry")

    class Breaking:
        def __getattr__(self, name: str) -> Any:
            return getattr(journal, name)

        def settle(self, lease: Any, entry: Any) -> None:
            if len(fake.calls) >= 4 and not broken_at:
                break_it()
            journal.settle(lease, entry)

    big = sr.Runbook("b", {f"s{n}": sr.SendMessage(channel="#one", text="x" * 3900) for n in range(40)})
    with fake.executor(journal=Breaking()) as executor, pytest.raises(sr.JournalError, match=r"runs\.db cannot be"):
        executor.run(big, {}, run_id="r")
    journal.close()
    # The full disk has some room left; the others stop at once.
    assert breakage == "full" or len(fake.calls) == broken_at[0]
    assert len(fake.calls) < 40


def test_the_cost_is_one_transaction_before_and_one_after() -> None:
    """Each piece of work costs two writes, whatever it is."""
    counted: list[str] = []
    journal = sr.MemoryJournal()

    class Counting:
        def __getattr__(self, name: str) -> Any:
            counted.append(name)
            return getattr(journal, name)

    fake = _world()
    with fake.executor(journal=Counting()) as executor:
        executor.run(BOOK, CONTEXT, run_id="inc-7")
    work = len(journal.entries("inc-7"))
    assert (counted.count("intend"), counted.count("settle")) == (work, work)


def test_a_task_that_is_cancelled_leaves_its_run_to_others(journal: Journal) -> None:
    """In the middle of a request: the run is let go at once, and the lost answer is looked up by whoever goes on."""
    fake = _world()
    sent = asyncio.Event()

    async def go() -> None:
        async with fake.async_executor(journal=journal) as executor:
            real = executor._client()

            class Hanging:
                """Answers the third request never, though Slack did it."""

                async def api_call(self, method: str, **options: Any) -> Any:
                    answer = await real.api_call(method, **options)  # type: ignore[union-attr]
                    if method == "chat.postMessage":
                        sent.set()
                        await asyncio.Event().wait()
                    return answer

                def __getattr__(self, name: str) -> Any:
                    return getattr(real, name)

            executor._client = lambda: Hanging()  # type: ignore[assignment,method-assign,return-value]
            task = asyncio.create_task(executor.run(BOOK, CONTEXT, run_id="inc-7"))
            await sent.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(go())
    assert _run(fake, journal, "sync").ok
    wanted = _world()
    _run(wanted, sr.MemoryJournal(), "sync")
    assert _stands(fake) == _stands(wanted)


class _Stuck:
    """A source whose first token comes only after another worker has done the work."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.asked, self.go = threading.Event(), threading.Event()

    def fresh(self) -> str | None:
        return None

    def current(self) -> str:
        self.asked.set()
        assert self.go.wait(20)
        return self.token

    def instead_of(self, token: str) -> str | None:
        return None


@pytest.mark.real_sleep
@pytest.mark.parametrize("guarded", [True, False])
def test_who_waited_long_for_a_token_sends_nothing_any_more(
    guarded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack's OAuth holds a worker up for longer than its lease: another one goes on, and the first does not send.

    Without the limit it does, which is what the limit is for.
    """
    for limit, seconds in (("_LEASE", 0.4), ("_LEFT", 0.3)):
        monkeypatch.setattr(_lease, limit, seconds)
    monkeypatch.setattr(_settle, "QUIET", 0.05)
    monkeypatch.setattr(wire, "_TOKEN_SECONDS", 0.1 if guarded else 60.0)
    fake = FakeSlack(start=time.time())
    fake.add_channel("incidents")
    book = sr.Runbook("b", {"say": sr.SendMessage(channel="#incidents", text="x")})
    path = tmp_path / "runs.db"
    with fake.serve() as server:
        source = _Stuck(server.token)

        def first() -> BaseException | sr.Report:
            client = RotatingWebClient(source, base_url=server.url)
            try:
                with client, sr.SqliteJournal(path) as journal, sr.Executor(client=client, journal=journal) as executor:
                    return executor.run(book, {}, run_id="r")
            except sr.RunHeld as error:
                return error

        with ThreadPoolExecutor(1) as pool:
            stuck = pool.submit(first)
            assert source.asked.wait(20)
            time.sleep(0.5)
            client = PooledWebClient(server.token, base_url=server.url)
            with client, sr.SqliteJournal(path) as journal, sr.Executor(client=client, journal=journal) as executor:
                assert executor.run(book, {}, run_id="r").ok
            source.go.set()
            assert isinstance(stuck.result(20), sr.RunHeld)
    assert len(fake.channel("incidents").messages) == (1 if guarded else 2)
