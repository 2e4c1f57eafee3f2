"""Child processes that never outlive us: the kernel signals them when we die, however we die (prctl(2), pdeathsig).

The signal is set by util-linux's `setpriv` between fork and exec, so that no Python runs there. It is sent when the
*thread* that forked ends: children are started by the main thread only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import threading
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

from kernel.errors import Unavailable


class ProgramMissing(Unavailable):
    """A program of the operating system is not installed."""

    code: ClassVar[str] = "program-missing"
    message: ClassVar[str] = "The program {program} is missing. Install it: sudo apt install {package}"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the operating system under which a child may run.

    Attributes:
        name: Its name in the password database.
        uid: Its number.
        gid: Number of its first group.
    """

    name: str
    uid: int
    gid: int


def find_program(program: str, package: str) -> str:
    """Return the full path of `program`; ProgramMissing names the Debian `package` that brings it."""
    path = shutil.which(program)
    if path is None:
        raise ProgramMissing(program=program, package=package)
    return path


def tied_to_us(
    command: Sequence[str], *, by: signal.Signals = signal.SIGKILL, account: Account | None = None
) -> list[str]:
    """Return `command` wrapped so that the kernel sends it the signal `by` when its starter dies.

    Args:
        command: Program and arguments.
        by: What it gets; SIGKILL unless it needs an orderly end.
        account: Account to run it under, without other groups; asks for root. None: our own.

    Raises:
        ProgramMissing: There is no `setpriv`.
    """
    wrapped = [find_program("setpriv", "util-linux"), "--pdeathsig", by.name.removeprefix("SIG")]
    if account is not None:
        wrapped += ["--reuid", str(account.uid), "--regid", str(account.gid), "--clear-groups"]
    return [*wrapped, "--", *command]


async def start(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    first_line: str | None = None,
    output: IO[bytes] | None = None,
    errors: IO[bytes] | None = None,
    folder: Path | None = None,
) -> Process:
    """Return the started child, in a session of its own: Ctrl-C in our terminal is ours to pass on, in our order.

    Args:
        command: As `tied_to_us` gives it.
        environment: All of its environment.
        first_line: Written to its standard input, which then stays open until it ends; None: no input.
        output: Where its standard output goes; None: where ours goes.
        errors: Where its standard error goes; None: where ours goes.
        folder: Its working folder; None: ours.

    Raises:
        RuntimeError: Not called in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("start children from the main thread: for the kernel a thread's end is the parent's death")
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        stdin=DEVNULL if first_line is None else PIPE,
        stdout=output,
        stderr=errors,
        cwd=folder,
        start_new_session=True,
    )
    if process.stdin is not None and first_line is not None:
        process.stdin.write(first_line.rstrip("\n").encode() + b"\n")
    return process


async def stop(process: Process, *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal of `steps` and wait its seconds for the end; at last SIGKILL."""
    for number, patience_s in (*steps, (signal.SIGKILL, None)):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await process.wait()


def kill_leftovers(group: int) -> None:
    """Kill what a dead child left behind in its process group, such as the runner of a killed worker."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def exit_in_words(returncode: int) -> str:
    """Return how a process ended: `exit code 3`, or `killed by SIGKILL`."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


def command_lines() -> Iterator[tuple[int, list[str]]]:
    """Yield each process that we can see with its command line, as it shows itself (proc(5), /proc/pid/cmdline)."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):  # it ended meanwhile, or is none of our business
            yield int(entry.name), (entry / "cmdline").read_bytes().rstrip(b"\0").decode(errors="replace").split("\0")


def tries(patience_s: float) -> Iterator[None]:
    """Yield at once, and again until `patience_s` seconds have passed; whoever asks sleeps in between."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience_s
    yield
    while loop.time() < end:
        yield
