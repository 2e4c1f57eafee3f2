"""Checks of services: what is asked of a device beside SNMP, how often, and from where. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CENTRE: Final = "centre"
"""The place where the platform itself runs."""


class CheckKind(StrEnum):
    """What a check asks."""

    TCP = "tcp"  # does a port take connections
    HTTP = "http"  # does a page come, and is it the right one
    TLS = "tls"  # is the certificate valid, for whom, and how long
    DNS = "dns"  # is a name answered
    NTP = "ntp"  # is the time right


@dataclass(frozen=True, slots=True)
class CheckView:
    """A check of one service of a device; the fields beyond `every_s` are of some kinds only.

    Attributes:
        code: Stable code, such as `ps-portal`; the instance of its series.
        device: Code of the device that is asked, and under which its values and alerts stand.
        kind: What is asked.
        place: Which engine asks: `centre`, or as that engine's setting `PLACE` says.
        every_s: Seconds between two checks.
        port: Where the service listens.
        name: Of the service: for http and tls whom the certificate must name, for dns what to look up; else empty.
        secure: Whether http goes over TLS.
        path: Of the page (http).
        status: HTTP status that is right; 0: any below 400.
        contains: What the page must hold (http); empty: anything.
        record: Type of the DNS record.
        expect: Answers of which all must be there (dns); empty: any answer.
    """

    code: str
    device: str
    kind: CheckKind
    place: str
    every_s: int
    port: int
    name: str = ""
    secure: bool = True
    path: str = "/"
    status: int = 0
    contains: str = ""
    record: str = "A"
    expect: tuple[str, ...] = ()
