"""What the pages say about playbook runs: their states, why they ended so, their devices, what they leave out.

Only the tables, and the sentence that is chosen from them; `api.web.words` says the rest in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from kernel.i18n import N_, Translator
from playbooks.public import RunState, RunView, Why

STATES: Final[Mapping[str, str]] = {
    "held": N_("Waits for a second technician"),
    "waiting": N_("Waits for a free worker"),
    "running": N_("Running"),
    "succeeded": N_("Done"),
    "failed": N_("Failed"),
    "cancelled": N_("Cancelled"),
    "timed-out": N_("Took too long"),
    "interrupted": N_("Interrupted"),
    "refused": N_("Did not begin"),
}

SHAPES: Final[Mapping[str, str]] = {
    "held": "waiting",
    "waiting": "waiting",
    "running": "running",
    "succeeded": "ok",
    "failed": "critical",
    "cancelled": "notice",
    "timed-out": "critical",
    "interrupted": "warning",
    "refused": "warning",
}
"""Shape and colour of a state."""

WHY: Final[Mapping[str, str]] = {
    "host-failed": N_("A task failed on a device; what comes after it was not done there. The red lines say which."),
    "host-unreachable": N_(
        "A device could not be reached over SSH, or did not let us in. "
        "Look at its power, its line and its SSH access, then launch again."
    ),
    "playbook-broken": N_("Ansible could not run the playbook. The log says why: tell whoever writes your playbooks."),
    "credential": N_("The credential {credential} cannot be used. Ask your administrator to set it again."),
    "no-targets": N_("Its devices cannot be let in to over SSH any more. Look at the office in the inventory."),
    "worker-died": N_(
        "Its worker died in the middle. Nobody knows what was done, so that nothing was done again by itself: "
        "a dry run shows what is left to do."
    ),
    "runner-died": N_(
        "Ansible stopped without saying how far it came. The log has what it said: a dry run shows what is left to do."
    ),
    "room-in-session": N_(
        "The room {room} came into session while it waited: {meeting}. Nothing was done. It may run from {until}."
    ),
}
"""Why a run ended as it did."""

HOSTS: Final[Mapping[str, str]] = {
    "waiting": N_("Not begun"),
    "running": N_("Running"),
    "ok": N_("No change"),
    "changed": N_("Changed"),
    "would-change": N_("Would change"),
    "failed": N_("Failed"),
    "unreachable": N_("Cannot be reached"),
    "unknown": N_("Not known how far"),
}

HOST_SHAPES: Final[Mapping[str, str]] = {
    "would-change": "changed",
    "failed": "critical",
    "unreachable": "critical",
}
"""Shape and colour of a device in a run, where it is not the code itself."""

LEFT_OUT: Final[Mapping[str, str]] = {"no-ssh": N_("not let in to over SSH: the inventory names no SSH access")}

RISKS: Final[Mapping[str, str]] = {"read-only": N_("Only reads"), "changing": N_("Changes devices")}
RISK_SHAPES: Final[Mapping[str, str]] = {"read-only": "notice", "changing": "changed"}

ACTIONS: Final[Mapping[str, str]] = {
    "playbook.launched": N_("launched a playbook"),
    "playbook.asked": N_("asked a second technician to let a playbook run"),
    "playbook.overridden": N_("let a playbook run although a room was in session"),
    "playbook.refused": N_("was refused a playbook"),
    "playbook.override-refused": N_("was refused to let a playbook run"),
    "playbook.cancelled": N_("ended a playbook before its time"),
    "playbook.ended": N_("recorded the end of a playbook"),
}
"""What somebody did, as the audit log has it, to follow a name."""

HELD: Final = N_("The room {room} is in session: {meeting}. A second technician can let this run before {until}.")
HELD_OVER: Final = N_("The room {room} is free since {until}. Launch it again.")
WAITING: Final = N_("It begins within seconds. If it does not, see the worker on the platform page.")
ENDING: Final = N_("{who} ends it. This takes a few seconds.")
RUNNING: Final = N_("Ansible is at work. What it says comes below, line by line.")
DRY_DONE: Final = N_("The dry run is over. Nothing was changed.")
DONE: Final = N_("All tasks were done on every device.")
CANCELLED_EARLY: Final = N_("{who} cancelled it before it began. Nothing was done.")
CANCELLED: Final = N_("{who} ended it. What was done until then stays.")
TIMED_OUT: Final = N_("It was ended after {limit}, the longest that it may take. What was done until then stays.")


class Told(NamedTuple):
    """How a run is: shape and colour, a word, and the sentence on what it waits for, or why it ended so."""

    shape: str
    word: str
    sentence: str


def told(t: Translator, run: RunView, now: datetime, limit: timedelta | None) -> Told:
    """Return how `run` is at `now`; `limit` is the longest that its playbook may take, if that is known."""
    return Told(SHAPES[run.state], t.gettext(STATES[run.state]), _sentence(t, run, now, limit))


def _sentence(t: Translator, run: RunView, now: datetime, limit: timedelta | None) -> str:  # noqa: PLR0911 - one a state
    match run.state:
        case RunState.HELD if run.held_until is not None:
            template = HELD if run.held_until > now else HELD_OVER
            return t.gettext(template, room=run.held_room, meeting=run.held_meeting, until=t.since(run.held_until, now))
        case RunState.RUNNING if run.cancelled_by:
            return t.gettext(ENDING, who=run.cancelled_by)
        case RunState.SUCCEEDED:
            return t.gettext(DRY_DONE if run.check else DONE)
        case RunState.CANCELLED:
            return t.gettext(CANCELLED if run.started_at else CANCELLED_EARLY, who=run.cancelled_by)
        case RunState.TIMED_OUT if limit is not None:
            return t.gettext(TIMED_OUT, limit=t.duration(limit))
        case RunState.WAITING | RunState.RUNNING:
            return t.gettext(WAITING if run.state is RunState.WAITING else RUNNING)
    return _why(t, run, now) if run.why in WHY else ""


def _why(t: Translator, run: RunView, now: datetime) -> str:
    known = {name: run.details.get(name, "?") for name in ("credential", "room", "meeting")}
    until = run.held_until if run.why is Why.ROOM_IN_SESSION else None
    return t.gettext(WHY[run.why], **known, until="?" if until is None else t.since(until, now))
