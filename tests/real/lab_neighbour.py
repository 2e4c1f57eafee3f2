"""FRRouting in the lab's hub: the neighbour that an office's router speaks OSPF with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tests.real.lab import Lab
from tests.real.server import find_program
from tests.real.waiting import until

FRR = "/usr/lib/frr"
"""Debian's place for its daemons, which is on nobody's PATH."""


class Neighbour:
    """Zebra and ospfd on some lines of the hub. Use it as a context manager.

    Args:
        lab: The lab.
        lines: Names of the lines' interfaces in the hub, such as `c1-0`.
    """

    def __init__(self, lab: Lab, lines: Sequence[str]) -> None:
        find_program("vtysh", "frr")
        self._lab = lab
        self._lines = lines
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        lines = "".join(
            f"interface {line}\n ip ospf area 0.0.0.0\n ip ospf hello-interval 1\n ip ospf dead-interval 4\nexit\n"
            for line in self._lines
        )
        # Its folders are its own, for the machine may have an FRRouting too.
        self._do("mount -t tmpfs tmpfs /var/tmp; chmod 1777 /var/tmp; mount -t tmpfs tmpfs /run;"
                 " install -d -o frr -g frrvty /run/frr; echo '!' > /run/frr/zebra.conf; cat > /run/frr/ospfd.conf",
                 f"{lines}router ospf\n ospf router-id 10.77.0.1\nexit\n")  # fmt: skip
        try:
            self._start("zebra")
            until(lambda: self._do("ls /run/frr").split().count("zserv.api"), "zebra to listen")
            self._start("ospfd")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(20)

    def routes(self) -> dict[str, str]:
        """Return the interfaces of the routes that OSPF has brought into the hub's kernel, by network."""
        said = json.loads(self._lab.run("ip", "-json", "route", "show", "proto", "ospf").stdout or "[]")
        return {route["dst"]: " ".join([route.get("dev", ""), *(hop["dev"] for hop in route.get("nexthops", ()))])
                for route in said}  # fmt: skip

    def _do(self, script: str, given: str = "") -> str:
        words = [*self._lab.enter_hub(), "sh", "-ec", script]
        return subprocess.run(words, input=given, capture_output=True, text=True, check=True).stdout

    def _start(self, daemon: str) -> None:
        log = self._lab.folder / f"{daemon}.log"
        words = [
            *self._lab.enter_hub(),
            f"{FRR}/{daemon}",
            "--vty_port",
            "0",
            "--config_file",
            f"/run/frr/{daemon}.conf",
        ]
        with log.open("ab") as out:
            self._processes.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out))
