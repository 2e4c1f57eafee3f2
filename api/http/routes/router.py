"""What all routes of the JSON API share: the prefix, the cookie, the errors; unknown parameters are refused."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Depends, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from api.http.auth import SESSION_COOKIE
from api.http.paging import Shape, refuse_unknown

COOKIE: Final = APIKeyCookie(name=SESSION_COOKIE, description="Set by `POST /api/v1/session`.", auto_error=False)
BEARER: Final = HTTPBearer(description="An API token: see `POST /api/v1/tokens`.", auto_error=False)


class Problem(Shape):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route says about its errors: everything is a Problem."""
    return {status: {"model": Problem, "content": {"application/problem+json": {}}} for status in statuses}


def api_router(tag: str) -> APIRouter:
    """Return a router under `/api/v1` whose routes need a session or an API token."""
    return APIRouter(
        prefix="/api/v1",
        tags=[tag],
        responses=problems(401, 403, 422),
        dependencies=[Depends(refuse_unknown), Security(COOKIE), Security(BEARER)],
    )
