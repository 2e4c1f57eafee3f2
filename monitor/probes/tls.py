"""Is a certificate valid, for this name, and how long? A handshake by Python's ssl; `certificates` reads the chain."""

from __future__ import annotations

import ssl
from asyncio import open_connection
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from kernel.clock import Clock, epoch_ms
from monitor.probes.certificates import Certificate, read_chain
from monitor.probes.check import CheckResult, CheckTarget, Fault
from monitor.probes.tcp import fault_of, reason

VERDICTS: Final[Mapping[int, Fault]] = {  # X509_V_ERR_… of openssl's x509_vfy.h
    9: Fault.EXPIRED,  # not yet valid: the same clock or the same neglect
    10: Fault.EXPIRED,
    18: Fault.SELF_SIGNED,
    19: Fault.SELF_SIGNED,
    20: Fault.INCOMPLETE,
    21: Fault.INCOMPLETE,
    62: Fault.WRONG_NAME,
    64: Fault.WRONG_NAME,
}


class _Shown(NamedTuple):
    """What a handshake brought: the chain as it was sent, and as it was verified; or why there was none."""

    sent: Sequence[bytes] = ()
    verified: Sequence[bytes] = ()
    why: str = ""
    fault: Fault = Fault.NONE


async def check_tls(target: CheckTarget, clock: Clock) -> CheckResult:
    """Return whether the chain is trusted by this machine and names the service; its certificates; when it ends.

    A trusted chain ends with the first of its certificates, the root's included; one that is not, with the service's
    own. A chain that is not trusted is looked at once more without trust, so that it is told what is wrong with it.
    """
    now, name = clock.now(), target.check.name or target.address
    seen = await _handshake(target, ssl.create_default_context())
    if not seen.why:
        chain = read_chain(seen.sent, name, now, trusted=True)
        ends = read_chain(seen.verified, name, now, trusted=True) or chain
        return CheckResult(ok=True, values=_life(ends, clock), certificates=chain)
    lenient = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lenient.check_hostname = False
    lenient.verify_mode = ssl.CERT_NONE
    chain = read_chain((await _handshake(target, lenient)).sent, name, now, trusted=False)
    return CheckResult(ok=False, why=seen.why, values=_life(chain[:1], clock), fault=seen.fault, certificates=chain)


async def _handshake(target: CheckTarget, context: ssl.SSLContext) -> _Shown:
    name, port = target.check.name or target.address, target.check.port
    try:
        _, writer = await open_connection(target.address, port, ssl=context, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        fault = VERDICTS.get(error.verify_code, Fault.UNTRUSTED)
        return _Shown(why=f"the certificate is not trusted: {error.verify_message}", fault=fault)
    except ssl.SSLError as error:
        return _Shown(why=f"no TLS: {error.reason or error}", fault=Fault.NO_TLS)
    except OSError as error:
        return _Shown(why=f"port {port}: {reason(error)}", fault=fault_of(error))
    except ValueError as error:  # a name that cannot be one
        return _Shown(why=f"no TLS: {error}", fault=Fault.NO_TLS)
    try:
        connection = writer.get_extra_info("ssl_object")
        sent = chain_of(connection, "get_unverified_chain")
        verified = chain_of(connection, "get_verified_chain") if context.verify_mode is ssl.CERT_REQUIRED else ()
    finally:
        writer.transport.abort()
    return _Shown(sent, verified) if sent else _Shown(why="it shows no certificate", fault=Fault.NO_TLS)


def chain_of(connection: ssl.SSLObject, which: str) -> list[bytes]:
    """Return a chain of a connection in DER, the service's own certificate first; that one alone where Python hides it.

    Args:
        connection: After its handshake.
        which: `get_unverified_chain` or `get_verified_chain`: public from Python 3.13 on, and there under another roof
            before.
    """
    public = getattr(connection, which, None)
    if public is not None:
        return [bytes(one) for one in public()]
    hidden: Any = getattr(getattr(connection, "_sslobj", None), which, None)
    if hidden is not None:
        return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in hidden() or ()]
    own = connection.getpeercert(binary_form=True)
    return [own] if own else []


def _life(chain: Sequence[Certificate], clock: Clock) -> dict[str, float]:
    ends = [one.ends_ms for one in chain if one.wrong != "unreadable"]
    return {"tls_expires_in_s": (min(ends) - epoch_ms(clock.now())) / 1000} if ends else {}
