"""All tables in one place, so that Alembic can compare them with a database. Read by migrations and tests only."""

from __future__ import annotations

import inventory.contract_models
import inventory.coverage_models
import inventory.credential_models
import inventory.delivery_models
import inventory.exchange.models
import inventory.grant_models
import inventory.kit_models
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
    inventory.contract_models,
    inventory.coverage_models,
    inventory.credential_models,
    inventory.delivery_models,
    inventory.exchange.models,
    inventory.grant_models,
    inventory.kit_models,
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
