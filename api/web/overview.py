"""Puts together what board, lists and streams show: the engine's health, the inventory's names, the monitor's alerts.

Queries do not grow with the number of healthy devices: an office is well if none of its devices is on the list of those
that are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from inventory.public import PROVINCE, OfficeView, UnitView, UplinkView, device_count, devices, offices, units, uplinks
from kernel.actors import Actor
from kernel.clock import from_epoch_ms
from kernel.db.transaction import Transaction
from kernel.i18n import Translator
from monitor.public import AlertCounts, AlertView, DeviceHealth, EngineBoard, State, UplinkLive, open_alerts

WORST_FIRST: Sequence[State] = ("critical", "warning", "notice", "unknown", "ok")
MOST_TILES = 150
MOST_UPLINKS = 8
MOST_CHANGES = 6
PAGE = 200


@dataclass(frozen=True, slots=True)
class Tile:
    """An office on the board; `name` is short, `title` is its whole name."""

    code: str
    name: str
    title: str
    state: State


@dataclass(frozen=True, slots=True)
class TileGroup:
    """Offices under one unit, in the order of their names."""

    name: str
    tiles: list[Tile]


def worst(states: Iterable[State]) -> State:
    """Return the worst of `states`; `ok` if there is none."""
    return min(states, key=WORST_FIRST.index, default="ok")


def checked_at(healths: Iterable[DeviceHealth]) -> datetime | None:
    """Return when a device was asked last; None before the first time."""
    newest = max((health.polled_at_ms for health in healths), default=0)
    return from_epoch_ms(newest) if newest else None


def not_well(board: EngineBoard | None) -> dict[str, State]:
    """Return the devices that are not `ok`, with their state."""
    return {health.device: health.state for health in board.devices if health.state != "ok"} if board else {}


async def office_of(actor: Actor, codes: Iterable[str], tx: Transaction) -> dict[str, str]:
    """Return the office of each device of `codes` that `actor` may see."""
    wanted = sorted(codes)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), PAGE):
        page = await devices(actor, tx, codes=wanted[start : start + PAGE], limit=PAGE)
        found.update((device.code, device.office) for device in page.devices)
    return found


def office_states(states: Mapping[str, State], places: Mapping[str, str]) -> dict[str, State]:
    """Return the worst state in each office that has a device which is not well."""
    found: dict[str, list[State]] = {}
    for device, office in places.items():
        if device in states:
            found.setdefault(office, []).append(states[device])
    return {office: worst(of_office) for office, of_office in found.items()}


def group_tiles(
    shown: Sequence[OfficeView], states: Mapping[str, State], tree: Sequence[UnitView], *, known: bool, english: bool
) -> list[TileGroup]:
    """Return the offices as tiles under their provinces, in the order given.

    Args:
        shown: The offices.
        states: State of those that are not well.
        tree: The units that exist today.
        known: Whether the engine answered; if not, no office is called well.
        english: Whether names of units are shown in English.
    """
    by_code = {unit.code: unit for unit in tree}
    offices_in = Counter(office.unit for office in shown)
    groups: dict[str, TileGroup] = {}
    for office in shown:
        top = above(office.unit, by_code, PROVINCE)
        code = top.code if top else ""
        name = (top.name_en if english else top.name) if top else ""
        state: State = states.get(office.code, "ok") if known and office.devices else "unknown"
        groups.setdefault(code, TileGroup(name, [])).tiles.append(
            tile(office, state, alone=offices_in[office.unit] == 1)
        )
    return list(groups.values())


def tile(office: OfficeView, state: State, *, alone: bool) -> Tile:
    """Return an office's tile: a commune's name is short and known; its code tells two offices of one unit apart."""
    return Tile(office.code, office.unit_name if alone else f"{office.unit_name} ({office.code})", office.name, state)


def above(unit: str, by_code: Mapping[str, UnitView], level: str) -> UnitView | None:
    """Return the unit of `level` that `unit` lies in, or is; None if there is none today."""
    found = by_code.get(unit)
    while found is not None and found.level != level:
        found = by_code.get(found.parent) if found.parent else None
    return found


async def tile_groups(
    actor: Actor, states: Mapping[str, State], tx: Transaction, *, known: bool, today: date, english: bool
) -> tuple[list[TileGroup], bool]:
    """Return the tiles of the board, and whether there are more offices than tiles."""
    page = await offices(actor, tx, limit=MOST_TILES)
    tree = await units(actor, tx, today)
    return group_tiles(page.offices, states, tree, known=known, english=english), page.next_cursor is not None


Pair = tuple[UplinkView, UplinkLive | None]


def pair_uplinks(named: Iterable[UplinkView], board: EngineBoard | None) -> list[Pair]:
    """Return each uplink with its live values, worst first, then the fullest."""
    live = {uplink.uplink: uplink for uplink in board.uplinks} if board else {}
    pairs = [(uplink, live.get(uplink.code)) for uplink in named]

    def rank(pair: Pair) -> tuple[int, float, str]:
        values = pair[1]
        if values is None:
            return WORST_FIRST.index("unknown"), 0.0, pair[0].code
        return WORST_FIRST.index(values.state), -(values.utilisation_ratio or 0.0), pair[0].code

    return sorted(pairs, key=rank)


async def worst_uplinks(actor: Actor, board: EngineBoard | None, tx: Transaction) -> tuple[list[Pair], int]:
    """Return the uplinks that the board shows, and how many more there are."""
    pairs = pair_uplinks(await uplinks(actor, tx), board)
    return pairs[:MOST_UPLINKS], max(0, len(pairs) - MOST_UPLINKS)


async def working(
    actor: Actor, states: Mapping[str, State], places: Mapping[str, str], tx: Transaction
) -> tuple[int, int]:
    """Return how many of the devices that `actor` may see work well, and how many there are."""
    total = await device_count(actor, tx)
    return total - sum(device in states for device in places), total


async def waiting_places(actor: Actor, counts: AlertCounts, tx: Transaction) -> list[AlertView]:
    """Return the newest critical alerts that nobody has taken: the board's answer names their places."""
    if not counts.critical_untaken:
        return []
    page = await open_alerts(actor, tx, severity="critical", limit=20)
    return [alert for alert in page.alerts if alert.taken_by is None]


def answer(t: Translator, counts: AlertCounts, waiting: Sequence[AlertView], checked: datetime | None) -> str:
    """Return the one sentence that answers "what must I take now?"."""
    untaken = counts.critical_untaken + counts.warning_untaken + counts.notice_untaken
    total = counts.critical + counts.warning + counts.notice
    if counts.critical_untaken:
        names = list(dict.fromkeys(alert.unit_name for alert in waiting))
        if len(names) == 1:
            where = names[0]
        elif len(names) == 2:  # noqa: PLR2004 - two are named, more are counted
            where = t.gettext("{first} and {second}", first=names[0], second=names[1])
        else:
            where = t.gettext("{first}, {second} and elsewhere", first=names[0], second=names[1]) if names else ""
        return t.ngettext(
            "{count} critical alert waits for somebody to take it: {where}",
            "{count} critical alerts wait for somebody to take them: {where}",
            counts.critical_untaken,
            where=where,
        )
    if untaken:
        return t.ngettext(
            "{count} alert waits for somebody to take it, none of them critical.",
            "{count} alerts wait for somebody to take them, none of them critical.",
            untaken,
        )
    if total:
        return t.ngettext(
            "{count} alert is open, and somebody works on it.",
            "{count} alerts are open, and somebody works on each.",
            total,
        )
    if checked is not None:
        return t.gettext("Nothing to take. Last checked {time}.", time=t.time(checked))
    return t.gettext("Nothing to take. No device has been asked yet.")
