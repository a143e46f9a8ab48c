"""Looking before leaping: what a plan fills in, what it finds wrong, and what a token lacks, without one call."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks._effects import Flow
from slackrunbooks._look import Identify, Identity
from slackrunbooks._survey import check_report, survey
from slackrunbooks.testing import FakeSlack

CONTEXT: dict[str, Any] = {
    "Activity": {
        "id": "INC-42",
        "title": "API down",
        "severity": "SEV1",
        "started": datetime(2024, 5, 1, tzinfo=timezone.utc),
    }
}
ROOM = sr.CreateChannel(name="inc-{{Activity.id}}")


def say(text: str = "x", channel: str = "#incidents") -> sr.SendMessage:
    """Make a message."""
    return sr.SendMessage(channel=channel, text=text)


@attrs.frozen(kw_only=True)
class Own(sr.Action[dict[str, Any]]):
    """A host's own action, whose output is not known before it runs, on a method that the library does not know."""

    text: str = ""

    def needs(self) -> tuple[sr.Need, ...]:
        return (sr.Need("admin.users.list", "list everybody", scopes=("admin.users:read",)),)

    def flow(self) -> Flow[dict[str, Any]]:
        yield from ()
        return {}


@attrs.frozen(kw_only=True)
class Silent(sr.Action[None]):
    """A host's own action that declares an output without fields and needs nothing."""

    output: ClassVar[type[Any]] = dict

    def flow(self) -> Flow[None]:
        yield from ()


def plan(steps: dict[str, Any], context: Any = None, **options: Any) -> sr.Plan:
    """Plan a runbook of these steps, without a token and without a network."""
    with sr.Executor() as executor:
        return executor.plan(sr.Runbook("book", steps, **options), CONTEXT if context is None else context)


def problems(steps: dict[str, Any], context: Any = None, **options: Any) -> list[str]:
    """Return what is wrong with these steps, warnings with a mark before them."""
    found = plan(steps, context, **options).problems
    told = [("! " if problem.severity == "warning" else "") + str(problem) for problem in found]
    # Which names a template suggests is its own affair.
    return [re.sub(r" Did you mean [^?]*\? To print", " To print", text) for text in told]


# --- what would be done ----------------------------------------------------------------------------------------------


def test_a_plan_fills_in_what_is_known_and_names_the_rest() -> None:
    """Arguments are rendered; what only Slack can tell is a placeholder that names where it comes from."""
    made = plan(
        {
            "room": sr.Step(ROOM, save_as={"Activity.room": "channel"}),
            "own": Own(text="{{Activity.title}}"),
            "invite": sr.InviteToChannel(channel="{{steps.room.channel}}", users="U0ANN00001,{{steps.own.anybody}}"),
            "say": sr.SendMessage(
                channel="{{Activity.room}}",
                text="<#{{Activity.room}}> {{Activity.title}} {{{steps.own.note}}}",
                reply_broadcast="{{steps.own.loud}}",
                thread_ts="{{steps.own.ts}}",
            ),
            "sorry": sr.Step(
                say("{{error.step}} {{error.code}} {{error.message}} {{error.method}} {{error.remedy}}"),
                run_if="failure",
            ),
        }
    )
    assert made.problems == ()
    assert {step.name: dict(step.arguments) for step in made.steps} == {
        "room": {"name": "inc-INC-42"},
        "own": {"text": "API down"},
        "invite": {"channel": "‹steps.room.channel›", "users": ("U0ANN00001", "‹steps.own.anybody›")},
        "say": {
            "channel": "‹steps.room.channel›",
            "text": "<#‹steps.room.channel›> API down ‹steps.own.note›",
            "reply_broadcast": "‹steps.own.loud›",
            "thread_ts": "‹steps.own.ts›",
        },
        "sorry": {
            "channel": "#incidents",
            "text": "‹error.step› ‹error.code› ‹error.message› ‹error.method› ‹error.remedy›",
        },
    }
    assert made["room"].methods == ("conversations.create",)
    assert made["own"].methods == ("admin.users.list",)
    assert made["own"].scopes == ("admin.users:read",)
    assert made["room"].action == "create_channel"
    assert made.runbook == "book"


def test_methods_are_those_of_the_filled_action() -> None:
    """A flag that the context fills decides which methods are called, and e-mail addresses bring a look-up."""
    made = plan(
        {
            "room": sr.CreateChannel(name="x", topic="{{t}}", description="{{d}}"),
            "invite": sr.InviteToChannel(channel="C0123ABCD", users="{{who}}"),
        },
        {"t": "x", "d": "", "who": ["ann@example.com", "U0ANN00001"]},
    )
    assert made["room"].methods == ("conversations.create", "conversations.setTopic")
    assert made["invite"].methods == ("users.lookupByEmail", "conversations.invite")


def test_a_plan_calls_nothing_and_needs_no_token() -> None:
    """Neither a plan nor what it finds touches Slack or the context."""
    fake = FakeSlack()
    context = {"Activity": {"id": "7"}}
    runbook = sr.Runbook("book", {"room": sr.Step(ROOM, save_as={"Activity.room": "channel"}), "say": say("{{nope}}")})
    with fake.executor() as executor:
        assert executor.plan(runbook, context).problems
    assert fake.calls == []
    assert context == {"Activity": {"id": "7"}}


READS: dict[str, tuple[str, str]] = {
    "a field": ("{{steps.own.a}}", "‹steps.own.a›"),
    "inside a field": ("{{steps.own.a.b.c}} {{steps.own.a.d}}", "‹steps.own.a.b.c› ‹steps.own.a.d›"),
    "a value and its part, as a mention has": (
        "{{steps.own.a}} {{steps.own.a.id}}",
        "‹steps.own.a› ‹steps.own.a.id›",
    ),
    "an item of a list": ("{{steps.invite.invited.0}}", "‹steps.invite.invited.0›"),
    "each of a list": ("{{#steps.invite.invited}}<@{{.}}>{{/steps.invite.invited}}", "<@‹steps.invite.invited›>"),
    "inside a mapping": ("{{steps.invite.failed.U0ANN00001}}", "‹steps.invite.failed.U0ANN00001›"),
    "a section of unknown shape": ("x{{#steps.own.rows}}{{name}}{{/steps.own.rows}}", "x"),
    "a section that is a mapping": ("x{{#steps.invite.failed}}{{U0}}{{/steps.invite.failed}}", "x"),
    "without a field": ("{{#steps.own}}{{a}}{{/steps.own}}x", "x"),
}


@pytest.mark.parametrize(("text", "shown"), READS.values(), ids=READS)
def test_whatever_a_step_may_give_can_be_read(text: str, shown: str) -> None:
    """What only the run can tell is no problem of the plan, however deep a template reads."""
    invite = sr.InviteToChannel(channel="C0123ABCD", users="U0ANN00001")
    made = plan({"own": Own(), "invite": invite, "say": say(text)})
    assert made.problems == ()
    assert made["say"].arguments["text"] == shown


def test_what_no_run_can_give_is_a_problem_of_the_plan() -> None:
    """A skipped step has no output, and no mapping can be printed."""
    room = sr.CreateChannel(name="x")
    for text in ("{{steps.never.a}}", "{{steps}}"):
        made = plan({"room": room, "own": Own(), "never": sr.Step(Own(), when="no"), "say": say(text)})
        assert [problem.place for problem in made.problems] == ["steps.say.text, line 1, column 1"], text


TIMES: list[tuple[dict[str, Any], list[float]]] = [
    ({"a": say(), "b": say(), "c": say()}, [0.0, 1.0, 1.0]),
    ({"a": say(), "b": say(channel="#other"), "c": say()}, [0.0, 0.0, 1.0]),
    ({"a": say(), "b": sr.Step(say(), when="no"), "c": ROOM}, [0.0, 0.0, 0.0]),
    (
        {
            "a": sr.SendDirectMessage(users="U0ANN00001", text="x"),
            "b": sr.SendDirectMessage(users="U0ANN00001", text="y"),
            "c": sr.SendDirectMessage(users="U0BOB00002", text="y"),
        },
        [0.0, 1.0, 0.0],
    ),
    ({"a": Own(), "b": Silent()}, [0.0, 0.0]),
]


@pytest.mark.parametrize(("steps", "times"), TIMES)
def test_each_further_post_to_a_channel_takes_a_second(steps: dict[str, Any], times: list[float]) -> None:
    """The least time counts what Slack's rate of one message a second and channel demands."""
    made = plan(steps)
    assert [step.least_time for step in made.steps] == times
    assert made.least_time == sum(times)


SKIPS: list[tuple[Any, str]] = [
    (None, ""),
    ("Activity.severity", ""),
    ("Activity.page", "Activity.page is not set"),
    ({"Activity.severity": "SEV1"}, ""),
    ({"Activity.severity": "SEV2"}, "Activity.severity is 'SEV1'"),
    ({"Activity.page": {"exists": True}}, "Activity.page is missing"),
    ({"Activity.started": {"lt": "2024-01-01"}}, "Activity.started is 2024-05-01T00:00:00+00:00"),
    # What only the run can tell skips nothing.
    (lambda scope: False, ""),
    ("steps.room.adopted", ""),
    ("steps.own.anything", ""),
    ({"steps.room.adopted": False, "Activity.severity": "SEV2"}, ""),
    ("Activity.room", ""),
    ({"Activity.room": "C0123ABCD"}, ""),
    ({"Activity.room": {"gt": 3}}, ""),
]


@pytest.mark.parametrize(("when", "skipped"), SKIPS, ids=[repr(row[0]) for row in SKIPS])
def test_a_step_is_skipped_where_that_is_known(when: Any, skipped: str) -> None:
    """A condition on the context is judged; one on what steps give or save is left to the run."""
    made = plan(
        {
            "room": sr.Step(ROOM, save_as={"Activity.room": "channel"}),
            "own": Own(),
            "say": sr.Step(say("{{nope}}"), when=when, run_if="success"),
        }
    )
    assert made["say"].skipped == skipped
    # What is skipped is not looked into; what is not is.
    assert bool(made["say"].problems) is not bool(skipped)
    assert bool(made["say"].arguments) is not bool(skipped)


def test_a_skipped_step_gives_and_saves_nothing() -> None:
    """Steps behind a skipped one see no output of it: guarded they stay silent, printed they are wrong."""
    steps = {
        "room": sr.Step(ROOM, when="Activity.private", save_as={"Activity.room": "channel"}),
        "guarded": say(
            "x{{#steps.room.channel}}<#{{steps.room.channel}}>{{/steps.room.channel}}{{#Activity.room}}y{{/Activity.room}}"
        ),
        "printed": say("{{steps.room.channel}}"),
    }
    made = plan(steps)
    assert made["guarded"].arguments["text"] == "x"
    assert made["guarded"].problems == ()
    assert [problem.place for problem in made["printed"].problems] == ["steps.printed.text, line 1, column 1"]


# --- what is wrong ---------------------------------------------------------------------------------------------------

MISSING = "To print it only when it is there, write {{#%s}}{{%s}}{{/%s}}."


def missing(name: str) -> str:
    """Return the advice of a variable that is missing."""
    return MISSING.replace("%s", name)


FINDINGS: dict[str, tuple[dict[str, Any], Any, list[str]]] = {
    "nothing": ({"room": ROOM, "say": say("{{Activity.title}}")}, None, []),
    "unknown variables, each with its place": (
        {"say": say("{{Activity.titel}}\n {{Activty.id}}")},
        None,
        [
            "steps.say.text, line 1, column 1: the context has no 'Activity.titel'. " + missing("Activity.titel"),
            "steps.say.text, line 2, column 2: the context has no 'Activty.id'. " + missing("Activty.id"),
        ],
    ),
    "limits": (
        {"room": sr.CreateChannel(name="!!!", topic="x" * 251)},
        None,
        [
            (
                "steps.room.name: no letter or digit is left of '!!!' under Slack's naming rules. "
                "Give a name such as incident-{{Activity.id}}."
            ),
            "steps.room.topic: has 251 characters; Slack takes 250. Shorten it.",
        ],
    ),
    "a flag": (
        {"room": sr.CreateChannel(name="x", is_private="{{Activity.severity}}")},
        None,
        ["steps.room.is_private: must be true or false, not 'SEV1'."],
    ),
    "what must go together": (
        {
            "say": sr.SendMessage(channel="#c", text="x", reply_broadcast="{{yes}}"),
            "room": sr.CreateChannel(name="x", if_taken="adopt", marker="{{empty}}"),
        },
        {"yes": True, "empty": ""},
        [
            "steps.say.reply_broadcast: is set, but there is no thread_ts: only a reply can be broadcast.",
            (
                'steps.room.marker: if_taken="adopt" needs a marker, such as marker="{{Activity.id}}": it proves '
                "that a channel found under the name is this incident's."
            ),
        ],
    ),
    "a step that may fail": (
        {"say": sr.Step(say("{{nope}}"), on_error="continue")},
        None,
        ["! steps.say.text, line 1, column 1: the context has no 'nope'. " + missing("nope")],
    ),
    "the run's own names": (
        {"say": say()},
        {"steps": {}, "error": {}},
        [
            "steps: the context's 'steps' is the run's own. Give it another name.",
            "error: the context's 'error' is the run's own. Give it another name.",
        ],
    ),
    "a path that is misspelt early": (
        {"say": sr.Step(say(), when={"Activty.severity": "SEV1"})},
        None,
        ["steps.say.when: the context has no 'Activty' (did you mean 'Activity'?) (in 'Activty.severity')."],
    ),
    "a path that is misspelt late": (
        {"say": sr.Step(say(), when={"Activity.severty": "SEV1"})},
        None,
        ["! steps.say.when: the context has no 'Activity.severty' (did you mean 'Activity.severity'?)."],
    ),
    "a path that is misspelt at the top": (
        {"say": sr.Step(say(), when="severty")},
        {"severity": 1},
        ["! steps.say.when: the context has no 'severty' (did you mean 'severity'?)."],
    ),
    "a misspelt path beside one that only the run can tell": (
        {"room": ROOM, "say": sr.Step(say(), when={"steps.room.adopted": True, "Activity.severty": "SEV1"})},
        None,
        ["! steps.say.when: the context has no 'Activity.severty' (did you mean 'Activity.severity'?)."],
    ),
    "an optional path": (
        {
            "one": sr.Step(say(), when={"Activity.severty": {"exists": True}}),
            "two": sr.Step(say(), when="Activity.page"),
            "three": sr.Step(say(), when="empty.page"),
            "four": sr.Step(say(), when="Activity.title.x"),
            "five": sr.Step(say(), when="Activity.severity"),
        },
        {**CONTEXT, "empty": {}},
        [],
    ),
    "values of two kinds": (
        {"say": sr.Step(say(), when={"Activity.severity": {"gt": 3}})},
        None,
        [
            (
                "steps.say.when: Activity.severity is 'SEV1', which cannot be compared with 3: "
                "both must be numbers, or both dates."
            )
        ],
    ),
    "a place that is taken": (
        {"room": sr.Step(ROOM, save_as={"Activity.title.room": "channel"})},
        None,
        [
            (
                "steps.room.save_as: 'Activity.title.room' cannot be written: the context's 'Activity.title' is text. "
                "Only a mapping has room below it: choose another path."
            )
        ],
    ),
    "a place that an earlier step took": (
        {
            "room": sr.Step(ROOM, save_as={"room": "channel"}),
            "say": sr.Step(say(), save_as={"room.ts": "ts"}, on_error="continue"),
        },
        None,
        [
            (
                "! steps.say.save_as: 'room.ts' cannot be written: the context's 'room' is text. "
                "Only a mapping has room below it: choose another path."
            )
        ],
    ),
    "the error where nothing has failed": (
        {"say": say("{{error.step}}")},
        None,
        [
            (
                f"steps.say.text, line 1, column 1: the context has no 'error.step'. {missing('error.step')} "
                "Only a step with run_if: failure or run_if: always has an error to read."
            )
        ],
    ),
    "the error that may not be there": (
        {"say": sr.Step(say("{{error.step}}"), run_if="always")},
        None,
        [f"steps.say.text, line 1, column 1: the context has no 'error.step'. {missing('error.step')}"],
    ),
    "the error that is guarded": (
        {
            "one": sr.Step(say("x{{#error}}{{error.step}}{{/error}}{{#error.code}}y{{/error.code}}"), run_if="always"),
            "two": sr.Step(say("{{error.step}}"), run_if="failure"),
            "three": sr.Step(say("{{nope}}"), run_if="always"),
        },
        None,
        [f"steps.three.text, line 1, column 1: the context has no 'nope'. {missing('nope')}"],
    ),
}


@pytest.mark.parametrize(("steps", "context", "expected"), FINDINGS.values(), ids=FINDINGS)
def test_everything_that_is_wrong_is_found_at_once(steps: dict[str, Any], context: Any, expected: list[str]) -> None:
    """Each problem has its place and its remedy, in the order of the steps."""
    found = problems(steps, context)
    # The spelling of the error's own absence is the template's.
    assert [
        text.replace("the context has no 'error'.", "the context has no 'error.step'.") for text in found
    ] == expected


def test_inputs_are_looked_at_first() -> None:
    """What the context lacks is told once, and not again by each template; a default is filled in before templates."""
    inputs = {"Activity.id": sr.Input(), "note": sr.Input(default="none"), "count": sr.Input(int)}
    steps = {"say": say("{{note}} {{Activity.id}}")}
    assert problems(steps, {"count": "x", "Activity": {}}, inputs=inputs) == [
        "inputs.Activity.id: the context has no 'Activity.id'. Add it.",
        "inputs.count: must be a number, and the context has text. Give it so, or declare another type under inputs.",
    ]
    made = plan(steps, {"count": 1, "Activity": {"id": "7"}}, inputs=inputs)
    assert made["say"].arguments["text"] == "none 7"


def test_one_action_by_itself_needs_no_step_in_its_places() -> None:
    """``check`` of one action names the class and the field, and takes values as they are without a context."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    with fake.executor() as executor:
        assert executor.check(say("{{x}}")).ok
        told = executor.check(sr.CreateChannel(name="inc-{{id}}", topic="x" * 251), {})
        lone = executor.check(sr.Step(say("{{nope}}")).action, {"x": 1})
    assert [str(problem) for problem in told.problems] == [
        "name, line 1, column 5: the context has no 'id'. " + missing("id"),
        "CreateChannel.topic: has 251 characters; Slack takes 250. Shorten it.",
    ]
    assert [problem.place for problem in lone.problems] == ["text, line 1, column 1"]


# --- the token -------------------------------------------------------------------------------------------------------

BOOK = sr.Runbook(
    "declare",
    {
        "room": sr.CreateChannel(name="inc", topic="x"),
        "say": say(),
        "nice": sr.Step(sr.SendDirectMessage(users="ann@example.com", text="x"), on_error="continue"),
        "never": sr.Step(sr.SendDirectMessage(users="ann@example.com", text="x"), when="no"),
    },
)


def checked(identity: Any, runbook: sr.Runbook = BOOK, **options: Any) -> sr.CheckReport:
    """Check a runbook for a token that is this."""
    return check_report(runbook, survey(runbook, CONTEXT, **options), identity, **options)


def test_a_token_that_has_everything_is_fine() -> None:
    """With all scopes nothing stands against a run."""
    found = checked(Identity("U1", "team", BOOK_SCOPES))
    assert (found.ok, found.warnings, found.granted, found.subject) == (True, (), BOOK_SCOPES, "declare")
    assert found.scopes == sr.required_scopes(BOOK)


BOOK_SCOPES = ("channels:manage", "chat:write", "users:read.email")


def test_what_a_token_lacks_is_told_by_step() -> None:
    """Each missing scope is named with its step, its use and the remedy, once; a skipped step's is not."""
    found = checked(Identity("U1", "team", ("groups:write",)))
    lacks = "Slack app (OAuth & Permissions) and install it again."
    manage = "channels:manage (public channel)"
    topic = manage  # which is needed anyway, and is enough
    assert [str(problem) for problem in found.problems] == [
        f"steps.room: the token lacks {manage}, needed to create the channel. Add the scope {manage} to the {lacks}",
        f"steps.room: the token lacks {topic}, needed to set its topic. Add the scope {topic} to the {lacks}",
        f"steps.say: the token lacks chat:write, needed to post the message. Add the scope chat:write to the {lacks}",
    ]
    assert [str(problem) for problem in found.warnings] == [
        (
            "steps.nice: the token lacks users:read.email, needed to look up people by e-mail. "
            f"Add the scope users:read.email to the {lacks}"
        ),
        f"steps.nice: the token lacks chat:write, needed to send the message. Add the scope chat:write to the {lacks}",
    ]
    error = found.problems[0].error
    assert isinstance(error, sr.MissingScope)
    assert (error.needed, error.granted) == (("channels:manage", "channels:write"), ("groups:write",))


def test_one_actions_missing_scope_is_the_tokens() -> None:
    """For one action by itself the place is the token."""
    runbook = sr.Runbook.of_one(say())
    found = checked(Identity("U1", "team", ()), runbook, single=True)
    assert [problem.place for problem in found.problems] == ["token"]


def test_a_token_that_cannot_be_asked_leaves_the_rest_of_the_check() -> None:
    """Why the token could not be asked is one problem beside the others."""
    error = sr.AuthenticationFailed("invalid_auth", method="auth.test", remedy="Use another.")
    found = checked(error, sr.Runbook("book", {"say": say("{{nope}}")}))
    assert [problem.place for problem in found.problems] == ["steps.say.text, line 1, column 1", "token"]
    assert found.problems[1].message == "Slack refused auth.test: invalid_auth. Use another."
    assert (found.problems[1].error, found.granted) == (error, None)


def test_scopes_that_are_not_told_are_not_checked() -> None:
    """Where something takes the header away, that is a warning and no problem."""
    found = checked(Identity("U1", "team", None))
    assert found.ok
    assert found.granted is None
    assert [str(problem) for problem in found.warnings] == [
        (
            "token: Slack's answer does not say which scopes the token has, so they were not checked. "
            "Something between here and Slack takes away the header x-oauth-scopes."
        )
    ]


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ({"x-oauth-scopes": "chat:write, channels:read,,"}, ("channels:read", "chat:write")),
        ({"x-oauth-scopes": ""}, ()),
        ({}, None),
    ],
)
def test_who_the_token_is(headers: dict[str, str], granted: Any) -> None:
    """The answer of ``auth.test`` and its header tell who a token is and what it may do."""
    flow = Identify().flow()
    call = next(flow)
    assert (call.method, dict(call.arguments)) == ("auth.test", {})  # type: ignore[union-attr]
    with pytest.raises(StopIteration) as end:
        flow.send(sr.Reply({"ok": True, "user_id": "U1", "team": "Acme", "bot_id": "B1"}, headers))
    assert end.value.value == Identity("U1", "Acme", granted, "bot")
    assert [need.method for need in Identify().needs()] == ["auth.test"]


# --- what a plan promises --------------------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "title", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["id", "title", "severity", "people"]), values))
def test_what_a_plan_finds_fine_can_be_sent(activity: dict[str, Any]) -> None:
    """For any context: where a plan finds no problem, FakeSlack, which follows Slack's documentation, takes the run."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.add_user("ann", id="U0ANN00001")
    runbook = sr.Runbook(
        "book",
        {
            "room": sr.CreateChannel(name="inc-{{Activity.id}}", topic="{{Activity.title}}"),
            "say": sr.SendMessage(channel="#incidents", text="*{{Activity.severity}}* {{Activity.title}}"),
            "when": sr.Step(say("{{steps.room.channel}}"), when={"Activity.severity": ["SEV1", 1, True]}),
            "block": sr.SendMessage(
                channel="{{steps.room.channel}}",
                blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "x {{Activity.title}}"}}],
            ),
        },
    )
    with fake.executor() as executor:
        if executor.plan(runbook, {"Activity": activity}).problems:
            with pytest.raises(sr.CheckFailed):
                executor.run(runbook, {"Activity": activity})
            assert fake.calls == []
        else:
            executor.run(runbook, {"Activity": activity}).raise_for_failure()


@pytest.mark.parametrize(
    ("action", "scopes", "unsettled"),
    [
        (
            sr.SendMessage(channel="#incidents", text="x"),
            (),
            "takes channels:history (public channel) or groups:history",
        ),
        (
            sr.SendMessage(channel="#incidents", text="x"),
            ("channels:history",),
            "takes groups:history (private channel)",
        ),
        (sr.SendMessage(channel="#incidents", text="x"), ("channels:history", "groups:history"), None),
        (
            sr.SendDirectMessage(users="U0FAKE0001", text="x"),
            ("channels:history",),
            "takes im:history (direct message)",
        ),
        (sr.SendDirectMessage(users="U0FAKE0001", text="x"), ("im:history",), "takes im:write (direct message)"),
        (sr.SendDirectMessage(users="U0FAKE0001", text="x"), ("im:history", "im:write"), None),
        (sr.SendEphemeral(channel="#incidents", user="U0FAKE0001", text="x"), (), "nothing tells whether chat.postEph"),
        (
            sr.CreateChannel(name="x", is_private=False),
            (),
            "whether conversations.create was carried out takes channels:",
        ),
        (sr.CreateChannel(name="x", is_private=False), ("channels:read",), None),
        (sr.SetTopic(channel="C0FAKE0001", topic="x"), (), None),
        (sr.AddBookmark(channel="C0FAKE0001", title="x", link="https://example.com"), (), "takes bookmarks:read"),
        (sr.ScheduleMessage(channel="C0FAKE0001", text="x", post_at=1767690000), (), None),
    ],
)
def test_a_check_says_which_steps_could_not_be_settled(
    action: sr.Action[Any], scopes: tuple[str, ...], unsettled: str | None
) -> None:
    """What became of a lost answer takes scopes of its own, or cannot be known at all; it is told beforehand."""
    fake = FakeSlack(scopes=[*sr.required_scopes(action).minimal, *scopes, "channels:read", "groups:read"])
    if "conversations.create" in str(unsettled):
        fake = FakeSlack(scopes=["channels:manage"])
    fake.add_channel("incidents")
    with fake.executor() as executor:
        found = executor.check(sr.Runbook("b", {"a": action}))
        assert executor.check(sr.Runbook("b", {"a": sr.Step(action, on_ambiguous="resend")})).unsettled == {}
    if unsettled is None:
        assert found.unsettled == {}
    else:
        assert unsettled in found.unsettled["a"]
        assert f"  ? a: if its answer gets lost, {found.unsettled['a']}" in str(found)
        assert found.to_dict()["unsettled"] == found.unsettled


ANYTHING = sr.Step(
    sr.Function(lambda: {"rows": [{"name": "x", "in": {"n": 5}}], "n": 5, "in": {"n": 5}}),
    save_as={"A.rows": "rows", "A.n": "n"},
)
USES: list[tuple[str, sr.Action[Any]]] = [
    ("a section", say("- {{#A.rows}}{{name}} {{in.n}}{{/A.rows}}")),
    ("a section alone", say("{{#A.rows}}{{name}}{{/A.rows}}")),
    ("a section in a section", say("{{#A}}{{#rows}}{{name}}{{/rows}}{{/A}} -")),
    ("an entry", say("{{A.rows.0.name}}: {{A.rows.0.in.n}}")),
    ("a value and a section of it", say("{{A.n}}{{#A.n}}, {{.}}{{/A.n}}")),
    ("a number", sr.ReadHistory(channel="#incidents", limit="{{A.n}}")),
    (
        "a value in data",
        sr.SendMessage(
            channel="#incidents", text="-", metadata={"event_type": "a", "event_payload": {"n": "{{A.rows.0.in}}"}}
        ),
    ),
]


@pytest.mark.parametrize("action", [row[1] for row in USES], ids=[row[0] for row in USES])
def test_what_a_step_saved_is_as_open_as_its_output(action: sr.Action[Any]) -> None:
    """A runbook that the run can do is not refused, whatever is read of a saved value that only the run can tell."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    with fake.executor() as executor:
        report = executor.run(sr.Runbook("b", {"own": ANYTHING, "use": action}), {"A": {"title": "x"}})
    report.raise_for_failure()


def test_a_saved_value_may_be_looped_over_compared_and_written_below() -> None:
    """Its list, its condition and its room are for the run to judge."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    steps = {
        "own": ANYTHING,
        "say": sr.Step(say("{{item.name}} {{item.in.n}}"), foreach="A.rows", save_as={"told": "items"}),
        "more": sr.Step(say("more"), when={"A.n": {"gt": 3}}),
        "less": sr.Step(say("less"), when={"A.rows.0.in.n": {"lt": 3}}),
        "all": say("{{#told}}{{channel}} {{/told}}"),
    }
    with fake.executor() as executor:
        report = executor.run(sr.Runbook("b", steps), {})
    assert [report[name].outcome for name in steps] == ["succeeded"] * 3 + ["skipped", "succeeded"]
    below = {"own": sr.Step(ANYTHING.action, save_as={"A": "in"}), "say": sr.Step(say("x"), save_as={"A.ts": "ts"})}
    assert not plan(below).problems


def test_the_messages_that_were_read_can_be_saved() -> None:
    """A field that is a list of mappings is as open where it was saved."""
    fake = FakeSlack()
    ann = fake.add_user("ann")
    fake.add_channel("c", members=[ann])
    ann.post("c", "hello")
    steps = {
        "read": sr.Step(sr.ReadHistory(channel="#c"), save_as={"A.said": "messages"}),
        "say": sr.SendMessage(channel="#c", text="{{#A.said}}{{text}}{{/A.said}}!"),
    }
    with fake.executor() as executor:
        assert executor.run(sr.Runbook("b", steps), {}).ok
    assert fake.channel("c").messages[-1].text == "hello!"
