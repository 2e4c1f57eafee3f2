"""What is known of units over time: connectivity, electricity, disadvantaged status."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unit_fact",
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("value", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("measured", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("until IS NULL OR until > since", name=op.f("unit_fact_ends_after_it_begins_check")),
        sa.CheckConstraint("cardinality(value) > 0", name=op.f("unit_fact_says_something_check")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("unit_fact_unit_id_fkey")),
        sa.PrimaryKeyConstraint("unit_id", "kind", "since", name=op.f("unit_fact_pkey")),
    )


def downgrade() -> None:
    op.drop_table("unit_fact")
