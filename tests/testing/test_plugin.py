"""The pytest plugin, judged by running pytest."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import slackrunbooks.testing as testing

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester: pytest.Pytester):
    """Return a function that runs a test file with the plugin, and nothing else of this session's."""

    def run(source: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        # An installed library brings its plugin itself; loading it twice is an error.
        is_installed = any(each.name == "slackrunbooks" for each in entry_points(group="pytest11"))
        options = [] if is_installed else ["-p", "slackrunbooks.testing.plugin"]
        return pytester.runpytest_inprocess(*options, "-p", "no:randomly", "-p", "no:cacheprovider", "--strict-markers")

    return run


def test_the_fixture_is_a_fresh_fake(run) -> None:
    """Each test gets its own workspace, with every scope."""
    result = run(
        """
        def test_one(fake_slack):
            fake_slack.add_channel("a")
            fake_slack.client.chat_postMessage(channel="a", text="x")

        def test_two(fake_slack):
            assert fake_slack.channels == []
            assert "channels:manage" in fake_slack.scopes
        """
    )
    result.assert_outcomes(passed=2)


def test_the_marker_makes_the_fake(run) -> None:
    """The marker's arguments are FakeSlack's."""
    result = run(
        """
        import pytest

        @pytest.mark.slack(scopes=["chat:write"], team="Initech", start=0)
        def test_it(fake_slack):
            assert (fake_slack.scopes, fake_slack.now) == ({"chat:write"}, 0)
            assert fake_slack.client.auth_test()["team"] == "Initech"
        """
    )
    result.assert_outcomes(passed=1)


def test_a_fault_that_never_fired_fails_the_test(run) -> None:
    """The test itself fails, and the message lists the fault and the calls."""
    result = run(
        """
        def test_it(fake_slack):
            fake_slack.lose_reply("chat.postMessage")
            fake_slack.client.auth_test()

        def test_no_call(fake_slack):
            fake_slack.fail_next("auth.test", "fatal_error", times=2)
        """
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*a fault was ordered but no such call came*",
            "- applied_then_reset for chat.postMessage, 1 time(s)",
            "Calls: auth.test",
            "- fatal_error for auth.test, 2 time(s)",
            "Calls: none",
        ]
    )


def test_another_failure_is_not_hidden(run) -> None:
    """A test that fails by itself shows its own failure."""
    result = run(
        """
        def test_it(fake_slack):
            fake_slack.lose_reply("chat.postMessage")
            assert 1 == 2
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*a fault was ordered*")


def test_the_plugin_loads_nothing_heavy() -> None:
    """Importing the plugin, or the package, loads neither slack_sdk nor the fake nor any HTTP library."""
    heavy = ["slack_sdk", "requests", "aiohttp", "responses", "http.server", "slackrunbooks.testing._fake"]
    code = (
        "import sys, slackrunbooks.testing.plugin, slackrunbooks.testing as t; dir(t)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_package_gives_its_names_when_asked() -> None:
    """Every public name can be had; others are an AttributeError."""
    for name in testing.__all__:
        assert getattr(testing, name).__name__ == name
        assert name in dir(testing)
    with pytest.raises(AttributeError, match="no attribute 'FakeTeams'"):
        _ = testing.FakeTeams
