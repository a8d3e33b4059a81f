"""The commands: `stagecraft --help`."""

import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from stagecraft import (
    affected,
    apt,
    bake,
    builder,
    bundle,
    cluster,
    compose,
    dev,
    dev_kind,
    doctor,
    engine,
    graph,
    host,
    inspection,
    manifests,
    new,
    node_image,
    ports,
    python_image,
    registry,
    sbom,
    signing,
    smoke,
    soak,
    sync,
    timeline,
    unit,
)
from stagecraft.bench import report
from stagecraft.console import Steps, console, errors
from stagecraft.inspection import terminal
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT, USER_CACHE, chosen, service_names, services
from stagecraft.shell import output

app = typer.Typer(
    add_completion=True,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    epilog="Exit codes: 0 done; 1 a build, test or smoke case failed; 2 a wrong command or variable;"
    " 3 the machine lacks something; 4 a port is taken.",
)


NEXT = """\
Try next:
  export KUBECONFIG={kubeconfig} PATH=$PWD/.venv/bin:$PATH
  kubectl get pods --output wide --label-columns app.kubernetes.io/version
  kubectl logs --selector app.kubernetes.io/name=echo --prefix --follow
  kubectl rollout restart deployment/echo
  kubectl top pods
  kubectl delete pod --selector app.kubernetes.io/name=echo --wait=false
`make kind-down` removes the cluster."""


class Engine(StrEnum):
    """What runs the services."""

    DOCKER = "docker"
    NONE = "none"


EngineOption = Annotated[
    Engine, typer.Option("--engine", envvar="ENGINE", help="docker: containers; none: processes of this machine.")
]


@app.command(rich_help_panel="Run", epilog="Example: `stagecraft up --engine none`")
def up(engine_name: EngineOption = Engine.DOCKER) -> None:
    """Build and start every service, curl every endpoint, print the URLs."""
    published = services()
    running = compose.running() | host.running()
    ports.check([service for service in published if running.get(service.name) != service.port], "make up")
    python_image.selected()
    apt.ensure("curl", "curl")
    steps = Steps()
    if engine_name is Engine.DOCKER:
        with steps.step("engine"):
            engine.ensure()
        with steps.step("Python image"):
            python_image.ensure()
        with steps.step("build"):
            bake.build("production")
        host.down()
        with steps.step("start"):
            compose.up()
    else:
        with steps.step("install and start"):
            if engine.version():
                compose.down()
            host.up()
    with steps.step("smoke"):
        _smoke({service.name: service.url for service in published})
    console.print(steps.table())
    for service in published:
        console.print(f"{service.name:8} {service.url}  ({service.url}/docs)")
    console.print("`make down` stops them.")


ServicesOption = Annotated[
    list[str] | None,
    typer.Option("--service", envvar="SERVICE", help="Of these alone; a blank between two in SERVICE."),
]
ServiceOption = Annotated[str, typer.Option("--service", envvar="SERVICE", help="The service's name.")]


@app.command(name="dev", rich_help_panel="Develop", epilog="Example: `stagecraft dev --service echo --debug`")
def dev_command(
    service: ServicesOption = None,
    engine_name: EngineOption = Engine.DOCKER,
    *,
    poll: Annotated[bool, typer.Option("--poll", envvar="POLL", help="For mounts that tell of no edit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", envvar="DEBUG", help="Let debuggers attach.")] = False,
) -> None:
    """Have every service reload on an edit and print its lines, until Ctrl-C."""
    dev.loop(chosen(service), containers=engine_name is Engine.DOCKER, poll=poll, debug=debug)


@app.command(name="dev-kind", rich_help_panel="Develop", epilog="Example: `stagecraft dev-kind --service echo`")
def dev_kind_command(service: ServiceOption) -> None:
    """Have one service in the kind cluster reload on an edit, until Ctrl-C brings production back."""
    dev_kind.loop(chosen([service])[0])


@app.command(rich_help_panel="Develop")
def frontend(service: ServicesOption = None) -> None:
    """Bundle front ends anew for services that were installed without an engine; a page shows it when loaded again."""
    for name in chosen(service):
        host.bundle(name)


@app.command(rich_help_panel="Develop", epilog="Example: `stagecraft logs --service echo --service health`")
def logs(service: ServicesOption = None) -> None:
    """Print the services' last lines and those to come, whatever runs them, until Ctrl-C."""
    dev.follow(chosen(service))


@app.command(rich_help_panel="Develop", epilog="Example: `stagecraft shell --service echo`")
def shell(service: ServiceOption) -> None:
    """Open a shell where a service is developed."""
    dev.shell(*chosen([service]))


@app.command(rich_help_panel="Develop", epilog="Example: `stagecraft add --service echo --package 'orjson>=3'`")
def add(
    service: ServiceOption,
    package: Annotated[
        list[str],
        typer.Option(envvar="PACKAGE", help="Such as httpx or 'httpx>=0.28'; a blank between two in PACKAGE."),
    ],
) -> None:
    """Add packages to what a service depends on, and to where it is developed now."""
    dev.add(chosen([service])[0], package)


def _smoke(addresses: dict[str, str]) -> None:
    results = {name: smoke.try_service(name, url) for name, url in addresses.items()}
    console.print(smoke.table(results))
    if failed := smoke.failures(results):
        raise Problem(f"{len(failed)} smoke cases failed", "\n".join(failed))
    console.print(f"{sum(map(len, results.values()))} smoke cases passed")


@app.command(
    name="smoke", rich_help_panel="Run", epilog="Example: `stagecraft smoke --base-url echo=https://echo.example.com`"
)
def smoke_command(
    base_url: Annotated[
        list[str] | None,
        typer.Option(envvar="BASE_URL", help="echo=http://host:port, once a service; a blank between two in BASE_URL."),
    ] = None,
) -> None:
    """Curl every endpoint of the services that run here, or of those at BASE_URL."""
    apt.ensure("curl", "curl")
    if base_url:
        _smoke(dict(_address(pair) for pair in base_url))
    else:
        _smoke({service.name: service.url for service in services()})


def _address(pair: str) -> tuple[str, str]:
    name, _, url = pair.partition("=")
    if name not in service_names() or not url.startswith(("http://", "https://")):
        raise Problem(
            f"{pair!r} is no service's address",
            f"Write NAME=URL, NAME being one of {', '.join(service_names())}.",
            Exit.USAGE,
        )
    return name, url.rstrip("/")


@app.command(rich_help_panel="Run", epilog='Example: `COMPONENTS="hardened autoscaling" stagecraft kind`')
def kind(
    *, verify: Annotated[bool, typer.Option("--verify", envvar="VERIFY", help="Deploy only what is signed.")] = False
) -> None:
    """Deploy every service to a kind cluster and curl every endpoint; what is missing is found or made."""
    published = cluster.published()
    more = manifests.components()
    cluster.size()
    wanted = [] if cluster.members() else list(published)
    if not registry.runs():
        wanted.append(registry.published())
    ports.check(wanted, "make kind")
    python_image.selected()
    apt.ensure("curl", "curl")
    steps = Steps()
    with steps.step("engine"):
        engine.ensure()
    if not bundle.here():
        with steps.step("Python image"):
            python_image.ensure()
    with steps.step("programs"):
        cluster.kind()
        registry.crane()
    with steps.step("node image"):
        image = node_image.ensure()
    if not bundle.here():
        with steps.step("build"):
            bake.build(manifests.group())
    with steps.step("cluster"):
        cluster.ensure(image)
    with steps.step("push"):
        references = cluster.load(manifests.group())
    if verify:
        with steps.step("verify"):
            signing.verify([*references.values()])
    with steps.step("apply"):
        cluster.apply(manifests.render("kind", references, *more, tags=cluster.add_ons()))
    with steps.step("rollout"):
        cluster.wait(f"deployment/{service.name}" for service in published)
    with steps.step("smoke"):
        _smoke({service.name: service.url for service in published})
    console.print(steps.table())
    for service in published:
        console.print(f"{service.name:8} {service.url}  ({service.url}/docs)")
    console.print(NEXT.format(kubeconfig=cluster.kubeconfig_shown()))


@app.command(name="kind-down", rich_help_panel="Run")
def kind_down() -> None:
    """Remove the kind cluster and its kubeconfig."""
    console.print(f"removed the cluster {cluster.name()}" if cluster.delete() else "there was no cluster")


@app.command(
    name="release-manifests",
    rich_help_panel="Deliver",
    epilog="Example: `REGISTRY=registry.example.com/team/ VERSION=1.2.0 stagecraft release-manifests`",
)
def release_manifests() -> None:
    """Write the production overlay's digests from the built images, and dist/stagecraft.yaml to `kubectl apply -f`."""
    engine.ensure()
    manifests.release()
    console.print(f"wrote {manifests.RELEASE.relative_to(ROOT)}")


@app.command(name="sbom", rich_help_panel="Deliver")
def sbom_command() -> None:
    """Write what each built image holds, as CycloneDX under dist/sbom."""
    engine.ensure()
    for path in sbom.write(manifests.group()):
        console.print(f"wrote {path.relative_to(ROOT)}")


@app.command(name="sign-key", rich_help_panel="Deliver")
def sign_key() -> None:
    """Make a pair of keys under .keys, the private one encrypted by COSIGN_PASSWORD."""
    signing.generate()
    console.print(f"wrote {signing.PRIVATE.relative_to(ROOT)} and {signing.PUBLIC.relative_to(ROOT)}")


@app.command(rich_help_panel="Deliver")
def sign() -> None:
    """Sign the built images by digest, and what they hold, in REGISTRY or this machine's own registry."""
    engine.ensure()
    for reference in signing.sign(manifests.group()):
        console.print(f"signed {reference}", soft_wrap=True)


@app.command(rich_help_panel="Deliver", epilog="Example: `stagecraft verify registry.example.com/team/echo:1.2.0`")
def verify(
    images: Annotated[
        list[str] | None, typer.Argument(envvar="IMAGE", help="In a registry, by tag or digest; none: the built ones.")
    ] = None,
) -> None:
    """Verify the signatures of images, and of what they hold."""
    engine.ensure()
    wanted = images or [*signing.references(manifests.group()).values()]
    signing.verify(wanted)
    for reference in wanted:
        console.print(f"verified {reference}", soft_wrap=True)


@app.command(name="bundle", rich_help_panel="Deliver", epilog="Example: `stagecraft bundle && ls dist`")
def bundle_command() -> None:
    """Write all that another machine needs to bring the cluster up without a network."""
    if bundle.here():
        raise Problem("this is a bundle already", code=Exit.USAGE)
    python_image.prepare()
    bake.build(manifests.group())
    bundle.make()


@app.command(rich_help_panel="Deliver")
def load() -> None:
    """In an unpacked bundle, bring its images into the engine."""
    engine.ensure()
    bundle.load()


@app.command(name="soak", rich_help_panel="Check", epilog="Example: `stagecraft soak --rollouts 5 --requests 10000`")
def soak_command(
    wanted_rollouts: Annotated[int, typer.Option("--rollouts", help="How many at least.")] = 50,
    wanted_requests: Annotated[int, typer.Option("--requests", help="How many at least.")] = 1_000_000,
) -> None:
    """Roll out, drain and delete in the kind cluster while clients ask without retries; print what was lost."""
    soak.run(wanted_rollouts, wanted_requests)


@app.command(rich_help_panel="Run")
def down() -> None:
    """Stop every service, containers and processes alike."""
    stopped = compose.running() | host.running()
    host.down()
    if engine.version():
        compose.down()
    console.print(f"stopped {', '.join(sorted(stopped))}" if stopped else "nothing was running")


@app.command(rich_help_panel="Run")
def clean() -> None:
    """Stop every service and the cluster, and remove all images, stand-ins and environments that were made here."""
    down()
    host.clean()
    if engine.version():
        kind_down()
        registry.down()
        builder.delete()
        made = _made()
        for image in made:
            output("docker", "rmi", "--force", image)
        kept = _made()
        console.print(f"removed {', '.join(name for name in made if name not in kept) or 'no image'}")
        if kept:
            raise Problem(f"{', '.join(kept)} can't be removed", "A container uses it: `docker ps --all`.")
        console.print("The engine and its build cache stay: `docker builder prune` empties the cache.")
    if USER_CACHE.exists():
        console.print(f"So do the programs of a cluster, which take minutes to compile: `rm -r {USER_CACHE}`.")


def _made() -> list[str]:
    """Give every image that was made here: by its name, or by its id where it has none, or one without a tag."""
    # what was pushed keeps its digest's name when its tag goes
    shown = '{{if or (eq .Repository "<none>") (eq .Tag "<none>")}}{{.ID}}{{else}}{{.Repository}}:{{.Tag}}{{end}}'
    listed = output("docker", "images", "--filter", "label=dev.stagecraft.image", "--format", shown)
    return [*dict.fromkeys((listed or "").split()), *python_image.stand_ins(), *node_image.stand_ins()]


@app.command(
    rich_help_panel="Build", epilog="Example: `stagecraft build -- base echo-production --set '*.platform=linux/arm64'`"
)
def build(
    targets: Annotated[list[str] | None, typer.Argument(help="bake's targets and groups, and its options.")] = None,
) -> None:
    """Build images by docker-bake.hcl, after preparing the engine and the Python image."""
    python_image.prepare()
    bake.build(*(targets or []))


@app.command(name="builder", rich_help_panel="Build")
def builder_command() -> None:
    """Have a builder that can attest, and keep caches in a registry; print the variables to build by it."""
    with redirect_stdout(sys.stderr):
        python_image.prepare()
        builder.ensure()
        python = builder.python()
    sys.stdout.write(f"export BUILDX_BUILDER={builder.NAME}\n")
    if python:
        sys.stdout.write(f"export PYTHON_IMAGE={python}\n")


@app.command(
    name="test-service", rich_help_panel="Check", epilog="Example: `stagecraft test-service echo --engine none`"
)
def service_tests(
    names: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="All where none is named.")] = None,
    engine_name: EngineOption = Engine.DOCKER,
) -> None:
    """Run services' own tests, each service in its own environment; reports are in dist/test/."""
    wanted = chosen(names)
    if engine_name is Engine.DOCKER:
        python_image.prepare()
    failed = []
    for service in wanted:
        # one after another: what fails in one ends no other
        try:
            (unit.in_engine if engine_name is Engine.DOCKER else unit.here)(service)
        except Problem as problem:
            failed.append(f"{service}: {problem}")
        else:
            unit.tell(service)
    if failed:
        raise Problem(f"tests of {len(failed)} of {len(wanted)} services failed", "\n".join(failed))


@app.command(rich_help_panel="Build", epilog="Example: `stagecraft plan echo-test`")
def plan(
    targets: Annotated[list[str] | None, typer.Argument(help="bake's targets and groups.")] = None,
) -> None:
    """Print bake's plan as `build` would run it; it needs no engine, only buildx."""
    sys.stdout.write(bake.plan(*(targets or [])) + "\n")


@app.command(name="new", rich_help_panel="Services", epilog="Example: `stagecraft new greeter`")
def new_command(name: Annotated[str, typer.Argument(help="One word, such as greeter.")]) -> None:
    """Make a service from the template, with all that builds, runs, deploys and tests it."""
    for line in new.new(name):
        console.print(line)
    console.print(new.NEXT.format(name=name))


@app.command(name="sync", rich_help_panel="Services", epilog="Example: `rm -r services/greeter && stagecraft sync`")
def sync_command(
    *, check: Annotated[bool, typer.Option("--check", help="Change nothing; fail where they disagree.")] = False
) -> None:
    """Make every list of services agree with the folders under services/."""
    if check:
        sync.check()
    else:
        console.print("\n".join(sync.run()) or "nothing to do")


@app.command(
    name="affected",
    rich_help_panel="Build",
    epilog="Example: `docker buildx bake $(stagecraft affected --base origin/main --targets)`",
)
def affected_command(
    base: Annotated[
        str, typer.Option(envvar="BASE", help="What the change is to be merged into; 40 zeros: every service.")
    ] = "",
    *,
    as_targets: Annotated[
        bool, typer.Option("--targets", help="For bake: base, and what tests and ships each.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a matrix.")] = False,
    why: Annotated[bool, typer.Option("--why", help="With what touches each.")] = False,
) -> None:
    """Print the services that a change touches, committed or not, since it left BASE: origin/main, or main."""
    found = affected.services(base)
    names = affected.targets(found) if as_targets else list(found)
    if as_json:
        sys.stdout.write(json.dumps(found if why else names) + "\n")
    elif why:
        for name, reasons in found.items():
            sys.stdout.write("\n  ".join([name, *reasons]) + "\n")
    else:
        sys.stdout.writelines(f"{name}\n" for name in names)


@app.command(name="inspect", rich_help_panel="Look", epilog="Example: `stagecraft inspect --service echo --html`")
def inspect_command(
    images: Annotated[
        list[str] | None, typer.Argument(envvar="IMAGE", help="Any images of the engine; several are compared.")
    ] = None,
    service: Annotated[str, typer.Option(envvar="SERVICE", help="The service whose image it is.")] = "echo",
    stage: Annotated[str, typer.Option(envvar="STAGE", help="One whose image bake keeps.")] = "production",
    *,
    html: Annotated[bool, typer.Option("--html", envvar="HTML", help="A page under dist/inspect.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Show what is in a service's image, or in any other: sizes, packages, settings, what scanners find."""
    with redirect_stdout(sys.stderr):
        engine.ensure()
        wanted = [*map(inspection.any_image, images or [])] or [inspection.of_service(service, stage)]
        reports = [*map(inspection.inspect, wanted)]
    if html:
        path = inspection.write_page(reports, "-".join(image.file for image in wanted))
        console.print(f"wrote {path.relative_to(ROOT)}")
    elif as_json:
        sys.stdout.write(json.dumps([asdict(one) for one in reports], indent=2) + "\n")
    else:
        terminal.show(reports)


@app.command(name="engine", rich_help_panel="Build")
def engine_command() -> None:
    """Have a Docker engine and the Python image: those that are here, or installed, pulled or made."""
    python_image.selected()
    apt.ensure("curl", "curl")
    engine.ensure()
    python_image.ensure()


@app.command(name="doctor", rich_help_panel="Look", epilog="Example: `stagecraft doctor --json | jq .`")
def doctor_command(*, as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False) -> None:
    """Show what this machine has, what each is for and what to do about the rest; 0 when `up` would work."""
    found = doctor.findings()
    if as_json:
        sys.stdout.write(json.dumps(doctor.as_json(found), indent=2) + "\n")
    else:
        console.print(doctor.table(found))
    if not all(finding.ok for finding in found):
        raise typer.Exit(Exit.MISSING)


@app.command(name="bench", rich_help_panel="Check", epilog="Example: `stagecraft bench images builds`")
def bench_command(
    parts: Annotated[list[str] | None, typer.Argument(help="Which parts; none: all.")] = None,
) -> None:
    """Measure what the documents claim, and write the figures into them."""
    report.run(parts or [])


@app.command(name="graph", rich_help_panel="Check")
def graph_command() -> None:
    """Draw the stage graph, the timeline of a pod's end and the report of `bench` into docs/."""
    for path, text in (graph.pictures() | timeline.pictures() | report.documents()).items():
        path.write_text(text)


def main() -> None:
    """Run a command; a problem is told in two parts and gives its exit code."""
    try:
        app(standalone_mode=True)
    except Problem as problem:
        errors.print(f"[red bold]stagecraft:[/] {escape(str(problem))}")
        if problem.advice:
            errors.print(problem.advice, markup=False)
        raise SystemExit(problem.code) from None
