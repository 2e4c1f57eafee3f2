"""Asks every guard about devices at once: meetings, windows, other runs. What they say is decided in `guards.py`."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import false, or_, select, true

from inventory.public import offices_behind, persons, window_times
from kernel.db.transaction import Transaction
from playbooks.automation.guards import Hindrance, HindranceKind, SessionNotice, of_device
from playbooks.automation.models import PlaybookClaimRow, PlaybookRunRow
from playbooks.automation.outside import Outside

LOOK_AHEAD: Final = timedelta(days=35)
"""How far a maintenance window is looked for, to tell when a run goes on."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A device about which the guards are asked.

    Attributes:
        device: Its code.
        office: Code of its office.
        groups: Groups of lines that it carries.
    """

    device: str
    office: str
    groups: frozenset[str] = frozenset()


async def ask_guards(
    tx: Transaction,
    outside: Outside,
    hosts: Sequence[Guarded],
    *,
    changes: bool,
    only_in_windows: bool,
    but: uuid.UUID | None = None,
) -> dict[str, Hindrance]:
    """Return what holds up a run on each of `hosts` now; none: no entry.

    Args:
        tx: The transaction; nothing in it leaves the database.
        outside: Who meets.
        hosts: The devices.
        changes: Whether the run changes anything, and nobody has let it run in spite of meetings and windows.
        only_in_windows: Whether it goes on in maintenance windows only.
        but: A wave whose own claims do not count.
    """
    found = await _other_runs(tx, hosts, but)
    if not changes:
        return found
    at, devices = tx.now(), [host.device for host in hosts]
    behind = await offices_behind(tx, devices)
    offices = {host.office for host in hosts}.union(*behind.values())
    by_office: dict[str, list[SessionNotice]] = {}
    for notice in await outside.sessions(tx, sorted(offices), at):
        by_office.setdefault(notice.office, []).append(notice)
    times = await window_times(tx, devices, at, at + LOOK_AHEAD)
    for host in hosts:
        places = {host.office} | behind.get(host.device, frozenset())
        sessions = [notice for place in sorted(places) for notice in by_office.get(place, ())]
        hindrance = of_device(sessions, times.get(host.device, []), only_in_windows=only_in_windows, at=at)
        if hindrance is not None:
            found[host.device] = hindrance
    return found


async def _other_runs(tx: Transaction, hosts: Collection[Guarded], but: uuid.UUID | None) -> dict[str, Hindrance]:
    """Return which devices another wave has, or has one that stands in for them."""
    groups = sorted({group for host in hosts for group in host.groups})
    rows = await tx.session.execute(
        select(PlaybookClaimRow.device, PlaybookClaimRow.groups, PlaybookRunRow.id, PlaybookRunRow.playbook,
               PlaybookRunRow.launched_by, persons.called(PlaybookRunRow.launched_by_id, PlaybookRunRow.launched_by))
        .join(PlaybookRunRow, PlaybookRunRow.id == PlaybookClaimRow.run_id)
        .where(
            or_(
                PlaybookClaimRow.device.in_([host.device for host in hosts]),
                PlaybookClaimRow.groups.overlap(groups) if groups else false(),
            ),
            true() if but is None else PlaybookClaimRow.wave_id != but,
        )
    )  # fmt: skip
    claims = [(device, frozenset(carried), (str(run), *names)) for device, carried, run, *names in rows]
    found: dict[str, Hindrance] = {}
    for host in hosts:
        for device, carried, (run, name, who, called) in claims:
            if device == host.device or not carried.isdisjoint(host.groups):
                about: Mapping[str, str | int] = {
                    "run": run, "playbook": name, "launcher": who, "launcher_name": called, "device": device,
                }  # fmt: skip
                found[host.device] = Hindrance(HindranceKind.ANOTHER_RUN, None, 1, about)
                break
    return found
