"""What echo can be told beyond what every service can."""

from pydantic import Field

import chassis


class Settings(chassis.Settings):
    """Echo's settings."""

    faults: bool = Field(default=False, validation_alias="ECHO_FAULTS")
    # Kubernetes' own name for where this runs, from the downward API; not echo's to prefix.
    pod: str | None = Field(default=None, validation_alias="POD_NAME")
