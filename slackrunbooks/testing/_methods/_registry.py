"""What a method of the fake is, and what it is given.

Rule of this file: what all methods share (arguments, scopes, visibility, pages of a list), and no single method.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, TypeVar

import attrs

from slackrunbooks.testing._scopes import ANY, IM, MPIM, PRIVATE, PUBLIC, SCOPES
from slackrunbooks.testing._state import microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from slackrunbooks.testing._oauth import FakeApp, Issued
    from slackrunbooks.testing._state import FakeChannel, FakeMessage, FakeUser, Workspace

__all__ = ["METHODS", "Body", "Method", "NotModelled", "Refusal", "Request", "method"]

_T = TypeVar("_T")

Body: TypeAlias = dict[str, Any]
"""The JSON object of an answer, without ``ok``, which the dispatcher adds unless it is there."""


class Refusal(Exception):
    """Slack says no.

    Attributes:
        code: The error code.
        extra: Further fields of the answer.
    """

    def __init__(self, code: str, **extra: Any) -> None:
        self.code = code
        self.extra = extra
        super().__init__(code)


class NotModelled(Exception):
    """No page says what Slack does here.

    Attributes:
        reason: What is not documented, as a sentence.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@attrs.frozen
class Method:
    """A method of the fake.

    Attributes:
        name: ``chat.postMessage``.
        page: The page it was written from.
        run: Does it.
        required: Arguments that it cannot do without.
        missing: The code for a missing argument, where the page names one of its own.
        flags: Arguments that are booleans.
        numbers: Arguments that are whole numbers.
        data: Arguments that are JSON.
        json_body: Whether the page lists ``application/json`` among the content types.
        needs_token: Whether it is called with a token.
    """

    name: str
    page: str
    run: Callable[[Request], Body]
    required: Sequence[str] = ()
    missing: Mapping[str, str] = attrs.field(factory=dict)
    flags: Sequence[str] = ()
    numbers: Sequence[str] = ()
    data: Sequence[str] = ()
    json_body: bool = True
    needs_token: bool = True


PAGES: Final = "https://docs.slack.dev/reference/methods/"
"""Where the pages of the methods are."""

METHODS: Final[dict[str, Method]] = {}
"""Every modelled method by name."""


def method(
    name: str, *, page: str | None = None, **traits: Any
) -> Callable[[Callable[[Request], Body]], Callable[[Request], Body]]:
    """Register the decorated function as a method.

    Args:
        name: The method's name.
        page: The page it is written from; ``None`` is the page of its name.
        **traits: ``required``, ``missing``, ``flags``, ``numbers``, ``data``, ``json_body`` and ``needs_token`` of
            :class:`Method`.
    """

    def register(run: Callable[[Request], Body]) -> Callable[[Request], Body]:
        METHODS[name] = Method(name, page or f"{PAGES}{name}", run, **traits)
        return run

    return register


class Request:
    """One call of a method, with everything it may look at.

    Args:
        method: The method.
        arguments: Its raw arguments, without ``None`` values.
        workspace: The workspace.
        scopes: The scopes of the token.
        app: The app.
        token: The token, where it came of an installation; ``None`` is the one that the fake begins with.
        client: Client ID and secret, where they came by HTTP Basic authentication.
        workspaces: Every workspace by its ID.
        enterprise: Name of the organisation; empty where there is none.
    """

    def __init__(
        self,
        method: Method,
        arguments: Mapping[str, Any],
        workspace: Workspace,
        scopes: frozenset[str],
        *,
        app: FakeApp,
        token: Issued | None = None,
        client: tuple[str, str] | None = None,
        workspaces: Mapping[str, Workspace] | None = None,
        enterprise: str = "",
    ) -> None:
        self.method = method
        self.arguments: dict[str, Any] = dict(arguments)
        self.workspace = workspace
        self.scopes = scopes
        self.app = app
        self.token = token
        self.client = client
        self.workspaces = workspaces or {workspace.id: workspace}
        self.enterprise = enterprise
        self.warnings: list[str] = []
        self.messages: list[str] = []
        self.origin = "https://files.slack.com"

    # ─── arguments ───

    def decode(self) -> None:
        """Turn the arguments into what the page says they are, and refuse those that are not."""
        for name, value in self.arguments.items():
            if name in self.method.data:
                self.arguments[name] = _parsed(value)
            elif name in self.method.flags:
                self.arguments[name] = _flag(value)
            elif name in self.method.numbers:
                self.arguments[name] = _number(value)
            elif isinstance(value, (list, dict)) and self.is_known(name):
                # "The method was passed an array as an argument. Please only input valid strings."
                raise Refusal("invalid_array_arg")
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                self.arguments[name] = str(value)
        for name in self.method.required:
            if name not in self.arguments:
                if name in self.method.missing:
                    raise Refusal(self.method.missing[name])
                self.invalid(f"missing required field: {name}")

    def is_known(self, name: str) -> bool:
        """Whether the method's own code treats the argument as text."""
        return name in self.method.required or name in _TEXTS

    def text(self, name: str, default: str = "") -> str:
        """Return a text argument."""
        return str(self.arguments.get(name, default))

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean argument."""
        return bool(self.arguments.get(name, default))

    def invalid(self, message: str) -> NoReturn:
        """Refuse with ``invalid_arguments`` and a message, as shown on conversations.setTopic's page."""
        raise Refusal("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})

    # ─── scopes ───

    def require(self, kind: str) -> None:
        """Refuse with ``missing_scope`` unless the token has a scope for this type of conversation."""
        needed = SCOPES.get(self.method.name, {}).get(kind, ())
        if needed and not self.scopes.intersection(needed):
            self.lack(needed)

    def require_any(self) -> None:
        """Refuse with ``missing_scope`` if the token has no scope at all that the method accepts."""
        needed = tuple(scope for scopes in SCOPES.get(self.method.name, {}).values() for scope in scopes)
        if needed and not self.scopes.intersection(needed):
            self.lack(needed)

    def lack(self, needed: Sequence[str]) -> NoReturn:
        """Refuse with ``missing_scope``, saying what is needed and what the token has."""
        raise Refusal("missing_scope", needed=",".join(needed), provided=",".join(sorted(self.scopes)))

    # ─── what the app sees ───

    @property
    def bot(self) -> FakeUser:
        """The app's own user."""
        return self.workspace.bot

    def visible(self, channel_id: str) -> FakeChannel:
        """Return a conversation that the app can see, by ID. Private ones show only to their members."""
        channel = self.workspace.channels.get(channel_id)
        if channel is None or (channel.is_private and not self.is_in(channel)):
            raise Refusal("channel_not_found")
        self.require(ANY if ANY in SCOPES[self.method.name] else kind_of(channel))
        return channel

    def conversation(self, name: str = "channel") -> FakeChannel:
        """Return the conversation of an argument that takes an ID."""
        return self.visible(self.text(name))

    def is_in(self, channel: FakeChannel) -> bool:
        """Whether the app is a member."""
        return self.bot.id in channel.members

    def joined(self, channel: FakeChannel, *, documented: bool = True) -> None:
        """Refuse unless the app is a member.

        Args:
            channel: A conversation that the app sees.
            documented: Whether the method's page lists ``not_in_channel``.
        """
        if not self.is_in(channel):
            if documented:
                raise Refusal("not_in_channel")
            raise NotModelled("What this method answers for a public channel that the app is not in is not documented.")

    def message(self, channel: FakeChannel, ts: str) -> FakeMessage:
        """Return a message of a conversation."""
        found = channel.log.get(ts)
        if found is None:
            raise Refusal("message_not_found")
        return found

    def active(self, user_id: str, code: str = "user_not_found") -> FakeUser:
        """Return somebody by ID."""
        user = self.workspace.users.get(user_id)
        if user is None:
            raise Refusal(code)
        return user

    def timestamp(self, name: str, code: str) -> str:
        """Return a ``ts`` argument that looks like one."""
        ts = self.text(name)
        try:
            microseconds(ts)
        except ValueError:
            raise Refusal(code) from None
        return ts

    # ─── lists in pages (https://docs.slack.dev/apis/web-api/pagination) ───

    def limit(self, default: int, most: int, *, code: str | None = None) -> int:
        """Return ``limit``: refused with ``code`` where the page lists one for it, else cut to what the page allows."""
        value = self.arguments.get("limit", default)
        if not isinstance(value, int) or value < 1 or (code is not None and value > most):
            if code is None:
                self.invalid("limit must be a positive integer")
            raise Refusal(code)
        return min(value, most)

    def page(self, items: Sequence[_T], limit: int) -> tuple[list[_T], str]:
        """Return the items of this page, and the cursor of the next one (empty after the last)."""
        start = 0
        if self.text("cursor"):
            try:
                start = int(base64.b64decode(self.text("cursor"), validate=True).decode().removeprefix("next:"))
            except (binascii.Error, ValueError):
                raise Refusal("invalid_cursor") from None
            if not 0 <= start <= len(items):
                raise Refusal("invalid_cursor")
        end = start + limit
        cursor = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
        return list(items[start:end]), cursor


_TEXTS = frozenset({"text", "users", "user", "types", "cursor", "thread_ts", "ts", "timestamp", "message_ts", "name"})


def kind_of(channel: FakeChannel) -> str:
    """Name the type of a conversation as the scopes do."""
    if channel.is_im:
        return IM
    if channel.is_mpim:
        return MPIM
    return PRIVATE if channel.is_private else PUBLIC


def _parsed(value: Any) -> Any:
    """Read a JSON argument: data as it is, text parsed, text that is not JSON left for the method to judge."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _flag(value: Any) -> bool:
    return value not in {"", "0", "false", "False"} if isinstance(value, str) else bool(value)


def _number(value: Any) -> Any:
    try:
        return int(value)
    except (OverflowError, TypeError, ValueError):
        return value
