"""What the tests of the fake share: a small workspace, and a plain way to call a method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from slackrunbooks.testing import FakeSlack

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def slack() -> FakeSlack:
    """Return a workspace with three people, a group, and a channel of every kind."""
    slack = FakeSlack()
    alice, bob = slack.add_user("alice"), slack.add_user("bob")
    slack.add_user("gone", deleted=True)
    slack.add_user("otherbot", is_bot=True)
    slack.add_usergroup("oncall", [alice, bob])
    slack.add_channel("general", is_general=True, members=[alice, bob])
    slack.add_channel("incidents", members=[alice])
    slack.add_channel("lobby", is_member=False, members=[bob])
    slack.add_channel("secret", is_private=True, members=[alice])
    slack.add_channel("hidden", is_private=True, is_member=False, members=[bob])
    slack.add_channel("old", is_archived=True)
    return slack


@pytest.fixture
def ask(slack: FakeSlack) -> Ask:
    """Return a function that calls a method and returns Slack's answer, good or bad."""

    def ask(method: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = slack.client.api_call(method, json=arguments) if arguments else slack.client.api_call(method)
        except SlackApiError as error:
            answer = error.response
        return dict(answer.data)

    return ask


@pytest.fixture
def form(slack: FakeSlack) -> Ask:
    """Return a function like ``ask`` that sends a form, which every method takes."""

    def form(method: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = slack.client.api_call(method, params=arguments)
        except SlackApiError as error:
            answer = error.response
        return dict(answer.data)

    return form
