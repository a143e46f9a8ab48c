"""Rate limits as an option: tiers by the documentation, on the fake's clock."""

from __future__ import annotations

import asyncio

import pytest
from slack_sdk.errors import SlackApiError

import slackrunbooks as sr
from slackrunbooks.slack_methods import METHODS as KNOWN
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._limits import PER_MINUTE
from slackrunbooks.testing._methods import METHODS


def test_every_method_has_a_tier_but_those_without_a_number() -> None:
    """The table has each modelled method; of four the pages name no plain number a minute."""
    numberless = {"auth.test", "chat.getPermalink", "chat.postMessage", "oauth.v2.access"}
    assert set(METHODS) - set(PER_MINUTE) == numberless
    assert set(PER_MINUTE) <= set(METHODS)


def test_two_readings_of_the_pages_agree() -> None:
    """The fake's table was written apart from the library's, and says the same of every method that both know."""
    both = set(PER_MINUTE) & set(KNOWN)
    assert len(both) > 45
    assert {name: PER_MINUTE[name] for name in both} == {name: KNOWN[name].per_minute for name in both}


def test_a_request_too_many_is_refused_and_not_counted() -> None:
    """The twenty-first of a minute gets HTTP 429 with the time to wait, and does nothing; then it goes on."""
    fake = FakeSlack(rate_limits=True)
    for number in range(20):
        fake.client.conversations_create(name=f"c{number}")
        fake.advance(1)
    for _ in range(2):
        with pytest.raises(SlackApiError) as refused:
            fake.client.conversations_create(name="late")
        assert (refused.value.response.status_code, refused.value.response["error"]) == (429, "ratelimited")
        assert refused.value.response.headers["retry-after"] == "40"
    assert len(fake.channels) == 20
    fake.advance(40)
    fake.client.conversations_create(name="late")


def test_messages_have_a_lane_for_each_channel() -> None:
    """One a second and channel: another channel does not wait."""
    fake = FakeSlack(rate_limits=True)
    for name in ("a", "b"):
        fake.add_channel(name)
    fake.client.chat_postMessage(channel="a", text="1")
    fake.client.chat_postMessage(channel="b", text="1")
    with pytest.raises(SlackApiError, match="ratelimited"):
        fake.client.chat_postMessage(channel="a", text="2")
    fake.advance(1)
    fake.client.chat_postMessage(channel="a", text="2")


@pytest.mark.slack(rate_limits=True)
def test_an_executor_waits_as_long_as_it_is_told(fake_slack: FakeSlack) -> None:
    """Five messages into one channel take four seconds of the clock, and all arrive in order, once."""
    fake_slack.add_channel("a")
    book = sr.Runbook("b", {"say": sr.Step(sr.SendMessage(channel="#a", text="{{item}}"), foreach=[1, 2, 3, 4, 5])})
    start = fake_slack.now
    with fake_slack.executor() as executor:
        executor.run(book, {}).raise_for_failure()

    async def go() -> sr.Report:
        async with fake_slack.async_executor() as executor:
            return await executor.run(book, {})

    asyncio.run(go()).raise_for_failure()
    assert [message.text for message in fake_slack.channel("a").messages] == list("1234512345")
    assert fake_slack.now - start == 9.0


def test_without_the_option_nothing_is_limited() -> None:
    """Tests that do not ask for limits are not slowed by them."""
    fake = FakeSlack()
    fake.add_channel("a")
    for _ in range(150):
        fake.client.chat_postMessage(channel="a", text="x")
    assert all(call.ok for call in fake.calls)
