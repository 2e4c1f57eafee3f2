"""No secret gets through in a form that programs give it."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbooks.automation.redact import HIDDEN, Redactor

SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=4, max_size=40)
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": lambda secret: json.dumps(secret)[1:-1],
    "json with letters": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "json in json": lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1],
    "address": lambda secret: quote(secret, safe=""),
    "form": quote_plus,
    "page": html.escape,
    "python": lambda secret: repr(secret)[1:-1],
    "shell": shlex.quote,
    "hexadecimal": lambda secret: secret.encode().hex(),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
@given(secret=SECRETS)
def test_a_secret_is_hidden_in_every_form(form: str, secret: str) -> None:
    shown = f"<<{FORMS[form](secret)}>>"
    hidden = Redactor([secret]).hide(shown)
    assert HIDDEN in hidden
    assert FORMS[form](secret) not in hidden.replace(HIDDEN, "\0")


@given(before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_base64_of_something_longer_hides_the_secret_in_it(before: bytes, after: bytes) -> None:
    text = base64.b64encode(before + b"hunter2-of-phan-son" + after).decode()
    hidden = Redactor(["hunter2-of-phan-son"]).hide(text)
    assert HIDDEN in hidden
    left = base64.b64decode("".join(part for part in hidden.replace(HIDDEN, "=").split("=")[0]) + "====")
    assert b"unter2-of-phan-so" not in left


def test_each_line_of_a_key_is_hidden_and_what_all_keys_share_is_not() -> None:
    redactor = Redactor(["-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----\n"])
    assert redactor.hide("x DDDDEEEEFFFF y") == f"x {HIDDEN} y"
    assert redactor.hide("-----BEGIN KEY-----") == "-----BEGIN KEY-----"


def test_a_short_secret_is_hidden_as_a_word_only() -> None:
    assert Redactor(["ab"]).hide("ab about (ab)") == f"{HIDDEN} about ({HIDDEN})"


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert Redactor(["public", "public-of-ps"]).hide("public-of-ps") == HIDDEN


def test_without_secrets_nothing_is_hidden() -> None:
    assert Redactor(["", "  "]).hide("all of it") == "all of it"


def test_it_does_not_show_what_it_hides() -> None:
    assert "secret14" not in repr(Redactor(["secret14"]))


@pytest.mark.parametrize(
    "text",
    [
        "cong-dong-\nkin-dao", "cong-dong\r\n-kin-dao", "    cong-do\n    ng-kin-dao\n", '"cong-dong-\\nkin-dao"',
        '["cong-dong-", "kin-dao"]', '[\n  "cong-dong",\n  "-kin-dao"\n]', "- cong-dong-\n- kin-dao\n",
        "c\no\nn\ng\n-dong-kin-dao", base64.encodebytes(b"x" * 50 + b"cong-dong-kin-dao" + b"y" * 50).decode(),
    ],
)  # fmt: skip
def test_a_secret_that_is_broken_over_lines_is_hidden(text: str) -> None:
    hidden = Redactor(["cong-dong-kin-dao"]).hide(f"before\n{text}\nafter")
    assert hidden.startswith("before")
    assert hidden.endswith("after")
    assert HIDDEN in hidden
    plain = re.sub(r"""\\n|[^A-Za-z0-9+/=-]""", "", hidden)
    assert "dong-kin" not in plain
    assert "kin-dao" not in plain


def test_lines_without_a_secret_stay_as_they_are() -> None:
    text = 'one\r\n  two\n\n- three\n["four", "five"]\n\\n six'
    assert Redactor(["cong-dong-kin-dao"]).hide(text) == text
