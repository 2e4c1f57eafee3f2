"""Reads what a device without Python says on its command line, with netmiko, from where playbooks run.

The key comes from the run's own agent, and the host key must be one that the run believes: as for every other host.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from netmiko import ConnectHandler
from netmiko.exceptions import NetmikoAuthenticationException, NetmikoTimeoutException, ReadTimeout

VOLATILE = re.compile(
    r"^(Building configuration.*|Current configuration ?:.*|! Last configuration change.*|! NVRAM config last.*"
    r"|!Time: .*|# \w{3}/\d\d/\d{4} .* by RouterOS.*|# \d{4}-\d\d-\d\d .* by RouterOS.*|ntp clock-period .*)$\n?",
    re.MULTILINE,
)
"""Lines that differ each time although nothing was changed."""
PATIENCE = {"conn_timeout": 20, "banner_timeout": 20, "auth_timeout": 20, "read_timeout_override": 60}
"""Seconds. A weak line takes three for what a good one does in half a second."""


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Runs `commands` and returns their text, without what differs each time; and what is other than `before`.

    `before` may have had secrets hidden when it was stored: `before_sha256`, of the whole text, tells that.
    """

    _supports_check_mode = True
    _supports_diff = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read, and compare with what was read before."""
        super().run(tmp, task_vars)
        wanted = self._task.args
        said = self._read(wanted["device_type"], wanted["commands"], task_vars or {})
        text = VOLATILE.sub("", "\n".join(said)).strip() + "\n"
        result = {"changed": False, "text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        if wanted.get("before_sha256", result["sha256"]) != result["sha256"]:
            where = f"configuration of {wanted['name']}"
            result |= {
                "changed": True,
                "diff": {"before": wanted["before"], "after": text, "before_header": where, "after_header": where},
            }
        return result

    def _read(self, device_type: str, commands: list[str], variables: dict[str, Any]) -> list[str]:
        known_hosts = re.search(r"UserKnownHostsFile=(\S+)", variables.get("ansible_ssh_common_args", ""))
        if known_hosts is None:
            raise AnsibleActionFail("No file of believed host keys is named: nothing is sent to somebody unknown.")
        key = variables.get("ansible_ssh_private_key_file", "")
        try:
            with ConnectHandler(
                device_type=device_type,
                host=variables["ansible_host"],
                port=int(variables.get("ansible_port", 22)),
                username=variables["ansible_user"],
                use_keys=bool(key) and not key.endswith(".pub"),
                key_file=key if key and not key.endswith(".pub") else None,
                allow_agent="SSH_AUTH_SOCK" in os.environ,
                ssh_strict=True,
                alt_host_keys=True,
                alt_key_file=shlex.split(known_hosts[1])[0],
                **PATIENCE,
            ) as connection:
                return [str(connection.send_command(command)) for command in commands]
        except NetmikoAuthenticationException as error:
            raise AnsibleActionFail(f"The device does not let us in: {_short(error)}") from None
        except (NetmikoTimeoutException, OSError) as error:
            raise AnsibleConnectionFailure(f"The device does not answer: {_short(error)}") from None
        except ReadTimeout as error:
            raise AnsibleActionFail(f"It does not speak as a device of type {device_type}: {_short(error)}") from None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
