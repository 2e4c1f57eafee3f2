"""What can go wrong with alerts."""

from __future__ import annotations

from kernel.errors import Conflict


class AlertTaken(Conflict):
    code = "alert-taken"
    message = "{holder} works on this alert already."


class AlertOver(Conflict):
    code = "alert-over"
    message = "This alert is over. There is nothing to take."


class NotYours(Conflict):
    code = "alert-not-yours"
    message = "{holder} works on this alert, and only they can give it back."
