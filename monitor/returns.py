"""Tells which sites are there again: where a device answers, to a poll or to a ping, that did not the time before.

All that come back within a moment leave in one event: when the power of a province returns, so do all of its offices.
An alert says the same of what was away for long; this says it of whatever was away, and at once.
"""

from __future__ import annotations

import asyncio
from typing import Final

from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable
from monitor.events import SitesSeen

GATHER_S: Final = 1.0
LONGEST_WAIT_S: Final = 15.0


class Returns:
    """What came back and is not told yet; bounded by the number of sites, also while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._actor = system("engine")
        self._unanswered: set[str] = set()
        self._back: dict[str, str] = {}

    def pinged(self, device: str, site: str, *, answered: bool) -> None:
        """Take in how a burst of pings to `device` went."""
        if not answered:
            self._unanswered.add(device)
        elif device in self._unanswered:
            self._unanswered.discard(device)
            self.came_back(device, site)

    def came_back(self, device: str, site: str) -> None:
        """Take in that `device` answers again."""
        self._back[site] = device

    def forget(self, device: str) -> None:
        """Drop what is known of `device`."""
        self._unanswered.discard(device)

    async def run(self) -> None:
        """Tell until cancelled."""
        wait_s = GATHER_S
        while True:
            await asyncio.sleep(wait_s)
            try:
                await self.tell()
                wait_s = GATHER_S
            except DatabaseUnavailable:  # the keeper of alerts says so
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def tell(self) -> None:
        """Tell of what came back, if anything did; DatabaseUnavailable: the next call tells it."""
        told = dict(self._back)
        if not told:
            return
        async with self._database.transaction() as tx:
            tx.emit(SitesSeen(devices=sorted(told.values())), by=self._actor)
        for site, device in told.items():
            if self._back.get(site) == device:
                del self._back[site]
