#!/usr/bin/python
"""Accounts of Net-SNMP's agent for SNMPv3: with a passphrase that is compared, and never shown."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: snmpd_user
short_description: Accounts of snmpd for SNMPv3
description:
  - snmpd keeps only keys that are made of passphrase and engine (RFC 3414, section 2.6). These are computed anew and
    compared, so that nothing changes when nothing has to.
  - snmpd writes its own file when it ends. It is stopped for a change, and started if it ran.
options:
  name: {description: User (usmUserName)., type: str, required: true}
  state: {description: Whether it exists., type: str, choices: [present, absent], default: present}
  auth_protocol: {description: As the vault calls it., type: str, default: SHA-256}
  auth_key: {description: Passphrase., type: str, default: ""}
  priv_protocol: {description: As the vault calls it., type: str, default: AES-128}
  priv_key: {description: Passphrase., type: str, default: ""}
  path: {description: What snmpd remembers., type: path, default: /var/lib/snmp/snmpd.conf}
  service: {description: Its service., type: str, default: snmpd}
author: [Vùng Cao]
"""
EXAMPLES = r"""
- name: Our account
  snmpd_user: {name: vungcao, auth_key: "{{ secret }}", priv_key: "{{ other_secret }}"}
"""
RETURN = r""" # """

# The name for createUser, the object identifier in usmUser (RFC 7860, RFC 3414), and the hash.
AUTH = {
    "MD5": ("MD5", ".1.3.6.1.6.3.10.1.1.2", "md5"),
    "SHA-1": ("SHA", ".1.3.6.1.6.3.10.1.1.3", "sha1"),
    "SHA-224": ("SHA-224", ".1.3.6.1.6.3.10.1.1.4", "sha224"),
    "SHA-256": ("SHA-256", ".1.3.6.1.6.3.10.1.1.5", "sha256"),
    "SHA-384": ("SHA-384", ".1.3.6.1.6.3.10.1.1.6", "sha384"),
    "SHA-512": ("SHA-512", ".1.3.6.1.6.3.10.1.1.7", "sha512"),
}
# DES is left out: a host of ours has better. The longer AES keys are expanded, which differs between makers.
PRIV = {"AES-128": ("AES", ".1.3.6.1.6.3.10.1.2.4", 16)}

MEGABYTE = 1048576
LEAST_PASSPHRASE = 8
WORDS_TO_NAME, WORDS_TO_KEYS = 6, 11


def main() -> None:
    """Look, and change what differs."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "auth_protocol": {"type": "str", "choices": sorted(AUTH), "default": "SHA-256"},
            "auth_key": {"type": "str", "no_log": True, "default": ""},
            "priv_protocol": {"type": "str", "choices": sorted(PRIV), "default": "AES-128"},
            "priv_key": {"type": "str", "no_log": True, "default": ""},
            "path": {"type": "path", "default": "/var/lib/snmp/snmpd.conf"},
            "service": {"type": "str", "default": "snmpd"},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    user = wanted["name"]
    if wanted["state"] == "present" and min(len(wanted["auth_key"]), len(wanted["priv_key"])) < LEAST_PASSPHRASE:
        module.fail_json(msg="A passphrase has 8 characters at least (RFC 3414, section 11.2).")
    lines = read(wanted["path"])
    ours = [line for line in lines if is_of(line, user)]
    right = any(fits(line, wanted) for line in ours) if wanted["state"] == "present" else not ours
    if right and len(ours) <= 1:
        module.exit_json(changed=False)
    if not module.check_mode:
        ran = service(module, "status")
        service(module, "stop")
        # Read again: it has just been written.
        kept = [line for line in read(wanted["path"]) if not is_of(line, user)]
        if wanted["state"] == "present":
            kept.append(
                f'createUser {user} {AUTH[wanted["auth_protocol"]][0]} "{escaped(wanted["auth_key"])}"'
                f' {PRIV[wanted["priv_protocol"]][0]} "{escaped(wanted["priv_key"])}"'
            )
        write(wanted["path"], kept)
        if ran and not service(module, "start"):
            module.fail_json(msg="snmpd does not start again.")
    module.exit_json(
        changed=True,
        diff={"before": "".join(f"{user}\n" for _ in ours[:1]), "after": f"{user}: {wanted['state']}, keys anew\n",
              "before_header": "SNMPv3 users", "after_header": "SNMPv3 users"},
    )  # fmt: skip


def is_of(line: str, user: str) -> bool:
    """Return whether a line is about this user: as snmpd writes names, or as people do."""
    words = line.split()
    if words[:1] == ["createUser"]:
        return user in {word.strip('"') for word in words[1:4]}
    if words[:1] != ["usmUser"] or len(words) < WORDS_TO_NAME:
        return False
    return words[4].strip('"') == user or words[4].lower() == "0x" + user.encode().hex()


def fits(line: str, wanted: dict[str, Any]) -> bool:
    """Return whether a usmUser line holds the keys of these passphrases."""
    words = line.split()
    if words[0] != "usmUser" or len(words) < WORDS_TO_KEYS:
        return False  # createUser: snmpd has not read it yet
    _, oid, digest = AUTH[wanted["auth_protocol"]]
    _, priv_oid, length = PRIV[wanted["priv_protocol"]]
    engine = bytes.fromhex(words[3][2:])
    auth = localized(wanted["auth_key"], engine, digest)
    priv = localized(wanted["priv_key"], engine, digest)[:length]
    return words[7:11] == [oid, "0x" + auth.hex(), priv_oid, "0x" + priv.hex()]


def localized(passphrase: str, engine: bytes, digest: str) -> bytes:
    """Return the key of a passphrase at one engine (RFC 3414, appendix A.2)."""
    octets = passphrase.encode()
    repeated = (octets * (MEGABYTE // len(octets) + 1))[:MEGABYTE]
    key = hashlib.new(digest, repeated).digest()
    return hashlib.new(digest, key + engine + key).digest()


def escaped(passphrase: str) -> str:
    """Return a passphrase as it stands between quotes in Net-SNMP's files."""
    return re.sub(r'(["\\])', r"\\\1", passphrase)


def service(module: AnsibleModule, what: str) -> bool:
    """Return whether systemd, or the machine's init, did it."""
    name = module.params["service"]
    systemd = os.path.isdir("/run/systemd/system")
    words = ["systemctl", "is-active" if what == "status" else what, name] if systemd else ["service", name, what]
    return bool(module.run_command(words)[0] == 0)


def read(path: str) -> list[str]:
    """Return the lines of the file; none if there is none yet."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def write(path: str, lines: list[str]) -> None:
    """Put these lines in place of the file, with its owner and mode; nobody sees half of it."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    handle, new = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("".join(line + "\n" for line in lines))
    owner = os.stat(path if os.path.exists(path) else os.path.dirname(path))
    os.chown(new, owner.st_uid, owner.st_gid)
    os.replace(new, path)


if __name__ == "__main__":
    main()
