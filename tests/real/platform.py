"""The whole platform as a user starts it, in a folder and on ports of its own: `vungcao serve`, or `vungcao demo`."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx

from api.serve_state import ServeState, read_state
from kernel import processes
from kernel.settings import Settings
from tests.real.command import ROOT, VUNGCAO, environment_with, run_vungcao
from tests.real.lab import Lab
from tests.real.server import free_tcp_port
from tests.real.waiting import until

STOP_TIMEOUT_S = 40.0


class PlainPlatform:
    """One running platform, with nothing in its inventory until somebody loads it.

    Args:
        environment: Settings beside the usual ones, such as `VUNGCAO_STORE`.
        folder: Of an earlier one, or prepared by the test; it is then kept.
        lab: Whose hub it runs in, so that it reaches the lab's offices; its pages are reached through `transport()`.
        within: Start of a command line that runs what follows it, as in namespaces of its own.

    Attributes:
        url: Where its pages are.
        folder: Its data and its log.
        environment: What its processes see; a command of the same platform is given the same.
    """

    COMMAND: ClassVar[str] = "serve"
    LEAST_DEVICES: ClassVar[int] = 0

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        folder: Path | None = None,
        lab: Lab | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self._made = None
        self._lab = lab
        self._prefix = lab.prefix if lab else []
        if folder is None:
            self._made = tempfile.TemporaryDirectory(prefix="vc-platform-", ignore_cleanup_errors=True)
            folder = Path(self._made.name)
            folder.chmod(0o755)  # the database's account must be able to pass when tests run as root
        self.folder = folder
        self.port = free_tcp_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment_with(
            {
                "VUNGCAO_DATA_DIR": str(self.folder / "data"),
                "VUNGCAO_HTTP_PORT": str(self.port),
                "VUNGCAO_POLL_INTERVAL_S": "1",
                "VUNGCAO_ALERT_HOLD_S": "2",
                **(environment or {}),
            }
        )
        self._within = within
        self._process: subprocess.Popen[bytes] | None = None
        self.log = self.folder / "log"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)  # nothing is left of one that did not come up
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.settings.run_dir, ignore_errors=True)
        if self._made is not None:
            self._made.cleanup()

    @property
    def settings(self) -> Settings:
        """Settings that lead to this platform's folders."""
        return Settings.model_validate({"data_dir": self.folder / "data"})

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and return when every part of it is ready and every device was asked."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._within, *processes.tied_to_us([*self._prefix, *VUNGCAO, self.COMMAND], by=signal.SIGTERM)],
                cwd=ROOT, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(self.is_ready, "the platform to be ready")

    def is_ready(self) -> bool:
        """Return whether it answers that all its parts are well, and has asked every device that it has."""
        assert self._process is not None
        assert self._process.poll() is None, f"the platform ended:\n{self.log.read_text('utf-8')}"
        try:
            with httpx.Client(transport=self.transport(), base_url=self.url, timeout=5) as client:
                if client.get("/readyz").status_code != httpx.codes.OK:
                    return False
            devices = self.ask_engine("/healths")
        except httpx.TransportError:
            return False
        asked = [device["polled_at_ms"] for device in devices]
        return len(asked) >= self.LEAST_DEVICES and all(asked)

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it: in order, or with SIGKILL as in a crash. Nothing happens if it is stopped."""
        if self._process is None:
            return
        self._process.send_signal(by)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process = None

    def state(self) -> ServeState:
        """What the supervisor tells of its children."""
        found = read_state(self.settings)
        assert found is not None
        return found

    def child(self, name: str) -> int:
        """Process id of the child `name`, when it has one."""

        def pid() -> int | None:
            return next((child.pid for child in self.state().children if child.name == name), None)

        return until(pid, f"{name} to run")

    def command(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Return how `vungcao WORDS` for this platform ended and what it said."""
        return run_vungcao(self.environment, *words, given=given, prefix=self._prefix)

    def transport(self) -> httpx.HTTPTransport:
        """Return what an HTTP client needs to reach its pages."""
        return httpx.HTTPTransport(uds=str(self._lab.door(self.port)) if self._lab else None)

    def ask_engine(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON it is
        """Return what the engine answers on its socket, as JSON; httpx.TransportError while it is away."""
        # Not by httpx itself, whose client leaves a socket open where nobody listens any more.
        with socket.socket(socket.AF_UNIX) as connected:
            connected.settimeout(10)
            connection = http.client.HTTPConnection("engine")
            connection.sock = connected
            try:
                connected.connect(str(self.settings.engine_socket))
                connection.request("GET", path)
                return json.loads(connection.getresponse().read())
            except (OSError, http.client.HTTPException) as error:
                raise httpx.TransportError(str(error)) from error

    def device(self, code: str) -> dict[str, Any]:
        """Return the health of one device, as the engine knows it."""
        health: dict[str, Any] = self.ask_engine(f"/devices/{code}")["health"]
        return health


class Platform(PlainPlatform):
    """One running platform with the example programme, its faults by command.

    Args:
        environment: As above.
        faults: Whether the example's own faults come and go; without them everything is well until commanded.
        meetings: Whether the example has meetings ahead; without them every room is free until somebody books.
        folder: As above.
        within: As above.
    """

    COMMAND: ClassVar[str] = "demo"
    LEAST_DEVICES: ClassVar[int] = 1

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        faults: bool = False,
        meetings: bool = False,
        folder: Path | None = None,
        within: Sequence[str] = (),
    ) -> None:
        chosen = {
            "VUNGCAO_DEMO_FAULTS": str(faults).lower(),
            "VUNGCAO_DEMO_MEETINGS": str(meetings).lower(),
            **(environment or {}),
        }
        super().__init__(chosen, folder=folder, within=within)

    def fault(self, device: str, fault: str, *, on: bool, **more: Any) -> None:
        """Let a fault of a device begin or end, such as `silent`."""
        door = self.settings.run_dir / "responder.sock"
        until(door.exists, "the responder to listen")  # devices that were asked in vain count as asked
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(str(door))
            control.sendall(json.dumps({"device": device, "fault": fault, "on": on, **more}).encode() + b"\n")
            answer = json.loads(control.makefile().readline())
        assert answer["ok"], answer
