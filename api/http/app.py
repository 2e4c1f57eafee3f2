"""Puts the web application together: routes, what surrounds them, and the task that follows the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from api.http import errors
from api.http.assets import Assets
from api.http.deps import check_csrf
from api.http.routes import ROUTERS
from api.http.routes.jitsi import Declined, declined
from api.http.security import Edge
from api.http.state import WebState

SMALLEST_GZIP_BYTES: Final = 800
GZIP_LEVEL: Final = 5  # level 9 makes a page 1 % smaller and takes twice the time

DESCRIPTION: Final = """
What the pages show, for programs. Send an API token as `Authorization: Bearer …`; or sign in with
`POST /api/v1/session`, whose answer sets the cookie `vungcao_session`.

* With a cookie, every request that changes something carries the header `X-CSRF-Token`; `GET /api/v1/session` tells
  its value.
* Lists come page by page: give `next` of one page as `after` of the following.
* Times are UTC by RFC 3339, or Unix milliseconds where the name ends in `_ms`. Units are in the names: `in_bps` is
  bits a second, a `_ratio` runs from 0 to 1.
* A change may say why: `X-Reason`, percent-encoded, stands beside it in the record (`GET /api/v1/changes`).
* Errors are problem details (RFC 9457); `code` is stable, `detail` is for people, in English or Vietnamese by
  `Accept-Language`.
"""


def routes_of(pages: Sequence[APIRouter] = ()) -> list[BaseRoute]:
    """Return the routes of the API and of `pages`.

    They belong to no application: making them takes longer than all the rest, so that several may share them.
    """
    # A form that nobody checks cannot be forgotten: it holds for every route.
    every = APIRouter(dependencies=[Depends(check_csrf)])
    for router in (*ROUTERS, *pages):
        every.include_router(router)
    return every.routes


def create_app(
    state: WebState,
    routes: Sequence[BaseRoute],
    *,
    page: errors.PageMaker | None = None,
    static: Path | None = None,
) -> FastAPI:
    """Return the application of one web process.

    Args:
        state: What it works with.
        routes: What it answers, as `routes_of` makes them.
        page: Makes a page from a template, for errors; without it they are plain text.
        static: Folder of static files.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(state.live.run(), name="live feed")
            try:
                yield
            finally:
                state.stopping.set()
                following.cancel()

    app = FastAPI(
        title="Vùng Cao",
        version=_version(),
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        routes=[*routes],
        middleware=[
            Middleware(Edge, state=state),
            Middleware(GZipMiddleware, minimum_size=SMALLEST_GZIP_BYTES, compresslevel=GZIP_LEVEL),
        ],
    )
    app.state.web = state
    errors.install(app, page)
    app.add_exception_handler(Declined, declined)
    if static is not None:
        app.mount("/static", Assets(directory=static), name="static")
    return app


def _version() -> str:
    try:
        return version("vungcao")
    except PackageNotFoundError:
        return "unknown"
