"""Health's path operations."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from health import frontend
from health.models import History, Report
from health.page import render

router = APIRouter(tags=["health"])

# All that the page needs comes from here, and nothing is inline.
POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'self'; style-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/", response_class=HTMLResponse)
@router.head("/", include_in_schema=False)
async def status_page(request: Request) -> HTMLResponse:
    """Show every target to a person."""
    return HTMLResponse(
        render(request.state.monitor.statuses.values(), frontend.names(request.state.frontend)),
        # no-cache: kept, but never shown without asking, as it names the files of this build
        headers={
            "Cache-Control": "no-cache",
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
    )


@router.get("/api/status")
async def status(request: Request, *, refresh: bool = False) -> Report:
    """Tell what is known about every target; with `refresh`, after checking each of them now."""
    if refresh:
        await request.state.monitor.refresh()
    return Report(targets=list(request.state.monitor.statuses.values()))


@router.get("/api/history")
async def history(request: Request) -> History:
    """Give each target's last checks, the newest last."""
    return History(targets=request.state.monitor.history)
