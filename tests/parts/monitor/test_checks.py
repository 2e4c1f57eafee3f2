"""Checks of services against real servers of each kind, and against servers that answer anything at all."""

from __future__ import annotations

import asyncio
import random
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import dns.message
import dns.rcode
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from inventory.public import CheckKind, CheckView
from kernel.clock import SystemClock
from monitor.probes import ntp
from monitor.probes.check import CheckResult, CheckTarget, Fault, check_samples
from monitor.probes.checks import ServiceChecker
from monitor.probes.tls import chain_of
from tests.unit.monitor.test_certificates import NOW, sign

HERE = "127.0.0.1"
SPAN = ((datetime.now(UTC) - NOW).days - 1.0, (datetime.now(UTC) - NOW).days + 400.0)
"""From yesterday on, in days from the other tests' fixed present."""
CHECKER = ServiceChecker(SystemClock())
Answer = Callable[[bytes], list[bytes]]


def view(kind: CheckKind, port: int, **fields: object) -> CheckView:
    return CheckView("c", "d", kind, "centre", 300, port, **fields)  # type: ignore[arg-type]


async def check(kind: CheckKind, port: int, **fields: object) -> CheckResult:
    return await CHECKER.check(CheckTarget(view(kind, port, **fields), HERE))


@asynccontextmanager
async def stream(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(one, HERE, 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for datagram in self.answer(data):
            self.transport.sendto(datagram, addr)


@asynccontextmanager
async def datagrams(answer: Answer) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(answer), local_addr=(HERE, 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def page(status: int, body: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert b"Host: room.example.vn" in asked
        writer.write(b"HTTP/1.1 %d Well\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    return answer


async def nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Say nothing."""


def certificate(folder: Path, days: float) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "room.example.vn")])
    ends = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(ends - timedelta(days=400)).not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("room.example.vn")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = folder / "both.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


async def test_a_port_takes_connections_or_not() -> None:
    async with stream(nothing) as port:
        assert await check(CheckKind.TCP, port) == CheckResult(ok=True)
    refused = await check(CheckKind.TCP, port)
    assert not refused.ok
    assert "refused" in refused.why.lower()


async def test_a_page_comes_with_its_status_and_what_it_must_hold() -> None:
    async with stream(page(200, b"all is ready")) as port:
        fields = {"secure": False, "name": "room.example.vn"}
        good = await check(CheckKind.HTTP, port, **fields, contains="ready")
        assert good == CheckResult(ok=True, values={"http_status": 200.0, "http_octets": 12.0})
        assert "does not hold" in (await check(CheckKind.HTTP, port, **fields, contains="broken")).why
        assert "status is 200" in (await check(CheckKind.HTTP, port, **fields, status=204)).why
    async with stream(page(503, b"")) as port:
        bad = await check(CheckKind.HTTP, port, **fields)
        assert (bad.ok, bad.values["http_status"]) == (False, 503)
        assert (await check(CheckKind.HTTP, port, **fields, status=503)).ok


async def test_a_page_without_end_is_read_no_further_than_a_mebibyte() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 Well\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with stream(endless) as port:
        found = await check(CheckKind.HTTP, port, secure=False)
    assert found.ok
    assert found.values["http_octets"] < 2 * 2**20


async def test_a_certificate_that_nobody_vouches_for_is_told_with_its_end(tmp_path: Path) -> None:
    async with stream(nothing, certificate(tmp_path, 5)) as port:
        found = await check(CheckKind.TLS, port, name="room.example.vn")
    assert not found.ok
    assert "not trusted" in found.why
    assert found.values["tls_expires_in_s"] == pytest.approx(5 * 86_400, abs=600)


async def test_a_trusted_certificate_passes_until_it_ends_and_for_its_name_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certificate(tmp_path, 40)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
    async with stream(nothing, context) as port:
        good = await check(CheckKind.TLS, port, name="room.example.vn")
        other = await check(CheckKind.TLS, port, name="other.example.vn")
    assert good.ok, good.why
    assert good.values["tls_expires_in_s"] == pytest.approx(40 * 86_400, abs=600)
    assert "not trusted" in other.why
    context = certificate(tmp_path, -1)
    async with stream(nothing, context) as port:
        over = await check(CheckKind.TLS, port, name="room.example.vn")
    assert "expired" in over.why
    assert over.values["tls_expires_in_s"] < 0


def name_server(*addresses: str) -> Answer:
    def answer(data: bytes) -> list[bytes]:
        question = dns.message.from_wire(data)
        reply = dns.message.make_response(question)
        if addresses:
            reply.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "A", *addresses))
        else:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return [reply.to_wire()]

    return answer


async def test_a_name_is_answered_with_what_must_be_there_or_not() -> None:
    async with datagrams(name_server("203.0.113.7", "203.0.113.8")) as port:
        good = await check(CheckKind.DNS, port, name="meet.example.vn", expect=("203.0.113.7",))
        assert good == CheckResult(ok=True, values={"dns_records": 2.0})
        bad = await check(CheckKind.DNS, port, name="meet.example.vn", expect=("203.0.113.9",))
        assert "203.0.113.9 is not among" in bad.why
        assert bad.fault is Fault.WRONG_ANSWER
    async with datagrams(name_server()) as port:
        assert "NXDOMAIN" in (await check(CheckKind.DNS, port, name="meet.example.vn")).why


def time_server(ahead_s: float = 0.0, *, stratum: int = 2, leap: int = 0) -> Answer:
    def answer(data: bytes) -> list[bytes]:
        now_s = datetime.now(UTC).timestamp() + ahead_s + ntp.SINCE_1900_S
        now = (int(now_s), int(now_s % 1 * 2**32))
        return [struct.pack("!BBbb3I", leap << 6 | 4 << 3 | 4, stratum, 0, 0, 0, 0, 0) + bytes(8) + data[40:48]
                + struct.pack("!4I", *now, *now)]  # fmt: skip

    return answer


async def test_a_clock_is_right_or_wrong_or_has_no_time() -> None:
    async with datagrams(time_server()) as port:
        good = await check(CheckKind.NTP, port)
        assert good.ok, good.why
        assert abs(good.values["ntp_offset_s"]) < 1
    async with datagrams(time_server(30)) as port:
        assert "apart" in (await check(CheckKind.NTP, port)).why
    async with datagrams(time_server(leap=3)) as port:
        assert "no time itself" in (await check(CheckKind.NTP, port)).why
    async with datagrams(time_server(stratum=0)) as port:
        assert "refuses" in (await check(CheckKind.NTP, port)).why


async def test_a_time_that_somebody_else_tells_is_passed_over() -> None:
    def spoofed(data: bytes) -> list[bytes]:
        return [*time_server(3600)(bytes(48)), *time_server()(data)]

    async with datagrams(spoofed) as port:
        assert (await check(CheckKind.NTP, port)).ok


@pytest.mark.parametrize("kind", list(CheckKind))
async def test_whatever_a_service_answers_is_told_and_never_raised(kind: CheckKind) -> None:
    chance = random.Random(5)  # noqa: S311 - the same each time
    hasty = ServiceChecker(SystemClock(), longest_s=0.2)

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads = (
            b"",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 ",
            b"\x16\x03\x01",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9e9\r\n\r\n",
        )
        writer.write(chance.choice(heads) + chance.randbytes(chance.randrange(300)))

    def mutated(data: bytes) -> list[bytes]:
        answers = [data, chance.randbytes(chance.randrange(600)), b""]
        for good in (
            time_server()(data.ljust(48, b"\0")),
            name_server("203.0.113.7")(data) if kind is CheckKind.DNS else [],
        ):
            for each in good:
                cut = bytearray(each[: chance.randrange(len(each) + 1)])
                if cut:
                    cut[chance.randrange(len(cut))] = chance.randrange(256)
                answers.append(bytes(cut))
        return answers

    opened = stream(babble) if kind in {CheckKind.TCP, CheckKind.HTTP, CheckKind.TLS} else datagrams(mutated)
    async with opened as port:
        for _ in range(40):
            target = CheckTarget(view(kind, port, secure=False, name="room.example.vn"), HERE)
            found = await hasty.check(target)
            assert found.ok or (found.why and found.fault)
            assert all(sample.value == sample.value for sample in check_samples(target.check, found, 0, 0.1))


@given(st.binary(max_size=200))
def test_no_datagram_breaks_the_reader_of_times(datagram: bytes) -> None:
    ours = (1, 2)
    for answer in (datagram, datagram[:24].ljust(24, b"\0") + struct.pack("!2I", *ours) + datagram.ljust(48, b"\0")):
        result = ntp.read(answer, ours, 1e9, 1e9 + 1)
        assert result is None or result.ok or result.why


async def test_a_service_shows_its_whole_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = sign("Root", days=SPAN)
    middle = sign("Middle", root, days=SPAN)
    own = sign("room.example.vn", middle, days=(SPAN[0], SPAN[0] + 40))
    (tmp_path / "root.pem").write_text(ssl.DER_cert_to_PEM_cert(root.der), "ascii")
    key = own.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    found = {}
    for name, shown in (("whole", (own, middle)), ("cut", (own,))):
        pem = tmp_path / f"{name}.pem"
        pem.write_bytes(key + "".join(ssl.DER_cert_to_PEM_cert(one.der) for one in shown).encode())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        async with stream(nothing, context) as port:
            found[name] = await check(CheckKind.TLS, port, name="room.example.vn")
    assert (found["whole"].fault, [one.subject for one in found["whole"].certificates]) == (
        Fault.NONE, ["room.example.vn", "Middle"],
    )  # fmt: skip
    assert [one.wrong for one in found["whole"].certificates] == ["", ""]
    assert found["cut"].fault is Fault.INCOMPLETE
    assert [one.wrong for one in found["cut"].certificates] == ["issuer-missing"]


class _Connection:
    """A connection of a Python that shows its chains openly, hides them, or has none."""

    def __init__(self, *, shows: bool) -> None:
        if shows:
            self.get_unverified_chain = lambda: [b"one", b"two"]

    def getpeercert(self, *, binary_form: bool) -> bytes:
        assert binary_form
        return b"one"


def test_a_chain_is_read_as_this_python_shows_it_or_at_least_the_service_s_own() -> None:
    assert chain_of(_Connection(shows=True), "get_unverified_chain") == [b"one", b"two"]  # type: ignore[arg-type]
    assert chain_of(_Connection(shows=False), "get_unverified_chain") == [b"one"]  # type: ignore[arg-type]
