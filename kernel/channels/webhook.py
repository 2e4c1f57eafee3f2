"""Messages by HTTP: each is posted as JSON to one address."""

from __future__ import annotations

import asyncio
import json
import ssl
from http import HTTPStatus

import httpx
from pydantic import SecretStr

from kernel.channels.port import ChannelUnavailable, Message, MessageRefused
from kernel.channels.signing import sign
from kernel.clock import Clock, SystemClock
from kernel.errors import BadInput

NAME = "webhook"
TIMEOUT_S = 10.0


class Webhook:
    """Posts `{"id", "subject", "text", "data"}` to an address; the id is in the header `X-Message-Id` too.

    A 2xx answer means taken; 429, 5xx and silence are worth another try; every other answer is a refusal, redirects
    among them. Proxy settings of the environment are not followed; certificates are checked against the system's.

    Args:
        url: Where to; it may hold a secret and is never logged.
        timeout_s: Seconds for one message, all in all.
        secret: What messages are signed with (`kernel.channels.signing`); None: they are not.
        clock: Tells when they leave.

    Raises:
        BadInput: `url` is not an http or https address.
    """

    def __init__(
        self, url: str, *, timeout_s: float = TIMEOUT_S, secret: SecretStr | None = None, clock: Clock | None = None
    ) -> None:
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise BadInput(what="The address of the webhook", why="it is not a URL") from error
        if self._url.scheme not in {"http", "https"} or not self._url.host:
            raise BadInput(what="The address of the webhook", why="it must begin with http:// or https:// and a host")
        self._timeout_s = timeout_s
        self._secret = secret
        self._clock = clock or SystemClock()
        self._client = httpx.AsyncClient(
            trust_env=False,
            verify=ssl.create_default_context(),
            timeout=timeout_s,
            headers={"User-Agent": "vungcao"},
        )

    async def send(self, message: Message) -> None:
        """Post `message`; see `Channel.send`."""
        whole = {"id": message.id, "subject": message.subject, "text": message.text, "data": dict(message.data)}
        body = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"X-Message-Id": message.id, "Content-Type": "application/json"}
        if self._secret is not None:
            headers |= sign(self._secret, message.id, self._clock.now(), body)
        try:
            async with (
                asyncio.timeout(self._timeout_s),  # the client's own limit is for each read, not for all of them
                self._client.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code  # the body is not read: it may be endless
        except (httpx.TransportError, TimeoutError) as error:
            raise ChannelUnavailable(channel=NAME, why=type(error).__name__) from error
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ChannelUnavailable(channel=NAME, why=f"HTTP {status}")
        raise MessageRefused(channel=NAME, why=f"HTTP {status}")

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()
