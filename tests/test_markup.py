"""Typed values in templates: they mention exactly whom they name, and nothing else can become one."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks.markup import Markup
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._mrkdwn import mentions

from .ways import WAYS, Way, open_way

LEAD = sr.UserMention("U0ANN00001", "ann")
TEAM = sr.GroupMention("S0SRE00001", "sre")
ROOM = sr.ChannelMention("C0ROOM0001", "inc-7")
START = sr.Date(datetime(2026, 1, 5, 9, tzinfo=timezone.utc), "{date} {time}")
WIKI = sr.Link("https://wiki.example.com/a b|c>d?x=1&y=2", "Run <this> | now\n*")

SHOWN: list[tuple[Markup, sr.Kind, str]] = [
    (LEAD, sr.Kind.MRKDWN, "<@U0ANN00001>"),
    (LEAD, sr.Kind.MARKDOWN, "@ann"),
    (LEAD, sr.Kind.PLAIN, "@ann"),
    (LEAD, sr.Kind.TOPIC, "@ann"),
    (LEAD, sr.Kind.ID, "U0ANN00001"),
    (sr.UserMention("W0ANN00001"), sr.Kind.PLAIN, "@W0ANN00001"),
    (TEAM, sr.Kind.MRKDWN, "<!subteam^S0SRE00001>"),
    (TEAM, sr.Kind.PLAIN, "@sre"),
    (ROOM, sr.Kind.MRKDWN, "<#C0ROOM0001>"),
    (ROOM, sr.Kind.PLAIN, "#inc-7"),
    (ROOM, sr.Kind.ID, "C0ROOM0001"),
    (START, sr.Kind.MRKDWN, "<!date^1767603600^{date} {time}|2026-01-05 09:00 UTC>"),
    (START, sr.Kind.PLAIN, "2026-01-05 09:00 UTC"),
    (sr.Date(0, "{ago}", "long > ago"), sr.Kind.MRKDWN, "<!date^0^{ago}|long &gt; ago>"),
    (
        WIKI,
        sr.Kind.MRKDWN,
        "<https://wiki.example.com/a%20b%7Cc%3Ed?x=1&amp;y=2|Run &lt;this&gt; | now *>",
    ),
    (sr.Link("https://example.com"), sr.Kind.MRKDWN, "<https://example.com>"),
    (sr.Link("https://example.com/(x)", "doc"), sr.Kind.MARKDOWN, "[doc](https://example.com/%28x%29)"),
    (sr.Link("https://example.com", "doc"), sr.Kind.PLAIN, "doc (https://example.com)"),
]


@pytest.mark.parametrize(("value", "kind", "text"), SHOWN)
def test_each_kind_of_text_shows_a_value_in_its_own_way(value: Markup, kind: sr.Kind, text: str) -> None:
    """Slack's tag stands where Slack reads tags, and the readable text or the ID everywhere else."""
    for source in ("{{x}}", "{{{x}}}", "{{&x}}", "{{#x}}{{.}}{{/x}}", "{{a.x}}"):
        assert sr.Template(source).render({"x": value, "a": {"x": value}}, escape=kind) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{lead.id}} {{lead.name}}", "U0ANN00001 ann"),
        ("{{#lead}}{{id}}{{/lead}}", "U0ANN00001"),
        ("{{^lead}}nobody{{/lead}}", ""),
        ("{{#all}}{{.}} {{/all}}", "<@U0ANN00001> <!subteam^S0SRE00001> "),
        ("<https://example.com/{{lead}}|x>", "<https://example.com/@ann|x>"),
        ("<https://example.com|{{lead}}>", "<https://example.com|@ann>"),
    ],
)
def test_a_value_has_parts_and_stays_out_of_other_tags(source: str, text: str) -> None:
    """Its fields can be read, a section guards it, and inside of another tag only its readable text stands."""
    assert sr.Template(source).render({"lead": LEAD, "all": [LEAD, TEAM]}, escape=sr.Kind.MRKDWN) == text


def test_in_code_of_markdown_a_link_is_text() -> None:
    """Markdown shows brackets in code as they are, so no link stands there."""
    link = sr.Link("https://example.com", "doc")
    shown = sr.Template("`{{x}}` {{x}}").render({"x": link}, escape=sr.Kind.MARKDOWN)
    assert shown.startswith("`doc (https://example.com)`") and shown.endswith("[doc](https://example.com)")


@given(st.text(), st.sampled_from([LEAD, TEAM, ROOM, START]))
def test_no_foreign_text_becomes_a_mention(text: str, value: Markup) -> None:
    """Whatever a text says, also the tag of a value, it mentions nobody; beside it the value mentions whom it names."""
    for foreign in (text, value.mrkdwn + text, f"<!channel>{text}", repr(value), json.dumps(value.parts)):
        alone = sr.Template("{{x}}").render({"x": foreign}, escape=sr.Kind.MRKDWN)
        both = sr.Template("{{x}} {{v}}").render({"x": foreign, "v": value}, escape=sr.Kind.MRKDWN)
        assert not mentions(alone, handles={})
        assert mentions(both, handles={}) == mentions(value.mrkdwn, handles={})


@given(st.text(), st.text(), st.text())
def test_no_label_and_no_address_breaks_out_of_its_tag(label: str, tail: str, fallback: str) -> None:
    """A link is one tag and a date is one tag, whatever their texts say, and neither mentions anybody."""
    link = sr.Link("https://example.com/" + tail, label)
    date = sr.Date(0, "{date}", fallback)
    for shown in (link.mrkdwn, date.mrkdwn):
        assert (shown.count("<"), shown.count(">")) == (1, 1)
        assert shown.startswith("<") and shown.endswith(">")
        assert not mentions(shown, handles={})
        assert "\n" not in shown


@pytest.mark.parametrize("value", [LEAD, TEAM, ROOM, START, WIKI])
def test_a_value_can_be_copied_pickled_and_compared(value: Markup) -> None:
    """It is a value: equal to its copies, hashable, and without a way to change it."""
    assert copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value
    assert len({value, copy.copy(value)}) == 1
    with pytest.raises(AttributeError):
        value.id = "U1"  # type: ignore[attr-defined]


WRONG: list[tuple[Any, str]] = [
    (lambda: sr.UserMention("ann"), "UserMention.id: 'ann' is no ID of Slack's; it begins with U or W"),
    (lambda: sr.UserMention("U1> <!channel"), "is no ID"),
    (lambda: sr.GroupMention("U0123ABCD"), "it begins with S"),
    (lambda: sr.ChannelMention("#general"), "it begins with C or G or D"),
    (lambda: sr.Date(datetime(2026, 1, 5)), "Date.when: needs a time zone"),
    (lambda: sr.Date("today"), "must be a datetime"),  # type: ignore[arg-type]
    (lambda: sr.Date(0, "{day}"), "Date.format: {day} is no token; there are {ago}, {date}"),
    (lambda: sr.Date(0, "today"), "has no token"),
    (lambda: sr.Date(0, "{date}|x>"), "takes none of"),
    (lambda: sr.Link("javascript:alert(1)", "x"), "Link.url: must be text that begins with https://"),
]


@pytest.mark.parametrize(("make", "says"), WRONG)
def test_a_value_that_would_say_something_else_is_not_built(make: Any, says: str) -> None:
    """A wrong ID, token or address is refused where it is written."""
    with pytest.raises(sr.RunbookError) as refused:
        make()
    assert says in str(refused.value)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """A workspace with somebody of each kind, reached each of the four ways."""
    with open_way(request.param) as way:
        ann = way.fake.add_user("ann", id="U0ANN00001", email="ann@example.com")
        way.fake.add_user("bob", id="U0BOB00002")
        way.fake.add_channel("incidents", members=[ann, "bob"])
        way.fake.add_usergroup("sre", ["bob"])
        yield way


def test_people_groups_and_channels_are_found_by_name_and_mentioned(way: Way) -> None:
    """A step finds them, a text mentions them, exactly they are notified, and a topic shows their names."""
    book = sr.Runbook(
        "tell",
        {
            "who": sr.LookUpMentions(
                names={"lead": "{{lead}}", "team": "@sre", "room": "#incidents", "bob": "<@U0BOB00002>"}
            ),
            "tell": sr.SendMessage(
                channel="{{steps.who.mentions.room}}",
                text="{{steps.who.mentions.lead}} with {{steps.who.mentions.team}} in {{steps.who.mentions.room}}",
                blocks=[
                    {"type": "header", "text": {"type": "plain_text", "text": "{{steps.who.mentions.lead}} leads"}},
                    {"type": "section", "text": {"type": "mrkdwn", "text": "{{steps.who.mentions.bob}} {{title}}"}},
                ],
            ),
            "topic": sr.SetTopic(channel="#incidents", topic="Lead: {{steps.who.mentions.lead}}"),
            "dm": sr.SendDirectMessage(users="{{steps.who.mentions.lead}}", text="Your turn"),
        },
    )
    context = {"lead": "ann@example.com", "title": "<@U0ANN00001> <!channel>"}
    team = way.fake.usergroup("sre").id
    report = way.run(book, context)
    report.raise_for_failure()
    message = next(message for message in way.fake.channel("incidents").messages if message.blocks)
    assert message.blocks[0]["text"]["text"] == "@ann leads"
    assert message.blocks[1]["text"]["text"].startswith("<@U0BOB00002> &lt;@U0ANN00001&gt;")
    assert way.fake.channel("incidents").topic == "Lead: @ann"
    # The text is what notifications show, so whom it mentions is notified as well.
    pings = {(ping.user, ping.by) for ping in way.fake.notified if ping.ts == message.ts}
    assert pings == {
        ("U0ANN00001", "<@U0ANN00001>"),
        ("U0BOB00002", f"<!subteam^{team}>"),
        ("U0BOB00002", "<@U0BOB00002>"),
    }
    found = report.output("who", sr.MentionsFound).mentions
    assert found["lead"] == LEAD and found["team"].plain == "@sre" and found["room"].plain == "#incidents"
    assert way.sent().count("users.lookupByEmail") == 1
    assert json.loads(json.dumps(report.to_dict()))["steps"][0]["output"]["mentions"]["lead"] == "<@U0ANN00001>"
    with way.fake.executor() as executor:
        assert not executor.plan(book, context).problems


def test_outputs_have_mentions(way: Way) -> None:
    """Who was looked up and what was created can be mentioned by the next step."""
    book = sr.Runbook(
        "tell",
        {
            "lead": sr.LookUpUser(user="ann@example.com"),
            "room": sr.CreateChannel(name="inc-7"),
            "tell": sr.SendMessage(channel="#incidents", text="{{steps.lead.mention}} in {{steps.room.mention}}"),
        },
    )
    report = way.run(book, {})
    report.raise_for_failure()
    room = report.output("room", sr.ChannelCreated).channel
    assert way.fake.channel("incidents").messages[-1].text == f"<@U0ANN00001> in <#{room}>"


@pytest.mark.parametrize(
    ("names", "error"),
    [
        ({"lead": "nobody@example.com"}, sr.UserNotFound),
        ({"team": "@nobody"}, sr.SlackError),
        ({"room": "#nowhere"}, sr.ChannelNotFound),
        ({"lead": "Ann Smith"}, sr.CheckFailed),
        ({"lead": "ann"}, sr.CheckFailed),
        ({}, sr.CheckFailed),
    ],
)
def test_whoever_is_not_found_ends_the_step(way: Way, names: dict[str, str], error: type[Exception]) -> None:
    """No text goes out with half of its mentions."""
    with pytest.raises(error):
        way.do(sr.LookUpMentions(names=names))


def test_values_go_through_a_context_and_inputs(fake_slack: FakeSlack) -> None:
    """A host puts them into the context of a runbook, also for an input that is text."""
    fake_slack.add_channel("incidents")
    book = sr.Runbook(
        "tell",
        {"tell": sr.SendMessage(channel="#incidents", text="{{lead}} {{links.0}} since {{start}}")},
        inputs={"lead": sr.Input(str), "links": sr.Input(list), "start": sr.Input("any")},
    )
    context = {"lead": LEAD, "links": [sr.Link("https://example.com", "docs")], "start": START}

    async def go() -> sr.Report:
        async with fake_slack.async_executor() as executor:
            return await executor.run(book, context)

    asyncio.run(go()).raise_for_failure()
    assert fake_slack.channel("incidents").messages[-1].text == (
        "<@U0ANN00001> <https://example.com|docs> since <!date^1767603600^{date} {time}|2026-01-05 09:00 UTC>"
    )


@pytest.mark.parametrize(
    ("value", "level", "rank"),
    [
        ("SEV1", "critical", "1"),
        ("sev-2", "major", "2"),
        ("P0", "critical", "1"),
        ("p3 (customers)", "moderate", "3"),
        (2, "major", "2"),
        ("Severity 4", "minor", "4"),
        ("critical", "critical", "1"),
        ("major", "major", "2"),
        ("minor", "minor", "4"),
        ("none", "none", "5"),
        ("S9", "none", "5"),
        ("", "unknown", ""),
        (None, "unknown", ""),
        ("odd", "unknown", ""),
    ],
)
def test_severity_is_data_for_templates(value: object, level: str, rank: str) -> None:
    """The words and numbers of trackers and status pages have one emoji and colour each."""
    shown = sr.severity(value)
    assert (shown["level"], shown["rank"]) == (level, rank)
    assert shown["emoji"].startswith(":") and shown["color"].startswith("#")
    label = sr.Template("{{severity.emoji}} {{severity.label}}").render({"severity": shown}, escape=sr.Kind.MRKDWN)
    assert label == f"{shown['emoji']} {'' if value is None else value}"
