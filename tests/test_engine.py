"""The state machine alone, and how the drivers leave it when they are interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks._effects import Answered, Call, Find, Flow, Forget, Lost, NotSent, Partial, Repeat
from slackrunbooks._engine import Machine, Send, Sleep
from slackrunbooks.testing import FakeSlack


@attrs.frozen(kw_only=True)
class Scripted(sr.Action[dict[str, Any]]):
    """An own action whose generator the test wrote."""

    output: ClassVar[type[Any]] = dict
    script: Any = attrs.field(repr=False)

    def flow(self) -> Flow[dict[str, Any]]:
        result: dict[str, Any] = yield from self.script()
        return result


READ = Call("conversations.list", {}, Repeat.READS)
WRITE = Call("chat.postMessage", {"channel": "C1"}, Repeat.DOUBLES)
OK = Answered(200, {}, {"ok": True, "ts": "1.000001"})


def answer(code: str, status: int = 200, **headers: str) -> Answered:
    """A refusal by Slack."""
    return Answered(
        status, {key.replace("_", "-"): value for key, value in headers.items()}, {"ok": False, "error": code}
    )


def machine(*scripts: Any, retry: sr.RetryPolicy | None = None, **options: Any) -> Machine:
    """A machine whose steps are scripted."""
    steps = {f"s{number}": sr.Step(Scripted(script=script), **options) for number, script in enumerate(scripts)}
    return Machine(sr.Runbook("scripted", steps), {}, run_id="r", retry=retry or sr.RetryPolicy())


def one_call(call: Call = WRITE) -> Iterator[Any]:
    """The script of an action with one request."""
    reply = yield call
    return {"ts": reply.get("ts")}


def play(run: Machine, deliveries: list[Any], now: float = 100.0) -> tuple[sr.Report, list[Any]]:
    """Perform the machine's work from a list of deliveries; returns the report and the work given out."""
    done: list[Any] = []
    while work := run.ready(now):
        for piece in work:
            done.append(piece)
            if isinstance(piece, Sleep):
                now = max(now, piece.until)
                run.done(piece, None, now)
            else:
                now += 0.25
                run.done(piece, deliveries.pop(0), now)
    assert run.finished and not deliveries
    return run.report(), done


def test_work_is_given_out_once() -> None:
    """``ready`` gives each piece once, and nothing while it is under way."""
    run = machine(one_call)
    (work,) = run.ready(1.0)
    assert work == Send("s0", 1, 1, WRITE)
    assert run.ready(1.0) == [] and not run.finished
    run.done(work, OK, 2.0)
    assert run.ready(2.0) == [] and run.finished


@pytest.mark.parametrize(
    ("call", "deliveries", "outcome", "waits"),
    [
        (WRITE, [OK], "succeeded", []),
        (WRITE, [answer("ratelimited", 429, retry_after="3"), OK], "succeeded", [3.0]),
        (WRITE, [answer("rate_limited"), OK], "succeeded", [1.0]),
        (WRITE, [NotSent("connection refused"), NotSent("connection refused"), OK], "succeeded", [0.5, 1.0]),
        (WRITE, [NotSent("no such host")] * 5, "failed", [0.5, 1.0, 2.0, 4.0]),
        (WRITE, [answer("ratelimited", 429, retry_after="121")], "failed", []),
        (WRITE, [answer("channel_not_found")], "failed", []),
        (WRITE, [Answered(302, {}, None)], "failed", []),
        (WRITE, [Answered(404, {}, None)], "failed", []),
        (WRITE, [Answered(408, {}, None)], "ambiguous", []),
        (WRITE, [Answered(200, {}, None)], "ambiguous", []),
        (WRITE, [Answered(502, {}, None)], "ambiguous", []),
        (WRITE, [answer("internal_error")], "ambiguous", []),
        (WRITE, [answer("fatal_error", 500)], "ambiguous", []),
        (WRITE, [Lost("no answer within 30 seconds")], "ambiguous", []),
        (READ, [Lost("reset"), Answered(502, {}, None), answer("internal_error"), OK], "succeeded", [0.5, 1.0, 2.0]),
        (READ, [Lost("reset")] * 5, "failed", [0.5, 1.0, 2.0, 4.0]),
    ],
)
def test_what_is_tried_again(call: Call, deliveries: list[Any], outcome: str, waits: list[float]) -> None:
    """Only refusals, unsent requests and lost answers of reads are tried again, after the waits of the table."""
    report, done = play(machine(lambda: one_call(call)), list(deliveries))
    assert report["s0"].outcome == outcome, str(report)
    assert report["s0"].waited == sum(waits)
    assert report["s0"].attempts == len(deliveries)
    assert sum(isinstance(piece, Sleep) for piece in done) == len(waits)


def test_what_was_found_is_shared_until_it_is_forgotten() -> None:
    """A fact is looked up once in a run, and again by whoever asks after a step that changed it."""

    def asks(*keys: tuple[str, ...]) -> Any:
        def script() -> Flow[dict[str, Any]]:
            for key in keys:
                yield Find(key, lambda: one_call(READ))
            return {}

        return script

    def changes() -> Flow[dict[str, Any]]:
        yield Forget(("group",))
        return {}

    facts = (("group", "a"), ("group", "b"), ("groups",))
    report, _ = play(machine(asks(*facts), asks(*facts), changes, asks(*facts)), [OK] * 5)
    assert [len(step.calls) for step in report.steps] == [3, 0, 0, 2], str(report)


def test_the_total_wait_is_capped() -> None:
    """A wait that would pass ``max_wait`` is not begun."""
    limited = [answer("ratelimited", 429, retry_after="50")] * 3
    report, _ = play(machine(one_call, retry=sr.RetryPolicy(max_wait=120)), limited)
    assert report["s0"].waited == 100.0
    assert isinstance(report["s0"].error, sr.RateLimited)
    report, _ = play(machine(one_call, retry=sr.RetryPolicy(attempts=1)), [NotSent("refused")])
    assert isinstance(report["s0"].error, sr.SlackUnavailable) and "Nothing was sent" in report["s0"].remedy


@pytest.mark.parametrize("field", ["attempts", "max_wait", "first_wait", "longest_wait"])
def test_a_retry_policy_that_makes_no_sense_is_refused(field: str) -> None:
    """No attempts and negative waits are refused by name."""
    with pytest.raises(sr.RunbookError, match=f"RetryPolicy.{field}"):
        sr.RetryPolicy(**{field: -1})


def test_a_refusal_is_thrown_into_the_action() -> None:
    """An action may catch the typed error and go on."""

    def script() -> Flow[dict[str, Any]]:
        try:
            yield WRITE
        except sr.ChannelNotFound:
            reply = yield WRITE
            return {"second": reply["ts"]}
        return {}

    report, done = play(machine(script), [answer("channel_not_found"), OK])
    assert report["s0"].output == {"second": "1.000001"}
    assert [piece.number for piece in done] == [1, 2]


def test_a_lost_answer_is_never_thrown_into_the_action() -> None:
    """No action can catch an ambiguous outcome; its clean-up runs, and the step stops."""
    cleaned: list[str] = []

    def script() -> Flow[dict[str, Any]]:
        yield Partial({"made": 1})
        try:
            yield WRITE
        except Exception:  # noqa: BLE001
            cleaned.append("caught")
        finally:
            cleaned.append("closed")
        return {}

    report, _ = play(machine(script, one_call), [Lost("reset")])
    assert cleaned == ["closed"]
    assert (report["s0"].outcome, report["s0"].output) == ("ambiguous", {"made": 1})
    assert report["s1"].outcome == "skipped" and report.state == "ambiguous"
    with pytest.raises(sr.StepFailed, match="'s0' failed: Step 's0': chat.postMessage was sent") as failed:
        report.raise_for_failure()
    assert isinstance(failed.value.__cause__, sr.AmbiguousOutcome)
    assert failed.value.__cause__.sent_at == 100.0


def test_a_look_up_is_made_once_and_shared() -> None:
    """Steps that ask for the same fact share one look-up, failures of it reach the action that asked."""

    def look() -> Flow[str]:
        reply = yield READ
        return str(reply["ts"])

    def script() -> Flow[dict[str, Any]]:
        found = yield Find(("fact",), look)
        return {"found": found}

    report, done = play(machine(script, script), [OK])
    assert [report[name].output for name in ("s0", "s1")] == [{"found": "1.000001"}] * 2
    assert len(done) == 1
    report, _ = play(machine(script, on_error="continue"), [answer("invalid_auth")])
    assert isinstance(report["s0"].error, sr.AuthenticationFailed) and report.ok


def test_an_own_action_that_raises_or_yields_nonsense_fails_its_step() -> None:
    """A bug in a host's action is reported as such, with its own exception."""

    def broken() -> Flow[dict[str, Any]]:
        yield Partial({"before": 1})
        raise ZeroDivisionError("oops")

    def nonsense() -> Flow[dict[str, Any]]:
        yield "chat.postMessage"  # type: ignore[misc]
        return {}

    def stubborn() -> Flow[dict[str, Any]]:
        try:
            yield WRITE
        finally:
            yield WRITE

    report, _ = play(machine(broken, nonsense, on_error="continue"), [])
    assert isinstance(report["s0"].error, ZeroDivisionError) and report["s0"].output == {"before": 1}
    assert (
        str(report["s1"].error) == "an action may yield Call, Upload, HostCall, Find, Forget, Partial and Wait, not str"
    )
    report, _ = play(machine(stubborn), [Lost("reset")])
    assert report["s0"].outcome == "ambiguous"


@pytest.mark.parametrize(("call", "outcome"), [(WRITE, "ambiguous"), (READ, "cancelled")])
def test_cancelling_while_sending_tells_what_is_not_known(call: Call, outcome: str) -> None:
    """A write that was being sent is ambiguous, a read is not; the rest is cancelled."""
    run = machine(lambda: one_call(call), one_call)
    (work,) = run.ready(1.0)
    run.sending(work)
    run.cancel(2.0, reason="Ctrl-C")
    report = run.report()
    assert run.finished
    assert [step.outcome for step in report.steps] == [outcome, "cancelled"]
    assert report.state == outcome
    assert report["s1"].reason == "Ctrl-C"


def test_cancelling_while_waiting_is_plain() -> None:
    """A request that Slack refused and that waits to be sent again was certainly not done."""
    run = machine(one_call)
    (work,) = run.ready(1.0)
    run.sending(work)
    run.done(work, answer("ratelimited", 429, retry_after="9"), 1.0)
    assert run.ready(1.0) == [Sleep("s0", 10.0)]
    run.cancel(2.0)
    assert run.report()["s0"].outcome == "cancelled"
    assert run.report().state == "cancelled" and not run.report().ok


def test_events_tell_the_story_in_order() -> None:
    """Hooks hear of each step's beginning and end, and of the end of the run once."""
    run = machine(one_call, one_call)
    play(run, [OK, OK])
    kinds = [type(event).__name__ for event in run.events()]
    assert kinds == ["StepStarted", "StepFinished", "StepStarted", "StepFinished", "RunFinished"]
    assert run.events() == []


# --- drivers ---------------------------------------------------------------------------------------------------------


class Interrupting:
    """A hook that interrupts when a step begins."""

    def __init__(self, step: str, error: BaseException) -> None:
        self.step, self.error = step, error

    def __call__(self, event: object) -> None:
        if isinstance(event, sr.StepStarted) and event.step == self.step:
            raise self.error


def two_messages(fake: FakeSlack) -> sr.Runbook:
    """A runbook of three messages, and the channel for them."""
    fake.add_channel("incidents")
    say = sr.SendMessage(channel="#incidents", text="x")
    return sr.Runbook("two", {"one": say, "two": say, "three": say})


def test_ctrl_c_between_steps_leaves_a_truthful_report() -> None:
    """KeyboardInterrupt goes on to the caller; the report tells what was done and what was not."""
    fake = FakeSlack()
    runbook = two_messages(fake)
    with fake.executor(hooks=[Interrupting("two", KeyboardInterrupt())]) as executor:
        with pytest.raises(KeyboardInterrupt):
            executor.run(runbook, run_id="r")
        report = executor.report("r")
        assert executor.report() is report
    assert [step.outcome for step in report.steps] == ["succeeded", "cancelled", "cancelled"]
    assert report.state == "cancelled"
    assert report["three"].reason == "the run was interrupted (KeyboardInterrupt)"
    assert len(fake.channel("incidents").messages) == 1


def test_ctrl_c_while_sending_is_ambiguous(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that was being sent when Ctrl-C came may stand in the channel, and the report says so."""
    fake = FakeSlack()
    runbook = two_messages(fake)
    original = fake.client.api_call

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        original(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(fake.client, "api_call", interrupted)
    with fake.executor() as executor, pytest.raises(KeyboardInterrupt):
        executor.run(runbook)
    report = executor.report()
    assert [step.outcome for step in report.steps] == ["ambiguous", "cancelled", "cancelled"]
    assert report.state == "ambiguous"
    assert len(fake.channel("incidents").messages) == 1


def test_a_cancelled_task_leaves_a_truthful_report() -> None:
    """A cancellation by asyncio goes on to the caller; a wait that it cut short was no effect."""
    fake = FakeSlack()
    runbook = two_messages(fake)

    async def main() -> sr.Report:
        started = asyncio.Event()
        executor = fake.async_executor(hooks=[lambda event: started.set()])
        gate = asyncio.Event()

        async def never(when: float) -> None:
            started.set()
            await gate.wait()

        fake.fail_next("chat.postMessage", "ratelimited", retry_after=5)
        executor._clock.async_sleep_until = never  # type: ignore[method-assign]
        task = asyncio.create_task(executor.run(runbook))
        await started.wait()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await executor.close()
        return executor.report()

    report = asyncio.run(main())
    assert [step.outcome for step in report.steps] == ["cancelled"] * 3
    assert report["one"].reason == "the run was interrupted (CancelledError)"
    assert fake.channel("incidents").messages == []


def test_a_hook_that_raises_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A broken hook does not stop the run."""
    fake = FakeSlack()
    runbook = two_messages(fake)
    with fake.executor(hooks=[Interrupting("two", ValueError("broken"))]) as executor:
        assert executor.run(runbook).ok
    assert "A hook failed; the run goes on." in caplog.text


def test_one_executor_serves_many_threads() -> None:
    """Runs of eight threads on one executor do not mix."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    runbook = sr.Runbook("many", {"say": sr.SendMessage(channel="#incidents", text="{{n}}")})
    reports: dict[int, sr.Report] = {}
    with fake.executor() as executor:

        def work(number: int) -> None:
            reports[number] = executor.run(runbook, {"n": number}, run_id=f"run/{number}")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    said = {message.ts: message.text for message in fake.channel("incidents").messages}
    assert {said[report.output("say", sr.MessageSent).ts] for report in reports.values()} == set("01234567")


def test_a_run_that_is_under_way_is_held() -> None:
    """The same run ID while the run is under way is RunHeld, not a second run."""
    fake = FakeSlack()
    runbook = two_messages(fake)
    seen: list[BaseException] = []

    def hook(event: object) -> None:
        if isinstance(event, sr.StepStarted) and event.step == "two":
            try:
                executor.run(runbook, run_id="r")
            except sr.RunHeld as error:
                seen.append(error)

    executor = fake.executor(hooks=[hook])
    assert executor.run(runbook, run_id="r").ok
    assert [str(error) for error in seen] == ["Run 'r': it is under way in another thread or task; wait for that one."]
    assert len(fake.channel("incidents").messages) == 3


def test_old_reports_are_forgotten_and_runs_under_way_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """An executor keeps the last reports only, so that a long-lived bot does not grow."""
    monkeypatch.setattr("slackrunbooks._core._KEPT", 3)
    fake = FakeSlack()
    fake.add_channel("incidents")
    runbook = sr.Runbook("one", {"say": sr.SendMessage(channel="#incidents", text="x")})
    with fake.executor() as executor:
        for number in range(5):
            executor.run(runbook, run_id=str(number))
        with pytest.raises(KeyError, match="no report of run '0'"):
            executor.report("0")
        assert executor.report("4").ok
    with pytest.raises(KeyError, match="no run has ended yet"):
        FakeSlack().executor().report()


def test_a_host_may_change_its_context_meanwhile() -> None:
    """A run works on its own copy of the context, and objects may give theirs by to_context()."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    context = {"n": [1]}

    class Incident:
        def to_context(self) -> Mapping[str, Any]:
            return context

    def hook(event: object) -> None:
        context["n"] = [2]

    runbook = sr.Runbook("one", {"say": sr.SendMessage(channel="#incidents", text="{{n.0}}")})
    with fake.executor(hooks=[hook]) as executor:
        executor.run(runbook, Incident()).raise_for_failure()
    assert fake.channel("incidents").messages[-1].text == "1"


def test_ctrl_c_in_a_hook_keeps_the_report() -> None:
    """A hook that is interrupted once more while it hears of the interruption takes nothing away."""
    fake = FakeSlack()
    runbook = two_messages(fake)

    def hook(event: object) -> None:
        if isinstance(event, (sr.StepFinished, sr.RunFinished)):
            raise KeyboardInterrupt

    with fake.executor(hooks=[hook]) as executor:
        with pytest.raises(KeyboardInterrupt):
            executor.run(runbook, run_id="r")
        assert executor.report("r").state == "cancelled"
        assert executor.run(runbook, run_id="r") is executor.report("r")


def test_a_recorded_run_needs_no_right_context() -> None:
    """A known run ID gives the recorded report even where the new context would not pass the check."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    runbook = sr.Runbook("one", {"say": sr.SendMessage(channel="#incidents", text="{{n}}")})
    with fake.executor() as executor:
        first = executor.run(runbook, {"n": 1}, run_id="r")
        again = executor.run(runbook, {}, run_id="r")
    assert again.steps == first.steps and again.notes


def test_what_a_step_cannot_save_fails_the_step_and_keeps_the_report() -> None:
    """An output without the field that ``save_as`` names is that step's failure, also where it fails already."""

    def gives() -> Flow[dict[str, Any]]:
        yield from ()
        return {"a": 1}

    def breaks() -> Flow[dict[str, Any]]:
        yield Partial({"a": 1})
        raise ZeroDivisionError

    report, _ = play(machine(gives, save_as={"x": "nope"}), [])
    assert str(report["s0"].error) == "steps.s0.save_as: the step gave no 'nope'; it gave a."
    assert report["s0"].output == {"a": 1}
    report, _ = play(machine(breaks, save_as={"x": "nope", "y": "a"}), [])
    assert isinstance(report["s0"].error, ZeroDivisionError) and report.saved == {"y": 1}


def test_an_always_step_may_ask_for_an_error_that_is_not_there() -> None:
    """Where nothing failed, ``{{#error.step}}`` and ``when: error.code`` are false, not wrong."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    runbook = sr.Runbook(
        "calm",
        {
            "log": sr.Step(
                sr.SendMessage(channel="#incidents", text="done{{#error.step}} but {{error.step}}{{/error.step}}"),
                run_if="always",
            ),
            "page": sr.Step(sr.SendMessage(channel="#incidents", text="!"), run_if="always", when="error.code"),
        },
    )
    with fake.executor() as executor:
        report = executor.run(runbook)
    assert [step.outcome for step in report.steps] == ["succeeded", "skipped"]
    assert fake.channel("incidents").messages[0].text == "done"


def test_a_key_that_did_nothing_is_free_again() -> None:
    """Under a key only what was done, or may have been, is recorded; a failure before that is no answer for ever."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    say = sr.SendMessage(channel="#incidents", text="{{n}}")
    hooks = [Interrupting("send_message", KeyboardInterrupt())]
    with fake.executor(hooks=hooks, on_ambiguous="fail") as executor:
        with pytest.raises(KeyboardInterrupt):
            executor.do(say, {"n": 1}, key="k")
        executor._hooks = ()
        with pytest.raises(sr.MissingVariable):
            executor.do(say, {}, key="k")
        fake.fail_next("chat.postMessage", "channel_not_found")
        with pytest.raises(sr.ChannelNotFound):
            executor.do(say, {"n": 1}, key="k")
        fake.lose_reply("chat.postMessage")
        for _ in range(3):
            with pytest.raises(sr.AmbiguousOutcome) as asked:
                executor.do(say, {"n": 1}, key="k")
    assert len(fake.channel("incidents").messages) == 1
    frames, trace = 0, asked.value.__traceback__
    while trace is not None:
        frames, trace = frames + 1, trace.tb_next
    assert frames < 6


def test_what_cannot_be_sent_as_json_fails_its_step_only() -> None:
    """A date in metadata is that step's own failure, before anything of it is sent; the rest of the run goes on."""
    import datetime as dt

    fake = FakeSlack()
    fake.add_channel("incidents")
    metadata = {"event_type": "x", "event_payload": {"at": "{{at}}"}}
    runbook = sr.Runbook(
        "dated",
        {
            "one": sr.SendMessage(channel="#incidents", text="1", metadata=metadata),
            "last": sr.Step(sr.SendMessage(channel="#incidents", text="2"), run_if="always"),
        },
    )
    with fake.executor() as executor:
        report = executor.run(runbook, {"at": dt.datetime(2024, 9, 16, tzinfo=dt.timezone.utc)})
    assert [step.outcome for step in report.steps] == ["failed", "succeeded"]
    assert "metadata.event_payload.at is a value of type datetime; put it in as text" in str(report["one"].error)


def test_a_cancelled_step_keeps_what_it_made() -> None:
    """A channel that exists when the run is interrupted is in the report and in the context it hands on."""
    fake = FakeSlack()
    fake.fail_next("conversations.setPurpose", "ratelimited", retry_after=5)
    steps = {"room": sr.Step(sr.CreateChannel(name="inc", description="d"), save_as={"room": "channel"})}

    def interrupt(when: float) -> None:
        raise KeyboardInterrupt

    with fake.executor() as executor:
        executor._clock.sleep_until = interrupt  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            executor.run(sr.Runbook("half", steps))
        report = executor.report()
    assert report["room"].outcome == "cancelled"
    assert report.context["room"] == fake.channel("inc").id == report.output("room", sr.ChannelCreated).channel


def test_a_feigned_placeholder_is_text() -> None:
    """A value that looks like a placeholder switches no check off."""
    fake = FakeSlack()
    feigned = "‹\u2060no›"
    with fake.executor() as executor:
        with pytest.raises(sr.CheckFailed, match="must be true or false"):
            executor.do(sr.CreateChannel(name="n", is_private="{{x}}"), {"x": feigned})
        with pytest.raises(sr.CheckFailed, match="is no person"):
            executor.do(sr.InviteToChannel(channel="C0123ABCD", users="{{x}}"), {"x": feigned})
        with pytest.raises(sr.CheckFailed, match="is a person's ID"):
            executor.do(sr.SetTopic(channel="U0ANN00001", topic="x"))
        with pytest.raises(sr.RunbookError, match="Use do for one action"):
            executor.run(sr.SetTopic(channel="C0123ABCD", topic="x"))  # type: ignore[arg-type]
    assert fake.calls == []


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer signal")
def test_ctrl_c_at_any_moment_leaves_a_truthful_report() -> None:
    """A short run of the campaign, in a process of its own: an interruption would also hit pytest and coverage."""
    campaign = Path(__file__).parent / "campaigns" / "test_interruptions.py"
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE"))}
    done = subprocess.run(
        [sys.executable, str(campaign), "300"], env=quiet, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" 0 false reports\n")
