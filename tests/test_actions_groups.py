"""User groups: whom they stand for, and who is in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._methods import conversations
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


def test_those_who_were_cleared_fill_up_the_last_request(way: Way) -> None:
    """101 people with a wrong one among the first hundred take two requests and not three."""
    people = [way.fake.add_user(f"p{number}").id for number in range(100)]
    done = way.do(
        sr.InviteToChannel(channel=way.fake.channel("incidents").id, users=["U0WRONG0001", *people]),
    )
    assert set(done.invited) == set(people) and done.failed == {"U0WRONG0001": "user_not_found"}
    assert way.sent() == ["conversations.invite"] * 2


def test_people_who_left_keep_nobody_out(way: Way) -> None:
    """Slack invites the others with its refusal; they count as invited now, not as there already."""
    gone = way.fake.add_user("gone", email="gone@acme.example", deleted=True).id
    done = way.do(sr.InviteToChannel(channel="#incidents", users=[*_ids("ann", "bob"), gone, "<@U000000DAN>"]))
    assert (done.invited, done.already, done.failed) == (_ids("bob", "dan"), _ids("ann"), {gone: "user_not_found"})
    done = way.do(sr.InviteToChannel(channel="#incidents", users=[*_ids("cyd"), gone]))
    assert (done.invited, done.already, done.failed) == (_ids("cyd"), (), {gone: "user_not_found"})


def test_who_failed_is_told_as_given(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address or a mention that Slack knows and does not invite is named as the author named it."""
    told = dict.fromkeys(_ids("bob", "cyd", "dan"), "no_permission") | dict.fromkeys(_ids("ann"), "already_in_channel")
    monkeypatch.setattr(conversations, "_why_not", lambda _request, _channel, user: told.get(user))
    users = ["bob@acme.example", "<@U000000CYD>", "@db", "U000000DAN", "U000000ANN"]
    done = way.do(sr.InviteToChannel(channel="#incidents", users=users))
    assert done.failed == dict.fromkeys(("bob@acme.example", "<@U000000CYD>", "U000000DAN"), "no_permission")
    assert done.already == _ids("ann")


def test_a_refusal_that_names_nobody_is_narrowed_down(way: Way) -> None:
    """Where Slack says what is wrong and not with whom, the halves of the request tell."""
    for _request in range(2):
        way.fake.fail_next("conversations.invite", "user_is_restricted")
    done = way.do(sr.InviteToChannel(channel=way.fake.channel("incidents").id, users=list(_ids("bob", "cyd", "dan"))))
    assert done.failed == {"U000000BOB": "user_is_restricted"} and done.invited == _ids("cyd", "dan")
    assert way.sent() == ["conversations.invite"] * 3


def test_an_empty_group_is_told(way: Way) -> None:
    """Nobody comes of a group without members, and the result or the error says so."""
    way.fake.add_usergroup("nobody-yet", [])
    done = way.do(sr.InviteToChannel(channel="#incidents", users=["@db", "@nobody-yet"]))
    assert done.failed == {"@nobody-yet": "users_not_found"} and set(done.groups) == {"@db"}
    with pytest.raises(sr.UserNotFound, match="@nobody-yet .users_not_found"):
        way.do(sr.InviteToChannel(channel="#incidents", users="@nobody-yet"))


def test_an_empty_group_does_not_let_everybody_approve(way: Way) -> None:
    """Who may decide must be somebody: a group without members ends the step."""
    way.fake.add_usergroup("nobody-yet", [])
    channel = way.fake.channel("incidents").id
    ts = way.fake.user("ann").post("incidents", "Sure?").ts
    way.fake.user("ann").react("incidents", ts, "white_check_mark")
    with pytest.raises(sr.UserNotFound, match="nobody is in the user group @nobody-yet.*Add somebody"):
        way.do(sr.WaitForReaction(channel=channel, ts=ts, names="white_check_mark", users="@nobody-yet"))
    with pytest.raises(sr.UserNotFound, match="nobody is in the user group"):
        way.do(sr.RequestApproval(channel=channel, text="Sure?", approvers="@nobody-yet"))
    assert not way.fake.calls_to("chat.postMessage")


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


def test_what_a_group_is_called(way: Way) -> None:
    """Name, handle, description and channels change where they differ, by one request; a second run sends none."""
    incidents, war = way.fake.channel("incidents").id, way.fake.add_channel("war-room", is_private=True).id
    action = sr.UpdateUserGroup(
        usergroup=_group(way, "db"),
        name="Databases",
        handle="@dba",
        description="Who knows",
        channels=["#incidents", war],
    )
    done = way.do(action)
    assert done.updated == ("name", "handle", "description", "channels") and done.changed
    assert (set(done.users), done.added) == (set(_ids("bob", "cyd")), ())
    group = way.fake.usergroup("dba")
    assert (group.name, group.description, group.channels) == ("Databases", "Who knows", [incidents, war])
    assert way.sent(but=("conversations.list",)) == ["usergroups.list", "usergroups.update"]
    again = way.do(action)
    assert not again.changed and len(way.fake.calls_to("usergroups.update")) == 1
    assert way.do(attrs.evolve(action, name="Data")).updated == ("name",)
    assert set(way.fake.calls_to("usergroups.update")[-1].arguments) == {"usergroup", "name"}


def test_members_change_before_the_name(way: Way) -> None:
    """Who is on call matters most: it is done first, and told where the rest is refused."""
    way.fake.fail_next("usergroups.update", "permission_denied")
    with pytest.raises(
        sr.NotPermitted, match="usergroups.update: permission_denied.*Permissions, User groups"
    ) as refused:
        way.do(sr.UpdateUserGroup(usergroup="@db", users="@sre", name="Databases"))
    assert refused.value.output.added == _ids("ann") and refused.value.output.updated == ()
    assert way.fake.usergroup("db").users == list(_ids("ann", "bob"))
    assert way.sent() == ["usergroups.list", "usergroups.users.update", "usergroups.update"]


def test_a_later_step_sees_the_new_shift(way: Way) -> None:
    """What a run knows of groups is forgotten where one changes, and asked for once otherwise."""
    book = sr.Runbook(
        "shift",
        {
            "before": sr.InviteToChannel(channel="{{room}}", users="@sre"),
            "same": sr.InviteToChannel(channel="{{room}}", users=["@sre", "@db"]),
            "shift": sr.UpdateUserGroup(usergroup="@sre", users="U000000DAN"),
            "after": sr.InviteToChannel(channel="{{room}}", users="@sre"),
        },
    )
    report = way.run(book, {"room": way.fake.channel("incidents").id})
    assert report.output("after", sr.Invited).invited == _ids("dan")
    assert len(way.fake.calls_to("usergroups.list")) == 3


def test_an_addition_rests_on_who_is_in_the_group_now(way: Way) -> None:
    """The list is replaced as a whole, so whoever came in since an earlier step is seen and stays."""
    fake = way.fake
    fake.user("bob").join("incidents")
    ts = fake.user("ann").post("incidents", "Down").ts
    fake.later(30, lambda: fake.usergroup("sre").users.append(_ids("cyd")[0]))
    fake.later(60, lambda: fake.user("bob").react("incidents", ts, "eyes"))
    wait = sr.WaitForReaction(channel=fake.channel("incidents").id, ts=ts, names="eyes", users="@sre")
    add = sr.UpdateUserGroup(usergroup="@sre", users="U000000DAN", mode="add")
    way.run(sr.Runbook("shift", {"wait": wait, "add": add})).raise_for_failure()
    assert set(fake.usergroup("sre").users) == set(_ids("ann", "bob", "cyd", "dan"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "users: is left out, and nothing else is to change"),
        ({"users": []}, "users: names nobody"),
        ({"users": "sre"}, "'sre' is no person.*Give a user group by its ID .S0123ABCD. or its handle"),
        ({"users": "U0123ABCD", "usergroup": "sre"}, "usergroup: 'sre' is no user group.*handle"),
        ({"name": " "}, "name: is empty"),
        ({"handle": "@"}, "handle: is empty"),
        ({"handle": "sre on call"}, "handle: 'sre on call' cannot be mentioned"),
        ({"channels": []}, "channels: names no channel"),
        ({"channels": "#incidents, what?"}, "channels: 'what.' is no channel"),
        ({"channels": ["U0123ABCD"]}, "channels: 'U0123ABCD' is a person's ID"),
    ],
)
def test_what_is_wrong_with_a_change_is_found_before_the_first_request(
    fake_slack: FakeSlack, arguments: dict[str, Any], message: str
) -> None:
    """Each mistake is told with its field and what to write."""
    with fake_slack.executor() as executor, pytest.raises(sr.CheckFailed, match=message):
        executor.do(sr.UpdateUserGroup(**{"usergroup": "@sre", **arguments}))
    assert fake_slack.calls == []


def test_nobody_given_by_a_template_is_no_wish_to_keep_everybody(way: Way) -> None:
    """An empty list is refused; only a field that is left out keeps the members."""
    with pytest.raises(sr.CheckFailed, match="users: names nobody"):
        way.do(sr.UpdateUserGroup(usergroup="@db", users="{{people}}", name="x"), {"people": []})
    assert way.fake.calls == []


def test_members_are_listed_for_steps_that_take_people(way: Way) -> None:
    """A group is sent a direct message by way of its members, as long as eight or fewer are in it."""
    book = sr.Runbook(
        "page",
        {
            "who": sr.ListUserGroupMembers(usergroup="{{group}}"),
            "tell": sr.SendDirectMessage(users="{{steps.who.users}}", text="Down"),
            "out": sr.RemoveFromChannel(channel="{{room}}", users="{{steps.who.users}}"),
        },
    )
    room = way.fake.channel("incidents").id
    report = way.run(book, {"group": "@db", "room": room})
    assert report.output("who", sr.UserGroupMembersListed).users == _ids("bob", "cyd")
    assert report.output("out", sr.Removed).already == _ids("bob", "cyd")
    listed = way.do(sr.ListUserGroupMembers(usergroup=_group(way, "db")))
    assert listed == sr.UserGroupMembersListed(usergroup=_group(way, "db"), users=_ids("bob", "cyd"))
    assert way.sent()[-1] == "usergroups.users.list"
    way.fake.add_usergroup("all", [way.fake.add_user(f"p{number}") for number in range(9)])
    with pytest.raises(sr.StepFailed, match="names 9 people; a group message takes 8"):
        way.run(book, {"group": "@all", "room": room}).raise_for_failure()
    for group in ("@nobody", "S0NOBODY0"):
        with pytest.raises(sr.SlackError, match="no_such_subteam"):
            way.do(sr.ListUserGroupMembers(usergroup=group))


def test_bots_cannot_be_on_call(way: Way) -> None:
    """Slack takes no bot into a group; the error says so, and the group is as it was."""
    robot = way.fake.add_user("robot", is_bot=True).id
    with pytest.raises(sr.SlackError, match="invalid_user.*Guests and bots cannot be in a user group"):
        way.do(sr.UpdateUserGroup(usergroup="@db", users=robot, mode="add"))
    assert way.fake.usergroup("db").users == list(_ids("bob", "cyd"))


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
            for action in (
                sr.RemoveFromChannel(channel="#a", users=group),
                sr.SendDirectMessage(users=["U0123ABCD", group], text="x"),
                sr.SendEphemeral(channel="#a", user=group, text="x"),
                sr.LookUpUser(user=group),
            ):
                with pytest.raises(sr.CheckFailed, match=f"{says}.*with ListUserGroupMembers"):
                    executor.do(action)
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


@pytest.mark.parametrize(
    ("make", "method", "code"),
    [
        (lambda room: sr.InviteToChannel(channel=room, users="no@example.com"), "users.lookupByEmail", None),
        (lambda room: sr.InviteToChannel(channel=room, users="S0NOBODY01"), "usergroups.users.list", None),
        (lambda room: sr.InviteToChannel(channel=room, users="@no-group"), "usergroups.list", None),
        (lambda room: sr.InviteToChannel(channel=room, users="ann@example.com"), "conversations.invite", "cant_invite"),
        (lambda room: sr.RemoveFromChannel(channel=room, users="no@example.com"), "users.lookupByEmail", None),
        (
            lambda room: sr.RemoveFromChannel(channel=room, users="ann@example.com"),
            "conversations.kick",
            "user_not_found",
        ),
    ],
)
def test_an_error_about_everybody_names_the_method_that_said_it(make: Any, method: str, code: str | None) -> None:
    """Whoever reads of it looks at the right page: the look-up failed, or the invitation or removal itself."""
    fake = FakeSlack()
    fake.add_user("ann", email="ann@example.com")
    action = make(fake.add_channel("incidents").id)
    if code is not None:
        fake.fail_next(method, code)
    with fake.executor() as executor, pytest.raises(sr.SlackError) as refused:
        executor.do(action)
    assert refused.value.method == method
    assert code is None or refused.value.code == code
