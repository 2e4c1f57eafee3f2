"""The command `vungcao`, as a person or a script runs it: its words, its answer, its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VUNGCAO = (sys.executable, "-m", "api.cli")
NO = 3
"""Exit code of a command that was done and whose answer is no."""


def environment_with(settings: Mapping[str, str]) -> dict[str, str]:
    """Return our own environment with these settings of the platform, and no other ones."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("VUNGCAO_")}
    return {**ours, **settings}


def run_vungcao(
    environment: Mapping[str, str], *words: str, given: str = "", prefix: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Return how `vungcao WORDS` ended and what it said, having been `given` this on standard input.

    `prefix` goes before the command, such as what leads into the lab's network.
    """
    return subprocess.run(
        [*prefix, *VUNGCAO, *words], cwd=ROOT, env=dict(environment), input=given, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
