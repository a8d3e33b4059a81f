"""What echo is sent, and what it says."""

from typing import Annotated

from pydantic import BaseModel, Field, JsonValue


class Identity(BaseModel, frozen=True):
    """Who answered."""

    name: str
    version: str
    revision: str
    python: str
    host: str
    pod: str | None


class Message(BaseModel, frozen=True):
    """What to say back."""

    # With a limit, pydantic also refuses a lone surrogate, which no answer could carry.
    text: Annotated[str, Field(max_length=100_000)]


class Echo(BaseModel, frozen=True):
    """What was said, and how many characters that was."""

    text: str
    length: int


class Anything(BaseModel, frozen=True):
    """A request as it arrived; ``body`` is in base64 where it is not UTF-8, ``json`` null where it is not JSON."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    client: str | None
    body: str
    base64: bool
    parsed: JsonValue = Field(serialization_alias="json")


class Headers(BaseModel, frozen=True):
    """A request's headers; one sent twice is joined by a comma."""

    headers: dict[str, str]


class Peer(BaseModel, frozen=True):
    """Who connected, and who the request says it is for: a claim anyone can make."""

    ip: str | None
    forwarded_for: str | None


class Delay(BaseModel, frozen=True):
    """How long the answer was held back."""

    seconds: float
