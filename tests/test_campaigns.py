"""Short runs of the campaigns that need no process of their own; ``nox -s campaigns`` runs them whole."""

from __future__ import annotations

import pytest

from .campaigns import test_crash_points as crash_points, test_rotation as rotation, test_state_machine as histories


@pytest.mark.parametrize("seed", range(4))
def test_random_histories_double_and_lose_nothing(seed: int) -> None:
    """500 of several runs each, with crashes, frozen workers and faults; the first wrong one is made small and told."""
    tally = histories.campaign(500, seed=seed)
    assert {name: tally[name] for name in histories.BAD} == dict.fromkeys(histories.BAD, 0)
    assert min(tally[f"fault {kind}"] for kind in histories.FAULTS) > 50


@pytest.mark.parametrize("control", ["fence", "hold", "digest", "quiet"])
def test_without_a_safeguard_histories_go_wrong(control: str) -> None:
    """So that the proof above can fail."""
    with pytest.raises(AssertionError, match="doubled|lost"):
        histories.campaign(2_000, control=control)


def test_crashes_at_points_of_each_action_double_and_lose_nothing() -> None:
    """A sample of the points of each action under each kind of loss."""
    wrong: list[str] = []
    tally = crash_points.campaign(wrong, places=19, points=5)
    assert wrong == []
    assert tally["crashes"] > 500 and set(tally) == {"cases", "crashes", "succeeded", "refused", "ambiguous"}


def test_sent_again_without_a_look_a_crash_doubles() -> None:
    """The control of the sample."""
    tally = crash_points.campaign(places=7, points=3, only=crash_points.posts, on_ambiguous="resend")
    assert tally["doubled"] > 10


@pytest.mark.usefixtures("stores_that_close")
@pytest.mark.parametrize("machines", [False, True])
def test_two_processes_that_rotate_one_token_at_once_both_go_on(machines: bool) -> None:
    """With a lock they ask Slack once a round; without one the loser uses what the winner stored."""
    wrong: list[str] = []
    tally = rotation.campaign(10, machines=machines, wrong=wrong)
    assert wrong == []
    assert (tally["rounds"], tally["refreshes"] == 10) == (10, not machines)


@pytest.mark.usefixtures("stores_that_close")
def test_slack_sdks_rotator_leaves_a_process_without_a_token() -> None:
    """The control."""
    tally = rotation.campaign(10, control=True)
    assert tally["processes that failed"] > 0
