"""Settings: where they come from, which one wins, and what is said of a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from kernel import settings
from kernel.errors import BadSetting


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have settings of their own."""
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that `VUNGCAO_CONFIG` names, not there yet."""
    path = tmp_path / "vungcao.toml"
    monkeypatch.setenv("VUNGCAO_CONFIG", str(path))
    return path


def refused() -> BadSetting:
    with pytest.raises(BadSetting) as caught:
        settings.load()
    return caught.value


def test_without_anything_set_the_platform_listens_on_this_machine_and_keeps_history_in_duckdb() -> None:
    loaded = settings.load()
    assert (loaded.http_host, loaded.http_port, loaded.store) == ("127.0.0.1", 8080, "duckdb")
    assert (loaded.poll_interval_s, loaded.language, loaded.timezone) == (60, "vi", "Asia/Ho_Chi_Minh")


def test_the_environment_beats_the_file_and_the_file_beats_the_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('http_port = 8081\npoll_interval_s = 30\nstore = "influxdb"\n')
    monkeypatch.setenv("VUNGCAO_HTTP_PORT", "8082")
    loaded = settings.load()
    assert (loaded.http_port, loaded.poll_interval_s, loaded.store) == (8082, 30, "influxdb")
    assert loaded.workers == 1
    assert loaded.config == file


def test_what_a_process_says_itself_beats_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VUNGCAO_DATA_DIR", "/elsewhere")
    assert settings.load(data_dir=tmp_path).data_dir == tmp_path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VUNGCAO_HTTP_PORT", "eighty"),
        ("VUNGCAO_HTTP_PORT", "0"),
        ("VUNGCAO_POLL_INTERVAL_S", "0.1"),
        ("VUNGCAO_POLL_INTERVAL_S", "nan"),
        ("VUNGCAO_STORE", "sqlite"),
        ("VUNGCAO_WORKERS", "99"),
        ("VUNGCAO_LANGUAGE", "fr"),
        ("VUNGCAO_TIMEZONE", "Asia/Phan_Thiet"),
        ("VUNGCAO_TIMEZONE", "/etc/passwd"),
        ("VUNGCAO_TIMEZONE", ""),
        ("VUNGCAO_PUBLIC_URL", "vungcao.example"),
        ("VUNGCAO_INFLUXDB_URL", "127.0.0.1:8086"),
        ("VUNGCAO_ALERT_WEBHOOK_URL", "ftp://alarm.example/vungcao"),
        ("VUNGCAO_ALERT_WEBHOOK_URL", "http://[alarm"),
    ],
)
def test_a_wrong_value_in_the_environment_names_its_setting(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert str(refused()).startswith(f"The setting {name} has a wrong value: ")


def test_a_wrong_value_in_the_file_names_its_setting_as_it_stands_there(file: Path) -> None:
    file.write_text("http_port = 70000\n")
    assert str(refused()).startswith("The setting http_port has a wrong value: ")


def test_a_misspelt_name_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VUNGCAO_HTPP_PORT", "8080")
    assert str(refused()) == "The setting VUNGCAO_HTPP_PORT has a wrong value: there is no such setting"


def test_a_misspelt_name_in_the_file_is_refused(file: Path) -> None:
    file.write_text("htpp_port = 8080\n")
    assert refused().fields["name"] == "htpp_port"


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    assert str(refused()) == f"The setting VUNGCAO_CONFIG has a wrong value: there is no file {file}"


@pytest.mark.parametrize("content", [b"http_port = = 8080\n", b'language = "\xff"\n'])
def test_a_file_that_is_no_toml_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    error = refused()
    assert error.fields["name"] == "VUNGCAO_CONFIG"
    assert f"{file} is not TOML" in str(error)


def test_a_file_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VUNGCAO_CONFIG", "/proc/self/mem")  # its first byte is in nobody's memory, not even root's
    error = refused()
    assert error.fields["name"] == "VUNGCAO_CONFIG"
    assert "cannot be read" in str(error)


def test_no_secret_is_in_what_settings_say_of_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VUNGCAO_DATABASE_URL", "postgresql://vungcao:bi-mat-1@db.example/vungcao")
    monkeypatch.setenv("VUNGCAO_INFLUXDB_TOKEN", "bi-mat-2")
    monkeypatch.setenv("VUNGCAO_ALERT_WEBHOOK_URL", "https://alarm.example/bi-mat-3")
    loaded = settings.load()
    assert "bi-mat" not in f"{loaded!r} {loaded} {loaded.model_dump()} {loaded.model_dump_json()}"
    assert loaded.alert_webhook_url == SecretStr("https://alarm.example/bi-mat-3")


def test_no_secret_is_in_what_is_said_of_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VUNGCAO_ALERT_WEBHOOK_URL", "alarm.example/bi-mat")
    assert refused().fields["why"] == "it must be an address that begins with http:// or https://"


def test_the_run_folder_is_the_same_for_the_same_data_folder_and_short_enough_for_a_socket(tmp_path: Path) -> None:
    data = tmp_path / ("a" * 120) / "data"
    first, again = settings.load(data_dir=data), settings.load(data_dir=data.parent / "other" / ".." / "data")
    assert first.run_dir == again.run_dir != settings.load(data_dir=tmp_path).run_dir
    assert first.run_dir.name.startswith(f"vungcao-{os.geteuid()}-")
    assert len(first.run_dir.name) < 40
