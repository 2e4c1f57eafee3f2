"""Puts together what board, lists and streams show: the engine's health, the inventory's names, the monitor's alerts.

Answers do not grow with the number of healthy devices: the inventory tells where those stand that are not well, or that
the engine does not know; all others are well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from api.http.state import EnginePort
from inventory.public import (
    PROVINCE,
    DeviceSet,
    OfficeView,
    UnitView,
    UplinkView,
    device_set,
    offices,
    offices_of_devices,
    offices_of_other_devices,
    units_above,
    uplink_codes,
    uplinks,
)
from kernel.actors import Actor
from kernel.clock import from_epoch_ms
from kernel.db.transaction import Transaction
from kernel.errors import EngineUnavailable
from kernel.i18n import Translator
from monitor.public import AlertCounts, AlertView, DeviceHealth, EngineBoard, State, UplinkLive, open_alerts

WORST_FIRST: Sequence[State] = ("critical", "warning", "notice", "unknown", "ok")
MOST_TILES = 150
MOST_UPLINKS = 8
MOST_CHANGES = 6


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


@dataclass(frozen=True, slots=True)
class Standing:
    """How the devices are that a reader may see.

    Attributes:
        known: Whether the engine told; if not, nothing is called well.
        total: How many devices there are.
        working: How many of them are `ok`.
        unasked: How many of them were not asked yet.
        offices: The worst state in each office that has a device which is not `ok`.
    """

    known: bool
    total: int
    working: int
    unasked: int
    offices: Mapping[str, State]

    def office(self, code: str, *, watched: bool = True) -> State:
        """Return the state of an office; one where nothing is asked is not called well."""
        return self.offices.get(code, "ok") if self.known and watched else "unknown"


def worst(states: Iterable[State]) -> State:
    """Return the worst of `states`; `ok` if there is none."""
    return min(states, key=WORST_FIRST.index, default="ok")


def checked_at(board: EngineBoard | None) -> datetime | None:
    """Return when a device was asked last; None before the first time, or if the engine does not answer."""
    return from_epoch_ms(board.polled_at_ms) if board and board.polled_at_ms else None


def by_device(healths: Iterable[DeviceHealth]) -> dict[str, DeviceHealth]:
    """Return `healths` by device."""
    return {health.device: health for health in healths}


def watched(board: EngineBoard | None) -> list[str]:
    """Return the devices that the engine knows; none if it did not answer."""
    return [*(health.device for health in board.troubled), *board.well] if board else []


async def uplinks_of(engine: EnginePort, devices: Sequence[str] | None = None) -> dict[str, UplinkLive] | None:
    """Return how the uplinks of `devices` are, or of all, by code; None if the engine does not answer."""
    try:
        return await engine.uplinks(devices)
    except EngineUnavailable:
        return None  # the frame says so, or will at the next look


async def healths_of(engine: EnginePort, codes: Sequence[str]) -> dict[str, DeviceHealth]:
    """Return how each of `codes` is, that the engine knows; nothing if it does not answer."""
    try:
        return await engine.healths(codes)
    except EngineUnavailable:
        return {}  # the frame says so, or will at the next look


def standing(
    troubled: Mapping[str, DeviceHealth], places: Mapping[str, str], strangers: Mapping[str, str], total: int
) -> Standing:
    """Return how the devices are, of which the engine told.

    Args:
        troubled: Devices that are not `ok`.
        places: Office of each of them that the reader may see.
        strangers: Office of each device that the reader may see and the engine does not know yet.
        total: How many devices the reader may see.
    """
    seen = {device: health for device, health in troubled.items() if device in places}
    states: dict[str, list[State]] = {office: ["unknown"] for office in strangers.values()}
    for device, health in seen.items():
        states.setdefault(places[device], []).append(health.state)
    return Standing(
        known=True,
        total=total,
        working=total - len(seen) - len(strangers),
        unasked=len(strangers) + sum(not health.outcome for health in seen.values()),
        offices={office: worst(of_office) for office, of_office in states.items()},
    )


def nothing_known(total: int) -> Standing:
    """Return how so many devices are while the engine does not answer."""
    return Standing(known=False, total=total, working=0, unasked=0, offices={})


async def standing_now(actor: Actor, board: EngineBoard | None, tx: Transaction) -> Standing:
    """Return how the devices are that `actor` may see."""
    seen = await device_set(actor, tx)
    if board is None:
        return nothing_known(seen.count)
    troubled = by_device(board.troubled)
    places = await offices_of_devices(actor, tx, troubled) if troubled else {}
    return standing(troubled, places, await strangers(actor, board, seen, tx), seen.count)


async def strangers(actor: Actor, board: EngineBoard, seen: DeviceSet, tx: Transaction) -> dict[str, str]:
    """Return the office of each device of `seen` that the engine does not know yet: of nearly all, at nearly all times.

    Who sees the very devices that the engine knows, sees no stranger; only else are thousands of codes compared.
    """
    return {} if seen.mark == board.mark else await offices_of_other_devices(actor, tx, watched(board))


def group_tiles(
    shown: Sequence[OfficeView], standing: Standing, provinces: Mapping[str, UnitView], *, english: bool
) -> list[TileGroup]:
    """Return the offices as tiles under their provinces, in the order given.

    Args:
        shown: The offices.
        standing: How their devices are.
        provinces: In which province each unit lies that lies in one today.
        english: Whether names of units are shown in English.
    """
    offices_in = Counter(office.unit for office in shown)
    groups: dict[str, TileGroup] = {}
    for office in shown:
        top = provinces.get(office.unit)
        code = top.code if top else ""
        name = (top.name_en if english else top.name) if top else ""
        state = standing.office(office.code, watched=bool(office.watched))
        groups.setdefault(code, TileGroup(name, [])).tiles.append(
            tile(office, state, alone=offices_in[office.unit] == 1)
        )
    return list(groups.values())


def tile(office: OfficeView, state: State, *, alone: bool) -> Tile:
    """Return an office's tile: a commune's name is short and known; its code tells two offices of one unit apart."""
    return Tile(office.code, office.unit_name if alone else f"{office.unit_name} ({office.code})", office.name, state)


async def tile_groups(
    actor: Actor, standing: Standing, tx: Transaction, *, today: date, english: bool
) -> tuple[list[TileGroup], bool]:
    """Return the tiles of the board, and whether there are more offices than tiles."""
    page = await offices(actor, tx, limit=MOST_TILES)
    provinces = await units_above(actor, tx, {office.unit for office in page.offices}, PROVINCE, today)
    return group_tiles(page.offices, standing, provinces, english=english), page.next_cursor is not None


Pair = tuple[UplinkView, UplinkLive | None]


def pair_uplinks(named: Iterable[UplinkView], live: Mapping[str, UplinkLive]) -> list[Pair]:
    """Return each uplink with its live values, worst first, then the fullest."""
    pairs = [(uplink, live.get(uplink.code)) for uplink in named]
    return sorted(pairs, key=lambda pair: _badness(pair[0].code, pair[1]))


async def worst_uplinks(actor: Actor, live: Mapping[str, UplinkLive], tx: Transaction) -> tuple[list[Pair], int]:
    """Return the uplinks that the board shows, and how many more there are."""
    codes = sorted(await uplink_codes(actor, tx), key=lambda code: _badness(code, live.get(code)))
    named = await uplinks(actor, tx, codes=codes[:MOST_UPLINKS])
    return pair_uplinks(named, live), max(0, len(codes) - MOST_UPLINKS)


def _badness(code: str, values: UplinkLive | None) -> tuple[int, float, str]:
    if values is None:
        return WORST_FIRST.index("unknown"), 0.0, code
    return WORST_FIRST.index(values.state), -(values.utilisation_ratio or 0.0), code


async def with_state(actor: Actor, board: EngineBoard | None, state: str, tx: Transaction) -> Sequence[str]:
    """Return the devices in `state`; of one that the engine does not know yet, the state is not known either."""
    if state == "ok":
        return board.well if board else ()
    found = [health.device for health in board.troubled if health.state == state] if board else []
    return [*found, *await offices_of_other_devices(actor, tx, watched(board))] if state == "unknown" else found


def devices_answer(t: Translator, standing: Standing) -> str:
    """Return the sentence on top of the list of devices."""
    if not standing.known:
        return t.gettext("Their state is not known: the engine does not answer.")
    working, total = t.number(standing.working), t.number(standing.total)
    sentence = t.gettext("{working} of {total} devices work well.", working=working, total=total)
    if not standing.unasked:
        return sentence
    rest = t.gettext("Not asked yet: {count}.", count=t.number(standing.unasked))
    return f"{sentence} {rest}"


async def waiting_places(actor: Actor, counts: AlertCounts, tx: Transaction) -> list[AlertView]:
    """Return the newest critical alerts that nobody has taken: the board's answer names their places."""
    if not counts.critical_untaken:
        return []
    page = await open_alerts(actor, tx, severity="critical", maintenance=False, limit=20)
    return [alert for alert in page.alerts if alert.taken_by is None]


def answer(t: Translator, counts: AlertCounts, waiting: Sequence[AlertView], checked: datetime | None) -> str:
    """Return what answers "what must I take now?": one sentence, and another if there is maintenance."""
    first = _answer(t, counts, waiting, checked)
    if not counts.maintenance:
        return first
    rest = t.ngettext(
        "{count} alert is within maintenance.", "{count} alerts are within maintenance.", counts.maintenance
    )
    return f"{first}{'' if first.endswith('.') else '.'} {rest}"


def _answer(t: Translator, counts: AlertCounts, waiting: Sequence[AlertView], checked: datetime | None) -> str:
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
