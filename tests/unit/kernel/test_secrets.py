from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from kernel.secrets import KEY_BYTES, VERSION, KeyUnusable, SecretUnreadable, Vault, load_or_make_key

KEY = bytes(range(32))
HUSH = SecretStr("mật khẩu hush-hush")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "master.key"


def sealed(vault: Vault, secret: SecretStr = HUSH) -> bytes:
    return vault.seal(secret, table="credential", row="1", field="community")


def test_a_sealed_secret_opens_at_its_place() -> None:
    vault = Vault(KEY)
    assert vault.open(sealed(vault), table="credential", row="1", field="community") == HUSH


@pytest.mark.parametrize(
    ("table", "row", "field"),
    [
        ("other", "1", "community"),
        ("credential", "2", "community"),
        ("credential", "1", "auth_key"),
        ("credential1", "", "community"),
    ],
)
def test_a_sealed_secret_does_not_open_at_another_place(table: str, row: str, field: str) -> None:
    vault = Vault(KEY)
    with pytest.raises(SecretUnreadable):
        vault.open(sealed(vault), table=table, row=row, field=field)


def test_another_key_opens_nothing_and_says_what_to_do() -> None:
    with pytest.raises(SecretUnreadable, match=r"credential\.community does not open.*key folder"):
        Vault(os.urandom(32)).open(sealed(Vault(KEY)), table="credential", row="1", field="community")


@pytest.mark.parametrize("position", [0, 1, 12, 13, -1])
def test_a_changed_byte_is_found(position: int) -> None:
    vault = Vault(KEY)
    changed = bytearray(sealed(vault))
    changed[position] ^= 1
    with pytest.raises(SecretUnreadable):
        vault.open(bytes(changed), table="credential", row="1", field="community")


@pytest.mark.parametrize("cut", [0, 1, 5, 13, 20])
def test_a_cut_secret_is_found(cut: int) -> None:
    vault = Vault(KEY)
    with pytest.raises(SecretUnreadable):
        vault.open(sealed(vault)[:cut], table="credential", row="1", field="community")


def test_the_same_secret_looks_different_each_time_and_carries_the_version() -> None:
    vault = Vault(KEY)
    first, second = sealed(vault), sealed(vault)
    assert first != second
    assert first[:1] == second[:1] == VERSION
    assert HUSH.get_secret_value().encode() not in first


def test_a_key_is_made_once_random_and_private(path: Path) -> None:
    key = load_or_make_key(path)
    assert len(key) == KEY_BYTES
    assert load_or_make_key(path) == key
    assert load_or_make_key(path.with_name("audit.key")) != key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(found.name for found in path.parent.iterdir()) == ["audit.key", "master.key"]


def test_processes_that_start_at_once_get_the_same_key(path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(load_or_make_key, [path] * 32))) == 1
    assert [found.name for found in path.parent.iterdir()] == ["master.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_key_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    load_or_make_key(path)
    path.chmod(mode)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        load_or_make_key(path)


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_key_of_another_length_is_refused(path: Path, content: bytes) -> None:
    load_or_make_key(path)
    path.write_bytes(content)
    with pytest.raises(KeyUnusable, match="exactly 32 bytes"):
        load_or_make_key(path)


def test_a_link_in_place_of_the_key_is_refused(path: Path, tmp_path: Path) -> None:
    load_or_make_key(tmp_path / "elsewhere" / "other.key")
    path.parent.mkdir(mode=0o700)
    path.symlink_to(tmp_path / "elsewhere" / "other.key")
    with pytest.raises(KeyUnusable):
        load_or_make_key(path)
