"""Credentials for devices: people set and list them, and never see their secrets again; who polls has them opened."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from pydantic import SecretStr
from sqlalchemy import select

from inventory.access import CREDENTIALS_SET
from inventory.credential_models import CredentialRow
from inventory.repository import announce
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.ids import new_id
from kernel.secrets import Vault

CREDENTIALS_USE: Final = Permission("credentials.use")
"""To have a credential opened. No role has it: parts of the platform only."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
PASSPHRASE_LEAST = 8  # RFC 3414, section 11.2
OCTETS_MOST = 255


class AuthProtocol(StrEnum):
    """How SNMPv3 proves who asks (RFC 3414, RFC 7860)."""

    NONE = "none"
    MD5 = "MD5"
    SHA1 = "SHA-1"
    SHA224 = "SHA-224"
    SHA256 = "SHA-256"
    SHA384 = "SHA-384"
    SHA512 = "SHA-512"


class PrivProtocol(StrEnum):
    """How SNMPv3 hides what is said (RFC 3414, RFC 3826; AES-192 and AES-256 by Blumenthal's key expansion)."""

    NONE = "none"
    DES = "DES"
    AES128 = "AES-128"
    AES192 = "AES-192"
    AES256 = "AES-256"


class CredentialKind(StrEnum):
    """What a credential is for; stored with it."""

    SNMP_V2C = "snmp-v2c"
    SNMP_V3 = "snmp-v3"
    SSH_KEY = "ssh-key"


@dataclass(frozen=True, slots=True)
class SnmpV2c:
    """Credential of SNMP v2c, and of v1; its `repr` hides the community."""

    community: SecretStr


@dataclass(frozen=True, slots=True)
class SnmpV3:
    """Credential of an SNMP v3 user: authPriv, authNoPriv or noAuthNoPriv; its `repr` hides the passphrases.

    A passphrase is empty where its protocol is `NONE`.
    """

    user: str
    auth_protocol: AuthProtocol
    auth_key: SecretStr
    priv_protocol: PrivProtocol
    priv_key: SecretStr


@dataclass(frozen=True, slots=True)
class SshKey:
    """Credential of an account on devices, let in by public key; its `repr` hides the private one.

    Attributes:
        private_key: OpenSSH or PEM text without a passphrase: it is sealed here, and a worker has nobody to ask.
        known_hosts: Lines of a known_hosts file that hold for every device, such as one of `@cert-authority`.
    """

    private_key: SecretStr
    known_hosts: str = ""

    def public_key(self) -> str:
        """Return the public half, as `ssh-ed25519 AAAA…`; BadInput if the private key is none, or has a passphrase."""
        try:
            key = load_ssh_private_key(self.private_key.get_secret_value().encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            why = "it must be the text of an OpenSSH private key, without a passphrase"
            raise BadInput(what="The private key", why=why) from None
        return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


Credential = SnmpV2c | SnmpV3 | SshKey


@dataclass(frozen=True, slots=True)
class CredentialView:
    """What people see of a credential."""

    name: str
    kind: CredentialKind
    changed_at: datetime


async def set_credential(actor: Actor, tx: Transaction, vault: Vault, name: str, credential: Credential) -> None:
    """Store `credential` under `name`, in place of what was there.

    Raises:
        Refused: The actor may not.
        BadInput: A name, community, user or passphrase that no device takes.
    """
    actor.require_everywhere(CREDENTIALS_SET)
    if not NAME.fullmatch(name):
        raise BadInput(what="The name of the credential", why="small letters a to z, digits and hyphens, at most 63")
    before, after = await keep(tx, vault, name, credential)
    tx.audit(actor, "credential.set", f"credential:{name}", before=before, after=after)
    await announce(tx)  # devices that are asked with it are to be asked anew


async def keep(
    tx: Transaction, vault: Vault, name: str, credential: Credential, *, more: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Store `credential`, with `more` that is no secret; return what people see of it before and after. BadInput."""
    kind, public, secrets = _parts(credential)
    row = await tx.session.scalar(select(CredentialRow).where(CredentialRow.name == name).with_for_update())
    before = None if row is None else {"kind": row.kind, **row.public}
    if row is None:
        row = CredentialRow(id=new_id(), name=name)
        tx.session.add(row)
    row.kind = kind
    row.public = {**public, **(more or {})}
    row.sealed = {
        field: base64.b64encode(vault.seal(secret, table="credential", row=str(row.id), field=field)).decode()
        for field, secret in secrets.items()
    }
    row.changed_at = tx.now()
    await tx.session.flush()
    return before, {"kind": kind, **public}


async def list_credentials(actor: Actor, tx: Transaction) -> Sequence[CredentialView]:
    """Return names and kinds by name; never a secret, nor what a change of one keeps beside it. Raises Refused."""
    actor.require_everywhere(CREDENTIALS_SET)
    rows = await tx.session.execute(
        select(CredentialRow.name, CredentialRow.kind, CredentialRow.changed_at)
        .where(CredentialRow.name.not_like("%.%"))
        .order_by(CredentialRow.name)
    )
    return [CredentialView(name, CredentialKind(kind), changed_at) for name, kind, changed_at in rows]


async def credential_for_use(actor: Actor, tx: Transaction, vault: Vault, name: str) -> Credential:
    """Return the opened credential called `name`.

    Raises:
        Refused: The actor is not a part of the platform that may.
        NotFound: There is none of that name.
        SecretUnreadable: The master key is not the one it was sealed with.
    """
    actor.require(CREDENTIALS_USE)
    row = await tx.session.scalar(select(CredentialRow).where(CredentialRow.name == name))
    if row is None:
        raise NotFound(kind="credential", code=name)

    def opened(field: str) -> SecretStr:
        return vault.open(base64.b64decode(row.sealed[field]), table="credential", row=str(row.id), field=field)

    match CredentialKind(row.kind):
        case CredentialKind.SNMP_V2C:
            return SnmpV2c(opened("community"))
        case CredentialKind.SNMP_V3:
            return SnmpV3(
                user=row.public["user"],
                auth_protocol=AuthProtocol(row.public["auth_protocol"]),
                auth_key=opened("auth_key"),
                priv_protocol=PrivProtocol(row.public["priv_protocol"]),
                priv_key=opened("priv_key"),
            )
        case CredentialKind.SSH_KEY:
            return SshKey(opened("private_key"), row.public["known_hosts"])


def _parts(credential: Credential) -> tuple[CredentialKind, dict[str, Any], dict[str, SecretStr]]:
    match credential:
        case SnmpV2c(community):
            _check("The community", community.get_secret_value(), least=1)
            return CredentialKind.SNMP_V2C, {}, {"community": community}
        case SnmpV3(user, auth_protocol, auth_key, priv_protocol, priv_key):
            _check("The SNMPv3 user", user, least=1, most=32)  # RFC 3414, section 5: usmUserName
            if auth_protocol is AuthProtocol.NONE and priv_protocol is not PrivProtocol.NONE:
                raise BadInput(what="The credential", why="SNMP v3 has no privacy without authentication")
            for what, chosen, key in (
                ("The authentication passphrase", auth_protocol, auth_key),
                ("The privacy passphrase", priv_protocol, priv_key),
            ):
                if chosen != "none":
                    _check(what, key.get_secret_value(), least=PASSPHRASE_LEAST)
                elif key.get_secret_value():
                    raise BadInput(what=what, why="a level of security without it was chosen")
            public = {"user": user, "auth_protocol": auth_protocol, "priv_protocol": priv_protocol}
            return CredentialKind.SNMP_V3, public, {"auth_key": auth_key, "priv_key": priv_key}
        case SshKey(private_key, known_hosts):
            public = {"public_key": credential.public_key(), "known_hosts": known_hosts}
            text = private_key.get_secret_value().strip() + "\n"  # ssh-add wants the line end that copying loses
            return (
                CredentialKind.SSH_KEY,
                public,
                {"private_key": SecretStr(text)},
            )


def _check(what: str, value: str, *, least: int, most: int = OCTETS_MOST) -> None:
    if not least <= len(value.encode()) <= most:
        raise BadInput(what=what, why=f"it has {least} to {most} bytes")
    if not value.isprintable():
        raise BadInput(what=what, why="it has a character that cannot be seen, such as a line end")
