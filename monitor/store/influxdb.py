"""The programme's store: InfluxDB. Written by `influxdb-client`, read by InfluxQL over `/query`.

The client's batching is not used: it drops what it cannot send in three minutes and says so to nobody who waits. We
batch ourselves, send one text of joined lines (about a twentieth of the cost of its Points), and keep what is unsent in
a spool (`spool.py`). `open_influxdb` is the store with its spool; `InfluxDBStore` alone answers for one server only.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from kernel.errors import BadSetting, StoreUnavailable
from monitor.samples import Sample, Series
from monitor.store import influxql
from monitor.store.line_protocol import LineFormat
from monitor.store.port import Bucket, SamplesRefused, StoreHealth
from monitor.store.spool import SpooledStore

WRITE_TIMEOUT_S: Final = 10
QUERY_TIMEOUT_S: Final = 30
PING_TIMEOUT_S: Final = 5

BAD_BATCH: Final = {400, 413, 422}
OUR_FAULT: Final = {401, 403, 404}


async def open_influxdb(url: str, bucket: str, org: str, token: str, spool_dir: Path) -> SpooledStore:
    """Return the store at `url` behind a spool in `spool_dir`. The server need not be up.

    Args:
        url: Address of the server, 1.8 or later.
        bucket: `database/retention-policy`, or a bucket's name in 2.x and 3.x. It must exist.
        org: Organisation (2.x); others ignore it.
        token: Token, or `user:password` for 1.x; empty where nobody is asked.
        spool_dir: Where unsent samples wait.

    Raises:
        BadSetting: The address is none, or the token cannot be sent in a header.
        StoreUnavailable: Another process holds the spool, or it cannot be read.
    """
    return await SpooledStore.open(InfluxDBStore(url, bucket, org, token), spool_dir)


class InfluxDBStore:
    """`HistoryStore` on one server, without a spool: what it does not take is an error at once."""

    def __init__(self, url: str, bucket: str, org: str, token: str) -> None:
        if not token.isascii():
            raise BadSetting(name="influxdb_token", why="it is sent in a header, which takes ASCII only")
        if not url.startswith(("http://", "https://")):
            raise BadSetting(name="influxdb_url", why="it begins with http:// or https://")
        self._bucket, self._org = bucket, org
        self._client = InfluxDBClient(url, token, timeout=WRITE_TIMEOUT_S * 1000, org=org)
        self._writing = self._client.write_api(write_options=SYNCHRONOUS)
        self._writer = ThreadPoolExecutor(1, "influxdb-writer")
        self._format = LineFormat()
        self._trouble = ""
        database, _, policy = bucket.partition("/")
        self._where = {"db": database, "epoch": "ms"} | ({"rp": policy} if policy else {})
        user, colon, password = token.partition(":")
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=QUERY_TIMEOUT_S,
            trust_env=False,
            # 1.x below 1.8 knows no Token; 2.x and 3.x tokens have no colon.
            auth=httpx.BasicAuth(user, password) if colon else None,
            headers={"Authorization": f"Token {token}"} if token and not colon else {},
        )

    async def append(self, samples: Sequence[Sample]) -> None:
        """Have the server keep `samples`. Raises BadInput, SamplesRefused, StoreUnavailable."""
        if samples:
            await self.write(self.lines(samples))

    def lines(self, samples: Sequence[Sample]) -> str:
        """Return `samples` as `write` takes them, one a line. Raises BadInput."""
        return self._format.lines(samples)

    async def write(self, lines: str) -> None:
        """Have the server keep what `lines` say. Raises SamplesRefused, StoreUnavailable."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S * 2):
                await asyncio.get_running_loop().run_in_executor(self._writer, self._post, lines)
        except TimeoutError as error:
            self._trouble = f"InfluxDB took longer than {WRITE_TIMEOUT_S * 2} s"
            raise StoreUnavailable(why=self._trouble) from error
        except StoreUnavailable as error:
            self._trouble = str(error.fields["why"])
            raise
        self._trouble = ""

    async def latest(self, since_ms: int) -> Mapping[Series, Sample]:
        """Return the newest sample of each series with one at or after `since_ms`. Raises StoreUnavailable."""
        answers = self._answers(influxql.newest(await self._metrics(), since_ms))
        return {sample.series: sample async for answer in answers for sample in influxql.samples_in(answer)}

    async def history(
        self, series: Sequence[Series], start_ms: int, end_ms: int, step_ms: int
    ) -> Mapping[Series, Sequence[Bucket]]:
        """Return the steps of each series in [start_ms, end_ms). Raises StoreUnavailable."""
        if step_ms < 1:
            message = "a step has at least one millisecond"
            raise ValueError(message)
        found: dict[Series, Sequence[Bucket]] = {one: [] for one in series}
        async for answer in self._answers(influxql.steps(found, start_ms, end_ms, step_ms)):
            found.update(influxql.buckets_in(answer))
        return found

    async def forget_before(self, before_ms: int) -> None:
        """Delete what is older than `before_ms`. 3.x cannot: there the bucket's own retention must do it."""
        for statement in influxql.deletions(await self._metrics(), before_ms):
            await self._ask("POST", statement)

    async def health(self) -> StoreHealth:
        """Return how the last write went and whether the server answers now."""
        why = self._trouble
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                answer = await self._http.get("/ping")
            if answer.is_error:
                why = why or f"InfluxDB answers {answer.status_code} to a ping"
        except (TimeoutError, httpx.HTTPError) as error:
            why = why or _unreachable(error)
        return StoreHealth("influxdb", ok=not why, why=why, waiting=0)

    async def close(self) -> None:
        """Wait for the write in flight and close the connections."""
        await asyncio.to_thread(self._writer.shutdown)
        self._client.close()  # type: ignore[no-untyped-call]
        await self._http.aclose()

    def _post(self, lines: str) -> None:
        try:
            self._writing.write(self._bucket, self._org, lines, WritePrecision.MS)  # type: ignore[arg-type] # a str
        except ApiException as error:
            raise _refusal(error.status or 0, error.body or error.reason or "", self._bucket) from error
        except HTTPError as error:
            raise StoreUnavailable(why=_unreachable(error)) from error

    async def _metrics(self) -> list[str]:
        return influxql.metrics_in(await self._ask("GET", influxql.SHOW_METRICS))

    async def _answers(self, statements: Iterable[str]) -> AsyncIterator[Mapping[str, Any]]:
        for query in influxql.in_one_address(statements):
            yield await self._ask("GET", query)

    async def _ask(self, method: str, query: str) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_S):
                response = await self._http.request(method, "/query", params={**self._where, "q": query})
            answer = response.json()
        except (TimeoutError, httpx.HTTPError) as error:
            raise StoreUnavailable(why=_unreachable(error)) from error
        except ValueError as error:
            raise StoreUnavailable(why=f"InfluxDB answers {response.status_code} and no JSON") from error
        if response.is_error or not isinstance(answer, dict):
            raise StoreUnavailable(why=_words(response.status_code, response.text, self._bucket))
        if why := influxql.error_in(answer):
            raise StoreUnavailable(why=f"InfluxDB says: {why}")
        return answer


def _refusal(status: int, body: str, bucket: str) -> SamplesRefused | StoreUnavailable:
    """Return what an answer to a write means for the batch that was sent."""
    if status in BAD_BATCH:
        # 1.x counts in `dropped=` only the points it could parse, and quotes each line that it could not.
        dropped = sum(map(int, re.findall(r"dropped=(\d+)", body))) + body.count("unable to parse")
        return SamplesRefused(count=max(dropped, 1), why=_said(body), rest_kept="partial write" in body)
    return StoreUnavailable(why=_words(status, body, bucket))


def _words(status: int, body: str, bucket: str) -> str:
    if status in OUR_FAULT:
        return (
            f"InfluxDB refuses us ({status}: {_said(body)}); look at VUNGCAO_INFLUXDB_TOKEN and at the bucket {bucket}"
        )
    return f"InfluxDB answers {status}: {_said(body)}"


def _said(body: str) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = {}
    words = (answer.get("error") or answer.get("message") or body) if isinstance(answer, dict) else body
    return str(words).strip().partition("\n")[0][:300]


def _unreachable(error: Exception) -> str:
    return f"InfluxDB cannot be reached: {str(error) or type(error).__name__}"
