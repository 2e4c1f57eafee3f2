"""Decides what a reorganisation of the tree does on its day, and finds all that is wrong with it. Touches no database.

Operations are done in the order given, each on what those before it left. A unit that ends hands its units and offices
on; none may be left behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from inventory.errors import Mistake
from inventory.units import Level

Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]

MOST_OPERATIONS: Final = 30_000
"""The reform of 1 July 2025, the largest that there was, took about 14,000."""


class _Operation(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Create(_Operation):
    """A unit begins."""

    do: Literal["create"] = "create"
    unit: Code
    name: Name
    name_en: Name | None = None
    level: Code
    parent: Code | None = None


class Rename(_Operation):
    """A unit goes by another name."""

    do: Literal["rename"] = "rename"
    unit: Code
    name: Name
    name_en: Name | None = None


class Move(_Operation):
    """A unit with all below it goes under another parent; null: to the top."""

    do: Literal["move"] = "move"
    unit: Code
    parent: Code | None


class Merge(_Operation):
    """Units end and become `into`, which may be one of them and then lasts. It takes over their units and offices."""

    do: Literal["merge"] = "merge"
    units: Annotated[tuple[Code, ...], Field(min_length=1, max_length=1000)]
    into: Code


class Split(_Operation):
    """A unit becomes several. It ends, unless it is one of them itself.

    Attributes:
        into: What it becomes.
        units: Each unit that lay below it, to the one that takes it over.
        offices: Each of its offices, to the one that takes it over.
        rest: The one that takes over what is not named.
    """

    do: Literal["split"] = "split"
    unit: Code
    into: Annotated[tuple[Code, ...], Field(min_length=2, max_length=1000)]
    units: dict[Code, Code] = Field(default_factory=dict)
    offices: dict[Code, Code] = Field(default_factory=dict)
    rest: Code | None = None


class Abolish(_Operation):
    """A unit ends and nothing takes its place. What is in it goes `to` another unit; without one it must be empty."""

    do: Literal["abolish"] = "abolish"
    unit: Code
    to: Code | None = None


Operation = Annotated[Create | Rename | Move | Merge | Split | Abolish, Field(discriminator="do")]
OPERATIONS: Final[TypeAdapter[tuple[Operation, ...]]] = TypeAdapter(
    Annotated[tuple[Operation, ...], Field(min_length=1, max_length=MOST_OPERATIONS)]
)


@dataclass(frozen=True, slots=True)
class UnitNow:
    """A unit as it is after the last change.

    Attributes:
        level: Code of its level.
        begun: Its first day.
        changed: The first day of its present name and parent.
        ended: First day on which it is no more; None while it lasts.
    """

    level: str
    name: str
    name_en: str
    parent: str | None
    begun: date
    changed: date
    ended: date | None = None


@dataclass(frozen=True, slots=True)
class OfficeNow:
    """Which unit an office belongs to after the last change, and since when."""

    unit: str
    since: date


@dataclass(frozen=True, slots=True)
class Tree:
    """All levels, units and offices, by code."""

    levels: Mapping[str, Level]
    units: Mapping[str, UnitNow]
    offices: Mapping[str, OfficeNow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OfficeMove:
    """An office for which the way to the top is another one: from its unit upwards, before and after."""

    office: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reorganisation does.

    Attributes:
        day: First day on which it holds.
        created: Units that begin.
        changed: Units that go on by another name or under another parent.
        ended: Units that end.
        successions: Pairs: what ends, or gives a part away, and what takes its place.
        heirs: Unit that ends to those that take its place; none where it is abolished, whoever takes its offices.
        moves: Offices that are somewhere else afterwards, by code.
        after: The tree as it is then.
        mistakes: All that is wrong, if anything is; then nothing else holds. `line` is the operation's number, from 1.
    """

    day: date
    created: tuple[str, ...]
    changed: tuple[str, ...]
    ended: tuple[str, ...]
    successions: tuple[tuple[str, str], ...]
    heirs: Mapping[str, tuple[str, ...]]
    moves: tuple[OfficeMove, ...]
    after: Tree
    mistakes: tuple[Mistake, ...] = ()


def plan(operations: Sequence[Operation], day: date, tree: Tree) -> Plan:
    """Return what `operations` do to `tree` on `day`, with every mistake in them."""
    work = _Work(tree, day)
    for number, operation in enumerate(operations, 1):
        work.number = number
        work.do(operation)
    work.check()
    after = Tree(tree.levels, work.units, work.offices)
    changed = tuple(
        code for code, unit in work.units.items() if code in tree.units and _another(tree.units[code], unit)
    )
    return Plan(
        day=day,
        created=tuple(code for code in work.units if code not in tree.units),
        changed=changed,
        ended=tuple(code for code in work.ended if code in tree.units),
        successions=tuple(dict.fromkeys(work.successions)),
        heirs={code: tuple(dict.fromkeys(heirs)) for code, heirs in work.heirs.items()},
        moves=() if work.mistakes else tuple(_moves(tree, after)),
        after=after,
        mistakes=tuple(sorted(set(work.mistakes))),
    )


def way_up(unit: str, units: Mapping[str, UnitNow]) -> tuple[str, ...]:
    """Return `unit` and those above it, nearest first; a circle is left where it would close."""
    way: list[str] = []
    at: str | None = unit
    while at is not None and at in units and at not in way:
        way.append(at)
        at = units[at].parent
    return tuple(way)


def _position(level: Level) -> int:
    return level.position


def _another(before: UnitNow, after: UnitNow) -> bool:
    return after.ended is None and (before.name, before.name_en, before.parent) != (
        after.name, after.name_en, after.parent
    )  # fmt: skip


def _moves(before: Tree, after: Tree) -> Iterator[OfficeMove]:
    for code in sorted(before.offices):
        then = way_up(before.offices[code].unit, before.units)
        now = way_up(after.offices[code].unit, after.units)
        if then != now:
            yield OfficeMove(code, then, now)


class _Work:
    """The tree while operations are done to it, one after the other."""

    def __init__(self, tree: Tree, day: date) -> None:
        self.levels = tree.levels
        self.units = dict(tree.units)
        self.offices = dict(tree.offices)
        self.day = day
        self.number = 0
        self.mistakes: list[Mistake] = []
        self.ended: dict[str, int] = {}
        self.successions: list[tuple[str, str]] = []
        self.heirs: dict[str, list[str]] = defaultdict(list)
        self._before = tree
        self._touched: dict[str, int] = {}
        self._children: dict[str, set[str]] = defaultdict(set)
        self._offices_of: dict[str, set[str]] = defaultdict(set)
        for code, unit in tree.units.items():
            if unit.parent is not None and unit.ended is None:
                self._children[unit.parent].add(code)
        for code, office in tree.offices.items():
            self._offices_of[office.unit].add(code)

    def do(self, operation: Operation) -> None:
        match operation:
            case Create():
                self._create(operation)
            case Rename(unit=unit, name=name, name_en=name_en):
                if self._lasts(unit):
                    self._change(unit, replace(self.units[unit], name=name, name_en=name_en or name))
            case Move(unit=unit, parent=parent):
                if self._lasts(unit) and (parent is None or self._lasts(parent)):
                    self._put(unit, parent)
            case Merge():
                self._merge(operation)
            case Split():
                self._split(operation)
            case Abolish(unit=unit, to=to):
                self._abolish(unit, to)

    def check(self) -> None:
        """Find what is wrong with the tree that was made: circles, levels upside down, what was left behind."""
        for code, number in self._touched.items():
            self.number = number
            unit = self.units[code]
            if unit.ended is not None:
                continue
            if unit.parent is not None:
                self._check_parent(code, unit)
        told = {mistake.line for mistake in self.mistakes}
        for code, number in self.ended.items():
            if number in told:  # what is left behind follows from that
                continue
            self.number = number
            for child in sorted(self._children[code]):
                self._wrong(f"{code} ends, and {child} would be left without a parent: say where it goes")
            for office in sorted(self._offices_of[code]):
                self._wrong(f"{code} ends, and its office {office} would belong to no unit: say where it goes")

    def _check_parent(self, code: str, unit: UnitNow) -> None:
        way = way_up(code, self.units)
        top = self.units[way[-1]].parent
        if top in way:
            self._wrong(f"{code} would lie below itself: {' < '.join([*way, top])}")
            return
        parent = self.units[unit.parent or ""]
        if self.levels[parent.level].position >= self.levels[unit.level].position:
            self._wrong(f"{code} is a {unit.level} and cannot lie below {unit.parent}, a {parent.level}")

    def _create(self, create: Create) -> None:
        if create.unit in self.units:
            self._wrong(f"there is a unit {create.unit} already: give the new one another code")
            return
        levels = [level for level in sorted(self.levels.values(), key=_position) if level.lasts_on(self.day)]
        if create.level not in {level.code for level in levels}:
            known = ", ".join(level.code for level in levels)
            self._wrong(f"on {self.day} there is no level {create.level}: there are {known}")
            return
        sound = create.parent is None or self._lasts(create.parent)
        # With a parent that is wrong it still begins, so that what follows is judged by itself.
        self.units[create.unit] = UnitNow(
            level=create.level,
            name=create.name,
            name_en=create.name_en or create.name,
            parent=create.parent if sound else None,
            begun=self.day,
            changed=self.day,
        )
        self._touched[create.unit] = self.number
        if sound and create.parent is not None:
            self._children[create.parent].add(create.unit)

    def _merge(self, merge: Merge) -> None:
        leaving = [unit for unit in dict.fromkeys(merge.units) if unit != merge.into]
        if len(leaving) + 1 < len(merge.units) or (merge.into not in merge.units and len(leaving) < len(merge.units)):
            self._wrong("a unit is named twice")
        if not leaving:
            self._wrong(f"{merge.into} alone would merge with itself: name the others")
        sound = [unit for unit in leaving if self._may_end(unit)]
        if not self._lasts(merge.into):
            return
        for unit in sound:
            self._come_up(unit, [merge.into])
            self._hand_over(unit, self._children[unit], self._offices_of[unit], merge.into)
            self._end(unit, [merge.into])

    def _split(self, split: Split) -> None:
        if len(set(split.into)) < len(split.into):
            self._wrong("a unit is named twice")
        stays = split.unit in split.into
        sound = self._lasts(split.unit) if stays else self._may_end(split.unit)
        others = [unit for unit in dict.fromkeys(split.into) if unit != split.unit]
        missing = [unit for unit in others if not self._lasts(unit)]
        if missing or not sound:
            return
        rest = split.rest or (split.unit if stays else None)
        children = self._destinations("unit", self._children[split.unit] - set(others), split.units, rest, split)
        if not stays:
            self._come_up(split.unit, others)
        offices = self._destinations("office", self._offices_of[split.unit], split.offices, rest, split)
        for target in split.into:
            if target != split.unit:
                self._hand_over(
                    split.unit,
                    {child for child, to in children.items() if to == target},
                    {office for office, to in offices.items() if to == target},
                    target,
                )
        if stays:
            self._touched.setdefault(split.unit, self.number)
            self.successions += [(split.unit, unit) for unit in others]
        else:
            self._end(split.unit, others)

    def _destinations(
        self, kind: str, there: Iterable[str], named: Mapping[str, str], rest: str | None, split: Split
    ) -> dict[str, str]:
        """Return where each of those `there` goes; to name too few is a mistake, and to name too many."""
        found: dict[str, str] = {}
        for code in sorted(there):
            to = named.get(code, rest)
            if to is None:
                self._wrong(f"{split.unit} is split: say where its {kind} {code} goes")
            elif to not in split.into:
                self._wrong(f"{kind} {code} cannot go to {to}: {split.unit} becomes {', '.join(split.into)}")
            else:
                found[code] = to
        for code in sorted(named.keys() - set(there)):
            self._wrong(f"{kind} {code} is not one of {split.unit}")
        return found

    def _abolish(self, unit: str, to: str | None) -> None:
        sound = self._may_end(unit)
        if to is not None:
            if to == unit:
                self._wrong(f"{unit} ends: what is in it cannot go to itself")
                return
            if not self._lasts(to):
                return
            if sound:
                self._come_up(unit, [to])
                self._hand_over(unit, self._children[unit], self._offices_of[unit], to)
        if sound:
            self._end(unit, [])

    def _come_up(self, ending: str, takers: Iterable[str]) -> None:
        """Put those takers that lie right below what ends into its place."""
        for taker in takers:
            if taker in self._children[ending]:
                self._put(taker, self.units[ending].parent)

    def _hand_over(self, giver: str, children: Iterable[str], offices: Iterable[str], taker: str) -> None:
        for child in sorted(children):
            self._put(child, taker)
        for office in sorted(offices):
            since = self.offices[office].since
            if since > self.day:
                self._wrong(f"office {office} came to {giver} on {since}, later than this reorganisation")
                continue
            self.offices[office] = OfficeNow(taker, self.day)
            self._offices_of[giver].discard(office)
            self._offices_of[taker].add(office)

    def _put(self, unit: str, parent: str | None) -> None:
        now = self.units[unit]
        if now.changed > self.day:
            self._wrong(f"{unit} has changed on {now.changed} already, later than this reorganisation")
            return
        if now.parent is not None:
            self._children[now.parent].discard(unit)
        if parent is not None:
            self._children[parent].add(unit)
        self._change(unit, replace(now, parent=parent))

    def _change(self, unit: str, then: UnitNow) -> None:
        self.units[unit] = replace(then, changed=self.day)
        self._touched[unit] = self.number

    def _end(self, unit: str, successors: Sequence[str]) -> None:
        self.successions += [(unit, successor) for successor in successors]
        self.heirs[unit] += successors
        now = self.units[unit]
        if now.parent is not None:
            self._children[now.parent].discard(unit)
        self.units[unit] = replace(now, ended=self.day)
        self.ended[unit] = self.number
        self._touched[unit] = self.number

    def _lasts(self, code: str) -> bool:
        """Return whether the unit is there on the day and not changed later; else note the mistake."""
        unit = self.units.get(code)
        if unit is None:
            self._wrong(f"there is no unit {code}")
        elif code in self.ended:
            self._wrong(f"{code} ends in this reorganisation already, by operation {self.ended[code]}")
        elif unit.ended is not None:
            self._wrong(f"{code} has ended on {unit.ended}")
        elif unit.begun > self.day:
            self._wrong(f"{code} begins on {unit.begun}, later than this reorganisation")
        elif unit.changed > self.day:
            self._wrong(f"{code} has changed on {unit.changed} already, later than this reorganisation")
        else:
            return True
        return False

    def _may_end(self, code: str) -> bool:
        if not self._lasts(code):
            return False
        if self.units[code].begun == self.day:
            self._wrong(f"{code} begins on {self.day} and cannot end on the same day")
            return False
        return True

    def _wrong(self, why: str) -> None:
        self.mistakes.append(Mistake(self.number, why))
