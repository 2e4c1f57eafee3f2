"""A command loads what it needs and no more: what the others need takes seconds of CPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from api.commands.secrets import Auth, Priv
from inventory.public import AuthProtocol, PrivProtocol

ROOT = Path(__file__).parents[2]
HEAVY = {"alembic", "ansible_runner", "dbos", "duckdb", "fastapi", "gufo", "httpx", "jinja2", "sqlalchemy"}

LOADED_BY = """
import sys
from api.cli import app
try:
    app(sys.argv[1:])
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--help"], 0), (["inventory", "load", "--help"], 0), (["credential", "set", "--help"], 0), (["status"], 3)],
)
def test_a_command_without_need_of_it_loads_no_heavy_library(words: list[str], code: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BY, *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "VUNGCAO_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    loaded = set(done.stderr.splitlines()[-1].split())
    assert {"api", "typer"} <= loaded
    assert loaded & HEAVY == set()


def test_the_command_line_offers_every_protocol_of_snmp_v3() -> None:
    assert get_args(Auth) == tuple(AuthProtocol)
    assert get_args(Priv) == tuple(PrivProtocol)
