"""uvicorn for development: a reload forks a process that has all but our own packages imported already.

uvicorn itself would start an interpreter for each reload, which takes most of the time from an edit to its answer.
Its options come from variables alone, as the `development` stage of the Dockerfile sets them.
"""

import importlib.metadata
import json
import multiprocessing
import os
import re

import uvicorn._subprocess
import uvicorn.main


def preloaded(distribution: str) -> set[str]:
    """Give the modules of what a package of ours requires; those that are not called as their distribution come later.

    Args:
        distribution: A member of the workspace, installed so that its source can be edited.
    """
    found: set[str] = set()
    for requirement in importlib.metadata.requires(distribution) or []:
        name = re.split(r"[^\w-]", requirement)[0]
        try:
            origin = json.loads(importlib.metadata.distribution(name).read_text("direct_url.json") or "{}")
        except importlib.metadata.PackageNotFoundError:
            # of another platform, or an extra that nobody asked for
            continue
        found |= preloaded(name) if origin.get("dir_info") else {name.replace("-", "_")}
    return found


if __name__ == "__main__":
    forkserver = multiprocessing.get_context("forkserver")
    forkserver.set_forkserver_preload(["uvicorn.main", *sorted(preloaded(os.environ["UVICORN_APP"].partition(".")[0]))])
    uvicorn._subprocess.spawn = forkserver  # type: ignore[assignment]  # as good a context
    uvicorn.main.main()
