"""A short run of the campaigns against crashes, frozen workers and faults; ``nox -s campaigns`` has the long ones."""

from __future__ import annotations

import pytest

from .campaigns import test_crash_points as crashes, test_state_machine as machine


def test_everything_stands_once_whatever_happens() -> None:
    """Crashes, interruptions, frozen workers and faults at any point: nothing is doubled, lost or told falsely."""
    tally = machine.campaign(300)
    assert {name: tally[name] for name in machine.BAD} == dict.fromkeys(machine.BAD, 0)
    assert min(tally[name] for name in ("crash", "freeze", "interruption", "fenced", "held")) > 100
    assert min(tally[f"fault {kind}"] for kind in machine.FAULTS) > 10


@pytest.mark.parametrize("control", ["fence", "hold", "digest", "quiet"])
def test_without_a_safeguard_something_is_doubled_or_lost(control: str) -> None:
    """Its control: no fence, no look at the lease before sending, another request than before, no quiet period."""
    with pytest.raises(AssertionError, match="doubled|lost"):
        machine.campaign(1_000, control=control, seed=4)


def test_a_run_that_asks_for_something_new_is_stopped_instead() -> None:
    """With all safeguards, an action that is never the same twice cannot go on after a crash, and doubles nothing."""
    tally = machine.campaign(20, control="none")
    assert tally["unfinished"] > 0
    assert (tally["doubled"], tally["lost"]) == (0, 0)


def test_an_action_whose_process_ends_is_done_once() -> None:
    """A sample of all actions, losses, points and fates of look-ups: nothing is doubled, lost or told falsely."""
    wrong: list[str] = []
    tally = crashes.campaign(wrong, places=9, points=7)
    assert wrong == []
    assert tally["crashes"] > 300
    assert min(tally[end] for end in ("succeeded", "refused", "ambiguous")) > 0


def test_an_action_that_is_sent_again_without_a_look_is_doubled() -> None:
    """The control of the test above."""
    assert crashes.campaign(places=5, points=5, only=crashes.posts, on_ambiguous="resend")["doubled"] > 10
