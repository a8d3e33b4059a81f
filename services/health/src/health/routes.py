"""Health's path operations."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from health.models import Report
from health.page import STYLE, render

router = APIRouter(tags=["health"])


@router.get("/", response_class=HTMLResponse)
async def status_page(request: Request) -> HTMLResponse:
    """Show every target to a person."""
    policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return HTMLResponse(
        render(request.state.monitor.statuses.values()),
        headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
    )


@router.get("/style.css", include_in_schema=False)
async def style() -> Response:
    """Give the page its style; apart from it, so that its policy need not allow any inline."""
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


@router.get("/api/status")
async def status(request: Request, *, refresh: bool = False) -> Report:
    """Tell what is known about every target; with `refresh`, after checking each of them now."""
    if refresh:
        await request.state.monitor.refresh()
    return Report(targets=list(request.state.monitor.statuses.values()))
