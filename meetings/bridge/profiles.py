"""Chooses how much video an office's link can carry, and says it in the address as overrides of Jitsi's configuration.

Overrides are requests to the browser, not limits: whoever uses it can change them. The keys are whitelisted in
jitsi-meet's configWhitelist.ts; rates are those of its config.js for VP8 and H.264: 200 kbit/s for 180 lines, 500 for
360, 1,500 for 720, each kind of sound about 50.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final


class Quality(StrEnum):
    """How much is sent and received, from little to much."""

    AUDIO = "audio"
    LOW = "low"
    MEDIUM = "medium"
    FULL = "full"


SHARE: Final = 0.6
"""Of a committed rate that a meeting may take: the office works on the same link."""

NEEDS_BPS: Final[Mapping[Quality, tuple[int, int]]] = {
    Quality.LOW: (500_000, 250_000),  # two pictures of 180 lines and sound in; one and sound out
    Quality.MEDIUM: (1_200_000, 750_000),  # one of 360 lines, three of 180 and sound in; 360 with its 180 beside it out
    Quality.FULL: (3_500_000, 2_300_000),  # 2.5 Mbit/s and 0.2 for each small picture in; 720, 360 and 180 out
}
"""Bits a second towards the office and from it that each quality takes; sound alone always goes."""

MOST_LOSS: Final[Mapping[Quality, float]] = {Quality.LOW: 0.2, Quality.MEDIUM: 0.1, Quality.FULL: 0.05}
"""Share of packets lost, above which a picture of this quality stalls more than it shows."""


def _lines(count: int, pictures: int) -> dict[str, Any]:
    return {
        "resolution": count,
        "constraints": {"video": {"height": {"ideal": count, "max": count, "min": 180}}},
        "channelLastN": pictures,
    }


OVERRIDES: Final[Mapping[Quality, Mapping[str, Any]]] = {
    Quality.AUDIO: {"startAudioOnly": True, "channelLastN": 0, "startWithVideoMuted": True},
    Quality.LOW: {**_lines(180, 2), "disableSimulcast": True},
    Quality.MEDIUM: _lines(360, 4),
    Quality.FULL: {},
}


def choose(down_bps: int | None, up_bps: int | None, loss_ratio: float | None) -> Quality:
    """Return the best quality that the link carries.

    Args:
        down_bps: Committed bits a second towards the office; None if not known.
        up_bps: Committed bits a second from it; None if not known.
        loss_ratio: Measured share of lost packets, 0..1; None if not measured.

    Returns:
        At most `MEDIUM` where the rates are not known.
    """
    found = Quality.AUDIO
    for quality, (down, up) in NEEDS_BPS.items():
        if down_bps is None or up_bps is None:
            carried = quality is not Quality.FULL
        else:
            carried = down_bps * SHARE >= down and up_bps * SHARE >= up
        if carried and (loss_ratio is None or loss_ratio <= MOST_LOSS[quality]):
            found = quality
    return found


def overrides(quality: Quality, title: str) -> dict[str, str]:
    """Return the overrides as Jitsi reads them: `config.<key>`, and the value as JSON.

    Args:
        quality: What to ask for.
        title: What the browser shows instead of the room's name; it does not leave the browser.
    """
    wanted = {"localSubject": title, **OVERRIDES[quality]}
    return {
        f"config.{key}": json.dumps(value, ensure_ascii=False, separators=(",", ":")) for key, value in wanted.items()
    }
