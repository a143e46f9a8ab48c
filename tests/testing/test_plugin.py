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

    def run(source: str, *more: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        # An installed library brings its plugin itself; loading it twice is an error.
        is_installed = any(each.name == "slackrunbooks" for each in entry_points(group="pytest11"))
        options = [] if is_installed else ["-p", "slackrunbooks.testing.plugin"]
        return pytester.runpytest_inprocess(
            *options, "-p", "no:randomly", "-p", "no:cacheprovider", "--strict-markers", *more
        )

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


def test_markers_of_a_test_its_class_and_its_module_are_one(run) -> None:
    """Of each option the closest marker counts; what it does not say, the next one says."""
    result = run(
        """
        import pytest

        pytestmark = pytest.mark.slack(team="Initech", start=0)

        @pytest.mark.slack(scopes=["chat:write"], start=1)
        class TestIt:
            @pytest.mark.slack(strict=False)
            def test_it(self, fake_slack):
                assert (fake_slack.scopes, fake_slack.now) == ({"chat:write"}, 1)
                assert fake_slack.client.auth_test(nonsense="x")["team"] == "Initech"

            @pytest.mark.slack(scopes=None)
            def test_closer(self, fake_slack):
                assert len(fake_slack.scopes) > 1
        """
    )
    result.assert_outcomes(passed=2)


def test_a_fake_that_the_test_did_not_name_is_judged_as_well(run) -> None:
    """It makes no difference how the test came by its fixture, or whose fixture it is."""
    result = run(
        """
        import pytest
        import unittest

        def test_it(request):
            request.getfixturevalue("fake_slack").lose_reply("chat.postMessage")

        @pytest.fixture
        def workspace(fake_slack):
            return fake_slack

        def test_by_another_fixture(workspace):
            workspace.lose_reply("chat.postMessage")

        class TestOfUnittest(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def workspace(self, fake_slack):
                self.fake = fake_slack

            def test_it(self):
                self.fake.lose_reply("chat.postMessage")

        class TestOwn:
            @pytest.fixture
            def fake_slack(self):
                from slackrunbooks.testing import FakeSlack

                return FakeSlack()

            def test_it(self, fake_slack):
                fake_slack.lose_reply("chat.postMessage")
        """
    )
    result.assert_outcomes(failed=4)
    result.stdout.no_fnmatch_line("*Error*")


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


def test_what_no_page_describes_fails_the_test(run) -> None:
    """A test that rests on "not modelled", or on an argument that is ignored, fails and says which page to read."""
    result = run(
        """
        import pytest
        from slack_sdk.errors import SlackApiError

        def use(fake):
            fake.add_channel("a")
            fake.client.api_call("chat.postMessage", data={"channel": "a", "text": "x", "unfurl_link": True})
            old = fake.add_channel("old", is_archived=True)
            with pytest.raises(SlackApiError):
                fake.client.conversations_unarchive(channel=old.id)

        def test_strict(fake_slack):
            use(fake_slack)

        @pytest.mark.slack(strict=False)
        def test_lenient(fake_slack):
            use(fake_slack)
            assert len(fake_slack.complaints) == 2
        """
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*the test rests on what Slack would ignore or warn of, or its pages do not say:*",
            "- chat.postMessage has no argument 'unfurl_link' (did you mean 'unfurl_links'?)*chat.postMessage",
            "- conversations.unarchive is not modelled as it was called:*",
            "*strict=False*",
        ]
    )


def test_limits_come_with_the_marker(run) -> None:
    """The marker switches rate limits on."""
    result = run(
        """
        import pytest

        @pytest.mark.slack(rate_limits=True)
        def test_it(fake_slack):
            fake_slack.add_channel("a")
            fake_slack.client.chat_postMessage(channel="a", text="x")
            with pytest.raises(Exception, match="ratelimited"):
                fake_slack.client.chat_postMessage(channel="a", text="x")
        """
    )
    result.assert_outcomes(passed=1)


SNAPSHOT = """
    def test_it(fake_slack, slack_snapshot):
        fake_slack.add_channel("a")
        fake_slack.client.chat_postMessage(channel="a", text="hello")
        slack_snapshot("a")
        fake_slack.client.chat_postMessage(channel="a", text="again")
        slack_snapshot(name="all of it")
"""


def test_a_transcript_is_held_against_the_one_that_was_agreed_on(run, pytester: pytest.Pytester) -> None:
    """Missing, written on demand, the same, and different: each says what to do."""
    missing = run(SNAPSHOT)
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*there is no __slack__/*/test_it.txt yet. Run pytest --slack-update*", "*hello*"])
    run(SNAPSHOT, "--slack-update").assert_outcomes(passed=1)
    written = sorted(path.name for path in (pytester.path / "__slack__").rglob("*.txt"))
    assert written == ["test_it-all_of_it.txt", "test_it.txt"]
    run(SNAPSHOT).assert_outcomes(passed=1)
    changed = run(SNAPSHOT.replace("hello", "hullo"))
    changed.assert_outcomes(failed=1)
    changed.stdout.fnmatch_lines(
        ["*the transcript differs from*", "*-*hello", "*+*hullo", "*run pytest --slack-update*"]
    )


def test_each_test_has_transcripts_of_its_own(run, pytester: pytest.Pytester) -> None:
    """Tests of one name in two classes, and cases that differ in odd characters only, keep different files."""
    source = """
        import pytest

        class TestOne:
            def test_it(self, fake_slack, slack_snapshot):
                fake_slack.add_channel("one")
                slack_snapshot()

        class TestTwo:
            def test_it(self, fake_slack, slack_snapshot):
                fake_slack.add_channel("two")
                slack_snapshot()

        @pytest.mark.parametrize("name", ["a/b", "a b", "c", "d" * 300])
        def test_case(fake_slack, slack_snapshot, name):
            fake_slack.add_channel(name)
            slack_snapshot()
    """
    run(source, "--slack-update").assert_outcomes(passed=6)
    written = {path.name for path in (pytester.path / "__slack__").rglob("*.txt")}
    assert len(written) == 6 and max(map(len, written)) < 140
    assert {"TestOne.test_it.txt", "TestTwo.test_it.txt", "test_case[c].txt"} <= written
    run(source).assert_outcomes(passed=6)


def test_a_name_is_given_once(run) -> None:
    """Two transcripts of one test under one name would overwrite each other."""
    result = run(
        """
        def test_it(fake_slack, slack_snapshot):
            slack_snapshot(name="x")
            slack_snapshot(name="x")
        """,
        "--slack-update",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*has compared a transcript named 'x' already*"])


@pytest.mark.parametrize("marker", ['["chat:write"]', "rate_limit=True"])
def test_a_marker_that_says_nothing_is_an_error(run, marker: str) -> None:
    """What the marker does not take would be passed over, and the test would prove less than it says."""
    result = run(
        f"""
        import pytest

        @pytest.mark.slack({marker})
        def test_it(fake_slack):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*@pytest.mark.slack does not take *; it takes by name: scopes, team, start,*"])


def test_warnings_of_slack_fail_the_test(run) -> None:
    """Where a text was cut, and with strict=True also about a charset; what is meant to be so does not."""
    result = run(
        """
        import pytest
        import requests

        def use(fake_slack):
            fake_slack.add_channel("a")
            with fake_slack.serve() as server:
                def post(method, kind, body):
                    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": kind}
                    assert requests.post(f"{server.url}{method}", body, headers=headers).json()["ok"]
                post("chat.postMessage", "application/json", '{"channel": "a", "text": "x"}')
                post("users.list", "application/x-www-form-urlencoded; charset=utf-8", "limit=5")

        @pytest.mark.slack(strict=True)
        def test_strict(fake_slack):
            use(fake_slack)

        def test_as_usual(fake_slack):
            use(fake_slack)
            assert len(fake_slack.warnings) == 2

        def test_cut(fake_slack):
            fake_slack.add_channel("a")
            fake_slack.client.chat_postMessage(channel="a", text="x" * 40_001)

        @pytest.mark.slack(strict=True)
        def test_not_this(fake_slack):
            room = fake_slack.add_channel("a")
            assert fake_slack.client.conversations_join(channel=room.id)["warning"] == "already_in_channel"
            assert fake_slack.client.api_test(foo="bar")["args"] == {"foo": "bar"}
        """
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "- chat.postMessage: Slack warns missing_charset: *methods/chat.postMessage",
            "- users.list: Slack warns superfluous_charset: *methods/users.list",
            "- chat.postMessage: Slack warns message_truncated: *people see only its beginning*",
        ]
    )


def test_what_fails_later_fails_the_test(run) -> None:
    """A person's act that went wrong after the test's last look is not lost."""
    result = run(
        """
        def test_it(fake_slack):
            ann = fake_slack.add_user("ann")
            fake_slack.later(5, lambda: ann.post(fake_slack.channel("nowhere"), "x"))
            fake_slack.clock.advance(5)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*put off with later() failed when its time came:*", "- KeyError: *nowhere*"])
