"""A stand-in for an organisation's own sign-in: a small OpenID provider in this process, on a port of its own.

It keeps what OpenID Connect Core 1.0 asks of a provider, on Authlib's own server side (codes, PKCE, clients), and signs
its tokens with a real key. Tests tell it what to say wrongly.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "vungcao"
SECRET = "bí mật của cơ quan"

Change = Callable[[dict[str, Any]], dict[str, Any]]


class Provider:
    """One provider that runs while the block does.

    Attributes:
        issuer: Its address.
        claims: What it says of whoever signs in.
        change: Makes what it is about to sign into something else.
        signer: The key that it signs with; another one than it publishes, and nobody may believe it.
        algorithm: How it signs.
        broken: Answers 500 to everything.
        asked: What it was asked for a token with.
    """

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "first"})
        self.signer: Any = self.key
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {"sub": "248289761001", "preferred_username": "Đỗ.Hòa", "name": "Đỗ Thị Hòa"}
        self.change: Change = lambda claims: claims
        self.now: Callable[[], float] = time.time
        self.broken = False
        self.says_issuer: str | None = None
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.published_issuer = self.issuer
        self._thread = threading.Thread(target=self._server.serve_forever, name="provider", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def new_key(self, kid: str) -> None:
        """Sign with another key from now on, and publish it."""
        self.key = self.signer = RSAKey.generate_key(2048, parameters={"kid": kid})

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """Return the token; by a shared secret as somebody would who has nothing but the published key."""
        if self.algorithm != "HS256":
            return jwt.encode(header, claims, self.signer, algorithms=[self.algorithm])
        parts = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims))
        mac = hmac.digest(self.key.as_pem(private=False), parts, "sha256")
        return f"{parts.decode()}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    def agree(self, way: str) -> str:
        """Return the address to which it sends back who has just signed in there, having come by `way`."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(way).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        said = {"code": code, "state": asked["state"]} | ({"iss": self.says_issuer} if self.says_issuer else {})
        return f"{asked['redirect_uri']}?{urlencode(said)}"

    def about(self) -> dict[str, Any]:
        """Return what it publishes of itself (OpenID Connect Discovery 1.0, section 3)."""
        return {
            "issuer": self.published_issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        """Return the answer to a code: a token, or why not. A code is good once."""
        self.asked.append(form)
        wanted = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        known = self._codes.pop(form.get("code", ""), None)
        if authorization != wanted:
            return {"error": "invalid_client"}
        if known is None or known["redirect_uri"] != form.get("redirect_uri"):
            return {"error": "invalid_grant"}
        if create_s256_code_challenge(form.get("code_verifier", "")) != known["code_challenge"]:
            return {"error": "invalid_grant", "error_description": "PKCE"}
        access = secrets.token_urlsafe(16)
        half = hashlib.sha256(access.encode()).digest()[:16]
        now = int(self.now())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": known["nonce"],
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(), **self.claims,
        }  # fmt: skip
        header = {"alg": self.algorithm, "kid": self.key.kid}
        signed = self.sign(header, self.change(claims))
        return {"access_token": access, "token_type": "Bearer", "id_token": signed}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                match self.path:
                    case "/.well-known/openid-configuration":
                        self._say(provider.about())
                    case "/keys":
                        self._say({"keys": [provider.key.as_dict(private=False)]})
                    case _:
                        self._say({"error": "not_found"}, 404)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                answer = provider.token(form, self.headers.get("authorization", ""))
                self._say(answer, 400 if "error" in answer else 200)

            def _say(self, answer: dict[str, Any], status: int = 200) -> None:
                content = json.dumps(answer).encode()
                self.send_response(500 if provider.broken else status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        return Handler
