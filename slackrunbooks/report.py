"""What a run, a check and a plan leave for people and programs to read.

Rule of this file: values and how they look; nothing here decides anything. Message bodies show only in a plan.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast

import attrs

from .errors import CheckFailed, Problem, SlackError, SlackRunbooksError, StepFailed
from .markup import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sized

    from ._look import Named
    from .scopes import Requirement, ScopeRequirements

__all__ = [
    "AuditRecord",
    "CheckReport",
    "Diagnosis",
    "Finding",
    "LostAnswer",
    "Outcome",
    "Plan",
    "PlannedStep",
    "Report",
    "State",
    "StepReport",
    "Verdict",
    "plain",
]

_T = TypeVar("_T")

Outcome: TypeAlias = Literal["succeeded", "failed", "skipped", "waiting", "ambiguous", "cancelled"]
"""How a step ended, or that it has not."""

State: TypeAlias = Literal["succeeded", "failed", "waiting", "ambiguous", "cancelled"]
"""How a run ended, or that it has not."""

_MARKS = {"succeeded": "✓", "failed": "✗", "skipped": "–", "waiting": "…", "ambiguous": "?", "cancelled": "■"}


@attrs.frozen
class StepReport:
    """How one step went.

    Attributes:
        name: The step.
        outcome: ``succeeded``, ``failed``, ``skipped``, ``waiting``, ``ambiguous`` or ``cancelled``.
        output: What it gave back; of a failed step what it had achieved before; ``None`` if nothing.
        error: What went wrong, or ``None``.
        reason: Why it was skipped or cancelled; empty otherwise.
        calls: The Web API methods it called, in order, each once however often it was sent.
        attempts: Requests that were sent, repeats included.
        waited: Seconds spent waiting to try again.
        started: When it began (UTC), or ``None`` if it never did.
        ended: When it ended (UTC), or ``None``.
        workspace: Team ID of the other workspace in which it acted (of a loop, the last one); ``""`` for the run's own.
    """

    name: str
    outcome: Outcome
    output: Any = None
    error: BaseException | None = None
    reason: str = ""
    calls: tuple[str, ...] = ()
    attempts: int = 0
    waited: float = 0.0
    started: datetime | None = None
    ended: datetime | None = None
    workspace: str = ""

    @property
    def ok(self) -> bool:
        """Whether it succeeded or was rightly skipped."""
        return self.outcome in ("succeeded", "skipped")

    @property
    def remedy(self) -> str:
        """The next move after a failure; empty where there is none."""
        return getattr(self.error, "remedy", "") or ""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-safe data."""
        return {
            "name": self.name,
            "outcome": self.outcome,
            "output": plain(self.output),
            "error": _error(self.error),
            "reason": self.reason,
            "calls": list(self.calls),
            "attempts": self.attempts,
            "waited": self.waited,
            "started": plain(self.started),
            "ended": plain(self.ended),
            "workspace": self.workspace,
        }

    def __str__(self) -> str:
        because = str(self.error) if self.error is not None else self.reason
        where = f" in {self.workspace}" if self.workspace else ""
        line = f"{_MARKS[self.outcome]} {self.name}: {self.outcome}{where}"
        return f"{line} ({because})" if because else line


@attrs.frozen
class Report:
    """How a run went.

    Attributes:
        run_id: The run.
        runbook: Name of the runbook.
        state: ``succeeded``, ``failed``, ``waiting``, ``ambiguous`` (a lost answer stopped it) or ``cancelled``.
        steps: A report for each step, in order.
        context: The context at the end: what the run began with, and what ``save_as`` wrote. Hand it to the next
            runbook of the incident.
        saved: Only what ``save_as`` wrote, by dotted path.
        actor: Who asked for the run.
        reason: Why.
        notes: What the reader should know besides, such as a context that was ignored.
        stopped_by: The step that stopped the run, or ``None``.
    """

    run_id: str
    runbook: str
    state: State
    steps: tuple[StepReport, ...]
    context: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    saved: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    actor: str | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    stopped_by: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the run did what it should; a step with ``on_error="continue"`` may have failed."""
        return self.state == "succeeded"

    def __getitem__(self, name: str) -> StepReport:
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(f"no step {name!r} in this run; there are {', '.join(step.name for step in self.steps)}")

    def output(self, name: str, kind: type[_T]) -> _T:
        """Return the output of a step, with its type.

        Args:
            name: The step.
            kind: The type it has, such as ``ChannelCreated``.

        Returns:
            The output; of a failed step, what it had achieved before.

        Raises:
            KeyError: There is no such step.
            TypeError: The step gave something else, or nothing; the message says how it ended.
        """
        step = self[name]
        if not isinstance(step.output, kind):
            gave = "nothing" if step.output is None else type(step.output).__name__
            raise TypeError(f"step {name!r} ({step.outcome}) gave {gave}, not {kind.__name__}")
        return step.output

    def raise_for_failure(self) -> None:
        """Raise where the run did not do what it should.

        Raises:
            StepFailed: The first step that stopped the run, with its error as ``__cause__``.
            SlackRunbooksError: The run has not ended, and no step is to blame.
        """
        if self.ok:
            return
        # A step that may fail does not hide the one that ended the run.
        ended = [step for step in self.steps if step.outcome == self.state]
        first = next((step for step in self.steps if step.name == self.stopped_by), ended[0] if ended else None)
        if first is None:
            raise SlackRunbooksError(f"{self.runbook} ({self.run_id}): the run is {self.state}.")
        error = first.error or SlackRunbooksError(first.reason or f"the run is {self.state}")
        raise StepFailed(first.name, error, run_id=self.run_id, output=first.output) from error

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-safe data."""
        return {
            "run_id": self.run_id,
            "runbook": self.runbook,
            "state": self.state,
            "ok": self.ok,
            "actor": self.actor,
            "reason": self.reason,
            "steps": [step.to_dict() for step in self.steps],
            "saved": plain(self.saved),
            "context": plain(self.context),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        head = f"{self.runbook} ({self.run_id}): {self.state}"
        return "\n".join([head, *(f"  {step}" for step in self.steps), *(f"  note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        asked = " ".join(
            part for part in (self.actor and f"by {self.actor}", self.reason and f"({self.reason})") if part
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return (
            f"<div><strong>{html.escape(self.runbook)}</strong> <code>{html.escape(self.run_id)}</code> "
            f"{_badge(self.state)} {html.escape(asked)}"
            f"{_table(('Step', 'Outcome', 'Result', 'Calls', 'Waited', 'Took'), map(_row, self.steps))}{notes}</div>"
        )


# Each reads on white and on black at a contrast of about four; a notebook does not tell a page which theme it has.
_COLOURS = {"succeeded": "#1f8a3d", "failed": "#d93f47", "ambiguous": "#a36f00", "cancelled": "#a36f00"}

_CELL = "text-align:left;vertical-align:top;padding:4px 8px;border-top:1px solid rgba(127,127,127,.35)"


def _styled(state: str, text: str) -> str:
    look = f"color:{_COLOURS[state]}" if state in _COLOURS else "opacity:.7"
    return f'<span style="{look};font-weight:600;white-space:nowrap">{html.escape(text)}</span>'


def _badge(state: str) -> str:
    return _styled(state, f"{_MARKS[state]} {state}")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Make a table that carries its own looks: a notebook has few, and others in each program that shows it."""
    body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
    return (
        '<table style="border-collapse:collapse;margin:4px 0">'
        f"<thead><tr>{_cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f'<{tag} style="{_CELL}">{text}</{tag}>' for text in texts)


def _row(step: StepReport) -> tuple[str, ...]:
    took = _seconds((step.ended - step.started).total_seconds()) if step.started and step.ended else ""
    waited = _seconds(step.waited) if step.waited else ""
    calls = "<br>".join(html.escape(call) for call in step.calls)
    return html.escape(step.name), _badge(step.outcome), _result(step), calls, waited, took


def _seconds(seconds: float) -> str:
    return f'<span style="white-space:nowrap">{seconds:.2f} s</span>'


def _result(step: StepReport) -> str:
    parts = []
    if step.error is not None:
        parts.append(html.escape(str(step.error)))
    elif step.reason:
        parts.append(html.escape(step.reason))
    if step.output is not None:
        shown = _facts(step.output)
        facts = shown.items() if isinstance(shown, dict) else [("value", shown)]
        parts.append(
            "<br>".join(
                f"{html.escape(str(key))}: <code>{html.escape(_listed(value))}</code>"
                for key, value in facts
                if value is not None and value is not False and value != [] and value != {}
            )
        )
    return "<br>".join(part for part in parts if part)


def _facts(output: object) -> Any:
    """Return what a table shows of an output: a field whose repr is hidden (messages) stays hidden here."""
    if not attrs.has(type(output)):
        return plain(output)
    fields = attrs.fields(cast("type[attrs.AttrsInstance]", type(output)))
    values = {field: getattr(output, field.name) for field in fields}
    return {
        field.name: field.repr(value) if callable(field.repr) else plain(value)
        for field, value in values.items()
        if field.repr
    }


def _listed(value: object) -> str:
    """Show a list or a mapping of an output without Python's brackets and quotes."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@attrs.frozen(kw_only=True)
class AuditRecord:
    """One effect in Slack: who asked for it and why, what, where and when, and under which scopes.

    Attributes:
        run_id: The run.
        runbook: Name of its runbook.
        step: The step.
        call: Which of the step's calls, from 1; with run and step it names the effect.
        method: The Web API method.
        target: What it was done to, by Slack's names of the arguments: IDs, names and times, no text of a message.
        at: When the request was sent (UTC).
        actor: Who asked for the run, or ``None``.
        reason: Why, or ``None``.
        scopes: The scopes that the token had, as Slack's last answer said.
        found: Whether its answer was lost, and it was found to be done.
        workspace: Team ID of the workspace; ``""`` for the run's own where the executor does not know it.
    """

    run_id: str
    runbook: str
    step: str
    call: int
    method: str
    target: Mapping[str, str]
    at: datetime
    actor: str | None
    reason: str | None
    scopes: tuple[str, ...]
    found: bool = False
    workspace: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-safe data."""
        return {
            **attrs.asdict(self, recurse=False),
            "target": dict(self.target),
            "at": self.at.isoformat(),
            "scopes": list(self.scopes),
        }


@attrs.frozen
class LostAnswer:
    """A request of a run whose answer was lost: only a person can tell what became of it.

    Attributes:
        step: The step.
        call: Which of its calls, from 1.
        method: The Web API method, or the name of a function of the host.
        reply: What has to be told of what it made, if it was carried out, by dotted path: ``("channel", "ts")``.
        function: Whether it is a function of the host. Then the reply is what it returned; of anything but a mapping,
            ``{"value": …}``.
        workspace: Team ID of the other workspace to which it was sent; ``""`` for the run's own.
    """

    step: str
    call: int
    method: str
    reply: tuple[str, ...] = ()
    function: bool = False
    workspace: str = ""


@attrs.frozen
class CheckReport:
    """What a check found. It is true (``bool(report)``) where nothing stands against a run.

    Attributes:
        problems: What would stop the run or make it go wrong, each with its place and remedy.
        warnings: What cannot stop it: problems of steps with ``on_error="continue"``, and doubts.
        scopes: What the runbook needs.
        granted: What the token has, sorted; ``None`` if it could not be learned.
        subject: What was checked.
        unsettled: Steps that would stop as ambiguous if an answer got lost, with what is missing to tell what became of
            the request; empty where the scopes of the token are not known.
        unseen: What the steps name in Slack and nobody could look at, or only the run can tell: why, by place
            (``steps.invite.users[2]``). It is no problem and no warning.
        elsewhere: What the tokens of other workspaces have, by team ID, as ``granted``.
    """

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    scopes: ScopeRequirements = attrs.field(repr=False)
    granted: tuple[str, ...] | None = None
    subject: str = ""
    unsettled: Mapping[str, str] = attrs.field(factory=dict)
    unseen: Mapping[str, str] = attrs.field(factory=dict)
    elsewhere: Mapping[str, tuple[str, ...] | None] = attrs.field(factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing stands against a run."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.ok

    def raise_for_problems(self) -> None:
        """Raise where something stands against a run.

        Raises:
            CheckFailed: With all the problems.
        """
        if self.problems:
            raise CheckFailed(self.problems, subject=self.subject)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-safe data."""
        return {
            "subject": self.subject,
            "ok": self.ok,
            "problems": [_problem(problem) for problem in self.problems],
            "warnings": [_problem(problem) for problem in self.warnings],
            "scopes": {"needed": list(self.scopes.minimal), "granted": plain(self.granted)},
            "unsettled": dict(self.unsettled),
            "unseen": dict(self.unseen),
            "elsewhere": {team: plain(granted) for team, granted in self.elsewhere.items()},
        }

    def _open(self) -> list[tuple[str, str]]:
        """Return what is not known, each with the places that it holds for."""
        lost = [(step, f"if its answer gets lost, {missing}") for step, missing in self.unsettled.items()]
        # First what keeps it from running at all.
        found = [] if self.problems else lost
        reasons: dict[str, list[str]] = {}
        for place, reason in self.unseen.items():
            reasons.setdefault(reason, []).append(place)
        return [*((", ".join(places), reason) for reason, places in reasons.items()), *found]

    def __str__(self) -> str:
        still = [f"  ? {where}: {what}" for where, what in self._open()]
        if not self.problems and not self.warnings:
            return "\n".join([f"{self.subject}: nothing stands against it.", *still])
        lines = [f"{self.subject}: {_count(self.problems, 'problem')}, {_count(self.warnings, 'warning')}"]
        lines += [f"  ✗ {problem}" for problem in self.problems]
        lines += [f"  ! {problem}" for problem in self.warnings]
        return "\n".join([*lines, *still])

    def _repr_html_(self) -> str:
        still = "".join(
            f"<div>{_styled('ambiguous', '?')} {html.escape(where)}: {html.escape(what)}</div>"
            for where, what in self._open()
        )
        if not self.problems and not self.warnings:
            return (
                f"<div>{_styled('succeeded', '✓')} {html.escape(self.subject)}: nothing stands against it.{still}</div>"
            )
        rows = (
            (
                _styled("failed" if problem.severity == "error" else "ambiguous", _mark(problem)),
                html.escape(problem.place),
                "<br>".join(html.escape(part) for part in (problem.message, problem.remedy) if part),
            )
            for problem in (*self.problems, *self.warnings)
        )
        counts = f"{_count(self.problems, 'problem')}, {_count(self.warnings, 'warning')}"
        table = _table(("", "Place", "Problem, and what to do"), rows)
        return f"<div><strong>{html.escape(self.subject)}</strong> {counts}{table}{still}</div>"


@attrs.frozen
class PlannedStep:
    """What one step would do.

    Attributes:
        name: The step.
        action: Name of the action, as in YAML.
        arguments: The filled fields; ``‹steps.room.channel›`` stands for what only Slack can tell.
        methods: The Web API methods it may call, in order.
        scopes: The scopes it needs, the preferred alternative of each.
        skipped: Why it would be skipped; empty if it would run.
        problems: What is wrong with it.
        least_time: Seconds it takes at the least under Slack's published rates.
        times: How often the action is done, for a step with ``foreach`` whose list is known; the arguments are those of
            the first.
        workspaces: Team IDs of the workspaces in which it acts, if it acts in others than the run's own: ``""`` for
            that one, ``‹…›`` for what only the run can tell.
    """

    name: str
    action: str
    arguments: Mapping[str, Any] = attrs.field(repr=False)
    methods: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    skipped: str = ""
    problems: tuple[Problem, ...] = ()
    least_time: float = 0.0
    times: int | None = None
    workspaces: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The action, how often it is done, and in which other workspaces."""
        times = f", {_times(self.times)}" if self.times is not None else ""
        teams = ", ".join(team or "its own" for team in self.workspaces)
        where = f" in {teams}" if teams else ""
        return f"{self.action}{times}{where}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-safe data."""
        return {
            "name": self.name,
            "action": self.action,
            "arguments": plain(self.arguments),
            "methods": list(self.methods),
            "scopes": list(self.scopes),
            "skipped": self.skipped,
            "problems": [_problem(problem) for problem in self.problems],
            "least_time": self.least_time,
            "times": self.times,
            "workspaces": list(self.workspaces),
        }


@attrs.frozen
class Plan:
    """What a run would do, found without a token and without a network. Message bodies show here.

    Attributes:
        runbook: Name of the runbook.
        steps: What each step would do, in order.
        scopes: What the runbook needs, filled as it is.
        general: What is wrong with the context as a whole, such as an input that is missing.
        settling: What it takes to tell what became of each request, should its answer get lost.
        named: What its steps name in Slack, for a check to look at.
    """

    runbook: str
    steps: tuple[PlannedStep, ...]
    scopes: ScopeRequirements = attrs.field(repr=False)
    general: tuple[Problem, ...] = ()
    settling: tuple[Requirement, ...] = attrs.field(default=(), repr=False)
    named: tuple[Named, ...] = attrs.field(default=(), repr=False, eq=False)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the context, and with each step."""
        return (*self.general, *(problem for step in self.steps for problem in step.problems))

    @property
    def least_time(self) -> float:
        """Seconds that the run takes at the least under Slack's published rates."""
        return sum(step.least_time for step in self.steps)

    def __getitem__(self, name: str) -> PlannedStep:
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(f"no step {name!r} in this plan; there are {', '.join(step.name for step in self.steps)}")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-safe data."""
        return {
            "runbook": self.runbook,
            "steps": [step.to_dict() for step in self.steps],
            "scopes": list(self.scopes.minimal),
            "least_time": self.least_time,
            "general": [_problem(problem) for problem in self.general],
        }

    def __str__(self) -> str:
        lines = [f"{self.runbook}: {_count(self.steps, 'step')}, scopes {', '.join(self.scopes.minimal) or 'none'}"]
        for step in self.steps:
            lines.append(f"  {step.name}: {step.title}" + (f" (skipped: {step.skipped})" if step.skipped else ""))
            if not step.skipped:
                lines += [f"      {key}: {_indented(_shown(value))}" for key, value in step.arguments.items()]
                lines.append(f"      calls {', '.join(step.methods) or 'nothing'}")
            lines += [f"      {_mark(problem)} {problem}" for problem in step.problems]
        return "\n".join([*lines, *(f"  {_mark(problem)} {problem}" for problem in self.general)])

    def _repr_html_(self) -> str:
        rows = (
            (
                html.escape(step.name),
                html.escape(step.title),
                _arguments(step),
                "<br>".join(html.escape(method) for method in step.methods),
            )
            for step in self.steps
        )
        return (
            f"<div><strong>{html.escape(self.runbook)}</strong>, scopes "
            f"<code>{html.escape(', '.join(self.scopes.minimal) or 'none')}</code>"
            f"{_table(('Step', 'Action', 'Arguments', 'Calls'), rows)}"
            + "".join(f"<p>{_mark(problem)} {html.escape(str(problem))}</p>" for problem in self.general)
            + "</div>"
        )


Verdict: TypeAlias = Literal["ok", "warning", "problem", "not_looked_at"]
"""What came of looking at one part of an installation."""

# How each verdict is marked, and the colour of what state it has.
_VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    "ok": ("✓", "succeeded"),
    "warning": ("!", "ambiguous"),
    "problem": ("✗", "failed"),
    "not_looked_at": ("–", "skipped"),
}


@attrs.frozen
class Finding:
    """What one look at an installation found.

    Attributes:
        check: What was looked at: ``dns``, ``token``, ``scopes`` …
        outcome: ``ok``, ``warning`` (it cannot stop a run), ``problem`` or ``not_looked_at``.
        message: What was seen, or why nobody looked. Never a token or the text of a message.
        cause: Of a warning or a problem, its name for programs: ``certificate_expired``, or Slack's error code.
        remedy: What to do about it; empty where nothing is wrong.
        place: Where in the runbook: ``steps.announce.channel``; empty elsewhere.
        docs: Where Slack's error code is explained, below ``docs/``; empty for anything else.
    """

    check: str
    outcome: Verdict
    message: str
    cause: str = ""
    remedy: str = ""
    place: str = ""
    docs: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return everything as JSON-safe data."""
        return attrs.asdict(self)

    def __str__(self) -> str:
        seen = f"{self.place}: {self.message}" if self.place else self.message
        line = f"{_VERDICTS[self.outcome][0]} {self.check.replace('_', ' ')}: {seen}"
        return f"{line.rstrip('.')}. {self.remedy}" if self.remedy else line


@attrs.frozen
class Diagnosis:
    """What is wrong with an installation, in the order in which one thing rests on another.

    The first problem is the cause: what rests on it was not looked at. It is true (``bool(diagnosis)``) where no
    problem was found.

    Attributes:
        findings: What was looked at, in order, with what was not and why.
        calls: The requests that were made to Slack, in order.
    """

    findings: tuple[Finding, ...]
    calls: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.ok

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What keeps the installation from working, the cause first."""
        return tuple(finding for finding in self.findings if finding.outcome == "problem")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What may be meant so, but seldom is."""
        return tuple(finding for finding in self.findings if finding.outcome == "warning")

    @property
    def cause(self) -> Finding | None:
        """The first problem; ``None`` if there is none."""
        return self.problems[0] if self.problems else None

    def of(self, check: str) -> tuple[Finding, ...]:
        """Return what one check found.

        Args:
            check: Its name, as in :attr:`Finding.check`.
        """
        return tuple(finding for finding in self.findings if finding.check == check)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-safe data."""
        return {
            "ok": self.ok,
            "cause": self.cause.to_dict() if self.cause else None,
            "findings": [finding.to_dict() for finding in self.findings],
            "calls": list(self.calls),
        }

    @property
    def _title(self) -> str:
        counts = f"{_count(self.problems, 'problem')}, {_count(self.warnings, 'warning')}"
        return f"{counts}, {_count(self.calls, 'request')} to Slack"

    def __str__(self) -> str:
        lines = [self._title]
        for finding in self.findings:
            lines.append(f"  {attrs.evolve(finding, remedy='')}")
            lines += [f"      {finding.remedy}"] if finding.remedy else []
            lines += [f"      See docs/{finding.docs}"] if finding.docs else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = (
            (
                _styled(_VERDICTS[finding.outcome][1], _VERDICTS[finding.outcome][0]),
                html.escape(finding.check.replace("_", " ")),
                "<br>".join(html.escape(part) for part in (finding.place, finding.message, finding.remedy) if part),
            )
            for finding in self.findings
        )
        table = _table(("", "Looked at", "What was seen, and what to do"), rows)
        return f"<div><strong>{html.escape(self._title)}</strong>{table}</div>"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _arguments(step: PlannedStep) -> str:
    lines = [f"skipped: {step.skipped}"] if step.skipped else []
    lines += [f"{key}: {_shown(value)}" for key, value in step.arguments.items()]
    lines += [f"{_mark(problem)} {problem}" for problem in step.problems]
    return "<br>".join(html.escape(line).replace("\n", "<br>") for line in lines)


def _mark(problem: Problem) -> str:
    return "✗" if problem.severity == "error" else "!"


def _count(things: Sized, word: str) -> str:
    return f"1 {word}" if len(things) == 1 else f"{len(things)} {word}s"


def _indented(text: str) -> str:
    """Put the further lines of a text below its first."""
    return text.rstrip("\n").replace("\n", "\n        ")


def _shown(value: object) -> str:
    """Show a field of an action: text as it is, people with commas, blocks as JSON, one a line."""
    if isinstance(value, str):
        return value
    if not isinstance(value, (list, tuple)):
        return json.dumps(plain(value), ensure_ascii=False)
    if all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return "\n".join(json.dumps(plain(item), ensure_ascii=False) for item in value)


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "place": problem.place,
        "message": problem.message,
        "remedy": problem.remedy,
        "severity": problem.severity,
    }


def _error(error: BaseException | None) -> dict[str, Any] | None:
    if error is None:
        return None
    facts: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, SlackRunbooksError):
        facts["remedy"] = error.remedy
    if isinstance(error, SlackError):
        facts |= {"code": error.code, "method": error.method}
    return facts


def plain(value: object) -> Any:
    """Turn outputs, contexts and their parts into JSON-safe data.

    Args:
        value: Plain data, attrs objects among it, dates, and anything else by its text.
    """
    if isinstance(value, float) and not math.isfinite(value):
        # JSON has neither NaN nor infinity.
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Markup):
        return value.mrkdwn
    if isinstance(value, (bytes, bytearray)):
        # What a host's function drew is for the next step, and too long to read.
        return _count(value, "byte")
    if isinstance(value, datetime):
        return (value.astimezone(timezone.utc) if value.tzinfo else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if attrs.has(type(value)):
        # Not attrs.asdict, which leaves dates and what a list holds as they are.
        fields = attrs.fields(cast("type[attrs.AttrsInstance]", type(value)))
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        # A set has no order of its own; the same set must always give the same data.
        return sorted((plain(item) for item in value), key=repr)
    return str(value)
