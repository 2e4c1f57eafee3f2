"""Does a page come, and is it the right one? One GET to the device's own address, by httpx, which the platform has."""

from __future__ import annotations

import httpx

from monitor.probes.check import MOST_OCTETS, CheckResult, CheckTarget, Fault

FIRST_ERROR = 400


async def check_http(target: CheckTarget) -> CheckResult:
    """Return whether the page comes with the right status and holds what it must; redirects are not followed.

    The device's certificate is the check `tls`'s matter: here an expired one must not hide what the page says.
    """
    check = target.check
    host = f"[{target.address}]" if ":" in target.address else target.address
    url = f"{'https' if check.secure else 'http'}://{host}:{check.port}{check.path}"
    headers = {"User-Agent": "vungcao", "Accept-Encoding": "identity"} | ({"Host": check.name} if check.name else {})
    try:
        async with (
            httpx.AsyncClient(verify=False, timeout=None, trust_env=False) as client,  # noqa: S501, S113 - see above
            client.stream("GET", url, headers=headers, extensions={"sni_hostname": check.name or host}) as answer,
        ):
            page = b""
            async for part in answer.aiter_raw():
                page += part
                if len(page) >= MOST_OCTETS:
                    break
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return CheckResult(ok=False, why=f"no page: {str(error) or type(error).__name__}", fault=Fault.NO_ANSWER)
    values = {"http_status": float(answer.status_code), "http_octets": float(len(page))}
    if answer.status_code != check.status if check.status else answer.status_code >= FIRST_ERROR:
        return CheckResult(ok=False, why=f"the status is {answer.status_code}", values=values, fault=Fault.WRONG_ANSWER)
    if check.contains.encode() not in page:
        why = f"the page does not hold {check.contains!r}"
        return CheckResult(ok=False, why=why, values=values, fault=Fault.WRONG_ANSWER)
    return CheckResult(ok=True, values=values)
