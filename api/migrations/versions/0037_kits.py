"""Standard kits with versions; until when a device is under warranty, and in which state it was on any day."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

# Days are those of the administration. The first state is taken to be as old as the device.
FOLLOWS: Final = """
CREATE FUNCTION device_state_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO device_state (device_id, since, state)
    VALUES (
        NEW.id,
        CASE TG_OP WHEN 'INSERT' THEN '-infinity'::date ELSE (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date END,
        NEW.state
    )
    ON CONFLICT (device_id, since) DO UPDATE SET state = excluded.state;
    RETURN NULL;
END $$;
CREATE TRIGGER device_state_begins AFTER INSERT ON device FOR EACH ROW EXECUTE FUNCTION device_state_follows();
CREATE TRIGGER device_state_changes AFTER UPDATE OF state ON device FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION device_state_follows()
"""


def upgrade() -> None:
    op.create_table(
        "kit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("office_kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("kit_pkey")),
        sa.UniqueConstraint("code", name=op.f("kit_code_key")),
        sa.UniqueConstraint("office_kind", "level", name=op.f("kit_office_kind_level_key")),
    )
    op.create_table(
        "kit_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kit_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["kit_id"], ["kit.id"], name=op.f("kit_version_kit_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("kit_version_pkey")),
        sa.UniqueConstraint("kit_id", "since", name=op.f("kit_version_kit_id_since_key")),
    )
    op.create_table(
        "kit_item",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("per", sa.Text(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("kit_item_number_check")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["kit_version.id"], name=op.f("kit_item_version_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "role", "per", name=op.f("kit_item_pkey")),
    )
    op.add_column("device", sa.Column("warranty_until", sa.Date(), nullable=True))
    op.create_table(
        "device_state",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("device_state_device_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", "since", name=op.f("device_state_pkey")),
    )
    op.execute("INSERT INTO device_state (device_id, since, state) SELECT id, '-infinity', state FROM device")
    op.execute(FOLLOWS)


def downgrade() -> None:
    op.execute("DROP TRIGGER device_state_begins ON device")
    op.execute("DROP TRIGGER device_state_changes ON device")
    op.execute("DROP FUNCTION device_state_follows")
    op.drop_table("device_state")
    op.drop_column("device", "warranty_until")
    for table in ("kit_item", "kit_version", "kit"):
        op.drop_table(table)
