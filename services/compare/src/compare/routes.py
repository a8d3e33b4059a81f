"""Compare's path operations.

None is `async`: each runs in a thread, so that other requests get their turn between one pair and the next. Within
a pair they do not, as compiled code keeps the interpreter's lock until it returns.
"""

import difflib
import io

from fastapi import APIRouter

from compare.compiled.distance import distance
from compare.models import Batch, Comparison, Comparisons, Likeness, Pair

router = APIRouter(tags=["compare"])


@router.post("/compare")
def compare(pair: Pair) -> Comparison:
    """Compare two texts, and show what differs."""
    return Comparison(**_likeness(pair).model_dump(), diff=_diff(pair))


@router.post("/compare/batch")
def compare_batch(batch: Batch) -> Comparisons:
    """Compare many pairs."""
    return Comparisons(results=[_likeness(pair) for pair in batch.pairs])


def _likeness(pair: Pair) -> Likeness:
    apart = distance(pair.before, pair.after)
    longest = max(len(pair.before), len(pair.after))
    return Likeness(distance=apart, similarity=1 - apart / longest if longest else 1)


def _diff(pair: Pair) -> str:
    # A line ends at "\n" alone, as for diff and patch: str.splitlines knows ten more ends.
    before, after = (io.StringIO(text, newline="\n").readlines() for text in (pair.before, pair.after))
    lines = difflib.unified_diff(before, after, "before", "after")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
