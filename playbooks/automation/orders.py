"""What a schedule or a webhook launches, as it is stored: a roll-out whose every word was fixed when it was made."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from inventory.public import actor_for
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from playbooks.automation.catalog import Catalog
from playbooks.automation.errors import BadArgument, OwnerGone
from playbooks.automation.outside import Outside
from playbooks.automation.queries import RunView
from playbooks.automation.roll_out import (
    RolloutProspect,
    RolloutRequest,
    TargetWish,
    roll_out,
    rollout_prospect,
)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run, again and again.

    Attributes:
        playbook: Its name in the catalog.
        wish: Where; which devices those are is asked anew each time.
        check: Only say what would change.
        arguments: By name.
        only_in_windows: Whether it waits for a maintenance window.
    """

    playbook: str
    wish: TargetWish
    check: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    only_in_windows: bool = False

    def columns(self) -> dict[str, Any]:
        """Return the order as it is stored."""
        wish = {name: list(codes) for name, codes in asdict(self.wish).items() if codes}
        return {
            "playbook": self.playbook,
            "target": wish,
            "check_mode": self.check,
            "arguments": dict(self.arguments),
            "only_in_windows": self.only_in_windows,
        }


def wish_of(target: Mapping[str, Any]) -> TargetWish:
    """Return a stored wish."""
    return TargetWish(**{name: tuple(codes) for name, codes in target.items()})


async def judged(
    order: Order, actor: Actor, tx: Transaction, outside: Outside, catalog: Catalog | None
) -> RolloutProspect:
    """Return what the order would meet now, if `actor` may launch it; its arguments are all of their form.

    Raises:
        Refused, NotForYourRole, NotFound, BadInput, NoTargetsAtAll: As `roll_out`.
        BadArgument: An argument is unknown, missing or not of its form.
    """
    found = await rollout_prospect(request_of(order, ""), actor, tx, outside, catalog=catalog)
    for name, misfit in found.misfits.items():
        raise BadArgument(name=name, why=str(misfit))
    return found


def request_of(order: Order, note: str) -> RolloutRequest:
    """Return the order as a request of today."""
    return RolloutRequest(
        order.playbook,
        order.wish,
        check=order.check,
        arguments=dict(order.arguments),
        only_in_windows=order.only_in_windows,
        note=note,
    )


async def launch_order(
    order: Order,
    owner: uuid.UUID,
    owner_name: str,
    tx: Transaction,
    outside: Outside,
    *,
    note: str,
    examples: bool,
    catalog: Catalog | None = None,
) -> RunView:
    """Launch the order with the rights that its owner has now, and return its run.

    Raises:
        OwnerGone: The account is disabled or gone.
        Refused, Conflict, BadInput, NotFound: As `roll_out`.
    """
    actor = await actor_for(owner, tx, examples=examples)
    if actor is None:
        raise OwnerGone(owner=owner_name)
    return await roll_out(request_of(order, note), actor, tx, outside, catalog=catalog)
