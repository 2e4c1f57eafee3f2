"""May a playbook run at an office now, and if not, why, and when? Pure: what is in session is told, not asked.

Only what changes something is held up. A dry run and a read-only playbook cost the line little and cannot cut it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SessionNotice:
    """A room of an office is in session, or about to be.

    Attributes:
        room: Name of the room.
        meeting: Title of the meeting.
        until: When it ends (aware UTC).
    """

    room: str
    meeting: str
    until: datetime


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
