"""Takes files in for pages and the API: a small one is read while its sender waits, a large one by a worker."""

from __future__ import annotations

import io
import uuid
from collections.abc import AsyncIterator
from typing import Final

from api.http.state import WebState
from inventory.public import (
    APPLY_IMPORT,
    PIECE,
    READ_IMPORT,
    ImportRequest,
    ImportView,
    add_piece,
    apply_import,
    begin_apply,
    begin_import,
    known_profiles,
    read_import,
)
from kernel.actors import Actor

SMALL: Final = 256 * 1024
"""Bytes of a file that is read at once: some 2,000 devices, a second."""
FEW: Final = 2_000
"""Changes that are written at once."""


async def receive(state: WebState, actor: Actor, request: ImportRequest, content: AsyncIterator[bytes]) -> ImportView:
    """Return an import of a file that comes in parts: with its preview if it is small, else as begun.

    Raises:
        Refused: `actor` may change nothing.
        BadInput: There is no such kind or unit.
    """
    async with state.database.transaction() as tx:
        made = await begin_import(actor, tx, request)
    held, pieces = bytearray(), 0
    async for part in content:
        held += part
        while len(held) >= PIECE:
            async with state.database.transaction() as tx:
                await add_piece(tx, made.id, pieces, bytes(held[:PIECE]))
            del held[:PIECE]
            pieces += 1
    if not pieces and len(held) <= SMALL:
        profiles = known_profiles(state.settings.profiles_dir).keys()
        return await read_import(state.database, made.id, profiles, actor=actor, file=io.BytesIO(bytes(held)))
    async with state.database.transaction() as tx:
        await add_piece(tx, made.id, pieces, bytes(held))
        tx.enqueue(READ_IMPORT, str(made.id))
    return made


async def give_word(state: WebState, actor: Actor, which: uuid.UUID, token: str) -> ImportView:
    """Apply an import of which `token` says what was shown; return it as it ended, or as begun.

    Raises:
        NotFound, ImportOver, PreviewChanged, HasRefusals: As `inventory.public.begin_apply` has it.
    """
    async with state.database.transaction() as tx:
        begun = await begin_apply(actor, tx, which, token)
        few = begun.changes <= FEW
        if not few:
            tx.enqueue(APPLY_IMPORT, str(which))
    return await apply_import(state.database, which, actor=actor) if few else begun
