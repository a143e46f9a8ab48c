"""Runbooks from Python, plain data and YAML: what they are, what is refused and where, and that they read back."""

from __future__ import annotations

import copy
import pickle
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import slackrunbooks as sr
from slackrunbooks._context import outputs_of
from slackrunbooks._effects import Flow
from slackrunbooks.actions import ACTIONS, action_name
from slackrunbooks.actions._base import forms
from slackrunbooks.runbook import output_fields, stand_in
from slackrunbooks.text import Placeholder

SAY = sr.SendMessage(channel="#incidents", text="x")
ROOM = sr.CreateChannel(name="inc-{{Activity.id}}")


@attrs.frozen(kw_only=True)
class Own(sr.Action[dict[str, Any]]):
    """A host's own action, whose output is not known before it runs."""

    text: str = ""

    def flow(self) -> Flow[dict[str, Any]]:
        yield from ()
        return {"text": self.text}


@attrs.frozen(kw_only=True)
class Counted:
    """The output of a host's own action."""

    count: int
    seen: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Count(sr.Action[Counted]):
    """A host's own action that declares its output."""

    output: ClassVar[type[Any]] = Counted

    def flow(self) -> Flow[Counted]:
        yield from ()
        return Counted(count=1)


def refused(make: Any) -> str:
    """Return the message with which making something is refused."""
    with pytest.raises((sr.RunbookError, sr.TemplateError)) as error:
        make()
    return str(error.value)


# --- from Python -----------------------------------------------------------------------------------------------------


def test_an_action_is_a_step_without_conditions() -> None:
    """A bare action and a Step around it make the same runbook."""
    bare, wrapped = sr.Runbook("b", {"say": SAY}), sr.Runbook("b", {"say": sr.Step(SAY)})
    assert bare == wrapped
    assert hash(bare) == hash(wrapped)
    step = bare.steps["say"]
    assert (step.when, step.on_error, step.run_if, dict(step.save_as)) == (None, "stop", "success", {})


def test_a_runbook_is_a_value() -> None:
    """Runbooks and steps compare and hash by what they hold, keep their own copies and cannot be changed."""
    steps: dict[str, Any] = {"say": sr.Step(SAY, when={"a": ["x"]}, save_as={"b": "ts"})}
    partials = {"foot": "x"}
    runbook = sr.Runbook("b", steps, partials=partials, inputs={"a": sr.Input()})
    same = sr.Runbook("b", dict(steps), partials=dict(partials), inputs={"a": sr.Input()})
    steps["more"], partials["foot"] = SAY, "y"
    assert runbook == same
    assert hash(runbook) == hash(same)
    assert len({runbook.steps["say"], same.steps["say"]}) == 1
    assert runbook != sr.Runbook("c", {"say": SAY})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        runbook.name = "c"  # type: ignore[misc]
    for mapping in (runbook.steps, runbook.partials, runbook.inputs, runbook.steps["say"].save_as):
        with pytest.raises(TypeError):
            mapping["x"] = 1  # type: ignore[index]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_runbook_can_be_copied_and_pickled(again: Any) -> None:
    """A copy or a pickle of a runbook is the same runbook, whatever its parts."""
    runbook = sr.Runbook(
        "b",
        {
            "room": sr.Step(ROOM, when={"Activity.severity": {"not": ["SEV3"]}}, save_as={"Activity.room": "channel"}),
            "say": sr.Step(SAY, when="Activity.page", on_error="continue", run_if="always"),
        },
        inputs={"Activity": sr.Input(dict, default={"a": [1]}, description="The incident")},
        partials={"foot": "{{Activity.id}}"},
    )
    assert again(runbook) == runbook
    assert again(sr.Runbook("b", {"say": SAY})) == sr.Runbook("b", {"say": SAY})
    assert again(runbook.steps["room"]) == runbook.steps["room"]


def test_a_runbook_and_a_step_are_shown_briefly() -> None:
    """A repr names the steps and the options that are given, and no message."""
    step = sr.Step(sr.ArchiveChannel(channel="C1"))
    assert repr(step) == "Step(ArchiveChannel(channel='C1'))"
    full = sr.Step(
        sr.ArchiveChannel(channel="C1"),
        when={"a": {"not": ["x"]}},
        on_error="continue",
        run_if="always",
        save_as={"b": "channel"},
    )
    assert repr(full) == (
        "Step(ArchiveChannel(channel='C1'), when={'a': {'not': ['x']}}, on_error='continue', run_if='always', "
        "save_as={'b': 'channel'})"
    )
    assert "when='a.b'" in repr(sr.Step(SAY, when="a.b"))
    assert "when=<built-in function callable>" in repr(sr.Step(SAY, when=callable))
    assert repr(sr.Runbook("declare", {"say": SAY, "close": step})) == "<Runbook 'declare': say, close>"
    assert "secret" not in repr(sr.Step(sr.SendMessage(channel="#c", text="secret")))


def test_variables_are_read_off_the_templates() -> None:
    """``variables`` lists what the templates read of the context: not what steps give, save or lead to."""
    runbook = sr.Runbook(
        "b",
        {
            "room": sr.Step(ROOM, save_as={"Activity.room": "channel"}),
            "say": sr.SendMessage(
                channel="{{Activity.room}}",
                text="{{>head}} {{#people}}{{name}}{{/people}} {{steps.room.name}} {{^error}}{{Activity.id}}{{/error}}",
            ),
            "more": sr.SendMessage(
                channel="#c", blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "{{owner}} {{.}}"}}]
            ),
        },
        partials={"head": "*{{title}}*"},
    )
    assert runbook.variables == ("Activity.id", "title", "people", "owner")


# What is wrong with a runbook made in Python, and the message.
WRONG: dict[str, tuple[Any, str]] = {
    "no name": (lambda: sr.Runbook("", {"say": SAY}), "name: is empty; name the runbook."),
    "blank name": (lambda: sr.Runbook("  ", {"say": SAY}), "name: is empty; name the runbook."),
    "name of another type": (lambda: sr.Runbook(5, {"say": SAY}), "name: must be text, not a number."),  # type: ignore[arg-type]
    "no steps": (lambda: sr.Runbook("b", {}), "steps: must map at least one step name to an action."),
    "list of steps": (
        lambda: sr.Runbook("b", [SAY]),  # type: ignore[arg-type]
        "steps: must map at least one step name to an action.",
    ),
    "step name": (
        lambda: sr.Runbook("b", {"Say it": SAY}),
        "steps: 'Say it' is no step name: it takes lower-case letters, digits and _, a letter first. Write 'say_it'.",
    ),
    "step name without a hint": (
        lambda: sr.Runbook("b", {"1": SAY}),
        "steps: '1' is no step name: it takes lower-case letters, digits and _, a letter first.",
    ),
    "step name of another type": (
        lambda: sr.Runbook("b", {None: SAY}),  # type: ignore[dict-item]
        "steps: None is no step name: it takes lower-case letters, digits and _, a letter first. Write 'none'.",
    ),
    "no action": (
        lambda: sr.Runbook("b", {"say": "hello"}),  # type: ignore[dict-item]
        "steps.say: must be an action such as SendMessage(…) or a Step, not text.",
    ),
    "the class of an action": (
        lambda: sr.Runbook("b", {"say": sr.SendMessage}),  # type: ignore[dict-item]
        "steps.say: must be an action such as SendMessage(…) or a Step, not the class SendMessage itself.",
    ),
    "step of no action": (
        lambda: sr.Step({"send_message": {}}),  # type: ignore[arg-type]
        "action: must be an action such as SendMessage(…), not a mapping.",
    ),
    "step of a step": (
        lambda: sr.Step(sr.Step(SAY)),  # type: ignore[arg-type]
        "action: must be an action such as SendMessage(…), not a value of type Step.",
    ),
    "on_error": (
        lambda: sr.Step(SAY, on_error="contnue"),  # type: ignore[arg-type]
        "on_error: must be one of 'stop', 'continue', not 'contnue' (did you mean 'continue'?).",
    ),
    "run_if": (
        lambda: sr.Step(SAY, run_if=True),  # type: ignore[arg-type]
        "run_if: must be one of 'success', 'failure', 'always', not True.",
    ),
    "save_as of no mapping": (
        lambda: sr.Step(SAY, save_as="ts"),  # type: ignore[arg-type]
        "save_as: must map context paths to fields of the output, as {Activity.slack_channel: channel}.",
    ),
    "save_as under no path": (
        lambda: sr.Step(SAY, save_as={"a b": "ts"}),
        "save_as: 'a b' is no context path; write it like Activity.slack_channel.",
    ),
    "save_as under the run's own name": (
        lambda: sr.Step(SAY, save_as={"steps.x": "ts"}),
        "save_as: 'steps.x': 'steps' is the run's own; write elsewhere.",
    ),
    "save_as of an unknown field": (
        lambda: sr.Step(SAY, save_as={"a": "chanel"}),
        (
            "save_as: SendMessage gives no 'chanel' (did you mean 'channel'?); it gives channel, ts, thread_ts, parts, "
            "cut."
        ),
    ),
    "save_as of no field": (
        lambda: sr.Step(Own(), save_as={"a": 5}),  # type: ignore[dict-item]
        "save_as: Own gives no 5.",
    ),
    "input of no type": (
        lambda: sr.Input(set),
        "type: set is no type of input; there are text, number, flag, list, mapping, time, any.",
    ),
    "input of a type that is near": (
        lambda: sr.Input("nubmer"),
        (
            "type: 'nubmer' is no type of input (did you mean 'number'?); "
            "there are text, number, flag, list, mapping, time, any."
        ),
    ),
    "input of a list of types": (
        lambda: sr.Input(["text"]),  # type: ignore[arg-type]
        (
            "type: ['text'] is no type of input (did you mean 'text'?); "
            "there are text, number, flag, list, mapping, time, any."
        ),
    ),
    "input default": (lambda: sr.Input(int, default="x"), "default: must be a number, not text."),
    "input default flag": (lambda: sr.Input(int, default=True), "default: must be a number, not true or false."),
    "input description": (
        lambda: sr.Input(description=5),  # type: ignore[arg-type]
        "description: must be text, not a number.",
    ),
    "inputs of no mapping": (
        lambda: sr.Runbook("b", {"say": SAY}, inputs=["a"]),  # type: ignore[arg-type]
        "inputs: must map variables to Input(…), not be a list.",
    ),
    "input that is none": (
        lambda: sr.Runbook("b", {"say": SAY}, inputs={"a.b": str}),  # type: ignore[dict-item]
        "inputs.a.b: must be an Input(…), not the class str itself.",
    ),
    "input under no path": (
        lambda: sr.Runbook("b", {"say": SAY}, inputs={"a b": sr.Input()}),
        "inputs: 'a b' is no context path; write it like Activity.title.",
    ),
    "input under the run's own name": (
        lambda: sr.Runbook("b", {"say": SAY}, inputs={"error.code": sr.Input()}),
        "inputs.error.code: 'error' is the run's own and no input; use another name.",
    ),
    "partials of no mapping": (
        lambda: sr.Runbook("b", {"say": SAY}, partials=["x"]),  # type: ignore[arg-type]
        "partials: must map names to templates, not be a list.",
    ),
    "partial of no text": (
        lambda: sr.Runbook("b", {"say": SAY}, partials={"foot": 5}),  # type: ignore[dict-item]
        "partials.foot: must be text, not a number.",
    ),
    "partial that cannot be parsed": (
        lambda: sr.Runbook("b", {"say": SAY}, partials={"foot": "x\n {{#a}}"}),
        "partials.foot, line 2, column 2: the section {{#a}} is never closed; write {{/a}} where it ends",
    ),
    "template that cannot be parsed": (
        lambda: sr.Runbook("b", {"say": sr.SendMessage(channel="#c", text="a\n{{b}")}),
        "steps.say.text, line 2, column 1: ",
    ),
    "block that cannot be parsed": (
        lambda: sr.Runbook(
            "b",
            {
                "say": sr.SendMessage(
                    channel="#c",
                    blocks=[
                        {"type": "divider"},
                        {"type": "section", "text": {"type": "mrkdwn", "text": "{{/a}}"}},
                    ],
                )
            },
        ),
        "steps.say.blocks/1/text/text, line 1, column 1: ",
    ),
    "template where blocks take none": (
        lambda: sr.Runbook("b", {"say": sr.SendMessage(channel="#c", blocks=[{"type": "{{kind}}"}])}),
        "steps.say.blocks/0/type: 'type' is part of the structure of blocks, and takes no template: write it out.",
    ),
    "an unknown step": (
        lambda: sr.Runbook("b", {"room": ROOM, "say": sr.SendMessage(channel="{{steps.rom.channel}}", text="x")}),
        (
            "steps.say.channel: {{steps.rom.channel}} reads step 'rom', and no step of that name comes before "
            "(did you mean 'room'?)."
        ),
    ),
    "a later step": (
        lambda: sr.Runbook("b", {"say": sr.SendMessage(channel="{{steps.room.channel}}", text="x"), "room": ROOM}),
        "steps.say.channel: {{steps.room.channel}} reads step 'room', and no step of that name comes before.",
    ),
    "itself": (
        lambda: sr.Runbook("b", {"say": sr.SendMessage(channel="#c", text="{{steps.say.ts}}")}),
        "steps.say.text: {{steps.say.ts}} reads step 'say', and no step of that name comes before.",
    ),
    "an unknown output": (
        lambda: sr.Runbook("b", {"room": ROOM, "say": sr.SendMessage(channel="{{steps.room.id}}", text="x")}),
        (
            "steps.say.channel: {{steps.room.id}}: step 'room' gives no 'id'; "
            "it gives channel, name, requested_name, is_private, adopted, mention."
        ),
    ),
    "an unknown output in a condition": (
        lambda: sr.Runbook("b", {"room": ROOM, "say": sr.Step(SAY, when={"steps.room.adoptd": True})}),
        (
            "steps.say.when: steps.room.adoptd: step 'room' gives no 'adoptd' (did you mean 'adopted'?); "
            "it gives channel, name, requested_name, is_private, adopted, mention."
        ),
    ),
    "an unknown field of the error": (
        lambda: sr.Runbook(
            "b", {"say": sr.Step(sr.SendMessage(channel="#c", text="{{error.stepp}}"), run_if="failure")}
        ),
        (
            "steps.say.text: {{error.stepp}}: an error has no 'stepp' (did you mean 'step'?); "
            "it has step, code, message, method, remedy."
        ),
    ),
    "an unknown field of the error in a condition": (
        lambda: sr.Runbook("b", {"say": sr.Step(SAY, when="error.kind", run_if="failure")}),
        "steps.say.when: error.kind: an error has no 'kind'; it has step, code, message, method, remedy.",
    ),
    "what no input declares": (
        lambda: sr.Runbook("b", {"room": ROOM}, inputs={"Activity.title": sr.Input()}),
        (
            "steps.room.name: {{Activity.id}} is not among the declared inputs (did you mean 'Activity.title'?). "
            "Declare it under inputs."
        ),
    ),
    "a condition that no input declares": (
        lambda: sr.Runbook("b", {"say": sr.Step(SAY, when="page")}, inputs={"Activity.title": sr.Input()}),
        "steps.say.when: page is not among the declared inputs. Declare it under inputs.",
    ),
}


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused_when_it_is_built(make: Any, message: str) -> None:
    """Whatever is wrong without any context is refused with its place and what to write."""
    told = refused(make)
    # Of a template's fault the words are the template's; here only the place counts.
    assert told == message or (message.endswith(": ") and told.startswith(message) and len(told) > len(message))


RIGHT: dict[str, Any] = {
    "declared": lambda: sr.Runbook("b", {"room": ROOM}, inputs={"Activity.id": sr.Input()}),
    "declared as a whole": lambda: sr.Runbook("b", {"room": ROOM}, inputs={"Activity": sr.Input(dict)}),
    "a part is declared": lambda: sr.Runbook(
        "b",
        {"say": sr.SendMessage(channel="#c", text="{{#Activity}}x{{/Activity}}")},
        inputs={"Activity.id": sr.Input()},
    ),
    "saved before": lambda: sr.Runbook(
        "b",
        {
            "one": sr.Step(SAY, save_as={"Activity.ts": "ts"}),
            "two": sr.Step(SAY, when="Activity.ts"),
            "three": sr.SendMessage(channel="#c", text="{{Activity.ts}}"),
        },
        inputs={},
    ),
    "the run's own": lambda: sr.Runbook(
        "b",
        {
            "one": SAY,
            "two": sr.Step(
                sr.SendMessage(
                    channel="#c", text="{{#steps}}x{{/steps}}{{#error}}{{error.code}}{{/error}}{{steps.one.ts}}"
                ),
                run_if="always",
            ),
        },
        inputs={},
    ),
    "an output that is not known before": lambda: sr.Runbook(
        "b",
        {"own": sr.Step(Own(), save_as={"a": "text"}), "two": sr.SendMessage(channel="#c", text="{{steps.own.any}}")},
    ),
    "inside an output": lambda: sr.Runbook(
        "b",
        {
            "own": sr.Step(Count(), save_as={"a": "count"}),
            "two": sr.Step(sr.SendMessage(channel="#c", text="{{steps.own.seen.0}}"), when="steps.own"),
        },
    ),
}


@pytest.mark.parametrize("make", RIGHT.values(), ids=RIGHT)
def test_what_can_hold_is_not_refused(make: Any) -> None:
    """References that some context or run satisfies are taken."""
    assert isinstance(make(), sr.Runbook)


@pytest.mark.parametrize("option", ["concurrency"])
def test_options_of_a_later_version_are_refused_by_name(option: str) -> None:
    """From Python and from plain data, an option that is not built is never ignored."""
    message = (
        f"This version does not support the step option '{option}'. "
        "Leave it out, or do it in the program around the run."
    )
    with pytest.raises(sr.Unsupported) as error:
        sr.Step(SAY, **{option: "x"})
    assert str(error.value) == message
    data = {"steps": {"say": {"send_message": {"channel": "#c", "text": "x"}, option: "x"}}}
    assert refused(lambda: sr.Runbook.from_dict(data)) == f"steps.say.{option}: {message}"
    data["steps"]["say"][option] = None  # type: ignore[assignment]
    assert sr.Runbook.from_dict(data).name == "runbook"


# --- outputs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "fields"),
    [
        (None, {}),
        (Counted(count=2, seen=("a",)), {"count": 2, "seen": ("a",)}),
        ({"a": 1, 2: "b"}, {"a": 1, "2": "b"}),
        ("text", {"value": "text"}),
        ([1], {"value": [1]}),
    ],
)
def test_what_templates_read_of_an_output(output: object, fields: dict[str, Any]) -> None:
    """An output is read by its fields, or as ``value`` where it has none."""
    assert outputs_of(output) == fields


def test_what_stands_for_an_output_before_the_run() -> None:
    """Each field that is text or a list of texts has a placeholder that names it; nothing stands for the rest."""
    assert output_fields(sr.Step(Count())) == ("count", "seen")
    assert output_fields(sr.Step(Own())) is None
    assert stand_in(sr.Step(Count()), "c") == {name: Placeholder.named(f"steps.c.{name}") for name in ("count", "seen")}
    assert stand_in(sr.Step(Own()), "own") == {}
    assert set(stand_in(sr.Step(sr.InviteToChannel(channel="C1", users="U1")), "i")) == {
        "channel",
        "invited",
        "already",
    }
    assert set(stand_in(sr.Step(sr.SendMessage(channel="C1", text="x")), "s")) == {
        "channel",
        "ts",
        "thread_ts",
        "parts",
        "cut",
    }


# --- inputs ----------------------------------------------------------------------------------------------------------

INPUTS = [
    (str, "text", ["x", ""], [5, True, ["x"]]),
    (int, "number", [5, 1.5], ["5", True]),
    (float, "number", [5, 1.5], ["5", False]),
    (bool, "flag", [True, False], [1, "true"]),
    (list, "list", [["x"], ("x",)], ["x", {"a": 1}]),
    (tuple, "list", [["x"]], ["x"]),
    (dict, "mapping", [{"a": 1}], [["a"], "a"]),
    (datetime, "time", [datetime(2024, 5, 1, tzinfo=timezone.utc), date(2024, 5, 1)], ["2024-05-01"]),
    (date, "time", [date(2024, 5, 1)], [5]),
    (object, "any", ["x", 5, True, [1], {}], []),
]


@pytest.mark.parametrize(("kind", "name", "right", "wrong"), INPUTS, ids=[row[0].__name__ for row in INPUTS])
def test_an_input_takes_values_of_its_type(kind: type, name: str, right: list[Any], wrong: list[Any]) -> None:
    """A type may be given as Python's or by name; ``None`` is of every type, and a flag is no number."""
    entry = sr.Input(kind)
    assert (entry, entry.kind, entry.required) == (sr.Input(name), name, True)
    assert all(entry.accepts(value) for value in [*right, None])
    assert not any(entry.accepts(value) for value in wrong)


def test_defaults_are_filled_in_and_the_rest_is_told() -> None:
    """A context gets what it lacks; a required input that it lacks and one of another type are problems."""
    runbook = sr.Runbook(
        "b",
        {"say": SAY},
        inputs={
            "Activity.title": sr.Input(description="what people read first"),
            "Activity.id": sr.Input(),
            "Activity.count": sr.Input(int),
            "Activity.people": sr.Input(list, default=["ann"]),
            "Other.note": sr.Input(default=None),
            "title.short": sr.Input(default="x"),
        },
    )
    context = {"Activity": {"count": "three"}, "title": "long", "error": 1}
    filled, problems = runbook.with_defaults(context)
    assert filled == {
        "Activity": {"count": "three", "people": ["ann"]},
        "title": "long",
        "Other": {"note": None},
        "error": 1,
    }
    assert context == {"Activity": {"count": "three"}, "title": "long", "error": 1}
    assert [str(problem) for problem in problems] == [
        "error: the context's 'error' is the run's own. Give it another name.",
        "inputs.Activity.title: the context has no 'Activity.title' (what people read first). Add it.",
        "inputs.Activity.id: the context has no 'Activity.id'. Add it.",
        (
            "inputs.Activity.count: must be a number, and the context has text. "
            "Give it so, or declare another type under inputs."
        ),
        (
            "inputs.title.short: 'title.short' cannot be written: the context's 'title' is text. "
            "Only a mapping has room below it: choose another path."
        ),
    ]


def test_a_default_is_nobodys_to_change() -> None:
    """What a run does to a default reaches neither the runbook nor the next run."""
    mine = ["ann"]
    runbook = sr.Runbook("b", {"say": SAY}, inputs={"people": sr.Input(list, default=mine)})
    mine.append("bob")
    first, _ = runbook.with_defaults({})
    first["people"].append("eve")
    assert runbook.with_defaults({})[0] == {"people": ["ann"]}


# --- plain data ------------------------------------------------------------------------------------------------------


def test_plain_data_has_only_what_is_given() -> None:
    """``to_dict`` leaves defaults out, lists the steps in order, and holds nothing but plain data."""
    runbook = sr.Runbook(
        "declare",
        {
            "room": sr.Step(
                ROOM, when={"a": ("x", "y")}, on_error="continue", run_if="always", save_as={"b": "channel"}
            ),
            "assemble": sr.InviteToChannel(channel="{{steps.room.channel}}", users=["U1", "{{who}}"]),
        },
        inputs={
            "Activity": sr.Input(dict),
            "who": sr.Input(default="U2", description="On call"),
            "a": sr.Input(object, default=("x", 1)),
        },
        partials={"foot": "x"},
    )
    data = {
        "name": "declare",
        "inputs": {
            "Activity": {"type": "mapping"},
            "who": {"type": "text", "default": "U2", "description": "On call"},
            "a": {"type": "any", "default": ["x", 1]},
        },
        "partials": {"foot": "x"},
        "steps": [
            {
                "room": {
                    "create_channel": {"name": "inc-{{Activity.id}}"},
                    "when": {"a": ["x", "y"]},
                    "on_error": "continue",
                    "run_if": "always",
                    "save_as": {"b": "channel"},
                }
            },
            {"assemble": {"invite_to_channel": {"channel": "{{steps.room.channel}}", "users": ["U1", "{{who}}"]}}},
        ],
    }
    assert runbook.to_dict() == data
    assert sr.Runbook.from_dict(data) == runbook
    as_mapping = {**data, "steps": {name: step for item in data["steps"] for name, step in item.items()}}  # type: ignore[attr-defined]
    assert sr.Runbook.from_dict(as_mapping) == runbook


def test_inputs_may_be_written_short() -> None:
    """A type alone declares an input; without a type it is text; a null default is a default."""
    data = {
        "steps": {"say": {"send_message": {"channel": "#c", "text": "x"}}},
        "inputs": {"a": "number", "b": {"description": "x"}, "c": {"default": None}},
    }
    inputs = sr.Runbook.from_dict(data).inputs
    assert inputs == {"a": sr.Input(int), "b": sr.Input(description="x"), "c": sr.Input(default=None)}


OWN_ONLY = "the host's own, which plain data can hold only under a name: give it one with slackrunbooks.register."

ONLY_PYTHON: list[tuple[Any, str]] = [
    (
        lambda: sr.Runbook("b", {"say": sr.Step(SAY, when=lambda scope: True)}),
        "steps.say.when: is a predicate, which plain data cannot hold; write it as a mapping of paths to values.",
    ),
    (
        lambda: sr.Runbook("b", {"own": Own()}),
        f"steps.own: Own is {OWN_ONLY}",
    ),
    (
        lambda: sr.Runbook("b", {"say": sr.Step(SAY, when={"a": {"gt": date(2024, 5, 1)}})}),
        (
            "steps.say.when.a.gt: is a value of type date, which plain data cannot hold; "
            "write it as text, or leave it in Python."
        ),
    ),
    (
        lambda: sr.Runbook("b", {"say": SAY}, inputs={"a.b": sr.Input(object, default=[{1}])}),
        (
            "inputs.a.b.default[0]: is a value of type set, which plain data cannot hold; "
            "write it as text, or leave it in Python."
        ),
    ),
    (
        lambda: sr.Runbook(
            "b",
            {
                "say": sr.SendMessage(
                    channel="#c", text="x", metadata={"event_type": "x", "event_payload": {"at": {1: 2}}}
                )
            },
        ),
        "steps.say.metadata.event_payload.at: the key 1 must be text.",
    ),
]


@pytest.mark.parametrize(("make", "message"), ONLY_PYTHON, ids=[row[1].split(":")[0] for row in ONLY_PYTHON])
def test_what_only_python_has_is_named(make: Any, message: str) -> None:
    """``to_dict`` and ``to_yaml`` refuse by its place what plain data cannot hold."""
    runbook = make()
    assert refused(runbook.to_dict) == message
    assert refused(runbook.to_yaml) == message


STEP = {"send_message": {"channel": "#c", "text": "x"}}
WRONG_DATA: dict[str, tuple[Any, str]] = {
    "nothing": (None, "a runbook must be a mapping with name and steps, not nothing."),
    "a list": ([STEP], "a runbook must be a mapping with name and steps, not a list."),
    "no steps": ({"name": "b"}, "a runbook needs steps."),
    "unknown entry": (
        {"nmae": "b", "steps": {"say": STEP}},
        "nmae: unknown entry (did you mean 'name'?); there are name, steps, inputs, partials.",
    ),
    "unknown entry of another type": (
        {7: "b", "steps": {"say": STEP}},
        "7: unknown entry; there are name, steps, inputs, partials.",
    ),
    "steps of no kind": ({"steps": "say"}, "steps: must map step names to actions, or list them, not be text."),
    "empty steps": ({"steps": []}, "steps: must map at least one step name to an action."),
    "bare item": (
        {"steps": ["say"]},
        (
            "steps[0]: each item of the list must be one step name with its action below it, "
            "as - announce: {send_message: {…}}."
        ),
    ),
    "item with a name beside the action": (
        {"steps": [{"name": "say", **STEP}]},
        (
            "steps[0]: each item of the list must be one step name with its action below it, "
            "as - announce: {send_message: {…}}."
        ),
    ),
    "item without a name": (
        {"steps": [{"say": STEP}, STEP]},
        "steps[1].send_message: a step needs a name of its own above its action, as announce: {send_message: {…}}.",
    ),
    "mapping without a name": (
        {"steps": STEP},
        "steps.send_message: a step needs a name of its own above its action, as announce: {send_message: {…}}.",
    ),
    "step name": (
        {"steps": {"Say": STEP}},
        "steps.Say: 'Say' is no step name: it takes lower-case letters, digits and _, a letter first. Write 'say'.",
    ),
    "step name of another type": (
        {"steps": [{5: STEP}]},
        "steps[0].5: 5 is no step name: it takes lower-case letters, digits and _, a letter first.",
    ),
    "name twice": (
        {"steps": [{"say": STEP}, {"say": STEP}]},
        "steps[1].say: a second step is named 'say'; each needs a name of its own.",
    ),
    "step of no mapping": (
        {"steps": {"say": "hello"}},
        "steps.say: step 'say' must hold an action such as send_message, not text.",
    ),
    "empty step": (
        {"steps": {"say": {}}},
        f"steps.say: a step holds exactly one action; there are {', '.join(ACTIONS)}.",
    ),
    "two actions": (
        {"steps": {"say": {**STEP, "archive_channel": {"channel": "C1"}}}},
        "steps.say: a step holds exactly one action; it has send_message and archive_channel.",
    ),
    "unknown action": (
        {"steps": {"say": {"send_mesage": {}}}},
        "steps.say.send_mesage: is neither an action nor a step option (did you mean 'send_message'?).",
    ),
    "action by its class": (
        {"steps": {"say": {"SendMessage": {}}}},
        "steps.say.SendMessage: is neither an action nor a step option (did you mean 'send_message'?).",
    ),
    "unknown option": (
        {"steps": {"say": {**STEP, "on_eror": "stop"}}},
        "steps.say.on_eror: is neither an action nor a step option (did you mean 'on_error'?).",
    ),
    "unknown option of another type": (
        {"steps": {"say": {**STEP, 5: "stop"}}},
        "steps.say.5: is neither an action nor a step option.",
    ),
    "field beside its action": (
        {"steps": {"say": {**STEP, "thread_ts": "1.000000"}}},
        "steps.say.thread_ts: is a field of send_message; write it below the action, as send_message: {thread_ts: …}.",
    ),
    "field without an action": (
        {"steps": {"say": {"channel": "#c", "text": "x"}}},
        "steps.say.channel: is a field of send_message; write it below the action, as send_message: {channel: …}.",
    ),
    "option below the action": (
        {"steps": {"say": {"send_message": {**STEP["send_message"], "when": "a"}}}},
        "steps.say.send_message.when: is an option of the step; write it beside send_message, not below it.",
    ),
    "action of no mapping": (
        {"steps": {"say": {"send_message": "hello"}}},
        "steps.say.send_message: send_message must map its fields to values, not text.",
    ),
    "action of nothing": (
        {"steps": {"close": {"archive_channel": None}}},
        "steps.close.archive_channel: archive_channel must map its fields to values, not nothing.",
    ),
    "unknown field": (
        {"steps": {"close": {"archive_channel": {"chanel": "C1"}}}},
        (
            "steps.close.archive_channel.chanel: archive_channel has no field 'chanel' (did you mean 'channel'?); "
            "it has channel."
        ),
    ),
    "unknown field of another type": (
        {"steps": {"close": {"archive_channel": {5: "C1"}}}},
        "steps.close.archive_channel.5: archive_channel has no field 5; it has channel.",
    ),
    "missing field": (
        {"steps": {"t": {"set_topic": {"topic": "x"}}}},
        "steps.t.set_topic: set_topic needs channel.",
    ),
    "missing fields": (
        {"steps": {"t": {"set_topic": {}}}},
        "steps.t.set_topic: set_topic needs channel and topic.",
    ),
    "wrong type": (
        {"steps": {"t": {"set_topic": {"channel": "C1", "topic": 5}}}},
        "steps.t.set_topic.topic: must be text, not a value of type int. Put it in quotes.",
    ),
    "nothing to say": (
        {"steps": {"say": {"send_message": {"channel": "#c"}}}},
        "steps.say.send_message: has nothing to say: give text, markdown_text or blocks.",
    ),
    "blocks of no kind": (
        {"steps": {"say": {"send_message": {"channel": "#c", "blocks": 5}}}},
        (
            "steps.say.send_message.blocks: must be a list, not int; pass a list of blocks (plain data, or objects "
            "with to_dict()), or JSON or YAML text of one."
        ),
    ),
    "a block of no kind": (
        {"steps": {"say": {"send_message": {"channel": "#c", "blocks": [{"type": "divider"}, "x"]}}}},
        (
            "steps.say.send_message.blocks[1]: must be a block (a mapping with a type, or an object with to_dict()), "
            "not text."
        ),
    ),
    "condition": (
        {"steps": {"say": {**STEP, "when": "a == b"}}},
        "steps.say.when: 'a == b' is code, and a condition is data; write {a: b}.",
    ),
    "run_if": (
        {"steps": {"say": {**STEP, "run_if": "failed"}}},
        "steps.say.run_if: must be one of 'success', 'failure', 'always', not 'failed' (did you mean 'failure'?).",
    ),
    "save_as": (
        {"steps": {"say": {**STEP, "save_as": {"a": "id"}}}},
        "steps.say.save_as: SendMessage gives no 'id'; it gives channel, ts, thread_ts, parts, cut.",
    ),
    "inputs of no mapping": (
        {"steps": {"say": STEP}, "inputs": ["a"]},
        "inputs: inputs must map variables to their types, not a list.",
    ),
    "input of no kind": (
        {"steps": {"say": STEP}, "inputs": {"a": 5}},
        "inputs.a: must be a type or a mapping, not a number.",
    ),
    "unknown entry of an input": (
        {"steps": {"say": STEP}, "inputs": {"a": {"defualt": 5}}},
        "inputs.a.defualt: unknown entry (did you mean 'default'?); there are type, default, description.",
    ),
    "short type of an input": (
        {"steps": {"say": STEP}, "inputs": {"a.b": "string"}},
        "inputs.a.b: 'string' is no type of input; there are text, number, flag, list, mapping, time, any.",
    ),
    "type of an input": (
        {"steps": {"say": STEP}, "inputs": {"a.b": {"type": ["text"]}}},
        (
            "inputs.a.b.type: ['text'] is no type of input (did you mean 'text'?); "
            "there are text, number, flag, list, mapping, time, any."
        ),
    ),
    "default of an input": (
        {"steps": {"say": STEP}, "inputs": {"a.b": {"type": "flag", "default": "yes"}}},
        "inputs.a.b.default: must be true or false, not text.",
    ),
    "description of an input": (
        {"steps": {"say": STEP}, "inputs": {"a.b": {"description": 5}}},
        "inputs.a.b.description: must be text, not a number.",
    ),
    "path of an input": (
        {"steps": {"say": STEP}, "inputs": {"a b": "text"}},
        "inputs: 'a b' is no context path; write it like Activity.title.",
    ),
    "name of an input": (
        {"steps": {"say": STEP}, "inputs": {"steps.x": "text"}},
        "inputs.steps.x: 'steps' is the run's own and no input; use another name.",
    ),
    "name": ({"name": 5, "steps": {"say": STEP}}, "name: must be text, not a number."),
    "partials": ({"steps": {"say": STEP}, "partials": "x"}, "partials: must map names to templates, not be text."),
    "a partial": ({"steps": {"say": STEP}, "partials": {"foot": 5}}, "partials.foot: must be text, not a number."),
    "template": (
        {"steps": [{"say": {"send_message": {"channel": "#c", "text": "x\n {{#a}}"}}}]},
        (
            "steps[0].say.send_message.text: line 2, column 2 of the template: "
            "the section {{#a}} is never closed; write {{/a}} where it ends"
        ),
    ),
    "template in a block": (
        {
            "steps": [
                {
                    "say": {
                        "send_message": {
                            "channel": "#c",
                            "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "{{#a}}"}}],
                        }
                    }
                }
            ]
        },
        (
            "steps[0].say.send_message.blocks[0].text.text: line 1, column 1 of the template: "
            "the section {{#a}} is never closed; write {{/a}} where it ends"
        ),
    ),
    "template in a list": (
        {"steps": [{"invite": {"invite_to_channel": {"channel": "C1", "users": ["U1", "{{#a}}"]}}}]},
        (
            "steps[0].invite.invite_to_channel.users[1]: line 1, column 1 of the template: "
            "the section {{#a}} is never closed; write {{/a}} where it ends"
        ),
    ),
    "reference in a template": (
        {"steps": [{"say": {"send_message": {"channel": "{{steps.room.channel}}", "text": "x"}}}]},
        (
            "steps[0].say.send_message.channel: {{steps.room.channel}} reads step 'room', and no step of that name "
            "comes before."
        ),
    ),
    "reference in a condition": (
        {"steps": [{"say": {**STEP, "when": "steps.room.channel"}}]},
        "steps[0].say.when: steps.room.channel reads step 'room', and no step of that name comes before.",
    ),
}


@pytest.mark.parametrize(("data", "message"), WRONG_DATA.values(), ids=WRONG_DATA)
def test_wrong_data_is_refused_with_its_place(data: Any, message: str) -> None:
    """Plain data that makes no runbook is refused with the path to the piece, the nearest right name and what to do."""
    assert refused(lambda: sr.Runbook.from_dict(data)) == message


# --- YAML ------------------------------------------------------------------------------------------------------------

DECLARE = """\
# What happens first.
name: declare
inputs:
  Activity.id: text
  Activity.severity: {type: text, default: SEV3, description: How bad it is}
steps:
  - room:
      create_channel:
        name: "inc-{{Activity.id}}"
      save_as: {Activity.slack_channel: channel}
  - announce:
      send_message:
        channel: "#incidents"
        text: |
          *{{Activity.severity}}*
          <#{{Activity.slack_channel}}>
      when: {Activity.severity: [SEV1, SEV2]}
      on_error: continue
"""


def declare() -> sr.Runbook:
    """Make in Python what DECLARE says."""
    return sr.Runbook(
        "declare",
        {
            "room": sr.Step(
                sr.CreateChannel(name="inc-{{Activity.id}}"), save_as={"Activity.slack_channel": "channel"}
            ),
            "announce": sr.Step(
                sr.SendMessage(channel="#incidents", text="*{{Activity.severity}}*\n<#{{Activity.slack_channel}}>\n"),
                when={"Activity.severity": ["SEV1", "SEV2"]},
                on_error="continue",
            ),
        },
        inputs={
            "Activity.id": sr.Input(),
            "Activity.severity": sr.Input(default="SEV3", description="How bad it is"),
        },
    )


def test_yaml_and_python_make_the_same_runbook() -> None:
    """What YAML says is what Python says, and it can be written back."""
    assert sr.Runbook.from_yaml(DECLARE) == declare()
    assert sr.Runbook.from_yaml(declare().to_yaml()) == declare()


def test_a_file_may_leave_out_the_name(tmp_path: Path) -> None:
    """A runbook in a file is named by it, and a path may be text or a Path."""
    path = tmp_path / "post-incident.yaml"
    path.write_text(DECLARE.replace("name: declare\n", ""), encoding="utf-8-sig")
    for source in (path, str(path)):
        assert sr.Runbook.from_yaml(source).name == "post-incident"
    assert sr.Runbook.from_yaml(DECLARE.replace("name: declare\n", "")).name == "runbook"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file is an OSError; a file that is no UTF-8 is a RunbookError with file, line and column."""
    with pytest.raises(FileNotFoundError):
        sr.Runbook.from_yaml(tmp_path / "none.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: b\nsteps: ü".encode("latin-1"))
    assert refused(lambda: sr.Runbook.from_yaml(path)) == (
        f"{path}, line 2, column 8: byte 0xfc is not UTF-8. Save the file as UTF-8."
    )


# A change to DECLARE that makes it wrong, and the message without the file.
WRONG_YAML: dict[str, tuple[str, str, str]] = {
    "unknown entry": (
        "name: declare",
        "nmae: declare",
        ("line 2, column 1: nmae: unknown entry (did you mean 'name'?); there are name, steps, inputs, partials."),
    ),
    "type of an input": (
        "Activity.id: text",
        "Activity.id: string",
        (
            "line 4, column 16: inputs.Activity.id: 'string' is no type of input; "
            "there are text, number, flag, list, mapping, time, any."
        ),
    ),
    "type of another input": (
        "type: text,",
        "type: txt,",
        (
            "line 5, column 29: inputs.Activity.severity.type: 'txt' is no type of input (did you mean 'text'?); "
            "there are text, number, flag, list, mapping, time, any."
        ),
    ),
    "unknown action": (
        "create_channel:",
        "creat_channel:",
        (
            "line 8, column 7: steps[0].room.creat_channel: is neither an action nor a step option "
            "(did you mean 'create_channel'?)."
        ),
    ),
    "unknown field": (
        "        name:",
        "        nam:",
        (
            "line 9, column 9: steps[0].room.create_channel.nam: create_channel has no field 'nam' "
            "(did you mean 'name'?); it has name, description, topic, is_private, if_taken, marker."
        ),
    ),
    "missing field": (
        '        channel: "#incidents"\n',
        "",
        "line 12, column 7: steps[1].announce.send_message: send_message needs channel.",
    ),
    "wrong type": (
        '"inc-{{Activity.id}}"',
        "42",
        (
            "line 9, column 15: steps[0].room.create_channel.name: must be text, not a value of type int. "
            "Put it in quotes."
        ),
    ),
    "unquoted tag": (
        '"inc-{{Activity.id}}"',
        "{{Activity.id}}",
        "line 9, column 15: steps[0].room.create_channel.name: ",
    ),
    "name read as a comment": (
        '"#incidents"',
        "#incidents",
        "line 13, column 18: steps[1].announce.send_message.channel: ",
    ),
    "template": (
        "*{{Activity.severity}}*",
        "*{{Activity.severity}*",
        "line 14, column 15: steps[1].announce.send_message.text: line 1, column 2 of the template: ",
    ),
    "undeclared variable": (
        "*{{Activity.severity}}*",
        "*{{Activity.sevrity}}*",
        (
            "line 14, column 15: steps[1].announce.send_message.text: {{Activity.sevrity}} is not among the declared "
            "inputs (did you mean 'Activity.severity'?). Declare it under inputs."
        ),
    ),
    "condition": (
        "{Activity.severity: [SEV1, SEV2]}",
        "Activity.severity == 'SEV1'",
        (
            "line 17, column 13: steps[1].announce.when: \"Activity.severity == 'SEV1'\" is code, and a condition is "
            "data; write {Activity.severity: SEV1}."
        ),
    ),
    "option": (
        "on_error: continue",
        "on_error: contine",
        (
            "line 18, column 17: steps[1].announce.on_error: must be one of 'stop', 'continue', not 'contine' "
            "(did you mean 'continue'?)."
        ),
    ),
    "not built yet": (
        "on_error: continue",
        "concurrency: 3",
        (
            "line 18, column 7: steps[1].announce.concurrency: This version does not support the step option "
            "'concurrency'. Leave it out, or do it in the program around the run."
        ),
    ),
    "no workspace": (
        "on_error: continue",
        "workspace: other",
        (
            "line 18, column 18: steps[1].announce.workspace: 'other' is no ID of a workspace, which looks like "
            "T0123ABCD."
        ),
    ),
    "output": (
        "slack_channel: channel}",
        "slack_channel: chanel}",
        (
            "line 10, column 16: steps[0].room.save_as: CreateChannel gives no 'chanel' (did you mean 'channel'?); "
            "it gives channel, name, requested_name, is_private, adopted, mention."
        ),
    ),
    "step name": (
        "- announce:",
        "- Announce it:",
        (
            "line 11, column 5: steps[1][\"Announce it\"]: 'Announce it' is no step name: it takes lower-case letters, "
            "digits and _, a letter first. Write 'announce_it'."
        ),
    ),
    "name twice": (
        "- announce:",
        "- room:",
        "line 11, column 5: steps[1].room: a second step is named 'room'; each needs a name of its own.",
    ),
    "a key twice": (
        "      on_error: continue\n",
        "      on_error: continue\n      on_error: stop\n",
        "line 19, column 7: steps[1].announce",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), WRONG_YAML.values(), ids=WRONG_YAML)
def test_wrong_yaml_is_refused_with_file_line_and_column(tmp_path: Path, old: str, new: str, message: str) -> None:
    """The message names file, line, column, step and field, and the nearest right name."""
    assert DECLARE.count(old) == 1
    path = tmp_path / "declare.yaml"
    path.write_text(DECLARE.replace(old, new), encoding="utf-8")
    told = refused(lambda: sr.Runbook.from_yaml(path))
    expected = f"{path}, {message}"
    # Where the words are YAML's or the template's, the place counts here.
    assert told == expected or (
        message[-1] not in ".}" and told.startswith(expected) and len(told) > len(expected) + 20
    )
    with pytest.raises(sr.RunbookError) as error:
        sr.Runbook.from_yaml(DECLARE.replace(old, new))
    assert (error.value.file, f"{path}, {error.value}") == (None, told)


def test_a_shipped_runbook_has_its_own_name() -> None:
    """A runbook that comes with the library is read from its file; of one that does not, the nearest is named."""
    assert sr.Runbook.shipped("post-incident").name == "post-incident"
    assert refused(lambda: sr.Runbook.shipped("post-incidents")) == (
        "no runbook 'post-incidents' is shipped (did you mean 'post-incident'?); "
        "there are incident-coordination, post-incident, status-update."
    )


# --- the round trip --------------------------------------------------------------------------------------------------

# Any text that is no template, with a tag between. A dollar sign before a tag is refused as another language's.
_TAGS = [
    "{{Activity.id}}",
    "{{#Activity.x}}y{{/Activity.x}}",
    "{{{Activity.raw}}}",
    "{{^z}}-{{/z}}",
    "{{! note }}",
    "{{>foot}}",
]
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}$"), max_size=20)
texts = st.one_of(words, st.tuples(words, st.sampled_from(_TAGS), words).map("".join))
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
keys = st.text(st.characters(categories=["Ll", "Lu"]), min_size=1, max_size=6).filter(
    lambda key: "ts" not in key.lower()
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), words)
data = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
payloads = st.fixed_dictionaries({"event_type": words, "event_payload": st.dictionaries(keys, data, max_size=3)})
sections = st.builds(
    lambda kind, text: {"type": "section", "text": {"type": kind, "text": text}},
    st.sampled_from(["mrkdwn", "plain_text"]),
    texts,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "channel": texts,
    "users": st.one_of(texts, st.lists(texts, max_size=3)),
    "flag": st.one_of(st.booleans(), st.just("{{Activity.flag}}")),
    "number": st.one_of(st.integers(min_value=1), st.just("{{Activity.number}}")),
    "data": payloads,
    "time": st.one_of(st.integers(), st.just("{{Activity.when}}")),
    "blocks": st.lists(st.one_of(sections, st.just({"type": "divider"})), max_size=3),
}


@st.composite
def actions(draw: st.DrawFn, cls: type[sr.Action[Any]]) -> sr.Action[Any]:
    """Draw an action of a class with any fields that it takes together."""
    fields: dict[str, Any] = {}
    for field in attrs.fields(cls):  # type: ignore[arg-type]
        if field.default is attrs.NOTHING or draw(st.booleans()):
            fields[field.name] = draw(FIELDS[forms(cls)[field.name].name])
    if "if_taken" in fields:
        fields["if_taken"] = draw(st.sampled_from(["fail", "suffix", "adopt"]))
        fields["marker"] = "{{Activity.id}}"
    if "text" in forms(cls):
        if "markdown_text" in fields:
            fields.pop("text", None)
            fields.pop("blocks", None)
        else:
            fields.setdefault("text", "x")
    if fields.get("reply_broadcast") is True:
        fields["thread_ts"] = "{{Activity.ts}}"
    _agree(draw, cls, fields)
    return cls(**fields)


def _agree(draw: st.DrawFn, cls: type[sr.Action[Any]], fields: dict[str, Any]) -> None:
    """Draw what goes together in some actions only."""
    if cls is sr.UploadFile:
        fields["path"], fields["content"] = draw(
            st.sampled_from([("{{Activity.graph}}", None), (None, "x {{Activity.id}}")])
        )
        fields["filename"] = "{{Activity.id}}.txt"
        fields.pop(draw(st.sampled_from(["blocks", "initial_comment"])), None)
        fields.setdefault("channel", "#c")
    if cls is sr.ReadHistory and draw(st.booleans()):
        fields["limit"] = None
    if "too_long" in fields:
        fields["too_long"] = draw(st.sampled_from(["error", "truncate"]))
    if cls is sr.LookUpMentions:
        fields["names"] = draw(st.dictionaries(keys, texts, max_size=3))
    if cls is sr.UpdateUserGroup:
        fields["mode"] = draw(st.sampled_from(["replace", "add", "remove"]))
        fields.pop("channels", None)
    if cls is sr.CreateCanvas:
        fields |= draw(
            st.sampled_from(
                [
                    {"kind": "channel", "if_exists": "append", "access": "read", "channel": "#c"},
                    {"kind": "shared", "if_exists": "fail", "access": "write", "channel": "{{Activity.room}}"},
                    {"kind": "tab", "if_exists": "fail", "access": "read", "channel": "C1"},
                ]
            )
        )
    if cls is sr.EditBookmark:
        fields.setdefault("title", "x")
    if cls.__name__ in {"ScheduleMessage", "SendEphemeral"}:
        # Slack does nothing good with it there, so they do not take it.
        fields.pop("metadata", None)


context_paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: ".".join(["Activity", *parts]))
choices = st.one_of(scalars, st.lists(scalars, min_size=1, max_size=3))
bounds = st.one_of(st.integers(), st.floats(allow_nan=False), words)
conditions = st.recursive(
    st.one_of(
        choices,
        st.builds(lambda flag: {"exists": flag}, st.booleans()),
        st.dictionaries(st.sampled_from(["gt", "ge", "lt", "le"]), bounds, min_size=1),
    ),
    lambda inner: st.builds(lambda condition: {"not": condition}, inner),
    max_leaves=2,
)
whens = st.one_of(st.none(), context_paths, st.dictionaries(context_paths, conditions, min_size=1, max_size=2))


seconds = st.none() | st.floats(1, 1e6) | st.sampled_from(["30m", "1h30m", "2d"])
times = st.fixed_dictionaries(
    {"after": seconds, "expires_after": seconds, "on_ambiguous": st.sampled_from([None, "reconcile", "fail", "resend"])}
).flatmap(
    lambda given: (
        st.just(given) | st.just({**given, "every": "30m", "until": {"signals.done": True, "signals.x": ["y"]}})
    )
)


@st.composite
def steps(draw: st.DrawFn) -> sr.Step:
    """Draw a step of any action with any options."""
    action = draw(st.sampled_from(list(ACTIONS.values())).flatmap(actions))
    foreach = draw(st.none() | context_paths | st.lists(data, min_size=1, max_size=2))
    gives = output_fields(sr.Step(action, foreach=foreach))
    return sr.Step(
        action,
        when=draw(whens),
        on_error=draw(st.sampled_from(["stop", "continue"])),
        run_if=draw(st.sampled_from(["success", "failure", "always"])),
        save_as=draw(st.dictionaries(context_paths, st.sampled_from(gives), max_size=2)),
        foreach=foreach,
        **draw(times),
    )


inputs = st.one_of(
    st.builds(sr.Input, st.sampled_from(["text", "number", "flag", "list", "mapping", "any"]), description=words),
    st.builds(lambda default: sr.Input(object, default=default), data),
    st.builds(lambda default: sr.Input(list, default=tuple(default)), st.lists(data, max_size=2)),
)


@st.composite
def runbooks(draw: st.DrawFn) -> sr.Runbook:
    """Draw a runbook of a few steps, some of which read the step before."""
    made: dict[str, sr.Step] = draw(st.dictionaries(names, steps(), min_size=1, max_size=3))
    last = next(reversed(made))
    field = draw(st.sampled_from(output_fields(made[last])))
    made["zz_last"] = sr.Step(sr.SendMessage(channel="#c", text=f"{{{{steps.{last}.{field}}}}}"))
    declared = draw(st.none() | st.dictionaries(context_paths, inputs, max_size=2))
    if declared is not None:
        declared |= {"Activity": sr.Input(dict), "z": sr.Input(default="")}
    return sr.Runbook(
        draw(words.filter(str.strip)),
        made,
        inputs=declared,
        partials={"foot": draw(words), **draw(st.dictionaries(keys, words, max_size=1))},
    )


@pytest.mark.parametrize("cls", ACTIONS.values(), ids=ACTIONS)
@settings(max_examples=15)
@given(values=st.data())
def test_every_action_reads_back(cls: type[sr.Action[Any]], values: st.DataObject) -> None:
    """An action with any fields is the same again after plain data, after YAML and after a pickle."""
    action = values.draw(actions(cls))
    runbook = sr.Runbook("b", {"one": action}, partials={"foot": "x"})
    plain = runbook.to_dict()
    assert list(plain["steps"][0]["one"]) == [action_name(cls)]
    for again in (sr.Runbook.from_dict(plain), sr.Runbook.from_yaml(runbook.to_yaml())):
        assert again == runbook
        assert repr(again.to_dict()) == repr(plain)
    assert pickle.loads(pickle.dumps(action)) == action


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(runbooks())
def test_every_runbook_reads_back(runbook: sr.Runbook) -> None:
    """A runbook with any steps, conditions, inputs and partials is the same again, down to the types of its values."""
    plain = runbook.to_dict()
    for again in (
        sr.Runbook.from_dict(plain),
        sr.Runbook.from_yaml(runbook.to_yaml()),
        pickle.loads(pickle.dumps(runbook)),
        copy.deepcopy(runbook),
    ):
        assert again == runbook
        assert again.variables == runbook.variables
        assert repr(again.to_dict()) == repr(plain)
