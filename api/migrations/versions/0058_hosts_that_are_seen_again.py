"""Hosts that wait for their site, or are being tried, are found by office when a site is seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index("state IN ('unreachable', 'running')")


def downgrade() -> None:
    _index("state = 'unreachable'")


def _index(which: str) -> None:
    op.drop_index("playbook_host_lane_idx", table_name="playbook_host")
    op.create_index("playbook_host_lane_idx", "playbook_host", ["office_id"], postgresql_where=sa.text(which))
