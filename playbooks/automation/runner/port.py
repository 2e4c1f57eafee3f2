"""What the platform asks of whatever runs a playbook."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import SecretStr

from playbooks.automation.runs import HostCount


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair that lets us in; its `repr` hides the private half."""

    public: str
    private: SecretStr


@dataclass(frozen=True, slots=True)
class Host:
    """One host of a job.

    Attributes:
        name: What the playbook and its log call it.
        address: IP address.
        port: TCP port of its SSH server.
        user: Account there.
        key: Name of its key among `Job.keys`; empty: it is let in to by password, which is among its variables.
        variables: Given to the playbook for this host alone; they may be secret, and its `repr` hides them.
    """

    name: str
    address: str
    port: int
    user: str
    key: str
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Job:
    """One playbook on some hosts: a wave.

    Attributes:
        wave: Id of the wave; also how what it leaves behind is recognised.
        playbook: Its name in the catalog.
        check: Check mode: say what would change, change nothing.
        variables: Given to the playbook; no secret belongs here, for they can be seen in process lists.
        hosts: Where it goes.
        keys: By name.
        known_hosts: Lines of the known_hosts file that is the only one believed.
        limit_s: Seconds after which whoever asked will set `stop`; keys forget themselves soon after.
        project: Folder of the playbook; None: the runner's own.
    """

    wave: uuid.UUID
    playbook: str
    check: bool
    variables: Mapping[str, Any]
    hosts: tuple[Host, ...]
    keys: Mapping[str, Key]
    known_hosts: tuple[str, ...]
    limit_s: int
    project: Path | None = None


class Kind(StrEnum):
    """What a piece of news is about. Stored with lines: add, never rename."""

    PLAY = "play"
    TASK = "task"
    OK = "ok"
    CHANGED = "changed"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    DIFF = "diff"
    ITEM = "item"
    SUMMARY = "summary"
    OUTPUT = "output"


COUNTED: Final = frozenset({Kind.OK, Kind.CHANGED, Kind.SKIPPED, Kind.FAILED, Kind.UNREACHABLE})
"""The end of a task on a host."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a task changes, or would change, in one place.

    Attributes:
        task: The task's name.
        place: File or other thing, as the module calls it.
        before: Text before, at most what a page can show.
        after: Text after.
    """

    task: str
    place: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class News:
    """A piece of what a run says while it runs. Nothing in it is redacted yet.

    Attributes:
        kind: What it is about.
        host: Name of the host; empty if it is about all.
        task: Name of the task; empty outside of one.
        text: Lines as a terminal would show them, without colours.
        differences: What a task changes.
        untold: Whether check mode passed over what this task does.
        seconds: How long the task took on the host.
        report: What the playbook hands to the platform about the host: its fact `vungcao_report`.
    """

    kind: Kind
    host: str = ""
    task: str = ""
    text: str = ""
    differences: tuple[Difference, ...] = ()
    untold: bool = False
    seconds: float = 0.0
    report: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended.

    Attributes:
        code: Exit code of ansible-playbook, negative for a signal; None if the child died without telling it.
        hosts: What was done to each host, as far as it was told.
    """

    code: int | None
    hosts: Mapping[str, HostCount] = field(default_factory=dict)


class PlaybookRunner(Protocol):
    """Runs playbooks. When a call has returned, however it returned, no process and no file of the job is left."""

    async def run(self, job: Job, tell: Callable[[News], Awaitable[None]], stop: asyncio.Event) -> Ended:
        """Run `job` to its end, or until `stop` is set, and return how it ended. Its end is never an exception.

        Args:
            job: What to run.
            tell: Given each piece of news in order; the run waits while it waits.
            stop: Ends the run in order, then by force.

        Raises:
            ProgramMissing: SSH or another program is not installed.
        """
        ...

    async def sweep(self, wave: uuid.UUID) -> None:
        """Remove from this machine what a dead worker's attempt at `wave` may have left: processes and files."""
        ...
