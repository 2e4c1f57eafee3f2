"""The JSON API on the platform itself."""

from __future__ import annotations

from pydantic import Field

from api.http.deps import CurrentActor, State_
from api.http.paging import Shape
from api.http.readiness import look
from api.http.routes.router import api_router
from inventory.public import PLATFORM_READ
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
    devices: dict[State, int] = Field(description="How many devices are in each state; empty without the engine.")
    live: bool = Field(description="Whether the engine's live events arrive.")


@router.get("/platform", summary="How the platform itself is")
async def read_platform(actor: CurrentActor, state: State_) -> Platform:
    """Answers 200 also when a part is not well: then `ok` is false. `/readyz` says it by its status."""
    actor.require(PLATFORM_READ)
    found = await look(state)
    return Platform(
        ok=found.ok,
        parts=[PartNow.model_validate(part) for part in found.parts],
        store=found.engine.store if found.engine else None,
        poll_interval_s=found.engine.interval_s if found.engine else None,
        devices=found.engine.devices if found.engine else {},
        live=state.live.link.ok,
    )
