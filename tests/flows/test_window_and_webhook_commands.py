"""`vungcao windows` and `vungcao webhooks` as scripts and people meet them, on a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.demo.agents import PROGRAMME
from tests.flows.test_people_commands import Machine

ADDRESS = "https://truc-ban.test/alerts?token=mat-khau-cay-san-7413\n"
NIGHT = (
    "--title",
    "Đêm bảo trì",
    "--first",
    "2126-11-23T22:00",
    "--unit",
    "phan-son",
    "--rule",
    "FREQ=WEEKLY;BYDAY=SA",
)


@pytest.fixture
def machine(url: str, tmp_path: Path) -> Machine:
    made = Machine(url, tmp_path)
    made.run("inventory", "load", str(PROGRAMME))
    made.run("accounts", "create", "hoa", "--role", "technician", given="trời mưa ở Phan Sơn\n")
    return made


def test_a_window_is_previewed_set_listed_and_ended(machine: Machine) -> None:
    seen = json.loads(machine.run("windows", "preview", *NIGHT, "--json"))
    assert seen["devices"] == len(seen["first"]) > 0
    made = json.loads(machine.run("windows", "add", *NIGHT, "--json"))
    assert machine.json("windows", "list") == [made]
    assert "Đêm bảo trì: ended" in machine.run("windows", "end", made["id"])
    assert machine.json("windows", "list") == []
    assert "one unit, one office or one device" in machine.run("windows", "add", *NIGHT, "--office", "ps", code=1)


def test_a_webhook_s_secret_is_printed_once_and_an_address_is_never_on_the_command_line(machine: Machine) -> None:
    told = machine.run("webhooks", "add", "site-check", "--name", "Giám sát", "--owner", "hoa", "--on", "office:ps")
    secret = told.split()[-1]
    assert secret.startswith("whsec_")
    (listed,) = machine.json("webhooks", "list")
    assert (listed["owner"], listed["target"], listed["last"]) == ("hoa", {"offices": ["ps"]}, None)
    assert secret not in str(listed)
    assert machine.json("webhooks", "calls", listed["id"]) == []
    assert "ended" in machine.run("webhooks", "end", listed["id"])
    assert "There is no webhook" in machine.run("webhooks", "calls", listed["id"], code=1)

    made = json.loads(machine.run("webhooks", "receivers", "add", "--name", "Trực ban", "--json", given=ADDRESS))
    assert made.pop("secret").startswith("whsec_")
    assert machine.json("webhooks", "receivers", "list") == [made]
    assert made["host"] == "truc-ban.test"
    assert machine.json("webhooks", "receivers", "told", made["id"]) == []
    assert "ended" in machine.run("webhooks", "receivers", "end", made["id"])
