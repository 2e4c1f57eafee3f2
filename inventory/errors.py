"""What can go wrong with the inventory, in words for the person who has to mend it."""

from __future__ import annotations

from typing import NamedTuple

from kernel.errors import BadInput, Conflict, NotSignedIn, Refused, Unavailable, VungCaoError


class Mistake(NamedTuple):
    """One mistake in a file: the line (from 1; 0 if it has none) and what is wrong there."""

    line: int
    why: str


class BadInventoryFile(BadInput):
    """Raised with every mistake found; nothing of the file was loaded."""

    code = "bad-inventory-file"
    message = "{file} was not loaded. Mistakes: {count}. The first is in line {line}: {why}"

    def __init__(self, file: str, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes)
        first = self.mistakes[0]
        super().__init__(file=file, count=len(mistakes), line=first.line, why=first.why)


class PackageMissing(Unavailable):
    """The data of an optional package is needed."""

    code = "package-missing"
    message = "The package vietnamadminunits cannot be read: {why}"


class ChangedMeanwhile(Conflict):
    """Somebody else was quicker: who edits says which state they saw, and it is another now."""

    code = "changed-meanwhile"
    http_status = 412


class CredentialInUse(Conflict):
    """Devices would not be let in to any more."""

    code = "credential-in-use"
    message = "The credential {credential} is in use. Take it away from its places and devices first."


class CodeTaken(Conflict):
    """Two things of one kind cannot share a code."""

    code = "code-taken"
    message = "There is a {kind} {code} already. Choose another code."


class ContractOverlaps(Conflict):
    """Of one kind there is one contract at a time for each line and device."""

    code = "contract-overlaps"
    message = "What the contract {code} covers has a contract of this kind at that time already."


class KitForAnother(Conflict):
    """For each kind of office and level there is one kit."""

    code = "kit-for-another"
    message = "The kit {kit} is for this kind of office and level already. Give that one a new version."


class KitVersionBegun(Conflict):
    """What an office had to have on a day of the past stays what it was."""

    code = "kit-version-begun"
    message = "A version of the kit {kit} from {day} on would rewrite the past. Let it begin today or later."


class DeliveryOver(Conflict):
    """A piece is accepted or refused once, and after it arrived."""

    code = "delivery-over"
    message = "This cannot be done any more, or not yet: it is {state}."


class SerialDiffers(Conflict):
    """What came is not what was written down."""

    code = "serial-differs"
    message = "The device {device} was written down with the serial number {known}. Look at it again, or refuse it."


class SerialTaken(Conflict):
    """A maker gives a number once."""

    code = "serial-taken"
    message = "The serial number {serial} is that of the device {device} already."


class BadMove(Conflict):
    """A device goes through its life step by step."""

    code = "bad-move"
    message = "The device {device} is {now}. From there it may become: {then}."


class BadReorganisation(BadInput):
    """Raised with every mistake found; nothing was changed. A mistake's line is the number of its operation."""

    code = "bad-reorganisation"
    message = "This reorganisation cannot be done. Mistakes: {count}. The first is in operation {number}: {why}"

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes)
        first = self.mistakes[0]
        super().__init__(count=len(mistakes), number=first.line, why=first.why)


class ReorganisationOver(Conflict):
    """What is over is not changed."""

    code = "reorganisation-over"
    message = "The reorganisation “{title}” is {state} already."


class WrongPassword(NotSignedIn):
    """The same for an unknown name, a wrong password and a disabled account: a stranger learns nothing."""

    code = "wrong-password"
    message = "The name or the password is wrong."


class ExampleAccountElsewhere(Refused):
    """Their password is published."""

    code = "example-account-elsewhere"
    message = "The example accounts sign in only from the machine that runs the platform."


class NameTaken(Conflict):
    """Two people cannot share a sign-in name."""

    code = "name-taken"
    message = "There is an account named {name} already. Choose another name."


class BadName(BadInput):
    """What was typed cannot be a sign-in name."""

    code = "bad-name"
    message = "A name for sign-in has 2 to 32 characters: small letters a to z, digits, dot, hyphen; a letter first."


class WeakPassword(BadInput):
    """Length counts, not kinds of characters."""

    code = "weak-password"
    message = "This password is too easy to guess. Take at least {least} characters; not your name, not a few repeated."


class SetupLinkOver(VungCaoError):
    """Used, too old, or there is an administrator already."""

    code = "setup-link-over"
    http_status = 410
    message = "This link has been used or is too old. Without an administrator, each start prints a new one."


class GrantOver(Conflict):
    """What has ended cannot be taken away."""

    code = "grant-over"
    message = "This grant has ended already."


class LastAdministrator(Conflict):
    """Nobody would be left who can let others in."""

    code = "last-administrator"
    message = "This is the last administrator of the whole tree. Make another one first."


class TokenTooWide(BadInput):
    """A program may never do more than who answers for it."""

    code = "token-too-wide"
    message = "The token would allow what you may not do there yourself: {permissions}."


class WrongCode(NotSignedIn):
    """The same for a wrong, an old and a used code."""

    code = "wrong-code"
    message = "The code is wrong, too old or was used already. Wait for the next one."


class ProviderRefused(NotSignedIn):
    """The organisation's own sign-in said no, or the account here is disabled: a stranger learns no more."""

    code = "provider-refused"
    message = "{provider} did not let you in. Try again, or sign in with an account of the platform."


class ProviderNotBelieved(ProviderRefused):
    """Signature, issuer, audience, nonce or time are not what they must be."""

    code = "provider-not-believed"
    message = "What {provider} said was not meant for us, or not for this time. Try again."


class ProviderUnclear(ProviderRefused):
    """It is set up wrongly, here or there."""

    code = "provider-unclear"
    message = "The answer of {provider} cannot be understood. Tell your administrator."


class TripOver(ProviderRefused):
    """A browser comes back once, and it is the one that went."""

    code = "trip-over"
    message = "This sign-in was begun elsewhere, too long ago, or is over already. Begin again."


class AccountNotErasable(Conflict):
    """Somebody who can still act is not erased."""

    code = "account-not-erasable"
    message = "The account {name} is still enabled. Disable it first."
