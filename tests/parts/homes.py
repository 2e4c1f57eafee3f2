"""Places for the data folder of a private cluster, and what must be gone from them whatever was killed in them."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from kernel.db.embedded import PrivateCluster
from tests.real.waiting import processes_naming, until


def all_is_ended(*homes: Path) -> None:
    """Return when no process is left that has to do with `homes`."""
    for home in homes:
        until(partial(_nothing_names, str(home)), "the end of all that was started here")


def remove_sockets(home: Path) -> None:
    """Remove root's folder of sockets, which lies outside of `home`; kills leave it there."""
    sockets = conninfo_to_dict(PrivateCluster(home / "data", home / "run").url)["host"]
    shutil.rmtree(str(sockets), ignore_errors=True)


def _nothing_names(text: str) -> bool:
    return not processes_naming(text)
