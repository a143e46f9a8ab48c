"""Pins, bookmarks, reactions and people: state, calls, results and refusals, four ways from the same text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack
from slackrunbooks.text import emoji_name

from .ways import WAYS, Way, open_way

DOCUMENTED = json.loads((Path(__file__).parent / "data" / "slack-errors.json").read_text(encoding="utf-8"))["methods"]

LINK = "https://grafana.example.com/d/orders"
TS = "1767603600.000100"


def world(fake: FakeSlack) -> None:
    """Fill a workspace: a channel with a message of a person in it."""
    ann = fake.add_user("ann", id="U0ANN00001", email="ann@example.com")
    fake.add_channel("incidents", members=[ann])
    ann.post("incidents", "the graph is red")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Each of the four ways in turn."""
    with open_way(request.param) as opened:
        world(opened.fake)
        yield opened


@pytest.fixture
def fake() -> FakeSlack:
    """The same workspace, without a way to reach it."""
    slack = FakeSlack()
    world(slack)
    return slack


def do(fake: FakeSlack, action: sr.Action[Any], context: Any = None, **options: Any) -> Any:
    """Perform one action by a fresh executor."""
    with fake.executor(**options) as executor:
        return executor.do(action, context)


def spot(fake: FakeSlack) -> dict[str, str]:
    """Say where the person's message stands."""
    message = fake.channel("incidents").messages[0]
    return {"channel": message.channel, "ts": message.ts}


# --- pins ------------------------------------------------------------------------------------------------------------


def test_a_pin_is_set_and_taken_away_once(way: Way) -> None:
    """A message is pinned, pinned it is already, unpinned, and unpinned it is already; each time the output tells."""
    where = spot(way.fake)
    pins = way.fake.channel("incidents").pins
    assert way.do(sr.PinMessage(**where)) == sr.MessagePinned(**where)
    assert list(pins) == [where["ts"]]
    assert way.do(sr.PinMessage(**where)) == sr.MessagePinned(**where, already_pinned=True)
    assert list(pins) == [where["ts"]]
    assert way.do(sr.UnpinMessage(**where)) == sr.MessageUnpinned(**where)
    assert not pins
    assert way.do(sr.UnpinMessage(**where)) == sr.MessageUnpinned(**where, already_unpinned=True)
    assert way.sent() == ["pins.add", "pins.add", "pins.remove", "pins.remove"]


def test_a_step_pins_what_an_earlier_one_sent(way: Way) -> None:
    """Templates read channel and ts of an earlier step, and later steps read the outputs."""
    runbook = sr.Runbook(
        "marks",
        {
            "say": sr.SendMessage(channel="#incidents", text="status"),
            "pin": sr.PinMessage(channel="{{steps.say.channel}}", ts="{{steps.say.ts}}"),
            "seen": sr.AddReaction(channel="{{steps.pin.channel}}", ts="{{steps.pin.ts}}", name=":eyes:"),
            "board": sr.AddBookmark(channel="{{steps.pin.channel}}", title="Board of {{id}}", link=LINK + "?id={{id}}"),
            "title": sr.EditBookmark(
                channel="{{steps.board.channel}}", bookmark_id="{{steps.board.bookmark_id}}", title="{{id}}"
            ),
            "lead": sr.LookUpUser(user="{{lead}}"),
            "tell": sr.SendMessage(channel="#incidents", text="<@{{steps.lead.id}}> leads"),
        },
    )
    context = {"id": "INC 42", "lead": "ann@example.com"}
    assert way.check(runbook, context).ok
    report = way.run(runbook, context)
    report.raise_for_failure()
    channel = way.fake.channel("incidents")
    said, told = channel.messages[-2:]
    assert list(channel.pins) == [said.ts]
    assert said.reactions == {"eyes": [way.fake.bot.id]}
    assert [(mark["title"], mark["link"]) for mark in channel.bookmarks] == [("INC 42", LINK + "?id=INC%2042")]
    assert report.output("title", sr.BookmarkEdited).title == "INC 42"
    assert [ping.user for ping in way.fake.notified] == ["U0ANN00001"]
    assert told.text == "<@U0ANN00001> leads"


def test_an_output_stands_for_its_channel(fake: FakeSlack) -> None:
    """The output of an earlier action is a channel, and a name costs one look-up."""
    sent = do(fake, sr.SendMessage(channel="#incidents", text="x"))
    do(fake, sr.PinMessage(channel=sent, ts=sent.ts))
    do(fake, sr.UnpinMessage(channel="#incidents", ts=sent.ts))
    assert [call.method for call in fake.calls[1:]] == ["pins.add", "conversations.list", "pins.remove"]


# --- reactions -------------------------------------------------------------------------------------------------------


def test_a_reaction_is_put_and_taken_off_once(way: Way) -> None:
    """The app reacts once, whatever it is told, and takes off its own reaction only."""
    where = spot(way.fake)
    message = way.fake.channel("incidents").messages[0]
    way.fake.user("ann").react("incidents", message.ts, "eyes")
    for name, already in ((":eyes:", False), ("eyes", True)):
        added = way.do(sr.AddReaction(**where, name=name))
        assert added == sr.ReactionAdded(**where, name="eyes", already_reacted=already)
    assert message.reactions == {"eyes": ["U0ANN00001", way.fake.bot.id]}
    for name, already in (("eyes", False), (" :eyes: ", True)):
        removed = way.do(sr.RemoveReaction(**where, name=name))
        assert removed == sr.ReactionRemoved(**where, name="eyes", already_removed=already)
    assert message.reactions == {"eyes": ["U0ANN00001"]}
    assert way.sent() == ["reactions.add", "reactions.add", "reactions.remove", "reactions.remove"]
    assert {call.arguments["name"] for call in way.fake.calls} == {"eyes"}


def test_an_archived_channel_takes_no_reactions(fake: FakeSlack) -> None:
    """Reacting in an archived channel is refused, and the error names what can be done."""
    where = spot(fake)
    fake.user("ann").archive("incidents")
    with pytest.raises(sr.IsArchived, match="takes? no reactions"):
        do(fake, sr.AddReaction(**where, name="eyes"))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("eyes", "eyes"),
        (":white_check_mark:", "white_check_mark"),
        ("+1", "+1"),
        (":thumbsup::skin-tone-3:", "thumbsup::skin-tone-3"),
        ("thumbsup::skin-tone-6", "thumbsup::skin-tone-6"),
        (" :e-mail:\n", "e-mail"),
        (":ありがとう:", "ありがとう"),
    ],
)
def test_emoji_names(given: str, name: str) -> None:
    """Colons and blanks around a name are dropped; a skin tone and letters of any script stay."""
    assert emoji_name(given) == name


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "is no name of an emoji"),
        ("::", "is no name of an emoji"),
        ("two words", "is no name of an emoji"),
        (":eyes: :fire:", "is no name of an emoji"),
        ("wave::skin-tone-7", "is no name of an emoji"),
        ("👀", "is the emoji itself"),
        ("-_-", "is the emoji itself"),
    ],
)
def test_what_is_no_emoji_name_is_found_before_anything_is_sent(fake: FakeSlack, given: str, words: str) -> None:
    """A text that cannot be an emoji's name is a problem of its field, with the form to write."""
    where = spot(fake)
    for action in (
        sr.AddReaction(**where, name=given),
        sr.RemoveReaction(**where, name=given),
        sr.EditBookmark(channel=where["channel"], bookmark_id="Bk1", emoji=given),
    ):
        with pytest.raises(sr.CheckFailed, match=words) as refused:
            do(fake, action)
        assert "white_check_mark" in str(refused.value)
    assert fake.calls == []


# --- bookmarks -------------------------------------------------------------------------------------------------------


def test_a_bookmark_is_added_changed_and_removed(way: Way) -> None:
    """A link is added with its emoji, changed in part, and removed; removed it is already the second time."""
    channel = way.fake.channel("incidents")
    added = way.do(sr.AddBookmark(channel=channel.id, title="Orders\n", link=f" {LINK}\n", emoji="fire"))
    (mark,) = channel.bookmarks
    assert added == sr.BookmarkAdded(channel=channel.id, bookmark_id=mark["id"], title="Orders", link=LINK)
    assert (mark["type"], mark["title"], mark["link"], mark["emoji"]) == ("link", "Orders", LINK, ":fire:")
    edit = sr.EditBookmark(channel=added, bookmark_id=added.bookmark_id, emoji=":white_check_mark:")
    for _ in range(2):
        edited = way.do(edit)
        assert edited == sr.BookmarkEdited(channel=channel.id, bookmark_id=mark["id"], title="Orders", link=LINK)
        (mark,) = channel.bookmarks
        assert (mark["title"], mark["link"], mark["emoji"]) == ("Orders", LINK, ":white_check_mark:")
    edited = way.do(attrs.evolve(edit, title="{{title}}", link=LINK + "/2", emoji=None), {"title": "Closed"})
    assert (edited.title, edited.link) == ("Closed", LINK + "/2")
    assert channel.bookmarks[0]["emoji"] == ":white_check_mark:"
    remove = sr.RemoveBookmark(channel=added, bookmark_id=added.bookmark_id)
    gone = sr.BookmarkRemoved(channel=channel.id, bookmark_id=added.bookmark_id)
    assert way.do(remove) == gone
    assert channel.bookmarks == []
    assert way.do(remove) == attrs.evolve(gone, already_removed=True)


def test_adding_a_bookmark_again_adds_another(fake: FakeSlack) -> None:
    """Slack takes the same link twice, as the docstring says; an emoji that renders to nothing is left out."""
    action = sr.AddBookmark(channel="#incidents", title="Board", link=LINK, emoji="{{emoji}}")
    first, second = (do(fake, action, {"emoji": ""}) for _ in range(2))
    assert first.bookmark_id != second.bookmark_id
    assert [mark["emoji"] for mark in fake.channel("incidents").bookmarks] == ["", ""]
    assert "emoji" not in fake.calls_to("bookmarks.add")[0].arguments


def test_a_value_cannot_break_out_of_a_bookmark(fake: FakeSlack) -> None:
    """A title from outside is inert text, and a value in a link is percent-encoded."""
    action = sr.AddBookmark(channel="#incidents", title="{{title}}", link=LINK + "?q={{title}}")
    added = do(fake, action, {"title": "<!channel> a&b\nc"})
    assert added.title == "&lt;!channel&gt; a&amp;b c"
    assert added.link == LINK + "?q=%3C%21channel%3E%20a%26b%0Ac"
    assert fake.notified == []


def test_a_lost_answer_to_a_bookmark_is_not_sent_again(fake: FakeSlack) -> None:
    """A second sending would add a second bookmark, so the outcome is left to a person."""
    fake.lose_reply("bookmarks.add")
    with pytest.raises(sr.AmbiguousOutcome):
        do(fake, sr.AddBookmark(channel=fake.channel("incidents").id, title="Board", link=LINK), on_ambiguous="fail")
    assert len(fake.channel("incidents").bookmarks) == len(fake.calls) == 1


# --- people ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["U0ANN00001", "<@U0ANN00001>", "ann@example.com", "<mailto:Ann@example.com|Ann>"])
def test_a_person_is_found_by_id_mention_or_address(way: Way, user: str) -> None:
    """One call tells who it is, whatever way the person is given."""
    found = way.do(sr.LookUpUser(user="{{user}}"), {"user": user})
    assert found == sr.UserFound(
        id="U0ANN00001",
        name="ann",
        real_name="ann",
        display_name="ann",
        tz="Etc/UTC",
        email="ann@example.com",
        is_bot=False,
        deleted=False,
    )
    assert way.sent() == ["users.info" if "U0" in user else "users.lookupByEmail"]


def test_an_address_shows_only_to_those_who_may_read_it(fake: FakeSlack) -> None:
    """Without ``users:read.email`` the person is found by ID, and the address stays unknown."""
    fake.scopes = {"users:read"}
    assert do(fake, sr.LookUpUser(user="U0ANN00001")).email is None


def test_bots_and_deactivated_accounts_say_so(fake: FakeSlack) -> None:
    """A deactivated account is found by its ID only."""
    gone = fake.add_user("gone", email="gone@example.com", deleted=True)
    robot = fake.add_user("robot", is_bot=True)
    assert do(fake, sr.LookUpUser(user=robot.id)).is_bot
    with pytest.raises(sr.UserNotFound, match=r"nobody in this workspace has the e-mail address gone@example\.com"):
        do(fake, sr.LookUpUser(user="gone@example.com"))
    assert do(fake, sr.LookUpUser(user=gone.id)).deleted


def test_a_bare_user_object_is_enough() -> None:
    """What Slack leaves out of a user object is empty or unknown, and the full name may stand in the profile only."""
    flow = sr.LookUpUser(user="U0ANN00001").flow()
    assert isinstance(next(flow), sr.Call)
    with pytest.raises(StopIteration) as done:
        flow.send(sr.Reply({"ok": True, "user": {"id": "U0ANN00001", "profile": {"real_name": "Ann Lee"}}}))
    assert done.value.value == sr.UserFound(id="U0ANN00001", name="", real_name="Ann Lee")


@pytest.mark.parametrize("user", ["ann", "@ann", "", "U0ANN00001, U0BOB00002"])
def test_what_is_no_person_is_found_before_anything_is_sent(fake: FakeSlack, user: str) -> None:
    """A name, nothing, and several people are problems of the field."""
    with pytest.raises(sr.CheckFailed, match=r"LookUpUser\.user: .* give a person's ID"):
        do(fake, sr.LookUpUser(user=user))
    assert fake.calls == []


# --- what is wrong is said early -------------------------------------------------------------------------------------

FAULTY: list[tuple[Callable[[], sr.Action[Any]], str]] = [
    (lambda: sr.PinMessage(channel="C1", ts=""), r"PinMessage\.ts: is empty"),
    (lambda: sr.UnpinMessage(channel="C1", ts="123"), r"UnpinMessage\.ts: '123' is no ts"),
    (lambda: sr.PinMessage(channel="a b", ts=TS), r"PinMessage\.channel: 'a b' is no channel"),
    (lambda: sr.AddReaction(channel="C1", ts="1.5", name="eyes"), r"AddReaction\.ts: '1\.5' is no ts"),
    (lambda: sr.AddBookmark(channel="C1", title=" ", link=LINK), r"AddBookmark\.title: is empty"),
    (lambda: sr.AddBookmark(channel="C1", title="x" * 257, link=LINK), r"\.title: has 257 characters; Slack takes 256"),
    (lambda: sr.AddBookmark(channel="C1", title="x", link=" "), r"AddBookmark\.link: is empty"),
    (lambda: sr.AddBookmark(channel="C1", title="x", link="grafana.example.com"), "does not begin with http://"),
    (
        lambda: sr.AddBookmark(channel="C1", title="x", link="https://" + "x" * 2041),
        r"\.link: has 2049 characters; Slack takes 2048",
    ),
    (lambda: sr.AddBookmark(channel="C1", title="x", link=LINK, emoji="a b"), r"AddBookmark\.emoji: 'a b' is no name"),
    (lambda: sr.EditBookmark(channel="C1", bookmark_id="", title="x"), r"EditBookmark\.bookmark_id: is empty"),
    (lambda: sr.EditBookmark(channel="C1", bookmark_id="Bk1", title=""), r"EditBookmark\.title: is empty"),
    (lambda: sr.EditBookmark(channel="C1", bookmark_id="Bk1", link="x"), r"EditBookmark\.link: does not begin"),
    (lambda: sr.RemoveBookmark(channel="C1", bookmark_id=" "), r"RemoveBookmark\.bookmark_id: is empty"),
    (lambda: sr.RemoveBookmark(channel="a b", bookmark_id="Bk1"), r"RemoveBookmark\.channel: 'a b' is no channel"),
]


@pytest.mark.parametrize(("make", "words"), FAULTY, ids=lambda value: value if isinstance(value, str) else "")
def test_faults_are_found_before_anything_is_sent(
    fake: FakeSlack, make: Callable[[], sr.Action[Any]], words: str
) -> None:
    """What cannot be right is refused with its field, and Slack is not asked."""
    with pytest.raises(sr.CheckFailed, match=words):
        do(fake, make())
    assert fake.calls == []


def test_what_only_the_run_can_tell_is_no_problem_before_it(fake: FakeSlack) -> None:
    """A plan takes the outputs of earlier steps for what they will be, in every field."""
    first = "{{steps.first.title}}"
    runbook = sr.Runbook(
        "later",
        {
            "first": sr.AddBookmark(channel="#incidents", title="x", link=LINK),
            "pin": sr.PinMessage(channel=first, ts=first),
            "react": sr.AddReaction(channel=first, ts=first, name=first),
            "add": sr.AddBookmark(channel=first, title=first, link=first, emoji=first),
            "edit": sr.EditBookmark(channel=first, bookmark_id=first, link=first, emoji=first),
            "who": sr.LookUpUser(user=first),
        },
    )
    with fake.executor() as executor:
        plan = executor.plan(runbook, {})
    assert plan.problems == ()
    assert {entry.scopes for entry in plan.scopes.conditional if entry.step == "who"} == {
        ("users:read.email",),
        ("users:read",),
    }


def test_an_edit_that_changes_nothing_cannot_be_built() -> None:
    """At least one of title, link and emoji must be given."""
    with pytest.raises(sr.RunbookError, match="EditBookmark: changes nothing: give title, link or emoji"):
        sr.EditBookmark(channel="C1", bookmark_id="Bk1")


@pytest.mark.parametrize("cls", [sr.PinMessage, sr.UnpinMessage])
def test_a_ts_is_text(cls: Any) -> None:
    """A ts that came as a number has lost its last digits, and is refused when the action is built."""
    with pytest.raises(sr.RunbookError, match="put it in quotes"):
        cls(channel="C1", ts=1767603600.0001)


# --- every documented refusal ----------------------------------------------------------------------------------------

MAKERS: dict[str, Callable[[str], sr.Action[Any]]] = {
    "pins.add": lambda channel: sr.PinMessage(channel=channel, ts=TS),
    "pins.remove": lambda channel: sr.UnpinMessage(channel=channel, ts=TS),
    "bookmarks.add": lambda channel: sr.AddBookmark(channel=channel, title="x", link=LINK),
    "bookmarks.edit": lambda channel: sr.EditBookmark(channel=channel, bookmark_id="Bk1", title="x"),
    "bookmarks.remove": lambda channel: sr.RemoveBookmark(channel=channel, bookmark_id="Bk1"),
    "reactions.add": lambda channel: sr.AddReaction(channel=channel, ts=TS, name="eyes"),
    "reactions.remove": lambda channel: sr.RemoveReaction(channel=channel, ts=TS, name="eyes"),
    "users.info": lambda channel: sr.LookUpUser(user="U0ANN00001"),
    "users.lookupByEmail": lambda channel: sr.LookUpUser(user="ann@example.com"),
}

DONE = {
    ("pins.add", "already_pinned"): "already_pinned",
    ("pins.remove", "no_pin"): "already_unpinned",
    ("pins.remove", "not_pinned"): "already_unpinned",
    ("bookmarks.remove", "not_found"): "already_removed",
    ("reactions.add", "already_reacted"): "already_reacted",
    ("reactions.remove", "no_reaction"): "already_removed",
}

KINDS: dict[str, type[sr.SlackError]] = {
    "access_denied": sr.NotPermitted,
    "cannot_bookmark_from_external_org": sr.NotPermitted,
    "cannot_bookmark_restricted_sharing_enabled": sr.NotPermitted,
    "channel_not_found": sr.ChannelNotFound,
    "enterprise_is_restricted": sr.AuthenticationFailed,
    "is_archived": sr.IsArchived,
    "message_not_found": sr.MessageNotFound,
    "no_access": sr.NotPermitted,
    "permission_denied": sr.NotPermitted,
    "restricted_action": sr.NotPermitted,
    "slack_connect_blocked_file_type": sr.NotPermitted,
    "slack_connect_clip_sharing_blocked": sr.NotPermitted,
    "slack_connect_file_upload_sharing_blocked": sr.NotPermitted,
    "thread_locked": sr.NotPermitted,
    "user_not_found": sr.UserNotFound,
    "user_not_visible": sr.UserNotFound,
    "users_not_found": sr.UserNotFound,
}

PAIRS = [(method, code) for method in MAKERS for code in DOCUMENTED[method]]


@pytest.mark.parametrize(("method", "code"), PAIRS)
def test_each_documented_code_is_done_or_its_typed_error(fake: FakeSlack, method: str, code: str) -> None:
    """What is already so counts as done and says so; every other code is its typed error with a remedy of its own."""
    # Slack itself asks for too_many_requests to be sent again, so it has to last.
    fake.fail_next(method, code, times=10)
    action = MAKERS[method](fake.channel("incidents").id)
    if (method, code) in DONE:
        assert getattr(do(fake, action), DONE[method, code]) is True
    else:
        with pytest.raises(sr.SlackError) as refused:
            do(fake, action)
        assert (type(refused.value), refused.value.code) == (KINDS.get(code, sr.SlackError), code)
        assert len(refused.value.remedy.split()) >= 6
        assert "Slack explains the errors of this method" not in refused.value.remedy


def test_the_fake_refuses_a_message_that_is_not_there(fake: FakeSlack) -> None:
    """Without any injected fault, a wrong ts is MessageNotFound from each action on a message."""
    for method in ("pins.add", "pins.remove", "reactions.add", "reactions.remove"):
        with pytest.raises(sr.MessageNotFound):
            do(fake, MAKERS[method](fake.channel("incidents").id))
    with pytest.raises(sr.SlackError, match="not_found.*AddBookmark"):
        do(fake, MAKERS["bookmarks.edit"](fake.channel("incidents").id))


def test_a_message_that_stands_elsewhere_says_what_to_do(fake: FakeSlack) -> None:
    """Pinning where the app is no member tells to invite it."""
    ann = fake.user("ann")
    channel = fake.add_channel("elsewhere", is_member=False, members=[ann])
    message = ann.post("elsewhere", "x")
    with pytest.raises(sr.SlackError, match=r"not_in_channel.*/invite the app there"):
        do(fake, sr.PinMessage(channel=channel.id, ts=message.ts))
