"""Decides how a device's values are shown: its state in words, its interfaces, the graph of one of them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from api.web.words import Words, general_values
from inventory.public import DeviceView, UplinkView
from kernel.clock import from_epoch_ms
from kernel.i18n import Translator, sort_key
from monitor.public import DeviceLive, GraphPoint, GraphSeries, LastValue

HOURS = (1, 6, 24, 168)
POINTS = 240
"""Steps of a graph: as many as a phone can show, and one answer of some 8 kB."""
TABLE_ROWS = 12
LEAST_SHOWN_MS = 5 * 60_000
"""A device that was added a minute ago fills its graph, instead of a corner of it."""
DRAWING = (600, 100)


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface with its last values; None where unknown.

    Attributes:
        switched_off: Somebody switched it off on purpose; that it is down is no fault.
    """

    name: str
    up: bool | None
    switched_off: bool
    in_bps: float | None
    out_bps: float | None
    speed_bps: float | None
    utilisation_ratio: float | None
    errors: float | None
    discards: float | None
    uplink: UplinkView | None


SORTS: Mapping[str, Callable[[Interface], float | None]] = {
    "in": lambda each: each.in_bps,
    "out": lambda each: each.out_bps,
    "speed": lambda each: each.speed_bps,
    "use": lambda each: each.utilisation_ratio,
    "errors": lambda each: (each.errors or 0.0) + (each.discards or 0.0),
}
"""Columns of the table of interfaces that it can be sorted by, the most first; unknown comes last."""


def interfaces(values: Sequence[LastValue], uplinks: Sequence[UplinkView], sort: str = "") -> list[Interface]:
    """Return the interfaces that `values` tell of, sorted.

    Args:
        values: Of the device.
        uplinks: Of the device.
        sort: One of `SORTS`, or `name`; anything else: uplinks first, then those that are up, by name.
    """
    found: dict[str, dict[str, float]] = {}
    for value in values:
        if value.metric.startswith("if_") and value.instance:
            found.setdefault(value.instance, {})[value.metric] = value.value
    by_name = {uplink.interface: uplink for uplink in uplinks}

    def total(last: Mapping[str, float], *metrics: str) -> float | None:
        known = [last[metric] for metric in metrics if metric in last]
        return sum(known) if known else None

    def one(name: str, last: Mapping[str, float]) -> Interface:
        return Interface(
            name=name,
            up=bool(last["if_oper_status"]) if "if_oper_status" in last else None,
            switched_off=last.get("if_admin_status") == 0,
            in_bps=last.get("if_in_bps"),
            out_bps=last.get("if_out_bps"),
            speed_bps=last.get("if_speed_bps"),
            utilisation_ratio=last.get("if_utilisation_ratio"),
            errors=total(last, "if_in_errors", "if_out_errors"),
            discards=total(last, "if_in_discards", "if_out_discards"),
            uplink=by_name.get(name),
        )

    def rank(each: Interface) -> tuple[float, ...]:
        if sort in SORTS:
            amount = SORTS[sort](each)
            return (1.0, 0.0) if amount is None else (0.0, -amount)
        return () if sort == "name" else (float(each.uplink is None), float(not each.up))

    return sorted((one(name, last) for name, last in found.items()), key=lambda each: (rank(each), sort_key(each.name)))


class Choice(NamedTuple):
    """What the reader of a device's page has chosen: kept by every link on it.

    Attributes:
        interface: Whose graph is shown; empty: the first.
        hours: Of the graph.
        sort: Of the table of interfaces, as `interfaces` has it.
    """

    interface: str = ""
    hours: int = 1
    sort: str = ""


def live_context(
    view: DeviceView,
    live: DeviceLive | None,
    lines: Sequence[UplinkView],
    t: Translator,
    now: datetime,
    choice: Choice = Choice(),  # noqa: B008 - it cannot change
) -> dict[str, Any]:
    """Return what those parts of the page need that change with each poll."""
    health = live.health if live else None
    values = live.values if live else ()
    polled_at = from_epoch_ms(health.polled_at_ms) if health and health.polled_at_ms else None
    happened, to_do = Words(t).outcome_advice(
        health,
        ever_answered=ever_answered(values),
        now=now,
        port=view.port,
        credential=view.credential,
        profile=view.profile,
        snmp=view.snmp,
        since=from_epoch_ms(health.since_ms) if health and health.since_ms else None,
    )
    return {
        "device": view,
        "health": health,
        "happened": happened,
        "to_do": to_do,
        "polled_at": polled_at,
        "checked_at": polled_at,
        "interfaces": interfaces(values, lines, choice.sort),
        "choice": choice,
        "slowed": timedelta(seconds=round(health.slowed_s)) if health and health.slowed_s else None,
        "values": general_values(values),
    }


class Window(NamedTuple):
    """The time that a graph shows, Unix milliseconds, and the length of its steps."""

    start_ms: int
    end_ms: int
    step_ms: int


def window(hours: int, now_ms: int, interval_s: float) -> Window:
    """Return the last `hours` in steps of whole seconds, none shorter than the time between two polls."""
    step_s = max(hours * 3600 // POINTS, math.ceil(interval_s), 1)
    return Window(now_ms - hours * 3_600_000, now_ms, step_s * 1000)


@dataclass(frozen=True, slots=True)
class Graph:
    """Traffic of one interface, as graph.js reads it: Unix seconds, and bits a second or None.

    Attributes:
        start: First second of the time shown: of the window, or of the history if that is younger.
        end: First second after it.
    """

    start: float
    end: float
    times: list[float]
    into: list[float | None]
    out: list[float | None]

    def as_json(self) -> dict[str, Any]:
        """Return what the page carries."""
        return {"start": self.start, "end": self.end, "times": self.times, "in": self.into, "out": self.out}


def graph_of(series: Sequence[GraphSeries], window: Window) -> Graph:
    """Return the two lines on one time axis; a step without a value is None, so that a gap is seen as one."""
    by_metric: dict[str, Mapping[int, GraphPoint]] = {
        line.metric: {point.at_ms: point for point in line.points} for line in series
    }
    into, out = by_metric.get("if_in_bps", {}), by_metric.get("if_out_bps", {})
    known = sorted({*into, *out})
    # One empty step after each gap lifts the pen; all of them would be nothing but bytes.
    times = sorted({*known, *(at + window.step_ms for at, later in pairwise(known) if later - at > window.step_ms)})
    start_ms = max(window.start_ms, min([window.end_ms - LEAST_SHOWN_MS, *known]))
    return Graph(
        start_ms / 1000,
        window.end_ms / 1000,
        [at_ms / 1000 for at_ms in times],
        [round(into[at_ms].mean, 1) if at_ms in into else None for at_ms in times],
        [round(out[at_ms].mean, 1) if at_ms in out else None for at_ms in times],
    )


@dataclass(frozen=True, slots=True)
class GraphRow:
    """A row of the table beside the graph: the mean of its share of the time."""

    at: datetime
    in_bps: float | None
    out_bps: float | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """The graph for readers without scripts, and its figures in words."""

    path_in: str
    path_out: str
    in_mean: float
    in_most: float
    out_mean: float
    out_most: float
    table: list[GraphRow]
    words: str


def draw(t: Translator, graph: Graph) -> Drawing:
    """Return the drawing of a graph that has at least one step."""
    into, out = (
        [value for value in graph.into if value is not None],
        [value for value in graph.out if value is not None],
    )
    most = max([*into, *out, 1.0])
    summary = {
        "in_mean": sum(into) / len(into) if into else 0.0,
        "in_most": max(into, default=0.0),
        "out_mean": sum(out) / len(out) if out else 0.0,
        "out_most": max(out, default=0.0),
    }
    return Drawing(
        path_in=path(graph, graph.into, most),
        path_out=path(graph, graph.out, most),
        table=_rows(graph),
        **summary,
        words=t.gettext(
            "Traffic from {start} to {end}: in at most {most_in}, out at most {most_out}",
            start=t.time(from_epoch_ms(round(graph.times[0] * 1000))),
            end=t.time(from_epoch_ms(round(graph.times[-1] * 1000))),
            most_in=t.bits(summary["in_most"]),
            most_out=t.bits(summary["out_most"]),
        ),
    )


def path(graph: Graph, values: Sequence[float | None], most: float) -> str:
    """Return one of the graph's lines as an SVG path in a box of `DRAWING`; a missing value lifts the pen."""
    width, height = DRAWING
    parts: list[str] = []
    pen = "M"
    for at, value in zip(graph.times, values, strict=True):
        if value is None:
            pen = "M"
            continue
        x = (at - graph.start) / (graph.end - graph.start) * width
        parts.append(f"{pen}{x:.1f} {height - value / most * (height - 2) - 1:.1f}")
        pen = "L"
    return "".join(parts)


def _rows(graph: Graph) -> list[GraphRow]:
    share = max(1, -(-len(graph.times) // TABLE_ROWS))

    def mean(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    return [
        GraphRow(
            from_epoch_ms(round(graph.times[start] * 1000)),
            mean(graph.into[start : start + share]),
            mean(graph.out[start : start + share]),
        )
        for start in range(0, len(graph.times), share)
    ]


def ever_answered(values: Sequence[LastValue]) -> bool:
    """Return whether any value came from the device itself; reachability and the poll's own figures are ours."""
    return any(value.metric != "reachable" and not value.metric.startswith("poll_") for value in values)
