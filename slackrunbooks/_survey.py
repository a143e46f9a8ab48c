"""Look before you leap: what a runbook would do with a context, and everything that is wrong with that.

Rule of this file: pure, without a token and without a network; what only Slack can tell is a named placeholder. What a
token was granted comes in as a value.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from ._conditions import when_paths, when_reason
from ._context import fields_in, in_the_way, kind_of, look_up, put, truthy
from ._look import Identity, Named, Namer, Sight
from ._registry import word
from .actions import Action
from .actions._base import Need, Placeholder, data_templates, fields_of, fill, render, templates as templates_of
from .actions.approvals import RequestApproval
from .actions.functions import Function
from .errors import AuthenticationFailed, MissingScope, MissingVariable, Problem, RunbookError, SlackRunbooksError
from .markup import Markup, Pending, Unknown
from .report import CheckReport, Plan, PlannedStep
from .runbook import ERROR_STAND_IN, OF_THE_RUN, Runbook, Step, no_team, save_problems, stand_in
from .scopes import ScopeRequirements, scopes_of, settling
from .slack_methods import METHODS, TOKENS

if TYPE_CHECKING:
    from ._conditions import When
    from ._effects import Flow
    from ._tokens import TokenKind
    from .policy import Policy

__all__ = [
    "EMPTY_LIST",
    "check_report",
    "loop_items",
    "others",
    "part",
    "survey",
    "unreachable",
    "with_others",
    "workspace_of",
]


# Of a skipped step it is known that there is nothing to read.
_NO_OUTPUT: Mapping[str, Any] = MappingProxyType({})


@attrs.frozen
class _Bounds(Action[None]):
    """What a policy asks of Slack on the way, for the scopes of a step."""

    wants: tuple[Need, ...]

    def needs(self) -> tuple[Need, ...]:
        return self.wants

    def flow(self) -> Flow[None]:
        raise NotImplementedError


def survey(
    runbook: Runbook,
    context: Mapping[str, Any],
    *,
    templates: bool = True,
    single: bool = False,
    policy: Policy | None = None,
    own: str = "",
) -> Plan:
    """Go through a runbook without running it.

    Args:
        runbook: The runbook.
        context: Plain data.
        templates: Whether text fields are templates.
        single: Whether this is one action by itself, so that places need no step.
        policy: Bounds; what is known to cross one is a problem.
        own: Team ID of the run's own workspace, where it is known.

    Returns:
        The plan, with everything that is wrong.
    """
    filled, general = runbook.with_defaults(context) if templates else (dict(context), [])
    for path in runbook.required_but_missing(filled) if templates else ():
        # Told once, as an input; not again for each template that prints it.
        filled = put(filled, path, Placeholder.named(path))
    actions: dict[str, tuple[Action[Any], ...]] = {}
    outputs: dict[str, Any] = {}
    posts: dict[str, int] = {}
    steps: list[PlannedStep] = []
    namers, named = {"": Namer()}, list[Named]()
    for name, step in runbook.steps.items():
        scope = {**filled, "steps": outputs, "signals": {}}
        if step.run_if != "success":
            scope["error"] = ERROR_STAND_IN
        planned, done, teams = _plan_step(name, step, scope, runbook, templates=templates, single=single, own=own)
        actions[name] = done
        placed = tuple(zip(_places(name, step, planned, single=single), done, teams, strict=False))
        named += _named_by(name, step, placed, namers, runs=not planned.skipped)
        found: list[Problem] = []
        if step.run_if == "always":
            # Where nothing failed, there is no error to print.
            calm, *_ = _plan_step(
                name, step, {**scope, "error": {}}, runbook, templates=templates, single=single, own=own
            )
            found += [problem for problem in calm.problems if problem not in planned.problems]
        if not planned.skipped:
            found += _weighed(save_problems(step, filled, f"steps.{name}.save_as"), step)
            found += _open_gate(name, step, runbook)
            if policy is not None:
                place = "" if single else f"steps.{name}"
                for team in dict.fromkeys(teams):
                    there = tuple(action for action, where in zip(done, teams, strict=True) if where == team)
                    found += _weighed(_crossed(policy, team, step, planned, there, runbook, place=place), step)
                    bounds = policy if team is None else policy.within(team)
                    actions[name] = (*actions[name], _Bounds(bounds.needs() if bounds is not None else ()))
        problems = (*planned.problems, *found)
        least = sum(_least_time(planned, action, posts) for action in done)
        if step.after is not None and not planned.skipped:
            least += step.after
        steps.append(attrs.evolve(planned, problems=problems, least_time=least))
        outputs[name] = _NO_OUTPUT if planned.skipped else stand_in(step, name)
        if not planned.skipped:
            for path, field in step.save_as.items():
                # As ``steps.NAME`` lacks what may be anything: there a section shows nothing, and so it must here.
                unknown = Unknown(f"steps.{name}.{field}")
                filled = put(filled, path, outputs[name].get(field, unknown))
    # The filled actions tell more than the templates: whether people are given by e-mail, whether a channel is private.
    may_fail = {name for name, step in runbook.steps.items() if step.on_error == "continue"}
    requirements = scopes_of(actions, may_fail, runbook="" if single else runbook.name)
    planned_steps = tuple(_with_scopes(steps, requirements))
    return Plan(runbook.name, planned_steps, requirements, tuple(general), settling(actions), tuple(named))


def _named_by(
    name: str,
    step: Step,
    placed: Sequence[tuple[str, Action[Any], str | None]],
    namers: dict[str, Namer],
    *,
    runs: bool,
) -> Iterator[Named]:
    """Give what a step names in each workspace; a channel that is made in one is not there in another."""
    for team in dict.fromkeys(team for *_, team in placed if team is not None):
        if team not in namers:
            namers[team] = Namer.after(namers[""])
        there = tuple((place, action) for place, action, where in placed if where == team)
        for each in namers[team].read(name, step, there, runs=runs):
            yield attrs.evolve(each, workspace=team)
    if isinstance(step.action, Function) and runs:
        # It may do anything anywhere.
        for team, namer in namers.items():
            if team:
                list(namer.read(name, step, tuple((place, action) for place, action, _ in placed)))


def _places(name: str, step: Step, planned: PlannedStep, *, single: bool) -> list[str]:
    """Return where each action of a step stands."""
    place = "" if single else f"steps.{name}"
    if step.foreach is None or planned.times is None:
        return [place]
    return [f"{place}[{number}]" for number in range(1, planned.times + 1)]


def _crossed(
    policy: Policy,
    team: str | None,
    step: Step,
    planned: PlannedStep,
    actions: tuple[Action[Any], ...],
    runbook: Runbook,
    *,
    place: str,
) -> Iterator[Problem]:
    """Tell which bounds of a policy a step is known to cross in a workspace; ``None`` for one that is not known yet."""
    if team is None:
        if not policy.workspaces:
            yield _outside(policy, "", place)
        return
    bounds = policy.within(team)
    if bounds is None:
        yield _outside(policy, team, place)
        return
    policy = bounds
    yield from policy.tags(step.action, place=place, partials=runbook.partials)
    methods = tuple(need.method for need in step.action.needs())
    seen: set[str] = set()
    for action in actions:
        for problem in policy.foresee(action, methods=(*planned.methods, *methods), place=place):
            if problem.message not in seen:
                seen.add(problem.message)
                yield problem


def _outside(policy: Policy, team: str, place: str) -> Problem:
    error = policy.outside(team or "that only the run can tell")
    return Problem(f"{place}.workspace" if place else "workspace", str(error), error=error)


def _open_gate(name: str, step: Step, runbook: Runbook) -> Iterator[Problem]:
    """Warn of an approval whose refusal does not keep the steps behind it from running."""
    if not isinstance(step.action, RequestApproval) or step.on_error != "continue":
        return
    # What only an approval that was given has; ``channel`` and ``ts`` are there after a refusal too.
    given = {f"steps.{name}.approved_by", f"steps.{name}.waited"}
    names = list(runbook.steps)
    for later in names[names.index(name) + 1 :]:
        behind = runbook.steps[later]
        # A predicate may look at anything.
        guarded = callable(behind.when) or given & set(when_paths(behind.when))
        if behind.run_if == "success" and not guarded:
            yield Problem(
                f"steps.{name}.on_error",
                f"'continue' lets the steps behind this approval run after a refusal too, {later!r} first.",
                f"Leave it out, or let each of them run only when: steps.{name}.approved_by.",
                severity="warning",
            )
            return


def _with_scopes(steps: Iterable[PlannedStep], requirements: ScopeRequirements) -> Iterator[PlannedStep]:
    for step in steps:
        needed = [entry for entry in requirements if entry.step == step.name and not entry.condition]
        yield attrs.evolve(step, scopes=tuple(dict.fromkeys(entry.scopes[0] for entry in needed)))


def _plan_step(
    name: str, step: Step, scope: Mapping[str, Any], runbook: Runbook, *, templates: bool, single: bool, own: str
) -> tuple[PlannedStep, tuple[Action[Any], ...], tuple[str | None, ...]]:
    """Plan a step; also return what it does, and for each time in which workspace, ``None`` for what is not known."""
    place = "" if single else f"steps.{name}"
    title = word(step.action)
    skipped, problems = _skipped(step.when, scope, f"{place}.when" if place else "when")
    if step.until is not None:
        until = f"{place}.until" if place else "until"
        problems += _skipped(step.until, {**scope, "steps": {**scope["steps"], name: {}}}, until)[1]
    items, found = _items(step, scope, place)
    if not skipped and items == []:
        skipped = EMPTY_LIST
    if skipped:
        planned = PlannedStep(name, title, {}, skipped=skipped, problems=tuple(_weighed(problems, step)))
        return planned, (step.action,), ("",)
    teams: list[str | None] = []
    shown: dict[str, None] = {}
    actions: list[Action[Any]] = []
    for number, item in enumerate(items if items is not None else [Placeholder.named("item")], 1):
        looped = {} if step.foreach is None else {"item": item, "item_number": number}
        where = f"{place}[{number}]" if items is not None and step.foreach is not None else place
        action, wrong = _filled(step, {**scope, **looped} if templates else None, where, runbook.partials)
        actions.append(action)
        team, lost = _team(step, {**scope, **looped} if templates else None, where, own)
        found += lost
        teams.append(None if Placeholder.is_in(team) else team)
        shown[Placeholder.plain(team)] = None
        late = _read_from_outputs(step.action, where, runbook.partials, scope) if templates else frozenset()
        # What a section over an output will say, only the run can tell: its text may be empty now.
        found += [each for each in wrong if not (each.place in late and each.message.startswith("is empty"))]
    arguments = _arguments(actions[0])
    if step.run_if == "success":
        found = [_with_advice(problem) for problem in found]
    needed = (need.method for action in actions for need in action.needs() if not need.condition)
    planned = PlannedStep(
        name,
        title,
        arguments,
        tuple(dict.fromkeys(needed)),
        problems=tuple(_weighed([*problems, *found], step)),
        times=len(actions) if items is not None and step.foreach is not None else None,
        workspaces=tuple(shown) if any(shown) else (),
    )
    return planned, tuple(actions), tuple(teams)


def _read_from_outputs(
    action: Action[Any], place: str, partials: Mapping[str, str], scope: Mapping[str, Any]
) -> frozenset[str]:
    """Return the places of an action's templates that read what an earlier step gives or has saved."""
    return frozenset(
        spot
        for spot, template in templates_of(action, place=place, partials=partials)
        if any(name.startswith("steps.") or _is_open(scope, name) for name in template.variables)
    )


EMPTY_LIST = "there is nothing to do: the list of foreach is empty"
"""Why a step with an empty list is skipped."""


def _arguments(action: Action[Any]) -> dict[str, Any]:
    """Return what an action is filled with, defaults left out."""
    if isinstance(action, Function):
        return {name: _shown(value) for name, value in action.arguments.items()}
    return {
        field.name: _shown(value)
        for field in fields_of(action)
        if (value := getattr(action, field.name)) != field.default
    }


def loop_items(step: Step, scope: Mapping[str, Any], place: str) -> tuple[list[Any], list[Problem]]:
    """Return the items of a step with ``foreach``, and what is wrong with its list.

    Args:
        step: The step.
        scope: What templates see.
        place: Where the step stands.
    """
    where = f"{place}.foreach" if place else "foreach"
    source = "{{{" + step.foreach + "}}}" if isinstance(step.foreach, str) else step.foreach
    found, problems = fill(source, scope, place=where)
    if problems:
        return [], problems
    if isinstance(found, (list, tuple)):
        return list(found), []
    return [], [
        Problem(where, f"{step.foreach!r} is {kind_of(found)}, not a list.", "Give the path of a list in the context.")
    ]


def workspace_of(
    step: Step, scope: Mapping[str, Any] | None, place: str, *, own: str = ""
) -> tuple[str, list[Problem]]:
    """Return the other workspace in which a step acts, ``""`` for the run's own, and what is wrong with it.

    Args:
        step: The step.
        scope: What templates see; ``None`` where nothing is a template.
        place: Where the step stands.
        own: Team ID of the run's own workspace, where it is known.
    """
    if step.workspace is None:
        return "", []
    where = f"{place}.workspace" if place else "workspace"
    found, problems = (step.workspace, []) if scope is None else fill(step.workspace, scope, place=where)
    if problems:
        return "", problems
    if isinstance(found, str) and Placeholder.is_in(found):
        return found, []
    if wrong := no_team(found):
        return "", [Problem(where, wrong, error=RunbookError(wrong, place=where))]
    return ("" if found == own else str(found)), []


def _team(step: Step, scope: Mapping[str, Any] | None, place: str, own: str) -> tuple[str, list[Problem]]:
    """Return the workspace of a step, or a placeholder for what only the run can tell."""
    if scope is not None:
        names = (name for _, template in data_templates(step.workspace, place=place) for name in template.variables)
        for name in names:
            # A section over an output may say something else when it is there.
            if _is_open(scope, name) or _only_the_run_tells(name, scope):
                return Placeholder.named(name), []
    return workspace_of(step, scope, place, own=own)


def _items(step: Step, scope: Mapping[str, Any], place: str) -> tuple[list[Any] | None, list[Problem]]:
    """Return the items of a step, ``None`` where only the run can tell; a step without a loop has one."""
    if step.foreach is None:
        return [None], []
    path = step.foreach if isinstance(step.foreach, str) else ""
    if path and (path.split(".")[0] in OF_THE_RUN or _is_open(scope, path)):
        return None, []
    items, problems = loop_items(step, scope, place)
    if any(
        isinstance(problem.error, MissingVariable) and _only_the_run_tells(problem.error.name, scope)
        for problem in problems
    ):
        return None, []
    return (None if problems else items), problems


def _is_open(scope: Mapping[str, Any], path: str) -> bool:
    """Tell whether a path leads to, or through, what only the run can tell."""
    value: Any = scope
    for segment in path.split("."):
        if isinstance(value, Unknown):
            return True
        value = fields_in(value).get(segment)
    return isinstance(value, Unknown) or Placeholder.is_in(value)


def _shown(value: object) -> object:
    """Show placeholders to people without the mark that tells them from text."""
    if isinstance(value, Pending):
        return Placeholder.plain(value.plain)
    if isinstance(value, str):
        return Placeholder.plain(value)
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    return type(value)(map(_shown, value)) if isinstance(value, (list, tuple)) else value


def _filled(
    step: Step, scope: Mapping[str, Any] | None, place: str, partials: Mapping[str, str]
) -> tuple[Action[Any], list[Problem]]:
    """Fill an action; what it reads of outputs that nobody can know yet becomes a placeholder on the way."""
    while True:
        action, found = render(step.action, scope, place=place, partials=partials)
        if scope is None:
            return action, found
        missing = {problem.error.name for problem in found if isinstance(problem.error, MissingVariable)}
        unknown = [name for name in sorted(missing) if _only_the_run_tells(name, scope)]
        if not unknown:
            return action, found
        for name in unknown:
            # A value of which a part is read, and which is printed as well, is a mention.
            whole = in_the_way(scope, name)
            scope = put(scope, whole or name, Pending(whole) if whole else Placeholder.named(name))


def _only_the_run_tells(name: str, scope: Mapping[str, Any]) -> bool:
    """Tell whether a missing name reads, at any depth, the output of a step that will run."""
    head, *rest = name.split(".")
    if head == "signals":
        return bool(rest)
    if head == "item" and Placeholder.is_in(scope.get("item")):
        return bool(rest)
    if head != "steps" or len(rest) < 2 or scope["steps"][rest[0]] is _NO_OUTPUT:
        return False
    blocked = in_the_way(scope, name)
    return blocked is None or Placeholder.is_in(look_up(scope, blocked))


def _with_advice(problem: Problem) -> Problem:
    """Say of a missing ``{{error.…}}`` where there is one."""
    if isinstance(problem.error, MissingVariable) and problem.error.name.split(".")[0] == "error":
        return attrs.evolve(problem, remedy="Only a step with run_if: failure or run_if: always has an error to read.")
    return problem


def _weighed(problems: Iterable[Problem], step: Step) -> list[Problem]:
    """Make problems of a step that may fail warnings: a cosmetic step never keeps an incident from being declared."""
    if step.on_error == "continue":
        return [attrs.evolve(problem, severity="warning") for problem in problems]
    return list(problems)


def _skipped(when: When, scope: Mapping[str, Any], where: str) -> tuple[str, list[Problem]]:
    """Tell why a condition does not hold, if that is known before the run, and what is wrong with it."""
    if when is None or callable(when):
        return "", []
    problems: list[Problem] = []
    known = True
    try:
        for path in when_paths(when):
            if path.split(".")[0] in OF_THE_RUN or _is_open(scope, path):
                # Only the run can tell, but the other paths can be wrong already.
                known = False
            else:
                look_up(scope, path)
                problems += _doubts(path, when, scope, where)
        return (when_reason(when, scope) or "") if known else "", problems
    except RunbookError as error:
        return "", [Problem(where, error.reason, error=error)]


def _doubts(path: str, when: object, scope: Mapping[str, Any], where: str) -> list[Problem]:
    """Warn of a path that is missing while a similar one exists: a step that is silently skipped helps nobody."""
    wanted = when.get(path) if isinstance(when, Mapping) else None
    if isinstance(wanted, Mapping) and "exists" in wanted:
        return []
    head, _, last = path.rpartition(".")
    parent = look_up(scope, head) if head else scope
    if not isinstance(parent, (Mapping, Markup)) or last in fields_in(parent) or not truthy(parent):
        return []
    near = difflib.get_close_matches(last, [str(key) for key in fields_in(parent)], n=1)
    if not near:
        return []
    meant = f"{head}.{near[0]}" if head else near[0]
    return [Problem(where, f"the context has no {path!r} (did you mean {meant!r}?).", severity="warning")]


def _least_time(step: PlannedStep, action: Action[Any], posts: dict[str, int]) -> float:
    """Count a second for each further post to one channel.

    Source: https://docs.slack.dev/apis/web-api/rate-limits
    """
    if step.skipped or not any(method in METHODS and METHODS[method].posts for method in step.methods):
        return 0.0
    channel = str(getattr(action, "channel", None) or getattr(action, "users", None))
    several = sum(need.times - 1 for need in action.needs() if need.method in METHODS and METHODS[need.method].posts)
    before = posts.get(channel, 0)
    posts[channel] = before + 1 + several
    return float(several + (1 if before else 0))


def check_report(
    runbook: Runbook,
    plan: Plan,
    identity: Identity | SlackRunbooksError | None,
    *,
    single: bool = False,
    sight: Sight | None = None,
    token: TokenKind | None = None,
) -> CheckReport:
    """Put together what looking offline and asking Slack found.

    Args:
        runbook: What was checked.
        plan: From :func:`survey`.
        identity: Who the token is, or why that could not be learned; ``None`` where nobody was asked.
        single: Whether this is one action by itself.
        sight: What came of looking at what the steps name, if anybody looked.
        token: What the token is by its form, where that is known.
    """
    problems = list(plan.problems)
    granted: tuple[str, ...] | None = None
    if isinstance(identity, SlackRunbooksError):
        problems.append(_unknown_token(identity, token))
    elif identity is not None and identity.granted is None:
        problems.append(
            Problem(
                "token",
                "Slack's answer does not say which scopes the token has, so they were not checked.",
                "Something between here and Slack takes away the header x-oauth-scopes.",
                severity="warning",
            )
        )
    elif identity is not None:
        granted = identity.granted or ()
        problems += _missing(runbook, plan, _as_bot(granted, identity), single=single)
    if isinstance(identity, Identity):
        problems += _of_wrong_kind(runbook, plan, identity, single=single)
    problems += sight.problems if sight is not None else ()
    return CheckReport(
        problems=tuple(problem for problem in problems if problem.severity == "error"),
        warnings=tuple(problem for problem in problems if problem.severity == "warning"),
        scopes=plan.scopes,
        granted=granted,
        subject=runbook.name,
        unsettled={} if granted is None else _unsettled(runbook, plan, granted),
        unseen={} if sight is None else sight.unseen,
    )


def _unknown_token(error: SlackRunbooksError, token: TokenKind | None) -> Problem:
    """Say why nobody could learn who the token is; of one that Slack refuses also what it looks like."""
    if token is not None and token.verdict == "problem" and isinstance(error, AuthenticationFailed):
        return Problem("token", str(error), f"By its form it is {token.what}. {token.remedy}", error=error)
    return Problem("token", str(error), error=error)


def _as_bot(granted: tuple[str, ...], identity: Identity) -> tuple[str, ...]:
    """Return what a bot's token would have to have to do the same.

    For a person's token channels:write is what channels:manage and channels:join are for a bot's:
    https://docs.slack.dev/reference/scopes/channels.write
    """
    if identity.kind == "user" and "channels:write" in granted:
        return (*granted, "channels:manage", "channels:join")
    return granted


_KINDS = {"bot": "a bot's", "user": "a person's", "configuration": "one for configuring apps"}


def _of_wrong_kind(runbook: Runbook, plan: Plan, identity: Identity, *, single: bool) -> Iterator[Problem]:
    """Tell which methods do not take a token of this kind."""
    if identity.kind == "user":
        yield Problem(
            "token",
            f"the token is that of the person {identity.user_id}, so that all is done in that person's name.",
            "Use the Bot User OAuth Token (xoxb-…) of the same page, under OAuth & Permissions.",
            severity="warning",
        )
    for step in plan.steps:
        for method in step.methods if identity.kind and not step.skipped else ():
            kinds = TOKENS.get(method)
            if kinds is not None and identity.kind not in kinds:
                problem = Problem(
                    "token" if single else f"steps.{step.name}",
                    f"{method} takes {' or '.join(_KINDS[kind] for kind in kinds)} token, "
                    f"and this is {_KINDS[identity.kind]}.",
                    "Leave the step out, or run it with a token of that kind.",
                )
                yield from _weighed([problem], runbook.steps[step.name])


def part(plan: Plan, workspace: str = "") -> Plan:
    """Return a plan with the scopes that the token of one workspace needs; of another one, what it has to do there.

    Args:
        plan: The whole plan.
        workspace: Team ID of another workspace, or ``""`` for the run's own.
    """
    here = {step.name for step in plan.steps if workspace in (step.workspaces or ("",))}
    steps = plan.steps
    if workspace:
        steps = tuple(attrs.evolve(step, problems=()) for step in plan.steps if step.name in here)
    return attrs.evolve(
        plan,
        steps=steps,
        scopes=ScopeRequirements(tuple(entry for entry in plan.scopes if entry.step in here)),
        general=() if workspace else plan.general,
        settling=tuple(entry for entry in plan.settling if entry.step in here),
        named=tuple(each for each in plan.named if each.workspace == workspace),
    )


def unreachable(runbook: Runbook, plan: Plan, absent: Mapping[str, SlackRunbooksError]) -> list[Problem]:
    """Tell which steps act in workspaces that cannot be reached.

    Args:
        runbook: The runbook.
        plan: From :func:`survey`.
        absent: These workspaces, with the reason of each.
    """
    found: list[Problem] = []
    for step in plan.steps:
        there = [team for team in step.workspaces if team in absent and not step.skipped]
        place = f"steps.{step.name}.workspace"
        told = [Problem(place, f"{team} cannot be reached. {absent[team]}", error=absent[team]) for team in there]
        found += _weighed(told, runbook.steps[step.name])
    return found


def others(plan: Plan, absent: Collection[str], policy: Policy | None) -> list[str]:
    """Return the other workspaces whose tokens a check asks for.

    Args:
        plan: From :func:`survey`.
        absent: Those that cannot be reached.
        policy: Bounds; nobody looks outside of them.
    """
    teams = dict.fromkeys(team for step in plan.steps if not step.skipped for team in step.workspaces if team)
    return [
        team
        for team in teams
        if team not in absent and not no_team(team) and (policy is None or policy.within(team) is not None)
    ]


def with_others(
    report: CheckReport,
    runbook: Runbook,
    plan: Plan,
    absent: Mapping[str, SlackRunbooksError],
    told: Mapping[str, CheckReport],
) -> CheckReport:
    """Add to a report what was found out of the other workspaces.

    Args:
        report: That of the run's own workspace.
        runbook: The runbook.
        plan: The whole plan.
        absent: Workspaces that cannot be reached, with the reason of each.
        told: The report of each other workspace, of the steps that act there.
    """
    found = unreachable(runbook, plan, absent)
    granted: dict[str, tuple[str, ...] | None] = {}
    unsettled, unseen = dict(report.unsettled), dict(report.unseen)
    for team, there in told.items():
        granted[team] = there.granted
        unseen.update({place: f"in the workspace {team}: {reason}" for place, reason in there.unseen.items()})
        unsettled.update({f"{step} in {team}": missing for step, missing in there.unsettled.items()})
        found += (
            attrs.evolve(
                problem,
                place=f"workspaces.{team}" if problem.place == "token" else problem.place,
                message=f"in the workspace {team}: {problem.message}",
            )
            for problem in (*there.problems, *there.warnings)
        )
    for step in plan.steps:
        if not step.skipped and any(team and no_team(team) for team in step.workspaces):
            unseen[f"steps.{step.name}.workspace"] = "only the run can tell which it is, so nobody looked there"
    for each in plan.named:
        if each.workspace in absent and not each.makes and not plan[each.step].skipped:
            unseen[each.place] = f"{each.shown} was not looked at: the workspace {each.workspace} cannot be reached"
    if not found and unseen == report.unseen and not told:
        return report
    return attrs.evolve(
        report,
        problems=(*report.problems, *(problem for problem in found if problem.severity == "error")),
        warnings=(*report.warnings, *(problem for problem in found if problem.severity == "warning")),
        scopes=plan.scopes,
        elsewhere=granted,
        unsettled=unsettled,
        unseen=unseen,
    )


def _unsettled(runbook: Runbook, plan: Plan, granted: tuple[str, ...]) -> dict[str, str]:
    """Tell of which steps nobody could say what became of a request whose answer was lost."""
    found: dict[str, list[str]] = {}
    lacks: dict[tuple[str, str], list[str]] = {}
    for requirement in plan.settling:
        step = requirement.step
        lacking = {kind: scopes for kind, scopes in requirement.alternatives.items() if not set(granted) & set(scopes)}
        if plan[step].skipped or runbook.steps[step].on_ambiguous == "resend":
            continue
        if not requirement.alternatives:
            found.setdefault(step, []).append(f"nothing tells whether {requirement.method} was carried out")
        elif lacking:
            missing = attrs.evolve(requirement, alternatives=lacking).wording(plan.scopes.minimal)
            condition = f" {requirement.condition}" if requirement.condition else ""
            lacks.setdefault((step, requirement.method), []).append(missing + condition)
    for (step, method), scopes in lacks.items():
        told = " and ".join(dict.fromkeys(scopes))
        found.setdefault(step, []).append(f"finding out whether {method} was carried out takes {told}")
    return {step: "; ".join(dict.fromkeys(reasons)) for step, reasons in found.items()}


def _missing(runbook: Runbook, plan: Plan, granted: tuple[str, ...], *, single: bool) -> list[Problem]:
    found: list[Problem] = []
    for requirement in plan.scopes.missing(granted):
        if plan[requirement.step].skipped:
            continue
        scope = requirement.wording(plan.scopes.minimal)
        error = MissingScope(
            method=requirement.method,
            needed=requirement.scopes,
            granted=granted,
            remedy=f"Add the scope {scope} to the Slack app (OAuth & Permissions) and install it again.",
        )
        problem = Problem(
            "token" if single else f"steps.{requirement.step}",
            f"the token lacks {scope}, needed to {requirement.why}.",
            error.remedy,
            error=error,
        )
        found += _weighed([problem], runbook.steps[requirement.step])
    return list(dict.fromkeys([*found, *_by_type(plan, granted, single=single)]))


def _by_type(plan: Plan, granted: tuple[str, ...], *, single: bool) -> Iterator[Problem]:
    """Warn of a channel whose type only Slack knows, where the token is enough for some types and not for others."""
    for requirement in plan.scopes:
        lacking = [kind for kind, scopes in requirement.alternatives.items() if not set(granted) & set(scopes)]
        if requirement.condition or not lacking or not requirement.met_by(granted) or plan[requirement.step].skipped:
            continue
        missing = attrs.evolve(requirement, alternatives={kind: requirement.alternatives[kind] for kind in lacking})
        yield Problem(
            "token" if single else f"steps.{requirement.step}",
            f"whether the channel is public or private is not known before the run; "
            f"the token lacks {missing.wording(plan.scopes.minimal)}, should it be needed to {requirement.why}.",
            severity="warning",
        )
