"""The file of rooms: what is wrong in it is told with its line."""

from __future__ import annotations

import pytest

from inventory.public import BadInventoryFile
from meetings.rooms import mistakes_in, read

GOOD = """\
version: 1
rooms:
  ps-room: {name: Phòng họp, office: ps, capacity: 18, devices: [ps-mt1, ps-rt1]}
  no: {name: 12, office: ps, capacity: 1}
"""
DEVICES = {"ps-mt1": "ps", "ps-rt1": "ps", "sl-mt1": "sl"}


def test_a_sound_file_is_read_whole() -> None:
    content, located = read(GOOD, "rooms.yaml")
    assert [(code, room.name, room.capacity, room.devices) for code, room in content.rooms.items()] == [
        ("ps-room", "Phòng họp", 18, ("ps-mt1", "ps-rt1")), ("no", "12", 1, ()),
    ]  # fmt: skip
    assert list(mistakes_in(content, located, {"ps": 1}, DEVICES)) == []


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("version: 2\n", 1, "version"),
        ("version: 1\nrooms:\n  a: {name: A, office: ps, capacity: 0}\n", 3, "capacity"),
        ("version: 1\nrooms:\n  A!: {name: A, office: ps, capacity: 2}\n", 3, "form"),
        ("version: 1\nrooms:\n  a: {name: A, office: ps, capacity: 2, colour: red}\n", 3, "colour"),
        ("version: 1\nrooms:\n  a: {name: A, office: ps, capacity: 2}\n  a: {}\n", 4, "second time"),
        ("rooms: [\n", 2, "not YAML"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(BadInventoryFile) as raised:
        read(text, "rooms.yaml")
    assert raised.value.mistakes[0].line == line
    assert why in raised.value.mistakes[0].why


def test_offices_and_devices_that_are_not_so_are_all_named() -> None:
    text = (
        "version: 1\nrooms:\n  a: {name: A, office: xx, capacity: 2}\n"
        "  b: {name: B, office: ps, capacity: 2, devices: [ps-mt1, sl-mt1, ps-mt1, gone]}\n"
    )
    content, located = read(text, "rooms.yaml")
    found = list(mistakes_in(content, located, {"ps": 1}, DEVICES))
    assert [mistake.line for mistake in found] == [3, 4, 4, 4]
    assert "there is no office xx" in found[0].why
    assert "sl-mt1 stands in the office sl, not in ps" in found[1].why
    assert "a second time" in found[2].why
    assert "there is no device gone" in found[3].why
