"""What personal data is kept for, and for how long, as sentences that can be said in another language.

The tables say it themselves, in English (`kernel.personal`); a test holds these lists to them.
"""

from __future__ import annotations

from typing import Final

from kernel.i18n import N_

PURPOSES: Final = (
    N_("Sign-in, and who did what"),
    N_("What colleagues call the person"),
    N_("Proves who signs in"),
    N_("Who works on it"),
    N_("Who took it or gave it back"),
    N_("Whose program it is"),
    N_("Who did what"),
    N_("Who did it"),
    N_("Sign-in by the organisation's account"),
    N_("Whom to ask about the meeting"),
    N_("Who attended an official meeting"),
    N_("Whom to reach at an office"),
    N_("Who ran it"),
    N_("Who sent a file"),
    N_("Who planned it"),
    N_("Who accepted or refused it"),
    N_("Who booked it for the organiser"),
    N_("Who attends for an office"),
    N_("In whose place a deputy attends"),
    N_("Who wrote it down"),
    N_("Who let it run"),
    N_("Who ended it"),
    N_("Second factor"),
    N_("Who proposed it"),
    N_("Who gave it"),
    N_("Who took it away"),
    N_("Whose session it is"),
    N_("Lets people see a session not theirs"),
    N_("Who approved it"),
    N_("Who made it"),
    N_("Who paused it"),
    N_("Who set it"),
    N_("With whose rights it runs"),
)

KEPT: Final = (
    N_("as long as the account"),
    N_("as long as the alert"),
    N_("a week"),
    N_("as long as the delivery"),
    N_("as long as the fact"),
    N_("as long as the record"),
    N_("as long as the event"),
    N_("as long as the meeting"),
    N_("as long as the series"),
    N_("365 days after the meeting"),
    N_("as long as they are to be reached there"),
    N_("as long as the run"),
    N_("until it is used"),
    N_("until it is replaced"),
    N_("as long as the reorganisation"),
    N_("as long as the grant"),
    N_("as long as the session: at most a week"),
    N_("as long as the receiver"),
    N_("as long as the schedule"),
    N_("as long as the webhook"),
    N_("as long as the window"),
)

ERASED: Final = {
    "pseudonym": N_("a pseudonym in its place"),
    "empty": N_("nothing in its place"),
    "row": N_("the whole entry goes"),
}
