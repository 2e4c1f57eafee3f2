"""Joins parts that are strangers to each other: what one needs and another has, side by side."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import SelectBase, union_all

from inventory.public import (
    AUDIT_READ,
    DeviceView,
    Elsewhere,
    Follower,
    Profile,
    Role,
    SnmpV2c,
    SnmpV3,
    SnmpVersion,
    Use,
    audited_places,
    credential_for_use,
    device_ids,
    device_set,
    devices,
    every_device,
    names_for_devices,
    planned_checks,
    uplinks,
    used,
)
from kernel.actors import Actor, system
from kernel.clock import from_epoch_ms
from kernel.db.transaction import Database, Transaction
from kernel.errors import NotFound
from kernel.secrets import SecretUnreadable, Vault, load_or_make_key
from kernel.settings import Settings
from meetings.public import (
    FRESH,
    Bookings,
    DeviceFacts,
    HealthPort,
    Outage,
    RiskyHours,
    UplinkFacts,
    What,
    audited_meetings,
    calendar_of,
    in_session,
    meetings_needing,
    risky_hours,
    room_counts,
)
from monitor.public import (
    DeviceHealth,
    DeviceLive,
    EngineBoard,
    Hurt,
    Identity,
    OutageView,
    Outcome,
    Plan,
    Target,
    UplinkLive,
    alerts_at,
    audited_alerts,
    broken_devices,
    check_targets,
    make_plan,
    outages,
)
from playbooks.public import Alarm, Busy, DaysOff, Outside, SessionNotice, audited_runs

AT_ONCE: Final = 8
"""Questions to the engine at one time, on its local socket."""

A_PAGE: Final = 200
QUIET_BEFORE: Final = timedelta(minutes=15)
"""No change begins so shortly before a meeting: people join, and what a change broke has to be put right."""

SOON: Final = timedelta(hours=24)
"""An alert names the meetings that it hurts within this time."""

LOOKED_BACK: Final = timedelta(weeks=8)
READ_AGAIN: Final = timedelta(hours=1)

ASKED_CLOSELY: Final = frozenset({Role.ROUTER, Role.UPS})
"""Roles of which not only the state matters, but also what was measured."""

ALL_LOST: Final = 1.0
ANSWERS: Final = frozenset({"answered", "partial"})
"""Outcomes of a poll that show that packets come through. An answer too old to say so makes the room unknown anyway."""


class EngineView(Protocol):
    """What is asked of the engine, as `api.http.engine_client.EngineClient` does on its socket."""

    async def board(self) -> EngineBoard:
        """Return how all devices are; EngineUnavailable if the engine does not say."""
        ...

    async def healths(self, codes: Sequence[str]) -> dict[str, DeviceHealth]:
        """Return how those of `codes` are that the engine watches, by code."""
        ...

    async def uplinks(self, devices: Sequence[str] | None = None) -> dict[str, UplinkLive]:
        """Return how the uplinks of those of `devices` are that the engine polls, by code; None: of all."""
        ...

    async def device(self, code: str) -> DeviceLive | None:
        """Return one device with its last values; None if it is not watched."""
        ...


def plan_reader(
    database: Database,
    vault: Vault,
    profiles: Callable[[], Mapping[str, Profile]],
    interval_s: float,
    line_share: float,
    place: str,
) -> Callable[[], Awaitable[Plan]]:
    """Return what reads the plan: the inventory's devices, with their credentials opened for the probe."""
    actor = system("engine")
    known: dict[str, tuple[SnmpV2c | SnmpV3 | str, Mapping[str, str]]] = {}
    """What was opened since the start, and where it was sent: the first use of each there is on record, and each after
    the credential, or the address of a device, was changed."""

    async def read() -> Plan:
        async with database.transaction() as tx:
            mark = (await device_set(actor, tx)).mark  # before the devices: one that comes in between has another
            ids = await device_ids(actor, tx)
            devices = await with_nearest(await every_device(actor, tx), ids, tx)
            asked: dict[str, dict[str, str]] = {}
            for device in devices:
                asked.setdefault(device.credential, {})[device.code] = f"{device.address} {device.port}"
            credentials = {name: await opened_credential(actor, tx, vault, name) for name in sorted(asked)}
            for name, places in asked.items():
                credential, before = known.get(name, (None, {}))
                again = credential == credentials[name]
                first = [code for code, place in places.items() if not again or before.get(code) != place]
                if first and not isinstance(credentials[name], str):
                    used(actor, tx, name, "polling", first)
            lines, checks = await uplinks(actor, tx), await planned_checks(actor, tx)
        # In a thread: with 10,000 devices it takes so long that the polls would wait for it.
        plan = await asyncio.to_thread(make_plan, devices, ids, lines, profiles(), credentials, interval_s, line_share)
        plan = replace(plan, checks=check_targets(checks, devices, place), mark=mark)
        known.update({name: (credentials[name], places) for name, places in asked.items()})  # only now is it on record
        return plan

    return read


async def with_nearest(
    devices: Sequence[DeviceView], ids: Mapping[str, uuid.UUID], tx: Transaction
) -> list[DeviceView]:
    """Return the devices, each with the name of the credential that holds for SNMP: its own, or the nearest one."""
    held = await names_for_devices(tx, [ids[device.code] for device in devices if not device.credential])

    def nearest(device: DeviceView) -> DeviceView:
        use = Use.SNMP_USER if device.snmp == SnmpVersion.V3 else Use.COMMUNITY
        return replace(device, credential=device.credential or held.get(device.code, {}).get(use, ""))

    return [nearest(device) for device in devices]


async def opened_credential(actor: Actor, tx: Transaction, vault: Vault, name: str) -> SnmpV2c | SnmpV3 | str:
    """Return the credential, or in words why it cannot be used: one that is broken must not stop all polling."""
    if not name:
        return "No credential holds for it: it names none, and none is attached to its office or to a unit above."
    try:
        credential = await credential_for_use(actor, tx, vault, name)
    except (NotFound, SecretUnreadable) as error:
        return str(error)
    return credential if isinstance(credential, SnmpV2c | SnmpV3) else f"The credential {name} is not one of SNMP."


def asks_snmp(
    identify: Callable[[Target], Awaitable[Identity]],
) -> Callable[[str, int, SnmpV3], Awaitable[bool | None]]:
    """Return what tells playbooks whether an agent answers a user: None while it does not answer at all."""

    async def ask(address: str, port: int, user: SnmpV3) -> bool | None:
        found = await identify(Target(f"{address}:{port}", address, port, user))
        return {Outcome.ANSWERED: True, Outcome.PARTIAL: True, Outcome.AUTHENTICATION_FAILED: False}.get(found.outcome)

    return ask


def room_health(engine: EngineView, database: Database) -> HealthPort:
    """Return what tells meetings how devices are: the engine's health of them, with their roles of the inventory."""

    async def health(codes: Sequence[str]) -> Mapping[str, DeviceFacts]:
        known = await _known_devices(codes, database)
        board = await engine.board()
        states = await engine.healths(list(known))
        values = await _last_values(
            [code for code, device in known.items() if device.role in ASKED_CLOSELY and code in states], engine, board
        )
        lines: dict[str, list[UplinkFacts]] = {}
        for uplink in (await engine.uplinks(list(states))).values():
            lines.setdefault(uplink.device, []).append(
                UplinkFacts(uplink.uplink, uplink.state, uplink.utilisation_ratio)
            )
        return {
            code: _facts(known[code], state, tuple(lines.get(code, ())), values.get(code, {}))
            for code, state in states.items()
        }

    return health


async def _known_devices(codes: Sequence[str], database: Database) -> dict[str, DeviceView]:
    found: dict[str, DeviceView] = {}
    async with database.transaction() as tx:
        for start in range(0, len(codes), A_PAGE):
            page = await devices(system("readiness"), tx, codes=codes[start : start + A_PAGE], limit=A_PAGE)
            found.update((device.code, device) for device in page.devices)
    return found


async def _last_values(codes: Sequence[str], engine: EngineView, board: EngineBoard) -> dict[str, dict[str, float]]:
    """Return the newest values of each device by metric, without those too old to say anything of now."""
    gate = asyncio.Semaphore(AT_ONCE)
    oldest_ms = board.at_ms - FRESH.total_seconds() * 1000

    found: dict[str, dict[str, float]] = {}

    async def ask(code: str) -> None:
        async with gate:
            live = await engine.device(code)
        values = live.values if live else ()
        found[code] = {value.metric: value.value for value in values if value.at_ms >= oldest_ms and not value.instance}

    try:
        async with asyncio.TaskGroup() as tasks:
            for code in codes:
                tasks.create_task(ask(code))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return found


def _facts(
    device: DeviceView, state: DeviceHealth, lines: tuple[UplinkFacts, ...], values: Mapping[str, float]
) -> DeviceFacts:
    on_battery, loss_ratio = values.get("ups_on_battery"), values.get("loss_ratio")
    if loss_ratio == ALL_LOST and state.outcome in ANSWERS:
        # SNMP goes there and back over the same line: echo requests are filtered somewhere, and nothing was measured.
        loss_ratio = None
    return DeviceFacts(
        device=device.code,
        role=device.role,
        outcome=state.outcome,
        state=state.state,
        uplinks=lines,
        loss_ratio=loss_ratio,
        rtt_s=values.get("rtt_s"),
        on_battery=None if on_battery is None else bool(on_battery),
        battery_runtime_s=values.get("ups_battery_runtime_s"),
        at=from_epoch_ms(state.polled_at_ms) if state.polled_at_ms else None,
    )


async def rooms_in_session(tx: Transaction, offices: Sequence[str], at: datetime) -> list[SessionNotice]:
    """Tell playbooks which rooms of `offices` are in session at `at`, or will be so soon after it."""
    return [
        SessionNotice(session.room_name, session.title, session.ends_at, session.office)
        for session in await in_session(tx, offices, at, before=QUIET_BEFORE)
    ]


async def alarms_at(tx: Transaction, offices: Sequence[str]) -> list[Alarm]:
    """Tell playbooks what is wrong at `offices`: the gate between two waves of a rollout."""
    return [
        Alarm(str(alert.id), alert.device, alert.office, alert.rule, alert.severity, alert.raised_at)
        for alert in await alerts_at(system("rollouts"), tx, offices)
    ]


async def busy_rooms(tx: Transaction, offices: Sequence[str], start: datetime, until: datetime) -> list[Busy]:
    """Tell playbooks when `offices` meet, each meeting with the quiet time before it."""
    return [
        Busy(session.title, session.starts_at - QUIET_BEFORE, session.ends_at)
        for session in await in_session(tx, offices, start, before=until - start)
    ]


def outside() -> Outside:
    """Return what playbooks ask of those who are strangers to them."""
    return Outside(rooms_in_session, alarms_at, busy_rooms)


async def days_off(tx: Transaction) -> DaysOff:
    """Tell playbooks the official calendar of work, with the swaps that were entered for meetings."""
    return await calendar_of(tx)


async def meetings_hurt(tx: Transaction, device: str) -> list[Hurt]:
    """Tell the monitor which meetings of the next 24 hours need `device`."""
    needing = await meetings_needing(system("notify"), tx, [device], tx.now() + SOON)
    return [Hurt(meeting.title, meeting.starts_at, meeting.offices) for meeting in needing.get(device, [])]


class OutageHistory:
    """Tells meetings at which hours offices are often cut off, from the monitor's alerts; read again every hour.

    It is of all offices, whoever asks: who asks learns of those only that they may name.
    """

    def __init__(self) -> None:
        self._gate = asyncio.Lock()
        self._read_at: datetime | None = None
        self._risky: Mapping[str, RiskyHours] = {}

    async def __call__(self, tx: Transaction) -> Mapping[str, RiskyHours]:
        """Return the hours of each office, by its code; see `meetings.risk`."""
        async with self._gate:
            if self._read_at is None or tx.now() - self._read_at >= READ_AGAIN:
                found = await outages(system("risks"), tx, tx.now() - LOOKED_BACK)
                self._risky = await asyncio.to_thread(risky_hours, [_as_outage(one) for one in found], tx.now())
                self._read_at = tx.now()
        return self._risky


def _as_outage(one: OutageView) -> Outage:
    what: What = "device"
    if one.rule == "on-battery":
        what = "power"
    elif one.rule != "device-unreachable" or one.role == Role.ROUTER:
        what = "line"
    return Outage(one.office, what, one.begin, one.end)


def audited(actor: Actor, tx: Transaction) -> SelectBase | None:
    """Return the statement for what `actor` may read in the audit log, as its entries name it; None: everything.

    Raises:
        Refused: They may not read the audit log at all.
    """
    actor.require(AUDIT_READ)
    if actor.may_everywhere(AUDIT_READ):
        return None
    return union_all(
        *audited_places(actor, tx), audited_alerts(actor, tx), audited_meetings(actor, tx), audited_runs(actor, tx)
    )


def audit_key(settings: Settings) -> bytes:
    """Return the key that the audit log of this data folder is sealed with."""
    return load_or_make_key(settings.keys_dir / "audit.key")


def followers() -> list[Follower]:
    """Return what of other domains hangs on the tree, and is moved, or told of, when it is reorganised."""
    return [Bookings()]


OUTSIDE: Final = Elsewhere(broken_devices, room_counts)
"""What the monitor and meetings tell of what an office lacks."""


def last_answers(engine: EngineView) -> Callable[[Sequence[str]], Awaitable[dict[str, datetime]]]:
    """Return what tells of devices when each was asked last and answered; EngineUnavailable if the engine is away."""

    async def answers(codes: Sequence[str]) -> dict[str, datetime]:
        return {
            code: from_epoch_ms(health.polled_at_ms)
            for code, health in (await engine.healths(codes)).items()
            if health.outcome in ANSWERS and health.polled_at_ms
        }

    return answers
