"""Which services a change touches: git says what changed, uv.lock who depends on it, the Dockerfile what is built."""

import re
import subprocess
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stagecraft import frontend, lists
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT, compiled, service_names

# What may reach a build, and what does not.
IGNORES = (".dockerignore", "Dockerfile.dockerignore")
# What every build reads; it also reads what IGNORES name of tools/, and docker-bake.hcl but for its services.
SHARED = {*IGNORES, "Dockerfile"}
# Tables of the root's pyproject.toml that no build reads: tools for the source alone, and what uv has resolved in
# uv.lock, which --frozen reads in their place. A table that is not named here counts.
UNREAD = {"dependency-groups", "tool.mypy", "tool.ruff", "tool.uv.sources", "tool.uv.workspace"}
# The stages that show whether a service is good, and that ship.
STAGES = ("test", "production")

Table = dict[str, Any]


def services(base: str = "", root: Path = ROOT) -> dict[str, list[str]]:
    """Give the services that a change touches, from where it left the base up to the working tree.

    Args:
        base: The commit that the change is to be merged into; none: origin/main, or main. Git's zero commit, which it
            names where there was nothing before, touches every service.
        root: The repository.

    Returns:
        By service, sorted, what touches it: paths, and what differs in pyproject.toml and uv.lock.

    Raises:
        Problem: The base is unknown, or shares no commit with HEAD in this clone.
    """
    names = service_names(root)
    if base and not base.strip("0"):
        return {name: ["there is no base"] for name in names}
    start = _start(root, base)
    changed = _changed(root, start)
    locks = _tables(root, start, "uv.lock")
    tools = [tool for name in IGNORES for tool in re.findall(r"^!(tools/\S+)$", _text(root, name), re.MULTILINE)]
    shared = [path for path in changed if path in {*SHARED, *tools}]
    bake, bake_now = (lists.SERVICES.sub("", text) for text in _texts(root, start, lists.BAKE))
    shared += [lists.BAKE] if bake != bake_now else []
    shared += _project(*_tables(root, start, "pyproject.toml"))
    groups = _groups(root)
    found = {}
    for name in names:
        # the compiler is only for who wants something compiled, Node only for who has a front end
        wanting = {"compile": compiled(name, root), "frontend": frontend.folder(name, root)}
        own = [group for group in groups if wanting.get(group, True)]
        before, after = (_closure(lock, f"services/{name}", own) for lock in locks)
        libraries = {_folder(package) for packages in after.values() for package in packages} - {None}
        reasons = [*shared, *(path for path in changed if _is_input(path, f"services/{name}", libraries))]
        if different := sorted(one for one in before | after if before.get(one) != after.get(one)):
            reasons.append(f"uv.lock: {', '.join(different)}")
        if reasons:
            found[name] = reasons
    return found


def targets(names: Iterable[str]) -> list[str]:
    """Give the bake targets that test and ship services; base is always among them, so that bake has one to build."""
    return ["base", *(f"{name}-{stage}" for name in names for stage in STAGES)]


def _is_input(path: str, service: str, libraries: Iterable[str | None]) -> bool:
    if path.startswith(f"{service}/"):
        return True
    # a library's own tests run in no service's stage
    return any(path.startswith(f"{one}/") and not path.startswith(f"{one}/tests/") for one in libraries)


def _groups(root: Path) -> list[str]:
    """Give the dependency groups that some stage of the Dockerfile installs."""
    return sorted(set(re.findall(r"--(?:only-)?group[ =](\S+)", _text(root, "Dockerfile"))))


def _project(before: Table, after: Table) -> list[str]:
    """Give the tables of pyproject.toml that differ and that a build may read."""
    flat_before, flat_after = _flat(before), _flat(after)
    different = (name for name in flat_before | flat_after if flat_before.get(name) != flat_after.get(name))
    return [f"pyproject.toml: {name}" for name in sorted(different) if name not in UNREAD]


def _flat(project: Table) -> Table:
    """Give the tables by their names in UNREAD: of [tool] each tool's, of [tool.uv] each setting."""
    tools = dict(project.get("tool", {}))
    settings = {f"tool.uv.{name}": value for name, value in tools.pop("uv", {}).items()}
    rest = {name: value for name, value in project.items() if name != "tool"}
    return rest | settings | {f"tool.{name}": value for name, value in tools.items()}


def _closure(lock: Table, service: str, groups: list[str]) -> dict[str, list[Table]]:
    """Give all that a service's stages install, by package: what of it a frozen uv reads.

    Args:
        lock: The content of uv.lock; an empty one has nothing.
        service: The service's folder.
        groups: The dependency groups that are installed, too.
    """
    packages = defaultdict(list)
    for package in lock.get("package", []):
        packages[package["name"]].append(package)
    own = [package for several in packages.values() for package in several if _folder(package) == service]
    group_tables = [lock.get("manifest", {}).get("dependency-groups", {})]
    group_tables += [package.get("dev-dependencies", {}) for package in own]
    # the stage uv has the uv that is locked
    waiting: list[Table] = [{"name": "uv"}, *({"name": package["name"]} for package in own)]
    waiting += [wanted for table in group_tables for group in groups for wanted in table.get(group, [])]
    reached: dict[str, list[Table]] = {"Python": [{"requires": lock.get("requires-python")}]}
    seen = set()
    while waiting:
        wanted = waiting.pop()
        extras = tuple(wanted.get("extra") or wanted.get("extras") or ())
        if (key := (wanted["name"], wanted.get("version"), extras)) in seen:
            continue
        seen.add(key)
        for package in packages[wanted["name"]]:
            if wanted.get("version") in {None, package.get("version")}:
                optional = package.get("optional-dependencies", {})
                needs = package.get("dependencies", []) + [one for extra in extras for one in optional.get(extra, [])]
                reached.setdefault(package["name"], []).append(_installed(package, needs))
                waiting += needs
    return {name: sorted(several, key=repr) for name, several in reached.items()}


def _installed(package: Table, needs: list[Table]) -> Table:
    # not where and when its files were published, nor what a member asks for: its own pyproject.toml says that
    files = [*([package["sdist"]] if "sdist" in package else []), *package.get("wheels", [])]
    hashes = sorted(file.get("hash", file.get("path", "")) for file in files)
    return {"version": package.get("version"), "source": package.get("source"), "hashes": hashes, "needs": needs}


def _folder(package: Table) -> str | None:
    """Give the folder of a workspace's member, None for a published package."""
    source: dict[str, str] = package.get("source", {})
    return source.get("editable") or source.get("virtual") or source.get("directory")


def _start(root: Path, base: str) -> str:
    """Give the commit where HEAD left the base."""
    candidates = [base] if base else ["origin/main", "main"]
    commits = [_git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") for name in candidates]
    known = next((commit.strip() for commit in commits if commit), None)
    if known is None:
        if _git(root, "rev-parse", "--verify", "--quiet", "HEAD") is None:
            raise Problem(
                "git has no history here", "Clone the repository; `git log` says what is amiss.", Exit.MISSING
            )
        raise Problem(
            f"this clone has no commit {' and no '.join(candidates)}",
            "`git fetch origin main`, or name another: BASE=… A BASE of 40 zeros stands for no commit: every service.",
            Exit.USAGE,
        )
    if start := _git(root, "merge-base", known, "HEAD"):
        return start.strip()
    if (_git(root, "rev-parse", "--is-shallow-repository") or "").strip() == "true":
        raise Problem(
            f"this clone is shallow, and ends before the commit where HEAD left {base or candidates[0]}",
            "`git fetch --unshallow`; in a workflow, fetch-depth: 0 of actions/checkout.",
            Exit.USAGE,
        )
    raise Problem(f"HEAD and {base or candidates[0]} have no commit in common", "Name another: BASE=…", Exit.USAGE)


def _changed(root: Path, start: str) -> list[str]:
    """Give every path that differs between a commit and the working tree; of a rename both."""
    differing = _git(root, "diff", "--name-only", "--no-renames", "--relative", "-z", start) or ""
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z") or ""
    return sorted({path for path in (differing + untracked).split("\0") if path})


def _tables(root: Path, start: str, name: str) -> tuple[Table, Table]:
    """Give a TOML file of a commit and of the working tree; what can't be read of the commit is empty."""
    before, after = _texts(root, start, name)
    try:
        now = tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise Problem(f"{name} is no TOML: {error}", "Mend it; uv.lock by `uv lock`.", Exit.USAGE) from None
    try:
        return tomllib.loads(before), now
    except tomllib.TOMLDecodeError:
        return {}, now


def _texts(root: Path, start: str, name: str) -> tuple[str, str]:
    """Give a file of a commit and of the working tree, empty where there is none."""
    return _git(root, "show", f"{start}:./{name}") or "", _text(root, name)


def _text(root: Path, name: str) -> str:
    path = root / name
    return path.read_text() if path.exists() else ""


def _git(root: Path, *arguments: str) -> str | None:
    """Give what git prints, None where it fails."""
    command = ("git", "-C", str(root), *arguments)
    # a path may be no UTF-8: it is compared and shown, not opened
    try:
        done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise Problem("this machine lacks git", "Install git.", Exit.MISSING) from None
    return done.stdout if done.returncode == 0 else None
