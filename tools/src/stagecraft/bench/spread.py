"""Rounds of a measurement, in a table."""

import statistics


def spread(values: list[float], digits: int) -> str:
    """Give the median of values, and their range."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"  # noqa: RUF001 - a range
