"""An app that two workspaces install: a web handler for OAuth, one executor per workspace, and tokens that rotate.

The web server is the standard library's, so that nothing else has to be installed; with another framework the two
handlers look the same. Run it: ``python docs/examples/connect_workspaces.py``. It needs no token and no network.
"""

from __future__ import annotations

import tempfile
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from slack_sdk.oauth.state_store import FileOAuthStateStore

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

DECLARE = sr.Runbook(
    "declare",
    {
        "room": sr.CreateChannel(name="inc-{{id}}", description="{{title}}"),
        "say": sr.SendMessage(channel="{{steps.room.channel}}", text="*{{title}}*"),
    },
)


class Web(BaseHTTPRequestHandler):
    """The two addresses that an installation needs: one to begin it, one to come back to."""

    installer: sr.Installer

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/slack/install":
            link = self.installer.begin()
            self.send_response(302)
            self.send_header("Location", link.url)
            self.send_header("Set-Cookie", link.cookie)
            self.end_headers()
            return
        try:
            # The cookie shows that this browser is the one that began.
            installed = self.installer.handle(query, dict(self.headers.items()))
            installed.raise_for_missing()
            status, text = 200, f"Installed in {installed.where}."
        except sr.ConnectFailed as error:
            status, text = 400, str(error)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Log nothing: the address has the code in it."""


def click_through(port: int, workspace: FakeSlack) -> str:
    """Install the app as a person with a browser does, and return what the page says at the end."""
    browser = HTTPConnection("127.0.0.1", port)
    browser.request("GET", "/slack/install")
    begun = browser.getresponse()
    begun.read()
    cookie = begun.headers["Set-Cookie"].partition(";")[0]
    back = workspace.authorize(begun.headers["Location"]).partition("?")[2]
    browser.request("GET", f"/slack/oauth_redirect?{back}", headers={"Cookie": cookie})
    page = browser.getresponse().read().decode()
    browser.close()
    return page


def main() -> None:
    acme = FakeSlack()
    beta = acme.add_workspace("Beta")
    acme.app.token_rotation = True
    with tempfile.TemporaryDirectory() as folder, acme.serve() as server:
        store = sr.PrivateFileStore(Path(folder) / "installations")
        # In earnest the Client ID and Secret come from the environment, and there is neither base_url nor clock.
        app: dict[str, Any] = {
            "client_id": acme.app.client_id,
            "client_secret": acme.app.client_secret,
            "base_url": server.url,
            "clock": acme.clock,
        }
        Web.installer = sr.Installer(
            store,
            FileOAuthStateStore(expiration_seconds=600, base_dir=f"{folder}/states"),
            needs=[DECLARE],
            redirect_uri="https://bot.example/slack/oauth_redirect",
            **app,
        )
        web = HTTPServer(("127.0.0.1", 0), Web)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        for workspace in (acme, beta):
            print(click_through(web.server_port, workspace))
        web.shutdown()
        web.server_close()

        workspaces = sr.Workspaces(store, **app)
        for day in (1, 2):
            for workspace in (acme, beta):
                with workspaces.executor(workspace.team_id) as executor:
                    context = {"id": str(day), "title": f"Day {day}"}
                    print(executor.run(DECLARE, context, run_id=f"{workspace.team_id}/{day}").state)
            acme.advance(24 * 3600)  # a token lives for twelve hours

        assert [channel.name for channel in beta.channels] == ["inc-1", "inc-2"]
        workspaces.uninstall(beta.team_id)
        try:
            workspaces.executor(beta.team_id)
        except sr.NotInstalled as error:
            print(error)


if __name__ == "__main__":
    main()
