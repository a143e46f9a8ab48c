"""Runbook YAML: what it means, what is refused and with which words, and that what is written reads back."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import string
import time
from typing import Any

import pytest
from hypothesis import assume, example, given, strategies as st

from slackrunbooks import _yaml
from slackrunbooks._yaml import decode, dump, read
from slackrunbooks.errors import RunbookError

MEANINGS: list[tuple[str, Any]] = [
    # The core schema of YAML 1.2: https://yaml.org/spec/1.2.2/#103-core-schema
    ("a: null", None),
    ("a: NULL", None),
    ("a: ~", None),
    ("a:", None),
    ("a: true", True),
    ("a: False", False),
    ("a: TRUE", True),
    ("a: tRUE", "tRUE"),
    ("a: 0", 0),
    ("a: -12", -12),
    ("a: 0x1F", 31),
    ("a: 0o17", 15),
    ("a: 1.5", 1.5),
    ("a: -.5", -0.5),
    ("a: 5.", 5.0),
    ("a: 1e3", 1000.0),
    ("a: 1.5E-3", 0.0015),
    ("a: .inf", math.inf),
    ("a: -.Inf", -math.inf),
    # Text, whatever YAML 1.1 says.
    ("a: yes", "yes"),
    ("a: No", "No"),
    ("a: on", "on"),
    ("a: OFF", "OFF"),
    ("a: y", "y"),
    ("a: 2024-05-01", "2024-05-01"),
    ("a: 2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
    ("a: 12:30", "12:30"),
    ("a: 1_000", "1_000"),
    ("a: 0b101", "0b101"),
    # Text for the good of identifiers, though the core schema has numbers.
    ("a: 007", "007"),
    ("a: 010", "010"),
    ("a: 01.5", "01.5"),
    ("a: +1", "+1"),
    # Text by its quotes.
    ('a: "1"', "1"),
    ("a: 'null'", "null"),
    ("a: ''", ""),
    ("a: 'it''s'", "it's"),
    (r'a: "\t\x41\u00e9\/\ud83d\udd25"', "\tAé/🔥"),
    ('a: "one\n  two\n\n  three"', "one two\nthree"),
    ("a: 'one\n  two'", "one two"),
    # Plain text.
    ("a: :fire:", ":fire:"),
    ("a: :rotating_light: Fire", ":rotating_light: Fire"),
    ("a: Fixed :tada:", "Fixed :tada:"),
    ("a: Fixed\n  at last :tada:\n  and :wave::skin-tone-2:", "Fixed at last :tada: and :wave::skin-tone-2:"),
    ("a: https://example.com/#top?x={{b}}", "https://example.com/#top?x={{b}}"),
    ("a: Hello {{name}}, {{#b}}yes{{/b}}", "Hello {{name}}, {{#b}}yes{{/b}}"),
    ("a: <!here> *bold* & more", "<!here> *bold* & more"),
    ("a: C#sharp", "C#sharp"),
    ("a: -dash", "-dash"),
    ("a: ?really", "?really"),
    ("a: one\ttwo", "one\ttwo"),
    ("a: one\n  two\n\n\n  three\nb: x", "one two\n\nthree"),
    ("a:\n  https://example.com", "https://example.com"),
    ("a:\n  - one\n  - env:prod", ["one", "env:prod"]),
    ("a: ----", "----"),
    # Blocks of text.
    ("a: |\n  one\n    two\n\n", "one\n  two\n"),
    ("a: |-\n  one", "one"),
    ("a: |+\n  one\n\nb: x", "one\n\n"),
    ("a: >2-\n   one\n  two", " one\ntwo"),
    ("a: | # a note\n  # no comment\n  {{b}} #ops\n", "# no comment\n{{b}} #ops\n"),
    # Lists and mappings.
    ("a: []", []),
    ("a: {}", {}),
    ("a:\n- one\n- two", ["one", "two"]),
    ("a:\n- - one\n  - two\n- three", [["one", "two"], "three"]),
    ("a: [one, [two], {b: c}, d: e]", ["one", ["two"], {"b": "c"}, {"d": "e"}]),
    ('a: {"b":1,"c":[2],\'d\':true}', {"b": 1, "c": [2], "d": True}),
    ("a: [really?, what?no, x:y, :tada]", ["really?", "what?no", "x:y", ":tada"]),
    ("a: [one\n two,\n\tthree]", ["one two", "three"]),
    ("a: [\n  # a note\n  one, # another\n  two\n]", ["one", "two"]),
    ("a: {? b : c}", {"b": "c"}),
    ("a: {b: , c}", {"b": None, "c": None}),
    ("a:\n  ? b\n  : c", {"b": "c"}),
    ("a:\n  ' b': c\n  \"1\": d", {" b": "c", "1": "d"}),
    # Comments.
    ("# top\na: one # note\n#name\n", "one"),
    ("a: one #\n", "one"),
    ('a: "one" #note', "one"),
    ("a: [one] #note", ["one"]),
    ("a: one\t# note", "one"),
    ("a:\t'one'\t\n\t\n\t# note", "one"),
    ("a:\n  #one\n  - two", ["two"]),
    ("a:\n#one\n- two", ["two"]),
    ("a:\n  #one\n  b: c", {"b": "c"}),
    ("a: # a note\n  b: c", {"b": "c"}),
    # Anchors, aliases, merge keys.
    ("x: &x one\na: *x", "one"),
    ("x: &x [one]\na: [*x, *x ]", [["one"], ["one"]]),
    ("x: &x {b: 1, c: 2}\na:\n  <<: *x\n  c: 3\n  d: 4", {"b": 1, "c": 3, "d": 4}),
    ("x: &x {b: 1}\ny: &y {b: 2, c: 2}\na: {<<: [*x, *y]}", {"b": 1, "c": 2}),
    ("x: &x {b: 1}\na: {'<<': *x}", {"<<": {"b": 1}}),
    ("x: &x b\na: {*x : c}", {"b": "c"}),
    # One document.
    ("%YAML 1.2\n---\na: one\n...\n", "one"),
    ("\ufeffa: one", "one"),
    ("a: one\r\n", "one"),
    ("a: |\r  one\r  two", "one\ntwo"),
]


@pytest.mark.parametrize(("text", "expected"), MEANINGS, ids=[text for text, _ in MEANINGS])
def test_meaning(text: str, expected: Any) -> None:
    """Each value means what the core schema of YAML 1.2 says, with the documented exceptions for identifiers."""
    value = read(text).data["a"]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("", None), ("# only\n", None), ("--- one", "one"), ("- 1", [1]), ("---", None)]
)
def test_document_of_any_shape(text: str, expected: object) -> None:
    """A document may be empty, a scalar or a list; the caller judges."""
    assert read(text).data == expected


def test_not_a_number() -> None:
    """Not a number is read and written."""
    assert math.isnan(read(f"a: {dump(math.nan)}").data["a"])


def test_order_is_kept() -> None:
    """Keys come in the order in which they are written."""
    assert list(read("b: 1\na: 2\nc: 3").data) == ["b", "a", "c"]


A_COMMENT = ' as a comment (write a comment with a space after its "#"), so the '
CURLY = 'an unquoted "{{" opens a mapping of YAML, not a template. Write: '
MISSING = A_COMMENT + "value is missing. Write: "
CUT = A_COMMENT + "text ends before it. Write: "
TS = "a ts of Slack is text; read as a number it loses digits. Write: "
SPACE = "a key needs a space after its colon; without it the line is text. Write: "
COLON = 'a second ": " on one line looks like a key in a value. If it is text, write: '
QUOTED = "the value ends at its closing quote, and more stands after it. Write: "
BLOCK = '" at the start of a value announces text on the lines below, and nothing may follow it here. Write: '
BLOCK_BELOW = "| and the whole text on the lines below it, without quotes"
NO_KEY = (
    'this line is neither "key: value" nor a list item. If it continues the text above, indent it deeper than '
    "the key of that text."
)
ONGOING = (
    "this line continues line 1, where a value has ended. Put all of it between one pair of quotes, or write "
    '"|" after the key and the text below it.'
)
ESCAPE = (
    'a "\\" between double quotes starts an escape, and this is none. Write "\\\\" for the character, or put the text '
    "between single quotes."
)
TWO_DOCUMENTS = "a second document starts here; a runbook file holds one. Put it into a file of its own."
INDENTED = ". Indent the lines of one block alike, by spaces."

REFUSED: list[tuple[str, int, int, str, str]] = [
    # Templates without quotes.
    ("text: {{Activity.title}}", 1, 7, "text", CURLY + 'text: "{{Activity.title}}"'),
    ("text: {{a}} and {{b}}", 1, 7, "text", CURLY + 'text: "{{a}} and {{b}}"'),
    ("- {{x}}", 1, 3, "", CURLY + '- "{{x}}"'),
    ("a:\n  - {{x}}", 2, 5, "a", CURLY + '- "{{x}}"'),
    ("channel: {{a}}-{{b}}", 1, 10, "channel", CURLY + 'channel: "{{a}}-{{b}}"'),
    ("[{{a}}, {{b}}]", 1, 2, "", CURLY + '["{{a}}", "{{b}}"]'),
    ("users: [{{a}}, {{{b}}}, 'c', d]", 1, 9, "users", CURLY + 'users: ["{{a}}", "{{{b}}}", \'c\', d]'),
    ("users: [Hi {{a}}, b]", 1, 12, "users", CURLY + 'users: ["Hi {{a}}", b]'),
    ("x: {text: {{a}}, c: 1} # note", 1, 11, "x.text", CURLY + 'x: {text: "{{a}}", c: 1}'),
    ('text: {{a}} "b" # note', 1, 7, "text", CURLY + "text: '{{a}} \"b\"'"),
    ("text: {{a}}: {{b}}", 1, 7, "text", CURLY + 'text: "{{a}}: {{b}}"'),
    ("text: {{#a}}b{{/a}}", 1, 7, "text", CURLY + 'text: "{{#a}}b{{/a}}"'),
    ("{{a}}: b", 1, 1, "", CURLY + '"{{a}}": b'),
    ("text: {{a}}\n  and more\nb: c", 1, 7, "text", CURLY + f"text: {BLOCK_BELOW}"),
    ("- a: {{x}}\n  b: c", 1, 6, "[0].a", CURLY + '- a: "{{x}}"'),
    (
        "steps:\n  - announce:\n      send_message:\n        text: {{x}}",
        4,
        15,
        "steps[0].announce.send_message.text",
        CURLY + 'text: "{{x}}"',
    ),
    # A channel taken for a comment.
    ("channel: #incidents", 1, 10, "channel", 'YAML reads "#incidents"' + MISSING + 'channel: "#incidents"'),
    ("channel: #{{a}}", 1, 10, "channel", 'YAML reads "#{{a}}"' + MISSING + 'channel: "#{{a}}"'),
    ("users: [#a]", 1, 9, "users", 'YAML reads "#a"' + MISSING + 'users: ["#a"]'),
    ("users: [a, #b]", 1, 12, "users", 'YAML reads "#b"' + MISSING + 'users: [a, "#b"]'),
    ("users: [a #b]", 1, 11, "users", 'YAML reads "#b"' + CUT + 'users: ["a #b"]'),
    ("- #ops", 1, 3, "", 'YAML reads "#ops"' + MISSING + '- "#ops"'),
    ("steps: #all of them\n  - a", 1, 8, "steps", 'YAML reads "#all"' + MISSING + 'steps: "#all of them"'),
    (
        "text: Posting in #incidents now",
        1,
        18,
        "text",
        'YAML reads "#incidents"' + CUT + 'text: "Posting in #incidents now"',
    ),
    ("text: a (b) #c # note", 1, 13, "text", 'YAML reads "#c"' + CUT + 'text: "a (b) #c"'),
    ("text: a\n  b #c", 2, 5, "text", 'YAML reads "#c"' + CUT + f'"|" after the key, {BLOCK_BELOW[2:]}'),
    ("channel:\n  #ops\ntext: a", 2, 3, "channel", 'YAML reads "#ops"' + MISSING + 'channel: "#ops"'),
    ("channel:\n  #ops", 2, 3, "channel", 'YAML reads "#ops"' + MISSING + 'channel: "#ops"'),
    ("-\n  #ops\n- b", 2, 3, "", 'YAML reads "#ops"' + MISSING + '- "#ops"'),
    (
        "users: [\n  #ann,\n  bob]",
        2,
        3,
        "users",
        'YAML reads "#ann"' + A_COMMENT[:-4] + 'it is not in the list. Write: "#ann"',
    ),
    ('a: "b"#c', 1, 7, "a", 'a comment needs a space before its "#".'),
    # A ts taken for a number.
    ("ts: 1700000000.123456", 1, 5, "ts", TS + 'ts: "1700000000.123456"'),
    ("a:\n  thread_ts: 17", 2, 14, "a.thread_ts", TS + 'thread_ts: "17"'),
    ("latest: 1700000000.123456", 1, 9, "latest", TS + 'latest: "1700000000.123456"'),
    ("- 1700000000.123456", 1, 3, "[0]", TS + '- "1700000000.123456"'),
    ("1700000000.123456", 1, 1, "", TS + '"1700000000.123456"'),
    # Keys.
    ("a: 1\nb: 2\na: 3", 3, 1, "a", 'the key "a" stands twice in one mapping, on lines 1 and 3. Remove or rename one.'),
    ("x: {a: 1, 'a': 2}", 1, 11, "x.a", 'the key "a" stands twice in one mapping, on line 1. Remove or rename one.'),
    ("1: x", 1, 1, "", 'a key must be text, and this one is a number. Write: "1":'),
    ("a:\n  1.5: x", 2, 3, "a", 'a key must be text, and this one is a number. Write: "1.5":'),
    ("true: x", 1, 1, "", 'a key must be text, and this one is a boolean. Write: "true":'),
    ("~: x", 1, 1, "", 'a key must be text, and this one is null. Write: "~":'),
    ("?\n: x", 1, 2, "", 'a key must be text, and this one is nothing. Write: "":'),
    ("{: x}", 1, 2, "", 'a key is missing before this ":".'),
    ("[a]: b", 1, 1, "", "a key must be text, not a list or a mapping."),
    ("? {a: b}\n: - c: {{x}}", 2, 8, '["?"][0].c', CURLY + ': - c: "{{x}}"'),
    (": x", 1, 1, "", 'a key is missing before this ":".'),
    (
        "- :fire: x",
        1,
        3,
        "[0]",
        (
            'YAML reads ":fire" as a key, for a colon and a blank follow. If it is an emoji, put the '
            "whole text between quotes."
        ),
    ),
    (
        "[:fire:]",
        1,
        2,
        "[0]",
        (
            'YAML reads ":fire" as a key, for a colon and a blank follow. If it is an emoji, put the '
            "whole text between quotes."
        ),
    ),
    # Characters that cannot start a value.
    ("text: @ann hello", 1, 7, "text", 'a value that starts with "@" needs quotes. Write: text: "@ann hello"'),
    ("users: [@ann, b]", 1, 9, "users", 'a value that starts with "@" needs quotes. Write: users: ["@ann", b]'),
    ("text: `code`", 1, 7, "text", 'a value that starts with "`" needs quotes. Write: text: "`code`"'),
    ("text: %s", 1, 7, "text", 'a value that starts with "%" needs quotes. Write: text: "%s"'),
    ("%s: 1", 1, 1, "", 'a value that starts with "%" needs quotes. Write: "%s": 1'),
    ("%TAG ! x\n---\na: 1", 1, 1, "", 'a value that starts with "%" needs quotes. Write: "%TAG ! x"'),
    ("text: , a", 1, 7, "text", 'a value that starts with "," needs quotes. Write: text: ", a"'),
    ("a: [?]", 1, 5, "a", 'a value that starts with "?" needs quotes. Write: a: ["?"]'),
    ("a: [|]", 1, 5, "a", 'a value that starts with "|" needs quotes. Write: a: ["|"]'),
    ("a: ]", 1, 4, "a", 'this "]" closes no "[". If it is text, write: a: "]"'),
    ("a: }", 1, 4, "a", 'this "}" closes no "{". If it is text, write: a: "}"'),
    (
        "text: *bold*",
        1,
        7,
        "text",
        ('a "*" at the start of a value repeats an anchor in YAML. If it is text, write: text: "*bold*"'),
    ),
    (
        "text: *two words*",
        1,
        7,
        "text",
        ('a "*" at the start of a value repeats an anchor in YAML. If it is text, write: text: "*two words*"'),
    ),
    (
        "x: &x 1\ntext: *x y",
        2,
        7,
        "text",
        ('a "*" at the start of a value repeats an anchor in YAML. If it is text, write: text: "*x y"'),
    ),
    (
        "text: *base",
        1,
        7,
        "text",
        (
            'a "*" at the start of a value repeats an anchor in YAML, and no "&base" stands above. '
            'If it is text, write: text: "*base"'
        ),
    ),
    ("[*a*]", 1, 2, "", 'a "*" at the start of a value repeats an anchor in YAML. If it is text, write: ["*a*"]'),
    (
        "text: & more",
        1,
        7,
        "text",
        ('a "&" at the start of a value sets an anchor in YAML. If it is text, write: text: "& more"'),
    ),
    (
        "text: &copy; 2024",
        1,
        7,
        "text",
        ('a "&" at the start of a value sets an anchor in YAML. If it is text, write: text: "&copy; 2024"'),
    ),
    (
        "text: &amp hello",
        1,
        7,
        "text",
        (
            '"&amp" sets an anchor in YAML, which nothing uses, and is not in the value. If it '
            'is text, write: "&amp hello"'
        ),
    ),
    (
        "text: &x\nb: 1",
        1,
        7,
        "text",
        ('"&x" sets an anchor in YAML, which nothing uses, and is not in the value. If it is text, write: "&x"'),
    ),
    ("a: &x 1\nb: &x 2", 2, 4, "b", 'the anchor "&x" is set on line 1 already. Give this one another name.'),
    (
        "text: !important",
        1,
        7,
        "text",
        (
            '"!important" at the start of a value is a tag of YAML, and a runbook holds plain '
            'data only: remove it. If it is text, write: text: "!important"'
        ),
    ),
    (
        "a: !!python/object:x.Y {}",
        1,
        4,
        "a",
        (
            '"!!python/object:x.Y" at the start of a value is a tag of YAML, and a '
            'runbook holds plain data only: remove it. If it is text, write: a: "!!python/object:x.Y {}"'
        ),
    ),
    ("text: >Hello", 1, 7, "text", 'a ">' + BLOCK + 'text: ">Hello"'),
    ("text: > quoted", 1, 7, "text", 'a ">' + BLOCK + 'text: "> quoted"'),
    ("text: |one\n  two", 1, 7, "text", 'a "|' + BLOCK + f"text: {BLOCK_BELOW}"),
    ("text: > #ops", 1, 7, "text", 'a ">' + BLOCK + 'text: "> #ops"'),
    ("text: |\t\n  two", 1, 8, "text", 'a tab follows this "|". Remove it.'),
    # Colons.
    ("text: Note: this", 1, 11, "text", COLON + 'text: "Note: this"'),
    ("- text: a: b # note", 1, 10, "[0].text", COLON + '- text: "a: b"'),
    ('"a": "b": c', 1, 9, "a", COLON + '"a": \'"b": c\''),
    ("text:hello", 1, 1, "", SPACE + "text: hello"),
    ("a:\u00a0b", 1, 1, "", SPACE + "a: b"),
    ("send_message:\n  channel:ops\n  text:hello", 2, 3, "send_message", SPACE + "channel: ops"),
    ("send_message:\n  channel:ops\n  text: hello", 2, 3, "send_message", SPACE + "channel: ops"),
    ("a: 1\nb:2\nc: 3", 2, 1, "", SPACE + "b: 2"),
    # Quotes.
    ('key: "a" "b"', 1, 10, "key", QUOTED + 'key: \'"a" "b"\''),
    ('key: "a" and b # note', 1, 10, "key", QUOTED + "key: '\"a\" and b'"),
    ("text: 'it's down'", 1, 11, "text", QUOTED + 'text: "it\'s down"'),
    ('text: "say "hi" now"', 1, 13, "text", QUOTED + "text: 'say \"hi\" now'"),
    ('a: "x" - b', 1, 8, "a", QUOTED + "a: '\"x\" - b'"),
    ('a: "x"\n  y', 2, 3, "", ONGOING),
    ("a: [x]\n  y", 2, 3, "", ONGOING),
    ("x: [a] b", 1, 8, "x", 'the value ends at "]", and more stands after it. If all of it is text, write: x: "[a] b"'),
    ("[a]]", 1, 4, "", 'the value ends at "]", and more stands after it. If all of it is text, write: "[a]]"'),
    ('text: "open\nb: 1', 1, 7, "text", "the quote that opens here is never closed."),
    ("a:\n  text: 'open\n---\n", 2, 9, "a.text", "the quote that opens here is never closed."),
    (
        'a: "x\nb: "y"',
        1,
        4,
        "a",
        (
            "the quote that opens here ends on line 2, and more stands after it. Is a closing quote "
            "missing on this line?"
        ),
    ),
    ('a: 1\n"b\nc": 2', 2, 1, "", "the quote that opens here is not closed on this line."),
    (r'a: "\d"', 1, 5, "a", ESCAPE),
    (r'a: "b \x4"', 1, 7, "a", ESCAPE),
    (
        r'a: "b \ud83d"',
        1,
        4,
        "a",
        ('these quotes hold half a character (\\ud800 to \\udfff). Write the whole, such as "\\U0001f525".'),
    ),
    # Brackets.
    ("[a, , b]", 1, 5, "", "a value is missing before this comma."),
    ("{a: 1, , b: 2}", 1, 8, "", "a value is missing before this comma."),
    ("a: [b, :]", 1, 8, "a", 'a key is missing before this ":".'),
    ("a: [b, }]", 1, 8, "a", "a value is missing here."),
    ("[a}", 1, 3, "[0]", 'the "[" is closed by a "]", not by "}".'),
    ("a: {b: 1]", 1, 9, "a.b", 'the "{" is closed by a "}", not by "]".'),
    ("users: [a, b\ntext: x", 1, 8, "users", 'the "[" that opens here is not closed by a "]".'),
    ("{a: 1", 1, 1, "", 'the "{" that opens here is not closed by a "}".'),
    ('["a" "b"]', 1, 6, "[0]", 'a comma or a "]" is missing before this.'),
    (
        "x: {a: b c: d}",
        1,
        11,
        "x.a",
        ('a second ": " in one item. If the item is text, put it between quotes; else a comma or a "}" is missing.'),
    ),
    ("[- a]", 1, 2, "", 'a "- " item cannot stand between brackets. Separate the items by commas, without "- ".'),
    # Lines and indentation.
    (
        "a: - b",
        1,
        4,
        "a",
        (
            'a list cannot begin on the line of its key: put each "- " on a line of its own. If it is text, '
            'write: a: "- b"'
        ),
    ),
    ("a: ? b", 1, 4, "a", 'a value that starts with "? " needs quotes. Write: a: "? b"'),
    ("a: 1\nb\nc: 2", 2, 1, "", NO_KEY),
    ("a: |\nb", 2, 1, "", NO_KEY),
    (
        "a: hello\n  b: 1",
        2,
        3,
        "a",
        (
            "this key is indented deeper than line 1, which has a value already. Indent both "
            "alike, or, if all of it is text, put it between quotes."
        ),
    ),
    (
        "a:\n    b: 1\n  c: 2",
        3,
        3,
        "a",
        "this line is indented by 2, and the lines it could belong to by 0 or 4" + INDENTED,
    ),
    (
        "a:\n    - b\n  - c",
        3,
        3,
        "a",
        "this line is indented by 2, and the lines it could belong to by 0 or 4" + INDENTED,
    ),
    ("  a: 1\nb: 2", 2, 1, "", "this line is indented by 0, and the lines it could belong to by 2" + INDENTED),
    (
        "a: 1\n- b",
        2,
        1,
        "",
        "a list item stands among the keys of a mapping. Indent it like its list, or make it a key.",
    ),
    (
        "- a\nb: 1",
        2,
        1,
        "",
        ('a key stands among list items. Start the line with "- ", or indent it deeper than the "-" of line 1.'),
    ),
    (
        "a:\n  - x\n   - y",
        3,
        4,
        "a",
        (
            'this "- " continues the text of line 2, for it is indented deeper. Indent a list item '
            'like the others; for text of several lines write "|" after the key, and the text below it.'
        ),
    ),
    (
        "a:\n\tb: 1",
        2,
        1,
        "a",
        "a tab indents this line, and YAML indents by spaces only. Replace each tab by two spaces.",
    ),
    (
        "a:\n  b: 1\n \tc: 2",
        3,
        2,
        "a",
        ("a tab indents this line, and YAML indents by spaces only. Replace each tab by two spaces."),
    ),
    (
        "a: \u00a0b",
        1,
        4,
        "a",
        ("an unusual space, U+00A0, stands here; YAML knows the ordinary one only. Replace it by an ordinary space."),
    ),
    # Documents, characters, numbers.
    ("a: 1\n---\nb: 2", 2, 1, "", TWO_DOCUMENTS),
    ("a: 1\n...\nb: 2", 3, 1, "", TWO_DOCUMENTS),
    (
        "a: b\x00",
        1,
        5,
        "",
        ('an invisible character, U+0000, stands here. Remove it, or write it between double quotes as "\\x00"'),
    ),
    (
        "a: |\n  b\u2028",
        2,
        4,
        "",
        ('an invisible character, U+2028, stands here. Remove it, or write it between double quotes as "\\u2028"'),
    ),
    ("a: \udce9", 1, 4, "", "a byte here is not UTF-8. Save the file as UTF-8."),
    ("a: 1e999", 1, 4, "a", 'this number is too large. If it is text, write: "1e999"'),
    ("a: [b, 1e999]", 1, 8, "a[1]", 'this number is too large. If it is text, write: "1e999"'),
    # Aliases.
    ("a: &x [1, *x]", 1, 11, "a[1]", '"*x" stands inside its own anchor.'),
    (
        "a:\n  <<: 5",
        2,
        7,
        'a["<<"]',
        (
            'the key "<<" brings in the keys of other mappings, and this is none. Write '
            '"<<: *name", with "&name" at a mapping above.'
        ),
    ),
    (
        "x: &x {b: 1}\na: {<<: [*x, c]}",
        2,
        14,
        'a["<<"]',
        (
            'the key "<<" brings in the keys of other mappings, and this is '
            'none. Write "<<: *name", with "&name" at a mapping above.'
        ),
    ),
    ("[" * 70, 1, 66, "", "lists and mappings nest more than 64 deep here."),
    ("- " * 70 + "a", 1, 129, "[0]" * 64, "lists and mappings nest more than 64 deep here."),
]


@pytest.mark.parametrize(
    ("text", "line", "column", "place", "reason"), REFUSED, ids=[text[:40] for text, *_ in REFUSED]
)
def test_refusal(text: str, line: int, column: int, place: str, reason: str) -> None:
    """Each trap and each fault is one error, with its place in the file and in the data, and the line to write."""
    with pytest.raises(RunbookError) as caught:
        read(text, file="incident.yaml")
    error = caught.value
    assert (error.reason, error.place, error.line, error.column) == (reason, place, line, column)
    assert str(error).startswith(f"incident.yaml, line {line}, column {column}: ")
    assert error.__cause__ is None
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def _error_of(text: str) -> RunbookError | None:
    try:
        read(text)
    except RunbookError as error:
        return error
    return None


REPAIRED = [
    row for row in REFUSED if any(word in row[4] for word in ("Write: ", "write: ")) and row[0].count("\n") == 0
]


@pytest.mark.parametrize("row", REPAIRED, ids=[row[0][:40] for row in REPAIRED])
def test_the_line_to_write_is_right(row: tuple[str, int, int, str, str]) -> None:
    """The line that an error shows can be read, and keeps all text of the line it replaces."""
    text, *_, reason = row
    mended = reason.replace("write: ", "Write: ").split("Write: ", 1)[1]
    mended += " x" if mended.endswith('":') else ""
    read(mended)
    letters = [character for character in text.split(" # ")[0] if character in string.ascii_letters + "{}#@*"]
    shown = [character for character in mended if character in string.ascii_letters + "{}#@*"]
    assert "".join(letters).endswith("".join(shown))


def test_a_line_shown_holds_no_token_and_has_an_end() -> None:
    """A message shows neither a token of Slack nor more than a line's worth of text."""
    with pytest.raises(RunbookError) as caught:
        read("token: {{a}} xoxb-" + "12345-abcde " + "word " * 100)
    assert "12345" not in str(caught.value)
    assert "xoxb-…" in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "text",
    [
        "{{a}}" * 20_000,
        "a: " + "{{" * 50_000,
        "a: [" + "{{" * 50_000,
        "a: @" + " " * 100_000 + "b",
        'a: "b" ' + "'" * 100_000,
        "a: *" + ":" * 100_000 + " b",
        "a: b" + " " * 100_000 + "#c",
        "a: b" + " \t" * 50_000 + "\n" * 50_000 + "#c",
        "- " * 50_000,
        "a: " + "[" * 50_000,
        '"' + "\\x" * 50_000,
    ],
    ids=lambda text: text[:8],
)
def test_no_text_keeps_the_reader_busy(text: str) -> None:
    """A hundred thousand characters of any trap are read or refused in far less than the time a test may take."""
    began = time.perf_counter()
    _error_of(text)
    assert time.perf_counter() - began < 5


def test_an_alias_bomb_is_refused() -> None:
    """Aliases of aliases are counted as what they stand for, and stop at a bound, as do merge keys of merge keys."""
    names = string.ascii_lowercase
    lists = "a: &a [x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in itertools.pairwise(names)
    )
    merges = "a: &a {x: 1}\n" + "".join(
        f"{name}: &{name} {{<<: [*{before}, *{before}]}}\n" for before, name in itertools.pairwise(names)
    )
    for text in (lists, merges):
        with pytest.raises(
            RunbookError, match=f"more than {_yaml.MOST_VALUES} values, counting those that its aliases"
        ):
            read(text)


def test_aliases_share_nothing() -> None:
    """What an alias repeats is a copy, so that a change of one leaves the other alone."""
    data = read("x: &x [one]\na: *x").data
    data["a"].append("two")
    assert data["x"] == ["one"]


DOCUMENT = """\
name: declare
steps:
  - announce:
      send_message:
        channel: "#incidents"
        text: |
          {{a}}
        blocks:
  - {wait: [1, two], say: hi}
base: &base {x: 1}
more:
  <<: *base
  y: 2
"""


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ((), (1, 1), (1, 1)),
        (("name",), (1, 7), (1, 1)),
        (("steps",), (3, 3), (2, 1)),
        (("steps", 0), (3, 5), (3, 5)),
        (("steps", 0, "announce", "send_message", "channel"), (5, 18), (5, 9)),
        (("steps", 0, "announce", "send_message", "text"), (6, 15), (6, 9)),
        (("steps", 0, "announce", "send_message", "blocks"), (8, 9), (8, 9)),
        (("steps", 1, "wait", 1), (9, 16), (9, 16)),
        (("more", "x"), (10, 17), (10, 14)),
        (("more", "y"), (13, 6), (13, 3)),
        (("more", "z"), None, None),
    ],
)
def test_position(path: tuple[str | int, ...], value: tuple[int, int] | None, key: tuple[int, int] | None) -> None:
    """Line and column are those of the value; of its key on request or where nothing is written behind it."""
    document = read(DOCUMENT)
    assert document.position(path) == value
    assert document.position(path, key=True) == key


def test_error_of_a_value() -> None:
    """An error made for a value says file, line, column and the way to it."""
    document = read(DOCUMENT, file="declare.yaml")
    error = document.error(["steps", 0, "announce", "send_message", "text"], "too long.")
    assert str(error) == "declare.yaml, line 6, column 15: steps[0].announce.send_message.text: too long."
    assert (error.reason, error.file, error.line, error.column) == ("too long.", "declare.yaml", 6, 15)


def test_error_of_a_key() -> None:
    """An error made for a key stands at the key, and one for what is not there at what should hold it."""
    document = read(DOCUMENT)
    assert str(document.error(["steps", 1, "say"], "unknown.", key=True)) == "line 9, column 22: steps[1].say: unknown."
    absent = document.error(["steps", 0, "announce", "send_message", "ts"], "missing.")
    assert str(absent) == "line 4, column 7: steps[0].announce.send_message.ts: missing."
    assert str(read("").error(["name"], "missing.")) == "line 1, column 1: name: missing."


def test_place_of_unusual_keys() -> None:
    """A key that is not a name is shown between quotes."""
    assert read("a b: {c: 1}").error(["a b", "c"], "wrong.").place == '["a b"].c'


def test_a_document_shows_no_content() -> None:
    """The repr of a document has the file, and nothing of what is in it."""
    assert repr(read("text: hello", file="a.yaml")) == "Document(file='a.yaml')"


@pytest.mark.parametrize(
    "content",
    ["a: é🔥".encode(), b"\xef\xbb\xbf" + "a: é🔥".encode(), "a: é🔥".encode("utf-16")],
    ids=["UTF-8", "UTF-8 with mark", "UTF-16"],
)
def test_decode(content: bytes) -> None:
    """UTF-8, with or without a mark, and marked UTF-16 are decoded."""
    assert read(decode(content)).data == {"a": "é🔥"}


@pytest.mark.parametrize(
    ("content", "line", "column", "reason"),
    [
        ("a: 1\nb: ö€x".encode("latin-1", "replace"), 2, 4, "byte 0xf6 is not UTF-8. Save the file as UTF-8."),
        ("é: 1\nb: é".encode() + b"\x80", 2, 5, "byte 0x80 is not UTF-8. Save the file as UTF-8."),
        ("a: 1".encode("utf-16") + b"\x00", 1, 5, "byte 0x00 is not UTF-16. Save the file as UTF-8."),
    ],
)
def test_decode_refuses(content: bytes, line: int, column: int, reason: str) -> None:
    """Bytes that are not the text they should be are an error with its place."""
    with pytest.raises(RunbookError) as caught:
        decode(content, file="a.yaml")
    error = caught.value
    assert (error.reason, error.file, error.line, error.column) == (reason, "a.yaml", line, column)


WRITTEN: list[tuple[Any, str]] = [
    (None, "null\n"),
    ({}, "{}\n"),
    ([], "[]\n"),
    ("one", "one\n"),
    ({"b": 1, "a": [1.5, True, None, {}, []]}, "b: 1\na:\n  - 1.5\n  - true\n  - null\n  - {}\n  - []\n"),
    ({"a": [{"b": 1, "c": {"d": 2}}, [3, (4,)]]}, "a:\n  - b: 1\n    c:\n      d: 2\n  - - 3\n    - - 4\n"),
    ({"text": "Hello, world (again)"}, "text: Hello, world (again)\n"),
    ({"text": "one\ntwo\n"}, "text: |\n  one\n  two\n"),
    ({"text": ["one\n\n  two"]}, "text:\n  - |-\n    one\n\n      two\n"),
    ({"text": "one\n\n", "b": 1}, "text: |+\n  one\n\nb: 1\n"),
    ({"text": "one \ntwo"}, 'text: "one \\ntwo"\n'),
    ({"text": " one\ntwo"}, 'text: " one\\ntwo"\n'),
    ({"text": "\none"}, 'text: "\\none"\n'),
    ({"text": "one\n  "}, 'text: "one\\n  "\n'),
    ({"text": "one\r\ntwo"}, 'text: "one\\r\\ntwo"\n'),
    ({"text": "one\u2028\x7f\ntwo"}, 'text: "one\\u2028\\u007f\\ntwo"\n'),
    ({"text": "a\U0001ffff"}, 'text: "a\U0001ffff"\n'),
    ({"text": "a\ufffe"}, 'text: "a\\ufffe"\n'),
    ({"text": 'say "hi"'}, 'text: "say \\"hi\\""\n'),
    ({"yes": "No", "<<": "null", "1": "1.5"}, '"yes": "No"\n"<<": "null"\n"1": "1.5"\n'),
    ({"a": math.inf, "b": -math.inf, "c": 1e16}, "a: .inf\nb: -.inf\nc: 1e+16\n"),
    ({"a": 1700000000.123456}, "a: 1700000000.123456e0\n"),
    ({"k" * 1200: {"b": 1}}, "? " + "k" * 1200 + "\n:\n  b: 1\n"),
]


@pytest.mark.parametrize(("data", "text"), WRITTEN, ids=[text[:40] for _, text in WRITTEN])
def test_dump(data: Any, text: str) -> None:
    """Data is written in blocks, keys in their order, text between quotes where it could be misread, and reads back."""
    assert dump(data) == text
    assert read(text).data == json.loads(json.dumps(data))


TRAPS = sorted(
    {
        "",
        " ",
        "~",
        "Null",
        "on",
        "Y",
        "1",
        "-1",
        "0x1",
        "1e3",
        ".5",
        "+1",
        "007",
        "2024-05-01",
        "12:30",
        "=",
        "<<",
        "-",
        "- a",
    }
    | {
        "#a",
        "a #b",
        "a:",
        "a: b",
        ":fire:",
        "{{a}}",
        "[a]",
        "*a*",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a`",
        "'a'",
        '"a"',
    }
    | {"?", "? a", ",a", "]", "}", "a ", " a", "\ta", "a\tb", "---", "...", "--- a", "\u00a0", "\ufeff", "\x85", "a\\b"}
)


@pytest.mark.parametrize("value", TRAPS)
def test_dump_quotes_every_trap(value: str) -> None:
    """Text that any reader of YAML could take for something else stands between double quotes, as value and as key."""
    assert dump([value]).startswith('- "')
    assert dump({value: 1}).startswith('"')
    assert read(dump({value: [value]})).data == {value: [value]}


@pytest.mark.parametrize(
    ("data", "place", "reason"),
    [
        ({"a": [1, {2}]}, "a[1]", "YAML cannot hold set, only plain data."),
        ({"a": {1: 2}}, "a", "a key must be text, not int."),
        ({"a": {"thread_ts": 17.5}}, "a.thread_ts", "a ts of Slack is text, not a number; give it as a string."),
        ({"a": "\ud83d"}, "a", "half of a character (a lone surrogate) cannot be written."),
    ],
)
def test_dump_refuses(data: Any, place: str, reason: str) -> None:
    """What YAML cannot give back is an error that names its place."""
    with pytest.raises(RunbookError) as caught:
        dump(data)
    assert (caught.value.place, caught.value.reason) == (place, reason)


def test_dump_refuses_what_has_no_end() -> None:
    """Data that contains itself is an error, not an endless loop."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(RunbookError, match="more than 64 deep"):
        dump(endless)


def test_dump_goes_as_deep_as_read() -> None:
    """What is just not too deep to write is not too deep to read."""
    data: Any = "a"
    for _ in range(_yaml.DEEPEST - 1):
        data = [data]
    assert read(dump(data)).data == data


TEXT = st.text() | st.text(alphabet="ab \n\t#:-{}[]'\"\\&*!|>%@`?,~01.\r\u2028\x85\ufeffé🔥", max_size=12)


def _names_ts(value: Any) -> bool:
    """Whether data has a number where only a ts may stand, which is refused."""
    if isinstance(value, dict):
        return any(
            ((key == "ts" or key.endswith("_ts")) and isinstance(item, (int, float)) and not isinstance(item, bool))
            or _names_ts(item)
            for key, item in value.items()
        )
    return isinstance(value, list) and any(map(_names_ts, value))


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
).filter(lambda data: not _names_ts(data))


@given(DATA)
@example({"a": ["one\n\n", "two\n", "\n", "\n\n", "a\n\tb"], "b": "x"})
@example(["-", {"- a": {"": None}}, [[], {}]])
@example([1700000000.123456, -0.0, 1e-7, 5e-324, 10**30])
def test_what_is_written_reads_back(data: Any) -> None:
    """Plain data of any shape, with any text in it, is read back as it was, types included."""
    back = read(dump(data)).data
    assert back == data
    assert repr(back) == repr(data)


@given(TEXT)
def test_json_is_read_as_it_is(text: str) -> None:
    """Text that any program quotes as JSON reads back as that text, in blocks and between brackets."""
    quoted = json.dumps(text)
    assume(len(quoted) <= 1000)  # YAML takes a key of at most 1,024 characters
    assert read(f"text: {quoted}").data == {"text": text}
    assert read(f"- {quoted}\n- {{{quoted}:{quoted}}}").data == [text, {text: text}]


PIECES = [
    "a",
    "b: ",
    "- ",
    "{{x}}",
    "{",
    "}",
    "[",
    "]",
    ",",
    ": ",
    ":",
    "#w",
    "# ",
    " ",
    "\n",
    "\n  ",
    "\n    ",
    '"',
    "'",
    "|",
    "|\n  ",
    "> ",
    "&x ",
    "*x",
    "!t ",
    "? ",
    "%",
    "@",
    "\t",
    "1.5",
    "~",
    "---",
    "\n---\n",
    "...",
    "\\u12",
    "<<: ",
    "key: v\n",
    "ts: 1\n",
    ":fire:",
    "text: hello\n",
    "- b\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_anything_is_read_or_explained(text: str) -> None:
    """Whatever the text, it is data or one error whose place is in the text."""
    error = _error_of(text)
    if error is not None:
        assert error.line is not None
        assert error.column is not None
        assert 1 <= error.column <= len(text.split("\n")[error.line - 1]) + 1
