"""What building health's front end takes, and what of it ships."""

from stagecraft.shell import quiet

SIZES = (
    "import pathlib; print(sum(one.stat().st_size for one in pathlib.Path('.venv/share').rglob('*') if one.is_file()))"
)
OF_STAGE = {"Node and npm": "/frontend/.venv", "TypeScript and esbuild": "/frontend/node_modules"}


def measure() -> dict[str, float]:
    """Build the stage and the image; give megabytes by what they are of."""
    images = {stage: f"stagecraft/bench:health-{stage}" for stage in ("frontend", "production")}
    for stage, image in images.items():
        quiet("docker", "build", "--target", stage, "--build-arg", "SERVICE=health", "--tag", image, ".")
    stage = quiet(
        "docker", "run", "--rm", images["frontend"], "du", "--summarize", "--block-size=1", *OF_STAGE.values()
    )
    found = dict(zip(OF_STAGE, (int(line.split()[0]) for line in stage.splitlines()), strict=True))
    found["what ships"] = int(quiet("docker", "run", "--rm", images["production"], "python", "-c", SIZES))
    quiet("docker", "rmi", *images.values())
    return {name: size / 1e6 for name, size in found.items()}


def table(found: dict[str, float]) -> str:
    """Give the table."""
    lines = ["| | MB |", "|---|---:|"]
    lines += [f"| {name} | {size:.3f} |" if size < 1 else f"| {name} | {size:.0f} |" for name, size in found.items()]
    return "\n".join(lines)
