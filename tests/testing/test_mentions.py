"""Who is pinged: https://docs.slack.dev/messaging/formatting-message-text."""

from __future__ import annotations

from typing import Any

import pytest

from slackrunbooks.testing._mrkdwn import mentions

MRKDWN = {"type": "mrkdwn"}


def rich(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    """Return rich text with those elements."""
    return [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}]


TEXTS: list[tuple[str, list[str]]] = [
    ("Hi", []),
    ("<!here> and <!channel>", ["<!here>", "<!channel>"]),
    ("<!everyone>", ["<!everyone>"]),
    ("<!here|here>", ["<!here>"]),
    ("<@U0FAKE0001|alice> <@W123>", ["<@U0FAKE0001>", "<@W123>"]),
    ("<!subteam^S123|@oncall>", ["<!subteam^S123>"]),
    ("<@U1> twice <@U1>", ["<@U1>"]),
    ("&lt;!here&gt; &lt;@U1&gt;", []),
    ("@here @channel @oncall", []),
    ("<#C123> <https://x.example|@here> <!date^1^{date}|@channel>", []),
    ("<mailto:a@here.example|a>", []),
    ("<! here>", []),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_a_text_pings_by_control_sequence_only(text: str, expected: list[str]) -> None:
    """Sequences in angle brackets ping; entities, bare names, links and dates do not."""
    assert mentions(text, handles={"oncall": "S1"}) == expected


BLOCKS: list[tuple[list[Any], list[str]]] = [
    ([{"type": "section", "text": {**MRKDWN, "text": "<!here>", "verbatim": True}}], ["<!here>"]),
    ([{"type": "section", "text": {**MRKDWN, "text": "@here @oncall", "verbatim": True}}], []),
    (
        [{"type": "section", "text": {**MRKDWN, "text": "@here, @oncall and @nobody"}}],
        ["<!here>", "<!subteam^S1>"],
    ),
    ([{"type": "section", "text": {**MRKDWN, "text": "mail me@here.example"}}], []),
    ([{"type": "section", "text": {"type": "plain_text", "text": "<!here> @here"}}], []),
    ([{"type": "section", "fields": [{**MRKDWN, "text": "<@U1>"}]}], ["<@U1>"]),
    ([{"type": "context", "elements": [{**MRKDWN, "text": "<@U1>"}]}], ["<@U1>"]),
    ([{"type": "markdown", "text": "**<!channel>** @here"}], ["<!channel>"]),
    (rich({"type": "text", "text": "<!here>"}), []),
    (rich({"type": "broadcast", "range": "channel"}), ["<!channel>"]),
    (rich({"type": "user", "user_id": "U1"}, {"type": "usergroup", "usergroup_id": "S1"}), ["<@U1>", "<!subteam^S1>"]),
]


@pytest.mark.parametrize(("blocks", "expected"), BLOCKS)
def test_a_block_pings_by_its_kind_of_text(blocks: list[Any], expected: list[str]) -> None:
    """Mrkdwn parses bare names unless verbatim; plain text never pings; rich text pings by its elements."""
    assert mentions("", blocks, handles={"oncall": "S1"}) == expected


def test_link_names_and_parse_full_find_names() -> None:
    """With either argument the top-level text is searched for broadcasts and groups."""
    handles = {"oncall": "S1"}
    for options in ({"link_names": True}, {"parse_full": True}):
        assert mentions("@channel @oncall", handles=handles, **options) == ["<!channel>", "<!subteam^S1>"]


def test_attachments_ping_too() -> None:
    """Text, pretext and blocks of an attachment count; what is no attachment does not."""
    attachments = [
        {"text": "<@U1>", "pretext": "<!here>", "blocks": [{"type": "section", "text": {**MRKDWN, "text": "<@U2>"}}]},
        "nonsense",
    ]
    assert mentions("", attachments=attachments, handles={}) == ["<!here>", "<@U1>", "<@U2>"]


def pings(slack) -> list[tuple[str, str]]:
    """Return who was pinged by what, by name."""
    return [(slack.user(ping.user).name, ping.by) for ping in slack.notified]


def test_a_broadcast_reaches_the_members(slack) -> None:
    """@channel and @here reach every person in the channel but the author; bots and the deleted are not pinged."""
    slack.channel("incidents").members += [slack.user("gone").id, slack.user("otherbot").id]
    answer = slack.client.chat_postMessage(channel="incidents", text="<!channel> <!here>")
    assert pings(slack) == [("alice", "<!channel>"), ("alice", "<!here>")]
    assert {(ping.channel, ping.ts) for ping in slack.notified} == {(answer["channel"], answer["ts"])}


def test_everyone_is_everyone_in_general(slack) -> None:
    """@everyone reaches the members of the general channel, wherever it is said."""
    slack.client.chat_postMessage(channel="incidents", text="<!everyone>")
    assert pings(slack) == [("alice", "<!everyone>"), ("bob", "<!everyone>")]


def test_everyone_without_a_general_channel_is_the_channel(slack) -> None:
    """A workspace of a test that has no general channel pings the members at hand."""
    slack.channel("general").is_general = False
    slack.client.chat_postMessage(channel="incidents", text="<!everyone>")
    assert pings(slack) == [("alice", "<!everyone>")]


def test_groups_and_people_are_reached_by_id(slack) -> None:
    """A group pings its members; unknown and disabled ones nobody; a person need not be in the channel."""
    group = slack.add_usergroup("sre", ["bob"])
    bob = slack.user("bob").id
    slack.client.chat_postMessage(channel="incidents", text=f"<!subteam^{group.id}> <@{bob}> <!subteam^S404> <@U404>")
    assert pings(slack) == [("bob", f"<!subteam^{group.id}>"), ("bob", f"<@{bob}>")]
    group.is_disabled = True
    slack.client.chat_postMessage(channel="incidents", text=f"<!subteam^{group.id}> @sre", link_names=True)
    assert len(slack.notified) == 2


def test_a_direct_message_pings(slack) -> None:
    """Any message in a direct message pings the other side, also one from a person to the app's conversation."""
    slack.client.chat_postMessage(channel=slack.user("alice").id, text="Psst")
    slack.user("alice").post(slack.direct_message("alice"), "What?")
    assert pings(slack) == [("alice", "dm")]


def test_a_person_pings_as_well(slack) -> None:
    """What people post is read by the same rules, and they do not ping themselves."""
    slack.user("bob").post("general", "<!channel>")
    assert pings(slack) == [("alice", "<!channel>")]


def test_an_edit_pings_for_new_mentions_only(slack) -> None:
    """A mention that was there before is no second ping; one that is added counts."""
    alice = slack.user("alice").id
    answer = slack.client.chat_postMessage(channel="incidents", text="<!here>")
    slack.client.chat_update(channel=answer["channel"], ts=answer["ts"], text=f"<!here> <@{alice}>")
    assert pings(slack) == [("alice", "<!here>"), ("alice", f"<@{alice}>")]
