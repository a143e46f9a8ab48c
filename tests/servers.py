"""Servers of our own for tests: Redis and PostgreSQL on 127.0.0.1, begun empty and ended whatever happens.

Rule of this file: nothing but the standard library, for noxfile.py reads it too. A server is ended by the ID of the
process that was started here.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["POSTGRES_IS_MISSING", "REDIS_IS_MISSING", "Postgres", "Redis"]

POSTGRES_IS_MISSING = "there is no PostgreSQL: apt-get install postgresql, or put initdb and postgres on PATH"
REDIS_IS_MISSING = "there is no Redis: apt-get install redis-server, or put redis-server on PATH"


def _free_port() -> int:
    """Return a port that nobody listens on and that no client is given while the server is stopped."""
    while True:
        # Below those that Linux gives to clients, of which one that tries to reach it might be given just this.
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class _Server:
    """A server in a folder of its own.

    Attributes:
        folder: Where its data are.
        port: Its port, the same after each start.
    """

    # What the log says when it may be connected to.
    _READY: bytes
    _AT_ONCE = signal.SIGKILL

    def __init__(self) -> None:
        # Not below a folder that only root may enter.
        self._temporary = tempfile.TemporaryDirectory(prefix="server-", dir="/tmp")
        self.folder = Path(self._temporary.name)
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._temporary.cleanup()

    def _command(self) -> list[str | Path]:
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and return when it may be connected to."""
        log = self.folder / "log"
        with log.open("wb") as told:
            self._process = subprocess.Popen(self._command(), cwd=self.folder, stdout=told, stderr=told)
        for _ in range(600):
            if self._READY in log.read_bytes():
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        text = log.read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{type(self).__name__} did not start:\n{text}")

    def stop(self) -> None:
        """End it at once, in the middle of whatever it does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(self._AT_ONCE)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Redis(_Server):
    """A Redis that writes each change to disk."""

    _READY = b"Ready to accept connections"

    @staticmethod
    def program() -> str | None:
        """Return the path of the server, if there is one."""
        return shutil.which("redis-server")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> list[str | Path]:
        settings = {"bind": "127.0.0.1", "port": self.port, "save": "", "appendonly": "yes", "appendfsync": "always"}
        told = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        return [self.program() or "redis-server", *told]

    def forget(self) -> None:
        """Take its data away, while it is stopped."""
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        (self.folder / "appendonly.aof").unlink(missing_ok=True)


class Postgres(_Server):
    """A PostgreSQL with an empty database.

    Args:
        durable: Whether what is committed outlives a crash of it; slower.
    """

    _READY = b"ready to accept connections"
    # It ends without a checkpoint, and without waiting for anybody, as in a crash.
    _AT_ONCE = signal.SIGQUIT

    def __init__(self, *, durable: bool = False) -> None:
        super().__init__()
        self._durable = durable
        # It refuses to run as root; Debian's package has made a user for it.
        as_root = os.geteuid() == 0
        self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if as_root else []
        self._programs = self.programs() or Path("/usr/bin")

    @staticmethod
    def programs() -> Path | None:
        """Return the folder of initdb and postgres: that of PATH, or the newest of Debian's, which are not on it."""
        found = shutil.which("postgres")
        debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
        folders = ([Path(found).resolve().parent] if found else []) + debian[::-1]
        return next((folder for folder in folders if (folder / "initdb").is_file()), None)

    @property
    def dsn(self) -> str:
        """Where the database is, as libpq takes it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, with an empty database the first time."""
        if not (self.folder / "data").exists():
            if self._as_user:
                shutil.chown(self.folder, "postgres")
            initdb = [self._programs / "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]
            subprocess.run(
                [*self._as_user, *initdb, *([] if self._durable else ["--no-sync"]), self.folder / "data"],
                cwd=self.folder,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        super().start()

    def _command(self) -> list[str | Path]:
        settings = ["listen_addresses=127.0.0.1", f"port={self.port}", "unix_socket_directories="]
        if not self._durable:
            settings.append("fsync=off")
        options = [part for setting in settings for part in ("-c", setting)]
        return [*self._as_user, self._programs / "postgres", "-D", self.folder / "data", *options]
