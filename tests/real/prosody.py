"""Debian's real Prosody for tests, in a folder of its own and on ports of its own on 127.0.0.1.

Jitsi's plugins are not Debian's: `prosody_modules/mod_stand_in_for_jitsi.lua` stands in for them and says so. It asks
our endpoint as they do. Root and an ordinary user can run it.
"""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.influxd import free_tcp_port
from tests.real.snmpd import RealPartMissing, find_program
from tests.real.waiting import DEADLINE_S

MODULES = Path(__file__).parent / "prosody_modules"
ADDRESS = "127.0.0.1"
START_TIMEOUT_S = 30.0

CONFIGURATION = """
run_as_root = true
data_path = "{folder}/data"
plugin_paths = {{ "{modules}" }}
log = {{ {{ levels = {{ min = "debug" }}, to = "file", filename = "{folder}/prosody.log" }} }}
modules_enabled = {{ "saslauth", "disco" }}
modules_disabled = {{ "s2s", "offline" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ }}
http_ports = {{ {http_port} }}
https_ports = {{ }}
http_default_host = "conference.{domain}"
http_interfaces = {{ "127.0.0.1" }}
c2s_require_encryption = false
s2s_require_encryption = false
allow_unencrypted_plain_auth = true
stand_in_domain = "{domain}"
stand_in_app_id = "{app_id}"
stand_in_app_secret = "{app_secret}"
stand_in_api = "{api}"
stand_in_api_token = "{api_token}"
stand_in_timeout = {timeout_s}
stand_in_retries = 3
stand_in_retry_delay = {retry_delay_s}
stand_in_remembered = {remembered_s}
stand_in_sweep = {sweep_s}
stand_in_patience = {patience_s}

VirtualHost "{domain}"
    authentication = "stand_in_for_jitsi"
    modules_enabled = {{ "stand_in_for_jitsi" }}

Component "conference.{domain}" "muc"
    muc_room_locking = false
    muc_room_default_public_jids = true
    modules_enabled = {{ "stand_in_for_jitsi" }}
"""


class Prosody:
    """One running Prosody. Use it as a context manager, from a thread that outlives it.

    Args:
        api: Where our endpoint is, with `/jitsi` at its end: `reservations_api_prefix`.
        api_token: Bearer token that it shows there.
        remembered_s: How long a refusal is repeated without a new question; the original's 30 seconds are long.
        sweep_s: How often rooms at their end are looked for; the original's minute is long.
        retry_delay_s: Seconds before it asks again after an error; the original's are 3.
        patience_s: How long a room that nobody joins is held; the original's 15 seconds are long.

    Attributes:
        port: Its port for XMPP.
        url: Its address for HTTP.
        folder: Its configuration, data and log.
    """

    domain = "meet.test"
    app_id = "vungcao"
    app_secret = "a-secret-of-the-tests-only-0123456789abcdef"

    def __init__(
        self,
        api: str,
        api_token: str,
        *,
        remembered_s: float = 1,
        sweep_s: float = 1,
        retry_delay_s: float = 0.5,
        patience_s: float = 60,
    ) -> None:
        self.api = api
        self.port = 0
        self.url = ""
        self.folder = Path(tempfile.mkdtemp(prefix="vc-prosody-"))
        self._values = {
            "api_token": api_token,
            "remembered_s": remembered_s,
            "sweep_s": sweep_s,
            "retry_delay_s": retry_delay_s,
            "patience_s": patience_s,
            "timeout_s": 20,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            for _ in range(5):  # another process may take a port between our look and its bind
                self.port, http_port = free_tcp_port(), free_tcp_port()
                self.url = f"http://{ADDRESS}:{http_port}"
                self._configure(http_port)
                self.start()
                if self._answers(http_port):
                    return self
                self.stop()
        except BaseException:
            self._clean_up()
            raise
        log = self.log()
        self._clean_up()
        message = f"prosody did not start: {log[-4000:]}"
        raise RuntimeError(message)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()

    def start(self) -> None:
        """Start it, again after `stop()`."""
        program = find_program("prosody", "prosody")
        setpriv = find_program("setpriv", "util-linux")
        for package, pattern in (("lua-luaossl", "_openssl.so"), ("lua-cjson", "cjson.so")):
            if not list(Path("/usr/lib").glob(f"*/lua/5.4/{pattern}")):
                message = f"{package} is missing: apt-get install {package}"
                raise RealPartMissing(message)
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [setpriv, "--pdeathsig", "KILL", program, "-F", "--config", str(self.folder / "prosody.cfg.lua")],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder,
            )  # fmt: skip

    def stop(self) -> None:
        """End it at once, as a crash does: all its rooms are gone and nobody is told. Twice is harmless."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Crash it and bring it back on the same ports."""
        self.stop()
        self.start()
        if not self._answers(int(self.url.rpartition(":")[2])):
            message = f"prosody did not start again: {self.log()[-4000:]}"
            raise RuntimeError(message)

    def log(self) -> str:
        """Return what it has logged so far."""
        files = (self.folder / "output", self.folder / "prosody.log")
        return "".join(file.read_text("utf-8", "replace") for file in files if file.exists())

    def _configure(self, http_port: int) -> None:
        for name in ("data", "certs"):
            (self.folder / name).mkdir(exist_ok=True)
        values = {
            **self._values, "folder": self.folder, "modules": MODULES, "port": self.port, "http_port": http_port,
            "domain": self.domain, "app_id": self.app_id, "app_secret": self.app_secret, "api": self.api,
        }  # fmt: skip
        (self.folder / "prosody.cfg.lua").write_text(CONFIGURATION.format(**values), "utf-8")

    def _answers(self, http_port: int) -> bool:
        deadline = time.monotonic() + min(START_TIMEOUT_S, DEADLINE_S)
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            connection = http.client.HTTPConnection(ADDRESS, http_port, timeout=5)
            try:
                with socket.create_connection((ADDRESS, self.port), 5):
                    pass
                connection.request("GET", "/room-census")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return True
                time.sleep(0.05)
            except OSError:
                time.sleep(0.05)
            finally:
                connection.close()
        return False

    def _clean_up(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
