"""Routes of the JSON API and of the probes; each module has its `router`."""

from api.http.routes.alerts import router as alerts
from api.http.routes.changes import router as changes
from api.http.routes.contracts import router as contracts
from api.http.routes.credentials import router as credentials
from api.http.routes.delegation import router as delegation
from api.http.routes.equipment import router as equipment
from api.http.routes.exchange import router as exchange
from api.http.routes.feeds import router as feeds
from api.http.routes.holds import router as holds
from api.http.routes.hooks import router as hooks
from api.http.routes.inventory import router as inventory
from api.http.routes.jitsi import router as jitsi
from api.http.routes.join import router as join
from api.http.routes.kinds import router as kinds
from api.http.routes.meetings import router as meetings
from api.http.routes.needs import router as needs
from api.http.routes.people import router as people
from api.http.routes.platform import router as platform
from api.http.routes.playbooks import router as playbooks
from api.http.routes.probes import router as probes
from api.http.routes.rollouts import router as rollouts
from api.http.routes.schedules import router as schedules
from api.http.routes.series import router as series
from api.http.routes.session import router as session
from api.http.routes.times import router as times
from api.http.routes.tree import router as tree
from api.http.routes.webhooks import router as webhooks
from api.http.routes.windows import router as windows

ROUTERS = (
    session, tree, inventory, equipment, exchange, contracts, alerts, meetings, holds, kinds, delegation, series, times,
    feeds, people, platform, probes, join, playbooks, rollouts, schedules, hooks, jitsi, needs, changes, credentials,
    windows, webhooks,
)  # fmt: skip
