"""The host's own steps: functions and actions, in Python and by their registered names in YAML."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

from .ways import WAYS, open_way


def on_call(team: str, *, backup: bool = False) -> dict[str, Any]:
    """Tell who is on call."""
    return {"user": f"U0{team.upper():0>8}", "backup": backup}


def render_graph(panel: str = "errors") -> bytes:
    """Draw a graph."""
    return b"\x89PNG " + panel.encode()


def anything(**values: Any) -> dict[str, Any]:
    """Take whatever it is given."""
    return values


async def look_up_later(team: str) -> str:
    """Tell who is on call, asynchronously."""
    await asyncio.sleep(0)
    return team


def by_position(team: str, /) -> str:
    """Take what no step can give."""
    return team


def by_position_maybe(team: str = "db", /) -> str:
    """Take what need not be given."""
    return team


# Whatever may stand in a step beside its action, in this version or a later one.
OPTIONS = sorted(set(inspect.signature(sr.Step).parameters) - {"action"})


@attrs.frozen(kw_only=True)
class PageTeam(sr.Action[dict[str, str]]):
    """Page a team."""

    output = dict

    team: str

    def flow(self) -> sr.Flow[dict[str, str]]:
        yield sr.Partial({"team": self.team})
        return {"paged": self.team}


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    """Register the steps of this file for each test, and forget them after it."""
    sr.register(PageTeam)
    sr.register(repeat="reads")(on_call)
    sr.register(render_graph, name="graph", repeat="reads")
    sr.register(anything)
    yield
    for name in ("page_team", "on_call", "graph", "anything"):
        sr.unregister(name)


YAML = """
name: declare
steps:
  - who: {on_call: {team: "{{Activity.team}}"}}
  - page: {page_team: {team: "{{Activity.team}}"}}
  - draw: {graph: }
  - tell: {send_message: {channel: "#incidents", text: "<@{{steps.who.user}}> {{steps.page.paged}}"}}
"""


@pytest.mark.parametrize("name", WAYS)
def test_own_steps_run_from_yaml(name: str) -> None:
    """A function and an own action are called by their registered names, and later steps read what they gave."""
    with open_way(name) as way:
        way.fake.add_channel("incidents")
        report = way.run(sr.Runbook.from_yaml(YAML), {"Activity": {"team": "db"}})
        report.raise_for_failure()
        assert way.fake.channel("incidents").messages[-1].text == "<@U0000000DB> db"
        assert report["who"].calls == ("on_call",)
        assert report["draw"].output == b"\x89PNG errors"


def test_yaml_and_python_give_the_same_runbook() -> None:
    """What is read from YAML equals what Python builds, and survives the round trip."""
    book = sr.Runbook.from_yaml(YAML)
    assert book.steps["who"].action == sr.Function(on_call, {"team": "{{Activity.team}}"}, "reads")
    assert sr.Runbook.from_dict(book.to_dict()) == book
    assert sr.Runbook.from_yaml(book.to_yaml()) == book
    assert pickle.loads(pickle.dumps(book)) == book
    assert book.variables == ("Activity.team",)


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("on_call: {tem: x}", r"line 2, column 19.*no field 'tem' \(did you mean 'team'\?\); it has team, backup"),
        ("on_call: {backup: true}", "on_call needs team"),
        ("on_call: [x]", "on_call must map its fields to values, not a list"),
        ("on_cal: {team: x}", r"neither an action nor a step option \(did you mean 'on_call'\?\)"),
        ("on_call: {team: '{{steps.later.x}}'}", r"line 2, column \d+.*steps.*no step of that name comes before"),
    ],
)  # fmt: skip
def test_a_mistake_in_yaml_has_its_place(yaml: str, says: str) -> None:
    """A wrong name, a missing parameter and a wrong reference are refused with file position and remedy."""
    with pytest.raises(sr.RunbookError, match=says):
        sr.Runbook.from_yaml(f"steps:\n  who: {{{yaml}}}\n")


def test_do_gives_what_the_function_returns(fake_slack: FakeSlack) -> None:
    """Values keep their types: a tag alone gives the value itself, also the whole list."""
    function = sr.Function(anything, {"people": "{{people}}", "text": "for {{n}}", "flag": True})
    with fake_slack.executor() as executor:
        given = executor.do(function, {"people": ["a", "b"], "n": 2})
        assert given == {"people": ["a", "b"], "text": "for 2", "flag": True}
        assert executor.do(sr.Function(anything, {"raw": "{{n}}"})) == {"raw": "{{n}}"}
    assert fake_slack.calls == []


@pytest.mark.parametrize("name", WAYS)
def test_an_exception_of_the_function_fails_its_step(name: str) -> None:
    """The error is in the report as it is, it was called once, and the rest is skipped."""
    called: list[int] = []

    def broken() -> None:
        called.append(1)
        raise LookupError("no such team")

    with open_way(name) as way:
        book = sr.Runbook("b", {"who": sr.Function(broken), "tell": sr.SendMessage(channel="#a", text="x")})
        report = way.run(book, {})
        assert isinstance(report["who"].error, LookupError)
        assert (report.state, report["tell"].outcome, called) == ("failed", "skipped", [1])


def test_an_asynchronous_function_needs_the_asynchronous_executor(fake_slack: FakeSlack) -> None:
    """The synchronous executor says so; the asynchronous one awaits it."""
    action = sr.Function(look_up_later, {"team": "db"})
    with fake_slack.executor() as executor, pytest.raises(sr.RunbookError, match="run it with AsyncExecutor"):
        executor.do(action)

    async def go() -> str:
        async with fake_slack.async_executor() as executor:
            return await executor.do(action)

    assert asyncio.run(go()) == "db"


def test_a_plain_function_does_not_hold_up_the_loop(fake_slack: FakeSlack) -> None:
    """The asynchronous executor runs it in a thread of its own."""

    async def go() -> int:
        async with fake_slack.async_executor() as executor:
            return await executor.do(sr.Function(threading.get_ident))

    assert asyncio.run(go()) != threading.get_ident()


class Pager:
    """An object whose call is a coroutine."""

    async def __call__(self, team: str) -> str:
        return await look_up_later(team)


def passed_on(team: str) -> Any:
    """Call a coroutine function as a decorator does that knows nothing of them."""
    return look_up_later(team)


@pytest.mark.parametrize(
    "function",
    [look_up_later, Pager(), passed_on, functools.partial(look_up_later), lambda team: look_up_later(team)],
)
def test_what_can_be_awaited_is_awaited_or_refused(function: Any, fake_slack: FakeSlack) -> None:
    """No step succeeds of which nothing ran: the asynchronous executor awaits the result, the synchronous one fails."""
    action = sr.Function(function, {"team": "db"})
    with fake_slack.executor() as executor, pytest.raises(sr.RunbookError, match="is asynchronous: run it with"):
        executor.do(action)

    async def go() -> Any:
        async with fake_slack.async_executor() as executor:
            return await executor.do(action)

    assert asyncio.run(go()) == "db"


def test_a_task_that_the_synchronous_executor_meets_is_cancelled(fake_slack: FakeSlack) -> None:
    """Nothing goes on behind a step that has failed."""
    begun: list[Any] = []

    def begin() -> Any:
        begun.append(asyncio.ensure_future(asyncio.Event().wait()))
        return begun[0]

    async def go() -> None:
        with fake_slack.executor() as executor, pytest.raises(sr.RunbookError, match="is asynchronous"):
            executor.do(sr.Function(begin))
        await asyncio.sleep(0)
        assert begun[0].cancelled()

    asyncio.run(go())


async def _asynchronously() -> Any:
    yield 1


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("function", [lambda: (each for each in "ab"), _asynchronously])
def test_a_generator_is_no_result(name: str, function: Any) -> None:
    """Nothing of it has run, so that the step must not succeed."""
    with open_way(name) as way, pytest.raises(sr.RunbookError, match="gave a generator, of which nothing has run"):
        way.do(sr.Function(function))


@pytest.mark.parametrize("name", WAYS)
def test_stop_iteration_is_an_error_like_any_other(name: str) -> None:
    """The step fails; no executor waits for what a thread could not hand over."""

    def first() -> object:
        return next(iter(()))

    with open_way(name) as way:
        report = way.run(sr.Runbook("b", {"first": sr.Function(first)}))
    error = report["first"].error
    assert isinstance(error, RuntimeError)
    assert str(error) == "first raised StopIteration" and isinstance(error.__cause__, StopIteration)


@pytest.mark.parametrize(
    ("repeat", "outcome"), [("reads", "cancelled"), ("same", "ambiguous"), ("doubles", "ambiguous")]
)
def test_an_interrupted_function_is_told_by_what_it_declared(repeat: Any, outcome: str, fake_slack: FakeSlack) -> None:
    """Of one that only reads, nothing can have happened; of any other, nobody knows."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    book = sr.Runbook("b", {"own": sr.Function(interrupted, repeat=repeat)})
    with fake_slack.executor() as executor:
        with pytest.raises(KeyboardInterrupt):
            executor.run(book, {}, run_id="r")
        assert executor.report("r")["own"].outcome == outcome


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sr.Function(on_call, {"tem": "x"}), "on_call takes no argument 'tem'; it takes team, backup"),
        (lambda: sr.Function(on_call), "on_call needs team"),
        (lambda: sr.Function("on_call"), "must be a function"),  # type: ignore[arg-type]
        (lambda: sr.Function(on_call, ["x"]), "must map the function's parameters"),  # type: ignore[arg-type]
        (lambda: sr.Function(on_call, {"team": "x"}, repeat="maybe"), "must be 'reads'"),  # type: ignore[arg-type]
        (lambda: sr.register(on_call, name="send_message"), "'send_message' is an action of the library"),
        (lambda: sr.register(anything, name="on_call"), "'on_call' is registered already, for .*on_call"),
        *((lambda name=name: sr.register(on_call, name=name), f"'{name}' is an option of a step") for name in OPTIONS),
        (lambda: sr.register(by_position), "register: by_position takes team by position only"),
        (lambda: sr.Function(by_position), "Function.function: by_position takes team by position only"),
        (lambda: sr.register(on_call, name="On Call"), "is no name for YAML"),
        (lambda: sr.register(lambda: None), "is no name for YAML"),
        (lambda: sr.register(PageTeam(team="x")), "must be the class of an action"),
        (lambda: sr.register(dict), "must be a class of actions or a function"),
        (lambda: sr.unregister("nothing"), "nothing of the host's is registered as 'nothing'"),
        (lambda: sr.Runbook("b", {"f": sr.Function(look_up_later, {"team": "x"})}).to_dict(), "function look_up_later"),
        (lambda: sr.Runbook("b", {"f": sr.Function(on_call, {"team": "x"})}).to_dict(), "with the same repeat"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(make: Any, says: str) -> None:
    """Wrong arguments, wrong names and what plain data cannot hold are named when they are written."""
    with pytest.raises(sr.RunbookError, match=says):
        make()


def test_registering_again_from_the_same_place_replaces() -> None:
    """A notebook's cell may run twice."""

    def make() -> Any:
        def step() -> int:
            return 1

        return step

    first, second = make(), make()
    sr.register(first)
    sr.register(second)
    try:
        assert sr.Runbook.from_yaml("steps:\n  a: {step: {}}\n").steps["a"].action == sr.Function(second)
    finally:
        sr.unregister("step")


def test_another_function_of_the_same_written_name_is_another() -> None:
    """Two lambdas, two functions or two actions within functions are called alike, and replace one another not."""

    def make() -> Any:
        def step() -> int:
            return 2

        return step

    def make_action(value: str) -> Any:
        if value == "one":

            class Own(PageTeam):
                def flow(self) -> sr.Flow[dict[str, str]]:
                    yield from ()
                    return {"one": ""}
        else:

            class Own(PageTeam):  # type: ignore[no-redef]
                def flow(self) -> sr.Flow[dict[str, str]]:
                    yield from ()
                    return {"two": ""}

        return attrs.frozen(kw_only=True)(Own)

    def step() -> int:
        return 1

    step.__qualname__ = make().__qualname__
    pairs = [
        (lambda: 1, lambda: 2),
        (make(), step),
        (make_action("one"), make_action("two")),
        (functools.partial(on_call, "a"), functools.partial(on_call, "b")),
    ]
    for first, second in pairs:
        assert sr.register(first, name="own_step") is first
        try:
            assert sr.register(first, name="own_step") is first
            with pytest.raises(
                sr.RunbookError, match=r"'own_step' is registered already, for .*unregister\('own_step'\)"
            ):
                sr.register(second, name="own_step")
        finally:
            sr.unregister("own_step")
    for _ in range(2):
        # The same cell of a notebook, run twice.
        sr.register(make_action("one"), name="own_step")
        sr.register(PageTeam, name="page_team")
    sr.unregister("own_step")
    for _ in range(2):
        sr.register(lambda: 3, name="own_step")
    sr.unregister("own_step")


def test_a_parameter_that_need_not_be_given_may_have_a_position_only(fake_slack: FakeSlack) -> None:
    """The function is called without it."""
    with fake_slack.executor() as executor:
        assert executor.do(sr.Function(by_position_maybe)) == "db"


def test_a_plan_names_the_function_and_what_it_would_be_called_with(fake_slack: FakeSlack) -> None:
    """Nothing is called by a plan, and its own steps stand in it by name."""
    with fake_slack.executor() as executor:
        plan = executor.plan(sr.Runbook.from_yaml(YAML), {"Activity": {"team": "db"}})
    assert (plan["who"].action, dict(plan["who"].arguments)) == ("on_call", {"team": "db"})
    assert plan["page"].action == "page_team"
    assert not plan.problems
