"""Tries a key at a device, with the key in memory only: no file of it, and no agent that could outlive us."""

from __future__ import annotations

import asyncio
import base64
import io
import socket
from collections.abc import Iterable
from typing import Final

import paramiko

from inventory.public import SshAccess, SshKey
from playbooks.automation.targets import known_hosts

TIMEOUT_S: Final = 20.0
"""For each step: a weak line takes two seconds."""


async def log_in(access: SshAccess, key: SshKey) -> bool | None:
    """Return whether the device lets `key` in; None if it does not answer, or is not the one that we know."""
    return await asyncio.to_thread(_log_in, access, key)


def _log_in(access: SshAccess, key: SshKey) -> bool | None:
    believed = _believed(known_hosts([access]))
    try:
        connected = socket.create_connection((access.address, access.port), TIMEOUT_S)
    except OSError:
        return None
    transport = paramiko.Transport(connected)
    try:
        transport.banner_timeout = transport.auth_timeout = TIMEOUT_S
        # Only the kinds of keys that we know of it: else it may show another one of its keys.
        transport.get_security_options().key_types = _kinds(transport, believed)
        transport.start_client(timeout=TIMEOUT_S)
        if transport.get_remote_server_key().asbytes() not in believed.values():
            return None
        transport.auth_publickey(access.user, _read(key))
    except paramiko.AuthenticationException:
        return False
    except (paramiko.SSHException, OSError, EOFError):
        return None
    else:
        return bool(transport.is_authenticated())
    finally:
        transport.close()


def _read(key: SshKey) -> paramiko.PKey:
    """Return the key; `SshKey` has been read when it was stored, so that one of these kinds fits."""
    text = key.private_key.get_secret_value()
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            found: paramiko.PKey = kind.from_private_key(io.StringIO(text))
        except paramiko.SSHException:
            continue
        return found
    raise paramiko.SSHException("a kind of key that cannot be tried")


def _believed(lines: Iterable[str]) -> dict[str, bytes]:
    """Return the host keys of known_hosts lines, by kind; marked lines, such as of authorities, are not for us."""
    words = [line.split() for line in lines if not line.startswith("@")]
    return {found[1]: base64.b64decode(found[2]) for found in words if len(found) >= 3}  # noqa: PLR2004 - sshd(8)


def _kinds(transport: paramiko.Transport, believed: dict[str, bytes]) -> list[str]:
    offered = transport.get_security_options().key_types
    return [
        kind for kind in offered if kind in believed or (kind.startswith("rsa-") and "ssh-rsa" in believed)
    ] or list(offered)
