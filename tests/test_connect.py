"""Connecting by OAuth: the whole way over HTTP, what is forged or left out, tokens that rotate, and no leaks."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import os
import pickle
import re
import sqlite3
import stat
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import attrs
import pytest
from slack_sdk import WebClient
from slack_sdk.oauth.installation_store import FileInstallationStore, InstallationStore, sqlite3 as sqlite3_store
from slack_sdk.oauth.installation_store.cacheable_installation_store import CacheableInstallationStore
from slack_sdk.oauth.installation_store.models.bot import Bot
from slack_sdk.oauth.installation_store.models.installation import Installation
from slack_sdk.oauth.installation_store.sqlite3 import SQLite3InstallationStore
from slack_sdk.oauth.state_store import FileOAuthStateStore, OAuthStateStore
from slack_sdk.oauth.state_store.sqlite3 import SQLite3OAuthStateStore

import slackrunbooks as sr
from slackrunbooks import connect
from slackrunbooks.testing import FakeServer, FakeSlack
from slackrunbooks.testing._arguments import reference

if TYPE_CHECKING:
    from tests.conftest import RunPython

pytestmark = pytest.mark.usefixtures("stores_that_close")

BOOK = sr.Runbook(
    "declare",
    {
        "room": sr.CreateChannel(name="inc-{{id}}"),
        "tell": sr.Step(sr.AddReaction(channel="C0FAKE0001", ts="1.0", name="eyes"), on_error="continue"),
        "say": sr.SendMessage(channel="#incidents", text="Down"),
    },
)
REDIRECT = "https://bot.example/slack/oauth_redirect"
HALF_DAY = 43_200


class MemoryStore(InstallationStore):
    """A store of the host's own, in memory, with the methods that slack_sdk calls the least."""

    def __init__(self) -> None:
        self.bots: dict[tuple[str | None, str | None], Bot] = {}
        self.saved = 0
        self.fails: Exception | None = None

    def save(self, installation: Installation) -> None:
        self.save_bot(installation.to_bot())

    def save_bot(self, bot: Bot) -> None:
        if self.fails is not None:
            raise self.fails
        self.saved += 1
        self.bots[bot.enterprise_id, bot.team_id] = Bot(**bot.to_dict_for_copying())

    def find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        found = self.bots.get((enterprise_id, team_id))
        return None if found is None else Bot(**found.to_dict_for_copying())

    def delete_all(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        self.bots.pop((enterprise_id, team_id), None)


class MemoryStates(OAuthStateStore):
    """States in memory, each good once."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.asked: list[str] = []

    def issue(self, *args: Any, **kwargs: Any) -> str:
        state = f"state-{len(self.open)}-{id(self)}"
        self.open.add(state)
        return state

    def consume(self, state: str) -> bool:
        self.asked.append(state)
        if state not in self.open:
            return False
        self.open.remove(state)
        return True


def _sqlalchemy_store(folder: Path, client_id: str) -> InstallationStore:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    from slack_sdk.oauth.installation_store.sqlalchemy import SQLAlchemyInstallationStore

    store = SQLAlchemyInstallationStore(client_id, sqlalchemy.create_engine(f"sqlite:///{folder}/alchemy.db"))
    store.create_tables()
    return store


STORES: dict[str, Any] = {
    "memory": lambda folder, client_id: MemoryStore(),
    "private": lambda folder, client_id: connect.PrivateFileStore(folder / "private"),
    "file": lambda folder, client_id: FileInstallationStore(base_dir=str(folder / "file")),
    "sqlite": lambda folder, client_id: SQLite3InstallationStore(
        database=str(folder / "store.db"), client_id=client_id
    ),
    "cache": lambda folder, client_id: CacheableInstallationStore(
        FileInstallationStore(base_dir=str(folder / "cached"))
    ),
    "sqlalchemy": _sqlalchemy_store,
}


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the locks of a test in its own folder."""
    monkeypatch.setattr(connect.tempfile, "gettempdir", lambda: str(tmp_path))


@attrs.define
class World:
    """A fake behind HTTP, and everything that connects to it."""

    slack: FakeSlack
    server: FakeServer
    store: Any
    states: Any

    @property
    def options(self) -> dict[str, Any]:
        return {
            "client_id": self.slack.app.client_id,
            "client_secret": self.slack.app.client_secret,
            "base_url": self.server.url,
            "clock": self.slack.clock,
        }

    def installer(self, **options: Any) -> sr.Installer:
        return sr.Installer(
            self.store, self.states, **{"needs": BOOK, "redirect_uri": REDIRECT, **self.options, **options}
        )

    def workspaces(self, **options: Any) -> sr.Workspaces:
        return sr.Workspaces(self.store, **{**self.options, **options})

    def back(self, installer: sr.Installer, **click: Any) -> str:
        """Send somebody through the page, and return the query with which they come back."""
        return urlsplit(self.slack.authorize(installer.begin().url, **click)).query

    def install(self, **click: Any) -> sr.Installed:
        installer = self.installer()
        return installer.handle(self.back(installer, **click))

    def bot(self, installed: sr.Installed) -> Bot:
        found = self.store.find_bot(
            enterprise_id=installed.enterprise_id,
            team_id=installed.team_id,
            is_enterprise_install=installed.is_enterprise_install,
        )
        assert found is not None
        return found

    def refreshes(self) -> list[str | None]:
        """Tell how each refresh went."""
        return [
            call.error
            for call in self.slack.calls_to("oauth.v2.access")
            if call.arguments.get("grant_type") == "refresh_token"
        ]


@pytest.fixture
def slack() -> FakeSlack:
    """Return a workspace whose app rotates its tokens."""
    slack = FakeSlack()
    slack.add_channel("incidents")
    slack.app.token_rotation = True
    return slack


@pytest.fixture
def world(slack: FakeSlack) -> Iterator[World]:
    """Serve it over HTTP, with stores in memory."""
    with slack.serve() as server:
        yield World(slack, server, MemoryStore(), MemoryStates())


SAY = sr.SendMessage(channel="#incidents", text="Down")


# --- the way there and back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("rotates", [True, False])
def test_the_whole_round_trip_over_http(world: World, tmp_path: Path, kind: str, rotates: bool) -> None:
    """Link, page, code, token, store, executor, and uninstalled again, with each of slack_sdk's stores."""
    world.slack.app.token_rotation = rotates
    world.store = STORES[kind](tmp_path, world.slack.app.client_id)
    world.states = FileOAuthStateStore(expiration_seconds=600, base_dir=str(tmp_path / "states"))
    installed = world.install()
    assert (installed.where, installed.missing, installed.rotates) == ("Acme (T0FAKE0001)", (), rotates)
    assert installed.granted == world.installer().scopes
    bot = world.bot(installed)
    assert (bot.bot_id, bot.bot_user_id) == (world.slack.bot_id, world.slack.bot.id)
    workspaces = world.workspaces()
    with workspaces.executor(installed.team_id) as executor:
        for _ in range(3):
            executor.do(SAY)
            world.slack.advance(HALF_DAY + 1 if rotates else 0)
    assert world.refreshes() == ([None, None] if rotates else [])
    assert len(world.slack.channel("incidents").messages) == 3
    workspaces.uninstall(installed.team_id)
    assert world.slack.app.active_tokens == 0
    with pytest.raises(sr.NotInstalled, match="no installation for 'T0FAKE0001'"):
        workspaces.executor(installed.team_id)


def test_a_browser_makes_the_whole_way(world: World) -> None:
    """The page's own form, posted by a browser, leads to the callback server, which waits for nobody else."""
    # Slack wants HTTPS; what ends the TLS in front of this server is the tunnel's business.
    installer = world.installer()
    with sr.CallbackServer(installer) as callback:
        link = installer.begin().url
        form = {"decision": "allow", "install_in": world.slack.team_id}
        granted = [("granted", scope) for scope in installer.scopes]
        back = _location(link, urlencode([*form.items(), *granted]).encode())
        assert back.startswith(REDIRECT)
        local = f"http://127.0.0.1:{callback.port}"
        assert _get(f"{local}/favicon.ico")[0] == 404
        forged = _get(f"{local}/slack/oauth_redirect?code=guess&state=guess")
        assert forged[0] == 400 and "state_refused" in forged[1]
        status, text, headers = _get(f"{local}{urlsplit(back).path}?{urlsplit(back).query}")
        assert (status, text) == (200, "The app is installed in Acme (T0FAKE0001). You can close this window.\n")
        assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert callback.wait(1).team_id == world.slack.team_id


def _location(url: str, body: bytes) -> str:
    """Post a form and return where it leads, without going there."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments: Any) -> None:
            return None

    with pytest.raises(urllib.error.HTTPError) as moved:
        urllib.request.build_opener(Stay).open(url, data=body)
    moved.value.close()
    return str(moved.value.headers["location"])


def _get(url: str) -> tuple[int, str, Any]:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers


def test_the_callback_server_gives_up_and_tells_of_a_refusal(world: World) -> None:
    """Nobody in time is timed_out; a consent that is denied ends the wait."""
    installer = world.installer()
    with sr.CallbackServer(installer) as callback:
        with pytest.raises(sr.ConnectFailed, match="nobody came back within 0.01 seconds") as late:
            callback.wait(0.01)
        assert late.value.code == "timed_out"
        query = world.back(installer, deny=True)
        assert _get(f"http://127.0.0.1:{callback.port}/slack/oauth_redirect?{query}")[0] == 400
        with pytest.raises(sr.ConsentDenied):
            callback.wait(1)


def test_the_callback_server_speaks_tls(world: World, tmp_path: Path) -> None:
    """With a certificate it is HTTPS, and whoever connects without a word holds nobody up."""
    import socket
    import ssl

    import trustme

    authority = trustme.CA()
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "tls.pem")
    installer = world.installer()
    with sr.CallbackServer(installer, certificate=tmp_path / "tls.pem") as callback:
        with socket.create_connection(("127.0.0.1", callback.port)):
            context = ssl.create_default_context()
            authority.configure_trust(context)
            query = world.back(installer)
            url = f"https://127.0.0.1:{callback.port}/slack/oauth_redirect?{query}"
            with urllib.request.urlopen(url, context=context, timeout=10) as answer:
                assert answer.status == 200
        assert callback.wait(1).team == "Acme"


# --- what is forged, used, denied or left out ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        None, "", "guess", "../../etc/passwd", "..", ".", "/etc/passwd", "a/b", "a\x00b", "a..b", "x" * 4000,
        "00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
def test_a_forged_state_is_refused_before_the_code_is_used(world: World, tmp_path: Path, state: str | None) -> None:
    """Whatever was not issued is refused, a path out of the store's folder too, and the code stays good."""
    world.states = FileOAuthStateStore(expiration_seconds=600, base_dir=str(tmp_path / "states"))
    (tmp_path / "passwd").write_text("1e12")
    installer = world.installer()
    query = dict(parse_qsl(world.back(installer)))
    forged = {**query, "state": state} if state is not None else {"code": query["code"]}
    with pytest.raises(sr.StateRefused) as refused:
        installer.handle({name: str(value) for name, value in forged.items()})
    assert "new link" in refused.value.remedy
    assert world.slack.calls == [] and world.store.saved == 0
    assert installer.handle(query).team == "Acme"


def test_a_state_out_of_a_folder_deletes_nothing(world: World, tmp_path: Path) -> None:
    """slack_sdk's file store would read and delete the file that such a state names; it is never asked."""
    world.states = FileOAuthStateStore(expiration_seconds=600, base_dir=str(tmp_path / "states"))
    world.states.issue()
    victim = tmp_path / "victim"
    victim.write_text("99999999999")
    with pytest.raises(sr.StateRefused):
        world.installer().handle({"code": "x", "state": "../victim"})
    assert victim.exists()


def test_a_state_is_good_once_and_for_as_long_as_the_store_says(world: World, tmp_path: Path) -> None:
    """The second use is refused, and so is one that comes too late."""
    installer = world.installer()
    query = world.back(installer)
    installer.handle(query)
    with pytest.raises(sr.StateRefused):
        installer.handle(query)
    world.states = SQLite3OAuthStateStore(database=str(tmp_path / "states.db"), expiration_seconds=-1)
    late = world.installer()
    with pytest.raises(sr.StateRefused):
        late.handle(world.back(late))


def test_a_state_is_used_once_by_many_threads(world: World, tmp_path: Path) -> None:
    """slack_sdk's SQLite store looks and deletes in two steps; still one of eight callers gets through."""
    world.states = SQLite3OAuthStateStore(database=str(tmp_path / "states.db"), expiration_seconds=600)
    installer = world.installer()
    query = world.back(installer)
    start, told = threading.Barrier(8), list[str]()

    def handle() -> None:
        start.wait()
        try:
            installer.handle(query)
            told.append("installed")
        except sr.ConnectFailed as error:
            told.append(error.code)

    threads = [threading.Thread(target=handle) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["installed", *["state_refused"] * 7]


def test_locks_do_not_pile_up(world: World, tmp_path: Path) -> None:
    """However many links are used, there is one lock for states and one for each installation, of the owner alone."""
    for _ in range(3):
        world.install()
    folder = next(tmp_path.glob("slackrunbooks-*"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(folder.iterdir())) == 2


def test_without_a_place_for_locks_everything_goes_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only machine, or a folder that is somebody else's: the lock is a help, not a need."""
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(connect.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    installed = world.install()
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY + 1)
        executor.do(SAY)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / f"slackrunbooks-{connect.os.getuid()}").symlink_to(tmp_path)
    monkeypatch.setattr(connect.tempfile, "gettempdir", lambda: str(tmp_path / "elsewhere"))
    with connect._alone("x") as held:
        assert not held


def test_a_code_is_good_once(world: World) -> None:
    """A code that comes again with a fresh state is Slack's to refuse, and nothing is stored."""
    installer = world.installer()
    query = parse_qs(world.back(installer))
    installer.handle(query)
    fresh = parse_qs(urlsplit(installer.begin().url).query)["state"]
    with pytest.raises(sr.ConnectFailed) as refused:
        installer.handle({"code": query["code"], "state": fresh})
    assert refused.value.code == "invalid_code" and "once and for ten minutes" in refused.value.remedy
    assert world.store.saved == 1


def test_a_link_belongs_to_the_browser_that_asked_for_it(world: World) -> None:
    """With headers, another browser's state is refused and not used up; the right cookie gets through."""
    installer = world.installer()
    link = installer.begin()
    query = urlsplit(world.slack.authorize(link.url)).query
    cookie = link.cookie.partition(";")[0]
    for headers in ({}, {"Cookie": "a=b"}, {"cookie": f"{cookie}x"}, {"COOKIE": [f"x{cookie}"]}):
        with pytest.raises(sr.StateRefused):
            installer.handle(query, headers)
    assert {"Secure", "HttpOnly"} <= {part.strip() for part in link.cookie.split(";")}
    assert installer.handle(query, {"Cookie": f"a=b; {cookie}"}).team == "Acme"


def test_a_denied_consent_is_told_and_uses_the_state_up(world: World) -> None:
    """Whoever cancels ends the matter; without a good state not even that is believed."""
    installer = world.installer()
    query = world.back(installer, deny=True)
    with pytest.raises(sr.StateRefused):
        installer.handle({"error": "access_denied", "state": "guess"})
    with pytest.raises(sr.ConsentDenied) as denied:
        installer.handle(query)
    assert denied.value.code == "access_denied" and denied.value.remedy
    with pytest.raises(sr.StateRefused):
        installer.handle(query)
    assert world.slack.calls == [] and world.store.saved == 0


@pytest.mark.parametrize(("error", "code"), [("unapproved_scope", "unapproved_scope"), ("<script>", "unknown_error")])
def test_another_error_on_the_way_back_is_named(world: World, error: str, code: str) -> None:
    """What Slack names is told; what cannot be one of its codes is not repeated."""
    installer = world.installer()
    state = parse_qs(urlsplit(installer.begin().url).query)["state"][0]
    with pytest.raises(sr.ConnectFailed) as refused:
        installer.handle({"error": error, "state": state})
    assert refused.value.code == code and "<" not in str(refused.value)


def test_a_query_that_says_something_twice_is_refused(world: World) -> None:
    """Two codes or states in one query are nobody's honest answer."""
    with pytest.raises(sr.ConnectFailed, match="repeated_argument"):
        world.installer().handle("code=a&code=b&state=x")
    with pytest.raises(sr.ConnectFailed, match="repeated_argument"):
        world.installer().handle({"code": ["a"], "state": ["x", "y"]})


def test_a_query_is_text_bytes_or_a_mapping(world: World) -> None:
    """As WSGI, ASGI and the frameworks have it; what is none of them is refused, whatever it is."""
    installer = world.installer()
    assert installer.handle(world.back(installer).encode()).team == "Acme"
    fields = dict(parse_qsl(world.back(installer)))
    assert installer.handle({**fields, "error": None}, headers=None).team == "Acme"  # type: ignore[dict-item]
    for wrong in (None, 7, {"state": 7, "code": "x"}, {"state": "a", "code": [None]}, [("state", "a")]):
        with pytest.raises(sr.StateRefused):
            installer.handle(wrong)  # type: ignore[arg-type]
    for cookies in (None, 7, [], ["a=b", None]):
        with pytest.raises(sr.StateRefused):
            installer.handle(world.back(installer), headers={"Cookie": cookies})  # type: ignore[dict-item]


def test_nobody_ends_the_wait_without_a_good_state(world: World) -> None:
    """A scanner that finds the tunnel, and repeats an argument, is answered; the person still comes through."""
    installer = world.installer()
    with sr.CallbackServer(installer) as callback:
        local = f"http://127.0.0.1:{callback.port}/slack/oauth_redirect"
        for query in ("", "a=1&a=2", "state=a&state=b&code=x", "error=access_denied", "%00&code"):
            assert _get(f"{local}?{query}")[0] == 400
        with pytest.raises(sr.ConnectFailed, match="nobody came back"):
            callback.wait(0.01)
        assert _get(f"{local}?{world.back(installer)}")[0] == 200
        assert callback.wait(1).team == "Acme"


def test_scopes_are_asked_for_with_those_they_come_along_with(world: World) -> None:
    """Slack gives users:read.email only with users:read: an app that asked for less could not be installed."""
    invite = sr.InviteToChannel(channel="#incidents", users=["ann@example.com"])
    installer = world.installer(needs=invite, scopes=["chat:write.public"])
    assert {"users:read.email", "users:read", "chat:write.public", "chat:write"} <= set(installer.scopes)
    alone = installer.begin().url.replace("users%3Aread%2C", "").replace("users:read,", "")
    with pytest.raises(ValueError, match=r"not modelled: users:read.email without users:read"):
        world.slack.authorize(alone)
    assert installer.handle(world.back(installer)).withheld == ()


@pytest.mark.parametrize("scope", ["chat:write,channels:read", "chat:write channels:read", "", "Chat", "a:b:c", 7])
def test_what_is_no_scope_is_refused(world: World, scope: Any) -> None:
    """Two in one text are named at once, not when Slack has granted something else."""
    with pytest.raises(sr.RunbookError, match=r"Installer.scopes: .* is no scope, such as chat:write"):
        world.installer(scopes=[scope])
    with pytest.raises(sr.RunbookError, match="also: .* is no scope"):
        sr.app_manifest(SAY, name="a", also=[scope])


def test_everything_that_slack_gives_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An incoming webhook, whose address Slack shows this once, and a token of the person who installed it."""
    installer = world.installer()
    ask = installer._app.ask
    webhook = {
        "channel": "#a", "channel_id": "C1", "configuration_url": "https://acme.example/c",
        "url": "https://hooks.example/1",
    }  # fmt: skip
    person = {"id": "U1", "scope": "a,b", "access_token": "xoxp-1", "refresh_token": "xoxe-9", "expires_in": 100}

    def answer(method: str, *arguments: Any, **how: Any) -> Any:
        told = ask(method, *arguments, **how)
        if method == "oauth.v2.access":
            told = attrs.evolve(told, data={**told.data, "incoming_webhook": webhook, "authed_user": person})
        return told

    monkeypatch.setattr(installer._app, "ask", answer)
    world.store = installer._store._store = sr.PrivateFileStore(Path(connect.tempfile.gettempdir()) / "kept")
    installer.handle(world.back(installer))
    kept = world.store.find_installation(enterprise_id=None, team_id=world.slack.team_id)
    assert [kept.incoming_webhook_url, kept.incoming_webhook_channel, kept.incoming_webhook_channel_id] == [
        "https://hooks.example/1", "#a", "C1",
    ]  # fmt: skip
    assert kept.incoming_webhook_configuration_url == "https://acme.example/c"
    assert [kept.user_token, kept.user_refresh_token, list(kept.user_scopes)] == ["xoxp-1", "xoxe-9", ["a", "b"]]
    assert kept.user_token_expires_at == int(world.slack.clock.now() + 100)


@pytest.mark.parametrize(("told", "seconds"), [("x", 0), ("", 0), (-1, 0), ("inf", 0), ("nan", 0), ([], 0), ("90", 90)])
def test_a_length_of_time_that_is_none_loses_no_token(
    world: World, monkeypatch: pytest.MonkeyPatch, told: Any, seconds: int
) -> None:
    """It is stored as one that ends at once, so that the next request trades it in."""
    installer = world.installer()
    ask = installer._app.ask

    def answer(method: str, *arguments: Any, **how: Any) -> Any:
        told_by_slack = ask(method, *arguments, **how)
        return attrs.evolve(told_by_slack, data={**told_by_slack.data, "expires_in": told})

    monkeypatch.setattr(installer._app, "ask", answer)
    installed = installer.handle(world.back(installer))
    assert world.bot(installed).bot_token_expires_at == int(world.slack.clock.now() + seconds)


@pytest.mark.parametrize("wrong", ["*", "../evil", "T1/..", "", "t0fake0001", "[TE]*", "T?FAKE0001", "T1\n"])
def test_what_is_no_id_reaches_no_file(world: World, tmp_path: Path, wrong: str) -> None:
    """An ID from a request is neither a path out of the folder nor a pattern of everybody's files."""
    world.store = sr.PrivateFileStore(tmp_path / "private")
    world.install()
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    workspaces = world.workspaces()
    for work in (workspaces.executor, workspaces.client, workspaces.forget, workspaces.uninstall):
        with pytest.raises(sr.RunbookError, match="is no ID of Slack's"):
            work(wrong)
        with pytest.raises(sr.RunbookError, match="is no ID of Slack's"):
            work("T1", enterprise_id=wrong or "*")
    for work in (world.store.find_bot, world.store.find_installation, world.store.delete_all):
        with pytest.raises(sr.RunbookError, match="is no ID of Slack's"):
            work(enterprise_id=None, team_id=wrong or "*")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this system has other permissions")
def test_a_folder_that_others_can_write_to_is_refused(world: World, tmp_path: Path) -> None:
    """Somebody else could put a token of theirs there: told when it is opened, and when it became so."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(sr.RunbookError, match=r"can be written to by others.*chmod 700"):
        sr.PrivateFileStore(folder)
    folder.chmod(0o755)
    world.store = sr.PrivateFileStore(folder)
    folder.chmod(0o775)
    with pytest.raises(sr.ConnectFailed, match="can be written to by others"):
        world.install()


def test_apps_share_a_private_folder_by_their_ids(world: World, tmp_path: Path) -> None:
    """Each has one below it."""
    one, two = (sr.PrivateFileStore(tmp_path, client_id=each) for each in ("1.2", "1.3"))
    world.store = one
    world.install()
    here = {"enterprise_id": None, "team_id": world.slack.team_id}
    assert one.find_bot(**here) is not None and two.find_bot(**here) is None
    two.delete_all(**here)
    assert one.find_bot(**here) is not None
    with pytest.raises(sr.RunbookError, match="must be the app's Client ID"):
        sr.PrivateFileStore(tmp_path, client_id="../1.2")


def test_a_second_person_installs_it_and_no_old_token_is_left(world: World, tmp_path: Path) -> None:
    """The first one's file gets the new tokens, and those after the next rotation."""
    world.store = sr.PrivateFileStore(tmp_path / "private")
    installed = world.install()
    somebody = world.slack.add_user("second")
    world.install(user=somebody)
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY + 1)
        executor.do(SAY)
    files = [path for path in (tmp_path / "private").rglob("*") if path.is_file()]
    assert len(files) == 4
    assert {json.loads(path.read_text())["bot_refresh_token"] for path in files} == {
        world.bot(installed).bot_refresh_token
    }


@pytest.mark.parametrize("kind", ["sqlite", "private", "file", "cache"])
def test_nothing_is_left_of_an_organisation(tmp_path: Path, kind: str) -> None:
    """What Bolt reads is gone too; slack_sdk's SQLite store keeps it where it is asked as one would."""
    slack = FakeSlack(enterprise="E0FAKE0001")
    with slack.serve() as server:
        world = World(slack, server, STORES[kind](tmp_path, slack.app.client_id), MemoryStates())
        installed = world.install(for_org=True)
        assert installed.is_enterprise_install
        where: Any = {"enterprise_id": installed.enterprise_id, "team_id": None, "is_enterprise_install": True}
        assert world.store.find_installation(**where) is not None
        world.workspaces().uninstall(enterprise_id=installed.enterprise_id)
        assert world.store.find_installation(**where) is None and world.store.find_bot(**where) is None


def test_what_was_not_deleted_is_told(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """slack_sdk's SQLite store says nothing of a deletion that failed."""
    world.store = STORES["sqlite"](tmp_path, world.slack.app.client_id)
    installed = world.install()
    monkeypatch.setattr(type(world.store), "delete_installation", lambda self, **where: None)
    with pytest.raises(sr.ConnectFailed, match="the installation is still there"):
        world.workspaces().forget(installed.team_id)
    # Nor of one that it could not even look at, which it calls empty.
    monkeypatch.undo()
    world.store.database = str(tmp_path)
    with pytest.raises(sr.ConnectFailed, match=r"could not be read \(OperationalError\)"):
        world.workspaces().forget(installed.team_id)


def test_no_code_is_told(world: World) -> None:
    """A query with a good state and nothing else is refused."""
    installer = world.installer()
    state = parse_qs(urlsplit(installer.begin().url).query)["state"][0]
    with pytest.raises(sr.ConnectFailed, match="no_code"):
        installer.handle({"state": state, "code": ""})


def test_less_than_asked_is_kept_and_told(world: World) -> None:
    """The installation is stored; the result names each step that lacks a scope, and raises on demand."""
    installer = world.installer(scopes=["pins:read"])
    assert installer.scopes == ("channels:manage", "chat:write", "pins:read", "reactions:write")
    installed = installer.handle(world.back(installer, scopes=["chat:write"]))
    assert installed.granted == ("chat:write",)
    assert {requirement.step for requirement in installed.missing} == {"room", "tell"}
    assert installed.withheld == ("pins:read",)
    with pytest.raises(sr.ScopesWithheld, match="step 'room', to create the channel") as lacking:
        installed.raise_for_missing()
    assert lacking.value.scopes == ("channels:manage", "pins:read", "reactions:write")
    with world.workspaces().executor(installed.team_id) as executor:
        executor.do(SAY)
        with pytest.raises(sr.MissingScope):
            executor.do(sr.CreateChannel(name="inc-1"))
    again = installer.handle(world.back(installer))
    again.raise_for_missing()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"client_secret": "wrong"}, "bad_client_secret"),
        ({"redirect_uri": None}, "bad_redirect_uri"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(world: World, options: dict[str, Any], code: str) -> None:
    """A wrong secret, or another redirect_uri than the link had, is told by Slack's code and what to do."""
    query = world.back(world.installer())
    with pytest.raises(sr.ConnectFailed) as refused:
        world.installer(**options).handle(query)
    assert refused.value.code == code and refused.value.remedy


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("reset_before", "answer_lost"),
        ("applied_then_reset", "answer_lost"),
        ("ratelimited", r"\(ratelimited\).* Wait 30 seconds"),
        ("not_json", "not Slack"),
    ],
)
def test_a_failure_of_the_network_is_told(world: World, fault: str, word: str) -> None:
    """An answer that got lost, a rate limit and a page of HTML: nothing is stored, and the state is used up."""
    installer = world.installer()
    query = world.back(installer)
    world.slack.inject("oauth.v2.access", fault)
    with pytest.raises(sr.ConnectFailed, match=word) as failed:
        installer.handle(query)
    assert "Begin again with a new link" in failed.value.remedy
    assert world.store.saved == 0
    assert installer.handle(world.back(installer)).team == "Acme"


def test_slack_out_of_reach_is_tried_again_and_told(world: World) -> None:
    """Where no connection is made, the error says that nothing was done, and how to begin again."""
    installer = world.installer(base_url="http://127.0.0.1:9/api/")
    query = parse_qsl(urlsplit(installer.begin().url).query)
    with pytest.raises(sr.ConnectFailed, match="could not be asked: the connection was refused. Begin again"):
        installer.handle({"code": "x", "state": dict(query)["state"]})


def test_the_token_is_kept_although_auth_test_fails(world: World) -> None:
    """Who the bot is may be asked later; a token that Slack gave is never lost for it."""
    world.slack.inject("auth.test", "server_error_before")
    installed = world.install()
    assert world.bot(installed).bot_token in world.slack.app.secrets


def test_no_bot_token_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An approval with every bot scope left out gives no bot token, and says so."""
    installer = world.installer()
    with pytest.raises(sr.ConnectFailed, match="no_token"):
        installer.handle(world.back(installer, scopes=[]))


# --- settings --------------------------------------------------------------------------------------------------------


def test_where_slack_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """GovSlack is one option: the page and every method are on slack-gov.com."""
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "s")
    store, states = MemoryStore(), MemoryStates()
    plain = sr.Installer(store, states, scopes=["chat:write"])
    gov = sr.Installer(store, states, scopes=["chat:write"], gov=True)
    assert plain.begin().url.startswith("https://slack.com/oauth/v2/authorize?")
    assert gov.begin("T1").url.startswith("https://slack-gov.com/oauth/v2/authorize?")
    assert gov.begin("T1").url.endswith("&team=T1")
    store.save_bot(Bot(team_id="T1", bot_token="xoxb-x", bot_id="B1", bot_user_id="U1", installed_at=0.0))
    assert sr.Workspaces(store, gov=True).client("T1").base_url == "https://slack-gov.com/api/"
    lent = WebClient(base_url="https://proxy.example/api/", timeout=7, proxy="http://127.0.0.1:9")
    client = sr.Workspaces(store, client=lent).client("T1")
    assert (client.base_url, client.timeout, client.proxy, client.token) == (
        "https://proxy.example/api/",
        7,
        "http://127.0.0.1:9",
        None,
    )
    assert repr(gov) == "<Installer 1.2 at https://slack-gov.com/api/>"
    assert repr(sr.Workspaces(store)) == "<Workspaces of 1.2 at https://slack.com/api/>"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"client_id": " "},
            "client_id: is missing: pass client_id=…, or set the environment variable SLACK_CLIENT_ID",
        ),
        ({"client_secret": None}, "SLACK_CLIENT_SECRET"),
        ({"needs": (), "scopes": ()}, "asks for no scope"),
        ({"scopes": "chat:write"}, "must be a list of scopes"),
        ({"redirect_uri": "http://localhost:8080/"}, "must be an https:// address"),
        ({"redirect_uri": "https://a.example/#x"}, "without '#'"),
        ({"gov": True}, "takes gov or base_url, not both"),
        ({"base_url": "https://slack.com"}, "must end in /api/"),
    ],
)
def test_a_bad_setting_is_refused_with_its_place(world: World, options: dict[str, Any], told: str) -> None:
    """Each says what is wrong and what to write."""
    with pytest.raises(sr.RunbookError, match=told.replace("(", r"\(")):
        world.installer(**options)


def test_a_bad_setting_of_workspaces_is_refused(world: World) -> None:
    """A store for asyncio, an impossible margin, and no workspace at all."""
    with pytest.raises(sr.RunbookError, match="store: must be one of slack_sdk's installation stores, not object"):
        sr.Workspaces(object(), **world.options)  # type: ignore[arg-type]
    with pytest.raises(sr.RunbookError, match="43,200"):
        world.workspaces(rotate_before=43_200)
    with pytest.raises(sr.RunbookError, match="needs a team_id"):
        world.workspaces().executor()


def test_needs_may_be_anything_that_scopes_can_be_worked_out_for(world: World) -> None:
    """One runbook, several, an action, or what required_scopes made."""
    several = world.installer(needs=[BOOK, sr.PinMessage(channel="C1", ts="1.0")]).scopes
    assert several == ("channels:manage", "chat:write", "pins:write", "reactions:write")
    assert world.installer(needs=SAY).scopes == ("chat:write",)
    assert world.installer(needs=sr.required_scopes(BOOK)).scopes == world.installer().scopes


# --- tokens that rotate ----------------------------------------------------------------------------------------------


def test_a_token_is_rotated_before_its_end_and_not_sooner(world: World) -> None:
    """Two hours before the end, not a second earlier; the old token is good meanwhile."""
    installed = world.install()
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY - 7200)
        executor.do(SAY)
        assert world.refreshes() == []
        world.slack.advance(1)
        executor.do(SAY)
        assert world.refreshes() == [None]
    assert world.slack.app.active_tokens == 2


def test_the_whole_surface_rotates(world: World) -> None:
    """A WebClient's own methods, their further pages and the asynchronous ones rotate as the executor does."""
    world.slack.scopes |= {"channels:read"}
    installer = world.installer(scopes=["channels:read"])
    installed = installer.handle(world.back(installer))
    for number in range(3):
        world.slack.add_channel(f"c{number}")
    workspaces = world.workspaces()

    async def over_async() -> list[str]:
        async with workspaces.async_executor(installed.team_id) as executor:
            world.slack.advance(HALF_DAY + 1)
            sent = await executor.do(SAY)
            world.slack.advance(HALF_DAY + 1)
            client = workspaces.async_client(installed.team_id)
            answer = await client.auth_test()
            await client.close()
            return [sent.channel, answer["team"]]

    with workspaces.client(installed.team_id) as client:
        world.slack.advance(HALF_DAY + 1)
        assert client.auth_test()["team"] == "Acme"
        names = []
        for page in client.conversations_list(limit=2):
            names += [channel["name"] for channel in page["channels"]]
            world.slack.advance(HALF_DAY + 1)
        assert names == ["incidents", "c0", "c1", "c2"]
    assert asyncio.run(over_async()) == [world.slack.channel("incidents").id, "Acme"]
    assert set(world.refreshes()) == {None}


def test_many_threads_and_tasks_rotate_once(world: World) -> None:
    """Sixteen threads, then sixteen tasks, need a new token at once: one request each time, and everybody goes on."""
    installed = world.install()
    workspaces = world.workspaces()
    world.slack.advance(HALF_DAY + 1)
    start = threading.Barrier(16)
    failed: list[BaseException] = []

    def work() -> None:
        with workspaces.executor(installed.team_id) as executor:
            start.wait()
            try:
                executor.do(SAY)
            except BaseException as error:  # noqa: BLE001 - told below
                failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [] and world.refreshes() == [None]

    async def tasks() -> None:
        async with workspaces.async_executor(installed.team_id) as executor:
            await asyncio.gather(*(executor.do(SAY) for _ in range(16)))

    world.slack.advance(HALF_DAY + 1)
    asyncio.run(tasks())
    assert world.refreshes() == [None, None]
    assert len(world.slack.channel("incidents").messages) == 32


@pytest.mark.parametrize("grace", [0, 60])
def test_the_loser_uses_what_the_winner_stored(world: World, monkeypatch: pytest.MonkeyPatch, grace: float) -> None:
    """Two machines share a store and no lock, and rotate at one moment: both go on, whatever the grace period."""
    world.slack.app.grace_seconds = grace
    installed = world.install()
    first, second = world.workspaces(), world.workspaces()
    with first.executor(installed.team_id) as one, second.executor(installed.team_id) as other:
        world.slack.advance(HALF_DAY + 1)
        # The second has read the store, and before it asks Slack the first goes all the way.
        app: Any = second._app
        ask = app.ask

        def late(*arguments: Any, **options: Any) -> Any:
            app.ask = ask
            one.do(SAY)
            return ask(*arguments, **options)

        monkeypatch.setattr(connect, "_alone", _nobody_locks)
        app.ask = late
        other.do(SAY)
        assert world.refreshes() == [None, None if grace else "invalid_refresh_token"]
        world.slack.advance(HALF_DAY + 1)
        one.do(SAY)
        other.do(SAY)
    assert len(world.slack.channel("incidents").messages) == 4


def _nobody_locks(name: str) -> Any:
    return contextlib.nullcontext(False)


def test_the_loser_waits_for_the_winner_to_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack may know of the winner before the store does: the loser looks again for some seconds."""
    installed = world.install()
    stale = world.bot(installed)
    world.slack.advance(HALF_DAY + 1)
    with world.workspaces().executor(installed.team_id) as winner:
        winner.do(SAY)
    find, due = world.store.find_bot, world.slack.now + 3
    monkeypatch.setattr(world.store, "find_bot", lambda **key: find(**key) if world.slack.now >= due else stale)
    with world.workspaces().executor(installed.team_id) as loser:
        loser.do(SAY)
    assert world.refreshes() == [None, "invalid_refresh_token"]


def test_a_token_that_slack_takes_no_more_is_looked_up_in_the_store(world: World) -> None:
    """Of three active tokens Slack ends the oldest: whoever has that one finds the newest in the store."""
    installed = world.install()
    idle = world.workspaces().executor(installed.team_id)
    busy = world.workspaces(rotate_before=43_199)
    with idle, busy.executor(installed.team_id) as executor:
        idle.do(SAY)
        for _ in range(3):
            world.slack.advance(2)
            executor.do(SAY)
        assert world.slack.app.active_tokens == 2
        idle.do(SAY)
    refused = [call.error for call in world.slack.calls_to("chat.postMessage") if call.error]
    assert refused == ["token_revoked"]
    assert len(world.slack.channel("incidents").messages) == 5


def test_one_revoked_token_is_replaced(world: World) -> None:
    """auth.revoke ends one rotating token and no installation, so the refresh token buys another."""
    installed = world.install()
    with world.workspaces().client(installed.team_id) as client:
        client.auth_revoke()
        assert client.auth_test()["team"] == "Acme"


def test_a_clock_that_is_wrong_is_no_reason_to_stop(world: World) -> None:
    """A token that Slack says is over is rotated, whatever this machine's clock says."""
    installed = world.install()
    bot = world.bot(installed)
    bot.bot_token_expires_at = int(world.slack.now + 10 * HALF_DAY)
    world.store.save_bot(bot)
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY + 1)
        executor.do(SAY)
    assert world.refreshes() == [None]


def _away(**_: Any) -> Bot:
    raise sqlite3.OperationalError("the database is away")


_NO_OTHER: dict[str, tuple[dict[str, Any], Any, type[sr.SlackError], str]] = {
    "secret": (
        {"client_secret": "wrong"},
        lambda world: None,
        sr.AuthenticationFailed,
        "token_expired .*could not be rotated: bad_client_secret.*Client ID and Secret",
    ),
    "store": (
        {},
        lambda world: setattr(world.store, "find_bot", _away),
        sr.SlackUnavailable,
        r"could not be rotated: the installation store could not be read \(OperationalError\)",
    ),
    "rate limit": (
        {},
        lambda world: world.slack.inject("oauth.v2.access", "ratelimited", times=9),
        sr.RateLimited,
        "could not be rotated: ratelimited",
    ),
    "revoked, and the store is away": (
        {},
        lambda world: (
            setattr(world.store, "find_bot", _away),
            world.slack.fail_next("chat.postMessage", "token_revoked"),
        ),
        sr.AuthenticationFailed,
        "token_revoked .*could not be rotated: store_failed.*See to the store",
    ),
}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("cause", _NO_OTHER)
def test_a_refused_token_for_which_there_is_no_other_names_the_cause(
    world: World, caplog: pytest.LogCaptureFixture, cause: str, asynchronous: bool
) -> None:
    """The clock here is wrong and Slack says token_expired: the error tells why no other token was to be had."""
    options, arm, kind, told = _NO_OTHER[cause]
    installed = world.install()
    bot = world.bot(installed)
    bot.bot_token_expires_at = int(world.slack.now + 10 * HALF_DAY)
    world.store.save_bot(bot)
    workspaces = world.workspaces(**options)
    retry = sr.RetryPolicy(attempts=1)

    def prepare() -> None:
        if not cause.startswith("revoked"):
            world.slack.advance(HALF_DAY + 1)
        arm(world)

    async def over_async() -> None:
        async with workspaces.async_executor(installed.team_id, retry=retry) as executor:
            prepare()
            await executor.do(SAY)

    def over_sync() -> None:
        with workspaces.executor(installed.team_id, retry=retry) as executor:
            prepare()
            executor.do(SAY)

    with pytest.raises(kind, match=told):
        asyncio.run(over_async()) if asynchronous else over_sync()
    assert "A token that Slack refused could not be rotated" in caplog.text
    assert not [secret for secret in world.slack.app.secrets if secret in caplog.text]


@pytest.mark.parametrize(
    ("fault", "asked"),
    [("server_error_before", [None]), ("ratelimited", ["ratelimited"]), ("internal_error", ["internal_error"])],
)
def test_while_the_token_is_good_a_failed_rotation_stops_nobody(
    world: World, caplog: pytest.LogCaptureFixture, fault: str, asked: list[str | None]
) -> None:
    """Slack is down in the two hours before the end: requests go on with the old token, and it is tried again later."""
    installed = world.install()
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY - 3600)
        world.slack.inject("oauth.v2.access", fault)
        executor.do(SAY)
        executor.do(SAY)
        assert len(world.refreshes()) == 1
        assert "could not be rotated, and is used until it ends" in caplog.text
        world.slack.advance(61)
        executor.do(SAY)
        assert world.refreshes()[1:] == [None]


class Gate:
    """Holds up whatever the app asks Slack for, until it is opened."""

    def __init__(self, workspaces: sr.Workspaces) -> None:
        self.opened, self.entered = threading.Event(), threading.Event()
        self.missed = False
        app: Any = workspaces._app
        ask = app.ask

        def late(*arguments: Any, **options: Any) -> Any:
            self.entered.set()
            self.missed |= not self.opened.wait(10)
            return ask(*arguments, **options)

        app.ask = late

    def open(self) -> None:
        """Let everybody through, and wait for the rotations to end."""
        self.opened.set()
        for thread in threading.enumerate():
            if thread.name == "slackrunbooks-rotation":
                thread.join(10)
        assert not self.missed


@pytest.mark.parametrize("asynchronous", [False, True])
def test_while_slack_does_not_answer_a_refresh_requests_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch, asynchronous: bool
) -> None:
    """The token is good for another hour and the refresh hangs: requests are sent, and it is rotated beside them."""
    monkeypatch.setattr(connect, "_PATIENCE", 0.01)
    installed = world.install()
    workspaces = world.workspaces()
    gate = Gate(workspaces)

    async def over_async() -> None:
        async with workspaces.async_executor(installed.team_id) as executor:
            for _ in range(3):
                await executor.do(SAY)

    world.slack.advance(HALF_DAY - 3600)
    if asynchronous:
        asyncio.run(over_async())
    else:
        with workspaces.executor(installed.team_id) as executor:
            for _ in range(3):
                executor.do(SAY)
    assert len(world.slack.channel("incidents").messages) == 3 and world.refreshes() == []
    old = world.bot(installed).bot_token
    gate.open()
    assert world.refreshes() == [None] and world.bot(installed).bot_token != old
    with workspaces.client(installed.team_id) as client:
        assert client.auth_test()["ok"] and client._source.fresh() == world.bot(installed).bot_token


def test_a_surprise_in_a_rotation_stops_nobody_and_is_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever breaks, the token is good meanwhile; it is tried again after a minute, and no sooner."""
    installed = world.install()
    asked: list[Any] = []
    workspaces = world.workspaces()

    def fail(*arguments: Any) -> Any:
        asked.append(arguments)
        raise AttributeError(f"no {world.slack.app.secrets}")

    with workspaces.executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY - 3600)
        with monkeypatch.context() as broken:
            broken.setattr(workspaces._app, "ask", fail)
            executor.do(SAY)
            executor.do(SAY)
        assert len(asked) == 1 and "could not be rotated (AttributeError)" in caplog.text
        assert not [secret for secret in world.slack.app.secrets if secret in caplog.text]
        world.slack.advance(61)
        executor.do(SAY)
    assert world.refreshes() == [None]


def test_without_another_thread_a_token_is_rotated_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a program, or where there are too many, no thread can be started."""
    installed = world.install()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "slackrunbooks-rotation":
            raise RuntimeError("can't create new thread at interpreter shutdown")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY - 3600)
        executor.do(SAY)
    assert world.refreshes() == [None]


def test_a_refresh_token_that_slack_refused_is_not_sent_again(world: World) -> None:
    """It is remembered until the store has another one: nobody waits, and Slack is not asked for what it refused."""
    installed = world.install()
    refused = [None, "invalid_refresh_token"]
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY - 3600)
        world.slack.lose_reply("oauth.v2.access")
        for _ in range(3):
            before = world.slack.now
            executor.do(SAY)
            assert world.slack.now == before and world.refreshes() == refused
            world.slack.advance(61)
        world.slack.advance(3600)
        for _ in range(2):
            before = world.slack.now
            with pytest.raises(sr.AuthenticationFailed, match=r"token_expired .*invalid_refresh_token"):
                executor.do(SAY)
            assert world.slack.now == before and world.refreshes() == refused
        world.install()
        executor.do(SAY)
        world.slack.advance(HALF_DAY + 1)
        executor.do(SAY)
    assert world.refreshes() == [*refused, None]


def test_the_slow_rotation_of_one_workspace_holds_up_no_other(world: World) -> None:
    """A client for the one, and a client and a request for another, are had while the first one's refresh hangs."""
    installed = world.install()
    other = world.bot(installed)
    other.team_id, other.bot_token_expires_at = "T0OTHER001", int(world.slack.now + 10 * HALF_DAY)
    world.store.save_bot(other)
    workspaces = world.workspaces()
    gate = Gate(workspaces)
    with workspaces.client(installed.team_id) as client:
        world.slack.advance(HALF_DAY + 1)
        rotates = threading.Thread(target=client._source.current)
        rotates.start()
        assert gate.entered.wait(10)
        had: list[Any] = []

        def have() -> None:
            for team in (installed.team_id, other.team_id):
                with workspaces.client(team) as another:
                    had.append(another._team_id or team)
            had.append(workspaces.client(other.team_id)._source.fresh() == other.bot_token)

        asks = threading.Thread(target=have)
        asks.start()
        asks.join(3)
        assert had == [installed.team_id, other.team_id, True]
        gate.open()
        rotates.join(10)
        asks.join(10)
    assert world.refreshes() == [None]


_FORK = """
import os, sys, tempfile, threading, time
import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack
from slack_sdk.oauth.state_store import FileOAuthStateStore

folder = sys.argv[1]
tempfile.tempdir = folder
slack = FakeSlack()
slack.app.token_rotation = True
with slack.serve() as server:
    app = dict(
        client_id=slack.app.client_id, client_secret=slack.app.client_secret, base_url=server.url, clock=slack.clock
    )
    store = sr.PrivateFileStore(folder + "/store")
    states = FileOAuthStateStore(expiration_seconds=600, base_dir=folder + "/states")
    installer = sr.Installer(store, states, scopes=["chat:write"], **app)
    team = installer.handle(slack.authorize(installer.begin().url).partition("?")[2]).team_id
    workspaces = sr.Workspaces(store, **app)
    source = workspaces.client(team)._source
    ask, gate, entered = workspaces._app.ask, threading.Event(), threading.Event()

    def late(*given, **more):
        entered.set()
        gate.wait(20)
        return ask(*given, **more)

    workspaces._app.ask = late
    slack.advance(43_201)
    rotates = threading.Thread(target=source.current)
    rotates.start()
    entered.wait(20)
    workspaces._turn.lock.acquire()  # as by a thread that makes a client
    child = os.fork()
    if not child:
        done = []
        def use():
            done.append(workspaces.client(team)._source.current())
        uses = threading.Thread(target=use, daemon=True)
        uses.start()
        uses.join(15)
        # The parent's rotation left it in the store: nothing was to be asked of Slack.
        is_right = done == [store.find_bot(enterprise_id=None, team_id=team).bot_token]
        os._exit(0 if is_right else 3)
    workspaces._turn.lock.release()
    time.sleep(0.3)  # the child comes to wait for the lock of this machine meanwhile
    gate.set()
    rotates.join(20)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(len(slack.calls_to("oauth.v2.access")))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_during_a_rotation_waits_for_nobody_that_it_has_not(tmp_path: Path, run_python: RunPython) -> None:
    """The child has locks of its own, waits for the parent's rotation on the machine's lock, and uses what it left."""
    told = run_python("-W", "ignore::DeprecationWarning", "-c", _FORK, tmp_path)
    assert (told.returncode, told.stdout.split()) == (0, ["0", "2"]), told.stderr


def test_a_refresh_whose_answer_is_lost_is_asked_for_again(world: World) -> None:
    """Within the grace period the same refresh token gives another pair, and nothing is lost."""
    world.slack.app.grace_seconds = 60
    installed = world.install()
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY + 1)
        world.slack.lose_reply("oauth.v2.access", times=2)
        executor.do(SAY)
    assert world.refreshes() == [None, None, None]


def test_without_a_grace_period_a_lost_answer_ends_the_installation_and_says_so(world: World) -> None:
    """The new refresh token went down with the answer: nobody has it, so the app has to be installed again."""
    installed = world.install()
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY + 1)
        world.slack.lose_reply("oauth.v2.access")
        with pytest.raises(sr.AuthenticationFailed, match="token_expired .*invalid_refresh_token") as ended:
            executor.do(SAY)
        assert "Install the app again" in ended.value.remedy
        client = world.workspaces().client(installed.team_id)
        with client, pytest.raises(sr.AuthenticationFailed, match="refused to rotate the token"):
            client.auth_test()
        assert world.install().team_id == installed.team_id
        executor.do(SAY)


def test_a_wrong_secret_is_told_as_such_when_the_token_is_over(world: World) -> None:
    """Who the app is can be mended without installing it again, and the error says so."""
    installed = world.install()
    with world.workspaces(client_secret="wrong").executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY + 1)
        with pytest.raises(sr.AuthenticationFailed, match="bad_client_secret.*Client ID and Secret"):
            executor.do(SAY)


def test_slack_out_of_reach_with_a_token_that_is_over(world: World) -> None:
    """Nothing was sent, so it is tried again by the retry policy, and then told as a matter of the network."""
    installed = world.install()
    options = {"retry": sr.RetryPolicy(attempts=2)}
    with world.workspaces(base_url="http://127.0.0.1:9/api/").executor(installed.team_id, **options) as executor:
        world.slack.advance(HALF_DAY + 1)
        with pytest.raises(sr.SlackUnavailable, match="the token could not be rotated"):
            executor.do(SAY)


_NO_TOKEN: dict[str, tuple[Any, type[sr.SlackError], str]] = {
    "store": (
        lambda world: setattr(world.store, "find_bot", _away),
        sr.SlackUnavailable,
        r"the token could not be rotated: the installation store could not be read \(OperationalError\)",
    ),
    "rate limit": (
        lambda world: world.slack.inject("oauth.v2.access", "ratelimited", times=2),
        sr.RateLimited,
        "chat.postMessage: ratelimited .*the token could not be rotated: ratelimited",
    ),
    "surprise": (
        lambda world: setattr(world.store, "find_bot", lambda **_: object()),
        sr.SlackUnavailable,
        r"the token could not be rotated: AttributeError",
    ),
}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("cause", _NO_TOKEN)
def test_without_a_token_a_run_tells_that_nothing_was_sent(
    world: World, tmp_path: Path, cause: str, asynchronous: bool
) -> None:
    """The token is over and none is to be had: the run fails with the cause, and a second one posts each message once.

    Neither the run nor a journal takes it for a request whose answer was lost.
    """
    arm, kind, told = _NO_TOKEN[cause]
    installed = world.install()
    workspaces = world.workspaces()
    book = sr.Runbook("say", {"a": SAY, "b": SAY})

    def perform(work: str, what: Any, *, armed: bool = False, **options: Any) -> sr.Report:
        """Run, or resume, on an executor that was made while all was well."""
        options |= {"retry": sr.RetryPolicy(attempts=2)}
        named = {"run_id": "r"} if "journal" in options and work == "run" else {}

        def prepare() -> None:
            if armed:
                world.slack.advance(HALF_DAY + 1)
                arm(world)

        async def over_async() -> sr.Report:
            async with workspaces.async_executor(installed.team_id, **options) as executor:
                prepare()
                report: sr.Report = await getattr(executor, work)(what, **named)
                return report

        try:
            if asynchronous:
                return asyncio.run(over_async())
            with workspaces.executor(installed.team_id, **options) as executor:
                prepare()
                report: sr.Report = getattr(executor, work)(what, **named)
                return report
        finally:
            vars(world.store).pop("find_bot", None)

    with sr.SqliteJournal(tmp_path / "runs.db") as journal:
        for failed in (perform("run", book, armed=True), perform("run", book, armed=True, journal=journal)):
            assert failed.state == "failed" and world.slack.channel("incidents").messages == []
            with pytest.raises(sr.StepFailed) as stopped:
                failed.raise_for_failure()
            assert isinstance(stopped.value.__cause__, kind) and re.search(told, str(stopped.value.__cause__))
        assert perform("resume", "r", journal=journal).state == "failed"
        assert world.slack.channel("incidents").messages == []
    assert perform("run", book).ok
    assert len(world.slack.channel("incidents").messages) == 2


def test_a_store_that_fails_loses_no_rotated_token(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """What could not be stored lives on in the process, and is stored as soon as the store is back."""
    installed = world.install()
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY + 1)
        world.store.fails = sqlite3.OperationalError(f"cannot store {world.slack.app.secrets}")
        executor.do(SAY)
        assert "not stored yet" in caplog.text and "OperationalError" in caplog.text
        assert not [secret for secret in world.slack.app.secrets if secret in caplog.text]
        world.store.fails = None
        executor.do(SAY)
    with world.workspaces().executor(installed.team_id) as another:
        another.do(SAY)
    assert world.refreshes() == [None]


def test_a_store_that_cannot_be_read_is_told_by_its_type_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a store raises may show a token, and so may its traceback; neither comes along."""
    installed = world.install()
    monkeypatch.setattr(connect, "_HALF_WRITTEN", 0.05)

    def fail(**_: Any) -> Bot:
        raise ValueError(f"torn {world.slack.app.secrets}")

    monkeypatch.setattr(world.store, "find_bot", fail)
    with pytest.raises(sr.ConnectFailed, match=r"could not be read \(ValueError\)") as failed:
        world.workspaces().executor(installed.team_id)
    assert failed.value.__cause__ is None and failed.value.__context__ is None


def test_a_store_that_is_away_is_asked_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database has waited for as long as it was told to: asking it again would only multiply that."""
    installed = world.install()
    asked: list[Any] = []

    def fail(**where: Any) -> Bot:
        asked.append(where)
        raise TimeoutError

    monkeypatch.setattr(world.store, "find_bot", fail)
    with pytest.raises(sr.ConnectFailed, match=r"could not be read \(TimeoutError\)"):
        world.workspaces().executor(installed.team_id)
    assert len(asked) == 1


def test_a_store_that_says_nothing_once_is_asked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """slack_sdk's stores say None of what they could not read, too."""
    installed = world.install()
    find, says = world.store.find_bot, [None]
    monkeypatch.setattr(world.store, "find_bot", lambda **where: says.pop() if says else find(**where))
    world.workspaces().executor(installed.team_id).close()
    assert says == []


@pytest.mark.parametrize("harm", ["locked", "corrupt", "away"])
def test_an_sqlite_store_that_cannot_be_read_is_no_missing_installation(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    """slack_sdk's SQLite store says None where its file is locked, broken or gone; nobody is sent to install again."""
    path = tmp_path / "store.db"
    world.store = SQLite3InstallationStore(database=str(path), client_id=world.slack.app.client_id)
    installed = world.install()
    shown: Any = sqlite3_store.sqlite3
    monkeypatch.setattr(shown, "connect", functools.partial(shown.connect, timeout=0))  # no wait for a lock
    workspaces = world.workspaces()
    with workspaces.executor(installed.team_id) as executor, contextlib.closing(sqlite3.connect(path)) as other:
        if harm == "locked":
            other.execute("begin exclusive")
        elif harm == "corrupt":
            path.write_bytes(b"no database " * 2000)
        else:
            world.store.database = str(tmp_path / "none" / "store.db")
        with pytest.raises(sr.ConnectFailed, match=r"could not be read \((OperationalError|DatabaseError)\)") as failed:
            workspaces.client(installed.team_id)
        assert not isinstance(failed.value, sr.NotInstalled) and failed.value.code == "store_failed"
        world.slack.advance(HALF_DAY + 1)
        with pytest.raises(sr.SlackUnavailable, match="the installation store could not be read"):
            executor.do(SAY)
    assert world.refreshes() == []


def test_an_sqlite_store_that_can_be_read_says_what_is_missing(world: World, tmp_path: Path) -> None:
    """None means that there is no installation where nothing stands in the way of reading."""
    world.store = SQLite3InstallationStore(database=str(tmp_path / "store.db"), client_id=world.slack.app.client_id)
    with pytest.raises(sr.NotInstalled):
        world.workspaces().client("T0OTHER001")
    world.install()
    with pytest.raises(sr.NotInstalled):
        world.workspaces().client("T0OTHER001")


def test_a_file_that_is_just_being_written_is_read_again(world: World, tmp_path: Path) -> None:
    """slack_sdk's file store truncates a file before it writes: whoever reads then looks again."""
    world.store = FileInstallationStore(base_dir=str(tmp_path / "file"))
    installed = world.install()
    path = tmp_path / "file" / f"none-{installed.team_id}" / "bot-latest"
    whole = path.read_text()
    path.write_text(whole[:50])
    mended = threading.Timer(0.05, path.write_text, [whole])
    mended.start()
    world.workspaces().executor(installed.team_id).close()
    mended.join()


@pytest.mark.parametrize("kind", ["file", "cache"])
def test_bolt_finds_the_rotated_token_too(world: World, tmp_path: Path, kind: str) -> None:
    """find_installation, which Bolt reads, has the same fresh token as find_bot, whatever was read before."""
    world.store = STORES[kind](tmp_path, world.slack.app.client_id)
    installed = world.install()
    where = {"enterprise_id": None, "team_id": installed.team_id}
    old = [world.store.find_installation(**where).bot_token, world.store.find_bot(**where).bot_token]
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY + 1)
        executor.do(SAY)
    whole = world.store.find_installation(**where)
    assert whole is not None and whole.bot_token == world.bot(installed).bot_token and whole.bot_token not in old
    assert (whole.user_id, whole.team_name) == (installed.user_id, "Acme")


def test_the_private_store_is_private_and_leaves_no_old_token(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders are 0700, files 0600, and nothing but the newest tokens is in them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    world.store = sr.PrivateFileStore("~/private")
    installed = world.install()
    old = world.bot(installed)
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.advance(HALF_DAY + 1)
        executor.do(SAY)
    paths = sorted((tmp_path / "private").rglob("*"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert set(modes.values()) == {0o600, 0o700}
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in zip(paths, modes.values(), strict=True))
    text = "".join(path.read_text() for path in paths if path.is_file())
    assert old.bot_token not in text and str(old.bot_refresh_token) not in text
    assert [path.name for path in paths if path.is_file()] == [
        "bot-latest",
        f"installer-{installed.user_id}-latest",
        "installer-latest",
    ]


# --- the end of an installation --------------------------------------------------------------------------------------


def test_an_installation_that_is_gone_already_is_only_deleted(world: World) -> None:
    """Somebody removed the app in Slack: uninstall cleans the store up."""
    installed = world.install()
    workspaces = world.workspaces()
    world.slack.app.uninstall(world.slack.app.installations[0])
    workspaces.uninstall(installed.team_id)
    assert world.store.bots == {}


def test_where_slack_lets_no_bot_uninstall_nothing_is_deleted(world: World) -> None:
    """no_permission is told, and the store keeps what still works."""
    installed = world.install()
    world.slack.fail_next("apps.uninstall", "no_permission")
    with pytest.raises(sr.NotPermitted):
        world.workspaces().uninstall(installed.team_id)
    with world.workspaces().executor(installed.team_id) as executor:
        executor.do(SAY)


def test_forget_asks_slack_nothing(world: World) -> None:
    """For the event app_uninstalled: the store is cleaned up, and no request is made."""
    installed = world.install()
    before = len(world.slack.calls)
    world.workspaces().forget(installed.team_id)
    assert world.store.bots == {} and len(world.slack.calls) == before


def test_an_app_that_was_removed_is_told_to_whoever_uses_it(world: World) -> None:
    """The token is refused, and nothing in the store is better: the error is Slack's own."""
    installed = world.install()
    with world.workspaces().executor(installed.team_id) as executor:
        world.slack.app.uninstall(world.slack.app.installations[0])
        with pytest.raises(sr.AuthenticationFailed, match="account_inactive"):
            executor.do(SAY)
        world.store.bots.clear()
        with pytest.raises(sr.AuthenticationFailed):
            executor.do(SAY)


# --- organisations ---------------------------------------------------------------------------------------------------


@pytest.fixture
def org() -> Iterator[World]:
    """An organisation with two workspaces, whose app is installed for all of them."""
    slack = FakeSlack(enterprise="Umbrella")
    slack.app.token_rotation = True
    slack.add_workspace("Beta").add_channel("incidents")
    with slack.serve() as server:
        yield World(slack, server, MemoryStore(), MemoryStates())


@pytest.mark.parametrize("kind", STORES)
def test_one_installation_and_many_workspaces(org: World, tmp_path: Path, kind: str) -> None:
    """An executor for each workspace sends its team_id where a method takes one, and they share one token."""
    org.store = STORES[kind](tmp_path, org.slack.app.client_id)
    installed = org.install(for_org=True)
    assert (installed.team_id, installed.where) == (None, "Umbrella (E0FAKE0001)")
    workspaces = org.workspaces(enterprise_id=installed.enterprise_id)
    teams = workspaces.teams()
    assert [team.name for team in teams] == ["Acme", "Beta"]
    org.slack.advance(HALF_DAY + 1)
    for team in teams:
        with workspaces.executor(team.id) as executor:
            executor.do(sr.CreateChannel(name=f"inc-{team.name.lower()}"))
    beta = org.slack._family[teams[1].id]
    assert [channel.name for channel in org.slack.channels] == ["inc-acme"]
    assert [channel.name for channel in beta.channels] == ["incidents", "inc-beta"]
    assert org.refreshes() == [None]
    assert org.slack.complaints == beta.complaints == []
    with pytest.raises(sr.RunbookError, match="would end everywhere|leave team_id out"):
        workspaces.uninstall(teams[1].id)
    workspaces.uninstall()
    with pytest.raises(sr.NotInstalled):
        workspaces.executor(teams[1].id)


def test_a_workspace_of_its_own_comes_before_its_organisation(org: World) -> None:
    """Where both are installed, the workspace's own installation is used, and no team_id is sent."""
    org.install(for_org=True)
    own = org.install()
    workspaces = org.workspaces(enterprise_id="E0FAKE0001")
    with workspaces.executor(own.team_id) as executor:
        executor.do(sr.CreateChannel(name="x"))
    assert "team_id" not in org.slack.calls_to("conversations.create")[-1].arguments
    with pytest.raises(sr.NotInstalled, match=r"pass enterprise_id=…"):
        org.workspaces().executor("T9")


def test_every_method_with_a_team_id_gets_it_and_no_other(org: World) -> None:
    """The list is that of the pages: the fake's, transcribed apart, says the same of every method that both know."""
    from slackrunbooks.slack_methods import METHODS, TAKES_TEAM_ID

    fake = {method for method, page in reference().items() if "team_id" in page["arguments"]}
    assert TAKES_TEAM_ID & set(reference()) == fake
    assert {"conversations.create", "users.list"} <= fake & set(METHODS)
    installed = org.install(for_org=True)
    team = org.slack.team_id
    with org.workspaces(enterprise_id=installed.enterprise_id).client(team) as client:
        client.api_call("auth.test")
        client.conversations_create(name="a")
        client.api_call("conversations.create", params={"name": "b", "team_id": "T0FAKE0002"})
    sent = [call.arguments.get("team_id") for call in org.slack.calls if call.method != "oauth.v2.access"]
    assert sent == [None, None, team]


def test_a_workspace_has_no_teams(world: World) -> None:
    """Only the installation of an organisation lists workspaces; without one the store says so."""
    world.install()
    with pytest.raises(sr.NotInstalled):
        world.workspaces().teams("E1")


def test_slack_may_refuse_to_list_teams(org: World) -> None:
    """The error is Slack's own, typed."""
    installed = org.install(for_org=True)
    org.slack.fail_next("auth.teams.list", "access_denied")
    with pytest.raises(sr.NotPermitted, match="access_denied"):
        org.workspaces().teams(installed.enterprise_id)


def test_a_workspace_without_access_is_named(org: World) -> None:
    """Slack's team_access_not_granted comes as NotPermitted."""
    installed = org.install(for_org=True)
    executor = org.workspaces(enterprise_id=installed.enterprise_id).executor("T9")
    with executor, pytest.raises(sr.NotPermitted, match="team_access_not_granted"):
        executor.do(sr.CreateChannel(name="x"))


# --- nothing leaks ---------------------------------------------------------------------------------------------------


def _ours(error: BaseException) -> str:
    """Return what the frames of this package show, and the error itself."""
    text = [
        str(error),
        repr(error),
        repr(error.args),
        repr(vars(error)),
        repr(error.__cause__),
        repr(error.__context__),
    ]
    seen: list[BaseException] = []
    pending: list[BaseException | None] = [error]
    while pending:
        link = pending.pop()
        if link is None or link in seen:
            continue
        seen.append(link)
        pending += [link.__cause__, link.__context__]
        trace = link.__traceback__
        while trace is not None:
            if "tests" not in Path(trace.tb_frame.f_code.co_filename).parts:
                text += [f"{name}={value!r}" for name, value in trace.tb_frame.f_locals.items()]
            trace = trace.tb_next
    return "\n".join(text)


def test_nothing_leaks(world: World, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """No token, code, refresh token or client secret is in a log at DEBUG, a repr, a traceback with locals or a pickle.

    Every path of this file that fails goes through here; the search is proven by what it must find.
    """
    caplog.set_level(logging.DEBUG)
    world.store = SQLite3InstallationStore(database=str(tmp_path / "s.db"), client_id=world.slack.app.client_id)
    world.states = SQLite3OAuthStateStore(database=str(tmp_path / "states.db"), expiration_seconds=600)
    installer = world.installer()
    kept: list[object] = [installer, installer.begin()]
    errors: list[BaseException] = []

    def fails(work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except sr.SlackRunbooksError as error:
            errors.append(error)
        else:
            raise AssertionError("it did not fail")

    used = world.back(installer)
    installed = installer.handle(used)
    kept.append(installed)
    fails(installer.handle, used)
    fresh = parse_qs(urlsplit(installer.begin().url).query)["state"][0]
    fails(installer.handle, {"code": parse_qs(used)["code"][0], "state": fresh})
    fails(installer.handle, world.back(installer, deny=True))
    for fault in ("applied_then_reset", "truncated", "not_json", "internal_error_after", "ratelimited"):
        world.slack.inject("oauth.v2.access", fault)
        fails(installer.handle, world.back(installer))
    fails(world.installer(client_secret="wrong-secret-1").handle, world.back(installer))
    save, world.store.save = world.store.save, _leaky(world)
    fails(installer.handle, world.back(installer))
    world.store.save = save
    workspaces = world.workspaces()
    client = workspaces.client(installed.team_id)
    executor = workspaces.executor(installed.team_id)
    kept += [
        workspaces,
        client,
        executor,
        vars(client),
        vars(workspaces),
        client._source,
        vars(client._source)["_name"],
    ]
    executor.do(SAY)
    kept.append(client.auth_test())
    kept.append(vars(client.auth_test())["req_args"])
    world.slack.advance(HALF_DAY + 1)
    executor.do(SAY)
    world.slack.advance(HALF_DAY + 1)
    world.slack.lose_reply("oauth.v2.access")
    fails(executor.do, SAY)
    fails(client.auth_test)
    fails(lambda: asyncio.run(_asks(workspaces, installed.team_id)))
    fails(lambda: workspaces.uninstall(installed.team_id))
    executor.close()
    client.close()

    secrets = [*world.slack.app.secrets, "wrong-secret-1"]
    assert len(secrets) > 15 and len(errors) == 14
    text = {
        "logs": "\n".join(f"{record.getMessage()} {record.args!r} {record.exc_text}" for record in caplog.records),
        "reprs": "\n".join(map(repr, kept)),
        "tracebacks": "\n".join(map(_ours, errors)),
        "pickles": repr([pickle.dumps(error) for error in errors] + [pickle.dumps(installed)]),
    }
    assert "oauth.v2.access" in text["logs"] and "T0FAKE0001" in text["reprs"]
    found = [(where, secret[:12]) for where, content in text.items() for secret in secrets if secret in content]
    assert found == []
    for secretive in (installer, workspaces, client, client._source):
        with pytest.raises(TypeError, match="pickle|token"):
            pickle.dumps(secretive)


def _leaky(world: World) -> Any:
    def save(installation: Installation) -> None:
        token = installation.bot_token
        raise RuntimeError(f"[parameters: {token}, {world.slack.app.secrets}]")

    return save


async def _asks(workspaces: sr.Workspaces, team_id: str | None) -> None:
    client = workspaces.async_client(team_id)
    try:
        await client.auth_test()
    finally:
        await client.close()


def test_the_search_for_leaks_can_find_one() -> None:
    """The control: a secret in a local of a frame outside the tests, in a cause or an attribute is found."""
    source = "def ask():\n    token = 'xoxb-found'\n    raise ValueError(len(token))\n"
    space: dict[str, Any] = {}
    exec(compile(source, "elsewhere.py", "exec"), space)
    with pytest.raises(ValueError) as failed:
        space["ask"]()
    assert "xoxb-found" in _ours(failed.value)
    cause = ValueError("xoxb-found-too")
    outer = ValueError("no")
    outer.__cause__ = cause
    assert "xoxb-found-too" in _ours(outer)
