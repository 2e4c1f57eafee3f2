"""Imports with a preview; contracts and leases with what they cover."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0030"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "data_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("within", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("bytes_total", sa.BigInteger(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("counts", JSONB, nullable=False),
        sa.Column("read_as", JSONB, nullable=False),
        sa.Column("why", JSONB, nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("stop_asked", sa.Boolean(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("holds", JSONB, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("over_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("data_import_pkey")),
    )
    op.create_index(op.f("data_import_made_at_idx"), "data_import", ["made_at"], unique=False)
    op.create_table(
        "data_import_piece",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["data_import.id"], name=op.f("data_import_piece_import_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("import_id", "no", name=op.f("data_import_piece_pkey")),
    )
    op.create_table(
        "data_import_line",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("fields", JSONB, nullable=True),
        sa.Column("diff", JSONB, nullable=True),
        sa.Column("faults", JSONB, nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["data_import.id"], name=op.f("data_import_line_import_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("import_id", "no", name=op.f("data_import_line_pkey")),
    )
    op.create_index("data_import_line_code_idx", "data_import_line", ["import_id", "kind", "code"], unique=False)
    op.create_index("data_import_line_verdict_idx", "data_import_line", ["import_id", "verdict", "no"], unique=False)

    op.create_table(
        "contract",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("warn_days", sa.Integer(), nullable=False),
        sa.Column("sla_percent", sa.Numeric(6, 3), nullable=True),
        sa.Column("repair_hours", sa.Numeric(6, 1), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("warned_of", sa.Date(), nullable=True),
        sa.CheckConstraint("ends IS NULL OR ends >= starts", name=op.f("contract_ends_after_it_starts_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("contract_pkey")),
        sa.UniqueConstraint("code", name=op.f("contract_code_key")),
    )
    op.create_index("contract_ends_idx", "contract", ["ends"], postgresql_where=sa.text("ends IS NOT NULL"))
    op.create_table(
        "contract_cover",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("uplink_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("num_nonnulls(uplink_id, device_id) = 1", name=op.f("contract_cover_covers_one_check")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("contract_cover_contract_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["uplink_id"], ["uplink.id"], name=op.f("contract_cover_uplink_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("contract_cover_device_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("contract_cover_pkey")),
        postgresql.ExcludeConstraint(
            ("uplink_id", "="), ("kind", "="), ("valid", "&&"), name="contract_cover_uplink_no_overlap", using="gist"
        ),
        postgresql.ExcludeConstraint(
            ("device_id", "="), ("kind", "="), ("valid", "&&"), name="contract_cover_device_no_overlap", using="gist"
        ),
    )
    op.create_index(op.f("contract_cover_contract_id_idx"), "contract_cover", ["contract_id"], unique=False)


def downgrade() -> None:
    for table in ("contract_cover", "contract", "data_import_line", "data_import_piece", "data_import"):
        op.drop_table(table)
