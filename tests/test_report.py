"""Reports, plans and checks: what people and programs read of them."""

from __future__ import annotations

import json
import math
import pickle
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from html.parser import HTMLParser
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks.report import plain
from slackrunbooks.testing import FakeSlack

START = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
ROOM = sr.ChannelCreated(channel="C0123ABCD", name="inc-1", requested_name="INC 1", is_private=False)
TAKEN = sr.NameTaken("name_taken", method="conversations.create", remedy="Choose another.")

STEPS = (
    sr.StepReport(
        "room",
        "failed",
        output=ROOM,
        error=sr.NotPermitted("restricted_action", method="conversations.setTopic", remedy="Ask <an admin>."),
        calls=("conversations.create", "conversations.setTopic"),
        attempts=3,
        waited=1.5,
        started=START,
        ended=START + timedelta(seconds=2.25),
    ),
    sr.StepReport("say", "skipped", reason="step 'room' failed before"),
    sr.StepReport(
        "page",
        "succeeded",
        output={"sent": 0, "to": ["ann"], "none": None, "no": False, "empty": {}, "lost": {"U1": "no_user"}},
    ),
    sr.StepReport("own", "succeeded", output=[1, 2]),
)


def report(state: Any = "failed", steps: tuple[sr.StepReport, ...] = STEPS, **options: Any) -> sr.Report:
    """Make the report of a run."""
    defaults: dict[str, Any] = {"stopped_by": "room"} if steps is STEPS else {}
    return sr.Report(run_id="inc-1", runbook="declare", state=state, steps=steps, **{**defaults, **options})


class _Texts(HTMLParser):
    """Reads HTML strictly: only known tags, and each that opens must close, in order."""

    TAGS = frozenset({"br", "code", "div", "p", "span", "strong", "table", "tbody", "td", "th", "thead", "tr"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag in self.TAGS
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def shown(value: Any) -> str:
    """Return what a person reads in a notebook, each text between two tags on a line of its own."""
    return "\n".join(_Texts(value._repr_html_()).texts).replace("\xa0", " ")


# --- a run -----------------------------------------------------------------------------------------------------------


def test_a_report_reads_as_a_short_story() -> None:
    """``str`` has a line for the run and one for each step, with what went wrong or why it was skipped."""
    assert str(report(notes=("the context was ignored",))) == (
        "declare (inc-1): failed\n"
        "  ✗ room: failed (Slack refused conversations.setTopic: restricted_action. Ask <an admin>.)\n"
        "  – say: skipped (step 'room' failed before)\n"
        "  ✓ page: succeeded\n"
        "  ✓ own: succeeded\n"
        "  note: the context was ignored"
    )


@pytest.mark.parametrize(
    ("outcome", "mark", "ok"),
    [
        ("succeeded", "✓", True),
        ("failed", "✗", False),
        ("skipped", "–", True),
        ("waiting", "…", False),
        ("ambiguous", "?", False),
        ("cancelled", "■", False),
    ],
)
def test_each_outcome_has_a_mark(outcome: Any, mark: str, ok: bool) -> None:
    """A step tells by one sign how it ended; only success and a skip are well."""
    step = sr.StepReport("s", outcome)
    assert (str(step), step.ok) == (f"{mark} s: {outcome}", ok)
    assert f"{mark} {outcome}" in shown(report("failed", (step,)))


def test_a_report_gives_its_steps_by_name() -> None:
    """A step is found by name; a name that is none is told together with those there are."""
    assert report()["say"] is STEPS[1]
    with pytest.raises(KeyError) as error:
        report()["sya"]
    assert error.value.args[0] == "no step 'sya' in this run; there are room, say, page, own"


def test_an_output_comes_with_its_type() -> None:
    """``output`` gives a typed output, a failed step's included, and says otherwise what the step gave."""
    assert report().output("room", sr.ChannelCreated).channel == "C0123ABCD"
    assert report().output("page", dict)["sent"] == 0
    for name, kind, message in (
        ("say", sr.MessageSent, "step 'say' (skipped) gave nothing, not MessageSent"),
        ("room", sr.MessageSent, "step 'room' (failed) gave ChannelCreated, not MessageSent"),
    ):
        with pytest.raises(TypeError) as error:
            report().output(name, kind)
        assert str(error.value) == message


def test_the_remedy_of_a_step_is_its_errors() -> None:
    """A step has the remedy of its error, and none where there is no error or no remedy."""
    assert STEPS[0].remedy == "Ask <an admin>."
    assert STEPS[1].remedy == ""
    assert sr.StepReport("s", "failed", error=ValueError("no")).remedy == ""


def test_a_report_is_json() -> None:
    """``to_dict`` is plain data with everything that the report knows."""
    made = report(
        actor="pagerduty",
        reason="PGR0VU2",
        saved={"Activity.room": "C0123ABCD"},
        context={"at": START, "day": date(2024, 5, 1)},
        notes=("a note",),
    )
    assert json.loads(json.dumps(made.to_dict(), allow_nan=False)) == made.to_dict()
    assert made.to_dict() == {
        "run_id": "inc-1",
        "runbook": "declare",
        "state": "failed",
        "ok": False,
        "actor": "pagerduty",
        "reason": "PGR0VU2",
        "steps": [step.to_dict() for step in STEPS],
        "saved": {"Activity.room": "C0123ABCD"},
        "context": {"at": "2024-05-01T12:00:00+00:00", "day": "2024-05-01"},
        "notes": ["a note"],
    }
    assert STEPS[0].to_dict() == {
        "name": "room",
        "outcome": "failed",
        "output": {
            "channel": "C0123ABCD",
            "name": "inc-1",
            "requested_name": "INC 1",
            "is_private": False,
            "adopted": False,
            "mention": "<#C0123ABCD>",
        },
        "error": {
            "type": "NotPermitted",
            "message": "Slack refused conversations.setTopic: restricted_action. Ask <an admin>.",
            "remedy": "Ask <an admin>.",
            "code": "restricted_action",
            "method": "conversations.setTopic",
        },
        "reason": "",
        "calls": ["conversations.create", "conversations.setTopic"],
        "attempts": 3,
        "waited": 1.5,
        "started": "2024-05-01T12:00:00+00:00",
        "ended": "2024-05-01T12:00:02.250000+00:00",
        "workspace": "",
    }


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (ValueError("no"), {"type": "ValueError", "message": "no"}),
        (sr.RunbookError("is wrong."), {"type": "RunbookError", "message": "is wrong.", "remedy": ""}),
        (None, None),
    ],
)
def test_an_error_is_told_as_data(error: Any, facts: Any) -> None:
    """An error's type, message and remedy are data; a host's has no remedy."""
    assert sr.StepReport("s", "failed", error=error).to_dict()["error"] == facts


def test_a_report_survives_a_pickle() -> None:
    """Reports can be sent to another process."""
    again = pickle.loads(pickle.dumps(report()))
    assert str(again) == str(report())
    assert again.output("room", sr.ChannelCreated) == ROOM


def test_a_notebook_shows_facts_and_escapes_them() -> None:
    """The table has each step with its outcome, result, calls and times; nothing in it can become markup."""
    text = shown(report(notes=("<b>note</b>",), actor="<i>ann</i>", reason="a & b"))
    for part in (
        "declare", "inc-1", "✗ failed", "room", "channel: \nC0123ABCD", "requested_name: \nINC 1", "sent: \n0",
        "Slack refused conversations.setTopic: restricted_action. Ask <an admin>.", "conversations.create",
        "conversations.setTopic", "1.5", "2.25 s", "step 'room' failed before", "<b>note</b>", "no_user",
    ):  # fmt: skip
        assert part in text, part
    for part in ("is_private", "adopted", "none: ", "no: ", "empty: ", "None"):
        assert part not in text, part


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_value_breaks_a_notebook(one: str, two: str) -> None:
    """Whatever texts a report holds, they are shown as text."""
    step = sr.StepReport("s", "failed", output={one: two}, error=ValueError(two), calls=(one,))
    problem = sr.Problem(one, two, one)
    for made in (
        sr.Report(one, two, "failed", (step,), notes=(one,), actor=one, reason=two),
        sr.CheckReport((problem,), (problem,), sr.ScopeRequirements(()), subject=two),
        sr.CheckReport((), (), sr.ScopeRequirements(()), subject=two),
        sr.Plan(one, (sr.PlannedStep("s", "own", {one: two}, (one,), problems=(problem,)),), sr.ScopeRequirements(())),
        sr.Plan(one, (sr.PlannedStep("s", "own", {}, skipped=two),), sr.ScopeRequirements(())),
    ):
        assert shown(made)


# --- raising ---------------------------------------------------------------------------------------------------------


def test_a_run_that_went_well_raises_nothing() -> None:
    """``raise_for_failure`` is silent where the run succeeded, even with a failed step that may fail."""
    steps = (sr.StepReport("nice", "failed", error=TAKEN), sr.StepReport("room", "succeeded", output=ROOM))
    fine = report("succeeded", steps)
    assert fine.ok
    fine.raise_for_failure()


NICE = sr.StepReport("nice", "failed", error=sr.IsArchived("is_archived", method="m"))
LOST = sr.AmbiguousOutcome("chat.postMessage", "cut off", sent_at=1.0)

RAISES: list[tuple[sr.Report, str, BaseException | None, str]] = [
    (
        report("failed", (NICE, sr.StepReport("room", "failed", error=TAKEN)), stopped_by="room"),
        "room",
        TAKEN,
        "Step 'room' failed: Slack refused conversations.create: name_taken. Choose another.",
    ),
    (
        report("failed", (NICE, sr.StepReport("room", "failed", error=TAKEN, output=ROOM))),
        "nice",
        NICE.error,
        "Step 'nice' failed: Slack refused m: is_archived.",
    ),
    (
        report("ambiguous", (NICE, sr.StepReport("say", "ambiguous", error=LOST)), stopped_by="say"),
        "say",
        LOST,
        f"Step 'say' failed: {LOST}",
    ),
    (
        report("cancelled", (NICE, sr.StepReport("say", "cancelled", reason="the run was cancelled"))),
        "say",
        None,
        "Step 'say' failed: the run was cancelled",
    ),
    (report("cancelled", (sr.StepReport("say", "cancelled"),)), "say", None, "Step 'say' failed: the run is cancelled"),
    (
        report("waiting", (NICE, sr.StepReport("say", "waiting", reason="until noon"))),
        "say",
        None,
        "Step 'say' failed: until noon",
    ),
]


@pytest.mark.parametrize(
    ("made", "step", "cause", "message"), RAISES, ids=[f"{row[0].state} {row[1]}" for row in RAISES]
)
def test_a_run_that_did_not_go_well_raises_the_step_that_ended_it(
    made: sr.Report, step: str, cause: BaseException | None, message: str
) -> None:
    """The error names the step that stopped the run, not one that may fail, and has its error as cause."""
    assert not made.ok
    with pytest.raises(sr.StepFailed) as failed:
        made.raise_for_failure()
    assert (failed.value.step, failed.value.run_id, str(failed.value)) == (step, "inc-1", message)
    assert failed.value.__cause__ is failed.value.error
    if cause is not None:
        assert failed.value.error is cause


def test_a_failure_tells_what_was_done_before() -> None:
    """The error of a step that had achieved something carries it."""
    with pytest.raises(sr.StepFailed) as failed:
        report().raise_for_failure()
    assert failed.value.output is ROOM
    assert failed.value.remedy == "Ask <an admin>."
    assert "Done before that: ChannelCreated(channel='C0123ABCD'" in str(failed.value)


@pytest.mark.parametrize("state", ["waiting", "cancelled"])
def test_a_run_without_a_step_to_blame_raises_all_the_same(state: Any) -> None:
    """A run that has not ended is no success, even before its first step."""
    with pytest.raises(sr.SlackRunbooksError) as error:
        report(state, ()).raise_for_failure()
    assert str(error.value) == f"declare (inc-1): the run is {state}."


# --- a check ---------------------------------------------------------------------------------------------------------

WRONG = sr.Problem("steps.room.name", "is empty.", "Give a <name>.")
DOUBT = sr.Problem("steps.nice.when", "the context has no 'x'.", severity="warning")


def check(problems: tuple[sr.Problem, ...] = (), warnings: tuple[sr.Problem, ...] = ()) -> sr.CheckReport:
    """Make the report of a check."""
    scopes = sr.required_scopes(sr.SendMessage(channel="#c", text="x"))
    return sr.CheckReport(problems, warnings, scopes, granted=("chat:write",), subject="declare")


CHECKS = [
    (check(), True, "declare: nothing stands against it."),
    (
        check((WRONG,)),
        False,
        "declare: 1 problem, 0 warnings\n  ✗ steps.room.name: is empty. Give a <name>.",
    ),
    (
        check((), (DOUBT,)),
        True,
        "declare: 0 problems, 1 warning\n  ! steps.nice.when: the context has no 'x'.",
    ),
    (
        check((WRONG, WRONG), (DOUBT,)),
        False,
        (
            "declare: 2 problems, 1 warning\n  ✗ steps.room.name: is empty. Give a <name>.\n"
            "  ✗ steps.room.name: is empty. Give a <name>.\n  ! steps.nice.when: the context has no 'x'."
        ),
    ),
]


@pytest.mark.parametrize(("found", "ok", "text"), CHECKS)
def test_a_check_is_true_where_nothing_stands_against_a_run(found: sr.CheckReport, ok: bool, text: str) -> None:
    """Problems make a check false and raise; warnings are only told."""
    assert (found.ok, bool(found), str(found)) == (ok, ok, text)
    for problem in (*found.problems, *found.warnings):
        for part in (problem.place, problem.message, problem.remedy):
            assert part in shown(found)
    if ok:
        found.raise_for_problems()
    else:
        with pytest.raises(sr.CheckFailed) as error:
            found.raise_for_problems()
        assert error.value.problems == found.problems
        assert str(error.value).startswith("declare: ")


def test_a_check_is_json() -> None:
    """``to_dict`` of a check is plain data with problems, warnings and scopes."""
    told = check((WRONG,), (DOUBT,)).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told == {
        "subject": "declare",
        "ok": False,
        "problems": [
            {
                "place": "steps.room.name",
                "message": "is empty.",
                "remedy": "Give a <name>.",
                "severity": "error",
            }
        ],
        "warnings": [
            {
                "place": "steps.nice.when",
                "message": "the context has no 'x'.",
                "remedy": "",
                "severity": "warning",
            }
        ],
        "unsettled": {},
        "elsewhere": {},
        "unseen": {},
        "scopes": {"needed": ["chat:write"], "granted": ["chat:write"]},
    }
    assert attrs.evolve(check(), granted=None).to_dict()["scopes"]["granted"] is None


# --- a plan ----------------------------------------------------------------------------------------------------------


def plan() -> sr.Plan:
    """Plan a small runbook, with all that a plan can show."""
    runbook = sr.Runbook(
        "declare",
        {
            "room": sr.CreateChannel(name="inc-{{id}}"),
            "say": sr.SendMessage(channel="{{steps.room.channel}}", text="*{{id}}* <is> up\nSecond line\n"),
            "invite": sr.InviteToChannel(channel="{{steps.room.channel}}", users=["U0ANN00001"]),
            "never": sr.Step(sr.SendMessage(channel="#c", text="{{nope}}"), when={"id": "8"}),
            "nice": sr.Step(sr.SendMessage(channel="#c", text="{{nope}}"), on_error="continue"),
            "bad": sr.SetTopic(channel="C0123ABCD", topic="x" * 251),
        },
    )
    with FakeSlack().executor() as executor:
        return executor.plan(runbook, {"id": "7"})


MISSING = "the context has no 'nope'. To print it only when it is there, write {{#nope}}{{nope}}{{/nope}}."


def test_a_plan_reads_as_what_would_be_done() -> None:
    """``str`` has each step's filled arguments, its calls, why it would be skipped and what is wrong with it."""
    assert str(plan()) == (
        "declare: 6 steps, scopes channels:manage, chat:write\n"
        "  room: create_channel\n"
        "      name: inc-7\n"
        "      calls conversations.create\n"
        "  say: send_message\n"
        "      text: *7* <is> up\n"
        "        Second line\n"
        "      channel: ‹steps.room.channel›\n"
        "      calls chat.postMessage\n"
        "  invite: invite_to_channel\n"
        "      channel: ‹steps.room.channel›\n"
        "      users: U0ANN00001\n"
        "      calls conversations.invite\n"
        "  never: send_message (skipped: id is '7')\n"
        "  nice: send_message\n"
        "      text: {{nope}}\n"
        "      channel: #c\n"
        "      calls chat.postMessage\n"
        f"      ! steps.nice.text, line 1, column 1: {MISSING}\n"
        "  bad: set_topic\n"
        "      channel: C0123ABCD\n"
        f"      topic: {'x' * 251}\n"
        "      calls conversations.setTopic\n"
        "      ✗ steps.bad.topic: has 251 characters; Slack takes 250. Shorten it."
    )


def test_a_plan_that_needs_nothing_says_so() -> None:
    """A plan without scopes, and a step without calls, are no blank places."""
    empty = sr.Plan("b", (sr.PlannedStep("own", "own", {}),), sr.ScopeRequirements(()))
    assert str(empty) == "b: 1 step, scopes none\n  own: own\n      calls nothing"
    assert "none" in shown(empty)


def test_a_plan_gives_its_steps_by_name() -> None:
    """A step is found by name; the problems of all steps stand together; times add up."""
    made = plan()
    assert made["room"].methods == ("conversations.create",)
    assert made["room"].scopes == ("channels:manage",)
    assert [problem.place for problem in made.problems] == ["steps.nice.text, line 1, column 1", "steps.bad.topic"]
    assert made.least_time == sum(step.least_time for step in made.steps) == 0.0
    with pytest.raises(KeyError) as error:
        made["rooom"]
    assert error.value.args[0] == "no step 'rooom' in this plan; there are room, say, invite, never, nice, bad"


def test_a_plan_is_json() -> None:
    """``to_dict`` of a plan is plain data with every step."""
    told = plan().to_dict()
    assert json.loads(json.dumps(told)) == told
    assert (told["runbook"], told["scopes"], told["least_time"]) == ("declare", ["channels:manage", "chat:write"], 0.0)
    assert told["steps"][2] == {
        "name": "invite",
        "action": "invite_to_channel",
        "arguments": {"channel": "‹steps.room.channel›", "users": ["U0ANN00001"]},
        "methods": ["conversations.invite"],
        "scopes": ["channels:write.invites"],
        "skipped": "",
        "problems": [],
        "least_time": 0.0,
        "times": None,
        "workspaces": [],
    }


def test_a_notebook_shows_a_plan() -> None:
    """The table of a plan has each step with its arguments, escaped, and its calls."""
    text = shown(plan())
    for part in (
        "declare", "channels:manage, chat:write", "room", "create_channel", "name: inc-7", "conversations.create",
        "text: *7* <is> up\nSecond line", "users: ", "U0ANN00001", "skipped: id is '7'",
        f"! steps.nice.text, line 1, column 1: {MISSING}",
        "✗ steps.bad.topic: has 251 characters; Slack takes 250. Shorten it.",
    ):  # fmt: skip
        assert part in text, part


# --- plain data ------------------------------------------------------------------------------------------------------


class Colour(Enum):
    """A host's own kind of value."""

    RED = 1


@attrs.frozen
class Pair:
    """A host's own output."""

    left: Any
    right: Any


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        ("x", "x"),
        (datetime(2024, 5, 1, 14, tzinfo=timezone(timedelta(hours=2))), "2024-05-01T12:00:00+00:00"),
        (datetime(2024, 5, 1, 14), "2024-05-01T14:00:00"),
        (date(2024, 5, 1), "2024-05-01"),
        ((1, [2, (3,)]), [1, [2, [3]]]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"a": {1: (2,)}}, {"a": {"1": [2]}}),
        (Pair(1, Pair({2}, START)), {"left": 1, "right": {"left": [2], "right": "2024-05-01T12:00:00+00:00"}}),
        (Colour.RED, "Colour.RED"),
        (b"x", "1 byte"),
    ],
)
def test_values_become_plain_data(value: object, expected: object) -> None:
    """Whatever a context or an output holds becomes JSON, the same every time."""
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)


def test_a_check_shows_what_could_not_be_settled() -> None:
    """Below what is wrong; not beside problems, which come first."""
    doubtful = attrs.evolve(check(), unsettled={"room": "nothing <tells>"})
    assert str(doubtful) == "declare: nothing stands against it.\n  ? room: if its answer gets lost, nothing <tells>"
    assert "room: if its answer gets lost, nothing &lt;tells&gt;" in doubtful._repr_html_()
    wrong = attrs.evolve(check((WRONG,)), unsettled={"room": "nothing tells"})
    assert "gets lost" not in str(wrong) + wrong._repr_html_()
