"""What kube-score, kube-linter, Polaris and kubescape ask of manifests, by their own ids.

None of the four comes from a package index, so what they check is written here anew. A check that no mutant proves is
no check: each comes with changes to good manifests, and must complain after each of them.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from stagecraft.manifests import PRODUCTION_IMAGES
from stagecraft.project import service_names

Object = dict[str, Any]
Objects = list[Object]
Mutant = Callable[[Objects], None]
# A part of the objects: its things, each after its name.
Part = Callable[[Objects], Iterator[tuple[str, Object]]]

NAMESPACED = {
    "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "HTTPRoute", "NetworkPolicy", "PodDisruptionBudget",
    "RoleBinding", "Service", "ServiceAccount", "ServiceMonitor",
}  # fmt: skip
KINDS = NAMESPACED | {"APIService", "ClusterRole", "ClusterRoleBinding", "Namespace"}
# As bake names them, as the production overlay does, and the kind overlay's own.
OURS = {f"stagecraft/{name}" for name in service_names()} | {"metrics-server"}
OURS |= {image.get("newName", image["name"]) for image in yaml.safe_load(PRODUCTION_IMAGES.read_text())["images"]}


# Parts


def kinds(*names: str) -> Part:
    """Give the objects of some kinds."""
    return lambda objects: (
        (f"{item['kind']}/{item['metadata']['name']}", item) for item in objects if item["kind"] in names
    )


everything = kinds(*KINDS)


def workloads(objects: Objects) -> Iterator[tuple[str, Object]]:
    """Give what makes pods."""
    return ((name, item) for name, item in everything(objects) if "template" in item.get("spec", {}))


def pods(objects: Objects) -> Iterator[tuple[str, Object]]:
    """Give the pods' specs, each after what makes them."""
    return ((name, item["spec"]["template"]["spec"]) for name, item in workloads(objects))


def containers(objects: Objects) -> Iterator[tuple[str, Object]]:
    """Give the containers, each with the security context that it has with what it takes over from its pod."""
    for name, pod in pods(objects):
        for one in [*pod.get("initContainers", []), *pod["containers"]]:
            context = pod.get("securityContext", {}) | one.get("securityContext", {})
            yield f"{name}: {one['name']}", one | {"securityContext": context}


def contexts(objects: Objects) -> Iterator[tuple[str, Object]]:
    """Give the security contexts of the containers."""
    return ((name, one["securityContext"]) for name, one in containers(objects))


# Checks


@dataclass(frozen=True)
class Check:
    """What must hold of all objects together."""

    find: Callable[[Objects], Iterator[str]]
    """Gives a complaint for each object and field that is wrong."""
    ids: tuple[str, ...]
    """The upstream checks that it stands for, as tool/id."""
    mutants: tuple[Mutant, ...]
    """Changes of good objects, in place, each of which it must complain about."""


CHECKS: dict[str, Check] = {}


def check(*ids: str, mutants: Iterable[Mutant]) -> Callable[[Callable[[Objects], Iterator[str]]], None]:
    """Register a check that looks at several objects at once, and complains itself."""

    def register(find: Callable[[Objects], Iterator[str]]) -> None:
        CHECKS[find.__name__] = Check(find, ids, tuple(mutants))

    return register


def each(part: Part, field: str, *ids: str, mutants: Iterable[Mutant]) -> Callable[[Callable[[Object], bool]], None]:
    """Register a check that says of each thing by itself whether a field of it is good."""

    def register(good: Callable[[Object], bool]) -> None:
        def find(objects: Objects) -> Iterator[str]:
            return (f"{name}: {field}" for name, thing in part(objects) if not good(thing))

        CHECKS[good.__name__] = Check(find, ids, tuple(mutants))

    return register


# Mutants

OTHER = {"matchLabels": {"app.kubernetes.io/name": "other"}}


def merge(into: Any, patch: Any) -> Any:
    """Merge as RFC 7386 does: None removes."""
    if not isinstance(patch, dict):
        return patch
    old = into if isinstance(into, dict) else {}
    merged = old | {key: merge(old.get(key), value) for key, value in patch.items()}
    return {key: value for key, value in merged.items() if value is not None}


def change(kind: str, patch: Object, name: str = "") -> Mutant:
    """Merge a patch into the first object of a kind, or the one of that name."""

    def mutant(objects: Objects) -> None:
        named = ((index, item) for index, item in enumerate(objects) if item["kind"] == kind)
        index = next(index for index, item in named if name in {"", item["metadata"]["name"]})
        objects[index] = merge(objects[index], patch)

    return mutant


def deployment(patch: Object) -> Mutant:
    """Merge a patch into the spec of the first Deployment."""
    return change("Deployment", {"spec": patch})


def pod(patch: Object) -> Mutant:
    """Merge a patch into the pods of the first Deployment."""
    return deployment({"template": {"spec": patch}})


def context(patch: Object) -> Mutant:
    """Merge a patch into the security context of those pods, which is their containers' too."""
    return pod({"securityContext": patch})


def container(patch: Object) -> Mutant:
    """Merge a patch into the container of the first Deployment."""

    def mutant(objects: Objects) -> None:
        found = next(pods(objects))[1]["containers"]
        found[0] = merge(found[0], patch)

    return mutant


def own_context(patch: Object) -> Mutant:
    """Merge a patch into that container's own security context."""
    return container({"securityContext": patch})


def variable(**fields: Any) -> Mutant:
    """Give that container one variable."""
    return container({"env": [{"name": "A"} | fields]})


def add(kind: str, **fields: Any) -> Mutant:
    """Add an object."""
    return lambda objects: objects.append({"kind": kind, "metadata": {"name": "new"}} | fields)


def allow(resource: str, verb: str = "get") -> Mutant:
    """Add a role that allows a verb on a resource."""
    return add("ClusterRole", rules=[{"apiGroups": [""], "resources": [resource], "verbs": [verb]}])


def remove(kind: str) -> Mutant:
    """Remove all objects of a kind."""

    def mutant(objects: Objects) -> None:
        objects[:] = [item for item in objects if item["kind"] != kind]

    return mutant


# How objects belong together


def space(item: Object) -> str | None:
    """Give an object's namespace."""
    namespace: str | None = item["metadata"].get("namespace")
    return namespace


def labels(workload: Object) -> dict[str, str]:
    """Give the labels of a workload's pods."""
    return workload["spec"]["template"]["metadata"].get("labels") or {}


def selects(selector: Object, by: dict[str, str]) -> bool:
    """Tell whether a selector selects labels."""
    assert selector.keys() <= {"matchLabels"}, f"teach this function {sorted(selector)}"
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= by.items()


def selected(objects: Objects, by: Object, selector: Object) -> list[Object]:
    """Give the workloads in an object's namespace whose pods a selector of it selects."""
    return [item for _, item in workloads(objects) if space(item) == space(by) and selects(selector, labels(item))]


def scalers(objects: Objects, workload: Object) -> list[Object]:
    """Give what scales a workload."""
    wanted = {"apiVersion": workload["apiVersion"], "kind": workload["kind"], "name": workload["metadata"]["name"]}
    found = (item for _, item in kinds("HorizontalPodAutoscaler")(objects) if space(item) == space(workload))
    return [item for item in found if item["spec"]["scaleTargetRef"] == wanted]


def replicas(objects: Objects, workload: Object) -> int:
    """Give how many pods a workload has at least: where something scales it, that one's number."""
    counts: list[int] = [item["spec"].get("minReplicas", 1) for item in scalers(objects, workload)]
    fixed: int = workload["spec"].get("replicas", 1)
    return min(counts, default=fixed)


def ports(*containers: Object) -> set[str | int]:
    """Give the ports of containers by name and by number."""
    found = [port for one in containers for port in one.get("ports", [])]
    return {port["name"] for port in found if "name" in port} | {port["containerPort"] for port in found}


# Pods


@each(
    pods, "hostIPC, hostNetwork or hostPID",
    "kube-linter/host-ipc", "kube-linter/host-network", "kube-linter/host-pid",
    "polaris/hostIPCSet", "polaris/hostNetworkSet", "polaris/hostPIDSet", "kubescape/C-0038", "kubescape/C-0041",
    mutants=[pod({"hostIPC": True}), pod({"hostNetwork": True}), pod({"hostPID": True})],
)  # fmt: skip
def no_namespace_of_the_host(pod: Object) -> bool:
    return not (pod.get("hostIPC") or pod.get("hostNetwork") or pod.get("hostPID"))


@each(
    pods, "volumes", "kube-linter/docker-sock", "kube-linter/sensitive-host-mounts", "kube-linter/writable-host-mount",
    "polaris/hostPathSet", "kubescape/C-0045", "kubescape/C-0048",
    mutants=[pod({"volumes": [{"name": "socket", "hostPath": {"path": "/var/run/docker.sock"}}]})],
)  # fmt: skip
def no_folder_of_the_host(pod: Object) -> bool:
    return not any("hostPath" in volume for volume in pod.get("volumes", []))


@each(
    containers, "ports", "polaris/hostPortSet", "kubescape/C-0044",
    mutants=[container({"ports": [{"containerPort": 8000, "hostPort": 8000}]})],
)  # fmt: skip
def no_port_of_the_host(container: Object) -> bool:
    return not any("hostPort" in port for port in container.get("ports", []))


@each(containers, "volumeMounts", "kubescape/C-0058", mutants=[container({"volumeMounts": [{"subPath": "a"}]})])
def no_part_of_a_volume(container: Object) -> bool:
    return not any(mount.keys() & {"subPath", "subPathExpr"} for mount in container.get("volumeMounts", []))


@each(
    contexts, "privileged", "kube-linter/privileged-container", "kube-score/container-security-context-privileged",
    "polaris/runAsPrivileged", "polaris/hostProcess", "kubescape/C-0057",
    mutants=[own_context({"privileged": True}), context({"windowsOptions": {"hostProcess": True}})],
)  # fmt: skip
def not_privileged(context: Object) -> bool:
    return not (context.get("privileged") or context.get("windowsOptions", {}).get("hostProcess"))


@each(
    contexts, "allowPrivilegeEscalation",
    "kube-linter/privilege-escalation-container", "polaris/privilegeEscalationAllowed", "kubescape/C-0016",
    mutants=[own_context({"allowPrivilegeEscalation": None}), own_context({"allowPrivilegeEscalation": True})],
)  # fmt: skip
def no_escalation(context: Object) -> bool:
    return context.get("allowPrivilegeEscalation") is False


@each(
    contexts, "capabilities", "kube-linter/drop-net-raw-capability",
    "polaris/dangerousCapabilities", "polaris/insecureCapabilities", "kubescape/C-0046",
    mutants=[own_context({"capabilities": wrong}) for wrong in ({"drop": ["NET_RAW"]}, {"add": ["NET_ADMIN"]}, None)],
)  # fmt: skip
def no_capability(context: Object) -> bool:
    return bool(context.get("capabilities") == {"drop": ["ALL"]})


@each(
    contexts, "seccompProfile",
    "kube-score/container-seccomp-profile", "polaris/linuxHardening", "kubescape/C-0055",
    mutants=[context({"seccompProfile": wrong}) for wrong in ({"type": "Unconfined"}, None)],
)  # fmt: skip
def system_calls_are_filtered(context: Object) -> bool:
    return context.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"}


@each(
    contexts, "procMount", "kube-linter/unsafe-proc-mount", "polaris/procMount",
    mutants=[own_context({"procMount": "Unmasked"})],
)  # fmt: skip
def proc_is_masked(context: Object) -> bool:
    return bool(context.get("procMount", "Default") == "Default")


@each(
    contexts, "sysctls", "kube-linter/unsafe-sysctls",
    mutants=[context({"sysctls": [{"name": "net.core.somaxconn", "value": "1024"}]})],
)  # fmt: skip
def no_sysctl(context: Object) -> bool:
    return not context.get("sysctls")


@each(
    contexts, "readOnlyRootFilesystem",
    "kube-linter/no-read-only-root-fs", "kube-score/container-security-context-readonlyrootfilesystem",
    "polaris/notReadOnlyRootFilesystem", "kubescape/C-0017",
    mutants=[own_context({"readOnlyRootFilesystem": wrong}) for wrong in (False, None)],
)  # fmt: skip
def root_is_read_only(context: Object) -> bool:
    return context.get("readOnlyRootFilesystem") is True


@each(
    contexts, "runAsNonRoot", "kube-linter/run-as-non-root", "polaris/runAsRootAllowed", "kubescape/C-0013",
    mutants=[context({"runAsNonRoot": None}), own_context({"runAsNonRoot": False}), own_context({"runAsUser": 0})],
)  # fmt: skip
def never_root(context: Object) -> bool:
    return context.get("runAsNonRoot") is True and context.get("runAsUser") != 0


@each(
    contexts, "runAsUser and runAsGroup", "kube-score/container-security-context-user-group-id",
    mutants=[context({"runAsUser": 1000}), context({"runAsGroup": None})],
)  # fmt: skip
def its_ids_are_nobodys_on_the_host(context: Object) -> bool:
    return all(context.get(field, 0) > 10000 for field in ("runAsUser", "runAsGroup"))


@each(
    lambda objects: iter([*pods(objects), *kinds("ServiceAccount")(objects)]), "automountServiceAccountToken",
    "polaris/automountServiceAccountToken", "kubescape/C-0034",
    mutants=[
        pod({"automountServiceAccountToken": None}),
        change("ServiceAccount", {"automountServiceAccountToken": None}),
    ],
)  # fmt: skip
def no_token_is_mounted_unasked(holder: Object) -> bool:
    return holder.get("automountServiceAccountToken") is False


@check(
    "kube-linter/default-service-account", "kube-linter/deprecated-service-account-field",
    "kube-linter/non-existent-service-account",
    mutants=[
        pod({"serviceAccountName": "default"}), pod({"serviceAccountName": "nobody"}), pod({"serviceAccount": "echo"}),
        remove("ServiceAccount"),
    ],
)  # fmt: skip
def each_has_an_account_of_its_own(objects: Objects) -> Iterator[str]:
    accounts = {(space(item), item["metadata"]["name"]) for _, item in kinds("ServiceAccount")(objects)}
    for name, item in workloads(objects):
        spec = item["spec"]["template"]["spec"]
        if (space(item), spec.get("serviceAccountName")) not in accounts or "serviceAccount" in spec:
            yield f"{name}: serviceAccountName"


@each(
    containers, "image", "kube-score/container-image-tag", "kube-linter/latest-tag", "polaris/tagNotSpecified",
    mutants=[container({"image": wrong}) for wrong in ("stagecraft/echo", "stagecraft/echo:latest")],
)  # fmt: skip
def an_image_is_named_by_digest(container: Object) -> bool:
    return bool(re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", container["image"]))


@each(containers, "image", "kubescape/C-0078", mutants=[container({"image": f"elsewhere/echo@sha256:{'a' * 64}"})])
def an_image_is_ours(container: Object) -> bool:
    return container["image"].partition("@")[0] in OURS


@each(
    containers, "imagePullPolicy", "kube-score/container-image-pull-policy", "polaris/pullPolicyNotAlways",
    mutants=[container({"imagePullPolicy": wrong}) for wrong in ("IfNotPresent", None)],
)  # fmt: skip
def the_registry_is_asked_for_each_pod(container: Object) -> bool:
    return bool(container.get("imagePullPolicy") == "Always")


@each(
    containers, "resources",
    "kube-score/container-resources", "kube-linter/unset-cpu-requirements", "kube-linter/unset-memory-requirements",
    "polaris/cpuRequestsMissing", "polaris/cpuLimitsMissing", "polaris/memoryRequestsMissing",
    "polaris/memoryLimitsMissing", "kubescape/C-0270", "kubescape/C-0271",
    mutants=[
        container({"resources": {bound: {resource: None}}})
        for bound in ("requests", "limits") for resource in ("cpu", "memory")
    ],
)  # fmt: skip
def cpu_and_memory_are_requested_and_limited(container: Object) -> bool:
    return all({"cpu", "memory"} <= container["resources"].get(bound, {}).keys() for bound in ("requests", "limits"))


@each(
    containers, "resources", "kube-score/container-ephemeral-storage-request-and-limit",
    "kube-score/container-ephemeral-storage-request-equals-limit", "kube-score/container-memory-requests-equal-limits",
    mutants=[
        container({"resources": {"requests": {"ephemeral-storage": None}, "limits": {"ephemeral-storage": None}}}),
        container({"resources": {"limits": {"ephemeral-storage": "1Gi"}}}),
        container({"resources": {"limits": {"memory": "1Gi"}}}),
    ],
)  # fmt: skip
def what_cannot_be_taken_back_is_requested_in_full(container: Object) -> bool:
    requests, limits = container["resources"]["requests"], container["resources"]["limits"]
    return all(requests.get(one) == limits.get(one, "") for one in ("memory", "ephemeral-storage"))


@each(
    containers, "probes", "kube-score/pod-probes", "kube-linter/no-liveness-probe", "kube-linter/no-readiness-probe",
    "polaris/livenessProbeMissing", "polaris/readinessProbeMissing",
    mutants=[container({"livenessProbe": None}), container({"readinessProbe": None})],
)  # fmt: skip
def it_is_probed(container: Object) -> bool:
    return {"livenessProbe", "readinessProbe"} <= container.keys()


@each(
    containers, "livenessProbe", "kube-score/pod-probes-identical",
    mutants=[container({"livenessProbe": {"httpGet": {"path": "/readyz"}}})],
)  # fmt: skip
def life_is_not_readiness(container: Object) -> bool:
    return bool(container["livenessProbe"]["httpGet"] != container["readinessProbe"]["httpGet"])


@each(
    containers, "probes", "kube-linter/liveness-port", "kube-linter/readiness-port", "kube-linter/startup-port",
    mutants=[
        container({f"{probe}Probe": {"httpGet": {"port": "elsewhere"}}})
        for probe in ("liveness", "readiness", "startup")
    ],
)  # fmt: skip
def probes_ask_a_port_that_is_there(container: Object) -> bool:
    probes = [value for key, value in container.items() if key.endswith("Probe")]
    return all(probe["httpGet"]["port"] in ports(container) for probe in probes)


@each(
    containers, "env", "kube-score/environment-variable-key-duplication", "kube-linter/duplicate-env-var",
    mutants=[container({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]})],
)  # fmt: skip
def a_variable_is_set_once(container: Object) -> bool:
    variables = container.get("env", [])
    return len({variable["name"] for variable in variables}) == len(variables)


SECRET = re.compile(r"(?i)password|token|bearer|secret|credential|api_?key|^azure_.+key$|key_content|private key-")


@each(
    containers, "env and envFrom", "kube-linter/env-var-secret", "kube-linter/read-secret-from-env-var",
    "polaris/sensitiveContainerEnvVar", "kubescape/C-0012", "kubescape/C-0207",
    mutants=[
        variable(name="DATABASE_PASSWORD", value="1"),
        variable(value="-----BEGIN PRIVATE KEY-----"),
        variable(valueFrom={"secretKeyRef": {"name": "a", "key": "a"}}),
        container({"envFrom": [{"secretRef": {"name": "a"}}]}),
    ],
)  # fmt: skip
def no_secret_in_a_variable(container: Object) -> bool:
    sources = [*container.get("envFrom", []), *(one.get("valueFrom", {}) for one in container.get("env", []))]
    values = [f"{one['name']}\n{one.get('value')}" for one in container.get("env", [])]
    return not any({"secretRef", "secretKeyRef"} & one.keys() for one in sources) and not any(
        map(SECRET.search, values)
    )


@each(
    kinds("ConfigMap"), "data", "polaris/sensitiveConfigmapContent", "kubescape/C-0012",
    mutants=[
        change("ConfigMap", {"data": wrong}) for wrong in ({"API_TOKEN": "1"}, {"A": "-----BEGIN RSA PRIVATE KEY-----"})
    ],
)  # fmt: skip
def no_secret_in_settings(settings: Object) -> bool:
    return not any(SECRET.search(f"{key}\n{value}") for key, value in settings["data"].items())


@check(
    "kube-linter/env-value-from",
    mutants=[
        container({"envFrom": [{"configMapRef": {"name": "nothing"}}]}),
        variable(valueFrom={"configMapKeyRef": {"name": "nothing", "key": "a"}}),
        remove("ConfigMap"),
    ],
)  # fmt: skip
def settings_are_there(objects: Objects) -> Iterator[str]:
    known = {item["metadata"]["name"] for _, item in kinds("ConfigMap")(objects)}
    for name, one in containers(objects):
        sources = [*one.get("envFrom", []), *(variable.get("valueFrom", {}) for variable in one.get("env", []))]
        references = [source[key] for source in sources for key in source if key.startswith("configMap")]
        yield from (f"{name}: {reference}" for reference in references if reference["name"] not in known)


@each(
    containers, "ports", "kube-linter/ssh-port", "kube-linter/privileged-ports",
    mutants=[container({"ports": [{"containerPort": wrong}]}) for wrong in (22, 80)],
)  # fmt: skip
def no_port_needs_a_privilege(container: Object) -> bool:
    return all(port["containerPort"] > 1024 for port in container.get("ports", []))


PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")


@each(
    containers, "ports", "kube-score/container-ports-check", "kube-linter/invalid-target-ports",
    mutants=[
        container({"ports": [{"containerPort": 8000}]}),
        container({"ports": [{"containerPort": 8000, "name": "NotAName"}]}),
        container({"ports": [{"containerPort": 8000 + more, "name": "http"} for more in (0, 1)]}),
    ],
)  # fmt: skip
def ports_have_names_of_their_own(container: Object) -> bool:
    names = [port.get("name", "") for port in container["ports"]]
    return all(map(PORT_NAME.fullmatch, names)) and len(ports(container)) == 2 * len(names)


# Deployments


@check(
    # Polaris wants spec.replicas even where kube-score forbids it, beside a scaler: the scaler's number counts.
    "kube-score/deployment-replicas", "polaris/deploymentMissingReplicas",
    mutants=[change("HorizontalPodAutoscaler", {"spec": {"minReplicas": 1}}), remove("HorizontalPodAutoscaler")],
)  # fmt: skip
def one_pod_is_not_enough(objects: Objects) -> Iterator[str]:
    yield from (f"{name}: replicas" for name, item in workloads(objects) if replicas(objects, item) < 2)


@check(
    "kube-linter/minimum-three-replicas",
    mutants=[change("HorizontalPodAutoscaler", {"spec": {"minReplicas": 2}}), remove("HorizontalPodAutoscaler")],
)
def two_are_left_while_one_is_drained(objects: Objects) -> Iterator[str]:
    yield from (f"{name}: replicas" for name, item in workloads(objects) if replicas(objects, item) < 3)


@each(
    workloads, "strategy", "kube-score/deployment-strategy", "kube-linter/no-rolling-update-strategy",
    mutants=[deployment({"strategy": wrong}) for wrong in ({"type": "Recreate"}, None)],
)  # fmt: skip
def new_pods_come_before_old_ones_go(workload: Object) -> bool:
    return bool(workload["spec"].get("strategy", {}).get("type") == "RollingUpdate")


@each(
    workloads, "selector",
    "kube-score/deployment-pod-selector-labels-match-template-metadata-labels", "kube-linter/mismatching-selector",
    mutants=[deployment({"selector": OTHER}), deployment({"selector": {"matchLabels": None}})],
)  # fmt: skip
def it_selects_its_own_pods(workload: Object) -> bool:
    selector = workload["spec"]["selector"]
    return bool(selector.get("matchLabels")) and selects(selector, labels(workload))


@each(
    workloads, "podAntiAffinity", "kube-score/deployment-has-host-podantiaffinity", "kube-linter/no-anti-affinity",
    mutants=[pod({"affinity": None}), deployment({"template": {"metadata": {"labels": None}}})],
)  # fmt: skip
def its_pods_keep_apart(workload: Object) -> bool:
    apart = workload["spec"]["template"]["spec"].get("affinity", {}).get("podAntiAffinity", {})
    terms = [one["podAffinityTerm"] for one in apart.get("preferredDuringSchedulingIgnoredDuringExecution", [])]
    hosts = [term for term in terms if term["topologyKey"] == "kubernetes.io/hostname"]
    return any(selects(term["labelSelector"], labels(workload)) for term in hosts)


@each(
    pods, "topologySpreadConstraints", "kube-score/pod-topology-spread-constraints", "polaris/topologySpreadConstraint",
    mutants=[pod({"topologySpreadConstraints": wrong}) for wrong in (None, [{"maxSkew": 1, "labelSelector": {}}])],
)  # fmt: skip
def pods_are_spread(pod: Object) -> bool:
    needed = {"maxSkew", "topologyKey", "whenUnsatisfiable", "labelSelector"}
    spread = pod.get("topologySpreadConstraints", [])
    return bool(spread) and all(needed <= one.keys() for one in spread)


@each(
    pods, "restartPolicy", "kube-linter/restart-policy",
    mutants=[pod({"restartPolicy": wrong}) for wrong in ("Never", None)],
)  # fmt: skip
def what_ends_starts_again(pod: Object) -> bool:
    return pod.get("restartPolicy") in {"Always", "OnFailure"}


@each(
    workloads, "app.kubernetes.io/instance", "polaris/metadataAndInstanceMismatched",
    mutants=[
        change("Deployment", {"metadata": {"labels": {"app.kubernetes.io/instance": wrong}}})
        for wrong in ("other", None)
    ],
)  # fmt: skip
def its_instance_is_its_name(workload: Object) -> bool:
    metadata = workload["metadata"]
    return bool(metadata["labels"].get("app.kubernetes.io/instance") == metadata["name"])


@check(
    "kube-score/deployment-has-poddisruptionbudget", "polaris/missingPodDisruptionBudget",
    mutants=[
        remove("PodDisruptionBudget"),
        change("PodDisruptionBudget", {"spec": {"selector": OTHER}}),
    ],
)  # fmt: skip
def a_drain_waits_for_each(objects: Objects) -> Iterator[str]:
    budgets = [item for _, item in kinds("PodDisruptionBudget")(objects)]
    waited_for = [one for item in budgets for one in selected(objects, item, item["spec"]["selector"])]
    yield from (f"{name}: no PodDisruptionBudget" for name, item in workloads(objects) if item not in waited_for)


@check(
    "kube-score/poddisruptionbudget-has-policy", "kube-linter/pdb-max-unavailable", "kube-linter/pdb-min-available",
    "polaris/pdbDisruptionsIsZero", "polaris/pdbMinAvailableGreaterThanHPAMinReplicas",
    mutants=[
        change("PodDisruptionBudget", {"spec": {"maxUnavailable": most, "minAvailable": least}})
        for most, least in ((None, None), (0, None), ("0%", None), (None, 3), (None, "100%"))
    ],
)  # fmt: skip
def a_drain_gets_done(objects: Objects) -> Iterator[str]:
    for name, item in kinds("PodDisruptionBudget")(objects):
        most, least = (item["spec"].get(bound) for bound in ("maxUnavailable", "minAvailable"))
        fewest = min((replicas(objects, one) for one in selected(objects, item, item["spec"]["selector"])), default=0)
        if (most, least) == (None, None) or most in {0, "0%"} or least in {*range(fewest, 100), "100%"}:
            yield f"{name}: maxUnavailable or minAvailable"


@each(
    kinds("PodDisruptionBudget"), "unhealthyPodEvictionPolicy", "kube-linter/pdb-unhealthy-pod-eviction-policy",
    mutants=[change("PodDisruptionBudget", {"spec": {"unhealthyPodEvictionPolicy": None}})],
)  # fmt: skip
def an_ill_pod_holds_up_no_drain(budget: Object) -> bool:
    return bool(budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow")


@check(
    "kube-score/horizontalpodautoscaler-has-target", "kube-linter/dangling-horizontalpodautoscaler",
    mutants=[change("HorizontalPodAutoscaler", {"spec": {"scaleTargetRef": {"name": "nothing"}}})],
)  # fmt: skip
def a_scaler_scales_something(objects: Objects) -> Iterator[str]:
    useful = [scaler for _, item in workloads(objects) for scaler in scalers(objects, item)]
    for name, item in kinds("HorizontalPodAutoscaler")(objects):
        if item not in useful:
            yield f"{name}: scaleTargetRef"


@each(
    kinds("HorizontalPodAutoscaler"), "minReplicas and maxReplicas",
    "kube-score/horizontalpodautoscaler-replicas", "kube-linter/hpa-minimum-three-replicas",
    "polaris/hpaMinAvailability", "polaris/hpaMaxAvailability",
    mutants=[
        change("HorizontalPodAutoscaler", {"spec": wrong})
        for wrong in ({"minReplicas": 2}, {"minReplicas": None}, {"maxReplicas": 3})
    ],
)  # fmt: skip
def a_scaler_has_three_and_room(scaler: Object) -> bool:
    return bool(3 <= scaler["spec"].get("minReplicas", 1) < scaler["spec"]["maxReplicas"])


@check("kube-score/deployment-targeted-by-hpa-does-not-have-replicas-configured", mutants=[deployment({"replicas": 3})])
def two_never_set_one_number(objects: Objects) -> Iterator[str]:
    for name, item in workloads(objects):
        if scalers(objects, item) and "replicas" in item["spec"]:
            yield f"{name}: replicas"


# The network


@check(
    "kube-score/pod-networkpolicy", "kube-linter/non-isolated-pod", "polaris/missingNetworkPolicy",
    "kubescape/C-0030", "kubescape/C-0260",
    mutants=[remove("NetworkPolicy"), change("NetworkPolicy", {"spec": {"policyTypes": ["Ingress"]}}, "deny-all")],
)  # fmt: skip
def each_pod_is_closed_both_ways(objects: Objects) -> Iterator[str]:
    for way in ("Ingress", "Egress"):
        policies = [item for _, item in kinds("NetworkPolicy")(objects) if way in item["spec"].get("policyTypes", [])]
        closed = [one for item in policies for one in selected(objects, item, item["spec"]["podSelector"])]
        yield from (f"{name}: no NetworkPolicy for {way}" for name, item in workloads(objects) if item not in closed)


@check("kubescape/C-0054", mutants=[change("NetworkPolicy", {"spec": {"podSelector": OTHER}}, "deny-all")])
def each_namespace_is_closed(objects: Objects) -> Iterator[str]:
    closed = {space(item) for _, item in kinds("NetworkPolicy")(objects) if item["spec"]["podSelector"] == {}}
    yield from (f"{name}: its namespace" for name, item in workloads(objects) if space(item) not in closed)


@check(
    "kube-score/networkpolicy-targets-pod", "kube-linter/dangling-networkpolicy",
    mutants=[change("NetworkPolicy", {"spec": {"podSelector": OTHER}})],
)  # fmt: skip
def a_policy_is_for_some_pod(objects: Objects) -> Iterator[str]:
    for name, item in kinds("NetworkPolicy")(objects):
        if not selected(objects, item, item["spec"]["podSelector"]):
            yield f"{name}: podSelector"


@check(
    "kube-linter/dangling-networkpolicypeer-podselector",
    mutants=[
        change("NetworkPolicy", {"spec": {way: [{end: [{"podSelector": OTHER}]}]}})
        for way, end in (("ingress", "from"), ("egress", "to"))
    ],
)
def an_edge_has_two_ends(objects: Objects) -> Iterator[str]:
    for name, item in kinds("NetworkPolicy")(objects):
        rules = [*item["spec"].get("ingress", []), *item["spec"].get("egress", [])]
        for peer in [one for rule in rules for one in [*rule.get("from", []), *rule.get("to", [])]]:
            if peer.keys() == {"podSelector"} and not selected(objects, item, peer["podSelector"]):
                yield f"{name}: {peer}"


@check(
    "kube-score/service-targets-pod", "kube-linter/dangling-service", "kube-linter/invalid-target-ports",
    mutants=[
        change("Service", {"spec": {"selector": {"app.kubernetes.io/name": "other"}}}),
        change("Service", {"spec": {"ports": [{"port": 8000, "targetPort": "elsewhere"}]}}),
    ],
)  # fmt: skip
def a_service_leads_to_pods(objects: Objects) -> Iterator[str]:
    for name, item in kinds("Service")(objects):
        targets = selected(objects, item, {"matchLabels": item["spec"]["selector"]})
        open_ports = [ports(*target["spec"]["template"]["spec"]["containers"]) for target in targets]
        wanted = {port["targetPort"] for port in item["spec"]["ports"]}
        if not targets or not all(wanted <= there for there in open_ports):
            yield f"{name}: selector and ports"


@each(
    kinds("Service"), "type", "kube-score/service-type", "kube-linter/exposed-services",
    mutants=[change("Service", {"spec": {"type": wrong}}) for wrong in ("NodePort", "LoadBalancer")],
)  # fmt: skip
def a_service_is_for_the_cluster(service: Object) -> bool:
    return bool(service["spec"].get("type", "ClusterIP") == "ClusterIP")


@check(
    "kube-linter/dangling-servicemonitor",
    mutants=[
        change("ServiceMonitor", {"spec": {"selector": OTHER}}),
        change("ServiceMonitor", {"spec": {"endpoints": [{"port": "elsewhere"}]}}),
    ],
)  # fmt: skip
def a_monitor_finds_what_it_scrapes(objects: Objects) -> Iterator[str]:
    for name, item in kinds("ServiceMonitor")(objects):
        near = [one for _, one in kinds("Service")(objects) if space(one) == space(item)]
        found = [one["spec"] for one in near if selects(item["spec"]["selector"], one["metadata"]["labels"])]
        wanted = {endpoint["port"] for endpoint in item["spec"]["endpoints"]}
        if not found or not all(wanted <= {port["name"] for port in spec["ports"]} for spec in found):
            yield f"{name}: selector and endpoints"


@check(
    # The first two look at an Ingress, whose place an HTTPRoute takes here.
    "kube-score/ingress-targets-service", "kube-linter/dangling-ingress", "polaris/httpRouteCrossNamespaceBackendRef",
    mutants=[
        change("HTTPRoute", {"spec": {"rules": [{"backendRefs": [{"name": "echo", "port": 8000} | wrong]}]}})
        for wrong in ({"name": "nothing"}, {"port": 1}, {"namespace": "elsewhere"})
    ],
)  # fmt: skip
def a_route_leads_to_a_service(objects: Objects) -> Iterator[str]:
    found = [item for _, item in kinds("Service")(objects)]
    known = {(space(one), one["metadata"]["name"], port["port"]) for one in found for port in one["spec"]["ports"]}
    for name, item in kinds("HTTPRoute")(objects):
        for end in [one for rule in item["spec"]["rules"] for one in rule["backendRefs"]]:
            if "namespace" in end or (space(item), end["name"], end["port"]) not in known:
                yield f"{name}: {end}"


@each(
    kinds("HTTPRoute"), "hostnames", "polaris/httpRouteWildcardOrEmptyHost",
    mutants=[change("HTTPRoute", {"spec": {"hostnames": wrong}}) for wrong in (None, [], ["*.example.com"])],
)  # fmt: skip
def a_route_is_for_its_own_host(route: Object) -> bool:
    hosts = route["spec"].get("hostnames")
    return bool(hosts) and not any("*" in host for host in hosts)


# All objects


@each(
    everything, "labels", "kube-score/label-values",
    mutants=[
        change("Service", {"metadata": {"labels": {"a": "no value"}}}),
        deployment({"template": {"metadata": {"labels": {"a": "a" * 64}}}}),
    ],
)  # fmt: skip
def labels_are_labels(item: Object) -> bool:
    label = re.compile(r"(?=.{0,63}$)([A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?)?")
    found = item["metadata"].get("labels", {}) | (labels(item) if "template" in item.get("spec", {}) else {})
    return all(map(label.fullmatch, found.values()))


@each(
    everything, "apiVersion", "kube-score/stable-version", "kube-linter/no-extensions-v1beta",
    mutants=[change("Deployment", {"apiVersion": wrong}) for wrong in ("extensions/v1beta1", "apps/v1beta2")],
)  # fmt: skip
def versions_are_here_to_stay(item: Object) -> bool:
    return bool(re.fullmatch(r"([a-z0-9.]+/)?v\d+", item["apiVersion"]))


@each(
    kinds(*NAMESPACED), "namespace", "kube-linter/use-namespace",
    mutants=[change("Service", {"metadata": {"namespace": wrong}}) for wrong in ("default", None)],
)  # fmt: skip
def nothing_is_in_the_default_namespace(item: Object) -> bool:
    return space(item) not in {None, "default"}


PSA = "pod-security.kubernetes.io"


@check(
    # Pod Security admission is what the policies that the control is named after have become.
    "kubescape/C-0068",
    mutants=[
        remove("Namespace"),
        *(
            change("Namespace", {"metadata": {"labels": {f"{PSA}/{key}": value}}})
            for mode in ("enforce", "audit", "warn")
            for key, value in ((mode, "baseline"), (f"{mode}-version", "latest"), (f"{mode}-version", None))
        ),
    ],
)  # fmt: skip
def each_namespace_refuses_what_is_not_restricted(objects: Objects) -> Iterator[str]:
    known = {item["metadata"]["name"]: item["metadata"]["labels"] for _, item in kinds("Namespace")(objects)}
    for name, item in workloads(objects):
        of_its_own = known.get(space(item), {})
        for mode in ("enforce", "audit", "warn"):
            pinned = re.fullmatch(r"v1\.\d+", of_its_own.get(f"{PSA}/{mode}-version", ""))
            if of_its_own.get(f"{PSA}/{mode}") != "restricted" or not pinned:
                yield f"{name}: {PSA}/{mode} of its namespace"


# Roles


@each(
    kinds("Role", "ClusterRole"), "rules", "kube-linter/wildcard-in-rules",
    mutants=[allow("*"), allow("nodes", verb="*")],
)  # fmt: skip
def a_role_names_what_it_allows(role: Object) -> bool:
    return not any("*" in words for rule in role["rules"] for words in rule.values())


@each(
    kinds("Role", "ClusterRole"), "rules",
    "kube-linter/access-to-secrets", "kube-linter/access-to-create-pods", "kubescape/C-0002",
    "polaris/clusterrolePodExecAttach", "polaris/rolePodExecAttach", "polaris/clusterrolebindingPodExecAttach",
    "polaris/rolebindingClusterRolePodExecAttach", "polaris/rolebindingRolePodExecAttach",
    mutants=[
        allow("secrets"), allow("pods/exec", verb="create"), allow("pods/attach"),
        allow("pods", verb="create"), allow("deployments", verb="create"),
    ],
)  # fmt: skip
def no_role_leads_into_a_pod(role: Object) -> bool:
    closed = {"secrets", "pods/exec", "pods/attach"}
    makers = {"pods", "deployments", "statefulsets", "replicasets", "daemonsets", "jobs", "cronjobs"}
    rules = [(set(rule.get("resources", [])), rule["verbs"]) for rule in role["rules"]]
    return not any(resources & (closed | makers if "create" in verbs else closed) for resources, verbs in rules)


@each(
    kinds("RoleBinding", "ClusterRoleBinding"), "roleRef",
    "kube-linter/cluster-admin-role-binding", "kubescape/C-0035", "polaris/clusterrolebindingClusterAdmin",
    "polaris/rolebindingClusterAdminClusterRole", "polaris/rolebindingClusterAdminRole",
    mutants=[
        add(kind, roleRef={"kind": role, "name": "cluster-admin"})
        for kind, role in (
            ("ClusterRoleBinding", "ClusterRole"), ("RoleBinding", "ClusterRole"), ("RoleBinding", "Role"),
        )
    ],
)  # fmt: skip
def nobody_is_an_administrator(binding: Object) -> bool:
    return binding["roleRef"]["name"] not in {"cluster-admin", "admin", "edit"}


UPSTREAM = {
    # README_CHECKS.md of kube-score
    "kube-score": """
        container-cpu-requests-equal-limits container-ephemeral-storage-request-and-limit
        container-ephemeral-storage-request-equals-limit container-image-pull-policy container-image-tag
        container-memory-requests-equal-limits container-ports-check container-resource-requests-equal-limits
        container-resources container-seccomp-profile container-security-context-privileged
        container-security-context-readonlyrootfilesystem container-security-context-user-group-id
        cronjob-has-deadline cronjob-restartpolicy deployment-has-host-podantiaffinity
        deployment-has-poddisruptionbudget deployment-pod-selector-labels-match-template-metadata-labels
        deployment-replicas deployment-strategy deployment-targeted-by-hpa-does-not-have-replicas-configured
        environment-variable-key-duplication horizontalpodautoscaler-has-target horizontalpodautoscaler-replicas
        ingress-targets-service label-values networkpolicy-targets-pod pod-networkpolicy pod-probes pod-probes-identical
        pod-topology-spread-constraints poddisruptionbudget-has-policy service-targets-pod service-type stable-version
        statefulset-has-host-podantiaffinity statefulset-has-poddisruptionbudget statefulset-has-servicename
        statefulset-pod-selector-labels-match-template-metadata-labels
    """,
    # docs/generated/checks.md of kube-linter
    "kube-linter": """
        access-to-create-pods access-to-secrets cluster-admin-role-binding dangling-horizontalpodautoscaler
        dangling-ingress dangling-networkpolicy dangling-networkpolicypeer-podselector dangling-service
        dangling-servicemonitor default-service-account deprecated-service-account-field dnsconfig-options docker-sock
        drop-net-raw-capability duplicate-env-var env-value-from env-var-secret exposed-services host-ipc host-network
        host-pid hpa-minimum-three-replicas invalid-target-ports job-ttl-seconds-after-finished latest-tag liveness-port
        minimum-three-replicas mismatching-selector no-anti-affinity no-extensions-v1beta no-liveness-probe
        no-node-affinity no-read-only-root-fs no-readiness-probe no-rolling-update-strategy non-existent-service-account
        non-isolated-pod pdb-max-unavailable pdb-min-available pdb-unhealthy-pod-eviction-policy priority-class-name
        privilege-escalation-container privileged-container privileged-ports read-secret-from-env-var readiness-port
        required-annotation-email required-label-owner restart-policy run-as-non-root scc-deny-privileged-container
        schema-validation sensitive-host-mounts sorted-keys ssh-port startup-port unsafe-proc-mount unsafe-sysctls
        unset-cpu-requirements unset-memory-requirements use-namespace wildcard-in-rules writable-host-mount
    """,
    # pkg/config/default.yaml of Polaris
    "polaris": """
        automountServiceAccountToken clusterrolePodExecAttach clusterrolebindingClusterAdmin
        clusterrolebindingPodExecAttach cpuLimitsMissing cpuRequestsMissing dangerousCapabilities
        deploymentMissingReplicas gatewayAllowedRoutesAll gatewayCrossNamespaceCertificateRef
        gatewayInsecureFrontendValidation gatewayTLSMissing hostIPCSet hostNetworkSet hostPIDSet hostPathSet hostPortSet
        hostProcess hpaMaxAvailability hpaMinAvailability httpRouteBackendTLSMissing httpRouteCrossNamespaceBackendRef
        httpRouteInsecureListener httpRouteWildcardOrEmptyHost insecureCapabilities
        kgatewayBackendTLSVerificationDisabled linuxHardening livenessProbeMissing memoryLimitsMissing
        memoryRequestsMissing metadataAndInstanceMismatched missingNetworkPolicy missingPodDisruptionBudget
        notReadOnlyRootFilesystem pdbDisruptionsIsZero pdbMinAvailableGreaterThanHPAMinReplicas priorityClassNotSet
        privilegeEscalationAllowed procMount pullPolicyNotAlways readinessProbeMissing rolePodExecAttach
        rolebindingClusterAdminClusterRole rolebindingClusterAdminRole rolebindingClusterRolePodExecAttach
        rolebindingRolePodExecAttach runAsPrivileged runAsRootAllowed sensitiveConfigmapContent
        sensitiveContainerEnvVar tagNotSpecified tlsSettingsMissing topologySpreadConstraint
    """,
    # frameworks/nsaframework.json of kubescape's regolibrary; the last line: what workloadscan.json adds
    "kubescape": """
        C-0002 C-0005 C-0012 C-0013 C-0016 C-0017 C-0030 C-0034 C-0035 C-0038 C-0041 C-0044 C-0046 C-0054 C-0055 C-0057
        C-0058 C-0059 C-0066 C-0067 C-0068 C-0069 C-0070 C-0270 C-0271 C-0292
        C-0045 C-0048 C-0078 C-0207 C-0260
    """,
}
IDS = {f"{tool}/{name}" for tool, names in UPSTREAM.items() for name in names.split()}

# Kinds that are not here, and what would look at them.
ABSENT = {
    "StatefulSet": """
        kube-score/statefulset-has-host-podantiaffinity kube-score/statefulset-has-poddisruptionbudget
        kube-score/statefulset-has-servicename kube-score/statefulset-pod-selector-labels-match-template-metadata-labels
    """,
    "CronJob": "kube-score/cronjob-has-deadline kube-score/cronjob-restartpolicy",
    "Job": "kube-linter/job-ttl-seconds-after-finished",
    "SecurityContextConstraints": "kube-linter/scc-deny-privileged-container",
    # C-0059 and C-0292 are of the ingress-nginx controller.
    "Ingress": "polaris/tlsSettingsMissing kubescape/C-0059 kubescape/C-0292",
    # The Gateway, its listeners and its certificates are the cluster's.
    "Gateway": """
        polaris/gatewayAllowedRoutesAll polaris/gatewayCrossNamespaceCertificateRef polaris/gatewayTLSMissing
        polaris/gatewayInsecureFrontendValidation polaris/httpRouteInsecureListener
    """,
    "BackendConfigPolicy": "polaris/kgatewayBackendTLSVerificationDisabled",
}
NOT_APPLICABLE = {name: f"there is no {kind}" for kind, names in ABSENT.items() for name in names.split()} | {
    "kube-linter/schema-validation": "test_scanners.py validates, by the schemas of four versions",
    "kube-linter/dnsconfig-options": "names here are the cluster's own, and those the default of ndots is made for",
    "kube-linter/no-node-affinity": "any node will do",
    "kube-linter/priority-class-name": "the two classes it allows are for what the cluster itself cannot do without",
    "polaris/priorityClassNotSet": "a priority ranks all that runs in a cluster: whoever runs the cluster sets it",
    "kube-linter/required-annotation-email": "nobody can be named before someone deploys this",
    "kube-linter/required-label-owner": "nobody can be named before someone deploys this",
    "kube-linter/sorted-keys": "apiVersion, kind, metadata, spec is the order that people read",
    "kube-score/container-cpu-requests-equal-limits": "a start takes more CPU than serving: the limit leaves room",
    "kube-score/container-resource-requests-equal-limits": "as CPU; memory and storage are equal, which is checked",
    "polaris/httpRouteBackendTLSMissing": "TLS ends at the Gateway; behind it network policies say who reaches whom",
    "kubescape/C-0005": "no API server has had an insecure port for years",
    "kubescape/C-0066": "the API server's own settings, and there are no Secrets here",
    "kubescape/C-0067": "the API server's own settings",
    "kubescape/C-0069": "the kubelet's own settings; kubeadm, and so kind, sets them right",
    "kubescape/C-0070": "the kubelet's own settings; kubeadm, and so kind, sets them right",
}

SERVERS = {*service_names(), "metrics-server"}
# What one machine's cluster does otherwise, on purpose: by overlay and check, exactly these complaints.
EXCEPTIONS: dict[str, dict[str, set[str]]] = {
    "kind": {
        # `make kind` publishes each service on a port of this machine; kind has no other way in.
        "a_service_is_for_the_cluster": {f"Service/{name}-published: type" for name in service_names()},
        # Images are loaded into the nodes, and may be in no registry.
        "the_registry_is_asked_for_each_pod": {f"Deployment/{name}: server: imagePullPolicy" for name in SERVERS},
        # Two show a rollout and a drain; a third would take memory of a machine that fails as one.
        "two_are_left_while_one_is_drained": {f"Deployment/{name}: replicas" for name in SERVERS},
    },
    "kind+autoscaling": {
        # The scaler has three of each service.
        "two_are_left_while_one_is_drained": {"Deployment/metrics-server: replicas"},
    },
}


def exceptions(variant: str, name: str) -> set[str]:
    """Give the complaints that a check makes about a variant on purpose: its own, or else its overlay's."""
    allowed: dict[str, set[str]] = {}
    for known, checks in EXCEPTIONS.items():
        if variant.startswith(known):
            allowed |= checks
    return allowed.get(name, set())


@pytest.mark.parametrize("name", CHECKS)
def test_every_variant_passes(objects: Objects, variant: str, name: str) -> None:
    """Nothing is complained about but what is an exception, and no exception is out of date."""
    assert set(CHECKS[name].find(objects)) == exceptions(variant, name)


@pytest.mark.parametrize(
    ("name", "mutant"),
    [
        pytest.param(name, mutant, id=f"{name}-{number}")
        for name, one in CHECKS.items()
        for number, mutant in enumerate(one.mutants)
    ],
)
def test_a_check_refuses_its_mutants(production: Objects, name: str, mutant: Mutant) -> None:
    """It lets the good pass, and complains after the one change."""
    assert list(CHECKS[name].find(production)) == []
    mutant(production)

    assert list(CHECKS[name].find(production))


def test_no_check_goes_without_a_mutant() -> None:
    """What is never seen to complain may look at nothing."""
    assert [name for name, one in CHECKS.items() if not one.mutants] == []


def test_every_upstream_check_is_here_or_does_not_apply() -> None:
    """The four tools' lists are covered, each id once: by checks, or by a reason why not."""
    checked = {name for one in CHECKS.values() for name in one.ids}

    assert checked | NOT_APPLICABLE.keys() == IDS
    assert checked & NOT_APPLICABLE.keys() == set()
    assert all(NOT_APPLICABLE.values())


def test_every_kind_is_known(objects: Objects) -> None:
    """No kind comes in that no check looks at, nor one for which checks are said not to apply."""
    assert {item["kind"] for item in objects} <= KINDS
    assert KINDS & ABSENT.keys() == set()
