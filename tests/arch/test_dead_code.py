"""The search for dead code finds it, and takes fields and what templates name for used."""

from __future__ import annotations

from pathlib import Path

from tests.arch.dead_code import unused

CODE = """
import json
from dataclasses import dataclass


@dataclass
class Board:
    office: str

    def shown(self):
        return 1

    def forgotten(self):
        return 2


def _left_over():
    return Board("x")
"""


def test_what_nobody_uses_is_named_and_fields_and_names_in_templates_are_not(tmp_path: Path) -> None:
    (tmp_path / "monitor").mkdir()
    (tmp_path / "monitor" / "board.py").write_text(CODE)
    (tmp_path / "api" / "web" / "templates").mkdir(parents=True)
    (tmp_path / "api" / "web" / "templates" / "board.html").write_text("{{ board.shown() }}")
    (tmp_path / "allowed.py").write_text("")
    found = unused(tmp_path, tmp_path / "allowed.py")
    assert [line.split(": ")[1] for line in found] == [
        "unused import 'json'",
        "unused method 'forgotten'",
        "unused function '_left_over'",
    ]


def test_what_is_allowed_with_a_reason_is_not_named(tmp_path: Path) -> None:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "clock.py").write_text("def forward():\n    return 1\n")
    (tmp_path / "allowed.py").write_text("from kernel.clock import forward\nforward\n")
    assert unused(tmp_path, tmp_path / "allowed.py") == []
