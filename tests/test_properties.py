"""What holds for any text: whole actions and runbooks, from the template to what stands in the workspace."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings, strategies as st

import slackrunbooks as sr
from slackrunbooks import blocks
from slackrunbooks.actions._base import forms
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._mrkdwn import mentions
from slackrunbooks.text import Kind, channel_name, channel_name_problem

from .catalogue import BY_ACTION, CONTEXT, Case, world

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


# --- every field of every action -------------------------------------------------------------------------------------

# What an author may write around a value, by the kind of the field; in a field for an ID the value is all there is.
_WRITTEN = {
    Kind.URL: "https://example.com/{{v}}",
    Kind.NAME: "inc-{{v}}",
    Kind.ID: "{{v}}",
    Kind.RAW: "a {{v}} b",
    Kind.MARKDOWN: "# {{v}}\n[x](https://example.com/{{v}}) {{v}}",
    Kind.CANVAS: "# {{v}}\n[x](https://example.com/{{v}}) {{v}}",
}
_METADATA = {"event_type": "incident", "event_payload": {"{{v}}": "{{v}}", "list": ["{{v}}"]}}


def _written(action: sr.Action[Any], field: str) -> Any:
    """Return what an author may write into a field that a case fills, or nothing where a value says no text."""
    form, value = forms(action)[field], getattr(action, field)
    if value is None or form.name in {"flag", "number", "time"}:
        return None
    if form.name == "blocks":
        return BLOCKS
    if isinstance(value, Mapping):
        return _METADATA if field == "metadata" else dict.fromkeys(value, "{{v}}")
    return _WRITTEN.get(form.kind, "a {{v}} <@U0BOB00002> b")


def _said(action: sr.Action[Any], field: str, written: Any = None) -> sr.Action[Any] | None:
    """Put what an author may write into one field of an action."""
    written = written or _written(action, field)
    # Nobody waits long for a reaction by a name that nobody uses.
    patience = {"expires_in": 30} if "expires_in" in forms(action) and field != "expires_in" else {}
    return None if written is None else attrs.evolve(action, **{field: written}, **patience)  # type: ignore[misc]


def _fields() -> dict[str, tuple[Case, str]]:
    """Return each field that takes text, of each action, with a case that fills it."""
    found: dict[str, tuple[Case, str]] = {}
    for cls, cases in BY_ACTION.items():
        for case in cases:
            action = case.make(_ready(case))
            for field in forms(action):
                with suppress(sr.RunbookError):
                    # A choice of words takes no template, and so no value.
                    if _said(action, field) is not None:
                        found.setdefault(f"{cls.__name__}.{field}", (case, field))
    return found


def _ready(case: Case) -> FakeSlack:
    fake = FakeSlack()
    world(fake)
    case.before(fake)
    return fake


@attrs.frozen
class Sent:
    """What came of a value: what was sent, and who was told. ``refused`` is why nothing, or not all, was sent."""

    calls: list[tuple[str, Any]]
    pinged: set[str]
    refused: Exception | None = None

    @property
    def shapes(self) -> list[tuple[str, Any]]:
        """What was sent without its texts."""
        return [(method, _shape(arguments)) for method, arguments in self.calls]

    @property
    def mentions(self) -> list[list[str]]:
        """Whom each request mentions, in whichever text Slack might read as markup."""
        return [_mentions(arguments) for _, arguments in self.calls]


# Whom and what a request is about, names of emoji and files, what programs read: Slack reads none of it as markup.
# Whatever else an argument is called, it is judged.
_NO_TEXT = {
    "channel", "channel_id", "user", "users", "metadata", "bookmark_id", "scheduled_message_id", "icon_emoji",
    "icon_url", "emoji", "name", "filename", "alt_txt", "snippet_type", "title",
}  # fmt: skip


def _mentions(arguments: Mapping[str, Any]) -> list[str]:
    texts = {key: value for key, value in arguments.items() if key not in _NO_TEXT}
    found = mentions("", arguments.get("blocks") or (), handles={})
    for value in texts.values():
        found += mentions(value, handles={}) if isinstance(value, str) else []
    # Canvases have mentions of their own: https://docs.slack.dev/surfaces/canvases#mentions
    return found + re.findall(r"!\[[^\]]*\]\([@#][^)]*\)", json.dumps(arguments.get("document_content", "")))


def _send(case: Case, field: str, value: Any, written: Any = None) -> Sent:
    """Do a case whose field holds what an author may write, with a value in it."""
    fake = _ready(case)
    action = _said(case.make(fake), field, written)
    assert action is not None
    fake.calls.clear()
    refused: Exception | None = None
    with fake.executor() as executor:
        try:
            executor.do(action, {**CONTEXT, "v": value})
        except sr.SlackRunbooksError as error:
            refused = error
    calls = [(call.method, call.arguments) for call in fake.calls]
    return Sent(calls, {ping.by for ping in fake.notified if ping.by != "dm"}, refused)


FIELDS = _fields()
WORST = "".join(["<!channel>", "<@U0ANN00001>", "<!subteam^S1|x>", "![](@U0ANN00001)", '"}]', "`@here`"])


@cache
def _harmless(name: str) -> Sent:
    return _send(*FIELDS[name], "x")


@pytest.mark.parametrize("name", FIELDS)
@settings(max_examples=6)
@example(value=WORST)
@example(value="{{")
@given(value=TEXT)
def test_no_value_in_any_field_of_any_action_says_more_than_a_word(name: str, value: str) -> None:
    """What is sent mentions the same people and has the same structure as with a harmless word, or is refused."""
    harmless, sent = _harmless(name), _send(*FIELDS[name], value)
    assert sent.pinged <= harmless.pinged
    if sent.refused is None and harmless.refused is None:
        # An ID that is empty leaves its argument out.
        assert sent.shapes == harmless.shapes or not value.strip()
        assert sent.mentions == harmless.mentions
    else:
        assert not [found for found in sent.mentions if found not in ([], *harmless.mentions)]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("SendMessage.text", "a {{{v}}} b"),
        ("SendMessage.blocks", [blocks.section("{{&v}}")]),
        ("UploadFile.initial_comment", "{{{v}}}"),
        ("CreateCanvas.markdown", "{{{v}}}"),
        ("CreateChannel.topic", "{{{v}}}"),
    ],
)
def test_the_judge_of_values_can_say_no(name: str, written: Any) -> None:
    """Where the author opts out of the escape, the same value does mention people, and the judge sees it."""
    harmless, sent = _send(*FIELDS[name], "x", written), _send(*FIELDS[name], WORST, written)
    assert sent.refused is None
    assert sent.mentions != harmless.mentions


def test_every_action_that_says_something_is_among_them() -> None:
    """No action with a field for a text is left out, the next one included."""
    assert {name.partition(".")[0] for name in FIELDS} == {cls.__name__ for cls in BY_ACTION}


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
