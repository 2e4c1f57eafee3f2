"""What the pages say about rollouts: their waves, their devices, and each guard by its name, to the one who waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kernel.errors import VungCaoError
from kernel.i18n import N_, Translator
from playbooks.public import Hindrance, PlannedWave

WAVE_STATES: Final[Mapping[str, str]] = {
    "planned": N_("Not begun"),
    "waiting": N_("Waits"),
    "running": N_("Running"),
    "soaking": N_("Watched"),
    "passed": N_("Passed"),
    "stopped": N_("Stopped"),
    "interrupted": N_("Interrupted"),
}
WAVE_SHAPES: Final[Mapping[str, str]] = {
    "planned": "unknown",
    "waiting": "waiting",
    "running": "running",
    "soaking": "waiting",
    "passed": "ok",
    "stopped": "warning",
    "interrupted": "warning",
}

HOSTS: Final[Mapping[str, str]] = {
    "waiting": N_("Not begun"),
    "running": N_("Running"),
    "done": N_("No change"),
    "changed": N_("Changed"),
    "would-change": N_("Would change"),
    "failed": N_("Failed"),
    "unreachable": N_("Cannot be reached"),
    "interrupted": N_("Interrupted"),
    "expired": N_("Not seen in time"),
    "left": N_("Left out at the end"),
}
HOST_SHAPES: Final[Mapping[str, str]] = {
    "waiting": "waiting",
    "running": "running",
    "done": "ok",
    "changed": "changed",
    "would-change": "changed",
    "failed": "critical",
    "unreachable": "warning",
    "interrupted": "warning",
    "expired": "unknown",
    "left": "unknown",
}
"""A device in a run: word, and shape with colour."""

CHOICES: Final[Mapping[str, str]] = {**HOSTS, "done": N_("Done")}
"""The same to choose by: what is done may have changed something or not."""

PRIORITIES: Final[Mapping[str, str]] = {
    "security": N_("Security"),
    "meeting": N_("Meetings"),
    "routine": N_("Routine"),
}

HINDRANCES: Final[Mapping[str, str]] = {
    "room-in-session": N_("The room {room} is in session: {meeting}."),
    "blackout": N_("No change is allowed now: {title}."),
    "outside-window": N_("It waits for a maintenance window, and none is open."),
    "approval": N_("A second person has to approve it."),
    "another-run": N_("Another playbook has these devices: {playbook}, launched by {launcher}."),
    "capacity": N_("The workers are busy with other playbooks."),
    "unreachable": N_("The devices do not answer. They are tried again when they are seen."),
    "soaking": N_("The wave is over, and its devices are watched before the next one begins."),
}
AHEAD: Final = N_("The next one: {title}.")

DONE: Final = N_("{count} done")
FAILED: Final = N_("{count} failed")
NOT_REACHED: Final = N_("{count} not reached")
INTERRUPTED: Final = N_("{count} interrupted")
AT_WORK: Final = N_("{count} running")


@dataclass(frozen=True, slots=True)
class Barrier:
    """A guard as a reader sees it: shape, sentence, until when, and how many devices it holds up."""

    kind: str
    sentence: str
    until: str
    devices: int
    may_override: bool


def barrier(t: Translator, found: Hindrance, now: datetime, titles: Mapping[str, str]) -> Barrier:
    """Return a hindrance in words; `titles` names playbooks."""
    known: dict[str, object] = dict.fromkeys(("room", "meeting", "title", "playbook", "launcher"), "?")
    fields = known | dict(found.fields)
    fields["playbook"] = titles.get(str(fields["playbook"]), fields["playbook"])
    fields["launcher"] = fields.get("launcher_name", fields["launcher"])
    sentence = t.gettext(HINDRANCES[found.kind], **fields) if found.kind in HINDRANCES else str(found.kind)
    if found.kind == "outside-window" and found.fields.get("title"):
        sentence = f"{sentence} {t.gettext(AHEAD, title=found.fields['title'])}"
    until = t.since(found.until, now) if found.until is not None else ""
    return Barrier(str(found.kind), sentence, until, found.devices, found.may_override)


def wave_title(t: Translator, number: int, kind: str, devices: int) -> str:
    """Return what a wave is called: the canary by name, the others by number, with their size."""
    size = t.ngettext("{count} device", "{count} devices", devices)
    if kind == "canary":
        return t.gettext("Trial: {size}", size=size)
    if kind == "lane":
        return t.gettext("Tried again: {size}", size=size)
    return size if kind == "all" else t.gettext("Wave {number}: {size}", number=number, size=size)


def planned(t: Translator, wave: PlannedWave, soak_s: int, *, last: bool) -> tuple[str, str]:
    """Return the title of a wave that is only planned, and what comes after it."""
    title = wave_title(t, wave.number, str(wave.kind), len(wave.members))
    if last:
        return title, t.gettext("then it is over")
    if not soak_s:
        return title, t.gettext("then the next one at once")
    return title, t.gettext("then watched for {duration}", duration=t.duration(timedelta(seconds=soak_s)))


def refusal(t: Translator, error: VungCaoError, titles: Mapping[str, str]) -> str:
    """Return why something is refused, with the titles of playbooks where the error has their names."""
    fields: dict[str, object] = dict(error.fields)
    if "playbook" in fields:
        fields["playbook"] = titles.get(str(fields["playbook"]), fields["playbook"])
    for name in ("kind", "what", "why"):
        if isinstance(value := fields.get(name), str):
            fields[name] = t.gettext(value)
    return t.gettext(type(error).message, **fields)
