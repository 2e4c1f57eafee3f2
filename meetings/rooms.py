"""Rooms of offices: what one is, and the YAML file that brings them. Decides nothing about the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inventory.public import Mistake, located_yaml, mistake_in_hours

Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
MOST_BYTES = 16 * 1024 * 1024
"""A larger file is refused before it is parsed: 10,000 rooms take about 2 MB."""

MOST_BUFFER_MIN = 240
Kind = Literal["room", "virtual", "kit", "recorder", "interpreter", "person"]


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as others see it.

    Attributes:
        code: Stable code, such as `ps-room`.
        name: What people call it.
        office: Code of its office.
        office_name: Name of its office.
        unit_name: Name of the office's unit.
        capacity: How many people it seats.
        devices: Codes of the devices that a meeting there needs, in their order.
        kind: What it is; people and interpreters are booked so that their time is not, twice.
        equipment: What is in it, in words of the programme such as `camera`.
        accessible: Whether a wheelchair gets in.
        approval: Whether its manager has to agree to each booking.
        manager: Sign-in name of who manages it.
        release_min: So many minutes after a meeting began it is given back, if nobody checked in; 0: never.
        before_min: Minutes that it needs to get ready for a meeting.
        after_min: Minutes that it needs after one.
        manager_name: What people call its manager; empty if it has none.
        hours: When it can be used, as hours of offices are written; empty: always.
        bookable_by: Roles and sign-in names of those who may book it; empty: who may book in its office. Its manager
            and who manages meetings there may in any case, at any hour.
    """

    code: str
    name: str
    office: str
    office_name: str
    unit_name: str
    capacity: int
    devices: tuple[str, ...]
    before_min: int = 0
    after_min: int = 0
    kind: Kind = "room"
    equipment: tuple[str, ...] = ()
    accessible: bool = False
    approval: bool = False
    manager: str = ""
    release_min: int = 0
    manager_name: str = ""
    hours: str = ""
    bookable_by: tuple[str, ...] = ()


class RoomEntry(BaseModel):
    """A room, as the file tells it."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    office: Code
    capacity: Annotated[int, Field(ge=1, le=100_000)]
    devices: tuple[Code, ...] = ()
    kind: Kind = "room"
    equipment: tuple[Code, ...] = ()
    accessible: bool = False
    approval: bool = False
    manager: Annotated[str, Field(max_length=64)] = ""
    release_min: Annotated[int, Field(ge=0, le=MOST_BUFFER_MIN)] = 0
    before_min: Annotated[int, Field(ge=0, le=MOST_BUFFER_MIN)] = 0
    after_min: Annotated[int, Field(ge=0, le=MOST_BUFFER_MIN)] = 0
    hours: str = ""
    bookable_by: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{1,31}$")], ...] = ()

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, value: str) -> str:
        if (why := mistake_in_hours(value)) is not None:
            raise ValueError(why)
        return value


class RoomsFile(BaseModel):
    """A whole file; codes are keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    rooms: dict[Code, RoomEntry] = Field(default_factory=dict)


def read(text: str, file: str) -> tuple[RoomsFile, located_yaml.Located]:
    """Return the file's content and where each thing stands in it.

    Args:
        text: The YAML.
        file: Its name, for messages.

    Raises:
        BadInventoryFile: With every mistake and its line.
    """
    return located_yaml.load(RoomsFile, text, file, most_bytes=MOST_BYTES)


def mistakes_in(
    content: RoomsFile, located: located_yaml.Located, offices: Mapping[str, object], devices: Mapping[str, str]
) -> Iterator[Mistake]:
    """Yield what the file says of offices and devices that is not so.

    Args:
        content: The file.
        located: Where each thing stands in it.
        offices: By code, those that exist.
        devices: Code of each existing device, with the code of its office.
    """
    for code, room in content.rooms.items():
        if room.office not in offices:
            line = located.line(("rooms", code, "office"))
            yield Mistake(line, f"rooms.{code}.office: there is no office {room.office}")
        for number, device in enumerate(room.devices):
            line, where = located.line(("rooms", code, "devices", number)), f"rooms.{code}.devices.{number}"
            if device not in devices:
                yield Mistake(line, f"{where}: there is no device {device}")
            elif devices[device] != room.office:
                yield Mistake(line, f"{where}: {device} stands in the office {devices[device]}, not in {room.office}")
            if device in room.devices[:number]:
                yield Mistake(line, f"{where}: {device} stands here a second time")
