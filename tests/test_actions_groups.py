"""User groups: whom they stand for, and who is in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack
from slackrunbooks.text import GroupRef, parse_group, parse_user

from .ways import WAYS, Way, open_way


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """A workspace with two overlapping groups, reached each of the four ways."""
    with open_way(request.param) as way:
        fake = way.fake
        people = {name: fake.add_user(name, id=f"U0{name.upper():0>8}") for name in ("ann", "bob", "cyd", "dan")}
        fake.add_channel("incidents", members=[people["ann"]])
        fake.add_usergroup("sre", [people["ann"], people["bob"]])
        fake.add_usergroup("db", [people["bob"], people["cyd"]])
        yield way


def _ids(*names: str) -> tuple[str, ...]:
    return tuple(f"U0{name.upper():0>8}" for name in names)


def _group(way: Way, handle: str) -> str:
    return way.fake.usergroup(handle).id


def test_groups_people_and_addresses_mixed(way: Way) -> None:
    """Everybody is invited once, whoever is there already is told, and one request answers for all groups."""
    done = way.do(sr.InviteToChannel(channel="#incidents", users="@sre, dan@acme.example, <@U000000ANN>, @DB"))
    assert sorted(done.invited) == sorted(_ids("bob", "cyd", "dan"))
    assert done.already == _ids("ann")
    assert done.groups == {"@sre": _ids("ann", "bob"), "@DB": _ids("bob", "cyd")}
    assert way.sent(but=("conversations.list", "users.lookupByEmail")) == [
        "usergroups.list",
        "conversations.invite",
        "conversations.invite",
    ]


def test_one_group_by_its_id_asks_for_that_group_alone(way: Way) -> None:
    """The smaller request is made where it is enough."""
    done = way.do(sr.InviteToChannel(channel="#incidents", users=f"<!subteam^{_group(way, 'db')}|@db>"))
    assert done.invited == _ids("bob", "cyd")
    assert way.sent(but=("conversations.list",)) == ["usergroups.users.list", "conversations.invite"]


def test_a_group_that_is_not_there_does_not_keep_the_others_out(way: Way) -> None:
    """A wrong handle and a disabled group are told, and the good ones are invited."""
    way.fake.add_usergroup("old", ["ann"]).is_disabled = True
    done = way.do(sr.InviteToChannel(channel="#incidents", users=["@db", "@nobody", "@old"]))
    assert done.invited == _ids("bob", "cyd")
    assert done.failed == {"@nobody": "no_such_subteam", "@old": "no_such_subteam"}


def test_nobody_to_invite_is_an_error(way: Way) -> None:
    """Where not one could be invited, the step fails and says why."""
    with pytest.raises(sr.SlackError, match="@nobody .no_such_subteam.*no such user group"):
        way.do(sr.InviteToChannel(channel="#incidents", users=["@nobody"]))
    assert not way.fake.calls_to("conversations.invite")


@pytest.mark.parametrize("name", WAYS)
def test_a_large_invitation_takes_the_fewest_requests(name: str) -> None:
    """250 people, 3 wrong IDs, 5 already there and 2 overlapping groups: the right result for each, in 7 requests.

    One answers for the groups. Every block of 100 has somebody wrong, so each is refused once, which names them; the
    good ones then fill three requests. With fewer, somebody would stay unasked.
    """
    with open_way(name) as way:
        fake = way.fake
        people = [fake.add_user(f"p{number}").id for number in range(250)]
        fake.add_channel("incidents", members=[people[0], people[1], people[120], people[121], people[249]])
        fake.add_usergroup("first", people[200:240])
        fake.add_usergroup("second", people[220:250])
        wrong = ["U0WRONG0001", "U0WRONG0002", "U0WRONG0003"]
        given = [*people[:50], wrong[0], *people[50:140], wrong[1], *people[140:200], "@first", wrong[2], "@second"]
        done = way.do(sr.InviteToChannel(channel=fake.channel("incidents").id, users=given))
        there = {people[index] for index in (0, 1, 120, 121, 249)}
        assert set(done.already) == there
        assert set(done.invited) == set(people) - there and len(done.invited) == 245
        assert done.failed == dict.fromkeys(wrong, "user_not_found")
        assert set(fake.channel("incidents").members) >= set(people)
        sent = way.sent()
        assert sent == ["usergroups.list", *["conversations.invite"] * 6]
        assert all("force" not in call.arguments for call in fake.calls)
        assert all(len(call.arguments["users"].split(",")) <= 100 for call in fake.calls_to("conversations.invite"))


@pytest.mark.parametrize(
    ("mode", "users", "after", "calls"),
    [
        ("replace", "dan@acme.example", ("dan",), 1),
        ("replace", "@sre", ("ann", "bob"), 1),
        ("replace", "<@U000000BOB>,<@U000000CYD>", ("bob", "cyd"), 0),
        ("add", "U000000DAN", ("bob", "cyd", "dan"), 1),
        ("add", "U000000BOB", ("bob", "cyd"), 0),
        ("remove", "U000000BOB", ("cyd",), 1),
        ("remove", "U000000DAN", ("bob", "cyd"), 0),
    ],
)
def test_who_is_in_a_group(way: Way, mode: Any, users: str, after: tuple[str, ...], calls: int) -> None:
    """Members are replaced, added and removed; nothing is sent where nothing changes, so a second run sends nothing."""
    action = sr.UpdateUserGroup(usergroup="@db", users=users, mode=mode)
    done = way.do(action)
    assert (set(done.users), done.changed) == (set(_ids(*after)), bool(calls))
    assert set(way.fake.usergroup("db").users) == set(_ids(*after))
    assert len(way.fake.calls_to("usergroups.users.update")) == calls
    assert way.do(action).changed is False
    assert len(way.fake.calls_to("usergroups.users.update")) == calls


def test_a_group_is_never_emptied(way: Way) -> None:
    """Slack keeps no empty group; the step says so before it sends anything."""
    with pytest.raises(sr.SlackError, match="no_users_provided.*nobody would be left"):
        way.do(sr.UpdateUserGroup(usergroup=_group(way, "db"), users=list(_ids("bob", "cyd")), mode="remove"))
    assert not way.fake.calls_to("usergroups.users.update")


def test_nothing_changes_while_somebody_is_unknown(way: Way) -> None:
    """A wrong address or another group that is not there leaves the group as it was."""
    for users, error in (("nobody@acme.example, U000000DAN", sr.UserNotFound), ("@nobody", sr.SlackError)):
        with pytest.raises(error):
            way.do(sr.UpdateUserGroup(usergroup="@db", users=users))
    assert set(way.fake.usergroup("db").users) == set(_ids("bob", "cyd"))


def test_a_group_can_approve(way: Way) -> None:
    """Any member of the group may say yes."""
    fake = way.fake
    fake.later(
        12,
        lambda: fake.user("ann").react("incidents", fake.channel("incidents").messages[-1].ts, "white_check_mark"),
    )
    done = way.do(sr.RequestApproval(channel="#incidents", text="Sure?", approvers="@sre"))
    assert done.approved_by == _ids("ann")


def test_other_steps_say_that_they_need_people(fake_slack: FakeSlack) -> None:
    """A group where only people can stand is refused with what to write."""
    with fake_slack.executor() as executor:
        for group, says in (("S0123ABCD", "is a user group, and this needs people"), ("@sre", "is a name")):
            with pytest.raises(sr.CheckFailed, match=says):
                executor.do(sr.RemoveFromChannel(channel="#a", users=group))
    assert fake_slack.calls == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("S0123ABCD", GroupRef("id", "S0123ABCD")),
        (" <!subteam^S0123ABCD|@sre> ", GroupRef("id", "S0123ABCD")),
        ("<!subteam^S0123ABCD>", GroupRef("id", "S0123ABCD")),
        ("@SRE-on.call_1", GroupRef("handle", "sre-on.call_1")),
        ("ann@example.com", None),
        ("U0123ABCD", None),
        ("@", None),
        ("sre", None),
    ],
)
def test_how_a_group_is_named(text: str, found: GroupRef | None) -> None:
    """An ID, a mention and a handle are told from people and from anything else."""
    assert parse_group(text) == found
    if found is not None:
        with pytest.raises(ValueError, match="is a (user group|name)"):
            parse_user(text)
