"""Requests that are spread over time, so that Slack need not tell anybody to wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks._effects import Answered, Call, HostCall, Lost, Repeat, Upload
from slackrunbooks.journal import Journal, Lease
from slackrunbooks.pacing import Lane, asked_to_wait
from slackrunbooks.testing import FakeSlack
from tests.stores import STORES, open_store


@pytest.fixture(params=STORES)
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """A journal of each kind."""
    with open_store(request.param, tmp_path) as made:
        yield made


def _call(method: str, **arguments: Any) -> Call:
    return Call(method, arguments, Repeat.DOUBLES)


LANES = {
    "by tier": (_call("pins.add"), [Lane("/pins.add", 60 / 14, 4)]),
    "by channel": (_call("chat.postMessage", channel="C1"), [Lane("/messages/C1", 1 / 0.9, 1)]),
    "by both": (
        _call("chat.postEphemeral", channel="C1"),
        [Lane("/chat.postEphemeral", 60 / 70, 20), Lane("/messages/C1", 1 / 0.9, 1)],
    ),
    "a file's channel": (
        _call("files.completeUploadExternal", channel_id="C1"),
        [Lane("/files.completeUploadExternal", 60 / 70, 20), Lane("/messages/C1", 1 / 0.9, 1)],
    ),
    "in no channel": (
        _call("files.completeUploadExternal"), [Lane("/files.completeUploadExternal", 60 / 70, 20)],
    ),
    "unknown": (_call("admin.users.list"), []),
}  # fmt: skip


@pytest.mark.parametrize("what", LANES)
def test_a_request_goes_in_the_lanes_of_its_limits(what: str) -> None:
    """One for the method's tier, one for the channel that a message is posted to."""
    request, lanes = LANES[what]
    found = sr.Pacing().lanes(request)
    assert [(lane.name, lane.burst) for lane in found] == [(lane.name, lane.burst) for lane in lanes]
    assert [lane.gap for lane in found] == pytest.approx([lane.gap for lane in lanes])


def test_what_slack_does_not_count_goes_in_none() -> None:
    """The bytes of a file and functions of the host."""
    pacing = sr.Pacing()
    assert pacing.lanes(HostCall("f", lambda: None, {}, Repeat.READS)) == ()
    assert pacing.lanes(Upload("https://files.slack.com/x", b"x")) == ()  # type: ignore[arg-type]


def test_rates_can_be_told() -> None:
    """For an app with other limits, by an app's own name."""
    pacing = sr.Pacing(per_minute={"conversations.history": 1, "admin.users.list": 20}, share=1, burst=0, name="T1")
    (history,) = pacing.lanes(_call("conversations.history", channel="C1"))
    assert history == Lane("T1/conversations.history", 60.0, 1)
    assert pacing.lanes(_call("admin.users.list")) == (Lane("T1/admin.users.list", 3.0, 1),)
    assert sr.Pacing(per_minute={"chat.postMessage": 300}).lanes(_call("chat.postMessage", channel="C1"))[0].burst == 60


@pytest.mark.parametrize("rate", [1, 2, 7, 20, 50, 100, 600])
@pytest.mark.parametrize(("share", "burst"), [(0.9, 0.2), (1.0, 0.5), (0.5, 0.0), (0.3, 0.29)])
def test_no_minute_has_more_than_the_share(rate: int, share: float, burst: float) -> None:
    """Whoever asks however often: in any minute go no more than Slack allows, nor more than the share from two on."""
    (lane,) = sr.Pacing(per_minute={"m": rate}, share=share, burst=burst).lanes(_call("m"))
    journal = sr.MemoryJournal()
    sent = sorted(1e6 + journal.reserve("m", 1e6, lane.gap, lane.burst) for _ in range(3 * rate + 5))
    most = max(sum(1 for other in sent if start <= other < start + 60) for start in sent)
    assert most <= max(1, rate * share + 1e-6) + (1 if lane.burst == 1 else 0) and most <= rate


BAD = {
    "Pacing.share": {"share": 0},
    "Pacing.burst": {"burst": 0.9},
    "Pacing.per_minute.m": {"per_minute": {"m": 0}},
    "Pacing.per_minute": {"per_minute": 3},
}


@pytest.mark.parametrize("place", BAD)
def test_wrong_paces_are_refused(place: str) -> None:
    """By the place of the fault."""
    with pytest.raises(sr.RunbookError) as refused:
        sr.Pacing(**BAD[place])  # type: ignore[arg-type]
    assert refused.value.place == place


def test_only_what_slack_asked_for_closes_a_lane() -> None:
    """HTTP 429 and its codes; no lost answer and no other refusal."""
    call = _call("pins.add")
    assert asked_to_wait(call, Answered(status=429, headers={"retry-after": "7"}, data=None)) == 7
    assert asked_to_wait(call, Answered(status=200, headers={}, data={"ok": False, "error": "ratelimited"})) == 1
    for other in (Answered(status=200, headers={}, data={"ok": False, "error": "no_pin"}), Lost("reset")):
        assert asked_to_wait(call, other) == 0


# --- two executors ---------------------------------------------------------------------------------------------------

PINS = 25


def _world() -> FakeSlack:
    fake = FakeSlack(rate_limits=True)
    for name in ("one", "two"):
        fake.add_channel(name)
    return fake


def _book(number: int) -> sr.Runbook:
    return sr.Runbook(
        f"b{number}",
        {
            "say": sr.Step(sr.SendMessage(channel="{{channel}}", text="{{item}}"), foreach=list(range(PINS))),
            "topic": sr.Step(sr.SetTopic(channel="{{channel}}", topic="{{item}}"), foreach=list(range(PINS))),
        },
    )


def _refused(fake: FakeSlack) -> int:
    return sum(call.error == "ratelimited" for call in fake.calls)


def _both(fake: FakeSlack, kind: str, **options: Any) -> list[sr.Report]:
    """Run two runbooks at the same time, each in an executor of its own."""
    channels = [fake.channel("one").id, fake.channel("two").id]

    def run(number: int) -> sr.Report:
        with fake.executor(**options) as executor:
            return executor.run(_book(number), {"channel": channels[number % 2]}, run_id=f"r{number}")

    async def run_async(number: int) -> sr.Report:
        async with fake.async_executor(**options) as executor:
            return await executor.run(_book(number), {"channel": channels[number % 2]}, run_id=f"r{number}")

    async def both() -> list[sr.Report]:
        return list(await asyncio.gather(run_async(0), run_async(1)))

    if kind == "async":
        return asyncio.run(both())
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, range(2)))


POLICY = sr.RetryPolicy(attempts=50, max_wait=1000.0)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_two_executors_keep_below_the_limits_together(journal: Journal, kind: str) -> None:
    """With pacing Slack refuses nothing; without it the same two runs are refused."""
    fake = _world()
    reports = _both(fake, kind, journal=journal, pacing=sr.Pacing(), retry=POLICY)
    assert [report.state for report in reports] == ["succeeded"] * 2
    assert _refused(fake) == 0
    assert [len(fake.channel(name).messages) for name in ("one", "two")] == [PINS] * 2


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_control_without_pacing_is_refused(kind: str) -> None:
    """So that the test above proves something."""
    fake = _world()
    assert [report.state for report in _both(fake, kind, journal=sr.MemoryJournal(), retry=POLICY)]
    assert _refused(fake) > 10


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_without_a_journal_one_executor_paces_itself(kind: str) -> None:
    """Its runs share its lanes."""
    fake = _world()
    book, context = _book(0), {"channel": fake.channel("one").id}
    if kind == "sync":
        with fake.executor(pacing=sr.Pacing()) as executor:
            assert executor.run(book, context).ok and executor.run(book, context).ok
    else:

        async def twice() -> None:
            async with fake.async_executor(pacing=sr.Pacing()) as executor:
                assert all(report.ok for report in await asyncio.gather(*(executor.run(book, context) for _ in "ab")))

        asyncio.run(twice())
    assert _refused(fake) == 0 and len(fake.channel("one").messages) == 2 * PINS


@pytest.mark.parametrize("kept", [True, False])
def test_one_who_is_told_to_wait_tells_the_others(journal: Journal, kept: bool) -> None:
    """The lane is closed for everybody until Slack's time, in the journal that they share."""
    fake = FakeSlack()
    fake.add_channel("one")
    channel = fake.channel("one").id
    fake.fail_next("chat.postMessage", "ratelimited", retry_after=20)
    began = fake.now
    say = sr.SendMessage(channel=channel, text="x")
    with fake.executor(journal=journal, pacing=sr.Pacing()) as executor:
        executor.do(say, key="k" if kept else None)
    (lane,) = sr.Pacing().lanes(_call("chat.postMessage", channel=channel))
    assert fake.now == pytest.approx(began + 20)
    assert journal.reserve(lane.name, began + 5, lane.gap, lane.burst) == pytest.approx(15 + lane.gap)


def test_a_run_that_waits_for_its_place_can_be_cancelled(journal: Journal) -> None:
    """Nothing is sent after it was told, and the run ends then, not when its place comes."""
    fake = FakeSlack()
    channel = fake.add_channel("one").id
    (lane,) = sr.Pacing().lanes(_call("chat.postMessage", channel=channel))
    began = fake.now
    journal.close_lane(lane.name, began + 50)

    class Telling:
        def __getattr__(self, name: str) -> Any:
            return getattr(journal, name)

        def renew(self, lease: Lease, now: float, seconds: float) -> Lease:
            if now >= began + 20 and not journal.listen("r", 0):
                journal.tell("r", "cancel", '{"reason":"a false alarm"}', now)
            return journal.renew(lease, now, seconds)

    with fake.executor(journal=Telling(), pacing=sr.Pacing()) as executor:
        report = executor.run(sr.Runbook("b", {"say": sr.SendMessage(channel=channel, text="x")}), {}, run_id="r")
        assert (report.state, fake.calls) == ("cancelled", [])
        assert fake.now == pytest.approx(began + 20, abs=5)
        assert executor.report("r").to_dict() == report.to_dict()


def _busy(fake: FakeSlack, journal: Journal, places: int) -> None:
    """Let others stand in the lane of the channel."""
    (lane,) = sr.Pacing().lanes(_call("chat.postMessage", channel=fake.channel("one").id))
    for _ in range(places):
        journal.reserve(lane.name, fake.now, lane.gap, lane.burst)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(("places", "options"), [(120, {"deadline": 10.0}), (30, {"deadline": 10.0}), (30, {})])
def test_a_place_that_comes_too_late_is_not_used(
    journal: Journal, kind: str, places: int, options: dict[str, float]
) -> None:
    """Neither after the deadline of the run, nor when the step has expired."""
    fake = FakeSlack()
    channel = fake.add_channel("one").id
    _busy(fake, journal, places)
    say = sr.Step(sr.SendMessage(channel=channel, text="x"), expires_after=None if options else 10)

    async def run_async() -> sr.Report:
        async with fake.async_executor(journal=journal, pacing=sr.Pacing()) as executor:
            return await executor.run(sr.Runbook("b", {"say": say}), {}, run_id="r", **options)

    if kind == "async":
        report = asyncio.run(run_async())
    else:
        with fake.executor(journal=journal, pacing=sr.Pacing()) as executor:
            report = executor.run(sr.Runbook("b", {"say": say}), {}, run_id="r", **options)
    assert fake.calls == []
    assert report.state == ("cancelled" if options else "succeeded")
    assert report["say"].outcome == ("cancelled" if options else "skipped")


def test_a_long_wait_for_a_place_holds_nobody(journal: Journal) -> None:
    """The run is let go; whoever goes on with it when its place has come sends it, once, whatever it was told."""
    fake = FakeSlack()
    channel = fake.add_channel("one").id
    _busy(fake, journal, 120)
    began = fake.now
    with fake.executor(journal=journal, pacing=sr.Pacing()) as executor:
        report = executor.run(sr.Runbook("b", {"say": sr.SendMessage(channel=channel, text="x")}), {}, run_id="r")
        assert (report.state, fake.now) == ("waiting", began)
        executor.signal("r", "nothing")
        assert executor.resume("r").state == "waiting" and fake.calls == []
        fake.advance(135)
        assert executor.resume("r").ok
    assert (report["say"].attempts, executor.report("r")["say"].attempts) == (0, 1)
    assert executor.report("r")["say"].waited == 0.0
    assert [call.at - began for call in fake.calls_to("chat.postMessage")] == [135.0]


def test_a_closed_lane_holds_those_who_have_a_place(journal: Journal) -> None:
    """Slack says "later" to the first; the seven that wait behind it take a new place each, and none is refused."""
    fake = FakeSlack()
    channel = fake.add_channel("one").id
    began = fake.now
    fake.fail_next("chat.postMessage", "ratelimited", retry_after=30)

    async def both() -> None:
        async with fake.async_executor(journal=journal, pacing=sr.Pacing()) as executor:
            books = [sr.Runbook("b", {"say": sr.SendMessage(channel=channel, text=str(n))}) for n in range(8)]
            reports = await asyncio.gather(
                *(executor.run(book, {}, run_id=book.steps["say"].action.text) for book in books)  # type: ignore[attr-defined]
            )
            while not all(report.ok for report in reports):
                fake.advance(10)
                await executor.resume_all()
                reports = [executor.report(str(number)) for number in range(8)]

    asyncio.run(both())
    times = [call.at - began for call in fake.calls_to("chat.postMessage")]
    assert times[0] == 0 and min(times[1:]) >= 30 and len(times) == 9


def test_a_journal_that_cannot_pace_stops_no_action(caplog: pytest.LogCaptureFixture) -> None:
    """What is not kept is sent all the same, and the log says so."""

    class Broken(sr.MemoryJournal):
        def reserve(self, *_: Any) -> float:
            raise sr.JournalError("the lanes are gone.")

    fake = FakeSlack()
    channel = fake.add_channel("one").id
    with caplog.at_level(logging.WARNING), fake.executor(journal=Broken(), pacing=sr.Pacing()) as executor:
        executor.do(sr.SendMessage(channel=channel, text="x"))
    assert len(fake.channel("one").messages) == 1 and "Pacing does without the journal" in caplog.text
