"""Credentials hold at places of the tree; audit entries name the request that they came by."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0020"
branch_labels = None
depends_on = None

ONLY_GROWS: Final = """
CREATE OR REPLACE FUNCTION audit_entry_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.seal IS NULL
        AND (
            NEW.id, NEW.at, NEW.actor_id, NEW.actor, NEW.action, NEW.target, NEW.before, NEW.after, NEW.reason{request}
        ) IS NOT DISTINCT FROM
            (OLD.id, OLD.at, OLD.actor_id, OLD.actor, OLD.action, OLD.target, OLD.before, OLD.after, OLD.reason{was})
    THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.seal IS NOT NULL AND NEW.erased_seal IS NOT NULL
        AND NEW.erased_seal IS DISTINCT FROM OLD.erased_seal
        AND (NEW.id, NEW.at, NEW.actor_id, NEW.action, NEW.reason, NEW.seal_no, NEW.seal{request})
            IS NOT DISTINCT FROM
            (OLD.id, OLD.at, OLD.actor_id, OLD.action, OLD.reason, OLD.seal_no, OLD.seal{was})
    THEN
        RETURN NEW;
    END IF;
    {retention}
    RAISE EXCEPTION 'the audit log only grows: an entry is neither changed nor removed';
END $$
"""

# What is older than the years that are set goes from the beginning only, up to a number that was put on record with a
# proof that needs the audit key: verifying tells who did it right.
RETENTION: Final = """
    IF TG_OP = 'DELETE' AND OLD.seal_no <= (SELECT max(seal_no) FROM audit_beginning) THEN
        RETURN OLD;
    END IF;
"""


def upgrade() -> None:
    op.create_table(
        "credential_place",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.Uuid(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("office_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(unit_id, office_id, device_id) = 1", name=op.f("credential_place_one_place_check")
        ),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"], name=op.f("credential_place_credential_id_fkey")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("credential_place_unit_id_fkey")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("credential_place_office_id_fkey")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("credential_place_device_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("credential_place_pkey")),
        sa.UniqueConstraint("unit_id", "use", name=op.f("credential_place_unit_id_use_key")),
        sa.UniqueConstraint("office_id", "use", name=op.f("credential_place_office_id_use_key")),
        sa.UniqueConstraint("device_id", "use", name=op.f("credential_place_device_id_use_key")),
    )
    op.create_index(op.f("credential_place_credential_id_idx"), "credential_place", ["credential_id"], unique=False)
    op.create_table(
        "audit_beginning",
        sa.Column("seal_no", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seal_no", name=op.f("audit_beginning_pkey")),
    )
    # With a default: the release before, which knows nothing of it, goes on inserting.
    op.add_column("audit_entry", sa.Column("request_id", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.drop_index(op.f("audit_entry_target_idx"), table_name="audit_entry")
    op.create_index("audit_entry_target_idx", "audit_entry", ["target", "id"], unique=False)
    op.create_index("audit_entry_actor_idx", "audit_entry", ["actor", "id"], unique=False)
    op.execute(ONLY_GROWS.format(request=", NEW.request_id", was=", OLD.request_id", retention=RETENTION))


def downgrade() -> None:
    op.execute(ONLY_GROWS.format(request="", was="", retention=""))
    op.drop_index("audit_entry_actor_idx", table_name="audit_entry")
    op.drop_index("audit_entry_target_idx", table_name="audit_entry")
    op.create_index(op.f("audit_entry_target_idx"), "audit_entry", ["target"], unique=False)
    op.drop_column("audit_entry", "request_id")
    op.drop_table("audit_beginning")
    op.drop_table("credential_place")
