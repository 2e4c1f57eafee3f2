"""Device profiles: kinds of devices as YAML files beside this one. Adding a kind needs no Python."""

from inventory.profiles.folder import ProfileFolder
from inventory.profiles.loading import (
    BadProfiles,
    ProfileMistake,
    bundled_profiles,
    known_profiles,
    load_profiles,
    profile_with,
)
from inventory.profiles.schema import (
    NO_QUIRKS,
    Column,
    Kind,
    Object,
    Profile,
    Quirks,
    Ratio,
    RowFilter,
    Scalar,
    Share,
    Source,
    Table,
)

__all__ = [
    "NO_QUIRKS",
    "BadProfiles",
    "Column",
    "Kind",
    "Object",
    "Profile",
    "ProfileFolder",
    "ProfileMistake",
    "Quirks",
    "Ratio",
    "RowFilter",
    "Scalar",
    "Share",
    "Source",
    "Table",
    "bundled_profiles",
    "known_profiles",
    "load_profiles",
    "profile_with",
]
