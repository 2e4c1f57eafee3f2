"""What is known now: the last values, the verdicts of the rules, the health of every device. Memory only, no I/O.

History is in the store and alerts are in the database; this is what the engine answers from, so that a page never waits
for either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from inventory.public import UplinkView
from monitor.alerts import AlertKey, Wrong, worst
from monitor.live import DeviceHealth, DeviceLive, DevicePolled, LastValue, State, UplinkLive
from monitor.poller.plan import LeftOut
from monitor.probes.ping import BURST_METRICS
from monitor.samples import Sample
from monitor.thresholds import CALM, Rule, Watch, judge

STALE_INTERVALS = 3
"""After so many intervals without a new value it is no longer called the present one."""

NO_VALUE: tuple[None, int] = (None, 0)
ANSWERED = "answered"
CANNOT_ASK = "cannot-ask"


@dataclass(slots=True)
class DeviceMemory:
    """What is remembered of one device.

    Attributes:
        values: By metric and instance, as value and time.
        lines: Its uplinks as they were told last; None since something new came.
        lines_until_ms: So long they are the present ones if nothing comes: then the first of their values is too old.
    """

    uplinks: Mapping[str, UplinkView]
    values: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    outcome: str = ""
    why: str = ""
    since_ms: int = 0
    polled_at_ms: int = 0
    duration_s: float = 0.0
    completeness_ratio: float = 0.0
    slowed_s: float = 0.0
    check_whys: dict[str, str] = field(default_factory=dict)
    lines: list[UplinkLive] | None = None
    lines_until_ms: int = 0


class CurrentState:
    """The present, fed by polls and read by pages and by the keeper of alerts."""

    def __init__(self, rules: Iterable[Rule], interval_s: float) -> None:
        self._rules: dict[str, list[Rule]] = {}
        self._by_code: dict[str, Rule] = {}
        for rule in rules:
            self._rules.setdefault(rule.metric, []).append(rule)
            self._by_code[rule.code] = rule
        self._gap_ms = int(interval_s * STALE_INTERVALS * 1000)
        self._devices: dict[str, DeviceMemory] = {}
        self._left_out: Mapping[str, LeftOut] = {}
        self.watches: dict[AlertKey, Watch] = {}
        self._crossed: dict[str, set[AlertKey]] = {}
        self._newest_poll_ms = 0

    def plan(
        self, uplinks_of: Mapping[str, Mapping[str, UplinkView]], left_out: Mapping[str, LeftOut] | None = None
    ) -> None:
        """Know exactly these devices, each with its uplinks by interface, and why others cannot be asked."""
        self._left_out = left_out or {}
        self._devices = {
            code: self._devices.get(code) or DeviceMemory(uplinks=uplinks) for code, uplinks in uplinks_of.items()
        }
        for code, uplinks in uplinks_of.items():
            self._devices[code].uplinks = uplinks
            self._devices[code].lines = None
        self._newest_poll_ms = max((memory.polled_at_ms for memory in self._devices.values()), default=0)
        self.watches = {key: watch for key, watch in self.watches.items() if self._is_watched(key)}
        self._crossed = {}
        for key, watch in self.watches.items():
            if watch.crossed:
                self._crossed.setdefault(key.device, set()).add(key)

    def restore(self, last: Iterable[Sample], open_alerts: Mapping[AlertKey, int]) -> None:
        """Remember what was known before a restart.

        Args:
            last: The newest sample of each series, from the store.
            open_alerts: Since when each open alert has been one, Unix milliseconds.
        """
        for (metric, device, instance), at_ms, value in last:
            memory = self._devices.get(device)
            if memory is not None and (metric, instance) not in memory.values:
                memory.values[metric, instance] = (value, at_ms)
                memory.lines = None
        for key, since_ms in open_alerts.items():
            if key not in self.watches and self._is_watched(key):
                self.watches[key] = Watch(since_ms, crossed=True, seen_ms=since_ms)
                self._crossed.setdefault(key.device, set()).add(key)
                self._devices[key.device].lines = None

    def take(
        self,
        device: str,
        samples: Sequence[Sample],
        *,
        outcome: str,
        why: str,
        at_ms: int,
        duration_s: float,
        completeness_ratio: float,
        slowed_s: float = 0.0,
    ) -> None:
        """Take in what a poll of `device` brought.

        Once per poll, and its loop once per value, about 8,000 a second: dictionaries only.
        """
        memory = self._devices.get(device)
        if memory is None:
            return
        if outcome != memory.outcome:
            memory.outcome, memory.since_ms = outcome, at_ms
        memory.why, memory.polled_at_ms, memory.duration_s = why, at_ms, duration_s
        memory.completeness_ratio, memory.slowed_s = completeness_ratio, slowed_s
        self._newest_poll_ms = max(self._newest_poll_ms, at_ms)
        self._take_values(device, memory, samples)

    def take_pings(self, device: str, samples: Sequence[Sample]) -> None:
        """Take in what a burst of pings to `device` brought: values and rules, but nothing of how its polls go."""
        memory = self._devices.get(device)
        if memory is not None:
            for metric in BURST_METRICS:  # without an answer there is no round trip, and the last one is over
                memory.values.pop((metric, ""), None)
            self._take_values(device, memory, samples)

    def take_check(self, device: str, check: str, samples: Sequence[Sample], why: str, every_s: float) -> None:
        """Take in what a check of a service of `device` brought, and why it failed if it did.

        A device that cannot be polled by SNMP may still have its services checked: then there is nothing to keep here.
        """
        memory = self._devices.get(device)
        if memory is None:
            return
        for key in [key for key in memory.values if key[1] == check]:
            del memory.values[key]  # what the newest check did not tell is not known any more
        memory.check_whys[check] = why
        self._take_values(device, memory, samples, gap_ms=int(STALE_INTERVALS * every_s * 1000))

    def _take_values(
        self, device: str, memory: DeviceMemory, samples: Sequence[Sample], gap_ms: int | None = None
    ) -> None:
        values, rules = memory.values, self._rules
        memory.lines = None
        for (metric, _, instance), sample_ms, value in samples:
            values[metric, instance] = (value, sample_ms)
            if metric in rules:
                self._judge(
                    rules[metric],
                    memory,
                    AlertKey("", device, instance),
                    value,
                    sample_ms,
                    gap_ms or self._gap_of(memory),
                )

    def wrong(self) -> list[Wrong]:
        """Return everything that should be an open alert."""
        return [self._wrong(key) for keys in self._crossed.values() for key in keys]

    @property
    def planned(self) -> int:
        """How many devices are polled."""
        return len(self._devices)

    @property
    def known(self) -> int:
        """How many devices are polled, or known not to be."""
        return len(self._devices) + len(self._left_out)

    def knows(self, device: str) -> bool:
        """Return whether `device` is polled, or known not to be."""
        return device in self._devices or device in self._left_out

    def devices(self) -> Iterable[str]:
        """Return the codes of all known devices."""
        return chain(self._devices, self._left_out)

    def health(self, device: str, now_ms: int) -> DeviceHealth:
        """Return how `device` is; KeyError if it is not known."""
        memory, reason = self._devices.get(device), ""
        if memory is None:
            reason, why = self._left_out[device]
            memory = DeviceMemory({}, outcome=CANNOT_ASK, why=why)
        return DeviceHealth(
            device=device,
            state=self._state(device, memory, now_ms),
            outcome=memory.outcome,
            why=memory.why,
            since_ms=memory.since_ms,
            polled_at_ms=memory.polled_at_ms,
            duration_s=memory.duration_s,
            completeness_ratio=memory.completeness_ratio,
            slowed_s=memory.slowed_s,
            reason=reason,
        )

    def split(self, now_ms: int) -> tuple[list[DeviceHealth], list[str]]:
        """Return the devices that are not `ok`, and the codes of all others. Once for every look at a page."""
        troubled, well = list(self._left_out), list[str]()
        for code, memory in self._devices.items():
            (well if self._state(code, memory, now_ms) == "ok" else troubled).append(code)
        return [self.health(code, now_ms) for code in troubled], well

    def count_by_state(self, now_ms: int) -> dict[State, int]:
        """Return how many of the known devices are in each state."""
        counts = Counter(self._state(code, memory, now_ms) for code, memory in self._devices.items())
        counts["unknown"] += len(self._left_out)
        return {state: count for state, count in counts.items() if count}

    @property
    def newest_poll_ms(self) -> int:
        """When the newest poll began; 0 before the first."""
        return self._newest_poll_ms

    def uplinks(self, devices: Iterable[str] | None, now_ms: int) -> list[UplinkLive]:
        """Return the uplinks of those of `devices` that are polled as they are now; None: of all that are.

        A value too old to be the present one is None.
        """
        return [
            line
            for device in (self._devices if devices is None else devices)
            if (memory := self._devices.get(device)) is not None and memory.uplinks
            for line in self._lines(device, memory, now_ms)
        ]

    def device(self, device: str, now_ms: int) -> DeviceLive:
        """Return `device` with its last values, by metric and instance; KeyError if it is not known."""
        return DeviceLive(health=self.health(device, now_ms), values=tuple(self._values(device)))

    def polled(self, device: str, now_ms: int) -> DevicePolled:
        """Return the live event of the poll that was just taken in."""
        return DevicePolled(
            health=self.health(device, now_ms),
            uplinks=tuple(self.uplinks([device], now_ms)),
        )

    def _values(self, device: str) -> list[LastValue]:
        memory = self._devices.get(device)
        return [
            LastValue(metric=metric, instance=instance, value=value, at_ms=at_ms)
            for (metric, instance), (value, at_ms) in (memory.values.items() if memory else ())
        ]

    def _gap_of(self, memory: DeviceMemory) -> int:
        """Return after how long a value is old: who is asked less often on purpose is not unknown in between."""
        return max(self._gap_ms, int(STALE_INTERVALS * 1000 * memory.slowed_s))

    def _judge(
        self, rules: Sequence[Rule], memory: DeviceMemory, at: AlertKey, value: float, at_ms: int, gap_ms: int
    ) -> None:
        for rule in rules:
            if rule.scope == "uplink" and at.instance not in memory.uplinks:
                continue
            key = AlertKey(rule.code, at.device, at.instance)
            before = self.watches.get(key, CALM)
            after = judge(rule, before, value, at_ms, gap_ms=gap_ms)
            self.watches[key] = after
            if after.crossed and not before.crossed:
                self._crossed.setdefault(at.device, set()).add(key)
            elif before.crossed and not after.crossed:
                self._crossed[at.device].discard(key)

    def _is_watched(self, key: AlertKey) -> bool:
        memory, rule = self._devices.get(key.device), self._by_code.get(key.rule)
        return memory is not None and rule is not None and (rule.scope == "device" or key.instance in memory.uplinks)

    def _wrong(self, key: AlertKey) -> Wrong:
        rule, memory = self._by_code[key.rule], self._devices[key.device]
        value, _ = memory.values.get((rule.metric, key.instance), (None, 0))
        details: dict[str, Any] = {"value": value, "limit": rule.limit}
        uplink = memory.uplinks.get(key.instance)
        if uplink is not None and rule.scope == "uplink":
            details.update(uplink=uplink.code, carrier=uplink.carrier, medium=str(uplink.medium))
        else:
            details.update(outcome=memory.outcome, why=memory.check_whys.get(key.instance, memory.why))
        return Wrong(key, rule.severity, self.watches[key].since_ms or 0, details)

    def _state(self, device: str, memory: DeviceMemory, now_ms: int) -> State:
        if memory.polled_at_ms == 0 or now_ms - memory.polled_at_ms > self._gap_of(memory):
            return "unknown"
        if crossed := self._crossed.get(device):
            return worst(self._by_code[key.rule].severity for key in crossed) or "ok"
        return "ok" if memory.outcome == ANSWERED else "notice"

    def _lines(self, device: str, memory: DeviceMemory, now_ms: int) -> list[UplinkLive]:
        # Most pages ask for all lines, of which few have changed since the page before.
        if memory.lines is None or now_ms > memory.lines_until_ms:
            gap_ms = self._gap_of(memory)
            fresh_ms = [at_ms for _, at_ms in memory.values.values() if now_ms - at_ms <= gap_ms]
            memory.lines = [self._uplink(device, memory, uplink, now_ms) for uplink in memory.uplinks.values()]
            memory.lines_until_ms = min(fresh_ms, default=now_ms) + gap_ms
        return memory.lines

    def _uplink(self, device: str, memory: DeviceMemory, uplink: UplinkView, now_ms: int) -> UplinkLive:
        oldest_ms, values = now_ms - self._gap_of(memory), memory.values

        def fresh(metric: str, instance: str = uplink.interface) -> tuple[float | None, int]:
            value, at_ms = values.get((metric, instance), NO_VALUE)
            return (value if at_ms >= oldest_ms else None), at_ms

        in_bps, at_ms = fresh("if_in_bps")
        crossed = [key for key in self._crossed.get(device, ()) if key.instance == uplink.interface]
        found = worst(self._by_code[key.rule].severity for key in crossed)
        status, status_ms = fresh("if_oper_status")
        state: State = found or ("ok" if status else "unknown")
        return UplinkLive(
            uplink=uplink.code,
            device=device,
            interface=uplink.interface,
            state=state,
            in_bps=in_bps,
            out_bps=fresh("if_out_bps")[0],
            utilisation_ratio=fresh("if_utilisation_ratio")[0],
            poll_cost_bps=fresh("poll_cost_bps")[0],
            loss_ratio=fresh("loss_ratio", "")[0],
            rtt_s=fresh("rtt_s", "")[0],
            at_ms=max(at_ms, status_ms),
        )
