"""The computed minimum, proven: with exactly these scopes an action runs and settles, and without any one it does not.

The computed set comes from ``slackrunbooks.scopes``, and what a scope allows from the fake workspace, whose table was
transcribed from Slack's pages by itself; the last tests here hold the two tables against each other.
"""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks._effects import Repeat
from slackrunbooks._settle import DOUBTFUL
from slackrunbooks.slack_methods import METHODS, REQUESTED_WITH
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._scopes import ALL_BOT_SCOPES, SCOPES

from .catalogue import CATALOGUE, CONDITIONAL, Case, world
from .losses import effects, ready, writes
from .test_permissions import OTHERS, PRIVATE_CASES

ALL: tuple[Case, ...] = (
    *(case for case in CATALOGUE if case not in PRIVATE_CASES and case not in OTHERS),
    *(attrs.evolve(case, kind="private", name=f"{case.name}, private") for case in PRIVATE_CASES),
    *CONDITIONAL,
)


NO_MEMBER = "if the channel is public and the app is not a member of it"


def least(case: Case, action: sr.Action[Any], *, settle: bool = False) -> set[str]:
    """Work out the fewest scopes for a case from the action as it is written, before anything is filled in."""
    needed = sr.required_scopes(action, settle=settle)
    known = {entry.condition for entry in needed}
    kinds = (case.kind,)
    return set(needed.assuming(*kinds, conditions=[each for each in case.holds if each in known]).minimal)


def do(fake: FakeSlack, case: Case, action: sr.Action[Any]) -> Any:
    """Run the action, and return what came of it: its output or its error."""
    with fake.executor() as executor:
        try:
            return executor.do(action, case.context)
        except (sr.SlackError, sr.AmbiguousOutcome, sr.ApprovalRefused) as error:
            return error


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_the_minimum_is_enough_and_nothing_can_be_left_out(case: Case) -> None:
    """With the computed scopes and no other the action works; without any one of them Slack refuses, naming it."""
    fake, action = ready(case)
    minimum = least(case, action)
    assert minimum == case.scopes
    fake.scopes = set(minimum)
    with fake.executor() as executor:
        assert executor.check(action, case.context).ok
    done = do(fake, case, action)
    assert not isinstance(done, Exception), done
    for taken_away in sorted(minimum):
        fake, action = ready(case)
        fake.scopes = minimum - {taken_away}
        refused = do(fake, case, action)
        assert isinstance(refused, sr.SlackError), f"without {taken_away}: {refused}"
        if isinstance(refused, sr.MissingScope):
            assert taken_away in refused.needed
        elif taken_away not in refused.remedy:
            # What was refused in other words, such as a name that is taken where nobody may look whose it is.
            with fake.executor() as executor:
                found = executor.check(action, case.context)
            assert any(taken_away in problem.message for problem in found.problems), f"{refused}\n{found}"


# --- lost answers ----------------------------------------------------------------------------------------------------


def changed(case: Case) -> list[str]:
    """Return the methods of a case that change something, each once; the bytes of a file are no method."""
    return [method for method in dict.fromkeys(writes(case)) if method in METHODS]


def losing(case: Case, method: str, fault: str, scopes: set[str]) -> tuple[FakeSlack, sr.Action[Any], Any]:
    """Run a case with these scopes, and lose the answer to a method."""
    fake, action = ready(case)
    fake.scopes = set(scopes)
    fake.inject(method, fault)
    return fake, action, do(fake, case, action)


LOST = [(case, method) for case in ALL for method in changed(case)]
LOOKED_UP = [row for row in LOST if METHODS[row[1]].settled_by]
SENT_AGAIN = [row for row in LOST if not METHODS[row[1]].settled_by and METHODS[row[1]].repeat is not Repeat.DOUBLES]
NOBODY_KNOWS = [row for row in LOST if not METHODS[row[1]].settled_by and METHODS[row[1]].repeat is Repeat.DOUBLES]


def _named(rows: list[tuple[Case, str]]) -> list[Any]:
    return [pytest.param(*row, id=f"{row[0].name}-{row[1]}") for row in rows]


@pytest.mark.parametrize(("case", "method"), _named(LOOKED_UP))
def test_with_the_scopes_that_settle_a_lost_answer_is_looked_up(case: Case, method: str) -> None:
    """With ``settle=True`` the minimum settles; without any one that it adds, nobody knows, and check says so."""
    fake, action = ready(case)
    assert not isinstance(do(fake, case, action), Exception)
    wanted = effects(fake)
    minimum, settling = least(case, action), least(case, action, settle=True)
    assert minimum <= settling
    for fault in ("applied_then_reset", "reset_before"):
        fake, action, done = losing(case, method, fault, settling)
        if NO_MEMBER in case.holds:
            # Nobody reads the history of a channel without being in it.
            assert isinstance(done, sr.AmbiguousOutcome)
            assert "not_in_channel" in str(done)
            continue
        assert not isinstance(done, Exception), f"{fault}: {done}"
        assert effects(fake) == wanted
    for taken_away in sorted(settling - minimum):
        fake, action, done = losing(case, method, "applied_then_reset", settling - {taken_away})
        assert isinstance(done, sr.AmbiguousOutcome), f"without {taken_away}: {done}"
        with fake.executor() as executor:
            found = executor.check(action, case.context)
        assert found.ok
        assert any(taken_away in reason for reason in found.unsettled.values()), found.unsettled


@pytest.mark.parametrize(("case", "method"), _named(SENT_AGAIN))
def test_what_is_sent_again_settles_with_the_minimum(case: Case, method: str) -> None:
    """A request that may be sent twice needs no scope more than it had."""
    fake, action = ready(case)
    assert not isinstance(do(fake, case, action), Exception)
    wanted = effects(fake)
    minimum = least(case, action)
    for fault in ("applied_then_reset", "reset_before"):
        fake, action, done = losing(case, method, fault, minimum)
        if isinstance(done, sr.AmbiguousOutcome):
            # The second answer of these few may be about the first request or about somebody else's.
            assert method in {doubtful for doubtful, _ in DOUBTFUL}, done
            continue
        assert not isinstance(done, Exception), f"{fault}: {done}"
        assert effects(fake) == wanted


@pytest.mark.parametrize(("case", "method"), _named(NOBODY_KNOWS))
def test_what_nothing_can_settle_is_told_beforehand(case: Case, method: str) -> None:
    """Whatever the token may do, the outcome stays in doubt, and check names the method."""
    fake, action, done = losing(case, method, "applied_then_reset", set(ALL_BOT_SCOPES))
    assert isinstance(done, sr.AmbiguousOutcome)
    with fake.executor() as executor:
        found = executor.check(action, case.context)
    assert any(f"nothing tells whether {method} was carried out" in reason for reason in found.unsettled.values())


def test_no_kind_of_loss_is_left_out() -> None:
    """Each way in which a method is settled, and each recipe, has its cases."""
    recipes = {name for name, method in METHODS.items() if method.settled_by}
    assert {method for _, method in LOOKED_UP} == recipes
    assert len(LOST) == len(LOOKED_UP) + len(SENT_AGAIN) + len(NOBODY_KNOWS)
    assert SENT_AGAIN
    assert {method for _, method in NOBODY_KNOWS} == {
        name
        for name, method in METHODS.items()
        if method.repeat is Repeat.DOUBLES and not method.settled_by and name != "chat.meMessage"
    }


# --- what only the run can tell --------------------------------------------------------------------------------------


def test_every_condition_has_a_case_in_which_it_holds() -> None:
    """No action says that a scope is needed "if …" without a case in which that is so, and proves it."""
    said: dict[tuple[str, str], set[str]] = {}
    held: dict[tuple[str, str], set[str]] = {}
    for case in ALL:
        _, action = ready(case)
        for entry in sr.required_scopes(action, settle=True):
            if entry.condition:
                key = (type(action).__name__, entry.condition)
                said.setdefault(key, set()).update(entry.scopes)
                if entry.condition in case.holds:
                    held.setdefault(key, set()).update(entry.scopes)
    assert {key: scopes for key, scopes in said.items() if key not in held} == NOT_HELD


# These have a test of their own, below.
NOT_HELD = {
    ("RemoveFromChannel", "if Slack says that somebody is no member"): {"channels:read", "groups:read"},
    ("RequestApproval", NO_MEMBER): {"chat:write.public"},
}


def test_a_condition_that_holds_is_one_that_is_said() -> None:
    """The conditions of the cases are spelt as the actions spell them."""
    for case in ALL:
        _, action = ready(case)
        assert set(case.holds) <= {entry.condition for entry in sr.required_scopes(action, settle=True)}, case.name


def test_an_approval_is_asked_for_where_the_app_is_no_member() -> None:
    """It needs ``chat:write.public`` there; how reactions are read there, Slack does not document."""
    for scopes, refused in (({"chat:write", "reactions:read"}, "not_in_channel"), (ALL_BOT_SCOPES, "not_modelled")):
        fake = FakeSlack(scopes=scopes)
        world(fake)
        action = sr.RequestApproval(channel="#elsewhere", text="?", approvers="U0ANN00001", offer=False)
        with fake.executor() as executor, pytest.raises(sr.SlackError) as error:
            executor.do(action)
        assert error.value.code == refused
        assert len(fake.channel("elsewhere").messages) == (refused == "not_modelled")


@pytest.mark.parametrize("scopes", [{"channels:manage"}, {"channels:manage", "channels:read"}])
def test_removing_looks_whether_the_app_is_a_member_where_it_may(scopes: set[str]) -> None:
    """Without ``channels:read`` it cannot tell that it is the app which is not in the channel; with it, it does."""
    fake = FakeSlack(scopes=scopes)
    world(fake)
    action = sr.RemoveFromChannel(channel=fake.channel("elsewhere").id, users="U0ANN00001")
    with fake.executor() as executor:
        if "channels:read" in scopes:
            with pytest.raises(sr.NotInChannel):
                executor.do(action)
        else:
            assert executor.do(action).already == ("U0ANN00001",)


def test_what_a_direct_message_was_sent_to_is_known_to_later_steps() -> None:
    """A step that reads what an earlier one sent to a person needs the scope of direct messages, and no other."""
    book = sr.Runbook(
        "b",
        {
            "tell": sr.SendDirectMessage(users="U0ANN00001", text="x"),
            "read": sr.ReadHistory(channel="{{steps.tell.channel}}"),
        },
    )
    needed = sr.required_scopes(book)
    assert needed.minimal == ("chat:write", "im:history")
    assert needed.conditional == ()
    for scopes in ({"chat:write", "im:history"}, {"chat:write", "channels:history", "mpim:history"}):
        fake = FakeSlack(scopes=scopes)
        world(fake)
        with fake.executor() as executor:
            assert executor.check(book).ok is ("im:history" in scopes)
            assert executor.do(book.steps["tell"].action)
            fresh = sr.ReadHistory(channel=next(channel.id for channel in fake.channels if channel.is_im))
            if "im:history" in scopes:
                assert executor.do(fresh).messages
            else:
                with pytest.raises(sr.MissingScope):
                    executor.do(fresh)


# --- the two tables --------------------------------------------------------------------------------------------------

# Where the library's table and the fake's differ on purpose: what only the fake has for the method, and why.
DIFFERENCES = {
    "conversations.create": (
        {"im": ("im:write",), "mpim": ("mpim:write",)},
        "the page lists them, but the method makes channels only",
    ),
    "conversations.open": (
        {"public": ("channels:manage",), "private": ("groups:write",)},
        "the page lists them, but the method opens direct and group messages only",
    ),
}

# Methods in one table only: no action calls the first; of the second, bots may not call one, and connecting the others.
ONLY_OURS = {"conversations.mark", "team.info", "views.open"}
ONLY_THE_FAKES = {
    "conversations.unarchive",
    "oauth.v2.access",
    "oauth.v2.exchange",
    "auth.teams.list",
    "apps.uninstall",
}


def test_the_two_tables_agree_but_for_what_is_listed() -> None:
    """Two transcripts of Slack's pages have the same scopes for each type of conversation; a slip in one shows here."""
    assert set(METHODS) - set(SCOPES) == ONLY_OURS
    assert set(SCOPES) - set(METHODS) == ONLY_THE_FAKES
    differing = {}
    for name in sorted(set(METHODS) & set(SCOPES)):
        ours = {kind: set(scopes) for kind, scopes in METHODS[name].scopes.items()}
        fakes = {kind: set(scopes) for kind, scopes in SCOPES[name].items() if scopes}
        if ours != fakes:
            differing[name] = (ours, fakes)
    assert differing.keys() == DIFFERENCES.keys()
    for name, (ours, fakes) in differing.items():
        more = {kind: set(scopes) for kind, scopes in DIFFERENCES[name][0].items()}
        assert {**ours, **more} == fakes


def test_no_action_needs_a_method_that_the_fake_does_not_know() -> None:
    """Whatever the cases need stands in both tables, so that nothing here was proven against nothing."""
    needed = {need.method for case in ALL for need in ready(case)[1].needs()}
    assert needed <= set(SCOPES)
    assert set(REQUESTED_WITH) | set(REQUESTED_WITH.values()) <= ALL_BOT_SCOPES
