"""Is a certificate valid, for this name, and how long? A handshake by Python's ssl, read by `cryptography`."""

from __future__ import annotations

import asyncio
import ssl

from cryptography import x509

from kernel.clock import Clock
from monitor.probes.check import CheckResult, CheckTarget
from monitor.probes.tcp import reason


async def check_tls(target: CheckTarget, clock: Clock) -> CheckResult:
    """Return whether the chain is trusted by this machine and names the service; and the seconds until it ends.

    A chain that is not trusted is looked at once more without trust, so that it is also told when it ends.
    """
    trusted = await _handshake(target, ssl.create_default_context())
    if not isinstance(trusted, str):
        return CheckResult(ok=True, values=_life(trusted, clock))
    lenient = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lenient.check_hostname = False
    lenient.verify_mode = ssl.CERT_NONE
    seen = await _handshake(target, lenient)
    return CheckResult(ok=False, why=trusted, values={} if isinstance(seen, str) else _life(seen, clock))


async def _handshake(target: CheckTarget, context: ssl.SSLContext) -> bytes | str:
    """Return the service's certificate, or in words why there is no handshake."""
    name = target.check.name or target.address
    try:
        _, writer = await asyncio.open_connection(target.address, target.check.port, ssl=context, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        return f"the certificate is not trusted: {error.verify_message}"
    except ssl.SSLError as error:
        return f"no TLS: {error.reason or error}"
    except OSError as error:
        return f"port {target.check.port}: {reason(error)}"
    except ValueError as error:  # a name that cannot be one
        return f"no TLS: {error}"
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return shown if isinstance(shown, bytes) else "it shows no certificate"


def _life(certificate: bytes, clock: Clock) -> dict[str, float]:
    try:
        ends = x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except ValueError:  # openssl took what cryptography does not
        return {}
    return {"tls_expires_in_s": (ends - clock.now()).total_seconds()}
