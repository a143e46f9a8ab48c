"""Scopes: which ones actions, steps and runbooks need, which are the fewest, and what a token lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks._effects import Flow
from slackrunbooks.actions import ACTIONS
from slackrunbooks.slack_methods import METHODS

from .samples import minimal

CREATE = {"public": ("channels:manage", "channels:write"), "private": ("groups:write",)}
TOPIC = {"public": ("channels:write.topic", "channels:manage"), "private": ("groups:write.topic", "groups:write")}
LIST = {"public": ("channels:read",), "private": ("groups:read",)}


@attrs.frozen(kw_only=True)
class Own(sr.Action[None]):
    """A host's own action that needs what the test says."""

    wants: tuple[sr.Need, ...] = ()

    def needs(self) -> tuple[sr.Need, ...]:
        return self.wants

    def flow(self) -> Flow[None]:
        yield from ()


def needed(*subjects: Any) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the alternatives by method of what is needed without condition."""
    return {entry.method: dict(entry.alternatives) for entry in sr.required_scopes(*subjects) if not entry.condition}


def channel(name: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return what a topic needs in this channel."""
    return needed(sr.SetTopic(channel=name, topic="x"))


NEEDS: list[tuple[str, sr.Action[Any], dict[str, dict[str, tuple[str, ...]]]]] = [
    ("public", sr.CreateChannel(name="x"), {"conversations.create": {"public": CREATE["public"]}}),
    (
        "private, with all options",
        sr.CreateChannel(name="x", is_private=True, topic="x", description="x", if_taken="adopt", marker="x"),
        {
            "conversations.create": {"private": CREATE["private"]},
            "conversations.setPurpose": {"private": TOPIC["private"]},
            "conversations.setTopic": {"private": TOPIC["private"]},
            "conversations.list": {"private": LIST["private"]},
        },
    ),
    ("either", sr.CreateChannel(name="x", is_private="{{p}}"), {"conversations.create": CREATE}),
    ("a channel by ID", sr.SetTopic(channel="C0123ABCD", topic="x"), {"conversations.setTopic": TOPIC}),
    (
        "a channel by name",
        sr.SetTopic(channel="#x", topic="x"),
        {"conversations.list": LIST, "conversations.setTopic": TOPIC},
    ),
    (
        "a name with a tag",
        sr.SetTopic(channel="inc-{{id}}", topic="x"),
        {"conversations.list": LIST, "conversations.setTopic": TOPIC},
    ),
    ("a tag", sr.SetTopic(channel="{{channel}}", topic="x"), {"conversations.setTopic": TOPIC}),
    ("no channel at all", sr.SetTopic(channel="no channel!", topic="x"), {"conversations.setTopic": TOPIC}),
    ("a message", sr.SendMessage(channel="#x", text="x"), {"chat.postMessage": {"any": ("chat:write",)}}),
    (
        "a group message",
        sr.SendDirectMessage(users=["U0ANN00001", "U0BOB00002"], text="x"),
        {"conversations.open": {"mpim": ("mpim:write",)}, "chat.postMessage": {"any": ("chat:write",)}},
    ),
]


@pytest.mark.parametrize(("action", "expected"), [row[1:] for row in NEEDS], ids=[row[0] for row in NEEDS])
def test_what_an_action_needs(action: sr.Action[Any], expected: dict[str, Any]) -> None:
    """Each option brings the scopes of the methods it calls, by type of conversation."""
    assert needed(action) == expected
    assert needed(sr.Step(action)) == expected


def test_an_option_can_need_a_scope_of_its_own() -> None:
    """Another name for the bot needs ``chat:write.customize`` beside ``chat:write``."""
    scopes = sr.required_scopes(sr.SendMessage(channel="#x", text="x", icon_emoji=":fire:"))
    assert scopes.minimal == ("chat:write", "chat:write.customize")
    assert [str(entry) for entry in scopes] == [
        "chat:write: step 'SendMessage', to post the message (chat.postMessage)",
        (
            "chat:write.public: step 'SendMessage', to post where the app is not a member (chat.postMessage), "
            "if the channel is public and the app is not a member of it"
        ),
        "chat:write.customize: step 'SendMessage', to post under another name or icon (chat.postMessage)",
    ]


@pytest.mark.parametrize("is_private", [True, False, "{{private}}"])
@pytest.mark.parametrize("tag", ["{{steps.room.channel}}", "{{{ steps.room.channel }}}", "{{&steps.room.channel}} "])
def test_an_earlier_step_tells_the_type_of_its_channel(tag: str, is_private: Any) -> None:
    """A step that writes to a channel made before needs the scopes of that type, however the tag is written."""
    runbook = sr.Runbook(
        "b", {"room": sr.CreateChannel(name="x", is_private=is_private), "topic": sr.SetTopic(channel=tag, topic="x")}
    )
    kinds = {True: ["private"], False: ["public"]}.get(is_private, ["public", "private"])
    assert needed(runbook)["conversations.setTopic"] == {kind: TOPIC[kind] for kind in kinds}


def test_a_step_that_makes_no_channel_does_not_tell_its_type() -> None:
    """The channel of a message or of an own step may be of any type."""
    runbook = sr.Runbook(
        "b",
        {
            "say": sr.SendMessage(channel="#x", text="x"),
            "topic": sr.SetTopic(channel="{{steps.say.channel}}", topic="x"),
        },
    )
    assert needed(runbook)["conversations.setTopic"] == TOPIC
    alone = sr.SetTopic(channel="{{steps.room.channel}}", topic="x")
    assert needed(alone)["conversations.setTopic"] == TOPIC


@pytest.mark.parametrize(
    ("where", "kinds"),
    [
        ("C0123ABCD", ["public", "private"]),
        ("U0123ABCD", ["im"]),
        ("D0123ABCD", ["im"]),
        ("{{x}}", ["public", "private"]),
        (None, ["public", "private", "im", "mpim"]),
    ],
)
def test_the_type_of_a_channel_decides(where: str | None, kinds: list[str]) -> None:
    """A person's ID or a direct message's needs the scopes of direct messages; nothing known needs any type's."""
    action = Own(wants=(sr.Need("conversations.history", "read", channel=where),))
    scopes = METHODS["conversations.history"].scopes
    assert needed(action) == {"conversations.history": {kind: scopes[kind] for kind in kinds}}


def test_own_actions_name_their_methods_and_scopes() -> None:
    """A method without scopes needs none; scopes that are named stand for any method."""
    own = Own(
        wants=(
            sr.Need("auth.test", "tell who it is"),
            sr.Need("admin.users.list", "list everybody", scopes=("admin.users:read",)),
        )
    )
    assert needed(own) == {"admin.users.list": {"any": ("admin.users:read",)}}


def test_an_unknown_method_is_refused_with_the_nearest() -> None:
    """A misspelt method in ``needs`` is an error that names the step and the nearest method."""
    with pytest.raises(sr.RunbookError) as refused:
        sr.required_scopes(sr.Runbook("b", {"own": Own(wants=(sr.Need("reactions.ad", "react"),))}))
    assert str(refused.value) == (
        "own: needs() names the method 'reactions.ad', whose scopes are not known (did you mean 'reactions.add'?); "
        "name them: Need(…, scopes=(…))."
    )
    with pytest.raises(sr.RunbookError, match=r"^Own: .* 'zzz', whose scopes are not known; name them"):
        sr.required_scopes(Own(wants=(sr.Need("zzz", "sleep"),)))


@pytest.mark.parametrize(
    ("subject", "given"),
    [
        ("send_message", "a str"),
        (None, "a NoneType"),
        (sr.SendMessage, "the class SendMessage itself"),
        (sr.Step, "the class Step itself"),
        (sr.Runbook, "the class Runbook itself"),
    ],
)
def test_another_subject_is_refused(subject: Any, given: str) -> None:
    """What is neither action nor step nor runbook is refused by name."""
    with pytest.raises(sr.RunbookError) as refused:
        sr.required_scopes(subject)
    assert str(refused.value) == (
        f"scopes are worked out for actions such as SendMessage(…), steps and runbooks, not for {given}."
    )


BOOK = sr.Runbook(
    "declare",
    {
        "room": sr.CreateChannel(name="x", topic="x"),
        "topic": sr.SetTopic(channel="C0123ABCD", topic="x"),
        "say": sr.SendMessage(channel="#x", text="x"),
    },
)


def test_subjects_mix_and_what_is_the_same_counts_once() -> None:
    """Actions, steps and runbooks give one list, without doubles."""
    one = sr.SendMessage(channel="#x", text="x")
    assert len(tuple(sr.required_scopes(one, sr.Step(one), one))) == len(tuple(sr.required_scopes(one)))
    assert sr.required_scopes(BOOK, one).minimal == ("channels:manage", "chat:write")
    assert sr.required_scopes() == sr.ScopeRequirements(())
    assert sr.required_scopes().minimal == ()


def test_a_finer_scope_is_asked_for_where_no_other_does_it_anyway() -> None:
    """``channels:write.topic`` is not asked for where ``channels:manage`` is needed anyway, and is where it is not."""
    assert sr.required_scopes(BOOK).minimal == ("channels:manage", "chat:write")
    assert sr.required_scopes(BOOK.steps["topic"]).minimal == ("channels:write.topic",)
    both = (BOOK.steps["topic"], sr.InviteToChannel(channel="C0123ABCD", users="U0ANN00001"))
    assert sr.required_scopes(*both).minimal == ("channels:write.invites", "channels:write.topic")
    # The order of the steps does not matter.
    swapped = sr.Runbook("b", dict(reversed(BOOK.steps.items())))
    assert sr.required_scopes(swapped).minimal == ("channels:manage", "chat:write")


def test_each_scope_is_explained_by_its_steps() -> None:
    """``explain`` says which step needs a scope, and what for."""
    assert sr.required_scopes(BOOK).explain() == {
        "channels:manage": ("room: to create the channel", "room: to set its topic", "topic: to set the topic"),
        "chat:write": ("say: to post the message",),
    }


def test_what_is_needed_only_sometimes_is_named_apart() -> None:
    """``conditional`` has what an unknown type of channel would need, and what an action calls only sometimes."""
    assert [str(entry) for entry in sr.required_scopes(BOOK).conditional] == [
        (
            "channels:write.topic (public channel) or groups:write.topic (private "
            "channel): step 'topic', to set the topic (conversations.setTopic), if the conversation is no public "
            "channel"
        ),
        (
            "chat:write.public: step 'say', to post where the app is not a member (chat.postMessage), "
            "if the channel is public and the app is not a member of it"
        ),
    ]


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ([], ["room", "room", "topic", "say"]),
        (["chat:write"], ["room", "room", "topic"]),
        (["channels:manage", "chat:write"], []),
        (["channels:write", "channels:write.topic", "chat:write"], []),
        (["channels:write.topic", "chat:write"], ["room"]),
        # The channel of "topic" may be private, so the scope of private ones is enough; the one of "room" is public.
        (["groups:write", "chat:write"], ["room", "room"]),
    ],
)
def test_what_a_token_lacks(granted: list[str], missing: list[str]) -> None:
    """``missing`` names each requirement of which the token has no alternative, and no conditional one."""
    assert [entry.step for entry in sr.required_scopes(BOOK).missing(granted)] == missing
    assert [entry.step for entry in sr.required_scopes(BOOK).missing(iter(granted))] == missing


def test_a_requirement_is_a_value() -> None:
    """Requirements compare and hash by what they say."""
    first, again = (next(iter(sr.required_scopes(BOOK))) for _ in range(2))
    assert first == again
    assert len({first, again}) == 1
    assert first.scopes == ("channels:manage", "channels:write")
    assert first.wording() == "channels:manage (public channel)"


def _actions() -> Iterator[sr.Action[Any]]:
    for cls in ACTIONS.values():
        yield minimal(cls, channel="{{c}}", users="{{u}}", user="{{u}}", approvers="{{u}}")


@given(st.lists(st.sampled_from(list(_actions())), max_size=8))
def test_the_fewest_scopes_lack_nothing_and_nothing_is_too_much(chosen: list[sr.Action[Any]]) -> None:
    """A token with ``minimal`` can do everything, and with one scope less it cannot."""
    scopes = sr.required_scopes(*chosen)
    assert scopes.missing(scopes.minimal) == ()
    assert scopes.minimal == sr.required_scopes(*reversed(chosen)).minimal
    for scope in scopes.minimal:
        assert scopes.missing(set(scopes.minimal) - {scope})
    assert set(scopes.explain()) == set(scopes.minimal)
    assert all(scopes.explain().values())


# --- what only the run can tell, and what an app has to request ------------------------------------------------------

OPEN = sr.Runbook(
    "open",
    {
        "topic": sr.SetTopic(channel="C0123ABCD", topic="x"),
        "tell": sr.SendDirectMessage(users="{{people}}", text="x"),
        "room": sr.CreateChannel(name="x", is_private=True),
    },
)
BY_MAIL, SEVERAL = "if people are given by e-mail address", "if there are several people"


@pytest.mark.parametrize(
    ("types", "conditions", "minimal"),
    [
        ([], (), "channels:write.topic chat:write groups:write"),
        (["public"], False, "channels:write.topic chat:write groups:write"),
        (["private"], (), "chat:write groups:write"),
        (["public", "private"], (), "channels:write.topic chat:write groups:write"),
        (["mpim"], (), "channels:write.topic chat:write groups:write"),
        ([], [SEVERAL], "channels:write.topic chat:write groups:write mpim:write"),
        ([], {BY_MAIL}, "channels:write.topic chat:write groups:write users:read.email"),
        (["private"], True, "chat:write groups:write mpim:write users:read.email"),
    ],
)
def test_what_is_open_can_be_assumed(types: list[str], conditions: Any, minimal: str) -> None:
    """``assuming`` takes types of conversation and conditions as given, and leaves alone what is known."""
    needed = sr.required_scopes(OPEN)
    assumed = needed.assuming(*types, conditions=conditions)
    assert " ".join(assumed.minimal) == minimal
    assert sr.required_scopes(OPEN) == needed
    assert needed.assuming() == needed
    if conditions is True:
        assert assumed.conditional == ()


def test_only_what_is_open_can_be_assumed() -> None:
    """A type or a condition that there is not is refused, with those that there are."""
    needed = sr.required_scopes(OPEN)
    with pytest.raises(sr.RunbookError, match="no type of conversation 'dm'; the types are public, private, im, mpim"):
        needed.assuming("dm")
    with pytest.raises(sr.RunbookError) as refused:
        needed.assuming(conditions=["if it rains"])
    assert str(refused.value) == f"nothing here is needed 'if it rains'; the conditions are: {BY_MAIL}; {SEVERAL}."
    with pytest.raises(sr.RunbookError, match="the conditions are: none"):
        sr.required_scopes().assuming(conditions=["if it rains"])


@pytest.mark.parametrize(
    ("action", "requested"),
    [
        (sr.LookUpUser(user="ann@example.com"), "users:read users:read.email"),
        (
            sr.UploadFile(content="x", filename="x", channel="C0123ABCD", username="x"),
            "chat:write chat:write.customize files:write",
        ),
        (sr.SendMessage(channel="#x", text="x", icon_emoji=":fire:"), "chat:write chat:write.customize"),
        (sr.SetTopic(channel="C0123ABCD", topic="x"), "channels:write.topic"),
    ],
)
def test_some_scopes_are_requested_along_with_others(action: sr.Action[Any], requested: str) -> None:
    """Slack gives ``users:read.email`` and the finer ``chat:write`` scopes only with their wider one."""
    assert " ".join(sr.required_scopes(action).requested) == requested


def test_settling_adds_what_the_look_ups_need() -> None:
    """``settle=True`` adds scopes for lost answers; no runbook stops for want of them, and ``resend`` needs none."""
    say = sr.SendMessage(channel="#x", text="x")
    assert sr.required_scopes(say, settle=True).minimal == ("channels:history", "channels:read", "chat:write")
    assert sr.required_scopes(say, settle=True).essential == ("chat:write",)
    for choice in ("resend", "fail"):
        step = sr.Step(say, on_ambiguous=choice)  # type: ignore[arg-type]
        assert sr.required_scopes(step, settle=True) == sr.required_scopes(say)
    whisper = sr.SendEphemeral(channel="C0123ABCD", user="U0123ABCD", text="x")
    assert sr.required_scopes(whisper, settle=True) == sr.required_scopes(whisper)


# --- audit -----------------------------------------------------------------------------------------------------------

START = ("channels:manage", "chat:write", "groups:write", "im:write")
SHIPPED = ("incident-coordination", "status-update", "post-incident")


def test_the_scopes_of_the_starting_document_against_the_shipped_runbooks() -> None:
    """Of its four scopes ``im:write`` is unused, and seven are missing for all that the shipped runbooks do."""
    needed = sr.required_scopes(*map(sr.Runbook.shipped, SHIPPED))
    found = needed.audit(START)
    assert found.granted == START
    assert found.to_add == (
        "bookmarks:write", "canvases:write", "channels:read", "files:write", "pins:write", "reactions:read",
        "reactions:write",
    )  # fmt: skip
    assert {entry.place for entry in found.missing} == {
        "incident-coordination/room", "incident-coordination/pin", "incident-coordination/bookmarks",
        "status-update/graph", "post-incident/canvas", "post-incident/agree",
    }  # fmt: skip
    assert found.unused == ("im:write",)
    assert found.spare == ()
    assert set(found.needed) == {"channels:manage", "chat:write"}
    assert set(found.sometimes) == {"groups:write"}
    assert all(reason.endswith("for a private channel") for reason in found.sometimes["groups:write"])
    assert not found.ok
    # With what it says, everything is there, and nothing is too much.
    mended = needed.audit({*START, *found.to_add} - {*found.unused})
    assert mended.ok
    # im:write comes into its own where a lost answer to a direct message is to be looked up.
    settled = sr.required_scopes(*map(sr.Runbook.shipped, SHIPPED), settle=True).audit(START)
    assert settled.unused == ()
    assert {reason.split(":")[0] for reason in settled.sometimes["im:write"]} == {
        "incident-coordination/tell_commander", "status-update/tell_commander", "post-incident/tell_commander",
        "post-incident/remind_commander",
    }  # fmt: skip


def test_the_starting_documents_scopes_are_enough_for_what_it_describes() -> None:
    """A public or a private room, a message, and a direct message to one person: no scope is missing."""
    book = sr.Runbook(
        "start",
        {
            "room": sr.CreateChannel(name="inc-{{id}}", description="x"),
            "secret": sr.CreateChannel(name="inc-{{id}}-secret", is_private=True),
            "announce": sr.SendMessage(channel="{{steps.room.channel}}", text="x"),
            "tell": sr.SendDirectMessage(users="U0123ABCD", text="x"),
            "close": sr.ArchiveChannel(channel="{{steps.room.channel}}"),
        },
    )
    found = sr.required_scopes(book).audit(START)
    assert (found.missing, found.unused) == ((), ("im:write",))


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        (["chat:write", "channels:manage"], {"ok": True}),
        (["chat:write", "channels:manage", "channels:write"], {"spare": ["channels:write"]}),
        (["chat:write", "channels:manage", "channels:write.topic"], {"spare": ["channels:write.topic"]}),
        (["chat:write", "channels:write", "channels:write.topic"], {"ok": True}),
        (["chat:write", "channels:manage", "admin"], {"unused": ["admin"]}),
        (["chat:write"], {"to_add": ["channels:manage"]}),
        ([], {"to_add": ["channels:manage", "chat:write"]}),
        (["chat:write", "channels:manage", "groups:write.topic"], {"ok": True}),
        (["chat:write", "channels:manage", "groups:write.topic", "groups:write"], {"spare": ["groups:write"]}),
    ],
)
def test_an_audit_sorts_what_is_granted(granted: list[str], expected: dict[str, Any]) -> None:
    """Each scope is needed, needed sometimes, along with another, or unused; what others make up for is spare."""
    found = sr.required_scopes(BOOK).audit(iter(granted))
    data = found.to_dict()
    assert {key: data[key] for key in ("ok", "to_add", "spare", "unused")} == {
        "ok": not expected or "ok" in expected, "to_add": [], "spare": [], "unused": [], **expected,
    }  # fmt: skip
    places = [*found.needed, *found.sometimes, *found.along_with, *found.unused]
    assert sorted(places) == list(found.granted) == sorted(granted)
    assert json.loads(json.dumps(data)) == data


@given(
    st.lists(st.sampled_from(list(_actions())), max_size=6),
    st.sets(
        st.sampled_from(sorted({scope for method in METHODS.values() for s in method.scopes.values() for scope in s}))
    ),
)
def test_an_audit_can_be_followed(chosen: list[sr.Action[Any]], granted: set[str]) -> None:
    """With what is to be added and without what is unused or spare nothing is missing, and the audit is content."""
    needed = sr.required_scopes(*chosen)
    found = needed.audit(granted)
    after = needed.audit((granted | set(found.to_add)) - {*found.unused, *found.spare})
    assert (after.missing, after.unused) == ((), ())
    places = [*found.needed, *found.sometimes, *found.along_with, *found.unused]
    assert sorted(places) == sorted(granted)
    assert set(found.spare) <= {*found.needed, *found.sometimes}


def test_a_scope_that_another_one_wants_is_not_unused() -> None:
    """``users:read`` beside ``users:read.email`` is there because Slack wants it."""
    found = sr.required_scopes(sr.LookUpUser(user="ann@example.com")).audit(["users:read", "users:read.email"])
    assert found.ok
    assert found.along_with == {"users:read": "users:read.email"}
    assert str(found).endswith("along with users:read.email: users:read")


def test_an_audit_as_text() -> None:
    """It says what to add and for what, what is unused and spare, and what depends on the run."""
    book = sr.Runbook("b", {"room": sr.CreateChannel(name="x"), "say": sr.SendMessage(channel="#x", text="x")})
    found = sr.required_scopes(book).audit(["channels:manage", "channels:write", "chat:write.public", "im:write"])
    assert str(found).splitlines() == [
        "granted: channels:manage channels:write chat:write.public im:write",
        "to add: chat:write",
        "  chat:write",
        "      b/say: to post the message",
        "unused: im:write",
        "spare: channels:write",
        "sometimes used: chat:write.public",
        (
            "      b/say: to post where the app is not a member, if the channel is public and the app is not a member "
            "of it"
        ),
    ]


# --- forms -----------------------------------------------------------------------------------------------------------


def test_as_data() -> None:
    """``to_dict`` has what a program needs to know, and JSON takes it."""
    data = sr.required_scopes(sr.LookUpUser(user="ann@example.com")).to_dict()
    assert data == {
        "minimal": ["users:read.email"],
        "requested": ["users:read", "users:read.email"],
        "essential": ["users:read.email"],
        "explain": {"users:read.email": ["LookUpUser: to look up a person by e-mail"]},
        "requirements": [
            {
                "method": "users.lookupByEmail",
                "alternatives": {"any": ["users:read.email"]},
                "step": "LookUpUser",
                "why": "look up a person by e-mail",
                "condition": "",
                "optional": False,
                "runbook": "",
            }
        ],
    }
    data = sr.required_scopes(BOOK, OPEN, settle=True).to_dict()
    assert json.loads(json.dumps(data)) == data


def test_several_runbooks_are_told_apart() -> None:
    """A step is named with its runbook where there are several, and alone where there is one."""
    again = sr.Runbook("again", {"say": sr.SendMessage(channel="#x", text="x")})
    assert sr.required_scopes(BOOK, again).explain()["chat:write"] == (
        "declare/say: to post the message",
        "again/say: to post the message",
    )
    assert sr.required_scopes(again).explain()["chat:write"] == ("say: to post the message",)


def test_as_a_table_for_a_review() -> None:
    """The table has a row for each scope to request and for each that depends on the run, none of them twice."""
    found = sr.required_scopes(OPEN, sr.LookUpUser(user="ann@example.com")).to_markdown()
    assert found.splitlines() == [
        "| scope | when | what for, and in which steps |",
        "|---|---|---|",
        "| `channels:write.topic` | always | to set the topic: `open/topic` |",
        "| `chat:write` | always | to send the message: `open/tell` |",
        "| `groups:write` | always | to create the channel: `open/room` |",
        "| `users:read` | always | Slack gives `users:read.email` only along with it |",
        "| `users:read.email` | always | to look up a person by e-mail: `LookUpUser` |",
        "| `mpim:write` | if there are several people | to open the group message: `open/tell` |",
    ]
    assert sr.required_scopes().to_markdown().count("\n") == 2
