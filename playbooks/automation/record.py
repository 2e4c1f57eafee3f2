"""Puts refusals on record: what was wanted and why it was not done stays, although nothing was done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import Conflict, Refused


@contextmanager
def refusals_on_record(
    tx: Transaction, actor: Actor, action: str, target: str, wanted: Mapping[str, Any], *, reason: str = ""
) -> Iterator[None]:
    """Let what the block refuses be audited as `action`. Mistakes in what was typed are no refusals.

    Args:
        tx: The use case's transaction; the record stays when it is rolled back.
        actor: Who wanted it.
        action: As the audit log names it.
        target: What it was to be done to.
        wanted: What was wanted, without secrets.
        reason: What the actor gave as reason.
    """
    try:
        yield
    except (Refused, Conflict) as error:
        why = {"refused": error.code, "because": str(error)}
        tx.audit_refusal(actor, action, target, after={**wanted, **why}, reason=reason)
        raise
