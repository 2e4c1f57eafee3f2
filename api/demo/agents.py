"""What stands behind each device of the example programme: which recording it plays, and what goes wrong with it when.

The faults come by themselves, within the first minute and again and again, and everything else is healthy. Whatever a
page shows of them was answered over SNMP.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAMME = Path(__file__).parent / "programme.yaml"
ROOMS = Path(__file__).parent / "rooms.yaml"

ROUTER = "network/router/vyatta-unknown"
ROUTER_OF_TWO_UPLINKS = "network/router/huawei-s5720"
ROUTER_OF_A_PROVINCE = "network/firewall/paloalto-pa-5000"
SWITCH_OF_A_VILLAGE = "network/switch/metel-poe-box"
UPS_OF_A_PROVINCE = "UPS/eaton-93e-80"
RECORDINGS = {
    "router": ROUTER,
    "switch": "network/switch/maipu-sm4200-16gef8ge-ac",
    "access-point": "network/wifi/ubiquiti-m5",
    "ups": "UPS/phoenixtec-power",
    "meeting-room": "camera/samsung-ipolis",
}
"""Recording by role; of the package snmpsim-data."""
EXCEPTIONS = {
    "dl-rt1": ROUTER_OF_A_PROVINCE,
    "dl-ups1": UPS_OF_A_PROVINCE,
    "pt-rt1": ROUTER_OF_A_PROVINCE,
    "pt-ups1": UPS_OF_A_PROVINCE,
    "sl-rt1": ROUTER_OF_TWO_UPLINKS,
    "ld-rt1": ROUTER_OF_TWO_UPLINKS,
    "dk-rt1": ROUTER_OF_TWO_UPLINKS,
    "dl-sw1": "network/switch/ruijie-s5750-24gt12sfp",
    "pt-sw1": "network/switch/ruijie-s5750-24gt12sfp",
    "td-sw1": SWITCH_OF_A_VILLAGE,
}
"""Recording by device, where it is not that of the role."""

SYS_NAME = "1.3.6.1.2.1.1.5.0"
SYS_LOCATION = "1.3.6.1.2.1.1.6.0"
UPS_SECONDS_ON_BATTERY = "1.3.6.1.2.1.33.1.2.2.0"
UPS_MINUTES_REMAINING = "1.3.6.1.2.1.33.1.2.3.0"
UPS_CHARGE_REMAINING = "1.3.6.1.2.1.33.1.2.4.0"
UPS_INPUT_FREQUENCY = "1.3.6.1.2.1.33.1.3.3.1.2.1"
UPS_INPUT_VOLTAGE = "1.3.6.1.2.1.33.1.3.3.1.3.1"
UPS_OUTPUT_SOURCE = "1.3.6.1.2.1.33.1.4.1.0"
UPS_OUTPUT_LOAD = "1.3.6.1.2.1.33.1.4.4.1.5.1"
SSID = "1.3.6.1.4.1.41112.1.4.5.1.2.1"
STATIONS = "1.3.6.1.4.1.41112.1.4.5.1.15.1"
ON_BATTERY = 5
"""upsOutputSource `battery` (RFC 1628)."""

VALUES: dict[str, dict[str, int | str]] = {
    "UPS/phoenixtec-power": {UPS_OUTPUT_LOAD: 22, UPS_MINUTES_REMAINING: 48},  # nothing hung on the recorded one
    "network/wifi/ubiquiti-m5": {SSID: "Chương trình", STATIONS: 9},  # the recorded one bridged two houses
}
"""Values in place of recorded ones, by recording."""

FAULTS: dict[str, list[dict[str, Any]]] = {
    # The second line of Đồng Kho is cut for five minutes, then there for two.
    "dk-rt1": [
        {"fault": "interface-down", "interface": "GigabitEthernet0/0/2", "at_s": 5, "for_s": 300, "every_s": 420}
    ],
    # Somebody in Phan Sơn fills the line for two minutes of six.
    "ps-rt1": [{"fault": "busy-uplink", "interface": "eth1", "at_s": 10, "for_s": 120, "every_s": 360}],
    # The access point of Bon Thớp goes silent for ninety seconds of five minutes.
    "bt-ap1": [{"fault": "silent", "at_s": 15, "for_s": 90, "every_s": 300}],
    # Mains fail in Hải Ninh for two and a half minutes of ten: the battery empties before one's eyes.
    "hn-ups1": [
        {
            "fault": "set-values",
            "at_s": 45,
            "for_s": 150,
            "every_s": 600,
            "values": {
                UPS_OUTPUT_SOURCE: ON_BATTERY,
                UPS_INPUT_VOLTAGE: 0,
                UPS_INPUT_FREQUENCY: 0,
                UPS_SECONDS_ON_BATTERY: {"start": 0, "per_s": 1},
                UPS_CHARGE_REMAINING: {"start": 100, "per_s": -0.1},
                UPS_MINUTES_REMAINING: {"start": 48, "per_s": -0.05},
            },
        }
    ],
}
"""Timeline of faults by device, seconds from the responder's start."""


def load_programme(path: Path = PROGRAMME) -> dict[str, Any]:
    """Return the example inventory as it stands in its file."""
    programme: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return programme


def recording_of(code: str, role: str) -> str:
    """Return the recording that a device plays."""
    return EXCEPTIONS.get(code) or RECORDINGS[role]


def configuration(
    programme: Mapping[str, Any],
    *,
    community: str,
    v3: Mapping[str, str],
    port: int | None = None,
    control_socket: str = "",
    faults: Mapping[str, list[dict[str, Any]]] = FAULTS,
) -> dict[str, Any]:
    """Return the configuration of a responder that answers for every device of `programme`.

    Args:
        programme: As `load_programme()` gives it.
        community: What devices of version 2c answer to.
        v3: Who may ask those of version 3: `name`, `auth` (SHA-1 or SHA-256), `auth_key`, `priv_key` (AES-128).
        port: UDP port in place of the programme's own.
        control_socket: Path of a Unix socket for commands; empty: none.
        faults: Timeline by device; `{}` for a programme in which nothing goes wrong.

    Raises:
        ValueError: The devices are on different ports: one responder has one.
    """
    ports = {device["port"] for device in programme["devices"].values()}
    if len(ports) != 1:
        raise ValueError(f"the devices are on {len(ports)} ports")
    uplinks: dict[str, dict[str, dict[str, int]]] = {}
    for uplink in programme["uplinks"].values():
        bandwidth = {"down_bps": uplink["down_bps"], "up_bps": uplink["up_bps"]}
        uplinks.setdefault(uplink["device"], {})[uplink["interface"]] = bandwidth
    agents = []
    for code, device in programme["devices"].items():
        recording = recording_of(code, device["role"])
        location = programme["offices"][device["office"]]["name"]
        agents.append(
            {
                "code": code,
                "address": device["address"],
                "recording": recording,
                "seed": crc32(code.encode()),
                "uplinks": uplinks.get(code, {}),
                "values": {SYS_NAME: code, SYS_LOCATION: location, **VALUES.get(recording, {})},
                "faults": faults.get(code, []),
                **({"community": community} if device["snmp"] == "v2c" else {"v3": dict(v3)}),
            }
        )
    return {"port": port if port is not None else ports.pop(), "control_socket": control_socket, "agents": agents}
