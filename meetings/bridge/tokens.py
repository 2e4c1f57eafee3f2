"""Makes the tokens that Jitsi lets people in with: JSON Web Tokens, HS256, made at the moment of joining.

The claims are those of lib-jitsi-meet's doc/tokens.md as Prosody's plugins check them. `exp` is always there, because a
token without it opens its room for ever; it is looked at when somebody connects, and ends no running session.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from jwt.warnings import InsecureKeyLengthWarning

ALGORITHM: Final = "HS256"

SKEW: Final = timedelta(seconds=10)
"""Prosody grants no leeway to `nbf`: its clock may be this far behind ours."""

FEATURES: Final[Mapping[str, bool]] = {
    "recording": False,
    "livestreaming": False,
    "transcription": False,
    "outbound-call": False,
    "screen-sharing": True,
}
"""Without this claim a moderator has every permission, and one click would send an official meeting elsewhere."""


@dataclass(frozen=True, slots=True)
class App:
    """What the server and we share.

    Attributes:
        id: The application's id; issuer and audience of tokens.
        secret: Key of the signature; at least 32 bytes are right for HS256 (RFC 7518, section 3.2).
        domain: The server's XMPP domain, which `sub` names.
    """

    id: str
    secret: str
    domain: str

    def __repr__(self) -> str:
        return f"App(id={self.id!r}, domain={self.domain!r})"


@dataclass(frozen=True, slots=True)
class Person:
    """Who joins, as the others in the room see them. Never empty values: null and numbers break Jitsi's client.

    Attributes:
        id: The account's id, as the server's events tell it back to us.
        name: Name shown.
        moderator: Whether they may mute and remove people and end the meeting.
    """

    id: str
    name: str
    moderator: bool


def join_token(app: App, conference: str, person: Person, now: datetime, until: datetime) -> str:
    """Return the token that lets `person` into the room `conference`, and no other, if they connect before `until`.

    Args:
        app: The application.
        conference: Exact name of the room, in small letters.
        person: Who joins.
        now: Aware UTC.
        until: Aware UTC; the second in which it lies still counts.
    """
    claims = _claims(app, conference, now, until)
    claims["context"] = {
        "user": {
            "id": person.id,
            "name": person.name,
            "moderator": person.moderator,
            "affiliation": "owner" if person.moderator else "member",
        },
        "features": dict(FEATURES),
        "room": {"regex": False},
    }
    return _signed(app, claims)


def service_token(app: App, conference: str, now: datetime) -> str:
    """Return the token with which we ourselves ask the server to end `conference`; good for a minute."""
    return _signed(app, _claims(app, conference, now, now + timedelta(minutes=1)))


def _claims(app: App, conference: str, now: datetime, until: datetime) -> dict[str, Any]:
    return {
        "iss": app.id,
        "aud": app.id,
        "sub": app.domain,
        "room": conference,
        "iat": int(now.timestamp()),
        "nbf": int((now - SKEW).timestamp()),
        "exp": int(until.timestamp()) + 1,
    }


def _signed(app: App, claims: dict[str, Any]) -> str:
    with warnings.catch_warnings():
        # A short secret is the choice of whoever set it on the server too; the settings say what is right.
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)
        return jwt.encode(claims, app.secret, ALGORITHM, headers={"typ": "JWT"})
