"""Settings, from the environment."""

import pytest
from pydantic import Field

import chassis


class Settings(chassis.Settings):
    faults: bool = Field(default=False, validation_alias="TINY_FAULTS")
    url: str = Field(default="https://there", pattern="^https:", validation_alias="TINY_URL")


def test_a_service_adds_prefixed_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What every service has is read without a prefix, what one service adds with its own; an empty one is unset."""
    monkeypatch.setenv("DRAIN_SECONDS", "0.5")
    monkeypatch.setenv("TINY_FAULTS", "true")
    monkeypatch.setenv("LOG_LEVEL", "")

    settings = Settings.from_environment()

    assert (settings.drain_seconds, settings.faults, settings.log_level) == (0.5, True, "info")


def test_every_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has a line: its name, what was given, what is allowed; a password in it is not shown."""
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("TINY_FAULTS", "perhaps")
    monkeypatch.setenv("TINY_URL", "http://me:secret@there")

    with pytest.raises(SystemExit) as ended:
        Settings.from_environment()

    assert ended.value.code == 78
    assert capsys.readouterr().err.splitlines() == [
        "LOG_LEVEL: given 'loud': Input should be 'debug', 'info', 'warning' or 'error'",
        "TINY_FAULTS: given 'perhaps': Input should be a valid boolean, unable to interpret input",
        "TINY_URL: given 'http://***@there': String should match pattern '^https:'",
    ]
