"""The catalog is checked as a whole, and arguments are what the playbook says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from playbooks.automation.catalog import Argument, bundled_catalog, load_catalog, load_site_variables
from playbooks.automation.errors import BadArgument, BadCatalog
from tests.builders.actors import ROLES

META = """\
version: 1
title: {vi: Thử, en: Test}
help: {vi: Thử, en: Test}
risk: changing
check_note: {vi: Thử, en: Test}
roles: [technician]
limit_s: 60
"""
ARGUMENTS = """\
arguments:
  zone: {title: {vi: a, en: a}, type: text, pattern: "[a-z]+", default: UTC}
  kind: {title: {vi: a, en: a}, type: choice}
  broken: {title: {vi: a, en: a}, type: text, pattern: "["}
"""
WORDS = {"vi": "a", "en": "a"}


def project(folder: Path, meta: str, playbook: str | None = "- hosts: all\n") -> Path:
    (folder / "one.meta.yml").write_text(meta)
    if playbook is not None:
        (folder / "one.yml").write_text(playbook)
    return folder


def test_the_playbooks_of_this_release_have_no_mistake_and_are_for_roles_that_exist() -> None:
    catalog = bundled_catalog()
    assert {"site-check", "time-and-dns", "office-host", "office-host-undo", "rotate-snmp"} <= catalog.keys()
    assert {role for playbook in catalog.values() for role in playbook.roles} <= set(ROLES)


def test_every_mistake_is_named_with_its_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(BadCatalog) as found:
        load_catalog(project(tmp_path, META + ARGUMENTS, "hosts: all\n"))
    told = [(file, mistake.line, mistake.why.split(": ")[0]) for file, mistake in found.value.mistakes]
    assert told == [
        ("one.meta.yml", 9, "arguments.zone.default"),
        ("one.meta.yml", 10, "arguments.kind.choices"),
        ("one.meta.yml", 11, "arguments.broken.pattern"),
        ("one.yml", 1, "a playbook is a list of plays"),
    ]


@pytest.mark.parametrize(
    ("meta", "playbook", "line"),
    [
        (META.replace("changing", "harmless"), "- hosts: all\n", 4),
        (META + "owner: me\n", "- hosts: all\n", 8),
        (META.replace("limit_s: 60", "limit_s: 0"), "- hosts: all\n", 7),
        (META.replace("roles: [technician]", "roles: []"), "- hosts: all\n", 6),
        (META, None, 0),
        (META, "- hosts: [all\n", 2),
    ],
)
def test_what_is_no_playbook_is_not_offered(tmp_path: Path, meta: str, playbook: str | None, line: int) -> None:
    with pytest.raises(BadCatalog) as found:
        load_catalog(project(tmp_path, meta, playbook))
    assert [mistake.line for _, mistake in found.value.mistakes] == [line]


@pytest.mark.parametrize(
    ("argument", "given", "read"),
    [
        ({"type": "number", "least": 1}, "7", 7),
        ({"type": "flag"}, "yes", True),
        ({"type": "list", "pattern": "[a-z.]+"}, "a.vn, b.vn c.vn", ("a.vn", "b.vn", "c.vn")),
        ({"type": "list"}, ["a"], ("a",)),
        ({"type": "choice", "choices": ["a", "b"]}, "b", "b"),
        ({"type": "text"}, "Xã Phan Sơn", "Xã Phan Sơn"),
    ],
)
def test_arguments_are_read_from_what_forms_and_commands_give(
    argument: dict[str, Any], given: object, read: object
) -> None:
    assert Argument.model_validate({"title": WORDS, **argument}).read(given) == read


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        ({"type": "number"}, "seven"),
        ({"type": "number"}, True),
        ({"type": "number", "most": 5}, 6),
        ({"type": "flag"}, "perhaps"),
        ({"type": "list", "most": 1}, "a b"),
        ({"type": "list", "pattern": "[a-z]+"}, "a B"),
        ({"type": "list"}, 7),
        ({"type": "choice", "choices": ["a"]}, "b"),
        ({"type": "text"}, 7),
        ({"type": "text"}, "a\nb"),
        ({"type": "text"}, "x" * 501),
        ({"type": "text"}, "{{ lookup('pipe', 'id') }}"),
        ({"type": "text"}, "{% for x in y %}"),
        ({"type": "list"}, ["{# x #}"]),
    ],
)
def test_what_is_not_of_the_arguments_form_is_refused(argument: dict[str, Any], given: object) -> None:
    with pytest.raises(ValueError, match=r"it |form"):
        Argument.model_validate({"title": WORDS, **argument}).read(given)


def test_an_unknown_or_missing_argument_is_named(tmp_path: Path) -> None:
    needed = "arguments:\n  zone: {title: {vi: a, en: a}, type: text}\n"
    playbook = load_catalog(project(tmp_path, META + needed))["one"]
    with pytest.raises(BadArgument, match="zone"):
        playbook.read_arguments({})
    with pytest.raises(BadArgument, match="zoen"):
        playbook.read_arguments({"zone": "a", "zoen": "b"})
    assert playbook.read_arguments({"zone": "a"}) == {"zone": "a"}


def test_a_dry_run_changes_nothing_and_reading_neither() -> None:
    catalog = bundled_catalog()
    assert catalog["time-and-dns"].changes(check=False)
    assert not catalog["time-and-dns"].changes(check=True)
    assert not catalog["site-check"].changes(check=False)


def test_variables_of_the_site_are_a_mapping_or_a_mistake_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "site.yml"
    file.write_text("zone_folder: /opt/zones\n")
    assert load_site_variables(file) == {"zone_folder": "/opt/zones"}
    assert load_site_variables(None) == {}
    file.write_text("- a\n")
    with pytest.raises(BadCatalog, match="line 1"):
        load_site_variables(file)
