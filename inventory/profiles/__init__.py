"""Device profiles: kinds of devices as YAML files beside this one. Adding a kind needs no Python."""

from inventory.profiles.loading import BadProfiles, ProfileMistake, bundled_profiles, load_profiles
from inventory.profiles.schema import Column, Kind, Object, Profile, Ratio, RowFilter, Scalar, Share, Source, Table

__all__ = [
    "BadProfiles",
    "Column",
    "Kind",
    "Object",
    "Profile",
    "ProfileMistake",
    "Ratio",
    "RowFilter",
    "Scalar",
    "Share",
    "Source",
    "Table",
    "bundled_profiles",
    "load_profiles",
]
