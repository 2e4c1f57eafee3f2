#!/usr/bin/python
"""Looks whether a machine keeps rules, and says what it found for each. Changes nothing."""

from __future__ import annotations

import os
import stat

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: audit_rules
short_description: Looks whether rules are kept
options:
  rules:
    description: Rules with I(rule), I(kind), I(name), I(wanted) and I(source).
    type: list
    elements: dict
    required: true
author: [Vùng Cao]
"""
EXAMPLES = r"""
- name: Look
  audit_rules:
    rules: [{rule: no-telnet, kind: package, name: telnet, wanted: absent, source: "CIS"}]
"""
RETURN = r"""
findings: {description: "For each rule: rule, source, wanted, found, ok.", returned: always, type: list, elements: dict}
"""

SAME = {"without-password": "prohibit-password"}
"""sshd -T says some settings by their old names."""


def main() -> None:
    """Look, and tell."""
    module = AnsibleModule(
        argument_spec={"rules": {"type": "list", "elements": "dict", "required": True}}, supports_check_mode=True
    )
    rules = module.params["rules"]
    look = Look(module, [rule["name"] for rule in rules if rule["kind"] == "package"])
    findings = []
    for rule in rules:
        found = look.at(rule["kind"], rule["name"])
        findings.append({**{key: rule[key] for key in ("rule", "source", "wanted")}, "found": found,
                         "ok": holds(rule["kind"], rule["wanted"], found)})  # fmt: skip
    module.exit_json(changed=False, findings=findings)


class Look:
    """What there is on this machine; each program is asked once."""

    def __init__(self, module: AnsibleModule, packages: list[str]) -> None:
        self._module = module
        said = self._ask(["sshd", "-T"]).splitlines()
        self._sshd = dict(line.lower().split(" ", 1) for line in said if " " in line)
        known = self._ask(["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\\n", *packages])
        self._packages = dict(line.split(" ", 1) for line in known.splitlines())

    def at(self, kind: str, name: str) -> str:
        """Return what is found; empty if it cannot be told."""
        if kind == "sshd":
            value = self._sshd.get(name, "")
            return SAME.get(value, value)
        if kind == "sysctl":
            return read("/proc/sys/" + name.replace(".", "/")).strip()
        if kind == "mode":
            return f"{stat.S_IMODE(os.stat(name).st_mode):04o}" if os.path.exists(name) else ""
        if kind == "package":
            return "present" if self._packages.get(name) == "installed" else "absent"
        rows = [line.split(":") for line in read(name).splitlines() if ":" in line]
        if kind == "shadow":
            return ", ".join(row[0] for row in rows if not row[1]) or "none"
        return ", ".join(row[0] for row in rows if row[2] == "0")  # uid-0

    def _ask(self, words: list[str]) -> str:
        program = self._module.get_bin_path(words[0], opt_dirs=["/usr/sbin", "/sbin"])
        return str(self._module.run_command([program, *words[1:]])[1]) if program else ""


def holds(kind: str, wanted: str, found: str) -> bool:
    """Return whether what was found is what is wanted; a mode may be stricter."""
    if kind != "mode" or not found:
        return bool(found == wanted)
    return int(found, 8) & ~int(wanted, 8) == 0


def read(path: str) -> str:
    """Return a file's text; empty if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
