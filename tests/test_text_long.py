"""Long texts: where they are cut, what is kept, and that a cut never makes a mention."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from slackrunbooks.testing._mrkdwn import mentions
from slackrunbooks.text import Kind, escape, escaper, split, truncate, unescape

KINDS = [Kind.MRKDWN, Kind.MARKDOWN, Kind.PLAIN]
TOKENS = [
    "<@U0ANN00001>",
    "<!here>",
    "<!subteam^S0TEAM0001>",
    "<#C0ROOM00001|room>",
    "<https://a.example/?x=1&amp;y|a b>",
]
WORDS = ["a", "word", "*bold*", "&amp;", "&lt;", "é", "e\u0301", "👩\u200d🚒", "🇩🇪", "👍🏽", "https://b.example/c"]
GAPS = [" ", "\n", "\n\n", "\t", "", "  "]

pieces = st.lists(st.sampled_from([*TOKENS, *WORDS, *GAPS, " ", " "]), min_size=1, max_size=200).map("".join)
code = st.lists(
    st.sampled_from(
        [*TOKENS, *WORDS, *GAPS, "`x`", "```", "\n```\n", "\n```py\n", "~~~\n", "``", "[a](b)", "[a]", "\\`"]
    ),
    min_size=1,
    max_size=150,
).map("".join)
hostile = st.lists(
    st.sampled_from(
        [*TOKENS, *GAPS, "<", ">", "&", "`", "```", "\\", "[", "](", ")", "|", "@U0ANN00001", "!here", "x" * 70]
    ),
    min_size=1,
    max_size=150,
).map("".join)
limits = st.integers(min_value=100, max_value=400)
kinds = st.sampled_from(KINDS)


def pings(text: str) -> set[str]:
    """Say whom a text pings."""
    return set(mentions(text, handles={}))


def bare(text: str) -> str:
    """Return what a text says, without white space and without what opens and closes code, its language included."""
    return re.sub(r"\s|[`~]|py", "", text)


@given(text=st.one_of(pieces, code, hostile, st.text()), limit=limits, kind=kinds)
def test_every_part_fits_and_none_is_empty(text: str, limit: int, kind: Kind) -> None:
    """A split gives parts within the limit that say something, and a text that fits is left as it is."""
    parts = split(text, limit, kind)
    assert all(len(part) <= limit for part in parts)
    if len(text) <= limit:
        assert parts == (text,)
    else:
        assert all(part.strip() for part in parts) or not text.strip()


@given(text=pieces, limit=limits, kind=st.sampled_from([Kind.MRKDWN, Kind.MARKDOWN]))
def test_a_split_loses_only_white_space(text: str, limit: int, kind: Kind) -> None:
    """Put together again, the parts say all that the text said, and mention whom it mentioned."""
    parts = split(text, limit, kind)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert set().union(*map(pings, parts)) == pings(text)


@given(text=code, limit=limits, kind=st.sampled_from([Kind.MRKDWN, Kind.MARKDOWN]))
def test_a_split_of_code_adds_only_what_opens_and_closes_it(text: str, limit: int, kind: Kind) -> None:
    """Beside white space and backticks nothing is lost and nothing is added."""
    assert bare("".join(split(text, limit, kind))) == bare(text)


@given(text=st.one_of(hostile, code), limit=limits, kind=st.sampled_from([Kind.MRKDWN, Kind.MARKDOWN]))
def test_no_cut_makes_a_mention(text: str, limit: int, kind: Kind) -> None:
    """No part, and no truncated text, mentions anybody whom the whole does not mention."""
    allowed = pings(text)
    assert set().union(*map(pings, split(text, limit, kind))) <= allowed
    assert pings(truncate(text, limit, kind).text) <= allowed


@given(value=st.one_of(hostile, st.text()), limit=limits, kind=st.sampled_from([Kind.MRKDWN, Kind.MARKDOWN]))
def test_a_value_mentions_nobody_however_it_is_cut(value: str, limit: int, kind: Kind) -> None:
    """A value that was escaped for its field stays inert in every part."""
    text = "Log: " + escaper(kind)(value, "Log: ")
    assert not set().union(*map(pings, (*split(text, limit, kind), truncate(text, limit, kind).text)))


@given(text=st.one_of(pieces, code, hostile, st.text()), limit=limits, kind=kinds)
def test_a_truncated_text_fits_and_counts(text: str, limit: int, kind: Kind) -> None:
    """What is left fits, begins as the text does, and says how much is gone."""
    short = truncate(text, limit, kind)
    assert len(short.text) <= limit
    if len(text) <= limit:
        assert (short.text, short.cut) == (text, 0)
    else:
        assert short.cut > 0 and short.text.endswith(f"… ({short.cut:,} characters cut)")


@given(text=st.one_of(pieces, st.text(alphabet="a é\u0301\n👩\u200d🚒")), limit=limits, kind=kinds)
def test_what_is_kept_and_what_is_cut_are_the_whole(text: str, limit: int, kind: Kind) -> None:
    """The count is exact."""
    short = truncate(text, limit, kind)
    kept = short.text.removesuffix(f"… ({short.cut:,} characters cut)").removesuffix(" ") if short.cut else text
    assert text.startswith(kept) and len(kept) + short.cut == len(text)


@given(text=st.text(alphabet="&<>ab ", min_size=101), limit=limits, kind=st.sampled_from([Kind.MRKDWN, Kind.PLAIN]))
def test_no_entity_is_cut(text: str, limit: int, kind: Kind) -> None:
    """Every part of an escaped text reads as a part of the text."""
    parts = split(escape(text), limit, kind)
    assert "".join("".join(map(unescape, parts)).split()) == "".join(text.split())


PLACES = [
    ("paragraphs", "a b\n" * 15 + "\nc d " * 20, "a b"),
    ("lines", "one line\n" * 30, "one line"),
    ("words", "word " * 60, "word"),
    ("a joined emoji", "👩\u200d🚒" * 60, "👩\u200d🚒"),
    ("a flag", "🇩🇪" * 80, "🇩🇪"),
    ("a coloured thumb", "👍🏽" * 80, "👍🏽"),
    ("an accent", "e\u0301" * 80, "e\u0301"),
    ("a token", "<@U0ANN00001>" * 20, "<@U0ANN00001>"),
    ("an entity", "&amp;" * 60, "&amp;"),
]


@pytest.mark.parametrize(("text", "end"), [place[1:] for place in PLACES], ids=[place[0] for place in PLACES])
def test_where_a_text_is_cut(text: str, end: str) -> None:
    """A part ends with a whole paragraph, line, word or character."""
    assert all(part.endswith(end) for part in split(text.strip(), 100, Kind.MRKDWN)[:-1])


def test_code_is_closed_and_opened_again() -> None:
    """A block of code that is cut is a block in each part, with the language that Markdown has."""
    lines = "\n".join(f"line {number}" for number in range(30))
    for part in split(f"Log:\n```\n{lines}\n```\nend", 100, Kind.MRKDWN):
        assert part.count("```") % 2 == 0
    first, *rest = split(f"# Log\n\n```python\n{lines}\n```", 100, Kind.MARKDOWN)
    assert first.startswith("# Log\n\n```python\nline 0\n") and first.endswith("\n```")
    assert all(part.startswith("```python\nline ") and part.endswith("\n```") for part in rest)
    assert truncate(f"```\n{lines}\n```", 100, Kind.MRKDWN).text.endswith("\n```\n… (171 characters cut)")


def test_a_long_inline_code_stays_code() -> None:
    """Inline code is cut only where no part could hold it, and is code in each part then."""
    assert split("x " * 30 + "`" + "y " * 25 + "`", 100, Kind.MRKDWN)[1] == "`" + "y " * 25 + "`"
    parts = split("`[a](b) " + "y" * 300 + "`", 100, Kind.MARKDOWN)
    assert all(part.startswith("`") and part.endswith("`") and part.count("`") == 2 for part in parts)


def test_what_looks_like_a_token_without_end_is_text() -> None:
    """A "<" whose ">" is far away is written as an entity, so that no part of it begins a token."""
    parts = split("<" + "x" * 120 + "<@U0ANN00001>", 100, Kind.MRKDWN)
    assert unescape("".join(parts)) == "<" + "x" * 120 + "<@U0ANN00001>" and not set().union(*map(pings, parts))


def test_only_texts_are_cut() -> None:
    """A name or a URL has no place to cut, and a limit without room for the note is a mistake."""
    with pytest.raises(ValueError, match="a url is not cut"):
        truncate("x" * 200, 100, Kind.URL)
    with pytest.raises(ValueError, match="no room"):
        truncate("x" * 200, 20, Kind.MRKDWN)
