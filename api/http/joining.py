"""Finds what a join needs: the meeting, the office's link as it is now, and the address with a fresh token.

The engine is asked between two transactions and never in one; without its answer the committed rates decide.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from api.http.state import WebState
from inventory.public import DeviceView, Role, UplinkView, devices, uplinks
from kernel.actors import Actor
from kernel.clock import epoch_ms
from kernel.db.transaction import Transaction
from kernel.errors import EngineUnavailable
from meetings.public import (
    Booking,
    JoinLink,
    MeetingView,
    NotAnOfficeOfTheMeeting,
    OfficeLink,
    Quality,
    booking_for,
    choose,
    join_link,
    meeting_for,
)

PATIENCE_S: Final = 2.0
FRESH: Final = timedelta(minutes=5)
"""An older measurement says nothing about the link as it is now."""

LOSS: Final = "loss_ratio"
ALL_LOST: Final = 1.0
"""Says that echo requests are filtered, and nothing of the link: who joins over it shows that packets pass."""
MOST_ROUTERS: Final = 4


@dataclass(frozen=True, slots=True)
class Joining:
    """A meeting that somebody looks at before joining.

    Attributes:
        view: The meeting.
        booking: The same, as the bridge needs it.
        link: The office from which they join; None: from elsewhere.
        advised: The quality that the link carries; None without an office.
    """

    view: MeetingView
    booking: Booking
    link: OfficeLink | None
    advised: Quality | None


async def look_at(state: WebState, actor: Actor, meeting: uuid.UUID, office: str | None) -> Joining:
    """Return the meeting and the link of `office`, one of its own.

    Raises:
        NotFound: There is no such meeting that `actor` may see.
        NotAnOfficeOfTheMeeting: It has no room in `office`.
    """
    async with state.database.transaction() as tx:
        view = await meeting_for(actor, meeting, tx)
        booking = await booking_for(actor, meeting, tx)
        if office is None:
            return Joining(view, booking, None, None)
        name = next((room.office_name for room in view.rooms if room.office == office), None)
        if name is None:
            raise NotAnOfficeOfTheMeeting(office=office[:100])
        routers, lines = await _lines(actor, office, tx)
    link = await measured(state, OfficeLink(office, name), routers, lines)
    return Joining(view, booking, link, choose(link.down_bps, link.up_bps, link.loss_ratio))


async def link_for(
    state: WebState,
    actor: Actor,
    meeting: uuid.UUID,
    *,
    shown_as: str,
    office: str | None = None,
    quality: Quality | None = None,
) -> JoinLink:
    """Return the way into a meeting, made now, and put on record that it was given.

    Raises:
        BridgeNotSet, JoinTooEarly, JoinTooLate, MeetingCalledOff, NotAnOfficeOfTheMeeting, NotFound: Why not.
    """
    joining = await look_at(state, actor, meeting, office)
    link = join_link(
        joining.booking, joining.link, actor, state.clock.now(), state.settings, shown_as=shown_as, quality=quality
    )
    async with state.database.transaction() as tx:
        given = {
            "office": office,
            "quality": link.quality,
            "moderator": link.moderator,
            "until": link.until.isoformat(),
        }
        tx.audit(actor, "meeting.join-link-given", f"meeting:{meeting}", after=given)
    return link


async def measured(
    state: WebState, office: OfficeLink, routers: Sequence[DeviceView], lines: Sequence[UplinkView]
) -> OfficeLink:
    """Return `office` with the rates of its best line that is not down, and the loss of its best router."""
    down: set[str] = set()
    losses: list[float] = []
    oldest_ms = epoch_ms(state.clock.now() - FRESH)
    try:
        async with asyncio.timeout(PATIENCE_S):
            told = await state.engine.uplinks(sorted({line.device for line in lines}))
            down = {code for code, line in told.items() if line.state == "critical"}
            for router in routers[:MOST_ROUTERS]:
                live = await state.engine.device(router.code)
                losses += [
                    value.value
                    for value in (live.values if live else ())
                    if value.metric == LOSS and value.at_ms >= oldest_ms and value.value < ALL_LOST
                ]
    except (EngineUnavailable, TimeoutError):
        pass
    best = max((line for line in lines if line.code not in down), key=lambda line: line.down_bps, default=None)
    return replace(
        office,
        down_bps=best.down_bps if best else None,
        up_bps=best.up_bps if best else None,
        loss_ratio=min(losses, default=None),
    )


async def _lines(actor: Actor, office: str, tx: Transaction) -> tuple[list[DeviceView], list[UplinkView]]:
    here = (await devices(actor, tx, office=office, limit=100)).devices
    lines = await uplinks(actor, tx, devices=sorted(device.code for device in here))
    ends = {line.device for line in lines}
    routers = [device for device in here if device.role == Role.ROUTER or device.code in ends]
    return routers, [line for line in lines if line.office == office]
