"""What the engine knows of devices becomes what meetings ask: roles of the inventory, fresh values, uplinks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from api.glue import meetings_hurt, room_health
from kernel.clock import FrozenClock, epoch_ms
from kernel.db.transaction import Database
from kernel.errors import EngineUnavailable
from meetings.public import FRESH, UplinkFacts
from meetings.readiness import RoomNeeds, assess
from monitor.public import DeviceHealth, DeviceLive, EngineBoard, Hurt, LastValue, StoreLive, UplinkLive
from tests.parts.meetings.conftest import NOW, Book


class Engine:
    """Keeps the promises of `api.glue.EngineView`."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.up = True
        self.asked: list[str] = []
        self.values: dict[str, dict[str, tuple[float, int]]] = {}
        self.outcomes: dict[str, str] = {}

    def _health(self, code: str, outcome: str = "answered") -> DeviceHealth:
        return DeviceHealth(
            device=code, state="ok", outcome=self.outcomes.get(code, outcome), why="", since_ms=0,
            polled_at_ms=self.now_ms, duration_s=0.1, completeness_ratio=1.0,
        )  # fmt: skip

    async def uplinks(self, devices: Sequence[str] | None = None) -> dict[str, UplinkLive]:
        line = UplinkLive(
            uplink="ps-fibre", device="ps-rt1", interface="eth1", state="warning", in_bps=1.0, out_bps=1.0,
            utilisation_ratio=0.95, at_ms=self.now_ms,
        )  # fmt: skip
        return {line.uplink: line} if devices is None or line.device in devices else {}

    async def board(self) -> EngineBoard:
        return EngineBoard(
            at_ms=self.now_ms, interval_s=60.0, database_ok=True,
            polled_at_ms=self.now_ms, watched=4, troubled=(),
            well=("ps-rt1", "ps-ups1", "ps-mt1", "sl-rt1"),
            store=StoreLive(name="duckdb", ok=True, why="", waiting=0, dropped=0),
        )  # fmt: skip

    async def healths(self, codes: Sequence[str]) -> dict[str, DeviceHealth]:
        fresh = DeviceHealth.model_validate({**self._health("sl-rt1", "").model_dump(), "polled_at_ms": 0})
        known = (self._health("ps-rt1"), self._health("ps-ups1"), self._health("ps-mt1", "silent"), fresh)
        return {one.device: one for one in known if one.device in codes}

    async def device(self, code: str) -> DeviceLive | None:
        self.asked.append(code)
        if not self.up:
            raise EngineUnavailable(why="it was cut")
        values = tuple(
            LastValue(metric=metric, instance="", value=value, at_ms=at_ms)
            for metric, (value, at_ms) in self.values.get(code, {}).items()
        )
        return DeviceLive(health=self._health(code), values=values)


ASKED = ["ps-mt1", "ps-rt1", "ps-ups1", "sl-rt1", "hn-rt1", "unheard-of"]


@pytest.fixture
def engine_view(clock: FrozenClock) -> Engine:
    return Engine(epoch_ms(clock.now()))


async def test_facts_are_the_engines_of_devices_that_it_watches(
    rooms_loaded: None, database: Database, engine_view: Engine, clock: FrozenClock
) -> None:
    now_ms, old_ms = engine_view.now_ms, epoch_ms(clock.now() - FRESH - timedelta(seconds=1))
    engine_view.values = {
        "ps-rt1": {"loss_ratio": (0.2, now_ms), "rtt_s": (0.05, old_ms)},
        "ps-ups1": {"ups_on_battery": (1.0, now_ms), "ups_battery_runtime_s": (1800.0, now_ms)},
    }
    facts = await room_health(engine_view, database)(ASKED)
    assert set(facts) == {"ps-mt1", "ps-rt1", "ps-ups1", "sl-rt1"}
    assert facts["ps-rt1"].uplinks == (UplinkFacts("ps-fibre", "warning", 0.95),)
    assert (facts["ps-rt1"].role, facts["ps-rt1"].loss_ratio, facts["ps-rt1"].rtt_s) == ("router", 0.2, None)
    assert (facts["ps-ups1"].on_battery, facts["ps-ups1"].battery_runtime_s) == (True, 1800.0)
    assert (facts["ps-mt1"].outcome, facts["ps-mt1"].at) == ("silent", clock.now())
    assert facts["sl-rt1"].at is None, "not polled yet"
    assert sorted(engine_view.asked) == ["ps-rt1", "ps-ups1", "sl-rt1"], "only of these the values matter"


@pytest.mark.parametrize(("outcome", "loss_ratio"), [("answered", None), ("partial", None), ("silent", 1.0)])
async def test_where_every_echo_is_lost_and_snmp_answers_the_loss_is_not_known(
    rooms_loaded: None,
    database: Database,
    engine_view: Engine,
    clock: FrozenClock,
    outcome: str,
    loss_ratio: float | None,
) -> None:
    now = clock.now()
    engine_view.outcomes["ps-rt1"] = outcome
    engine_view.values = {"ps-rt1": {"loss_ratio": (1.0, engine_view.now_ms)}}
    facts = await room_health(engine_view, database)(["ps-rt1"])
    assert facts["ps-rt1"].loss_ratio == loss_ratio
    found = assess(RoomNeeds(("ps-rt1",)), facts, starts_at=now, ends_at=now + timedelta(hours=1), now=now)
    expected = "uplink-busy" if loss_ratio is None else "no-router-reachable"
    assert [reason.code for reason in found] == [expected], "a filter in the way of echoes stops no meeting"


async def test_an_engine_that_does_not_answer_is_told_as_such(
    rooms_loaded: None, database: Database, engine_view: Engine
) -> None:
    engine_view.up = False
    with pytest.raises(EngineUnavailable):
        await room_health(engine_view, database)(ASKED)


async def test_the_monitor_is_told_which_meetings_of_the_next_day_need_a_device(
    booked: Book, database: Database
) -> None:
    soon = await booked("ps-room", "sl-room", at=NOW + timedelta(hours=20), title="Giao ban")
    await booked("ps-room", at=NOW + timedelta(hours=25))
    async with database.transaction() as tx:
        assert await meetings_hurt(tx, "ps-rt1") == [Hurt("Giao ban", soon.starts_at, 2)]
        assert await meetings_hurt(tx, "hn-rt1") == []
