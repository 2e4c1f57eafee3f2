"""Style sheets: a class is dressed in one place, so that one page's looks never change another's."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

STATIC = Path(__file__).parents[2] / "api/web/static"
ALONE = re.compile(r"^(\.[a-z-]+) \{", re.MULTILINE)


def test_a_class_is_dressed_in_one_place() -> None:
    begun = Counter(found for sheet in STATIC.glob("*.css") for found in ALONE.findall(sheet.read_text("utf-8")))
    assert len(begun) > 100
    assert [name for name, times in begun.items() if times > 1] == []
