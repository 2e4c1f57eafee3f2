"""The command `vungcao` as scripts and people meet it: its exit codes, its words, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest

from kernel.db.embedded import PrivateCluster
from kernel.settings import Settings
from tests.real.accounts import short_folder
from tests.real.command import NO, environment_with, run_vungcao
from tests.real.platform import PlainPlatform
from tests.real.waiting import processes_naming, until

COMMANDS = ("serve", "demo", "status", "poll", "inventory", "secrets", "audit", "meetings")

GOOD = """\
version: 1
units:
  lam-dong: {name: Lâm Đồng, level: province, valid_from: 1976-02-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
offices:
  ld: {name: Văn phòng xã La Dạ, unit: la-da}
devices:
  ld-sw1:
    {name: Bộ chuyển mạch, office: ld, role: switch, profile: host, address: 127.0.0.1, snmp: v2c, credential: la-da}
"""

BROKEN = """\
version: 1
units:
  dong-giang: {name: Xã Đông Giang, level: commune, parent: lam-dong, valid_from: 2025-07-01}
offices:
  dg: {name: Văn phòng xã Đông Giang, unit: dong-giangg}
devices:
  dg-sw1:
    {name: Bộ chuyển mạch, office: dg, role: switch, profile: none, address: 127.0.0.2, snmp: v2c, credential: la-da}
  dg-sw2:
    {name: Bộ chuyển mạch, office: xx, role: switch, profile: host, address: 127.0.0.2, snmp: v2c, credential: la-da}
"""

MENDED = """\
version: 1
units:
  dong-giang: {name: Xã Đông Giang, level: commune, parent: lam-dong, valid_from: 2025-07-01}
"""


class Home:
    """A data folder that no `serve` runs on, with one office and one credential in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._environment = environment_with({"VUNGCAO_DATA_DIR": str(self.data)})
        self.file = folder / "programme.yaml"
        self.file.write_text(GOOD, "utf-8")
        done = self.run("inventory", "load", str(self.file))
        assert "2 units, 1 offices, 1 devices, 0 uplinks" in words(done.stdout), done.stderr
        done = self.run("secrets", "set", "la-da", given="cong-dong-bi-mat\n")
        assert done.returncode == 0, done.stderr

    def run(self, *words: str, given: str = "", **settings: str) -> CompletedProcess[str]:
        """Return how `vungcao WORDS` ended; nobody is ever shown a traceback."""
        done = run_vungcao({**self._environment, **settings}, *words, given=given)
        assert "Traceback" not in done.stderr, done.stderr
        return done


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with short_folder() as folder:
        folder.chmod(0o755)
        made = Home(folder)
        yield made
        shutil.rmtree(Settings.model_validate({"data_dir": made.data}).run_dir, ignore_errors=True)


@pytest.fixture(scope="module")
def platform() -> Iterator[PlainPlatform]:
    with PlainPlatform() as running:
        yield running


def words(text: str) -> str:
    """Return `text` without the frames and line ends that depend on the width of a terminal."""
    return " ".join(text.replace("│", " ").split())


def files_with(folder: Path, secret: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_help_names_every_command_and_each_says_what_it_does(home: Home) -> None:
    done = home.run("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f" {command} " in words(done.stdout)
    assert "exit code 3 if it does not answer well" in words(home.run("poll", "--help").stdout)


def test_status_of_a_platform_that_does_not_run_says_so_and_is_a_no(home: Home) -> None:
    done = home.run("status", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["well"]) == (NO, False)
    assert [(part["name"], part["state"]) for part in told["parts"]] == [("serve", "not running")]


def test_a_wrong_setting_stops_every_command_and_is_named(home: Home) -> None:
    for command in (["demo"], ["secrets", "list"]):
        done = home.run(*command, VUNGCAO_HTTP_PORT="eighty")
        assert done.returncode == 1
        assert done.stderr.startswith("The setting VUNGCAO_HTTP_PORT has a wrong value: ")


def test_a_broken_inventory_file_is_refused_with_every_mistake_and_nothing_of_it_is_loaded(home: Home) -> None:
    file = home.folder / "broken.yaml"
    file.write_text(BROKEN, "utf-8")
    done = home.run("inventory", "load", str(file))
    assert done.returncode == 1
    *mistakes, last = done.stderr.splitlines()
    assert mistakes == [
        f"{file}:5: offices.dg.unit: there is no unit dong-giangg",
        f"{file}:8: devices.dg-sw1.profile: there is no profile none",
        f"{file}:10: devices.dg-sw2.office: there is no office xx",
        f"{file}:10: devices.dg-sw2: 127.0.0.2 port 161 is already dg-sw1",
    ]
    assert last.startswith(f"{file} was not loaded. Mistakes: 4. ")
    file.write_text(MENDED, "utf-8")
    done = home.run("inventory", "load", str(file))
    assert done.returncode == 0, done.stderr
    assert "1 units, 0 offices, 0 devices, 0 uplinks" in words(done.stdout), "it is new, so it was not loaded before"


def test_the_same_inventory_file_again_changes_nothing(home: Home) -> None:
    done = home.run("inventory", "load", str(home.file))
    assert "0 units, 0 offices, 0 devices, 0 uplinks" in words(done.stdout)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"version: 1\nunits: [\n", "not YAML"), (None, "cannot be read")],
)
def test_what_is_no_inventory_file_at_all_is_refused_in_words(home: Home, content: bytes | None, why: str) -> None:
    file = home.folder / "other.yaml"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_bytes(content)
    done = home.run("inventory", "load", str(file))
    assert done.returncode == 1
    assert why in done.stderr
    assert done.stderr.startswith(f"{file}:")


def test_a_credential_is_listed_without_its_secrets_which_lie_nowhere_in_the_clear(home: Home) -> None:
    done = home.run("secrets", "set", "da-mi", "--user", "giamsat", given="xac-thuc-bi-mat\nrieng-tu-bi-mat\n")
    assert done.returncode == 0, done.stderr
    done = home.run("secrets", "list", "--json")
    listed = json.loads(done.stdout)
    assert [(one["name"], one["kind"]) for one in listed] == [("da-mi", "snmp-v3"), ("la-da", "snmp-v2c")]
    assert "bi-mat" not in done.stdout
    assert files_with(home.data, "giamsat"), "what is no secret is found by this way of looking"
    for secret in ("cong-dong-bi-mat", "xac-thuc-bi-mat", "rieng-tu-bi-mat"):
        assert files_with(home.data, secret) == []


@pytest.mark.parametrize(
    ("name", "options", "given", "why"),
    [
        ("la-da", ["--user", "giamsat"], "xac-thuc-bi-mat\nngan\n", "The privacy passphrase cannot be understood"),
        ("La Dạ", [], "bi-mat\n", "small letters a to z"),
    ],
)
def test_a_credential_that_no_device_takes_is_refused(
    home: Home, name: str, options: list[str], given: str, why: str
) -> None:
    done = home.run("secrets", "set", name, *options, given=given)
    assert done.returncode == 1
    assert why in done.stderr


def test_a_device_that_is_not_there_cannot_be_polled(home: Home) -> None:
    done = home.run("poll", "no-such")
    assert done.returncode == 1
    assert done.stderr == "There is no device no-such that you may see.\n"


def test_a_device_that_does_not_answer_is_a_no_and_the_answer_says_why(home: Home) -> None:
    done = home.run("poll", "ld-sw1", "--json")
    assert done.returncode == NO, done.stderr
    told = json.loads(done.stdout)
    assert told["outcome"] in {"silent", "refused"}, (
        "whether this machine says that nothing listens there is its own affair"
    )
    assert told["readings"] == []
    assert told["why"]


def test_without_serve_a_command_leaves_no_database_running_behind_it(home: Home) -> None:
    assert home.run("audit", "verify").returncode == 0
    until(lambda: not processes_naming(str(home.data)), "the temporary database to be gone")
    done = home.run("status")
    assert (done.returncode, "not running" in done.stdout) == (NO, True)


def test_status_of_a_platform_that_runs_names_its_parts(platform: PlainPlatform) -> None:
    done = platform.command("status", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["well"]) == (0, True)
    names = {part["name"] for part in told["parts"]}
    assert names == {"postgres", "web", "engine", "worker", "polling", "history", "database", "work"}


def test_a_second_serve_on_the_same_folder_is_refused_in_one_line(platform: PlainPlatform) -> None:
    files = {file.name for file in platform.settings.data_dir.iterdir()}
    for command in ("serve", "demo"):
        done = platform.command(command)
        assert (done.returncode, done.stdout) == (1, "")
        (only,) = done.stderr.splitlines()
        assert only.startswith(f"vungcao serve already runs on {platform.settings.data_dir}, as PID {platform.pid}.")
    assert {file.name for file in platform.settings.data_dir.iterdir()} == files
    assert platform.is_ready()


def test_an_entry_of_the_audit_log_that_was_changed_by_hand_is_found(platform: PlainPlatform) -> None:
    assert platform.command("secrets", "set", "la-da", given="cong-dong\n").returncode == 0

    def sealed() -> bool:
        done = platform.command("audit", "verify", "--json")
        assert done.returncode == 0, done.stdout
        told = json.loads(done.stdout)
        return bool(told["sealed"] and not told["unsealed"])

    until(sealed, "the entries to be sealed")
    asyncio.run(
        as_superuser(
            platform.settings,
            "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
            "UPDATE audit_entry SET actor = 'somebody else' WHERE action = 'credential.set'",
            "ALTER TABLE audit_entry ENABLE TRIGGER ALL",
        )
    )
    done = platform.command("audit", "verify", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["faults"]) == (NO, False, {"changed": 1})


async def as_superuser(settings: Settings, *statements: str) -> None:
    """Do what only the database's superuser may, through the private cluster's own socket."""
    async with PrivateCluster(settings.data_dir, settings.run_dir).running() as url:
        connection = await psycopg.AsyncConnection.connect(url, user="postgres", autocommit=True)
        async with connection:
            for statement in statements:
                await connection.execute(statement.encode())
