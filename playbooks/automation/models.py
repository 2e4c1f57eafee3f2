"""Tables of playbooks: runs, their waves, what they said line by line, and what they did to each host."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal


class PlaybookRunRow(Base):
    """One launch of one playbook. `office_id` is set for a run on one office, and null for a rollout on many devices.

    At most one run that has an office is waiting or running there; what rollouts hold is in `PlaybookClaimRow`.
    """

    __tablename__ = "playbook_run"
    __table_args__ = (
        Index(
            "playbook_run_one_an_office_key",
            "office_id",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
        Index("playbook_run_office_idx", "office_id", "id"),
        Index("playbook_run_look_idx", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    playbook: Mapped[str]
    office_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("office.id"))
    check_mode: Mapped[bool]
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB)
    targets: Mapped[list[str]] = mapped_column(JSONB)
    left_out: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"))
    state: Mapped[str]
    why: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    launched_by_id: Mapped[uuid.UUID | None]
    launched_by: Mapped[str] = mapped_column(
        info=personal("Who ran it", kept="as long as the run", account="launched_by_id")
    )
    launched_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    held_for: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    overridden_by_id: Mapped[uuid.UUID | None]
    overridden_by: Mapped[str | None] = mapped_column(
        info=personal("Who let it run", kept="as long as the run", account="overridden_by_id")
    )
    override_reason: Mapped[str]
    cancelled_by: Mapped[str | None] = mapped_column(info=personal("Who ended it", kept="as long as the run"))
    attempt: Mapped[uuid.UUID | None]

    wish: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    plan: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    devices: Mapped[int] = mapped_column(server_default=text("0"))
    offices: Mapped[int] = mapped_column(server_default=text("0"))
    content: Mapped[str] = mapped_column(server_default="")
    note: Mapped[str] = mapped_column(server_default="")
    priority: Mapped[str] = mapped_column(server_default="routine")
    approve_by: Mapped[datetime | None]
    approved_by_id: Mapped[uuid.UUID | None]
    approved_by: Mapped[str | None] = mapped_column(
        info=personal("Who approved it", kept="as long as the run", account="approved_by_id")
    )
    approved_at: Mapped[datetime | None]
    paused_by: Mapped[str | None] = mapped_column(info=personal("Who paused it", kept="as long as the run"))
    expires_at: Mapped[datetime | None]
    retry_of: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("playbook_run.id"))
    undo_of: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("playbook_run.id"))
    hindrances: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    look_at: Mapped[datetime | None]
    last_line: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    tally: Mapped[dict[str, int]] = mapped_column(JSONB, server_default=text("'{}'"))


class PlaybookWaveRow(Base):
    """One child process of a run: hosts that are done together. `number` is of the plan, 0 for hosts tried again."""

    __tablename__ = "playbook_wave"
    __table_args__ = (
        Index("playbook_wave_run_idx", "run_id"),
        Index("playbook_wave_going_idx", "state", postgresql_where=text("state IN ('waiting', 'running', 'soaking')")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_run.id"))
    number: Mapped[int]
    kind: Mapped[str]
    state: Mapped[str]
    attempt: Mapped[uuid.UUID | None]
    hosts: Mapped[list[str]] = mapped_column(JSONB)
    counts: Mapped[dict[str, int]] = mapped_column(JSONB)
    alarms: Mapped[list[str]] = mapped_column(JSONB)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    soak_until: Mapped[datetime | None]
    batch: Mapped[int] = mapped_column(BigInteger)


class PlaybookLineRow(Base):
    """One line of a run's log, secrets hidden. `line_no` counts from 1 without gaps."""

    __tablename__ = "playbook_line"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_run.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    host: Mapped[str]
    kind: Mapped[str]
    text: Mapped[str]


class PlaybookHostRow(Base):
    """A host of a run: where it is in the plan, how it is, counts of tasks, and differences, secrets hidden."""

    __tablename__ = "playbook_host"
    __table_args__ = (
        Index("playbook_host_state_idx", "run_id", "state", "wave"),
        Index("playbook_host_office_idx", "office_id"),
        Index("playbook_host_lane_idx", "office_id", postgresql_where=text("state IN ('unreachable', 'running')")),
    )

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_run.id"), primary_key=True)
    host: Mapped[str] = mapped_column(primary_key=True)
    office_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("office.id"))
    wave: Mapped[int] = mapped_column(server_default=text("1"))
    state: Mapped[str] = mapped_column(server_default="waiting")
    groups: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    seconds: Mapped[float] = mapped_column(server_default=text("0"))
    task: Mapped[str] = mapped_column(server_default="")
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    ok: Mapped[int]
    changed: Mapped[int]
    failed: Mapped[int]
    skipped: Mapped[int]
    unreachable: Mapped[bool]
    diffs: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class PlaybookTaskRow(Base):
    """How long a task of a wave took: in all, and at the host that was slowest. `place` counts from 1."""

    __tablename__ = "playbook_task"

    wave_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_wave.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    hosts: Mapped[int]
    seconds: Mapped[float]
    longest_s: Mapped[float]
    slowest_host: Mapped[str]


class PlaybookClaimRow(Base):
    """A device that a wave has, from its begin until its soak is over.

    Nobody else touches it, nor what stands in for it: what shares one of `groups`.
    """

    __tablename__ = "playbook_claim"

    device: Mapped[str] = mapped_column(primary_key=True)
    groups: Mapped[list[str]] = mapped_column(ARRAY(Text))
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_run.id"))
    wave_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_wave.id"), index=True)
