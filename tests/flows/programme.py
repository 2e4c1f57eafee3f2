"""A small programme for the lab: its offices, each with a router, as an inventory file would have them."""

from __future__ import annotations

from tests.real.lab import Lab
from tests.real.platform import PlainPlatform
from tests.real.waiting import until

CREDENTIAL = "lab"
SSH_KEY = "lab-key"


def programme(lab: Lab) -> str:
    """Return the inventory file of the lab's offices: one router each, `c1-rt1`, with its lines as uplinks."""
    offices = [f"  {code}: {{name: Văn phòng {code}, unit: lam-dong}}" for code in lab.offices]
    devices = [
        f"  {code}-rt1: {{name: Bộ định tuyến, office: {code}, role: router, profile: network-interfaces,"
        f" address: {office.address}, snmp: v2c, credential: {CREDENTIAL},"
        f" ssh: {{user: root, credential: {SSH_KEY}, host_key: {office.host_key}}}}}"
        for code, office in lab.offices.items()
    ]
    uplinks = [
        f"  {code}-{line}: {{device: {code}-rt1, interface: {line}, carrier: VNPT, medium: fibre,"
        " down_bps: 20000000, up_bps: 20000000}"
        for code, office in lab.offices.items()
        for line in office.lines
    ]
    lines = [
        "version: 1",
        "units:",
        "  lam-dong: {name: Lâm Đồng, level: province, valid_from: 1976-02-01}",
        "offices:", *offices,
        "devices:", *devices,
        "uplinks:", *uplinks,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def rooms_of(lab: Lab) -> str:
    """Return the file of the lab's rooms: one in each office, `c1-room`, which needs the office's router."""
    rooms = [
        f"  {code}-room: {{name: Phòng họp {code}, office: {code}, capacity: 12, devices: [{code}-rt1]}}"
        for code in lab.offices
    ]
    return "\n".join(["version: 1", "rooms:", *rooms]) + "\n"


def load_programme(platform: PlainPlatform, lab: Lab) -> None:
    """Load the lab's offices into a platform that runs in its hub, and return when every router was asked."""
    file = platform.folder / "programme.yaml"
    file.write_text(programme(lab), "utf-8")
    rooms = platform.folder / "rooms.yaml"
    rooms.write_text(rooms_of(lab), "utf-8")
    steps = [
        (("credential", "set", CREDENTIAL), f"{lab.community}\n"),
        (("credential", "set", SSH_KEY, "--ssh-key"), lab.key.read_text("ascii")),
        (("inventory", "load", str(file)), ""),
        (("meetings", "rooms", "load", str(rooms)), ""),
    ]
    for words, given in steps:
        done = platform.command(*words, given=given)
        assert done.returncode == 0, done.stderr

    def asked() -> bool:
        devices = platform.ask_engine("/board")["devices"]
        return len(devices) == len(lab.offices) and all(device["polled_at_ms"] for device in devices)

    until(asked, "every router to be asked")
