"""The web application with its pages, whose routes a test run makes once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI
from starlette.routing import BaseRoute

from api.http.app import create_app, routes_of
from api.http.state import WebState
from api.web.pages import ROUTERS
from api.web.render import STATIC, page

ROUTES: Final = routes_of(ROUTERS)


def app_of(state: WebState, routes: Sequence[BaseRoute] = ROUTES) -> FastAPI:
    """Return the whole application on `state`."""
    return create_app(state, routes, page=page, static=STATIC)
