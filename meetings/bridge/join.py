"""Makes the address with which one person joins one meeting: at the moment of joining, never before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from kernel.actors import Actor
from kernel.settings import Settings
from meetings.bridge.errors import BridgeNotSet, JoinTooEarly, JoinTooLate
from meetings.bridge.profiles import Quality, choose, overrides
from meetings.bridge.reservations import Booking, why_closed
from meetings.bridge.tokens import App, Person, join_token
from meetings.errors import MeetingCalledOff


@dataclass(frozen=True, slots=True)
class OfficeLink:
    """The office from which somebody joins, with what is known of its link.

    Attributes:
        code: The office's code.
        name: Its name, shown beside the person's.
        down_bps: Committed bits a second of its best uplink that works; None if not known.
        up_bps: The same from the office.
        loss_ratio: Share of packets lost on the way to it, as measured now; None if not measured.
    """

    code: str
    name: str
    down_bps: int | None = None
    up_bps: int | None = None
    loss_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class JoinLink:
    """The way into a meeting.

    Attributes:
        url: Address with the token in it: for this person's browser only, and in no log.
        until: Until when it lets somebody in (aware UTC).
        quality: What it asks of the browser.
        moderator: Whether it makes its owner a moderator.
    """

    url: str
    until: datetime
    quality: Quality
    moderator: bool

    def __repr__(self) -> str:
        return f"JoinLink(until={self.until!r}, quality={self.quality!r}, moderator={self.moderator!r})"


def open_before(settings: Settings) -> timedelta:
    """Return how long before its start a meeting can be joined."""
    return timedelta(minutes=settings.jitsi_open_before_min)


def app_of(settings: Settings) -> App:
    """Return what the Jitsi server and we share; BridgeNotSet naming the first setting that is missing."""
    secret = settings.jitsi_app_secret.get_secret_value()
    for name, value in (
        ("jitsi_app_id", settings.jitsi_app_id),
        ("jitsi_app_secret", secret),
        ("jitsi_domain", settings.jitsi_domain),
    ):
        if not value:
            raise BridgeNotSet(setting=name)
    return App(settings.jitsi_app_id, secret, settings.jitsi_domain)


def join_link(
    meeting: Booking,
    office: OfficeLink | None,
    actor: Actor,
    now: datetime,
    settings: Settings,
    *,
    shown_as: str = "",
    quality: Quality | None = None,
) -> JoinLink:
    """Return the way into `meeting` for `actor`.

    Args:
        meeting: The meeting.
        office: From where they join; None: from elsewhere, and Jitsi's own choice of quality holds.
        actor: Who joins; the organiser is moderator.
        now: Aware UTC.
        settings: The bridge's.
        shown_as: Name for people; the sign-in name if empty.
        quality: Chosen by the person, over what the link would get.

    Raises:
        BridgeNotSet: A setting is missing.
        JoinTooEarly: Before the window.
        JoinTooLate: After its end.
        MeetingCalledOff: It was cancelled.
    """
    if not settings.jitsi_url:
        raise BridgeNotSet(setting="jitsi_url")
    app = app_of(settings)
    ensure_open(meeting, now, settings)
    if quality is None:
        quality = choose(office.down_bps, office.up_bps, office.loss_ratio) if office else Quality.FULL
    shown = shown_as or actor.name
    person = Person(
        id=str(actor.id or actor.name),
        name=f"{shown} · {office.name}" if office else shown,
        moderator=is_organiser(actor, meeting),
    )
    until = min(now + timedelta(seconds=settings.jitsi_token_s), meeting.ends_at)
    token = join_token(app, meeting.conference, person, now, until)
    asked = "&".join(f"{key}={quote(value, safe='')}" for key, value in overrides(quality, meeting.title).items())
    # In the query and not the fragment: Jitsi's page reads every fragment as JSON and writes what is none to the log.
    url = f"{settings.jitsi_url.rstrip('/')}/{meeting.conference}?jwt={token}#{asked}"
    return JoinLink(url, until, quality, person.moderator)


def is_organiser(actor: Actor, meeting: Booking) -> bool:
    """Return whether `actor` booked `meeting`: they are its moderator."""
    return actor.id == meeting.organiser_id if actor.id else actor.name == meeting.organiser


def ensure_open(meeting: Booking, now: datetime, settings: Settings) -> None:
    """Raise JoinTooEarly, JoinTooLate or MeetingCalledOff unless `meeting` can be joined at `now`."""
    closed = why_closed(meeting, now, open_before(settings))
    if closed is None:
        return
    if closed.why == "early":
        raise JoinTooEarly(minutes=settings.jitsi_open_before_min)
    raise MeetingCalledOff if closed.why == "cancelled" else JoinTooLate
