"""Runs that end before their time: cancelled, too slow, or left by a worker that died. Nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from playbooks.automation.errors import RunOver
from playbooks.automation.runner.leftovers import children_of
from playbooks.automation.runs import RunState, Why
from playbooks.public import cancel
from tests.parts.kernel.running import running
from tests.parts.playbooks.office import DUC, HOA, Site
from tests.parts.playbooks.waiting import eventually, folders_of, of_run, over, sleeping
from tests.real.accounts import ROOT

pytestmark = pytest.mark.timeout(600)

Spawn = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def spawn(url: str, tmp_path: Path, site: Site) -> Iterator[Spawn]:
    """Return a function that starts a worker process; all of them are gone afterwards."""
    with ExitStack() as stack:

        def start() -> subprocess.Popen[bytes]:
            log = stack.enter_context((tmp_path / "worker.log").open("ab"))
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.parts.playbooks.worker_process", url, str(tmp_path / "playbooks"),
                 str(site.sshd.root)],
                cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


async def test_a_cancelled_run_leaves_no_process_and_no_file(url: str, site: Site) -> None:
    run = await site.launch("slow")
    async with running(url, site.works):
        await sleeping(site, run.id)
        (folder,) = folders_of(run.id)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert keys_in(folder, site.sshd.private_key) == []
        assert said_by_processes(site.sshd.private_key.splitlines()[1]) == []
        async with site.database.transaction() as tx:
            await cancel(DUC, run.id, tx)
        ended = await over(site, run.id)
    assert (ended.state, ended.cancelled_by) == (RunState.CANCELLED, "duc"), await site.lines(run.id)
    assert (of_run(run.id), folders_of(run.id)) == ([], [])
    with pytest.raises(RunOver):
        async with site.database.transaction() as tx:
            await cancel(HOA, run.id, tx)


async def test_a_run_that_takes_too_long_is_ended_and_leaves_nothing(url: str, site: Site) -> None:
    run = await site.launch("too-slow")
    async with running(url, site.works):
        ended = await over(site, run.id)
    assert ended.state is RunState.TIMED_OUT, await site.lines(run.id)
    assert (of_run(run.id), folders_of(run.id)) == ([], [])


async def test_a_child_that_is_killed_leaves_nothing_either(url: str, site: Site) -> None:
    run = await site.launch("slow")
    async with running(url, site.works):
        await sleeping(site, run.id)
        (child,) = [pid for pid in children_of(os.getpid()) if pid in of_run(run.id)]
        os.kill(child, signal.SIGKILL)
        ended = await over(site, run.id)
    assert (ended.state, ended.why) == (RunState.FAILED, Why.RUNNER_DIED)
    assert (of_run(run.id), folders_of(run.id)) == ([], [])


async def test_a_killed_workers_run_is_told_as_interrupted_and_never_run_again(site: Site, spawn: Spawn) -> None:
    run = await site.launch("slow")
    killed = spawn()
    await sleeping(site, run.id)
    killed.kill()

    async def gone() -> bool:
        return not of_run(run.id) and not folders_of(run.id)

    await eventually(gone, "the killed worker's run to end with it, by nobody's hand")
    assert (await site.run(run.id)).state is RunState.RUNNING, "nobody has looked yet"
    begun = len(await site.lines(run.id))
    spawn()
    ended = await over(site, run.id)
    assert (ended.state, ended.why) == (RunState.INTERRUPTED, Why.WORKER_DIED)
    assert len(await site.lines(run.id)) == begun, "it was not run a second time"
    again = await site.launch("site-check", check=True)
    assert again.state is RunState.WAITING, "the office is free"


def keys_in(folder: Path, private_key: str) -> list[Path]:
    """Return the files under `folder` that hold a part of the key."""
    wanted = private_key.splitlines()[1].encode()
    return [path for path in folder.rglob("*") if path.is_file() and wanted in path.read_bytes()]


def said_by_processes(secret: str) -> list[int]:
    """Return the processes whose command line or environment shows the secret."""
    found = []
    for entry in Path("/proc").iterdir():
        for part in ("cmdline", "environ"):
            try:
                if entry.name.isdecimal() and secret.encode() in (entry / part).read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
