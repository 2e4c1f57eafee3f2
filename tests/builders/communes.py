"""Forty communes of a province with one office and one room each, as files that the platform loads."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from kernel.i18n import without_accents

NAMES = (
    "Mường Bú", "Chiềng Lao", "Ngọc Chiến", "Phù Yên", "Gia Phù", "Tường Hạ", "Mường Cơi", "Mường Bang", "Tân Phong",
    "Kim Bon", "Mai Sơn", "Phiêng Pằn", "Chiềng Mung", "Phiêng Cằm", "Mường Chanh", "Tà Hộc", "Chiềng Sung",
    "Bắc Yên", "Tà Xùa", "Tạ Khoa", "Xím Vàng", "Pắc Ngà", "Chiềng Sại", "Sông Mã", "Bó Sinh", "Chiềng Khương",
    "Mường Hung", "Chiềng Khoong", "Mường Lầm", "Nậm Ty", "Huổi Một", "Chiềng Sơ", "Sốp Cộp", "Púng Bánh",
    "Mường Lạn", "Mường Lèo", "Yên Châu", "Chiềng Hặc", "Lóng Phiêng", "Yên Sơn",
)  # fmt: skip
PROVINCE = "Sơn La"


class Files(NamedTuple):
    """What `inventory load` and `meetings rooms load` take."""

    inventory: Path
    rooms: Path


def codes() -> list[str]:
    """Return the codes of the offices, in the order of `NAMES`."""
    return [without_accents(name).lower().replace(" ", "-") for name in NAMES]


def write_communes(folder: Path) -> Files:
    """Write both files into `folder` and return where they are."""
    units = [f"  son-la: {{name: {PROVINCE}, level: province, valid_from: 2004-01-01}}"]
    offices = [f"  son-la: {{name: Sở Dân tộc và Tôn giáo {PROVINCE}, unit: son-la}}"]
    rooms = [f"  son-la-room: {{name: Phòng họp Sở Dân tộc và Tôn giáo {PROVINCE}, office: son-la, capacity: 30}}"]
    for name, code in zip(NAMES, codes(), strict=True):
        units.append(f"  xa-{code}: {{name: Xã {name}, level: commune, parent: son-la, valid_from: 2025-07-01}}")
        offices.append(f"  {code}: {{name: UBND xã {name}, unit: xa-{code}}}")
        rooms.append(f"  {code}-room: {{name: Phòng họp xã {name}, office: {code}, capacity: 20}}")
    found = Files(folder / "communes.yaml", folder / "communes-rooms.yaml")
    whole = ["version: 1", "units:", *units, "offices:", *offices]
    found.inventory.write_text("\n".join(whole) + "\n", encoding="utf-8")
    found.rooms.write_text("\n".join(["version: 1", "rooms:", *rooms]) + "\n", encoding="utf-8")
    return found
