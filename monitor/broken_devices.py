"""Which devices do not answer, or are in a critical state, at an instant: as a part of another domain's statement."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Select, or_, select

from monitor.models import AlertRow


def broken_devices(at: datetime) -> Select[uuid.UUID]:
    """Return a statement for the ids of devices that as a whole had a critical alert open at `at` (aware).

    A line that is down is an alert of its device's interface, and leaves the device whole.
    """
    return select(AlertRow.device_id).where(
        AlertRow.severity == "critical",
        AlertRow.instance == "",
        AlertRow.raised_at <= at,
        or_(AlertRow.cleared_at.is_(None), AlertRow.cleared_at > at),
    )
