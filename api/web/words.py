"""What the pages say about rules, states, outcomes and values: one sentence for each, in the reader's language.

Everything that the domains name by a code is turned into words here, and nowhere else. A code without words is shown as
it is, so that a new rule is ugly for a day rather than invisible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from api.web import action_words, run_words
from api.web.inventory_words import FIELDS
from api.web.meeting_words import READINESS, REASONS, SHAPES, STAGES, WITHOUT_RUNTIME
from api.web.metric_words import METRICS
from inventory.public import RoleTitle, WrongCode
from kernel.errors import BadField, VungCaoError
from kernel.i18n import N_, Translator
from meetings.public import Reason
from monitor.public import AlertView, DeviceHealth, LastValue


class Advice(NamedTuple):
    """What to say about a bad state: a few words, a sentence on what happened, one on what to do."""

    short: str
    happened: str
    to_do: str


STATES = {
    "critical": N_("Critical"),
    "warning": N_("Warning"),
    "notice": N_("Notice"),
    "ok": N_("Working well"),
    "unknown": N_("Not known yet"),
}

TITLES = {
    "device-unreachable": N_("{device} cannot be reached"),
    "uplink-down": N_("The uplink {instance} is down"),
    "uplink-busy": N_("The uplink {instance} uses {value} of its committed rate"),
    "link-lossy": N_("The link to {device} loses {value} of its packets"),
    "on-battery": N_("{device} runs on battery, there is no mains power"),
    "answers-partly": N_("{device} answers only in part"),
    "check-failed": N_("The check {instance} of {device} fails"),
    "certificate-ends": N_("The certificate that {instance} sees on {device} ends within two weeks"),
}

RULE_ADVICE = {
    "device-unreachable": N_(
        "Call the office: is there power, is the line up? Other devices of the office tell which of the two."
    ),
    "uplink-down": N_(
        "Call the carrier of this line and tell them since when. The office may still be reached over another line."
    ),
    "uplink-busy": N_(
        "See on the device's page which direction is full. Ask the office what is being sent, before a meeting begins."
    ),
    "link-lossy": N_(
        "Ask the carrier to test the line, and tell them since when. "
        "Until then a meeting there may break up: choose sound only."
    ),
    "on-battery": N_("Call the office: how long will the power be away? Save the battery for the router and the line."),
    "answers-partly": N_(
        "See on the device's page which values are missing. The device may be overloaded, or its SNMP view too narrow."
    ),
    "check-failed": N_("See below what the service answered. Then look at the service itself, not at the line."),
    "certificate-ends": N_("Renew the certificate now: on the day it ends, browsers and meeting rooms refuse it."),
}

OUTCOMES = {
    "": Advice(
        N_("Not asked yet"),
        N_("The platform has not asked this device yet."),
        N_("Wait for the next poll. If this stays, see whether the engine runs."),
    ),
    "cannot-ask": Advice(
        N_("Cannot be asked"),
        N_("The platform does not ask this device: something that it needs for that is missing or wrong."),
        N_("Set the credential {credential}, or correct the device in the inventory."),
    ),
    "cannot-ask:no-profile": Advice(
        N_("Not asked: no profile"),
        N_("The platform does not ask this device: nothing says what to ask, for there is no profile {profile}."),
        N_("Add that profile, or choose another one for the device in the inventory file."),
    ),
    "cannot-ask:no-credential": Advice(
        N_("Not asked: no credential"),
        N_("The platform does not ask this device: the credential {credential} is not there or cannot be used."),
        N_("Set the credential {credential}, or let one hold at the device, its office or a unit above."),
    ),
    "cannot-ask:wrong-version": Advice(
        N_("Not asked: wrong credential"),
        N_("The platform does not ask this device: the credential {credential} is not one for SNMP {snmp}."),
        N_("Correct the SNMP version of the device in the inventory file, or set another credential."),
    ),
    "answered": Advice(N_("Answers"), N_("It answered everything that was asked."), ""),
    "partial": Advice(
        N_("Answers in part"),
        N_("It answered {completeness} of what was asked; the rest did not come."),
        N_("See whether the device is overloaded, or its SNMP view hides a part from us."),
    ),
    "never": Advice(
        N_("Never answered"),
        N_("It has never answered."),
        N_("Check address, port and credential, and that SNMP is switched on. Then the power and the line."),
    ),
    "silent": Advice(
        N_("Silent"),
        N_("It has not answered since {since}."),
        N_("Check power and line of the office. If its other devices answer, look at this one."),
    ),
    "refused": Advice(
        N_("Refused"),
        N_("The machine is there, but nothing listens for SNMP on port {port}."),
        N_("Switch SNMP on in the device, or correct the port in the inventory."),
    ),
    "authentication-failed": Advice(
        N_("Wrong credential"),
        N_("The device does not accept our name or keys."),
        N_("Compare the credential {credential} with what is set in the device, then set it again."),
    ),
    "garbage": Advice(
        N_("Garbled answer"),
        N_("What came back is not SNMP. It was thrown away."),
        N_("See whether another service holds this port, and whether the device's firmware is known for it."),
    ),
    "wrong-request-id": Advice(
        N_("Answer to another question"),
        N_("Its answers carry the number of another request. They cannot be trusted and were thrown away."),
        N_("Restart the device's SNMP agent. If it happens again, look for a second device with this address."),
    ),
    "wrong-address": Advice(
        N_("Answer from elsewhere"),
        N_("Answers come from another address than the one that was asked. They were thrown away."),
        N_("Look for address translation, or a device with several addresses: enter the address that it answers from."),
    ),
}

DEVICE_ROLES = {
    "router": N_("Router"),
    "switch": N_("Switch"),
    "access-point": N_("Wi-Fi access point"),
    "ups": N_("UPS"),
    "meeting-room": N_("Meeting-room equipment"),
}

PERMISSIONS = {
    "inventory.read": N_("See units, offices and devices"),
    "inventory.change": N_("Change the inventory"),
    "alerts.read": N_("See alerts"),
    "alerts.take": N_("Take alerts"),
    "audit.read": N_("Read the audit log"),
    "credentials.set": N_("Set credentials of devices"),
    "accounts.read": N_("See who may do what"),
    "accounts.manage": N_("Manage accounts and roles"),
    "platform.read": N_("See how the platform is"),
    "playbooks.read": N_("See playbooks and runs"),
    "playbooks.run": N_("Run playbooks"),
    "meetings.read": N_("See meetings"),
    "meetings.book": N_("Book meetings"),
    "meetings.manage": N_("Change what others booked"),
}

FAILURES = {
    "wrong-code": WrongCode.message,
    "too-many-tries": N_("Too many tries. Wait a while, then try again."),
}

MEDIA = {
    "fibre": N_("Fibre"),
    "4g": N_("Mobile 4G"),
    "5g": N_("Mobile 5G"),
    "microwave": N_("Microwave"),
    "satellite": N_("Satellite"),
}

CHANNELS = {"page": N_("This page"), "webhook": N_("Webhook"), "mail": N_("E-mail"), "sms": N_("Text message")}

NOTIFICATIONS = {
    "waiting": N_("Waiting to be sent"),
    "sent": N_("Sent"),
    "may-have-been-sent": N_("May have been sent: the platform stopped in between"),
    "refused": N_("Refused by the receiver"),
    "nobody-to-tell": N_("Told nobody: no channel is set up"),
    "in-maintenance": N_("Told nobody: within the maintenance window {window}"),
}

CHANGES = {
    "raised": N_("{office}: {title}"),
    "outlasted": N_("{office}: still open after maintenance: {title}"),
    "cleared": N_("{office}: over: {title}"),
    "taken": N_("{actor} took: {title}, {office}"),
    "released": N_("{actor} gave back: {title}, {office}"),
}

PARTS = {
    "engine": N_("The engine does not answer. Values on this page are old, and new alerts are late."),
    "database": N_("The database does not answer. Polling goes on; alerts are written when it is back."),
    "store": N_("The metric store takes no values. Polling goes on; values wait in memory."),
}

PART_NAMES = {"database": N_("Database"), "engine": N_("Engine"), "store": N_("Metric store")}

PROCESS_STATES = {
    "starting": N_("Starting"),
    "ready": N_("Ready"),
    "running": N_("Running"),
    "backing-off": N_("Died, is started again"),
    "stopped": N_("Stopped"),
}

KINDS = {
    "page": N_("page"),
    "device": N_("device"),
    "office": N_("office"),
    "uplink": N_("uplink"),
    "contract": N_("contract"),
    "import": N_("import"),
    "export": N_("export"),
    "alert": N_("alert"),
    "meeting": N_("meeting"),
    "playbook": N_("playbook"),
    "room": N_("room"),
    "series": N_("series of meetings"),
    "day": N_("entry for the day"),
    "run": N_("run"),
    "account": N_("account"),
    "session": N_("session"),
    "grant": N_("grant"),
    "role": N_("role"),
    "token": N_("token"),
    "unit": N_("unit"),
    "reorganisation": N_("reorganisation"),
    "credential": N_("credential"),
}


OF_CHECKS = ("check_", "http_", "tls_", "dns_", "ntp_")


class Words:
    """The sentences, bound to one reader's language."""

    def __init__(self, translator: Translator) -> None:
        self.t = translator

    def _of(self, table: Mapping[str, str], code: str) -> str:
        return self.t.gettext(table[code]) if code in table else code

    def state(self, code: str) -> str:
        """Return the word for a state or severity."""
        return self._of(STATES, code)

    def who(self, name: str) -> str:
        """Return who did something: a person's name as it is, and a part of the platform by what it is."""
        return self._of(action_words.OURSELVES, name)

    def device_role(self, code: str) -> str:
        """Return what a device is."""
        return self._of(DEVICE_ROLES, code)

    def roles(self, titles: Iterable[RoleTitle]) -> str:
        """Return what a person is, each role once."""
        english = self.t.language == "en"
        names = [title.name_en if english else title.name for title in titles]
        return ", ".join(names) or self.t.gettext("no role yet")

    def permission(self, code: str) -> str:
        """Return what a permission allows."""
        return self._of(PERMISSIONS, code)

    def failure(self, code: str) -> str:
        """Return why a second factor was not taken."""
        return self._of(FAILURES, code)

    def medium(self, code: str) -> str:
        """Return what an uplink runs over."""
        return self._of(MEDIA, code)

    def channel(self, code: str) -> str:
        """Return how a notification leaves."""
        return self._of(CHANNELS, code)

    def notification(self, code: str, window: str = "") -> str:
        """Return how a notification is; `window`: because of which maintenance nobody was told."""
        return self.t.gettext(NOTIFICATIONS[code], window=window) if code in NOTIFICATIONS else code

    def action(self, code: str) -> str:
        """Return what somebody did, as the audit log has it, to follow a name."""
        return self._of(action_words.ACTIONS, code)

    def alert(self, alert: AlertView) -> str:
        """Return an alert's title: what is wrong, in one short sentence."""
        if alert.rule not in TITLES:
            return f"{alert.rule}: {alert.device_name}"
        value = alert.details.get("value")
        shown = self.t.percent(float(value)) if isinstance(value, int | float) else "?"
        return self.t.gettext(TITLES[alert.rule], device=alert.device_name, instance=alert.instance, value=shown)

    def alert_advice(self, alert: AlertView) -> str:
        """Return what to do about an alert; empty if nothing is known."""
        return self.t.gettext(RULE_ADVICE[alert.rule]) if alert.rule in RULE_ADVICE else ""

    @staticmethod
    def place(office: str, unit: str) -> str:
        """Return where something is: the office, and its unit unless the office is named after it."""
        return office if unit.casefold() in office.casefold() else f"{office} · {unit}"

    def change(self, change: str, actor: str, alert: AlertView) -> str:
        """Return what happened to an alert."""
        return self.t.gettext(
            CHANGES.get(change, "{title}"), office=alert.unit_name, title=self.alert(alert), actor=self.who(actor)
        )

    def outcome(self, health: DeviceHealth | None, *, ever_answered: bool = True) -> str:
        """Return in a few words how the last poll ended."""
        return self.t.gettext(_advice(health, ever_answered=ever_answered).short)

    def outcome_advice(
        self, health: DeviceHealth | None, *, ever_answered: bool, since: datetime | None, now: datetime, **fields: Any
    ) -> tuple[str, str]:
        """Return what happened at the last poll, and what to do (empty if nothing).

        Args:
            health: The device's health; None if the engine does not know it.
            ever_answered: Whether any value of the device was ever seen.
            since: Since when it is so.
            now: The present.
            **fields: Port and credential of the device.
        """
        advice = _advice(health, ever_answered=ever_answered)
        known = {
            "since": self.t.since(since, now) if since else "",
            "completeness": self.t.percent(health.completeness_ratio) if health else "",
            **fields,
        }
        return self.t.gettext(advice.happened, **known), self.t.gettext(advice.to_do, **known)

    def metric(self, code: str) -> str:
        """Return the label of a value."""
        return self.t.gettext(METRICS[code][0]) if code in METRICS else code

    def value(self, metric: str, value: float) -> str:
        """Return a value with its unit."""
        return METRICS[metric][1](self.t, value) if metric in METRICS else self.t.number(value, 2)

    def readiness(self, code: str) -> str:
        """Return the word for how ready a room is; an empty code: nobody has looked yet."""
        return self._of(READINESS, code)

    @staticmethod
    def readiness_shape(code: str) -> str:
        """Return the status whose shape and colour a state of readiness has."""
        return SHAPES.get(code, "unknown")

    def stage(self, code: str) -> str:
        """Return when a room was looked at, to follow the time."""
        return self._of(STAGES, code)

    def reason(self, reason: Reason) -> Markup:
        """Return why a room is not simply ready, in one sentence; its devices lead to their pages."""
        if reason.code not in REASONS:
            return escape(reason.code)
        fields = {**dict.fromkeys(_REASON_FIELDS, "?"), **reason.fields}
        shown = {name: _REASON_FIELDS.get(name, _as_it_is)(self, value) for name, value in fields.items()}
        lasting = reason.code != "on-battery" or fields["runtime_s"] is not None
        return escape(self.t.gettext(REASONS[reason.code] if lasting else WITHOUT_RUNTIME)).format(**shown)

    def run_state(self, code: str) -> str:
        """Return how a playbook run is."""
        return self._of(run_words.STATES, code)

    @staticmethod
    def run_shape(code: str) -> str:
        """Return the shape and colour of a run's state."""
        return run_words.SHAPES.get(code, "unknown")

    def left_out(self, code: str) -> str:
        """Return why a run does not go to a device, to follow its name."""
        return self._of(run_words.LEFT_OUT, code)

    def risk(self, code: str) -> str:
        """Return what a playbook may do."""
        return self._of(run_words.RISKS, code)

    @staticmethod
    def risk_shape(code: str) -> str:
        """Return the shape and colour of what a playbook may do."""
        return run_words.RISK_SHAPES.get(code, "unknown")

    def part(self, code: str) -> str:
        """Return what it means that a part of the platform is not well."""
        return self._of(PARTS, code)

    def part_name(self, code: str) -> str:
        """Return the name of a part of the platform."""
        return self._of(PART_NAMES, code)

    def process(self, code: str) -> str:
        """Return how a supervised process is."""
        return self._of(PROCESS_STATES, code)

    def kind(self, code: str) -> str:
        """Return what kind of thing it is."""
        return self._of(KINDS, code)

    def error(self, error: VungCaoError) -> str:
        """Return an error's message in the reader's language."""
        fields = dict(error.fields)
        if "kind" in fields:
            fields["kind"] = self._of(KINDS, str(fields["kind"]))
        if isinstance(error, BadField):
            fields["field"] = self._of(FIELDS, str(fields["field"]))
        fields |= {
            name: self.t.gettext(str(said))
            for name, said in error.fields.items()
            if name in {"what", "why"} and type(said) is str
        }
        return self.t.gettext(type(error).message, **fields)


def _as_it_is(_words: Words, value: object) -> str:
    return str(value)


def _devices(_words: Words, codes: object) -> Markup:
    link = Markup('<a class="mono" href="/devices/{0}">{0}</a>')
    return Markup(", ").join(link.format(code) for code in str(codes).split(", "))


def _number(write: Callable[[Words, float], str]) -> Callable[[Words, object], str]:
    """Return what writes a number by `write`, and anything else as it is: the row is of another release."""
    return lambda words, value: write(words, value) if isinstance(value, int | float) else _not_known(words)


def _not_known(words: Words) -> str:
    return words.t.gettext("not known")


def _instant(words: Words, value: object) -> str:
    try:
        return words.t.datetime(datetime.fromisoformat(str(value)))
    except ValueError:
        return _not_known(words)


_REASON_FIELDS: Mapping[str, Callable[[Words, Any], str]] = {
    "device": _devices,
    "role": lambda words, code: words.device_role(str(code)),
    "outcome": lambda words, code: words.t.gettext(OUTCOMES[str(code)].short) if str(code) in OUTCOMES else str(code),
    "at": _instant,
    "loss_ratio": _number(lambda words, ratio: words.t.percent(ratio)),
    "utilisation_ratio": _number(lambda words, ratio: words.t.percent(ratio)),
    "rtt_s": _number(lambda words, span: words.value("rtt_s", span)),
    "runtime_s": _number(lambda words, span: words.t.duration(timedelta(seconds=span))),
    "needed_s": _number(lambda words, span: words.t.duration(timedelta(seconds=span))),
    "uplink": _as_it_is,
    "uplinks": _as_it_is,
}
"""How the fields of a reason are written."""


def _advice(health: DeviceHealth | None, *, ever_answered: bool) -> Advice:
    code = health.outcome if health else ""
    if code == "silent" and not ever_answered:
        code = "never"
    if health and f"{code}:{health.reason}" in OUTCOMES:
        code = f"{code}:{health.reason}"
    return OUTCOMES.get(code, Advice(code, code, ""))


def general_values(values: tuple[LastValue, ...]) -> list[LastValue]:
    """Return the device's values that have a label, in the order of `METRICS`; those of checks have their own place."""
    order = {metric: place for place, metric in enumerate(METRICS)}
    known = [value for value in values if value.metric in order and not value.metric.startswith(OF_CHECKS)]
    return sorted(known, key=lambda value: (order[value.metric], value.instance))
