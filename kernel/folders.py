"""Folders of ours: who may enter them, and which process holds them."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from kernel.errors import BadSetting


class FolderUnusable(BadSetting):
    """A folder that we need is not there to be had, or not ours."""

    code: ClassVar[str] = "folder-unusable"
    message: ClassVar[str] = "The folder {folder} cannot be used: {why}. Set {name} to another place."


def make_folder(path: Path, setting: str, *, mode: int = 0o700, uid: int | None = None, gid: int = -1) -> None:
    """Make `path` with `mode`, or see that it is ours and give it that mode; folders above are made, never changed.

    Args:
        path: The folder.
        setting: What the message tells the reader to change.
        mode: Its permissions, whatever the umask.
        uid: Who must own it, if not whoever runs this process; asks for root.
        gid: Its group then.

    Raises:
        FolderUnusable: It cannot be made, or it is a link, no folder, or another account's: in a place like /tmp
            somebody may have put it there to listen.
    """
    owner = os.geteuid() if uid is None else uid
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode):
                raise FolderUnusable(name=setting, folder=path, why="something else has that name") from None
            if found.st_uid not in {owner, os.geteuid()}:
                raise FolderUnusable(name=setting, folder=path, why="it belongs to another account") from None
        found = path.stat()
        if found.st_uid != owner:
            os.chown(path, owner, gid)
        if stat.S_IMODE(found.st_mode) != mode:
            path.chmod(mode)
    except OSError as error:
        raise FolderUnusable(name=setting, folder=path, why=error.strerror or str(error)) from error


def make_data_folder(data_dir: Path) -> None:
    """Make the data folder if it is not there; one that is there is left as it is.

    Nobody else may look into it; under root others may pass through, for PostgreSQL's account must reach its cluster.

    Raises:
        FolderUnusable: It cannot be made.
    """
    if not os.path.isdir(data_dir):  # noqa: PTH112 - unlike Path.is_dir it also says False where we may not look
        make_folder(data_dir, "VUNGCAO_DATA_DIR", mode=0o711 if os.geteuid() == 0 else 0o700)


class HoldFile:
    """A file that one process at a time holds; the kernel lets go when that process dies (flock(2)).

    It tells who holds it, as JSON, to whoever asks `holder`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the file."""
        return self._fd is not None

    def take(self, about: Mapping[str, Any]) -> bool:
        """Return whether the file is ours now; if so it tells `about`.

        A False may come from somebody who just looks at `holder`: try again before believing it.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.write(fd, json.dumps(about).encode())
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return True

    def let_go(self) -> None:
        """Give the file up; nothing happens if it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def holder(self) -> dict[str, Any] | None:
        """Return what the holder says about itself: empty while it is still writing.

        None if nobody holds the file, or it is not for us to see.
        """
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except (FileNotFoundError, PermissionError):
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                said = json.loads(self._path.read_bytes())
            except ValueError:
                return {}
            return said if isinstance(said, dict) else {}
        finally:
            os.close(fd)
        return None
