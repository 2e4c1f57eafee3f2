"""`serve` as a process of its own, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from api.serve_state import ChildState, ServeState, read_state
from kernel import settings
from tests.parts.homes import all_is_ended
from tests.real.accounts import ROOT, run_as
from tests.real.waiting import until

SETTLED = {"ready", "running"}


class Served:
    """One life of `serve` on one folder."""

    def __init__(
        self, identity: str, home: Path, plans: Sequence[dict[str, Any]], *migration: str, **environment: str
    ) -> None:
        self.settings = settings.load(data_dir=home / "data")
        self._log_path = home / "serve.log"
        self._before = self._log_path.stat().st_size if self._log_path.exists() else 0
        own = {name: value for name, value in os.environ.items() if not name.startswith(("VUNGCAO_", "XDG_", "TMPDIR"))}
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    # Tests that a shell has put into the background ignore SIGINT, and so would what they start.
                    "env", "--default-signal=INT,HUP",
                    *run_as(identity), sys.executable, "-m", "tests.parts.api.serve_process",
                    str(self.settings.data_dir), json.dumps(plans), *migration,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
                env={**own, "TMPDIR": str(home), **environment},
            )  # fmt: skip

    def log(self) -> str:
        return self._log_path.read_bytes()[self._before :].decode()

    def state(self) -> ServeState | None:
        state = read_state(self.settings)
        return state if state is not None and state.pid == self.process.pid else None

    def child(self, name: str) -> ChildState:
        state = self.state()
        assert state is not None, self.log()
        return next(child for child in state.children if child.name == name)

    def settled(self, *, but: str = "") -> ServeState:
        """Return the state as soon as every child (but one) is up."""

        def look() -> ServeState | None:
            assert self.process.poll() is None, self.log()
            state = self.state()
            if state is None or not state.children:
                return None
            up = [child.state in SETTLED for child in state.children if child.name != but]
            return state if all(up) else None

        return until(look, "all children up")

    def back(self, name: str, after: int) -> ChildState:
        """Return the state of a child as soon as it runs again, as another process than `after`."""

        def look() -> ChildState | None:
            child = self.child(name)
            return child if child.state in SETTLED and child.pid not in {None, after} else None

        return until(look, f"{name} back")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        return self.process.wait(60)


Serve = Callable[..., Served]


@pytest.fixture
def serve(identity: str, shared_home: Path, folder: Path) -> Iterator[Serve]:
    """Starts `serve` with the given plans; whatever happens, nothing of it is left."""
    lives: list[Served] = []

    def start(
        *plans: dict[str, Any], home: Path = shared_home, migration: str = "makes-table", **environment: str
    ) -> Served:
        lives.append(Served(identity, home, plans, migration, **environment))
        return lives[-1]

    yield start
    for life in lives:
        if life.process.poll() is None:
            life.process.kill()
            life.process.wait()
    all_is_ended(shared_home, folder)
