"""Which scopes runs have really exercised, read off a journal.

Rule of this file: it only reads, by the public :class:`~slackrunbooks.journal.Journal`. A journal keeps the method of a
request and the scopes that the token had when it was answered, but not what was asked for; so where several granted
scopes would have allowed a request, none of them is said to be the one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import attrs

from ._effects import Answered, Lost
from .errors import SlackRunbooksError
from .journal import decode, decode_delivery
from .runbook import Runbook
from .scopes import Requirement, required_scopes
from .slack_methods import METHODS, REQUESTED_WITH

if TYPE_CHECKING:
    from collections.abc import Collection

    from .journal import Entry, Journal

__all__ = ["MethodUse", "ScopeUsage", "ScopeUse", "scope_usage"]

# Answers that came before anybody looked at the token's scopes, or that found them wanting.
_NOT_LET_IN: Final = frozenset(
    {
        "account_inactive", "invalid_auth", "missing_scope", "not_authed", "rate_limited", "ratelimited",
        "token_expired", "token_revoked",
    }
)  # fmt: skip


@attrs.frozen(kw_only=True)
class ScopeUse:
    """How a scope was exercised.

    Attributes:
        scope: The scope.
        sure: Calls that no other scope of the token would have allowed.
        maybe: Calls that another scope of the token would have allowed as well, that may not have needed it, or whose
            answer was lost.
        methods: The methods that were called with it, sorted.
        steps: The steps that called them, each with its runbook, sorted.
        runs: How many runs.
        first: When it was first exercised, in seconds since 1970 (UTC).
        last: When it was last exercised, likewise.
        last_run: ID of the run that did.
    """

    scope: str
    sure: int
    maybe: int
    methods: tuple[str, ...]
    steps: tuple[str, ...]
    runs: int
    first: float
    last: float
    last_run: str


@attrs.frozen(kw_only=True)
class MethodUse:
    """How a method was called.

    Attributes:
        method: The method.
        calls: Requests that were answered with success.
        refused: Requests that Slack refused, for whatever reason.
        unanswered: Requests whose answer was lost.
        runs: How many runs.
        last: When it was last called, in seconds since 1970 (UTC).
    """

    method: str
    calls: int
    refused: int
    unanswered: int
    runs: int
    last: float


@attrs.frozen(kw_only=True)
class ScopeUsage:
    """What the runs of a journal have exercised.

    Attributes:
        scopes: Each scope that was, sorted.
        methods: Each method that was called, sorted.
        granted: The scopes that the token had at the latest answer, sorted; ``None`` where no answer tells.
        unused: Those of ``granted`` that no call can have needed.
        missing: Scopes for want of which Slack refused a request, with the time at which it last did.
        runs: How many runs were read.
        unknown: IDs of runs whose runbook cannot be read here, as where an own step is not registered. Their calls are
            counted by their methods alone.
    """

    scopes: tuple[ScopeUse, ...]
    methods: tuple[MethodUse, ...]
    granted: tuple[str, ...] | None
    unused: tuple[str, ...]
    missing: Mapping[str, float]
    runs: int
    unknown: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON takes; times are ISO 8601 in UTC."""
        scopes = [
            {
                **attrs.asdict(each),
                "methods": list(each.methods),
                "steps": list(each.steps),
                "first": _utc(each.first).isoformat(),
                "last": _utc(each.last).isoformat(),
            }
            for each in self.scopes
        ]
        return {
            "runs": self.runs,
            "granted": None if self.granted is None else list(self.granted),
            "unused": list(self.unused),
            "missing": {scope: _utc(at).isoformat() for scope, at in self.missing.items()},
            "scopes": scopes,
            "methods": [{**attrs.asdict(each), "last": _utc(each.last).isoformat()} for each in self.methods],
            "unknown": list(self.unknown),
        }

    def __str__(self) -> str:
        rows = [["SCOPE", "CALLS", "LAST", "METHODS"]]
        for use in self.scopes:
            maybe = f"{use.maybe} maybe" if use.maybe else ""
            calls = ", ".join(filter(None, (str(use.sure) if use.sure else "", maybe)))
            rows.append([use.scope, calls, _shown(use.last), " ".join(use.methods)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines += [f"refused for want of {scope}, last {_shown(at)}" for scope, at in self.missing.items()]
        if self.granted is not None:
            lines.append(f"granted and not exercised: {' '.join(self.unused) or 'nothing'}")
        lines.append(f"{self.runs} run{'' if self.runs == 1 else 's'} read")
        if self.unknown:
            lines.append(f"runs with steps that are not known here: {' '.join(self.unknown)}")
        return "\n".join(lines)


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _shown(seconds: float) -> str:
    return f"{_utc(seconds):%Y-%m-%d %H:%M} UTC"


@attrs.define
class _Tally:
    """What has been counted of a scope or a method."""

    sure: int = 0
    maybe: int = 0
    refused: int = 0
    unanswered: int = 0
    methods: set[str] = attrs.field(factory=set)
    steps: set[str] = attrs.field(factory=set)
    runs: set[str] = attrs.field(factory=set)
    first: float = float("inf")
    last: float = float("-inf")
    last_run: str = ""

    def at(self, time: float, run_id: str) -> None:
        self.runs.add(run_id)
        self.first = min(self.first, time)
        if time >= self.last:
            self.last, self.last_run = time, run_id


@attrs.frozen
class _Sent:
    """One request of a run, and what came of it."""

    run_id: str
    runbook: str
    step: str
    method: str
    at: float
    outcome: object = attrs.field(repr=False)
    needs: tuple[Requirement, ...]

    @property
    def granted(self) -> frozenset[str] | None:
        """The scopes that the token had, where the answer says."""
        header = self.outcome.headers.get("x-oauth-scopes") if isinstance(self.outcome, Answered) else None
        return None if header is None else frozenset(part.strip() for part in header.split(",") if part.strip())

    @property
    def error(self) -> str:
        """The error code of the answer, or ``""``."""
        if not isinstance(self.outcome, Answered) or self.outcome.data is None:
            return ""
        return "" if self.outcome.data.get("ok") else str(self.outcome.data.get("error") or "unknown")


def scope_usage(journal: Journal, *, since: float | None = None, until: float | None = None) -> ScopeUsage:
    """Read off a journal which scopes and methods its runs have exercised, and when. It changes nothing.

    A scope counts as exercised by each request that it allows and that Slack answered with success or with an error
    about something else than permissions; and, as ``maybe``, by each whose answer was lost. A journal that forgets runs
    (``purge``) knows only of those that it has.

    Args:
        journal: Any journal.
        since: Only requests from then on, in seconds since 1970 (UTC).
        until: Only requests before then, likewise.

    Raises:
        JournalError: The journal cannot be read.
    """
    sent: list[_Sent] = []
    unknown: list[str] = []
    runs = journal.runs()
    for record in runs:
        requests = _Requests(record.run_id, record.runbook, decode(record.spec))
        if requests.needs is None:
            unknown.append(record.run_id)
        sent += (
            each
            for each in requests.of(journal.entries(record.run_id))
            if (since is None or each.at >= since) and (until is None or each.at < until)
        )
    sent.sort(key=lambda each: each.at)
    granted = next((each.granted for each in reversed(sent) if each.granted is not None), None)
    scopes: dict[str, _Tally] = {}
    methods: dict[str, _Tally] = {}
    missing: dict[str, float] = {}
    for each in sent:
        _count_method(methods.setdefault(each.method, _Tally()), each)
        _count_scopes(scopes, each, granted)
        if each.error == "missing_scope":
            missing.update(dict.fromkeys(_asked_for(each), each.at))
    held = None if granted is None else tuple(sorted(granted))
    along = {REQUESTED_WITH[scope] for scope in scopes if scope in REQUESTED_WITH}
    return ScopeUsage(
        scopes=tuple(_scope_use(scope, scopes[scope]) for scope in sorted(scopes)),
        methods=tuple(_method_use(method, methods[method]) for method in sorted(methods)),
        granted=held,
        unused=tuple(scope for scope in held or () if scope not in scopes and scope not in along),
        missing={scope: missing[scope] for scope in sorted(missing)},
        runs=len(runs),
        unknown=tuple(sorted(unknown)),
    )


class _Requests:
    """Reads the requests of one run."""

    def __init__(self, run_id: str, runbook: str, spec: Mapping[str, Any]) -> None:
        self.run_id = run_id
        self.runbook = runbook
        self.needs = self._needs(spec.get("runbook"))

    @staticmethod
    def _needs(spec: Any) -> dict[tuple[str, str], tuple[Requirement, ...]] | None:
        """Work out what each step needs for each method; ``None`` where the runbook cannot be read."""
        try:
            requirements = required_scopes(Runbook.from_spec(spec))
        except (SlackRunbooksError, AttributeError, LookupError, TypeError, ValueError):
            return None
        found: dict[tuple[str, str], tuple[Requirement, ...]] = {}
        for each in requirements:
            key = (each.step, each.method)
            found[key] = (*found.get(key, ()), each)
        return found

    def of(self, entries: Collection[Entry]) -> Iterator[_Sent]:
        """Give each request that left."""
        needs = self.needs or {}
        for entry in entries:
            kind, *rest = decode(entry.work)
            if kind == "heard" and rest[1] == "retry":
                # From here on it may be a mended runbook.
                mended = (decode(rest[2]) or {}).get("runbook")
                needs = (self._needs(mended) if mended else None) or needs
            if kind != "send" or rest[3] not in METHODS:
                continue
            outcome = Lost("") if entry.result is None else decode_delivery(entry.result)
            if isinstance(outcome, (Answered, Lost)):
                step, method = str(rest[0]), str(rest[3])
                at = entry.ready_at if entry.done_at is None else entry.done_at
                yield _Sent(self.run_id, self.runbook, step, method, at, outcome, needs.get((step, method), ()))


def _count_method(tally: _Tally, sent: _Sent) -> None:
    tally.at(sent.at, sent.run_id)
    if isinstance(sent.outcome, Lost):
        tally.unanswered += 1
    elif sent.error:
        tally.refused += 1
    else:
        tally.sure += 1


def _count_scopes(scopes: dict[str, _Tally], sent: _Sent, granted: frozenset[str] | None) -> None:
    if sent.error in _NOT_LET_IN:
        return
    answered = isinstance(sent.outcome, Answered)
    # What was lost says nothing on the token; it was the same as at other times, as far as anybody knows.
    held = sent.granted if sent.granted is not None else granted
    for wanted, certain in _allowed_by(sent):
        candidates = wanted if held is None else wanted & held
        for scope in candidates:
            tally = scopes.setdefault(scope, _Tally())
            tally.at(sent.at, sent.run_id)
            tally.methods.add(sent.method)
            tally.steps.add(f"{sent.runbook}/{sent.step}" if sent.runbook != sent.step else sent.step)
            if certain and answered and len(candidates) == 1:
                tally.sure += 1
            else:
                tally.maybe += 1


def _allowed_by(sent: _Sent) -> Iterator[tuple[set[str], bool]]:
    """Give each set of scopes of which one allowed a request, and whether it was needed for certain."""
    table = METHODS[sent.method].scopes
    of_table = {kind: set(scopes) for kind, scopes in table.items()}
    options: list[Requirement] = []
    kinds: set[str] = set()
    for need in sent.needs:
        if all(set(scopes) <= of_table.get(kind, set()) for kind, scopes in need.alternatives.items()):
            kinds.update(need.alternatives)
        else:
            options.append(need)
    told = _kind_of(sent)
    if told in table:
        kinds = {told}
    wanted = {scope for kind in kinds or table for scope in table.get(kind, ())}
    yield wanted, True
    for need in options:
        yield set(need.scopes), not need.condition


def _kind_of(sent: _Sent) -> str:
    """Return the type of the conversation that an answer tells of, or ``""``."""
    data = sent.outcome.data if isinstance(sent.outcome, Answered) else None
    channel = (data or {}).get("channel")
    if not isinstance(channel, Mapping) or "is_private" not in channel:
        return ""
    return next((kind for kind in ("im", "mpim") if channel.get(f"is_{kind}")), "") or (
        "private" if channel["is_private"] else "public"
    )


def _asked_for(sent: _Sent) -> list[str]:
    """Return the scopes that Slack wanted, as it names them."""
    data = sent.outcome.data if isinstance(sent.outcome, Answered) else None
    return [scope.strip() for scope in str((data or {}).get("needed") or "").split(",") if scope.strip()]


def _scope_use(scope: str, tally: _Tally) -> ScopeUse:
    return ScopeUse(
        scope=scope,
        sure=tally.sure,
        maybe=tally.maybe,
        methods=tuple(sorted(tally.methods)),
        steps=tuple(sorted(tally.steps)),
        runs=len(tally.runs),
        first=tally.first,
        last=tally.last,
        last_run=tally.last_run,
    )


def _method_use(method: str, tally: _Tally) -> MethodUse:
    return MethodUse(
        method=method,
        calls=tally.sure,
        refused=tally.refused,
        unanswered=tally.unanswered,
        runs=len(tally.runs),
        last=tally.last,
    )
