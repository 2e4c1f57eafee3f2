"""What the open pages are sent: parts of a page, drawn anew, in place of those that changed.

A message without a name is HTML for htmx to swap in, each part by its own id. Named ones are for live.js and graph.js:
`beat` (how old the newest values are), `raised` (alerts that the page does not show yet), `polled` (points of a graph).
Each connection begins with everything, because nobody knows what the browser missed.
"""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from fastapi import Request

from api.http.state import WebState
from api.http.stream import EngineLink, FeedEvent, Message, batches, never_quiet
from api.web import meeting_view, overview
from api.web.device_view import Choice, live_context
from api.web.overview import Standing, Tile
from api.web.render import fragment, translator_of
from api.web.shell import Shell, Trouble, troubles_of
from inventory.public import (
    DeviceSet,
    DeviceView,
    UplinkView,
    device_set,
    offices,
    offices_of_devices,
    offices_of_other_devices,
    uplinks,
)
from kernel.actors import Actor
from kernel.clock import epoch_ms, from_epoch_ms
from kernel.db.transaction import Transaction
from kernel.errors import DatabaseUnavailable, EngineUnavailable, NotFound
from monitor.public import (
    AlertChanged,
    AlertCounts,
    AlertView,
    DeviceHealth,
    DevicePolled,
    EngineBoard,
    EngineStatus,
    PartChanged,
    State,
    UplinkLive,
    alert_counts,
    alert_for,
    alert_story,
    alerts_of_device,
    latest_changes,
)

Told = TypeVar("Told", bound=EngineStatus)

EVERY_S = 1.0
"""At most one message a second: a phone has to draw what it gets."""
LOOK_EVERY_S = 5.0
"""How often a page looks itself at what no event tells of."""
MOST_MISSED = 50
TOLD = frozenset({"raised", "outlasted"})
"""Changes that make an alert one that somebody has to look at."""
UNKNOWN_INTERVAL_S = 60.0


class PageParts:
    """What all pages' streams have in common: the troubles of the platform and the age of the values."""

    def __init__(self, request: Request, state: WebState, actor: Actor) -> None:
        self.request = request
        self.state = state
        self.actor = actor
        self.interval_s = UNKNOWN_INTERVAL_S
        self.troubles: dict[str, str] = {}

    async def status(self) -> EngineStatus | None:
        """Ask the engine how it is, and take note of troubles."""
        return await self._noted(self.state.engine.status())

    async def board(self) -> EngineBoard | None:
        """Ask the engine how everything is, and take note of troubles."""
        return await self._noted(self.state.engine.board())

    async def _noted(self, answer: Awaitable[Told]) -> Told | None:
        try:
            told = await answer
        except EngineUnavailable as error:
            self.troubles = {"engine": str(error.fields.get("why", ""))}
            return None
        self.interval_s = told.interval_s
        self.troubles = {trouble.part: trouble.why for trouble in troubles_of(told)}
        return told

    def part(self, template: str, **context: object) -> str:
        """Return one part of the page, marked for its place."""
        return fragment(self.request, template, oob=True, next="/", **context)

    def messages_part(self) -> str:
        """Return the bar that names what is not well."""
        troubles = [Trouble(part, why) for part, why in self.troubles.items()]
        return self.part("parts/messages.html", shell=Shell(None, troubles, AlertCounts()))

    def html(self, parts: Iterable[str]) -> Message:
        """Return the message that swaps `parts` in."""
        return Message("", "\n".join(parts))

    def beat(self, newest_ms: int) -> list[Message]:
        """Return the message that tells how old the newest values are; none before the first."""
        if not newest_ms:
            return []
        age_ms = max(0, epoch_ms(self.state.clock.now()) - newest_ms)
        # Twice the interval and a little: one late poll is no reason to call a page stale.
        return [Message("beat", json.dumps({"age_ms": age_ms, "stale_ms": round(self.interval_s * 2000) + 10_000}))]


class PageStream(PageParts, ABC):
    """Keeps a page up to date by the engine's events."""

    async def messages(self) -> AsyncIterator[Message]:
        """Yield everything, then what changes."""
        async with self.state.live.subscribe() as events:
            for message in await self.everything():
                yield message
            async for batch in self.paced(events):
                for message in await self._after(batch):
                    yield message

    def paced(self, events: AsyncIterator[FeedEvent]) -> AsyncIterator[list[FeedEvent]]:
        """Yield the events in batches, as often as the page shall hear of them."""
        return batches(events, EVERY_S)

    @abstractmethod
    async def everything(self) -> list[Message]:
        """Return all parts that may have changed since the page was made."""

    @abstractmethod
    async def changes(self, batch: Sequence[FeedEvent]) -> list[Message]:
        """Return the parts that `batch` changed."""

    async def _after(self, batch: Sequence[FeedEvent]) -> list[Message]:
        before = dict(self.troubles)
        for event in batch:
            if isinstance(event, PartChanged):
                self.troubles.pop(event.part, None)
                if not event.ok:
                    self.troubles[event.part] = event.why
        try:
            messages = await (self.everything() if any(map(_is_new_start, batch)) else self.changes(batch))
        except DatabaseUnavailable as error:
            # Values go on without the database; what it would have told comes when it is back.
            self.troubles["database"] = str(error.fields.get("why", ""))
            messages = []
        if self.troubles != before:
            messages.insert(0, self.html([self.messages_part()]))
        return messages


def _is_new_start(event: FeedEvent) -> bool:
    """Return whether events before this one may be missing: the engine came or went, or the database is back."""
    return isinstance(event, EngineLink) or (isinstance(event, PartChanged) and event.part == "database" and event.ok)


class BoardStream(PageStream):
    """The board: counters, answer, tiles, uplinks, feed, and the rows of alerts that changed.

    Args:
        request: The browser's request.
        state: Of the web process.
        actor: Who reads.
        since_ms: When the page was made; alerts changed after that are sent again.
        shown: Codes of the uplinks on the page.
    """

    def __init__(
        self, request: Request, state: WebState, actor: Actor, *, since_ms: int, shown: frozenset[str]
    ) -> None:
        super().__init__(request, state, actor)
        self._since = from_epoch_ms(since_ms)
        self._shown = shown
        self._lines: dict[str, UplinkView] = {}
        self._troubled: dict[str, DeviceHealth] = {}
        self._watched: set[str] = set()
        self._newest_ms = 0
        self._places: dict[str, str | None] = {}
        self._strangers: dict[str, str] = {}
        self._seen: DeviceSet | None = None
        self._tiles: dict[str, Tile] = {}
        self._sent: dict[str, State] = {}
        self._known = False

    async def everything(self) -> list[Message]:
        board = await self.board()
        self._known = board is not None
        self._troubled = overview.by_device(board.troubled) if board else {}
        self._watched = set(overview.watched(board))
        self._newest_ms = board.polled_at_ms if board else 0
        self._sent = {}
        self._places = {}
        async with self.state.database.transaction() as tx:
            self._lines = {line.code: line for line in await uplinks(self.actor, tx, codes=self._shown)}
        live = await self._live_lines() if board else {}
        async with self.state.database.transaction() as tx:
            page = await offices(self.actor, tx, limit=overview.MOST_TILES)
            in_unit = Counter(each.unit for each in page.offices)
            self._tiles = {
                each.code: overview.tile(each, "unknown", alone=in_unit[each.unit] == 1)
                for each in page.offices
                if each.devices
            }
            parts = [self.messages_part(), *self._uplink_parts(live.get(code) for code in self._lines)]
            if board:
                self._seen = await device_set(self.actor, tx)
                self._strangers = await overview.strangers(self.actor, board, self._seen, tx)
            parts += await self._health_parts(tx)
            missed = [
                change for change in await latest_changes(self.actor, tx, limit=MOST_MISSED) if change.at > self._since
            ]
            by_id = {change.alert.id: change.alert for change in missed}
            parts += await self._rows(list(by_id.values()), tx)
        raised = [
            str(change.alert.id)
            for change in missed
            if change.change in TOLD and not change.alert.cleared_at and not change.alert.maintenance
        ]
        return [self.html(parts), *self._raised(raised), *self._beat()]

    async def changes(self, batch: Sequence[FeedEvent]) -> list[Message]:
        polled = [event for event in batch if isinstance(event, DevicePolled)]
        alerts = {event.alert_id: event for event in batch if isinstance(event, AlertChanged)}
        fresh = {line.uplink: line for event in polled for line in event.uplinks if line.uplink in self._lines}
        parts = self._uplink_parts(fresh.values())
        raised: list[str] = []
        moved = any(self._state(event.health.device) != event.health.state for event in polled)
        for health in [event.health for event in polled]:
            self._take(health)
        if moved or alerts:
            async with self.state.database.transaction() as tx:
                changed: list[AlertView] = []
                for alert_id, event in alerts.items():
                    try:
                        alert = await alert_for(self.actor, uuid.UUID(alert_id), tx)
                    except NotFound:
                        continue  # somebody else's: events come for the whole country
                    changed.append(alert)
                    raised += [alert_id] if event.change in TOLD and not alert.maintenance else []
                parts += await self._rows(changed, tx)
                parts += await self._health_parts(tx)
        return [*([self.html(parts)] if parts else []), *self._raised(raised), *self._beat()]

    async def _live_lines(self) -> dict[str, UplinkLive]:
        devices = sorted({line.device for line in self._lines.values()})
        return await overview.uplinks_of(self.state.engine, devices) or {}

    async def _rows(self, alerts: Sequence[AlertView], tx: Transaction) -> list[str]:
        needed = await meeting_view.needed_by(self.actor, alerts, tx)
        return [self.part("monitor/row.html", alert=alert, needed=needed) for alert in alerts]

    async def _health_parts(self, tx: Transaction) -> list[str]:
        """Return answer, counters, feed, and the tiles whose state is another than was last sent."""
        standing = await self._standing(tx)
        counts = await alert_counts(self.actor, tx)
        waiting = await overview.waiting_places(self.actor, counts, tx)
        checked = from_epoch_ms(self._newest_ms) if self._newest_ms else None
        parts = [
            self.part(
                "monitor/answer.html", answer=overview.answer(translator_of(self.request), counts, waiting, checked)
            ),
            self.part("monitor/counters.html", counts=counts, standing=standing),
            self.part("parts/count.html", count=counts.critical),
            self.part("monitor/feed.html", changes=await latest_changes(self.actor, tx, limit=overview.MOST_CHANGES)),
        ]
        states = {code: standing.office(code) for code in self._tiles}
        turned = [replace(self._tiles[code], state=now) for code, now in states.items() if now != self._sent.get(code)]
        self._sent = states
        return [*parts, *([self.part("monitor/tiles.html", tiles=turned)] if turned else [])]

    async def _standing(self, tx: Transaction) -> Standing:
        """Return how the devices are by what the engine told since `everything`."""
        seen = await device_set(self.actor, tx)
        if not self._known:
            return overview.nothing_known(seen.count)
        if seen != self._seen:  # some came or went: all that is remembered of the inventory is read again
            self._seen = seen
            self._places = {}
            self._strangers = await offices_of_other_devices(self.actor, tx, self._watched)
        self._strangers = {code: office for code, office in self._strangers.items() if code not in self._watched}
        troubled = self._troubled
        new = troubled.keys() - self._places.keys()
        found = await offices_of_devices(self.actor, tx, new)
        self._places.update((device, found.get(device)) for device in new)  # None: somebody else's; not asked again
        places = {device: place for device in troubled if (place := self._places[device]) is not None}
        return overview.standing(troubled, places, self._strangers, seen.count)

    def _uplink_parts(self, lines: Iterable[UplinkLive | None]) -> list[str]:
        return [
            self.part("monitor/uplink.html", uplink=self._lines[live.uplink], live=live)
            for live in lines
            if live is not None
        ]

    def _raised(self, alert_ids: Sequence[str]) -> list[Message]:
        return [Message("raised", json.dumps(alert_ids))] if alert_ids else []

    def _beat(self) -> list[Message]:
        return self.beat(self._newest_ms)

    def _take(self, health: DeviceHealth) -> None:
        self._watched.add(health.device)
        self._newest_ms = max(self._newest_ms, health.polled_at_ms)
        if health.state == "ok":
            self._troubled.pop(health.device, None)
        else:
            self._troubled[health.device] = health

    def _state(self, device: str) -> str:
        found = self._troubled.get(device)
        return found.state if found else "ok" if device in self._watched else ""


class DeviceStream(PageStream):
    """One device: its state, values and alerts, and the next point of the graph of `interface`."""

    def __init__(self, request: Request, state: WebState, actor: Actor, *, device: DeviceView, choice: Choice) -> None:
        super().__init__(request, state, actor)
        self._device = device
        self._choice = choice
        self._lines: list[UplinkView] = []

    async def everything(self) -> list[Message]:
        await self.status()
        async with self.state.database.transaction() as tx:
            self._lines = await uplinks(self.actor, tx, devices=[self._device.code])
            alerts = await self._alerts(tx)
        parts, rest = await self._values()
        return [self.html([self.messages_part(), *parts, alerts]), *rest]

    async def changes(self, batch: Sequence[FeedEvent]) -> list[Message]:
        code = self._device.code
        polled = any(isinstance(event, DevicePolled) and event.health.device == code for event in batch)
        alerted = any(isinstance(event, AlertChanged) and event.device == code for event in batch)
        parts, rest = await self._values() if polled or alerted else ([], [])
        if alerted:
            async with self.state.database.transaction() as tx:
                parts.append(await self._alerts(tx))
        return [*([self.html(parts)] if parts else []), *rest]

    async def _values(self) -> tuple[list[str], list[Message]]:
        try:
            live = await self.state.engine.device(self._device.code)
        except EngineUnavailable:
            return [], []  # the feed tells of the engine's end, and the page then says so
        t, now = translator_of(self.request), self.state.clock.now()
        context = {**live_context(self._device, live, self._lines, t, now, self._choice), "known": True}
        parts = [self.part(f"inventory/{name}.html", **context) for name in ("device_state", "interfaces", "values")]
        parts.append(self.part("inventory/device_trouble.html", **context))
        rest = self.beat(live.health.polled_at_ms) if live else []
        point = (
            {value.metric: value for value in live.values if value.instance == self._choice.interface} if live else {}
        )
        if "if_in_bps" in point and "if_out_bps" in point:
            newest, out = point["if_in_bps"], point["if_out_bps"]
            told = {"time": newest.at_ms / 1000, "in": newest.value, "out": out.value}
            rest.append(Message("polled", json.dumps(told)))
        return parts, rest

    async def _alerts(self, tx: Transaction) -> str:
        return self.part(
            "inventory/device_alerts.html", alerts=await alerts_of_device(self.actor, self._device.code, tx, limit=8)
        )


class AlertStream(PageStream):
    """One alert: its state, and who was told."""

    def __init__(self, request: Request, state: WebState, actor: Actor, *, alert_id: uuid.UUID) -> None:
        super().__init__(request, state, actor)
        self._alert_id = alert_id
        self._newest_ms = 0
        self._settled = False

    async def everything(self) -> list[Message]:
        status = await self.status()
        self._newest_ms = status.polled_at_ms if status else 0
        return [self.html([self.messages_part(), *await self._story()]), *self.beat(self._newest_ms)]

    async def changes(self, batch: Sequence[FeedEvent]) -> list[Message]:
        polled = [event.health.polled_at_ms for event in batch if isinstance(event, DevicePolled)]
        self._newest_ms = max([self._newest_ms, *polled])
        mine = any(isinstance(event, AlertChanged) and event.alert_id == str(self._alert_id) for event in batch)
        # Nobody tells when a notification has left: look again until one has.
        messages = [self.html(await self._story())] if mine or not self._settled else []
        return [*messages, *self.beat(self._newest_ms)]

    async def _story(self) -> list[str]:
        async with self.state.database.transaction() as tx:
            story = await alert_story(self.actor, self._alert_id, tx)
            needed = await meeting_view.needed_by(self.actor, [story.alert], tx)
        self._settled = bool(story.notifications) and all(note.state != "waiting" for note in story.notifications)
        return [
            self.part("monitor/alert_state.html", alert=story.alert),
            self.part("monitor/needing.html", alert=story.alert, needed=needed),
            self.part("monitor/told.html", notifications=story.notifications),
        ]


class MeetingStream(PageStream):
    """One meeting: how it stands, and how ready the rooms of `part` are.

    The worker writes down what it finds, and no event tells of it: every few seconds this looks itself.
    """

    def __init__(self, request: Request, state: WebState, actor: Actor, *, meeting_id: uuid.UUID, part: int) -> None:
        super().__init__(request, state, actor)
        self._meeting_id = meeting_id
        self._part = part
        self._looked_at: datetime | None = None
        self._sent: list[str] = []

    def paced(self, events: AsyncIterator[FeedEvent]) -> AsyncIterator[list[FeedEvent]]:
        return never_quiet(super().paced(events), LOOK_EVERY_S)

    async def everything(self) -> list[Message]:
        await self.status()
        self._sent = []
        return [self.html([self.messages_part()]), *await self._look()]

    async def changes(self, batch: Sequence[FeedEvent]) -> list[Message]:
        del batch
        waited = self._looked_at is None or self.state.clock.now() - self._looked_at >= timedelta(seconds=LOOK_EVERY_S)
        return await self._look() if waited else []

    async def _look(self) -> list[Message]:
        t = translator_of(self.request)
        async with self.state.database.transaction() as tx:
            seen = await meeting_view.look_at(
                self.actor, self._meeting_id, tx, t, self.state.settings, part=self._part
            )  # fmt: skip
        self._looked_at = self.state.clock.now()
        parts = [self.part(f"meetings/{name}.html", **seen) for name in ("state", "rooms")]
        new = [part for part in parts if part not in self._sent]
        self._sent = parts
        beat = Message("beat", json.dumps({"age_ms": 0, "stale_ms": round(LOOK_EVERY_S * 2000) + 10_000}))
        return [*([self.html(new)] if new else []), beat]
