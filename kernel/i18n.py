"""Words, times, numbers and order in the reader's language: gettext catalogues read as they are, formats by Babel.

A message is an English template with named braces, `"{count} offices"`, and is its own key. Where a catalogue has no
translation the English shows: a missing sentence is better than a missing page.
"""

from __future__ import annotations

import datetime as dt
import gettext
import io
import re
import unicodedata
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from kernel.sentences import N_, Sentence

__all__ = ["DOMAIN", "LANGUAGES", "N_", "Sentence", "Translator", "catalogue", "sort_key", "without_accents"]

LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
"""Languages that the pages speak, each by its own name; English needs no catalogue."""

DOMAIN = "vungcao"
JUST_NOW = dt.timedelta(seconds=5)


class Translator:
    """One language and one time zone.

    Args:
        language: A key of `LANGUAGES`.
        timezone: Name of the zone in which people read times, such as `Asia/Ho_Chi_Minh`.
        folder: Where `<language>/LC_MESSAGES/vungcao.po` lies; without one the templates stay English.
    """

    def __init__(self, language: str, timezone: str, folder: Path | None = None) -> None:
        if language not in LANGUAGES:
            message = f"there is no language {language!r}"
            raise ValueError(message)
        self.language = language
        self.timezone = timezone
        self._locale = Locale.parse("en_GB" if language == "en" else language)
        self._zone = ZoneInfo(timezone)
        self._catalogue = catalogue(folder, language) if folder and language != "en" else gettext.NullTranslations()

    def gettext(self, message: str, /, **fields: object) -> str:
        """Return the translation of `message` with its braces filled from `fields`; instants as `datetime` has them."""
        text = self._catalogue.gettext(message) if message else ""
        return text.format(**{name: self._shown(of) for name, of in fields.items()}) if fields else text

    def _shown(self, field: object) -> object:
        match field:
            case dt.datetime():
                return self.datetime(field)
            case Sentence():
                return self.gettext(field.message, **field.fields)
        return field

    def ngettext(self, one: str, many: str, count: int, /, **fields: object) -> str:
        """Return `one` or `many` as the language counts; `{count}` is filled with the number as people write it."""
        text = self._catalogue.ngettext(one, many, count)
        return text.format(count=self.number(count), **fields)

    def local(self, at: dt.datetime) -> dt.datetime:
        """Return the aware instant `at` in the reader's zone; ValueError if it is naive."""
        if at.tzinfo is None:
            message = "a naive time has no place on the time line"
            raise ValueError(message)
        return at.astimezone(self._zone)

    def date(self, at: dt.datetime) -> str:
        """Return the day, as 24/11/2026."""
        return f"{self.local(at):%d/%m/%Y}"

    def weekday(self, at: dt.datetime) -> str:
        """Return the day of the week, as Thứ Ba."""
        return str(dates.format_date(self.local(at), "EEEE", locale=self._locale))

    def time(self, at: dt.datetime) -> str:
        """Return the time of day, as 08:26."""
        return f"{self.local(at):%H:%M}"

    def datetime(self, at: dt.datetime) -> str:
        """Return day and time, as 08:26 24/11/2026."""
        return f"{self.local(at):%H:%M %d/%m/%Y}"

    def since(self, at: dt.datetime, now: dt.datetime) -> str:
        """Return when something began, as short as is clear: 08:26 of this day, else 08:26 24/11."""
        begun = self.local(at)
        return f"{begun:%H:%M}" if begun.date() == self.local(now).date() else f"{begun:%H:%M %d/%m}"

    def duration(self, span: dt.timedelta) -> str:
        """Return a length of time in its two largest units: 3 giờ 14 phút, 2 ngày 5 giờ, 41 phút, 8 giây."""
        seconds = max(0, int(span.total_seconds()))
        days, seconds = divmod(seconds, 86_400)
        hours, seconds = divmod(seconds, 3600)
        minutes, seconds = divmod(seconds, 60)
        parts = [
            (days, self.ngettext("{count} day", "{count} days", days)),
            (hours, self.ngettext("{count} hour", "{count} hours", hours)),
            (minutes, self.ngettext("{count} minute", "{count} minutes", minutes)),
            (seconds, self.ngettext("{count} second", "{count} seconds", seconds)),
        ]
        largest = next((place for place, (value, _) in enumerate(parts) if value), len(parts) - 1)
        shown = parts[largest : largest + (2 if days or hours else 1)]
        return " ".join(words for value, words in shown if value or len(shown) == 1)

    def ago(self, at: dt.datetime, now: dt.datetime) -> str:
        """Return how long ago something was, as `3 phút trước`; `vừa xong` below five seconds and for the future."""
        span = now - at
        if span < JUST_NOW:
            return self.gettext("just now")
        return self.gettext("{duration} ago", duration=self.duration(span))

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with at most `digits` decimals: 1.284 and 12,5 in Vietnamese."""
        pattern = "#,##0." + "#" * digits if digits else "#,##0"
        return numbers.format_decimal(value, format=pattern, locale=self._locale)

    def percent(self, ratio: float, digits: int = 0) -> str:
        """Return a ratio (1 is the whole) in percent: 12,5%."""
        return f"{self.number(ratio * 100, digits)}%"

    def bits(self, bps: float) -> str:
        """Return a rate in bit/s, kbit/s, Mbit/s or Gbit/s (thousands, not 1024), with three digits that matter."""
        value, unit = float(bps), "bit/s"
        for larger in ("kbit/s", "Mbit/s", "Gbit/s"):
            if abs(value) < 999.5:  # noqa: PLR2004 - rounds to 1,000
                break
            value, unit = value / 1000, larger
        digits = 0 if unit == "bit/s" or abs(value) >= 99.95 else 1  # noqa: PLR2004 - 100 and more need no decimal
        # A no-break space: a number and its unit are one word on a narrow screen.
        return f"{self.number(value, digits)}\N{NO-BREAK SPACE}{unit}"


@cache
def catalogue(folder: Path, language: str) -> gettext.NullTranslations:
    """Return the catalogue of `language`, read from its `.po` once a process: there is no compile step to forget.

    Raises:
        FileNotFoundError: There is none.
    """
    with (folder / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        messages = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


# Vietnamese order: a ă â b c d đ e ê g h i k l m n o ô ơ p q r s t u ư v x y; words that differ in tone only follow the
# order of the tones: level, huyền, hỏi, ngã, sắc, nặng. The same as CLDR's collation for `vi`.
_SHAPES = {"\N{COMBINING BREVE}": "~", "\N{COMBINING CIRCUMFLEX ACCENT}": "~~", "\N{COMBINING HORN}": "~~~"}
_TONES = {
    "\N{COMBINING GRAVE ACCENT}": "1",
    "\N{COMBINING HOOK ABOVE}": "2",
    "\N{COMBINING TILDE}": "3",
    "\N{COMBINING ACUTE ACCENT}": "4",
    "\N{COMBINING DOT BELOW}": "5",
}
_WORDS = re.compile(r"\d+|[^\W\d_]+")


def without_accents(text: str) -> str:
    """Return `text` in plain letters: Đồng Kho is Dong Kho."""
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def sort_key(text: str) -> str:
    """Return a key whose code point order is Vietnamese order, to be stored beside a name.

    Letters decide first, then tones, then the text itself. Case and punctuation do not matter; numbers compare as
    numbers (Thôn 2 before Thôn 10).
    """
    letters, tones = [], []
    for word in _WORDS.findall(unicodedata.normalize("NFC", text).lower()):
        if word.isdigit():
            number = word.lstrip("0") or "0"
            letters.append(f"{len(number):02d}{number}")
            tones.append("0")
            continue
        decomposed = unicodedata.normalize("NFD", word.replace("đ", "d~"))
        letters.append("".join(_SHAPES.get(sign, sign) for sign in decomposed if sign not in _TONES))
        tones.append("".join(_TONES[sign] for sign in decomposed if sign in _TONES) or "0")
    # A tab sorts before the space between words, so that a shorter name comes before a longer one.
    return "\t".join((" ".join(letters), " ".join(tones), text))
