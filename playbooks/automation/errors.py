"""What can go wrong with playbooks, in words for the person who wants to run one."""

from __future__ import annotations

from datetime import datetime

from inventory.public import Mistake
from kernel.errors import BadInput, BadSetting, Conflict, Refused


class BadCatalog(BadSetting):
    """Raised at the start with every mistake found: no playbook is offered half."""

    code = "bad-catalog"
    message = "The playbook catalog has mistakes: {count}. The first is in {file}, line {line}: {why}"

    def __init__(self, mistakes: list[tuple[str, Mistake]]) -> None:
        self.mistakes = sorted(mistakes)
        file, first = self.mistakes[0]
        super().__init__(count=len(mistakes), file=file, line=first.line, why=first.why)


class BadArgument(BadInput):
    code = "bad-argument"
    message = "The argument {name} cannot be taken: {why}"


class NotForYourRole(Refused):
    code = "playbook-not-for-your-role"
    message = "The playbook {playbook} may not be run by your role. Ask your administrator."


class NoTargets(Conflict):
    code = "playbook-no-targets"
    message = "The office {office} has no device that is let in to over SSH. Add ssh to a device in the inventory file."


class SshKeyMissing(Conflict):
    code = "playbook-ssh-key-missing"
    message = "The credential {credential} of {device} is not set, or not for SSH. Ask your administrator to set it."


class HostKeyUnknown(Conflict):
    """Without it we would talk to whoever answers."""

    code = "playbook-host-key-unknown"
    message = "The SSH host key of {device} is not known. Add ssh.host_key to the device in the inventory file."


class OfficeBusy(Conflict):
    """One run an office at a time."""

    code = "playbook-office-busy"
    message = "{launcher} runs the playbook {playbook} at {office} since {since}. Wait for its end, or cancel it."

    def __init__(self, *, run: str, launcher: str, playbook: str, office: str, since: datetime) -> None:
        super().__init__(run=run, launcher=launcher, playbook=playbook, office=office, since=since)


class OfficeTakenMeanwhile(Conflict):
    code = "playbook-office-taken-meanwhile"
    message = "In this very moment another playbook was launched at {office}. Look at it, then repeat."


class RoomInSession(Conflict):
    """A change could cut the meeting off."""

    code = "playbook-room-in-session"
    message = (
        "The room {room} is in session: {meeting}. The playbook may run from {until}. "
        "A second technician can let it run before."
    )

    def __init__(self, *, room: str, meeting: str, until: datetime) -> None:
        self.until = until
        super().__init__(room=room, meeting=meeting, until=until)


class OverrideNotNeeded(Conflict):
    code = "playbook-override-not-needed"
    message = "Nothing stands in the way of this playbook now. Launch it."


class OverrideByTheLauncher(Refused):
    code = "playbook-override-by-the-launcher"
    message = "A second technician has to decide, not the one who wants the run."


class OverrideNotByAPerson(Refused):
    code = "playbook-override-not-by-a-person"
    message = "Only a technician who is signed in can let this run."


class OverrideWithoutReason(BadInput):
    code = "playbook-override-without-reason"
    message = "Give the reason. It is kept in the audit log."


class RunOver(Conflict):
    code = "playbook-run-over"
    message = "This run is over."


class RunNotHeld(Conflict):
    code = "playbook-run-not-held"
    message = "This run does not wait for anybody's word."
