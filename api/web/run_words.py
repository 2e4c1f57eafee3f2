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
    "proposed": N_("Waits for approval"),
    "paused": N_("Paused"),
    "stopped": N_("Stopped by itself"),
    "partly": N_("Done in part"),
    "expired": N_("Nobody approved it in time"),
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
    "proposed": "waiting",
    "paused": "waiting",
    "stopped": "warning",
    "partly": "warning",
    "expired": "unknown",
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
    "too-many-failed": N_(
        "{failed} of {of} devices of the wave failed, more than {limit} in a hundred. "
        "No further wave begins by itself: look at the errors, then resume or cancel."
    ),
    "health": N_("After the wave something got worse: {alerts}. No further wave begins by itself: look, then decide."),
    "meeting-hurt": N_("After the wave a meeting was hurt: {alerts}. No further wave begins by itself."),
    "wave-interrupted": N_(
        "A worker died in the middle of a wave. Its devices are marked: nobody knows what was done there. "
        "Look at them, then resume or cancel."
    ),
    "playbook-changed": N_(
        "The playbooks were changed while it went on. Whoever resumes it takes them as they are now."
    ),
    "blackout": N_("No change is allowed now: {title}. Nothing was done: launch it again when that is over."),
    "time-limit": N_("A wave took longer than it may, and was ended. Look at its devices, then resume or cancel."),
    "office-busy": N_("Another playbook had its office for too long. Launch it again."),
    "nobody-approved": N_("Nobody approved it in time. Nothing was done."),
    "not-approved": N_("{by} did not approve it: {reason}"),
    "hosts-left": N_("Some devices are not done. The grid says which; they can be tried again."),
    "room-in-session": N_(
        "The room {room} came into session while it waited: {meeting}. Nothing was done. It may run from {until}."
    ),
}
"""Why a run ended as it did."""

LEFT_OUT: Final[Mapping[str, str]] = {
    "no-ssh": N_("not let in to over SSH: the inventory names no SSH access"),
    "no-key": N_("its SSH key is not set"),
    "no-host-key": N_("its SSH host key is not known: we could not tell it from somebody who answers in its place"),
    "not-active": N_("not in service"),
    "unknown": N_("not there, or not where you may run playbooks"),
}

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
    "playbook.proposed": N_("asked for approval of a playbook"),
    "playbook.approved": N_("approved a playbook"),
    "playbook.approve-refused": N_("was refused to approve a playbook"),
    "playbook.refuse-refused": N_("was refused to refuse a playbook"),
    "playbook.pause-refused": N_("was refused to pause a playbook"),
    "playbook.resume-refused": N_("was refused to let a playbook go on"),
    "playbook.retry-refused": N_("was refused to try a playbook again"),
    "playbook.undo-refused": N_("was refused to take a playbook back"),
    "playbook.paused": N_("paused a playbook"),
    "playbook.resumed": N_("let a playbook go on"),
    "playbook.stopped": N_("recorded that a playbook stopped by itself"),
    "playbook.wave-ended": N_("recorded the end of a wave"),
    "playbook.wave-interrupted": N_("recorded that a worker died in a wave"),
    "playbook.expired": N_("recorded that a playbook was not approved in time"),
    "device.played": N_("recorded what a playbook did to a device"),
    "schedule.made": N_("made a schedule"),
    "schedule.paused": N_("paused a schedule"),
    "schedule.resumed": N_("resumed a schedule"),
    "schedule.ended": N_("ended a schedule"),
    "schedule.missed": N_("recorded times of a schedule that were missed"),
    "schedule.refused": N_("recorded that a scheduled playbook was refused"),
    "hook.made": N_("made a webhook that launches"),
    "hook.ended": N_("ended a webhook that launches"),
    "hook.called": N_("recorded a webhook's call"),
    "receiver.added": N_("had an address told of runs"),
    "receiver.ended": N_("ended telling an address of runs"),
    "window.set": N_("set a window"),
    "window.ended": N_("ended a window"),
}
"""What somebody did, as the audit log has it, to follow a name."""

HELD: Final = N_("The room {room} is in session: {meeting}. A second technician can let this run before {until}.")
HELD_OVER: Final = N_("The room {room} is free since {until}. Launch it again.")
PROPOSED: Final = N_("It begins when a second person has approved it, until {until}.")
PAUSED: Final = N_("{who} paused it: no further wave begins until somebody resumes it.")
PAUSING: Final = N_("{who} paused it: this wave is ended, and no further one begins.")
ROLLOUT_WAITING: Final = N_("It goes on by itself when nothing stands in its way.")
ROLLOUT_RUNNING: Final = N_("Ansible is at work. The next wave begins by itself if this one goes well.")
SOAKING: Final = N_("The wave is over. Its devices are watched before the next one begins.")
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
        case RunState.PROPOSED if run.approve_by is not None:
            return t.gettext(PROPOSED, until=t.since(run.approve_by, now))
        case RunState.RUNNING if run.cancelled_by:
            return t.gettext(ENDING, who=run.cancelled_by_name)
        case RunState.RUNNING | RunState.WAITING if run.paused_by:
            return t.gettext(PAUSING, who=run.paused_by_name)
        case RunState.PAUSED:
            return t.gettext(PAUSED, who=run.paused_by_name or "?")
        case RunState.SUCCEEDED:
            return t.gettext(DRY_DONE if run.check else DONE)
        case RunState.CANCELLED:
            return t.gettext(CANCELLED if run.started_at else CANCELLED_EARLY, who=run.cancelled_by_name)
        case RunState.TIMED_OUT if limit is not None:
            return t.gettext(TIMED_OUT, limit=t.duration(limit))
        case RunState.WAITING | RunState.RUNNING:
            return t.gettext(_going(run))
    return _why(t, run, now) if run.why in WHY else ""


def _going(run: RunView) -> str:
    if not run.rollout:
        return WAITING if run.state is RunState.WAITING else RUNNING
    if run.state is RunState.RUNNING:
        soaking = any(str(wave.state) == "soaking" for wave in run.waves)
        return SOAKING if soaking else ROLLOUT_RUNNING
    return ROLLOUT_WAITING if run.hindrances else WAITING


def _why(t: Translator, run: RunView, now: datetime) -> str:
    names = ("credential", "room", "meeting", "failed", "of", "by", "reason", "title")
    known: dict[str, object] = {name: run.details.get(name, "?") for name in names}
    known["limit"] = run.details.get("limit_percent", "?")
    known["alerts"] = _alerts(run.details.get("alerts"))
    until = run.held_until if run.why is Why.ROOM_IN_SESSION else None
    return t.gettext(WHY[run.why], **known, until="?" if until is None else t.since(until, now))


def _alerts(found: object) -> str:
    """Return alerts as devices and rules; a reader who may not see them is told so by dots."""
    if not isinstance(found, list) or not found:
        return "…"
    return ", ".join(f"{one.get('device', '?')} ({one.get('rule', '?')})" for one in found if isinstance(one, dict))
