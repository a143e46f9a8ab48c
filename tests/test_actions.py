"""What each action does in Slack, asserted on the fake workspace: state, calls, results and refusals."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*{{title}}*"}}


@pytest.fixture
def fake() -> FakeSlack:
    """A workspace with one channel."""
    slack = FakeSlack()
    slack.add_channel("incidents")
    return slack


def do(fake: FakeSlack, action: sr.Action[Any], context: Any = None, **options: Any) -> Any:
    """Perform one action by a fresh executor."""
    with fake.executor(**options) as executor:
        return executor.do(action, context)


def calls(fake: FakeSlack) -> list[str]:
    """Name the methods that were called, in order."""
    return [call.method for call in fake.calls]


# --- messages --------------------------------------------------------------------------------------------------------


def test_a_message_says_where_it_stands(fake: FakeSlack) -> None:
    """The output has the channel's ID, whatever way it was named, and Slack's ts."""
    known = fake.channel("incidents").id
    for name in ("#incidents", "incidents", known, f"<#{known}|incidents>"):
        sent = do(fake, sr.SendMessage(channel=name, text="hi"))
        assert (sent.channel, sent.ts) == (fake.channel("incidents").id, fake.channel("incidents").messages[-1].ts)


def test_posting_by_name_needs_no_look_up(fake: FakeSlack) -> None:
    """``chat.postMessage`` takes the name of a public channel, so no list is read."""
    do(fake, sr.SendMessage(channel="#incidents", text="hi"))
    assert calls(fake) == ["chat.postMessage"]


def test_without_a_context_values_go_as_they_are(fake: FakeSlack) -> None:
    """``do`` without a context renders nothing; ``escape`` makes foreign text inert."""
    do(fake, sr.SendMessage(channel="#incidents", text="{{title}} " + sr.escape("<!here> & co")))
    assert fake.channel("incidents").messages[-1].text == "{{title}} &lt;!here&gt; &amp; co"
    assert fake.notified == []


def test_an_author_can_mention_and_a_value_cannot(fake: FakeSlack) -> None:
    """What the runbook's author writes pings; what comes from the context does not, unless the author says raw."""
    ann = fake.add_user("ann")
    ann.join("incidents")
    do(fake, sr.SendMessage(channel="#incidents", text=f"<@{ann.id}> {{{{x}}}}"), {"x": "<!channel>"})
    assert {ping.by for ping in fake.notified} == {f"<@{ann.id}>"}
    before = len(fake.notified)
    do(fake, sr.SendMessage(channel="#incidents", text="{{{x}}}"), {"x": f"<@{ann.id}>"})
    assert len(fake.notified) == before + 1


def test_blocks_get_a_fallback_text_and_cannot_be_broken(fake: FakeSlack) -> None:
    """Only string leaves are rendered, mrkdwn is verbatim, and notifications have something to show."""
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "{{title}}"}},
        SECTION,
        {"type": "divider"},
    ]
    do(fake, sr.SendMessage(channel="#incidents", blocks=blocks), {"title": '"}], "x": [{"'})
    message = fake.channel("incidents").messages[-1]
    assert [block["type"] for block in message.blocks] == ["header", "section", "divider"]
    assert message.blocks[1]["text"] == {"type": "mrkdwn", "text": '*"}], "x": [{"*', "verbatim": True}
    assert '"}], "x": [{"' in message.text
    assert "link_names" not in fake.calls[-1].arguments and "parse" not in fake.calls[-1].arguments


def test_blocks_may_be_slack_sdk_models_or_text(fake: FakeSlack) -> None:
    """Objects with ``to_dict()`` and JSON or YAML text are the same blocks as plain data."""
    from slack_sdk.models.blocks import SectionBlock

    given: list[Any] = [
        [SECTION],
        [SectionBlock(text="*{{title}}*")],
        '[{"type": "section", "text": {"type": "mrkdwn", "text": "*{{title}}*"}}]',
        "- type: section\n  text: {type: mrkdwn, text: '*{{title}}*'}\n",
    ]
    for blocks in given:
        do(fake, sr.SendMessage(channel="#incidents", blocks=blocks), {"title": "T"})
        assert fake.channel("incidents").messages[-1].blocks[0]["text"]["text"] == "*T*"


def test_a_reply_stands_in_its_thread_and_can_be_broadcast(fake: FakeSlack) -> None:
    """``thread_ts`` makes a reply; ``reply_broadcast`` also shows it in the channel."""
    parent = do(fake, sr.SendMessage(channel="#incidents", text="parent"))
    reply = do(
        fake,
        sr.SendMessage(channel=parent, thread_ts="{{ts}}", reply_broadcast="{{loud}}", text="reply"),
        {"ts": parent.ts, "loud": True},
    )
    assert reply.thread_ts == parent.ts
    assert fake.calls[-1].arguments["reply_broadcast"] in ("true", True)
    assert fake.channel("incidents").messages[-1].thread_ts == parent.ts


def test_switches_and_metadata_reach_slack(fake: FakeSlack) -> None:
    """False is sent where it means something, and what was not given is not sent."""
    metadata = {"event_type": "incident", "event_payload": {"id": "{{id}}", "n": 3}}
    do(
        fake,
        sr.SendMessage(channel="#incidents", text="x", unfurl_links=False, metadata=metadata),
        {"id": "<7>"},
        on_ambiguous="fail",
    )
    sent = fake.calls[-1].arguments
    assert sent["unfurl_links"] in ("false", False)
    assert not {"unfurl_media", "thread_ts", "reply_broadcast", "blocks", "markdown_text"} & set(sent)
    assert fake.channel("incidents").messages[-1].metadata == {
        "event_type": "incident",
        "event_payload": {"id": "<7>", "n": 3},
    }


def test_markdown_goes_alone(fake: FakeSlack) -> None:
    """Beside ``markdown_text`` nothing else is sent, for Slack refuses that."""
    do(fake, sr.SendMessage(channel="#incidents", markdown_text="# {{title}}"), {"title": "T"}, on_ambiguous="fail")
    assert set(fake.calls[-1].arguments) <= {"channel", "markdown_text", "token"}


def test_a_direct_message_to_one_person_is_one_call(fake: FakeSlack) -> None:
    """A user ID or a mention needs no conversation to be opened first."""
    ann = fake.add_user("ann")
    first = do(fake, sr.SendDirectMessage(users=ann.id, text="hi"))
    again = do(fake, sr.SendDirectMessage(users=f"<@{ann.id}>", text="hi"))
    assert calls(fake) == ["chat.postMessage", "chat.postMessage"]
    assert first.channel == again.channel and first.channel.startswith("D")


def test_a_group_message_opens_the_group(fake: FakeSlack) -> None:
    """Several people get one group message; doubles count once, e-mail addresses are looked up."""
    ann, bob = fake.add_user("ann", email="ann@example.com"), fake.add_user("bob")
    sent = do(
        fake,
        sr.SendDirectMessage(users="{{people}}", text="hi"),
        {"people": ["ann@example.com", bob.id, ann.id]},
    )
    assert calls(fake) == ["users.lookupByEmail", "conversations.open", "chat.postMessage"]
    assert fake.calls[1].arguments["users"] == f"{ann.id},{bob.id}"
    assert sent.channel.startswith("G") or sent.channel.startswith("C")


def test_an_unknown_address_is_named(fake: FakeSlack) -> None:
    """An e-mail address that nobody has is a typed error that names it and the remedy."""
    with pytest.raises(sr.UserNotFound, match=r"nobody in this workspace has the e-mail address no@example\.com"):
        do(fake, sr.SendDirectMessage(users="no@example.com", text="hi"))


def test_an_update_replaces_text_and_drops_old_blocks(fake: FakeSlack) -> None:
    """Where only text is given, an empty list of blocks is sent, so that old blocks do not hide the text."""
    sent = do(fake, sr.SendMessage(channel="#incidents", blocks=[SECTION]), {"title": "T"})
    changed = do(fake, sr.UpdateMessage(channel="#incidents", ts=sent.ts, text="plain"))
    assert (changed.channel, changed.ts) == (sent.channel, sent.ts)
    message = fake.channel("incidents").messages[-1]
    assert message.text == "plain" and not message.blocks
    do(fake, sr.UpdateMessage(channel=sent, ts=sent.ts, blocks=[SECTION]), {"title": "T"})
    assert fake.channel("incidents").messages[-1].blocks


def test_updating_a_strangers_message_is_refused_by_slack(fake: FakeSlack) -> None:
    """Only the app's own messages can be updated."""
    ann = fake.add_user("ann")
    ann.join("incidents")
    message = ann.post("incidents", "mine")
    with pytest.raises(sr.NotPermitted, match="cant_update_message"):
        do(fake, sr.UpdateMessage(channel="#incidents", ts=message.ts, text="yours"))
    with pytest.raises(sr.MessageNotFound):
        do(fake, sr.UpdateMessage(channel="#incidents", ts="1.000000", text="none"))


# --- channels --------------------------------------------------------------------------------------------------------

NAMES = [
    ("incident-INC-12345", "incident-inc-12345"),
    ("inc 42: API down!", "inc-42-api-down"),
    ("Ausfall Zürich", "ausfall-zurich"),
    ("障害 東京", None),
    ("already_fine-1", "already_fine-1"),
    ("x" * 80, "x" * 80),
]


@pytest.mark.parametrize(("wanted", "made"), NAMES)
def test_a_name_is_made_to_fit_and_reported(fake: FakeSlack, wanted: str, made: str | None) -> None:
    """After rendering, a name follows Slack's rules; the output tells both names."""
    created = do(fake, sr.CreateChannel(name="{{name}}"), {"name": wanted})
    assert created.requested_name == wanted
    assert created.name == (made or created.name)
    assert created.renamed is (created.name != wanted)
    assert fake.channel(created.name).id == created.channel
    assert created.name.isascii() and len(created.name) <= 80


def test_long_names_that_differ_late_stay_apart(fake: FakeSlack) -> None:
    """A name over 80 characters ends in a stable hash of the whole."""
    one = do(fake, sr.CreateChannel(name="i" * 90 + "1"))
    two = do(fake, sr.CreateChannel(name="i" * 90 + "2"))
    assert one.name != two.name and len(one.name) == len(two.name) == 80


def test_a_description_and_a_topic_are_one_line(fake: FakeSlack) -> None:
    """Line breaks of a value become blanks; the marker stands at the end of the description."""
    created = do(
        fake,
        sr.CreateChannel(name="inc", description="{{d}}", topic="{{d}}", is_private="{{p}}", marker="{{id}}"),
        {"d": "a\nb", "p": "true", "id": "INC-1"},
    )
    channel = fake.channel(created.channel)
    assert (channel.purpose, channel.topic, channel.is_private) == ("a b [INC-1]", "a b", True)
    assert created.is_private


def test_false_as_text_is_not_true(fake: FakeSlack) -> None:
    """A flag filled with the text "false" makes a public channel."""
    assert not do(fake, sr.CreateChannel(name="inc", is_private="{{p}}"), {"p": "false"}).is_private


def test_a_suffix_is_tried_until_one_is_free(fake: FakeSlack) -> None:
    """``if_taken="suffix"`` goes on to name-2 … name-9 and then gives up with the names it tried."""
    names = [do(fake, sr.CreateChannel(name="inc", if_taken="suffix")).name for _ in range(9)]
    assert names == ["inc", *(f"inc-{number}" for number in range(2, 10))]
    with pytest.raises(sr.NameTaken, match='"inc" and "inc-2" to "inc-9" are all taken'):
        do(fake, sr.CreateChannel(name="inc", if_taken="suffix"))


ADOPT = sr.CreateChannel(name="inc-{{id}}", if_taken="adopt", marker="{{id}}", description="{{title}}")
MINE = {"id": "7", "title": "API & DB"}


def test_adopting_takes_over_the_incidents_own_channel(fake: FakeSlack) -> None:
    """A second run finds the channel that the first one made, by creator and marker, and describes it no further."""
    first = do(fake, ADOPT, MINE)
    fake.calls.clear()
    again = do(fake, ADOPT, MINE)
    assert again.adopted and not first.adopted
    assert (again.channel, again.name) == (first.channel, first.name)
    assert calls(fake) == ["conversations.create", "auth.test", "conversations.list"]


def _by_somebody(fake: FakeSlack) -> None:
    fake.add_channel("inc-7", creator=fake.add_user("ann"), purpose="API & DB [7]")


def _unmarked(fake: FakeSlack) -> None:
    do(fake, sr.CreateChannel(name="inc-7", description="something else"))


def _archived(fake: FakeSlack) -> None:
    do(fake, sr.ArchiveChannel(channel=do(fake, ADOPT, MINE)))


def _private(fake: FakeSlack) -> None:
    do(fake, attrs.evolve(ADOPT, is_private=True), MINE)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (_by_somebody, "this app did not create it"),
        (_unmarked, r"its description does not end in \[7\]"),
        (_archived, "it is archived, and a bot cannot unarchive it"),
        (_private, "it is private"),
    ],
)
def test_nothing_else_is_adopted(fake: FakeSlack, before: Any, words: str) -> None:
    """By name alone no channel is taken over; the refusal says what speaks against it."""
    before(fake)
    with pytest.raises(sr.NameTaken, match=words) as refused:
        do(fake, ADOPT, MINE)
    assert refused.value.code == "name_taken"
    assert 'if_taken="suffix"' in refused.value.remedy


def test_a_taken_name_says_what_to_do(fake: FakeSlack) -> None:
    """Slack's bare ``name_taken`` becomes an error that names the channel and the ways out."""
    with pytest.raises(sr.NameTaken) as refused:
        do(fake, sr.CreateChannel(name="incidents"))
    assert str(refused.value) == (
        'Slack refused conversations.create: name_taken (a channel named "incidents" exists). It may be archived or '
        'private. Choose another name, or pass if_taken="suffix", or if_taken="adopt" with a marker to take over this '
        "incident's own channel."
    )


def test_what_exists_is_told_with_the_error(fake: FakeSlack) -> None:
    """``do`` raises the typed error, and the error carries the channel that does exist."""
    fake.fail_next("conversations.setTopic", "user_is_restricted")
    with pytest.raises(sr.SlackError) as refused:
        do(fake, sr.CreateChannel(name="half", topic="x"))
    assert refused.value.output.channel == fake.channel("half").id


def test_people_are_invited_with_a_result_each(fake: FakeSlack) -> None:
    """One bad ID keeps nobody out; who is there already counts as there; doubles count once."""
    ann, bob = fake.add_user("ann"), fake.add_user("bob", email="bob@example.com")
    ann.join("incidents")
    result = do(
        fake,
        sr.InviteToChannel(
            channel="#incidents", users=[ann.id, "bob@example.com", bob.id, "U0NOBODY00", "no@example.com"]
        ),
    )
    assert result == sr.Invited(
        channel=fake.channel("incidents").id,
        invited=(bob.id,),
        already=(ann.id,),
        failed={"no@example.com": "users_not_found", "U0NOBODY00": "user_not_found"},
    )
    assert calls(fake)[-2:] == ["conversations.invite", "conversations.invite"]


def test_nobody_who_can_be_invited_is_an_error(fake: FakeSlack) -> None:
    """Where not one of the people could be invited, the action fails and names each."""
    with pytest.raises(sr.UserNotFound, match=r"U0NOBODY00 \(user_not_found\)"):
        do(fake, sr.InviteToChannel(channel="#incidents", users="U0NOBODY00"))


def test_a_crowd_goes_in_hundreds(fake: FakeSlack) -> None:
    """250 people are invited by three requests."""
    people = [fake.add_user(f"user{number}").id for number in range(250)]
    result = do(fake, sr.InviteToChannel(channel=fake.channel("incidents").id, users="{{people}}"), {"people": people})
    assert len(result.invited) == 250
    assert calls(fake) == ["conversations.invite"] * 3


def test_an_invitation_where_the_app_is_no_member_names_the_remedy(fake: FakeSlack) -> None:
    """``not_in_channel`` is about the app, not about a person."""
    fake.add_channel("elsewhere", is_member=False)
    ann = fake.add_user("ann")
    with pytest.raises(sr.NotInChannel):
        do(fake, sr.InviteToChannel(channel=fake.channel("elsewhere").id, users=ann.id))


@pytest.mark.parametrize("private", [False, True])
def test_a_name_is_looked_up_where_an_id_is_needed(fake: FakeSlack, private: bool) -> None:
    """Methods that take only IDs get one, for public and private channels, archived ones left out."""
    fake.add_channel("room", is_private=private)
    do(fake, sr.SetTopic(channel="#Room", topic="t"))
    do(fake, sr.SetDescription(channel="room", description="d"))
    assert (fake.channel("room").topic, fake.channel("room").purpose) == ("t", "d")
    assert calls(fake).count("conversations.list") == (4 if private else 2)


def test_a_name_is_looked_up_once_in_a_run(fake: FakeSlack) -> None:
    """Steps of one run share what was found."""
    steps = {f"s{number}": sr.SetTopic(channel="#incidents", topic=str(number)) for number in range(3)}
    with fake.executor() as executor:
        executor.run(sr.Runbook("topics", steps)).raise_for_failure()
    assert calls(fake) == ["conversations.list", *["conversations.setTopic"] * 3]


def test_a_look_up_reads_every_page(fake: FakeSlack) -> None:
    """A channel on the second page of a large workspace is found."""
    for number in range(1500):
        fake.add_channel(f"c{number}")
    fake.add_channel("zulu")
    do(fake, sr.SetTopic(channel="zulu", topic="t"))
    assert calls(fake) == ["conversations.list", "conversations.list", "conversations.setTopic"]


def test_an_unknown_channel_says_where_it_was_looked_for(fake: FakeSlack) -> None:
    """The error tells that private channels were not searched when the token may not list them."""
    fake.scopes -= {"groups:read"}
    with pytest.raises(sr.ChannelNotFound, match=r"No channel named 'nowhere' .* lacks groups:read"):
        do(fake, sr.SetTopic(channel="#nowhere", topic="t"))
    fake.scopes -= {"channels:read"}
    with pytest.raises(sr.MissingScope):
        do(fake, sr.SetTopic(channel="#incidents", topic="t"))


def test_general_is_never_archived(fake: FakeSlack) -> None:
    """#general is refused: by its name without a call, by a look-up, and by Slack."""
    general = fake.add_channel("general", is_general=True)
    other = fake.add_channel("everyone", is_general=True)
    with pytest.raises(sr.CheckFailed, match="is #general"):
        do(fake, sr.ArchiveChannel(channel="#general"))
    assert calls(fake) == []
    with pytest.raises(sr.NotPermitted, match="general channel"):
        do(fake, sr.ArchiveChannel(channel="everyone"))
    for channel in (general, other):
        with pytest.raises(sr.NotPermitted, match="cant_archive_general"):
            do(fake, sr.ArchiveChannel(channel=channel.id))
    assert not general.is_archived and not other.is_archived


def test_archiving_by_name_twice_is_done_once(fake: FakeSlack) -> None:
    """A second run finds the archived channel and leaves it."""
    assert not do(fake, sr.ArchiveChannel(channel="#incidents")).already_archived
    assert do(fake, sr.ArchiveChannel(channel="#incidents")).already_archived
    assert calls(fake).count("conversations.archive") == 1
