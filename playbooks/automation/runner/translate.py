"""Turns ansible-runner's events into the platform's news: a pure function, so that recorded events can test it.

Events come from the callback plugin `awx_display`; `stdout` is what a terminal would have shown for the event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from playbooks.automation.runner.port import COUNTED, Difference, Kind, News
from playbooks.automation.runs import HostCount

STARS = re.compile(r" \*{3,}$", re.MULTILINE)
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

MOST_TEXT = 32_000
MOST_DIFF_TEXT = 16_000
MOST_DIFFS = 20
MOST_REPORT = 64_000

REPORT: Final = "vungcao_report"
"""The fact by which a playbook hands something to the platform."""

KINDS: Final[Mapping[str, Kind]] = {
    "playbook_on_play_start": Kind.PLAY,
    "playbook_on_task_start": Kind.TASK,
    "playbook_on_handler_task_start": Kind.TASK,
    "runner_on_ok": Kind.OK,
    "runner_on_skipped": Kind.SKIPPED,
    "runner_on_failed": Kind.FAILED,
    "runner_on_unreachable": Kind.UNREACHABLE,
    "runner_item_on_ok": Kind.ITEM,
    "runner_item_on_failed": Kind.ITEM,
    "runner_item_on_skipped": Kind.ITEM,
    "runner_on_file_diff": Kind.DIFF,
    "runner_on_diff": Kind.DIFF,
    "playbook_on_stats": Kind.SUMMARY,
}


def news_of(event: Mapping[str, Any]) -> News | None:
    """Return what `event` says; None if it says nothing to people."""
    name = str(event.get("event", ""))
    data = event.get("event_data") or {}
    result = data.get("res") or {}
    kind = KINDS.get(name, Kind.OUTPUT)
    if kind is Kind.FAILED and data.get("ignore_errors"):
        kind = Kind.OK
    elif kind is Kind.OK and result.get("changed"):
        kind = Kind.CHANGED
    task = str(data.get("task") or "")
    differences = tuple(_differences(result, task)) if name in {"runner_on_ok", "runner_item_on_ok"} else ()
    news = News(
        kind=kind,
        host=str(data.get("host") or data.get("remote_addr") or ""),
        task=task,
        text=STARS.sub("", plain(str(event.get("stdout") or "")))[:MOST_TEXT],
        differences=differences,
        untold=kind is Kind.SKIPPED and _passed_over(result),
        seconds=float(data.get("duration") or 0) if kind in COUNTED else 0.0,
        report=_report(result),
    )
    return news if news.text.strip() or differences or news.untold or kind in COUNTED else None


def counts_of(event: Mapping[str, Any]) -> dict[str, HostCount] | None:
    """Return what was done to each host, from the last event of a run; None for any other event."""
    if event.get("event") != "playbook_on_stats":
        return None
    data = event.get("event_data") or {}
    hosts = {host for group in ("ok", "changed", "failures", "skipped", "dark") for host in data.get(group) or {}}

    def count(group: str, host: str) -> int:
        return int((data.get(group) or {}).get(host, 0))

    return {
        host: HostCount(
            ok=count("ok", host),
            changed=count("changed", host),
            failed=count("failures", host),
            skipped=count("skipped", host),
            unreachable=bool(count("dark", host)),
        )
        for host in sorted(hosts)
    }


def plain(text: str) -> str:
    """Return `text` without colours and other characters that steer a terminal."""
    return UNSEEN.sub("", ANSI.sub("", text).replace("\r\n", "\n"))


def _differences(result: Mapping[str, Any], task: str) -> Iterator[Difference]:
    found = result.get("diff") or ()
    for one in ([found] if isinstance(found, dict) else list(found))[:MOST_DIFFS]:
        if not isinstance(one, dict):
            continue
        before, after = _side(one.get("before")), _side(one.get("after"))
        if "prepared" in one:
            before, after = "", _side(one["prepared"])
        if before != after:
            # In check mode a template's result has no destination, and the header after it names our own copy.
            place = result.get("dest") or result.get("path") or one.get("before_header") or one.get("after_header")
            yield Difference(task, plain(str(place or "")), before, after)


def _report(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = (result.get("ansible_facts") or {}).get(REPORT)
    return found if isinstance(found, dict) and len(json.dumps(found, default=str)) <= MOST_REPORT else None


def _side(value: object) -> str:
    if isinstance(value, dict):  # the module file tells states as mappings
        value = "".join(f"{name}: {state}\n" for name, state in sorted(value.items()))
    return plain(str(value or ""))[:MOST_DIFF_TEXT]


def _passed_over(result: Mapping[str, Any]) -> bool:
    """Whether a module was skipped because it cannot foretell: said in its message, and nowhere else."""
    message = str(result.get("msg") or "")
    return "check mode" in message
