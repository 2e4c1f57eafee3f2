"""Rules are looked at, set and taken back, on a machine of the lab; each finding names its source."""

from __future__ import annotations

import pytest

from tests.parts.playbooks.content.play import Played, Player, files_of
from tests.real.lab import Lab, Office

pytestmark = pytest.mark.timeout(900)


def test_rules_are_foretold_kept_and_taken_back(lab: Lab, office: Office, player: Player) -> None:
    before, kernel = files_of(office), office.run("sysctl", "net.ipv4.conf.all.accept_source_route").stdout
    office.run("sysctl", "-qw", "net.ipv4.conf.all.log_martians=0")

    foretold = player.play("harden", office, check=True)
    assert files_of(office) == before, "a dry run changes nothing"
    broken = [one for one in findings(foretold, office) if not one["ok"]]
    assert {"ssh-few-tries", "ssh-macs", "martians-logged", "sshd-config-mode"} <= {one["rule"] for one in broken}
    assert all(one["source"] for one in broken)
    assert next(one for one in broken if one["rule"] == "ssh-few-tries")["found"] == "6"

    made = player.play("harden", office)
    assert set(foretold.changed) <= set(made.changed)
    assert [one for one in findings(made, office) if not one["ok"]] == []
    assert lab.ssh(office, "true").returncode == 0
    old = lab.ssh(office, "-o", "Ciphers=aes128-ctr", "-o", "MACs=hmac-sha1", "true")
    assert old.returncode != 0

    office.run("sh", "-c", "sysctl -qw net.ipv4.conf.all.log_martians=0; chmod 666 /etc/group")
    drifted = player.play("audit", office)
    assert drifted.changed == []
    assert {one["rule"] for one in findings(drifted, office) if not one["ok"]} == {"martians-logged", "group-mode"}
    again = player.play("harden", office)
    assert again.changed == ["Modes of files"], "what lies in files is as it was; the kernel is set at the next change"

    player.play("harden-undo", office)
    assert office.run("sysctl", "net.ipv4.conf.all.log_martians").stdout.endswith("= 0\n")
    assert office.run("sysctl", "net.ipv4.conf.all.accept_source_route").stdout == kernel
    assert "etc/ssh/sshd_config.d/50-vungcao.conf" not in files_of(office)
    assert player.play("harden-undo", office).changed == []


def test_a_rule_that_is_left_out_is_neither_set_nor_looked_at(lab: Lab, player: Player) -> None:
    office = lab.offices["c2"]
    looked = player.play("audit", office, leave_out=["ssh-macs"])
    assert "ssh-macs" not in {one["rule"] for one in findings(looked, office)}


def findings(played: Played, office: Office) -> list[dict[str, object]]:
    report = played.fact("vungcao_report", office.code)
    found: list[dict[str, object]] = report["findings"]
    return found
