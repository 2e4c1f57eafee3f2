"""A meeting room's PC shows its page on the whole screen, and no other: Chromium on a display in memory."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.parts.playbooks.content.play import Player, files_of
from tests.real.lab import Lab, Office
from tests.real.waiting import until

pytestmark = pytest.mark.timeout(900)
PORT = 8090
GREEN = (0, 128, 64)
PAGES = f"""\
import http.server
class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.headers["Host"], self.path, flush=True)
        elsewhere = "http://10.77.1.5:{PORT}/elsewhere"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if self.path == "/rooms/c1/door":
            self.wfile.write(f'<body style="background: rgb{GREEN}">Phòng họp<script>'
                             f'setTimeout(() => location = "{{elsewhere}}", 1500)</script>'.encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", {PORT}), Pages).serve_forever()
"""


def test_a_room_shows_its_page_and_no_other_and_shows_it_again_when_it_died(
    lab: Lab, office: Office, tmp_path: Path
) -> None:
    office.run("mkdir", "-p", "/run/kiosk")
    player = Player(lab, tmp_path, {
        "kiosk_packages": ["chromium"],
        "kiosk_server": "/usr/bin/Xvfb :0 -screen 0 640x360x24 -nolisten tcp -fbdir /run/kiosk",
        "kiosk_flags": "--no-sandbox --disable-gpu --disable-dev-shm-usage",
    })  # fmt: skip
    wanted: dict[str, Any] = {"start_page": f"http://10.77.1.1:{PORT}/rooms/c1/door", "screen": "640x360"}
    before = files_of(office)
    player.play("meeting-room", office, check=True, **wanted)
    assert files_of(office) == before, "a dry run changes nothing"
    with pages(lab, tmp_path / "asked"):
        player.play("meeting-room", office, **wanted)
        until(lambda: set(corners(office, tmp_path)) == {GREEN}, "the page to cover the whole screen")
        office.run("sh", "-c", "pkill -KILL -o chromium")
        seen = asked(tmp_path).count("/rooms/c1/door")
        until(lambda: asked(tmp_path).count("/rooms/c1/door") > seen, "the page to be asked for again")
        until(lambda: set(corners(office, tmp_path)) == {GREEN}, "the page to be shown again")
        assert "/elsewhere" not in asked(tmp_path), "another server is not asked for anything"
    assert json.loads(office.read("/etc/chromium/policies/managed/vungcao.json"))["URLBlocklist"] == ["*"]
    assert office.run("sh", "-c", "ps -o user= -C chromium | sort -u").stdout.split() == ["kiosk"]
    assert player.play("meeting-room", office, **wanted).changed == []
    player.play("meeting-room-undo", office)
    assert office.run("pgrep", "chromium", check=False).stdout == ""
    assert "opt/vungcao/kiosk/start" not in files_of(office)


def corners(office: Office, folder: Path) -> list[tuple[int, int, int]]:
    """Return the colours of the corners and the middle of the screen, from the X server's memory (XWD, version 7)."""
    copied = folder / "screen"
    with copied.open("wb") as out:
        done = subprocess.run(
            [*office.lab.enter(office.code), "cat", "/run/kiosk/Xvfb_screen0"], stdout=out, check=False
        )
    if done.returncode:
        return []
    data = copied.read_bytes()
    header = struct.unpack(">25I", data[:100])
    size, width, height, row, colours = header[0], header[4], header[5], header[12], header[19]
    start = size + colours * 12
    places = [(2, 2), (width - 3, 2), (2, height - 3), (width - 3, height - 3), (width // 2, height // 2 + 40)]
    pixels = [data[start + y * row + x * 4 :][:3] for x, y in places]
    return [(pixel[2], pixel[1], pixel[0]) for pixel in pixels]


def asked(folder: Path) -> str:
    return (folder / "asked").read_text("utf-8")


@contextmanager
def pages(lab: Lab, log: Path) -> Iterator[None]:
    """Serve the platform's pages in the hub."""
    with log.open("w") as out:
        process = subprocess.Popen([*lab.prefix, "python3", "-c", PAGES], stdout=out)
        try:
            yield
        finally:
            process.kill()
            process.wait()
