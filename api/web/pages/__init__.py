"""The pages: each module has the routes of one subject; a page calls the same functions as the JSON API."""

from api.web.pages import (
    account,
    alerts,
    audit,
    board,
    book,
    bulk,
    devices,
    edit,
    figures,
    join,
    language,
    live,
    meetings,
    offices,
    people,
    platform,
    playbooks,
    reorganise,
    runs,
    search,
    second_factor,
    sign_in,
    tree,
    uplinks,
)

ROUTERS = [
    module.router
    for module in (
        board,
        alerts,
        devices,
        offices,
        uplinks,
        book,
        meetings,
        playbooks,
        runs,
        tree,
        figures,
        reorganise,
        edit,
        bulk,
        people,
        search,
        platform,
        audit,
        live,
        join,
        language,
        sign_in,
        second_factor,
        account,
    )
]
"""What `api.http.app.create_app` takes as its pages."""
