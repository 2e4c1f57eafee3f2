"""Cancels a meeting, or it and all that follow it in its series, and gives the rooms back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from inventory.public import MEETINGS_BOOK, MEETINGS_MANAGE, persons
from kernel.actors import Actor, system
from kernel.db.transaction import Transaction
from meetings.delegation import is_delegate
from meetings.errors import ChangedMeanwhile, MeetingOver, NoSeries, NotYourMeeting
from meetings.events import MeetingCancelled
from meetings.models import MeetingRow, SeriesRow
from meetings.queries import meeting_for
from meetings.repository import release
from meetings.reserving import hand_on
from meetings.room_queries import rooms_of
from meetings.views import MeetingView


async def cancel(actor: Actor, meeting_id: uuid.UUID, tx: Transaction, *, version: int | None = None) -> MeetingView:
    """Cancel the meeting, whether it has begun or not, and return it. Twice is as once.

    Raises:
        Refused: The role may not book.
        NotFound: There is no such meeting that `actor` may see.
        NotYourMeeting: It is somebody else's, who has not named `actor`, and the role may not change what others booked
            in all of its offices.
        MeetingOver: It has ended.
        ChangedMeanwhile: It is not at `version` any more.
    """
    actor.require(MEETINGS_BOOK)
    row, view = await meeting_to_change(actor, meeting_id, tx)
    if row.state == "cancelled":
        return view
    await check_change(actor, row, tx, version)
    await call_off(tx, actor, [row])
    return await meeting_for(actor, meeting_id, tx)


async def cancel_following(
    actor: Actor, meeting_id: uuid.UUID, tx: Transaction, *, version: int | None = None
) -> list[uuid.UUID]:
    """Cancel the meeting and all that follow it in its series, which ends there; return which were cancelled.

    Raises:
        NoSeries: It is none of a series.
        Refused, NotFound, NotYourMeeting, MeetingOver, ChangedMeanwhile: As `cancel`.
    """
    actor.require(MEETINGS_BOOK)
    series, following = await following_of(actor, meeting_id, tx, version)
    series.until_local, series.state = following[0].original_local, "ended"
    series.version += 1
    booked = [row for row in following if row.state == "booked" and row.ends_at > tx.now()]
    await call_off(tx, actor, booked)
    tx.audit(actor, "series.ended", f"series:{series.id}", after={"until": str(series.until_local)})
    return [row.id for row in booked]


async def meeting_to_change(actor: Actor, meeting_id: uuid.UUID, tx: Transaction) -> tuple[MeetingRow, MeetingView]:
    """Return the meeting, locked, and as `actor` sees it; NotFound if they do not."""
    row = (
        await tx.session.execute(
            select(MeetingRow)
            .where(MeetingRow.id == meeting_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()
    view = await meeting_for(actor, meeting_id, tx)
    assert row is not None  # noqa: S101 - it was seen
    return row, view


async def check_change(actor: Actor, row: MeetingRow, tx: Transaction, version: int | None) -> None:
    """Return if `actor` may change a meeting now. Raises NotYourMeeting, MeetingOver, ChangedMeanwhile."""
    if not await may_change(actor, row.id, row.organiser_id, tx):
        people = await persons.of([row.organiser_id], tx)
        raise NotYourMeeting(organiser=people[row.organiser_id].display_name if people else row.organiser)
    if row.ends_at <= tx.now():
        raise MeetingOver
    if version is not None and row.version != version:
        raise ChangedMeanwhile(seen=version, version=row.version)


async def may_change(actor: Actor, meeting_id: uuid.UUID, organiser: uuid.UUID | None, tx: Transaction) -> bool:
    """Return whether `actor` may change a meeting: it is theirs or of who named them, or they manage its offices."""
    return (
        (actor.id is not None and actor.id == organiser)
        or await is_delegate(actor, organiser, tx)
        or await manages(actor, meeting_id, tx)
    )


async def following_of(
    actor: Actor, meeting_id: uuid.UUID, tx: Transaction, version: int | None
) -> tuple[SeriesRow, list[MeetingRow]]:
    """Return the series of a meeting, and the meeting with all that follow it, locked, in the order of the rule."""
    view = await meeting_for(actor, meeting_id, tx)
    if view.series is None:
        raise NoSeries
    # The series first, whoever changes it: then its meetings, then rooms. So nobody waits in a circle.
    series = (
        await tx.session.execute(select(SeriesRow).where(SeriesRow.id == view.series).with_for_update())
    ).scalar_one()
    row, _ = await meeting_to_change(actor, meeting_id, tx)
    if row.series_id != series.id:
        raise ChangedMeanwhile(seen=view.version, version=row.version)
    await check_change(actor, row, tx, version)
    following = await tx.session.scalars(
        select(MeetingRow)
        .where(MeetingRow.series_id == series.id, MeetingRow.original_local >= row.original_local)
        .order_by(MeetingRow.original_local)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return series, list(following)


async def call_off(tx: Transaction, actor: Actor, rows: Sequence[MeetingRow], reason: str = "") -> None:
    """Cancel `rows`, which are locked, and give their rooms back."""
    for row in rows:
        row.state, row.version = "cancelled", row.version + 1
        tx.audit(
            actor,
            "meeting.cancelled",
            f"meeting:{row.id}",
            before={"title": row.title, "starts_at": row.starts_at.isoformat(), "organiser": row.organiser},
            reason=reason,
        )
        if row.held_until is None:  # nobody was told of one that was only held
            tx.emit(MeetingCancelled(meeting_id=str(row.id)), by=actor)
    await tx.session.flush()
    await hand_on(tx, actor, await release(tx, [row.id for row in rows]))


async def manages(actor: Actor, meeting_id: uuid.UUID, tx: Transaction) -> bool:
    """Return whether `actor` may change what others booked in every office of the meeting, seen or not."""
    if not actor.may(MEETINGS_MANAGE):
        return False
    everyone = await rooms_of(system("guard"), meeting_id, tx)
    return await rooms_of(actor, meeting_id, tx, MEETINGS_MANAGE) == everyone
