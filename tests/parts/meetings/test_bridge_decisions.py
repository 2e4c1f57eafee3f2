"""What may be open when, what a token says, what a link carries: pure calls."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.actors import system
from meetings.bridge.errors import BridgeNotSet, JoinTooEarly, JoinTooLate
from meetings.bridge.join import JoinLink, OfficeLink, join_link
from meetings.bridge.profiles import Quality, choose, overrides
from meetings.bridge.reservations import Booking, answer, as_prosody_writes, as_we_wrote, why_closed
from meetings.bridge.tokens import App, Person, join_token, service_token
from meetings.errors import MeetingCalledOff
from tests.builders.actors import account_actor
from tests.parts.meetings.bridge_parts import settings
from tests.real.prosody import Prosody

BEGIN = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
END = BEGIN + timedelta(minutes=90)
BEFORE = timedelta(minutes=15)
ORGANISER = account_actor(uuid.UUID(int=1), "canbo", "official")
OTHER = account_actor(uuid.UUID(int=2), "lan", "official")
ROOM = "k3m9x7q2w8z4a1b6"
APP = App(Prosody.app_id, Prosody.app_secret, Prosody.domain)


def booking(*, cancelled: bool = False) -> Booking:
    return Booking(uuid.UUID(int=7), "Họp giao ban & tổng kết", ROOM, ORGANISER.id, "canbo", BEGIN, END, cancelled)


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(
        token, Prosody.app_secret, ["HS256"], audience=Prosody.app_id,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (BEGIN - BEFORE - timedelta(seconds=1), "early"),
        (BEGIN - BEFORE, None),
        (BEGIN, None),
        (END - timedelta(microseconds=1), None),
        (END, "over"),
    ],
)
def test_a_room_is_open_from_its_window_to_its_end(at: datetime, why: str | None) -> None:
    closed = why_closed(booking(), at, BEFORE)
    assert (closed.why if closed else None) == why


def test_a_cancelled_or_unknown_room_is_closed_at_every_time() -> None:
    for at in (BEGIN - BEFORE * 9, BEGIN, END):
        cancelled, unknown = why_closed(booking(cancelled=True), at, BEFORE), why_closed(None, at, BEFORE)
        assert cancelled is not None
        assert unknown is not None
        assert (cancelled.why, unknown.why) == ("cancelled", "unknown")


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        why_closed(booking(), BEGIN.replace(tzinfo=None), BEFORE)


def test_the_answer_has_text_and_a_number_of_seconds_and_nothing_that_is_null() -> None:
    assert answer("0199", booking()) == {
        "id": "0199", "name": ROOM, "mail_owner": "canbo", "start_time": "2026-11-25T02:00:00.000Z", "duration": 5400,
    }  # fmt: skip


@given(st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - hypothesis adds the zone
def test_every_instant_is_written_in_utc_with_z(at: datetime) -> None:
    text = as_prosody_writes(at)
    read = datetime.fromisoformat(text)
    assert text.endswith("Z")
    assert timedelta(0) <= at.astimezone(UTC) - read < timedelta(milliseconds=1)


@pytest.mark.parametrize(("sent", "known"), [("1000.0", "1000"), ("1000", "1000"), ("0199-ab.0", "0199-ab")])
def test_an_id_that_went_through_a_number_is_known_again(sent: str, known: str) -> None:
    assert as_we_wrote(sent) == known


def test_a_token_names_one_room_and_ends() -> None:
    token = join_token(APP, ROOM, Person("u1", "Hoa", moderator=True), BEGIN, BEGIN + timedelta(minutes=10))
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    found = claims(token)
    assert found["room"] == ROOM
    assert (found["iss"], found["aud"], found["sub"]) == ("vungcao", "vungcao", "meet.test")
    assert found["nbf"] < found["iat"] == int(BEGIN.timestamp()) < found["exp"]
    assert found["exp"] - found["iat"] == 601
    assert found["context"]["user"] == {"id": "u1", "name": "Hoa", "moderator": True, "affiliation": "owner"}
    assert found["context"]["features"]["recording"] is False


def test_our_own_token_lives_for_a_minute_and_names_the_room_that_it_ends() -> None:
    found = claims(service_token(APP, ROOM, BEGIN))
    assert found["room"] == ROOM
    assert found["exp"] - found["iat"] == 61


def test_a_short_secret_signs_without_a_warning() -> None:
    assert join_token(App("a", "short", "d"), ROOM, Person("u", "n", moderator=False), BEGIN, END)


def test_the_secret_and_the_token_are_in_no_representation(tmp_path: Path) -> None:
    link = join_link(booking(), None, ORGANISER, BEGIN, settings(tmp_path))
    assert Prosody.app_secret not in repr(APP)
    assert "jwt" not in repr(link)
    assert ROOM not in repr(link)


def given_link(tmp_path: Path, office: OfficeLink | None = None, **wish: Any) -> JoinLink:
    return join_link(booking(), office, wish.pop("actor", OTHER), wish.pop("at", BEGIN), settings(tmp_path), **wish)


def test_the_address_holds_the_token_and_asks_for_what_the_link_carries(tmp_path: Path) -> None:
    office = OfficeLink("ps", "UBND xã Phan Sơn", down_bps=2_000_000, up_bps=1_000_000, loss_ratio=0.0)
    link = given_link(tmp_path, office, shown_as="Lan")
    parts = urlsplit(link.url)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "meet.test", f"/{ROOM}")
    found = claims(parse_qs(parts.query)["jwt"][0])
    assert found["room"] == ROOM
    assert found["context"]["user"] == {
        "id": str(OTHER.id), "name": "Lan · UBND xã Phan Sơn", "moderator": False, "affiliation": "member",
    }  # fmt: skip
    asked = {key: json.loads(unquote(value)) for key, value in (one.split("=") for one in parts.fragment.split("&"))}
    assert asked == {
        "config.localSubject": "Họp giao ban & tổng kết",
        "config.resolution": 180,
        "config.constraints": {"video": {"height": {"ideal": 180, "max": 180, "min": 180}}},
        "config.channelLastN": 2,
        "config.disableSimulcast": True,
    }
    assert link.quality is Quality.LOW


def test_the_organiser_is_moderator_and_no_other_account_of_that_name(tmp_path: Path) -> None:
    namesake = account_actor(uuid.UUID(int=9), "canbo", "official")
    assert given_link(tmp_path, actor=ORGANISER).moderator
    assert not given_link(tmp_path, actor=namesake).moderator
    assert not given_link(tmp_path, actor=OTHER).moderator


def test_a_token_never_outlives_the_meeting(tmp_path: Path) -> None:
    assert given_link(tmp_path, at=END - timedelta(minutes=1)).until == END
    assert given_link(tmp_path, at=BEGIN).until == BEGIN + timedelta(minutes=10)


def test_nobody_joins_outside_the_window_or_a_cancelled_meeting(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    with pytest.raises(JoinTooEarly) as early:
        join_link(booking(), None, OTHER, BEGIN - BEFORE - timedelta(seconds=1), chosen)
    assert early.value.fields == {"minutes": 15}
    with pytest.raises(JoinTooLate):
        join_link(booking(), None, OTHER, END, chosen)
    with pytest.raises(MeetingCalledOff):
        join_link(booking(cancelled=True), None, OTHER, BEGIN, chosen)


@pytest.mark.parametrize("missing", ["jitsi_url", "jitsi_domain", "jitsi_app_id", "jitsi_app_secret"])
def test_a_missing_setting_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(BridgeNotSet, match=missing):
        join_link(booking(), None, OTHER, BEGIN, settings(tmp_path, **{missing: ""}))


def test_a_part_of_the_platform_that_booked_is_known_by_its_name(tmp_path: Path) -> None:
    by_part = Booking(uuid.UUID(int=8), "t", ROOM, None, "example", BEGIN, END, cancelled=False)
    chosen = settings(tmp_path)
    assert join_link(by_part, None, system("example"), BEGIN, chosen).moderator
    assert not join_link(by_part, None, OTHER, BEGIN, chosen).moderator


@pytest.mark.parametrize(
    ("down", "up", "loss", "quality"),
    [
        (100_000_000, 50_000_000, 0.0, Quality.FULL),
        (100_000_000, 1_000_000, 0.0, Quality.LOW),
        (100_000_000, 50_000_000, 0.06, Quality.MEDIUM),
        (100_000_000, 50_000_000, 0.15, Quality.LOW),
        (100_000_000, 50_000_000, 0.25, Quality.AUDIO),
        (2_000_000, 2_000_000, None, Quality.MEDIUM),
        (1_000_000, 512_000, 0.01, Quality.LOW),
        (512_000, 256_000, 0.0, Quality.AUDIO),
        (None, None, 0.0, Quality.MEDIUM),
        (None, None, 0.3, Quality.AUDIO),
    ],
)
def test_the_quality_follows_the_narrower_direction_and_the_loss(
    down: int | None, up: int | None, loss: float | None, quality: Quality
) -> None:
    assert choose(down, up, loss) is quality


@given(
    st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0, 1), st.integers(0, 10**9), st.floats(0, 1)
)  # fmt: skip
def test_a_better_link_never_gets_less(down: int, up: int, loss: float, more: int, part: float) -> None:
    order = list(Quality)
    better = choose(down + more, up + more, loss * part)
    assert order.index(better) >= order.index(choose(down, up, loss))


def test_sound_only_asks_for_no_picture() -> None:
    assert overrides(Quality.AUDIO, "Họp") == {
        "config.localSubject": '"Họp"', "config.startAudioOnly": "true", "config.channelLastN": "0",
        "config.startWithVideoMuted": "true",
    }  # fmt: skip
