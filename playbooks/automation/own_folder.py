"""The playbooks that are offered: those of this release, and those in a folder of the technicians' own.

What is wrong in their folder stops nothing: a playbook with a mistake is not offered, and each mistake is told with its
file and line. The folder is looked at anew when something in it has changed, so that nobody restarts anything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import structlog

from inventory.public import Mistake
from playbooks.automation.catalog import META, Catalog, PlaybookView, bundled_catalog, read_folder

LOOK_EVERY_S: Final = 2.0
MOST_FILES: Final = 20_000

Signature = tuple[tuple[str, int, int], ...]

log = structlog.get_logger(__name__)


class OfferedPlaybooks(Mapping[str, PlaybookView]):
    """The playbooks by name; as a mapping always what the folder holds now.

    Args:
        own: The technicians' folder; None: there is none.
        bundled: Those of this release; None: as they came.
    """

    def __init__(self, own: Path | None, bundled: Catalog | None = None) -> None:
        self._own = own
        self._bundled = bundled_catalog() if bundled is None else bundled
        self._signature: Signature | None = None
        self._looked_s = -LOOK_EVERY_S
        self._found: Catalog = self._bundled
        self._mistakes: list[tuple[str, Mistake]] = []

    def __getitem__(self, name: str) -> PlaybookView:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def mistakes(self) -> list[tuple[str, Mistake]]:
        """Return what is wrong in the technicians' folder, each with its file, in order."""
        self._now()
        return self._mistakes

    def _now(self) -> Catalog:
        if self._own is None or time.monotonic() - self._looked_s < LOOK_EVERY_S:
            return self._found
        self._looked_s = time.monotonic()
        signature = _signature(self._own)
        if signature != self._signature:
            self._signature = signature
            self._read(self._own)
        return self._found

    def _read(self, folder: Path) -> None:
        if not folder.is_dir():
            own: dict[str, PlaybookView] = {}
            mistakes = [(str(folder), Mistake(0, "there is no such folder"))]
        else:
            try:
                own, mistakes = read_folder(folder)
            except OSError as error:
                own, mistakes = {}, [(str(folder), Mistake(0, f"cannot be read: {error.strerror}"))]
        for name in sorted(own.keys() & self._bundled.keys()):
            mistakes.append((f"{name}{META}", Mistake(0, "a playbook of this release has this name: take another")))
            del own[name]
        self._found = dict(sorted({**own, **self._bundled}.items()))
        self._mistakes = sorted(mistakes)
        log.info("playbooks_read", folder=str(folder), playbooks=len(own), mistakes=len(mistakes))


def _signature(folder: Path) -> Signature:
    """Return what changes when a file in `folder` does."""
    found = []
    for number, file in enumerate(sorted(folder.rglob("*"))):
        if number > MOST_FILES:
            break
        try:
            stat = file.stat()
        except OSError:
            continue
        found.append((str(file), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
