"""A service to test the server with: its lifespan says when it ends, its answer can take long."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse

import chassis

LOADED_WITH_COLLECTOR = gc.isenabled()

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


@router.get("/collector")
async def collector() -> dict[str, int]:
    return {"while_loading": LOADED_WITH_COLLECTOR, "now": gc.isenabled(), "frozen": gc.get_freeze_count()}


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    structlog.get_logger("tiny").info("lifespan ended")


def create_app() -> FastAPI:
    settings = chassis.Settings.from_environment()
    return chassis.create_app(settings, name="chassis", description="Tiny.", routers=[router], lifespan=lifespan)
