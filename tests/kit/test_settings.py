"""A service with a missing or weak secret refuses to start and names it."""

import pytest
from pydantic import SecretStr

from kit.settings import PortNumber, PostgresUrl, Settings, load

GOOD = {"INTERNAL_SECRET": "kH7x2mQv9Lr4Tz8Wn3Bc6Yd1Fs5Gj0Pa", "REDIS_URL": "redis://h/0"}


class Listening(Settings):
    port: PortNumber = 8081
    database_url: PostgresUrl = SecretStr("postgresql://h/d")


def _set(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name in (*GOOD, "PORT", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "INTERNAL_SECRET"),
        (GOOD | {"INTERNAL_SECRET": ""}, "INTERNAL_SECRET"),
        (GOOD | {"INTERNAL_SECRET": "short"}, "INTERNAL_SECRET"),
        (GOOD | {"INTERNAL_SECRET": "a" * 40}, "INTERNAL_SECRET"),
        (GOOD | {"INTERNAL_SECRET": "changeme-changeme-changeme-changeme"}, "INTERNAL_SECRET"),
        (GOOD | {"INTERNAL_SECRET": "12345678901234567890123456789012"}, "INTERNAL_SECRET"),
        (GOOD | {"REDIS_URL": "localhost:6379"}, "REDIS_URL"),
        (GOOD | {"REDIS_URL": "redis://h:99999/0"}, "REDIS_URL"),
        (GOOD | {"PORT": "65536"}, "PORT"),
        (GOOD | {"DATABASE_URL": "mysql://h/d"}, "DATABASE_URL"),
        ({"INTERNAL_SECRET": GOOD["INTERNAL_SECRET"]}, "REDIS_URL"),
    ],
)
def test_a_missing_or_weak_secret_is_named(
    values: dict[str, str],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _set(monkeypatch, values)
    with pytest.raises(SystemExit) as caught:
        load(Listening)
    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert name in message
    assert "short" not in message


def test_good_settings_load_and_do_not_print_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, GOOD)
    settings = load(Settings)
    assert settings.internal_secret.get_secret_value() == GOOD["INTERNAL_SECRET"]
    assert GOOD["INTERNAL_SECRET"] not in repr(settings)
