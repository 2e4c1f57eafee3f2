"""Translators for requests, made once for each language."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from kernel.i18n import Translator

LOCALE: Final = Path(__file__).parents[1] / "web" / "locale"


@cache
def translator(language: str, timezone: str) -> Translator:
    """Return the translator of `language` with times in `timezone`; ValueError if there is no such language."""
    return Translator(language, timezone, LOCALE)
