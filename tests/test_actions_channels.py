"""Steps on members, names, history and single messages, on the fake workspace: state, calls, second runs, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack
from tests.ways import WAYS, Way, open_way

DOCUMENTED = json.loads((Path(__file__).parent / "data" / "slack-errors.json").read_text(encoding="utf-8"))["methods"]


@pytest.fixture(params=["sync", "async"])
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """A workspace with one channel that the app made, reached synchronously and asynchronously."""
    with open_way(request.param) as opened:
        opened.fake.add_channel("incidents", creator=opened.fake.bot)
        yield opened


def play(action: sr.Action[Any], *answers: Mapping[str, Any]) -> tuple[list[dict[str, Any]], Any]:
    """Drive an action by hand with these answers; return the arguments of its calls, and its output."""
    flow = action.flow()
    sent = []
    effect: Any = next(flow)
    for answer in answers:
        sent.append(dict(effect.arguments))
        try:
            effect = flow.send(sr.Reply(answer))
        except StopIteration as stop:
            return sent, stop.value
    raise AssertionError("the action wants more answers")


# --- names -----------------------------------------------------------------------------------------------------------


def test_renaming_makes_the_name_fit_and_a_second_run_is_done(way: Way) -> None:
    """The new name follows Slack's rules as a created channel's does; once it has it, nothing is sent but a look."""
    channel = way.fake.channel("incidents")
    action = sr.RenameChannel(channel=channel.id, name="{{id}}: API down!")
    first = way.do(action, {"id": "INC-7"})
    assert first == sr.ChannelRenamed(channel=channel.id, name="inc-7-api-down", requested_name="INC-7: API down!")
    assert (channel.name, channel.previous_names) == ("inc-7-api-down", ["incidents"])
    assert way.sent() == ["conversations.info", "conversations.rename"]
    again = way.do(action, {"id": "INC-7"})
    assert again.already_named and again.name == first.name
    assert way.sent()[2:] == ["conversations.info"]


def test_renaming_by_name_costs_a_look_up(way: Way) -> None:
    """A channel given by its old name is found once, and not any more when it has the new one."""
    way.do(sr.RenameChannel(channel="#incidents", name="inc-7"))
    assert way.sent() == ["conversations.list", "conversations.info", "conversations.rename"]
    with pytest.raises(sr.ChannelNotFound, match="incidents"):
        way.do(sr.RenameChannel(channel="#incidents", name="inc-7"))


def test_the_name_that_slack_made_of_it_is_reported() -> None:
    """Slack may modify a name; the output has the one of its answer."""
    sent, output = play(
        sr.RenameChannel(channel="C0123ABCD", name="inc.7"),
        {"ok": True, "channel": {"id": "C0123ABCD", "name": "old"}},
        {"ok": True, "channel": {"id": "C0123ABCD", "name": "inc-seven"}},
    )
    assert sent[1] == {"channel": "C0123ABCD", "name": "inc-7"}
    assert (output.name, output.requested_name, output.already_named) == ("inc-seven", "inc.7", False)


def test_a_name_that_another_channel_has_is_taken(way: Way) -> None:
    """A taken name is the same error as at creation, and the channel keeps its own."""
    way.fake.add_channel("taken")
    with pytest.raises(sr.NameTaken, match="Choose a different name"):
        way.do(sr.RenameChannel(channel="incidents", name="taken"))
    assert way.fake.channel("incidents").previous_names == []


def test_only_its_creator_renames_a_channel(way: Way) -> None:
    """A channel that the app did not create is refused with who can do it."""
    way.fake.add_channel("theirs")
    with pytest.raises(sr.NotPermitted, match="not_authorized.*channel managers"):
        way.do(sr.RenameChannel(channel="theirs", name="ours"))


def test_a_name_of_nothing_is_found_before_the_first_request(way: Way) -> None:
    """A name without a letter or digit is a problem of the check."""
    with pytest.raises(sr.CheckFailed, match=r"RenameChannel\.name: no letter or digit is left of '!!!'"):
        way.do(sr.RenameChannel(channel="incidents", name="{{name}}"), {"name": "!!!"})
    assert way.sent() == []


# --- members ---------------------------------------------------------------------------------------------------------


def test_people_are_removed_with_a_result_each(way: Way) -> None:
    """One bad ID keeps nobody in; who is no member counts as gone; doubles count once."""
    ann, bob = way.fake.add_user("ann"), way.fake.add_user("bob", email="bob@example.com")
    eve = way.fake.add_user("eve")
    for user in (ann, bob):
        user.join("incidents")
    action = sr.RemoveFromChannel(
        channel="#incidents", users=["no@example.com", ann.id, "bob@example.com", bob.id, eve.id, "U0NOBODY00"]
    )
    assert way.do(action) == sr.Removed(
        channel=way.fake.channel("incidents").id,
        removed=(ann.id, bob.id),
        already=(eve.id,),
        failed={"no@example.com": "users_not_found", "U0NOBODY00": "user_not_found"},
    )
    assert way.fake.channel("incidents").members == [way.fake.bot.id]
    assert "conversations.info" not in way.sent(), "a removal that worked has shown that the app is a member"


def test_removing_again_finds_nobody(way: Way) -> None:
    """On a second run everybody counts as gone, after one look whether the app itself is there."""
    people = [way.fake.add_user(name) for name in ("ann", "bob")]
    for user in people:
        user.join("incidents")
    action = sr.RemoveFromChannel(channel=way.fake.channel("incidents").id, users=[user.id for user in people])
    way.do(action)
    again = way.do(action)
    assert (again.removed, again.already) == ((), tuple(user.id for user in people))
    assert way.sent()[2:] == ["conversations.kick", "conversations.info", "conversations.kick"]


def test_an_app_that_is_no_member_does_not_call_people_gone(way: Way) -> None:
    """Slack's one code for both is told apart: where the app is not in the channel, people may well be."""
    ann = way.fake.add_user("ann")
    elsewhere = way.fake.add_channel("elsewhere", is_member=False, members=[ann])
    with pytest.raises(sr.NotInChannel, match="the app is not a member of the channel.*Add it with /invite first"):
        way.do(sr.RemoveFromChannel(channel=elsewhere.id, users=ann.id))
    way.fake.scopes -= {"channels:read"}
    assert way.do(sr.RemoveFromChannel(channel=elsewhere.id, users=ann.id)).already == (ann.id,)


def test_removing_the_app_itself_names_the_other_step(way: Way) -> None:
    """``cant_kick_self`` is typed and points at LeaveChannel; beside others it is one result among them."""
    channel = way.fake.channel("incidents").id
    with pytest.raises(sr.NotPermitted, match=r"cant_kick_self.*use LeaveChannel") as refused:
        way.do(sr.RemoveFromChannel(channel=channel, users=way.fake.bot.id))
    assert refused.value.output.failed == {way.fake.bot.id: "cant_kick_self"}
    ann = way.fake.add_user("ann")
    ann.join("incidents")
    result = way.do(sr.RemoveFromChannel(channel=channel, users=[way.fake.bot.id, ann.id]))
    assert (result.removed, result.failed) == ((ann.id,), {way.fake.bot.id: "cant_kick_self"})


def test_nobody_who_can_be_removed_is_an_error(way: Way) -> None:
    """Where not one person could be removed, the first refusal gives the class and each is named."""
    with pytest.raises(sr.UserNotFound, match=r"no@example\.com \(users_not_found\), U0NOBODY00 \(user_not_found\)"):
        way.do(sr.RemoveFromChannel(channel="incidents", users="no@example.com U0NOBODY00"))


def test_a_refusal_of_the_whole_request_keeps_what_was_done(way: Way) -> None:
    """An error that is not about one person stops the step, and its output says who is out by then."""
    people = [way.fake.add_user(name, id=f"U000000{name.upper()}") for name in ("ann", "bob")]
    for user in people:
        user.join("incidents")
    way.fake.inject("conversations.kick", "ratelimited", after=1, times=9)
    with pytest.raises(sr.RateLimited) as refused:
        way.do(
            sr.RemoveFromChannel(channel="incidents", users=[user.id for user in people]),
            retry=sr.RetryPolicy(attempts=1),
        )
    assert refused.value.output.removed == (people[0].id,)


def test_nobody_is_removed_from_general(way: Way) -> None:
    """The general channel is refused by Slack, as what it is."""
    general = way.fake.add_channel("general", is_general=True, members=[way.fake.add_user("ann")])
    with pytest.raises(sr.NotPermitted, match="cant_kick_from_general"):
        way.do(sr.RemoveFromChannel(channel=general.id, users=way.fake.user("ann").id))


@pytest.mark.parametrize(
    ("limit", "listed", "has_more", "requests"),
    [(None, 451, False, 3), (1, 1, True, 1), ("{{n}}", 250, True, 2), (451, 451, False, 3), (900, 451, False, 3)],
)
def test_members_are_listed_page_by_page(way: Way, limit: Any, listed: int, has_more: bool, requests: int) -> None:
    """All members are listed, or as many as ``limit`` says, in Slack's order and pages of 200."""
    people = [way.fake.add_user(f"user{number}") for number in range(450)]
    crowd = way.fake.add_channel("crowd", members=people)
    result = way.do(sr.ListMembers(channel=crowd.id, limit=limit), {"n": "250"})
    assert result == sr.MembersListed(channel=crowd.id, members=tuple(crowd.members[:listed]), has_more=has_more)
    assert way.sent() == ["conversations.members"] * requests


def test_the_members_can_be_the_people_of_a_later_step(way: Way) -> None:
    """What ListMembers gives fills the users of another step, in one template."""
    ann, bob = way.fake.add_user("ann"), way.fake.add_user("bob")
    way.fake.add_channel("team", members=[ann, bob])
    runbook = sr.Runbook(
        "assemble",
        {
            "team": sr.ListMembers(channel="#team"),
            "room": sr.InviteToChannel(channel="#incidents", users="{{steps.team.members}}"),
        },
    )
    way.run(runbook).raise_for_failure()
    assert way.fake.channel("incidents").members == [way.fake.bot.id, ann.id, bob.id]


def test_an_empty_page_is_not_the_end() -> None:
    """Only a missing cursor ends a list, as Slack may send pages that are short or empty; doubles are dropped."""
    more = {"next_cursor": "abc"}
    sent, output = play(
        sr.ListMembers(channel="C0123ABCD", limit=3),
        {"ok": True, "members": ["U1"], "response_metadata": more},
        {"ok": True, "members": [], "response_metadata": more},
        {"ok": True, "members": ["U1", "U2"], "response_metadata": {"next_cursor": ""}},
    )
    assert [call.get("cursor") for call in sent] == [None, "abc", "abc"]
    assert [call["limit"] for call in sent] == [3, 2, 2]
    assert (output.members, output.has_more) == (("U1", "U2"), False)


def test_a_page_that_is_too_long_is_cut() -> None:
    """More than was asked for is never handed on, and counts as more."""
    _, output = play(sr.ListMembers(channel="C0123ABCD", limit=1), {"ok": True, "members": ["U1", "U2"]})
    assert (output.members, output.has_more) == (("U1",), True)


def test_joining_twice_is_joining_once(way: Way) -> None:
    """The app is a member after the first run, and the second says that it was one before."""
    elsewhere = way.fake.add_channel("elsewhere", is_member=False)
    assert way.do(sr.JoinChannel(channel="#elsewhere")) == sr.ChannelJoined(channel=elsewhere.id, name="elsewhere")
    assert elsewhere.members == [way.fake.bot.id]
    assert way.do(sr.JoinChannel(channel=elsewhere.id)).already_in_channel
    assert elsewhere.members == [way.fake.bot.id]


def test_a_private_channel_cannot_be_joined(way: Way) -> None:
    """A private channel says that a member has to invite the app, or is not seen at all."""
    way.fake.add_channel("inside", is_private=True)
    hidden = way.fake.add_channel("hidden", is_private=True, is_member=False)
    with pytest.raises(sr.SlackError, match="Only a public channel can be joined"):
        way.do(sr.JoinChannel(channel="inside"))
    with pytest.raises(sr.ChannelNotFound):
        way.do(sr.JoinChannel(channel=hidden.id))


def test_leaving_twice_is_leaving_once(way: Way) -> None:
    """The second run meets Slack's answer without an error code, and counts it as done."""
    channel = way.fake.channel("incidents")
    way.fake.add_user("ann").join(channel)
    assert way.do(sr.LeaveChannel(channel="#incidents")) == sr.ChannelLeft(channel=channel.id)
    assert channel.members == [way.fake.user("ann").id]
    assert way.do(sr.LeaveChannel(channel="#incidents")) == sr.ChannelLeft(channel=channel.id, already_left=True)


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        ({}, sr.NotPermitted, "last_member.*Invite a person first"),
        ({"is_general": True}, sr.NotPermitted, "cant_leave_general"),
        ({"is_archived": True}, sr.IsArchived, "its members stay as they are"),
    ],
)
def test_where_the_app_has_to_stay(way: Way, state: Any, error: type[sr.SlackError], words: str) -> None:
    """The last member, #general and an archived channel are refusals with what to do."""
    channel = way.fake.add_channel("room", **state)
    with pytest.raises(error, match=words):
        way.do(sr.LeaveChannel(channel=channel.id))
    assert channel.members == [way.fake.bot.id]


# --- history ---------------------------------------------------------------------------------------------------------


def _talk(way: Way, count: int) -> list[str]:
    """Let somebody say one, two, three…; return each message's ts."""
    ann = way.fake.add_user("ann")
    ann.join("incidents")
    said = []
    for number in range(count):
        way.fake.advance(60)
        said.append(ann.post("incidents", f"line {number}").ts)
    return said


def _texts(read: sr.HistoryRead) -> list[str]:
    return [message["text"] for message in read.messages if "subtype" not in message]


def test_a_channel_is_read_oldest_first(way: Way) -> None:
    """The newest messages up to ``limit`` are there, in the order in which they were said."""
    _talk(way, 5)
    assert _texts(way.do(sr.ReadHistory(channel="#incidents"))) == [f"line {number}" for number in range(5)]
    read = way.do(sr.ReadHistory(channel="#incidents", limit=2))
    assert (_texts(read), read.has_more) == (["line 3", "line 4"], True)
    assert read.channel == way.fake.channel("incidents").id


def test_a_long_channel_is_read_in_pages(way: Way) -> None:
    """By default 100 messages come in one request, and without a limit all, 200 a request."""
    _talk(way, 450)
    short = way.do(sr.ReadHistory(channel=way.fake.channel("incidents").id))
    assert (len(short.messages), short.has_more, way.sent()) == (100, True, ["conversations.history"])
    whole = way.do(sr.ReadHistory(channel=way.fake.channel("incidents").id, limit=None))
    assert (len(_texts(whole)), whole.has_more) == (450, False)
    assert way.sent() == ["conversations.history"] * 4
    assert [message["ts"] for message in whole.messages] == sorted(message["ts"] for message in whole.messages)


def test_a_window_of_time_is_read(way: Way) -> None:
    """``oldest`` and ``latest`` bound what is read, themselves counted only if ``inclusive``; seconds will do."""
    said = _talk(way, 5)
    window = {"oldest": "{{from}}", "latest": said[3]}
    assert _texts(way.do(sr.ReadHistory(channel="#incidents", **window), {"from": said[1]})) == ["line 2"]
    read = way.do(sr.ReadHistory(channel="#incidents", inclusive="{{all}}", **window), {"from": said[1], "all": True})
    assert _texts(read) == ["line 1", "line 2", "line 3"]
    seconds = str(int(float(said[4])) - 1)
    assert _texts(way.do(sr.ReadHistory(channel="#incidents", oldest=seconds))) == ["line 4"]


def test_a_thread_is_read_from_its_first_message(way: Way) -> None:
    """Any message of the thread names it; ``limit`` keeps the first, and an empty ``thread_ts`` reads the channel."""
    first, *_ = _talk(way, 2)
    ann = way.fake.user("ann")
    replies = [ann.post("incidents", f"reply {number}", thread_ts=first).ts for number in range(3)]
    whole = ["line 0", "reply 0", "reply 1", "reply 2"]
    for ts in (first, replies[1]):
        assert _texts(way.do(sr.ReadHistory(channel="#incidents", thread_ts=ts))) == whole
    read = way.do(sr.ReadHistory(channel="#incidents", thread_ts=first, limit=2))
    assert (_texts(read), read.has_more) == (whole[:2], True)
    assert _texts(way.do(sr.ReadHistory(channel="#incidents", thread_ts=""))) == ["line 0", "line 1"]
    assert set(way.sent()) == {"conversations.list", "conversations.replies", "conversations.history"}
    with pytest.raises(sr.MessageNotFound, match="thread_not_found"):
        way.do(sr.ReadHistory(channel="#incidents", thread_ts="1.000000"))


def test_a_message_on_two_pages_is_one() -> None:
    """A page that begins with the thread's first message again adds the replies only."""
    parent, one, two = ({"ts": f"{number}.000000", "text": "x"} for number in (1, 2, 3))
    _, output = play(
        sr.ReadHistory(channel="C0123ABCD", thread_ts="1.000000", limit=None),
        {"ok": True, "messages": [parent, one], "response_metadata": {"next_cursor": "abc"}},
        {"ok": True, "messages": [parent, two]},
    )
    assert output.messages == (parent, one, two)


def test_the_payload_of_metadata_is_asked_for(way: Way) -> None:
    """Without ``include_all_metadata`` only its event_type is there, with it the whole."""
    metadata = {"event_type": "incident", "event_payload": {"id": "7"}}
    way.do(sr.SendMessage(channel="#incidents", text="x", metadata=metadata), on_ambiguous="fail")
    for everything in (False, True):
        read = way.do(sr.ReadHistory(channel="#incidents", include_all_metadata=everything))
        assert read.messages[-1]["metadata"] == (metadata if everything else {"event_type": "incident"})
    assert not {"oldest", "latest", "inclusive", "thread_ts", "ts"} & set(way.fake.calls[-1].arguments)


def test_what_people_said_shows_neither_in_a_repr_nor_in_a_table(way: Way) -> None:
    """A repr, a report's table and a step's repr tell how many messages there are; the report's data has them."""
    _talk(way, 1)
    report = way.run(sr.Runbook("read", {"log": sr.ReadHistory(channel="#incidents", limit=1)}))
    output = report.output("log", sr.HistoryRead)
    assert "<1 message>" in repr(output)
    assert "&lt;1 message&gt;" in report._repr_html_()
    for shown in (repr(output), repr(report), str(report), report._repr_html_()):
        assert "line 0" not in shown
    assert report.to_dict()["steps"][0]["output"]["messages"][0]["text"] == "line 0"


def test_what_people_said_pings_nobody_when_it_is_posted_again(way: Way) -> None:
    """A template that prints what was read shows mentions as text."""
    ann = way.fake.add_user("ann")
    ann.join("incidents")
    ann.post("incidents", "<!channel> it is down")
    before = len(way.fake.notified)
    text = "Said: {{#steps.log.messages}}{{text}}{{/steps.log.messages}}"
    steps: dict[str, Any] = {
        "log": sr.ReadHistory(channel="#incidents", limit=1),
        "say": sr.SendMessage(channel="#incidents", text=text),
    }
    way.run(sr.Runbook("summary", steps)).raise_for_failure()
    assert way.fake.channel("incidents").messages[-1].text == "Said: &lt;!channel&gt; it is down"
    assert len(way.fake.notified) == before


def test_a_channel_without_the_app_is_not_read(way: Way) -> None:
    """Even a public channel is read only by an app that is in it, and the error names the step that joins."""
    way.fake.add_channel("elsewhere", is_member=False)
    with pytest.raises(sr.NotInChannel, match="by JoinChannel"):
        way.do(sr.ReadHistory(channel="elsewhere"))


# --- what is not possible --------------------------------------------------------------------------------------------


def test_unarchiving_is_refused_before_any_request(way: Way) -> None:
    """A bot cannot unarchive; check and do say so, with who can, and Slack is not asked."""
    way.fake.channel("incidents").is_archived = True
    action = sr.UnarchiveChannel(channel="#incidents")
    words = "UnarchiveChannel.channel: cannot be unarchived by a bot: Slack takes that from people only"
    with pytest.raises(sr.CheckFailed, match=words) as refused:
        way.do(action)
    assert "Let a person unarchive it" in str(refused.value)
    assert way.sent() == []
    runbook = sr.Runbook("reopen", {"say": sr.SendMessage(channel="#open", text="x"), "reopen": action})
    way.fake.add_channel("open")
    assert [problem.place for problem in way.check(runbook).problems] == ["steps.reopen.channel"]
    assert way.sent() == ["auth.test", "conversations.list"]
    assert sr.required_scopes(action).minimal == ()
    with pytest.raises(sr.NotPermitted, match=r"Slack refused conversations\.unarchive.*nothing was sent"):
        action.flow()


# --- single messages -------------------------------------------------------------------------------------------------


def test_deleting_twice_is_deleting_once(way: Way) -> None:
    """The message is gone after the first run, and the second says that it was gone before."""
    sent = way.do(sr.SendMessage(channel="#incidents", text="oops"))
    action = sr.DeleteMessage(channel=sent, ts=sent.ts)
    assert way.do(action) == sr.MessageDeleted(channel=sent.channel, ts=sent.ts)
    assert way.fake.channel("incidents").messages == []
    assert way.do(action) == sr.MessageDeleted(channel=sent.channel, ts=sent.ts, already_deleted=True)


def test_a_strangers_message_is_not_deleted(way: Way) -> None:
    """Only the app's own messages can be deleted; the error says who can delete others."""
    (ts,) = _talk(way, 1)
    with pytest.raises(sr.NotPermitted, match="cant_delete_message.*Let the author or an administrator"):
        way.do(sr.DeleteMessage(channel="#incidents", ts=ts))
    assert len(way.fake.channel("incidents").messages) == 1


def test_a_permalink_can_be_posted(way: Way) -> None:
    """The address of a message is an output that a later step prints."""
    steps: dict[str, Any] = {
        "say": sr.SendMessage(channel="#incidents", text="It is down"),
        "link": sr.GetPermalink(channel="{{steps.say.channel}}", message_ts="{{steps.say.ts}}"),
        "tell": sr.SendMessage(channel="#incidents", text="See {{steps.link.permalink}}"),
    }
    report = way.run(sr.Runbook("link", steps))
    link = report.output("link", sr.Permalink)
    said = way.fake.channel("incidents").messages
    assert (link.channel, link.message_ts) == (way.fake.channel("incidents").id, said[0].ts)
    assert link.permalink.startswith("https://") and said[1].text == f"See {link.permalink}"
    with pytest.raises(sr.MessageNotFound):
        way.do(sr.GetPermalink(channel="#incidents", message_ts="1.000000"))


# --- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sr.ListMembers(channel="c", limit=1.5), "ListMembers.limit: must be a whole number, not 1.5."),
        (
            lambda: sr.ListMembers(channel="c", limit=True),
            "ListMembers.limit: must be a whole number, not true or false.",
        ),
        (lambda: sr.ReadHistory(channel="c", limit="ten"), "ReadHistory.limit: must be a whole number, not 'ten'."),
        (lambda: sr.ReadHistory(channel="c", limit=[1]), "ReadHistory.limit: must be a whole number, not a list."),
    ],
)
def test_a_limit_is_a_whole_number(make: Any, message: str) -> None:
    """What can be no limit is refused when the action is made."""
    with pytest.raises(sr.RunbookError) as refused:
        make()
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("action", "context", "message"),
    [
        (sr.ListMembers(channel="c", limit="{{n}}"), {"n": "many"}, "limit: must be a whole number, not 'many'."),
        (sr.ListMembers(channel="c", limit=0), {}, "limit: is 0, which asks for nothing. Give a number from 1"),
        (sr.ReadHistory(channel="c", limit="-1"), {}, "limit: is -1, which asks for nothing."),
        (sr.ReadHistory(channel="c", thread_ts="1.5"), {}, "thread_ts: '1.5' is no ts. Slack's ts has six digits"),
        (sr.ReadHistory(channel="c", oldest="yesterday"), {}, "oldest: 'yesterday' is no time of Slack's. Give a ts"),
        (sr.ReadHistory(channel="c", latest="1.x"), {}, "latest: '1.x' is no time of Slack's."),
        (sr.DeleteMessage(channel="c", ts="{{ts}}"), {"ts": ""}, "ts: is empty. Give the ts of the message"),
        (sr.GetPermalink(channel="c", message_ts="1"), {}, "message_ts: '1' is no ts."),
        (sr.RemoveFromChannel(channel="c", users="{{who}}"), {"who": []}, "users: names nobody."),
    ],
)
def test_what_is_wrong_is_found_before_the_first_request(action: Any, context: Any, message: str) -> None:
    """Filled fields that Slack would refuse are problems with their place, and nothing is sent."""
    fake = FakeSlack()
    with fake.executor() as executor, pytest.raises(sr.CheckFailed) as refused:
        executor.do(action, context)
    assert message in str(refused.value)
    assert fake.calls == []


# --- refusals and lost answers ---------------------------------------------------------------------------------------

USER = "U0ANN00001"
ACTIONS: dict[str, Any] = {
    "conversations.rename": lambda channel: sr.RenameChannel(channel=channel, name="inc-7"),
    "conversations.info": lambda channel: sr.RenameChannel(channel=channel, name="inc-7"),
    "conversations.kick": lambda channel: sr.RemoveFromChannel(channel=channel, users=USER),
    "conversations.join": lambda channel: sr.JoinChannel(channel=channel),
    "conversations.leave": lambda channel: sr.LeaveChannel(channel=channel),
    "conversations.members": lambda channel: sr.ListMembers(channel=channel),
    "conversations.history": lambda channel: sr.ReadHistory(channel=channel),
    "conversations.replies": lambda channel: sr.ReadHistory(channel=channel, thread_ts="1.000000"),
    "chat.delete": lambda channel: sr.DeleteMessage(channel=channel, ts="1.000000"),
    "chat.getPermalink": lambda channel: sr.GetPermalink(channel=channel, message_ts="1.000000"),
}

# What each documented code becomes; every other code is a plain SlackError.
CLASSES = {
    code: kind
    for kind, codes in {
        sr.ChannelNotFound: "channel_not_found",
        sr.InvalidChannelName: """
            invalid_name invalid_name_maxlength invalid_name_punctuation invalid_name_required invalid_name_specials""",
        sr.IsArchived: "is_archived",
        sr.MessageNotFound: "message_not_found thread_not_found",
        sr.MissingScope: "missing_scope",
        sr.NameTaken: "name_taken",
        sr.NotInChannel: "not_in_channel",
        sr.NotPermitted: """
            cant_delete_message cant_kick_from_general cant_kick_self cant_leave_general channel_is_limited_access
            last_member not_authorized not_supported restricted_action user_is_restricted""",
        sr.UserNotFound: "user_not_found",
    }.items()
    for code in codes.split()
}

# These mean that there is nothing left to do.
DONE = {("conversations.kick", "not_in_channel"), ("chat.delete", "message_not_found")}

REFUSALS = sorted({(method, code) for method in ACTIONS for code in DOCUMENTED[method]} - DONE)


@pytest.mark.parametrize(("method", "code"), REFUSALS)
def test_each_documented_error_is_typed_and_has_a_remedy(method: str, code: str) -> None:
    """Each code on a method's page comes out of its action as its class, with a remedy of its own."""
    fake = FakeSlack()
    channel = fake.add_channel("incidents", creator=fake.bot, members=[fake.add_user("ann", id=USER)])
    fake.fail_next(method, code)
    with fake.executor() as executor, pytest.raises(sr.SlackError) as refused:
        executor.do(ACTIONS[method](channel.id))
    assert type(refused.value) is CLASSES.get(code, sr.SlackError)
    assert (refused.value.code, refused.value.method) == (code, method)
    assert len(refused.value.remedy.split()) >= 6
    assert "Slack explains the errors of this method" not in refused.value.remedy


@pytest.mark.parametrize(
    ("method", "done"),
    [
        ("conversations.rename", "already_named"),
        ("conversations.kick", "already"),
        ("conversations.join", "already_in_channel"),
        ("conversations.leave", "already_left"),
        ("chat.delete", "already_deleted"),
    ],
)
def test_after_a_lost_answer_a_second_run_finds_it_done(way: Way, method: str, done: str) -> None:
    """A change whose answer was lost is ambiguous and never sent again by itself; run again, it counts as done."""
    channel = way.fake.channel("incidents")
    way.fake.add_user("ann", id=USER).join(channel)
    action = ACTIONS[method](channel.id)
    if method == "conversations.join":
        action = sr.JoinChannel(channel=way.fake.add_channel("elsewhere", is_member=False).id)
    if method == "chat.delete":
        sent = way.do(sr.SendMessage(channel=channel.id, text="oops"))
        action = sr.DeleteMessage(channel=sent, ts=sent.ts)
    way.fake.lose_reply(method)
    with pytest.raises(sr.AmbiguousOutcome, match=method):
        way.do(action, on_ambiguous="fail")
    assert len(way.fake.calls_to(method)) == 1
    assert getattr(way.do(action), done)


@pytest.mark.parametrize("method", ["conversations.members", "conversations.history", "chat.getPermalink"])
def test_a_lost_answer_to_a_question_is_asked_for_again(way: Way, method: str) -> None:
    """What only reads is sent again when its answer is lost."""
    channel = way.fake.channel("incidents")
    action = ACTIONS[method](channel.id)
    if method == "chat.getPermalink":
        sent = way.do(sr.SendMessage(channel=channel.id, text="x"))
        action = sr.GetPermalink(channel=sent, message_ts=sent.ts)
    way.fake.lose_reply(method)
    way.do(action)
    assert len(way.fake.calls_to(method)) == 2


@pytest.mark.parametrize("name", WAYS)
def test_every_new_step_goes_every_way(name: str) -> None:
    """One run of all these steps does the same synchronously and asynchronously, in process and over HTTP."""
    with open_way(name) as way:
        way.fake.add_channel("elsewhere", is_member=False, members=[way.fake.add_user("ann", id=USER)])
        steps: dict[str, Any] = {
            "join": sr.JoinChannel(channel="#elsewhere"),
            "say": sr.SendMessage(channel="{{steps.join.channel}}", text="x"),
            "link": sr.GetPermalink(channel="{{steps.say.channel}}", message_ts="{{steps.say.ts}}"),
            "log": sr.ReadHistory(channel="{{steps.join.channel}}", oldest="1", inclusive=True, limit=5),
            "thread": sr.ReadHistory(channel="{{steps.join.channel}}", thread_ts="{{steps.say.ts}}"),
            "unsay": sr.DeleteMessage(channel="{{steps.say.channel}}", ts="{{steps.say.ts}}"),
            "who": sr.ListMembers(channel="{{steps.join.channel}}"),
            "room": sr.CreateChannel(name="room"),
            "fill": sr.InviteToChannel(channel="{{steps.room.channel}}", users=USER),
            "name": sr.RenameChannel(channel="{{steps.room.channel}}", name="inc-7"),
            "clear": sr.RemoveFromChannel(channel="{{steps.room.channel}}", users=USER),
            "leave": sr.LeaveChannel(channel="{{steps.join.channel}}"),
        }
        report = way.run(sr.Runbook("all", steps))
        report.raise_for_failure()
        assert report.output("who", sr.MembersListed).members == (USER, way.fake.bot.id)
        assert [len(report.output(step, sr.HistoryRead).messages) for step in ("log", "thread")] == [2, 1]
        assert way.fake.channel("inc-7").members == [way.fake.bot.id]
        assert (way.fake.channel("elsewhere").members, way.fake.channel("elsewhere").messages) == ([USER], [])
