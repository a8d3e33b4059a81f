"""A change touches the services whose builds or tests it can change, and no others."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stagecraft import affected
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT, service_names

ALL = ["echo", "health"]
NONE: list[str] = []


def package(name: str, version: str, *needs: str) -> str:
    """Give a published package's entry of a lock, as uv writes it."""
    needed = "".join(f"    {{ {need} }},\n" for need in needs)
    listed = f"dependencies = [\n{needed}]\n" if needs else ""
    url = f"https://example.com/packages/{name}-{version}"
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://example.com/simple" }}\n'
        f'{listed}sdist = {{ url = "{url}.tar.gz", hash = "sha256:{name}1", size = 1 }}\n'
        f'wheels = [\n    {{ url = "{url}-py3-none-any.whl", hash = "sha256:{name}2", size = 2 }},\n]\n\n'
    )


def member(name: str, folder: str, *needs: str) -> str:
    """Give a workspace member's entry of a lock, as uv writes it."""
    needed = "".join(f'    {{ name = "{need}" }},\n' for need in needs)
    return (
        f'[[package]]\nname = "{name}"\nversion = "0.1.0"\nsource = {{ editable = "{folder}" }}\n'
        f"dependencies = [\n{needed}]\n\n[package.metadata]\nrequires-dist = [\n{needed}]\n\n"
    )


# echo -> chassis -> core; health -> chassis, store; colour has two versions, one of them only for health
LOCK = (
    """version = 1
revision = 5
requires-python = ">=3.11"
resolution-markers = [
    "python_full_version >= '3.15'",
]

[manifest]
members = [
    "chassis",
    "core",
    "echo",
    "health",
    "store",
]

[manifest.dependency-groups]
development = [{ name = "reloader", specifier = ">=1" }]
lint = [{ name = "linter", specifier = ">=1" }]
test = [{ name = "tester", extras = ["fast"], specifier = ">=1" }]

"""
    + member("chassis", "libs/chassis", "core", "web")
    + package("colour", "1.0")
    + package("colour", "2.0")
    + member("core", "libs/core")
    + member("echo", "services/echo", "chassis")
    + package("fast", "1.0")
    + member("health", "services/health", "chassis", "store")
    + package("linter", "1.0")
    + package("loop", "1.0")
    + package("reloader", "1.0", 'name = "loop", marker = "sys_platform != \'win32\'"')
    + member("store", "libs/store", "table")
    + package("table", "1.0", 'name = "colour", version = "2.0", source = { registry = "https://example.com/simple" }')
    + package("tester", "1.0").replace(
        "\n\n", '\n\n[package.optional-dependencies]\nfast = [\n    { name = "fast" },\n]\n\n'
    )
    + package("unused", "1.0")
    + package("uv", "1.0")
    + package("web", "1.0", 'name = "colour", version = "1.0", source = { registry = "https://example.com/simple" }')
)
PROJECT = """[tool.uv]
package = false

[tool.uv.workspace]
members = ["services/*", "libs/*"]

[tool.uv.sources]
chassis = { workspace = true }

[dependency-groups]
test = ["tester[fast]>=1"]

[tool.ruff]
line-length = 120

[tool.mypy]
strict = true

[tool.pytest.ini_options]
xfail_strict = true
"""
FILES = {
    ".dockerignore": "*\n!tools/get_uv.py\n!tools/reload.py\n",
    ".gitignore": "__pycache__/\n",
    "Dockerfile": "RUN uv sync --inexact --only-group test\nRUN uv sync --group development\n",
    "Dockerfile.single-stage": "",
    "README.md": "",
    "deploy/base/echo.env": "",
    "docker-bake.hcl": 'variable "SERVICES" {\n  default = [\n    "echo",\n    "health",\n  ]\n}\n',
    "libs/chassis/src/chassis/app.py": "chassis\n",
    "libs/chassis/tests/test_app.py": "",
    "libs/core/src/core/core.py": "core\n",
    "libs/store/pyproject.toml": "",
    "libs/store/src/store/store.py": "store\n",
    "pyproject.toml": PROJECT,
    "services/echo/pyproject.toml": "",
    "services/echo/smoke.yaml": "",
    "services/echo/src/echo/app.py": "echo\n",
    "services/echo/tests/test_echo.py": "",
    "services/health/pyproject.toml": "",
    "services/health/src/health/app.py": "health\n",
    "tests/test_bake.py": "",
    "tools/get_uv.py": "",
    "tools/harden.py": "",
    "tools/reload.py": "",
    "tools/src/stagecraft/cli.py": "",
    "uv.lock": LOCK,
}


class Repository:
    """A git repository in a folder of its own."""

    def __init__(self, root: Path) -> None:
        """Make one with no commit, whatever this machine's git is set to."""
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main", str(root))
        self.git("config", "user.name", "Tester")
        self.git("config", "user.email", "tester@example.com")

    def git(self, *arguments: str) -> str:
        """Run git here and give what it prints."""
        self.root.mkdir(exist_ok=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        command = ("git", *arguments)
        return subprocess.run(command, check=True, cwd=self.root, env=env, capture_output=True, text=True).stdout

    def write(self, name: str, text: str = "changed\n") -> None:
        """Write a file."""
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace what a file has once."""
        text = (self.root / name).read_text()
        assert text.count(old) == 1, (name, old)
        self.write(name, text.replace(old, new))

    def commit(self) -> str:
        """Commit everything and give the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "A change")
        return self.git("rev-parse", "HEAD").strip()

    def affected(self, base: str = "") -> list[str]:
        """Give the services that are affected."""
        return list(affected.services(base, self.root))

    def problem(self, base: str = "") -> Problem:
        """Give the problem that there is."""
        with pytest.raises(Problem) as raised:
            self.affected(base)
        return raised.value


@pytest.fixture(name="repository")
def _repository(tmp_path: Path) -> Repository:
    """Give a workspace whose main has one commit, with a branch for the change checked out."""
    repository = Repository(tmp_path / "repository")
    for name, text in FILES.items():
        repository.write(name, text)
    repository.commit()
    repository.git("switch", "--quiet", "--create", "change")
    return repository


def test_no_change_touches_nothing(repository: Repository) -> None:
    """A branch without a commit of its own."""
    assert repository.affected() == NONE


@pytest.mark.parametrize(
    ("path", "touched"),
    [
        ("services/echo/src/echo/app.py", ["echo"]),
        ("services/echo/src/echo/new.py", ["echo"]),
        ("services/echo/tests/test_echo.py", ["echo"]),
        ("services/echo/smoke.yaml", ["echo"]),
        ("services/echo/pyproject.toml", ["echo"]),
        ("services/echo/src/echo/é ü.py", ["echo"]),
        ("services/echo-notes.md", NONE),
        ("libs/chassis/src/chassis/app.py", ALL),
        ("libs/core/src/core/core.py", ALL),
        ("libs/store/src/store/store.py", ["health"]),
        ("libs/store/pyproject.toml", ["health"]),
        ("libs/chassis/tests/test_app.py", NONE),
        ("libs/orphan/src/orphan/orphan.py", NONE),
        ("Dockerfile", ALL),
        ("docker-bake.hcl", ALL),
        (".dockerignore", ALL),
        ("tools/get_uv.py", ALL),
        ("tools/reload.py", ALL),
        ("Dockerfile.single-stage", NONE),
        ("tools/src/stagecraft/cli.py", NONE),
        ("tests/test_bake.py", NONE),
        ("docs/design.md", NONE),
        ("README.md", NONE),
        ("deploy/base/echo.env", NONE),
        (".github/workflows/ci.yml", NONE),
    ],
)
def test_a_file_touches_who_is_built_or_tested_with_it(repository: Repository, path: str, touched: list[str]) -> None:
    """A service's own folder; a library, through others too; what every build reads; nothing else."""
    repository.write(path)
    repository.commit()

    assert repository.affected() == touched


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ('name = "table"\nversion = "1.0"', 'name = "table"\nversion = "1.1"', ["health"]),
        ("sha256:table2", "sha256:other", ["health"]),
        ("sha256:web1", "sha256:other", ALL),
        ("sha256:colour1", "sha256:other", ALL),
        ('version = "2.0"\nsource', 'version = "2.1"\nsource', ["health"]),
        ('"table"\nversion = "1.0"\nsource = { registry', '"table"\nversion = "1.0"\nsource = { url', ["health"]),
        ("sys_platform != 'win32'", "sys_platform == 'linux'", ALL),
        ("sha256:tester1", "sha256:other", ALL),
        ("sha256:fast1", "sha256:other", ALL),
        ('extras = ["fast"], ', "", ALL),
        ("sha256:loop1", "sha256:other", ALL),
        ("sha256:uv2", "sha256:other", ALL),
        ("sha256:linter1", "sha256:other", NONE),
        ("sha256:unused1", "sha256:other", NONE),
        ('requires-python = ">=3.11"', 'requires-python = ">=3.12"', ALL),
        ("revision = 5", "revision = 6", NONE),
        ("python_full_version >= '3.15'", "python_full_version >= '3.16'", NONE),
        ("packages/web-1.0.tar.gz", "packages/moved/web-1.0.tar.gz", NONE),
        ('extras = ["fast"], specifier = ">=1"', 'extras = ["fast"], specifier = ">=0.9"', NONE),
    ],
)
def test_a_lock_touches_who_installs_what_differs(
    repository: Repository, old: str, new: str, touched: list[str]
) -> None:
    """Versions, hashes, sources and markers of a service's own packages, its stages' groups and uv count."""
    assert old in LOCK
    repository.write("uv.lock", LOCK.replace(old, new))
    repository.commit()

    assert repository.affected() == touched


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ("line-length = 120", "line-length = 100", NONE),
        ("strict = true", "strict = false", NONE),
        ('test = ["tester[fast]>=1"]', 'test = ["tester>=2"]', NONE),
        ("chassis = { workspace = true }", "store = { workspace = true }", NONE),
        ('members = ["services/*", "libs/*"]', 'members = ["services/*", "libs/*", "tools"]', NONE),
        ("[tool.ruff]", "# a comment\n[tool.ruff]", NONE),
        ("xfail_strict = true", "xfail_strict = false", ALL),
        ("package = false", "package = true", ALL),
        ("[tool.ruff]", "[tool.coverage]\n[tool.ruff]", ALL),
    ],
)
def test_the_root_project_touches_everything_where_a_build_reads_it(
    repository: Repository, old: str, new: str, touched: list[str]
) -> None:
    """uv's own settings and pytest's count, and tables that nobody knows; what uv.lock holds resolved counts there."""
    text = (repository.root / "pyproject.toml").read_text()
    repository.write("pyproject.toml", text.replace(old, new, 1))
    repository.commit()

    assert repository.affected() == touched


def test_the_repositorys_own_lock(repository: Repository) -> None:
    """In the real uv.lock: what no image has touches nothing, what chassis or a stage needs touches everything."""
    for name in ("Dockerfile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, repository.root / name)
    names = service_names()
    for name in names:
        repository.write(f"services/{name}/pyproject.toml", "")
    base = repository.commit()

    for changed, touched in {
        "psutil": NONE,
        "starlette": names,
        "pytest": names,
        "watchfiles": names,
        "uv": names,
    }.items():
        before, found, after = (ROOT / "uv.lock").read_text().partition(f'name = "{changed}"\n')
        repository.write("uv.lock", before + found + after.replace("sha256:", "sha256:0", 1))

        assert repository.affected(base) == touched, changed


def test_why_names_every_reason(repository: Repository) -> None:
    """Paths, tables and packages, of each service its own."""
    repository.write("docker-bake.hcl")
    repository.write("libs/store/src/store/store.py")
    repository.edit("uv.lock", "sha256:table2", "sha256:other")
    repository.edit("pyproject.toml", "xfail_strict = true", "xfail_strict = false")

    shared = ["docker-bake.hcl", "pyproject.toml: tool.pytest"]
    assert affected.services(root=repository.root) == {
        "echo": shared,
        "health": [*shared, "libs/store/src/store/store.py", "uv.lock: table"],
    }


def test_both_ends_of_a_rename_count(repository: Repository) -> None:
    """What moves from one service to another changes both."""
    repository.git("mv", "services/echo/src/echo/app.py", "services/health/src/health/more.py")
    repository.commit()

    assert repository.affected() == ALL


def test_what_leaves_a_library_counts(repository: Repository) -> None:
    """A file moved out of a library is missing from who depends on it."""
    (repository.root / "docs").mkdir()
    repository.git("mv", "libs/store/src/store/store.py", "docs/store.py")
    repository.commit()

    assert repository.affected() == ["health"]


def test_a_deleted_file_counts(repository: Repository) -> None:
    """Deleted and committed, or only deleted."""
    (repository.root / "services/echo/smoke.yaml").unlink()
    assert repository.affected() == ["echo"]
    repository.commit()
    assert repository.affected() == ["echo"]


def test_a_deleted_service_is_not_listed(repository: Repository) -> None:
    """Nobody can build it; its siblings are as they were."""
    repository.git("rm", "-r", "--quiet", "services/echo")
    repository.edit("uv.lock", member("echo", "services/echo", "chassis"), "")
    repository.commit()

    assert repository.affected() == NONE


def test_a_renamed_service_is_listed_by_its_new_name(repository: Repository) -> None:
    """The old one is gone."""
    repository.git("mv", "services/echo", "services/parrot")
    repository.edit("uv.lock", 'name = "echo"\nversion', 'name = "parrot"\nversion')
    repository.edit("uv.lock", 'editable = "services/echo"', 'editable = "services/parrot"')
    repository.commit()

    assert repository.affected() == ["parrot"]


def test_a_new_service_touches_itself_alone(repository: Repository) -> None:
    """Before it is in the lock, and after; its name in bake's list is no other service's."""
    repository.edit("docker-bake.hcl", '    "echo",\n', '    "echo",\n    "echo2",\n')
    repository.write("services/echo2/pyproject.toml")
    assert repository.affected() == ["echo2"]
    repository.edit("uv.lock", member("health", "services/health", "chassis", "store"), "")
    added = member("echo2", "services/echo2", "chassis") + member("health", "services/health", "chassis", "store")
    repository.write("uv.lock", (repository.root / "uv.lock").read_text() + added)
    repository.commit()
    assert repository.affected() == ["echo2"]


def test_a_new_dependency_on_a_library_counts(repository: Repository) -> None:
    """echo takes store: from then on store's edits are echo's, too."""
    before = member("echo", "services/echo", "chassis")
    repository.edit("uv.lock", before, member("echo", "services/echo", "chassis", "store"))
    base = repository.commit()
    assert repository.affected() == ["echo"]

    repository.write("libs/store/src/store/store.py")
    assert repository.affected(base) == ALL


@pytest.mark.parametrize("staged", [False, True])
def test_what_is_not_committed_counts(repository: Repository, *, staged: bool) -> None:
    """In the working tree or in the index, edited or new."""
    repository.write("services/echo/src/echo/app.py")
    repository.write("libs/store/src/store/new.py")
    if staged:
        repository.git("add", "--all")

    assert repository.affected() == ALL


def test_what_git_ignores_does_not_count(repository: Repository) -> None:
    """Bytecode of a test run changes no service."""
    repository.write("services/echo/src/echo/__pycache__/app.pyc")

    assert repository.affected() == NONE


def test_what_is_taken_back_does_not_count(repository: Repository) -> None:
    """A commit and its revert are no change, and so is a file touched alone."""
    repository.write("services/echo/src/echo/app.py")
    repository.commit()
    repository.git("revert", "--no-edit", "HEAD")
    os.utime(repository.root / "services/health/src/health/app.py")

    assert repository.affected() == NONE


def test_a_mode_counts(repository: Repository) -> None:
    """A file that becomes executable is another in an image."""
    (repository.root / "services/echo/src/echo/app.py").chmod(0o755)

    assert repository.affected() == ["echo"]


def test_only_what_happened_since_the_branch_left_counts(repository: Repository) -> None:
    """main's own commits are not the branch's: not before, and not after it has merged them."""
    repository.write("services/echo/src/echo/app.py")
    repository.commit()
    repository.git("switch", "--quiet", "main")
    repository.write("services/health/src/health/app.py")
    repository.commit()
    repository.git("switch", "--quiet", "change")
    assert repository.affected() == ["echo"]

    repository.git("merge", "--quiet", "--no-edit", "main")
    assert repository.affected() == ["echo"]


def test_the_first_parent_of_a_merge_commit_is_a_base(repository: Repository) -> None:
    """As a pull request's checkout has it, with two commits and no branch."""
    repository.write("services/echo/src/echo/app.py")
    repository.commit()
    repository.git("switch", "--quiet", "main")
    repository.write("services/health/src/health/app.py")
    repository.commit()
    repository.git("merge", "--quiet", "--no-edit", "change")
    shallow = Repository(repository.root.parent / "shallow")
    shallow.git("fetch", "--quiet", "--depth=2", repository.root.as_uri(), "main")
    shallow.git("checkout", "--quiet", "FETCH_HEAD")

    assert shallow.affected("HEAD^") == ["echo"]


def test_origin_is_asked_before_main(repository: Repository) -> None:
    """origin/main is the default where there is one: a local main may be behind it."""
    repository.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repository.git("switch", "--quiet", "main")
    repository.write("services/echo/src/echo/app.py")
    repository.commit()

    assert repository.affected() == ["echo"]
    assert repository.affected("main") == NONE


def test_an_unknown_base_is_a_problem(repository: Repository) -> None:
    """It says which, and what to do; an option of git's is no base."""
    for base in ("nosuch", "0123456789" * 4, "--all"):
        problem = repository.problem(base)

        assert str(problem) == f"this clone has no commit {base}"
        assert "`git fetch origin main`" in problem.advice
        assert problem.code is Exit.USAGE


def test_no_default_base_is_a_problem(repository: Repository) -> None:
    """Neither origin/main nor main is here."""
    repository.git("branch", "--quiet", "--delete", "--force", "main")

    assert "no commit origin/main and no main" in str(repository.problem())


def test_the_zero_commit_touches_every_service(repository: Repository) -> None:
    """git names it where nothing was before: a first push."""
    assert repository.affected("0" * 40) == ALL
    assert repository.affected("0" * 64) == ALL


def test_a_shallow_clone_is_named_as_such(repository: Repository) -> None:
    """Where the common commit is not in the clone it says so, and how to get it."""
    repository.git("switch", "--quiet", "main")
    for _ in range(2):
        repository.write("README.md", (repository.root / "README.md").read_text() + "more\n")
        repository.commit()
    repository.git("switch", "--quiet", "change")
    repository.write("services/echo/src/echo/app.py")
    repository.commit()
    shallow = Repository(repository.root.parent / "shallow")
    shallow.git("fetch", "--quiet", "--depth=1", repository.root.as_uri(), "change", "main:refs/remotes/origin/main")
    shallow.git("checkout", "--quiet", "FETCH_HEAD")

    problem = shallow.problem()

    assert "shallow" in str(problem)
    assert "git fetch --unshallow" in problem.advice
    assert problem.code is Exit.USAGE


def test_unrelated_histories_are_a_problem(repository: Repository) -> None:
    """Two roots have no commit in common."""
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.write("README.md")
    repository.commit()

    assert "HEAD and main have no commit in common" in str(repository.problem("main"))


def test_a_folder_without_history_is_a_problem(tmp_path: Path) -> None:
    """An archive of the sources has no git."""
    with pytest.raises(Problem, match="no history here"):
        affected.services(root=tmp_path)


def test_a_lock_in_conflict_is_a_problem(repository: Repository) -> None:
    """uv.lock with a merge's marks in it can't be compared."""
    repository.write("uv.lock", f"<<<<<<< HEAD\n{LOCK}")

    assert "uv.lock is no TOML" in str(repository.problem())


def test_a_first_lock_touches_every_service(repository: Repository) -> None:
    """What was built without a lock may be built of anything; so with none now."""
    (repository.root / "uv.lock").unlink()
    assert repository.affected() == ALL
    base = repository.commit()
    repository.write("uv.lock", LOCK)
    assert repository.affected(base) == ALL


def test_a_folder_of_a_larger_repository(repository: Repository) -> None:
    """Paths are this folder's own, and what lies beside it does not count."""
    repository.git("switch", "--quiet", "main")
    (repository.root / "inner").mkdir()
    for name in ("Dockerfile", "pyproject.toml", "uv.lock", "libs", "services"):
        repository.git("mv", name, f"inner/{name}")
    repository.write("services/echo/beside.py")
    base = repository.commit()
    repository.write("inner/services/echo/src/echo/app.py")
    repository.write("services/health/src/health/app.py")

    assert list(affected.services(base, repository.root / "inner")) == ["echo"]


def test_the_groups_are_those_that_the_dockerfile_installs(repository: Repository) -> None:
    """A group that a stage takes from now on counts; the real Dockerfile's are groups of the real project."""
    repository.edit("Dockerfile", "--group development", "--group lint")
    base = repository.commit()
    repository.edit("uv.lock", "sha256:linter1", "sha256:other")

    assert repository.affected(base) == ALL
    shutil.copy(ROOT / "Dockerfile", repository.root)
    found = affected._groups(repository.root)  # noqa: SLF001 - what all rests on
    assert found == ["compile", "development", "frontend", "harden", "test"]


def test_another_compiler_touches_who_wants_something_compiled(repository: Repository) -> None:
    """All others are built without one."""
    repository.edit("Dockerfile", "--group development", "--only-group compile")
    repository.edit("uv.lock", "\nlint = [", "\ncompile = [")
    repository.write("services/echo/src/echo/compiled/loop.py", "")
    base = repository.commit()
    repository.edit("uv.lock", "sha256:linter1", "sha256:other")

    assert list(repository.affected(base)) == ["echo"]


def test_all_that_reaches_a_build_touches_something(repository: Repository) -> None:
    """No file that a .dockerignore lets through is forgotten: each of the repository touches some service."""
    lines = [line for name in affected.IGNORES for line in (ROOT / name).read_text().splitlines()]
    allowed = [line[1:] for line in lines if line.startswith("!")]
    paths = [
        path for pattern in allowed for path in ROOT.glob(pattern) if path.is_file() or path.name in {"src", "tests"}
    ]
    tracked = [path.relative_to(ROOT).as_posix() for path in paths]
    # of services, those that this repository has as well
    tracked = [path for path in tracked if not path.startswith("services/") or path.split("/")[1] in ALL]

    for name in affected.IGNORES:
        shutil.copy(ROOT / name, repository.root)
    repository.git("branch", "--force", "main", repository.commit())
    assert {"pyproject.toml", "tools/compile_modules.py", "services/echo/tests", "libs/chassis/src"} <= set(tracked)
    for name in sorted({*tracked} - {"pyproject.toml", "uv.lock"}):
        path = name if name.endswith((".py", ".sh", ".toml")) else f"{name}/new.py"
        repository.write(path)
        assert repository.affected(), path
        (repository.root / path).unlink()
        repository.git("checkout", "--quiet", "--", ".")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "".join(f"{name}\n" for name in service_names())),
        (["--json"], json.dumps(service_names()) + "\n"),
        (["--targets"], "".join(f"{target}\n" for target in affected.targets(service_names()))),
        (["--json", "--targets"], json.dumps(affected.targets(service_names())) + "\n"),
        (["--why"], "".join(f"{name}\n  there is no base\n" for name in service_names())),
    ],
)
def test_the_command_prints_the_list_and_nothing_else(options: list[str], said: str) -> None:
    """As a shell, a matrix and bake take it."""
    env = os.environ | {"BASE": "0" * 40}
    done = subprocess.run(["stagecraft", "affected", *options], check=True, capture_output=True, text=True, env=env)

    assert done.stdout == said


def test_base_is_always_a_target() -> None:
    """So that `docker buildx bake $(…)` never gets an empty list, which would be every image."""
    assert affected.targets([]) == ["base"]
    assert affected.targets(["echo"]) == ["base", "echo-test", "echo-production"]
