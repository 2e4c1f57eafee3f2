"""The InfluxDB store beyond its port, against a real influxd 1.6.7: what each answer of the server means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS

from kernel.errors import BadSetting, StoreUnavailable
from monitor.samples import Sample, Series
from monitor.store import influxdb, influxql
from monitor.store.influxdb import InfluxDBStore
from monitor.store.port import Bucket, SamplesRefused
from tests.real.influxd import Influxd, WriteApiProxy

START = 1_767_225_600_000
UPLINK = Series("if_in_octets", "bac-binh-rt1", "GigabitEthernet0/0")
SAMPLES = [Sample(UPLINK, START + number * 60_000, float(number)) for number in range(5)]


@pytest.fixture
async def store(influxd: Influxd, proxy: WriteApiProxy, influx_database: str) -> AsyncIterator[InfluxDBStore]:
    store = InfluxDBStore(proxy.url, f"{influx_database}/autogen", "vungcao", influxd.token)
    yield store
    await store.close()


async def kept(store: InfluxDBStore, series: Series = UPLINK) -> list[Sample]:
    found = await store.history([series], START, START + 3_600_000, 1)
    return [Sample(series, bucket.at_ms, bucket.mean) for bucket in found[series]]


async def test_a_server_without_users_needs_no_token() -> None:
    with Influxd() as influxd, WriteApiProxy(influxd) as proxy:
        influxd.ask("CREATE DATABASE vungcao")
        store = InfluxDBStore(proxy.url, "vungcao", "", "")
        await store.append(SAMPLES)
        assert await kept(store) == SAMPLES
        await store.close()


async def test_a_wrong_token_is_named_for_writing_and_for_reading(proxy: WriteApiProxy, influx_database: str) -> None:
    store = InfluxDBStore(proxy.url, f"{influx_database}/autogen", "", "vungcao:wrong")
    with pytest.raises(StoreUnavailable, match="VUNGCAO_INFLUXDB_TOKEN"):
        await store.append(SAMPLES)
    with pytest.raises(StoreUnavailable, match="VUNGCAO_INFLUXDB_TOKEN"):
        await store.latest(0)
    assert "VUNGCAO_INFLUXDB_TOKEN" in (await store.health()).why
    await store.close()


async def test_a_missing_bucket_is_named(influxd: Influxd, proxy: WriteApiProxy) -> None:
    store = InfluxDBStore(proxy.url, "nowhere/autogen", "", influxd.token)
    with pytest.raises(StoreUnavailable, match="nowhere"):
        await store.append(SAMPLES)
    with pytest.raises(StoreUnavailable, match="nowhere"):
        await kept(store)
    await store.close()


def test_a_token_that_no_header_can_carry_is_a_wrong_setting() -> None:
    with pytest.raises(BadSetting, match="influxdb_token"):
        InfluxDBStore("http://127.0.0.1:1", "vungcao", "", "vungcao:mật khẩu")


def test_an_address_without_a_scheme_is_a_wrong_setting() -> None:
    with pytest.raises(BadSetting, match="influxdb_url"):
        InfluxDBStore("127.0.0.1:8086", "vungcao", "", "")


async def test_a_sample_that_the_server_refuses_is_counted_and_the_rest_is_kept(store: InfluxDBStore) -> None:
    await store.write("if_out_octets,device=rt1 value=1i 1767225600000")
    wrong = Sample(Series("if_out_octets", "rt1"), START, 2.0)
    with pytest.raises(SamplesRefused, match="type conflict") as refusal:
        await store.append([*SAMPLES, wrong])
    assert (refusal.value.count, refusal.value.rest_kept) == (1, True)
    assert await kept(store) == SAMPLES
    assert (await store.health()).ok


async def test_a_sample_older_than_the_servers_retention_is_counted(
    proxy: WriteApiProxy, influxd: Influxd, influx_database: str
) -> None:
    influxd.ask(f"CREATE RETENTION POLICY hour ON {influx_database} DURATION 1h REPLICATION 1")
    store = InfluxDBStore(proxy.url, f"{influx_database}/hour", "", influxd.token)
    with pytest.raises(SamplesRefused) as refusal:
        await store.append(SAMPLES)
    assert (refusal.value.count, refusal.value.rest_kept) == (5, True)
    await store.close()


async def test_a_line_that_cannot_be_parsed_is_counted_and_the_rest_is_kept(store: InfluxDBStore) -> None:
    with pytest.raises(SamplesRefused) as refusal:
        await store.write(store.lines(SAMPLES[:2]) + "\nthis is no line\n" + store.lines(SAMPLES[2:]))
    assert (refusal.value.count, refusal.value.rest_kept) == (1, True)
    assert await kept(store) == SAMPLES


@pytest.mark.parametrize("fault", [429, 500, 503, "reset", "lost answer"])
async def test_a_write_that_fails_on_the_way_is_asked_for_again_and_changes_nothing(
    store: InfluxDBStore, proxy: WriteApiProxy, fault: int | Literal["reset", "lost answer"]
) -> None:
    proxy.fault = fault
    with pytest.raises(StoreUnavailable):
        await store.append(SAMPLES)
    assert not (await store.health()).ok
    proxy.fault = None
    await store.append(SAMPLES)
    assert await kept(store) == SAMPLES
    assert (await store.health()).ok


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_batch_refused_as_a_whole_is_to_be_sent_in_halves(
    store: InfluxDBStore, proxy: WriteApiProxy, status: int
) -> None:
    proxy.fault = status
    with pytest.raises(SamplesRefused) as refusal:
        await store.append(SAMPLES)
    assert not refusal.value.rest_kept


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_of_ourselves_keeps_the_batch(store: InfluxDBStore, proxy: WriteApiProxy, status: int) -> None:
    proxy.fault = status
    with pytest.raises(StoreUnavailable, match="VUNGCAO_INFLUXDB_TOKEN"):
        await store.append(SAMPLES)


async def test_a_server_that_does_not_answer_is_left_alone_after_a_while(
    influxd: Influxd, proxy: WriteApiProxy, influx_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WRITE_TIMEOUT_S", "QUERY_TIMEOUT_S", "PING_TIMEOUT_S"):
        monkeypatch.setattr(influxdb, name, 0.2)
    store = InfluxDBStore(proxy.url, f"{influx_database}/autogen", "", influxd.token)
    proxy.delay_s = 2
    with pytest.raises(StoreUnavailable):
        await store.append(SAMPLES)
    with pytest.raises(StoreUnavailable):
        await store.latest(0)
    assert not (await store.health()).ok
    await store.close()


async def test_a_server_that_was_really_stopped_comes_back_with_everything(
    influxd: Influxd, store: InfluxDBStore
) -> None:
    await store.append(SAMPLES[:3])
    influxd.stop()
    try:
        with pytest.raises(StoreUnavailable):
            await store.append(SAMPLES)
        with pytest.raises(StoreUnavailable):
            await store.latest(0)
    finally:
        influxd.start()
    await store.append(SAMPLES)
    assert await kept(store) == SAMPLES


async def test_what_others_keep_in_the_bucket_is_neither_read_nor_deleted(store: InfluxDBStore) -> None:
    await store.append(SAMPLES)
    await store.write("cpu,host=a value=1 1767225600000\nCPU\\ load,device=a value=1 1767225600000")
    assert list(await store.latest(0)) == [UPLINK]
    await store.forget_before(START + 3_600_000)
    assert await kept(store) == []
    asked = await store._ask("GET", 'SELECT * FROM cpu; SELECT * FROM "CPU load"')  # noqa: SLF001 - as another would
    assert [len(result["series"]) for result in asked["results"]] == [1, 1]


def test_a_long_question_is_asked_in_pieces_that_an_address_can_hold() -> None:
    series = [Series("if_in_octets", f"thiết bị {number}", "cổng") for number in range(200)]
    questions = list(influxql.in_one_address(influxql.steps(series, 0, 1000, 10)))
    assert len(questions) > 1
    assert all(len(question) < influxql.ADDRESS_LIMIT for question in questions)
    assert sum(question.count("thiết bị") for question in questions) == 200


def test_a_step_that_is_only_half_answered_is_left_out() -> None:
    # As 1.6.7 answers while the step's first value is being written: its mean was read before, its extremes after.
    series = {
        "name": "if_in_octets",
        "tags": {"device": "rt1", "instance": ""},
        "columns": ["time", "mean", "min", "max"],
        "values": [[1000, 5, 5, 5], [2000, None, 6, 6]],
    }
    found = list(influxql.buckets_in({"results": [{"statement_id": 0, "series": [series]}]}))
    assert found == [(Series("if_in_octets", "rt1"), [Bucket(1000, 5.0, 5.0, 5.0)])]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(("precision", "zeros"), [("s", ""), ("ms", "000"), ("us", "000000"), ("ns", "000000000")])
def test_the_proxy_maps_precision_token_bucket_and_gzip(
    influxd: Influxd, proxy: WriteApiProxy, influx_database: str, precision: str, zeros: str, *, packed: bool
) -> None:
    client = InfluxDBClient(proxy.url, influxd.token, enable_gzip=packed, org="vungcao")
    line = f"m,device=a value=1 1767225600{zeros}"
    api, bucket = client.write_api(write_options=SYNCHRONOUS), f"{influx_database}/autogen"
    api.write(bucket, record=line, write_precision=precision)  # type: ignore[arg-type] # a str
    client.close()  # type: ignore[no-untyped-call]
    assert influxd.ask("SELECT * FROM m", influx_database)["results"][0]["series"][0]["values"] == [[START, "a", 1]]
