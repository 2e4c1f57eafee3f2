"""Keeps the dated ancestry true to the units' periods. Whoever writes periods calls `renew` in the same transaction."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import text

from kernel.db.transaction import Transaction

# A unit is below the parents of its parents only while both hold: ranges are cut as the climb goes up. Periods that
# differ in their names only are joined again, so that a rename adds no row.
CLIMB = """
INSERT INTO unit_ancestry (ancestor_id, unit_id, depth, since, until)
WITH RECURSIVE climb (unit_id, ancestor_id, depth, valid) AS (
    SELECT unit_id, unit_id, 0, valid FROM unit_period {of_units}
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


async def renew(tx: Transaction, units: Collection[uuid.UUID] | None = None) -> None:
    """Compute the ancestry anew: of `units` and all that ever were or are below them, or of the whole tree."""
    await tx.session.flush()
    if units is None:
        await tx.session.execute(text("DELETE FROM unit_ancestry"))
        await tx.session.execute(text(CLIMB.format(of_units="")))
        return
    await tx.session.execute(
        text(
            """
            CREATE TEMPORARY TABLE touched ON COMMIT DROP AS
            WITH RECURSIVE touched (id) AS (
                SELECT unnest(CAST(:units AS uuid[]))
                UNION
                SELECT period.unit_id FROM unit_period AS period JOIN touched ON period.parent_id = touched.id
            ) SELECT id FROM touched
            """
        ),
        {"units": list(units)},
    )
    await tx.session.execute(text("DELETE FROM unit_ancestry WHERE unit_id IN (SELECT id FROM touched)"))
    await tx.session.execute(text(CLIMB.format(of_units="WHERE unit_id IN (SELECT id FROM touched)")))
    await tx.session.execute(text("DROP TABLE touched"))
