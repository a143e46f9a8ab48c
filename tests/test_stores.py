"""The journals: one table of tests that each of them passes, and what is particular to one."""

from __future__ import annotations

import contextlib
import itertools
import json
import linecache
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.journal import Entry, Journal, Lease, Mail, Message, RunRecord
from slackrunbooks.stores import sqlite as store_of_files
from slackrunbooks.testing import FakeSlack
from tests.stores import ON_DISK, POSTGRES, STORES, Toy, open_store, postgres_schema, with_postgres

if TYPE_CHECKING:
    from tests.conftest import RunPython


@pytest.fixture(params=STORES)
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """A journal of each kind."""
    with open_store(request.param, tmp_path) as made:
        yield made


# --- runs and work --------------------------------------------------------------------------------------------------


def _record(run_id: str = "r", created: float = 1.0) -> RunRecord:
    return RunRecord(run_id=run_id, spec="{}", created=created, updated=created)


def test_a_run_is_begun_once(journal: Journal) -> None:
    """The second beginning gets the first record, whatever it says."""
    assert journal.begin(_record()).spec == "{}"
    assert journal.begin(attrs.evolve(_record(), spec="[]")).spec == "{}"
    assert journal.get("r") is not None and journal.get("other") is None


def test_a_record_tells_where_its_run_stands(journal: Journal) -> None:
    """What is due is what a worker would find, and everything else is not."""
    stands = {"due": ("", 0.0, 50.0), "dead": ("w", 99.0, 50.0), "at it": ("w", 101.0, 50.0), "later": ("", 0.0, 101.0)}
    for name, (owner, until, wake_at) in stands.items():
        journal.begin(attrs.evolve(_record(name), wake_at=wake_at))
        if owner:
            journal.claim(name, owner, 1.0, until - 1.0)
    journal.begin(attrs.evolve(_record("told"), wake_at=None))
    journal.begin(_record("over"))
    lease = journal.claim("over", "w", 1.0, 60.0)
    assert lease is not None
    journal.end(lease, "failed", 2.0)
    told = {record.run_id: record.status(100.0) for record in journal.runs()}
    assert told == {
        "due": "due", "dead": "due", "at it": "running", "later": "waiting", "told": "waiting", "over": "failed",
    }  # fmt: skip
    assert set(journal.due(100.0, 9)) == {name for name, status in told.items() if status == "due"}


def test_a_record_knows_its_runbook() -> None:
    """By its name; a single action has its own, and one in a form that this version does not know has none."""
    journal = sr.MemoryJournal()
    fake = FakeSlack()
    fake.add_channel("one")
    with fake.executor(journal=journal) as executor:
        say = sr.SendMessage(channel="#one", text="x")
        executor.run(sr.Runbook("declare", {"say": say}), run_id="r")
        executor.do(say, key="k")
    assert {record.runbook for record in journal.runs()} == {"declare", "send_message"}
    assert _record().runbook == ""


def test_only_one_worker_holds_a_run(journal: Journal) -> None:
    """A second one waits until the lease is over, and then the first can write nothing any more."""
    journal.begin(_record())
    first = journal.claim("r", "one", 100.0, 60.0)
    assert first is not None and journal.claim("r", "two", 159.0, 60.0) is None
    renewed = journal.renew(first, 150.0, 60.0)
    assert renewed.until == 210.0 and journal.claim("r", "two", 161.0, 60.0) is None
    second = journal.claim("r", "two", 211.0, 60.0)
    assert second is not None and second.epoch == first.epoch + 1
    entry = Entry(seq=1, work="w", ready_at=1.0)
    for write in (
        lambda: journal.renew(renewed, 212.0, 60.0),
        lambda: journal.intend(renewed, entry, 0),
        lambda: journal.settle(renewed, entry),
        lambda: journal.end(renewed, "succeeded", 213.0),
    ):
        with pytest.raises(sr.RunHeld, match="taken it over"):
            write()
    journal.intend(second, entry, 0)
    with pytest.raises(sr.JournalError):
        journal.claim("nowhere", "one", 1.0, 1.0)


def test_entries_come_back_in_order(journal: Journal) -> None:
    """An intent, then its result; one that was settled without an intent is whole."""
    journal.begin(_record())
    lease = journal.claim("r", "one", 0.0, 60.0)
    assert lease is not None
    journal.intend(lease, Entry(seq=1, work="a", ready_at=1.0), 0)
    assert journal.entries("r") == (Entry(seq=1, work="a", ready_at=1.0),)
    journal.settle(lease, Entry(seq=1, work="a", ready_at=1.0, result="x", done_at=2.0))
    journal.settle(lease, Entry(seq=2, work="b", ready_at=3.0, result="y", done_at=4.0))
    assert [(entry.seq, entry.result) for entry in journal.entries("r")] == [(1, "x"), (2, "y")]
    with pytest.raises(sr.JournalError):
        journal.intend(lease, Entry(seq=1, work="a", ready_at=1.0), 0)


def test_old_runs_are_forgotten_and_unfinished_ones_are_not(journal: Journal) -> None:
    """Purging takes what has ended before a time, with all its work."""
    for number in range(3):
        journal.begin(_record(f"r{number}", created=float(number)))
        lease = journal.claim(f"r{number}", "one", float(number), 60.0)
        assert lease is not None
        journal.intend(lease, Entry(seq=1, work="a", ready_at=1.0), 0)
        if number != 1:
            journal.end(lease, "succeeded", 10.0 * number)
    assert [record.run_id for record in journal.runs()] == ["r2", "r1", "r0"]
    assert journal.purge(15.0) == 1
    assert [record.run_id for record in journal.runs()] == ["r2", "r1"]
    assert journal.entries("r0") == ()


def test_a_run_that_is_told_to_go_on_is_running_again(journal: Journal) -> None:
    """From the moment it is told: it is due, whoever dies, and no purge takes it; any other word leaves it ended."""
    for name in ("retry", "resolve", "signal", "cancel"):
        lease = _claimed(journal, name)
        journal.end(lease, "failed", 101.0, wake_at=None, saved="s")
        journal.tell(name, name, "{}", 200.0)
    stands = {record.run_id: (record.state, record.wake_at, record.updated) for record in journal.runs()}
    assert stands == {
        "retry": ("running", 0.0, 101.0), "resolve": ("running", 0.0, 101.0),
        "signal": ("failed", 0.0, 101.0), "cancel": ("failed", 0.0, 101.0),
    }  # fmt: skip
    assert set(journal.due(200.0, 9)) == {"retry", "resolve"}
    assert journal.purge(200.0) == 2
    assert {record.run_id for record in journal.runs()} == {"retry", "resolve"}


def test_a_run_that_somebody_holds_is_not_forgotten(journal: Journal) -> None:
    """However long ago it ended; once the hold is over, it is."""
    journal.end(_claimed(journal), "failed", 101.0, wake_at=None)
    assert journal.claim("r", "two", 500.0, 60.0) is not None
    assert (journal.purge(501.0), journal.purge(559.0)) == (0, 0)
    assert journal.purge(560.0) == 1


def _claimed(journal: Journal, run_id: str = "r", now: float = 100.0) -> Lease:
    journal.begin(_record(run_id))
    lease = journal.claim(run_id, "one", now, 60.0)
    assert lease is not None
    return lease


def test_a_record_comes_back_whole(journal: Journal) -> None:
    """What was given, what was saved, and when; text of any script, and half a character."""
    text = '{"name":"Müller 障害 \\ud83d","n":1e308}'
    record = RunRecord(run_id="r", spec=text, subject="INC-ü", wake_at=12.5, created=1.25, updated=1_767_603_600.123456)
    assert journal.begin(record) == record == journal.get("r")
    lease = journal.claim("r", "one", 100.0, 60.0)
    assert lease is not None
    journal.end(lease, "failed", 101.5, wake_at=None, saved=text)
    ended = journal.get("r")
    assert ended == attrs.evolve(
        record, state="failed", saved=text, wake_at=None, epoch=1, updated=101.5, lease_until=0.0
    )
    assert journal.runs() == (ended,)


def test_a_run_that_was_let_go_is_anybodys(journal: Journal) -> None:
    """No lease holds it any more, and the next worker's turn is a later one."""
    lease = _claimed(journal)
    journal.end(lease, "running", 101.0, wake_at=500.0)
    with pytest.raises(sr.RunHeld, match="taken it over"):
        journal.renew(lease, 102.0, 60.0)
    again = journal.claim("r", "one", 102.0, 60.0)
    assert again is not None and again.epoch == lease.epoch + 1


def test_every_write_is_fenced(journal: Journal) -> None:
    """A lease of another worker, or of an earlier turn of this one, writes nothing, and what stands is untouched."""
    lease = _claimed(journal)
    entry = Entry(seq=1, work="w", ready_at=1.0)
    journal.intend(lease, entry, 0)
    before = (journal.get("r"), journal.entries("r"))
    for other in (attrs.evolve(lease, owner="two"), attrs.evolve(lease, epoch=0), attrs.evolve(lease, epoch=2)):
        for write in (
            lambda other=other: journal.renew(other, 101.0, 60.0),
            lambda other=other: journal.intend(other, attrs.evolve(entry, seq=2), 0),
            lambda other=other: journal.settle(other, attrs.evolve(entry, result="x", done_at=2.0)),
            lambda other=other: journal.end(other, "succeeded", 102.0),
        ):
            with pytest.raises(sr.RunHeld, match="taken it over"):
                write()
    assert (journal.get("r"), journal.entries("r")) == before


def test_what_is_unknown_is_said(journal: Journal) -> None:
    """A run that the journal does not have is an error for those who write, and nothing for those who read."""
    for write in (lambda: journal.claim("no", "one", 1.0, 1.0), lambda: journal.tell("no", "x", "{}", 1.0)):
        with pytest.raises(sr.JournalError, match="the journal has no run 'no'"):
            write()
    assert (journal.get("no"), journal.entries("no"), journal.listen("no", 0)) == (None, (), Mail())
    assert (journal.runs(), journal.due(1e12, 9), journal.about("no"), journal.paused()) == ((), (), (), "")


# --- mail ------------------------------------------------------------------------------------------------------------


def test_mail_comes_before_the_next_intent(journal: Journal) -> None:
    """What a run was told is returned instead of writing the intent, until the run has heard it."""
    lease = _claimed(journal)
    entry = Entry(seq=1, work="w", ready_at=1.0)
    first = journal.tell("r", "signal", '{"a":"ü"}', 5.0)
    second = journal.tell("r", "cancel", "{}", 6.0)
    mail = Mail((
        Message(seq=first, name="signal", payload='{"a":"ü"}', at=5.0),
        Message(seq=second, name="cancel", payload="{}", at=6.0),
    ))  # fmt: skip
    assert second > first
    assert journal.listen("r", 0) == mail == journal.intend(lease, entry, 0)
    assert journal.entries("r") == ()
    assert journal.listen("r", first).messages == mail.messages[1:]
    assert not journal.listen("r", second) and not journal.intend(lease, entry, second)
    assert journal.entries("r") == (entry,)


def test_mail_is_for_one_run(journal: Journal) -> None:
    """Another run hears nothing of it."""
    _claimed(journal)
    other = _claimed(journal, "other")
    journal.tell("r", "cancel", "{}", 5.0)
    assert not journal.listen("other", 0)
    assert not journal.intend(other, Entry(seq=1, work="w", ready_at=1.0), 0)


def test_nothing_is_begun_while_everything_is_paused(journal: Journal) -> None:
    """No intent is written and nothing is due; results of what is under way are."""
    lease = _claimed(journal)
    journal.begin(_record("idle"))
    entry = Entry(seq=1, work="w", ready_at=1.0)
    journal.intend(lease, entry, 0)
    journal.pause("a change")
    journal.pause("a change of the network")
    assert journal.paused() == "a change of the network"
    assert journal.listen("r", 0) == Mail((), paused=True)
    assert journal.intend(lease, attrs.evolve(entry, seq=2), 0).paused
    journal.settle(lease, attrs.evolve(entry, result="x", done_at=2.0))
    assert (len(journal.entries("r")), journal.due(200.0, 9)) == (1, ())
    journal.pause("")
    assert (journal.paused(), journal.due(101.0, 9)) == ("", ("idle",))
    assert not journal.intend(lease, attrs.evolve(entry, seq=2), 0)


# --- due and about ---------------------------------------------------------------------------------------------------


def test_due_are_those_with_something_to_do_and_nobody_at_work(journal: Journal) -> None:
    """The longest due first, no more than asked for; none that ended, sleeps, waits for a word, or is held."""
    for number, run_id in enumerate(("late", "early", "ended", "silent", "held", "crashed")):
        journal.begin(_record(run_id, created=float(number)))
    for run_id, state, wake_at in (
        ("late", "running", 300.0),
        ("early", "running", 200.0),
        ("ended", "succeeded", None),
        ("silent", "running", None),
    ):
        lease = journal.claim(run_id, "one", 10.0, 60.0)
        assert lease is not None
        journal.end(lease, state, 20.0, wake_at=wake_at)
    assert journal.claim("crashed", "one", 100.0, 60.0) and journal.claim("held", "one", 350.0, 60.0)
    assert journal.due(159.0, 9) == ()
    assert journal.due(160.0, 9) == ("crashed",)
    assert journal.due(400.0, 9) == ("crashed", "early", "late")
    assert journal.due(400.0, 2) == ("crashed", "early")
    journal.tell("silent", "signal", "{}", 400.0)
    assert journal.due(400.0, 9) == ("silent", "crashed", "early", "late")


def test_a_word_that_comes_while_a_run_is_let_go_wakes_it(journal: Journal) -> None:
    """The worker has not heard it, so the run must not sleep over it; at the next turn it may."""
    lease = _claimed(journal)
    journal.tell("r", "signal", "{}", 101.0)
    journal.end(lease, "running", 102.0, wake_at=None)
    assert journal.due(103.0, 9) == ("r",)
    lease = _claimed(journal, now=104.0)
    journal.end(lease, "running", 105.0, wake_at=None)
    assert journal.due(1e9, 9) == ()


def test_runs_about_a_subject_come_in_the_order_of_their_writing(journal: Journal) -> None:
    """So that the last to save a value wins."""
    for number, subject in enumerate(("INC-1", "INC-2", "INC-1", "", "INC-1")):
        journal.begin(attrs.evolve(_record(f"r{number}", created=float(number)), subject=subject))
    lease = _claimed(journal, "r0")
    journal.end(lease, "succeeded", 50.0, wake_at=None, saved='{"a":1}')
    assert [(record.run_id, record.saved) for record in journal.about("INC-1")] == [
        ("r2", ""), ("r4", ""), ("r0", '{"a":1}'),
    ]  # fmt: skip
    assert journal.about("INC-3") == ()


# --- lanes -----------------------------------------------------------------------------------------------------------


def test_places_in_a_lane_are_as_far_apart_as_asked(journal: Journal) -> None:
    """A burst at once, then one a gap; who comes late finds the burst again; other lanes do not matter."""
    assert [journal.reserve("a", 1000.0, 2.0, 3) for _ in range(5)] == [0.0, 0.0, 0.0, 2.0, 4.0]
    assert journal.reserve("b", 1000.0, 2.0, 1) == 0.0
    assert [journal.reserve("a", 1100.0, 2.0, 3) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert [journal.reserve("b", 1000.5, 2.0, 1) for _ in range(2)] == [1.5, 3.5]


def test_a_closed_lane_waits_and_then_lets_one_go_at_a_time(journal: Journal) -> None:
    """Nobody goes before the time, and no crowd at it; the later of two times holds."""
    journal.close_lane("a", 1010.0)
    assert journal.reserve("a", 1000.0, 1.0, 3) == 10.0
    journal.close_lane("a", 1020.0)
    journal.close_lane("a", 1005.0)
    assert [journal.reserve("a", 1000.0, 1.0, 3) for _ in range(3)] == [20.0, 21.0, 22.0]
    assert journal.reserve("b", 1000.0, 1.0, 3) == 0.0
    assert [journal.reserve("a", 1200.0, 1.0, 3) for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]


def test_threads_share_a_lane(journal: Journal) -> None:
    """However many ask at the same time, each place is given once."""
    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(lambda _: journal.reserve("a", 1000.0, 0.5, 5), range(60)))
    assert sorted(waits) == [0.0] * 5 + [0.5 * number for number in range(1, 56)]


def test_old_lanes_are_forgotten_with_old_runs(journal: Journal) -> None:
    """One that is still closed, or has places given away, is not."""
    journal.reserve("old", 1000.0, 1.0, 1)
    journal.close_lane("closed", 3000.0)
    assert journal.purge(2000.0) == 0
    assert journal.reserve("closed", 2000.0, 1.0, 1) == 1000.0
    assert journal.reserve("old", 1000.0, 1.0, 1) == 0.0


# --- at the same time ------------------------------------------------------------------------------------------------


def test_of_threads_that_claim_at_once_one_holds(journal: Journal) -> None:
    """Each run is held by exactly one, and each turn counts."""
    for number in range(20):
        journal.begin(_record(f"r{number}"))
    start = threading.Barrier(4)

    def claim(owner: str) -> list[str]:
        start.wait()
        return [f"r{n}" for n in range(20) if journal.claim(f"r{n}", owner, 100.0, 60.0) is not None]

    with ThreadPoolExecutor(4) as pool:
        claimed = [run_id for mine in pool.map(claim, "abcd") for run_id in mine]
    assert sorted(claimed) == sorted(f"r{number}" for number in range(20))
    assert {record.epoch for record in journal.runs()} == {1}


def test_no_message_is_missed_while_work_is_written(journal: Journal) -> None:
    """Told from other threads while a run goes on, each message is heard once and in order."""
    lease = _claimed(journal)
    heard: list[int] = []
    told: list[int] = []
    lock = threading.Lock()

    def tell(number: int) -> None:
        seq = journal.tell("r", "signal", str(number), 1.0)
        with lock:
            told.append(seq)

    seq = 0
    with ThreadPoolExecutor(3) as pool:
        sent = [pool.submit(tell, number) for number in range(30)]
        while not all(each.done() for each in sent) or len(heard) < 30:
            seq += 1
            mail = journal.intend(lease, Entry(seq=seq, work="w", ready_at=1.0), heard[-1] if heard else 0)
            heard += [message.seq for message in mail.messages]
            assert seq < 10_000
        for each in sent:
            each.result()
    assert heard == sorted(told) and len(set(heard)) == 30


WORKER = """
import json, sys
import slackrunbooks as sr
kind, where, schema, owner = sys.argv[1:]
if kind == "postgres":
    journal = sr.PostgresJournal(where, schema=schema, clock="caller")
else:
    journal = sr.SqliteJournal(where)
mine = [n for n in range(30) if journal.claim(f"r{n}", owner, 100.0, 60.0) is not None]
waits = [journal.reserve("lane", 1000.0, 1.0, 5) for _ in range(30)]
print(json.dumps([mine, waits]))
journal.close()
"""


@pytest.mark.parametrize("store", ON_DISK)
def test_processes_share_runs_and_lanes(store: Any, tmp_path: Path, run_python: RunPython) -> None:
    """Of two processes that claim the same runs each gets its own, and no place in a lane is given twice."""
    with open_store(store, tmp_path) as journal:
        for number in range(30):
            journal.begin(_record(f"r{number}"))
        if isinstance(journal, sr.PostgresJournal):
            where, schema = POSTGRES, journal.schema
        else:
            assert isinstance(journal, sr.SqliteJournal)
            where, schema = str(journal.path), ""

        def work(owner: str) -> tuple[list[int], list[float]]:
            told = run_python("-c", WORKER, store, where, schema, owner)
            assert told.returncode == 0, told.stderr
            mine, waits = json.loads(told.stdout)
            return mine, waits

        with ThreadPoolExecutor(2) as pool:
            (mine, waits), (theirs, other_waits) = pool.map(work, ("one", "two"))
        assert sorted(mine + theirs) == list(range(30))
        assert sorted(waits + other_waits) == [0.0] * 5 + [float(number) for number in range(1, 56)]


FORK_IN_USE = """
import os, signal, sys, threading
import slackrunbooks as sr
from slackrunbooks.journal import RunRecord
kind, where, schema = sys.argv[1:]
if kind == "postgres":
    journal = sr.PostgresJournal(where, schema=schema)
else:
    journal = sr.SqliteJournal(where) if kind == "sqlite" else sr.MemoryJournal()
taken, over = threading.Event(), threading.Event()
def hold():
    with journal._lock:
        taken.set()
        over.wait()
thread = threading.Thread(target=hold)
thread.start()
taken.wait()
child = os.fork()
if child == 0:
    signal.alarm(20)
    journal.begin(RunRecord(run_id="child", spec="{}"))
    os._exit(0)
_, status = os.waitpid(child, 0)
over.set()
thread.join()
print(status, journal.begin(RunRecord(run_id="parent", spec="{}")).run_id)
journal.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("store", ["memory", *ON_DISK])
def test_a_fork_while_another_thread_is_at_it(store: Any, tmp_path: Path, run_python: RunPython) -> None:
    """The child does not wait for a thread that it does not have; the parent's goes on."""
    with contextlib.ExitStack() as stack:
        schema = stack.enter_context(postgres_schema()) if store == "postgres" else ""
        where = POSTGRES if store == "postgres" else str(tmp_path / "runs.db")
        told = run_python("-W", "ignore::DeprecationWarning", "-c", FORK_IN_USE, store, where, schema)
    assert (told.returncode, told.stdout) == (0, "0 parent\n"), told.stderr


# --- SQLite -----------------------------------------------------------------------------------------------------------

OPEN_AT_ONCE = """
import os, sys, time
import slackrunbooks as sr
from slackrunbooks.journal import RunRecord
print("ready", flush=True)
for line in sys.stdin:
    path, at = line.split()
    while time.time() < float(at):
        pass
    try:
        with sr.SqliteJournal(path) as journal:
            journal.begin(RunRecord(run_id=sys.argv[1], spec="{}"))
        print("made", flush=True)
    except sr.JournalError as error:
        print(error, flush=True)
"""

LOOK = """
import sys
import slackrunbooks as sr
with sr.SqliteJournal(sys.argv[1]) as journal:
    print(*sorted(record.run_id for record in journal.runs()))
"""

DAEMON = """
import os, subprocess, sys
import slackrunbooks as sr
from slackrunbooks.journal import RunRecord
folder, look = sys.argv[1:]
os.chdir(folder)
gone, alive = os.pipe()
if os.fork():
    os.wait()
    sys.exit()
journal = sr.SqliteJournal("runs.db")
journal.begin(RunRecord(run_id="parent", spec="{}"))
if os.fork():
    os._exit(0)
os.close(alive)
os.read(gone, 1)
os.chdir("/")
journal.begin(RunRecord(run_id="daemon", spec="{}"))
peek = [sys.executable, "-c", look, os.path.join(folder, "runs.db")]
subprocess.run(peek, check=True)
journal.begin(RunRecord(run_id="later", spec="{}"))
subprocess.run(peek, check=True)
print(*sorted(record.run_id for record in journal.runs()))
"""


INTERRUPTED_FORKS = """
import os, random, signal, sys, time
import slackrunbooks as sr
from slackrunbooks.journal import RunRecord
coverage = sys.modules.get("coverage")
if coverage is not None and (measured := coverage.Coverage.current()) is not None:
    # It has a lock of its own, which an interruption of its code leaves taken.
    measured.stop()
me = os.getpid()
class Interrupted(Exception): pass
def interrupt(*_): raise Interrupted
signal.signal(signal.SIGALRM, interrupt)
told = []
sys.unraisablehook = told.append
journal = sr.SqliteJournal(sys.argv[1])
for number in range(400):
    try:
        journal.begin(RunRecord(run_id=f"a{number}", spec="{}"))
        signal.setitimer(signal.ITIMER_REAL, random.random() * 0.003)
        if os.fork() == 0:
            os._exit(0)
        time.sleep(0.004)
    except Interrupted:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if os.getpid() != me:
            # An interruption from before the fork, heard after it.
            os._exit(0)
    try:
        os.wait()
    except ChildProcessError:
        pass
    if not journal._lock.acquire(timeout=5):
        sys.exit(f"the lock stays taken after {number} forks")
    journal._lock.release()
    journal.begin(RunRecord(run_id=f"b{number}", spec="{}"))
print(sum(record.run_id.startswith("b") for record in journal.runs()), len(told) < 300)
journal.close()
"""

FORKS_AMONG_OPENINGS = """
import os, sys, threading
import slackrunbooks as sr
from slackrunbooks.stores import _closing
refused = []
def acquire(lock):
    got = lock.acquire(timeout=10)
    if not got:
        refused.append(lock)
    return got
_closing._acquire = acquire
over = threading.Event()
def work(name):
    while not over.is_set():
        sr.SqliteJournal(os.path.join(sys.argv[1], name)).close()
threads = [threading.Thread(target=work, args=(name,)) for name in ("one.db", "two.db")]
for thread in threads:
    thread.start()
for _ in range(100):
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    if refused:
        break
over.set()
for thread in threads:
    thread.join()
print(len(refused))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_an_interruption_at_any_point_of_a_fork_leaves_no_lock_taken(tmp_path: Path, run_python: RunPython) -> None:
    """Ctrl-C before, in and after 400 forks: the journal goes on, and the file is the one that everybody reads."""
    told = run_python("-c", INTERRUPTED_FORKS, str(tmp_path / "runs.db"))
    assert told.stdout == "400 True\n", (told.stdout, told.stderr)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_takes_the_locks_in_the_order_of_others(tmp_path: Path, run_python: RunPython) -> None:
    """While threads open journals, no fork waits for one that waits for it."""
    told = run_python("-W", "ignore::DeprecationWarning", "-c", FORKS_AMONG_OPENINGS, str(tmp_path))
    assert told.stdout == "0\n", (told.stdout, told.stderr)


def test_processes_make_a_file_together(tmp_path: Path) -> None:
    """Those that open it at the same moment, before there is one, all get it, whatever SQLite says of the switch."""
    command = [sys.executable, "-c", OPEN_AT_ONCE]
    with contextlib.ExitStack() as stack:
        crew = [
            stack.enter_context(
                subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for name in ("one", "two")
        ]
        pipes = [(cast("IO[str]", each.stdin), cast("IO[str]", each.stdout)) for each in crew]
        assert [told.readline() for _, told in pipes] == ["ready\n"] * 2
        for number in range(40):
            path, at = tmp_path / f"{number}.db", time.time() + 0.005
            for orders, _ in pipes:
                orders.write(f"{path} {at}\n")
                orders.flush()
            assert [told.readline() for _, told in pipes] == ["made\n"] * 2
            with sr.SqliteJournal(path) as journal:
                assert {record.run_id for record in journal.runs()} == {"one", "two"}


def test_opening_it_twice_gives_up_no_lock(tmp_path: Path, run_python: RunPython) -> None:
    """What the first writes after another process came and went is there, although the second opened the same file."""
    path = tmp_path / "runs.db"
    with sr.SqliteJournal(path) as first, sr.SqliteJournal(path):
        first.begin(_record("before"))
        assert run_python("-c", LOOK, str(path)).stdout == "before\n"
        first.begin(_record("after"))
        assert run_python("-c", LOOK, str(path)).stdout == "after before\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_locks_of_its_own(tmp_path: Path, run_python: RunPython) -> None:
    """A daemon, whose parent opened the journal and has ended: what it writes stays, wherever it goes."""
    told = run_python("-W", "ignore::DeprecationWarning", "-c", DAEMON, str(tmp_path), LOOK)
    assert told.stdout.splitlines() == ["daemon parent", "daemon later parent", "daemon later parent"], told.stderr


def test_a_journal_that_is_closed_stays_so(tmp_path: Path) -> None:
    """A fork opens it again for nobody."""
    journal = sr.SqliteJournal(tmp_path / "runs.db")
    journal.close()
    journal._put_away()
    with pytest.raises(sr.JournalError, match="cannot be read: it is closed"):
        journal.runs()


def test_a_write_that_nobody_would_find_is_told(tmp_path: Path, run_python: RunPython) -> None:
    """Where the program itself gives up the locks, the first write that would be lost is an error, and all later."""
    path = tmp_path / "runs.db"
    journal = sr.SqliteJournal(path)
    journal.begin(_record("kept"))
    # Reading the file closes it, and with that, as POSIX has it, ends this process's locks.
    path.read_bytes()
    assert run_python("-c", LOOK, str(path)).stdout == "kept\n"
    for _ in range(2):
        with pytest.raises(sr.JournalError, match=r"cannot be begun: runs.db-wal was deleted or replaced"):
            journal.begin(_record("lost"))
    with pytest.raises(sr.JournalError, match="cannot be read"):
        journal.runs()
    journal.close()
    with sr.SqliteJournal(path) as again:
        assert [record.run_id for record in again.runs()] == ["kept"]


def test_a_write_is_looked_for_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is taken away in the very moment of the write: that is told too."""
    path = tmp_path / "runs.db"
    journal = sr.SqliteJournal(path)
    look, looks = journal._look, itertools.count()

    def taken(**how: bool) -> None:
        look(**how)
        if next(looks) == 0:
            (tmp_path / "runs.db-wal").unlink()

    monkeypatch.setattr(journal, "_look", taken)
    with pytest.raises(sr.JournalError, match="-wal was deleted or replaced"):
        journal.begin(_record())
    journal.close()


def test_a_closed_file_is_told(tmp_path: Path) -> None:
    """Whoever goes on with a journal that was closed gets an error of ours."""
    journal = sr.SqliteJournal(tmp_path / "runs.db")
    journal.close()
    with pytest.raises(sr.JournalError, match="cannot be read"):
        journal.get("r")


def test_an_interruption_at_any_line_leaves_the_file_to_others(tmp_path: Path) -> None:
    """Ctrl-C anywhere in a write: it is done whole or not at all, nothing is locked, and this process goes on."""
    ends = {True: 0, False: 0}
    before = sys.gettrace()
    for at in itertools.count(1):
        journal = sr.SqliteJournal(tmp_path / f"{at}.db")
        lease = _claimed(journal)
        passed: list[int] = []

        def trace(frame: Any, event: str, _: object, at: int = at, passed: list[int] = passed) -> Any:
            if frame.f_code.co_filename not in (store_of_files.__file__, contextlib.__file__):
                return None
            # At a "try", and at the end of a "with" of C's before the lock is free, Python looks for no signal.
            if event == "line" and not _line_of(frame).strip().startswith(("with self._lock", "try:")):
                passed.append(frame.f_lineno)
                if len(passed) == at:
                    raise KeyboardInterrupt
            return trace

        stopped: BaseException | None = None
        sys.settrace(trace)
        try:
            journal.settle(lease, SETTLED)
        except KeyboardInterrupt as error:
            # With its frames, as whoever handles it has them.
            stopped = error
        finally:
            sys.settrace(before)
        assert journal._lock.acquire(timeout=5), passed[-3:]
        journal._lock.release()
        with contextlib.closing(sqlite3.connect(journal.path, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        written = journal.entries("r")
        assert written in ((), (SETTLED,))
        ends[bool(written)] += 1
        assert journal.tell("r", "signal", "{}", 1.0) == 1
        journal.close()
        if stopped is None:
            break
    assert ends[True] >= 2 and ends[False] > 10, ends


def _line_of(frame: Any) -> str:
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno)


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_that_was_made_again_is_told(tmp_path: Path, how: str) -> None:
    """Whoever has the old one open must not go on with it: others would not see what it does, and do it again."""
    path = tmp_path / "runs.db"
    fake = FakeSlack()
    fake.add_channel("one")
    book = sr.Runbook("b", {"say": sr.SendMessage(channel="#one", text="x")})
    with sr.SqliteJournal(path) as old:
        for each in tmp_path.glob("runs.db*"):
            each.unlink()
        with contextlib.ExitStack() as open_ones:
            if how == "replaced":
                new = open_ones.enter_context(sr.SqliteJournal(path))
                with fake.executor(journal=new) as executor:
                    assert executor.run(book, {}, run_id="r").ok
            with (
                fake.executor(journal=old) as executor,
                pytest.raises(sr.JournalError, match=r"runs\.db cannot be read"),
            ):
                executor.run(book, {}, run_id="r")
            assert len(fake.calls) == (how == "replaced")


@pytest.mark.parametrize("field", ["run_id", "subject"])
def test_half_a_character_in_a_name_is_told(journal: Journal, field: str) -> None:
    """As an error of ours, or kept as it is; other runs are not touched by it."""
    record = attrs.evolve(_record(), **{field: "INC-\ud83d"})
    try:
        assert journal.begin(record) == record
    except sr.JournalError as told:
        assert "\ud83d" not in str(told) and "surrogates not allowed" in str(told)  # noqa: PT017 - either will do
    assert journal.begin(_record("other")).run_id == "other"


# --- sealed ----------------------------------------------------------------------------------------------------------


def _secret(journal: Journal) -> Lease:
    """Write the word ``attack`` wherever a text may stand."""
    journal.begin(RunRecord(run_id="r", spec='{"text":"attack"}', subject="INC-1"))
    lease = journal.claim("r", "one", 100.0, 60.0)
    assert lease is not None
    journal.intend(lease, Entry(seq=1, work='["attack"]', ready_at=1.0), 0)
    journal.settle(lease, Entry(seq=1, work='["attack"]', ready_at=1.0, result='"attack"', done_at=2.0))
    journal.tell("r", "signal", '"attack"', 3.0)
    journal.end(lease, "succeeded", 4.0, wake_at=None, saved='{"a":"attack"}')
    return lease


READS: dict[str, Callable[[Journal], object]] = {
    "get": lambda journal: journal.get("r"),
    "entries": lambda journal: journal.entries("r"),
    "listen": lambda journal: journal.listen("r", 0),
    "runs": lambda journal: journal.runs(),
    "about": lambda journal: journal.about("INC-1"),
    "begin": lambda journal: journal.begin(_record()),
}


def test_nothing_that_messages_say_can_be_read_in_the_store(tmp_path: Path) -> None:
    """Sealed, the word stands nowhere in the file; without the seal it does."""
    for sealed in (True, False):
        path = tmp_path / f"{sealed}.db"
        store = sr.SqliteJournal(path)
        _secret(sr.SealedJournal(store, Toy()) if sealed else store)
        store.close()
        whole = b"".join(each.read_bytes() for each in tmp_path.glob(f"{sealed}.db*"))
        assert (b"attack" in whole) is not sealed and b"INC-1" in whole


@pytest.mark.parametrize("read", READS)
def test_a_wrong_key_is_told(read: str) -> None:
    """It says of which run, and what to do; the text is in no error."""
    store = sr.MemoryJournal()
    _secret(sr.SealedJournal(store, Toy(b"right")))
    assert "attack" in repr(vars(store)) or READS[read](sr.SealedJournal(store, Toy(b"right")))
    with pytest.raises(sr.JournalError, match="run 'r' cannot be opened .*another key") as wrong:
        READS[read](sr.SealedJournal(store, Toy(b"wrong")))
    assert "attack" not in str(wrong.value)
    plain = sr.MemoryJournal()
    _secret(plain)
    with pytest.raises(sr.JournalError, match="run 'r' is not sealed"):
        READS[read](sr.SealedJournal(plain, Toy(b"right")))


def test_a_sealed_text_is_of_no_use_to_another_run() -> None:
    """Whoever can write into the store cannot put one run's approval into another."""
    store = sr.MemoryJournal()
    sealed = sr.SealedJournal(store, Toy())
    for run_id in ("r", "s"):
        sealed.begin(_record(run_id))
    sealed.tell("r", "signal", '"yes"', 1.0)
    store.tell("s", "signal", store.listen("r", 0).messages[0].payload, 2.0)
    assert sealed.listen("r", 0).messages[0].payload == '"yes"'
    with pytest.raises(sr.JournalError, match="run .s. was sealed for another run"):
        sealed.listen("s", 0)


def test_a_sealed_text_is_of_no_use_in_another_place() -> None:
    """Whoever can write into the store cannot turn a signal into a cancel, nor one answer of a run into another."""
    store = sr.MemoryJournal()
    lease = _secret(sr.SealedJournal(store, Toy()))
    lease = attrs.evolve(lease, epoch=2)
    assert store.claim("r", "one", 200.0, 60.0) == attrs.evolve(lease, until=260.0)
    (entry,) = store.entries("r")
    (message,) = store.listen("r", 0).messages
    record = store.get("r")
    assert record is not None and entry.result is not None
    moved: dict[str, tuple[Callable[[], object], Callable[[Journal], object]]] = {
        "to another number": (
            lambda: store.settle(lease, attrs.evolve(entry, seq=2)),
            lambda journal: journal.entries("r"),
        ),
        "a result in place of the work": (
            lambda: store.settle(lease, attrs.evolve(entry, work=entry.result)),
            lambda journal: journal.entries("r"),
        ),
        "a message of another kind": (
            lambda: store.tell("r", "cancel", message.payload, 5.0),
            lambda journal: journal.listen("r", message.seq),
        ),
        "a payload as what was saved": (
            lambda: store.end(lease, "failed", 5.0, saved=message.payload),
            lambda journal: journal.get("r"),
        ),
    }
    for what, (move, read) in moved.items():
        sealed = sr.SealedJournal(store, Toy())
        assert read(sealed) is not None
        move()
        with pytest.raises(sr.JournalError, match="run 'r' was sealed for another"):
            read(sealed)
        if what.startswith(("to another", "a result")):
            store._entries["r"] = {1: entry}


def test_fernet_fits() -> None:
    """The package cryptography's ciphers are taken as they are, and keys are changed with MultiFernet."""
    fernet = pytest.importorskip("cryptography.fernet")
    old, new = fernet.Fernet(fernet.Fernet.generate_key()), fernet.Fernet(fernet.Fernet.generate_key())
    store = sr.MemoryJournal()
    _secret(sr.SealedJournal(store, old))
    assert READS["get"](sr.SealedJournal(store, fernet.MultiFernet([new, old])))
    with pytest.raises(sr.JournalError, match=r"cannot be opened \(InvalidToken\)"):
        READS["get"](sr.SealedJournal(store, new))


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only who makes a PostgresJournal needs it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(sr.JournalError, match=r"needs psycopg .*pip install 'slackrunbooks\[postgres\]'"):
        sr.PostgresJournal("host=127.0.0.1")


@pytest.fixture
def schema() -> Iterator[str]:
    """A schema that does not exist yet."""
    with postgres_schema() as name:
        yield name


@pytest.fixture
def opened(schema: str) -> Iterator[Callable[..., sr.PostgresJournal]]:
    """Make journals in the schema, by default on the caller's clock; they are closed after the test."""
    made: list[sr.PostgresJournal] = []

    def make(dsn: str = POSTGRES, **options: Any) -> sr.PostgresJournal:
        made.append(sr.PostgresJournal(dsn, schema=schema, **{"clock": "caller", **options}))
        return made[-1]

    yield make
    for journal in made:
        journal.close()


def _execute(sql: str) -> list[tuple[Any, ...]]:
    import psycopg

    with psycopg.connect(POSTGRES, autocommit=True) as database:
        cursor = database.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


class Cutting:
    """A way to the server that breaks at a commit: before it is sent on, or before its answer comes back."""

    def __init__(self) -> None:
        import psycopg.conninfo

        settings = psycopg.conninfo.conninfo_to_dict(POSTGRES)
        self.server = (str(settings.get("host", "127.0.0.1")), int(settings.get("port", 5432)))
        self.cut = ""
        self.at = b"COMMIT\0"
        self.then: Callable[[], object] = lambda: None
        self.cuts = 0
        self.silenced: socket.socket | None = None
        self.open: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = str(self.listener.getsockname()[1])
        self.dsn = psycopg.conninfo.make_conninfo(POSTGRES, host="127.0.0.1", port=port, sslmode="disable")
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.server)
                self.open += [client, server]
                for source, target in ((client, server), (server, client)):
                    thread = threading.Thread(target=self._carry, args=(source, target, target is server), daemon=True)
                    self.threads.append(thread)
                    thread.start()

    def _carry(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        client, server = (source, target) if asks else (target, source)
        then: Callable[[], object] | None = None
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if asks and self.cut and self.at in data:
                    how, self.cut = self.cut, ""
                    self.cuts += 1
                    if how == "before":
                        then = self.then
                        break
                    self.silenced = server
                elif self.silenced is source:
                    then = self.then
                    break
                target.sendall(data)
        # The server first: by the time the client notices, what was not committed is undone.
        self._shut(server)
        if then is not None:
            then()
        self._shut(client)

    @staticmethod
    def _shut(end: socket.socket) -> None:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for each in (self.listener, *self.open):
            self._shut(each)
            each.close()
        for thread in self.threads:
            thread.join(timeout=10)
            assert not thread.is_alive()


@pytest.fixture
def cutting() -> Iterator[Cutting]:
    """A way to the server that can be cut."""
    way = Cutting()
    yield way
    way.close()


ENTRY = Entry(seq=1, work="w", ready_at=1.0)
SETTLED = attrs.evolve(ENTRY, result="x", done_at=2.0)

# What is done over the way that is cut, given the lease on "r"; and what must stand afterwards.
CUT: dict[str, tuple[Callable[[Journal, Lease], object], Callable[[Journal, Any], bool]]] = {
    "begin": (
        lambda journal, _: journal.begin(_record("new")),
        lambda journal, got: got == journal.get("new") and len(journal.runs()) == 2,
    ),
    "claim": (
        lambda journal, lease: journal.claim("r", "two", lease.until + 1, 60.0),
        lambda journal, got: journal.renew(got, 200.0, 60.0).epoch == got.epoch >= 2,
    ),
    "renew": (
        lambda journal, lease: journal.renew(lease, 150.0, 60.0),
        lambda journal, got: got.until == 210.0 and journal.claim("r", "two", 209.0, 1.0) is None,
    ),
    "intend": (
        lambda journal, lease: journal.intend(lease, ENTRY, 0),
        lambda journal, got: not got and journal.entries("r") == (ENTRY,),
    ),
    "settle": (
        lambda journal, lease: journal.settle(lease, SETTLED),
        lambda journal, _: journal.entries("r") == (SETTLED,),
    ),
    "end": (
        lambda journal, lease: journal.end(lease, "running", 102.0, wake_at=500.0, saved="s"),
        lambda journal, _: (journal.due(499.0, 9), journal.due(500.0, 9)) == ((), ("r",)),
    ),
    "tell": (
        lambda journal, _: journal.tell("r", "signal", "{}", 5.0),
        lambda journal, got: [each.seq for each in journal.listen("r", 0).messages] == [got],
    ),
    "pause": (lambda journal, _: journal.pause("why"), lambda journal, _: journal.paused() == "why"),
    "reserve": (
        lambda journal, _: journal.reserve("lane", 1000.0, 1.0, 1),
        lambda journal, got: journal.reserve("lane", 1000.0, 1.0, 1) - got == 1.0 and got <= 1.0,
    ),
    "close_lane": (
        lambda journal, _: journal.close_lane("lane", 1010.0),
        lambda journal, _: journal.reserve("lane", 1000.0, 1.0, 1) == 10.0,
    ),
    "purge": (lambda journal, _: journal.purge(0.0), lambda journal, got: got == 0 and len(journal.runs()) == 1),
}


@with_postgres
@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("what", CUT)
def test_what_breaks_at_its_commit_is_done_once(
    what: str, how: str, cutting: Cutting, schema: str, opened: Callable[..., sr.PostgresJournal]
) -> None:
    """Whether it was on disk or not when the connection broke: it is then, once, and the answer is right."""
    work, stands = CUT[what]
    journal = opened(cutting.dsn)
    lease = _claimed(journal)
    cutting.cut = how
    got = work(journal, lease)
    assert cutting.cuts == 1 and stands(journal, got)


@with_postgres
@pytest.mark.parametrize("how", ["before", "after"])
def test_a_connection_that_breaks_while_it_is_made_is_made_again(
    how: str, cutting: Cutting, opened: Callable[..., sr.PostgresJournal]
) -> None:
    """Also where it breaks when the server's settings are asked for."""
    journal = opened(cutting.dsn)
    lease = _claimed(journal)
    journal._forget()
    cutting.at, cutting.cut = b"current_setting", how
    journal.settle(lease, SETTLED)
    assert cutting.cuts == 1 and journal.entries("r") == (SETTLED,)


@with_postgres
def test_what_is_told_after_a_broken_intent_waits_for_the_next(
    cutting: Cutting, schema: str, opened: Callable[..., sr.PostgresJournal]
) -> None:
    """The intent stands, so its request is sent; an entry of another kind cannot take its place."""
    journal = opened(cutting.dsn)
    direct = opened()
    lease = _claimed(journal)
    told: list[int] = []
    cutting.then = lambda: told.append(direct.tell("r", "cancel", "{}", 5.0)) if not told else None
    cutting.cut = "after"
    assert not journal.intend(lease, ENTRY, 0)
    assert len(told) == 1 and journal.entries("r") == (ENTRY,)
    assert [each.seq for each in journal.listen("r", 0).messages] == told
    cutting.then = lambda: None
    # And a run that was let go and then told something is not put to sleep by its ending being done over.
    cutting.then = lambda: told.append(direct.tell("r", "signal", "{}", 6.0)) if len(told) < 2 else None
    cutting.cut = "after"
    journal.end(lease, "running", 102.0, wake_at=None)
    assert len(told) == 2 and journal.due(103.0, 9) == ("r",)


@with_postgres
def test_another_worker_that_came_in_between_is_respected(
    cutting: Cutting, schema: str, opened: Callable[..., sr.PostgresJournal]
) -> None:
    """A write that broke before it was on disk is refused where the run was taken over before it is done over."""
    journal = opened(cutting.dsn)
    direct = opened()
    lease = _claimed(journal)
    taken: list[Lease | None] = []
    cutting.then = lambda: taken.append(direct.claim("r", "two", lease.until + 1, 60.0)) if not taken else None
    cutting.cut = "before"
    with pytest.raises(sr.RunHeld):
        journal.intend(lease, ENTRY, 0)
    assert taken[0] is not None and journal.entries("r") == ()


@with_postgres
def test_connections_that_the_server_ended_are_made_again(
    schema: str, opened: Callable[..., sr.PostgresJournal]
) -> None:
    """As after a restart: the next call goes on, whatever it does, and those at leisure are dropped."""
    journal = opened(f"{POSTGRES}?application_name={schema}")
    lease = _claimed(journal)
    for number in range(3):
        ended = _execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '{schema}'"
        )
        assert ended
        if number == 1:
            assert journal.get("r") is not None
        else:
            journal.settle(lease, SETTLED)


@with_postgres
def test_a_server_that_stays_away_stops_the_run(
    cutting: Cutting, schema: str, opened: Callable[..., sr.PostgresJournal]
) -> None:
    """A clear error after the journal's patience, nothing further is sent, and no password is told."""
    fake = FakeSlack()
    fake.add_channel("one")
    book = sr.Runbook("b", {name: sr.SendMessage(channel="#one", text=name) for name in "abc"})
    journal = opened(f"{cutting.dsn} password=s3cret", patience=0.2)

    class Leaving:
        def __getattr__(self, name: str) -> Any:
            return getattr(journal, name)

        def settle(self, lease: Lease, entry: Entry) -> None:
            journal.settle(lease, entry)
            if len(fake.channel("one").messages) == 2:
                cutting.close()

    with fake.executor(journal=Leaving()) as executor, pytest.raises(sr.JournalError) as away:
        executor.run(book, {}, run_id="r")
    # It is asked for what the run was told, before the next step.
    assert str(away.value).endswith("Nothing further was sent.") and "cannot be read" in str(away.value)
    assert len(fake.channel("one").messages) == 2
    assert "s3cret" not in f"{away.value}{journal!r}"


@with_postgres
def test_a_lease_goes_by_the_clock_of_the_database(schema: str, opened: Callable[..., sr.PostgresJournal]) -> None:
    """However wrong the clocks of the workers are, a run is held as long as it was asked for; the lease is theirs."""
    journal = opened(clock="database")
    journal.begin(_record())
    slow, fast = 1000.0, 4e9
    lease = journal.claim("r", "slow", slow, 60.0)
    assert lease is not None and lease.until == 1060.0
    assert journal.claim("r", "fast", fast, 60.0) is None
    assert journal.due(fast, 9) == ()
    assert journal.renew(lease, slow, -1.0).until == 999.0
    assert journal.due(slow, 9) == ("r",)
    taken = journal.claim("r", "fast", fast, 60.0)
    assert taken is not None and taken.until == fast + 60
    assert journal.claim("r", "slow", slow, 60.0) is None
    journal.close_lane("lane", slow + 100)
    waits = [journal.reserve("lane", slow, 5.0, 1), journal.reserve("lane", slow + 1, 5.0, 1)]
    assert waits[0] == pytest.approx(100.0, abs=0.01) and waits[1] == pytest.approx(105.0, abs=3)


@with_postgres
def test_runs_go_by_either_clock(schema: str, opened: Callable[..., sr.PostgresJournal]) -> None:
    """A run on the default clock is done, although the fake workspace lives on another day."""
    fake = FakeSlack()
    fake.add_channel("one")
    journal = opened(clock="database")
    with fake.executor(journal=journal) as executor:
        report = executor.run(sr.Runbook("b", {"say": sr.SendMessage(channel="#one", text="x")}), {}, run_id="r")
    assert report.ok
    (dumped,) = _execute(f"SELECT string_agg(work || coalesce(result, ''), '') FROM {schema}.entry")[0]
    assert fake.token not in dumped


@with_postgres
def test_the_tables_are_made_once_by_whoever_comes_first(schema: str) -> None:
    """Several that open it at the same time make it together, and a later one finds it."""
    start = threading.Barrier(4)

    def open_it(number: int) -> None:
        start.wait()
        journal = sr.PostgresJournal(POSTGRES, schema=schema)
        journal.begin(_record(f"r{number}"))
        journal.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_it, range(4)))
    journal = sr.PostgresJournal(POSTGRES, schema=schema)
    assert len(journal.runs()) == 4
    journal.close()


@with_postgres
def test_what_is_no_journal_or_a_newer_one_is_refused(schema: str) -> None:
    """The error says what is wrong, and what to do; none has the password."""
    _execute(f"CREATE SCHEMA {schema}")
    _execute(f"CREATE TABLE {schema}.other (x int)")
    with pytest.raises(sr.JournalError, match=rf"the schema '{schema}' is of something else"):
        sr.PostgresJournal(POSTGRES, schema=schema)
    _execute(f"DROP TABLE {schema}.other")
    sr.PostgresJournal(POSTGRES, schema=schema).close()
    _execute(f"UPDATE {schema}.version SET version = 99")
    with pytest.raises(sr.JournalError, match=r"newer version of slackrunbooks \(schema 99"):
        sr.PostgresJournal(POSTGRES, schema=schema)
    for dsn, says in (
        ("postgresql://u:s3cret@127.0.0.1:1/x", "cannot be opened: connection failed"),
        ("postgres:s3cret", "dsn cannot be read"),
        ("host=127.0.0.1 passwort=s3cret", "dsn cannot be read"),
        (None, "dsn cannot be read"),
    ):
        with pytest.raises(sr.JournalError, match=says) as refused:
            sr.PostgresJournal(dsn)  # type: ignore[arg-type]
        assert "s3cret" not in "".join(traceback.format_exception(refused.value))
    with pytest.raises(sr.JournalError, match="schema must be"):
        sr.PostgresJournal(POSTGRES, schema="Robert'); --")
    with pytest.raises(sr.JournalError, match="clock must be"):
        sr.PostgresJournal(POSTGRES, clock="wall")  # type: ignore[arg-type]


@with_postgres
def test_a_user_who_may_not_make_the_schema_is_told(schema: str) -> None:
    """With the statement that an administrator gives; once the schema is there and theirs, it works."""
    role = f"role_{schema}"
    _execute(f"CREATE ROLE {role} LOGIN")
    try:
        dsn = f"{POSTGRES}?options=-crole%3D{role}"
        with pytest.raises(sr.JournalError, match=rf"permission denied .*CREATE SCHEMA {schema} AUTHORIZATION"):
            sr.PostgresJournal(dsn, schema=schema)
        _execute(f"CREATE SCHEMA {schema} AUTHORIZATION {role}")
        journal = sr.PostgresJournal(dsn, schema=schema)
        assert journal.begin(_record()) == journal.get("r")
        journal.close()
    finally:
        _execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        _execute(f"DROP ROLE {role}")


@with_postgres
@pytest.mark.parametrize("breakage", ["DROP TABLE {s}.entry", "ALTER TABLE {s}.entry ADD CHECK (false)"])
def test_a_database_that_refuses_stops_the_run(
    schema: str, breakage: str, opened: Callable[..., sr.PostgresJournal]
) -> None:
    """Before its next effect, with the server's reason; the row that it quotes is in no error of ours."""
    fake = FakeSlack()
    fake.add_channel("one")
    journal = opened()
    _execute(breakage.format(s=schema))
    book = sr.Runbook("b", {"say": sr.SendMessage(channel="#one", text="x")})
    with fake.executor(journal=journal) as executor, pytest.raises(sr.JournalError, match="cannot be") as told:
        executor.run(book, {}, run_id="r")
    assert fake.calls == [] and "Failing row" not in str(told.value)
    # What failed holds nothing: the run is let go, and the connection is in order.
    record = journal.get("r")
    assert record is not None and record.owner == ""
    with pytest.raises(sr.JournalError, match="NUL"):
        journal.begin(_record("a\0b"))
    with pytest.raises(sr.JournalError, match="cannot be written"):
        journal.begin(_record("\ud800"))
    journal.close()
    with pytest.raises(sr.JournalError, match="is closed"):
        journal.get("r")


@with_postgres
def test_an_intent_is_as_durable_as_the_server_can(schema: str, opened: Callable[..., sr.PostgresJournal]) -> None:
    """A setting that lets a power cut take commits away is overruled for the journal's writes; a stricter is kept."""
    for setting, wanted in (("off", "on"), ("remote_apply", "remote_apply")):
        journal = opened(f"{POSTGRES}?options=-csynchronous_commit%3D{setting}", clock="database")
        found: list[Any] = []
        journal._do("read", lambda database, _, found=found: found.extend(database.execute("SHOW synchronous_commit")))
        assert found == [(wanted,)]


@with_postgres
def test_a_fork_makes_its_own_connections(schema: str, run_python: RunPython) -> None:
    """Those of its parent stay the parent's, and go on working."""
    told = run_python("-W", "ignore::DeprecationWarning", "-c", FORK, POSTGRES, schema)
    assert (told.returncode, told.stdout) == (0, "child 0 parent 2\n"), told.stderr


FORK = """
import os, sys
import slackrunbooks as sr
from slackrunbooks.journal import RunRecord
journal = sr.PostgresJournal(sys.argv[1], schema=sys.argv[2])
journal.begin(RunRecord(run_id="a", spec="{}"))
child = os.fork()
if child == 0:
    journal.begin(RunRecord(run_id="b", spec="{}"))
    os._exit(0 if len(journal.runs()) == 2 else 1)
_, status = os.waitpid(child, 0)
print("child", status, "parent", len(journal.runs()))
journal.close()
"""
