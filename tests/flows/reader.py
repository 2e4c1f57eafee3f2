"""Somebody who is signed in to a running platform and reads its pages and its API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from inventory.people import EXAMPLE_PASSWORD
from tests.real.platform import PlainPlatform


class Reader:
    """A browser without scripts, signed in: by default as the security officer of the example programme.

    `transport` is the way to a platform in a network of its own, as `platform.transport()` gives it.
    """

    def __init__(
        self,
        url: str,
        name: str = "anninh",
        password: str = EXAMPLE_PASSWORD,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(base_url=url, timeout=20, transport=transport)
        form = {"name": name, "password": password, "csrf": _csrf(self._http.get("/sign-in").text)}
        answer = self._http.post("/sign-in", data=form, headers={"Origin": url})
        assert answer.status_code == httpx.codes.SEE_OTHER, answer.text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def page(self, path: str) -> str:
        """Return a page as text."""
        answer = self._http.get(path)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.text

    def lines(self, path: str) -> Iterator[str]:
        """Yield the lines of a live stream, until it ends or nobody reads on."""
        with self._http.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
            assert answer.status_code == httpx.codes.OK, answer.read()
            yield from answer.iter_lines()

    def refused_page(self, path: str) -> str:
        """Return the text of a page that says that a part of the platform is away."""
        answer = self._http.get(path)
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
        return answer.text

    def ask(self, path: str, **parameters: str | list[str]) -> Any:  # noqa: ANN401 - whatever JSON it is
        """Return what the JSON API answers; None while it cannot."""
        answer = self._http.get(f"/api/v1{path}", params=parameters)
        return None if answer.is_server_error else answer.raise_for_status().json()

    def send(self, path: str, body: object = None) -> httpx.Response:
        """Return the answer of the JSON API to a POST, whatever it is."""
        csrf = self._http.get("/api/v1/session").json()["csrf"]
        return self._http.post(f"/api/v1{path}", json=body, headers={"X-CSRF-Token": csrf})

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Return the answer to any request, whatever it is, with what a page of ours would send along."""
        headers = {"X-CSRF-Token": self.csrf, "Origin": str(self._http.base_url), **more.pop("headers", {})}
        return self._http.request(method, path, headers=headers, **more)

    @property
    def csrf(self) -> str:
        """The token of this session's forms."""
        return str(self._http.get("/api/v1/session").json()["csrf"])

    def open_alerts(self) -> list[dict[str, Any]]:
        """Return the open alerts; none while the platform cannot say."""
        answer = self.ask("/alerts")
        return answer["items"] if answer else []

    def has_open_alert(self, rule: str, device: str) -> bool:
        """Return whether such an alert is open."""
        return any(alert["rule"] == rule and alert["device"] == device for alert in self.open_alerts())

    def take(self, rule: str, device: str) -> None:
        """Take such an alert, as the button on the board does."""
        alert = next(alert for alert in self.open_alerts() if alert["rule"] == rule and alert["device"] == device)
        form = {"csrf": _csrf(self.page("/"))}
        answer = self._http.post(f"/alerts/{alert['id']}/take", data=form, headers={"Origin": str(self._http.base_url)})
        assert answer.status_code == httpx.codes.SEE_OTHER, answer.text

    def history(self, device: str, series: str) -> list[Any]:
        """Return the points of the last hour of one series, `metric|instance`; none while the platform cannot say."""
        answer = self.ask(f"/devices/{device}/history", series=series) or []
        return [point for line in answer for point in line["points"]]


def setup_token(platform: PlainPlatform) -> str:
    """Return the token of the link that `serve` printed last for the first administrator."""
    found = re.findall(rf"{re.escape(platform.url)}/setup\?token=(\S+)", platform.log.read_text("utf-8"))
    assert found, platform.log.read_text("utf-8")
    return str(found[-1])


def use_setup_link(url: str, token: str, name: str, password: str) -> int:
    """Return what the platform answers (as HTTP status) to somebody who opens that link and fills in the form."""
    with httpx.Client(base_url=url, timeout=20) as http:
        form = http.get("/setup", params={"token": token})
        csrf = _csrf(form.text if form.is_success else http.get("/sign-in").text)
        filled = {"token": token, "name": name, "password": password, "csrf": csrf}
        return http.post("/setup", data=filled, headers={"Origin": url}).status_code


def audit_is_sound(platform: PlainPlatform) -> bool:
    """Return what `vungcao audit verify` says."""
    return bool(json.loads(platform.command("audit", "verify", "--json").stdout)["ok"])


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page
    return found[1]
