"""`vungcao inventory import`, `export` and `ansible`: files in with a preview, out again, and what Ansible is told."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.commands.shared import Json, print_json, print_table, with_database
from kernel.actors import Actor, system
from kernel.errors import BadInput, NotFound

if TYPE_CHECKING:
    from inventory.public import ImportLine, ImportView
    from kernel.db.transaction import Database, Transaction
    from kernel.settings import Settings

ACTOR: Final = system("command line")
SHOWN: Final = 20
"""Lines of each verdict that a terminal shows; all that are refused go into the file of `--refusals`."""
TOLD: Final = 1_000
"""Lines in `--json`."""
A_PAGE: Final = 500
STOPPED: Final = 130
"""Exit code of a command that was stopped from the keyboard, as shells have it."""

As = Annotated[str | None, typer.Option("--as", help="With no more access than this account has.")]


def import_file(
    file: Path,
    kind: Annotated[str, typer.Option(help="What a spreadsheet holds; else what its columns tell.")] = "",
    complete: Annotated[bool, typer.Option(help="Remove what the file does not name.")] = False,  # noqa: FBT002
    within: Annotated[str, typer.Option(help="The file is complete for this unit and all below it only.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and change nothing.")] = False,  # noqa: FBT002
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,  # noqa: FBT002
    refusals: Annotated[
        Path | None, typer.Option(help="Write every line that is refused, and why, into this CSV.")
    ] = None,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Import the CSV or YAML FILE: show what would be added, changed and removed, then do all of it, or nothing.

    Exit code 1 if lines are refused. Ctrl+C stops it, and nothing was changed.
    """
    from inventory.public import HasRefusals, ImportRequest

    done = False

    async def work(loaded: Settings, database: Database) -> None:
        nonlocal done
        request = ImportRequest(file.name, _size(file), kind, complete, within)
        with _progress(show=sys.stderr.isatty() and not as_json) as tell:
            seen = await _previewed(loaded, database, file, request, tell)
        try:
            if refusals is not None:
                await _write_refusals(database, seen, refusals)
            await _show(database, seen, as_json=as_json)
            if seen.refused:
                raise HasRefusals(count=seen.refused)
            if dry_run or not seen.changes or not _agreed(seen, yes=yes or as_json):
                return
            with _progress(show=sys.stderr.isatty() and not as_json) as tell:
                await _applied(database, seen, tell)
            if not as_json:
                print("Done: all of it.")
        finally:
            done = await _tidied(database, seen)

    try:
        with_database(work)
    except KeyboardInterrupt:
        said = "Stopped when all of it had been done already." if done else "Stopped. Nothing was changed."
        print(said, file=sys.stderr)
        sys.exit(STOPPED)


def export(
    kind: Annotated[
        str, typer.Argument(help="units, offices, devices, uplinks, checks, contracts, coverage; yaml: all in one.")
    ],
    file: Annotated[Path | None, typer.Argument(help="Where to; else standard output.")] = None,
    within: Annotated[str, typer.Option(help="Only of this unit and all below it.")] = "",
    language: Annotated[str, typer.Option(help="Of headings and numbers in a spreadsheet: vi, en.")] = "vi",
    account: As = None,
) -> None:
    """Export things as a spreadsheet that Excel opens, or all as YAML; the same file imported again changes nothing."""
    from inventory.public import csv_of, yaml_of

    async def work(_settings: Settings, database: Database) -> None:
        async with database.transaction() as tx:
            actor = await _acting(account, tx)
            text = (
                yaml_of(actor, tx, within=within)
                if kind == "yaml"
                else csv_of(actor, tx, kind, within=within, language=language)
            )
            await _written(text, file)

    with_database(work)


def ansible(
    listed: Annotated[bool, typer.Option("--list", help="All groups and hosts, as Ansible asks a script.")] = False,  # noqa: FBT002
    host: Annotated[str | None, typer.Option(help="The variables of one host.")] = None,
    folder: Annotated[Path | None, typer.Option("--export", help="Write hosts.yml and known_hosts there.")] = None,
    account: As = None,
) -> None:
    """Tell Ansible of the devices that are let in to over SSH: `ansible-inventory -i` a script that calls this.

    Groups are unit_…, office_…, level_…, role_… and profile_…; no key or password is told.
    """
    from inventory.public import ansible_host, ansible_inventory

    async def work(_settings: Settings, database: Database) -> None:
        async with database.transaction() as tx:
            actor = await _acting(account, tx)
            if host is not None:
                try:
                    found = await ansible_host(actor, tx, host)
                except NotFound:
                    found = {}  # what Ansible expects of a script for a host that it does not know
                print(_json(found))
                return
            inventory = await ansible_inventory(actor, tx)
        if folder is None:
            print(_json(inventory.listed()))
            return
        import yaml

        folder.mkdir(parents=True, exist_ok=True)
        text = yaml.dump(inventory.static(), Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=10_000)
        (folder / "hosts.yml").write_text(text, encoding="utf-8")
        (folder / "known_hosts").write_text(inventory.known_hosts(), encoding="ascii")
        print(f"{folder / 'hosts.yml'}: {len(inventory.hosts)} hosts")

    if not listed and host is None and folder is None:
        raise typer.BadParameter("say --list, --host NAME or --export FOLDER")
    with_database(work)


async def _previewed(
    loaded: Settings,
    database: Database,
    file: Path,
    request: Any,  # noqa: ANN401 - its type is loaded with the command
    tell: Callable[[ImportView], Awaitable[None]],
) -> ImportView:
    from inventory.public import begin_import, discard_import, known_profiles, read_import

    async with database.transaction() as tx:
        made = await begin_import(ACTOR, tx, request)
    try:
        with file.open("rb") as opened:
            profiles = known_profiles(loaded.profiles_dir).keys()
            return await read_import(database, made.id, profiles, actor=ACTOR, file=opened, tell=tell)
    except BaseException:
        async with database.transaction() as tx:
            await discard_import(ACTOR, tx, made.id)
        raise


async def _applied(database: Database, seen: ImportView, tell: Callable[[ImportView], Awaitable[None]]) -> None:
    from inventory.public import apply_import, begin_apply

    async with database.transaction() as tx:
        await begin_apply(ACTOR, tx, seen.id, seen.token)
    await apply_import(database, seen.id, actor=ACTOR, tell=tell)


async def _tidied(database: Database, seen: ImportView) -> bool:
    """Forget what was read, unless it was applied: then its record can be looked at. Return whether it was."""
    from inventory.public import ImportState, discard_import, import_for

    async with database.transaction() as tx:
        if (await import_for(ACTOR, tx, seen.id)).state is ImportState.APPLIED:
            return True
        await discard_import(ACTOR, tx, seen.id)
    return False


async def _show(database: Database, seen: ImportView, *, as_json: bool) -> None:
    verdicts = ("refused", "removed", "changed", "added")
    limit = TOLD if as_json else SHOWN
    lines = [line for verdict in verdicts async for line in _lines(database, seen, verdict, limit)]
    if as_json:
        print_json({**asdict(seen), "lines": [_plain(line) for line in lines]})
        return
    read_as = " ".join(part for part in (seen.read_as.get("encoding"), seen.read_as.get("kind")) if part)
    found = [f"{count} {name}" for name, count in seen.counts.items() if count]
    print(f"{seen.file}, read as {read_as}: {', '.join(found) or 'nothing'}")
    if lines:
        print_table(("line", "", "kind", "code", "what"), [_row(line) for line in lines])
    for verdict in verdicts:
        if (more := seen.counts.get(verdict, 0) - SHOWN) > 0:
            print(f"and {more} more {verdict}")


async def _lines(database: Database, seen: ImportView, verdict: str, limit: int) -> AsyncIterator[ImportLine]:
    from inventory.public import import_lines

    after, left = 0, limit
    while left > 0:
        async with database.transaction() as tx:
            page = await import_lines(ACTOR, tx, seen.id, verdict=verdict, limit=min(left, A_PAGE), after=after)
        for line in page.lines:
            yield line
        left -= len(page.lines)
        if page.next_cursor is None:
            return
        after = page.next_cursor


def _row(line: ImportLine) -> Sequence[str]:
    from inventory.public import in_english

    told = [in_english(one) for one in line.faults]
    told += [f"{name}: {_short(pair[0])} → {_short(pair[1])}" for name, pair in line.diff.items()]
    if line.verdict == "added":
        told.append(_short(", ".join(f"{name} {_said(value)}" for name, value in line.fields.items() if value)))
    return (str(line.line or ""), line.verdict, line.kind, line.code, "\n".join(told))


def _plain(line: ImportLine) -> dict[str, Any]:
    from inventory.public import in_english

    return {**asdict(line), "faults": [{**one.plain(), "said": in_english(one)} for one in line.faults]}


async def _write_refusals(database: Database, seen: ImportView, file: Path) -> None:
    from inventory.public import in_english

    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(("line", "kind", "code", "why"))
        async for line in _lines(database, seen, "refused", seen.refused):
            for one in line.faults:
                writer.writerow((line.line, line.kind, line.code, in_english(one)))


async def _acting(account: str | None, tx: Transaction) -> Actor:
    if account is None:
        return ACTOR
    from inventory.public import account_for

    return (await account_for(ACTOR, account, tx)).actor


async def _written(text: AsyncIterator[str], file: Path | None) -> None:
    if file is None:
        async for part in text:
            sys.stdout.write(part)
        return
    partly = file.with_name(f"{file.name}.part")
    with partly.open("w", encoding="utf-8", newline="") as opened:
        async for part in text:
            await asyncio.to_thread(opened.write, part)
    partly.replace(file)  # a file that is half written has another name


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise BadInput(what=f"The file {file}", why=error.strerror or "it cannot be read") from error


def _agreed(seen: ImportView, *, yes: bool) -> bool:
    removed = seen.counts.get("removed", 0)
    if not removed or yes or not sys.stdin.isatty():
        return True
    return typer.confirm(f"Remove {removed}?")


@contextmanager
def _progress(*, show: bool) -> Iterator[Callable[[ImportView], Awaitable[None]]]:
    """Show a bar of how far an import is, where somebody looks at one."""
    if not show:

        async def silent(_view: ImportView) -> None:
            """Tell nobody."""

        yield silent
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        async def tell(view: ImportView) -> None:
            reading = view.state == "reading"
            total, done = (view.bytes_total, view.bytes_read) if reading else (view.changes, view.done)
            bar.update(task, total=total, completed=done, description="Reading" if reading else "Writing")

        yield tell


def _said(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(str(one) for one in value.values() if one)
    return " ".join(map(_said, value)) if isinstance(value, list) else str(value)


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= A_PAGE else f"{text[:A_PAGE]}…"


def _json(answer: object) -> str:
    import json

    return json.dumps(answer, ensure_ascii=False)
