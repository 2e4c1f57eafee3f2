"""The master key is replaced while others seal and open; what was interrupted goes on; no key is lost on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.credential_kinds import SnmpV2c
from inventory.credentials import credential_for_use, list_credentials, reseal_credentials, set_credential
from kernel.actors import system
from kernel.db.transaction import Database, Transaction
from kernel.errors import BadSetting
from kernel.master_key import FileKeys, begin_new_key, forget_old_key, key_of, older
from kernel.rekey import Rekeyed, RekeyRuns, rekey
from kernel.secrets import Vault, load_or_make_key

TEST = system("test")
KINDS = {"credentials": reseal_credentials}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "master.key"


async def replaced(database: Database, path: Path) -> Rekeyed:
    return await rekey(
        TEST, database, Vault(FileKeys(path)), KINDS,
        begin=lambda: begin_new_key(path), finish=lambda: forget_old_key(path),
    )  # fmt: skip


async def put(database: Database, vault: Vault, name: str, community: str) -> None:
    async with database.transaction() as tx:
        await set_credential(TEST, tx, vault, name, SnmpV2c(SecretStr(community)))


async def opened(database: Database, vault: Vault) -> dict[str, str]:
    async with database.transaction() as tx:
        found = {}
        for view in await list_credentials(TEST, tx):
            credential = await credential_for_use(TEST, tx, vault, view.name)
            assert isinstance(credential, SnmpV2c)
            found[view.name] = credential.community.get_secret_value()
        return found


async def test_others_seal_and_open_meanwhile(database: Database, path: Path) -> None:
    long_running = Vault(FileKeys(path))  # of a process that started before
    first = load_or_make_key(path)
    for number in range(20):
        await put(database, long_running, f"c{number}", f"kín {number}")
    over = asyncio.Event()

    async def work(vault: Vault, name: str) -> int:
        turns = 0
        while not over.is_set() or turns < 3:
            await put(database, vault, name, f"kín {name}")
            assert len(await opened(database, vault)) >= 20
            turns += 1
        return turns

    async with asyncio.TaskGroup() as tasks:
        for number in range(2):
            tasks.create_task(work(Vault(FileKeys(path)), f"moi-{number}"))
        done = await replaced(database, path)
        over.set()
    assert done.rows["credentials"] >= 20
    assert not done.resumed
    assert not older(path).exists()
    assert load_or_make_key(path) != first
    fresh = Vault(load_or_make_key(path))  # knows the new key only
    assert (await opened(database, fresh)) == (await opened(database, long_running))
    assert len(await opened(database, fresh)) == 22


async def test_what_was_interrupted_goes_on(database: Database, path: Path) -> None:
    vault = Vault(FileKeys(path))
    for number in range(3):
        await put(database, vault, f"c{number}", f"kín {number}")

    async def dies(tx: Transaction, vault: Vault, limit: int) -> int:
        if await reseal_credentials(tx, vault, 1):
            await tx.session.commit()
            raise RuntimeError("killed")
        return 0

    with pytest.raises(RuntimeError):
        await rekey(
            TEST, database, vault, {"credentials": dies},
            begin=lambda: begin_new_key(path), finish=lambda: forget_old_key(path),
        )  # fmt: skip
    assert older(path).exists()
    half_way = load_or_make_key(path)
    assert await opened(database, Vault(FileKeys(path))) == {f"c{number}": f"kín {number}" for number in range(3)}
    done = await replaced(database, path)
    assert (done.resumed, load_or_make_key(path)) == (True, half_way), "no third key is made"
    assert len(await opened(database, Vault(half_way))) == 3


def test_killed_between_the_two_files_no_key_is_lost(path: Path) -> None:
    first = load_or_make_key(path)
    older(path).hardlink_to(path)  # as far as a killed one came
    assert begin_new_key(path)
    assert load_or_make_key(older(path)) == first
    assert load_or_make_key(path) != first


async def test_two_at_once_make_one_key(database: Database, path: Path) -> None:
    await put(database, Vault(FileKeys(path)), "c", "kín")
    inside, on = asyncio.Event(), asyncio.Event()

    async def slow(tx: Transaction, vault: Vault, limit: int) -> int:
        inside.set()
        await on.wait()
        return await reseal_credentials(tx, vault, limit)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            rekey(
                TEST, database, Vault(FileKeys(path)), {"credentials": slow},
                begin=lambda: begin_new_key(path), finish=lambda: forget_old_key(path),
            )
        )  # fmt: skip
        await inside.wait()
        with pytest.raises(RekeyRuns):
            await replaced(database, path)
        on.set()
    assert await opened(database, Vault(FileKeys(path))) == {"c": "kín"}


@pytest.mark.parametrize("text", ["", "short", "é", "A" * 43, "A" * 44 + "!"])
def test_a_key_of_the_environment_that_is_none_is_told_without_repeating_it(text: str) -> None:
    with pytest.raises(BadSetting, match="VUNGCAO_MASTER_KEY") as raised:
        key_of(SecretStr(text), "VUNGCAO_MASTER_KEY")
    assert not text or text not in str(raised.value)
