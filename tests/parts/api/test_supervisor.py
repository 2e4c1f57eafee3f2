"""The supervisor with real processes: its order, its persistence, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.processes.serve_state import read_state
from kernel.db.embedded import PrivateCluster
from kernel.settings import Settings
from tests.parts.api.conftest import Serve, Served
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
    url = PrivateCluster(served.settings.data_dir, served.settings.run_dir).url
    url = next(line for line in served.log().splitlines() if line.startswith("url=")).removeprefix("url=") or url
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM kept WHERE value = 7").fetchone()
    assert row is not None
    return int(row[0])


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
    assert sorted(said.read_text().split()) == sorted(names)
    assert not any(alive(each.pid) for each in state.children if each.pid)
    assert "database system is shut down" in (folder / "data" / "logs" / "postgres.log").read_text()
    assert read_state(served.settings) is None
    assert not processes_naming(str(folder))
