"""The path operations, and what they say."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

router = APIRouter(tags=["NAME"])


class Greeting(BaseModel, frozen=True):
    """What is said to whoever is named."""

    text: str


@router.get("/hello/{name}")
async def hello(name: Annotated[str, Path(max_length=100)]) -> Greeting:
    """Say hello to someone."""
    return Greeting(text=f"Hello, {name}!")
