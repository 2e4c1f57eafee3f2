"""Choosing the language of the pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse

from api.http.auth import remember_language, safe_next
from api.http.deps import CsrfForm, Tx, Visitor
from inventory.public import choose_language
from kernel.errors import BadInput
from kernel.i18n import LANGUAGES, Sentence

router = APIRouter(include_in_schema=False)


@router.post("/language")
async def language(
    request: Request,
    visit: Visitor,
    tx: Tx,
    _csrf: CsrfForm,
    language: Annotated[str, Form()],
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the form's field
) -> RedirectResponse:
    """Remember the language, for the account and for this browser, and go back."""
    if language not in LANGUAGES:
        raise BadInput(
            what=Sentence("The language {language}", language=language),
            why=Sentence("choose among {known}", known=", ".join(LANGUAGES)),
        )
    if visit.actor is not None:
        await choose_language(visit.actor, tx, language)
    response = RedirectResponse(safe_next(next), 303)
    remember_language(request, response, language)
    return response
