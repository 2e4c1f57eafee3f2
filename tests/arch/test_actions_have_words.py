"""What is written into the audit log has words on its page, in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from api.web.action_words import ACTIONS, OURSELVES

ROOT = Path(__file__).parents[2]
ACTION = re.compile(r"[a-z-]+\.[a-z-]+$")
PACKAGES = ("kernel", "inventory", "monitor", "playbooks", "meetings", "api")


def calls(name: str) -> Iterator[ast.Call]:
    """Yield the calls of what has this name, or is an attribute of it, in the product."""
    for file in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and name in (
                getattr(node.func, "attr", None), getattr(node.func, "id", None)
            ):  # fmt: skip
                yield node


def texts(node: ast.expr) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def test_each_action_has_words() -> None:
    actions = {
        text for call in calls("audit") if len(call.args) > 1 for text in texts(call.args[1]) if ACTION.match(text)
    }
    assert len(actions) > 80
    assert actions - set(ACTIONS) == set()


def test_each_part_of_the_platform_that_acts_has_words() -> None:
    actors = {text for call in calls("system") if call.args for text in texts(call.args[0])}
    assert len(actors) > 15
    assert actors - set(OURSELVES) == set()
