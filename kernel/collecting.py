"""Keeps Python's garbage collector from stopping a process that remembers much.

A full collection looks at every object that may be part of a circle. With the values of 10,000 devices in memory that
took 1.5 s, in which nothing else ran, and found nothing; the code and the statements of the web process alone take
0.4 s, which every twentieth page waited for. What has survived a full collection that was long is set
aside (`gc.freeze`): it is still freed when nobody refers to it any more, but not searched for circles again.
"""

from __future__ import annotations

import gc
import time
from typing import Final

LONG_S: Final = 0.03
FULL: Final = 2
"""The generation whose collection looks at everything."""
YOUNG: Final = 10_000
"""Objects made before the young ones are looked at: a poll makes hundreds, and nearly all of them die by themselves."""


def keep_collections_short() -> None:
    """Let no collection from now on look again at what a long one has left. For the whole process; twice is once."""
    if _Watch.began_s is None:
        _Watch.began_s = 0.0
        gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
        gc.callbacks.append(_Watch.note)


class _Watch:
    began_s: float | None = None

    @classmethod
    def note(cls, phase: str, info: dict[str, int]) -> None:
        now_s = time.perf_counter()
        if phase == "start":
            cls.began_s = now_s
        elif info["generation"] == FULL and now_s - (cls.began_s or now_s) > LONG_S:
            gc.freeze()
