"""Playbooks: what there is, and launching one. What a launch would meet is told before it, and when it is sent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.glue import outside
from api.http.deps import CsrfForm, CurrentActor, State_, Tx
from api.http.state import web_state
from api.web import rollout_words
from api.web.launch_form import LaunchForm, argument_fields, form_of_run, read_form, text
from api.web.render import fragment, page, translator_of
from api.web.rollout_words import Barrier, barrier, refusal
from api.web.shell import Frame, look
from inventory.public import (
    PROVINCE,
    UnitWish,
    known_profiles,
    levels,
    office_for,
    office_names,
    offices_over_ssh,
    role_titles,
    search,
    units_on,
)
from inventory.public import Role as DeviceRole
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, Refused, VungCaoError
from kernel.i18n import Translator
from playbooks.public import (
    PLAYBOOKS_READ,
    PLAYBOOKS_RUN,
    GoodHour,
    Misfit,
    NoTargetsAtAll,
    NotForYourRole,
    NothingMeant,
    PlaybookView,
    RolloutProspect,
    RunFilter,
    best_hours,
    playbook_of,
    roll_out,
    rollout_prospect,
    run_for,
    runs,
)

router = APIRouter(include_in_schema=False)

RUNS = 8
FOUND = 12
MOST_NAMED = 30
MOST_WAITING = 5
LEFT_OUT = 100


async def _runner(actor: CurrentActor) -> Actor:
    actor.require(PLAYBOOKS_RUN)
    return actor


Runner = Annotated[Actor, Depends(_runner)]
"""Who may run playbooks; asked before what they sent is looked at."""


@dataclass(frozen=True, slots=True)
class Node:
    """A place that can be chosen: the field it belongs to, its code, its name, and where it is."""

    field: str
    code: str
    name: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a launch would meet, in words.

    Attributes:
        prospect: What was found; None if nothing could be, and then `why` says so.
        why: Why nothing can be launched so.
        held: What would hold its first wave up.
        waves: Title of each wave, and what comes after it.
        hours: The best times for it, if they were asked for.
    """

    prospect: RolloutProspect | None
    why: str
    held: Sequence[Barrier] = ()
    waves: Sequence[tuple[str, str]] = ()
    hours: Sequence[GoodHour] | None = None


@router.get("/playbooks")
async def playbook_list(request: Request, actor: CurrentActor, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Return what playbooks there are, what waits for the reader, and the latest runs."""
    actor.require(PLAYBOOKS_READ)
    known = web_state(request).playbooks
    offered = list(known.values())
    waiting = (
        await runs(actor, tx, view=RunFilter.WAITING_FOR_ME, limit=MOST_WAITING) if actor.may(PLAYBOOKS_RUN) else None
    )
    return page(
        request,
        "playbooks/playbooks.html",
        playbooks=offered,
        titles=titles(request),
        mistakes=known.mistakes() if actor.may(PLAYBOOKS_RUN) else [],
        runs=(await runs(actor, tx, limit=RUNS)).runs,
        waiting=waiting.runs if waiting else [],
        offices=await offices_over_ssh(actor, tx, PLAYBOOKS_READ),
        content=offered[0].content if offered else "",
    )


@router.get("/playbooks/{name}")
async def playbook(
    request: Request, name: str, state: State_, actor: CurrentActor, tx: Tx, _frame: Frame, run: uuid.UUID | None = None
) -> HTMLResponse:
    """Return the form that launches a playbook; `run` is an earlier one, whose places and arguments it begins with."""
    actor.require(PLAYBOOKS_READ)
    found = playbook_of(web_state(request).playbooks, name)
    form = read_form(found, request.query_params)
    if office := text(request.query_params, "office"):
        await office_for(actor, office, tx, PLAYBOOKS_READ)
    if run is not None:
        form = form_of_run(found, await run_for(actor, run, tx))
    return await _form(request, state, actor, tx, found, form, hours="hours" in request.query_params)


@router.post("/playbooks/{name}")
async def launch_playbook(request: Request, name: str, state: State_, actor: Runner, _csrf: CsrfForm) -> Response:
    """Launch it and lead to its run; or show the form again, with what was looked for, or what is wrong."""
    found = playbook_of(web_state(request).playbooks, name)
    sent = await request.form()
    form = read_form(found, sent)
    if way := {"schedule": "/schedules/new", "hook": "/webhooks/new"}.get(text(sent, "do")):
        return RedirectResponse(f"{way}?playbook={found.name}&{form.query_string()}", 303)
    wrong: dict[str, Misfit] = {}
    error: VungCaoError | None = None
    if launches := text(sent, "do") == "launch":
        wrong = found.judge_arguments(form.given)[1]
        try:
            wanted = form.request(found)
        except Misfit as misfit:
            wrong["waves"] = misfit
        if not wrong:
            try:
                async with state.database.transaction() as tx:
                    run = await roll_out(wanted, actor, tx, outside(), catalog=state.playbooks)
                return RedirectResponse(f"/runs/{run.id}", 303)
            except (Conflict, Refused, NotFound, BadInput) as refused:
                error = refused
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        return await _form(
            request, state, actor, tx, found, form,
            error=error, wrong=wrong, hours=text(sent, "do") == "hours", launched=launches,
        )  # fmt: skip


@router.post("/playbooks/{name}/prospect")
async def prospect_part(request: Request, name: str, actor: Runner, tx: Tx, _csrf: CsrfForm) -> HTMLResponse:
    """Return what a launch of the form as it stands would meet: drawn anew while somebody fills it in."""
    found = playbook_of(web_state(request).playbooks, name)
    form = read_form(found, await request.form())
    ahead = await _ahead(request, actor, tx, found, form)
    return HTMLResponse(fragment(request, "playbooks/prospect.html", **_about(found, form, ahead)))


def titles(request: Request) -> dict[str, str]:
    """Return the titles of all playbooks by name. One of an earlier release may be missing."""
    language = translator_of(request).language
    return {name: found.title.of(language) for name, found in web_state(request).playbooks.items()}


async def where(state: State_, actor: Actor, tx: Transaction, form: LaunchForm, t: Translator) -> dict[str, Any]:
    """Return what the part of a form shows that asks where: what is chosen, what was found, and what there is."""
    names = {
        "units": {
            unit.code: unit.name
            for unit in (
                await units_on(actor, tx, UnitWish(codes=form.wish.units[:MOST_NAMED]), limit=MOST_NAMED)
            ).units
        }
        if form.wish.units
        else {},
        "offices": await office_names(actor, tx, form.wish.offices[:MOST_NAMED]) if form.wish.offices else {},
    }
    chosen = [
        Node(name, code, known.get(code, code)) for name, known in names.items() for code in getattr(form.wish, name)
    ]
    taken = {(node.field, node.code) for node in chosen}
    found = [
        Node(f"{one.kind}s", one.code, one.name, one.place)
        for one in (await search(actor, tx, form.query, limit=FOUND) if form.query else [])
        if (f"{one.kind}s", one.code) not in taken
    ]
    return {
        "chosen": chosen,
        "found": found,
        "query": form.query,
        "levels": [
            (level.code, level.name if t.language == "vi" else level.name_en)
            for level in await levels(actor, tx)
            if level.valid_to is None or level.code == PROVINCE
        ],
        "device_roles": [str(role) for role in DeviceRole],
        "profiles": sorted(known_profiles(state.settings.profiles_dir)),
    }


async def _form(
    request: Request,
    state: State_,
    actor: Actor,
    tx: Transaction,
    found: PlaybookView,
    form: LaunchForm,
    *,
    error: VungCaoError | None = None,
    wrong: Mapping[str, Misfit] | None = None,
    hours: bool = False,
    launched: bool = False,
) -> HTMLResponse:
    t, wrong = translator_of(request), wrong or {}
    may_run = found.runner(actor).may(PLAYBOOKS_RUN)
    ahead = await _ahead(request, actor, tx, found, form, hours=hours) if may_run else Ahead(None, "")
    missing, wrong_waves = isinstance(error, NothingMeant), wrong.get("waves")
    return page(
        request,
        "playbooks/playbook.html",
        status_code=error.http_status if error else 400 if launched else 200,
        may_run=may_run,
        run_by=await role_titles(tx, found.roles),
        title=found.title.of(t.language),
        limit=timedelta(seconds=found.limit_s),
        fields=argument_fields(found, form, wrong, t),
        waves_wrong="" if wrong_waves is None else t.gettext(wrong_waves.template, **wrong_waves.fields),
        refusal="" if error is None or missing else refusal(t, error, titles(request)),
        missing=missing,
        runs=(await runs(actor, tx, playbook=found.name, limit=RUNS)).runs,
        titles=titles(request),
        **_about(found, form, ahead),
        **await where(state, actor, tx, form, t),
    )


def _about(found: PlaybookView, form: LaunchForm, ahead: Ahead) -> dict[str, Any]:
    return {"playbook": found, "form": form, "ahead": ahead, "most_left_out": LEFT_OUT}


async def _ahead(
    request: Request, actor: Actor, tx: Transaction, found: PlaybookView, form: LaunchForm, *, hours: bool = False
) -> Ahead:
    """Return what the form would meet; what is wrong with it is said where it stands, not here."""
    t = translator_of(request)
    if not form.wish:
        return Ahead(None, "")
    try:
        waves = form.waves(found)
    except Misfit:
        waves = None
    wanted = replace(replace(form, canary="", steps="", soak_min="", most_failed="").request(found), waves=waves)
    try:
        seen = await rollout_prospect(wanted, actor, tx, outside(), catalog=web_state(request).playbooks)
        good = await best_hours(form.wish, actor, tx, outside()) if hours else None
    except (NoTargetsAtAll, NotForYourRole, NotFound, BadInput, Refused) as error:
        return Ahead(None, refusal(t, error, titles(request)))
    soak_s = (waves or found.waves).soak_s
    names = titles(request)
    return Ahead(
        seen,
        "",
        [barrier(t, one, tx.now(), names) for one in seen.hindrances],
        [rollout_words.planned(t, wave, soak_s, last=wave is seen.waves[-1]) for wave in seen.waves],
        good,
    )
