"""Debian's real influxd 1.6.7 for tests, in a folder of its own, and what stands between it and `/api/v2/write`.

`Influxd` is the server; `WriteApiProxy` gives it the write address of later versions and can break the way to it.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from tests.real.lab import ROOT, Lab, connection_to
from tests.real.server import ADDRESS, RealServer, find_program, free_tcp_port

if TYPE_CHECKING:
    from types import TracebackType

PRECISIONS = {"ns": "n", "us": "u", "ms": "ms", "s": "s"}

CONFIGURATION = """
reporting-enabled = false
bind-address = "127.0.0.1:0"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "tsi1"
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = {auth}
  max-body-size = {max_body_bytes}
  log-enabled = false
[monitor]
  store-enabled = false
"""


class Influxd(RealServer):
    """One running influxd. Use it as a context manager, from a thread that outlives it.

    Args:
        auth: Whether it asks for a user; then `user` and `password` may do everything.
        max_body_bytes: Largest write that it takes; its own default if not given.
        lab: In whose hub it runs, where the lab's platform reaches it; we ask it through a door.

    Attributes:
        port: Its HTTP port on 127.0.0.1, chosen free and kept over `stop()` and `start()`.
    """

    NAME = "influxd"
    user = "vungcao"
    password = "mat-khau-thu"

    def __init__(self, *, auth: bool = False, max_body_bytes: int = 25_000_000, lab: Lab | None = None) -> None:
        super().__init__()
        self.auth = auth
        self._max_body_bytes = max_body_bytes
        self._lab = lab
        self.port = 0

    @property
    def token(self) -> str:
        """Return what a client of later versions gives as token to 1.x: `user:password`, empty without users."""
        return f"{self.user}:{self.password}" if self.auth else ""

    def connection(self) -> http.client.HTTPConnection:
        """Return a new connection to it, not yet open."""
        return connection_to(self.port, self._lab)

    def ask(self, query: str, database: str = "") -> dict[str, Any]:
        """Return its answer to an InfluxQL statement; RuntimeError with its words if it refuses."""
        form = urllib.parse.urlencode({"q": query, "db": database, "epoch": "ms"})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": _basic(self.token)}
        connection = self.connection()
        try:
            connection.request("POST", "/query", form, headers)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        for part in (answer, *answer.get("results", [])):
            if "error" in part:
                raise RuntimeError(part["error"])
        return answer

    def choose_ports(self) -> None:
        self.port = free_tcp_port()

    def launch(self) -> subprocess.Popen[bytes]:
        program = find_program("influxd", "influxdb")
        setpriv = find_program("setpriv", "util-linux")
        configuration = self.folder / "influxd.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=self.folder,
                port=self.port,
                auth=str(self.auth).lower(),
                max_body_bytes=self._max_body_bytes,
            ),
            "utf-8",
        )
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*(self._lab.prefix if self._lab else ()), setpriv, "--pdeathsig", "KILL", program,
                 "-config", str(configuration)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def answers(self) -> bool:
        connection = self.connection()
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.HTTPStatus.NO_CONTENT
        finally:
            connection.close()

    def set_up(self) -> None:
        if self.auth:
            self.ask(f"CREATE USER {self.user} WITH PASSWORD '{self.password}' WITH ALL PRIVILEGES")


class Asked(Protocol):
    """What a proxy asks."""

    def connection(self) -> http.client.HTTPConnection:
        """Return a new connection to it, not yet open."""
        ...


class WriteApiProxy:
    """Stands in for what InfluxDB 1.8 and later do themselves, in front of 1.6.7, which lacks it.

    `POST /api/v2/write` becomes `POST /write`: the bucket `db/rp` becomes `db` and `rp`, precision `ns` and `us` become
    `n` and `u`, `Authorization: Token user:password` becomes Basic, and a gzip body is unpacked. `GET /health` is
    answered from `/ping`. Everything else (`/query`, `/ping`) passes unchanged. No other behaviour of later versions is
    imitated: what a write or a query gives is what 1.6.7 says.

    Attributes:
        fault: What happens to requests: a number is answered as status, `reset` breaks the connection before the
            server sees the request, `lost answer` after the server has done it, None lets them pass.
        delay_s: How long each request waits first.
        writes: How many writes came in, whatever became of them.
    """

    def __init__(self, influxd: Asked, *, port: int = 0) -> None:
        self.fault: int | Literal["reset", "lost answer"] | None = None
        self.delay_s = 0.0
        self.writes = 0
        self._influxd = influxd
        self._port = port
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return its address, the same after `stop()` and `start()`."""
        return f"http://{ADDRESS}:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, on the port of before if there was one."""
        proxy = self

        class Handler(_Handler):
            def setup(self) -> None:
                self.proxy, self.influxd = proxy, proxy._influxd
                super().setup()

        self._server = ThreadingHTTPServer((ADDRESS, self._port), Handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="influxd-proxy")
        self._thread.start()

    def stop(self) -> None:
        """Listen no more: whoever connects is refused. Twice is harmless."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server = None


class _Handler(BaseHTTPRequestHandler):
    """One request, one connection (HTTP/1.0): so that a stopped proxy has no open ones left."""

    proxy: WriteApiProxy
    influxd: Asked

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Keep silent."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        self.proxy.writes += path == "/api/v2/write"
        time.sleep(self.proxy.delay_s)
        if self.proxy.fault == "reset":
            self._break()
        elif isinstance(self.proxy.fault, int):
            self._answer(self.proxy.fault, b'{"error":"a fault made by the test"}')
        else:
            self._forward(path, query, body)

    def _forward(self, path: str, query: str, body: bytes) -> None:
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
        if path == "/health":
            path = "/ping"
        if path == "/api/v2/write":
            path, query = "/write", _write_query(query)
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            kind, _, token = headers.pop("Authorization", "").partition(" ")
            if kind == "Token" and token:
                headers["Authorization"] = _basic(token)
        connection = self.influxd.connection()
        try:
            connection.request(self.command, f"{path}?{query}", body, headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
        except OSError:
            status, text = 502, b'{"error":"influxd does not answer"}'
        finally:
            connection.close()
        if self.path.startswith("/health") and status == http.HTTPStatus.NO_CONTENT:
            status, text = 200, b'{"name":"influxdb","message":"ready for queries and writes","status":"pass"}'
        if self.proxy.fault == "lost answer":
            self._break()
        else:
            self._answer(status, text)

    def _answer(self, status: int, text: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != http.HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(text)))
        with suppress(ConnectionError):  # the client may have gone: that is then its test
            self.end_headers()
            self.wfile.write(text)

    def _break(self) -> None:
        # Lingering for zero seconds makes the kernel send a reset instead of an orderly end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _basic(token: str) -> str:
    return "Basic " + base64.b64encode(token.encode()).decode()


def _write_query(query: str) -> str:
    given = urllib.parse.parse_qs(query)
    database, _, policy = given["bucket"][0].partition("/")
    wanted = {"db": database, "precision": PRECISIONS[given.get("precision", ["ns"])[0]]}
    if policy:
        wanted["rp"] = policy
    return urllib.parse.urlencode(wanted)


class WriteApiProxyInTheHub(RealServer):
    """A `WriteApiProxy` as a process of its own in the lab's hub, before an influxd that runs there."""

    NAME = "influxd-proxy"

    def __init__(self, influxd: Influxd, lab: Lab) -> None:
        super().__init__()
        self._influxd, self._lab = influxd, lab
        self.port = 0

    @property
    def url(self) -> str:
        """Return its address within the hub."""
        return f"http://{ADDRESS}:{self.port}"

    def choose_ports(self) -> None:
        self.port = free_tcp_port()

    def launch(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*self._lab.prefix, find_program("setpriv", "util-linux"), "--pdeathsig", "KILL",
                 sys.executable, "-m", "tests.real.influxd", str(self._influxd.port), str(self.port)],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def answers(self) -> bool:
        connection = connection_to(self.port, self._lab)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        finally:
            connection.close()


@dataclass(frozen=True)
class _OnPort:
    """An influxd of somebody else."""

    port: int

    def connection(self) -> http.client.HTTPConnection:
        return connection_to(self.port)


if __name__ == "__main__":
    WriteApiProxy(_OnPort(int(sys.argv[1])), port=int(sys.argv[2])).start()
