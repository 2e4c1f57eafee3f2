"""Uplinks: the lines that tie an office to the world, what was committed on them, and when a site is cut."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Medium(StrEnum):
    """What an uplink runs over."""

    FIBRE = "fibre"
    MOBILE_4G = "4g"
    MOBILE_5G = "5g"
    MICROWAVE = "microwave"
    SATELLITE = "satellite"


@dataclass(frozen=True, slots=True)
class UplinkView:
    """An uplink as others see it.

    Attributes:
        code: Stable code, such as `ps-fibre`.
        device: Code of the device that it ends on.
        interface: The interface's ifName there.
        office: Code of that device's office.
        office_name: Name of that office.
        carrier: Who provides it.
        medium: What it runs over.
        down_bps: Committed bits a second towards the office.
        up_bps: Committed bits a second from the office.
        group: Lines of one office in the same group stand in for each other; empty: the office's one group.
        parent: Code of the device at its other end; None if that is the carrier's affair.
    """

    code: str
    device: str
    interface: str
    office: str
    office_name: str
    carrier: str
    medium: Medium
    down_bps: int
    up_bps: int
    group: str = ""
    parent: str | None = None


class SiteState(StrEnum):
    """How an office is tied to the world."""

    WHOLE = "whole"
    REDUCED = "reduced"
    """A line is down, and another stands in for it."""
    PARTLY_CUT = "partly-cut"
    """All lines of one group are down, and another group works."""
    CUT = "cut"
    """No line works."""


def site_state(uplinks: Sequence[UplinkView], down: Collection[str]) -> SiteState | None:
    """Return how an office with these `uplinks` is, when those with the codes in `down` are; None without any line.

    A site with fibre and 4G in one group is cut only when both are down.
    """
    groups: dict[str, list[bool]] = {}
    for uplink in uplinks:
        groups.setdefault(uplink.group, []).append(uplink.code in down)
    if not groups:
        return None
    if all(all(lines) for lines in groups.values()):
        return SiteState.CUT
    if any(all(lines) for lines in groups.values()):
        return SiteState.PARTLY_CUT
    return SiteState.REDUCED if any(any(lines) for lines in groups.values()) else SiteState.WHOLE


def circles(parents: Mapping[str, Collection[str]]) -> Iterator[tuple[str, ...]]:
    """Yield circles among devices, each as the devices on it.

    Args:
        parents: Device to the devices at the other ends of its uplinks.
    """
    done: set[str] = set()
    for first in parents:
        trail: list[str] = []
        ways = [iter((first,))]
        while ways:
            device = next(ways[-1], None)
            if device is None:
                ways.pop()
                if trail:
                    done.add(trail.pop())
            elif device in trail:
                yield (*trail[trail.index(device) :], device)
            elif device not in done:
                trail.append(device)
                ways.append(iter(parents.get(device, ())))
