"""What people do with meetings, rooms and changes by the JSON API, and what they wait to read there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx

from tests.flows.reader import Reader

T = TypeVar("T")

PATIENCE_S = 60.0


def booked(
    official: Reader, title: str, rooms: Sequence[str], starts_at: datetime, lasts: timedelta = timedelta(hours=1)
) -> dict[str, Any]:
    """Book a meeting, as its official, and return it."""
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + lasts).isoformat()}
    answer = official.send("/meetings", {"title": title, "rooms": list(rooms), **times})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    meeting: dict[str, Any] = answer.json()
    return meeting


def joined(person: Reader, meeting: dict[str, Any], office: str) -> dict[str, Any]:
    """Return the way into the meeting, made now."""
    answer = person.send(f"/meetings/{meeting['id']}/join", {"office": office})
    assert answer.status_code == httpx.codes.OK, answer.text
    link: dict[str, Any] = answer.json()
    return link


def conference(person: Reader, meeting: dict[str, Any]) -> dict[str, Any]:
    """Return how the meeting's room on the server is, as somebody reads it."""
    answer: dict[str, Any] = person.ask(f"/meetings/{meeting['id']}/conference")
    return answer


async def readiness(person: Reader, meeting: dict[str, Any], **wanted: str) -> dict[str, dict[str, Any]]:
    """Return how ready each office's room is, as soon as the offices of `wanted` are so."""

    def look() -> dict[str, dict[str, Any]] | None:
        found = {room["office"]: room for room in person.ask(f"/meetings/{meeting['id']}/readiness")}
        return found if all(found[office]["state"] == state for office, state in wanted.items()) else None

    return await soon(look, f"the rooms to be {wanted}")


async def hurt_by(person: Reader, rule: str, device: str) -> list[str]:
    """Return the titles of the meetings that the alert of this rule hurts, once there is such an alert."""

    def look() -> dict[str, Any] | None:
        return next((one for one in person.open_alerts() if (one["rule"], one["device"]) == (rule, device)), None)

    return [meeting["title"] for meeting in (await soon(look, f"the alert {rule} of {device}"))["meetings"]]


async def over(person: Reader, run: dict[str, Any]) -> dict[str, Any]:
    """Return a run when nothing more happens to it."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = person.ask(f"/playbook-runs/{run['id']}")
        return found if found["ended_at"] else None

    return await soon(look, "the run to end")


def said(person: Reader, run: dict[str, Any]) -> str:
    """Return what a run said."""
    return "\n".join(line["text"] for line in person.ask(f"/playbook-runs/{run['id']}/lines"))


async def soon(ask: Callable[[], T | bool | None], what: str) -> T:
    """Return the first true answer of `ask`; AssertionError naming `what` after a minute."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (answer := await asyncio.to_thread(ask)):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None
    return answer  # type: ignore[return-value]
