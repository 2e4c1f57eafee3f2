"""What the pages call checks of services, what is wrong with a service, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from inventory.public import CheckView
from kernel.i18n import N_, Translator
from monitor.public import CheckLive, State

KINDS: Final[Mapping[str, str]] = {
    "tcp": N_("TCP port"),
    "http": N_("Web page"),
    "tls": N_("TLS certificate"),
    "dns": N_("Domain names (DNS)"),
    "ntp": N_("Time (NTP)"),
}

FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "no-answer": (
        N_("The service does not answer."),
        N_("See whether the device itself answers. If it does, start the service, or let it through the firewall."),
    ),
    "refused": (
        N_("The device is there, but refuses."),
        N_("Start the service, correct the port of the check, or let the platform's address in."),
    ),
    "no-tls": (
        N_("Something answers, but does not speak TLS as it should."),
        N_("Correct the port of the check, or switch TLS on in the service."),
    ),
    "expired": (
        N_("A certificate is not valid today."),
        N_("Renew the certificate that is marked below, and let the service load it."),
    ),
    "wrong-name": (
        N_("The certificate is for another name."),
        N_("Get a certificate for this name, or correct the name in the check."),
    ),
    "self-signed": (
        N_("Nobody vouches for the certificate: it is signed by itself."),
        N_("Get one from an authority that browsers know, or add the organisation's own authority to this machine."),
    ),
    "incomplete": (
        N_("The chain is not complete: the service does not show the certificate of who has signed the last one."),
        N_("Let the service send its intermediate certificates too (the file often called fullchain)."),
    ),
    "untrusted": (
        N_("The certificate is not trusted."),
        N_("See below which one it is. Browsers and meeting rooms refuse it, too."),
    ),
    "wrong-answer": (
        N_("The service answers, but not what it should."),
        N_("See what it found below. Look into the service's own log, or correct what the check expects."),
    ),
    "wrong-time": (
        N_("The clock of the service is wrong, or it has no time itself."),
        N_("Give it a time server that it reaches, and see whether it follows it."),
    ),
}
UNKNOWN_FAULT: Final = (N_("The check failed."), N_("See what it found below."))

CERTIFICATES: Final[Mapping[str, tuple[State, str]]] = {
    "": ("ok", N_("in order")),
    "expired": ("critical", N_("has ended")),
    "not-yet": ("critical", N_("not valid yet")),
    "wrong-name": ("critical", N_("for another name")),
    "self-signed": ("critical", N_("signed by itself")),
    "issuer-missing": ("critical", N_("who has signed it is not shown, and not known here")),
    "out-of-order": ("warning", N_("not signed by the next one")),
    "unreadable": ("critical", N_("cannot be read")),
}


class CheckWords:
    """The words, bound to one reader's language."""

    def __init__(self, t: Translator) -> None:
        self.t = t

    def kind(self, code: str) -> str:
        """Return what a check asks."""
        return self.t.gettext(KINDS[code])

    def asked(self, check: CheckView) -> str:
        """Return where it asks, and for what: the same in every language."""
        name = check.name or check.device
        match check.kind:
            case "http":
                return f"{'https' if check.secure else 'http'}://{name}:{check.port}{check.path}"
            case "dns":
                return f"{check.record} {check.name}"
            case _:
                return f"{name}:{check.port}"

    def answer(self, check: CheckView, live: CheckLive | None) -> str:
        """Return in one sentence how it is."""
        if not check.every_s:
            return self.t.gettext("It is switched off, and not made any more.")
        if live is None:
            return self.t.gettext("It was not made yet, or is another place's: {place}.", place=check.place)
        return self.t.gettext("It passed.") if live.ok else self.fault(live.fault)[0]

    def fault(self, code: str) -> tuple[str, str]:
        """Return what is wrong, and what to do."""
        happened, to_do = FAULTS.get(code, UNKNOWN_FAULT)
        return self.t.gettext(happened), self.t.gettext(to_do)

    def certificate(self, wrong: str) -> tuple[State, str]:
        """Return the shape and the words for what is wrong with a certificate."""
        state, said = CERTIFICATES.get(wrong, ("critical", wrong))
        return state, self.t.gettext(said)


def state_of(check: CheckView, live: CheckLive | None) -> State:
    """Return how a check is: what fails is a warning, as its alert is."""
    if live is None or not check.every_s:
        return "unknown"
    return "ok" if live.ok else "warning"
