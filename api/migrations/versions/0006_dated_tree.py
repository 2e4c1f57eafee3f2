"""The dated tree: what lies below what and since when, which unit an office belonged to, where a device stood."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

# The last place of an office and of a device also stands in their own rows, where statements about the present and the
# release before this one read it. Nobody writes it there: it follows the periods.
LAST_PLACE = """
CREATE FUNCTION {owner}_follows_its_periods() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE {owner} SET {place}_id = period.{place}_id
    FROM (
        SELECT DISTINCT ON ({owner}_id) {owner}_id, {place}_id FROM {owner}_period
        WHERE {owner}_id IN (SELECT {owner}_id FROM written) ORDER BY {owner}_id, lower(valid) DESC NULLS LAST
    ) AS period
    WHERE {owner}.id = period.{owner}_id AND {owner}.{place}_id IS DISTINCT FROM period.{place}_id;
    RETURN NULL;
END $$;
CREATE TRIGGER {owner}_period_added AFTER INSERT ON {owner}_period REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION {owner}_follows_its_periods();
CREATE TRIGGER {owner}_period_changed AFTER UPDATE ON {owner}_period REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION {owner}_follows_its_periods();
"""

ANCESTRY = """
INSERT INTO unit_ancestry (ancestor_id, unit_id, depth, since, until)
WITH RECURSIVE climb (unit_id, ancestor_id, depth, valid) AS (
    SELECT unit_id, unit_id, 0, valid FROM unit_period
    UNION ALL
    SELECT climb.unit_id, parent.id, climb.depth + 1,
        climb.valid * here.valid * daterange(parent.valid_from, parent.valid_to)
    FROM climb
    JOIN unit_period AS here ON here.unit_id = climb.ancestor_id AND here.valid && climb.valid
    JOIN unit AS parent
        ON parent.id = here.parent_id AND daterange(parent.valid_from, parent.valid_to) && (climb.valid * here.valid)
), joined AS (
    SELECT ancestor_id, unit_id, depth, unnest(range_agg(valid)) AS valid
    FROM climb GROUP BY ancestor_id, unit_id, depth
)
SELECT ancestor_id, unit_id, depth, lower(valid), coalesce(upper(valid), 'infinity') FROM joined
"""


def upgrade() -> None:
    op.create_table(
        "unit_ancestry",
        sa.Column("ancestor_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ancestor_id"], ["unit.id"], name=op.f("unit_ancestry_ancestor_id_fkey")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("unit_ancestry_unit_id_fkey")),
        sa.PrimaryKeyConstraint("ancestor_id", "unit_id", "since", name=op.f("unit_ancestry_pkey")),
    )
    op.create_index(
        "unit_ancestry_down_idx", "unit_ancestry", ["ancestor_id", "since", "until"], postgresql_include=["unit_id"]
    )
    op.create_index(
        "unit_ancestry_up_idx",
        "unit_ancestry",
        ["unit_id", "since", "until"],
        postgresql_include=["ancestor_id", "depth"],
    )
    op.execute(ANCESTRY)
    _places("office", "unit")
    _places("device", "office")
    # Nobody wrote down when an office was opened or a device came: as long as there is the place that they are in.
    op.execute(
        "INSERT INTO office_period (id, office_id, valid, unit_id)"
        " SELECT gen_random_uuid(), office.id, daterange(unit.valid_from, NULL), unit.id"
        " FROM office JOIN unit ON unit.id = office.unit_id"
    )
    op.execute(
        "INSERT INTO device_period (id, device_id, valid, office_id)"
        " SELECT gen_random_uuid(), device.id, period.valid, device.office_id"
        " FROM device JOIN office_period AS period ON period.office_id = device.office_id"
    )


def _places(owner: str, place: str) -> None:
    op.create_table(
        f"{owner}_period",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(f"{owner}_id", sa.Uuid(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column(f"{place}_id", sa.Uuid(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column(f"{owner}_id"), "="), (sa.column("valid"), "&&"), using="gist", name=f"{owner}_period_no_overlap"
        ),
        sa.ForeignKeyConstraint([f"{owner}_id"], [f"{owner}.id"], name=op.f(f"{owner}_period_{owner}_id_fkey")),
        sa.ForeignKeyConstraint([f"{place}_id"], [f"{place}.id"], name=op.f(f"{owner}_period_{place}_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"{owner}_period_pkey")),
    )
    op.create_index(op.f(f"{owner}_period_{place}_id_idx"), f"{owner}_period", [f"{place}_id"], unique=False)
    op.execute(LAST_PLACE.format(owner=owner, place=place))


def downgrade() -> None:
    for owner in ("device", "office"):
        op.drop_table(f"{owner}_period")
        op.execute(f"DROP FUNCTION {owner}_follows_its_periods")
    op.drop_table("unit_ancestry")
