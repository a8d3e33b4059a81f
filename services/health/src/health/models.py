"""What health says about its targets."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

Status = Literal["up", "down", "unknown"]


class Check(BaseModel, frozen=True):
    """One time that a target was asked."""

    status: Status
    latency_ms: float | None
    checked_at: datetime


class TargetStatus(BaseModel, frozen=True):
    """What is known about one target; ``last_error`` stays when it is up again."""

    name: str
    url: str
    required: bool
    status: Status = "unknown"
    latency_ms: float | None = None
    checked_at: datetime | None = None
    last_error: str | None = None


class Report(BaseModel, frozen=True):
    """What is known about every target."""

    targets: list[TargetStatus]


class History(BaseModel, frozen=True):
    """Every target's last checks, by its name, the newest last."""

    targets: dict[str, list[Check]]
