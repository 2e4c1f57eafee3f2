"""The example programme picks a UDP port for its devices that no other one picks at the same moment."""

from __future__ import annotations

from contextlib import ExitStack

from api.commands.demo import udp_port_from
from tests.real.server import free_udp_port


def test_demos_that_start_at_the_same_moment_take_different_ports() -> None:
    wanted = free_udp_port()
    with ExitStack() as both:
        ports = [both.enter_context(udp_port_from(wanted)) for _ in range(3)]
        assert len(set(ports)) == 3
    with udp_port_from(wanted) as again:
        assert again == ports[0], "a demo that ended holds nothing back"
