"""All tables in one place, so that Alembic can compare them with a database. Read by migrations and tests only."""

from __future__ import annotations

import inventory.credential_models
import inventory.grant_models
import inventory.models
import inventory.people_models
import inventory.window_models
import kernel.audit
import kernel.events.models
import kernel.idempotency
import meetings.bridge.models
import meetings.models
import monitor.models
import playbooks.automation.hooks.models
import playbooks.automation.models
import playbooks.automation.schedules.models
from kernel.db.base import Base

__all__ = ["Base"]

_ = (
    inventory.credential_models,
    inventory.grant_models,
    inventory.models,
    inventory.people_models,
    inventory.window_models,
    kernel.audit,
    kernel.events.models,
    kernel.idempotency,
    meetings.bridge.models,
    meetings.models,
    monitor.models,
    playbooks.automation.hooks.models,
    playbooks.automation.models,
    playbooks.automation.schedules.models,
)
