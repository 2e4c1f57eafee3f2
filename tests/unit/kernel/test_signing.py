"""Signatures of messages between programs: Standard Webhooks, with its own example."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from kernel.channels.signing import BELIEVED, ID, SIGNATURE, TIMESTAMP, NotSigned, new_secret, sign, verify

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
SECRET = new_secret(bytes(range(32)))
BODY = '{"text":"bảo trì"}'.encode()


def test_the_example_of_the_specification_is_signed_alike() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, libraries/python, test_webhooks.py."""
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert headers[SIGNATURE] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert verify(secret, headers, b'{"test": 2432232314}', at) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize("off", [-BELIEVED, timedelta(0), BELIEVED])
def test_a_message_is_believed_within_five_minutes_whichever_clock_is_wrong(off: timedelta) -> None:
    assert verify(SECRET, sign(SECRET, "m1", NOW, BODY), BODY, NOW + off) == "m1"


@pytest.mark.parametrize("off", [-BELIEVED - timedelta(seconds=1), BELIEVED + timedelta(seconds=1)])
def test_an_old_message_and_one_from_the_future_are_not_believed(off: timedelta) -> None:
    with pytest.raises(NotSigned, match="five minutes"):
        verify(SECRET, sign(SECRET, "m1", NOW, BODY), BODY, NOW + off)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (ID, ""),
        (ID, "m2"),
        (ID, "é"),
        (ID, "x" * 101),
        (TIMESTAMP, ""),
        (TIMESTAMP, "now"),
        (TIMESTAMP, "9" * 4000),
        (TIMESTAMP, "١٧٩٥٤٨٢٠٠٠"),
        (SIGNATURE, ""),
        (SIGNATURE, "v1,"),
        (SIGNATURE, "v1,AAAA"),
        (SIGNATURE, "v1,ế"),
        (SIGNATURE, "v2,g0hM9SsE"),
    ],
)
def test_a_header_that_was_touched_spoils_the_message(name: str, value: str) -> None:
    with pytest.raises(NotSigned):
        verify(SECRET, sign(SECRET, "m1", NOW, BODY) | {name: value}, BODY, NOW)


def test_a_body_that_was_touched_and_another_s_secret_spoil_it() -> None:
    headers = sign(SECRET, "m1", NOW, BODY)
    with pytest.raises(NotSigned):
        verify(SECRET, headers, BODY + b" ", NOW)
    with pytest.raises(NotSigned):
        verify(new_secret(bytes(32)), headers, BODY, NOW)


def test_while_a_secret_is_changed_one_of_two_signatures_is_enough() -> None:
    headers = sign(SECRET, "m1", NOW, BODY)
    old = sign(new_secret(bytes(32)), "m1", NOW, BODY)[SIGNATURE]
    assert verify(SECRET, headers | {SIGNATURE: f"{old} {headers[SIGNATURE]}"}, BODY, NOW) == "m1"


def test_a_secret_is_hidden_in_what_is_printed() -> None:
    assert "whsec" not in repr(SECRET)
