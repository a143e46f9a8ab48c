"""``slackrunbooks connect``: install the app from a terminal.

Rule of this file: thin, as the package; what is done is in ``connect.py``. No token, code or secret is printed, and the
Client Secret is read from an environment variable alone.
"""

from __future__ import annotations

import errno
import os
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from ._apps import known, listed, scopes_of
from ._base import Exit, Stop, as_json, duration, load, own_steps, say, say_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..connect import Installed, Installer

__all__ = ["connect"]

_PORT = 3000


@click.command("connect")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@own_steps
@known
@click.option(
    "--scope",
    "scopes",
    metavar="SCOPES",
    multiple=True,
    help="Further bot scopes, separated by commas. May be repeated.",
)
@click.option(
    "--store", metavar="DIR", required=True, help="The folder that keeps the installation, for its owner alone (0600)."
)
@click.option(
    "--redirect-url",
    metavar="URL",
    help="Where Slack sends the browser back to: an https:// address that is a Redirect URL of the app, or lies below "
    "one. Left out, the first of them.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_PORT,
    show_default=True,
    help="Where the server on 127.0.0.1 listens; a tunnel leads from --redirect-url to it.",
)
@click.option("--certificate", metavar="FILE", help="A certificate in PEM, so that the server itself speaks HTTPS.")
@click.option("--key", metavar="FILE", help="Its key, if it is not in the same file.")
@click.option("--paste", is_flag=True, help="No server: paste the address to which the browser was sent.")
@click.option("--team", metavar="ID", help="The workspace, if you are signed in there; else you choose in the browser.")
@click.option("--wait", metavar="TIME", default="10m", show_default=True, help="How long to wait for the browser.")
@click.option("--client-id", metavar="ID", envvar="SLACK_CLIENT_ID", show_envvar=True, help="The app's Client ID.")
@click.option(
    "--secret-env",
    metavar="NAME",
    default="SLACK_CLIENT_SECRET",
    show_default=True,
    help="The environment variable that holds the app's Client Secret.",
)
@click.option("--gov", is_flag=True, help="GovSlack: everything goes to slack-gov.com.")
@click.option("--base-url", metavar="URL", help="Where Slack's Web API is instead, with /api/ at its end.")
@as_json
def connect(
    files: Sequence[str],
    *,
    settle: bool,
    conditions: bool,
    types: Sequence[str],
    scopes: Sequence[str],
    store: str,
    redirect_url: str | None,
    port: int,
    certificate: str | None,
    key: str | None,
    paste: bool,
    team: str | None,
    wait: str,
    client_id: str | None,
    secret_env: str,
    gov: bool,
    base_url: str | None,
    as_json: bool,
) -> int:
    """Install the app in a workspace, by OAuth.

    Asks for the least scopes of the runbooks (FILE) and for those of --scope. Prints an address to open in a browser,
    waits for it to come back, and keeps the token in a folder. The token is never printed.
    """
    seconds = duration(wait)
    if not files and not scopes:
        raise Stop("There is nothing to ask for: name runbooks, or scopes with --scope.")
    if not paste and redirect_url is None:
        raise Stop("Give --redirect-url the public address that leads to this machine, or use --paste.")
    secret = os.environ.get(secret_env, "").strip()
    if not secret:
        raise Stop(f"The environment variable {secret_env} holds no Client Secret; it stands under Basic Information.")
    from ..connect import Installer, PrivateFileStore

    installer = Installer(
        PrivateFileStore(Path(store)),
        _pending(seconds),
        client_id=client_id,
        client_secret=secret,
        needs=scopes_of([load(file) for file in files], settle=settle, types=types, conditions=conditions),
        scopes=[scope for given in scopes for scope in listed(given)],
        redirect_uri=redirect_url,
        gov=gov,
        base_url=base_url,
    )
    if paste:
        installed = _pasted(installer, team)
    else:
        installed = _awaited(installer, team, seconds, port=port, certificate=certificate, key=key)
    _tell(installed, store, as_json=as_json)
    return Exit.FAILED if installed.missing or installed.withheld else Exit.OK


def _pending(seconds: float) -> Any:
    """Return a store for the one state of this command, which nobody else needs to know."""
    from slack_sdk.oauth.state_store import OAuthStateStore

    class Pending(OAuthStateStore):
        """States of this process."""

        def __init__(self) -> None:
            self._until: dict[str, float] = {}

        def issue(self, *args: Any, **kwargs: Any) -> str:  # noqa: ARG002 - slack_sdk's signature
            state = secrets.token_urlsafe(32)
            self._until[state] = time.monotonic() + seconds
            return state

        def consume(self, state: str) -> bool:
            return self._until.pop(state, 0.0) > time.monotonic()

    return Pending()


def _open(installer: Installer, team: str | None) -> None:
    click.echo(f"Asking for: {' '.join(installer.scopes)}", err=True)
    click.echo("Open this address in a browser, and allow the app in:", err=True)
    click.echo(f"\n  {installer.begin(team).url}\n", err=True)


def _awaited(installer: Installer, team: str | None, seconds: float, *, port: int, **tls: str | None) -> Installed:
    from ..connect import CallbackServer

    try:
        server = CallbackServer(installer, port=port, **tls)
    except OSError as error:
        files = " and ".join(file for file in tls.values() if file is not None)
        what = f"127.0.0.1:{port}" if error.errno == errno.EADDRINUSE or not files else files
        raise Stop(f"{what}: {error.strerror or error}.") from error
    with server:
        _open(installer, team)
        click.echo(f"Waiting on 127.0.0.1:{server.port} for {seconds:g} seconds …", err=True)
        return server.wait(seconds)


def _pasted(installer: Installer, team: str | None) -> Installed:
    _open(installer, team)
    click.echo("Paste the address to which the browser was sent (it is not shown):", err=True)
    # The address has the code in it.
    line = click.prompt("", prompt_suffix="", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    try:
        query = urlsplit(line.strip()).query
    except ValueError:
        query = ""
    # Not shown in the error, for the same reason.
    if not query:
        raise Stop("That is no address with a query; copy it whole, from https:// to its end.")
    return installer.handle(query)


def _tell(installed: Installed, store: str, *, as_json: bool) -> None:
    missing = [str(requirement) for requirement in installed.missing]
    if as_json:
        say_json(
            {
                "team_id": installed.team_id,
                "team": installed.team,
                "enterprise_id": installed.enterprise_id,
                "enterprise": installed.enterprise,
                "is_enterprise_install": installed.is_enterprise_install,
                "granted": installed.granted,
                "missing": missing,
                "withheld": installed.withheld,
                "rotates": installed.rotates,
                "store": store,
            }
        )
        return
    say(f"Installed in {installed.where}; the token is in {store}.")
    say(f"  granted: {' '.join(installed.granted)}")
    for line in missing:
        say(f"  missing: {line}")
    for scope in installed.withheld:
        say(f"  missing: {scope}, which was asked for")
    if missing or installed.withheld:
        say("  Install it again and leave every scope in; scopes are added to those there are.")
