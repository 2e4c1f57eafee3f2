"""What the open page of a run is sent: its state, its devices, and the lines of its log, in batches, until it is over.

The lines are asked from the database, where the worker stores them at most four times a second: a slow browser is sent
them as fast as it takes them, and nothing waits for it here. A message of lines carries the number of the last one; a
browser that comes back says it, and goes on from there.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from fastapi import Request

from api.http.state import WebState
from api.http.stream import Message
from api.web import run_page
from api.web.render import translator_of
from api.web.streams import PageParts
from kernel.actors import Actor
from kernel.errors import DatabaseUnavailable
from playbooks.public import LineView, RunView, run_for, run_lines

LOOK_EVERY_S: Final = 1.0
BEAT_EVERY: Final = 5
"""Looks between two messages that say that the page is up to date."""

STALE_MS: Final = 20_000
LINES_AT_ONCE: Final = 200
"""In one message: what an old phone draws without standing still."""


class RunStream(PageParts):
    """One run.

    Args:
        request: The browser's request.
        state: Of the web process.
        actor: Who reads.
        run: Its id.
        after: Number of the last line that the browser has.
        shown: What decided the page's message when it was drawn: drawn anew it would lose what is being typed.
    """

    def __init__(
        self, request: Request, state: WebState, actor: Actor, *, run: uuid.UUID, after: int, shown: str
    ) -> None:
        super().__init__(request, state, actor)
        self._id = run
        self._last = after
        self._sent: dict[str, str] = {}
        self._shown = shown
        self._looks = 0

    async def messages(self) -> AsyncIterator[Message]:
        """Yield everything, then what changes, until the run is over and all its lines are sent."""
        await self.status()
        yield self.html([self.messages_part()])
        seen: RunView | None = None
        while True:
            before = dict(self.troubles)
            run, lines = await self._look()
            self._take_note()
            if self.troubles != before:
                yield self.html([self.messages_part()])
            if lines:
                yield self._lines_message(lines)
            if run is not None and (run != seen or lines):
                seen = run
                if parts := await self._parts(run):
                    yield self.html(parts)
            if run is not None and run.over and len(lines) < LINES_AT_ONCE:
                yield Message("over", "")
                return
            if run is not None and self._looks % BEAT_EVERY == 0:
                yield Message("beat", json.dumps({"age_ms": 0, "stale_ms": STALE_MS}))
            self._looks += run is not None
            if len(lines) < LINES_AT_ONCE:
                await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> tuple[RunView | None, Sequence[LineView]]:
        """Return the run and its next lines; None while the database is away, which the page is then told."""
        try:
            async with self.state.database.transaction() as tx:
                run = await run_for(self.actor, self._id, tx)
                new = run.lines > self._last
                lines = await run_lines(self.actor, self._id, tx, after=self._last, limit=LINES_AT_ONCE) if new else []
        except DatabaseUnavailable as error:
            self.troubles["database"] = str(error.fields.get("why", ""))
            return None, ()
        self.troubles.pop("database", None)
        return run, lines

    def _take_note(self) -> None:
        """Take note of the engine's coming and going."""
        link = self.state.live.link
        if link.ok:
            self.troubles.pop("engine", None)
        elif link.why:
            self.troubles.setdefault("engine", link.why)

    def _lines_message(self, lines: Sequence[LineView]) -> Message:
        t = translator_of(self.request)
        self._last = lines[-1].number
        told = [[line.number, run_page.second(t, line.at), line.kind, line.text] for line in lines]
        return Message("lines", json.dumps(told, ensure_ascii=False), str(self._last))

    async def _parts(self, run: RunView) -> list[str]:
        """Return the parts of the page that are other than were last sent."""
        async with self.state.database.transaction() as tx:
            context = await run_page.context(self.request, self.actor, run, tx)
        if context["decided_by"] == self._shown:
            self._sent.setdefault("run_told", self._draw("run_told", context))
        parts = {name: self._draw(name, context) for name in run_page.PARTS}
        changed = [text for name, text in parts.items() if text != self._sent.get(name)]
        self._sent = parts
        return changed

    def _draw(self, name: str, context: Mapping[str, object]) -> str:
        return self.part(f"playbooks/{name}.html", **context)
