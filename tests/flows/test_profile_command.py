"""What a technician does who adds a kind of device: checks the file, tries it on a real agent, and needs no Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.snmpd import Snmpd

ROOT = Path(__file__).parents[2]
PROFILE = """version: 1
title: {vi: Cảm biến phòng máy, en: Room sensor}
extends: [network-interfaces, our-base]
cites: {UCD-SNMP-MIB: net-snmp}
untested: a trial
quirks: {values_a_request: 4, rows_a_request: 1, why: it is a test of quirks}
scalars:
  load_average_1min:
    from: [{oid: 1.3.6.1.4.1.2021.10.1.5.1, object: "UCD-SNMP-MIB::laLoadInt", scale: 0.01}]
"""
BASE = "version: 1\ntitle: {vi: Nền, en: Base}\n"


@pytest.fixture(scope="module")
def snmpd() -> Iterator[Snmpd]:
    with Snmpd() as agent:
        yield agent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = tmp_path / "own"
    own.mkdir()
    (own / "our-base.yaml").write_text(BASE, "utf-8")
    (tmp_path / "room-sensor.yaml").write_text(PROFILE, "utf-8")
    return tmp_path


def profile(folder: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "VUNGCAO_DATA_DIR": str(folder / "data"), "VUNGCAO_PROFILES_DIR": str(folder / "own"),
        "COLUMNS": "200",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "api.cli", "profile", *words],
        cwd=ROOT, env=environment, input=given, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_sound_file_shows_its_quality_card(folder: Path) -> None:
    done = profile(folder, "check", str(folder / "room-sensor.yaml"), "--json")
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert card["untested"] == "a trial"
    assert card["quirks"] == "it is a test of quirks"
    assert "UCD-SNMP-MIB: net-snmp" in card["cites"]
    shown = profile(folder, "check", str(folder / "room-sensor.yaml"))
    assert "Room sensor" in shown.stdout


def test_every_mistake_is_told_with_file_and_line(folder: Path) -> None:
    file = folder / "room-sensor.yaml"
    file.write_text(PROFILE.replace("scale: 0.01", "scale: -1").replace("untested", "untried"), "utf-8")
    done = profile(folder, "check", str(file))
    assert done.returncode == 1
    assert "room-sensor.yaml:5: untried" in done.stderr
    assert "room-sensor.yaml:9: scalars" in done.stderr


def test_a_trial_shows_what_a_real_agent_gives_and_what_it_cost(folder: Path, snmpd: Snmpd) -> None:
    words = ("try", str(folder / "room-sensor.yaml"), snmpd.address, "--port", str(snmpd.port))
    done = profile(folder, *words, "--json", given=f"{snmpd.community}\n")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["name"] == snmpd.sys_name
    assert {"uptime_s", "load_average_1min"} <= {reading["metric"] for reading in found["readings"]}
    assert found["octets"] > 100
    silent = profile(folder, *words, given="wrong\n")
    assert silent.returncode == 3, silent.stderr
    assert "silent" in silent.stdout
    old = profile(folder, *words, "--v1", "--json", given=f"{snmpd.community}\n")
    assert json.loads(old.stdout)["outcome"] == "answered"


def test_what_is_no_address_is_told(folder: Path) -> None:
    done = profile(folder, "try", str(folder / "room-sensor.yaml"), "router.example", given="public\n")
    assert done.returncode == 1
    assert "no IP address" in done.stderr
