"""Asks services, each kind by its own module; none takes longer than `LONGEST_S`."""

from __future__ import annotations

import asyncio

from inventory.public import CheckKind
from kernel.clock import Clock
from monitor.probes.check import LONGEST_S, CheckResult, CheckTarget, Fault
from monitor.probes.dns import check_dns
from monitor.probes.http import check_http
from monitor.probes.ntp import check_ntp
from monitor.probes.tcp import check_tcp
from monitor.probes.tls import check_tls


class ServiceChecker:
    """The checker of one process."""

    def __init__(self, clock: Clock, *, longest_s: float = LONGEST_S) -> None:
        self._clock = clock
        self._longest_s = longest_s

    async def check(self, target: CheckTarget) -> CheckResult:
        """Return what came of one check."""
        try:
            async with asyncio.timeout(self._longest_s):
                return await self._ask(target)
        except TimeoutError:
            return CheckResult(ok=False, why=f"not done within {self._longest_s:g} s", fault=Fault.NO_ANSWER)

    async def _ask(self, target: CheckTarget) -> CheckResult:
        match target.check.kind:
            case CheckKind.TCP:
                return await check_tcp(target)
            case CheckKind.HTTP:
                return await check_http(target)
            case CheckKind.TLS:
                return await check_tls(target, self._clock)
            case CheckKind.DNS:
                return await check_dns(target)
            case CheckKind.NTP:
                return await check_ntp(target, self._clock)
