"""A service to test the server with: its lifespan says when it ends, its answer can take long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse

import chassis

router = APIRouter()


@router.get("/slow/{seconds}")
async def slow(seconds: float) -> StreamingResponse:
    async def answer() -> AsyncIterator[bytes]:
        yield b"started\n"
        await asyncio.sleep(seconds)
        yield b"finished\n"

    return StreamingResponse(answer())


@router.post("/size")
async def size(request: Request) -> int:
    return len(await request.body())


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    structlog.get_logger("tiny").info("lifespan ended")


def create_app() -> FastAPI:
    settings = chassis.Settings.from_environment()
    return chassis.create_app(settings, name="chassis", description="Tiny.", routers=[router], lifespan=lifespan)
