"""The YAML file with a reorganisation, as `vungcao reorganise` reads it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from inventory.public import MOST_OPERATIONS, BadInventoryFile, Operation, located_yaml, text_of


class ReorganisationFile(BaseModel):
    """A file with a reorganisation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[str, Field(min_length=1, max_length=200)]
    day: date
    operations: Annotated[tuple[Operation, ...], Field(min_length=1, max_length=MOST_OPERATIONS)]


async def read(file: Path) -> ReorganisationFile:
    """Return what `file` holds; BadInventoryFile with every mistake if it is none."""
    located, mistakes = located_yaml.read(await text_of(file))
    if located is not None:
        content, mistakes = located_yaml.judge(ReorganisationFile, located)
        if content is not None:
            return content
    raise BadInventoryFile(str(file), mistakes)
