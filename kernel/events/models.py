"""The table of events. A row is written in the transaction that made it true, and read by its delivery."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal


class EventRow(Base):
    """One event, as `kernel.events.event.Event` describes it."""

    __tablename__ = "event"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(info=personal("Who did it", kept="as long as the event"))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
