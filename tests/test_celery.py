"""Runs under Celery, with its in-memory broker and a worker in this process."""

from __future__ import annotations

import logging
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

celery = pytest.importorskip("celery")

from celery.contrib.testing.worker import start_worker  # noqa: E402 - only where celery is there
from celery.signals import setup_logging  # noqa: E402 - likewise

from slackrunbooks.integrations.celery import CeleryRuns  # noqa: E402 - likewise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@setup_logging.connect
def _leave_logging_alone(**_: Any) -> None:
    """The worker in this process would take the loggers of the other tests away."""


def _app(name: str, broker: str = "memory://") -> Any:
    app = celery.Celery(name, broker=broker, set_as_current=False)
    app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=False)
    return app


BOOK = sr.Runbook(
    "b", {"a": sr.SendMessage(channel="#one", text="a {{n}}"), "b": sr.SendMessage(channel="#one", text="b {{n}}")}
)


@pytest.fixture
def fake() -> FakeSlack:
    """A workspace with one channel."""
    slack = FakeSlack()
    slack.add_channel("one")
    return slack


@pytest.fixture
def runs(fake: FakeSlack, tmp_path: Path) -> Iterator[CeleryRuns]:
    """An application whose tasks are not yet worked on."""
    journal = sr.SqliteJournal(tmp_path / "runs.db")
    yield CeleryRuns(_app("slack"), lambda: fake.executor(journal=journal), every=1.0)
    journal.close()


def test_a_worker_does_what_is_submitted(runs: CeleryRuns, fake: FakeSlack) -> None:
    """Messages that come twice change nothing."""
    app = runs.advance.app
    with start_worker(app, perform_ping_check=False, pool="solo", concurrency=1):
        for number in range(5):
            runs.submit(BOOK, {"n": number}, run_id=f"r{number}")
            runs.wake(f"r{number}")
        runs.wake("never")
        until = time.monotonic() + 20
        while len(fake.channel("one").messages) < 10 and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.2)
    assert sorted(message.text for message in fake.channel("one").messages) == [
        f"{letter} {number}" for letter in "ab" for number in range(5)
    ]


def test_what_no_message_told_of_is_swept_up(runs: CeleryRuns, fake: FakeSlack) -> None:
    """The broker was away when it was submitted: the sweep finds it in the journal."""
    runs.executor.submit(BOOK, {"n": 1}, run_id="r")
    told: list[Any] = []
    runs.advance.apply_async = lambda arguments, **options: told.append((arguments, options))
    runs.sweep()
    ((arguments, options),) = told
    del options["producer"]
    assert (arguments, options) == (("r",), {"expires": 10.0, "retry": False})
    runs.advance("r")
    assert [message.text for message in fake.channel("one").messages] == ["a 1", "b 1"]
    told.clear()
    runs.sweep()
    assert told == []


def test_a_broker_that_is_away_loses_nothing(runs: CeleryRuns, caplog: pytest.LogCaptureFixture) -> None:
    """The run is in the journal, and the log says so."""

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("no broker")

    runs.advance.apply_async = away
    assert runs.submit(BOOK, {"n": 1}, run_id="r") == "r"
    assert "No worker could be told of run r; the next sweep finds it: no broker" in caplog.text
    assert runs.executor.due() == ("r",)


def test_a_broker_that_is_away_holds_nobody_up(
    fake: FakeSlack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack waits for three seconds for a webhook; nobody knocks for longer than that at a broker that is not there."""
    pytest.importorskip("redis")
    slept: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", slept.append)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    app = _app("slack", f"redis://127.0.0.1:{port}/0")
    runs = CeleryRuns(app, lambda: fake.executor(journal=sr.MemoryJournal()))
    assert runs.submit(BOOK, {"n": 1}, run_id="r") == "r"
    assert sum(slept) == 0
    assert f"127.0.0.1:{port}" in caplog.text
    assert runs.executor.due() == ("r",)


def test_a_signal_wakes_the_run(runs: CeleryRuns, fake: FakeSlack) -> None:
    """And a run that cannot go on is logged, not raised into Celery, which would send it again for ever."""
    wait = sr.Step(sr.SendMessage(channel="#one", text="?"), every="30m", until="signals.done")
    runs.executor.run(sr.Runbook("w", {"w": wait}), {}, run_id="w")
    told: list[Any] = []
    runs.advance.apply_async = lambda arguments, **_: told.append(arguments)
    runs.signal("w", "done")
    assert told == [("w",)]
    runs.advance("w")
    assert runs.executor.report("w").ok


@pytest.mark.parametrize("error", [sr.RunConflict("r", "the code has changed."), sr.RunbookError("is not registered.")])
def test_a_run_that_cannot_go_on_is_logged(
    runs: CeleryRuns, error: Exception, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line at each sweep, as by ``resume_all``, and not as a task that failed."""

    def refuse(run_id: str) -> None:
        raise error

    monkeypatch.setattr(runs.executor, "resume", refuse)
    with caplog.at_level(logging.ERROR):
        runs.advance("r")
    assert f"Run r cannot go on: {error}" in caplog.text


def test_each_message_is_a_run_id_and_nothing_else(runs: CeleryRuns) -> None:
    """Late acknowledgement, no result, and one beat entry."""
    assert (runs.advance.acks_late, runs.advance.reject_on_worker_lost, runs.advance.ignore_result) == (
        True,
        True,
        True,
    )
    assert _schedule(runs.advance.app) == SWEEP


SWEEP = {"slackrunbooks.sweep": {"task": "slackrunbooks.sweep", "schedule": 1.0, "options": {"expires": 1.0}}}
OWN = {"own": {"task": "own", "schedule": 5.0}}


def _schedule(app: Any) -> dict[str, Any]:
    app.finalize()
    return dict(app.conf.beat_schedule)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "set_it",
    [
        lambda app: setattr(app.conf, "beat_schedule", OWN),
        lambda app: app.conf.update(beat_schedule=OWN),
        lambda app: app.config_from_object({"beat_schedule": OWN}),
        lambda app: app.add_periodic_task(5.0, celery.signature("own", app=app), name="own"),
    ],
    ids=["attribute", "update", "configuration", "periodic"],
)
def test_the_sweep_is_in_the_schedule_of_the_application(set_it: Any, when: str) -> None:
    """Whenever the application sets its own; without the sweep nobody would go on with what a dead worker left."""
    app = _app("slack")
    if when == "before":
        set_it(app)
    CeleryRuns(app, FakeSlack().executor, every=1.0)
    if when == "after":
        set_it(app)
    schedule = _schedule(app)
    assert schedule.keys() == {"own", *SWEEP}
    assert {**schedule, "own": None} == {**SWEEP, "own": None}


def test_an_application_that_is_ready_is_given_the_sweep() -> None:
    """Somebody has looked for its tasks before."""
    app = _app("slack")
    app.finalize()
    CeleryRuns(app, FakeSlack().executor, every=1.0)
    assert _schedule(app) == SWEEP
