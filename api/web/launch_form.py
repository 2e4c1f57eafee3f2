"""What the form that launches a playbook holds: read from an address or from what was sent, and shown again as typed.

The same fields make a launch, a schedule and a webhook.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.datastructures import FormData, QueryParams

from kernel.i18n import N_, Translator
from playbooks.public import (
    Argument,
    ArgumentType,
    Misfit,
    Order,
    PlaybookView,
    RolloutRequest,
    RunView,
    TargetWish,
    WaveWish,
)

ARGUMENT: Final = "arg."
"""What fields of arguments begin with: an argument named `note` is then no note."""

LISTS: Final = tuple(one.name for one in fields(TargetWish))
MOST_CODES: Final = 2000
MOST_TYPED: Final = 100_000
PERCENT: Final = "%"

Sent = FormData | QueryParams


@dataclass(frozen=True, slots=True)
class LaunchForm:
    """What was chosen and typed.

    Attributes:
        wish: Where.
        given: Arguments by name, as they were typed; those left out show their defaults.
        check: Whether it is a dry run.
        only_in_windows: Whether it waits for maintenance windows.
        note: Why.
        canary: Devices of the first wave; empty: as the playbook says; likewise `steps`, `soak_min`, `most_failed`.
        steps: Sizes of the next waves, such as `5, 25%`.
        soak_min: Minutes that a wave is watched.
        most_failed: Per cent of a wave.
        query: What a place is searched by.
    """

    wish: TargetWish = field(default_factory=TargetWish)
    given: Mapping[str, Any] = field(default_factory=dict)
    check: bool = True
    only_in_windows: bool = False
    note: str = ""
    canary: str = ""
    steps: str = ""
    soak_min: str = ""
    most_failed: str = ""
    query: str = ""

    @property
    def own_waves(self) -> bool:
        """Whether anything about the waves was typed."""
        return any((self.canary, self.steps, self.soak_min, self.most_failed))

    def waves(self, playbook: PlaybookView) -> WaveWish | None:
        """Return how it is to grow; None: as the playbook says. Misfit if what was typed is no such thing."""
        if not self.own_waves:
            return None
        typed: dict[str, Any] = playbook.waves.as_json()
        for name, value in (("canary", self.canary), ("most_failed_percent", self.most_failed)):
            if value:
                typed[name] = _number(value)
        if self.soak_min:
            typed["soak_s"] = _number(self.soak_min) * 60
        if self.steps:
            typed["steps"] = [
                part if part.endswith(PERCENT) else _number(part) for part in re.split(r"[,;\s]+", self.steps) if part
            ]
        try:
            return WaveWish.model_validate(typed)
        except ValidationError:
            raise Misfit(N_("write sizes such as 5, 25%, and numbers that make sense")) from None

    def request(self, playbook: PlaybookView) -> RolloutRequest:
        """Return what is to be launched. Raises Misfit as `waves`."""
        return RolloutRequest(
            playbook.name,
            self.wish,
            check=self.check,
            arguments=dict(self.given),
            waves=self.waves(playbook),
            only_in_windows=self.only_in_windows,
            note=self.note,
        )

    def order(self, playbook: PlaybookView) -> Order:
        """Return what a schedule or a webhook is to launch."""
        return Order(playbook.name, self.wish, self.check, dict(self.given), self.only_in_windows)

    def hidden(self) -> list[tuple[str, str]]:
        """Return the form as names and values, for hidden fields and addresses."""
        pairs = [(name, code) for name in LISTS for code in getattr(self.wish, name)]
        for name, value in self.given.items():
            if value is not False:
                pairs.append((f"{ARGUMENT}{name}", "true" if value is True else shown(value)))
        pairs += [("mode", "check" if self.check else "real"), ("sent", "1")]
        pairs += [("only_in_windows", "true")] * self.only_in_windows
        for name in ("note", "canary", "steps", "soak_min", "most_failed"):
            pairs += [(name, getattr(self, name))] * bool(getattr(self, name))
        return pairs

    def query_string(self) -> str:
        """Return the form as the query of an address."""
        return urlencode(self.hidden())


def read_form(playbook: PlaybookView, sent: Sent) -> LaunchForm:
    """Return what was chosen and typed; an address without `sent` shows defaults where it says nothing."""
    whole = bool(sent.get("sent"))
    wish = TargetWish(**{name: _codes(sent, name) for name in LISTS})
    if not whole and (office := text(sent, "office")):
        wish = replace(wish, offices=tuple(dict.fromkeys((*wish.offices, office))))
    return LaunchForm(
        wish=wish,
        given=_given(playbook, sent, whole=whole),
        check=text(sent, "mode") != "real",
        only_in_windows=bool(text(sent, "only_in_windows")),
        note=text(sent, "note")[:500],
        canary=text(sent, "canary")[:10],
        steps=text(sent, "steps")[:200],
        soak_min=text(sent, "soak_min")[:10],
        most_failed=text(sent, "most_failed")[:10],
        query=text(sent, "q")[:100],
    )


def form_of_run(playbook: PlaybookView, run: RunView) -> LaunchForm:
    """Return the form that launched `run`, as far as the playbook still knows its arguments."""
    known = {name: value for name, value in run.arguments.items() if name in playbook.arguments}
    wish = TargetWish(**{name: tuple(codes) for name, codes in run.wish.items() if name in LISTS})
    if not wish and run.office:
        wish = TargetWish(offices=(run.office,))
    return LaunchForm(wish=wish, given=known)


def text(sent: Sent, name: str) -> str:
    """Return a field without spaces around it; empty if it was not sent, or is a file."""
    value = sent.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def shown(value: object) -> str:
    """Return an argument's value as a field shows it."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)


def _codes(sent: Sent, name: str) -> tuple[str, ...]:
    """Return codes: one a field, or several with commas, spaces or lines between them."""
    found: dict[str, None] = {}
    for value in sent.getlist(name):
        if isinstance(value, str):
            found.update(dict.fromkeys(re.findall(r"[^\s,;]+", value[:MOST_TYPED])))
    return tuple(found)[:MOST_CODES]


def _given(playbook: PlaybookView, sent: Sent, *, whole: bool) -> dict[str, Any]:
    """Return what was typed, by argument. A flag that is off is not sent; nothing typed is no answer to a question."""
    given: dict[str, Any] = {}
    for name, argument in playbook.arguments.items():
        field_name = f"{ARGUMENT}{name}"
        if argument.type is ArgumentType.FLAG:
            if whole or field_name in sent:
                given[name] = field_name in sent
        elif field_name in sent:
            typed = text(sent, field_name)
            if typed or not argument.required:
                given[name] = typed
    return given


def _number(typed: str) -> int:
    if not re.fullmatch(r"\d{1,6}", typed, re.ASCII):
        raise Misfit(N_("it is a whole number"))
    return int(typed)


@dataclass(frozen=True, slots=True)
class Field:
    """An argument on the form."""

    name: str
    argument: Argument
    title: str
    hint: str
    value: str
    on: bool
    wrong: str


def argument_fields(
    playbook: PlaybookView, form: LaunchForm, misfits: Mapping[str, Misfit], t: Translator
) -> list[Field]:
    """Return the fields of the playbook's arguments, in the order of its file."""
    return [_field(name, argument, form, misfits.get(name), t) for name, argument in playbook.arguments.items()]


def _field(name: str, argument: Argument, form: LaunchForm, misfit: Misfit | None, t: Translator) -> Field:
    value = form.given.get(name, argument.default)
    hints = [argument.help.of(t.language)] if argument.help else []
    if argument.type is ArgumentType.LIST:
        hints.append(t.gettext("Separated by commas."))
    if argument.type is ArgumentType.NUMBER and argument.least is not None and argument.most is not None:
        hints.append(t.gettext("From {least} to {most}.", least=argument.least, most=argument.most))
    return Field(
        name=f"{ARGUMENT}{name}",
        argument=argument,
        title=argument.title.of(t.language),
        hint=" ".join(hints),
        value=shown(value),
        on=value is True,
        wrong="" if misfit is None else t.gettext(misfit.template, **misfit.fields),
    )
