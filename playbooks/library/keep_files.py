#!/usr/bin/python
"""Keeps files as they are before a playbook changes them for the first time, and puts them back."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: keep_files
short_description: Keeps files before a playbook changes them, and puts them back
description:
  - With I(state=kept) each of I(paths) is copied once, with its mode and owner; that one is not there is kept too.
    What is kept already stays as it is, so that the first state is what comes back.
  - With I(state=back) every kept file is put back, those that were not there are removed, and nothing is kept any more.
options:
  under: {description: Name below which they are kept., type: str, required: true}
  paths: {description: Files, by absolute path., type: list, elements: path, default: []}
  state: {description: What to do., type: str, choices: [kept, back], default: kept}
  folder: {description: Where they are kept., type: path, default: /var/lib/vungcao/kept}
author: [Vùng Cao]
"""
EXAMPLES = r"""
- name: Keep what is changed
  keep_files: {under: office-host, paths: [/etc/nftables.conf]}
- name: Put it back
  keep_files: {under: office-host, state: back}
"""
RETURN = r"""
paths: {description: Files that were newly kept, or put back., returned: always, type: list, elements: str}
"""

LONGEST_DIFF = 64 * 1024


def main() -> None:
    """Keep, or put back."""
    module = AnsibleModule(
        argument_spec={
            "under": {"type": "str", "required": True},
            "paths": {"type": "list", "elements": "path", "default": []},
            "state": {"type": "str", "choices": ["kept", "back"], "default": "kept"},
            "folder": {"type": "path", "default": "/var/lib/vungcao/kept"},
        },
        supports_check_mode=True,
    )
    folder = os.path.join(module.params["folder"], module.params["under"])
    kept = read(os.path.join(folder, "kept.json"))
    if module.params["state"] == "kept":
        keep(module, folder, kept)
    put_back(module, folder, kept)


def keep(module: AnsibleModule, folder: str, kept: dict[str, dict[str, Any]]) -> None:
    """Copy what is not kept yet. The list is written after each copy: one that was cut is made again."""
    new = [path for path in module.params["paths"] if path not in kept]
    if not module.check_mode and new:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for path in new:
            kept[path] = describe(path, os.path.join(folder, str(len(kept))))
            write(os.path.join(folder, "kept.json"), kept)
    module.exit_json(changed=bool(new), paths=new)


def describe(path: str, copy: str) -> dict[str, Any]:
    """Return what is to be known of `path`, and copy it if it is a file."""
    if os.path.islink(path):
        return {"link": os.readlink(path)}
    if not os.path.exists(path):
        return {}
    shutil.copy2(path, copy)
    os.chmod(copy, 0o600)
    status = os.stat(path)
    return {
        "copy": copy,
        "mode": status.st_mode & 0o7777,
        "owner": name(pwd.getpwuid, status.st_uid),
        "group": name(grp.getgrgid, status.st_gid),
    }


def put_back(module: AnsibleModule, folder: str, kept: dict[str, dict[str, Any]]) -> None:
    """Put all back that differs, and forget it."""
    differences = []
    for path, was in kept.items():
        before, after = text(path), text(was.get("copy", "")) if "copy" in was else was.get("link", "")
        if before == after and os.path.lexists(path) == bool(was):
            continue
        secret = was.get("mode", 0o600) & 0o077 == 0  # what only its owner may read is not for a log
        differences.append(
            {"before": "" if secret else before, "after": "" if secret else after, "before_header": path,
             "after_header": path}
        )  # fmt: skip
        if not module.check_mode:
            restore(path, was)
    if not module.check_mode:
        shutil.rmtree(folder, ignore_errors=True)
    module.exit_json(changed=bool(differences), paths=[one["before_header"] for one in differences], diff=differences)


def restore(path: str, was: dict[str, Any]) -> None:
    """Make `path` what it was; nobody sees half a file."""
    if not was:
        os.remove(path)
        return
    handle, new = tempfile.mkstemp(dir=os.path.dirname(path))
    os.close(handle)
    if "link" in was:
        os.remove(new)
        os.symlink(was["link"], new)
    else:
        shutil.copyfile(was["copy"], new)
        os.chmod(new, was["mode"])
        shutil.chown(new, was["owner"], was["group"])
    os.replace(new, path)


def text(path: str) -> str:
    """Return a file's text, or where a link leads; empty if there is nothing."""
    if os.path.islink(path):
        return os.readlink(path)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(LONGEST_DIFF)
    except OSError:
        return ""


def name(ask: Callable[[int], Any], number: int) -> Any:  # noqa: ANN401 - a name, or the number
    """Return the name of an account or group, or its number if it has none."""
    try:
        return ask(number)[0]
    except KeyError:
        return number


def read(path: str) -> dict[str, dict[str, Any]]:
    """Return what is kept, by path."""
    try:
        with open(path, encoding="utf-8") as file:
            kept: dict[str, dict[str, Any]] = json.load(file)
            return kept
    except FileNotFoundError:
        return {}


def write(path: str, kept: dict[str, dict[str, Any]]) -> None:
    """Write what is kept."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main()
