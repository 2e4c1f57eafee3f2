"""What a wave costs beside bare ansible-runner and bare ansible-playbook, and what a flood of events does to us.

**Wave**: one real sshd on loopback plays all devices; each has an address of its own. The same playbook (two commands
by `raw`, which ask nothing of the device's Python, and a `debug` between them), the same inventory, forks and SSH
options, no soak, in turn by

- `ours`: a wave as a worker runs it, with the sandbox, the agent, redaction, and every line and count stored in
  PostgreSQL: CPU of the worker's work, its child processes and the database together (a worker's own start is not in
  it, for it serves many waves);
- `runner`: `ansible_runner.run()` in a process of its own, as it comes;
- `playbook`: `ansible-playbook`.

CPU is user and system time of all processes on the controller's side, as control groups count it; the devices' sshd is
left out. The target is a
ratio of ours to `runner` of at most 1.10.

**Events**: 100,000 pieces of news come through the pipe of a child as fast as they are taken; told are the rate, the
memory while they come, and how long a page of the log and the list of hosts take meanwhile.

    python -m bench.playbooks [--devices 50 200] [--rounds 3] [--events 100000] [--forks 5 20 50] [--save]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg

from api.migrations.upgrade import upgrade
from bench.cpu_group import CpuGroup, spent
from bench.machine import machine
from bench.playbooks_rig import HOA, Devices, addresses, load, opened, parts, write_playbook
from inventory.public import TargetWish
from kernel.clock import SystemClock
from kernel.db.transaction import Database
from playbooks.automation.advance import look_at_due
from playbooks.automation.catalog import load_catalog
from playbooks.automation.host_queries import hosts_of_run, run_lines
from playbooks.automation.outside import Outside
from playbooks.automation.play import Begun, Play
from playbooks.automation.redact import Redactor
from playbooks.automation.roll_out import RolloutRequest, roll_out
from playbooks.automation.runner.ansible import AnsibleRunner, _reader
from playbooks.automation.runner.leftovers import descendants_of
from playbooks.automation.runner.port import Ended, Host, Job
from playbooks.automation.runs import HostState
from tests.real.postgres import DebianPostgres

TASKS: Final = """\
    - name: Ask
      ansible.builtin.raw: echo one
      changed_when: true
    - name: Think
      ansible.builtin.debug: {msg: thought}
    - name: Ask again
      ansible.builtin.raw: echo two
      changed_when: true
"""
RUNNER: Final = """
import sys, ansible_runner
done = ansible_runner.run(private_data_dir=sys.argv[1], project_dir=sys.argv[2], playbook="wave.yml",
    inventory=sys.argv[3], quiet=True, suppress_env_files=True)
sys.exit(done.rc)
"""


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder),
        "ANSIBLE_CONFIG": str(folder / "playbooks/ansible.cfg"), "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip


def _measured(command: list[str], folder: Path) -> float:
    """Return the CPU seconds of a command, SSH's masters included, which are ended when it has ended."""
    with CpuGroup("rival") as group:
        subprocess.run(
            group.running(command), env=_environment(folder), cwd=folder / "playbooks", check=True, capture_output=True
        )
        for pid in (group.path / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        return group.seconds


class Wave:
    """The rivals on one set of devices."""

    def __init__(self, folder: Path, postgres: DebianPostgres, devices: int, sshd: Devices) -> None:
        self._folder = folder
        self._postgres = postgres
        self._devices = devices
        (folder / "cp").mkdir(exist_ok=True)
        (folder / "key").write_text(sshd.private_key)
        (folder / "key").chmod(0o600)
        known = "".join(
            f"[{address}]:{sshd.port_of(number)} {sshd.host_key}\n" for number, address in enumerate(addresses(devices))
        )
        (folder / "known_hosts").write_text(known)
        options = f"-F /dev/null -o UserKnownHostsFile={folder}/known_hosts -o StrictHostKeyChecking=yes"
        hosts = {
            f"h{number}": {
                "ansible_host": address, "ansible_port": sshd.port_of(number), "ansible_user": sshd.user,
                "ansible_ssh_private_key_file": str(folder / "key"), "ansible_ssh_common_args": options,
            }
            for number, address in enumerate(addresses(devices))
        }  # fmt: skip
        (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))

    def playbook(self, forks: int | None = None) -> float:
        """Return the CPU seconds of ansible-playbook."""
        more = [] if forks is None else ["--forks", str(forks)]
        program = str(Path(sys.executable).parent / "ansible-playbook")
        return _measured([program, "-i", str(self._folder / "hosts.json"), *more, "wave.yml"], self._folder)

    def runner(self) -> float:
        """Return the CPU seconds of ansible-runner."""
        with tempfile.TemporaryDirectory() as private:
            words = [private, str(self._folder / "playbooks"), str(self._folder / "hosts.json")]
            return _measured([sys.executable, "-c", RUNNER, *words], self._folder)

    def ours(self) -> float:
        """Return the CPU seconds of a wave: of the worker's work, its processes, and the database."""
        command = [sys.executable, "-m", "bench.playbooks_wave", self._postgres.url, str(self._folder / "playbooks")]
        with CpuGroup("ours") as group, CpuGroup("database") as database:
            for pid in (self._postgres.pid, *descendants_of(self._postgres.pid)):
                database.take(pid)
            done = subprocess.run(
                group.running([*command, str(group.path), str(database.path)]),
                cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True,
            )  # fmt: skip
        told = json.loads(done.stdout.splitlines()[-1])
        if told["state"] != "succeeded" or told["devices"] != self._devices:
            raise RuntimeError(done.stdout)
        print({name: round(spent, 2) for name, spent in told["parts"].items()}, flush=True)
        return float(told["cpu_s"])


async def one_wave(url: str, project: Path, group: Path, of_database: Path) -> dict[str, Any]:
    """Run a rollout of one wave in this process, and return what it took: called in a process of its own."""
    database = opened(url, "worker")
    given = parts(database, project, {})
    async with database.transaction() as tx:
        run = await roll_out(
            RolloutRequest("wave", TargetWish(units=("xa",))), HOA, tx, Outside(given.sessions),
            catalog=load_catalog(project),
        )  # fmt: skip
    begin = {"worker": time.process_time(), "all": spent(group), "database": spent(of_database)}
    await look_at_due(given)
    with psycopg.connect(url) as connection:
        (wave,) = connection.execute("SELECT id FROM playbook_wave WHERE state = 'waiting'").fetchone() or ("",)
    from playbooks.automation.execute import playbook_work  # noqa: PLC0415 - beside its only use

    await playbook_work(given)(str(wave), _Once())
    await look_at_due(given)
    worker, database_s = time.process_time() - begin["worker"], spent(of_database) - begin["database"]
    parts_s = {"worker": worker, "children": spent(group) - begin["all"] - worker, "database": database_s}
    from playbooks.automation.queries import run_for  # noqa: PLC0415

    async with database.transaction() as tx:
        ended = await run_for(HOA, run.id, tx)
    return {
        "cpu_s": sum(parts_s.values()),
        "parts": parts_s,
        "state": str(ended.state),
        "devices": ended.counts.get(HostState.DONE, 0),
    }


class _Once:
    async def run(self, name: str, step: Callable[[], Any]) -> None:  # noqa: ARG002
        await step()

    async def read(self, read: Callable[[], Any]) -> Any:  # noqa: ANN401
        return await read()


async def flood(url: str, events: int, folder: Path) -> dict[str, Any]:
    """Return how a wave that says `events` things is taken."""
    database = opened(url, "worker")
    project = folder / "playbooks"
    async with database.transaction() as tx:
        run = await roll_out(
            RolloutRequest("wave", TargetWish(units=("xa",))), HOA, tx, Outside(parts(database, project, {}).sessions),
            catalog=load_catalog(project),
        )  # fmt: skip
    await look_at_due(parts(database, project, {}))
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT id, hosts FROM playbook_wave WHERE run_id = %s", (run.id,)).fetchone()
    assert row is not None
    wave, hosts = row
    devices = tuple(Host(name, "127.1.0.1", 22, "x", "k") for name in hosts)
    job = Job(wave, "wave", check=False, variables={}, hosts=devices, keys={}, known_hosts=(), limit_s=3600)
    begun = Begun(run.id, "flood", job, Redactor(["a secret of this site", "another one"]))
    resident: list[int] = []
    asked: list[float] = []
    stop = asyncio.Event()

    async def look() -> None:
        while not stop.is_set():
            resident.append(_resident())
            start = time.perf_counter()
            async with database.transaction() as tx:
                view = await hosts_of_run(HOA, run.id, tx)
                await run_lines(HOA, run.id, tx, after=max(0, events // 2), limit=500)
            assert view.hosts
            asked.append(time.perf_counter() - start)
            await asyncio.sleep(0.2)

    looking = asyncio.create_task(look())
    begin, cpu = time.perf_counter(), time.process_time()
    await Play(database, _Flood(events, hosts), SystemClock(), begun).run()
    took, cpu = time.perf_counter() - begin, time.process_time() - cpu
    stop.set()
    await looking
    async with database.transaction() as tx:
        last = await run_lines(HOA, run.id, tx, before=10**9, limit=1)
    half = resident[len(resident) // 4]
    return {
        "events": events, "lines_stored": last[-1].number, "events_a_second": round(events / took),
        "cpu_ms_an_event": round(cpu / events * 1000, 3), "memory_mib_at_a_quarter": half // 2**20,
        "memory_mib_at_most_after": max(resident[len(resident) // 4 :]) // 2**20,
        "page_s_median": round(statistics.median(asked), 3), "page_s_worst": round(max(asked), 3), "pages": len(asked),
        "machine": machine(),
    }  # fmt: skip


class _Flood:
    """Says the same of each host in turn, through a pipe, as a child does."""

    def __init__(self, events: int, hosts: list[str]) -> None:
        self._events = events
        self._hosts = hosts

    async def run(self, job: Job, tell: Any, stop: asyncio.Event) -> Ended:  # noqa: ANN401, ARG002
        ours, theirs = os.pipe()

        def write() -> None:
            with os.fdopen(theirs, "w", encoding="utf-8") as out:
                for number in range(self._events):
                    host = self._hosts[number % len(self._hosts)]
                    news = {
                        "kind": "ok", "host": host, "task": f"Task {number // len(self._hosts) % 50}",
                        "text": f"ok: [{host}] => what a task has to say, number {number}", "differences": [],
                        "untold": False, "seconds": 0.1, "report": None,
                    }  # fmt: skip
                    out.write(json.dumps({"news": news}) + "\n")

        reader, transport = await _reader(ours)
        thread = threading.Thread(target=write)
        thread.start()
        ended = await AnsibleRunner._listen(reader, tell)  # noqa: SLF001 - what takes a child's news
        thread.join()
        transport.close()
        return ended

    async def sweep(self, wave: uuid.UUID) -> None:
        """Nothing is left."""


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def _rig(folder: Path, database: Database, devices: int, sshd: Devices) -> None:
    write_playbook(folder / "playbooks", "wave", TASKS)
    await load(database, sshd, devices, folder)
    await database.close()


def waves(devices: int, rounds: int, forks: list[int]) -> dict[str, Any]:
    """Return the CPU seconds of each rival, round by round, and their ratio."""
    with tempfile.TemporaryDirectory() as made, DebianPostgres() as postgres, Devices(devices) as sshd:
        folder = Path(made)
        asyncio.run(upgrade(postgres.url))
        asyncio.run(_rig(folder, opened(postgres.url, "bench"), devices, sshd))
        wave = Wave(folder, postgres, devices, sshd)
        rivals = {"ours": wave.ours, "runner": wave.runner, "playbook": wave.playbook}
        found: dict[str, list[float]] = {name: [] for name in rivals}
        for number in range(rounds):
            for name in sorted(rivals, key=lambda one: hash((one, number))):
                found[name].append(round(rivals[name](), 2))
                print(f"{devices} devices, round {number + 1}: {name} {found[name][-1]} CPU s", flush=True)
        by_forks = {str(each): round(wave.playbook(each), 2) for each in forks}
    ratios = [ours / runner for ours, runner in zip(found["ours"], found["runner"], strict=True)]
    return {
        "devices": devices, "machine": machine(), "cpu_s": found,
        "ratio_to_runner": round(statistics.median(ratios), 3),
        "ratios": [round(one, 3) for one in ratios], "playbook_cpu_s_by_forks": by_forks,
    }  # fmt: skip


async def floods(events: int) -> dict[str, Any]:
    """Return how a flood of events is taken."""
    with tempfile.TemporaryDirectory() as made, DebianPostgres() as postgres, Devices(20) as sshd:
        folder = Path(made)
        await upgrade(postgres.url)
        await _rig(folder, opened(postgres.url, "bench"), 20, sshd)
        return await flood(postgres.url, events, folder)


def main() -> None:
    """Run, print, and keep the result if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, nargs="*", default=[50, 200])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--forks", type=int, nargs="*", default=[])
    parser.add_argument("--save", action="store_true", help="write bench/results/playbooks.json")
    given = parser.parse_args()
    result: dict[str, Any] = {"waves": [waves(devices, given.rounds, given.forks) for devices in given.devices]}
    if given.events:
        result["events"] = asyncio.run(floods(given.events))
    print(json.dumps(result, indent=2))
    if given.save:
        _save(result, Path(__file__).with_name("results") / "playbooks.json")


def _save(result: dict[str, Any], file: Path) -> None:
    """Write the results to a file; of what was not measured this time, that of the last time stays."""
    before = json.loads(file.read_text("utf-8")) if file.exists() else {"waves": []}
    by_devices = {wave["devices"]: wave for wave in (*before["waves"], *result["waves"])}
    merged = {**before, **result, "waves": [by_devices[devices] for devices in sorted(by_devices)]}
    file.write_text(json.dumps(merged, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
