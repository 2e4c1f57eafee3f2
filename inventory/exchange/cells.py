"""Cells of a spreadsheet: what each column is called in Vietnamese and English, how it is read, how it is written.

A technician's Excel writes 24/11/2026, 12,5 and 20.000.000; a formula is no value, and none may leave with an export
that a spreadsheet would carry out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from inventory.exchange.faults import Fault, fault

Kind = Literal["text", "code", "integer", "decimal", "date", "list", "contacts", "choice", "choices", "truth", "known"]

STARTERS: Final = "=+-@\t\r"
"""First letters by which a spreadsheet takes a cell for a formula (OWASP, CSV injection)."""
QUOTE: Final = "'"
EXCEL_ERROR: Final = re.compile(r"#(?:REF|N/A|NAME\?|VALUE|DIV/0|NUM|NULL|SPILL|CALC)!?")
SIGNED: Final = re.compile(r"[+-][0-9][0-9 .,()-]*")
GROUPED: Final = re.compile(r"[+-]?\d{1,3}(?:([., \u00a0\u202f])\d{3})(?:\1\d{3})*")
ROUNDED: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?)?")
DAY_FIRST: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{2}|\d{4})(?: +0?0:00(?::00)?)?")
FULL_YEAR: Final = 4
SEPARATORS: Final = re.compile(r"[\s,;|]+")

SAID: Final[Mapping[str, Mapping[str, str]]] = {
    "role": {
        "bo dinh tuyen": "router", "bo chuyen mach": "switch", "diem truy cap": "access-point", "diem phat wi fi":
        "access-point", "bo luu dien": "ups", "phong hop": "meeting-room", "thiet bi phong hop": "meeting-room",
    },
    "state": {
        "du kien": "planned", "da chuan bi": "staged", "dang dung": "active", "bao tri": "maintenance",
        "dang bao tri": "maintenance", "thanh ly": "retired",
    },
    "ownership": {"so huu": "owned", "cua don vi": "owned", "thue": "leased", "di thue": "leased"},
    "medium": {"cap quang": "fibre", "vi ba": "microwave", "ve tinh": "satellite"},
    "kind": {
        "co quan quan ly": "managing-body", "to chuc thuc hien": "implementing-organisation",
        "diem hop": "meeting-point",
        "ket noi": "connectivity", "dien": "electricity", "dien kho khan": "disadvantaged",
        "kenh truyen": "line", "duong truyen": "line", "thue": "lease", "thue thiet bi": "lease", "bao tri": "support",
    },
    "value": {
        "khong": "none", "khong co": "none", "khong co song": "none", "chua co dien": "none",
        "khong thuoc dien kho khan": "none", "cap quang": "fibre", "ve tinh": "satellite", "khung gio": "part",
        "ca ngay": "whole", "khu vuc i": "area-1", "khu vuc ii": "area-2", "khu vuc iii": "area-3",
        "dac biet kho khan": "especially",
    },
    "level": {"trung uong": "central", "tinh": "province", "huyen": "district", "xa": "commune", "thon": "village"},
}  # fmt: skip
"""Words for values that a Vietnamese spreadsheet has, in plain letters, beside the codes that are written."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a spreadsheet.

    Attributes:
        name: Name of the field; `ssh_user` is the field `user` of `ssh`.
        vi: Heading in Vietnamese.
        en: Heading in English.
        kind: How its cells are read.
        keeps: An empty cell leaves the field as it is, for it cannot be empty.
    """

    name: str
    vi: str
    en: str
    kind: Kind = "text"
    keeps: bool = False


CODE: Final = Column("code", "Mã", "Code", "code")
NAME: Final = Column("name", "Tên", "Name")
SINCE: Final = Column("since", "Từ ngày", "Since", "date", keeps=True)

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "units": (
        CODE, NAME,
        Column("name_en", "Tên tiếng Anh", "English name", keeps=True),
        Column("level", "Cấp", "Level", "choice"),
        Column("parent", "Đơn vị cấp trên", "Parent", "code"),
        Column("valid_from", "Có hiệu lực từ", "Valid from", "date"),
        Column("valid_to", "Hết hiệu lực từ", "Valid to", "date"),
        Column("successors", "Đơn vị kế tục", "Successors", "list"),
    ),
    "offices": (
        CODE, NAME,
        Column("unit", "Đơn vị hành chính", "Unit", "code"),
        Column("kind", "Loại", "Kind", "choice", keeps=True),
        Column("address", "Địa chỉ", "Address"),
        Column("hours", "Giờ làm việc", "Hours"),
        Column("latitude", "Vĩ độ", "Latitude", "decimal"),
        Column("longitude", "Kinh độ", "Longitude", "decimal"),
        Column("contacts", "Người liên hệ", "Contacts", "contacts"),
        SINCE,
    ),
    "devices": (
        CODE, NAME,
        Column("office", "Văn phòng", "Office", "code"),
        Column("role", "Vai trò", "Role", "choice"),
        Column("profile", "Mẫu thiết bị", "Profile", "code"),
        Column("address", "Địa chỉ IP", "IP address"),
        Column("port", "Cổng SNMP", "SNMP port", "integer", keeps=True),
        Column("snmp", "Phiên bản SNMP", "SNMP version", "choice"),
        Column("credential", "Thông tin xác thực", "Credential"),
        Column("state", "Trạng thái", "State", "choice", keeps=True),
        Column("ownership", "Sở hữu", "Ownership", "choice", keeps=True),
        Column("lessor", "Bên cho thuê", "Leased from"),
        Column("vendor", "Hãng", "Maker"),
        Column("model", "Kiểu máy", "Model"),
        Column("serial", "Số sê-ri", "Serial number"),
        Column("firmware", "Phần mềm", "Firmware"),
        Column("warranty_until", "Bảo hành đến", "Under warranty until", "date"),
        Column("addresses", "Địa chỉ IP khác", "Further addresses", "list"),
        Column("ssh_user", "Tài khoản SSH", "SSH user"),
        Column("ssh_port", "Cổng SSH", "SSH port", "integer", keeps=True),
        Column("ssh_credential", "Khóa SSH", "SSH credential"),
        Column("ssh_host_key", "Khóa máy chủ SSH", "SSH host key"),
        SINCE,
    ),
    "uplinks": (
        CODE,
        Column("device", "Thiết bị", "Device", "code"),
        Column("interface", "Cổng mạng", "Interface"),
        Column("carrier", "Nhà mạng", "Carrier"),
        Column("medium", "Loại đường truyền", "Medium", "choice"),
        Column("down_bps", "Tốc độ xuống (bit/s)", "Down (bit/s)", "integer"),
        Column("up_bps", "Tốc độ lên (bit/s)", "Up (bit/s)", "integer"),
        Column("group", "Nhóm dự phòng", "Redundancy group"),
        Column("parent", "Thiết bị đầu kia", "Device at the other end", "code"),
    ),
    "checks": (
        CODE,
        Column("device", "Thiết bị", "Device", "code"),
        Column("kind", "Loại", "Kind", "choice"),
        Column("place", "Nơi kiểm tra", "Place", "code", keeps=True),
        Column("every_s", "Chu kỳ (giây)", "Every (s)", "integer", keeps=True),
        Column("port", "Cổng", "Port", "integer", keeps=True),
        Column("name", "Tên được hỏi", "Name asked for", keeps=True),
        Column("secure", "HTTPS", "HTTPS", "truth", keeps=True),
        Column("path", "Đường dẫn", "Path", keeps=True),
        Column("status", "Mã trả lời", "Status", "integer", keeps=True),
        Column("contains", "Có chứa", "Contains", keeps=True),
        Column("record", "Bản ghi DNS", "DNS record", keeps=True),
        Column("expect", "Phải trả lời", "Expected", "list", keeps=True),
    ),
    "contracts": (
        CODE,
        Column("kind", "Loại", "Kind", "choice"),
        Column("party", "Bên cung cấp", "Provider"),
        Column("number", "Số hợp đồng", "Contract number"),
        Column("starts", "Ngày bắt đầu", "Starts", "date"),
        Column("ends", "Ngày kết thúc", "Ends", "date"),
        Column("warn_days", "Báo trước (ngày)", "Warn (days)", "integer", keeps=True),
        Column("sla_percent", "Cam kết (%)", "SLA (%)", "decimal"),
        Column("repair_hours", "Khắc phục trong (giờ)", "Repair (hours)", "decimal"),
        Column("cost", "Chi phí (đồng/tháng)", "Cost (VND a month)", "integer"),
        Column("uplinks", "Đường truyền", "Uplinks", "list"),
        Column("devices", "Thiết bị", "Devices", "list"),
        Column("note", "Ghi chú", "Note"),
    ),
    "coverage": (
        Column("unit", "Mã đơn vị", "Unit code", "code"),
        Column("kind", "Nội dung", "What", "choice"),
        SINCE,
        Column("value", "Giá trị", "Value", "choices"),
        Column("until", "Đến trước ngày", "Until the day before", "date"),
        Column("measured", "Cách ghi nhận", "How it is known", "known", keeps=True),
        Column("source", "Nguồn", "Source"),
    ),
}  # fmt: skip
"""Columns of each kind of thing, in the order in which an export has them."""

MEASURED: Final[Mapping[str, bool]] = {
    "do duoc": True, "do": True, "do dac": True, "measured": True, "true": True,
    "theo bao cao": False, "bao cao": False, "reported": False, "false": False,
}  # fmt: skip
SHOWN_MEASURED: Final[Mapping[bool, tuple[str, str]]] = {
    True: ("đo được", "measured"), False: ("theo báo cáo", "reported"),
}  # fmt: skip
"""Whether something was measured or reported, as it is read and written."""

IGNORED: Final = frozenset({"stt", "no", "tt", ""})
"""Headings that number lines, or are none."""


def fold(text: str) -> str:
    """Return `text` in small plain letters and digits with single spaces: as headings are compared."""
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D").lower())
    return " ".join(re.findall(r"[a-z0-9]+", "".join(sign for sign in plain if not unicodedata.combining(sign))))


def headings(kind: str) -> dict[str, Column]:
    """Return every heading of a kind, folded, with its column."""
    return {fold(said): column for column in COLUMNS[kind] for said in (column.name, column.vi, column.en)}


def read_cell(kind: str, column: Column, text: str) -> tuple[Any, Fault | None]:
    """Return what a cell says as the field takes it, and what is wrong with it; None where it says nothing."""
    text = unicodedata.normalize("NFC", text).strip()
    if text.startswith(QUOTE) and text[1:2] in {*STARTERS, QUOTE}:
        text = text[1:]
    elif is_formula(text):
        return None, fault("formula", column.name, value=text)
    if EXCEL_ERROR.fullmatch(text):
        return None, fault("excel-error", column.name, value=text)
    if not text and column.kind not in {"text", "list", "contacts"}:
        return None, None
    return READERS[column.kind](kind, column, text)


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet would carry `text` out; a telephone number and a negative number it would not."""
    return text[:1] in STARTERS and text[:1] != "" and not SIGNED.fullmatch(text)


def show_cell(value: Any, column: Column, *, vietnamese: bool) -> str:  # noqa: ANN401 - as many types as fields
    """Return a field as its cell: harmless in a spreadsheet, and read back as the same value."""
    if value is None:
        return ""
    text = SHOWERS[column.kind](value, vietnamese) if column.kind in SHOWERS else str(value)
    if is_formula(text) or (text.startswith(QUOTE) and text[1:2] in {*STARTERS, QUOTE}):
        return QUOTE + text
    return text


def _text(_kind: str, _column: Column, text: str) -> tuple[Any, Fault | None]:
    return text, None


def _choice(_kind: str, column: Column, text: str) -> tuple[Any, Fault | None]:
    return SAID.get(column.name, {}).get(fold(text), text.lower()), None


def _choices(_kind: str, column: Column, text: str) -> tuple[Any, Fault | None]:
    """Read several at once: words of two syllables stand between commas, codes may have spaces between."""
    said = SAID.get(column.name, {})
    parts = [part for part in re.split(r"[,;|+\r\n]+", text) if part.strip()]
    found = [[said[fold(part)]] if fold(part) in said else part.lower().split() for part in parts]
    return [one for several in found for one in several], None


def _integer(_kind: str, column: Column, text: str) -> tuple[Any, Fault | None]:
    if ROUNDED.fullmatch(text):
        return None, fault("rounded-number", column.name, value=text)
    plain = re.sub(r"[.,  \u202f]", "", text) if GROUPED.fullmatch(text) else re.sub(r"[.,]0+$", "", text)
    if not re.fullmatch(r"[+-]?\d{1,18}", plain):
        return None, fault("not-a-number", column.name, value=text)
    return int(plain), None


def _decimal(_kind: str, column: Column, text: str) -> tuple[Any, Fault | None]:
    if ROUNDED.fullmatch(text):
        return None, fault("rounded-number", column.name, value=text)
    plain = text.removesuffix("%").strip()
    last = max(plain.rfind(","), plain.rfind("."))
    if last >= 0:
        plain = re.sub(r"[.,  \u202f]", "", plain[:last]) + "." + plain[last + 1 :]
    if not re.fullmatch(r"[+-]?\d{1,15}(?:\.\d{1,15})?", plain):
        return None, fault("not-a-number", column.name, value=text)
    return plain, None


def _date(_kind: str, column: Column, text: str) -> tuple[Any, Fault | None]:
    if found := ISO.fullmatch(text):
        year, month, day = found.groups()
    elif found := DAY_FIRST.fullmatch(text):
        day, month, year = found.groups()
        if len(year) != FULL_YEAR:
            return None, fault("short-year", column.name, value=text)
    else:
        return None, fault("not-a-date", column.name, value=text)
    try:
        return date(int(year), int(month), int(day)).isoformat(), None
    except ValueError:
        return None, fault("not-a-date", column.name, value=text)


def _list(_kind: str, _column: Column, text: str) -> tuple[Any, Fault | None]:
    return [part for part in SEPARATORS.split(text) if part], None


def _contacts(_kind: str, _column: Column, text: str) -> tuple[Any, Fault | None]:
    lines = [line for line in re.split(r"[\r\n|]+", text) if line.strip()]
    parts = ([part.strip() for part in line.split(";")] + [""] * 4 for line in lines)
    return [dict(zip(("position", "name", "phone", "email"), part, strict=False)) for part in parts], None


def _truth(_kind: str, column: Column, text: str) -> tuple[Any, Fault | None]:
    said = {"true": True, "yes": True, "1": True, "co": True, "false": False, "no": False, "0": False, "khong": False}
    value = said.get(fold(text))
    return value, fault("not-one-of", column.name, value=text, known="true, false") if value is None else None


def _known(_kind: str, column: Column, text: str) -> tuple[Any, Fault | None]:
    value = MEASURED.get(fold(text))
    known = ", ".join(f"{english} ({vietnamese})" for vietnamese, english in SHOWN_MEASURED.values())
    return value, fault("not-one-of", column.name, value=text, known=known) if value is None else None


def _show_contacts(value: Sequence[Mapping[str, str]], _vietnamese: bool) -> str:  # noqa: FBT001 - one of the showers
    lines = (f"{one['position']}; {one['name']}; {one['phone']}; {one['email']}".rstrip("; ") for one in value)
    return "\n".join(lines)


def _show_decimal(value: object, vietnamese: bool) -> str:  # noqa: FBT001 - one of the showers
    text = format(float(str(value)), ".6f").rstrip("0").rstrip(".")
    return text.replace(".", ",") if vietnamese else text


def _show_date(value: object, vietnamese: bool) -> str:  # noqa: FBT001 - one of the showers
    day = value if isinstance(value, date) else date.fromisoformat(str(value))
    return f"{day:%d/%m/%Y}" if vietnamese else day.isoformat()


READERS: Final[Mapping[Kind, Callable[[str, Column, str], tuple[Any, Fault | None]]]] = {
    "text": _text, "code": _text, "choice": _choice, "integer": _integer, "decimal": _decimal, "date": _date,
    "list": _list, "contacts": _contacts, "truth": _truth, "choices": _choices, "known": _known,
}  # fmt: skip

SHOWERS: Final[Mapping[Kind, Callable[[Any, bool], str]]] = {
    "list": lambda value, _vietnamese: " ".join(value),
    "choices": lambda value, _vietnamese: " ".join(value),
    "known": lambda value, vietnamese: SHOWN_MEASURED[value][0 if vietnamese else 1],
    "contacts": _show_contacts,
    "decimal": _show_decimal,
    "date": _show_date,
    "truth": lambda value, _vietnamese: "true" if value else "false",
}
