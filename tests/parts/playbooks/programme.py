"""A programme of ten offices for rollouts, a clock that a test moves, and a runner that does what it is told.

The scripted runner stands in for Ansible, which takes seconds for a task; `test_run.py` and the drill use the real one.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from sqlalchemy import select

from inventory.profiles import bundled_profiles
from inventory.public import SshKey, TargetWish, load_file, set_credential
from kernel.actors import Actor, Place, system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.ids import new_id
from kernel.secrets import Vault
from playbooks.automation.advance import look_at_due
from playbooks.automation.catalog import AfterInterruption, Argument, ArgumentType, Catalog, PlaybookView, Risk, Words
from playbooks.automation.execute import playbook_work
from playbooks.automation.guards import SessionNotice
from playbooks.automation.models import PlaybookWaveRow
from playbooks.automation.outside import Outside
from playbooks.automation.parts import Parts
from playbooks.automation.reports import take_report
from playbooks.automation.roll_out import RolloutRequest, roll_out
from playbooks.automation.runner.port import Difference, Ended, Job, Kind, News
from playbooks.automation.runs import HostCount
from playbooks.automation.stops import Alarm
from playbooks.automation.waves import WaveWish
from playbooks.public import HostView, RunView, hosts_of_run, run_for
from tests.builders.actors import account_actor

VAULT = Vault(bytes(32))
TEST = system("test")
HOA = account_actor(new_id(), "hoa", "technician")
DUC = account_actor(new_id(), "duc", "technician")
LAN = account_actor(new_id(), "lan", "official")

NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)

COMMUNES = 8
EVERYWHERE = TargetWish(units=("lam-dong",), roles=("router",))
WORDS = Words(vi="Thử", en="Test")
ONE = WaveWish(canary=1, steps=(2, "100%"), soak_s=0)

INVENTORY = """\
version: 1
units:
  lam-dong: {name: Lâm Đồng, level: province, valid_from: 2025-07-01}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
offices:
  tinh: {name: Văn phòng tỉnh, unit: lam-dong}
"""


def playbook(name: str, **differently: object) -> PlaybookView:
    """Return a playbook that changes something and may be run by technicians."""
    plain = PlaybookView(
        name=name, title=WORDS, help=WORDS, risk=Risk.CHANGING, check_note=WORDS, roles=("technician",), limit_s=60,
        arguments=MappingProxyType(
            {"level": Argument(title=WORDS, type=ArgumentType.NUMBER, default=3, least=1, most=9)}
        ),
        waves=ONE, content="first",
    )  # fmt: skip
    return replace(plain, **differently)  # type: ignore[arg-type]


@dataclass
class ScriptedRunner:
    """Does to each host what `script` says: `ok`, `fail`, `gone` or `die` (the child dies); `ok` if it says nothing."""

    script: dict[str, str] = field(default_factory=dict)
    reports: dict[str, dict[str, object]] = field(default_factory=dict)
    played: list[list[str]] = field(default_factory=list)

    async def run(self, job: Job, tell: Callable[[News], Awaitable[None]], stop: asyncio.Event) -> Ended:
        """Run `job` in no time."""
        hosts = [host.name for host in job.hosts]
        self.played.append(hosts)
        counts: dict[str, HostCount] = {}
        for host in hosts:
            match self.script.get(host, "ok"):
                case "ok":
                    diff = Difference("Set it", "/etc/it", "", "level 3\n")
                    report = self.reports.get(host)
                    text = f"changed: [{host}]"
                    await tell(News(Kind.CHANGED, host, "Set it", text, (diff,), seconds=0.5, report=report))
                    counts[host] = HostCount(ok=1, changed=1)
                case "fail":
                    await tell(News(Kind.FAILED, host, "Set it", f"fatal: [{host}]: FAILED!"))
                    counts[host] = HostCount(failed=1)
                case "gone":
                    await tell(News(Kind.UNREACHABLE, host, "Set it", f"fatal: [{host}]: UNREACHABLE!"))
                    counts[host] = HostCount(unreachable=True)
                case "die":
                    return Ended(None)
        return Ended(0 if all(count.ok for count in counts.values()) else 2, counts)

    async def sweep(self, wave: uuid.UUID) -> None:
        """Nothing is ever left."""


T = TypeVar("T")


class OneAttempt:
    """Steps of a piece of work that is tried once."""

    async def run(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        await step()

    async def read(self, read: Callable[[], Awaitable[T]]) -> T:
        return await read()


class Programme:
    """The platform's side: what launches, what looks, and what is outside."""

    def __init__(self, database: Database, clock: FrozenClock) -> None:
        self.database = database
        self.clock = clock
        self.runner = ScriptedRunner()
        self.sessions: list[SessionNotice] = []
        self.alarms: list[Alarm] = []
        self.at_once = 4
        self.catalog: dict[str, PlaybookView] = {
            view.name: view
            for view in (
                playbook("set-it", undo="unset-it"),
                playbook("unset-it"),
                playbook("look", risk=Risk.READ_ONLY),
                playbook("grave", approval_h=24),
                playbook("cut-anywhere", after_interruption=AfterInterruption.AGAIN),
            )
        }

    @property
    def parts(self) -> Parts:
        """What a worker of now has."""
        catalog: Catalog = self.catalog
        return Parts(
            self.database, VAULT, self.runner, self._in_session, catalog, {}, self.clock, self._wrong, self.at_once,
            reported=take_report,
        )  # fmt: skip

    @property
    def outside(self) -> Outside:
        """What launches ask."""
        return Outside(self._in_session, self._wrong)

    async def _in_session(self, tx: object, offices: Sequence[str], at: object) -> Sequence[SessionNotice]:
        return [notice for notice in self.sessions if notice.office in offices]

    async def _wrong(self, tx: object, offices: Sequence[str]) -> Sequence[Alarm]:
        return [alarm for alarm in self.alarms if alarm.office in offices]

    async def load(self, folder: Path) -> None:
        """Put eight communes' offices into the inventory, the last with two routers, all behind the province's."""
        text, devices, lines = INVENTORY, "devices:\n", "uplinks:\n"
        ssh = 'ssh: {user: vungcao, credential: ssh-key, host_key: "ssh-ed25519 AAAA"}'
        common = "role: router, profile: network-interfaces, snmp: v2c, credential: v2c"
        devices += f"  hub: {{name: Bộ định tuyến tỉnh, office: tinh, {common}, address: 10.20.0.1, {ssh}}}\n"
        for number in range(1, COMMUNES + 1):
            unit = "phan-son" if number <= COMMUNES / 2 else "la-da"
            text += f"  x{number}: {{name: Văn phòng {number}, unit: {unit}}}\n"
            for which in (1, 2) if number == COMMUNES else (1,):
                code = f"x{number}-rt{which}"
                devices += (
                    f"  {code}: {{name: Bộ định tuyến, office: x{number}, {common},"
                    f" address: 10.20.{number}.{which}, {ssh}}}\n"
                )
                lines += (
                    f"  {code}-wan: {{device: {code}, interface: ether1, carrier: VNPT, medium: fibre,"
                    " down_bps: 50000000, up_bps: 50000000, parent: hub}\n"
                )
        ups = common.replace("router", "ups")
        devices += f"  x1-ups1: {{name: Bộ lưu điện, office: x1, {ups}, address: 10.20.1.9}}\n"
        file = folder / "programme.yaml"
        file.write_text(text + devices + lines, encoding="utf-8")
        key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        async with self.database.transaction() as tx:
            await load_file(file, TEST, tx, bundled_profiles())
            await set_credential(TEST, tx, VAULT, "ssh-key", SshKey(SecretStr(key)))

    async def launch(
        self,
        name: str = "set-it",
        actor: Actor = HOA,
        *,
        wish: TargetWish | None = None,
        check: bool = False,
        waves: WaveWish | None = None,
        arguments: Mapping[str, object] | None = None,
        only_in_windows: bool = False,
    ) -> RunView:
        """Launch a rollout: on the communes of Phan Sơn, unless `wish` says otherwise."""
        request = RolloutRequest(
            name, TargetWish(units=("phan-son",)) if wish is None else wish, check, arguments or {}, waves,
            only_in_windows=only_in_windows,
        )  # fmt: skip
        async with self.database.transaction() as tx:
            return await roll_out(request, actor, tx, self.outside, catalog=self.catalog)

    async def settle(self, *, waves: int = 100) -> None:
        """Look at what is due and run what is wanted, until nothing is; or `waves` waves, and look no more then."""
        work = playbook_work(self.parts)
        while True:
            await look_at_due(self.parts)
            async with self.database.transaction() as tx:
                wanted = list(
                    await tx.session.scalars(
                        select(PlaybookWaveRow.id)
                        .where(PlaybookWaveRow.state == "waiting")
                        .order_by(PlaybookWaveRow.id)
                    )
                )
            if not wanted or not waves:
                return
            for wave in wanted[:waves]:
                await work(str(wave), OneAttempt())
            waves -= len(wanted[:waves])
            if not waves:
                return

    async def later(self, step: timedelta) -> None:
        """Move the clock, and settle what is due then."""
        self.clock.forward(step)
        await self.settle()

    async def run(self, run: RunView, actor: Actor = HOA) -> RunView:
        """Return the run as it is now."""
        async with self.database.transaction() as tx:
            return await run_for(actor, run.id, tx)

    async def hosts(self, run: RunView, actor: Actor = HOA) -> dict[str, HostView]:
        """Return the run's hosts as they are now."""
        async with self.database.transaction() as tx:
            return {host.host: host for host in (await hosts_of_run(actor, run.id, tx)).hosts}


def at_unit(unit: uuid.UUID, role: str = "technician") -> Actor:
    """Return somebody with a role at one unit and below it."""
    return account_actor(new_id(), "nguoi-xa", role, Place(unit))
