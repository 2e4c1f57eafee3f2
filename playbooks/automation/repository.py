"""Reads and writes rows of playbook runs, their waves and hosts."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from kernel.db.transaction import Transaction
from playbooks.automation.models import (
    PlaybookClaimRow,
    PlaybookHostRow,
    PlaybookRunRow,
    PlaybookTaskRow,
    PlaybookWaveRow,
)
from playbooks.automation.runner.port import Difference
from playbooks.automation.runs import TAKES_THE_OFFICE, HostCount, HostState, RunState

BATCH = 1000
"""Rows in one statement: PostgreSQL takes at most 65,535 parameters."""

CLAIMS = 7_212_026
"""Key of the lock under which claims are made: two waves that begin at once must see each other's."""

# Arrays, not a thousand parameters: 100,000 lines are parsed and planned as one statement a batch.
ADD_LINES = text("""
INSERT INTO playbook_line (run_id, line_no, at, host, kind, text)
SELECT :run, :first + place - 1, at, host, kind, said
  FROM unnest(CAST(:ats AS timestamptz[]), CAST(:hosts AS text[]), CAST(:kinds AS text[]), CAST(:texts AS text[]))
       WITH ORDINALITY AS line (at, host, kind, said, place)
""")
SET_HOSTS = text("""
UPDATE playbook_host h
   SET ok = c.ok, changed = c.changed, failed = c.failed, skipped = c.skipped, unreachable = c.unreachable,
       seconds = c.seconds, task = c.task
  FROM unnest(CAST(:hosts AS text[]), CAST(:ok AS int[]), CAST(:changed AS int[]), CAST(:failed AS int[]),
              CAST(:skipped AS int[]), CAST(:unreachable AS bool[]), CAST(:seconds AS float8[]), CAST(:tasks AS text[]))
       AS c (host, ok, changed, failed, skipped, unreachable, seconds, task)
 WHERE h.run_id = :run AND h.host = c.host
""")


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
        select(PlaybookRunRow)
        .where(PlaybookRunRow.id == run)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return row


async def is_cancelled(tx: Transaction, run: uuid.UUID) -> bool:
    """Return whether somebody wants the running `run` to end."""
    found = await tx.session.scalar(select(PlaybookRunRow.cancelled_by).where(PlaybookRunRow.id == run))
    return found is not None


async def add_batch(
    tx: Transaction,
    run: uuid.UUID,
    wave: uuid.UUID,
    batch: int,
    lines: Sequence[Mapping[str, Any]],
    hosts: Mapping[str, tuple[HostCount, float, str]],
) -> bool:
    """Store what a wave has said and done since its last batch; return whether somebody wants the run to end.

    Args:
        tx: The transaction.
        run: The run.
        wave: The wave.
        batch: Number of the batch in the wave, from 1: one that is stored already, by a commit whose answer was lost,
            is not stored again.
        lines: Each with `at`, `host`, `kind` and `text`; they get the next numbers of the run.
        hosts: Counts so far, seconds, and the last task, of hosts of which something was heard.
    """
    # Not the whole row, twice a second: it may hold the names of thousands that are left out.
    cancelled_by = await tx.session.scalar(
        select(PlaybookRunRow.cancelled_by).where(PlaybookRunRow.id == run).with_for_update()
    )
    ours = await tx.session.execute(
        update(PlaybookWaveRow)
        .where(PlaybookWaveRow.id == wave, PlaybookWaveRow.batch == batch - 1)
        .values(batch=batch)
        .returning(PlaybookWaveRow.id)
    )
    if ours.first() is not None:
        await add_lines(tx, run, lines)
        await _set_counts(tx, run, hosts)
    return cancelled_by is not None


async def add_lines(tx: Transaction, run: uuid.UUID, lines: Sequence[Mapping[str, Any]]) -> None:
    """Store lines of a run under its next numbers; nobody else numbers them until this transaction ends."""
    if not lines:
        return
    found = await tx.session.execute(
        select(PlaybookRunRow.last_line, PlaybookRunRow.tally).where(PlaybookRunRow.id == run).with_for_update()
    )
    last, tally = found.one()
    columns = {"ats": "at", "hosts": "host", "kinds": "kind", "texts": "text"}
    arrays = {name: [line[key] for line in lines] for name, key in columns.items()}
    await tx.session.execute(ADD_LINES, {"run": run, "first": last + 1, **arrays})
    await tx.session.execute(
        update(PlaybookRunRow)
        .where(PlaybookRunRow.id == run)
        .values(last_line=last + len(lines), tally=dict(Counter(tally) + Counter(line["kind"] for line in lines)))
        .execution_options(synchronize_session=False)
    )


async def _set_counts(tx: Transaction, run: uuid.UUID, hosts: Mapping[str, tuple[HostCount, float, str]]) -> None:
    if not hosts:
        return
    counts = [count for count, _, _ in hosts.values()]
    await tx.session.execute(
        SET_HOSTS,
        {
            "run": run,
            "hosts": list(hosts),
            "ok": [one.ok for one in counts],
            "changed": [one.changed for one in counts],
            "failed": [one.failed for one in counts],
            "skipped": [one.skipped for one in counts],
            "unreachable": [one.unreachable for one in counts],
            "seconds": [seconds for _, seconds, _ in hosts.values()],
            "tasks": [task for _, _, task in hosts.values()],
        },
    )


async def add_planned_hosts(tx: Transaction, run: uuid.UUID, hosts: Sequence[Mapping[str, Any]]) -> None:
    """Make a row for each host, before anything is known of it; one that is there stays as it is."""
    nothing = {**asdict(HostCount()), "diffs": [], "groups": [], "wave": 1, "state": str(HostState.WAITING)}
    rows = [{"run_id": run, **nothing, **host} for host in hosts]
    for start in range(0, len(rows), BATCH):
        await tx.session.execute(insert(PlaybookHostRow).values(rows[start : start + BATCH]).on_conflict_do_nothing())


async def begin_hosts(tx: Transaction, run: uuid.UUID, hosts: Collection[str]) -> None:
    """Note that `hosts` are begun, once more."""
    await tx.session.execute(
        update(PlaybookHostRow)
        .where(PlaybookHostRow.run_id == run, PlaybookHostRow.host.in_(hosts))
        .values(
            state=str(HostState.RUNNING), tries=PlaybookHostRow.tries + 1, started_at=tx.now(), ended_at=None,
            seen_at=None, **asdict(HostCount()),
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip


async def set_hosts_state(
    tx: Transaction,
    run: uuid.UUID,
    to: HostState,
    *,
    of: HostState,
    hosts: Collection[str] | None = None,
    most_tries: int | None = None,
) -> int:
    """Bring the hosts that are `of` to the state `to`, and return how many they were.

    Args:
        tx: The transaction.
        run: The run.
        to: How they are then.
        of: How they are now.
        hosts: Only these.
        most_tries: Only those that were begun less often.
    """
    statement = (
        update(PlaybookHostRow)
        .where(PlaybookHostRow.run_id == run, PlaybookHostRow.state == str(of))
        .values(state=str(to), ended_at=tx.now())
        .returning(PlaybookHostRow.host)
        .execution_options(synchronize_session=False)
    )
    if hosts is not None:
        statement = statement.where(PlaybookHostRow.host.in_(hosts))
    if most_tries is not None:
        statement = statement.where(PlaybookHostRow.tries < most_tries)
    return len((await tx.session.execute(statement)).all())


async def set_host(
    tx: Transaction,
    run: uuid.UUID,
    host: str,
    count: HostCount | None,
    differences: Sequence[Difference],
    state: HostState,
    report: Mapping[str, Any] | None = None,
) -> None:
    """Store what was done to a host: `count` if its tasks were counted, and all its differences."""
    values: dict[str, Any] = {
        "diffs": [asdict(difference) for difference in differences],
        "state": str(state),
        "ended_at": tx.now(),
    }
    if count is not None:
        values |= asdict(count)
    if report is not None:
        values["report"] = dict(report)
    await tx.session.execute(
        update(PlaybookHostRow)
        .where(PlaybookHostRow.run_id == run, PlaybookHostRow.host == host)
        .values(values)
        .execution_options(synchronize_session=False)
    )


async def counts_of(tx: Transaction, run: uuid.UUID, hosts: Collection[str] | None = None) -> Counter[HostState]:
    """Return how many hosts of a run, or of `hosts` among them, are how."""
    statement = (
        select(PlaybookHostRow.state, func.count()).where(PlaybookHostRow.run_id == run).group_by(PlaybookHostRow.state)
    )
    if hosts is not None:
        statement = statement.where(PlaybookHostRow.host.in_(hosts))
    return Counter({HostState(state): number for state, number in await tx.session.execute(statement)})


async def add_tasks(tx: Transaction, wave: uuid.UUID, tasks: Sequence[Mapping[str, Any]]) -> None:
    """Store how long the tasks of a wave took; again changes nothing."""
    rows = [{"wave_id": wave, "place": place, **task} for place, task in enumerate(tasks, 1)]
    for start in range(0, len(rows), BATCH):
        await tx.session.execute(insert(PlaybookTaskRow).values(rows[start : start + BATCH]).on_conflict_do_nothing())


async def hold_claims(tx: Transaction) -> None:
    """Let nobody else make claims until this transaction ends."""
    await tx.session.execute(select(func.pg_advisory_xact_lock(bindparam("key", CLAIMS))))


async def claim(tx: Transaction, run: uuid.UUID, wave: uuid.UUID, devices: Mapping[str, Collection[str]]) -> None:
    """Let the wave have `devices` (code to groups): the lock is held, and nobody else has them."""
    rows = [
        {"device": device, "groups": sorted(groups), "run_id": run, "wave_id": wave}
        for device, groups in devices.items()
    ]
    for start in range(0, len(rows), BATCH):
        await tx.session.execute(insert(PlaybookClaimRow).values(rows[start : start + BATCH]))


async def release(tx: Transaction, wave: uuid.UUID, devices: Collection[str] | None = None) -> None:
    """Give back what the wave has, or those of `devices`."""
    statement = delete(PlaybookClaimRow).where(PlaybookClaimRow.wave_id == wave)
    if devices is not None:
        statement = statement.where(PlaybookClaimRow.device.in_(devices))
    await tx.session.execute(statement.execution_options(synchronize_session=False))


async def waves_of(tx: Transaction, run: uuid.UUID) -> list[PlaybookWaveRow]:
    """Return the run's waves that were begun or are about to be, in that order; the run is locked by the caller."""
    found = select(PlaybookWaveRow).where(PlaybookWaveRow.run_id == run).order_by(PlaybookWaveRow.id)
    return list(await tx.session.scalars(found.execution_options(populate_existing=True)))


def state_of(row: PlaybookRunRow) -> RunState:
    """Return the row's state."""
    return RunState(row.state)


def line(at: datetime, kind: str, words: str, host: str = "") -> dict[str, Any]:
    """Return a line as `add_lines` takes it."""
    return {"at": at, "host": host, "kind": kind, "text": words}
