"""What is wrong with an installation, found by going through it in the order in which one thing rests on another.

Rule of this file: a check looks, tells and changes nothing; only the self-test, which is asked for by name, posts one
message and takes it away again. What could not be looked at is told with its reason. Whether a runbook can run is
judged where ``Executor.check`` judges it; here is only what lies below and around that.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import re
import urllib.parse
import uuid
from collections.abc import Generator, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs
from slack_sdk import WebClient

from ._effects import Answered, Call, Lost, NotSent, Repeat, Reply
from ._look import Identity, Unseen, channel_of, judged, looking
from ._perform import WallClock
from ._route import is_local, walk
from ._survey import check_report, part
from ._tokens import KINDS, UNKNOWN, kind_of
from .actions import Action
from .actions._base import forms
from .actions._find import channel_address, reference
from .actions._marks import mark, stamped, step_of
from .client import PooledWebClient, send, sync_client, token_of, way_of
from .errors import (
    AmbiguousOutcome,
    ConnectFailed,
    MessageNotFound,
    MissingScope,
    MissingVariable,
    RateLimited,
    RunbookError,
    SlackError,
    SlackRunbooksError,
    SlackUnavailable,
    TemplateError,
)
from .executor import Executor
from .report import Diagnosis, Finding
from .retries import Accepted, Refused, judge
from .runbook import Runbook
from .scopes import required_scopes
from .slack_methods import UNCERTAIN_CODES, call, slack_error
from .text import Kind

if TYPE_CHECKING:
    from ._clock import Clock
    from ._core import Context
    from ._effects import Delivery
    from ._look import Facts, Named, Sight
    from .client import TokenSource
    from .errors import Problem
    from .report import Plan, Verdict
    from .text import ChannelRef

__all__ = ["CHECKS", "diagnose"]

_log = logging.getLogger(__name__)

CHECKS: tuple[str, ...] = (
    "base_url",
    "token_kind",
    "proxy",
    "dns",
    "connection",
    "tls",
    "answer",
    "clock",
    "token",
    "workspace",
    "scopes",
    "names",
    "messages",
    "channels",
    "people",
    "self_test",
    "rate_limits",
)
"""Every check, in the order in which they are made."""

_T = TypeVar("_T")

# --- causes that are not error codes of Slack ------------------------------------------------------------------------

_PROXY_ENV = "Correct HTTPS_PROXY (or proxy= of the client), or list the host in NO_PROXY if no proxy is needed."
_CA_FILE = "Give Python the certificate of the authority: SSL_CERT_FILE=…, or ssl= of the client."

_REMEDIES: Mapping[str, str] = {
    "base_url_no_url": "Leave base_url out, or give a whole URL: https://slack.com/api/.",
    "base_url_unencrypted": "Write https:// instead of http://: the token would be readable on the way.",
    "base_url_path": (
        "Slack's methods are below https://slack.com/api/ (GovSlack: https://slack-gov.com/api/). Use that."
    ),
    "base_url_host": "Slack documents https://slack.com/api/ alone. Leave base_url out unless you know better.",
    "no_token": "Set SLACK_BOT_TOKEN to the Bot User OAuth Token (OAuth & Permissions on the app's page), or pass it.",
    "no_source": "See to what the client asks for its token; the type of its error is all that is told here.",
    "token_unusable": "Copy the Bot User OAuth Token again, without quotes, blanks or line breaks around it.",
    **{kind.cause: kind.remedy for kind in (*KINDS, UNKNOWN) if kind.cause},
    "proxy_no_url": _PROXY_ENV,
    "proxy_not_found": f"There is no such proxy. {_PROXY_ENV}",
    "proxy_no_server": (
        "Name servers do not answer, so the proxy cannot be found. See to this machine's network and resolver."
    ),
    "proxy_refused": f"Start the proxy, or correct its port. {_PROXY_ENV}",
    "proxy_timeout": f"The proxy hangs or a firewall drops what is sent to it. {_PROXY_ENV}",
    "proxy_no_route": f"See to this machine's network and VPN. {_PROXY_ENV}",
    "proxy_failed": f"See to this machine's network and firewall. {_PROXY_ENV}",
    "proxy_not_http": f"Something else than an HTTP proxy listens there. {_PROXY_ENV}",
    "proxy_hung_up": f"Look into the log of the proxy: it may want TLS (https://) or another client. {_PROXY_ENV}",
    "proxy_auth_required": (
        "Give the proxy a name and a password: http://NAME:PASSWORD@HOST:PORT, both percent-encoded."
    ),
    "proxy_auth_refused": "The proxy does not take this name and password. Correct them, percent-encoded, in its URL.",
    "proxy_forbids": "Ask whoever runs the proxy to allow CONNECT to slack.com, port 443.",
    "proxy_cannot_reach": (
        "The proxy cannot reach Slack. Ask whoever runs it to see to its name servers and its way out."
    ),
    "dns_not_found": "Correct the host in base_url; if it is right, see to this machine's resolver.",
    "dns_no_server": "Name servers do not answer. See to this machine's network and /etc/resolv.conf, then try again.",
    "connection_refused": "Correct host and port in base_url; if they are right, start what should listen there.",
    "connection_timeout": "A firewall drops what is sent. Allow outgoing connections to the host, or set HTTPS_PROXY.",
    "connection_no_route": "This machine has no way there. See to its network, VPN and routes, or set HTTPS_PROXY.",
    "connection_failed": "See to this machine's network and firewall, or set HTTPS_PROXY.",
    "certificate_self_signed": f"A proxy or a test server vouches for itself. If that is meant: {_CA_FILE}",
    "certificate_untrusted": (
        f"No authority known here vouches for it, as with a proxy that inspects TLS. If that is meant: {_CA_FILE}"
    ),
    "certificate_expired": (
        "Set this machine's clock if it is wrong. If it is right, whoever runs the server has to renew the certificate."
    ),
    "certificate_not_yet_valid": "Set this machine's clock: it is behind, or else the certificate is from the future.",
    "certificate_wrong_name": (
        "Another host answers. Correct the host in base_url; if it is right, look for a proxy or a name server that "
        "leads elsewhere."
    ),
    "certificate_refused": "Ask whoever runs the server or the proxy for a certificate in order.",
    "not_tls": "What listens there speaks no TLS. Correct the port, or the scheme, in base_url.",
    "tls_timeout": "Something on the way swallows TLS. Ask whoever runs the firewall, or set HTTPS_PROXY.",
    "tls_cut": (
        "Something on the way cuts TLS off, as firewalls do by host name. Have the host allowed, or set HTTPS_PROXY."
    ),
    "tls_failed": "Both sides have no TLS in common. Update Python and OpenSSL, or whatever inspects TLS on the way.",
    "unreachable": "Try again; if it stays so, see to the network and the proxy between here and Slack.",
    "no_answer": "Try again; if it stays so, look at https://slack-status.com and at the proxy on the way.",
    "captive_portal": (
        "A portal, a sign-on page or a filter answers in Slack's place. Sign in to the network, or have Slack let "
        "through."
    ),
    "wrong_base_url": "There is no Web API at that address. Correct base_url: https://slack.com/api/.",
    "blocked": "A gateway forbids the request. Have POST to Slack's Web API allowed from this machine.",
    "slack_down": "Slack, or a gateway before it, is out of order. Look at https://slack-status.com, and try again.",
    "not_slack": "Something else answers there. Correct base_url, or see to what changes answers on the way.",
    "clock_wrong": (
        "Set this machine's clock (NTP). Scheduled messages, the search for lost ones and the expiry of tokens go by "
        "it."
    ),
    "clock_drifts": "Keep this machine's clock by NTP.",
    "classic_app": (
        "Slack no longer makes such apps. Migrate it: "
        "https://docs.slack.dev/legacy/legacy-app-migration/migrating-classic-apps"
    ),
    "no_team_id": "Give the client team_id=…: an organisation's token has to say which workspace it means.",
    "other_workspace": "Use the token of the workspace that team_id names, or correct team_id.",
    "missing_variable": "Add it to the context, correct its name, or guard it in the template.",
    "template": "Correct the template at that place.",
    "unfit_name": "Change the name there as it says, or what its template puts in.",
    "unfit_message": "Change the field there as it says, or what its template puts in.",
    "message_not_seen": (
        "Slack did not show the message by its key, so a lost answer could not be settled. Try again; if it stays so, "
        "look whether an app or a policy of the workspace takes away metadata."
    ),
}

_HOSTS = ("slack.com", "slack-gov.com")

# Slack lets requests of its own be refused when they are more than five minutes off:
# https://docs.slack.dev/authentication/verifying-requests-from-slack
_CLOCK_WRONG = 300.0
_CLOCK_DRIFTS = 30.0

# Fields of a runbook that name channels or describe them; the others make up messages.
_CHANNEL_KINDS = frozenset({Kind.NAME, Kind.TOPIC})

# What steps name in Slack: by which check it is told, what it is, and what is to be said where all is well.
_NAMED: tuple[tuple[str, frozenset[str], str], ...] = (
    ("channels", frozenset({"channel"}), "there, in use, and the app may act there"),
    ("people", frozenset({"person", "group"}), "there, and active"),
)

_CAUSES: Mapping[type, str] = {MissingVariable: "missing_variable", TemplateError: "template"}

# What Slack answers before it has looked at the token, and the cause it is told as; empty: by Slack's own code.
# https://docs.slack.dev/reference/methods/auth.test#errors
_TROUBLES: Mapping[str, str] = {**dict.fromkeys(UNCERTAIN_CODES, "slack_down"), "request_timeout": ""}

# How far back a test message is looked for whose posting brought no answer, in seconds: clocks differ.
_LOST_SINCE = 600.0
# Seconds that the test waits at the most to be allowed to delete its message.
_LONGEST_WAIT = 30.0

_SELF_TEST = "Self-test of slackrunbooks: this message will be gone in a moment."
_SELF_TEST_AGAIN = "Self-test of slackrunbooks: it could be changed, and will be gone in a moment."


def diagnose(
    client: WebClient | str | None = None,
    runbook: Runbook | Action[Any] | None = None,
    context: Context = None,
    *,
    base_url: str | None = None,
    live: str | None = None,
) -> Diagnosis:
    """Look through an installation and say what is wrong with it, the cause before what follows from it.

    It changes nothing in Slack and repeats nothing: one request (``auth.test``), and those that it takes to look at the
    channels, people and user groups which the runbook names. The self-test takes four more. Where nothing of Slack can
    be reached, the runbook is looked at all the same.

    Args:
        client: A ``slack_sdk.WebClient``, or a token; left out, the environment variable ``SLACK_BOT_TOKEN``.
        runbook: The runbook, or one action, that the installation is for.
        context: The data that fills it. Without one, only what does not depend on it is looked at.
        base_url: Where the methods are, together with a token; by default ``https://slack.com/api/``.
        live: A channel (ID or name) for a self-test: a message is posted, found again by its key, changed and deleted.
            If something fails half-way, the message is deleted all the same.

    Returns:
        The findings, in order. Nothing that is wrong with the installation is raised.

    Raises:
        RunbookError: The client would retry by itself or is asynchronous, or an argument is of another type.
    """
    if base_url is not None and not (client is None or isinstance(client, str)):
        raise RunbookError("goes with a token; a client has its own.", place="diagnose.base_url")
    asked: object = client
    if not (asked is None or isinstance(asked, str) or callable(getattr(asked, "api_call", None))):
        raise RunbookError(f"takes a slack_sdk.WebClient or a token, not a {type(asked).__name__}.", place="diagnose")
    if inspect.iscoroutinefunction(getattr(asked, "api_call", None)):
        raise RunbookError("takes a slack_sdk.WebClient, no asynchronous one; or its token.", place="diagnose")
    subject: object = runbook
    if subject is not None and not isinstance(subject, (Runbook, Action)):
        given = type(subject).__name__
        raise RunbookError(f"must be a Runbook or an action, not a {given}.", place="diagnose.runbook")
    visit = _Visit(runbook, context, None if live is None else _sandbox(live))
    visit.go(client, base_url)
    return Diagnosis(tuple(visit.findings), tuple(visit.calls))


def _sandbox(live: str) -> ChannelRef:
    try:
        channel = reference(live)
    except ValueError as error:
        raise RunbookError(f"{error}.", place="diagnose.live") from None
    if channel.kind == "user":
        raise RunbookError("names a person: give a channel in which nobody minds a test.", place="diagnose.live")
    return channel


class _Visit:
    """One look through an installation; each method below makes one or more checks."""

    def __init__(self, runbook: Runbook | Action[Any] | None, context: Context, live: ChannelRef | None) -> None:
        self.findings: list[Finding] = []
        self.calls: list[str] = []
        self._live = live
        self._subject = runbook
        self._limited: RateLimited | None = None
        # Where the test message stands, and whether there may be one of which nobody knows where.
        self._stands: tuple[str, str] | None = None
        self._may_stand = False
        self._single = isinstance(runbook, Action)
        self._book = Runbook.of_one(runbook) if isinstance(runbook, Action) else runbook
        self._context = context

    # --- telling -----------------------------------------------------------------------------------------------------

    def _add(self, check: str, outcome: Verdict, seen: str, cause: str = "", remedy: str = "", **more: str) -> None:
        # A proxy that is reached by TLS can have all the faults of TLS.
        remedy = remedy or _REMEDIES.get(cause) or _REMEDIES.get(cause.removeprefix("proxy_"), "")
        self.findings.append(Finding(check, outcome, seen, cause, remedy, **more))

    def _ok(self, check: str, seen: str) -> None:
        self._add(check, "ok", seen)

    def _unseen(self, reason: str, *checks: str) -> None:
        for check in checks:
            self._add(check, "not_looked_at", f"not looked at because {reason}")

    def _refused(self, check: str, error: SlackRunbooksError, *, outcome: Verdict = "problem", place: str = "") -> None:
        """Tell of an error of a request; that Slack asks to wait is told once, under its own name."""
        if isinstance(error, RateLimited):
            self._limited = self._limited or error
            self._unseen("Slack asks to wait (see rate limits)", check)
            return
        code = error.code if isinstance(error, SlackError) else "ambiguous"
        told = str(error).removesuffix(error.remedy).strip()
        docs = error.docs if isinstance(error, SlackError) else ""
        self._add(check, outcome, told, code, error.remedy, place=place, docs=docs)

    # --- going through it --------------------------------------------------------------------------------------------

    def go(self, given: WebClient | str | None, base_url: str | None) -> None:
        """Make all checks."""
        with contextlib.ExitStack() as stack:
            client, reason = self._before_sending(given, base_url, stack)
            identity: Identity | None = None
            if client is not None:
                identity, reason = self._ask(client)
            plan = self._look_at_runbook(identity, reason)
            if client is None or identity is None:
                self._unseen(reason, "channels", "people", "self_test")
                self._at_rates(reason)
                return
            self._look_at_named(client, plan, identity.granted)
            if self._live is None:
                self._unseen("no channel was given for it", "self_test")
            elif self._limited is not None:
                self._unseen("Slack asks to wait", "self_test")
            else:
                self._test(client, self._live)
            self._at_rates("")

    # --- before the first request ------------------------------------------------------------------------------------

    def _before_sending(
        self, given: WebClient | str | None, base_url: str | None, stack: contextlib.ExitStack
    ) -> tuple[WebClient | None, str]:
        """Look at what needs no token's leave; return the client to ask with, or why nobody can be asked."""
        token: str | TokenSource | None
        known = ""
        if given is None or isinstance(given, str):
            known = (given if given is not None else os.environ.get("SLACK_BOT_TOKEN", "")).strip()
            token, where = known, base_url if base_url is not None else WebClient.BASE_URL
        else:
            token, where = token_of(given), str(getattr(given, "base_url", ""))
        usable = self._at_base_url(where)
        sendable = self._at_token(token) if isinstance(token, str) else self._at_no_token(token)
        made: WebClient
        if given is None or isinstance(given, str):
            # What no header can carry is told of as a finding, and never given to a client.
            made = stack.enter_context(PooledWebClient(known if sendable else None, f"{where.rstrip('/')}/"))
        elif not sendable:
            bare = PooledWebClient(None, where, ssl=getattr(given, "ssl", None), proxy=getattr(given, "proxy", None))
            made = stack.enter_context(bare)
        else:
            made = sync_client(given)
            if isinstance(made, PooledWebClient) and made is not given:
                stack.callback(made.close)
        reached = usable and self._on_the_way(made)
        if not usable:
            self._unseen("the base URL is wrong", "proxy", "dns", "connection", "tls")
        if usable and reached and sendable:
            reason = "" if token is None or isinstance(token, str) else self._at_source(token)
            return (None if reason else made), reason
        reason = "Slack cannot be reached" if not (usable and reached) else "the token is none that can be used"
        if not usable:
            reason = "the base URL is wrong"
        self._unseen(reason, "answer", "clock", "token", "workspace")
        return None, reason

    def _at_base_url(self, url: str) -> bool:
        try:
            parts = urllib.parse.urlsplit(url)
            host, scheme, _ = parts.hostname or "", parts.scheme.lower(), parts.port
        except ValueError:
            host, scheme, parts = "", "", urllib.parse.urlsplit("")
        if scheme not in ("http", "https") or not host:
            self._add("base_url", "problem", "the base URL is no URL of a host", "base_url_no_url")
            return False
        shown = f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        slacks = host in _HOSTS
        if scheme == "http" and slacks:
            self._add("base_url", "problem", f"{shown} is not encrypted", "base_url_unencrypted")
            return False
        if slacks and parts.path.rstrip("/") != "/api":
            self._add("base_url", "problem", f"{shown} is not where Slack's methods are", "base_url_path")
            return False
        if any(host.endswith(f".{name}") for name in _HOSTS):
            self._add("base_url", "warning", f"{shown} is an address of Slack's, but not the one", "base_url_host")
        elif scheme == "http" and not is_local(host):
            self._add("base_url", "warning", f"{shown} is not encrypted", "base_url_unencrypted")
        else:
            self._ok("base_url", shown if slacks else f"{shown}, which is not Slack's own")
        return True

    def _at_token(self, token: str) -> bool:
        """Judge the token by its form alone; nothing of it is told but what it is."""
        if not token:
            self._add("token_kind", "problem", "there is no token", "no_token")
            return False
        if re.fullmatch(r"[\x21-\x7e]+", token) is None or token[0] in "\"'<" or token[-1] in "\"'>":
            seen = "the token holds a blank, a quote, a line break or a character that no token has"
            self._add("token_kind", "problem", seen, "token_unusable")
            return False
        kind = kind_of(token)
        self._add("token_kind", kind.verdict, kind.what if kind is UNKNOWN else f"it is {kind.what}", kind.cause)
        return kind.verdict != "problem"

    def _at_no_token(self, source: TokenSource | None) -> bool:
        """Tell why there is no token whose form could be judged."""
        rotates = "its token may have to be rotated first (see token)"
        self._unseen("the client authorises its requests by itself" if source is None else rotates, "token_kind")
        return True

    def _at_source(self, source: TokenSource) -> str:
        """Ask for a rotating client's token, as its requests do; return why there is none, or nothing."""
        try:
            source.current()
        except RateLimited as error:
            reason = "Slack asks to wait before it rotates the token"
            self._unseen(reason, "answer", "clock")
            self._refused("token", error)
        except (SlackError, ConnectFailed) as error:
            reason = "there is no token"
            seen, docs = f"the client gets no token: {str(error).removesuffix(error.remedy).strip()}", ""
            if isinstance(error, SlackError):
                docs = error.docs
            cause = _TROUBLES.get(error.code) or error.code
            if isinstance(error, SlackUnavailable) or error.code in _TROUBLES:
                self._add("answer", "problem", seen, cause, error.remedy, docs=docs)
                self._unseen(reason, "clock", "token")
            else:
                self._unseen(reason, "answer", "clock")
                self._add("token", "problem", seen, cause, error.remedy, docs=docs)
        except Exception as error:  # noqa: BLE001 - a source of the host may raise anything, and show anything
            reason = "there is no token"
            self._unseen(reason, "answer", "clock")
            seen = f"what gives the client its token failed: {type(error).__name__}"
            self._add("token", "problem", seen, "no_source")
        else:
            return ""
        self._unseen(reason, "workspace")
        return reason

    def _on_the_way(self, client: WebClient) -> bool:
        """Walk the way to Slack, without a token."""
        way = way_of(client)
        checks = ("proxy", "dns", "connection", "tls")
        if way is None:
            self._unseen(f"{type(client).__name__} has its own way to Slack", *checks)
            return True
        walked = walk(way)
        fault = walked.fault
        for check in checks:
            if check in walked.passed:
                self._ok(check, walked.passed[check])
            elif fault is not None and fault.check == check:
                self._add(check, "problem", fault.seen, fault.cause)
            elif check in walked.unseen:
                self._unseen(walked.unseen[check], check)
            else:
                self._unseen(f"the way ends before ({'' if fault is None else fault.check})", check)
        return fault is None

    # --- the first answer --------------------------------------------------------------------------------------------

    def _send(self, client: WebClient, request: Call) -> Delivery:
        self.calls.append(request.method)
        return send(client, request)

    def _ask(self, client: WebClient) -> tuple[Identity | None, str]:
        """Ask who the token is; return the answer, or why there is none that helps."""
        delivery = self._send(client, call("auth.test"))
        rest = ("clock", "token", "workspace")
        if not isinstance(delivery, Answered):
            told = delivery.reason if isinstance(delivery, (NotSent, Lost)) else "the client failed"
            cause = "no_answer" if isinstance(delivery, Lost) else "unreachable"
            self._add("answer", "problem", f"auth.test brought no answer: {told}", cause)
            self._unseen("there was no answer", *rest)
            return None, "there was no answer"
        refused = judge(call("auth.test"), delivery)
        if isinstance(refused, Refused) and isinstance(refused.error, RateLimited):
            # Slack's own word, even where a page or plain text came with it.
            return None, self._at_limit(client, delivery, refused.error)
        foreign = _foreign(delivery, str(getattr(client, "base_url", "")))
        if foreign is not None:
            if foreign[0] == "proxy":
                # It takes connections, as was seen, and no more.
                self.findings = [finding for finding in self.findings if finding.check != "proxy"]
                self._add(*foreign)
                self._unseen("the proxy answered in Slack's place", "answer")
            else:
                self._add(*foreign)
            self._unseen("the answer is not Slack's", *rest)
            return None, "the answer is not Slack's"
        data = delivery.data or {}
        error = None if data.get("ok") else slack_error("auth.test", data, headers=delivery.headers)
        if error is not None and error.code in _TROUBLES:
            seen = f"Slack answered auth.test with {error.code} (HTTP {delivery.status}), and did not look at the token"
            self._add("answer", "problem", seen, _TROUBLES[error.code] or error.code, error.remedy, docs=error.docs)
            self._at_clock(client, delivery)
            reason = "Slack is out of order" if _TROUBLES[error.code] else "the request did not arrive whole"
            self._unseen(reason, "token", "workspace")
            return None, reason
        self._ok("answer", f"auth.test was answered with HTTP {delivery.status}, as Slack does")
        self._at_clock(client, delivery)
        if error is not None:
            self._refused("token", error)
            reason = "Slack does not take the token"
            self._unseen(reason, "workspace")
            return None, reason
        header = delivery.headers.get("x-oauth-scopes")
        granted = None if header is None else tuple(sorted(part.strip() for part in header.split(",") if part.strip()))
        identity = Identity(str(data.get("user_id", "")), str(data.get("team", "")), granted)
        reason = self._at_identity(client, data, identity)
        if reason:
            return None, reason
        return identity, ""

    def _at_limit(self, client: WebClient, answer: Answered, error: RateLimited) -> str:
        """Tell that Slack asks to wait before it says who the token is; return that as a reason."""
        self._ok("answer", f"auth.test was answered with HTTP {answer.status}: not now")
        self._at_clock(client, answer)
        self._refused("token", error)
        self._unseen("Slack asks to wait", "workspace")
        return "Slack asks to wait"

    def _at_clock(self, client: WebClient, answer: Answered) -> None:
        try:
            theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            self._unseen("the answer does not tell the time", "clock")
            return
        off = self._clock(client).now() - theirs
        way = "ahead of" if off > 0 else "behind"
        told = f"this machine's clock is {_length(abs(off))} {way} Slack's"
        if abs(off) > _CLOCK_WRONG:
            self._add("clock", "problem", told, "clock_wrong")
        elif abs(off) > _CLOCK_DRIFTS:
            self._add("clock", "warning", told, "clock_drifts")
        else:
            self._ok("clock", "this machine's clock agrees with Slack's")

    def _at_identity(self, client: WebClient, data: Mapping[str, Any], identity: Identity) -> str:
        """Tell whose token it is and where; return why nothing should be done with it, or nothing."""
        # "bot_id" is only there for bots: https://docs.slack.dev/reference/methods/auth.test
        if not data.get("bot_id"):
            seen = f"Slack takes the token, and it is that of the person {identity.user_id}"
            self._add("token", "problem", seen, "user_token")
            self._unseen("the token is not a bot's", "workspace")
            return "the token is not a bot's"
        # The one scope of legacy bots and classic apps: https://docs.slack.dev/reference/scopes/bot
        if "bot" in (identity.granted or ()):
            self._add("token", "warning", "Slack takes the token, which is of a classic app", "classic_app")
        else:
            self._ok("token", f"Slack takes it; the bot is {data.get('user', '')} ({identity.user_id})")
        wanted = getattr(client, "default_params", {}).get("team_id")
        team = f"{identity.team} ({data.get('team_id', '')})"
        if data.get("is_enterprise_install") and not wanted:
            seen = f"the app is installed for the organisation {team}, and no workspace is named"
            self._add("workspace", "warning", seen, "no_team_id")
        elif wanted and not data.get("is_enterprise_install") and wanted != data.get("team_id"):
            self._add("workspace", "problem", f"the token is for {team}, not for {wanted}", "other_workspace")
            return "the token is for another workspace"
        else:
            self._ok("workspace", f"{team}, {data.get('url', '')}".rstrip(", "))
        return ""

    # --- the runbook -------------------------------------------------------------------------------------------------

    def _look_at_runbook(self, identity: Identity | None, reason: str) -> Plan | None:
        granted = identity.granted if identity is not None else None
        unknown = "" if granted is not None else reason or "Slack's answer does not tell them"
        if self._book is None or self._subject is None:
            self._tell("scopes", [], f"the token has {', '.join(granted or ()) or 'none'}", unknown)
            self._unseen("no runbook was given", "names", "messages")
            return None
        with Executor() as executor:
            plan = executor.plan(self._subject, self._context)
        open_inputs = self._context is None and not self._single
        if open_inputs:
            # What is missing is stood in for, and no step is skipped for it, so that everything else can be looked at.
            steps = tuple(attrs.evolve(step, skipped="") for step in plan.steps)
            plan = attrs.evolve(plan, general=(), steps=steps, scopes=required_scopes(self._book))
        # What acts in other workspaces, this token has nothing to do with.
        plan = part(plan)
        report = check_report(self._book, plan, identity, single=self._single)
        found: dict[str, list[Problem]] = {"scopes": [], "names": [], "messages": []}
        for problem in (*report.problems, *report.warnings):
            if not (open_inputs and isinstance(problem.error, MissingVariable)):
                found[self._kind_of(problem)].append(problem)
        told = "; without a context, what it fills was not looked at" if open_inputs else ""
        needed = ", ".join(report.scopes.minimal) or "nothing"
        self._tell("scopes", found["scopes"], f"the token has all that the runbook needs: {needed}", unknown)
        self._tell("names", found["names"], f"names, topics and channels are as Slack wants them{told}")
        self._tell("messages", found["messages"], f"templates and texts can be sent{told}")
        return plan

    def _kind_of(self, problem: Problem) -> str:
        """Tell whether a problem concerns the token's scopes, the name of a channel, or a message."""
        place = problem.place.partition(",")[0]
        if isinstance(problem.error, MissingScope) or "the token lacks" in problem.message or place == "token":
            return "scopes"
        step, _, field = place.removeprefix("steps.").partition(".")
        steps = self._book.steps if self._book is not None else {}
        if self._single:
            step, field = next(iter(steps)), place.rpartition(".")[2]
        name = re.split(r"[.\[]", field)[0]
        form = forms(steps[step].action).get(name) if step in steps else None
        return "names" if name == "channel" or (form is not None and form.kind in _CHANNEL_KINDS) else "messages"

    def _tell(self, check: str, problems: list[Problem], well: str, unknown: str = "") -> None:
        """Tell what is wrong in the runbook, or that nothing is."""
        for problem in problems:
            error = problem.error
            cause, docs = _CAUSES.get(type(error), f"unfit_{check.removesuffix('s')}"), ""
            if isinstance(error, SlackError):
                cause, docs = error.code, error.docs
            outcome: Verdict = "problem" if problem.severity == "error" else "warning"
            remedy = problem.remedy or _REMEDIES.get(cause, "")
            self._add(check, outcome, problem.message, cause, remedy, place=problem.place, docs=docs)
        if not problems and unknown:
            self._unseen(unknown, check)
        elif not problems:
            self._ok(check, well)

    # --- channels, people, user groups -------------------------------------------------------------------------------

    def _look_at_named(self, client: WebClient, plan: Plan | None, granted: tuple[str, ...] | None) -> None:
        named = self._named_in(plan)
        facts = self._follow(client, looking(named, granted))
        sight = judged(named, facts, granted)
        for check, kinds, well in _NAMED:
            some = [each for each in named if each.what in kinds]
            if some:
                self._at_named(check, some, facts, sight, well)
            else:
                self._unseen("no runbook was given" if plan is None else "the runbook names none", check)

    def _named_in(self, plan: Plan | None) -> list[Named]:
        """Return what is known before the run, for each step that names it."""
        if plan is None:
            return []
        runs = {step.name for step in plan.steps if not step.skipped}
        # What is wrong as it stands is told already.
        told = {problem.place for problem in plan.problems}
        return [
            each for each in plan.named if each.step in runs and not each.makes and not told & {each.place, each.field}
        ]

    def _at_named(self, check: str, named: list[Named], facts: Facts, sight: Sight, well: str) -> None:
        """Tell once of each what is wrong with it, however many steps name it."""
        unseen = {each.shown: fact for each in named if isinstance(fact := facts.get(each.key), Unseen)}
        for fact in unseen.values():
            if fact.error is not None and not fact.lacks_scope:
                self._refused(check, fact.error)
                return
        told = len(self.findings)
        for name, reason in unseen.items():
            self._unseen(f"{name}: {reason.reason}", check)
        names = dict.fromkeys(each.shown for each in named)
        for name in names:
            places = {each.place for each in named if each.shown == name}
            problems = [problem for problem in sight.problems if problem.place in places]
            for problem in sorted(problems, key=lambda problem: problem.severity)[:1]:
                self._tell_named(check, problem)
        if len(self.findings) == told:
            self._ok(check, f"{', '.join(names)}: {well}")

    def _tell_named(self, check: str, problem: Problem) -> None:
        outcome: Verdict = "problem" if problem.severity == "error" else "warning"
        error = problem.error if isinstance(problem.error, SlackError) else None
        # What Slack would take all the same has no code of Slack's.
        code = error.code if error is not None else {"channels": "is_archived", "people": "user_deactivated"}[check]
        docs = error.docs if error is not None else ""
        seen = problem.message.removesuffix(".")
        self._add(check, outcome, seen, code, problem.remedy, place=problem.place, docs=docs)

    # --- rates -------------------------------------------------------------------------------------------------------

    def _at_rates(self, reason: str) -> None:
        if self._limited is not None:
            error = self._limited
            wait = f"{error.retry_after:g} second{'s' * (error.retry_after != 1)}"
            seen = f"{error.method} was refused for now ({error.code}): wait {wait}"
            remedy = (
                f"Wait {wait}, and find out who else uses this app's token: Slack counts by "
                "method, workspace and app. Pacing spreads the requests of all who share a journal."
            )
            self._add("rate_limits", "problem", seen, error.code, remedy, docs=error.docs)
        elif not self.calls or reason:
            self._unseen(reason or "nothing was asked", "rate_limits")
        else:
            self._ok("rate_limits", "Slack asked of no request to wait")

    # --- the self-test -----------------------------------------------------------------------------------------------

    def _test(self, client: WebClient, channel: ChannelRef) -> None:
        """Post a message, find it by its key, change it, and take it away whatever came of that."""
        key = mark("self-test", uuid.uuid4().hex)
        where = channel_address(channel.value if channel.kind == "id" else f"#{channel.value}")
        post = call("chat.postMessage", channel=where, text=_SELF_TEST, metadata=stamped(None, key))
        told = len(self.findings)
        try:
            self._try_out(client, post, key)
            self._clean_up(client, channel, key)
        except BaseException:
            # Ctrl-C, which may come between Slack's deed and its answer; once more, and it is left as it is.
            told = len(self.findings)
            self._clean_up(client, channel, key)
            for finding in self.findings[told:]:
                _log.warning("%s. %s", finding.message, finding.remedy)
            raise
        if len(self.findings) == told:
            self._ok("self_test", f"a message in {where} was posted, found by its key, changed and deleted")

    def _try_out(self, client: WebClient, post: Call, key: str) -> None:
        """Post a message, find it by its key and change it."""
        self._may_stand = True
        try:
            reply = self._request(client, post)
        except SlackRunbooksError as error:
            self._refused("self_test", error)
            self._may_stand = isinstance(error, AmbiguousOutcome) or _is_uncertain(error)
            return
        channel, ts = str(reply.get("channel", "")), str(reply.get("ts", ""))
        if not (channel and ts):
            self._add("self_test", "problem", "the answer does not say where the message stands", "not_slack")
            return
        self._stands = channel, ts
        self._find_again(client, channel, ts, key)
        with self._telling("self_test"):
            self._request(client, call("chat.update", channel=channel, ts=ts, text=_SELF_TEST_AGAIN))

    def _clean_up(self, client: WebClient, channel: ChannelRef, key: str) -> None:
        """Take the message away, if there is or may be one."""
        if self._stands is None and self._may_stand:
            self._stands = self._look_for_lost(client, channel, key)
        if self._stands is not None:
            self._take_away(client, *self._stands)
        self._stands, self._may_stand = None, False

    @contextlib.contextmanager
    def _telling(self, check: str, outcome: Verdict = "problem") -> Generator[None]:
        try:
            yield
        except SlackRunbooksError as error:
            self._refused(check, error, outcome=outcome)

    def _find_again(self, client: WebClient, channel: str, ts: str, key: str) -> None:
        try:
            if not self._is_there(client, channel, key, ts):
                seen = "the message was posted, but is not found by its key"
                self._add("self_test", "problem", seen, "message_not_seen")
        except MissingScope as error:
            # Runs go on without it, but a lost answer stops them: CheckReport.unsettled tells which.
            self._refused("self_test", error, outcome="warning")
        except SlackRunbooksError as error:
            self._refused("self_test", error)

    def _is_there(self, client: WebClient, channel: str, key: str, ts: str) -> str:
        """Return the ``ts`` of the message with a key, posted at ``ts`` or after; empty if there is none."""
        page = call(
            "conversations.history", channel=channel, oldest=ts, inclusive=True, limit=15, include_all_metadata=True
        )
        messages = self._request(client, page).get("messages", ())
        return next((str(message["ts"]) for message in messages if step_of(message) == key), "")

    def _look_for_lost(self, client: WebClient, channel: ChannelRef, key: str) -> tuple[str, str] | None:
        """Find a message whose posting brought no answer, so that it does not stay."""
        with contextlib.suppress(SlackRunbooksError):
            named = channel_of(channel)
            found = self._follow(client, looking([named], None)).get(named.key)
            if isinstance(found, Mapping) and found:
                since = f"{self._clock(client).now() - _LOST_SINCE:.6f}"
                if ts := self._is_there(client, str(found["id"]), key, since):
                    return str(found["id"]), ts
        return None

    def _take_away(self, client: WebClient, channel: str, ts: str) -> None:
        """Delete the test message; a lost answer, or being asked to wait a little, is not the end of it."""
        for last in (False, True):
            try:
                with contextlib.suppress(MessageNotFound):
                    self._request(client, call("chat.delete", channel=channel, ts=ts))
            except (AmbiguousOutcome, RateLimited) as error:
                wait = error.retry_after if isinstance(error, RateLimited) else 0.0
                if last or wait > _LONGEST_WAIT:
                    self._still_there(error, channel, ts)
                    return
                clock = self._clock(client)
                clock.sleep_until(clock.now() + wait)
            except SlackRunbooksError as error:
                self._still_there(error, channel, ts)
                return
            else:
                return

    def _still_there(self, error: SlackRunbooksError, channel: str, ts: str) -> None:
        code = error.code if isinstance(error, SlackError) else "ambiguous"
        seen = f"the test message was not deleted ({code}) and stands in {channel}, ts {ts}"
        docs = error.docs if isinstance(error, SlackError) else ""
        self._add("self_test", "problem", seen, code, f"{error.remedy} Delete it by hand.".strip(), docs=docs)

    # --- requests ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _clock(client: WebClient) -> Clock:
        found: Clock = getattr(client, "slackrunbooks_clock", None) or WallClock()
        return found

    def _request(self, client: WebClient, request: Call) -> Reply:
        """Make one request once; what came of it is the reply, or an error."""
        sent_at = self._clock(client).now()
        delivery = self._send(client, request)
        verdict = judge(request, delivery)
        if isinstance(verdict, Accepted):
            return cast("Reply", verdict.reply)
        if isinstance(verdict, Refused):
            raise verdict.error
        if isinstance(delivery, Answered) and delivery.data is not None and delivery.data.get("ok") is False:
            # Whether it was done is as open, but Slack says what went wrong.
            raise slack_error(request.method, delivery.data, status=delivery.status, headers=delivery.headers)
        doubles = request.repeat is Repeat.DOUBLES
        raise AmbiguousOutcome(request.method, verdict.reason, sent_at=sent_at, doubles=doubles)

    def _follow(self, client: WebClient, flow: Generator[Call, Reply, _T]) -> _T:
        """Make the requests of a flow."""
        try:
            request = next(flow)
            while True:
                try:
                    reply = self._request(client, request)
                except SlackRunbooksError as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(reply)
        except StopIteration as stop:
            return cast("_T", stop.value)


def _is_uncertain(error: SlackRunbooksError) -> bool:
    """Tell whether Slack may have done what it answered with an error."""
    return isinstance(error, SlackError) and error.code in UNCERTAIN_CODES


def _foreign(answer: Answered, base_url: str) -> tuple[str, Verdict, str, str] | None:
    """Say what answered in Slack's place; ``None`` where it was Slack."""
    status, kind = answer.status, answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    data = answer.data
    if data is not None and isinstance(data.get("ok"), bool):
        if data.get("error") == "unknown_method":
            return "answer", "problem", "Slack has no auth.test at that address", "wrong_base_url"
        return None
    what = f"HTTP {status}" + (f", {kind}" if kind else "")
    if status == 407:
        return "proxy", "problem", "the proxy wants a name and a password (HTTP 407)", "proxy_auth_required"
    if 300 <= status < 400:
        host, asked = _host(answer.headers.get("location", "")), _host(base_url)
        cause = "captive_portal" if host and host != asked else "wrong_base_url"
        return "answer", "problem", f"auth.test was sent on to {host or 'another page'} ({what})", cause
    if status in (404, 405, 410, 501):
        return "answer", "problem", f"auth.test is not there ({what})", "wrong_base_url"
    if status in (401, 403, 451):
        return "answer", "problem", f"something on the way refused auth.test ({what})", "blocked"
    if status == 511:
        # "Network Authentication Required": https://www.rfc-editor.org/rfc/rfc6585#section-6
        return "answer", "problem", f"the network wants somebody to sign in ({what})", "captive_portal"
    if status >= 500 or status == 408:
        return "answer", "problem", f"a server on the way is out of order ({what})", "slack_down"
    if kind == "text/html" and status < 300:
        return "answer", "problem", f"a web page came in place of Slack's answer ({what})", "captive_portal"
    return "answer", "problem", f"the answer is not Slack's ({what})", "not_slack"


def _host(url: str) -> str:
    try:
        return urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _length(seconds: float) -> str:
    """Say a length of time in its two or so leading digits: ``47 seconds``, ``61 minutes``, ``3 days``."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{seconds:.0f} seconds"
