"""The web process's own metrics for Prometheus, with the engine's appended, so that one address shows the platform."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from sqlalchemy.pool import Pool, QueuePool

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class WebMetrics:
    """Counters of one web process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(namespace="vungcao_web", registry=self.registry)
        self._requests = Counter(
            "vungcao_web_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._duration = Histogram(
            "vungcao_web_request_duration_seconds",
            "From a request to the start of its answer.",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.streams = Gauge("vungcao_web_open_streams", "Event streams of browsers.", registry=self.registry)
        self._engine_up = Gauge("vungcao_engine_up", "Whether the engine answers: 1 or 0.", registry=self.registry)
        self._pool = Gauge(
            "vungcao_web_database_connections", "Connections to the database.", ["state"], registry=self.registry
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is the template of the path, so that the number of series stays small."""
        self._requests.labels(method if method in METHODS else "other", route, str(status)).inc()
        self._duration.labels(route).observe(seconds)

    def exposition(self, pool: Pool, engine: str | None) -> str:
        """Return everything in Prometheus' text format.

        Args:
            pool: The database's connections.
            engine: The engine's own metrics in that format; None if it does not answer.
        """
        if isinstance(pool, QueuePool):
            self._pool.labels("used").set(pool.checkedout())
            self._pool.labels("idle").set(pool.checkedin())
        self._engine_up.set(engine is not None)
        return generate_latest(self.registry).decode() + (engine or "")
