"""What kind of token a text is, told by how it begins.

Rule of this file: a table with its sources; nothing of a token leaves it but its kind.

Kinds of tokens: https://docs.slack.dev/authentication/tokens; xoxe:
https://docs.slack.dev/authentication/using-token-rotation; xoxa and xoxr were those of workspace apps, xoxc, xoxd and
xoxs are those of Slack's own clients.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

__all__ = ["KINDS", "UNKNOWN", "TokenKind", "kind_of"]


class TokenKind(NamedTuple):
    """One kind of token.

    Attributes:
        pattern: How it begins.
        kind: What Slack's pages on methods call it: ``bot``, ``user``, ``app``; a name of ours for what no method of a
            runbook takes.
        cause: What is wrong with it, as a word; empty for a bot's.
        verdict: Whether it can be used.
        what: The kind in words, with its article.
        remedy: What to use instead.
    """

    pattern: str
    kind: str
    cause: str
    verdict: Literal["ok", "warning", "problem"]
    what: str
    remedy: str = ""


KINDS: Final[tuple[TokenKind, ...]] = (
    TokenKind(r"xoxb-", "bot", "", "ok", "a bot token"),
    TokenKind(
        r"xoxe\.xoxb-", "bot", "", "ok", "a bot token that rotates: it lives 12 hours, and somebody has to refresh it"
    ),
    TokenKind(
        r"(xoxe\.)?xoxp-",
        "user",
        "user_token",
        "problem",
        "a user token, or one for configuring apps; not a bot's",
        "Use the Bot User OAuth Token (xoxb-…) of the same page: with this one, the app would speak as a person.",
    ),
    TokenKind(
        r"xapp-",
        "app",
        "app_level_token",
        "problem",
        "an app-level token",
        "That one is for Socket Mode. Use the Bot User OAuth Token (xoxb-…), under OAuth & Permissions.",
    ),
    TokenKind(
        r"xwfp-",
        "workflow",
        "workflow_token",
        "warning",
        "a workflow token",
        "It ends 15 minutes after its workflow step began. Use the app's Bot User OAuth Token (xoxb-…).",
    ),
    TokenKind(
        r"xoxe-",
        "refresh",
        "refresh_token",
        "problem",
        "a refresh token",
        "It only buys new tokens. Trade it with oauth.v2.access, and use the access token of that answer.",
    ),
    TokenKind(
        r"xox[ar]-",
        "legacy",
        "legacy_token",
        "problem",
        "a token of a legacy workspace app",
        "Workspace apps are gone. Create a Slack app, install it, and use its Bot User OAuth Token (xoxb-…).",
    ),
    TokenKind(
        r"xox[cds]-",
        "session",
        "session_token",
        "problem",
        "a token of somebody's Slack client",
        "It belongs to a person's browser: sign out there, and use the app's Bot User OAuth Token (xoxb-…).",
    ),
    TokenKind(
        r"https?://",
        "url",
        "webhook_url",
        "problem",
        "a URL, such as that of an incoming webhook",
        "A webhook posts to one channel and is no token. Use the Bot User OAuth Token (xoxb-…) of the app.",
    ),
    TokenKind(
        r"[0-9a-f]{32}\Z",
        "secret",
        "app_secret",
        "problem",
        "32 hexadecimal digits, as app secrets are",
        "It looks like the signing or client secret. The Bot User OAuth Token (xoxb-…) is on another page of the app.",
    ),
)
"""Every kind, the first that fits counts."""

UNKNOWN: Final = TokenKind(
    "",
    "",
    "token_unknown_kind",
    "warning",
    "it begins like no token that Slack documents",
    "A bot token begins with xoxb- or, where tokens rotate, with xoxe.xoxb-. Compare with the app's page.",
)
"""What fits none of them; Slack may have new ones."""


def kind_of(token: object) -> TokenKind:
    """Tell the kind of a token.

    Args:
        token: The token; anything but text is of no known kind.
    """
    text = token.strip() if isinstance(token, str) else ""
    return next((kind for kind in KINDS if re.match(kind.pattern, text)), UNKNOWN)
