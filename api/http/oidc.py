"""Speaks OpenID Connect with the organisation's own sign-in: where to send a browser, and who came back.

Everything that comes from there is checked before it is believed (OpenID Connect Core 1.0, section 3.1.3.7): issuer,
audience, signature, times, nonce; the code is bound to this trip by PKCE (RFC 7636). Our own words name what is wrong,
never theirs, which anybody could have put into an address.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from inventory.public import ProviderNotBelieved, ProviderRefused, ProviderUnclear, Subject, Trip
from kernel.clock import Clock
from kernel.errors import BadSetting, Unavailable
from kernel.settings import Settings

PATIENCE_S: Final = 10.0
KEPT: Final = timedelta(hours=1)
NEW_KEYS_EACH: Final = timedelta(minutes=1)
SKEW_S: Final = 60
MOST_BYTES: Final = 512 * 1024
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512")
"""Signatures by a key that only the provider has: never `none`, never a secret that we share."""

SCOPE: Final = "openid profile"
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Known:
    """What the provider tells of itself, and when it was asked."""

    about: dict[str, Any]
    keys: KeySet
    at: datetime


class Provider:
    """The organisation's own sign-in.

    Args:
        settings: With its issuer.
        clock: Tells the time, for how long what it says holds.

    Raises:
        BadSetting: Its address is not protected, or we have no name there.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.issuer = settings.oidc_issuer
        self.title = settings.oidc_title
        self._client = settings.oidc_client_id
        self._secret = settings.oidc_client_secret
        self._clock = clock
        self._known: Known | None = None
        if not self._client:
            raise BadSetting(name="oidc_client_id", why="it is needed where oidc_issuer is set")
        if not _is_protected(self.issuer):
            raise BadSetting(name="oidc_issuer", why="it must begin with https://")

    async def way_there(self, trip: Trip, back: str) -> str:
        """Return the address to which the browser is sent; it comes back to `back`.

        Raises:
            Unavailable: The provider does not answer.
            ProviderRefused: It answers nonsense.
        """
        about = (await self._about()).about
        return str(
            add_params_to_uri(
                about["authorization_endpoint"],
                [
                    ("response_type", "code"),
                    ("client_id", self._client),
                    ("redirect_uri", back),
                    ("scope", SCOPE),
                    ("state", trip.state),
                    ("nonce", trip.nonce),
                    ("code_challenge", create_s256_code_challenge(trip.verifier)),
                    ("code_challenge_method", "S256"),
                ],
            )
        )

    async def who_came(self, trip: Trip, code: str, issuer: str | None, back: str) -> Subject:
        """Return whom the provider vouches for.

        Args:
            trip: Where the browser had been sent.
            code: What it brought along.
            issuer: Who sent it back, by its own account (RFC 9207); None: it does not say.
            back: The address that it came back to.

        Raises:
            Unavailable: The provider does not answer.
            ProviderRefused: It does not vouch, or what it says cannot be believed.
        """
        known = await self._about()
        says_issuer = known.about.get("authorization_response_iss_parameter_supported") is True
        if issuer != self.issuer and (issuer is not None or says_issuer):
            raise ProviderNotBelieved(provider=self.title)  # an answer mixed up with another provider's
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self._client,
            "code_verifier": trip.verifier,
        }
        secret = self._secret.get_secret_value()
        methods = known.about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = httpx.BasicAuth(self._client, secret) if secret and "client_secret_basic" in methods else None
        if secret and basic is None:
            form["client_secret"] = secret
        answer = await self._ask("POST", known.about["token_endpoint"], data=form, auth=basic)
        token = answer.get("id_token")
        if not isinstance(token, str):
            refused = ProviderRefused if "error" in answer else ProviderUnclear
            raise refused(provider=self.title)
        claims = await self._believed(token, trip, answer.get("access_token"))
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:  # noqa: PLR2004 - Core 1.0, section 2
            raise ProviderUnclear(provider=self.title)
        name = str(claims.get("preferred_username") or "")
        return Subject(self.issuer, subject, name, str(claims.get("name") or name))

    async def _believed(self, token: str, trip: Trip, access_token: object) -> CodeIDToken:
        try:
            decoded = await self._decoded(token)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._client},
                    "nonce": {"essential": True, "value": trip.nonce},
                },
                params={"client_id": self._client, "nonce": trip.nonce, "access_token": access_token},
            )
            claims.validate(now=int(self._clock.now().timestamp()), leeway=SKEW_S)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ProviderNotBelieved(provider=self.title) from error
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if claims.get("azp", self._client) != self._client or self._client not in audience:
            raise ProviderNotBelieved(provider=self.title)
        return claims

    async def _decoded(self, token: str) -> jwt.Token:
        known = await self._about()
        key = jws.extract_compact(token.encode()).headers().get("kid")
        if key is not None and key not in {each.kid for each in known.keys.keys}:
            # Providers change their keys: ask once more, but not for every token that somebody makes up.
            known = await self._about(fresher_than=self._clock.now() - NEW_KEYS_EACH)
        offered = known.about.get("id_token_signing_alg_values_supported") or ["RS256"]
        return jwt.decode(token, known.keys, algorithms=[one for one in ALGORITHMS if one in offered])

    async def _about(self, fresher_than: datetime | None = None) -> Known:
        limit = fresher_than or self._clock.now() - KEPT
        if self._known is not None and self._known.at > limit:
            return self._known
        about = await self._ask("GET", self.issuer.rstrip("/") + "/.well-known/openid-configuration")
        endpoints = [about.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if about.get("issuer") != self.issuer or not all(
            isinstance(one, str) and _is_protected(one) for one in endpoints
        ):
            raise ProviderUnclear(provider=self.title)
        try:
            keys = KeySet.import_key_set(await self._ask("GET", about["jwks_uri"]))  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderUnclear(provider=self.title) from error
        self._known = Known(about, keys, self._clock.now())
        return self._known

    async def _ask(
        self, method: str, address: str, *, data: dict[str, str] | None = None, auth: httpx.Auth | None = None
    ) -> dict[str, Any]:
        """Return the JSON object that `address` answers, whatever its status: an error is one too."""
        body = bytearray()
        try:
            async with (
                httpx.AsyncClient(timeout=PATIENCE_S, headers={"Accept": "application/json"}) as client,
                client.stream(method, address, data=data, auth=auth or httpx.USE_CLIENT_DEFAULT) as answer,
            ):
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise ProviderUnclear(provider=self.title)
        except httpx.HTTPError as error:
            raise Unavailable(part=self.title, why=str(error) or type(error).__name__) from error
        if answer.is_server_error:
            raise Unavailable(part=self.title, why=f"it answered {answer.status_code}")
        try:
            found = json.loads(body)
        except ValueError as error:
            raise ProviderUnclear(provider=self.title) from error
        if not isinstance(found, dict):
            raise ProviderUnclear(provider=self.title)
        return found


def _is_protected(address: str) -> bool:
    """Return whether what goes to `address` can be read by nobody on the way: HTTPS, or this very machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
