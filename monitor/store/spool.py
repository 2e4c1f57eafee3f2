"""A durable queue in front of a remote store: what is acknowledged is on disk, and leaves it once the store has it.

Each `append` becomes one small file of lines, named by its turn; a write of its own name would be torn by a crash, so
it is written aside, synced and renamed. One sender takes files from both ends in turn: the newest, so that pages show
now while a backlog drains, and the oldest. Lines that the store refuses for good are found by halving and reported.
A crash between the store's answer and the deletion sends a file again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import fcntl
import gzip
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, ParamSpec, Protocol, TypeVar

import structlog

from kernel.errors import StoreUnavailable
from monitor.samples import Sample, Series
from monitor.store.port import Bucket, HistoryStore, SamplesRefused, StoreHealth

LINES_A_WRITE: Final = 10_000
SPOOL_BYTES: Final = 4 << 30
"""At about 8 bytes a sample, a week of 1,000 devices with 49 values a minute."""
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class Remote(HistoryStore, Protocol):
    """A store that takes samples as lines of text, one a line, any of which may be sent again."""

    def lines(self, samples: Sequence[Sample]) -> str:
        """Return `samples` as lines. Raises BadInput."""
        ...

    async def write(self, lines: str) -> None:
        """Have the store keep `lines`. Raises SamplesRefused, StoreUnavailable."""
        ...


class Piece(NamedTuple):
    """A file of the spool.

    Attributes:
        turn: Its place in the queue, and its name.
        lines: Samples in it.
        size: Bytes on disk.
    """

    turn: int
    lines: int
    size: int

    @property
    def file_name(self) -> str:
        """Return `turn-lines`, so that nothing need be opened to know it."""
        return f"{self.turn:016d}-{self.lines}.lines.gz"


class Spool:
    """The files. Every method blocks and is for one thread.

    Args:
        folder: Where they lie; made if missing.
        limit: Most bytes that may wait; beyond, the oldest are dropped and counted.

    Raises:
        StoreUnavailable: Another process has this folder, or it cannot be read.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "lock").open("w")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go when we die
                pieces = sorted(self._found())
            except BaseException:
                self._lock.close()
                raise
        except BlockingIOError as error:
            raise StoreUnavailable(why=f"another process has the spool {folder}") from error
        except OSError as error:
            raise StoreUnavailable(why=f"the spool {folder} cannot be used: {error}") from error
        self._pieces = {piece.turn: piece for piece in pieces}
        self._next_turn = pieces[-1].turn + 1 if pieces else 0
        self._size = sum(piece.size for piece in pieces)
        self.waiting = sum(piece.lines for piece in pieces)

    @property
    def has_room(self) -> bool:
        """Return whether a tenth of it is free, so that being full does not come and go with each file."""
        return self._size < self._limit * 0.9

    def put(self, text: str) -> int:
        """Keep `text` for sure, at the end of the queue; return how many old lines had to go for it. Raises OSError."""
        packed = gzip.compress(text.encode(), compresslevel=1)
        piece = Piece(self._next_turn, text.count("\n") + 1, len(packed))
        part = self._folder / f"{piece.file_name}.part"
        try:
            with part.open("wb") as file:
                file.write(packed)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self._folder / piece.file_name)
            self._sync_folder()
        except BaseException:
            part.unlink(missing_ok=True)
            (self._folder / piece.file_name).unlink(missing_ok=True)
            raise
        self._next_turn += 1
        self._pieces[piece.turn] = piece
        self._size += piece.size
        self.waiting += piece.lines
        return self._make_room()

    def take(self, *, newest: bool) -> list[Piece]:
        """Return pieces from one end of the queue, at least one if there is any; they stay until `done`."""
        taken: list[Piece] = []
        lines = 0
        for turn in reversed(self._pieces) if newest else self._pieces:
            piece = self._pieces[turn]
            if taken and lines + piece.lines > LINES_A_WRITE:
                break
            taken.append(piece)
            lines += piece.lines
        return taken

    def text(self, pieces: Sequence[Piece]) -> tuple[str, list[Piece]]:
        """Return the lines of `pieces`, and those whose content is damaged. Raises OSError."""
        texts, damaged = [], []
        for piece in pieces:
            with suppress(FileNotFoundError):  # dropped meanwhile to make room
                packed = (self._folder / piece.file_name).read_bytes()
                try:
                    texts.append(gzip.decompress(packed).decode())
                except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError):
                    damaged.append(piece)
        return "\n".join(texts), damaged

    def done(self, pieces: Sequence[Piece]) -> None:
        """Take `pieces` out of the queue; some may have been dropped meanwhile."""
        for piece in pieces:
            if self._pieces.pop(piece.turn, None) is not None:
                self._size -= piece.size
                self.waiting -= piece.lines
                (self._folder / piece.file_name).unlink(missing_ok=True)

    def close(self) -> None:
        """Let others have the folder."""
        self._lock.close()

    def _make_room(self) -> int:
        dropped = 0
        while self._size > self._limit and len(self._pieces) > 1:
            oldest = next(iter(self._pieces.values()))
            self.done([oldest])
            dropped += oldest.lines
        return dropped

    def _found(self) -> list[Piece]:
        pieces = []
        for file in self._folder.iterdir():
            if file.name.endswith(".part"):
                file.unlink()  # never acknowledged
            elif file.name.endswith(".lines.gz"):
                turn, lines = file.name.removesuffix(".lines.gz").split("-")
                pieces.append(Piece(int(turn), int(lines), file.stat().st_size))
        return pieces

    def _sync_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class SpooledStore:
    """`HistoryStore` over a remote one that may be away for days. Made by `open`, within a running loop.

    Attributes:
        refused: Samples that the remote store refused for good, since the start.
        dropped: Samples that were lost because the spool was full or damaged, since the start.
    """

    def __init__(self, remote: Remote, spool: Spool) -> None:
        self.refused = 0
        self.dropped = 0
        self._remote = remote
        self._spool = spool
        self._disk = ThreadPoolExecutor(1, "spool")
        self._trouble = ""
        self._full = False
        self._arrived = asyncio.Event()
        # Not in a TaskGroup, for it lives as long as the store: `close` awaits it, `append` raises what it died of.
        self._sender = asyncio.create_task(self._send_forever(), name="spool-sender")

    @classmethod
    async def open(cls, remote: Remote, folder: Path, limit: int = SPOOL_BYTES) -> SpooledStore:
        """Return the store; what `folder` holds from an earlier life is sent first of all.

        Raises:
            StoreUnavailable: Another process has `folder`, or it cannot be read; `remote` is closed.
        """
        try:
            spool = await asyncio.to_thread(Spool, folder, limit)
        except StoreUnavailable:
            await remote.close()
            raise
        return cls(remote, spool)

    async def append(self, samples: Sequence[Sample]) -> None:
        """Keep `samples` on disk until the remote store has them. Raises BadInput, StoreUnavailable."""
        if self._sender.done():
            self._sender.result()
        if not samples:
            return
        try:
            dropped = await self._on_disk(lambda: self._spool.put(self._remote.lines(samples)))
        finally:
            self._arrived.set()
        self._count_dropped(dropped)

    async def latest(self, since_ms: int) -> Mapping[Series, Sample]:
        """Return what the remote store answers. Raises StoreUnavailable."""
        return await self._remote.latest(since_ms)

    async def history(
        self, series: Sequence[Series], start_ms: int, end_ms: int, step_ms: int
    ) -> Mapping[Series, Sequence[Bucket]]:
        """Return what the remote store answers. Raises StoreUnavailable."""
        return await self._remote.history(series, start_ms, end_ms, step_ms)

    async def forget_before(self, before_ms: int) -> None:
        """Have the remote store forget."""
        await self._remote.forget_before(before_ms)

    async def health(self) -> StoreHealth:
        """Return how the remote store is, and how many samples wait for it."""
        health = await self._remote.health()
        why = self._trouble or health.why
        if self._full:
            why = f"the spool is full and drops its oldest samples; {why}"
        return StoreHealth(health.name, ok=not why, why=why, waiting=self._spool.waiting)

    async def close(self) -> None:
        """Stop sending; what waits stays on disk."""
        self._sender.cancel()
        await asyncio.wait([self._sender])
        await asyncio.to_thread(self._disk.shutdown)
        self._spool.close()
        await self._remote.close()

    async def _on_disk(self, use: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._disk, lambda: use(*args, **kwargs))
        except StoreUnavailable:
            raise
        except OSError as error:
            raise StoreUnavailable(why=f"the spool cannot be used: {error}") from error

    async def _send_forever(self) -> None:
        newest = True
        pause_s = FIRST_PAUSE_S
        while True:
            self._arrived.clear()
            pieces = await self._on_disk(self._spool.take, newest=newest)
            if not pieces:
                await self._arrived.wait()
                continue
            try:
                await self._send(pieces)
            except StoreUnavailable as error:
                self._troubled(str(error.fields["why"]))
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            else:
                self._troubled("")
                pause_s = FIRST_PAUSE_S
                newest = not newest

    async def _send(self, pieces: Sequence[Piece]) -> None:
        text, damaged = await self._on_disk(self._spool.text, pieces)
        if damaged:
            self._count_damaged(damaged)
        if text:
            await self._write(text)
        await self._on_disk(self._spool.done, pieces)

    async def _write(self, text: str) -> None:
        """Send `text`, and again in halves while the store refuses all of it for the sake of some line."""
        try:
            await self._remote.write(text)
        except SamplesRefused as refusal:
            lines = text.split("\n")
            if refusal.rest_kept or len(lines) == 1:
                self._count_refused(refusal)
                return
            middle = len(lines) // 2
            await self._write("\n".join(lines[:middle]))
            await self._write("\n".join(lines[middle:]))

    def _count_refused(self, refusal: SamplesRefused) -> None:
        self.refused += refusal.count
        log.error("samples_refused", count=refusal.count, why=refusal.fields["why"])

    def _count_dropped(self, dropped: int) -> None:
        self.dropped += dropped
        if dropped and not self._full:
            self._full = True
            log.error("spool_full", dropped=self.dropped)
        elif self._full and self._spool.has_room:
            self._full = False
            log.info("spool_has_room", dropped=self.dropped)

    def _count_damaged(self, damaged: Sequence[Piece]) -> None:
        lines = sum(piece.lines for piece in damaged)
        self.dropped += lines
        log.error("spool_damaged", files=[piece.file_name for piece in damaged], dropped=lines)

    def _troubled(self, why: str) -> None:
        if bool(why) != bool(self._trouble):
            tell = log.error if why else log.info
            tell("store_lost" if why else "store_back", why=why, waiting=self._spool.waiting)
        self._trouble = why
