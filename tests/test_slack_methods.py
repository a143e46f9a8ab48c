"""Facts about Slack's methods, and the typed error of each code."""

from __future__ import annotations

import json
import pickle
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from slackrunbooks import errors
from slackrunbooks._effects import Repeat
from slackrunbooks.slack_methods import METHODS, UNCERTAIN_CODES, call, slack_error

DOCUMENTED = json.loads((Path(__file__).parent / "data" / "slack-errors.json").read_text(encoding="utf-8"))

PAIRS = sorted({(method, code) for method, codes in DOCUMENTED["methods"].items() for code in codes})

COMMON = DOCUMENTED["common"]

READ_ONLY = """
    api.test auth.test bookmarks.list chat.getPermalink chat.scheduledMessages.list conversations.history
    conversations.info conversations.list conversations.members conversations.replies files.getUploadURLExternal
    files.info files.list pins.list reactions.get team.info usergroups.list usergroups.users.list users.conversations
    users.info users.list users.lookupByEmail"""


def refuse(method: str, code: str, **more: Any) -> errors.SlackError:
    """Make the error of an answer that refuses the method with this code and what else it has."""
    return slack_error(method, {"ok": False, "error": code, **more})


def test_every_documented_method_of_the_first_version_is_known() -> None:
    """The table has each method whose errors are documented in the data file, under its own name."""
    assert set(DOCUMENTED["methods"]) <= set(METHODS)
    assert all(name == method.name for name, method in METHODS.items())


def test_page() -> None:
    """A method's page is the one in Slack's reference."""
    assert METHODS["chat.postMessage"].page == "https://docs.slack.dev/reference/methods/chat.postMessage"


@pytest.mark.parametrize(
    ("method", "scopes"),
    [
        ("auth.test", {}),
        ("chat.getPermalink", {}),
        ("chat.postMessage", {"any": ("chat:write",)}),
        ("users.lookupByEmail", {"any": ("users:read.email",)}),
        (
            "conversations.create",
            # The page lists im:write and mpim:write too, but the method makes no such conversation.
            {"public": ("channels:manage", "channels:write"), "private": ("groups:write",)},
        ),
        ("conversations.join", {"public": ("channels:join",)}),
        ("conversations.kick", {"public": ("channels:manage",), "private": ("groups:write",)}),
        (
            "conversations.setTopic",
            {
                "public": ("channels:write.topic", "channels:manage"),
                "private": ("groups:write.topic", "groups:write"),
                "im": ("im:write.topic", "im:write"),
                "mpim": ("mpim:write.topic", "mpim:write"),
            },
        ),
        (
            "conversations.invite",
            {
                "public": ("channels:write.invites", "channels:manage"),
                "private": ("groups:write.invites", "groups:write"),
                "im": ("im:write",),
                "mpim": ("mpim:write",),
            },
        ),
    ],
)
def test_scopes(method: str, scopes: dict[str, tuple[str, ...]]) -> None:
    """The scopes stand by type of conversation, with the one to ask for in front."""
    assert dict(METHODS[method].scopes) == scopes


def test_scopes_cannot_be_changed() -> None:
    """Nobody changes the table by accident: it and its scopes are read-only."""
    with pytest.raises(TypeError):
        METHODS["chat.postMessage"].scopes["any"] = ()  # type: ignore[index]
    with pytest.raises(TypeError):
        METHODS["chat.postMessage"] = METHODS["auth.test"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("method", "tier", "per_minute"),
    [
        ("chat.postMessage", "special", 60),
        ("auth.test", "special", 600),
        ("conversations.create", 2, 20),
        ("conversations.invite", 3, 50),
        ("users.info", 4, 100),
    ],
)
def test_rates(method: str, tier: object, per_minute: int) -> None:
    """Each method has Slack's tier and the number that the tier or its page promises."""
    assert (METHODS[method].tier, METHODS[method].per_minute) == (tier, per_minute)


def test_rates_of_a_tier_are_the_same() -> None:
    """All methods of a tier share its number, and no number is nothing."""
    numbers = defaultdict(set)
    for method in METHODS.values():
        numbers[method.tier].add(method.per_minute)
    assert {tier: values for tier, values in numbers.items() if tier != "special"} == {2: {20}, 3: {50}, 4: {100}}
    assert min(numbers["special"]) > 0


def test_posting_methods() -> None:
    """The limit of one message a second and channel holds for all that show one at once."""
    assert sorted(name for name, method in METHODS.items() if method.posts) == [
        "chat.meMessage",
        "chat.postEphemeral",
        "chat.postMessage",
        "files.completeUploadExternal",
    ]


def test_reading_methods() -> None:
    """Exactly the methods that change nothing anybody can see count as reading."""
    assert {name for name, method in METHODS.items() if method.repeat is Repeat.READS} == set(READ_ONLY.split())


@pytest.mark.parametrize(
    ("method", "repeat", "done_codes"),
    [
        ("chat.postMessage", Repeat.DOUBLES, ()),
        ("chat.scheduleMessage", Repeat.DOUBLES, ()),
        ("files.completeUploadExternal", Repeat.DOUBLES, ()),
        ("chat.update", Repeat.SAME, ()),
        ("conversations.open", Repeat.SAME, ()),
        ("conversations.setTopic", Repeat.SAME, ()),
        ("conversations.archive", Repeat.GUARDED, ("already_archived",)),
        ("conversations.leave", Repeat.GUARDED, ("not_in_channel",)),
        ("chat.delete", Repeat.GUARDED, ("message_not_found",)),
        ("pins.add", Repeat.GUARDED, ("already_pinned",)),
        # These answer a second sending with an error that does not prove the first one.
        ("conversations.create", Repeat.GUARDED, ()),
        ("conversations.invite", Repeat.GUARDED, ()),
        ("conversations.kick", Repeat.GUARDED, ()),
        ("chat.deleteScheduledMessage", Repeat.GUARDED, ()),
    ],
)
def test_repeats(method: str, repeat: Repeat, done_codes: tuple[str, ...]) -> None:
    """The table says what a second sending does and which errors prove that the first one worked."""
    assert (METHODS[method].repeat, METHODS[method].done_codes) == (repeat, done_codes)


def test_done_codes_belong_to_guarded_methods() -> None:
    """Only a method that answers a repeat with an error can have an error that means "done"."""
    assert {method.repeat for method in METHODS.values() if method.done_codes} == {Repeat.GUARDED}


def test_retry_codes() -> None:
    """Only the two codes of which Slack itself says "please retry" are there."""
    assert {name: method.retry_codes for name, method in METHODS.items() if method.retry_codes} == {
        "bookmarks.add": ("too_many_requests",),
        "canvases.edit": ("canvas_editing_locked",),
    }


def test_uncertain_codes_are_common_errors() -> None:
    """The codes that leave the outcome open are ones that any method can answer."""
    assert set(COMMON) > UNCERTAIN_CODES


def test_call() -> None:
    """A call carries the method's repeat and the arguments that are not None, false and empty ones too."""
    built = call("conversations.list", cursor=None, exclude_archived=False, types="", limit=0)
    assert built.method == "conversations.list"
    assert built.arguments == {"exclude_archived": False, "types": "", "limit": 0}
    assert built.repeat is Repeat.READS


def test_call_takes_any_argument_name() -> None:
    """An argument of Slack's may be called method."""
    assert call("api.test", method="x").arguments == {"method": "x"}


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("chat.postMesage", "check the spelling"),
        ("conversations.unarchive", "does not let bot tokens unarchive"),
        ("files.upload", "files.getUploadURLExternal"),
        ("reminders.add", "user token"),
    ],
)
def test_call_of_an_unknown_method(method: str, reason: str) -> None:
    """A method that is not in the table is a KeyError that names it and says why."""
    with pytest.raises(KeyError, match=re.escape(method)) as caught:
        call(method)
    assert reason in str(caught.value)


@pytest.mark.parametrize(("method", "code"), [*PAIRS, *(("chat.postMessage", code) for code in COMMON)])
def test_every_documented_error_has_a_remedy_of_its_own(method: str, code: str) -> None:
    """No documented error of these methods falls back to the pointer at the method's page."""
    error = refuse(method, code)
    assert (error.code, error.method) == (code, method)
    assert len(error.remedy.split()) >= 6
    assert "Slack explains the errors of this method" not in error.remedy
    assert str(error) == f"{error._head()} {error.remedy}"


def test_remedies_differ_between_codes() -> None:
    """No two codes of all documented ones share a remedy, and none ends without a full stop."""
    codes_by_remedy = defaultdict(set)
    for method, code in [*PAIRS, *(("auth.test", code) for code in COMMON)]:
        codes_by_remedy[refuse(method, code).remedy].add(code)
    assert [codes for codes in codes_by_remedy.values() if len(codes) > 1] == []
    assert [remedy for remedy in codes_by_remedy if not remedy.endswith((".", ")"))] == []


@pytest.mark.parametrize(
    ("code", "methods"),
    [
        ("not_in_channel", ["chat.postMessage", "conversations.archive", "conversations.invite", "pins.add"]),
        ("too_long", ["conversations.setTopic", "conversations.setPurpose"]),
        ("restricted_action", ["chat.postMessage", "conversations.create", "conversations.archive"]),
        ("too_many_users", ["conversations.open", "users.info"]),
        ("team_not_found", ["chat.postMessage", "chat.update"]),
        ("name_taken", ["conversations.create", "conversations.rename"]),
        ("invalid_name", ["conversations.create", "reactions.add"]),
        ("not_found", ["bookmarks.edit", "bookmarks.remove"]),
        ("file_not_found", ["bookmarks.add", "pins.add"]),
        ("is_archived", ["chat.postMessage", "conversations.invite", "reactions.add"]),
    ],
)
def test_remedies_differ_between_methods(code: str, methods: list[str]) -> None:
    """Where a code means something else from method to method, its remedy does too."""
    assert len({refuse(method, code).remedy for method in methods}) == len(methods)


@pytest.mark.parametrize(
    ("method", "code", "kind"),
    [
        ("auth.test", "invalid_auth", errors.AuthenticationFailed),
        ("auth.test", "not_authed", errors.AuthenticationFailed),
        ("auth.test", "token_expired", errors.AuthenticationFailed),
        ("auth.test", "token_revoked", errors.AuthenticationFailed),
        ("auth.test", "account_inactive", errors.AuthenticationFailed),
        ("auth.test", "not_allowed_token_type", errors.AuthenticationFailed),
        ("conversations.list", "missing_scope", errors.MissingScope),
        ("chat.postMessage", "channel_not_found", errors.ChannelNotFound),
        ("chat.postMessage", "is_archived", errors.IsArchived),
        ("chat.update", "is_inactive", errors.IsArchived),
        ("conversations.archive", "already_archived", errors.IsArchived),
        ("conversations.create", "name_taken", errors.NameTaken),
        ("conversations.create", "invalid_name_specials", errors.InvalidChannelName),
        ("conversations.create", "no_channel", errors.InvalidChannelName),
        ("reactions.add", "invalid_name", errors.SlackError),
        ("chat.postMessage", "not_in_channel", errors.NotInChannel),
        ("conversations.kick", "not_in_channel", errors.SlackError),
        ("users.info", "user_not_found", errors.UserNotFound),
        ("users.lookupByEmail", "users_not_found", errors.UserNotFound),
        ("chat.update", "message_not_found", errors.MessageNotFound),
        ("pins.add", "message_not_found", errors.MessageNotFound),
        ("pins.add", "restricted_action", errors.NotPermitted),
        ("bookmarks.add", "permission_denied", errors.NotPermitted),
        ("reactions.add", "thread_locked", errors.NotPermitted),
        ("reactions.add", "is_archived", errors.IsArchived),
        ("bookmarks.edit", "not_found", errors.SlackError),
        ("conversations.replies", "thread_not_found", errors.MessageNotFound),
        ("chat.postMessage", "invalid_blocks", errors.InvalidBlocks),
        ("chat.postMessage", "msg_blocks_too_long", errors.InvalidBlocks),
        ("conversations.create", "restricted_action", errors.NotPermitted),
        ("chat.postMessage", "restricted_action_read_only_channel", errors.NotPermitted),
        ("auth.test", "team_access_not_granted", errors.NotPermitted),
        ("chat.postMessage", "ratelimited", errors.RateLimited),
        ("chat.postMessage", "rate_limited", errors.RateLimited),
        ("auth.test", "internal_error", errors.SlackError),
        ("chat.postMessage", "no_text", errors.SlackError),
    ],
)
def test_classes(method: str, code: str, kind: type[errors.SlackError]) -> None:
    """A code makes the class that callers catch, and an error that has none is a plain SlackError."""
    assert type(refuse(method, code)) is kind


def test_no_refusal_claims_that_slack_was_not_reached() -> None:
    """An answer of Slack's never becomes SlackUnavailable, which promises that nothing was done."""
    kinds = {type(refuse(method, code)) for method, code in [*PAIRS, *(("auth.test", code) for code in COMMON)]}
    assert errors.SlackUnavailable not in kinds
    assert kinds >= set(errors.SlackError.__subclasses__()) - {errors.SlackUnavailable}


def test_undocumented_code() -> None:
    """A code that nobody documented points at the page of its method."""
    error = refuse("team.info", "flux_capacitor_empty")
    assert error.remedy.endswith("https://docs.slack.dev/reference/methods/team.info.")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"ok": False}, 200, "no_error_code"),
        ({"ok": False, "error": None}, 200, "no_error_code"),
        ({"ok": False, "error": "a sentence with the text in it"}, 200, "no_error_code"),
        ({"ok": False, "not_in_channel": True}, 200, "not_in_channel"),
        ({"ok": False}, 429, "ratelimited"),
        ({"ok": False, "error": "over_quota"}, 429, "over_quota"),
    ],
)
def test_answers_without_a_usable_code(data: dict[str, Any], status: int, code: str) -> None:
    """An answer that has no code, or a text in its place, still makes an error with a code."""
    error = slack_error("conversations.leave", data, status=status)
    assert error.code == code
    assert isinstance(error, errors.RateLimited) == (status == 429)


@pytest.mark.parametrize(
    ("data", "headers", "needed", "granted"),
    [
        (
            {"needed": "channels:read,groups:read", "provided": "chat:write, users:read"},
            {},
            ("channels:read", "groups:read"),
            ("chat:write", "users:read"),
        ),
        ({"needed": "pins:write"}, {"X-OAuth-Scopes": "chat:write"}, ("pins:write",), ("chat:write",)),
        ({}, {"x-accepted-oauth-scopes": "a:read, b:read"}, ("a:read", "b:read"), ()),
        ({"needed": "", "provided": ""}, {"x-oauth-scopes": ""}, (), ()),
        ({"needed": 3, "provided": None}, {}, (), ()),
    ],
)
def test_missing_scope(
    data: dict[str, Any], headers: dict[str, str], needed: tuple[str, ...], granted: tuple[str, ...]
) -> None:
    """What is needed and what is granted comes from the body, else from the headers, else stays open."""
    error = slack_error("pins.add", {"ok": False, "error": "missing_scope", **data}, headers=headers)
    assert isinstance(error, errors.MissingScope)
    assert (error.needed, error.granted) == (needed, granted)
    assert all(scope in error.remedy for scope in needed)
    assert "install it again" in error.remedy


@pytest.mark.parametrize(
    ("headers", "retry_after"),
    [
        ({"retry-after": "30"}, 30.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "soon"}, 1.0),
        ({"retry-after": "-3"}, 1.0),
        ({"retry-after": "nan"}, 1.0),
        ({"retry-after": "inf"}, 1.0),
        ({}, 1.0),
        (None, 1.0),
    ],
)
def test_rate_limited(headers: dict[str, str] | None, retry_after: float) -> None:
    """The wait is Slack's own number, and one second where it names none that makes sense."""
    error = slack_error("users.info", {"ok": False, "error": "ratelimited"}, status=429, headers=headers)
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == retry_after
    assert f"{retry_after:g} seconds" in error.remedy


def test_detail_of_blocks() -> None:
    """The places and rules that Slack's validator names are in the detail once, in its order."""
    error = refuse(
        "chat.postMessage",
        "invalid_blocks",
        errors=[
            "failed to match all allowed schemas [json-pointer:/blocks/0/text]",
            "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
        ],
        response_metadata={
            "messages": [
                "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/0/text]",
                "[ERROR] no more than 50 items allowed [json-pointer:/blocks]",
            ]
        },
    )
    assert error.detail == (
        "failed to match all allowed schemas at /blocks/0/text; "
        "must be less than 3001 characters at /blocks/0/text/text; no more than 50 items allowed at /blocks"
    )


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        (
            {"response_metadata": {"messages": ["[ERROR] missing required field: topic"]}},
            "missing required field: topic",
        ),
        (
            {"errors": ['`action_id` "swordfish" already exists [json-pointer:/blocks/1/action_id]']},
            "/blocks/1/action_id",
        ),
        ({"errors": ["the text 'swordfish' is bad"]}, ""),
        ({"errors": ["must be less than 3 characters\nswordfish"]}, ""),
        ({"errors": ["x [json-pointer:/blocks/sword fish]"]}, ""),
        ({"errors": [{"user": "U123", "ok": False, "error": "cant_invite_self"}]}, "U123: cant_invite_self"),
        ({"errors": [{"user": "U123", "error": "it says swordfish"}, {"text": "swordfish"}, 7, None]}, ""),
        ({"errors": "swordfish", "response_metadata": "swordfish", "message": {"text": "swordfish"}}, ""),
        ({"response_metadata": {"messages": "swordfish"}}, ""),
    ],
)
def test_detail_never_repeats_the_request(more: dict[str, Any], detail: str) -> None:
    """Of what Slack adds only known sentences, pointers and codes are kept; a text from the message is not."""
    error = refuse("chat.postMessage", "invalid_arguments", **more)
    assert error.detail == detail
    assert "swordfish" not in str(error) + repr(error.__dict__)


@given(st.text(), st.lists(st.text()))
def test_detail_drops_any_text(text: str, texts: list[str]) -> None:
    """Whatever text Slack might put there, marked so that it can be recognised, does not come back."""
    marked = [f"«{each}»" for each in (text, *texts)]
    error = refuse("chat.postMessage", "invalid_blocks", errors=marked, response_metadata={"messages": marked})
    assert error.detail == ""


def test_refused_people() -> None:
    """Every entry of an invitation's answer that names a person and a code is in errors and in the detail."""
    entries = [
        {"user": "U1AAAAAAA", "ok": False, "error": "user_not_found"},
        {"user": "W2", "ok": False, "error": "already_in_channel", "text": "swordfish"},
        {"ok": False, "error": "user_not_found"},
    ]
    error = refuse("conversations.invite", "user_not_found", errors=entries)
    assert error.errors == (
        {"user": "U1AAAAAAA", "error": "user_not_found"},
        {"user": "W2", "error": "already_in_channel"},
    )
    assert error.detail == "U1AAAAAAA: user_not_found; W2: already_in_channel"
    assert refuse("conversations.invite", "no_user").errors == ()


def test_detail_is_bounded() -> None:
    """However many problems Slack lists, the detail stays short and shows that it was cut."""
    places = [f"must provide a string [json-pointer:/blocks/{index}/text]" for index in range(50)]
    detail = refuse("chat.postMessage", "invalid_blocks", errors=places).detail
    assert len(detail) <= 305
    assert detail.startswith("must provide a string at /blocks/0/text; ")
    assert detail.endswith("; …")


@pytest.mark.parametrize("code", ["missing_scope", "ratelimited", "name_taken", "flux_capacitor_empty"])
def test_errors_pickle(code: str) -> None:
    """Each kind of error survives a pickle with its facts."""
    error = refuse("conversations.create", code, needed="a:b", errors=["must provide a string [json-pointer:/name]"])
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.__dict__) == (type(error), str(error), error.__dict__)
