"""Is every sentence that people read translated? `make check` asks, `make translations` updates the catalogue.

Sentences are the arguments of gettext and ngettext in code and templates, `{% trans %}` blocks, and the `message` of
each error class. They are English, and their own keys; the one catalogue is Vietnamese.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2]
SOURCES = ("kernel", "inventory", "monitor", "playbooks", "meetings", "api")
CATALOGUE = ROOT / "api/web/locale/vi/LC_MESSAGES/vungcao.po"
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2), "Sentence": None}
PLACEHOLDER = re.compile(r"\{(\w+)[^{}]*\}|%\((\w+)\)[sd]")


def sentences(root: Path = ROOT) -> Catalog:
    """Return every sentence in the code and templates under `root`, with the files where it stands."""
    found = Catalog(project="Vùng Cao", charset="utf-8", fuzzy=False)
    for source in SOURCES:
        for file in sorted((root / source).rglob("*")):
            place = [(file.relative_to(root).as_posix(), 1)]
            if file.suffix == ".py":
                for message in _error_messages(file):
                    found.add(message, locations=place)
                method, options = "python", {}
            elif file.suffix in {".html", ".txt"}:
                method, options = "jinja2", {"silent": "false", "trimmed": "true"}
            else:
                continue
            for _line, text, comments, context in extract_from_file(method, str(file), KEYWORDS, ("note:",), options):
                found.add(text, locations=place, auto_comments=comments, context=context)
    return found


def _error_messages(file: Path) -> Iterator[str]:
    """Yield what error classes say, `message = "…"` in a class body; and the `what` and `why` of each."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            for given in node.keywords:
                match given:
                    case ast.keyword(arg="what" | "why", value=ast.Constant(value=str(text))) if text:
                        yield text
        if not isinstance(node, ast.ClassDef):
            continue
        for line in node.body:
            match line:
                case (
                    ast.Assign(targets=[ast.Name(id="message")], value=ast.Constant(value=str(text)))
                    | ast.AnnAssign(target=ast.Name(id="message"), value=ast.Constant(value=str(text)))
                ) if text:
                    yield text


def catalogue(file: Path = CATALOGUE) -> Catalog:
    """Return the catalogue as it is."""
    with file.open("rb") as stream:
        return read_po(stream, locale="vi", charset="utf-8")


def mistakes(wanted: Catalog, have: Catalog) -> list[str]:
    """Return what a reader of `have` would miss or read wrongly, a line each; empty if nothing."""
    lines = []
    for message in wanted:
        if not message.id:
            continue
        translated = have.get(message.id, message.context)
        where = f"{message.locations[0][0]}: {_key(message)!r}"
        if translated is None:
            lines.append(f"{where} is not in the catalogue: make translations")
        elif translated.fuzzy or not all(_texts(translated.string)):
            lines.append(f"{where} is not translated")
        elif any(_placeholders(text) != _placeholders(_texts(message.id)[-1]) for text in _texts(translated.string)):
            lines.append(f"{where} has other placeholders in its translation")
    known = {(_key(message), message.context) for message in wanted}
    unused = [message for message in have if message.id and (_key(message), message.context) not in known]
    lines += [f"{_key(message)!r} is in the catalogue, and nowhere else: make translations" for message in unused]
    lines += [f"{_key(message)!r} is kept as obsolete: make translations" for message in have.obsolete.values()]
    return lines


def update(wanted: Catalog, file: Path = CATALOGUE) -> None:
    """Write the catalogue anew: new sentences without a translation, those gone left out, the others as they were."""
    have = catalogue(file)
    have.update(wanted, no_fuzzy_matching=True)
    with file.open("wb") as stream:
        write_po(stream, have, width=120, include_lineno=False, ignore_obsolete=True)


def _texts(text: object) -> list[str]:
    return [str(part) for part in text] if isinstance(text, list | tuple) else [str(text or "")]


def _key(message: Message) -> str:
    return _texts(message.id)[0]


def _placeholders(text: str) -> set[str]:
    return {braces or percent for braces, percent in PLACEHOLDER.findall(text)}


def main(what: str) -> int:
    """Run `check` or `update`; return the exit code."""
    if what == "update":
        update(sentences())
    lines = mistakes(sentences(), catalogue())
    sys.stderr.writelines(f"{line}\n" for line in lines)
    if what == "check" and not lines:
        sys.stdout.write(f"{len(catalogue())} sentences, all of them translated\n")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
