"""Debian's real PostgreSQL for tests: a throw-away server of whichever version is installed, on a Unix socket only.

It runs as root (then under an account without rights, as PostgreSQL demands) and as an ordinary user alike, and is gone
when the context ends or the tests die. `stop()` and `start()` in between are the outage of a real database.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg

if TYPE_CHECKING:
    from types import TracebackType

START_TIMEOUT_S = 60.0
PLAIN_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "max_wal_size": "256MB",
    "timezone": "UTC",
}


DISK = Path("/tmp")  # noqa: S108 - a folder of its own is made in it, with a short name
MEMORY = Path("/dev/shm")  # noqa: S108 - likewise
"""Where a database of a thousand files is made in a quarter of the time."""

ENOUGH_BYTES = 2 << 30


class PostgresMissing(RuntimeError):
    """No PostgreSQL is installed; the message is the line that installs it."""


def newest_binaries() -> Path:
    """Return the folder of the newest PostgreSQL that Debian installed; PostgresMissing if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        message = "PostgreSQL is missing: apt-get install postgresql"
        raise PostgresMissing(message)
    return found[-1].parent


def folder_in_memory() -> Path:
    """Return where a server's files go if they may lie in memory: there, if there is room."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH_BYTES
    return MEMORY if roomy else DISK


class DebianPostgres:
    """One running server. Use it as a context manager, from a thread that outlives it.

    Args:
        parent: Where its folder goes. The name of a socket must be short.

    Attributes:
        url: Of the database `vungcao`, as the role `vungcao`, which owns it and may make more, but is no superuser.
        superuser_url: The same database as `postgres`.
        folder: Its data, socket and log.
    """

    def __init__(self, parent: Path = DISK) -> None:
        self._binaries = newest_binaries()
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="vc-pg-", dir=parent))
        self.url = self.url_of("vungcao")
        self.superuser_url = self.url_of("vungcao", "postgres")

    def url_of(self, database: str, role: str = "vungcao") -> str:
        """Return the address of `database` for `role`."""
        return f"postgresql://{role}@/{database}?host={self.folder}&port=5432"

    @property
    def pid(self) -> int:
        """Return the process id of the server; RuntimeError when it is stopped."""
        if self._process is None:
            message = "PostgreSQL is not running"
            raise RuntimeError(message)
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            if self._account is not None:
                os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
            initdb = [
                self._binaries / "initdb", "-D", self.folder / "data", "--username=postgres", "--auth=trust",
                "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8",
            ]  # fmt: skip
            subprocess.run(
                self._as_account([str(word) for word in initdb]),
                check=True, capture_output=True, cwd="/", env=PLAIN_ENVIRONMENT,
            )  # fmt: skip
            self.start()
            with psycopg.connect(self.url_of("postgres", "postgres"), autocommit=True) as connection:
                connection.execute("CREATE ROLE vungcao LOGIN CREATEDB")
                connection.execute("CREATE DATABASE vungcao OWNER vungcao")
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()

    def start(self) -> None:
        """Start the server and return when it takes connections; RuntimeError with its log if it does not."""
        settings = {**SETTINGS, "unix_socket_directories": str(self.folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._as_account([str(self._binaries / "postgres"), "-D", str(self.folder / "data"), *options]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=PLAIN_ENVIRONMENT,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                psycopg.connect(self.url_of("postgres", "postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise RuntimeError((self.folder / "log").read_text())

    def stop(self, by: signal.Signals = signal.SIGINT) -> None:
        """End the server: in order, or with SIGKILL as in a crash. Nothing happens if it is stopped."""
        if self._process is None:
            return
        self._process.send_signal(by)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def new_database(self, name: str, template: str = "template1") -> str:
        """Return the address of a new database `name`: empty, or a copy of `template`, to which nobody is connected."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return self.url_of(name)

    def _as_account(self, command: list[str]) -> list[str]:
        wrapped = ["setpriv", "--pdeathsig", "INT"]
        if self._account is not None:
            wrapped += ["--reuid", str(self._account.pw_uid), "--regid", str(self._account.pw_gid), "--clear-groups"]
        return [*wrapped, "--", *command]

    def drop(self, name: str) -> None:
        """Drop the database `name`, whoever is connected to it."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())

    def _clean_up(self) -> None:
        self.stop(signal.SIGQUIT)  # at once: what it would write first is thrown away
        shutil.rmtree(self.folder)
