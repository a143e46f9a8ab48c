"""The pytest plugin: the fixtures ``fake_slack`` and ``slack_snapshot``, a marker and an option.

Rule of this file: every pytest session of every project that has the library installed imports it, so it loads pytest
and nothing else; the fake, and slack_sdk with it, is imported when the fixture is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ._fake import FakeSlack
    from ._snapshot import Snapshots

__all__ = ["fake_slack", "slack_snapshot"]

# A test need not name the fixture to use it: another fixture may, or request.getfixturevalue.
_FAKE = pytest.StashKey["FakeSlack"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    group = parser.getgroup("slackrunbooks")
    group.addoption("--slack-update", action="store_true", help="write the transcripts that slack_snapshot compares")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "slack(scopes=None, team='Acme', start=…, rate_limits=False, strict=None): how the fixture fake_slack of "
        "slackrunbooks is made, and whether a request on which no test should rest fails it",
    )


_OPTIONS = ("scopes", "team", "start", "rate_limits", "strict")


def _options(node: pytest.Item) -> dict[str, Any]:
    """Return the options of all markers of a test, its class and its module; of each option, the closest.

    What a marker says in another form would be passed over, and the test prove less than it says.
    """
    options: dict[str, Any] = {}
    for marker in node.iter_markers("slack"):
        unknown = [name for name in marker.kwargs if name not in _OPTIONS]
        if marker.args or unknown:
            given = ", ".join([*map(repr, marker.args), *unknown])
            raise pytest.UsageError(
                f"@pytest.mark.slack does not take {given}; it takes by name: {', '.join(_OPTIONS)}. "
                'Example: @pytest.mark.slack(scopes=["chat:write"], rate_limits=True)'
            )
        options = {**marker.kwargs, **options}
    return options


@pytest.fixture
def fake_slack(request: pytest.FixtureRequest) -> FakeSlack:
    """A fresh :class:`~slackrunbooks.testing.FakeSlack`, made with the arguments of the marker ``slack``.

    A test that orders a fault which then never happens fails: it did not test what it says. So does one that rests on
    what no page of Slack's describes, or that sends what Slack would ignore or cut; ``strict=False`` allows the latter
    two, and ``strict=True`` forbids harmless warnings, too.
    """
    from ._fake import FakeSlack

    options = _options(request.node)
    options.pop("strict", None)
    fake = FakeSlack(**options)
    request.node.stash[_FAKE] = fake
    return fake


@pytest.fixture
def slack_snapshot(request: pytest.FixtureRequest, fake_slack: FakeSlack) -> Snapshots:
    """Compares the transcript of a channel with the file beside the test; ``--slack-update`` writes the file."""
    from ._snapshot import FOLDER, Snapshots

    path = request.path
    update = bool(request.config.getoption("slack_update"))
    # Two classes of a file may have tests of the same name.
    test = f"{request.cls.__qualname__}.{request.node.name}" if request.cls is not None else request.node.name
    return Snapshots(fake_slack, path.parent / FOLDER / path.stem, test, update)


@pytest.hookimpl(trylast=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Fail a test, not its teardown, for faults that never happened and for requests that prove nothing.

    The last implementation comes after pytest's own, which runs the test, and only where the test did not fail by
    itself. A wrapper would say the same, but new ones need a pluggy, and old ones warn on one, that a host may have.
    """
    # Somebody's own fixture of that name keeps nothing here.
    fake = item.stash.get(_FAKE, None) or getattr(item, "funcargs", {}).get("fake_slack")
    if fake is None:
        return
    for told in (_mishaps(fake), _unfired(fake), _complaints(fake, _options(item).get("strict"))):
        if told:
            pytest.fail(f"fake_slack: {told}", pytrace=False)


def _mishaps(fake: FakeSlack) -> str:
    mishaps = getattr(fake, "mishaps", ())
    if not mishaps:
        return ""
    listed = "\n".join(f"- {type(each).__name__}: {each}" for each in mishaps)
    return f"what the test put off with later() failed when its time came:\n{listed}"


def _unfired(fake: FakeSlack) -> str:
    unfired = getattr(fake, "unfired", ())
    if not unfired:
        return ""
    listed = "\n".join(f"- {injected}" for injected in unfired)
    return (
        f"a fault was ordered but no such call came, so the test did not see it:\n{listed}\n"
        f"Calls: {', '.join(call.method for call in fake.calls) or 'none'}"
    )


def _complaints(fake: FakeSlack, strict: bool | None) -> str:
    complaints = [] if strict is False else list(getattr(fake, "complaints", ()))
    if strict:
        complaints += getattr(fake, "warnings", ())
    if not complaints:
        return ""
    listed = "\n".join(f"- {each}" for each in dict.fromkeys(complaints))
    return (
        f"the test rests on what Slack would ignore or warn of, or its pages do not say:\n{listed}\n"
        "If it is meant to, mark it with @pytest.mark.slack(strict=False)."
    )
