"""`vungcao accounts`, `tokens`, `roles` and `people` as scripts and people meet them, on a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api.demo.agents import PROGRAMME
from tests.real.command import environment_with, run_vungcao

PASSWORD = "trời mưa ở Phan Sơn\n"


class Machine:
    """The command line of one platform."""

    def __init__(self, url: str, folder: Path) -> None:
        self._environment = environment_with({"VUNGCAO_DATABASE_URL": url, "VUNGCAO_DATA_DIR": str(folder)})

    def run(self, *words: str, given: str = "", code: int = 0) -> str:
        """Return what the command says: its answer, or why not."""
        done = run_vungcao(self._environment, *words, given=given)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def json(self, *words: str, given: str = "") -> list[dict[str, Any]]:
        """Return what it answers to programs."""
        found: list[dict[str, Any]] = json.loads(self.run(*words, "--json", given=given))
        return found


@pytest.fixture
def machine(url: str, tmp_path: Path) -> Machine:
    made = Machine(url, tmp_path)
    made.run("inventory", "load", str(PROGRAMME))
    return made


def test_a_person_comes_is_granted_something_and_leaves(machine: Machine) -> None:
    (made,) = machine.json(
        "accounts", "create", "hoa.tran", "--display-name", "Trần Thị Hoa", "--role", "technician",
        "--unit", "phan-son", given=PASSWORD,
    )  # fmt: skip
    assert (made["name"], made["roles"], made["disabled"]) == ("hoa.tran", ["technician"], False)
    (given,) = machine.json("accounts", "grant", "hoa.tran", "secretary", "--unit", "la-da", "--alone")
    assert (given["unit"], given["below"], given["given_by"]) == ("la-da", False, "command line")
    assert [one["role"] for one in machine.json("accounts", "grants", "--account", "hoa.tran")] == [
        "secretary", "technician",
    ]  # fmt: skip
    assert "choose among official, secretary" in machine.run("accounts", "grant", "hoa.tran", "king", code=1)
    assert machine.json("accounts", "revoke", given["id"])[0]["ended_by"] == "command line"
    assert "ended already" in machine.run("accounts", "revoke", given["id"], code=1)

    (token,) = machine.json(
        "tokens", "create", "hoa.tran", "--title", "Máy", "--permission", "inventory.read", "--unit", "phan-son"
    )
    assert token["value"].startswith("vungcao_")
    (listed,) = machine.json("tokens", "list", "hoa.tran")
    assert "value" not in listed
    assert "may not do there yourself" in machine.run(
        "tokens", "create", "hoa.tran", "--title", "x", "--permission", "accounts.manage", code=1
    )

    machine.run("accounts", "disable", "hoa.tran")
    assert machine.json("tokens", "list", "hoa.tran") == []
    (erased,) = machine.json("people", "erase", "hoa.tran")
    assert erased["pseudonym"].startswith("erased-")
    assert machine.json("accounts", "list") == []
    assert "hoa.tran" not in machine.run("accounts", "grants", "--ended", "--json")
    assert "sound" in machine.run("audit", "verify")


def test_roles_and_personal_data_are_listed_and_mistakes_are_told(machine: Machine) -> None:
    roles = {role["code"]: role for role in machine.json("roles", "list")}
    assert list(roles) == [
        "official", "secretary", "technician", "engineer", "security", "auditor", "administrator",
    ]  # fmt: skip
    machine.run("roles", "second-factor", "administrator", "--required")
    assert {role["code"] for role in machine.json("roles", "list") if role["needs_totp"]} == {"administrator"}
    assert "role king" in machine.run("roles", "second-factor", "king", code=1)
    assert "account.display_name" in machine.run("people", "data", "--json")
    assert "too easy to guess" in machine.run("accounts", "create", "lan", given="short\n", code=1)
    assert "--unit" in machine.run("accounts", "create", "lan", "--unit", "ps", given=PASSWORD, code=2)
