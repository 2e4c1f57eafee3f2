"""`vungcao meetings` as scripts and people meet it, on a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.demo.agents import PROGRAMME, ROOMS
from tests.real.command import environment_with, run_vungcao


@pytest.fixture
def environment(url: str, tmp_path: Path) -> dict[str, str]:
    return environment_with({"VUNGCAO_DATABASE_URL": url, "VUNGCAO_DATA_DIR": str(tmp_path)})


def test_rooms_are_loaded_booked_and_listed_and_a_taken_one_is_told_by_its_holder(
    environment: dict[str, str], tmp_path: Path
) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        done = run_vungcao(environment, *words)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    assert run("inventory", "load", str(PROGRAMME))[0] == 0
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\nrooms:\n  x: {name: X, office: xx, capacity: 1}\n", "utf-8")
    code, _, said = run("meetings", "rooms", "load", str(broken))
    assert (code, said.splitlines()[0]) == (1, "broken.yaml:3: rooms.x.office: there is no office xx")
    assert "18 rooms" in run("meetings", "rooms", "load", str(ROOMS))[1]

    begin = "2027-01-05T09:00"
    words = ("--room", "ps-room", "--room", "dk-room", "--start", begin, "--minutes", "90", "--json")
    code, told, said = run("meetings", "book", "Họp giao ban", *words)
    assert code == 0, said
    (meeting,) = json.loads(told)
    assert (meeting["starts_at"], sorted(meeting["rooms"])) == ("2027-01-05T09:00+07:00", ["dk-room", "ps-room"])
    assert "conference" not in meeting
    code, _, said = run("meetings", "book", "Khác", "--room", "ps-room", "--start", "2027-01-05T10:00")
    assert code == 1
    assert said.startswith("Taken rooms: 1. Phòng họp xã Phan Sơn is taken until ")
    assert "“Họp giao ban” (command line)" in said
    assert json.loads(run("meetings", "list", "--start", begin, "--days", "1", "--json")[1]) == [meeting]
    assert run("meetings", "book", "Họp", "--room", "ps-room", "--start", "tomorrow")[0] == 1


def test_a_series_is_booked_and_a_day_of_the_official_calendar_entered(environment: dict[str, str]) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        done = run_vungcao(environment, *words)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    assert run("inventory", "load", str(PROGRAMME))[0] == 0
    assert run("meetings", "rooms", "load", str(ROOMS))[0] == 0
    again = (
        "--room",
        "dk-room",
        "--start",
        "2027-02-01T08:00",
        "--rule",
        "FREQ=WEEKLY;COUNT=3",
        "--on-holiday",
        "skip",
    )
    code, told, said = run("meetings", "repeat", "Giao ban", *again, "--json")
    assert code == 0, said
    (series,) = json.loads(told)
    assert (series["meetings"], series["next_at"]) == (2, "2027-02-01T08:00+07:00"), "not over Tet"
    code, _, said = run("meetings", "repeat", "Khác", *again)
    assert (code, said.startswith("Meetings of the series without a room: 2. On ")) == (1, True), said
    assert run("meetings", "repeat", "Khác", *again[:4], "--rule", "FREQ=HOURLY")[0] == 1
    assert run("meetings", "calendar", "set", "2027-06-01", "--name", "Nghỉ bão")[0] == 0
    days = json.loads(run("meetings", "calendar", "show", "2027", "--json")[1])
    assert {"day": "2027-06-01", "off": True, "name": "Nghỉ bão"} in days
    assert run("meetings", "calendar", "forget", "2027-06-01")[0] == 0
    assert run("meetings", "calendar", "forget", "2027-06-01")[0] == 1
    code, told, said = run("meetings", "times", "--office", "dk", "--from", "2027-02-01", "--days", "1", "--json")
    assert code == 0, said
    assert "2027-02-01T08:00+07:00" not in [time["starts_at"] for time in json.loads(told) if not time["missing"]]
    (first,) = json.loads(run("meetings", "list", "--start", "2027-02-01T08:00", "--days", "1", "--json")[1])
    change = ("meetings", "change", first["id"], "--start", "2027-02-01T09:00", "--following", "--json")
    (rehearsed, _) = json.loads(run(*change, "--rehearse")[1])
    assert (rehearsed["fate"], rehearsed["original"]) == ("changed", "2027-02-01T09:00")
    assert "Cancelled: 2 meetings" in run("meetings", "cancel", first["id"], "--following")[1]


def test_a_kind_is_set_bit_by_bit_and_times_are_as_it_has_them(environment: dict[str, str]) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        done = run_vungcao(environment, *words)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    assert run("inventory", "load", str(PROGRAMME))[0] == 0
    assert run("meetings", "rooms", "load", str(ROOMS))[0] == 0
    kind = ("meetings", "kinds", "set", "thon", "--json")
    assert run(*kind, "--minutes", "45")[0] == 1, "a new one has a name"
    code, _, said = run(*kind, "--name", "Họp thôn", "--minutes", "45", "--hours", "19:00-21:00")
    assert code == 0, said
    code, told, said = run(*kind, "--every-day", "--equipment", "camera")
    assert code == 0, said
    (changed,) = json.loads(told)
    assert (changed["minutes"], changed["hours"], changed["every_day"]) == (45, "19:00-21:00", True), "it stays"
    assert changed in json.loads(run("meetings", "kinds", "list", "--json")[1])
    times = ("meetings", "times", "--office", "ps", "--from", "2027-02-07", "--days", "1", "--json")
    (first, *_) = json.loads(run(*times, "--kind", "thon")[1])
    assert first["starts_at"] == "2027-02-07T19:00+07:00", "in its hours, and on a Sunday"
    assert first["missing"] == "ps", "no room of it has what the kind wants"
    assert run("meetings", "kinds", "forget", "thon")[0] == 0


def test_who_books_for_a_leader_is_named_by_command(environment: dict[str, str]) -> None:
    def run(*words: str) -> tuple[int, str]:
        done = run_vungcao(environment, "meetings", "delegates", *words)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    for name in ("chutich", "hoa"):
        assert (
            run_vungcao(environment, "accounts", "create", name, "--role", "official", "--no-password").returncode == 0
        )
    assert run("add", "chutich", "khong-co")[0] == 1
    code, told = run("add", "chutich", "hoa", "--json")
    assert code == 0
    assert [one["name"] for one in json.loads(told)] == ["hoa"]
    assert run("remove", "chutich", "hoa")[0] == 0
    assert json.loads(run("list", "chutich", "--json")[1]) == []
