"""Keeps the profiles of a folder fresh: a changed file is taken while the platform runs, a broken one is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import structlog

from inventory.profiles.loading import BadProfiles, known_profiles
from inventory.profiles.schema import Profile
from kernel.errors import BadInput

log = structlog.get_logger()


class ProfileFolder:
    """The bundled profiles, and those of a folder of one's own.

    Args:
        own: The folder; None: there is none.

    Raises:
        BadProfiles: With every mistake in it: a platform does not start with a profile that it cannot read.
        BadInput: There is no such folder.
    """

    def __init__(self, own: Path | None) -> None:
        self._own = own
        self._state = self._look()
        self._profiles = known_profiles(own)

    def profiles(self) -> Mapping[str, Profile]:
        """Return the profiles as they are now, or as they last were without a mistake."""
        state = self._look()
        if state != self._state:
            self._state = state
            try:
                self._profiles = known_profiles(self._own)
            except BadProfiles as bad:
                for mistake in bad.mistakes:
                    log.error("profile_not_taken", file=mistake.file, line=mistake.line, why=mistake.why)
            except BadInput as error:
                log.error("profiles_not_taken", why=str(error))
            else:
                log.info("profiles_taken", profiles=len(self._profiles))
        return self._profiles

    def _look(self) -> dict[str, tuple[int, int]]:
        if self._own is None or not self._own.is_dir():
            return {}
        return {file.name: (file.stat().st_mtime_ns, file.stat().st_size) for file in self._own.glob("*.yaml")}
