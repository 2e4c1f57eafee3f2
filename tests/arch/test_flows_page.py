"""The page on the three flows names files and what is in them: none of it may be gone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "flows.md"
NAMED = re.compile(r"`([\w./-]+/[\w.-]*?)(?::(\w+))?`")


def missing(text: str) -> list[str]:
    """Return what `text` names and the checkout does not have: a file or folder, or a name at the top of a file."""
    gone = []
    for path, name in NAMED.findall(text):
        file = ROOT / path
        if not file.exists() or (name and name not in top_of(file)):
            gone.append(f"{path}:{name}" if name else path)
    return gone


def top_of(file: Path) -> set[str]:
    """Return the classes and functions of a module."""
    tree = ast.parse(file.read_text("utf-8"))
    return {
        node.name
        for node in ast.iter_child_nodes(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_file_and_name_on_the_page_of_flows_is_there() -> None:
    text = PAGE.read_text("utf-8")
    assert len(NAMED.findall(text)) > 60
    assert missing(text) == []


@pytest.mark.parametrize("gone", ["monitor/alarms.py", "monitor/alerts.py:decided", "monitor/probe/"])
def test_what_is_gone_would_be_noticed(gone: str) -> None:
    assert missing(f"See `monitor/alerts.py:decide`, `{gone}` and `docs/flows.md`.") == [gone]
