"""Steps that wait for a person: approvals and reactions, on the virtual clock."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.stores.memory import MemoryJournal
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
        _workspace(way.fake)
        yield way


def _workspace(fake: FakeSlack | None = None) -> FakeSlack:
    fake = fake or FakeSlack()
    people = [
        fake.add_user("ann", id="U0ANN00001"),
        fake.add_user("bob", id="U0BOB00002", email="bob@example.com"),
        fake.add_user("eve", id="U0EVE00003"),
    ]
    fake.add_channel("incidents", members=people)
    return fake


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


def test_a_yes_that_is_seen_long_after_the_end_is_no_yes(way: Way) -> None:
    """Where Slack answers only after the time is over, nobody can tell when the reaction came: that is a refusal."""
    way.fake.inject("reactions.get", "ratelimited", times=2, after=5)
    _when_asked(way, 75, _reacts("ann", "white_check_mark"))
    error = way.run(_ask(expires_in=60), CONTEXT)["ask"].error
    assert isinstance(error, sr.ApprovalRefused)
    assert error.code == "expired"
    assert "an answer was seen only 50 seconds after the 60 seconds were over" in str(error)


def test_a_yes_at_the_last_look_counts(way: Way) -> None:
    """The look that begins at the end may be answered a moment later."""
    _when_asked(way, 59, _reacts("ann", "white_check_mark"))
    # Slack does not count the refused look, and asks for two seconds.
    way.fake.fail_next("reactions.get", "ratelimited", retry_after=2, after=6)
    assert way.run(_ask(expires_in=60), CONTEXT).output("ask", sr.Approved).waited == 62.0


def test_a_reaction_that_is_seen_long_after_the_end_is_none(way: Way) -> None:
    """WaitForReaction is as strict."""
    ts = way.fake.user("ann").post("incidents", "look").ts
    way.fake.inject("reactions.get", "ratelimited", times=2, after=5)
    way.fake.later(75, lambda: way.fake.user("bob").react("incidents", ts, "eyes"))
    with pytest.raises(sr.ApprovalRefused, match="expired"):
        way.do(sr.WaitForReaction(channel="#incidents", ts=ts, names="eyes", expires_in=60))


def test_a_run_that_goes_on_after_the_end_takes_no_yes() -> None:
    """The program ended while it waited and goes on hours later: a yes that stands there then may be a late one."""
    fake, journal = _workspace(), MemoryJournal()
    fake.later(25, _interrupt)
    with fake.executor(journal=journal) as executor, pytest.raises(KeyboardInterrupt):
        executor.run(_ask(expires_in=60), CONTEXT, run_id="r")
    fake.advance(5 * 3600)
    fake.user("ann").react("incidents", _asked(fake), "white_check_mark")
    with fake.executor(journal=journal) as executor:
        report = executor.resume("r")
    assert (report["ask"].error.code, report["tell"].outcome) == ("expired", "skipped")  # type: ignore[union-attr]


def _interrupt() -> None:
    raise KeyboardInterrupt


def _ask(**options: Any) -> sr.Runbook:
    return sr.Runbook("close", {**DO.steps, "ask": attrs.evolve(ASK, **options)})


@pytest.mark.parametrize("name", ["handshake::skin-tone-2-3", "weird::x", "a b", "", "::"])
def test_an_odd_reaction_of_a_bystander_changes_nothing(name: str) -> None:
    """Whatever the names that Slack lists, the approval goes on."""
    fake = _workspace()
    fake.later(11, lambda: fake.channel("incidents").messages[0].reactions.update({name: ["U0EVE00003"]}))
    fake.later(15, lambda: fake.user("ann").react("incidents", _asked(fake), "white_check_mark::skin-tone-2-3"))
    with fake.executor() as executor:
        assert executor.do(ASK, CONTEXT).approved_by == ("U0ANN00001",)


def test_a_request_that_is_deleted_while_reactions_are_offered_is_withdrawn(way: Way) -> None:
    """The refusal is the same as of one that is deleted later."""
    fake = way.fake
    fake.inject("reactions.add", "ratelimited")
    fake.later(5, lambda: fake.client.chat_delete(channel=fake.channel("incidents").id, ts=_asked(fake)))
    error = way.run(DO, CONTEXT)["ask"].error
    assert isinstance(error, sr.ApprovalRefused)
    assert error.code == "withdrawn"


GATE = sr.Step(ASK, on_error="continue")
CLOSE = sr.SendMessage(channel="#incidents", text="closing")


@pytest.mark.parametrize(
    ("steps", "warned"),
    [
        ({"ask": GATE, "close": CLOSE}, True),
        ({"ask": GATE, "close": sr.Step(CLOSE, when="steps.ask.channel")}, True),
        ({"ask": GATE, "close": sr.Step(CLOSE, when="steps.ask.approved_by")}, False),
        ({"ask": GATE, "close": sr.Step(CLOSE, when={"steps.ask.waited": {"lt": 60}})}, False),
        ({"ask": GATE, "close": sr.Step(CLOSE, when=lambda _context: True)}, False),
        ({"ask": GATE, "close": sr.Step(CLOSE, run_if="always")}, False),
        ({"ask": ASK, "close": CLOSE}, False),
        ({"close": CLOSE, "ask": GATE}, False),
    ],
)
def test_a_gate_that_stands_open_is_told(steps: dict[str, Any], *, warned: bool) -> None:
    """``check`` warns where a refusal would not keep the next step from running."""
    with _workspace().executor() as executor:
        report = executor.check(sr.Runbook("close", steps), CONTEXT)
    found = [problem for problem in report.warnings if problem.place == "steps.ask.on_error"]
    assert bool(found) == warned and not report.problems
    assert all("run after a refusal too, 'close' first" in problem.message for problem in found)


def test_a_guarded_step_does_not_run_after_a_refusal(way: Way) -> None:
    """The condition that the warning names holds only after an approval, also where nobody was asked."""
    for approvers in ("U0ANN00001", way.fake.bot.id):
        ask = sr.Step(attrs.evolve(ASK, approvers=approvers), on_error="continue")
        book = sr.Runbook("close", {"ask": ask, "close": sr.Step(CLOSE, when="steps.ask.approved_by")})
        report = way.run(book, CONTEXT)
        assert (report["ask"].outcome, report["close"].outcome) == ("failed", "skipped")


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
        ({"approve": "+1", "reject": "thumbsup"}, "reject: is the same emoji as approve"),
        ({"approve": "+1", "reject": "+1::skin-tone-2"}, "reject: is the same emoji as approve"),
        ({"approve": ":x:", "reject": " x "}, "reject: is the same emoji as approve"),
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


@pytest.mark.parametrize("field", ["expires_in", "poll_every", "approvals_needed", "offer"])
def test_a_value_that_is_nothing_is_refused_before_the_request_is_sent(field: str) -> None:
    """Neither a number nor a flag may come to nothing, written so or by a template."""
    fake = _workspace()
    with pytest.raises(sr.RunbookError, match=f"RequestApproval.{field}: must be .*, not nothing"):
        attrs.evolve(ASK, **{field: None})  # type: ignore[arg-type]
    with fake.executor() as executor, pytest.raises(sr.RunbookError, match=f"{field}: must be .*, not nothing"):
        executor.do(attrs.evolve(ASK, **{field: "{{x}}"}), {**CONTEXT, "x": None})  # type: ignore[arg-type]
    assert fake.calls == []


@pytest.mark.parametrize("lead", ["", [], " , ", ["", " "]])
@pytest.mark.parametrize("users", ["{{lead}}", ["{{lead}}"]])
def test_people_who_come_to_nobody_are_not_everybody(users: Any, lead: Any) -> None:
    """Only where ``users`` is left out does everybody count."""
    fake = _workspace()
    ts = fake.user("ann").post("incidents", "look").ts
    fake.user("eve").react("incidents", ts, "eyes")
    wait = sr.WaitForReaction(channel="#incidents", ts=ts, names="eyes", users=users, expires_in=5)
    with fake.executor() as executor:
        with pytest.raises(sr.CheckFailed, match="users: names nobody"):
            executor.do(wait, {"lead": lead})
        with pytest.raises(sr.CheckFailed, match="users: names nobody"):
            executor.do(attrs.evolve(wait, users=[]))
        assert fake.calls == []
        assert executor.do(attrs.evolve(wait, users=None)).user == "U0EVE00003"
