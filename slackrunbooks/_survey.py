"""Look before you leap: what a runbook would do with a context, and everything that is wrong with that.

Rule of this file: pure, without a token and without a network; what only Slack can tell is a named placeholder. What a
token was granted comes in as a value.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from .actions import Action, action_name
from .actions._base import Need, fields_of, render
from .errors import MissingScope, Problem, RunbookError, SlackRunbooksError
from .report import CheckReport, Plan, PlannedStep
from .runbook import ERROR_STAND_IN, Runbook, Step, look_up, put, stand_in, truthy, when_reason
from .scopes import ScopeRequirements, required_scopes
from .slack_methods import METHODS, call

if TYPE_CHECKING:
    from ._effects import Flow

__all__ = ["Identify", "Identity", "check_report", "problems_of", "survey"]


@attrs.frozen
class Identity:
    """Who a token is and what it may do.

    Attributes:
        user_id: The bot's user ID.
        team: Name of its workspace.
        granted: Its scopes, sorted; ``None`` where the answer does not tell.
    """

    user_id: str
    team: str
    granted: tuple[str, ...] | None


@attrs.frozen
class Identify(Action[Identity]):
    """Ask Slack who the token is.

    Slack: https://docs.slack.dev/reference/methods/auth.test

    The header ``x-oauth-scopes`` of every answer names the token's scopes:
    https://docs.slack.dev/authentication/installing-with-oauth
    """

    output: ClassVar[type[Any]] = Identity

    def needs(self) -> tuple[Need, ...]:
        return (Need("auth.test", "tell who the token is"),)

    def flow(self) -> Flow[Identity]:
        reply = yield call("auth.test")
        header = reply.headers.get("x-oauth-scopes")
        granted = None if header is None else tuple(sorted(part.strip() for part in header.split(",") if part.strip()))
        return Identity(str(reply.get("user_id", "")), str(reply.get("team", "")), granted)


def survey(
    runbook: Runbook, context: Mapping[str, Any], *, templates: bool = True, single: bool = False
) -> tuple[Plan, tuple[Problem, ...]]:
    """Go through a runbook without running it.

    Args:
        runbook: The runbook.
        context: Plain data.
        templates: Whether text fields are templates.
        single: Whether this is one action by itself, so that places need no step.

    Returns:
        The plan, and the problems that concern the context as a whole.
    """
    filled, general = runbook.with_defaults(context) if templates else (dict(context), [])
    requirements = required_scopes(runbook)
    outputs: dict[str, Any] = {}
    posts: dict[str, int] = {}
    steps: list[PlannedStep] = []
    for name, step in runbook.steps.items():
        scope = {**filled, "steps": outputs}
        if step.run_if != "success":
            scope["error"] = ERROR_STAND_IN
        planned = _plan_step(name, step, scope, runbook, templates=templates, single=single)
        scopes = tuple(
            dict.fromkeys(entry.scopes[0] for entry in requirements if entry.step == name and not entry.condition)
        )
        steps.append(attrs.evolve(planned, scopes=scopes, least_time=_least_time(planned, posts)))
        outputs[name] = {} if planned.skipped else stand_in(step.action, name)
        if not planned.skipped:
            for path, field in step.save_as.items():
                filled = put(filled, path, outputs[name][field])
    return Plan(runbook.name, tuple(steps), requirements), tuple(general)


def _plan_step(
    name: str, step: Step, scope: Mapping[str, Any], runbook: Runbook, *, templates: bool, single: bool
) -> PlannedStep:
    place = "" if single else f"steps.{name}"
    word = action_name(type(step.action))
    skipped, problems = _skipped(step, scope, place)
    if skipped:
        return PlannedStep(name, word, {}, skipped=skipped, problems=tuple(_weighed(problems, step)))
    action, found = render(step.action, scope if templates else None, place=place, partials=runbook.partials)
    arguments = {
        field.name: value for field in fields_of(action) if (value := getattr(action, field.name)) != field.default
    }
    methods = tuple(dict.fromkeys(need.method for need in action.needs() if not need.condition))
    return PlannedStep(name, word, arguments, methods, problems=tuple(_weighed([*problems, *found], step)))


def _weighed(problems: Iterable[Problem], step: Step) -> list[Problem]:
    """Make problems of a step that may fail warnings: a cosmetic step never keeps an incident from being declared."""
    if step.on_error == "continue":
        return [attrs.evolve(problem, severity="warning") for problem in problems]
    return list(problems)


def _skipped(step: Step, scope: Mapping[str, Any], place: str) -> tuple[str, list[Problem]]:
    """Tell why a step would be skipped, if that is known before the run, and what is wrong with its condition."""
    when = step.when
    if when is None or callable(when):
        return "", []
    paths = [when] if isinstance(when, str) else list(when)
    if any(path.split(".")[0] in ("steps", "error") for path in paths):
        return "", []
    where = f"{place}.when" if place else "when"
    problems: list[Problem] = []
    try:
        for path in paths:
            problems += _doubts(path, when, scope, where)
        return when_reason(when, scope) or "", problems
    except RunbookError as error:
        return "", [Problem(where, error.reason, error=error)]


def _doubts(path: str, when: object, scope: Mapping[str, Any], where: str) -> list[Problem]:
    """Warn of a path that is missing while a similar one exists: a step that is silently skipped helps nobody."""
    wanted = when.get(path) if isinstance(when, Mapping) else None
    if isinstance(wanted, Mapping) and "exists" in wanted:
        return []
    head, _, last = path.rpartition(".")
    parent = look_up(scope, head) if head else scope
    if not isinstance(parent, Mapping) or last in parent or not truthy(parent):
        return []
    near = difflib.get_close_matches(last, [str(key) for key in parent], n=1)
    if not near:
        return []
    meant = f"{head}.{near[0]}" if head else near[0]
    return [Problem(where, f"the context has no {path!r} (did you mean {meant!r}?).", severity="warning")]


def _least_time(step: PlannedStep, posts: dict[str, int]) -> float:
    """Count a second for each further post to one channel.

    Source: https://docs.slack.dev/apis/web-api/rate-limits
    """
    if step.skipped or not any(METHODS[method].posts for method in step.methods):
        return 0.0
    channel = str(step.arguments.get("channel") or step.arguments.get("users"))
    posts[channel] = posts.get(channel, 0) + 1
    return 1.0 if posts[channel] > 1 else 0.0


def problems_of(plan: Plan, general: Iterable[Problem]) -> list[Problem]:
    """Return everything that is wrong, errors and warnings."""
    return [*general, *plan.problems]


def check_report(
    runbook: Runbook,
    plan: Plan,
    general: Iterable[Problem],
    identity: Identity | SlackRunbooksError,
    *,
    single: bool = False,
) -> CheckReport:
    """Put together what looking offline and asking Slack found.

    Args:
        runbook: What was checked.
        plan: From :func:`survey`.
        general: From :func:`survey`.
        identity: Who the token is, or why that could not be learned.
        single: Whether this is one action by itself.
    """
    problems = problems_of(plan, general)
    granted: tuple[str, ...] | None = None
    if isinstance(identity, SlackRunbooksError):
        problems.append(Problem("token", str(identity), error=identity))
    elif identity.granted is None:
        problems.append(
            Problem(
                "token",
                "Slack's answer does not say which scopes the token has, so they were not checked.",
                "Something between here and Slack takes away the header x-oauth-scopes.",
                severity="warning",
            )
        )
    else:
        granted = identity.granted
        problems += _missing(runbook, plan, granted, single=single)
    return CheckReport(
        problems=tuple(problem for problem in problems if problem.severity == "error"),
        warnings=tuple(problem for problem in problems if problem.severity == "warning"),
        scopes=plan.scopes,
        granted=granted,
        subject=runbook.name,
    )


def _missing(runbook: Runbook, plan: Plan, granted: tuple[str, ...], *, single: bool) -> list[Problem]:
    found: list[Problem] = []
    for requirement in ScopeRequirements(plan.scopes.requirements).missing(granted):
        if plan[requirement.step].skipped:
            continue
        error = MissingScope(
            method=requirement.method,
            needed=requirement.scopes,
            granted=granted,
            remedy=f"Add the scope {requirement.wording} to the Slack app (OAuth & Permissions) and install it again.",
        )
        problem = Problem(
            "token" if single else f"steps.{requirement.step}",
            f"the token lacks {requirement.wording}, needed to {requirement.why}.",
            error.remedy,
            error=error,
        )
        found += _weighed([problem], runbook.steps[requirement.step])
    return list(dict.fromkeys(found))
