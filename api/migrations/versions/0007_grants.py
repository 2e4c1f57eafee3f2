"""People: roles and grants on the tree, API tokens, the second factor, sign-in by an organisation, erased names."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ROLES: Final = {
    "official": ("Cán bộ", "Official"),
    "secretary": ("Thư ký", "Secretary"),
    "technician": ("Kỹ thuật viên", "Technician"),
    "engineer": ("Kỹ sư", "Engineer"),
    "security": ("Cán bộ an ninh mạng", "Security watcher"),
    "auditor": ("Kiểm tra viên", "Auditor"),
    "administrator": ("Quản trị viên", "Administrator"),
}

PERMISSIONS: Final = {
    "official": "inventory.read alerts.read meetings.read meetings.book",
    "secretary": "inventory.read alerts.read meetings.read meetings.book meetings.manage",
    "technician": "inventory.read alerts.read alerts.take platform.read meetings.read playbooks.read playbooks.run",
    "engineer": (
        "inventory.read inventory.change alerts.read alerts.take platform.read meetings.read playbooks.read"
        " playbooks.run credentials.set"
    ),
    "security": "inventory.read alerts.read alerts.take audit.read platform.read meetings.read",
    "auditor": "inventory.read alerts.read audit.read accounts.read meetings.read playbooks.read",
    "administrator": (
        "inventory.read inventory.change alerts.read alerts.take audit.read credentials.set accounts.read"
        " accounts.manage platform.read playbooks.read meetings.read meetings.book meetings.manage"
    ),
}
"""What each role begins with. It is data from then on: a platform may change it."""


ONLY_GROWS = """
CREATE OR REPLACE FUNCTION audit_entry_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.seal IS NULL
        AND (NEW.id, NEW.at, NEW.actor_id, NEW.actor, NEW.action, NEW.target, NEW.before, NEW.after, NEW.reason)
            IS NOT DISTINCT FROM
            (OLD.id, OLD.at, OLD.actor_id, OLD.actor, OLD.action, OLD.target, OLD.before, OLD.after, OLD.reason)
    THEN
        RETURN NEW;
    END IF;
    {erasing}
    RAISE EXCEPTION 'the audit log only grows: an entry is neither changed nor removed';
END $$
"""

# Names may be replaced in a sealed entry, and only with a new seal over what is left; verifying tells who did it right.
ERASING = """
    IF TG_OP = 'UPDATE' AND OLD.seal IS NOT NULL AND NEW.erased_seal IS NOT NULL
        AND NEW.erased_seal IS DISTINCT FROM OLD.erased_seal
        AND (NEW.id, NEW.at, NEW.actor_id, NEW.action, NEW.reason, NEW.seal_no, NEW.seal)
            IS NOT DISTINCT FROM
            (OLD.id, OLD.at, OLD.actor_id, OLD.action, OLD.reason, OLD.seal_no, OLD.seal)
    THEN
        RETURN NEW;
    END IF;
"""


def upgrade() -> None:
    role = op.create_table(
        "role",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("needs_totp", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("role_pkey")),
    )
    role_permission = op.create_table(
        "role_permission",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["role"], ["role.code"], name=op.f("role_permission_role_fkey")),
        sa.PrimaryKeyConstraint("role", "permission", name=op.f("role_permission_pkey")),
    )
    op.bulk_insert(
        role,
        [
            {"code": code, "position": position, "name": name, "name_en": name_en, "needs_totp": False}
            for position, (code, (name, name_en)) in enumerate(ROLES.items(), 1)
        ],
    )
    op.bulk_insert(
        role_permission,
        [{"role": code, "permission": one} for code, allowed in PERMISSIONS.items() for one in allowed.split()],
    )
    op.create_table(
        "role_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("below", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("role_grant_lasts_check")),
        sa.CheckConstraint("unit_id IS NOT NULL OR below", name=op.f("role_grant_whole_tree_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("role_grant_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["role"], ["role.code"], name=op.f("role_grant_role_fkey")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("role_grant_unit_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("role_grant_pkey")),
    )
    for column in ("account_id", "role", "unit_id"):
        op.create_index(op.f(f"role_grant_{column}_idx"), "role_grant", [column])
    # Who had a role had it on the whole tree. A name that is no role any more allowed nothing, and goes on doing so.
    op.execute(
        "INSERT INTO role_grant (id, account_id, role, below, valid_from, given_at, given_by)"
        " SELECT gen_random_uuid(), account.id, account.role, true, account.created_at, account.created_at, 'upgrade'"
        " FROM account JOIN role ON role.code = account.role"
    )
    op.alter_column("account", "role", server_default=sa.text("''"))
    op.add_column("account", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("session", sa.Column("second_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("audit_entry", sa.Column("erased_seal", sa.LargeBinary(), nullable=True))
    op.execute(ONLY_GROWS.format(erasing=ERASING))
    _proofs()


def _proofs() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("below", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("unit_id IS NOT NULL OR below", name=op.f("api_token_whole_tree_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("api_token_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("api_token_unit_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("api_token_pkey")),
        sa.UniqueConstraint("key", name=op.f("api_token_key_key")),
    )
    op.create_index(op.f("api_token_account_id_idx"), "api_token", ["account_id"])
    op.create_index(op.f("api_token_unit_id_idx"), "api_token", ["unit_id"])
    op.create_table(
        "identity",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("identity_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("identity_pkey")),
    )
    op.create_index(op.f("identity_account_id_idx"), "identity", ["account_id"])
    op.create_table(
        "provider_trip",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("browser", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("provider_trip_pkey")),
    )
    op.create_index(op.f("provider_trip_started_at_idx"), "provider_trip", ["started_at"])
    op.create_table(
        "totp",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("totp_account_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("totp_pkey")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("recovery_code_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("recovery_code_pkey")),
    )


def downgrade() -> None:
    for table in ("recovery_code", "totp", "provider_trip", "identity", "api_token"):
        op.drop_table(table)
    op.execute(ONLY_GROWS.format(erasing=""))
    op.drop_column("audit_entry", "erased_seal")
    op.drop_column("session", "second_at")
    op.drop_column("account", "erased_at")
    # The widest role that somebody has on the whole tree; who has none there had none before.
    op.execute(
        "UPDATE account SET role = coalesce((SELECT role_grant.role FROM role_grant JOIN role ON role.code ="
        " role_grant.role WHERE account_id = account.id AND unit_id IS NULL AND valid_from <= now() AND"
        " (valid_to IS NULL OR valid_to > now()) ORDER BY role.position DESC LIMIT 1), '')"
    )
    op.alter_column("account", "role", server_default=None)
    op.drop_table("role_grant")
    op.drop_table("role_permission")
    op.drop_table("role")
