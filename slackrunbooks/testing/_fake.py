"""The fake workspace as a test sees it.

Rule of this file: one door. Every wire hands its requests to :meth:`FakeSlack.handle`; what a method does stands in
``_methods``, what the workspace holds in ``_state``.
"""
# ruff: noqa: SLF001 - the workspaces of one app are of one class, and know each other

from __future__ import annotations

import contextlib
import difflib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

from . import _expect
from ._arguments import reference, unknown_arguments, warned
from ._authorize import PATH, Asked, asked, decided, page, redirect, refused
from ._calls import FakeCall
from ._clock import START, VirtualClock
from ._faults import FAULTS, Fault, FaultPlan, Injected, Seen
from ._limits import RateLimits
from ._methods import METHODS, PAGES, Method, NotModelled, Refusal, Request
from ._oauth import FakeApp
from ._scopes import ALL_BOT_SCOPES, SCOPES
from ._state import (
    FakeCanvas,
    FakeChannel,
    FakeFile,
    FakeMessage,
    FakeScheduled,
    FakeUser,
    FakeUsergroup,
    Notification,
    Workspace,
)
from ._uploads import UPLOAD, UPLOADS, origin, receive
from ._wire import Answer, Broken, Decoded, HttpRequest, Outcome, decode, html, method_of

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Generator, Iterable, Mapping
    from datetime import datetime

    from responses import RequestsMock
    from slack_sdk.web.async_client import AsyncWebClient
    from slack_sdk.web.client import WebClient

    from slackrunbooks.executor import AsyncExecutor, Executor

    from ._http import FakeServer

__all__ = ["FakeSlack"]

_KINDS = {"xoxb": "bot", "xoxp": "user", "xapp": "app"}

# The pages that list `missing_argument` beside "required if org token is used".
_MISSING_TEAM = frozenset(
    {
        "conversations.create", "conversations.list", "files.list", "usergroups.list", "usergroups.update",
        "usergroups.users.update", "users.conversations", "users.list",
    }
)  # fmt: skip


class FakeSlack:
    """A workspace with one installed app, which answers as Slack's documentation says.

    What the documentation leaves open is answered with HTTP 501 and ``not_modelled``, never with a guess. State is
    kept: what one call creates, the next one finds. Nothing sleeps; time is :attr:`clock`.

    Args:
        scopes: OAuth scopes of the app's bot token; ``None`` gives it every bot scope that the modelled methods know,
            among them ``chat:write.public``.
        team: Name of the workspace.
        start: When the test begins: seconds since 1970 (UTC) or an aware datetime.
        rate_limits: Whether requests that come faster than the documented tiers allow are refused with HTTP 429.
        enterprise: Name of the organisation that the workspace belongs to; ``None`` for a workspace of its own.

    Examples:
        >>> from slackrunbooks.testing import FakeSlack
        >>> slack = FakeSlack(scopes=["chat:write"])
        >>> alice = slack.add_user("alice")
        >>> incidents = slack.add_channel("incidents", members=[alice])
        >>> answer = slack.client.chat_postMessage(channel="incidents", text=f"<@{alice.id}> on call?")
        >>> slack.channel("incidents").messages[-1].ts == answer["ts"]
        True
        >>> [(ping.user == alice.id, ping.by == f"<@{alice.id}>") for ping in slack.notified]
        [(True, True)]
    """

    def __init__(
        self,
        *,
        scopes: Iterable[str] | None = None,
        team: str = "Acme",
        start: float | datetime = START,
        rate_limits: bool = False,
        enterprise: str | None = None,
        _beside: FakeSlack | None = None,
    ) -> None:
        self.clock: VirtualClock = VirtualClock(start) if _beside is None else _beside.clock
        """The clock of the workspace and of every client and executor made here."""
        self.scopes: set[str] = set(ALL_BOT_SCOPES if scopes is None else scopes)
        """The scopes of the token; change them at any time."""
        self.token = "xoxb-fake"  # noqa: S105
        """The token of the app that is there from the beginning."""
        self.calls: list[FakeCall] = []
        """Every request that reached the fake, in order."""
        self._workspace: Workspace = Workspace(team, self.clock, None if _beside is None else _beside._workspace)
        self._enterprise = enterprise or ""
        self.app: FakeApp = (
            FakeApp(self.clock, "E0FAKE0001" if enterprise else None) if _beside is None else _beside.app
        )
        """The app: its credentials and Redirect URLs, and who installed it."""
        self._family: dict[str, FakeSlack] = {} if _beside is None else _beside._family
        self._family[self.team_id] = self
        if _beside is not None:
            self.token += f"-{len(self._family)}"
        self._granted: frozenset[str] = frozenset()
        self.complaints: list[str] = []
        """What Slack would have ignored or cut, or what no page describes: a test should not rest on it."""
        self.warnings: list[str] = []
        """What Slack warned of although it did all that was asked."""
        self._faults = FaultPlan()
        self._limits = RateLimits() if rate_limits else None
        self._lock = self._workspace.lock
        self._servers = 0
        self._client: WebClient | None = None
        self._async_client: AsyncWebClient | None = None

    def __repr__(self) -> str:
        return (
            f"<FakeSlack {self._workspace.name!r}: {len(self._workspace.channels)} channels, {len(self.calls)} calls>"
        )

    # ─── the app and its installations ───

    @property
    def team_id(self) -> str:
        """ID of the workspace."""
        return self._workspace.id

    def add_workspace(self, team: str) -> FakeSlack:
        """Add a workspace that has the same app, and belongs to the same organisation if there is one.

        Whatever client asks, the token decides in which workspace it is answered; for the token of a whole organisation
        ``team_id`` does, or an ID in the request (IDs differ between workspaces).

        Args:
            team: Its name.

        Returns:
            The workspace, with its own people, channels and calls, and with the same clock.
        """
        with self._lock:
            return FakeSlack(scopes=self.scopes, team=team, enterprise=self._enterprise or None, _beside=self)

    def authorize(
        self,
        url: str,
        *,
        scopes: Iterable[str] | None = None,
        deny: bool = False,
        user: str | FakeUser | None = None,
        for_org: bool = False,
    ) -> str:
        """Let somebody open the page on which apps are allowed in, and click.

        Args:
            url: The address of the page, with everything the app asks for.
            scopes: The bot scopes that the person leaves in; ``None`` is all that are asked for.
            deny: Whether the person clicks "Cancel" instead of "Allow".
            user: Who it is; ``None`` is somebody who administers the workspace.
            for_org: Whether the app is installed for the whole organisation.

        Returns:
            The address to which the person is sent: a Redirect URL with ``code`` or ``error``, and ``state``.

        Raises:
            ValueError: The page would show an error (its code is named), or nobody could click so.
        """
        with self._lock:
            wish = asked(self.app, urlsplit(url).query, self._known_scopes())
            if not isinstance(wish, Asked):
                raise ValueError(f"the page shows {wish}")  # noqa: TRY004 - the code of an error, not a type
            if deny:
                return redirect(wish, error="access_denied")
            left = list(wish.scopes if scopes is None else scopes)
            if not set(left) <= set(wish.scopes):
                raise ValueError(f"the app does not ask for {', '.join(sorted(set(left) - set(wish.scopes)))}")
            if for_org and self.app.enterprise_id is None:
                raise ValueError("the workspace belongs to no organisation; make it with enterprise=…")
            return self._allow(wish, left, None if for_org else self.team_id, user)

    def _allow(self, wish: Asked, scopes: Iterable[str], team_id: str | None, user: str | FakeUser | None) -> str:
        """Install the app, and return where the person is sent."""
        home = self._family.get(team_id or "", self)._workspace
        people = [each for each in home.users.values() if not each.is_bot and not each.deleted]
        if user is not None:
            somebody = home.user(user)
        else:
            somebody = people[0] if people else home.add_user("admin", email=None)
        code = self.app.code(
            team_id,
            redirect_uri=wish.redirect_uri,
            scopes=scopes,
            user_scopes=wish.user_scopes,
            user_id=somebody.id,
        )
        return redirect(wish, code=code)

    def _known_scopes(self) -> frozenset[str]:
        return ALL_BOT_SCOPES | set(self.scopes)

    def _page(self, request: HttpRequest) -> Answer:
        """Show the page to a browser, or take its form."""
        wish = asked(self.app, request.query, self._known_scopes())
        if isinstance(wish, str):
            self.complaints.append(f"{PATH}: the page shows {wish}.")
            return refused(wish)
        if request.verb != "POST":
            teams = {team: fake._workspace.name for team, fake in self._family.items()}
            if self.app.enterprise_id is not None:
                teams[self.app.enterprise_id] = self._enterprise
            return page(wish, request.query, teams)
        allows, granted, place = decided(request.body)
        if not allows:
            return Answer(302, {"location": redirect(wish, error="access_denied")}, b"")
        if place not in self._family and place != self.app.enterprise_id:
            return refused("invalid_team_for_non_distributed_app")
        left = [scope for scope in wish.scopes if scope in granted]
        team_id = None if place == self.app.enterprise_id else place
        return Answer(302, {"location": self._allow(wish, left, team_id, None)}, b"")

    def _home(self, decoded: Decoded) -> FakeSlack:
        """Return the workspace in which a request is answered."""
        for fake in self._family.values():
            if decoded.token == fake.token:
                return fake
        token = self.app.issued(decoded.token or "")
        if token is None:
            return self
        if token.installation.team_id is not None:
            return self._family[token.installation.team_id]
        team = self._family.get(str(decoded.arguments.get("team_id")))
        if team is not None:
            return team
        values = [str(value) for value in decoded.arguments.values()]
        for fake in self._family.values():
            if any(fake._workspace.knows(value) for value in values):
                return fake
        return self

    # ─── the workspace ───

    def add_channel(
        self,
        name: str,
        *,
        is_private: bool = False,
        members: Iterable[str | FakeUser] = (),
        is_member: bool = True,
        topic: str = "",
        purpose: str = "",
        is_archived: bool = False,
        is_general: bool = False,
        creator: str | FakeUser | None = None,
    ) -> FakeChannel:
        """Add a channel that exists before the test begins.

        Args:
            name: Its name, with or without ``#``; taken as it is, whatever Slack's naming rules say.
            is_private: Whether only members see it.
            members: People in it: users, names or IDs.
            is_member: Whether the app is in it.
            topic: Its topic.
            purpose: Its description.
            is_archived: Whether it is archived.
            is_general: Whether it is the general channel.
            creator: Who created it; ``None`` is nobody in particular (``USLACKBOT``), so not the app.
        """
        with self._lock:
            workspace = self._workspace
            ids = [workspace.user(member).id for member in members]
            return workspace.add_channel(
                name.removeprefix("#"),
                creator="USLACKBOT" if creator is None else workspace.user(creator).id,
                members=[*([workspace.bot.id] if is_member else []), *ids],
                is_private=is_private,
                topic=topic,
                purpose=purpose,
                is_archived=is_archived,
                is_general=is_general,
            )

    def add_user(
        self,
        name: str,
        *,
        email: str | None = None,
        id: str | None = None,  # noqa: A002
        deleted: bool = False,
        is_bot: bool = False,
    ) -> FakeUser:
        """Add somebody to the workspace.

        Args:
            name: User name.
            email: E-mail address; ``None`` makes one up from the name.
            id: User ID; ``None`` makes one up.
            deleted: Whether the account was deactivated.
            is_bot: Whether it is another app's bot user.
        """
        with self._lock:
            return self._workspace.add_user(name, email=email, user_id=id, deleted=deleted, is_bot=is_bot)

    def add_usergroup(self, handle: str, users: Iterable[str | FakeUser] = ()) -> FakeUsergroup:
        """Add a user group.

        Args:
            handle: What people type after ``@``.
            users: Its members: users, names or IDs.
        """
        with self._lock:
            return self._workspace.add_usergroup(handle, users)

    def channel(self, name_or_id: str | FakeChannel) -> FakeChannel:
        """Return a conversation; a ``KeyError`` names the nearest."""
        with self._lock:
            self._look()
            return self._workspace.channel(name_or_id)

    def user(self, name: str | FakeUser) -> FakeUser:
        """Return somebody by name, ID or e-mail address; a ``KeyError`` names the nearest."""
        with self._lock:
            return self._workspace.user(name)

    def direct_message(self, *users: str | FakeUser) -> FakeChannel:
        """Return the direct message between the app and these people; a ``KeyError`` says that there is none."""
        with self._lock:
            people = [self._workspace.user(user) for user in users]
            found = self._workspace.direct([user.id for user in people])
            if found is None:
                raise KeyError(f"the app has no direct message with {', '.join(user.name for user in people)}")
            return found

    @property
    def channels(self) -> list[FakeChannel]:
        """Every conversation, in the order in which they were made."""
        with self._lock:
            self._look()
            return list(self._workspace.channels.values())

    @property
    def bot(self) -> FakeUser:
        """The app's own user."""
        return self._workspace.bot

    @property
    def bot_id(self) -> str:
        """The ID that marks the app's messages."""
        return self._workspace.bot_id

    @property
    def notified(self) -> list[Notification]:
        """Who was pinged, by which message and by what, in order."""
        with self._lock:
            self._look()
            return list(self._workspace.notifications)

    def usergroup(self, key: str) -> FakeUsergroup:
        """Return a user group.

        Args:
            key: Its handle, with or without ``@``, or its ID.
        """
        groups = self._workspace.usergroups.values()
        found = next((group for group in groups if key.removeprefix("@") in (group.handle, group.id)), None)
        if found is None:
            raise KeyError(f"no user group {key!r}; there are {', '.join(group.handle for group in groups) or 'none'}")
        return found

    @property
    def scheduled(self) -> list[FakeScheduled]:
        """Every message that was ever scheduled, with what became of it, in the order of scheduling."""
        with self._lock:
            self._look()
            return list(self._workspace.scheduled.values())

    @property
    def files(self) -> list[FakeFile]:
        """Every file whose upload was asked for, completed or not."""
        return list(self._workspace.files.values())

    @property
    def canvases(self) -> list[FakeCanvas]:
        """Every canvas, in the order in which they were made."""
        return list(self._workspace.canvases.values())

    def transcript(self, channel: str | FakeChannel | None = None) -> str:
        """Return what happened as people would read it.

        Args:
            channel: Name, ID or object of one conversation; ``None`` is all of them.
        """
        from ._transcript import transcript

        with self._lock:
            self._look()
            chosen = self.channels if channel is None else [self.channel(channel)]
            return transcript(self._workspace, chosen)

    # ─── what a test says ───

    def assert_posted(
        self,
        channel: str | FakeChannel,
        text: str | re.Pattern[str] | None = None,
        *,
        thread_ts: str | None = None,
        user: str | FakeUser | None = None,
    ) -> FakeMessage:
        """Fail unless a message stands in a conversation; the failure shows what was posted, and the nearest.

        Args:
            channel: Name, ID or object of the conversation; replies in its threads count.
            text: What it says somewhere, as it was sent or as people read it, in its text or its blocks; or a pattern.
            thread_ts: Only replies in this thread count.
            user: Only messages by this person, or by the app (:attr:`bot`), count.

        Returns:
            The latest message that fits.
        """
        __tracebackhide__ = True
        return _expect.posted(self, channel, text, thread_ts, user)

    def assert_not_posted(
        self,
        channel: str | FakeChannel,
        text: str | re.Pattern[str] | None = None,
        *,
        thread_ts: str | None = None,
        user: str | FakeUser | None = None,
    ) -> None:
        """Fail where a message stands or stood in a conversation, deleted or not; see :meth:`assert_posted`.

        Args:
            channel: Name, ID or object of the conversation.
            text: What it says; left out, any message.
            thread_ts: Only replies in this thread count.
            user: Only messages by this person, or by the app (:attr:`bot`), count.
        """
        __tracebackhide__ = True
        _expect.not_posted(self, channel, text, thread_ts, user)

    def assert_pinged(self, *people: str | FakeUser) -> None:
        """Fail unless each of these people was notified by some message.

        Args:
            *people: Names, IDs or users, at least one.

        Raises:
            TypeError: Nobody is named, so that nothing would be said.
        """
        __tracebackhide__ = True
        _expect.pinged(self, people)

    def assert_nobody_pinged(self) -> None:
        """Fail where anybody was notified by a message."""
        __tracebackhide__ = True
        _expect.no_pings(self)

    def assert_called(self, method: str, **arguments: Any) -> FakeCall:
        """Fail unless a method was called and Slack did what was asked; the failure shows its calls.

        Whether the answer arrived makes no difference. Calls that Slack refused are in :meth:`calls_to`.

        Args:
            method: The Web API method.
            **arguments: Arguments that the call had, among others.

        Returns:
            The latest call that fits and was accepted.
        """
        __tracebackhide__ = True
        return _expect.was_called(self, method, arguments)

    # ─── time ───

    @property
    def now(self) -> float:
        """The time, in seconds since 1970 (UTC)."""
        return self.clock.now()

    @property
    def naps(self) -> list[float]:
        """Seconds of every wait on the fake's clock, in the order in which they began."""
        return self.clock.naps

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        self._look()

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """Let somebody do something when so much time has passed, whatever the code under test does meanwhile.

        Args:
            seconds: From now, on the fake's clock.
            act: What happens then, such as ``lambda: ann.react("incidents", ts, "eyes")``. What it raises reaches the
                test, not the code that happened to look at the workspace then: from :meth:`advance` or the next look
                of the test's own, or else from the pytest plugin.
        """
        if seconds < 0:
            raise ValueError(f"time does not run backwards: later({seconds}, …)")
        self._workspace.later(self.now + seconds, act)

    @property
    def mishaps(self) -> list[Exception]:
        """What was raised by acts put off with :meth:`later`, and has not reached the test yet."""
        with self._lock:
            self._workspace.settle()
            return list(self._workspace.mishaps)

    def _look(self) -> None:
        """Let happen what is due, for the eyes of a test."""
        self._workspace.settle()
        # One act that looks at the workspace is not to blame for another one.
        if self._workspace.mishaps and not self._workspace.is_acting:
            raise self._workspace.mishaps.pop(0)

    # ─── faults ───

    def calls_to(self, method: str) -> list[FakeCall]:
        """Return the calls of one method."""
        return [call for call in self.calls if call.method == method]

    def fail_next(
        self,
        method: str,
        code: str,
        *,
        retry_after: int | None = None,
        times: int = 1,
        after: int = 0,
        status: int | None = None,
    ) -> None:
        """Refuse the next calls of a method with an error code, without doing anything.

        Args:
            method: The Web API method, or ``"*"`` for any.
            code: Slack's error code.
            retry_after: Seconds for the ``Retry-After`` header.
            times: How many calls.
            after: How many calls to let pass first.
            status: HTTP status; ``None`` is 429 for a rate limit and 200 for anything else, as Slack has it.
        """
        limited = code == "ratelimited" or retry_after is not None
        if limited and retry_after is None:
            retry_after = FAULTS["ratelimited"].retry_after
        status = status or (429 if limited else 200)
        fault = Fault(code, Seen.ANSWER, status=status, code=code, retry_after=retry_after)
        self._faults.add(self._modelled(method), fault, times=times, after=after)

    def lose_reply(self, method: str, *, times: int = 1) -> None:
        """Let Slack act on the next calls of a method, and cut the connection before it answers.

        Args:
            method: The Web API method, or ``"*"`` for any.
            times: How many calls.
        """
        self.inject(method, "applied_then_reset", times=times)

    def inject(self, method: str, fault: str, *, times: int = 1, after: int = 0) -> None:
        """Let a fault hit the next calls of a method.

        Args:
            method: The Web API method, ``"*"`` for any, or ``"upload"`` for sending the bytes of a file.
            fault: Its name; ``docs/testing.md`` lists them. ``refused`` needs an in-process client or :meth:`mount`:
                a server that listens cannot honestly refuse a connection, so the fault is refused while one runs.
            times: How many calls.
            after: How many calls to let pass first.
        """
        if fault not in FAULTS:
            raise ValueError(f"no fault {fault!r}; there are {', '.join(sorted(FAULTS))}")
        if fault == "refused" and self._servers:
            raise ValueError(
                "a running server cannot refuse connections honestly; use the in-process client or mount()"
            )
        self._faults.add(self._modelled(method), FAULTS[fault], times=times, after=after)

    @property
    def unfired(self) -> list[Injected]:
        """Faults that were ordered and did not happen."""
        return self._faults.waiting

    def _modelled(self, method: str) -> str:
        if method not in {"*", UPLOAD} and method not in METHODS:
            near = difflib.get_close_matches(method, METHODS, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(METHODS))}"
            raise ValueError(f"the fake does not model {method!r}; {hint}")
        return method

    # ─── clients ───

    @property
    def client(self) -> WebClient:
        """A ``slack_sdk.WebClient`` answered in this process."""
        with self._lock:
            if self._client is None:
                from ._client import InProcessClient

                self._client = InProcessClient(self)
            return self._client

    @property
    def async_client(self) -> AsyncWebClient:
        """A ``slack_sdk.web.async_client.AsyncWebClient`` answered in this process."""
        with self._lock:
            if self._async_client is None:
                from ._async_client import InProcessAsyncClient

                self._async_client = InProcessAsyncClient(self)
            return self._async_client

    def executor(self, **options: Any) -> Executor:
        """Return an executor on :attr:`client` and the fake's clock.

        Args:
            **options: What ``slackrunbooks.Executor`` takes.
        """
        from slackrunbooks.executor import Executor

        return Executor(client=self.client, **options)

    def async_executor(self, **options: Any) -> AsyncExecutor:
        """Return an asynchronous executor on :attr:`async_client` and the fake's clock.

        Args:
            **options: What ``slackrunbooks.AsyncExecutor`` takes.
        """
        from slackrunbooks.executor import AsyncExecutor

        return AsyncExecutor(client=self.async_client, **options)

    @contextlib.contextmanager
    def serve(self) -> Generator[FakeServer]:
        """Run a real HTTP server on 127.0.0.1 for any Slack client in any language, until the block ends."""
        from ._http import FakeServer

        if any(injected.fault.seen is Seen.REFUSED for injected in self.unfired):
            raise ValueError("'refused' was injected, and a server that listens cannot refuse connections honestly")
        self._servers += 1
        try:
            with FakeServer(self) as server:
                yield server
        finally:
            self._servers -= 1

    def mount(self, mock: RequestsMock, *, url: str = "https://slack.com/api/") -> None:
        """Answer every request below ``url`` that ``requests`` sends while the mock is active.

        Args:
            mock: An active ``responses.RequestsMock``.
            url: Where Slack is.
        """
        from ._mount import mount

        mount(self, mock, url)

    # ─── the door ───

    def handle(self, request: HttpRequest) -> Outcome:
        """Answer one request, or say how its answer is lost. Every wire comes through here.

        Args:
            request: The request, read whole.
        """
        is_upload = request.path.startswith(UPLOADS)
        with self._lock:
            self._workspace.settle()
            if is_upload:
                return self._upload(request)
            if request.path.rstrip("/") == PATH:
                return self._page(request)
            decoded = decode(request)
            return self._home(decoded)._handle(request, decoded)

    def _handle(self, request: HttpRequest, decoded: Decoded) -> Outcome:
        """Answer a request to a method, in the workspace that it is for."""
        name = method_of(request.path)
        with self._lock:
            self._workspace.settle()
            self._granted = self._scopes_of(decoded.token)
            fault = self._faults.next(name)
            if fault is not None and fault.seen is Seen.REFUSED:
                return Broken(Seen.REFUSED)
            if fault is not None and not fault.applied:
                body, status = _failure(fault)
                self._record(name, decoded, decoded.arguments, {**body, "ok": False}, fault, status)
                return self._outcome(name, fault, body, status)
            if fault is None and self._limits is not None and name in METHODS:
                wait = self._limits.wait(name, decoded.arguments, self.now)
                if wait:
                    fault = attrs.evolve(FAULTS["ratelimited"], retry_after=wait)
                    body, status = _failure(fault)
                    self._record(name, decoded, decoded.arguments, {**body, "ok": False}, fault, status)
                    return self._outcome(name, fault, body, status)
            body, status, arguments = self._run(name, request, decoded)
            if fault is None:
                self._record(name, decoded, arguments, body, None, status)
                return self._answer(name, body, status)
            failure, seen_status = _failure(fault)
            self._record(name, decoded, arguments, body, fault, seen_status)
            return self._outcome(name, fault, failure or body, seen_status)

    def _upload(self, request: HttpRequest) -> Outcome:
        """Take the bytes of a file: https://docs.slack.dev/reference/methods/files.getUploadURLExternal."""
        fault = self._faults.next(UPLOAD)
        if fault is None:
            status, text, arguments = receive(request, self._workspace.uploads)
            self._record_upload(arguments, status, None)
            return _plain(status, text)
        if fault.seen is Seen.REFUSED:
            return Broken(Seen.REFUSED)
        arguments, text, done = {"size": len(request.body)}, fault.code, False
        if fault.applied:
            status, text, arguments = receive(request, self._workspace.uploads)
            done = status == 200
        # "A non-200 response indicates a failure": what Slack says with a 200 elsewhere has another status here.
        status = 500 if fault.status == 200 else fault.status
        self._record_upload(arguments, status, fault, done=done)
        if fault.seen is Seen.HTML:
            return html(status)
        if fault.seen is Seen.ANSWER:
            return _plain(status, fault.code, retry_after=fault.retry_after)
        return Broken(fault.seen, _plain(200, text) if fault.seen is Seen.TRUNCATED else None)

    def _record_upload(
        self, arguments: Mapping[str, Any], status: int, fault: Fault | None, *, done: bool | None = None
    ) -> None:
        ok = status == 200 if done is None else done
        named, code = (fault.name, fault.code) if fault is not None else (None, "")
        seen = 0 if fault is not None and fault.seen in {Seen.RESET, Seen.TIMEOUT} else status
        self.calls.append(
            FakeCall(UPLOAD, arguments, ok, None if ok else code or "upload_failed", "none", self.now, named, seen)
        )

    def _run(self, name: str, wire: HttpRequest, decoded: Decoded) -> tuple[dict[str, Any], int, Mapping[str, Any]]:
        """Do what a request asks; return the body, the HTTP status and the arguments as they were understood."""
        unknown = Method(name, f"{PAGES}{name}", _unknown, json_body=True)
        method = METHODS.get(name, unknown)
        request = Request(
            method,
            decoded.arguments,
            self._workspace,
            self._granted,
            app=self.app,
            token=self.app.issued(decoded.token or ""),
            client=decoded.client,
            workspaces={team: fake._workspace for team, fake in self._family.items()},
            enterprise=self._enterprise,
        )
        request.origin = origin(wire)
        self.complaints += unknown_arguments(name, decoded.arguments)
        request.warnings += decoded.warnings
        status = 200
        try:
            self._admit(request, wire.verb, decoded)
            body: dict[str, Any] = {"ok": True, **method.run(request)}
        except Refusal as refusal:
            body = {"ok": False, "error": refusal.code, **refusal.extra}
        except NotModelled as gap:
            body = {"ok": False, "error": "not_modelled", "message": f"{gap.reason} Read {method.page}"}
            self.complaints.append(f"{name} is not modelled as it was called: {gap.reason} Read {method.page}")
            status = 501
        self.complaints += warned(name, request.warnings, harmless=False)
        self.warnings += warned(name, request.warnings, harmless=True)
        if request.warnings:
            metadata = {**body.get("response_metadata", {}), "warnings": request.warnings}
            if request.messages:
                metadata["messages"] = request.messages
            body.update(warning=",".join(request.warnings), response_metadata=metadata)
        return body, status, request.arguments

    def _admit(self, request: Request, verb: str, decoded: Decoded) -> None:
        """Let a request pass that can be read, from a token that may make it."""
        if verb not in {"GET", "POST"}:
            raise NotModelled(f"Only GET and POST are documented, not {verb}.")
        if request.method.needs_token:
            self._admit_token(request, decoded.token)
        if decoded.error is not None:
            raise Refusal(decoded.error)
        if decoded.is_json and decoded.arguments and not request.method.json_body:
            raise NotModelled("The page does not list application/json among the content types.")
        request.require_any()
        self._admit_team(request)
        request.decode()

    def _admit_token(self, request: Request, token: str | None) -> None:
        """Refuse a token that is none, or is no longer one (https://docs.slack.dev/apis/web-api lists the codes)."""
        if token is None:
            raise Refusal("not_authed")
        if token == self.token:
            return
        issued = request.token
        if issued is None:
            raise Refusal("invalid_auth")
        if not issued.installation.is_active:
            # Of one "for a deleted user or workspace when using a bot token", and of an app that "has been removed
            # when using a user token".
            raise Refusal("account_inactive" if issued.whose == "bot" else "token_revoked")
        if issued.is_revoked(self.now):
            raise Refusal("token_revoked")
        if issued.is_expired(self.now):
            raise Refusal("token_expired")
        if issued.is_refresh and request.method.name != "auth.revoke":
            raise Refusal("invalid_auth")

    def _admit_team(self, request: Request) -> None:
        """See to the ``team_id`` of an organisation's token: "required if org token is used", says each page."""
        if request.token is None or not request.token.installation.is_enterprise_install:
            return
        name, team = request.method.name, request.arguments.get("team_id")
        if team is not None and team not in self._family:
            raise Refusal("team_access_not_granted")
        if team is None and name in reference() and "team_id" in reference()[name]["arguments"]:
            if name not in _MISSING_TEAM:
                raise NotModelled("The page does not say what a missing team_id is answered with.")
            raise Refusal("missing_argument")

    def _scopes_of(self, token: str | None) -> frozenset[str]:
        """Return the scopes that a token has."""
        issued = self.app.issued(token or "")
        if issued is None:
            return frozenset(self.scopes)
        if issued.is_refresh:
            return frozenset()
        return frozenset(issued.installation.scopes if issued.whose == "bot" else issued.installation.user_scopes)

    def _record(
        self,
        name: str,
        decoded: Decoded,
        arguments: Mapping[str, Any],
        body: Mapping[str, Any],
        fault: Fault | None,
        status: int,
    ) -> None:
        token = decoded.token
        # A rotating token has a prefix before the prefix: xoxe.xoxb-1-….
        kind = "none" if token is None else _KINDS.get(token.removeprefix("xoxe.").partition("-")[0], "other")
        named = fault.name if fault is not None else None
        error = body.get("error")
        self.calls.append(FakeCall(name, dict(arguments), bool(body["ok"]), error, kind, self.now, named, status))

    def _outcome(self, name: str, fault: Fault, body: dict[str, Any], status: int) -> Outcome:
        """Turn what Slack would have said into what the client sees of it."""
        if fault.seen is Seen.HTML:
            return html(status)
        if fault.seen is Seen.ANSWER:
            return self._answer(name, body, status, retry_after=fault.retry_after)
        if fault.seen is Seen.TRUNCATED:
            return Broken(fault.seen, self._answer(name, body, 200))
        return Broken(fault.seen)

    def _answer(self, name: str, body: Mapping[str, Any], status: int, *, retry_after: int | None = None) -> Answer:
        accepted = sorted({scope for scopes in SCOPES.get(name, {}).values() for scope in scopes})
        headers = {
            "content-type": "application/json; charset=utf-8",
            "x-slack-req-id": f"fake{len(self.calls):08d}",
            "x-oauth-scopes": ",".join(sorted(self._granted)),
            "x-accepted-oauth-scopes": ",".join(accepted),
            "cache-control": "private, no-cache, no-store, must-revalidate",
        }
        if retry_after is not None:
            headers["retry-after"] = str(retry_after)
        return Answer(status, headers, json.dumps(body).encode())


def _plain(status: int, text: str, *, retry_after: int | None = None) -> Answer:
    """Return an answer of the upload service, which speaks plain text."""
    headers = {"content-type": "text/plain; charset=utf-8"}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    return Answer(status, headers, text.encode())


def _unknown(_request: Request) -> dict[str, Any]:
    raise NotModelled("The fake does not know this method.")


def _failure(fault: Fault) -> tuple[dict[str, Any], int]:
    """Return the body and the HTTP status with which a fault shows; no body where the method's own is cut or lost."""
    lost = fault.seen in {Seen.RESET, Seen.TIMEOUT}
    return ({"ok": False, "error": fault.code} if fault.code else {}), 0 if lost else fault.status
