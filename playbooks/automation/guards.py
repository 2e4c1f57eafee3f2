"""May a playbook run now, and if not, why, and when? Pure: what is in session or open is told, not asked.

Only what changes something is held up by meetings and windows. A dry run and a read-only playbook cost the line little
and cannot cut it. Every guard names itself to the person who waits.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from inventory.public import Opening, WindowKind, next_open, now_open


@dataclass(frozen=True, slots=True)
class SessionNotice:
    """A room of an office is in session, or about to be.

    Attributes:
        room: Name of the room.
        meeting: Title of the meeting.
        until: When it ends (aware UTC).
        office: Code of the room's office.
    """

    room: str
    meeting: str
    until: datetime
    office: str = ""


class HindranceKind(StrEnum):
    """What holds a run up. Stored with runs: add, never rename."""

    ROOM_IN_SESSION = "room-in-session"
    BLACKOUT = "blackout"
    OUTSIDE_WINDOW = "outside-window"
    APPROVAL = "approval"
    ANOTHER_RUN = "another-run"
    CAPACITY = "capacity"
    UNREACHABLE = "unreachable"
    SOAKING = "soaking"


MAY_OVERRIDE: Final = frozenset({HindranceKind.ROOM_IN_SESSION, HindranceKind.BLACKOUT, HindranceKind.OUTSIDE_WINDOW})
"""What two people together may do away with in an emergency. The others are no opinion."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a run does not go on now.

    Attributes:
        kind: Which guard.
        until: From then on it does not stand in the way any more, as far as is known; None: nobody knows.
        devices: How many devices it holds up.
        fields: What the guard says more: names of rooms, windows, runs, people.
    """

    kind: HindranceKind
    until: datetime | None = None
    devices: int = 0
    fields: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def may_override(self) -> bool:
        """Whether two people together may do away with it."""
        return self.kind in MAY_OVERRIDE

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored with a run."""
        until = self.until.isoformat() if self.until else None
        return {"kind": str(self.kind), "until": until, "devices": self.devices, "fields": dict(self.fields)}

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> Hindrance:
        """Return what `as_json` gave."""
        until = datetime.fromisoformat(stored["until"]) if stored["until"] else None
        return cls(HindranceKind(stored["kind"]), until, stored["devices"], stored["fields"])


def of_device(
    sessions: Sequence[SessionNotice], times: list[Opening], *, only_in_windows: bool, at: datetime
) -> Hindrance | None:
    """Return why a change may not begin on one device at `at`; None if it may.

    Args:
        sessions: Rooms in session, or about to be, at its office and at those behind it.
        times: When windows over it are open.
        only_in_windows: Whether it may be changed in maintenance only.
        at: Now (aware UTC).
    """
    held = hold(sessions, changes=True, overridden=False, at=at)
    if held is not None:
        notice = held.notice
        fields: dict[str, str | int] = {"room": notice.room, "meeting": notice.meeting, "office": notice.office}
        return Hindrance(HindranceKind.ROOM_IN_SESSION, held.until, 1, fields)
    blackout = now_open(times, WindowKind.BLACKOUT, at)
    if blackout is not None:
        return Hindrance(HindranceKind.BLACKOUT, blackout.ends_at, 1, {"title": blackout.title})
    if only_in_windows and now_open(times, WindowKind.MAINTENANCE, at) is None:
        ahead = next_open(times, WindowKind.MAINTENANCE, at)
        title, begin = (ahead.title, ahead.starts_at) if ahead else ("", None)
        return Hindrance(HindranceKind.OUTSIDE_WINDOW, begin, 1, {"title": title})
    return None


def gathered(found: Collection[Hindrance]) -> list[Hindrance]:
    """Return each different hindrance once, with how many devices it holds up; what holds up most comes first."""
    by_cause: dict[tuple[Any, ...], list[Hindrance]] = {}
    for one in found:
        by_cause.setdefault((one.kind, one.until, tuple(sorted(one.fields.items()))), []).append(one)
    merged = [
        Hindrance(same[0].kind, same[0].until, sum(one.devices for one in same), same[0].fields)
        for same in by_cause.values()
    ]
    return sorted(merged, key=lambda one: (-one.devices, one.kind))


@dataclass(frozen=True, slots=True)
class Held:
    """Why a change may not run now, and when it may.

    Attributes:
        notice: The session that ends last.
        until: From then on nothing that is known now stands in the way (aware UTC).
    """

    notice: SessionNotice
    until: datetime


def hold(sessions: Sequence[SessionNotice], *, changes: bool, overridden: bool, at: datetime) -> Held | None:
    """Return why the run may not begin at `at`; None if it may.

    Args:
        sessions: Rooms of the office in session at `at`; may be empty.
        changes: Whether the run changes anything.
        overridden: Whether a second person let it run.
        at: Now (aware UTC).
    """
    present = [session for session in sessions if session.until > at]
    if not changes or overridden or not present:
        return None
    last = max(present, key=lambda session: (session.until, session.room))
    return Held(last, last.until)


def may_decide(launcher: uuid.UUID | None, decider: uuid.UUID | None) -> bool:
    """Return whether `decider` is a person, and another one than `launcher`."""
    return decider is not None and decider != launcher
