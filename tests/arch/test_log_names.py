"""An event in the log is named in one form, so that who looks for one finds it: small letters and underscores."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("kernel", "inventory", "monitor", "playbooks", "meetings", "api")
LEVELS = {"debug", "info", "warning", "error", "exception"}
NAME = re.compile(r"[a-z]+(_[a-z0-9]+)*")


def events(source: str) -> Iterator[str]:
    """Yield the names that a module logs."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log"), attr=level), args=[ast.Constant(value=str(name)), *_]
            ) if level in LEVELS:
                yield name


def test_every_event_is_named_in_small_letters_and_underscores() -> None:
    named = {
        name: file
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        for name in events(file.read_text("utf-8"))
    }
    assert {"database_lost", "engine_lost", "child_died"} <= named.keys()
    assert [f"{file}: {name}" for name, file in named.items() if not NAME.fullmatch(name)] == []
