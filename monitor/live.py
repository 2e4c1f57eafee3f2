"""What the engine knows now, as it tells it on its local socket: health of devices, last values, live events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["ok", "notice", "warning", "critical", "unknown"]
"""How a device or uplink is. `unknown`: not asked yet, or asked too long ago."""


class Wire(BaseModel):
    """Base of what crosses the socket."""

    model_config = ConfigDict(frozen=True)


class DeviceHealth(Wire):
    """How one device is.

    Attributes:
        device: Its code.
        state: Worst of its open alerts; `ok` if it answers and has none.
        outcome: How the last poll ended: `answered`, `partial`, `silent`, `refused`, `authentication-failed`,
            `garbage`, `wrong-request-id`, `wrong-address`; empty before the first; `cannot-ask` if there is none.
        why: In English, for people, if it did not answer well; else empty.
        since_ms: Since when it has this outcome.
        polled_at_ms: When the last poll began; 0 before the first.
        duration_s: How long the last poll took.
        completeness_ratio: Share of asked values that came, 0..1.
        slowed_s: Seconds between its last two polls, where what polling may take of its line makes them rarer; else 0.
        reason: If it cannot be asked, `no-profile`, `no-credential` or `wrong-version`; else empty.
    """

    device: str
    state: State
    outcome: str
    why: str
    since_ms: int
    polled_at_ms: int
    duration_s: float
    completeness_ratio: float
    slowed_s: float = 0.0
    reason: str = ""


class LastValue(Wire):
    """The newest value of one series."""

    metric: str
    instance: str
    value: float
    at_ms: int


class UplinkLive(Wire):
    """An uplink now. Values are None where unknown.

    Attributes:
        uplink: Its code.
        state: Its own state: `critical` when down, `warning` when busy.
        in_bps: Bits a second towards the office.
        out_bps: Bits a second from the office.
        utilisation_ratio: The busier direction against what was committed, 0..1.
        poll_cost_bps: What polling the office costs its lines, bits a second, both directions.
        loss_ratio: Part of the pings to its device that were lost, 0..1.
        rtt_s: Median round trip of the same.
        at_ms: When this was measured.
    """

    uplink: str
    device: str
    interface: str
    state: State
    in_bps: float | None
    out_bps: float | None
    utilisation_ratio: float | None
    at_ms: int
    poll_cost_bps: float | None = None
    loss_ratio: float | None = None
    rtt_s: float | None = None


class StoreLive(Wire):
    """How the metric store is, as `monitor.store.port.StoreHealth`, and what waits in memory before it."""

    name: str
    ok: bool
    why: str
    waiting: int
    dropped: int


class EngineStatus(Wire):
    """How the engine itself is. As long with 10,000 devices as with one.

    Attributes:
        interval_s: Seconds between two polls of a device.
        database_ok: Whether the database answers.
        store: How the metric store is.
        watched: How many devices it knows, also of those that cannot be asked.
        polled_at_ms: When the newest poll began; 0 before the first.
        line_share: What polling may take of an office's line, 0..1.
    """

    interval_s: float
    database_ok: bool
    store: StoreLive
    watched: int
    polled_at_ms: int
    line_share: float = 0.0


class EngineBoard(EngineStatus):
    """What lists need of all devices, in one answer, which is made for every look at one.

    Attributes:
        troubled: Every device that is not `ok`.
        well: Codes of all others: thousands, of which nothing more is said here.
        ping_method: Empty where nothing is pinged.
        mark: Of which devices all of this speaks: the inventory's `DeviceSet.mark` when the plan was made.
    """

    at_ms: int
    troubled: tuple[DeviceHealth, ...]
    well: tuple[str, ...]
    ping_method: Literal["", "icmp", "fping", "tcp"] = ""
    mark: str = ""


class DeviceLive(Wire):
    """One device with all its last values, by metric and instance."""

    health: DeviceHealth
    values: tuple[LastValue, ...]


class GraphPoint(Wire):
    """One step of a graph."""

    at_ms: int
    mean: float
    low: float
    high: float


class GraphSeries(Wire):
    """One line of a graph, oldest first; a step without a value is absent."""

    metric: str
    instance: str
    points: tuple[GraphPoint, ...]


class CertificateLive(Wire):
    """A certificate that a service showed, as `monitor.probes.certificates.Certificate`."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins_ms: int
    ends_ms: int
    wrong: str


class CheckLive(Wire):
    """What the last check of a service brought.

    Attributes:
        check: Its code.
        ok: Whether the service does what it should.
        fault: What kind of wrong it is, as `monitor.probes.check.Fault`; empty if none.
        why: In English, for people: the particulars.
        at_ms: When it was asked.
        duration_s: How long that took.
        values: What was measured, by metric.
        certificates: What it showed over TLS, its own first.
    """

    check: str
    ok: bool
    fault: str
    why: str
    at_ms: int
    duration_s: float
    values: dict[str, float]
    certificates: tuple[CertificateLive, ...] = ()


class DevicePolled(Wire):
    """A live event: a poll ended. Hundreds a second: whoever wants the device's values asks for them."""

    kind: Literal["device-polled"] = "device-polled"
    health: DeviceHealth
    uplinks: tuple[UplinkLive, ...]


class AlertChanged(Wire):
    """A live event: an alert was raised, outlasted its maintenance, was cleared, taken or given back; see its row."""

    kind: Literal["alert-changed"] = "alert-changed"
    alert_id: str
    change: Literal["raised", "outlasted", "cleared", "taken", "released"]
    device: str


class PartChanged(Wire):
    """A live event: the store or the database stopped or came back."""

    kind: Literal["part-changed"] = "part-changed"
    part: Literal["store", "database"]
    ok: bool
    why: str


LiveEvent = Annotated[DevicePolled | AlertChanged | PartChanged, Field(discriminator="kind")]
