"""What other parts may call of the monitor."""

from monitor.broken_devices import broken_devices
from monitor.engine import CHANNELS, Engine
from monitor.events import AlertCleared, AlertOutlasted, AlertRaised, SitesSeen
from monitor.live import (
    AlertChanged,
    CertificateLive,
    CheckLive,
    DeviceHealth,
    DeviceLive,
    DevicePolled,
    EngineBoard,
    EngineStatus,
    GraphPoint,
    GraphSeries,
    LastValue,
    LiveEvent,
    PartChanged,
    State,
    StoreLive,
    UplinkLive,
)
from monitor.notify import Hurt, teller
from monitor.outages import OutageView, outages
from monitor.poller.plan import Plan, check_targets, make_plan
from monitor.probes.port import Identity, Outcome, PollResult, Target
from monitor.queries import (
    AlertChange,
    alert_counts,
    alert_for,
    alert_story,
    alerts_at,
    alerts_of_device,
    audited_alerts,
    latest_changes,
    open_alerts,
)
from monitor.samples import Series
from monitor.take import release, take
from monitor.views import AlertCounts, AlertPage, AlertStory, AlertView, NotificationView, Severity
