"""Changing a meeting, or those that follow it, or all: first it is said exactly what will change, then it is done."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from api.http.deps import CsrfForm, State_, Tx
from api.http.routes.meetings import Booker
from api.http.state import WebState
from api.web import booking_form, meeting_view
from api.web.booking_form import LENGTHS, read_day, read_minutes, read_time, times_of_day
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import MEETINGS_BOOK
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, Refused
from meetings.public import (
    Change,
    ChangeReport,
    MeetingView,
    cancel,
    cancel_following,
    change,
    meeting_for,
    meetings_of_series,
    rooms,
    rooms_named,
)

router = APIRouter(include_in_schema=False)

Scope = Literal["this", "following", "all"]
MOST_LINES: Final = 60
MOST_FOUND: Final = 10
DIGITS: Final = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form; `version` is what the reader saw of the meeting."""

    scope: Scope
    title: str
    day: str
    begin: str
    minutes: str
    add: tuple[str, ...]
    drop: tuple[str, ...]
    version: str

    def wanted(self, meeting: MeetingView, zone: ZoneInfo) -> Change:
        """Return what is to be other than it is. Raises BadInput where it cannot be read."""
        day, begin, minutes = read_day(self.day), read_time(self.begin), read_minutes(self.minutes)
        if day is None or begin is None or minutes is None:
            raise BadInput(what="The time", why="write a day such as 25/11/2026, a time such as 09:30, and a length")
        starts_at = datetime.combine(day, begin, zone)
        length = int((meeting.ends_at - meeting.starts_at).total_seconds() // 60)
        return Change(
            title=self.title if self.title.strip() != meeting.title else None,
            starts_at=starts_at if starts_at != meeting.starts_at else None,
            minutes=minutes if minutes != length else None,
            add=self.add,
            drop=self.drop,
        )


@router.get("/meetings/{meeting_id}/change")
async def ask(
    request: Request,
    meeting_id: uuid.UUID,
    state: State_,
    actor: Booker,
    tx: Tx,
    _frame: Frame,
    q: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Show the form, with what the meeting is now."""
    meeting = await meeting_for(actor, meeting_id, tx)
    zone = ZoneInfo(state.settings.timezone)
    local = meeting.starts_at.astimezone(zone)
    length = int((meeting.ends_at - meeting.starts_at).total_seconds() // 60)
    typed = Typed(
        "this", meeting.title, f"{local:%Y-%m-%d}", f"{local:%H:%M}", str(length), (), (), str(meeting.version)
    )  # fmt: skip
    return page(request, "meetings/change.html", **await _form(meeting, typed, actor, tx, query=q.replace("\x00", " ")))


@router.post("/meetings/{meeting_id}/change")
async def send(request: Request, meeting_id: uuid.UUID, state: State_, actor: Booker, _csrf: CsrfForm) -> Response:
    """Say what would change, or do it; or search a room to add."""
    sent = await request.form()
    typed, act = _read(sent), _text(sent, "act")
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        meeting = await meeting_for(actor, meeting_id, tx)
    if act in {"look", "do", "look-cancel", "do-cancel"}:
        try:
            if act.startswith("do"):
                return RedirectResponse(await _do(state, actor, meeting, typed, cancels=act == "do-cancel"), 303)
            context = await _rehearse(request, state, actor, meeting, typed, cancels=act == "look-cancel")
            return page(request, "meetings/change_look.html", **context)
        except (BadInput, Conflict, NotFound, Refused) as error:
            told, status = Words(translator_of(request)).error(error), error.http_status
            async with state.database.transaction() as tx:
                context = await _form(meeting, typed, actor, tx, query=_text(sent, "q"))
            return page(request, "meetings/change.html", status_code=status, **context | {"error": told})
    async with state.database.transaction() as tx:
        context = await _form(meeting, typed, actor, tx, query=_text(sent, "q"))
    return page(request, "meetings/change.html", **context)


async def _form(meeting: MeetingView, typed: Typed, actor: Actor, tx: Transaction, *, query: str) -> dict[str, Any]:
    """Return what the form shows."""
    found = await rooms(actor, tx, query=query, limit=MOST_FOUND, permission=MEETINGS_BOOK) if query.strip() else None
    has = {room.code for room in meeting.rooms}
    return {
        "meeting": meeting,
        "typed": typed,
        "query": query,
        "found": [room for room in found.rooms if room.code not in has and room.code not in typed.add] if found else [],
        "added": await rooms_named(actor, tx, typed.add, MEETINGS_BOOK) if typed.add else [],
        "lengths": sorted({*LENGTHS, int((meeting.ends_at - meeting.starts_at).total_seconds() // 60)}),
        "times_of_day": times_of_day,
        "error": "",
    }


async def _target(meeting: MeetingView, scope: Scope, actor: Actor, tx: Transaction) -> MeetingView:
    """Return the meeting from which on a change works: for `all` the first of the series that is still to be."""
    if scope != "all" or meeting.series is None:
        return meeting
    ahead = await meetings_of_series(actor, meeting.series, tx)
    return next((one for one in ahead if one.state == "booked"), meeting)


async def _rehearse(
    request: Request, state: WebState, actor: Actor, meeting: MeetingView, typed: Typed, *, cancels: bool
) -> dict[str, Any]:
    """Return exactly what the change, or the cancelling, would do."""
    t = translator_of(request)
    async with state.database.transaction() as tx:
        now = tx.now()
        if cancels:
            lines = await _cancelled(meeting, typed.scope, actor, tx)
            told = [(meeting_view.day_name(t, one.starts_at, now), [("cancelled", one.title)]) for one in lines]
            report_lines: list[Any] = lines
        else:
            report = await _change(state, actor, meeting, typed, tx, rehearse=True)
            report_lines = list(report.lines)
            names = await _names(actor, tx, report)
            told = [meeting_view.change_words(line, t, now, names) for line in report.lines]
    return {
        "meeting": meeting,
        "typed": typed,
        "cancels": cancels,
        "lines": told[:MOST_LINES],
        "more": max(0, len(told) - MOST_LINES),
        "total": len(report_lines),
        "changed": sum(getattr(line, "fate", "cancelled") != "kept" for line in report_lines),
    }


async def _names(actor: Actor, tx: Transaction, report: ChangeReport) -> dict[str, str]:
    codes = {code for line in report.lines for seen in (line.before, line.after) if seen for code in seen.rooms}
    return {room.code: room.name for room in await rooms_named(actor, tx, sorted(codes))}


async def _cancelled(meeting: MeetingView, scope: Scope, actor: Actor, tx: Transaction) -> list[MeetingView]:
    """Return the meetings that would be cancelled."""
    if scope == "this" or meeting.series is None:
        return [meeting]
    ahead = await meetings_of_series(actor, meeting.series, tx)
    first = meeting.starts_at if scope == "following" else None
    return [one for one in ahead if one.state == "booked" and (first is None or one.starts_at >= first)]


async def _change(
    state: WebState, actor: Actor, meeting: MeetingView, typed: Typed, tx: Transaction, *, rehearse: bool
) -> ChangeReport:
    wanted = typed.wanted(meeting, ZoneInfo(state.settings.timezone))
    target = await _target(meeting, typed.scope, actor, tx)
    if wanted.starts_at is not None and target.id != meeting.id:
        wanted = replace(wanted, starts_at=target.starts_at + (wanted.starts_at - meeting.starts_at))
    following = typed.scope != "this" and meeting.series is not None
    version = int(typed.version) if DIGITS.fullmatch(typed.version) and target.id == meeting.id else target.version
    return await change(target.id, wanted, actor, tx, following=following, version=version, rehearse=rehearse)


async def _do(state: WebState, actor: Actor, meeting: MeetingView, typed: Typed, *, cancels: bool) -> str:
    """Change or cancel, and return the address that shows it."""
    async with state.database.transaction() as tx:
        if not cancels:
            await _change(state, actor, meeting, typed, tx, rehearse=False)
            return f"/meetings/{meeting.id}?done=changed"
        target = await _target(meeting, typed.scope, actor, tx)
        if typed.scope == "this" or meeting.series is None:
            await cancel(actor, target.id, tx)
        else:
            await cancel_following(actor, target.id, tx)
    return f"/meetings/{meeting.id}?done=cancelled"


def _read(sent: FormData) -> Typed:
    scope = _text(sent, "scope")
    ticked = tuple(code for code in sent.getlist("drop") if isinstance(code, str))
    added = [code for code in sent.getlist("add") if isinstance(code, str)]
    return Typed(
        scope if scope in get_args(Scope) else "this",  # type: ignore[arg-type]  # one of them
        _text(sent, "title"), _text(sent, "day"), _text(sent, "begin"), _text(sent, "minutes"),
        tuple(dict.fromkeys([*_text(sent, "adding").split(), *added])), ticked or tuple(_text(sent, "drops").split()),
        _text(sent, "version"),
    )  # fmt: skip


def _text(sent: FormData, name: str) -> str:
    value = sent.get(name, "")
    # PostgreSQL takes no NUL in text: nobody types one.
    return value[: booking_form.MOST_LETTERS].replace("\x00", " ") if isinstance(value, str) else ""
