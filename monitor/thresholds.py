"""Decides whether a value breaks a rule. Pure: values and times come in as arguments.

A rule is crossed when its value has been beyond `limit` for `hold_s`; it is calm again when the value is back on the
other side of `calm`. Between the two it stays what it was (hysteresis), so that a value that trembles around the limit
raises one alert and not fifty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from monitor.views import Severity

Scope = Literal["device", "uplink"]
"""Whose values a rule looks at: all of a device's, or only those of interfaces that are uplinks."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is wrong when.

    Attributes:
        code: Its name; pages have a sentence for it.
        metric: Which series it looks at.
        side: Whether values above or below `limit` are wrong.
        limit: Beyond it a value is wrong; the limit itself is not.
        calm: At it, or further from wrong, a value is right again.
        hold_s: How long a value must be wrong before the rule is crossed; 0: at once.
        severity: Of the alert.
        scope: Whose values.
        blind_at: At it or beyond, a value tells this rule nothing: another rule is about that.
    """

    code: str
    metric: str
    side: Literal["above", "below"]
    limit: float
    calm: float
    hold_s: float
    severity: Severity
    scope: Scope
    blind_at: float | None = None

    def is_blind(self, value: float) -> bool:
        """Return whether `value` is another rule's matter."""
        if self.blind_at is None:
            return False
        return value >= self.blind_at if self.side == "above" else value <= self.blind_at

    def is_wrong(self, value: float) -> bool:
        """Return whether `value` lies beyond the limit."""
        return value > self.limit if self.side == "above" else value < self.limit

    def is_calm(self, value: float) -> bool:
        """Return whether `value` is safely back."""
        return value <= self.calm if self.side == "above" else value >= self.calm


class Watch(NamedTuple):
    """What a rule remembers of one series between two values.

    Attributes:
        since_ms: When the present run of wrong values began; None while the value is right.
        crossed: Whether the rule is crossed.
        seen_ms: Time of the last value.
    """

    since_ms: int | None = None
    crossed: bool = False
    seen_ms: int = 0


CALM = Watch()


def judge(rule: Rule, watch: Watch, value: float, at_ms: int, *, gap_ms: int) -> Watch:
    """Return what to remember after `value`; its `crossed` is the verdict.

    Once per rule and value, so some thousands a second: no I/O, one small tuple.

    Args:
        rule: The rule.
        watch: What was remembered; `CALM` at first.
        value: The new value.
        at_ms: Its time; a value not newer than the last one changes nothing.
        gap_ms: After a longer silence a hold begins anew: unseen time is not wrong time.
    """
    if at_ms <= watch.seen_ms:
        return watch
    if rule.is_blind(value):
        return watch._replace(seen_ms=at_ms)
    if rule.is_wrong(value):
        fresh = watch.since_ms is None or (not watch.crossed and at_ms - watch.seen_ms > gap_ms)
        since_ms = at_ms if fresh or watch.since_ms is None else watch.since_ms
        return Watch(since_ms, watch.crossed or at_ms - since_ms >= rule.hold_s * 1000, at_ms)
    if watch.crossed and not rule.is_calm(value):
        return watch._replace(seen_ms=at_ms)
    return Watch(None, crossed=False, seen_ms=at_ms)


def first_rules(*, hold_s: float) -> tuple[Rule, ...]:
    """Return the rules that every programme starts with.

    Args:
        hold_s: How long a device must be silent, a line busy or lossy, or an answer incomplete, before it alerts.
    """
    return (
        Rule("device-unreachable", "reachable", "below", 1, 1, hold_s, "critical", "device"),
        Rule("uplink-down", "if_oper_status", "below", 1, 1, 0, "critical", "uplink"),
        Rule("uplink-busy", "if_utilisation_ratio", "above", 0.9, 0.8, hold_s, "warning", "uplink"),
        # All lost is no lossy link: the line is gone, or a firewall keeps our packets; `device-unreachable` tells.
        Rule("link-lossy", "loss_ratio", "above", 0.2, 0.05, hold_s, "warning", "device", blind_at=1),
        Rule("on-battery", "ups_on_battery", "above", 0, 0, 0, "warning", "device"),
        Rule("check-failed", "check_ok", "below", 1, 1, hold_s, "warning", "device"),
        Rule("certificate-ends", "tls_expires_in_s", "below", 14 * 86_400, 14 * 86_400, 0, "warning", "device"),
        Rule("answers-partly", "poll_completeness_ratio", "below", 1, 1, hold_s, "notice", "device"),
    )
