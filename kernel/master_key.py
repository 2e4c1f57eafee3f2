"""Where the master key comes from: a file beside the database, or the environment; and the one before it.

While everything is sealed anew (`rekey.py`) two keys are known: what is sealed takes the new one, what is opened may
still need the old one. With files, a running process sees a new key by itself, at the next secret that it touches.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from kernel.errors import BadSetting
from kernel.secrets import KEY_BYTES, load_or_make_key, sync_folder, write_key

OLDER: Final = ".old"
"""What the name of the key before has at its end; the file is there only while everything is sealed anew."""


class FileKeys:
    """The key in the file `path`, made if there is none, and the one before it while that is still there.

    Raises:
        KeyUnusable: See `kernel.secrets.load_or_make_key`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: list[bytes] = []
        self._stamp: object = None
        self._look()

    def current(self) -> bytes:
        """Return the key that the file holds now."""
        self._look()
        return self._seen[0]

    def known(self) -> Sequence[bytes]:
        """Return every key that was seen: a row that was read before it was sealed anew must still open after it."""
        self._look()
        return self._seen

    def _look(self) -> None:
        stamp = tuple(_stamp(path) for path in (self._path, older(self._path)))
        if stamp == self._stamp or (self._seen and stamp[0] is None):  # a folder that is away: go on with what we have
            return
        found = [load_or_make_key(self._path)]
        if stamp[1] is not None:
            found.append(load_or_make_key(older(self._path)))
        self._seen = [*dict.fromkeys([*found, *self._seen])]
        self._stamp = stamp


def older(path: Path) -> Path:
    """Return where the key before the one in `path` is while everything is sealed anew."""
    return path.with_name(path.name + OLDER)


def begin_new_key(path: Path) -> bool:
    """Put a fresh key into `path`, and what was there beside it; True if that was begun before and goes on.

    Killed at any point, the next call goes on: at no moment is a key lost that something was sealed with.
    """
    current = load_or_make_key(path)
    resumed = older(path).exists()
    if not resumed:
        older(path).hardlink_to(path)
        sync_folder(path.parent)
    if load_or_make_key(older(path)) == current:
        write_key(path)
        sync_folder(path.parent)
    return resumed


def forget_old_key(path: Path) -> None:
    """Remove the key before: nothing is sealed with it any more."""
    older(path).unlink(missing_ok=True)
    sync_folder(path.parent)


def key_of(text: SecretStr, name: str) -> bytes:
    """Return the key that stands in the setting `name`, as base64; BadSetting if it is none."""
    try:
        key = base64.b64decode(text.get_secret_value().strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise BadSetting(name=name, why=f"it must be {KEY_BYTES} random bytes as base64: openssl rand -base64 32")
    return key


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - once for each secret that is opened
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
