"""Reads device profiles from a folder of YAML files, one kind of device a file, and finds every mistake with its line.

The format is described in `docs/how-to/device-profile.md`; the bundled files are its examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from inventory import located_yaml
from inventory.errors import Mistake
from inventory.profiles.schema import (
    Column,
    Combine,
    Kind,
    Object,
    Profile,
    Ratio,
    RowFilter,
    Scalar,
    Share,
    Source,
    Table,
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
ProfileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
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


class ShareEntry(Entry):
    """One way to a ratio."""

    whole: Metric
    used: list[Metric] = Field(default_factory=list)
    unused: list[Metric] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_part(self) -> ShareEntry:
        if bool(self.used) == bool(self.unused):
            message = "give either used or unused"
            raise ValueError(message)
        return self


class TitleEntry(Entry):
    """What people call it."""

    vi: Title
    en: Title


class ProfileFile(Entry):
    """A whole file."""

    version: Literal[1]
    title: TitleEntry
    extends: ProfileName | None = None
    identifies: list[Oid] = Field(default_factory=list)
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


def load_profiles(folder: Traversable) -> Mapping[str, Profile]:
    """Return the profiles of the `*.yaml` files in `folder` by name, each with what it extends folded in.

    What a file says replaces what the extended profile says of the same scalar, table or ratio.

    Args:
        folder: A `pathlib.Path`, or a folder inside a package.

    Raises:
        BadProfiles: With every mistake of every file.
    """
    read: dict[str, _Read] = {}
    mistakes: list[ProfileMistake] = []
    for file in sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name):
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


def _lineage(name: str, read: Mapping[str, _Read]) -> Iterator[ProfileFile]:
    """Yield the profile and what it extends, nearest first; ends where a name is unknown or comes again."""
    seen: set[str] = set()
    at: str | None = name
    while at is not None and at in read and at not in seen:
        seen.add(at)
        yield read[at].entry
        at = read[at].entry.extends


def _folded(name: str, read: Mapping[str, _Read]) -> Profile:
    scalars: dict[str, Scalar] = {}
    tables: dict[str, Table] = {}
    ratios: dict[str, Ratio] = {}
    for entry in reversed(list(_lineage(name, read))):
        scalars |= {metric: _scalar(metric, scalar) for metric, scalar in entry.scalars.items()}
        tables |= {key: _table(key, table) for key, table in entry.tables.items()}
        ratios |= {metric: _ratio(metric, shares) for metric, shares in entry.ratios.items()}
    own = read[name].entry
    return Profile(
        name=name,
        title=own.title.model_dump(),
        scalars=tuple(scalars.values()),
        tables=tuple(tables.values()),
        ratios=tuple(ratios.values()),
        identifies=tuple(own.identifies),
    )


def _scalar(metric: str, entry: ScalarEntry) -> Scalar:
    return Scalar(metric, tuple(source.source() for source in entry.sources), entry.required, entry.instance)


def _table(name: str, entry: TableEntry) -> Table:
    rows = entry.rows
    return Table(
        name=name,
        index=entry.index.value(),
        labels=tuple(label.value() for label in entry.labels),
        columns=tuple(
            Column(metric, tuple(source.source() for source in column.sources), column.required, column.combine)
            for metric, column in entry.columns.items()
        ),
        rows=RowFilter(rows.value(), frozenset(map(str, rows.only)), frozenset(map(str, rows.leave_out)))
        if rows
        else None,
        discontinuity=entry.discontinuity.value() if entry.discontinuity else None,
    )


def _ratio(metric: str, shares: list[ShareEntry]) -> Ratio:
    return Ratio(metric, tuple(Share(share.whole, tuple(share.used), tuple(share.unused)) for share in shares))


def _crosscheck(name: str, read: Mapping[str, _Read], *, complete: bool) -> Iterator[Mistake]:
    """Find what one file alone cannot show. Unknown parents are told only where every file could be read."""
    one = read[name]
    lineage = list(_lineage(name, read))
    last = lineage[-1].extends
    if any(entry.extends == name for entry in lineage):
        yield Mistake(one.located.line(("extends",)), f"extends: {name} extends itself")
    elif last is None or last in read:
        yield from _names(one, lineage)
    elif complete and len(lineage) == 1:
        yield Mistake(one.located.line(("extends",)), f"extends: there is no profile {last}")


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
            for wanted in (share.whole, *share.used, *share.unused):
                if wanted not in once:
                    why = f"ratios.{metric}.{number}: there is no scalar or combined column {wanted}"
                    yield Mistake(one.located.line(("ratios", metric, number)), why)
