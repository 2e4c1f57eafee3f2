"""The real playbooks on a real device over SSH, through the real durable work."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from kernel.db.transaction import Database
from playbooks.automation.host_queries import HostView, run_hosts
from playbooks.automation.runs import RunState, Why
from tests.parts.kernel.running import running
from tests.parts.playbooks.office import COMMUNITY, HOA, Site
from tests.parts.playbooks.waiting import folders_of, of_run, over
from tests.real.sshd import Sshd

pytestmark = pytest.mark.timeout(600)
QUIET = {"disk_limit_percent": 100, "load_limit_per_cpu": 100, "offset_limit_s": 60, "services": []}


async def test_a_site_check_says_what_it_found_and_changes_nothing(url: str, site: Site) -> None:
    before = files_of(site.sshd)
    run = await site.launch("site-check", arguments=QUIET)
    async with running(url, site.works):
        ended = await over(site, run.id)
    lines = await site.lines(run.id)
    assert (ended.state, ended.why) == (RunState.SUCCEEDED, Why.NOTHING), lines
    assert [line.number for line in lines] == list(range(1, ended.lines + 1)), "numbers have no gaps"
    assert any("disk " in line.text and "limit 100 %" in line.text and line.host == "ps-rt1" for line in lines)
    assert await site.lines(run.id, after=3) == lines[3:], "a page goes on where it was"
    assert files_of(site.sshd) == before
    assert (of_run(run.id), folders_of(run.id)) == ([], [])


async def test_settings_are_foretold_then_made_and_made_again_nothing_changes(url: str, site: Site) -> None:
    wanted = {"dns_servers": ["10.20.0.53"], "ntp_servers": ["10.20.0.123"]}
    resolv_conf = site.sshd.root / "etc/resolv.conf"
    resolv_conf.write_text("nameserver 192.0.2.1\n")
    before = files_of(site.sshd)
    async with running(url, site.works):
        dry = await over(site, (await site.launch("time-and-dns", check=True, arguments=wanted)).id)
        assert dry.state is RunState.SUCCEEDED, await site.lines(dry.id)
        assert files_of(site.sshd) == before, "a dry run changes nothing"
        made = await over(site, (await site.launch("time-and-dns", arguments=wanted)).id)
        assert made.state is RunState.SUCCEEDED, await site.lines(made.id)
        again = await over(site, (await site.launch("time-and-dns", arguments=wanted)).id)
    async with site.database.transaction() as tx:
        (foretold,), (done,), (same,) = [await run_hosts(HOA, run.id, tx) for run in (dry, made, again)]
    change = next(one for one in foretold.differences if one.place == str(resolv_conf))
    assert change.before == "nameserver 192.0.2.1\n"
    assert change.after.endswith("\nnameserver 10.20.0.53\n")
    assert resolv_conf.read_text() == change.after
    assert texts(foretold) == texts(done), "what was foretold is what was done"
    assert (foretold.changed, done.changed) == (4, 4)
    assert (same.changed, same.differences, again.state) == (0, (), RunState.SUCCEEDED)
    assert (site.sshd.root / "etc/systemd/timesyncd.conf").read_text().endswith("[Time]\nNTP=10.20.0.123\n")
    assert (site.sshd.root / "etc/localtime").readlink() == Path("/usr/share/zoneinfo/Asia/Ho_Chi_Minh")
    assert dry.coverage is not None
    assert dry.coverage.foretold >= 8
    assert made.coverage is None


async def test_secrets_that_a_device_shows_are_stored_nowhere(url: str, site: Site, database: Database) -> None:
    key_line = site.sshd.private_key.splitlines()[1]
    planted = [
        COMMUNITY,
        quote(COMMUNITY),
        quote(COMMUNITY, safe=""),
        base64.b64encode(COMMUNITY.encode()).decode(),
        base64.b64encode(f"x{COMMUNITY}".encode()).decode()[2:-2],
        key_line,
    ]
    (site.sshd.folder / "secrets").write_text(
        "\n".join([*planted[:4], base64.b64encode(f"x{COMMUNITY}".encode()).decode(), site.sshd.private_key])
    )
    run = await site.launch("chatty")
    async with running(url, site.works):
        ended = await over(site, run.id)
    assert ended.state is RunState.SUCCEEDED, await site.lines(run.id)
    assert (site.sshd.folder / "changed").read_text() == f"community {COMMUNITY}\n", "the device has the secret"
    stored = everything_stored(url)
    assert stored.count("[hidden]") > 5
    escaped = [secret.encode("unicode_escape").decode() for secret in planted]
    assert [secret for secret in (*planted, *escaped) if secret in stored] == []


async def test_a_device_that_is_not_the_one_we_know_is_not_talked_to(url: str, site: Site, tmp_path: Path) -> None:
    with Sshd() as other:
        await site.load(tmp_path, host_key=other.host_key)
    run = await site.launch("site-check", arguments=QUIET)
    async with running(url, site.works):
        ended = await over(site, run.id)
    assert (ended.state, ended.why) == (RunState.FAILED, Why.HOST_UNREACHABLE), await site.lines(run.id)
    assert "Accepted publickey" not in site.sshd.log()
    async with site.database.transaction() as tx:
        (host,) = await run_hosts(HOA, run.id, tx)
    assert host.unreachable


def texts(host: HostView) -> list[tuple[str, str, str]]:
    """Return the differences without their places: of a file that is not there yet, check mode does not tell it."""
    return [(one.task, one.before, one.after) for one in host.differences]


def files_of(sshd: Sshd) -> dict[str, str]:
    """Return the files and links of the device, with what is in them."""
    return {
        str(path.relative_to(sshd.root)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in sorted((sshd.root / "etc").rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def everything_stored(url: str) -> str:
    """Return all rows of all tables but the sealed ones, as text: durable work's among them."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('public', 'dbos') AND tablename <> 'credential'"
        ).fetchall()
        return "\n".join(
            str(row[0])
            for (table,) in tables
            for row in connection.execute(f"SELECT row_to_json(t)::text FROM {table} t").fetchall()
        )
