"""Judges a certificate before it is rolled out, where playbooks run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


def wrong_with_certificate(certificate: str, key: str, authority: str, least_days: int, now: datetime) -> list[str]:
    """Return what is wrong, in sentences; nothing if it can be rolled out.

    Args:
        certificate: PEM; of a chain the first is the host's own.
        key: PEM of its private key, without a passphrase: a service starts by itself.
        authority: PEM of who signed it.
        least_days: How long it must hold.
        now: The time, in UTC.
    """
    try:
        own, signer = (x509.load_pem_x509_certificate(text.encode()) for text in (certificate, authority))
    except ValueError:
        return ["The certificate, or the authority's, is no PEM certificate."]
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except (TypeError, ValueError):  # what is wrong with it is not told: it would be told with a piece of it
        return ["The key is no PEM key without a passphrase."]
    at = now.replace(tzinfo=UTC)
    wrong = []
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != own.public_key().public_bytes(*form):
        wrong.append("The key is not that of the certificate.")
    if own.not_valid_after_utc < at + timedelta(days=least_days):
        wrong.append(f"The certificate ends on {own.not_valid_after_utc:%Y-%m-%d}.")
    if own.not_valid_before_utc > at:
        wrong.append(f"The certificate begins on {own.not_valid_before_utc:%Y-%m-%d}.")
    try:
        own.verify_directly_issued_by(signer)
    except (TypeError, ValueError, Exception):  # noqa: BLE001 - InvalidSignature has no common parent with the others
        wrong.append("The certificate is not signed by the authority.")
    return wrong


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, object]:
        """Return the filters by name."""
        return {"wrong_with_certificate": wrong_with_certificate}
