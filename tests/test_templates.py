"""Templates: what is refused, what is printed, and that no value can speak for the author."""

from __future__ import annotations

import datetime as dt
import enum
import os
import pickle
import re
import sys
import threading
from collections import OrderedDict, defaultdict
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import chevron.renderer
import chevron.tokenizer
import pytest
from hypothesis import example, given, strategies as st

from slackrunbooks.errors import MissingVariable, TemplateError
from slackrunbooks.templates import Template, compiled
from slackrunbooks.text import Kind

if TYPE_CHECKING:
    from pathlib import Path

ACTIVITY = {
    "Activity": {
        "id": "INC-42",
        "title": "Checkout is down",
        "severity": "SEV1",
        "services": [{"id": 7, "name": "checkout"}, {"id": 8, "name": "cart"}],
        "tags": ["eu", "payments"],
        "owner": None,
        "note": "",
    }
}


def error_of(source: str, context: Any = None, **arguments: Any) -> TemplateError:
    """Return the error that making or rendering a template raises."""
    with pytest.raises(TemplateError) as caught:
        Template(source, **arguments).render({} if context is None else context)
    return caught.value


# --- parsing: what is refused, where, and what to write instead


@pytest.mark.parametrize(
    ("source", "line", "column", "message"),
    [
        # braces
        ("{{", 1, 1, "this {{ is never closed; write }} after the name, or to print braces, write {{=<% %>=}}{{<%="),
        ("a\nbc {{name", 2, 4, "this {{ is never closed"),
        ("{{}}", 1, 1, "this tag has no name"),
        ("x {{ }}", 1, 3, "this tag has no name"),
        ("{{#}}", 1, 1, "this tag has no name"),
        ("{{a} and {{b}}", 1, 1, "the next tag begins before this one is closed; close it with }}"),
        ("{{{a}}", 1, 1, "a raw tag that opens with {{{ closes with }}}"),
        ("{{=<% %>=}}<%{a}%>", 1, 12, "with other delimiters a raw tag is written with '&'"),
        ("{{=<%>=}}", 1, 1, "write two delimiters, a space between them and no '=' in them: {{=<% %>=}}"),
        ("{{=<% %>}}", 1, 1, "write two delimiters"),
        # sections
        ("a\n{{#b}}\nc", 2, 1, "the section {{#b}} is never closed; write {{/b}} where it ends"),
        ("{{^b}}", 1, 1, "the section {{^b}} is never closed"),
        ("a {{/b}}", 1, 3, "{{/b}} closes a section that was not opened; write {{#b}} before it, or drop it"),
        (
            "{{#a}}\n  {{^b}}{{/a}}",
            2,
            9,
            "{{/a}} stands inside {{^b}} (line 2, column 3); write {{/b}} first",
        ),
        ("{{#a}}" * 101, 1, 601, "sections nest more than 100 deep"),
        # optional parts of Mustache
        ("{{$block}}x{{/block}}", 1, 1, "inheritance ({{$block}}) is not supported; use a partial: {{>name}}"),
        ("{{<parent}}{{/parent}}", 1, 1, "inheritance ({{<parent}}) is not supported; use a partial: {{>name}}"),
        ("{{>*which}}", 1, 1, "dynamic names ({{>*name}}) are not supported"),
        ('{{> "a b"}}', 1, 1, "is not the name of a partial; write {{>name}}"),
        # other languages
        ("{{ #a }}", 1, 1, "white space before the '#' would make this a name; write {{#… without it"),
        (
            '{{a.b | default: "none"}}',
            1,
            1,
            "Mustache has no filters; for a default write {{#a.b}}{{a.b}}{{/a.b}}{{^a.b}}none{{/a.b}}",
        ),
        ("{{a | upcase}}", 1, 1, "{{^a}}…{{/a}}"),
        ("{{ | x}}", 1, 1, "{{#name}}{{name}}{{/name}}"),
        ("{{#if a}}x{{/if}}", 1, 1, "that is Handlebars; write {{#a}} … {{/a}}"),
        ("{{#if a == 1}}", 1, 1, "Mustache compares nothing"),
        ("{{#unless a}}", 1, 1, "write {{^a}} … {{/a}}"),
        ("{{#each items}}", 1, 1, "write {{#items}}{{.}}{{/items}}"),
        ("{{#each items as |item|}}", 1, 1, "write {{#items}}{{.}}{{/items}}"),
        ("{{#with a}}", 1, 1, "write {{#a}} … {{/a}}"),
        ("{{if .Name}}", 1, 1, "Mustache has no such word; write {{#Name}} … {{/Name}}"),
        ("{{for x in items}}", 1, 1, "write {{#items}} … {{/items}}"),
        ("{{else}}", 1, 1, "Mustache has no else; close the section with {{/name}} and open {{^name}}"),
        ("{{this}}", 1, 1, "that is Handlebars; the item itself is {{.}}"),
        ("{{this.name}}", 1, 1, "write {{name}}, without what stands before it"),
        ("{{.Name}}", 1, 1, "write {{Name}}, without what stands before it"),
        ("{{../name}}", 1, 1, "outer names are found by themselves; write {{name}}"),
        ("{{@index}}", 1, 1, "Mustache has no @index"),
        ("{{a[0].b}}", 1, 1, "write {{a.0.b}}"),
        ("{{a['b']}}", 1, 1, "write {{a.b}}"),
        ("{{a[0](x)}}", 1, 1, "write {{a.0}}"),
        ('{{"text"}}', 1, 1, "a tag prints a name; write the text itself outside of the tag"),
        ("{{now()}}", 1, 1, "Mustache calls and computes nothing"),
        ("{{Root Cause}}", 1, 1, "a name has no white space"),
        ("{{a ? b : c}}", 1, 1, "Mustache calls and computes nothing"),
        ("cost ${{ a.b }}", 1, 7, "${{ … }} is an expression of another language; in Mustache write {{name}}"),
        ("{{a..b}}", 1, 1, "'a..b' is not a name; write a dotted name such as {{Activity.title}}"),
        ("{{a.}}", 1, 1, "'a.' is not a name"),
    ],
)
def test_refused_when_made(source: str, line: int, column: int, message: str) -> None:
    """A template that is wrong is refused when it is made, with the place and what to write instead."""
    with pytest.raises(TemplateError) as caught:
        Template(source)
    assert message in caught.value.reason
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(f"line {line}, column {column}: ")


def test_what_the_messages_advise_works() -> None:
    """The forms that the messages tell authors to write print what they promise."""
    assert Template("{{=<% %>=}}{{<%={{ }}=%> {{a}}").render({"a": 1}) == "{{ 1"
    assert Template("${{!}}{{cost}}").render({"cost": 5}) == "$5"
    default = Template("{{#a.b}}{{a.b}}{{/a.b}}{{^a.b}}none{{/a.b}}")
    assert [default.render({"a": {"b": "x"}}), default.render({"a": {}})] == ["x", "none"]
    assert Template("{{#items}}{{.}} {{/items}}").render({"items": ["a", "b"]}) == "a b "


@pytest.mark.parametrize(
    "source",
    [
        "{{@timestamp}}",
        "{{a-b.c_d}}",
        "{{a:b}}",
        "{{ünï.0}}",
        "{{elsewhere}}",
        "{{thistle.x}}",
        "{{iffy}}",
        "{ {a} }",
        "}}",
    ],
)
def test_names_that_are_allowed(source: str) -> None:
    """Names as other systems give them are names, also where they begin like a word of another language."""
    assert Template(source).source == source


@pytest.mark.parametrize("arguments", [{"source": b"x"}, {"source": "x", "partials": {"a": None}}])
def test_only_text_is_a_template(arguments: dict[str, Any]) -> None:
    """A source or a partial that is not text is a programming error."""
    with pytest.raises(TypeError, match="a template is text, not a"):
        Template(**arguments)


def test_disagreement_with_chevron_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that chevron reads differently, or not at all, is refused rather than guessed at."""

    def broken(text: str) -> Any:
        raise chevron.tokenizer.ChevronError("no")

    monkeypatch.setattr(chevron.tokenizer, "tokenize", broken)
    assert "chevron cannot tokenize this template" in error_of("{{a}}").reason
    monkeypatch.setattr(chevron.tokenizer, "tokenize", lambda text: [("variable", "b")])
    assert "chevron and our scan read this template differently" in error_of("{{a}}").reason


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("a\n\t{{#x}}\n\tb\n\t{{/x}}\nc", "a\n\tb\nc"),
        ("a\r\n {{! note }} \r\nb", "a\r\nb"),
        ("a\n{{#x}}  ", "a\n"),
        ("{{#x}}b{{/x}}  ", "b  "),
        ("{{! a\n b }} {{#x}}c{{/x}}", " c"),
        ("a\n  {{=<% %>=}}  \n<%x.0%>", "a\n1"),
    ],
)
def test_standalone_lines(source: str, printed: str) -> None:
    """A line with nothing but one tag leaves nothing behind, also where chevron leaves tabs and blanks."""
    if source == "a\n{{#x}}  ":
        source += "\n{{/x}}  "
    assert Template(source).render({"x": [1]}) == printed


# --- the traps of chevron, one by one


def test_trap_quotation_marks() -> None:
    """A quotation mark stays one; chevron makes it &quot;, which Slack shows as it is."""
    assert Template("{{a}}").render({"a": '"it\'s"'}) == '"it\'s"'


def test_trap_falsy_items() -> None:
    """False items of a list are printed like the others; chevron skips them."""
    assert Template("{{#a}}<{{.}}>{{/a}}").render({"a": [None, 1, 0, False, "", "x"]}, escape=Kind.RAW) == (
        "<><1><0><false><><x>"
    )
    assert Template("{{#a}}x{{/a}}").render({"a": [{}, {}]}) == "xx"


def test_trap_outer_scope() -> None:
    """A dotted name whose first segment is found inside is not looked up outside; chevron prints the outer one."""
    template, context = Template("{{#a}}{{b.c}}{{/a}}"), {"a": {"b": {}}, "b": {"c": "wrong"}}
    with pytest.raises(MissingVariable) as caught:
        template.render(context)
    assert caught.value.nearest == ()
    assert template.render(context, missing="empty") == ""


def test_trap_attributes() -> None:
    """Attributes are never read; chevron prints {{x.__class__}}."""
    for name in ("x.__class__", "x.upper", "x.__class__.__mro__"):
        with pytest.raises(MissingVariable):
            Template(f"{{{{{name}}}}}").render({"x": "text"})
        with pytest.raises(TemplateError, match=r"'x' is a _Thing: templates read only mappings"):
            Template(f"{{{{{name}}}}}").render({"x": _Thing()})


class _Thing:
    secret = "secret"


def test_trap_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partials come from the mapping alone; chevron reads files."""
    (tmp_path / "secret.mustache").write_text("secret", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("secret", os.fspath(tmp_path / "secret")):
        assert f"there is no partial {name!r}" in error_of(f"{{{{>{name}}}}}").reason
        assert Template(f"{{{{>{name}}}}}").render({}, missing="empty") == ""


def test_trap_empty_tag() -> None:
    """An empty tag is an error with a place; chevron raises IndexError."""
    assert isinstance(error_of("a {{}}"), TemplateError)


def test_trap_trailing_braces() -> None:
    """Braces that end a template are an error; chevron drops them."""
    assert error_of("a {{").column == 3


def test_trap_line_numbers_under_threads() -> None:
    """Lines and columns are right in every thread; chevron keeps its line in a module global."""
    wrong: list[str] = []

    def check(lines: int) -> None:
        for _ in range(50):
            try:
                Template("x\n" * lines + "  {{#open}}")
            except TemplateError as error:
                if (error.line, error.column) != (lines + 1, 3):
                    wrong.append(str(error))

    threads = [threading.Thread(target=check, args=(lines,)) for lines in (0, 3, 10, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_trap_recursive_partials() -> None:
    """Partials that include each other without end stop at a fixed depth, however often they do it at each level."""
    for text in ("{{>a}}", "{{>a}}{{>a}}", "  {{>a}}\n", "{{>b}}"):
        template = Template("{{>a}}", partials={"a": text, "b": "{{>a}}"})
        with pytest.raises(TemplateError, match="more than 50 deep; end the recursion with a section"):
            template.render({})
        assert len(template.faults({}, Kind.MRKDWN)) == 1


def test_trap_callables() -> None:
    """Nothing found in a context is called, whether a tag prints it, opens a section with it or walks into it."""
    called: list[Any] = []
    for source in ("{{f}}", "{{{f}}}", "{{#f}}x{{/f}}", "{{^f}}x{{/f}}", "{{f.x}}", "{{#f.x.y}}{{/f.x.y}}"):
        error = error_of(source, {"f": called.append})
        assert error.reason == "'f' is a function: templates call nothing; put its result into the context"
    assert "'f' is the class _Thing" in error_of("{{f}}", {"f": _Thing}).reason
    assert called == []


def test_trap_token_cache() -> None:
    """Rendering leaves chevron's token cache alone, so it cannot poison another template."""
    before = dict(chevron.renderer.g_token_cache)
    source = "{{=<% %>=}}<%#a%>{{ raw }}<%/a%>"
    assert Template(source).render({"a": True}) == "{{ raw }}"
    assert Template("{{ raw }}").render({"raw": "value"}) == "value"
    assert dict(chevron.renderer.g_token_cache) == before


def test_trap_poor_messages_for_sections() -> None:
    """A wrong end tag names the section that is open and where it opened."""
    reason = error_of("{{#steps}}\n{{#room}}\n{{/steps}}{{/room}}").reason
    assert reason == "{{/steps}} stands inside {{#room}} (line 2, column 1); write {{/room}} first"


# --- printing


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("text", "text"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-3, "-3"),
        (1.5, "1.5"),
        (1e21, "1e+21"),
        (Decimal("1E+2"), "100"),
        (Decimal("0.10"), "0.10"),
        (dt.datetime(2024, 9, 16, 21, 31, 59, tzinfo=dt.timezone.utc), "2024-09-16 21:31 UTC"),
        (dt.datetime(2024, 9, 16, 21, 31, tzinfo=ZoneInfo("Europe/Berlin")), "2024-09-16 21:31 +02:00"),
        (
            dt.datetime(2024, 9, 16, 21, 31, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
            "2024-09-16 21:31 -03:30",
        ),
        (dt.datetime(2024, 9, 16, 21, 31), "2024-09-16 21:31"),
        (dt.date(2024, 9, 16), "2024-09-16"),
        (dt.time(21, 31, 5), "21:31"),
        (dt.time(21, 31, tzinfo=dt.timezone.utc), "21:31 UTC"),
        (enum.Enum("Severity", {"SEV1": "sev1"}, type=str).SEV1, "sev1"),
        (enum.IntEnum("Level", {"HIGH": 2}).HIGH, "2"),
    ],
)
def test_how_values_are_printed(value: Any, printed: str) -> None:
    """Each kind of plain value has one way to be printed, the same in escaped and raw tags."""
    assert Template("{{a}}|{{{a}}}|{{&a}}").render({"a": value}) == f"{printed}|{printed}|{printed}"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "{{Activity.services.0}}",
            "'Activity.services.0' is a mapping; print one of its fields: {{Activity.services.0.id}}, {{Activity.",
        ),
        (
            "{{#Activity.services}}{{.}}{{/Activity.services}}",
            "'.' is a mapping; print one of its fields: {{id}}, {{name}}",
        ),
        (
            "{{Activity.tags}}",
            "'Activity.tags' is a list of 2; print each item: {{#Activity.tags}}{{.}}{{/Activity.tags}}",
        ),
        ("{{Activity.services}}", "print each item: {{#Activity.services}}{{id}}{{/Activity.services}}"),
    ],
)
def test_containers_are_not_printed(source: str, message: str) -> None:
    """Printing a mapping or a list is an error that shows what to print."""
    assert message in error_of(source, ACTIVITY).reason


def test_containers_with_much_or_nothing() -> None:
    """Many fields are not all listed, and none are said to be none."""
    many = error_of("{{a}}", {"a": {f"f{number}": 1 for number in range(10)}}).reason
    assert many.endswith("{{a.f7}} and 2 more")
    assert error_of("{{a}}", {"a": {}}).reason == "'a' is a mapping; and has no fields"
    assert error_of("{{a}}", {"a": []}).reason == "'a' is a list of 0; print each item: {{#a}}{{.}}{{/a}}"


@pytest.mark.parametrize(
    ("value", "type_name"), [(object(), "an object"), ({1}, "a set"), (b"x", "a bytes"), (_Thing(), "a _Thing")]
)
def test_other_objects_are_not_read(value: Any, type_name: str) -> None:
    """A value that is not plain data is an error that names its type, wherever it is met."""
    for source in ("{{a}}", "{{#a}}x{{/a}}", "{{^a}}x{{/a}}", "{{a.b}}", "{{#a.b}}{{/a.b}}"):
        assert f"'a' is {type_name}: templates read only" in error_of(source, {"a": value}).reason
    assert f"'a.1' is {type_name}" in error_of("{{#a}}x{{/a}}", {"a": ["x", value]}).reason


# --- looking names up


def test_unknown_names_are_errors() -> None:
    """Printing an unknown name names the whole name, its place, and the nearest names."""
    error = error_of("*{{Activity.severity}}*\n  {{Activity.titel}}", ACTIVITY)
    assert isinstance(error, MissingVariable)
    assert (error.name, error.line, error.column, error.nearest[0]) == ("Activity.titel", 2, 3, "Activity.title")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("activity.TITLE", "Activity.title"),
        ("title", "Activity.title"),
        ("incident.Activity.title", "Activity.title"),
        ("Activity.sevrity", "Activity.severity"),
        ("Activity.services.name", "Activity.services.0.name"),
        ("Activity.title.text", "Activity.title"),
        ("Activity.owner.name", "Activity.owner"),
        ("Activity.tags.7", "Activity.tags.0"),
    ],
)
def test_nearest_names(name: str, nearest: str) -> None:
    """The nearest names come first in another case, then with more or less before them, then spelt alike."""
    error = error_of(f"{{{{{name}}}}}", ACTIVITY)
    assert isinstance(error, MissingVariable)
    assert nearest in error.nearest
    if nearest.casefold() == name.casefold():
        assert error.nearest[0] == nearest


def test_nearest_names_in_odd_contexts() -> None:
    """Contexts with cycles, and keys that no tag can name, still give the nearest names."""
    context: dict[Any, Any] = {"a b": 1, "x.y": 2, 3: 4, "name": "x"}
    context["self"] = context
    error = error_of("{{nam}}", context)
    assert isinstance(error, MissingVariable)
    assert error.nearest[0] == "name"
    dotted = error_of("{{x.y}}", context)
    assert isinstance(dotted, MissingVariable)
    assert dotted.nearest == ()


def test_scopes_of_a_section() -> None:
    """Inside a section names are looked up in the item first and outside after that."""
    template = Template("{{#people}}{{name}} of {{team}}{{#tags}} {{.}}{{/tags}}; {{/people}}")
    people = [{"name": "Ana", "team": "payments", "tags": ("a", "b")}, {"name": "Bo", "tags": []}]
    assert template.render({"people": people, "team": "nobody"}) == "Ana of payments a b; Bo of nobody; "


def test_lists_are_indexed_by_number() -> None:
    """An integer segment indexes a list or a tuple, also as the item of a section."""
    assert Template("{{a.1}}{{#b}}{{0}}{{/b}}").render({"a": ["x", "y"], "b": [("p", "q"), ["r"]]}) == "ypr"
    for name in ("a.2", "a.-1", "a.x", "a.0.0"):
        assert isinstance(error_of(f"{{{{{name}}}}}", {"a": ["x", "y"]}), MissingVariable)


@pytest.mark.parametrize("type_", [OrderedDict, MappingProxyType, lambda data: defaultdict(lambda: "made", data)])
def test_any_mapping_is_read(type_: Any) -> None:
    """Every mapping is walked like a dict, and a look-up never makes a key."""
    data = type_({"b": type_({"c": "x"})})
    assert Template("{{b.c}}{{#b}}{{c}}{{/b}}").render(data) == "xx"
    assert isinstance(error_of("{{b.d}}", data), MissingVariable)
    assert len(data["b"]) == 1


def test_the_root_may_be_anything_plain_or_to_context() -> None:
    """A context is plain data, or an object that gives some."""

    class Incident:
        def to_context(self) -> dict[str, Any]:
            return {"title": "x"}

    class Broken:
        def to_context(self) -> Any:
            return [1]

    assert Template("{{title}}").render(Incident()) == "x"
    with pytest.raises(TypeError, match=r"to_context\(\) of Broken returned a list, not a mapping"):
        Template("").render(Broken())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"a context is a mapping or has to_context\(\), not a _Thing"):
        Template("").render(_Thing())  # type: ignore[arg-type]


# --- guards


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("{{#Activity.summary}}x{{/Activity.summary}}", ""),
        ("{{^Activity.summary}}x{{/Activity.summary}}", "x"),
        ("{{#unknown}}x{{/unknown}}", ""),
        ("{{#Activity.title.length}}x{{/Activity.title.length}}", ""),
        ("{{#Activity.owner.team.name}}x{{/Activity.owner.team.name}}", ""),
        ("{{#Activity.services.5}}x{{/Activity.services.5}}", ""),
        ("{{#Activity.owner}}x{{/Activity.owner}}{{#Activity.note}}y{{/Activity.note}}", ""),
        ("{{#Activity.title}}{{.}}, {{Activity.title}}{{/Activity.title}}", "Checkout is down, Checkout is down"),
        ("{{#Activity}}{{id}}{{/Activity}}", "INC-42"),
    ],
)
def test_guards(source: str, printed: str) -> None:
    """In a section a missing last segment is false, and so is everything inside of a null."""
    assert Template(source).render(ACTIVITY) == printed


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", [], (), {}, Decimal(0)])
def test_what_is_false(value: Any) -> None:
    """Null, false, zero and everything empty are false in a section."""
    assert Template("{{#a}}x{{/a}}{{^a}}y{{/a}}").render({"a": value}) == "y"


@pytest.mark.parametrize(
    ("name", "missing", "nearest"),
    [
        ("activity.summary", "activity", ("Activity",)),
        ("Activity.servces.0.name", "Activity.servces", ("Activity.services",)),
    ],
)
def test_guards_that_can_never_hold(name: str, missing: str, nearest: tuple[str, ...]) -> None:
    """A guard whose earlier segment does not exist is an error that names what does not exist."""
    for sign in "#^":
        error = error_of(f"{{{{{sign}{name}}}}}x{{{{/{name}}}}}", ACTIVITY)
        assert isinstance(error, MissingVariable)
        assert (error.name, error.nearest[:1]) == (missing, nearest)
    assert Template(f"{{{{^{name}}}}}x{{{{/{name}}}}}").render(ACTIVITY, missing="empty") == "x"


# --- partials


def test_partials_take_the_scope_and_the_indentation() -> None:
    """A partial is rendered where it stands, and alone on its line each of its lines is indented, but no value."""
    template = Template(
        "Actions:\n{{#actions}}\n  {{>action}}\n{{/actions}}\n",
        partials={"action": "- {{text}}\n{{#sub}}\n  {{>action}}\n{{/sub}}\n"},
    )
    actions = [{"text": "a\nb", "sub": [{"text": "c", "sub": []}]}]
    assert template.render({"actions": actions}) == "Actions:\n  - a\nb\n    - c\n"


def test_errors_in_partials_are_placed_there() -> None:
    """An error in a partial names the partial, and its own line and column, whatever the indentation."""
    with pytest.raises(TemplateError) as caught:
        Template("{{>a}}", partials={"a": "{{>b}}", "b": "x\n{{#open}}", "unused": "{{"})
    assert str(caught.value).startswith("line 2, column 1: in the partial 'b': the section {{#open}} is never closed")
    template = Template("    {{>a}}\n", partials={"a": "x\n  {{nam}}\n{{name.first}}"})
    for error, place in zip(template.faults({"name": "y"}, Kind.MRKDWN), [(2, 3), (3, 1)], strict=True):
        assert (error.line, error.column) == place
        assert str(error.at("steps.x.text")).startswith(
            f"steps.x.text, line {place[0]}, column {place[1]}: in the partial 'a'"
        )
        assert isinstance(error, MissingVariable)


def test_unknown_partials() -> None:
    """An unknown partial is an error with the nearest name, or with all of them."""
    assert (
        error_of("{{>footr}}", partials={"footer": ""}).reason == "there is no partial 'footr'; did you mean 'footer'?"
    )
    assert error_of("{{>x}}", partials={"b": "", "a": ""}).reason == "there is no partial 'x'; partials: 'a', 'b'"
    assert error_of("{{>x}}").reason == "there is no partial 'x'; partials: none was given"


def test_delimiters_do_not_reach_into_partials() -> None:
    """A partial is read with {{ }}, whatever the delimiters where it is included."""
    assert Template("{{=| |=}}|>a| |x|", partials={"a": "{{x}}|"}).render({"x": 1}) == "1| 1"


def test_deep_recursion_is_an_error() -> None:
    """Nesting that is deeper than Python's stack ends in a TemplateError, in faults too."""
    text = "{{#a}}" * 99 + "{{>p}}" + "{{/a}}" * 99
    template = Template("{{>p}}", partials={"p": text})
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(400, _depth() + 300))
    try:
        with pytest.raises(TemplateError, match="deeper than Python's stack"):
            template.render({"a": True})
        assert len(template.faults({"a": True}, Kind.MRKDWN)) == 1
    finally:
        sys.setrecursionlimit(limit)


def _depth() -> int:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


# --- the rest of the public face


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("plain", ()),
        ("{{b}} {{a.c}} {{b}} {{{d}}} {{&e}}", ("b", "a.c", "d", "e")),
        ("{{#people}}{{name}}{{.}}{{/people}}", ("people",)),
        ("{{#Activity.summary}}{{Activity.summary}}{{/Activity.summary}}", ("Activity.summary",)),
        (
            "{{#people}}{{name}} {{Activity.id}}{{/people}} {{Activity.title}}",
            ("people", "Activity.id", "Activity.title"),
        ),
        ("{{^people}}{{fallback}}{{/people}}", ("people", "fallback")),
        ("{{#people}}{{#tags}}{{people.0}}{{/tags}}{{^tags}}{{none}}{{/tags}}{{/people}}", ("people", "people.0")),
        ("{{>p}}{{#a}}{{>p}}{{>unknown}}{{/a}}", ("in_partial", "a")),
    ],
)
def test_variables(source: str, variables: tuple[str, ...]) -> None:
    """The variables are those that must come from outside, in order, partials included."""
    assert Template(source, partials={"p": "{{in_partial}}{{>p}}"}).variables == variables


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{Activity.tags}}", ["eu", "payments"]),
        ("{{{Activity.tags}}}", ["eu", "payments"]),
        ("{{! note }}{{Activity.services.0}}", {"id": 7, "name": "checkout"}),
        ("{{Activity.services.0.id}}", 7),
        ("{{Activity.owner}}", None),
        ("{{Activity.title}}", "Checkout is down"),
        (" {{Activity.services.0.id}}", " 7"),
        ("{{Activity.services.0.id}}{{Activity.id}}", "7INC-42"),
        ("#inc", "#inc"),
        ("", ""),
    ],
)
def test_evaluate(source: str, value: Any) -> None:
    """A template that is one tag gives the value itself, and every other gives text."""
    assert Template(source).evaluate(ACTIVITY, Kind.RAW) == value


def test_evaluate_of_the_item_itself() -> None:
    """The whole context is the value of {{.}}."""
    assert Template("{{.}}").evaluate({"a": 1}, Kind.RAW) == {"a": 1}


def test_evaluate_escapes_text_and_is_strict() -> None:
    """Text goes through the escape of its kind, and unknown names and objects are errors here too."""
    assert Template("{{a}}").evaluate({"a": "<b>"}, Kind.MRKDWN) == "&lt;b&gt;"
    assert Template("{{a}}").evaluate({"a": " C1 "}, Kind.ID) == "C1"
    for context in ({}, {"a": print}, {"a": object()}):
        with pytest.raises(TemplateError):
            Template("{{a}}").evaluate(context, Kind.RAW)


def test_faults_reports_everything_once() -> None:
    """Every error of a render is found in one pass, one for each tag however often it is met."""
    template = Template(
        "{{titel}} {{#people}}{{nam}}{{/people}}{{>none}}\n{{#x.y}}a{{/x.y}} {{people}} {{f}} {{#f}}{{/f}} {{{titel}}}"
    )
    context = {"people": [{"name": "Ana"}, {"name": "Bo"}], "title": "x", "f": print}
    faults = template.faults(context, Kind.MRKDWN)
    assert [(type(fault), fault.line, fault.column) for fault in faults] == [
        (MissingVariable, 1, 1),
        (MissingVariable, 1, 22),
        (TemplateError, 1, 40),
        (MissingVariable, 2, 1),
        (TemplateError, 2, 19),
        (TemplateError, 2, 30),
        (TemplateError, 2, 36),
        (MissingVariable, 2, 49),
    ]
    assert Template("{{title}}").faults(context, Kind.MRKDWN) == ()
    things = Template("{{#things}}x{{/things}}{{^things}}y{{/things}}").faults({"things": [1, _Thing()]}, Kind.MRKDWN)
    assert [fault.reason.partition(":")[0] for fault in things] == ["'things.1' is a _Thing"] * 2


@pytest.mark.parametrize(("source", "literal"), [("", True), ("a } b {", True), ("{{a}}", False), ("{{! a }}", False)])
def test_is_literal(source: str, literal: bool) -> None:
    """A template without any tag is literal."""
    assert Template(source).is_literal is literal


def test_compiled_is_cached() -> None:
    """The same source is parsed once."""
    assert compiled("{{a}} cached") is compiled("{{a}} cached")


def test_templates_compare_hash_and_pickle() -> None:
    """Templates are values: equal by source and partials, hashable, and they survive a pickle."""
    template = Template("{{>a}}", partials={"a": "{{x}}"})
    again = pickle.loads(pickle.dumps(template))
    assert again == template
    assert hash(again) == hash(template)
    assert again.render({"x": 1}) == "1"
    assert template != Template("{{>a}}")
    assert template != "{{>a}}"


def test_repr_shows_names_and_no_text() -> None:
    """What is shown of a template is its length and its variables, never its text."""
    assert repr(Template("Hello {{name}}")) == "<Template of 14 characters: name>"
    assert repr(Template("Hello")) == "<Template of 5 characters: no variables>"


# --- escapes in templates


@pytest.mark.parametrize(
    ("source", "kind", "printed"),
    [
        ("<{{url}}|{{label}}> {{label}}", Kind.MRKDWN, "<https://x/?a=1&amp;b=2|a|b&gt;> a|b&gt;"),
        ("<{{#on}}{{{bang}}}{{/on}}{{word}}>", Kind.MRKDWN, "<!%68%65%72%65>"),
        ("<{{none}}{{bang}}{{word}}>", Kind.MRKDWN, "<%21here>"),
        ("{{{less}}}{{bang}}here>", Kind.MRKDWN, "<%21here>"),
        ("<https://x|{{{more}}}{{bang}}", Kind.MRKDWN, "<https://x|>!"),
        ("<{{>p}}>", Kind.MRKDWN, "<%21here>"),
        ("<{{bang}}", Kind.PLAIN, "<!"),
        ("{{url}}", Kind.URL, "https://x/?a=1&b=2"),
        ("https://y/?u={{url}}", Kind.URL, "https://y/?u=https%3A%2F%2Fx%2F%3Fa%3D1%26b%3D2"),
        ("[{{label}}]({{url}}) `{{tick}}` {{tick}}", Kind.MARKDOWN, "[a|b&gt;](https://x/?a=1&b=2) `\u02cb` \\`"),
        ("inc-{{word}}", Kind.NAME, "inc-here"),
    ],
)
def test_escapes_know_the_place(source: str, kind: Kind, printed: str) -> None:
    """A value is escaped for the place it has in the whole text, through sections, partials and raw tags."""
    context = {
        "url": "https://x/?a=1&b=2",
        "label": "a|b>",
        "bang": "!",
        "word": "here",
        "none": "",
        "less": "<",
        "more": ">",
        "tick": "`",
        "on": True,
    }
    assert Template(source, partials={"p": "{{bang}}{{word}}"}).render(context, escape=kind) == printed


def test_own_escape() -> None:
    """A function escapes every value but raw ones, and literals never."""
    assert Template("<{{a}}{{{a}}}{{n}}>").render({"a": "x", "n": 1}, escape=str.upper) == "<Xx1>"


# --- no value can speak for the author

# The rule that Slack's page gives to readers, written down here once more and apart from the library's own:
# https://docs.slack.dev/messaging/formatting-message-text/ (what matches <(.*?)>, then its first characters).
TOKEN = re.compile(r"<(.*?)>", re.DOTALL)


def live_tokens(text: str) -> list[tuple[str, str]]:
    """Return what a text addresses or labels: mentions, channels, special tokens and labelled links."""
    found = []
    for content in TOKEN.findall(text):
        for start in range(len(content)):  # any "<" in between may be taken for the start
            if start and content[start - 1] != "<":
                continue
            target, bar, _ = content[start:].partition("|")
            if target[:1] in {"@", "#", "!"}:
                found.append((target[0], target[1:]))
            elif bar:
                found.append(("link", target))
    return found


NASTY = [
    "<!channel>",
    "!here",
    "@U0123ABCD",
    "#C0123ABCD",
    "|",
    ">",
    "<",
    "U0123ABCD",
    "&lt;!here&gt;",
    "subteam^S1",
    "https://evil.example|click",
    "\n",
    " ",
    "^",
    "\u200b",
]
VALUES = st.one_of(
    st.text(), st.lists(st.sampled_from([*NASTY, "a", "https://good.example/?a=1&b=2"]), max_size=6).map("".join)
)

SHAPES = [
    ("{{x}}", []),
    ("*{{x}}*", []),
    ("> {{x}}{{y}}", []),
    ("{{x}}|{{y}}>", []),
    ("{{#on}}{{x}}{{/on}}{{^off}}{{y}}{{/off}}", []),
    ("{{>p}}>", []),
    ("<{{x}}>", []),
    ("<{{x}}{{y}}>", []),
    ("<{{#on}}{{x}}{{/on}}{{y}}>", []),
    ("<{{>p}}>", []),
    ("5 < {{x}} and {{y}} > 3", []),
    ("5 <6 {{x}}> 3", []),
    ("<{{x}}|label>", ["link"]),
    ("<{{x}}|{{y}}>", ["link"]),
    ("<https://a/{{x}}|{{x}}> {{y}}", ["link"]),
    ("<https://a/{{>p}}|{{>p}}>", ["link"]),
    ("<{{{less}}}{{x}}|{{y}}>", ["link", "link"]),
    ("<@{{x}}>", ["@"]),
    ("<@{{x}}{{y}}>", ["@"]),
    ("<#{{x}}|{{y}}>", ["#"]),
    ("<!subteam^{{x}}>", ["!"]),
    ("<!{{x}}>", ["!"]),
    ("<!date^{{x}}^{date}|{{y}}>", ["!"]),
]


@pytest.mark.parametrize(("source", "allowed"), SHAPES, ids=[source for source, _ in SHAPES])
@given(x=VALUES, y=VALUES)
@example(x="!channel", y="")
@example(x="", y="!channel")
@example(x="https://evil.example|click", y="> <!here>")
@example(x="U1|x> <!here> <@U2", y="|")
def test_no_value_makes_a_token(source: str, allowed: list[str], x: str, y: str) -> None:
    """Whatever the values are, a text addresses and labels only what its template does."""
    context = {"x": x, "y": y, "on": True, "off": False, "less": "<"}
    text = Template(source, partials={"p": "{{x}}{{y}}"}).render(context)
    tokens = live_tokens(text)
    assert [kind for kind, _ in tokens] == allowed
    for kind, target in tokens:
        if kind in {"@", "#"} and re.fullmatch("[A-Z0-9]+", target):
            assert target in {x.strip(), x.strip() + y.strip()}
        if kind == "!":
            assert target not in {"channel", "here", "everyone", "group"}
            assert target.count("^") == source.count("^")


LINK = re.compile(r"\][(\[:]")
ESCAPED = re.compile(r"\\[!-/:-@\[-`{-~]")
MARKDOWN_SHAPES = [
    "{{x}}",
    "**{{x}}** {{y}}",
    "`{{x}}` {{y}}",
    "```\n{{x}}\n```\n{{y}}",
    "> ```\n> {{x}}\n> ```\n{{y}}",
    "[{{x}}{{y}}",
    "[label]{{x}}",
    "[{{x}}]{{y}}",
    "\\{{x}}{{y}}",
]
MARKDOWN_VALUES = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "(",
            ")",
            "!",
            "`",
            "```",
            "\\",
            ":",
            "http://evil.example",
            "a",
            " ",
            "\n",
            "\n\n",
            "<!here>",
            "&lt;",
        ]
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize("source", MARKDOWN_SHAPES)
@given(x=MARKDOWN_VALUES, y=MARKDOWN_VALUES)
@example(x="](http://evil.example)", y="(http://evil.example)")
@example(x="a`\n\n[b](http://evil.example)", y="")
@example(x="]:", y="][")
def test_no_value_makes_a_link_in_markdown(source: str, x: str, y: str) -> None:
    """Whatever the values are, no "]" stands unescaped before what makes a link of it, and no token is live."""
    text = Template(source).render({"x": x, "y": y}, escape=Kind.MARKDOWN)
    assert live_tokens(text) == []
    assert not LINK.search(ESCAPED.sub("-", text.replace("\u2060", "-")))
