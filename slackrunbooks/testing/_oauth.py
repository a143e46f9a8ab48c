"""The app as its settings have it, who installed it, and the tokens that came of it.

Rule of this file: state and its invariants, no Web API and no HTTP; ``_methods/oauth.py`` answers from it, and
``_authorize.py`` shows the page that people click. Sources:
https://docs.slack.dev/authentication/installing-with-oauth and
https://docs.slack.dev/authentication/using-token-rotation.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._clock import VirtualClock

__all__ = ["CODE_SECONDS", "EXPIRES_IN", "Code", "FakeApp", "FakeInstallation", "Issued", "Pair"]

CODE_SECONDS: Final = 600
"""A code "expires after ten minutes"."""

EXPIRES_IN: Final = 43_200
"""A rotating token "will always expire in 43,200 seconds, which is 12 hours"."""

_MOST_ACTIVE = 2
"""More than "2 active tokens" there are not: "the oldest additional token will be revoked"."""

Whose: TypeAlias = Literal["bot", "user"]


@attrs.define(eq=False)
class FakeInstallation:
    """One installation of the app.

    Attributes:
        team_id: ID of the workspace; ``None`` where the whole organisation installed it.
        enterprise_id: ID of the organisation, or ``None``.
        scopes: The bot scopes that were granted; a later installation adds to them.
        user_scopes: The scopes of the person's own token, if one was asked for.
        user_id: Who installed it last.
        is_active: Whether it was not uninstalled since.
    """

    team_id: str | None
    enterprise_id: str | None
    scopes: set[str] = attrs.field(factory=set)
    user_scopes: set[str] = attrs.field(factory=set)
    user_id: str = ""
    is_active: bool = True

    @property
    def is_enterprise_install(self) -> bool:
        """Whether it is the organisation's, not one workspace's."""
        return self.team_id is None


@attrs.define(eq=False)
class Issued:
    """A token, an access token or a refresh token.

    Attributes:
        value: The token.
        whose: Whether it is the bot's or a person's.
        installation: What it belongs to.
        expires_at: When it ends by itself, in seconds since 1970 (UTC), or ``None``.
        revoked_at: When it is or was taken back, or ``None``.
        is_refresh: Whether it only buys other tokens.
        is_exchanged: Whether it was traded in for a rotating pair.
    """

    value: str = attrs.field(repr=False)
    whose: Whose
    installation: FakeInstallation
    expires_at: float | None = None
    revoked_at: float | None = None
    is_refresh: bool = False
    is_exchanged: bool = False

    def is_revoked(self, now: float) -> bool:
        """Whether it was taken back."""
        return self.revoked_at is not None and self.revoked_at <= now

    def is_expired(self, now: float) -> bool:
        """Whether it ended by itself."""
        return self.expires_at is not None and self.expires_at <= now

    def is_good(self, now: float) -> bool:
        """Whether Slack takes it."""
        return self.installation.is_active and not self.is_revoked(now) and not self.is_expired(now)


@attrs.frozen
class Code:
    """What the redirect carries: good for one exchange.

    Attributes:
        installation: What it will install.
        redirect_uri: Where it was sent, as the request said, or ``None`` where it named no place.
        scopes: The bot scopes that were approved.
        user_scopes: The user scopes that were approved.
        user_id: Who approved.
        expires_at: When it ends.
    """

    installation: FakeInstallation
    redirect_uri: str | None
    scopes: frozenset[str]
    user_scopes: frozenset[str]
    user_id: str
    expires_at: float


@attrs.frozen
class Pair:
    """An access token, with its refresh token where the app rotates."""

    access: Issued
    refresh: Issued | None


class FakeApp:
    """The app, as its settings page has it. ``FakeSlack.app``.

    Args:
        clock: The clock of the workspace.
        enterprise_id: ID of the organisation, or ``None``.
    """

    def __init__(self, clock: VirtualClock, enterprise_id: str | None) -> None:
        self.client_id = "10000000001.20000000002"
        """The Client ID."""
        self.client_secret = "fake-client-secret-3f1c9a"  # noqa: S105
        """The Client Secret."""
        self.redirect_urls: list[str] = ["https://bot.example/slack/oauth_redirect"]
        """The Redirect URLs under "OAuth & Permissions"."""
        self.token_rotation = False
        """Whether token rotation is on. Slack lets nobody turn it off again."""
        self.grace_seconds: float = 0
        """How long a refresh token that was used stays good. Slack says "a short grace period" and no number; 0 is the
        harshest reading."""
        self.installations: list[FakeInstallation] = []
        """Every installation, in order."""
        self.enterprise_id = enterprise_id
        self.retired: set[str] = set()
        self._clock = clock
        self._codes: dict[str, Code] = {}
        self._issued: dict[str, Issued] = {}
        self._count = 0

    def __repr__(self) -> str:
        return f"<FakeApp {self.client_id}: {len(self.installations)} installations>"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every code and token that was ever given out, and the client secret: what a test searches for."""
        return (self.client_secret, *self._codes, *self._issued, *self.retired)

    @property
    def active_tokens(self) -> int:
        """How many access tokens Slack takes just now."""
        now = self._clock.now()
        return sum(each.is_good(now) and not each.is_refresh for each in self._issued.values())

    def accepts_redirect(self, uri: str) -> bool:
        """Whether a ``redirect_uri`` is a Redirect URL of the app or lies below one, and uses HTTPS."""
        wanted = urlsplit(uri)
        if wanted.scheme != "https" or wanted.fragment:
            return False
        for url in self.redirect_urls:
            known = urlsplit(url)
            below = wanted.path == known.path or wanted.path.startswith(f"{known.path.rstrip('/')}/")
            if (known.scheme, known.netloc) == (wanted.scheme, wanted.netloc) and below:
                return True
        return False

    def issued(self, value: str) -> Issued | None:
        """Return a token by its value, whatever its state."""
        return self._issued.get(value)

    # ─── installing ───

    def code(
        self,
        team_id: str | None,
        *,
        redirect_uri: str | None,
        scopes: Iterable[str],
        user_scopes: Iterable[str],
        user_id: str,
    ) -> str:
        """Return the code for an approval, which nobody has exchanged yet."""
        found = [each for each in self.installations if each.team_id == team_id and each.is_active]
        installation = found[0] if found else FakeInstallation(team_id, self.enterprise_id)
        value = f"4724469134.4644010092847.{self._unique('code')}"
        self._codes[value] = Code(
            installation,
            redirect_uri,
            frozenset(scopes),
            frozenset(user_scopes),
            user_id,
            self._clock.now() + CODE_SECONDS,
        )
        return value

    def take(self, value: str, redirect_uri: str | None) -> Code | str:
        """Use up a code.

        Returns:
            What it stands for, or Slack's error code.
        """
        code = self._codes.get(value)
        if code is None or value in self.retired or code.expires_at <= self._clock.now():
            return "invalid_code"
        if code.redirect_uri != redirect_uri:
            return "bad_redirect_uri"
        self.retired.add(value)
        return code

    def install(self, code: Code) -> tuple[Pair | None, Pair | None]:
        """Install what a code stands for; return the tokens of the bot and of the person, where they were asked for."""
        installation = code.installation
        if installation not in self.installations:
            self.installations.append(installation)
        installation.scopes |= code.scopes
        installation.user_scopes |= code.user_scopes
        installation.user_id = code.user_id
        return (
            self._pair(installation, "bot") if code.scopes else None,
            self._pair(installation, "user") if code.user_scopes else None,
        )

    # ─── tokens ───

    def refresh(self, value: str) -> Pair | None:
        """Trade a refresh token in for a new pair; ``None`` where it is not good."""
        spent = self._issued.get(value)
        now = self._clock.now()
        if spent is None or not spent.is_refresh or not spent.is_good(now):
            return None
        if spent.revoked_at is None:
            spent.revoked_at = now + self.grace_seconds
            for legacy in self._issued.values():
                # "After you refresh your short-lived credentials for the first time, we'll expire your original
                # long-lived access token."
                if legacy.is_exchanged and legacy.installation is spent.installation and legacy.whose == spent.whose:
                    legacy.expires_at = now
        return self._pair(spent.installation, spent.whose)

    def exchange(self, legacy: Issued) -> Pair:
        """Trade a token that never expires in for a pair that rotates."""
        legacy.is_exchanged = True
        return self._pair(legacy.installation, legacy.whose)

    def revoke(self, token: Issued) -> None:
        """Take one token back. Without rotation that "usually revokes the authorization associated with it"."""
        token.revoked_at = self._clock.now()
        if token.expires_at is None and not token.is_refresh:
            token.installation.is_active = False

    def uninstall(self, installation: FakeInstallation) -> None:
        """Uninstall: "all tokens associated with the installation are revoked"."""
        installation.is_active = False

    def _pair(self, installation: FakeInstallation, whose: Whose) -> Pair:
        now = self._clock.now()
        siblings = [
            each
            for each in self._issued.values()
            if each.installation is installation and each.whose == whose and not each.is_refresh and each.is_good(now)
        ]
        if not self.token_rotation:
            # "An access token represents an installation", and scopes are added to it.
            if siblings:
                return Pair(siblings[-1], None)
            return Pair(self._issue(f"xox{whose[0] if whose == 'bot' else 'p'}-", installation, whose), None)
        kind = "xoxb" if whose == "bot" else "xoxp"
        access = self._issue(f"xoxe.{kind}-1-", installation, whose, expires_at=now + EXPIRES_IN)
        rotating = [each for each in siblings if each.expires_at is not None]
        for oldest in [*rotating, access][:-_MOST_ACTIVE]:
            oldest.revoked_at = now
        return Pair(access, self._issue("xoxe-1-", installation, whose, is_refresh=True))

    def _issue(
        self,
        prefix: str,
        installation: FakeInstallation,
        whose: Whose,
        *,
        expires_at: float | None = None,
        is_refresh: bool = False,
    ) -> Issued:
        token = Issued(
            f"{prefix}{self._unique(prefix)}", whose, installation, expires_at=expires_at, is_refresh=is_refresh
        )
        self._issued[token.value] = token
        return token

    def _unique(self, what: str) -> str:
        """Return what nobody guesses and every run of a test repeats."""
        self._count += 1
        return hashlib.sha256(f"{what}{self._count}".encode()).hexdigest()[:40]
