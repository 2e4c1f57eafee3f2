"""Package updates, certificates and facts, on machines of the lab."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.parts.playbooks.content.play import Player, files_of
from tests.real.lab import Lab, Office

pytestmark = pytest.mark.timeout(900)
CONTROL = """\
Package: {name}
Version: {version}
Architecture: all
Maintainer: Lab <lab@example.vn>
Description: A package of the lab
"""
ALL_DAY: dict[str, Any] = {"restart_from": "00:00", "restart_until": "23:59"}


def test_updates_are_installed_and_a_restart_waits_for_its_hours(lab: Lab, office: Office, tmp_path: Path) -> None:
    player = Player(lab, tmp_path, {
        "reboot_command": "sh -c 'rm /run/reboot-required; date +%s%N > /run/booted'",
        "boot_time_command": "cat /run/booted",
    })  # fmt: skip
    office.run("sh", "-c", "echo 0 > /run/booted")
    publish(office, "vungcao-lab", "1.0")
    publish(office, "vungcao-held", "1.0")
    office.run("sh", "-c", "apt-get -qq update && apt-get -qq install -y vungcao-lab vungcao-held 2>/dev/null")
    publish(office, "vungcao-lab", "1.1")
    publish(office, "vungcao-held", "1.1")
    office.run("apt-get", "-qq", "update")  # as it does by night: a dry run fetches no lists
    before = version(office, "vungcao-lab")

    foretold = player.play("update-packages", office, check=True, hold=["vungcao-held"])
    assert foretold.changed == ["Packages to leave as they are", "Updates"]
    assert version(office, "vungcao-lab") == before == "1.0"

    office.run("touch", "/run/reboot-required")
    hour = office.run("date", "+%H:%M").stdout.strip()
    waits = player.play("update-packages", office, hold=["vungcao-held"], restart_from=later(hour, 60),
                        restart_until=later(hour, 120))  # fmt: skip
    assert (version(office, "vungcao-lab"), version(office, "vungcao-held")) == ("1.1", "1.0")
    assert waits.fact("vungcao_report", "c1") == {"restart_waits": True}
    assert office.read("/run/booted") == "0\n"

    restarted = player.play("update-packages", office, hold=["vungcao-held"], **ALL_DAY)
    assert restarted.changed == ["Restart"]
    assert restarted.fact("vungcao_report", "c1") == {"restart_waits": False}
    assert office.read("/run/booted") != "0\n"
    assert player.play("update-packages", office, hold=["vungcao-held"], **ALL_DAY).changed == []


def test_a_certificate_is_rolled_out_shown_and_taken_back(lab: Lab, tmp_path: Path) -> None:
    office, folder = lab.offices["c2"], tmp_path / "certificates"
    folder.mkdir()
    player = Player(lab, tmp_path, {
        "certificate_folder": str(folder), "trust_folder": "/etc/ssl/trusted", "trust_refresh": ["true"],
    })  # fmt: skip
    office.run("sh", "-c", "mkdir -p /etc/ssl/trusted /etc/ssl/certs")
    before = files_of(office)
    authority, signer = issue("Chứng thực của chương trình")
    write(folder / "ca", authority, None)
    write(folder / "c2", *issue("c2", authority, signer))

    player.play("certificate", office, check=True)
    assert files_of(office) == before, "a dry run changes nothing"
    player.play("certificate", office)
    serve = "openssl s_server -accept 8443 -cert /etc/ssl/certs/vungcao-host.crt -key /etc/ssl/private/vungcao-host.key"
    office.run("sh", "-c", f"start-stop-daemon --start --background --exec /usr/bin/{shlex.split(serve)[0]} --"
               f" {serve.partition(' ')[2]} -quiet")  # fmt: skip
    assert player.play("certificate", office, tls_port=8443).changed == [], "the service shows it"

    another, key = issue("c2", authority, signer)
    write(folder / "c2", another, issue("c2", authority, signer)[1])
    refused = player.play("certificate", office, fails=True)
    assert "The key is not that of the certificate. Nothing was changed." in refused.output
    write(folder / "c2", another, key)
    renewed = player.play("certificate", office)
    assert renewed.changed == ["The key", "The certificate"]
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().splitlines()[1]
    assert secret not in renewed.output

    player.play("certificate-undo", office)
    assert {path for path in files_of(office) if "vungcao-host" in path or "trusted/" in path} == set()


def test_facts_are_read_from_what_the_machine_says_of_itself(lab: Lab, office: Office, tmp_path: Path) -> None:
    said = {"sys_vendor": "Dell Inc.", "product_name": "OptiPlex 3000 ", "product_serial": "8XK2M93",
            "bios_version": "1.14.0"}  # fmt: skip
    office.run("sh", "-c", "mkdir -p /opt/dmi; " + "; ".join(
        f"echo {shlex.quote(value)} > /opt/dmi/{name}" for name, value in said.items()))  # fmt: skip
    read = Player(lab, tmp_path, {"dmi_folder": "/opt/dmi"}).play("device-facts", office)
    assert read.changed == []
    device = read.fact("vungcao_report", "c1")["device"]
    assert device == {"vendor": "Dell Inc.", "model": "OptiPlex 3000", "serial": "8XK2M93",
                      "firmware": device["firmware"]}  # fmt: skip
    assert device["firmware"].startswith("Debian GNU/Linux 12")
    assert device["firmware"].endswith("BIOS 1.14.0")
    office.run("sh", "-c", "echo 'To Be Filled By O.E.M.' > /opt/dmi/product_serial")
    unsaid = Player(lab, tmp_path, {"dmi_folder": "/opt/dmi"}).play("device-facts", office)
    assert "serial" not in unsaid.fact("vungcao_report", "c1")["device"]


def publish(office: Office, name: str, number: str) -> None:
    """Put a package into the office's own repository."""
    office.run(
        "sh",
        "-ec",
        f"""
        mkdir -p /srv/repo /tmp/package/DEBIAN /tmp/package/opt/{name}; cd /srv/repo
        printf %s {shlex.quote(CONTROL.format(name=name, version=number))} > /tmp/package/DEBIAN/control
        echo {number} > /tmp/package/opt/{name}/version
        dpkg-deb --build --root-owner-group /tmp/package {name}_{number}.deb >/dev/null; rm -r /tmp/package
        : > Packages
        for file in *.deb; do
          dpkg-deb --field $file >> Packages
          echo "Filename: ./$file" >> Packages; echo "Size: $(stat -c %s $file)" >> Packages
          echo "SHA256: $(sha256sum $file | cut -d' ' -f1)" >> Packages; echo >> Packages
        done
        echo 'deb [trusted=yes] file:/srv/repo ./' > /etc/apt/sources.list
    """,
    )


def version(office: Office, name: str) -> str:
    return office.run("dpkg-query", "-W", "-f", "${Version}", name).stdout


def later(hour: str, minutes: int) -> str:
    return (datetime.strptime(hour, "%H:%M").replace(tzinfo=UTC) + timedelta(minutes=minutes)).strftime("%H:%M")


def issue(
    name: str, by: x509.Certificate | None = None, signer: ec.EllipticCurvePrivateKey | None = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Return a certificate for 90 days and its key; an authority's own without `by`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
    )
    return builder.sign(signer or key, SHA256()), key


def write(place: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey | None) -> None:
    place.with_suffix(".crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    if key is not None:
        place.with_suffix(".key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
