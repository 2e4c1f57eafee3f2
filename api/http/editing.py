"""How programs change things safely: `ETag` and `If-Match` against lost edits, `Idempotency-Key` against doubling."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from fastapi import Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import VungCaoError
from kernel.idempotency import Answer, recall, remember

Shown = TypeVar("Shown")
SHOWN: Final[TypeAdapter[object]] = TypeAdapter(object)
"""Writes whatever the API shows as JSON."""

IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=500, description="`ETag` of what you saw.")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        description="Of your choice: the same request under the same key is done once, and answered as the first time.",
    ),
]
REPLAYED: Final = {"Idempotent-Replayed": "true"}


class NotSeen(VungCaoError):
    """Who changes something blindly would undo what another has done meanwhile."""

    code = "not-seen"
    http_status = 428
    message = "Send the ETag of what you saw in the header If-Match, so that nobody's change is lost."


def etag_of(shown: object) -> str:
    """Return the strong ETag of what the API shows (RFC 9110, section 8.8.3)."""
    return f'"{hashlib.sha256(SHOWN.dump_json(shown)).hexdigest()[:24]}"'


def tagged(shown: Shown, response: Response) -> Shown:
    """Return what the API shows, with its ETag on the answer."""
    response.headers["ETag"] = etag_of(shown)
    return shown


def saw(if_match: str | None) -> Callable[[object], bool]:
    """Return what tells whether a view is the one that the sender saw.

    Args:
        if_match: The header as it was sent; `*` means whatever is there.

    Raises:
        NotSeen: The header is missing.
    """
    if if_match is None:
        raise NotSeen
    seen = {tag.strip() for tag in if_match.split(",")}
    return lambda view: "*" in seen or etag_of(view) in seen


async def created(
    request: Request, actor: Actor, tx: Transaction, key: str | None, make: Callable[[], Awaitable[object]]
) -> JSONResponse:
    """Return the answer to a request that creates something; under a `key` that is known, the one of then.

    Raises:
        KeyReused: The key was used for another request.
    """
    if key is not None and actor.id is not None:
        asked = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + await request.body()).digest()
        known = await recall(tx, actor.id, key, asked)
        if known is not None:
            return JSONResponse(known.body, known.status, {**known.headers, **REPLAYED})
    made = await make()
    answer = Answer(201, {"ETag": etag_of(made)}, SHOWN.dump_python(made, mode="json"))
    if key is not None and actor.id is not None:
        await remember(tx, actor.id, key, answer)
    return JSONResponse(answer.body, answer.status, answer.headers)
