"""Secrets that a test plants, and looking for each of them, in every form that programs give one."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, quote_plus

LEAST = 8
"""Bytes of a form that is looked for: a shorter one stands somewhere by chance."""

LINE_ENDS = re.compile(rb"""["']?,?[ \t]*(?:\\[rn]|[\r\n])+[ \t]*(?:-[ \t]|["'])?""")
LOOK_EVERY_S = 0.1


def forms_of(secret: str) -> set[bytes]:
    """Return `secret` as texts may hold it: plain, escaped, percent-encoded, hexadecimal, base64 wherever it begins."""
    texts = {secret}
    for ascii_only in (True, False):
        escaped = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        texts |= {escaped, json.dumps(escaped, ensure_ascii=ascii_only)[1:-1]}
    texts |= {quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret), repr(secret)[1:-1]}
    data = secret.encode()
    texts |= {data.hex(), data.hex().upper()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            text = encode(b"\0" * shift + data).decode().rstrip("=")
            texts.add(text[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6])
    return {text.encode() for text in texts if len(text.encode()) >= LEAST}


class Planted:
    """What was planted, by name."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._forms = {name: forms_of(secret) for name, secret in secrets.items()}
        # Of a key each line counts: logs come line by line. Its first and last are the same for every key.
        for name, secret in secrets.items():
            for line in secret.splitlines():
                if "\n" in secret and len(line) > 2 * LEAST and not line.startswith("-----"):
                    self._forms[name] |= forms_of(line)

    def found_in(self, data: bytes | str) -> set[str]:
        """Return the names of those that `data` holds, also broken over lines."""
        raw = data.encode() if isinstance(data, str) else data
        joined = LINE_ENDS.sub(b"", raw)
        return {name for name, forms in self._forms.items() if any(form in raw or form in joined for form in forms)}

    def found_in_files(self, folder: Path, *, but: Iterable[Path] = ()) -> dict[str, set[str]]:
        """Return which files below `folder` hold which, by their paths; those below `but` are left out."""
        found = {}
        left_out = tuple(but)
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or any(path.is_relative_to(one) for one in left_out):
                continue
            try:
                names = self.found_in(path.read_bytes())
            except FileNotFoundError:
                continue  # it went while we looked
            if names:
                found[str(path.relative_to(folder))] = names
        return found


class Watch:
    """Looks at the command line and the environment of every process on the machine, as long as it is open."""

    def __init__(self, planted: Planted) -> None:
        self._planted = planted
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._told: set[bytes] = set()
        self.found: dict[str, set[str]] = {}
        self.seen: set[str] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            for command, text in _processes():
                if text in self._told:
                    continue
                self._told.add(text)
                self.seen.add(command)
                if names := self._planted.found_in(text):
                    self.found.setdefault(command, set()).update(names)


def _processes() -> Iterator[tuple[str, bytes]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue  # it is gone, or is another account's
        if line:
            yield line.replace(b"\0", b" ").decode(errors="replace")[:200], line + b"\0" + environment
