"""What a worker is given to run playbooks: the database, the runner, and the ports to those who are strangers to us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inventory.public import SshAccess
from kernel.actors import Actor
from kernel.clock import Clock
from kernel.db.transaction import Database, Transaction
from kernel.secrets import Vault
from playbooks.automation.catalog import Catalog
from playbooks.automation.outside import OpenAlarms, Outside, RoomsInSession, no_alarms
from playbooks.automation.runner.port import PlaybookRunner


@dataclass(frozen=True, slots=True)
class HostsGiven:
    """What hosts are given beside the run's arguments; its `repr` shows none of it.

    Attributes:
        variables: Variables of each host, by its code.
        secrets: The texts in them that must be seen nowhere.
    """

    variables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


HostSecrets = Callable[[Transaction, Vault, Actor, Sequence[str], Sequence[SshAccess]], Awaitable[HostsGiven]]
"""Opens the secrets of hosts, of the kinds that are named (`catalog.Secret`)."""
Reported = Callable[[Transaction, str, Mapping[str, Any]], Awaitable[None]]
"""Takes what a playbook handed over about a device, by its code."""
Proved = Callable[[str, Sequence[str]], Awaitable[None]]
"""Proves, from the platform, that a device's new secrets work; outside of any transaction."""


async def _no_secrets(
    tx: Transaction,  # noqa: ARG001
    vault: Vault,  # noqa: ARG001
    actor: Actor,  # noqa: ARG001
    kinds: Sequence[str],  # noqa: ARG001
    access: Sequence[SshAccess],  # noqa: ARG001
) -> HostsGiven:
    return HostsGiven()


async def _unheard(tx: Transaction, device: str, report: Mapping[str, Any]) -> None:  # noqa: ARG001
    return


async def _unproved(device: str, kinds: Sequence[str]) -> None:  # noqa: ARG001
    return


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker needs to run playbooks.

    Attributes:
        database: Where runs are kept.
        vault: Opens the credentials.
        runner: Runs one playbook.
        sessions: Says which rooms are in session.
        catalog: The playbooks.
        site_variables: Given to every playbook; a run's own arguments are stronger.
        clock: Times lines.
        health: Says what is wrong.
        at_once: Waves that may run at the same time, on all workers together.
        host_secrets: Gives hosts their secrets.
        reported: Takes what playbooks report of devices.
        proved: Proves new secrets.
    """

    database: Database
    vault: Vault
    runner: PlaybookRunner
    sessions: RoomsInSession
    catalog: Catalog
    site_variables: Mapping[str, Any]
    clock: Clock
    health: OpenAlarms = no_alarms
    at_once: int = 4
    host_secrets: HostSecrets = _no_secrets
    reported: Reported = _unheard
    proved: Proved = _unproved

    @property
    def outside(self) -> Outside:
        """What the guards ask."""
        return Outside(self.sessions, self.health)
