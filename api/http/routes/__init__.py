"""Routes of the JSON API and of the probes; each module has its `router`."""

from api.http.routes import alerts, inventory, platform, probes, session

ROUTERS = (session.router, inventory.router, alerts.router, platform.router, probes.router)
