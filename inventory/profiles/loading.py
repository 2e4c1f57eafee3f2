"""Reads device profiles from a folder of YAML files, one kind of device a file, and finds every mistake with its line.

The format is described in `docs/how-to/device-profile.md`; the bundled files are its examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from inventory import located_yaml
from inventory.errors import Mistake
from inventory.profiles.schema import (
    NO_QUIRKS,
    Column,
    Combine,
    Kind,
    Object,
    Profile,
    Quirks,
    Ratio,
    RowFilter,
    Scalar,
    Share,
    Source,
    Table,
    Tested,
)
from kernel.errors import BadInput

LARGEST_FILE = 256 * 1024
"""Bytes. The largest bundled profile has about 6 kB."""


def _checked_oid(text: str) -> str:
    arcs = text.split(".")
    # RFC 2578 section 3.5: at most 128 sub-identifiers, each below 2^32. Arcs 1 and 2 decide how the rest is encoded.
    if not 3 <= len(arcs) <= 128 or any(int(arc) >= 2**32 for arc in arcs) or arcs[0] not in {"0", "1"}:  # noqa: PLR2004
        message = "not a numeric object identifier"
        raise ValueError(message)
    return text


Oid = Annotated[
    str, Field(pattern=r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+$", max_length=512), AfterValidator(_checked_oid)
]
ObjectName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*::[a-z][A-Za-z0-9-]*$")]
Metric = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
NAME = r"[a-z0-9][a-z0-9-]{0,62}"
ProfileName = Annotated[str, Field(pattern=rf"^{NAME}$")]
Title = Annotated[str, Field(min_length=1, max_length=120)]
FilterValue = int | Oid


class Entry(BaseModel):
    """Base of what stands in a file: an unknown field is a mistake, not a thing to ignore."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ObjectEntry(Entry):
    """An object of a MIB, with its citation."""

    oid: Oid
    object: ObjectName

    def value(self) -> Object:
        """Return the object."""
        return Object(self.oid, self.object)


class SourceEntry(ObjectEntry):
    """One way to a metric."""

    kind: Kind = "gauge"
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    map: dict[int, float] | None = None
    otherwise: float | None = None
    at_least: int | None = None
    at_most: int | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> SourceEntry:
        if self.otherwise is not None and self.map is None:
            message = "otherwise needs a map"
            raise ValueError(message)
        if self.kind != "gauge" and (self.map is not None or self.scale != 1.0):
            message = "a counter is kept raw: no scale and no map"
            raise ValueError(message)
        return self

    def source(self) -> Source:
        """Return the source."""
        return Source(self.value(), self.kind, self.scale, self.map, self.otherwise, self.at_least, self.at_most)


class ScalarEntry(Entry):
    """A metric had once."""

    sources: Annotated[list[SourceEntry], Field(alias="from", min_length=1)]
    required: bool = False
    instance: str = ""


class ColumnEntry(Entry):
    """A metric had by row."""

    sources: Annotated[list[SourceEntry], Field(alias="from", min_length=1)]
    required: bool = False
    combine: Combine | None = None
    whole: ObjectEntry | None = None

    @model_validator(mode="after")
    def _whole_of_a_gauge(self) -> ColumnEntry:
        if self.whole is not None and any(source.kind != "gauge" for source in self.sources):
            message = "only a gauge can be a part of a whole"
            raise ValueError(message)
        return self

    def column(self, metric: str) -> Column:
        """Return the column."""
        sources = tuple(source.source() for source in self.sources)
        return Column(metric, sources, self.required, self.combine, self.whole.value() if self.whole else None)


class RowFilterEntry(ObjectEntry):
    """Which rows count."""

    only: list[FilterValue] = Field(default_factory=list)
    leave_out: list[FilterValue] = Field(default_factory=list)


class TableEntry(Entry):
    """A table."""

    index: ObjectEntry
    labels: list[ObjectEntry] = Field(default_factory=list)
    columns: Annotated[dict[Metric, ColumnEntry], Field(min_length=1)]
    rows: RowFilterEntry | None = None
    discontinuity: ObjectEntry | None = None
    magnitude: ObjectEntry | None = None
    precision: ObjectEntry | None = None


class ShareEntry(Entry):
    """One way to a ratio."""

    whole: Metric | None = None
    used: list[Metric] = Field(default_factory=list)
    unused: list[Metric] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_part(self) -> ShareEntry:
        if (bool(self.used) == bool(self.unused)) == (self.whole is not None):
            message = "give a whole and either used or unused, or both of these"
            raise ValueError(message)
        return self


class TitleEntry(Entry):
    """What people call it."""

    vi: Title
    en: Title


class QuirksEntry(Entry):
    """How it must be asked, and why."""

    values_a_request: Annotated[int, Field(ge=1, le=50)] | None = None
    rows_a_request: Annotated[int, Field(ge=1, le=40)] | None = None
    why: Annotated[str, Field(min_length=10, max_length=400)]


class TestedEntry(Entry):
    """A device that it was seen to work with."""

    device: Title
    how: Title
    on: date


class ProfileFile(Entry):
    """A whole file."""

    version: Literal[1]
    title: TitleEntry
    extends: ProfileName | Annotated[list[ProfileName], Field(min_length=1, max_length=8)] | None = None
    identifies: list[Oid] = Field(default_factory=list)
    cites: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")], Title] = Field(default_factory=dict)
    tested: list[TestedEntry] = Field(default_factory=list)
    untested: Annotated[str, Field(max_length=400)] = ""
    quirks: QuirksEntry | None = None
    scalars: dict[Metric, ScalarEntry] = Field(default_factory=dict)
    tables: dict[ProfileName, TableEntry] = Field(default_factory=dict)
    ratios: dict[Metric, list[ShareEntry]] = Field(default_factory=dict)


class ProfileMistake(NamedTuple):
    """One mistake: in which file, in which line (from 1; 0 if it has none), and what is wrong there."""

    file: str
    line: int
    why: str


class BadProfiles(BadInput):
    """Raised with every mistake in every file of the folder; no profile was loaded."""

    code = "bad-profiles"
    message = "No device profile was loaded. Mistakes: {count}. The first is in {file}, line {line}: {why}"

    def __init__(self, mistakes: list[ProfileMistake]) -> None:
        self.mistakes = sorted(mistakes)
        first = self.mistakes[0]
        super().__init__(count=len(mistakes), file=first.file, line=first.line, why=first.why)


class _Read(NamedTuple):
    file: str
    entry: ProfileFile
    located: located_yaml.Located


def load_profiles(*folders: _Folder) -> Mapping[str, Profile]:
    """Return the profiles of the `*.yaml` files in `folders` by name, each with what it extends folded in.

    What a file says replaces what the extended profile says of the same scalar, table or ratio. A file in a later
    folder stands in the place of one of the same name in an earlier folder.

    Args:
        *folders: Each a `pathlib.Path`, or a folder inside a package.

    Raises:
        BadProfiles: With every mistake of every file.
    """
    read: dict[str, _Read] = {}
    mistakes: list[ProfileMistake] = []
    for file in _files(folders):
        entry, located, wrong = _read(file)
        mistakes += [ProfileMistake(file.name, *mistake) for mistake in wrong]
        if entry is not None and located is not None:
            read[file.name.removesuffix(".yaml")] = _Read(file.name, entry, located)
    complete = not mistakes
    for name, one in read.items():
        mistakes += [ProfileMistake(one.file, *mistake) for mistake in _crosscheck(name, read, complete=complete)]
    if mistakes:
        raise BadProfiles(mistakes)
    return {name: _folded(name, read) for name in read}


def bundled_profiles() -> Mapping[str, Profile]:
    """Return the profiles that come with the platform."""
    return load_profiles(files("inventory.profiles"))


def known_profiles(own: Path | None) -> Mapping[str, Profile]:
    """Return the profiles that come with the platform, and those of the folder `own`, if there is one.

    Raises:
        BadProfiles: With every mistake of every file.
        BadInput: There is no such folder.
    """
    if own is None:
        return bundled_profiles()
    if not own.is_dir():
        raise BadInput(what="The folder of device profiles", why=f"there is no folder {own}")
    return load_profiles(files("inventory.profiles"), own)


def profile_with(file: Path, own: Path | None) -> Profile:
    """Return the profile of one file, as it will be beside the others: for who is writing it.

    Raises:
        BadProfiles: With every mistake, of this file and of others.
        BadInput: It cannot be read, or its name is not one of a profile.
    """
    if not re.fullmatch(NAME, file.stem) or file.suffix != ".yaml":
        why = f"{file.name} is not named like room-sensor.yaml: small letters, digits and hyphens"
        raise BadInput(what="The profile", why=why)
    if not file.is_file():
        raise BadInput(what="The profile", why=f"there is no file {file}")
    return load_profiles(files("inventory.profiles"), *([own] if own else []), _Only(file))[file.stem]


class _Only:
    """One file as if it were a folder."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def iterdir(self) -> Iterator[Traversable]:
        yield self._file


class _Folder(Protocol):
    """What is needed of a folder."""

    def iterdir(self) -> Iterator[Traversable]:
        """Yield what is in it."""
        ...


def _files(folders: Iterable[_Folder]) -> list[Traversable]:
    found = {file.name: file for folder in folders for file in folder.iterdir() if file.name.endswith(".yaml")}
    return [found[name] for name in sorted(found)]


def _read(file: Traversable) -> tuple[ProfileFile | None, located_yaml.Located | None, list[Mistake]]:
    octets = file.read_bytes()
    if len(octets) > LARGEST_FILE:
        return None, None, [Mistake(0, f"the file is larger than {LARGEST_FILE // 1024} kB")]
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, None, [Mistake(octets[: error.start].count(b"\n") + 1, "not UTF-8")]
    located, mistakes = located_yaml.read(text)
    if located is None:
        return None, None, mistakes
    entry, mistakes = located_yaml.judge(ProfileFile, located)
    return entry, located, mistakes


def _parents(entry: ProfileFile) -> list[str]:
    match entry.extends:
        case None:
            return []
        case str(name):
            return [name]
        case names:
            return names


def _lineage(name: str, read: Mapping[str, _Read]) -> list[str]:
    """Return the profile and what it extends, nearest first: of two parents the one named last, with all of its own.

    Names that are not there are left out; the name itself comes again at the end if it extends itself.
    """
    found = [name]

    def climb(at: str) -> bool:
        again = False
        for parent in reversed(_parents(read[at].entry)):
            if parent == name:
                again = True
            elif parent in read and parent not in found:
                found.append(parent)
                again |= climb(parent)
        return again

    return [*found, name] if climb(name) else found


def _folded(name: str, read: Mapping[str, _Read]) -> Profile:
    scalars: dict[str, Scalar] = {}
    tables: dict[str, Table] = {}
    ratios: dict[str, Ratio] = {}
    cites: dict[str, str] = {}
    quirks = NO_QUIRKS
    for entry in [read[each].entry for each in reversed(_lineage(name, read))]:
        scalars |= {metric: _scalar(metric, scalar) for metric, scalar in entry.scalars.items()}
        tables |= {key: _table(key, table) for key, table in entry.tables.items()}
        ratios |= {metric: _ratio(metric, shares) for metric, shares in entry.ratios.items()}
        cites |= entry.cites
        quirks = Quirks(**entry.quirks.model_dump()) if entry.quirks else quirks
    own = read[name].entry
    return Profile(
        name=name,
        title=own.title.model_dump(),
        scalars=tuple(scalars.values()),
        tables=tuple(tables.values()),
        ratios=tuple(ratios.values()),
        identifies=tuple(own.identifies),
        quirks=quirks,
        cites=cites,
        tested=tuple(Tested(each.device, each.how, each.on) for each in own.tested),
        untested=own.untested,
    )


def _scalar(metric: str, entry: ScalarEntry) -> Scalar:
    return Scalar(metric, tuple(source.source() for source in entry.sources), entry.required, entry.instance)


def _table(name: str, entry: TableEntry) -> Table:
    rows = entry.rows
    return Table(
        name=name,
        index=entry.index.value(),
        labels=tuple(label.value() for label in entry.labels),
        columns=tuple(column.column(metric) for metric, column in entry.columns.items()),
        rows=RowFilter(rows.value(), frozenset(map(str, rows.only)), frozenset(map(str, rows.leave_out)))
        if rows
        else None,
        discontinuity=entry.discontinuity.value() if entry.discontinuity else None,
        magnitude=entry.magnitude.value() if entry.magnitude else None,
        precision=entry.precision.value() if entry.precision else None,
    )


def _ratio(metric: str, shares: list[ShareEntry]) -> Ratio:
    return Ratio(metric, tuple(Share(share.whole or "", tuple(share.used), tuple(share.unused)) for share in shares))


def _crosscheck(name: str, read: Mapping[str, _Read], *, complete: bool) -> Iterator[Mistake]:
    """Find what one file alone cannot show. Unknown parents are told only where every file could be read."""
    one = read[name]
    lineage = _lineage(name, read)
    if lineage.count(name) > 1:
        yield Mistake(one.located.line(("extends",)), f"extends: {name} extends itself")
        return
    gone = [parent for parent in _parents(one.entry) if parent not in read]
    if complete:
        for parent in gone:
            yield Mistake(one.located.line(("extends",)), f"extends: there is no profile {parent}")
    if all(parent in read for each in lineage for parent in _parents(read[each].entry)):
        entries = [read[each].entry for each in lineage]
        yield from _names(one, entries)
        yield from _uncited(one, entries)


def _uncited(one: _Read, lineage: list[ProfileFile]) -> Iterator[Mistake]:
    """Find MIBs of which nobody could look the objects up."""
    cited = {mib for entry in lineage for mib in entry.cites}
    told: set[str] = set()
    for path, line in one.located.lines.items():
        if path and path[-1] == "object":
            mib = str(_at(one.located.content, path)).partition("::")[0]
            if mib not in cited and mib not in told:
                told.add(mib)
                yield Mistake(line, f"cites: {mib} is not cited: in which document is it found?")


def _at(content: Any, path: located_yaml.Path) -> Any:  # noqa: ANN401 - a value of the file, whatever it is
    for step in path:
        content = content[step]
    return content


def _names(one: _Read, lineage: list[ProfileFile]) -> Iterator[Mistake]:
    """Find ratios of things that are not there."""
    once: set[str] = set()  # values that a device has once: the only ones that a ratio can be made of
    for entry in lineage:
        once |= entry.scalars.keys()
        once |= {
            metric for table in entry.tables.values() for metric, column in table.columns.items() if column.combine
        }
    for metric, shares in one.entry.ratios.items():
        for number, share in enumerate(shares):
            for wanted in (*filter(None, [share.whole]), *share.used, *share.unused):
                if wanted not in once:
                    why = f"ratios.{metric}.{number}: there is no scalar or combined column {wanted}"
                    yield Mistake(one.located.line(("ratios", metric, number)), why)
