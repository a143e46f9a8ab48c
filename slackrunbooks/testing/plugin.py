"""The pytest plugin: the fixtures ``fake_slack`` and ``slack_snapshot``, a marker and an option.

Rule of this file: every pytest session of every project that has the library installed imports it, so it loads pytest
and nothing else; the fake, and slack_sdk with it, is imported when the fixture is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from ._fake import FakeSlack
    from ._snapshot import Snapshots

__all__ = ["fake_slack", "slack_snapshot"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    group = parser.getgroup("slackrunbooks")
    group.addoption("--slack-update", action="store_true", help="write the transcripts that slack_snapshot compares")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "slack(scopes=None, team='Acme', start=…, rate_limits=False, strict=True): how the fixture fake_slack of "
        "slackrunbooks is made, and whether requests that Slack would ignore fail the test",
    )


def _options(node: pytest.Item) -> dict[str, Any]:
    marker = node.get_closest_marker("slack")
    return dict(marker.kwargs) if marker is not None else {}


@pytest.fixture
def fake_slack(request: pytest.FixtureRequest) -> FakeSlack:
    """A fresh :class:`~slackrunbooks.testing.FakeSlack`, made with the arguments of the marker ``slack``.

    A test that orders a fault which then never happens fails: it did not test what it says. So does one that rests on
    what no page of Slack's describes, or that gives an argument which Slack would ignore; ``strict=False`` allows it.
    """
    from ._fake import FakeSlack

    options = _options(request.node)
    options.pop("strict", None)
    return FakeSlack(**options)


@pytest.fixture
def slack_snapshot(request: pytest.FixtureRequest, fake_slack: FakeSlack) -> Snapshots:
    """Compares the transcript of a channel with the file beside the test; ``--slack-update`` writes the file."""
    from ._snapshot import FOLDER, Snapshots

    path = request.path
    update = bool(request.config.getoption("slack_update"))
    return Snapshots(fake_slack, path.parent / FOLDER / path.stem, request.node.name, update)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test, not its teardown, for faults that never happened and for requests that prove nothing."""
    result = yield
    fake = getattr(item, "funcargs", {}).get("fake_slack")
    if fake is None:
        return result
    if unfired := getattr(fake, "unfired", None):
        listed = "\n".join(f"- {injected}" for injected in unfired)
        pytest.fail(
            f"fake_slack: a fault was ordered but no such call came, so the test did not see it:\n{listed}\n"
            f"Calls: {', '.join(call.method for call in fake.calls) or 'none'}",
            pytrace=False,
        )
    complaints = getattr(fake, "complaints", None)
    if complaints and _options(item).get("strict", True):
        listed = "\n".join(f"- {each}" for each in dict.fromkeys(complaints))
        pytest.fail(
            f"fake_slack: the test rests on what Slack's pages do not say:\n{listed}\n"
            "If it is meant to, mark it with @pytest.mark.slack(strict=False).",
            pytrace=False,
        )
    return result
