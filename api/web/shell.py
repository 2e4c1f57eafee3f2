"""What the frame around every page says: how the platform itself is, and how many alerts wait.

A page is drawn even if the engine is gone; it then says so, in words, at its top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.http.deps import CurrentActor, Engine, Tx
from inventory.public import ALERTS_READ
from kernel.errors import EngineUnavailable
from monitor.public import AlertCounts, EngineBoard, alert_counts


@dataclass(frozen=True, slots=True)
class Trouble:
    """A part of the platform that is not well: a key of `api.web.words.PARTS`, and why in the part's own words."""

    part: str
    why: str


@dataclass(frozen=True, slots=True)
class Shell:
    """What the frame knows.

    Attributes:
        board: What the engine told; None if it does not answer.
        troubles: Parts that are not well.
        counts: Open alerts that the reader may see.
    """

    board: EngineBoard | None
    troubles: Sequence[Trouble]
    counts: AlertCounts


NOTHING_KNOWN = Shell(None, (), AlertCounts())
"""The frame of pages that ask nobody, such as sign-in and errors."""


def troubles_of(board: EngineBoard) -> list[Trouble]:
    """Return what is not well by the engine's own account."""
    found = []
    if not board.database_ok:
        found.append(Trouble("database", ""))
    if not board.store.ok:
        found.append(Trouble("store", board.store.why))
    return found


async def look(request: Request, engine: Engine, actor: CurrentActor, tx: Tx) -> Shell:
    """Ask the engine and count the alerts; leave the answer on the request for the templates."""
    board: EngineBoard | None = None
    try:
        board = await engine.board()
        troubles = troubles_of(board)
    except EngineUnavailable as error:
        troubles = [Trouble("engine", str(error.fields.get("why", "")))]
    counts = await alert_counts(actor, tx) if actor.may(ALERTS_READ) else AlertCounts()
    request.state.shell = shell = Shell(board, troubles, counts)
    return shell


Frame = Annotated[Shell, Depends(look)]
"""Makes the frame of a page; every page of a signed-in reader asks for it."""
