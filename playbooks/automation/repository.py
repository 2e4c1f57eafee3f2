"""Reads and writes rows of playbook runs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert

from kernel.db.transaction import Transaction
from playbooks.automation.models import PlaybookHostRow, PlaybookLineRow, PlaybookRunRow
from playbooks.automation.runner.port import Difference
from playbooks.automation.runs import TAKES_THE_OFFICE, HostCount, RunState

BATCH = 1000
"""Lines in one statement: PostgreSQL takes at most 65,535 parameters."""


async def insert_run(tx: Transaction, values: dict[str, Any]) -> bool:
    """Insert a run; False, and nothing inserted, if another one has the office.

    Of two launches at the same moment the second waits here for the first to be committed or not.
    """
    found = await tx.session.scalar(
        insert(PlaybookRunRow)
        .values(values)
        .on_conflict_do_nothing(index_elements=["office_id"], index_where=text("state IN ('waiting', 'running')"))
        .returning(PlaybookRunRow.id)
    )
    return found is not None


async def run_on(tx: Transaction, office_id: uuid.UUID) -> PlaybookRunRow | None:
    """Return the run that has the office, if any."""
    row: PlaybookRunRow | None = await tx.session.scalar(
        select(PlaybookRunRow).where(
            PlaybookRunRow.office_id == office_id, PlaybookRunRow.state.in_([str(state) for state in TAKES_THE_OFFICE])
        )
    )
    return row


async def locked(tx: Transaction, run: uuid.UUID) -> PlaybookRunRow | None:
    """Return the run for a change; None if there is none."""
    row: PlaybookRunRow | None = await tx.session.scalar(
        select(PlaybookRunRow).where(PlaybookRunRow.id == run).with_for_update()
    )
    return row


async def is_cancelled(tx: Transaction, run: uuid.UUID) -> bool:
    """Return whether somebody wants the running `run` to end."""
    found = await tx.session.scalar(select(PlaybookRunRow.cancelled_by).where(PlaybookRunRow.id == run))
    return found is not None


async def add_lines(tx: Transaction, run: uuid.UUID, lines: Sequence[dict[str, Any]]) -> None:
    """Store lines; those that are stored already, by a commit whose answer was lost, stay as they are."""
    for start in range(0, len(lines), BATCH):
        await tx.session.execute(
            insert(PlaybookLineRow)
            .values([{"run_id": run, **line} for line in lines[start : start + BATCH]])
            .on_conflict_do_nothing()
        )


async def add_hosts(tx: Transaction, run: uuid.UUID, hosts: Sequence[str]) -> None:
    """Make a row for each host, before anything is known of it."""
    await tx.session.execute(
        insert(PlaybookHostRow)
        .values([{"run_id": run, "host": host, **asdict(HostCount()), "diffs": []} for host in hosts])
        .on_conflict_do_nothing()
    )


async def set_host(
    tx: Transaction, run: uuid.UUID, host: str, count: HostCount | None, differences: Sequence[Difference]
) -> None:
    """Store what was done to a host: `count` if its tasks were counted, and all its differences."""
    values: dict[str, Any] = {"diffs": [asdict(difference) for difference in differences]}
    if count is not None:
        values |= asdict(count)
    await tx.session.execute(
        update(PlaybookHostRow)
        .where(PlaybookHostRow.run_id == run, PlaybookHostRow.host == host)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def state_of(row: PlaybookRunRow) -> RunState:
    """Return the row's state."""
    return RunState(row.state)
