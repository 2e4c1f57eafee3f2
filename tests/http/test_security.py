"""What browsers are told to forbid, which hosts and sizes are taken, and how static files are kept."""

from __future__ import annotations

import gzip
import re
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from api.http.security import MOST_BODY_BYTES, is_our_host
from api.web.render import asset
from kernel.settings import Settings
from tests.http.conftest import browser, token

ADDRESSES = [
    "/sign-in", "/nowhere", "/account", "/api/v1/devices", "/healthz", "/static/app.css", "/api/v1/openapi.json",
]  # fmt: skip
OTHERS = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "", "x@y", "a b"]
OURS = ["localhost", "127.0.0.1:8080", "[::1]:8080", "192.0.2.1", "LOCALHOST", socket.gethostname()]
OUTSIDE = ["/static/../render.py", "/static/%2e%2e/render.py", "/static/", "/static/none.css"]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_every_answer_forbids_what_we_do_not_need(visitor: httpx.AsyncClient, address: str) -> None:
    headers = (await visitor.get(address)).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in headers, "a browser would never come back over HTTP"


@pytest.mark.parametrize("address", ["/sign-in", "/account", "/api/v1/devices", "/api/v1/session"])
async def test_pages_and_data_are_kept_by_no_cache(hoa: httpx.AsyncClient, address: str) -> None:
    assert "no-store" in (await hoa.get(address)).headers["cache-control"]


@pytest.mark.parametrize("address", ["/sign-in", "/account", "/nowhere"])
async def test_a_page_needs_nothing_that_the_policy_forbids(hoa: httpx.AsyncClient, address: str) -> None:
    text = (await hoa.get(address)).text
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|<style|javascript:", text)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


async def test_a_page_is_sent_compressed(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/sign-in", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(gzip.compress(answer.content)) < len(answer.content)


async def test_each_request_has_a_number_and_keeps_the_one_that_a_proxy_gave(visitor: httpx.AsyncClient) -> None:
    first, second = (await visitor.get("/healthz")).headers, (await visitor.get("/healthz")).headers
    assert first["x-request-id"] != second["x-request-id"]
    given = await visitor.get("/healthz", headers={"X-Request-ID": "proxy-0123456789"})
    assert given.headers["x-request-id"] == "proxy-0123456789"
    odd = await visitor.get("/healthz", headers={"X-Request-ID": "a b\tc<script>"})
    assert "script" not in odd.headers["x-request-id"]


@pytest.mark.parametrize("host", OTHERS)
async def test_a_name_that_is_not_ours_is_not_answered_to(app: FastAPI, host: str) -> None:
    async with browser(app) as client:
        answer = await client.get("/api/v1/session", headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong-host")
        assert (await client.get("/healthz", headers={"Host": host})).status_code == 200, "probes may use any name"


@pytest.mark.parametrize("host", OURS)
def test_our_own_addresses_and_names_are_ours(host: str) -> None:
    assert is_our_host(host, Settings.model_validate({}))


def test_the_public_name_is_ours_too() -> None:
    assert is_our_host("vungcao.example", Settings.model_validate({"public_url": "https://vungcao.example"}))
    assert not is_our_host("vungcao.example", Settings.model_validate({}))


async def test_what_is_too_large_is_refused_before_it_is_read(hoa: httpx.AsyncClient) -> None:
    headers = {"X-CSRF-Token": await token(hoa)}
    answer = await hoa.post("/api/v1/session", content=b"x" * (MOST_BODY_BYTES + 1), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    odd = await hoa.post("/api/v1/session", content=b"x", headers={**headers, "Content-Length": "1" * 5000})
    assert odd.status_code == 413


async def test_what_is_too_large_and_does_not_say_so_is_refused_while_it_is_read(hoa: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MOST_BODY_BYTES // 65_536 + 2):
            yield b"x" * 65_536

    headers = {"X-CSRF-Token": await token(hoa), "Content-Type": "application/json"}
    answer = await hoa.post("/api/v1/session", content=endless(), headers=headers)
    assert answer.status_code == 413


async def test_a_file_asked_for_by_its_own_hash_is_kept_for_ever(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get(asset("app.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize("address", ["/static/app.css", "/static/app.css?v=0123456789"])
async def test_a_file_asked_for_by_another_hash_is_asked_for_again(visitor: httpx.AsyncClient, address: str) -> None:
    answer = await visitor.get(address)
    assert answer.headers["cache-control"] == "no-cache"
    again = await visitor.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("address", OUTSIDE)
async def test_nothing_but_the_static_files_is_served(visitor: httpx.AsyncClient, address: str) -> None:
    assert (await visitor.get(address)).status_code == 404
