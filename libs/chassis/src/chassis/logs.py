"""One line per record, whoever writes it: us, a library, uvicorn or gunicorn."""

import logging.config
import sys
from typing import Literal

import structlog


class _Line(structlog.WriteLogger):
    """Writes a line to stdout by itself: by way of logging, the line of a request would cost as much as the request."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stdout)
        self.name = name


def configure(level: str, style: Literal["json", "console"]) -> None:
    """Send every logger's records to stdout.

    Args:
        level: The least severe level that is written, such as ``info``.
        style: ``json`` for machines, ``console`` for people.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    if style == "console":
        plain = structlog.dev.plain_traceback
        renderers = [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=plain)]
    structlog.configure(
        processors=[*shared, *renderers],
        logger_factory=_Line,
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    # A server comes with handlers of its own, which would write each of its records a second time.
    bare = {"handlers": [], "level": "NOTSET", "propagate": True}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
                }
            },
            "handlers": {
                "stdout": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stdout"}
            },
            "root": {"level": level.upper(), "handlers": ["stdout"]},
            "loggers": {
                "gunicorn.error": bare,
                "uvicorn": bare,
                "uvicorn.error": bare,
                # The access log is chassis.context's: it knows the request's id.
                "uvicorn.access": {"handlers": [], "propagate": False},
                # httpx names each URL in full at info, user and password included; httpcore every step at debug.
                "httpx": {"level": "WARNING"},
                "httpcore": {"level": "WARNING"},
            },
        }
    )
