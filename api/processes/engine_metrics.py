"""The engine's own metrics for Prometheus, read from it when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.public import Engine


class EngineMetrics(Collector):
    """Counters and gauges of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        engine = self._engine
        polls = CounterMetricFamily("vungcao_polls", "Polls done, by how they ended", labels=["outcome"])
        for outcome, count in sorted(engine.polls.items()):
            polls.add_metric([outcome], count)
        yield polls
        yield CounterMetricFamily(
            "vungcao_polls_missed", "Turns given up: the last poll still ran", engine.poller.missed
        )
        yield CounterMetricFamily(
            "vungcao_polls_failed", "Polls that ended in a bug; see the log", engine.poller.failed
        )
        yield GaugeMetricFamily(
            "vungcao_polls_in_flight", "Polls running or waiting for a slot", engine.poller.in_flight
        )
        yield GaugeMetricFamily(
            "vungcao_devices_slowed", "Devices asked less often, for a budget", len(engine.poller.slowed)
        )
        yield GaugeMetricFamily(
            "vungcao_engine_loop_lag_p99_seconds", "Lateness of the event loop, ten minutes", engine.lag.p99_s()
        )
        yield GaugeMetricFamily(
            "vungcao_engine_loop_lag_longest_seconds",
            "Longest wait of the event loop, ten minutes",
            engine.lag.longest_s(),
        )
        yield CounterMetricFamily("vungcao_samples_written", "Samples committed to the store", engine.writer.written)
        yield CounterMetricFamily(
            "vungcao_samples_dropped", "Samples lost while the store was away", engine.writer.dropped
        )
        yield CounterMetricFamily(
            "vungcao_samples_refused", "Samples that no store takes; see the log", engine.writer.refused
        )
        yield GaugeMetricFamily("vungcao_samples_waiting", "Samples in memory before the store", engine.writer.waiting)
        yield GaugeMetricFamily("vungcao_store_up", "1 if the store takes values", float(engine.writer.ok))
        yield GaugeMetricFamily("vungcao_database_up", "1 if the database answers", float(engine.keeper.database_ok))
        yield GaugeMetricFamily("vungcao_devices_planned", "Devices that are polled", engine.current.planned)
        yield GaugeMetricFamily("vungcao_live_listeners", "Listeners to live events", engine.hub.listeners)
