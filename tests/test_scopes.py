"""Scopes: which ones actions, steps and runbooks need, which are the fewest, and what a token lacks."""

from __future__ import annotations

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
