"""Finds out what a file is written in: UTF-8, UTF-16, Windows-1258; or says kindly what it is instead."""

from __future__ import annotations

import codecs
import unicodedata
from dataclasses import dataclass
from typing import BinaryIO, Final

from inventory.exchange.faults import Fault, fault
from inventory.exchange.legacy import legacy

BLOCK: Final = 1024 * 1024
SAMPLE: Final = 200_000
"""Bytes of lines with other letters than a to z that are looked at."""

BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b", b"\x7fELF")
NAMES: Final = {
    "utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
    "cp1258": "Windows-1258",
}  # fmt: skip
"""What people call them."""


@dataclass(frozen=True, slots=True)
class Unreadable(Exception):
    """The file cannot be read from `line` on."""

    line: int
    fault: Fault


def encoding_of(file: BinaryIO) -> str:
    """Return the name of the file's encoding, as Python has it; the file is read through, and left at its begin.

    Raises:
        Unreadable: It is no text, its text is broken, or it is of the time before Unicode.
    """
    file.seek(0)
    head = file.read(4096)
    if not head.strip():
        raise Unreadable(1, fault("no-lines"))
    if head.startswith(WORKBOOKS):
        raise Unreadable(1, fault("workbook"))
    name = next((encoding for bom, encoding in BOMS if head.startswith(bom)), None) or _wide(head)
    if name is None:
        name = "utf-8"
    sample, broken = _through(file, name)
    if broken is not None and name == "utf-8" and sample.isascii():
        name = "cp1258"
        sample, broken = _through(file, name)
        if broken is not None:
            raise Unreadable(broken, fault("unreadable"))
    if broken is not None:
        raise Unreadable(broken, fault("broken-text", encoding=NAMES[name]))
    if (older := legacy(unicodedata.normalize("NFC", sample))) is not None:
        raise Unreadable(1, fault("old-font", encoding=older))
    file.seek(0)
    return name


def _wide(head: bytes) -> str | None:
    """Return which UTF-16 it is that has no mark at its begin: every second byte of plain letters is zero."""
    if b"\0" not in head:
        return None
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 4 < len(head):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _through(file: BinaryIO, name: str) -> tuple[str, int | None]:
    """Return lines with other letters than a to z, and the line from which on the file is not written in `name`."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(name)()
    kept: list[str] = []
    size, line = 0, 1
    while True:
        block = file.read(BLOCK)
        pending = decoder.getstate()[0]
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            good = (pending + block)[: error.start] if name != "utf-16" else b""
            sound = good.decode(name, "ignore")
            return "".join(kept) + ("" if sound.isascii() else sound[-SAMPLE:]), line + sound.count("\n")
        if size < SAMPLE and not text.isascii():
            found = "\n".join(one for one in text.split("\n") if not one.isascii())[: SAMPLE - size]
            kept.append(found)
            size += len(found)
        line += text.count("\n")
        if not block:
            return "".join(kept), None
