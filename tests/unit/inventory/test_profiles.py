from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.profiles import (
    BadProfiles,
    Profile,
    ProfileMistake,
    bundled_profiles,
    known_profiles,
    load_profiles,
    profile_with,
)
from kernel.errors import BadInput

HEAD = """version: 1
title: {vi: Thử, en: Trial}
cites: {EXAMPLE-MIB: a book}
"""
SCALAR = """scalars:
  room_lux:
    from:
      - {oid: 1.3.6.1.4.1.32473.1.0, object: "EXAMPLE-MIB::lux"}
"""


def load(folder: Path, **files: str) -> dict[str, Profile]:
    """Return the profiles of files given by name, underscores standing for hyphens."""
    for name, text in files.items():
        (folder / f"{name.replace('_', '-')}.yaml").write_text(text, "utf-8")
    return dict(load_profiles(folder))


def mistakes(folder: Path, **files: str) -> list[ProfileMistake]:
    with pytest.raises(BadProfiles) as caught:
        load(folder, **files)
    return caught.value.mistakes


def metrics(profile: Profile) -> set[str]:
    return (
        {scalar.metric for scalar in profile.scalars}
        | {column.metric for table in profile.tables for column in table.columns}
        | {ratio.metric for ratio in profile.ratios}
    )


def test_the_bundled_profiles_are_found_and_sound() -> None:
    profiles = bundled_profiles()
    assert {"system", "network-interfaces", "ups-mib", "apc", "host", "wifi-access-point"} <= profiles.keys()
    for profile in profiles.values():
        assert profile.title["vi"]
        assert profile.title["en"]
        assert "uptime_s" in metrics(profile)


@pytest.mark.parametrize("name", ["network-interfaces", "host", "wifi-access-point"])
def test_everything_with_interfaces_counts_traffic_in_64_bits_where_it_can(name: str) -> None:
    interfaces = next(table for table in bundled_profiles()[name].tables if table.name == "interfaces")
    octets = {column.metric: column for column in interfaces.columns}["if_in_octets"]
    assert [source.kind for source in octets.sources] == ["counter64", "counter32"]
    assert [source.object.name for source in octets.sources] == ["IF-MIB::ifHCInOctets", "IF-MIB::ifInOctets"]


@pytest.mark.parametrize("name", ["ups-mib", "apc"])
def test_both_kinds_of_ups_measure_the_same_things(name: str) -> None:
    wanted = {
        "ups_battery_charge_ratio",
        "ups_battery_runtime_s",
        "ups_on_battery",
        "ups_input_volts",
        "ups_load_ratio",
    }
    assert wanted <= metrics(bundled_profiles()[name])


def test_a_file_in_a_folder_is_a_profile_without_any_python(tmp_path: Path) -> None:
    profile = load(tmp_path, room_sensor=HEAD + SCALAR)["room-sensor"]
    assert profile.title == {"vi": "Thử", "en": "Trial"}
    assert profile.scalars[0].sources[0].object == ("1.3.6.1.4.1.32473.1.0", "EXAMPLE-MIB::lux")


def test_a_profile_has_what_it_extends_and_says_itself_what_it_changes(tmp_path: Path) -> None:
    child = HEAD + "extends: base\n" + SCALAR.replace("32473.1.0", "32473.2.0") + "    required: true\n"
    base = HEAD + SCALAR + '  other:\n    from: [{oid: 1.3.6.1.4.1.32473.3.0, object: "EXAMPLE-MIB::other"}]\n'
    profile = load(tmp_path, base=base, child=child)["child"]
    lux = {scalar.metric: scalar for scalar in profile.scalars}["room_lux"]
    assert lux.required
    assert lux.sources[0].object.oid == "1.3.6.1.4.1.32473.2.0"
    assert metrics(profile) == {"room_lux", "other"}


def test_every_mistake_of_every_file_is_told_with_its_line(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        one="version: 2\ntitle: {vi: Thử, en: Trial}\ncolour: red\n",
        two=HEAD
        + """scalars:
  Room-Lux:
    from:
      - {oid: 1.3.x.1, object: "EXAMPLE-MIB::lux"}
      - {oid: 1.3.6.1.9.0, object: lux, kind: counter64, scale: 10}
  ok:
    from: []
""",
    )
    assert [(file, line) for file, line, _ in found] == [
        ("one.yaml", 1),
        ("one.yaml", 3),
        ("two.yaml", 5),
        ("two.yaml", 7),
        ("two.yaml", 8),
        ("two.yaml", 10),
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "mapping"),
        ("version: 1\n  title: x: y\n", 2, "not YAML"),
        ("- a\n- b\n", 1, "mapping"),
        (HEAD + "title: {vi: Hai, en: Two}\n", 4, "second time"),
        (HEAD + "identifies: &a [*a]\n", 4, "contains itself"),
        (HEAD + "scalars:\n  ? [a, b]\n  : c\n", 5, "single word"),
        (HEAD + "extends: nowhere\n", 4, "no profile nowhere"),
        (HEAD + "extends: trial\n", 4, "extends itself"),
        (HEAD + SCALAR + "        otherwise: 1\n", 8, "not YAML"),
        (HEAD + SCALAR.replace('"}', '", otherwise: 1}'), 7, "otherwise needs a map"),
        (HEAD + SCALAR.replace('"}', '", kind: counter32, map: {1: 2}}'), 7, "kept raw"),
        (HEAD + SCALAR.replace('"}', '", scale: -1}'), 7, "more than 0"),
        (HEAD + SCALAR.replace("1.3.6.1.4.1.32473.1.0", "1.3.6.1.4294967296.0"), 7, "identifier"),
        (HEAD + SCALAR.replace("1.3.6.1.4.1.32473.1.0", "2.999.1.0"), 7, "identifier"),
        (
            HEAD + SCALAR + "ratios:\n  r:\n    - {whole: room_lux, used: [gone]}\n",
            10,
            "no scalar or combined column gone",
        ),
        (HEAD + SCALAR + "ratios:\n  r:\n    - {whole: room_lux}\n", 10, "either used or unused"),
    ],
)
def test_a_mistake_is_told_in_words_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    ((file, found, why),) = mistakes(tmp_path, trial=text)
    assert (file, found) == ("trial.yaml", line)
    assert words in why


def test_profiles_that_extend_each_other_are_told(tmp_path: Path) -> None:
    found = mistakes(tmp_path, one=HEAD + "extends: two\n", two=HEAD + "extends: one\n", three=HEAD + "extends: one\n")
    assert [(file, line) for file, line, _ in found] == [("one.yaml", 4), ("two.yaml", 4)]


def test_a_file_that_is_not_utf_8_or_too_large_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"version: 1\ntitle: \xff\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * 300_000)
    with pytest.raises(BadProfiles) as caught:
        load_profiles(tmp_path)
    assert [(m.file, m.line) for m in caught.value.mistakes] == [("bad.yaml", 2), ("large.yaml", 0)]


def test_the_message_names_the_first_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadProfiles, match=r"Mistakes: 1\. The first is in trial\.yaml, line 4: extends"):
        load(tmp_path, trial=HEAD + "extends: nowhere\n")


def test_an_object_of_which_nobody_says_where_it_is_found_is_a_mistake(tmp_path: Path) -> None:
    text = HEAD.replace("EXAMPLE-MIB", "OTHER-MIB") + SCALAR
    assert mistakes(tmp_path, trial=text) == [
        ("trial.yaml", 7, "cites: EXAMPLE-MIB is not cited: in which document is it found?")
    ]


def test_of_several_parents_the_last_one_says_what_holds(tmp_path: Path) -> None:
    one, two = (HEAD + SCALAR.replace("32473.1.0", f"32473.{number}.0") for number in (1, 2))
    child = HEAD + "extends: [one, two]\n"
    profile = load(tmp_path, one=one, two=two, child=child)["child"]
    assert profile.scalars[0].sources[0].object.oid == "1.3.6.1.4.1.32473.2.0"


def test_a_folder_of_ones_own_adds_profiles_and_replaces_those_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "room-sensor.yaml").write_text(HEAD + "extends: system\n" + SCALAR, "utf-8")
    (tmp_path / "printer.yaml").write_text(HEAD.replace("Trial", "Our printers") + SCALAR, "utf-8")
    profiles = known_profiles(tmp_path)
    assert metrics(profiles["room-sensor"]) == {"uptime_s", "room_lux"}
    assert profiles["printer"].title["en"] == "Our printers"
    assert "cisco-ios" in profiles
    with pytest.raises(BadInput, match="there is no folder"):
        known_profiles(tmp_path / "gone")


def test_a_file_that_is_being_written_is_read_beside_the_others(tmp_path: Path) -> None:
    file = tmp_path / "room-sensor.yaml"
    file.write_text(HEAD + "extends: [system, base]\n" + SCALAR, "utf-8")
    with pytest.raises(BadProfiles, match="there is no profile base"):
        profile_with(file, None)
    own = tmp_path / "own"
    own.mkdir()
    (own / "base.yaml").write_text(HEAD, "utf-8")
    assert "room_lux" in metrics(profile_with(file, own))
    with pytest.raises(BadInput, match="not named like"):
        profile_with(tmp_path / "Room Sensor.yml", None)
    with pytest.raises(BadInput, match="there is no file"):
        profile_with(tmp_path / "gone.yaml", None)


def test_each_bundled_profile_says_with_what_it_was_tried_or_that_it_was_not() -> None:
    for profile in bundled_profiles().values():
        assert profile.tested or profile.untested, profile.name
        assert profile.cites, profile.name


@given(st.text(max_size=400))
def test_whatever_a_file_holds_is_a_profile_or_a_list_of_mistakes(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "any.yaml").write_bytes((HEAD + text).encode("utf-8", "surrogatepass"))
        with contextlib.suppress(BadProfiles):
            assert load_profiles(Path(folder)).keys() == {"any"}
