"""Every reason of readiness has its sentence in both languages, whatever its fields hold."""

from __future__ import annotations

import re

import pytest

from api.http.translation import translator
from api.web import meeting_words
from api.web.words import Words
from meetings.public import REASONS, Reason

VI, EN = (Words(translator(language, "Asia/Ho_Chi_Minh")) for language in ("vi", "en"))
FIELDS = {
    "device": "ps-rt1", "role": "router", "uplink": "ps-fibre", "uplinks": "ps-fibre, ps-4g", "loss_ratio": 0.12,
    "utilisation_ratio": 0.95, "rtt_s": 0.62, "runtime_s": 900.0, "needed_s": 5400.0, "outcome": "garbage",
    "at": "2026-11-24T01:00:00+00:00", "why": "it was cut",
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_reason_is_a_sentence_in_both_languages(code: str) -> None:
    vi, en = (str(words.reason(Reason(code, FIELDS))) for words in (VI, EN))
    assert vi != en
    for sentence in (vi, en):
        assert sentence.endswith(".")
        assert not re.search(r"[{}?]", sentence), sentence


@pytest.mark.parametrize("code", sorted(REASONS))
@pytest.mark.parametrize("value", [None, "<script>", "", [], {"a": 1}])
def test_a_reason_of_another_release_is_no_reason_to_fail(code: str, value: object) -> None:
    assert "<script>" not in VI.reason(Reason(code, dict.fromkeys(FIELDS, value)))
    assert VI.reason(Reason(code, {}))
    assert VI.reason(Reason("<b>", {})) == "&lt;b&gt;"


def test_the_tables_name_every_reason_and_nothing_else() -> None:
    assert meeting_words.REASONS.keys() == REASONS.keys()
    assert VI.reason(Reason("on-battery", {"device": "ps-ups1", "runtime_s": None})).endswith("bao lâu.")
    assert VI.reason(Reason("no-router-reachable", {"device": "a-rt1, a-rt2"})).count("<a ") == 2
