"""The same table of runs, four ways: sync and async, in process and over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

from .ways import WAYS, Way, open_way

NASTY = "<!channel> <@U1> *_~ \" ' & \n {{x}}"

ACTIVITY = {
    "id": "INC-42",
    "title": "API down",
    "severity": "SEV1",
    "status": "investigating",
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Each of the four ways in turn."""
    with open_way(request.param) as opened:
        yield opened


@attrs.frozen
class Case:
    """A run: what stands before, what is run, and what came of it."""

    name: str
    steps: dict[str, Any]
    outcomes: dict[str, str]
    calls: list[str]
    state: str = "succeeded"
    before: Callable[[FakeSlack], Any] = lambda fake: fake.add_channel("incidents")
    after: Callable[[FakeSlack, sr.Report], bool] = lambda fake, report: True
    naps: list[float] = attrs.field(factory=list)


def _taken(fake: FakeSlack) -> None:
    fake.add_channel("incidents")
    fake.add_channel("inc-inc-42")


def _limited(fake: FakeSlack) -> None:
    fake.add_channel("incidents")
    fake.fail_next("chat.postMessage", "ratelimited", retry_after=7, times=2)


def _impatient(fake: FakeSlack) -> None:
    fake.add_channel("incidents")
    fake.fail_next("chat.postMessage", "ratelimited", retry_after=3600)


def _lost(fake: FakeSlack) -> None:
    fake.add_channel("incidents")
    # A token that may not read the channel, so that nobody can look what became of the message.
    fake.scopes = {"chat:write"}
    fake.lose_reply("chat.postMessage")


def _topic_fails(fake: FakeSlack) -> None:
    fake.add_channel("incidents")
    fake.fail_next("conversations.setPurpose", "user_is_restricted")


ROOM = sr.CreateChannel(name="inc-{{Activity.id}}", description="{{Activity.title}}")
SAY = sr.SendMessage(channel="#incidents", text="*{{Activity.severity}}* {{Activity.title}}")
POST = "chat.postMessage"
CREATE = ["conversations.create", "conversations.setPurpose"]

CASES = [
    Case(
        "a channel, then a message in it",
        {
            "room": ROOM,
            "hello": sr.SendMessage(channel="{{steps.room.channel}}", text="Welcome to {{steps.room.name}}"),
        },
        {"room": "succeeded", "hello": "succeeded"},
        [*CREATE, POST],
        after=lambda fake, report: (
            fake.channel("inc-inc-42").purpose == "API down"
            and fake.channel("inc-inc-42").messages[-1].text == "Welcome to inc-inc-42"
        ),
    ),
    Case(
        "a condition that does not hold",
        {"say": sr.Step(SAY, when={"Activity.severity": ["SEV2", "SEV3"]})},
        {"say": "skipped"},
        [],
        after=lambda fake, report: report["say"].reason == "Activity.severity is 'SEV1'",
    ),
    Case(
        "a failure skips the rest, and says so where it is asked to",
        {
            "room": ROOM,
            "say": SAY,
            "sorry": sr.Step(
                sr.SendMessage(channel="#incidents", text="{{error.step}} failed: {{error.code}}. {{error.remedy}}"),
                run_if="failure",
            ),
            "log": sr.Step(
                sr.SendMessage(channel="#incidents", text="done{{#error}} with errors{{/error}}"), run_if="always"
            ),
        },
        {"room": "failed", "say": "skipped", "sorry": "succeeded", "log": "succeeded"},
        ["conversations.create", POST, POST],
        state="failed",
        before=_taken,
        after=lambda fake, report: (
            fake.channel("incidents").messages[0].text.startswith("room failed: name_taken. ")
            and "suffix" in fake.channel("incidents").messages[0].text
            and fake.channel("incidents").messages[1].text == "done with errors"
            and isinstance(report["room"].error, sr.NameTaken)
        ),
    ),
    Case(
        "a cosmetic step that fails stops nothing",
        {"room": sr.Step(ROOM, on_error="continue"), "say": SAY},
        {"room": "failed", "say": "succeeded"},
        ["conversations.create", POST],
        before=_taken,
        after=lambda fake, report: report.ok,
    ),
    Case(
        "a step that fails halfway tells what exists",
        {
            "room": sr.Step(ROOM, save_as={"Activity.slack_channel": "channel"}),
            "sorry": sr.Step(sr.SendMessage(channel="{{steps.room.channel}}", text="half made"), run_if="failure"),
        },
        {"room": "failed", "sorry": "succeeded"},
        [*CREATE, POST],
        state="failed",
        before=_topic_fails,
        after=lambda fake, report: (
            report.output("room", sr.ChannelCreated).channel == fake.channel("inc-inc-42").id
            and report.context["Activity"]["slack_channel"] == fake.channel("inc-inc-42").id
            and fake.channel("inc-inc-42").messages[-1].text == "half made"
        ),
    ),
    Case(
        "a rate limit is waited out, exactly as long as Slack says",
        {"say": SAY},
        {"say": "succeeded"},
        [POST, POST, POST],
        before=_limited,
        naps=[7.0, 7.0],
        after=lambda fake, report: (
            len(fake.channel("incidents").messages) == 1
            and report["say"].attempts == 3
            and report["say"].waited == 14.0
            and report["say"].calls == (POST,)
        ),
    ),
    Case(
        "a rate limit that asks for too long is not waited for",
        {"say": SAY},
        {"say": "failed"},
        [POST],
        state="failed",
        before=_impatient,
        after=lambda fake, report: (
            isinstance(report["say"].error, sr.RateLimited) and report["say"].error.retry_after == 3600.0
        ),
    ),
    Case(
        "a lost answer stops the run, and nothing is sent again",
        {"say": SAY, "again": SAY},
        {"say": "ambiguous", "again": "skipped"},
        [POST, "auth.test", "conversations.list", "conversations.list"],
        state="ambiguous",
        before=_lost,
        after=lambda fake, report: (
            len(fake.channel("incidents").messages) == 1 and isinstance(report["say"].error, sr.AmbiguousOutcome)
        ),
    ),
    Case(
        "what is saved reaches later steps and the next runbook",
        {
            "say": sr.Step(SAY, save_as={"Activity.status_ts": "ts", "Activity.status_channel": "channel"}),
            "reply": sr.SendMessage(
                channel="{{Activity.status_channel}}", thread_ts="{{Activity.status_ts}}", text="more"
            ),
            "change": sr.UpdateMessage(
                channel="{{Activity.status_channel}}", ts="{{Activity.status_ts}}", text="now: {{Activity.status}}"
            ),
        },
        {"say": "succeeded", "reply": "succeeded", "change": "succeeded"},
        [POST, POST, "chat.update"],
        after=lambda fake, report: (
            fake.channel("incidents").messages[0].text == "now: investigating"
            and report.saved["Activity.status_ts"] == fake.channel("incidents").messages[0].ts
            and report.context["Activity"]["title"] == "API down"
        ),
    ),
    Case(
        "archiving twice is done once",
        {
            "room": ROOM,
            "close": sr.ArchiveChannel(channel="{{steps.room.channel}}"),
            "again": sr.ArchiveChannel(channel="{{steps.room.channel}}"),
        },
        {"room": "succeeded", "close": "succeeded", "again": "succeeded"},
        [*CREATE, "conversations.archive", "conversations.archive"],
        after=lambda fake, report: (
            not report.output("close", sr.ChannelArchived).already_archived
            and report.output("again", sr.ChannelArchived).already_archived
            and fake.channel("inc-inc-42").is_archived
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_run(way: Way, case: Case) -> None:
    """Each run ends as the table says, with just the calls it names, whichever way it went."""
    case.before(way.fake)
    report = way.run(sr.Runbook("table", case.steps), {"Activity": dict(ACTIVITY)})
    assert {step.name: step.outcome for step in report.steps} == case.outcomes, str(report)
    assert way.sent() == case.calls
    assert report.state == case.state
    assert way.fake.naps == case.naps
    assert case.after(way.fake, report), str(report)


def test_a_nasty_title_is_inert_and_readable_everywhere(way: Way) -> None:
    """A title full of Slack's control characters pings nobody, breaks nothing and reads as it was written."""
    way.fake.add_channel("incidents", members=[way.fake.add_user("ann", id="U1")])
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "{{Activity.title}}"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*{{Activity.title}}*"}},
    ]
    runbook = sr.Runbook(
        "nasty",
        {
            "room": sr.CreateChannel(
                name="inc {{Activity.title}}", topic="{{Activity.title}}", description="{{Activity.title}}"
            ),
            "text": sr.SendMessage(channel="#incidents", text="Title: {{Activity.title}}"),
            "markdown": sr.SendMessage(channel="#incidents", markdown_text="# {{Activity.title}}"),
            "blocks": sr.SendMessage(channel="#incidents", blocks=blocks),
        },
    )
    report = way.run(runbook, {"Activity": {"title": NASTY}})
    report.raise_for_failure()
    assert way.fake.notified == []
    messages = way.fake.channel("incidents").messages
    inert = "&lt;!channel&gt; &lt;@U1&gt; *_~ \" ' &amp; \n {{x}}"
    assert messages[0].text == f"Title: {inert}"
    assert "<" not in messages[1].text.replace("&lt;", "")
    assert messages[2].blocks[0]["text"]["text"] == inert
    assert messages[2].blocks[1]["text"] == {"type": "mrkdwn", "text": f"*{inert}*", "verbatim": True}
    room = report.output("room", sr.ChannelCreated)
    assert room.name == "inc-channel-u1-_-x" and room.renamed
    assert way.fake.channel(room.channel).topic == "&lt;!channel&gt; &lt;@U1&gt; *_~ \" ' &amp; {{x}}"
    assert way.fake.transcript("incidents").count("<!channel> <@U1> *_~ \" ' & \n") >= 3
    shown = "<!channel> <@U1> *_~ \" ' & {{x}}"
    assert f"  topic: {shown}\n  description: {shown}\n" in way.fake.transcript(room.name)


def test_the_starting_documents_own_example_works(way: Way) -> None:
    """``incident-{{Activity.id}}`` with ``INC-12345`` makes a channel, though Slack refuses capital letters."""
    action = sr.CreateChannel(name="incident-{{Activity.id}}")
    made = way.do(action, {"Activity": {"id": "INC-12345"}})
    assert (made.name, made.requested_name, made.renamed) == ("incident-inc-12345", "incident-INC-12345", True)


def test_one_lost_answer_makes_one_post_and_one_ambiguous_outcome(way: Way) -> None:
    """A lost answer is reported as such, and the message stands once."""
    way.fake.add_channel("incidents")
    way.fake.lose_reply("chat.postMessage")
    with pytest.raises(sr.AmbiguousOutcome, match=r"chat\.postMessage was sent, but its answer was lost") as caught:
        way.do(sr.SendMessage(channel="#incidents", text="hello"), on_ambiguous="fail")
    assert caught.value.method == "chat.postMessage"
    assert len(way.fake.channel("incidents").messages) == 1
    assert way.sent() == ["chat.postMessage"]


def test_a_read_whose_answer_is_lost_is_read_again(way: Way) -> None:
    """A look-up changes nothing, so a lost answer costs only another request."""
    ann = way.fake.add_user("ann", email="ann@example.com")
    way.fake.lose_reply("users.lookupByEmail")
    sent = way.do(sr.SendDirectMessage(users="ann@example.com", text="hi"))
    assert way.sent() == ["users.lookupByEmail", "users.lookupByEmail", "chat.postMessage"]
    assert sent.channel.startswith("D") and ann.id


def test_a_run_id_gives_the_recorded_report() -> None:
    """The same run ID again returns the first report and calls nothing."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    runbook = sr.Runbook("one", {"say": SAY})
    with fake.executor() as executor:
        first = executor.run(runbook, {"Activity": ACTIVITY}, run_id="inc-42", actor="pager", reason="PGR0VU2")
        again = executor.run(runbook, {"Activity": ACTIVITY}, run_id="inc-42")
        other = executor.run(runbook, {"Activity": {**ACTIVITY, "title": "else"}}, run_id="inc-42")
        with pytest.raises(sr.RunConflict, match="give this one another run_id"):
            executor.run(sr.Runbook("two", {"say": SAY}), {"Activity": ACTIVITY}, run_id="inc-42")
        assert executor.report("inc-42") is first
    assert again is first
    assert (first.actor, first.reason) == ("pager", "PGR0VU2")
    assert other.notes == ("The context differs from the one the run began with, and was ignored.",)
    assert len(fake.calls) == 1


def test_a_key_makes_one_action_idempotent() -> None:
    """``do`` with a key that was used returns the recorded output."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    with fake.executor() as executor:
        first = executor.do(SAY, {"Activity": ACTIVITY}, key="inc-42/say")
        assert executor.do(SAY, {"Activity": ACTIVITY}, key="inc-42/say") == first
        with pytest.raises(sr.RunConflict):
            executor.do(sr.SetTopic(channel="C1", topic="x"), key="inc-42/say")
    assert len(fake.channel("incidents").messages) == 1


def test_the_report_can_be_read_by_people_and_programs(way: Way) -> None:
    """A report prints, shows as HTML and turns into JSON-safe data, escaped and without message bodies."""
    import json

    way.fake.add_channel("incidents")
    report = way.run(sr.Runbook("<b>one</b>", {"say": SAY}), {"Activity": {**ACTIVITY, "title": "secret sauce"}})
    assert str(report).splitlines()[1] == "  ✓ say: succeeded"
    shown = report._repr_html_()
    assert "&lt;b&gt;one&lt;/b&gt;" in shown and "secret sauce" not in shown
    data = json.loads(json.dumps(report.to_dict()))
    assert data["steps"][0]["output"]["channel"] == way.fake.channel("incidents").id
    assert "secret sauce" not in repr(report) + repr(SAY)
