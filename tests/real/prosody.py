"""Debian's real Prosody for tests, in a folder of its own and on ports of its own on 127.0.0.1.

Jitsi's plugins are not Debian's: `prosody_modules/mod_stand_in_for_jitsi.lua` stands in for them and says so. It asks
our endpoint as they do. Root and an ordinary user can run it.
"""

from __future__ import annotations

import http.client
import subprocess
from pathlib import Path

from tests.real.lab import Lab, connect_to, connection_to
from tests.real.server import RealPartMissing, RealServer, find_program, free_tcp_port

MODULES = Path(__file__).parent / "prosody_modules"

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


class Prosody(RealServer):
    """One running Prosody. Use it as a context manager, from a thread that outlives it.

    Args:
        api: Where our endpoint is, with `/jitsi` at its end: `reservations_api_prefix`.
        api_token: Bearer token that it shows there.
        remembered_s: How long a refusal is repeated without a new question; the original's 30 seconds are long.
        sweep_s: How often rooms at their end are looked for; the original's minute is long.
        retry_delay_s: Seconds before it asks again after an error; the original's are 3.
        patience_s: How long a room that nobody joins is held; the original's 15 seconds are long.
        lab: In whose hub it runs, beside the platform; we reach it through doors.

    Attributes:
        port: Its port for XMPP.
        http_port: Its port for HTTP.
    """

    NAME = "prosody"
    START_TIMEOUT_S = 30.0
    ORDERLY_S = 0  # as in a crash: all its rooms are gone and nobody is told
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
        lab: Lab | None = None,
    ) -> None:
        super().__init__()
        self.api = api
        self.port = self.http_port = 0
        self.lab = lab
        self._values = {
            "api_token": api_token,
            "remembered_s": remembered_s,
            "sweep_s": sweep_s,
            "retry_delay_s": retry_delay_s,
            "patience_s": patience_s,
            "timeout_s": 20,
        }

    @property
    def url(self) -> str:
        """Return its address for HTTP."""
        return f"http://127.0.0.1:{self.http_port}"

    def choose_ports(self) -> None:
        self.port, self.http_port = free_tcp_port(), free_tcp_port()

    def launch(self) -> subprocess.Popen[bytes]:
        program = find_program("prosody", "prosody")
        setpriv = find_program("setpriv", "util-linux")
        for package, pattern in (("lua-luaossl", "_openssl.so"), ("lua-cjson", "cjson.so")):
            if not list(Path("/usr/lib").glob(f"*/lua/5.4/{pattern}")):
                message = f"{package} is missing: apt-get install {package}"
                raise RealPartMissing(message)
        self._configure()
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                [*(self.lab.prefix if self.lab else ()), setpriv, "--pdeathsig", "KILL",
                 program, "-F", "--config", str(self.folder / "prosody.cfg.lua")],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder,
            )  # fmt: skip

    def answers(self) -> bool:
        connect_to(self.port, self.lab).close()
        connection = connection_to(self.http_port, self.lab)
        try:
            connection.request("GET", "/room-census")
            return connection.getresponse().status == http.HTTPStatus.OK
        finally:
            connection.close()

    def log(self) -> str:
        files = (self.folder / "output", self.folder / "prosody.log")
        return "".join(file.read_text("utf-8", "replace") for file in files if file.exists())

    def _configure(self) -> None:
        for name in ("data", "certs"):
            (self.folder / name).mkdir(exist_ok=True)
        values = {
            **self._values, "folder": self.folder, "modules": MODULES, "port": self.port, "http_port": self.http_port,
            "domain": self.domain, "app_id": self.app_id, "app_secret": self.app_secret, "api": self.api,
        }  # fmt: skip
        (self.folder / "prosody.cfg.lua").write_text(CONFIGURATION.format(**values), "utf-8")
