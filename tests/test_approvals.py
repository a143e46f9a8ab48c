"""Steps that wait for a person: approvals and reactions, on the virtual clock."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

from .ways import WAYS, Way, open_way

ASK = sr.RequestApproval(
    channel="#incidents", text="Archive {{room}}?", approvers="U0ANN00001,bob@example.com", expires_in=600
)
CONTEXT = {"room": "inc-7"}
DO = sr.Runbook(
    "close",
    {
        "ask": ASK,
        "tell": sr.SendMessage(
            channel="#incidents", text="by {{#steps.ask.approved_by}}{{.}}{{/steps.ask.approved_by}}"
        ),
    },
)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """A workspace with two people who may approve and one who may not, reached each of the four ways."""
    with open_way(request.param) as way:
        people = [
            way.fake.add_user("ann", id="U0ANN00001"),
            way.fake.add_user("bob", id="U0BOB00002", email="bob@example.com"),
            way.fake.add_user("eve", id="U0EVE00003"),
        ]
        way.fake.add_channel("incidents", members=people)
        yield way


def _when_asked(way: Way, seconds: float, act: Callable[[FakeSlack, str], object]) -> None:
    """Let people do something some seconds after the request stands in the channel."""
    fake = way.fake

    def later() -> None:
        message = next(message for message in fake.channel("incidents").messages if message.user == fake.bot.id)
        act(fake, message.ts)

    fake.later(seconds, later)


def _reacts(name: str, emoji: str) -> Callable[[FakeSlack, str], object]:
    return lambda fake, ts: fake.user(name).react("incidents", ts, emoji)


def test_an_approver_says_yes(way: Way) -> None:
    """The step succeeds at the next look, the app offers both reactions, and the next step runs."""
    _when_asked(way, 25, _reacts("bob", "white_check_mark"))
    report = way.run(DO, CONTEXT)
    approved = report.output("ask", sr.Approved)
    assert (approved.approved_by, approved.waited) == (("U0BOB00002",), 30.0)
    assert report["tell"].outcome == "succeeded"
    asked = way.fake.channel("incidents").messages[0]
    assert asked.text == "Archive inc-7?"
    assert set(asked.reactions) == {"white_check_mark", "x"}
    assert report["ask"].waited == 30.0


def test_the_apps_own_reactions_and_those_of_others_decide_nothing(way: Way) -> None:
    """A yes of somebody who was not asked counts as nothing, and the time runs out."""
    _when_asked(way, 25, _reacts("eve", "white_check_mark"))
    report = way.run(DO, CONTEXT)
    error = report["ask"].error
    assert isinstance(error, sr.ApprovalRefused)
    assert (error.code, report.state, report["tell"].outcome) == ("expired", "failed", "skipped")
    assert report["ask"].output == sr.ApprovalAsked(
        channel=way.fake.channel("incidents").id, ts=way.fake.channel("incidents").messages[0].ts
    )
    assert report["ask"].waited == 600.0


def test_a_no_outweighs_a_yes(way: Way) -> None:
    """Both at once is a refusal that names who refused."""
    _when_asked(way, 22, _reacts("ann", "white_check_mark"))
    _when_asked(way, 24, _reacts("bob", "x"))
    error = way.run(DO, CONTEXT)["ask"].error
    assert isinstance(error, sr.ApprovalRefused)
    assert (error.code, error.by) == ("rejected", "U0BOB00002")
    assert pickle.loads(pickle.dumps(error)).by == "U0BOB00002"


def test_a_no_by_somebody_who_was_not_asked_stops_nothing(way: Way) -> None:
    """Only approvers can refuse."""
    _when_asked(way, 5, _reacts("eve", "x"))
    _when_asked(way, 15, _reacts("ann", "white_check_mark"))
    assert way.run(DO, CONTEXT).output("ask", sr.Approved).approved_by == ("U0ANN00001",)


def test_two_must_approve(way: Way) -> None:
    """One yes is not enough where two are needed; a skin tone does not matter, nor the name of a thumb."""
    ask = sr.RequestApproval(
        channel="#incidents",
        text="Sure?",
        approvers=["U0ANN00001", "U0BOB00002"],
        approvals_needed=2,
        approve="thumbsup",
        reject="thumbsdown",
        offer=False,
    )
    _when_asked(way, 5, _reacts("ann", "+1::skin-tone-3"))
    _when_asked(way, 95, _reacts("bob", "+1"))
    approved = way.do(ask)
    assert approved.approved_by == ("U0ANN00001", "U0BOB00002") or approved.approved_by == ("U0BOB00002", "U0ANN00001")
    assert approved.waited == 100.0
    assert not way.fake.calls_to("reactions.add")


def test_a_yes_that_was_taken_back_does_not_count(way: Way) -> None:
    """What counts is what stands there when the step looks."""
    _when_asked(way, 11, _reacts("ann", "white_check_mark"))
    _when_asked(way, 18, lambda fake, ts: fake.user("ann").unreact("incidents", ts, "white_check_mark"))
    assert way.run(DO, CONTEXT)["ask"].error.code == "expired"  # type: ignore[union-attr]


def test_a_deleted_request_is_a_refusal(way: Way) -> None:
    """Whoever deletes the request has not approved it."""
    fake = way.fake
    fake.later(15, lambda: fake.client.chat_delete(channel=fake.channel("incidents").id, ts=_asked(fake)))
    error = way.run(DO, CONTEXT)["ask"].error
    assert isinstance(error, sr.ApprovalRefused)
    assert error.code == "withdrawn"


def _asked(fake: FakeSlack) -> str:
    return fake.channel("incidents").messages[0].ts


def test_slack_may_be_away_for_a_while(way: Way) -> None:
    """Looks that fail do not end the waiting, and the answer counts when Slack is back."""
    way.fake.inject("reactions.get", "server_error_before", times=12, after=1)
    _when_asked(way, 20, _reacts("ann", "white_check_mark"))
    assert way.run(DO, CONTEXT).output("ask", sr.Approved).approved_by == ("U0ANN00001",)


def test_nothing_is_asked_where_nobody_can_approve(way: Way) -> None:
    """The app alone is nobody: the step refuses before it posts."""
    ask = sr.RequestApproval(channel="#incidents", text="Sure?", approvers=[way.fake.bot.id])
    with pytest.raises(sr.ApprovalRefused, match="only 0 people may approve"):
        way.do(ask)
    assert way.fake.calls_to("chat.postMessage") == []


def test_a_lost_request_is_not_asked_twice(way: Way) -> None:
    """The run stops with AmbiguousOutcome, and one request stands in the channel."""
    way.fake.lose_reply("chat.postMessage")
    report = way.run(DO, CONTEXT, on_ambiguous="fail")
    assert report.state == "ambiguous"
    assert len(way.fake.channel("incidents").messages) == 1


def test_waiting_for_any_reaction(way: Way) -> None:
    """Somebody's eyes end the wait; the app's own do not."""
    ann = way.fake.user("ann")
    ts = ann.post("incidents", "look").ts
    way.do(sr.AddReaction(channel="#incidents", ts=ts, name="eyes"))
    way.fake.later(42, lambda: way.fake.user("eve").react("incidents", ts, "eyes"))
    seen = way.do(sr.WaitForReaction(channel="#incidents", ts=ts, names="white_check_mark, :eyes:"))
    assert (seen.name, seen.user, seen.users, seen.waited) == ("eyes", "U0EVE00003", ("U0EVE00003",), 50.0)


def test_waiting_for_certain_people(way: Way) -> None:
    """Only those named count, and a reaction that stands already ends the wait at once."""
    ts = way.fake.user("ann").post("incidents", "look").ts
    way.fake.user("eve").react("incidents", ts, "eyes")
    wait = sr.WaitForReaction(channel="#incidents", ts=ts, names="eyes", users="bob@example.com", expires_in=60)
    with pytest.raises(sr.ApprovalRefused, match="expired"):
        way.do(wait)
    way.fake.user("bob").react("incidents", ts, "eyes")
    assert way.do(wait).waited == 0.0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"approvers": []}, "approvers: names nobody"),
        ({"approvers": "Ann Smith"}, "approvers: "),
        ({"approve": "x"}, "reject: is the same emoji as approve"),
        ({"approve": "✅"}, "approve: .* is the emoji itself|approve: .* is no name"),
        ({"approvals_needed": 2}, "approvals_needed: is 2, and only 1 may approve"),
        ({"approvals_needed": 0}, "approvals_needed: is 0"),
        ({"expires_in": 0}, "expires_in: is 0; it takes 1 to 604800 seconds"),
        ({"expires_in": 3600000}, "expires_in: is 3600000"),
        ({"poll_every": 1}, "poll_every: is 1; Slack may be asked every 3 seconds"),
        ({"text": " "}, "text: is empty"),
    ],
)
def test_a_request_that_cannot_work_is_refused_before_it_is_sent(options: dict[str, Any], says: str) -> None:
    """Each mistake has its place, and no call is made."""
    fake = FakeSlack()
    fields = {"channel": "#incidents", "text": "Sure?", "approvers": ["U0ANN00001"], **options}
    with fake.executor() as executor, pytest.raises(sr.CheckFailed, match=says):
        executor.do(sr.RequestApproval(**fields))
    assert fake.calls == []
