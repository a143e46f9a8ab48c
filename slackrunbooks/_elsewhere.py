"""The workspaces that an executor reaches besides its own, and the clients that it has opened there.

Rule of this file: nothing is sent. A client is opened for the first request that goes to its workspace; opening one may
ask an installation store, so it may block.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._effects import NotSent, Raised
from ._forks import Turn
from .errors import ConnectFailed, NotInstalled, RunbookError

if TYPE_CHECKING:
    from ._effects import Delivery

__all__ = ["Elsewhere"]

_PLACE = "Executor.workspaces"
_REMEDY = (
    "Make the executor with Workspaces(store).executor(team_id=…), or give it workspaces=…; on the command line, use "
    "--store and --team."
)


class Elsewhere:
    """Opens clients for other workspaces, each once, and hands them out again to be closed.

    Args:
        source: A ``Workspaces``, a mapping of team IDs to clients, or ``None`` for no other workspace.
        asynchronous: Whether the clients are ``AsyncWebClient``.

    Raises:
        RunbookError: It is none of these, or holds something that is no client, or one that would retry by itself.
    """

    def __init__(self, source: Any, *, asynchronous: bool) -> None:
        self._asynchronous = asynchronous
        self._turn = Turn()
        # One store may hang, and the clients of other workspaces must not wait for it.
        self._opening: dict[str, Turn] = {}
        self._made: dict[str, Any] = {}
        self._source: Any = None
        self._given: dict[str, Any] | None = None
        if isinstance(source, Mapping):
            self._given = dict(source)
            teams: list[Any] = list(self._given)
            for team in teams:
                if not isinstance(team, str) or not re.fullmatch(r"T[A-Z0-9]+", team):
                    raise RunbookError(f"must map team IDs (T0123ABCD) to clients, not {team!r}.", place=_PLACE)
                self.client(team)
        elif source is not None:
            if not callable(getattr(source, "client", None)) or not callable(getattr(source, "check", None)):
                raise RunbookError(
                    f"must be a Workspaces, or a mapping of team IDs to clients, not {type(source).__name__}.",
                    place=_PLACE,
                )
            self._source = source

    def __bool__(self) -> bool:
        return self._source is not None or self._given is not None

    def check(self, team: str) -> None:
        """Look whether a workspace can be reached. Blocks.

        Raises:
            NotInstalled: It cannot.
            ConnectFailed: The installation store could not be read.
        """
        if self._source is not None:
            self._source.check(team)
        elif self._given is None:
            raise NotInstalled("no_workspaces", "the executor reaches no workspace but its own.", _REMEDY)
        elif team not in self._given:
            raise NotInstalled(
                "not_installed", f"the executor has no client for {team!r}.", f"Add it: {_PLACE}={{{team!r}: …}}."
            )

    def reaches(self, team: str) -> None:
        """Look whether this executor has a way to a workspace at all; whether the app is there, its request tells.

        Raises:
            NotInstalled: It has none.
        """
        if self._source is None:
            self.check(team)

    def client(self, team: str) -> Any:
        """Return the client for a workspace. Blocks.

        Raises:
            NotInstalled: It cannot be reached.
            ConnectFailed: The installation store could not be read.
        """
        with self._turn.lock:
            opening = self._opening.setdefault(team, Turn())
        with opening.lock:
            # Not by the key afterwards: leave() may take it away meanwhile.
            client = self._made.get(team)
            if client is None:
                client = self._made[team] = self._open(team)
            return client

    def client_or_told(self, team: str) -> tuple[Any, Delivery | None]:
        """Return the client for a workspace, or what to say of a request for which there is none. Blocks."""
        try:
            return self.client(team), None
        except NotInstalled as error:
            return None, Raised(error)
        except ConnectFailed as error:
            # The store may be there again in a moment.
            return None, NotSent(error.reason)

    def _open(self, team: str) -> Any:
        from . import client as wire

        if self._source is not None:
            return self._source.async_client(team) if self._asynchronous else self._source.client(team)
        self.check(team)
        given = (self._given or {})[team]
        if given is None:
            raise RunbookError("must be a client, not None.", place=f"{_PLACE}[{team!r}]")
        return wire.async_client(given) if self._asynchronous else wire.sync_client(given)

    def leave(self) -> list[Any]:
        """Return the clients that were opened here, to be closed; what was given stays open."""
        with self._turn.lock:
            made, self._made = self._made, {}
        return [client for team, client in made.items() if self._given is None or client is not self._given[team]]
