"""Keeps the alert rows true to what the rules say: compares, writes, and goes on trying while the database is away."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping

import structlog
from sqlalchemy.exc import IntegrityError

from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable
from monitor.alerts import AlertKey, Decision, decide
from monitor.current import CurrentState
from monitor.maintenance import Look, look
from monitor.repository import load_open, load_silent, open_windows, save, save_look

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
ASK_EVERY = 5
"""Looks without anything to write, after which the database is asked whether it is there."""
LONGEST_WAIT_S = 15.0
MAINTENANCE_EVERY = 10
"""Looks after which the alerts of maintenance windows are looked at: so soon after its end is told what is left."""
MOST_AT_ONCE = 500
"""Alerts written in one transaction: a province that goes dark must not hold locks for long."""


class AlertKeeper:
    """Writes alerts for one engine."""

    def __init__(self, current: CurrentState, database: Database, on_change: Callable[[bool, str], None]) -> None:
        """`on_change` is told when the database stops answering (False, why) and when it answers again."""
        self._current = current
        self._database = database
        self._on_change = on_change
        self._actor = system("engine")
        self._open: dict[AlertKey, uuid.UUID] = {}
        self._devices: Mapping[str, uuid.UUID] = {}
        self._quiet = 0
        self._looks = 0
        self.database_ok = True

    async def load(self, devices: Mapping[str, uuid.UUID]) -> None:
        """Read the open alerts of `devices` (code to id), and let the present state remember them.

        Raises:
            DatabaseUnavailable: The database does not answer.
        """
        async with self._database.transaction() as tx:
            found = await load_open(tx, devices)
        self._devices = devices
        self._open = {key: row for key, (row, _) in found.items()}
        self._current.restore((), {key: since_ms for key, (_, since_ms) in found.items()})

    async def run(self) -> None:
        """Write until cancelled."""
        wait_s = LOOK_EVERY_S
        while True:
            await asyncio.sleep(wait_s)
            try:
                await self.write()
                await self._look_at_maintenance()
            except DatabaseUnavailable as error:
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                self._tell(ok=False, why=str(error.fields["why"]))
            else:
                wait_s = LOOK_EVERY_S
                self._tell(ok=True, why="")

    async def write(self) -> None:
        """Write what must be raised and cleared now, at most `MOST_AT_ONCE` of each.

        Raises:
            DatabaseUnavailable: Nothing was written; the next call tries again.
        """
        decision = decide(self._current.wrong(), self._open, self._current.watches.keys(), _Planned(self._current))
        if not decision:
            await self._ask_now_and_then()
            return
        part = Decision(decision.raise_[:MOST_AT_ONCE], decision.clear[:MOST_AT_ONCE])
        try:
            async with self._database.transaction() as tx:
                outcome = await save(part, self._open, self._devices, self._actor, tx)
        except IntegrityError:
            # An earlier write was committed but its answer lost on the way: the rows know better than we.
            await self.load(self._devices)
            return
        for key, row in outcome.items():
            if row is None:
                self._open.pop(key, None)
                log.info("alert_cleared", rule=key.rule, device=key.device, instance=key.instance)
            else:
                self._open[key] = row
                log.info("alert_raised", rule=key.rule, device=key.device, instance=key.instance)

    async def look_at_maintenance(self) -> None:
        """Tell of the alerts whose maintenance window has closed, at most `MOST_AT_ONCE`.

        Raises:
            DatabaseUnavailable: Nobody was told; the next call tries again.
        """
        async with self._database.transaction() as tx:
            silent = await load_silent(tx, self._devices)
            found = look(silent, await open_windows({alert.device for alert in silent}, tx))
            if found.over or found.moved:
                await save_look(Look(found.over[:MOST_AT_ONCE], found.moved), self._devices, self._actor, tx)
        if found.over:
            log.info("alerts_outlasted_maintenance", alerts=len(found.over))

    async def _look_at_maintenance(self) -> None:
        self._looks += 1
        if self._looks >= MAINTENANCE_EVERY:
            await self.look_at_maintenance()
            self._looks = 0

    async def _ask_now_and_then(self) -> None:
        """Notice an outage, and its end, also while there is nothing to write."""
        self._quiet += 1
        if not self.database_ok or self._quiet >= ASK_EVERY:
            self._quiet = 0
            await self._database.ask()

    def _tell(self, *, ok: bool, why: str) -> None:
        if ok == self.database_ok:
            return
        self.database_ok = ok
        if ok:
            log.info("database_back")
        else:
            log.error("database_lost", why=why)
        self._on_change(ok, why)


class _Planned:
    """The planned devices as a container, without a copy."""

    def __init__(self, current: CurrentState) -> None:
        self._current = current

    def __contains__(self, device: object) -> bool:
        return isinstance(device, str) and self._current.knows(device)
