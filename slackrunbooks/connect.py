"""OAuth: the app is installed in a workspace or a whole organisation, and its tokens are kept fresh.

Rule of this file: no error leaves with a code, a state or a token anywhere in it, the locals of its traceback included.
So whatever handles a secret returns its outcome, an error among them, and the outermost function raises it; what the
stores of the host raise is told by its type alone, because its message may show what was to be stored.

Slack: https://docs.slack.dev/authentication/installing-with-oauth,
https://docs.slack.dev/authentication/using-token-rotation, https://docs.slack.dev/govslack.

Everything that Slack tells is kept in ``slack_sdk``'s own stores, whichever of them the host chose, so that Bolt can
share them.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import hmac
import json
import logging
import os
import re
import sqlite3
import ssl
import stat
import tempfile
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

import attrs
from slack_sdk.oauth import AuthorizeUrlGenerator, OAuthStateUtils
from slack_sdk.oauth.installation_store import FileInstallationStore
from slack_sdk.oauth.installation_store.models.bot import Bot
from slack_sdk.oauth.installation_store.models.installation import Installation

from ._effects import Answered, Call, Lost, NotSent, Repeat
from ._forks import Turn
from ._perform import WallClock
from .client import PooledWebClient, RotatingWebClient, _basic, _bearer, _Secret, send
from .errors import (
    AuthenticationFailed,
    ConnectFailed,
    ConsentDenied,
    NotInstalled,
    RateLimited,
    RunbookError,
    ScopesWithheld,
    SlackError,
    SlackRunbooksError,
    SlackUnavailable,
    StateRefused,
)
from .scopes import ScopeRequirements, Subject, checked_scopes, required_scopes, with_companions
from .slack_methods import slack_error

if TYPE_CHECKING:
    from types import TracebackType

    from slack_sdk import WebClient
    from slack_sdk.oauth.installation_store import InstallationStore
    from slack_sdk.oauth.state_store import OAuthStateStore
    from typing_extensions import Self

    from ._clock import Clock
    from ._effects import Delivery
    from .client import RotatingAsyncWebClient
    from .executor import AsyncExecutor, Executor
    from .scopes import Requirement

__all__ = [
    "CallbackServer",
    "InstallLink",
    "Installed",
    "Installer",
    "PrivateFileStore",
    "Team",
    "Workspaces",
]

_log = logging.getLogger("slackrunbooks")

_SLACK = "https://slack.com/api/"
_GOV_SLACK = "https://slack-gov.com/api/"

# slack_sdk's stores make files and rows of a state as it comes, from whoever sends it: "../…" would leave the folder.
_STATE = re.compile(r"[A-Za-z0-9_~-](?:[A-Za-z0-9_~=+-]|\.(?!\.)){0,2047}")

# So do IDs in its file names and patterns; they may come from a request.
_ID = re.compile(r"[A-Z][A-Z0-9]{1,63}")
_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

# As slack_sdk's rotator has it. A token lives for 12 hours, so an outage of Slack may last ten.
_ROTATE_BEFORE = 7200.0
# After a rotation that failed, with a token that is still good.
_AGAIN_AFTER = 60.0
# How often a refresh is sent whose answer got lost: the refresh token is good for "a short grace period".
_MOST_SENDINGS = 3
# How long whoever came second looks for what the first one stores, and how often.
_LOSER_WAITS, _LOOKS = 5.0, 25
# How long a request whose token is still good waits for a rotation that it began.
_PATIENCE = 1.0
# For how long a file that is just being written is read again, and how often.
_HALF_WRITTEN, _READ_AGAIN = 0.5, 0.02
_LOCK_SECONDS = 60.0

_MEANS_GONE = frozenset({"account_inactive", "invalid_auth", "token_revoked"})

_AGAIN = "Begin again with a new link; nothing was installed."
_REMEDIES: Mapping[str, str] = {
    "bad_client_secret": "Copy the Client Secret from the app's page, Basic Information. " + _AGAIN,
    "bad_redirect_uri": "Give the redirect_uri that the link had, and list it under OAuth & Permissions. " + _AGAIN,
    "cannot_install_an_org_installed_app": "The organisation has installed the app: use that installation.",
    "code_already_used": "The link back was opened twice. " + _AGAIN,
    "invalid_client_id": "Copy the Client ID from the app's page, Basic Information; GovSlack has its own. " + _AGAIN,
    "invalid_code": "A code is good once and for ten minutes. " + _AGAIN,
    "invalid_refresh_token": "Install the app again; its scopes stay as they are.",
    "no_scopes": "Ask for at least one scope: pass needs= or scopes=.",
    "oauth_authorization_url_mismatch": "Send people to the link of begin(), which is for OAuth v2.",
    "pkce_not_allowed": "Switch PKCE off for this app; its secret is kept here.",
    "user_email_unverified": "Whoever installs it has to confirm their e-mail address in Slack first.",
}


# --- the app, as Slack knows it --------------------------------------------------------------------------------------


def _credential(value: str | None, variable: str, name: str) -> str:
    found = (value or os.environ.get(variable, "")).strip()
    if not found:
        raise RunbookError(
            f"is missing: pass {name}=…, or set the environment variable {variable}. It stands on the app's page under "
            "Basic Information.",
            place=name,
        )
    return found


class _App:
    """Who the app is, and where Slack is."""

    def __init__(
        self,
        client_id: str | None,
        client_secret: str | None,
        *,
        gov: bool,
        base_url: str | None,
        client: WebClient | None,
    ) -> None:
        self.client_id = _credential(client_id, "SLACK_CLIENT_ID", "client_id")
        self.secret = _Secret(_credential(client_secret, "SLACK_CLIENT_SECRET", "client_secret"))
        if gov and base_url is not None:
            raise RunbookError("takes gov or base_url, not both.", place="gov")
        lent = base_url or (client.base_url if client is not None and client.base_url != _SLACK else None)
        self.base_url = lent or (_GOV_SLACK if gov else _SLACK)
        if not self.base_url.endswith("/api/"):
            raise RunbookError(f"must end in /api/, as {_SLACK} does, not {self.base_url!r}.", place="base_url")
        self.settings: dict[str, Any] = {"base_url": self.base_url}
        if client is not None:
            self.settings |= {"timeout": client.timeout, "ssl": client.ssl, "proxy": client.proxy}

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("an app's secret is not pickled")

    def ask(self, method: str, arguments: Mapping[str, Any], *, token: _Secret | None = None) -> Delivery:
        """Send one request, as the app itself or with a token, and tell what came of it. Never raises."""
        basic = {"client_id": self.client_id, "client_secret": self.secret.reveal()}
        header = _Secret(_basic(basic)) if token is None else _bearer(token.reveal())
        headers: Any = {"Authorization": header}
        with PooledWebClient(None, headers=headers, **self.settings) as client:
            return send(client, Call(method, arguments, Repeat.GUARDED))


def _error_of(method: str, told: Delivery) -> SlackRunbooksError | None:
    """Make the error for what came of a request; ``None`` where Slack did what was asked."""
    if isinstance(told, NotSent):
        return SlackUnavailable(method=method, detail=told.reason)
    if isinstance(told, Lost):
        return ConnectFailed("answer_lost", f"{method} was sent, but its answer was lost ({told.reason}).")
    if not isinstance(told, Answered) or told.data is None:
        return SlackUnavailable(method=method, detail="what answered was not Slack")
    if told.data.get("ok") is True:
        return None
    return slack_error(method, told.data, status=told.status, headers=told.headers)


# --- stores ----------------------------------------------------------------------------------------------------------


class PrivateFileStore(FileInstallationStore):
    """A ``FileInstallationStore`` whose files only their owner can read, and which are replaced whole.

    The files have the names and the content of slack_sdk's own, and Bolt reads them too; but old tokens are in none of
    them.

    Args:
        base_dir: The folder; made if it is not there, for its owner alone. ``~`` is the home folder.
        client_id: The app, where several keep their installations in the same folder: each gets one below it.

    Raises:
        RunbookError: Others can write to the folder, and could leave a token of theirs there.
    """

    def __init__(self, base_dir: str | Path, *, client_id: str | None = None) -> None:
        if client_id is not None and not _CLIENT_ID.fullmatch(client_id):
            raise RunbookError(f"must be the app's Client ID, not {client_id!r}.", place="PrivateFileStore.client_id")
        folder = Path(base_dir).expanduser()
        super().__init__(
            base_dir=str(folder if client_id is None else folder / client_id),
            historical_data_enabled=False,
            logger=_log,
        )
        if folder.exists():
            _check_private(folder)

    def find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        """Return the bot of a workspace or an organisation."""
        _check_ids(enterprise_id or None, team_id or None)
        return super().find_bot(
            enterprise_id=enterprise_id, team_id=team_id, is_enterprise_install=is_enterprise_install
        )

    def find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        """Return the latest installation, or somebody's."""
        _check_ids(enterprise_id or None, team_id or None, user_id or None)
        return super().find_installation(
            enterprise_id=enterprise_id, team_id=team_id, user_id=user_id, is_enterprise_install=is_enterprise_install
        )

    def delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Delete the bot."""
        self._delete(enterprise_id, team_id, "bot-*")

    def delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """Delete what was installed, by anybody or by somebody."""
        _check_ids(user_id or None)
        self._delete(enterprise_id, team_id, "installer-*" if user_id is None else f"installer-{user_id}-*")

    def save(self, installation: Installation) -> None:
        """Store an installation, and the bot in it."""
        _check_ids(installation.user_id or None)
        self.save_bot(installation.to_bot())
        folder = self._folder(installation.enterprise_id, installation.team_id, make=True)
        for name in ("installer-latest", f"installer-{installation.user_id or 'none'}-latest"):
            self._write(folder / name, vars(installation))

    def save_bot(self, bot: Bot) -> None:
        """Store a bot, also in what was installed by whomever."""
        if not bot.bot_token:
            return
        folder = self._folder(bot.enterprise_id, bot.team_id, make=True)
        self._write(folder / "bot-latest", vars(bot))
        fresh = {name: value for name, value in vars(bot).items() if name.startswith("bot_")}
        for path in folder.glob("installer-*-latest"):
            with contextlib.suppress(ValueError, LookupError, OSError):
                stored = json.loads(path.read_text(encoding="utf-8"))
                if stored["bot_token"] not in {None, bot.bot_token}:
                    self._write(path, stored | fresh)

    def _folder(self, enterprise_id: str | None, team_id: str | None, *, make: bool = False) -> Path:
        _check_ids(enterprise_id or None, team_id or None)
        base = Path(self.base_dir)
        folder = base / f"{enterprise_id or 'none'}-{team_id or 'none'}"
        if make:
            for each in (base, folder):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
                _check_private(each)
        return folder

    def _delete(self, enterprise_id: str | None, team_id: str | None, pattern: str) -> None:
        for path in self._folder(enterprise_id, team_id).glob(pattern):
            path.unlink(missing_ok=True)

    @staticmethod
    def _write(path: Path, fields: Mapping[str, Any]) -> None:
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600, says its documentation
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(fields, file)
                file.flush()
                os.fsync(file.fileno())
            Path(fresh).replace(path)
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise


def _check_private(folder: Path) -> None:
    """Refuse a folder in which somebody else could put a token of theirs in the place of ours."""
    found = folder.stat()
    if hasattr(os, "getuid") and (found.st_mode & 0o022 or found.st_uid not in {os.getuid(), 0}):
        raise RunbookError(
            f"{str(folder)!r} can be written to by others, who could put another token there: take a folder of your "
            "own, with chmod 700.",
            place="PrivateFileStore",
        )


def _check_ids(*given: str | None) -> None:
    """Refuse what is no ID: it would be another file's name, or a pattern of many."""
    for value in given:
        if value is not None and not _ID.fullmatch(value):
            raise RunbookError(
                f"{value!r} is no ID of Slack's, such as T0123ABCD for a workspace or E0123ABCD for an organisation.",
                place="team_id",
            )


def _lock_folder() -> Path | None:
    """Return a folder of ours for locks, or ``None`` where there is none that nobody else can write to."""
    uid = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"slackrunbooks-{uid}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == uid)
    return folder if is_ours else None


@contextlib.contextmanager
def _alone(name: str) -> Generator[bool]:
    """Let one process of this machine at a time into the block, for the same name.

    SQLite's own lock serves: it is there on every system, and ends with its process. Where it cannot be had, the block
    runs all the same; whoever comes second then finds out by Slack's refusal.

    Args:
        name: What the lock is for.

    Yields:
        Whether the lock is held.
    """
    folder = _lock_folder()
    connection = None
    if folder is not None:
        file = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"
        with contextlib.suppress(sqlite3.Error):
            connection = sqlite3.connect(file, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False)
            connection.execute("BEGIN EXCLUSIVE")
            _held.add(connection)
    try:
        yield connection is not None and connection.in_transaction
    finally:
        if connection is not None:
            _held.discard(connection)
            with contextlib.suppress(sqlite3.Error):
                connection.close()


# The locks of this machine that this process holds.
_held: set[sqlite3.Connection] = set()


def _after_fork_in_child() -> None:
    # SQLite keeps a list of what its process has locked: by the copy of that list this process would wait for itself.
    # To close a connection here does not let go of the parent's lock, which is the parent's alone (fcntl(2)).
    while _held:
        with contextlib.suppress(sqlite3.Error):
            _held.pop().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class _Store:
    """The host's store, so that nothing it raises or says gets out."""

    def __init__(self, store: InstallationStore) -> None:
        if not callable(getattr(store, "find_bot", None)) or not callable(getattr(store, "save", None)):
            raise RunbookError(
                f"must be one of slack_sdk's installation stores, not {type(store).__name__}; of those for asyncio "
                "give the one that does not await.",
                place="store",
            )
        self._store: Any = store
        # A cache would go on showing what another process has replaced.
        self._read: Any = getattr(store, "underlying", store)

    def find(self, enterprise_id: str | None, team_id: str | None, *, for_org: bool) -> Bot | ConnectFailed | None:
        """Look for a bot. A file that is just being written is looked at again, and so is a store that says nothing."""
        where = {"enterprise_id": enterprise_id, "team_id": None if for_org else team_id}
        found = self._found(**where, is_enterprise_install=for_org)
        if found is None:
            # slack_sdk's stores for SQLite and S3 say None of what they could not read, too.
            failure = self._why_none()
            if failure is not None:
                return _store_failed("read", failure)
            found = self._found(**where, is_enterprise_install=for_org)
        return found

    def _found(self, **where: Any) -> Bot | ConnectFailed | None:
        ends = time.monotonic() + _HALF_WRITTEN
        while True:
            try:
                found: Bot | None = self._read.find_bot(**where)
            except ValueError as error:
                # No JSON: slack_sdk's file store empties a file before it writes it.
                failure = type(error).__name__
            except Exception as error:  # noqa: BLE001 - a store of the host may raise anything
                # A database that is away has had its own time-out.
                return _store_failed("read", type(error).__name__)
            else:
                return found
            if time.monotonic() >= ends:
                return _store_failed("read", failure)
            time.sleep(_READ_AGAIN)

    def _why_none(self) -> str | None:
        """Ask a database of SQLite why it said nothing; ``None`` if it can be read, or is something else."""
        if not hasattr(self._read, "database") or not callable(getattr(self._read, "connect", None)):
            return None
        try:
            with contextlib.closing(self._read.connect()) as connection:
                if isinstance(connection, sqlite3.Connection):
                    bots = "select 1 from sqlite_master where type = 'table' and name = 'slack_bots'"
                    if connection.execute(bots).fetchone() is not None:
                        connection.execute("select count(*) from slack_bots").fetchone()
        except Exception as error:  # noqa: BLE001 - a store of the host may raise anything
            return type(error).__name__
        return None

    def save(self, installation: Installation) -> ConnectFailed | None:
        """Store an installation."""
        return self._try("written", self._store.save, installation)

    def save_bot(self, bot: Bot) -> ConnectFailed | None:
        """Store a rotated bot, where Bolt looks as well: in the latest installation, if there is one."""
        whole = None
        with contextlib.suppress(Exception):
            whole = self._read.find_installation(
                enterprise_id=bot.enterprise_id, team_id=bot.team_id, is_enterprise_install=bot.is_enterprise_install
            )
        if isinstance(whole, Installation) and whole.bot_user_id == bot.bot_user_id:
            copied = Installation(**whole.to_dict_for_copying())
            copied.bot_token = bot.bot_token
            copied.bot_refresh_token = bot.bot_refresh_token
            copied.bot_token_expires_at = bot.bot_token_expires_at
            copied.bot_scopes = bot.bot_scopes
            return self._try("written", self._store.save, copied)
        return self._try("written", self._store.save_bot, bot)

    def delete(self, enterprise_id: str | None, team_id: str | None) -> ConnectFailed | None:
        """Delete all there is of a workspace or an organisation, and see that it is gone.

        slack_sdk's SQLite store keeps an organisation's installations where it is told ``None``, deletes them where it
        is told ``""``, and says nothing of what fails.
        """
        failed = None
        for team in dict.fromkeys((team_id, team_id or "")):

            def delete(_: object, team: str | None = team) -> None:
                self._store.delete_all(enterprise_id=enterprise_id, team_id=team)

            failed = self._try("written", delete, None) or self._left(enterprise_id, team_id)
            if failed is None:
                return None
        return failed

    def _left(self, enterprise_id: str | None, team_id: str | None) -> ConnectFailed | None:
        """Tell whether something is left; a host's own store may have only what slack_sdk calls of it."""
        where = {"enterprise_id": enterprise_id, "team_id": team_id, "is_enterprise_install": team_id is None}
        for name in ("find_bot", "find_installation"):
            try:
                left = getattr(self._read, name)(**where)
            except (NotImplementedError, AttributeError):
                continue
            except Exception as error:  # noqa: BLE001 - a store of the host may raise anything
                return _store_failed("read", type(error).__name__)
            if left is not None:
                return _store_failed("written", "the installation is still there")
        failure = self._why_none()
        return None if failure is None else _store_failed("read", failure)

    def _try(self, what: str, work: Any, entity: object) -> ConnectFailed | None:
        failure = ""
        for _ in range(3):
            try:
                work(entity)
            except RunbookError as error:
                failure = str(error)
            except Exception as error:  # noqa: BLE001 - a store of the host may raise anything
                failure = type(error).__name__
            else:
                self._forget_what_is_cached()
                return None
        return _store_failed(what, failure)

    def _forget_what_is_cached(self) -> None:
        """Let a ``CacheableInstallationStore`` read again: it drops a bot, but not who else has its token."""
        for name in ("cached_bots", "cached_installations"):
            cache = getattr(self._store, name, None)
            if isinstance(cache, dict):
                cast("dict[str, Any]", cache).clear()


def _store_failed(what: str, failure: str) -> ConnectFailed:
    return ConnectFailed(
        "store_failed",
        f"the installation store could not be {what} ({failure}).",
        "See to the store; what it says itself may show a token, and is not repeated here.",
    )


# --- installing ------------------------------------------------------------------------------------------------------


@attrs.frozen
class InstallLink:
    """A link to send somebody to.

    Attributes:
        url: Where the person goes. It is good once, and for as long as the state store keeps a state.
        cookie: The value of a ``Set-Cookie`` header that ties the link to the browser which asked for it.
    """

    url: str
    cookie: str = attrs.field(repr=False)


@attrs.frozen
class Installed:
    """What came of an installation. It holds no token; the store has it.

    Attributes:
        team_id: ID of the workspace; ``None`` for a whole organisation.
        team: Its name; ``None`` for a whole organisation.
        enterprise_id: ID of the organisation, or ``None``.
        enterprise: Its name, or ``None``.
        is_enterprise_install: Whether the whole organisation installed it.
        app_id: ID of the app.
        bot_user_id: The bot's user ID.
        user_id: Who installed it.
        granted: The bot scopes that the token has, sorted.
        missing: What the runbooks need and these scopes do not allow.
        withheld: Scopes that were asked for by name and are not granted, sorted.
        rotates: Whether the token ends after some hours and is rotated.
    """

    team_id: str | None
    team: str | None
    enterprise_id: str | None
    enterprise: str | None
    is_enterprise_install: bool
    app_id: str
    bot_user_id: str
    user_id: str
    granted: tuple[str, ...]
    missing: tuple[Requirement, ...]
    withheld: tuple[str, ...]
    rotates: bool

    @property
    def where(self) -> str:
        """The workspace or the organisation, by name and ID."""
        name, an_id = (self.enterprise, self.enterprise_id) if self.is_enterprise_install else (self.team, self.team_id)
        return f"{name} ({an_id})" if name else str(an_id)

    def raise_for_missing(self) -> None:
        """Raise if the token lacks anything that the runbooks need or that was asked for by name.

        Raises:
            ScopesWithheld: It does. The installation is kept, and works for everything else.
        """
        if not self.missing and not self.withheld:
            return
        lines = [f"- {requirement}" for requirement in self.missing]
        lines += [f"- {scope}: asked for" for scope in self.withheld]
        scopes = {requirement.scopes[0] for requirement in self.missing} | set(self.withheld)
        raise ScopesWithheld(
            "scopes_withheld",
            f"{self.where} is connected, but without all scopes.",
            "Install it again and leave every scope in; scopes are added to those there are.\n" + "\n".join(lines),
            scopes=sorted(scopes),
        )


_Needs: TypeAlias = "ScopeRequirements | Subject | Iterable[Subject]"


def _requirements(needs: _Needs) -> ScopeRequirements:
    if isinstance(needs, ScopeRequirements):
        return needs
    if isinstance(needs, Iterable) and not hasattr(needs, "steps"):
        return required_scopes(*needs)
    return required_scopes(cast("Subject", needs))


class Installer:
    """Sends people to Slack, and takes what they bring back. Framework-free, and safe to share between threads.

    ``handle`` blocks while it asks Slack; in an asyncio program call it with ``asyncio.to_thread``.

    Args:
        store: One of ``slack_sdk``'s installation stores (file, SQLite, SQLAlchemy, S3, a cache), or an heir.
        states: One of its state stores.
        client_id: The app's Client ID; by default from the environment variable ``SLACK_CLIENT_ID``.
        client_secret: The app's Client Secret; by default from ``SLACK_CLIENT_SECRET``.
        needs: What the app is for: runbooks, steps and actions, or what ``required_scopes`` made of them. Their least
            scopes are asked for.
        scopes: Further bot scopes, by name.
        redirect_uri: Where Slack sends people back to: an HTTPS address that is, or lies below, a Redirect URL of the
            app. Left out, Slack takes the first of them.
        gov: Whether this is GovSlack: everything goes to ``slack-gov.com``.
        base_url: Where the Web API is instead, such as a fake's; the page for people is on the same host.
        client: A ``WebClient`` that lends its base URL, time-out, TLS context and proxy; its token is not used.
        clock: For tests: tells the time instead of the system.

    Raises:
        RunbookError: A credential is missing, no scope is asked for, or an address is not as Slack wants it.
    """

    def __init__(
        self,
        store: InstallationStore,
        states: OAuthStateStore,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        needs: _Needs = (),
        scopes: Iterable[str] = (),
        redirect_uri: str | None = None,
        gov: bool = False,
        base_url: str | None = None,
        client: WebClient | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._app = _App(client_id, client_secret, gov=gov, base_url=base_url, client=client)
        self._store = _Store(store)
        self._states = states
        self._needs = _requirements(needs)
        if isinstance(scopes, str):
            raise RunbookError("must be a list of scopes, not one text.", place="Installer.scopes")
        self._named = frozenset(checked_scopes(scopes, place="Installer.scopes"))
        self._clock: Clock = clock or WallClock()
        self._redirect_uri = redirect_uri
        if not self.scopes:
            raise RunbookError("asks for no scope: pass needs= (runbooks or actions) or scopes=.", place="Installer")
        if redirect_uri is not None:
            parts = urlsplit(redirect_uri)
            if parts.scheme != "https" or not parts.netloc or parts.fragment:
                raise RunbookError(
                    f"must be an https:// address without '#', for Slack takes no other, not {redirect_uri!r}. For a "
                    "server on this machine, use a tunnel or a certificate for localhost.",
                    place="Installer.redirect_uri",
                )
        self._cookies = OAuthStateUtils()

    def __repr__(self) -> str:
        return f"<Installer {self._app.client_id} at {self._app.base_url}>"

    @property
    def scopes(self) -> tuple[str, ...]:
        """The bot scopes that are asked for, sorted, with those that Slack wants asked for along with them."""
        return with_companions({*self._needs.minimal, *self._named})

    @property
    def redirect_uri(self) -> str | None:
        """Where Slack sends people back to, or ``None`` for the app's first Redirect URL."""
        return self._redirect_uri

    def begin(self, team_id: str | None = None) -> InstallLink:
        """Make a link for one person, good once.

        Args:
            team_id: The workspace to install in, if the person is signed in there; left out, the person chooses.

        Returns:
            The link, and the cookie that ties it to the browser.
        """
        state = str(self._states.issue())
        generator = AuthorizeUrlGenerator(
            client_id=quote(self._app.client_id, safe=""),
            redirect_uri=None if self._redirect_uri is None else quote(self._redirect_uri, safe=""),
            scopes=self.scopes,
            user_scopes=[],
            authorization_url=urljoin(self._app.base_url, "/oauth/v2/authorize"),
        )
        url = generator.generate(quote(state, safe=""), None if team_id is None else quote(team_id, safe=""))
        return InstallLink(url, self._cookies.build_set_cookie_for_new_state(state))

    def handle(
        self,
        query: str | bytes | Mapping[str, str | Sequence[str]],
        headers: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Installed:
        """Take what Slack sent the person back with: check the state, trade the code in once, store the installation.

        Slack: https://docs.slack.dev/reference/methods/oauth.v2.access,
        https://docs.slack.dev/reference/methods/auth.test

        Args:
            query: The query of the request, as text, as the bytes of an ASGI scope, or as a mapping.
            headers: Its headers. If they are given, the browser must have the cookie of :class:`InstallLink`: otherwise
                somebody could have another person open the link of an installation that is not theirs.

        Returns:
            What was installed. ``raise_for_missing()`` insists on the scopes.

        Raises:
            StateRefused: The state was not issued here, was used, is too old, or is another browser's.
            ConsentDenied: The person did not allow it.
            ConnectFailed: Slack does not take the code, cannot be reached or is busy, or the store failed; ``code`` and
                ``remedy`` say more. The state is used up: it begins again with a new link.
        """
        outcome = self._handled(query, headers)
        del query, headers
        if isinstance(outcome, SlackRunbooksError):
            raise outcome
        return outcome

    def _handled(self, query: object, headers: Mapping[str, Any] | None) -> Installed | SlackRunbooksError:
        fields = _fields(query)
        if fields is None:
            return StateRefused("repeated_argument", "the query has an argument twice, or is none.", _AGAIN)
        state = fields.get("state", "")
        if not self._is_known(state, headers):
            return StateRefused(
                "state_refused",
                "nobody here asked for this, or it was used before, or it came too late.",
                _AGAIN,
            )
        if "error" in fields:
            code = fields["error"] if re.fullmatch(r"[a-z_]{1,100}", fields["error"]) else "unknown_error"
            if code == "access_denied":
                return ConsentDenied(code, "the request was not allowed.", "Ask whoever administers the workspace.")
            return ConnectFailed(code, "Slack did not ask the person.", _REMEDIES.get(code, _AGAIN))
        if not fields.get("code"):
            return ConnectFailed("no_code", "Slack's answer has no code.", _AGAIN)
        return self._exchange(fields["code"])

    def _is_known(self, state: str, headers: Mapping[str, Any] | None) -> bool:
        """Use a state up, and tell whether it was good."""
        if not _STATE.fullmatch(state):
            return False
        if headers is not None and not self._is_same_browser(state, headers):
            return False
        # slack_sdk's SQLite store looks and deletes in two steps.
        with _alone(f"states {self._app.client_id}"):
            try:
                return bool(self._states.consume(state))
            except Exception as error:  # noqa: BLE001 - a store of the host may raise anything
                _log.warning("The state store could not be read (%s).", type(error).__name__)
                return False

    def _is_same_browser(self, state: str, headers: Mapping[str, Any]) -> bool:
        lower = {str(name).lower(): value for name, value in headers.items()}
        cookies = lower.get("cookie") or ""
        pairs = ";".join(map(str, cookies if isinstance(cookies, (list, tuple)) else [cookies])).split(";")
        wanted = f"{self._cookies.cookie_name}={state}".encode()
        given = [pair.strip().replace('"', "").encode("utf-8", "replace") for pair in pairs]
        return any(hmac.compare_digest(wanted, each) for each in given)

    def _exchange(self, code: str) -> Installed | SlackRunbooksError:
        arguments = {"code": code}
        if self._redirect_uri is not None:
            arguments["redirect_uri"] = self._redirect_uri
        method = "oauth.v2.access"
        told = self._app.ask(method, arguments)
        for _ in range(_MOST_SENDINGS - 1):
            if isinstance(told, NotSent):
                told = self._app.ask(method, arguments)
        error = _error_of(method, told)
        if isinstance(error, ConnectFailed):
            # The code is used up if Slack got it, and a second installation costs nothing.
            return ConnectFailed(error.code, error.reason, "Begin again with a new link; it does no harm twice.")
        if isinstance(error, RateLimited):
            wait = f"Wait {error.retry_after:g} seconds. {_AGAIN}"
            return ConnectFailed(error.code, f"Slack has no time for {method} now.", wait)
        if isinstance(error, SlackUnavailable):
            return ConnectFailed(error.code, f"Slack could not be asked: {error.detail}.", _AGAIN)
        if isinstance(error, SlackError):
            return ConnectFailed(
                error.code, f"Slack refused {method}.", _REMEDIES.get(error.code, error.remedy or _AGAIN)
            )
        return self._keep(cast("Mapping[str, Any]", cast("Answered", told).data))

    def _keep(self, data: Mapping[str, Any]) -> Installed | SlackRunbooksError:
        """Store what Slack gave; never lose it for want of something else."""
        token = data.get("access_token")
        if not isinstance(token, str) or data.get("token_type") != "bot":
            return ConnectFailed("no_token", "Slack gave no bot token.", _REMEDIES["no_scopes"])
        me = self._app.ask("auth.test", {}, token=_Secret(token))
        about: Mapping[str, Any] = (me.data or {}) if isinstance(me, Answered) else {}
        team, enterprise = data.get("team") or {}, data.get("enterprise") or {}
        person, webhook = data.get("authed_user") or {}, data.get("incoming_webhook") or {}
        is_org = bool(data.get("is_enterprise_install"))
        granted = _listed(data.get("scope"))
        installation = Installation(
            app_id=data.get("app_id"),
            enterprise_id=enterprise.get("id"),
            enterprise_name=enterprise.get("name"),
            enterprise_url=about.get("url") if is_org else None,
            team_id=team.get("id"),
            team_name=team.get("name"),
            bot_token=token,
            bot_id=about.get("bot_id") or "",
            bot_user_id=data.get("bot_user_id") or "",
            bot_scopes=granted,
            bot_refresh_token=data.get("refresh_token"),
            bot_token_expires_at=self._end_of(data),
            user_id=person.get("id") or "",
            user_token=person.get("access_token"),
            user_scopes=_listed(person.get("scope")),
            user_refresh_token=person.get("refresh_token"),
            user_token_expires_at=self._end_of(person),
            # Slack shows its address this once.
            incoming_webhook_url=webhook.get("url"),
            incoming_webhook_channel=webhook.get("channel"),
            incoming_webhook_channel_id=webhook.get("channel_id"),
            incoming_webhook_configuration_url=webhook.get("configuration_url"),
            is_enterprise_install=is_org,
            token_type="bot",  # noqa: S106 - a kind, no token
            installed_at=self._clock.now(),
        )
        with _alone(_name_of(self._app.client_id, installation.enterprise_id, installation.team_id)):
            failed = self._store.save(installation)
        if failed is not None:
            return failed
        have = set(granted)
        return Installed(
            team_id=installation.team_id,
            team=installation.team_name,
            enterprise_id=installation.enterprise_id,
            enterprise=installation.enterprise_name,
            is_enterprise_install=is_org,
            app_id=installation.app_id or "",
            bot_user_id=installation.bot_user_id or "",
            user_id=installation.user_id,
            granted=tuple(sorted(have)),
            missing=self._needs.missing(have),
            withheld=tuple(sorted(self._named - have)),
            rotates=installation.bot_token_expires_at is not None,
        )

    def _end_of(self, data: Mapping[str, Any]) -> int | None:
        ends = data.get("expires_in")
        return None if ends is None else int(self._clock.now() + _seconds(ends))


def _fields(query: object) -> dict[str, str] | None:
    """Read a query; ``None`` where it is none.

    So is one in which an argument comes twice, so that nobody reads another one than was checked.
    """
    if isinstance(query, (bytes, bytearray)):
        query = query.decode("utf-8", "replace")
    if isinstance(query, str):
        pairs: list[tuple[Any, Any]] = [*parse_qsl(query.removeprefix("?"), keep_blank_values=True)]
    elif isinstance(query, Mapping):
        pairs = [
            (name, each)
            for name, value in query.items()
            if value is not None
            for each in (value if isinstance(value, (list, tuple)) else (value,))
        ]
    else:
        return None
    fields = dict(pairs)
    is_text = all(isinstance(each, str) for pair in pairs for each in pair)
    return fields if is_text and len(fields) == len(pairs) else None


def _seconds(value: object) -> float:
    """Read how long a token lives. What is no number is 0, which rotates it soon; the token is not lost for it."""
    try:
        seconds = float(str(value))
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < 1e9 else 0.0


def _listed(value: object) -> list[str]:
    return [part for part in str(value or "").split(",") if part]


def _name_of(client_id: str, enterprise_id: str | None, team_id: str | None) -> str:
    """Name an installation for the lock of its tokens."""
    return f"tokens {client_id} {enterprise_id or '-'} {team_id or '-'}"


# --- tokens that are kept fresh --------------------------------------------------------------------------------------


class _Tokens:
    """The token of one installation, for every client in this process that uses it.

    Two may want to rotate at once. In a process a lock of threads parts them, on a machine a lock of SQLite; between
    machines the one whom Slack refuses looks into the store for what the other one left there.

    Whoever has the lock asks the store and Slack under it. So while the token is good nobody waits for the lock: the
    rotation is made in a thread, and what is to be sent goes with the token that there is.
    """

    def __init__(self, spaces: Workspaces, bot: Bot, *, for_org: bool) -> None:
        self._spaces = spaces
        self._bot = bot
        self._for_org = for_org
        self._name = _name_of(spaces._app.client_id, bot.enterprise_id, None if for_org else bot.team_id)  # noqa: SLF001
        self._turn = Turn()
        self._again_at = 0.0
        self._spent: str | None = None
        # A refresh token that Slack took no more, and until when somebody else may store what it bought.
        self._dead: tuple[str, AuthenticationFailed] | None = None
        self._look_until = 0.0

    def __repr__(self) -> str:
        return f"<tokens of {self._bot.enterprise_id or ''}/{self._bot.team_id or ''}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("tokens are not pickled")

    # What the clients ask.

    def fresh(self) -> str | None:
        bot = self._bot
        # While somebody rotates it, a token that is good need not wait for that.
        is_enough = self._is_settled(bot) or (self._turn.lock.locked() and not self._is_over(bot))
        return bot.bot_token if is_enough else None

    def current(self) -> str:
        outcome = self._outcome(None)
        if isinstance(outcome, SlackRunbooksError):
            raise outcome
        return outcome

    def learn(self, found: Bot) -> None:
        """Take over what the store has, unless that is older than what this process could not store.

        Whoever has the lock is just looking into the store.
        """
        if self._turn.lock.acquire(blocking=False):
            try:
                if self._spent is None:
                    self._bot = found
            finally:
                self._turn.lock.release()

    def instead_of(self, token: str) -> str | None:
        outcome = self._outcome(token)
        if isinstance(outcome, SlackRunbooksError):
            del token
            if isinstance(outcome, AuthenticationFailed) and not outcome.method:
                return None  # nobody was asked: what Slack said of the token itself is all there is
            _log.warning("A token that Slack refused could not be rotated: %s", outcome)
            raise outcome
        return outcome if outcome != token else None

    # How it is found out.

    @property
    def _clock(self) -> Clock:
        return self._spaces._clock  # noqa: SLF001

    @property
    def _store(self) -> _Store:
        return self._spaces._store  # noqa: SLF001

    def _is_due(self, bot: Bot) -> bool:
        if bot.bot_token_expires_at is None or not bot.bot_refresh_token:
            return False
        return bot.bot_token_expires_at - self._clock.now() < self._spaces._rotate_before  # noqa: SLF001

    def _is_over(self, bot: Bot) -> bool:
        return bot.bot_token_expires_at is not None and bot.bot_token_expires_at <= self._clock.now()

    def _is_settled(self, bot: Bot) -> bool:
        """Tell whether a token is good, and nothing is to be done about it now."""
        if self._spent is None and not self._is_due(bot):
            return True
        return self._clock.now() < self._again_at and not self._is_over(bot)

    def _outcome(self, refused: str | None) -> str | SlackRunbooksError:
        """Return a token, other than the refused one if there is one; or the error, which nobody has raised."""
        if refused is None and not self._is_over(self._bot):
            if self.fresh() is None:
                self._begin()
            return self._bot.bot_token
        with self._turn.lock:
            if self._bot.bot_token != refused and not self._is_over(self._bot):
                return self._bot.bot_token
            return self._attempt(refused)

    def _begin(self) -> None:
        """Rotate in a thread, unless somebody does, and wait a moment for that."""
        lock, done = self._turn.lock, threading.Event()
        if not lock.acquire(blocking=False):
            return

        def work() -> None:
            try:
                if not self._is_settled(self._bot):
                    self._attempt(None)
            except Exception as error:  # noqa: BLE001 - nobody waits who could be told
                self._again_at = self._clock.now() + _AGAIN_AFTER
                _log.error("A token could not be rotated (%s), and is used until it ends.", type(error).__name__)
            finally:
                lock.release()
                done.set()

        try:
            # Not a daemon: the end of the program must not come between Slack's answer and the store.
            threading.Thread(target=work, name="slackrunbooks-rotation", daemon=False).start()
        except RuntimeError:
            work()  # the program ends, or there are too many threads
        done.wait(_PATIENCE)

    def _attempt(self, refused: str | None) -> str | SlackRunbooksError:
        """Rotate, with the lock taken. After a failure a token that is still good is left alone for a while."""
        with _alone(self._name):
            outcome = self._rotated(refused)
        is_needed = self._is_over(self._bot) or self._bot.bot_token == refused
        if isinstance(outcome, AuthenticationFailed) and self._dead is not None:
            newer = self._left_by_another(refused) if is_needed else None
            outcome = newer or outcome
        if isinstance(outcome, str) or is_needed:
            return outcome
        # The token is good for a while: what an incident needs now does not wait for what went wrong.
        now = self._clock.now()
        if self._dead is not None and now < self._look_until:
            self._again_at = self._look_until  # somebody else is about to store another one
            return self._bot.bot_token
        _log.warning("A token could not be rotated, and is used until it ends: %s", outcome)
        self._again_at = now + (outcome.retry_after if isinstance(outcome, RateLimited) else _AGAIN_AFTER)
        return self._bot.bot_token

    def _rotated(self, refused: str | None) -> str | SlackRunbooksError:
        """Look into the store, and ask Slack only if nobody else has."""
        found = self._find()
        if isinstance(found, SlackRunbooksError):
            return found
        if self._spent is not None and found.bot_refresh_token == self._spent:
            # The store has not yet got what came of the last rotation.
            found = self._bot
            if self._store.save_bot(found) is None:
                self._spent = None
        else:
            self._bot, self._spent = found, None
        if found.bot_token != refused and not self._is_due(found):
            return found.bot_token
        if not found.bot_refresh_token:
            return _ended("the token was refused, and it does not rotate")
        if self._dead is not None and self._dead[0] == found.bot_refresh_token:
            refusal = self._dead[1]
            return AuthenticationFailed(
                refusal.code, method=refusal.method, detail=refusal.detail, remedy=refusal.remedy
            )
        self._dead = None
        outcome = self._refreshed(found)
        if isinstance(outcome, AuthenticationFailed) and outcome.code == "invalid_refresh_token":
            self._dead = (found.bot_refresh_token, outcome)
            self._look_until = self._clock.now() + _LOSER_WAITS
        if isinstance(outcome, SlackRunbooksError):
            return outcome
        spent, self._bot = found.bot_refresh_token, outcome
        failed = self._store.save_bot(outcome)
        if failed is not None:
            # It lives in this process alone; the next request tries to store it again.
            self._spent = spent
            _log.error("A rotated token is not stored yet: %s", failed)
        self._again_at = 0.0
        return outcome.bot_token

    def _find(self) -> Bot | SlackRunbooksError:
        found = self._store.find(self._bot.enterprise_id, self._bot.team_id, for_org=self._for_org)
        return _ended("the installation is in the store no more") if found is None else found

    def _refreshed(self, bot: Bot) -> Bot | SlackRunbooksError:
        """Trade the refresh token in. An answer that got lost is asked for again, within the token's grace period."""
        method = "oauth.v2.access"
        arguments = {"grant_type": "refresh_token", "refresh_token": bot.bot_refresh_token}
        app, lost = self._spaces._app, False  # noqa: SLF001
        told = app.ask(method, arguments)
        for _ in range(_MOST_SENDINGS - 1):
            if isinstance(told, Lost):
                told, lost = app.ask(method, arguments), True
        error = _error_of(method, told)
        if error is None:
            return self._renewed(bot, cast("Mapping[str, Any]", cast("Answered", told).data))
        if isinstance(error, (SlackUnavailable, RateLimited)):
            return error
        if isinstance(error, SlackError):
            detail = "the answer to an earlier refresh got lost" if lost else "Slack refused to rotate the token"
            return AuthenticationFailed(
                error.code, method=method, detail=detail, remedy=_REMEDIES.get(error.code, error.remedy)
            )
        return SlackUnavailable(method=method, detail="the answer was lost each time")

    def _renewed(self, bot: Bot, data: Mapping[str, Any]) -> Bot | SlackRunbooksError:
        token, refresh, ends = data.get("access_token"), data.get("refresh_token"), data.get("expires_in")
        if not isinstance(token, str) or not isinstance(refresh, str) or data.get("token_type") != "bot":
            return _ended("Slack's answer to the refresh has no bot token")
        fresh = Bot(**bot.to_dict_for_copying())
        fresh.bot_token, fresh.bot_refresh_token = token, refresh
        fresh.bot_token_expires_at = int(self._clock.now() + _seconds(ends))
        fresh.bot_scopes = _listed(data.get("scope")) or bot.bot_scopes
        return fresh

    def _left_by_another(self, refused: str | None) -> str | None:
        """Wait for what the one who was first stores: Slack takes our refresh token no more because it took theirs."""
        before = self._bot.bot_token
        while self._clock.now() < self._look_until:
            found = self._store.find(self._bot.enterprise_id, self._bot.team_id, for_org=self._for_org)
            if isinstance(found, Bot) and found.bot_token not in {before, refused} and not self._is_over(found):
                self._bot, self._spent, self._dead = found, None, None
                return found.bot_token
            self._clock.sleep_until(self._clock.now() + _LOSER_WAITS / _LOOKS)
        return None


def _ended(detail: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        "account_inactive", method="", detail=detail, remedy="Install the app again in that workspace."
    )


@attrs.frozen
class Team:
    """A workspace of an organisation.

    Attributes:
        id: Its ID.
        name: Its name.
    """

    id: str
    name: str


class Workspaces:
    """Every workspace in which the app is installed: an executor for each, whose token rotates by itself.

    Safe to share between threads, tasks and forks; several processes and machines may share a store. A token that
    rotates is rotated two hours before its end, in a thread, for which no request waits longer than a second. Whoever
    loses a race for that uses what the winner stored, so that nobody is left with a token that Slack takes no more.
    Only bot tokens are used and rotated.

    Args:
        store: One of ``slack_sdk``'s installation stores, as for :class:`Installer`.
        client_id: The app's Client ID; by default from the environment variable ``SLACK_CLIENT_ID``.
        client_secret: The app's Client Secret; by default from ``SLACK_CLIENT_SECRET``.
        enterprise_id: The organisation to which the workspaces belong, if they do; each method takes another.
        gov: Whether this is GovSlack: everything goes to ``slack-gov.com``.
        base_url: Where the Web API is instead, such as a fake's.
        client: A ``WebClient`` that lends its base URL, time-out, TLS context and proxy; its token is not used.
        rotate_before: How many seconds before its end a token is rotated.
        clock: For tests: tells the time instead of the system.

    Raises:
        RunbookError: A credential is missing, or an option is not as it should be.
    """

    def __init__(
        self,
        store: InstallationStore,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        enterprise_id: str | None = None,
        gov: bool = False,
        base_url: str | None = None,
        client: WebClient | None = None,
        rotate_before: float = _ROTATE_BEFORE,
        clock: Clock | None = None,
    ) -> None:
        self._app = _App(client_id, client_secret, gov=gov, base_url=base_url, client=client)
        self._store = _Store(store)
        self._enterprise_id = enterprise_id
        if not 0 <= rotate_before < 43_200:
            raise RunbookError(
                f"must be from 0 to less than the 43,200 seconds that a token lives, not {rotate_before!r}.",
                place="Workspaces.rotate_before",
            )
        self._rotate_before = rotate_before
        self._has_own_clock = clock is not None
        self._clock: Clock = clock or WallClock()
        self._turn = Turn()
        self._known: dict[tuple[str | None, str | None], _Tokens] = {}

    def __repr__(self) -> str:
        return f"<Workspaces of {self._app.client_id} at {self._app.base_url}>"

    def executor(self, team_id: str | None = None, *, enterprise_id: str | None = None, **options: Any) -> Executor:
        """Return an executor for one workspace. Closing it closes its connections.

        Its steps with ``workspace`` act in the others, and it goes on with runs that an executor for another one began.

        Args:
            team_id: The workspace. For an installation of a whole organisation it is sent with each method that takes
                one.
            enterprise_id: The organisation to which the workspace belongs, if it does.
            **options: What :class:`~slackrunbooks.Executor` takes, but for ``client`` and ``token``.

        Raises:
            NotInstalled: The store has no installation for it.
            ConnectFailed: The store could not be read.
        """
        from .executor import Executor

        options.setdefault("workspaces", self._of(enterprise_id))
        made = Executor(client=self.client(team_id, enterprise_id=enterprise_id), **options)
        made._owns_client = True  # noqa: SLF001 - nobody else has it
        made._team = team_id or ""  # noqa: SLF001 - nor can tell
        return made

    def async_executor(
        self, team_id: str | None = None, *, enterprise_id: str | None = None, **options: Any
    ) -> AsyncExecutor:
        """Return an asynchronous executor for one workspace; as :meth:`executor`."""
        from .executor import AsyncExecutor

        options.setdefault("workspaces", self._of(enterprise_id))
        made = AsyncExecutor(client=self.async_client(team_id, enterprise_id=enterprise_id), **options)
        made._owns_client = True  # noqa: SLF001 - nobody else has it
        made._team = team_id or ""  # noqa: SLF001 - nor can tell
        return made

    def _of(self, enterprise_id: str | None) -> Workspaces:
        """Return these workspaces, those of another organisation among them; the tokens are the same."""
        if enterprise_id in (None, self._enterprise_id):
            return self
        other = copy.copy(self)
        other._enterprise_id = enterprise_id  # noqa: SLF001 - its own
        return other

    def check(self, team_id: str | None = None, *, enterprise_id: str | None = None) -> None:
        """Look whether the store has an installation for a workspace. Slack is not asked.

        Args:
            team_id: The workspace.
            enterprise_id: The organisation to which it belongs, if it does.

        Raises:
            NotInstalled: It has none.
            ConnectFailed: The store could not be read.
        """
        self._tokens(team_id, enterprise_id)

    def client(self, team_id: str | None = None, *, enterprise_id: str | None = None) -> RotatingWebClient:
        """Return a ``WebClient`` for one workspace, whose token rotates by itself; as :meth:`executor`."""
        tokens, team = self._tokens(team_id, enterprise_id)
        made = RotatingWebClient(tokens, team_id=team, **self._app.settings)
        if self._has_own_clock:
            vars(made)["slackrunbooks_clock"] = self._clock
        return made

    def async_client(self, team_id: str | None = None, *, enterprise_id: str | None = None) -> RotatingAsyncWebClient:
        """Return an ``AsyncWebClient`` for one workspace, whose token rotates by itself; as :meth:`executor`."""
        from .client import RotatingAsyncWebClient

        tokens, team = self._tokens(team_id, enterprise_id)
        made = RotatingAsyncWebClient(tokens, team_id=team, **self._app.settings)
        if self._has_own_clock:
            vars(made)["slackrunbooks_clock"] = self._clock
        return made

    def teams(self, enterprise_id: str | None = None) -> tuple[Team, ...]:
        """List the workspaces in which the installation of an organisation may act.

        Slack: https://docs.slack.dev/reference/methods/auth.teams.list

        Args:
            enterprise_id: The organisation.

        Raises:
            NotInstalled: The organisation has not installed the app as a whole.
            SlackError: Slack refused.
        """
        client = self.client(None, enterprise_id=enterprise_id)
        found: list[Team] = []
        cursor = ""
        with client:
            while True:
                told = send(client, Call("auth.teams.list", {"cursor": cursor or None}, Repeat.READS))
                error = _error_of("auth.teams.list", told)
                if error is not None:
                    raise error
                data: Mapping[str, Any] = cast("Any", told).data
                found += [Team(str(row.get("id")), str(row.get("name", ""))) for row in data.get("teams", ())]
                cursor = (data.get("response_metadata") or {}).get("next_cursor") or ""
                if not cursor:
                    return tuple(found)

    def uninstall(self, team_id: str | None = None, *, enterprise_id: str | None = None) -> None:
        """Uninstall the app, and delete the installation from the store.

        An installation that is gone in Slack already is only deleted.

        Slack: https://docs.slack.dev/reference/methods/apps.uninstall

        Args:
            team_id: The workspace; left out, the organisation as a whole.
            enterprise_id: The organisation.

        Raises:
            NotInstalled: The store has no installation for it.
            RunbookError: The workspace is reached by the installation of its organisation, which would end everywhere.
            SlackError: Slack refused, and nothing was deleted: ``no_permission`` means that a person has to do it, on
                the page "Manage apps" of the workspace.
            ConnectFailed: The store failed, or the answer got lost; do it again.
        """
        tokens, org_team = self._tokens(team_id, enterprise_id)
        if org_team is not None:
            raise RunbookError(
                f"the organisation has installed the app, for {org_team!r} and all others. To end that everywhere, "
                "leave team_id out; to take one workspace out, do it in Slack.",
                place="Workspaces.uninstall",
            )
        failed = self._uninstalled(tokens)
        if failed is None:
            bot = tokens._bot  # noqa: SLF001
            failed = self._forgotten(bot.enterprise_id, None if bot.is_enterprise_install else bot.team_id)
        if failed is not None:
            raise failed

    def _uninstalled(self, tokens: _Tokens) -> SlackRunbooksError | None:
        token = tokens._outcome(None)  # noqa: SLF001
        if isinstance(token, AuthenticationFailed):
            return None if token.code in _MEANS_GONE else token
        if isinstance(token, SlackRunbooksError):
            return token
        own = {"client_id": self._app.client_id, "client_secret": self._app.secret.reveal()}
        error = _error_of("apps.uninstall", self._app.ask("apps.uninstall", own, token=_Secret(token)))
        return None if isinstance(error, SlackError) and error.code in _MEANS_GONE else error

    def forget(self, team_id: str | None = None, *, enterprise_id: str | None = None) -> None:
        """Delete an installation from the store, and ask Slack nothing: for the event ``app_uninstalled``.

        Args:
            team_id: The workspace; left out, the organisation as a whole.
            enterprise_id: The organisation.

        Raises:
            ConnectFailed: The store could not be written.
        """
        _check_ids(enterprise_id, team_id)
        failed = self._forgotten(enterprise_id or self._enterprise_id, team_id)
        if failed is not None:
            raise failed

    def _forgotten(self, enterprise_id: str | None, team_id: str | None) -> ConnectFailed | None:
        with self._turn.lock:
            self._known.pop((enterprise_id, team_id), None)
        with _alone(_name_of(self._app.client_id, enterprise_id, team_id)):
            return self._store.delete(enterprise_id, team_id)

    def _tokens(self, team_id: str | None, enterprise_id: str | None) -> tuple[_Tokens, str | None]:
        """Return the tokens for a workspace, and its ID if they are those of its whole organisation."""
        enterprise_id = enterprise_id or self._enterprise_id
        if team_id is None and enterprise_id is None:
            raise RunbookError("needs a team_id, or the enterprise_id of an organisation.", place="Workspaces")
        _check_ids(enterprise_id, team_id)
        # The workspace's own installation comes first: whoever made it there wanted it there.
        places: list[tuple[str | None, str | None, bool]] = []
        if team_id is not None:
            places.append((enterprise_id, team_id, False))
        if enterprise_id is not None:
            places.append((enterprise_id, None, True))
            if team_id is not None:
                places.append((None, team_id, False))
        for enterprise, team, for_org in places:
            found = self._store.find(enterprise, team, for_org=for_org)
            if isinstance(found, ConnectFailed):
                raise found
            if found is None or not found.bot_token:
                continue
            with self._turn.lock:
                tokens = self._known.get((enterprise, team))
                if tokens is None:
                    tokens = self._known[enterprise, team] = _Tokens(self, found, for_org=for_org)
            tokens.learn(found)
            return tokens, team_id if for_org else None
        hint = "" if enterprise_id else " If it belongs to an organisation, pass enterprise_id=…."
        raise NotInstalled(
            "not_installed",
            f"the store has no installation for {team_id or enterprise_id!r}.",
            f"Install the app there: Installer.begin() makes the link.{hint}",
        )


# --- a server for the way back ---------------------------------------------------------------------------------------


class CallbackServer:
    """A small server on this machine that waits for people who come back from Slack.

    It listens on 127.0.0.1 only. Slack sends people to an HTTPS address: that of a tunnel which ends here, or, with a
    certificate for ``localhost``, this server's own. What is forged, stale or for another path is answered, and the
    wait goes on.

    Args:
        installer: Handles what they bring.
        port: The port; 0 is any that is free.
        path: The path; by default that of the installer's ``redirect_uri``.
        certificate: A file with a certificate in PEM, for HTTPS.
        key: A file with its key, if it is not in the same.

    Raises:
        OSError: The port is taken, or a file cannot be read.
    """

    def __init__(
        self,
        installer: Installer,
        *,
        port: int = 0,
        path: str | None = None,
        certificate: str | Path | None = None,
        key: str | Path | None = None,
    ) -> None:
        self._installer = installer
        self._path = path or urlsplit(installer.redirect_uri or "").path or "/"
        self._done = threading.Event()
        self._outcome: Installed | SlackRunbooksError | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Callback)
        self._server.daemon_threads = True
        vars(self._server)["owner"] = self
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            # The handshake is left to the thread of the connection, so that nobody who says nothing holds the rest up.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self, seconds: float) -> Installed:
        """Wait until somebody has installed the app or refused to.

        Args:
            seconds: How long, at most.

        Returns:
            What was installed.

        Raises:
            ConnectFailed: Nobody came in time (``timed_out``), or what :meth:`Installer.handle` raises.
        """
        if not self._done.wait(seconds):
            raise ConnectFailed("timed_out", f"nobody came back within {seconds:g} seconds.", "Begin again.")
        outcome = self._outcome
        if isinstance(outcome, SlackRunbooksError):
            raise outcome
        return cast("Installed", outcome)

    def take(self, path: str, query: str) -> tuple[int, str]:
        """Take a request; return the status and the text of the answer."""
        if path != self._path:
            return 404, "Nothing is here."
        outcome = self._installer._handled(query, None)  # noqa: SLF001
        if isinstance(outcome, StateRefused):
            return 400, str(outcome)
        self._outcome = outcome
        self._done.set()
        if isinstance(outcome, SlackRunbooksError):
            return 400, str(outcome)
        lacking = " Some scopes were left out; see the terminal." if outcome.missing or outcome.withheld else ""
        return 200, f"The app is installed in {outcome.where}.{lacking} You can close this window."


class _Callback(BaseHTTPRequestHandler):
    """One person who comes back."""

    timeout = 30

    def do_GET(self) -> None:
        """Hand the query on, and answer as plain text."""
        path, _, query = self.path.partition("?")
        owner: CallbackServer = cast("Any", self.server).owner
        status, text = owner.take(path, query)
        body = f"{text}\n".encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            # The address of this page has the code in it.
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent: the line would have the code in it."""
