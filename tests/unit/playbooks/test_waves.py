"""In what order a rollout goes to its devices, and what it never touches at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from playbooks.automation.waves import MOST_IN_A_WAVE, Member, WaveKind, WaveWish, all_at_once, in_order, plan

MEMBERS = st.lists(
    st.builds(
        Member,
        device=st.integers(0, 10_000).map(lambda number: f"d{number}"),
        office=st.integers(0, 30).map(lambda number: f"o{number}"),
        region=st.sampled_from(["", "lao-cai", "dak-lak"]),
        depth=st.integers(0, 4),
        behind=st.integers(0, 3),
        groups=st.frozensets(st.sampled_from(["o1/", "o2/", "o3/wan", "o4/"]), max_size=2),
    ),
    unique_by=lambda member: member.device,
    max_size=60,
)
WISHES = st.builds(
    WaveWish,
    canary=st.integers(1, 5),
    steps=st.lists(st.one_of(st.integers(1, 20), st.sampled_from(["5%", "25%", "100%"])), min_size=1, max_size=4).map(
        tuple
    ),
)


@given(MEMBERS, WISHES)
def test_every_device_is_in_one_wave_and_what_stands_in_for_another_never_in_the_same(
    members: list[Member], wish: WaveWish
) -> None:
    waves = plan(members, wish)
    assert sorted(code for wave in waves for code in wave.devices) == sorted(member.device for member in members)
    for wave in waves:
        groups = [group for member in wave.members for group in member.groups]
        assert len(groups) == len(set(groups)), "two of one redundancy group"
        assert 0 < len(wave.members) <= MOST_IN_A_WAVE
    if waves:
        assert waves[0].kind is WaveKind.CANARY
        assert len(waves[0].members) <= wish.canary
    assert [wave.number for wave in waves] == list(range(1, len(waves) + 1))


def test_312_offices_go_one_then_five_then_a_quarter_and_a_quarter_until_the_end() -> None:
    members = [Member(f"o{number:03}-rt1", f"o{number:03}") for number in range(312)]
    waves = plan(members, WaveWish(canary=1, steps=(5, "25%")))
    assert [len(wave.members) for wave in waves] == [1, 5, 78, 78, 78, 72]


def test_what_others_hang_on_and_what_is_near_the_centre_comes_last() -> None:
    hub = Member("hub", "province", depth=2, behind=40)
    near, far = Member("near", "province", depth=2), Member("far", "commune", depth=4)
    assert in_order([hub, near, far]) == [far, near, hub]


def test_among_equals_each_province_has_one_before_any_has_two() -> None:
    members = [Member(f"{region}{number}", "o", region, depth=3) for region in ("a", "b", "c") for number in range(2)]
    assert [member.device for member in in_order(members)] == ["a0", "b0", "c0", "a1", "b1", "c1"]


def test_two_routers_of_one_office_are_waves_apart_however_large_the_step() -> None:
    pair = [Member(f"o1-rt{number}", "o1", groups=frozenset({"o1/"})) for number in (1, 2)]
    assert [wave.devices for wave in plan(pair, WaveWish(canary=2, steps=("100%",)))] == [("o1-rt1",), ("o1-rt2",)]


def test_what_changes_nothing_goes_in_as_few_waves_as_memory_allows() -> None:
    members = [Member(f"d{number}", "o", groups=frozenset({"o/"})) for number in range(MOST_IN_A_WAVE + 1)]
    assert [len(wave.members) for wave in all_at_once(members)] == [MOST_IN_A_WAVE, 1]
    assert {wave.kind for wave in all_at_once(members)} == {WaveKind.ALL}


@pytest.mark.parametrize("step", ["0%", "101%", "many", "", 0, -3, True])
def test_a_step_that_is_neither_a_number_nor_a_share_is_refused(step: object) -> None:
    with pytest.raises(ValidationError):
        WaveWish.model_validate({"steps": [step]})
