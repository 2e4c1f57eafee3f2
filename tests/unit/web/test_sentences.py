"""An error that an inner part raised is read in the language of the page."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.web.words import Words
from kernel.errors import BadField, BadInput
from kernel.i18n import Sentence, Translator
from kernel.mistakes import in_words

LOCALE = Path(__file__).parents[3] / "api/web/locale"
VIETNAMESE = Translator("vi", "Asia/Ho_Chi_Minh", LOCALE)


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    port: Annotated[int, Field(ge=1, le=65535)]
    day: date = date(2026, 11, 24)


def _why(**fields: object) -> str:
    with pytest.raises(ValidationError) as caught:
        _Form.model_validate(fields)
    return in_words(caught.value.errors(include_url=False)[0])


def test_what_and_why_of_an_error_are_in_the_readers_language() -> None:
    error = BadInput(what=Sentence("The unit {unit}", unit="la-da"), why="it is not one that this list gave")
    assert str(error) == "The unit la-da cannot be understood: it is not one that this list gave"
    assert "Đơn vị la-da" in Words(VIETNAMESE).error(error)
    assert "không phải do danh sách này cấp" in Words(VIETNAMESE).error(error)


def test_a_field_has_the_name_that_the_form_gives_it() -> None:
    assert Words(VIETNAMESE).error(BadField(field="serial", why="it is missing")) == (
        "Mục “Số sê-ri” chưa hợp lệ: còn thiếu"
    )


@pytest.mark.parametrize(
    ("fields", "english", "vietnamese"),
    [
        ({}, "it is missing", "còn thiếu"),
        ({"port": "abc"}, "it is no whole number", "không phải là số nguyên"),
        ({"port": 70000}, "it is at most 65535", "chỉ được đến 65535"),
        ({"port": 7, "other": 1}, "there is no such field", "không có mục này"),
        ({"port": 7, "day": "hôm qua"}, "write the day as 2026-11-24", "hãy viết ngày theo dạng 2026-11-24"),
    ],
)
def test_what_a_form_finds_wrong_is_said_in_words(fields: dict[str, object], english: str, vietnamese: str) -> None:
    why = _why(**fields)
    assert why == english
    assert isinstance(why, Sentence)
    assert VIETNAMESE.gettext("{why}", why=why) == vietnamese
