"""The compare service."""

import random
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cache

import pytest
from fastapi.testclient import TestClient

import chassis
from compare.app import create_app
from compare.compiled.distance import distance
from compare.models import CELLS, CHARACTERS, PAIRS

# Characters of one to four bytes each in UTF-8, so few that random texts have some in common.
ALPHABET = "abß\0€🌍"


@pytest.fixture(name="client")
def _client() -> Iterator[TestClient]:
    with TestClient(create_app(chassis.Settings(docs=True, log_level="error"))) as client:
        yield client


def texts(count: int, longest: int = 8) -> list[list[str]]:
    """Give a hundred times that many random texts, the same each time."""
    chance = random.Random(1)  # noqa: S311 - no secret
    return [["".join(chance.choices(ALPHABET, k=chance.randint(0, longest))) for _ in range(count)] for _ in range(100)]


@cache
def by_definition(before: str, after: str) -> int:
    """Give the edit distance as it is defined, whatever that takes."""
    if not before or not after:
        return len(before) + len(after)
    return min(
        by_definition(before[1:], after) + 1,
        by_definition(before, after[1:]) + 1,
        by_definition(before[1:], after[1:]) + (before[0] != after[0]),
    )


def test_the_distance_is_as_defined() -> None:
    """Whatever the texts, empty ones and all scripts among them."""
    assert [distance(*pair) for pair in texts(2)] == [by_definition(*pair) for pair in texts(2)]
    assert (distance("", ""), distance("", "🌍"), distance("kitten", "sitting")) == (0, 1, 3)


def test_the_distance_is_a_metric() -> None:
    """Nothing apart only from itself, the same in both directions, and no way round is shorter."""
    for one, two, three in texts(3):
        assert (distance(one, two) == 0) == (one == two)
        assert distance(one, two) == distance(two, one)
        assert distance(one, three) <= distance(one, two) + distance(two, three)


def test_long_texts_are_within_what_difflib_finds() -> None:
    """The edits that difflib finds are some that do, and never fewer than the least."""
    for before, after in texts(2, longest=300):
        edits = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        found = sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in edits if tag != "equal")

        assert abs(len(before) - len(after)) <= distance(before, after) <= found


def test_two_texts_are_compared(client: TestClient) -> None:
    """A person sees how far apart they are, how alike, and what differs."""
    said = client.post("/compare", json={"before": "one\ntwo\n", "after": "one\nthree"}).json()

    assert said == {
        "distance": 4,
        "similarity": pytest.approx(1 - 4 / 9),
        "diff": "--- before\n+++ after\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n\\ No newline at end of file\n",
    }


@pytest.mark.parametrize(
    ("before", "after", "similarity"), [("", "", 1), ("a", "a", 1), ("a", "b", 0), ("", "b", 0), ("ab", "a", 0.5)]
)
def test_similarity_is_from_0_to_1(client: TestClient, before: str, after: str, similarity: float) -> None:
    """1 is equal, 0 nothing in common."""
    assert client.post("/compare", json={"before": before, "after": after}).json()["similarity"] == similarity


def test_equal_texts_have_no_diff(client: TestClient) -> None:
    """As diff and git have it."""
    assert client.post("/compare", json={"before": "a\u2028b\r", "after": "a\u2028b\r"}).json()["diff"] == ""


def test_a_batch_is_answered_in_its_order(client: TestClient) -> None:
    """Each result is what its pair gets on its own, but for the diff."""
    pairs = [{"before": before, "after": after} for before, after in texts(2)]
    single = [client.post("/compare", json=pair).json() for pair in pairs]

    results = client.post("/compare/batch", json={"pairs": pairs}).json()["results"]

    assert results == [{key: one[key] for key in ("distance", "similarity")} for one in single]


@pytest.mark.parametrize("text", ["a" * (CHARACTERS + 1), None, 1])
def test_a_text_is_bounded(client: TestClient, text: object) -> None:
    """Nobody can have a text compared at any length, or what is none."""
    answer = client.post("/compare", json={"before": "", "after": text})

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["location"] for error in answer.json()["errors"]] == ["body.after"]


@pytest.mark.parametrize(
    ("pairs", "length", "status"),
    [(PAIRS, 1, 200), (PAIRS + 1, 1, 422), (CELLS // CHARACTERS**2 + 1, CHARACTERS, 422)],
)
def test_a_batch_is_bounded(client: TestClient, pairs: int, length: int, status: int) -> None:
    """Not more pairs, and not more work in all, than takes a second."""
    batch = {"pairs": [{"before": "a" * length, "after": "b" * length}] * pairs}

    assert client.post("/compare/batch", json=batch).status_code == status


def test_a_lone_surrogate_is_refused(client: TestClient) -> None:
    """No answer could carry it."""
    headers = {"Content-Type": "application/json"}
    body = b'{"before": "\\ud800", "after": ""}'

    assert client.post("/compare", content=body, headers=headers).status_code == 422
