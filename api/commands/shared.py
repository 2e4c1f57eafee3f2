"""What all commands share: settings, a database to work in, how they print, and how they fail."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from api import wiring
from inventory.public import BadInventoryFile, BadReorganisation
from kernel import logs
from kernel import settings as all_settings
from kernel.db.transaction import Database
from kernel.errors import VungCaoError
from kernel.settings import Settings

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

out = Console()


def secret(what: str) -> SecretStr:
    """Return a secret from a prompt, or the next line of standard input."""
    if sys.stdin.isatty():
        return SecretStr(typer.prompt(what, hide_input=True, confirmation_prompt=True))
    line = sys.stdin.readline()
    return SecretStr(line.removesuffix("\n"))


def print_list(rows: list[dict[str, Any]], columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print rows as a table of `columns`, or whole as JSON."""
    if as_json:
        out.print_json(json.dumps(rows, default=str))
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    out.print(table)


def settings_of(process: str) -> Settings:
    """Return the settings of a process, with its log set up; a wrong one ends the command."""
    try:
        loaded = all_settings.load()
    except VungCaoError as error:
        fail(error)
    logs.configure(process, form=loaded.log_form, level=loaded.log_level)
    return loaded


def with_database(work: Callable[[Settings, Database], Awaitable[T]]) -> T:
    """Run `work` with a database of this data folder, brought to this release; one that does not run is run for it."""
    loaded = settings_of("command line")

    async def with_it() -> T:
        async with wiring.ready_database(loaded, "command line") as database:
            return await work(loaded, database)

    return run(with_it)


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Return what `work` does; an error of ours ends the command with its words."""

    async def awaited() -> T:
        return await work()

    try:
        return asyncio.run(awaited())
    except BadInventoryFile as error:
        for mistake in error.mistakes:
            print(f"{error.fields['file']}:{mistake.line}: {mistake.why}", file=sys.stderr)  # noqa: T201 - for people
        fail(error)
    except BadReorganisation as error:
        for mistake in error.mistakes:
            print(f"operation {mistake.line}: {mistake.why}", file=sys.stderr)  # noqa: T201 - for people
        fail(error)
    except VungCaoError as error:
        fail(error)


def fail(error: VungCaoError) -> NoReturn:
    """End the command with an error's words and exit code 1."""
    print(error, file=sys.stderr)  # noqa: T201 - the command's own words
    sys.exit(1)
