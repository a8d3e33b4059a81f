"""One service under development in the cluster, its siblings as they were."""

from pathlib import Path
from typing import Any

from stagecraft import cluster
from stagecraft.project import ROOT

APP = Path("services/echo/src/echo/app.py")


def names(pods: Any, service: str) -> list[str]:
    """Give the uids of a service's pods."""
    return [pod["metadata"]["uid"] for pod in pods(service)]


def image(get: Any) -> str:
    """Give the image that echo's Deployment has."""
    return str(get("deployment", "echo")["spec"]["template"]["spec"]["containers"][0]["image"])


def test_an_edit_is_in_the_cluster_s_answers(
    *, copy: Path, terminal: Any, run: Any, pods: Any, get: Any, until: Any
) -> None:
    """Through the published port; afterwards production is back, and no sibling's pod is another."""
    kubeconfig = copy / Path(cluster.kubeconfig()).relative_to(ROOT)
    kubeconfig.parent.mkdir(parents=True)
    kubeconfig.write_text(Path(cluster.kubeconfig()).read_text())
    url = next(service.url for service in cluster.published() if service.name == "echo")
    production, siblings = image(get), names(pods, "health")

    shown = terminal(copy, "make", "dev-kind", "SERVICE=echo")
    shown.wait_for("Ctrl-C brings production back", seconds=240)
    text = (copy / APP).read_text()
    for description in ("Edited once.", "Edited again."):
        (copy / APP).write_text(text.replace("Tells what reaches it.", description))
        until(lambda said=description: said in run("curl", "--silent", f"{url}/openapi.json", code=None).stdout)
    shown.wait_for(r"echo +\| .*detected changes in .*app\.py")
    (pod,) = pods("echo")
    assert pod["spec"]["containers"][0]["image"] != production
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert names(pods, "health") == siblings

    shown.press_ctrl_c()

    assert image(get) == production
    assert "initContainers" not in get("deployment", "echo")["spec"]["template"]["spec"]
    until(lambda: {one["spec"]["containers"][0]["image"] for one in pods("echo")} == {production})
    assert names(pods, "health") == siblings
