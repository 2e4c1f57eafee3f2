"""Settings of a process: `VUNGCAO_*` from the environment, then the TOML file named by `VUNGCAO_CONFIG`, then defaults.

`load()` is called by a process entry only; everything else is handed what it needs.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from kernel.errors import BadSetting
from kernel.mistakes import in_words

PREFIX = "VUNGCAO_"


def default_data_dir() -> Path:
    """Return the system's state folder for root, else `$XDG_STATE_HOME/vungcao` (XDG base directory specification)."""
    if os.geteuid() == 0:
        return Path("/var/lib/vungcao")
    state_home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state_home).expanduser() / "vungcao"


def _web_address(value: str) -> str:
    """Return `value`, empty or an http address; it is not repeated in the error, for it may hold a secret."""
    try:
        parts = urlsplit(value)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is no number
        sound = False
    if value and not sound:
        raise ValueError("it must be an address that begins with http:// or https://")
    return value


def _secret_web_address(value: SecretStr) -> SecretStr:
    _web_address(value.get_secret_value())
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:  # not known, not a name, a folder of names
        raise ValueError("this machine knows no such time zone") from error
    return value


class Settings(BaseSettings):
    """Everything that can be set: `VUNGCAO_<NAME>` in the environment, the name in small letters in the file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Folder of keys, history and the private database"
    )
    http_host: str = Field("127.0.0.1", description="Address that the web process listens on")
    http_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        8080, description="Port of the web process; taken: the next free one"
    )
    public_url: Annotated[str, AfterValidator(_web_address)] = Field(
        "", description="Address that people use, if it differs (behind a proxy)"
    )
    database_url: SecretStr | None = Field(
        None, description="postgresql://… of a server; unset: a private cluster in the data folder"
    )
    master_key: SecretStr = Field(
        SecretStr(""), description="Key of the stored secrets, 32 random bytes as base64; unset: from a file"
    )
    master_key_old: SecretStr = Field(
        SecretStr(""), description="The key before master_key, until the secrets are sealed anew"
    )
    master_key_file: Path | None = Field(
        None, description="File of the master key, 32 bytes; unset: keys/master.key in the data folder"
    )
    audit_anchor_file: Path | None = Field(
        None, description="Append-only file of the audit log's heads; unset: audit-heads.jsonl in the data folder"
    )
    audit_anchor_syslog: str = Field(
        "", description="Where heads are sent too: /dev/log, or host:port by UDP (RFC 5424)"
    )
    audit_anchor_webhook_url: Annotated[SecretStr, AfterValidator(_secret_web_address)] = Field(
        SecretStr(""), description="Where heads are posted too, as JSON"
    )
    audit_anchor_every_min: Annotated[int, Field(ge=1, le=1440)] = Field(
        60, description="Minutes between two heads that are kept outside of the database"
    )
    audit_years: Annotated[int, Field(ge=1, le=100)] = Field(10, description="Years that the audit log is kept")
    store: Literal["duckdb", "influxdb"] = Field("duckdb", description="Where health history is kept")
    influxdb_url: Annotated[str, Field(min_length=1), AfterValidator(_web_address)] = Field(
        "http://127.0.0.1:8086", description="InfluxDB's address"
    )
    influxdb_bucket: str = Field("vungcao/autogen", description="Bucket, as database/retention policy")
    influxdb_org: str = Field("vungcao", description="InfluxDB organisation (2.x)")
    influxdb_token: SecretStr = Field(SecretStr(""), description="InfluxDB token; for 1.8 user:password")
    poll_interval_s: Annotated[float, Field(ge=1, le=3600)] = Field(
        60.0, description="Seconds between two polls of a device"
    )
    poll_line_share: Annotated[float, Field(gt=0, le=0.5)] = Field(
        0.02, description="What polling may take of an office's narrowest line, 0.02 for two per cent"
    )
    poll_device_bytes_s: Annotated[float, Field(ge=100, le=10_000_000)] = Field(
        8000, description="Bytes a second that one device may be asked at most, both directions"
    )
    place: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = Field(
        "centre", description="Where this engine stands: it makes the checks of this place"
    )
    profiles_dir: Path | None = Field(
        None, description="Folder of device profiles of one's own, beside the bundled ones"
    )
    alert_hold_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        60.0, description="Seconds that a device must be silent, or a line busy or lossy, before it alerts"
    )
    history_days: Annotated[int, Field(ge=1, le=3650)] = Field(90, description="Days that health history is kept")
    work_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        30, description="Days that finished durable work, such as a notification that was sent, is remembered"
    )
    alert_webhook_url: Annotated[SecretStr, AfterValidator(_secret_web_address)] = Field(
        SecretStr(""), description="Where alerts are posted as JSON; empty: shown on the page only"
    )
    jitsi_url: Annotated[str, AfterValidator(_web_address)] = Field(
        "", description="Where people open Jitsi Meet, such as https://meet.example.vn"
    )
    jitsi_domain: str = Field("", description="XMPP domain of Jitsi's Prosody, such as meet.example.vn")
    jitsi_muc_domain: str = Field("", description="XMPP domain of its rooms; empty: conference. before jitsi_domain")
    jitsi_app_id: str = Field("", description="Application id of the join tokens, as Prosody's app_id")
    jitsi_app_secret: SecretStr = Field(
        SecretStr(""), description="Key of the join tokens, as Prosody's app_secret; 32 characters or more"
    )
    jitsi_reservation_token: SecretStr = Field(
        SecretStr(""), description="What Prosody shows when it asks whether a room may be opened; empty: none may"
    )
    jitsi_prosody_url: Annotated[str, AfterValidator(_web_address)] = Field(
        "", description="HTTP address of Prosody, to end cancelled meetings; empty: they end when their rooms empty"
    )
    jitsi_open_before_min: Annotated[int, Field(ge=0, le=240)] = Field(
        15, description="Minutes before its beginning from which a meeting can be joined"
    )
    jitsi_token_s: Annotated[int, Field(ge=60, le=3600)] = Field(
        600, description="Seconds for which a join token lets somebody in; a slow link loads Jitsi for minutes"
    )
    oidc_issuer: Annotated[str, AfterValidator(_web_address)] = Field(
        "",
        description="Issuer of the organisation's own sign-in (OpenID Connect); empty: accounts of the platform only",
    )
    oidc_client_id: str = Field("", description="Under which name it knows the platform")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="How the platform proves itself to it")
    oidc_title: str = Field("OpenID Connect", description="What its button on the sign-in page is called")
    playbook_waves: int = Field(
        4, ge=1, le=64, description="Waves of playbooks that may run at the same time, on all workers together"
    )
    playbooks_dir: Path | None = Field(None, description="Folder of playbooks of one's own, beside the bundled ones")
    playbook_variables: Path | None = Field(
        None, description="YAML file of variables that this site gives to every playbook"
    )
    workers: Annotated[int, Field(ge=1, le=16)] = Field(1, description="Worker processes that serve starts")
    language: Literal["vi", "en"] = Field("vi", description="Language of pages for who has not chosen")
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "Asia/Ho_Chi_Minh", description="Zone in which times are shown"
    )
    demo: bool = Field(default=False, description="The example programme: its accounts are shown on the sign-in page")
    demo_faults: bool = Field(default=True, description="Faults of the example programme come and go by themselves")
    demo_meetings: bool = Field(default=True, description="The example programme has a few meetings ahead")
    log_form: Literal["json", "text"] = Field("text", description="Form of log lines")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level of log lines")
    config: Path | None = Field(
        None, validation_alias=AliasChoices(f"{PREFIX}CONFIG"), description="The TOML file that was read"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        file = os.environ.get(f"{PREFIX}CONFIG")
        if not file:
            return init_settings, env_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(file))

    @property
    def keys_dir(self) -> Path:
        """Folder of the master key and the audit key, 0700."""
        return self.data_dir / "keys"

    @property
    def master_key_path(self) -> Path:
        """File of the master key, where it does not come from the environment."""
        return self.master_key_file or self.keys_dir / "master.key"

    @property
    def audit_heads(self) -> Path:
        """File to which the heads of the audit log's chain are appended."""
        return self.audit_anchor_file or self.data_dir / "audit-heads.jsonl"

    @property
    def history_dir(self) -> Path:
        """Folder of the embedded metric store and of the spool before a remote one."""
        return self.data_dir / "history"

    @property
    def run_dir(self) -> Path:
        """Short private folder for Unix sockets, whose names may have 107 bytes; the same for the same data folder."""
        mark = hashlib.sha256(str(self.data_dir.resolve()).encode()).hexdigest()[:12]
        # Not XDG_RUNTIME_DIR: it differs between a login and a service, and goes when its user logs out.
        return Path(tempfile.gettempdir()) / f"vungcao-{os.geteuid()}-{mark}"

    @property
    def engine_socket(self) -> Path:
        """Unix socket, 0600, on which the engine answers HTTP."""
        return self.run_dir / "engine.sock"


def load(**overrides: Any) -> Settings:
    """Return the settings of this process.

    Raises:
        BadSetting: Naming the first wrong or unknown setting, and what is wrong with it.
    """
    file = os.environ.get(f"{PREFIX}CONFIG")
    if file and not Path(file).is_file():
        raise BadSetting(name=f"{PREFIX}CONFIG", why=f"there is no file {file}")
    _refuse_unknown_names()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadSetting(name=_as_written(name), why=in_words(first)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(name=f"{PREFIX}CONFIG", why=f"{file} is not TOML: {error}") from None
    except OSError as error:
        raise BadSetting(name=f"{PREFIX}CONFIG", why=f"{file} cannot be read: {error.strerror}") from None


def _refuse_unknown_names() -> None:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    for name in os.environ:
        if name.startswith(PREFIX) and name.upper() not in known:
            raise BadSetting(name=name, why="there is no such setting")


def _as_written(name: str) -> str:
    return f"{PREFIX}{name}".upper() if f"{PREFIX}{name}".upper() in os.environ else name
