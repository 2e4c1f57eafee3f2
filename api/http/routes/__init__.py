"""Routes of the JSON API and of the probes; each module has its `router`."""

from api.http.routes import alerts, inventory, jitsi, join, meetings, platform, playbooks, probes, session

ROUTERS = (
    session.router,
    inventory.router,
    alerts.router,
    meetings.router,
    platform.router,
    probes.router,
    join.router,
    playbooks.router,
    jitsi.router,
)
