"""Reads YAML so that every mistake can be told with its line: doubled keys, self-containing aliases, and wrong content.

Used for files that people write. What a file may hold is said by a pydantic model; this finds where it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from inventory.errors import BadInventoryFile, Mistake
from kernel.mistakes import in_words

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


MOST_PLACES = 1_000_000
"""Values in one file. The whole country's devices take about 500,000; ten nested aliases of ten would take 10^10."""


class _TooLarge(Exception):
    """Ends the walk through a file that unfolds without end."""


class Located(NamedTuple):
    """A file's content as plain dicts, lists and scalars, with the line of every path in it."""

    content: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of `path`, or of the nearest thing above it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(text: str) -> tuple[Located | None, list[Mistake]]:
    """Return what `text` holds, and the mistakes of its form; None where there is any."""
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return None, [Mistake(line, f"not YAML: {error.problem or error.context}")]
    except (yaml.YAMLError, RecursionError) as error:
        return None, [Mistake(0, f"not YAML: {str(error).splitlines()[0]}")]
    if not isinstance(root, yaml.MappingNode):
        return None, [Mistake(1, "the file must be a mapping that begins with version: 1")]
    lines: dict[Path, int] = {}
    try:
        mistakes = list(_walk(root, (), lines, frozenset()))
    except _TooLarge:
        return None, [Mistake(0, f"too large: more than {MOST_PLACES} values, or aliases that multiply")]
    return (None, mistakes) if mistakes else (Located(_plain(root), lines), [])


def judge(model: type[Model], located: Located) -> tuple[Model | None, list[Mistake]]:
    """Return the content as `model`, and every mistake in it with its line; None where there is any."""
    try:
        return model.model_validate(located.content), []
    except ValidationError as error:
        return None, [_mistake(problem, located) for problem in error.errors(include_url=False, include_input=False)]


def load(model: type[Model], text: str, file: str, *, most_bytes: int) -> tuple[Model, Located]:
    """Return what `text` holds as `model`, and where each thing stands in it.

    Raises:
        BadInventoryFile: It is too large, or holds mistakes: all of those, each with its line.
    """
    if len(text) > most_bytes:
        raise BadInventoryFile(file, [Mistake(0, f"the file is larger than {most_bytes // 2**20} MB")])
    located, mistakes = read(text)
    if located is None:
        raise BadInventoryFile(file, mistakes)
    content, mistakes = judge(model, located)
    if content is None:
        raise BadInventoryFile(file, mistakes)
    return content, located


def _walk(node: yaml.Node, path: Path, lines: dict[Path, int], above: frozenset[int]) -> Iterator[Mistake]:
    lines.setdefault(path, node.start_mark.line + 1)
    if len(lines) > MOST_PLACES:
        raise _TooLarge
    if id(node) in above:
        yield Mistake(lines[path], "an alias that contains itself")
        return
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                yield Mistake(line, "a key must be a single word")
            elif (*path, key.value) in lines:
                yield Mistake(line, f"{key.value} stands here a second time; first in line {lines[*path, key.value]}")
            else:
                lines[*path, key.value] = line
                yield from _walk(value, (*path, key.value), lines, above)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, (*path, number), lines, above)


def _plain(node: yaml.Node) -> Any:  # noqa: ANN401 - whatever the file holds; the model judges it next
    """Return plain content; keys stay text and so do `no` and `on`, which old YAML reads as truth values."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    if node.tag == "tag:yaml.org,2002:bool" and node.value.lower() not in {"true", "false"}:
        return node.value
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError):
        return node.value


def _mistake(problem: Mapping[str, Any], located: Located) -> Mistake:
    path: Path = tuple(part for part in problem["loc"] if part != "[key]")
    shown = ".".join(str(part) for part in path)
    why = in_words(problem)
    return Mistake(located.line(path), f"{shown}: {why}" if shown else why)
