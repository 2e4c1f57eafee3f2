"""Commands to a running responder, one JSON object a line, each answered by one line.

`{"device": "ps-rt1", "fault": "silent", "on": true}` lets a fault begin, `"on": false` ends it; whatever else `Fault`
knows may stand beside it. `{"counts": true}` asks what became of the packets.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from api.demo.responder.faults import Fault
from api.demo.responder.server import UnknownDevice

if TYPE_CHECKING:
    from api.demo.responder.server import Responder


def obey(responder: Responder, line: bytes) -> bytes:
    """Do what `line` says and return the answer, `{"ok": true}` or `{"ok": false, "why": ...}`, ended by a newline."""
    try:
        answer = {"ok": True, **_obey(responder, json.loads(line))}
    except (ValueError, UnknownDevice) as error:
        answer = {"ok": False, "why": str(error)}
    return json.dumps(answer).encode() + b"\n"


def _obey(responder: Responder, command: object) -> dict[str, Any]:
    if not isinstance(command, dict):
        raise ValueError("a command is a JSON object")  # noqa: TRY004 - wrong input, not a wrong call
    if command == {"counts": True}:
        return asdict(responder.counts)
    given = dict(command)
    device, on = str(given.pop("device", "")), given.pop("on", True)
    fault = Fault.of(given)
    if on:
        responder.begin(device, fault)
    else:
        responder.end(device, fault.name)
    return {}
