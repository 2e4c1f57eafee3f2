#!/usr/bin/python
"""Undoes a change by itself, on the device, unless somebody comes in again and says that all is well."""

from __future__ import annotations

import json
import os
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: safeguard
short_description: Undoes a change by itself unless it is called off
description:
  - A change of addresses, routes or packet filters may lock out whoever makes it. I(state=armed) leaves a process
    behind that runs I(commands) after I(seconds); I(state=off) ends it.
options:
  under: {description: Name of the safeguard., type: str, required: true}
  state: {description: What to do., type: str, choices: [armed, "off"], default: armed}
  seconds: {description: How long it waits., type: int, default: 120}
  commands: {description: What puts things back; each is a list of words., type: list, elements: list, default: []}
  folder: {description: Where its state lies., type: path, default: /run/vungcao}
author: [Vùng Cao]
"""
EXAMPLES = r"""
- name: Go back in two minutes
  safeguard: {under: nftables, commands: [[nft, -f, /etc/nftables.conf.before]]}
- name: All is well
  safeguard: {under: nftables, state: "off"}
"""
RETURN = r"""
fired: {description: Whether it had run already when it was called off., returned: always, type: bool}
"""


def main() -> None:
    """Arm it, or call it off."""
    module = AnsibleModule(
        argument_spec={
            "under": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["armed", "off"], "default": "armed"},
            "seconds": {"type": "int", "default": 120},
            "commands": {"type": "list", "elements": "list", "default": []},
            "folder": {"type": "path", "default": "/run/vungcao"},
        },
        supports_check_mode=True,
    )
    flag = os.path.join(module.params["folder"], module.params["under"])
    armed = os.path.exists(flag)
    if module.params["state"] == "off":
        if not module.check_mode and armed:
            os.remove(flag)
        if not armed and not module.check_mode:
            module.fail_json(
                msg="It was too late: the safeguard has put back what was there before.", fired=True, changed=True
            )
        module.exit_json(changed=armed, fired=False)
    if not module.check_mode:
        os.makedirs(module.params["folder"], mode=0o700, exist_ok=True)
        with open(flag, "w", encoding="utf-8") as file:
            json.dump(module.params["commands"], file)
        leave_behind(flag, module.params["seconds"], module.params["commands"])
    module.exit_json(changed=True, fired=False)


def leave_behind(flag: str, seconds: int, commands: list[list[str]]) -> None:
    """Start the process that waits; it outlives us and our session."""
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.closerange(3, 256)  # else whoever waits for our output waits for its end
    inode = os.stat(flag).st_ino
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(1.0, max(0.0, end - time.monotonic())))
        try:
            if os.stat(flag).st_ino != inode:
                os._exit(0)  # armed anew: that one looks after it
        except FileNotFoundError:
            os._exit(0)
    os.remove(flag)
    for words in commands:
        subprocess.run(words, check=False)
    os._exit(0)


if __name__ == "__main__":
    main()
