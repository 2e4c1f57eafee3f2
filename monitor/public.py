"""What other parts may call of the monitor."""

from monitor.queries import (
    AlertChange,
    alert_counts,
    alert_for,
    alert_story,
    alerts_of_device,
    latest_changes,
    open_alerts,
)
from monitor.take import release, take
from monitor.views import AlertCounts, AlertPage, AlertStory, AlertView, NotificationView, Severity

__all__ = [
    "AlertChange",
    "AlertCounts",
    "AlertPage",
    "AlertStory",
    "AlertView",
    "NotificationView",
    "Severity",
    "alert_counts",
    "alert_for",
    "alert_story",
    "alerts_of_device",
    "latest_changes",
    "open_alerts",
    "release",
    "take",
]
