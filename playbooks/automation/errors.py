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


class InBlackout(Conflict):
    code = "playbook-in-blackout"
    message = "No change may be made now: {title}, until {until}. Launch it as a rollout, which waits."


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


class OwnerGone(Conflict):
    """A schedule or a webhook runs with the rights of a person who has none any more."""

    code = "playbook-owner-gone"
    message = "The account of {owner} is disabled or gone, and this ran with its rights. Make it anew as yourself."


class NoTargetsAtAll(Conflict):
    code = "playbook-no-targets-at-all"
    message = "No device that is meant, and where you may run playbooks, can be let in to over SSH."


class TooManyTargets(BadInput):
    code = "playbook-too-many-targets"
    message = "More than {most} devices are meant. Name a smaller unit, or fewer of them."


class NothingMeant(BadInput):
    code = "playbook-nothing-meant"
    message = "Say which devices are meant: a unit, an office, a level, a role, a profile, or devices by their codes."


class NeedsApproval(Conflict):
    code = "playbook-needs-approval"
    message = "The playbook {playbook} is run for real with a second person's approval only. Launch it as a rollout."


class ApprovalByTheLauncher(Refused):
    code = "playbook-approval-by-the-launcher"
    message = "A second person has to approve, not the one who launched it."


class ApprovalNotByAPerson(Refused):
    code = "playbook-approval-not-by-a-person"
    message = "Only a person who is signed in can approve a run."


class RunNotProposed(Conflict):
    code = "playbook-run-not-proposed"
    message = "This run does not wait for approval."


class RunNotGoing(Conflict):
    code = "playbook-run-not-going"
    message = "This run is not one that can be paused now."


class RunNotPaused(Conflict):
    code = "playbook-run-not-paused"
    message = "This run is neither paused nor stopped."


class NothingToOverride(Conflict):
    code = "playbook-nothing-to-override"
    message = "Nothing holds this run up that two people could do away with."


class RunNotOver(Conflict):
    code = "playbook-run-not-over"
    message = "This run is not over yet. Wait for its end, or cancel it."


class NothingToRetry(Conflict):
    code = "playbook-nothing-to-retry"
    message = "Every device of this run was done well."


class NothingToUndo(Conflict):
    code = "playbook-nothing-to-undo"
    message = "There is nothing to undo: {why}"
