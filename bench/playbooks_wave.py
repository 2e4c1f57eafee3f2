"""One wave in a process of its own, so that its CPU time is known: `python -m bench.playbooks_wave URL PROJECT …`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from bench.playbooks import one_wave

if __name__ == "__main__":
    print(json.dumps(asyncio.run(one_wave(sys.argv[1], *map(Path, sys.argv[2:])))), flush=True)
    os._exit(0)
