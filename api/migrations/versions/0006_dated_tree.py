"""The dated tree: levels, what lies below what and since when, places over time, reorganisations; and search."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
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


# So that `xuan huong da lat` finds `Phường Xuân Hương - Đà Lạt`. The dictionary is named: the result depends on nothing
# else, and the database may keep it.
FOLDED = """
CREATE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN lower(unaccent('unaccent'::regdictionary, $1))
"""

LEVELS = (
    ("central", 10, "Trung ương", "Central", None),
    ("province", 20, "Tỉnh, thành phố", "Province", None),
    ("district", 30, "Quận, huyện, thị xã", "District", "2025-07-01"),
    ("commune", 40, "Xã, phường, đặc khu", "Commune", None),
    ("village", 50, "Thôn, bản, tổ dân phố", "Village", None),
)

SEARCHED = {
    "unit_period": "name || ' ' || name_en",
    "office": "code || ' ' || name || ' ' || address",
    "device": "code || ' ' || name || ' ' || host(address) || ' ' || model || ' ' || serial",
}


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute(FOLDED)
    _levels()
    _equipment()
    _reorganisations()
    for table, text in SEARCHED.items():
        op.add_column(
            table, sa.Column("folded", sa.Text(), sa.Computed(f"folded({text})", persisted=True), nullable=False)
        )
        op.create_index(
            f"{table}_folded_idx", table, ["folded"], postgresql_using="gin", postgresql_ops={"folded": "gin_trgm_ops"}
        )
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


def _levels() -> None:
    level = op.create_table(
        "unit_level",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("unit_level_pkey")),
        sa.UniqueConstraint("position", name=op.f("unit_level_position_key")),
    )
    op.bulk_insert(
        level,
        [
            {
                "code": code,
                "position": position,
                "name": name,
                "name_en": name_en,
                "valid_from": None,
                "valid_to": valid_to and date.fromisoformat(valid_to),
            }
            for code, position, name, name_en, valid_to in LEVELS
        ],
    )
    op.create_foreign_key(op.f("unit_level_fkey"), "unit", "unit_level", ["level"], ["code"])


def _equipment() -> None:
    op.add_column("office", sa.Column("kind", sa.Text(), server_default="implementing-organisation", nullable=False))
    op.add_column("office", sa.Column("hours", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "office_contact",
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("office_contact_office_id_fkey")),
        sa.PrimaryKeyConstraint("office_id", "place", name=op.f("office_contact_pkey")),
    )
    op.add_column("device", sa.Column("state", sa.Text(), server_default="active", nullable=False))
    op.add_column("device", sa.Column("ownership", sa.Text(), server_default="owned", nullable=False))
    for name in ("lessor", "vendor", "model", "serial", "firmware"):
        op.add_column("device", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("device", sa.Column("addresses", sa.ARRAY(postgresql.INET()), server_default="{}", nullable=False))
    op.create_index(op.f("device_state_idx"), "device", ["state"], unique=False)
    op.add_column("uplink", sa.Column("redundancy_group", sa.Text(), server_default="", nullable=False))
    op.add_column("uplink", sa.Column("parent_device_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("uplink_parent_device_id_fkey"), "uplink", "device", ["parent_device_id"], ["id"])
    op.create_index(op.f("uplink_parent_device_id_idx"), "uplink", ["parent_device_id"], unique=False)


def _reorganisations() -> None:
    op.create_table(
        "reorganisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("operations", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rehearsed", postgresql.JSONB(), nullable=False),
        sa.Column("applied", postgresql.JSONB(), nullable=True),
        sa.Column("why", postgresql.JSONB(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("reorganisation_pkey")),
    )
    op.create_index(
        "reorganisation_due_idx", "reorganisation", ["due_at"], postgresql_where=sa.text("state = 'scheduled'")
    )
    op.create_index("reorganisation_day_idx", "reorganisation", ["day", "id"])
    op.create_table(
        "idempotency_key",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", postgresql.JSONB(), nullable=True),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("idempotency_key_pkey")),
    )
    op.create_index(op.f("idempotency_key_at_idx"), "idempotency_key", ["at"], unique=False)


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
    op.drop_table("idempotency_key")
    op.drop_table("reorganisation")
    for table in SEARCHED:
        op.drop_column(table, "folded")
    op.execute("DROP FUNCTION folded")
    op.drop_column("uplink", "parent_device_id")
    op.drop_column("uplink", "redundancy_group")
    for name in ("state", "ownership", "lessor", "vendor", "model", "serial", "firmware", "addresses"):
        op.drop_column("device", name)
    op.drop_table("office_contact")
    op.drop_column("office", "kind")
    op.drop_column("office", "hours")
    op.drop_constraint("unit_level_fkey", "unit", type_="foreignkey")
    op.drop_table("unit_level")
    for owner in ("device", "office"):
        op.drop_table(f"{owner}_period")
        op.execute(f"DROP FUNCTION {owner}_follows_its_periods")
    op.drop_table("unit_ancestry")
