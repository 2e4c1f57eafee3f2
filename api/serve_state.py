"""What `serve` tells about itself and its children: written at each change, read by `vungcao status` and the pages."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import structlog

from kernel.clock import Clock
from kernel.folders import HoldFile
from kernel.settings import Settings

log = structlog.get_logger()

State = Literal["starting", "ready", "running", "backing-off", "stopped"]


@dataclass(frozen=True, slots=True)
class ChildState:
    """One supervised process.

    Attributes:
        name: Such as `web`, `worker-2`, `postgres`.
        pid: Its process, if there is one.
        state: `starting` until it says that it is ready, then `ready`; `running` for one that has no way to say so;
            `backing-off` between its death and its next start; `stopped` before the first start and after the end.
        since: Of `state`, aware UTC.
        restarts: How often it was started again since `serve` began.
        last_exit: How it last ended, in words; None if it never did.
    """

    name: str
    pid: int | None
    state: State
    since: datetime
    restarts: int = 0
    last_exit: str | None = None


@dataclass(frozen=True, slots=True)
class ServeState:
    """A supervisor that runs.

    Attributes:
        pid: Its process.
        started_at: Aware UTC.
        children: In the order of their start; empty in the first moments.
    """

    pid: int
    started_at: datetime
    children: tuple[ChildState, ...]


def serve_lock(settings: Settings) -> HoldFile:
    """Return the file that the one `serve` of a data folder holds."""
    return HoldFile(settings.data_dir / "serve.lock")


def read_state(settings: Settings) -> ServeState | None:
    """Return what the `serve` of this data folder last told, or None if none runs.

    It is found by the lock that it holds, so that one that was killed is not taken for alive.
    """
    holder = serve_lock(settings).holder()
    if not holder:
        return None
    nothing_yet = ServeState(holder["pid"], datetime.fromisoformat(holder["started_at"]), ())
    try:
        told = json.loads(Path(holder["state_file"]).read_bytes())
    except FileNotFoundError:
        return nothing_yet
    if told["pid"] != holder["pid"]:  # left behind by the one before
        return nothing_yet
    children = tuple(
        ChildState(**{**child, "since": datetime.fromisoformat(child["since"])}) for child in told["children"]
    )
    return replace(nothing_yet, children=children)


class StateFile:
    """The supervisor's side: keeps each child's state and writes all of them at each change, whole or not at all."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._children: dict[str, ChildState] = {}
        self._written = True
        self.started_at = clock.now()

    def add(self, name: str) -> None:
        """Put a child on the list that has not been started yet."""
        self._children[name] = ChildState(name, None, "stopped", self._clock.now())

    def set(self, name: str, state: State, pid: int | None, *, died: str | None = None) -> None:
        """Note and write the state of a child; `died` says how it ended, and that it will be started again."""
        child = self._children[name]
        self._children[name] = replace(
            child,
            pid=pid,
            state=state,
            since=self._clock.now(),
            restarts=child.restarts + (died is not None),
            last_exit=died or child.last_exit,
        )
        self.write()

    def write(self) -> None:
        """Write the file anew. A full disk costs the news of the children, not the children."""
        told = asdict(ServeState(os.getpid(), self.started_at, tuple(self._children.values())))
        unfinished = self.path.with_suffix(".new")
        try:
            unfinished.write_text(json.dumps(told, default=datetime.isoformat, indent=1), encoding="utf-8")
            unfinished.chmod(0o600)
            unfinished.replace(self.path)
        except OSError as error:
            if self._written:
                log.warning("state_not_written", file=str(self.path), why=error.strerror)
            self._written = False
        else:
            self._written = True

    def remove(self) -> None:
        """Remove the file: all are stopped."""
        self.path.unlink(missing_ok=True)
