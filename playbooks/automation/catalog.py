"""What playbooks there are: each `*.yml` at the top of `playbooks/` with its `*.meta.yml`, all checked at the start.

A playbook without a meta file is not offered, nor is one whose meta file has a mistake: then nothing starts, and every
mistake is told with its file and line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from inventory.public import Mistake, located_yaml
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.i18n import N_
from playbooks.automation.errors import BadArgument, BadCatalog
from playbooks.automation.runs import Priority
from playbooks.automation.waves import WaveWish

FOLDER: Final = Path(__file__).parents[1]
META: Final = ".meta.yml"
OUTSIDE_CONTENT: Final = frozenset({"automation", "collections"})
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

MOST_CHARACTERS = 500
TEMPLATE = re.compile(r"\{\{|\{%|\{#")
"""Ansible would compute it, on the machine that runs playbooks."""


class Risk(StrEnum):
    """What a playbook may do to an office."""

    READ_ONLY = "read-only"
    CHANGING = "changing"


class AfterInterruption(StrEnum):
    """What becomes of hosts whose worker was killed in the middle."""

    STOP = "stop"
    """A person looks at them first."""
    AGAIN = "again"
    """They are run again, and that is told: for playbooks that may be cut anywhere."""


class ArgumentType(StrEnum):
    """What an argument holds."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    LIST = "list"


class Words(BaseModel):
    """The same in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vi: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]

    def of(self, language: str) -> str:
        """Return what readers of `language` see."""
        return self.vi if language == "vi" else self.en


Value = bool | int | str | tuple[str, ...]


class Misfit(ValueError):
    """Why an argument cannot be taken.

    Attributes:
        template: What is wrong, in English; the key of its translation.
        fields: Values for its placeholders.
    """

    def __init__(self, template: str, /, **fields: object) -> None:
        self.template = template
        self.fields = fields
        super().__init__(template.format(**fields))


class Argument(BaseModel):
    """One argument of a playbook.

    Attributes:
        pattern: What a text, or each item of a list, must match as a whole; empty: anything.
        choices: The values of a choice.
        least: Of a number its least value, of a list its fewest items.
        most: Likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Words
    help: Words | None = None
    type: ArgumentType
    default: bool | int | str | tuple[str, ...] | None = None
    pattern: str = ""
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is None

    def read(self, given: object) -> Value:
        """Return `given` as this argument's type; Misfit with what is wrong with it.

        Forms and the command line give text: a list is then separated by commas or spaces.
        """
        if given is None:
            raise Misfit(N_("it must be given"))
        match self.type:
            case ArgumentType.FLAG:
                return _flag(given)
            case ArgumentType.NUMBER:
                return self._number(given)
            case ArgumentType.LIST:
                return self._list(given)
            case ArgumentType.CHOICE:
                if given not in self.choices:
                    raise Misfit(N_("it is one of {choices}"), choices=", ".join(self.choices))
                return str(given)
            case ArgumentType.TEXT:
                return self._text(given)

    def _number(self, given: object) -> int:
        if isinstance(given, bool) or not isinstance(given, int | str):
            raise Misfit(N_("it is a whole number"))
        try:
            number = int(given)
        except ValueError:
            raise Misfit(N_("it is a whole number")) from None
        if self._outside(number):
            raise self._out_of_range(
                N_("it is at most {most}"), N_("it is at least {least}"), N_("it is a number from {least} to {most}")
            )
        return number

    def _list(self, given: object) -> tuple[str, ...]:
        if isinstance(given, str):
            given = [word for word in re.split(r"[,\s]+", given) if word]
        if not isinstance(given, Sequence):
            raise Misfit(N_("it is a list"))
        items = tuple(self._text(item) for item in given)
        if self._outside(len(items)):
            raise self._out_of_range(
                N_("it has at most {most} items"), N_("it has at least {least} items"),
                N_("it has {least} to {most} items"),
            )  # fmt: skip
        return items

    def _text(self, given: object) -> str:
        if not isinstance(given, str):
            raise Misfit(N_("it is text"))
        if len(given) > MOST_CHARACTERS:
            raise Misfit(N_("it has at most {most} characters"), most=MOST_CHARACTERS)
        if not given.isprintable():
            raise Misfit(N_("it has a character that cannot be seen, such as a line end"))
        if TEMPLATE.search(given):
            raise Misfit(N_("it may not hold {signs}"), signs="{{, {% or {#")
        if self.pattern and not re.fullmatch(self.pattern, given):
            raise Misfit(N_("{given} does not have the form that is asked for"), given=given)
        return given

    def _outside(self, number: int) -> bool:
        return (self.least is not None and number < self.least) or (self.most is not None and number > self.most)

    def _out_of_range(self, above: str, below: str, both: str) -> Misfit:
        if self.least is None:
            return Misfit(above, most=self.most)
        return Misfit(below, least=self.least) if self.most is None else Misfit(both, least=self.least, most=self.most)


class Secret(StrEnum):
    """Secrets of a host that a playbook may be given; what is new is not in use yet."""

    SNMP = "snmp"
    SSH = "ssh"
    NEW_SNMP = "new-snmp"
    NEW_SSH = "new-ssh"
    ENABLE = "enable"
    TOKEN = "token"  # noqa: S105 - the name of a kind
    LAST_CONFIGURATION = "last-configuration"


class MetaFile(BaseModel):
    """A `*.meta.yml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    title: Words
    help: Words
    risk: Risk
    check_note: Words
    roles: Annotated[tuple[str, ...], Field(min_length=1)]
    limit_s: Annotated[int, Field(ge=1, le=86_400)]
    arguments: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], Argument] = Field(default_factory=dict)
    waves: WaveWish = WaveWish()
    approval_h: Annotated[int, Field(ge=0, le=24 * 31)] = 0
    priority: Priority = Priority.ROUTINE
    expires_h: Annotated[int, Field(ge=1, le=24 * 92)] = 24 * 7
    undo: str = ""
    after_interruption: AfterInterruption = AfterInterruption.STOP
    secrets: tuple[Secret, ...] = ()
    proves: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaybookView:
    """A playbook that may be run.

    Attributes:
        name: Its file's name without the ending; stored with runs.
        title: What people call it.
        help: What it does.
        risk: Whether it changes anything.
        check_note: What a dry run of it can tell, and what not.
        roles: Roles that may run it.
        limit_s: Seconds after which a run is ended.
        arguments: By name, in the file's order.
        waves: How a rollout of it grows, and what stops it, unless its launch says otherwise.
        approval_h: Hours in which a second person must approve that it is run for real; 0: nobody needs to.
        priority: Which run a site that is there for minutes gets first.
        expires_h: Hours after which a device that was not seen is given up.
        undo: Name of the playbook that takes back what this one did; empty if there is none.
        after_interruption: What becomes of hosts whose worker was killed in the middle.
        secrets: Secrets of its hosts that it is given.
        proves: Secrets that are proved to work, from the platform, once a host has ended well.
        content: Hash of the whole folder that it came from: what is run is what was looked at.
        folder: That folder; None for playbooks that no folder is known of.
    """

    name: str
    title: Words
    help: Words
    risk: Risk
    check_note: Words
    roles: tuple[str, ...]
    limit_s: int
    arguments: Mapping[str, Argument]
    waves: WaveWish = field(default_factory=WaveWish)
    approval_h: int = 0
    priority: Priority = Priority.ROUTINE
    expires_h: int = 24 * 7
    undo: str = ""
    after_interruption: AfterInterruption = AfterInterruption.STOP
    secrets: tuple[Secret, ...] = ()
    proves: tuple[Secret, ...] = ()
    content: str = ""
    folder: Path | None = None

    def needs_approval(self, *, check: bool) -> bool:
        """Return whether a second person must approve it: a dry run nobody needs to."""
        return bool(self.approval_h) and not check

    def changes(self, *, check: bool) -> bool:
        """Return whether a run changes anything: a dry run never does."""
        return self.risk is Risk.CHANGING and not check

    def runner(self, actor: Actor) -> Actor:
        """Return `actor` with only what they hold by a role that the playbook is for: it must reach the office too."""
        return actor if actor.platform else actor.by_roles(self.roles)

    def read_arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return every argument of the playbook, those not given by their defaults, as JSON has them.

        Raises:
            BadArgument: One is unknown, missing, or not of its form.
        """
        for name in given:
            if name not in self.arguments:
                known = ", ".join(self.arguments) or "none"
                raise BadArgument(name=name[:50], why=f"the playbook {self.name} knows {known}")
        values, misfits = self.judge_arguments(given)
        for name, misfit in misfits.items():
            raise BadArgument(name=name, why=str(misfit))
        return values

    def judge_arguments(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Misfit]]:
        """Return the arguments that can be taken, as JSON has them, and what is wrong with each of the others."""
        values: dict[str, Any] = {}
        misfits: dict[str, Misfit] = {}
        for name, argument in self.arguments.items():
            try:
                read = argument.read(given.get(name, argument.default))
            except Misfit as misfit:
                misfits[name] = misfit
            else:
                values[name] = list(read) if isinstance(read, tuple) else read
        return values, misfits


Catalog = Mapping[str, PlaybookView]


@cache
def bundled_catalog() -> Catalog:
    """Return the playbooks that came with this release, by name."""
    return load_catalog(FOLDER)


def load_catalog(folder: Path) -> Catalog:
    """Return the playbooks in `folder`, by name in alphabetical order.

    Raises:
        BadCatalog: With every mistake in every file.
    """
    found, mistakes = read_folder(folder)
    if mistakes:
        raise BadCatalog(mistakes)
    return MappingProxyType(found)


def read_folder(folder: Path) -> tuple[dict[str, PlaybookView], list[tuple[str, Mistake]]]:
    """Return the playbooks in `folder` that have no mistake, by name, and every mistake of the others with its file."""
    mistakes: list[tuple[str, Mistake]] = []
    found: dict[str, PlaybookView] = {}
    content = content_of(folder)
    for file in sorted(folder.glob(f"*{META}")):
        name = file.name.removesuffix(META)
        if not NAME.fullmatch(name):
            mistakes.append((file.name, Mistake(0, "its name has other than small letters, digits and hyphens")))
            continue
        view, wrong = _load(file, name, content, folder)
        mistakes += [(file.name, mistake) for mistake in wrong]
        mistakes += [(f"{name}.yml", mistake) for mistake in _mistakes_of_playbook(folder / f"{name}.yml")]
        if view is not None:
            found[name] = view
    for view in found.values():
        if view.undo and view.undo not in found:
            mistakes.append((f"{view.name}{META}", Mistake(0, f"undo: there is no playbook {view.undo}")))
    wrong_names = {file.removesuffix(META).removesuffix(".yml") for file, _ in mistakes}
    return {name: view for name, view in found.items() if name not in wrong_names}, mistakes


def content_of(folder: Path) -> str:
    """Return the SHA-256 of what Ansible reads in `folder`: names and contents, whatever their order on disk.

    Collections have a lock of their own, and the developers' Python is part of the release.
    """
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        parts = file.relative_to(folder).parts
        ours = parts[0] in OUTSIDE_CONTENT or (len(parts) == 1 and file.suffix == ".py")
        if not ours and not any(part == "__pycache__" or part.startswith(".") for part in parts):
            total.update(f"{'/'.join(parts)}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def playbook_of(catalog: Catalog, name: str) -> PlaybookView:
    """Return the playbook `name`; NotFound if there is none."""
    if name not in catalog:
        raise NotFound(kind="playbook", code=name[:50])
    return catalog[name]


def load_site_variables(file: Path | None) -> dict[str, Any]:
    """Return the variables that this site gives to every playbook; none without a file.

    Raises:
        BadCatalog: The file cannot be read, or is no mapping.
    """
    if file is None:
        return {}
    located, mistakes = _read(file)
    if located is None:
        raise BadCatalog([(str(file), mistake) for mistake in mistakes])
    return dict(located.content)


def _load(file: Path, name: str, content: str, folder: Path) -> tuple[PlaybookView | None, list[Mistake]]:
    located, mistakes = _read(file)
    if located is None:
        return None, mistakes
    meta, mistakes = located_yaml.judge(MetaFile, located)
    if meta is None:
        return None, mistakes
    mistakes = list(_mistakes_of_arguments(meta, located))
    view = PlaybookView(
        name=name,
        title=meta.title,
        help=meta.help,
        risk=meta.risk,
        check_note=meta.check_note,
        roles=meta.roles,
        limit_s=meta.limit_s,
        arguments=MappingProxyType(meta.arguments),
        waves=meta.waves,
        approval_h=meta.approval_h,
        priority=meta.priority,
        expires_h=meta.expires_h,
        undo=meta.undo,
        after_interruption=meta.after_interruption,
        secrets=meta.secrets,
        proves=meta.proves,
        content=content,
        folder=folder,
    )
    return view, mistakes


def _mistakes_of_arguments(meta: MetaFile, located: located_yaml.Located) -> Iterator[Mistake]:
    for name, argument in meta.arguments.items():

        def wrong(field: str, why: str, name: str = name) -> Mistake:
            return Mistake(located.line(("arguments", name, field)), f"arguments.{name}.{field}: {why}")

        if (argument.type is ArgumentType.CHOICE) != bool(argument.choices):
            yield wrong("choices", "a choice has choices, and nothing else has")
        try:
            re.compile(argument.pattern)
        except re.error as error:
            yield wrong("pattern", f"not a regular expression: {error}")
            continue
        if argument.default is not None:
            try:
                argument.read(argument.default)
            except Misfit as misfit:
                yield wrong("default", str(misfit))


def _mistakes_of_playbook(file: Path) -> Iterator[Mistake]:
    """Yield what keeps `file` from being a playbook at all; Ansible judges the rest."""
    try:
        content = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except OSError as error:
        yield Mistake(0, f"cannot be read: {error.strerror}")
        return
    except yaml.MarkedYAMLError as error:
        yield Mistake(error.problem_mark.line + 1 if error.problem_mark else 0, f"not YAML: {error.problem}")
        return
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        yield Mistake(0, f"not YAML: {str(error).splitlines()[0]}")
        return
    if not isinstance(content, yaml.SequenceNode):
        yield Mistake(1, "a playbook is a list of plays")


def _read(file: Path) -> tuple[located_yaml.Located | None, list[Mistake]]:
    try:
        return located_yaml.read(file.read_text(encoding="utf-8"))
    except OSError as error:
        return None, [Mistake(0, f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        return None, [Mistake(0, f"is not UTF-8 at byte {error.start}")]


def _flag(given: object) -> bool:
    if isinstance(given, bool):
        return given
    if given in {"true", "yes", "on", "1"}:
        return True
    if given in {"false", "no", "off", "0", ""}:
        return False
    raise Misfit(N_("it is true or false"))
