"""What can go wrong with the inventory, in words for the person who has to mend it."""

from __future__ import annotations

from typing import NamedTuple

from kernel.errors import BadInput, Conflict, NotSignedIn, Refused, VungCaoError


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
