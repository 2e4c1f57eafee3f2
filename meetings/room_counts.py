"""How many meeting rooms each office has: as a part of another domain's statement."""

from __future__ import annotations

import uuid

from sqlalchemy import Select, func, select

from meetings.models import RoomRow


def room_counts() -> Select[uuid.UUID, int]:
    """Return a statement for the id of each office that has meeting rooms, and how many; other things are no rooms."""
    return (
        select(RoomRow.office_id, func.count().label("rooms")).where(RoomRow.kind == "room").group_by(RoomRow.office_id)
    )
