"""`vungcao audit`: the record of every change, and whether somebody tampered with it."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.shared import Json, print_json, print_list, with_database

if TYPE_CHECKING:
    from kernel.audit_log import AuditWish
    from kernel.db.transaction import Database
    from kernel.settings import Settings

NO = 3
"""Exit code of a command that was done and whose answer is no."""

Target = Annotated[str, typer.Option(help="Only of this object, as device:ps-rt1.")]
Who = Annotated[str, typer.Option(help="Only by this one, by sign-in name.")]
Action = Annotated[str, typer.Option(help="Only of this kind, as device.changed; device. for all that begin so.")]
Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on, in the zone set.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Until the end of this day.")]

audit_app = typer.Typer(help="The record of every change.", no_args_is_help=True)


@audit_app.command("verify")
def verify(
    heads: Annotated[list[Path] | None, typer.Option(help="File with heads from elsewhere, as a syslog.")] = None,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Check the chain of the audit log; exit code 3 if an entry was changed, removed, reordered, put in or cut off."""
    from api.wiring import verify_audit

    report, kept = with_database(lambda loaded, database: verify_audit(loaded, database, heads or ()))
    last = max(kept.heads, key=lambda one: one.at, default=None)
    if as_json:
        print_json(
            {
                "ok": report.ok,
                "sealed": report.sealed,
                "unsealed": report.unsealed,
                "faults": report.faults,
                "first_fault": report.first and {"seal_no": report.first.seal_no, "kind": report.first.kind},
                "head": report.head and {"seal_no": report.head.seal_no, "seal": report.head.seal.hex()},
                "heads_kept": len(kept.heads),
                "heads_forged": kept.forged,
                "last_kept": last and {"at": last.at, "seal_no": last.head.seal_no},
            }
        )
    else:
        print(f"{report.sealed} entries in the chain, {report.unsealed} waiting for their seal.")
        if last is None:
            print("No head was kept outside of the database: that the end was cut off could not be found.")
        else:
            print(f"Compared with {len(kept.heads)} heads, the last of {last.at:%Y-%m-%d %H:%M} UTC.")
        if kept.forged:
            print(f"{kept.forged} lines look like heads and were not made with this audit key.")
        if report.first is None:
            print("The chain is sound: nothing was changed, removed, reordered or cut off.")
        else:
            counts = ", ".join(f"{count} {kind}" for kind, count in report.faults.items())
            print(f"The chain is broken at number {report.first.seal_no} ({report.first.kind}); in all: {counts}.")
            print("What to do: docs/runbooks/broken-audit-chain.md")
    sys.exit(0 if report.ok and not kept.forged else NO)


@audit_app.command("list")
def list_(
    target: Target = "",
    actor: Who = "",
    action: Action = "",
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most of them.")] = 20,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List entries, the newest first."""

    async def read(loaded: Settings, database: Database) -> list[dict[str, Any]]:
        from kernel.audit_log import audit_entries, plain

        wish = _wish(loaded, target, actor, action, since, until)
        async with database.transaction() as tx:
            return [plain(entry) for entry in await audit_entries(tx, wish, limit=limit)]

    print_list(with_database(read), ("at", "actor", "action", "target", "reason"), as_json=as_json)


@audit_app.command("export")
def export(
    form: Annotated[Literal["jsonl", "csv"], typer.Option(help="JSON lines, or CSV for spreadsheets.")] = "jsonl",
    target: Target = "",
    actor: Who = "",
    action: Action = "",
    since: Since = None,
    until: Until = None,
) -> None:
    """Write every entry that fits to standard output, the newest first."""

    async def write(loaded: Settings, database: Database) -> None:
        from kernel.audit_log import all_entries, csv_header, csv_line, json_line

        line_of = csv_line if form == "csv" else json_line
        if form == "csv":
            sys.stdout.write(csv_header())
        wish = _wish(loaded, target, actor, action, since, until)
        async with database.transaction() as tx:
            async for entry in all_entries(tx, wish):
                sys.stdout.write(line_of(entry))

    with_database(write)


def _wish(
    loaded: Settings, target: str, actor: str, action: str, since: datetime | None, until: datetime | None
) -> AuditWish:
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    from kernel.audit_log import AuditWish

    zone = ZoneInfo(loaded.timezone)
    begin = None if since is None else since.replace(tzinfo=zone)
    end = None if until is None else (until + timedelta(days=1)).replace(tzinfo=zone)
    return AuditWish(target=target, actor=actor, action=action, since=begin, until=end)
