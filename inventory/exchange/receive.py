"""Takes a file in: who sent it, what it holds, and its bytes in pieces. Nothing is read of it yet."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import insert, select

from inventory.access import INVENTORY_CHANGE
from inventory.exchange.cells import COLUMNS
from inventory.exchange.models import ImportPieceRow, ImportRow
from inventory.exchange.views import OPEN, ImportState, ImportView, import_row, view
from inventory.holding import actor_of, read_holding
from inventory.models import UnitRow
from inventory.people import accounts
from inventory.people_models import AccountRow
from kernel.actors import Actor, Hold, Permission, Place, system
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, Refused
from kernel.ids import new_id

PIECE: Final = 1024 * 1024
"""Bytes of a piece."""
READ_IMPORT: Final = "read-import"
"""Name of the work that makes the preview of one import; its argument is the import's id."""
APPLY_IMPORT: Final = "apply-import"
"""Name of the work that applies one import; its argument is the import's id."""


class ImportOver(Conflict):
    """What is over is not begun again: the file can be sent again."""

    code = "import-over"
    message = "The import of {file} is {state}. Send the file again."


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What is to be imported.

    Attributes:
        file: Name of the file.
        size: Its bytes.
        kind: What a spreadsheet holds; empty: what its columns tell.
        complete: What it does not name is to be removed.
        within: Code of the unit for which it is complete; empty: wherever the actor may change things.
    """

    file: str
    size: int
    kind: str = ""
    complete: bool = False
    within: str = ""


async def begin_import(actor: Actor, tx: Transaction, request: ImportRequest) -> ImportView:
    """Put an import on record, and return it; its pieces follow.

    Raises:
        Refused: `actor` may change nothing.
        BadInput: There is no such kind or unit.
    """
    actor.require(INVENTORY_CHANGE)
    if request.kind and request.kind not in COLUMNS:
        raise BadInput(what="The kind", why=f"choose one of: {', '.join(COLUMNS)}")
    if request.within and await tx.session.scalar(select(UnitRow.id).where(UnitRow.code == request.within)) is None:
        raise BadInput(what=f"The unit {request.within[:63]}", why="there is none such")
    row = ImportRow(
        id=new_id(),
        file=request.file.replace("\\", "/").rpartition("/")[2][:200] or "file",
        form="yaml" if request.file.lower().endswith((".yaml", ".yml")) else "csv",
        kind=request.kind,
        complete=request.complete,
        within=request.within,
        state=ImportState.READING,
        bytes_total=request.size,
        bytes_read=0,
        done=0,
        counts={},
        read_as={},
        why=None,
        digest="",
        stop_asked=False,
        account_id=actor.id,
        made_by=actor.name,
        holds=[_plain(hold) for hold in actor.holds],
        made_at=tx.now(),
        over_at=None,
    )
    tx.session.add(row)
    await tx.session.flush()
    return view(row)


async def add_piece(tx: Transaction, which: uuid.UUID, no: int, content: bytes) -> None:
    """Keep a piece of the file."""
    await tx.session.execute(insert(ImportPieceRow), [{"import_id": which, "no": no, "content": content}])


async def stop_import(actor: Actor, tx: Transaction, which: uuid.UUID) -> ImportView:
    """Give an import up: at once if it waits, else it stops at its next batch. What is over stays as it is."""
    row = await import_row(actor, tx, which, lock=True)
    if row.state == ImportState.READY:
        row.state, row.over_at = ImportState.STOPPED, tx.now()
    elif row.state in OPEN:
        row.stop_asked = True
    return view(row)


async def discard_import(actor: Actor, tx: Transaction, which: uuid.UUID) -> None:
    """Forget an import with all that was read of it. What it has changed, if it was applied, stays."""
    row = await import_row(actor, tx, which, lock=True)
    await tx.session.delete(row)


async def acting(tx: Transaction, row: ImportRow) -> Actor:
    """Return who acts in an import: its maker, with no more than they might when they sent it, and may still.

    Raises:
        Refused: The account is gone or disabled.
    """
    if row.account_id is None:
        return system(row.made_by)
    found = (await tx.session.execute(accounts(tx).where(AccountRow.id == row.account_id))).one_or_none()
    if found is None or found[0].disabled:
        raise Refused
    fresh = actor_of(found[0].id, found[0].name, read_holding(found[1]))
    return Actor(fresh.id, fresh.name, tuple(hold for one in row.holds if (hold := _still(one, fresh)) is not None))


def _plain(hold: Hold) -> dict[str, Any]:
    return {
        "role": hold.role,
        "permissions": sorted(hold.permissions),
        "within": [{"node": str(place.node), "below": place.below} for place in hold.within],
    }


def _still(plain: dict[str, Any], fresh: Actor) -> Hold | None:
    """Return what somebody held then, if a grant of now still gives it; else None."""
    then = Hold(
        plain["role"],
        frozenset(Permission(one) for one in plain["permissions"]),
        tuple(Place(uuid.UUID(place["node"]), place["below"]) for place in plain["within"]),
    )
    for now in fresh.holds:
        if now.role == then.role and set(now.within) <= set(then.within):
            return Hold(then.role, then.permissions & now.permissions, then.within)
    return None
