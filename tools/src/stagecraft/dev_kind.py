"""The developer's loop in the kind cluster: one service reloads on an edit, its siblings stay as they are."""

import io
import signal
import subprocess
import tarfile
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import watchfiles
import yaml

from stagecraft import bake, cluster, dev, logs, manifests
from stagecraft.console import console
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT
from stagecraft.shell import output

_NAMESPACE = ("--namespace", cluster.NAMESPACE)
_SOURCE = "source"


def loop(name: str) -> None:
    """Run a service's development image in the cluster and send edits there, until Ctrl-C brings production back.

    Raises:
        Problem: There is no cluster, or the service was left in development there, or is scaled there.
    """
    image = _running_image(name)
    dev.build([name])
    development = bake.images("development")[name]
    reference = cluster.push([development])[development]
    production = _objects(name, image)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        cluster.apply(yaml.safe_dump_all(_develop(name, production, reference)))
        cluster.wait([f"deployment/{name}"])
        sources = dev.sources(name)
        # one that gives up once in a while has begun to watch when it first does: no edit is missed from then on
        edits = watchfiles.watch(
            *sources, watch_filter=watchfiles.PythonFilter(), rust_timeout=500, yield_on_timeout=True
        )
        next(edits)
        _send(name, (path for folder in sources for path in folder.rglob("*.py")))
        kubectl = ("kubectl", "--kubeconfig", cluster.kubeconfig(), *_NAMESPACE)
        logs.follow(name, *kubectl, "logs", "--follow", _pod(name))
        url = next(service.url for service in cluster.published() if service.name == name)
        console.print(f"{name:8} {url}  ({url}/docs)")
        console.print("It reloads when a file under its src folders is saved. Ctrl-C brings production back.")
        for changes in edits:
            _send(name, (Path(path) for _, path in changes))
    except KeyboardInterrupt:
        console.print()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        cluster.apply(yaml.safe_dump_all(production))
        cluster.wait([f"deployment/{name}"])


def _running_image(name: str) -> str:
    """Give the production image that a service runs in the cluster."""
    shown = "--output=jsonpath={.spec.template.spec.containers[0].image} {.spec.template.spec.initContainers[*].name}"
    found = output("kubectl", "--kubeconfig", cluster.kubeconfig(), *_NAMESPACE, "get", "deployment", name, shown)
    if found is None:
        raise Problem(f"no cluster {cluster.name()} runs {name}", "`make kind` first.", Exit.MISSING)
    image, *more = found.split()
    if _SOURCE in more:
        raise Problem(f"{name} is in development in the cluster", "`make kind` brings production back.", Exit.USAGE)
    if output("kubectl", "--kubeconfig", cluster.kubeconfig(), *_NAMESPACE, "get", "hpa", name) is not None:
        advice = f"`kubectl --namespace {cluster.NAMESPACE} delete hpa {name}` first."
        raise Problem(f"{name} is scaled by the cluster, and in development it is one pod", advice, Exit.USAGE)
    return image


def _objects(name: str, image: str) -> list[Any]:
    """Give a service's Deployment, and the settings that it names, as the overlay has them."""
    references = {manifests.NAMED + name: image}
    rendered = manifests.render("kind", references, *manifests.components(), tags=cluster.add_ons())
    return [
        one
        for one in yaml.safe_load_all(rendered)
        if (one["kind"] == "Deployment" and one["metadata"]["name"] == name)
        or (one["kind"] == "ConfigMap" and one["metadata"]["name"].startswith(f"{name}-"))
    ]


def _develop(name: str, production: list[Any], image: str) -> list[Any]:
    """Give the same objects with the service in development, its sources in a place that can be written to."""
    objects = deepcopy(production)
    deployment = next(one for one in objects if one["kind"] == "Deployment")["spec"]
    pod = deployment["template"]["spec"]
    (server,) = pod["containers"]
    deployment |= {"replicas": 1, "minReadySeconds": 0}
    pod["terminationGracePeriodSeconds"] = 5
    server["image"] = image
    # while a source has a syntax error nothing answers, and that is no reason for a restart
    for key in ("lifecycle", "livenessProbe", "startupProbe"):
        server.pop(key, None)
    server.setdefault("env", []).append({"name": "LOG_FORMAT", "value": "console"})
    folders = [str(path.relative_to(ROOT)) for path in dev.sources(name)]
    copy = {
        key: value
        for key, value in server.items()
        if key in {"image", "imagePullPolicy", "resources", "securityContext"}
    }
    pod["initContainers"] = [
        {
            "name": _SOURCE,
            **copy,
            "command": ["cp", "--recursive", "--parents", *folders, f"/{_SOURCE}"],
            "volumeMounts": [{"name": _SOURCE, "mountPath": f"/{_SOURCE}"}],
        }
    ]
    server["volumeMounts"] += [
        {"name": _SOURCE, "mountPath": f"/app/{folder}", "subPath": folder} for folder in folders
    ]
    pod["volumes"].append({"name": _SOURCE, "emptyDir": {"sizeLimit": "16Mi"}})
    return objects


def _pod(name: str) -> str:
    # by its name: of a Deployment's, kubectl takes one that is on its way out, too
    return str(cluster.pods(name)[-1]["metadata"]["name"])


def _send(name: str, paths: Iterable[Path]) -> None:
    """Bring files into the pod, and take out those that are no longer here."""
    found = sorted(set(paths))
    if not found:
        return
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as written:
        for path in found:
            if path.exists():
                written.add(path, path.relative_to(ROOT))
    gone = [str(path.relative_to(ROOT)) for path in found if not path.exists()]
    script = 'tar --extract --touch --no-same-permissions && rm --force -- "$@"'
    command = ["kubectl", "--kubeconfig", cluster.kubeconfig(), *_NAMESPACE, "exec", "--stdin", _pod(name)]
    done = subprocess.run(
        [*command, "--", "sh", "-c", script, "-", *gone], check=False, input=archive.getvalue(), capture_output=True
    )
    if done.returncode:
        # the next edit may find a pod again
        console.print(f"[red]not sent:[/] {done.stderr.decode().strip()}")
