"""`vungcao playbooks`, `vungcao runs` and `vungcao schedules`.

Whatever a command needs is imported inside it, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.shared import Json, fail, print_json, print_list, print_table, settings_of, with_database
from kernel.errors import BadInput

if TYPE_CHECKING:
    from kernel.db.transaction import Database
    from kernel.settings import Settings
    from playbooks.public import LineView, RunView, ScheduleView

playbooks_app = typer.Typer(help="What is run on the equipment of offices.", no_args_is_help=True)
runs_app = typer.Typer(
    help="Runs of playbooks: what they did and said, and what they may be told.", no_args_is_help=True
)
schedules_app = typer.Typer(help="Playbooks that run by themselves.", no_args_is_help=True)

OUTCOMES: Final = """
Followed, the exit code says what became of it: 0 all devices done; 3 failed, timed out or interrupted; 4 some devices
done and others not; 5 cancelled, refused, not approved in time; 6 it stopped by itself, or was paused, and waits for a
person.
"""

RunId = Annotated[uuid.UUID, typer.Argument(help="The run's id.")]
On = Annotated[
    list[str] | None,
    typer.Option(
        "--on",
        metavar="KIND:CODE",
        help="Where: unit:, office:, level:, role:, profile: or device: and codes with commas; repeat it to narrow.",
    ),
]
Arguments = Annotated[list[str] | None, typer.Option("--arg", "--argument", help="name=value; repeat it for each.")]
Check = Annotated[bool, typer.Option("--check", help="Only say what would change.")]


@playbooks_app.command("list")
def playbooks_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the playbooks with their arguments."""
    from api.commands.playbooks import known

    rows = [
        {
            "name": found.name,
            "risk": str(found.risk),
            "title": found.title.en,
            "arguments": ", ".join(found.arguments),
        }
        for found in known(settings_of("command line")).values()
    ]
    print_list(rows, ("name", "risk", "title", "arguments"), as_json=as_json)


@playbooks_app.command("check")
def playbooks_check(folder: Path, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Check the playbooks in FOLDER as the platform would at its start; every mistake with its file and line."""
    from playbooks.public import BadCatalog, load_catalog

    if not folder.is_dir():
        fail(BadInput(what=f"The folder {folder}", why="there is none"))
    try:
        found = load_catalog(folder)
    except BadCatalog as error:
        rows = [{"file": file, "line": mistake.line, "why": mistake.why} for file, mistake in error.mistakes]
        if as_json:
            print_json({"playbooks": [], "mistakes": rows})
        else:
            for row in rows:
                print(f"{folder / str(row['file'])}:{row['line']}: {row['why']}", file=sys.stderr)
        sys.exit(1)
    if as_json:
        print_json({"playbooks": list(found), "mistakes": []})
    else:
        print(f"{len(found)} playbooks, no mistake: {', '.join(found)}")


@playbooks_app.command("run", epilog=OUTCOMES)
def playbooks_run(  # noqa: PLR0913, PLR0917 - its options
    name: str,
    on: On = None,
    office: Annotated[str, typer.Option(help="Code of one office: now or not at all, instead of --on.")] = "",
    check: Check = False,  # noqa: FBT002 - a switch of the command line
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end, and print what it says.")] = False,  # noqa: FBT002
    argument: Arguments = None,
    note: Annotated[str, typer.Option(help="Why, for those who read it later.")] = "",
    only_in_windows: Annotated[  # noqa: FBT002 - a switch of the command line
        bool, typer.Option("--only-in-windows", help="Go on in maintenance windows only.")
    ] = False,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Run the playbook NAME, wave by wave, on what --on names. Workers of `serve` run it."""
    from api.commands import playbooks as command

    if bool(on) == bool(office):
        fail(BadInput(what="The place", why="give --on KIND:CODE, or --office CODE"))

    async def start(settings: Settings, database: Database) -> RunView:
        arguments, catalog = command.arguments_of(argument or []), command.known(settings)
        if office:
            found = await command.launched(database, name, office, arguments, check=check, catalog=catalog)
        else:
            found = await command.rolled_out(
                database, name, command.wish_of(on or []), arguments,
                check=check, note=note, windows=only_in_windows, catalog=catalog,
            )  # fmt: skip
        return await command.followed(database, found.id, show, say) if follow else found

    def show(line: LineView) -> None:
        if not as_json:
            command.print_line(line)

    def say(words: str) -> None:
        print(words, file=sys.stderr)

    found = with_database(start)
    _print_run(found, as_json=as_json)
    sys.exit(command.exit_code(found) if follow else 0)


@runs_app.command("list")
def runs_list(
    office: Annotated[str | None, typer.Option(help="Only of this office.")] = None,
    playbook: Annotated[str | None, typer.Option(help="Only of this playbook.")] = None,
    view: Annotated[str, typer.Option(help="Only these: going-on or failed.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most of them.")] = 20,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List runs, the newest first."""
    from api.commands import playbooks as command

    found = with_database(
        lambda _settings, database: command.latest(database, office=office, playbook=playbook, view=view, limit=limit)
    )
    rows = [command.as_json(one) for one in found]
    columns = ("id", "playbook", "on", "check", "state", "why", "launched_by", "launched_at")
    print_list(rows, columns, as_json=as_json)


@playbooks_app.command("runs", hidden=True)
def playbooks_runs(
    office: Annotated[str | None, typer.Option(help="Only of this office.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most of them.")] = 20,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Do what `vungcao runs list` does."""
    runs_list(office, None, "", limit, as_json)


@playbooks_app.command("show", hidden=True)
def playbooks_show(run_id: RunId, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Do what `vungcao runs log` does; exit code 3 if it is over and did not succeed."""
    from api.commands import playbooks as command

    found = _log(run_id, quiet=as_json)
    _print_run(found, as_json=as_json)
    sys.exit(command.NO if found.over and command.exit_code(found) else 0)


@runs_app.command("show", epilog=OUTCOMES.replace("Followed, the", "The"))
def runs_show(run_id: RunId, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Show how RUN is: its waves, its devices, and what it waits for."""
    from api.commands import playbooks as command

    found = with_database(lambda _settings, database: command.one(database, run_id))
    if as_json:
        print_json(command.as_json(found))
    else:
        print(command.in_words(found))
        print_table(command.WAVES, command.wave_rows(found))
        for words in command.waits_for(found):
            print(f"It waits: {words}")
    sys.exit(command.exit_code(found))


@runs_app.command("log")
def runs_log(
    run_id: RunId,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end.")] = False,  # noqa: FBT002
    errors: Annotated[bool, typer.Option("--errors", help="Only what failed.")] = False,  # noqa: FBT002
    host: Annotated[str, typer.Option(help="Only of this device.")] = "",
    after: Annotated[int, typer.Option(min=0, help="Number of the last line that you have.")] = 0,
) -> None:
    """Print what RUN said, secrets hidden."""
    from api.commands import playbooks as command

    if follow:
        with_database(
            lambda _settings, database: command.followed(database, run_id, command.print_line, lambda _: None)
        )
    else:
        _log(run_id, errors=errors, host=host, after=after)


@runs_app.command("pause")
def runs_pause(run_id: RunId, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Let no further wave of RUN begin."""
    _steer("pause", run_id, as_json=as_json)


@runs_app.command("resume")
def runs_resume(run_id: RunId, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Let RUN go on, which was paused or stopped by itself."""
    _steer("resume", run_id, as_json=as_json)


@runs_app.command("cancel")
def runs_cancel(run_id: RunId, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """End RUN; what was done stays."""
    _steer("cancel", run_id, as_json=as_json)


@runs_app.command("retry")
def runs_retry(run_id: RunId, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Launch the same on the devices of RUN that were not done well, and print the new run."""
    _steer("retry", run_id, as_json=as_json)


@runs_app.command("undo")
def runs_undo(run_id: RunId, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Launch what takes RUN back, and print the new run."""
    _steer("undo", run_id, as_json=as_json)


@schedules_app.command("list")
def schedules_list(
    ended: Annotated[bool, typer.Option("--ended", help="Also those that have ended.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List schedules, the newest first."""
    from api.commands import schedules as command

    found = with_database(lambda _settings, database: command.every(database, ended=ended))
    print_list(
        [command.as_json(one) for one in found],
        ("id", "name", "playbook", "rule", "state", "next_at", "owner"),
        as_json=as_json,
    )


@schedules_app.command("add")
def schedules_add(  # noqa: PLR0913, PLR0917 - its options
    playbook: str,
    name: Annotated[str, typer.Option(help="How people call it.")],
    owner: Annotated[str, typer.Option(help="Sign-in name of whose rights it has.")],
    rule: Annotated[str, typer.Option(help="When it comes again (RFC 5545), such as FREQ=WEEKLY;BYDAY=SA.")],
    first: Annotated[str, typer.Option(help="Local time from which it counts, as 2026-11-28T22:00.")],
    on: On = None,
    zone: Annotated[str, typer.Option(help="Time zone; as the platform's, if not given.")] = "",
    on_holiday: Annotated[str, typer.Option(help="On an official day off: keep, skip or move.")] = "skip",
    check: Check = False,  # noqa: FBT002 - a switch of the command line
    argument: Arguments = None,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Let PLAYBOOK run by itself, and print its next times."""
    from api.commands import schedules as command
    from api.commands.playbooks import arguments_of, known, wish_of

    async def make(settings: Settings, database: Database) -> tuple[ScheduleView, list[str]]:
        return await command.make(
            database,
            command.request(
                playbook, wish_of(on or []), arguments_of(argument or []), name=name, rule=rule, first=first,
                zone=zone or settings.timezone, on_holiday=on_holiday, check=check,
            ),
            owner,
            known(settings),
        )  # fmt: skip

    made, times = with_database(make)
    if as_json:
        print_json({**command.as_json(made), "next": times})
    else:
        print(f"{made.id}: {made.name}")
        for at in times:
            print(f"  {at}")


@schedules_app.command("show")
def schedules_show(schedule: uuid.UUID, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Show SCHEDULE: its next times, and what became of the last ones."""
    from api.commands import schedules as command

    found, times, past = with_database(lambda _settings, database: command.one(database, schedule))
    if as_json:
        print_json({**command.as_json(found), "next": times, "past": past})
        return
    print(f"{found.name}: {found.order.playbook}, {found.rule} ({found.zone}), {found.state}")
    print_table(("next",), [[at] for at in times])
    print_table(("due", "outcome", "run", "why"), [[str(one[name] or "") for name in command.PAST] for one in past])


@schedules_app.command("pause")
def schedules_pause(schedule: uuid.UUID) -> None:
    """Let nothing be launched by SCHEDULE until it is resumed."""
    _schedule("pause", schedule)


@schedules_app.command("resume")
def schedules_resume(schedule: uuid.UUID) -> None:
    """Let SCHEDULE go on; times that passed meanwhile are not made up for."""
    _schedule("resume", schedule)


@schedules_app.command("end")
def schedules_end(schedule: uuid.UUID) -> None:
    """End SCHEDULE for good."""
    _schedule("end", schedule)


def _schedule(verb: str, schedule: uuid.UUID) -> None:
    from api.commands import schedules as command

    found = with_database(lambda _settings, database: command.steer(database, verb, schedule))
    print(f"{found.name}: {found.state}")


def _steer(verb: str, run_id: uuid.UUID, *, as_json: bool) -> None:
    from api.commands import playbooks as command

    found = with_database(lambda settings, database: command.steer(database, verb, run_id, command.known(settings)))
    _print_run(found, as_json=as_json)


def _log(run_id: uuid.UUID, *, quiet: bool = False, errors: bool = False, host: str = "", after: int = 0) -> RunView:
    from api.commands import playbooks as command

    def show(line: LineView) -> None:
        if not quiet:
            command.print_line(line)

    return with_database(
        lambda _settings, database: command.said(database, run_id, show, errors=errors, host=host, after=after)
    )


def _print_run(found: RunView, *, as_json: bool) -> None:
    from api.commands import playbooks as command

    if as_json:
        print_json(command.as_json(found))
    else:
        print(command.in_words(found))
