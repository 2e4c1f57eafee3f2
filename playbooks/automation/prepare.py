"""Makes a wave ready to run: the guards once more, the ways to its devices, and their secrets, opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from inventory.public import (
    PLAYBOOKS_RUN,
    Credential,
    PlayTarget,
    SshAccess,
    SshKey,
    SshPassword,
    TargetWish,
    credential_for_use,
    play_targets,
    redundancy_groups,
    secret_texts,
    used,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound, VungCaoError
from kernel.secrets import SecretUnreadable, Vault
from playbooks.automation.ask_guards import Guarded, ask_guards
from playbooks.automation.catalog import PlaybookView, playbook_of
from playbooks.automation.guards import Hindrance, HindranceKind
from playbooks.automation.models import PlaybookClaimRow, PlaybookRunRow, PlaybookWaveRow
from playbooks.automation.parts import HostsGiven, Parts
from playbooks.automation.redact import Redactor
from playbooks.automation.repository import claim, hold_claims, release, set_hosts_state
from playbooks.automation.runner.port import Host, Job, Key
from playbooks.automation.runs import HostState, Why
from playbooks.automation.targets import known_hosts, sorted_out
from playbooks.automation.waves import WaveState

FORKS: Final = 20
"""Devices that a wave works on at the same time, as `ansible.cfg` says; its time limit grows by it."""


class CannotRun(Exception):
    """The wave ends before it began.

    Attributes:
        why: Why.
        details: More about it.
        held: The session that a run on one office was not let past.
    """

    def __init__(self, why: Why, held: dict[str, Any] | None = None, **details: str) -> None:
        self.why, self.held, self.details = why, held, details
        super().__init__(str(why))


class Nobody(Exception):
    """All hosts of the wave are held up again: it is not begun now."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a wave needs to run."""

    job: Job
    redactor: Redactor


async def prepared(parts: Parts, actor: Actor, row: PlaybookRunRow, wave: PlaybookWaveRow, tx: Transaction) -> Prepared:
    """Return what to do; hosts that are held up again are taken out of `wave`, and those that are gone are left.

    Raises:
        CannotRun: It cannot be done now, or not without a person.
        Nobody: No host is left in it.
    """
    try:
        playbook = playbook_of(parts.catalog, row.playbook)
        arguments = playbook.read_arguments(row.arguments)
    except VungCaoError as error:  # another release's playbook
        raise CannotRun(Why.PLAYBOOK_BROKEN, error=str(error)) from error
    targets = await _there(actor, row, wave, tx)
    if wave.state == str(WaveState.WAITING):
        targets = await _free(parts, row, wave, playbook, targets, tx)
    access = [target.access for target in targets if target.access is not None]
    opened = await _opened(parts.vault, actor, row, access, tx)
    own = HostsGiven()
    if playbook.secrets:
        own = await parts.host_secrets(tx, parts.vault, actor, [str(kind) for kind in playbook.secrets], access)
    job = Job(
        wave=wave.id,
        playbook=playbook.name,
        check=row.check_mode,
        variables={**parts.site_variables, **arguments},
        hosts=tuple(_host(one, opened[one.credential], own.variables.get(one.device, {})) for one in access),
        keys={name: Key(one.public_key(), one.private_key) for name, one in opened.items() if isinstance(one, SshKey)},
        known_hosts=tuple(known_hosts(access)),
        limit_s=playbook.limit_s * -(-len(access) // FORKS),
        project=playbook.folder,
    )
    held = [text for one in opened.values() for text in secret_texts(one)]
    return Prepared(job, Redactor([*held, *own.secrets]))


async def _there(actor: Actor, row: PlaybookRunRow, wave: PlaybookWaveRow, tx: Transaction) -> list[PlayTarget]:
    """Return the wave's devices with the ways that the inventory knows now; those that are gone since are left."""
    found = await play_targets(
        actor, tx, TargetWish(devices=tuple(wave.hosts)), PLAYBOOKS_RUN, limit=len(wave.hosts)
    )  # fmt: skip
    going, gone = sorted_out(found, wave.hosts)
    if not going and row.office_id is not None:
        raise CannotRun(Why.NO_TARGETS, error=", ".join(f"{one.device}: {one.why}" for one in gone))
    if gone:
        left = [one.device for one in gone]
        await set_hosts_state(tx, row.id, HostState.LEFT, of=HostState.WAITING, hosts=left)
        await _take_out(wave, left, tx)
    if not going:
        raise Nobody
    return going


async def _free(
    parts: Parts,
    row: PlaybookRunRow,
    wave: PlaybookWaveRow,
    playbook: PlaybookView,
    targets: Sequence[PlayTarget],
    tx: Transaction,
) -> list[PlayTarget]:
    """Return those of `targets` on which nothing has come up while the wave waited for a worker; claims are made."""
    devices = [target.device for target in targets]
    groups = await redundancy_groups(tx, devices)
    await hold_claims(tx)
    ours = await tx.session.scalars(select(PlaybookClaimRow.device).where(PlaybookClaimRow.wave_id == wave.id))
    claimed = set(ours)
    guarded = [Guarded(target.device, target.office, groups.get(target.device, frozenset())) for target in targets]
    held = await ask_guards(
        tx,
        parts.outside,
        guarded,
        changes=playbook.changes(check=row.check_mode) and row.overridden_by_id is None,
        only_in_windows=bool(row.plan.get("only_in_windows")),
        but=wave.id,
    )
    if held and row.office_id is not None:
        raise _refused(next(iter(held.values())))
    if held:
        await _take_out(wave, list(held), tx)
    free = [one for one in guarded if one.device not in held]
    if not free:
        raise Nobody
    await claim(tx, row.id, wave.id, {one.device: one.groups for one in free if one.device not in claimed})
    return [target for target in targets if target.device not in held]


def _refused(hindrance: Hindrance) -> CannotRun:
    """Return why a run on one office, which does not wait, ends."""
    until = hindrance.until.isoformat() if hindrance.until else ""
    fields = {name: str(value) for name, value in hindrance.fields.items()}
    if hindrance.kind is HindranceKind.ROOM_IN_SESSION:
        held = {"room": fields["room"], "meeting": fields["meeting"], "until": until}
        return CannotRun(Why.ROOM_IN_SESSION, held, **held)
    why = Why.BLACKOUT if hindrance.kind is HindranceKind.BLACKOUT else Why.OFFICE_BUSY
    return CannotRun(why, None, until=until, **fields)


async def _take_out(wave: PlaybookWaveRow, hosts: Sequence[str], tx: Transaction) -> None:
    wave.hosts = [host for host in wave.hosts if host not in hosts]
    await release(tx, wave.id, hosts)


async def _opened(
    vault: Vault, actor: Actor, row: PlaybookRunRow, access: Sequence[SshAccess], tx: Transaction
) -> dict[str, Credential]:
    """Return every credential that holds for these devices, by name: their own files may show any of them.

    Each is put on record as used by this run.
    """
    wanted: dict[str, list[str]] = {}
    for one in access:
        for name in {one.credential, one.snmp_credential, *(other for _, other in one.others)} - {""}:
            wanted.setdefault(name, []).append(one.device)
    opened: dict[str, Credential] = {}
    for name, devices in sorted(wanted.items()):
        try:
            opened[name] = await credential_for_use(actor, tx, vault, name)
        except (NotFound, SecretUnreadable) as error:
            if any(one.credential == name for one in access):
                raise CannotRun(Why.CREDENTIAL, credential=name, error=str(error)) from error
            continue  # what is not known to us cannot be hidden, and is not used
        used(actor, tx, name, f"run:{row.id}", devices, by=row.launched_by)
    for one in access:
        if not isinstance(opened.get(one.credential), SshKey | SshPassword):
            raise CannotRun(Why.CREDENTIAL, credential=one.credential)
    return opened


def _host(one: SshAccess, login: Credential, variables: Mapping[str, Any]) -> Host:
    """Return a host with what lets the run in, and with what the playbook asked for of its other secrets."""
    key = one.credential
    if isinstance(login, SshPassword):
        key, variables = "", {**variables, "ansible_password": login.password.get_secret_value()}
    return Host(one.device, one.address, one.port, one.user, key, variables)
