"""Schedules: what runs by itself and when, what became of each time, and making one from the form of a launch."""

from __future__ import annotations

import uuid
from typing import Annotated, Final, cast

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.glue import days_off, outside
from api.http.deps import CsrfForm, CurrentActor, State_, Tx
from api.http.state import WebState, web_state
from api.web.launch_form import LaunchForm, Sent, argument_fields, read_form, text
from api.web.pages.playbooks import Runner, titles, where
from api.web.render import page, translator_of
from api.web.rollout_words import refusal
from api.web.rule_form import DAYS, REPEATS, RuleForm, read_rule, rule_words
from api.web.run_page import arguments
from api.web.shell import Frame, look
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, Refused, VungCaoError
from kernel.i18n import N_
from playbooks.public import (
    BadArgument,
    Due,
    OnHoliday,
    PlaybookView,
    ScheduleRequest,
    ScheduleView,
    end_schedule,
    fires,
    make_schedule,
    next_times,
    pause_schedule,
    playbook_of,
    preview_schedule,
    resume_schedule,
    schedule_for,
    schedules,
    timing_of_schedule,
)

router = APIRouter(include_in_schema=False)

SCHEDULES: Final = 50
NEXT: Final = 5
ON_HOLIDAY: Final = {
    "keep": N_("It runs all the same"),
    "skip": N_("It does not run that day"),
    "move": N_("It runs on the next working day"),
}


@router.get("/schedules")
async def schedule_list(
    request: Request, actor: CurrentActor, tx: Tx, _frame: Frame,
    after: Annotated[str | None, Query()] = None, ended: Annotated[str, Query(max_length=5)] = "",
) -> HTMLResponse:  # fmt: skip
    """Return the schedules that the reader may see."""
    t = translator_of(request)
    found = await schedules(actor, tx, ended=bool(ended), limit=SCHEDULES, after=after or None)
    return page(
        request,
        "playbooks/schedules.html",
        schedules=[(one, rule_words(t, one.rule, one.zone)) for one in found.schedules],
        next_cursor=found.next_cursor,
        ended=bool(ended),
        titles=titles(request),
    )


@router.get("/schedules/new")
async def new_schedule(request: Request, state: State_, actor: Runner, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Return the form of a schedule; what a launch's form held comes in the address."""
    found = playbook_of(web_state(request).playbooks, text(request.query_params, "playbook"))
    return await _form(request, state, actor, tx, found, _when(request.query_params, state))


@router.post("/schedules/new")
async def make(request: Request, state: State_, actor: Runner, _csrf: CsrfForm) -> Response:
    """Make the schedule and lead to it; or show its next times, or what is wrong."""
    sent = await request.form()
    found = playbook_of(web_state(request).playbooks, text(sent, "playbook"))
    form, when = read_form(found, sent), _when(sent, state)
    error: VungCaoError | None = None
    times: list[Due] = []
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        calendar = await days_off(tx)
        try:
            wanted = ScheduleRequest(
                name=text(sent, "name"),
                order=form.order(found),
                rule=when.rule or "FREQ=DAILY;COUNT=1",
                first=when.first,
                zone=when.zone,
                on_holiday=_on_holiday(text(sent, "on_holiday")),
            )
            if text(sent, "do") == "make":
                made = await make_schedule(wanted, actor, tx, outside(), calendar, catalog=state.playbooks)
                return RedirectResponse(f"/schedules/{made.id}", 303)
            if text(sent, "do") == "look":
                times = preview_schedule(wanted, calendar, tx.now())
        except (BadInput, Conflict, NotFound, Refused) as refused:
            error = refused
        return await _form(request, state, actor, tx, found, when, error=error, times=times, sent=sent)


@router.get("/schedules/{schedule_id}")
async def schedule(
    request: Request, schedule_id: uuid.UUID, actor: CurrentActor, tx: Tx, _frame: Frame
) -> HTMLResponse:
    """Return one schedule: its next times, and what became of the last ones."""
    return await _page(request, actor, tx, await schedule_for(actor, schedule_id, tx))


@router.post("/schedules/{schedule_id}/{verb}")
async def steer(
    request: Request, schedule_id: uuid.UUID, verb: str, state: State_, actor: Runner, _csrf: CsrfForm
) -> Response:
    """Pause, resume or end it; or say why not."""
    try:
        async with state.database.transaction() as tx:
            match verb:
                case "pause":
                    await pause_schedule(actor, schedule_id, tx)
                case "resume":
                    await resume_schedule(actor, schedule_id, tx, await days_off(tx))
                case "end":
                    await end_schedule(actor, schedule_id, tx)
                case _:
                    raise NotFound(kind="schedule", code=verb[:20])
    except (Conflict, BadInput) as error:
        async with state.database.transaction() as tx:
            found = await schedule_for(actor, schedule_id, tx)
            await look(request, state.engine, actor, tx)
            return await _page(request, actor, tx, found, error=error)
    return RedirectResponse(f"/schedules/{schedule_id}", 303)


async def _page(
    request: Request, actor: Actor, tx: Transaction, found: ScheduleView, *, error: VungCaoError | None = None
) -> HTMLResponse:
    t = translator_of(request)
    ahead = next_times(timing_of_schedule(found), await days_off(tx), tx.now(), NEXT) if found.state == "on" else []
    playbook = web_state(request).playbooks.get(found.order.playbook)
    return page(
        request,
        "playbooks/schedule.html",
        status_code=error.http_status if error else 200,
        schedule=found,
        again=rule_words(t, found.rule, found.zone),
        on_holiday=t.gettext(ON_HOLIDAY[found.on_holiday]),
        ahead=ahead,
        fires=await fires(actor, found.id, tx),
        titles=titles(request),
        arguments=arguments(playbook, found.order.arguments, t),
        error=refusal(t, error, titles(request)) if error else "",
    )


async def _form(
    request: Request,
    state: WebState,
    actor: Actor,
    tx: Transaction,
    found: PlaybookView,
    when: RuleForm,
    *,
    error: VungCaoError | None = None,
    times: list[Due] | None = None,
    sent: Sent | None = None,
) -> HTMLResponse:
    t = translator_of(request)
    sent = request.query_params if sent is None else sent
    form: LaunchForm = read_form(found, sent)
    misfits = found.judge_arguments(form.given)[1] if isinstance(error, BadArgument) else {}
    return page(
        request,
        "playbooks/schedule_new.html",
        status_code=error.http_status if error else 200,
        playbook=found,
        title=found.title.of(t.language),
        form=form,
        fields=argument_fields(found, form, misfits, t),
        when=when,
        repeats=REPEATS,
        days=DAYS,
        zone=state.settings.timezone,
        name=text(sent, "name"),
        on_holiday=_on_holiday(text(sent, "on_holiday")),
        holidays=ON_HOLIDAY,
        times=times,
        error=refusal(t, error, titles(request)) if error else "",
        **await where(state, actor, tx, form, t),
    )


def _when(sent: Sent, state: WebState) -> RuleForm:
    return read_rule(sent, now=state.clock.now(), zone=state.settings.timezone, repeat="weekly")


def _on_holiday(typed: str) -> OnHoliday:
    return cast("OnHoliday", typed) if typed in ON_HOLIDAY else "skip"
