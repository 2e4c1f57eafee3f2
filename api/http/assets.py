"""Static files. An address with the file's own hash (`?v=…`) may be kept for ever; any other is asked for each time."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOR_EVER: Final = "public, max-age=31536000, immutable"
ASK_EACH_TIME: Final = "no-cache"


def version_of(file: Path) -> str:
    """Return what to put into `?v=` for `file`: it changes when the content does. OSError if it cannot be read."""
    status = file.stat()
    return _hash(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _hash(file: Path, _changed_ns: int, _size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10]


class Assets(StaticFiles):
    """Files of one folder."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return the file's answer, with how long it may be kept."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("v", [""])[0]
        right = asked == version_of(Path(full_path))
        response.headers["Cache-Control"] = FOR_EVER if right else ASK_EACH_TIME
        return response
