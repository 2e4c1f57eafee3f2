"""The JSON API on the platform itself."""

from __future__ import annotations

from pydantic import Field

from api.http.deps import CurrentActor, State_, Tx
from api.http.paging import Shape
from api.http.readiness import look
from api.http.routes.router import api_router
from inventory.public import PLATFORM_READ, device_ids
from monitor.public import StoreLive

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
    devices: dict[str, int] = Field(description="How many of the devices that you may see are in each state.")
    live: bool = Field(description="Whether the engine's live events arrive.")


@router.get("/platform", summary="How the platform itself is")
async def read_platform(actor: CurrentActor, state: State_, tx: Tx) -> Platform:
    """Answers 200 also when a part is not well: then `ok` is false. `/readyz` says it by its status."""
    actor.require(PLATFORM_READ)
    found = await look(state)
    return Platform(
        ok=found.ok,
        parts=[PartNow.model_validate(part) for part in found.parts],
        store=found.board.store if found.board else None,
        poll_interval_s=found.board.interval_s if found.board else None,
        devices=found.devices_by_state(None if actor.may_everywhere(PLATFORM_READ) else await device_ids(actor, tx)),
        live=state.live.link.ok,
    )
