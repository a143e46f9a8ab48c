"""Conditions of steps: what holds, why a step is skipped, and what is refused with which words."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks._conditions import when_paths, when_reason
from slackrunbooks._context import in_the_way, look_up, put, truthy

NOON = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
ACTIVITY: dict[str, Any] = {
    "id": "INC-42",
    "severity": "SEV1",
    "count": 3,
    "ratio": 1.5,
    "text_number": "10",
    "page": True,
    "said_true": "True",
    "said_false": "false",
    "zero": 0,
    "one": 1,
    "empty": "",
    "nothing": None,
    "tags": ["eu", "payments"],
    "none": [],
    "owner": {"name": "ann"},
    "started": NOON,
    "day": date(2024, 5, 1),
    "started_text": "2024-05-01T12:00:00Z",
    "long": "x" * 100,
    "no_number": "n/a",
}
SCOPE = {"Activity": ACTIVITY, "steps": {"room": {"channel": "C1"}, "skipped": {}}, "error": {"code": "is_archived"}}


def step(when: Any) -> sr.Step:
    """Make a step with a condition."""
    return sr.Step(sr.SetTopic(channel="C1", topic="x"), when=when)


def reason(when: Any) -> str | None:
    """Tell why a condition does not hold in SCOPE, as a step keeps it."""
    return when_reason(step(when).when, SCOPE)


def only(path: str, wanted: Any) -> dict[str, Any]:
    """Make the condition of one path below ``Activity``."""
    return {f"Activity.{path}": wanted}


HOLDS: list[Any] = [
    None,
    "Activity.id",
    "Activity.page",
    "Activity.said_true",
    "Activity.tags",
    "Activity.tags.1",
    "Activity.one",
    "steps.room.channel",
    "error.code",
    only("severity", "SEV1"),
    only("severity", ["SEV1", "SEV2"]),
    only("severity", ("SEV2", "SEV1")),
    only("severity", {"not": "SEV3"}),
    only("severity", {"not": ["SEV2", "SEV3"]}),
    only("severity", {"not": {"exists": False}}),
    only("severity", {"exists": True, "not": "SEV3"}),
    only("missing", {"exists": False}),
    only("nothing", {"exists": False}),
    only("nothing", None),
    only("missing", {"not": "SEV1"}),
    only("empty", {"exists": True}),
    only("empty", ""),
    only("tags.0", "eu"),
    only("owner.name", "ann"),
    # Numbers and flags may come as text, from webhooks and from YAML.
    only("count", 3),
    only("count", "3"),
    only("text_number", 10),
    only("page", True),
    only("page", "true"),
    only("said_true", True),
    only("said_false", False),
    only("said_false", {"not": True}),
    only("count", {"gt": 2}),
    only("count", {"ge": 3, "le": 3}),
    only("count", {"lt": "4"}),
    only("text_number", {"gt": 9}),
    only("ratio", {"ge": "1.5"}),
    only("started", {"ge": NOON}),
    only("started", {"gt": NOON - timedelta(seconds=1)}),
    only("started", {"gt": "2024-05-01T11:59:59Z"}),
    only("started", {"lt": "2024-05-01T13:00:00+00:30"}),
    only("started", {"ge": "2024-05-01T12:00:00"}),
    only("started", {"ge": "2024-05-01"}),
    only("day", {"lt": "2024-05-02"}),
    only("day", {"le": date(2024, 5, 1)}),
    only("day", "2024-05-01"),
    only("started_text", {"le": NOON}),
    only("started_text", {"lt": "2024-06"}),
    {"Activity.severity": "SEV1", "Activity.count": {"gt": 2}},
    lambda scope: scope["Activity"]["count"] == 3,
]


@pytest.mark.parametrize("when", HOLDS, ids=repr)
def test_a_condition_that_holds(when: Any) -> None:
    """Each of these lets its step run."""
    assert reason(when) is None


FAILS: list[tuple[Any, str]] = [
    ("Activity.missing", "Activity.missing is not set"),
    ("Activity.nothing", "Activity.nothing is not set"),
    ("Activity.empty", "Activity.empty is not set"),
    ("Activity.zero", "Activity.zero is not set"),
    ("Activity.none", "Activity.none is not set"),
    ("Activity.said_false", "Activity.said_false is not set"),
    ("Activity.tags.2", "Activity.tags.2 is not set"),
    ("steps.skipped.channel", "steps.skipped.channel is not set"),
    (only("severity", "SEV2"), "Activity.severity is 'SEV1'"),
    (only("severity", ["SEV2", "SEV3"]), "Activity.severity is 'SEV1'"),
    (only("severity", "sev1"), "Activity.severity is 'SEV1'"),
    (only("severity", {"not": "SEV1"}), "Activity.severity is 'SEV1'"),
    (only("severity", {"not": ["SEV1", "SEV2"]}), "Activity.severity is 'SEV1'"),
    (only("missing", "SEV1"), "Activity.missing is missing"),
    (only("missing", None), "Activity.missing is missing"),
    (only("missing", {"exists": True}), "Activity.missing is missing"),
    (only("nothing", {"exists": True}), "Activity.nothing is None"),
    (only("nothing", "None"), "Activity.nothing is None"),
    (only("missing", {"gt": 1}), "Activity.missing is missing"),
    (only("nothing", {"lt": 1}), "Activity.nothing is None"),
    (only("severity", {"exists": False}), "Activity.severity is 'SEV1'"),
    (only("one", True), "Activity.one is 1"),
    (only("page", 1), "Activity.page is True"),
    (only("page", "yes"), "Activity.page is True"),
    (only("count", {"gt": 3}), "Activity.count is 3"),
    (only("count", {"ge": 1, "le": 2}), "Activity.count is 3"),
    (only("text_number", {"lt": 9}), "Activity.text_number is '10'"),
    (only("started", {"gt": "2024-05-01T12:00:00Z"}), "Activity.started is 2024-05-01T12:00:00+00:00"),
    (only("day", {"gt": "2024-05-01"}), "Activity.day is 2024-05-01"),
    ({"Activity.severity": "SEV1", "Activity.count": 4}, "Activity.count is 3"),
    # What is large is named, not shown.
    (only("owner", {"exists": False}), "Activity.owner is a mapping"),
    (only("tags", "eu"), "Activity.tags is a list"),
    (only("long", "y"), "Activity.long is text of 100 characters"),
    (lambda scope: False, "its predicate says no"),
]


@pytest.mark.parametrize(("when", "why"), FAILS, ids=[repr(when) for when, _ in FAILS])
def test_a_condition_that_does_not_hold_says_why(when: Any, why: str) -> None:
    """Each of these skips its step, and the reason shows what the context has."""
    assert reason(when) == why


BREAKS = [
    ("Activty.severity", "the context has no 'Activty' (did you mean 'Activity'?) (in 'Activty.severity')."),
    ("Activity.ownr.name", "the context has no 'Activity.ownr' (did you mean 'owner'?) (in 'Activity.ownr.name')."),
    ("Activity.id.x.y", "the context has no 'Activity.id.x' (in 'Activity.id.x.y')."),
    (
        only("no_number", {"gt": 3}),
        "Activity.no_number is 'n/a', which cannot be compared with 3: both must be numbers, or both dates.",
    ),
    (
        only("page", {"gt": 0}),
        "Activity.page is True, which cannot be compared with 0: both must be numbers, or both dates.",
    ),
    (
        only("tags", {"gt": 0}),
        "Activity.tags is a list, which cannot be compared with 0: both must be numbers, or both dates.",
    ),
    (
        only("started", {"gt": "noon"}),
        (
            "Activity.started is 2024-05-01T12:00:00+00:00, which cannot be compared with 'noon': "
            "both must be numbers, or both dates."
        ),
    ),
    (
        only("day", {"gt": NOON}),
        (
            "Activity.day is 2024-05-01, which cannot be compared with 2024-05-01T12:00:00+00:00: "
            "both must be numbers, or both dates."
        ),
    ),
]


@pytest.mark.parametrize(("when", "message"), BREAKS, ids=[repr(when) for when, _ in BREAKS])
def test_a_condition_that_cannot_be_judged_is_an_error(when: Any, message: str) -> None:
    """A misspelt path or values of two kinds are no silent "no"."""
    with pytest.raises(sr.RunbookError) as refused:
        reason(when)
    assert refused.value.reason == message
    assert refused.value.place == "when"


REFUSED: list[tuple[Any, str]] = [
    # Code.
    ("severity == SEV1", "'severity == SEV1' is code, and a condition is data; write {severity: SEV1}."),
    ("a.b = 'SEV1'", "\"a.b = 'SEV1'\" is code, and a condition is data; write {a.b: SEV1}."),
    ('a.b === "x y"', '\'a.b === "x y"\' is code, and a condition is data; write {a.b: "x y"}.'),
    ("a.b != SEV3", "'a.b != SEV3' is code, and a condition is data; write {a.b: {not: SEV3}}."),
    ("{{a.b}} > 3", "'{{a.b}} > 3' is code, and a condition is data; write {a.b: {gt: 3}}."),
    ("a.b >= 3", "'a.b >= 3' is code, and a condition is data; write {a.b: {ge: 3}}."),
    ("a.b<3", "'a.b<3' is code, and a condition is data; write {a.b: {lt: 3}}."),
    ("a.b <= 3.5", "'a.b <= 3.5' is code, and a condition is data; write {a.b: {le: 3.5}}."),
    (
        "a.b in ['SEV1', 'SEV2']",
        "\"a.b in ['SEV1', 'SEV2']\" is code, and a condition is data; write {a.b: [SEV1, SEV2]}.",
    ),
    ("a.b in (SEV1, SEV2)", "'a.b in (SEV1, SEV2)' is code, and a condition is data; write {a.b: [SEV1, SEV2]}."),
    (
        "a.b == SEV1 and a.c > 3 && a.d != x",
        (
            "'a.b == SEV1 and a.c > 3 && a.d != x' is code, and a condition is data; "
            "write {a.b: SEV1, a.c: {gt: 3}, a.d: {not: x}}."
        ),
    ),
    (
        "a.b == SEV1 or a.c > 3",
        (
            "'a.b == SEV1 or a.c > 3' is code, and a condition is data; "
            "write a path alone (Activity.severity), or a mapping such as {Activity.severity: [SEV1, SEV2]}."
        ),
    ),
    (
        "a.b == SEV1 and not a.c",
        (
            "'a.b == SEV1 and not a.c' is code, and a condition is data; "
            "write a path alone (Activity.severity), or a mapping such as {Activity.severity: [SEV1, SEV2]}."
        ),
    ),
    (
        "not a.b",
        (
            "'not a.b' is code, and a condition is data; "
            "write a path alone (Activity.severity), or a mapping such as {Activity.severity: [SEV1, SEV2]}."
        ),
    ),
    ("{{Activity.page}}", "'{{Activity.page}}' is a template, and a condition is a path; write Activity.page."),
    ("{{{ a.b }}}", "'{{{ a.b }}}' is a template, and a condition is a path; write a.b."),
    (
        "",
        (
            "'' is no context path, and a condition is data; "
            "write a path alone (Activity.severity), or a mapping such as {Activity.severity: [SEV1, SEV2]}."
        ),
    ),
    (
        "Activity severity",
        (
            "'Activity severity' is no context path, and a condition is data; "
            "write a path alone (Activity.severity), or a mapping such as {Activity.severity: [SEV1, SEV2]}."
        ),
    ),
    # Neither a path nor a mapping.
    *(
        (
            when,
            (
                "must be a context path, or a mapping of context paths to values, "
                "such as {Activity.severity: [SEV1, SEV2]}."
            ),
        )
        for when in (5, True, [], ["Activity.id"], {})
    ),
    ({"a b": 1}, "'a b' is no context path; write it like Activity.severity."),
    ({3: 1}, "3 is no context path; write it like Activity.severity."),
    ({".a": 1}, "'.a' is no context path; write it like Activity.severity."),
    # What would always or never hold, or break a run.
    ({"a": {}}, "a: an empty mapping says nothing; write a value, a list of values, or {exists: true}."),
    ({"a": []}, "a: an empty list never holds; list the values that do."),
    ({"a": [{"gt": 3}]}, "a: the list must hold values, not a mapping."),
    ({"a": [["x"]]}, "a: the list must hold values, not a list."),
    (
        {"a": {"SEV1", "SEV2"}},
        "a: must be a value, a list of values or a mapping such as {not: SEV3}, not a value of type set.",
    ),
    ({"a": {"nto": 1}}, "'nto' is no condition for a (did you mean 'not'?); there are not, exists, gt, ge, lt, le."),
    ({"a": {"==": 1}}, "'==' is no condition for a; there are not, exists, gt, ge, lt, le."),
    ({"a": {5: 1}}, "5 is no condition for a; there are not, exists, gt, ge, lt, le."),
    (
        {"a": {"not": {"exist": True}}},
        "'exist' is no condition for a (did you mean 'exists'?); there are not, exists, gt, ge, lt, le.",
    ),
    ({"a": {"not": []}}, "a: an empty list never holds; list the values that do."),
    ({"a": {"exists": "yes"}}, "a: exists must be true or false, not 'yes'."),
    ({"a": {"gt": True}}, "a: gt must be a number or a date, not true or false."),
    ({"a": {"ge": None}}, "a: ge must be a number or a date, not nothing."),
    ({"a": {"lt": [3]}}, "a: lt must be a number or a date, not a list."),
    ({"a": {"le": {"x": 3}}}, "a: le must be a number or a date, not a mapping."),
]


@pytest.mark.parametrize(("when", "message"), REFUSED, ids=[repr(when) for when, _ in REFUSED])
def test_a_condition_that_is_wrong_is_refused_when_it_is_built(when: Any, message: str) -> None:
    """Code, and what could never be meant, is refused at once with what to write."""
    with pytest.raises(sr.RunbookError) as refused:
        step(when)
    assert refused.value.reason == message
    assert str(refused.value) == f"when: {message}"


@pytest.mark.parametrize("when", [row[0] for row in REFUSED if isinstance(row[0], str) and "write {" in row[1]])
def test_the_form_to_write_is_accepted(when: str) -> None:
    """What a message tells to write instead of code is YAML that makes a condition."""
    with pytest.raises(sr.RunbookError) as refused:
        step(when)
    advice = refused.value.reason.rpartition("write ")[2].removesuffix(".")
    text = f"name: b\nsteps:\n  - s:\n      set_topic: {{channel: C1, topic: x}}\n      when: {advice}\n"
    assert isinstance(sr.Runbook.from_yaml(text).steps["s"].when, MappingProxyType)


def test_a_condition_cannot_be_changed_later() -> None:
    """A step keeps its own copy of a condition, and shows it only to be read."""
    when = {"a": {"not": ["x"]}}
    kept = step(when)
    when["a"]["not"].append("y")
    assert kept == step({"a": {"not": ["x"]}})
    assert kept.when["a"]["not"] == ("x",)  # type: ignore[index]
    with pytest.raises(TypeError):
        kept.when["b"] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("when", "paths"),
    [(None, ()), ("a.b", ("a.b",)), ({"a": 1, "b.c": 2}, ("a", "b.c")), (lambda scope: True, ())],
)
def test_the_paths_of_a_condition(when: Any, paths: tuple[str, ...]) -> None:
    """``when_paths`` names what a condition reads, and nothing of a predicate."""
    assert when_paths(step(when).when) == paths


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True), (1, True), ("x", True), ("true", True), (["x"], True), ({"x": 1}, True), ("no", True),
        (False, False), (0, False), ("", False), ("false", False), ("FALSE", False), ([], False), ({}, False),
        (None, False),
    ],
)  # fmt: skip
def test_what_counts_as_set(value: object, expected: bool) -> None:
    """A value counts as set as in a Mustache section, and the word "false" does not."""
    assert truthy(value) is expected


paths = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map(".".join)
contexts = st.recursive(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.one_of(st.none(), st.integers(), st.text())),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c"]), inner),
)


@given(contexts, paths, st.integers())
def test_what_is_put_is_found_and_nothing_else_changes(context: dict[str, Any], path: str, value: int) -> None:
    """Where nothing is in the way, ``put`` gives a context with the value at the path and leaves the first alone."""
    before = repr(context)
    changed = put(context, path, value)
    assert look_up(changed, path) == value
    assert repr(context) == before
    head = path.split(".")[0]
    assert {key: item for key, item in changed.items() if key != head} == {
        key: item for key, item in context.items() if key != head
    }


@given(contexts, paths)
def test_what_is_in_the_way_is_what_put_would_lose(context: dict[str, Any], path: str) -> None:
    """``in_the_way`` names a part of the path that holds a value and has no room below it, or nothing."""
    blocked = in_the_way(context, path)
    if blocked is None:
        for index in range(1, len(path.split("."))):
            value = _value(context, path.split(".")[:index])
            assert value is None or isinstance(value, dict)
    else:
        assert path.startswith(f"{blocked}.")
        assert isinstance(look_up(context, blocked), (int, str))


def _value(context: Any, segments: list[str]) -> Any:
    for segment in segments:
        context = context.get(segment) if isinstance(context, dict) else None
    return context
