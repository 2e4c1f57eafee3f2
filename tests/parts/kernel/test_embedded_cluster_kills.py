"""The private cluster when its owner, its server, or the making of it is killed; as root and as an ordinary user."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.parts.homes import all_is_ended
from tests.real.accounts import ROOT, run_as, run_as_number
from tests.real.waiting import alive, until


class ClusterUser:
    """One life of the program `cluster_process` on one data folder."""

    def __init__(self, identity: str, folder: Path, *more: str, run: str = "run") -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [
                *run_as(identity), sys.executable, "-m", "tests.parts.kernel.cluster_process",
                str(folder / "data"), str(folder / run), *more,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True,
        )  # fmt: skip

    def url(self) -> str:
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        assert said.startswith("postgresql://"), said
        return said

    def end(self) -> int:
        self.process.communicate()
        return self.process.returncode

    def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()

    def server(self) -> int | None:
        file = self.folder / "data" / "pg" / "data" / "postmaster.pid"
        return int(file.read_text().split("\n", 1)[0]) if file.exists() else None


Starter = Callable[..., ClusterUser]


@pytest.fixture
def start(identity: str, shared_home: Path, folder: Path) -> Iterator[Starter]:
    """Starts programs on a cluster; whatever happens, none of them and no server is left."""
    users: list[ClusterUser] = []

    def start_one(*more: str, run: str = "run", home: Path = shared_home) -> ClusterUser:
        users.append(ClusterUser(identity, home, *more, run=run))
        return users[-1]

    yield start_one
    for user in users:
        user.kill()
    all_is_ended(shared_home, folder)


def write_seven(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 7 AS value")


def read_seven(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT value FROM kept").fetchone() == (7,)


def test_the_server_ends_with_its_killed_owner_and_the_data_is_there_again(start: Starter) -> None:
    first = start()
    write_seven(first.url())
    server = first.server()
    assert server is not None
    first.kill()
    second = start()  # at once: the server may still be on its way out
    assert read_seven(second.url())
    assert not alive(server)
    assert second.end() == 0


def test_owner_and_server_killed_together_leave_nothing_that_stops_the_next_start(start: Starter) -> None:
    first = start()
    write_seven(first.url())
    server = first.server()
    assert server is not None
    os.kill(server, signal.SIGKILL)
    first.kill()
    second = start()
    assert read_seven(second.url())
    assert second.end() == 0


def test_a_server_that_lost_its_owner_is_told_to_go(start: Starter) -> None:
    first = start()
    write_seven(first.url())
    server = first.server()
    assert server is not None
    command = Path(f"/proc/{server}/cmdline").read_text().rstrip("\0").split("\0")
    account = Path(f"/proc/{server}").stat()
    first.kill()
    until(lambda: not alive(server), "the end of the server")
    theirs = run_as_number(account.st_uid, account.st_gid) if os.geteuid() == 0 else []
    with subprocess.Popen([*theirs, *command], cwd="/") as stray:
        until(lambda: first.server() == stray.pid, "the stray server")
        second = start()
        assert read_seven(second.url())
        assert stray.wait() == 0
    assert second.end() == 0


def test_a_cluster_whose_making_was_killed_is_made_again(start: Starter, folder: Path) -> None:
    first = start(home=folder)
    unfinished = folder / "data" / "pg" / "data.new"
    until(lambda: (unfinished / "base").exists() or None, "initdb at work")
    first.kill()
    assert not (folder / "data" / "pg" / "data").exists()
    second = start(home=folder)
    assert second.url()
    assert not unfinished.exists()
    assert second.end() == 0


def test_a_short_command_uses_the_server_that_lasts_and_leaves_it_running(start: Starter) -> None:
    lasting = start("lasting")
    url = lasting.url()
    write_seven(url)
    guest = start(run="another-run")  # its environment gives it another place for sockets
    assert guest.url() == url
    assert guest.end() == 0
    assert read_seven(url)
    assert lasting.end() == 0


def test_a_socket_path_that_the_system_cannot_take_is_named(start: Starter, identity: str) -> None:
    user = start(run="long" * 30)
    assert user.process.stdout is not None
    said = user.process.stdout.readline()
    if identity == "us" and os.geteuid() == 0:
        assert said.startswith("postgresql://")  # root's sockets lie elsewhere
    else:
        assert said.startswith("socket-path-too-long: The Unix socket")
    user.end()
