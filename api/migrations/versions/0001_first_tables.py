"""The first tables: units, offices, devices, uplinks, credentials, accounts, alerts, events, the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

EXTENSIONS = ("btree_gist", "unaccent")

AUDIT_ONLY_GROWS = """
CREATE FUNCTION audit_entry_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.seal IS NULL
        AND (NEW.id, NEW.at, NEW.actor_id, NEW.actor, NEW.action, NEW.target, NEW.before, NEW.after, NEW.reason)
            IS NOT DISTINCT FROM
            (OLD.id, OLD.at, OLD.actor_id, OLD.actor, OLD.action, OLD.target, OLD.before, OLD.after, OLD.reason)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log only grows: an entry is neither changed nor removed';
END $$;
CREATE TRIGGER audit_entry_only_grows BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_entry_only_grows();
CREATE TRIGGER audit_entry_is_not_emptied BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_only_grows();
"""


def upgrade() -> None:
    for extension in EXTENSIONS:
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("example", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("account_pkey")),
        sa.UniqueConstraint("name", name=op.f("account_name_key")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seal_no", sa.BigInteger(), nullable=True),
        sa.Column("seal", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(seal_no IS NULL) = (seal IS NULL)", name=op.f("audit_entry_sealed_whole_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_entry_pkey")),
        sa.UniqueConstraint("seal_no", name=op.f("audit_entry_seal_no_key")),
    )
    op.create_index(op.f("audit_entry_at_idx"), "audit_entry", ["at"], unique=False)
    op.create_index(op.f("audit_entry_target_idx"), "audit_entry", ["target"], unique=False)
    op.create_index("audit_entry_unsealed_idx", "audit_entry", ["id"], postgresql_where=sa.text("seal_no IS NULL"))
    op.create_table(
        "credential",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("public", postgresql.JSONB(), nullable=False),
        sa.Column("sealed", postgresql.JSONB(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("credential_pkey")),
        sa.UniqueConstraint("name", name=op.f("credential_name_key")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("event_pkey")),
    )
    op.create_index(op.f("event_at_idx"), "event", ["at"], unique=False)
    op.create_table(
        "setup_link",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("setup_link_pkey")),
    )
    op.create_table(
        "sign_in_try",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("sign_in_try_pkey")),
    )
    op.create_index(op.f("sign_in_try_last_at_idx"), "sign_in_try", ["last_at"], unique=False)
    op.create_table(
        "unit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("unit_pkey")),
        sa.UniqueConstraint("code", name=op.f("unit_code_key")),
    )
    op.create_table(
        "office",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_sort", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("office_unit_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("office_pkey")),
        sa.UniqueConstraint("code", name=op.f("office_code_key")),
    )
    op.create_index(op.f("office_name_sort_idx"), "office", ["name_sort"], unique=False)
    op.create_index(op.f("office_unit_id_idx"), "office", ["unit_id"], unique=False)
    op.create_table(
        "session",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("session_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("session_pkey")),
        sa.UniqueConstraint("id", name=op.f("session_id_key")),
    )
    op.create_index(op.f("session_account_id_idx"), "session", ["account_id"], unique=False)
    op.create_index(op.f("session_started_at_idx"), "session", ["started_at"], unique=False)
    op.create_index(op.f("session_used_at_idx"), "session", ["used_at"], unique=False)
    op.create_table(
        "unit_period",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_sort", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("unit_id"), "="), (sa.column("valid"), "&&"), using="gist", name="unit_period_no_overlap"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["unit.id"], name=op.f("unit_period_parent_id_fkey")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("unit_period_unit_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("unit_period_pkey")),
    )
    op.create_index(op.f("unit_period_parent_id_idx"), "unit_period", ["parent_id"], unique=False)
    op.create_table(
        "unit_succession",
        sa.Column("predecessor_id", sa.Uuid(), nullable=False),
        sa.Column("successor_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["predecessor_id"], ["unit.id"], name=op.f("unit_succession_predecessor_id_fkey")),
        sa.ForeignKeyConstraint(["successor_id"], ["unit.id"], name=op.f("unit_succession_successor_id_fkey")),
        sa.PrimaryKeyConstraint("predecessor_id", "successor_id", name=op.f("unit_succession_pkey")),
    )
    op.create_table(
        "device",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("address", postgresql.INET(), nullable=False),
        sa.Column("port", sa.Integer(), server_default=sa.text("161"), nullable=False),
        sa.Column("snmp", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("device_office_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("device_pkey")),
        sa.UniqueConstraint("code", name=op.f("device_code_key")),
    )
    op.create_index(op.f("device_office_id_idx"), "device", ["office_id"], unique=False)
    op.create_index(op.f("device_role_idx"), "device", ["role"], unique=False)
    op.create_table(
        "alert",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_by_id", sa.Uuid(), nullable=True),
        sa.Column("taken_by", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("alert_device_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("alert_pkey")),
    )
    op.create_index("alert_device_idx", "alert", ["device_id", "raised_at"], unique=False)
    op.create_index(
        "alert_open_key",
        "alert",
        ["rule", "device_id", "instance"],
        unique=True,
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.create_table(
        "uplink",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("medium", sa.Text(), nullable=False),
        sa.Column("down_bps", sa.BigInteger(), nullable=False),
        sa.Column("up_bps", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("uplink_device_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("uplink_pkey")),
        sa.UniqueConstraint("code", name=op.f("uplink_code_key")),
    )
    op.create_index(op.f("uplink_device_id_idx"), "uplink", ["device_id"], unique=False)
    op.create_table(
        "alert_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("alert_change_alert_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("alert_change_pkey")),
    )
    op.create_index("alert_change_alert_idx", "alert_change", ["alert_id"], unique=False)
    op.create_index("alert_change_at_idx", "alert_change", ["at"], unique=False)
    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("notification_alert_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("notification_pkey")),
    )
    op.create_index("notification_alert_idx", "notification", ["alert_id"], unique=False)
    op.create_index("notification_event_channel_key", "notification", ["event_id", "channel"], unique=True)
    op.execute(AUDIT_ONLY_GROWS)


def downgrade() -> None:
    op.drop_table("notification")
    op.drop_table("alert_change")
    op.drop_table("uplink")
    op.drop_table("alert")
    op.drop_table("device")
    op.drop_table("unit_succession")
    op.drop_table("unit_period")
    op.drop_table("session")
    op.drop_table("office")
    op.drop_table("unit")
    op.drop_table("sign_in_try")
    op.drop_table("setup_link")
    op.drop_table("event")
    op.drop_table("credential")
    op.drop_table("audit_entry")
    op.drop_table("account")
    op.execute("DROP FUNCTION audit_entry_only_grows")
