"""The words for what is wrong with a line, in English: keys of their translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from inventory.exchange.faults import Fault
from kernel.i18n import N_

WORDS: Final[Mapping[str, str]] = {
    # the file
    "unreadable": N_("The file cannot be read as text. Save it from Excel as “CSV UTF-8”, then try again."),
    "broken-text": N_("From here on the text is not {encoding}. Save it from Excel as “CSV UTF-8”, then try again."),
    "old-font": N_(
        "The text is written in {encoding}, from the time before Unicode. Convert it to Unicode, for example with"
        " UniKey (Ctrl+Shift+F6), then try again."
    ),
    "workbook": N_("This is an Excel workbook or another program's file. Save it as “CSV UTF-8”, then try again."),
    "which-kind": N_("The columns fit several kinds of things. Say which kind the file holds."),
    "too-large": N_("The file is larger than {most} MB. Send it in parts."),
    "no-lines": N_("There is nothing in the file."),
    "no-code-column": N_("There is no column “code” in the first line. Known columns: {known}."),
    "no-key-column": N_("There is no column “{columns}” in the first line. Known columns: {known}."),
    "unknown-column": N_("Nobody knows the column “{column}”. Known columns: {known}."),
    "doubled-column": N_("The column “{column}” stands there twice."),
    "open-quote": N_("A quotation mark is opened here and never closed; what follows was not read."),
    "bad-quote": N_("The quotation marks are wrong here; what follows was not read."),
    "long-cell": N_("A cell has more than {most} letters. Is a quotation mark open? What follows was not read."),
    "zero-byte": N_("The line has a character that no text has (code 0)."),
    "cut-off": N_("The file ends in the middle of a line: was it sent whole?"),
    "too-many-cells": N_("The line has {cells} cells, and the first line only {columns}."),
    "yaml": N_("{why}"),
    # a cell
    "formula": N_("This is a formula: {value}. Put the value itself there."),
    "excel-error": N_("Excel could not compute this: {value}. Put the value itself there."),
    "not-a-date": N_("This is no date: {value}. Write 24/11/2026 or 2026-11-24."),
    "short-year": N_("Write the year with four digits: {value}."),
    "not-a-number": N_("This is no number: {value}."),
    "rounded-number": N_("Excel has rounded this number: {value}. Format the column as a number, with all digits."),
    "missing": N_("This has to be filled in."),
    "too-long": N_("This is too long; at most {most} letters."),
    "not-one-of": N_("“{value}” is none of: {known}."),
    "not-a-code": N_("“{value}” is no code: small letters a to z, digits and hyphens, at most 63."),
    "not-its-code": N_("“{value}” does not say which it is: write it as {key}."),
    "not-an-address": N_("“{value}” is no IP address."),
    "out-of-range": N_("{value} is too small or too large: {why}."),
    "unknown-field": N_("Nobody knows this field."),
    "wrong": N_("{why}"),
    # what it says
    "doubled": N_("{code} stands here a second time; first in line {first}."),
    "nothing-there": N_("Among the {target} that you may change there is no {value}, and none in this file."),
    "no-such-profile": N_("There is no profile {value}. Known: {known}."),
    "no-such-level": N_("There is no level {value}."),
    "taken": N_("The code {code} is taken by something that you may not change."),
    "not-the-whole-tree": N_("Only who may change the whole tree may change this."),
    "not-covered": N_("Name at least one line or device that it covers, of those that you may change."),
    "bad-move": N_("It is {now}. From there it may become: {then}."),
    "not-theirs-to-name": N_(
        "The credential {value} does not hold there: leave it empty, or ask somebody who sets credentials there."
    ),
    "address-taken": N_("{address} port {port} is asked at {other} already."),
    "circle": N_("It would lie below itself: {circle}."),
    "wrong-level": N_("{parent} is a {parent_level}: a {level} cannot lie below it."),
    "outside-its-parent": N_("{parent} does not exist at the time of this unit."),
    "ends-before-it-begins": N_("It ends before it begins."),
    "not-there-then": N_("There is no unit {unit} on that day."),
    "unit-ended": N_("{unit} has ended and became {heirs}: name the one."),
    "ended-for-good": N_("{unit} has ended, and nobody says what became of it."),
    "has-a-history": N_("This unit was renamed, moved or ended here since. Change it by a reorganisation."),
    "end-by-reorganisation": N_("A unit is ended by a reorganisation, which says what becomes of its offices."),
    "still-needed": N_("It cannot be removed: {what} still refer to it."),
    "overlap": N_("{thing} has a contract of this kind at that time already: {other}."),
    "line-circle": N_("The lines would go in a circle: {circle}."),
    "too-many-lines-with-parent": N_("More than {most} lines name a device at the other end. Send them in parts."),
}


def in_english(wrong: Fault) -> str:
    """Return the words for commands and programs."""
    said = WORDS[wrong.code].format(**wrong.details)
    return f"{wrong.field}: {said}" if wrong.field else said
