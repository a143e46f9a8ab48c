"""What holds for every action of the catalogue, the next one included: each rule walks all of them, and can fail.

A rule takes an action and what it did in a workspace, and yields what is wrong.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks._effects import Repeat, unsendable
from slackrunbooks._engine import Machine, Send
from slackrunbooks._perform import perform
from slackrunbooks.actions import ACTIONS, action_name
from slackrunbooks.retries import RetryPolicy
from slackrunbooks.runbook import Runbook
from slackrunbooks.slack_methods import METHODS, UNCERTAIN_CODES, slack_error
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._methods import METHODS as FAKED

from . import action_table
from .catalogue import BY_ACTION, CATALOGUE, CONTEXT, OPTIONS, Case, world

ROOT = Path(__file__).parents[1]
DOCUMENTED = json.loads((Path(__file__).parent / "data" / "slack-errors.json").read_text(encoding="utf-8"))["methods"]

# Look-ups that the whole run shares; their pages stand with what all actions have in common, in docs/actions.md.
_SHARED = {"conversations.list", "auth.test"}

# Codes of ours, among them one of Slack's for a group that is in no list; and one that the text of a page names and its
# table of errors does not: https://docs.slack.dev/reference/methods/usergroups.users.update
_OWN_CODES = {"rejected", "expired", "withdrawn", "no_such_subteam", "invalid_user"}

# It refuses every value, and says why: Slack ignores metadata there.
_REFUSED_FIELDS = {("SendEphemeral", "metadata"), ("ScheduleMessage", "metadata")}


@attrs.frozen
class Done:
    """An action and what doing it asked Slack for.

    Attributes:
        action: The action.
        output: What it gave, or ``None`` where it never runs.
        sent: What the engine gave out to be sent.
        again: The same, when the case was done in another workspace of the same kind.
    """

    action: sr.Action[Any]
    output: Any = None
    sent: tuple[Any, ...] = ()
    again: tuple[Any, ...] = ()

    @property
    def cls(self) -> type[sr.Action[Any]]:
        """The action's class."""
        return type(self.action)

    @property
    def methods(self) -> set[str]:
        """The methods of Slack that were called."""
        return {each.method for each in self.sent if isinstance(each, sr.Call)}

    @property
    def page(self) -> str:
        """The action's docstring."""
        return inspect.cleandoc(self.cls.__doc__ or "")


def _do(case: Case) -> Done:
    fake = FakeSlack()
    world(fake)
    case.before(fake)
    action = case.make(fake)
    sent: list[Any] = []
    machine = Machine(Runbook.of_one(action), dict(CONTEXT), run_id="r", retry=RetryPolicy(), single=True)
    while not machine.finished:
        for work in machine.ready(fake.now):
            if isinstance(work, Send):
                sent.append(work.call)
                machine.done(work, perform(fake.client, work.call), fake.now)
            else:
                fake.clock.wait_until(work.until)
                machine.done(work, None, fake.now)
    report = machine.report().steps[0]
    assert report.outcome == "succeeded", report
    return Done(action, report.output, tuple(sent))


@cache
def _all() -> tuple[tuple[str, Done], ...]:
    done = [(case.name, attrs.evolve(_do(case), again=_do(case).sent)) for case in CATALOGUE]
    return (*done, ("unarchive", Done(sr.UnarchiveChannel(channel="C0123ABCD"))))


def _done_cases() -> Iterator[tuple[Case, Done]]:
    """Return every case that was done; what never runs has none."""
    for case, (_, done) in zip(CATALOGUE, _all(), strict=False):
        yield case, done


# --- rules -----------------------------------------------------------------------------------------------------------

_PARTS = ("Slack: https://docs.slack.dev/", "Scopes:", "Attributes:", "Returns:", "Raises:", "Again:")


def _part(page: str, name: str) -> str:
    """Return one part of a docstring, up to the next."""
    found = re.search(rf"^{name}:(.*?)(?=^[A-Z]\w+:|\Z)", page, re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def documented(done: Done) -> Iterator[str]:
    """The docstring has its parts in their order, a page for each method, every field, scope, output and error."""
    text = done.page
    places = [text.find(part) for part in _PARTS]
    if -1 in places or places != sorted(places):
        yield f"the docstring needs, in this order: {', '.join(_PARTS)}"
    if not re.match(r"[A-Z][^\n]*[.:,]?", text) or not text.split("\n\n")[0].endswith("."):
        yield "the docstring does not begin with a sentence"
    methods = done.methods | {need.method for need in done.action.needs()}
    for method in sorted(methods - _SHARED):
        if f"https://docs.slack.dev/reference/methods/{method}" not in text:
            yield f"the docstring does not name the page of {method}"
    for field in attrs.fields(done.cls):  # type: ignore[arg-type]
        if not re.search(rf"^    {field.name}: \S", _part(text, "Attributes"), re.MULTILINE):
            yield f"the docstring says nothing of {field.name}"
    for scope in sr.required_scopes(done.action).minimal:
        if f"``{scope}``" not in _part(text, "Scopes"):
            yield f"the docstring does not name the scope {scope}"
    if f":class:`{done.cls.output.__name__}`" not in _part(text, "Returns"):
        yield "the docstring does not name the output"
    yield from _errors(done, methods)


def _errors(done: Done, methods: set[str]) -> Iterator[str]:
    """Name what the docstring says is raised, and what cannot be."""
    raises = _part(done.page, "Raises")
    for name in re.findall(r"^    (\w+): ", raises, re.MULTILINE):
        if not issubclass(getattr(sr, name, object), sr.SlackRunbooksError):
            yield f"the docstring names {name}, which is no error"
    linked = set(re.findall(r"/reference/methods/([A-Za-z.]*[A-Za-z])", done.page))
    codes = {code for method in methods | linked for code in DOCUMENTED.get(method, ())} | _OWN_CODES
    words = {field.name for field in attrs.fields(done.cls)}  # type: ignore[arg-type]
    for code in re.findall(r"``([a-z]+_[a-z_]+)``", raises):
        if code not in codes | words:
            yield f"the docstring names {code}, which no page of its methods has"


def typed(done: Done) -> Iterator[str]:
    """The output is a frozen class, is what flow is declared to give and gives, and has documented fields."""
    kind = done.cls.output
    if done.output is not None and type(done.output) is not kind:
        yield f"the output is of type {type(done.output).__name__}, and {kind.__name__} is declared"
    told = inspect.get_annotations(done.cls.flow).get("return")
    if told != f"Flow[{kind.__name__}]":
        yield f"flow is declared to give {told}"
    bases = [base for cls in done.cls.__mro__ for base in cls.__dict__.get("__orig_bases__", ())]
    if get_args(bases[0])[:1] != (kind,):
        yield f"the class is declared as {bases[0]}"
    known = {name for cls in done.cls.__mro__ for name in inspect.get_annotations(cls)}
    yield from (f"{field.name} has no type" for field in attrs.fields(done.cls) if field.name not in known)  # type: ignore[arg-type]
    if not (attrs.has(kind) and kind.__setattr__ is not object.__setattr__):
        yield "the output is no frozen class"
        return
    text = inspect.cleandoc(kind.__doc__ or "")
    for field in attrs.fields(kind):
        if not re.search(rf"^    {field.name}: \S", text, re.MULTILINE):
            yield f"the output's docstring says nothing of {field.name}"


def scoped(done: Done) -> Iterator[str]:
    """Every method that was called is one that the action says it needs."""
    needed = {need.method for need in done.action.needs()}
    yield from (f"{method} was called, and needs() does not name it" for method in sorted(done.methods - needed))


def planned(done: Done) -> Iterator[str]:
    """The plan names, without a network, what a run calls, and no more than it may call."""
    with FakeSlack().executor() as executor:
        plan = executor.plan(Runbook("b", {"one": done.action}), CONTEXT)
    conditional = {need.method for need in done.action.needs() if need.condition}
    known = set(plan["one"].methods)
    yield from (f"{each} was called, and the plan does not tell" for each in sorted(done.methods - known - conditional))
    needed = {need.method for need in done.action.needs()}
    yield from (f"{each} is planned, and not needed" for each in sorted((known & set(METHODS)) - needed))


def faked(done: Done) -> Iterator[str]:
    """The fake models every method, from a page of its own."""
    for method in sorted({need.method for need in done.action.needs()} | done.methods):
        if method not in FAKED:
            yield f"the fake does not model {method}"
        elif FAKED[method].page != f"https://docs.slack.dev/reference/methods/{method}":
            yield f"the fake's {method} names no page"


def journalled(done: Done) -> Iterator[str]:
    """What is sent can be journalled: it says what a repeat does, is plain data, and is the same when done anew."""
    for request in done.sent:
        if not isinstance(request.repeat, Repeat):
            yield f"{request.method} does not say whether it may be sent twice"
        elif request.method in METHODS and request.repeat is not METHODS[request.method].repeat:
            yield f"{request.method} is declared {request.repeat.name}, not {METHODS[request.method].repeat.name}"
        if isinstance(request, sr.Call) and (reason := unsendable(request.arguments)):
            yield f"{request.method} cannot be written down: {reason}"
    if [_plain(each) for each in done.sent] != [_plain(each) for each in done.again]:
        yield "it sent something else when it was done anew"


def _plain(request: Any) -> Any:
    return (request.method, request.arguments) if isinstance(request, sr.Call) else request.method


def reachable(done: Done) -> Iterator[str]:
    """It has a name in YAML, stands at the top level, and has a row and a section in the docs."""
    name = done.cls.__name__
    if ACTIONS.get(action_name(done.cls)) is not done.cls:
        yield "YAML cannot name it"
    elif not isinstance(getattr(done.action, "content", None), bytes):
        book = Runbook("b", {"one": done.action})
        if Runbook.from_yaml(book.to_yaml()) != book or Runbook.from_dict(book.to_dict()) != book:
            yield "YAML makes another of it"
    if {name, done.cls.output.__name__} - set(sr.__all__):
        yield "it, or its output, does not stand at the top level"
    page = (ROOT / "docs" / "actions.md").read_text(encoding="utf-8")
    if not re.search(rf"^\| \[`{name}`\]", page, re.MULTILINE):
        yield "docs/actions.md has no row of it"
    if not re.search(rf"^## .*\b{name}\b", page, re.MULTILINE):
        yield "docs/actions.md has no section of it"
    if f"`{name}`" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        yield "CHANGELOG.md does not tell of it"


def refused(done: Done) -> Iterator[str]:
    """The documented errors of each method it calls are in the data file, and so are tried."""
    yield from (f"the errors of {method} are not listed" for method in sorted(done.methods) if method not in DOCUMENTED)


RULES: dict[str, Callable[[Done], Iterator[str]]] = {
    rule.__name__: rule for rule in (documented, typed, scoped, planned, faked, journalled, reachable, refused)
}


@pytest.mark.parametrize("rule", RULES)
def test_every_action_keeps_the_rule(rule: str) -> None:
    """Each action keeps it, in each of its cases."""
    wrong = {f"{name}: {problem}" for name, done in _all() for problem in RULES[rule](done)}
    assert not wrong, "\n".join(sorted(wrong))


def test_no_action_is_left_out() -> None:
    """Each action that can run has a case, and each of its fields is set in one of them."""
    assert set(BY_ACTION) == set(ACTIONS.values()) - {sr.UnarchiveChannel}
    given = {
        (done.cls.__name__, field.name)
        for _, done in _all()
        for field in attrs.fields(done.cls)  # type: ignore[arg-type]
        if getattr(done.action, field.name) != field.default
    }
    fields = {(cls.__name__, field.name) for cls in ACTIONS.values() for field in attrs.fields(cls)}  # type: ignore[arg-type]
    assert fields - given == _REFUSED_FIELDS


def test_the_table_in_the_docs_is_up_to_date() -> None:
    """The page is what the catalogue and the docstrings make of it."""
    made = action_table.PAGE.read_text(encoding="utf-8")
    assert made == action_table.table(), "write it anew: python -m tests.action_table"


@pytest.mark.parametrize("case", OPTIONS, ids=lambda case: case.name)
def test_an_option_asks_for_its_own_scope_and_no_other(case: Case) -> None:
    """What an option needs is computed; the other cases prove the scopes themselves."""
    fake = FakeSlack()
    world(fake)
    case.before(fake)
    action = case.make(fake)
    assert set(sr.required_scopes(action).minimal) == case.scopes
    fake.scopes = set(case.scopes)
    with fake.executor() as executor:
        executor.do(action, CONTEXT)


# --- each rule can fail ----------------------------------------------------------------------------------------------


class Told:
    """No frozen class."""


def _good() -> Done:
    """Return an action that keeps all the rules, to break it in one place."""
    return next(done for name, done in _all() if name == "permalink in a channel by name")


def _with(**members: Any) -> Done:
    """Return it as a class that differs in one member."""
    good = _good()
    # The class keeps its name, so that what is looked up by the name is found.
    cls: Any = type("GetPermalink", (sr.GetPermalink,), {"__slots__": (), "__doc__": good.cls.__doc__, **members})
    return attrs.evolve(good, action=cls(channel="incidents", message_ts="1.000000"))


def _page(old: str, new: str) -> Done:
    doc = _good().cls.__doc__ or ""
    assert old in doc
    return _with(__doc__=doc.replace(old, new))


def _sends(**changes: Any) -> Done:
    """Return it with another last request."""
    good = _good()
    sent = (*good.sent[:-1], attrs.evolve(good.sent[-1], **changes))
    return attrs.evolve(good, sent=sent, again=sent)


def _needs(self: sr.Action[Any]) -> Iterator[sr.Need]:
    yield sr.Need("dialog.open", "fail the rule")
    yield from sr.GetPermalink.needs(self)  # type: ignore[arg-type]


def _flow(self: sr.Action[Any]) -> sr.Flow[str]:
    yield sr.Partial(None)
    return "x"


def _bare(**changes: Any) -> Done:
    """Return an action with nothing around it."""

    @attrs.frozen(kw_only=True)
    class Bare(sr.Action[Told]):
        output = Told
        channel = attrs.field(default="C1")

        flow = sr.GetPermalink.flow

    return attrs.evolve(Done(Bare()), **changes)


def _unequal() -> Done:
    """Return an action that equals nothing that is read back: NaN does not equal itself."""
    good = next(done for name, done in _all() if name == "message with all switches")
    metadata = {"event_type": "x", "event_payload": {"ratio": float("nan")}}
    return attrs.evolve(good, action=attrs.evolve(good.action, metadata=metadata))  # type: ignore[misc]


BROKEN: dict[str, tuple[str, Callable[[], Done], str]] = {
    "parts out of order": ("documented", lambda: _page("Again:", "Twice:"), "the docstring needs, in this order"),
    "no summary": ("documented", lambda: _page("Change nothing: ", "nothing "), "does not begin with a sentence"),
    "no page": ("documented", lambda: _page("/chat.getPermalink", "/chat"), "the page of chat.getPermalink"),
    "a field untold": ("documented", lambda: _page("    message_ts:", "    ts:"), "says nothing of message_ts"),
    "a scope untold": ("documented", lambda: _page("``channels:read``", "a scope"), "the scope channels:read"),
    "output untold": ("documented", lambda: _page(":class:`Permalink`", "text"), "does not name the output"),
    "no such error": ("documented", lambda: _page("    MessageNotFound:", "    NotThere:"), "names NotThere"),
    "no such code": ("documented", lambda: _page("No such message there", "``no_such_ts``"), "names no_such_ts"),
    "another output": ("typed", lambda: attrs.evolve(_good(), output=Told()), "is of type Told"),
    "flow gives another": ("typed", lambda: _with(flow=_flow), "flow is declared to give sr.Flow[str]"),
    "class of another": ("typed", lambda: _with(output=sr.MessageSent), "the class is declared as"),
    "output not frozen": ("typed", _bare, "the output is no frozen class"),
    "output untold inside": ("typed", lambda: _with(output=attrs.make_class("Permalink", ["url"], frozen=True)), "url"),
    "field without type": ("typed", _bare, "channel has no type"),
    "call not needed": ("scoped", lambda: _sends(method="pins.add"), "pins.add was called, and needs()"),
    "call not planned": ("planned", lambda: _sends(method="pins.add"), "pins.add was called, and the plan"),
    "not faked": ("faked", lambda: _with(needs=_needs), "does not model dialog.open"),
    "no repeat": ("journalled", lambda: _sends(repeat="maybe"), "does not say whether it may be sent twice"),
    "another repeat": ("journalled", lambda: _sends(repeat=Repeat.DOUBLES), "is declared DOUBLES, not READS"),
    "no plain data": ("journalled", lambda: _sends(arguments={"ts": object()}), "cannot be written down"),
    "sent anew": ("journalled", lambda: attrs.evolve(_good(), again=()), "something else when it was done anew"),
    "not in YAML": ("reachable", lambda: _page("Change", "Do change"), "YAML cannot name it"),
    "another in YAML": ("reachable", _unequal, "YAML makes another of it"),
    "not exported": ("reachable", _bare, "does not stand at the top level"),
    "no row": ("reachable", _bare, "has no row of it"),
    "no section": ("reachable", _bare, "has no section of it"),
    "no news": ("reachable", _bare, "CHANGELOG.md does not tell"),
    "errors not listed": ("refused", lambda: _sends(method="dialog.open"), "the errors of dialog.open"),
}


@pytest.mark.parametrize(("rule", "make", "told"), BROKEN.values(), ids=BROKEN)
def test_each_rule_can_fail(rule: str, make: Callable[[], Done], told: str) -> None:
    """An action that is right but in one place is told of that place."""
    assert not list(RULES[rule](_good()))
    assert [problem for problem in RULES[rule](make()) if told in problem]


def test_a_planned_call_that_nothing_needs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan that is kept to is the plan of the fields, not of the class."""
    broken = _with(needs=lambda self: iter([sr.Need("chat.getPermalink", "x")]))
    with FakeSlack().executor() as executor:
        plan = executor.plan(Runbook("b", {"one": _good().action}), CONTEXT)
    monkeypatch.setattr(sr.Executor, "plan", lambda self, book, context: plan)
    assert list(planned(broken)) == ["conversations.list is planned, and not needed"]


def test_a_model_from_no_page_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is modelled names the page from which it was written."""
    known = FAKED["chat.getPermalink"]
    monkeypatch.setitem(FAKED, "chat.getPermalink", attrs.evolve(known, page="https://example.com"))
    assert list(faked(_good())) == ["the fake's chat.getPermalink names no page"]


# --- errors ----------------------------------------------------------------------------------------------------------

_DONE = None
# What comes of an error after which there is nothing left to do, or another way is taken, or another error says more.
HANDLED: dict[tuple[str, str, str], tuple[type[sr.SlackRunbooksError], str] | None] = {
    ("RemoveBookmark", "bookmarks.remove", "not_found"): _DONE,
    ("DeleteMessage", "chat.delete", "message_not_found"): _DONE,
    ("PostOrUpdateMessage", "chat.update", "message_not_found"): _DONE,
    ("ArchiveChannel", "conversations.archive", "already_archived"): _DONE,
    ("InviteToChannel", "conversations.invite", "already_in_channel"): _DONE,
    ("InviteToChannel", "conversations.invite", "cant_invite_self"): _DONE,
    ("RemoveFromChannel", "conversations.kick", "not_in_channel"): _DONE,
    ("RemoveFromChannel", "conversations.info", "missing_scope"): _DONE,
    ("PinMessage", "pins.add", "already_pinned"): _DONE,
    ("UnpinMessage", "pins.remove", "no_pin"): _DONE,
    ("UnpinMessage", "pins.remove", "not_pinned"): _DONE,
    ("AddReaction", "reactions.add", "already_reacted"): _DONE,
    ("RequestApproval", "reactions.add", "already_reacted"): _DONE,
    ("RemoveReaction", "reactions.remove", "no_reaction"): _DONE,
    ("RequestApproval", "reactions.add", "message_not_found"): (sr.ApprovalRefused, "withdrawn"),
    ("RequestApproval", "reactions.get", "message_not_found"): (sr.ApprovalRefused, "withdrawn"),
    ("WaitForReaction", "reactions.get", "message_not_found"): (sr.ApprovalRefused, "withdrawn"),
    # Private channels are not searched then, and the name is in no other.
    ("*", "conversations.list", "missing_scope"): (sr.ChannelNotFound, "channel_not_found"),
    # Nothing proves then that the channel is ours.
    ("CreateChannel", "conversations.list", "*"): (sr.NameTaken, "name_taken"),
}


def _handling(cls: str, method: str, code: str) -> tuple[str, str, str] | None:
    """Return the key under which it stands in the table, the nearest first."""
    keys = [(cls, method, code), (cls, method, "*"), ("*", method, code)]
    return next((key for key in keys if key in HANDLED), None)


def _pairs() -> dict[tuple[str, str], Case]:
    """Return for each action and each method that it calls a case in which it does."""
    found: dict[tuple[str, str], Case] = {}
    for case, done in _done_cases():
        for method in done.methods:
            found.setdefault((done.cls.__name__, method), case)
    return dict(sorted(found.items()))


PAIRS = _pairs()


def _refused(case: Case, method: str, code: str, kind: str) -> Exception | None:
    """Do a case while Slack refuses the first call of a method, and return what was raised."""
    fake = FakeSlack()
    world(fake)
    case.before(fake)
    action = case.make(fake)
    fake.fail_next(method, code)
    retry = RetryPolicy(attempts=1)
    try:
        if kind == "sync":
            with fake.executor(retry=retry) as executor:
                executor.do(action, CONTEXT)
        else:

            async def go() -> None:
                async with fake.async_executor(retry=retry) as executor:
                    await executor.do(action, CONTEXT)

            asyncio.run(go())
    except sr.SlackRunbooksError as error:
        return error
    return None


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(("cls", "method"), PAIRS)
def test_each_documented_error_comes_back_typed(cls: str, method: str, kind: str) -> None:
    """Whatever the page lists, the action fails with its type, code, method and remedy, or does what the table says."""
    unknown = slack_error(method, {"ok": False, "error": "code_of_no_page"}).remedy
    for code in DOCUMENTED[method]:
        error = _refused(PAIRS[cls, method], method, code, kind)
        expected = slack_error(method, {"ok": False, "error": code})
        if code in UNCERTAIN_CODES:
            # They may come after the effect: https://docs.slack.dev/reference/methods/chat.postMessage#errors
            assert isinstance(error, (sr.AmbiguousOutcome, sr.SlackUnavailable)), (code, error)
        elif key := _handling(cls, method, code):
            handled = HANDLED[key]
            assert (type(error), getattr(error, "code", None)) == (handled or (type(None), None)), (code, error)
        else:
            assert type(error) is type(expected), (code, error)
            assert isinstance(error, sr.SlackError)
            assert (error.code, error.method) == (code, method)
            assert len(error.remedy.split()) >= 6
            assert error.remedy != unknown
            assert error.remedy in str(error)


def test_the_table_of_handled_errors_has_nothing_to_spare() -> None:
    """Each entry is about an action, a method and a code that are tried."""
    used = {_handling(cls, method, code) for cls, method in PAIRS for code in DOCUMENTED[method]}
    assert used - {None} == set(HANDLED)


def test_every_listed_method_is_tried() -> None:
    """No method whose errors are listed is without an action that calls it."""
    assert {method for _, method in PAIRS} == set(DOCUMENTED)
