"""Messages that stand, and texts that are too long for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

from .ways import WAYS, Way, open_way

BOARD = sr.PostOrUpdateMessage(channel="#status", key="board", text="Open: {{n}}")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """A workspace with a busy channel, reached each of the four ways."""
    with open_way(request.param) as way:
        ann = way.fake.add_user("ann", id="U0ANN00001")
        way.fake.add_channel("status", members=[ann])
        ann.post("status", "hello")
        yield way


def _sent(way: Way) -> list[str]:
    return [method for method in way.sent() if method.startswith("chat.")]


def test_it_is_posted_once_and_changed_in_place(way: Way) -> None:
    """Three runs are one message; others' messages and other keys stay as they are."""
    first = way.do(BOARD, {"n": 1})
    for number in range(250):
        way.fake.user("ann").post("status", f"chatter {number}")
    second = way.do(BOARD, {"n": 2})
    third = way.do(BOARD, {"n": 3})
    other = way.do(attrs.evolve(BOARD, key="other"), {"n": 9})
    assert (first.created, second.created, third.created, other.created) == (True, False, False, True)
    assert first.ts == second.ts == third.ts != other.ts
    assert way.fake.channel("status").log[first.ts].text == "Open: 3"
    assert _sent(way) == ["chat.postMessage", "chat.update", "chat.update", "chat.postMessage"]


def test_the_authors_metadata_is_kept_beside_the_key(way: Way) -> None:
    """Other apps find what the author put there; the key tells nothing."""
    metadata = {"event_type": "incident", "event_payload": {"id": "{{n}}"}}
    done = way.do(attrs.evolve(BOARD, metadata=metadata), {"n": "7"})
    assert way.do(attrs.evolve(BOARD, metadata=metadata), {"n": "8"}).ts == done.ts
    stored = way.fake.channel("status").log[done.ts].metadata
    assert stored is not None
    assert (stored["event_type"], stored["event_payload"]["id"]) == ("incident", "8")
    assert "board" not in str(stored)


def test_a_message_of_somebody_else_with_the_key_is_not_taken(way: Way) -> None:
    """Only the app's own messages count, whatever metadata others put on theirs."""
    done = way.do(BOARD, {"n": 1})
    message = way.fake.channel("status").log[done.ts]
    message.user, message.bot_id = "U0ANN00001", "B0OTHER001"
    assert way.do(BOARD, {"n": 2}).created


def test_a_known_ts_spares_the_search_and_a_deleted_message_is_posted_anew(way: Way) -> None:
    """With its ts it is one call; where it is gone, it is looked for and then posted."""
    first = way.do(BOARD, {"n": 1})
    known = attrs.evolve(BOARD, ts=first.ts)
    assert not way.do(known, {"n": 2}).created
    assert way.sent()[-1] == "chat.update" and "conversations.history" not in way.sent()[-2:]
    way.do(sr.DeleteMessage(channel="#status", ts=first.ts))
    again = way.do(known, {"n": 3})
    assert again.created and again.ts != first.ts
    assert way.do(attrs.evolve(BOARD, ts=""), {"n": 4}).ts == again.ts


def test_it_may_stand_in_a_thread(way: Way) -> None:
    """A summary in a thread is found there, and the channel's own is another message."""
    parent = way.fake.user("ann").post("status", "INC-7")
    summary = attrs.evolve(BOARD, thread_ts=parent.ts)
    first, second = way.do(summary, {"n": 1}), way.do(summary, {"n": 2})
    assert (first.created, second.created, first.ts == second.ts) == (True, False, True)
    assert [reply.text for reply in parent.replies] == ["Open: 2"]
    assert way.do(BOARD, {"n": 5}).created


def test_one_key_stands_in_the_channel_and_in_a_thread_of_its_own(way: Way) -> None:
    """The message that starts the thread comes with the replies, and is not taken for one of them."""
    board = way.do(BOARD, {"n": 1})
    details = way.do(attrs.evolve(BOARD, thread_ts=board.ts), {"n": 2})
    assert details.created and details.ts != board.ts
    log = way.fake.channel("status").log
    way.do(sr.AddReaction(channel="#status", ts=board.ts, name="eyes"))
    assert (log[board.ts].text, log[details.ts].text) == ("Open: 1", "Open: 2")
    # A reply that also shows in the channel is a reply all the same.
    log[details.ts].broadcast = True
    assert way.do(BOARD, {"n": 3}).ts == board.ts


def test_a_long_thread_is_read_to_its_end(way: Way) -> None:
    """Slack gives a thread from its beginning, so no limit may end the search before the newest replies."""
    parent = way.fake.user("ann").post("status", "INC-7")
    for number in range(250):
        way.fake.user("ann").post("status", f"chatter {number}", thread_ts=parent.ts)
    summary = attrs.evolve(BOARD, thread_ts=parent.ts, search_limit=5)
    assert way.do(summary, {"n": 1}).ts == way.do(summary, {"n": 2}).ts


def test_of_two_with_one_key_the_newest_is_kept_up_to_date(way: Way) -> None:
    """What two runs at one moment left is reported; the older one stays as it is."""
    old = way.do(BOARD, {"n": 1})
    second = way.do(attrs.evolve(BOARD, key="other"), {"n": 2})
    log = way.fake.channel("status").log
    log[second.ts].metadata = log[old.ts].metadata
    done = way.do(BOARD, {"n": 3})
    assert (done.ts, done.duplicates) == (second.ts, (old.ts,))
    assert (log[old.ts].text, log[second.ts].text) == ("Open: 1", "Open: 3")
    # Where the newest went between the search and the change, the next one is changed.
    way.fake.fail_next("chat.update", "message_not_found")
    assert way.do(BOARD, {"n": 4}).ts == old.ts


def test_previews_are_chosen_when_it_is_posted(way: Way) -> None:
    """chat.update has no arguments for previews, so they go only with the first."""
    board = attrs.evolve(BOARD, unfurl_links=False, unfurl_media=False)
    way.do(board, {"n": 1})
    way.do(board, {"n": 2})
    posted, changed = (call.arguments for call in way.fake.calls if call.method.startswith("chat."))
    assert {"unfurl_links", "unfurl_media"} <= set(posted)
    assert not {"unfurl_links", "unfurl_media"} & set(changed)


@pytest.mark.parametrize("code", ["edit_window_closed", "cant_update_message"])
def test_where_slack_forbids_the_change_nothing_is_posted(way: Way, code: str) -> None:
    """The message stands and cannot be changed, so the step fails with the way out, and there is no second one."""
    way.do(BOARD, {"n": 1})
    way.fake.fail_next("chat.update", code)
    with pytest.raises(sr.NotPermitted, match=code):
        way.do(BOARD, {"n": 2})
    assert _sent(way).count("chat.postMessage") == 1


@pytest.mark.parametrize("code", ["missing_scope", "not_in_channel"])
def test_where_the_history_cannot_be_read_nothing_is_posted(way: Way, code: str) -> None:
    """A blind second message is worse than none."""
    way.fake.fail_next("conversations.history", code)
    with pytest.raises(sr.SlackError, match=code):
        way.do(BOARD, {"n": 1})
    assert _sent(way) == []


def test_a_lost_post_is_found_by_the_next_run(way: Way) -> None:
    """The run stops with AmbiguousOutcome, and run again it changes the message that is there."""
    way.fake.lose_reply("chat.postMessage")
    with pytest.raises(sr.AmbiguousOutcome):
        way.do(BOARD, {"n": 1}, on_ambiguous="fail")
    done = way.do(BOARD, {"n": 2})
    assert not done.created
    assert [message.text for message in way.fake.channel("status").messages if message.bot_id] == ["Open: 2"]


def test_only_so_many_messages_are_looked_through(way: Way) -> None:
    """What is older than the limit is posted anew."""
    first = way.do(BOARD, {"n": 1})
    for number in range(5):
        way.fake.user("ann").post("status", f"chatter {number}")
    assert way.do(attrs.evolve(BOARD, search_limit=5), {"n": 2}).created
    assert way.do(attrs.evolve(BOARD, search_limit=50), {"n": 3}).ts != first.ts


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"key": " "}, "key: is empty"),
        ({"ts": "1"}, "ts: '1' is no ts"),
        ({"search_limit": 0}, "search_limit: is 0, which asks for nothing"),
        ({"text": ""}, "text: is empty"),
    ],
)
def test_what_cannot_stand_is_refused(options: dict[str, Any], says: str) -> None:
    """Each mistake has its place, and no call is made."""
    fake = FakeSlack()
    with fake.executor() as executor, pytest.raises(sr.CheckFailed, match=says):
        executor.do(attrs.evolve(BOARD, **options))
    assert fake.calls == []


# --- long texts ------------------------------------------------------------------------------------------------------

LOG = "\n".join(f"{minute:04} lag <@U0ANN00001> &amp; more" for minute in range(500))


def test_a_long_text_is_split_into_a_thread(way: Way) -> None:
    """Nothing is lost, each part is within the limit, the order holds, and the metadata stands on the first."""
    metadata = {"event_type": "log", "event_payload": {"id": "7"}}
    done = way.do(sr.SendMessage(channel="#status", text=LOG, metadata=metadata, too_long="split"))
    log = way.fake.channel("status").log
    parts = [log[ts] for ts in done.parts]
    assert done.parts[0] == done.ts and len(parts) == 5
    assert all(len(part.text) <= 4000 for part in parts)
    assert "\n".join(part.text for part in parts) == LOG
    assert [part.thread_ts for part in parts] == [None, *[done.ts] * 4]
    assert [(part.metadata or {})["event_payload"].get("id") for part in parts] == ["7", None, None, None, None]


def test_a_long_reply_is_split_in_its_thread(way: Way) -> None:
    """The rest of a reply stands in the thread that it replies to."""
    parent = way.fake.user("ann").post("status", "INC-7")
    done = way.do(sr.SendMessage(channel="#status", text=LOG, thread_ts=parent.ts, too_long="split"))
    assert [reply.ts for reply in parent.replies] == list(done.parts)


def test_a_failure_half_way_tells_what_stands(way: Way) -> None:
    """What was sent before is in the error's output."""
    way.fake.fail_next("chat.postMessage", "restricted_action", after=2)
    with pytest.raises(sr.NotPermitted) as failed:
        way.do(sr.SendDirectMessage(users="U0ANN00001", text=LOG, too_long="split"))
    assert len(failed.value.output.parts) == 2


CUT: list[tuple[str, Any]] = [
    ("message", lambda ts: sr.SendMessage(channel="#status", text=LOG, too_long="truncate")),
    ("direct message", lambda ts: sr.SendDirectMessage(users="U0ANN00001", text=LOG, too_long="truncate")),
    ("update", lambda ts: sr.UpdateMessage(channel="#status", ts=ts, text=LOG, too_long="truncate")),
    ("ephemeral", lambda ts: sr.SendEphemeral(channel="#status", user="U0ANN00001", text=LOG, too_long="truncate")),
    (
        "scheduled",
        lambda ts: sr.ScheduleMessage(channel="#status", post_at="2026-01-05T10:00:00Z", text=LOG, too_long="truncate"),
    ),
    ("standing", lambda ts: sr.PostOrUpdateMessage(channel="#status", key="k", text=LOG, too_long="truncate")),
]


@pytest.mark.parametrize("make", [row[1] for row in CUT], ids=[row[0] for row in CUT])
def test_a_long_text_is_cut_and_the_output_tells(way: Way, make: Any) -> None:
    """What arrives is one message within the limit, and how much is gone is told there and in the output."""
    ts = way.do(sr.SendMessage(channel="#status", text="short")).ts
    before = len(way.fake.calls)
    done = way.do(make(ts))
    sent = [call for call in way.fake.calls[before:] if call.method.startswith("chat.")]
    assert len(sent) == 1
    text = sent[0].arguments["text"]
    assert len(text) <= 4000 and done.cut > 0
    assert text.endswith(f"({done.cut:,} characters cut)")


def test_long_sections_are_cut_too(way: Way) -> None:
    """With blocks, texts of sections are cut; a short message is left as it is and says that nothing is gone."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x " * 2000}}, {"type": "divider"}]
    done = way.do(sr.SendMessage(channel="#status", blocks=blocks, too_long="truncate"))
    assert done.cut > 900
    message = way.fake.channel("status").log[done.ts]
    assert len(message.blocks[0]["text"]["text"]) <= 3000
    assert way.do(sr.SendMessage(channel="#status", text="short", too_long="truncate")).cut == 0


def test_a_mistake_beside_a_cut_section_is_told_once() -> None:
    """What else is wrong with the message stands once beside the warning of what is cut."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x " * 2000}}]
    faults = list(sr.SendMessage(channel="#Not a name", blocks=blocks, too_long="truncate").faults())
    assert [(fault.field, fault.severity) for fault in faults] == [
        ("channel", "error"),
        ("blocks/0/text/text", "warning"),
    ]


def test_a_plan_says_what_will_become_of_it(fake_slack: FakeSlack) -> None:
    """How many messages, how much is cut and the least time are known before the run, as a warning."""
    with fake_slack.executor() as executor:
        plan = executor.plan(sr.SendMessage(channel="#status", text=LOG, too_long="split"))
        (problem,) = plan.problems
        assert problem.severity == "warning" and "it goes as 5 messages in a thread" in problem.message
        assert plan.least_time == 4.0
        cut = executor.plan(sr.SendMessage(channel="#status", text=LOG, too_long="truncate")).problems
        assert "are cut" in cut[0].message and cut[0].severity == "warning"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: sr.UpdateMessage(channel="C1", ts="1", text="x", too_long="split"),
            "UpdateMessage.too_long: cannot be",
        ),
        (lambda: sr.SendMessage(channel="C1", blocks=[{"type": "divider"}], too_long="split"), "beside blocks"),
        (lambda: sr.SendMessage(channel="C1", text="x", too_long="cut"), "must be one of 'error', 'truncate', 'split'"),
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused(make: Any, says: str) -> None:
    """One message cannot be split, and blocks cannot; both are said when the action is built."""
    with pytest.raises(sr.RunbookError, match=says):
        make()
