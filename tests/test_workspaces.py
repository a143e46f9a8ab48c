"""Steps in other workspaces: everything goes where it belongs, whatever is lost, crashes or is not installed."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from slack_sdk.oauth.installation_store.models.installation import Installation
from slack_sdk.oauth.state_store import FileOAuthStateStore

import slackrunbooks as sr
from slackrunbooks import connect
from slackrunbooks._elsewhere import Elsewhere
from slackrunbooks.journal import decode, encode
from slackrunbooks.testing import FakeSlack

HOME, THERE, NOWHERE = "T0FAKE0001", "T0FAKE0002", "T0NOBODY"

ANN = "ann@example.com"
SAY = sr.SendMessage(channel="#incidents", text="{{id}} is down")
BOOK = sr.Runbook(
    "tell",
    {
        "before": SAY,
        "partner": sr.Step(
            sr.SendMessage(channel="#incidents", text="{{id}} is down, says {{steps.before.channel}}"),
            workspace="{{partner}}",
        ),
        "after": sr.SendMessage(channel="#incidents", text="told {{steps.partner.channel}}"),
    },
)
CONTEXT = {"id": "INC-1", "partner": THERE}


READS = {"auth.test", "conversations.list", "conversations.info"}


@attrs.define
class World:
    """Two workspaces that have the same app."""

    home: FakeSlack
    there: FakeSlack

    def executor(self, **options: Any) -> sr.Executor:
        """An executor at home that reaches the other one by a client that it is given."""
        return sr.Executor(self.home.client, **{"workspaces": {THERE: self.there.client}, **options})

    def async_executor(self, **options: Any) -> sr.AsyncExecutor:
        return sr.AsyncExecutor(self.home.async_client, **{"workspaces": {THERE: self.there.async_client}, **options})

    def texts(self, *, there: bool = False) -> list[str]:
        fake = self.there if there else self.home
        return [message.text for message in fake.channel("incidents").messages]

    def asked(self) -> tuple[set[str], set[str]]:
        """The methods that were called in each."""
        return {call.method for call in self.home.calls}, {call.method for call in self.there.calls}

    def counts(self) -> tuple[int, int]:
        return len(self.home.calls), len(self.there.calls)


def _world() -> World:
    """Both have a channel of the same name, with different IDs."""
    home = FakeSlack()
    there = home.add_workspace("Beta")
    home.add_channel("incidents")
    there.add_channel("incidents")
    assert (home.team_id, there.team_id) == (HOME, THERE)
    assert home.channel("incidents").id != there.channel("incidents").id
    return World(home, there)


@pytest.fixture
def world() -> World:
    """Make them anew for each test."""
    return _world()


def _sync(world: World, book: sr.Runbook, context: Mapping[str, Any], **options: Any) -> sr.Report:
    with world.executor(**options) as executor:
        return executor.run(book, context)


def _async(world: World, book: sr.Runbook, context: Mapping[str, Any], **options: Any) -> sr.Report:
    async def run() -> sr.Report:
        async with world.async_executor(**options) as executor:
            return await executor.run(book, context)

    return asyncio.run(run())


RUNS: dict[str, Callable[..., sr.Report]] = {
    "sync": _sync,
    "async": _async,
    "sync, kept": lambda *a, **o: _sync(*a, **o, journal=sr.MemoryJournal()),
    "async, kept": lambda *a, **o: _async(*a, **o, journal=sr.MemoryJournal()),
}


# --- writing it ------------------------------------------------------------------------------------------------------


def test_it_is_written_in_yaml_and_kept_in_plain_data() -> None:
    """The round trip is exact, as is a pickle; the template's variable is one of the runbook's."""
    text = BOOK.to_yaml()
    assert 'workspace: "{{partner}}"' in text
    assert sr.Runbook.from_yaml(text) == BOOK == pickle.loads(pickle.dumps(BOOK))
    assert BOOK.variables == ("id", "partner")
    assert "workspace='{{partner}}'" in repr(BOOK.steps["partner"])


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "a name": (lambda: sr.Step(SAY, workspace="Beta"), "workspace: 'Beta' is no ID of a workspace, which looks like T"),
    "a number": (lambda: sr.Step(SAY, workspace=1), "workspace: must be the ID of a workspace, as T0123ABCD, not a"),  # type: ignore[arg-type]
    "empty": (lambda: sr.Step(SAY, workspace=" "), "workspace: is empty"),
    "an organisation": (lambda: sr.Step(SAY, workspace="E0123"), "'E0123' is an organisation; a step acts in one of"),
    "a function": (
        lambda: sr.Step(sr.Function(lambda: 1), workspace=THERE),
        "workspace: is for actions in Slack; a function of the host acts in none",
    ),
    "a tag that is open": (
        lambda: sr.Runbook("r", {"say": sr.Step(SAY, workspace="{{a")}),
        "steps.say.workspace",
    ),
    "a later step": (
        lambda: sr.Runbook("r", {"say": sr.Step(SAY, workspace="{{steps.later.x}}"), "later": SAY}),
        "steps.say.workspace: {{steps.later.x}} reads step 'later'",
    ),
    "no input": (
        lambda: sr.Runbook("r", {"say": sr.Step(SAY, workspace="{{b}}")}, inputs={"id": sr.Input()}),
        "steps.say.workspace: {{b}} is not among the declared inputs",
    ),
    "clients by name": (lambda: sr.Executor(workspaces={"Beta": None}), "must map team IDs"),  # type: ignore[dict-item]
    "no client": (lambda: sr.Executor(workspaces={THERE: None}), "Executor.workspaces['T0FAKE0002']: must be a client"),  # type: ignore[dict-item]
    "a token": (lambda: sr.Executor(workspaces="xoxb-secret"), "must be a Workspaces, or a mapping of team IDs to cli"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize(("make", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_whatever_the_context_is_refused_at_once(make: Callable[[], object], told: str) -> None:
    """The message names the option; no token shows in it."""
    with pytest.raises((sr.RunbookError, sr.TemplateError)) as refused:
        make()
    assert told in str(refused.value)
    assert "xoxb" not in str(refused.value)


# --- going there -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_step_acts_there_and_the_others_at_home(world: World, run: Callable[..., sr.Report]) -> None:
    """The same name is another channel there; outputs are of where they were made, and the report says where."""
    report = run(world, BOOK, CONTEXT)
    report.raise_for_failure()
    home, there = world.home.channel("incidents").id, world.there.channel("incidents").id
    assert world.texts() == ["INC-1 is down", f"told {there}"]
    assert world.texts(there=True) == [f"INC-1 is down, says {home}"]
    assert [step.workspace for step in report.steps] == ["", THERE, ""]
    assert f"partner: succeeded in {THERE}" in str(report)
    assert {call.method for call in world.there.calls} == {"chat.postMessage"}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_what_was_looked_up_in_one_workspace_is_not_used_in_another(
    world: World, run: Callable[..., sr.Report]
) -> None:
    """The channel's ID and the person's, each by the same name, are asked for in each workspace."""
    for fake in (world.home, world.there):
        fake.add_user("ann", email=ANN)
        fake.add_user("bob", email="bob@example.com")
    steps: dict[str, Any] = {}
    for number, workspace in enumerate([None, THERE, None, THERE]):
        users = [ANN, "bob@example.com"][number // 2]
        steps[f"invite{number}"] = sr.Step(sr.InviteToChannel(channel="#incidents", users=users), workspace=workspace)
    run(world, sr.Runbook("invite", steps), {}).raise_for_failure()
    for fake in (world.home, world.there):
        names = {fake.user("ann").id, fake.user("bob").id}
        assert names <= {getattr(each, "id", each) for each in fake.channel("incidents").members}
        assert [call.method for call in fake.calls].count("conversations.list") == 1
        assert all(call.ok for call in fake.calls)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_loop_tells_each_workspace(world: World, run: Callable[..., sr.Report]) -> None:
    """The item says where; the run's own may be among them."""
    book = sr.Runbook(
        "all",
        {
            "tell": sr.Step(
                sr.SendMessage(channel="#incidents", text="{{item.name}}"),
                foreach="partners",
                workspace="{{item.team}}",
            )
        },
    )
    partners = [{"name": "a", "team": THERE}, {"name": "b", "team": HOME}, {"name": "c", "team": THERE}]
    options = {"workspaces": {THERE: world.there.client, HOME: world.home.client}}
    if run in (RUNS["async"], RUNS["async, kept"]):
        options = {"workspaces": {THERE: world.there.async_client, HOME: world.home.async_client}}
    run(world, book, {"partners": partners}, **options).raise_for_failure()
    assert (world.texts(), world.texts(there=True)) == (["b"], ["a", "c"])


def test_a_file_goes_there_whole(world: World) -> None:
    """The bytes and both requests around them."""
    book = sr.Runbook(
        "file",
        {"log": sr.Step(sr.UploadFile(content="x", filename="log.txt", channel="#incidents"), workspace=THERE)},
    )
    with world.executor() as executor:
        executor.run(book, {}).raise_for_failure()
    assert world.counts()[0] == 0
    assert world.there.calls[-1].method == "files.completeUploadExternal"


def test_an_approval_is_polled_where_it_was_asked_for(world: World) -> None:
    """Also by another worker, hours later."""
    ann = world.there.add_user("ann")
    ann.join("incidents")
    ask = sr.RequestApproval(channel="#incidents", text="Close?", approvers=ann.id, expires_in=90_000)
    book = sr.Runbook(
        "ask", {"ask": sr.Step(ask, workspace=THERE), "say": sr.SendMessage(channel="#incidents", text="x")}
    )
    journal = sr.MemoryJournal()
    with world.executor(journal=journal) as executor:
        assert executor.run(book, {}, run_id="r").state == "waiting"
    world.home.advance(7200)
    ann.react("incidents", world.there.channel("incidents").messages[-1].ts, "white_check_mark")
    with world.executor(journal=journal) as executor:
        (report,) = executor.resume_all()
    assert report.ok and report.output("ask", sr.Approved).approved_by == (ann.id,)
    assert world.texts() == ["x"]
    assert [call.method for call in world.home.calls] == ["chat.postMessage"]


# --- looking before the leap -----------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no way there": (
        {"workspaces": None},
        {},
        (
            f"steps.partner.workspace: {THERE} cannot be reached. Not connected (no_workspaces): the executor reaches "
            "no workspace but its own. Make the executor with Workspaces(store).executor(team_id=…), or give it "
            "workspaces=…; on the command line, use --store and --team."
        ),
    ),
    "not among those": (
        {},
        {"partner": NOWHERE},
        (
            "steps.partner.workspace: T0NOBODY cannot be reached. Not connected (not_installed): the executor has no "
            "client for 'T0NOBODY'. Add it: Executor.workspaces={'T0NOBODY': …}."
        ),
    ),
    "empty": ({}, {"partner": ""}, "steps.partner.workspace: is empty: it takes the ID of a workspace, as T0123ABCD."),
    "a name": ({}, {"partner": "Beta"}, "steps.partner.workspace: 'Beta' is no ID of a workspace"),
    "a list": ({}, {"partner": [THERE]}, "steps.partner.workspace: must be the ID of a workspace, as T0123ABCD, not a"),
    "missing": ({}, {"partner": None}, "steps.partner.workspace"),
}  # fmt: skip


@pytest.mark.parametrize("kept", [False, True], ids=["", "kept"])
@pytest.mark.parametrize(("options", "context", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_go_there_is_refused_before_the_first_effect(
    world: World, options: dict[str, Any], context: dict[str, Any], told: str, kept: bool
) -> None:
    """In ``run``, synchronous or not, ``submit`` and ``check``: nothing is sent, and the remedy is named."""
    filled = {key: value for key, value in {**CONTEXT, **context}.items() if value is not None}
    journal = sr.MemoryJournal() if kept else None
    with world.executor(**options, journal=journal) as executor:
        for ask in (executor.run, executor.submit) if kept else (executor.run,):
            with pytest.raises(sr.CheckFailed) as refused:
                ask(BOOK, filled)
            assert told in str(refused.value)
        assert world.counts() == (0, 0)
        report = executor.check(BOOK, filled)
        assert told in str(report) and not report.ok
    assert world.asked() == ({"auth.test", "conversations.list"}, set())

    async def run() -> None:
        given = {"workspaces": {THERE: world.there.async_client}, **options}
        async with world.async_executor(**given, journal=journal) as executor:
            with pytest.raises(sr.CheckFailed) as refused:
                await executor.run(BOOK, filled)
            assert told in str(refused.value)

    asyncio.run(run())
    assert journal is None or not journal.runs()


def test_a_step_that_may_fail_does_not_keep_the_run_from_going(world: World) -> None:
    """It fails by itself, with the reason, before it sends."""
    steps = dict(BOOK.steps)
    steps["partner"] = sr.Step(SAY, workspace=NOWHERE, on_error="continue")
    book = sr.Runbook("r", {"before": SAY, "partner": steps["partner"]})
    with world.executor() as executor:
        report = executor.run(book, CONTEXT)
    assert report.ok and isinstance(report["partner"].error, sr.NotInstalled)
    assert len(world.texts()) == 1 and world.counts()[1] == 0


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize(
    ("team", "kind", "told"),
    [
        (NOWHERE, sr.NotInstalled, "no client for 'T0NOBODY'"),
        ("", sr.RunbookError, "is empty"),
        ("#b", sr.RunbookError, "'#b' is no ID of a workspace"),
    ],
)
def test_what_only_the_run_can_tell_fails_the_step_before_it_sends(
    world: World, run: Callable[..., sr.Report], team: str, kind: type[Exception], told: str
) -> None:
    """The workspace comes from an earlier step; the error is typed, kept or not, and what was done before stands."""

    def who() -> dict[str, str]:
        return {"team": team}

    sr.register(who, name="which_workspace", repeat="reads")
    try:
        function = sr.Function(who, {}, "reads")
        book = sr.Runbook(
            "late", {"before": SAY, "who": function, "partner": sr.Step(SAY, workspace="{{steps.who.team}}")}
        )
        report = run(world, book, CONTEXT)
    finally:
        sr.unregister("which_workspace")
    assert report.stopped_by == "partner"
    assert isinstance(report["partner"].error, kind)
    assert told in str(report["partner"].error)
    assert (world.texts(), world.counts()[1]) == (["INC-1 is down"], 0)


def test_a_plan_says_where(world: World) -> None:
    """Without a token; what only the run can tell is a named placeholder."""
    with world.executor() as executor:
        plan = executor.plan(BOOK, CONTEXT)
        assert plan["partner"].workspaces == (THERE,) and plan["before"].workspaces == ()
        assert f"partner: send_message in {THERE}" in str(plan)
        book = sr.Runbook(
            "r",
            {"look": sr.CreateChannel(name="x"), "say": sr.Step(SAY, workspace="{{steps.look.name}}")},
        )
        assert executor.plan(book, CONTEXT)["say"].workspaces == ("‹steps.look.name›",)
        assert executor.plan(book, CONTEXT).problems == ()
        assert "steps.say.workspace: only the run can tell" in str(executor.check(book, CONTEXT))
    assert world.asked()[0] <= READS and world.asked()[1] == set()


# --- checking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_each_workspace_is_asked_for_the_scopes_of_its_own_steps(world: World, asynchronous: bool) -> None:
    """A scope that is missing there is told for there alone, and one at home does not count for there."""
    world.there.scopes = {"chat:write"}
    world.home.scopes = {"chat:write", "channels:read", "groups:read"}
    book = sr.Runbook(
        "r",
        {
            "say": SAY,
            "room": sr.Step(sr.CreateChannel(name="x"), workspace=THERE),
        },
    )

    async def check() -> sr.CheckReport:
        async with world.async_executor() as executor:
            return await executor.check(book, CONTEXT)

    if asynchronous:
        report = asyncio.run(check())
    else:
        with world.executor() as executor:
            report = executor.check(book, CONTEXT)
    (problem,) = report.problems
    assert problem.place == "steps.room"
    assert problem.message.startswith(f"in the workspace {THERE}: the token lacks channels:manage")
    assert report.granted == ("channels:read", "chat:write", "groups:read")
    assert report.elsewhere == {THERE: ("chat:write",)}
    assert report.to_dict()["elsewhere"] == {THERE: ["chat:write"]}
    assert {"channels:manage", "chat:write"} <= set(report.scopes.minimal)
    assert world.asked()[0] <= READS and world.asked()[1] <= READS


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_what_a_step_names_is_looked_for_where_it_acts(world: World, asynchronous: bool) -> None:
    """What one workspace lacks, has or makes says nothing of the other; what was in order is not asked again."""
    world.home.add_channel("ours")
    world.there.add_channel("theirs")
    book = sr.Runbook(
        "r",
        {
            "room": sr.CreateChannel(name="made"),
            **{
                f"{name}_{'there' if team else 'here'}": sr.Step(
                    sr.SendMessage(channel=f"#{name}", text="x"), workspace=team
                )
                for name in ("ours", "theirs", "made")
                for team in (None, THERE)
            },
        },
    )

    async def check() -> list[sr.CheckReport]:
        async with world.async_executor() as executor:
            return [await executor.check(book), await executor.check(book)]

    if asynchronous:
        reports = asyncio.run(check())
    else:
        with world.executor() as executor:
            reports = [executor.check(book), executor.check(book)]
    for report in reports:
        assert {
            problem.place: problem.message.startswith(f"in the workspace {THERE}: ") for problem in report.problems
        } == {
            "steps.theirs_here.channel": False,
            "steps.ours_there.channel": True,
            "steps.made_there.channel": True,
        }
    assert world.asked() == ({"auth.test", "conversations.list"},) * 2


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_each_item_of_a_loop_is_looked_for_in_its_own_workspace(world: World, asynchronous: bool) -> None:
    """Where every step has something to do at home too, what belongs to another workspace is not asked for at home."""
    world.there.add_channel("theirs")
    say = sr.Step(sr.SendMessage(channel="{{item.c}}", text="x"), foreach="places", workspace="{{item.t}}")
    book = sr.Runbook("tell-all", {"tell": say})
    context = {"places": [{"t": HOME, "c": "#incidents"}, {"t": THERE, "c": "#theirs"}]}

    async def check() -> sr.CheckReport:
        async with world.async_executor() as executor:
            executor._team = HOME
            return await executor.check(book, context)

    if asynchronous:
        report = asyncio.run(check())
    else:
        with world.executor() as executor:
            executor._team = HOME
            report = executor.check(book, context)
    assert (report.problems, report.warnings, dict(report.unseen)) == ((), (), {})
    assert [call.method for call in world.home.calls] == ["auth.test", "conversations.list"]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("bounded", [False, True], ids=["not reached", "out of bounds"])
def test_one_workspace_of_a_loop_that_is_out_does_not_hide_the_others(
    world: World, bounded: bool, asynchronous: bool
) -> None:
    """What is wrong in those that are reached is told; of one that is not, that nobody looked there."""
    third = world.home.add_workspace("Gamma")
    clients: dict[str, Any] = {THERE: world.there.async_client if asynchronous else world.there.client}
    options: dict[str, Any] = {"workspaces": clients}
    if bounded:
        clients[third.team_id] = third.async_client if asynchronous else third.client
        options["policy"] = sr.Policy(workspaces={THERE: sr.Policy()})
    say = sr.SendMessage(channel="{{item.c}}", text="x")
    book = sr.Runbook("r", {"tell": sr.Step(say, foreach="places", workspace="{{item.t}}", on_error="continue")})
    teams = zip((THERE, third.team_id, THERE), ("#nope", "#incidents", "#nor"), strict=True)
    context = {"places": [{"t": team, "c": channel} for team, channel in teams]}

    async def check() -> sr.CheckReport:
        async with world.async_executor(**options) as executor:
            return await executor.check(book, context)

    if asynchronous:
        report = asyncio.run(check())
    else:
        with world.executor(**options) as executor:
            report = executor.check(book, context)
    assert {problem.place for problem in report.warnings} == {
        "steps.tell[1].channel",
        "steps.tell.workspace",
        "steps.tell[3].channel",
    }
    assert report.elsewhere.keys() == {THERE}
    assert third.calls == []
    told = f"#incidents was not looked at: the workspace {third.team_id} cannot be reached"
    assert report.unseen == ({} if bounded else {"steps.tell[2].channel": told})


def test_a_token_that_is_no_good_there_is_a_problem(world: World) -> None:
    """It is told with its workspace."""
    world.there.fail_next("auth.test", "account_inactive")
    with world.executor() as executor:
        report = executor.check(BOOK, CONTEXT)
    (problem,) = report.problems
    assert problem.place == f"workspaces.{THERE}" and "account_inactive" in problem.message


def test_the_doctor_of_one_workspace_leaves_out_what_is_done_in_others(world: World) -> None:
    """Neither its scopes nor its channels are those of this token."""
    world.home.scopes = {"chat:write", "channels:read", "groups:read"}
    there = {
        "room": sr.Step(sr.CreateChannel(name="x"), workspace=THERE),
        "say": sr.Step(sr.SendMessage(channel="#only-there", text="x"), workspace=THERE),
    }
    with world.home.serve() as server:
        found = sr.diagnose(world.home.token, sr.Runbook("r", {"own": SAY, **there}), CONTEXT, base_url=server.url)
        assert found.ok, found
        assert "only-there" not in str(found) and "channels:manage" not in str(found)
        own = sr.Runbook("r", {name: sr.Step(step.action) for name, step in there.items()})
        assert "channels:manage" in str(sr.diagnose(world.home.token, own, {}, base_url=server.url))


# --- lanes, bounds and records ---------------------------------------------------------------------------------------


def test_lanes_are_those_of_the_workspace(world: World) -> None:
    """Slack counts in each workspace by itself; the run's own lanes are called as before."""
    from slackrunbooks._effects import Call, Repeat

    call = Call("conversations.create", {}, Repeat.DOUBLES)
    assert [lane.name for lane in sr.Pacing(name="a").lanes(call)] == ["a/conversations.create"]
    assert [lane.name for lane in sr.Pacing(name="a").lanes(call, THERE)] == [f"a/{THERE}/conversations.create"]
    rooms = {
        f"room{number}": sr.Step(sr.CreateChannel(name=f"x{number}"), workspace=THERE if number % 2 else None)
        for number in range(4)
    }
    pacing = sr.Pacing(share=1.0, burst=0.0, per_minute={"conversations.create": 2})
    with world.executor(pacing=pacing) as executor:
        executor.run(sr.Runbook("r", rooms), {}).raise_for_failure()
    # One of two in each lane goes at once, and the other half a minute later; in one lane it would take 90 seconds.
    assert sum(world.home.naps) == pytest.approx(30)


def test_a_closed_lane_is_closed_in_its_workspace_alone(world: World) -> None:
    """Slack's "later" of one workspace holds up nobody in the other."""
    world.there.fail_next("conversations.create", "ratelimited", retry_after=50)
    room = sr.Step(sr.CreateChannel(name="x"), workspace=THERE, on_error="continue")
    book = sr.Runbook("r", {"room": room, "own": sr.CreateChannel(name="x")})
    with world.executor(pacing=sr.Pacing(), retry=sr.RetryPolicy(attempts=1)) as executor:
        assert executor.run(book, {})["own"].ok
    assert list(world.home.naps) == []


def test_an_audit_record_names_the_workspace_and_its_scopes(world: World) -> None:
    """Of what is done elsewhere; of its own the executor knows the ID only from Workspaces."""
    world.there.scopes = {"chat:write", "files:read"}
    records: list[sr.AuditRecord] = []
    with world.executor(audit=records.append) as executor:
        executor.run(BOOK, CONTEXT).raise_for_failure()
    assert [record.workspace for record in records] == ["", THERE, ""]
    assert records[1].scopes == ("chat:write", "files:read")
    assert records[2].scopes == tuple(sorted(world.home.scopes or records[0].scopes)) != records[1].scopes
    assert records[1].to_dict()["workspace"] == THERE


BOUNDS: dict[str, tuple[sr.Policy, str]] = {
    "not named": (
        sr.Policy(channels="#incidents"),
        (
            "steps.partner.workspace: The policy forbids it: the step acts in the workspace T0FAKE0002; allowed "
            "besides the run's own: none"
        ),
    ),
    "another channel": (
        sr.Policy(channels="#incidents", workspaces={THERE: sr.Policy(channels="#other")}),
        "names #incidents; allowed are #other",
    ),
    "a pattern": (
        sr.Policy(workspaces={THERE: sr.Policy(channels="#o*")}),
        "names #incidents; allowed are #o*",
    ),
}


@pytest.mark.parametrize(("policy", "told"), BOUNDS.values(), ids=BOUNDS)
def test_bounds_there_are_their_own(world: World, policy: sr.Policy, told: str) -> None:
    """What is allowed at home is not allowed elsewhere by that; a workspace that is not named is closed."""
    with world.executor(policy=policy) as executor:
        with pytest.raises(sr.CheckFailed) as refused:
            executor.run(BOOK, CONTEXT)
        assert told in str(refused.value)
        assert world.counts() == (0, 0)
        assert told in str(executor.check(BOOK, CONTEXT))
    assert world.asked()[0] <= READS and world.asked()[1] <= (set() if "workspace" in told else READS)


def test_bounds_hold_where_only_the_run_tells_the_workspace(world: World) -> None:
    """They are judged when the step begins, before it sends."""
    book = sr.Runbook(
        "late",
        {
            "room": sr.CreateChannel(name="x", is_private=False),
            "partner": sr.Step(SAY, workspace="{{#steps.room.channel}}T0FAKE0002{{/steps.room.channel}}"),
        },
    )
    with world.executor(policy=sr.Policy(workspaces={"T9": sr.Policy()})) as executor:
        report = executor.run(book, CONTEXT)
    assert isinstance(report["partner"].error, sr.PolicyViolation) and world.counts()[1] == 0
    with world.executor(policy=sr.Policy(kinds="public", workspaces={THERE: sr.Policy(kinds="private")})) as executor:
        report = executor.run(sr.Runbook("kinds", {"a": SAY, "partner": sr.Step(SAY, workspace=THERE)}), CONTEXT)
    assert report["a"].ok and "allowed are private" in str(report["partner"].error)
    assert world.texts(there=True) == []


def test_a_rehearsal_has_a_sandbox_in_each_workspace(world: World) -> None:
    """Without one there the policy is refused, so that nothing is sent in earnest."""
    with pytest.raises(sr.RunbookError, match=r"Policy.workspaces: in a rehearsal that of T0FAKE0002 needs a redirect"):
        sr.Policy(redirect="#sandbox", workspaces={THERE: sr.Policy()})
    world.home.add_channel("sandbox")
    world.there.add_channel("drills")
    policy = sr.Policy(redirect="#sandbox", workspaces={THERE: sr.Policy(redirect="#drills")})
    journal = sr.MemoryJournal()
    with world.executor(policy=policy, journal=journal) as executor:
        executor.run(BOOK, CONTEXT, run_id="r").raise_for_failure()
        assert executor.run(BOOK, CONTEXT, run_id="r").ok
    assert world.texts() == world.texts(there=True) == []
    (message,) = world.there.channel("drills").messages
    assert message.text.startswith("Rehearsal, meant for #incidents: INC-1 is down")
    assert len(world.home.channel("sandbox").messages) == 2
    assert pickle.loads(pickle.dumps(policy)) == policy == sr.Policy.from_spec(decode(encode(policy.to_spec())))
    assert hash(policy) == hash(pickle.loads(pickle.dumps(policy)))
    assert "workspaces" not in sr.Policy().to_spec()


def test_bounds_hold_in_a_loop_over_several_workspaces(world: World) -> None:
    """Each item is held against the bounds of its own workspace; the scopes for holding it are counted in each."""
    world.there.add_channel("elsewhere")
    bounds = sr.Policy(channels="#incidents")
    policy = sr.Policy(channels="#incidents", workspaces={THERE: bounds, HOME: bounds})
    say = sr.Step(sr.SendMessage(channel="{{item.c}}", text="x"), foreach="places", workspace="{{item.t}}")
    book = sr.Runbook("tell-all", {"tell": say})
    good = {"places": [{"t": HOME, "c": "#incidents"}, {"t": THERE, "c": "#incidents"}]}
    with world.executor(policy=policy) as executor:
        executor._team = HOME
        plan = executor.plan(book, good)
        assert (plan.problems, plan["tell"].workspaces) == ((), ("", THERE))
        assert plan.least_time == world.executor().plan(book, good).least_time
        assert executor.check(book, good).ok
        assert executor.run(book, good).ok
        places = [*good["places"], {"t": THERE, "c": "#elsewhere"}]
        with pytest.raises(sr.CheckFailed, match="#elsewhere"):
            executor.run(book, {"places": places})
    assert (world.texts(), world.texts(there=True)) == (["x"], ["x"])


@pytest.mark.parametrize(
    "given", [{"Beta": sr.Policy()}, {THERE: None}, "T1", {THERE: sr.Policy(workspaces={HOME: sr.Policy()})}]
)
def test_a_policy_that_is_not_one_is_refused(given: Any) -> None:
    """By its place."""
    with pytest.raises(sr.RunbookError, match=r"^Policy\.workspaces: "):
        sr.Policy(workspaces=given)


# --- lost answers and crashes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_lost_answer_is_looked_up_there(world: World, run: Callable[..., sr.Report]) -> None:
    """The message stands there once, and home is not searched for it."""
    world.there.lose_reply("chat.postMessage")
    report = run(world, BOOK, CONTEXT)
    report.raise_for_failure()
    assert len(world.texts(there=True)) == 1
    assert "conversations.history" in [call.method for call in world.there.calls]
    assert {call.method for call in world.home.calls} == {"chat.postMessage"}


def test_what_was_made_in_one_workspace_does_not_hide_what_was_lost_in_another() -> None:
    """Messages that are to come are told apart by their IDs, which may be the same in two workspaces."""
    world = World(FakeSlack(), FakeSlack())
    for fake in (world.home, world.there):
        fake.add_channel("incidents")
    schedule = sr.ScheduleMessage(channel="#incidents", text="later", post_at=int(world.home.now) + 36_000)
    book = sr.Runbook("r", {"own": schedule, "partner": sr.Step(schedule, workspace=THERE)})
    world.there.lose_reply("chat.scheduleMessage")
    with world.executor() as executor:
        executor.run(book, {}).raise_for_failure()
    ids = [[each.id for each in fake._workspace.scheduled.values()] for fake in (world.home, world.there)]
    assert ids[0] == ids[1] and len(ids[0]) == 1


def test_a_person_is_asked_about_the_right_workspace(world: World) -> None:
    """Where nobody else can tell, the error and the question name it, and the answer goes on there."""
    world.there.lose_reply("chat.postMessage")
    journal = sr.MemoryJournal()
    with world.executor(journal=journal, on_ambiguous="fail") as executor:
        report = executor.run(BOOK, CONTEXT, run_id="r")
        error = report["partner"].error
        assert isinstance(error, sr.AmbiguousOutcome) and error.workspace == THERE
        assert f"Look in Slack (workspace {THERE}) whether it happened" in str(error)
        (lost,) = executor.lost_answers("r")
        assert lost.workspace == THERE
        executor.resolve("r", "partner", call=1, applied=False).raise_for_failure()
    assert len(world.texts(there=True)) == 2 and len(world.texts()) == 2


def test_a_retry_in_another_workspace_does_not_take_the_first_ones_word(world: World) -> None:
    """What was done in one workspace is not done in another: with a mended runbook the step is sent there."""
    third = world.home.add_workspace("Gamma")
    third.add_channel("incidents")
    third.add_channel("more")
    post = sr.SendMessage(channel="{{item}}", text="x")
    both = ["#incidents", "#more"]
    journal = sr.MemoryJournal()
    clients = {THERE: world.there.client, third.team_id: third.client}
    with world.executor(journal=journal, workspaces=clients) as executor:
        wrong = sr.Runbook("r", {"post": sr.Step(post, foreach=both, workspace=THERE)})
        assert executor.run(wrong, {}, run_id="r").state == "failed"
        mended = sr.Runbook("r", {"post": sr.Step(post, foreach=both, workspace=third.team_id)})
        executor.retry("r", mended).raise_for_failure()
    assert [len(third.channel(name).messages) for name in ("incidents", "more")] == [1, 1]
    assert len(world.texts(there=True)) == 1


class Killed(BaseException):
    """The process ends."""


class Dies:
    """A journal whose process ends at one of its writes, before or after it."""

    def __init__(self, journal: Any, at: int, *, after: bool) -> None:
        self._journal, self._left, self._after = journal, at, after

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._journal, name)
        if name not in ("intend", "settle", "end", "begin"):
            return work

        def write(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            done = work(*arguments, **named)
            if self._left == 0:
                raise Killed
            return done

        return write


CRASHES = sr.Runbook(
    "crashes",
    {
        "own": sr.SendMessage(channel="#incidents", text="own"),
        "room": sr.Step(sr.CreateChannel(name="inc-1"), workspace=THERE),
        "partner": sr.Step(
            sr.SendMessage(channel="{{steps.room.channel}}", text="{{steps.own.channel}}"), workspace=THERE
        ),
        "topic": sr.Step(sr.SetTopic(channel="{{steps.room.channel}}", topic="t"), workspace=THERE),
        "pin": sr.Step(sr.PinMessage(channel="{{steps.room.channel}}", ts="{{steps.partner.ts}}"), workspace=THERE),
        "last": sr.SendMessage(channel="#incidents", text="{{steps.partner.channel}}"),
    },
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("resumed", ["at home", "there", "async"])
def test_a_crash_at_any_write_doubles_nothing_and_sends_nothing_astray(after: bool, resumed: str) -> None:
    """Whoever goes on, an executor of either workspace or an asynchronous one, each thing stands once, in its place."""
    ended = False
    at = 0
    while not ended:
        at += 1
        world = _world()
        journal = sr.MemoryJournal()
        executor = world.executor(journal=Dies(journal, at, after=after))
        executor._team = HOME
        executor._let_go = lambda *_: None  # type: ignore[method-assign]
        try:
            executor.run(CRASHES, {}, run_id="r")
            ended = True
        except Killed:
            pass
        world.home.advance(120)
        if journal.get("r") is None:
            assert world.counts() == (0, 0)
            continue
        both = {HOME: world.home.client, THERE: world.there.client}
        if resumed == "at home":
            other: Any = world.executor(journal=journal)
            other._team = HOME
            report = other.resume("r")
        elif resumed == "there":
            other = sr.Executor(world.there.client, journal=journal, workspaces=both)
            other._team = THERE
            report = other.resume("r")
        else:
            report = asyncio.run(_resumed(world, journal))
        report.raise_for_failure()
        assert world.texts() == ["own", world.there.channel("inc-1").id]
        room = world.there.channel("inc-1")
        assert [message.text for message in room.messages if message.subtype is None] == [
            world.home.channel("incidents").id
        ]
        assert room.topic == "t" and len(room.pins) == 1
        assert world.texts(there=True) == []
        assert [channel.name for channel in world.home.channels] == ["incidents"]
        assert [call.method for call in world.there.calls if call.ok].count("conversations.create") == 1
    assert at > 12


async def _resumed(world: World, journal: Any) -> sr.Report:
    async with world.async_executor(journal=journal) as executor:
        executor._team = HOME
        return await executor.resume("r")


def test_a_journal_says_where_and_holds_no_token(world: World) -> None:
    """Each request of another workspace has its ID in what is written; those of the run's own are written as before."""
    journal = sr.MemoryJournal()
    with world.executor(journal=journal) as executor:
        executor.run(BOOK, CONTEXT, run_id="r").raise_for_failure()
    works = [decode(entry.work) for entry in journal.entries("r")]
    assert [(work[1], work[6:]) for work in works] == [("before", []), ("partner", [THERE]), ("after", [])]
    record = journal.get("r")
    assert record is not None and decode(record.spec)["workspace"] == ""
    assert sr.scope_usage(journal).methods[0].calls == 3
    text = record.spec + repr([(entry.work, entry.result) for entry in journal.entries("r")])
    assert "xoxb" not in text and world.home.token not in text and world.there.token not in text


def test_a_run_is_left_alone_by_a_worker_that_does_not_reach_its_workspaces(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not failed: whoever reaches them goes on with it; a cancellation waits for that one."""
    journal = sr.MemoryJournal()
    with world.executor(journal=journal) as executor:
        executor.submit(BOOK, CONTEXT, run_id="r")
        executor.submit(sr.Runbook("own", {"say": SAY}), CONTEXT, run_id="own")
    with world.executor(journal=journal, workspaces=None) as executor:
        with pytest.raises(
            sr.NotInstalled, match=r"reaches no workspace but its own\. Make the executor with Workspaces"
        ):
            executor.resume("r")
        assert [report.run_id for report in executor.resume_all()] == ["own"]
        assert executor.cancel("r", "over") is None
    assert world.counts() == (1, 0)
    world.home.advance(61)
    with world.executor(journal=journal) as executor:
        (report,) = executor.resume_all()
    assert report.state == "cancelled" and world.counts() == (1, 0)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("loop", [False, True], ids=["step", "loop"])
def test_a_run_is_left_alone_by_a_worker_that_reaches_only_some_of_its_workspaces(
    world: World, asynchronous: bool, loop: bool
) -> None:
    """Of what is still to come; for what is behind the run, and for a step that will be skipped, no way is needed."""
    third = world.home.add_workspace("Gamma")
    third.add_channel("incidents")
    where: dict[str, Any] = {"workspace": third.team_id}
    if loop:
        where = {"workspace": "{{item}}", "foreach": [THERE, third.team_id]}
    book = sr.Runbook(
        "r",
        {
            "own": SAY,
            "far": sr.Step(SAY, after=3600, **where),
            "not": sr.Step(SAY, workspace="T0SKIPPED", when="never"),
            "later": sr.Step(SAY, after=3600),
        },
    )
    journal = sr.MemoryJournal()
    all_of_them = {THERE: world.there.client, third.team_id: third.client}
    context = {"id": "INC-1", "never": False}

    def worked() -> list[str]:
        world.home.advance(4000)
        if asynchronous:
            return asyncio.run(worked_async())
        with world.executor(journal=journal) as executor:
            return [report.state for report in executor.resume_all()]

    async def worked_async() -> list[str]:
        async with world.async_executor(journal=journal) as executor:
            return [report.state for report in await executor.resume_all()]

    with world.executor(journal=journal, workspaces=all_of_them) as executor:
        assert executor.run(book, context, run_id="r").state == "waiting"
        assert worked() == []
        record = journal.get("r")
        assert record is not None and record.state == "running"
        with pytest.raises(sr.NotInstalled, match=f"no client for '{third.team_id}'"):
            world.executor(journal=journal).resume("r")
        world.home.advance(61)
        assert [report.state for report in executor.resume_all()] == ["waiting"]
    assert len(third.channel("incidents").messages) == 1
    assert worked() == ["succeeded"]
    assert len(world.texts()) == 2 and len(world.texts(there=True)) == int(loop)


@pytest.mark.parametrize("crosses_first", [False, True], ids=["mended to go there", "mended to stay"])
def test_a_run_is_left_alone_by_what_its_mended_runbook_needs(world: World, crosses_first: bool) -> None:
    """What counts is the runbook that the run goes on with, not the one that it began with."""
    journal = sr.MemoryJournal()
    stays = sr.Runbook("r", {"a": SAY, "say": sr.SendMessage(channel="#incidents", text="x")})
    goes = sr.Runbook("r", {"a": SAY, "say": sr.Step(stays.steps["say"].action, workspace=THERE)})
    first, mended = (goes, stays) if crosses_first else (stays, goes)
    wrong = sr.SendMessage(channel="#nowhere", text="x")
    first = sr.Runbook("r", {"a": SAY, "say": sr.Step(wrong, workspace=first.steps["say"].workspace)})
    with world.executor(journal=journal) as executor:
        assert executor.run(first, CONTEXT, run_id="r").state == "failed"
        # The process ends before it goes on.
        executor._told("r", "retry", {"runbook": mended.to_spec()})
    with sr.Executor(world.home.client, journal=journal) as plain:
        states = [report.state for report in plain.resume_all()]
    assert states == (["succeeded"] if crosses_first else [])
    world.home.advance(61)
    with world.executor(journal=journal) as executor:
        assert executor.resume("r").ok
    assert (len(world.texts()), len(world.texts(there=True))) == ((2, 0) if crosses_first else (1, 1))


@attrs.define
class Slow:
    """Stands for Workspaces whose store takes its time: opening a client is interrupted from outside meanwhile."""

    opened: Any
    meanwhile: Callable[[], object]

    def check(self, team: str) -> None:
        """It is installed."""

    def client(self, team: str) -> Any:
        self.meanwhile()
        return self.opened

    async_client = client


@pytest.mark.parametrize("kind", ["sync", "cancelled", "killed"])
def test_an_interruption_while_a_client_is_opened_leaves_no_question(world: World, kind: str) -> None:
    """Nothing was sent, and whoever goes on sends it: also of a message that nobody could look up."""
    ann = world.there.add_user("ann")
    ann.join("incidents")
    whisper = sr.SendEphemeral(channel="#incidents", user=ann.id, text="x")
    book = sr.Runbook("r", {"own": SAY, "say": sr.Step(whisper, workspace=THERE)})
    journal = sr.MemoryJournal()

    def interrupted() -> None:
        raise Killed

    slow: Any
    if kind == "cancelled":

        async def run() -> None:
            loop = asyncio.get_running_loop()

            def cancel() -> None:
                done = threading.Event()
                loop.call_soon_threadsafe(lambda: (task.cancel(), done.set()))
                assert done.wait(10)

            slow = Slow(world.there.async_client, cancel)
            executor = sr.AsyncExecutor(world.home.async_client, journal=journal, workspaces=slow)
            task = asyncio.create_task(executor.run(book, CONTEXT, run_id="r"))
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(run())
    else:
        slow = Slow(world.there.client, interrupted)
        executor = sr.Executor(world.home.client, journal=journal, workspaces=slow)
        if kind == "killed":
            executor._let_go = lambda *_: None  # type: ignore[method-assign]
        with pytest.raises(Killed):
            executor.run(book, CONTEXT, run_id="r")
    assert world.counts() == (1, 0)
    world.home.advance(61)
    with world.executor(journal=journal) as executor:
        executor.resume("r").raise_for_failure()
    assert [call.method for call in world.there.calls].count("chat.postEphemeral") == 1


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_an_interruption_between_writing_and_sending_leaves_no_question(world: World, asynchronous: bool) -> None:
    """Also where something else than opening a client takes long: here the store fails first, and hangs then."""
    ann = world.there.add_user("ann")
    ann.join("incidents")
    book = sr.Runbook(
        "r",
        {
            "say": sr.Step(
                sr.SendEphemeral(channel=world.there.channel("incidents").id, user=ann.id, text="x"), workspace=THERE
            )
        },
    )
    journal = sr.MemoryJournal()
    asked: list[int] = []

    def fails_and_hangs() -> None:
        asked.append(len(journal.entries("r")))
        if len(asked) == 1:
            raise sr.ConnectFailed("store_failed", "the installation store could not be read (OSError).")
        raise Killed

    slow: Any = Slow(world.there.client, fails_and_hangs)

    def run() -> object:
        if asynchronous:
            there = sr.AsyncExecutor(world.home.async_client, journal=journal, workspaces=slow)
            return asyncio.run(there.run(book, run_id="r"))
        return sr.Executor(world.home.client, journal=journal, workspaces=slow).run(book, run_id="r")

    with pytest.raises(Killed):
        run()
    assert asked == [0, 1]
    with world.executor(journal=journal) as executor:
        executor.resume("r").raise_for_failure()
    assert [call.method for call in world.there.calls] == ["chat.postEphemeral"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_client_that_is_slow_to_open_holds_up_neither_others_nor_a_fork() -> None:
    """While one thread asks the store for one workspace, another one and a forked process get theirs."""
    begun, goes_on = threading.Event(), threading.Event()

    class Hangs(Slow):
        def client(self, team: str) -> Any:
            if team == THERE and not begun.is_set():
                begun.set()
                assert goes_on.wait(30)
            return self.opened

    elsewhere = Elsewhere(Hangs("client", lambda: None), asynchronous=False)
    thread = threading.Thread(target=elsewhere.client, args=(THERE,))
    thread.start()
    assert begun.wait(10)
    try:
        other = threading.Thread(target=elsewhere.client, args=(HOME,), daemon=True)
        other.start()
        other.join(5)
        assert not other.is_alive()
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            os._exit(0 if elsewhere.client(THERE) == "client" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        goes_on.set()
        thread.join()


# --- executors of Workspaces -----------------------------------------------------------------------------------------


@attrs.define
class Installs:
    """Both workspaces behind one server, and a store that has their installations."""

    world: World
    spaces: sr.Workspaces
    store: Any


@pytest.fixture
def installs(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installs]:
    """Install the app in both, by OAuth."""
    monkeypatch.setattr(connect.tempfile, "gettempdir", lambda: str(tmp_path))
    world.home.app.token_rotation = True
    store = connect.PrivateFileStore(tmp_path / "store")
    with world.home.serve() as server:
        options: dict[str, Any] = {
            "client_id": world.home.app.client_id,
            "client_secret": world.home.app.client_secret,
            "base_url": server.url,
            "clock": world.home.clock,
        }
        states = FileOAuthStateStore(expiration_seconds=600, base_dir=str(tmp_path / "states"))
        installer = sr.Installer(
            store, states, needs=BOOK, redirect_uri="https://bot.example/slack/oauth_redirect", **options
        )
        for fake in (world.home, world.there):
            installer.handle(urlsplit(fake.authorize(installer.begin(fake.team_id).url)).query)
        world.home.calls.clear()
        world.there.calls.clear()
        yield Installs(world, sr.Workspaces(store, **options), store)


def test_executors_of_workspaces_know_their_siblings(installs: Installs) -> None:
    """The same store, tokens that rotate; the run's own is known by its ID, so that naming it is no other workspace."""
    world = installs.world
    records: list[sr.AuditRecord] = []
    with installs.spaces.executor(HOME, audit=records.append, pacing=sr.Pacing()) as executor:
        world.home.advance(43_201)
        executor.run(BOOK, CONTEXT).raise_for_failure()
        report = executor.run(sr.Runbook("own", {"say": sr.Step(SAY, workspace=HOME)}), CONTEXT)
        assert report.ok and report["say"].workspace == ""
        assert executor.plan(BOOK, {**CONTEXT, "partner": HOME})["partner"].workspaces == ()
        opened = dict(executor._elsewhere._made)
        assert set(opened) == {THERE}
    assert [record.workspace for record in records] == [HOME, THERE, HOME, HOME]
    assert executor._elsewhere._made == {}
    assert len(world.texts(there=True)) == 1 and len(world.texts()) == 3


def test_closing_closes_the_clients_that_were_opened(installs: Installs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Workspaces all; of those that were given as they are, none."""
    closed: list[str] = []
    executor = installs.spaces.executor(HOME)
    executor.run(BOOK, CONTEXT).raise_for_failure()
    client = executor._elsewhere.client(THERE)
    monkeypatch.setattr(client, "close", lambda: closed.append(THERE))
    executor.close()
    assert closed == [THERE]

    async def run() -> None:
        executor = installs.spaces.async_executor(HOME)
        (await executor.run(BOOK, CONTEXT)).raise_for_failure()
        client = executor._elsewhere.client(THERE)
        real = client.close

        async def close() -> None:
            closed.append("async")
            await real()

        monkeypatch.setattr(client, "close", close)
        await executor.close()

    asyncio.run(run())
    assert closed == [THERE, "async"]


def test_where_the_app_is_not_installed_nothing_is_sent(installs: Installs) -> None:
    """Before the run, in a check, and, where it goes while the run is under way, at its step."""
    world, journal = installs.world, sr.MemoryJournal()
    with installs.spaces.executor(HOME, journal=journal) as executor:
        executor.submit(BOOK, CONTEXT, run_id="r")
        installs.spaces.forget(THERE)
        told = (
            f"steps.partner.workspace: {THERE} cannot be reached. Not connected (not_installed): the store has no inst"
        )
        with pytest.raises(sr.CheckFailed) as refused:
            executor.run(BOOK, CONTEXT)
        assert told in str(refused.value)
        assert told in str(executor.check(BOOK, CONTEXT))
        report = executor.resume("r")
        assert report.stopped_by == "partner" and isinstance(report["partner"].error, sr.NotInstalled)
        assert isinstance(executor.report("r")["partner"].error, sr.NotInstalled)
        assert executor.report("r")["partner"].remedy.startswith("Install the app there")
    assert world.counts()[1] == 0 and len(world.texts()) == 1


def test_a_store_that_is_away_for_a_moment_is_asked_again(installs: Installs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent, so it is tried again, as where the network is down."""
    spaces, asked = installs.spaces, []
    real = spaces.client

    def client(team: str, **options: Any) -> Any:
        asked.append(team)
        if len(asked) < 3:
            raise sr.ConnectFailed("store_failed", "the installation store could not be read (OSError).")
        return real(team, **options)

    with spaces.executor(HOME) as executor:
        monkeypatch.setattr(spaces, "client", client)
        executor.run(BOOK, CONTEXT).raise_for_failure()
    assert asked == [THERE] * 3 and len(installs.world.texts(there=True)) == 1


def test_a_run_goes_on_in_its_own_workspace_whoever_goes_on_with_it(installs: Installs) -> None:
    """A worker for another workspace, with the same journal, sends it home; asked for by it, the ID is refused."""
    journal = sr.MemoryJournal()
    with installs.spaces.executor(HOME, journal=journal) as executor:
        executor.submit(BOOK, CONTEXT, run_id="r")
    with installs.spaces.executor(THERE, journal=journal) as executor:
        with pytest.raises(
            sr.RunConflict, match=f"it is a run of the workspace {HOME}, and this executor is for {THERE}"
        ):
            executor.run(BOOK, CONTEXT, run_id="r")
        (report,) = executor.resume_all()
    report.raise_for_failure()
    assert len(installs.world.texts()) == 2 and len(installs.world.texts(there=True)) == 1


def test_a_retry_is_held_against_the_home_and_the_bounds_of_its_run(installs: Installs) -> None:
    """Whoever retries a run with a mended runbook: its home is no other workspace, and its bounds are not theirs."""
    journal = sr.MemoryJournal()
    mended = sr.Runbook("r", {"say": sr.Step(sr.SendMessage(channel="#incidents", text="x"), workspace=HOME)})
    for run_id, policy, of_the_worker in (
        ("bounded", sr.Policy(channels="#inc*"), sr.Policy(channels="#inc*")),
        ("bounded, by one without", sr.Policy(channels="#inc*"), None),
        ("free, by one with other bounds", None, sr.Policy(channels="#drills")),
    ):
        bad = sr.Runbook("r", {"say": sr.SendMessage(channel="#inc-nope", text="x")})
        with installs.spaces.executor(HOME, journal=journal, policy=policy) as executor:
            assert executor.run(bad, run_id=run_id).state == "failed"
        with installs.spaces.executor(THERE, journal=journal, policy=of_the_worker) as executor:
            if policy is not None:
                outside = sr.Runbook("r", {"say": sr.SendMessage(channel="#drills", text="x")})
                with pytest.raises(sr.CheckFailed, match="#drills"):
                    executor.retry(run_id, runbook=outside)
            assert executor.retry(run_id, runbook=mended).ok
    assert (installs.world.texts(), installs.world.texts(there=True)) == (["x"] * 3, [])


def test_a_run_whose_home_is_installed_no_more_is_left_alone(installs: Installs) -> None:
    """It is not failed by whoever cannot reach it."""
    journal = sr.MemoryJournal()
    with installs.spaces.executor(HOME, journal=journal) as executor:
        executor.submit(sr.Runbook("own", {"say": SAY}), CONTEXT, run_id="r")
    installs.spaces.forget(HOME)
    with installs.spaces.executor(THERE, journal=journal) as executor:
        with pytest.raises(sr.NotInstalled):
            executor.resume("r")
        assert executor.resume_all() == []
    record = journal.get("r")
    assert record is not None and record.state == "running" and installs.world.counts() == (0, 0)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("tells", [True, False], ids=["told", "no answer"])
def test_an_executor_with_a_mere_token_leaves_the_runs_of_other_workspaces_alone(
    installs: Installs, asynchronous: bool, tells: bool
) -> None:
    """Slack is asked once whose the token is; where it does not say, the run is left alone too, and never failed."""
    world, journal = installs.world, sr.MemoryJournal()
    book = sr.Runbook("own", {"say": SAY})
    with installs.spaces.executor(THERE, journal=journal) as executor:
        for run_id in ("a", "b"):
            executor.submit(book, CONTEXT, run_id=run_id)
    with installs.spaces.executor(HOME, journal=journal) as executor:
        executor.submit(book, CONTEXT, run_id="c")
    if not tells:
        world.home.fail_next("auth.test", "account_inactive", times=3)

    def worked() -> list[str]:
        with sr.Executor(world.home.client, journal=journal) as executor:
            done = [report.run_id for report in executor.resume_all()]
            assert executor.cancel("a", "over") is None
            return done

    async def work() -> list[str]:
        async with sr.AsyncExecutor(world.home.async_client, journal=journal) as executor:
            done = [report.run_id for report in await executor.resume_all()]
            assert await executor.cancel("a", "over") is None
            return done

    assert (asyncio.run(work()) if asynchronous else worked()) == (["c"] if tells else [])
    assert [call.method for call in world.home.calls] == (
        ["auth.test", "chat.postMessage"] if tells else ["auth.test"] * 4
    )
    assert world.texts() == (["INC-1 is down"] if tells else [])
    world.home.advance(61)
    with sr.Executor(world.there.client, journal=journal) as executor:
        states = {report.run_id: report.state for report in executor.resume_all()}
    assert states == {"a": "cancelled", "b": "succeeded"}
    assert world.texts(there=True) == ["INC-1 is down"]


def test_an_organisation_reaches_all_its_workspaces_by_one_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The organisation named for one executor is that of its siblings too."""
    monkeypatch.setattr(connect.tempfile, "gettempdir", lambda: str(tmp_path))
    home = FakeSlack(enterprise="Umbrella")
    there = home.add_workspace("Beta")
    home.add_channel("incidents")
    there.add_channel("incidents")
    token = _org_token(home)
    store = connect.PrivateFileStore(tmp_path / "store")
    store.save(
        Installation(app_id="A1", enterprise_id="E0FAKE0001", team_id=None, bot_token=token, bot_id="B1",
                     bot_user_id="U1", user_id="U2", is_enterprise_install=True)
    )  # fmt: skip
    with home.serve() as server:
        spaces = sr.Workspaces(store, client_id="1.2", client_secret="s", base_url=server.url, clock=home.clock)
        with spaces.executor(home.team_id, enterprise_id="E0FAKE0001") as executor:
            book = sr.Runbook(
                "rooms",
                {
                    "own": sr.CreateChannel(name="a"),
                    "partner": sr.Step(sr.CreateChannel(name="b"), workspace=there.team_id),
                },
            )
            executor.run(book, {}).raise_for_failure()
    assert [channel.name for channel in home.channels] == ["incidents", "a"]
    assert [channel.name for channel in there.channels] == ["incidents", "b"]


def _org_token(fake: FakeSlack) -> str:
    with fake.serve() as server:

        class Store:
            saved: Any = None

            def find_bot(self, **_: Any) -> None:
                return None

            def save(self, installation: Installation) -> None:
                self.saved = installation

        class States:
            def issue(self, *_: Any, **__: Any) -> str:
                return "state-1"

            def consume(self, state: str) -> bool:
                return state == "state-1"

        store = Store()
        installer = sr.Installer(
            store, States(), needs=sr.CreateChannel(name="a"), redirect_uri="https://bot.example/slack/oauth_redirect",  # type: ignore[arg-type]
            client_id=fake.app.client_id, client_secret=fake.app.client_secret, base_url=server.url, clock=fake.clock,
        )  # fmt: skip
        installer.handle(urlsplit(fake.authorize(installer.begin().url, for_org=True)).query)
        return str(store.saved.bot_token)
