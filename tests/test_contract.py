"""What holds for every action of the catalogue, the next one included: each rule walks all of them, and can fail.

A rule takes a finished action and what it did in a workspace, and yields what is wrong.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks._effects import Repeat
from slackrunbooks._engine import Machine, Send
from slackrunbooks.actions import ACTIONS, action_name
from slackrunbooks.retries import RetryPolicy
from slackrunbooks.runbook import Runbook
from slackrunbooks.slack_methods import METHODS, UNCERTAIN_CODES, slack_error
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._methods import METHODS as FAKED

from .catalogue import CATALOGUE, CONTEXT, Case, world

ROOT = Path(__file__).parents[1]
DOCUMENTED = json.loads((Path(__file__).parent / "data" / "slack-errors.json").read_text(encoding="utf-8"))["methods"]

# Look-ups that the whole run shares; their pages stand with what all actions have in common, in docs/actions.md.
_SHARED = {"conversations.list", "auth.test"}


@attrs.frozen
class Done:
    """An action and what doing it asked Slack for."""

    action: sr.Action[Any]
    output: Any
    sent: tuple[Any, ...]

    @property
    def methods(self) -> set[str]:
        """The methods of Slack that were called."""
        return {each.method for each in self.sent if isinstance(each, sr.Call)}


def do(case: Case) -> Done:
    """Do one case, and note what the engine gave out to be sent."""
    fake = FakeSlack()
    world(fake)
    case.before(fake)
    action = case.make(fake)
    sent: list[Any] = []
    machine = Machine(Runbook.of_one(action), dict(CONTEXT), run_id="r", retry=RetryPolicy(), single=True)
    from slackrunbooks.executor import _perform

    while not machine.finished:
        for work in machine.ready(fake.now):
            if isinstance(work, Send):
                sent.append(work.call)
                machine.done(work, _perform(fake.client, work.call), fake.now)
            else:
                fake.clock.wait_until(work.until)
                machine.done(work, None, fake.now)
    report = machine.report().steps[0]
    assert report.outcome == "succeeded", report
    return Done(action, report.output, tuple(sent))


# --- rules -----------------------------------------------------------------------------------------------------------


def documented(done: Done) -> Iterator[str]:
    """The docstring has its parts in their order, a page for each method, and every field."""
    text = inspect.cleandoc(type(done.action).__doc__ or "")
    parts = ("Slack: https://docs.slack.dev/", "Scopes:", "Attributes:", "Returns:", "Raises:", "Again:")
    places = [text.find(part) for part in parts]
    if -1 in places or places != sorted(places):
        yield f"the docstring needs, in this order: {', '.join(parts)}"
    for method in sorted(done.methods - _SHARED):
        if f"https://docs.slack.dev/reference/methods/{method}" not in text:
            yield f"the docstring does not name the page of {method}"
    for field in attrs.fields(type(done.action)):
        if not re.search(rf"^    {field.name}: \S", text, re.MULTILINE):
            yield f"the docstring says nothing of {field.name}"


def typed(done: Done) -> Iterator[str]:
    """The output is a frozen class of its own, is what the action gives, and has documented fields."""
    kind = type(done.action).output
    if type(done.output) is not kind:
        yield f"the output is a {type(done.output).__name__}, and {kind.__name__} is declared"
    if not (attrs.has(kind) and kind.__setattr__ is not object.__setattr__):
        yield "the output is no frozen class"
        return
    text = inspect.cleandoc(kind.__doc__ or "")
    for field in attrs.fields(kind):
        if not re.search(rf"^    {field.name}: \S", text, re.MULTILINE):
            yield f"the output's docstring says nothing of {field.name}"
    annotations = inspect.get_annotations(type(done.action))
    yield from (
        f"{name} has no type" for name in _fields(done) if name not in annotations and not _inherited(done, name)
    )


def _fields(done: Done) -> list[str]:
    return [field.name for field in attrs.fields(type(done.action))]


def _inherited(done: Done, name: str) -> bool:
    return any(name in inspect.get_annotations(cls) for cls in type(done.action).__mro__[1:])


def scoped(done: Done) -> Iterator[str]:
    """Every method that was called is one that the action says it needs."""
    needed = {need.method for need in done.action.needs()}
    yield from (f"{method} was called, and needs() does not name it" for method in sorted(done.methods - needed))


def planned(done: Done) -> Iterator[str]:
    """The plan names, without a network, what a run calls."""
    with FakeSlack().executor() as executor:
        plan = executor.plan(Runbook("b", {"one": done.action}), CONTEXT)
    known = set(plan["one"].methods) | {need.method for need in done.action.needs() if need.condition}
    yield from (f"{method} was called, and the plan does not tell" for method in sorted(done.methods - known))


def faked(done: Done) -> Iterator[str]:
    """The fake models every method, from a page of its own."""
    for need in done.action.needs():
        if need.method not in FAKED:
            yield f"the fake does not model {need.method}"
        elif FAKED[need.method].page != f"https://docs.slack.dev/reference/methods/{need.method}":
            yield f"the fake's {need.method} names no page"


def repeatable(done: Done) -> Iterator[str]:
    """Each request declares what a second sending would do, and says what the table of methods says."""
    for request in done.sent:
        if not isinstance(request.repeat, Repeat):
            yield f"{request.method} does not say whether it may be sent twice"
        elif request.method in METHODS and request.repeat is not METHODS[request.method].repeat:
            yield f"{request.method} is declared {request.repeat.name}, not {METHODS[request.method].repeat.name}"


def reachable(done: Done) -> Iterator[str]:
    """It has a name in YAML, stands at the top level, and has a row and a section in the docs."""
    name = type(done.action).__name__
    if ACTIONS.get(action_name(type(done.action))) is not type(done.action):
        yield "YAML cannot name it"
    if name not in sr.__all__ or type(done.output).__name__ not in sr.__all__:
        yield "it, or its output, does not stand at the top level"
    page = (ROOT / "docs" / "actions.md").read_text(encoding="utf-8")
    if not re.search(rf"^\| \[`{name}`\]", page, re.MULTILINE):
        yield "docs/actions.md has no row of it"
    if not re.search(rf"^## .*\b{name}\b", page, re.MULTILINE):
        yield "docs/actions.md has no section of it"


def refused(done: Done) -> Iterator[str]:
    """The documented errors of each method it calls are in the data file, and so are tried."""
    yield from (f"the errors of {method} are not listed" for method in sorted(done.methods) if method not in DOCUMENTED)


RULES: dict[str, Callable[[Done], Iterator[str]]] = {
    rule.__name__: rule for rule in (documented, typed, scoped, planned, faked, repeatable, reachable, refused)
}


@cache
def _done() -> tuple[tuple[Case, Done], ...]:
    return tuple((case, do(case)) for case in CATALOGUE)


@pytest.mark.parametrize("rule", RULES)
def test_every_action_keeps_the_rule(rule: str) -> None:
    """Each action keeps it, in each of its cases."""
    wrong = {f"{case.name}: {problem}" for case, done in _done() for problem in RULES[rule](done)}
    assert not wrong, "\n".join(sorted(wrong))


def test_no_action_is_left_out() -> None:
    """Each action that can run has a case."""
    assert {type(done.action) for _, done in _done()} == set(ACTIONS.values()) - {sr.UnarchiveChannel}


# --- each rule can fail ----------------------------------------------------------------------------------------------


class Told:
    """No frozen class."""


@attrs.frozen(kw_only=True)
class Sloppy(sr.Action[Any]):
    """Does things without saying so."""

    output = Told

    channel: str = "C1"

    def needs(self) -> Iterator[sr.Need]:
        yield sr.Need("views.open", "fail the rule")

    def flow(self) -> sr.Flow[Any]:
        yield sr.Partial(None)
        return None


_SLOPPY = Done(
    Sloppy(), {}, (sr.Call("chat.postMessage", {}, Repeat.READS), sr.Call("dialog.open", {}, "maybe"))  # type: ignore[arg-type]
)  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_can_fail(rule: str) -> None:
    """An action that breaks all rules is told of each."""
    assert list(RULES[rule](_SLOPPY))


# --- errors ----------------------------------------------------------------------------------------------------------

# After these there is nothing left to do, or another way is taken, or another error says more.
HANDLED = {
    ("bookmarks.remove", "not_found"),
    ("chat.delete", "message_not_found"),
    ("conversations.archive", "already_archived"),
    ("conversations.invite", "already_in_channel"),
    ("conversations.invite", "cant_invite_self"),
    ("conversations.kick", "not_in_channel"),
    ("conversations.list", "missing_scope"),
    ("pins.add", "already_pinned"),
    ("pins.remove", "no_pin"),
    ("pins.remove", "not_pinned"),
    ("reactions.add", "already_reacted"),
    ("reactions.remove", "no_reaction"),
    ("usergroups.users.list", "no_such_subteam"),
}


@cache
def _case_of(method: str) -> Case:
    calling = [(case, done) for case, done in _done() if method in done.methods]
    # What a standing message makes of an error is its own matter.
    plain = [case for case, done in calling if not isinstance(done.action, sr.PostOrUpdateMessage)]
    return plain[0] if plain else calling[0][0]


def _used() -> list[str]:
    return sorted({method for _, done in _done() for method in done.methods})


ERRORS = [(method, code) for method in DOCUMENTED for code in DOCUMENTED[method]]


@pytest.mark.parametrize(("method", "code"), ERRORS)
def test_each_documented_error_comes_back_typed(method: str, code: str) -> None:
    """Whatever a page lists, the action that calls the method fails with its type, code and remedy, or goes on."""
    if method not in _used():
        pytest.fail(f"no case of the catalogue calls {method}")
    case = _case_of(method)
    fake = FakeSlack()
    world(fake)
    case.before(fake)
    action = case.make(fake)
    fake.fail_next(method, code)
    expected = slack_error(method, {"ok": False, "error": code})
    error: Exception | None = None
    with fake.executor(retry=RetryPolicy(attempts=1)) as executor:
        try:
            executor.do(action, CONTEXT)
        except sr.SlackRunbooksError as raised:
            error = raised
    if code in UNCERTAIN_CODES:
        # They may come after the effect: https://docs.slack.dev/reference/methods/chat.postMessage#errors
        assert isinstance(error, (sr.AmbiguousOutcome, sr.SlackUnavailable))
    elif method == "reactions.get" and code == "message_not_found":
        assert isinstance(error, sr.ApprovalRefused) and error.code == "withdrawn"
    elif isinstance(error, sr.SlackError) and (error.code, error.method) == (code, method):
        assert type(error) is type(expected)
        assert len(error.remedy.split()) >= 6
    else:
        assert (method, code) in HANDLED, error
