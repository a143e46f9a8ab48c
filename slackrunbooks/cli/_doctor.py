"""``slackrunbooks doctor``: what is wrong with an installation, in one command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ._base import Door, Exit, Stop, address, as_json, client_of_store, load, own_steps, say, say_json, token_at
from ._filling import filled, filling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..report import Finding

__all__ = ["doctor"]

_OF_THE_TOKEN = frozenset({"token", "token_kind"})
_OF_THE_NETWORK = frozenset({"answer", "base_url", "connection", "dns", "proxy", "tls"})


@click.command("doctor")
@click.argument("file", metavar="[FILE]", required=False)
@own_steps
@filling
@address
@click.option(
    "--live",
    metavar="CHANNEL",
    help="Test in this channel: post a message, find it by its key, change it and delete it.",
)
@as_json
def doctor(
    file: str | None,
    *,
    source: str | None,
    assignments: Sequence[str],
    door: Door,
    live: str | None,
    as_json: bool,
) -> int:
    """Say what is wrong with an installation, and what to do.

    Looks at the base URL, the token, the proxy, the network, TLS, the clock, the workspace and the scopes, and with a
    runbook FILE at its names, messages, channels and people. What follows from another fault is not told as a fault of
    its own: the first one is the cause. Changes nothing in Slack, but for --live.
    """
    from ..doctor import diagnose

    if file is None and (source is not None or assignments):
        raise Stop("--context and --set fill a runbook: name its FILE.")
    runbook = load(file) if file is not None else None
    context = None
    if runbook is not None and (source is not None or assignments):
        context = filled(source, assignments, runbook)
    if door.store is None:
        # That there is no token is a finding like others.
        found = diagnose(token_at(door, needed=False) or "", runbook, context, base_url=door.base_url, live=live)
    else:
        with client_of_store(door) as client:
            found = diagnose(client, runbook, context, live=live)
    if as_json:
        say_json(found.to_dict())
    else:
        say(str(found))
    return _code(found.cause)


def _code(cause: Finding | None) -> Exit:
    if cause is None:
        return Exit.OK
    if cause.check in _OF_THE_TOKEN:
        return Exit.TOKEN
    return Exit.NETWORK if cause.check in _OF_THE_NETWORK else Exit.FAILED
