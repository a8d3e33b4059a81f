"""The log."""

import json
import logging

import pytest
from structlog.contextvars import bound_contextvars

from chassis import logs


@pytest.mark.parametrize("name", ["somebody.else", "gunicorn.error", "uvicorn.error"])
def test_a_record_of_any_logger_is_one_line(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Whoever writes it, it is JSON on one line, with the request's id and the exception."""
    logs.configure("info", "json")

    with bound_contextvars(request_id="one"):
        logging.getLogger(name).error("it %s", "failed", exc_info=ValueError("line\nbreak \ud800"))

    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["event"], line["level"], line["logger"], line["request_id"]) == ("it failed", "error", name, "one")
    assert "ValueError: line\nbreak" in line["exception"]


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """LOG_LEVEL holds for servers and libraries too; httpx, which would write passwords, is always quiet."""
    logs.configure("info", "json")

    logging.getLogger("gunicorn.error").debug("chatter")
    logging.getLogger("httpx").info("GET http://me:secret@there")

    assert capsys.readouterr().out == ""


def test_the_console_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """LOG_FORMAT=console writes text."""
    logs.configure("info", "console")

    logging.getLogger("somebody").info("hello")

    assert "hello" in (out := capsys.readouterr().out)
    assert not out.startswith("{")
