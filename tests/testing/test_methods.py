"""What the modelled methods do when all is well, seen through slack_sdk's own client."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from slackrunbooks.testing import FakeSlack


def test_auth_test_says_whose_token_it_is(slack) -> None:
    """auth.test names the workspace and the app's bot user."""
    answer = slack.client.auth_test()
    assert (answer["team"], answer["user_id"], answer["bot_id"]) == ("Acme", slack.bot.id, slack.bot_id)
    assert answer["url"] == "https://acme.slack.com/"


def test_api_test_echoes(ask) -> None:
    """api.test gives the arguments back, and nothing when there are none."""
    assert ask("api.test") == {"ok": True}
    assert ask("api.test", foo="bar") == {"ok": True, "args": {"foo": "bar"}}
    assert ask("api.test", error="my_error") == {"ok": False, "error": "my_error", "args": {"error": "my_error"}}


@pytest.mark.parametrize("channel", ["incidents", "#incidents", "C0FAKE0002"])
def test_a_public_channel_is_named_by_name_or_id(slack, channel: str) -> None:
    """chat.postMessage takes both and answers with the ID."""
    answer = slack.client.chat_postMessage(channel=channel, text="Hi")
    assert answer["channel"] == slack.channel("incidents").id == "C0FAKE0002"
    message = slack.channel("incidents").messages[-1]
    assert (message.text, message.ts, message.user, message.bot_id) == ("Hi", answer["ts"], slack.bot.id, slack.bot_id)


def test_a_message_for_a_user_id_opens_the_direct_message(slack) -> None:
    """Posting to a user ID needs no more than chat:write, and goes to the one conversation with that person."""
    slack.scopes = {"chat:write"}
    first = slack.client.chat_postMessage(channel=slack.user("alice").id, text="Psst")
    second = slack.client.chat_postMessage(channel=slack.user("alice").id, text="Hey")
    assert first["channel"] == second["channel"] == slack.direct_message("alice").id
    assert first["channel"].startswith("D")
    assert [message.text for message in slack.direct_message("alice").messages] == ["Psst", "Hey"]


def test_what_the_scope_chat_write_public_allows(slack) -> None:
    """With it the app posts in public channels it is not in; without it, it is told not_in_channel."""
    slack.client.chat_postMessage(channel="lobby", text="Hi")
    slack.scopes.remove("chat:write.public")
    with pytest.raises(SlackApiError, match="not_in_channel"):
        slack.client.chat_postMessage(channel="lobby", text="Hi again")
    assert [message.text for message in slack.channel("lobby").messages] == ["Hi"]


def test_another_name_needs_its_scope(slack) -> None:
    """A username needs chat:write.customize, and makes the message a bot_message."""
    answer = slack.client.chat_postMessage(channel="incidents", text="Hi", username="Commander")
    assert (answer["message"]["username"], answer["message"]["subtype"]) == ("Commander", "bot_message")
    slack.scopes.remove("chat:write.customize")
    with pytest.raises(SlackApiError, match="missing_scope") as caught:
        slack.client.chat_postMessage(channel="incidents", text="Hi", username="Commander")
    assert caught.value.response["needed"] == "chat:write.customize"


def test_ts_is_strictly_increasing_and_follows_the_clock(slack) -> None:
    """Messages at one instant get different ts with six digits; later ones start with the later second."""
    stamps = [slack.client.chat_postMessage(channel="incidents", text="x")["ts"] for _ in range(3)]
    slack.advance(90.5)
    stamps.append(slack.client.chat_postMessage(channel="lobby", text="x")["ts"])
    assert stamps == ["1767603600.000000", "1767603600.000001", "1767603600.000002", "1767603690.500000"]


def test_a_thread_grows_below_its_parent(slack) -> None:
    """Replies stay out of the channel unless broadcast, and show on the parent."""
    client, channel = slack.client, slack.channel("incidents").id
    parent = client.chat_postMessage(channel=channel, text="Parent")["ts"]
    quiet = client.chat_postMessage(channel=channel, text="Quiet", thread_ts=parent)
    loud = client.chat_postMessage(channel=channel, text="Loud", thread_ts=parent, reply_broadcast=True)
    slack.user("alice").post("incidents", "Person", thread_ts=quiet["ts"])
    assert quiet["message"]["thread_ts"] == parent
    shown = client.conversations_history(channel=channel)["messages"]
    assert [message["text"] for message in shown] == ["Loud", "Parent"]
    assert shown[0]["subtype"] == "thread_broadcast"
    assert (shown[1]["reply_count"], shown[1]["reply_users_count"], shown[1]["thread_ts"]) == (3, 2, parent)
    texts = ["Parent", "Quiet", "Loud", "Person"]
    for ts in (parent, loud["ts"]):
        thread = client.conversations_replies(channel=channel, ts=ts)["messages"]
        assert [message["text"] for message in thread] == texts
    message = slack.channel("incidents").messages[0]
    assert [reply.text for reply in message.replies] == texts[1:]
    assert message.thread_ts is None


def test_a_reply_can_be_broadcast_later(slack) -> None:
    """chat.update with reply_broadcast alone shows an existing reply in the channel."""
    client, channel = slack.client, slack.channel("incidents").id
    parent = client.chat_postMessage(channel=channel, text="Parent")["ts"]
    reply = client.chat_postMessage(channel=channel, text="Reply", thread_ts=parent)["ts"]
    client.api_call("chat.update", json={"channel": channel, "ts": reply, "reply_broadcast": True})
    assert [message.text for message in slack.channel("incidents").messages] == ["Parent", "Reply"]


def test_an_update_replaces_the_content_and_keeps_the_metadata(slack) -> None:
    """Text without blocks removes the blocks; metadata stays unless given, and an empty object removes it."""
    client, channel = slack.client, slack.channel("incidents").id
    metadata = {"event_type": "run", "event_payload": {"key": "1"}}
    blocks = [{"type": "divider"}]
    ts = client.chat_postMessage(channel=channel, text="Old", blocks=blocks, metadata=metadata)["ts"]
    message = slack.channel("incidents").messages[0]
    assert (message.blocks, message.metadata, message.edited) == (blocks, metadata, None)
    slack.advance(5)
    answer = client.chat_update(channel=channel, ts=ts, text="New")
    assert (answer["text"], answer["ts"], answer["message"]["edited"]["user"]) == ("New", ts, slack.bot.id)
    assert (message.text, message.blocks, message.metadata) == ("New", [], metadata)
    assert message.edited == {"user": slack.bot.id, "ts": "1767603605.000000"}
    client.chat_update(channel=channel, ts=ts, text="Newer", metadata={})
    assert message.metadata is None


def test_history_shows_metadata_on_demand(slack) -> None:
    """Without include_all_metadata only the event_type shows."""
    channel = slack.channel("incidents").id
    metadata = {"event_type": "run", "event_payload": {"key": "1"}}
    ts = slack.client.chat_postMessage(channel=channel, text="x", metadata=metadata)["ts"]
    for method, arguments in (("conversations_history", {}), ("conversations_replies", {"ts": ts})):
        read = getattr(slack.client, method)
        assert read(channel=channel, **arguments)["messages"][0]["metadata"] == {"event_type": "run"}
        whole = read(channel=channel, include_all_metadata=True, **arguments)
        assert whole["messages"][0]["metadata"] == metadata


def test_a_long_text_becomes_several_messages(slack) -> None:
    """4,040 characters stay one message; one more makes two of at most 4,000, and the answer names the first."""
    slack.client.chat_postMessage(channel="incidents", text="x" * 4040)
    assert len(slack.channel("incidents").messages) == 1
    answer = slack.client.chat_postMessage(channel="incidents", text="x" * 4041)
    lengths = [len(message.text) for message in slack.channel("incidents").messages]
    assert lengths == [4040, 4000, 41]
    assert answer["ts"] == slack.channel("incidents").messages[1].ts


def test_a_fallback_text_beside_blocks_is_not_split(slack) -> None:
    """With blocks the per-block limits decide, so the text stays whole."""
    slack.client.chat_postMessage(channel="incidents", text="x" * 5000, blocks=[{"type": "divider"}])
    assert [len(message.text) for message in slack.channel("incidents").messages] == [5000]


def test_a_text_beyond_40000_is_cut_with_a_warning(slack) -> None:
    """The answer is ok, warns of message_truncated, and 40,000 characters were posted."""
    answer = slack.client.chat_postMessage(channel="incidents", text="x" * 40_001)
    assert (answer["ok"], answer["warning"]) == (True, "message_truncated")
    assert answer["response_metadata"]["warnings"] == ["message_truncated"]
    assert "40,000" in answer["response_metadata"]["messages"][0]
    assert sum(len(message.text) for message in slack.channel("incidents").messages) == 40_000


def test_markdown_text_is_posted(slack) -> None:
    """A message can be Markdown alone."""
    slack.client.api_call("chat.postMessage", json={"channel": "incidents", "markdown_text": "**Hi**"})
    assert slack.channel("incidents").messages[0].text == "**Hi**"


def test_a_message_can_be_deleted(slack) -> None:
    """The app's own messages and replies go, with their pins."""
    client, channel = slack.client, slack.channel("incidents").id
    parent = client.chat_postMessage(channel=channel, text="Parent")["ts"]
    reply = client.chat_postMessage(channel=channel, text="Reply", thread_ts=parent)["ts"]
    client.pins_add(channel=channel, timestamp=parent)
    client.chat_delete(channel=channel, ts=reply)
    client.chat_delete(channel=channel, ts=parent)
    assert (slack.channel("incidents").messages, slack.channel("incidents").pins) == ([], {})


def test_permalinks_have_the_documented_form(slack) -> None:
    """A reply's address carries its thread."""
    client, channel = slack.client, slack.channel("incidents").id
    parent = client.chat_postMessage(channel=channel, text="Parent")["ts"]
    reply = client.chat_postMessage(channel=channel, text="Reply", thread_ts=parent)["ts"]
    assert client.chat_getPermalink(channel=channel, message_ts=parent)["permalink"] == (
        f"https://acme.slack.com/archives/{channel}/p1767603600000000"
    )
    assert client.chat_getPermalink(channel=channel, message_ts=reply)["permalink"] == (
        f"https://acme.slack.com/archives/{channel}/p1767603600000001?thread_ts={parent}&cid={channel}"
    )


@pytest.mark.parametrize("is_private", [False, True])
def test_a_created_channel_belongs_to_the_app(slack, is_private: bool) -> None:
    """The app is creator and only member; the object says so."""
    shown = slack.client.conversations_create(name="inc-42", is_private=is_private)["channel"]
    channel = slack.channel("inc-42")
    assert (shown["id"], shown["name"], shown["is_private"]) == (channel.id, "inc-42", is_private)
    assert (shown["creator"], shown["is_member"], shown["created"]) == (slack.bot.id, True, channel.created)
    assert (channel.members, channel.creator) == ([slack.bot.id], slack.bot.id)


def test_renaming_keeps_the_old_name(slack) -> None:
    """A channel of the app's gets the new name, remembers the old one and says so in the channel."""
    channel = slack.client.conversations_create(name="inc-1")["channel"]["id"]
    shown = slack.client.conversations_rename(channel=channel, name="inc-2")["channel"]
    assert (shown["name"], shown["previous_names"]) == ("inc-2", ["inc-1"])
    line = slack.channel("inc-2").system_messages[-1]
    assert (line.subtype, line.extra) == ("channel_name", {"old_name": "inc-1", "name": "inc-2"})


def test_topic_and_purpose_are_set(slack) -> None:
    """250 characters fit; setTopic answers with the channel and the system line, setPurpose with ok alone."""
    channel = slack.channel("incidents")
    shown = slack.client.conversations_setTopic(channel=channel.id, topic="t" * 250)["channel"]
    assert shown["topic"] == {"value": "t" * 250, "creator": slack.bot.id, "last_set": int(slack.now)}
    assert shown["latest"]["subtype"] == "channel_topic"
    assert slack.client.conversations_setPurpose(channel=channel.id, purpose="Why").data == {"ok": True}
    assert (channel.topic, channel.purpose) == ("t" * 250, "Why")
    assert [line.subtype for line in channel.system_messages] == ["channel_topic", "channel_purpose"]
    slack.client.conversations_setTopic(channel=channel.id, topic="")
    assert channel.topic == ""


def test_people_are_invited_and_removed(slack) -> None:
    """An invitation adds all, names the inviter, and kick takes one away with the documented answer."""
    channel, bob = slack.channel("secret"), slack.user("bob")
    other = slack.add_user("carol")
    slack.client.conversations_invite(channel=channel.id, users=[bob.id, other.id])
    assert channel.members[-2:] == [bob.id, other.id]
    assert channel.system_messages[-1].extra == {"inviter": slack.bot.id}
    assert slack.client.conversations_kick(channel=channel.id, user=bob.id).data == {"ok": True, "errors": {}}
    assert bob.id not in channel.members


def test_joining_twice_is_a_warning(slack) -> None:
    """The second join is ok with the warning already_in_channel."""
    channel = slack.channel("lobby").id
    assert "warning" not in slack.client.conversations_join(channel=channel)
    again = slack.client.conversations_join(channel=channel)
    assert (again["warning"], again["response_metadata"]) == (
        "already_in_channel",
        {"warnings": ["already_in_channel"]},
    )
    slack.client.conversations_leave(channel=channel)
    assert slack.bot.id not in slack.channel("lobby").members


def test_an_archived_channel_can_still_be_read(slack) -> None:
    """Archiving keeps messages and name, and writes a line."""
    channel = slack.channel("incidents")
    assert slack.client.conversations_archive(channel=channel.id).data == {"ok": True}
    assert channel.is_archived
    assert slack.client.conversations_history(channel=channel.id)["messages"][0]["subtype"] == "channel_archive"
    assert slack.client.conversations_info(channel=channel.id)["channel"]["is_archived"]


def test_listing_shows_what_the_app_may_see(slack) -> None:
    """Public channels by default, archived ones among them; private ones and direct messages only if the app is in."""
    slack.client.conversations_open(users=slack.user("alice").id)
    slack.client.conversations_open(users=[slack.user("alice").id, slack.user("bob").id])

    def names(**arguments: object) -> list[str]:
        found = slack.client.conversations_list(**arguments)["channels"]
        return [channel.get("name", channel.get("user")) for channel in found]

    assert names() == ["general", "incidents", "lobby", "old"]
    assert names(exclude_archived=True) == ["general", "incidents", "lobby"]
    assert names(types="private_channel") == ["secret"]
    assert names(types="im, mpim") == [slack.user("alice").id, "mpdm-alice--bob--runbooks-1"]


def test_lists_come_in_pages(slack) -> None:
    """A small limit gives a cursor; slack_sdk's own iteration gathers everything, in order, once."""
    for number in range(7):
        slack.add_channel(f"room-{number}")
        slack.user("alice").post("incidents", f"m{number}")
    names: list[str] = []
    for page in slack.client.conversations_list(limit=4):
        names += [channel["name"] for channel in page["channels"]]
    assert names == ["general", "incidents", "lobby", "old", *(f"room-{number}" for number in range(7))]
    pages = slack.client.conversations_members(channel=slack.channel("general").id, limit=2)
    assert [member for page in pages for member in page["members"]] == slack.channel("general").members
    texts: list[str] = []
    for page in slack.client.conversations_history(channel=slack.channel("incidents").id, limit=3):
        texts += [message["text"] for message in page["messages"]]
    assert texts == [f"m{number}" for number in reversed(range(7))]


def test_history_is_cut_by_time(slack) -> None:
    """Oldest and latest are exclusive unless inclusive is set."""
    stamps = []
    for number in range(4):
        slack.advance(10)
        stamps.append(slack.user("alice").post("incidents", f"m{number}").ts)
    channel = slack.channel("incidents").id

    def texts(**arguments: object) -> list[str]:
        return [m["text"] for m in slack.client.conversations_history(channel=channel, **arguments)["messages"]]

    assert texts(oldest=stamps[0], latest=stamps[3]) == ["m2", "m1"]
    assert texts(oldest=stamps[0], latest=stamps[3], inclusive=True) == ["m3", "m2", "m1", "m0"]
    assert texts(oldest="0") == ["m3", "m2", "m1", "m0"]
    assert texts(limit=5000) == ["m3", "m2", "m1", "m0"]


def test_threads_come_in_pages(slack) -> None:
    """A long thread gives a cursor, and each message comes once."""
    client, channel = slack.client, slack.channel("incidents").id
    parent = client.chat_postMessage(channel=channel, text="r0")["ts"]
    for number in range(1, 5):
        client.chat_postMessage(channel=channel, text=f"r{number}", thread_ts=parent)
    texts: list[str] = []
    for page in client.conversations_replies(channel=channel, ts=parent, limit=2):
        texts += [message["text"] for message in page["messages"]]
    assert texts == ["r0", "r1", "r2", "r3", "r4"]


def test_info_counts_members_on_demand(slack) -> None:
    """num_members and locale come when asked for; a direct message shows its user."""
    channel = slack.channel("general").id
    assert "num_members" not in slack.client.conversations_info(channel=channel)["channel"]
    shown = slack.client.conversations_info(channel=channel, include_num_members=True, include_locale=True)["channel"]
    assert (shown["num_members"], shown["locale"]) == (3, "en-US")
    direct = slack.client.conversations_open(users=slack.user("alice").id, return_im=True)["channel"]
    assert (direct["is_im"], direct["user"]) == (True, slack.user("alice").id)


def test_direct_messages_open_once(slack) -> None:
    """Opening again says already_open and gives the same ID; closing again is a no-op; resuming works by ID."""
    alice, bob = slack.user("alice").id, slack.user("bob").id
    first = slack.client.conversations_open(users=alice)
    again = slack.client.conversations_open(users=alice)
    assert first.data == {"ok": True, "channel": {"id": again["channel"]["id"]}}
    assert (again["no_op"], again["already_open"]) == (True, True)
    three = slack.client.conversations_open(users=[bob, alice])["channel"]["id"]
    assert three == slack.client.conversations_open(users=[alice, bob])["channel"]["id"]
    assert slack.channel(three).is_mpim
    assert slack.client.conversations_close(channel=three).data == {"ok": True}
    assert slack.client.conversations_close(channel=three)["already_closed"]
    assert "no_op" not in slack.client.conversations_open(channel=three)
    found = slack.client.conversations_open(users=alice, prevent_creation=True)
    assert found["channel"]["id"] == first["channel"]["id"]


def test_people_are_found(slack) -> None:
    """By ID, by e-mail whatever its case, and all of them, in pages."""
    alice = slack.user("alice")
    assert slack.client.users_info(user=alice.id)["user"]["profile"]["email"] == "alice@acme.example"
    assert slack.client.users_info(user=alice.id, include_locale=True)["user"]["locale"] == "en-US"
    assert slack.client.users_lookupByEmail(email="Alice@ACME.example")["user"]["id"] == alice.id
    everybody = ["runbooks", "alice", "bob", "gone", "otherbot"]
    assert [user["name"] for user in slack.client.users_list()["members"]] == everybody
    names: list[str] = []
    for page in slack.client.users_list(limit=2):
        names += [user["name"] for user in page["members"]]
    assert names == everybody
    slack.scopes.remove("users:read.email")
    assert "email" not in slack.client.users_info(user=alice.id)["user"]["profile"]


def test_user_groups_are_found(slack) -> None:
    """Groups show counts and members on demand; disabled ones only when asked for."""
    oncall = next(iter(slack.client.usergroups_list(include_users=True, include_count=True)["usergroups"]))
    members = [slack.user("alice").id, slack.user("bob").id]
    assert (oncall["handle"], oncall["users"], oncall["user_count"]) == ("oncall", members, 2)
    assert slack.client.usergroups_users_list(usergroup=oncall["id"])["users"] == members
    slack.add_usergroup("empty").is_disabled = True
    assert len(slack.client.usergroups_list()["usergroups"]) == 1
    assert "users" not in slack.client.usergroups_list(include_disabled=True)["usergroups"][1]


def test_pins(slack) -> None:
    """A pinned message is listed with its address and marked; the latest pin comes first."""
    client, channel = slack.client, slack.channel("incidents").id
    stamps = [client.chat_postMessage(channel=channel, text=text)["ts"] for text in ("one", "two")]
    for ts in stamps:
        client.pins_add(channel=channel, timestamp=ts)
    items = client.pins_list(channel=channel)["items"]
    assert [item["message"]["text"] for item in items] == ["two", "one"]
    assert items[0]["message"]["pinned_to"] == [channel]
    assert client.conversations_history(channel=channel)["pin_count"] == 2
    client.pins_remove(channel=channel, timestamp=stamps[0])
    assert list(slack.channel("incidents").pins) == [stamps[1]]


def test_bookmarks(slack) -> None:
    """A bookmark is added, changed in what is given, listed and removed."""
    client, channel = slack.client, slack.channel("incidents").id
    link = "https://status.example"
    bookmark = client.bookmarks_add(channel_id=channel, title="Status", type="link", link=link, emoji=":eyes:")[
        "bookmark"
    ]
    assert (bookmark["title"], bookmark["link"], bookmark["emoji"]) == ("Status", link, ":eyes:")
    slack.advance(60)
    edited = client.bookmarks_edit(channel_id=channel, bookmark_id=bookmark["id"], title="Page")["bookmark"]
    assert (edited["title"], edited["link"]) == ("Page", link)
    assert edited["date_updated"] == bookmark["date_created"] + 60
    assert client.bookmarks_list(channel_id=channel)["bookmarks"] == [edited]
    client.bookmarks_remove(channel_id=channel, bookmark_id=bookmark["id"])
    assert slack.channel("incidents").bookmarks == []


def test_reactions(slack) -> None:
    """Reactions of the app and of people are counted together; the app takes back only its own."""
    client, channel = slack.client, slack.channel("incidents").id
    ts = client.chat_postMessage(channel=channel, text="x")["ts"]
    slack.user("alice").react("incidents", ts, ":eyes:")
    slack.user("alice").react("incidents", ts, "eyes")
    client.reactions_add(channel=channel, timestamp=ts, name="eyes")
    client.reactions_add(channel=channel, timestamp=ts, name="+1")
    shown = client.reactions_get(channel=channel, timestamp=ts)["message"]
    assert shown["reactions"] == [
        {"name": "eyes", "users": [slack.user("alice").id, slack.bot.id], "count": 2},
        {"name": "+1", "users": [slack.bot.id], "count": 1},
    ]
    for name in ("eyes", "+1"):
        client.reactions_remove(channel=channel, timestamp=ts, name=name)
    assert slack.channel("incidents").messages[0].reactions == {"eyes": [slack.user("alice").id]}


def test_a_person_acts_without_the_app(slack) -> None:
    """People post, join, leave, archive and unarchive, and each leaves its line."""
    alice, channel = slack.user("alice"), slack.channel("lobby")
    alice.join("lobby")
    alice.post(channel, "Hello")
    alice.archive(channel)
    alice.unarchive("lobby")
    alice.leave(channel)
    alice.join(channel)
    slack.user("bob").leave(channel)
    slack.user("bob").join(channel)
    lines = [line.subtype for line in channel.system_messages]
    assert lines[:4] == ["channel_join", "channel_archive", "channel_unarchive", "channel_leave"]
    assert (channel.messages[0].user, channel.messages[0].bot_id) == (alice.id, None)


def test_unarchiving_brings_the_person_in(slack) -> None:
    """Whoever unarchives a channel is in it afterwards; one that is not archived cannot be unarchived."""
    slack.user("bob").unarchive("old")
    assert slack.user("bob").id in slack.channel("old").members
    with pytest.raises(ValueError, match="not archived"):
        slack.user("bob").unarchive("old")


def test_people_cannot_do_what_slack_would_not_let_them(slack) -> None:
    """Writing where one is not, and replying to nothing, are mistakes of the test and raise."""
    with pytest.raises(ValueError, match=r"join\(\) first"):
        slack.user("alice").post("lobby", "Hi")
    with pytest.raises(ValueError, match="no message 1"):
        slack.user("alice").post("incidents", "Hi", thread_ts="1.0")


def test_a_wrong_name_names_the_nearest(slack) -> None:
    """Asking for a channel or a person that is not there says which names come close, or all of them."""
    with pytest.raises(KeyError, match="did you mean 'incidents'"):
        slack.channel("#incident")
    with pytest.raises(KeyError, match="there are alice, bob"):
        slack.user("zebediah")
    with pytest.raises(KeyError, match="no direct message with alice"):
        slack.direct_message("alice")


def test_doubles_are_refused(slack) -> None:
    """Two channels, people or groups of one name cannot be set up."""
    for again in (
        lambda: slack.add_channel("hidden"),
        lambda: slack.add_user("alice"),
        lambda: slack.add_usergroup("oncall"),
    ):
        with pytest.raises(ValueError, match="already"):
            again()


def test_what_a_test_sets_up_is_there() -> None:
    """Channels take topic, purpose, creator and people by object, name or ID; the workspace has its own name."""
    slack = FakeSlack(team="Straße & Co", start=0)
    carol = slack.add_user("carol", email="c@example.com", id="U777")
    channel = slack.add_channel("#a", members=["carol"], topic="T", purpose="P", creator="U777")
    assert (channel.name, channel.topic, channel.purpose, channel.creator) == ("a", "T", "P", "U777")
    assert channel.members == [slack.bot.id, carol.id]
    assert slack.user("c@example.com") is slack.user("@carol") is carol
    assert slack.channels == [channel]
    assert slack.now == 0
    assert slack.client.auth_test()["url"] == "https://stra-e---co.slack.com/"
    assert repr(slack) == "<FakeSlack 'Straße & Co': 1 channels, 1 calls>"


def test_users_conversations_lists_memberships(slack) -> None:
    """The app's own by default; of somebody else the public ones and the private ones that both are in."""
    client, types = slack.client, "public_channel,private_channel"

    def names(**arguments: Any) -> list[str]:
        return [channel["name"] for channel in client.users_conversations(**arguments)["channels"]]

    assert names() == ["general", "incidents", "old"]
    assert names(types=types, exclude_archived=True) == ["general", "incidents", "secret"]
    assert names(types=types, user=slack.user("bob").id) == ["general", "lobby"]
    assert names(types=types, user=slack.user("alice").id) == ["general", "incidents", "secret"]
    first = client.users_conversations(limit=2)
    assert names(limit=2, cursor=first["response_metadata"]["next_cursor"]) == ["old"]
    slack.scopes.remove("groups:read")
    with pytest.raises(SlackApiError, match="missing_scope"):
        names(types=types)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_members_of_a_group_are_replaced(slack, ask, as_json: bool) -> None:
    """A form takes IDs with commas, JSON an array; who was in the group before is out of it."""
    bob, group = slack.user("bob").id, slack.client.usergroups_list()["usergroups"][0]["id"]
    if as_json:
        answer = ask("usergroups.users.update", usergroup=group, users=[bob], include_count=True)
    else:
        answer = slack.client.usergroups_users_update(usergroup=group, users=[bob], include_count=True)
    assert (answer["usergroup"]["users"], answer["usergroup"]["user_count"]) == ([bob], 1)
    assert slack.client.usergroups_users_list(usergroup=group)["users"] == [bob]


@pytest.mark.parametrize("as_json", [False, True])
def test_what_a_group_is_called_changes(slack, ask, as_json: bool) -> None:
    """Name, handle, description and default channels are replaced, each on demand; the members stay."""
    group = slack.client.usergroups_list(include_users=True)["usergroups"][0]
    public, private = slack.channel("incidents").id, slack.add_channel("hush", is_private=True).id
    more = {"name": "On call", "handle": "sre", "channels": [public, private] if as_json else f"{public},{private}"}
    change = ask if as_json else lambda method, **arguments: slack.client.api_call(method, params=arguments).data
    shown = change("usergroups.update", usergroup=group["id"], include_count=True, **more)["usergroup"]
    assert (shown["name"], shown["handle"], shown["description"]) == ("On call", "sre", "")
    assert shown["prefs"] == {"channels": [public], "groups": [private]}
    assert (shown["users"], shown["user_count"]) == (group["users"], len(group["users"]))
    change("usergroups.update", usergroup=group["id"], description="Who answers")
    shown = slack.client.usergroups_list()["usergroups"][0]
    assert (shown["name"], shown["description"], shown["prefs"]["groups"]) == ("On call", "Who answers", [private])
