"""What all actions share: how fields are checked, filled from a context, and what is found wrong on the way."""

from __future__ import annotations

from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, ClassVar, Optional, Union

import attrs
import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks._effects import Flow
from slackrunbooks.actions import ACTIONS, _base as base
from slackrunbooks.text import Kind

CONTEXT: dict[str, Any] = {
    "Activity": {"id": "INC-42", "title": "API <!channel> & DB", "page": True, "count": 3},
    "people": ["U0ANN00001", "bob@example.com"],
    "more": "U0EVE00003, U0DAN00004",
    "yes": "true",
    "no": "False",
    "nothing": None,
    "channel": {"channel": "C0123ABCD", "name": "x"},
    "at": datetime(2024, 5, 1, tzinfo=timezone.utc),
}


class Nothing(sr.Action[None]):
    """A base that does nothing."""

    __slots__ = ()

    output: ClassVar[type[Any]] = dict

    def flow(self) -> Flow[None]:
        yield from ()


@attrs.frozen(kw_only=True)
class AllForms(Nothing):
    """An action with a field of every form."""

    mrkdwn: str | None = attrs.field(default=None, metadata=base.MRKDWN)
    markdown: str | None = attrs.field(default=None, metadata=base.MARKDOWN)
    plain: str | None = attrs.field(default=None, metadata=base.PLAIN)
    description: str | None = attrs.field(default=None, metadata=base.DESCRIPTION)
    name: str | None = attrs.field(default=None, metadata=base.NAME)
    url: str | None = attrs.field(default=None, metadata=base.URL)
    identifier: str | None = attrs.field(default=None, metadata=base.IDENTIFIER)
    channel: Any = attrs.field(default=None, converter=base.as_channel, metadata=base.CHANNEL)
    users: Any = attrs.field(default=None, converter=base.as_users, metadata=base.USERS)
    flag: Any = attrs.field(default=None, metadata=base.FLAG)
    data: Any = attrs.field(default=None, metadata=base.DATA)
    blocks: Any = attrs.field(default=None, converter=base.as_blocks, metadata=base.BLOCKS)


def fill(context: Any = CONTEXT, **fields: Any) -> Any:
    """Fill the one field that is given, and return its value; there must be no problem."""
    (name,) = fields
    filled, problems = base.render(AllForms(**fields), context)
    assert problems == []
    return getattr(filled, name)


def wrong(context: Any = CONTEXT, place: str = "", **fields: Any) -> list[str]:
    """Return what is wrong with these fields."""
    action = AllForms(**fields)
    filled, problems = base.render(action, context, place=place)
    assert problems == [] or filled is action
    return [str(problem) for problem in problems]


# --- filling ---------------------------------------------------------------------------------------------------------

FILLED: list[tuple[dict[str, Any], Any]] = [
    ({"mrkdwn": "*{{Activity.title}}*"}, "*API &lt;!channel&gt; &amp; DB*"),
    ({"mrkdwn": "{{{Activity.title}}}"}, "API <!channel> & DB"),
    ({"mrkdwn": "{{Activity.count}}"}, "3"),
    ({"mrkdwn": ""}, ""),
    ({"markdown": "# {{Activity.id}}"}, "# INC-42"),
    ({"name": "inc-{{Activity.id}}"}, "inc-INC-42"),
    # Slack shows topics and descriptions as one line.
    ({"description": "one\n  two {{Activity.id}}\n"}, "one two INC-42"),
    # A field of another type than text takes the value itself.
    ({"identifier": "{{Activity.count}}"}, "3"),
    ({"channel": " C0123ABCD "}, "C0123ABCD"),
    ({"channel": "{{channel}}"}, "C0123ABCD"),
    ({"channel": "{{channel.channel}}"}, "C0123ABCD"),
    ({"channel": "#inc-{{Activity.id}}"}, "#inc-INC-42"),
    ({"users": "{{people}}"}, ("U0ANN00001", "bob@example.com")),
    ({"users": "{{more}}"}, ("U0EVE00003", "U0DAN00004")),
    ({"users": "U0ANN00001,U0BOB00002 U0EVE00003"}, ("U0ANN00001", "U0BOB00002", "U0EVE00003")),
    ({"users": "{{people.0}} {{more}}"}, ("U0ANN00001", "U0EVE00003", "U0DAN00004")),
    (
        {"users": ["U0BOB00002", "{{people}}", "{{more}}"]},
        ("U0BOB00002", "U0ANN00001", "bob@example.com", "U0EVE00003", "U0DAN00004"),
    ),
    ({"users": []}, ()),
    ({"users": ""}, ()),
    ({"flag": True}, True),
    ({"flag": "{{Activity.page}}"}, True),
    ({"flag": "{{yes}}"}, True),
    ({"flag": "{{no}}"}, False),
    ({"flag": "{{nothing}}"}, None),
    ({"flag": "false"}, False),
    ({"data": {"a": "{{Activity.count}}", "b": ["{{Activity.title}}", "x{{Activity.count}}", 5], "c": {"d": None}}}, {
        "a": 3, "b": ["API <!channel> & DB", "x3", 5], "c": {"d": None},
    }),
    ({"data": "{{people}}"}, ["U0ANN00001", "bob@example.com"]),
    ({"data": 5}, 5),
    (
        {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "{{Activity.title}}"}}]},
        ({"type": "section", "text": {"type": "mrkdwn", "text": "API &lt;!channel&gt; &amp; DB", "verbatim": True}},),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "value"), FILLED)
def test_a_field_is_filled_by_its_form(fields: dict[str, Any], value: Any) -> None:
    """Text is escaped for its kind; lists, flags and data take values themselves; ``"false"`` is never true."""
    filled = fill(**fields)
    assert filled == value
    assert type(filled) is type(value)


AS_THEY_ARE: list[tuple[dict[str, Any], Any]] = [
    ({"mrkdwn": "{{Activity.title}} <!here>"}, "{{Activity.title}} <!here>"),
    ({"description": "one\n two"}, "one two"),
    ({"channel": " #c "}, "#c"),
    ({"users": "U0ANN00001, U0BOB00002"}, ("U0ANN00001", "U0BOB00002")),
    ({"flag": "true"}, True),
    ({"data": {"a": "{{b}}"}}, {"a": "{{b}}"}),
    (
        {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "{{b}}"}}]},
        ({"type": "section", "text": {"type": "mrkdwn", "text": "{{b}}", "verbatim": True}},),
    ),
]


@pytest.mark.parametrize(("fields", "value"), AS_THEY_ARE)
def test_without_a_context_values_are_sent_as_they_are(fields: dict[str, Any], value: Any) -> None:
    """Nothing is a template then, but people, flags and one-line texts are read all the same."""
    assert fill(None, **fields) == value


def test_placeholders_pass_wherever_only_slack_can_tell() -> None:
    """While a runbook is planned, a placeholder may stand in any field."""
    unknown = {"steps": {"s": {"x": base.Placeholder.named("steps.s.x")}}}
    for field in ("mrkdwn", "channel", "flag", "data", "identifier", "name", "description"):
        assert fill(unknown, **{field: "{{steps.s.x}}"}) == base.Placeholder.named("steps.s.x"), field
    assert fill(unknown, users="{{steps.s.x}}") == (base.Placeholder.named("steps.s.x"),)
    assert base.Placeholder.is_in(f"a {base.Placeholder.named('steps.s.x')} b")
    assert not base.Placeholder.is_in("a ‹steps.s.x› b")
    assert not base.Placeholder.is_in("a › b ")
    assert not base.Placeholder.is_in(5)


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"flag": "{{Activity.id}}"}, ["flag: must be true or false, not 'INC-42'."]),
    ({"flag": "{{Activity.count}}"}, ["flag: must be true or false, not 3."]),
    ({"flag": "x{{yes}}"}, ["flag: must be true or false, not 'xtrue'."]),
    ({"flag": "{{people}}"}, ["flag: must be true or false, not a list."]),
    ({"flag": "{{at}}"}, ["flag: must be true or false, not a value of type datetime."]),
    ({"channel": "{{nothing}}"}, ["channel: must be text (an ID, a name or a link), not nothing."]),
    ({"channel": "{{people}}"}, ["channel: must be text (an ID, a name or a link), not a list."]),
    ({"channel": "{{Activity}}"}, ["channel: must be text (an ID, a name or a link), not a mapping."]),
    ({"channel": "{{Activity.page}}"}, ["channel: must be text (an ID, a name or a link), not true or false."]),
    ({"users": "{{nothing}}"}, ["users: must be user IDs or e-mail addresses, not nothing."]),
    ({"users": ["U1", "{{Activity}}"]}, ["users: must be user IDs or e-mail addresses, not a mapping."]),
    ({"users": "{{Activity.count}}"}, ["users: must be user IDs or e-mail addresses, not a value of type int."]),
]


@pytest.mark.parametrize(("fields", "messages"), WRONG)
def test_a_value_that_does_not_fit_is_a_problem(fields: dict[str, Any], messages: list[str]) -> None:
    """The problem names the field and what the value is; the place of the step stands before it."""
    assert wrong(**fields) == messages
    assert wrong(place="steps.say", **fields) == [f"steps.say.{message}" for message in messages]


def test_all_that_is_wrong_is_told_together() -> None:
    """Every tag of every field that cannot be filled is a problem with line and column, and the typed error."""
    action = AllForms(
        mrkdwn="{{nope}}\n{{nope2}}",
        users=["U1", "{{nope3}}"],
        data={"a": {"b": ["{{nope4}}"]}},
        flag="{{Activity.id}}",
        plain="{{open",
        blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "x {{nope5}}"}}],
    )
    filled, problems = base.render(action, CONTEXT, place="steps.say")
    assert filled is action
    assert [problem.place for problem in problems] == [
        "steps.say.mrkdwn, line 1, column 1",
        "steps.say.mrkdwn, line 2, column 1",
        "steps.say.plain, line 1, column 1",
        "steps.say.users[1], line 1, column 1",
        "steps.say.flag",
        "steps.say.data.a.b[0], line 1, column 1",
        "steps.say.blocks/0/text/text, line 1, column 3",
    ]
    error = problems[0].error
    assert isinstance(error, sr.MissingVariable)
    assert (error.name, error.place, error.line) == ("nope", "steps.say.mrkdwn", 1)
    assert isinstance(problems[2].error, sr.TemplateError)
    assert base.error_of(problems) is None
    assert base.error_of(problems[:1]) is error
    assert base.error_of([]) is None


def test_a_tag_in_the_structure_of_blocks_is_a_problem() -> None:
    """Where blocks take no template, the problem has the JSON pointer."""
    found = wrong(place="steps.say", blocks=[{"type": "{{x}}"}])
    assert found == [
        "steps.say.blocks/0/type: 'type' is part of the structure of blocks, and takes no template: write it out."
    ]


@attrs.frozen(kw_only=True)
class Picky(Nothing):
    """An action that refuses what its fields say together, and finds faults with the rest."""

    text: str = attrs.field(default="", metadata=base.MRKDWN)
    alone: str = attrs.field(default="", metadata=base.MRKDWN)

    def __attrs_post_init__(self) -> None:
        if self.text == "no":
            raise sr.RunbookError("must not be no.", place="Picky.text")
        if self.alone == "never":
            raise sr.RunbookError("cannot be.", place="Picky")

    def faults(self) -> tuple[sr.Fault, ...]:
        return (sr.Fault("text", "is bad.", "Mend it."),) if self.text == "bad" else ()


@pytest.mark.parametrize(
    ("fields", "place", "message"),
    [
        ({"text": "{{a}}{{b}}"}, "", "Picky.text: must not be no."),
        ({"text": "{{a}}{{b}}"}, "steps.say", "steps.say.text: must not be no."),
        ({"alone": "{{c}}er"}, "", "Picky: cannot be."),
        ({"alone": "{{c}}er"}, "steps.say", "steps.say: cannot be."),
        ({"text": "bad"}, "", "Picky.text: is bad. Mend it."),
        ({"text": "bad"}, "steps.say", "steps.say.text: is bad. Mend it."),
    ],
)
def test_what_the_filled_action_refuses_is_a_problem_of_the_field(fields: Any, place: str, message: str) -> None:
    """An action checks its filled fields as it checked the written ones, and the field is named."""
    _, problems = base.render(Picky(**fields), {"a": "n", "b": "o", "c": "nev"}, place=place)
    assert [str(problem) for problem in problems] == [message]


def test_partials_are_filled_in() -> None:
    """``{{>name}}`` takes the runbook's partial, in every field."""
    filled, problems = base.render(AllForms(mrkdwn="{{>who}}!"), CONTEXT, partials={"who": "{{Activity.id}}"})
    assert (filled.mrkdwn, problems) == ("INC-42!", [])
    _, problems = base.render(AllForms(mrkdwn="x {{>hwo}}"), CONTEXT, partials={"who": ""}, place="steps.say")
    assert [problem.place for problem in problems] == ["steps.say.mrkdwn, line 1, column 3"]
    assert "who" in problems[0].message


# --- templates -------------------------------------------------------------------------------------------------------


def test_every_template_is_found_with_its_place() -> None:
    """``templates`` parses all fields, nested ones too, and leaves literal texts out."""
    action = AllForms(
        mrkdwn="{{a}}",
        plain="literal",
        users=["U1", "{{b}}"],
        data={"x": [{"y": "{{c}}"}], "z": 5},
        blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "{{d}}"}}],
    )
    found = [(place, template.variables) for place, template in base.templates(action, place="steps.say")]
    assert found == [
        ("steps.say.mrkdwn", ("a",)),
        ("steps.say.users[1]", ("b",)),
        ("steps.say.data.x[0].y", ("c",)),
        ("steps.say.blocks/0/text/text", ("d",)),
    ]
    assert next(place for place, _ in base.templates(action)) == "mrkdwn"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"mrkdwn": "{{#a}}"}, "mrkdwn, line 1, column 1"),
        ({"data": {"x": ["a", "{{#a}}"]}}, "data.x[1], line 1, column 1"),
        (
            {"blocks": [{"type": "section", "text": {"type": "plain_text", "text": "\n{{#a}}"}}]},
            "blocks/0/text/text, line 2",
        ),
        ({"blocks": [{"type": "{{a}}"}]}, "blocks/0/type: 'type' is part"),
    ],
)
def test_a_template_that_cannot_be_parsed_is_placed(fields: dict[str, Any], place: str) -> None:
    """The error of an unparsable template says where it stands."""
    with pytest.raises((sr.TemplateError, sr.RunbookError)) as refused:
        list(base.templates(AllForms(**fields), place="steps.say"))
    assert str(refused.value).startswith(f"steps.say.{place}")


# --- forms -----------------------------------------------------------------------------------------------------------


def test_every_field_of_every_action_declares_its_form() -> None:
    """No field of the library's own actions is left to a guess."""
    for cls in ACTIONS.values():
        for field in base.fields_of(cls):
            assert isinstance(field.metadata.get("form"), base.Form), (cls, field.name)
    action = sr.SetTopic(channel="C1", topic="x")
    assert [field.name for field in base.fields_of(action)] == ["channel", "topic"]
    assert list(base.forms(action)) == ["channel", "topic"]
    assert base.forms(sr.SetTopic)["topic"].kind is Kind.TOPIC


@attrs.frozen(kw_only=True)
class Written(Nothing):
    """An own action whose annotations are text, as with ``from __future__ import annotations``."""

    a: str = ""
    b: str | None = None
    c: None | str = None  # noqa: RUF036 - either order may be written
    d: list[str] = attrs.field(factory=list)
    e: int = 0
    f: str | int = 0
    g: Any = None


@pytest.mark.parametrize(
    ("annotation", "is_text"),
    [
        (str, True),
        (str | None, True),
        (Optional[str], True),  # noqa: UP045 - as older code has it
        (Union[None, str], True),  # noqa: UP007 - as older code has it
        (int, False),
        (list[str], False),
        (str | int, False),
        (str | list[str], False),
        (Any, False),
        (None, False),
    ],
)
def test_own_fields_take_the_form_of_their_type(annotation: Any, is_text: bool) -> None:
    """A field of text is escaped text whether its annotation is text or a type; all others take values themselves."""
    cls = attrs.make_class(
        "Made", {"x": attrs.field(type=annotation, default=None)}, (Nothing,), frozen=True, kw_only=True
    )
    assert base.forms(cls)["x"].name == ("text" if is_text else "data")
    assert base.forms(cls)["x"].kind is Kind.MRKDWN


def test_own_fields_take_the_form_of_their_written_type() -> None:
    """Annotations that are not evaluated are read as they are written."""
    names = {name: form.name for name, form in base.forms(Written).items()}
    assert names == {"a": "text", "b": "text", "c": "text", "d": "data", "e": "data", "f": "data", "g": "data"}
    action = Written(
        a="{{Activity.title}}", b="{{Activity.count}}", d=["{{Activity.title}}"], e="{{Activity.count}}", g=5
    )  # type: ignore[arg-type]
    filled, problems = base.render(action, CONTEXT)
    assert problems == []
    assert (filled.a, filled.b, filled.e, filled.g) == ("API &lt;!channel&gt; &amp; DB", "3", 3, 5)
    # Values that a host's action may put anywhere are escaped too.
    assert filled.d == ["API &lt;!channel&gt; &amp; DB"]


@given(st.text())
def test_no_value_can_ping_or_link_from_an_own_field(title: str) -> None:
    """Whatever a value says, it brings no ``<`` or ``>`` of its own into a text field."""
    filled, problems = base.render(Written(a="{{t}}", b="x {{t}}", g="{{t}}"), {"t": title})
    assert problems == []
    for text in (filled.a, filled.b, filled.g):
        assert "<" not in text
        assert ">" not in text


# --- converters and validators ---------------------------------------------------------------------------------------


def test_a_channel_may_be_an_earlier_output() -> None:
    """Whatever has a ``channel`` stands for it; text stays as it is."""
    sent = sr.MessageSent(channel="C0123ABCD", ts="1.000000")
    assert base.as_channel(sent) == "C0123ABCD"
    assert base.as_channel("#c") == "#c"
    assert sr.SetTopic(channel=sent, topic="x").channel == "C0123ABCD"  # type: ignore[arg-type]
    assert base.as_channel(5) == 5  # type: ignore[arg-type, comparison-overlap]


def test_people_and_blocks_become_values() -> None:
    """Lists become tuples, so that nobody can change an action through what was passed."""
    people = ["U1"]
    assert base.as_users(people) == ("U1",)
    assert base.as_users("U1") == "U1"
    assert base.as_users(("U1",)) == ("U1",)
    blocks = [{"type": "divider"}]
    made = base.as_blocks(blocks)
    blocks[0]["type"] = "x"
    assert made == ({"type": "divider"},)
    assert base.as_blocks('[{"type": "divider"}]') == made
    assert base.as_blocks(None) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", "<0 characters>"),
        ("x", "<1 character>"),
        ("secret", "<6 characters>"),
        (({},), "<1 block>"),
        ([{}, {}], "<2 blocks>"),
        (None, "None"),
        ({"a": 1}, "<a mapping>"),
    ],
)
def test_no_repr_shows_a_body(value: object, shown: str) -> None:
    """Texts, blocks and metadata are shown by their size or kind."""
    assert base.hidden(value) == shown
    if isinstance(value, str) and value:
        assert "secret" not in repr(
            sr.SendMessage(channel="#c", text="secret", metadata={"event_type": "secret", "event_payload": {}})
        )


@attrs.frozen(kw_only=True)
class Checked(Nothing):
    """An action with a validator of every kind, on fields that must and that may be given."""

    text: Any = attrs.field(default="x", validator=base.is_text)
    optional: Any = attrs.field(default=None, validator=base.is_text)
    thread_ts: Any = attrs.field(default=None, validator=base.is_text)
    flag: Any = attrs.field(default=False, validator=base.is_flag)
    maybe: Any = attrs.field(default=None, validator=base.is_flag)
    number: Any = attrs.field(default=1, validator=base.is_number)
    limit: Any = attrs.field(default=None, validator=base.is_number)
    users: Any = attrs.field(default="U1", converter=base.as_users, validator=base.is_users)
    data: Any = attrs.field(default={}, validator=base.is_mapping)
    extra: Any = attrs.field(default=None, validator=base.is_mapping)
    choice: Any = attrs.field(default="a", validator=base.is_choice("a", "b"))


RIGHT: list[dict[str, Any]] = [
    {"text": "", "optional": None},
    {"text": "{{a}}", "optional": "x"},
    {"thread_ts": "1503435956.000247"},
    {"flag": True, "maybe": None},
    {"flag": "{{a}}", "maybe": False},
    {"flag": "TRUE", "maybe": " false "},
    {"flag": base.Placeholder.named("steps.a.b")},
    {"number": "{{a}}", "limit": None},
    {"number": " 7 ", "limit": 5},
    {"users": ["U1", "{{a}}"]},
    {"users": []},
    {"data": MappingProxyType({"a": 1}), "extra": None},
    {"choice": "b"},
]


@pytest.mark.parametrize("fields", RIGHT)
def test_what_a_field_takes(fields: dict[str, Any]) -> None:
    """Each validator lets through what its field may hold."""
    assert isinstance(Checked(**fields), Checked)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"text": None}, "text: must be text, not nothing."),
    ({"text": 5}, "text: must be text, not a value of type int. Put it in quotes."),
    ({"text": 1.5}, "text: must be text, not a value of type float. Put it in quotes."),
    ({"text": True}, "text: must be text, not true or false."),
    ({"text": ["x"]}, "text: must be text, not a list."),
    ({"text": ("x",)}, "text: must be text, not a list."),
    ({"text": {"x": 1}}, "text: must be text, not a mapping."),
    (
        {"thread_ts": 1503435956.000247},
        (
            "thread_ts: must be text, not a value of type float. "
            "Slack's ts is text, and a number loses its last digits: put it in quotes."
        ),
    ),
    ({"flag": "yes"}, "flag: must be true or false, not 'yes'."),
    ({"flag": ""}, "flag: must be true or false, not ''."),
    ({"flag": 1}, "flag: must be true or false, not 1."),
    ({"flag": None}, "flag: must be true or false, not nothing."),
    ({"number": None}, "number: must be a whole number, not nothing."),
    ({"number": "x"}, "number: must be a whole number, not 'x'."),
    ({"limit": True}, "limit: must be a whole number, not true or false."),
    ({"maybe": 0}, "maybe: must be true or false, not 0."),
    ({"maybe": ["x"]}, "maybe: must be true or false, not a list."),
    (
        {"users": None},
        "users: must be text or a list of texts (user IDs, e-mail addresses), not nothing.",
    ),
    (
        {"users": ["U1", 5]},
        "users: must be text or a list of texts (user IDs, e-mail addresses), not a value of type int.",
    ),
    (
        {"users": [["U1"]]},
        "users: must be text or a list of texts (user IDs, e-mail addresses), not a list.",
    ),
    ({"data": None}, "data: must be a mapping, not nothing."),
    ({"extra": [1]}, "extra: must be a mapping, not a list."),
    ({"choice": "c"}, "choice: must be one of 'a', 'b', not 'c'."),
    ({"choice": ["a"]}, "choice: must be one of 'a', 'b', not ['a']."),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED)
def test_what_a_field_refuses(fields: dict[str, Any], message: str) -> None:
    """Each validator refuses the rest with class, field and what to write."""
    with pytest.raises(sr.RunbookError) as refused:
        Checked(**fields)
    assert str(refused.value) == f"Checked.{message}"
    assert refused.value.place == f"Checked.{message.split(':')[0]}"


def test_an_action_is_a_value() -> None:
    """Actions compare by their fields, cannot be changed, and hold no more than their fields."""
    one, same = (sr.SetTopic(channel="C1", topic="x") for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.topic = "y"  # type: ignore[misc]
    assert not hasattr(one, "__dict__")
    with pytest.raises(TypeError):
        sr.SetTopic("C1", "x")  # type: ignore[misc]


def test_an_action_that_says_nothing_of_itself_needs_nothing() -> None:
    """The base needs no method and finds no fault."""
    assert tuple(AllForms().needs()) == ()
    assert tuple(AllForms().faults()) == ()
    with pytest.raises(TypeError):
        sr.Action()  # type: ignore[abstract]
