"""What offices lack by their kit, on any day; and what is delivered, accepted and proved by its first answer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from inventory.access import INVENTORY_CHANGE, INVENTORY_READ
from inventory.ancestry import renew
from inventory.deliveries import (
    DeliveryState,
    DeliveryView,
    accept_piece,
    deliveries,
    delivery_for,
    installable,
    note_arrival,
    plan_delivery,
    refuse_piece,
)
from inventory.devices import Role
from inventory.edit import change_device
from inventory.errors import (
    ChangedMeanwhile,
    CodeTaken,
    DeliveryOver,
    KitForAnother,
    KitVersionBegun,
    SerialDiffers,
    SerialTaken,
)
from inventory.kits import KitItem, KitVersion, KitView, Per, change_kit, create_kit, kit_for, kits
from inventory.load import load_file
from inventory.models import DeviceRow
from inventory.needs import (
    COUNTS,
    Elsewhere,
    Gap,
    OfficeNeeds,
    needs_by_unit,
    needs_of_offices,
    needs_summed,
    office_needs,
)
from inventory.profiles import bundled_profiles
from inventory.proofs import prove_accepted
from kernel.actors import Actor, Hold, Place, system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from meetings.public import load_rooms, room_counts
from monitor.models import AlertRow
from monitor.public import broken_devices

ACTOR = system("test")
OUTSIDE = Elsewhere(broken_devices, room_counts)
PROFILES = bundled_profiles().keys()
TODAY, BEGUN = date(2026, 11, 24), date(2026, 1, 1)
ANY = lambda _: True  # noqa: E731 - whatever was seen
COUNTRY = """\
version: 1
units:
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
offices:
  dl: {name: Sở Dân tộc, unit: lam-dong, kind: managing-body, since: 2025-07-01}
  ps: {name: Trụ sở Phan Sơn, unit: phan-son, since: 2025-07-01}
  ld: {name: Trụ sở La Dạ, unit: la-da, since: 2025-07-01}
devices:
"""
DEVICE = (
    "  {code}: {{name: {code}, office: {office}, role: {role}, profile: network-interfaces, address: 10.20.0.{n},"
    " snmp: v2c, credential: v2c, since: 2025-07-01{more}}}\n"
)
DEVICES = (
    ("ps-rt1", "ps", "router", ""), ("ps-sw1", "ps", "switch", ", warranty_until: 2026-06-30"),
    ("ps-sw2", "ps", "switch", ", state: staged"), ("ps-rt2", "ps", "router", ", state: planned, serial: SN-77"),
    ("ld-rt1", "ld", "router", ""),
)  # fmt: skip
ROOMS = """\
version: 1
rooms:
  ps-r1: {name: Phòng họp 1, office: ps, capacity: 9, devices: [ps-rt1]}
  ps-r2: {name: Phòng họp 2, office: ps, capacity: 9, devices: [ps-rt1]}
"""
KIT = KitView(
    "commune-office", "Bộ chuẩn xã", "", "commune",
    (KitVersion(BEGUN, (
        KitItem(Role.ROUTER, 1), KitItem(Role.SWITCH, 2), KitItem(Role.UPS, 1), KitItem(Role.MEETING_ROOM, 1, Per.ROOM),
    )),),
)  # fmt: skip


@pytest.fixture(autouse=True)
async def country(database: Database, tmp_path: Path) -> None:
    devices = "".join(
        DEVICE.format(code=code, office=office, role=role, more=more, n=n)
        for n, (code, office, role, more) in enumerate(DEVICES, 1)
    )
    (tmp_path / "country.yaml").write_text(COUNTRY + devices, encoding="utf-8")
    (tmp_path / "rooms.yaml").write_text(ROOMS, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "country.yaml", ACTOR, tx, bundled_profiles())
        await load_rooms(tmp_path / "rooms.yaml", ACTOR, tx)
        await create_kit(ACTOR, tx, KIT)


async def needs(database: Database, office: str, on: date | None = None) -> OfficeNeeds:
    async with database.transaction() as tx:
        return await office_needs(ACTOR, office, tx, OUTSIDE, as_of=on)


async def by_role(database: Database, office: str, on: date | None = None) -> dict[str, tuple[int, ...]]:
    found = await needs(database, office, on)
    return {one.role: tuple(getattr(one.gap, name) for name in COUNTS) for one in found.roles}


async def broke(database: Database, device: str, at: datetime, until: datetime | None = None) -> None:
    async with database.transaction() as tx:
        which = await tx.session.scalar(select(DeviceRow.id).where(DeviceRow.code == device))
        await tx.session.execute(
            insert(AlertRow).values(
                id=new_id(), rule="device-unreachable", severity="critical", device_id=which, instance="", details={},
                raised_at=at, cleared_at=until,
            )
        )  # fmt: skip


async def test_each_place_of_the_kit_is_counted_once(database: Database) -> None:
    await broke(database, "ps-rt1", datetime(2026, 11, 20, tzinfo=UTC))
    assert await by_role(database, "ps") == {
        "router": (1, 0, 0, 1, 0, 0),
        "switch": (2, 0, 1, 0, 1, 0),
        "ups": (1, 0, 0, 0, 1, 0),
        "meeting-room": (2, 0, 0, 0, 2, 0),
    }
    found = await needs(database, "ps")
    assert found.gap == Gap(6, 0, 1, 1, 4, 0)
    assert (found.kit, found.since) == ("commune-office", BEGUN)
    assert {one.code: one.state for one in found.devices} == {
        "ps-rt1": "broken", "ps-sw1": "expired", "ps-sw2": "waiting", "ps-rt2": "waiting",
    }  # fmt: skip


async def test_the_gap_of_a_day_is_that_of_then(database: Database) -> None:
    await broke(database, "ps-rt1", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC))
    assert (await by_role(database, "ps", date(2026, 3, 5)))["router"][3] == 1
    assert (await by_role(database, "ps", date(2026, 3, 9)))["router"][1] == 1
    assert (await by_role(database, "ps", date(2026, 6, 30)))["switch"] == (2, 1, 0, 0, 1, 0), "the last day counts"
    assert (await by_role(database, "ps", date(2026, 7, 1)))["switch"] == (2, 0, 1, 0, 1, 0)
    before = await needs(database, "ps", date(2025, 12, 31))
    assert (before.kit, before.gap) == ("", Gap()), "no kit held then"


async def test_a_newer_version_does_not_rewrite_the_past(database: Database) -> None:
    newer = KitVersion(TODAY, (KitItem(Role.ROUTER, 3),))
    async with database.transaction() as tx:
        seen = await kit_for(ACTOR, "commune-office", tx)
        await change_kit(ACTOR, tx, "commune-office", lambda now: now == seen, version=newer)
    assert list(await by_role(database, "ps")) == ["router"]
    assert len(await by_role(database, "ps", TODAY - timedelta(days=1))) == 4
    with pytest.raises(KitVersionBegun):
        async with database.transaction() as tx:
            await change_kit(
                ACTOR, tx, "commune-office", ANY, version=KitVersion(TODAY - timedelta(days=1), newer.items)
            )
    with pytest.raises(ChangedMeanwhile):
        async with database.transaction() as tx:
            await change_kit(ACTOR, tx, "commune-office", lambda now: now == seen, name="Khác")


async def test_a_device_taken_out_of_use_is_missing_from_that_day_on(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.session.execute(text("UPDATE device SET state = 'retired' WHERE code = 'ld-rt1'"))
    assert (await by_role(database, "ld"))["router"][4] == 1
    assert (await by_role(database, "ld", date(2026, 5, 1)))["router"][1] == 1


async def test_the_kit_that_fits_best_holds(database: Database) -> None:
    async with database.transaction() as tx:
        for code, kind, level in (
            ("any", "", ""),
            ("body", "managing-body", ""),
            ("body-xa", "managing-body", "commune"),
        ):
            await create_kit(ACTOR, tx, KitView(code, code, kind, level, (KitVersion(BEGUN, (KitItem(Role.UPS, 1),)),)))
        assert [kit.code for kit in await kits(ACTOR, tx)] == ["any", "body", "body-xa", "commune-office"]
    assert (await needs(database, "dl")).kit == "body"
    assert (await needs(database, "ps")).kit == "commune-office"


async def test_sums_by_unit_add_up(database: Database) -> None:
    async with database.transaction() as tx:
        top = await needs_by_unit(ACTOR, tx, OUTSIDE)
        inside = await needs_by_unit(ACTOR, tx, OUTSIDE, unit="lam-dong")
        lacking = await needs_of_offices(ACTOR, tx, OUTSIDE, lacking=True)
    assert [(one.unit, one.offices, one.complete, one.lacking, one.without_kit) for one in top] == [
        ("lam-dong", 3, 0, 2, 1)
    ]
    assert [(one.unit, one.offices) for one in inside] == [("la-da", 1), ("phan-son", 1), (None, 1)]
    assert needs_summed(inside).gap == top[0].gap
    gap = top[0].gap
    assert gap.needed == gap.ready + gap.expired + gap.broken + gap.missing == 6 + 4
    assert [office.code for office in lacking.offices] == ["ld", "ps"]


async def test_the_sums_are_one_statement_for_ten_thousand_offices(database: Database, engine: AsyncEngine) -> None:
    async with database.transaction() as tx:
        await tx.session.execute(text(MANY))
        await renew(tx)
        await tx.session.execute(text("ANALYZE"))
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    async with database.transaction() as tx:
        event.listen(engine.sync_engine, "before_cursor_execute", note)
        [one] = await needs_by_unit(ACTOR, tx, OUTSIDE)
        assert len(statements) == 1
        statements.clear()
        page = await needs_of_offices(ACTOR, tx, OUTSIDE, limit=100)
        assert len(statements) == 1
        event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert (one.offices, len(page.offices)) == (10_003, 100)


@pytest.mark.parametrize(
    ("kit", "error"),
    [
        (KitView("Bad Code", "x", "", "", KIT.versions), BadInput),
        (KitView("x", " ", "", "", KIT.versions), BadInput),
        (KitView("x", "x", "castle", "", KIT.versions), BadInput),
        (KitView("x", "x", "", "planet", KIT.versions), BadInput),
        (KitView("x", "x", "", "", ()), BadInput),
        (KitView("x", "x", "", "", (KitVersion(BEGUN, ()),)), BadInput),
        (KitView("x", "x", "", "", (KitVersion(BEGUN, (KitItem(Role.UPS, 0),)),)), BadInput),
        (KitView("x", "x", "", "", (KitVersion(BEGUN, (KitItem(Role.UPS, 1), KitItem(Role.UPS, 2))),)), BadInput),
        (KitView("commune-office", "x", "", "", KIT.versions), CodeTaken),
        (KitView("x", "x", "", "commune", KIT.versions), KitForAnother),
    ],
)
async def test_a_kit_that_is_none_is_refused(database: Database, kit: KitView, error: type[Exception]) -> None:
    with pytest.raises(error):
        async with database.transaction() as tx:
            await create_kit(ACTOR, tx, kit)


async def arrived(database: Database, pieces: Mapping[str, int]) -> DeliveryView:
    async with database.transaction() as tx:
        made = await plan_delivery(ACTOR, tx, "ps", pieces, due=TODAY)
        return await note_arrival(ACTOR, tx, made.id)


async def accept(database: Database, which: uuid.UUID, no: int, serial: str, device: str = "") -> DeliveryView:
    async with database.transaction() as tx:
        return await accept_piece(ACTOR, tx, which, no, serial=serial, device=device, profiles=PROFILES)


async def test_a_delivery_goes_from_the_gap_to_its_proof(database: Database, clock: FrozenClock) -> None:
    made = await arrived(database, {"router": 1, "switch": 2})
    assert (await by_role(database, "ps"))["switch"] == (2, 0, 1, 0, 1, 1), "under way"
    found = await accept(database, made.id, 2, "abc-1", "ps-sw2")
    assert (found.pieces[1].state, found.pieces[1].device, found.state) == ("accepted", "ps-sw2", "arrived")
    found = await accept(database, made.id, 1, "sn-77")
    assert found.pieces[0].device == "ps-rt2", "found by what was scanned, and from planned into use"
    async with database.transaction() as tx:
        found = await refuse_piece(ACTOR, tx, made.id, 3, "vỡ vỏ máy")
        rows = await tx.session.execute(text("SELECT code, state || serial AS said FROM device"))
        states = {row.code: row.said for row in rows}
    assert (found.state, found.pieces[2].why) == (DeliveryState.OVER, "vỡ vỏ máy")
    assert (states["ps-sw2"], states["ps-rt2"]) == ("activeabc-1", "activeSN-77")
    assert (await by_role(database, "ps"))["switch"] == (2, 1, 1, 0, 0, 0)

    asked: list[Sequence[str]] = []
    told = {"ps-sw2": clock.now() - timedelta(seconds=1)}

    async def answers(codes: Sequence[str]) -> Mapping[str, datetime]:
        asked.append(sorted(codes))
        return told

    assert await prove_accepted(database, answers) == 0, "an answer of before proves nothing"
    told["ps-sw2"] = clock.now() + timedelta(minutes=6)
    assert await prove_accepted(database, answers) == 1
    told["ps-sw2"] += timedelta(minutes=1)
    told["ps-rt2"] = told["ps-sw2"]
    assert await prove_accepted(database, answers) == 1
    assert await prove_accepted(database, answers) == 0
    assert asked == [["ps-rt2", "ps-sw2"], ["ps-rt2", "ps-sw2"], ["ps-rt2"]], "nobody is asked for nothing"
    async with database.transaction() as tx:
        found = await delivery_for(ACTOR, tx, made.id)
        record = await tx.session.scalars(
            text("SELECT action FROM audit_entry WHERE target LIKE 'delivery:%' ORDER BY id")
        )
        assert list(record) == [
            "delivery.planned", "delivery.arrived", "delivery.accepted", "delivery.accepted", "delivery.refused",
            "delivery.proved", "delivery.proved",
        ]  # fmt: skip
    assert found.pieces[1].proved_at == clock.now() + timedelta(minutes=6), "the first answer, not a later one"


async def test_what_came_must_be_what_was_written_down(database: Database) -> None:
    made = await arrived(database, {"router": 1, "switch": 1})
    with pytest.raises(SerialDiffers):
        await accept(database, made.id, 1, "SN-78", "ps-rt2")
    for serial in ("", "x", "<script>", "x" * 65):
        with pytest.raises(BadInput):
            await accept(database, made.id, 2, serial, "ps-sw2")
    with pytest.raises(SerialTaken):
        await accept(database, made.id, 2, "sn-77", "ps-sw2")
    with pytest.raises(BadInput, match="which device"):
        await accept(database, made.id, 2, "NEW-1")
    for no, device in ((2, "ps-rt2"), (2, "ld-rt1"), (2, "ps-sw1"), (9, "ps-sw2"), (-1, "ps-sw2")):
        with pytest.raises(NotFound):
            await accept(database, made.id, no, "NEW-1", device)
    await accept(database, made.id, 1, "SN-77")
    with pytest.raises(DeliveryOver):
        await accept(database, made.id, 1, "SN-77")
    with pytest.raises(DeliveryOver):
        async with database.transaction() as tx:
            await note_arrival(ACTOR, tx, made.id)
    with pytest.raises(BadInput):
        async with database.transaction() as tx:
            await refuse_piece(ACTOR, tx, made.id, 2, "  ")


@pytest.mark.parametrize("pieces", [{}, {"router": 0}, {"router": -1}, {"castle": 1}, {"router": 201}])
async def test_a_delivery_of_nothing_is_none(database: Database, pieces: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        async with database.transaction() as tx:
            await plan_delivery(ACTOR, tx, "ps", pieces)


async def test_a_delivery_is_not_accepted_before_it_arrived(database: Database) -> None:
    async with database.transaction() as tx:
        made = await plan_delivery(ACTOR, tx, "ps", {"switch": 1})
    with pytest.raises(DeliveryOver):
        await accept(database, made.id, 1, "NEW-1", "ps-sw2")


async def test_who_holds_a_commune_sees_and_changes_only_its_own(database: Database) -> None:
    async with database.transaction() as tx:
        node = (await tx.session.execute(text("SELECT id FROM unit WHERE code = 'la-da'"))).scalar_one()
        await plan_delivery(ACTOR, tx, "ld", {"ups": 1})
        theirs = await plan_delivery(ACTOR, tx, "ps", {"ups": 1})
    may = frozenset({INVENTORY_READ, INVENTORY_CHANGE})
    someone = Actor(new_id(), "hoa", (Hold("technician", may, (Place(node, below=True),)),))
    async with database.transaction() as tx:
        assert [one.office for one in (await deliveries(someone, tx)).deliveries] == ["ld"]
        assert [one.code for one in (await needs_of_offices(someone, tx, OUTSIDE)).offices] == ["ld"]
        assert [one.offices for one in await needs_by_unit(someone, tx, OUTSIDE)] == [1]
        assert await installable(someone, tx, "ps") == []
    for attempt in (
        lambda tx: delivery_for(someone, tx, theirs.id),
        lambda tx: note_arrival(someone, tx, theirs.id),
        lambda tx: plan_delivery(someone, tx, "ps", {"ups": 1}),
        lambda tx: office_needs(someone, "ps", tx, OUTSIDE),
    ):
        with pytest.raises(NotFound):
            async with database.transaction() as tx:
                await attempt(tx)
    with pytest.raises(Refused):
        async with database.transaction() as tx:
            await change_kit(someone, tx, "commune-office", ANY, name="Của tôi")


async def test_pages_of_deliveries_bring_each_once(database: Database, clock: FrozenClock) -> None:
    for _ in range(3):
        async with database.transaction() as tx:
            await plan_delivery(ACTOR, tx, "ps", {"ups": 1})
        clock.forward(timedelta(minutes=1))
    async with database.transaction() as tx:
        first = await deliveries(ACTOR, tx, limit=2)
        rest = await deliveries(ACTOR, tx, limit=2, after=first.next_cursor)
        assert len({one.id for one in (*first.deliveries, *rest.deliveries)}) == 3
        assert rest.next_cursor is None
        assert (await deliveries(ACTOR, tx, state="over")).deliveries == []
        with pytest.raises(BadInput):
            await deliveries(ACTOR, tx, after="nonsense")


async def test_a_warranty_is_edited_and_on_record(database: Database) -> None:
    async with database.transaction() as tx:
        after = await change_device(ACTOR, tx, "ps-sw1", {"warranty_until": "2027-01-01"}, ANY, PROFILES)
        assert after.warranty_until == date(2027, 1, 1)
    assert (await by_role(database, "ps"))["switch"][1] == 1


MANY = """
WITH new AS (
    INSERT INTO office (id, code, name, name_sort, unit_id, address)
    SELECT gen_random_uuid(), 'vp-' || n, 'vp-' || n, 'vp-' || n, (SELECT id FROM unit WHERE code = 'phan-son'), ''
    FROM generate_series(1, 10000) AS n RETURNING id, unit_id
)
INSERT INTO office_period (id, office_id, valid, unit_id)
SELECT gen_random_uuid(), id, daterange('2025-07-01', NULL), unit_id FROM new
"""
