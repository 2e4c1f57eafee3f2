"""Books a meeting: every room of it or none, and two at once never both get a room."""

from __future__ import annotations

import hashlib
import json
import secrets
import string
import uuid
from datetime import UTC

from inventory.public import MEETINGS_BOOK
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from kernel.ids import new_id
from meetings.conflicts import BookingRequest, check_request, in_the_way, room_taken
from meetings.errors import KeyReused
from meetings.events import MeetingBooked
from meetings.models import MeetingRow
from meetings.queries import meeting_for, rooms_by_code, seen_of
from meetings.readiness import first_checks
from meetings.repository import booked_in, claim_key, lock_rooms, reserve, save_checks
from meetings.views import MeetingView

LETTERS = string.ascii_lowercase + string.digits
CONFERENCE_LETTERS = 20
"""About 103 bits: who has no invitation does not find the conference by trying names."""


async def book(request: BookingRequest, actor: Actor, tx: Transaction, *, key: str = "") -> MeetingView:
    """Book every room of `request` for its time, or none, and return the meeting.

    Args:
        request: What to book; a room named twice counts once.
        actor: Who books, and organises.
        tx: The transaction; the rooms are locked until it ends.
        key: The same key of the same actor with the same request gives the meeting that it gave before.

    Raises:
        Refused: The role may not book.
        BadTitle, NoRooms, BadTime: The request makes no sense.
        NotFound: There is no such room that `actor` may book.
        RoomTaken: Naming each room that is taken, by whose booking, and until when.
        KeyReused: The key was used for another request.
    """
    actor.require(MEETINGS_BOOK)
    meeting_id = new_id()
    # First the key: repeated after the meeting has begun, the request makes no sense any more, and its answer does.
    if key and (known := await claim_key(tx, _keeper(actor), key, _print_of(request), meeting_id)) is not None:
        if known[1] != _print_of(request):
            raise KeyReused
        return await meeting_for(actor, known[0], tx)
    check_request(request, tx.now())
    found = await rooms_by_code(actor, tx, request.rooms, MEETINGS_BOOK)
    for code in request.rooms:
        if code not in found:
            raise NotFound(kind="room", code=code)
    await lock_rooms(tx, [room_id for room_id, _ in found.values()])
    await _refuse_if_taken(request, actor, tx, {room_id: code for code, (room_id, _) in found.items()})

    starts_at, ends_at = request.starts_at.astimezone(UTC), request.ends_at.astimezone(UTC)
    meeting = MeetingRow(
        id=meeting_id,
        title=request.title.strip(),
        conference="".join(secrets.choice(LETTERS) for _ in range(CONFERENCE_LETTERS)),
        organiser_id=actor.id,
        organiser=actor.name,
        starts_at=starts_at,
        ends_at=ends_at,
        state="booked",
        created_at=tx.now(),
        version=1,
    )
    tx.session.add(meeting)
    await tx.session.flush()
    ids = [room_id for room_id, _ in found.values()]
    if await reserve(tx, meeting_id, ids, starts_at, ends_at) < len(ids):
        # Somebody booked without locking the rooms, and the guard held. Our rows are in the way of nobody: the error
        # rolls them back.
        await _refuse_if_taken(request, actor, tx, {room_id: code for code, (room_id, _) in found.items()}, meeting_id)
        raise RuntimeError("the guard refused a room that nobody has")
    await save_checks(tx, meeting_id, first_checks(starts_at, tx.now()))
    rooms = sorted(found)
    tx.audit(
        actor,
        "meeting.booked",
        f"meeting:{meeting_id}",
        after={
            "title": meeting.title,
            "rooms": rooms,
            "starts_at": starts_at.isoformat(),
            "ends_at": ends_at.isoformat(),
        },
    )
    tx.emit(
        MeetingBooked(
            meeting_id=str(meeting_id),
            title=meeting.title,
            rooms=rooms,
            starts_at=starts_at.isoformat(),
            ends_at=ends_at.isoformat(),
        ),
        by=actor,
    )
    return MeetingView(
        id=meeting_id,
        title=meeting.title,
        conference=meeting.conference,
        organiser=meeting.organiser,
        starts_at=starts_at,
        ends_at=ends_at,
        state="booked",
        rooms=tuple(view for _, view in found.values()),
    )


async def _refuse_if_taken(
    request: BookingRequest, actor: Actor, tx: Transaction, rooms: dict[int, str], ours: uuid.UUID | None = None
) -> None:
    booked = await booked_in(tx, rooms, request.starts_at, request.ends_at)
    found = in_the_way(request, [one for one in booked if one.meeting != ours])
    if found:
        views = await rooms_by_code(actor, tx, [one.room for one in found], MEETINGS_BOOK)
        names = {code: view.name for code, (_, view) in views.items()}
        raise room_taken(found, names, await seen_of(actor, found, tx))


def _keeper(actor: Actor) -> str:
    """Return under whom a key is kept: two people may have the same one."""
    return str(actor.id or actor.name)


def _print_of(request: BookingRequest) -> bytes:
    """Return what tells one request from another."""
    parts = [
        request.title.strip(),
        sorted(set(request.rooms)),
        *(at.astimezone(UTC).isoformat() for at in (request.starts_at, request.ends_at)),
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).digest()
