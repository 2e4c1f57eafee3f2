"""Vietnam's units before and since the reform of 1 July 2025, as the installed package `vietnamadminunits` has them.

The package (MIT) is read where it is installed, as data: its code is not imported, and nothing of it is kept here. A
unit that the reform left as it was goes on; every other one ended, and the law calls what took its place new. The
numbers of the General Statistics Office were given out again, so what ended has them with `-until-2025`.
"""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from inventory.errors import PackageMissing
from kernel.i18n import without_accents

PACKAGE: Final = "vietnamadminunits"
REFORM: Final = date(2025, 7, 1)
UNITED: Final = date(1976, 7, 2)
COUNTRY: Final = "vn"
BEFORE: Final = "before"
SINCE: Final = "since"

COUNTED: Final[Mapping[tuple[str, str], int]] = {
    (BEFORE, "province"): 63,
    (BEFORE, "district"): 696,
    (BEFORE, "commune"): 10_035,
    (SINCE, "province"): 34,
    (SINCE, "commune"): 3_321,
}
"""What the government counted at the reform."""

KINDS: Final = {
    "Thành phố": "City",
    "Tỉnh": "Province",
    "Quận": "District",
    "Huyện": "District",
    "Thị xã": "Town",
    "Phường": "Ward",
    "Xã": "Commune",
    "Thị trấn": "Township",
    "Đặc khu": "Special Zone",
}


@dataclass(frozen=True, slots=True)
class Period:
    """A unit's parent during a time; `until` is None while it lasts."""

    since: date
    until: date | None
    parent: str | None


@dataclass(slots=True)
class Unit:
    """A unit as the package tells it."""

    code: str
    name: str
    level: str
    periods: list[Period]
    successors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Country:
    """All units by code, and of how many former ones nobody tells what became of them."""

    units: Mapping[str, Unit]
    untold: tuple[str, ...]

    def count(self, when: str, level: str) -> int:
        """Return how many units of `level` there were the day before the reform (`before`), or are `since`."""
        return sum(unit.level == level and _lasted(unit, when) for unit in self.units.values())


def read_country(first_day: date, folder: Path | None = None) -> Country:
    """Return Vietnam before and since the reform.

    Args:
        first_day: Since when the map of before holds; the package does not tell.
        folder: Where the package is; None: where it is installed.

    Raises:
        PackageMissing: It is not there, or is not as it was.
    """
    folder = folder or _installed()
    try:
        with closing(sqlite3.connect(f"file:{folder}/data/dataset.db?mode=ro", uri=True)) as data:
            data.row_factory = sqlite3.Row
            before = data.execute(
                "SELECT DISTINCT province, district, ward, provinceCode, districtCode, wardCode, provinceKey,"
                " districtKey, wardKey FROM admin_units_legacy ORDER BY provinceCode, districtCode, wardCode"
            ).fetchall()
            since = data.execute(
                "SELECT province, ward, provinceCode, wardCode, provinceKey, wardKey FROM admin_units"
                " ORDER BY provinceCode, wardCode"
            ).fetchall()
        became = json.loads((folder / "data" / "converter_2025.json").read_text(encoding="utf-8"))
        return _country(before, since, became, first_day)
    except (OSError, sqlite3.Error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PackageMissing(why=f"it is not as version 1.0.4 was ({type(error).__name__}: {error})") from error


def english(name: str) -> str:
    """Return the English name of a unit: `Xã Phan Sơn` is Phan Son Commune."""
    kind = next((kind for kind in KINDS if name.startswith(f"{kind} ")), "")
    return f"{without_accents(name.removeprefix(f'{kind} '))} {KINDS[kind]}" if kind else without_accents(name)


def _country(
    before: list[sqlite3.Row], since: list[sqlite3.Row], became: Mapping[str, Any], first_day: date
) -> Country:
    # Keys of the package: province of then_district of then_commune of then, to province_commune of now.
    provinces = {old: new for new, olds in became["DICT_PROVINCE"].items() for old in olds}
    communes = dict(_communes(became))
    same_province = {new for new, olds in became["DICT_PROVINCE"].items() if olds == [new]}
    from_one = defaultdict(list)
    for old, news in communes.items():
        for new in news:
            from_one[new].append(old)
    goes_on = {
        olds[0]: new
        for new, olds in from_one.items()
        if len(olds) == 1 and len(communes[olds[0]]) == 1 and olds[0].rpartition("_")[2] == new.rpartition("_")[2]
    }
    units = {COUNTRY: Unit(COUNTRY, "Việt Nam", "central", [Period(UNITED, None, None)])}
    now: dict[str, str] = {}
    for row in since:
        province, commune = _code(row["provinceCode"]), _code(row["wardCode"])
        now[row["provinceKey"]], now[f"{row['provinceKey']}_{row['wardKey']}"] = province, commune
        units.setdefault(province, Unit(province, row["province"], "province", [Period(REFORM, None, COUNTRY)]))
        units[commune] = Unit(commune, row["ward"], "commune", [Period(REFORM, None, province)])
    told: set[str] = set()
    for row in before:
        key = row["provinceKey"]
        if key in same_province:
            province = now[key]
            units[province].periods = [Period(first_day, None, COUNTRY)]
        else:
            province = _ended(row["provinceCode"])
            units.setdefault(
                province,
                Unit(
                    province, row["province"], "province", [Period(first_day, REFORM, COUNTRY)], [now[provinces[key]]]
                ),
            )
        told.add(province)
        district = _ended(row["districtCode"])
        units.setdefault(district, Unit(district, row["district"], "district", [Period(first_day, REFORM, province)]))
        path = f"{key}_{row['districtKey']}_{row['wardKey'] or ''}"
        if not row["wardCode"]:  # an island district without communes: it became a special zone itself
            units[district].successors = [now[new] for new in communes.get(path, ())]
        elif path in goes_on:
            units[now[goes_on[path]]].periods.insert(0, Period(first_day, REFORM, district))
        else:
            commune = _ended(row["wardCode"])
            successors = [now[new] for new in communes.get(path, ())]
            units[commune] = Unit(commune, row["ward"], "commune", [Period(first_day, REFORM, district)], successors)
    untold = [
        unit.code
        for unit in units.values()
        if unit.level == "commune" and unit.periods[-1].until and not unit.successors
    ]
    return Country(units, tuple(untold))


def _communes(became: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each former commune with those that it became; of one that was divided, the largest part comes first."""
    found: dict[str, list[str]] = defaultdict(list)
    for province, communes in became["DICT_PROVINCE_WARD_DIVIDED"].items():
        for old, parts in communes.items():
            for part in sorted(parts, key=lambda part: not part["isDefaultNewWard"]):
                found[old].append(f"{province}_{part['newWardKey']}")
    for province, communes in became["DICT_PROVINCE_WARD_NO_DIVIDED"].items():
        for new, olds in communes.items():
            for old in olds:
                found[old].append(f"{province}_{new}")
    yield from found.items()


def _lasted(unit: Unit, when: str) -> bool:
    if when == SINCE:
        return unit.periods[-1].until is None
    return unit.periods[0].since < REFORM


def _code(number: str) -> str:
    return f"{COUNTRY}-{number}"


def _ended(number: str) -> str:
    return f"{COUNTRY}-{number}-until-2025"


def _installed() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise PackageMissing(why="it is not installed: pip install 'vungcao[vietnam]'")
    return Path(found.origin).parent
