"""What the documents promise is there, and what is there they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kernel.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
SETTING = re.compile(rf"\b{PREFIX}([A-Z_]+)\b")
INTERNAL = {"demo", "demo_faults", "demo_meetings"}
"""Settings of the example programme, which `vungcao demo` makes."""


def test_every_setting_has_its_line_for_who_runs_the_platform() -> None:
    text = (ROOT / "docs/how-to/settings.md").read_text("utf-8")
    named = {word.lower() for word in re.findall(r"\b[A-Z][A-Z_]+\b", text.replace(PREFIX, ""))}
    assert set(Settings.model_fields) - INTERNAL - named == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_document_leads_to_what_is_there_and_names_settings_that_are_there(document: Path) -> None:
    text = document.read_text("utf-8")
    assert [link for link in LINK.findall(text) if not (document.parent / link).exists()] == []
    assert {name.lower() for name in SETTING.findall(text)} - set(Settings.model_fields) - {""} == set()


def test_the_readme_leads_to_every_how_to() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [file.name for file in ROOT.glob("docs/how-to/*.md") if f"docs/how-to/{file.name}" not in text] == []
