"""What health can be told beyond what every service can."""

import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, HttpUrl, StringConstraints, model_validator

import chassis

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Conditions(BaseModel, frozen=True, extra="forbid"):
    """What an answer must be for its target to be up; ``body`` is a text it must contain."""

    status: Annotated[int, Field(ge=100, le=599)] = 200
    max_latency_ms: Annotated[float, Field(gt=0)] | None = None
    body: str | None = None


class Target(BaseModel, frozen=True, extra="forbid"):
    """Something to watch, in short a URL; while a target that is required is not up, neither is health ready."""

    url: HttpUrl
    interval: Seconds = 5
    timeout: Seconds = 1
    conditions: Conditions = Conditions()
    required: bool = True

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, value: Any) -> Any:
        return {"url": value} if isinstance(value, str) else value

    @property
    def shown_url(self) -> str:
        """The URL for people to see: without user and password."""
        return re.sub(r"//[^/]*@", "//", str(self.url))


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


class Settings(chassis.Settings):
    """Health's settings; the targets are, in the environment, a JSON object from name to target."""

    targets: Annotated[dict[Name, Target], BeforeValidator(_parsed)] = Field(
        default={}, validation_alias="HEALTH_TARGETS"
    )
