"""Secrets at rest: a master key beside the database, never in it, and one derived key for each row and field.

What is stolen with a copy of the database alone stays closed; who has database and key folder has everything. Where
the master key comes from, `master_key.py` says; how it is replaced while everything runs, `rekey.py`.
"""

from __future__ import annotations

import hmac
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from kernel.errors import BadSetting, VungCaoError
from kernel.folders import make_folder

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D, section 8.2: 96 bits
MARK_BYTES = 8
FIRST_VERSION = b"\x01"
"""First byte of what was sealed before keys could be told from each other: nonce and cipher text follow at once."""

VERSION = b"\x02"
"""First byte of everything sealed now, so that another cipher can be told from this one; its key's mark follows."""


class KeyUnusable(BadSetting):
    """Raised at the start: going on would make secrets that nobody opens, or that everybody does."""

    code = "key-unusable"
    message = "The key file {file} cannot be used: {why}"


class SecretUnreadable(VungCaoError):
    """What is stored and the key do not belong together, or somebody changed what is stored."""

    code = "secret-unreadable"
    message = (
        "The stored secret {secret} does not open with the master key. "
        "Bring back the key folder that belongs to this database, or set the secret again."
    )


def load_or_make_key(path: Path) -> bytes:
    """Return the 32 bytes of the key in `path`; where there is none, make a random one that only we may read.

    Raises:
        KeyUnusable: It is not a file of ours, others may read it, or it is not 32 bytes long.
        FolderUnusable: Its folder cannot be made, or belongs to somebody else.
    """
    make_folder(path.parent, "VUNGCAO_DATA_DIR")
    try:
        if not path.exists():
            write_key(path, instead=False)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise KeyUnusable(file=path, why=error.strerror or str(error)) from error
    with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor, so that what is checked is what is read
        found = os.fstat(fd)
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise KeyUnusable(file=path, why="it must be a file of the account that runs the platform")
        if mode & 0o077:
            raise KeyUnusable(file=path, why=f"others may read it (mode {mode:04o}); run chmod 600 on it")
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise KeyUnusable(file=path, why=f"it must hold exactly {KEY_BYTES} bytes")
    return key


def write_key(path: Path, *, instead: bool = True) -> None:
    """Put a random key into `path`, whole or not at all; with `instead` also where there is one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor, for its mode is right from the first moment
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(fd)
        if instead:
            fresh.rename(path)
        else:
            try:
                path.hardlink_to(fresh)  # of several processes that start at once, one wins and all read the same key
            except FileExistsError:
                return
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Return when the names in the folder are on disk: nothing may be sealed with a key that a power cut takes away."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class MasterKeys(Protocol):
    """What a vault asks for its keys."""

    def current(self) -> bytes:
        """Return the key that is sealed with."""
        ...

    def known(self) -> Sequence[bytes]:
        """Return the keys that may have been sealed with, the current one first."""
        ...


class FixedKeys:
    """Keys that stay what they are while the process lives: from the environment, or of a test."""

    def __init__(self, *keys: bytes) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            message = f"a master key has {KEY_BYTES} bytes"
            raise ValueError(message)
        self._keys = keys

    def current(self) -> bytes:
        """Return the first one."""
        return self._keys[0]

    def known(self) -> Sequence[bytes]:
        """Return all of them."""
        return self._keys


class Vault:
    """Seals and opens secrets with AES-256-GCM under keys derived from the master key by HKDF (RFC 5869).

    Place is (table, row's id, field): a sealed value that was copied to another place does not open there.
    """

    def __init__(self, keys: MasterKeys | bytes) -> None:
        self._keys = FixedKeys(keys) if isinstance(keys, bytes) else keys

    def seal(self, secret: SecretStr, *, table: str, row: str, field: str) -> bytes:
        """Return version, mark of the key, nonce and cipher text of `secret`, to be stored at its place."""
        key = self._keys.current()
        context = _context(VERSION, table, row, field)
        nonce = os.urandom(NONCE_BYTES)
        cipher_text = _cipher(key, context).encrypt(nonce, secret.get_secret_value().encode(), context)
        return VERSION + mark_of(key) + nonce + cipher_text

    def open(self, sealed: bytes, *, table: str, row: str, field: str) -> SecretStr:
        """Return the secret sealed for this place.

        Raises:
            SecretUnreadable: Another key, another place, changed bytes, or a version that we do not know.
        """
        version = sealed[:1]
        begin = 1 + (MARK_BYTES if version == VERSION else 0)
        nonce, cipher_text = sealed[begin : begin + NONCE_BYTES], sealed[begin + NONCE_BYTES :]
        if len(nonce) == NONCE_BYTES:
            context = _context(version, table, row, field)
            for key in self._keys_of(sealed):
                try:
                    return SecretStr(_cipher(key, context).decrypt(nonce, cipher_text, context).decode())
                except InvalidTag:
                    continue  # before keys had marks, any could be it
        raise SecretUnreadable(secret=f"{table}.{field}")

    def beginning(self) -> bytes:
        """Return the bytes with which all begins that is sealed now: what begins otherwise is to be sealed anew."""
        return VERSION + mark_of(self._keys.current())

    def _keys_of(self, sealed: bytes) -> Iterator[bytes]:
        version, mark = sealed[:1], sealed[1 : 1 + MARK_BYTES]
        for key in self._keys.known():
            if version == FIRST_VERSION or (version == VERSION and mark == mark_of(key)):
                yield key


def mark_of(key: bytes) -> bytes:
    """Return the bytes by which a key is told from others, and which tell nothing of it."""
    return hmac.digest(key, b"vungcao master key", "sha256")[:MARK_BYTES]


def _cipher(key: bytes, context: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=context).derive(key))


def _context(version: bytes, table: str, row: str, field: str) -> bytes:
    # Lengths make it unambiguous: ("ab", "c") is not ("a", "bc").
    parts = [part.encode() for part in ("vungcao", version.hex(), table, row, field)]
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)
