"""What the frame around every page says: how the platform itself is, and how many alerts wait.

A page is drawn even if the engine is gone; it then says so, in words, at its top.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from api.http.deps import CurrentActor, Engine, Tx
from inventory.public import ALERTS_READ
from kernel.actors import Actor
from kernel.clock import from_epoch_ms
from kernel.db.transaction import Transaction
from kernel.errors import EngineUnavailable
from monitor.public import AlertCounts, EngineBoard, EngineStatus, alert_counts

Told = TypeVar("Told", bound=EngineStatus)


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


def troubles_of(engine: EngineStatus) -> list[Trouble]:
    """Return what is not well by the engine's own account."""
    found = []
    if not engine.database_ok:
        found.append(Trouble("database", ""))
    if not engine.store.ok:
        found.append(Trouble("store", engine.store.why))
    return found


async def look(request: Request, engine: Engine, actor: CurrentActor, tx: Tx) -> Shell:
    """Ask the engine and count the alerts; leave the answer on the request for the templates."""
    return await _look(request, await _told(engine.status()), actor, tx)


async def _board_told(engine: Engine) -> EngineBoard | EngineUnavailable:
    return await _told(engine.board())


BoardTold = Annotated[EngineBoard | EngineUnavailable, Depends(_board_told)]


async def look_at_board(request: Request, told: BoardTold, actor: CurrentActor, tx: Tx) -> Shell:
    """Do as `look`, by what the engine told of every device: it is asked once for the page and its frame."""
    return await _look(request, told, actor, tx)


async def _board(told: BoardTold) -> EngineBoard | None:
    return told if isinstance(told, EngineBoard) else None  # the frame says so


async def _told(answer: Awaitable[Told]) -> Told | EngineUnavailable:
    try:
        return await answer
    except EngineUnavailable as error:
        return error


async def _look(request: Request, told: EngineStatus | EngineUnavailable, actor: Actor, tx: Transaction) -> Shell:
    counts = await alert_counts(actor, tx) if actor.may(ALERTS_READ) else AlertCounts()
    if isinstance(told, EngineUnavailable):
        shell = Shell(None, [Trouble("engine", str(told.fields.get("why", "")))], counts)
    else:
        shell = Shell(told, troubles_of(told), counts)
    request.state.shell = shell
    return shell


Board = Annotated[EngineBoard | None, Depends(_board)]
"""What the engine tells of every device: for pages that show many of them."""

Frame = Annotated[Shell, Depends(look)]
"""Makes the frame of a page; every page of a signed-in reader asks for it, or for the next."""

BoardFrame = Annotated[Shell, Depends(look_at_board)]
"""The frame of a page that asks for the `Board`."""
