"""Retries: what became of a request, and whether and when it is sent again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks._effects import Answered, Call, Delivery, Lost, NotSent, Repeat
from slackrunbooks.retries import Accepted, Refused, Unknown, judge
from slackrunbooks.slack_methods import UNCERTAIN_CODES

CALL = Call("chat.postMessage", {"channel": "C1", "text": "x"}, Repeat.DOUBLES)
REFUSAL = sr.SlackError("x", method="m")


def answer(status: int, data: Any = None, **headers: str) -> Answered:
    """Make an answer; underscores in the names of headers stand for hyphens."""
    return Answered(status, {name.replace("_", "-"): value for name, value in headers.items()}, data)


def code(error: str, status: int = 200, **headers: str) -> Answered:
    """Make an answer in which Slack refuses with a code."""
    return answer(status, {"ok": False, "error": error}, **headers)


REDIRECT = (
    "(a redirect, which is not followed so that the token goes nowhere else). "
    "Set base_url to where the API is, ending in /api/."
)
NOT_SLACK = "(an answer that is not Slack's). Check base_url (it ends in /api/) and the proxy on the way."
LATER = "Nothing was done."

# A delivery, whether the request may be sent again, the class of the error, and the end of its message.
REFUSED: list[tuple[Delivery, bool, type[sr.SlackError], str]] = [
    (
        NotSent("connection refused"),
        True,
        sr.SlackUnavailable,
        (
            "chat.postMessage could not reach Slack: connection refused. "
            "Nothing was sent. Check the network, the proxy and the base URL."
        ),
    ),
    (answer(429, retry_after="7"), True, sr.RateLimited, LATER),
    (answer(429, {"ok": False, "error": "ratelimited"}, retry_after="7"), True, sr.RateLimited, LATER),
    (answer(429, {"ok": False, "error": "something_else"}), True, sr.RateLimited, LATER),
    (answer(429, {"message": "slow down"}), True, sr.RateLimited, LATER),
    (code("ratelimited", retry_after="7"), True, sr.RateLimited, LATER),
    (code("rate_limited"), True, sr.RateLimited, "Post less often, or change one message with UpdateMessage."),
    (code("channel_not_found"), False, sr.ChannelNotFound, ""),
    (code("a_new_code"), False, sr.SlackError, ""),
    (code("invalid_auth", 401), False, sr.AuthenticationFailed, ""),
    (code("channel_not_found", 500), False, sr.ChannelNotFound, ""),
    (answer(200, {"ok": False}), False, sr.SlackError, ""),
    (answer(301), False, sr.SlackError, f"Slack refused chat.postMessage: http_301 {REDIRECT}"),
    (answer(307, {"x": 1}), False, sr.SlackError, f"Slack refused chat.postMessage: http_307 {REDIRECT}"),
    (answer(400), False, sr.SlackError, f"Slack refused chat.postMessage: http_400 {NOT_SLACK}"),
    (answer(404, {"error": "x"}), False, sr.SlackError, f"Slack refused chat.postMessage: http_404 {NOT_SLACK}"),
    (answer(407), False, sr.SlackError, f"Slack refused chat.postMessage: http_407 {NOT_SLACK}"),
]


@pytest.mark.parametrize(("delivery", "again", "cls", "message"), REFUSED, ids=[repr(row[0]) for row in REFUSED])
def test_what_was_certainly_not_done(delivery: Delivery, again: bool, cls: type[sr.SlackError], message: str) -> None:
    """A refusal is a typed error; only what the tables list may be sent again."""
    verdict = judge(CALL, delivery)
    assert isinstance(verdict, Refused)
    assert (type(verdict.error), verdict.again) == (cls, again)
    assert str(verdict.error).endswith(message)
    assert verdict.error.method == "chat.postMessage"


@pytest.mark.parametrize(
    ("method", "refusal", "again"),
    [
        ("canvases.edit", "canvas_editing_locked", True),
        ("bookmarks.add", "too_many_requests", True),
        ("canvases.edit", "too_many_requests", False),
        ("no.such.method", "canvas_editing_locked", False),
    ],
)
def test_what_slack_asks_to_try_again_is(method: str, refusal: str, again: bool) -> None:
    """Of two errors Slack's pages say to try again, each with its own method."""
    verdict = judge(Call(method, {}, Repeat.DOUBLES), code(refusal))
    assert isinstance(verdict, Refused)
    assert verdict.again is again


UNKNOWN: list[tuple[Delivery, str]] = [
    (Lost("no answer within 30 seconds"), "no answer within 30 seconds"),
    (answer(500), "HTTP 500 without Slack's answer"),
    (answer(502, {"x": 1}), "HTTP 502 without Slack's answer"),
    (answer(503, {"ok": "no"}), "HTTP 503 without Slack's answer"),
    (answer(408), "HTTP 408 without Slack's answer"),
    (answer(200), "HTTP 200 without Slack's answer"),
    (answer(200, {"ok": 1}), "HTTP 200 without Slack's answer"),
    (answer(204), "HTTP 204 without Slack's answer"),
    (answer(103), "HTTP 103 without Slack's answer"),
    *(
        (code(uncertain, status), f"Slack answered {uncertain}, which may come after the effect")
        for uncertain in sorted(UNCERTAIN_CODES)
        for status in (200, 500)
    ),
]


@pytest.mark.parametrize(("delivery", "reason"), UNKNOWN, ids=[repr(row[0]) for row in UNKNOWN])
def test_what_may_have_been_done(delivery: Delivery, reason: str) -> None:
    """Whatever does not prove that Slack refused may have been done, and says why."""
    assert judge(CALL, delivery) == Unknown(reason)


@pytest.mark.parametrize("status", [200, 429, 500])
def test_what_slack_says_it_did_was_done(status: int) -> None:
    """``ok: true`` is believed whatever the status; the reply has data and headers."""
    verdict = judge(CALL, answer(status, {"ok": True, "ts": "1.000001"}, x_oauth_scopes="chat:write"))
    assert isinstance(verdict, Accepted)
    assert verdict.reply["ts"] == "1.000001"
    assert verdict.reply.get("missing") is None
    assert verdict.reply.headers == {"x-oauth-scopes": "chat:write"}


@given(
    st.integers(100, 599),
    st.none()
    | st.dictionaries(st.sampled_from(["ok", "error", "x"]), st.sampled_from([True, False, None, 0, 1, "", "x"])),
)
def test_nothing_is_sent_again_by_exclusion(status: int, data: dict[str, Any] | None) -> None:
    """For any answer: only a rate limit may be sent again, only ``ok: true`` was done."""
    verdict = judge(CALL, Answered(status, {}, data))
    if isinstance(verdict, Refused) and verdict.again:
        assert status == 429
    assert isinstance(verdict, Accepted) is (data is not None and data.get("ok") is True)


# --- the policy ------------------------------------------------------------------------------------------------------


def limited(seconds: float) -> sr.RateLimited:
    """Make the refusal in which Slack names a time."""
    return sr.RateLimited(method="m", retry_after=seconds)


WAITS: list[tuple[dict[str, Any], int, float, sr.SlackError | None, float | None]] = [
    # Where Slack names no time, waits double up to the longest.
    ({}, 1, 0, REFUSAL, 0.5),
    ({}, 2, 0.5, REFUSAL, 1.0),
    ({}, 3, 1.5, None, 2.0),
    ({}, 4, 3.5, None, 4.0),
    ({}, 5, 7.5, REFUSAL, None),
    ({"attempts": 20}, 9, 0, None, 30.0),
    ({"attempts": 20, "longest_wait": 5}, 9, 0, None, 5.0),
    ({"first_wait": 2}, 1, 0, None, 2.0),
    ({"first_wait": 0}, 3, 0, None, 0.0),
    ({"longest_wait": 0}, 1, 0, None, 0.0),
    # Where Slack names one, that one, however long, within the whole.
    ({}, 1, 0, limited(7), 7.0),
    ({}, 1, 0, limited(0), 0.0),
    ({}, 4, 10, limited(45), 45.0),
    ({}, 1, 0, limited(120), 120.0),
    ({}, 1, 0, limited(120.5), None),
    ({}, 2, 100, limited(20), 20.0),
    ({}, 2, 100, limited(21), None),
    ({}, 5, 0, limited(1), None),
    # The whole is capped, and one attempt is never repeated.
    ({"max_wait": 1}, 2, 0.5, None, None),
    ({"max_wait": 1.5}, 2, 0.5, None, 1.0),
    ({"max_wait": 0}, 1, 0, None, None),
    ({"max_wait": 0, "first_wait": 0}, 1, 0, None, 0.0),
    ({"attempts": 1}, 1, 0, limited(1), None),
]


@pytest.mark.parametrize(("options", "attempt", "waited", "error", "wait"), WAITS)
def test_when_a_request_is_sent_again(
    options: dict[str, Any], attempt: int, waited: float, error: sr.SlackError | None, wait: float | None
) -> None:
    """The policy gives the seconds to wait, or gives up, from what was tried and waited so far."""
    assert sr.RetryPolicy(**options).wait_before_next(attempt=attempt, waited=waited, error=error) == wait


@given(
    attempts=st.integers(1, 8),
    max_wait=st.floats(0, 300),
    first_wait=st.floats(0, 10),
    longest_wait=st.floats(0, 60),
    errors=st.lists(st.none() | st.floats(0, 200), min_size=10, max_size=10),
)
def test_no_policy_is_exceeded(
    attempts: int, max_wait: float, first_wait: float, longest_wait: float, errors: list[float | None]
) -> None:
    """Whatever comes back, a call is sent at most ``attempts`` times and waits at most ``max_wait`` seconds."""
    policy = sr.RetryPolicy(attempts=attempts, max_wait=max_wait, first_wait=first_wait, longest_wait=longest_wait)
    sent, waited = 1, 0.0
    for seconds in errors:
        error = None if seconds is None else limited(seconds)
        wait = policy.wait_before_next(attempt=sent, waited=waited, error=error)
        if wait is None:
            break
        assert wait == seconds if seconds is not None else 0 <= wait <= longest_wait
        waited += wait
        sent += 1
    assert sent <= attempts
    assert waited <= max_wait + 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attempts": 0}, "attempts: must be a whole number from 1, for the first request counts; not 0."),
        ({"attempts": -1}, "attempts: must be a whole number from 1, for the first request counts; not -1."),
        ({"attempts": 2.5}, "attempts: must be a whole number from 1, for the first request counts; not 2.5."),
        ({"attempts": "3"}, "attempts: must be a whole number from 1, for the first request counts; not '3'."),
        ({"attempts": True}, "attempts: must be a whole number from 1, for the first request counts; not True."),
        ({"max_wait": -1}, "max_wait: must be seconds from 0, not -1."),
        ({"max_wait": "60"}, "max_wait: must be seconds from 0, not '60'."),
        ({"first_wait": float("nan")}, "first_wait: must be seconds from 0, not nan."),
        ({"longest_wait": None}, "longest_wait: must be seconds from 0, not None."),
        ({"longest_wait": True}, "longest_wait: must be seconds from 0, not True."),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    """Each number of a policy is checked when it is made."""
    with pytest.raises(sr.RunbookError) as refused:
        sr.RetryPolicy(**options)
    assert str(refused.value) == f"RetryPolicy.{message}"
