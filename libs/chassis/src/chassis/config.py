"""Settings that every service reads from its environment."""

import os
import re
import sys
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

# How long an application may take to tidy up, after drain_seconds and graceful_seconds.
LIFESPAN_SECONDS = 5


class Settings(BaseSettings):
    """What every service can be told; a field is read from the variable of its name in upper case.

    A service subclasses this and names its own variables in full, prefix included, as ``validation_alias``.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        validate_by_name=True,
        # Compose and Kubernetes pass an unset variable on as an empty one.
        env_ignore_empty=True,
        # A field that holds JSON parses it itself, and so says which variable was wrong.
        enable_decoding=False,
    )

    host: str = "0.0.0.0"  # noqa: S104 - a container's own network is the boundary
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    web_concurrency: Annotated[int, Field(ge=1)] = 1
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    # After SIGTERM: how long to go on serving while saying no, and then how long to let requests finish.
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 3
    graceful_seconds: Annotated[int, Field(ge=0, le=600)] = 20
    # In bytes.
    body_limit: Annotated[int, Field(ge=0)] = 1024 * 1024
    # Whether to serve /docs and /openapi.json.
    docs: bool = False
    revision: str = "unknown"

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment, or say what is wrong with it and end the process.

        Returns:
            The settings, defaults filled in.

        Raises:
            SystemExit: With ``EX_CONFIG`` (78), after a line on stderr for each variable that is not allowed.
        """
        try:
            return cls()
        except ValidationError as error:
            for wrong in error.errors():
                variable, *inside = map(str, wrong["loc"])
                name = variable.upper() + (f" at {'.'.join(inside)}" if inside else "")
                given = "nothing" if wrong["type"] == "missing" and not inside else _shown(wrong["input"])
                sys.stderr.write(f"{name}: given {given}: {wrong['msg'].removeprefix('Value error, ')}\n")
            sys.exit(os.EX_CONFIG)


def _shown(value: object) -> str:
    """Return `value` for a person: in short, and without the user and password of any URL in it."""
    return re.sub(r"//.*@", "//***@", repr(value))[:200]
