"""The pages: each module has the routes of one subject; a page calls the same functions as the JSON API."""

from api.web.pages import (
    account,
    alerts,
    audit,
    board,
    book,
    devices,
    join,
    language,
    live,
    meetings,
    offices,
    platform,
    playbooks,
    runs,
    sign_in,
)

ROUTERS = [
    module.router
    for module in (
        board,
        alerts,
        devices,
        offices,
        book,
        meetings,
        playbooks,
        runs,
        platform,
        audit,
        live,
        join,
        language,
        sign_in,
        account,
    )
]
"""What `api.http.app.create_app` takes as its pages."""
