"""What all commands share: settings, a database to work in, how they print, and how they fail.

Like the commands themselves, nothing here loads more than it needs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar

import typer

from kernel.errors import VungCaoError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from kernel.db.transaction import Database
    from kernel.settings import Settings

T = TypeVar("T")

BEYOND: Final = 10_000
"""Width of a table that goes into a file or another program: a line there stays one."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def secret(what: str) -> SecretStr:
    """Return a secret from a prompt, or the next line of standard input."""
    from pydantic import SecretStr

    if sys.stdin.isatty():
        return SecretStr(typer.prompt(what, hide_input=True, confirmation_prompt=True))
    line = sys.stdin.readline()
    return SecretStr(line.removesuffix("\n"))


def print_list(rows: list[dict[str, Any]], columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print rows as a table of `columns`, or whole as JSON."""
    if as_json:
        print_json(rows)
    else:
        print_table(columns, [["" if row[column] is None else str(row[column]) for column in columns] for row in rows])


def print_json(answer: object) -> None:
    """Print an answer for scripts."""
    from rich.console import Console

    Console().print_json(json.dumps(answer, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print a table for people: nothing in it is cut off, for what stands there is typed into the next command."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else BEYOND).print(table)


@contextmanager
def mistakes_listed() -> Iterator[None]:
    """Print every mistake of a file or a reorganisation that is refused, each with where it is."""
    from inventory.public import BadInventoryFile, BadReorganisation

    try:
        yield
    except BadInventoryFile as error:
        for mistake in error.mistakes:
            print(f"{error.fields['file']}:{mistake.line}: {mistake.why}", file=sys.stderr)
        raise
    except BadReorganisation as error:
        for mistake in error.mistakes:
            print(f"operation {mistake.line}: {mistake.why}", file=sys.stderr)
        raise


def settings_of(process: str) -> Settings:
    """Return the settings of a process, with its log set up; a wrong one ends the command."""
    from kernel import logs, settings

    try:
        loaded = settings.load()
    except VungCaoError as error:
        fail(error)
    logs.configure(process, form=loaded.log_form, level=loaded.log_level)
    return loaded


def with_database(work: Callable[[Settings, Database], Awaitable[T]]) -> T:
    """Run `work` with a database of this data folder, brought to this release; one that does not run is run for it."""
    from structlog.contextvars import bound_contextvars

    from api.wiring import ready_database
    from kernel.ids import new_id

    loaded = settings_of("command line")

    async def with_it() -> T:
        with bound_contextvars(request=f"command:{new_id()}"):
            async with ready_database(loaded, "command line") as database:
                return await work(loaded, database)

    return run(with_it)


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Return what `work` does; an error of ours ends the command with its words."""
    import asyncio

    async def awaited() -> T:
        return await work()

    try:
        return asyncio.run(awaited())
    except VungCaoError as error:
        fail(error)


def fail(error: VungCaoError) -> NoReturn:
    """End the command with an error's words and exit code 1."""
    print(error, file=sys.stderr)
    sys.exit(1)
