"""Typed values in templates: they mention exactly whom they name, and nothing else can become one."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks import blocks
from slackrunbooks.markup import Markup
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._mrkdwn import mentions

from .ways import WAYS, Way, open_way

LEAD = sr.UserMention("U0ANN00001", "ann")
TEAM = sr.GroupMention("S0SRE00001", "sre")
ROOM = sr.ChannelMention("C0ROOM0001", "inc-7")
START = sr.Date(datetime(2026, 1, 5, 9, tzinfo=timezone.utc), "{date} {time}")
LINKED = sr.Date(0, "{ago}", "then", "https://e.x/a^b|c?d=1&e")
WIKI = sr.Link("https://wiki.example.com/a b|c>d?x=1&y=2", "Run <this> | now\n*")

SHOWN: list[tuple[Markup, sr.Kind, str]] = [
    (LEAD, sr.Kind.MRKDWN, "<@U0ANN00001>"),
    (LEAD, sr.Kind.MARKDOWN, "@ann"),
    (LEAD, sr.Kind.PLAIN, "@ann"),
    (LEAD, sr.Kind.TOPIC, "@ann"),
    (LEAD, sr.Kind.NAME, "@ann"),
    (LEAD, sr.Kind.RAW, "@ann"),
    (LEAD, sr.Kind.ID, "U0ANN00001"),
    (LEAD, sr.Kind.URL, "U0ANN00001"),
    (LEAD, sr.Kind.CANVAS, "![](@U0ANN00001)"),
    (sr.UserMention("W0ANN00001"), sr.Kind.PLAIN, "@W0ANN00001"),
    (TEAM, sr.Kind.MRKDWN, "<!subteam^S0SRE00001>"),
    (TEAM, sr.Kind.PLAIN, "@sre"),
    (TEAM, sr.Kind.ID, "S0SRE00001"),
    (TEAM, sr.Kind.CANVAS, "@sre"),
    (ROOM, sr.Kind.MRKDWN, "<#C0ROOM0001>"),
    (ROOM, sr.Kind.PLAIN, "#inc-7"),
    (ROOM, sr.Kind.ID, "C0ROOM0001"),
    (ROOM, sr.Kind.CANVAS, "![](#C0ROOM0001)"),
    (START, sr.Kind.MRKDWN, "<!date^1767603600^{date} {time}|2026-01-05 09:00 UTC>"),
    (START, sr.Kind.PLAIN, "2026-01-05 09:00 UTC"),
    (START, sr.Kind.CANVAS, "2026-01-05 09:00 UTC"),
    (START, sr.Kind.URL, "1767603600"),
    (LINKED, sr.Kind.MRKDWN, "<!date^0^{ago}^https://e.x/a%5Eb%7Cc?d=1&amp;e|then>"),
    (LINKED, sr.Kind.PLAIN, "then (https://e.x/a^b|c?d=1&amp;e)"),
    (LINKED, sr.Kind.MARKDOWN, "[then](https://e.x/a^b%7Cc?d=1&e)"),
    (sr.Date(0, "{ago}", "long > ago"), sr.Kind.MRKDWN, "<!date^0^{ago}|long &gt; ago>"),
    (
        WIKI,
        sr.Kind.MRKDWN,
        "<https://wiki.example.com/a%20b%7Cc%3Ed?x=1&amp;y=2|Run &lt;this&gt; | now *>",
    ),
    (sr.Link("https://example.com"), sr.Kind.MRKDWN, "<https://example.com>"),
    (sr.Link("https://example.com/(x)", "doc"), sr.Kind.MARKDOWN, "[doc](https://example.com/%28x%29)"),
    (sr.Link("https://example.com", "doc"), sr.Kind.PLAIN, "doc (https://example.com)"),
    (sr.Link("https://example.com", "doc"), sr.Kind.CANVAS, "[doc](https://example.com)"),
    (sr.Link("https://example.com/a?b=c", "doc"), sr.Kind.URL, "https://example.com/a?b=c"),
    (sr.Link("https://bücher.example/ü\ud800", "doc"), sr.Kind.MRKDWN, "<https://bücher.example/ü%3F|doc>"),
    (sr.Link(" mailto:a@e.x?subject=b c ", "mail"), sr.Kind.MRKDWN, "<mailto:a@e.x?subject=b%20c|mail>"),
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
        ("{{start.when}}", "1767603600"),
        ("<https://example.com/{{lead}}|x>", "<https://example.com/U0ANN00001|x>"),
        ("<https://example.com|{{lead}}>", "<https://example.com|@ann>"),
        ("<{{doc}}|see {{lead}}>", "<https://example.com/d|see @ann>"),
        ("<@{{lead}}> <#{{room}}> <!subteam^{{team}}>", "<@U0ANN00001> <#C0ROOM0001> <!subteam^S0SRE00001>"),
        ("1 < 2, {{lead}}", "1 < 2, @ann"),
    ],
)
def test_a_value_has_parts_and_fits_into_other_tags(source: str, text: str) -> None:
    """Its fields can be read, a section guards it, and in another tag its ID, its address or a readable text stands."""
    context = {"lead": LEAD, "team": TEAM, "room": ROOM, "start": START, "doc": DOC, "all": [LEAD, TEAM]}
    assert sr.Template(source).render(context, escape=sr.Kind.MRKDWN) == text


DOC = sr.Link("https://example.com/d", "doc")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("`{{doc}}` {{doc}}", "`doc (https://example.com/d)` [doc](https://example.com/d)"),
        ("```\n{{lead}}\n```\n{{lead}}", "```\n@ann\n```\n![](@U0ANN00001)"),
        ("[see]({{doc}})", "[see](https://example.com/d)"),
        ("<{{doc}}>", "<https://example.com/d>"),
        ("wow!{{doc}}", "wow!\u2060[doc](https://example.com/d)"),
        ("{{said}}{{doc}}", "wow!\u2060[doc](https://example.com/d)"),
        ("{{said}}{{lead}}", "wow!\u2060![](@U0ANN00001)"),
        ("\\{{doc}}", "\\\u2060[doc](https://example.com/d)"),
        ("\\\\{{doc}}", "\\\\[doc](https://example.com/d)"),
    ],
)
def test_markdown_around_a_value_leaves_it_what_it_is(source: str, text: str) -> None:
    """In code stands text, in an address the address, and no sign before a link makes it an image or literal."""
    context = {"doc": DOC, "lead": LEAD, "said": "wow!"}
    assert sr.Template(source).render(context, escape=sr.Kind.CANVAS) == text


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


# Whatever people, and machines, write, and what might close, open or swallow a tag beside it.
FOREIGN = st.one_of(
    st.text(max_size=20),
    st.lists(
        st.sampled_from(
            ["<", ">", "|", "&", "`", "!", "\\", "[", "](", "<@U0EVE00009>", "<!here>", "![](@U0EVE00009)"]
        ),
        max_size=6,
    ).map("".join),
)


@given(FOREIGN, FOREIGN, st.lists(st.sampled_from([LEAD, TEAM, ROOM, START, WIKI, LINKED]), max_size=3))
def test_values_among_foreign_texts_mention_exactly_whom_they_name(
    before: str, after: str, values: list[Markup]
) -> None:
    """In a text and in each kind of block they notify whom they name, and the blocks stay the author's."""
    fake = FakeSlack()
    fake.add_user("ann", id="U0ANN00001")
    fake.add_user("eve", id="U0EVE00009")
    fake.add_channel("incidents")
    said = "x {{a}}{{#values}}{{.}}{{b}}{{/values}}"
    written = [
        blocks.header(said),
        blocks.section(said),
        *blocks.fields({"{{a}}": said}),
        blocks.context(said),
        blocks.link_buttons({"Open {{a}}": "https://example.com/{{a}}"}),
    ]
    tags = [value.mrkdwn for value in values]
    for content in ({"text": said}, {"blocks": written}, {"markdown_text": said}):
        with fake.executor() as executor:
            try:
                executor.do(
                    sr.SendMessage(channel="#incidents", **content),  # type: ignore[arg-type]
                    {"a": before, "b": after, "values": values},
                )
            except sr.CheckFailed as error:
                # Too long for the label of a button.
                if not all("characters" in problem.message for problem in error.problems):
                    raise
                continue
        message = fake.channel("incidents").messages[-1]
        found = mentions(message.text, message.blocks, handles={})
        assert set(found) == ({*tags} & {LEAD.mrkdwn, TEAM.mrkdwn} if "markdown_text" not in content else set())
        if "blocks" in content:
            assert [block["type"] for block in message.blocks] == [block["type"] for block in written]
            assert message.blocks[1]["text"]["text"].count("<") == len(tags)


@given(FOREIGN, FOREIGN, st.sampled_from([LEAD, ROOM, DOC]))
def test_canvases_mention_exactly_whom_values_name(before: str, after: str, value: Markup) -> None:
    """In the Markdown of a canvas foreign text begins no mention, no image and no link, and the value is one."""
    shown = sr.Template("{{a}}{{v}}{{b}}").render({"a": before, "v": value, "b": after}, escape=sr.Kind.CANVAS)
    live = re.findall(r"(?<!\\)(?:\\\\)*(!?\[[^\]]*\]\([^)]*\))", shown)
    assert live == [value.canvas]


@pytest.mark.parametrize("value", [LEAD, TEAM, ROOM, START, LINKED, WIKI])
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
    (lambda: sr.Date(-1), "Date.when: -1 is no time between 1970 and 5138 in seconds"),
    (lambda: sr.Date(float("nan")), "Date.when: nan is no time"),
    (lambda: sr.Date(float("inf")), "Date.when: inf is no time"),
    (lambda: sr.Date(1767603600000), "These look like milliseconds: divide them by 1,000."),
    (lambda: sr.Date(0, link="mailto:a@e.x"), "Date.link: must be an address that begins with https:// or http://"),
    (lambda: sr.Link("javascript:alert(1)", "x"), "Link.url: must be an address that begins with https://"),
    (lambda: sr.Link("https://", "x"), "Link.url: must be an address"),
    (lambda: sr.Link(7, "x"), "Link.url: must be an address"),  # type: ignore[arg-type]
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
        ({"lead": START}, sr.CheckFailed),
        ({"leads": ["ann@example.com"]}, sr.CheckFailed),
        ({"team.lead": "ann@example.com"}, sr.CheckFailed),
        ({}, sr.CheckFailed),
    ],
)
def test_whoever_is_not_found_ends_the_step(way: Way, names: dict[str, Any], error: type[Exception]) -> None:
    """No text goes out with half of its mentions."""
    with pytest.raises(error):
        way.do(sr.LookUpMentions(names=names))


def test_a_mention_is_found_as_what_it_is(way: Way) -> None:
    """Where the context holds a mention already, nobody is asked."""
    found = way.do(sr.LookUpMentions(names={"lead": "{{lead}}", "room": "{{room}}"}), {"lead": LEAD, "room": ROOM})
    assert found.mentions == {"lead": LEAD, "room": ROOM}
    assert not {"users.lookupByEmail", "conversations.list"} & set(way.sent())


def test_fields_that_are_no_text_take_what_they_need_of_a_value(way: Way) -> None:
    """An address is an address, a channel an ID, a time its seconds, and metadata holds IDs, for programs to read."""
    room = sr.ChannelMention(way.fake.channel("incidents").id)
    context = {"doc": DOC, "lead": LEAD, "room": room, "at": sr.Date(way.fake.now + 3600)}
    assert way.do(sr.AddBookmark(channel="{{room}}", title="{{doc}}", link="{{doc}}"), context).link == DOC.url
    way.do(
        sr.SendMessage(
            channel=room,
            blocks=[blocks.link_buttons({"Open": "{{doc}}", "Lead": "https://example.com/team/{{lead}}"})],
            metadata={"event_type": "declared", "event_payload": {"lead": "{{lead}}", "all": ["{{doc}}"]}},
        ),
        context,
    )
    message = way.fake.channel("incidents").messages[-1]
    assert [button["url"] for button in message.blocks[0]["elements"]] == [
        DOC.url,
        "https://example.com/team/U0ANN00001",
    ]
    payload = message.metadata["event_payload"]
    assert (payload["lead"], payload["all"]) == ("U0ANN00001", [DOC.url])
    scheduled = way.do(sr.ScheduleMessage(channel="{{room}}", text="x", post_at="{{at}}"), context)
    assert scheduled.post_at == context["at"].when
    assert sr.ScheduleMessage(channel="C0123ABCD", text="x", post_at=START).post_at == START.when


def test_a_canvas_mentions_people_and_channels(way: Way) -> None:
    """Slack's Markdown for canvases has mentions, so a value is one there; foreign text is none."""
    context = {"lead": LEAD, "room": ROOM, "note": "![](@U0BOB00002)"}
    way.do(sr.CreateCanvas(channel="#incidents", markdown="{{lead}} in {{room}}: {{note}}"), context)
    assert way.fake.canvases[0].markdown == "![](@U0ANN00001) in ![](#C0ROOM0001): !\\[\\](@U0BOB00002)"


WHEN: list[tuple[Any, bool]] = [
    ("lead", True),
    ("lead.id", True),
    ({"lead.id": "U0ANN00001"}, True),
    ({"lead.id": ["U0BOB00002"]}, False),
    ({"lead": {"exists": True}}, True),
    ({"lead.handle": {"exists": True}}, False),
]


@pytest.mark.parametrize(("when", "runs"), WHEN)
def test_a_condition_reads_the_parts_of_a_value(fake_slack: FakeSlack, when: Any, runs: bool) -> None:
    """Conditions see of it what templates see."""
    fake_slack.add_channel("incidents")
    step = sr.Step(sr.SendMessage(channel="#incidents", text="{{lead}}"), when=when)
    with fake_slack.executor() as executor:
        report = executor.run(sr.Runbook("tell", {"tell": step}), {"lead": LEAD})
    assert report["tell"].outcome == ("succeeded" if runs else "skipped")


@pytest.mark.parametrize(
    ("when", "says"),
    [
        (
            {"lead": "U0ANN00001"},
            "lead is a mention, a date or a link; compare a part of it: lead.id, lead.name, lead.plain.",
        ),
        ({"lead": {"not": "U0ANN00001"}}, "compare a part of it"),
        ({"lead": {"gt": 5}}, "compare a part of it"),
        ({"lead.idd": "U0ANN00001"}, "the context has no 'lead.idd' (did you mean 'lead.id'?)"),
        ({"lead.idd.x": "U0ANN00001"}, "the context has no 'lead.idd' (did you mean 'id'?)"),
    ],
)
def test_a_condition_that_would_never_hold_is_told(fake_slack: FakeSlack, when: Any, says: str) -> None:
    """A value equals no text, and a step that never runs helps nobody."""
    fake_slack.add_channel("incidents")
    step = sr.Step(sr.SendMessage(channel="#incidents", text="x"), when=when)
    with fake_slack.executor() as executor:
        plan = executor.plan(sr.Runbook("tell", {"tell": step}), {"lead": LEAD})
    assert says in plan.problems[0].message


LATER = {
    "who": sr.LookUpUser(user="ann@example.com"),
    "all": sr.LookUpMentions(names={"lead": "ann@example.com", "team": "@sre", "room": "#incidents", "any": "{{x}}"}),
    "inc": sr.CreateChannel(name="inc-7"),
}
READS = [
    "{{steps.who.mention}} {{steps.who.mention.id}} {{steps.who.mention.plain}}",
    "{{#steps.who.mention}}{{id}}{{/steps.who.mention}}",
    "{{steps.all.mentions.lead}} {{steps.all.mentions.lead.name}} {{steps.all.mentions.team.handle}}",
    "{{#steps.all.mentions}}{{lead}} {{room.name}}{{/steps.all.mentions}}",
    "{{steps.all.mentions.any}} {{steps.all.mentions.any.id}}",
    "<@{{steps.all.mentions.lead}}> <https://e.x/{{steps.inc.mention}}|{{steps.inc.mention}}>",
    "{{saved.lead}} {{saved.lead.id}} {{#saved.lead}}{{id}}{{/saved.lead}} {{room}} {{room.name}}",
]


def _later(**more: sr.Action[Any] | sr.Step) -> sr.Runbook:
    saved = {
        "all": sr.Step(LATER["all"], save_as={"saved": "mentions"}),
        "inc": sr.Step(LATER["inc"], save_as={"room": "mention"}),
    }
    return sr.Runbook("tell", {**LATER, **saved, **more})


@pytest.mark.parametrize("text", READS)
def test_what_a_run_can_read_is_no_problem_of_a_check(way: Way, text: str) -> None:
    """A plan shows names for what only the run can tell, and the run reads every one of them."""
    book = _later(tell=sr.SendMessage(channel="{{room}}", text=text))
    context = {"x": "<@U0BOB00002>"}
    with way.fake.executor() as executor:
        plan = executor.plan(book, context)
    assert plan.problems == ()
    assert "‹" in plan["tell"].arguments["text"] and plan["tell"].arguments["channel"] == "‹steps.inc.mention›"
    way.run(book, context).raise_for_failure()


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("steps.who.mention.idd", "steps.who.mention has no 'idd' (did you mean 'id'?); it has id, name, plain."),
        ("steps.all.mentions.laed", "has no 'laed' (did you mean 'lead'?); it has lead, team, room, any."),
        ("steps.all.mentions.room.handle", "steps.all.mentions.room has no 'handle'"),
    ],
)
def test_a_misspelt_part_is_found_before_anything_runs(tag: str, says: str) -> None:
    """What a mention has is known, so a wrong name is no surprise in the middle of a run."""
    with pytest.raises(sr.RunbookError) as refused:
        _later(tell=sr.SendMessage(channel="#incidents", text=f"{{{{{tag}}}}}"))
    assert says in str(refused.value)


def test_a_misspelt_part_of_a_value_names_the_right_one() -> None:
    """So is a wrong name of a value in the context, with the nearest right one."""
    with pytest.raises(sr.MissingVariable, match=r"lead\.id"):
        sr.Template("{{lead.idd}}").render({"lead": LEAD})


def test_each_item_can_be_a_mention(way: Way) -> None:
    """A loop over mentions that only the run can tell prints each and reads its parts."""

    def on_call() -> list[sr.UserMention]:
        return [LEAD, sr.UserMention("U0BOB00002")]

    book = sr.Runbook(
        "page",
        {
            "ask": sr.Function(on_call, repeat="reads"),
            "tell": sr.Step(
                sr.SendMessage(channel="#incidents", text="{{item}}, {{item.id}}{{#item}}, {{title}}{{/item}}"),
                foreach="steps.ask.value",
            ),
        },
    )
    with way.fake.executor() as executor:
        plan = executor.plan(book, {"title": "down"})
    assert plan.problems == ()
    assert plan["tell"].arguments["text"] == "‹item›, ‹item.id›, down"
    way.run(book, {"title": "down"}).raise_for_failure()
    texts = [message.text for message in way.fake.channel("incidents").messages]
    assert texts == ["<@U0ANN00001>, U0ANN00001, down", "<@U0BOB00002>, U0BOB00002, down"]


def test_a_condition_on_a_mention_that_was_saved_is_checked(fake_slack: FakeSlack) -> None:
    """Its parts only the run can tell; that the whole equals no text is known before."""
    with fake_slack.executor() as executor:
        for when, problems in (({"room.id": "C0123ABCD"}, 0), ("saved.lead", 0), ({"room": "C0123ABCD"}, 1)):
            step = sr.Step(sr.SendMessage(channel="#incidents", text="x"), when=when)
            plan = executor.plan(_later(tell=step), {"x": "@sre"})
            assert (len(plan.problems), plan["tell"].skipped) == (problems, ""), when


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
