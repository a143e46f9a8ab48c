"""What holds for any text: whole actions and runbooks, from the template to what stands in the workspace."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

import slackrunbooks as sr
from slackrunbooks import blocks
from slackrunbooks.actions import ACTIONS
from slackrunbooks.actions._base import forms
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._mrkdwn import mentions
from slackrunbooks.text import channel_name, channel_name_problem

# Whatever people, and machines, write into a title: any text, and the shapes that mean something to somebody.
HOSTILE = st.sampled_from(
    [
        "<!channel>", "<@U0ANN00001>", "<!subteam^S1|@x>", "<#C1|x>", "@here", "@channel", "&lt;!here&gt;", "{{x}}",
        "}}{{{", "]]>", "`<!here>`", "*_~", "\n>", "<https://e.x|y>", "|", '"},{"type":"x', "<!date^1^{x}|y>",
    ]
)  # fmt: skip
TEXT = st.one_of(st.text(max_size=40), st.lists(st.one_of(HOSTILE, st.text(max_size=8)), max_size=5).map("".join))

BLOCKS = [
    blocks.header("{{v}} x"),
    blocks.section("*{{v}}* <@U0BOB00002> `{{v}}`"),
    *blocks.fields({"{{v}}": "{{v}}", "b": "<https://example.com/{{v}}|{{v}}>"}),
    blocks.context("{{v}}", "x {{v}} y"),
    blocks.link_buttons({"Open {{v}}": "https://example.com/?q={{v}}"}),
]
SAYS: dict[str, Any] = {
    "text": "a {{v}} <@U0BOB00002> b",
    "in a link": "<https://example.com/{{v}}|see {{v}}>",
    "blocks": BLOCKS,
    "markdown": "# {{v}}\n[x](https://example.com/{{v}}) {{v}}",
}
MEANT = {"text": ["<@U0BOB00002>"], "in a link": [], "blocks": ["<@U0BOB00002>"], "markdown": []}


def _content(said: str) -> dict[str, Any]:
    if said == "blocks":
        return {"blocks": SAYS[said]}
    return {"markdown_text" if said == "markdown" else "text": SAYS[said]}


def _shape(value: Any) -> Any:
    """Keep keys, types and lengths of lists, and forget every text; ``verbatim`` is what keeps Slack from linking."""
    if isinstance(value, dict):
        kept = ((key, item) for key, item in value.items() if key != "verbatim")
        return {key: item if key == "type" else _shape(item) for key, item in kept}
    return [_shape(item) for item in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("said", SAYS)
@settings(max_examples=40)
@given(value=TEXT)
def test_no_value_pings_or_changes_the_structure_of_a_message(said: str, value: str) -> None:
    """What arrives mentions whom the author mentioned, and has the author's blocks, whatever the value says."""
    fake = FakeSlack()
    people = [fake.add_user("ann", id="U0ANN00001"), fake.add_user("bob", id="U0BOB00002")]
    fake.add_channel("incidents", members=people)
    ts = fake.client.chat_postMessage(channel="incidents", text="x")["ts"]
    actions: list[sr.Action[Any]] = [
        sr.SendMessage(channel="#incidents", **_content(said)),
        sr.UpdateMessage(channel="#incidents", ts=ts, **_content(said)),
        sr.SendDirectMessage(users="U0ANN00001", **_content(said)),
    ]
    with fake.executor() as executor:
        for action in actions:
            try:
                executor.do(action, {"v": value})
            except sr.CheckFailed as error:
                # Too long or empty for the field: nothing was sent, and that is told.
                told = [problem.message for problem in error.problems]
                if not all(re.search("character|empty", each) for each in told):
                    raise
    sent = [message for channel in fake.channels for message in channel.messages if message.text != "x"]
    for message in sent:
        assert mentions(message.text if said != "markdown" else "", message.blocks, handles={}) == MEANT[said]
        if said == "blocks":
            assert _shape(message.blocks) == _shape(json.loads(json.dumps(BLOCKS)))
    assert {ping.by for ping in fake.notified if ping.by != "dm"} <= set(MEANT[said])


@pytest.mark.parametrize("word", [word for word, cls in ACTIONS.items() if "text" in forms(cls)])
@settings(max_examples=25)
@given(value=TEXT)
def test_the_text_of_every_action_is_inert(word: str, value: str) -> None:
    """Each action that says something fills its text in the same way: no value becomes a mention."""
    from slackrunbooks.actions._base import render

    from .samples import minimal

    action, _ = render(minimal(ACTIONS[word], text="{{v}} <!here>"), {"v": value, "when": 1})
    assert mentions(action.text, handles={}) == ["<!here>"]  # type: ignore[attr-defined]


# https://docs.slack.dev/reference/methods/conversations.create#naming: "can only contain lowercase letters, numbers,
# hyphens, and underscores, and must be 80 characters or less"; other scripts' letters are lower-case too.
def _is_name(name: str) -> bool:
    return (
        1 <= len(name) <= 80
        and name == name.lower()
        and all(char.isalnum() or char in "-_" or not char.isascii() for char in name)
        and not any(char.isspace() for char in name)
        and any(char.isalnum() for char in name)
    )


@given(TEXT)
def test_any_name_is_made_one_that_slack_takes_or_refused(name: str) -> None:
    """A name that has a letter or a digit becomes one by the documented rules; the same name always the same."""
    made = channel_name(name)
    if channel_name_problem(made) is not None:
        assert not any(char.isalnum() and char.isascii() for char in name)
        return
    assert _is_name(made), made
    assert channel_name(made) == made


@settings(max_examples=60)
@given(TEXT)
def test_the_room_of_any_incident_can_be_created(name: str) -> None:
    """Through the whole run: the channel is created under a valid name, or the run stops before it sends anything."""
    fake = FakeSlack()
    with fake.executor() as executor:
        try:
            made = executor.do(sr.CreateChannel(name="inc-{{id}}", description="{{id}}"), {"id": name})
        except sr.CheckFailed:
            assert fake.calls == []
            return
    assert _is_name(made.name)
    assert fake.channel(made.name).id == made.channel
