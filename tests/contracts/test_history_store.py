"""What `monitor/store/port.py` promises, held against every store behind it."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

import pytest

from kernel.errors import BadInput, StoreUnavailable
from monitor.samples import Sample, Series
from monitor.store.port import Bucket, HistoryStore
from tests.contracts.conftest import DEADLINE_S, Subject

START = 1_767_225_600_000  # 2026-01-01T00:00Z
MINUTE = 60_000
HOUR = 60 * MINUTE
UPLINK = Series("if_in_octets", "bac-binh-rt1", "GigabitEthernet0/0")
BATTERY = Series("ups_battery_charge_ratio", "phan-ri-ups1")


def line(series: Series, values: Sequence[float], start_ms: int = START, step_ms: int = MINUTE) -> list[Sample]:
    return [Sample(series, start_ms + number * step_ms, float(value)) for number, value in enumerate(values)]


async def kept(store: HistoryStore, *series: Series) -> set[Sample]:
    """Return the samples of the hour, as a question with a step of one millisecond gives them."""
    found = await store.history(series, START, START + HOUR, 1)
    for buckets in found.values():
        assert all(bucket.mean == bucket.low == bucket.high for bucket in buckets)
        assert all(one.at_ms < other.at_ms for one, other in pairwise(buckets))
    return {Sample(one, bucket.at_ms, bucket.mean) for one, buckets in found.items() for bucket in buckets}


async def assert_holds(subject: Subject, samples: Sequence[Sample]) -> None:
    """Assert that of the series in `samples` just these are kept, each once.

    A sample kept twice shows only in the mean of a step with another value: so each series is given one far off.
    """
    values: dict[Series, list[float]] = {}
    for sample in samples:
        values.setdefault(sample.series, []).append(sample.value)
    assert await kept(await subject.settled(), *values) == set(samples)
    await subject.store.append([Sample(series, START + HOUR - 1, 1e6) for series in values])
    found = await (await subject.settled()).history(list(values), START, START + HOUR, HOUR)
    assert {series: [bucket.mean for bucket in buckets] for series, buckets in found.items()} == {
        series: [pytest.approx(fmean([*of_it, 1e6]))] for series, of_it in values.items()
    }


async def test_what_was_appended_is_there(subject: Subject) -> None:
    samples = line(UPLINK, range(5)) + line(BATTERY, [1, 0.98, 0.97])
    await subject.store.append(samples)
    await assert_holds(subject, samples)


async def test_the_same_batch_twice_changes_nothing(subject: Subject) -> None:
    samples = line(UPLINK, range(5))
    for _ in range(3):
        await subject.store.append(samples)
    await assert_holds(subject, samples)


async def test_the_same_batch_after_a_restart_changes_nothing(subject: Subject) -> None:
    samples = line(UPLINK, range(5)) + line(BATTERY, [1])
    await subject.store.append(samples)
    await subject.settled()
    await subject.reopen()
    await subject.store.append(samples)
    await assert_holds(subject, samples)


async def test_what_was_appended_is_there_after_a_restart(subject: Subject) -> None:
    samples = line(UPLINK, range(5))
    await subject.store.append(samples)
    await subject.reopen()
    await assert_holds(subject, samples)


async def test_a_late_batch_fills_the_gap(subject: Subject) -> None:
    early, late, now = (
        line(UPLINK, range(3)),
        line(UPLINK, range(3), START + 3 * MINUTE),
        line(UPLINK, [9], START + 9 * MINUTE),
    )
    await subject.store.append(early)
    await subject.store.append(now)
    await subject.store.append(late)
    await subject.store.append(late)
    await assert_holds(subject, [*early, *late, *now])


async def test_of_a_batch_that_is_half_known_the_other_half_is_added(subject: Subject) -> None:
    samples = line(UPLINK, range(10)) + line(BATTERY, [1] * 10)
    await subject.store.append(samples[::2])
    await subject.store.append(samples)
    await assert_holds(subject, samples)


async def test_of_two_values_for_one_time_in_a_batch_the_first_wins(subject: Subject) -> None:
    await subject.store.append([Sample(UPLINK, START, 1.0), Sample(BATTERY, START, 0.5), Sample(UPLINK, START, 2.0)])
    await assert_holds(subject, [Sample(UPLINK, START, 1.0)])


async def test_any_order_will_do(subject: Subject) -> None:
    samples = line(UPLINK, range(50)) + line(BATTERY, [1] * 50)
    shuffled = random.Random(7).sample(samples, len(samples))  # noqa: S311 - any order, the same each time
    for first in range(0, len(shuffled), 17):
        await subject.store.append(shuffled[first : first + 17])
    await subject.store.append(list(reversed(samples)))
    await assert_holds(subject, samples)


NAMES = [
    "Huyện Bắc Bình",
    "xã Phan Rí Thành, tầng 2",
    "a=b,c d",
    'say "hello"',
    "it's",
    "back\\slash",
    "C:\\",
    "C:\\ Label:Data\\",
    "100 %",
    "100%25",
    "%5C",
    " leading and trailing ",
    "tab\tand\nline break\r",
    "#comment",
    "😀\u2028",
    "'; DROP MEASUREMENT if_in_octets; --",
    "*/?[a-z]",
    "x" * 200,
]


async def test_names_come_back_as_they_were_given(subject: Subject) -> None:
    series = [Series("if_in_octets", device, "") for device in NAMES]
    series += [Series("if_in_octets", "rt1", instance) for instance in NAMES]
    samples = [Sample(one, START, float(number)) for number, one in enumerate(series)]
    await subject.store.append(samples)
    store = await subject.settled()
    assert await kept(store, *series) == set(samples)
    assert await store.latest(START) == {sample.series: sample for sample in samples}


VALUES = [
    0.0,
    1.0,
    -1.5,
    2.0**53,
    2.0**53 - 1,
    -(2.0**53),
    0.1,
    1e-300,
    1.7976931348623157e308,
    5e-324,
    1e22,
    123456789.125,
]


async def test_values_come_back_exactly(subject: Subject) -> None:
    samples = line(UPLINK, VALUES)
    await subject.store.append(samples)
    assert await kept(await subject.settled(), UPLINK) == set(samples)


@pytest.mark.parametrize(
    "bad",
    [
        Sample(UPLINK, START, math.nan),
        Sample(UPLINK, START, math.inf),
        Sample(UPLINK, START, -math.inf),
        Sample(UPLINK, -1, 1.0),
        Sample(UPLINK, 1 << 63, 1.0),
        Sample(Series("if_in_octets", ""), START, 1.0),
        Sample(Series("", "rt1"), START, 1.0),
        Sample(Series('if_in "octets"', "rt1"), START, 1.0),
        Sample(Series("if_in_octets", "\udcff"), START, 1.0),
    ],
    ids=["nan", "inf", "-inf", "before 1970", "too late", "no device", "no metric", "bad metric", "bad unicode"],
)
async def test_what_no_store_can_keep_is_refused_with_its_whole_batch(subject: Subject, bad: Sample) -> None:
    with pytest.raises(BadInput):
        await subject.store.append([*line(BATTERY, [1, 2]), bad])
    assert await kept(await subject.settled(), BATTERY, UPLINK) == set()
    await subject.store.append(line(BATTERY, [1]))
    assert await kept(await subject.settled(), BATTERY) == set(line(BATTERY, [1]))


async def test_an_empty_batch_is_nothing(subject: Subject) -> None:
    await subject.store.append([])
    assert await (await subject.settled()).latest(0) == {}


async def test_a_step_has_the_mean_the_lowest_and_the_highest_value(subject: Subject) -> None:
    await subject.store.append(line(UPLINK, [1, 2, 6, 10, 20, 0]))
    found = await (await subject.settled()).history([UPLINK], START, START + HOUR, 3 * MINUTE)
    assert list(found[UPLINK]) == [Bucket(START, 3.0, 1.0, 6.0), Bucket(START + 3 * MINUTE, 10.0, 0.0, 20.0)]


async def test_steps_are_multiples_since_1970_and_those_without_a_value_are_left_out(subject: Subject) -> None:
    step = 7 * MINUTE
    aligned = START // step * step
    await subject.store.append(line(UPLINK, [1, 2], aligned, 3 * step))
    found = await (await subject.settled()).history([UPLINK], aligned, aligned + 10 * step, step)
    assert [bucket.at_ms for bucket in found[UPLINK]] == [aligned, aligned + 3 * step]


async def test_the_first_step_counts_only_what_lies_in_the_range(subject: Subject) -> None:
    await subject.store.append(line(UPLINK, [1, 2, 3, 4, 5]))
    found = await (await subject.settled()).history([UPLINK], START + MINUTE, START + 4 * MINUTE, 3 * MINUTE)
    assert list(found[UPLINK]) == [Bucket(START, 2.5, 2.0, 3.0), Bucket(START + 3 * MINUTE, 4.0, 4.0, 4.0)]


async def test_a_series_without_values_is_a_key_with_nothing(subject: Subject) -> None:
    never = Series("if_in_octets", "never-seen")
    await subject.store.append(line(UPLINK, [1]))
    store = await subject.settled()
    assert await store.history([never, never], START, START + HOUR, MINUTE) == {never: []}
    assert await store.history([UPLINK], START + HOUR, START + 2 * HOUR, MINUTE) == {UPLINK: []}
    assert await store.history([], START, START + HOUR, MINUTE) == {}


async def test_a_step_of_nothing_is_a_mistake(subject: Subject) -> None:
    with pytest.raises(ValueError, match="step"):
        await subject.store.history([UPLINK], START, START + HOUR, 0)


async def test_hundreds_of_series_are_asked_at_once(subject: Subject) -> None:
    series = [
        Series(metric, f"thiết bị {number}", "cổng ngoài")
        for number in range(150)
        for metric in ("if_in_octets", "if_out_octets")
    ]
    samples = [Sample(one, START, float(number)) for number, one in enumerate(series)]
    await subject.store.append(samples)
    assert await kept(await subject.settled(), *series) == set(samples)


async def test_the_latest_of_each_series_is_found_if_it_is_recent(subject: Subject) -> None:
    old = Series("if_in_octets", "old-rt1")
    await subject.store.append([*line(UPLINK, [1, 2, 3]), *line(BATTERY, [0.5]), Sample(old, START - 1, 1.0)])
    assert await (await subject.settled()).latest(START) == {
        UPLINK: Sample(UPLINK, START + 2 * MINUTE, 3.0),
        BATTERY: Sample(BATTERY, START, 0.5),
    }


async def test_what_is_more_than_a_day_too_old_is_forgotten(subject: Subject) -> None:
    day = 24 * HOUR
    await subject.store.append(line(UPLINK, range(5), START, day))
    store = await subject.settled()
    await store.forget_before(START + 3 * day)
    left = {bucket.mean for bucket in (await store.history([UPLINK], START, START + 5 * day, 1))[UPLINK]}
    assert {3.0, 4.0} <= left
    assert not left & {0.0, 1.0}


async def test_a_store_at_work_is_healthy(subject: Subject) -> None:
    await subject.store.append(line(UPLINK, [1]))
    health = await (await subject.settled()).health()
    assert (health.ok, health.why, health.waiting) == (True, "", 0)


async def test_nothing_is_lost_or_doubled_when_the_store_goes_away_and_comes_back(subject: Subject) -> None:
    before, during, after = (line(UPLINK, range(3), START + number * 10 * MINUTE) for number in range(3))
    await subject.store.append(before)
    await subject.settled()
    with subject.breakage():
        try:
            await subject.store.append(during)
        except StoreUnavailable:
            unacknowledged = during
        else:
            unacknowledged = []
        await until_ill(subject.store)
    await subject.store.append(unacknowledged)
    await subject.store.append(after)
    await assert_holds(subject, [*before, *during, *after])
    assert (await subject.store.health()).ok


async def test_reading_goes_on_while_writing(subject: Subject) -> None:
    batches = [line(UPLINK, range(100), START + number * 100, 1) for number in range(20)]

    async def write() -> None:
        for batch in batches:
            await subject.store.append(batch)

    async def read() -> int:
        seen = 0
        while not writing.done():
            now = len(await kept(subject.store, UPLINK))
            assert now >= seen
            seen = now
        return seen

    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(write())
        readers = [tasks.create_task(read()) for _ in range(2)]
    assert all(reader.result() <= 2000 for reader in readers)
    assert len(await kept(await subject.settled(), UPLINK)) == 2000


async def test_many_writers_at_once_do_not_disturb_each_other(subject: Subject) -> None:
    lines = [line(Series("if_in_octets", f"rt{number}"), range(20)) for number in range(10)]
    async with asyncio.TaskGroup() as tasks:
        for samples in lines:
            tasks.create_task(subject.store.append(samples))
            tasks.create_task(subject.store.append(samples))
    everything = [sample for samples in lines for sample in samples]
    await assert_holds(subject, everything)


async def until_ill(store: HistoryStore) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while (health := await store.health()).ok:
        assert time.monotonic() < deadline, health
        await asyncio.sleep(0.01)
    assert health.why
