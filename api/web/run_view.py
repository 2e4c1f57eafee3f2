"""What the page of a run shows of its waves, devices and changes. Pure: everything comes in."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api.web import rollout_words
from kernel.i18n import Translator
from playbooks.public import Difference, HostState, HostView, Kind, RunState, RunView, WaveKind, WaveState, WaveView

MOST_CHANGE_LINES: Final = 60
"""Of one place: a page is read by people, over slow lines; the log has all."""

ERRORS: Final = (Kind.FAILED, Kind.UNREACHABLE)

SIGNS: Final[Mapping[str, str]] = {
    "waiting": "·",
    "running": "▸",
    "done": "✓",
    "changed": "Δ",
    "would-change": "Δ",
    "failed": "✕",
    "unreachable": "!",
    "interrupted": "!",
    "expired": "–",
    "left": "–",
}
"""What a device's cell shows: its shape in one letter. The word is beside the grid, and in the cell's name."""

ORDER: Final = tuple(SIGNS)


@dataclass(frozen=True, slots=True)
class Cell:
    """A device in a run: `state` is a key of `rollout_words.HOSTS`, `sign` its shape, `word` what it means."""

    code: str
    state: str
    sign: str
    word: str
    shape: str
    host: HostView


@dataclass(frozen=True, slots=True)
class Step:
    """A wave in the row of waves.

    Attributes:
        title: What it is called.
        word: How it is.
        told: What became of its devices so far.
        share: How much of it is over, 0 to 1.
        now: Whether it is its turn.
    """

    title: str
    shape: str
    word: str
    told: str
    share: float
    now: bool


def cell(run: RunView, host: HostView, t: Translator) -> Cell:
    """Return how it is with a device."""
    state = str(host.state)
    if host.state is HostState.DONE and host.changed:
        state = "would-change" if run.check else "changed"
    return Cell(
        host.host,
        state,
        SIGNS.get(state, "–"),
        t.gettext(rollout_words.HOSTS.get(state, state)),
        rollout_words.HOST_SHAPES.get(state, "unknown"),
        host,
    )


def legend(run: RunView, t: Translator) -> list[tuple[str, str, str, int]]:
    """Return sign, state, word and count of each way in which devices of `run` are, in a fixed order."""
    counts = {str(state): number for state, number in run.counts.items() if number}
    changed = min(run.changed, counts.get("done", 0))
    if changed:
        counts["done"] -= changed
        counts["would-change" if run.check else "changed"] = changed
    return [
        (SIGNS[state], state, t.gettext(rollout_words.HOSTS[state]), counts[state])
        for state in ORDER
        if counts.get(state)
    ]


def steps(run: RunView, t: Translator) -> list[Step]:
    """Return the waves of a run for the row of waves; those of devices tried again come as one."""
    plain = [wave for wave in run.waves if wave.kind is not WaveKind.LANE]
    lanes = [wave for wave in run.waves if wave.kind is WaveKind.LANE]
    found = [_step(run, wave, t) for wave in plain]
    if lanes:
        found.append(_step(run, lanes[-1], t))
    turn = next((place for place, one in enumerate(found) if one.now), None)
    return [Step(one.title, one.shape, one.word, one.told, one.share, place == turn) for place, one in enumerate(found)]


def _step(run: RunView, wave: WaveView, t: Translator) -> Step:
    state = str(wave.state)
    if wave.state is WaveState.WAITING and wave.started_at is None:
        state = "planned"
    going = not run.over and wave.state is not WaveState.PASSED
    over = sum(
        wave.counts.get(one, 0)
        for one in (HostState.DONE, HostState.FAILED, HostState.UNREACHABLE, HostState.INTERRUPTED, HostState.EXPIRED)
    )
    told = (
        (wave.done, rollout_words.DONE),
        (wave.failed, rollout_words.FAILED),
        (wave.unreachable, rollout_words.NOT_REACHED),
        (wave.interrupted, rollout_words.INTERRUPTED),
        (wave.counts.get(HostState.RUNNING, 0), rollout_words.AT_WORK),
    )
    parts = [t.gettext(words, count=t.number(number)) for number, words in told if number]
    return Step(
        rollout_words.wave_title(t, wave.number, str(wave.kind), wave.devices),
        rollout_words.WAVE_SHAPES[state],
        t.gettext(rollout_words.WAVE_STATES[state]),
        ", ".join(parts),
        over / wave.devices if wave.devices else 0.0,
        going,
    )


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


def changes(host: str, differences: Sequence[Difference], most: int) -> list[Change]:
    """Return what was changed on one device, in the order of its tasks, at most `most` places."""
    return [_change(host, difference) for difference in differences[:most]]


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


def may_retry(run: RunView) -> int:
    """Return how many devices a new run could try again."""
    return 0 if not run.over or run.check else sum(
        run.counts.get(state, 0)
        for state in (
            HostState.FAILED,
            HostState.UNREACHABLE,
            HostState.INTERRUPTED,
            HostState.EXPIRED,
            HostState.LEFT,
        )
    )  # fmt: skip


def begun(run: RunView) -> int:
    """Return how many devices were begun: what an undo goes to."""
    return sum(number for state, number in run.counts.items() if state not in {HostState.WAITING, HostState.LEFT})


MAY_PAUSE: Final = frozenset({RunState.WAITING, RunState.RUNNING})
MAY_RESUME: Final = frozenset({RunState.PAUSED, RunState.STOPPED})
