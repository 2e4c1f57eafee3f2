"""The JSON API on people: who may sign in, what they hold and where, what their programs hold."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from api.http.deps import CurrentActor, Person, Tx
from api.http.paging import After, Limit, Page, Search, Shape, cut
from api.http.routes.router import api_router, problems
from api.http.routes.session import Role
from inventory.public import (
    ACCOUNTS_MANAGE,
    TokenRequest,
    account_for,
    account_sessions,
    account_tokens,
    create_account,
    end_account_sessions,
    give_password,
    grant_role,
    grants,
    list_accounts,
    make_token,
    own_grants,
    own_tokens,
    require_totp,
    reset_factor,
    revoke_account_token,
    revoke_grant,
    revoke_own_token,
    roles,
    set_disabled,
)
from inventory.public import Grant as GrantRequest
from kernel.actors import Actor

router = api_router("people")


async def _manager(actor: CurrentActor) -> Actor:
    actor.require(ACCOUNTS_MANAGE)
    return actor


Manager = Annotated[Actor, Depends(_manager)]
"""Who may manage accounts somewhere; asked before what they sent is looked at."""

Code = Annotated[str, Field(max_length=100)]


class RoleAllows(Shape):
    """A role and what it allows; `name` is the Vietnamese one."""

    code: str
    name: str
    name_en: str
    needs_totp: bool = Field(description="Who has it proves a second factor.")
    permissions: tuple[str, ...]


class Account(Shape):
    """Somebody who may sign in."""

    name: str
    display_name: str
    roles: tuple[Role, ...] = Field(description="By which they may do something now.")
    example: bool = Field(description="Of the example programme: signs in on the platform's own machine only.")
    disabled: bool


class Grant(Shape):
    """A role that somebody has on a unit during a time."""

    id: uuid.UUID
    account: str
    display_name: str
    role: str
    role_name: str
    role_name_en: str
    unit: str | None = Field(description="Null: the whole tree.")
    unit_name: str
    unit_name_en: str
    below: bool = Field(description="With all units below it.")
    valid_from: datetime
    valid_to: datetime | None = Field(description="Null: until it is taken away.")
    given_at: datetime
    given_by: str
    ended_by: str | None


class NewGrant(BaseModel):
    """A role to give."""

    model_config = ConfigDict(extra="forbid")

    role: Code
    unit: Code | None = Field(default=None, description="Code of the unit; null: the whole tree.")
    below: bool = Field(default=True, description="With all units below it.")
    valid_from: AwareDatetime | None = Field(default=None, description="Null: now.")
    valid_to: AwareDatetime | None = Field(default=None, description="Null: until it is taken away.")

    def request(self) -> GrantRequest:
        """Return what is asked for."""
        return GrantRequest(self.role, self.unit, self.below, self.valid_from, self.valid_to)


class NewGrantOf(NewGrant):
    """A role to give to an account."""

    account: Code


class NewAccount(BaseModel):
    """Somebody to let in."""

    model_config = ConfigDict(extra="forbid")

    name: Code
    display_name: Annotated[str, Field(max_length=200)] = ""
    password: Annotated[SecretStr, Field(max_length=1000)] | None = Field(
        default=None, description="Null: by the organisation's own sign-in only."
    )
    grant: NewGrant | None = Field(default=None, description="Null: may do nothing yet.")


class NewPassword(BaseModel):
    """Another password."""

    model_config = ConfigDict(extra="forbid")

    password: Annotated[SecretStr, Field(max_length=1000)]


class SecondFactor(BaseModel):
    """Whether a role asks for a second factor."""

    model_config = ConfigDict(extra="forbid")

    required: bool


class OpenSession(Shape):
    """A session of an account."""

    id: uuid.UUID
    started_at: datetime
    used_at: datetime
    ends_at: datetime
    address: str
    program: str


class Ended(Shape):
    """How many sessions ended."""

    sessions: int


class Token(Shape):
    """An API token; never its value."""

    id: uuid.UUID
    title: str
    permissions: tuple[str, ...]
    unit: str | None = Field(description="Bound to this unit; null: wherever its owner may.")
    below: bool
    created_at: datetime
    ends_at: datetime
    used_at: datetime | None


class NewToken(BaseModel):
    """What a token shall allow: at each use no more than its owner may then."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(max_length=200)]
    permissions: Annotated[list[Code], Field(max_length=50)]
    ends_at: AwareDatetime = Field(description="A year from now at most.")
    unit: Code | None = None
    below: bool = True


class MadeToken(Shape):
    """A token with its value, for the only time."""

    token: Token
    value: str = Field(description="Send it as `Authorization: Bearer …`. It is kept nowhere.")


@router.get("/roles", summary="Roles, and what they allow")
async def list_roles(actor: CurrentActor, tx: Tx, limit: Limit = 50, after: After = None) -> Page[RoleAllows]:
    """In their order. Who may see accounts may see this."""
    return cut([RoleAllows.model_validate(role) for role in await roles(actor, tx)], lambda one: one.code, limit, after)


@router.put("/roles/{role}/second-factor", summary="Ask a role for a second factor", responses=problems(404))
async def change_role(actor: Manager, tx: Tx, role: str, wanted: SecondFactor) -> None:
    """From the next request on: who has the role and no second factor is led to setting one up."""
    await require_totp(actor, tx, role, required=wanted.required)


@router.get("/grants", summary="Who may do what, where")
async def list_grants(
    actor: CurrentActor,
    tx: Tx,
    account: Annotated[str | None, Query(max_length=100, description="Only of this account.")] = None,
    unit: Annotated[str | None, Query(max_length=100, description="Only on this unit itself.")] = None,
    ended: Annotated[bool, Query(description="Also those that have ended.")] = False,  # noqa: FBT002 - of the address
    limit: Limit = 50,
    after: After = None,
) -> Page[Grant]:
    """The newest first; those on units for which you may see accounts."""
    page = await grants(actor, tx, account=account, unit=unit, ended=ended, limit=limit, after=after)
    return Page(items=[Grant.model_validate(grant) for grant in page.grants], next=page.next_cursor)


@router.get("/session/grants", summary="What you may do, and where")
async def list_own_grants(actor: CurrentActor, tx: Tx, limit: Limit = 50, after: After = None) -> Page[Grant]:
    """The oldest first."""
    found = [Grant.model_validate(grant) for grant in await own_grants(actor, tx)]
    return cut(found, lambda one: str(one.id), limit, after)


@router.post("/grants", summary="Give a role", status_code=201, responses=problems(400, 404))
async def give_grant(actor: Manager, tx: Tx, wanted: NewGrantOf) -> Grant:
    """Where you may manage accounts yourself, and no wider."""
    return Grant.model_validate(await grant_role(actor, tx, wanted.account, wanted.request()))


@router.post("/grants/{grant}/revoke", summary="Take a role away", responses=problems(404, 409))
async def take_grant(actor: Manager, tx: Tx, grant: uuid.UUID) -> Grant:
    """From the next request on. It stays on record."""
    return Grant.model_validate(await revoke_grant(actor, tx, grant))


@router.get("/accounts", summary="Accounts")
async def list_all(
    actor: CurrentActor, tx: Tx, query: Search = "", limit: Limit = 50, after: After = None
) -> Page[Account]:
    """In the order of their names; those with a grant where you may see accounts."""
    page = await list_accounts(actor, tx, query=query, limit=limit, after=after)
    return Page(items=[Account.model_validate(account) for account in page.accounts], next=page.next_cursor)


@router.post("/accounts", summary="Create an account", status_code=201, responses=problems(400, 404, 409))
async def new_account(actor: Manager, tx: Tx, wanted: NewAccount) -> Account:
    """Without a grant only by who manages accounts of the whole tree."""
    made = await create_account(
        actor,
        tx,
        name=wanted.name,
        display_name=wanted.display_name,
        password=wanted.password.get_secret_value() if wanted.password else None,
        grant=wanted.grant.request() if wanted.grant else None,
    )
    return Account.model_validate(made)


@router.get("/accounts/{name}", summary="One account", responses=problems(404))
async def read_account(actor: CurrentActor, tx: Tx, name: str) -> Account:
    """An account that you may not see looks like one that is not there."""
    return Account.model_validate(await account_for(actor, name, tx))


@router.post("/accounts/{name}/disable", summary="Let an account in no more", responses=problems(404, 409))
async def disable(actor: Manager, tx: Tx, name: str) -> Account:
    """Its sessions and tokens end at once. Twice is as once."""
    return Account.model_validate(await set_disabled(actor, tx, name, disabled=True))


@router.post("/accounts/{name}/enable", summary="Let an account in again", responses=problems(404))
async def enable(actor: Manager, tx: Tx, name: str) -> Account:
    """What ended stays ended. Twice is as once."""
    return Account.model_validate(await set_disabled(actor, tx, name, disabled=False))


@router.put("/accounts/{name}/password", summary="Give an account a password", status_code=204, responses=problems(404))
async def put_password(actor: Manager, tx: Tx, name: str, wanted: NewPassword) -> None:
    """Its sessions end."""
    await give_password(actor, tx, name, wanted.password.get_secret_value())


@router.delete(
    "/accounts/{name}/second-factor", summary="Forget a second factor", status_code=204, responses=problems(404)
)
async def forget_factor(actor: Manager, tx: Tx, name: str) -> None:
    """For a lost phone. Where a role asks for one, the next sign-in leads to setting up another. Twice is as once."""
    await reset_factor(actor, tx, name)


@router.get("/accounts/{name}/sessions", summary="An account's open sessions", responses=problems(404))
async def list_sessions(actor: Manager, tx: Tx, name: str, limit: Limit = 50, after: After = None) -> Page[OpenSession]:
    """The last used first."""
    found = [OpenSession.model_validate(session) for session in await account_sessions(actor, tx, name)]
    return cut(found, lambda one: str(one.id), limit, after)


@router.delete("/accounts/{name}/sessions", summary="End an account's sessions", responses=problems(404))
async def end_sessions(actor: Manager, tx: Tx, name: str) -> Ended:
    """All of them."""
    return Ended(sessions=await end_account_sessions(actor, tx, name))


@router.delete("/accounts/{name}/sessions/{session}", summary="End one session", responses=problems(404))
async def end_one_session(actor: Manager, tx: Tx, name: str, session: uuid.UUID) -> Ended:
    """Its browser has to sign in again."""
    return Ended(sessions=await end_account_sessions(actor, tx, name, session))


@router.get("/accounts/{name}/tokens", summary="An account's API tokens", responses=problems(404))
async def list_tokens_of(actor: Manager, tx: Tx, name: str, limit: Limit = 50, after: After = None) -> Page[Token]:
    """Those that still work, the newest first."""
    found = [Token.model_validate(token) for token in await account_tokens(actor, tx, name)]
    return cut(found, lambda one: str(one.id), limit, after)


@router.delete("/accounts/{name}/tokens/{token}", summary="Revoke a token", status_code=204, responses=problems(404))
async def revoke_token_of(actor: Manager, tx: Tx, name: str, token: uuid.UUID) -> None:
    """It opens nothing any more."""
    await revoke_account_token(actor, tx, name, token)


@router.get("/tokens", summary="Your API tokens")
async def list_own_tokens(actor: CurrentActor, tx: Tx, limit: Limit = 50, after: After = None) -> Page[Token]:
    """Those that still work, the newest first."""
    found = [Token.model_validate(token) for token in await own_tokens(actor, tx)]
    return cut(found, lambda one: str(one.id), limit, after)


@router.post("/tokens", summary="Make an API token", status_code=201, responses=problems(400, 404))
async def new_token(actor: Person, tx: Tx, wanted: NewToken) -> MadeToken:
    """By a person who is signed in, and not with another token. Its value is in this answer and nowhere else."""
    request = TokenRequest(wanted.title, wanted.permissions, wanted.ends_at, wanted.unit, wanted.below)
    made = await make_token(actor, tx, request)
    return MadeToken(token=Token.model_validate(made.token), value=made.value.get_secret_value())


@router.delete("/tokens/{token}", summary="Revoke a token of yours", status_code=204, responses=problems(404))
async def revoke_own(actor: CurrentActor, tx: Tx, token: uuid.UUID) -> None:
    """It opens nothing any more."""
    await revoke_own_token(actor, tx, token)
