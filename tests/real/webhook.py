"""Who is told of alerts: a small real HTTP server that keeps what it was sent, and may leave a request unanswered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

ADDRESS = "127.0.0.1"
LONGEST_HOLD_S = 150.0


@dataclass(frozen=True)
class Received:
    """One request.

    Attributes:
        id: Of the message, from its header.
        body: Its JSON.
        port: From which of the sender's ports it came.
    """

    id: str
    body: dict[str, Any]
    port: int


class WebhookReceiver:
    """Listens on a free port, as a context manager.

    Args:
        holds: Says of a request, and of what came before it, whether it is left without an answer until `release()`.

    Attributes:
        received: What came, in order.
    """

    def __init__(self, holds: Callable[[Received, list[Received]], bool]) -> None:
        self.received: list[Received] = []
        self._holds = holds
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Return its address."""
        assert self._server is not None
        return f"http://{ADDRESS}:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                if receiver._take(self):
                    self.send_response(204)
                    self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
                """Keep silent."""

        self._server = ThreadingHTTPServer((ADDRESS, 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="webhook-receiver").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def release(self) -> None:
        """Let go of the requests that are held, still without an answer."""
        self._released.set()

    def _take(self, request: BaseHTTPRequestHandler) -> bool:
        """Keep a request; return whether it is to be answered."""
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        taken = Received(request.headers["X-Message-Id"], body, request.client_address[1])
        held = self._holds(taken, self.received)
        self.received.append(taken)
        if held:
            self._released.wait(LONGEST_HOLD_S)
        return not held


def who_has(port: int, pids: list[int]) -> int | None:
    """Return which of the processes `pids` has the connection that leaves from `port` of this machine (proc(5))."""
    # The kernel writes addresses in the machine's order of bytes, in hexadecimal, and the inode in the tenth column.
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[9] != "0"}
    for pid in pids:
        try:
            links = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
        except FileNotFoundError:  # it ended, or closed one while we looked
            continue
        if links & inodes:
            return pid
    return None
