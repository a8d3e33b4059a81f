"""What is counted in an image, for tables and charts."""

from collections.abc import Iterable

import pytest

from stagecraft.bench import images
from stagecraft.inspection.archive import Archive, Entry, Hidden, Layer

SITE = "app/.venv/lib/python3.14/site-packages"


def image(*paths: str, layers: Iterable[Layer] = (), hidden: Iterable[Hidden] = ()) -> Archive:
    """Have an image whose files are a megabyte each."""
    entries = {path: Entry(1_000_000, 0o644, "file", capabilities=False, layer=1) for path in paths}
    return Archive("sha256:1", {"rootfs": {"diff_ids": ["python", "own"]}}, [*layers], entries, [*hidden])


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("usr/lib/python3.14/typing.py", images.PYTHON),
        ("usr/lib/python3.14/__pycache__/typing.cpython-314.pyc", images.PYTHON),
        ("usr/lib/python3.14/typing.pyc", images.PYTHON),
        (f"{SITE}/fastapi/__pycache__/routing.cpython-314.pyc", images.LIBRARIES),
        (f"{SITE}/fastapi-0.200.0.dist-info/RECORD", images.LIBRARIES),
        ("usr/local/lib/python3.14/dist-packages/fastapi/routing.py", images.LIBRARIES),
        (f"{SITE}/pytest/__init__.py", images.AIDS),
        (f"{SITE}/echo/app.py", images.OWN),
        (f"{SITE}/chassis-0.1.0.dist-info/RECORD", images.OWN),
        (f"{SITE}/4f0e__mypyc.cpython-314-x86_64-linux-gnu.so", images.OWN),
        ("app/.venv/share/health/page.html", images.OWN),
        ("src/uv.lock", images.OWN),
        ("usr/local/bin/uv", images.TOOLS),
        ("usr/bin/gcc", images.TOOLS),
    ],
)
def test_each_file_is_of_one_origin(path: str, origin: str) -> None:
    """Wherever a stage has it, and whatever an installer made of it."""
    python = image("usr/lib/python3.14/typing.py")

    found = images.origins(image(path), python, ships={"fastapi", "fastapi-0.165.0.dist-info", "echo"})

    assert found == dict.fromkeys(images.ORIGINS, 0) | {origin: 1}


def test_what_is_hidden_is_counted_too() -> None:
    """It is shipped, although no path leads there."""
    hidden = [Hidden("usr/bin/pip", 2_000_000, 2)]

    assert images.origins(image(hidden=hidden), image(), ships=set())[images.HIDDEN] == 2


@pytest.mark.parametrize(
    ("instruction", "words"),
    [
        ("RUN |1 SERVICE=echo /bin/sh -c set -eu\nuv sync --no-build\nrm /app/.venv/.lock", "RUN uv sync"),
        ("RUN /bin/sh -c uv pip install --quiet .", "RUN uv pip install"),
        ("RUN /bin/sh -c apt-get update && apt-get install -y build-essential", "RUN apt-get install"),
        ("RUN /bin/sh -c true", "another RUN"),
        ("COPY /app /app", "COPY /app /app"),
    ],
)
def test_a_layer_is_named_by_what_made_it(instruction: str, words: str) -> None:
    """Those of the Python image by that, the others by the telling part of their instruction."""
    python = Archive("sha256:2", {"rootfs": {"diff_ids": ["python"]}})
    built = image(layers=[Layer("ADD rootfs.tar /", 3_000_000), Layer(instruction, 1_000_000)])

    assert images.layers(built, python) == [{"made_by": images.PYTHON, "mb": 3}, {"made_by": words, "mb": 1}]
