"""The private cluster in this process: what it is made like, and what it refuses."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from kernel.db.embedded import PrivateCluster
from kernel.db.errors import ClusterBroken, ClusterMismatch, FolderOutOfReach
from kernel.processes import ProgramMissing
from tests.real.accounts import short_folder


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


@pytest.fixture
def cluster(shared_folder: Path) -> PrivateCluster:
    """The cluster of the tests that leave it whole."""
    return PrivateCluster(shared_folder / "data", shared_folder / "run")


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


@pytest.fixture
def own_cluster(folder: Path) -> PrivateCluster:
    """A cluster of this test alone, in `folder`."""
    return PrivateCluster(folder / "data", folder / "run")


async def one_row(url: str, query: bytes) -> tuple[object, ...]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row


def mode_of_sockets(url: str) -> int | None:
    """Return the permissions of the folder that `url` finds its socket in, None if it is gone."""
    folder = Path(str(conninfo_to_dict(url)["host"]))
    return stat.S_IMODE(folder.stat().st_mode) if folder.exists() else None


async def test_a_new_cluster_knows_vietnamese_letters(cluster: PrivateCluster) -> None:
    async with cluster.running() as url:
        assert await one_row(url, "SELECT lower('ĐỨC') = 'đức', upper('ừ') = 'Ừ'".encode()) == (True, True)
        assert await one_row(url, b"SELECT count(*) > 0 FROM pg_settings WHERE name = 'fsync' AND setting = 'on'") == (
            True,
        )


async def test_our_role_owns_the_database_makes_the_extensions_and_is_no_superuser(cluster: PrivateCluster) -> None:
    async with cluster.running() as url:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            for extension in (b"btree_gist", b"unaccent", b"pg_trgm", b"ltree"):
                await connection.execute(b"CREATE EXTENSION " + extension)
        who = b"SELECT rolname, rolsuper, current_database() FROM pg_roles WHERE rolname = current_user"
        assert await one_row(url, who) == ("vungcao", False, "vungcao")


async def test_nothing_listens_on_the_network_and_the_socket_is_private(cluster: PrivateCluster) -> None:
    async with cluster.running() as url:
        assert await one_row(url, b"SELECT current_setting('listen_addresses')") == ("",)
        assert mode_of_sockets(url) == 0o700
    assert mode_of_sockets(url) is None


async def test_what_was_written_is_there_at_the_next_start(cluster: PrivateCluster) -> None:
    async with cluster.running() as url, await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    assert not await cluster.is_running()
    async with cluster.running() as url:
        assert await cluster.is_running()
        assert await one_row(url, b"SELECT value FROM kept") == (7,)


async def test_the_users_own_postgresql_settings_do_not_reach_it(
    cluster: PrivateCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGPORT": "6000",
        "PGDATA": "/nowhere",
        "PGUSER": "somebody",
        "LANG": "C",
        "LC_ALL": "C",
    }.items():
        monkeypatch.setenv(name, value)
    async with cluster.running() as url:
        assert await one_row(url, "SELECT current_user, lower('ĐỨC') = 'đức'".encode()) == ("vungcao", True)


async def test_a_cluster_of_another_major_version_is_refused_with_advice(
    own_cluster: PrivateCluster, folder: Path
) -> None:
    async with own_cluster.running():
        pass
    (folder / "data" / "pg" / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(ClusterMismatch, match=r"made by PostgreSQL 14, .* brings PostgreSQL \d+.*pg_dump"):
        async with own_cluster.running():
            pass


async def test_a_data_folder_without_a_version_is_left_alone_and_named(
    own_cluster: PrivateCluster, folder: Path
) -> None:
    pgdata = folder / "data" / "pg" / "data"
    pgdata.mkdir(parents=True)
    (pgdata / "somebody's letter").touch()
    with pytest.raises(ClusterBroken, match=str(pgdata)):
        async with own_cluster.running():
            pass
    assert (pgdata / "somebody's letter").exists()


async def test_a_closed_folder_above_stops_root_with_its_name_and_its_own_user_not_at_all(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    cluster = PrivateCluster(closed / "data", folder / "run")
    if os.geteuid() == 0:
        with pytest.raises(FolderOutOfReach, match=rf"may not enter {closed}\. Set VUNGCAO_DATA_DIR"):
            async with cluster.running():
                pass
    else:
        async with cluster.running():
            assert await cluster.is_running()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


async def test_without_setpriv_its_package_is_named(
    own_cluster: PrivateCluster, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(ProgramMissing, match=r"setpriv is missing\. Install it: sudo apt install util-linux"):
        async with own_cluster.running():
            pass


@pytest.mark.parametrize("rest", ["", "not a number\n", "{our_own_pid}\n/elsewhere\n"])
async def test_a_lock_file_that_names_nobody_of_ours_does_not_stop_the_start(
    cluster: PrivateCluster, shared_folder: Path, rest: str
) -> None:
    async with cluster.running():
        pass
    lock_file = shared_folder / "data" / "pg" / "data" / "postmaster.pid"
    lock_file.write_text(rest.format(our_own_pid=os.getpid()))
    async with cluster.running():
        assert await cluster.is_running()


async def test_two_short_commands_take_turns(cluster: PrivateCluster, shared_folder: Path) -> None:
    other = PrivateCluster(shared_folder / "data", shared_folder / "run")
    turns: list[str] = []

    async def use(which: PrivateCluster, name: str) -> None:
        async with which.running() as url:
            turns.append(f"{name} in")
            await one_row(url, b"SELECT pg_sleep(0.2)")
            turns.append(f"{name} out")

    async with asyncio.TaskGroup() as group:
        group.create_task(use(cluster, "first"))
        group.create_task(use(other, "second"))
    assert turns in (
        ["first in", "first out", "second in", "second out"],
        ["second in", "second out", "first in", "first out"],
    )


async def test_starting_one_that_is_not_held_is_a_mistake_of_ours(cluster: PrivateCluster) -> None:
    with pytest.raises(RuntimeError, match="only the owner"):
        await cluster.prepare()
