"""The JSON API on the platform itself."""

from __future__ import annotations

from collections import Counter

from pydantic import Field

from api.http.deps import CurrentActor, State_, Tx
from api.http.paging import Shape
from api.http.readiness import look
from api.http.routes.router import api_router
from api.http.state import WebState
from inventory.public import PLATFORM_READ, offices_of_devices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import EngineUnavailable
from monitor.public import State, StoreLive

router = api_router("platform")


class PartNow(Shape):
    """One part of the platform."""

    name: str = Field(description="`database`, `engine` or `store`.")
    ok: bool
    why: str = Field(description="In English; empty if it is well.")


class Platform(Shape):
    """How the platform is."""

    ok: bool
    parts: list[PartNow]
    store: StoreLive | None = Field(description="Null while the engine does not answer.")
    poll_interval_s: float | None
    devices: dict[State, int] = Field(
        description="How many of the devices that you may see are in each state; empty without the engine."
    )
    live: bool = Field(description="Whether the engine's live events arrive.")


@router.get("/platform", summary="How the platform itself is")
async def read_platform(actor: CurrentActor, state: State_, tx: Tx) -> Platform:
    """Answers 200 also when a part is not well: then `ok` is false. `/readyz` says it by its status."""
    actor.require(PLATFORM_READ)
    found = await look(state)
    return Platform(
        ok=found.ok,
        parts=[PartNow.model_validate(part) for part in found.parts],
        store=found.engine.store if found.engine else None,
        poll_interval_s=found.engine.interval_s if found.engine else None,
        devices=await _devices(actor, state, tx) if found.engine else {},
        live=state.live.link.ok,
    )


async def _devices(actor: Actor, state: WebState, tx: Transaction) -> dict[State, int]:
    """Return how many devices are in each state: of all the engine has counted them, of some they are counted here."""
    try:
        if actor.may_everywhere(PLATFORM_READ):
            return await state.engine.counts()
        board = await state.engine.board()
    except EngineUnavailable:
        return {}
    states: dict[str, State] = dict.fromkeys(board.well, "ok")
    states |= {health.device: health.state for health in board.troubled}
    return dict(Counter(states[device] for device in await offices_of_devices(actor, tx, states)))
