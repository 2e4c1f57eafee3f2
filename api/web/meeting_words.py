"""What the pages say about rooms and meetings: states of readiness, their reasons, and when somebody looked.

Only the tables; `api.web.words` says them in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kernel.i18n import N_

READINESS: Final[Mapping[str, str]] = {
    "ready": N_("Ready"),
    "at-risk": N_("At risk"),
    "not-ready": N_("Not ready"),
    "unknown": N_("Not known"),
    "": N_("Not checked yet"),
}
"""A room's state; empty where nobody has looked yet."""

SHAPES: Final[Mapping[str, str]] = {"ready": "ok", "at-risk": "warning", "not-ready": "critical"}
"""Shape and colour of a state, as all other states have them; what is not here is drawn as unknown."""

STAGES: Final[Mapping[str, str]] = {
    "booking": N_("round from the booking on"),
    "t24h": N_("round from a day before on"),
    "t60m": N_("round from an hour before on"),
    "t10m": N_("round from ten minutes before on"),
}
"""Rounds of looks: each is repeated while something is unknown, and near the meeting."""

REASONS: Final[Mapping[str, str]] = {
    "no-router-reachable": N_("The office cannot be reached: {device} does not answer."),
    "no-uplink": N_("Every uplink of the office is down: {uplinks}."),
    "loss-high": N_("The link loses {loss_ratio} of its packets: sound and picture will break up."),
    "device-unreachable": N_("{role} {device} cannot be reached."),
    "battery-short": N_("No mains power: {device} lasts for {runtime_s}, the meeting needs {needed_s}."),
    "no-router-known": N_("The inventory has no router of this office: nothing is known of its link."),
    "no-uplink-known": N_("The inventory has no uplink of this office: nothing is known of its line."),
    "uplink-unknown": N_("Nothing is known of the uplinks: {uplinks}."),
    "not-watched": N_("{device} has not been asked yet."),
    "not-understood": N_("What {device} answers cannot be used: {outcome}."),
    "old-data": N_("The newest values of {device} are of {at}."),
    "health-away": N_("The engine did not answer. The room is checked again by itself."),
    "router-unreachable": N_("{device} cannot be reached; another router of the office works."),
    "router-unknown": N_("Nothing is known of {device}; another router of the office works."),
    "uplink-down": N_("The uplink {uplink} is down; another one works."),
    "uplink-busy": N_("The uplink {uplink} is full: {utilisation_ratio} of its committed rate."),
    "loss": N_("The link loses {loss_ratio} of its packets: the picture may stand still at times."),
    "slow": N_("The link is slow: {rtt_s} there and back."),
    "on-battery": N_("No mains power: {device} runs on battery, which lasts for {runtime_s}."),
    "power-unknown": N_("Nothing is known of the power: {device} does not tell."),
}
"""A sentence for each reason of `meetings.public.REASONS`."""

WITHOUT_RUNTIME: Final = N_("No mains power: {device} runs on battery. How long it lasts is not known.")
"""In place of the sentence of `on-battery` where the UPS does not tell."""
