"""What pages say of credentials: their kinds, uses and fields, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inventory.public import KEEP, CredentialKind, CredentialView
from kernel.i18n import N_, Translator

KINDS: Final[Mapping[str, str]] = {
    "snmp-v2c": N_("SNMP community (v1, v2c)"),
    "snmp-v3": N_("SNMP v3 user"),
    "ssh-key": N_("SSH key"),
    "ssh-password": N_("SSH password"),
    "enable-secret": N_("Enable secret"),
    "token": N_("Token"),
    "missing": N_("There is no such credential"),
}

USES: Final[Mapping[str, str]] = {
    "community": N_("SNMP v1 and v2c"),
    "snmp-user": N_("SNMP v3"),
    "login": N_("Signing in over SSH"),
    "enable": N_("Being allowed to change things"),
    "token": N_("Its own HTTP interface"),
}

PLACES: Final[Mapping[str, str]] = {"unit": N_("unit"), "office": N_("office"), "device": N_("device")}

FIELDS: Final[Mapping[str, str]] = {
    "community": N_("Community"),
    "user": N_("User of SNMP v3"),
    "auth_protocol": N_("How it proves itself"),
    "auth_key": N_("Authentication passphrase"),
    "priv_protocol": N_("How what is said is hidden"),
    "priv_key": N_("Privacy passphrase"),
    "private_key": N_("Private key"),
    "known_hosts": N_("Host keys that are believed"),
    "password": N_("Password"),
    "secret": N_("Enable secret"),
    "token": N_("Token"),
}

HINTS: Final[Mapping[str, str]] = {
    "private_key": N_("The text of an OpenSSH private key, without a passphrase."),
    "known_hosts": N_("Lines of a known_hosts file, such as one of @cert-authority. Empty: the inventory has them."),
}

AUTH: Final = ("none", "MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
PRIV: Final = ("none", "DES", "AES-128", "AES-192", "AES-256")

FORM: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "snmp-v2c": (("community", "secret"),),
    "snmp-v3": (
        ("user", "text"), ("auth_protocol", "choice"), ("auth_key", "secret"), ("priv_protocol", "choice"),
        ("priv_key", "secret"),
    ),
    "ssh-key": (("private_key", "long-secret"), ("known_hosts", "long")),
    "ssh-password": (("password", "secret"), ("known_hosts", "long")),
    "enable-secret": (("secret", "secret"),),
    "token": (("token", "secret"),),
}  # fmt: skip
"""The fields of each kind, with how each is typed."""

CHOICES: Final = {"auth_protocol": AUTH, "priv_protocol": PRIV}
USUAL: Final = {"auth_protocol": "SHA-256", "priv_protocol": "AES-128"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form. A secret has no value but the placeholder, whatever was typed before."""

    name: str
    form: str
    value: str
    choices: tuple[str, ...] = ()


def fields_of(kind: CredentialKind, stored: CredentialView | None, typed: Mapping[str, str]) -> list[Field]:
    """Return the fields of a credential of `kind`, as they are shown."""
    public = stored.public if stored is not None and stored.kind == kind else None

    def value(name: str, form: str) -> str:
        if form.endswith("secret"):
            return "" if public is None else KEEP
        usual = USUAL.get(name, "") if public is None else str(public.get(name, ""))
        return typed.get(name, usual)

    return [Field(name, form, value(name, form), CHOICES.get(name, ())) for name, form in FORM[kind]]


class CredentialWords:
    """The words, bound to one reader's language."""

    def __init__(self, t: Translator) -> None:
        self.t = t

    def kind(self, code: str) -> str:
        """Return what a credential is."""
        return self.t.gettext(KINDS[code])

    def use(self, code: str) -> str:
        """Return what it is used for."""
        return self.t.gettext(USES[code])

    def place(self, code: str) -> str:
        """Return what kind of place it is attached to."""
        return self.t.gettext(PLACES[code])

    def field(self, name: str) -> str:
        """Return the label of a field."""
        return self.t.gettext(FIELDS[name])

    def hint(self, name: str) -> str:
        """Return what a field wants; empty if its label says it."""
        return self.t.gettext(HINTS[name]) if name in HINTS else ""

    def kinds(self) -> list[tuple[str, str]]:
        """Return the kinds that can be made, with their words."""
        return [(kind, self.kind(kind)) for kind in CredentialKind]
