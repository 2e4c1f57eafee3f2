"""What the platform asks of durable work. The engine behind it (`dbos.py`) is known to the wiring only.

A piece of work has a name and one argument, an id; what it needs it reads from the database by that id. Its body runs
steps; a finished step is never run again, the one in flight at a crash is, so every step must be idempotent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.errors import DatabaseUnavailable

T = TypeVar("T")


class LockSessionLost(DatabaseUnavailable):
    """The session that proves this worker's life is gone: others may adopt its runs, so it must end at once."""

    code = "lock-session-lost"
    message = "This worker has lost the database session that shows it is alive, and stops: {why}"


class Steps(Protocol):
    """Given to a piece of work to run its steps."""

    async def run(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        """Run `step` unless an earlier attempt of this work finished it; while it raises Unavailable, try it again.

        Steps may run beside each other, and a new release may order, add or drop them: they are known by name.

        Raises:
            ValueError: This attempt has already had a step called `name`.
            Exception: Whatever `step` raises, or still raises after the last retry.
        """
        ...

    async def read(self, read: Callable[[], Awaitable[T]]) -> T:
        """Return what `read` returns, tried again while it raises Unavailable; read anew at every attempt."""
        ...


Work = Callable[[str, Steps], Awaitable[None]]
"""The body of a piece of work: `async def deliver(event_id: str, steps: Steps) -> None`."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How long a step is tried again while something outside is unavailable.

    Attributes:
        first_s: Seconds before the second try; each wait is twice the one before it.
        most_s: Longest wait between two tries.
        give_up_after_s: Seconds of waiting in all; then the error fails the run.
    """

    first_s: float = 1.0
    most_s: float = 60.0
    give_up_after_s: float = 3600.0

    def waits(self) -> Iterator[float]:
        """Yield the waits in seconds, one before each further try."""
        wait_s, left_s = self.first_s, self.give_up_after_s
        while left_s > 0:
            yield min(wait_s, left_s)
            left_s -= wait_s
            wait_s = min(wait_s * 2, self.most_s)


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that ended in an error and will not be tried again.

    Attributes:
        id: The run's id.
        work: Name of the work.
        argument: What it was to work on.
        at: When it failed (aware UTC).
        why: Type and text of the error.
    """

    id: str
    work: str
    argument: str
    at: datetime
    why: str


class WorkQueue(Protocol):
    """Hands work over inside the caller's transaction: it runs if and only if that transaction commits."""

    async def enqueue(self, connection: AsyncConnection, work: str, argument: str) -> str:
        """Enqueue `work` with `argument` (an id) and return the id of the run.

        The run's id is derived from both, so that the same work on the same id is queued once.
        """
        ...

    async def failed_runs(self, limit: int = 100) -> Sequence[FailedRun]:
        """Return the newest failed runs first, at most `limit`. Raises DatabaseUnavailable."""
        ...

    async def forget_finished(self, before: datetime, limit: int) -> int:
        """Remove runs that ended before `before`, well or not, at most `limit`; return how many.

        One that another run names as where it came from stays for as long as that one. With a run goes the memory that
        its work was done: the same work on the same id would be queued again.

        Raises:
            DatabaseUnavailable: The database cannot be reached.
        """
        ...


class WorkRunner(Protocol):
    """Runs queued work in this process until told to stop, and adopts the runs of workers that died."""

    async def run(self, works: Mapping[str, Work], stop: asyncio.Event) -> None:
        """Take work until `stop` is set, then let what runs end, or leave it to the next worker.

        Raises:
            DatabaseUnavailable: The database cannot be reached at the start.
            LockSessionLost: Others may take this worker for dead. End the process at once (`os._exit`): a thread may
                still wait for the database.
        """
        ...
