"""Decides how the history of a check is shown: as a strip, and as stretches in which nothing changed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from api.web.device_view import Window
from kernel.clock import from_epoch_ms
from monitor.public import GraphPoint, GraphSeries, State

MOST_STRETCHES: Final = 12


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the strip: where it stands, 0..100 of the window, and how the checks in it went."""

    left: float
    width: float
    state: State


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a check always passed, or failed at least once in every step."""

    begins: datetime
    ends: datetime
    state: State


@dataclass(frozen=True, slots=True)
class CheckHistory:
    """What became of a check.

    Attributes:
        steps: Oldest first; where there was no check, there is none.
        stretches: Newest first.
        passed_ratio: Part of the steps in which nothing failed, 0..1.
        took_mean_s: How long a check took; None if that is not known.
        took_most_s: The longest of them.
    """

    steps: list[Step]
    stretches: list[Stretch]
    passed_ratio: float
    took_mean_s: float | None
    took_most_s: float | None


def history_of(series: Sequence[GraphSeries], window: Window) -> CheckHistory | None:
    """Return the history that `check_ok` and `check_duration_s` of a check tell; None if there is none."""
    points = {line.metric: line.points for line in series}
    passed: Sequence[GraphPoint] = points.get("check_ok", ())
    took: Sequence[GraphPoint] = points.get("check_duration_s", ())
    if not passed:
        return None
    whole = window.end_ms - window.start_ms
    runs = [(state, list(run)) for state, run in groupby(passed, key=_state)]
    stretches = [
        Stretch(from_epoch_ms(run[0].at_ms), from_epoch_ms(min(run[-1].at_ms + window.step_ms, window.end_ms)), state)
        for state, run in runs
    ]
    return CheckHistory(
        steps=[
            Step(
                max(0.0, (point.at_ms - window.start_ms) / whole * 100),
                window.step_ms / whole * 100,
                _state(point),
            )
            for point in passed
        ],
        stretches=stretches[: -MOST_STRETCHES - 1 : -1],
        passed_ratio=sum(_state(point) == "ok" for point in passed) / len(passed),
        took_mean_s=sum(point.mean for point in took) / len(took) if took else None,
        took_most_s=max((point.high for point in took), default=None),
    )


def _state(point: GraphPoint) -> State:
    return "ok" if point.low >= 1 else "warning"
