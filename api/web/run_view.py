"""What the page of a run shows of its devices and changes. Pure: everything comes in."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from playbooks.public import Difference, HostView, Kind, RunView

MOST_CHANGES: Final = 20
MOST_CHANGE_LINES: Final = 60
"""Of one place: a page is read by people, over slow lines; the log has all."""

TELLING: Final = (Kind.UNREACHABLE, Kind.FAILED, Kind.CHANGED)
"""Kinds of lines that say how it goes with a device, the worst first."""

ERRORS: Final = (Kind.FAILED, Kind.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class HostState:
    """A device in a run.

    Attributes:
        code: Its code.
        state: A key of `api.web.run_words.HOSTS`.
        count: Tasks, once they are counted.
    """

    code: str
    state: str
    count: HostView | None


def host_states(run: RunView, hosts: Iterable[HostView], heard: Mapping[str, Collection[Kind]]) -> list[HostState]:
    """Return how it goes with each target, in the run's order.

    Args:
        run: The run.
        hosts: What was counted; it is all 0 until the run is over.
        heard: Kinds of lines that were said of each device so far.
    """
    counts = {host.host: host for host in hosts}
    return [_host_state(run, code, counts.get(code), heard.get(code, ())) for code in run.targets]


def _host_state(run: RunView, code: str, count: HostView | None, kinds: Collection[Kind]) -> HostState:
    if count is not None and (count.ok or count.changed or count.failed or count.skipped or count.unreachable):
        return HostState(code, _of_count(run, count), count)
    worst = next((str(kind) for kind in TELLING if kind in kinds), "")
    if run.over:
        # It ended before anything was counted: what was heard is all that is known.
        return HostState(code, worst or ("unknown" if run.started_at else "waiting"), None)
    if run.started_at is None:
        return HostState(code, "waiting", None)
    return HostState(code, worst if worst in ERRORS else "running", None)


def _of_count(run: RunView, count: HostView) -> str:
    if count.unreachable:
        return "unreachable"
    if count.failed:
        return "failed"
    if count.changed:
        return "would-change" if run.check else "changed"
    return "ok"


@dataclass(frozen=True, slots=True)
class Change:
    """What a task changed in one place of one device, or would.

    Attributes:
        lines: Sign (`+`, `-`, `@` or a space) and text, as a unified diff has them.
        added: Lines that came.
        removed: Lines that went.
        more: Lines that are not shown.
    """

    host: str
    task: str
    place: str
    lines: Sequence[tuple[str, str]]
    added: int
    removed: int
    more: int


def changes(hosts: Iterable[HostView]) -> tuple[list[Change], int]:
    """Return the changes to show, in the order of hosts and tasks, and how many there are beside them."""
    every = [(host.host, difference) for host in hosts for difference in host.differences]
    return [_change(host, difference) for host, difference in every[:MOST_CHANGES]], max(0, len(every) - MOST_CHANGES)


def _change(host: str, difference: Difference) -> Change:
    found = difflib.unified_diff(difference.before.splitlines(), difference.after.splitlines(), lineterm="")
    lines = [(line[0], line[1:] if line[0] != "@" else line) for line in list(found)[2:]]  # without its own headers
    return Change(
        host=host,
        task=difference.task,
        place=difference.place,
        lines=lines[:MOST_CHANGE_LINES],
        added=sum(sign == "+" for sign, _ in lines),
        removed=sum(sign == "-" for sign, _ in lines),
        more=max(0, len(lines) - MOST_CHANGE_LINES),
    )
