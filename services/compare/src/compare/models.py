"""What compare is sent, and what it says."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

# So that none takes much over a second, as measured (docs/patterns/compiled.md): a diff takes eight times as long for
# twice as much, and a batch what its distances take.
CHARACTERS = 4_000
PAIRS = 1_000
CELLS = 256_000_000

Text = Annotated[str, Field(max_length=CHARACTERS)]


class Pair(BaseModel, frozen=True):
    """Two texts."""

    before: Text
    after: Text


class Batch(BaseModel, frozen=True):
    """Pairs to compare, whose work is bounded too: the lengths of each pair, multiplied, in sum."""

    pairs: Annotated[list[Pair], Field(max_length=PAIRS)]

    @model_validator(mode="after")
    def _bound_the_work(self) -> Self:
        cells = sum(len(pair.before) * len(pair.after) for pair in self.pairs)
        if cells > CELLS:
            raise ValueError(f"The lengths of each pair, multiplied, are {cells} in sum, but may be {CELLS}")
        return self


class Likeness(BaseModel, frozen=True):
    """How many characters to insert, delete or replace, and how alike that is: from 0 to 1, which is equal."""

    distance: int
    similarity: float


class Comparison(Likeness, frozen=True):
    """The same, and what differs, as a unified diff."""

    diff: str


class Comparisons(BaseModel, frozen=True):
    """What became of each pair, in the order in which they were sent."""

    results: list[Likeness]
