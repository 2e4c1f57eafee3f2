"""Is a name answered? One question to the device itself, by dnspython, whose reader of answers is well tried."""

from __future__ import annotations

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from monitor.probes.check import CheckResult, CheckTarget, Fault


async def check_dns(target: CheckTarget) -> CheckResult:
    """Return whether the name has records of the type, and all that must be there. Over TCP where UDP was cut short."""
    check = target.check
    kind = dns.rdatatype.from_text(check.record)
    try:
        question = dns.message.make_query(check.name, kind, use_edns=True)
        answer, _ = await dns.asyncquery.udp_with_fallback(question, target.address, port=check.port)
    except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
        return CheckResult(ok=False, why=f"no answer: {str(error) or type(error).__name__}", fault=Fault.NO_ANSWER)
    found = {str(record).rstrip(".") for part in answer.answer if part.rdtype == kind for record in part}
    values = {"dns_records": float(len(found))}
    if answer.rcode() != dns.rcode.NOERROR:
        why = f"it answers {dns.rcode.to_text(answer.rcode())}"
        return CheckResult(ok=False, why=why, values=values, fault=Fault.WRONG_ANSWER)
    missing = sorted({name.rstrip(".") for name in check.expect} - found)
    if missing or not found:
        why = f"{', '.join(missing)} is not among the answers" if missing else f"{check.name} has no {check.record}"
        return CheckResult(ok=False, why=why, values=values, fault=Fault.WRONG_ANSWER)
    return CheckResult(ok=True, values=values)
