"""``check`` with Slack: what steps name is there, alive and open to the app; nothing is claimed that was not seen."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks._effects import Flow
from slackrunbooks._look import looking
from slackrunbooks.client import PooledWebClient
from slackrunbooks.slack_methods import MEMBERS_ONLY, METHODS, REFUSED_IN_ARCHIVED, TOKENS
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._methods._registry import METHODS as FAKED, Request

from .ways import WAYS, Way, open_way


class World:
    """A fake workspace with what the steps below name, and a way to it."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.fake = fake = way.fake
        self.incidents = fake.add_channel("incidents")
        self.archived = fake.add_channel("old-incidents", is_archived=True)
        self.elsewhere = fake.add_channel("elsewhere", is_member=False)
        self.hidden = fake.add_channel("hidden", is_private=True)
        self.secret = fake.add_channel("secret", is_private=True, is_member=False)
        self.ann = fake.add_user("ann", email="ann@example.com")
        self.ben = fake.add_user("ben", email="ben@example.com")
        self.gone = fake.add_user("gone", email="gone@example.com", deleted=True)
        self.direct = fake._workspace.open_direct([self.ann.id])
        self.oncall = fake.add_usergroup("oncall", [self.ann])
        self.nobody = fake.add_usergroup("nobody")
        self.disabled = fake.add_usergroup("disabled", [self.ann])
        self.disabled.is_disabled = True

    def check(self, *steps: Any, context: Any = None, **options: Any) -> sr.CheckReport:
        """Check steps, which are named by letters from a."""
        book = sr.Runbook("book", {chr(ord("a") + number): step for number, step in enumerate(steps)})
        return self.way.check(book, context, **options)

    def without(self, *scopes: str) -> None:
        """Take scopes from the token."""
        self.fake.scopes -= set(scopes)


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A workspace, reached synchronously and asynchronously."""
    with open_way(request.param) as way:
        world = World(way)
        # What covers the rest is a matter of its own.
        world.without("chat:write.public")
        yield world


def say(channel: str = "#incidents", text: str = "x") -> sr.SendMessage:
    """Make a message."""
    return sr.SendMessage(channel=channel, text=text)


def invite(*users: str, channel: str = "#incidents") -> sr.InviteToChannel:
    """Make an invitation."""
    return sr.InviteToChannel(channel=channel, users=list(users))


def told(found: sr.CheckReport) -> list[tuple[str, str]]:
    """Return place and message of each problem, warnings with a mark before them."""
    return [
        (("! " if problem.severity == "warning" else "") + problem.place, problem.message)
        for problem in (*found.problems, *found.warnings)
    ]


# --- each kind of problem --------------------------------------------------------------------------------------------

Make = Callable[[World], Any]

PROBLEMS: dict[str, tuple[Make, str, str, str]] = {
    # What the step is, where the problem is, a part of what is said, and Slack's code.
    "no such name": (lambda _: say("#incidnts"), "channel", "the app sees no channel #incidnts.", "channel_not_found"),
    "no such ID": (lambda _: say("C0NOBODY01"), "channel", "sees no channel C0NOBODY01", "channel_not_found"),
    "private, without the app": (lambda w: say(w.secret.id), "channel", "sees no channel", "channel_not_found"),
    "private, posted to by name": (lambda w: say("#hidden"), "channel", "by its ID only", "channel_not_found"),
    "archived": (lambda _: say("#old-incidents"), "channel", "#old-incidents is archived.", "is_archived"),
    "archived, looked up by name": (
        lambda _: sr.ListMembers(channel="#old-incidents"),
        "channel",
        "does not find it by its name",
        "channel_not_found",
    ),
    "archived, by ID": (lambda w: say(w.archived.id), "channel", "is archived.", "is_archived"),
    "archived, updating": (
        lambda w: sr.UpdateMessage(channel=w.archived.id, ts="1503435956.000247", text="x"),
        "channel",
        "is archived.",
        "is_inactive",
    ),
    "archived, joining": (lambda _: sr.JoinChannel(channel="#old-incidents"), "channel", "archived", "is_archived"),
    "not a member": (lambda _: say("#elsewhere"), "channel", "the app is not a member of #elsewhere", "not_in_channel"),
    "not a member, archiving": (
        lambda _: sr.ArchiveChannel(channel="#elsewhere"),
        "channel",
        "not a member",
        "not_in_channel",
    ),
    "not a member, reading": (lambda _: sr.ReadHistory(channel="#elsewhere"), "channel", "not a mem", "not_in_channel"),
    "private, joining": (
        lambda w: sr.JoinChannel(channel=w.hidden.id),
        "channel",
        "no app can join it by itself",
        "method_not_supported_for_channel_type",
    ),
    "no such address": (
        lambda _: sr.SendDirectMessage(users="nope@example.com", text="x"),
        "users[0]",
        "has the e-mail address nope@example.com.",
        "users_not_found",
    ),
    "the address of one who left": (
        lambda _: sr.SendDirectMessage(users="gone@example.com", text="x"),
        "users[0]",
        "nobody who is active",
        "users_not_found",
    ),
    "no such person": (
        lambda w: sr.SendDirectMessage(users=[w.ann.id, "U0NOBODY01"], text="x"),
        "users[1]",
        "nobody in this workspace has the ID U0NOBODY01.",
        "user_not_found",
    ),
    "one who left": (
        lambda w: sr.SendDirectMessage(users=w.gone.id, text="x"),
        "users[0]",
        "is deactivated.",
        "",
    ),
    "one who left, as the channel": (lambda w: say(w.gone.id), "channel", "is deactivated.", ""),
    "no such person for an ephemeral message": (
        lambda _: sr.SendEphemeral(channel="#incidents", user="U0NOBODY01", text="x"),
        "user",
        "has the ID U0NOBODY01",
        "user_not_found",
    ),
    "nobody to invite": (lambda _: invite("U0NOBODY01"), "users[0]", "U0NOBODY01", "user_not_found"),
    "no such group": (
        lambda _: sr.ListUserGroupMembers(usergroup="@oncal"),
        "usergroup",
        "there is no user group @oncal in this workspace.",
        "no_such_subteam",
    ),
    "a disabled group": (
        lambda w: sr.ListUserGroupMembers(usergroup=w.disabled.id),
        "usergroup",
        "is disabled.",
        "no_such_subteam",
    ),
    "an empty group": (
        lambda _: invite("@nobody"),
        "users[0]",
        "nobody is in the user group @nobody",
        "users_not_found",
    ),
    "approvers of an empty group": (
        lambda _: sr.RequestApproval(channel="#incidents", approvers=["ann@example.com", "@nobody"], text="x"),
        "approvers[1]",
        "nobody is in",
        "users_not_found",
    ),
    "approvers who all left": (
        lambda w: sr.RequestApproval(channel="#incidents", approvers=w.gone.id, text="x"),
        "approvers[0]",
        "is deactivated",
        "",
    ),
    "a default channel of a group": (
        lambda _: sr.UpdateUserGroup(usergroup="@oncall", channels=["#incidents", "#incidnts"]),
        "channels[1]",
        "sees no channel #incidnts",
        "channel_not_found",
    ),
    "a mention of nobody": (
        lambda _: sr.LookUpMentions(names={"lead": "nope@example.com", "room": "#incidents"}),
        "names.lead",
        "nope@example.com",
        "users_not_found",
    ),
    "a mention of no channel": (
        lambda _: sr.LookUpMentions(names={"room": "#incidnts"}),
        "names.room",
        "sees no channel",
        "channel_not_found",
    ),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_what_is_wrong_in_slack_is_told_with_its_place(world: World, case: str) -> None:
    """It is one problem, with Slack's own code and a remedy, and nothing but reading methods was called."""
    make, place, message, code = PROBLEMS[case]
    found = world.check(make(world))
    assert [problem.place for problem in found.problems] == [f"steps.a.{place}"], found
    problem = found.problems[0]
    assert message in problem.message
    assert problem.remedy
    assert (problem.error.code if isinstance(problem.error, sr.SlackError) else "") == code
    assert (found.warnings, dict(found.unseen)) == ((), {})
    assert all(METHODS[method].repeat is sr.Repeat.READS for method in world.way.sent())


@pytest.mark.parametrize("case", [case for case in PROBLEMS if PROBLEMS[case][3]])
def test_what_is_told_is_what_a_run_meets(case: str) -> None:
    """FakeSlack, which follows Slack's documentation, lets no step pass of which check says that it cannot."""
    with open_way("sync") as way:
        world = World(way)
        world.without("chat:write.public")
        book = sr.Runbook("book", {"a": PROBLEMS[case][0](world)})
        assert not way.run(book).ok


@pytest.mark.parametrize("case", PROBLEMS)
def test_in_a_step_that_may_fail_it_is_a_warning(case: str) -> None:
    """A cosmetic step never keeps an incident from being declared."""
    with open_way("sync") as way:
        world = World(way)
        world.without("chat:write.public")
        found = world.check(sr.Step(PROBLEMS[case][0](world), on_error="continue"))
        assert found.ok
        assert [place for place, _ in told(found)] == [f"! steps.a.{PROBLEMS[case][1]}"]


def test_places_of_one_action_and_of_a_loop(world: World) -> None:
    """One action by itself needs no step in its places; of a step with ``foreach`` the item is told."""
    assert [problem.place for problem in world.way.check(say("#nowhere")).problems] == ["channel"]
    step = sr.Step(say("{{item}}"), foreach=["#incidents", "#nowhere"])
    assert [problem.place for problem in world.check(step).problems] == ["steps.a[2].channel"]


def test_each_step_that_meets_it_is_told(world: World) -> None:
    """One channel that is wrong is told for each step, with the severity of each."""
    found = world.check(say("#nowhere"), sr.Step(say("nowhere"), on_error="continue"), say())
    assert [place for place, _ in told(found)] == ["steps.a.channel", "! steps.b.channel"]


# --- what a step copes with ------------------------------------------------------------------------------------------

COPED: dict[str, tuple[Make, list[str]]] = {
    "some of those invited": (
        lambda w: invite("ann@example.com", "nope@example.com", w.gone.id, "@nobody"),
        ["! steps.a.users[1]", "! steps.a.users[2]", "! steps.a.users[3]"],
    ),
    "all of those invited that are known": (
        lambda _: invite("nope@example.com", "{{steps.z.id}}"),
        ["! steps.a.users[0]"],
    ),
    "all of those invited": (
        lambda _: invite("nope@example.com", "U0NOBODY01"),
        ["steps.a.users[0]", "steps.a.users[1]"],
    ),
    "some of those removed": (
        lambda w: sr.RemoveFromChannel(channel="#incidents", users=[w.ann.id, "U0NOBODY01", w.gone.id]),
        ["! steps.a.users[1]"],
    ),
    "some of those who may approve": (
        lambda w: sr.RequestApproval(channel="#incidents", approvers=[w.ann.id, w.gone.id], text="x"),
        ["! steps.a.approvers[1]"],
    ),
    "a group's member who left": (
        lambda w: sr.UpdateUserGroup(usergroup="@oncall", users=[w.gone.id], mode="add"),
        ["! steps.a.users[0]"],
    ),
    "a mention of one who left": (
        lambda w: sr.LookUpMentions(names={"lead": w.gone.id, "team": w.disabled.id}),
        ["! steps.a.names.lead", "! steps.a.names.team"],
    ),
    "a file in an archived channel": (
        lambda w: sr.UploadFile(channel=w.archived.id, content="x", filename="x.txt"),
        ["! steps.a.channel"],
    ),
}


@pytest.mark.parametrize("case", COPED)
def test_what_a_step_copes_with_is_a_warning(world: World, case: str) -> None:
    """Where the step goes on without somebody it is a warning, until it is everybody."""
    make, places = COPED[case]
    found = world.way.check(sr.Runbook("book", {"z": sr.LookUpUser(user="ann@example.com"), "a": make(world)}))
    assert [place for place, _ in told(found)] == places, found


# --- nothing is wrong ------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Opens(sr.Action[dict[str, Any]]):
    """A host's own action that makes a channel, of which nobody can say the name."""

    output: ClassVar[type[Any]] = dict

    def needs(self) -> tuple[sr.Need, ...]:
        return (sr.Need("conversations.create", "make a channel", conversations=("public",)),)

    def flow(self) -> Flow[dict[str, Any]]:
        yield from ()
        return {}


FINE: dict[str, tuple[Make, dict[str, Any]]] = {
    "a channel by name": (lambda _: [say()], {}),
    "a channel by its link": (lambda w: [say(f"https://acme.slack.com/archives/{w.incidents.id}")], {}),
    "a channel in capitals": (lambda _: [say("#Incidents")], {}),
    "a private channel by its ID": (lambda w: [say(w.hidden.id)], {}),
    "a private channel by name, looked up": (lambda _: [sr.SetTopic(channel="#hidden", topic="x")], {}),
    "a direct message by its ID": (lambda w: [say(w.direct.id)], {}),
    "a person as the channel": (lambda w: [say(w.ann.id)], {}),
    "a group's people": (lambda w: [invite("@oncall", w.oncall.id, "ann@example.com", f"<@{w.ben.id}>")], {}),
    "a channel that an earlier step makes": (
        lambda _: [sr.CreateChannel(name="inc-{{id}}"), say("#inc-42"), sr.SetTopic(channel="inc-42", topic="x")],
        {"id": "42"},
    ),
    "a channel that an earlier step may number": (
        lambda _: [sr.CreateChannel(name="inc-{{id}}", if_taken="suffix"), say("#inc-42-3")],
        {"id": "42"},
    ),
    "a channel that an earlier step renames": (
        lambda _: [sr.RenameChannel(channel="#incidents", name="Inc 42"), say("#inc-42")],
        {},
    ),
    "what an earlier step gives": (
        lambda _: [sr.CreateChannel(name="inc-42"), say("{{steps.a.channel}}"), invite("{{steps.a.channel}}")],
        {},
    ),
    "what an earlier step has saved": (
        lambda _: [sr.Step(sr.CreateChannel(name="x"), save_as={"room": "channel"}), say("{{room}}")],
        {},
    ),
    "a step that is skipped": (lambda _: [sr.Step(say("#nowhere"), when="flag")], {"flag": False}),
    "a step for each of nothing": (lambda _: [sr.Step(say("#nowhere"), foreach="rows")], {"rows": []}),
    "a channel that is joined first": (lambda w: [sr.JoinChannel(channel=w.elsewhere.id), say("#elsewhere")], {}),
    "reading about a channel that is archived": (lambda w: [sr.ListMembers(channel=w.archived.id)], {}),
    "archiving what is archived": (lambda _: [sr.ArchiveChannel(channel="#old-incidents")], {}),
    "members of a channel without the app": (lambda _: [sr.ListMembers(channel="#elsewhere")], {}),
    "leaving a channel without the app": (lambda _: [sr.LeaveChannel(channel="#elsewhere")], {}),
    "somebody who left, looked up": (lambda w: [sr.LookUpUser(user=w.gone.id)], {}),
    "removing somebody who left": (lambda w: [sr.RemoveFromChannel(channel="#incidents", users=w.gone.id)], {}),
    "an empty group, listed": (lambda _: [sr.ListUserGroupMembers(usergroup="@nobody")], {}),
    "an empty group that an earlier step fills": (
        lambda w: [sr.UpdateUserGroup(usergroup="@nobody", users=[w.ann.id]), invite("@nobody")],
        {},
    ),
    "a handle that an earlier step gives": (
        lambda _: [sr.UpdateUserGroup(usergroup="@oncall", handle="@OnDuty"), invite("@onduty")],
        {},
    ),
    "emoji that people wait for": (
        lambda w: [
            sr.WaitForReaction(channel="#incidents", ts="1503435956.000247", names=["eyes", "x"], users=[w.ann.id])
        ],
        {},
    ),
    "mentions of all kinds": (
        lambda w: [
            sr.LookUpMentions(
                names={"a": w.ann.id, "b": "@oncall", "c": "#incidents", "d": "ben@example.com", "e": w.incidents.id}
            )
        ],
        {},
    ),
}


@pytest.mark.parametrize("case", FINE)
def test_what_is_in_order_or_only_the_run_can_tell_is_no_problem(world: World, case: str) -> None:
    """Neither a problem nor a warning, and nothing is unseen."""
    make, context = FINE[case]
    found = world.check(*make(world), context=context)
    assert (told(found), dict(found.unseen)) == ([], {})


def test_where_the_app_may_post_it_need_not_be_a_member(world: World) -> None:
    """``chat:write.public`` covers messages to public channels, and no other method."""
    world.fake.scopes.add("chat:write.public")
    later = sr.ScheduleMessage(channel="#elsewhere", text="x", post_at=int(world.fake.now) + 600)
    found = world.check(say("#elsewhere"), later)
    assert [problem.place for problem in found.problems] == ["steps.b.channel"]


def test_joining_helps_the_steps_behind_it_only(world: World) -> None:
    """A step before the one that joins still stands outside."""
    found = world.check(say("#elsewhere"), sr.JoinChannel(channel="#elsewhere"), say("#elsewhere"))
    assert [problem.place for problem in found.problems] == ["steps.a.channel"]


def test_a_channel_that_a_later_step_makes_is_missing(world: World) -> None:
    """Only an earlier step makes it."""
    found = world.check(say("#inc-42"), sr.CreateChannel(name="inc-42"))
    assert [problem.place for problem in found.problems] == ["steps.a.channel"]


def test_a_step_that_is_skipped_makes_nothing(world: World) -> None:
    """What it would have made is missing."""
    found = world.check(sr.Step(sr.CreateChannel(name="inc-42"), when="flag"), say("#inc-42"), context={"flag": False})
    assert [problem.place for problem in found.problems] == ["steps.b.channel"]


MAYBE: dict[str, Make] = {
    "a function": lambda _: sr.Function(lambda: {"name": "x"}),
    "an own action": lambda _: Opens(),
    "a channel whose name only the run can tell": lambda _: sr.CreateChannel(name="inc-{{steps.z.name}}"),
}


@pytest.mark.parametrize("case", MAYBE)
def test_what_an_earlier_step_may_make_is_unseen(world: World, case: str) -> None:
    """It is told, and is no problem; a channel by ID, which nobody can make, still is one."""
    steps = {"z": sr.LookUpUser(user="ann@example.com"), "a": MAYBE[case](world), "b": say("#nowhere")}
    found = world.way.check(sr.Runbook("book", {**steps, "c": say("C0NOBODY01")}))
    assert [problem.place for problem in found.problems] == ["steps.c.channel"]
    assert found.unseen == {
        "steps.b.channel": "the app sees no channel #nowhere now; whether step 'a' makes it, only the run can tell"
    }


@attrs.frozen(kw_only=True)
class Own(sr.Action[dict[str, Any]]):
    """A host's own action, which declares one method, or nothing."""

    output: ClassVar[type[Any]] = dict
    method: str = ""

    def needs(self) -> Iterator[sr.Need]:
        if self.method:
            yield sr.Need(self.method, "do something")

    def flow(self) -> Flow[dict[str, Any]]:
        yield from ()
        return {}


# The step before, and what is unseen after it: a channel without the app, one that is archived, an empty group.
OPENED: dict[str, tuple[Make, list[str]]] = {
    "a function": (lambda _: sr.Function(dict), ["steps.b.channel", "steps.c.channel", "steps.d.users[0]"]),
    "an own action that declares nothing": (
        lambda _: Own(),
        ["steps.b.channel", "steps.c.channel", "steps.d.users[0]"],
    ),
    "an own action that joins": (lambda _: Own(method="conversations.join"), ["steps.b.channel", "steps.c.channel"]),
    "an own action that fills a group": (lambda _: Own(method="usergroups.users.update"), ["steps.d.users[0]"]),
    "an own action that only reads": (lambda _: Own(method="usergroups.list"), []),
    "joining what only the run can tell": (
        lambda _: sr.JoinChannel(channel="{{steps.z.id}}"),
        ["steps.b.channel", "steps.c.channel"],
    ),
}


@pytest.mark.parametrize("case", OPENED)
def test_what_an_earlier_step_may_put_right_is_unseen(world: World, case: str) -> None:
    """Who is in a channel or a group, and whether it is archived, may have changed by then; all else is a problem."""
    make, unseen = OPENED[case]
    steps = {"b": say("#elsewhere"), "c": say("#old-incidents"), "d": invite("@nobody"), "e": say(world.secret.id)}
    found = world.way.check(sr.Runbook("book", {"z": sr.LookUpUser(user="ann@example.com"), "a": make(world), **steps}))
    assert sorted(found.unseen) == unseen
    places = {"steps.b.channel", "steps.c.channel", "steps.d.users[0]", "steps.e.channel"}
    assert {problem.place for problem in found.problems} == places - {*unseen}
    assert all("'a' changes that, only the run can tell" in why for why in found.unseen.values())


def test_a_handle_that_an_earlier_step_may_give_is_unseen(world: World) -> None:
    """A group is renamed by a template, so that a handle that nobody has is no problem."""
    change = sr.UpdateUserGroup(usergroup="@oncall", handle="{{steps.a.name}}")
    found = world.check(sr.LookUpUser(user="ann@example.com"), change, invite("@onduty"))
    assert told(found) == []
    assert list(found.unseen) == ["steps.c.users[0]"]


# --- what could not be looked at -------------------------------------------------------------------------------------

UNSEEN: dict[str, tuple[tuple[str, ...], Make, str, str, list[str]]] = {
    # Which scopes are missing, the step, where, what is said, and what was asked.
    "a channel by name": (("channels:read",), lambda _: say(), "channel",
                          "#incidents was not looked at: that takes the scope channels:read",
                          ["auth.test", "conversations.list"]),
    "a channel by ID": (("channels:read", "groups:read"), lambda w: say(w.incidents.id), "channel",
                        "that takes the scope channels:read or groups:read", ["auth.test"]),
    "a public channel by ID": (("channels:read",), lambda w: say(w.incidents.id), "channel", "channels:read",
                               ["auth.test", "conversations.info"]),
    "a direct message": (("im:read",), lambda w: say(w.direct.id), "channel", "im:read",
                         ["auth.test"]),
    "a person": (("users:read",), lambda w: sr.SendDirectMessage(users=w.ann.id, text="x"), "users[0]",
                 "that takes the scope users:read", ["auth.test"]),
    "an address": (("users:read.email",), lambda _: sr.Step(
        sr.SendDirectMessage(users="ann@example.com", text="x"), on_error="continue"), "users[0]",
        "that takes the scope users:read.email", ["auth.test"]),
    "a group": (("usergroups:read",), lambda w: sr.LookUpMentions(names={"team": w.oncall.id}), "names.team",
                "that takes the scope usergroups:read", ["auth.test"]),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSEEN)
def test_without_the_scope_for_looking_nothing_is_claimed(world: World, case: str) -> None:
    """It is told with the scope that it takes, as no problem; what is known to be refused is not asked."""
    scopes, make, place, message, calls = UNSEEN[case]
    world.without(*scopes)
    found = world.check(make(world))
    assert found.ok, found
    assert list(found.unseen) == [f"steps.a.{place}"]
    assert message in found.unseen[f"steps.a.{place}"]
    assert world.way.sent() == calls


def test_a_name_is_missed_where_private_channels_cannot_be_searched(world: World) -> None:
    """A run does not see them with this token either, and the remedy says that they were not searched."""
    world.without("groups:read")
    found = world.check(say("#hidden"))
    assert [problem.place for problem in found.problems] == ["steps.a.channel"]
    assert "Private channels were not searched: the token lacks groups:read." in found.problems[0].remedy
    assert found.unseen == {}


EVERYTHING = (
    lambda w: invite("ann@example.com", "ben@example.com", "@oncall", channel="#incidents"),
    lambda w: say(w.hidden.id),
)


@pytest.mark.parametrize("fault", ["reset_before", "refused", "timeout_before", "not_json", "truncated"])
def test_a_connection_that_breaks_is_told(world: World, fault: str) -> None:
    """After the library's own attempts the rest is not looked at, without an exception, and the scopes stand."""
    retry = sr.RetryPolicy(attempts=2, first_wait=0.1)
    world.fake.inject("conversations.list", fault, times=9)
    found = world.check(*(make(world) for make in EVERYTHING), retry=retry)
    assert told(found) == []
    assert len(found.unseen) == 5
    assert {reason.partition(": ")[2] for reason in found.unseen.values()} == {"Slack did not answer"}
    assert found.granted is not None
    assert world.way.sent(but=("auth.test",)).count("users.lookupByEmail") == 0


def test_one_break_is_made_up_for(world: World) -> None:
    """A lost answer is asked for again, as in a run."""
    world.fake.inject("conversations.list", "reset_before")
    world.fake.inject("users.lookupByEmail", "timeout_before")
    found = world.check(*(make(world) for make in EVERYTHING))
    assert (told(found), found.unseen) == ([], {})


def test_where_slack_asks_to_wait_check_waits(world: World) -> None:
    """As long as Slack says, if the retry policy allows it; else that method is left alone, and the others are not."""
    world.fake.fail_next("conversations.list", "ratelimited", retry_after=7)
    found = world.check(*(make(world) for make in EVERYTHING))
    assert (told(found), found.unseen, world.fake.naps) == ([], {}, [7.0])
    world.fake.fail_next("users.lookupByEmail", "ratelimited", retry_after=500)
    before = len(world.fake.calls)
    found = world.check(*(make(world) for make in EVERYTHING))
    assert list(found.unseen) == ["steps.a.users[0]", "steps.a.users[1]"]
    assert "Slack asks to wait 500 seconds" in found.unseen["steps.a.users[0]"]
    assert [call.method for call in world.fake.calls[before:]] == [
        "auth.test",
        "conversations.list",
        "conversations.info",
        "users.lookupByEmail",
        "usergroups.list",
    ]


@pytest.mark.parametrize(
    ("method", "code", "reason"),
    [
        ("users.lookupByEmail", "token_revoked", "Slack refused the token (token_revoked)"),
        ("usergroups.list", "plan_upgrade_required", "Slack refused usergroups.list (plan_upgrade_required)"),
        ("conversations.list", "team_access_not_granted", "Slack refused conversations.list (team_access_not_granted)"),
        ("users.lookupByEmail", "missing_scope", "that takes the scope"),
    ],
)
def test_another_refusal_is_told(world: World, method: str, code: str, reason: str) -> None:
    """Of what Slack will not show, nothing is claimed."""
    world.fake.fail_next(method, code)
    found = world.check(*(make(world) for make in EVERYTHING))
    assert told(found) == []
    assert any(reason in why for why in found.unseen.values()), found


def test_without_an_answer_about_the_token_nothing_is_looked_at(world: World) -> None:
    """The token is the problem, and what it kept from being seen is told once for each reason."""
    world.fake.fail_next("auth.test", "invalid_auth")
    found = world.check(say(), say("#incidents"), invite("ann@example.com"))
    assert [problem.place for problem in found.problems] == ["token"]
    assert "  ? steps.a.channel, steps.b.channel, steps.c.channel: #incidents was not looked at" in str(found)
    assert world.way.sent() == ["auth.test"]


def test_scopes_that_nobody_told_are_tried(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the header is taken away, Slack says for each look-up what it takes."""
    answer = FakeSlack._answer

    def bare(self: FakeSlack, *args: Any, **kwargs: Any) -> Any:
        made = answer(self, *args, **kwargs)
        return attrs.evolve(made, headers={k: v for k, v in made.headers.items() if k.lower() != "x-oauth-scopes"})

    monkeypatch.setattr(FakeSlack, "_answer", bare)
    world.without("users:read", "groups:read", "usergroups:read")
    found = world.check(say(), say("#nowhere"), invite(world.ann.id, world.ben.id, "@oncall"))
    assert found.granted is None
    assert [problem.place for problem in found.problems] == ["steps.b.channel"]
    assert {place: why.partition(": ")[2] for place, why in found.unseen.items()} == {
        "steps.c.users[0]": "that takes the scope users:read",
        "steps.c.users[1]": "that takes the scope users:read",
        "steps.c.users[2]": "that takes the scope usergroups:read",
    }
    assert world.way.sent().count("users.info") == 1


def test_a_long_list_and_many_people_are_not_asked_to_the_end(world: World) -> None:
    """After ten pages, and after fifty people, the rest is told as not looked at."""
    people = [f"U0PEOPLE{number:02}" for number in range(53)]
    for user in people:
        world.fake.add_user(user.lower(), id=user)
    found = world.check(invite(*people))
    assert list(found.unseen) == [f"steps.a.users[{number}]" for number in (50, 51, 52)]
    assert world.way.sent().count("users.info") == 50
    named = sr.Executor().plan(say("#nowhere")).named
    flow, page = looking(named, None), {"ok": True, "channels": [], "response_metadata": {"next_cursor": "more"}}
    asked = [next(flow).method]
    # Ten pages of public channels and ten of private ones.
    asked += [flow.send(sr.Reply(page, {})).method for _ in range(19)]
    assert set(asked) == {"conversations.list"}
    with pytest.raises(StopIteration) as end:
        flow.send(sr.Reply(page, {}))
    assert [fact.reason for fact in end.value.value.values()] == ["it is not among the first 9,990 channels"]


# --- the token -------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Reminds(sr.Action[None]):
    """A host's own action on a method that takes a person's token only."""

    output: ClassVar[type[Any]] = dict

    def needs(self) -> tuple[sr.Need, ...]:
        return (sr.Need("reminders.add", "remind", scopes=("reminders:write",)),)

    def flow(self) -> Flow[None]:
        yield from ()


def persons_token(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``auth.test`` answer as for a person: without ``bot_id``."""
    faked = FAKED["auth.test"]

    def run(request: Request) -> dict[str, Any]:
        body = faked.run(request)
        del body["bot_id"]
        return {**body, "user_id": world.ann.id}

    monkeypatch.setitem(FAKED, "auth.test", attrs.evolve(faked, run=run))


def test_a_method_that_takes_no_bots_token_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a problem of the step, and none with a person's token, of which a warning says whose it is."""
    world.fake.scopes.add("reminders:write")
    found = world.check(say(), Reminds(), sr.Step(Reminds(), on_error="continue"))
    assert told(found) == [
        ("steps.b", "reminders.add takes a person's token, and this is a bot's."),
        ("! steps.c", "reminders.add takes a person's token, and this is a bot's."),
    ]
    assert [problem.place for problem in world.way.check(Reminds()).problems] == ["token"]
    persons_token(world, monkeypatch)
    found = world.check(say(), Reminds())
    assert [place for place, _ in told(found)] == ["! token"]
    assert f"the person {world.ann.id}" in found.warnings[0].message


def test_a_persons_scopes_for_public_channels_have_another_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """``channels:write`` of a person is what a bot needs two scopes for."""
    steps = sr.JoinChannel(channel="#elsewhere"), sr.RemoveFromChannel(channel="#incidents", users=world.ann.id)
    world.without("channels:manage", "channels:join", "groups:write")
    world.fake.scopes.add("channels:write")
    assert len(world.check(*steps).problems) == 2
    persons_token(world, monkeypatch)
    assert world.check(*steps).problems == ()


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("xapp-1-A0SECRET-1", "an app-level token"),
        ("xoxe-1-SECRET", "a refresh token"),
        ("xoxp-SECRET", "a user token"),
        ("0123456789abcdef0123456789abcdef", "32 hexadecimal digits"),
        ("xoxb-SECRET", ""),
    ],
)
def test_a_token_that_slack_refuses_is_told_by_its_kind(token: str, words: str) -> None:
    """The kind is told by how it begins, with what to use instead; nothing of the token itself shows."""
    fake = FakeSlack()
    with fake.serve() as server:
        client = PooledWebClient(token, server.url)
        with client, sr.Executor(client) as executor:
            found = executor.check(say())
    assert [problem.place for problem in found.problems] == ["token"]
    assert words in found.problems[0].remedy
    assert ("By its form" in found.problems[0].remedy) is bool(words)
    shown = f"{found}{found!r}{found._repr_html_()}{found.to_dict()}"
    assert token not in shown and "SECRET" not in shown


def test_every_method_says_which_tokens_it_takes() -> None:
    """A bot's runbook can use all that the table of methods has; what it leaves out takes another token."""
    assert all("bot" in TOKENS[name] for name in METHODS)
    assert {name: kinds for name, kinds in TOKENS.items() if "bot" not in kinds} == {
        "apps.manifest.create": ("configuration",),
        "apps.manifest.validate": ("configuration",),
        "conversations.unarchive": ("user",),
        "reminders.add": ("user",),
    }


def test_where_methods_are_refused_is_as_their_pages_say() -> None:
    """Which methods want a member, and which an open channel, is what the error table of each page lists."""
    pages = json.loads((Path(__file__).parent / "data" / "slack-errors.json").read_text(encoding="utf-8"))["methods"]
    listed = {name: set(codes) for name, codes in pages.items()}
    assert {name for name, codes in listed.items() if "not_in_channel" in codes} == MEMBERS_ONLY & listed.keys()
    archived = {name: codes & {"is_archived", "is_inactive"} for name, codes in listed.items()}
    assert {name: {code} for name, code in REFUSED_IN_ARCHIVED.items() if name in listed} == {
        name: codes for name, codes in archived.items() if codes
    }


# --- what it costs ---------------------------------------------------------------------------------------------------

TEN: dict[str, Any] = {
    "one": say("#incidents"),
    "two": say("#second"),
    "three": say("#third"),
    "four": sr.SetTopic(channel="incidents", topic="x"),
    "five": sr.InviteToChannel(channel="#second", users=["ann@example.com", "Ben@Example.com"]),
    "six": sr.InviteToChannel(channel="#third", users=["ben@example.com", "@oncall"]),
    "seven": sr.ListUserGroupMembers(usergroup="@oncall"),
    "eight": sr.SendDirectMessage(users="ann@example.com", text="x"),
    "nine": sr.ListMembers(channel="#Third"),
    "ten": sr.ReadHistory(channel="#second"),
}


@pytest.mark.parametrize("name", WAYS)
def test_ten_steps_cost_five_requests(name: str) -> None:
    """Three channels by name, two people by address and a group, on every way: none is asked for twice."""
    with open_way(name) as way:
        world = World(way)
        world.fake.add_channel("second")
        world.fake.add_channel("third")
        found = way.check(sr.Runbook("ten", TEN))
        assert told(found) == []
        assert way.sent() == [
            "auth.test",
            "conversations.list",
            "users.lookupByEmail",
            "users.lookupByEmail",
            "usergroups.list",
        ]


def test_channels_by_id_cost_one_request_each(world: World) -> None:
    """Each once, however often it is named; one that the list of names showed costs none."""
    first, second = world.incidents.id, world.hidden.id
    assert told(world.check(say(first), say(second), say(first), sr.SetTopic(channel=second, topic="x"))) == []
    assert world.way.sent() == ["auth.test", "conversations.info", "conversations.info"]
    before = len(world.fake.calls)
    assert told(world.check(say(first), say("#incidents"))) == []
    assert [call.method for call in world.fake.calls[before:]] == ["auth.test", "conversations.list"]


def test_nothing_named_costs_who_the_token_is(world: World) -> None:
    """A runbook that names nothing, and channels that an earlier step makes, cost one request."""
    assert told(world.check(sr.CreateChannel(name="inc-42"), say("#inc-42"), say("{{steps.a.channel}}"))) == []
    assert world.way.sent() == ["auth.test"]


def again(fake: FakeSlack, kind: str, book: sr.Runbook, change: Callable[[], None], times: int = 2) -> list[Any]:
    """Check several times with one executor, with a change before each but the first."""
    if kind == "sync":
        with fake.executor() as executor:
            reports = [executor.check(book)]
            for _ in range(times - 1):
                change()
                reports.append(executor.check(book))
            return reports

    async def checks() -> list[Any]:
        async with fake.async_executor() as executor:
            reports = [await executor.check(book)]
            for _ in range(times - 1):
                change()
                reports.append(await executor.check(book))
            return reports

    return asyncio.run(checks())


def test_a_second_check_costs_nothing_for_a_minute(world: World) -> None:
    """What was in order is not asked again for 60 seconds by the same executor, and is after that."""
    book = sr.Runbook(
        "book", {"a": invite("ann@example.com", "@oncall"), "b": sr.SetTopic(channel="#hidden", topic="x")}
    )
    kind = world.way.name
    reports = again(world.fake, kind, book, lambda: world.fake.advance(59))
    assert [told(report) for report in reports] == [[], []]
    assert all(report.granted for report in reports)
    assert len(world.fake.calls) == 5
    world.fake.calls.clear()
    again(world.fake, kind, book, lambda: world.fake.advance(61))
    assert len(world.fake.calls) == 10


def test_what_was_wrong_is_asked_again(world: World) -> None:
    """Whoever mends something and checks again is told how it is now; the rest is not asked for."""
    book = sr.Runbook(
        "book", {"a": say("#elsewhere"), "b": invite("new@example.com"), "c": say(), "d": invite("@oncall")}
    )

    def mend() -> None:
        world.elsewhere.members.append(world.fake.bot.id)
        world.fake.add_user("new", email="new@example.com")
        world.fake.calls.clear()

    first, second = again(world.fake, world.way.name, book, mend)
    assert [place for place, _ in told(first)] == ["steps.a.channel", "steps.b.users[0]"]
    assert told(second) == []
    assert [call.method for call in world.fake.calls] == ["auth.test", "conversations.list", "users.lookupByEmail"]


def test_what_another_check_saw_is_no_reason_for_a_problem(world: World) -> None:
    """What was in order for one runbook and would not be for the next is asked again before anything is claimed."""
    world.without("reactions:write")
    fine = sr.Runbook("fine", {"a": sr.ListMembers(channel="#elsewhere"), "b": say()})
    react = sr.AddReaction(channel=world.incidents.id, ts="1503435956.000247", name="eyes")
    strict = sr.Runbook("strict", {"a": say("#elsewhere"), "b": react})
    with world.fake.executor() as executor:
        assert executor.check(fine).ok
        world.elsewhere.members.append(world.fake.bot.id)
        world.fake.scopes.add("reactions:write")
        world.fake.calls.clear()
        assert told(executor.check(strict)) == []
        assert [call.method for call in world.fake.calls].count("auth.test") == 1
        world.elsewhere.members.remove(world.fake.bot.id)
        world.fake.advance(61)
        assert [problem.place for problem in executor.check(strict).problems] == ["steps.a.channel"]


def test_a_scope_that_was_added_is_seen_at_once(world: World) -> None:
    """What could not be looked at for want of a scope is looked at as soon as there is one."""
    world.without("usergroups:read", "channels:read")
    book = sr.Runbook("book", {"a": sr.LookUpMentions(names={"team": world.oncall.id}), "b": say()})
    first, second = again(
        world.fake, world.way.name, book, lambda: world.fake.scopes.update({"usergroups:read", "channels:read"})
    )
    assert sorted(first.unseen) == ["steps.a.names.team", "steps.b.channel"]
    assert second.unseen == {}


def test_checks_at_once_do_not_get_in_each_others_way() -> None:
    """One executor that several threads check with says the same to each."""
    with open_way("sync") as way:
        world = World(way)
        book = sr.Runbook("book", {"a": invite("ann@example.com", "@oncall"), "b": say("#nowhere")})
        reports: list[sr.CheckReport] = []
        with world.fake.executor() as executor:
            threads = [threading.Thread(target=lambda: reports.append(executor.check(book))) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert [[problem.place for problem in report.problems] for report in reports] == [["steps.b.channel"]] * 8


def test_without_slack_nothing_is_asked(world: World) -> None:
    """A plan names nothing to Slack, and needs no token."""
    with world.fake.executor() as executor:
        assert executor.plan(sr.Runbook("ten", TEN)).problems == ()
    assert world.fake.calls == []


def test_a_check_has_no_effect(world: World) -> None:
    """Whatever the runbook does, only methods that read are called, and the workspace is as it was."""
    before = (len(world.fake.channels), world.elsewhere.members[:], world.fake.notified[:])
    world.check(sr.JoinChannel(channel="#elsewhere"), sr.CreateChannel(name="x"), invite("@oncall"), say())
    assert (len(world.fake.channels), world.elsewhere.members, world.fake.notified) == before
    assert all(METHODS[method].repeat is sr.Repeat.READS for method in world.way.sent())


# --- rehearsals and bounds -------------------------------------------------------------------------------------------


def test_in_a_rehearsal_only_the_sandbox_has_to_be_there(world: World) -> None:
    """What a rehearsal leaves alone is a warning; the sandbox itself is looked at."""
    world.fake.add_channel("drill")
    policy = sr.Policy(redirect="#drill")
    found = world.check(say("#nowhere"), policy=policy)
    assert [place for place, _ in told(found)] == ["! steps.a.channel"]
    found = world.check(say(), policy=sr.Policy(redirect="#no-drill"))
    assert [place for place, _ in told(found)] == ["policy.redirect"]


def test_what_is_out_of_bounds_is_not_asked_for(world: World) -> None:
    """The bound is the problem, and Slack is not asked about the channel."""
    found = world.check(say("#nowhere"), policy=sr.Policy(channels=["#inc-*"]))
    assert [type(problem.error) for problem in found.problems] == [sr.PolicyViolation]
    assert world.way.sent() == ["auth.test"]


# --- how it is shown -------------------------------------------------------------------------------------------------


def test_what_was_not_seen_shows_everywhere(world: World) -> None:
    """In the text, once for each reason; in the notebook, escaped; in the JSON, by place."""
    world.without("channels:read", "groups:read")
    found = world.check(say("#incidents"), say("#incidents"), say("#second"), sr.Function(lambda: None))
    reason = "#incidents was not looked at: that takes the scope channels:read"
    assert f"  ? steps.a.channel, steps.b.channel: {reason}" in str(found)
    assert f"steps.a.channel, steps.b.channel: {reason}</div>" in found._repr_html_()
    assert found.to_dict()["unseen"] == dict(found.unseen)
    assert found.unseen["steps.b.channel"] == reason
    wrong = world.check(say("#incidents"), sr.CreateChannel(name="!!!"))
    assert not wrong.ok
    assert f"  ? steps.a.channel: {reason}" in str(wrong)
    assert reason in wrong._repr_html_()


def test_a_host_s_channel_is_looked_at(world: World) -> None:
    """The channel of an own action that names Slack's methods is one of Slack's; of one that names none it is not."""

    @attrs.frozen(kw_only=True)
    class Own(sr.Action[dict[str, Any]]):
        output: ClassVar[type[Any]] = dict
        channel: str
        method: str = ""

        def needs(self) -> Iterator[sr.Need]:
            if self.method:
                yield sr.Need(self.method, "do something", channel=self.channel)

        def flow(self) -> Flow[dict[str, Any]]:
            yield from ()
            return {}

    found = world.check(Own(channel="#elsewhere", method="pins.add"), Own(channel="general chat"), Own(channel="nope"))
    assert [problem.place for problem in found.problems] == ["steps.a.channel"]
