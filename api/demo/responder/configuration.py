"""The responder's configuration: one JSON object that names every agent, with communities and keys.

It comes by standard input, never by the command line or the environment, which others on the machine can read:

    {"port": 16100, "control_socket": "/run/.../responder.sock", "agents": [
      {"code": "ps-rt1", "address": "127.20.1.1", "recording": "network/router/vyatta-unknown", "seed": 1,
       "community": "..." , "v3": {"name": "...", "auth": "SHA-256", "auth_key": "...", "priv_key": "..."},
       "uplinks": {"eth1": {"down_bps": 20000000, "up_bps": 20000000}}, "values": {"1.3.6.1.2.1.1.5.0": "ps-rt1"},
       "faults": [{"fault": "silent", "at_s": 90, "for_s": 60, "every_s": 300}]}]}

Instead of `recording` an agent may have `interfaces`, a number: then it is synthetic.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from api.demo.responder import recordings, synthetic, usm
from api.demo.responder.agent import Agent, Bandwidth
from api.demo.responder.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

AGENT_KEYS = frozenset(
    {"code", "address", "recording", "interfaces", "seed", "community", "v3", "uplinks", "values", "faults"}
)
KEYS = frozenset({"port", "control_socket", "agents"})


@dataclass(frozen=True, slots=True)
class Configuration:
    """What to serve.

    Attributes:
        port: UDP port; 0: one that is free.
        control_socket: Path of the Unix socket for commands; empty: none.
        agents: The devices.
    """

    port: int
    control_socket: str
    agents: list[Agent]


def read(line: bytes | str) -> Configuration:
    """Return the configuration from its JSON.

    Raises:
        ValueError: It is no such object; the message names the agent and what is wrong.
        RecordingMissing: A recording is not there.
    """
    given = json.loads(line)
    if not isinstance(given, dict) or not given.keys() <= KEYS or not isinstance(given.get("agents"), list):
        raise ValueError(f"the configuration must be an object of {', '.join(sorted(KEYS))}")
    return Configuration(
        int(given.get("port", 0)), str(given.get("control_socket", "")), [agent(entry) for entry in given["agents"]]
    )


def agent(entry: Mapping[str, Any]) -> Agent:
    """Return the agent of one entry; ValueError or RecordingMissing as in `read()`."""
    unknown = entry.keys() - AGENT_KEYS
    if unknown or "code" not in entry or "address" not in entry or ("recording" in entry) == ("interfaces" in entry):
        raise ValueError(
            f"{entry.get('code')}: needs code, address and a recording or interfaces; unknown: {sorted(unknown)}"
        )
    v3 = entry.get("v3")
    try:
        return Agent(
            entry["code"],
            IPv4Address(entry["address"]),
            recordings.load(entry["recording"]) if "recording" in entry else synthetic.tree(entry["interfaces"]),
            community=entry.get("community"),
            user=None if v3 is None else usm.User(**v3),
            seed=int(entry.get("seed", 0)),
            uplinks={name: Bandwidth(**bandwidth) for name, bandwidth in entry.get("uplinks", {}).items()},
            values=entry.get("values"),
            faults=[Fault.of(fault) for fault in entry.get("faults", ())],
        )
    except TypeError as error:
        raise ValueError(f"{entry['code']}: {error}") from error
