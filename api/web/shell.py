"""What the frame around every page says: how the platform itself is, and how many alerts wait.

A page is drawn even if the engine is gone; it then says so, in words, at its top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from api.http.deps import CurrentActor, Engine, Tx
from inventory.public import ALERTS_READ
from kernel.clock import from_epoch_ms
from kernel.errors import EngineUnavailable
from monitor.public import AlertCounts, EngineBoard, EngineStatus, alert_counts


@dataclass(frozen=True, slots=True)
class Trouble:
    """A part of the platform that is not well: a key of `api.web.words.PARTS`, and why in the part's own words."""

    part: str
    why: str


@dataclass(frozen=True, slots=True)
class Shell:
    """What the frame knows.

    Attributes:
        engine: What the engine told of itself; None if it does not answer.
        troubles: Parts that are not well.
        counts: Open alerts that the reader may see.
    """

    engine: EngineStatus | None
    troubles: Sequence[Trouble]
    counts: AlertCounts

    @property
    def checked_at(self) -> datetime | None:
        """When a device was asked last; None before the first time, or if nobody knows."""
        return from_epoch_ms(self.engine.polled_at_ms) if self.engine and self.engine.polled_at_ms else None


NOTHING_KNOWN = Shell(None, (), AlertCounts())
"""The frame of pages that ask nobody, such as sign-in and errors."""


def troubles_of(engine: EngineBoard | EngineStatus) -> list[Trouble]:
    """Return what is not well by the engine's own account."""
    found = []
    if not engine.database_ok:
        found.append(Trouble("database", ""))
    if not engine.store.ok:
        found.append(Trouble("store", engine.store.why))
    return found


async def look(request: Request, engine: Engine, actor: CurrentActor, tx: Tx) -> Shell:
    """Ask the engine and count the alerts; leave the answer on the request for the templates."""
    status: EngineStatus | None = None
    try:
        status = await engine.status()
        troubles = troubles_of(status)
    except EngineUnavailable as error:
        troubles = [Trouble("engine", str(error.fields.get("why", "")))]
    counts = await alert_counts(actor, tx) if actor.may(ALERTS_READ) else AlertCounts()
    request.state.shell = shell = Shell(status, troubles, counts)
    return shell


async def _everything(engine: Engine) -> EngineBoard | None:
    try:
        return await engine.board()
    except EngineUnavailable:
        return None  # the frame says so


Board = Annotated[EngineBoard | None, Depends(_everything)]
"""What the engine tells of every device: for pages that show many of them."""

Frame = Annotated[Shell, Depends(look)]
"""Makes the frame of a page; every page of a signed-in reader asks for it."""
