"""Tables of webhooks: those that launch, the calls of each, those that are told, and what each was told."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal


class HookRow(Base):
    """A signed call that launches one order, with the rights that its maker has at the time."""

    __tablename__ = "playbook_hook"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    playbook: Mapped[str]
    target: Mapped[dict[str, Any]] = mapped_column(JSONB)
    check_mode: Mapped[bool]
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB)
    only_in_windows: Mapped[bool]
    secret: Mapped[bytes]
    owner_id: Mapped[uuid.UUID]
    owner: Mapped[str] = mapped_column(
        info=personal("With whose rights it runs", kept="as long as the webhook", account="owner_id")
    )
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class HookCallRow(Base):
    """A call that was signed well. There is one row a message: a repeated one launches nothing."""

    __tablename__ = "playbook_hook_call"

    hook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_hook.id"), primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    run_id: Mapped[uuid.UUID | None]
    code: Mapped[str]
    why: Mapped[str]


class ReceiverRow(Base):
    """An address that is told of runs. Address and secret are sealed: an address may hold a secret too."""

    __tablename__ = "playbook_receiver"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    host: Mapped[str]
    url: Mapped[bytes]
    secret: Mapped[bytes]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    made_by: Mapped[str] = mapped_column(info=personal("Who made it", kept="as long as the receiver"))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class DeliveryRow(Base):
    """What a receiver was told of one event, or why not."""

    __tablename__ = "playbook_delivery"

    receiver_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_receiver.id"), primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event: Mapped[str]
    state: Mapped[str]
    why: Mapped[str]
    at: Mapped[datetime]
