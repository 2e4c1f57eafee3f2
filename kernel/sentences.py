"""Sentences that are written before their reader, and so their language, is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self


def N_(message: str) -> str:  # noqa: N802 - gettext's usual name for it
    """Mark `message` for translation, where it is written before its reader is known, and return it unchanged."""
    return message


class Sentence(str):
    """A sentence in English that its reader's language may say in other words: its template and what fills it are kept.

    Args:
        message: The template, which is in the catalogues as it stands here.
        fields: What its braces are filled with.
    """

    __slots__ = ("fields", "message")

    message: str
    fields: Mapping[str, object]

    def __new__(cls, message: str, /, **fields: object) -> Self:
        """Return the sentence in English."""
        made = super().__new__(cls, message.format(**fields))
        made.message, made.fields = message, fields
        return made
