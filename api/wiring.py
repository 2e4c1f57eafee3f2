"""Builds each process from its settings: the only place that names adapters.

Whatever a builder needs is imported inside it: a site without InfluxDB loads nothing of it, and a command that builds
little starts at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from fastapi import FastAPI
    from pydantic import SecretStr

    from api.http.engine_client import EngineClient
    from api.http.oidc import Provider
    from kernel.audit_chain import VerifyReport
    from kernel.audit_heads import HeadKeeper, KeptHeads
    from kernel.channels.port import Channel
    from kernel.clock import Clock
    from kernel.db.transaction import Database
    from kernel.rekey import Rekeyed
    from kernel.secrets import Vault
    from kernel.settings import Settings
    from kernel.work.port import Work, WorkRunner
    from meetings.public import Bridge
    from monitor.engine import Engine
    from monitor.probes.port import Probe
    from monitor.store.port import HistoryStore
    from playbooks.public import Parts

Prepare = Callable[["Database"], Awaitable[None]]
"""What is done on a database before the processes start."""

Beside = Callable[["asyncio.Event"], Coroutine[Any, Any, None]]
"""What a process does beside its work, until the event is set."""


def database_url(settings: Settings) -> str:
    """Return the address of the database: the server that was set, or the private cluster of the data folder."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    from kernel.db.embedded import PrivateCluster

    return PrivateCluster(settings.data_dir, settings.run_dir).url


@asynccontextmanager
async def running_database(settings: Settings) -> AsyncIterator[str]:
    """Yield the address of a database that answers; a private cluster that does not run is run for the block."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    from kernel.db.embedded import PrivateCluster

    async with PrivateCluster(settings.data_dir, settings.run_dir).running() as url:
        yield url


@asynccontextmanager
async def database(url: str, process: str) -> AsyncIterator[Database]:
    """Yield a Database on `url`; its connections are given back at the end."""
    from kernel.clock import SystemClock
    from kernel.db.engine import connect
    from kernel.db.transaction import Database
    from kernel.work.dbos import DbosQueue

    queue = DbosQueue(url)
    opened = Database(connect(url, process=process), SystemClock(), queue)
    try:
        yield opened
    finally:
        await opened.close()
        queue.close()


def vault(settings: Settings) -> Vault:
    """Return what seals and opens the credentials of this data folder."""
    from kernel.master_key import FileKeys, key_of
    from kernel.secrets import FixedKeys, Vault

    if not settings.master_key.get_secret_value():
        return Vault(FileKeys(settings.master_key_path))
    keys = [key_of(settings.master_key, "VUNGCAO_MASTER_KEY")]
    if settings.master_key_old.get_secret_value():
        keys.append(key_of(settings.master_key_old, "VUNGCAO_MASTER_KEY_OLD"))
    return Vault(FixedKeys(*keys))


async def rekey(settings: Settings, opened: Database) -> Rekeyed:
    """Seal every secret of this data folder anew, under a fresh key, or under the one that the environment gives."""
    from functools import partial

    from inventory.public import reseal_credentials, reseal_factors
    from kernel.actors import system
    from kernel.master_key import begin_new_key, forget_old_key
    from kernel.rekey import rekey as seal_anew

    kinds = {"credentials": reseal_credentials, "second_factors": reseal_factors}
    from_file = not settings.master_key.get_secret_value()
    path = settings.master_key_path
    return await seal_anew(
        system("command line"),
        opened,
        vault(settings),
        kinds,
        begin=partial(begin_new_key, path) if from_file else lambda: False,
        finish=partial(forget_old_key, path) if from_file else lambda: None,
    )


@asynccontextmanager
async def ready_database(settings: Settings, process: str) -> AsyncIterator[Database]:
    """Yield a database that answers and has this release's schema: for commands, whether `serve` runs or not."""
    from api.migrations.upgrade import upgrade

    async with running_database(settings) as url:
        await upgrade(url)
        async with database(url, process) as opened:
            yield opened


async def verify_audit(
    settings: Settings, opened: Database, more: Sequence[Path] = ()
) -> tuple[VerifyReport, KeptHeads]:
    """Return whether the chain of the audit log is sound, and the heads that it was compared with.

    Args:
        settings: Of this data folder.
        opened: Its database.
        more: Files with heads from elsewhere, such as a log of syslog.
    """
    import asyncio

    from api.glue import audit_key
    from kernel.audit_chain import verify
    from kernel.audit_heads import newest_of, read_files

    key, path = audit_key(settings), settings.audit_heads
    kept = await asyncio.to_thread(read_files, key, [path, newest_of(path), *more])
    async with opened.engine.connect() as connection:
        return await verify(connection, key, [one.head for one in kept.heads]), kept


@asynccontextmanager
async def head_keeper(settings: Settings, opened: Database) -> AsyncIterator[HeadKeeper]:
    """Yield what keeps the heads of the audit log outside of the database."""
    from contextlib import AsyncExitStack

    from api.glue import audit_key
    from kernel.audit_heads import HeadKeeper, Ways

    channel = None
    async with AsyncExitStack() as stack:
        if address := settings.audit_anchor_webhook_url.get_secret_value():
            from kernel.channels.webhook import Webhook

            channel = Webhook(address)
            stack.push_async_callback(channel.close)
        yield HeadKeeper(
            opened,
            audit_key(settings),
            settings.audit_heads,
            timedelta(minutes=settings.audit_anchor_every_min),
            Ways(settings.audit_anchor_syslog, channel),
        )


def probe(clock: Clock) -> Probe:
    """Return what asks devices."""
    from monitor.probes.snmp import SnmpProbe

    return SnmpProbe(clock)


async def open_store(settings: Settings) -> HistoryStore:
    """Return the metric store that the settings name."""
    if settings.store == "influxdb":
        from monitor.store.influxdb import open_influxdb

        return await open_influxdb(
            settings.influxdb_url,
            settings.influxdb_bucket,
            settings.influxdb_org,
            settings.influxdb_token.get_secret_value(),
            settings.history_dir / "spool",
        )
    from monitor.store.duckdb import open_duckdb

    return await open_duckdb(settings.history_dir)


@asynccontextmanager
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    """Yield the engine of this process, not yet running."""
    from api.glue import plan_reader
    from inventory.public import ProfileFolder
    from kernel.bus.postgres import listen
    from kernel.clock import SystemClock
    from monitor.engine import CHANNELS, Engine, Pace, Ways
    from monitor.probes.checks import ServiceChecker
    from monitor.probes.icmp import open_pinger

    url, clock = database_url(settings), SystemClock()
    store = await open_store(settings)
    pinger = await open_pinger(clock)
    try:
        async with database(url, "engine") as opened:
            yield Engine(
                clock=clock,
                database=opened,
                store=store,
                ways=Ways(probe(clock), pinger, ServiceChecker(clock)),
                read_plan=plan_reader(
                    opened,
                    vault(settings),
                    ProfileFolder(settings.profiles_dir).profiles,
                    settings.poll_interval_s,
                    settings.poll_line_share,
                    settings.place,
                ),
                news=listen(url, CHANNELS),
                pace=Pace(
                    settings.poll_interval_s,
                    settings.alert_hold_s,
                    timedelta(days=settings.history_days),
                    settings.poll_device_bytes_s,
                    settings.poll_line_share,
                ),
            )
    finally:
        pinger.close()
        await store.close()


@asynccontextmanager
async def channels(settings: Settings) -> AsyncIterator[dict[str, Channel]]:
    """Yield the ways out of the platform that are set up, by name."""
    ways: dict[str, Channel] = {}
    if address := settings.alert_webhook_url.get_secret_value():
        from kernel.channels.webhook import Webhook

        ways["webhook"] = Webhook(address)
    try:
        yield ways
    finally:
        for way in ways.values():
            await way.close()


def signed_webhook(url: str, secret: SecretStr) -> Channel:
    """Return the way to an address whose messages are signed with `secret`."""
    from kernel.channels.webhook import Webhook

    return Webhook(url, secret=secret)


@asynccontextmanager
async def bridge(settings: Settings) -> AsyncIterator[Bridge | None]:
    """Yield the conference server on which we may end meetings; None if none is set up."""
    if not settings.jitsi_prosody_url:
        yield None
        return
    from kernel.clock import SystemClock
    from meetings.bridge.jitsi import Jitsi
    from meetings.public import app_of

    app = app_of(settings)
    rooms = settings.jitsi_muc_domain or f"conference.{app.domain}"
    client = Jitsi(settings.jitsi_prosody_url, rooms, app, SystemClock())
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def engine_client(settings: Settings) -> AsyncIterator[EngineClient]:
    """Yield the way to the engine of this data folder, whether it runs or not."""
    from api.http.engine_client import EngineClient

    client = EngineClient(settings.engine_socket)
    try:
        yield client
    finally:
        await client.close()


def provider(settings: Settings) -> Provider | None:
    """Return the organisation's own sign-in; None if none is set up."""
    if not settings.oidc_issuer:
        return None
    from api.http.oidc import Provider
    from kernel.clock import SystemClock

    return Provider(settings, SystemClock())


def playbook_parts(settings: Settings, opened: Database) -> Parts:
    """Return what a worker needs to run playbooks."""
    from api.glue import alarms_at, asks_snmp, rooms_in_session
    from kernel.clock import SystemClock
    from playbooks.automation.cli_devices.knock import log_in
    from playbooks.automation.runner.ansible import AnsibleRunner
    from playbooks.public import OfferedPlaybooks, Parts, Prover, host_secrets, load_site_variables, take_report

    secrets = vault(settings)
    return Parts(
        database=opened,
        vault=secrets,
        runner=AnsibleRunner(hidden=(settings.data_dir,)),
        sessions=rooms_in_session,
        catalog=OfferedPlaybooks(settings.playbooks_dir),
        site_variables=load_site_variables(settings.playbook_variables),
        clock=SystemClock(),
        health=alarms_at,
        at_once=settings.playbook_waves,
        host_secrets=host_secrets,
        reported=take_report,
        proved=Prover(opened, secrets, asks_snmp(probe(SystemClock()).identify), log_in),
    )


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[tuple[WorkRunner, dict[str, Work], list[Beside]]]:
    """Yield the runner of this process, the works that it runs, and what it does beside them."""
    from api.glue import audit_key, days_off, followers, last_answers, outside, room_health
    from api.subscriptions import subscriptions
    from inventory.public import (
        APPLY_IMPORT,
        READ_IMPORT,
        applying_work,
        known_profiles,
        reading_work,
        run_contract_warnings,
        run_due_reorganisations,
        run_forgetting,
        run_proofs,
    )
    from kernel.audit_chain import Sealer
    from kernel.audit_retention import run_retention
    from kernel.clock import SystemClock
    from kernel.db.transaction import DELIVER_EVENT
    from kernel.delivery import delivery
    from kernel.work.dbos import DbosRunner
    from kernel.work.retention import forget_old_runs
    from meetings.public import run_due_checks, run_extension, run_keeping
    from playbooks.public import RUN_PLAYBOOK, Launching, playbook_work, run_rollouts, run_schedules, run_teller

    url, clock = database_url(settings), SystemClock()
    async with (
        database(url, "worker") as opened,
        channels(settings) as ways,
        bridge(settings) as rooms,
        engine_client(settings) as client,
        head_keeper(settings, opened) as heads,
    ):
        sealer = Sealer(opened, audit_key(settings), heads.keep_newest)
        health = room_health(client, opened)
        parts = playbook_parts(settings, opened)
        launching = Launching(outside(), days_off, examples=settings.demo, catalog=parts.catalog)
        tell_of_runs = run_teller(vault(settings), signed_webhook, settings.public_url)
        yield (
            DbosRunner(url),
            {
                DELIVER_EVENT: delivery(opened, subscriptions(ways, rooms, tell_of_runs)),
                RUN_PLAYBOOK: playbook_work(parts),
                READ_IMPORT: reading_work(opened, lambda: known_profiles(settings.profiles_dir).keys()),
                APPLY_IMPORT: applying_work(opened),
            },
            [
                sealer.run,
                heads.run,
                lambda stop: run_retention(opened, audit_key(settings), settings.audit_years, clock, stop),
                lambda stop: run_due_checks(opened, health, clock, stop),
                lambda stop: run_due_reorganisations(opened, followers(), stop),
                lambda stop: run_contract_warnings(opened, stop),
                lambda stop: run_forgetting(opened, stop),
                lambda stop: run_proofs(opened, last_answers(client), stop),
                lambda stop: run_extension(opened, stop),
                lambda stop: run_rollouts(parts, stop),
                lambda stop: run_schedules(opened, launching, stop),
                lambda stop: run_keeping(opened, stop),
                lambda stop: forget_old_runs(opened.queue, clock, timedelta(days=settings.work_days), stop),
            ],
        )


@asynccontextmanager
async def web(settings: Settings, stop: asyncio.Event) -> AsyncIterator[FastAPI]:
    """Yield the web application, whose streams end when `stop` is set."""
    from api.glue import OutageHistory
    from api.http.app import create_app, routes_of
    from api.http.engine_client import EngineClient
    from api.http.state import WebState
    from api.http.stream import LiveFeed
    from api.web.pages import ROUTERS
    from api.web.render import STATIC, page
    from kernel.clock import SystemClock
    from playbooks.public import OfferedPlaybooks

    client = EngineClient(settings.engine_socket)
    try:
        async with database(database_url(settings), "web") as opened:
            yield create_app(
                WebState(
                    settings=settings,
                    database=opened,
                    engine=client,
                    live=LiveFeed(client.events),
                    clock=SystemClock(),
                    vault=vault(settings),
                    provider=provider(settings),
                    risks=OutageHistory(),
                    playbooks=OfferedPlaybooks(settings.playbooks_dir),
                    stopping=stop,
                ),
                routes_of(ROUTERS),
                page=page,
                static=STATIC,
            )
    finally:
        await client.close()
