"""What can be wrong with the private cluster, each with what to do about it."""

from __future__ import annotations

from typing import ClassVar

from kernel.errors import BadSetting, Conflict, DatabaseUnavailable


class ClusterMismatch(BadSetting):
    """The data folder is of another major version than the programs."""

    code: ClassVar[str] = "cluster-mismatch"
    message: ClassVar[str] = (
        "The database in {folder} was made by PostgreSQL {found}, and this release brings PostgreSQL {ours}. Dump it "
        "with the release that made it (pg_dump), set VUNGCAO_DATA_DIR to a new folder, start, and load the dump there."
    )


class ClusterBroken(BadSetting):
    """What lies where the data folder should be is none."""

    code: ClassVar[str] = "cluster-broken"
    message: ClassVar[str] = (
        "{folder} is not a PostgreSQL data folder: {why}. Restore it from a backup, or move it away to begin anew."
    )


class FolderOutOfReach(BadSetting):
    """Under root: the account that runs PostgreSQL cannot get to the data folder."""

    code: ClassVar[str] = "folder-out-of-reach"
    message: ClassVar[str] = (
        "PostgreSQL does not run as root, and the account {account} that runs it here may not enter {folder}. "
        "Set VUNGCAO_DATA_DIR to a folder that others may pass through, such as /var/lib/vungcao."
    )


class NoAccount(BadSetting):
    """There is no account that PostgreSQL would run under."""

    code: ClassVar[str] = "no-account"
    message: ClassVar[str] = "PostgreSQL cannot run here: {why}. {remedy}"


class SocketPathTooLong(BadSetting):
    """The folder for sockets is too deep for the system."""

    code: ClassVar[str] = "socket-path-too-long"
    message: ClassVar[str] = (
        "The Unix socket {path} has {length} bytes, the system allows {limit}. Set TMPDIR to a shorter folder."
    )


class ClusterBusy(Conflict):
    """Another process holds the cluster and does not let go."""

    code: ClassVar[str] = "cluster-busy"
    message: ClassVar[str] = (
        "The database in {folder} is used by another command (PID {pid}). Wait until it ends, then repeat."
    )


class ClusterFailed(DatabaseUnavailable):
    """The server, or the making of its data folder, failed; its log says why."""

    code: ClassVar[str] = "cluster-failed"
    message: ClassVar[str] = "The private database in {folder} does not start: {why} (more in {log})"
