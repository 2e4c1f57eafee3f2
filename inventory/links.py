"""Uplinks: the lines that tie an office to the world, and what was committed on them."""

from __future__ import annotations

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
