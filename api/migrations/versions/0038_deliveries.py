"""Deliveries of equipment to offices, and what became of each piece."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("arrived_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("delivery_office_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("delivery_pkey")),
    )
    op.create_index(op.f("delivery_office_id_idx"), "delivery", ["office_id"], unique=False)
    op.create_index("delivery_made_at_idx", "delivery", ["made_at", "id"], unique=False)
    op.create_table(
        "delivery_item",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("no", sa.SmallInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("proved_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("delivery_item_delivery_id_fkey")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("delivery_item_device_id_fkey")),
        sa.PrimaryKeyConstraint("delivery_id", "no", name=op.f("delivery_item_pkey")),
    )
    op.create_index(
        "delivery_item_device_key", "delivery_item", ["device_id"], unique=True,
        postgresql_where=sa.text("state = 'accepted'"),
    )  # fmt: skip
    op.create_index(
        "delivery_item_unproved_idx", "delivery_item", ["decided_at"],
        postgresql_where=sa.text("state = 'accepted' AND proved_at IS NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("delivery_item")
    op.drop_table("delivery")
