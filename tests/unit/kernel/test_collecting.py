from __future__ import annotations

import subprocess
import sys

GROWS = """
import gc
from kernel.collecting import keep_collections_short
keep_collections_short()
keep_collections_short()
remembered = [[number] for number in range(2_000_000)]
gc.collect()
print(gc.get_freeze_count() >= len(remembered), len(gc.callbacks))
class Ring: pass
ring = Ring(); ring.itself = ring
import weakref
gone = weakref.ref(ring)
del ring
gc.collect()
print(gone() is None)
"""


def test_what_survived_a_long_collection_is_not_looked_at_again_and_new_circles_are_still_found() -> None:
    done = subprocess.run([sys.executable, "-c", GROWS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "1", "True"]
