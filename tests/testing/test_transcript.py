"""The transcript, and how messages read."""

from __future__ import annotations

from slackrunbooks.testing._mrkdwn import flatten_blocks, readable

GOLDEN = """\
#incidents (public, archived)
  members: @runbooks, @alice, @bob
  topic: API & DB <!here>
  description: See #general
  2026-01-05 09:00:00Z @runbooks: @here 5 < 6 & @alice: dashboard (https://x.example)
      eyes on #general
      :eyes: 1
      2026-01-05 09:01:00Z @alice: On it
      2026-01-05 09:01:00Z @runbooks (also in channel): Fixed
  2026-01-05 09:01:00Z Commander (edited):
      | Outage
      | ────
      | *SEV1* @bob
  2026-01-05 09:01:00Z -- @runbooks set the channel topic: API & DB <!here>
  2026-01-05 09:01:00Z -- @runbooks set the channel purpose: See #general
  2026-01-05 09:01:00Z -- @bob has joined the channel
  2026-01-05 09:01:00Z -- @alice archived the channel"""


def test_a_transcript_reads_like_the_channel(slack) -> None:
    """Names are resolved, entities decoded, blocks flattened, threads indented, and states and edits shown."""
    client, channel = slack.client, slack.channel("incidents").id
    alice, bob, general = slack.user("alice"), slack.user("bob"), slack.channel("general").id
    text = f"<!here> 5 &lt; 6 &amp; <@{alice.id}>: <https://x.example|dashboard>\neyes on <#{general}>"
    ts = client.chat_postMessage(channel=channel, text=text)["ts"]
    alice.react("incidents", ts, "eyes")
    slack.advance(60)
    alice.post("incidents", "On it", thread_ts=ts)
    client.chat_postMessage(channel=channel, text="Fixed", thread_ts=ts, reply_broadcast=True)
    status = client.chat_postMessage(channel=channel, text="x", username="Commander")["ts"]
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "Outage"}},
        {"type": "divider"},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*SEV1* <@{bob.id}>"}},
    ]
    client.chat_update(channel=channel, ts=status, text="Status", blocks=blocks)
    client.conversations_setTopic(channel=channel, topic="API & DB <!here>")
    client.conversations_setPurpose(channel=channel, purpose="See #general")
    client.conversations_invite(channel=channel, users=bob.id)
    alice.archive("incidents")
    assert slack.transcript("incidents") == GOLDEN


def test_all_conversations_stand_one_after_the_other(slack) -> None:
    """Without a name every conversation is shown, private ones and direct messages by their kind."""
    slack.client.chat_postMessage(channel=slack.user("alice").id, text="Psst")
    heads = [part.splitlines()[0] for part in slack.transcript().split("\n\n")]
    assert heads == [
        "#general (public)",
        "#incidents (public)",
        "#lobby (public)",
        "#secret (private)",
        "#hidden (private)",
        "#old (public, archived)",
        "@alice (direct message)",
    ]


def test_an_empty_channel_has_no_members(slack) -> None:
    """A channel without members says so."""
    slack.add_channel("empty", is_member=False)
    assert slack.transcript("empty") == "#empty (public)\n  members: none"


def name(an_id: str) -> str:
    """Stand in for the workspace."""
    return {"U1": "@alice", "C1": "#general", "S1": "@oncall"}.get(an_id, an_id)


def test_mrkdwn_reads_as_shown() -> None:
    """Every kind of control sequence has its reading; an entity is decoded once."""
    text = "<@U1> <#C1|general> <!subteam^S1> <!here> <!date^1^{date}|Monday> <https://x> <mailto:a@b|me> &amp;lt; &lt;"
    assert readable(text, name) == "@alice #general @oncall @here Monday https://x me (a@b) &lt; <"


def test_every_block_has_lines() -> None:
    """Images, buttons, menus, context, tables, lists and rich text are shown as text."""
    blocks = [
        {"type": "image", "image_url": "https://x", "alt_text": "graph"},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Ack"}},
                {"type": "static_select", "placeholder": {"type": "plain_text", "text": "Pick"}},
                {"type": "datepicker"},
            ],
        },
        {
            "type": "context",
            "elements": [
                {"type": "image", "image_url": "https://x", "alt_text": "logo"},
                {"type": "mrkdwn", "text": "by <@U1>"},
            ],
        },
        {"type": "markdown", "text": "# Title\nBody"},
        {
            "type": "table",
            "rows": [
                [
                    {"type": "raw_text", "text": "a"},
                    {
                        "type": "rich_text",
                        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "b"}]}],
                    },
                    "c",
                ]
            ],
        },
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "Hi "},
                        {"type": "user", "user_id": "U1"},
                        {"type": "broadcast", "range": "here"},
                        {"type": "emoji", "name": "eyes"},
                        {"type": "link", "url": "https://x"},
                        {"type": "channel", "channel_id": "C1"},
                        {"type": "usergroup", "usergroup_id": "S1"},
                        {"type": "date", "fallback": "Monday"},
                    ],
                },
                {
                    "type": "rich_text_list",
                    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "item"}]}],
                },
            ],
        },
    ]
    assert flatten_blocks(blocks, name) == [
        "[image: graph]",
        "[Ack]",
        "[Pick]",
        "[datepicker]",
        "[image: logo] by @alice",
        "# Title",
        "Body",
        "a | b | ",
        "Hi @alice@here:eyes:https://x#general@oncallMonday",
        "• item",
    ]
