"""The JSON API on credentials: set and never read back; where they hold, and which one does at a place."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.http.deps import CurrentActor, State_, Tx
from api.http.paging import After, Limit, Page, Shape
from api.http.routes.router import api_router, problems
from inventory.public import (
    CREDENTIALS_SET,
    CredentialKind,
    CredentialPlace,
    Held,
    PlaceKind,
    Use,
    attach,
    credential_named,
    credentials_at,
    detach,
    list_credentials,
    made_of,
    remove_credential,
    set_at_place,
    set_credential,
)
from kernel.actors import Actor
from kernel.errors import BadInput

router = api_router("credentials")


async def _setter(actor: CurrentActor) -> Actor:
    actor.require(CREDENTIALS_SET)
    return actor


Setter = Annotated[Actor, Depends(_setter)]
"""Who may set credentials somewhere; asked before what they sent is looked at."""

WAYS = {"units": PlaceKind.UNIT, "offices": PlaceKind.OFFICE, "devices": PlaceKind.DEVICE}
Way = Annotated[Literal["units", "offices", "devices"], Path(description="What kind of place it is.")]
MOST_SECRET = 20_000


class CredentialShape(Shape):
    """A credential, without its secrets."""

    name: str
    kind: CredentialKind
    changed_at: datetime
    public: dict[str, Any] = Field(description="What of it is no secret, as the user of SNMP v3.")


class PlaceShape(BaseModel):
    """A place where a credential can hold."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    kind: PlaceKind
    code: str


class HeldShape(Shape):
    """A credential on the way from a place to the top."""

    use: Use
    name: str
    kind: str = Field(description="`missing`: a device names one that there is not.")
    place: PlaceShape = Field(description="Where it is attached, or which device names it.")
    nearest: bool = Field(description="Whether it is the one that holds.")


class Fields(BaseModel):
    """A credential to be set. Secrets are written and never read: sent as `********` they stay what they are."""

    model_config = ConfigDict(extra="forbid")

    kind: CredentialKind
    fields: dict[str, str] = Field(default_factory=dict, description="What is no secret: user, auth_protocol, …")
    secrets: dict[str, SecretStr] = Field(
        default_factory=dict, description="community; auth_key, priv_key; private_key; password; secret; token."
    )


class NewCredential(Fields):
    """A new credential, and where it shall hold."""

    name: Annotated[str, Field(max_length=63)]
    place: PlaceShape | None = Field(None, description="Needed of those who may set credentials there only.")


class Named(BaseModel):
    """A credential by its name."""

    model_config = ConfigDict(extra="forbid")

    credential: Annotated[str, Field(max_length=63)]


@router.get("/credentials", summary="Credentials")
async def list_all(actor: Setter, tx: Tx, limit: Limit = 50, after: After = None) -> Page[CredentialShape]:
    """Return those that hold where the reader may set some, by name."""
    found = await list_credentials(actor, tx, limit=limit + 1, after=after)
    items = [CredentialShape.model_validate(one) for one in found[:limit]]
    return Page(items=items, next=found[limit - 1].name if len(found) > limit else None)


@router.post("/credentials", summary="Set a new credential", status_code=201, responses=problems(400, 404, 409))
async def make(state: State_, actor: Setter, tx: Tx, wanted: NewCredential) -> CredentialShape:
    """Store a credential under a name that is free, and let it hold at a place."""
    credential = made_of(wanted.kind, _given(wanted))
    if wanted.place is None:
        await set_credential(actor, tx, state.vault, wanted.name, credential, only_new=True)
        await tx.session.flush()
    else:
        place = CredentialPlace(wanted.place.kind, wanted.place.code)
        await set_at_place(actor, tx, state.vault, place, wanted.name, credential)
    return CredentialShape.model_validate(await credential_named(actor, tx, wanted.name))


@router.put("/credentials/{credential}", summary="Set a credential anew", responses=problems(400, 404, 409))
async def set_anew(state: State_, actor: Setter, tx: Tx, credential: str, wanted: Fields) -> CredentialShape:
    """Store a credential in the place of the one of that name."""
    await credential_named(actor, tx, credential)
    await set_credential(actor, tx, state.vault, credential, made_of(wanted.kind, _given(wanted)))
    await tx.session.flush()
    return CredentialShape.model_validate(await credential_named(actor, tx, credential))


@router.delete(
    "/credentials/{credential}", summary="Forget a credential", status_code=204, responses=problems(404, 409)
)
async def forget(actor: Setter, tx: Tx, credential: str) -> None:
    """Forget one that holds nowhere and that no device names."""
    await remove_credential(actor, tx, credential)


@router.get("/{way}/{code}/credentials", summary="Which credentials hold at a place", responses=problems(404))
async def held_at(actor: Setter, tx: Tx, way: Way, code: str) -> list[HeldShape]:
    """Return every credential on the way from a place to the top, by use, the nearest first."""
    return _shown(await credentials_at(actor, tx, CredentialPlace(WAYS[way], code)))


@router.put("/{way}/{code}/credentials", summary="Let a credential hold at a place", responses=problems(400, 404))
async def attach_at(actor: Setter, tx: Tx, way: Way, code: str, wanted: Named) -> list[HeldShape]:
    """Attach a credential instead of what is there for the same use; return what holds then."""
    place = CredentialPlace(WAYS[way], code)
    await attach(actor, tx, place, wanted.credential)
    return _shown(await credentials_at(actor, tx, place))


@router.delete(
    "/{way}/{code}/credentials/{use}",
    summary="Take a credential away from a place",
    status_code=204,
    responses=problems(404),
)
async def detach_at(actor: Setter, tx: Tx, way: Way, code: str, use: Use) -> None:
    """Take away what is attached there for one use: the next one above holds again."""
    await detach(actor, tx, CredentialPlace(WAYS[way], code), use)


def _given(wanted: Fields) -> dict[str, str]:
    secrets = {name: secret.get_secret_value() for name, secret in wanted.secrets.items()}
    if any(len(value) > MOST_SECRET for value in [*secrets.values(), *wanted.fields.values()]):
        raise BadInput(what="The credential", why="a field is longer than any credential is")
    return {**wanted.fields, **secrets}


def _shown(held: list[Held]) -> list[HeldShape]:
    return [HeldShape.model_validate(one) for one in held]
