"""Tables of who may do what, and where: roles with their permissions, and grants of a role on a node of the tree."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal


class RoleRow(Base):
    """A role. Its code is stored with grants and named in playbooks: add roles, never rename one."""

    __tablename__ = "role"

    code: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    name: Mapped[str]
    name_en: Mapped[str]
    needs_totp: Mapped[bool]


class RolePermissionRow(Base):
    """A permission that a role has. One that the code does not know (any more) allows nothing."""

    __tablename__ = "role_permission"

    role: Mapped[str] = mapped_column(ForeignKey("role.code"), primary_key=True)
    permission: Mapped[str] = mapped_column(primary_key=True)


class GrantRow(Base):
    """A role on a unit during a time, alone or with all `below` it; without a unit on the whole tree.

    A grant is never deleted: taken away, it has an end, and who ended it. So it can be told who could do what when.
    """

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="lasts"),
        CheckConstraint("unit_id IS NOT NULL OR below", name="whole_tree"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(ForeignKey("role.code"), index=True)
    unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"), index=True)
    below: Mapped[bool]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    given_at: Mapped[datetime]
    given_by: Mapped[str] = mapped_column(info=personal("Who gave it", kept="as long as the grant"))
    ended_by: Mapped[str | None] = mapped_column(info=personal("Who took it away", kept="as long as the grant"))
