"""Structured logs: one event a line, JSON for machines or text for a terminal. Changes of state, not each failure."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

SECRET_FIELDS = frozenset(
    {"password", "secret", "community", "token", "auth_key", "priv_key", "authorization", "cookie"}
)


def hide_secrets(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace the value of every field whose name promises a secret; the last net, not the first."""
    for name in event:
        if name.lower() in SECRET_FIELDS:
            event[name] = "[hidden]"
    return event


def configure(process: str, *, form: Literal["json", "text"], level: str = "info") -> None:
    """Send all logging of this process to standard error, each line naming `process`.

    Libraries' own logging arrives at warning and above.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # richer ones print local variables, secrets among them
        )
    )
    if form == "json":
        shared.append(structlog.processors.format_exc_info)
    threshold = logging.getLevelName(level.upper())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, threshold))
