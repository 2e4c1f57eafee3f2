"""The check of the catalogue sees what readers would miss."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from tests.arch.translations import catalogue, mistakes, sentences, update

CODE = """
class RoomTaken(Exception):
    message: ClassVar[str] = "{room} is taken."

class Plain(Exception):
    message = "Sign in first."

def view(t):
    return t.gettext("{count} of all offices", count=1) + t.ngettext("{count} day", "{count} days", 2)
"""
TEMPLATE = """<h1>{{ _("Alerts") }}</h1>
{% trans name=office.name %}
  No news from {{ name }}
{% endtrans %}"""
CATALOGUE = """
msgid ""
msgstr "Language: vi\\n"

msgid "Alerts"
msgstr "Cảnh báo"

msgid "Gone"
msgstr "Đã đi"
"""
EVERY = {
    "{room} is taken.",
    "Sign in first.",
    "{count} of all offices",
    ("{count} day", "{count} days"),
    "Alerts",
    "No news from %(name)s",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "meetings").mkdir()
    (tmp_path / "meetings" / "rooms.py").write_text(CODE)
    (tmp_path / "api" / "web").mkdir(parents=True)
    (tmp_path / "api" / "web" / "alerts.html").write_text(TEMPLATE)
    return tmp_path


def one(english: str, vietnamese: str | None, *, fuzzy: bool = False) -> Catalog:
    made = Catalog(locale="vi", fuzzy=False)
    made.add(english, vietnamese, locations=[("x.py", 1)], flags=["fuzzy"] if fuzzy else [])
    return made


def test_sentences_of_code_templates_and_errors_are_all_found(tree: Path) -> None:
    assert {message.id for message in sentences(tree) if message.id} == EVERY


def test_a_translated_sentence_is_no_mistake() -> None:
    assert mistakes(one("{room} is taken.", None), one("{room} is taken.", "{room} đã có người dùng.")) == []


@pytest.mark.parametrize(
    ("have", "word"),
    [
        (Catalog(locale="vi"), "is not in the catalogue"),
        (one("{room} is taken.", ""), "is not translated"),
        (one("{room} is taken.", "{room} đã có người dùng.", fuzzy=True), "is not translated"),
        (one("{room} is taken.", "{phong} đã có người dùng."), "other placeholders"),
    ],
    ids=["missing", "empty", "fuzzy", "placeholder"],
)
def test_a_sentence_that_readers_would_miss_is_named(have: Catalog, word: str) -> None:
    (line,) = mistakes(one("{room} is taken.", None), have)
    assert word in line
    assert "{room} is taken." in line


def test_a_sentence_that_nobody_says_any_more_is_named() -> None:
    (line,) = mistakes(Catalog(locale="vi"), one("Gone", "Đã đi"))
    assert "nowhere else" in line


def test_an_update_keeps_translations_adds_new_sentences_and_drops_old_ones(tree: Path, tmp_path: Path) -> None:
    file = tmp_path / "vungcao.po"
    file.write_text(CATALOGUE)
    update(sentences(tree), file)
    have = catalogue(file)
    assert {message.id for message in have if message.id} == EVERY
    assert have["Alerts"].string == "Cảnh báo"
    assert not have.obsolete
    assert len(mistakes(sentences(tree), have)) == len(EVERY) - 1
