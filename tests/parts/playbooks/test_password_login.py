"""A playbook on a device that is let in to by a password of the vault: a real sshd, and no password left anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from inventory.public import SshPassword, set_credential
from kernel.actors import system
from kernel.db.transaction import Database
from playbooks.automation.runs import RunState, Why
from tests.parts.kernel.running import running
from tests.parts.playbooks.office import VAULT, Site, write_project
from tests.parts.playbooks.test_run import QUIET, everything_stored
from tests.parts.playbooks.waiting import folders_of, of_run, over
from tests.real.sshd import Sshd

pytestmark = pytest.mark.timeout(600)
PASSWORD: Final = "mật khẩu-Đ3t 'quoted' $HOME"


async def with_password(database: Database, folder: Path, sshd: Sshd, password: str) -> Site:
    write_project(folder / "playbooks", sshd.folder)
    site = Site(database, folder / "playbooks", sshd)
    await site.load(folder)
    async with database.transaction() as tx:
        await set_credential(system("test"), tx, VAULT, "ssh-key", SshPassword(SecretStr(password)))
    return site


async def test_a_device_is_let_in_to_by_its_password_which_is_stored_nowhere(
    url: str, database: Database, tmp_path: Path
) -> None:
    with Sshd(password=PASSWORD) as sshd:
        site = await with_password(database, tmp_path, sshd, PASSWORD)
        run = await site.launch("site-check", arguments=QUIET)
        async with running(url, site.works):
            ended = await over(site, run.id)
        assert (ended.state, ended.why) == (RunState.SUCCEEDED, Why.NOTHING), await site.lines(run.id)
        log = sshd.log()
    assert "Accepted password for" in log
    assert "Accepted publickey" not in log
    stored = everything_stored(url)
    assert PASSWORD not in stored
    assert PASSWORD.encode("unicode_escape").decode() not in stored
    assert (of_run(run.id), folders_of(run.id)) == ([], [])


async def test_a_wrong_password_is_told_and_tried_once_again_at_most(
    url: str, database: Database, tmp_path: Path
) -> None:
    with Sshd(password=PASSWORD) as sshd:
        site = await with_password(database, tmp_path, sshd, "not this one")
        run = await site.launch("site-check", arguments=QUIET)
        async with running(url, site.works):
            ended = await over(site, run.id)
        log = sshd.log()
    assert (ended.state, ended.why) == (RunState.FAILED, Why.HOST_UNREACHABLE), await site.lines(run.id)
    assert "Accepted" not in log
    assert 1 <= log.count("Failed password") <= 2, "a device that locks accounts is not locked by one run"
