"""Which functions, methods, classes and imports does nobody use? `make check` asks; vulture looks, this decides.

Fields are left out: pydantic, SQLAlchemy and templates read them by names that no Python line holds. What a template
names is used. What nobody calls from product code for a good reason stands in `allowed_unused.py` with that reason.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parents[2]
PRODUCT = ("kernel", "inventory", "monitor", "playbooks", "meetings", "api", "bench")
ALLOWED = Path(__file__).with_name("allowed_unused.py")
FIELDS = {"attribute", "variable"}


def unused(root: Path = ROOT, allowed: Path = ALLOWED) -> list[str]:
    """Return what nobody uses, a line each."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["vulture"]
    search = Vulture(ignore_names=settings["ignore_names"], ignore_decorators=settings["ignore_decorators"])
    places = [str(root / folder) for folder in PRODUCT if (root / folder).exists()]
    search.scavenge([*places, str(allowed)], exclude=[str(root / "playbooks/collections/*")])  # not ours
    templates = (root / "api/web/templates").rglob("*.html")
    in_templates = {word for file in templates for word in re.findall(r"\w+", file.read_text(encoding="utf-8"))}
    return [
        f"{Path(item.filename).relative_to(root)}:{item.first_lineno}: {item.message}"
        for item in search.get_unused_code(min_confidence=60)
        if item.typ not in FIELDS and item.name not in in_templates
    ]


if __name__ == "__main__":
    lines = unused()
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.exit(bool(lines))
