"""The supervisor with real processes: its order, its persistence, and that nothing outlives it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.serve_state import read_state
from kernel import settings
from kernel.db.embedded import PrivateCluster
from tests.parts.api.conftest import Serve, Served
from tests.real.accounts import run_as
from tests.real.postgres import DebianPostgres
from tests.real.waiting import alive, processes_naming, until

PATIENT = "import sys, time; time.sleep(3600)"
POLITE = """
import signal, sys, time
def leave(*_):
    with open(sys.argv[1], "a") as file:
        file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
open(sys.argv[1] + "." + sys.argv[2], "w").close()
time.sleep(3600)
"""
DEAF = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").close()
time.sleep(3600)
"""
PARENT = """
import subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)", sys.argv[1] + "/grandchild"])
time.sleep(3600)
"""
REPORTER = """
import os, sys, time
with open(sys.argv[1], "w") as file:
    file.write("\\n".join([sys.stdin.readline().strip(), os.environ["VUNGCAO_DATABASE_URL"],
                          os.environ["VUNGCAO_DATA_DIR"], os.environ["EXTRA"]]))
os.rename(sys.argv[1], sys.argv[1] + ".done")
time.sleep(3600)
"""


def child(name: str, program: str, *arguments: object, **more: Any) -> dict[str, Any]:
    return {"name": name, "command": [sys.executable, "-c", program, *(str(word) for word in arguments)], **more}


def three(folder: Path) -> list[dict[str, Any]]:
    """Plans of three children that name `folder` on their command lines."""
    return [child(name, PATIENT, folder) for name in ("web", "engine", "worker")]


def sevens(served: Served) -> int:
    """Return how often the migration has left its mark in the database."""

    async def ask() -> int:
        cluster = PrivateCluster(served.settings.data_dir, served.settings.run_dir)
        async with cluster.running() as url, await psycopg.AsyncConnection.connect(url) as connection:
            row = await (await connection.execute("SELECT count(*) FROM kept WHERE value = 7")).fetchone()
        assert row is not None
        return int(row[0])

    return asyncio.run(ask())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_the_children_in_reverse_order_and_the_database_last(
    serve: Serve, folder: Path, number: signal.Signals
) -> None:
    said = folder / "said"
    names = ["web", "engine", "worker"]
    served = serve(*(child(name, POLITE, said, name, ready_file=f"{said}.{name}") for name in names))
    state = served.settled()
    assert [each.name for each in state.children] == ["postgres", *names]
    served.signal(number)
    assert served.end() == 0
    assert said.read_text().split() == [*reversed(names)]
    assert not any(alive(each.pid) for each in state.children if each.pid)
    log = (served.settings.data_dir / "logs" / "postgres.log").read_text()
    assert "database system is shut down" in log.splitlines()[-1]
    assert read_state(served.settings) is None
    assert not processes_naming(str(served.settings.data_dir))


def test_a_child_that_does_not_listen_is_killed_after_its_grace(serve: Serve, folder: Path) -> None:
    served = serve(child("deaf", DEAF, folder / "listening", ready_file=str(folder / "listening")))
    pid = next(each.pid for each in served.settled().children if each.name == "deaf")
    served.signal(signal.SIGTERM)
    assert served.end() == 0
    assert pid is not None
    assert not alive(pid)


def test_nothing_outlives_a_killed_supervisor_and_the_next_one_starts_cleanly(serve: Serve, folder: Path) -> None:
    first = serve(*three(folder))
    pids = [each.pid for each in first.settled().children]
    before = sevens(first)
    first.signal(signal.SIGKILL)
    first.process.wait()
    assert read_state(first.settings) is None
    until(lambda: not any(alive(pid) for pid in pids if pid), "the end of the orphans")
    second = serve(*three(folder))
    second.settled()
    assert sevens(second) == before + 1
    second.signal(signal.SIGTERM)
    assert second.end() == 0


def test_a_child_that_escaped_its_supervisors_death_is_ended_by_the_next_one(
    serve: Serve, folder: Path, identity: str
) -> None:
    first = serve(*three(folder))
    first.settled()
    first.signal(signal.SIGKILL)
    first.process.wait()
    # Such a child cannot be had at will: one is put in the place of the web process that really ended.
    state_file = Path(json.loads((first.settings.data_dir / "serve.lock").read_bytes())["state_file"])
    web = three(folder)[0]["command"]
    with subprocess.Popen([*run_as(identity), *web], start_new_session=True) as stray:
        until(lambda: stray.pid in processes_naming(web[-1]), "the stray child")
        told = json.loads(state_file.read_bytes())
        next(each for each in told["children"] if each["name"] == "web")["pid"] = stray.pid
        state_file.write_text(json.dumps(told))
        serve(*three(folder)).settled()
        assert stray.wait() == -signal.SIGKILL


def test_after_everything_was_killed_at_once_it_comes_back_whole(serve: Serve, folder: Path) -> None:
    first = serve(*three(folder))
    first.settled()
    before = sevens(first)
    for pid in {*processes_naming(str(folder)), *processes_naming(str(first.settings.data_dir))}:
        with contextlib.suppress(ProcessLookupError):  # children end with their parent by themselves
            os.kill(pid, signal.SIGKILL)
    first.process.wait()
    second = serve(*three(folder))
    second.settled()
    assert sevens(second) == before + 1


@pytest.mark.parametrize("name", ["web", "engine", "worker", "postgres"])
def test_a_killed_child_comes_back_and_the_others_go_on(serve: Serve, folder: Path, name: str) -> None:
    served = serve(*three(folder))
    before = {each.name: each.pid for each in served.settled().children}
    pid, rows = before[name], sevens(served)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    back = served.back(name, after=pid)
    assert (back.restarts, back.last_exit) == (1, "killed by SIGKILL")
    after = {each.name: each.pid for each in served.settled().children}
    assert {**after, name: None} == {**before, name: None}
    assert sevens(served) == rows
    assert "child_died" in served.log()


def test_a_child_that_keeps_failing_is_given_more_and_more_time_and_the_others_none_less(
    serve: Serve, folder: Path
) -> None:
    served = serve(child("broken", "raise SystemExit(3)", folder), *three(folder))
    before = {each.name: each.pid for each in served.settled(but="broken").children if each.name != "broken"}

    def waits() -> list[float]:
        lines = [line for line in served.log().splitlines() if "child_died" in line and "child=broken" in line]
        return [float(line.partition("wait_s=")[2].split()[0]) for line in lines]

    until(lambda: len(waits()) >= 4, "four deaths")
    assert waits()[:4] == [0.0, 1.0, 2.0, 4.0]
    broken = served.child("broken")
    assert broken.last_exit == "exit code 3"
    assert broken.restarts >= 3
    assert {each.name: each.pid for each in served.settled(but="broken").children if each.name != "broken"} == before


def test_a_command_that_does_not_exist_backs_off_and_is_named(serve: Serve, folder: Path) -> None:
    served = serve({"name": "nowhere", "command": [str(folder / "no-such-program")]}, *three(folder))
    served.settled(but="nowhere")
    until(lambda: served.child("nowhere").last_exit, "its first end")
    assert "no-such-program" in served.log()


def test_what_a_killed_child_left_behind_is_killed_before_it_starts_again(serve: Serve, folder: Path) -> None:
    served = serve(child("parent", PARENT, folder))
    served.settled()
    mark = str(folder / "grandchild")
    grandchild = until(lambda: next(iter(processes_naming(mark)), None), "the grandchild")
    pid = served.child("parent").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    served.back("parent", after=pid)
    until(lambda: not alive(grandchild), "the end of the grandchild")
    served.signal(signal.SIGTERM)
    assert served.end() == 0


def test_a_second_serve_on_the_same_folder_is_refused_and_names_the_first(serve: Serve, folder: Path) -> None:
    first = serve(*three(folder))
    first.settled()
    second = serve(*three(folder))
    assert second.end() == 1
    refusal = f"already-served: vungcao serve already runs on {first.settings.data_dir}, as PID {first.process.pid}"
    assert refusal in second.log()
    assert sevens(first) > 0


def test_a_failed_migration_stops_all_with_its_reason(serve: Serve, folder: Path) -> None:
    served = serve(*three(folder), migration="fails")
    assert served.end() == 1
    assert "database-unavailable: The database does not answer: the test wants it so" in served.log()
    assert "child=web" not in served.log()
    assert not processes_naming(str(served.settings.data_dir))


def test_a_signal_in_the_middle_of_the_migration_stops_all(serve: Serve, folder: Path) -> None:
    served = serve(*three(folder), migration="hangs")
    until(lambda: "the migration hangs" in served.log(), "the migration at work")
    served.signal(signal.SIGTERM)
    assert served.end() == 0
    assert not processes_naming(str(served.settings.data_dir))


def test_a_child_gets_its_first_line_the_database_and_the_data_folder(serve: Serve, folder: Path) -> None:
    report = folder / "report"
    served = serve(child("reporter", REPORTER, report, first_line="Bắc Bình", environment={"EXTRA": "more"}))
    served.settled()
    done = folder / "report.done"
    until(done.exists, "the report")
    line, url, data_dir, extra = done.read_text().split("\n")
    assert (line, data_dir, extra) == ("Bắc Bình", str(served.settings.data_dir), "more")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == (7,)


def test_a_child_is_starting_until_it_says_that_it_is_ready(serve: Serve, folder: Path) -> None:
    served = serve(child("slow", PATIENT, folder, ready_file=str(folder / "go")), *three(folder))
    served.settled(but="slow")
    assert served.child("slow").state == "starting"
    assert served.child("web").state == "running"
    (folder / "go").touch()
    served.settled()
    assert served.child("slow").state == "ready"


def test_with_a_server_of_ones_own_no_cluster_is_made(serve: Serve, folder: Path) -> None:
    with DebianPostgres() as server:
        served = serve(*three(folder), home=folder, VUNGCAO_DATABASE_URL=server.url)
        state = served.settled()
        assert [each.name for each in state.children] == ["web", "engine", "worker"]
        assert not (folder / "data" / "pg").exists()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT value FROM kept").fetchone() == (7,)
        served.signal(signal.SIGTERM)
        assert served.end() == 0


def test_the_folders_are_closed_to_others(serve: Serve, folder: Path) -> None:
    served = serve(*three(folder))
    served.settled()
    data = served.settings.data_dir
    for name in ("keys", "history", "logs"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o700
    assert stat.S_IMODE(data.stat().st_mode) & 0o077 in {0, 0o011}
    assert stat.S_IMODE((data / "pg" / "data").stat().st_mode) == 0o700


def test_nobody_serves_where_nothing_was_started(folder: Path) -> None:
    assert read_state(settings.load(data_dir=folder / "data")) is None
