"""Signs messages between programs, and says whether a signature is right: Standard Webhooks 1.0. Pure.

The header `webhook-signature` has `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. A message is believed
for five minutes; within them whoever takes it remembers its id, so that one that somebody overheard is worth nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
BELIEVED: Final = timedelta(minutes=5)
MOST_SIGNATURES: Final = 5
"""In one header: old and new while a secret is changed."""

MOST_ID: Final = 100


class NotSigned(ValueError):
    """The signature is missing, wrong, or too old; which one is for the log, not for whoever sent it."""


def new_secret(chance: bytes) -> SecretStr:
    """Return the secret whose bytes are `chance`, as people copy it."""
    return SecretStr(PREFIX + base64.b64encode(chance).decode())


def sign(secret: SecretStr, message: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a message that leaves at `at`."""
    seconds = str(int(at.timestamp()))
    return {ID: message, TIMESTAMP: seconds, SIGNATURE: f"v1,{_digest(secret, message, seconds, body)}"}


def verify(secret: SecretStr, headers: dict[str, str], body: bytes, now: datetime) -> str:
    """Return the id of a message that is signed with `secret` and believed at `now`; NotSigned if it is not.

    Args:
        secret: As `new_secret` makes it.
        headers: With names in small letters.
        body: As it came.
        now: Aware UTC.
    """
    message, seconds, given = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not (message and message.isascii() and message.isprintable() and len(message) <= MOST_ID):
        raise NotSigned("it has no webhook-id of 1 to 100 characters")
    if not (seconds.isdecimal() and seconds.isascii() and len(seconds) <= 12):  # noqa: PLR2004 - the year 33658
        raise NotSigned("it has no webhook-timestamp in seconds")
    wanted = _digest(secret, message, seconds, body)
    signatures = [one.removeprefix("v1,") for one in given.split(" ")[:MOST_SIGNATURES] if one.startswith("v1,")]
    # Each is compared, and in constant time: how long it takes tells nothing.
    if not any([hmac.compare_digest(one.encode(), wanted.encode()) for one in signatures]):  # noqa: C419
        raise NotSigned("its webhook-signature is not right")
    if abs(int(seconds) - int(now.timestamp())) > BELIEVED.total_seconds():
        raise NotSigned(
            "its webhook-timestamp is more than five minutes off: set the clock of the machine that sent it"
        )
    return message


def _digest(secret: SecretStr, message: str, seconds: str, body: bytes) -> str:
    try:
        key = base64.b64decode(secret.get_secret_value().removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise NotSigned("the secret is not one of ours") from error
    signed = b".".join((message.encode(), seconds.encode(), body))
    return base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
