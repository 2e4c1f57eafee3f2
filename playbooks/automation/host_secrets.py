"""What hosts of a run are given from the vault: how they are asked, and what takes its place while that is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Text, any_, select
from sqlalchemy.dialects.postgresql import array

from inventory.public import (
    Credential,
    EnableSecret,
    SnmpV2c,
    SnmpV3,
    SshAccess,
    SshKey,
    SshPassword,
    Stage,
    Token,
    Use,
    credential_for_use,
    pair_for_use,
    secret_texts,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from kernel.secrets import SecretUnreadable, Vault
from playbooks.automation.catalog import Secret
from playbooks.automation.models import PlaybookHostRow, PlaybookRunRow
from playbooks.automation.parts import HostsGiven

BY_USE: Final = {Use.ENABLE: (Secret.ENABLE, "ansible_become_password"), Use.TOKEN: (Secret.TOKEN, "device_token")}
"""What a device is given besides: which secret it is, and the variable that has it."""


async def host_secrets(
    tx: Transaction, vault: Vault, actor: Actor, kinds: Sequence[str], access: Sequence[SshAccess]
) -> HostsGiven:
    """Return the variables of each host, for the kinds of secrets that its playbook names.

    `vungcao_snmp` is how the device is asked; `vungcao_new_snmp` and `vungcao_new_ssh` are what it shall take beside
    that; `vungcao_old_snmp` and `vungcao_old_ssh` are what it shall lose, without their secrets. The enable secret that
    holds for it is `ansible_become_password`, its token `device_token`. What is not in the vault is not given: the
    playbook says that it misses it.
    """
    given: dict[str, dict[str, Any]] = {}
    secrets: list[str] = []
    known: dict[str, dict[str, Credential]] = {}
    for one in access:
        variables = given[one.device] = {}
        if Secret.SNMP in kinds or Secret.NEW_SNMP in kinds:
            variables |= await _of(tx, vault, actor, one.snmp_credential, "snmp", kinds, known)
        if Secret.SSH in kinds or Secret.NEW_SSH in kinds:
            variables |= await _of(tx, vault, actor, one.credential, "ssh", kinds, known)
        for use, name in one.others:
            secret, variable = BY_USE.get(use, (None, ""))
            if secret in kinds:
                variables |= await _single(tx, vault, actor, name, variable, known)
    if Secret.LAST_CONFIGURATION in kinds:
        for device, report in (await _last_configurations(tx, list(given))).items():
            given[device]["vungcao_last_configuration"] = report
    for credentials in known.values():
        for credential in credentials.values():
            secrets += secret_texts(credential)
    return HostsGiven(given, tuple(secrets))


async def _last_configurations(tx: Transaction, devices: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what was last reported of the configurations of these devices; those never read are left out."""
    rows = await tx.session.execute(
        select(PlaybookHostRow.host, PlaybookHostRow.report)
        .join(PlaybookRunRow, PlaybookRunRow.id == PlaybookHostRow.run_id)
        .where(
            PlaybookHostRow.host == any_(array(devices, type_=Text)),
            PlaybookHostRow.report.has_key("sha256"),
            PlaybookRunRow.check_mode.is_(False),
        )
        .distinct(PlaybookHostRow.host)
        .order_by(PlaybookHostRow.host, PlaybookRunRow.launched_at.desc())
    )
    return {device: dict(report) for device, report in rows}


async def _of(
    tx: Transaction, vault: Vault, actor: Actor, name: str, kind: str, kinds: Sequence[str],
    known: dict[str, dict[str, Credential]],
) -> dict[str, Any]:  # fmt: skip
    """Return the variables for one credential; each is opened once, however many devices have it."""
    if name not in known:
        known[name] = {}
        try:
            pair = await pair_for_use(actor, tx, vault, name)
            known[name]["current"] = await credential_for_use(actor, tx, vault, name) if pair is None else pair.current
        except (NotFound, SecretUnreadable):
            return {}
        if pair is not None:
            known[name]["new" if pair.stage is Stage.SPREADING else "old"] = pair.other
    variables = {}
    for which, credential in known[name].items():
        if which == "current" and kind in kinds:
            variables[f"vungcao_{kind}"] = _told(credential)
        elif which == "new" and f"new-{kind}" in kinds:
            variables[f"vungcao_new_{kind}"] = _told(credential)
        elif which == "old" and f"new-{kind}" in kinds:
            variables[f"vungcao_old_{kind}"] = {
                field: value for field, value in _told(credential).items() if field in {"user", "public_key"}
            }
    return variables


async def _single(
    tx: Transaction, vault: Vault, actor: Actor, name: str, variable: str, known: dict[str, dict[str, Credential]]
) -> dict[str, Any]:
    if name not in known:
        try:
            known[name] = {"current": await credential_for_use(actor, tx, vault, name)}
        except (NotFound, SecretUnreadable):
            return {}
    return {variable: _told(known[name]["current"])}


def _told(credential: Credential) -> Any:  # noqa: ANN401 - JSON
    match credential:
        case SnmpV2c(community):
            return {"version": "v2c", "community": community.get_secret_value()}
        case SnmpV3(user, auth_protocol, auth_key, priv_protocol, priv_key):
            return {
                "version": "v3",
                "user": user,
                "auth_protocol": str(auth_protocol),
                "auth_key": auth_key.get_secret_value(),
                "priv_protocol": str(priv_protocol),
                "priv_key": priv_key.get_secret_value(),
            }
        case SshKey():  # the private half lets the platform in; a device has no use for it
            return {"public_key": credential.public_key()}
        case EnableSecret(secret) | Token(secret) | SshPassword(secret):
            return secret.get_secret_value()
