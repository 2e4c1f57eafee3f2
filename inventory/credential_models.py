"""The table of credentials. Its secrets are sealed (`kernel/secrets.py`) from the first row on."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base


class CredentialRow(Base):
    """How to be let into devices. `public`: fields that are no secret; `sealed`: field -> sealed bytes as base64."""

    __tablename__ = "credential"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    public: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sealed: Mapped[dict[str, str]] = mapped_column(JSONB)
    changed_at: Mapped[datetime]
