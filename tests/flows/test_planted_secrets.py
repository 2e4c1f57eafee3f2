"""Secrets are planted everywhere, the platform works with them, and then each of them is looked for everywhere.

Real parts: the platform that a user starts, Debian's snmpd asked by v2c and v3, Debian's sshd on which real Ansible
runs a real playbook, whose device leaks all that it knows: in its files, in its banner, in what its Python prints.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest

from api import wiring
from playbooks.automation.runner.ansible import MEMORY
from tests.flows.reader import Reader
from tests.real.planted import Planted, Watch, forms_of
from tests.real.platform import PlainPlatform
from tests.real.snmpd import Snmpd
from tests.real.sshd import Sshd
from tests.real.waiting import until
from tests.real.webhook import WebhookReceiver

pytestmark = pytest.mark.timeout(600)

COMMUNITY = "cong-dong/kin&14-Qz"
AUTH_KEY = "xac thuc kin <27> Wv"
PRIV_KEY = 'rieng-tu "kin" 31 \\ Xk'
ENABLE = "len quyen kín ấy 58"
TOKEN = "tok_9f3c77e1a2b84d5c"
PASSWORD = "mưa rừng Phan Sơn 61"
WEBHOOK = "hook-a81d55c0e9f24b37"
RECEIVER = "nhan-tin-5e0b77d1c9"
"""In the address of a program that is told of runs."""
WRONG = "sai-be-bet-mot-cum-73"
"""Typed in requests that are refused: an error must not repeat it."""

EVENTS = ("playbook.ended", "playbook.launched")
MESSAGES = 2

NO_SECRET = "chi-la-mot-cau-binh-thuong"
"""Leaked beside the secrets: that it is found proves that what the device said was kept, and looked at."""

INVENTORY = """\
version: 1
units:
  lam-dong: {{name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}}
  phan-son: {{name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}}
offices:
  ps: {{name: Văn phòng Phan Sơn, unit: phan-son}}
devices:
  ps-rt1: {{name: Bộ định tuyến, office: ps, role: router, profile: host, address: 127.0.0.1, port: {snmp},
    snmp: v2c, ssh: {{port: {ssh}, user: {user}, host_key: "{host_key}"}}}}
  ps-sw1: {{name: Chuyển mạch, office: ps, role: switch, profile: host, address: 127.0.0.2, port: {snmp}, snmp: v3}}
"""


class LeakySnmpd(Snmpd):
    """An agent with the planted community and user."""

    community = COMMUNITY
    v3_auth_key = AUTH_KEY.replace('"', "")
    v3_priv_key = "rieng-tu-kin-31-Xk-Rr"


@dataclass
class Scene:
    """What runs, what was planted, and everything that anybody was told."""

    platform: PlainPlatform
    sshd: Sshd
    planted: Planted
    watch: Watch
    receiver: WebhookReceiver
    told: list[str] = field(default_factory=list)
    shown_once: dict[str, str] = field(default_factory=dict)
    """What was made while it ran, and shown to its maker once."""

    def command(self, *words: str, given: str = "", ends: int = 0) -> str:
        done = self.platform.command(*words, given=given)
        assert done.returncode == ends, done.stderr
        self.told.append(done.stdout + done.stderr)
        return done.stdout


def leak(secrets: dict[str, str]) -> str:
    """Return a text with every secret in every form that a device may show, also broken over lines."""
    lines = [NO_SECRET]
    for secret in secrets.values():
        one = secret.splitlines()[1] if "\n" in secret else secret
        coded = base64.b64encode(f"cấu hình {one} hết".encode()).decode()
        lines += [
            f"snmp-server community {one} RO", f"said {json.dumps({'said': one})}", quote(one, safe=""), coded,
            f"password {one[: len(one) // 2]}", f"{one[len(one) // 2 :]}", coded[: len(coded) // 2],
            coded[len(coded) // 2 :], secret,
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with ExitStack() as stack:
        snmpd = stack.enter_context(LeakySnmpd())
        sshd = stack.enter_context(Sshd())
        secrets = {
            "community": COMMUNITY, "auth key": snmpd.v3_auth_key, "priv key": snmpd.v3_priv_key, "enable": ENABLE,
            "token": TOKEN, "password": PASSWORD, "webhook": WEBHOOK, "wrong": WRONG, "private key": sshd.private_key,
            "receiver": RECEIVER,
        }  # fmt: skip
        on_device = {name: secrets[name] for name in ("community", "auth key", "priv key", "enable", "token")}
        planted = Planted(secrets)
        watch = stack.enter_context(Watch(planted))
        platform = _platform(stack, sshd, on_device)
        receiver = stack.enter_context(WebhookReceiver(lambda _message, _before: False))
        scene = Scene(platform, sshd, planted, watch, receiver)
        _set_up(scene, snmpd)
        yield scene


def _platform(stack: ExitStack, sshd: Sshd, on_device: dict[str, str]) -> PlainPlatform:
    """Start a platform whose device leaks: its Python prints all it knows before each module, and its files hold it."""
    (sshd.folder / "leak").write_text(leak({**on_device, "key": sshd.private_key}))
    python = sshd.folder / "python"
    python.write_text(f'#!/bin/sh\ncat {sshd.folder}/leak\ncat {sshd.folder}/leak >&2\nexec /usr/bin/python3 "$@"\n')
    python.chmod(0o755)
    (sshd.root / "etc/resolv.conf").write_text(leak({**on_device, "key": sshd.private_key}))
    platform = PlainPlatform()
    (platform.folder / "site.yml").write_text(
        json.dumps(
            {
                "target_root": str(sshd.root),
                "ansible_remote_tmp": str(sshd.root / "tmp"),
                "become_needed": False,
                "ansible_python_interpreter": str(python),
            }
        )
    )
    config = platform.folder / "vungcao.toml"
    config.write_text(
        f'alert_webhook_url = "http://127.0.0.1:9/{WEBHOOK}"\nlog_level = "debug"\n'
        f'playbook_variables = "{platform.folder}/site.yml"\n'
    )
    config.chmod(0o600)
    platform.environment["VUNGCAO_CONFIG"] = str(config)
    return stack.enter_context(platform)


def _set_up(scene: Scene, snmpd: LeakySnmpd) -> None:
    platform, sshd = scene.platform, scene.sshd
    # The first administrator comes in by the command line; everything else is set by a person, or a program of theirs.
    scene.command("accounts", "create", "quan-tri", "--role", "administrator", given=f"{PASSWORD}\n")
    scene.command("accounts", "create", "ky-su", "--role", "engineer", given=f"{PASSWORD}\n")
    (platform.folder / "tree.yaml").write_text(
        INVENTORY.format(snmp=snmpd.port, ssh=sshd.port, user=sshd.user, host_key=sshd.host_key),
        "utf-8",
    )
    scene.command("inventory", "load", str(platform.folder / "tree.yaml"))
    scene.command("secrets", "set", "tinh", "--unit", "lam-dong", given=f"{COMMUNITY}\n")
    scene.command(
        "secrets", "set", "nguoi-dung", "--user", snmpd.v3_user, "--office", "ps",
        given=f"{snmpd.v3_auth_key}\n{snmpd.v3_priv_key}\n",
    )  # fmt: skip
    scene.command("secrets", "set", "khoa", "--ssh-key", "--unit", "phan-son", given=sshd.private_key)


def _api(scene: Scene, reader: Reader, method: str, path: str, **more: Any) -> httpx.Response:
    answer = reader.request(method, path, **more)
    scene.told.append(f"{answer.headers}\n{answer.text}")
    return answer


def test_no_secret_is_anywhere(scene: Scene) -> None:
    platform = scene.platform
    with ExitStack() as stack:
        admin = stack.enter_context(Reader(platform.url, "quan-tri", PASSWORD, transport=platform.transport()))
        engineer = stack.enter_context(Reader(platform.url, "ky-su", PASSWORD, transport=platform.transport()))
        _write_only(scene, admin)
        _programs(scene, admin, engineer)
        until(lambda: platform.device("ps-rt1")["outcome"] == "answered", "the router to be asked by its community")
        run = json.loads(
            scene.command("playbooks", "run", "time-and-dns", "--office", "ps", "--json",
                          "--argument", "dns_servers=10.20.0.53", "--argument", "ntp_servers=10.20.0.123")
        )  # fmt: skip

        def over() -> bool:
            answer = _api(scene, engineer, "GET", f"/api/v1/playbook-runs/{run['id']}")
            return answer.json()["state"] not in {"waiting", "running"}

        until(over, "the playbook to be over")
        until(lambda: len(_told_of_runs(scene)) >= MESSAGES, "the other program to be told")
        scene.told += [json.dumps(message.body, ensure_ascii=False) for message in scene.receiver.received]
        _look_at_everything(scene, admin, engineer, run["id"])
    scene.command("playbooks", "show", run["id"])
    scene.command("audit", "export", "--form", "csv")
    scene.command("audit", "export")
    scene.command("secrets", "list", "--device", "ps-rt1", "--json")
    scene.command("secrets", "rekey")
    scene.command("poll", "ps-rt1")
    dump = asyncio.run(_dump(platform))
    assert NO_SECRET in dump, "what the device said was kept"
    assert NO_SECRET in "".join(scene.told), "and told"
    assert "credential.used" in dump
    assert scene.planted.found_in(dump) == set(), "the database"
    assert [scene.planted.found_in(text) for text in scene.told if scene.planted.found_in(text)] == []
    assert scene.planted.found_in(platform.log.read_bytes()) == set(), "the log"
    # Only what the test itself wrote for the platform holds any.
    assert scene.planted.found_in_files(platform.folder / "data") == {}
    for place in (MEMORY, Path(tempfile.gettempdir())):
        assert list(place.glob(f"vc-{run['id'].replace('-', '')}*")) == [], "the run's private folder is gone"
    assert any("api.processes" in command for command in scene.watch.seen)
    assert any("ansible" in command for command in scene.watch.seen), "Ansible's processes were looked at"
    ours = {command: names for command, names in scene.watch.found.items() if "snmpget" not in command}
    assert ours == {}, "command lines and environments"
    made = Planted(scene.shown_once)
    assert made.found_in("\n".join(scene.told)) == set(), "what was shown once is not told again"
    assert made.found_in(dump) == set()
    assert made.found_in(platform.log.read_bytes()) == set()
    assert made.found_in_files(platform.folder / "data") == {}


def test_the_search_finds_what_it_looks_for() -> None:
    planted = Planted({"one": COMMUNITY, "other": PRIV_KEY})
    for form in forms_of(COMMUNITY):
        half = len(form) // 2
        assert planted.found_in(b"x" + form + b"y") == {"one"}
        for end in (b"\n", b"\r\n", b"\\n", b'",\n  "'):
            assert planted.found_in(b"x" + form[:half] + end + form[half:] + b"y") == {"one"}
    wrapped = base64.encodebytes(f"{'a' * 50}{COMMUNITY}{'b' * 50}".encode())
    assert planted.found_in(wrapped) == {"one"}
    assert planted.found_in(json.dumps({"key": PRIV_KEY})) == {"other"}
    assert planted.found_in("nothing of it") == set()


def _write_only(scene: Scene, admin: Reader) -> None:
    """Set the rest by API and pages, also wrongly: nothing of it comes back."""
    place = {"kind": "office", "code": "ps"}
    for name, kind, secrets in (("enable", "enable-secret", {"secret": ENABLE}), ("ma", "token", {"token": TOKEN})):
        body: dict[str, Any] = {"name": name, "kind": kind, "secrets": secrets, "place": place}
        assert _api(scene, admin, "POST", "/api/v1/credentials", json=body).status_code == 201
    wrong_bodies: list[dict[str, Any]] = [
        {"kind": "ssh-key", "secrets": {"private_key": WRONG}},
        {"kind": "snmp-v3", "fields": {"auth_protocol": "none"}, "secrets": {"auth_key": WRONG}},
        {"kind": WRONG, "secrets": {"token": WRONG}},
        {"kind": "token", "secrets": [WRONG]},
        {"kind": "token", "secrets": {"token": f"{WRONG}\n"}},
    ]
    for wrong_body in wrong_bodies:
        answer = _api(scene, admin, "PUT", "/api/v1/credentials/ma", json=wrong_body)
        assert answer.status_code in {400, 409, 422}, answer.text
    page = _api(scene, admin, "GET", "/credentials/ma", headers={"Accept": "text/html"})
    assert 'value="********"' in page.text
    kept = {"csrf": admin.csrf, "token": "********"}
    assert _api(scene, admin, "POST", "/credentials/ma", data=kept).status_code == 303
    wrong = {"csrf": admin.csrf, "kind": "ssh-key", "name": "khoa-2", "private_key": WRONG}
    assert _api(scene, admin, "POST", "/credentials/new", data=wrong).status_code == 400


def _programs(scene: Scene, admin: Reader, engineer: Reader) -> None:
    """Have other programs launch and be told, a schedule, and a launch whose arguments are wrong."""
    receiver = {
        "csrf": admin.csrf, "name": "he-thong-khac", "url": f"{scene.receiver.url}{RECEIVER}", "events": list(EVENTS),
    }  # fmt: skip
    launching = {
        "csrf": engineer.csrf, "name": "goi-vao", "playbook": "site-check", "offices": "ps", "mode": "check",
        "sent": "1", "do": "make",
    }  # fmt: skip
    for person, path, form in ((admin, "/webhooks/receivers", receiver), (engineer, "/webhooks/new", launching)):
        page = person.request("POST", path, data=form, headers={"Accept": "text/html"})
        shown = re.search(r'id="secret">([^<]+)<', page.text)
        assert shown is not None, page.text
        scene.shown_once[path] = shown.group(1)
        scene.told.append(page.text.replace(shown.group(1), ""))
    schedule = {
        "name": "Đêm", "playbook": "site-check", "targets": {"offices": ["ps"]}, "check": True, "rule": "FREQ=DAILY",
        "first": f"{datetime.now(UTC).date() + timedelta(days=2)}T22:00:00",
    }  # fmt: skip
    made = _api(scene, engineer, "POST", "/api/v1/playbook-schedules", json=schedule)
    assert made.status_code == 201, made.text
    assert _api(scene, engineer, "GET", f"/schedules/{made.json()['id']}").status_code == 200
    wrong = {"playbook": "time-and-dns", "office": "ps", "arguments": {"dns_servers": [WRONG], "ntp_servers": [WRONG]}}
    # Who typed it is told what is wrong with it; nobody else is, no log and no record.
    assert engineer.request("POST", "/api/v1/playbook-runs", json=wrong).status_code in {400, 409, 422}


def _told_of_runs(scene: Scene) -> list[str]:
    return [message.body["data"]["event"] for message in scene.receiver.received]


def _look_at_everything(scene: Scene, admin: Reader, engineer: Reader, run: str) -> None:
    pages = (
        "/credentials", "/credentials/tinh", "/credentials/new?kind=ssh-key", "/devices/ps-rt1",
        "/offices/ps/credentials", "/units/lam-dong/credentials", "/devices/ps-rt1/credentials", "/audit",
        "/changes/device/ps-rt1",
        "/changes/credential/ma", "/audit/export?form=csv", "/audit/export?form=jsonl", "/platform", "/metrics",
    )  # fmt: skip
    for path in pages:
        assert _api(scene, admin, "GET", path, headers={"Accept": "text/html"}).status_code == 200, path
    of_a_run = (
        "", "?after=0", "?only=errors", "?host=ps-rt1", f"?q={NO_SECRET}", "/log.txt", "/hosts", "/hosts/ps-rt1",
        "/times",
    )  # fmt: skip
    of_its_api = (
        f"/playbook-runs/{run}", f"/playbook-runs/{run}/lines?limit=200", f"/playbook-runs/{run}/hosts",
        f"/playbook-rollouts/{run}", f"/playbook-rollouts/{run}/hosts", f"/playbook-rollouts/{run}/hosts/ps-rt1",
        f"/playbook-rollouts/{run}/times", "/playbook-runs", "/playbook-schedules",
    )  # fmt: skip
    paths = [f"/runs/{run}{path}" for path in of_a_run] + [f"/api/v1{path}" for path in of_its_api]
    for path in [*paths, "/runs", "/schedules", "/webhooks", "/windows"]:
        assert _api(scene, engineer, "GET", path).status_code == 200, path
    live = list(engineer.lines(f"/live/runs/{run}?after=0"))
    assert any(NO_SECRET in line for line in live), "the live page has what the device said"
    scene.told.append("\n".join(live))
    for what in ("credentials", "changes?limit=200", "devices", "devices/ps-rt1", "offices/ps/credentials", "platform"):
        assert _api(scene, admin, "GET", f"/api/v1/{what}").status_code == 200, what


async def _dump(platform: PlainPlatform) -> str:
    """Return every row of every table as text: durable work's and the sealed ones among them."""
    url = wiring.database_url(platform.settings).replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'dbos')"
        ).fetchall()
        return "\n".join(
            str(row[0])
            for (table,) in tables
            for row in connection.execute(f"SELECT row_to_json(t)::text FROM {table} t").fetchall()
        )
