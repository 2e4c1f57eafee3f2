"""Tables of contracts and leases, and of what they cover."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, text
from sqlalchemy.dialects.postgresql import DATERANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base


class ContractRow(Base):
    """A contract with a carrier or lessor. `warned_of` is the end of which was told already."""

    __tablename__ = "contract"
    __table_args__ = (
        CheckConstraint("ends IS NULL OR ends >= starts", name="ends_after_it_starts"),
        Index("contract_ends_idx", "ends", postgresql_where=text("ends IS NOT NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    party: Mapped[str]
    number: Mapped[str]
    starts: Mapped[date]
    ends: Mapped[date | None]
    warn_days: Mapped[int]
    sla_percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 3))
    repair_hours: Mapped[Decimal | None] = mapped_column(Numeric(6, 1))
    cost: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str]
    warned_of: Mapped[date | None]


class ContractCoverRow(Base):
    """That a contract covers a line or a device. Of one kind there is one at a time: `valid` is the contract's."""

    __tablename__ = "contract_cover"
    __table_args__ = (
        CheckConstraint("num_nonnulls(uplink_id, device_id) = 1", name="covers_one"),
        ExcludeConstraint(
            ("uplink_id", "="), ("kind", "="), ("valid", "&&"), name="contract_cover_uplink_no_overlap", using="gist"
        ),
        ExcludeConstraint(
            ("device_id", "="), ("kind", "="), ("valid", "&&"), name="contract_cover_device_no_overlap", using="gist"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contract.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    valid: Mapped[Range[date]] = mapped_column(DATERANGE)
    uplink_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("uplink.id", ondelete="CASCADE"))
    device_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
