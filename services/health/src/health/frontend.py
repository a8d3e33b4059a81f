"""The front end's files, as its build has left them: frontend/build.ts."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

# In the environment, as data of an installed package is; not beside the source, which has no built files.
FOLDER = Path(sys.prefix) / "share" / "health"


class Assets(StaticFiles):
    """Serves files whose names have a hash of their content: one that changes has another name."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Any, status_code: int = 200
    ) -> Response:
        """Let browsers keep a file for a year, and not ask again."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def names(folder: Path) -> dict[str, str]:
    """Give the built files' names by those of their sources: app.js by app.ts.

    Args:
        folder: Where the build has left them; read each time, so that a new build shows without a restart.

    Returns:
        {} where nothing was built.
    """
    try:
        manifest: dict[str, str] = json.loads((folder / "manifest.json").read_text())
    except FileNotFoundError:
        return {}
    return manifest
