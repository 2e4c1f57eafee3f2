"""The disk of the history is full: pages and log say so, polling goes on, and nothing that was taken is lost."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.flows.reader import Reader
from tests.real.accounts import short_folder
from tests.real.influxd import Influxd, WriteApiProxy
from tests.real.platform import Platform
from tests.real.small_disk import SmallDisk
from tests.real.waiting import until

pytestmark = pytest.mark.drill
DEVICE = "ps-rt1"
SIZE = 32 << 20
STEP_MS = 1000


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of a platform whose history has a place already, for a disk to be put there."""
    with short_folder() as made:
        made.chmod(0o755)
        (made / "data" / "history").mkdir(parents=True)
        (made / "data").chmod(0o711)
        yield made


class Witness:
    """Notes when a device was polled, as the engine told it at the time."""

    def __init__(self, platform: Platform) -> None:
        self.polls: set[int] = set()
        self._platform = platform

    def sees(self, more: int) -> None:
        """Wait for so many more polls."""
        wanted = len(self.polls) + more

        def enough() -> bool:
            self.polls.add(self._platform.device(DEVICE)["polled_at_ms"])
            return len(self.polls) >= wanted

        until(enough, f"{more} polls of {DEVICE}")

    def all_in(self, reader: Reader) -> bool:
        """Return whether the history has every one of them."""
        start_ms = min(self.polls) // STEP_MS * STEP_MS
        span = {"start_ms": str(start_ms), "end_ms": str(max(self.polls) + 1), "step_ms": str(STEP_MS)}
        answer = reader.ask(f"/devices/{DEVICE}/history", series="reachable|", **span)
        kept = {point["at_ms"] for line in answer or [] for point in line["points"]}
        return {at_ms // STEP_MS * STEP_MS for at_ms in self.polls} <= kept


def fills_and_empties(settings: dict[str, str], folder: Path) -> None:
    disk = SmallDisk(folder / "data" / "history", SIZE)
    # While the disk is full all values wait in memory, where a million have room: at this pace for some minutes.
    settings = {"VUNGCAO_POLL_INTERVAL_S": "2", "VUNGCAO_ALERT_HOLD_S": "3", **settings}
    with Platform(settings, folder=folder, within=disk.within) as platform, Reader(platform.url) as reader:
        witness = Witness(platform)
        witness.sees(2)
        until(lambda: witness.all_in(reader), "values in the history")

        disk.fill(platform.pid)
        until(lambda: not platform.ask_engine("/board")["store"]["ok"], "the full disk to be known")
        why = platform.ask_engine("/board")["store"]["why"]
        assert "No space left on device" in why
        for page in ("/", "/platform"):
            assert why in html.unescape(reader.page(page))
        ready = httpx.get(f"{platform.url}/readyz")
        assert (ready.status_code, ready.json()["parts"]["store"]["ok"]) == (httpx.codes.SERVICE_UNAVAILABLE, False)
        assert [line for line in lines_of(platform) if "store_lost" in line and "No space left" in line]
        witness.sees(2)
        assert platform.ask_engine("/board")["store"]["waiting"] > 0
        platform.fault(DEVICE, "silent", on=True)
        until(lambda: reader.has_open_alert("device-unreachable", DEVICE), "an alert, without the history")
        platform.fault(DEVICE, "silent", on=False)

        disk.make_room(platform.pid)
        until(lambda: platform.ask_engine("/board")["store"]["ok"], "the history to take values again")
        witness.sees(2)
        until(lambda: witness.all_in(reader), "the values that waited, and new ones, in the history")
        assert platform.ask_engine("/board")["store"]["dropped"] == 0
        assert [sum(event in line for line in lines_of(platform)) for event in ("store_lost", "store_back")] == [1, 1]
        until(lambda: not reader.open_alerts(), "all to be well again")


def lines_of(platform: Platform) -> list[str]:
    return platform.log.read_text("utf-8").splitlines()


def test_a_full_disk_under_the_embedded_store_loses_nothing(folder: Path) -> None:
    fills_and_empties({"VUNGCAO_STORE": "duckdb"}, folder)


def test_a_full_disk_under_the_spool_of_influxdb_loses_nothing(folder: Path) -> None:
    with Influxd(auth=True) as influxd, WriteApiProxy(influxd) as proxy:
        influxd.ask("CREATE DATABASE vungcao")
        settings = {
            "VUNGCAO_STORE": "influxdb",
            "VUNGCAO_INFLUXDB_URL": proxy.url,
            "VUNGCAO_INFLUXDB_TOKEN": influxd.token,
            "VUNGCAO_INFLUXDB_BUCKET": "vungcao/autogen",
        }
        fills_and_empties(settings, folder)
