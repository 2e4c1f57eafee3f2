"""Runs playbooks with ansible-runner in a child process (`child.py`), in a private folder in memory where there is one.

The child ends everything that it started. This side ends the child, and sweeps up by name what a child that was killed
could not: so that neither a process nor a file is left, whatever died.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import sysconfig
import tempfile
import uuid
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import structlog

from kernel import processes
from playbooks.automation.catalog import FOLDER
from playbooks.automation.runner.leftovers import kill_naming
from playbooks.automation.runner.memory import memory_over
from playbooks.automation.runner.port import Difference, Ended, Job, Kind, News
from playbooks.automation.runs import HostCount

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of ours is made in it, 0700 and with a name nobody knows
LONGEST_LINE: Final = 8 * 1024 * 1024
"""Bytes of one piece of news: its text and differences are cut far below that."""

MOST_BYTES: Final = 2 * 2**30
MEMORY_EVERY_S: Final = 5.0

STOP_PATIENCE_S: Final = 15.0
"""What the child gets to end everything: 5 s in order, then by force."""

log = structlog.get_logger(__name__)


class AnsibleRunner:
    """Runs each job in a child process of this one.

    Args:
        project: Folder of the playbooks, with `ansible.cfg`.
        memory: Folder for what must not reach a disk; where it cannot be written, the system's temporary one.
        hidden: Folders of the platform that no playbook sees.
        most_bytes: Memory of one wave's processes together; one that takes more is ended.
    """

    def __init__(
        self,
        project: Path = FOLDER,
        memory: Path = MEMORY,
        hidden: Sequence[Path] = (),
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._project = project
        self._memory = memory
        self._hidden = [str(folder) for folder in hidden]
        self._most_bytes = most_bytes

    async def run(self, job: Job, tell: Callable[[News], Awaitable[None]], stop: asyncio.Event) -> Ended:
        """Run `job`; see `PlaybookRunner.run`."""
        for program in ("ssh", "ssh-agent", "ssh-add"):
            processes.find_program(program, "openssh-client")
        with self._private_folder(job.wave) as folder:
            try:
                async with self._child(self._line(job, folder), folder) as (process, news):
                    async with asyncio.TaskGroup() as tasks:
                        ending = tasks.create_task(self._end_on(stop, process))
                        watching = tasks.create_task(self._watch_memory(process, tell))
                        ended = await self._listen(news, tell)
                        await process.wait()
                        ending.cancel()
                        watching.cancel()
                    return ended
            finally:
                # The child has ended its tree; only if it was killed is there anything to find.
                left = await asyncio.shield(asyncio.to_thread(kill_naming, str(folder)))
                if left:
                    log.warning("playbook_leftovers", wave=str(job.wave), processes=left)

    async def sweep(self, wave: uuid.UUID) -> None:
        """Remove what a dead worker's attempt left; see `PlaybookRunner.sweep`."""

        def clean() -> None:
            kill_naming(_mark(wave))
            for place in self._places():
                for folder in place.glob(f"{_mark(wave)}*"):
                    shutil.rmtree(folder, ignore_errors=True)

        await asyncio.to_thread(clean)

    @contextmanager
    def _private_folder(self, wave: uuid.UUID) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix=f"{_mark(wave)}-", dir=self._places()[0]))  # made with mode 0700
        try:
            for name in ("cp", "home", "tmp"):
                (folder / name).mkdir(mode=0o700)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _places(self) -> list[Path]:
        usual = Path(tempfile.gettempdir())
        return [self._memory, usual] if os.access(self._memory, os.W_OK | os.X_OK) else [usual]

    def _line(self, job: Job, folder: Path) -> str:
        return json.dumps(
            {
                "folder": str(folder),
                "project": str(job.project or self._project),
                "config": str(self._project / "ansible.cfg"),
                "playbook": job.playbook,
                "check": job.check,
                "variables": dict(job.variables),
                "hosts": [asdict(host) for host in job.hosts],
                "keys": {
                    name: {"public": key.public, "private": key.private.get_secret_value()}
                    for name, key in job.keys.items()
                },
                "known_hosts": job.known_hosts,
                "limit_s": job.limit_s,
                "hidden": self._hidden,
            }
        )

    @asynccontextmanager
    async def _child(self, line: str, folder: Path) -> AsyncIterator[tuple[Process, asyncio.StreamReader]]:
        environment = {
            "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]),
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            "HOME": str(folder),  # this is also how it is recognised
        }
        ours, theirs = os.pipe()
        with os.fdopen(theirs, "wb") as output:
            news, transport = await _reader(ours)
            process = await processes.start(
                # SIGTERM and not SIGKILL: when we die, it has others to end first.
                processes.tied_to_us([sys.executable, "-m", "playbooks.automation.runner.child"], by=signal.SIGTERM),
                environment=environment,
                first_line=line,
                output=output,
                errors=None,
                folder=self._project,
            )
        try:
            yield process, news
        finally:
            await asyncio.shield(processes.stop(process, (signal.SIGTERM, STOP_PATIENCE_S)))
            transport.close()

    @staticmethod
    async def _end_on(stop: asyncio.Event, process: Process) -> None:
        await stop.wait()
        await processes.stop(process, (signal.SIGTERM, STOP_PATIENCE_S))

    async def _watch_memory(self, process: Process, tell: Callable[[News], Awaitable[None]]) -> None:
        """End what takes more memory than it may: the machine has others to run."""
        while True:
            await asyncio.sleep(MEMORY_EVERY_S)
            taken = await asyncio.to_thread(memory_over, process.pid, self._most_bytes)
            if taken:
                words = (
                    f"It takes {taken // 2**20} MiB of memory, and may take {self._most_bytes // 2**20}: it is ended."
                )
                await tell(News(Kind.FAILED, text=words))
                await processes.stop(process, (signal.SIGTERM, STOP_PATIENCE_S))
                return

    @staticmethod
    async def _listen(news: asyncio.StreamReader, tell: Callable[[News], Awaitable[None]]) -> Ended:
        """Pass on all that the child says, and return how it said that it ended."""
        code: int | None = None
        hosts: dict[str, HostCount] = {}
        async for line in news:
            said = _read(line)
            if "news" in said:
                await tell(_news(said["news"]))
            elif "hosts" in said:
                hosts = {name: HostCount(**count) for name, count in said["hosts"].items()}
            elif "ended" in said:
                code = said["ended"]
        return Ended(code, hosts)


def _mark(wave: uuid.UUID) -> str:
    return f"vc-{wave.hex}"  # short: SSH's control sockets lie in the folder, and their names may have 107 bytes


async def _reader(fd: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(LONGEST_LINE, loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(fd, "rb"))
    return reader, transport


def _read(line: bytes) -> Mapping[str, Any]:
    with contextlib.suppress(ValueError):  # its last line may be cut by its death
        said = json.loads(line)
        if isinstance(said, dict):
            return said
    return {}


def _news(said: Mapping[str, Any]) -> News:
    return News(
        kind=Kind(said["kind"]),
        host=said["host"],
        task=said["task"],
        text=said["text"],
        differences=tuple(Difference(**one) for one in said["differences"]),
        untold=said["untold"],
        seconds=said["seconds"],
        report=said["report"],
    )
