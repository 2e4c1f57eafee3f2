"""What each role may do, and that a query is narrowed for who asks."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select

from inventory import access
from inventory.access import ROLES, account_actor, narrow_offices, permissions_of
from inventory.models import OfficeRow
from kernel.actors import Actor, Permission, system
from kernel.errors import Refused

NOBODY = Actor(id=uuid.UUID(int=1), name="nobody", role="visitor")
STATEMENT = select(OfficeRow.code)


def test_these_are_the_roles() -> None:
    assert set(ROLES) == {"technician", "official", "secretary", "security", "administrator"}


def test_everybody_sees_the_inventory_and_its_alerts() -> None:
    assert all({access.INVENTORY_READ, access.ALERTS_READ} <= allowed for allowed in ROLES.values())


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (access.ALERTS_TAKE, {"technician", "security", "administrator"}),
        (access.PLATFORM_READ, {"technician", "security", "administrator"}),
        (access.AUDIT_READ, {"security", "administrator"}),
        (access.INVENTORY_CHANGE, {"administrator"}),
        (access.CREDENTIALS_SET, {"administrator"}),
        (access.ACCOUNTS_MANAGE, {"administrator"}),
        (access.MEETINGS_READ, {"technician", "official", "secretary", "security", "administrator"}),
        (access.MEETINGS_BOOK, {"official", "secretary", "administrator"}),
        (access.MEETINGS_MANAGE, {"secretary", "administrator"}),
    ],
)
def test_only_these_roles_have_the_permission(permission: Permission, roles: set[str]) -> None:
    assert {role for role, allowed in ROLES.items() if permission in allowed} == roles


def test_a_role_that_no_longer_exists_allows_nothing() -> None:
    assert permissions_of("district-clerk") == frozenset()


def test_an_account_acts_with_what_its_role_allows() -> None:
    actor = account_actor(uuid.UUID(int=2), "hoa", "technician")
    assert actor.may(access.ALERTS_TAKE)
    assert not actor.may(access.AUDIT_READ)


def test_who_may_not_read_gets_no_statement_at_all() -> None:
    with pytest.raises(Refused):
        narrow_offices(STATEMENT, NOBODY)


@pytest.mark.parametrize("actor", [account_actor(uuid.UUID(int=3), "hoa", role) for role in ROLES] + [system("engine")])
def test_until_grants_exist_a_role_covers_the_whole_tree(actor: Actor) -> None:
    assert str(narrow_offices(STATEMENT, actor)) == str(STATEMENT)
