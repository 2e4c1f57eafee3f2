"""Filters about networks, computed where playbooks run: Ansible's own come with a collection of a megabyte."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Return whether `address` lies in one of `networks`, such as 10.20.0.0/16; ValueError if one is none."""
    found = ipaddress.ip_address(address)
    return any(found in ipaddress.ip_network(network, strict=False) for network in networks)


def of_version(networks: Iterable[str], version: int) -> list[str]:
    """Return those of `networks` that are of IP version 4 or 6, as networks are written."""
    read = [ipaddress.ip_network(network, strict=False) for network in networks]
    return [str(network) for network in read if network.version == version]


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, object]:
        """Return the filters by name."""
        return {"is_within": is_within, "of_version": of_version}
