"""What the pages call the values of a device, and how they write them: with their unit, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from kernel.i18n import N_, Translator


def _whole(t: Translator, value: float) -> str:
    return t.number(value)


def _percent(t: Translator, value: float) -> str:
    return t.percent(value, 1 if value < 0.1 else 0)  # noqa: PLR2004 - below ten percent a decimal matters


def _unit(symbol: str, digits: int = 0) -> Callable[[Translator, float], str]:
    return lambda t, value: f"{t.number(value, digits)}\N{NO-BREAK SPACE}{symbol}"


def _yes(t: Translator, value: float) -> str:
    return t.gettext("Yes") if value else t.gettext("No")


def _duration(t: Translator, value: float) -> str:
    return t.duration(timedelta(seconds=value))


def _short(t: Translator, value: float) -> str:
    if value >= 1:
        return f"{t.number(value, 1)}\N{NO-BREAK SPACE}s"
    return f"{t.number(value * 1000, 1 if value < 0.01 else 0)}\N{NO-BREAK SPACE}ms"  # noqa: PLR2004 - 9.5 ms, 12 ms


def _ping_method(t: Translator, value: float) -> str:
    return {1.0: "ICMP", 2.0: "fping"}.get(value) or t.gettext("TCP only: no loss, no times")


METRICS: Mapping[str, tuple[str, Callable[[Translator, float], str]]] = {
    "uptime_s": (N_("Running for"), _duration),
    "cpu_load_ratio": (N_("Processor in use"), _percent),
    "memory_used_ratio": (N_("Memory in use"), _percent),
    "temperature_celsius": (N_("Temperature"), _unit("°C", 1)),
    "disk_used_ratio": (N_("Disk in use"), _percent),
    "swap_used_ratio": (N_("Swap in use"), _percent),
    "wifi_clients": (N_("Wi-Fi clients"), _whole),
    "lldp_neighbours": (N_("Neighbours on its cables"), _whole),
    "lte_rsrp_dbm": (N_("Mobile signal"), _unit("dBm")),
    "supply_volts": (N_("Supply voltage"), _unit("V", 1)),
    "printer_supply_ratio": (N_("Toner or ink left"), _percent),
    "printer_paper_ratio": (N_("Paper left"), _percent),
    "printer_pages": (N_("Pages printed"), _whole),
    "ups_on_battery": (N_("On battery"), _yes),
    "ups_battery_charge_ratio": (N_("Battery charge"), _percent),
    "ups_battery_runtime_s": (N_("Battery lasts for"), _duration),
    "ups_input_volts": (N_("Mains voltage"), _unit("V", 1)),
    "ups_load_ratio": (N_("UPS load"), _percent),
    "rtt_s": (N_("Round trip"), _short),
    "jitter_s": (N_("Jitter"), _short),
    "loss_ratio": (N_("Packets lost"), _percent),
    "ping_method": (N_("Pinged by"), _ping_method),
    "tcp_reachable": (N_("Reached by TCP"), _yes),
    "check_ok": (N_("Check passed"), _yes),
    "check_duration_s": (N_("Check took"), _short),
    "http_status": (N_("HTTP status"), _whole),
    "http_octets": (N_("Size of the page"), _unit("bytes")),
    "dns_records": (N_("Records found"), _whole),
    "ntp_delay_s": (N_("There and back"), _short),
    "ntp_stratum": (N_("Steps from a reference clock"), _whole),
    "tls_expires_in_s": (N_("Certificate ends in"), _duration),
    "ntp_offset_s": (N_("Clock is off by"), _short),
    "poll_duration_s": (N_("Last poll took"), _short),
    "poll_octets": (N_("Last poll cost"), _unit("bytes")),
    "poll_completeness_ratio": (N_("Share of values that came"), _percent),
}
"""Values of a device as a whole, in the order of the page: label and how to write the value."""
