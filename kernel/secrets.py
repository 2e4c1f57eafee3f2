"""Secrets at rest: a master key in a file beside the database, never in it, and one derived key for each row and field.

What is stolen with a copy of the database alone stays closed; who has database and key folder has everything.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from kernel.errors import BadSetting, VungCaoError
from kernel.folders import make_folder

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D, section 8.2: 96 bits
VERSION = b"\x01"
"""First byte of everything sealed, so that another key or cipher can be told from this one."""


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
            _make_key(path)
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


def _make_key(path: Path) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor, for its mode is right from the first moment
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(fd)
        try:
            path.hardlink_to(fresh)  # of several processes that start at once, one wins and all read the same key
        except FileExistsError:
            return
    finally:
        fresh.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # nothing may be sealed with a key that a power cut takes away
    finally:
        os.close(folder)


class Vault:
    """Seals and opens secrets with AES-256-GCM under keys derived from the master key by HKDF (RFC 5869).

    Place is (table, row's id, field): a sealed value that was copied to another place does not open there.
    """

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != KEY_BYTES:
            message = f"a master key has {KEY_BYTES} bytes"
            raise ValueError(message)
        self._master_key = master_key

    def seal(self, secret: SecretStr, *, table: str, row: str, field: str) -> bytes:
        """Return version, nonce and cipher text of `secret`, to be stored at its place."""
        context = _context(table, row, field)
        nonce = os.urandom(NONCE_BYTES)
        return VERSION + nonce + self._cipher(context).encrypt(nonce, secret.get_secret_value().encode(), context)

    def open(self, sealed: bytes, *, table: str, row: str, field: str) -> SecretStr:
        """Return the secret sealed for this place.

        Raises:
            SecretUnreadable: Another key, another place, changed bytes, or a version that we do not know.
        """
        context = _context(table, row, field)
        version, nonce, cipher_text = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if version != VERSION or len(nonce) != NONCE_BYTES:
            raise SecretUnreadable(secret=f"{table}.{field}")
        try:
            return SecretStr(self._cipher(context).decrypt(nonce, cipher_text, context).decode())
        except InvalidTag as error:
            raise SecretUnreadable(secret=f"{table}.{field}") from error

    def _cipher(self, context: bytes) -> AESGCM:
        return AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=context).derive(self._master_key))


def _context(table: str, row: str, field: str) -> bytes:
    # Lengths make it unambiguous: ("ab", "c") is not ("a", "bc").
    parts = [part.encode() for part in ("vungcao", VERSION.hex(), table, row, field)]
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)
