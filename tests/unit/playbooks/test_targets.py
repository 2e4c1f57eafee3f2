"""Which devices a run goes to, and whom we believe to be them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inventory.devices import Role, SshAccess
from playbooks.automation.errors import HostKeyUnknown, NoTargets, SshKeyMissing
from playbooks.automation.targets import known_hosts, targets

ROUTER = SshAccess(
    device="ps-rt1", name="Bộ định tuyến", role=Role.ROUTER, address="10.20.1.1", port=22, user="vungcao",
    credential="province", host_key="ssh-ed25519 AAAA", public_key="ssh-ed25519 BBBB", known_hosts="",
    snmp_credential="v2c",
)  # fmt: skip


def test_they_come_in_the_order_of_their_codes() -> None:
    other = replace(ROUTER, device="ps-ap1")
    assert targets("ps", [ROUTER, other]) == [other, ROUTER]


def test_what_cannot_be_let_in_to_is_named() -> None:
    with pytest.raises(NoTargets, match="ps"):
        targets("ps", [])
    with pytest.raises(SshKeyMissing, match="province"):
        targets("ps", [replace(ROUTER, public_key="")])
    with pytest.raises(HostKeyUnknown, match="ps-rt1"):
        targets("ps", [replace(ROUTER, host_key="")])


def test_a_credential_may_bring_the_keys_of_all_its_devices() -> None:
    believed = "@cert-authority * ssh-ed25519 CCCC\n"
    one, two = (replace(ROUTER, device=code, host_key="", known_hosts=believed) for code in ("a", "b"))
    assert targets("ps", [one, two]) == [one, two]
    assert known_hosts([one, two]) == ["@cert-authority * ssh-ed25519 CCCC"]


def test_host_keys_hold_for_one_address_and_port() -> None:
    assert known_hosts([ROUTER, replace(ROUTER, port=2222, address="fe80::1")]) == [
        "10.20.1.1 ssh-ed25519 AAAA",
        "[fe80::1]:2222 ssh-ed25519 AAAA",
    ]
