"""The pytest plugin: the fixture ``fake_slack`` and the marker ``slack``.

Rule of this file: every pytest session of every project that has the library installed imports it, so it loads pytest
and nothing else; the fake, and slack_sdk with it, is imported when the fixture is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from ._fake import FakeSlack

__all__ = ["fake_slack"]


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", "slack(scopes=None, team='Acme', start=…): how the fixture fake_slack of slackrunbooks is made"
    )


@pytest.fixture
def fake_slack(request: pytest.FixtureRequest) -> FakeSlack:
    """A fresh :class:`~slackrunbooks.testing.FakeSlack`, made with the arguments of the marker ``slack``.

    A test that orders a fault which then never happens fails: it did not test what it says.
    """
    from ._fake import FakeSlack

    marker = request.node.get_closest_marker("slack")
    return FakeSlack(**marker.kwargs) if marker is not None else FakeSlack()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test, not its teardown, for faults that were ordered and never happened."""
    result = yield
    fake = getattr(item, "funcargs", {}).get("fake_slack")
    unfired = getattr(fake, "unfired", None)
    if fake is not None and unfired:
        listed = "\n".join(f"- {injected}" for injected in unfired)
        pytest.fail(
            f"fake_slack: a fault was ordered but no such call came, so the test did not see it:\n{listed}\n"
            f"Calls: {', '.join(call.method for call in fake.calls) or 'none'}",
            pytrace=False,
        )
    return result
