"""The example programme with one device more: one of Phan Sơn that is let in to over SSH, played by a real sshd.

Whatever playbooks write there lands in a folder of the test, never in this machine's own settings.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import yaml

from tests.real.platform import Platform
from tests.real.sshd import Sshd

DEVICE = "ps-gw1"
OTHERS = ("ps-gw2", "ps-gw3")
ADDRESS = "127.20.1.1{number}"
OFFICE = "ps"
ROOM = "ps-room"
PASSWORD = "vungcao-demo"
RUN_S = 240
"""Longest wait for a run: Ansible takes seconds of CPU for a task, and a busy machine makes minutes of that."""


@contextmanager
def example_over_ssh(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    faults: bool = False,
    meetings: bool = False,
    others: Sequence[str] = (),
) -> Iterator[tuple[Platform, Sshd]]:
    """Yield the running example and the first device's sshd.

    Args:
        folder: For the variables that this site gives to every playbook.
        environment: Settings, as `Platform` has them; likewise `faults` and `meetings`.
        faults: Whether the example's faults come by themselves.
        meetings: Whether meetings are ahead.
        others: Codes of more devices, each with an sshd of its own that takes the same key; they share one root.
    """
    with ExitStack() as stack:
        servers = [Sshd(ADDRESS.format(number=number)) for number in range(1 + len(others))]
        sshd = servers[0]
        for server in servers[1:]:
            shutil.copy(sshd.folder / "authorized_keys", server.folder / "authorized_keys")
        for server in servers:
            stack.enter_context(server)
        variables = folder / "variables.yml"
        variables.write_text(
            yaml.safe_dump(
                {
                    "target_root": str(sshd.root),
                    "ansible_remote_tmp": str(sshd.root / "tmp"),
                    "become_needed": False,
                }
            )
        )
        variables.chmod(0o644)
        chosen = {"VUNGCAO_PLAYBOOK_VARIABLES": str(variables), **(environment or {})}
        with Platform(chosen, faults=faults, meetings=meetings) as platform:
            _add_devices(platform, dict(zip((DEVICE, *others), servers, strict=True)))
            yield platform, sshd


def _add_devices(platform: Platform, servers: Mapping[str, Sshd]) -> None:
    file = platform.settings.data_dir / "programme.yaml"
    programme = yaml.safe_load(file.read_text("utf-8"))
    like = programme["devices"]["ps-sw1"]
    for code, sshd in servers.items():
        programme["devices"][code] = like | {
            "name": "Máy chủ văn phòng",
            "address": sshd.address,
            "ssh": {"port": sshd.port, "user": sshd.user, "credential": "ssh-key", "host_key": sshd.host_key},
        }
    changed = platform.folder / "programme.yaml"
    changed.write_text(yaml.safe_dump(programme, allow_unicode=True), "utf-8")
    for words, given in (
        (("credential", "set", "ssh-key", "--ssh-key"), servers[DEVICE].private_key),
        (("inventory", "load", str(changed)), ""),
    ):
        done = platform.command(*words, given=given)
        assert done.returncode == 0, done.stderr


@contextmanager
def signed_in(platform: Platform, name: str) -> Iterator[httpx.Client]:
    """Yield a client of the JSON API, signed in as an example account; every request carries its form token."""
    with httpx.Client(base_url=platform.url, timeout=30) as client:
        for _ in range(2):  # the token is another one once somebody is signed in
            client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
            if "vungcao_session" not in client.cookies:
                client.post("/api/v1/session", json={"name": name, "password": PASSWORD}).raise_for_status()
        yield client


def meet_now(platform: Platform, title: str) -> str:
    """Book the room of Phan Sơn for an hour that begins at once, as an official does, and return the meeting's id."""
    begins = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=5)
    wanted = {
        "title": title,
        "rooms": [ROOM],
        "starts_at": begins.isoformat(),
        "ends_at": (begins + timedelta(hours=1)).isoformat(),
    }
    with signed_in(platform, "canbo") as official:
        return str(official.post("/api/v1/meetings", json=wanted).raise_for_status().json()["id"])


def call_off(platform: Platform, meeting: str) -> None:
    """Call the meeting off."""
    with signed_in(platform, "canbo") as official:
        official.post(f"/api/v1/meetings/{meeting}/cancel").raise_for_status()


def finished(platform: Platform, playbook: str, *, check: bool) -> str:
    """Launch the playbook at Phan Sơn and return its run's id when it is over."""
    wanted = {"playbook": playbook, "office": OFFICE, "check": check}
    with signed_in(platform, "kythuat") as technician:
        run = technician.post("/api/v1/playbook-runs", json=wanted).raise_for_status().json()["id"]
        deadline = time.monotonic() + RUN_S
        while technician.get(f"/api/v1/playbook-runs/{run}").raise_for_status().json()["ended_at"] is None:
            assert time.monotonic() < deadline, f"the run {run} did not end"
            time.sleep(0.5)
    return str(run)
