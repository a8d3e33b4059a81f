"""What health says about its targets."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class TargetStatus(BaseModel, frozen=True):
    """What is known about one target; ``last_error`` stays when it is up again."""

    name: str
    url: str
    required: bool
    status: Literal["up", "down", "unknown"] = "unknown"
    latency_ms: float | None = None
    checked_at: datetime | None = None
    last_error: str | None = None


class Report(BaseModel, frozen=True):
    """What is known about every target."""

    targets: list[TargetStatus]
