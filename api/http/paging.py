"""Paging of the JSON API: a page at a time, and a cursor for the next. Parameters that nobody knows are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from kernel.errors import BadInput

Item = TypeVar("Item")


class Shape(BaseModel):
    """Base of what the API answers; made from our views by their attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Page(Shape, Generic[Item]):
    """One page of a list."""

    items: list[Item] = Field(description="What is on this page, in the list's order.")
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last.")


Limit = Annotated[int, Query(ge=1, le=200, description="Most items on the page.")]
After = Annotated[str | None, Query(max_length=500, description="`next` of the page before.")]
Search = Annotated[str, Query(max_length=100, description="Only what holds these words; accents may be missing.")]


def cut(items: Sequence[Item], code: Callable[[Item], str], limit: int, after: str | None) -> Page[Item]:
    """Return one page of a list that comes whole; its cursor is the code of the last item before.

    Raises:
        BadInput: If `after` is the code of none of them.
    """
    begin = 0
    if after is not None:
        begin = next((place for place, item in enumerate(items, 1) if code(item) == after), 0)
        if not begin:
            raise BadInput(what="The cursor", why="it is not `next` of a page of this list")
    page = list(items[begin : begin + limit])
    return Page(items=page, next=code(page[-1]) if begin + limit < len(items) else None)


async def refuse_unknown(request: Request) -> None:
    """Raise BadInput if the address has a parameter that its route does not know: a typing error must not be silent."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = set(_parameters(route.dependant))
    for name in request.query_params:
        if name not in known:
            why = f"this address knows {', '.join(sorted(known))}" if known else "this address knows none"
            raise BadInput(what=f"The parameter {name[:50]}", why=why)


def _parameters(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for part in dependant.dependencies:
        yield from _parameters(part)
