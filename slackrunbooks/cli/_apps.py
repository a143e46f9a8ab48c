"""The commands about the Slack app itself: which scopes it needs, its manifest, and what its runs have exercised.

Rule of this file: nothing here needs a token or reaches the network.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._base import Exit, Stop, as_json, duration, journal_option, load, open_journal, own_steps, say, say_json
from ._runs import journal_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..manifest import ManifestDiff
    from ..runbook import Runbook
    from ..scopes import ScopeAudit, ScopeRequirements
    from ..usage import ScopeUsage

__all__ = ["known", "listed", "manifest", "scopes", "scopes_of", "usage"]

_files = click.argument("files", nargs=-1, required=True, metavar="FILE...")


def known(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what is known of the run."""
    command = click.option(
        "--assume",
        "types",
        type=click.Choice(["public", "private", "im", "mpim"]),
        multiple=True,
        help="Which type of channel is met where the runbook does not tell; may be repeated. Left out, a public one.",
    )(command)
    command = click.option(
        "--every-condition",
        "conditions",
        is_flag=True,
        help="Count what is needed only under a condition, such as people who are given by e-mail.",
    )(command)
    return click.option("--settle", is_flag=True, help="Add what it takes to look up what became of a lost answer.")(
        command
    )


def scopes_of(
    runbooks: Sequence[Runbook], *, settle: bool, types: Sequence[str], conditions: bool
) -> ScopeRequirements:
    from ..scopes import required_scopes

    return required_scopes(*runbooks, settle=settle).assuming(*types, conditions=conditions)


def _say(found: ScopeAudit | ManifestDiff | ScopeUsage, *, as_json: bool) -> None:
    if as_json:
        say_json(found.to_dict())
    else:
        say(str(found))


# --- scopes ----------------------------------------------------------------------------------------------------------


@click.command("scopes")
@_files
@own_steps
@known
@click.option(
    "--granted",
    metavar="SCOPES",
    help="Hold these scopes against the runbooks, separated by commas or blanks; ends with code 1 if one is missing, "
    "unused or spare.",
)
@click.option("--markdown", is_flag=True, help="Print a table for a review.")
@as_json
def scopes(
    files: Sequence[str],
    *,
    settle: bool,
    conditions: bool,
    types: Sequence[str],
    granted: str | None,
    markdown: bool,
    as_json: bool,
) -> int:
    """Show the OAuth scopes that runbooks need, and why.

    Needs no token and no network. Where a channel is not known before the run, a public one is assumed.
    """
    if markdown and (as_json or granted is not None):
        raise Stop("--markdown prints the scopes that are needed; it goes with neither --json nor --granted.")
    runbooks = [load(file) for file in files]
    together = scopes_of(runbooks, settle=settle, types=types, conditions=conditions)
    if granted is not None:
        audit = together.audit(listed(granted))
        _say(audit, as_json=as_json)
        return Exit.OK if audit.ok else Exit.FAILED
    if markdown:
        say(together.to_markdown().rstrip("\n"))
        return Exit.OK
    needed = {
        runbook.name: scopes_of([runbook], settle=settle, types=types, conditions=conditions) for runbook in runbooks
    }
    if as_json:
        books = {name: _scopes_data(found) for name, found in needed.items()}
        say_json({"scopes": together.minimal, "requested": together.requested, "runbooks": books})
        return Exit.OK
    for name, found in needed.items():
        say(f"{name}: {' '.join(found.minimal) or 'no scopes'}")
        for scope, reasons in found.explain().items():
            say(f"  {scope}")
            for reason in reasons:
                say(f"      {reason}")
        for line in _sometimes(found):
            say(f"  sometimes {line}")
    if len(needed) > 1:
        say(f"all of them: {' '.join(together.minimal)}")
    if together.requested != together.minimal:
        more = [scope for scope in together.requested if scope not in together.minimal]
        say(f"to be requested along with them: {' '.join(more)}")
    return Exit.OK


def listed(text: str) -> list[str]:
    return [scope for scope in re.split(r"[\s,]+", text) if scope]


def _sometimes(found: ScopeRequirements) -> list[str]:
    """Say what is needed only under a condition, each scope and condition once, with its steps."""
    steps: dict[str, dict[str, None]] = {}
    for requirement in found.conditional:
        # With several types of channel the first, which is assumed, is in the list above.
        others = list(requirement.alternatives.values())[1 if len(requirement.alternatives) > 1 else 0 :]
        for names in others:
            steps.setdefault(f"{'/'.join(names)}, {requirement.condition}", {})[requirement.step] = None
    return [f"{needed}: {', '.join(names)}" for needed, names in steps.items()]


def _scopes_data(found: ScopeRequirements) -> dict[str, Any]:
    return {
        "scopes": found.minimal,
        "requested": found.requested,
        "why": found.explain(),
        "sometimes": [
            {
                "scopes": requirement.scopes,
                "step": requirement.step,
                "why": requirement.why,
                "method": requirement.method,
                "condition": requirement.condition,
            }
            for requirement in found.conditional
        ],
    }


# --- manifest --------------------------------------------------------------------------------------------------------


@click.command("manifest")
@_files
@own_steps
@click.option("--name", metavar="TEXT", help="The app's name; left out, that of --against.")
@click.option("--bot-name", metavar="TEXT", help="The bot user's name; left out, the app's in small letters.")
@click.option("--description", metavar="TEXT", help="What the app is for, at most 140 characters.")
@click.option(
    "--redirect-url", "redirect_urls", metavar="URL", multiple=True, help="Where OAuth leads back to. May be repeated."
)
@click.option("--token-rotation/--no-token-rotation", default=None, help="Whether tokens expire after 12 hours.")
@click.option("--org-deploy/--no-org-deploy", default=None, help="Whether a whole organisation may install it.")
@click.option("--socket-mode/--no-socket-mode", default=None, help="Whether it takes events over a socket.")
@click.option("--also", metavar="SCOPE", multiple=True, help="A scope for what the app does besides. May be repeated.")
@click.option("--optional", is_flag=True, help="Request what steps that may fail need as optional scopes.")
@known
@click.option(
    "--against",
    metavar="FILE",
    help="Show how an existing manifest in JSON or YAML differs; ends with code 1 if it does.",
)
@click.option("--merge", is_flag=True, help="With --against: print the existing manifest with what it lacks.")
@click.option("--without", metavar="SCOPE", multiple=True, help="With --merge: a scope to take away. May be repeated.")
@as_json
def manifest(
    files: Sequence[str],
    *,
    name: str | None,
    settle: bool,
    conditions: bool,
    types: Sequence[str],
    against: str | None,
    merge: bool,
    without: Sequence[str],
    as_json: bool,
    **given: Any,
) -> int:
    """Print the manifest of an app that may do what runbooks need, and nothing else.

    Needs no token and no network. What is left out is left to Slack, and as it is in an existing manifest.
    """
    from .. import _yaml
    from ..manifest import app_manifest, read_manifest

    if (merge and against is None) or (without and not merge):
        raise Stop("--merge goes with --against, and --without with --merge.")
    existing = None
    if against is not None:
        existing = read_manifest(_yaml.decode(Path(against).read_bytes(), file=against))
    if name is None:
        if existing is None:
            raise Stop("--name is missing: the app's name, as people see it in Slack.")
        name = existing.name
    needed = scopes_of([load(file) for file in files], settle=settle, types=types, conditions=conditions)
    made = app_manifest(needed, name=name, **given)
    if existing is not None and not merge:
        found = made.diff(existing)
        _say(found, as_json=as_json)
        return Exit.OK if found.ok else Exit.FAILED
    if existing is not None:
        made = made.merged_into(existing, without=without)
    say((made.to_json() if as_json else made.to_yaml()).rstrip("\n"))
    return Exit.OK


# --- usage -----------------------------------------------------------------------------------------------------------


@click.command("usage")
@journal_option
@click.option("--last", type=duration, metavar="TIME", help="Only what was sent so long ago at most, as 12h or 30d.")
@own_steps
@as_json
def usage(*, journal: str | None, last: float | None, as_json: bool) -> int:
    """Show which scopes the runs of a journal have exercised, and when. Needs no token."""
    from ..usage import scope_usage

    with open_journal(journal_named(journal)) as kept:
        found = scope_usage(kept, since=None if last is None else time.time() - last)
    _say(found, as_json=as_json)
    return Exit.OK
