"""How images are named on their way: by the engine, by an archive, by a node, by a builder."""

import json
import tarfile
from pathlib import Path

import pytest

from stagecraft import archive, bake, builder, cluster

HOSTED = "registry.example.com/team/"


def test_an_archive_knows_images_of_any_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The engine writes a host that is named as it is, and one that is not in full."""
    named = {f"{HOSTED}echo:1": f"{HOSTED}echo:1", "stagecraft/echo:1": "hub.example.com/stagecraft/echo:1"}
    manifests = [
        {"annotations": {"io.containerd.image.name": full}, "digest": f"sha256:{number}"}
        for number, full in enumerate(named.values())
    ]
    (tmp_path / "index.json").write_text(json.dumps({"manifests": manifests}))

    def save(*command: str) -> None:
        with tarfile.open(command[3], "w") as written:
            written.add(tmp_path / "index.json", "index.json")

    monkeypatch.setattr(archive, "quiet", save)

    saved = archive.save(list(named), str(tmp_path / "images.tar"))
    assert saved == {f"{HOSTED}echo:1": "sha256:0", "stagecraft/echo:1": "sha256:1"}


def test_a_node_is_asked_for_images_by_the_overlays_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever REGISTRY is, or pods would ask for what is nowhere."""
    monkeypatch.setattr(bake, "images", lambda _: {"echo": f"{HOSTED}echo:1"})
    monkeypatch.setattr(cluster, "push", lambda images: {image: f"localhost:5001/{image}@sha256:0" for image in images})

    assert cluster.load() == {"stagecraft/echo": f"localhost:5001/{HOSTED}echo:1@sha256:0"}


def test_a_python_image_of_yours_stays_a_builders(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stand-in takes its place."""
    monkeypatch.setenv("PYTHON_IMAGE", "registry.example.com/python:1")

    assert builder.python() is None
