"""Hides secrets in what runs say, by their known values and the forms that programs give these: before it is stored.

A secret that something broke over lines is found too: programs wrap base64, and devices long lines. What a form is not
known for gets through: the first net is that no secret is given to a run which does not need it.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"

LEAST = 4
"""A shorter secret is hidden only where it stands as a word of its own: else every text would be full of holes."""

BREAK = re.compile(r"""["']?,?[ \t]*(?:\\[rn]|[\r\n])+[ \t]*(?:-[ \t]|["'])?|["'],[ \t]*["']""")
"""Where one line ends and the next begins: as such, as JSON has it inside a text, and in a list of lines."""

SHORTEST_CUT = 6
"""Characters that a piece of base64 must have to be taken for the secret."""


class Redactor:
    """Hides the given secrets. Its `repr` does not show them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[str] = set()
        words: set[str] = set()
        for secret in secrets:
            for part in _parts(secret):
                if len(part) < LEAST:
                    words.add(part)
                else:
                    forms.update(form for form in _forms(part) if len(form) >= LEAST)
        # By how they begin: a pattern of all that is in every form takes twenty times as long to make, for each wave.
        self._forms: dict[str, list[str]] = {}
        for form in sorted(forms, key=lambda form: (-len(form), form)):
            self._forms.setdefault(form[:LEAST], []).append(form)
        self._words = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in sorted(words)))
        begins = [re.escape(begin) for begin in sorted(self._forms)] + ([self._words.pattern] if words else [])
        self._begins = re.compile("|".join(begins)) if begins else None

    def hide(self, text: str) -> str:
        """Return `text` with `[hidden]` in the place of each secret, also of one that is broken over lines."""
        if self._begins is None:
            return text
        if self._begins.search(text) is not None:
            text = _without(text, self._found(text))
        return self._hide_broken(text) if BREAK.search(text) else text

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where each secret begins and ends; one that begins like another is found whole."""
        assert self._begins is not None  # noqa: S101 - asked before
        at = 0
        while (begins := self._begins.search(text, at)) is not None:
            start = begins.start()
            likely = self._forms.get(text[start : start + LEAST], ())
            form = next((form for form in likely if text.startswith(form, start)), "")
            word = None if form else self._words.match(text, start)
            end = word.end() if word is not None else start + len(form)
            if end > start:
                yield start, end
            at = max(end, start + 1)

    def _hide_broken(self, text: str) -> str:
        """Look through `text` as if it were one line, and hide what is found where it stands."""
        pieces: list[str] = []
        starts: list[tuple[int, int]] = []  # where each piece begins in the one line, and in the text
        length = at = 0
        for gap in [*BREAK.finditer(text), None]:
            end = len(text) if gap is None else gap.start()
            starts.append((length, at))
            pieces.append(text[at:end])
            length += end - at
            at = end if gap is None else gap.end()

        def place(offset: int) -> int:
            one, there = starts[bisect_right(starts, (offset, len(text))) - 1]
            return there + offset - one

        found = self._found("".join(pieces))
        return _without(text, ((place(begin), place(end - 1) + 1) for begin, end in found))


def _without(text: str, found: Iterable[tuple[int, int]]) -> str:
    """Return `text` with `[hidden]` from each beginning to its end."""
    shown: list[str] = []
    done = 0
    for begin, end in found:
        if begin >= done:
            shown += [text[done:begin], HIDDEN]
            done = end
    return "".join([*shown, text[done:]])


def _parts(secret: str) -> Iterator[str]:
    """Yield the secret as a whole and, where it has several lines, each of them: logs come line by line."""
    yield from (part for part in {secret, secret.strip()} if part)
    lines = secret.strip().splitlines()
    if len(lines) > 1:
        # A key's first and last line are the same for every key.
        yield from (line.strip() for line in lines if len(line.strip()) >= LEAST and not line.startswith("-----"))


def _forms(secret: str) -> Iterator[str]:
    yield secret
    for ascii_only in (True, False):
        escaped = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        yield json.dumps(escaped, ensure_ascii=ascii_only)[1:-1]  # JSON inside JSON, as modules' answers are shown
    yield repr(secret)[1:-1]
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield html.escape(secret)
    yield shlex.quote(secret)
    yield secret.replace("'", "''")  # YAML between single quotes
    data = secret.encode()
    yield data.hex()
    yield data.hex().upper()
    yield from _base64_forms(data)


def _base64_forms(data: bytes) -> Iterator[str]:
    """Yield base64 of `data` alone, and the part that stays the same wherever it stands in something longer."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(data).decode()
        yield encode(data).decode().rstrip("=")
        yield encode(data + b"\n").decode().rstrip("=")
        for offset in range(3):
            text = encode(b"\0" * offset + data).decode().rstrip("=")
            # Characters that also hold bits of a neighbour differ from place to place.
            first = (offset * 8 + 5) // 6
            last = (offset + len(data)) * 8 // 6
            if last - first >= SHORTEST_CUT:
                yield text[first:last]
