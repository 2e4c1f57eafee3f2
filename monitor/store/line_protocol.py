r"""Samples as InfluxDB's line protocol: measurement = metric, tags `device` and `instance`, field `value`, a float.

Line protocol has no way to write a line break or a backslash at the end of a name, and versions 1 and 3 read `\\`
differently. So `%`, backslashes and control characters are percent-encoded in tags (RFC 3986 section 2.1): `C:\` is
stored as `C:%5C`, and every version reads the same. Commas, spaces and equals signs are escaped as the protocol says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from monitor.samples import Sample, Series
from monitor.store.port import refuse_bad_name, refuse_unkeepable

UNSAFE = re.compile(r"[%\\\x00-\x1f\x7f]")
SPECIAL = re.compile(r"[,= ]")


class LineFormat:
    """Turns samples into lines and remembers the beginning of each series' lines."""

    def __init__(self) -> None:
        self._beginnings: dict[Series, str] = {}

    def lines(self, samples: Sequence[Sample]) -> str:
        """Return one line for each series and time, milliseconds; of repeats the first. Raises BadInput."""
        refuse_unkeepable(samples)
        beginnings = self._beginnings
        for sample in samples:
            if sample.series not in beginnings:
                beginnings[sample.series] = beginning(sample.series)
        # Backwards, so that of repeats the first given is the last assigned.
        once = {(series, at_ms): value for series, at_ms, value in reversed(samples)}
        return "\n".join(
            f"{beginnings[series]} value={float(value)!r} {at_ms}" for (series, at_ms), value in once.items()
        )


def beginning(series: Series) -> str:
    """Return measurement and tags of a series' lines. Raises BadInput."""
    refuse_bad_name(series)
    instance = f",instance={_escaped(series.instance)}" if series.instance else ""
    return f"{series.metric},device={_escaped(series.device)}{instance}"


def encoded(name: str) -> str:
    """Return a tag's value as InfluxDB keeps it."""
    return UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name)


def decoded(tag: str) -> str:
    """Return the name that `encoded` was given."""
    return unquote(tag)


def _escaped(name: str) -> str:
    return SPECIAL.sub(lambda found: f"\\{found[0]}", encoded(name))
