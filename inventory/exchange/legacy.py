"""Knows text of the time before Unicode, TCVN3 (ABC) and VNI, by letters that Vietnamese does not have.

Such text cannot be told from Western European text by its bytes; by its words it can. It is not converted: which of the
many variants it was, only its author knows.
"""

from __future__ import annotations

import re
from typing import Final

WORD: Final = re.compile(r"[^\W\d_]+(?:[\u00a1-\u00bf\u00ad\u00d7\u00f7\u0300-\u036f]*[^\W\d_]*)*")
TCVN3: Final = frozenset("µ¸¶·¹¨»¾¼½Æ©ÇÊÈÉË®ÌÐÎÏÑªÒÕÓÔÖ×ÝØÜÞãßáâä«åèæçé¬êíëìîïóñòô­õøö÷ùúýûüþ¡¢£¤¥¦§")
"""Letters of TCVN 5712:1993's third set, as a program that takes them for Windows-1252 shows them."""
SURE_TCVN3: Final = frozenset("µ¸¶·¹¨»¾¼½©®ª«¬­¡¢£¤¥¦§×÷")
"""Those of them that are no letters anywhere else: signs in the middle of a word."""
VNI_PAIR: Final = re.compile(r"[aeouyAEOUYôöÔÖ](?:[ùøûõïâáàåãäêéèúüëÙØÛÕÏÂÁÀÅÃÄÊÉÈÚÜË])|[ñÑ]|[öÖîÎæÆòÒóÓ](?=[^\W\d_])")
SURE_VNI: Final = frozenset("øØûÛïÏñÑöÖåÅäÄëËüÜæÆ")
"""Letters that VNI needs and Vietnamese does not have."""
VIETNAMESE: Final = frozenset(
    "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ"
    "ÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬÈÉẺẼẸÊỀẾỂỄỆÌÍỈĨỊÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢÙÚỦŨỤƯỪỨỬỮỰỲÝỶỸỴĐ"
)
SHARE: Final = 0.3
"""Of the words with other letters than a to z; a foreign name here and there is no file of another time."""


def legacy(text: str) -> str | None:
    """Return `TCVN3` or `VNI` if `text` is written so, or None.

    Args:
        text: Decoded as UTF-8, Windows-1258 or Windows-1252, and composed (NFC).
    """
    marked = [word for word in WORD.findall(text) if not word.isascii()]
    if not marked:
        return None
    tcvn3 = sum(1 for word in marked if _is_tcvn3(word))
    vni = sum(1 for word in marked if _is_vni(word))
    if max(tcvn3, vni) < max(1, SHARE * len(marked)):
        return None
    return "TCVN3" if tcvn3 >= vni else "VNI"


def _is_tcvn3(word: str) -> bool:
    return any(sign in SURE_TCVN3 for sign in word) and all(sign.isascii() or sign in TCVN3 for sign in word)


def _is_vni(word: str) -> bool:
    strange = any(sign in SURE_VNI for sign in word)
    return strange and VNI_PAIR.search(word) is not None and not any(sign in "ơưăđƠƯĂĐ" for sign in word)
