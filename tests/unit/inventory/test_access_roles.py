"""What each role may do on a fresh platform, and that a statement is narrowed to where it is held."""

from __future__ import annotations

import uuid
from datetime import date

import pytest
from sqlalchemy import select

from inventory import access
from inventory.access import narrow_offices, narrow_units
from inventory.models import OfficeRow, UnitRow
from kernel.actors import Actor, Hold, Permission, Place, system
from kernel.errors import Refused
from tests.builders.actors import ROLES, account_actor

NOBODY = Actor(id=uuid.UUID(int=1), name="nobody")
STATEMENT = select(OfficeRow.code)
TODAY = date(2026, 11, 24)
COMMUNE, VILLAGE = Place(uuid.UUID(int=5)), Place(uuid.UUID(int=6), below=False)


def test_these_are_the_roles() -> None:
    assert set(ROLES) == {
        "official", "secretary", "technician", "engineer", "security", "auditor", "administrator",
    }  # fmt: skip


def test_every_permission_is_somebodys_and_no_role_has_one_that_there_is_not() -> None:
    assert frozenset().union(*ROLES.values()) == access.PERMISSIONS


def test_everybody_sees_the_inventory_and_its_alerts() -> None:
    assert all({access.INVENTORY_READ, access.ALERTS_READ} <= allowed for allowed in ROLES.values())


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (access.ALERTS_TAKE, {"technician", "engineer", "security", "administrator"}),
        (access.PLATFORM_READ, {"technician", "engineer", "security", "administrator"}),
        (access.AUDIT_READ, {"security", "auditor", "administrator"}),
        (access.INVENTORY_CHANGE, {"engineer", "administrator"}),
        (access.CREDENTIALS_SET, {"engineer", "administrator"}),
        (access.ACCOUNTS_READ, {"auditor", "administrator"}),
        (access.ACCOUNTS_MANAGE, {"administrator"}),
        (access.MEETINGS_READ, set(ROLES)),
        (access.MEETINGS_BOOK, {"official", "secretary", "administrator"}),
        (access.MEETINGS_MANAGE, {"secretary", "administrator"}),
        (access.PLAYBOOKS_RUN, {"technician", "engineer"}),
    ],
)
def test_only_these_roles_have_the_permission(permission: Permission, roles: set[str]) -> None:
    assert {role for role, allowed in ROLES.items() if permission in allowed} == roles


def test_who_holds_nothing_gets_no_statement_at_all() -> None:
    with pytest.raises(Refused):
        narrow_offices(STATEMENT, NOBODY, TODAY)
    with pytest.raises(Refused):
        narrow_units(select(UnitRow.code), NOBODY, TODAY, TODAY)


def test_a_permission_of_one_role_is_not_lent_to_the_place_of_another() -> None:
    both = Actor(
        uuid.UUID(int=2), "hoa",
        (Hold("official", ROLES["official"]), Hold("technician", ROLES["technician"], (COMMUNE,))),
    )  # fmt: skip
    assert both.may_everywhere(access.INVENTORY_READ)
    assert both.may(access.PLAYBOOKS_RUN)
    assert not both.may_everywhere(access.PLAYBOOKS_RUN)
    assert str(narrow_offices(STATEMENT, both, TODAY)) == str(STATEMENT)
    assert "unit_ancestry" in str(narrow_offices(STATEMENT, both, TODAY, access.PLAYBOOKS_RUN))
    with pytest.raises(Refused):
        both.require_everywhere(access.PLAYBOOKS_RUN)
    assert not both.by_roles(["official"]).may(access.PLAYBOOKS_RUN)


@pytest.mark.parametrize("actor", [account_actor(uuid.UUID(int=3), "hoa", role) for role in ROLES] + [system("engine")])
def test_a_grant_on_the_whole_tree_costs_no_condition(actor: Actor) -> None:
    assert str(narrow_offices(STATEMENT, actor, TODAY)) == str(STATEMENT)


def test_many_grants_are_one_look_up() -> None:
    places = [Place(uuid.UUID(int=number)) for number in range(10, 20)]
    actor = Actor(uuid.UUID(int=3), "hoa", tuple(Hold("official", ROLES["official"], (place,)) for place in places))
    assert str(narrow_offices(STATEMENT, actor, TODAY)).count("unit_ancestry.ancestor_id IN") == 1


def test_a_unit_alone_needs_no_tree_and_an_overlap_needs_both() -> None:
    alone = account_actor(uuid.UUID(int=3), "hoa", "official", VILLAGE)
    assert "unit_ancestry" not in str(narrow_offices(STATEMENT, alone, TODAY))
    overlap = str(narrow_offices(STATEMENT, alone.bounded(access.PERMISSIONS, (COMMUNE,)), TODAY))
    assert "unit_ancestry" in overlap
    assert " AND " in overlap.partition("WHERE office")[2]


def test_a_bound_never_widens() -> None:
    technician = account_actor(uuid.UUID(int=3), "hoa", "technician", COMMUNE)
    bounded = technician.bounded(frozenset({access.INVENTORY_READ, access.AUDIT_READ}), ())
    assert bounded.holds == (Hold("technician", frozenset({access.INVENTORY_READ}), (COMMUNE,)),)
    assert technician.bounded(frozenset({access.AUDIT_READ}), ()).holds == ()
