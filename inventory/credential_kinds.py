"""What lets somebody into a device: the kinds of credentials, what each is for, and what is wrong with one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from pydantic import SecretStr

from kernel.errors import BadInput

PASSPHRASE_LEAST = 8  # RFC 3414, section 11.2
OCTETS_MOST = 255
TOKEN_MOST = 4096

KEEP: Final = "********"
"""What pages and the API show in the place of a secret. Sent back, it leaves the secret as it is."""


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
    """What a credential is; stored with it."""

    SNMP_V2C = "snmp-v2c"
    SNMP_V3 = "snmp-v3"
    SSH_KEY = "ssh-key"
    SSH_PASSWORD = "ssh-password"  # noqa: S105 - the name of a kind, as the two below
    ENABLE_SECRET = "enable-secret"  # noqa: S105
    TOKEN = "token"  # noqa: S105


class Use(StrEnum):
    """What a credential is used for. Of each use the nearest one holds for a device. Stored: add, never rename."""

    COMMUNITY = "community"
    SNMP_USER = "snmp-user"
    LOGIN = "login"
    ENABLE = "enable"
    TOKEN = "token"  # noqa: S105


USE_OF: Final[Mapping[CredentialKind, Use]] = MappingProxyType(
    {
        CredentialKind.SNMP_V2C: Use.COMMUNITY,
        CredentialKind.SNMP_V3: Use.SNMP_USER,
        CredentialKind.SSH_KEY: Use.LOGIN,
        CredentialKind.SSH_PASSWORD: Use.LOGIN,
        CredentialKind.ENABLE_SECRET: Use.ENABLE,
        CredentialKind.TOKEN: Use.TOKEN,
    }
)

SECRETS_OF: Final[Mapping[CredentialKind, tuple[str, ...]]] = MappingProxyType(
    {
        CredentialKind.SNMP_V2C: ("community",),
        CredentialKind.SNMP_V3: ("auth_key", "priv_key"),
        CredentialKind.SSH_KEY: ("private_key",),
        CredentialKind.SSH_PASSWORD: ("password",),
        CredentialKind.ENABLE_SECRET: ("secret",),
        CredentialKind.TOKEN: ("token",),
    }
)
"""Which fields of each kind are sealed."""


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


@dataclass(frozen=True, slots=True)
class SshPassword:
    """Credential of an account on devices, let in by password; its `repr` hides it."""

    password: SecretStr
    known_hosts: str = ""


@dataclass(frozen=True, slots=True)
class EnableSecret:
    """What a device asks before it lets an account change things: Cisco's `enable`, or sudo's password."""

    secret: SecretStr


@dataclass(frozen=True, slots=True)
class Token:
    """What a device's own HTTP interface takes as proof."""

    token: SecretStr


Credential = SnmpV2c | SnmpV3 | SshKey | SshPassword | EnableSecret | Token


KIND_OF: Final[Mapping[type[Any], CredentialKind]] = MappingProxyType(
    {
        SnmpV2c: CredentialKind.SNMP_V2C,
        SnmpV3: CredentialKind.SNMP_V3,
        SshKey: CredentialKind.SSH_KEY,
        SshPassword: CredentialKind.SSH_PASSWORD,
        EnableSecret: CredentialKind.ENABLE_SECRET,
        Token: CredentialKind.TOKEN,
    }
)


@dataclass(frozen=True, slots=True)
class Parts:
    """A credential as it is stored: what may be read, and what is sealed; a secret that is None stays what it was."""

    kind: CredentialKind
    public: dict[str, Any]
    secrets: dict[str, SecretStr | None]


def parts_of(credential: Credential, stored: Mapping[str, Any] | None) -> Parts:
    """Return what is to be stored of `credential`.

    Args:
        credential: As somebody gave it.
        stored: The public fields of the one that it takes the place of, if that is of the same kind; else None.

    Raises:
        BadInput: A community, user, passphrase or key that no device takes; or a secret to be kept that is not there.
    """
    match credential:
        case SnmpV2c(community):
            return Parts(CredentialKind.SNMP_V2C, {}, {"community": _secret("The community", community, stored)})
        case SnmpV3():
            return _v3(credential, stored)
        case SshKey(private_key, known_hosts):
            kept = _kept("The private key", private_key, stored)
            public = stored["public_key"] if kept and stored is not None else credential.public_key()
            # ssh-add wants the line end that copying loses.
            secret = None if kept else SecretStr(private_key.get_secret_value().strip() + "\n")
            public_fields = {"public_key": public, "known_hosts": known_hosts}
            return Parts(CredentialKind.SSH_KEY, public_fields, {"private_key": secret})
        case SshPassword(password, known_hosts):
            secrets = {"password": _secret("The password", password, stored)}
            return Parts(CredentialKind.SSH_PASSWORD, {"known_hosts": known_hosts}, secrets)
        case EnableSecret(secret_):
            return Parts(CredentialKind.ENABLE_SECRET, {}, {"secret": _secret("The enable secret", secret_, stored)})
        case Token(token):
            return Parts(CredentialKind.TOKEN, {}, {"token": _secret("The token", token, stored, most=TOKEN_MOST)})


def credential_of(kind: CredentialKind, public: Mapping[str, Any], secrets: Mapping[str, SecretStr]) -> Credential:
    """Return the credential that is stored as these parts."""
    match kind:
        case CredentialKind.SNMP_V2C:
            return SnmpV2c(secrets["community"])
        case CredentialKind.SNMP_V3:
            return SnmpV3(
                user=public["user"],
                auth_protocol=AuthProtocol(public["auth_protocol"]),
                auth_key=secrets["auth_key"],
                priv_protocol=PrivProtocol(public["priv_protocol"]),
                priv_key=secrets["priv_key"],
            )
        case CredentialKind.SSH_KEY:
            return SshKey(secrets["private_key"], public["known_hosts"])
        case CredentialKind.SSH_PASSWORD:
            return SshPassword(secrets["password"], public["known_hosts"])
        case CredentialKind.ENABLE_SECRET:
            return EnableSecret(secrets["secret"])
        case CredentialKind.TOKEN:
            return Token(secrets["token"])


def made_of(kind: CredentialKind, fields: Mapping[str, str]) -> Credential:
    """Return the credential of `kind` with these fields, as a form or a program gives them; unknown ones count nothing.

    Raises:
        BadInput: A protocol that there is not.
    """
    secrets = {name: SecretStr(fields.get(name, "")) for name in SECRETS_OF[kind]}
    public: dict[str, Any] = {"known_hosts": fields.get("known_hosts", "")}
    if kind is CredentialKind.SNMP_V3:
        public["user"] = fields.get("user", "")
        for name, protocols, usual in (
            ("auth_protocol", AuthProtocol, AuthProtocol.SHA256),
            ("priv_protocol", PrivProtocol, PrivProtocol.AES128),
        ):
            public[name] = fields.get(name) or usual
            if public[name] not in set(protocols):
                raise BadInput(what=f"The field {name}", why=f"there are {', '.join(protocols)}")
    return credential_of(kind, public, secrets)


def secret_texts(credential: Credential) -> list[str]:
    """Return every secret of `credential` in the clear: to be hidden wherever it shows up."""
    secrets = (getattr(credential, name) for name in credential.__dataclass_fields__)
    return [value.get_secret_value() for value in secrets if isinstance(value, SecretStr) and value.get_secret_value()]


def _v3(credential: SnmpV3, stored: Mapping[str, Any] | None) -> Parts:
    _check("The SNMPv3 user", credential.user, least=1, most=32)  # RFC 3414, section 5: usmUserName
    if credential.auth_protocol is AuthProtocol.NONE and credential.priv_protocol is not PrivProtocol.NONE:
        raise BadInput(what="The credential", why="SNMP v3 has no privacy without authentication")
    secrets: dict[str, SecretStr | None] = {}
    for what, field, chosen, key in (
        ("The authentication passphrase", "auth_key", credential.auth_protocol, credential.auth_key),
        ("The privacy passphrase", "priv_key", credential.priv_protocol, credential.priv_key),
    ):
        protocol = "auth_protocol" if field == "auth_key" else "priv_protocol"
        if chosen != "none":
            there = stored if stored is not None and stored[protocol] != "none" else None
            secrets[field] = _secret(what, key, there, least=PASSPHRASE_LEAST)
        elif key.get_secret_value() not in {"", KEEP}:
            raise BadInput(what=what, why="a level of security without it was chosen")
        else:
            secrets[field] = SecretStr("")
    public = {
        "user": credential.user,
        "auth_protocol": credential.auth_protocol,
        "priv_protocol": credential.priv_protocol,
    }
    return Parts(CredentialKind.SNMP_V3, public, secrets)


def _kept(what: str, secret: SecretStr, stored: Mapping[str, Any] | None) -> bool:
    if secret.get_secret_value().strip() != KEEP:
        return False
    if stored is None:
        raise BadInput(what=what, why="there is none yet that could be kept")
    return True


def _secret(
    what: str, secret: SecretStr, stored: Mapping[str, Any] | None, *, least: int = 1, most: int = OCTETS_MOST
) -> SecretStr | None:
    if _kept(what, secret, stored):
        return None
    _check(what, secret.get_secret_value(), least=least, most=most)
    return secret


def _check(what: str, value: str, *, least: int, most: int = OCTETS_MOST) -> None:
    if not least <= len(value.encode()) <= most:
        raise BadInput(what=what, why=f"it has {least} to {most} bytes")
    if not value.isprintable():
        raise BadInput(what=what, why="it has a character that cannot be seen, such as a line end")
