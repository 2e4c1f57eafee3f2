"""Draws pages: one template environment, and what every template may use.

Templates get `_` and `ngettext` (escaping, in the reader's language), `t` (dates, numbers), `words` (sentences),
`asset` (address of a static file that changes with its content), who is signed in, and what `api.web.shell` knows of
the platform.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from api.http.assets import version_of
from api.http.auth import known_visit, language_of, remember_visit
from api.http.state import web_state
from api.http.translation import translator
from api.web.shell import NOTHING_KNOWN, Shell
from api.web.words import Words
from kernel.i18n import LANGUAGES, Translator

WEB = Path(__file__).parent
STATIC = WEB / "static"

environment = Environment(
    loader=FileSystemLoader(WEB / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    auto_reload=False,  # else each of a page's hundred inclusions looks at its file
)


def asset(name: str) -> str:
    """Return the address of the static file `name`; it changes when the content does, so that browsers may keep it."""
    return f"/static/{name}?v={version_of(STATIC / name)}"


def page(request: Request, template: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Return a whole page.

    Args:
        request: The request that it answers.
        template: Name of the template.
        status_code: HTTP status.
        **context: What the template needs beside what every template gets.
    """
    response = HTMLResponse(fragment(request, template, **context), status_code)
    # A page in the wrong language, or of somebody who signed out, must not come out of a cache.
    response.headers["Cache-Control"] = "private, no-store"
    if (visit := known_visit(request)) is not None:
        remember_visit(request, response, visit)
    return response


def fragment(request: Request, template: str, **context: Any) -> str:
    """Return a template as text: a part of a page, for htmx or a stream."""
    return environment.get_template(template).render({**_for_every_template(request), **context})


def translator_of(request: Request) -> Translator:
    """Return the reader's language and zone."""
    return translator(language_of(request), web_state(request).settings.timezone)


def _for_every_template(request: Request) -> dict[str, Any]:
    state = web_state(request)
    visit = known_visit(request)
    t = translator_of(request)
    shell = getattr(request.state, "shell", NOTHING_KNOWN)
    assert isinstance(shell, Shell)  # noqa: S101 - set by api.web.shell only

    def say(message: str, /, **fields: object) -> Markup:
        # Fields may be Markup; everything else is escaped, translations included.
        text = Markup(escape(t.gettext(message)))  # noqa: S704 - escaped in the same breath
        return text.format(**fields) if fields else text

    def count(one: str, many: str, number: int, /, **fields: object) -> str:
        return t.ngettext(one, many, number, **fields)

    return {
        "_": say,
        "ngettext": count,
        "t": t,
        "words": Words(t),
        "asset": asset,
        "language": t.language,
        "languages": LANGUAGES,
        "path": request.url.path,
        "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "account": visit.account if visit else None,
        "actor": visit.actor if visit else None,
        "csrf": visit.csrf if visit else "",
        "example": state.settings.demo,
        "now": state.clock.now(),
        "shell": shell,
    }
