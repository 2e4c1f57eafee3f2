"""The tables of credentials, and of where they hold. Secrets are sealed (`kernel/secrets.py`) from the first row on."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
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


class CredentialPlaceRow(Base):
    """That a credential holds at a unit and all below it, at an office, or at a device; one of each use a place.

    What a device itself names for SNMP and SSH stands with the device (`DeviceRow.credential`, `ssh_credential`).
    """

    __tablename__ = "credential_place"
    __table_args__ = (
        CheckConstraint("num_nonnulls(unit_id, office_id, device_id) = 1", name="one_place"),
        UniqueConstraint("unit_id", "use"),
        UniqueConstraint("office_id", "use"),
        UniqueConstraint("device_id", "use"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    credential_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("credential.id"), index=True)
    use: Mapped[str]
    unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))
    office_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("office.id"))
    device_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("device.id"))
