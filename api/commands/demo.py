"""The example programme: a responder that plays real devices, an inventory, accounts, and the platform around them."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import SecretStr

from api import wiring
from api.commands import serve as serve_command
from api.demo.agents import FAULTS, ROOMS, configuration, load_programme
from api.demo.meetings import book_examples
from api.processes.serve import ChildPlan, refuse_a_second
from inventory.public import (
    AuthProtocol,
    PrivProtocol,
    SnmpV2c,
    SnmpV3,
    bundled_profiles,
    create_example_accounts,
    load_file,
    set_credential,
)
from kernel import settings
from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import BadSetting
from kernel.folders import make_data_folder, make_folder
from kernel.settings import PREFIX, Settings
from meetings.public import load_rooms

POLL_INTERVAL_S = 5.0
ALERT_HOLD_S = 15.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def settings_of_demo() -> Settings:
    """Return the settings of the example programme; what the environment says comes first.

    Raises:
        BadSetting: A wrong setting, or one that would show the example's accounts to other machines.
    """
    defaults = {
        "DATA_DIR": str(Path("var/demo").resolve()),
        "POLL_INTERVAL_S": str(POLL_INTERVAL_S),
        "ALERT_HOLD_S": str(ALERT_HOLD_S),
        "DEMO": "true",
    }
    for name, value in defaults.items():  # the children are to see the same
        os.environ.setdefault(f"{PREFIX}{name}", value)
    loaded = settings.load()
    if loaded.http_host not in LOOPBACK:
        why = "the example programme has accounts whose password everybody knows: it listens on this machine only"
        raise BadSetting(name=f"{PREFIX}HTTP_HOST", why=why)
    return loaded


async def run(loaded: Settings) -> int:
    """Run the example programme until told to stop; return the exit code. Raises AlreadyServed."""
    refuse_a_second(loaded)  # its responder and its files are not to be touched
    make_data_folder(loaded.data_dir)
    make_folder(loaded.run_dir, "TMPDIR")
    programme = load_programme()
    with udp_port_from(next(iter(programme["devices"].values()))["port"]) as port:
        return await _run(loaded, programme, port)


async def _run(loaded: Settings, programme: dict[str, Any], port: int) -> int:
    for device in programme["devices"].values():
        device["port"] = port
    file = loaded.data_dir / "programme.yaml"
    file.write_text(yaml.safe_dump(programme, allow_unicode=True, sort_keys=False), encoding="utf-8")

    # New secrets at each start: the responder is told them on its standard input, the engine finds them in the vault.
    community = SnmpV2c(SecretStr(secrets.token_urlsafe(12)))
    user = SnmpV3(
        "vungcao",
        AuthProtocol.SHA256,
        SecretStr(secrets.token_urlsafe(16)),
        PrivProtocol.AES128,
        SecretStr(secrets.token_urlsafe(16)),
    )
    told = configuration(
        programme,
        community=community.community.get_secret_value(),
        port=port,
        control_socket=str(loaded.run_dir / "responder.sock"),
        faults=FAULTS if loaded.demo_faults else {},
        v3={
            "name": user.user,
            "auth": str(user.auth_protocol),
            "auth_key": user.auth_key.get_secret_value(),
            "priv_key": user.priv_key.get_secret_value(),
        },
    )
    responder = ChildPlan("responder", (sys.executable, "-m", "api.demo.responder"), first_line=json.dumps(told))

    async def prepare(database: Database) -> None:
        actor, vault = system("example programme"), wiring.vault(loaded)
        async with database.transaction() as tx:
            await set_credential(actor, tx, vault, "example-v2c", community)
            await set_credential(actor, tx, vault, "example-v3", user)
            await load_file(file, actor, tx, bundled_profiles())
            await load_rooms(ROOMS, actor, tx)
            await create_example_accounts(actor, tx)
        if loaded.demo_meetings:
            await book_examples(database, ZoneInfo(loaded.timezone))

    return await serve_command.run(loaded, first=[responder], prepare=prepare)


@contextmanager
def udp_port_from(wanted: int) -> Iterator[int]:
    """Yield `wanted`, or the next higher UDP port that can be had on this machine; no other demo takes it meanwhile.

    The responder binds it later, and again after each restart. Until we end, the name of an abstract socket (unix(7))
    tells another demo, started at the same moment, to look further.
    """
    for port in range(wanted, wanted + 100):
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
        ):
            try:
                ours.bind(f"\0vungcao-responder-{port}")
                probe.bind(("0.0.0.0", port))  # noqa: S104 - asked for an instant; the responder takes the same
            except OSError:
                continue
            probe.close()
            yield port
            return
    raise BadSetting(name="the responder's port", why=f"no UDP port is free from {wanted} on")
