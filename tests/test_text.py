"""Escapes, channel names, references and limits."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, strategies as st

from slackrunbooks.text import (
    LIMITS,
    ChannelRef,
    Kind,
    UserRef,
    channel_name,
    channel_name_problem,
    escape,
    escaper,
    inert_alone,
    open_tail,
    parse_channel,
    parse_user,
    unescape,
)

# --- escape and unescape


def test_escape_changes_three_characters_only() -> None:
    """Only the characters that Slack decodes are escaped, so quotation marks and slashes stay."""
    assert escape("""<!channel> & "it's" a/b `c` > d""") == """&lt;!channel&gt; &amp; "it's" a/b `c` &gt; d"""


def test_unescape_decodes_once() -> None:
    """An entity that somebody typed is not decoded twice, and other entities stay."""
    assert unescape("&amp;lt; &lt;b&gt; &amp;amp; &quot; &nbsp;") == "&lt; <b> &amp; &quot; &nbsp;"


@given(st.text())
def test_unescape_inverts_escape(text: str) -> None:
    """Unescaping gives back every text that was escaped."""
    assert unescape(escape(text)) == text


@pytest.mark.parametrize(
    ("text", "tail"),
    [("", ""), ("a > b", ""), ("a <b", "<b"), ("<a> <b|c", "<b|c"), ("<a <b", "<a <b"), ("<a>", "")],
)
def test_open_tail(text: str, tail: str) -> None:
    """The open tail begins at the first "<" after the last ">"."""
    assert open_tail(text) == tail


# --- values in mrkdwn, by where they stand


@pytest.mark.parametrize(
    ("before", "value", "expected"),
    [
        ("", "<!channel> & |", "&lt;!channel&gt; &amp; |"),
        ("*", "!channel", "!channel"),
        ("<https://x|label> ", "@U1|x", "@U1|x"),
        # the start of a target
        ("<", "https://x/?a=1&b=2#top", "https://x/?a=1&amp;b=2#top"),
        ("<", "!channel", "%21channel"),
        ("<", "@U1", "%40U1"),
        ("<", "#C1", "%23C1"),
        ("<", "x|y> <!here>", "x%7Cy%3E%20%3C!here%3E"),
        ("<", "a\tb\nc\u200b\x00d", "a%09b%0Ac%E2%80%8B%00d"),
        ("<", "\u2060!here", "%E2%81%A0!here"),
        ("<", "", ""),
        ("<", "\ud800", "%3F"),
        ("<https://x|l> <", "!here", "%21here"),
        # the rest of a target
        ("<https://x/", "!channel", "!channel"),
        ("<https://x/", "a|b>c d", "a%7Cb%3Ec%20d"),
        ("<https://x/", "ü", "ü"),
        # a label
        ("<https://x|", "a|b> <!here> & more", "a|b&gt; &lt;!here&gt; &amp; more"),
        ("<@U1|", "<@U2>", "&lt;@U2&gt;"),
        # an ID
        ("<@", " U0123ABCD ", "U0123ABCD"),
        ("<@", "U1|x> <!here>", "U1%7C%78%3E%20%3C%21%68%65%72%65%3E"),
        ("<@", "channel", "%63%68%61%6E%6E%65%6C"),
        ("<#", "C1>", "C1%3E"),
        ("<!subteam^", "S1^x", "S1%5E%78"),
        ("<@U", "1|2", "1%7C2"),
        # which special token it is, and its arguments
        ("<!", "here", "%68%65%72%65"),
        ("<!sub", "team", "%74%65%61%6D"),
        ("<!date^1392734382^{date}^", "https://x/^{ago}|b", "https://x/%5E%7Bago%7D%7Cb"),
        # arithmetic
        ("5 < ", "10 | 20 <!here>", "10 %7C 20 &lt;!here&gt;"),
        ("5 < x and\n", "a b", "a b"),
        # several open at once: the strictest place counts
        ("<https://x|5 <", "!here", "%21here"),
        ("5 < 6 <", "!here", "%21here"),
        ("<! <https://x|", "here", "here"),
        ("<!<", "a", "%61"),
    ],
)
def test_mrkdwn(before: str, value: str, expected: str) -> None:
    """A value in mrkdwn is escaped for the place where it stands."""
    assert escaper(Kind.MRKDWN)(value, before) == expected


@given(
    before=st.text(alphabet="<>|@#!^ aU1:/\n"), value=st.text(alphabet=st.characters() | st.sampled_from("<>|@#!^ "))
)
def test_mrkdwn_values_have_no_angle_brackets(before: str, value: str) -> None:
    """Wherever it stands, an escaped value neither opens nor closes a token, so what was open stays open."""
    assert not set(escaper(Kind.MRKDWN)(value, before)) & set("<>")


# --- values in Markdown, by where they stand


@pytest.mark.parametrize(
    ("before", "value", "expected"),
    [
        ("", "[a](http://b)", r"\[a\](http://b)"),
        ("", "![a](http://b)", r"!\[a\](http://b)"),
        ("", "a`b\\c", "a\\`b\\\\c"),
        ("", "<!here> <https://x|y>", "&lt;!here&gt; &lt;https://x|y&gt;"),
        ("", "https://a_b/?x=1&y=2*3", "https://a_b/?x=1&y=2*3"),
        ("", "&lt;!here&gt; &#60; & &x", "&amp;lt;!here&amp;gt; &amp;#60; & &x"),
        # after what the author wrote
        ("[label]", "(http://b)", r"\(http://b)"),
        ("[label]", ": http://b", r"\: http://b"),
        ("[label]", "[ref]", r"\[ref\]"),
        ("\\", "[a]", "[a\\]"),
        ("\\", "abc", "abc"),
        ("\\\\", "[a]", r"\[a\]"),
        # a destination
        ("[label](", "http://b/?x=1&y=2", "http://b/?x=1&y=2"),
        ("[label](", "a) [e](http://b", "a%29%20[e]%28http://b"),
        ("[label](http://b/", "x\\ <y>", "x%5C%20%3Cy%3E"),
        ("[label](http://b/", "&lt;", "&lt%3B"),
        ("[ref]: ", "http://b c", "http://b%20c"),
        ("[label](http://b) ", "a b", "a b"),
        (r"\[a\](", "b c", "b c"),
        (r"[\]: ", "[b c", r"\[b c"),
        # Slack's tokens are read in Markdown too
        ("<", "!here", "%21here"),
        ("<@", "U1>", "U1%3E"),
        ("<https://x|", "[a]>", r"\[a\]&gt;"),
        ("5 < ", "a|b", "a%7Cb"),
        # code
        ("`", "a`b\nc [d](e)", "a\u02cbb c [d]\u2060(e)"),
        ("``a` ", "``", "\u02cb\u02cb"),
        ("```\n", "a\n```\n<b>", "a\n\u02cb\u02cb\u02cb\n&lt;b&gt;"),
        ("~~~\n", "a\n~~~\n`", "a\n\u223c\u223c\u223c\n\u02cb"),
        ("`a]", "(b)", "\u2060(b)"),
        ("`a` ", "`", "\\`"),
        ("```\na\n````\n", "`", "\\`"),
        ("\\`", "`", "\\`"),
        ("`a\n\n", "`", "\\`"),
        ("```\na\n\n", "`", "\u02cb"),
        ("```\n~~~\n", "`", "\u02cb"),
    ],
)
def test_markdown(before: str, value: str, expected: str) -> None:
    """A value in Markdown is escaped for the place where it stands, and stays readable there."""
    assert escaper(Kind.MARKDOWN)(value, before) == expected


# --- the other kinds


@pytest.mark.parametrize(
    ("kind", "before", "value", "expected"),
    [
        (Kind.PLAIN, "<", "!here & <b>", "!here &amp; &lt;b&gt;"),
        (Kind.TOPIC, "", "two\r\nlines\t and <b>", "two lines and &lt;b&gt;"),
        (Kind.NAME, "inc-", " Ä <b> ", " Ä <b> "),
        (Kind.ID, "", " C0123\n", "C0123"),
        (Kind.RAW, "<", "<!here> ", "<!here> "),
        (Kind.URL, "", " https://x/ü?a=[1]&b=%20 c\n", "https://x/%C3%BC?a=[1]&b=%20%20c"),
        (Kind.URL, "", 'https://x/"<>\\^`{|}', "https://x/%22%3C%3E%5C%5E%60%7B%7C%7D"),
        (Kind.URL, "https://x/", "a/b?c&d e", "a%2Fb%3Fc%26d%20e"),
        (Kind.URL, "https://x/", "\ud800", "%3F"),
    ],
)
def test_other_kinds(kind: Kind, before: str, value: str, expected: str) -> None:
    """Each kind of field has its own escape."""
    assert escaper(kind)(value, before) == expected


@pytest.mark.parametrize("kind", Kind)
@given(value=st.text())
def test_inert_alone(kind: Kind, value: str) -> None:
    """The short form of an escape gives what the escape gives at the start of a text."""
    assert inert_alone(kind)(value) == escaper(kind)(value, "")


# --- channel names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("inc-42", "inc-42"),
        ("a--b__c-", "a--b__c-"),
        ("INC-42", "inc-42"),
        ("#Inc 42: Zahlung kaputt!", "inc-42-zahlung-kaputt"),
        ("Störung in Zürich", "storung-in-zurich"),
        ("障害", "zhanghai"),
        ("a  --  b__ __c", "a-b_-_c"),
        ("--_ Hi _--", "hi"),
        ("a.b/c", "a-b-c"),
        ("", ""),
        ("!!!", ""),
        ("---", ""),
        ("a" * 80, "a" * 80),
    ],
)
def test_channel_name(text: str, name: str) -> None:
    """Any text becomes a valid name, and a valid name stays as it is."""
    assert channel_name(text) == name


def test_channel_name_is_cut_with_a_hash() -> None:
    """Long names that differ only past the cut stay different, and the same one is always cut alike."""
    first, second = (channel_name(f"{'Outage of the shop ' * 5}{ending}") for ending in "ab")
    assert first != second
    assert first == channel_name(f"{'Outage of the shop ' * 5}a")
    assert re.fullmatch(r"outage-of-the-shop-[a-z-]+-[0-9a-f]{6}", first)
    assert len(first) <= 80
    assert len(channel_name("a" * 81)) == 80


@given(st.text())
def test_channel_name_is_valid(text: str) -> None:
    """Every name is one that Slack documents as valid, or nothing; and naming it again changes nothing."""
    name = channel_name(text)
    if name:
        assert set(name) <= set(string.ascii_lowercase + string.digits + "-_")
        assert len(name) <= 80
        assert channel_name_problem(name) is None
    assert channel_name(name) == name


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("inc-42", None),
        ("störung", None),
        ("a" * 80, None),
        ("", "the channel name is empty"),
        ("INC-42", "channel names have no upper-case letters; use 'inc-42'"),
        ("Ä", "channel names have no upper-case letters; use 'a'"),
        ("a b.c", "channel names have only lower-case letters, digits, '-' and '_' (not a space .); use 'a-b-c'"),
        ("a\nb", "channel names have only lower-case letters, digits, '-' and '_' (not control characters); use 'a-b'"),
        ("-_-", "a channel name needs a letter or a digit"),
        ("b" * 81, "channel names have at most 80 characters (this one has 81); use '"),
    ],
)
def test_channel_name_problem(name: str, problem: str | None) -> None:
    """The first broken rule is said, with the name to use instead."""
    found = channel_name_problem(name)
    assert found == problem or (found and problem and len(name) > 80 and found.startswith(problem))


# --- references


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("C0123ABCD", ChannelRef("id", "C0123ABCD")),
        (" G0123ABCD\n", ChannelRef("id", "G0123ABCD")),
        ("D0123ABCD", ChannelRef("id", "D0123ABCD")),
        ("CABCDEFGH", ChannelRef("id", "CABCDEFGH")),
        ("#C0123ABCD", ChannelRef("id", "C0123ABCD")),
        ("U0123ABCD", ChannelRef("user", "U0123ABCD")),
        ("W0123ABCD", ChannelRef("user", "W0123ABCD")),
        ("USLACKBOT", ChannelRef("user", "USLACKBOT")),
        ("<@U0123ABCD|ana>", ChannelRef("user", "U0123ABCD")),
        ("#incidents", ChannelRef("name", "incidents")),
        ("incidents", ChannelRef("name", "incidents")),
        ("störungen", ChannelRef("name", "störungen")),
        ("<#C123|incidents>", ChannelRef("id", "C123")),
        ("<#C123>", ChannelRef("id", "C123")),
        ("https://acme.slack.com/archives/C0123ABCD", ChannelRef("id", "C0123ABCD")),
        ("https://acme.slack.com/archives/C0123ABCD/p1726522260000100", ChannelRef("id", "C0123ABCD")),
        ("https://acme.slack.com/archives/C0123ABCD?thread_ts=1.2", ChannelRef("id", "C0123ABCD")),
        ("<https://acme.enterprise.slack.com/archives/C0123ABCD|link>", ChannelRef("id", "C0123ABCD")),
        ("https://app.slack.com/client/T0123/C0123ABCD", ChannelRef("id", "C0123ABCD")),
        ("https://acme.slack-gov.com/archives/C0123ABCD", ChannelRef("id", "C0123ABCD")),
    ],
)
def test_parse_channel(text: str, reference: ChannelRef) -> None:
    """Every way in which people write a conversation is read."""
    assert parse_channel(text) == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no channel: the channel name is empty"),
        ("#", "the channel name is empty"),
        ("CPU", "channel names have no upper-case letters; use 'cpu'"),
        ("two words", "use 'two-words'; or give a channel's ID (C0123ABCD), its name (#incidents) or its link."),
        ("@ana", "or a person's ID (U0123ABCD) for a direct message."),
        ("ana@example.com", "or a person's ID (U0123ABCD) for a direct message."),
        ("https://example.com/archives/C0123ABCD", "is no link to a Slack channel"),
        ("https://evilslack.com/archives/C0123ABCD", "is no link to a Slack channel"),
    ],
)
def test_parse_channel_refuses(text: str, message: str) -> None:
    """What is no conversation is refused with what to write."""
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_channel(text)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("U0123ABCD", UserRef("id", "U0123ABCD")),
        (" W0123ABCD ", UserRef("id", "W0123ABCD")),
        ("<@U1>", UserRef("id", "U1")),
        ("<@W1|ana>", UserRef("id", "W1")),
        ("ana@example.com", UserRef("email", "ana@example.com")),
        ("mailto:ana@example.com", UserRef("email", "ana@example.com")),
        ("<mailto:a@b|a@b>", UserRef("email", "a@b")),
        ("<mailto:a@b>", UserRef("email", "a@b")),
    ],
)
def test_parse_user(text: str, reference: UserRef) -> None:
    """Every way in which people write a person is read."""
    assert parse_user(text) == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no person: give a person's ID (U0123ABCD) or e-mail address."),
        ("@ana", "is a name, and names do not identify people in Slack"),
        ("Ana Ruiz", "is no person"),
        ("C0123ABCD", "is no person"),
        ("a@b@c", "is no person"),
    ],
)
def test_parse_user_refuses(text: str, message: str) -> None:
    """What is no person is refused with what to write."""
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_user(text)


# --- limits


def test_limits_have_sources() -> None:
    """Every limit is positive and names the page that says so."""
    assert all(limit.most > 0 and limit.source.startswith("https://") for limit in LIMITS.values())
    assert (LIMITS["topic"].most, LIMITS["text"].most, LIMITS["markdown_text"].most) == (250, 4000, 12000)
    assert LIMITS["channel_name"].most == len(channel_name("a" * 200))
