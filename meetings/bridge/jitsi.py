"""Our own thin client of what Jitsi's Prosody answers over HTTP: room sizes, open rooms, ending a meeting.

There is no package `jitsi-api-client` in the Python index. The calls are those of jitsi-meet's `mod_muc_size`,
`mod_muc_census` and `mod_muc_end_meeting`; the last takes any valid token of the application, whatever room it names,
so ours names the one that it ends and lives for a minute.
"""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus
from typing import Annotated, Any, Final

import httpx
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from kernel.clock import Clock, from_epoch_ms
from meetings.bridge.errors import BridgeUnavailable
from meetings.bridge.port import RunningRoom
from meetings.bridge.tokens import App, service_token

TIMEOUT_S: Final = 10.0
MOST_ANSWER_BYTES: Final = 4 * 1024 * 1024


class _Size(BaseModel):
    participants: int


class _Room(BaseModel):
    room_name: str
    participants: int
    created_time: str  # milliseconds, as text, whatever the documentation says


class _Census(BaseModel):
    # An empty table of Lua is an object or a list, as its encoder likes.
    room_census: list[_Room] | Annotated[dict[str, None], Field(max_length=0)]


SIZE: Final = TypeAdapter(_Size)
CENSUS: Final = TypeAdapter(_Census)


class Jitsi:
    """Asks one Prosody; see `meetings.bridge.port.Bridge`.

    Args:
        url: Where Prosody answers HTTP.
        muc_domain: XMPP domain of its rooms.
        app: What signs the token that ends a meeting.
        clock: Says when that token is made.
        timeout_s: Seconds for one call, all in all.
    """

    def __init__(self, url: str, muc_domain: str, app: App, clock: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        self._muc_domain = muc_domain
        self._app = app
        self._clock = clock
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            base_url=url,
            trust_env=False,
            verify=ssl.create_default_context(),
            timeout=timeout_s,
            headers={"User-Agent": "vungcao"},
        )

    async def room_size(self, conference: str) -> int | None:
        query = {"room": conference, "domain": self._app.domain}
        answer = await self._ask("GET", "/room-size", query, (HTTPStatus.OK, HTTPStatus.NOT_FOUND))
        return None if answer.status_code == HTTPStatus.NOT_FOUND else _read(SIZE, answer).participants

    async def room_census(self) -> list[RunningRoom]:
        answer = await self._ask("GET", "/room-census", {}, (HTTPStatus.OK,))
        try:
            return sorted(
                (
                    RunningRoom(
                        room.room_name.partition("@")[0], room.participants, from_epoch_ms(int(room.created_time))
                    )
                    for room in list(_read(CENSUS, answer).room_census)
                ),
                key=lambda room: room.name,
            )
        except (ValueError, OverflowError) as error:
            raise BridgeUnavailable(why="its census has a time that is none") from error

    async def end_meeting(self, conference: str) -> bool:
        answer = await self._ask(
            "POST",
            "/end-meeting",
            {"conference": f"{conference}@{self._muc_domain}"},
            (HTTPStatus.OK, HTTPStatus.NOT_FOUND),
            {"Authorization": f"Bearer {service_token(self._app, conference, self._clock.now())}"},
        )
        return answer.status_code == HTTPStatus.OK

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        expected: tuple[HTTPStatus, ...],
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        try:
            async with (
                asyncio.timeout(self._timeout_s),  # the client's own limit is for each read, not for all of them
                self._client.stream(method, path, params=query, headers=headers) as answer,
            ):
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > MOST_ANSWER_BYTES:
                        raise BridgeUnavailable(why=f"its answer to {path} does not end")
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            raise BridgeUnavailable(why=type(error).__name__) from error
        if answer.status_code not in expected:
            raise BridgeUnavailable(why=f"HTTP {answer.status_code} for {path}")
        return httpx.Response(answer.status_code, content=body)


def _read(shape: TypeAdapter[Any], answer: httpx.Response) -> Any:  # noqa: ANN401 - what the adapter makes
    try:
        return shape.validate_json(answer.content)
    except ValidationError as error:
        raise BridgeUnavailable(why="its answer is not what Jitsi says") from error
