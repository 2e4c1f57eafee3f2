"""Reorganisations of the tree: rehearsed first, then applied on their day, each once and all of it or nothing.

What is to come stands in rows with a due time: a worker that is killed in the middle leaves the tree as it was, and the
next one does it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

import structlog
from sqlalchemy import and_, func, or_, select

from inventory.access import INVENTORY_CHANGE, INVENTORY_READ
from inventory.errors import BadReorganisation, Mistake, ReorganisationOver
from inventory.following import Follower, Line, LinePage
from inventory.models import OfficeRow, ReorganisationRow
from inventory.reorganise import OPERATIONS, Operation, Plan, Tree, UnitNow, plan
from inventory.repository import announce
from inventory.tree_changes import TREE_LOCK, Rehearsal, carry_out, counted, every, hold_tree, moved_by, read_tree
from inventory.units import start_of
from kernel.actors import Actor, system
from kernel.db.transaction import Database, Transaction
from kernel.errors import BadInput, DatabaseUnavailable, NotFound
from kernel.ids import new_id
from kernel.sentences import Sentence

LOOK_EVERY_S: Final = 20.0
MOST_A_PAGE: Final = 200
FARTHEST_YEARS: Final = 20

log = structlog.get_logger(__name__)


class State(StrEnum):
    """Where a reorganisation is; stored with it."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    HELD = "held"
    """Its day came, and it could not be applied: `why` says what is wrong. Nothing was changed."""
    APPLIED = "applied"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ReorganisationView:
    """A reorganisation as others see it; `applied` is None until it was."""

    id: uuid.UUID
    title: str
    day: date
    state: State
    due_at: datetime | None
    operations: tuple[Operation, ...]
    rehearsed: Rehearsal
    applied: Rehearsal | None
    why: tuple[str, ...]
    made_by: str
    made_at: datetime
    over_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReorganisationPage:
    """A page of reorganisations, the latest day first; `next_cursor` is None on the last."""

    reorganisations: list[ReorganisationView]
    next_cursor: str | None


async def propose(
    actor: Actor,
    tx: Transaction,
    followers: Sequence[Follower],
    *,
    title: str,
    day: date,
    operations: Sequence[Operation],
) -> ReorganisationView:
    """Rehearse a reorganisation, keep it as a draft, and return it.

    Raises:
        Refused: `actor` may not change the whole tree.
        BadReorganisation: With every mistake in it.
        BadInput: The day is out of all reason.
    """
    actor.require_everywhere(INVENTORY_CHANGE)
    title = title.strip()
    if not 1 <= len(title) <= MOST_A_PAGE:
        raise BadInput(what="The title", why=Sentence("it has 1 to {most} characters", most=MOST_A_PAGE))
    if abs(day.year - tx.now().year) > FARTHEST_YEARS:
        raise BadInput(what="The day", why=Sentence("it lies more than {years} years away", years=FARTHEST_YEARS))
    await hold_tree(tx)
    rehearsed = await _rehearse(tx, followers, day, operations, None)
    row = ReorganisationRow(
        id=new_id(),
        title=title,
        day=day,
        operations=OPERATIONS.dump_python(tuple(operations), mode="json"),
        state=State.DRAFT,
        rehearsed=_stored(rehearsed),
        why=[],
        made_by=actor.name,
        made_at=tx.now(),
    )
    tx.session.add(row)
    tx.audit(actor, "reorganisation.proposed", f"reorganisation:{row.id}", after=_said(row, rehearsed))
    return _view(row)


async def rehearse(
    actor: Actor, tx: Transaction, followers: Sequence[Follower], *, day: date, operations: Sequence[Operation]
) -> Rehearsal:
    """Return what `operations` would move on `day`, and keep nothing. Raises as `propose`."""
    actor.require_everywhere(INVENTORY_CHANGE)
    return await _rehearse(tx, followers, day, operations, None)


async def schedule(
    actor: Actor, tx: Transaction, followers: Sequence[Follower], which: uuid.UUID
) -> ReorganisationView:
    """Let a draft, or one that was held, be applied on its day by itself; at once if the day has come.

    Raises:
        Refused: `actor` may not change the whole tree.
        NotFound: There is none such.
        ReorganisationOver: It was applied or cancelled.
        BadReorganisation: It does not fit (any more), or another one that waits would not fit after it.
    """
    actor.require_everywhere(INVENTORY_CHANGE)
    await hold_tree(tx)
    row = await _locked(tx, which)
    rehearsed = await _rehearse(tx, followers, row.day, _operations(row), row.id)
    row.rehearsed = _stored(rehearsed)
    row.state, row.due_at, row.why = State.SCHEDULED, start_of(row.day), []
    tx.audit(actor, "reorganisation.scheduled", f"reorganisation:{row.id}", after=_said(row, rehearsed))
    return _view(row)


async def cancel(actor: Actor, tx: Transaction, which: uuid.UUID) -> ReorganisationView:
    """Give up a reorganisation that was not applied. Raises Refused, NotFound, ReorganisationOver."""
    actor.require_everywhere(INVENTORY_CHANGE)
    row = await _locked(tx, which)
    before = row.state
    row.state, row.due_at, row.over_at = State.CANCELLED, None, tx.now()
    tx.audit(
        actor,
        "reorganisation.cancelled",
        f"reorganisation:{row.id}",
        before={"state": before},
        after={"title": row.title},
    )
    return _view(row)


async def reorganisation_for(actor: Actor, tx: Transaction, which: uuid.UUID) -> ReorganisationView:
    """Return one reorganisation; NotFound if there is none. Who may not see the whole tree sees only that it is."""
    actor.require(INVENTORY_READ)
    row = await tx.session.get(ReorganisationRow, which)
    if row is None:
        raise NotFound(kind="reorganisation", code=str(which))
    return _seen_by(actor, _view(row))


async def reorganisations(
    actor: Actor, tx: Transaction, *, limit: int = 50, after: str | None = None
) -> ReorganisationPage:
    """Return a page of reorganisations, the latest day first; of each as much as `actor` may see."""
    actor.require(INVENTORY_READ)
    limit = min(limit, MOST_A_PAGE)
    statement = (
        select(ReorganisationRow).order_by(ReorganisationRow.day.desc(), ReorganisationRow.id.desc()).limit(limit + 1)
    )
    if after is not None:
        day, which = _cursor(after)
        statement = statement.where(
            or_(ReorganisationRow.day < day, and_(ReorganisationRow.day == day, ReorganisationRow.id < which))
        )
    rows = list(await tx.session.scalars(statement))
    last = rows[limit - 1] if len(rows) > limit else None
    return ReorganisationPage(
        [_seen_by(actor, _view(row)) for row in rows[:limit]], f"{last.day}|{last.id}" if last else None
    )


async def lines(
    actor: Actor,
    tx: Transaction,
    followers: Sequence[Follower],
    which: uuid.UUID,
    kind: str,
    *,
    limit: int = 50,
    after: str | None = None,
) -> LinePage:
    """Return a page of what one that waits would move: `offices`, `devices`, or a follower's kind.

    Raises:
        NotFound: There is none such, or no such kind.
        ReorganisationOver: It was applied or cancelled: there is nothing to come.
        BadReorganisation: It does not fit any more.
    """
    actor.require_everywhere(INVENTORY_CHANGE)
    limit = min(limit, MOST_A_PAGE)
    row = await tx.session.get(ReorganisationRow, which)
    if row is None:
        raise NotFound(kind="reorganisation", code=str(which))
    if row.over_at is not None:
        raise ReorganisationOver(title=row.title, state=row.state)
    tree = await _tree_before(tx, row.day, row.id)
    planned = _sound(plan(_operations(row), row.day, tree))
    if kind == "offices":
        return await _office_lines(tx, planned, tree, limit, after)
    for follower in every(followers):
        if follower.kind == kind:
            return await follower.page(await moved_by(tx, planned), tx, limit=limit, after=after)
    raise NotFound(kind="kind", code=kind[:50])


async def run_due_reorganisations(database: Database, followers: Sequence[Follower], stop: asyncio.Event) -> None:
    """Apply what is due, every twenty seconds, until `stop` is set; a database away is waited for."""
    away = False
    while not stop.is_set():
        try:
            while await apply_due(database, followers) is not None:
                pass
        except DatabaseUnavailable as error:
            if not away:
                log.warning("reorganisations_wait", why=str(error))
            away = True
        except Exception:  # a bug must not end the worker; nothing was changed, and it is tried again
            log.exception("reorganisation_failed")
        else:
            away = False
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue


async def apply_due(database: Database, followers: Sequence[Follower]) -> ReorganisationView | None:
    """Apply the first reorganisation that is due and return it; None if there is none, or somebody else does it.

    It is applied in one transaction with the note that it was: killed before the end, nothing has happened.
    """
    async with database.transaction() as tx:
        if not await tx.session.scalar(select(func.pg_try_advisory_xact_lock(TREE_LOCK))):
            return None
        row = await tx.session.scalar(
            select(ReorganisationRow)
            .where(ReorganisationRow.state == State.SCHEDULED, ReorganisationRow.due_at <= tx.now())
            .order_by(ReorganisationRow.day, ReorganisationRow.id)
            .limit(1)
            .with_for_update()
        )
        if row is None:
            return None
        await _apply_row(tx, row, followers)
        return _view(row)


async def _apply_row(tx: Transaction, row: ReorganisationRow, followers: Sequence[Follower]) -> None:
    actor = system("worker")
    planned = plan(_operations(row), row.day, await read_tree(tx))
    row.due_at = None
    if planned.mistakes:
        row.state, row.why = State.HELD, [mistake.why for mistake in planned.mistakes]
        tx.audit(actor, "reorganisation.held", f"reorganisation:{row.id}", after={"title": row.title, "why": row.why})
        log.error("reorganisation_held", title=row.title, mistakes=len(row.why), why=row.why[0])
        return
    done = await carry_out(tx, planned, followers, actor)
    row.state, row.over_at, row.applied = State.APPLIED, tx.now(), _stored(done)
    tx.audit(actor, "reorganisation.applied", f"reorganisation:{row.id}", after=_said(row, done))
    await announce(tx)
    log.info("reorganisation_applied", title=row.title, day=str(row.day), **done.counts)


async def _tree_before(tx: Transaction, day: date, which: uuid.UUID | None) -> Tree:
    """Return the tree as it will be on `day`, once those that wait for an earlier one are applied."""
    tree = await read_tree(tx)
    for earlier in await _waiting(tx, which):
        if earlier.day <= day:
            planned = plan(_operations(earlier), earlier.day, tree)
            if not planned.mistakes:  # else it will be held, and change nothing
                tree = planned.after
    return tree


async def _rehearse(
    tx: Transaction, followers: Sequence[Follower], day: date, operations: Sequence[Operation], which: uuid.UUID | None
) -> Rehearsal:
    """Return what is moved; BadReorganisation if it does not fit, or one that waits for later would not any more."""
    planned = _sound(plan(operations, day, await _tree_before(tx, day, which)))
    tree = planned.after
    for later in await _waiting(tx, which):
        if later.day > day:
            then = plan(_operations(later), later.day, tree)
            if then.mistakes:
                whys = [
                    Mistake(0, f"“{later.title}” of {later.day} would not fit: {wrong.why}") for wrong in then.mistakes
                ]
                raise BadReorganisation(whys)
            tree = then.after
    return await counted(tx, planned, followers)


async def _waiting(tx: Transaction, but: uuid.UUID | None) -> list[ReorganisationRow]:
    statement = (
        select(ReorganisationRow)
        .where(ReorganisationRow.state == State.SCHEDULED)
        .order_by(ReorganisationRow.day, ReorganisationRow.id)
    )
    return [row for row in await tx.session.scalars(statement) if row.id != but]


def _sound(planned: Plan) -> Plan:
    if planned.mistakes:
        raise BadReorganisation(list(planned.mistakes))
    return planned


async def _office_lines(tx: Transaction, planned: Plan, tree: Tree, limit: int, after: str | None) -> LinePage:
    moves = [move for move in planned.moves if after is None or move.office > after]
    shown = moves[:limit]
    named = select(OfficeRow.code, OfficeRow.name).where(OfficeRow.code.in_([move.office for move in shown]))
    names = {row.code: row.name for row in await tx.session.execute(named)}

    def way(codes: Sequence[str], units: Mapping[str, UnitNow]) -> str:
        return ", ".join(units[code].name for code in codes)

    found = [
        Line(
            move.office, names.get(move.office, ""), way(move.before, tree.units), way(move.after, planned.after.units)
        )
        for move in shown
    ]
    return LinePage(found, found[-1].code if len(moves) > limit else None)


async def _locked(tx: Transaction, which: uuid.UUID) -> ReorganisationRow:
    row = await tx.session.get(ReorganisationRow, which, with_for_update=True)
    if row is None:
        raise NotFound(kind="reorganisation", code=str(which))
    if row.over_at is not None:
        raise ReorganisationOver(title=row.title, state=row.state)
    return row


def _operations(row: ReorganisationRow) -> tuple[Operation, ...]:
    return OPERATIONS.validate_python(row.operations)


def _stored(rehearsal: Rehearsal) -> dict[str, Any]:
    return {"counts": dict(rehearsal.counts), "digest": rehearsal.digest}


def _said(row: ReorganisationRow, rehearsal: Rehearsal) -> dict[str, Any]:
    return {"title": row.title, "day": str(row.day), **rehearsal.counts}


def _cursor(after: str) -> tuple[date, uuid.UUID]:
    day, _, which = after.partition("|")
    try:
        return date.fromisoformat(day), uuid.UUID(which)
    except ValueError:
        raise BadInput(what="The cursor", why="it is not `next` of a page of this list") from None


def _seen_by(actor: Actor, view: ReorganisationView) -> ReorganisationView:
    """Return a reorganisation without what names, or counts, things that are not theirs to see."""
    if actor.may_everywhere(INVENTORY_READ):
        return view
    nothing = Rehearsal({}, "")
    applied = None if view.applied is None else nothing
    return replace(view, operations=(), rehearsed=nothing, applied=applied, why=(), made_by="")


def _view(row: ReorganisationRow) -> ReorganisationView:
    return ReorganisationView(
        id=row.id,
        title=row.title,
        day=row.day,
        state=State(row.state),
        due_at=row.due_at,
        operations=_operations(row),
        rehearsed=Rehearsal(**row.rehearsed),
        applied=None if row.applied is None else Rehearsal(**row.applied),
        why=tuple(row.why),
        made_by=row.made_by,
        made_at=row.made_at,
        over_at=row.over_at,
    )
